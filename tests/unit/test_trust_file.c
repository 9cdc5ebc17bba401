/* SPDX-License-Identifier: Apache-2.0 */
/* trust/trust_file: what is written is read, and what is not exactly right is refused. */
#include "unit.h"

#include "trust_kit.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void make_raw(const char *before, const char *x_hallmark, const char *after,
                     struct hm_buf *raw)
{
    _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    kit_root(x_hallmark, &root);
    assert_int_equal(hm_buf_append_fmt(raw, NULL, "%s%s%s", before, hm_buf_str(&root), after),
                     HM_OK);
}

static void test_parse__reads_what_write_wrote(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    struct hm_trust_pin pin = {.id = "acme", .first = {{1, 2, 3}}};
    struct hm_trust_file written = {.site = "globex",
                                    .url = "https://firmware.example/x/",
                                    .pins = &pin,
                                    .pin_count = 1,
                                    .floor = HM_GRADE_INTRODUCED};
    struct hm_sha256 fingerprint;

    kit_root("{\"site\":\"globex\",\"trial\":true}", &root);
    written.root = hm_buf_bytes(&root);
    assert_int_equal(hm_trust_file_write(&written, NULL, &raw), HM_OK);
    assert_int_equal(hm_trust_file_parse(hm_buf_bytes(&raw), NULL, &file), HM_OK);
    assert_string_equal(file->site, "globex");
    assert_string_equal(file->url, "https://firmware.example/x/");
    assert_true(file->trial);
    assert_int_equal(file->pin_count, 1);
    assert_string_equal(file->pins[0].id, "acme");
    assert_true(hm_digest_is_equal(&file->pins[0].first, &pin.first));
    assert_int_equal(file->floor, HM_GRADE_INTRODUCED);
    assert_true(hm_bytes_is_equal(file->root, written.root));
    assert_int_equal(hm_digest_sha256(hm_buf_bytes(&raw), NULL, &fingerprint), HM_OK);
    assert_true(hm_digest_is_equal(&file->fingerprint, &fingerprint));
}

#define LOG_KEY "example.com/hallmark-test+13aba541+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx"
#define WITNESS "witness.example/w1+ed8c37d6+BLDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1"

#define GOOD "{\"schema\":\"hallmark/trust/1\",\"site\":\"globex\",\"root\":"

static void test_parse__reads_the_log_that_write_wrote(void **state)
{
    static const char policy[] = "witness w1 " WITNESS " https://w1.example/\nquorum w1\n";
    _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    struct hm_trust_file written = {.site = "globex", .log_max_age_s = 86400};

    kit_root("{\"site\":\"globex\"}", &root);
    written.root = hm_buf_bytes(&root);
    assert_int_equal(hm_log_policy_parse(hm_bytes_str(policy), NULL, &written.log_policy), HM_OK);
    assert_int_equal(hm_trust_file_write(&written, NULL, &raw), HM_OK);
    hm_log_policy_free(written.log_policy);
    assert_int_equal(hm_trust_file_parse(hm_buf_bytes(&raw), NULL, &file), HM_OK);
    assert_int_equal(file->log_max_age_s, 86400);
    assert_int_equal(hm_log_policy_write(file->log_policy, NULL, &again), HM_OK);
    assert_string_equal(hm_buf_str(&again), policy);
}

