/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A customer's token: who it is of, which of his, and a secret of 256 random bits.
 *
 *     CUSTOMER.NUMBER.SECRET       SECRET: "hm1_" and 43 characters of base64url without padding
 *
 * It is sent over TLS as "Authorization: Bearer TOKEN", or as Basic with the user CUSTOMER.NUMBER
 * and the password SECRET. It is shown once; what is kept are digests of SECRET: its 256 bits need
 * no slow function against guessing.
 */
#ifndef HM_ACCOUNT_TOKEN_H
#define HM_ACCOUNT_TOKEN_H

#include "base/buf.h"
#include "crypto/digest.h"

#define HM_TOKEN_ACCOUNT_SIZE_MAX 32      /* of a customer's name */
#define HM_TOKEN_NUMBER_MAX       9999999 /* a token an hour for a thousand years */
#define HM_TOKEN_SECRET_SIZE      47      /* "hm1_" and 43 */
#define HM_TOKEN_SIZE_MAX         (HM_TOKEN_ACCOUNT_SIZE_MAX + 1 + 7 + 1 + HM_TOKEN_SECRET_SIZE)

/* Views of what it was read from. */
struct hm_token {
    struct hm_bytes account;
    uint32_t number;
    struct hm_bytes secret;
};

/* [a-z0-9][a-z0-9-]*, at most HM_TOKEN_ACCOUNT_SIZE_MAX bytes. */
bool hm_token_is_account_name(struct hm_bytes name);

/* Reads the one spelling of a token. HM_EFORMAT. The sentence never has the secret. */
HM_MUST_CHECK enum hm_rc hm_token_parse(struct hm_bytes text, struct hm_err *err,
                                        struct hm_token *ret_token);
/* Reads the value of an Authorization header: "Bearer TOKEN" or "Basic BASE64", with exactly that
 * spelling, so that one token has two values and no others (limits are by value). ret_buf holds
 * what was decoded. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_token_parse_header(struct hm_bytes value, struct hm_err *err,
                                               struct hm_buf *ret_buf, struct hm_token *ret_token);
/* A new secret, NUL-terminated. HM_EINTERNAL: the system gives no random bytes. */
HM_MUST_CHECK enum hm_rc hm_token_make_secret(struct hm_err *err,
                                              char ret_secret[HM_TOKEN_SECRET_SIZE + 1]);
/* What is kept of a secret. */
HM_MUST_CHECK enum hm_rc hm_token_digest(struct hm_bytes secret, struct hm_err *err,
                                         struct hm_sha256 *ret_sha256);
/* Takes as long whatever differs. */
bool hm_token_is_digest(const struct hm_sha256 *kept, const struct hm_sha256 *given);

#endif
