/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: reading, the one place that counts signatures, writing (TUF 1.0.34 section 4.2). */
#include "tuf/envelope.h"

#include "base/text.h"
#include "tuf/grow_internal.h"

/* Of the list in a file that is written: every signature at its longest. */
#define SIGNATURES_SIZE_MAX ((size_t)HM_ENVELOPE_SIGNATURE_COUNT_MAX * 20000)

static int compare_signatures(const void *a, const void *b)
{
    const struct hm_signature *left = a;
    const struct hm_signature *right = b;

    return hm_bytes_compare(left->keyid, right->keyid);
}

static enum hm_rc parse_signature(struct hm_json *json, struct hm_err *err,
                                  struct hm_signature *ret_signature)
{
    bool more, has_keyid = false, has_sig = false;
    struct hm_bytes key, skipped;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "keyid")) {
            HM_TRY(hm_json_string(json, err, &ret_signature->keyid));
            has_keyid = true;
        } else if (hm_bytes_is_str(key, "sig")) {
            HM_TRY(hm_json_string(json, err, &ret_signature->hex));
            has_sig = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    if (!has_keyid || !has_sig)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "a signature lacks its \"keyid\" or \"sig\"");
    return HM_OK;
}

static enum hm_rc parse_signatures(struct hm_json *json, struct hm_envelope *envelope,
                                   struct hm_err *err)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        void *grown;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            break;
        if (envelope->signature_count == HM_ENVELOPE_SIGNATURE_COUNT_MAX)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "more than %d signatures",
                              HM_ENVELOPE_SIGNATURE_COUNT_MAX);
        grown = hm_grow(&envelope->arena, envelope->signatures, envelope->signature_count,
                        sizeof(struct hm_signature));
        if (grown == NULL)
            return hm_error_nomem(err);
        envelope->signatures = grown;
        HM_TRY(parse_signature(json, err, &envelope->signatures[envelope->signature_count]));
        envelope->signature_count++;
    }
    if (envelope->signature_count < 2)
        return HM_OK;
    qsort(envelope->signatures, envelope->signature_count, sizeof(struct hm_signature),
          compare_signatures);
    /* TUF 4.2: key ids among the signatures are unique; a file that breaks this is refused whole,
     * or a signature might count twice. */
    for (size_t i = 1; i < envelope->signature_count; i++)
        if (compare_signatures(&envelope->signatures[i - 1], &envelope->signatures[i]) == 0)
            return hm_fail(err, HM_EFORMAT, "key id '%.*s' comes twice among the signatures",
                           HM_BYTES_FMT(envelope->signatures[i].keyid));
    return HM_OK;
}

static enum hm_rc parse_signed(struct hm_json *json, struct hm_envelope *envelope,
                               struct hm_err *err)
{
    enum hm_json_kind kind;
    bool canonical;

    HM_TRY(hm_json_peek(json, err, &kind));
    if (kind != HM_JSON_OBJECT)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"signed\" is no object");
    HM_TRY(hm_json_skip_canonical(json, err, &envelope->json, &canonical));
    if (canonical) {
        envelope->canonical = envelope->json;
        return HM_OK;
    }
    /* The canonical form is never longer: it only drops white space and escapes. */
    envelope->canonical_buf.size_max = envelope->json.size;
    HM_TRY(hm_json_canonicalise(envelope->json, err, &envelope->canonical_buf));
    envelope->canonical = hm_buf_bytes(&envelope->canonical_buf);
    return HM_OK;
}

