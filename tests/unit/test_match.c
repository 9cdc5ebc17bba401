/* SPDX-License-Identifier: Apache-2.0 */
/* match/match: each verdict where it is due, and never one that says too much. */
#include "match_kit.h"

#include "base/file.h"

#define SIZE        ((size_t)128 << 10)
#define OTHER_SIZE  ((size_t)40 << 10)
#define VARIABLE_AT 0x8000
#define VARIABLE    0x4000

/* Two images are known: "a" with a variable region, and "b", smaller. */
struct fixture {
    const struct hm_dir *dir;
    struct hm_index index;
    uint8_t *a, *b;
    struct hm_part parts[2];
    struct hm_match *match;
};

static void fixture_done(struct fixture *f)
{
    hm_match_free(f->match);
    hm_index_done(&f->index);
    free(f->a);
    free(f->b);
}

static void begin(struct fixture *f, void **state)
{
    _hm_done_(hm_index_file_batch_done) struct hm_index_batch batch = {0};
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_index_source source;
    struct hm_contents contents;
    struct hm_err err = HM_ERR_INIT;

    *f = (struct fixture){.dir = tmpdir_of(state), .index = HM_INDEX_INIT};
    f->a = match_kit_random(SIZE, 1);
    f->b = match_kit_random(OTHER_SIZE, 2);
    memset(f->a + SIZE - 4096, 0xff, 4096);
    f->parts[0] =
        match_kit_part(hm_bytes_make(f->a, SIZE), HM_IMAGE_VARIABLES, VARIABLE_AT, VARIABLE);
    f->parts[0].is_variable = true;
    f->parts[1] = match_kit_part(hm_bytes_make(f->a, SIZE), HM_IMAGE_VOLUME, 0x10000, 0x4000);
    contents = match_kit_contents(hm_bytes_make(f->a, SIZE), f->parts, 2);
    match_kit_add(&batch, f->dir, "a", hm_bytes_make(f->a, SIZE), &contents);
    match_kit_add(&batch, f->dir, "b", hm_bytes_make(f->b, OTHER_SIZE), NULL);
    source = hm_index_file_batch_source(&batch);
    assert_int_equal(hm_dir_open_at(f->dir, "index", true, &err, &dir), HM_OK);
    assert_int_equal(hm_index_file_write(&dir, "1.index", &source, 1, &err), HM_OK);
    assert_int_equal(hm_index_open(&dir, &err, &f->index), HM_OK);
}

static void run(struct fixture *f, const void *data, size_t size,
                const struct hm_contents *contents, enum hm_match_verdict verdict, bool is_known)
{
    uint64_t end = 0;

    hm_match_free(f->match);
    f->match = match_kit_run(&f->index, hm_bytes_make(data, size), contents);
    assert_string_equal(hm_match_verdict_text(f->match->verdict), hm_match_verdict_text(verdict));
    assert_int_equal(hm_match_is_known(f->match), is_known);
    if (verdict == HM_MATCH_EXACT)
        return;
    /* Every byte is told once. */
    for (size_t i = 0; i < f->match->range_count; i++) {
        assert_int_equal(f->match->ranges[i].offset, end);
        assert_true(f->match->ranges[i].size > 0);
        end += f->match->ranges[i].size;
    }
    assert_int_equal(end, size);
}

static bool is_first(const struct fixture *f, char name)
{
    const struct hm_bytes path = f->match->releases[0].image.path;

    return f->match->release_count > 0 && path.data[path.size - 1] == (uint8_t)name;
}

/* The n-th range with a label. */
static const struct hm_match_range *range_of(const struct fixture *f, enum hm_match_label label,
                                             size_t n)
{
    for (size_t i = 0; i < f->match->range_count; i++) {
        if (f->match->ranges[i].label == label && n-- == 0)
            return &f->match->ranges[i];
    }
    return NULL;
}

static void assert_range(const struct fixture *f, enum hm_match_label label, size_t n,
                         uint32_t offset, uint32_t size)
{
    const struct hm_match_range *range = range_of(f, label, n);

    assert_non_null(range);
    assert_int_equal(range->offset, offset);
    assert_int_equal(range->size, size);
}

