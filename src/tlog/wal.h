/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's file of write-ahead records (record.h): a base, then a record for each batch of entries.
 *
 * The file that replaces another is written beside it, flushed, and renamed. Of the last batch any
 * part may be missing after a crash: it was never acknowledged, and is dropped. What is missing
 * before a whole record was, and is damage.
 */
#ifndef HM_TLOG_WAL_H
#define HM_TLOG_WAL_H

#include "base/append.h"
#include "tlog/record.h"
#include "tlog/tail.h"

#define HM_WAL_NAME     "records"
#define HM_WAL_NEW_NAME "records.new"
/* More is not written: log.c makes tiles of the entries first. What is not in tiles is in memory.
 */
#define HM_WAL_SIZE_MAX ((size_t)512 << 20)

struct hm_wal {
    struct hm_append append;
    struct hm_record_file file;
    struct hm_buf scratch; /* the record being written */
};

#define HM_WAL_INIT                                                                                \
    {                                                                                              \
        .append = HM_APPEND_INIT, .scratch = HM_BUF_INIT(HM_RECORD_SIZE_MAX)                       \
    }

/* Makes the end of the tree out of a file's bytes. HM_EFORMAT: they are damaged, with the place. */
HM_MUST_CHECK enum hm_rc hm_wal_replay(struct hm_bytes bytes, struct hm_err *err,
                                       struct hm_tail **ret_tail);
/* Reads the file. HM_ENOTFOUND; HM_EFORMAT as above. */
HM_MUST_CHECK enum hm_rc hm_wal_load(const struct hm_dir *dir, struct hm_err *err,
                                     struct hm_tail **ret_tail);
/* A new file with all that tail has from base on (a multiple of HM_TILE_WIDTH, not below the
 * tail's) takes the place of the one in dir, and of wal's. On failure wal is as it was;
 * *ret_is_unclear (false before) then says that nobody knows which of the two files a restart
 * finds, and that wal must be given up. */
HM_MUST_CHECK enum hm_rc hm_wal_rewrite(struct hm_wal *wal, const struct hm_dir *dir,
                                        const struct hm_tail *tail, uint64_t base,
                                        struct hm_err *err, bool *ret_is_unclear);
/* Writes a record of count entries (bundled, as in tiles) for a tree that has size of them, and
 * flushes once. HM_EIO: the disk is full, and the file is as before. HM_EINTERNAL: whether the
 * record counts is not known, and wal must be given up. */
HM_MUST_CHECK enum hm_rc hm_wal_append(struct hm_wal *wal, uint64_t size, struct hm_bytes entries,
                                       uint32_t count, const struct hm_sha256 *root,
                                       struct hm_err *err);
void hm_wal_done(struct hm_wal *wal);

#endif
