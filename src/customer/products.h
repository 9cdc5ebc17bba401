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
/* Loads (with a connection: gets) the roles of one side of those products that a pattern matches,
 * after standing has this side's role above. What fails is told in standing->products, and returned
 * only where it is a failure of this machine. The role above is dropped from memory where it lists
 * nothing itself: of a maker with thousands of products it is most of what is held. */
HM_MUST_CHECK enum hm_rc hm_products_load_side(struct hm_subscription *subscription,
                                               const struct hm_layout_maker *maker, bool is_maker,
                                               const struct hm_bytes *patterns, size_t count,
                                               struct hm_err *err, struct hm_standing *standing);
/* When both sides are loaded: puts them together, product by product. */
void hm_products_join(struct hm_standing *standing);
/* One that was loaded; NULL: it was not, or the roles above speak for it themselves. */
const struct hm_product *hm_products_find(const struct hm_standing *standing,
                                          struct hm_bytes product);
/* The two roles that speak for a product, loaded now if nothing was loaded by pattern. Fails as a
 * role does. Where products were loaded by pattern, one that no pattern matched is not asked for.
 * *ret_product's name is a view. */
HM_MUST_CHECK enum hm_rc hm_products_resolve(struct hm_subscription *subscription,
                                             const struct hm_layout_maker *maker,
                                             const struct hm_standing *standing,
                                             struct hm_bytes product, struct hm_err *err,
                                             struct hm_product *ret_product);
/* Drops a product's own roles from memory; standing->products must not have them. */
void hm_products_forget(struct hm_subscription *subscription, const struct hm_layout_maker *maker,
                        struct hm_bytes product);

#endif
