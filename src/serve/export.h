/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes that face the network know of accounts: the book, for decisions, and a file
 * for each token that nginx compares passwords with (docs/formats.md 16). Made of the database
 * whenever that changes, and whenever a token's time is over. What ends is taken away first.
 */
#ifndef HM_SERVE_EXPORT_H
#define HM_SERVE_EXPORT_H

#include "account/book.h"

#define HM_EXPORT_APPLIED "serve/applied" /* in private/ */
#define HM_EXPORT_BOOK    "book"          /* in the run folder */
#define HM_EXPORT_PASSWORDS                                                                        \
    "passwords" /* a folder: CUSTOMER.NUMBER, "CUSTOMER.NUMBER:{SHA}BASE64" */

struct hm_export {
    struct hm_accounts accounts;
    int64_t data_version; /* of the database, when it was read last */
    int64_t next_unix_s;  /* when the next token ends; 0: none does */
    uint64_t generation;  /* what is in force */
    bool is_done;         /* at least once */
};

/* Opens the accounts of a site; makes them where there are none. */
HM_MUST_CHECK enum hm_rc hm_export_open(const struct hm_dir *private_dir, struct hm_err *err,
                                        struct hm_export *ret_export);
void hm_export_done(struct hm_export *export);
/* Is there something new? */
HM_MUST_CHECK enum hm_rc hm_export_is_due(struct hm_export *export, int64_t now_unix_s,
                                          struct hm_err *err, bool *ret_is_due);
/* Writes book and passwords into run, for this group to read (gid -1: nobody else). */
HM_MUST_CHECK enum hm_rc hm_export_run(struct hm_export *export, const struct hm_dir *run,
                                       gid_t gid, int64_t now_unix_s, struct hm_err *err);
/* Says in a site's private folder which generation is in force: commands wait for that. */
HM_MUST_CHECK enum hm_rc hm_export_tell(const struct hm_export *export,
                                        const struct hm_dir *private_dir, struct hm_err *err);
/* The text of the book alone, for one process that keeps it in memory. */
HM_MUST_CHECK enum hm_rc hm_export_book(struct hm_export *export, int64_t now_unix_s,
                                        struct hm_err *err, struct hm_book **ret_book);

#endif
