/* SPDX-License-Identifier: Apache-2.0 */
/* Customers, their tokens and grants, as rows. See account.h. */
#include "account/account.h"

#include "base/time.h"

#define EVERYONE       "everyone" /* in the trail */
#define FIRST_CAPACITY 16
#define DETAIL_SIZE    2048 /* a text, a pattern or two times, and words */

/* A growing array in an arena. */
static void *grow(struct hm_arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;

    if (count < *capacity)
        return items;
    items = hm_arena_grow(arena, items, *capacity * size, wanted * size);
    *capacity = wanted;
    return items;
}

static enum hm_rc check_reason(const char *reason, struct hm_err *err)
{
    return hm_accounts_check_text(reason, "the reason", err);
}

/* --- customers --- */

static enum hm_rc find(struct hm_accounts *accounts, const char *name, struct hm_err *err,
                       struct hm_database_query **ret_query)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(accounts->database,
                                 "SELECT id, name, title, created, is_disabled, last_token"
                                 " FROM account WHERE name = ?",
                                 err, &query));
    hm_database_query_text(query, 1, name);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (!has_row)
        return hm_fail(err, HM_EINPUT, "there is no customer '%s'; 'site customer list' has them",
                       name);
    *ret_query = hm_steal(&query);
    return HM_OK;
}

static enum hm_rc read_account(const struct hm_database_query *query, struct hm_arena *arena,
                               struct hm_err *err, struct hm_account *ret_account)
{
    ret_account->id = hm_database_query_get_int(query, 0);
    ret_account->name = hm_arena_strdup(arena, hm_bytes_str(hm_database_query_get_text(query, 1)));
    ret_account->title = hm_arena_strdup(arena, hm_bytes_str(hm_database_query_get_text(query, 2)));
    ret_account->created_unix_s = hm_database_query_get_int(query, 3);
    ret_account->is_disabled = hm_database_query_get_int(query, 4) != 0;
    return ret_account->name == NULL || ret_account->title == NULL ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_account_find(struct hm_accounts *accounts, const char *name, struct hm_arena *arena,
                           struct hm_err *err, struct hm_account *ret_account)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;

    HM_TRY(find(accounts, name, err, &query));
    return read_account(query, arena, err, ret_account);
}

enum hm_rc hm_account_list(struct hm_accounts *accounts, struct hm_arena *arena, struct hm_err *err,
                           struct hm_account **ret_accounts, size_t *ret_count)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    struct hm_account *list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    bool has_row = false;

    HM_TRY(hm_database_query_new(
        accounts->database,
        "SELECT id, name, title, created, is_disabled FROM account ORDER BY name", err, &query));
    for (;;) {
        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        list = grow(arena, list, count, &capacity, sizeof(*list));
        if (list == NULL)
            return hm_error_nomem(err);
        HM_TRY(read_account(query, arena, err, &list[count++]));
    }
    *ret_accounts = list;
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc count_of(struct hm_accounts *accounts, const char *sql, struct hm_err *err,
                           int64_t *ret_count)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(accounts->database, sql, err, &query));
    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_count = has_row ? hm_database_query_get_int(query, 0) : 0;
    return HM_OK;
}

static enum hm_rc add(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                      const char *name, const char *title, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *known = NULL;
    int64_t count = 0;

    HM_TRY(count_of(accounts, "SELECT count(*) FROM account", err, &count));
    if (count >= HM_ACCOUNTS_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "a site has at most %d customers", HM_ACCOUNTS_COUNT_MAX);
    if (find(accounts, name, NULL, &known) == HM_OK)
        return hm_fail(err, HM_EREFUSED,
                       "customer '%s' is there already: a name is never given to another one",
                       name);
    HM_TRY(hm_database_query_new(accounts->database,
                                 "INSERT INTO account (name, title, created) VALUES (?, ?, ?)", err,
                                 &query));
    hm_database_query_text(query, 1, name);
    hm_database_query_text(query, 2, title);
    hm_database_query_int(query, 3, change->now_unix_s);
    HM_TRY(hm_database_query_run(query, err));
    return hm_accounts_record(accounts, change, "customer add", name, title, err);
}