static void test_run__exact(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    run(&f, f.a, SIZE, NULL, HM_MATCH_EXACT, true);
    assert_int_equal(f.match->exact_count, 1);
    run(&f, f.b, OTHER_SIZE, NULL, HM_MATCH_EXACT, true);
}

static void test_run__variable_region_differs(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    match_kit_fill(f.a + VARIABLE_AT, VARIABLE, 99);
    run(&f, f.a, SIZE, NULL, HM_MATCH_VARIABLE, true);
    assert_true(is_first(&f, 'a'));
    assert_int_equal(f.match->unknown_size, 0);
    assert_range(&f, HM_MATCH_BYTES_VARIABLE, 0, VARIABLE_AT, VARIABLE);
}

/* One byte before, one behind the region. */
static void test_run__one_byte_beside_the_variable_region(void **state)
{
    static const size_t places[] = {VARIABLE_AT - 1, VARIABLE_AT + VARIABLE, 0, SIZE - 1};

    for (size_t i = 0; i < HM_ARRAY_COUNT(places); i++) {
        _hm_done_(fixture_done) struct fixture f;

        begin(&f, state);
        match_kit_fill(f.a + VARIABLE_AT, VARIABLE, 99);
        f.a[places[i]] ^= 1;
        run(&f, f.a, SIZE, NULL, HM_MATCH_MODIFIED, false);
        assert_true(is_first(&f, 'a'));
        assert_true(f.match->unknown_size >= 1);
    }
}

static void test_run__code_in_the_variable_region(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    struct hm_part found;
    struct hm_contents contents;

    begin(&f, state);
    match_kit_fill(f.a + VARIABLE_AT, VARIABLE, 99);
    found = match_kit_part(hm_bytes_make(f.a, SIZE), HM_IMAGE_PE, VARIABLE_AT + 100, 1000);
    contents = match_kit_contents(hm_bytes_make(f.a, SIZE), &found, 1);
    run(&f, f.a, SIZE, &contents, HM_MATCH_MODIFIED, false);
    assert_true(f.match->releases[0].has_code_in_variable);
    assert_null(range_of(&f, HM_MATCH_BYTES_VARIABLE, 0));
    /* Variables are fine, and so is code elsewhere. */
    found.is_variable = true;
    run(&f, f.a, SIZE, &contents, HM_MATCH_VARIABLE, true);
    found.is_variable = false;
    found.offset = 0;
    run(&f, f.a, SIZE, &contents, HM_MATCH_VARIABLE, true);
}

static void test_run__modified_ranges_are_told(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    for (size_t i = 0x14000; i < 0x17000; i++)
        f.a[i] ^= 0x5a;
    run(&f, f.a, SIZE, NULL, HM_MATCH_MODIFIED, false);
    assert_true(is_first(&f, 'a'));
    assert_range(&f, HM_MATCH_BYTES_UNKNOWN, 0, 0x14000, 0x3000);
    assert_int_equal(f.match->unknown_count, 1);
    assert_int_equal(f.match->unknown_size, 0x3000);
    assert_true(hm_match_nearness(&f.match->releases[0]) < 10000);
}

static void test_run__padded(void **state)
{
    _hm_free_(free) char *dump = malloc(2 * SIZE);
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    memset(dump, 0xff, 2 * SIZE);
    memcpy(dump, f.a, SIZE);
    run(&f, dump, 2 * SIZE, NULL, HM_MATCH_CONTAINS, true);
    assert_true(f.match->releases[0].is_whole);
    assert_range(&f, HM_MATCH_BYTES_PADDING, 0, SIZE, SIZE);
}

static void test_run__embedded_among_unknown_bytes(void **state)
{
    _hm_free_(free) char *dump = (char *)match_kit_random(SIZE + 20000, 77);
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    memcpy(dump + 12345, f.a, SIZE);
    run(&f, dump, SIZE + 20000, NULL, HM_MATCH_CONTAINS, false);
    assert_true(is_first(&f, 'a') && f.match->releases[0].is_whole);
    assert_int_equal(f.match->releases[0].shift, 12345);
    assert_range(&f, HM_MATCH_BYTES_UNKNOWN, 0, 0, 12345);
    assert_range(&f, HM_MATCH_BYTES_UNKNOWN, 1, 12345 + SIZE, 20000 - 12345);
}

