/* SPDX-License-Identifier: Apache-2.0 */
/* base/json: vectors, limits, and the reader's promises to its callers. */
#include "unit.h"

#include "base/json.h"
#include "vec.h"

#define FIXTURE(text)                                                                              \
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;                                \
    struct hm_err err = HM_ERR_INIT;                                                               \
    struct hm_json json;                                                                           \
    hm_json_init(&json, hm_bytes_str(text), &arena)

/* Stands in front of the C library's, to fail on demand. */
static bool reallocarray_fails;

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t total;

    if (reallocarray_fails || __builtin_mul_overflow(count, size, &total))
        return NULL;
    return realloc(memory, total);
}

static enum hm_rc skip_all(struct hm_bytes text, struct hm_err *err, bool *ret_canonical)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;
    struct hm_bytes span;

    hm_json_init(&json, text, &arena);
    HM_TRY(hm_json_skip(&json, err, &span));
    HM_TRY(hm_json_end(&json, err));
    *ret_canonical = json.canonical;
    return HM_OK;
}

static enum hm_rc skip_str(const char *text)
{
    bool canonical;

    return skip_all(hm_bytes_str(text), NULL, &canonical);
}

/* A copy without room behind it, so that a sanitizer sees each byte read too many. */
static struct hm_bytes exact_copy(struct hm_bytes text)
{
    uint8_t *copy = malloc(text.size == 0 ? 1 : text.size);

    assert_non_null(copy);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return hm_bytes_make(copy, text.size);
}

static void exact_free(struct hm_bytes text)
{
    union {
        const uint8_t *borrowed;
        uint8_t *owned;
    } pointer = {.borrowed = text.data};

    free(pointer.owned);
}

static void test_skip__follows_the_vectors(void **state)
{
    struct vec vec;
    struct hm_bytes fields[3];

    vec_open(&vec, "tests/data/json.vec");
    while (vec_next(&vec, fields, 3)) {
        struct hm_err err = HM_ERR_INIT;
        struct hm_bytes text = exact_copy(fields[1]);
        bool canonical = false;
        enum hm_rc rc = skip_all(text, &err, &canonical);

        if (hm_bytes_is_str(fields[0], "ok")) {
            vec_check(&vec, rc == HM_OK);
            vec_check(&vec, canonical == hm_bytes_is_str(fields[2], "="));
        } else {
            char offset[24];

            vec_check(&vec, hm_bytes_is_str(fields[0], "bad"));
            vec_check(&vec, rc == HM_EFORMAT && err.rc == HM_EFORMAT && err.has_offset);
            (void)snprintf(offset, sizeof(offset), "%llu", (unsigned long long)err.offset);
            if (!hm_bytes_is_str(fields[2], offset))
                fail_msg("%s:%zu: stopped at byte %s", vec.path, vec.number, offset);
        }
        exact_free(text);
    }
    vec_close(&vec);
}

static void test_skip__refuses_every_cut(void **state)
{
    struct vec vec;
    struct hm_bytes fields[3];

    vec_open(&vec, "tests/data/json.vec");
    while (vec_next(&vec, fields, 3)) {
        struct hm_bytes text = fields[1];

        if (!hm_bytes_is_str(fields[0], "ok") || text.size == 0 ||
            (text.data[0] != '{' && text.data[0] != '[' && text.data[0] != '"'))
            continue;
        for (size_t size = 0; size < text.size; size++) {
            struct hm_bytes cut = exact_copy(hm_bytes_make(text.data, size));
            bool canonical;

            vec_check(&vec, skip_all(cut, NULL, &canonical) == HM_EFORMAT);
            exact_free(cut);
        }
    }
    vec_close(&vec);
}

/* depth times open, then a zero, then depth times close. */
static void nest(char *text, size_t depth, const char *open, const char *close)
{
    char *at = text;

    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, open);
    *at++ = '0';
    for (size_t i = 0; i < depth; i++)
        at = stpcpy(at, close);
    *at = '\0';
}

static void test_skip__stops_at_the_depth_limit(void **state)
{
    static const struct {
        const char *open;
        const char *close;
        size_t levels;
    } kinds[] = {{"[", "]", 1}, {"{\"a\":", "}", 1}, {"[{\"b\":0,\"a\":", "}]", 2}};
    char text[2048];

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        size_t depth = HM_JSON_DEPTH_MAX / kinds[i].levels;

        nest(text, depth, kinds[i].open, kinds[i].close);
        assert_int_equal(skip_str(text), HM_OK);
        nest(text, depth + 1, kinds[i].open, kinds[i].close);
        assert_int_equal(skip_str(text), HM_EFORMAT);
    }
    /* Depth is what is open at once, not what was opened. */
    assert_int_equal(skip_str("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
                              "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"),
                     HM_OK);
}

