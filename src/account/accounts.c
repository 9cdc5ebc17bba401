/* SPDX-License-Identifier: Apache-2.0 */
/* The file of customers and its trail. See accounts.h. */
#include "account/accounts.h"

#include "base/text.h"

/* "hMAc", in the file's header. */
#define APPLICATION_ID 0x684d4163

/* Released steps are never changed: a new one is added. Times are seconds since 1970. */
static const char *const steps[] = {
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), generation INTEGER NOT NULL)"
    " STRICT;"
    "INSERT INTO state VALUES (1, 0);"
    "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL,"
    " created INTEGER NOT NULL, is_disabled INTEGER NOT NULL DEFAULT 0,"
    " last_token INTEGER NOT NULL DEFAULT 0) STRICT;"
    /* Kept of a secret: SHA-256 for Hallmark, SHA-1 in the form that nginx compares. */
    "CREATE TABLE token (account INTEGER NOT NULL REFERENCES account (id),"
    " number INTEGER NOT NULL, label TEXT NOT NULL, sha256 BLOB NOT NULL CHECK (length(sha256) ="
    " 32), sha1 BLOB NOT NULL CHECK (length(sha1) = 20), created INTEGER NOT NULL,"
    " expires INTEGER, revoked INTEGER, PRIMARY KEY (account, number)) STRICT, WITHOUT ROWID;"
    /* Account 0 is everybody. */
    "CREATE TABLE permit (account INTEGER NOT NULL, pattern TEXT NOT NULL, created INTEGER NOT"
    " NULL, PRIMARY KEY (account, pattern)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE trail (number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL, account TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX trail_account ON trail (account, number);"
    "CREATE TRIGGER trail_kept BEFORE UPDATE ON trail"
    " BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;"
    "CREATE TRIGGER trail_whole BEFORE DELETE ON trail"
    " BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;",
};

static const struct hm_database_schema schema = {
    .what = "customers",
    .application_id = APPLICATION_ID,
    .steps = steps,
    .step_count = HM_ARRAY_COUNT(steps),
};

enum hm_rc hm_accounts_open(const struct hm_dir *private_dir, enum hm_database_access access,
                            uint32_t wait_ms, struct hm_err *err, struct hm_accounts *ret_accounts)
{
    return hm_database_open(private_dir, HM_ACCOUNTS_FILE, &schema, access, wait_ms, err,
                            &ret_accounts->database);
}

void hm_accounts_done(struct hm_accounts *accounts)
{
    hm_database_close(accounts->database);
    accounts->database = NULL;
}

enum hm_rc hm_accounts_check_text(const char *text, const char *what, struct hm_err *err)
{
    struct hm_bytes bytes = hm_bytes_str(text);

    if (bytes.size > HM_ACCOUNTS_TEXT_SIZE_MAX || !hm_text_is_utf8(bytes))
        return hm_fail(err, HM_EUSAGE, "%s: UTF-8 of at most %d bytes is taken", what,
                       HM_ACCOUNTS_TEXT_SIZE_MAX);
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] < 0x20 || bytes.data[i] == 0x7f)
            return hm_fail(err, HM_EUSAGE, "%s: no control characters are taken", what);
    return HM_OK;
}

/* --- changes --- */

enum hm_rc hm_accounts_begin(struct hm_accounts *accounts, struct hm_err *err)
{
    return hm_database_begin(accounts->database, true, err);
}

enum hm_rc hm_accounts_record(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                              const char *what, const char *account, const char *detail,
                              struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *next = NULL;

    HM_TRY(hm_accounts_check_text(change->who, "the name of who changes this", err));
    if (change->who[0] == '\0')
        return hm_fail(err, HM_EUSAGE, "it is not known who changes this: give --by NAME");
    HM_TRY(hm_database_query_new(
        accounts->database,
        "INSERT INTO trail (time, who, what, account, detail) VALUES (?, ?, ?, ?, ?)", err,
        &query));
    hm_database_query_int(query, 1, change->now_unix_s);
    hm_database_query_text(query, 2, change->who);
    hm_database_query_text(query, 3, what);
    hm_database_query_text(query, 4, account);
    hm_database_query_text(query, 5, detail);
    HM_TRY(hm_database_query_run(query, err));
    HM_TRY(hm_database_query_new(accounts->database, "UPDATE state SET generation = generation + 1",
                                 err, &next));
    return hm_database_query_run(next, err);
}

enum hm_rc hm_accounts_end(struct hm_accounts *accounts, enum hm_rc rc, struct hm_err *err)
{
    if (rc == HM_OK)
        return hm_database_commit(accounts->database, err);
    hm_database_rollback(accounts->database);
    return rc;
}

/* --- reading --- */

enum hm_rc hm_accounts_generation(struct hm_accounts *accounts, struct hm_err *err,
                                  uint64_t *ret_generation)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;
    int64_t generation;

    HM_TRY(hm_database_query_new(accounts->database, "SELECT generation FROM state", err, &query));
    HM_TRY(hm_database_query_step(query, err, &has_row));
    generation = has_row ? hm_database_query_get_int(query, 0) : -1;
    if (generation < 0)
        return hm_fail(err, HM_EFORMAT, "'%s' has no generation", HM_ACCOUNTS_FILE);
    *ret_generation = (uint64_t)generation;
    return HM_OK;
}

enum hm_rc hm_accounts_trail(struct hm_accounts *accounts, const char *account,
                             hm_accounts_event_fn *fn, void *ctx, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(
        accounts->database,
        account == NULL
            ? "SELECT number, time, who, what, account, detail FROM trail ORDER BY number"
            : "SELECT number, time, who, what, account, detail FROM trail WHERE account = ?"
              " ORDER BY number",
        err, &query));
    if (account != NULL)
        hm_database_query_text(query, 1, account);
    for (;;) {
        struct hm_accounts_event event;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            return HM_OK;
        event = (struct hm_accounts_event){
            .number = (uint64_t)hm_database_query_get_int(query, 0), /* from 1 */
            .time_unix_s = hm_database_query_get_int(query, 1),
            .who = hm_database_query_get_text(query, 2),
            .what = hm_database_query_get_text(query, 3),
            .account = hm_database_query_get_text(query, 4),
            .detail = hm_database_query_get_text(query, 5),
        };
        HM_TRY(fn(ctx, &event, err));
    }
}
