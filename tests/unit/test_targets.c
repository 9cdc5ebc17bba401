/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/targets: schema, delegations, patterns, bins, changes. Advisories whose cause is tested here:
 * CVE-2026-23991 and CVE-2026-23992 (shapes and thresholds in delegations), GHSA-qp9x-wp8f-qgjj
 * (case and backslash in patterns), GHSA-77hh-43cm-v8j6 (roles that were not declared).
 */
#include "tuf_fixture.h"

static struct fixture fx;

static int setup(void **state)
{
    fixture_init(&fx, NULL);
    return 0;
}

static int teardown(void **state)
{
    fixture_done(&fx);
    return 0;
}

#define COMMON_                                                                                    \
    "\"_type\":\"targets\",\"spec_version\":\"1.0.31\",\"version\":1,"                             \
    "\"expires\":\"2030-01-01T00:00:00Z\""
#define SHA256_ "\"sha256\":\"00000000000000000000000000000000000000000000000000000000000000ff\""

/* A document with its bytes: targets points into raw. */
struct parsed {
    struct hm_buf raw;
    struct hm_targets *targets;
};

static void parsed_done(struct parsed *parsed)
{
    hm_targets_free(parsed->targets);
    hm_buf_done(&parsed->raw);
}

/* rest follows the common members. */
static enum hm_rc parse(const char *rest, struct hm_err *err, struct parsed *parsed)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(100000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed document;

    assert_int_equal(hm_buf_append_fmt(&json, err, "{" COMMON_ "%s}", rest), HM_OK);
    fixture_sign_one(&fx, hm_buf_str(&json), FIXTURE_TARGETS, &parsed->raw);
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&parsed->raw), err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &fx.root->roles[HM_ROOT_ROLE_TARGETS], "targets", err,
                              &document));
    return hm_targets_parse(document, err, &parsed->targets);
}

static void check_refused(const char *const *bad, size_t count)
{
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < count; i++) {
        _hm_done_(parsed_done) struct parsed parsed = {0};

        if (parse(bad[i], &err, &parsed) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(parsed.targets);
    }
}

static void test_parse__refuses_wrong_targets(void **state)
{
#define TARGET_(body) ",\"targets\":{\"a\":" body "}"
    static const char *const bad[] = {
        "",
        ",\"targets\":null",
        ",\"targets\":[]",
        TARGET_("null"),
        TARGET_("{}"),
        TARGET_("{\"length\":1}"),
        TARGET_("{\"hashes\":{" SHA256_ "}}"),
        TARGET_("{\"length\":-1,\"hashes\":{" SHA256_ "}}"),
        TARGET_("{\"length\":\"1\",\"hashes\":{" SHA256_ "}}"),
        TARGET_("{\"length\":9223372036854775808,\"hashes\":{" SHA256_ "}}"),
        TARGET_("{\"length\":1,\"hashes\":{}}"),
        TARGET_("{\"length\":1,\"hashes\":{\"md5\":\"aa\"}}"),
        TARGET_("{\"length\":1,\"hashes\":{\"sha256\":\"zz\"}}"),
        TARGET_("{\"length\":1,\"hashes\":[]}"),
        TARGET_("{\"length\":1,\"hashes\":{" SHA256_ "},\"custom\":[]}"),
        TARGET_("{\"length\":1,\"hashes\":{" SHA256_ "},\"custom\":\"x\"}"),
        ",\"targets\":{\"\":{\"length\":1,\"hashes\":{" SHA256_ "}}}",
    };

    check_refused(bad, HM_ARRAY_COUNT(bad));
}

