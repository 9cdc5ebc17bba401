/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one doorway to OpenSSL: a library context of our own, with the default provider and without
 * any configuration file, so that neither OPENSSL_CONF nor the system's openssl.cnf can change what
 * verifies. For src/crypto only. (In a process that has called anything here, TLS of libcurl has
 * OpenSSL's built-in defaults too, not openssl.cnf's.)
 *
 * Everything here is safe to call from several threads.
 */
#ifndef HM_CRYPTO_PROVIDER_H
#define HM_CRYPTO_PROVIDER_H

/* Everything of OpenSSL that this folder uses, in front of base/banned.h, which forbids some names
 * of its parameters. So provider.h is what sources include first. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "crypto/digest.h"

/* The context, made on first use and kept until exit. HM_EINTERNAL if OpenSSL cannot be set up. */
HM_MUST_CHECK enum hm_rc hm_provider_ctx(struct hm_err *err, OSSL_LIB_CTX **ret_ctx);
/* The algorithm, fetched once; kept until exit. */
HM_MUST_CHECK enum hm_rc hm_provider_digest(enum hm_digest_kind kind, struct hm_err *err,
                                            const EVP_MD **ret_md);
/* Fails with rc and "what", and with OpenSSL's reason code where it gave one; HM_ENOMEM instead of
 * rc if OpenSSL ran out of memory. Clears OpenSSL's queue of errors. */
enum hm_rc hm_provider_fail(struct hm_err *err, enum hm_rc rc, const char *what);

HM_DEFINE_FREE(BN_free, BIGNUM);
HM_DEFINE_FREE(EVP_MD_CTX_free, EVP_MD_CTX);
HM_DEFINE_FREE(EVP_PKEY_CTX_free, EVP_PKEY_CTX);
HM_DEFINE_FREE(EVP_PKEY_free, EVP_PKEY);
HM_DEFINE_FREE(OSSL_PARAM_BLD_free, OSSL_PARAM_BLD);
HM_DEFINE_FREE(OSSL_PARAM_free, OSSL_PARAM);

#endif
