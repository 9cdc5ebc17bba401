/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/envelope: the shape, and who counts.
 *
 * Advisories of TUF implementations whose cause is tested here: CVE-2020-6174 and CVE-2020-15093
 * (a signature counted twice), CVE-2020-6173 (unbounded work), GHSA-3633-5h82-39pq and
 * GMS-2022-4197 (one key under two ids), CVE-2026-23991 (wrong shapes).
 */
#include "tuf_fixture.h"

#include "base/text.h"

static const char document[] = "{\"_type\":\"x\",\"n\":1}";

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

/* A role that lists these keys under their own ids. */
struct role {
    struct hm_arena arena;
    struct hm_keyring ring;
    struct hm_role_keys keys;
};

static void role_init(struct role *role, const enum fixture_key *keys, size_t count,
                      uint32_t threshold)
{
    const struct hm_key *list[FIXTURE_KEY_COUNT_];
    struct hm_err err = HM_ERR_INIT;

    *role = (struct role){0};
    for (size_t i = 0; i < count; i++)
        list[i] = fixture_key(&fx, keys[i]);
    assert_int_equal(
        hm_keyring_make_role(&role->ring, &role->arena, list, count, threshold, &err, &role->keys),
        HM_OK);
}

static void role_done(struct role *role)
{
    hm_keyring_done(&role->ring);
    hm_arena_done(&role->arena);
}

static enum hm_rc verify(struct hm_bytes raw, const struct hm_role_keys *keys, struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed result;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, keys, "role", err, &result));
    assert_true(hm_bytes_is_equal(hm_envelope_signed_bytes(result), hm_bytes_str(document)));
    return HM_OK;
}

static void test_parse__refuses_other_shapes(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "1",
        "{}",
        "{\"signed\":{}}",
        "{\"signatures\":[]}",
        "{\"signatures\":{},\"signed\":{}}",
        "{\"signatures\":null,\"signed\":{}}",
        "{\"signatures\":[],\"signed\":[]}",
        "{\"signatures\":[],\"signed\":null}",
        "{\"signatures\":[],\"signed\":\"x\"}",
        "{\"signatures\":[null],\"signed\":{}}",
        "{\"signatures\":[{}],\"signed\":{}}",
        "{\"signatures\":[{\"keyid\":\"a\"}],\"signed\":{}}",
        "{\"signatures\":[{\"sig\":\"a\"}],\"signed\":{}}",
        "{\"signatures\":[{\"keyid\":1,\"sig\":\"\"}],\"signed\":{}}",
        "{\"signatures\":[{\"keyid\":\"a\",\"sig\":null}],\"signed\":{}}",
        "{\"signatures\":[],\"signed\":{}} x",
        "{\"signatures\":[],\"signed\":{},\"signed\":{}}",
        "{\"signatures\":[],\"signatures\":[],\"signed\":{}}",
        "{\"signatures\":[],\"signed\":{\"a\":1,\"a\":2}}",
        "{\"signatures\":[],\"signed\":{\"a\":1.5}}",
        "{\"signatures\":[],\"signed\":{\"a\":1e3}}",
        "{\"signatures\":[],\"signed\":{\"a\":\"\xff\"}}",
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_envelope *envelope = NULL;

        if (hm_envelope_parse(hm_bytes_str(bad[i]), &err, &envelope) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(envelope);
    }
}

static void test_parse__refuses_a_key_id_twice(void **state)
{
    /* CVE-2020-6174, CVE-2020-15093: even if the threshold is met without it. */
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    struct hm_envelope *envelope = NULL;
    struct hm_err err = HM_ERR_INIT;

    fixture_wrap("{\"keyid\":\"a\",\"sig\":\"00\"},{\"keyid\":\"b\",\"sig\":\"00\"},"
                 "{\"keyid\":\"\\u0061\",\"sig\":\"11\"}",
                 document, &raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_EFORMAT);
    assert_string_equal(err.text, "key id 'a' comes twice among the signatures");
}

