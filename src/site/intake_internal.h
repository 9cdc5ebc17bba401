/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by intake.c (submissions) and intake_attested.c; intake_check.c has the rules of names. */
#ifndef HM_SITE_INTAKE_INTERNAL_H
#define HM_SITE_INTAKE_INTERNAL_H

#include "site/intake.h"

#define HM_INTAKE_FOLDER "submissions/incoming.tmp"
#define HM_INTAKE_NAME   "incoming.tmp"

/* One being taken in. */
struct hm_intake {
    const struct hm_site *site;
    struct hm_roles *roles;
    struct hm_staged_list *list;
    struct hm_dir dir;                          /* private/submissions/incoming.tmp */
    struct hm_staged staged;                    /* id is HM_INTAKE_NAME; content borrowed */
    char release_role[HM_LAYOUT_ROLE_SIZE_MAX]; /* of this maker */
    struct hm_buf *report;
};

#define HM_INTAKE_INIT                                                                             \
    {                                                                                              \
        .site = NULL, .dir = HM_DIR_INIT                                                           \
    }

void hm_intake_done(struct hm_intake *intake);
/* Loads what is there; makes the folder afresh. */
HM_MUST_CHECK enum hm_rc hm_intake_begin(struct hm_intake *intake, const struct hm_site *site,
                                         struct hm_err *err);
/* The published documents of maker; HM_EREFUSED where it is not enrolled with that grade. */
HM_MUST_CHECK enum hm_rc hm_intake_find_maker(struct hm_intake *intake, const char *maker,
                                              bool is_attested, struct hm_err *err,
                                              const struct hm_layout_maker **ret_maker);
/* The site's newest document of a product's role, published or waiting, whoever brought it; NULL:
 * none. */
HM_MUST_CHECK enum hm_rc hm_intake_find_known(const struct hm_intake *intake, const char *role,
                                              struct hm_err *err,
                                              const struct hm_targets **ret_known);
/* The rules of names, and a line of report for each file that it brings. */
HM_MUST_CHECK enum hm_rc hm_intake_check(struct hm_intake *intake, struct hm_err *err,
                                         struct hm_intake_result *result);
/* Scans what it brings (site/scanned.h), and refuses it (HM_EMISMATCH) where its maker says that
 * something else will be measured than the files give. HM_EINPUT: the site's rules are not usable.
 * Behind hm_intake_check. */
HM_MUST_CHECK enum hm_rc hm_intake_scan(struct hm_intake *intake, struct hm_err *err);
/* Writes the head and the report, and puts the folder in its place under id. */
HM_MUST_CHECK enum hm_rc hm_intake_end(struct hm_intake *intake, const struct hm_sha256 *id,
                                       struct hm_err *err, struct hm_intake_result *result);

#endif
