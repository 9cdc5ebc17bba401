/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that grows at its end and is flushed as it goes: a journal. What was written counts once
 * it is flushed; what was not can be cut off again.
 */
#ifndef HM_BASE_APPEND_H
#define HM_BASE_APPEND_H

#include "base/dir.h"

struct hm_append {
    int fd;
    char *shown;   /* its path, for messages; owned */
    uint64_t size; /* up to where it counts */
};

#define HM_APPEND_INIT                                                                             \
    {                                                                                              \
        .fd = -1, .shown = NULL, .size = 0                                                         \
    }

/* An empty file at path, whatever stood there before, open for this user alone (0600). Its name is
 * durable only after a flush of the folder, as hm_dir_rename does. The file stays the same one
 * where it is renamed. */
HM_MUST_CHECK enum hm_rc hm_append_create(const struct hm_dir *dir, const char *path,
                                          struct hm_err *err, struct hm_append *ret_append);
/* Writes bytes at the end, unflushed. HM_EIO; *ret_is_full (may be NULL) then says whether the
 * disk, the quota or the largest size of a file is reached. What of them was written is to be cut
 * off. */
HM_MUST_CHECK enum hm_rc hm_append_write(struct hm_append *append, struct hm_bytes bytes,
                                         struct hm_err *err, bool *ret_is_full);
/* Flushes the data. After a failure nobody knows what is on the disk, and a later flush may say
 * that all is well: the file must be given up. HM_EIO. */
HM_MUST_CHECK enum hm_rc hm_append_flush(struct hm_append *append, struct hm_err *err);
/* Cuts the file back to size bytes, and flushes. HM_EIO: as after a failed flush. */
HM_MUST_CHECK enum hm_rc hm_append_cut(struct hm_append *append, uint64_t size, struct hm_err *err);
void hm_append_done(struct hm_append *append);

#endif
