/* SPDX-License-Identifier: Apache-2.0 */
/* account/token and account/grant: one spelling each, and who matches what. */
#include "unit.h"

#include "account/grant.h"
#include "account/token.h"
#include "base/base64.h"

#define SECRET "hm1_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-_01234"

static void test_parse__takes_the_one_spelling(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "acme",
        "acme.1",
        "acme.1.",
        "acme..1." SECRET,
        ".1." SECRET,
        "acme.0." SECRET,
        "acme.01." SECRET,
        "acme.-1." SECRET,
        "acme.+1." SECRET,
        "acme.10000000." SECRET,
        "acme.99999999999999999999." SECRET,
        "Acme.1." SECRET,
        "-acme.1." SECRET,
        "ac_me.1." SECRET,
        "ac me.1." SECRET,
        "acme.1." SECRET "x",
        "acme.1.hm1_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-_0123",
        "acme.1.hm2_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-_01234",
        "acme.1.hm1_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ+_01234",
        "acme.1.hm1_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-_0123\n",
        "acme.1." SECRET "\n",
        " acme.1." SECRET,
        "acme:1:" SECRET,
        "abcdefghijklmnopqrstuvwxyz0123456.1." SECRET, /* 33 */
    };
    struct hm_token token;

    assert_int_equal(strlen(SECRET), HM_TOKEN_SECRET_SIZE);
    assert_int_equal(hm_token_parse(hm_bytes_str("acme-2.17." SECRET), NULL, &token), HM_OK);
    assert_true(hm_bytes_is_str(token.account, "acme-2"));
    assert_int_equal(token.number, 17);
    assert_true(hm_bytes_is_str(token.secret, SECRET));
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_err err = HM_ERR_INIT;

        if (hm_token_parse(hm_bytes_str(bad[i]), &err, &token) != HM_EFORMAT)
            fail_msg("taken: '%s'", bad[i]);
        assert_null(strstr(err.text, "hm1_")); /* a message is no place for it */
    }
}

static enum hm_rc parse_header(const char *value, struct hm_token *ret_token)
{
    static struct hm_buf buf = HM_BUF_INIT(HM_TOKEN_SIZE_MAX);
    enum hm_rc rc = hm_token_parse_header(hm_bytes_str(value), NULL, &buf, ret_token);

    if (rc != HM_OK)
        hm_buf_done(&buf);
    return rc;
}

static void test_parse_header__takes_basic_and_bearer_in_one_spelling_each(void **state)
{
    char text[256] = "Basic ";
    const char user[] = "acme.1:" SECRET;
    struct hm_token token;
    size_t size = strlen(text);

    assert_int_equal(parse_header("Bearer acme.1." SECRET, &token), HM_OK);
    assert_true(hm_bytes_is_str(token.account, "acme"));
    hm_base64_encode(hm_bytes_str(user), (uint8_t *)text + size);
    text[size + HM_BASE64_SIZE(strlen(user))] = '\0';
    assert_int_equal(parse_header(text, &token), HM_OK);
    assert_int_equal(token.number, 1);
    assert_true(hm_bytes_is_str(token.secret, SECRET));
    memcpy(text, "basic", 5);
    assert_int_equal(parse_header(text, &token), HM_EFORMAT);
    memcpy(text, "Basic", 5);
    text[strlen(text) - 1] = '\0'; /* not the length of base64 */
    assert_int_equal(parse_header(text, &token), HM_EFORMAT);
    assert_int_equal(parse_header("", &token), HM_EFORMAT);
    assert_int_equal(parse_header("Basic ", &token), HM_EFORMAT);
    assert_int_equal(parse_header("Basic  YWNtZQ==", &token), HM_EFORMAT);
    assert_int_equal(parse_header("bearer acme.1." SECRET, &token), HM_EFORMAT);
    assert_int_equal(parse_header("Bearer  acme.1." SECRET, &token), HM_EFORMAT);
    assert_int_equal(parse_header("Bearer acme.1." SECRET " ", &token), HM_EFORMAT);
    assert_int_equal(parse_header("Bearer acme.1:" SECRET, &token), HM_EFORMAT);
    assert_int_equal(parse_header("Digest acme.1." SECRET, &token), HM_EFORMAT);
    assert_int_equal(parse_header("Bearer", &token), HM_EFORMAT);
    /* Longer than any token. */
    memset(text, 'A', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "Basic ", 6);
    assert_int_equal(parse_header(text, &token), HM_EFORMAT);
    memcpy(text, "Bearer ", 7);
    assert_int_equal(parse_header(text, &token), HM_EFORMAT);
}