enum hm_rc hm_envelope_parse(struct hm_bytes raw, struct hm_err *err,
                             struct hm_envelope **ret_envelope)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = calloc(1, sizeof(*envelope));
    bool more, has_signatures = false, has_signed = false;
    struct hm_bytes key, skipped;
    struct hm_json json;

    if (envelope == NULL)
        return hm_error_nomem(err);
    envelope->raw = raw;
    hm_json_init(&json, raw, &envelope->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "signatures")) {
            HM_TRY(parse_signatures(&json, envelope, err));
            has_signatures = true;
        } else if (hm_bytes_is_str(key, "signed")) {
            HM_TRY(parse_signed(&json, envelope, err));
            has_signed = true;
        } else {
            HM_TRY(hm_json_skip(&json, err, &skipped));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    if (!has_signatures || !has_signed)
        return hm_fail(err, HM_EFORMAT,
                       "no signed document: \"signatures\" and \"signed\" are not both there");
    *ret_envelope = hm_steal(&envelope);
    return HM_OK;
}

void hm_envelope_free(struct hm_envelope *envelope)
{
    if (envelope == NULL)
        return;
    hm_buf_done(&envelope->canonical_buf);
    hm_arena_done(&envelope->arena);
    free(envelope);
}

static const struct hm_signature *find_signature(const struct hm_envelope *envelope, const char *id)
{
    struct hm_signature wanted = {.keyid = hm_bytes_str(id)};

    if (envelope->signature_count == 0)
        return NULL;
    return bsearch(&wanted, envelope->signatures, envelope->signature_count, sizeof(wanted),
                   compare_signatures);
}

/* Whether the signature by this key is good: *ret_valid. Fails only where nothing can be said. */
static enum hm_rc check_signature(const struct hm_envelope *envelope,
                                  const struct hm_signature *signature, const struct hm_key *key,
                                  struct hm_err *err, bool *ret_valid)
{
    uint8_t bytes[HM_KEY_SIGNATURE_SIZE_MAX / 4];
    _hm_free_(free) char *large = NULL;
    size_t size = signature->hex.size / 2;
    uint8_t *raw = bytes;
    enum hm_rc rc;

    *ret_valid = false;
    if (size == 0 || signature->hex.size % 2 != 0 || size > HM_KEY_SIGNATURE_SIZE_MAX)
        return HM_OK;
    if (size > sizeof(bytes)) {
        large = malloc(size);
        if (large == NULL)
            return hm_error_nomem(err);
        raw = (uint8_t *)large;
    }
    if (hm_text_unhex(signature->hex, raw, size) != HM_OK)
        return HM_OK;
    rc = hm_key_verify(key, envelope->canonical, hm_bytes_make(raw, size), NULL);
    if (rc == HM_ENOMEM || rc == HM_EINTERNAL)
        return hm_fail(err, rc, "a signature could not be checked");
    *ret_valid = rc == HM_OK;
    return HM_OK;
}

static bool is_counted(const struct hm_sha256 *const *counted, uint32_t count,
                       const struct hm_sha256 *material)
{
    for (uint32_t i = 0; i < count; i++)
        if (hm_digest_is_equal(counted[i], material))
            return true;
    return false;
}

/* Counts distinct key materials with a valid signature, up to enough. Each key id of the role is
 * looked at once, so the work is bounded by what the trusted delegation lists. */
static enum hm_rc count_signatures(const struct hm_envelope *envelope,
                                   const struct hm_role_keys *keys, uint32_t enough,
                                   struct hm_err *err, uint32_t *ret_valid)
{
    _hm_free_(free) char *memory = NULL;
    const struct hm_sha256 **counted;
    uint32_t valid = 0;

    HM_ASSERT(keys->threshold >= 1);
    memory = calloc(keys->id_count + 1, sizeof(*counted));
    if (memory == NULL)
        return hm_error_nomem(err);
    counted = (const struct hm_sha256 **)(void *)memory;
    for (size_t i = 0; i < keys->id_count && valid < enough; i++) {
        const struct hm_signature *signature = find_signature(envelope, keys->ids[i]);
        const struct hm_keyring_key *key;
        bool is_valid;

        if (signature == NULL)
            continue;
        key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));
        if (key == NULL || key->key == NULL)
            continue;
        /* GHSA-3633-5h82-39pq: one public key under two key ids counts once. */
        if (is_counted(counted, valid, hm_key_material(key->key)))
            continue;
        HM_TRY(check_signature(envelope, signature, key->key, err, &is_valid));
        if (is_valid)
            counted[valid++] = hm_key_material(key->key);
    }
    *ret_valid = valid;
    return HM_OK;
}

