/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One side of a maker as it would be after a publish: release~ID or maker~ID, and the roles of its
 * products. Only documents that are new are held; the others are those of the published tree.
 */
#ifndef HM_SITE_PLAN_SIDE_H
#define HM_SITE_PLAN_SIDE_H

#include "site/plan.h"

struct hm_plan_side_item {
    const char *role;
    struct hm_bytes product; /* empty: the role above; a view of role */
    int64_t version;
    struct hm_bytes raw;
    const struct hm_envelope *envelope;
    const struct hm_targets *targets;
};

struct hm_plan_side {
    char above[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_delegated_role *role; /* under the plan's targets */
    struct hm_plan_side_item *items;      /* new documents; the role above first, if it is new */
    size_t count, capacity;
    struct hm_draft **drafts; /* owned, with their contents */
    struct hm_targets **contents;
    size_t draft_count;
    struct hm_arena arena;
};

/* HM_EFORMAT: the plan's targets do not name the role. */
HM_MUST_CHECK enum hm_rc hm_plan_side_init(struct hm_plan *plan, const char *above,
                                           struct hm_err *err, struct hm_plan_side *side);
void hm_plan_side_done(struct hm_plan_side *side);
/* Back to what is published. */
void hm_plan_side_reset(struct hm_plan_side *side);

/* Takes the drafts that can be published; the others go to the plan's notes. The role above and the
 * roles that it hands products on to are taken together or not at all. */
HM_MUST_CHECK enum hm_rc hm_plan_side_take_drafts(struct hm_plan *plan, struct hm_plan_side *side,
                                                  struct hm_err *err);
/* Takes what a submission has newer; *ret_taken false where the keys in force did not sign it. */
HM_MUST_CHECK enum hm_rc hm_plan_side_take(struct hm_plan *plan, struct hm_plan_side *side,
                                           const struct hm_staged *staged, struct hm_err *err,
                                           bool *ret_taken);

/* The document that speaks for product; NULL: none. */
HM_MUST_CHECK enum hm_rc hm_plan_side_part(struct hm_plan *plan, const struct hm_plan_side *side,
                                           struct hm_bytes product, struct hm_err *err,
                                           const struct hm_targets **ret_targets);
HM_MUST_CHECK enum hm_rc hm_plan_side_target(struct hm_plan *plan, const struct hm_plan_side *side,
                                             struct hm_bytes path, struct hm_err *err,
                                             const struct hm_target **ret_target);
/* Calls for every document of the side, with product empty. */
typedef enum hm_rc hm_plan_side_fn(struct hm_plan *plan, void *ctx, const struct hm_targets *part,
                                   struct hm_bytes product, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_plan_side_each(struct hm_plan *plan, const struct hm_plan_side *side,
                                           struct hm_err *err, hm_plan_side_fn *take, void *ctx);
/* True if the role above is new and lists files itself. */
bool hm_plan_side_lists_anew(const struct hm_plan_side *side);
/* The role above, new or published, is signed by the keys that the plan's targets give it, gives
 * its products the same, and every product's document carries their signatures. */
HM_MUST_CHECK enum hm_rc
hm_plan_side_check_above(struct hm_plan *plan, const struct hm_plan_side *side, struct hm_err *why);

#endif
