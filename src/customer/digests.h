/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which products of a site may list a digest or a file name: a first look, so that verifying a
 * file reads a product's roles in full only where they can matter.
 *
 * It is made in memory from the very bytes that the verified snapshot names by hash, without a look
 * at their signatures. So it may say "perhaps" of what nobody signed, and whoever asks reads the
 * verified role then; what it does not name, no verified role of the products held lists either.
 */
#ifndef HM_CUSTOMER_DIGESTS_H
#define HM_CUSTOMER_DIGESTS_H

#include "customer/subscription.h"

struct hm_digests_product {
    size_t maker_index; /* in the layout */
    struct hm_bytes name;
    bool has_escapes; /* its strings could be spelt in other ways: always read it in full */
};

/* A product whose roles are not held as the snapshot names them. */
struct hm_digests_gap {
    size_t maker_index;
    struct hm_bytes product;
    enum hm_rc rc;
    const char *text;
};

struct hm_digests_entry {
    uint64_t key;
    uint32_t product; /* index */
};

struct hm_digests {
    struct hm_digests_product *products;
    size_t product_count, product_capacity;
    struct hm_digests_gap *gaps;
    size_t gap_count, gap_capacity;
    struct hm_digests_entry *entries; /* sorted by key */
    size_t entry_count, entry_capacity;
    struct hm_arena arena;
};

/* Reads all products' roles that are held, of makers that are accepted; the subscription was
 * refreshed or loaded for all makers. Views of the subscription. */
HM_MUST_CHECK enum hm_rc hm_digests_build(struct hm_digests *digests,
                                          const struct hm_subscription *subscription,
                                          struct hm_err *err);
void hm_digests_done(struct hm_digests *digests);

/* The next product after *cursor (0 at first) whose roles may list sha256, or a file of that name;
 * NULL: there are no more. */
const struct hm_digests_product *hm_digests_next(const struct hm_digests *digests,
                                                 const struct hm_sha256 *sha256, size_t *cursor);
const struct hm_digests_product *hm_digests_next_name(const struct hm_digests *digests,
                                                      struct hm_bytes name, size_t *cursor);

#endif
