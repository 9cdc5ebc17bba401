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

/* So many files of a version fit an entry, however long their names are: a line of 64 bytes of
 * name, 64 of digest and 19 of length is 157 bytes at most, and all else less than 1024. */
#define HM_LOG_BATCH_FILES_SURE 400

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
/* Do these targets, all files of one version in the order of their paths, fit one entry?
 * HM_EREFUSED, telling what to do. */
HM_MUST_CHECK enum hm_rc hm_log_batch_check_files(const char *site, const struct hm_target *targets,
                                                  size_t count, struct hm_err *err);

#endif
