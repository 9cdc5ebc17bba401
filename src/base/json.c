/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259), strict, pulled value by value.
 *
 * Duplicate keys: while the keys of an object ascend strictly, comparing with the last one is
 * enough. An object whose keys do not is read once more at its end, collecting its own keys to sort
 * them. Each byte is therefore read at most HM_JSON_DEPTH_MAX + 1 times, and only in input made for
 * it.
 */
#include "base/json.h"

#include "base/json_internal.h"
#include "base/text.h"

#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

/* Returns a constant, so that the compiler sees which outputs are set on HM_OK. */
HM_MUST_CHECK static inline enum hm_rc fail_at(struct hm_err *err, size_t offset, const char *rule)
{
    (void)hm_fail_at(err, HM_EFORMAT, offset, "JSON at byte %zu: %s", offset, rule);
    return HM_EFORMAT;
}

void hm_json_init(struct hm_json *json, struct hm_bytes input, struct hm_arena *arena)
{
    json->input = input;
    json->arena = arena;
    json->offset = 0;
    json->canonical = true;
    json->depth = 0;
}

static inline bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static inline bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Skips white space; the next byte, or 0 at the end (a NUL in the input is no token either). */
static inline uint8_t next_byte(struct hm_json *json)
{
    const uint8_t *data = json->input.data;
    size_t size = json->input.size;
    size_t offset = json->offset;

    if (offset < size && is_space(data[offset])) {
        json->canonical = false;
        while (offset < size && is_space(data[offset]))
            offset++;
        json->offset = offset;
    }
    return offset < size ? data[offset] : 0;
}

/* --- Strings --- */

/* The offset of the first byte from offset on that is '"', '\\', below 0x20 or above 0x7f; size if
 * there is none. Eight bytes at a time: each test sets the top bit of the bytes it finds, and false
 * hits occur only above a true one, so the lowest is right on a little-endian machine. */
static inline size_t find_special(const uint8_t *data, size_t size, size_t offset)
{
    while (size - offset >= sizeof(uint64_t)) {
        uint64_t word;
        uint64_t quote;
        uint64_t backslash;
        uint64_t found;

        memcpy(&word, data + offset, sizeof(word));
        quote = word ^ (ONES * '"');
        backslash = word ^ (ONES * '\\');
        found = ((word - ONES * 0x20) | (quote - ONES) | (backslash - ONES) | word) & TOPS;
        if (found != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return offset + (size_t)__builtin_ctzll(found) / 8;
#else
            break;
#endif
        }
        offset += sizeof(word);
    }
    while (offset < size && data[offset] >= 0x20 && data[offset] < 0x80 && data[offset] != '"' &&
           data[offset] != '\\')
        offset++;
    return offset;
}

