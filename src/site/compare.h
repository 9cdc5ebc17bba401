/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new image is, for those who approve it: taken apart by a confined process
 * (image/inspect.h), and compared with the same file of the product's release before it.
 */
#ifndef HM_SITE_COMPARE_H
#define HM_SITE_COMPARE_H

#include "site/tree.h"

/* Appends lines on the image of target, which lies at path below private/: how it differs from the
 * newest lower version that is published, or that there is none; and what is wrong with it. What
 * cannot be read is said, and is no failure. Nothing where the site has no inspect_program.
 * HM_ENOMEM, and what hm_tree_part returns. */
HM_MUST_CHECK enum hm_rc hm_compare_image(struct hm_tree *tree, const char *release_role,
                                          const struct hm_target *target, const char *path,
                                          struct hm_err *err, struct hm_buf *report);

#endif
