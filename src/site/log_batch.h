/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a coming snapshot adds to the release log (docs/formats.md 11): one entry for each root
 * first published, each maker that is new or changed, and each version newly listed; then the
 * snapshot's, which lists them, names the newest root that is in the log and the map after them,
 * and voids what stands in front of them that no snapshot ever listed.
 */
#ifndef HM_SITE_LOG_BATCH_H
#define HM_SITE_LOG_BATCH_H

#include "site/journal.h"
#include "site/own_log.h"
#include "site/plan.h"
#include "tlog/entry.h"

struct hm_log_batch_change {
    const struct hm_plan *plan;
    const struct hm_snapshot *snapshot; /* the coming one */
    struct hm_entry_document document;  /* its version, digest and length */
    bool with_root;                     /* plan->root is published too */
};

/* Writes the batch into the journal: entries, map files, the proofs of where releases stand,
 * memory. HM_EREFUSED: the map says no (a version that was released before); HM_EMISMATCH:
 * public/log has something else than is known; HM_EUSAGE: a version has more files than an entry
 * takes. */
HM_MUST_CHECK enum hm_rc hm_log_batch_write(struct hm_own_log *log,
                                            const struct hm_log_batch_change *change,
                                            struct hm_journal *journal, struct hm_err *err);

#endif