/* Four hexadecimal digits. False if they are not there. */
static bool read_hex4(const uint8_t *data, size_t left, uint32_t *ret_unit)
{
    uint8_t bytes[2];

    if (left < 4 || hm_text_unhex(hm_bytes_make(data, 4), bytes, 2) != HM_OK)
        return false;
    *ret_unit = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

/* Reads the escape that starts with the backslash at *offset and moves behind it. */
HM_MUST_CHECK static enum hm_rc read_escape(struct hm_bytes input, size_t *offset,
                                            struct hm_err *err, uint32_t *ret_char)
{
    const uint8_t *data = input.data + *offset;
    size_t left = input.size - *offset;
    uint32_t unit;
    uint32_t low;

    if (left >= 2 && data[1] != 'u') {
        static const char names[] = "\"\\/bfnrt";
        static const char values[] = "\"\\/\b\f\n\r\t";
        const char *name = data[1] == '\0' ? NULL : strchr(names, data[1]);

        if (name == NULL)
            return fail_at(err, *offset, "unknown escape in a string");
        *ret_char = (uint8_t)values[name - names];
        *offset += 2;
        return HM_OK;
    }
    if (left < 6 || !read_hex4(data + 2, left - 2, &unit))
        return fail_at(err, *offset, "\\u without four hexadecimal digits");
    if (unit == 0)
        return fail_at(err, *offset, "U+0000 in a string");
    if (unit < 0xd800 || unit > 0xdfff) {
        *ret_char = unit;
        *offset += 6;
        return HM_OK;
    }
    /* RFC 8259 section 7: past U+FFFF two escapes, high surrogate first. */
    if (unit > 0xdbff || left < 12 || data[6] != '\\' || data[7] != 'u' ||
        !read_hex4(data + 8, left - 8, &low) || low < 0xdc00 || low > 0xdfff)
        return fail_at(err, *offset, "lone surrogate in a string");
    *ret_char = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    *offset += 12;
    return HM_OK;
}

/* Writes character as UTF-8; the number of bytes, which is never more than its escape had. */
static size_t put_utf8(uint8_t *out, uint32_t character)
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xc0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xe0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

/* The text between the quotes of a string that was checked, without its escapes, in the arena. */
HM_MUST_CHECK static enum hm_rc unescape(struct hm_bytes raw, struct hm_arena *arena,
                                         struct hm_err *err, struct hm_bytes *ret_text)
{
    uint8_t *text = hm_arena_alloc(arena, raw.size, 1);
    size_t size = 0;
    size_t offset = 0;

    if (text == NULL)
        return hm_error_nomem(err);
    while (offset < raw.size) {
        uint32_t character;

        if (raw.data[offset] != '\\') {
            text[size++] = raw.data[offset++];
            continue;
        }
        HM_TRY(read_escape(raw, &offset, err, &character));
        size += put_utf8(text + size, character);
    }
    *ret_text = hm_bytes_make(text, size);
    return HM_OK;
}

/* What find_special stops at, other than a quote: moves *offset behind it, or fails. */
HM_MUST_CHECK static enum hm_rc check_special(struct hm_json *json, size_t start,
                                              struct hm_err *err, size_t *offset, bool *has_escapes)
{
    struct hm_bytes input = json->input;
    uint32_t character;
    size_t size;

    if (*offset >= input.size)
        return fail_at(err, start, "string without an end");
    if (input.data[*offset] == '\\') {
        size_t at = *offset;

        *has_escapes = true;
        HM_TRY(read_escape(input, offset, err, &character));
        /* OLPC canonical form escapes these two and nothing else. */
        if (*offset != at + 2 || (character != '"' && character != '\\'))
            json->canonical = false;
        return HM_OK;
    }
    if (input.data[*offset] < 0x20)
        return fail_at(err, *offset, "raw control character in a string");
    size = hm_text_utf8(hm_bytes_make(input.data + *offset, input.size - *offset), &character);
    if (size == 0)
        return fail_at(err, *offset, "bytes that are not UTF-8 in a string");
    *offset += size;
    return HM_OK;
}

/* Reads the string whose opening quote is the next byte. ret_text may be NULL. */
HM_MUST_CHECK static enum hm_rc read_string(struct hm_json *json, struct hm_err *err,
                                            struct hm_bytes *ret_text)
{
    const uint8_t *data = json->input.data;
    size_t size = json->input.size;
    size_t start = json->offset + 1;
    size_t offset = start;
    bool has_escapes = false;
    struct hm_bytes raw;

    for (;;) {
        offset = find_special(data, size, offset);
        if (offset < size && data[offset] == '"')
            break;
        HM_TRY(check_special(json, start - 1, err, &offset, &has_escapes));
    }
    raw = hm_bytes_make(data + start, offset - start);
    if (ret_text != NULL) {
        if (has_escapes)
            HM_TRY(unescape(raw, json->arena, err, ret_text));
        else
            *ret_text = raw;
    }
    json->offset = offset + 1;
    return HM_OK;
}

enum hm_rc hm_json_string(struct hm_json *json, struct hm_err *err, struct hm_bytes *ret_text)
{
    if (next_byte(json) != '"')
        return fail_at(err, json->offset, "a string is expected");
    return read_string(json, err, ret_text);
}

/* --- Numbers and words --- */

/* Reads a number by RFC 8259 section 6 and gives its text. */
HM_MUST_CHECK static enum hm_rc read_number(struct hm_json *json, struct hm_err *err,
                                            struct hm_bytes *ret_number, bool *ret_integer)
{
    const uint8_t *data = json->input.data;
    size_t size = json->input.size;
    size_t start = json->offset;
    size_t offset = start;
    bool integer = true;

    if (offset < size && data[offset] == '-')
        offset++;
    if (offset >= size || !is_digit(data[offset]))
        return fail_at(err, start, "a number is expected");
    if (data[offset] == '0' && size - offset > 1 && is_digit(data[offset + 1]))
        return fail_at(err, start, "number with a leading zero");
    while (offset < size && is_digit(data[offset]))
        offset++;
    if (offset < size && data[offset] == '.') {
        integer = false;
        if (++offset >= size || !is_digit(data[offset]))
            return fail_at(err, start, "number without digits behind its point");
        while (offset < size && is_digit(data[offset]))
            offset++;
    }
    if (offset < size && (data[offset] == 'e' || data[offset] == 'E')) {
        integer = false;
        offset++;
        if (offset < size && (data[offset] == '+' || data[offset] == '-'))
            offset++;
        if (offset >= size || !is_digit(data[offset]))
            return fail_at(err, start, "number without digits in its exponent");
        while (offset < size && is_digit(data[offset]))
            offset++;
    }
    if (!integer || (data[start] == '-' && data[start + 1] == '0'))
        json->canonical = false;
    *ret_number = hm_bytes_make(data + start, offset - start);
    *ret_integer = integer;
    json->offset = offset;
    return HM_OK;
}

enum hm_rc hm_json_int(struct hm_json *json, struct hm_err *err, int64_t *ret_value)
{
    struct hm_bytes number;
    bool integer;
    bool negative;
    size_t start;
    int64_t value = 0;

    (void)next_byte(json); /* for the white space */
    start = json->offset;
    HM_TRY(read_number(json, err, &number, &integer));
    if (!integer)
        return fail_at(err, start, "an integer is expected");
    negative = number.data[0] == '-';
    for (size_t i = negative ? 1 : 0; i < number.size; i++) {
        int64_t digit = number.data[i] - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return fail_at(err, start, "an integer of at most 64 bits is expected");
    }
    *ret_value = value;
    return HM_OK;
}

HM_MUST_CHECK static enum hm_rc read_word(struct hm_json *json, const char *word,
                                          struct hm_err *err)
{
    struct hm_bytes rest =
        hm_bytes_make(json->input.data + json->offset, json->input.size - json->offset);
    struct hm_bytes expected = hm_bytes_str(word);

    if (!hm_bytes_has_prefix(rest, expected))
        return fail_at(err, json->offset, "neither a value nor true, false or null");
    json->offset += expected.size;
    return HM_OK;
}

enum hm_rc hm_json_bool(struct hm_json *json, struct hm_err *err, bool *ret_value)
{
    uint8_t byte = next_byte(json);

    if (byte != 't' && byte != 'f')
        return fail_at(err, json->offset, "true or false is expected");
    HM_TRY(read_word(json, byte == 't' ? "true" : "false", err));
    *ret_value = byte == 't';
    return HM_OK;
}

enum hm_rc hm_json_null(struct hm_json *json, struct hm_err *err)
{
    if (next_byte(json) != 'n')
        return fail_at(err, json->offset, "null is expected");
    return read_word(json, "null", err);
}

/* --- Duplicate keys of unsorted objects --- */

static int compare_keys(const void *a, const void *b)
{
    const struct hm_bytes *left = a;
    const struct hm_bytes *right = b;

    return hm_bytes_compare(*left, *right);
}

/* The offset behind the string whose opening quote is at offset; it was checked before. */
static size_t skip_string(struct hm_bytes text, size_t offset)
{
    const uint8_t *data = text.data;

    for (offset++; data[offset] != '"'; offset++) {
        offset = find_special(data, text.size, offset);
        HM_ASSERT(offset < text.size);
        if (data[offset] == '"')
            break;
        if (data[offset] == '\\')
            offset++;
    }
    return offset + 1;
}

bool hm_json_next_key(struct hm_bytes text, size_t *offset, size_t *ret_start)
{
    size_t depth = 1;
    /* At a member's start, unless *offset is behind a key: then its colon comes first. */
    bool is_key = true;

    for (size_t at = *offset; at < text.size;) {
        uint8_t byte = text.data[at];

        if (byte == '"') {
            size_t end = skip_string(text, at);

            if (is_key && depth == 1) {
                *ret_start = at;
                *offset = end;
                return true;
            }
            at = end;
            continue;
        }
        if (byte == '{' || byte == '[')
            depth++;
        else if ((byte == '}' || byte == ']') && --depth == 0)
            break;
        else if (depth == 1 && byte == ':')
            is_key = false;
        else if (depth == 1 && byte == ',')
            is_key = true;
        at++;
    }
    return false;
}

HM_MUST_CHECK static enum hm_rc check_sorted_keys(struct hm_bytes *keys, size_t count,
                                                  size_t offset, struct hm_err *err)
{
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (hm_bytes_is_equal(keys[i - 1], keys[i]))
            return fail_at(err, offset, "duplicate key in the object that starts here");
    }
    return HM_OK;
}

