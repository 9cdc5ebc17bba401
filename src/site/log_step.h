/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The release log's part of rolling a publish forward (journal.h, docs/formats.md 7): the batch is
 * appended, exactly once and with exactly the bytes that were committed; the checkpoint is signed
 * and cosigned; the proofs that follow from it are put into the journal.
 *
 *   next/log/base          the log's size before, decimal and a newline
 *   next/log/entries       the entries, each with two bytes of length in front (a C2SP bundle of
 *                          any width); the snapshot's is the last
 *   next/log/policy        the policy whose quorum is needed, with the log's vkey
 *   next/log/policy-before the one in force until then, where a new root changes it
 *   next/log/archive       a number: the log that is there is closed, and goes to log-closed/NUMBER
 *   next/log/roots-first   empty: roots are placed before witnesses are asked (the online key is
 *                          lost, so that nobody could verify the new snapshot without)
 *   next/log/cosigned      made here: the checkpoint with all cosignatures
 *   next/log/ready         made here: the proofs stand in next/files and next/replace
 */
#ifndef HM_SITE_LOG_STEP_H
#define HM_SITE_LOG_STEP_H

#include "site/cosign.h"

/* Names below next/log. */
#define HM_LOG_STEP_BASE          "base"
#define HM_LOG_STEP_ENTRIES       "entries"
#define HM_LOG_STEP_POLICY        "policy"
#define HM_LOG_STEP_POLICY_BEFORE "policy-before"
#define HM_LOG_STEP_ARCHIVE       "archive"
#define HM_LOG_STEP_ROOTS_FIRST   "roots-first"

/* Below private/ and public/: where closed logs go, by number. */
#define HM_LOG_STEP_CLOSED "log-closed"

/* Of a batch: a log that begins at a large site has an entry for each version. */
#define HM_LOG_STEP_ENTRIES_SIZE_MAX  ((size_t)1 << 30)
#define HM_LOG_STEP_ENTRIES_COUNT_MAX 1000001

/* private/log and public/log, opened; made where missing. */
HM_MUST_CHECK enum hm_rc hm_log_step_open(const struct hm_dir *private_dir,
                                          const struct hm_dir *public_dir, struct hm_err *err,
                                          struct hm_log **ret_log);
/* The proof of the log's last entry, of the tree that note (a checkpoint with its signatures) is
 * of. */
HM_MUST_CHECK enum hm_rc hm_log_step_prove(struct hm_log *log, struct hm_bytes note,
                                           struct hm_err *err, struct hm_buf *ret_proof);
/* Nothing is left to do. */
bool hm_log_step_is_done(const struct hm_dir *next);
/* Does what is left to do. ask NULL: no witness is asked; a quorum of none is met all the same.
 * *ret_done false: it waits for witnesses. HM_EREFUSED: the log is neither as it was before nor as
 * it is to be; HM_EAGAIN (ask only): the quorum is not met; HM_EINPUT: the log's key is missing.
 * report may be NULL where ask is. */
HM_MUST_CHECK enum hm_rc hm_log_step_run(const struct hm_dir *private_dir,
                                         const struct hm_dir *public_dir, const struct hm_dir *next,
                                         const struct hm_cosign_options *ask, struct hm_err *err,
                                         struct hm_buf *report, bool *ret_done);

#endif
