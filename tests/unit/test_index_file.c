/* SPDX-License-Identifier: Apache-2.0 */
/* match/index_file: what was put in is found again, and damage is told, not followed. */
#include "match_kit.h"

#include "match/index_file.h"

#define SIZE 20000

/* An index of three images, read back. */
struct fixture {
    struct hm_buf bytes;
    struct hm_index_file file;
};

static void fixture_done(struct fixture *f)
{
    hm_buf_done(&f->bytes);
}

static void read_back(const struct hm_dir *dir, struct fixture *f)
{
    struct hm_err err = HM_ERR_INIT;

    f->bytes = (struct hm_buf)HM_BUF_INIT((size_t)1 << 26);
    assert_int_equal(hm_dir_read(dir, "1.index", &err, &f->bytes), HM_OK);
    assert_int_equal(hm_index_file_parse(hm_buf_bytes(&f->bytes), &err, &f->file), HM_OK);
}

static void begin(struct fixture *f, const struct hm_dir *dir)
{
    _hm_done_(hm_index_file_batch_done) struct hm_index_batch batch = {0};
    static const char *const names[] = {"a", "b", "c"};
    struct hm_index_source source;
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_free_(free) char *data = (char *)match_kit_random(SIZE, i + 1);
        struct hm_bytes bytes = hm_bytes_make(data, SIZE);
        struct hm_part part = match_kit_part(bytes, HM_IMAGE_VOLUME, 0, 4096);
        struct hm_contents contents = match_kit_contents(bytes, &part, 1);

        match_kit_add(&batch, dir, names[i], bytes, &contents);
    }
    source = hm_index_file_batch_source(&batch);
    assert_int_equal(hm_index_file_write(dir, "1.index", &source, 1, &err), HM_OK);
    read_back(dir, f);
}

static bool leads_to(const struct fixture *f, uint64_t key, uint32_t image)
{
    size_t first, count;

    assert_int_equal(hm_index_file_find(&f->file, key, NULL, &first, &count), HM_OK);
    for (size_t i = 0; i < count; i++) {
        if (hm_index_file_entry(&f->file, first + i).image == image)
            return true;
    }
    return false;
}

static void test_find__anchors_parts_and_images(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};

    begin(&f, tmpdir_of(state));
    assert_int_equal(f.file.image_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        _hm_free_(free) char *data = (char *)match_kit_random(SIZE, i + 1);
        _hm_done_(hm_anchor_list_done) struct hm_anchor_list list = {0};
        struct hm_bytes bytes = hm_bytes_make(data, SIZE);
        struct hm_part part = match_kit_part(bytes, HM_IMAGE_VOLUME, 0, 4096);
        struct hm_index_image image;

        assert_int_equal(hm_anchor_find(bytes, HM_ANCHOR_RAW, 0, NULL, &list), HM_OK);
        for (size_t j = 0; j < list.count; j++)
            assert_true(leads_to(&f, list.items[j].key, i));
        assert_true(leads_to(&f, hm_index_file_key(&part.sha256), i));
        assert_int_equal(hm_index_file_image(&f.file, i, NULL, &image), HM_OK);
        assert_true(leads_to(&f, hm_index_file_key(&image.sha256), i));
        assert_int_equal(image.size, SIZE);
    }
    assert_false(leads_to(&f, 12345, 0));
    assert_false(leads_to(&f, 0, 0));
    assert_false(leads_to(&f, UINT64_MAX, 0));
}

static void test_image__there_is_no_such(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};
    struct hm_index_image image;

    begin(&f, tmpdir_of(state));
    assert_int_equal(hm_index_file_image(&f.file, 3, NULL, &image), HM_EFORMAT);
    assert_int_equal(hm_index_file_image(&f.file, UINT32_MAX, NULL, &image), HM_EFORMAT);
}

static void test_image__a_damaged_block_is_told(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};
    struct hm_index_image image;

    begin(&f, tmpdir_of(state));
    for (size_t at = f.file.blocks_offset; at < f.bytes.size; at += 7) {
        size_t damaged = 0;

        f.bytes.data[at] ^= 0x10;
        for (uint32_t i = 0; i < 3; i++)
            damaged += hm_index_file_image(&f.file, i, NULL, &image) == HM_EFORMAT;
        assert_int_equal(damaged, 1);
        f.bytes.data[at] ^= 0x10;
    }
}

static void test_find__a_damaged_fan_is_told_or_finds_nothing(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};
    size_t told = 0;

    begin(&f, tmpdir_of(state));
    memset(f.bytes.data + f.file.fan_offset, 0xee, f.file.entries_offset - f.file.fan_offset);
    for (uint64_t i = 0; i < 256; i++) {
        size_t first, count;

        told += hm_index_file_find(&f.file, i << 56, NULL, &first, &count) == HM_EFORMAT;
    }
    assert_int_equal(told, 256);
}

static void test_parse__refuses_every_other_length(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};
    struct hm_index_file file;

    begin(&f, tmpdir_of(state));
    for (size_t size = 0; size < f.bytes.size; size += 1 + size / 64)
        assert_int_equal(hm_index_file_parse(hm_bytes_make(f.bytes.data, size), NULL, &file),
                         HM_EFORMAT);
    assert_int_equal(hm_buf_append_byte(&f.bytes, 0, NULL), HM_OK);
    assert_int_equal(hm_index_file_parse(hm_buf_bytes(&f.bytes), NULL, &file), HM_EFORMAT);
}

