/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maker identities (docs/formats.md 3): parse, verify along the chain, write, free.
 *
 * "signed": {"_type": "hallmark-identity", "spec_version": "1.0", "maker": ID, "name": TEXT,
 *            "version": N, "keys": {...}, "keyids": [...], "threshold": T}
 */
#include "trust/identity.h"

#include "trust/layout.h"

#define TYPE         "hallmark-identity"
#define SPEC_VERSION "1.0"

struct seen {
    bool type, spec_version, maker, name, version, keys, keyids, threshold;
};

static enum hm_rc parse_text(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                             struct hm_bytes *ret_bytes, const char **ret_text)
{
    struct hm_bytes bytes;
    char *text;

    HM_TRY(hm_json_string(json, err, &bytes));
    text = hm_arena_strdup(arena, bytes);
    if (text == NULL)
        return hm_error_nomem(err);
    *ret_bytes = bytes;
    *ret_text = text;
    return HM_OK;
}

static enum hm_rc parse_names(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                              struct hm_identity *identity, struct seen *seen)
{
    struct hm_bytes bytes = HM_BYTES_EMPTY;
    const char *text = NULL;

    HM_TRY(parse_text(json, &identity->arena, err, &bytes, &text));
    if (hm_bytes_is_str(key, "_type")) {
        seen->type = true;
        if (!hm_bytes_is_str(bytes, TYPE))
            return hm_fail(err, HM_EFORMAT, "its type is '%s', not '" TYPE "'", text);
    } else if (hm_bytes_is_str(key, "spec_version")) {
        seen->spec_version = true;
        if (!hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL("1.")))
            return hm_fail(err, HM_EFORMAT,
                           "its format is version '%s', this program reads 1.x; use a newer one",
                           text);
    } else if (hm_bytes_is_str(key, "maker")) {
        seen->maker = true;
        HM_TRY(hm_layout_check_id(bytes, err));
        identity->maker = text;
    } else {
        seen->name = true;
        if (bytes.size == 0 || bytes.size > HM_IDENTITY_NAME_SIZE_MAX)
            return hm_fail(err, HM_EFORMAT, "its name is not 1 to %d bytes long",
                           HM_IDENTITY_NAME_SIZE_MAX);
        identity->name = text;
    }
    return HM_OK;
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                               struct hm_identity *identity, struct seen *seen)
{
    struct hm_bytes unused;

    if (hm_bytes_is_str(key, "_type") || hm_bytes_is_str(key, "spec_version") ||
        hm_bytes_is_str(key, "maker") || hm_bytes_is_str(key, "name"))
        return parse_names(json, key, err, identity, seen);
    if (hm_bytes_is_str(key, "version")) {
        seen->version = true;
        HM_TRY(hm_json_int(json, err, &identity->version));
        if (identity->version < 1 || identity->version > HM_IDENTITY_VERSION_MAX)
            return hm_fail(err, HM_EFORMAT, "its version is not 1 to %d", HM_IDENTITY_VERSION_MAX);
        return HM_OK;
    }
    if (hm_bytes_is_str(key, "keys")) {
        seen->keys = true;
        return hm_keyring_parse(json, &identity->arena, err, &identity->ring);
    }
    if (hm_bytes_is_str(key, "keyids")) {
        seen->keyids = true;
        return hm_keyring_parse_ids(json, &identity->arena, err, &identity->keys);
    }
    if (hm_bytes_is_str(key, "threshold")) {
        seen->threshold = true;
        return hm_keyring_parse_threshold(json, err, &identity->keys.threshold);
    }
    /* Members this version does not know are signed, and passed over. */
    return hm_json_skip(json, err, &unused);
}

/* Reads "signed". text is copied: the result stands on its own. */
static enum hm_rc parse_content(struct hm_bytes text, struct hm_err *err,
                                struct hm_identity **ret_identity)
{
    _hm_free_(hm_identity_free) struct hm_identity *identity = calloc(1, sizeof(*identity));
    struct seen seen = {0};
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    if (identity == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&identity->arena, text, err, &text));
    hm_json_init(&json, text, &identity->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(&json, key, err, identity, &seen));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!seen.type || !seen.spec_version || !seen.maker || !seen.name || !seen.version ||
        !seen.keys || !seen.keyids || !seen.threshold)
        return hm_fail(err, HM_EFORMAT,
                       "not all of _type, spec_version, maker, name, version, keys, keyids and "
                       "threshold are there");
    identity->keys.ring = &identity->ring;
    *ret_identity = hm_steal(&identity);
    return HM_OK;
}

