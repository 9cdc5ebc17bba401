/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures carried back from a signer (docs/formats.md 5). */
#include "exchange/signatures.h"

#include "base/json_writer.h"
#include "base/text.h"
#include "exchange/role.h"
#include "trust/layout.h"

#define SCHEMA "hallmark/signatures/1"

/* ---- reading ------------------------------------------------------------------------------- */

static enum hm_rc read_text(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                            const char **ret_text)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    copy = hm_arena_strdup(arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

/* A name that will stand in messages and file names: checked here, once. */
static enum hm_rc read_id(struct hm_json *json, struct hm_arena *arena, const char *member,
                          struct hm_err *err, const char **ret_id)
{
    const char *id = NULL;
    enum hm_rc rc;

    HM_TRY(read_text(json, arena, err, &id));
    rc = hm_layout_check_id(hm_bytes_str(id), err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "signatures file: \"%s\"", member);
    *ret_id = id;
    return HM_OK;
}

static enum hm_rc check_item(const struct hm_detached *item, bool has_digest, struct hm_err *err)
{
    enum hm_role_kind kind;

    if (item->role == NULL || item->version == 0 || !has_digest || item->keyid == NULL ||
        item->sig_hex == NULL)
        return hm_fail(err, HM_EFORMAT,
                       "signatures file: a signature lacks one of role, version, sha256, keyid, "
                       "sig");
    HM_TRY(hm_role_parse(hm_bytes_str(item->role), err, &kind));
    if (item->version < 1)
        return hm_fail(err, HM_EFORMAT, "signatures file: role '%s': version is not from 1 on",
                       item->role);
    if (item->keyid[0] == '\0' || strlen(item->keyid) > HM_KEYRING_ID_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "signatures file: a key id is not 1 to %d bytes",
                       HM_KEYRING_ID_SIZE_MAX);
    return HM_OK;
}

static enum hm_rc check_hex(const char *hex, struct hm_err *err)
{
    size_t size = strlen(hex);

    if (size == 0 || size % 2 != 0 || size / 2 > HM_KEY_SIGNATURE_SIZE_MAX ||
        strspn(hex, "0123456789abcdefABCDEF") != size)
        return hm_fail(err, HM_EFORMAT,
                       "signatures file: \"sig\" is not 1 to %d bytes in hexadecimal",
                       HM_KEY_SIGNATURE_SIZE_MAX);
    return HM_OK;
}

static enum hm_rc read_item(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                            struct hm_detached *ret_item)
{
    struct hm_detached item = {0};
    bool has_digest = false;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "role")) {
            HM_TRY(read_text(json, arena, err, &item.role));
        } else if (hm_bytes_is_str(key, "version")) {
            HM_TRY(hm_json_int(json, err, &item.version));
        } else if (hm_bytes_is_str(key, "sha256")) {
            HM_TRY(hm_json_string(json, err, &text));
            if (hm_text_unhex(text, item.sha256.bytes, HM_SHA256_SIZE) != HM_OK)
                return hm_fail(err, HM_EFORMAT,
                               "signatures file: \"sha256\" is not 64 hexadecimal digits");
            has_digest = true;
        } else if (hm_bytes_is_str(key, "keyid")) {
            HM_TRY(read_text(json, arena, err, &item.keyid));
        } else if (hm_bytes_is_str(key, "sig")) {
            HM_TRY(read_text(json, arena, err, &item.sig_hex));
            HM_TRY(check_hex(item.sig_hex, err));
        } else {
            return hm_fail(err, HM_EFORMAT, "signatures file: unknown member '%.*s'",
                           HM_BYTES_FMT(key));
        }
    }
    HM_TRY(check_item(&item, has_digest, err));
    *ret_item = item;
    return HM_OK;
}

static enum hm_rc read_items(struct hm_json *json, struct hm_signatures *signatures,
                             struct hm_err *err)
{
    bool more;

