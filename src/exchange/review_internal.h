/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a review share: lines of text that nothing from outside can forge, and the
 * difference of two sets of keys.
 *
 * A line is put together piece by piece and escaped as a whole when it ends, so that no piece needs
 * care and none can start a line of its own. The first error sticks (out->rc).
 */
#ifndef HM_EXCHANGE_REVIEW_INTERNAL_H
#define HM_EXCHANGE_REVIEW_INTERNAL_H

#include "tuf/root.h"
#include "tuf/targets.h"

struct hm_review_out {
    const char *role;
    struct hm_buf line;     /* being put together, raw */
    struct hm_buf warnings; /* whole lines, escaped */
    struct hm_buf body;     /* likewise */
    struct hm_err *err;
    enum hm_rc rc;
    bool changed; /* anything but version and expiry */
};

void hm_review_text_init(struct hm_review_out *out, const char *role, struct hm_err *err);
void hm_review_text_done(struct hm_review_out *out);
/* Adds to the line. */
HM_PRINTF(2, 3)
void hm_review_text_put(struct hm_review_out *out, const char *format, ...);
void hm_review_text_put_bytes(struct hm_review_out *out, struct hm_bytes bytes);
/* Ends the line. */
void hm_review_text_end(struct hm_review_out *out);
/* One whole line of the body. */
HM_PRINTF(2, 3)
void hm_review_text_line(struct hm_review_out *out, const char *format, ...);
/* "WARNING: ROLE: ...": starts one with the line so far put, to be ended by _end_warning; or whole.
 */
void hm_review_text_end_warning(struct hm_review_out *out);
HM_PRINTF(2, 3)
void hm_review_text_warn(struct hm_review_out *out, const char *format, ...);

/* The keys of what ("keys of role 'targets'"), before and after; either may be NULL. Nothing if
 * they are the same. */
void hm_review_text_keys(struct hm_review_out *out, const char *what,
                         const struct hm_role_keys *before, const struct hm_role_keys *after);
/* A text member before and after; NULL is none. Warns where a change of it is grave. */
void hm_review_text_member(struct hm_review_out *out, const char *what, const char *before,
                           const char *after, bool is_grave);

/* Files, delegations and "x-hallmark"; before may be NULL. */
void hm_review_targets_diff(struct hm_review_out *out, const struct hm_targets *before,
                            const struct hm_targets *after);
/* Makers as "x-hallmark" of targets names them, and its delegations. */
void hm_review_makers_diff(struct hm_review_out *out, struct hm_bytes before,
                           struct hm_bytes after);
/* What root says of the release log; before may be NULL. HM_EFORMAT, HM_EUNKNOWN: it cannot be
 * read.
 */
HM_MUST_CHECK enum hm_rc hm_review_log_diff(struct hm_review_out *out, const struct hm_root *before,
                                            const struct hm_root *after);
/* What root says of deliveries; likewise. */
HM_MUST_CHECK enum hm_rc hm_review_log_deliveries_diff(struct hm_review_out *out,
                                                       const struct hm_root *before,
                                                       const struct hm_root *after);
/* Delegations: label is put in front of each role. */
void hm_review_targets_delegations(struct hm_review_out *out, const struct hm_delegations *before,
                                   const struct hm_delegations *after);

#endif
