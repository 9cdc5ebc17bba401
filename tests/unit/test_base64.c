/* SPDX-License-Identifier: Apache-2.0 */
/* base/base64: RFC 4648's own examples, and every way a text can be another spelling of one. */
#include "unit.h"

#include "base/base64.h"

static const struct {
    const char *bytes;
    const char *text;
} pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static void test_write__gives_rfc_4648_section_10(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(pairs); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(64);

        assert_int_equal(hm_buf_append_str(&buf, "x", NULL), HM_OK);
        assert_int_equal(hm_base64_write(hm_bytes_str(pairs[i].bytes), NULL, &buf), HM_OK);
        assert_string_equal(hm_buf_str(&buf) + 1, pairs[i].text);
        assert_int_equal(buf.size, 1 + strlen(pairs[i].text));
    }
}

static void test_write__keeps_to_the_maximum(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(7);

    assert_int_equal(hm_base64_write(HM_BYTES_LITERAL("foob"), NULL, &buf), HM_EFORMAT);
    assert_int_equal(buf.size, 0);
}

static void test_read__gives_the_bytes_back(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(pairs); i++) {
        uint8_t bytes[16];
        size_t size = 99;
        struct hm_bytes want = hm_bytes_str(pairs[i].bytes);

        assert_int_equal(hm_base64_read(hm_bytes_str(pairs[i].text), bytes, &size), HM_OK);
        assert_true(hm_bytes_is_equal(hm_bytes_make(bytes, size), want));
        assert_int_equal(hm_base64_read_exactly(hm_bytes_str(pairs[i].text), bytes, want.size),
                         HM_OK);
    }
}

static void test_read__refuses_every_other_spelling(void **state)
{
    static const char *const bad[] = {
        "Z",    "Zg",       "Zg=",      "Zh==",   "Zm9=",       "Zm8",   "=m8=",         "Z=8=",
        "Zg=a", "====",     "Zg==Zg==", "Zm9v\n", "Zm 9",       " Zm9v", "Zm9v ",        "Zm9-",
        "Zm9_", "Zm9v====", "Zm9vY===", "Zm9.",   "Zm\xc3\xa9", "Z\tg=", "Zg==\n\n\n\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        uint8_t bytes[32];
        size_t size = 99;

        if (hm_base64_read(hm_bytes_str(bad[i]), bytes, &size) != HM_EFORMAT)
            fail_msg("'%s' was read", bad[i]);
        assert_int_equal(size, 99);
    }
    {
        uint8_t bytes[8];
        size_t size = 99;

        assert_int_equal(hm_base64_read(hm_bytes_make("Zg\0=", 4), bytes, &size), HM_EFORMAT);
    }
}

static void test_read_exactly__refuses_another_size(void **state)
{
    uint8_t bytes[8] = {0};

    assert_int_equal(hm_base64_read_exactly(HM_BYTES_LITERAL("Zm9v"), bytes, 2), HM_EFORMAT);
    assert_int_equal(hm_base64_read_exactly(HM_BYTES_LITERAL("Zm8="), bytes, 3), HM_EFORMAT);
    assert_int_equal(hm_base64_read_exactly(HM_BYTES_LITERAL("Zm8="), bytes, 1), HM_EFORMAT);
    assert_int_equal(hm_base64_read_exactly(HM_BYTES_LITERAL("Zg=="), bytes, 2), HM_EFORMAT);
    assert_int_equal(hm_base64_read_exactly(HM_BYTES_LITERAL(""), bytes, 1), HM_EFORMAT);
    assert_int_equal(hm_base64_read_exactly(HM_BYTES_LITERAL("Zm9v"), bytes, SIZE_MAX), HM_EFORMAT);
    assert_int_equal(bytes[2], 0); /* nothing past the size asked for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write__gives_rfc_4648_section_10),
        cmocka_unit_test(test_write__keeps_to_the_maximum),
        cmocka_unit_test(test_read__gives_the_bytes_back),
        cmocka_unit_test(test_read__refuses_every_other_spelling),
        cmocka_unit_test(test_read_exactly__refuses_another_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
