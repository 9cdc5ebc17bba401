/* SPDX-License-Identifier: Apache-2.0 */
/* The book of accounts as text, and who may have what by it. See book.h. */
#include "account/book.h"

#include "tlog/lines.h"

#define MAGIC "hallmark-book 1\n"
#define NOUN  "the book of accounts"

/* --- writing --- */

/* Rows of a query in the order of accounts; current until it is taken. */
struct cursor {
    struct hm_database_query *query; /* owned */
    bool has_row;
};

static void cursor_done(struct cursor *cursor)
{
    hm_database_query_free(cursor->query);
}

static enum hm_rc cursor_open(struct hm_accounts *accounts, const char *sql, struct hm_err *err,
                              struct cursor *ret_cursor)
{
    HM_TRY(hm_database_query_new(accounts->database, sql, err, &ret_cursor->query));
    return hm_database_query_step(ret_cursor->query, err, &ret_cursor->has_row);
}

static enum hm_rc write_grants(struct cursor *grants, int64_t account, const char *word,
                               struct hm_err *err, struct hm_buf *ret_text)
{
    while (grants->has_row && hm_database_query_get_int(grants->query, 0) == account) {
        const char *pattern = hm_database_query_get_text(grants->query, 1);
        struct hm_grant grant;

        HM_TRY(hm_grant_parse(hm_bytes_str(pattern), err, &grant));
        HM_TRY(hm_buf_append_fmt(ret_text, err, "%s %s\n", word, pattern));
        HM_TRY(hm_database_query_step(grants->query, err, &grants->has_row));
    }
    return HM_OK;
}

static enum hm_rc write_tokens(struct cursor *tokens, const struct hm_account *account,
                               int64_t now_unix_s, hm_book_token_fn *fn, void *ctx,
                               struct hm_err *err, struct hm_buf *ret_text)
{
    while (tokens->has_row && hm_database_query_get_int(tokens->query, 0) == account->id) {
        struct hm_bytes sha256 = hm_database_query_get_blob(tokens->query, 3);
        struct hm_bytes sha1 = hm_database_query_get_blob(tokens->query, 4);
        struct hm_account_token token = {
            .number = (uint32_t)hm_database_query_get_int(tokens->query, 1), /* checked by parse */
            .label = "",
            .expires_unix_s = hm_database_query_get_int(tokens->query, 2),
        };
        char hex[HM_SHA256_HEX_SIZE];

        if (sha256.size != HM_SHA256_SIZE || sha1.size != HM_SHA1_SIZE)
            return hm_fail(err, HM_EFORMAT, "'%s': a token of '%s' is damaged", HM_ACCOUNTS_FILE,
                           account->name);
        memcpy(token.sha256.bytes, sha256.data, HM_SHA256_SIZE);
        memcpy(token.sha1.bytes, sha1.data, HM_SHA1_SIZE);
        if (!account->is_disabled && hm_account_token_counts(&token, now_unix_s)) {
            hm_text_hex(sha256, hex);
            HM_TRY(hm_buf_append_fmt(ret_text, err, "token %u %s %lld\n", token.number, hex,
                                     (long long)token.expires_unix_s));
            if (fn != NULL)
                HM_TRY(fn(ctx, account->name, &token, err));
        }
        HM_TRY(hm_database_query_step(tokens->query, err, &tokens->has_row));
    }
    return HM_OK;
}

static enum hm_rc write_accounts(struct hm_accounts *accounts, int64_t now_unix_s,
                                 hm_book_token_fn *fn, void *ctx, struct hm_err *err,
                                 struct hm_buf *ret_text)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(cursor_done) struct cursor tokens = {.query = NULL};
    _hm_done_(cursor_done) struct cursor grants = {.query = NULL};
    _hm_done_(hm_buf_done) struct hm_buf unused = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    struct hm_account *list = NULL;
    size_t count = 0;
    size_t enabled_count = 0;

    HM_TRY(hm_account_list(accounts, &arena, err, &list, &count));
    HM_TRY(cursor_open(accounts,
                       "SELECT account, number, expires, sha256, sha1 FROM token JOIN account a"
                       " ON a.id = account WHERE revoked IS NULL ORDER BY a.name, number",
                       err, &tokens));
    HM_TRY(cursor_open(accounts,
                       "SELECT account, pattern FROM permit LEFT JOIN account a ON a.id = account"
                       " ORDER BY a.name, pattern",
                       err, &grants));
    HM_TRY(write_grants(&grants, 0, "everyone", err, ret_text));
    for (size_t i = 0; i < count; i++) {
        struct hm_buf *text = list[i].is_disabled ? &unused : ret_text;

        enabled_count += !list[i].is_disabled;
        hm_buf_clear(&unused);
        HM_TRY(hm_buf_append_fmt(text, err, "account %s\n", list[i].name));
        HM_TRY(write_tokens(&tokens, &list[i], now_unix_s, fn, ctx, err, text));
        HM_TRY(write_grants(&grants, list[i].id, "grant", err, text));
    }
    return hm_buf_append_fmt(ret_text, err, "end %zu\n", enabled_count);
}

