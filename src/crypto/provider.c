/* SPDX-License-Identifier: Apache-2.0 */
/* The process's OpenSSL library context. See provider.h. */

#include "crypto/provider.h"

#include <pthread.h>

/* Written once, inside pthread_once. Nothing is ever freed: the objects live as long as the
 * process, and OpenSSL's own clean-up at exit would race with threads that still run. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *library;
static EVP_MD *digests[3];

static void library_init(void)
{
    OSSL_LIB_CTX *ctx;

    /* For the whole process: even with a context of our own, EVP_PKEY_CTX_new_from_name asks the
     * engines first, and so would load the configuration that may name some. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        return;
    ctx = OSSL_LIB_CTX_new();
    if (ctx == NULL)
        return;
    if (OSSL_PROVIDER_load(ctx, "default") == NULL)
        goto out;
    digests[HM_DIGEST_SHA256] = EVP_MD_fetch(ctx, "SHA2-256", NULL);
    digests[HM_DIGEST_SHA384] = EVP_MD_fetch(ctx, "SHA2-384", NULL);
    digests[HM_DIGEST_SHA512] = EVP_MD_fetch(ctx, "SHA2-512", NULL);
    if (digests[HM_DIGEST_SHA256] == NULL || digests[HM_DIGEST_SHA384] == NULL ||
        digests[HM_DIGEST_SHA512] == NULL)
        goto out;
    library = ctx;
    return;
out:
    EVP_MD_free(digests[HM_DIGEST_SHA256]);
    EVP_MD_free(digests[HM_DIGEST_SHA384]);
    EVP_MD_free(digests[HM_DIGEST_SHA512]);
    OSSL_LIB_CTX_free(ctx);
}

enum hm_rc hm_provider_ctx(struct hm_err *err, OSSL_LIB_CTX **ret_ctx)
{
    if (pthread_once(&once, library_init) != 0 || library == NULL)
        return hm_provider_fail(err, HM_EINTERNAL, "OpenSSL's default provider does not load");
    *ret_ctx = library;
    return HM_OK;
}

enum hm_rc hm_provider_digest(enum hm_digest_kind kind, struct hm_err *err, const EVP_MD **ret_md)
{
    OSSL_LIB_CTX *ctx;

    HM_ASSERT(kind == HM_DIGEST_SHA256 || kind == HM_DIGEST_SHA384 || kind == HM_DIGEST_SHA512);
    HM_TRY(hm_provider_ctx(err, &ctx));
    *ret_md = digests[kind];
    return HM_OK;
}

enum hm_rc hm_provider_fail(struct hm_err *err, enum hm_rc rc, const char *what)
{
    unsigned long code = ERR_peek_last_error();

    ERR_clear_error();
    if (code == 0)
        return hm_fail(err, rc, "%s", what);
    if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
        return hm_error_nomem(err);
    return hm_fail(err, rc, "%s ('openssl errstr %lX' tells why)", what, code);
}
