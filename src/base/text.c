/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside: UTF-8 (RFC 3629), hexadecimal, percent-encoding (RFC 3986 section 2.1), names,
 * path patterns, printable form, order of versions.
 */
#include "base/text.h"

/* Bytes of a word that have their top bit set. */
#define TOP_BITS UINT64_C(0x8080808080808080)

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_upper(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static struct hm_bytes bytes_from(struct hm_bytes text, size_t offset)
{
    return hm_bytes_make(text.data + offset, text.size - offset);
}

size_t hm_text_utf8(struct hm_bytes text, uint32_t *ret_char)
{
    /* RFC 3629 section 4: the second byte's range shuts out long forms, surrogates and what lies
     * past U+10FFFF. */
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    uint8_t first;
    uint32_t character;
    size_t size;

    if (text.size == 0)
        return 0;
    first = text.data[0];
    if (first < 0x80) {
        *ret_char = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (text.size < size || text.data[1] < low || text.data[1] > high)
        return 0;
    character = (uint32_t)(first & (0x7f >> size)) << 6 | (text.data[1] & 0x3f);
    for (size_t i = 2; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (text.data[i] & 0x3f);
    }
    *ret_char = character;
    return size;
}

bool hm_text_is_utf8(struct hm_bytes text)
{
    size_t offset = 0;

    while (offset < text.size) {
        uint32_t character;
        size_t size;

        if (text.size - offset >= sizeof(uint64_t)) {
            uint64_t word;

            memcpy(&word, text.data + offset, sizeof(word));
            if ((word & TOP_BITS) == 0) {
                offset += sizeof(word);
                continue;
            }
        }
        size = hm_text_utf8(bytes_from(text, offset), &character);
        if (size == 0)
            return false;
        offset += size;
    }
    return true;
}

static bool is_name(struct hm_bytes text, bool capitals)
{
    if (text.size == 0 || text.size > HM_TEXT_NAME_SIZE_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (is_lower(byte) || is_digit(byte) || (capitals && is_upper(byte)))
            continue;
        if (i > 0 && (byte == '.' || byte == '_' || byte == '+' || byte == '-'))
            continue;
        return false;
    }
    return true;
}

bool hm_text_is_name(struct hm_bytes text)
{
    return is_name(text, false);
}

bool hm_text_is_file_name(struct hm_bytes text)
{
    return is_name(text, true);
}

void hm_text_hex(struct hm_bytes bytes, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.size; i++) {
        ret_hex[2 * i] = digits[bytes.data[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes.data[i] & 0xf];
    }
    ret_hex[2 * bytes.size] = '\0';
}

/* The value of a hexadecimal digit, or 16. */
static uint8_t hex_value(uint8_t byte)
{
    /* One more than the value, so that all other bytes are 0: metadata is hashes above all. */
    static const uint8_t values[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };

    return values[byte] == 0 ? 16 : (uint8_t)(values[byte] - 1);
}

enum hm_rc hm_text_unhex(struct hm_bytes hex, uint8_t *ret_bytes, size_t size)
{
    if (hex.size % 2 != 0 || hex.size / 2 != size)
        return HM_EFORMAT;
    /* Two passes: the result is written only on success. */
    for (size_t i = 0; i < hex.size; i++) {
        if (hex_value(hex.data[i]) > 15)
            return HM_EFORMAT;
    }
    for (size_t i = 0; i < size; i++) {
        ret_bytes[i] = (uint8_t)(hex_value(hex.data[2 * i]) << 4 | hex_value(hex.data[2 * i + 1]));
    }
    return HM_OK;
}

enum hm_rc hm_text_percent(struct hm_buf *buf, struct hm_bytes text, struct hm_err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    bool only_dots = true;

    for (size_t i = 0; i < text.size; i++)
        only_dots = only_dots && text.data[i] == '.';
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool keep = is_digit(byte) || is_lower(byte) || is_upper(byte) || byte == '_' ||
                    byte == '~' || byte == '-' || (byte == '.' && !only_dots);

        if (!keep) {
            HM_TRY(hm_buf_append_byte(buf, '%', err));
            HM_TRY(hm_buf_append_byte(buf, (uint8_t)digits[byte >> 4], err));
            byte = (uint8_t)digits[byte & 0xf];
        }
        HM_TRY(hm_buf_append_byte(buf, byte, err));
    }
    return HM_OK;
}

/* Takes the part before the first '/' off *rest, and the '/' too; false at the last part. */
static bool take_part(struct hm_bytes *rest, struct hm_bytes *ret_part)
{
    const uint8_t *slash = rest->size == 0 ? NULL : memchr(rest->data, '/', rest->size);
    size_t size;

    if (slash == NULL) {
        *ret_part = *rest;
        *rest = HM_BYTES_EMPTY;
        return false;
    }
    size = (size_t)(slash - rest->data);
    *ret_part = hm_bytes_make(rest->data, size);
    *rest = bytes_from(*rest, size + 1);
    return true;
}

enum hm_rc hm_text_percent_path(struct hm_buf *buf, struct hm_bytes path, struct hm_err *err)
{
    struct hm_bytes rest = path;
    struct hm_bytes part;

    while (take_part(&rest, &part)) {
        HM_TRY(hm_text_percent(buf, part, err));
        HM_TRY(hm_buf_append_byte(buf, '/', err));
    }
    return hm_text_percent(buf, part, err);
}

/* Characters that a terminal or a reader does not show as what they are. */
static bool is_hidden(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f) || character == 0x061c ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

enum hm_rc hm_text_escape(struct hm_buf *buf, struct hm_bytes text, struct hm_err *err)
{
    size_t offset = 0;

    while (offset < text.size) {
        uint32_t character = 0;
        size_t size = hm_text_utf8(bytes_from(text, offset), &character);

        if (size == 0) {
            HM_TRY(hm_buf_append_fmt(buf, err, "\\x%02x", text.data[offset]));
            offset++;
            continue;
        }
        if (!is_hidden(character))
            HM_TRY(hm_buf_append(buf, hm_bytes_make(text.data + offset, size), err));
        else if (character < 0x80)
            HM_TRY(hm_buf_append_fmt(buf, err, "\\x%02x", (unsigned)character));
        else
            HM_TRY(hm_buf_append_fmt(buf, err, "\\u{%04x}", (unsigned)character));
        offset += size;
    }
    return HM_OK;
}

/* POSIX character classes as they are in the C locale. */
static bool is_in_class(struct hm_bytes name, uint8_t byte)
{
    bool alpha = is_lower(byte) || is_upper(byte);
    bool graph = byte > 0x20 && byte < 0x7f;

    if (hm_bytes_is_str(name, "alpha"))
        return alpha;
    if (hm_bytes_is_str(name, "digit"))
        return is_digit(byte);
    if (hm_bytes_is_str(name, "alnum"))
        return alpha || is_digit(byte);
    if (hm_bytes_is_str(name, "lower"))
        return is_lower(byte);
    if (hm_bytes_is_str(name, "upper"))
        return is_upper(byte);
    if (hm_bytes_is_str(name, "xdigit"))
        return hex_value(byte) < 16;
    if (hm_bytes_is_str(name, "punct"))
        return graph && !alpha && !is_digit(byte);
    if (hm_bytes_is_str(name, "graph"))
        return graph;
    if (hm_bytes_is_str(name, "print"))
        return graph || byte == ' ';
    if (hm_bytes_is_str(name, "blank"))
        return byte == ' ' || byte == '\t';
    if (hm_bytes_is_str(name, "space"))
        return byte == ' ' || (byte >= '\t' && byte <= '\r');
    if (hm_bytes_is_str(name, "cntrl"))
        return byte < 0x20 || byte == 0x7f;
    return false;
}

/* If pattern[*at] starts "[:name:]", moves *at behind it and gives the name. */
static bool take_class(struct hm_bytes pattern, size_t *at, struct hm_bytes *ret_name)
{
    size_t end = *at + 2;

    if (pattern.size - *at < 2 || pattern.data[*at] != '[' || pattern.data[*at + 1] != ':')
        return false;
    while (end < pattern.size && is_lower(pattern.data[end]))
        end++;
    if (pattern.size - end < 2 || pattern.data[end] != ':' || pattern.data[end + 1] != ']')
        return false;
    *ret_name = hm_bytes_make(pattern.data + *at + 2, end - *at - 2);
    *at = end + 2;
    return true;
}

/* One byte of a bracket expression, with its backslash if it has one; false at the end. */
static bool take_bracket_byte(struct hm_bytes pattern, size_t *at, uint8_t *ret_byte)
{
    if (*at < pattern.size && pattern.data[*at] == '\\')
        (*at)++;
    if (*at >= pattern.size)
        return false;
    *ret_byte = pattern.data[(*at)++];
    return true;
}

enum bracket { BRACKET_NONE, BRACKET_MATCH, BRACKET_NO_MATCH };

/* pattern[at] is '['. BRACKET_NONE if it is not closed; otherwise *ret_at is behind its ']'. */
static enum bracket match_bracket(struct hm_bytes pattern, size_t at, uint8_t byte, size_t *ret_at)
{
    bool negated;
    bool found = false;
    bool unknown = false;
    bool first = true;

    at++;
    negated = at < pattern.size && (pattern.data[at] == '!' || pattern.data[at] == '^');
    if (negated)
        at++;
    for (;; first = false) {
        struct hm_bytes name;
        uint8_t low;
        uint8_t high;

        if (at >= pattern.size)
            return BRACKET_NONE;
        if (pattern.data[at] == ']' && !first)
            break;
        if (take_class(pattern, &at, &name)) {
            found = found || is_in_class(name, byte);
            continue;
        }
        if (pattern.data[at] == '[' && pattern.size - at >= 2 &&
            (pattern.data[at + 1] == '.' || pattern.data[at + 1] == '='))
            unknown = true;
        if (!take_bracket_byte(pattern, &at, &low))
            return BRACKET_NONE;
        high = low;
        if (pattern.size - at >= 2 && pattern.data[at] == '-' && pattern.data[at + 1] != ']') {
            at++;
            if (!take_bracket_byte(pattern, &at, &high))
                return BRACKET_NONE;
        }
        found = found || (byte >= low && byte <= high);
    }
    *ret_at = at + 1;
    return !unknown && found != negated ? BRACKET_MATCH : BRACKET_NO_MATCH;
}

/* One part of a pattern, with a bit for each '[' found not to be closed: looking for its ']' again
 * each time would make the work grow with the square of the pattern. */
struct part {
    struct hm_bytes pattern;
    uint64_t open[HM_TEXT_PATTERN_PART_SIZE_MAX / 64];
};

/* Whether the element at *at, which is no '*', matches byte; then *at is moved behind it. */
static bool match_one(struct part *part, size_t *at, uint8_t byte)
{
    struct hm_bytes pattern = part->pattern;
    uint8_t element = pattern.data[*at];

    if (element == '?') {
        (*at)++;
        return true;
    }
    if (element == '[' && (part->open[*at / 64] >> (*at % 64) & 1) == 0) {
        enum bracket bracket = match_bracket(pattern, *at, byte, at);

        if (bracket != BRACKET_NONE)
            return bracket == BRACKET_MATCH;
        part->open[*at / 64] |= UINT64_C(1) << (*at % 64);
    }
    if (element == '\\') {
        if (pattern.size - *at < 2)
            return false;
        element = pattern.data[++*at];
    }
    (*at)++;
    return element == byte;
}

/*
 * Matches within one part. Only the last '*' ever needs to take more: whatever the elements before
 * it matched, matching them earlier leaves more text for it. So at most pattern times text steps.
 */
static bool is_part_match(struct hm_bytes pattern, struct hm_bytes text)
{
    struct part part = {.pattern = pattern};
    size_t at = 0;
    size_t offset = 0;
    bool has_star = false;
    size_t star_at = 0;
    size_t star_offset = 0;

    if (pattern.size > HM_TEXT_PATTERN_PART_SIZE_MAX)
        return false;
    while (offset < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            has_star = true;
            star_at = ++at;
            star_offset = offset;
            continue;
        }
        if (at < pattern.size && match_one(&part, &at, text.data[offset])) {
            offset++;
            continue;
        }
        if (!has_star)
            return false;
        at = star_at;
        offset = ++star_offset;
    }
    while (at < pattern.size && pattern.data[at] == '*')
        at++;
    return at == pattern.size;
}

