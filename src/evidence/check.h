/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does evidence hold? Offline, by what a basis says may be believed, in steps that a person can
 * read (report.h). The age of cosignatures is told and not judged: evidence is of the past.
 */
#ifndef HM_EVIDENCE_CHECK_H
#define HM_EVIDENCE_CHECK_H

#include "evidence/basis.h"
#include "evidence/evidence.h"
#include "evidence/report.h"

/* Checks a file of any kind: evidence, or a C2SP tlog-proof whose extra data are the entry. Roots
 * in it that follow on the basis are added to the basis. HM_OK: the report is there, and
 * (*ret_report)->rc says whether the statement holds; else (HM_ENOMEM and other internal errors)
 * there is none. */
HM_MUST_CHECK enum hm_rc hm_check_file(struct hm_bytes raw, struct hm_basis *basis,
                                       struct hm_err *err, struct hm_report **ret_report);

/* Appends the name of the site that a file says it is about, and nothing where it cannot be told:
 * for choosing what to judge it by. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_check_site_of(struct hm_bytes raw, struct hm_err *err,
                                          struct hm_buf *ret_site);

#endif
