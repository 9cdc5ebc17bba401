/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed at a site between two verified states of it. Roles that both states name with the
 * same hash are not read: the work grows with what changed, not with the site.
 */
#ifndef HM_CUSTOMER_CHANGES_H
#define HM_CUSTOMER_CHANGES_H

#include "customer/catalogue.h"

enum hm_change_kind {
    HM_CHANGE_ADDED,     /* released since, or accepted since */
    HM_CHANGE_REMOVED,   /* no longer released */
    HM_CHANGE_REPLACED,  /* other bytes under the same path */
    HM_CHANGE_DESCRIBED, /* the same bytes, described otherwise (custom) */
    HM_CHANGE_REFUSED,   /* accepted then, refused now */
};
/* "added", and so on. */
const char *hm_changes_text(enum hm_change_kind kind);

struct hm_change {
    enum hm_change_kind kind;
    const struct hm_catalogue_item *now;  /* NULL: removed */
    const struct hm_catalogue_item *then; /* NULL: added */
};

/* Something about a maker itself. */
struct hm_maker_change {
    const char *maker;
    const char *text; /* "new: vendor-attested", "identity 2, was 1", ... */
};

struct hm_changes {
    struct hm_catalogue now, then; /* what the changes point into */
    struct hm_change *files;       /* in the order of the catalogue */
    size_t file_count;
    struct hm_maker_change *makers;
    size_t maker_count;
    /* Of the parts that changed, what cannot be told now: they are in now.problems as well. */
    bool has_gaps;
    struct hm_arena arena;
};

/* now was refreshed or loaded with a scope for the IDs of the patterns and no products; then as
 * well, of an earlier state. Both outlive the result. The caller holds the site's lock where now is
 * online, as roles of changed products are got. */
HM_MUST_CHECK enum hm_rc hm_changes_find(struct hm_subscription *now, struct hm_subscription *then,
                                         const struct hm_pattern *patterns, size_t pattern_count,
                                         struct hm_err *err, struct hm_changes *ret_changes);
void hm_changes_done(struct hm_changes *changes);

#endif
