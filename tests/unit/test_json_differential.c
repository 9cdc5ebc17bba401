/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json beside jansson, an independent reader, on generated documents and mutations of them and
 * of the vectors. What ours accepts jansson must accept, with the same values; what jansson accepts
 * ours must accept too, but for depth and NUL bytes. Beyond 64 bits and double jansson gives up:
 * not compared. The seed is fixed; HALLMARK_LONG=1 runs many more.
 */
#include "unit.h"

#include <jansson.h>

#include "base/json.h"
#include "vec.h"

#define SEED       UINT64_C(20240607)
#define ROUNDS     30000
#define LONG_TIMES 50
#define SIZE_MAX_  4096

static uint64_t random_state = SEED;

static uint64_t random_next(void)
{
    uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static size_t random_below(size_t bound)
{
    return (size_t)(random_next() % bound);
}

static void put(struct hm_buf *buf, const char *text)
{
    assert_int_equal(hm_buf_append_str(buf, text, NULL), HM_OK);
}

static void put_string(struct hm_buf *buf)
{
    static const char *const pieces[] = {"a",
                                         "b",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\\u0061",
                                         "\\u00e9",
                                         "\xc3\xa9",
                                         "\\ud83d\\ude00",
                                         "\xf0\x9f\x98\x80",
                                         "\x7f",
                                         "longer than eight",
                                         "\\/"};
    size_t count = random_below(4);

    put(buf, "\"");
    for (size_t i = 0; i < count; i++)
        put(buf, pieces[random_below(HM_ARRAY_COUNT(pieces))]);
    put(buf, "\"");
}

static void put_space(struct hm_buf *buf)
{
    static const char *const spaces[] = {"", "", "", "", " ", "\n", "\t\r "};

    put(buf, spaces[random_below(HM_ARRAY_COUNT(spaces))]);
}

static void put_value(struct hm_buf *buf, size_t depth)
{
    static const char *const scalars[] = {"0",    "-0",    "17",   "-4",    "9223372036854775807",
                                          "1.25", "-2e-3", "true", "false", "null"};
    size_t kind = random_below(depth > 5 ? 4 : 8);
    size_t count = random_below(5);

    put_space(buf);
    if (kind < 2) {
        put(buf, scalars[random_below(HM_ARRAY_COUNT(scalars))]);
    } else if (kind < 4) {
        put_string(buf);
    } else {
        put(buf, kind < 6 ? "{" : "[");
        for (size_t i = 0; i < count; i++) {
            put(buf, i == 0 ? "" : ",");
            put_space(buf);
            if (kind < 6) {
                put_string(buf);
                put_space(buf);
                put(buf, ":");
            }
            put_value(buf, depth + 1);
        }
        put_space(buf);
        put(buf, kind < 6 ? "}" : "]");
    }
    put_space(buf);
}

static void mutate(struct hm_buf *buf)
{
    static const char bytes[] = "{}[]\",:\\u0dD89eE+-. \n/ntf\x80\xc3\xed\xff\x1f";
    size_t edits = random_below(4);

    for (size_t i = 0; i < edits && buf->size > 0; i++) {
        size_t offset = random_below(buf->size);
        uint8_t byte = (uint8_t)bytes[random_below(sizeof(bytes))]; /* with its NUL */
        size_t from = random_below(buf->size);
        size_t size = random_below(8);

        switch (random_below(5)) {
        case 0:
            buf->data[offset] = byte;
            break;
        case 1: /* removed */
            memmove(buf->data + offset, buf->data + offset + 1, buf->size - offset - 1);
            buf->size--;
            break;
        case 2: /* inserted */
            assert_int_equal(hm_buf_append_byte(buf, byte, NULL), HM_OK);
            memmove(buf->data + offset + 1, buf->data + offset, buf->size - offset - 1);
            buf->data[offset] = byte;
            break;
        case 3: /* copied over */
            size = size > buf->size - from ? buf->size - from : size;
            size = size > buf->size - offset ? buf->size - offset : size;
            memmove(buf->data + offset, buf->data + from, size);
            break;
        default:
            buf->data[offset] = buf->data[from];
            break;
        }
    }
}

static enum hm_rc compare_value(struct hm_json *json, const json_t *peer);

static enum hm_rc compare_object(struct hm_json *json, const json_t *peer)
{
    size_t count = 0;
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, NULL));
    for (;; count++) {
        const json_t *member;

        HM_TRY(hm_json_object_next(json, NULL, &more, &key));
        if (!more)
            break;
        member = json_object_getn(peer, (const char *)key.data, key.size);
        if (member == NULL)
            return HM_EMISMATCH;
        HM_TRY(compare_value(json, member));
    }
    return count == json_object_size(peer) ? HM_OK : HM_EMISMATCH;
}

