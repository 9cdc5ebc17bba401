/* SPDX-License-Identifier: Apache-2.0 */
/* What key.c and signer.c share: the table of schemes, and how a signature operation is set up. */
#ifndef HM_CRYPTO_KEY_INTERNAL_H
#define HM_CRYPTO_KEY_INTERNAL_H

#include "crypto/provider.h"

#include "crypto/key.h"

/* One pair of TUF key type and scheme. */
struct hm_key_scheme {
    const char *type;
    const char *name;
    const char *algorithm;        /* OpenSSL's name; absent there: unknown here */
    const char *group;            /* of an elliptic curve */
    const char *digest;           /* NULL: the algorithm takes the whole message */
    bool is_rsa;                  /* PSS, MGF1 with the same digest */
    bool is_framed;               /* TAP 21 */
    bool is_hex;                  /* the public text may be the raw key in hexadecimal */
    bool is_pem;                  /* the public text may be SubjectPublicKeyInfo in PEM */
    bool is_default;              /* the scheme given to a key that comes without one */
    bool is_raw;                  /* only for hm_key_parse_raw: TUF metadata does not know it */
    struct hm_bytes algorithm_id; /* DER AlgorithmIdentifier */
    size_t raw_size;              /* of the key in the bit string; 0: RSA */
    size_t signature_size;        /* 0: not fixed */
};

/* A key from DER SubjectPublicKeyInfo, with the default scheme. Errors as hm_key_parse_pem. */
HM_MUST_CHECK enum hm_rc hm_key_parse_spki(struct hm_bytes der, struct hm_err *err,
                                           struct hm_key **ret_key);
/* Starts signing with pkey (the private half of key), or verifying if pkey is NULL. */
HM_MUST_CHECK enum hm_rc hm_key_start(const struct hm_key *key, EVP_PKEY *pkey, struct hm_err *err,
                                      EVP_MD_CTX *ret_ctx);
/* As hm_key_verify, of these very bytes: no frame. */
HM_MUST_CHECK enum hm_rc hm_key_verify_plain(const struct hm_key *key, struct hm_bytes bytes,
                                             struct hm_bytes signature, struct hm_err *err);

#endif