static void test_make_secret__is_new_each_time_and_parses(void **state)
{
    char one[HM_TOKEN_SECRET_SIZE + 1];
    char two[HM_TOKEN_SECRET_SIZE + 1];
    char text[HM_TOKEN_SIZE_MAX + 1];
    struct hm_sha256 first, second;
    struct hm_token token;

    for (int i = 0; i < 200; i++) {
        assert_int_equal(hm_token_make_secret(NULL, one), HM_OK);
        assert_int_equal(hm_token_make_secret(NULL, two), HM_OK);
        assert_string_not_equal(one, two);
        (void)snprintf(text, sizeof(text), "a.1.%s", one);
        assert_int_equal(hm_token_parse(hm_bytes_str(text), NULL, &token), HM_OK);
    }
    assert_int_equal(hm_token_digest(hm_bytes_str(one), NULL, &first), HM_OK);
    assert_int_equal(hm_token_digest(hm_bytes_str(two), NULL, &second), HM_OK);
    assert_true(hm_token_is_digest(&first, &first));
    assert_false(hm_token_is_digest(&first, &second));
    second = first;
    second.bytes[31] ^= 1;
    assert_false(hm_token_is_digest(&first, &second));
}

static void test_grant__normalises_what_people_type(void **state)
{
    static const struct {
        const char *typed, *kept; /* NULL: refused */
    } cases[] = {
        {"acme", "acme/*"},
        {"*", "*/*"},
        {"acme/nic", "acme/nic"},
        {"acme/n*c/1.*", "acme/n*c/1.*"},
        {"acme/c++_x-1/1.0+b", "acme/c++_x-1/1.0+b"},
        {"", NULL},
        {"/", NULL},
        {"acme/", NULL},
        {"/nic", NULL},
        {"acme//1", NULL},
        {"acme/nic/1/f", NULL},
        {"Acme/nic", NULL},
        {"acme/n?c", NULL},
        {"acme/[a-z]", NULL},
        {"acme/n\\c", NULL},
        {"acme/ nic", NULL},
        {"acme/nic\n", NULL},
        {"acme/..%2f", NULL},
        {"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaab/x", NULL}, /* 65 */
    };
    char kept[HM_GRANT_SIZE_MAX];
    char text[3 * HM_GRANT_SIZE_MAX];

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_grant_normalise(cases[i].typed, &err, kept);

        if (rc != (cases[i].kept == NULL ? HM_EUSAGE : HM_OK) || err.rc != rc)
            fail_msg("'%s': %s", cases[i].typed, hm_error_name(rc));
        if (rc == HM_OK)
            assert_string_equal(kept, cases[i].kept);
    }
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(hm_grant_normalise(text, NULL, kept), HM_EUSAGE);
}

static void test_grant__matches_part_by_part(void **state)
{
    static const struct {
        const char *pattern, *maker, *product, *version;
        bool is_match;
    } cases[] = {
        {"*/*", "acme", "nic", "1", true},           {"acme/*", "acme", "nic", "1", true},
        {"acme/*", "acme2", "nic", "1", false},      {"acme/nic", "acme", "nic", "9", true},
        {"acme/nic", "acme", "nic2", "9", false},    {"acme/nic/1.*", "acme", "nic", "1.2", true},
        {"acme/nic/1.*", "acme", "nic", "2", false}, {"*/nic", "globex", "nic", "1", true},
        {"a*e/*x*", "acme", "fxb", "1", true},       {"a*e/*x*", "acme", "fb", "1", false},
        {"acme/*/1", "acme", "nic", "1", true},      {"acme/*/1", "acme", "nic", "11", false},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_grant grant;

        assert_int_equal(hm_grant_parse(hm_bytes_str(cases[i].pattern), NULL, &grant), HM_OK);
        if (hm_grant_is_match(&grant, hm_bytes_str(cases[i].maker), hm_bytes_str(cases[i].product),
                              hm_bytes_str(cases[i].version)) != cases[i].is_match)
            fail_msg("case %zu: %s", i, cases[i].pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__takes_the_one_spelling),
        cmocka_unit_test(test_parse_header__takes_basic_and_bearer_in_one_spelling_each),
        cmocka_unit_test(test_make_secret__is_new_each_time_and_parses),
        cmocka_unit_test(test_grant__normalises_what_people_type),
        cmocka_unit_test(test_grant__matches_part_by_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
