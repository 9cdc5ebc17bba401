/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by plan.c (root, targets, the whole), plan_maker.c (one maker's releases) and
 * plan_recalls.c. */
#ifndef HM_SITE_PLAN_INTERNAL_H
#define HM_SITE_PLAN_INTERNAL_H

#include "site/plan.h"

/* Adds what can be published of this maker under plan->targets and plan->layout, or a note. *ret_ok
 * is false where not even what is published now holds under them: then this draft of targets must
 * wait, and why stands in *why. */
HM_MUST_CHECK enum hm_rc hm_plan_maker(struct hm_plan *plan, const struct hm_layout_maker *maker,
                                       struct hm_err *err, struct hm_err *why, bool *ret_ok);

/* The same for recalls~vendor or a maker's recalls~ID. */
HM_MUST_CHECK enum hm_rc hm_plan_recalls(struct hm_plan *plan, const char *role, struct hm_err *err,
                                         struct hm_err *why, bool *ret_ok);
/* True if the plan's targets say something else of this maker than the published ones. */
bool hm_plan_is_changed(const struct hm_plan *plan, const struct hm_layout_maker *maker);

HM_MUST_CHECK enum hm_rc hm_plan_add_document(struct hm_plan *plan, const char *role,
                                              int64_t version, struct hm_bytes raw,
                                              struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_plan_add_drop(struct hm_plan *plan, const char *path,
                                          struct hm_err *err);
/* Room for one more item; HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_plan_grow(struct hm_plan *plan, void **items, size_t count,
                                      size_t *capacity, size_t size, struct hm_err *err);
/* Why the draft's signatures do not do: what is missing, by name; else the reason given. */
HM_MUST_CHECK enum hm_rc hm_plan_note_unsigned(struct hm_plan *plan, const struct hm_draft *draft,
                                               const struct hm_err *why, struct hm_err *err);
/* "Held back: ...": one line. */
HM_PRINTF(3, 4)
HM_MUST_CHECK enum hm_rc hm_plan_note(struct hm_plan *plan, struct hm_err *err, const char *format,
                                      ...);

#endif
