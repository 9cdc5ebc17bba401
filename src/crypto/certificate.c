/* SPDX-License-Identifier: Apache-2.0 */
/* Self-signed certificates (RFC 5280) through OpenSSL. See certificate.h. */
#include "crypto/provider.h"

#include "crypto/certificate.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define VERSION_3     2   /* counted from 0 */
#define SERIAL_BITS   159 /* RFC 5280 4.1.2.2: positive, at most 20 bytes */
#define SAN_SIZE_MAX  ((HM_CERTIFICATE_NAME_SIZE_MAX + 8) * HM_CERTIFICATE_NAMES_MAX)
#define CLOCK_SLACK_S 3600 /* clocks of customers may be behind */
#define KEY_PEM_MAX   4096

HM_DEFINE_FREE(X509_free, X509);
HM_DEFINE_FREE(BIO_free_all, BIO);
HM_DEFINE_FREE(ASN1_INTEGER_free, ASN1_INTEGER);
HM_DEFINE_FREE(X509_EXTENSION_free, X509_EXTENSION);

static bool is_address(const char *name)
{
    struct in6_addr address;

    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* "DNS:a,IP:127.0.0.1", of names that were looked at. */
static enum hm_rc make_names(const char *const *names, size_t count, struct hm_err *err,
                             struct hm_buf *ret_text)
{
    if (count == 0 || count > HM_CERTIFICATE_NAMES_MAX)
        return hm_fail(err, HM_EUSAGE, "a certificate is made for 1 to %d names",
                       HM_CERTIFICATE_NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-";
        bool is_ip = is_address(names[i]);

        if (names[i][0] == '\0' || strlen(names[i]) > HM_CERTIFICATE_NAME_SIZE_MAX ||
            (!is_ip && names[i][strspn(names[i], allowed)] != '\0'))
            return hm_fail(err, HM_EUSAGE, "'%s' is no host name or address for a certificate",
                           names[i]);
        HM_TRY(hm_buf_append_fmt(ret_text, err, "%s%s:%s", i == 0 ? "" : ",", is_ip ? "IP" : "DNS",
                                 names[i]));
    }
    return HM_OK;
}

static bool set_serial(X509 *certificate)
{
    _hm_free_(BN_free) BIGNUM *number = BN_new();
    _hm_free_(ASN1_INTEGER_free) ASN1_INTEGER *serial = NULL;

    if (number == NULL || BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1)
        return false;
    serial = BN_to_ASN1_INTEGER(number, NULL);
    return serial != NULL && X509_set_serialNumber(certificate, serial) == 1;
}

static bool add_extension(X509 *certificate, X509V3_CTX *ctx, int kind, const char *value)
{
    _hm_free_(X509_EXTENSION_free) X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, ctx, kind, value);

    return extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
}

/* A leaf that is its own issuer: it can vouch for nothing else. */
static bool fill(X509 *certificate, EVP_PKEY *key, const char *subject, const char *names,
                 int64_t now_unix_s, int64_t valid_s)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, certificate, certificate, NULL, NULL, 0);
    return X509_set_version(certificate, VERSION_3) == 1 && set_serial(certificate) &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), now_unix_s - CLOCK_SLACK_S) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), now_unix_s + valid_s) != NULL &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, &ctx, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, &ctx, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, &ctx, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, &ctx, NID_subject_alt_name, names) &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

static enum hm_rc write_certificate(X509 *certificate, struct hm_err *err,
                                    struct hm_buf *ret_certificate)
{
    _hm_free_(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long size;

    if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a certificate cannot be written");
    size = BIO_get_mem_data(bio, &data);
    return hm_buf_append(ret_certificate, hm_bytes_make(data, (size_t)size), err);
}

static enum hm_rc write_key(EVP_PKEY *key, struct hm_err *err, struct hm_secret *ret_key)
{
    _hm_free_(BIO_free_all) BIO *bio = BIO_new(BIO_s_secmem());
    char *data = NULL;
    long size;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a private key cannot be written");
    size = BIO_get_mem_data(bio, &data);
    if (size <= 0 || size > KEY_PEM_MAX)
        return hm_fail(err, HM_EINTERNAL, "a private key has no size");
    HM_TRY(hm_secret_init(ret_key, (size_t)size, err));
    memcpy(ret_key->data, data, (size_t)size);
    ret_key->size = (size_t)size;
    OPENSSL_cleanse(data, (size_t)size);
    return HM_OK;
}

enum hm_rc hm_certificate_make(const char *const *names, size_t count, int64_t now_unix_s,
                               int64_t valid_s, struct hm_err *err, struct hm_buf *ret_certificate,
                               struct hm_secret *ret_key)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(SAN_SIZE_MAX);
    _hm_free_(EVP_PKEY_free) EVP_PKEY *key = NULL;
    _hm_free_(X509_free) X509 *certificate = NULL;
    OSSL_LIB_CTX *ctx = NULL;

    HM_TRY(make_names(names, count, err, &text));
    HM_TRY(hm_provider_ctx(err, &ctx));
    key = EVP_PKEY_Q_keygen(ctx, NULL, "EC", "P-256");
    certificate = X509_new_ex(ctx, NULL);
    if (key == NULL || certificate == NULL ||
        !fill(certificate, key, strlen(names[0]) > 64 ? "hallmark" : names[0], hm_buf_str(&text),
              now_unix_s, valid_s))
        return hm_provider_fail(err, HM_EINTERNAL, "a certificate cannot be made");
    HM_TRY(write_certificate(certificate, err, ret_certificate));
    return write_key(key, err, ret_key);
}

enum hm_rc hm_certificate_fingerprint(struct hm_bytes pem, struct hm_err *err,
                                      struct hm_sha256 *ret_sha256)
{
    _hm_free_(BIO_free_all) BIO *bio = NULL;
    _hm_free_(X509_free) X509 *certificate = NULL;
    unsigned char *der = NULL;
    enum hm_rc rc;
    int size;

    if (pem.size > HM_CERTIFICATE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a certificate is longer than %d bytes",
                       HM_CERTIFICATE_SIZE_MAX);
    bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (certificate == NULL)
        return hm_provider_fail(err, HM_EFORMAT, "there is no certificate in PEM");
    size = i2d_X509(certificate, &der);
    if (size <= 0)
        return hm_provider_fail(err, HM_EINTERNAL, "a certificate cannot be written");
    rc = hm_digest_sha256(hm_bytes_make(der, (size_t)size), err, ret_sha256);
    OPENSSL_free(der);
    return rc;
}
