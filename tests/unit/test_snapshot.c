/* SPDX-License-Identifier: Apache-2.0 */
/* tuf/snapshot: schema, binding by hash, succession. */
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

static enum hm_rc parse_raw(struct hm_bytes raw, bool require_hashes, struct hm_err *err,
                            struct hm_snapshot **ret_snapshot)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed document;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &fx.root->roles[HM_ROOT_ROLE_SNAPSHOT], "snapshot", err,
                              &document));
    return hm_snapshot_parse(document, require_hashes, err, ret_snapshot);
}

/* meta is the value of "meta". */
static enum hm_rc parse_meta(const char *meta, bool require_hashes, struct hm_err *err,
                             struct hm_snapshot **ret_snapshot)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);

    assert_int_equal(hm_buf_append_fmt(&json, err,
                                       "{\"_type\":\"snapshot\",\"spec_version\":\"1.0.31\","
                                       "\"version\":3,\"expires\":\"2030-01-01T00:00:00Z\"%s%s}",
                                       meta[0] == '\0' ? "" : ",\"meta\":", meta),
                     HM_OK);
    fixture_sign_one(&fx, hm_buf_str(&json), FIXTURE_SNAPSHOT, &raw);
    return parse_raw(hm_buf_bytes(&raw), require_hashes, err, ret_snapshot);
}

#define SHA256_ "\"sha256\":\"00000000000000000000000000000000000000000000000000000000000000ff\""
#define SHA512_                                                                                    \
    "\"sha512\":\"00000000000000000000000000000000000000000000000000000000000000ff"                \
    "00000000000000000000000000000000000000000000000000000000000000ff\""

static void test_parse__refuses_wrong_entries(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{\"targets.json\":null}",
        "{\"targets.json\":1}",
        "{\"targets.json\":{}}",
        "{\"targets.json\":{\"version\":0}}",
        "{\"targets.json\":{\"version\":-1}}",
        "{\"targets.json\":{\"version\":\"1\"}}",
        "{\"targets.json\":{\"version\":true}}",
        "{\"targets.json\":{\"version\":9223372036854775808}}",
        "{\"targets.json\":{\"version\":1,\"length\":0}}",
        "{\"targets.json\":{\"version\":1,\"length\":-5}}",
        "{\"targets.json\":{\"version\":1,\"length\":\"5\"}}",
        "{\"targets.json\":{\"version\":1,\"hashes\":{}}}",
        "{\"targets.json\":{\"version\":1,\"hashes\":null}}",
        "{\"targets.json\":{\"version\":1,\"hashes\":{\"md5\":\"00\"}}}",
        "{\"targets.json\":{\"version\":1,\"hashes\":{\"sha256\":\"00\"}}}",
        "{\"targets.json\":{\"version\":1,\"hashes\":{\"sha256\":1}}}",
        "{\"targets.json\":{\"version\":1,\"hashes\":{\"sha256\":\"\"}}}",
        "{\"targets\":{\"version\":1}}",
        "{\".json\":{\"version\":1}}",
        "{\"targets.JSON\":{\"version\":1}}",
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_snapshot *snapshot = NULL;

        if (parse_meta(bad[i], false, &err, &snapshot) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(snapshot);
    }
}

static void test_parse__finds_names_that_sort_otherwise(void **state)
{
    /* "a-b.json" sorts before "a.json", but "a" before "a-b". */
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    const struct hm_snapshot_meta *meta;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(parse_meta("{\"a-b.json\":{\"version\":1},\"a.json\":{\"version\":2,"
                                "\"length\":7,\"hashes\":{" SHA256_ "," SHA512_
                                ",\"new\":\"x\"},\"more\":{}},\"\\u0062.json\":{\"version\":3}}",
                                false, &err, &snapshot),
                     HM_OK);
    assert_int_equal(snapshot->meta_count, 3);
    assert_int_equal(snapshot->document.version, 3);
    meta = hm_snapshot_find(snapshot, HM_BYTES_LITERAL("a"));
    assert_non_null(meta);
    assert_int_equal(meta->version, 2);
    assert_true(meta->facts.has_length);
    assert_int_equal(meta->facts.length, 7);
    assert_int_equal(meta->facts.sha256.bytes[31], 255);
    assert_int_equal(meta->facts.sha512->bytes[63], 255);
    assert_int_equal(hm_snapshot_find(snapshot, HM_BYTES_LITERAL("a-b"))->version, 1);
    assert_int_equal(hm_snapshot_find(snapshot, HM_BYTES_LITERAL("b"))->version, 3);
    assert_null(hm_snapshot_find(snapshot, HM_BYTES_LITERAL("c")));
    assert_null(hm_snapshot_find(snapshot, HM_BYTES_LITERAL("")));
}

static void test_parse__can_demand_hashes(void **state)
{
    static const char *const bad[] = {
        "{\"a.json\":{\"version\":1}}",
        "{\"a.json\":{\"version\":1,\"length\":7}}",
        "{\"a.json\":{\"version\":1,\"hashes\":{" SHA256_ "}}}",
        "{\"a.json\":{\"version\":1,\"length\":7,\"hashes\":{" SHA512_ "}}}",
    };
    struct hm_snapshot *snapshot = NULL;
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        assert_int_equal(parse_meta(bad[i], true, &err, &snapshot), HM_EFORMAT);
        assert_int_equal(parse_meta(bad[i], false, &err, &snapshot), HM_OK);
        hm_snapshot_free(snapshot);
    }
    assert_int_equal(parse_meta("{\"a.json\":{\"version\":1,\"length\":7,\"hashes\":{" SHA256_
                                "}}}",
                                true, &err, &snapshot),
                     HM_OK);
    hm_snapshot_free(snapshot);
}

