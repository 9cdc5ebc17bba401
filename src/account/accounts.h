/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's customers, their tokens and grants, and the trail of every change
 * (docs/formats.md 15): private/accounts.db.
 *
 * Each change is one transaction together with its line of the trail, and raises the generation, by
 * which a server that runs says what it has taken up.
 */
#ifndef HM_ACCOUNT_ACCOUNTS_H
#define HM_ACCOUNT_ACCOUNTS_H

#include "store/database.h"

#define HM_ACCOUNTS_FILE          "accounts.db"
#define HM_ACCOUNTS_TEXT_SIZE_MAX 1024    /* of titles, labels, reasons and names of people */
#define HM_ACCOUNTS_COUNT_MAX     100000  /* customers of a site */
#define HM_ACCOUNTS_TOKENS_MAX    1000000 /* tokens that count, of all */
#define HM_ACCOUNTS_GRANTS_MAX    1000000

struct hm_accounts {
    struct hm_database *database; /* owned */
};

/* Who changes something, and when. */
struct hm_accounts_change {
    const char *who;
    int64_t now_unix_s;
};

/* Opens or makes the file in a site's private folder; as hm_database_open. */
HM_MUST_CHECK enum hm_rc hm_accounts_open(const struct hm_dir *private_dir,
                                          enum hm_database_access access, uint32_t wait_ms,
                                          struct hm_err *err, struct hm_accounts *ret_accounts);
void hm_accounts_done(struct hm_accounts *accounts);

/* For the modules of this folder: a change begins, is recorded (account may be ""), and ends with
 * its result: committed if that is HM_OK, dropped otherwise. HM_EUSAGE for text that no trail may
 * have. */
HM_MUST_CHECK enum hm_rc hm_accounts_begin(struct hm_accounts *accounts, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_accounts_record(struct hm_accounts *accounts,
                                            const struct hm_accounts_change *change,
                                            const char *what, const char *account,
                                            const char *detail, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_accounts_end(struct hm_accounts *accounts, enum hm_rc rc,
                                         struct hm_err *err);
/* Printable UTF-8 of at most HM_ACCOUNTS_TEXT_SIZE_MAX bytes, may be empty. HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_accounts_check_text(const char *text, const char *what,
                                                struct hm_err *err);

/* How many changes there were. */
HM_MUST_CHECK enum hm_rc hm_accounts_generation(struct hm_accounts *accounts, struct hm_err *err,
                                                uint64_t *ret_generation);

/* A line of the trail. Views, valid during the call. */
struct hm_accounts_event {
    uint64_t number;
    int64_t time_unix_s;
    const char *who, *what, *account, *detail;
};
typedef enum hm_rc hm_accounts_event_fn(void *ctx, const struct hm_accounts_event *event,
                                        struct hm_err *err);
/* The trail, oldest first; account NULL: of all. Ends with the first failure of fn. */
HM_MUST_CHECK enum hm_rc hm_accounts_trail(struct hm_accounts *accounts, const char *account,
                                           hm_accounts_event_fn *fn, void *ctx, struct hm_err *err);

#endif