static enum hm_rc write_book(struct hm_accounts *accounts, int64_t now_unix_s, hm_book_token_fn *fn,
                             void *ctx, struct hm_err *err, struct hm_buf *ret_text)
{
    uint64_t generation = 0;

    HM_TRY(hm_accounts_generation(accounts, err, &generation));
    HM_TRY(hm_buf_append_fmt(ret_text, err, MAGIC "generation %llu\n",
                             (unsigned long long)generation));
    return write_accounts(accounts, now_unix_s, fn, ctx, err, ret_text);
}

enum hm_rc hm_book_write(struct hm_accounts *accounts, int64_t now_unix_s, hm_book_token_fn *fn,
                         void *ctx, struct hm_err *err, struct hm_buf *ret_text)
{
    enum hm_rc rc;

    HM_TRY(hm_database_begin(accounts->database, false, err));
    rc = write_book(accounts, now_unix_s, fn, ctx, err, ret_text);
    hm_database_rollback(accounts->database); /* nothing was written */
    return rc;
}

/* --- reading --- */

static enum hm_rc parse_grants(struct hm_lines *lines, const char *word, struct hm_arena *arena,
                               const struct hm_grant **ret_grants, size_t *ret_count)
{
    static const char what[] = "a pattern, behind a smaller one";
    size_t count = hm_lines_count(lines, word);
    struct hm_grant *grants;
    struct hm_bytes last = HM_BYTES_EMPTY;

    if (count > HM_ACCOUNTS_GRANTS_MAX)
        return hm_lines_fail(lines, "one of a sane number of patterns");
    grants = hm_arena_alloc(arena, count, sizeof(*grants));
    if (grants == NULL)
        return hm_error_nomem(lines->err);
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;

        HM_TRY(hm_lines_take(lines, word, 1, false, what));
        HM_TRY(hm_lines_copy(lines, 0, arena, &text));
        if ((i > 0 && hm_bytes_compare(last, hm_bytes_str(text)) >= 0) ||
            hm_grant_parse(hm_bytes_str(text), NULL, &grants[i]) != HM_OK)
            return hm_lines_fail(lines, what);
        last = hm_bytes_str(text);
        hm_lines_next(lines);
    }
    *ret_grants = grants;
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc parse_tokens(struct hm_lines *lines, struct hm_arena *arena,
                               const struct hm_book_token **ret_tokens, size_t *ret_count)
{
    static const char what[] = "a token, behind one of a smaller number";
    size_t count = hm_lines_count(lines, "token");
    struct hm_book_token *tokens;

    if (count > HM_ACCOUNTS_TOKENS_MAX)
        return hm_lines_fail(lines, "one of a sane number of tokens");
    tokens = hm_arena_alloc(arena, count, sizeof(*tokens));
    if (tokens == NULL)
        return hm_error_nomem(lines->err);
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        uint64_t expires = 0;

        HM_TRY(hm_lines_take(lines, "token", 3, false, what));
        HM_TRY(hm_lines_number(lines, 0, 1, what, &number));
        HM_TRY(hm_lines_digest(lines, 1, what, &tokens[i].sha256));
        HM_TRY(hm_lines_number(lines, 2, 0, what, &expires));
        if (number > HM_TOKEN_NUMBER_MAX || (i > 0 && number <= tokens[i - 1].number))
            return hm_lines_fail(lines, what);
        tokens[i].number = (uint32_t)number;
        tokens[i].expires_unix_s = (int64_t)expires; /* at most INT64_MAX */
        hm_lines_next(lines);
    }
    *ret_tokens = tokens;
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc parse_account(struct hm_lines *lines, struct hm_arena *arena,
                                struct hm_book_account *ret_account)
{
    static const char what[] = "a customer's name";

    HM_TRY(hm_lines_take(lines, "account", 1, false, what));
    if (!hm_token_is_account_name(lines->words[0]))
        return hm_lines_fail(lines, what);
    HM_TRY(hm_lines_copy(lines, 0, arena, &ret_account->name));
    hm_lines_next(lines);
    HM_TRY(parse_tokens(lines, arena, &ret_account->tokens, &ret_account->token_count));
    return parse_grants(lines, "grant", arena, &ret_account->grants, &ret_account->grant_count);
}

/* The accounts, then their number, then nothing. */
static enum hm_rc parse_accounts(struct hm_lines *lines, struct hm_book *book)
{
    struct hm_book_account *accounts = NULL;
    size_t capacity = 0;
    size_t count = 0;
    uint64_t told = 0;