static void test_check_successor__refuses_lower_and_missing(void **state)
{
    static const struct {
        const char *next;
        enum hm_rc rc;
    } cases[] = {
        {"{\"a.json\":{\"version\":2},\"b.json\":{\"version\":5}}", HM_OK},
        {"{\"a.json\":{\"version\":3},\"b.json\":{\"version\":5}}", HM_OK},
        {"{\"a.json\":{\"version\":2},\"aa.json\":{\"version\":1},\"b.json\":{\"version\":6},"
         "\"c.json\":{\"version\":1}}",
         HM_OK},
        {"{\"a.json\":{\"version\":1},\"b.json\":{\"version\":5}}", HM_EROLLBACK},
        {"{\"a.json\":{\"version\":2},\"b.json\":{\"version\":4}}", HM_EROLLBACK},
        {"{\"a.json\":{\"version\":2}}", HM_EROLLBACK},
        {"{\"b.json\":{\"version\":9}}", HM_EROLLBACK},
        {"{}", HM_EROLLBACK},
        {"{\"A.json\":{\"version\":2},\"b.json\":{\"version\":5}}", HM_EROLLBACK},
    };
    _hm_free_(hm_snapshot_free) struct hm_snapshot *trusted = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(parse_meta(cases[0].next, false, &err, &trusted), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_snapshot_free) struct hm_snapshot *next = NULL;

        assert_int_equal(parse_meta(cases[i].next, false, &err, &next), HM_OK);
        if (hm_snapshot_check_successor(trusted, next, &err) != cases[i].rc)
            fail_msg("wrong verdict on: %s", cases[i].next);
    }
    assert_non_null(strstr(err.text, "role 'a' of the last snapshot is gone"));
}

static void test_put__replaces_and_survives_its_source(void **state)
{
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    _hm_free_(hm_snapshot_free) struct hm_snapshot *back = NULL;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
    enum fixture_key key = FIXTURE_SNAPSHOT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_snapshot_new(&err, &snapshot), HM_OK);
    snapshot->document = (struct hm_document){.version = 4, .expires_unix_s = FIXTURE_EXPIRES};
    for (int round = 1; round <= 2; round++) {
        for (int i = 99; i >= 0; i--) {
            struct hm_sha512 sha512 = {{(uint8_t)i}};
            struct hm_snapshot_meta meta = {.version = i + round};
            char name[16];

            (void)snprintf(name, sizeof(name), "role~%d", (i * 37) % 100);
            meta.name = hm_bytes_str(name);
            meta.facts.sha512 = &sha512;
            assert_int_equal(hm_snapshot_put(snapshot, &meta, &err), HM_OK);
        }
    }
    assert_int_equal(snapshot->meta_count, 100);
    assert_int_equal(hm_snapshot_write(snapshot, &err, &canonical), HM_OK);
    fixture_sign(&fx, hm_buf_bytes(&canonical), &key, 1, &raw);
    assert_int_equal(parse_raw(hm_buf_bytes(&raw), false, &err, &back), HM_OK);
    assert_int_equal(back->meta_count, 100);
    assert_int_equal(back->document.version, 4);
    assert_int_equal(back->document.expires_unix_s, FIXTURE_EXPIRES);
    for (int i = 0; i < 100; i++) {
        const struct hm_snapshot_meta *meta;
        char name[16];

        (void)snprintf(name, sizeof(name), "role~%d", (i * 37) % 100);
        meta = hm_snapshot_find(back, hm_bytes_str(name));
        assert_non_null(meta);
        assert_int_equal(meta->version, i + 2);
        assert_int_equal(meta->facts.sha512->bytes[0], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__refuses_wrong_entries),
        cmocka_unit_test(test_parse__finds_names_that_sort_otherwise),
        cmocka_unit_test(test_parse__can_demand_hashes),
        cmocka_unit_test(test_check_successor__refuses_lower_and_missing),
        cmocka_unit_test(test_put__replaces_and_survives_its_source),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
