/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: patterns against fnmatch, escaping, percent-encoding, hexadecimal, order of versions. The
 * input is two texts with a newline between.
 */
#include "fuzz.h"

#include <fnmatch.h>

#include "base/text.h"

/* The C library takes exponential time for many stars. */
#define STARS_MAX        4
#define FNMATCH_SIZE_MAX 64
#define UNLIMITED        (SIZE_MAX / 2)

static bool has_byte(struct hm_bytes text, char byte)
{
    return text.size > 0 && memchr(text.data, byte, text.size) != NULL;
}

/* Whether hm_text_is_match promises what fnmatch does: see text.h for the differences. */
static bool is_comparable(struct hm_bytes pattern, struct hm_bytes path)
{
    size_t stars = 0;

    if (pattern.size > FNMATCH_SIZE_MAX || path.size > FNMATCH_SIZE_MAX)
        return false;
    if (has_byte(pattern, '\0') || has_byte(path, '\0'))
        return false;
    if (has_byte(pattern, '[') && (has_byte(pattern, '/') || has_byte(pattern, '.') ||
                                   has_byte(pattern, '=') || has_byte(pattern, ':')))
        return false;
    /* A range cut short makes glibc refuse the pattern, where POSIX has the '[' literal. */
    if (has_byte(pattern, '[') && pattern.data[pattern.size - 1] == '-')
        return false;
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.data[i] == '\\' && (i + 1 == pattern.size || pattern.data[i + 1] == '/'))
            return false;
        stars += pattern.data[i] == '*';
    }
    return stars <= STARS_MAX;
}

static void check_match(struct hm_bytes pattern, struct hm_bytes path)
{
    char pattern_text[FNMATCH_SIZE_MAX + 1] = "";
    char path_text[FNMATCH_SIZE_MAX + 1] = "";
    bool match = hm_text_is_match(pattern, path);

    if (!is_comparable(pattern, path))
        return;
    if (pattern.size > 0)
        memcpy(pattern_text, pattern.data, pattern.size);
    if (path.size > 0)
        memcpy(path_text, path.data, path.size);
    FUZZ_CHECK((fnmatch(pattern_text, path_text, FNM_PATHNAME) == 0) == match);
}

static void check_escape(struct hm_bytes text)
{
    _hm_done_(hm_buf_done) struct hm_buf once = HM_BUF_INIT(UNLIMITED);
    _hm_done_(hm_buf_done) struct hm_buf twice = HM_BUF_INIT(UNLIMITED);

    FUZZ_CHECK(hm_text_escape(&once, text, NULL) == HM_OK);
    FUZZ_CHECK(hm_text_escape(&twice, hm_buf_bytes(&once), NULL) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&once), hm_buf_bytes(&twice)));
    FUZZ_CHECK(hm_text_is_utf8(hm_buf_bytes(&once)));
    for (size_t i = 0; i < once.size; i++)
        FUZZ_CHECK(once.data[i] >= 0x20 && once.data[i] != 0x7f);
}

static void check_percent(struct hm_bytes text)
{
    _hm_done_(hm_buf_done) struct hm_buf encoded = HM_BUF_INIT(UNLIMITED);
    size_t done = 0;

    FUZZ_CHECK(hm_text_percent_path(&encoded, text, NULL) == HM_OK);
    for (size_t i = 0; i < encoded.size; i++) {
        uint8_t byte = encoded.data[i];

        if (byte == '%') {
            FUZZ_CHECK(encoded.size - i > 2);
            FUZZ_CHECK(hm_text_unhex(hm_bytes_make(encoded.data + i + 1, 2), &byte, 1) == HM_OK);
            i += 2;
        } else {
            FUZZ_CHECK(byte > 0x20 && byte < 0x7f);
        }
        FUZZ_CHECK(done < text.size && text.data[done] == byte);
        done++;
    }
    FUZZ_CHECK(done == text.size);
    FUZZ_CHECK(!hm_bytes_is_str(hm_buf_bytes(&encoded), "..") &&
               !hm_bytes_has_prefix(hm_buf_bytes(&encoded), HM_BYTES_LITERAL("../")));
}

static void check_utf8(struct hm_bytes text)
{
    size_t offset = 0;
    size_t size = 1;

    while (offset < text.size && size > 0) {
        uint32_t character = 0;

        size = hm_text_utf8(hm_bytes_make(text.data + offset, text.size - offset), &character);
        FUZZ_CHECK(size <= text.size - offset && character <= 0x10ffff);
        FUZZ_CHECK(size == 0 || character < 0xd800 || character > 0xdfff);
        offset += size;
    }
    FUZZ_CHECK(hm_text_is_utf8(text) == (size > 0));
}

static void check_hex(struct hm_bytes text)
{
    uint8_t bytes[32];
    char hex[2 * sizeof(bytes) + 1];
    struct hm_bytes head =
        hm_bytes_make(text.data, text.size < sizeof(bytes) ? text.size : sizeof(bytes));

    hm_text_hex(head, hex);
    FUZZ_CHECK(hm_text_unhex(hm_bytes_str(hex), bytes, head.size) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_bytes_make(bytes, head.size), head));
    if (text.size == 2 * sizeof(bytes) && hm_text_unhex(text, bytes, sizeof(bytes)) == HM_OK)
        hm_text_hex(hm_bytes_make(bytes, sizeof(bytes)), hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
    size_t first = newline == NULL ? size : (size_t)(newline - data);
    struct hm_bytes a = hm_bytes_make(data, first);
    struct hm_bytes b = newline == NULL ? a : hm_bytes_make(newline + 1, size - first - 1);
    int order = hm_text_compare_versions(a, b);
    int back = hm_text_compare_versions(b, a);

    check_match(a, b);
    check_escape(hm_bytes_make(data, size));
    check_percent(hm_bytes_make(data, size));
    check_utf8(hm_bytes_make(data, size));
    check_hex(b);
    FUZZ_CHECK((order > 0) == (back < 0) && (order < 0) == (back > 0));
    FUZZ_CHECK((order == 0) == hm_bytes_is_equal(a, b));
    FUZZ_CHECK(!hm_text_is_name(a) || hm_text_is_file_name(a));
    FUZZ_CHECK(!hm_text_is_file_name(a) || (hm_text_is_match(a, a) && hm_text_is_utf8(a)));
    return 0;
}