bool hm_text_is_match(struct hm_bytes pattern, struct hm_bytes path)
{
    for (;;) {
        struct hm_bytes pattern_part;
        struct hm_bytes path_part;
        bool pattern_more = take_part(&pattern, &pattern_part);
        bool path_more = take_part(&path, &path_part);

        if (pattern_more != path_more || !is_part_match(pattern_part, path_part))
            return false;
        if (!pattern_more)
            return true;
    }
}

/* The digits at offset without leading zeros (at least one); moves offset behind them. */
static struct hm_bytes take_number(struct hm_bytes text, size_t *offset)
{
    size_t start = *offset;

    while (*offset < text.size && is_digit(text.data[*offset]))
        (*offset)++;
    while (*offset - start > 1 && text.data[start] == '0')
        start++;
    return hm_bytes_make(text.data + start, *offset - start);
}

int hm_text_compare_versions(struct hm_bytes a, struct hm_bytes b)
{
    size_t at_a = 0;
    size_t at_b = 0;

    while (at_a < a.size && at_b < b.size) {
        if (is_digit(a.data[at_a]) && is_digit(b.data[at_b])) {
            struct hm_bytes number_a = take_number(a, &at_a);
            struct hm_bytes number_b = take_number(b, &at_b);
            int order;

            if (number_a.size != number_b.size)
                return number_a.size < number_b.size ? -1 : 1;
            order = hm_bytes_compare(number_a, number_b);
            if (order != 0)
                return order;
            continue;
        }
        /* A digit against another byte: all digits lie together, so this order is transitive. */
        if (a.data[at_a] != b.data[at_b])
            return a.data[at_a] < b.data[at_b] ? -1 : 1;
        at_a++;
        at_b++;
    }
    if (at_a < a.size || at_b < b.size)
        return at_a < a.size ? 1 : -1;
    return hm_bytes_compare(a, b);
}

void hm_text_size(uint64_t size, char ret[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    uint64_t tenths = 0;

    if (size < 1024) {
        (void)snprintf(ret, 16, "%u B", (unsigned)size);
        return;
    }
    do {
        unsigned shift = (unsigned)(++unit * 10);
        uint64_t rest = size & ((UINT64_C(1) << shift) - 1);

        tenths = (size >> shift) * 10 + ((rest * 10 + (UINT64_C(1) << (shift - 1))) >> shift);
    } while (tenths >= 10240 && unit + 1 < HM_ARRAY_COUNT(units));
    (void)snprintf(ret, 16, "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10),
                   units[unit]);
}
