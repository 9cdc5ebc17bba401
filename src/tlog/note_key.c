/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of signed notes: text forms, ids, and who may sign what. See note_key.h. */
#include "tlog/note_key.h"

#include "base/base64.h"
#include "base/text.h"
#include "tlog/cosignature.h"

#define ID_SIZE       4
#define ED25519_SIZE  32
#define SECRET_PREFIX "PRIVATE+KEY+"
/* Prefix, name, id, two '+', base64 of 33 bytes. */
#define SECRET_TEXT_SIZE_MAX (sizeof(SECRET_PREFIX) + HM_NOTE_KEY_NAME_SIZE_MAX + 10 + 44)

/* White space of Unicode 16 (property White_Space). */
static bool is_space(uint32_t character)
{
    static const uint32_t others[] = {0x20,   0x85,   0xa0,   0x1680, 0x2028,
                                      0x2029, 0x202f, 0x205f, 0x3000};

    if ((character >= 0x09 && character <= 0x0d) || (character >= 0x2000 && character <= 0x200a))
        return true;
    for (size_t i = 0; i < HM_ARRAY_COUNT(others); i++) {
        if (character == others[i])
            return true;
    }
    return false;
}

bool hm_note_key_is_name(struct hm_bytes name)
{
    if (name.size == 0 || name.size > HM_NOTE_KEY_NAME_SIZE_MAX)
        return false;
    for (size_t offset = 0; offset < name.size;) {
        uint32_t character = 0;
        size_t size =
            hm_text_utf8(hm_bytes_make(name.data + offset, name.size - offset), &character);

        if (size == 0 || character < 0x20 || character == 0x7f || character == '+' ||
            is_space(character))
            return false;
        offset += size;
    }
    return true;
}

/* The scheme of key.h for a kind; NULL: not known here. */
static const char *scheme_of(uint8_t kind)
{
    switch (kind) {
    case HM_NOTE_ED25519:
    case HM_NOTE_COSIGNATURE:
        return "ed25519";
    case HM_NOTE_COSIGNATURE_ML_DSA:
        return "ml-dsa-44";
    default:
        return NULL;
    }
}

static enum hm_rc compute_id(struct hm_bytes name, uint8_t kind, struct hm_bytes public,
                             struct hm_err *err, uint32_t *ret_id)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    uint8_t middle[2] = {'\n', kind};
    struct hm_sha256 sha256;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_digest_update(digest, name, err));
    HM_TRY(hm_digest_update(digest, hm_bytes_make(middle, sizeof(middle)), err));
    HM_TRY(hm_digest_update(digest, public, err));
    HM_TRY(hm_digest_final(digest, err, sha256.bytes));
    *ret_id = (uint32_t)sha256.bytes[0] << 24 | (uint32_t)sha256.bytes[1] << 16 |
              (uint32_t)sha256.bytes[2] << 8 | sha256.bytes[3];
    return HM_OK;
}

/* name was checked, and public is of the kind's size. */
static enum hm_rc make_key(struct hm_bytes name, enum hm_note_kind kind, struct hm_bytes public,
                           struct hm_err *err, struct hm_note_key **ret_key)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = calloc(1, sizeof(*key));
    enum hm_rc rc;

    if (key == NULL)
        return hm_error_nomem(err);
    key->name = strndup((const char *)name.data, name.size);
    if (key->name == NULL)
        return hm_error_nomem(err);
    key->name_bytes = hm_bytes_make(key->name, name.size);
    key->kind = kind;
    HM_ASSERT(public.size <= sizeof(key->public));
    memcpy(key->public, public.data, public.size);
    key->public_size = public.size;
    HM_TRY(compute_id(name, (uint8_t)kind, public, err, &key->id));
    rc = hm_key_parse_raw(scheme_of((uint8_t)kind), public, err, &key->key);
    if (rc == HM_EUNKNOWN && public.size == HM_NOTE_KEY_PUBLIC_SIZE_MAX)
        rc = HM_OK; /* ML-DSA, and this OpenSSL is older than 3.5 */
    HM_TRY(rc);
    *ret_key = hm_steal(&key);
    return HM_OK;
}

