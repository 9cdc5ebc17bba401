/* SPDX-License-Identifier: Apache-2.0 */
/* base/text: vectors for patterns, versions and escaping; UTF-8, names, hexadecimal, percent. */
#include "unit.h"

#include <fnmatch.h>

#include "base/text.h"
#include "vec.h"

/* RFC 3629 by value: decode loosely, then judge the value and its length. */
static bool is_utf8_by_value(const uint8_t *text, size_t size)
{
    while (size > 0) {
        size_t need = text[0] < 0x80   ? 1
                      : text[0] < 0xc0 ? 0
                      : text[0] < 0xe0 ? 2
                      : text[0] < 0xf0 ? 3
                      : text[0] < 0xf8 ? 4
                                       : 0;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t value;

        if (need == 0 || need > size)
            return false;
        value = need == 1 ? text[0] : text[0] & (0x7fU >> need);
        for (size_t i = 1; i < need; i++) {
            if (text[i] < 0x80 || text[i] > 0xbf)
                return false;
            value = value << 6 | (text[i] & 0x3fU);
        }
        if (value < least[need] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return false;
        text += need;
        size -= need;
    }
    return true;
}

static void test_is_utf8__judges_every_beginning(void **state)
{
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};

    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t i = 0; i < sizeof(edges) * sizeof(edges); i++) {
                uint8_t text[] = {(uint8_t)first, (uint8_t)second, edges[i / sizeof(edges)],
                                  edges[i % sizeof(edges)]};

                for (size_t size = 1; size <= sizeof(text); size++)
                    assert_int_equal(hm_text_is_utf8(hm_bytes_make(text, size)),
                                     is_utf8_by_value(text, size));
            }
        }
    }
}

static void test_is_utf8__sees_each_place(void **state)
{
    char text[40];

    assert_true(hm_text_is_utf8(HM_BYTES_EMPTY));
    for (size_t size = 1; size < sizeof(text); size++) {
        for (size_t bad = 0; bad < size; bad++) {
            memset(text, 'a', sizeof(text));
            assert_true(hm_text_is_utf8(hm_bytes_make(text, size)));
            text[bad] = (char)0x80;
            assert_false(hm_text_is_utf8(hm_bytes_make(text, size)));
        }
    }
}

static void test_utf8__gives_the_character(void **state)
{
    uint32_t character = 7;

    assert_int_equal(hm_text_utf8(HM_BYTES_LITERAL("ab"), &character), 1);
    assert_int_equal(character, 'a');
    assert_int_equal(hm_text_utf8(HM_BYTES_LITERAL("\xc3\xa9"), &character), 2);
    assert_int_equal(character, 0xe9);
    assert_int_equal(hm_text_utf8(HM_BYTES_LITERAL("\xe2\x82\xacx"), &character), 3);
    assert_int_equal(character, 0x20ac);
    assert_int_equal(hm_text_utf8(HM_BYTES_LITERAL("\xf4\x8f\xbf\xbf"), &character), 4);
    assert_int_equal(character, 0x10ffff);
    assert_int_equal(hm_text_utf8(HM_BYTES_EMPTY, &character), 0);
    assert_int_equal(hm_text_utf8(HM_BYTES_LITERAL("\xe2\x82"), &character), 0);
    assert_int_equal(character, 0x10ffff);
}

static void test_is_name__allows_what_fits_every_file_system(void **state)
{
    static const struct {
        const char *text;
        bool name;
        bool file_name;
    } cases[] = {
        {"a", true, true},     {"0", true, true},          {"acme-nic_2.1+b", true, true},
        {"a..b", true, true},  {"A", false, true},         {"fw-A.BIN", false, true},
        {"", false, false},    {".", false, false},        {"..", false, false},
        {".a", false, false},  {"-a", false, false},       {"_a", false, false},
        {"+a", false, false},  {"a b", false, false},      {"a/b", false, false},
        {"a~b", false, false}, {"a%2f", false, false},     {"a\\b", false, false},
        {"a:b", false, false}, {"\xc3\xa9", false, false}, {"a\n", false, false},
        {"a@b", false, false}, {"a[", false, false},       {"a`", false, false},
        {"a{", false, false},
    };
    char text[HM_TEXT_NAME_SIZE_MAX + 1];

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        assert_int_equal(hm_text_is_name(hm_bytes_str(cases[i].text)), cases[i].name);
        assert_int_equal(hm_text_is_file_name(hm_bytes_str(cases[i].text)), cases[i].file_name);
    }
    memset(text, 'a', sizeof(text));
    assert_true(hm_text_is_name(hm_bytes_make(text, HM_TEXT_NAME_SIZE_MAX)));
    assert_true(hm_text_is_file_name(hm_bytes_make(text, HM_TEXT_NAME_SIZE_MAX)));
    assert_false(hm_text_is_name(hm_bytes_make(text, HM_TEXT_NAME_SIZE_MAX + 1)));
    assert_false(hm_text_is_file_name(hm_bytes_make(text, HM_TEXT_NAME_SIZE_MAX + 1)));
    assert_false(hm_text_is_name(HM_BYTES_LITERAL("a\0b")));
}