static void test_parse__keeps_what_a_target_says(void **state)
{
    _hm_done_(parsed_done) struct parsed parsed = {0};
    struct hm_err err = HM_ERR_INIT;
    const struct hm_target *target;

    assert_int_equal(parse(",\"targets\":{\"b\":{\"length\":0,\"hashes\":{" SHA256_ "},"
                           "\"custom\":{\"k\":[1]},\"more\":1},\"a\":{\"length\":5,"
                           "\"hashes\":{" SHA256_ ",\"x\":\"y\"},\"custom\":null}}",
                           &err, &parsed),
                     HM_OK);
    assert_int_equal(parsed.targets->target_count, 2);
    assert_false(parsed.targets->has_delegations);
    target = hm_targets_find(parsed.targets, HM_BYTES_LITERAL("b"));
    assert_non_null(target);
    assert_true(hm_bytes_is_str(target->custom, "{\"k\":[1]}"));
    assert_int_equal(target->facts.length, 0);
    target = hm_targets_find(parsed.targets, HM_BYTES_LITERAL("a"));
    assert_non_null(target);
    assert_int_equal(target->custom.size, 0);
    assert_null(hm_targets_find(parsed.targets, HM_BYTES_LITERAL("c")));
    assert_int_equal(hm_targets_place(parsed.targets, HM_BYTES_LITERAL("")), 0);
    assert_int_equal(hm_targets_place(parsed.targets, HM_BYTES_LITERAL("a+")), 1);
    assert_int_equal(hm_targets_place(parsed.targets, HM_BYTES_LITERAL("b")), 1);
    assert_int_equal(hm_targets_place(parsed.targets, HM_BYTES_LITERAL("c")),
                     parsed.targets->target_count);
}

static void test_parse__limits_paths(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    for (int size = HM_TARGETS_PATH_SIZE_MAX; size <= HM_TARGETS_PATH_SIZE_MAX + 1; size++) {
        _hm_done_(hm_buf_done) struct hm_buf rest = HM_BUF_INIT(100000);
        _hm_done_(parsed_done) struct parsed parsed = {0};

        assert_int_equal(
            hm_buf_append_fmt(&rest, &err,
                              ",\"targets\":{\"%0*d\":{\"length\":1,\"hashes\":{" SHA256_ "}}}",
                              size, 1),
            HM_OK);
        assert_int_equal(parse(hm_buf_str(&rest), &err, &parsed),
                         size > HM_TARGETS_PATH_SIZE_MAX ? HM_EFORMAT : HM_OK);
    }
}

#define ROLE_(members)                                                                             \
    ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"r\",\"keyids\":[\"k\"],"  \
    "\"threshold\":1" members "}]}"
#define NAMED_(name)                                                                               \
    "{\"name\":" name ",\"keyids\":[],\"threshold\":1,\"terminating\":false,\"paths\":[\"*\"]}"
#define ROLES_(roles) ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[" roles "]}"
#define SUCCINCT_(members)                                                                         \
    ",\"targets\":{},\"delegations\":{\"keys\":{},\"succinct_roles\":{\"keyids\":[\"k\"],"         \
    "\"threshold\":1" members "}}"

