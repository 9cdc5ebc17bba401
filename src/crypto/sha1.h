/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-1, for what other programs compare in this form alone: nginx's password files. It signs
 * nothing and names nothing.
 */
#ifndef HM_CRYPTO_SHA1_H
#define HM_CRYPTO_SHA1_H

#include "base/bytes.h"
#include "base/error.h"

#define HM_SHA1_SIZE 20

struct hm_sha1 {
    uint8_t bytes[HM_SHA1_SIZE];
};

HM_MUST_CHECK enum hm_rc hm_sha1_digest(struct hm_bytes bytes, struct hm_err *err,
                                        struct hm_sha1 *ret_sha1);

#endif
