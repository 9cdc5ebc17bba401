/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log that others keep, out of its tiles (tile.h): every entry from some place on, in
 * order, and nodes for proofs. What is given out is proven to be in the tree of a checkpoint that
 * the caller has verified; the files that it came from are believed in nothing.
 *
 * Memory is a tile a level and one bundle of entries, however large the log is.
 */
#ifndef HM_TLOG_FOLLOW_H
#define HM_TLOG_FOLLOW_H

#include "base/buf.h"
#include "tlog/tile.h"

/* Where the log's files come from. Paths are below the log's folder ("tile/0/000"). */
struct hm_follow_source {
    /* Appends a file. HM_ENOTFOUND: there is none. */
    enum hm_rc (*get)(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_bytes);
    /* NULL, or: the bytes are proven and may be kept. Bundles and tiles of hashes, each once. */
    enum hm_rc (*keep)(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err);
    /* NULL, or: what get gave is not of this tree. True: that was a copy, which is gone now, and
     * get has better. */
    bool (*reject)(void *ctx, const char *path);
    void *ctx;
};

/* Is told of entries. Anything but HM_OK ends the reading with that code. It must not use the same
 * hm_follow. */
struct hm_follow_sink {
    enum hm_rc (*entry)(void *ctx, uint64_t index, struct hm_bytes entry, struct hm_err *err);
    void *ctx;
};

struct hm_follow; /* one thread */

/* Below, HM_EMISMATCH: a file is not what the tree has there; HM_EFORMAT: nor can it be of any
 * tree; HM_ENOTFOUND: a file is missing; else the source's errors. All name the file. */

/* The log as its tree of size leaves with this root. Reads the tree's right edge. */
HM_MUST_CHECK enum hm_rc hm_follow_open(const struct hm_follow_source *source, uint64_t size,
                                        const struct hm_sha256 *root, struct hm_err *err,
                                        struct hm_follow **ret_follow);
void hm_follow_free(struct hm_follow *follow);
HM_DEFINE_FREE(hm_follow_free, struct hm_follow);

/* HM_OK only if the tree of this frontier is the beginning of this one. HM_EREFUSED: it is not, and
 * two checkpoints for the two trees prove that the log is forked; also where it is the larger. */
HM_MUST_CHECK enum hm_rc hm_follow_check_start(struct hm_follow *follow,
                                               const struct hm_merkle_frontier *start,
                                               struct hm_err *err);
/* Gives the entries first to end - 1 to the sink. HM_EUSAGE unless first <= end <= size. */
HM_MUST_CHECK enum hm_rc hm_follow_read(struct hm_follow *follow, uint64_t first, uint64_t end,
                                        const struct hm_follow_sink *sink, struct hm_err *err);
/* Appends one entry. */
HM_MUST_CHECK enum hm_rc hm_follow_entry(struct hm_follow *follow, uint64_t index,
                                         struct hm_err *err, struct hm_buf *ret_entry);
/* The tree's right edge. */
const struct hm_merkle_frontier *hm_follow_frontier(const struct hm_follow *follow);
/* Proven nodes, for the proofs of merkle.h in trees up to this size. */
const struct hm_merkle_source *hm_follow_nodes(const struct hm_follow *follow);

#endif
