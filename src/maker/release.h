/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker's release for one site: the next version of maker~ID with the new files, as a draft that
 * collects signatures, and how a complete one becomes a submission.
 *
 * A version name is never used again for other bytes: every version ever signed for the site is
 * kept and asked.
 */
#ifndef HM_MAKER_RELEASE_H
#define HM_MAKER_RELEASE_H

#include "maker/folder.h"
#include "maker/images.h"

#define HM_RELEASE_DEFAULT_EXPIRY_S ((int64_t)3 * 365 * 86400)
#define HM_RELEASE_DEVICE_COUNT_MAX 64

/* What the maker says of a release; any may be NULL. */
struct hm_release_words {
    const char *title, *label, *date; /* date: YYYY-MM-DD */
    const char *const *devices;
    size_t device_count;
    struct hm_bytes custom; /* a JSON object of further members, or empty */
    /* A JSON array: what measured boot will say of the files (image/measure.h), or empty; where
     * custom has "measurements", that is the maker's word. */
    struct hm_bytes measurements;
};

/* Appends the canonical "custom" object, or nothing if nothing is said. HM_EUSAGE: no such date;
 * HM_EFORMAT: custom is no object, has "vendor", or is past HM_LAYOUT_CUSTOM_SIZE_MAX. */
HM_MUST_CHECK enum hm_rc hm_release_custom(const struct hm_release_words *words, struct hm_err *err,
                                           struct hm_buf *ret_custom);
/* "ID/PRODUCT/VERSION". HM_EFORMAT naming the part and the rule. */
HM_MUST_CHECK enum hm_rc hm_release_name(const struct hm_folder *folder, const char *product,
                                         const char *version, struct hm_err *err,
                                         struct hm_buf *ret_name);

struct hm_release_order {
    const struct hm_images *images; /* NULL: the same files again, under the newest identity */
    struct hm_bytes custom;         /* canonical, or empty */
    int64_t expires_unix_s;
    bool replace; /* drop a draft that waits for signatures */
};

enum hm_release_outcome {
    HM_RELEASE_DRAFTED, /* a draft is there now */
    HM_RELEASE_RESUMED, /* it was there already: the same release, perhaps partly signed */
    HM_RELEASE_SAME,    /* signed before with the same bytes: nothing to do */
};

/* Drafts the next maker~ID for site, or where it is divided the next role of the product alone.
 * HM_EAGAIN: another draft waits, or there is no identity yet; HM_EREFUSED: this product and
 * version was signed before with other files. */
HM_MUST_CHECK enum hm_rc hm_release_draft(const struct hm_folder *folder, const char *site,
                                          const struct hm_release_order *order, struct hm_err *err,
                                          enum hm_release_outcome *ret_outcome);
/* HM_EREFUSED: the key is not of the newest identity. */
HM_MUST_CHECK enum hm_rc hm_release_sign(const struct hm_folder *folder, const char *site,
                                         const struct hm_signer *signer, struct hm_err *err);
/* As hm_draft_merge. */
HM_MUST_CHECK enum hm_rc hm_release_merge(const struct hm_folder *folder, const char *site,
                                          const struct hm_signatures *signatures,
                                          struct hm_err *err, uint32_t *ret_added);
/* How far the drafts are: of maker~ID and its products, the first that lacks a signature, or the
 * first where none does. HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_release_state(const struct hm_folder *folder, const char *site,
                                          struct hm_arena *arena, struct hm_err *err,
                                          const char **ret_role, int64_t *ret_version,
                                          struct hm_draft_state *ret_state);
/* Appends a request for the draft. */
HM_MUST_CHECK enum hm_rc hm_release_request(const struct hm_folder *folder, const char *site,
                                            int64_t now_unix_s, struct hm_err *err,
                                            struct hm_buf *ret_buf);
/* A complete draft: its submission is written whole, what was signed is kept, the submission gets
 * the name path, the draft goes. A run that dies in between is finished by the next. HM_EAGAIN: not
 * complete; HM_EMISMATCH: a file changed since, or the identity did. */
HM_MUST_CHECK enum hm_rc hm_release_finish(const struct hm_folder *folder, const char *site,
                                           const char *path, struct hm_err *err);
/* A submission of the newest signed state; images may be NULL. HM_EAGAIN: nothing was signed for
 * site, or it was under an older identity. identity_only: brings the chain alone. */
HM_MUST_CHECK enum hm_rc hm_release_submit(const struct hm_folder *folder, const char *site,
                                           bool identity_only, const struct hm_images *images,
                                           const char *path, struct hm_err *err);

#endif
