/* SPDX-License-Identifier: Apache-2.0 */
/* base/error: texts are printable and fit, codes map to exit statuses. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static void test_fail__fills_code_and_text(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_fail(&err, HM_EFORMAT, "'%s': bad at %d", "a.json", 7), HM_EFORMAT);
    assert_int_equal(err.rc, HM_EFORMAT);
    assert_false(err.has_offset);
    assert_string_equal(err.text, "'a.json': bad at 7");
}

static void test_fail__without_err_only_returns(void **state)
{
    assert_int_equal(hm_fail(NULL, HM_EIO, "x"), HM_EIO);
    assert_int_equal(hm_fail_at(NULL, HM_EIO, 3, "x"), HM_EIO);
    assert_int_equal(hm_error_prefix(NULL, HM_EIO, "x"), HM_EIO);
    assert_int_equal(hm_error_errno(NULL, ENOENT, "x"), HM_EINPUT);
}

static void test_fail__escapes_what_is_not_printable(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"a\nb", "a\\x0ab"},
        {"\033[2J", "\\x1b[2J"},
        {"\177", "\\x7f"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xe2\x80\xae", "\\u{202e}"},
        {"\xd8\x9c", "\\u{061c}"},
        {"\xe2\x80\x8f", "\\u{200f}"},
        {"\xe2\x80\xa8", "\\u{2028}"},
        {"\xc2\x9b", "\\u{009b}"},
        {"\xef\xbb\xbf", "\\u{feff}"},
        {"\xe2\x81\xa6", "\\u{2066}"},
        {"\x80", "\\x80"},
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
        {"\xf0\x80\x80\x80", "\\xf0\\x80\\x80\\x80"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xf0", "\\xf0"},
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        (void)hm_fail(&err, HM_EFORMAT, "%s", cases[i].in);
        assert_string_equal(err.text, cases[i].out);
    }
}

static size_t encode(uint32_t code, char text[5])
{
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = size; i > 1; i--) {
        text[i - 1] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    text[0] = (char)(size == 1 ? code : (0xf00U >> size) | code);
    text[size] = '\0';
    return size;
}

/* Messages and listings escape alike. */
static void test_fail__escapes_as_hm_text_escape_does(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    for (uint32_t code = 1; code < 0x110000; code++) {
        _hm_done_(hm_buf_done) struct hm_buf expected = HM_BUF_INIT(64);
        char text[5];
        size_t size = encode(code, text);

        if (code > 0x3000 && code < 0xd000)
            continue; /* ideographs and syllables */
        (void)hm_fail(&err, HM_EFORMAT, "%s", text);
        assert_int_equal(hm_text_escape(&expected, hm_bytes_make(text, size), NULL), HM_OK);
        assert_string_equal(err.text, hm_buf_str(&expected));
    }
}

static void test_fail__cuts_long_text_at_a_character(void **state)
{
    char text[3 * HM_ERR_TEXT_MAX + 1];
    struct hm_err err = HM_ERR_INIT;

    for (size_t size = HM_ERR_TEXT_MAX - 8; size < sizeof(text) - 2; size++) {
        memset(text, 'a', size);
        for (size_t i = size % 3; i + 2 < size; i += 2)
            memcpy(text + i, "\xc3\xbc", 2);
        text[size] = '\0';
        (void)hm_fail(&err, HM_EFORMAT, "%s", text);
        if (size <= HM_ERR_TEXT_MAX - 1) {
            assert_string_equal(err.text, text);
            continue;
        }
        size_t kept = strlen(err.text);
        assert_in_range(kept, HM_ERR_TEXT_MAX - 3, HM_ERR_TEXT_MAX - 1);
        assert_string_equal(err.text + kept - 3, "...");
        assert_memory_equal(err.text, text, kept - 3);
        assert_int_not_equal((unsigned char)err.text[kept - 4], 0xc3);
    }
}

static void test_fail__takes_its_own_text_as_argument(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    (void)hm_fail(&err, HM_EFORMAT, "inner");
    (void)hm_fail(&err, HM_EIO, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
    assert_int_equal(err.rc, HM_EIO);
}

static void test_fail_at__keeps_the_offset_until_the_next_failure(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_fail_at(&err, HM_EFORMAT, 4711, "bad"), HM_EFORMAT);
    assert_true(err.has_offset);
    assert_int_equal(err.offset, 4711);
    assert_int_equal(hm_error_prefix(&err, err.rc, "'%s'", "x"), HM_EFORMAT);
    assert_true(err.has_offset);
    (void)hm_fail(&err, HM_EFORMAT, "bad");
    assert_false(err.has_offset);
}