enum hm_rc hm_envelope_verify(const struct hm_envelope *envelope, const struct hm_role_keys *keys,
                              const char *what, struct hm_err *err, struct hm_signed *ret_signed)
{
    uint32_t valid;

    HM_TRY(count_signatures(envelope, keys, keys->threshold, err, &valid));
    if (valid < keys->threshold)
        return hm_fail(err, HM_ESIGNATURE,
                       "'%s': %u of the %u signatures it needs are valid; get it again, and if it "
                       "stays so, tell the site",
                       what, valid, keys->threshold);
    ret_signed->canonical_ = envelope->canonical;
    ret_signed->json_ = envelope->json;
    return HM_OK;
}

enum hm_rc hm_envelope_count(const struct hm_envelope *envelope, const struct hm_role_keys *keys,
                             struct hm_err *err, uint32_t *ret_valid)
{
    return count_signatures(envelope, keys, UINT32_MAX, err, ret_valid);
}

struct hm_bytes hm_envelope_signed_bytes(struct hm_signed document)
{
    return document.canonical_;
}

struct hm_bytes hm_envelope_signed_json(struct hm_signed document)
{
    return document.json_;
}

struct hm_unsigned hm_envelope_unsigned(const struct hm_envelope *envelope)
{
    return (struct hm_unsigned){.canonical_ = envelope->canonical, .json_ = envelope->json};
}

struct hm_bytes hm_envelope_unsigned_bytes(struct hm_unsigned document)
{
    return document.canonical_;
}

struct hm_bytes hm_envelope_unsigned_json(struct hm_unsigned document)
{
    return document.json_;
}

/* Canonical bytes as JSON: control characters, which stand only inside strings, are escaped. */
static enum hm_rc append_json(struct hm_buf *buf, struct hm_bytes canonical, struct hm_err *err)
{
    size_t start = 0;

    for (size_t i = 0; i < canonical.size; i++) {
        uint8_t byte = canonical.data[i];

        if (byte >= 0x20)
            continue;
        HM_TRY(hm_buf_append(buf, hm_bytes_make(canonical.data + start, i - start), err));
        if (byte == '\n')
            HM_TRY(hm_buf_append_str(buf, "\\n", err));
        else
            HM_TRY(hm_buf_append_fmt(buf, err, "\\u%04x", byte));
        start = i + 1;
    }
    return hm_buf_append(buf, hm_bytes_make(canonical.data + start, canonical.size - start), err);
}

enum hm_rc hm_envelope_write(struct hm_bytes canonical, const struct hm_signature *signatures,
                             size_t signature_count, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *check = NULL;
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(SIGNATURES_SIZE_MAX);
    size_t start = ret_buf->size;
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &list, false);
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < signature_count; i++) {
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key(&writer, "keyid");
        hm_json_writer_string(&writer, signatures[i].keyid);
        hm_json_writer_key(&writer, "sig");
        hm_json_writer_string(&writer, signatures[i].hex);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_buf_append_str(ret_buf, "{\"signatures\":", err));
    HM_TRY(hm_buf_append(ret_buf, hm_buf_bytes(&list), err));
    HM_TRY(hm_buf_append_str(ret_buf, ",\"signed\":", err));
    HM_TRY(append_json(ret_buf, canonical, err));
    HM_TRY(hm_buf_append_byte(ret_buf, '}', err));
    HM_TRY(hm_envelope_parse(hm_bytes_make(ret_buf->data + start, ret_buf->size - start), err,
                             &check));
    if (!hm_bytes_is_equal(check->canonical, canonical))
        return hm_fail(err, HM_EFORMAT, "the document to be written is not in canonical form");
    return HM_OK;
}
