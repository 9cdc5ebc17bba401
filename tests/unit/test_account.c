/* SPDX-License-Identifier: Apache-2.0 */
/* account/account and account/book: customers, tokens and grants as rows, and what of them counts.
 */
#include "unit.h"

#include "account/book.h"
#include "tmpdir.h"

#define NOW 1800000000

static const struct hm_accounts_change change = {.who = "ann", .now_unix_s = NOW};

static struct hm_accounts open_accounts(void **state)
{
    struct hm_accounts accounts = {.database = NULL};
    struct hm_err err = HM_ERR_INIT;

    if (hm_accounts_open(tmpdir_of(state), HM_DATABASE_CHANGE, 0, &err, &accounts) != HM_OK)
        fail_msg("%s", err.text);
    return accounts;
}

static uint64_t generation_of(struct hm_accounts *accounts)
{
    uint64_t generation = 0;

    assert_int_equal(hm_accounts_generation(accounts, NULL, &generation), HM_OK);
    return generation;
}

static void add(struct hm_accounts *accounts, const char *name)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_account_add(accounts, &change, name, "", &err) != HM_OK)
        fail_msg("%s", err.text);
}

static void grant(struct hm_accounts *accounts, const char *name, const char *pattern)
{
    char text[HM_GRANT_SIZE_MAX];

    assert_int_equal(hm_account_grant(accounts, &change, name, pattern, "", NULL, text), HM_OK);
}

/* "Bearer TOKEN" of a new token. */
static const char *new_token(struct hm_accounts *accounts, const char *name, int64_t expires)
{
    static char headers[8][HM_TOKEN_SIZE_MAX + 8];
    static size_t next;
    char *header = headers[next++ % HM_ARRAY_COUNT(headers)];
    char text[HM_TOKEN_SIZE_MAX + 1];
    uint32_t number = 0;

    assert_int_equal(
        hm_account_token_add(accounts, &change, name, "", expires, NULL, &number, text), HM_OK);
    (void)snprintf(header, HM_TOKEN_SIZE_MAX + 8, "Bearer %s", text);
    return header;
}

static struct hm_book *book_of(struct hm_accounts *accounts, int64_t now)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    struct hm_book *book = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_book_write(accounts, now, NULL, NULL, &err, &text) != HM_OK ||
        hm_book_parse(hm_buf_bytes(&text), &err, &book) != HM_OK)
        fail_msg("%s", err.text);
    return book;
}

/* Who that is by the book of now; NULL: nobody. */
static const char *who(struct hm_accounts *accounts, const char *header, int64_t now)
{
    static char name[HM_TOKEN_ACCOUNT_SIZE_MAX + 1];
    _hm_free_(hm_book_free) struct hm_book *book = book_of(accounts, now);
    const struct hm_book_account *account = NULL;
    uint32_t number = 0;
    enum hm_rc rc = hm_book_authenticate(book, header, now, NULL, &account, &number);

    if (rc != HM_OK) {
        assert_int_equal(rc, HM_EREFUSED);
        assert_null(account);
        return NULL;
    }
    (void)snprintf(name, sizeof(name), "%s", account->name);
    return name;
}

static bool may(struct hm_accounts *accounts, const char *header, const char *maker,
                const char *product, const char *version)
{
    _hm_free_(hm_book_free) struct hm_book *book = book_of(accounts, NOW);
    const struct hm_book_account *account = NULL;
    uint32_t number = 0;

    assert_int_equal(hm_book_authenticate(book, header, NOW, NULL, &account, &number), HM_OK);
    return hm_book_is_granted(book, account, hm_bytes_str(maker), hm_bytes_str(product),
                              hm_bytes_str(version));
}

static void test_add__refuses_bad_and_used_names(void **state)
{
    static const char *const bad[] = {"",        "-a",       "A",
                                      "a.b",     "a_b",      "a b",
                                      "a/b",     "\xc3\xa4", "abcdefghijklmnopqrstuvwxyz0123456",
                                      "everyone"};
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    uint64_t before;

    add(&accounts, "acme");
    before = generation_of(&accounts);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_account_add(&accounts, &change, bad[i], "", NULL), HM_EUSAGE);
    assert_int_equal(hm_account_add(&accounts, &change, "b", "a\nb", NULL), HM_EUSAGE);
    assert_int_equal(hm_account_add(&accounts, &change, "b", "\xff", NULL), HM_EUSAGE);
    assert_int_equal(hm_account_add(&accounts, &change, "acme", "", NULL), HM_EREFUSED);
    assert_int_equal(hm_account_disable(&accounts, &change, "acme", true, "", NULL), HM_OK);
    assert_int_equal(hm_account_add(&accounts, &change, "acme", "", NULL), HM_EREFUSED);
    assert_int_equal(generation_of(&accounts), before + 1);
}

