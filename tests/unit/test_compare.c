/* SPDX-License-Identifier: Apache-2.0 */
/* match/compare: equal runs to the byte, wherever they lie, and fill that counts for nothing. */
#include "match_kit.h"

#include "match/compare.h"

#define SIZE ((size_t)64 << 10)

struct fixture {
    uint8_t *image, *release;
    size_t image_size, release_size;
    struct hm_compare_map maps[2];
    struct hm_comparison comparison;
};

static void fixture_done(struct fixture *f)
{
    free(f->image);
    free(f->release);
    hm_compare_map_done(&f->maps[0]);
    hm_compare_map_done(&f->maps[1]);
    hm_compare_done(&f->comparison);
}

static void compare(struct fixture *f, const struct hm_compare_hit *hits, size_t count)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_compare_map_make(hm_bytes_make(f->image, f->image_size), &err, &f->maps[0]),
                     HM_OK);
    assert_int_equal(
        hm_compare_map_make(hm_bytes_make(f->release, f->release_size), &err, &f->maps[1]), HM_OK);
    assert_int_equal(hm_compare_run(&f->maps[0], &f->maps[1], hits, count, &err, &f->comparison),
                     HM_OK);
}

static void begin(struct fixture *f, size_t image_size, size_t release_size)
{
    *f = (struct fixture){.image_size = image_size, .release_size = release_size};
    f->image = match_kit_random(image_size, 10);
    f->release = match_kit_random(release_size, 11);
}

static void assert_range(const struct fixture *f, size_t index, uint32_t image_offset,
                         uint32_t release_offset, uint32_t size)
{
    assert_true(index < f->comparison.count);
    assert_int_equal(f->comparison.ranges[index].image_offset, image_offset);
    assert_int_equal(f->comparison.ranges[index].release_offset, release_offset);
    assert_int_equal(f->comparison.ranges[index].size, size);
}

static void test_run__equal_is_one_range(void **state)
{
    const struct hm_compare_hit hit = {100, 100};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, SIZE, SIZE);
    memcpy(f.image, f.release, SIZE);
    compare(&f, &hit, 1);
    assert_int_equal(f.comparison.count, 1);
    assert_range(&f, 0, 0, 0, SIZE);
    assert_int_equal(f.comparison.explained, SIZE);
}

static void test_run__changed_bytes_are_told_to_the_byte(void **state)
{
    const struct hm_compare_hit hit = {0, 0};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, SIZE, SIZE);
    memcpy(f.image, f.release, SIZE);
    f.image[5000] ^= 1;
    for (size_t i = 20000; i < 20100; i++)
        f.image[i] ^= 0x55;
    compare(&f, &hit, 1);
    assert_int_equal(f.comparison.count, 3);
    assert_range(&f, 0, 0, 0, 5000);
    assert_range(&f, 1, 5001, 5001, 20000 - 5001);
    assert_range(&f, 2, 20100, 20100, SIZE - 20100);
}

static void test_run__a_piece_at_an_odd_place(void **state)
{
    const struct hm_compare_hit hit = {1237, 0};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, SIZE, 10000);
    memcpy(f.image + 1237, f.release, 10000);
    compare(&f, &hit, 1);
    assert_int_equal(f.comparison.shift, 1237);
    assert_int_equal(f.comparison.count, 1);
    assert_range(&f, 0, 1237, 0, 10000);
}

static void test_run__pieces_moved_apart(void **state)
{
    const struct hm_compare_hit hits[] = {{0, 30000}, {10, 30010}, {40000, 0}};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, SIZE, SIZE);
    memcpy(f.image, f.release + 30000, 20000);
    memcpy(f.image + 40000, f.release, 5000);
    compare(&f, hits, 3);
    assert_int_equal(f.comparison.shift, -30000);
    assert_int_equal(f.comparison.count, 2);
    assert_range(&f, 0, 0, 30000, 20000);
    assert_range(&f, 1, 40000, 0, 5000);
}

static void test_run__short_runs_elsewhere_are_chance(void **state)
{
    const struct hm_compare_hit hits[] = {{0, 0}, {1, 1}, {40000, 1000}};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, SIZE, SIZE);
    memcpy(f.image, f.release, 500);
    memcpy(f.image + 40000, f.release + 1000, HM_COMPARE_MOVED_SIZE_MIN - 1);
    compare(&f, hits, 3);
    assert_int_equal(f.comparison.count, 1);
    assert_range(&f, 0, 0, 0, 500);
}

static void test_run__each_byte_is_explained_once(void **state)
{
    const struct hm_compare_hit hits[] = {{0, 0}, {0, 0}, {0, 4096}};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, 4096, 8192);
    memcpy(f.release + 4096, f.release, 4096);
    memcpy(f.image, f.release, 4096);
    compare(&f, hits, 3);
    assert_int_equal(f.comparison.count, 1);
    assert_int_equal(f.comparison.explained, 4096);
}

static void test_run__fill_explains_nothing(void **state)
{
    const struct hm_compare_hit hit = {0, 0};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, SIZE, SIZE);
    memset(f.image, 0xff, SIZE / 2);
    memset(f.release, 0xff, SIZE / 2);
    compare(&f, &hit, 1);
    assert_int_equal(f.comparison.explained, 0);
}

static void test_run__hits_outside_of_both(void **state)
{
    const struct hm_compare_hit hits[] = {
        {UINT32_MAX, 0}, {0, UINT32_MAX}, {4096, 0}, {0, 4096}, {UINT32_MAX, UINT32_MAX}};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, 4096, 4096);
    compare(&f, hits, HM_ARRAY_COUNT(hits));
    assert_int_equal(f.comparison.explained, 0);
}

static void test_run__empty_release_and_image(void **state)
{
    const struct hm_compare_hit hit = {0, 0};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, 1, 1);
    f.image_size = f.release_size = 0;
    compare(&f, &hit, 1);
    assert_int_equal(f.comparison.count, 0);
}

static void test_map_telling__any_range(void **state)
{
    static const struct {
        size_t from, to;
        uint64_t telling;
    } cases[] = {
        {0, 64, 0},    {0, 65, 1}, {64, 128, 64}, {70, 80, 10},   {0, 300, 128},  {60, 70, 6},
        {130, 180, 0}, {5, 5, 0},  {9, 3, 0},     {190, 300, 64}, {192, 300, 64}, {256, 300, 0},
    };
    _hm_done_(hm_compare_map_done) struct hm_compare_map map = {0};
    uint8_t data[300] = {0};

    match_kit_fill(data + 64, 64, 1);
    match_kit_fill(data + 192, 64, 2);
    assert_int_equal(hm_compare_map_make(hm_bytes_make(data, sizeof(data)), NULL, &map), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++)
        assert_int_equal(hm_compare_map_telling(&map, cases[i].from, cases[i].to),
                         cases[i].telling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__equal_is_one_range),
        cmocka_unit_test(test_run__changed_bytes_are_told_to_the_byte),
        cmocka_unit_test(test_run__a_piece_at_an_odd_place),
        cmocka_unit_test(test_run__pieces_moved_apart),
        cmocka_unit_test(test_run__short_runs_elsewhere_are_chance),
        cmocka_unit_test(test_run__each_byte_is_explained_once),
        cmocka_unit_test(test_run__fill_explains_nothing),
        cmocka_unit_test(test_run__hits_outside_of_both),
        cmocka_unit_test(test_run__empty_release_and_image),
        cmocka_unit_test(test_map_telling__any_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