    if (signatures->items != NULL)
        return hm_fail(err, HM_EFORMAT, "signatures file: \"signatures\" stands twice");
    signatures->items =
        hm_arena_alloc(&signatures->arena, HM_SIGNATURES_COUNT_MAX, sizeof(signatures->items[0]));
    if (signatures->items == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        if (signatures->count == HM_SIGNATURES_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "signatures file: more than %d signatures",
                           HM_SIGNATURES_COUNT_MAX);
        HM_TRY(read_item(json, &signatures->arena, err, &signatures->items[signatures->count]));
        signatures->count++;
    }
}

static enum hm_rc read_all(struct hm_json *json, struct hm_signatures *signatures,
                           struct hm_err *err)
{
    bool has_schema = false;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(json, err, &text));
            if (!hm_bytes_is_str(text, SCHEMA))
                return hm_fail(err, HM_EFORMAT, "signatures file: schema is '%.*s', not '%s'",
                               HM_BYTES_FMT(text), SCHEMA);
            has_schema = true;
        } else if (hm_bytes_is_str(key, "site")) {
            HM_TRY(read_id(json, &signatures->arena, "site", err, &signatures->site));
        } else if (hm_bytes_is_str(key, "maker")) {
            HM_TRY(read_id(json, &signatures->arena, "maker", err, &signatures->maker));
        } else if (hm_bytes_is_str(key, "signatures")) {
            HM_TRY(read_items(json, signatures, err));
        } else {
            return hm_fail(err, HM_EFORMAT, "signatures file: unknown member '%.*s'",
                           HM_BYTES_FMT(key));
        }
    }
    if (!has_schema || signatures->items == NULL)
        return hm_fail(err, HM_EFORMAT, "not a signatures file: it lacks schema or signatures");
    if (signatures->site == NULL && signatures->maker == NULL)
        return hm_fail(err, HM_EFORMAT, "signatures file: it names neither a site nor a maker");
    return hm_json_end(json, err);
}

enum hm_rc hm_signatures_parse(struct hm_bytes raw, struct hm_err *err,
                               struct hm_signatures **ret_signatures)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    struct hm_json json;

    if (raw.size > HM_SIGNATURES_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "signatures file: larger than %d bytes",
                       HM_SIGNATURES_SIZE_MAX);
    signatures = calloc(1, sizeof(*signatures));
    if (signatures == NULL)
        return hm_error_nomem(err);
    hm_json_init(&json, raw, &signatures->arena);
    HM_TRY(read_all(&json, signatures, err));
    *ret_signatures = hm_steal(&signatures);
    return HM_OK;
}

void hm_signatures_free(struct hm_signatures *signatures)
{
    if (signatures == NULL)
        return;
    hm_arena_done(&signatures->arena);
    free(signatures);
}

/* ---- writing ------------------------------------------------------------------------------- */

enum hm_rc hm_signatures_write(const struct hm_signatures *signatures, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    if (signatures->site != NULL)
        hm_json_writer_key_str(&writer, "site", signatures->site);
    if (signatures->maker != NULL)
        hm_json_writer_key_str(&writer, "maker", signatures->maker);
    hm_json_writer_key(&writer, "signatures");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < signatures->count; i++) {
        const struct hm_detached *item = &signatures->items[i];

        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "role", item->role);
        hm_json_writer_key_int(&writer, "version", item->version);
        hm_json_writer_key(&writer, "sha256");
        hm_json_writer_hex(&writer, hm_bytes_make(item->sha256.bytes, HM_SHA256_SIZE));
        hm_json_writer_key_str(&writer, "keyid", item->keyid);
        hm_json_writer_key_str(&writer, "sig", item->sig_hex);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

/* ---- making -------------------------------------------------------------------------------- */

static enum hm_rc copy_str(struct hm_arena *arena, const char *text, struct hm_err *err,
                           const char **ret_copy)
{
    char *copy;

    if (text == NULL)
        return HM_OK;
    copy = hm_arena_strdup(arena, hm_bytes_str(text));
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_copy = copy;
    return HM_OK;
}

