/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/keyring: keys, ids and thresholds. Advisories whose cause is tested here: CVE-2026-23992
 * (threshold 0 or negative), CVE-2026-23991 (wrong shapes and lengths of keys).
 */
#include "tuf_fixture.h"

static struct fixture fx;
static struct hm_arena arena;

static int setup(void **state)
{
    fixture_init(&fx, NULL);
    return 0;
}

static int teardown(void **state)
{
    fixture_done(&fx);
    hm_arena_done(&arena);
    return 0;
}

static enum hm_rc parse_ring(const char *text, struct hm_err *err, struct hm_keyring *ring)
{
    struct hm_json json;

    hm_json_init(&json, hm_bytes_str(text), &arena);
    return hm_keyring_parse(&json, &arena, err, ring);
}

static void test_parse__refuses_malformed_keys(void **state)
{
#define ED25519_ "{\"a\":{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":"
    static const char *const bad[] = {
        "null",
        "[]",
        "{\"a\":null}",
        "{\"a\":[]}",
        "{\"a\":{}}",
        "{\"a\":{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\"}}",
        "{\"a\":{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"\"}}}",
        "{\"a\":{\"keytype\":1,\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"\"}}}",
        "{\"a\":{\"keytype\":\"x\",\"scheme\":null,\"keyval\":{\"public\":\"\"}}}",
        "{\"a\":{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":\"\"}}",
        ED25519_ "{}}}",
        ED25519_ "{\"public\":null}}}",
        ED25519_ "{\"public\":\"\"}}}",
        ED25519_ "{\"public\":\"00\"}}}",
        "{\"\":{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{}}}",
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_keyring ring = {0};

        if (parse_ring(bad[i], &err, &ring) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(ring.keys);
    }
}

static void test_parse__refuses_long_ids_and_many_keys(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(1000000);
    struct hm_keyring ring = {0};
    struct hm_err err = HM_ERR_INIT;
    char id[HM_KEYRING_ID_SIZE_MAX + 2];

    memset(id, 'a', sizeof(id) - 1);
    for (size_t size = HM_KEYRING_ID_SIZE_MAX + 1; size >= HM_KEYRING_ID_SIZE_MAX; size--) {
        id[size] = '\0';
        hm_buf_clear(&text);
        assert_int_equal(
            hm_buf_append_fmt(&text, &err,
                              "{\"%s\":{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{}}}", id),
            HM_OK);
        assert_int_equal(parse_ring(hm_buf_str(&text), &err, &ring),
                         size > HM_KEYRING_ID_SIZE_MAX ? HM_EFORMAT : HM_OK);
    }
    hm_keyring_done(&ring);
    for (int count = HM_KEYRING_COUNT_MAX; count <= HM_KEYRING_COUNT_MAX + 1; count++) {
        hm_buf_clear(&text);
        for (int i = 0; i < count; i++)
            assert_int_equal(
                hm_buf_append_fmt(&text, &err,
                                  "%c\"%d\":{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{}}",
                                  i == 0 ? '{' : ',', i),
                HM_OK);
        assert_int_equal(hm_buf_append_str(&text, "}", &err), HM_OK);
        assert_int_equal(parse_ring(hm_buf_str(&text), &err, &ring),
                         count > HM_KEYRING_COUNT_MAX ? HM_EFORMAT : HM_OK);
    }
    assert_int_equal(ring.count, HM_KEYRING_COUNT_MAX);
    assert_non_null(hm_keyring_find(&ring, HM_BYTES_LITERAL("1023")));
    assert_null(hm_keyring_find(&ring, HM_BYTES_LITERAL("1024")));
    hm_keyring_done(&ring);
}

static void test_parse__keeps_unknown_keys_without_counting_them(void **state)
{
    struct hm_keyring ring = {0};
    struct hm_err err = HM_ERR_INIT;
    const struct hm_keyring_key *key;

    assert_int_equal(parse_ring("{\"z\":{\"keytype\":\"sigstore-oidc\",\"scheme\":\"Fulcio\","
                                "\"keyval\":{\"identity\":\"a\",\"issuer\":\"b\"},\"x-y\":1}}",
                                &err, &ring),
                     HM_OK);
    key = hm_keyring_find(&ring, HM_BYTES_LITERAL("z"));
    assert_non_null(key);
    assert_null(key->key);
    assert_true(key->json.size > 0);
    hm_keyring_done(&ring);
}

static void test_parse_ids__refuses_doubles_and_other_kinds(void **state)
{
    static const char *const bad[] = {
        "null", "{}", "\"a\"", "[1]", "[\"\"]", "[\"a\",\"\\u0061\"]", "[\"b\",\"a\",\"b\"]"};
    struct hm_err err = HM_ERR_INIT;
    struct hm_role_keys keys = {0};
    struct hm_json json;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        hm_json_init(&json, hm_bytes_str(bad[i]), &arena);
        if (hm_keyring_parse_ids(&json, &arena, &err, &keys) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(keys.ids);
    }
    hm_json_init(&json, HM_BYTES_LITERAL("[\"c\",\"a\",\"b\"]"), &arena);
    assert_int_equal(hm_keyring_parse_ids(&json, &arena, &err, &keys), HM_OK);
    assert_int_equal(keys.id_count, 3);
    assert_string_equal(keys.ids[0], "a");
    assert_string_equal(keys.ids[2], "c");
}

static void test_parse_threshold__takes_integers_from_1(void **state)
{
    /* CVE-2026-23992 */
    static const char *const bad[] = {"0",
                                      "-1",
                                      "-9223372036854775808",
                                      "9223372036854775808",
                                      "1.0",
                                      "1e0",
                                      "\"1\"",
                                      "true",
                                      "null",
                                      "[1]",
                                      "1025",
                                      "4294967297",
                                      "01",
                                      "99999999999999999999999999"};
    struct hm_err err = HM_ERR_INIT;
    uint32_t threshold = 77;
    struct hm_json json;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        hm_json_init(&json, hm_bytes_str(bad[i]), &arena);
        if (hm_keyring_parse_threshold(&json, &err, &threshold) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(threshold, 77);
    }
    hm_json_init(&json, HM_BYTES_LITERAL("1024"), &arena);
    assert_int_equal(hm_keyring_parse_threshold(&json, &err, &threshold), HM_OK);
    assert_int_equal(threshold, 1024);
}

static void test_make_role__refuses_what_cannot_be_met(void **state)
{
    const struct hm_key *keys[] = {fixture_key(&fx, FIXTURE_A), fixture_key(&fx, FIXTURE_B)};
    const struct hm_key *twice[] = {fixture_key(&fx, FIXTURE_A), fixture_key(&fx, FIXTURE_A)};
    struct hm_role_keys made = {0};
    struct hm_keyring ring = {0};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_keyring_make_role(&ring, &arena, keys, 2, 0, &err, &made), HM_EUSAGE);
    assert_int_equal(hm_keyring_make_role(&ring, &arena, keys, 2, 3, &err, &made), HM_EUSAGE);
    assert_int_equal(hm_keyring_make_role(&ring, &arena, keys, 0, 1, &err, &made), HM_EUSAGE);
    assert_int_equal(hm_keyring_make_role(&ring, &arena, twice, 2, 1, &err, &made), HM_EUSAGE);
    assert_int_equal(hm_keyring_make_role(&ring, &arena, keys, 2, 2, &err, &made), HM_OK);
    assert_int_equal(ring.count, 2);
    assert_int_equal(made.id_count, 2);
    hm_keyring_done(&ring);
}

