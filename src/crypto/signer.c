/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys in PKCS#8 files. See signer.h.
 *
 * Plain key bytes pass only through struct hm_secret and OpenSSL objects that wipe themselves when
 * released.
 */
#include "crypto/provider.h"

#include "crypto/signer.h"

#include "crypto/key_internal.h"
#include "crypto/pem.h"

#define LABEL_PLAIN       "PRIVATE KEY"
#define LABEL_ENCRYPTED   "ENCRYPTED PRIVATE KEY"
#define LABEL_PUBLIC      "PUBLIC KEY"
#define SALT_SIZE         16
#define IV_SIZE           16
#define ED25519_SEED_SIZE 32

/* The AlgorithmIdentifier of an encrypted file: PBES2 with scrypt and AES-256-CBC (RFC 8018
 * appendix A.4, RFC 7914 section 7), whose parts all have a fixed size here. PKCS5_pbe2_set_scrypt
 * would make the same, but works in OpenSSL's default context and so would read the system's
 * configuration.
 *
 *   SEQUENCE { OID pbes2, SEQUENCE { SEQUENCE { OID scrypt, SEQUENCE { salt, N, r, p } },
 *                                    SEQUENCE { OID aes256-cbc, iv } } }
 */
#define ALGORITHM_HEAD                                                                             \
    0x30, 0x57, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d, 0x30, 0x4a,      \
        0x30, 0x29, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b, 0x30, 0x1c,  \
        0x04, SALT_SIZE
#define ALGORITHM_MIDDLE                                                                           \
    0x02, 0x02, HM_SIGNER_SCRYPT_N >> 8, HM_SIGNER_SCRYPT_N & 0xff, 0x02, 0x01,                    \
        HM_SIGNER_SCRYPT_R, 0x02, 0x01, HM_SIGNER_SCRYPT_P, 0x30, 0x1d, 0x06, 0x09, 0x60, 0x86,    \
        0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a, 0x04, IV_SIZE
_Static_assert(HM_SIGNER_SCRYPT_N >> 8 > 0 && HM_SIGNER_SCRYPT_N >> 15 == 0, "two DER bytes");

struct hm_signer {
    EVP_PKEY *pkey;
    struct hm_key *key;
};

static const struct {
    const char *kind;
    const char *algorithm; /* OpenSSL's name */
    const char *group;
    size_t bits; /* RSA */
} kinds[] = {
    {.kind = "ed25519", .algorithm = "ED25519"},
    {.kind = "ecdsa-p256", .algorithm = "EC", .group = "P-256"},
    {.kind = "ecdsa-p384", .algorithm = "EC", .group = "P-384"},
    {.kind = "rsa-3072", .algorithm = "RSA", .bits = 3072},
    {.kind = "rsa-4096", .algorithm = "RSA", .bits = 4096},
    {.kind = "ml-dsa-44", .algorithm = "ML-DSA-44"},
    {.kind = "ml-dsa-65", .algorithm = "ML-DSA-65"},
};

HM_DEFINE_FREE(PKCS8_PRIV_KEY_INFO_free, PKCS8_PRIV_KEY_INFO);
HM_DEFINE_FREE(X509_ALGOR_free, X509_ALGOR);
HM_DEFINE_FREE(X509_SIG_free, X509_SIG);

/* Takes pkey, also on failure, and finds its public half. */
static enum hm_rc make_signer(EVP_PKEY *pkey, struct hm_err *err, struct hm_signer **ret_signer)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = calloc(1, sizeof(*signer));
    uint8_t *der = NULL;
    enum hm_rc rc;
    int size;

    if (signer == NULL) {
        EVP_PKEY_free(pkey);
        return hm_error_nomem(err);
    }
    signer->pkey = pkey;
    size = i2d_PUBKEY(pkey, &der);
    if (size <= 0)
        return hm_provider_fail(err, HM_EFORMAT, "the key has no public half");
    rc = hm_key_parse_spki(hm_bytes_make(der, (size_t)size), err, &signer->key);
    OPENSSL_free(der);
    HM_TRY(rc);
    *ret_signer = hm_steal(&signer);
    return HM_OK;
}

