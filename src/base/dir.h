/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders, safely: everything is opened relative to a folder's descriptor, without following a
 * symbolic link in any part below it.
 */
#ifndef HM_BASE_DIR_H
#define HM_BASE_DIR_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"

/* Everywhere below: a path that is not safe (hm_dir_is_safe_path) is HM_EREFUSED, a symbolic link
 * on the way HM_EINPUT, no permission HM_EINPUT, a failing disk HM_EIO. */

#define HM_DIR_DEPTH_MAX                                                                           \
    64 /* folders within folders that hm_dir_remove_tree goes down: an open                        \
          descriptor each; our own trees are less than ten deep */

/* An open folder. path is for messages. */
struct hm_dir {
    int fd;
    char *path; /* owned */
};

#define HM_DIR_INIT                                                                                \
    {                                                                                              \
        .fd = -1, .path = NULL                                                                     \
    }

/* Opens a folder given by a path of the user's. HM_EINPUT if missing or no folder. */
HM_MUST_CHECK enum hm_rc hm_dir_open(const char *path, struct hm_err *err, struct hm_dir *ret_dir);
/* As hm_dir_open, making it (and its parents) first where missing, with the given mode; durable. */
HM_MUST_CHECK enum hm_rc hm_dir_make(const char *path, mode_t mode, struct hm_err *err,
                                     struct hm_dir *ret_dir);
/* Opens name below dir. name may have several parts, none of them "", "." or ".."; no symbolic
 * link is followed in any part. make: create missing folders (mode 0755, or 0700 below a 0700 dir),
 * durably. HM_ENOTFOUND if missing, HM_EINPUT if it is no folder. */
HM_MUST_CHECK enum hm_rc hm_dir_open_at(const struct hm_dir *dir, const char *name, bool make,
                                        struct hm_err *err, struct hm_dir *ret_dir);
/* A second handle of the same folder. */
HM_MUST_CHECK enum hm_rc hm_dir_copy(const struct hm_dir *dir, struct hm_err *err,
                                     struct hm_dir *ret_dir);
void hm_dir_done(struct hm_dir *dir);
/* Closes a descriptor and sets it to -1; -1 is fine. For _hm_done_(hm_dir_close_fd) int fd = -1; */
void hm_dir_close_fd(int *fd);

/* A safe relative path: parts separated by single '/', none empty, "." or "..", no NUL, not
 * absolute. */
bool hm_dir_is_safe_path(const char *path);

/* Appends the whole file to buf; HM_ENOTFOUND if missing, HM_EFORMAT ("larger than N bytes") past
 * buf's maximum, HM_EINPUT if it is no regular file or unreadable. path is safe and relative
 * (several parts allowed). */
HM_MUST_CHECK enum hm_rc hm_dir_read(const struct hm_dir *dir, const char *path, struct hm_err *err,
                                     struct hm_buf *ret_buf);
/* True if path exists below dir (any kind). */
bool hm_dir_has(const struct hm_dir *dir, const char *path);
/* Opens a regular file for reading; the caller closes ret_fd. HM_ENOTFOUND, HM_EINPUT. */
HM_MUST_CHECK enum hm_rc hm_dir_open_file(const struct hm_dir *dir, const char *path,
                                          struct hm_err *err, int *ret_fd, uint64_t *ret_size);
/* The sorted names in a folder ("" or "." for dir itself), without "." and ".." and without the
 * temporary and partial files of hm_file_* (".NAME.tmp.PID.RANDOM", ".NAME.partial"); HM_EFORMAT
 * past count_max. Names are in the arena. A missing folder gives HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_dir_list(const struct hm_dir *dir, const char *path, size_t count_max,
                                     struct hm_arena *arena, struct hm_err *err,
                                     const char ***ret_names, size_t *ret_count);
/* Removes a file; missing is fine. Durable. */
HM_MUST_CHECK enum hm_rc hm_dir_remove(const struct hm_dir *dir, const char *path,
                                       struct hm_err *err);
/* Removes a folder (or file) and all below it, following no link; missing is fine. HM_EFORMAT below
 * HM_DIR_DEPTH_MAX folders. Durable. */
HM_MUST_CHECK enum hm_rc hm_dir_remove_tree(const struct hm_dir *dir, const char *path,
                                            struct hm_err *err);
/* Renames within the file system and flushes both folders. Replaces a file; HM_EIO on failure. */
HM_MUST_CHECK enum hm_rc hm_dir_rename(const struct hm_dir *from, const char *from_path,
                                       const struct hm_dir *to, const char *to_path,
                                       struct hm_err *err);

#endif
