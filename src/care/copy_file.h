/* SPDX-License-Identifier: Apache-2.0 */
/* Copying files of a site, with their digests, unflushed: for backups and what is restored. */
#ifndef HM_CARE_COPY_FILE_H
#define HM_CARE_COPY_FILE_H

#include "care/manifest.h"

/* Copies from/from_path to to/to_path and fills size, time and digest of item; the copy has item's
 * mode, and the file's time. HM_EAGAIN: the file was changed meanwhile. */
HM_MUST_CHECK enum hm_rc hm_copy_file_run(const struct hm_dir *from, const char *from_path,
                                          const struct hm_dir *to, const char *to_path,
                                          struct hm_manifest_item *item, struct hm_err *err);
/* Reads a file and compares size and digest. HM_EMISMATCH. */
HM_MUST_CHECK enum hm_rc hm_copy_file_verify(const struct hm_dir *dir, const char *path,
                                             const struct hm_manifest_item *item,
                                             struct hm_err *err);
/* Flushes everything of the file system that dir is on. */
HM_MUST_CHECK enum hm_rc hm_copy_file_flush(const struct hm_dir *dir, struct hm_err *err);

#endif
