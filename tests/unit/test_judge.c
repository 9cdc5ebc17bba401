/* SPDX-License-Identifier: Apache-2.0 */
/* judge/judge against tests/vectors/judge.json: each row of the table of findings with its controls
 * (tests/vectors/make-judge.py); and what vectors do not say. */
#define TLOG_VECTORS "tests/vectors/judge.json"
#include "tlog_vectors.h"

#include "base/text.h"
#include "base/time.h"
#include "judge/judge_internal.h"

#define CASE_COUNT_MIN 60
#define NOW            (1790000000 + 365 * 86400)

struct world {
    struct hm_basis *basis;
    struct hm_note_key *key;
    struct hm_log_policy *policy;
    struct hm_judge *judge;
};

static void world_init(struct world *world)
{
    const struct hm_log_demands demands = {.max_age_s = 1, .now_unix_s = NOW};
    struct hm_err err = HM_ERR_INIT;

    *world = (struct world){.basis = NULL};
    if (hm_basis_new(hm_bytes_str(tlog_str(tlog_vectors, "root")), &demands, &err, &world->basis) !=
            HM_OK ||
        hm_note_key_parse(hm_bytes_str(tlog_str(tlog_vectors, "key")), &err, &world->key) !=
            HM_OK ||
        hm_log_policy_parse(hm_bytes_str(tlog_str(tlog_vectors, "policy")), &err, &world->policy) !=
            HM_OK ||
        hm_judge_new(world->basis, NOW, &err, &world->judge) != HM_OK ||
        hm_judge_trust(world->judge, world->key, world->policy, &err) != HM_OK)
        fail_msg("%s", err.text);
}

static void world_done(struct world *world)
{
    hm_judge_free(world->judge);
    hm_log_policy_free(world->policy);
    hm_note_key_free(world->key);
    hm_basis_free(world->basis);
}

static const char *text_or_null(const json_t *vector, const char *name)
{
    return json_string_value(json_object_get(vector, name));
}

static int64_t time_of(const char *text)
{
    int64_t unix_s;

    assert_int_equal(hm_time_parse(hm_bytes_str(text), &unix_s), HM_OK);
    return unix_s;
}

static struct hm_judge_claim claim_of(const json_t *vector)
{
    struct hm_judge_claim claim = {.customer = text_or_null(vector, "customer"),
                                   .release = text_or_null(vector, "release"),
                                   .kind = HM_JUDGE_CLAIM_COUNT_};
    const char *image = text_or_null(vector, "image"), *at = text_or_null(vector, "at");

    for (size_t i = 0; i < HM_JUDGE_CLAIM_COUNT_; i++)
        if (strcmp(hm_judge_claim_name((enum hm_judge_claim_kind)i), tlog_str(vector, "claim")) ==
            0)
            claim.kind = (enum hm_judge_claim_kind)i;
    assert_int_not_equal(claim.kind, HM_JUDGE_CLAIM_COUNT_);
    if (image != NULL) {
        assert_int_equal(hm_text_unhex(hm_bytes_str(image), claim.image.bytes, HM_SHA256_SIZE),
                         HM_OK);
        claim.has_image = true;
    }
    if (at != NULL) {
        claim.at_unix_s = time_of(at);
        claim.has_at = true;
    }
    return claim;
}

static bool is_said(const struct hm_judge *judge, const struct hm_judge_answer *answer,
                    const char *words)
{
    const struct hm_report *report = hm_judge_report(judge);

    if (strstr(answer->text, words) != NULL)
        return true;
    for (size_t i = 0; i < report->count; i++)
        if (strstr(report->steps[i].text, words) != NULL)
            return true;
    return false;
}