enum hm_rc hm_signatures_new(const char *site, const char *maker, struct hm_err *err,
                             struct hm_signatures **ret_signatures)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = calloc(1, sizeof(*signatures));

    if (signatures == NULL)
        return hm_error_nomem(err);
    HM_TRY(copy_str(&signatures->arena, site, err, &signatures->site));
    HM_TRY(copy_str(&signatures->arena, maker, err, &signatures->maker));
    signatures->items =
        hm_arena_alloc(&signatures->arena, HM_SIGNATURES_COUNT_MAX, sizeof(signatures->items[0]));
    if (signatures->items == NULL)
        return hm_error_nomem(err);
    *ret_signatures = hm_steal(&signatures);
    return HM_OK;
}

/* The id that keys gives to the material of key, or NULL. */
static const char *find_id(const struct hm_role_keys *keys, const struct hm_key *key)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_keyring_key *found =
            hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

        if (found != NULL && found->key != NULL &&
            hm_digest_is_equal(hm_key_material(found->key), hm_key_material(key)))
            return keys->ids[i];
    }
    return NULL;
}

enum hm_rc hm_signatures_add(struct hm_signatures *signatures, const char *role, int64_t version,
                             struct hm_bytes canonical, const struct hm_signer *signer,
                             const struct hm_role_keys *keys, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    const char *keyid = find_id(keys, hm_signer_key(signer));
    struct hm_detached item = {.version = version};
    char *hex;

    if (keyid == NULL)
        return hm_fail(err, HM_EREFUSED, "'%s': key %s is not one of those that sign it", role,
                       hm_key_id(hm_signer_key(signer)));
    HM_TRY(hm_digest_sha256(canonical, err, &item.sha256));
    for (size_t i = 0; i < signatures->count; i++) {
        const struct hm_detached *other = &signatures->items[i];

        if (strcmp(other->role, role) == 0 && strcmp(other->keyid, keyid) == 0 &&
            hm_digest_is_equal(&other->sha256, &item.sha256))
            return HM_OK;
    }
    if (signatures->count == HM_SIGNATURES_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d signatures in one file",
                       HM_SIGNATURES_COUNT_MAX);
    HM_TRY(hm_signer_sign(signer, canonical, err, &signature));
    HM_TRY(copy_str(&signatures->arena, role, err, &item.role));
    HM_TRY(copy_str(&signatures->arena, keyid, err, &item.keyid));
    hex = hm_arena_alloc(&signatures->arena, 2 * signature.size + 1, 1);
    if (hex == NULL)
        return hm_error_nomem(err);
    hm_text_hex(hm_buf_bytes(&signature), hex);
    item.sig_hex = hex;
    signatures->items[signatures->count++] = item;
    return HM_OK;
}

/* ---- merging ------------------------------------------------------------------------------- */

static const struct hm_key *find_key(const struct hm_role_keys *keys, struct hm_bytes keyid)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_keyring_key *found;

        if (!hm_bytes_is_str(keyid, keys->ids[i]))
            continue;
        found = hm_keyring_find(keys->ring, keyid);
        return found == NULL ? NULL : found->key;
    }
    return NULL;
}

/* HM_OK or HM_ESIGNATURE: is hex a signature of message by key? */
static enum hm_rc verify_hex(const struct hm_key *key, struct hm_bytes message, struct hm_bytes hex,
                             struct hm_err *err)
{
    uint8_t *signature;
    enum hm_rc rc;

    if (hex.size == 0 || hex.size % 2 != 0 || hex.size / 2 > HM_KEY_SIGNATURE_SIZE_MAX)
        return hm_fail(err, HM_ESIGNATURE, "the signature is malformed");
    signature = malloc(hex.size / 2);
    if (signature == NULL)
        return hm_error_nomem(err);
    if (hm_text_unhex(hex, signature, hex.size / 2) != HM_OK)
        rc = hm_fail(err, HM_ESIGNATURE, "the signature is malformed");
    else
        rc = hm_key_verify(key, message, hm_bytes_make(signature, hex.size / 2), err);
    free(signature);
    return rc;
}

