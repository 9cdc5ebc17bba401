/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/log_policy: what is a policy, by vectors; which cosignatures are enough, by vectors; limits.
 */
#include "tlog_vectors.h"

#include "tlog/log_policy.h"

static struct hm_log_policy *parse_good(const char *text)
{
    struct hm_log_policy *policy = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_log_policy_parse(hm_bytes_str(text), &err, &policy) != HM_OK)
        fail_msg("%s", err.text);
    return policy;
}

static void test_parse__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("policies", 70);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
        _hm_done_(hm_buf_done) struct hm_buf once = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
        _hm_done_(hm_buf_done) struct hm_buf twice = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
        _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
        _hm_free_(hm_log_policy_free) struct hm_log_policy *again = NULL;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_log_policy_parse(tlog_bytes(vector, "policy", &buf), &err, &policy);

        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        if (rc != HM_OK) {
            assert_null(policy);
            continue;
        }
        /* What is written is the same policy, and stays so. */
        assert_int_equal(hm_log_policy_write(policy, &err, &once), HM_OK);
        assert_int_equal(hm_log_policy_parse(hm_buf_bytes(&once), &err, &again), HM_OK);
        assert_int_equal(hm_log_policy_write(again, &err, &twice), HM_OK);
        assert_true(hm_bytes_is_equal(hm_buf_bytes(&once), hm_buf_bytes(&twice)));
        assert_int_equal(again->witness_count, policy->witness_count);
        assert_int_equal(again->quorum, policy->quorum);
    }
}

static void test_parse__names_the_line_that_is_wrong(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(
        hm_log_policy_parse(HM_BYTES_LITERAL("# one\n\nquorum nobody\n"), &err, &policy),
        HM_EFORMAT);
    assert_non_null(strstr(err.text, "line 3"));
    assert_non_null(strstr(err.text, "nobody"));
}

static void test_write__gives_each_policy_one_spelling(void **state)
{
    const json_t *nested = json_array_get(json_object_get(tlog_vectors, "policies"), 1);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy =
        parse_good(tlog_str(nested, "policy"));
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(10);

    assert_int_equal(hm_log_policy_write(policy, NULL, &buf), HM_OK);
    assert_non_null(strstr(hm_buf_str(&buf), "group a 1 w1 w2\ngroup b 2 a w3\nquorum b\n"));
    assert_non_null(strstr(hm_buf_str(&buf), " https://log.example/\nwitness w1 "));
    assert_int_equal(hm_log_policy_write(policy, NULL, &small), HM_EFORMAT);
    assert_int_equal(small.size, 0);
}

static void test_describe__says_the_quorum_in_words(void **state)
{
    const json_t *nested = json_array_get(json_object_get(tlog_vectors, "policies"), 1);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy =
        parse_good(tlog_str(nested, "policy"));
    _hm_free_(hm_log_policy_free) struct hm_log_policy *none = parse_good("quorum none\n");
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(64);

    assert_int_equal(hm_log_policy_describe(policy, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "2 of (1 of (w1, w2), w3)");
    hm_buf_clear(&buf);
    assert_int_equal(hm_log_policy_describe(none, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "none");
}

static void test_check__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("policy_verdicts", 30);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        const json_t *times = json_object_get(vector, "times");
        _hm_free_(hm_log_policy_free) struct hm_log_policy *policy =
            parse_good(tlog_str(vector, "policy"));
        struct hm_note_verdict verdicts[HM_LOG_POLICY_WITNESS_COUNT_MAX];
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(policy->witness_count, json_array_size(times));
        for (size_t j = 0; j < policy->witness_count; j++) {
            const json_t *time = json_array_get(times, j);

            verdicts[j].is_signed = json_is_integer(time);
            verdicts[j].time_s = (uint64_t)json_integer_value(time);
        }
        tlog_assert_rc(vector,
                       hm_log_policy_check(
                           policy, verdicts, json_integer_value(json_object_get(vector, "now")),
                           json_integer_value(json_object_get(vector, "max_age")), &err),
                       tlog_str(vector, "rc"), &err);
    }
}

static void test_open__needs_a_log(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = parse_good("quorum none\n");
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const json_t *vector = json_array_get(json_object_get(tlog_vectors, "notes"), 1);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_log_policy_open(policy, hm_bytes_str(tlog_str(vector, "note")), TLOG_TIME,
                                        HM_LOG_POLICY_ANY_AGE, &err, &checkpoint),
                     HM_EUSAGE);
    assert_null(checkpoint);
}

/* An ML-DSA witness that cannot be verified here must not count, nor break the rest. */
static void test_open__does_not_count_what_it_cannot_verify(void **state)
{
    const json_t *notes = json_object_get(tlog_vectors, "notes");
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *vector = json_array_get(notes, i);
        const json_t *keys = json_object_get(vector, "keys");
        _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
        _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
        char text[8192];

        if (strcmp(tlog_str(vector, "name"), "ML-DSA log and witness beside Ed25519") != 0)
            continue;
        (void)snprintf(text, sizeof(text), "log %s\nwitness q %s\nquorum q\n",
                       json_string_value(json_array_get(keys, 0)),
                       json_string_value(json_array_get(keys, 2)));
        policy = parse_good(text);
        assert_int_equal(hm_log_policy_open(policy, hm_bytes_str(tlog_str(vector, "note")),
                                            TLOG_TIME, HM_LOG_POLICY_ANY_AGE, &err, &checkpoint),
                         tlog_has_ml_dsa() ? HM_OK : HM_ESIGNATURE);
        return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_parse__names_the_line_that_is_wrong),
        cmocka_unit_test(test_write__gives_each_policy_one_spelling),
        cmocka_unit_test(test_describe__says_the_quorum_in_words),
        cmocka_unit_test(test_check__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_open__needs_a_log),
        cmocka_unit_test(test_open__does_not_count_what_it_cannot_verify),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