static void check_answer(const json_t *vector, const struct hm_judge *judge,
                         const struct hm_judge_answer *answer)
{
    const struct hm_report *report = hm_judge_report(judge);
    const json_t *words;
    size_t i;
    bool is_good =
        strcmp(hm_judge_finding_name(answer->finding), tlog_str(vector, "finding")) == 0 &&
        strcmp(hm_judge_verdict_name(answer->verdict), tlog_str(vector, "verdict")) == 0 &&
        (json_int_t)answer->gap_count == json_integer_value(json_object_get(vector, "gaps")) &&
        (json_int_t)answer->fork_count == json_integer_value(json_object_get(vector, "forks")) &&
        (json_int_t)answer->bad_count == json_integer_value(json_object_get(vector, "bad"));
    const char *missing = NULL;

    json_array_foreach(json_object_get(vector, "words"), i, words)
    {
        if (!is_said(judge, answer, json_string_value(words)))
            missing = json_string_value(words);
    }
    if (is_good && missing == NULL)
        return;
    for (i = 0; i < report->count; i++)
        print_message("%s %s\n", hm_report_mark_text(report->steps[i].mark), report->steps[i].text);
    fail_msg("'%s': %s, %s: %s (gaps %zu, forks %zu, bad %zu); not said: %s",
             tlog_str(vector, "name"), hm_judge_finding_name(answer->finding),
             hm_judge_verdict_name(answer->verdict), answer->text, answer->gap_count,
             answer->fork_count, answer->bad_count, missing == NULL ? "-" : missing);
}

static void take_all(struct hm_judge *judge, const json_t *files)
{
    const json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
    {
        struct hm_err err = HM_ERR_INIT;
        char name[32];

        (void)snprintf(name, sizeof(name), "file-%zu", i);
        if (hm_judge_take(judge, name, hm_bytes_str(json_string_value(file)), &err) != HM_OK)
            fail_msg("%s", err.text);
    }
}

static void test_decide__finds_what_the_table_says(void **state)
{
    const json_t *section = tlog_section("cases", CASE_COUNT_MIN);
    const json_t *vector;
    size_t i;

    (void)state;
    json_array_foreach((json_t *)(uintptr_t)section, i, vector)
    {
        const struct hm_judge_claim claim = claim_of(vector);
        const json_t *revoked = json_object_get(vector, "revoked");
        struct hm_judge_answer answer;
        struct hm_err err = HM_ERR_INIT;
        struct world world;

        world_init(&world);
        if (json_is_array(revoked))
            assert_int_equal(
                hm_judge_revoke(world.judge, json_string_value(json_array_get(revoked, 0)),
                                time_of(json_string_value(json_array_get(revoked, 1))), NULL),
                HM_OK);
        take_all(world.judge, json_object_get(vector, "files"));
        if (hm_judge_decide(world.judge, &claim, &err, &answer) != HM_OK)
            fail_msg("'%s': %s", tlog_str(vector, "name"), err.text);
        check_answer(vector, world.judge, &answer);
        world_done(&world);
    }
}

static const json_t *vector_of(const char *name)
{
    const json_t *vector;
    size_t i;

    json_array_foreach(json_object_get(tlog_vectors, "cases"), i, vector)
    {
        if (strcmp(tlog_str(vector, "name"), name) == 0)
            return vector;
    }
    fail_msg("no case '%s'", name);
    return NULL;
}

/* The two files of a fork prove it to another judge, by themselves. */
static void test_decide__a_fork_is_portable(void **state)
{
    const json_t *vector = vector_of("two statements of one place");
    const struct hm_judge_claim claim = claim_of(vector);
    struct hm_judge_answer answer, again;
    struct world world, other;

    (void)state;
    world_init(&world);
    world_init(&other);
    take_all(world.judge, json_object_get(vector, "files"));
    assert_int_equal(hm_judge_decide(world.judge, &claim, NULL, &answer), HM_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_true(answer.fork[i].size > 0);
        assert_int_equal(hm_judge_take(other.judge, "half", answer.fork[i], NULL), HM_OK);
    }
    assert_int_equal(hm_judge_decide(other.judge, &claim, NULL, &again), HM_OK);
    assert_int_equal(again.finding, HM_JUDGE_EQUIVOCATION);
    assert_int_equal(again.fork_count, 1);
    world_done(&other);
    world_done(&world);
}