/* Splits NAME+ID+BASE64. */
static enum hm_rc split(struct hm_bytes text, struct hm_err *err, struct hm_bytes *ret_name,
                        uint32_t *ret_id, struct hm_bytes *ret_base64)
{
    const uint8_t *plus = text.size == 0 ? NULL : memchr(text.data, '+', text.size);
    uint8_t id[ID_SIZE];
    struct hm_bytes rest;

    if (plus == NULL)
        return hm_fail(err, HM_EFORMAT, "a note key is NAME+ID+KEY; this one has no '+'");
    *ret_name = hm_bytes_make(text.data, (size_t)(plus - text.data));
    rest = hm_bytes_make(plus + 1, text.size - ret_name->size - 1);
    if (!hm_note_key_is_name(*ret_name))
        return hm_fail(err, HM_EFORMAT,
                       "the name of the note key is empty, longer than %d bytes, or has white "
                       "space or control characters",
                       HM_NOTE_KEY_NAME_SIZE_MAX);
    if (rest.size < 2 * ID_SIZE + 1 || rest.data[(size_t)2 * ID_SIZE] != '+' ||
        hm_text_unhex(hm_bytes_make(rest.data, (size_t)2 * ID_SIZE), id, ID_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT,
                       "note key '%.*s': the id is not 8 hexadecimal digits between '+'",
                       HM_BYTES_FMT(*ret_name));
    for (size_t i = 0; i < (size_t)2 * ID_SIZE; i++) {
        if (rest.data[i] >= 'A' && rest.data[i] <= 'F')
            return hm_fail(err, HM_EFORMAT, "note key '%.*s': the id is not in lower case",
                           HM_BYTES_FMT(*ret_name));
    }
    *ret_id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    *ret_base64 = hm_bytes_make(rest.data + 2 * ID_SIZE + 1, rest.size - (size_t)(2 * ID_SIZE + 1));
    return HM_OK;
}

enum hm_rc hm_note_key_parse(struct hm_bytes vkey, struct hm_err *err, struct hm_note_key **ret_key)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    uint8_t bytes[(HM_NOTE_KEY_PUBLIC_SIZE_MAX + 3) / 3 * 3];
    struct hm_bytes name;
    struct hm_bytes base64;
    uint32_t id = 0;
    size_t size;

    if (vkey.size > HM_NOTE_KEY_TEXT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a note key is at most %d bytes",
                       HM_NOTE_KEY_TEXT_SIZE_MAX);
    HM_TRY(split(vkey, err, &name, &id, &base64));
    if (base64.size > sizeof(bytes) / 3 * 4 || hm_base64_read(base64, bytes, &size) != HM_OK ||
        size == 0)
        return hm_fail(err, HM_EFORMAT, "note key '%.*s': the key is not base64",
                       HM_BYTES_FMT(name));
    if (scheme_of(bytes[0]) == NULL)
        return hm_fail(err, HM_EUNKNOWN,
                       "note key '%.*s': signatures of type 0x%02x are not known here",
                       HM_BYTES_FMT(name), bytes[0]);
    if (size - 1 !=
        (bytes[0] == HM_NOTE_COSIGNATURE_ML_DSA ? HM_NOTE_KEY_PUBLIC_SIZE_MAX : ED25519_SIZE))
        return hm_fail(err, HM_EFORMAT, "note key '%.*s': %zu bytes are no key of type 0x%02x",
                       HM_BYTES_FMT(name), size - 1, bytes[0]);
    HM_TRY(
        make_key(name, (enum hm_note_kind)bytes[0], hm_bytes_make(bytes + 1, size - 1), err, &key));
    if (key->id != id)
        return hm_fail(err, HM_EMISMATCH,
                       "note key '%.*s': its id should be %08x; the text was altered or cut",
                       HM_BYTES_FMT(name), key->id);
    *ret_key = hm_steal(&key);
    return HM_OK;
}

