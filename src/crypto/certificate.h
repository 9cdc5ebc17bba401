/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A self-signed certificate for a server on trial: ECDSA P-256, so that a first start needs
 * nothing from anybody. Customers trust it by its file.
 */
#ifndef HM_CRYPTO_CERTIFICATE_H
#define HM_CRYPTO_CERTIFICATE_H

#include "base/buf.h"
#include "base/secret.h"
#include "crypto/digest.h"

#define HM_CERTIFICATE_SIZE_MAX      65536
#define HM_CERTIFICATE_NAMES_MAX     8
#define HM_CERTIFICATE_NAME_SIZE_MAX 253 /* of a host */

/* Makes a key and a certificate for these host names and addresses, the first of which is its
 * subject; valid from now for valid_s seconds. Appends PEM to ret_certificate; *ret_key is
 * HM_SECRET_INIT, PKCS#8 PEM without a passphrase. HM_EUSAGE: a name that no certificate may have.
 */
HM_MUST_CHECK enum hm_rc hm_certificate_make(const char *const *names, size_t count,
                                             int64_t now_unix_s, int64_t valid_s,
                                             struct hm_err *err, struct hm_buf *ret_certificate,
                                             struct hm_secret *ret_key);
/* SHA-256 of the first certificate of a PEM text, in DER: what browsers and openssl show as the
 * fingerprint. HM_EFORMAT: there is none. */
HM_MUST_CHECK enum hm_rc hm_certificate_fingerprint(struct hm_bytes pem, struct hm_err *err,
                                                    struct hm_sha256 *ret_sha256);

#endif
