/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence that a customer's client keeps when it meets a log that contradicts itself, in the
 * site's folder (docs/formats.md 9 and 14): hallmark check shows anybody who has the site's trust
 * file that it is so.
 */
#ifndef HM_CUSTOMER_LOG_EVIDENCE_H
#define HM_CUSTOMER_LOG_EVIDENCE_H

#include "customer/subscription.h"
#include "evidence/evidence.h"

#define HM_LOG_EVIDENCE_NAME_SIZE 96

/* Adds root.json from version 2 to newest (of more than HM_EVIDENCE_ROOT_COUNT_MAX the last ones)
 * as the source has them; from one that cannot be had on those behind it. Who has a newer trust
 * file does not need them. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_log_evidence_add_roots(struct hm_evidence *evidence,
                                                   const struct hm_client_source *metadata,
                                                   uint64_t newest, struct hm_err *err);

/* Two checkpoints of the site's log, the smaller first. */
struct hm_log_evidence_pair {
    struct hm_bytes small, large;
    /* What the larger one's tree was at the smaller one's size; of two of one size not looked at.
     */
    const struct hm_sha256 *begun;
    const struct hm_merkle_proof *proof;
};

/* Writes "evidence/fork-SMALL-LARGE.evidence", flushed; ret_name is below the site's folder. */
HM_MUST_CHECK enum hm_rc hm_log_evidence_keep_fork(const struct hm_subscription *subscription,
                                                   const struct hm_log_evidence_pair *pair,
                                                   struct hm_err *err,
                                                   char ret_name[HM_LOG_EVIDENCE_NAME_SIZE]);
/* Likewise "evidence/rollback-SMALL-LARGE.evidence", where a witness cosigned the smaller one after
 * the larger one; else *ret_name is empty. */
HM_MUST_CHECK enum hm_rc hm_log_evidence_keep_rollback(const struct hm_subscription *subscription,
                                                       const struct hm_log_evidence_pair *pair,
                                                       struct hm_err *err,
                                                       char ret_name[HM_LOG_EVIDENCE_NAME_SIZE]);

#endif