static void test_run__two_releases_and_padding(void **state)
{
    _hm_free_(free) char *dump = calloc(SIZE, 2);
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    memcpy(dump + 0x1000, f.b, OTHER_SIZE);
    memcpy(dump + 0x10000, f.a, SIZE);
    run(&f, dump, 2 * SIZE, NULL, HM_MATCH_CONTAINS, true);
    assert_int_equal(f.match->release_count, 2);
    assert_true(f.match->releases[0].is_whole && f.match->releases[1].is_whole);
}

static void test_run__cut(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    run(&f, f.a + SIZE / 2, SIZE / 2, NULL, HM_MATCH_MODIFIED, false);
    assert_int_equal(f.match->unknown_size, 0);
    assert_int_equal(f.match->releases[0].shift, -(int64_t)SIZE / 2);
    assert_false(f.match->releases[0].is_whole);
}

static void test_run__pieces_in_another_order(void **state)
{
    _hm_free_(free) char *dump = malloc(SIZE);
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    memcpy(dump, f.a + 0x9000, SIZE - 0x9000);
    memcpy(dump + SIZE - 0x9000, f.a, 0x9000);
    run(&f, dump, SIZE, NULL, HM_MATCH_MODIFIED, false);
    assert_true(is_first(&f, 'a'));
    assert_true(f.match->unknown_size < 1000);
}

static void test_run__a_component_alone(void **state)
{
    _hm_free_(free) char *dump = (char *)match_kit_random(4 * SIZE, 78);
    _hm_done_(fixture_done) struct fixture f;
    struct hm_part part;
    struct hm_contents contents;

    begin(&f, state);
    memcpy(dump + 5000, f.a + 0x10000, 0x4000);
    part = match_kit_part(hm_bytes_make(dump, 4 * SIZE), HM_IMAGE_VOLUME, 5000, 0x4000);
    contents = match_kit_contents(hm_bytes_make(dump, 4 * SIZE), &part, 1);
    run(&f, dump, 4 * SIZE, &contents, HM_MATCH_CONTAINS, false);
    assert_int_equal(f.match->part_count, 1);
    /* Whoever took it apart says so of other bytes: it is not believed. */
    dump[5000] ^= 1;
    run(&f, dump, 4 * SIZE, &contents, HM_MATCH_RELATED, false);
    assert_int_equal(f.match->part_count, 0);
}

static void test_run__unknown(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    static const size_t sizes[] = {0, 1, 63, 64, 4096, SIZE};

    begin(&f, state);
    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        _hm_free_(free) char *data = (char *)match_kit_random(sizes[i] + 1, 79 + i);

        run(&f, data, sizes[i], NULL, HM_MATCH_UNKNOWN, false);
        assert_int_equal(f.match->release_count, 0);
    }
}

/* Anchors planted in junk: what they lead to is compared, and is nothing. */
static void test_run__anchors_in_junk(void **state)
{
    const size_t size = 16 * SIZE;
    _hm_free_(free) char *junk = (char *)match_kit_random(size, 80);
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list anchors = {0};
    _hm_done_(fixture_done) struct fixture f;
    size_t planted = 0;

    begin(&f, state);
    assert_int_equal(
        hm_anchor_find(hm_bytes_make(f.b, OTHER_SIZE), HM_ANCHOR_RAW, 0, NULL, &anchors), HM_OK);
    /* A tenth of the release's pieces, fifty times each. */
    for (size_t at = 1000; at + HM_ANCHOR_SIZE_MAX < size; at += size / 200) {
        const struct hm_anchor *anchor = &anchors.items[planted++ % (anchors.count / 11)];

        memcpy(junk + at, f.b + anchor->offset, anchor->size);
    }
    run(&f, junk, size, NULL, HM_MATCH_UNKNOWN, false);
}

/* All bytes of a release are there, but torn apart: near to it, and never it. */
static void test_run__coverage_alone_is_no_release(void **state)
{
    _hm_free_(free) char *dump = (char *)match_kit_random(2 * OTHER_SIZE, 81);
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    memcpy(dump, f.b + OTHER_SIZE / 2, OTHER_SIZE / 2);
    memcpy(dump + OTHER_SIZE, f.b, OTHER_SIZE / 2);
    run(&f, dump, 2 * OTHER_SIZE, NULL, HM_MATCH_MODIFIED, false);
    assert_false(f.match->releases[0].is_whole);
}