static enum hm_rc parse_file(struct hm_bytes raw, struct hm_err *err,
                             struct hm_envelope **ret_envelope, struct hm_identity **ret_identity)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;

    if (raw.size > HM_IDENTITY_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "larger than %d bytes", HM_IDENTITY_SIZE_MAX);
    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(
        parse_content(hm_envelope_unsigned_json(hm_envelope_unsigned(envelope)), err, &identity));
    HM_TRY(hm_digest_sha256(raw, err, &identity->sha256));
    identity->length = raw.size;
    *ret_envelope = hm_steal(&envelope);
    *ret_identity = hm_steal(&identity);
    return HM_OK;
}

static enum hm_rc verify_first(struct hm_bytes raw, struct hm_err *err,
                               struct hm_identity **ret_identity)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    struct hm_signed proved;

    HM_TRY(parse_file(raw, err, &envelope, &identity));
    if (identity->version != 1)
        return hm_fail(err, HM_EMISMATCH, "it is version %lld of '%s', but a chain begins with 1",
                       (long long)identity->version, identity->maker);
    /* What was read is only believed from here on: it carries its own threshold. */
    HM_TRY(hm_envelope_verify(envelope, &identity->keys, "1.identity", err, &proved));
    identity->first = identity->sha256;
    *ret_identity = hm_steal(&identity);
    return HM_OK;
}

enum hm_rc hm_identity_verify_first(struct hm_bytes raw, struct hm_err *err,
                                    struct hm_identity **ret_identity)
{
    enum hm_rc rc = verify_first(raw, err, ret_identity);

    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "maker's first identity");
}

static enum hm_rc verify_next(const struct hm_identity *current, struct hm_bytes raw,
                              struct hm_err *err, struct hm_identity **ret_identity)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    struct hm_signed proved;

    HM_TRY(parse_file(raw, err, &envelope, &identity));
    /* By the keys of the one before: nobody but the maker names the maker's next keys. */
    HM_TRY(
        hm_envelope_verify(envelope, &current->keys, "keys of the version before", err, &proved));
    HM_TRY(hm_envelope_verify(envelope, &identity->keys, "its own keys", err, &proved));
    if (strcmp(identity->maker, current->maker) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is the identity of '%s'", identity->maker);
    if (identity->version != current->version + 1)
        return hm_fail(err, HM_EROLLBACK, "it says it is version %lld, not %lld",
                       (long long)identity->version, (long long)current->version + 1);
    identity->first = current->first;
    *ret_identity = hm_steal(&identity);
    return HM_OK;
}

enum hm_rc hm_identity_verify_next(const struct hm_identity *current, struct hm_bytes raw,
                                   struct hm_err *err, struct hm_identity **ret_identity)
{
    enum hm_rc rc = verify_next(current, raw, err, ret_identity);

    return rc == HM_OK ? HM_OK
                       : hm_error_prefix(err, rc, "identity %lld of maker '%s'",
                                         (long long)current->version + 1, current->maker);
}

enum hm_rc hm_identity_read_unsigned(struct hm_unsigned document, struct hm_err *err,
                                     struct hm_identity_unsigned *ret_identity)
{
    return parse_content(hm_envelope_unsigned_json(document), err, &ret_identity->content);
}

enum hm_rc hm_identity_write(const char *maker, const char *name, int64_t version,
                             const struct hm_key *const *keys, size_t key_count, uint32_t threshold,
                             struct hm_err *err, struct hm_buf *ret_canonical)
{
    _hm_free_(hm_identity_free) struct hm_identity *identity = calloc(1, sizeof(*identity));
    _hm_free_(hm_identity_free) struct hm_identity *check = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    struct hm_json_writer writer;

    if (identity == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_keyring_make_role(&identity->ring, &identity->arena, keys, key_count, threshold, err,
                                &identity->keys));
    hm_json_writer_init(&writer, &text, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "_type", TYPE);
    hm_json_writer_key_str(&writer, "spec_version", SPEC_VERSION);
    hm_json_writer_key_str(&writer, "maker", maker);
    hm_json_writer_key_str(&writer, "name", name);
    hm_json_writer_key_int(&writer, "version", version);
    hm_json_writer_key(&writer, "keys");
    hm_keyring_write(&identity->ring, NULL, &writer);
    hm_keyring_write_role(&identity->keys, &writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_json_canonicalise(hm_buf_bytes(&text), err, &canonical));
    /* Nobody is asked to sign what no reader would take. */
    HM_TRY(parse_content(hm_buf_bytes(&text), err, &check));
    return hm_buf_append(ret_canonical, hm_buf_bytes(&canonical), err);
}

void hm_identity_free(struct hm_identity *identity)
{
    if (identity == NULL)
        return;
    hm_keyring_done(&identity->ring);
    hm_arena_done(&identity->arena);
    free(identity);
}
