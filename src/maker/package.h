/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A submission being written: whole under a temporary name, and given its own name only when the
 * folder has recorded what was signed.
 */
#ifndef HM_MAKER_PACKAGE_H
#define HM_MAKER_PACKAGE_H

#include "base/file.h"
#include "maker/folder.h"
#include "maker/images.h"

struct hm_package {
    struct hm_file_writer file;
    struct hm_dir dir;
};

#define HM_PACKAGE_INIT                                                                            \
    {                                                                                              \
        .file = HM_FILE_WRITER_INIT, .dir = HM_DIR_INIT                                            \
    }

/* Writes all of the submission for site to path's temporary file: the folder's chain, maker_raw
 * (or empty) and images (or NULL). HM_EMISMATCH: an image changed since it was hashed. */
HM_MUST_CHECK enum hm_rc hm_package_write(const struct hm_folder *folder, const char *site,
                                          struct hm_bytes maker_raw, const struct hm_images *images,
                                          const char *path, struct hm_err *err,
                                          struct hm_package *ret_package);
/* Gives it its name. */
HM_MUST_CHECK enum hm_rc hm_package_commit(struct hm_package *package, struct hm_err *err);
/* Drops it unless committed. */
void hm_package_done(struct hm_package *package);

#endif