    while (hm_lines_has(lines, "account")) {
        if (count == capacity) {
            size_t wanted = capacity == 0 ? 64 : 2 * capacity;

            accounts = hm_arena_grow(&book->arena, accounts, capacity * sizeof(*accounts),
                                     wanted * sizeof(*accounts));
            if (accounts == NULL)
                return hm_error_nomem(lines->err);
            capacity = wanted;
        }
        accounts[count] = (struct hm_book_account){.name = ""};
        HM_TRY(parse_account(lines, &book->arena, &accounts[count]));
        if (++count > HM_ACCOUNTS_COUNT_MAX ||
            (count > 1 && strcmp(accounts[count - 2].name, accounts[count - 1].name) >= 0))
            return hm_lines_fail(lines, "behind customers in order, of a sane number");
    }
    HM_TRY(hm_lines_take(lines, "end", 1, false, "a token, grant, customer or the end"));
    HM_TRY(hm_lines_number(lines, 0, 0, "a number of customers", &told));
    if (told != count)
        return hm_lines_fail(lines, "the number of customers before it");
    hm_lines_next(lines);
    if (lines->has_line)
        return hm_lines_fail(lines, "the end");
    book->accounts = accounts;
    book->account_count = count;
    return HM_OK;
}

enum hm_rc hm_book_parse(struct hm_bytes raw, struct hm_err *err, struct hm_book **ret_book)
{
    _hm_free_(hm_book_free) struct hm_book *book = calloc(1, sizeof(*book));
    const struct hm_bytes magic = HM_BYTES_LITERAL(MAGIC);
    struct hm_lines lines;

    if (book == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_lines_check(raw, HM_BOOK_SIZE_MAX, NOUN, err));
    if (!hm_bytes_has_prefix(raw, magic))
        return hm_fail(err, HM_EFORMAT, NOUN " does not begin with 'hallmark-book 1'");
    hm_lines_init(&lines, raw, NOUN, err);
    hm_lines_next(&lines);
    HM_TRY(hm_lines_take(&lines, "generation", 1, false, "the generation"));
    HM_TRY(hm_lines_number(&lines, 0, 0, "the generation", &book->generation));
    hm_lines_next(&lines);
    HM_TRY(parse_grants(&lines, "everyone", &book->arena, &book->everyone, &book->everyone_count));
    HM_TRY(parse_accounts(&lines, book));
    *ret_book = hm_steal(&book);
    return HM_OK;
}

void hm_book_free(struct hm_book *book)
{
    if (book == NULL)
        return;
    hm_arena_done(&book->arena);
    free(book);
}

/* --- decisions --- */

const struct hm_book_account *hm_book_find(const struct hm_book *book, struct hm_bytes name)
{
    size_t low = 0;
    size_t high = book->account_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hm_bytes_compare(name, hm_bytes_str(book->accounts[middle].name));

        if (order == 0)
            return &book->accounts[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct hm_book_token *find_token(const struct hm_book_account *account,
                                              uint32_t number)
{
    for (size_t i = 0; i < account->token_count; i++)
        if (account->tokens[i].number == number)
            return &account->tokens[i];
    return NULL;
}

enum hm_rc hm_book_authenticate(const struct hm_book *book, const char *authorization,
                                int64_t now_unix_s, struct hm_err *err,
                                const struct hm_book_account **ret_account, uint32_t *ret_token)
{
    static const char no[] = "a token that counts is needed";
    _hm_done_(hm_buf_done) struct hm_buf decoded = HM_BUF_INIT(HM_TOKEN_SIZE_MAX);
    const struct hm_book_account *account;
    const struct hm_book_token *kept = NULL;
    struct hm_sha256 sha256;
    struct hm_token token;
    bool is_secret;

    if (authorization == NULL ||
        hm_token_parse_header(hm_bytes_str(authorization), NULL, &decoded, &token) != HM_OK)
        return hm_fail(err, HM_EREFUSED, "%s", no);
    HM_TRY(hm_token_digest(token.secret, err, &sha256));
    account = hm_book_find(book, token.account);
    if (account != NULL)
        kept = find_token(account, token.number);
    is_secret = kept != NULL && hm_token_is_digest(&kept->sha256, &sha256);
    explicit_bzero(decoded.data, decoded.size);
    if (!is_secret || (kept->expires_unix_s != 0 && now_unix_s >= kept->expires_unix_s))
        return hm_fail(err, HM_EREFUSED, "%s", no);
    *ret_account = account;
    *ret_token = kept->number;
    return HM_OK;
}

static bool is_any(const struct hm_grant *grants, size_t count, struct hm_bytes maker,
                   struct hm_bytes product, struct hm_bytes version)
{
    for (size_t i = 0; i < count; i++)
        if (hm_grant_is_match(&grants[i], maker, product, version))
            return true;
    return false;
}

bool hm_book_is_granted(const struct hm_book *book, const struct hm_book_account *account,
                        struct hm_bytes maker, struct hm_bytes product, struct hm_bytes version)
{
    return is_any(account->grants, account->grant_count, maker, product, version) ||
           is_any(book->everyone, book->everyone_count, maker, product, version);
}
