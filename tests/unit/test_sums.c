/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/sums: lists as sha256sum writes them. */
#include "unit.h"

#include "monitor/sums.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static struct hm_sha256 all_of(uint8_t byte)
{
    struct hm_sha256 sha256;

    memset(sha256.bytes, byte, sizeof(sha256.bytes));
    return sha256;
}

static void test_parse__reads_what_sha256sum_writes(void **state)
{
    static const char text[] =
        "# ours\n\n" B "  acme/p/2/b\n" A " *acme/p/1/a\n" B " *acme/p/1/a\n" A "\n";
    _hm_done_(hm_sums_done) struct hm_sums sums = HM_SUMS_INIT;
    const struct hm_sha256 a = all_of(0xaa);
    const struct hm_sha256 b = all_of(0xbb);

    assert_int_equal(hm_sums_parse(hm_bytes_str(text), false, NULL, &sums), HM_OK);
    assert_int_equal(sums.count, 4);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("acme/p/1/a"), &a), HM_OK);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("acme/p/1/a"), &b), HM_OK);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("acme/p/2/b"), &b), HM_OK);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("acme/p/2/b"), &a), HM_EMISMATCH);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("acme/p/2"), &b), HM_EUNKNOWN);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("acme/p/2/bb"), &b), HM_EUNKNOWN);
}

static void test_parse__nothing_is_a_list(void **state)
{
    _hm_done_(hm_sums_done) struct hm_sums sums = HM_SUMS_INIT;
    const struct hm_sha256 a = all_of(0xaa);

    assert_int_equal(hm_sums_parse(HM_BYTES_EMPTY, true, NULL, &sums), HM_OK);
    assert_int_equal(hm_sums_find(&sums, hm_bytes_str("x"), &a), HM_EUNKNOWN);
}

static void test_parse__refuses(void **state)
{
    static const char *const cases[] = {
        "x\n",     A,          A "\n",        A " \n",      A "  \n",   A "  x",      A " x y\n",
        A "\tx\n", A "x  y\n", " " A "  x\n", A "  \xff\n", A "a  x\n", "aa  name\n", A "  x\nx\n",
    };
    _hm_done_(hm_sums_done) struct hm_sums sums = HM_SUMS_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        if (hm_sums_parse(hm_bytes_str(cases[i]), true, &err, &sums) != HM_EFORMAT)
            fail_msg("accepted: %s", cases[i]);
        assert_non_null(strstr(err.text, "line"));
        assert_int_equal(sums.count, 0);
    }
    assert_int_equal(hm_buf_append_str(&text, A "  ", NULL), HM_OK);
    for (size_t i = 0; i <= HM_SUMS_NAME_MAX; i++)
        assert_int_equal(hm_buf_append_byte(&text, 'n', NULL), HM_OK);
    assert_int_equal(hm_buf_append_byte(&text, '\n', NULL), HM_OK);
    assert_int_equal(hm_sums_parse(hm_buf_bytes(&text), true, &err, &sums), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_what_sha256sum_writes),
        cmocka_unit_test(test_parse__nothing_is_a_list),
        cmocka_unit_test(test_parse__refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
