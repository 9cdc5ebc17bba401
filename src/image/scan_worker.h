/* SPDX-License-Identifier: Apache-2.0 */
/* The process that scans a foreign image, from inside: as worker.h says, with rules, and the
 * findings (finding.h) behind the report. */
#ifndef HM_IMAGE_SCAN_WORKER_H
#define HM_IMAGE_SCAN_WORKER_H

#include "image/finding.h"
#include "image/walk.h"

/* All that is found in a file that was taken apart; rules as in rules.h, or empty. HM_ENOMEM,
 * HM_EINTERNAL. */
HM_MUST_CHECK enum hm_rc hm_scan_worker_scan(struct hm_walk *walk, struct hm_bytes rules,
                                             struct hm_err *err, struct hm_findings *ret_findings);
/* The exit status. */
HM_MUST_CHECK int hm_scan_worker_main(int argc, char **argv);

#endif
