/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys. Files are PKCS#8 PEM (RFC 5958), mode 0600, encrypted with scrypt and AES-256-CBC
 * (PBES2, RFC 8018 and RFC 7914) unless the passphrase is empty: what 'openssl pkey' reads and
 * 'openssl genpkey' or 'openssl pkcs8 -topk8' write, which is read here whatever its key
 * derivation. A signer may later be a token; callers only ever see this interface.
 */
#ifndef HM_CRYPTO_SIGNER_H
#define HM_CRYPTO_SIGNER_H

#include "base/secret.h"
#include "crypto/key.h"

#define HM_SIGNER_FILE_SIZE_MAX 65536
/* scrypt against guessing on a stolen file: 16 MiB and a tenth of a second a guess, as costly as N
 * 2^17, r 8, p 1 (OWASP Password Storage). A larger N would need more than the 32 MiB that OpenSSL
 * allows, and no other program could read the file. */
#define HM_SIGNER_SCRYPT_N 16384
#define HM_SIGNER_SCRYPT_R 8
#define HM_SIGNER_SCRYPT_P 5
/* How often a passphrase is asked for. */
#define HM_SIGNER_ATTEMPT_COUNT_MAX 3

/* Immutable: any number of threads may sign with one. */
struct hm_signer;

/* kind: "ed25519" (default of the commands), "ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096",
 * "ml-dsa-44", "ml-dsa-65". HM_EUSAGE otherwise; HM_EUNKNOWN if the installed OpenSSL lacks it
 * (ML-DSA needs 3.5). */
HM_MUST_CHECK enum hm_rc hm_signer_generate(const char *kind, struct hm_err *err,
                                            struct hm_signer **ret_signer);

/* Asked for a passphrase when the file is encrypted; attempt counts from 0; fails to give up. */
typedef enum hm_rc hm_signer_passphrase_fn(void *ctx, const char *path, int attempt,
                                           struct hm_err *err, struct hm_secret *ret_passphrase);
/* Loads a key file. HM_EREFUSED if group or others may read it; HM_EINPUT missing or unreadable, or
 * encrypted and ask is NULL; HM_EFORMAT not PKCS#8 PEM, a key that key.h refuses, or no right
 * passphrase in HM_SIGNER_ATTEMPT_COUNT_MAX attempts; HM_EUNKNOWN a kind of key not known here. */
HM_MUST_CHECK enum hm_rc hm_signer_load(const char *path, hm_signer_passphrase_fn *ask, void *ctx,
                                        struct hm_err *err, struct hm_signer **ret_signer);
/* As hm_signer_load, from memory; name stands for the path when ask is called. */
HM_MUST_CHECK enum hm_rc hm_signer_parse(const char *name, struct hm_bytes pem,
                                         hm_signer_passphrase_fn *ask, void *ctx,
                                         struct hm_err *err, struct hm_signer **ret_signer);
/* An Ed25519 key from its 32-byte seed (RFC 8032 section 5.1.5), the private half of a C2SP note
 * key's text. HM_EFORMAT for any other size. */
HM_MUST_CHECK enum hm_rc hm_signer_parse_seed(struct hm_bytes seed, struct hm_err *err,
                                              struct hm_signer **ret_signer);
/* The seed of an Ed25519 key; *ret_seed is HM_SECRET_INIT, and the caller's to release. HM_EUNKNOWN
 * for other keys. */
HM_MUST_CHECK enum hm_rc hm_signer_seed(const struct hm_signer *signer, struct hm_err *err,
                                        struct hm_secret *ret_seed);
/* Writes PKCS#8 PEM, text without a NUL; passphrase NULL or empty: not encrypted. *ret_pem is
 * HM_SECRET_INIT, and the caller's to release. */
HM_MUST_CHECK enum hm_rc hm_signer_write(const struct hm_signer *signer,
                                         const struct hm_secret *passphrase, struct hm_err *err,
                                         struct hm_secret *ret_pem);
void hm_signer_free(struct hm_signer *signer);
HM_DEFINE_FREE(hm_signer_free, struct hm_signer);

/* The public half; borrows. */
const struct hm_key *hm_signer_key(const struct hm_signer *signer);
/* Appends the raw signature of message under the key's scheme (ECDSA: DER; RSA PSS: a salt as long
 * as the digest). Each signature is verified before it is given out: HM_EINTERNAL if it is not
 * valid, which means a faulty machine or a file whose two halves do not belong together. */
HM_MUST_CHECK enum hm_rc hm_signer_sign(const struct hm_signer *signer, struct hm_bytes message,
                                        struct hm_err *err, struct hm_buf *ret_signature);
/* As hm_signer_sign, of message itself also where the scheme has a frame (ML-DSA): what
 * hm_key_parse_raw's keys verify. */
HM_MUST_CHECK enum hm_rc hm_signer_sign_plain(const struct hm_signer *signer,
                                              struct hm_bytes message, struct hm_err *err,
                                              struct hm_buf *ret_signature);

#endif