/* Refuses duplicate keys in the object that starts behind start and ends at the end of text. */
HM_MUST_CHECK static enum hm_rc check_unsorted(struct hm_bytes text, size_t start,
                                               struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena scratch = HM_ARENA_INIT;
    _hm_free_(free) char *memory = NULL;
    struct hm_bytes *keys;
    size_t offset = start;
    size_t key_start;
    size_t count = 0;
    size_t i = 0;

    while (hm_json_next_key(text, &offset, &key_start))
        count++;
    memory = reallocarray(NULL, count, sizeof(*keys));
    if (memory == NULL)
        return hm_error_nomem(err);
    keys = (struct hm_bytes *)(void *)memory;
    for (offset = start; hm_json_next_key(text, &offset, &key_start); i++) {
        struct hm_bytes raw = hm_bytes_make(text.data + key_start + 1, offset - key_start - 2);

        if (memchr(raw.data, '\\', raw.size) != NULL)
            HM_TRY(unescape(raw, &scratch, err, &raw));
        keys[i] = raw;
    }
    return check_sorted_keys(keys, count, start - 1, err);
}

/* --- Objects and arrays --- */

HM_MUST_CHECK static enum hm_rc begin(struct hm_json *json, bool is_object, struct hm_err *err)
{
    if (json->depth >= HM_JSON_DEPTH_MAX)
        return fail_at(err, json->offset, "nested deeper than 32");
    json->offset++;
    json->levels[json->depth++] = (struct hm_json_level){
        .start = json->offset,
        .is_object = is_object,
        .is_sorted = true,
    };
    return HM_OK;
}