static void test_parse__refuses_wrong_delegations(void **state)
{
    static const char *const bad[] = {
        ",\"targets\":{},\"delegations\":null",
        ",\"targets\":{},\"delegations\":{}",
        ",\"targets\":{},\"delegations\":{\"keys\":{}}",
        ",\"targets\":{},\"delegations\":{\"roles\":[]}",
        ",\"targets\":{},\"delegations\":{\"keys\":[],\"roles\":[]}",
        ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":{}}",
        ROLES_("null"),
        ROLES_("{}"),
        ROLE_(""),
        ROLE_(",\"terminating\":false"),
        ROLE_(",\"paths\":[]"),
        ROLE_(",\"terminating\":0,\"paths\":[]"),
        ROLE_(",\"terminating\":false,\"paths\":null"),
        ROLE_(",\"terminating\":false,\"paths\":[1]"),
        ROLE_(",\"terminating\":false,\"paths\":[\"\"]"),
        ROLE_(",\"terminating\":false,\"paths\":[\"*\"],\"path_hash_prefixes\":[\"a\"]"),
        ROLE_(",\"terminating\":false,\"path_hash_prefixes\":[\"A\"]"),
        ROLE_(",\"terminating\":false,\"path_hash_prefixes\":[\"g\"]"),
        ROLE_(",\"terminating\":false,\"path_hash_prefixes\":[\"\"]"),
        /* Top-level names, doubles, no name. */
        ROLES_(NAMED_("\"root\"")),
        ROLES_(NAMED_("\"timestamp\"")),
        ROLES_(NAMED_("\"snapshot\"")),
        ROLES_(NAMED_("\"targets\"")),
        ROLES_(NAMED_("\"\"")),
        ROLES_(NAMED_("1")),
        ROLES_(NAMED_("\"a\"") "," NAMED_("\"b\"") "," NAMED_("\"\\u0061\"")),
        /* CVE-2026-23992 in the second code path of others. */
        ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"r\",\"keyids\":[],"
        "\"threshold\":0,\"terminating\":false,\"paths\":[\"*\"]}]}",
        ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"r\",\"keyids\":[],"
        "\"threshold\":-1,\"terminating\":false,\"paths\":[\"*\"]}]}",
        ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"r\",\"keyids\":[\"a\","
        "\"a\"],\"threshold\":1,\"terminating\":false,\"paths\":[\"*\"]}]}",
        SUCCINCT_(""),
        SUCCINCT_(",\"bit_length\":8"),
        SUCCINCT_(",\"name_prefix\":\"bin\""),
        SUCCINCT_(",\"bit_length\":0,\"name_prefix\":\"bin\""),
        SUCCINCT_(",\"bit_length\":33,\"name_prefix\":\"bin\""),
        SUCCINCT_(",\"bit_length\":\"8\",\"name_prefix\":\"bin\""),
        SUCCINCT_(",\"bit_length\":8,\"name_prefix\":\"\""),
        ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[],\"succinct_roles\":{\"keyids\":"
        "[],\"threshold\":1,\"bit_length\":8,\"name_prefix\":\"b\"}}",
    };

    check_refused(bad, HM_ARRAY_COUNT(bad));
}

static void test_find_role__finds_what_was_declared(void **state)
{
    _hm_done_(parsed_done) struct parsed parsed = {0};
    struct hm_err err = HM_ERR_INIT;
    const struct hm_delegations *delegations;

    assert_int_equal(parse(ROLES_(NAMED_("\"../a\"") "," NAMED_("\"b\"")), &err, &parsed), HM_OK);
    delegations = &parsed.targets->delegations;
    assert_int_equal(delegations->role_count, 2);
    assert_ptr_equal(hm_targets_find_role(delegations, HM_BYTES_LITERAL("b")),
                     &delegations->roles[1]);
    assert_ptr_equal(delegations->roles[0].keys.ring, &delegations->ring);
    /* GHSA-77hh-43cm-v8j6 */
    assert_null(hm_targets_find_role(delegations, HM_BYTES_LITERAL("a")));
    assert_null(hm_targets_find_role(delegations, HM_BYTES_LITERAL("targets")));
}

static void check_match(const char *members, const char *path, bool expected)
{
    _hm_done_(hm_buf_done) struct hm_buf rest = HM_BUF_INIT(10000);
    _hm_done_(parsed_done) struct parsed parsed = {0};
    struct hm_err err = HM_ERR_INIT;
    bool match = !expected;

    assert_int_equal(hm_buf_append_fmt(&rest, &err,
                                       ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":"
                                       "[{\"name\":\"r\",\"keyids\":[],\"threshold\":1,"
                                       "\"terminating\":false,%s}]}",
                                       members),
                     HM_OK);
    assert_int_equal(parse(hm_buf_str(&rest), &err, &parsed), HM_OK);
    assert_int_equal(hm_targets_role_matches(&parsed.targets->delegations.roles[0],
                                             hm_bytes_str(path), &err, &match),
                     HM_OK);
    if (match != expected)
        fail_msg("%s: '%s' is %sa match", members, path, match ? "" : "not ");
}

