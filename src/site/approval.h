/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approving: a draft of release~ID that lists what submissions bring, with the maker's custom
 * verbatim. Approval is nothing but the approvers' signatures on that draft.
 */
#ifndef HM_SITE_APPROVAL_H
#define HM_SITE_APPROVAL_H

#include "site/staged.h"

struct hm_approval {
    const char **roles; /* drafts to be signed: "targets" first where it waits too */
    size_t role_count, role_capacity;
    /* From the caller: IDs of findings (site/scanned.h) that whoever approves lets pass; borrowed.
     */
    const char *const *acknowledged;
    size_t acknowledged_count;
    struct hm_arena arena;
};

#define HM_APPROVAL_INIT                                                                           \
    {                                                                                              \
        .roles = NULL, .role_count = 0, .arena = HM_ARENA_INIT                                     \
    }

void hm_approval_done(struct hm_approval *approval);
/* ids NULL: all that wait. Writes the drafts. HM_EREFUSED: an earlier submission of the same maker
 * waits and is not among them, or the scan found something that is not acknowledged (each is told
 * in the report; nothing is kept then); HM_EUSAGE: an ID is of no finding; HM_EUNKNOWN;
 * HM_ENOTFOUND: an image is gone. */
HM_MUST_CHECK enum hm_rc hm_approval_run(const struct hm_site *site, const char *const *ids,
                                         size_t id_count, struct hm_err *err, struct hm_buf *report,
                                         struct hm_approval *ret_approval);
/* Rejects a submission that waits. Files of it that stand in a draft of release~ID leave that
 * draft: it is made anew without them, and loses its signatures. */
HM_MUST_CHECK enum hm_rc hm_approval_reject(const struct hm_site *site, const char *id,
                                            const char *reason, struct hm_err *err,
                                            struct hm_buf *report);
/* Appends what a person should read before approving: all drafts and submissions that wait, or one
 * of them (a role's name or a submission's id). */
HM_MUST_CHECK enum hm_rc hm_approval_review(const struct hm_site *site, const char *what,
                                            struct hm_err *err, struct hm_buf *report);

#endif