static enum hm_rc compare_array(struct hm_json *json, const json_t *peer)
{
    size_t count = 0;
    bool more;

    HM_TRY(hm_json_array_begin(json, NULL));
    for (;; count++) {
        HM_TRY(hm_json_array_next(json, NULL, &more));
        if (!more)
            break;
        HM_TRY(compare_value(json, json_array_get(peer, count)));
    }
    return count == json_array_size(peer) ? HM_OK : HM_EMISMATCH;
}

static enum hm_rc compare_number(struct hm_json *json, const json_t *peer)
{
    struct hm_bytes text;
    int64_t value;
    char copy[SIZE_MAX_];

    if (json_is_integer(peer)) {
        HM_TRY(hm_json_int(json, NULL, &value));
        return value == json_integer_value(peer) ? HM_OK : HM_EMISMATCH;
    }
    HM_TRY(hm_json_skip(json, NULL, &text));
    (void)snprintf(copy, sizeof(copy), "%.*s", (int)text.size, (const char *)text.data);
    return json_is_real(peer) && strtod(copy, NULL) == json_real_value(peer) ? HM_OK : HM_EMISMATCH;
}

static enum hm_rc compare_value(struct hm_json *json, const json_t *peer)
{
    enum hm_json_kind kind;
    struct hm_bytes text;
    bool flag;

    if (peer == NULL)
        return HM_EMISMATCH;
    HM_TRY(hm_json_peek(json, NULL, &kind));
    switch (kind) {
    case HM_JSON_OBJECT:
        return json_is_object(peer) ? compare_object(json, peer) : HM_EMISMATCH;
    case HM_JSON_ARRAY:
        return json_is_array(peer) ? compare_array(json, peer) : HM_EMISMATCH;
    case HM_JSON_STRING:
        HM_TRY(hm_json_string(json, NULL, &text));
        if (!json_is_string(peer))
            return HM_EMISMATCH;
        return hm_bytes_is_equal(text,
                                 hm_bytes_make(json_string_value(peer), json_string_length(peer)))
                   ? HM_OK
                   : HM_EMISMATCH;
    case HM_JSON_NUMBER:
        return compare_number(json, peer);
    case HM_JSON_TRUE:
    case HM_JSON_FALSE:
        HM_TRY(hm_json_bool(json, NULL, &flag));
        return flag ? (json_is_true(peer) ? HM_OK : HM_EMISMATCH)
                    : (json_is_false(peer) ? HM_OK : HM_EMISMATCH);
    case HM_JSON_NULL:
        break;
    }
    HM_TRY(hm_json_null(json, NULL));
    return json_is_null(peer) ? HM_OK : HM_EMISMATCH;
}

static enum hm_rc skip_all(struct hm_bytes text, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;

    hm_json_init(&json, text, &arena);
    HM_TRY(hm_json_skip(&json, err, NULL));
    return hm_json_end(&json, err);
}

struct counts {
    size_t both;
    size_t neither;
    size_t not_compared;
};

static void disagree(struct hm_bytes text, const char *what)
{
    _hm_done_(hm_buf_done) struct hm_buf shown = HM_BUF_INIT(SIZE_MAX / 2);

    assert_int_equal(hm_text_escape(&shown, text, NULL), HM_OK);
    fail_msg("%s: %s", what, hm_buf_str(&shown));
}