static void test_hex__goes_both_ways(void **state)
{
    uint8_t bytes[256];
    uint8_t back[256];
    char hex[513];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    hm_text_hex(hm_bytes_make(bytes, sizeof(bytes)), hex);
    assert_int_equal(strlen(hex), 512);
    assert_memory_equal(hex, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_memory_equal(hex + 500, "fafbfcfdfeff", 13);
    assert_int_equal(hm_text_unhex(hm_bytes_str(hex), back, sizeof(back)), HM_OK);
    assert_memory_equal(bytes, back, sizeof(bytes));
    assert_int_equal(hm_text_unhex(HM_BYTES_LITERAL("aBCdEf"), back, 3), HM_OK);
    assert_memory_equal(back, "\xab\xcd\xef", 3);
    assert_int_equal(hm_text_unhex(HM_BYTES_EMPTY, back, 0), HM_OK);
}

static void test_unhex__refuses_other_digits_and_sizes(void **state)
{
    static const char *const bad[] = {"",     "0",    "000",  "00000", "0g00", "0G00",
                                      " 000", "00 0", "0x00", "000/",  "000:", "000@",
                                      "000`", "-000", "+000", "000000"};
    uint8_t bytes[2] = {7, 7};

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_text_unhex(hm_bytes_str(bad[i]), bytes, 2), HM_EFORMAT);
    assert_int_equal(hm_text_unhex(hm_bytes_make("00\0000", 4), bytes, 2), HM_EFORMAT);
    assert_true(bytes[0] == 7 && bytes[1] == 7);
}

static void test_percent__keeps_only_what_every_url_and_file_system_keeps(void **state)
{
    static const struct {
        const char *text;
        const char *segment;
        const char *path;
    } cases[] = {
        {"", "", ""},
        {"az-AZ_09.~", "az-AZ_09.~", "az-AZ_09.~"},
        {"a b", "a%20b", "a%20b"},
        {"a%2Fb", "a%252Fb", "a%252Fb"},
        {"a/b", "a%2Fb", "a/b"},
        {"a//b/", "a%2F%2Fb%2F", "a//b/"},
        {"\xc3\xa9?#&", "%C3%A9%3F%23%26", "%C3%A9%3F%23%26"},
        {".", "%2E", "%2E"},
        {"..", "%2E%2E", "%2E%2E"},
        {"...", "%2E%2E%2E", "%2E%2E%2E"},
        {"..a", "..a", "..a"},
        {"../etc", "..%2Fetc", "%2E%2E/etc"},
        {"a/./../b", "a%2F.%2F..%2Fb", "a/%2E/%2E%2E/b"},
        {"/", "%2F", "/"},
        {"\\:*", "%5C%3A%2A", "%5C%3A%2A"},
        {"\n\x7f", "%0A%7F", "%0A%7F"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf segment = HM_BUF_INIT(64);
        _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(64);

        assert_int_equal(hm_text_percent(&segment, hm_bytes_str(cases[i].text), NULL), HM_OK);
        assert_string_equal(hm_buf_str(&segment), cases[i].segment);
        assert_int_equal(hm_text_percent_path(&path, hm_bytes_str(cases[i].text), NULL), HM_OK);
        assert_string_equal(hm_buf_str(&path), cases[i].path);
    }
}

static void test_percent__stops_at_the_size_of_the_buffer(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf fits = HM_BUF_INIT(6);
    _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(5);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_text_percent(&fits, HM_BYTES_LITERAL("  "), &err), HM_OK);
    assert_int_equal(hm_text_percent(&small, HM_BYTES_LITERAL("  "), &err), HM_EFORMAT);
    hm_buf_clear(&small);
    assert_int_equal(hm_text_percent_path(&small, HM_BYTES_LITERAL("a/b/c/"), &err), HM_EFORMAT);
}

