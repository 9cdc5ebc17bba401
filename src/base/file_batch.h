/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files written together: each appears whole and flushed, as by hm_file_replace, but the flushes of
 * all come one after the other, so that the file system makes few of them; and each folder is
 * flushed once. The files do not appear at once: after a crash any of them may be there.
 */
#ifndef HM_BASE_FILE_BATCH_H
#define HM_BASE_FILE_BATCH_H

#include "base/file.h"

#define HM_FILE_BATCH_COUNT_MAX 64 /* files that are open at a time, and their folders */

struct hm_file_batch {
    struct hm_file_writer writers[HM_FILE_BATCH_COUNT_MAX];
    size_t count;
};

#define HM_FILE_BATCH_INIT                                                                         \
    {                                                                                              \
        .count = 0                                                                                 \
    }

/* Adds a file; a batch that is full is committed first. A name may not come twice. Errors as
 * hm_file_replace; after one the batch is to be dropped. */
HM_MUST_CHECK enum hm_rc hm_file_batch_put(struct hm_file_batch *batch, const struct hm_dir *dir,
                                           const char *path, mode_t mode, struct hm_bytes bytes,
                                           struct hm_err *err);
/* Puts all in place. HM_OK: all are durable. Else any of them may be there, or not, and each that
 * is there is whole; the batch is empty either way. */
HM_MUST_CHECK enum hm_rc hm_file_batch_commit(struct hm_file_batch *batch, struct hm_err *err);
/* Drops what was not committed. */
void hm_file_batch_done(struct hm_file_batch *batch);

#endif