enum hm_rc hm_signer_generate(const char *kind, struct hm_err *err, struct hm_signer **ret_signer)
{
    _hm_free_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};
    OSSL_LIB_CTX *library;
    EVP_PKEY *pkey = NULL;
    char group[16] = "";
    size_t bits;
    size_t i = 0;

    while (i < HM_ARRAY_COUNT(kinds) && strcmp(kinds[i].kind, kind) != 0)
        i++;
    if (i == HM_ARRAY_COUNT(kinds))
        return hm_fail(err, HM_EUSAGE,
                       "'%s' is no kind of key; use ed25519, ecdsa-p256, ecdsa-p384, rsa-3072, "
                       "rsa-4096, ml-dsa-44 or ml-dsa-65",
                       kind);
    bits = kinds[i].bits;
    if (kinds[i].group != NULL) {
        (void)snprintf(group, sizeof(group), "%s", kinds[i].group);
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    } else if (bits != 0) {
        params[0] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
    }
    HM_TRY(hm_provider_ctx(err, &library));
    ctx = EVP_PKEY_CTX_new_from_name(library, kinds[i].algorithm, NULL);
    if (ctx == NULL)
        return hm_provider_fail(err, HM_EUNKNOWN, "the installed OpenSSL has no such kind of key");
    if (EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_params(ctx, params) != 1 ||
        EVP_PKEY_generate(ctx, &pkey) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "OpenSSL does not generate a key");
    return make_signer(pkey, err, ret_signer);
}

/* Makes the signer of a decrypted key. */
static enum hm_rc from_pkcs8(const PKCS8_PRIV_KEY_INFO *info, struct hm_err *err,
                             struct hm_signer **ret_signer)
{
    OSSL_LIB_CTX *library;
    EVP_PKEY *pkey;

    HM_TRY(hm_provider_ctx(err, &library));
    pkey = EVP_PKCS82PKEY_ex(info, library, NULL);
    if (pkey == NULL)
        return hm_provider_fail(err, HM_EFORMAT,
                                "the private key is malformed or of a kind not "
                                "known here");
    /* A file may ask for its public point to be written compressed, which key.h refuses. */
    if (EVP_PKEY_is_a(pkey, "EC") == 1 &&
        EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "uncompressed") != 1) {
        EVP_PKEY_free(pkey);
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be set up");
    }
    return make_signer(pkey, err, ret_signer);
}

static enum hm_rc load_plain(struct hm_bytes der, struct hm_err *err, struct hm_signer **ret_signer)
{
    _hm_free_(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;
    const uint8_t *next = der.data;

    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &next, (long)der.size);
    if (info == NULL || next != der.data + der.size)
        return hm_provider_fail(err, HM_EFORMAT, "the private key is not PKCS#8");
    return from_pkcs8(info, err, ret_signer);
}

static enum hm_rc load_encrypted(const char *path, struct hm_bytes der,
                                 hm_signer_passphrase_fn *ask, void *ctx, struct hm_err *err,
                                 struct hm_signer **ret_signer)
{
    _hm_free_(X509_SIG_free) X509_SIG *encrypted = NULL;
    const uint8_t *next = der.data;
    OSSL_LIB_CTX *library;

    HM_TRY(hm_provider_ctx(err, &library));
    encrypted = d2i_X509_SIG(NULL, &next, (long)der.size);
    if (encrypted == NULL || next != der.data + der.size)
        return hm_provider_fail(err, HM_EFORMAT, "the private key is not encrypted PKCS#8");
    if (ask == NULL)
        return hm_fail(err, HM_EINPUT,
                       "the key is encrypted and there is no way to ask for its "
                       "passphrase");
    for (int attempt = 0; attempt < HM_SIGNER_ATTEMPT_COUNT_MAX; attempt++) {
        _hm_done_(hm_secret_done) struct hm_secret passphrase = HM_SECRET_INIT;
        _hm_free_(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;

        HM_TRY(ask(ctx, path, attempt, err, &passphrase));
        if (passphrase.size > HM_SIGNER_FILE_SIZE_MAX)
            return hm_fail(err, HM_EFORMAT, "the passphrase is longer than %d bytes",
                           HM_SIGNER_FILE_SIZE_MAX);
        info =
            PKCS8_decrypt_ex(encrypted, passphrase.size == 0 ? "" : (const char *)passphrase.data,
                             (int)passphrase.size, library, NULL);
        if (info != NULL) {
            ERR_clear_error(); /* earlier attempts' */
            return from_pkcs8(info, err, ret_signer);
        }
    }
    return hm_provider_fail(err, HM_EFORMAT,
                            "the passphrase is wrong, or the file is damaged or encrypted in a way "
                            "not known here");
}

enum hm_rc hm_signer_parse(const char *name, struct hm_bytes pem, hm_signer_passphrase_fn *ask,
                           void *ctx, struct hm_err *err, struct hm_signer **ret_signer)
{
    _hm_done_(hm_secret_done) struct hm_secret der = HM_SECRET_INIT;

    HM_TRY(hm_secret_init(&der, pem.size + 1, err));
    if (hm_pem_has_label(pem, LABEL_PLAIN)) {
        HM_TRY(hm_pem_decode(pem, LABEL_PLAIN, err, der.data, &der.size));
        return load_plain(hm_bytes_make(der.data, der.size), err, ret_signer);
    }
    if (hm_pem_has_label(pem, LABEL_ENCRYPTED)) {
        HM_TRY(hm_pem_decode(pem, LABEL_ENCRYPTED, err, der.data, &der.size));
        return load_encrypted(name, hm_bytes_make(der.data, der.size), ask, ctx, err, ret_signer);
    }
    if (hm_pem_has_label(pem, LABEL_PUBLIC))
        return hm_fail(err, HM_EFORMAT, "this is a public key; name the file of the private one");
    return hm_fail(err, HM_EFORMAT,
                   "not a private key in PKCS#8 PEM (older forms are converted by "
                   "'openssl pkcs8 -topk8 -in OLD -out NEW')");
}

enum hm_rc hm_signer_parse_seed(struct hm_bytes seed, struct hm_err *err,
                                struct hm_signer **ret_signer)
{
    /* RFC 8410 section 7: PrivateKeyInfo of Ed25519, whose lengths never vary. */
    static const uint8_t head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                   0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    _hm_done_(hm_secret_done) struct hm_secret der = HM_SECRET_INIT;

