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

/* The document of a product that a submission changes. */
struct hm_package_product {
    const char *name;
    struct hm_bytes raw;
};

/* What a submission holds beside the folder's chain. */
struct hm_package_content {
    struct hm_bytes maker_raw;                 /* or empty */
    const struct hm_package_product *products; /* sorted by name */
    size_t product_count;
    const struct hm_images *images; /* or NULL */
};

/* Writes all of the submission for site to path's temporary file. HM_EMISMATCH: an image changed
 * since it was hashed. */
HM_MUST_CHECK enum hm_rc hm_package_write(const struct hm_folder *folder, const char *site,
                                          const struct hm_package_content *content,
                                          const char *path, struct hm_err *err,
                                          struct hm_package *ret_package);
/* Gives it its name. */
HM_MUST_CHECK enum hm_rc hm_package_commit(struct hm_package *package, struct hm_err *err);
/* Drops it unless committed. */
void hm_package_done(struct hm_package *package);

#endif
