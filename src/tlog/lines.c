/* SPDX-License-Identifier: Apache-2.0 */
/* Text of lines and words. See lines.h. */
#include "tlog/lines.h"

#include "base/num.h"
#include "base/text.h"

enum hm_rc hm_lines_check(struct hm_bytes raw, size_t size_max, const char *noun,
                          struct hm_err *err)
{
    if (raw.size > size_max)
        return hm_fail(err, HM_EFORMAT, "%s is longer than %zu bytes", noun, size_max);
    if (raw.size == 0 || raw.data[raw.size - 1] != '\n')
        return hm_fail(err, HM_EFORMAT, "%s does not end in a newline", noun);
    for (size_t i = 0; i < raw.size; i++) {
        if ((raw.data[i] < 0x20 && raw.data[i] != '\n') || raw.data[i] == 0x7f)
            return hm_error_fail_at(err, HM_EFORMAT, i, "%s has a control character", noun);
    }
    if (!hm_text_is_utf8(raw))
        return hm_fail(err, HM_EFORMAT, "%s is not UTF-8", noun);
    return HM_OK;
}

void hm_lines_init(struct hm_lines *lines, struct hm_bytes raw, const char *noun,
                   struct hm_err *err)
{
    *lines = (struct hm_lines){.noun = noun, .err = err, .rest = raw};
    hm_lines_next(lines);
}

void hm_lines_next(struct hm_lines *lines)
{
    const uint8_t *end;

    lines->has_line = lines->rest.size > 0;
    if (!lines->has_line)
        return;
    end = memchr(lines->rest.data, '\n', lines->rest.size); /* the last byte is one */
    lines->line = hm_bytes_make(lines->rest.data, (size_t)(end - lines->rest.data));
    lines->rest = hm_bytes_make(end + 1, lines->rest.size - lines->line.size - 1);
    lines->number++;
}

enum hm_rc hm_lines_fail(const struct hm_lines *lines, const char *what)
{
    if (!lines->has_line)
        return hm_fail(lines->err, HM_EFORMAT, "%s ends where %s was expected", lines->noun, what);
    return hm_fail(lines->err, HM_EFORMAT, "line %zu of %s is not %s", lines->number, lines->noun,
                   what);
}

bool hm_lines_has(const struct hm_lines *lines, const char *word)
{
    size_t size = strlen(word);

    return lines->has_line && lines->line.size > size &&
           memcmp(lines->line.data, word, size) == 0 && lines->line.data[size] == ' ';
}

size_t hm_lines_count(const struct hm_lines *lines, const char *word)
{
    struct hm_lines ahead = *lines;
    size_t count = 0;

    while (hm_lines_has(&ahead, word)) {
        count++;
        hm_lines_next(&ahead);
    }
    return count;
}

enum hm_rc hm_lines_take(struct hm_lines *lines, const char *word, size_t count, bool is_text,
                         const char *what)
{
    struct hm_bytes rest;

    if (!hm_lines_has(lines, word))
        return hm_lines_fail(lines, what);
    rest = hm_bytes_make(lines->line.data + strlen(word) + 1, lines->line.size - strlen(word) - 1);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *space = rest.size == 0 ? NULL : memchr(rest.data, ' ', rest.size);
        bool is_last = i + 1 == count;

        if (rest.size == 0 || (is_last ? space != NULL && !is_text : space == NULL))
            return hm_lines_fail(lines, what);
        lines->words[i] = rest;
        if (is_last)
            break;
        lines->words[i].size = (size_t)(space - rest.data);
        if (lines->words[i].size == 0)
            return hm_lines_fail(lines, what);
        rest = hm_bytes_make(space + 1, rest.size - lines->words[i].size - 1);
    }
    return HM_OK;
}

enum hm_rc hm_lines_number(const struct hm_lines *lines, size_t i, uint64_t min, const char *what,
                           uint64_t *ret_number)
{
    struct hm_bytes text = lines->words[i];
    uint64_t number = 0;

    if (hm_num_parse_u64((const char *)text.data, text.size, &number) != HM_OK || number < min ||
        number > HM_LINES_INDEX_MAX)
        return hm_lines_fail(lines, what);
    *ret_number = number;
    return HM_OK;
}

enum hm_rc hm_lines_digest(const struct hm_lines *lines, size_t i, const char *what,
                           struct hm_sha256 *ret_sha256)
{
    struct hm_bytes text = lines->words[i];
    struct hm_sha256 sha256;
    char again[HM_SHA256_HEX_SIZE];

    if (hm_text_unhex(text, sha256.bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_lines_fail(lines, what);
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), again);
    if (!hm_bytes_is_str(text, again)) /* lower case only */
        return hm_lines_fail(lines, what);
    *ret_sha256 = sha256;
    return HM_OK;
}

enum hm_rc hm_lines_copy(const struct hm_lines *lines, size_t i, struct hm_arena *arena,
                         const char **ret_text)
{
    const char *text = hm_arena_strdup(arena, lines->words[i]);

    if (text == NULL)
        return hm_error_nomem(lines->err);
    *ret_text = text;
    return HM_OK;
}

enum hm_rc hm_lines_take_quoted(struct hm_lines *lines, size_t size_max, const char *what,
                                struct hm_arena *arena, struct hm_bytes *ret_text)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(size_max);

    while (lines->has_line && lines->line.size > 0 && lines->line.data[0] == '|') {
        struct hm_bytes line = lines->line;

        if (line.size == 2 || (line.size > 1 && line.data[1] != ' '))
            return hm_lines_fail(lines, "'| TEXT', or '|' for an empty line");
        if (line.size > 1)
            HM_TRY(hm_buf_append(&text, hm_bytes_make(line.data + 2, line.size - 2), lines->err));
        HM_TRY(hm_buf_append_byte(&text, '\n', lines->err));
        hm_lines_next(lines);
    }
    if (text.size == 0)
        return hm_lines_fail(lines, what);
    return hm_arena_copy(arena, hm_buf_bytes(&text), lines->err, ret_text);
}

enum hm_rc hm_lines_write_quoted(struct hm_bytes text, struct hm_err *err, struct hm_buf *ret_buf)
{
    for (size_t at = 0; at < text.size;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        struct hm_bytes line;

        if (end == NULL)
            return hm_fail(err, HM_EUSAGE, "a quoted text does not end in a newline");
        line = hm_bytes_make(text.data + at, (size_t)(end - text.data) - at);
        HM_TRY(hm_buf_append_str(ret_buf, line.size == 0 ? "|" : "| ", err));
        HM_TRY(hm_buf_append(ret_buf, line, err));
        HM_TRY(hm_buf_append_byte(ret_buf, '\n', err));
        at += line.size + 1;
    }
    return HM_OK;
}
