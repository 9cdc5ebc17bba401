/* SPDX-License-Identifier: Apache-2.0 */
/* For whom a document is (claim.h). */
#include "exchange/claim.h"

#include "base/json_writer.h"
#include "base/text.h"
#include "trust/layout.h"

static enum hm_rc read_id(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                          const char **ret_id)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    HM_TRY(hm_layout_check_id(text, err));
    copy = hm_arena_strdup(arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_id = copy;
    return HM_OK;
}

static enum hm_rc read_identity(struct hm_json *json, struct hm_err *err, struct hm_claim *claim)
{
    bool has_digest = false;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "version")) {
            HM_TRY(hm_json_int(json, err, &claim->identity_version));
        } else if (hm_bytes_is_str(key, "sha256")) {
            HM_TRY(hm_json_string(json, err, &text));
            if (hm_text_unhex(text, claim->identity_sha256.bytes, HM_SHA256_SIZE) != HM_OK)
                return hm_fail(err, HM_EFORMAT, "\"sha256\" is not 64 hexadecimal digits");
            has_digest = true;
        } else {
            HM_TRY(hm_json_skip(json, err, NULL));
        }
    }
    if (!has_digest || claim->identity_version < 1)
        return hm_fail(err, HM_EFORMAT, "\"identity\" lacks its version (from 1 on) or sha256");
    return HM_OK;
}

static enum hm_rc read_claim(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                             struct hm_claim *claim)
{
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return hm_json_end(json, err);
        if (hm_bytes_is_str(key, "site"))
            HM_TRY(read_id(json, arena, err, &claim->site));
        else if (hm_bytes_is_str(key, "maker"))
            HM_TRY(read_id(json, arena, err, &claim->maker));
        else if (hm_bytes_is_str(key, "identity"))
            HM_TRY(read_identity(json, err, claim));
        else
            HM_TRY(hm_json_skip(json, err, NULL));
    }
}

enum hm_rc hm_claim_parse(struct hm_bytes x_hallmark, struct hm_arena *arena, struct hm_err *err,
                          struct hm_claim *ret_claim)
{
    struct hm_claim claim = {0};
    struct hm_json json;
    enum hm_rc rc;

    if (x_hallmark.size > 0) {
        hm_json_init(&json, x_hallmark, arena);
        rc = read_claim(&json, arena, err, &claim);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "\"x-hallmark\"");
    }
    *ret_claim = claim;
    return HM_OK;
}

enum hm_rc hm_claim_write(const struct hm_claim *claim, struct hm_err *err, struct hm_buf *ret_json)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    if (claim->identity_version > 0) {
        hm_json_writer_key(&writer, "identity");
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key(&writer, "sha256");
        hm_json_writer_hex(&writer, hm_bytes_make(claim->identity_sha256.bytes, HM_SHA256_SIZE));
        hm_json_writer_key_int(&writer, "version", claim->identity_version);
        hm_json_writer_object_end(&writer);
    }
    if (claim->maker != NULL)
        hm_json_writer_key_str(&writer, "maker", claim->maker);
    if (claim->product != NULL)
        hm_json_writer_key_str(&writer, "product", claim->product);
    if (claim->site != NULL)
        hm_json_writer_key_str(&writer, "site", claim->site);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}
