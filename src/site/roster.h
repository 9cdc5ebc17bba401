/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next targets.json being edited: who may speak for which paths, and what is said of each
 * maker. Every change of it, whatever command asks, goes through here.
 */
#ifndef HM_SITE_ROSTER_H
#define HM_SITE_ROSTER_H

#include "site/roles.h"

struct hm_roster {
    const struct hm_roles *roles;   /* borrowed */
    struct hm_targets *targets;     /* owned: the next version */
    struct hm_targets *maker_roles; /* owned: its delegations are those of x-hallmark */
    struct hm_layout_maker *makers; /* in the arena */
    size_t maker_count, maker_capacity;
    struct hm_arena arena;
};

/* Starts from the draft of targets where there is one, else from what is published, else from
 * nothing. Version and expiry are set. */
HM_MUST_CHECK enum hm_rc hm_roster_open(const struct hm_roles *roles, struct hm_err *err,
                                        struct hm_roster **ret_roster);
void hm_roster_free(struct hm_roster *roster);
HM_DEFINE_FREE(hm_roster_free, struct hm_roster);

/* recalls~vendor: "recalls/vendor/x"; threshold 1. */
HM_MUST_CHECK enum hm_rc hm_roster_set_recalls(struct hm_roster *roster,
                                               const struct hm_key *const *keys, size_t key_count,
                                               uint32_t threshold, struct hm_err *err);
/* release~ID. */
HM_MUST_CHECK enum hm_rc hm_roster_set_release(struct hm_roster *roster, const char *id,
                                               const struct hm_key *const *keys, size_t key_count,
                                               uint32_t threshold, struct hm_err *err);
/* Adds or replaces what is said of a maker; with an identity also maker~ID and recalls~ID.
 * HM_EREFUSED: a maker that was of grade "maker" made attested; an identity with another first
 * version, an older one, or with keys that this version does not know. Texts are copied. */
HM_MUST_CHECK enum hm_rc hm_roster_set_maker(struct hm_roster *roster, const char *id,
                                             const char *name, const struct hm_identity *identity,
                                             struct hm_err *err);
/* Checks the result as a client would (hm_layout_parse, with the newest root) and writes the draft.
 */
HM_MUST_CHECK enum hm_rc hm_roster_save(struct hm_roster *roster, struct hm_err *err);
/* As hm_roster_save with a root that is not a draft yet. */
HM_MUST_CHECK enum hm_rc hm_roster_save_under(struct hm_roster *roster, const struct hm_root *root,
                                              struct hm_err *err);

#endif
