/* SPDX-License-Identifier: Apache-2.0 */
/* base/num: arithmetic fails instead of wrapping; numbers have one written form. */
#include "unit.h"

#include <string.h>

#include "base/num.h"

static void test_arithmetic__fails_instead_of_wrapping(void **state)
{
    size_t size = 0;
    uint64_t value = 0;

    assert_int_equal(hm_num_add(2, 3, &size), HM_OK);
    assert_int_equal(size, 5);
    assert_int_equal(hm_num_add(SIZE_MAX, 0, &size), HM_OK);
    assert_int_equal(hm_num_add(SIZE_MAX, 1, &size), HM_EFORMAT);
    assert_int_equal(hm_num_mul(SIZE_MAX / 2 + 1, 2, &size), HM_EFORMAT);
    assert_int_equal(hm_num_mul(6, 7, &size), HM_OK);
    assert_int_equal(size, 42);
    assert_int_equal(hm_num_add_u64(UINT64_MAX, 1, &value), HM_EFORMAT);
    assert_int_equal(hm_num_size(UINT64_MAX, &size), HM_OK);
}

static void test_parse_u64__accepts_the_one_form(void **state)
{
    uint64_t value = 1;

    assert_int_equal(hm_num_parse_u64("0", 1, &value), HM_OK);
    assert_int_equal(value, 0);
    assert_int_equal(hm_num_parse_u64("18446744073709551615", 20, &value), HM_OK);
    assert_true(value == UINT64_MAX);
    assert_int_equal(hm_num_parse_u64("42x", 2, &value), HM_OK);
    assert_int_equal(value, 42);
}

static void test_parse_u64__refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1x",
        "x",
        "0x1",
        "1.0",
        "1e3",
        "18446744073709551616",
        "18446744073709551620",
        "99999999999999999999",
        "184467440737095516150",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        uint64_t value = 7;

        assert_int_equal(hm_num_parse_u64(bad[i], strlen(bad[i]), &value), HM_EFORMAT);
        assert_int_equal(value, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic__fails_instead_of_wrapping),
        cmocka_unit_test(test_parse_u64__accepts_the_one_form),
        cmocka_unit_test(test_parse_u64__refuses_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