enum hm_rc hm_account_add(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                          const char *name, const char *title, struct hm_err *err)
{
    if (!hm_token_is_account_name(hm_bytes_str(name)))
        return hm_fail(err, HM_EUSAGE,
                       "'%s': a customer's name is a-z, 0-9 and '-', at most %d characters, "
                       "not beginning with '-'",
                       name, HM_TOKEN_ACCOUNT_SIZE_MAX);
    if (strcmp(name, EVERYONE) == 0)
        return hm_fail(err, HM_EUSAGE, "'%s' are all customers: none is called so", name);
    HM_TRY(hm_accounts_check_text(title, "the title", err));
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(accounts, add(accounts, change, name, title, err), err);
}

static enum hm_rc disable(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                          const char *name, bool is_disabled, const char *reason,
                          struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *known = NULL;

    HM_TRY(find(accounts, name, err, &known));
    if ((hm_database_query_get_int(known, 4) != 0) == is_disabled)
        return hm_fail(err, HM_EREFUSED, "customer '%s' is %s already", name,
                       is_disabled ? "disabled" : "enabled");
    HM_TRY(hm_database_query_new(accounts->database,
                                 "UPDATE account SET is_disabled = ? WHERE id = ?", err, &query));
    hm_database_query_int(query, 1, is_disabled);
    hm_database_query_int(query, 2, hm_database_query_get_int(known, 0));
    HM_TRY(hm_database_query_run(query, err));
    return hm_accounts_record(
        accounts, change, is_disabled ? "customer disable" : "customer enable", name, reason, err);
}

enum hm_rc hm_account_disable(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                              const char *name, bool is_disabled, const char *reason,
                              struct hm_err *err)
{
    HM_TRY(check_reason(reason, err));
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(accounts, disable(accounts, change, name, is_disabled, reason, err),
                           err);
}

/* --- tokens --- */

static enum hm_rc insert_token(struct hm_accounts *accounts, int64_t account, uint32_t number,
                               const char *label, int64_t created_unix_s, int64_t expires_unix_s,
                               const char *secret, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    struct hm_sha256 sha256;
    struct hm_sha1 sha1;

    HM_TRY(hm_token_digest(hm_bytes_str(secret), err, &sha256));
    HM_TRY(hm_sha1_digest(hm_bytes_str(secret), err, &sha1));
    HM_TRY(hm_database_query_new(
        accounts->database,
        "INSERT INTO token (account, number, label, sha256, sha1, created, expires)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        err, &query));
    hm_database_query_int(query, 1, account);
    hm_database_query_int(query, 2, number);
    hm_database_query_text(query, 3, label);
    hm_database_query_blob(query, 4, hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)));
    hm_database_query_blob(query, 5, hm_bytes_make(sha1.bytes, sizeof(sha1.bytes)));
    hm_database_query_int(query, 6, created_unix_s);
    if (expires_unix_s == 0)
        hm_database_query_null(query, 7);
    else
        hm_database_query_int(query, 7, expires_unix_s);
    return hm_database_query_run(query, err);
}

static enum hm_rc check_expiry(const struct hm_accounts_change *change, int64_t expires_unix_s,
                               struct hm_err *err)
{
    if (expires_unix_s != 0 && expires_unix_s <= change->now_unix_s)
        return hm_fail(err, HM_EUSAGE, "a token that expires at once is of no use");
    return HM_OK;
}

