/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/root: schema and succession. Advisories whose cause is tested here: CVE-2020-15163 and
 * GMS-2022-4197 (a root signed by old keys only, or twice by one new key), CVE-2025-2885 (version
 * not exactly one more), CVE-2026-23991 and CVE-2026-23992 (wrong shapes, thresholds).
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

/* A root document made by hand; each part may be replaced. */
struct parts {
    const char *type, *spec_version, *version, *expires, *roles, *extra;
};

static void make_json(const struct parts *parts, struct hm_buf *json)
{
    static const enum fixture_key used[] = {FIXTURE_ROOT, FIXTURE_TARGETS};
    _hm_done_(hm_buf_done) struct hm_buf roles = HM_BUF_INIT(100000);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_buf_append_fmt(&roles, &err,
                                       "{\"root\":{\"keyids\":[\"k0\"],\"threshold\":1},"
                                       "\"timestamp\":{\"keyids\":[\"k1\"],\"threshold\":1},"
                                       "\"snapshot\":{\"keyids\":[\"k1\"],\"threshold\":1},"
                                       "\"targets\":{\"keyids\":[\"k1\"],\"threshold\":1},"
                                       "\"mirrors\":{\"keyids\":[],\"threshold\":0}}"),
                     HM_OK);
    assert_int_equal(
        hm_buf_append_fmt(
            json, &err, "{%s%s%s%s\"consistent_snapshot\":true,\"keys\":{",
            parts->type == NULL ? "\"_type\":\"root\"," : parts->type,
            parts->spec_version == NULL ? "\"spec_version\":\"1.0.31\"," : parts->spec_version,
            parts->version == NULL ? "\"version\":1," : parts->version,
            parts->expires == NULL ? "\"expires\":\"2030-01-01T00:00:00Z\"," : parts->expires),
        HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(used); i++) {
        _hm_done_(hm_buf_done) struct hm_buf key = HM_BUF_INIT(10000);

        fixture_key_json(&fx, used[i], &key);
        assert_int_equal(
            hm_buf_append_fmt(json, &err, "%s\"k%zu\":%s", i == 0 ? "" : ",", i, hm_buf_str(&key)),
            HM_OK);
    }
    assert_int_equal(hm_buf_append_fmt(json, &err, "}%s%s%s}",
                                       parts->roles == NULL ? ",\"roles\":" : parts->roles,
                                       parts->roles == NULL ? hm_buf_str(&roles) : "",
                                       parts->extra == NULL ? "" : parts->extra),
                     HM_OK);
}

static enum hm_rc read_parts(const struct parts *parts, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_root_unsigned root = {NULL};
    enum hm_rc rc;

    make_json(parts, &json);
    fixture_wrap("", hm_buf_str(&json), &raw);
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    rc = hm_root_read_unsigned(hm_envelope_unsigned(envelope), err, &root);
    hm_root_free(root.content);
    return rc;
}

static void test_parse__takes_what_it_must(void **state)
{
    struct parts good = {.extra = ""};
    struct parts unknown = {.extra =
                                ",\"unknown\":{\"a\":[1,null]},\"x-hallmark\":{\"site\":\"s\"}"};
    struct parts old = {.spec_version = "\"spec_version\":\"1.0\","};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(read_parts(&good, &err), HM_OK);
    assert_int_equal(read_parts(&unknown, &err), HM_OK);
    assert_int_equal(read_parts(&old, &err), HM_OK);
}

