/* SPDX-License-Identifier: Apache-2.0 */
/* Which modules of an image are a release's, byte for byte, and which were changed, added, or left
 * out. Compared by digest wherever they lie, so that packing them anew changes nothing. */
#ifndef HM_MATCH_MODULES_H
#define HM_MATCH_MODULES_H

#include "match/contents.h"

enum hm_module_change {
    HM_MODULE_CHANGED, /* the release has one of the same name (GUID) with other bytes */
    HM_MODULE_ADDED,   /* the release has none of that name left */
    HM_MODULE_MISSING, /* the image lacks it */
};
/* "changed", and so on. */
const char *hm_modules_text(enum hm_module_change change);

struct hm_module_difference {
    enum hm_module_change change;
    const struct hm_part *part; /* of the image; missing: of the release */
};

struct hm_modules {
    size_t image_count, release_count;
    size_t equal_count;
    struct hm_module_difference *differences; /* owned; in the image's order, then missing ones */
    size_t difference_count;
};

/* Views of both. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_modules_compare(const struct hm_contents *image,
                                            const struct hm_contents *release, struct hm_err *err,
                                            struct hm_modules *ret_modules);
void hm_modules_done(struct hm_modules *modules);

#endif
