/* SPDX-License-Identifier: Apache-2.0 */
/* The members that all TUF documents have, and facts about files (TUF 1.0.34 section 4). */
#include "tuf/document.h"

#include <inttypes.h>

#include "base/text.h"
#include "base/time.h"

#define SPEC_VERSION "1.0.34"

/* "1.N" or "1.N.N": minor versions are compatible by promise of the specification. */
static bool is_spec_version_known(struct hm_bytes text)
{
    size_t dots = 0;
    bool digit = false;

    if (!hm_bytes_has_prefix(text, HM_BYTES_LITERAL("1.")))
        return false;
    for (size_t i = 1; i < text.size; i++) {
        bool is_dot = text.data[i] == '.';

        if (is_dot ? (++dots > 2 || (i > 1 && !digit)) : text.data[i] < '0' || text.data[i] > '9')
            return false;
        digit = !is_dot;
    }
    return digit;
}

static enum hm_rc read_type(struct hm_json *json, const char *type, struct hm_err *err)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (!hm_bytes_is_str(text, type))
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"_type\" is '%.*s' where '%s' belongs",
                          HM_BYTES_FMT(text), type);
    return HM_OK;
}

static enum hm_rc read_spec_version(struct hm_json *json, struct hm_err *err)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (!is_spec_version_known(text))
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"spec_version\" '%.*s' is not 1.x: a newer program may read it",
                          HM_BYTES_FMT(text));
    return HM_OK;
}

static enum hm_rc read_version(struct hm_json *json, struct hm_err *err, int64_t *ret_version)
{
    int64_t version;

    HM_TRY(hm_json_int(json, err, &version));
    if (version < 1)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"version\" %" PRId64 " is below 1",
                          version);
    *ret_version = version;
    return HM_OK;
}

static enum hm_rc read_expires(struct hm_json *json, struct hm_err *err, int64_t *ret_unix_s)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_time_parse(text, ret_unix_s) != HM_OK)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"expires\" '%.*s' is not a time like 2030-01-01T00:00:00Z",
                          HM_BYTES_FMT(text));
    return HM_OK;
}

static enum hm_rc read_x_hallmark(struct hm_json *json, struct hm_err *err,
                                  struct hm_bytes *ret_span)
{
    enum hm_json_kind kind;

    HM_TRY(hm_json_peek(json, err, &kind));
    if (kind != HM_JSON_OBJECT)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"x-hallmark\" is no object");
    return hm_json_skip(json, err, ret_span);
}

enum hm_rc hm_document_member(struct hm_json *json, const char *type, struct hm_bytes key,
                              struct hm_err *err, struct hm_document *document,
                              struct hm_document_seen *seen, bool *ret_known)
{
    bool known = true;

    if (hm_bytes_is_str(key, "_type")) {
        HM_TRY(read_type(json, type, err));
        seen->type = true;
    } else if (hm_bytes_is_str(key, "spec_version")) {
        HM_TRY(read_spec_version(json, err));
        seen->spec_version = true;
    } else if (hm_bytes_is_str(key, "version")) {
        HM_TRY(read_version(json, err, &document->version));
        seen->version = true;
    } else if (hm_bytes_is_str(key, "expires")) {
        HM_TRY(read_expires(json, err, &document->expires_unix_s));
        seen->expires = true;
    } else if (hm_bytes_is_str(key, "x-hallmark")) {
        HM_TRY(read_x_hallmark(json, err, &document->x_hallmark));
        seen->x_hallmark = true;
    } else {
        known = false;
    }
    *ret_known = known;
    return HM_OK;
}

enum hm_rc hm_document_complete(const char *type, const struct hm_document_seen *seen,
                                struct hm_err *err)
{
    const char *missing = !seen->type           ? "_type"
                          : !seen->spec_version ? "spec_version"
                          : !seen->version      ? "version"
                          : !seen->expires      ? "expires"
                                                : NULL;

    if (missing != NULL)
        return hm_fail(err, HM_EFORMAT, "\"%s\" is missing in a document of type '%s'", missing,
                       type);
    return HM_OK;
}