static void test_begin__stops_at_the_depth_limit(void **state)
{
    char text[128];
    bool more;

    nest(text, HM_JSON_DEPTH_MAX + 1, "[", "]");
    FIXTURE(text);
    for (size_t i = 0; i < HM_JSON_DEPTH_MAX; i++) {
        assert_int_equal(hm_json_array_begin(&json, &err), HM_OK);
        assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
        assert_true(more);
    }
    assert_int_equal(hm_json_array_begin(&json, &err), HM_EFORMAT);
    assert_int_equal(err.offset, HM_JSON_DEPTH_MAX);
}

static void test_object_next__gives_keys_and_views_of_the_input(void **state)
{
    const char *text = " {\"a\" : \"x\", \"b\\n\" : [1, true] }";
    struct hm_bytes key;
    struct hm_bytes value;
    int64_t number;
    bool more;

    FIXTURE(text);
    assert_int_equal(hm_json_object_begin(&json, &err), HM_OK);
    assert_int_equal(hm_json_object_next(&json, &err, &more, &key), HM_OK);
    assert_true(more && hm_bytes_is_str(key, "a"));
    assert_ptr_equal(key.data, text + 3);
    assert_int_equal(hm_json_string(&json, &err, &value), HM_OK);
    assert_ptr_equal(value.data, text + 9);
    assert_int_equal(arena.used, 0);
    assert_int_equal(hm_json_object_next(&json, &err, &more, &key), HM_OK);
    assert_true(more && hm_bytes_is_str(key, "b\n"));
    assert_int_equal(hm_json_array_begin(&json, &err), HM_OK);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_int_equal(hm_json_int(&json, &err, &number), HM_OK);
    assert_int_equal(number, 1);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    more = false;
    assert_int_equal(hm_json_bool(&json, &err, &more), HM_OK);
    assert_true(more);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_false(more);
    assert_int_equal(hm_json_object_next(&json, &err, &more, &key), HM_OK);
    assert_false(more);
    assert_int_equal(hm_json_end(&json, &err), HM_OK);
}

static void test_object_next__refuses_what_skip_refuses(void **state)
{
    static const char *const bad[] = {"{\"b\":0,\"a\":0,\"b\":0}",
                                      "{\"a\":0,\"a\":0}",
                                      "{\"a\":0,}",
                                      "{\"a\":0 \"b\":0}",
                                      "{\"a\" 0}",
                                      "{\"a\":0]",
                                      "{\"a\":0",
                                      "{a:0}"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_bytes key;
        bool more = true;
        enum hm_rc rc = HM_OK;

        FIXTURE(bad[i]);
        assert_int_equal(hm_json_object_begin(&json, &err), HM_OK);
        for (size_t rounds = 0; rc == HM_OK && more && rounds < 8; rounds++) {
            rc = hm_json_object_next(&json, &err, &more, &key);
            if (rc == HM_OK && more)
                rc = hm_json_skip(&json, &err, NULL);
        }
        assert_int_equal(rc, HM_EFORMAT);
    }
}

static void test_object_next__refuses_a_key_whose_value_was_not_read(void **state)
{
    struct hm_bytes key;
    bool more;

    FIXTURE("{\"a\":\"b\",\"c\":1}");
    assert_int_equal(hm_json_object_begin(&json, &err), HM_OK);
    assert_int_equal(hm_json_object_next(&json, &err, &more, &key), HM_OK);
    assert_int_equal(hm_json_object_next(&json, &err, &more, &key), HM_EFORMAT);
}

static void test_values__refuse_another_kind(void **state)
{
    static const char *const values[] = {"{}", "[]", "\"1\"", "1", "true", "null"};
    static const enum hm_json_kind kinds[] = {HM_JSON_OBJECT, HM_JSON_ARRAY, HM_JSON_STRING,
                                              HM_JSON_NUMBER, HM_JSON_TRUE,  HM_JSON_NULL};

    for (size_t i = 0; i < HM_ARRAY_COUNT(values); i++) {
        enum hm_json_kind kind;
        struct hm_bytes text;
        int64_t number;
        bool flag;
        enum hm_rc good[6];

        FIXTURE(values[i]);
        assert_int_equal(hm_json_peek(&json, &err, &kind), HM_OK);
        assert_int_equal(kind, kinds[i]);
        assert_int_equal(json.offset, 0);
        good[0] = hm_json_object_begin(&json, &err);
        hm_json_init(&json, hm_bytes_str(values[i]), &arena);
        good[1] = hm_json_array_begin(&json, &err);
        hm_json_init(&json, hm_bytes_str(values[i]), &arena);
        good[2] = hm_json_string(&json, &err, &text);
        hm_json_init(&json, hm_bytes_str(values[i]), &arena);
        good[3] = hm_json_int(&json, &err, &number);
        hm_json_init(&json, hm_bytes_str(values[i]), &arena);
        good[4] = hm_json_bool(&json, &err, &flag);
        hm_json_init(&json, hm_bytes_str(values[i]), &arena);
        good[5] = hm_json_null(&json, &err);
        for (size_t j = 0; j < 6; j++)
            assert_int_equal(good[j], i == j ? HM_OK : HM_EFORMAT);
    }
}