enum hm_rc hm_json_object_begin(struct hm_json *json, struct hm_err *err)
{
    if (next_byte(json) != '{')
        return fail_at(err, json->offset, "an object is expected");
    return begin(json, true, err);
}

enum hm_rc hm_json_array_begin(struct hm_json *json, struct hm_err *err)
{
    if (next_byte(json) != '[')
        return fail_at(err, json->offset, "an array is expected");
    return begin(json, false, err);
}

/* Reads the closing bracket or the comma between items. */
HM_MUST_CHECK static enum hm_rc read_separator(struct hm_json *json, struct hm_json_level *level,
                                               uint8_t close, struct hm_err *err, bool *ret_more)
{
    uint8_t byte = next_byte(json);

    if (byte == close) {
        json->offset++;
        json->depth--;
        *ret_more = false;
        return HM_OK;
    }
    if (level->has_items) {
        if (byte != ',')
            return fail_at(err, json->offset, "a comma or a closing bracket is expected");
        json->offset++;
    }
    level->has_items = true;
    *ret_more = true;
    return HM_OK;
}

enum hm_rc hm_json_object_next(struct hm_json *json, struct hm_err *err, bool *ret_more,
                               struct hm_bytes *ret_key)
{
    struct hm_json_level *level;
    struct hm_bytes key;
    bool first;
    bool more;
    size_t start;

    HM_ASSERT(json->depth > 0 && json->levels[json->depth - 1].is_object);
    level = &json->levels[json->depth - 1];
    first = !level->has_items;
    HM_TRY(read_separator(json, level, '}', err, &more));
    if (!more) {
        if (!level->is_sorted)
            HM_TRY(
                check_unsorted(hm_bytes_make(json->input.data, json->offset), level->start, err));
        *ret_more = false;
        return HM_OK;
    }
    if (next_byte(json) != '"')
        return fail_at(err, json->offset, "a key in quotes is expected");
    start = json->offset;
    HM_TRY(read_string(json, err, &key));
    if (!first && level->is_sorted) {
        int order = hm_bytes_compare(level->last_key, key);

        if (order == 0)
            return fail_at(err, start, "duplicate key in an object");
        if (order > 0) {
            level->is_sorted = false;
            json->canonical = false;
        }
    }
    level->last_key = key;
    if (next_byte(json) != ':')
        return fail_at(err, json->offset, "a colon is expected");
    json->offset++;
    *ret_more = true;
    *ret_key = key;
    return HM_OK;
}