static void append_signatures(struct hm_buf *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(hm_buf_append_fmt(list, NULL, "%s{\"keyid\":\"k%zu\",\"sig\":\"00\"}",
                                           i == 0 ? "" : ",", i),
                         HM_OK);
}

static void test_parse__limits_the_signatures(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(10000000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_envelope *none = NULL;
    struct hm_err err = HM_ERR_INIT;

    append_signatures(&list, HM_ENVELOPE_SIGNATURE_COUNT_MAX);
    fixture_wrap(hm_buf_str(&list), document, &raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_OK);
    assert_int_equal(envelope->signature_count, HM_ENVELOPE_SIGNATURE_COUNT_MAX);
    hm_buf_clear(&list);
    /* CVE-2020-6173: 100,000 signatures cost nothing. */
    append_signatures(&list, 100000);
    fixture_wrap(hm_buf_str(&list), document, &raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &none), HM_EFORMAT);
    assert_string_equal(err.text, "more than 1024 signatures");
}

static void test_parse__keeps_both_spellings(void **state)
{
    static const char json[] = "{ \"b\" : \"\\n\", \"a\":1 }";
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_err err = HM_ERR_INIT;

    fixture_wrap("", json, &raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_OK);
    assert_true(hm_bytes_is_str(envelope->json, json));
    assert_true(hm_bytes_is_str(envelope->canonical, "{\"a\":1,\"b\":\"\n\"}"));
    assert_true(hm_bytes_is_equal(hm_envelope_unsigned_bytes(hm_envelope_unsigned(envelope)),
                                  envelope->canonical));
    assert_true(hm_bytes_is_equal(hm_envelope_unsigned_json(hm_envelope_unsigned(envelope)),
                                  envelope->json));
}

static void test_parse__takes_canonical_bytes_in_place(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_err err = HM_ERR_INIT;

    fixture_wrap("", document, &raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_OK);
    assert_ptr_equal(envelope->canonical.data, envelope->json.data);
    assert_null(envelope->canonical_buf.data);
}

static void test_verify__counts_to_the_threshold(void **state)
{
    static const enum fixture_key two[] = {FIXTURE_A, FIXTURE_B};
    static const enum fixture_key three[] = {FIXTURE_A, FIXTURE_B, FIXTURE_ROOT};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;

    fixture_sign(&fx, hm_bytes_str(document), two, 2, &raw);
    role_init(&role, three, 3, 2);
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_OK);
    role.keys.threshold = 3;
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_ESIGNATURE);
    assert_non_null(strstr(err.text, "'role': 2 of the 3 signatures it needs are valid"));
}

static void test_verify__ignores_strangers(void **state)
{
    static const enum fixture_key signers[] = {FIXTURE_STRANGER, FIXTURE_B};
    static const enum fixture_key two[] = {FIXTURE_A, FIXTURE_B};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;

    fixture_sign(&fx, hm_bytes_str(document), signers, 2, &raw);
    role_init(&role, two, 2, 1);
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_OK);
    role.keys.threshold = 2;
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_ESIGNATURE);
}

static void test_verify__refuses_a_changed_document(void **state)
{
    static const enum fixture_key one[] = {FIXTURE_A};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;
    char *number;

    fixture_sign(&fx, hm_bytes_str(document), one, 1, &raw);
    role_init(&role, one, 1, 1);
    number = strstr((char *)raw.data, "\"n\":1");
    assert_non_null(number);
    number[4] = '2';
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_ESIGNATURE);
    number[4] = '1';
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_OK);
}

static void test_verify__takes_other_spellings_of_the_same(void **state)
{
    static const enum fixture_key one[] = {FIXTURE_A};
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(1000);
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(10000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;
    char hex[129];

    role_init(&role, one, 1, 1);
    assert_int_equal(
        hm_signer_sign(fx.signers[FIXTURE_A], hm_bytes_str(document), &err, &signature), HM_OK);
    hm_text_hex(hm_buf_bytes(&signature), hex);
    assert_int_equal(
        hm_buf_append_fmt(&list, &err, "{\"keyid\":\"%s\",\"sig\":\"%s\"}", role.keys.ids[0], hex),
        HM_OK);
    fixture_wrap(hm_buf_str(&list), "{\n \"n\" : 1, \"_type\":\"\\u0078\"}", &raw);
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_OK);
}

