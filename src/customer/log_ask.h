/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a site's release log: was this release published, was it never, what are all versions of
 * a product? The answer is evidence (evidence/evidence.h), put together from what the site serves;
 * nothing of it is believed here, hm_check_file tells whether it holds.
 */
#ifndef HM_CUSTOMER_LOG_ASK_H
#define HM_CUSTOMER_LOG_ASK_H

#include "evidence/evidence.h"
#include "tuf/client.h"

/* A site that is publishing shows half of it for a moment: how often it is asked, and the pause in
 * between. */
#define HM_LOG_ASK_TRIES_MAX 3
#define HM_LOG_ASK_PAUSE_NS  500000000L

/* HM_EVIDENCE_PUBLISHED, _ABSENT or _HISTORY of path, with the site's roots from version 2 on;
 * objects gives files by path below the site's URL. HM_EUSAGE: not such a path; HM_EUNKNOWN: the
 * site has no proof of this release; HM_EREFUSED: the site serves no release log; HM_EFORMAT;
 * HM_EMISMATCH: the site's files do not fit together; else what the source says. */
HM_MUST_CHECK enum hm_rc hm_log_ask(const struct hm_client_source *objects,
                                    enum hm_evidence_kind kind, const char *path,
                                    struct hm_err *err, struct hm_evidence **ret_evidence);

#endif
