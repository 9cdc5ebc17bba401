/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site's deliveries log has of a statement (docs/formats.md 22): a leaf that tells nothing
 * to who lacks the salt, and everything to who has the statement.
 *
 *   hallmark/delivery-leaf v1
 *   HEX                         SHA-256(salt || hash of the statement)
 *
 * The salt is in the statement: an offer's nonce, a receipt's salt; of a key's note it is
 * SHA-256(text || "salt").
 */
#ifndef HM_DELIVERY_DELIVERY_LEAF_H
#define HM_DELIVERY_DELIVERY_LEAF_H

#include "delivery/statement.h"

#define HM_DELIVERY_LEAF_SIZE (sizeof("hallmark/delivery-leaf v1\n") - 1 + HM_SHA256_HEX_SIZE)

/* The entry as text; its leaf hash is hm_merkle_leaf's. */
HM_MUST_CHECK enum hm_rc hm_delivery_leaf_write(const struct hm_sha256 *salt,
                                                const struct hm_sha256 *hash, struct hm_err *err,
                                                char ret_entry[HM_DELIVERY_LEAF_SIZE + 1]);
/* The salt of a key's note, by its text. */
HM_MUST_CHECK enum hm_rc hm_delivery_leaf_key_salt(struct hm_bytes text, struct hm_err *err,
                                                   struct hm_sha256 *ret_salt);

#endif
