/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vendor's recalls as CSAF tools look for them, below public/csaf/: provider-metadata.json, the
 * documents by year with their digests, index.txt, changes.csv, a ROLIE feed, and OpenVEX beside
 * them. All of it follows from what was published as recalls~vendor and says nothing of its own;
 * Hallmark reads none of it.
 */
#ifndef HM_SITE_ADVISORIES_H
#define HM_SITE_ADVISORIES_H

#include "site/tree.h"
#include "trust/recall.h"

#define HM_ADVISORIES_FEED_SIZE_MAX 67108864 /* HM_RECALL_COUNT_MAX entries at 8 KiB */

/* "https://firmware.example/csaf/white/2026/NAME.json": where a recall's document is served. */
HM_MUST_CHECK enum hm_rc hm_advisories_url(const struct hm_site *site,
                                           const struct hm_recall *recall, struct hm_err *err,
                                           struct hm_buf *ret_url);
/* Writes what differs from what is published now; nothing where nothing was ever recalled. Meant
 * for the end of every publish: a run that dies is made good by the next. */
HM_MUST_CHECK enum hm_rc hm_advisories_run(const struct hm_site *site, struct hm_err *err);

#endif