static void test_is_same_role__compares_material_and_threshold(void **state)
{
    const struct hm_key *ab[] = {fixture_key(&fx, FIXTURE_A), fixture_key(&fx, FIXTURE_B)};
    const struct hm_key *ba[] = {fixture_key(&fx, FIXTURE_B), fixture_key(&fx, FIXTURE_A)};
    const struct hm_key *c[] = {fixture_key(&fx, FIXTURE_ROOT)};
    struct hm_role_keys both, turned, two, first, other;
    struct hm_keyring ring = {0}, second = {0};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_keyring_make_role(&ring, &arena, ab, 2, 1, &err, &both), HM_OK);
    assert_int_equal(hm_keyring_make_role(&second, &arena, ba, 2, 1, &err, &turned), HM_OK);
    assert_int_equal(hm_keyring_make_role(&second, &arena, ba, 2, 2, &err, &two), HM_OK);
    assert_int_equal(hm_keyring_make_role(&second, &arena, ab, 1, 1, &err, &first), HM_OK);
    assert_int_equal(hm_keyring_make_role(&second, &arena, c, 1, 1, &err, &other), HM_OK);
    assert_true(hm_keyring_is_same_role(&both, &turned));
    assert_false(hm_keyring_is_same_role(&both, &two));
    assert_false(hm_keyring_is_same_role(&both, &first));
    assert_false(hm_keyring_is_same_role(&first, &both));
    assert_false(hm_keyring_is_same_role(&first, &other));
    assert_true(hm_keyring_shares_material(&first, &both));
    assert_false(hm_keyring_shares_material(&other, &both));
    hm_keyring_done(&ring);
    hm_keyring_done(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__refuses_malformed_keys),
        cmocka_unit_test(test_parse__refuses_long_ids_and_many_keys),
        cmocka_unit_test(test_parse__keeps_unknown_keys_without_counting_them),
        cmocka_unit_test(test_parse_ids__refuses_doubles_and_other_kinds),
        cmocka_unit_test(test_parse_threshold__takes_integers_from_1),
        cmocka_unit_test(test_make_role__refuses_what_cannot_be_met),
        cmocka_unit_test(test_is_same_role__compares_material_and_threshold),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
