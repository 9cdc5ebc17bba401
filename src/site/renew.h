/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offline roles whose time ends soon: the next version of each, with the same content, as drafts to
 * be signed. (Snapshot and timestamp are re-signed by hm_publish_run.)
 */
#ifndef HM_SITE_RENEW_H
#define HM_SITE_RENEW_H

#include "site/roles.h"

struct hm_renew {
    const char **roles; /* drafts to be signed */
    size_t role_count, role_capacity;
    struct hm_arena arena;
};

#define HM_RENEW_INIT                                                                              \
    {                                                                                              \
        .roles = NULL, .role_count = 0, .arena = HM_ARENA_INIT                                     \
    }

void hm_renew_done(struct hm_renew *renew);
#define HM_RENEW_RECALLS "recalls~vendor"

/* Copies role. */
HM_MUST_CHECK enum hm_rc hm_renew_add(struct hm_renew *renew, const char *role, struct hm_err *err);
/* Drafts root, targets, recalls~vendor and every release~ID and role of a product that ends within
 * within_s seconds; one that has a draft already keeps it. A maker's own role cannot be renewed
 * here: it is named as a warning. */
HM_MUST_CHECK enum hm_rc hm_renew_run(const struct hm_site *site, int64_t within_s,
                                      struct hm_err *err, struct hm_buf *report,
                                      struct hm_renew *ret_renew);
/* After the keys of release~ID or recalls~vendor (called role, published) changed in the draft of
 * targets: drafts the next version of it and of all its products' roles with the content that is
 * published, or that drafts have already, and adds them to renew. */
HM_MUST_CHECK enum hm_rc hm_renew_release(struct hm_roles *roles, const char *role,
                                          struct hm_err *err, struct hm_renew *renew);
/* Drafts version 1 of release~ID or recalls~vendor, which lists nothing. TUF 4.4: the snapshot
 * lists every delegated role; tough looks at no role any more once one is missing. */
HM_MUST_CHECK enum hm_rc hm_renew_first(const struct hm_site *site, const char *role,
                                        struct hm_err *err);

#endif
