/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who must sign what: the published root and targets together with their drafts, and from these the
 * keys and thresholds that each role's next version needs.
 *
 * A new root needs the threshold of the root before it and its own. While a root that changes the
 * keys of targets is a draft, targets needs both, so that it stays valid on either side of the
 * switch (DESIGN 5.3). A delegated role needs what the newest targets says: while a draft of
 * targets changes its keys, both wait for each other and are published together.
 */
#ifndef HM_SITE_ROLES_H
#define HM_SITE_ROLES_H

#include "exchange/draft.h"
#include "site/tree.h"

struct hm_roles {
    const struct hm_site *site;                  /* borrowed */
    struct hm_tree *tree;                        /* owned */
    struct hm_draft *root_draft, *targets_draft; /* NULL: none */
    struct hm_root_unsigned draft_root;
    struct hm_targets_unsigned draft_targets;
    struct hm_layout *draft_layout;
};

/* Loads tree and drafts. HM_EFORMAT, HM_EREFUSED: a draft that breaks a rule, named with its file.
 */
HM_MUST_CHECK enum hm_rc hm_roles_load(const struct hm_site *site, struct hm_err *err,
                                       struct hm_roles **ret_roles);
void hm_roles_free(struct hm_roles *roles);
HM_DEFINE_FREE(hm_roles_free, struct hm_roles);

/* The newest of each, draft or published; NULL before init wrote drafts. Borrowed. */
const struct hm_root *hm_roles_root(const struct hm_roles *roles);
const struct hm_targets *hm_roles_targets(const struct hm_roles *roles);
const struct hm_layout *hm_roles_layout(const struct hm_roles *roles);

/* HM_EUNKNOWN: no root or targets, published or draft, names anybody for role. */
HM_MUST_CHECK enum hm_rc hm_roles_need(const struct hm_roles *roles, const char *role,
                                       struct hm_err *err, struct hm_draft_need *ret_need);
/* Appends content as version of role, which is release~ID, the role of a product, or
 * recalls~vendor: for this site, valid from now on as long as such a document is. */
HM_MUST_CHECK enum hm_rc hm_roles_write_release(const struct hm_site *site, const char *role,
                                                int64_t version, struct hm_targets *content,
                                                struct hm_err *err, struct hm_buf *ret_canonical);
/* How far a draft is. */
HM_MUST_CHECK enum hm_rc hm_roles_state(const struct hm_roles *roles, const struct hm_draft *draft,
                                        struct hm_arena *arena, struct hm_err *err,
                                        struct hm_draft_state *ret_state);

/* Several private keys at hand. */
#define HM_SIGNERS_COUNT_MAX 64
struct hm_signers {
    struct hm_signer *items[HM_SIGNERS_COUNT_MAX]; /* owned */
    size_t count;
};
#define HM_SIGNERS_INIT                                                                            \
    {                                                                                              \
        .count = 0                                                                                 \
    }
void hm_roles_signers_done(struct hm_signers *signers);

/* Signs the draft of role with every signer that may; *ret_added counts. A signer whom the role
 * does not list is passed over. */
HM_MUST_CHECK enum hm_rc hm_roles_sign(const struct hm_roles *roles, const char *role,
                                       const struct hm_signers *signers, struct hm_err *err,
                                       uint32_t *ret_added);
/* Merges signatures into every draft that they fit. HM_EMISMATCH or HM_ESIGNATURE if none fitted
 * any. Appends what was added to the report. */
HM_MUST_CHECK enum hm_rc hm_roles_attach(const struct hm_roles *roles,
                                         const struct hm_signatures *signatures, struct hm_err *err,
                                         struct hm_buf *report);

/* Appends "'targets' 2: complete" or "'targets' 2: 1 of 2 signatures; missing KEY (NAME.pub)...".
 */
HM_MUST_CHECK enum hm_rc hm_roles_describe(const struct hm_roles *roles, const char *role,
                                           struct hm_err *err, struct hm_buf *report);

/* Writes a signing request for the drafts of these roles to path and reports it. */
HM_MUST_CHECK enum hm_rc hm_roles_request(const struct hm_roles *roles, const char *const *names,
                                          size_t count, const char *reason, const char *path,
                                          struct hm_err *err, struct hm_buf *report);

#endif
