/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log on disk, its writer's side: entries are appended in batches, each with one write-ahead
 * record and one flush, and become C2SP tiles afterwards. Used for any log of C2SP tiles.
 *
 *   private folder   "lock"; the write-ahead records, from which everything that is durable and not
 *                    yet in tiles is made again: entries, the tree's right edge, size and root
 *   public folder    "tile/..." (tile.h). Not trusted: what is read there is compared with the tree
 *
 * One process has a log open at a time; in it any number of threads may append, and calls that come
 * together share a flush. Nothing here knows what an entry means, or signs without being asked.
 */
#ifndef HM_TLOG_LOG_H
#define HM_TLOG_LOG_H

#include "base/dir.h"
#include "tlog/checkpoint.h"
#include "tlog/tile.h"

/* Of one append: a batch is one record, which is held in memory. */
#define HM_LOG_APPEND_COUNT_MAX 65536
#define HM_LOG_APPEND_SIZE_MAX  ((size_t)64 << 20)

struct hm_log;

/* What is durable. */
struct hm_log_head {
    uint64_t size;
    struct hm_sha256 root;
};

/* Opens, or begins, the log in these folders, which it keeps open by itself. A record cut off by a
 * crash is dropped; tiles that are missing are made. HM_EBUSY: another process has it; HM_EFORMAT:
 * the records are damaged, and nothing may be appended to a log whose end is not known. */
HM_MUST_CHECK enum hm_rc hm_log_open(const struct hm_dir *private_dir,
                                     const struct hm_dir *public_dir, struct hm_err *err,
                                     struct hm_log **ret_log);
void hm_log_free(struct hm_log *log);
HM_DEFINE_FREE(hm_log_free, struct hm_log);
void hm_log_head(struct hm_log *log, struct hm_log_head *ret_head);

/* Appends the entries side by side. HM_OK: they are durable from *ret_first on. HM_EUSAGE: too many
 * or too large. After a failed write or flush the log takes nothing more (HM_EINTERNAL) until it
 * was opened again: whether the entries count is known only then. HM_EIO otherwise (a full disk):
 * nothing was appended, and later calls may succeed. */
HM_MUST_CHECK enum hm_rc hm_log_append(struct hm_log *log, const struct hm_bytes *entries,
                                       size_t count, struct hm_err *err, uint64_t *ret_first);
/* Makes and flushes the tiles of all that is durable, drops partial tiles whose full tile is there,
 * and records that are no longer needed. A checkpoint may be published after that. */
HM_MUST_CHECK enum hm_rc hm_log_settle(struct hm_log *log, struct hm_err *err);

/* Appends entry index to buf, compared with the tree. HM_EUSAGE: beyond the tree; HM_EMISMATCH: the
 * public folder has something else. */
HM_MUST_CHECK enum hm_rc hm_log_entry(struct hm_log *log, uint64_t index, struct hm_err *err,
                                      struct hm_buf *ret_entry);
/* The root of the first size entries. Errors as above. */
HM_MUST_CHECK enum hm_rc hm_log_root(struct hm_log *log, uint64_t size, struct hm_err *err,
                                     struct hm_sha256 *ret_root);
/* Proofs in the tree of the first size entries, checked against the tree that is known before they
 * are given. Errors as above. */
HM_MUST_CHECK enum hm_rc hm_log_prove_inclusion(struct hm_log *log, uint64_t index, uint64_t size,
                                                struct hm_err *err,
                                                struct hm_merkle_proof *ret_proof);
HM_MUST_CHECK enum hm_rc hm_log_prove_consistency(struct hm_log *log, uint64_t old_size,
                                                  uint64_t size, struct hm_err *err,
                                                  struct hm_merkle_proof *ret_proof);
/* Settles, then appends a note: the checkpoint of what was settled, signed. key's name is the
 * origin. The partial tiles of its tree stay until the next signed one is settled. HM_EROLLBACK:
 * the public folder's checkpoint was signed by this key and is of more entries, or of as many
 * others: the private folder was put back to an earlier state. */
HM_MUST_CHECK enum hm_rc hm_log_sign(struct hm_log *log, const struct hm_note_key *key,
                                     const struct hm_signer *signer, struct hm_err *err,
                                     struct hm_buf *ret_note);

#endif
