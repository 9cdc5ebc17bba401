/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the keys of a role: the drafts that do it. How publish puts them in force, so that no
 * client ever meets a tree it must refuse, stands in plan.h.
 */
#ifndef HM_SITE_ROTATE_H
#define HM_SITE_ROTATE_H

#include "site/approvers.h"
#include "site/renew.h"
#include "site/roster.h"

struct hm_rotate_options {
    const char *role;          /* root, targets, online, release~ID, recalls~vendor */
    struct hm_approvers *add;  /* or NULL */
    const char *const *remove; /* key ids (8 or more digits) or .pub files */
    size_t remove_count;
    uint32_t threshold;             /* 0: as it is */
    const struct hm_signer *online; /* the new online key; NULL: made */
    bool lost; /* online: the old key is gone, so the new root comes with its first signatures */
};

/* ret_renew has the drafts to be signed. */

/* HM_EUSAGE: nothing would change, an online key that is said to be lost is at hand, or a key to be
 * removed is not there; HM_EREFUSED: a threshold that cannot be met, a key that stands on both
 * sides, an online key in another role; HM_EUNKNOWN: no such role; HM_EAGAIN: nothing is published
 * yet. */
HM_MUST_CHECK enum hm_rc hm_rotate_run(const struct hm_site *site,
                                       const struct hm_rotate_options *options, struct hm_err *err,
                                       struct hm_buf *report, struct hm_renew *ret_renew);

/* Drafts the next root: the newest one, draft or published, as edit changes it. HM_EREFUSED as
 * above; what edit says. */
typedef enum hm_rc hm_rotate_edit_fn(void *ctx, struct hm_root *root, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_rotate_edit_root(const struct hm_roles *roles, hm_rotate_edit_fn *edit,
                                             void *ctx, struct hm_err *err, struct hm_buf *report);

#endif
