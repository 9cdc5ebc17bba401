/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles by product (docs/formats.md 2): release~ID and maker~ID may hand each product to a role of
 * its own, release~ID~PRODUCT and maker~ID~PRODUCT, signed by exactly the same keys.
 *
 * Such a role adds nobody to those who are trusted: it only divides what is loaded and signed at a
 * time. These checks hold it to that. As the keys are the same, each says in its x-hallmark which
 * product it is of: else whoever holds the online key could serve one as another, with versions
 * that fit, and so take releases back.
 */
#ifndef HM_TRUST_PARTITION_H
#define HM_TRUST_PARTITION_H

#include "trust/layout.h"

#define HM_PARTITION_FLAT_MAX                                                                      \
    256 /* targets that a role lists itself before the writer divides it */
#define HM_PARTITION_PATTERN_SIZE_MAX 104 /* ID/PRODUCT/x/x with stars for x, and NUL */

/* A role's name taken apart, views of it. */
struct hm_partition_name {
    bool is_maker; /* maker~..., else release~... */
    struct hm_bytes id;
    struct hm_bytes above;   /* "release~ID" or "maker~ID" */
    struct hm_bytes product; /* empty: it is the role above itself */
};

/* Takes release~ID, maker~ID, release~ID~PRODUCT and maker~ID~PRODUCT apart; false for any other
 * name, also where ID or PRODUCT break the rule of names. */
bool hm_partition_parse(struct hm_bytes role, struct hm_partition_name *ret_name);
/* The name of a product's role below above; both come from hm_layout_* or hm_partition_parse. */
void hm_partition_role(struct hm_bytes above, struct hm_bytes product,
                       char ret_role[HM_LAYOUT_ROLE_SIZE_MAX]);
/* The one pattern that a product's role speaks for. */
void hm_partition_pattern(struct hm_bytes id, struct hm_bytes product,
                          char ret_pattern[HM_PARTITION_PATTERN_SIZE_MAX]);

/* The rules for the role above: role is the delegation that above was verified by (release~ID in
 * targets, maker~ID in its x-hallmark). Each delegation in above is named for a product of this
 * very role, has exactly that product's pattern, is terminating, and accepts exactly the key
 * material and threshold of role; there are no hash prefixes and no hash bins; above lists no
 * target of a product that it delegates; its x-hallmark names no product. A role that delegates
 * nothing is fine. HM_EREFUSED naming the role and the rule. */
HM_MUST_CHECK enum hm_rc hm_partition_check(const struct hm_delegated_role *role,
                                            const struct hm_targets *above, struct hm_err *err);
/* The rules for a product's role, by its name: its x-hallmark names that product, it delegates
 * nothing, and lists nothing but proper paths of its product. HM_EREFUSED, HM_EFORMAT naming role
 * and rule. */
HM_MUST_CHECK enum hm_rc hm_partition_check_product(struct hm_bytes role,
                                                    const struct hm_targets *targets,
                                                    struct hm_err *err);
/* The x-hallmark of a product's role: that of the role above, and "product". */
HM_MUST_CHECK enum hm_rc hm_partition_statement(const struct hm_targets *above,
                                                struct hm_bytes product, struct hm_err *err,
                                                struct hm_buf *ret_json);
/* The delegation of product in above, which was checked; NULL: above speaks for it itself. */
const struct hm_delegated_role *hm_partition_find(struct hm_bytes above_name,
                                                  const struct hm_targets *above,
                                                  struct hm_bytes product);

#endif