/* The raw key that verifies what key signs; the two schemes of ML-DSA have the same. */
static enum hm_rc raw_of(enum hm_note_kind kind, const struct hm_key *key, struct hm_err *err,
                         struct hm_bytes *ret_raw)
{
    bool is_ml_dsa = kind == HM_NOTE_COSIGNATURE_ML_DSA;
    const char *scheme = hm_key_scheme(key);

    if (strcmp(scheme, is_ml_dsa ? "ml-dsa-44/1" : "ed25519") != 0 &&
        !(is_ml_dsa && strcmp(scheme, "ml-dsa-44") == 0))
        return hm_fail(err, HM_EUSAGE, "a note signature of type 0x%02x needs an %s key, not %s",
                       (unsigned)kind, is_ml_dsa ? "ML-DSA-44" : "Ed25519", scheme);
    *ret_raw = hm_key_raw(key);
    return HM_OK;
}

enum hm_rc hm_note_key_make(const char *name, enum hm_note_kind kind, const struct hm_key *key,
                            struct hm_err *err, struct hm_note_key **ret_key)
{
    struct hm_bytes raw;

    if (!hm_note_key_is_name(hm_bytes_str(name)))
        return hm_fail(err, HM_EUSAGE,
                       "'%s' cannot name a note key: 1 to %d bytes, without white space, '+' and "
                       "control characters",
                       name, HM_NOTE_KEY_NAME_SIZE_MAX);
    HM_TRY(raw_of(kind, key, err, &raw));
    return make_key(hm_bytes_str(name), kind, raw, err, ret_key);
}

enum hm_rc hm_note_key_write(const struct hm_note_key *key, struct hm_err *err,
                             struct hm_buf *ret_buf)
{
    uint8_t bytes[1 + HM_NOTE_KEY_PUBLIC_SIZE_MAX];

    bytes[0] = (uint8_t)key->kind;
    memcpy(bytes + 1, key->public, key->public_size);
    HM_TRY(hm_buf_append_fmt(ret_buf, err, "%s+%08x+", key->name, key->id));
    return hm_base64_write(hm_bytes_make(bytes, 1 + key->public_size), err, ret_buf);
}

void hm_note_key_free(struct hm_note_key *key)
{
    if (key == NULL)
        return;
    free(key->name);
    hm_key_free(key->key);
    free(key);
}

enum hm_rc hm_note_key_parse_secret(struct hm_bytes skey, struct hm_err *err,
                                    struct hm_note_key **ret_key, struct hm_signer **ret_signer)
{
    _hm_done_(hm_secret_done) struct hm_secret bytes = HM_SECRET_INIT;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    struct hm_bytes prefix = HM_BYTES_LITERAL(SECRET_PREFIX);
    struct hm_bytes name;
    struct hm_bytes base64;
    uint32_t id = 0;

    if (skey.size > SECRET_TEXT_SIZE_MAX || !hm_bytes_has_prefix(skey, prefix))
        return hm_fail(err, HM_EFORMAT, "a private note key starts with '" SECRET_PREFIX "'");
    HM_TRY(split(hm_bytes_make(skey.data + prefix.size, skey.size - prefix.size), err, &name, &id,
                 &base64));
    HM_TRY(hm_secret_init(&bytes, 1 + ED25519_SIZE, err));
    if (hm_base64_read_exactly(base64, bytes.data, 1 + ED25519_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT,
                       "private note key '%.*s': the key is not 33 bytes of base64",
                       HM_BYTES_FMT(name));
    if (bytes.data[0] != HM_NOTE_ED25519)
        return hm_fail(err, HM_EUNKNOWN,
                       "private note key '%.*s': keys of type 0x%02x are not known here",
                       HM_BYTES_FMT(name), bytes.data[0]);
    HM_TRY(hm_signer_parse_seed(hm_bytes_make(bytes.data + 1, ED25519_SIZE), err, &signer));
    HM_TRY(make_key(name, HM_NOTE_ED25519, hm_key_raw(hm_signer_key(signer)), err, &key));
    if (key->id != id)
        return hm_fail(err, HM_EMISMATCH,
                       "private note key '%.*s': its id is another key's; the text was altered",
                       HM_BYTES_FMT(name));
    *ret_key = hm_steal(&key);
    *ret_signer = hm_steal(&signer);
    return HM_OK;
}

static bool is_pair(const struct hm_note_key *key, const struct hm_signer *signer)
{
    struct hm_bytes raw = hm_key_raw(hm_signer_key(signer));

    return hm_bytes_is_equal(raw, hm_bytes_make(key->public, key->public_size));
}

enum hm_rc hm_note_key_write_secret(const struct hm_note_key *key, const struct hm_signer *signer,
                                    struct hm_err *err, struct hm_secret *ret_skey)
{
    _hm_done_(hm_secret_done) struct hm_secret seed = HM_SECRET_INIT;
    _hm_done_(hm_secret_done) struct hm_secret typed = HM_SECRET_INIT;
    _hm_done_(hm_secret_done) struct hm_secret text = HM_SECRET_INIT;
    int size;

