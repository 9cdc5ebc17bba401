/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: what skipping accepts, pulling and writing accept; canonical form is a fixed point, and is
 * recognised.
 */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_writer.h"

/* Pulls one value and writes it again. Bounded by HM_JSON_DEPTH_MAX. */
static enum hm_rc copy_value(struct hm_json *json, struct hm_json_writer *writer)
{
    enum hm_json_kind kind;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_json_peek(json, NULL, &kind));
    switch (kind) {
    case HM_JSON_OBJECT:
        HM_TRY(hm_json_object_begin(json, NULL));
        hm_json_writer_object_begin(writer);
        for (;;) {
            HM_TRY(hm_json_object_next(json, NULL, &more, &text));
            if (!more)
                break;
            hm_json_writer_key_bytes(writer, text);
            HM_TRY(copy_value(json, writer));
        }
        hm_json_writer_object_end(writer);
        return HM_OK;
    case HM_JSON_ARRAY:
        HM_TRY(hm_json_array_begin(json, NULL));
        hm_json_writer_array_begin(writer);
        for (;;) {
            HM_TRY(hm_json_array_next(json, NULL, &more));
            if (!more)
                break;
            HM_TRY(copy_value(json, writer));
        }
        hm_json_writer_array_end(writer);
        return HM_OK;
    case HM_JSON_STRING:
        HM_TRY(hm_json_string(json, NULL, &text));
        hm_json_writer_string(writer, text);
        return HM_OK;
    case HM_JSON_TRUE:
    case HM_JSON_FALSE:
        HM_TRY(hm_json_bool(json, NULL, &more));
        hm_json_writer_bool(writer, more);
        return HM_OK;
    case HM_JSON_NULL:
        HM_TRY(hm_json_null(json, NULL));
        hm_json_writer_null(writer);
        return HM_OK;
    case HM_JSON_NUMBER:
        break;
    }
    HM_TRY(hm_json_skip(json, NULL, &text));
    hm_json_writer_raw(writer, text);
    return HM_OK;
}

static enum hm_rc skip_all(struct hm_bytes text, struct hm_bytes *ret_span, bool *ret_canonical)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;

    hm_json_init(&json, text, &arena);
    HM_TRY(hm_json_skip_canonical(&json, NULL, ret_span, ret_canonical));
    return hm_json_end(&json, NULL);
}

static enum hm_rc copy_all(struct hm_bytes text, bool pretty, struct hm_buf *buf)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;
    struct hm_json_writer writer;

    hm_json_init(&json, text, &arena);
    hm_json_writer_init(&writer, buf, pretty);
    HM_TRY(copy_value(&json, &writer));
    HM_TRY(hm_json_end(&json, NULL));
    FUZZ_CHECK(hm_json_writer_end(&writer, NULL) == HM_OK);
    return HM_OK;
}

static bool has_control(struct hm_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20)
            return true;
    }
    return false;
}

static void check_accepted(struct hm_bytes text, struct hm_bytes span, bool canonical)
{
    _hm_done_(hm_buf_done) struct hm_buf first = HM_BUF_INIT(SIZE_MAX / 2);
    _hm_done_(hm_buf_done) struct hm_buf second = HM_BUF_INIT(SIZE_MAX / 2);
    _hm_done_(hm_buf_done) struct hm_buf copy = HM_BUF_INIT(SIZE_MAX / 2);
    struct hm_bytes again;
    bool is_canonical;

    FUZZ_CHECK(copy_all(text, text.size % 2 == 0, &copy) == HM_OK);
    if (hm_json_canonicalise(text, NULL, &first) != HM_OK) {
        FUZZ_CHECK(!canonical && first.size == 0); /* a number that is no integer */
        return;
    }
    FUZZ_CHECK(first.size <= text.size);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&first), span) == canonical);
    FUZZ_CHECK(hm_json_canonicalise(hm_buf_bytes(&copy), NULL, &second) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&first), hm_buf_bytes(&second)));
    if (has_control(hm_buf_bytes(&first)))
        return;
    hm_buf_clear(&second);
    FUZZ_CHECK(hm_json_canonicalise(hm_buf_bytes(&first), NULL, &second) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&first), hm_buf_bytes(&second)));
    FUZZ_CHECK(skip_all(hm_buf_bytes(&first), &again, &is_canonical) == HM_OK && is_canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_make(data, size);
    struct hm_bytes span;
    bool canonical;

    if (skip_all(text, &span, &canonical) == HM_OK) {
        check_accepted(text, span, canonical);
    } else {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(SIZE_MAX / 2);

        FUZZ_CHECK(hm_json_canonicalise(text, NULL, &buf) != HM_OK && buf.size == 0);
        FUZZ_CHECK(copy_all(text, false, &buf) != HM_OK);
    }
    return 0;
}
