/* SPDX-License-Identifier: Apache-2.0 */
/* customer/policy: what a customer demands of the release log is set, dropped and kept; what cannot
 * be met is refused when it is set. */
#include "unit.h"

#include "base/file.h"
#include "base/time.h"
#include "customer/policy.h"
#include "tmpdir.h"

#define W1 "witness.example/w1+ed8c37d6+BLDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1"
#define W2 "witness.example/w2+e98dbcf5+BABFkvNHqYw4x6+j1IuU+y8gnpX7dIL2Ls4uw87USZkh"
#define LOG_LINE                                                                                   \
    "log example.com/hallmark-test+13aba541+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx\n"
#define OWN_BOTH "witness a " W1 "\nwitness b " W2 "\ngroup g 2 a b\nquorum g\n"

static void assert_demand(const struct hm_policy *policy, const char *quorum)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);

    if (quorum == NULL) {
        assert_null(policy->log_policy);
        return;
    }
    assert_non_null(policy->log_policy);
    assert_int_equal(hm_log_policy_describe(policy->log_policy, NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text), quorum);
}

/* Written and read again. */
static void pass_disk(const struct hm_dir *dir, struct hm_policy *policy)
{
    struct hm_policy again;

    policy->url = "https://firmware.example/";
    assert_int_equal(hm_policy_write(policy, dir, NULL), HM_OK);
    assert_int_equal(hm_policy_read(dir, NULL, &again), HM_OK);
    hm_policy_done(policy);
    *policy = again;
}

static void test_set_witnesses__makes_a_policy(void **state)
{
    static const char *const witnesses[] = {W1 ",https://w1.example/", W2};
    static const char *const quorums[] = {"1 of (own1, own2)", "2 of (own1, own2)"};
    _hm_done_(hm_policy_done) struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};

    for (size_t quorum = 1; quorum <= 2; quorum++) {
        assert_int_equal(hm_policy_set_witnesses(&policy, witnesses, 2, quorum, NULL), HM_OK);
        pass_disk(*state, &policy);
        assert_demand(&policy, quorums[quorum - 1]);
        assert_int_equal(policy.log_policy->witness_count, 2);
        assert_string_equal(policy.log_policy->witnesses[0].url, "https://w1.example/");
        assert_null(policy.log_policy->witnesses[1].url);
    }
}

static void test_set_witnesses__refuses_what_none_can_meet(void **state)
{
    static const struct {
        const char *witnesses[2];
        size_t count, quorum;
        enum hm_rc rc;
    } cases[] = {
        {{W1, W2}, 2, 0, HM_EUSAGE},
        {{W1, W2}, 2, 3, HM_EUSAGE},
        {{W1, W2}, 0, 1, HM_EUSAGE},
        {{W1, W1}, 2, 2, HM_EFORMAT}, /* one witness twice is no two */
        {{W1, W2 ","}, 2, 1, HM_EUSAGE},
        {{W1, W2 ",https://a b/"}, 2, 1, HM_EUSAGE},
        {{W1, "junk"}, 2, 1, HM_EFORMAT},
        {{W1, ""}, 2, 1, HM_EFORMAT},
        {{W1, W2 "\nquorum none"}, 2, 1, HM_EFORMAT},
        {{"example.com/hallmark-test+13aba541+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx", W2},
         2,
         1,
         HM_EFORMAT}, /* a log's key */
    };
    static const char *const good[] = {W1};
    _hm_done_(hm_policy_done) struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};

    (void)state;
    assert_int_equal(hm_policy_set_witnesses(&policy, good, 1, 1, NULL), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_policy_set_witnesses(&policy, cases[i].witnesses, cases[i].count,
                                                cases[i].quorum, &err);

        if (rc != cases[i].rc)
            fail_msg("case %zu: %s: %s", i, hm_error_name(rc), err.text);
        assert_demand(&policy, "1 of (own1)"); /* what was set stays */
    }
}

static void test_set_log__takes_a_policy_without_a_log(void **state)
{
    static const char *const bad[] = {
        "", "quorum g\n", LOG_LINE "quorum none\n", LOG_LINE OWN_BOTH, "witness a " W1 "\n",
    };
    _hm_done_(hm_policy_done) struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};

    assert_int_equal(hm_policy_set_log(&policy, HM_BYTES_LITERAL(OWN_BOTH), NULL), HM_OK);
    pass_disk(*state, &policy);
    assert_demand(&policy, "2 of (a, b)");
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        assert_int_equal(hm_policy_set_log(&policy, hm_bytes_str(bad[i]), NULL), HM_EFORMAT);
        assert_demand(&policy, "2 of (a, b)");
    }
    assert_int_equal(hm_policy_set_log(&policy, HM_BYTES_LITERAL("quorum none\n"), NULL), HM_OK);
    pass_disk(*state, &policy);
    assert_demand(&policy, "none");
}