static void test_prefix__goes_in_front(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    (void)hm_fail(&err, HM_EROLLBACK, "caf\xc3\xa9 \n");
    assert_int_equal(hm_error_prefix(&err, HM_EIO, "'%s'", "a\tb"), HM_EROLLBACK);
    assert_string_equal(err.text, "'a\\x09b': caf\xc3\xa9 \\x0a");
    assert_int_equal(hm_error_prefix(&err, HM_EIO, "%s", err.text), HM_EROLLBACK);
    assert_string_equal(err.text, "'a\\x09b': caf\xc3\xa9 \\x0a: 'a\\x09b': caf\xc3\xa9 \\x0a");
}

static void test_prefix__cuts_the_sentence_that_no_longer_fits(void **state)
{
    char text[HM_ERR_TEXT_MAX];
    struct hm_err err = HM_ERR_INIT;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)hm_fail(&err, HM_EFORMAT, "%s", text);
    assert_string_equal(err.text, text);
    (void)hm_error_prefix(&err, HM_EFORMAT, "where");
    assert_memory_equal(err.text, "where: xxx", 10);
    assert_int_equal(strlen(err.text), HM_ERR_TEXT_MAX - 1);
    assert_string_equal(err.text + HM_ERR_TEXT_MAX - 5, "x...");
}

static void test_errno__maps_to_codes(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_error_errno(&err, ENOENT, "cannot open '%s'", "x"), HM_EINPUT);
    assert_string_equal(err.text, "cannot open 'x': No such file or directory");
    assert_int_equal(hm_error_errno(&err, EACCES, "x"), HM_EINPUT);
    assert_int_equal(hm_error_errno(&err, ENOTDIR, "x"), HM_EINPUT);
    assert_int_equal(hm_error_errno(&err, EISDIR, "x"), HM_EINPUT);
    assert_int_equal(hm_error_errno(&err, ENOMEM, "x"), HM_ENOMEM);
    assert_int_equal(hm_error_errno(&err, ENOSPC, "x"), HM_EIO);
    assert_int_equal(hm_error_errno(&err, 99999, "x"), HM_EIO);
    assert_string_equal(err.text, "x: error 99999");
    assert_int_equal(hm_error_nomem(&err), HM_ENOMEM);
    assert_string_equal(err.text, "out of memory");
}

static void test_exit_status__is_the_contract(void **state)
{
    static const int statuses[HM_RC_COUNT_] = {
        [HM_OK] = 0,        [HM_EFORMAT] = 1,   [HM_ESIGNATURE] = 1, [HM_EMISMATCH] = 1,
        [HM_EROLLBACK] = 1, [HM_EREFUSED] = 1,  [HM_ERECALLED] = 1,  [HM_EUNKNOWN] = 1,
        [HM_EUSAGE] = 2,    [HM_ENOTFOUND] = 3, [HM_ENETWORK] = 3,   [HM_EEXPIRED] = 3,
        [HM_ECLOCK] = 3,    [HM_EBUSY] = 3,     [HM_EINPUT] = 3,     [HM_EAGAIN] = 3,
        [HM_ENOMEM] = 4,    [HM_EIO] = 4,       [HM_EINTERNAL] = 4,
    };

    for (int rc = 0; rc < HM_RC_COUNT_; rc++) {
        assert_int_equal(hm_error_exit_status((enum hm_rc)rc), statuses[rc]);
        assert_memory_equal(hm_error_name((enum hm_rc)rc), "HM_", 3);
        for (int other = 0; other < rc; other++)
            assert_string_not_equal(hm_error_name((enum hm_rc)rc),
                                    hm_error_name((enum hm_rc)other));
    }
    assert_int_equal(hm_error_exit_status(HM_RC_COUNT_), 4);
    assert_string_equal(hm_error_name(HM_ESIGNATURE), "HM_ESIGNATURE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail__fills_code_and_text),
        cmocka_unit_test(test_fail__without_err_only_returns),
        cmocka_unit_test(test_fail__escapes_what_is_not_printable),
        cmocka_unit_test(test_fail__escapes_as_hm_text_escape_does),
        cmocka_unit_test(test_fail__cuts_long_text_at_a_character),
        cmocka_unit_test(test_fail__takes_its_own_text_as_argument),
        cmocka_unit_test(test_fail_at__keeps_the_offset_until_the_next_failure),
        cmocka_unit_test(test_prefix__goes_in_front),
        cmocka_unit_test(test_prefix__cuts_the_sentence_that_no_longer_fits),
        cmocka_unit_test(test_errno__maps_to_codes),
        cmocka_unit_test(test_exit_status__is_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
