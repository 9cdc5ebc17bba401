/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back: the vendor's own recalls, and a maker's that came in. One recall is one target of
 * recalls~vendor or recalls~ID, with a CSAF document for its bytes; it waits as a draft like every
 * other role, its document in private/recalls/, and goes out with the next publish. Nothing that a
 * recall says is ever changed or dropped: a second word on the same matter is a second recall.
 */
#ifndef HM_SITE_RECALLING_H
#define HM_SITE_RECALLING_H

#include "exchange/csaf.h"
#include "site/roles.h"

#define HM_RECALLING_DIR         "recalls"        /* below private/ */
#define HM_RECALLING_VENDOR_ROLE "recalls~vendor" /* the vendor's own */

struct hm_recalling {
    const char *name;
    const char *reason, *remedy;
    const char *title; /* NULL: the reason */
    /* What is taken back: patterns ID/PRODUCT/VERSION[/FILE], or SHA-256 in hexadecimal. */
    const char *const *what;
    size_t what_count;
};

/* Drafts the next recalls~vendor with this recall. HM_EUNKNOWN: a pattern that no published file
 * matches; HM_EUSAGE: a name, text or digest that is none, or a name that is taken. Says in the
 * report what is taken back. */
HM_MUST_CHECK enum hm_rc hm_recalling_run(const struct hm_site *site,
                                          const struct hm_recalling *recalling, struct hm_err *err,
                                          struct hm_buf *report);
/* Takes in a maker's notice ("-": standard input): its recalls~ID becomes a draft that is complete.
 * HM_ESIGNATURE: not signed by the maker; HM_EREFUSED: it takes back what the maker did not release
 * here, or drops what it recalled before; HM_EROLLBACK: not newer than what is published;
 * HM_EMISMATCH: for another site, or with another document. Nothing is drafted then. */
HM_MUST_CHECK enum hm_rc hm_recalling_take(const struct hm_site *site, const char *path,
                                           struct hm_err *err, struct hm_buf *report);
/* May content follow what is published as a role of recalls? All that was recalled still is, to the
 * byte, and everything in it is a recall of this role for this site. published may be NULL.
 * HM_EREFUSED, HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_recalling_check(const char *role, const struct hm_targets *content,
                                            const struct hm_targets *published, const char *site,
                                            struct hm_err *err);
/* "ID/NAME.json" of a recall's path: its document's place below private/recalls/. */
const char *hm_recalling_file(const char *path);

#endif