    if (seed.size != ED25519_SEED_SIZE)
        return hm_fail(err, HM_EFORMAT, "an Ed25519 private key is not %d bytes",
                       ED25519_SEED_SIZE);
    HM_TRY(hm_secret_init(&der, sizeof(head) + seed.size, err));
    memcpy(der.data, head, sizeof(head));
    memcpy(der.data + sizeof(head), seed.data, seed.size);
    der.size = sizeof(head) + seed.size;
    return load_plain(hm_bytes_make(der.data, der.size), err, ret_signer);
}

enum hm_rc hm_signer_seed(const struct hm_signer *signer, struct hm_err *err,
                          struct hm_secret *ret_seed)
{
    _hm_done_(hm_secret_done) struct hm_secret seed = HM_SECRET_INIT;
    size_t size = ED25519_SEED_SIZE;

    if (EVP_PKEY_is_a(signer->pkey, "ED25519") != 1)
        return hm_fail(err, HM_EUNKNOWN, "only Ed25519 keys have a seed; this one is %s",
                       hm_key_scheme(signer->key));
    HM_TRY(hm_secret_init(&seed, size, err));
    if (EVP_PKEY_get_raw_private_key(signer->pkey, seed.data, &size) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be written");
    seed.size = size;
    *ret_seed = seed;
    seed = (struct hm_secret)HM_SECRET_INIT;
    return HM_OK;
}

enum hm_rc hm_signer_load(const char *path, hm_signer_passphrase_fn *ask, void *ctx,
                          struct hm_err *err, struct hm_signer **ret_signer)
{
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    enum hm_rc rc = hm_secret_read(path, HM_SIGNER_FILE_SIZE_MAX, false, err, &pem);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT, "'%s': there is no such key file", path);
    HM_TRY(rc);
    rc = hm_signer_parse(path, hm_bytes_make(pem.data, pem.size), ask, ctx, err, ret_signer);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    return HM_OK;
}

static enum hm_rc write_pem(const char *label, struct hm_bytes der, struct hm_err *err,
                            struct hm_secret *ret_pem)
{
    size_t size = hm_pem_text_size(label, der.size);

    HM_TRY(hm_secret_init(ret_pem, size, err));
    hm_pem_encode(label, der, ret_pem->data);
    ret_pem->size = size;
    return HM_OK;
}

static enum hm_rc write_plain(const PKCS8_PRIV_KEY_INFO *info, struct hm_err *err,
                              struct hm_secret *ret_pem)
{
    _hm_done_(hm_secret_done) struct hm_secret der = HM_SECRET_INIT;
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    uint8_t *next;

