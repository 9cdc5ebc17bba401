/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolling a maker: a draft of targets.json that names it, its grade, its identity and the
 * approvers of its releases. Also how a rotated identity is taken over.
 */
#ifndef HM_SITE_ENROL_H
#define HM_SITE_ENROL_H

#include "site/approvers.h"
#include "site/chain.h"
#include "site/roster.h"

struct hm_enrol_options {
    const char *id;
    const char *name;                   /* attested makers; others are named by their identity */
    const struct hm_identity *identity; /* NULL: attested */
    const struct hm_bytes *identities;  /* the whole chain, verified */
    size_t identity_count;
    struct hm_approvers *approvers; /* NULL or empty: those of init */
    uint32_t threshold;             /* 0: of init, at most as many as there are approvers */
};

/* Drafts targets; *ret_drafted false if all of it is so already. HM_EREFUSED: a key that stands on
 * both sides, a grade that would fall, another chain than the one enrolled; HM_EUSAGE: approvers
 * for a maker that is enrolled; HM_EAGAIN: the site has no targets.json yet, not even a draft. */
HM_MUST_CHECK enum hm_rc hm_enrol_run(const struct hm_site *site,
                                      const struct hm_enrol_options *options, struct hm_err *err,
                                      struct hm_buf *report, bool *ret_drafted);

#endif
