/* SPDX-License-Identifier: Apache-2.0 */
/* tuf/timestamp: schema, and expiry at the second. */
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
                            struct hm_timestamp **ret_timestamp)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed document;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &fx.root->roles[HM_ROOT_ROLE_TIMESTAMP], "timestamp", err,
                              &document));
    return hm_timestamp_parse(document, require_hashes, err, ret_timestamp);
}

static void test_parse__refuses_wrong_metas(void **state)
{
    static const char *const bad[] = {
        "",
        ",\"meta\":null",
        ",\"meta\":[]",
        ",\"meta\":{}",
        ",\"meta\":{\"targets.json\":{\"version\":1}}",
        ",\"meta\":{\"snapshot\":{\"version\":1}}",
        ",\"meta\":{\"snapshot.json\":null}",
        ",\"meta\":{\"snapshot.json\":{}}",
        ",\"meta\":{\"snapshot.json\":{\"version\":0}}",
        ",\"meta\":{\"snapshot.json\":{\"version\":1,\"length\":-1}}",
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(100000);
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
        struct hm_timestamp *timestamp = NULL;

        assert_int_equal(hm_buf_append_fmt(&json, &err,
                                           "{\"_type\":\"timestamp\",\"spec_version\":\"1.0.31\","
                                           "\"version\":1,\"expires\":\"2030-01-01T00:00:00Z\"%s}",
                                           bad[i]),
                         HM_OK);
        fixture_sign_one(&fx, hm_buf_str(&json), FIXTURE_TIMESTAMP, &raw);
        if (parse_raw(hm_buf_bytes(&raw), false, &err, &timestamp) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(timestamp);
    }
}

static void test_parse__reads_what_was_written(void **state)
{
    _hm_free_(hm_timestamp_free) struct hm_timestamp *timestamp = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(parse_raw(fixture_served(&fx, "timestamp.json"), true, &err, &timestamp),
                     HM_OK);
    assert_int_equal(timestamp->document.version, 1);
    assert_int_equal(timestamp->document.expires_unix_s, FIXTURE_EXPIRES);
    assert_true(hm_bytes_is_str(timestamp->snapshot.name, "snapshot"));
    assert_int_equal(timestamp->snapshot.version, 1);
    assert_int_equal(hm_document_check_facts(&timestamp->snapshot.facts,
                                             fixture_served(&fx, "1.snapshot.json"), "snapshot",
                                             &err),
                     HM_OK);
    assert_int_equal(hm_document_check_facts(&timestamp->snapshot.facts,
                                             fixture_served(&fx, "1.targets.json"), "snapshot",
                                             &err),
                     HM_EMISMATCH);
}

static void test_parse__refuses_the_other_types(void **state)
{
    /* A snapshot that the timestamp key signed is still no timestamp. */
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
    struct hm_timestamp *timestamp = NULL;
    struct hm_err err = HM_ERR_INIT;

    fixture_sign_one(&fx,
                     "{\"_type\":\"snapshot\",\"spec_version\":\"1.0.31\",\"version\":1,"
                     "\"expires\":\"2030-01-01T00:00:00Z\",\"meta\":{\"snapshot.json\":{"
                     "\"version\":1}}}",
                     FIXTURE_TIMESTAMP, &raw);
    assert_int_equal(parse_raw(hm_buf_bytes(&raw), false, &err, &timestamp), HM_EFORMAT);
    assert_non_null(strstr(err.text, "\"_type\" is 'snapshot' where 'timestamp' belongs"));
}

static void test_check_facts__names_what_differs(void **state)
{
    struct hm_bytes bytes = HM_BYTES_LITERAL("hello");
    struct hm_sha512 sha512;
    struct hm_file_facts facts = {.has_length = true, .length = 5, .sha512 = &sha512};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_digest_sha512(bytes, &err, &sha512), HM_OK);
    assert_int_equal(hm_document_check_facts(&facts, bytes, "x", &err), HM_OK);
    facts.length = 6;
    assert_int_equal(hm_document_check_facts(&facts, bytes, "x", &err), HM_EMISMATCH);
    assert_string_equal(err.text, "'x': 5 bytes where 6 were signed for");
    facts.length = 5;
    facts.has_sha256 = true;
    assert_int_equal(hm_document_check_facts(&facts, bytes, "x", &err), HM_EMISMATCH);
    assert_string_equal(err.text, "'x': its SHA-256 is not the one signed for");
    facts.has_sha256 = false;
    sha512.bytes[63] ^= 1;
    assert_int_equal(hm_document_check_facts(&facts, bytes, "x", &err), HM_EMISMATCH);
    assert_string_equal(err.text, "'x': its SHA-512 is not the one signed for");
}

static void test_check_expiry__is_over_at_the_second_named(void **state)
{
    struct hm_document document = {.version = 1, .expires_unix_s = 1767225600};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_document_check_expiry(&document, 1767225599, "x", &err), HM_OK);
    assert_int_equal(hm_document_check_expiry(&document, 1767225600, "x", &err), HM_EEXPIRED);
    assert_non_null(strstr(err.text, "'x': expired 2026-01-01T00:00:00Z"));
    assert_int_equal(hm_document_check_expiry(&document, INT64_MAX, "x", &err), HM_EEXPIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__refuses_wrong_metas),
        cmocka_unit_test(test_parse__reads_what_was_written),
        cmocka_unit_test(test_parse__refuses_the_other_types),
        cmocka_unit_test(test_check_facts__names_what_differs),
        cmocka_unit_test(test_check_expiry__is_over_at_the_second_named),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
