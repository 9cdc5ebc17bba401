/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log that somebody else writes, line by line, and moves away or cuts when it is long: read from
 * where it was left, each whole line once.
 */
#ifndef HM_SERVE_LOGFILE_H
#define HM_SERVE_LOGFILE_H

#include "base/dir.h"
#include "crypto/digest.h"

/* What is read at once; a longer line is none. */
#define HM_LOGFILE_CHUNK_SIZE ((size_t)64 * 1024)
#define HM_LOGFILE_FIRST_SIZE ((size_t)4096) /* of a first line, what counts */

struct hm_logfile {
    int fd;
    uint64_t inode, device;
    int64_t changed_unix_s;  /* when it was opened */
    struct hm_sha256 source; /* hash of its first line: what it is known by, whatever its name */
    bool has_source;
    uint64_t offset; /* of the first byte that was not taken */
};

#define HM_LOGFILE_INIT                                                                            \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Opens name in dir. HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_logfile_open(const struct hm_dir *dir, const char *name,
                                         struct hm_err *err, struct hm_logfile *ret_file);
void hm_logfile_done(struct hm_logfile *file);
/* Finds out which log it is; again whenever it may have been begun anew. HM_EAGAIN: it has no line
 * yet. */
HM_MUST_CHECK enum hm_rc hm_logfile_identify(struct hm_logfile *file, struct hm_err *err);
/* True if name in dir is this file. */
bool hm_logfile_is_at(const struct hm_logfile *file, const struct hm_dir *dir, const char *name);
/* Its length now. */
HM_MUST_CHECK enum hm_rc hm_logfile_size(const struct hm_logfile *file, struct hm_err *err,
                                         uint64_t *ret_size);
/* The whole lines behind offset, newlines and all, as far as they fit; empty: none is there now.
 * *ret_next is where to go on. Bytes without a newline as long as a chunk are given as they are.
 */
HM_MUST_CHECK enum hm_rc hm_logfile_read(const struct hm_logfile *file, struct hm_err *err,
                                         struct hm_buf *ret_lines, uint64_t *ret_next);

#endif