static void test_verify__ignores_malformed_signatures(void **state)
{
    static const enum fixture_key two[] = {FIXTURE_A, FIXTURE_B};
    static const char *const bad[] = {"", "0", "zz", "00", "0x00", "\\u00e9", "-1"};
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;

    role_init(&role, two, 2, 1);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(10000);
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
        _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(1000);
        char hex[129];

        assert_int_equal(
            hm_signer_sign(fx.signers[FIXTURE_B], hm_bytes_str(document), &err, &signature), HM_OK);
        hm_text_hex(hm_buf_bytes(&signature), hex);
        assert_int_equal(hm_buf_append_fmt(&list, &err, "{\"keyid\":\"%s\",\"sig\":\"%s\"}",
                                           hm_key_id(fixture_key(&fx, FIXTURE_A)), bad[i]),
                         HM_OK);
        fixture_wrap(hm_buf_str(&list), document, &raw);
        assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_ESIGNATURE);
        /* A bad one must not spoil a good one. */
        assert_int_equal(hm_buf_append_fmt(&list, &err, ",{\"keyid\":\"%s\",\"sig\":\"%s\"}",
                                           hm_key_id(fixture_key(&fx, FIXTURE_B)), hex),
                         HM_OK);
        fixture_wrap(hm_buf_str(&list), document, &raw);
        assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_OK);
    }
}

static void test_verify__ignores_a_signature_longer_than_any(void **state)
{
    static const enum fixture_key one[] = {FIXTURE_A};
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;

    role_init(&role, one, 1, 1);
    assert_int_equal(
        hm_buf_append_fmt(&list, &err, "{\"keyid\":\"%s\",\"sig\":\"", role.keys.ids[0]), HM_OK);
    for (size_t i = 0; i <= HM_KEY_SIGNATURE_SIZE_MAX; i++)
        assert_int_equal(hm_buf_append_str(&list, "ab", &err), HM_OK);
    assert_int_equal(hm_buf_append_str(&list, "\"}", &err), HM_OK);
    fixture_wrap(hm_buf_str(&list), document, &raw);
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_ESIGNATURE);
}

/* A ring where FIXTURE_A stands under the ids "one" and "two", and "odd" is of an unknown type. */
static void parse_ring(struct role *role, uint32_t threshold)
{
    static const char ids[] = "[\"two\",\"one\",\"odd\",\"absent\"]";
    _hm_done_(hm_buf_done) struct hm_buf key = HM_BUF_INIT(10000);
    _hm_done_(hm_buf_done) struct hm_buf ring = HM_BUF_INIT(10000);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json json;

    *role = (struct role){0};
    fixture_key_json(&fx, FIXTURE_A, &key);
    assert_int_equal(hm_buf_append_fmt(&ring, &err,
                                       "{\"one\":%s,\"two\":%s,\"odd\":{\"keytype\":\"k\","
                                       "\"scheme\":\"s\",\"keyval\":{\"public\":\"p\"}}}",
                                       hm_buf_str(&key), hm_buf_str(&key)),
                     HM_OK);
    hm_json_init(&json, hm_buf_bytes(&ring), &role->arena);
    assert_int_equal(hm_keyring_parse(&json, &role->arena, &err, &role->ring), HM_OK);
    hm_json_init(&json, hm_bytes_str(ids), &role->arena);
    assert_int_equal(hm_keyring_parse_ids(&json, &role->arena, &err, &role->keys), HM_OK);
    role->keys.ring = &role->ring;
    role->keys.threshold = threshold;
}