static void test_changes__need_to_know_who(void **state)
{
    const struct hm_accounts_change nobody = {.who = "", .now_unix_s = NOW};
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_account *list = NULL;
    size_t count = 9;

    assert_int_equal(hm_account_add(&accounts, &nobody, "acme", "", NULL), HM_EUSAGE);
    assert_int_equal(hm_account_list(&accounts, &arena, NULL, &list, &count), HM_OK);
    assert_int_equal(count, 0);
    assert_int_equal(generation_of(&accounts), 0);
}

static void test_token__counts_until_it_ends(void **state)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    const char *one;
    const char *two;
    char text[HM_TOKEN_SIZE_MAX + 1];
    uint32_t number = 0;

    add(&accounts, "acme");
    add(&accounts, "globex");
    one = new_token(&accounts, "acme", NOW + 100);
    two = new_token(&accounts, "acme", 0);
    assert_string_equal(who(&accounts, one, NOW + 99), "acme");
    assert_null(who(&accounts, one, NOW + 100));
    assert_string_equal(who(&accounts, two, (int64_t)NOW + 1000000000), "acme");
    assert_string_equal(who(&accounts, new_token(&accounts, "globex", 0), NOW), "globex");
    assert_int_equal(hm_account_token_revoke(&accounts, &change, "acme", 2, "lost", NULL), HM_OK);
    assert_null(who(&accounts, two, NOW));
    assert_string_equal(who(&accounts, one, NOW), "acme");
    assert_int_equal(hm_account_token_revoke(&accounts, &change, "acme", 2, "", NULL), HM_EREFUSED);
    assert_int_equal(hm_account_token_revoke(&accounts, &change, "acme", 3, "", NULL), HM_EINPUT);
    assert_int_equal(hm_account_token_revoke(&accounts, &change, "nobody", 1, "", NULL), HM_EINPUT);
    assert_int_equal(hm_account_disable(&accounts, &change, "acme", true, "", NULL), HM_OK);
    assert_null(who(&accounts, one, NOW));
    assert_int_equal(hm_account_token_add(&accounts, &change, "acme", "", 0, NULL, &number, text),
                     HM_EREFUSED);
    assert_int_equal(hm_account_disable(&accounts, &change, "acme", false, "", NULL), HM_OK);
    assert_string_equal(who(&accounts, one, NOW), "acme");
    assert_int_equal(hm_account_token_add(&accounts, &change, "acme", "", NOW, NULL, &number, text),
                     HM_EUSAGE);
}

static void test_rotate__lets_the_old_one_go_on_for_a_while(void **state)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    const char *one;
    char text[HM_TOKEN_SIZE_MAX + 1];
    char header[HM_TOKEN_SIZE_MAX + 8];
    uint32_t number = 0;

    add(&accounts, "acme");
    one = new_token(&accounts, "acme", NOW + 1000);
    assert_int_equal(
        hm_account_token_rotate(&accounts, &change, "acme", 1, NOW + 10, 0, NULL, &number, text),
        HM_OK);
    assert_int_equal(number, 2);
    (void)snprintf(header, sizeof(header), "Bearer %s", text);
    assert_string_equal(who(&accounts, header, NOW + 5000), "acme");
    assert_string_equal(who(&accounts, one, NOW + 9), "acme");
    assert_null(who(&accounts, one, NOW + 10));
    /* An overlap never makes a token live longer. */
    one = new_token(&accounts, "acme", NOW + 20);
    assert_int_equal(
        hm_account_token_rotate(&accounts, &change, "acme", 3, NOW + 999, 0, NULL, &number, text),
        HM_OK);
    assert_null(who(&accounts, one, NOW + 20));
    assert_int_equal(hm_account_token_revoke(&accounts, &change, "acme", 4, "", NULL), HM_OK);
    assert_int_equal(
        hm_account_token_rotate(&accounts, &change, "acme", 4, NOW + 9, 0, NULL, &number, text),
        HM_EREFUSED);
    assert_int_equal(
        hm_account_token_rotate(&accounts, &change, "acme", 9, NOW + 9, 0, NULL, &number, text),
        HM_EINPUT);
}