static void test_int__stops_at_64_bits(void **state)
{
    static const struct {
        const char *text;
        enum hm_rc rc;
        int64_t value;
    } cases[] = {
        {"0", HM_OK, 0},
        {"-0", HM_OK, 0},
        {" -17 ", HM_OK, -17},
        {"9223372036854775807", HM_OK, INT64_MAX},
        {"9223372036854775808", HM_EFORMAT, 0},
        {"-9223372036854775808", HM_OK, INT64_MIN},
        {"-9223372036854775809", HM_EFORMAT, 0},
        {"18446744073709551616", HM_EFORMAT, 0},
        {"92233720368547758070", HM_EFORMAT, 0},
        {"1.0", HM_EFORMAT, 0},
        {"1e1", HM_EFORMAT, 0},
        {"0.5", HM_EFORMAT, 0},
        {"01", HM_EFORMAT, 0},
        {"-", HM_EFORMAT, 0},
        {"", HM_EFORMAT, 0},
        {"\"1\"", HM_EFORMAT, 0},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        int64_t value = 7777;

        FIXTURE(cases[i].text);
        assert_int_equal(hm_json_int(&json, &err, &value), cases[i].rc);
        if (cases[i].rc == HM_OK)
            assert_int_equal(hm_json_end(&json, &err), HM_OK);
        assert_true(value == (cases[i].rc == HM_OK ? cases[i].value : 7777));
    }
}

static void test_string__is_unescaped_into_the_arena(void **state)
{
    struct hm_bytes text = HM_BYTES_LITERAL("untouched");

    {
        FIXTURE("\"a\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\tz\"");
        assert_int_equal(hm_json_string(&json, &err, &text), HM_OK);
        assert_true(hm_bytes_is_str(text, "a\xc3\xa9\xf0\x9f\x98\x80\"\\/\b\f\n\r\tz"));
    }
    {
        FIXTURE("\"\\n0123456789012345678901234567890123456789\"");
        arena.limit = 16;
        text = HM_BYTES_LITERAL("untouched");
        assert_int_equal(hm_json_string(&json, &err, &text), HM_ENOMEM);
        assert_true(hm_bytes_is_str(text, "untouched"));
    }
}

static void test_skip__gives_the_span(void **state)
{
    struct hm_bytes span;
    bool more;

    FIXTURE("[ {\"a\": [1, 2]} , 3]");
    assert_int_equal(hm_json_array_begin(&json, &err), HM_OK);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_int_equal(hm_json_skip(&json, &err, &span), HM_OK);
    assert_true(hm_bytes_is_str(span, "{\"a\": [1, 2]}"));
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_int_equal(hm_json_skip(&json, &err, NULL), HM_OK);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_false(more);
}

static void test_skip_canonical__tells_for_the_span_alone(void **state)
{
    static const bool expected[] = {true, false, true, false, false, false, false, true};
    struct hm_bytes span;
    bool more;
    bool canonical;

    FIXTURE("[ {\"a\":1,\"b\":[2]} ,{\"b\":1,\"a\":2}, \"x\\\"\\\\\", \"\\n\", -0, [1 ], 1.5,7]");
    assert_int_equal(hm_json_array_begin(&json, &err), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(expected); i++) {
        assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
        assert_true(more);
        assert_int_equal(hm_json_skip_canonical(&json, &err, &span, &canonical), HM_OK);
        assert_int_equal(canonical, expected[i]);
    }
    assert_false(json.canonical);
}

