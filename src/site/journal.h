/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publish journal: a complete set of files to be put in place, written aside, flushed, and
 * committed by one rename. From then on the only way is forward, with exactly those bytes
 * (docs/formats.md 7, DESIGN 5.3).
 *
 *   private/publish/next.tmp/   being written; may be thrown away at any time
 *   private/publish/next/       committed:
 *     files/...                 laid over public/, where nothing has other bytes
 *     replace/...               laid over public/, instead of what is there
 *     log/...                   the batch for the release log (log_step.h)
 *     timestamp.json            public/metadata/timestamp.json, the switch; absent where nothing
 *                               but a new root is published
 *     late/...                  as files/, after the switch: a root that comes last
 *     published/...             laid over private/published/: what the site knows it published
 *     done                      what to drop afterwards, one path below private/ a line
 *
 * Where the log's quorum of witnesses is not met, a journal waits half-way: all that the tree to
 * come consists of is durable (hm_tree_load reads it), what nothing refers to yet is public, and
 * drafts are dropped already, so that others go on from there.
 *
 * Nothing here knows roles or keys; callers hold the site's lock.
 */
#ifndef HM_SITE_JOURNAL_H
#define HM_SITE_JOURNAL_H

#include "base/dir.h"
#include "crypto/digest.h"
#include "site/cosign.h"

#define HM_JOURNAL_DONE_SIZE_MAX  4194304
#define HM_JOURNAL_FILE_COUNT_MAX 1000000 /* names in one folder: more than any publish holds */
#define HM_JOURNAL_DEPTH_MAX      8       /* files/targets/ID/PRODUCT/VERSION/FILE is 6 */

struct hm_journal {
    const struct hm_dir *private_dir; /* borrowed */
    struct hm_dir next;               /* private/publish/next.tmp */
    struct hm_buf done;
};

/* Starts next.tmp afresh. HM_EINTERNAL if a committed journal was not rolled forward before. */
HM_MUST_CHECK enum hm_rc hm_journal_begin(const struct hm_dir *private_dir, struct hm_err *err,
                                          struct hm_journal *ret_journal);
/* A file below public/ ("metadata/2.targets.json"). HM_EREFUSED: public has it with other bytes. */
HM_MUST_CHECK enum hm_rc hm_journal_add(struct hm_journal *journal, const struct hm_dir *public_dir,
                                        const char *path, struct hm_bytes bytes,
                                        struct hm_err *err);
/* A large file, by hard link from src_path below src_dir where possible, else copied; its bytes are
 * hashed while they are read: HM_EMISMATCH where they are not those of length and sha256. */
HM_MUST_CHECK enum hm_rc hm_journal_add_image(struct hm_journal *journal,
                                              const struct hm_dir *src_dir, const char *src_path,
                                              const char *path, uint64_t length,
                                              const struct hm_sha256 *sha256, struct hm_err *err);
/* A file below public/ that takes the place of what is there. */
HM_MUST_CHECK enum hm_rc hm_journal_replace(struct hm_journal *journal, const char *path,
                                            struct hm_bytes bytes, struct hm_err *err);
/* As hm_journal_add, to appear after the new timestamp.json. */
HM_MUST_CHECK enum hm_rc hm_journal_add_late(struct hm_journal *journal,
                                             const struct hm_dir *public_dir, const char *path,
                                             struct hm_bytes bytes, struct hm_err *err);
/* log/NAME: a part of the batch. */
HM_MUST_CHECK enum hm_rc hm_journal_add_log(struct hm_journal *journal, const char *name,
                                            struct hm_bytes bytes, struct hm_err *err);
/* The new timestamp.json. */
HM_MUST_CHECK enum hm_rc hm_journal_add_timestamp(struct hm_journal *journal, struct hm_bytes bytes,
                                                  struct hm_err *err);
/* NAME.json in private/published/: the site's own memory of a document that is published here. */
HM_MUST_CHECK enum hm_rc hm_journal_remember(struct hm_journal *journal, const char *name,
                                             struct hm_bytes bytes, struct hm_err *err);
/* A file, or with a '/' at its end a folder, below private/ to be dropped once all is in place. */
HM_MUST_CHECK enum hm_rc hm_journal_drop(struct hm_journal *journal, const char *path,
                                         struct hm_err *err);
/* Flushes and renames next.tmp to next: the commit point. */
HM_MUST_CHECK enum hm_rc hm_journal_commit(struct hm_journal *journal, struct hm_err *err);
/* Without commit, next.tmp stays and is thrown away by the next _begin. */
void hm_journal_done(struct hm_journal *journal);

/* Rolls a committed journal forward, if there is one: the memory, images, identities, metadata but
 * for roots; the drops and the log's batch, where there is one; roots, the log's files and proofs,
 * timestamp.json, what comes late, the drops, then the journal itself. Running it again from any
 * point in between ends in the same state. *ret_found (may be NULL). HM_EIO; HM_EREFUSED where
 * public or the log has something else. Witnesses are not asked: a journal that waits for them
 * stays, and that is HM_OK. */
HM_MUST_CHECK enum hm_rc hm_journal_recover(const struct hm_dir *private_dir,
                                            const struct hm_dir *public_dir, struct hm_err *err,
                                            bool *ret_found);
/* True if a journal is there: after hm_journal_recover, one that waits for witnesses. */
bool hm_journal_is_waiting(const struct hm_dir *private_dir);
/* As hm_journal_recover, asking the witnesses. HM_EAGAIN: the quorum is not met, and the message
 * says who failed and how; the journal waits. report gets what they said. */
HM_MUST_CHECK enum hm_rc hm_journal_finish(const struct hm_dir *private_dir,
                                           const struct hm_dir *public_dir,
                                           const struct hm_cosign_options *options,
                                           struct hm_err *err, struct hm_buf *report);
/* As hm_journal_recover, stopping after at most step_count steps (a file put in place or dropped is
 * one): what a crash leaves, for tests. */
HM_MUST_CHECK enum hm_rc hm_journal_recover_steps(const struct hm_dir *private_dir,
                                                  const struct hm_dir *public_dir,
                                                  size_t step_count, struct hm_err *err,
                                                  size_t *ret_taken);

#endif
