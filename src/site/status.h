/* SPDX-License-Identifier: Apache-2.0 */
/* How a site stands: each role's version, time and signatures, drafts, submissions, what publish
 * would do. */
#ifndef HM_SITE_STATUS_H
#define HM_SITE_STATUS_H

#include "site/plan.h"

/* A role ends "soon" within this time: enough to gather offline signatures. */
#define HM_STATUS_SOON_S ((int64_t)90 * HM_TIME_DAY_S)

/* Appends the status as text, or as one JSON object of the schema hallmark/site-status/1.
 * *ret_expired: some published role's time is over, or that of the release log's cosignatures. */
HM_MUST_CHECK enum hm_rc hm_status_write(const struct hm_site *site, bool json, struct hm_err *err,
                                         struct hm_buf *report, bool *ret_expired);

#endif
