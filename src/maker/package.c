/* SPDX-License-Identifier: Apache-2.0 */
/* A submission being written (package.h). */
#include "maker/package.h"

#include <libgen.h>

static enum hm_rc write_file(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_file_writer_write(ctx, bytes, err);
}

static enum hm_rc open_file(const char *path, struct hm_err *err, struct hm_package *package)
{
    _hm_free_(free) char *parent = strdup(path);
    _hm_free_(free) char *name = strdup(path);

    if (parent == NULL || name == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_open(dirname(parent), err, &package->dir));
    return hm_file_writer_open(&package->dir, basename(name), 0644, false, err, &package->file);
}

enum hm_rc hm_package_write(const struct hm_folder *folder, const char *site,
                            const struct hm_package_content *content, const char *path,
                            struct hm_err *err, struct hm_package *ret_package)
{
    const struct hm_images *images = content->images;
    struct hm_ustar_writer writer;

    HM_TRY(open_file(path, err, ret_package));
    hm_ustar_writer_init(&writer, write_file, &ret_package->file);
    HM_TRY(hm_submission_write_head(&writer, site, folder->maker, folder->identities,
                                    folder->identity_count, content->maker_raw,
                                    images == NULL ? 0 : (uint32_t)images->count, err));
    for (size_t i = 0; i < content->product_count; i++)
        HM_TRY(hm_submission_write_product(&writer, content->products[i].name,
                                           content->products[i].raw, err));
    if (images != NULL)
        HM_TRY(hm_images_write(images, &writer, err));
    return hm_ustar_writer_end(&writer, err);
}

enum hm_rc hm_package_commit(struct hm_package *package, struct hm_err *err)
{
    return hm_file_writer_commit(&package->file, err);
}

void hm_package_done(struct hm_package *package)
{
    hm_file_writer_done(&package->file);
    hm_dir_done(&package->dir);
}