static void test_run__the_release_is_gone_or_changed_since(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    uint8_t first;

    begin(&f, state);
    first = f.a[0];
    f.a[0] ^= 1;
    match_kit_put(f.dir, "a", hm_bytes_make(f.a, SIZE));
    f.a[1] ^= 1;
    run(&f, f.a, SIZE, NULL, HM_MATCH_UNKNOWN, false);
    /* The same bytes in another file: they are read and hashed. */
    f.a[0] = first;
    f.a[1] ^= 1;
    match_kit_put(f.dir, "a", hm_bytes_make(f.a, SIZE));
    match_kit_fill(f.a + VARIABLE_AT, VARIABLE, 99);
    run(&f, f.a, SIZE, NULL, HM_MATCH_VARIABLE, true);
    assert_int_equal(hm_dir_remove(f.dir, "a", NULL), HM_OK);
    run(&f, f.a, SIZE, NULL, HM_MATCH_UNKNOWN, false);
}

static void test_run__modules_of_a_recompressed_volume(void **state)
{
    _hm_free_(free) char *dump = (char *)match_kit_random(SIZE, 82);
    struct hm_part ours[12], theirs[12];
    _hm_done_(hm_index_file_batch_done) struct hm_index_batch batch = {0};
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(fixture_done) struct fixture f;
    struct hm_contents image, release;
    struct hm_index_source source;

    begin(&f, state);
    for (size_t i = 0; i < 12; i++) {
        theirs[i] = match_kit_part(hm_bytes_make(f.b, OTHER_SIZE), HM_IMAGE_VOLUME_FILE,
                                   (uint32_t)(i * 3000), 3000);
        theirs[i].is_module = theirs[i].has_guid = true;
        theirs[i].space = 1;
        memset(theirs[i].guid.bytes, (int)i, HM_GUID_SIZE);
        ours[i] = theirs[i];
    }
    ours[7].sha256.bytes[0] ^= 1;
    image = match_kit_contents(hm_bytes_make(dump, SIZE), ours, 12);
    release = match_kit_contents(hm_bytes_make(f.b, OTHER_SIZE), theirs, 12);
    match_kit_add(&batch, f.dir, "b", hm_bytes_make(f.b, OTHER_SIZE), &release);
    source = hm_index_file_batch_source(&batch);
    hm_index_done(&f.index);
    assert_int_equal(hm_dir_open_at(f.dir, "index", true, NULL, &dir), HM_OK);
    assert_int_equal(hm_index_file_write(&dir, "1.index", &source, 1, NULL), HM_OK);
    assert_int_equal(hm_index_open(&dir, NULL, &f.index), HM_OK);
    run(&f, dump, SIZE, &image, HM_MATCH_RELATED, false);
    assert_int_equal(f.match->releases[0].modules.equal_count, 11);
    assert_int_equal(f.match->releases[0].modules.difference_count, 1);
    assert_int_equal(f.match->releases[0].modules.differences[0].change, HM_MODULE_CHANGED);
    assert_int_equal(f.match->releases[0].modules.differences[0].part->guid.bytes[0], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_run__exact),
        tmpdir_test(test_run__variable_region_differs),
        tmpdir_test(test_run__one_byte_beside_the_variable_region),
        tmpdir_test(test_run__code_in_the_variable_region),
        tmpdir_test(test_run__modified_ranges_are_told),
        tmpdir_test(test_run__padded),
        tmpdir_test(test_run__embedded_among_unknown_bytes),
        tmpdir_test(test_run__two_releases_and_padding),
        tmpdir_test(test_run__cut),
        tmpdir_test(test_run__pieces_in_another_order),
        tmpdir_test(test_run__a_component_alone),
        tmpdir_test(test_run__unknown),
        tmpdir_test(test_run__anchors_in_junk),
        tmpdir_test(test_run__coverage_alone_is_no_release),
        tmpdir_test(test_run__the_release_is_gone_or_changed_since),
        tmpdir_test(test_run__modules_of_a_recompressed_volume),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
