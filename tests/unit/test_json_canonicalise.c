/* SPDX-License-Identifier: Apache-2.0 */
/* base/json_canonicalise: known answers, limits, and what stays untouched on failure. */
#include "unit.h"

#include "base/json.h"
#include "vec.h"

static void test_canonicalise__follows_the_vectors(void **state)
{
    struct vec vec;
    struct hm_bytes fields[3];

    vec_open(&vec, "tests/data/json.vec");
    while (vec_next(&vec, fields, 3)) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        assert_int_equal(hm_buf_append_str(&buf, "before", NULL), HM_OK);
        rc = hm_json_canonicalise(fields[1], &err, &buf);
        if (!hm_bytes_is_str(fields[0], "ok") || hm_bytes_is_str(fields[2], "-")) {
            vec_check(&vec, rc == HM_EFORMAT && err.rc == HM_EFORMAT && err.has_offset);
            vec_check(&vec, hm_bytes_is_str(hm_buf_bytes(&buf), "before"));
            continue;
        }
        vec_check(&vec, rc == HM_OK);
        vec_check(&vec, hm_bytes_has_prefix(hm_buf_bytes(&buf), HM_BYTES_LITERAL("before")));
        vec_check(&vec, hm_bytes_is_equal(hm_bytes_make(buf.data + 6, buf.size - 6),
                                          hm_bytes_is_str(fields[2], "=") ? fields[1] : fields[2]));
    }
    vec_close(&vec);
}

static void test_canonicalise__stops_at_the_size_of_the_buffer(void **state)
{
    static const char *const texts[] = {"[1,2]", " [1 , 2]", "{\"b\":1,\"a\":2}"};
    static const size_t sizes[] = {5, 5, 13};

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        _hm_done_(hm_buf_done) struct hm_buf fits = HM_BUF_INIT(sizes[i]);
        _hm_done_(hm_buf_done) struct hm_buf short_by_one = HM_BUF_INIT(sizes[i] - 1);

        assert_int_equal(hm_json_canonicalise(hm_bytes_str(texts[i]), NULL, &fits), HM_OK);
        assert_int_equal(fits.size, sizes[i]);
        assert_int_equal(hm_json_canonicalise(hm_bytes_str(texts[i]), NULL, &short_by_one),
                         HM_EFORMAT);
        assert_int_equal(short_by_one.size, 0);
    }
}

static void test_canonicalise__stops_at_the_depth_limit(void **state)
{
    char text[256];

    for (size_t depth = HM_JSON_DEPTH_MAX; depth <= HM_JSON_DEPTH_MAX + 1; depth++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(sizeof(text));

        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = ' ';
        assert_int_equal(hm_json_canonicalise(hm_bytes_make(text, 2 * depth + 1), NULL, &buf),
                         depth > HM_JSON_DEPTH_MAX ? HM_EFORMAT : HM_OK);
    }
}

/* Known answer with everything at once, put together by hand from the rules in json.h. */
static void test_canonicalise__orders_at_every_level(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    const char *text = "{ \"signed\": { \"version\" : 3, \"_type\" : \"root\",\n"
                       "  \"keys\" : { \"\\ud83d\\ude00\" : {\"x\":[ {\"q\":-0, \"p\":null} ]},\n"
                       "  \"\\uffff\":{}, \"k\\\"1\":true, \"k\\\\\":false, \"k\":[] } },\n"
                       "  \"signatures\" : [ ] }\r\n";

    assert_int_equal(hm_json_canonicalise(hm_bytes_str(text), NULL, &buf), HM_OK);
    assert_string_equal(
        hm_buf_str(&buf),
        "{\"signatures\":[],\"signed\":{\"_type\":\"root\",\"keys\":{\"k\":[],\"k\\\"1\":true,"
        "\"k\\\\\":false,\"\xef\xbf\xbf\":{},\"\xf0\x9f\x98\x80\":{\"x\":[{\"p\":null,\"q\":0}]}},"
        "\"version\":3}}");
}

static void test_canonicalise__orders_many_members(void **state)
{
    enum { COUNT = 20000 };
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(1 << 22);
    _hm_done_(hm_buf_done) struct hm_buf expected = HM_BUF_INIT(1 << 22);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 22);

    assert_int_equal(hm_buf_append_byte(&text, '{', NULL), HM_OK);
    assert_int_equal(hm_buf_append_byte(&expected, '{', NULL), HM_OK);
    for (size_t i = 0; i < COUNT; i++) {
        size_t mixed = i * 7919 % COUNT; /* every number once: 7919 is a prime */
        const char *comma = i == 0 ? "" : ",";

        assert_int_equal(hm_buf_append_fmt(&text, NULL, "%s\"%05zu\\n\": %zu", comma, mixed, mixed),
                         HM_OK);
        assert_int_equal(hm_buf_append_fmt(&expected, NULL, "%s\"%05zu\n\":%zu", comma, i, i),
                         HM_OK);
    }
    assert_int_equal(hm_buf_append_byte(&text, '}', NULL), HM_OK);
    assert_int_equal(hm_buf_append_byte(&expected, '}', NULL), HM_OK);
    assert_int_equal(hm_json_canonicalise(hm_buf_bytes(&text), NULL, &buf), HM_OK);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&buf), hm_buf_bytes(&expected)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonicalise__follows_the_vectors),
        cmocka_unit_test(test_canonicalise__stops_at_the_size_of_the_buffer),
        cmocka_unit_test(test_canonicalise__stops_at_the_depth_limit),
        cmocka_unit_test(test_canonicalise__orders_at_every_level),
        cmocka_unit_test(test_canonicalise__orders_many_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
