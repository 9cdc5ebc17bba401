/* SPDX-License-Identifier: Apache-2.0 */
/* image/report: a tree comes back as it was; nothing else is taken for a report. */
#include "unit.h"

#include "base/file.h"
#include "image/report.h"
#include "image/walk.h"

static enum hm_rc append(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

/* The report of a seed. */
static struct hm_buf report_of(const char *name, uint64_t *ret_file_size)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT((size_t)1 << 20);
    _hm_free_(hm_walk_free) struct hm_walk *walk = NULL;
    struct hm_buf report = HM_BUF_INIT(HM_REPORT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    char path[256];

    (void)snprintf(path, sizeof(path), "fuzz/corpus/image/%s", name);
    assert_int_equal(hm_file_read_path(path, &err, &file), HM_OK);
    assert_int_equal(hm_walk_new(hm_bytes_make(file.data + 1, file.size - 1), &err, &walk), HM_OK);
    assert_int_equal(hm_report_write(hm_walk_image(walk), append, &report, &err), HM_OK);
    *ret_file_size = file.size - 1;
    return report;
}

static enum hm_rc parse(struct hm_bytes bytes, uint64_t file_size, struct hm_image *ret_image,
                        size_t *ret_size)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_report_parse(bytes, file_size, &err, ret_image, ret_size);

    assert_true(rc == HM_OK || err.text[0] != '\0');
    return rc;
}

static void test_parse__comes_back_byte_for_byte(void **state)
{
    static const char *const names[] = {"volume", "volume-lzma", "rom-chain", "flash", "pe-signed"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        uint64_t file_size;
        _hm_done_(hm_buf_done) struct hm_buf report = report_of(names[i], &file_size);
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_REPORT_SIZE_MAX);
        struct hm_err err = HM_ERR_INIT;
        struct hm_image image;
        size_t size;

        assert_int_equal(parse(hm_buf_bytes(&report), file_size, &image, &size), HM_OK);
        assert_int_equal(size, report.size);
        assert_int_equal(hm_report_write(&image, append, &again, &err), HM_OK);
        assert_true(hm_bytes_is_equal(hm_buf_bytes(&report), hm_buf_bytes(&again)));
        hm_image_done(&image);
    }
}

static void test_parse__refuses_each_cut(void **state)
{
    uint64_t file_size;
    _hm_done_(hm_buf_done) struct hm_buf report = report_of("volume-lzma", &file_size);
    struct hm_image image;
    size_t size;

    for (size_t cut = 0; cut < report.size; cut++)
        assert_int_equal(parse(hm_bytes_make(report.data, cut), file_size, &image, &size),
                         HM_EFORMAT);
}

static void test_parse__refuses_another_file(void **state)
{
    uint64_t file_size;
    _hm_done_(hm_buf_done) struct hm_buf report = report_of("volume", &file_size);
    struct hm_image image;
    size_t size;

    assert_int_equal(parse(hm_buf_bytes(&report), file_size + 1, &image, &size), HM_EFORMAT);
}

#define HEAD_SIZE 0x20

static void test_parse__refuses_each_broken_rule(void **state)
{
    static const struct {
        size_t offset;
        uint8_t value;
        const char *what;
    } cases[] = {
        {0, 'h', "magic"},
        {8, 2, "version"},
        {0xc, 2, "an unknown flag"},
        {0x10, 0x77, "the file's size"},
        {0x18, 0, "no node"},
        {0x1b, 0xff, "more nodes than are there"},
        {0x1c, 0, "no space"},
        {0x1f, 0xff, "more spaces than any image has"},
        {HEAD_SIZE, 0, "a first node with a parent"},
        {HEAD_SIZE + 4, HM_IMAGE_DATA, "a first node that is no file"},
        {HEAD_SIZE + 4, HM_IMAGE_KIND_COUNT_, "a kind that there is not"},
        {HEAD_SIZE + 5, 0x10, "a flag that there is not"},
        {HEAD_SIZE + 6, 1, "a first node in another space"},
        {HEAD_SIZE + 10, 1, "a first node that begins later"},
        {HEAD_SIZE + 18, 0x77, "a first node of another size"},
        {HEAD_SIZE + 29, 0xff, "more facts than are there"},
        /* The second node: behind a first without digest. */
        {HEAD_SIZE + 30, 5, "a parent that comes later"},
        {HEAD_SIZE + 30 + 4, HM_IMAGE_FILE, "a second file"},
        {HEAD_SIZE + 30 + 4, HM_IMAGE_CONTENT, "a content in the file's space"},
        {HEAD_SIZE + 30 + 6, 1, "a space that there is not"},
        {HEAD_SIZE + 30 + 17, 0xff, "outside its parent"},
        {HEAD_SIZE + 30 + 25, 0x7f, "larger than its parent"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        uint64_t file_size;
        _hm_done_(hm_buf_done) struct hm_buf report = report_of("volume", &file_size);
        struct hm_image image;
        size_t size;

        report.data[cases[i].offset] = cases[i].value;
        if (parse(hm_buf_bytes(&report), file_size, &image, &size) != HM_EFORMAT)
            fail_msg("taken: %s", cases[i].what);
    }
}

/* Any byte, any value: an answer, and never a tree that breaks its rules. */
static void test_parse__any_byte_changed(void **state)
{
    uint64_t file_size;
    _hm_done_(hm_buf_done) struct hm_buf report = report_of("rom-chain", &file_size);

    for (size_t i = 0; i < report.size; i++) {
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
        uint8_t old = report.data[i];

        for (size_t v = 0; v < HM_ARRAY_COUNT(values); v++) {
            struct hm_image image;
            size_t size;

            report.data[i] = values[v];
            if (parse(hm_buf_bytes(&report), file_size, &image, &size) != HM_OK)
                continue;
            assert_true(size <= report.size);
            hm_image_done(&image);
        }
        report.data[i] = old;
    }
}

static enum hm_rc refuse(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    (void)ctx;
    (void)bytes;
    return hm_fail(err, HM_EIO, "full");
}

static void test_write__hands_on_what_the_sink_says(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_image image;

    assert_int_equal(hm_image_init(&image, 10, &err), HM_OK);
    assert_int_equal(hm_report_write(&image, refuse, NULL, &err), HM_EIO);
    hm_image_done(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__comes_back_byte_for_byte),
        cmocka_unit_test(test_parse__refuses_each_cut),
        cmocka_unit_test(test_parse__refuses_another_file),
        cmocka_unit_test(test_parse__refuses_each_broken_rule),
        cmocka_unit_test(test_parse__any_byte_changed),
        cmocka_unit_test(test_write__hands_on_what_the_sink_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