static void test_escape__follows_the_vectors(void **state)
{
    struct vec vec;
    struct hm_bytes fields[2];

    vec_open(&vec, "tests/data/escape.vec");
    while (vec_next(&vec, fields, 2)) {
        _hm_done_(hm_buf_done) struct hm_buf once = HM_BUF_INIT(256);
        _hm_done_(hm_buf_done) struct hm_buf twice = HM_BUF_INIT(256);

        vec_check(&vec, hm_text_escape(&once, fields[0], NULL) == HM_OK);
        vec_check(&vec, hm_bytes_is_equal(hm_buf_bytes(&once), fields[1]));
        vec_check(&vec, hm_text_escape(&twice, fields[1], NULL) == HM_OK);
        vec_check(&vec, hm_bytes_is_equal(hm_buf_bytes(&twice), fields[1]));
    }
    vec_close(&vec);
}

static void test_escape__stops_at_the_size_of_the_buffer(void **state)
{
    static const char *const texts[] = {"abcd", "\x01", "\xff", "\xc2\x80"};
    static const size_t sizes[] = {4, 4, 4, 8};

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        _hm_done_(hm_buf_done) struct hm_buf fits = HM_BUF_INIT(sizes[i]);
        _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(sizes[i] - 1);

        assert_int_equal(hm_text_escape(&fits, hm_bytes_str(texts[i]), NULL), HM_OK);
        assert_int_equal(hm_text_escape(&small, hm_bytes_str(texts[i]), NULL), HM_EFORMAT);
    }
}

static void test_is_match__follows_the_vectors(void **state)
{
    struct vec vec;
    struct hm_bytes fields[4];

    vec_open(&vec, "tests/data/match.vec");
    while (vec_next(&vec, fields, 4)) {
        bool expected = hm_bytes_is_str(fields[0], "yes");

        vec_check(&vec, expected || hm_bytes_is_str(fields[0], "no"));
        vec_check(&vec, hm_text_is_match(fields[1], fields[2]) == expected);
        if (hm_bytes_is_str(fields[3], "own"))
            continue;
        vec_check(&vec, hm_bytes_is_str(fields[3], "same"));
        /* Decoded fields are NUL-terminated only where nothing was shortened: copy. */
        char *pattern = strndup((const char *)fields[1].data, fields[1].size);
        char *path = strndup((const char *)fields[2].data, fields[2].size);

        assert_true(pattern != NULL && path != NULL);
        vec_check(&vec, (fnmatch(pattern, path, FNM_PATHNAME) == 0) == expected);
        free(pattern);
        free(path);
    }
    vec_close(&vec);
}

static void test_is_match__agrees_with_fnmatch_on_all_short_patterns(void **state)
{
    static const char alphabet[] = "ab*?[]!-/";
    static const char *const paths[] = {"",   "a",  "b",  "-",   "]",   "[",   "!",   "ab",
                                        "ba", "a/", "/b", "a/b", "aab", "[a]", "a-b", "b]"};
    enum { LETTERS = sizeof(alphabet) - 1, LENGTH = 5 };
    size_t total = 1;
    size_t compared = 0;

    for (size_t i = 0; i < LENGTH; i++)
        total *= LETTERS;
    for (size_t number = 0; number < total; number++) {
        char pattern[LENGTH + 1] = "";
        size_t rest = number;

        for (size_t i = 0; i < LENGTH; i++, rest /= LETTERS)
            pattern[i] = alphabet[rest % LETTERS];
        /* text.h: a bracket ends with its part; POSIX, but not glibc. */
        if (strchr(pattern, '[') != NULL &&
            (strchr(pattern, '/') != NULL || pattern[LENGTH - 1] == '-'))
            continue;
        for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++) {
            bool expected = fnmatch(pattern, paths[i], FNM_PATHNAME) == 0;

            if (hm_text_is_match(hm_bytes_str(pattern), hm_bytes_str(paths[i])) != expected)
                fail_msg("'%s' and '%s'", pattern, paths[i]);
            compared++;
        }
    }
    assert_true(compared > 500000);
}