/* The next number of a customer, and a token under it. */
static enum hm_rc make_token(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                             const char *name, const char *label, int64_t expires_unix_s,
                             struct hm_err *err, uint32_t *ret_number,
                             char ret_text[HM_TOKEN_SIZE_MAX + 1])
{
    _hm_free_(hm_database_query_free) struct hm_database_query *known = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    char secret[HM_TOKEN_SECRET_SIZE + 1];
    int64_t account;
    int64_t number;
    enum hm_rc rc;

    HM_TRY(check_expiry(change, expires_unix_s, err));
    HM_TRY(find(accounts, name, err, &known));
    account = hm_database_query_get_int(known, 0);
    number = hm_database_query_get_int(known, 5) + 1;
    if (hm_database_query_get_int(known, 4) != 0)
        return hm_fail(err, HM_EREFUSED, "customer '%s' is disabled: enable him first", name);
    if (number > HM_TOKEN_NUMBER_MAX)
        return hm_fail(err, HM_EREFUSED, "customer '%s' has had %d tokens: no number is left", name,
                       HM_TOKEN_NUMBER_MAX);
    HM_TRY(hm_database_query_new(accounts->database,
                                 "UPDATE account SET last_token = ? WHERE id = ?", err, &query));
    hm_database_query_int(query, 1, number);
    hm_database_query_int(query, 2, account);
    HM_TRY(hm_database_query_run(query, err));
    HM_TRY(hm_token_make_secret(err, secret));
    rc = insert_token(accounts, account, (uint32_t)number, label, change->now_unix_s,
                      expires_unix_s, secret, err);
    if (rc == HM_OK) {
        (void)snprintf(ret_text, HM_TOKEN_SIZE_MAX + 1, "%s.%lld.%s", name, (long long)number,
                       secret);
        *ret_number = (uint32_t)number;
    }
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

static enum hm_rc token_add(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                            const char *name, const char *label, int64_t expires_unix_s,
                            struct hm_err *err, uint32_t *ret_number,
                            char ret_text[HM_TOKEN_SIZE_MAX + 1])
{
    char detail[DETAIL_SIZE];
    char expires[HM_TIME_TEXT_SIZE] = "never";

    HM_TRY(make_token(accounts, change, name, label, expires_unix_s, err, ret_number, ret_text));
    if (expires_unix_s != 0)
        hm_time_format(expires_unix_s, expires);
    (void)snprintf(detail, sizeof(detail), "number %u, expires %s%s%s", *ret_number, expires,
                   label[0] == '\0' ? "" : ", ", label);
    return hm_accounts_record(accounts, change, "token add", name, detail, err);
}

enum hm_rc hm_account_token_add(struct hm_accounts *accounts,
                                const struct hm_accounts_change *change, const char *name,
                                const char *label, int64_t expires_unix_s, struct hm_err *err,
                                uint32_t *ret_number, char ret_text[HM_TOKEN_SIZE_MAX + 1])
{
    HM_TRY(hm_accounts_check_text(label, "the label", err));
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(
        accounts,
        token_add(accounts, change, name, label, expires_unix_s, err, ret_number, ret_text), err);
}

/* The token as it is kept. */
static enum hm_rc find_token(struct hm_accounts *accounts, const char *name, uint32_t number,
                             struct hm_err *err, struct hm_database_query **ret_query)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *known = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(find(accounts, name, err, &known));
    HM_TRY(hm_database_query_new(accounts->database,
                                 "SELECT account, label, expires, revoked FROM token"
                                 " WHERE account = ? AND number = ?",
                                 err, &query));
    hm_database_query_int(query, 1, hm_database_query_get_int(known, 0));
    hm_database_query_int(query, 2, number);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (!has_row)
        return hm_fail(err, HM_EINPUT, "customer '%s' has no token %u; 'site token list %s'", name,
                       number, name);
    *ret_query = hm_steal(&query);
    return HM_OK;
}

/* Sets when a token ends, or ended. */
static enum hm_rc end_token(struct hm_accounts *accounts, int64_t account, uint32_t number,
                            bool is_revoked, int64_t unix_s, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;

    HM_TRY(hm_database_query_new(
        accounts->database,
        is_revoked ? "UPDATE token SET revoked = ? WHERE account = ? AND number = ?"
                   : "UPDATE token SET expires = ? WHERE account = ? AND number = ?",
        err, &query));
    hm_database_query_int(query, 1, unix_s);
    hm_database_query_int(query, 2, account);
    hm_database_query_int(query, 3, number);
    return hm_database_query_run(query, err);
}

static enum hm_rc token_rotate(struct hm_accounts *accounts,
                               const struct hm_accounts_change *change, const char *name,
                               uint32_t number, int64_t ends_unix_s, int64_t expires_unix_s,
                               struct hm_err *err, uint32_t *ret_number,
                               char ret_text[HM_TOKEN_SIZE_MAX + 1])
{
    _hm_free_(hm_database_query_free) struct hm_database_query *old = NULL;
    char ends[HM_TIME_TEXT_SIZE];
    char detail[128];
    int64_t expires;

    HM_TRY(find_token(accounts, name, number, err, &old));
    expires = hm_database_query_get_int(old, 2); /* 0: never */
    if (!hm_database_query_is_null(old, 3) || (expires != 0 && expires <= change->now_unix_s))
        return hm_fail(err, HM_EREFUSED,
                       "token %u of '%s' counts no more: make a new one with 'site token add'",
                       number, name);
    if (expires == 0 || ends_unix_s < expires)
        HM_TRY(end_token(accounts, hm_database_query_get_int(old, 0), number, false, ends_unix_s,
                         err));
    else
        ends_unix_s = expires;
    HM_TRY(make_token(accounts, change, name, hm_database_query_get_text(old, 1), expires_unix_s,
                      err, ret_number, ret_text));
    hm_time_format(ends_unix_s, ends);
    (void)snprintf(detail, sizeof(detail), "number %u in the place of %u, which ends %s",
                   *ret_number, number, ends);
    return hm_accounts_record(accounts, change, "token rotate", name, detail, err);
}