enum hm_rc hm_json_array_next(struct hm_json *json, struct hm_err *err, bool *ret_more)
{
    HM_ASSERT(json->depth > 0 && !json->levels[json->depth - 1].is_object);
    return read_separator(json, &json->levels[json->depth - 1], ']', err, ret_more);
}

/* --- Any value --- */

enum hm_rc hm_json_peek(struct hm_json *json, struct hm_err *err, enum hm_json_kind *ret_kind)
{
    switch (next_byte(json)) {
    case '{':
        *ret_kind = HM_JSON_OBJECT;
        return HM_OK;
    case '[':
        *ret_kind = HM_JSON_ARRAY;
        return HM_OK;
    case '"':
        *ret_kind = HM_JSON_STRING;
        return HM_OK;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        *ret_kind = HM_JSON_NUMBER;
        return HM_OK;
    case 't':
        *ret_kind = HM_JSON_TRUE;
        return HM_OK;
    case 'f':
        *ret_kind = HM_JSON_FALSE;
        return HM_OK;
    case 'n':
        *ret_kind = HM_JSON_NULL;
        return HM_OK;
    default:
        return fail_at(err, json->offset, "a value is expected");
    }
}

/* Reads one value; an object or array only up to its opening bracket. */
HM_MUST_CHECK static enum hm_rc enter_value(struct hm_json *json, struct hm_err *err)
{
    enum hm_json_kind kind;
    struct hm_bytes number;
    bool flag;

    HM_TRY(hm_json_peek(json, err, &kind));
    switch (kind) {
    case HM_JSON_OBJECT:
        return begin(json, true, err);
    case HM_JSON_ARRAY:
        return begin(json, false, err);
    case HM_JSON_STRING:
        return read_string(json, err, NULL);
    case HM_JSON_NUMBER:
        return read_number(json, err, &number, &flag);
    case HM_JSON_TRUE:
    case HM_JSON_FALSE:
        return hm_json_bool(json, err, &flag);
    case HM_JSON_NULL:
        break;
    }
    return hm_json_null(json, err);
}

enum hm_rc hm_json_skip(struct hm_json *json, struct hm_err *err, struct hm_bytes *ret_span)
{
    uint32_t depth = json->depth;
    size_t start;

    (void)next_byte(json); /* for the white space */
    start = json->offset;
    HM_TRY(enter_value(json, err));
    while (json->depth > depth) {
        struct hm_bytes key;
        bool more;

        if (json->levels[json->depth - 1].is_object)
            HM_TRY(hm_json_object_next(json, err, &more, &key));
        else
            HM_TRY(hm_json_array_next(json, err, &more));
        if (more)
            HM_TRY(enter_value(json, err));
    }
    if (ret_span != NULL)
        *ret_span = hm_bytes_make(json->input.data + start, json->offset - start);
    return HM_OK;
}

enum hm_rc hm_json_skip_canonical(struct hm_json *json, struct hm_err *err,
                                  struct hm_bytes *ret_span, bool *ret_canonical)
{
    bool before;
    bool canonical;

    (void)next_byte(json); /* white space in front is not the value's */
    before = json->canonical;
    json->canonical = true;
    HM_TRY(hm_json_skip(json, err, ret_span));
    canonical = json->canonical;
    json->canonical = before && canonical;
    *ret_canonical = canonical;
    return HM_OK;
}

enum hm_rc hm_json_end(struct hm_json *json, struct hm_err *err)
{
    (void)next_byte(json); /* for the white space */
    if (json->depth > 0)
        return fail_at(err, json->offset, "an object or array is still open");
    if (json->offset < json->input.size)
        return fail_at(err, json->offset, "bytes behind the end of the value");
    return HM_OK;
}