static void test_parse__refuses_wrong_common_members(void **state)
{
    static const struct parts bad[] = {
        {.type = ""},
        {.type = "\"_type\":\"Root\","},
        {.type = "\"_type\":\"targets\","},
        {.type = "\"_type\":null,"},
        {.type = "\"_type\":[\"root\"],"},
        {.spec_version = ""},
        {.spec_version = "\"spec_version\":\"2.0.0\","},
        {.spec_version = "\"spec_version\":\"1\","},
        {.spec_version = "\"spec_version\":\"1.\","},
        {.spec_version = "\"spec_version\":\"1..0\","},
        {.spec_version = "\"spec_version\":\"1.0.0.0\","},
        {.spec_version = "\"spec_version\":\"10.0\","},
        {.spec_version = "\"spec_version\":\"1.x\","},
        {.spec_version = "\"spec_version\":1,"},
        {.version = ""},
        {.version = "\"version\":0,"},
        {.version = "\"version\":-1,"},
        {.version = "\"version\":9223372036854775808,"},
        {.version = "\"version\":1.0,"},
        {.version = "\"version\":\"1\","},
        {.version = "\"version\":true,"},
        {.version = "\"version\":null,"},
        {.expires = ""},
        {.expires = "\"expires\":\"2030-01-01\","},
        {.expires = "\"expires\":\"2030-01-01T00:00:00\","},
        {.expires = "\"expires\":\"2030-01-01T00:00:00+00:00\","},
        {.expires = "\"expires\":\"2030-01-01T00:00:00.5Z\","},
        {.expires = "\"expires\":\"2030-02-30T00:00:00Z\","},
        {.expires = "\"expires\":1900000000,"},
        {.extra = ",\"keys\":{}"},
        {.extra = ",\"x-hallmark\":[]"},
        {.extra = ",\"x-hallmark\":null"},
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        if (read_parts(&bad[i], &err) != HM_EFORMAT)
            fail_msg("case %zu was accepted", i);
}

static void test_parse__refuses_wrong_roles(void **state)
{
#define THREE_                                                                                     \
    "\"root\":{\"keyids\":[\"k0\"],\"threshold\":1},\"snapshot\":{\"keyids\":[],\"threshold\":1}," \
    "\"targets\":{\"keyids\":[],\"threshold\":1}"
    static const char *const bad[] = {
        "",
        ",\"roles\":null",
        ",\"roles\":[]",
        ",\"roles\":{}",
        ",\"roles\":{" THREE_ "}",
        ",\"roles\":{" THREE_ ",\"timestamp\":null}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"keyids\":[]}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"threshold\":1}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"keyids\":[],\"threshold\":0}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"keyids\":[],\"threshold\":-1}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"keyids\":[],\"threshold\":\"1\"}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"keyids\":[\"a\",\"a\"],\"threshold\":1}}",
        ",\"roles\":{" THREE_ ",\"timestamp\":{\"keyids\":\"k0\",\"threshold\":1}}",
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct parts parts = {.roles = bad[i]};

        if (read_parts(&parts, &err) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
    }
}

static enum hm_rc verify_first(const char *name, struct hm_err *err, struct hm_root **ret_root)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;

    HM_TRY(hm_envelope_parse(fixture_served(&fx, name), err, &envelope));
    return hm_root_verify_first(envelope, err, ret_root);
}

static enum hm_rc verify_next(const struct hm_root *current, const char *name, struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *next = NULL;

    HM_TRY(hm_envelope_parse(fixture_served(&fx, name), err, &envelope));
    return hm_root_verify_next(current, envelope, err, &next);
}

static void test_verify_first__needs_its_own_threshold(void **state)
{
    static const enum fixture_key wrong[] = {FIXTURE_TARGETS, FIXTURE_STRANGER};
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    struct hm_root *none = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(verify_first("1.root.json", &err, &root), HM_OK);
    assert_int_equal(root->document.version, 1);
    assert_true(root->consistent_snapshot);
    fixture_publish_root(&fx, wrong, 2);
    assert_int_equal(verify_first("1.root.json", &err, &none), HM_ESIGNATURE);
    assert_int_equal(verify_first("timestamp.json", &err, &none), HM_EFORMAT);
    assert_null(none);
}

static void test_verify_next__needs_both_thresholds_and_the_next_version(void **state)
{
    static const enum fixture_key first[] = {FIXTURE_ROOT};
    static const enum fixture_key both[] = {FIXTURE_ROOT, FIXTURE_ROOT_NEW};
    static const enum fixture_key new_only[] = {FIXTURE_ROOT_NEW};
    static const enum fixture_key three[] = {FIXTURE_ROOT, FIXTURE_ROOT_NEW, FIXTURE_ROOT_2};
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    const struct hm_key *new_keys[] = {fixture_key(&fx, FIXTURE_ROOT_NEW),
                                       fixture_key(&fx, FIXTURE_ROOT_2)};
    struct hm_err err = HM_ERR_INIT;

    fixture_publish_root(&fx, first, 1);
    assert_int_equal(verify_first("1.root.json", &err, &root), HM_OK);
    assert_int_equal(hm_root_set_role(fx.root, HM_ROOT_ROLE_ROOT, new_keys, 2, 2, &err), HM_OK);
    fx.root->document.version = 2;
    /* CVE-2020-15163: old keys alone; new keys alone; GMS-2022-4197: one of the two new keys. */
    fixture_publish_root(&fx, first, 1);
    assert_int_equal(verify_next(root, "2.root.json", &err), HM_ESIGNATURE);
    fixture_publish_root(&fx, new_only, 1);
    assert_int_equal(verify_next(root, "2.root.json", &err), HM_ESIGNATURE);
    fixture_publish_root(&fx, both, 2);
    assert_int_equal(verify_next(root, "2.root.json", &err), HM_ESIGNATURE);
    fixture_publish_root(&fx, three, 3);
    assert_int_equal(verify_next(root, "2.root.json", &err), HM_OK);
    /* CVE-2025-2885: the same version, one skipped, one back. */
    for (int64_t version = 1; version <= 4; version++) {
        char name[32];

        fx.root->document.version = version;
        fixture_publish_root(&fx, three, 3);
        (void)snprintf(name, sizeof(name), "%d.root.json", (int)version);
        assert_int_equal(verify_next(root, name, &err), version == 2 ? HM_OK : HM_EROLLBACK);
    }
}

static void test_write__drops_keys_nobody_uses(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(100000);
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    const struct hm_key *a = fixture_key(&fx, FIXTURE_A);
    const struct hm_key *b = fixture_key(&fx, FIXTURE_B);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_root_new(&err, &root), HM_OK);
    root->document = (struct hm_document){.version = 1, .expires_unix_s = FIXTURE_EXPIRES};
    assert_int_equal(hm_root_set_role(root, HM_ROOT_ROLE_ROOT, &a, 1, 1, &err), HM_OK);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        assert_int_equal(hm_root_set_role(root, (enum hm_root_role)i, &b, 1, 1, &err), HM_OK);
    assert_int_equal(hm_root_write(root, &err, &canonical), HM_OK);
    assert_non_null(strstr(hm_buf_str(&canonical), hm_key_id(b)));
    assert_null(strstr(hm_buf_str(&canonical), hm_key_id(a)));
    assert_int_equal(hm_root_set_role(root, HM_ROOT_ROLE_ROOT, &a, 1, 2, &err), HM_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__takes_what_it_must),
        cmocka_unit_test(test_parse__refuses_wrong_common_members),
        cmocka_unit_test(test_parse__refuses_wrong_roles),
        cmocka_unit_test(test_verify_first__needs_its_own_threshold),
        cmocka_unit_test(test_verify_next__needs_both_thresholds_and_the_next_version),
        cmocka_unit_test(test_write__drops_keys_nobody_uses),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
