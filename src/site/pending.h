/* SPDX-License-Identifier: Apache-2.0 */
/* The submissions that wait, and those that were rejected, with the releases and files that each
 * brings. */
#ifndef HM_SITE_PENDING_H
#define HM_SITE_PENDING_H

#include "site/staged.h"

/* Appends them as text, or as one JSON object of the schema hallmark/site-pending/1. */
HM_MUST_CHECK enum hm_rc hm_pending_write(const struct hm_site *site, bool json, struct hm_err *err,
                                          struct hm_buf *report);

#endif