static void test_skip_canonical__keeps_the_whole_canonical(void **state)
{
    struct hm_bytes span;
    bool more;
    bool canonical;

    FIXTURE("[1,[2]]");
    assert_int_equal(hm_json_array_begin(&json, &err), HM_OK);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_int_equal(hm_json_skip_canonical(&json, &err, &span, &canonical), HM_OK);
    assert_true(canonical && json.canonical);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_int_equal(hm_json_skip(&json, &err, &span), HM_OK);
    assert_int_equal(hm_json_array_next(&json, &err, &more), HM_OK);
    assert_int_equal(hm_json_end(&json, &err), HM_OK);
    assert_true(json.canonical);
}

static void test_end__refuses_what_is_left(void **state)
{
    {
        FIXTURE("1 2");
        assert_int_equal(hm_json_skip(&json, &err, NULL), HM_OK);
        assert_int_equal(hm_json_end(&json, &err), HM_EFORMAT);
    }
    {
        FIXTURE("[]");
        assert_int_equal(hm_json_array_begin(&json, &err), HM_OK);
        assert_int_equal(hm_json_end(&json, &err), HM_EFORMAT);
    }
    {
        FIXTURE("1\n");
        assert_int_equal(hm_json_skip(&json, &err, NULL), HM_OK);
        assert_int_equal(hm_json_end(&json, &err), HM_OK);
        assert_false(json.canonical);
    }
}

/* An object of count keys in falling order, the last one the same as key number twin. */
static void fill_falling(struct hm_buf *buf, size_t count, size_t twin)
{
    assert_int_equal(hm_buf_append_byte(buf, '{', NULL), HM_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(hm_buf_append_fmt(buf, NULL, "\"%08zu\":[{\"x\":0}],", count - i), HM_OK);
    assert_int_equal(hm_buf_append_fmt(buf, NULL, "\"%08zu\":0}", twin), HM_OK);
}

static void test_object_next__finds_one_duplicate_among_many(void **state)
{
    static const struct {
        size_t twin;
        enum hm_rc rc;
    } cases[] = {{0, HM_OK}, {1, HM_EFORMAT}, {777, HM_EFORMAT}, {20000, HM_EFORMAT}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
        bool canonical;

        fill_falling(&buf, 20000, cases[i].twin);
        assert_int_equal(skip_all(hm_buf_bytes(&buf), NULL, &canonical), cases[i].rc);
    }
}

/* What grows with the square of the input, or doubles with each level, does not end here. */
static void test_skip__is_bounded_for_nested_unsorted_objects(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(8 << 20);
    const size_t outer = HM_JSON_DEPTH_MAX - 3; /* fill_falling needs three levels */
    bool canonical = true;

    for (size_t i = 0; i < outer; i++)
        assert_int_equal(hm_buf_append_str(&buf, "{\"b\":0,\"a\":", NULL), HM_OK);
    fill_falling(&buf, 50000, 0);
    for (size_t i = 0; i < outer; i++)
        assert_int_equal(hm_buf_append_byte(&buf, '}', NULL), HM_OK);
    assert_int_equal(skip_all(hm_buf_bytes(&buf), NULL, &canonical), HM_OK);
    assert_false(canonical);
}

static void test_skip__says_when_memory_is_out(void **state)
{
    reallocarray_fails = true;
    assert_int_equal(skip_str("{\"a\":1,\"b\":2}"), HM_OK); /* sorted: needs none */
    assert_int_equal(skip_str("{\"b\":1,\"a\":2}"), HM_ENOMEM);
    reallocarray_fails = false;
    assert_int_equal(skip_str("{\"b\":1,\"a\":2}"), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skip__follows_the_vectors),
        cmocka_unit_test(test_skip__refuses_every_cut),
        cmocka_unit_test(test_skip__stops_at_the_depth_limit),
        cmocka_unit_test(test_begin__stops_at_the_depth_limit),
        cmocka_unit_test(test_object_next__gives_keys_and_views_of_the_input),
        cmocka_unit_test(test_object_next__refuses_what_skip_refuses),
        cmocka_unit_test(test_object_next__refuses_a_key_whose_value_was_not_read),
        cmocka_unit_test(test_values__refuse_another_kind),
        cmocka_unit_test(test_int__stops_at_64_bits),
        cmocka_unit_test(test_string__is_unescaped_into_the_arena),
        cmocka_unit_test(test_skip__gives_the_span),
        cmocka_unit_test(test_skip_canonical__tells_for_the_span_alone),
        cmocka_unit_test(test_skip_canonical__keeps_the_whole_canonical),
        cmocka_unit_test(test_end__refuses_what_is_left),
        cmocka_unit_test(test_object_next__finds_one_duplicate_among_many),
        cmocka_unit_test(test_skip__is_bounded_for_nested_unsorted_objects),
        cmocka_unit_test(test_skip__says_when_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