void hm_document_write(const struct hm_document *document, const char *type,
                       struct hm_json_writer *writer)
{
    hm_json_writer_key_str(writer, "_type", type);
    hm_json_writer_key(writer, "expires");
    hm_json_writer_time(writer, document->expires_unix_s);
    hm_json_writer_key_str(writer, "spec_version", SPEC_VERSION);
    hm_json_writer_key_int(writer, "version", document->version);
    if (document->x_hallmark.size > 0) {
        hm_json_writer_key(writer, "x-hallmark");
        hm_json_writer_raw(writer, document->x_hallmark);
    }
}

static enum hm_rc read_hash(struct hm_json *json, struct hm_err *err, uint8_t *ret_bytes,
                            size_t size)
{
    struct hm_bytes hex;

    HM_TRY(hm_json_string(json, err, &hex));
    if (hex.size != 2 * size || hm_text_unhex(hex, ret_bytes, size) != HM_OK)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "a hash is not %zu hexadecimal digits",
                          2 * size);
    return HM_OK;
}

enum hm_rc hm_document_parse_hashes(struct hm_json *json, struct hm_err *err,
                                    struct hm_file_facts *facts)
{
    struct hm_bytes key, skipped;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "sha256")) {
            HM_TRY(read_hash(json, err, facts->sha256.bytes, HM_SHA256_SIZE));
            facts->has_sha256 = true;
        } else if (hm_bytes_is_str(key, "sha512")) {
            struct hm_sha512 *sha512 = hm_arena_alloc(json->arena, 1, sizeof(*sha512));

            if (sha512 == NULL)
                return hm_error_nomem(err);
            HM_TRY(read_hash(json, err, sha512->bytes, HM_SHA512_SIZE));
            facts->sha512 = sha512;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    if (!facts->has_sha256 && facts->sha512 == NULL)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"hashes\" has neither \"sha256\" nor \"sha512\"");
    return HM_OK;
}

void hm_document_write_hashes(const struct hm_file_facts *facts, struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    if (facts->has_sha256) {
        hm_json_writer_key(writer, "sha256");
        hm_json_writer_hex(writer, hm_bytes_make(facts->sha256.bytes, HM_SHA256_SIZE));
    }
    if (facts->sha512 != NULL) {
        hm_json_writer_key(writer, "sha512");
        hm_json_writer_hex(writer, hm_bytes_make(facts->sha512->bytes, HM_SHA512_SIZE));
    }
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_document_copy_facts(struct hm_arena *arena, const struct hm_file_facts *facts,
                                  struct hm_err *err, struct hm_file_facts *ret_facts)
{
    struct hm_file_facts copy = *facts;

    if (facts->sha512 != NULL) {
        struct hm_sha512 *sha512 = hm_arena_alloc(arena, 1, sizeof(*sha512));

        if (sha512 == NULL)
            return hm_error_nomem(err);
        *sha512 = *facts->sha512;
        copy.sha512 = sha512;
    }
    *ret_facts = copy;
    return HM_OK;
}

enum hm_rc hm_document_check_facts(const struct hm_file_facts *facts, struct hm_bytes bytes,
                                   const char *what, struct hm_err *err)
{
    if (facts->has_length && facts->length != bytes.size)
        return hm_fail(err, HM_EMISMATCH, "'%s': %zu bytes where %" PRIu64 " were signed for", what,
                       bytes.size, facts->length);
    if (facts->has_sha256) {
        struct hm_sha256 sha256;

        HM_TRY(hm_digest_sha256(bytes, err, &sha256));
        if (!hm_digest_is_equal(&sha256, &facts->sha256))
            return hm_fail(err, HM_EMISMATCH, "'%s': its SHA-256 is not the one signed for", what);
    }
    if (facts->sha512 != NULL) {
        struct hm_sha512 sha512;

        HM_TRY(hm_digest_sha512(bytes, err, &sha512));
        if (memcmp(sha512.bytes, facts->sha512->bytes, HM_SHA512_SIZE) != 0)
            return hm_fail(err, HM_EMISMATCH, "'%s': its SHA-512 is not the one signed for", what);
    }
    return HM_OK;
}

enum hm_rc hm_document_check_expiry(const struct hm_document *document, int64_t now_unix_s,
                                    const char *what, struct hm_err *err)
{
    char text[HM_TIME_TEXT_SIZE];

    if (document->expires_unix_s > now_unix_s)
        return HM_OK;
    hm_time_format(document->expires_unix_s, text);
    return hm_fail(err, HM_EEXPIRED,
                   "'%s': expired %s; the site must renew it, or this clock is wrong", what, text);
}
