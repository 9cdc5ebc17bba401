/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys and the verification of signatures.
 *
 * A key is named by its TUF key type and scheme (TUF 1.0.34 section 4.2): ed25519/ed25519,
 * ecdsa/ecdsa-sha2-nistp256, ecdsa/ecdsa-sha2-nistp384, rsa/rsassa-pss-sha256 (also -sha384,
 * -sha512), and the older spellings "ecdsa-sha2-nistp256" as key type with an uncompressed point in
 * hexadecimal. Others are unknown: the caller ignores and does not count them. The table of schemes
 * names OpenSSL algorithms as text, and a scheme that the installed OpenSSL lacks is unknown too.
 */
#ifndef HM_CRYPTO_KEY_H
#define HM_CRYPTO_KEY_H

#include "base/buf.h"
#include "crypto/digest.h"

/* Limits: an RSA-8192 key in PEM is 1.5 KB, its signature 1 KiB; ML-DSA-87's are 2.6 KB and 4.6 KB.
 */
#define HM_KEY_PUBLIC_SIZE_MAX    16384
#define HM_KEY_SIGNATURE_SIZE_MAX 8192
#define HM_KEY_RSA_BITS_MIN       2048 /* NIST SP 800-131A */
#define HM_KEY_RSA_BITS_MAX       8192 /* verification cost grows with the square */
#define HM_KEY_ID_HEX_SIZE        65   /* with NUL */

struct hm_key;

/* A key as TUF metadata holds it. HM_EUNKNOWN: a type, scheme or curve not known here (to be
 * ignored); HM_EFORMAT: a known one that is malformed, of a forbidden size, or an Ed25519 point of
 * small order. */
HM_MUST_CHECK enum hm_rc hm_key_parse_tuf(struct hm_bytes keytype, struct hm_bytes scheme,
                                          struct hm_bytes public_text, struct hm_err *err,
                                          struct hm_key **ret_key);
/* A ".pub" file: SubjectPublicKeyInfo in PEM. The scheme follows from the key (RSA:
 * rsassa-pss-sha256). */
HM_MUST_CHECK enum hm_rc hm_key_parse_pem(struct hm_bytes pem, struct hm_err *err,
                                          struct hm_key **ret_key);
/* Appends the SubjectPublicKeyInfo in PEM. */
HM_MUST_CHECK enum hm_rc hm_key_write_pem(const struct hm_key *key, struct hm_err *err,
                                          struct hm_buf *ret_buf);
void hm_key_free(struct hm_key *key);
HM_DEFINE_FREE(hm_key_free, struct hm_key);

/* As written into metadata; static or owned by the key. */
const char *hm_key_type(const struct hm_key *key);
const char *hm_key_scheme(const struct hm_key *key);
const char *hm_key_public(const struct hm_key *key);
/* SHA-256 of the DER SubjectPublicKeyInfo: the same for every spelling of the same key material. */
const struct hm_sha256 *hm_key_material(const struct hm_key *key);
/* The TUF key id this project gives: SHA-256 of the canonical key object, in hexadecimal. */
const char *hm_key_id(const struct hm_key *key);

/* HM_OK only if signature is a valid signature of message by key; else HM_ESIGNATURE (or HM_ENOMEM,
 * HM_EINTERNAL). */
HM_MUST_CHECK enum hm_rc hm_key_verify(const struct hm_key *key, struct hm_bytes message,
                                       struct hm_bytes signature, struct hm_err *err);

#endif