/* The list being put together, and why signatures were passed over. */
struct merge {
    const struct hm_envelope *envelope;
    const struct hm_role_keys *keys;
    struct hm_signature *list; /* room for what the envelope had and all that may come */
    size_t count;
    uint32_t added, fitting, other_bytes, other_keys, wrong;
};

/* Adds one signature whose role, version and digest are right. */
static enum hm_rc merge_item(struct merge *merge, const struct hm_detached *item,
                             struct hm_err *err)
{
    struct hm_bytes keyid = hm_bytes_str(item->keyid);
    struct hm_bytes hex = hm_bytes_str(item->sig_hex);
    const struct hm_key *key = find_key(merge->keys, keyid);
    size_t at = 0;
    enum hm_rc rc;

    if (key == NULL) {
        merge->other_keys++;
        return HM_OK;
    }
    rc = verify_hex(key, merge->envelope->canonical, hex, err);
    if (rc == HM_ESIGNATURE) {
        merge->wrong++;
        return HM_OK;
    }
    HM_TRY(rc);
    merge->fitting++;
    while (at < merge->count && !hm_bytes_is_equal(merge->list[at].keyid, keyid))
        at++;
    if (at < merge->count) {
        rc = verify_hex(key, merge->envelope->canonical, merge->list[at].hex, err);
        if (rc == HM_OK)
            return HM_OK; /* it has signed already */
        if (rc != HM_ESIGNATURE)
            return rc;
    }
    merge->list[at] = (struct hm_signature){.keyid = keyid, .hex = hex};
    merge->added++;
    if (at == merge->count)
        merge->count++;
    return HM_OK;
}

static enum hm_rc explain(const struct merge *merge, const char *role, int64_t version,
                          struct hm_err *err)
{
    if (merge->wrong > 0)
        return hm_fail(err, HM_ESIGNATURE,
                       "'%s' version %lld: no signature was added; %u do not verify (the signer "
                       "signed something else)",
                       role, (long long)version, merge->wrong);
    if (merge->other_keys > 0)
        return hm_fail(err, HM_ESIGNATURE,
                       "'%s' version %lld: no signature was added; the keys of %u are not listed "
                       "for this role",
                       role, (long long)version, merge->other_keys);
    return hm_fail(err, HM_EMISMATCH,
                   "'%s' version %lld: the file has no signature of these bytes%s", role,
                   (long long)version,
                   merge->other_bytes > 0
                       ? ", only of other ones (the draft changed after the request was made)"
                       : "");
}

enum hm_rc hm_signatures_merge(struct hm_bytes raw, const char *role, int64_t version,
                               const struct hm_signatures *signatures,
                               const struct hm_role_keys *keys, struct hm_err *err,
                               struct hm_buf *ret_envelope, uint32_t *ret_added)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct merge merge = {.keys = keys};
    struct hm_sha256 sha256;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_digest_sha256(envelope->canonical, err, &sha256));
    merge.envelope = envelope;
    merge.count = envelope->signature_count;
    merge.list = hm_arena_alloc(&arena, merge.count + signatures->count + 1, sizeof(merge.list[0]));
    if (merge.list == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < merge.count; i++)
        merge.list[i] = envelope->signatures[i];
    for (size_t i = 0; i < signatures->count; i++) {
        const struct hm_detached *item = &signatures->items[i];

        if (strcmp(item->role, role) != 0)
            continue;
        if (item->version != version || !hm_digest_is_equal(&item->sha256, &sha256))
            merge.other_bytes++;
        else
            HM_TRY(merge_item(&merge, item, err));
    }
    if (merge.fitting == 0)
        return explain(&merge, role, version, err);
    HM_TRY(hm_envelope_write(envelope->canonical, merge.list, merge.count, err, ret_envelope));
    *ret_added = merge.added;
    return HM_OK;
}