static void test_verify__counts_one_key_under_two_ids_once(void **state)
{
    /* GHSA-3633-5h82-39pq */
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(1000);
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(10000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;
    uint32_t valid;
    char hex[129];

    parse_ring(&role, 2);
    assert_int_equal(
        hm_signer_sign(fx.signers[FIXTURE_A], hm_bytes_str(document), &err, &signature), HM_OK);
    hm_text_hex(hm_buf_bytes(&signature), hex);
    assert_int_equal(hm_buf_append_fmt(
                         &list, &err,
                         "{\"keyid\":\"one\",\"sig\":\"%s\"},{\"keyid\":\"two\",\"sig\":\"%s\"},"
                         "{\"keyid\":\"odd\",\"sig\":\"%s\"},{\"keyid\":\"absent\",\"sig\":\"%s\"}",
                         hex, hex, hex, hex),
                     HM_OK);
    fixture_wrap(hm_buf_str(&list), document, &raw);
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_ESIGNATURE);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_OK);
    assert_int_equal(hm_envelope_count(envelope, &role.keys, &err, &valid), HM_OK);
    assert_int_equal(valid, 1);
    role.keys.threshold = 1;
    assert_int_equal(verify(hm_buf_bytes(&raw), &role.keys, &err), HM_OK);
}

static void test_count__goes_past_the_threshold(void **state)
{
    static const enum fixture_key two[] = {FIXTURE_A, FIXTURE_B};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(role_done) struct role role;
    struct hm_err err = HM_ERR_INIT;
    uint32_t valid;

    fixture_sign(&fx, hm_bytes_str(document), two, 2, &raw);
    role_init(&role, two, 2, 1);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_OK);
    assert_int_equal(hm_envelope_count(envelope, &role.keys, &err, &valid), HM_OK);
    assert_int_equal(valid, 2);
}

static void test_write__escapes_control_characters(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_bytes canonical = HM_BYTES_LITERAL("{\"a\":\"1\n2\t3\x01\"}");
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_envelope_write(canonical, NULL, 0, &err, &raw), HM_OK);
    assert_string_equal(hm_buf_str(&raw),
                        "{\"signatures\":[],\"signed\":{\"a\":\"1\\n2\\u00093\\u0001\"}}");
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), &err, &envelope), HM_OK);
    assert_true(hm_bytes_is_equal(envelope->canonical, canonical));
}

static void test_write__refuses_what_would_not_be_read(void **state)
{
    static const char *const bad[] = {"{\"b\":1,\"a\":2}", "{ }", "[]", "{\"a\":1.0}", "{"};
    struct hm_signature twice[2] = {{HM_BYTES_LITERAL("a"), HM_BYTES_LITERAL("00")},
                                    {HM_BYTES_LITERAL("a"), HM_BYTES_LITERAL("11")}};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(10000);
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_envelope_write(hm_bytes_str(bad[i]), NULL, 0, &err, &raw), HM_EFORMAT);
    assert_int_equal(hm_envelope_write(HM_BYTES_LITERAL("{}"), twice, 2, &err, &raw), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__refuses_other_shapes),
        cmocka_unit_test(test_parse__refuses_a_key_id_twice),
        cmocka_unit_test(test_parse__limits_the_signatures),
        cmocka_unit_test(test_parse__keeps_both_spellings),
        cmocka_unit_test(test_parse__takes_canonical_bytes_in_place),
        cmocka_unit_test(test_verify__counts_to_the_threshold),
        cmocka_unit_test(test_verify__ignores_strangers),
        cmocka_unit_test(test_verify__refuses_a_changed_document),
        cmocka_unit_test(test_verify__takes_other_spellings_of_the_same),
        cmocka_unit_test(test_verify__ignores_malformed_signatures),
        cmocka_unit_test(test_verify__ignores_a_signature_longer_than_any),
        cmocka_unit_test(test_verify__counts_one_key_under_two_ids_once),
        cmocka_unit_test(test_count__goes_past_the_threshold),
        cmocka_unit_test(test_write__escapes_control_characters),
        cmocka_unit_test(test_write__refuses_what_would_not_be_read),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