static void test_role_matches__follows_patterns_and_prefixes(void **state)
{
    check_match("\"paths\":[\"a/*\"]", "a/b", true);
    check_match("\"paths\":[\"a/*\"]", "a/b/c", false);
    check_match("\"paths\":[\"a/*\"]", "a", false);
    check_match("\"paths\":[\"x\",\"a/*.bin\"]", "a/b.bin", true);
    check_match("\"paths\":[]", "a", false);
    /* GHSA-qp9x-wp8f-qgjj */
    check_match("\"paths\":[\"a/*\"]", "A/b", false);
    check_match("\"paths\":[\"a/*\"]", "a\\b", false);
    /* SHA-256 of "hello" begins with 2cf24d. */
    check_match("\"path_hash_prefixes\":[\"2c\"]", "hello", true);
    check_match("\"path_hash_prefixes\":[\"ff\",\"2cf24d\"]", "hello", true);
    check_match("\"path_hash_prefixes\":[\"2d\"]", "hello", false);
    check_match("\"path_hash_prefixes\":[]", "hello", false);
}

static void test_succinct_role__names_bins_as_others_do(void **state)
{
    /* SHA-256 of "hello" begins with 2cf24dba. */
    static const struct {
        int bits;
        const char *name;
    } cases[] = {{1, "bin-0"},  {3, "bin-1"},     {4, "bin-2"},      {5, "bin-05"},
                 {8, "bin-2c"}, {16, "bin-2cf2"}, {17, "bin-059e4"}, {32, "bin-2cf24dba"}};
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
        _hm_done_(hm_buf_done) struct hm_buf rest = HM_BUF_INIT(10000);
        _hm_done_(parsed_done) struct parsed parsed = {0};
        struct hm_delegated_role role;

        assert_int_equal(hm_buf_append_fmt(&rest, &err,
                                           ",\"targets\":{},\"delegations\":{\"keys\":{},"
                                           "\"succinct_roles\":{\"keyids\":[\"k\"],\"threshold\":1,"
                                           "\"bit_length\":%d,\"name_prefix\":\"bin\"}}",
                                           cases[i].bits),
                         HM_OK);
        assert_int_equal(parse(hm_buf_str(&rest), &err, &parsed), HM_OK);
        assert_int_equal(hm_targets_succinct_role(&parsed.targets->delegations,
                                                  HM_BYTES_LITERAL("hello"), &arena, &err, &role),
                         HM_OK);
        assert_true(hm_bytes_is_str(role.name, cases[i].name));
        assert_false(role.terminating);
        assert_ptr_equal(role.keys.ring, &parsed.targets->delegations.ring);
    }
}

static void test_copy__owns_everything(void **state)
{
    _hm_free_(hm_targets_free) struct hm_targets *copy = NULL;
    _hm_done_(hm_buf_done) struct hm_buf first = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf second = HM_BUF_INIT(100000);
    struct hm_targets *original = fixture_role("x/y");
    struct hm_target target = {.path = HM_BYTES_LITERAL("a b"),
                               .custom = HM_BYTES_LITERAL("{\"k\":\"v\"}")};
    struct hm_err err = HM_ERR_INIT;

    target.facts.has_length = target.facts.has_sha256 = true;
    assert_int_equal(hm_targets_put(original, &target, &err), HM_OK);
    fixture_delegate(&fx, original, "one", FIXTURE_A, "one/*", true);
    fixture_delegate(&fx, original, "two", FIXTURE_B, "two/*", false);
    assert_int_equal(
        hm_targets_set_x_hallmark(original, HM_BYTES_LITERAL("{\"site\":\"s\"}"), &err), HM_OK);
    assert_int_equal(hm_targets_write(original, &err, &first), HM_OK);
    assert_int_equal(hm_targets_copy(original, &err, &copy), HM_OK);
    hm_targets_free(original);
    assert_int_equal(hm_targets_write(copy, &err, &second), HM_OK);
    assert_string_equal(hm_buf_str(&first), hm_buf_str(&second));
    /* A replaced delegation stays in its place; keys nobody uses leave. */
    fixture_delegate(&fx, copy, "one", FIXTURE_B, "other/*", false);
    hm_buf_clear(&second);
    assert_int_equal(hm_targets_write(copy, &err, &second), HM_OK);
    assert_int_equal(copy->delegations.role_count, 2);
    assert_true(hm_bytes_is_str(copy->delegations.roles[0].name, "one"));
    assert_true(hm_bytes_is_str(copy->delegations.roles[0].paths[0], "other/*"));
    assert_null(strstr(hm_buf_str(&second), hm_key_id(fixture_key(&fx, FIXTURE_A))));
}

