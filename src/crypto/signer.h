/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys. Files are PKCS#8 PEM, mode 0600, encrypted with scrypt and AES-256-CBC unless the
 * passphrase is empty. A signer may later be a token; callers only ever see this interface.
 */
#ifndef HM_CRYPTO_SIGNER_H
#define HM_CRYPTO_SIGNER_H

#include "base/secret.h"
#include "crypto/key.h"

#define HM_SIGNER_FILE_SIZE_MAX 65536
/* scrypt N 2^17, r 8, p 1: 128 MiB and a quarter of a second, against guessing on a stolen file. */
#define HM_SIGNER_SCRYPT_N 131072
#define HM_SIGNER_SCRYPT_R 8
#define HM_SIGNER_SCRYPT_P 1

struct hm_signer;

/* kind: "ed25519" (default of the commands), "ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096".
 * HM_EUSAGE otherwise. */
HM_MUST_CHECK enum hm_rc hm_signer_generate(const char *kind, struct hm_err *err,
                                            struct hm_signer **ret_signer);

/* Asked for a passphrase when the file is encrypted; attempt counts from 0; fails to give up. */
typedef enum hm_rc hm_signer_passphrase_fn(void *ctx, const char *path, int attempt,
                                           struct hm_err *err, struct hm_secret *ret_passphrase);
/* Loads a key file. HM_EREFUSED if group or others may read it; HM_EINPUT missing; HM_EFORMAT not
 * PKCS#8 PEM or a wrong passphrase. */
HM_MUST_CHECK enum hm_rc hm_signer_load(const char *path, hm_signer_passphrase_fn *ask, void *ctx,
                                        struct hm_err *err, struct hm_signer **ret_signer);
/* Appends PKCS#8 PEM; passphrase NULL or empty: not encrypted. */
HM_MUST_CHECK enum hm_rc hm_signer_write(const struct hm_signer *signer,
                                         const struct hm_secret *passphrase, struct hm_err *err,
                                         struct hm_secret *ret_pem);
void hm_signer_free(struct hm_signer *signer);
HM_DEFINE_FREE(hm_signer_free, struct hm_signer);

/* The public half; borrows. */
const struct hm_key *hm_signer_key(const struct hm_signer *signer);
/* Appends the raw signature of message under the key's scheme (ECDSA: DER). */
HM_MUST_CHECK enum hm_rc hm_signer_sign(const struct hm_signer *signer, struct hm_bytes message,
                                        struct hm_err *err, struct hm_buf *ret_signature);

#endif
