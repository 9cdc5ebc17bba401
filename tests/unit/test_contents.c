/* SPDX-License-Identifier: Apache-2.0 */
/* match/contents: what was written is read again; nothing else is. */
#include "match_kit.h"

#include "match/contents.h"

#define SIZE 4096

static struct hm_buf write_contents(const struct hm_contents *contents)
{
    struct hm_buf buf = HM_BUF_INIT(HM_CONTENTS_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_contents_write(contents, &err, &buf), HM_OK);
    return buf;
}

static struct hm_buf make(void)
{
    static uint64_t anchors[] = {1, 2, UINT64_MAX};
    uint8_t image[SIZE];
    struct hm_bytes bytes = hm_bytes_make(image, SIZE);
    struct hm_part parts[3];
    struct hm_contents contents;

    match_kit_fill(image, SIZE, 1);
    parts[0] = match_kit_part(bytes, HM_IMAGE_VOLUME, 0, SIZE);
    parts[1] = match_kit_part(bytes, HM_IMAGE_VOLUME_FILE, 100, 1000);
    parts[1].is_module = parts[1].has_guid = true;
    memset(parts[1].guid.bytes, 7, HM_GUID_SIZE);
    parts[1].name = HM_BYTES_LITERAL("Acme \xc3\xa4");
    parts[2] = match_kit_part(bytes, HM_IMAGE_VARIABLES, 2000, 96);
    parts[2].is_variable = true;
    parts[2].space = 3;
    contents = match_kit_contents(bytes, parts, 3);
    contents.anchors = anchors;
    contents.anchor_count = 3;
    contents.is_partial = true;
    return write_contents(&contents);
}

static enum hm_rc parse(const struct hm_buf *buf, struct hm_contents **ret)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_contents_parse(hm_buf_bytes(buf), &err, ret);

    assert_true(rc == HM_OK || (rc == err.rc && err.text[0] != '\0'));
    return rc;
}

static void assert_refused(const struct hm_buf *buf)
{
    struct hm_contents *contents = NULL;

    assert_int_equal(parse(buf, &contents), HM_EFORMAT);
    assert_null(contents);
}

static void test_parse__reads_what_was_written(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = make();
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(0);
    _hm_free_(hm_contents_free) struct hm_contents *contents = NULL;

    assert_int_equal(parse(&buf, &contents), HM_OK);
    assert_int_equal(contents->part_count, 3);
    assert_int_equal(contents->image_size, SIZE);
    assert_true(contents->is_partial);
    assert_true(contents->parts[1].is_module && !contents->parts[1].is_variable);
    assert_true(hm_bytes_is_str(contents->parts[1].name, "Acme \xc3\xa4"));
    assert_int_equal(contents->parts[1].guid.bytes[15], 7);
    assert_true(contents->parts[2].is_variable && contents->parts[2].space == 3);
    assert_int_equal(contents->anchors[2], UINT64_MAX);
    again = write_contents(contents);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&buf), hm_buf_bytes(&again)));
}

static void test_parse__empty(void **state)
{
    struct hm_contents contents = {.image_size = 0};
    _hm_done_(hm_buf_done) struct hm_buf buf = write_contents(&contents);
    _hm_free_(hm_contents_free) struct hm_contents *read = NULL;

    assert_int_equal(parse(&buf, &read), HM_OK);
    assert_int_equal(read->part_count, 0);
}

static void test_parse__refuses_every_other_length(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = make();
    size_t size = buf.size;

    assert_int_equal(hm_buf_append_byte(&buf, 0, NULL), HM_OK);
    assert_refused(&buf);
    for (buf.size = 0; buf.size < size; buf.size++)
        assert_refused(&buf);
}

/* Each change of one byte of the form. */
static void test_parse__refuses_what_breaks_a_rule(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *why;
    } cases[] = {
        {4, 2, "an unknown flag"},
        {7, 0x80, "an unknown flag, high"},
        {8, 4, "more parts than there are"},
        {11, 0xff, "more parts than there can be"},
        {12, 4, "more anchors than there are"},
        {15, 0xff, "more anchors than there can be"},
        {0x10, HM_IMAGE_KIND_COUNT_, "an unknown kind"},
        {0x11, 8, "an unknown flag of a part"},
        {0x11, 4, "a GUID that is not there"},
        {0x12, 0x61, "a name past the limit"},
        {0x17, 0x80, "a space past the limit"},
        {0x18, 1, "a part that ends outside"},
        {0x1b, 0xff, "a part that begins outside"},
        {0x1f, 0xff, "a part larger than the image"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = make();

        assert_int_not_equal(buf.data[cases[i].at], cases[i].value);
        buf.data[cases[i].at] = cases[i].value;
        assert_refused(&buf);
    }
}

static void test_parse__refuses_anchors_out_of_order_or_twice(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = make();

    buf.data[buf.size - 16] = 1; /* 1, 1 */
    assert_refused(&buf);
    buf.data[buf.size - 16] = 0; /* 1, 0 */
    assert_refused(&buf);
}

static void test_parse__refuses_names_that_are_no_text(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = make();
    uint8_t *name = memmem(buf.data, buf.size, "Acme", 4);

    assert_non_null(name);
    name[0] = 0xff;
    assert_refused(&buf);
    name[0] = 0;
    assert_refused(&buf);
}

static void test_parse__refuses_a_part_of_no_size(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = make();

    memset(buf.data + 0x1c, 0, 4);
    assert_refused(&buf);
}

static void test_is_component__by_kind_size_and_change(void **state)
{
    struct hm_part part = {.kind = HM_IMAGE_VOLUME, .size = HM_CONTENTS_TELLING_SIZE_MIN};

    assert_true(hm_contents_is_component(&part));
    part.size--;
    assert_false(hm_contents_is_component(&part));
    part.size++;
    part.is_variable = true;
    assert_false(hm_contents_is_component(&part));
    part.is_variable = false;
    part.kind = HM_IMAGE_VOLUME_FILE;
    assert_false(hm_contents_is_component(&part));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_what_was_written),
        cmocka_unit_test(test_parse__empty),
        cmocka_unit_test(test_parse__refuses_every_other_length),
        cmocka_unit_test(test_parse__refuses_what_breaks_a_rule),
        cmocka_unit_test(test_parse__refuses_anchors_out_of_order_or_twice),
        cmocka_unit_test(test_parse__refuses_names_that_are_no_text),
        cmocka_unit_test(test_parse__refuses_a_part_of_no_size),
        cmocka_unit_test(test_is_component__by_kind_size_and_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
