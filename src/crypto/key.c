/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys: the table of schemes, strict parsing, verification. See key.h for the rules.
 *
 * SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) is read here and not by OpenSSL's decoders: they
 * accept more spellings than one (explicit curves, compressed points, trailing bytes), and their
 * set-up alone costs half a millisecond at every start. The form, in DER:
 *
 *   SEQUENCE { AlgorithmIdentifier (one of the table's), BIT STRING { 0, key } }
 *   key of RSA: SEQUENCE { INTEGER modulus, INTEGER exponent }; of others: raw bytes
 */
#include "crypto/provider.h"

#include "crypto/key.h"

#include "base/reader.h"
#include "base/text.h"
#include "crypto/key_internal.h"
#include "crypto/pem.h"

#define PEM_LABEL        "PUBLIC KEY"
#define DER_SEQUENCE     0x30
#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define POINT_TAG        0x04 /* SEC 1 section 2.3.3: uncompressed */
#define RSA_EXPONENT_MIN 65537
/* Larger ones only cost time; Go's library has the same limit. */
#define RSA_EXPONENT_MAX 0x7fffffff

struct hm_key {
    const struct hm_key_scheme *scheme;
    EVP_PKEY *pkey;
    char *public_text;
    uint8_t *spki; /* DER */
    size_t spki_size;
    struct hm_sha256 material;
    char id[HM_KEY_ID_HEX_SIZE];
};

/* AlgorithmIdentifiers: RFC 8410 (Ed25519), RFC 5480 (curves), RFC 3279 (RSA), RFC 9881 (ML-DSA).
 */
#define ID_ED25519 HM_BYTES_LITERAL("\x30\x05\x06\x03\x2b\x65\x70")
#define ID_P256                                                                                    \
    HM_BYTES_LITERAL("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d"    \
                     "\x03\x01\x07")
#define ID_P384                                                                                    \
    HM_BYTES_LITERAL("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22")
#define ID_RSA HM_BYTES_LITERAL("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")
#define ID_ML_DSA(number)                                                                          \
    HM_BYTES_LITERAL("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03" number)

#define EC_SCHEME(type_, name_, group_, digest_, hex_, default_, id_, size_)                       \
    {                                                                                              \
        .type = (type_), .name = (name_), .algorithm = "EC", .group = (group_),                    \
        .digest = (digest_), .is_hex = (hex_), .is_pem = true, .is_default = (default_),           \
        .algorithm_id = id_, .raw_size = (size_)                                                   \
    }
#define RSA_SCHEME(name_, digest_, default_)                                                       \
    {                                                                                              \
        .type = "rsa", .name = (name_), .algorithm = "RSA", .digest = (digest_), .is_rsa = true,   \
        .is_pem = true, .is_default = (default_), .algorithm_id = ID_RSA                           \
    }
#define ML_DSA_SCHEME(name_, algorithm_, id_, size_, signature_size_)                              \
    {                                                                                              \
        .type = "ml-dsa", .name = (name_), .algorithm = (algorithm_), .is_framed = true,           \
        .is_pem = true, .is_default = true, .algorithm_id = id_, .raw_size = (size_),              \
        .signature_size = (signature_size_)                                                        \
    }

/* Of the kinds that may be spelled in hexadecimal: P-384 is the longest. */
#define HEX_SPKI_SIZE_MAX 120
/* Of the kinds that come as raw bytes: two heads, an AlgorithmIdentifier and ML-DSA-44's key. */
#define RAW_SPKI_SIZE_MAX 1400

static const struct hm_key_scheme schemes[] = {
    {.type = "ed25519",
     .name = "ed25519",
     .algorithm = "ED25519",
     .is_hex = true,
     .is_default = true,
     .algorithm_id = ID_ED25519,
     .raw_size = 32,
     .signature_size = 64},
    EC_SCHEME("ecdsa", "ecdsa-sha2-nistp256", "P-256", "SHA2-256", false, true, ID_P256, 65),
    EC_SCHEME("ecdsa", "ecdsa-sha2-nistp384", "P-384", "SHA2-384", false, true, ID_P384, 97),
    EC_SCHEME("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "P-256", "SHA2-256", true, false,
              ID_P256, 65),
    EC_SCHEME("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "P-384", "SHA2-384", true, false,
              ID_P384, 97),
    RSA_SCHEME("rsassa-pss-sha256", "SHA2-256", true),
    RSA_SCHEME("rsassa-pss-sha384", "SHA2-384", false),
    RSA_SCHEME("rsassa-pss-sha512", "SHA2-512", false),
    ML_DSA_SCHEME("ml-dsa-44/1", "ML-DSA-44", ID_ML_DSA("\x11"), 1312, 2420),
    ML_DSA_SCHEME("ml-dsa-65/1", "ML-DSA-65", ID_ML_DSA("\x12"), 1952, 3309),
    ML_DSA_SCHEME("ml-dsa-87/1", "ML-DSA-87", ID_ML_DSA("\x13"), 2592, 4627),
    {.type = "ml-dsa",
     .name = "ml-dsa-44",
     .algorithm = "ML-DSA-44",
     .is_raw = true,
     .algorithm_id = ID_ML_DSA("\x11"),
     .raw_size = 1312,
     .signature_size = 2420},
};

/* One DER element with the expected tag; definite, minimal length of at most two bytes. Failure is
 * left in rd. */
static struct hm_bytes take_der(struct hm_rd *rd, uint8_t tag)
{
    size_t size;

    rd->failed |= hm_reader_u8(rd) != tag;
    size = hm_reader_u8(rd);
    if (size == 0x81) {
        size = hm_reader_u8(rd);
        rd->failed |= size < 0x80;
    } else if (size == 0x82) {
        size = hm_reader_be16(rd);
        rd->failed |= size < 0x100;
    } else {
        rd->failed |= size >= 0x80;
    }
    return hm_reader_take(rd, size);
}

/* A positive INTEGER without its sign byte. */
static struct hm_bytes take_der_positive(struct hm_rd *rd)
{
    struct hm_bytes number = take_der(rd, DER_INTEGER);

    if (number.size > 1 && number.data[0] == 0 && number.data[1] >= 0x80)
        return hm_bytes_make(number.data + 1, number.size - 1);
    rd->failed |= number.size == 0 || number.data[0] == 0 || number.data[0] >= 0x80;
    return number;
}

static bool is_at_end(const struct hm_rd *rd)
{
    return !rd->failed && hm_reader_left(rd) == 0;
}

/* Splits a SubjectPublicKeyInfo into its AlgorithmIdentifier (whole) and key. */
static enum hm_rc split_spki(struct hm_bytes der, struct hm_err *err, struct hm_bytes *ret_id,
                             struct hm_bytes *ret_raw)
{
    struct hm_rd outer = hm_reader_make(der);
    struct hm_rd inner = hm_reader_make(take_der(&outer, DER_SEQUENCE));
    size_t id_size;
    struct hm_rd bits;

    (void)take_der(&inner, DER_SEQUENCE); /* its span is what matters */
    id_size = inner.offset;
    bits = hm_reader_make(take_der(&inner, DER_BIT_STRING));
    if (!is_at_end(&outer) || !is_at_end(&inner) || hm_reader_u8(&bits) != 0 ||
        hm_reader_left(&bits) == 0)
        return hm_fail(err, HM_EFORMAT, "the key is not a DER SubjectPublicKeyInfo");
    *ret_id = hm_bytes_make(inner.bytes.data, id_size);
    *ret_raw = hm_reader_take(&bits, hm_reader_left(&bits));
    return HM_OK;
}

/* RFC 8032 section 5.1.3 refuses y >= p. The points of order 1, 2, 4 and 8 have five values of y
 * between them, each with either sign of x; anybody can sign for such a "key". */
static enum hm_rc check_ed25519(const uint8_t raw[32], struct hm_err *err)
{
    static const uint8_t small_order[][32] = {
        {0}, /* order 4 */
        {1}, /* order 1 */
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* order 2 */
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* order 8 */
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* order 8 */
    };
    uint8_t y[32];
    size_t i;

    memcpy(y, raw, sizeof(y));
    y[31] &= 0x7f; /* the sign of x */
    for (i = 0; i < HM_ARRAY_COUNT(small_order); i++) {
        if (memcmp(y, small_order[i], sizeof(y)) == 0)
            return hm_fail(err, HM_EFORMAT,
                           "the Ed25519 key is a point of small order, for which anybody can sign");
    }
    /* p is 2^255 - 19: ed ff .. ff 7f. */
    for (i = 31; i > 0 && y[i] == (i == 31 ? 0x7f : 0xff); i--)
        ;
    if (i == 0 && y[0] >= 0xed)
        return hm_fail(err, HM_EFORMAT, "the Ed25519 key is not in its canonical form");
    return HM_OK;
}

static enum hm_rc push_rsa(struct hm_bytes raw, struct hm_err *err, OSSL_PARAM_BLD *params,
                           BIGNUM **ret_modulus)
{
    struct hm_rd outer = hm_reader_make(raw);
    struct hm_rd inner = hm_reader_make(take_der(&outer, DER_SEQUENCE));
    struct hm_bytes modulus = take_der_positive(&inner);
    struct hm_bytes exponent = take_der_positive(&inner);
    uint64_t value = 0;
    int bits;

    if (!is_at_end(&outer) || !is_at_end(&inner))
        return hm_fail(err, HM_EFORMAT, "the RSA key is not a DER RSAPublicKey");
    for (size_t i = 0; i < exponent.size && i < sizeof(value); i++)
        value = value << 8 | exponent.data[i];
    if (exponent.size > sizeof(value) || value < RSA_EXPONENT_MIN || value > RSA_EXPONENT_MAX ||
        value % 2 == 0)
        return hm_fail(err, HM_EFORMAT, "the RSA key's exponent is not an odd number from %d to %d",
                       RSA_EXPONENT_MIN, RSA_EXPONENT_MAX);
    if (modulus.size > HM_KEY_RSA_BITS_MAX / 8)
        return hm_fail(err, HM_EFORMAT, "the RSA key is longer than %d bits", HM_KEY_RSA_BITS_MAX);
    *ret_modulus = BN_bin2bn(modulus.data, (int)modulus.size, NULL);
    if (*ret_modulus == NULL)
        return hm_error_nomem(err);
    bits = BN_num_bits(*ret_modulus);
    if (bits < HM_KEY_RSA_BITS_MIN)
        return hm_fail(err, HM_EFORMAT, "the RSA key has %d bits; at least %d are needed", bits,
                       HM_KEY_RSA_BITS_MIN);
    if (!BN_is_odd(*ret_modulus))
        return hm_fail(err, HM_EFORMAT, "the RSA key's modulus is even");
    if (OSSL_PARAM_BLD_push_BN(params, OSSL_PKEY_PARAM_RSA_N, *ret_modulus) != 1 ||
        OSSL_PARAM_BLD_push_uint64(params, OSSL_PKEY_PARAM_RSA_E, value) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "an RSA key cannot be set up");
    return HM_OK;
}

static enum hm_rc push_raw(const struct hm_key_scheme *scheme, struct hm_bytes raw,
                           struct hm_err *err, OSSL_PARAM_BLD *params)
{
    if (raw.size != scheme->raw_size || (scheme->group != NULL && raw.data[0] != POINT_TAG))
        return hm_fail(err, HM_EFORMAT, "the %s key is not %zu bytes%s", scheme->name,
                       scheme->raw_size, scheme->group != NULL ? " of an uncompressed point" : "");
    if (strcmp(scheme->type, "ed25519") == 0)
        HM_TRY(check_ed25519(raw.data, err));
    if (scheme->group != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(params, OSSL_PKEY_PARAM_GROUP_NAME, scheme->group, 0) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a key cannot be set up");
    if (OSSL_PARAM_BLD_push_octet_string(params, OSSL_PKEY_PARAM_PUB_KEY, raw.data, raw.size) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a key cannot be set up");
    return HM_OK;
}

/* OpenSSL's object for the key. It refuses a point that is not on its curve. */
static enum hm_rc make_pkey(const struct hm_key_scheme *scheme, struct hm_bytes raw,
                            struct hm_err *err, EVP_PKEY **ret_pkey)
{
    _hm_free_(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *build = NULL;
    _hm_free_(OSSL_PARAM_free) OSSL_PARAM *params = NULL;
    _hm_free_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    _hm_free_(BN_free) BIGNUM *modulus = NULL; /* the builder borrows it */
    OSSL_LIB_CTX *library;

    HM_TRY(hm_provider_ctx(err, &library));
    build = OSSL_PARAM_BLD_new();
    if (build == NULL)
        return hm_error_nomem(err);
    if (scheme->is_rsa)
        HM_TRY(push_rsa(raw, err, build, &modulus));
    else
        HM_TRY(push_raw(scheme, raw, err, build));
    params = OSSL_PARAM_BLD_to_param(build);
    if (params == NULL)
        return hm_error_nomem(err);
    ctx = EVP_PKEY_CTX_new_from_name(library, scheme->algorithm, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
        return hm_provider_fail(err, HM_EUNKNOWN,
                                "the key's algorithm is not in the installed OpenSSL");
    if (EVP_PKEY_fromdata(ctx, ret_pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return hm_provider_fail(err, HM_EFORMAT, "the key's bytes are not a key of its kind");
    return HM_OK;
}

/* SHA-256 of {"keytype":T,"keyval":{"public":P},"scheme":S} in canonical JSON. Nothing in it needs
 * an escape: names are ours, and P is hexadecimal or PEM. */
static enum hm_rc compute_id(struct hm_key *key, struct hm_err *err)
{
    const char *parts[] = {
        "{\"keytype\":\"",
        key->scheme->type,
        "\",\"keyval\":{\"public\":\"",
        key->public_text,
        "\"},\"scheme\":\"",
        key->scheme->name,
        "\"}",
    };
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 id;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    for (size_t i = 0; i < HM_ARRAY_COUNT(parts); i++)
        HM_TRY(hm_digest_update(digest, hm_bytes_str(parts[i]), err));
    HM_TRY(hm_digest_final(digest, err, id.bytes));
    hm_text_hex(hm_bytes_make(id.bytes, sizeof(id.bytes)), key->id);
    return HM_OK;
}

/* Copies public_text and spki. */
static enum hm_rc make_key(const struct hm_key_scheme *scheme, struct hm_bytes raw,
                           struct hm_bytes public_text, struct hm_bytes spki, struct hm_err *err,
                           struct hm_key **ret_key)
{
    _hm_free_(hm_key_free) struct hm_key *key = calloc(1, sizeof(*key));

    if (key == NULL)
        return hm_error_nomem(err);
    key->scheme = scheme;
    HM_TRY(make_pkey(scheme, raw, err, &key->pkey));
    key->public_text = strndup((const char *)public_text.data, public_text.size);
    key->spki = malloc(spki.size);
    if (key->public_text == NULL || key->spki == NULL)
        return hm_error_nomem(err);
    memcpy(key->spki, spki.data, spki.size);
    key->spki_size = spki.size;
    HM_TRY(hm_digest_sha256(spki, err, &key->material));
    HM_TRY(compute_id(key, err));
    *ret_key = hm_steal(&key);
    return HM_OK;
}

static enum hm_rc append_pem(struct hm_bytes der, struct hm_err *err, struct hm_buf *ret_buf)
{
    size_t size = hm_pem_text_size(PEM_LABEL, der.size);

    HM_TRY(hm_buf_reserve(ret_buf, size, err));
    hm_pem_encode(PEM_LABEL, der, ret_buf->data + ret_buf->size);
    ret_buf->size += size;
    ret_buf->data[ret_buf->size] = 0;
    return HM_OK;
}

/* HM_EUNKNOWN if the installed OpenSSL lacks the scheme's algorithm. Asked before the key's form:
 * what cannot be used is to be ignored, whatever it looks like. */
static enum hm_rc check_available(const struct hm_key_scheme *scheme, struct hm_err *err)
{
    _hm_free_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    OSSL_LIB_CTX *library;

    HM_TRY(hm_provider_ctx(err, &library));
    ctx = EVP_PKEY_CTX_new_from_name(library, scheme->algorithm, NULL);
    if (ctx == NULL)
        return hm_provider_fail(err, HM_EUNKNOWN,
                                "the key's algorithm is not in the installed OpenSSL");
    return HM_OK;
}

static enum hm_rc parse_hex(const struct hm_key_scheme *scheme, struct hm_bytes public_text,
                            struct hm_err *err, struct hm_key **ret_key)
{
    uint8_t spki[HEX_SPKI_SIZE_MAX];
    struct hm_bytes id = scheme->algorithm_id;
    size_t raw_offset = 2 + id.size + 3;

    HM_ASSERT(raw_offset + scheme->raw_size <= sizeof(spki));
    /* All lengths are below 128, so each takes one byte. */
    spki[0] = DER_SEQUENCE;
    spki[1] = (uint8_t)(id.size + 3 + scheme->raw_size);
    memcpy(spki + 2, id.data, id.size);
    spki[2 + id.size] = DER_BIT_STRING;
    spki[3 + id.size] = (uint8_t)(1 + scheme->raw_size);
    spki[4 + id.size] = 0;
    if (hm_text_unhex(public_text, spki + raw_offset, scheme->raw_size) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "the %s key is not %zu hexadecimal digits", scheme->name,
                       2 * scheme->raw_size);
    return make_key(scheme, hm_bytes_make(spki + raw_offset, scheme->raw_size), public_text,
                    hm_bytes_make(spki, raw_offset + scheme->raw_size), err, ret_key);
}

/* Decodes a PEM block of at most HM_KEY_PUBLIC_SIZE_MAX bytes. */
static enum hm_rc decode_pem(struct hm_bytes pem, struct hm_err *err, struct hm_buf *ret_der)
{
    if (pem.size > HM_KEY_PUBLIC_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the public key is longer than %d bytes",
                       HM_KEY_PUBLIC_SIZE_MAX);
    HM_TRY(hm_buf_reserve(ret_der, pem.size, err));
    return hm_pem_decode(pem, PEM_LABEL, err, ret_der->data, &ret_der->size);
}

static enum hm_rc parse_tuf_pem(const struct hm_key_scheme *scheme, struct hm_bytes public_text,
                                struct hm_err *err, struct hm_key **ret_key)
{
    _hm_done_(hm_buf_done) struct hm_buf der = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct hm_bytes id;
    struct hm_bytes raw;

    HM_TRY(decode_pem(public_text, err, &der));
    HM_TRY(split_spki(hm_buf_bytes(&der), err, &id, &raw));
    if (!hm_bytes_is_equal(id, scheme->algorithm_id))
        return hm_fail(err, HM_EFORMAT, "the key in PEM is not of the kind that %s needs",
                       scheme->name);
    return make_key(scheme, raw, public_text, hm_buf_bytes(&der), err, ret_key);
}

enum hm_rc hm_key_parse_tuf(struct hm_bytes keytype, struct hm_bytes scheme,
                            struct hm_bytes public_text, struct hm_err *err,
                            struct hm_key **ret_key)
{
    const struct hm_key_scheme *found = NULL;

    for (size_t i = 0; i < HM_ARRAY_COUNT(schemes) && found == NULL; i++) {
        if (!schemes[i].is_raw && hm_bytes_is_str(keytype, schemes[i].type) &&
            hm_bytes_is_str(scheme, schemes[i].name))
            found = &schemes[i];
    }
    if (found == NULL)
        return hm_fail(err, HM_EUNKNOWN, "key type '%.*s' with scheme '%.*s' is not known here",
                       HM_BYTES_FMT(keytype), HM_BYTES_FMT(scheme));
    HM_TRY(check_available(found, err));
    if (found->is_hex && (!found->is_pem || !hm_pem_has_label(public_text, PEM_LABEL)))
        return parse_hex(found, public_text, err, ret_key);
    return parse_tuf_pem(found, public_text, err, ret_key);
}

enum hm_rc hm_key_parse_spki(struct hm_bytes der, struct hm_err *err, struct hm_key **ret_key)
{
    const struct hm_key_scheme *scheme = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct hm_bytes id;
    struct hm_bytes raw;

    HM_TRY(split_spki(der, err, &id, &raw));
    for (size_t i = 0; i < HM_ARRAY_COUNT(schemes) && scheme == NULL; i++) {
        if (schemes[i].is_default && hm_bytes_is_equal(id, schemes[i].algorithm_id))
            scheme = &schemes[i];
    }
    if (scheme == NULL)
        return hm_fail(err, HM_EUNKNOWN, "the key is of a kind or curve not known here");
    HM_TRY(check_available(scheme, err));
    if (scheme->is_pem) {
        HM_TRY(append_pem(der, err, &text));
        return make_key(scheme, raw, hm_buf_bytes(&text), der, err, ret_key);
    }
    HM_TRY(hm_buf_reserve(&text, 2 * raw.size + 1, err));
    hm_text_hex(raw, (char *)text.data);
    return make_key(scheme, raw, hm_bytes_make(text.data, 2 * raw.size), der, err, ret_key);
}

enum hm_rc hm_key_parse_pem(struct hm_bytes pem, struct hm_err *err, struct hm_key **ret_key)
{
    _hm_done_(hm_buf_done) struct hm_buf der = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);

    HM_TRY(decode_pem(pem, err, &der));
    return hm_key_parse_spki(hm_buf_bytes(&der), err, ret_key);
}

static size_t write_der_head(uint8_t tag, size_t size, uint8_t *to)
{
    to[0] = tag;
    if (size < 0x80) {
        to[1] = (uint8_t)size;
        return 2;
    }
    HM_ASSERT(size >= 0x100 && size <= UINT16_MAX); /* none of the table's is in between */
    to[1] = 0x82;
    to[2] = (uint8_t)(size >> 8);
    to[3] = (uint8_t)(size & 0xff);
    return 4;
}

enum hm_rc hm_key_parse_raw(const char *scheme, struct hm_bytes raw, struct hm_err *err,
                            struct hm_key **ret_key)
{
    const struct hm_key_scheme *found = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    uint8_t head[8];
    uint8_t spki[RAW_SPKI_SIZE_MAX];
    size_t inner;
    size_t size;

    for (size_t i = 0; i < HM_ARRAY_COUNT(schemes) && found == NULL; i++) {
        if ((schemes[i].is_raw || schemes[i].is_hex) && !schemes[i].is_pem &&
            strcmp(scheme, schemes[i].name) == 0)
            found = &schemes[i];
    }
    if (found == NULL)
        return hm_fail(err, HM_EUNKNOWN, "scheme '%s' has no raw keys known here", scheme);
    HM_TRY(check_available(found, err));
    if (raw.size != found->raw_size)
        return hm_fail(err, HM_EFORMAT, "the %s key is not %zu bytes", found->name,
                       found->raw_size);
    inner = found->algorithm_id.size + 1 + raw.size +
            write_der_head(DER_BIT_STRING, 1 + raw.size, head);
    size = write_der_head(DER_SEQUENCE, inner, spki);
    HM_ASSERT(size + inner <= sizeof(spki));
    memcpy(spki + size, found->algorithm_id.data, found->algorithm_id.size);
    size += found->algorithm_id.size;
    size += write_der_head(DER_BIT_STRING, 1 + raw.size, spki + size);
    spki[size++] = 0;
    memcpy(spki + size, raw.data, raw.size);
    size += raw.size;
    HM_TRY(hm_buf_reserve(&text, 2 * raw.size + 1, err));
    hm_text_hex(raw, (char *)text.data);
    return make_key(found, raw, hm_bytes_make(text.data, 2 * raw.size), hm_bytes_make(spki, size),
                    err, ret_key);
}

struct hm_bytes hm_key_raw(const struct hm_key *key)
{
    size_t size = key->scheme->raw_size;

    return size == 0 ? HM_BYTES_EMPTY : hm_bytes_make(key->spki + key->spki_size - size, size);
}

enum hm_rc hm_key_write_pem(const struct hm_key *key, struct hm_err *err, struct hm_buf *ret_buf)
{
    return append_pem(hm_bytes_make(key->spki, key->spki_size), err, ret_buf);
}

void hm_key_free(struct hm_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key->public_text);
    free(key->spki);
    free(key);
}

const char *hm_key_type(const struct hm_key *key)
{
    return key->scheme->type;
}

const char *hm_key_scheme(const struct hm_key *key)
{
    return key->scheme->name;
}

const char *hm_key_public(const struct hm_key *key)
{
    return key->public_text;
}

const struct hm_sha256 *hm_key_material(const struct hm_key *key)
{
    return &key->material;
}

const char *hm_key_id(const struct hm_key *key)
{
    return key->id;
}

enum hm_rc hm_key_start(const struct hm_key *key, EVP_PKEY *pkey, struct hm_err *err,
                        EVP_MD_CTX *ret_ctx)
{
    const struct hm_key_scheme *scheme = key->scheme;
    char pss[] = OSSL_PKEY_RSA_PAD_MODE_PSS;
    /* Signers write salts as long as the digest or as the modulus allows: read any. */
    char salt_any[] = OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO;
    char salt_digest[] = OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST;
    char mgf1[16] = "";
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END};
    OSSL_LIB_CTX *library;
    int done;

    HM_TRY(hm_provider_ctx(err, &library));
    if (scheme->is_rsa) {
        (void)snprintf(mgf1, sizeof(mgf1), "%s", scheme->digest);
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, pss, 0);
        params[1] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
                                                     pkey == NULL ? salt_any : salt_digest, 0);
        params[2] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, mgf1, 0);
    }
    if (pkey == NULL)
        done = EVP_DigestVerifyInit_ex(ret_ctx, NULL, scheme->digest, library, NULL, key->pkey,
                                       params);
    else
        done = EVP_DigestSignInit_ex(ret_ctx, NULL, scheme->digest, library, NULL, pkey, params);
    if (done != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "OpenSSL does not start a signature operation");
    return HM_OK;
}

enum hm_rc hm_key_frame(const struct hm_key *key, struct hm_bytes message, struct hm_err *err,
                        uint8_t frame[HM_KEY_FRAME_SIZE], struct hm_bytes *ret_signed)
{
    struct hm_sha512 sha512;

    if (!key->scheme->is_framed) {
        /* OpenSSL takes no NULL, even for nothing. */
        *ret_signed = message.size != 0 ? message : HM_BYTES_LITERAL("");
        return HM_OK;
    }
    HM_TRY(hm_digest_sha512(message, err, &sha512));
    memcpy(frame, "tuf\x01", 4);
    memcpy(frame + 4, sha512.bytes, sizeof(sha512.bytes));
    *ret_signed = hm_bytes_make(frame, HM_KEY_FRAME_SIZE);
    return HM_OK;
}

/* Some forms that OpenSSL would take or take long over. */
static bool is_size_possible(const struct hm_key *key, size_t size)
{
    /* RFC 8017 section 8.1.2 step 1: exactly as long as the modulus. */
    if (key->scheme->is_rsa)
        return size == (size_t)EVP_PKEY_get_size(key->pkey);
    if (key->scheme->signature_size != 0)
        return size == key->scheme->signature_size;
    return size > 0 && size <= HM_KEY_SIGNATURE_SIZE_MAX;
}

enum hm_rc hm_key_verify_plain(const struct hm_key *key, struct hm_bytes bytes,
                               struct hm_bytes signature, struct hm_err *err)
{
    _hm_free_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = NULL;

    if (!is_size_possible(key, signature.size))
        return hm_fail(err, HM_ESIGNATURE, "a signature of %zu bytes cannot be one by the %s key",
                       signature.size, key->scheme->name);
    ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_key_start(key, NULL, err, ctx));
    if (EVP_DigestVerify(ctx, signature.data, signature.size, bytes.data, bytes.size) != 1)
        return hm_provider_fail(err, HM_ESIGNATURE, "the signature is not by this key");
    return HM_OK;
}

enum hm_rc hm_key_verify(const struct hm_key *key, struct hm_bytes message,
                         struct hm_bytes signature, struct hm_err *err)
{
    uint8_t frame[HM_KEY_FRAME_SIZE];
    struct hm_bytes bytes;

    HM_TRY(hm_key_frame(key, message, err, frame, &bytes));
    return hm_key_verify_plain(key, bytes, signature, err);
}

enum hm_rc hm_key_verify_sha256(const struct hm_key *key, enum hm_key_padding padding,
                                struct hm_bytes message, struct hm_bytes signature,
                                struct hm_err *err)
{
    _hm_free_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    char pkcs1[] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15, pss[] = OSSL_PKEY_RSA_PAD_MODE_PSS;
    char salt_any[] = OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO;
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END};
    OSSL_LIB_CTX *library;

    if (ctx == NULL)
        return hm_error_nomem(err);
    if (key->scheme->is_rsa != (padding != HM_KEY_PADDING_NONE) ||
        (!key->scheme->is_rsa && key->scheme->group == NULL))
        return hm_fail(err, HM_ESIGNATURE, "the key is of another kind than the signature");
    if (message.size == 0 || !is_size_possible(key, signature.size))
        return hm_fail(err, HM_ESIGNATURE, "a signature of %zu bytes cannot be one by this key",
                       signature.size);
    if (padding != HM_KEY_PADDING_NONE)
        params[0] = OSSL_PARAM_construct_utf8_string(
            OSSL_SIGNATURE_PARAM_PAD_MODE, padding == HM_KEY_PADDING_PSS ? pss : pkcs1, 0);
    if (padding == HM_KEY_PADDING_PSS)
        params[1] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, salt_any, 0);
    HM_TRY(hm_provider_ctx(err, &library));
    if (EVP_DigestVerifyInit_ex(ctx, NULL, "SHA2-256", library, NULL, key->pkey, params) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "OpenSSL does not start a signature operation");
    if (EVP_DigestVerify(ctx, signature.data, signature.size, message.data, message.size) != 1)
        return hm_provider_fail(err, HM_ESIGNATURE, "the signature is not by this key");
    return HM_OK;
}