enum hm_rc hm_account_token_rotate(struct hm_accounts *accounts,
                                   const struct hm_accounts_change *change, const char *name,
                                   uint32_t number, int64_t ends_unix_s, int64_t expires_unix_s,
                                   struct hm_err *err, uint32_t *ret_number,
                                   char ret_text[HM_TOKEN_SIZE_MAX + 1])
{
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(accounts,
                           token_rotate(accounts, change, name, number, ends_unix_s, expires_unix_s,
                                        err, ret_number, ret_text),
                           err);
}

static enum hm_rc token_revoke(struct hm_accounts *accounts,
                               const struct hm_accounts_change *change, const char *name,
                               uint32_t number, const char *reason, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    char detail[DETAIL_SIZE];

    HM_TRY(find_token(accounts, name, number, err, &query));
    if (!hm_database_query_is_null(query, 3))
        return hm_fail(err, HM_EREFUSED, "token %u of '%s' is revoked already", number, name);
    HM_TRY(end_token(accounts, hm_database_query_get_int(query, 0), number, true,
                     change->now_unix_s, err));
    (void)snprintf(detail, sizeof(detail), "number %u%s%s", number, reason[0] == '\0' ? "" : ": ",
                   reason);
    return hm_accounts_record(accounts, change, "token revoke", name, detail, err);
}

enum hm_rc hm_account_token_revoke(struct hm_accounts *accounts,
                                   const struct hm_accounts_change *change, const char *name,
                                   uint32_t number, const char *reason, struct hm_err *err)
{
    HM_TRY(check_reason(reason, err));
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(accounts, token_revoke(accounts, change, name, number, reason, err),
                           err);
}

static enum hm_rc read_token(const struct hm_database_query *query, struct hm_arena *arena,
                             struct hm_err *err, struct hm_account_token *ret_token)
{
    struct hm_bytes sha256 = hm_database_query_get_blob(query, 5);
    struct hm_bytes sha1 = hm_database_query_get_blob(query, 6);
    int64_t number = hm_database_query_get_int(query, 0);

    if (sha256.size != HM_SHA256_SIZE || sha1.size != HM_SHA1_SIZE || number < 1 ||
        number > HM_TOKEN_NUMBER_MAX)
        return hm_fail(err, HM_EFORMAT, "'%s': a token is damaged", HM_ACCOUNTS_FILE);
    memcpy(ret_token->sha256.bytes, sha256.data, HM_SHA256_SIZE);
    memcpy(ret_token->sha1.bytes, sha1.data, HM_SHA1_SIZE);
    ret_token->number = (uint32_t)number;
    ret_token->label = hm_arena_strdup(arena, hm_bytes_str(hm_database_query_get_text(query, 1)));
    ret_token->created_unix_s = hm_database_query_get_int(query, 2);
    ret_token->expires_unix_s = hm_database_query_get_int(query, 3);
    ret_token->revoked_unix_s = hm_database_query_get_int(query, 4);
    return ret_token->label == NULL ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_account_token_list(struct hm_accounts *accounts, const struct hm_account *account,
                                 struct hm_arena *arena, struct hm_err *err,
                                 struct hm_account_token **ret_tokens, size_t *ret_count)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    struct hm_account_token *list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    bool has_row = false;

    HM_TRY(hm_database_query_new(accounts->database,
                                 "SELECT number, label, created, expires, revoked, sha256, sha1"
                                 " FROM token WHERE account = ? ORDER BY number",
                                 err, &query));
    hm_database_query_int(query, 1, account->id);
    for (;;) {
        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        list = grow(arena, list, count, &capacity, sizeof(*list));
        if (list == NULL)
            return hm_error_nomem(err);
        HM_TRY(read_token(query, arena, err, &list[count++]));
    }
    *ret_tokens = list;
    *ret_count = count;
    return HM_OK;
}

