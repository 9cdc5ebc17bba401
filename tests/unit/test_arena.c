/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena: zeroed, aligned, limited. */
#include "unit.h"

#include "base/arena.h"

static void test_alloc__is_zeroed_and_aligned(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;

    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *data = hm_arena_alloc(&arena, 1, size);

        assert_non_null(data);
        assert_int_equal((uintptr_t)data % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(data[i], 0);
        memset(data, 0xff, size);
    }
    assert_non_null(hm_arena_alloc(&arena, 0, 8));
    assert_non_null(hm_arena_alloc(&arena, 8, 0));
    assert_non_null(hm_arena_alloc(&arena, 1000, 1000));
}

static void test_alloc__fails_on_overflow(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;

    assert_null(hm_arena_alloc(&arena, SIZE_MAX / 2 + 1, 2));
    assert_null(hm_arena_alloc(&arena, 1, SIZE_MAX));
    assert_null(hm_arena_alloc(&arena, 1, SIZE_MAX - 15));
    assert_non_null(hm_arena_alloc(&arena, 1, 1));
    assert_null(hm_arena_alloc(&arena, 1, SIZE_MAX - 63));
}

static void test_alloc__stops_at_the_limit(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes copy = HM_BYTES_LITERAL("untouched");
    struct hm_err err = HM_ERR_INIT;

    arena.limit = 64;
    assert_null(hm_arena_alloc(&arena, 1, 65));
    assert_non_null(hm_arena_alloc(&arena, 1, 48));
    assert_non_null(hm_arena_alloc(&arena, 0, 0));
    assert_null(hm_arena_alloc(&arena, 0, 0));
    assert_null(hm_arena_strdup(&arena, HM_BYTES_LITERAL("x")));
    assert_int_equal(hm_arena_copy(&arena, HM_BYTES_LITERAL("x"), &err, &copy), HM_ENOMEM);
    assert_true(hm_bytes_is_str(copy, "untouched"));
}

static void test_copies__are_their_own(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes copy = HM_BYTES_EMPTY;
    char source[] = "abc";
    char *text = hm_arena_strdup(&arena, hm_bytes_str(source));

    assert_int_equal(hm_arena_copy(&arena, hm_bytes_str(source), NULL, &copy), HM_OK);
    source[0] = 'x';
    assert_string_equal(text, "abc");
    assert_true(hm_bytes_is_str(copy, "abc"));
    assert_string_equal(hm_arena_strdup(&arena, HM_BYTES_EMPTY), "");
    assert_int_equal(hm_arena_copy(&arena, HM_BYTES_EMPTY, NULL, &copy), HM_OK);
    assert_int_equal(copy.size, 0);
}

static void test_grow__keeps_what_was_there(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    size_t size = 1000;
    uint8_t *data = hm_arena_alloc(&arena, 1, size);

    memset(data, 0x5a, size);
    while (size < 3000000) {
        /* A neighbour in between, now and then: the array is not alone in its chunk then. */
        uint8_t *other = hm_arena_alloc(&arena, 1, size % 7 == 0 ? 100000 : 10);
        uint8_t *grown;

        memset(other, 0xff, 10);
        grown = hm_arena_grow(&arena, data, size, 2 * size);
        assert_non_null(grown);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(grown[i], 0x5a);
        size *= 2;
        data = grown;
        memset(data, 0x5a, size);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(other[i], 0xff);
    }
    assert_ptr_equal(hm_arena_grow(&arena, data, size, size), data);
    assert_non_null(hm_arena_grow(&arena, NULL, 0, 8));
}

static void test_grow__stops_at_the_limit_and_on_overflow(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    uint8_t *data = hm_arena_alloc(&arena, 1, 200000);

    data[199999] = 1;
    assert_null(hm_arena_grow(&arena, data, 200000, SIZE_MAX));
    assert_null(hm_arena_grow(&arena, data, 200000, SIZE_MAX - 20));
    arena.limit = 300000;
    assert_null(hm_arena_grow(&arena, data, 200000, 300001));
    assert_int_equal(data[199999], 1);
    data = hm_arena_grow(&arena, data, 200000, 300000);
    assert_non_null(data);
    assert_int_equal(data[199999], 1);
    assert_null(hm_arena_alloc(&arena, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__is_zeroed_and_aligned),
        cmocka_unit_test(test_alloc__fails_on_overflow),
        cmocka_unit_test(test_alloc__stops_at_the_limit),
        cmocka_unit_test(test_copies__are_their_own),
        cmocka_unit_test(test_grow__keeps_what_was_there),
        cmocka_unit_test(test_grow__stops_at_the_limit_and_on_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
