/* SPDX-License-Identifier: Apache-2.0 */
/* base/json_writer: what is written, what sticks, and that the reader reads it back. */
#include "unit.h"

#include "base/json_writer.h"

#define FIXTURE(pretty)                                                                            \
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);                                  \
    struct hm_err err = HM_ERR_INIT;                                                               \
    struct hm_json_writer writer;                                                                  \
    hm_json_writer_init(&writer, &buf, pretty)

static void write_all_kinds(struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "text", "a\"b");
    hm_json_writer_key_int(writer, "number", -5);
    hm_json_writer_key(writer, "list");
    hm_json_writer_array_begin(writer);
    hm_json_writer_bool(writer, true);
    hm_json_writer_bool(writer, false);
    hm_json_writer_null(writer);
    hm_json_writer_u64(writer, UINT64_MAX);
    hm_json_writer_int(writer, INT64_MIN);
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "empty");
    hm_json_writer_object_begin(writer);
    hm_json_writer_object_end(writer);
    hm_json_writer_key(writer, "none");
    hm_json_writer_array_begin(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "hex");
    hm_json_writer_hex(writer, HM_BYTES_LITERAL("\x00\x9f\xff"));
    hm_json_writer_key(writer, "time");
    hm_json_writer_time(writer, 86399);
    hm_json_writer_key_bytes(writer, HM_BYTES_LITERAL("raw"));
    hm_json_writer_raw(writer, HM_BYTES_LITERAL("[1]"));
    hm_json_writer_object_end(writer);
}

static void test_writer__writes_compact(void **state)
{
    FIXTURE(false);
    write_all_kinds(&writer);
    assert_int_equal(hm_json_writer_end(&writer, &err), HM_OK);
    assert_string_equal(hm_buf_str(&buf),
                        "{\"text\":\"a\\\"b\",\"number\":-5,\"list\":[true,false,null,"
                        "18446744073709551615,-9223372036854775808],\"empty\":{},\"none\":[],"
                        "\"hex\":\"009fff\",\"time\":\"1970-01-01T23:59:59Z\",\"raw\":[1]}");
}

static void test_writer__writes_pretty(void **state)
{
    FIXTURE(true);
    write_all_kinds(&writer);
    assert_int_equal(hm_json_writer_end(&writer, &err), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "{\n"
                                          "  \"text\": \"a\\\"b\",\n"
                                          "  \"number\": -5,\n"
                                          "  \"list\": [\n"
                                          "    true,\n"
                                          "    false,\n"
                                          "    null,\n"
                                          "    18446744073709551615,\n"
                                          "    -9223372036854775808\n"
                                          "  ],\n"
                                          "  \"empty\": {},\n"
                                          "  \"none\": [],\n"
                                          "  \"hex\": \"009fff\",\n"
                                          "  \"time\": \"1970-01-01T23:59:59Z\",\n"
                                          "  \"raw\": [1]\n"
                                          "}\n");
}

static void test_writer__writes_a_scalar(void **state)
{
    FIXTURE(false);
    hm_json_writer_str(&writer, "");
    assert_int_equal(hm_json_writer_end(&writer, &err), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "\"\"");
}

static void test_string__escapes_what_the_reader_refuses_raw(void **state)
{
    FIXTURE(false);
    hm_json_writer_str(&writer, "\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8");
    assert_int_equal(hm_json_writer_end(&writer, &err), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\xf0"
                                          "\x9f\x98\x80\xe2\x80\xa8\"");
}

static void test_string__is_read_back_the_same(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    char text[0x80];
    struct hm_json json;
    struct hm_bytes back;

    FIXTURE(false);
    for (size_t i = 1; i < sizeof(text); i++)
        text[i - 1] = (char)i;
    text[sizeof(text) - 1] = '\0';
    hm_json_writer_str(&writer, text);
    assert_int_equal(hm_json_writer_end(&writer, &err), HM_OK);
    hm_json_init(&json, hm_buf_bytes(&buf), &arena);
    assert_int_equal(hm_json_string(&json, &err, &back), HM_OK);
    assert_int_equal(hm_json_end(&json, &err), HM_OK);
    assert_true(hm_bytes_is_str(back, text));
}