static void test_authenticate__refuses_everything_else(void **state)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    const char *one;
    const char *two;
    char header[HM_TOKEN_SIZE_MAX + 8];
    char *secret;

    add(&accounts, "acme");
    add(&accounts, "globex");
    one = new_token(&accounts, "acme", 0);
    two = new_token(&accounts, "globex", 0);
    assert_null(who(&accounts, NULL, NOW));
    assert_null(who(&accounts, "", NOW));
    assert_null(who(&accounts, "Bearer ", NOW));
    /* The right secret under another name, number, or with one character changed. */
    secret = strrchr(one, '.') + 1;
    (void)snprintf(header, sizeof(header), "Bearer globex.1.%s", secret);
    assert_null(who(&accounts, header, NOW));
    (void)snprintf(header, sizeof(header), "Bearer acme.2.%s", secret);
    assert_null(who(&accounts, header, NOW));
    (void)snprintf(header, sizeof(header), "Bearer nobody.1.%s", secret);
    assert_null(who(&accounts, header, NOW));
    (void)snprintf(header, sizeof(header), "%s", one);
    header[strlen(header) - 5] = header[strlen(header) - 5] == 'x' ? 'y' : 'x';
    assert_null(who(&accounts, header, NOW));
    assert_string_equal(who(&accounts, one, NOW), "acme");
    assert_string_equal(who(&accounts, two, NOW), "globex");
}

static void test_grants__are_of_one_customer_or_of_everyone(void **state)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    char text[HM_GRANT_SIZE_MAX];
    const char *a;
    const char *b;

    add(&accounts, "a");
    add(&accounts, "b");
    a = new_token(&accounts, "a", 0);
    b = new_token(&accounts, "b", 0);
    assert_false(may(&accounts, a, "acme", "nic", "1"));
    grant(&accounts, "a", "acme/nic");
    grant(&accounts, "b", "globex");
    grant(&accounts, HM_ACCOUNT_EVERYONE, "acme/bmc/2.1");
    assert_true(may(&accounts, a, "acme", "nic", "1"));
    assert_false(may(&accounts, b, "acme", "nic", "1"));
    assert_true(may(&accounts, b, "globex", "x", "1"));
    assert_false(may(&accounts, a, "globex", "x", "1"));
    assert_true(may(&accounts, a, "acme", "bmc", "2.1"));
    assert_true(may(&accounts, b, "acme", "bmc", "2.1"));
    assert_false(may(&accounts, b, "acme", "bmc", "2.2"));
    assert_int_equal(hm_account_grant(&accounts, &change, "a", "acme/nic", "", NULL, text),
                     HM_EREFUSED);
    assert_int_equal(hm_account_grant(&accounts, &change, "nobody", "acme/nic", "", NULL, text),
                     HM_EINPUT);
    assert_int_equal(hm_account_revoke(&accounts, &change, "a", "acme/ni*", "", NULL, text),
                     HM_EINPUT);
    assert_int_equal(hm_account_revoke(&accounts, &change, "a", "acme/nic", "", NULL, text), HM_OK);
    assert_false(may(&accounts, a, "acme", "nic", "1"));
    assert_int_equal(
        hm_account_revoke(&accounts, &change, HM_ACCOUNT_EVERYONE, "acme/bmc/2.1", "", NULL, text),
        HM_OK);
    assert_false(may(&accounts, b, "acme", "bmc", "2.1"));
}

static enum hm_rc on_event(void *ctx, const struct hm_accounts_event *event, struct hm_err *err)
{
    struct hm_buf *text = ctx;

    assert_string_equal(event->who, "ann");
    assert_int_equal(event->time_unix_s, NOW);
    return hm_buf_append_fmt(text, err, "%llu %s %s %s\n", (unsigned long long)event->number,
                             event->what, event->account, event->detail);
}

static void test_trail__has_every_change_and_no_secret(void **state)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(100000);
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    char pattern[HM_GRANT_SIZE_MAX];

    add(&accounts, "acme");
    add(&accounts, "b");
    (void)new_token(&accounts, "acme", 0);
    assert_int_equal(hm_account_grant(&accounts, &change, "acme", "x", "contract 7", NULL, pattern),
                     HM_OK);
    assert_int_equal(hm_account_token_revoke(&accounts, &change, "acme", 1, "lost", NULL), HM_OK);
    assert_int_equal(hm_account_disable(&accounts, &change, "acme", true, "unpaid", NULL), HM_OK);
    assert_int_equal(hm_accounts_trail(&accounts, "acme", on_event, &text, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&text), "1 customer add acme \n"
                                           "3 token add acme number 1, expires never\n"
                                           "4 grant acme x/*: contract 7\n"
                                           "5 token revoke acme number 1: lost\n"
                                           "6 customer disable acme unpaid\n");
    assert_null(strstr(hm_buf_str(&text), "hm1_"));
    /* It is only added to. */
    assert_int_equal(hm_database_query_new(accounts.database, "DELETE FROM trail", NULL, &query),
                     HM_OK);
    assert_int_equal(hm_database_query_run(query, NULL), HM_EREFUSED);
    hm_database_query_free(query);
    query = NULL;
    assert_int_equal(
        hm_database_query_new(accounts.database, "UPDATE trail SET who = 'bob'", NULL, &query),
        HM_OK);
    assert_int_equal(hm_database_query_run(query, NULL), HM_EREFUSED);
}

