/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys and the verification of signatures.
 *
 * A key is named by its TUF key type and scheme (TUF 1.0.34 section 4.2):
 *
 *   ed25519              ed25519                           32 bytes in hexadecimal
 *   ecdsa                ecdsa-sha2-nistp256, -nistp384    PEM
 *   ecdsa-sha2-nistp256  ecdsa-sha2-nistp256               PEM or uncompressed point in hexadecimal
 *   ecdsa-sha2-nistp384  ecdsa-sha2-nistp384               likewise (both are older spellings)
 *   rsa                  rsassa-pss-sha256, -384, -512     PEM
 *   ml-dsa               ml-dsa-44/1, -65/1, -87/1         PEM (TAP 21)
 *
 * Others are unknown, among them rsa-pkcs1v15-*: the caller ignores and does not count them. The
 * table of schemes names OpenSSL algorithms as text, and a scheme that the installed OpenSSL lacks
 * is unknown too (ML-DSA needs OpenSSL 3.5).
 *
 * What is a key:
 * - PEM is one SubjectPublicKeyInfo in DER with nothing around it but white space, lines of any
 *   length; the algorithm must be the scheme's. Curves given by their parameters and compressed
 *   points are refused, so that one key has one DER. Hexadecimal is in either case.
 * - Ed25519: canonical (y < p), not of small order. A key that is not on the curve is accepted and
 *   verifies nothing.
 * - ECDSA: the point is on the curve.
 * - RSA: 2048 to 8192 bits, odd modulus, odd exponent from 65537 to 2^31 - 1.
 *
 * What is a signature:
 * - Ed25519: 64 bytes, S < L, the equation without the cofactor, R compared as bytes (so R is
 *   canonical). A small-order R is no reason to refuse: it gives nobody a signature they could not
 *   make otherwise.
 * - ECDSA: strict DER, r and s from 1 to n - 1. Both (r, s) and (r, n - s) are valid, as
 * everywhere.
 * - RSA PSS: exactly as long as the modulus, MGF1 with the same digest, a salt of any length.
 * - ML-DSA: over "tuf", 0x01 and the SHA-512 of the message (TAP 21), empty context.
 */
#ifndef HM_CRYPTO_KEY_H
#define HM_CRYPTO_KEY_H

#include "base/buf.h"
#include "crypto/digest.h"

/* Limits: an RSA-8192 key in PEM is 1.5 KB, its signature 1 KiB; ML-DSA-87's are 3.6 KB and 4.6 KB.
 */
#define HM_KEY_PUBLIC_SIZE_MAX    16384
#define HM_KEY_SIGNATURE_SIZE_MAX 8192
#define HM_KEY_RSA_BITS_MIN       2048 /* NIST SP 800-131A */
#define HM_KEY_RSA_BITS_MAX       8192 /* verification cost grows with the square */
#define HM_KEY_ID_HEX_SIZE        65   /* with NUL */
/* TAP 21: what an ML-DSA key signs is "tuf", a version byte and the SHA-512 of the message. */
#define HM_KEY_FRAME_SIZE (4 + HM_SHA512_SIZE)

/* Immutable: any number of threads may verify with one key. */
struct hm_key;

/* A key as TUF metadata holds it. HM_EUNKNOWN: a type, scheme or curve not known here (to be
 * ignored); HM_EFORMAT: a known one that is malformed, of a forbidden size, or an Ed25519 point of
 * small order. */
HM_MUST_CHECK enum hm_rc hm_key_parse_tuf(struct hm_bytes keytype, struct hm_bytes scheme,
                                          struct hm_bytes public_text, struct hm_err *err,
                                          struct hm_key **ret_key);
/* A ".pub" file: SubjectPublicKeyInfo in PEM. The scheme follows from the key (RSA:
 * rsassa-pss-sha256). Errors as hm_key_parse_tuf. */
HM_MUST_CHECK enum hm_rc hm_key_parse_pem(struct hm_bytes pem, struct hm_err *err,
                                          struct hm_key **ret_key);
/* Raw bytes: "ed25519" (32), or "ml-dsa-44" (1312), whose signatures are over the message itself
 * with an empty context (FIPS 204), not over TAP 21's frame. Errors as hm_key_parse_tuf. */
HM_MUST_CHECK enum hm_rc hm_key_parse_raw(const char *scheme, struct hm_bytes raw,
                                          struct hm_err *err, struct hm_key **ret_key);
/* The raw bytes of an Ed25519 or ML-DSA key, or the point of an ECDSA key; borrows from the key.
 * Empty for RSA. */
struct hm_bytes hm_key_raw(const struct hm_key *key);
/* Appends the SubjectPublicKeyInfo in PEM. */
HM_MUST_CHECK enum hm_rc hm_key_write_pem(const struct hm_key *key, struct hm_err *err,
                                          struct hm_buf *ret_buf);
void hm_key_free(struct hm_key *key);
HM_DEFINE_FREE(hm_key_free, struct hm_key);

/* As written into metadata; static or owned by the key. The public text is the one given to
 * hm_key_parse_tuf, byte for byte; for other keys hexadecimal (Ed25519) or PEM as OpenSSL writes
 * it, with the last newline. */
const char *hm_key_type(const struct hm_key *key);
const char *hm_key_scheme(const struct hm_key *key);
const char *hm_key_public(const struct hm_key *key);
/* SHA-256 of the DER SubjectPublicKeyInfo: the same for every spelling of the same key material. */
const struct hm_sha256 *hm_key_material(const struct hm_key *key);
/* The TUF key id this project gives: SHA-256 of {"keytype":T,"keyval":{"public":P},"scheme":S} in
 * canonical JSON, in hexadecimal; the same as python-securesystemslib gives. */
const char *hm_key_id(const struct hm_key *key);

/* The bytes that are signed for message: itself, or in frame where the scheme has one. */
HM_MUST_CHECK enum hm_rc hm_key_frame(const struct hm_key *key, struct hm_bytes message,
                                      struct hm_err *err, uint8_t frame[HM_KEY_FRAME_SIZE],
                                      struct hm_bytes *ret_signed);
/* HM_OK only if signature is a valid signature of message by key; else HM_ESIGNATURE (or HM_ENOMEM,
 * HM_EINTERNAL). */
HM_MUST_CHECK enum hm_rc hm_key_verify(const struct hm_key *key, struct hm_bytes message,
                                       struct hm_bytes signature, struct hm_err *err);

/* How others than TUF sign with RSA. */
enum hm_key_padding {
    HM_KEY_PADDING_NONE, /* no RSA: ECDSA, in DER */
    HM_KEY_PADDING_PKCS1,
    HM_KEY_PADDING_PSS,
};
/* As hm_key_verify, for a signature over the SHA-256 of message, whatever the key's scheme says: of
 * TPMs. HM_ESIGNATURE too where the key is of another kind than padding. */
HM_MUST_CHECK enum hm_rc hm_key_verify_sha256(const struct hm_key *key, enum hm_key_padding padding,
                                              struct hm_bytes message, struct hm_bytes signature,
                                              struct hm_err *err);

#endif
