/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking in what makers submit, and what the vendor attests for makers that do not take part.
 * Nothing taken in is published; review and approve come next.
 */
#ifndef HM_SITE_INTAKE_H
#define HM_SITE_INTAKE_H

#include "exchange/submission.h"
#include "site/enrol.h"
#include "site/staged.h"

#define HM_INTAKE_FILE_COUNT_MAX 1000 /* of one attested release */
#define HM_INTAKE_TEXT_SIZE_MAX  1000 /* origin, title, label */

struct hm_intake_result {
    char id[HM_SHA256_HEX_SIZE]; /* "" where nothing was staged: the submission brought an identity
                                    alone */
    int64_t version;             /* of maker~ID */
    size_t brought_count;        /* files to be approved */
    uint64_t brought_size;
    bool drafted_targets; /* the identity is newer than the one enrolled */
};

/* Reads a submission ("-": standard input), verifies all of it, keeps it in private/submissions.
 *
 * HM_EREFUSED: the maker is not enrolled (or as attested), another chain than the one enrolled, a
 * published name with other bytes or dropped, a file added to a published release, names that
 * differ in case only; HM_EROLLBACK: an older identity or version; HM_EMISMATCH: another site, an
 * image that is not the one signed for, a version signed twice; HM_ENOTFOUND: an image
 * that nobody has; and what hm_submission_read says. Nothing is kept then. */
HM_MUST_CHECK enum hm_rc hm_intake_submission(const struct hm_site *site, const char *path,
                                              struct hm_err *err, struct hm_buf *report,
                                              struct hm_intake_result *ret_result);
/* Only the head of a submission, for enrolling: the identity chain. */
HM_MUST_CHECK enum hm_rc hm_intake_read_head(const struct hm_site *site, const char *path,
                                             struct hm_err *err,
                                             struct hm_submission **ret_submission);

struct hm_intake_attested {
    const char *release;      /* ID/PRODUCT/VERSION */
    const char *const *paths; /* files of the user's */
    size_t path_count;
    const char *origin; /* who received it, when, from whom; required */
    const char *title;  /* these may be NULL */
    const char *label;
    const char *date;
};

/* Keeps files of a maker that is enrolled as attested. HM_EREFUSED: it signs itself, or as above.
 */
HM_MUST_CHECK enum hm_rc hm_intake_attested(const struct hm_site *site,
                                            const struct hm_intake_attested *input,
                                            struct hm_err *err, struct hm_buf *report,
                                            struct hm_intake_result *ret_result);

#endif