/* Without a root that names deliveries nobody's word counts, and the judge says so. */
static void test_take__nothing_counts_without_roots_word(void **state)
{
    const json_t *vector = vector_of("delivered: without proofs");
    const struct hm_judge_claim claim = claim_of(vector);
    const struct hm_log_demands demands = {.max_age_s = 1, .now_unix_s = NOW};
    struct hm_basis *basis = NULL;
    struct hm_judge *judge = NULL;
    struct hm_judge_answer answer;

    (void)state;
    assert_int_equal(
        hm_basis_new(hm_bytes_str(tlog_str(tlog_vectors, "root")), &demands, NULL, &basis), HM_OK);
    assert_int_equal(hm_judge_new(basis, NOW, NULL, &judge), HM_OK);
    take_all(judge, json_object_get(vector, "files"));
    assert_int_equal(hm_judge_decide(judge, &claim, NULL, &answer), HM_OK);
    assert_int_equal(answer.finding, HM_JUDGE_NOTHING);
    assert_int_equal(answer.bad_count, 1);
    hm_judge_free(judge);
    hm_basis_free(basis);
}

/* A delivery keeps what a fork of it would be proved by, and a client's key note once. */
static void test_take__memory_is_bounded(void **state)
{
    const json_t *files = json_object_get(vector_of("delivered: without proofs"), "files");
    const char *name = "globex.delivery";
    struct hm_bytes raw = hm_bytes_str(json_string_value(json_array_get(files, 0)));
    struct hm_err err = HM_ERR_INIT;
    struct world world;
    size_t count = 1000;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(hm_judge_take(world.judge, name, raw, NULL), HM_OK);
    print_message("each keeps %zu bytes\n", world.judge->arena.used / count);
    assert_in_range(world.judge->arena.used, 1, count * 3000);
    assert_true(HM_JUDGE_KEPT_SIZE_MAX / 5000 > HM_JUDGE_FILE_COUNT_MAX);
    world.judge->kept_size_max = world.judge->arena.used + raw.size;
    assert_int_equal(hm_judge_take(world.judge, name, raw, NULL), HM_OK);
    assert_int_equal(hm_judge_take(world.judge, name, raw, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, "give fewer files"));
    world_done(&world);
}

static void test_decide__claims_that_are_none(void **state)
{
    const struct hm_judge_claim claims[] = {
        {.release = "acme/nic/1.0"},
        {.customer = "", .release = "acme/nic/1.0"},
        {.customer = "globex"},
        {.customer = "globex", .release = "acme/nic/1.0", .has_image = true},
        {.customer = "globex", .release = "acme/nic"},
        {.customer = "globex", .release = "nic"},
        {.customer = "glob\xff", .release = "acme/nic/1.0"},
    };

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(claims); i++) {
        struct hm_judge_answer answer;
        struct world world;

        world_init(&world);
        assert_int_equal(hm_judge_decide(world.judge, &claims[i], NULL, &answer), HM_EUSAGE);
        world_done(&world);
    }
}

static void test_revoke__limits(void **state)
{
    struct world world;

    (void)state;
    world_init(&world);
    assert_int_equal(hm_judge_revoke(world.judge, "with space", 0, NULL), HM_EUSAGE);
    assert_int_equal(hm_judge_revoke(world.judge, "", 0, NULL), HM_EUSAGE);
    for (size_t i = 0; i < HM_JUDGE_REVOKED_COUNT_MAX; i++)
        assert_int_equal(hm_judge_revoke(world.judge, "globex/host", 0, NULL), HM_OK);
    assert_int_equal(hm_judge_revoke(world.judge, "globex/host", 0, NULL), HM_EUSAGE);
    world_done(&world);
}

static void test_exit_status__each_verdict(void **state)
{
    (void)state;
    assert_int_equal(hm_judge_exit_status(HM_JUDGE_PROVED), 0);
    assert_int_equal(hm_judge_exit_status(HM_JUDGE_REFUTED), 1);
    assert_int_equal(hm_judge_exit_status(HM_JUDGE_UNTOLD), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide__finds_what_the_table_says),
        cmocka_unit_test(test_decide__a_fork_is_portable),
        cmocka_unit_test(test_take__nothing_counts_without_roots_word),
        cmocka_unit_test(test_take__memory_is_bounded),
        cmocka_unit_test(test_decide__claims_that_are_none),
        cmocka_unit_test(test_revoke__limits),
        cmocka_unit_test(test_exit_status__each_verdict),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