static void test_parse__refuses_every_change_of_the_header(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};
    struct hm_index_file file;
    struct hm_err err = HM_ERR_INIT;

    begin(&f, tmpdir_of(state));
    for (size_t at = 0; at < 0x40; at++) {
        f.bytes.data[at] ^= 1;
        assert_int_equal(hm_index_file_parse(hm_buf_bytes(&f.bytes), &err, &file), HM_EFORMAT);
        assert_true(err.text[0] != '\0');
        f.bytes.data[at] ^= 1;
    }
}

static void test_write__drops_renumbers_and_merges(void **state)
{
    _hm_done_(fixture_done) struct fixture f = {0};
    _hm_done_(fixture_done) struct fixture merged = {0};
    struct hm_bytes blocks[3];
    const bool is_dropped[3] = {true, false, false};
    struct hm_index_source sources[2];
    struct hm_index_image image;
    struct hm_err err = HM_ERR_INIT;

    begin(&f, tmpdir_of(state));
    for (uint32_t i = 0; i < 3; i++) {
        struct hm_index_image at;

        assert_int_equal(hm_index_file_image(&f.file, i, &err, &at), HM_OK);
        blocks[i] = hm_bytes_make(at.path.data - 0x40, 0x40 + at.path.size + at.contents.size);
    }
    sources[0] = sources[1] = (struct hm_index_source){
        .entries = hm_bytes_make(f.bytes.data + f.file.entries_offset,
                                 f.file.entry_count * HM_INDEX_FILE_ENTRY_SIZE),
        .blocks = blocks,
        .image_count = 3,
    };
    sources[0].is_dropped = is_dropped;
    assert_int_equal(hm_index_file_write(tmpdir_of(state), "1.index", sources, 2, &err), HM_OK);
    read_back(tmpdir_of(state), &merged);
    assert_int_equal(merged.file.image_count, 5);
    /* b, c, a, b, c: the second a is the only one left. */
    assert_int_equal(hm_index_file_image(&merged.file, 2, &err, &image), HM_OK);
    assert_int_equal(image.path.data[image.path.size - 1], 'a');
    assert_true(leads_to(&merged, hm_index_file_key(&image.sha256), 2));
    assert_false(leads_to(&merged, hm_index_file_key(&image.sha256), 0));
    assert_int_equal(hm_index_file_image(&merged.file, 4, &err, &image), HM_OK);
    assert_true(leads_to(&merged, hm_index_file_key(&image.sha256), 1));
    assert_true(leads_to(&merged, hm_index_file_key(&image.sha256), 4));
    for (size_t i = 1; i < merged.file.entry_count; i++)
        assert_true(hm_index_file_entry(&merged.file, i - 1).key <=
                    hm_index_file_entry(&merged.file, i).key);
}

/* What everything has leads nowhere in particular; an image's own digest always leads to it. */
static void test_write__a_piece_that_too_many_share(void **state)
{
    _hm_done_(hm_index_file_batch_done) struct hm_index_batch batch = {0};
    _hm_done_(fixture_done) struct fixture f = {0};
    struct hm_index_source source;
    struct hm_index_image image;
    size_t first, count;
    char name[16];

    for (unsigned i = 0; i < HM_INDEX_FILE_SHARED_MAX + 10; i++) {
        uint8_t data[128];

        memset(data, 0, sizeof(data));
        match_kit_fill(data, 100, 1);
        data[127] = 1;
        (void)snprintf(name, sizeof(name), "%u", i);
        match_kit_add(&batch, tmpdir_of(state), name, hm_bytes_make(data, sizeof(data)), NULL);
    }
    source = hm_index_file_batch_source(&batch);
    assert_int_equal(hm_index_file_write(tmpdir_of(state), "1.index", &source, 1, NULL), HM_OK);
    read_back(tmpdir_of(state), &f);
    assert_int_equal(f.file.image_count, HM_INDEX_FILE_SHARED_MAX + 10);
    assert_int_equal(hm_index_file_image(&f.file, 0, NULL, &image), HM_OK);
    assert_int_equal(
        hm_index_file_find(&f.file, hm_index_file_key(&image.sha256), NULL, &first, &count), HM_OK);
    assert_int_equal(count, HM_INDEX_FILE_SHARED_MAX + 1); /* a look-up stops there */
    assert_int_equal(f.file.entry_count, 2 * HM_INDEX_FILE_SHARED_MAX + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_find__anchors_parts_and_images),
        tmpdir_test(test_image__there_is_no_such),
        tmpdir_test(test_image__a_damaged_block_is_told),
        tmpdir_test(test_find__a_damaged_fan_is_told_or_finds_nothing),
        tmpdir_test(test_parse__refuses_every_other_length),
        tmpdir_test(test_parse__refuses_every_change_of_the_header),
        tmpdir_test(test_write__drops_renumbers_and_merges),
        tmpdir_test(test_write__a_piece_that_too_many_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