static void test_string__refuses_what_is_no_text(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } bad[] = {{"a\0b", 3},         {"\xff", 1},         {"\xc0\x80", 2},
               {"\xed\xa0\x80", 3}, {"12345678\xc3", 9}, {"\0", 1}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_bytes text = hm_bytes_make(bad[i].text, bad[i].size);

        {
            FIXTURE(false);
            hm_json_writer_string(&writer, text);
            assert_int_equal(hm_json_writer_end(&writer, &err), HM_EFORMAT);
            assert_int_equal(err.rc, HM_EFORMAT);
        }
        {
            FIXTURE(false);
            hm_json_writer_object_begin(&writer);
            hm_json_writer_key_bytes(&writer, text);
            hm_json_writer_null(&writer);
            hm_json_writer_object_end(&writer);
            assert_int_equal(hm_json_writer_end(&writer, &err), HM_EFORMAT);
        }
    }
}

/* One letter a call: { } [ ] brackets, k a key, v a value, r raw without bytes. */
static enum hm_rc play(const char *calls)
{
    FIXTURE(false);
    for (; *calls != '\0'; calls++) {
        switch (*calls) {
        case '{':
            hm_json_writer_object_begin(&writer);
            break;
        case '}':
            hm_json_writer_object_end(&writer);
            break;
        case '[':
            hm_json_writer_array_begin(&writer);
            break;
        case ']':
            hm_json_writer_array_end(&writer);
            break;
        case 'k':
            hm_json_writer_key(&writer, "k");
            break;
        case 'r':
            hm_json_writer_raw(&writer, HM_BYTES_EMPTY);
            break;
        default:
            hm_json_writer_int(&writer, 1);
            break;
        }
    }
    return hm_json_writer_end(&writer, &err);
}

static void test_end__refuses_calls_that_make_no_json(void **state)
{
    static const char *const bad[] = {
        "",     "{",   "[",   "}",    "]", "{]",  "[}",    "vv",   "[]v", "k",     "kv",   "[k]",
        "[kv]", "{v}", "{k}", "{kk}", "r", "{kv", "{kvv}", "{}{}", "[[]", "[[]]]", "{k{}", "[]]"};
    static const char *const good[] = {"v", "{}", "[]", "[vv]", "{kvkv}", "{k{k[v]}kv}", "[[][]]"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        if (play(bad[i]) != HM_EINTERNAL)
            fail_msg("%s is accepted", bad[i]);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(good); i++)
        assert_int_equal(play(good[i]), HM_OK);
}

static void test_end__refuses_what_is_nested_too_deep(void **state)
{
    char calls[2 * HM_JSON_DEPTH_MAX + 3] = "";

    memset(calls, '[', HM_JSON_DEPTH_MAX);
    memset(calls + HM_JSON_DEPTH_MAX, ']', HM_JSON_DEPTH_MAX);
    assert_int_equal(play(calls), HM_OK);
    memset(calls, '[', HM_JSON_DEPTH_MAX + 1);
    memset(calls + HM_JSON_DEPTH_MAX + 1, ']', HM_JSON_DEPTH_MAX + 1);
    assert_int_equal(play(calls), HM_EINTERNAL);
}

static void test_end__gives_the_first_error(void **state)
{
    {
        FIXTURE(false);
        hm_json_writer_array_begin(&writer);
        hm_json_writer_string(&writer, HM_BYTES_LITERAL("\xff"));
        hm_json_writer_object_end(&writer);
        assert_int_equal(hm_json_writer_end(&writer, &err), HM_EFORMAT);
    }
    {
        FIXTURE(false);
        hm_json_writer_object_end(&writer);
        hm_json_writer_string(&writer, HM_BYTES_LITERAL("\xff"));
        assert_int_equal(hm_json_writer_end(&writer, &err), HM_EINTERNAL);
    }
}

static void test_end__refuses_what_does_not_fit(void **state)
{
    for (size_t size = 0; size <= 10; size++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(size);
        struct hm_json_writer writer;

        hm_json_writer_init(&writer, &buf, false);
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "a", "\n");
        hm_json_writer_object_end(&writer);
        assert_int_equal(hm_json_writer_end(&writer, NULL), size < 10 ? HM_EFORMAT : HM_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer__writes_compact),
        cmocka_unit_test(test_writer__writes_pretty),
        cmocka_unit_test(test_writer__writes_a_scalar),
        cmocka_unit_test(test_string__escapes_what_the_reader_refuses_raw),
        cmocka_unit_test(test_string__is_read_back_the_same),
        cmocka_unit_test(test_string__refuses_what_is_no_text),
        cmocka_unit_test(test_end__refuses_calls_that_make_no_json),
        cmocka_unit_test(test_end__refuses_what_is_nested_too_deep),
        cmocka_unit_test(test_end__gives_the_first_error),
        cmocka_unit_test(test_end__refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
