/* SPDX-License-Identifier: Apache-2.0 */
/* What file.c, lock.c and the tests share with dir.c. */
#ifndef HM_BASE_DIR_INTERNAL_H
#define HM_BASE_DIR_INTERNAL_H

#include "base/dir.h"

#define HM_DIR_TEMP_INFIX     ".tmp."
#define HM_DIR_PARTIAL_SUFFIX ".partial"

/* For tests: never use openat2. */
extern bool hm_dir_force_walk;

/* open() below a folder without following a symbolic link in any part. path is safe. The
 * descriptor, or a negative errno value. */
int hm_dir_open_below(int dir_fd, const char *path, int flags, mode_t mode);

/* The folder that path is in, and the last part of path (which points into path). */
HM_MUST_CHECK enum hm_rc hm_dir_open_parent(const struct hm_dir *dir, const char *path, bool make,
                                            struct hm_err *err, struct hm_dir *ret_parent,
                                            const char **ret_name);

/* Tells an errno value about dir's path: HM_ENOTFOUND, HM_EINPUT, HM_ENOMEM or HM_EIO. */
enum hm_rc hm_dir_fail(struct hm_err *err, int errno_value, const char *verb,
                       const struct hm_dir *dir, const char *path);

/* Appends what is left to read of fd to buf; shown is the name for messages. */
HM_MUST_CHECK enum hm_rc hm_dir_read_fd(int fd, const char *shown, struct hm_err *err,
                                        struct hm_buf *ret_buf);

/* fsync; 0 or an errno value. A folder whose file system knows no fsync of folders is fine. */
int hm_dir_flush_fd(int fd, bool is_folder);

#endif