    if (size <= 0)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be written");
    HM_TRY(hm_secret_init(&der, (size_t)size, err));
    next = der.data;
    if (i2d_PKCS8_PRIV_KEY_INFO(info, &next) != size)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be written");
    return write_pem(LABEL_PLAIN, hm_bytes_make(der.data, (size_t)size), err, ret_pem);
}

static enum hm_rc write_encrypted(PKCS8_PRIV_KEY_INFO *info, const struct hm_secret *passphrase,
                                  struct hm_err *err, struct hm_secret *ret_pem)
{
    _hm_free_(X509_ALGOR_free) X509_ALGOR *algorithm = NULL;
    _hm_free_(X509_SIG_free) X509_SIG *encrypted = NULL;
    static const uint8_t head[] = {ALGORITHM_HEAD};
    static const uint8_t middle[] = {ALGORITHM_MIDDLE};
    uint8_t parameters[sizeof(head) + SALT_SIZE + sizeof(middle) + IV_SIZE];
    uint8_t *salt = parameters + sizeof(head);
    uint8_t *iv = salt + SALT_SIZE + sizeof(middle);
    const uint8_t *next = parameters;
    OSSL_LIB_CTX *library;
    uint8_t *der = NULL;
    enum hm_rc rc;
    int size;

    if (passphrase->size > HM_SIGNER_FILE_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "the passphrase is longer than %d bytes",
                       HM_SIGNER_FILE_SIZE_MAX);
    HM_TRY(hm_provider_ctx(err, &library));
    memcpy(parameters, head, sizeof(head));
    memcpy(salt + SALT_SIZE, middle, sizeof(middle));
    if (RAND_bytes_ex(library, salt, SALT_SIZE, 0) != 1 ||
        RAND_bytes_ex(library, iv, IV_SIZE, 0) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be encrypted");
    algorithm = d2i_X509_ALGOR(NULL, &next, (long)sizeof(parameters));
    if (algorithm == NULL)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be encrypted");
    encrypted = PKCS8_set0_pbe_ex((const char *)passphrase->data, (int)passphrase->size, info,
                                  algorithm, library, NULL);
    if (encrypted == NULL)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be encrypted");
    (void)hm_steal(&algorithm); /* the encrypted key has it now */
    size = i2d_X509_SIG(encrypted, &der);
    if (size <= 0)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be written");
    rc = write_pem(LABEL_ENCRYPTED, hm_bytes_make(der, (size_t)size), err, ret_pem);
    OPENSSL_free(der);
    return rc;
}

enum hm_rc hm_signer_write(const struct hm_signer *signer, const struct hm_secret *passphrase,
                           struct hm_err *err, struct hm_secret *ret_pem)
{
    _hm_free_(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = NULL;

    info = EVP_PKEY2PKCS8(signer->pkey);
    if (info == NULL)
        return hm_provider_fail(err, HM_EINTERNAL, "the private key cannot be written");
    if (passphrase == NULL || passphrase->size == 0)
        return write_plain(info, err, ret_pem);
    return write_encrypted(info, passphrase, err, ret_pem);
}

void hm_signer_free(struct hm_signer *signer)
{
    if (signer == NULL)
        return;
    EVP_PKEY_free(signer->pkey);
    hm_key_free(signer->key);
    free(signer);
}

const struct hm_key *hm_signer_key(const struct hm_signer *signer)
{
    return signer->key;
}

static enum hm_rc sign(const struct hm_signer *signer, struct hm_bytes bytes, struct hm_err *err,
                       struct hm_buf *ret_signature)
{
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    _hm_free_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = NULL;
    size_t size = HM_KEY_SIGNATURE_SIZE_MAX;

    HM_TRY(hm_buf_reserve(&signature, size, err));
    ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_key_start(signer->key, signer->pkey, err, ctx));
    if (EVP_DigestSign(ctx, signature.data, &size, bytes.data, bytes.size) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "OpenSSL does not sign");
    signature.size = size;
    /* A fault while signing can give the private key away (RSA-CRT, Ed25519). */
    if (hm_key_verify_plain(signer->key, bytes, hm_buf_bytes(&signature), err) != HM_OK)
        return hm_fail(err, HM_EINTERNAL,
                       "a fresh signature is not valid: the machine is faulty, or the key file's "
                       "two halves do not belong together");
    return hm_buf_append(ret_signature, hm_buf_bytes(&signature), err);
}

enum hm_rc hm_signer_sign(const struct hm_signer *signer, struct hm_bytes message,
                          struct hm_err *err, struct hm_buf *ret_signature)
{
    uint8_t frame[HM_KEY_FRAME_SIZE];
    struct hm_bytes bytes;

    HM_TRY(hm_key_frame(signer->key, message, err, frame, &bytes));
    return sign(signer, bytes, err, ret_signature);
}

enum hm_rc hm_signer_sign_plain(const struct hm_signer *signer, struct hm_bytes message,
                                struct hm_err *err, struct hm_buf *ret_signature)
{
    /* OpenSSL takes no NULL, even for nothing. */
    return sign(signer, message.size != 0 ? message : HM_BYTES_LITERAL(""), err, ret_signature);
}