static void test_is_match__does_not_backtrack(void **state)
{
    char pattern[HM_TEXT_PATTERN_PART_SIZE_MAX];
    char path[4096];

    memset(path, 'a', sizeof(path));
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[sizeof(pattern) - 1] = 'b';
    assert_false(hm_text_is_match(hm_bytes_make(pattern, sizeof(pattern)),
                                  hm_bytes_make(path, sizeof(path))));
    /* Brackets that never end must not be searched again and again. */
    memset(path, '[', sizeof(path));
    memset(pattern, '[', sizeof(pattern));
    pattern[0] = '*';
    pattern[sizeof(pattern) - 1] = 'b';
    assert_false(hm_text_is_match(hm_bytes_make(pattern, sizeof(pattern)),
                                  hm_bytes_make(path, sizeof(path))));
}

static void test_is_match__refuses_parts_past_the_limit(void **state)
{
    char text[HM_TEXT_PATTERN_PART_SIZE_MAX + 3];

    memset(text, 'a', sizeof(text));
    assert_true(hm_text_is_match(hm_bytes_make(text, HM_TEXT_PATTERN_PART_SIZE_MAX),
                                 hm_bytes_make(text, HM_TEXT_PATTERN_PART_SIZE_MAX)));
    assert_false(hm_text_is_match(hm_bytes_make(text, HM_TEXT_PATTERN_PART_SIZE_MAX + 1),
                                  hm_bytes_make(text, HM_TEXT_PATTERN_PART_SIZE_MAX + 1)));
    text[HM_TEXT_PATTERN_PART_SIZE_MAX] = '/'; /* two parts, each within it */
    assert_true(
        hm_text_is_match(hm_bytes_make(text, sizeof(text)), hm_bytes_make(text, sizeof(text))));
}

static void test_compare_versions__is_a_total_order(void **state)
{
    enum { COUNT_MAX = 64 };
    struct vec vec;
    struct hm_bytes fields[2];
    struct hm_bytes versions[COUNT_MAX];
    size_t count = 0;

    vec_open(&vec, "tests/data/version.vec");
    while (vec_next(&vec, fields, 2)) {
        assert_true(count < COUNT_MAX);
        versions[count] =
            hm_bytes_make(strndup((const char *)fields[1].data, fields[1].size), fields[1].size);
        assert_non_null(versions[count].data);
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = hm_text_compare_versions(versions[i], versions[j]);

            if ((order < 0) != (i < j) || (order > 0) != (i > j))
                fail_msg("'%s' and '%s': %d", (const char *)versions[i].data,
                         (const char *)versions[j].data, order);
        }
    }
    for (size_t i = 0; i < count; i++) {
        union {
            const uint8_t *borrowed;
            uint8_t *owned;
        } pointer = {.borrowed = versions[i].data};

        free(pointer.owned);
    }
    vec_close(&vec);
}

static void test_size__rounds_to_one_decimal(void **state)
{
    static const struct {
        uint64_t size;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {1024 * 1024 - 1, "1.0 MiB"},
        {1024 * 1024 - 52, "1023.9 KiB"},
        {1572864, "1.5 MiB"},
        {UINT64_C(1) << 30, "1.0 GiB"},
        {UINT64_C(5) << 40, "5.0 TiB"},
        {(UINT64_C(1) << 60) - 1, "1.0 EiB"},
        {UINT64_MAX, "16.0 EiB"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        char text[16];

        hm_text_size(cases[i].size, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_utf8__judges_every_beginning),
        cmocka_unit_test(test_is_utf8__sees_each_place),
        cmocka_unit_test(test_utf8__gives_the_character),
        cmocka_unit_test(test_is_name__allows_what_fits_every_file_system),
        cmocka_unit_test(test_hex__goes_both_ways),
        cmocka_unit_test(test_unhex__refuses_other_digits_and_sizes),
        cmocka_unit_test(test_percent__keeps_only_what_every_url_and_file_system_keeps),
        cmocka_unit_test(test_percent__stops_at_the_size_of_the_buffer),
        cmocka_unit_test(test_escape__follows_the_vectors),
        cmocka_unit_test(test_escape__stops_at_the_size_of_the_buffer),
        cmocka_unit_test(test_is_match__follows_the_vectors),
        cmocka_unit_test(test_is_match__agrees_with_fnmatch_on_all_short_patterns),
        cmocka_unit_test(test_is_match__does_not_backtrack),
        cmocka_unit_test(test_is_match__refuses_parts_past_the_limit),
        cmocka_unit_test(test_compare_versions__is_a_total_order),
        cmocka_unit_test(test_size__rounds_to_one_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