static void test_set_log_max_age__has_bounds(void **state)
{
    static const char *const bad[] = {"", "0", "0s", "-1d", "11y", "3654d", "7x", "d"};
    _hm_done_(hm_policy_done) struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};

    assert_int_equal(hm_policy_set_log_max_age(&policy, "2d", NULL), HM_OK);
    pass_disk(*state, &policy);
    assert_int_equal(policy.log_max_age_s, 2 * HM_TIME_DAY_S);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        assert_int_equal(hm_policy_set_log_max_age(&policy, bad[i], NULL), HM_EUSAGE);
        assert_int_equal(policy.log_max_age_s, 2 * HM_TIME_DAY_S);
    }
    assert_int_equal(hm_policy_set_log_max_age(&policy, "1s", NULL), HM_OK);
    assert_int_equal(hm_policy_set_log_max_age(&policy, "10y", NULL), HM_OK);
    pass_disk(*state, &policy);
    assert_int_equal(policy.log_max_age_s, HM_TRUST_FILE_MAX_AGE_MAX_S);
}

static void test_drop__takes_one_thing_alone(void **state)
{
    _hm_done_(hm_policy_done) struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};

    assert_int_equal(hm_policy_set_log(&policy, HM_BYTES_LITERAL(OWN_BOTH), NULL), HM_OK);
    assert_int_equal(hm_policy_set_log_max_age(&policy, "2d", NULL), HM_OK);
    hm_policy_drop_log(&policy);
    pass_disk(*state, &policy);
    assert_demand(&policy, NULL);
    assert_int_equal(policy.log_max_age_s, 2 * HM_TIME_DAY_S);
    assert_int_equal(hm_policy_set_log(&policy, HM_BYTES_LITERAL(OWN_BOTH), NULL), HM_OK);
    hm_policy_drop_log_max_age(&policy);
    pass_disk(*state, &policy);
    assert_demand(&policy, "2 of (a, b)");
    assert_int_equal(policy.log_max_age_s, 0);
    hm_policy_drop_log(&policy);
    hm_policy_drop_log(&policy);
    pass_disk(*state, &policy);
    assert_demand(&policy, NULL);
}

static void test_read__refuses_demands_that_it_does_not_know(void **state)
{
    static const char *const bad[] = {
        "{\"policy\":\"quorum none\\n\",\"other\":1}",
        "{\"policy\":\"" LOG_LINE "quorum none\\n\"}",
        "{\"policy\":7}",
        "{\"max-age\":0}",
        "{\"max-age\":-1}",
        "{\"max-age\":315360001}",
        "{\"max-age\":\"7d\"}",
        "[]",
        "null",
    };
    struct hm_policy policy;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(4096);

        assert_int_equal(
            hm_buf_append_fmt(
                &raw, NULL,
                "{\"schema\":\"hallmark/subscription/1\",\"url\":\"https://a/\",\"log\":%s}",
                bad[i]),
            HM_OK);
        assert_int_equal(hm_file_replace(*state, "site.json", 0644, hm_buf_bytes(&raw), NULL),
                         HM_OK);
        assert_int_equal(hm_policy_read(*state, NULL, &policy), HM_EFORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_set_witnesses__makes_a_policy, tmpdir_setup,
                                        tmpdir_teardown),
        cmocka_unit_test(test_set_witnesses__refuses_what_none_can_meet),
        cmocka_unit_test_setup_teardown(test_set_log__takes_a_policy_without_a_log, tmpdir_setup,
                                        tmpdir_teardown),
        cmocka_unit_test_setup_teardown(test_set_log_max_age__has_bounds, tmpdir_setup,
                                        tmpdir_teardown),
        cmocka_unit_test_setup_teardown(test_drop__takes_one_thing_alone, tmpdir_setup,
                                        tmpdir_teardown),
        cmocka_unit_test_setup_teardown(test_read__refuses_demands_that_it_does_not_know,
                                        tmpdir_setup, tmpdir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
