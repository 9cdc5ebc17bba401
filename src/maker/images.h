/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images of a release: hashed once when the release is drafted, recorded beside the draft
 * (images.json), and hashed again while they are written into the submission, so that a file that
 * changed in between never leaves under a signature that is for other bytes.
 */
#ifndef HM_MAKER_IMAGES_H
#define HM_MAKER_IMAGES_H

#include "base/dir.h"
#include "base/ustar.h"
#include "exchange/submission.h"

#define HM_IMAGES_FILE_SIZE_MAX                                                                    \
    67108864 /* images.json: 10,000 images with long paths take 50 MB                              \
              */

struct hm_release_image {
    const char *path; /* ID/PRODUCT/VERSION/FILE */
    const char *file; /* where it lies: an absolute path */
    uint64_t size;
    struct hm_sha256 sha256;
};

struct hm_images {
    const char *release;            /* "ID/PRODUCT/VERSION"; "" where nothing is released */
    struct hm_release_image *items; /* sorted by path */
    size_t count;
    struct hm_arena arena;
};

/* Hashes files (paths of the user's) for release. HM_EINPUT: missing, no regular file; HM_EFORMAT:
 * a name that no target may have; HM_EUSAGE: two of the same name, none, too many, or a path too
 * long for an archive. progress may be NULL. */
HM_MUST_CHECK enum hm_rc hm_images_hash(const char *release, const char *const *files, size_t count,
                                        hm_digest_progress_fn *progress, void *ctx,
                                        struct hm_err *err, struct hm_images **ret_images);
/* Those images of targets that lie below folder, as ID/PRODUCT/VERSION/FILE,
 * PRODUCT/VERSION/FILE or FILE, with the right size and digest. */
HM_MUST_CHECK enum hm_rc hm_images_find(const struct hm_targets *targets, const char *folder,
                                        struct hm_err *err, struct hm_images **ret_images);
void hm_images_free(struct hm_images *images);
HM_DEFINE_FREE(hm_images_free, struct hm_images);

/* True if a and b are the same release with the same digests under the same paths. */
bool hm_images_is_same(const struct hm_images *a, const struct hm_images *b);

/* images.json in a folder of drafts. _load: HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_images_save(const struct hm_images *images, const struct hm_dir *dir,
                                        struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_images_load(const struct hm_dir *dir, struct hm_err *err,
                                        struct hm_images **ret_images);
HM_MUST_CHECK enum hm_rc hm_images_remove(const struct hm_dir *dir, struct hm_err *err);

/* Adds "images/PATH" for each. HM_EMISMATCH, HM_EINPUT: a file is no longer what was hashed. */
HM_MUST_CHECK enum hm_rc hm_images_write(const struct hm_images *images,
                                         struct hm_ustar_writer *writer, struct hm_err *err);

#endif