static void test_parse__judges_each_member(void **state)
{
    static const struct {
        const char *before, *x_hallmark, *after;
        enum hm_rc rc;
    } cases[] = {
        {GOOD, "{\"site\":\"globex\"}", "}", HM_OK}, /* the control */
        {GOOD, "{\"site\":\"initech\"}", "}", HM_EMISMATCH},
        {GOOD, NULL, "}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", "}x", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", "", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"site\":\"globex\"}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":\"x\"}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"max-age\":1}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"max-age\":315360000}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"max-age\":315360001}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"max-age\":0}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"max-age\":-1}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"max-age\":\"7d\"}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"min-age\":1}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"policy\":\"quorum none\\n\"}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}",
         ",\"log\":{\"policy\":\"witness w1 " WITNESS "\\nquorum w1\\n\"}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"policy\":\"\"}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"log\":{\"policy\":\"quorum w1\\n\"}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}",
         ",\"log\":{\"policy\":\"log " LOG_KEY "\\nquorum none\\n\"}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\",\"log\":{\"policy\":\"log " LOG_KEY "\\nquorum none\\n\"}}",
         "}", HM_OK},
        {GOOD, "{\"site\":\"globex\",\"log\":{}}", "}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"floor\":\"maker\"}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"floor\":\"attested\"}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"floor\":\"none\"}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"floor\":1}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"url\":\"\"}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"url\":\"http://a b\"}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"makers\":{}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"makers\":{\"acme\":{\"first\":\"" HEX64 "\"}}}", HM_OK},
        {GOOD, "{\"site\":\"globex\"}", ",\"makers\":{\"acme\":{\"first\":\"00\"}}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"makers\":{\"acme\":{}}}", HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"makers\":{\"Acme\":{\"first\":\"" HEX64 "\"}}}",
         HM_EFORMAT},
        {GOOD, "{\"site\":\"globex\"}", ",\"makers\":[]}", HM_EFORMAT},
        {"{\"schema\":\"hallmark/trust/2\",\"site\":\"globex\",\"root\":", "{\"site\":\"globex\"}",
         "}", HM_EFORMAT},
        {"{\"site\":\"globex\",\"root\":", "{\"site\":\"globex\"}", "}", HM_EFORMAT},
        {"{\"schema\":\"hallmark/trust/1\",\"root\":", "{\"site\":\"globex\"}", "}", HM_EFORMAT},
        {"{\"schema\":\"hallmark/trust/1\",\"site\":\"vendor\",\"root\":", "{\"site\":\"vendor\"}",
         "}", HM_EFORMAT},
        {"{\"schema\":\"hallmark/trust/1\",\"site\":\"globex\",\"boot\":", "{\"site\":\"globex\"}",
         "}", HM_EFORMAT},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
        _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        make_raw(cases[i].before, cases[i].x_hallmark, cases[i].after, &raw);
        rc = hm_trust_file_parse(hm_buf_bytes(&raw), &err, &file);
        if (rc != cases[i].rc)
            fail_msg("case %zu: %s %s", i, hm_error_name(rc), err.text);
        assert_true((file != NULL) == (rc == HM_OK));
    }
}

static void test_parse__refuses_a_root_that_does_not_sign_itself(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    struct hm_trust_file *file = NULL;
    char *at;

    make_raw(GOOD, "{\"site\":\"globex\"}", "}", &raw);
    at = strstr((char *)raw.data, "\"version\":1");
    assert_non_null(at);
    at[10] = '2';
    assert_int_equal(hm_trust_file_parse(hm_buf_bytes(&raw), NULL, &file), HM_ESIGNATURE);
    assert_null(file);
}

static void test_parse__has_a_limit(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(2 * HM_TRUST_FILE_SIZE_MAX);
    struct hm_trust_file *file = NULL;

    make_raw(GOOD, "{\"site\":\"globex\"}", "}", &raw);
    while (raw.size <= HM_TRUST_FILE_SIZE_MAX)
        assert_int_equal(hm_buf_append_byte(&raw, ' ', NULL), HM_OK);
    assert_int_equal(hm_trust_file_parse(hm_buf_bytes(&raw), NULL, &file), HM_EFORMAT);
    raw.size = HM_TRUST_FILE_SIZE_MAX;
    assert_int_equal(hm_trust_file_parse(hm_buf_bytes(&raw), NULL, &file), HM_OK);
    hm_trust_file_free(file);
}

static void test_fingerprint__survives_paper(void **state)
{
    static const char *const good[] = {
        HEX64,
        "00112233 44556677 8899aabb ccddeeff 00112233 44556677 8899aabb ccddeeff",
        " 00:11:22:33 44556677 8899AABB CCDDEEFF\n00112233 44556677\t8899aabb ccddeeff ",
    };
    static const char *const bad[] = {
        "",
        "00",
        (HEX64 "0"),
        (HEX64 "00"),
        "00112233445566778899aabbccddeeff",
        ("g" HEX64),
        "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };
    struct hm_sha256 fingerprint;
    char text[72];

    for (size_t i = 0; i < HM_ARRAY_COUNT(good); i++) {
        memset(&fingerprint, 0, sizeof(fingerprint));
        assert_int_equal(hm_trust_file_parse_fingerprint(good[i], NULL, &fingerprint), HM_OK);
        hm_trust_file_format_fingerprint(&fingerprint, text);
        assert_string_equal(text, good[1]);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_trust_file_parse_fingerprint(bad[i], NULL, &fingerprint), HM_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_what_write_wrote),
        cmocka_unit_test(test_parse__reads_the_log_that_write_wrote),
        cmocka_unit_test(test_parse__judges_each_member),
        cmocka_unit_test(test_parse__refuses_a_root_that_does_not_sign_itself),
        cmocka_unit_test(test_parse__has_a_limit),
        cmocka_unit_test(test_fingerprint__survives_paper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