static void test_book__has_one_spelling(void **state)
{
#define HEX  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "hallmark-book 1\ngeneration 7\n"
    static const char good[] = HEAD "everyone a/b\neveryone a/c\naccount a\ntoken 1 " HEX
                                    " 0\ntoken 3 " HEX " 99\ngrant */*\naccount b\nend 2\n";
    static const char *const bad[] = {
        "",
        "hallmark-book 1\n",
        "hallmark-book 2\ngeneration 7\nend 0\n",
        "hallmark-book 1\ngeneration -1\nend 0\n",
        HEAD,
        HEAD "end 0",
        HEAD "end 1\n",
        HEAD "end 0\n\n",
        HEAD "end 0\nend 0\n",
        HEAD "everyone a/c\neveryone a/b\nend 0\n",
        HEAD "everyone a/b\neveryone a/b\nend 0\n",
        HEAD "everyone a\nend 0\n",
        HEAD "everyone a/B\nend 0\n",
        HEAD "grant a/b\nend 0\n",
        HEAD "token 1 " HEX " 0\nend 0\n",
        HEAD "account b\naccount a\nend 2\n",
        HEAD "account a\naccount a\nend 2\n",
        HEAD "account A\nend 1\n",
        HEAD "account a b\nend 1\n",
        HEAD "account a\ntoken 0 " HEX " 0\nend 1\n",
        HEAD "account a\ntoken 1 " HEX "\nend 1\n",
        HEAD "account a\ntoken 1 " HEX "ff 0\nend 1\n",
        HEAD "account a\ntoken 2 " HEX " 0\ntoken 1 " HEX " 0\nend 1\n",
        HEAD "account a\ntoken 1 " HEX " -5\nend 1\n",
        HEAD "account a\ngrant a/b\ntoken 1 " HEX " 0\nend 1\n",
        HEAD "account a\n\nend 1\n",
        HEAD "account a\r\nend 1\n",
    };
    struct hm_book *book = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_book_parse(hm_bytes_str(good), &err, &book) != HM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(book->generation, 7);
    assert_int_equal(book->everyone_count, 2);
    assert_int_equal(book->account_count, 2);
    assert_int_equal(book->accounts[0].token_count, 2);
    assert_int_equal(book->accounts[0].tokens[1].expires_unix_s, 99);
    assert_int_equal(book->accounts[1].grant_count, 0);
    hm_book_free(book);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        book = NULL;
        if (hm_book_parse(hm_bytes_str(bad[i]), NULL, &book) != HM_EFORMAT || book != NULL)
            fail_msg("taken: %s", bad[i]);
    }
}

static enum hm_rc on_token(void *ctx, const char *name, const struct hm_account_token *token,
                           struct hm_err *err)
{
    return hm_buf_append_fmt(ctx, err, "%s.%u ", name, token->number);
}

static void test_book__has_what_counts_and_tells_of_it(void **state)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = open_accounts(state);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf told = HM_BUF_INIT(1000);

    add(&accounts, "c");
    add(&accounts, "b");
    add(&accounts, "a");
    (void)new_token(&accounts, "a", NOW + 10);
    (void)new_token(&accounts, "a", NOW + 20);
    (void)new_token(&accounts, "b", 0);
    (void)new_token(&accounts, "c", 0);
    grant(&accounts, "b", "x/y");
    assert_int_equal(hm_account_disable(&accounts, &change, "c", true, "", NULL), HM_OK);
    assert_int_equal(hm_book_write(&accounts, NOW + 10, on_token, &told, NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&told), "a.2 b.1 ");
    assert_null(strstr(hm_buf_str(&text), "hm1_"));
    assert_null(strstr(hm_buf_str(&text), "account c"));
    assert_non_null(strstr(hm_buf_str(&text), "grant x/y\n"));
    assert_non_null(strstr(hm_buf_str(&text), "\nend 2\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_add__refuses_bad_and_used_names),
        tmpdir_test(test_changes__need_to_know_who),
        tmpdir_test(test_token__counts_until_it_ends),
        tmpdir_test(test_rotate__lets_the_old_one_go_on_for_a_while),
        tmpdir_test(test_authenticate__refuses_everything_else),
        tmpdir_test(test_grants__are_of_one_customer_or_of_everyone),
        tmpdir_test(test_trail__has_every_change_and_no_secret),
        cmocka_unit_test(test_book__has_one_spelling),
        tmpdir_test(test_book__has_what_counts_and_tells_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