    if (key->kind != HM_NOTE_ED25519 || !is_pair(key, signer))
        return hm_fail(err, HM_EUSAGE,
                       "only a note key of type 0x01 and its own private key have this form");
    HM_TRY(hm_signer_seed(signer, err, &seed));
    HM_TRY(hm_secret_init(&typed, 1 + ED25519_SIZE, err));
    HM_TRY(hm_secret_init(&text, SECRET_TEXT_SIZE_MAX + 1, err));
    typed.data[0] = HM_NOTE_ED25519;
    memcpy(typed.data + 1, seed.data, ED25519_SIZE);
    size = snprintf((char *)text.data, text.capacity, SECRET_PREFIX "%s+%08x+", key->name, key->id);
    HM_ASSERT(size > 0 && (size_t)size + 44 <= SECRET_TEXT_SIZE_MAX);
    hm_base64_encode(hm_bytes_make(typed.data, 1 + ED25519_SIZE), text.data + size);
    text.size = (size_t)size + HM_BASE64_SIZE(1 + ED25519_SIZE);
    *ret_skey = text;
    text = (struct hm_secret)HM_SECRET_INIT;
    return HM_OK;
}

bool hm_note_key_is_same_key(const struct hm_note_key *a, const struct hm_note_key *b)
{
    return hm_bytes_is_equal(hm_bytes_make(a->public, a->public_size),
                             hm_bytes_make(b->public, b->public_size));
}

bool hm_note_key_is_same(const struct hm_note_key *a, const struct hm_note_key *b)
{
    return a->kind == b->kind && hm_bytes_is_equal(a->name_bytes, b->name_bytes) &&
           hm_note_key_is_same_key(a, b);
}

enum hm_rc hm_note_key_verify(const struct hm_note_key *key, struct hm_bytes text,
                              struct hm_bytes signature, struct hm_err *err, uint64_t *ret_time_s)
{
    enum hm_rc rc;

    if (key->key == NULL)
        return hm_fail(err, HM_EUNKNOWN,
                       "'%s': the installed OpenSSL cannot verify signatures of type 0x%02x",
                       key->name, (unsigned)key->kind);
    if (key->kind != HM_NOTE_ED25519)
        return hm_cosignature_verify(key, text, signature, err, ret_time_s);
    rc = hm_key_verify(key->key, text, signature, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", key->name);
    *ret_time_s = 0;
    return HM_OK;
}

enum hm_rc hm_note_key_sign(const struct hm_note_key *key, const struct hm_signer *signer,
                            struct hm_bytes text, uint64_t time_s, struct hm_err *err,
                            struct hm_buf *ret_signature)
{
    if (!is_pair(key, signer))
        return hm_fail(err, HM_EUSAGE, "'%s': the private key is another key's", key->name);
    if (key->kind != HM_NOTE_ED25519)
        return hm_cosignature_make(key, signer, text, time_s, err, ret_signature);
    return hm_signer_sign_plain(signer, text, err, ret_signature);
}
