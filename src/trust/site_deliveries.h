/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root.json says of a site's deliveries (docs/formats.md 22): the key of its statements, and
 * the deliveries log with its witnesses.
 */
#ifndef HM_TRUST_SITE_DELIVERIES_H
#define HM_TRUST_SITE_DELIVERIES_H

#include "tlog/log_policy.h"
#include "tuf/root.h"

struct hm_site_deliveries {
    struct hm_note_key *key;      /* owned. NULL: the site makes no statements */
    struct hm_log_policy *policy; /* exactly one log; owned. NULL likewise */
};

/* Reads the root's x-hallmark; one without "deliveries" gives NULLs. HM_EFORMAT naming the rule;
 * HM_EUNKNOWN for a vkey of a type not known here. */
HM_MUST_CHECK enum hm_rc hm_site_deliveries_parse(const struct hm_root *root, struct hm_err *err,
                                                  struct hm_site_deliveries **ret_deliveries);
void hm_site_deliveries_free(struct hm_site_deliveries *deliveries);
HM_DEFINE_FREE(hm_site_deliveries_free, struct hm_site_deliveries);

#endif
