/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles of a maker, by product: a maker's standing has the two roles above; where these hand
 * products to roles of their own (docs/formats.md 2), those are loaded here, each by itself.
 */
#ifndef HM_CUSTOMER_PRODUCTS_H
#define HM_CUSTOMER_PRODUCTS_H

#include "customer/subscription.h"

/* A role that was verified for what it is: release~ID, maker~ID or a product's. Gets it from memory
 * or the folder, and only with a connection from the site. *ret_role NULL: the snapshot has no such
 * role. */
HM_MUST_CHECK enum hm_rc hm_products_role(struct hm_subscription *subscription,
                                          const struct hm_delegated_role *role, struct hm_err *err,
                                          const struct hm_targets **ret_role);

/* A product that a role above hands on: its delegations; NULL: the role above of that side speaks
 * for it itself. */
struct hm_products_item {
    struct hm_bytes name; /* a view of the roles above */
    const struct hm_delegated_role *release;
    const struct hm_delegated_role *maker;
};

/* The products that either of the two roles above hands on and that one of the patterns matches:
 * sorted, each once; the array in the arena. */
HM_MUST_CHECK enum hm_rc hm_products_list(const struct hm_standing *standing,
                                          const struct hm_bytes *patterns, size_t count,
                                          struct hm_arena *arena, struct hm_err *err,
                                          struct hm_products_item **ret_items, size_t *ret_count);
/* Loads (with a connection: gets) the roles of these products into standing->products. What fails
 * is told there, and returned only where it is a failure of this machine. */
HM_MUST_CHECK enum hm_rc hm_products_load(struct hm_subscription *subscription,
                                          struct hm_standing *standing,
                                          const struct hm_products_item *items, size_t count,
                                          struct hm_err *err);
/* One that was loaded; NULL: it was not, or the roles above speak for it themselves. */
const struct hm_product *hm_products_find(const struct hm_standing *standing,
                                          struct hm_bytes product);
/* The two roles that speak for a product, loaded now if they are not yet: for an out-of-the-way
 * question. Fails as a role does; HM_OK otherwise. *ret_product's name is a view of product. */
HM_MUST_CHECK enum hm_rc hm_products_resolve(struct hm_subscription *subscription,
                                             const struct hm_layout_maker *maker,
                                             const struct hm_standing *standing,
                                             struct hm_bytes product, struct hm_err *err,
                                             struct hm_product *ret_product);
/* Drops a product's own roles from memory; standing->products must not have them. */
void hm_products_forget(struct hm_subscription *subscription, const struct hm_layout_maker *maker,
                        struct hm_bytes product);

#endif
