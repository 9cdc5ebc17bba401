/* SPDX-License-Identifier: Apache-2.0 */
/* base/reader: explicit byte order, bounds, sticky failure. */
#include "unit.h"

#include "base/reader.h"

static const uint8_t octets[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_integers__have_the_named_byte_order(void **state)
{
    struct hm_rd rd = hm_reader_make(hm_bytes_make(octets, sizeof(octets)));

    assert_int_equal(hm_reader_u8(&rd), 0x01);
    assert_int_equal(hm_reader_le16(&rd), 0x0302);
    assert_int_equal(hm_reader_le32(&rd), 0x07060504);
    assert_true(hm_reader_le64(&rd) == UINT64_C(0x0f0e0d0c0b0a0908));
    assert_false(hm_reader_failed(&rd));
    assert_int_equal(hm_reader_left(&rd), 0);
    rd = hm_reader_make(hm_bytes_make(octets, sizeof(octets)));
    assert_int_equal(hm_reader_be16(&rd), 0x0102);
    assert_int_equal(hm_reader_be32(&rd), 0x03040506);
    assert_true(hm_reader_be64(&rd) == UINT64_C(0x0708090a0b0c0d0e));
    assert_int_equal(hm_reader_left(&rd), 1);
    assert_false(hm_reader_failed(&rd));
}

static void test_integers__past_the_end_fail(void **state)
{
    for (size_t size = 0; size < 8; size++) {
        struct hm_rd rd = hm_reader_make(hm_bytes_make(octets, size));

        assert_true(hm_reader_be64(&rd) == 0);
        assert_true(hm_reader_failed(&rd));
    }
}

static void test_failure__is_sticky(void **state)
{
    struct hm_rd rd = hm_reader_make(hm_bytes_make(octets, 3));

    assert_int_equal(hm_reader_le32(&rd), 0);
    assert_int_equal(hm_reader_u8(&rd), 0);
    assert_int_equal(hm_reader_take(&rd, 1).size, 0);
    assert_int_equal(hm_reader_left(&rd), 0);
    assert_int_equal(rd.offset, 0);
    assert_true(hm_reader_failed(&rd));
}

static void test_take__is_bounded(void **state)
{
    struct hm_rd rd = hm_reader_make(hm_bytes_make(octets, 4));
    struct hm_bytes taken = hm_reader_take(&rd, 3);

    assert_ptr_equal(taken.data, octets);
    assert_int_equal(taken.size, 3);
    assert_int_equal(hm_reader_take(&rd, 0).size, 0);
    assert_false(hm_reader_failed(&rd));
    assert_int_equal(hm_reader_take(&rd, 2).size, 0);
    assert_true(hm_reader_failed(&rd));
    rd = hm_reader_make(hm_bytes_make(octets, 4));
    (void)hm_reader_u8(&rd);
    assert_int_equal(hm_reader_take(&rd, SIZE_MAX).size, 0);
    assert_true(hm_reader_failed(&rd));
}

static void test_take_array__checks_the_product(void **state)
{
    struct hm_rd rd = hm_reader_make(hm_bytes_make(octets, 12));

    assert_int_equal(hm_reader_take_array(&rd, 3, 4).size, 12);
    rd = hm_reader_make(hm_bytes_make(octets, 12));
    assert_int_equal(hm_reader_take_array(&rd, 13, 1).size, 0);
    assert_true(hm_reader_failed(&rd));
    rd = hm_reader_make(hm_bytes_make(octets, 12));
    assert_int_equal(hm_reader_take_array(&rd, SIZE_MAX / 2 + 2, 2).size, 0);
    assert_true(hm_reader_failed(&rd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers__have_the_named_byte_order),
        cmocka_unit_test(test_integers__past_the_end_fail),
        cmocka_unit_test(test_failure__is_sticky),
        cmocka_unit_test(test_take__is_bounded),
        cmocka_unit_test(test_take_array__checks_the_product),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