static void compare(struct hm_bytes text, struct counts *counts)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;
    struct hm_err err = HM_ERR_INIT;
    json_error_t error;
    json_t *peer = json_loadb((const char *)text.data, text.size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    enum hm_rc rc = skip_all(text, &err);

    if (peer == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        counts->not_compared++;
        return;
    }
    if (peer == NULL) {
        if (rc == HM_OK)
            disagree(text, error.text);
        counts->neither++;
        return;
    }
    if (rc != HM_OK) {
        json_decref(peer);
        /* jansson 2.14 reads over a NUL byte behind a value. */
        if (strstr(err.text, "nested") == NULL && memchr(text.data, '\0', text.size) == NULL)
            disagree(text, err.text);
        counts->not_compared++;
        return;
    }
    hm_json_init(&json, text, &arena);
    rc = compare_value(&json, peer);
    json_decref(peer);
    if (rc != HM_OK)
        disagree(text, "different values");
    counts->both++;
}

static size_t rounds(void)
{
    return getenv("HALLMARK_LONG") != NULL ? (size_t)ROUNDS * LONG_TIMES : ROUNDS;
}

static void test_json__agrees_with_jansson_on_generated_text(void **state)
{
    struct counts counts = {0};

    print_message("seed %llu\n", (unsigned long long)SEED);
    random_state = SEED;
    for (size_t i = 0; i < rounds(); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);

        put_value(&buf, 0);
        if (i % 2 == 1)
            mutate(&buf);
        if (buf.size < SIZE_MAX_)
            compare(hm_buf_bytes(&buf), &counts);
    }
    print_message("both %zu, neither %zu, not compared %zu\n", counts.both, counts.neither,
                  counts.not_compared);
    /* The generator must reach both answers often, or the test says nothing. */
    assert_true(counts.both > rounds() / 5 && counts.neither > rounds() / 5);
}

static void test_json__agrees_with_jansson_on_mutated_vectors(void **state)
{
    struct counts counts = {0};
    struct vec vec;
    struct hm_bytes fields[3];

    print_message("seed %llu\n", (unsigned long long)SEED);
    random_state = SEED;
    vec_open(&vec, "tests/data/json.vec");
    while (vec_next(&vec, fields, 3)) {
        compare(fields[1], &counts);
        for (size_t i = 0; i < rounds() / 200; i++) {
            _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(SIZE_MAX_);

            assert_int_equal(hm_buf_append(&buf, fields[1], NULL), HM_OK);
            mutate(&buf);
            compare(hm_buf_bytes(&buf), &counts);
        }
    }
    print_message("both %zu, neither %zu, not compared %zu\n", counts.both, counts.neither,
                  counts.not_compared);
    assert_true(counts.both > 1000 && counts.neither > 1000);
    vec_close(&vec);
}

static void test_json__agrees_with_jansson_at_the_edges_of_utf8(void **state)
{
    struct counts counts = {0};

    /* Every lead byte with every second byte, then with valid, missing and bad tails. */
    for (unsigned lead = 0; lead < 256; lead++) {
        for (unsigned second = 0; second < 256; second++) {
            static const char *const tails[] = {"", "\x80", "\x80\x80", "\xbf\xbf", "\x80\x28"};

            for (size_t i = 0; i < HM_ARRAY_COUNT(tails); i++) {
                char text[16];
                int size = snprintf(text, sizeof(text), "\"..%s\"", tails[i]);

                text[1] = (char)lead;
                text[2] = (char)second;
                compare(hm_bytes_make(text, (size_t)size), &counts);
            }
        }
    }
    print_message("both %zu, neither %zu\n", counts.both, counts.neither);
    assert_true(counts.both > 1000 && counts.neither > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__agrees_with_jansson_on_generated_text),
        cmocka_unit_test(test_json__agrees_with_jansson_on_mutated_vectors),
        cmocka_unit_test(test_json__agrees_with_jansson_at_the_edges_of_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