static void test_delegate__refuses_what_cannot_be_read(void **state)
{
    const struct hm_key *key = fixture_key(&fx, FIXTURE_A);
    struct hm_targets *role = fixture_role(NULL);
    const char *pattern = "*", *empty = "";
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_targets_delegate(role, "root", &key, 1, 1, &pattern, 1, true, &err),
                     HM_EFORMAT);
    assert_int_equal(hm_targets_delegate(role, "", &key, 1, 1, &pattern, 1, true, &err),
                     HM_EFORMAT);
    assert_int_equal(hm_targets_delegate(role, "r", &key, 1, 2, &pattern, 1, true, &err),
                     HM_EUSAGE);
    assert_int_equal(hm_targets_delegate(role, "r", &key, 1, 1, &empty, 1, true, &err), HM_EUSAGE);
    assert_int_equal(role->delegations.role_count, 0);
    assert_int_equal(hm_targets_delegate(role, "r", &key, 1, 1, &pattern, 1, true, &err), HM_OK);
    hm_targets_free(role);
}

static void test_parse__takes_100000_targets_with_little_memory(void **state)
{
    enum { COUNT = 100000 };
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(40000000);
    _hm_done_(parsed_done) struct parsed parsed = {0};
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    enum fixture_key key = FIXTURE_TARGETS;
    struct hm_err err = HM_ERR_INIT;
    struct hm_signed document;
    char path[80];

    assert_int_equal(hm_buf_append_str(&json, "{" COMMON_ ",\"targets\":{", &err), HM_OK);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(
            hm_buf_append_fmt(&json, &err,
                              "%s\"chips/product-with-a-long-name/1.%06d/firmware-image.bin\":{"
                              "\"hashes\":{" SHA256_ "},\"length\":%d}",
                              i == 0 ? "" : ",", i, i),
            HM_OK);
    assert_int_equal(hm_buf_append_str(&json, "}}", &err), HM_OK);
    fixture_sign(&fx, hm_buf_bytes(&json), &key, 1, &parsed.raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&parsed.raw), &err, &envelope), HM_OK);
    assert_null(envelope->canonical_buf.data);
    assert_int_equal(hm_envelope_verify(envelope, &fx.root->roles[HM_ROOT_ROLE_TARGETS], "targets",
                                        &err, &document),
                     HM_OK);
    assert_int_equal(hm_targets_parse(document, &err, &parsed.targets), HM_OK);
    assert_int_equal(parsed.targets->target_count, COUNT);
    assert_true(sizeof(struct hm_target) <= 96);
    assert_true(parsed.targets->target_capacity <= COUNT + COUNT / 2 + 8);
    assert_true(parsed.targets->arena.used < 4096);
    for (int i = 0; i < COUNT; i += 9973) {
        const struct hm_target *target;

        (void)snprintf(path, sizeof(path),
                       "chips/product-with-a-long-name/1.%06d/firmware-image.bin", i);
        target = hm_targets_find(parsed.targets, hm_bytes_str(path));
        assert_non_null(target);
        assert_int_equal(target->facts.length, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__refuses_wrong_targets),
        cmocka_unit_test(test_parse__keeps_what_a_target_says),
        cmocka_unit_test(test_parse__limits_paths),
        cmocka_unit_test(test_parse__refuses_wrong_delegations),
        cmocka_unit_test(test_find_role__finds_what_was_declared),
        cmocka_unit_test(test_role_matches__follows_patterns_and_prefixes),
        cmocka_unit_test(test_succinct_role__names_bins_as_others_do),
        cmocka_unit_test(test_copy__owns_everything),
        cmocka_unit_test(test_delegate__refuses_what_cannot_be_read),
        cmocka_unit_test(test_parse__takes_100000_targets_with_little_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