/* --- grants --- */

/* The id to whom a grant is made: 0 for everybody. */
static enum hm_rc grantee(struct hm_accounts *accounts, const char *name, struct hm_err *err,
                          int64_t *ret_id)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;

    if (name[0] == '\0') {
        *ret_id = 0;
        return HM_OK;
    }
    HM_TRY(find(accounts, name, err, &query));
    *ret_id = hm_database_query_get_int(query, 0);
    return HM_OK;
}

static enum hm_rc change_grant(struct hm_accounts *accounts,
                               const struct hm_accounts_change *change, const char *name,
                               const char *pattern, bool is_granted, const char *reason,
                               struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *known = NULL;
    char detail[DETAIL_SIZE];
    bool has_row = false;
    int64_t id = 0;

    HM_TRY(grantee(accounts, name, err, &id));
    HM_TRY(hm_database_query_new(
        accounts->database, "SELECT 1 FROM permit WHERE account = ? AND pattern = ?", err, &known));
    hm_database_query_int(known, 1, id);
    hm_database_query_text(known, 2, pattern);
    HM_TRY(hm_database_query_step(known, err, &has_row));
    if (has_row == is_granted)
        return hm_fail(err, is_granted ? HM_EREFUSED : HM_EINPUT, "'%s' is %s to %s%s%s", pattern,
                       is_granted ? "granted already" : "not granted", id == 0 ? "" : "'",
                       id == 0 ? EVERYONE : name, id == 0 ? "" : "'");
    HM_TRY(hm_database_query_new(
        accounts->database,
        is_granted ? "INSERT INTO permit (account, pattern, created) VALUES (?, ?, ?)"
                   : "DELETE FROM permit WHERE account = ? AND pattern = ? AND ? IS NOT NULL",
        err, &query));
    hm_database_query_int(query, 1, id);
    hm_database_query_text(query, 2, pattern);
    hm_database_query_int(query, 3, change->now_unix_s);
    HM_TRY(hm_database_query_run(query, err));
    (void)snprintf(detail, sizeof(detail), "%s%s%s", pattern, reason[0] == '\0' ? "" : ": ",
                   reason);
    return hm_accounts_record(accounts, change, is_granted ? "grant" : "revoke",
                              id == 0 ? EVERYONE : name, detail, err);
}

enum hm_rc hm_account_grant(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                            const char *name, const char *pattern, const char *reason,
                            struct hm_err *err, char ret_text[HM_GRANT_SIZE_MAX])
{
    HM_TRY(check_reason(reason, err));
    HM_TRY(hm_grant_normalise(pattern, err, ret_text));
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(accounts,
                           change_grant(accounts, change, name, ret_text, true, reason, err), err);
}

enum hm_rc hm_account_revoke(struct hm_accounts *accounts, const struct hm_accounts_change *change,
                             const char *name, const char *pattern, const char *reason,
                             struct hm_err *err, char ret_text[HM_GRANT_SIZE_MAX])
{
    HM_TRY(check_reason(reason, err));
    HM_TRY(hm_grant_normalise(pattern, err, ret_text));
    HM_TRY(hm_accounts_begin(accounts, err));
    return hm_accounts_end(accounts,
                           change_grant(accounts, change, name, ret_text, false, reason, err), err);
}

enum hm_rc hm_account_grants(struct hm_accounts *accounts, const struct hm_account *account,
                             struct hm_arena *arena, struct hm_err *err, const char ***ret_patterns,
                             size_t *ret_count)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    const char **list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    bool has_row = false;

    HM_TRY(hm_database_query_new(accounts->database,
                                 "SELECT pattern FROM permit WHERE account = ? ORDER BY pattern",
                                 err, &query));
    hm_database_query_int(query, 1, account == NULL ? 0 : account->id);
    for (;;) {
        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        list = grow(arena, list, count, &capacity, sizeof(*list));
        if (list == NULL)
            return hm_error_nomem(err);
        list[count] = hm_arena_strdup(arena, hm_bytes_str(hm_database_query_get_text(query, 0)));
        if (list[count++] == NULL)
            return hm_error_nomem(err);
    }
    *ret_patterns = list;
    *ret_count = count;
    return HM_OK;
}
