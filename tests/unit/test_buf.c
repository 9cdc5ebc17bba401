/* SPDX-License-Identifier: Apache-2.0 */
/* base/buf: grows up to its maximum and not one byte past it. */
#include "unit.h"

#include "base/buf.h"

static void test_append__keeps_a_terminator(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1000);
    struct hm_err err = HM_ERR_INIT;

    assert_string_equal(hm_buf_str(&buf), "");
    assert_int_equal(hm_buf_append(&buf, HM_BYTES_EMPTY, &err), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "");
    assert_int_equal(hm_buf_append_str(&buf, "abc", &err), HM_OK);
    assert_int_equal(hm_buf_append_byte(&buf, 'd', &err), HM_OK);
    assert_int_equal(hm_buf_append_fmt(&buf, &err, "%d-%s", 12, "x"), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "abcd12-x");
    assert_int_equal(buf.size, 8);
    for (int i = 0; i < 992; i++)
        assert_int_equal(hm_buf_append_byte(&buf, 'z', &err), HM_OK);
    assert_int_equal(buf.data[buf.size], 0);
    assert_int_equal(buf.size, 1000);
    hm_buf_clear(&buf);
    assert_string_equal(hm_buf_str(&buf), "");
}

static void test_append__refuses_growth_past_the_maximum(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_buf_append_str(&buf, "abcde", &err), HM_EFORMAT);
    assert_string_equal(err.text, "larger than 4 bytes");
    assert_int_equal(buf.size, 0);
    assert_int_equal(hm_buf_append_str(&buf, "abcd", &err), HM_OK);
    assert_int_equal(hm_buf_append_byte(&buf, 'e', &err), HM_EFORMAT);
    assert_int_equal(hm_buf_append_fmt(&buf, &err, "%d", 1), HM_EFORMAT);
    assert_int_equal(hm_buf_reserve(&buf, SIZE_MAX, &err), HM_EFORMAT);
    assert_int_equal(hm_buf_append(&buf, HM_BYTES_EMPTY, &err), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "abcd");
}

static void test_reserve__fails_where_no_memory_can_be(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_buf_append_str(&buf, "a", &err), HM_OK);
    assert_int_equal(hm_buf_reserve(&buf, SIZE_MAX - 1, &err), HM_ENOMEM);
    assert_int_equal(hm_buf_reserve(&buf, SIZE_MAX, &err), HM_EFORMAT);
    assert_string_equal(hm_buf_str(&buf), "a");
}

static void test_done__keeps_the_maximum(void **state)
{
    struct hm_buf buf = HM_BUF_INIT(2);

    assert_int_equal(hm_buf_append_str(&buf, "ab", NULL), HM_OK);
    hm_buf_done(&buf);
    hm_buf_done(&buf);
    hm_buf_clear(&buf);
    assert_null(buf.data);
    assert_int_equal(hm_buf_append_str(&buf, "abc", NULL), HM_EFORMAT);
    hm_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append__keeps_a_terminator),
        cmocka_unit_test(test_append__refuses_growth_past_the_maximum),
        cmocka_unit_test(test_reserve__fails_where_no_memory_can_be),
        cmocka_unit_test(test_done__keeps_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
