/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that lies below a folder, hidden and half-written files too, in the order of their
 * paths by bytes. Nothing is followed, and nothing is opened but folders; memory is that of the
 * names of the folders on the way.
 */
#ifndef HM_CARE_WALK_H
#define HM_CARE_WALK_H

#include <sys/stat.h>

#include "base/dir.h"

/* A path of a target below public/targets, with its digest, has some 350 bytes. */
#define HM_WALK_PATH_SIZE_MAX 1025
/* Names in one folder: a release log of 10^12 entries has 1,000. Metadata is flat: 4 files a role.
 */
#define HM_WALK_NAME_COUNT_MAX 8000000

/* path is below the folder that is walked; that of a folder ends in '/'. A failure ends the walk.
 */
typedef enum hm_rc hm_walk_fn(void *ctx, const char *path, const struct stat *info,
                              struct hm_err *err);
/* What vanishes meanwhile is passed over. HM_EFORMAT: too deep, too many names, or a path that is
 * too long. */
HM_MUST_CHECK enum hm_rc hm_walk_run(const struct hm_dir *dir, hm_walk_fn *take, void *ctx,
                                     struct hm_err *err);

/* True for what is never a file of its own: the temporary and partial files of base/file.h, where
 * name is the last part of a path. */
bool hm_walk_is_temporary(const char *path);

#endif
