/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is anything of this site about that is newer than this folder? Asked of a site that was restored
 * from a backup, before it may sign (site/hold.h): of what is served now, and of the witnesses.
 *
 * Neither is believed in what it says for itself: only signed documents count, and whatever cannot
 * be read leaves the question open.
 */
#ifndef HM_CARE_NEWER_H
#define HM_CARE_NEWER_H

#include "site/site.h"

struct hm_newer_options {
    const char *served;  /* URL or folder of what is served now */
    const char *ca_file; /* or NULL */
};

/* HM_OK: nothing newer: what is served has exactly the root, timestamp and log that are here, and
 * a deliveries log of no more leaves, and no witness has seen more of the release log, of those
 * that answer; those that do not could not have made a quorum by themselves. HM_EREFUSED: something
 * newer, or else, is about, and the message says what. Everything else: cannot tell. report gets a
 * line for each thing that was looked at. */
HM_MUST_CHECK enum hm_rc hm_newer_check(const struct hm_site *site,
                                        const struct hm_newer_options *options, struct hm_err *err,
                                        struct hm_buf *report);

#endif
