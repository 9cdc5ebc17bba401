/* SPDX-License-Identifier: Apache-2.0 */
/* match/anchor: the same bytes are cut in the same places, wherever they lie. */
#include "match_kit.h"

#define SIZE ((size_t)256 << 10)

static struct hm_anchor_list find(struct hm_bytes bytes, enum hm_anchor_space space, unsigned bits)
{
    struct hm_anchor_list list = {0};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_anchor_find(bytes, space, bits, &err, &list), HM_OK);
    return list;
}

static bool has_key(const struct hm_anchor_list *list, uint64_t key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].key == key)
            return true;
    }
    return false;
}

static size_t count_common(const struct hm_anchor_list *a, const struct hm_anchor_list *b)
{
    size_t count = 0;

    for (size_t i = 0; i < a->count; i++)
        count += has_key(b, a->items[i].key);
    return count;
}

static void test_find__cuts_all_bytes_once(void **state)
{
    _hm_free_(free) char *data = (char *)match_kit_random(SIZE, 1);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list list =
        find(hm_bytes_make(data, SIZE), HM_ANCHOR_RAW, 0);
    size_t end = 0;

    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].offset, end);
        assert_true(list.items[i].size <= HM_ANCHOR_SIZE_MAX);
        assert_true(i == list.count - 1 || list.items[i].size >= HM_ANCHOR_SIZE_MIN);
        end += list.items[i].size;
    }
    assert_true(SIZE - end < HM_ANCHOR_TAIL_SIZE_MIN);
    /* 1.3 KiB on average: a quarter away is another program. */
    assert_in_range(list.count, SIZE / 1600, SIZE / 1000);
}

static void test_find__moved_bytes_have_the_same_keys(void **state)
{
    static const size_t shifts[] = {1, 7, 63, 64, 512, 4095};
    _hm_free_(free) char *data = (char *)match_kit_random(SIZE + 4096, 2);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list whole =
        find(hm_bytes_make(data, SIZE + 4096), HM_ANCHOR_RAW, 0);

    for (size_t i = 0; i < HM_ARRAY_COUNT(shifts); i++) {
        _hm_done_(hm_anchor_list_done) struct hm_anchor_list moved =
            find(hm_bytes_make(data + shifts[i], SIZE), HM_ANCHOR_RAW, 0);

        /* All but those before the first common cut, and the last. */
        assert_true(count_common(&moved, &whole) + 12 >= moved.count);
    }
}

static void test_find__a_changed_byte_changes_one_piece(void **state)
{
    _hm_free_(free) char *data = (char *)match_kit_random(SIZE, 3);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list before =
        find(hm_bytes_make(data, SIZE), HM_ANCHOR_RAW, 0);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list after = {0};

    data[SIZE / 2] ^= 1;
    after = find(hm_bytes_make(data, SIZE), HM_ANCHOR_RAW, 0);
    assert_true(count_common(&before, &after) < before.count);
    assert_true(count_common(&before, &after) + 3 >= before.count);
}

static void test_find__spaces_have_keys_of_their_own(void **state)
{
    _hm_free_(free) char *data = (char *)match_kit_random(SIZE, 4);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list raw =
        find(hm_bytes_make(data, SIZE), HM_ANCHOR_RAW, 0);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list unpacked =
        find(hm_bytes_make(data, SIZE), HM_ANCHOR_UNPACKED, 0);

    assert_int_equal(raw.count, unpacked.count);
    assert_int_equal(count_common(&raw, &unpacked), 0);
}

static void test_find__a_sample_is_some_of_all_by_key(void **state)
{
    _hm_free_(free) char *data = (char *)match_kit_random(4 * SIZE, 5);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list all =
        find(hm_bytes_make(data, 4 * SIZE), HM_ANCHOR_RAW, 0);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list some =
        find(hm_bytes_make(data, 4 * SIZE), HM_ANCHOR_RAW, 3);

    assert_in_range(some.count, all.count / 16, all.count / 4);
    assert_int_equal(count_common(&some, &all), some.count);
    for (size_t i = 0; i < some.count; i++)
        assert_int_equal(some.items[i].key & 7, 0);
}

static void test_find__fill_has_no_anchors(void **state)
{
    _hm_free_(free) char *data = calloc(SIZE, 1);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list zeros =
        find(hm_bytes_make(data, SIZE), HM_ANCHOR_RAW, 0);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list ones = {0};

    assert_int_equal(zeros.count, 0);
    memset(data, 0xff, SIZE);
    ones = find(hm_bytes_make(data, SIZE), HM_ANCHOR_RAW, 0);
    assert_int_equal(ones.count, 0);
}

static void test_find__short_runs(void **state)
{
    static const struct {
        size_t size, count;
    } cases[] = {{0, 0}, {1, 0}, {63, 0}, {64, 1}, {255, 1}, {256, 1}};
    _hm_free_(free) char *data = (char *)match_kit_random(256, 6);

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_anchor_list_done) struct hm_anchor_list list =
            find(hm_bytes_make(data, cases[i].size), HM_ANCHOR_RAW, 0);

        assert_int_equal(list.count, cases[i].count);
    }
}

/* The index on disk holds keys: this number must never change. */
static void test_find__keys_are_for_ever(void **state)
{
    _hm_free_(free) char *data = (char *)match_kit_random(4096, 7);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list list =
        find(hm_bytes_make(data, 4096), HM_ANCHOR_RAW, 0);
    uint64_t sum = 0;

    for (size_t i = 0; i < list.count; i++)
        sum = sum * 31 + list.items[i].key + list.items[i].offset;
    assert_int_equal(sum, UINT64_C(0x4ad097665cfa75ce));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find__cuts_all_bytes_once),
        cmocka_unit_test(test_find__moved_bytes_have_the_same_keys),
        cmocka_unit_test(test_find__a_changed_byte_changes_one_piece),
        cmocka_unit_test(test_find__spaces_have_keys_of_their_own),
        cmocka_unit_test(test_find__a_sample_is_some_of_all_by_key),
        cmocka_unit_test(test_find__fill_has_no_anchors),
        cmocka_unit_test(test_find__short_runs),
        cmocka_unit_test(test_find__keys_are_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
