/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON (RFC 8259) that the reader in json.c accepts, canonical spacing unless pretty. */
#include "base/json_writer.h"

#include <inttypes.h>

#include "base/text.h"
#include "base/time.h"

void hm_json_writer_init(struct hm_json_writer *writer, struct hm_buf *buf, bool pretty)
{
    *writer = (struct hm_json_writer){.buf = buf, .pretty = pretty, .rc = HM_OK};
}

static void stick(struct hm_json_writer *writer, enum hm_rc rc)
{
    if (writer->rc == HM_OK)
        writer->rc = rc;
}

static void put(struct hm_json_writer *writer, struct hm_bytes bytes)
{
    if (writer->rc == HM_OK)
        writer->rc = hm_buf_append(writer->buf, bytes, NULL);
}

static void put_byte(struct hm_json_writer *writer, char byte)
{
    if (writer->rc == HM_OK)
        writer->rc = hm_buf_append_byte(writer->buf, (uint8_t)byte, NULL);
}

static void put_newline(struct hm_json_writer *writer)
{
    if (!writer->pretty)
        return;
    put_byte(writer, '\n');
    for (uint32_t i = 0; i < writer->depth; i++)
        put(writer, HM_BYTES_LITERAL("  "));
}

/* The bit of the innermost open object or array. */
static uint32_t level_bit(const struct hm_json_writer *writer)
{
    return UINT32_C(1) << (writer->depth - 1);
}

static bool is_in_object(const struct hm_json_writer *writer)
{
    return writer->depth > 0 && (writer->is_object & level_bit(writer)) != 0;
}

/* The comma and line break in front of an array's item or an object's key. */
static void put_item_start(struct hm_json_writer *writer)
{
    if ((writer->has_items & level_bit(writer)) != 0)
        put_byte(writer, ',');
    writer->has_items |= level_bit(writer);
    put_newline(writer);
}

/* What stands in front of a value; false if no value may stand here or an error has stuck. */
static bool begin_value(struct hm_json_writer *writer)
{
    if (writer->depth == 0) {
        if (writer->has_value)
            stick(writer, HM_EINTERNAL);
        writer->has_value = true;
    } else if (is_in_object(writer)) {
        if (!writer->after_key)
            stick(writer, HM_EINTERNAL);
        writer->after_key = false;
    } else {
        put_item_start(writer);
    }
    return writer->rc == HM_OK;
}

static void open_level(struct hm_json_writer *writer, bool is_object)
{
    if (!begin_value(writer))
        return;
    if (writer->depth >= HM_JSON_DEPTH_MAX) {
        stick(writer, HM_EINTERNAL);
        return;
    }
    writer->depth++;
    writer->has_items &= ~level_bit(writer);
    writer->is_object &= ~level_bit(writer);
    if (is_object)
        writer->is_object |= level_bit(writer);
    put_byte(writer, is_object ? '{' : '[');
}

static void close_level(struct hm_json_writer *writer, bool is_object)
{
    bool has_items;

    if (writer->depth == 0 || is_in_object(writer) != is_object || writer->after_key) {
        stick(writer, HM_EINTERNAL);
        return;
    }
    has_items = (writer->has_items & level_bit(writer)) != 0;
    writer->depth--;
    if (has_items)
        put_newline(writer);
    put_byte(writer, is_object ? '}' : ']');
}

void hm_json_writer_object_begin(struct hm_json_writer *writer)
{
    open_level(writer, true);
}

void hm_json_writer_object_end(struct hm_json_writer *writer)
{
    close_level(writer, true);
}

void hm_json_writer_array_begin(struct hm_json_writer *writer)
{
    open_level(writer, false);
}

void hm_json_writer_array_end(struct hm_json_writer *writer)
{
    close_level(writer, false);
}

static void put_escape(struct hm_json_writer *writer, uint8_t byte)
{
    static const char names[] = "\"\\bfnrt";
    static const char values[] = "\"\\\b\f\n\r\t";
    const char *value = byte == 0 ? NULL : strchr(values, byte);
    char text[8];

    if (byte == 0) {
        stick(writer, HM_EFORMAT);
        return;
    }
    if (value != NULL)
        (void)snprintf(text, sizeof(text), "\\%c", names[value - values]);
    else
        (void)snprintf(text, sizeof(text), "\\u%04x", byte);
    put(writer, hm_bytes_str(text));
}

static void put_string(struct hm_json_writer *writer, struct hm_bytes text)
{
    size_t done = 0;

    if (!hm_text_is_utf8(text)) {
        stick(writer, HM_EFORMAT);
        return;
    }
    put_byte(writer, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        put(writer, hm_bytes_make(text.data + done, i - done));
        put_escape(writer, byte);
        done = i + 1;
    }
    if (done < text.size)
        put(writer, hm_bytes_make(text.data + done, text.size - done));
    put_byte(writer, '"');
}

void hm_json_writer_key_bytes(struct hm_json_writer *writer, struct hm_bytes key)
{
    if (!is_in_object(writer) || writer->after_key) {
        stick(writer, HM_EINTERNAL);
        return;
    }
    put_item_start(writer);
    put_string(writer, key);
    put_byte(writer, ':');
    if (writer->pretty)
        put_byte(writer, ' ');
    writer->after_key = true;
}

void hm_json_writer_key(struct hm_json_writer *writer, const char *key)
{
    hm_json_writer_key_bytes(writer, hm_bytes_str(key));
}

void hm_json_writer_string(struct hm_json_writer *writer, struct hm_bytes text)
{
    if (begin_value(writer))
        put_string(writer, text);
}

void hm_json_writer_str(struct hm_json_writer *writer, const char *text)
{
    hm_json_writer_string(writer, hm_bytes_str(text));
}

void hm_json_writer_int(struct hm_json_writer *writer, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    hm_json_writer_raw(writer, hm_bytes_str(text));
}

void hm_json_writer_u64(struct hm_json_writer *writer, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    hm_json_writer_raw(writer, hm_bytes_str(text));
}

void hm_json_writer_bool(struct hm_json_writer *writer, bool value)
{
    hm_json_writer_raw(writer, hm_bytes_str(value ? "true" : "false"));
}

void hm_json_writer_null(struct hm_json_writer *writer)
{
    hm_json_writer_raw(writer, HM_BYTES_LITERAL("null"));
}

void hm_json_writer_raw(struct hm_json_writer *writer, struct hm_bytes json)
{
    if (!begin_value(writer))
        return;
    if (json.size == 0)
        stick(writer, HM_EINTERNAL);
    else
        put(writer, json);
}

void hm_json_writer_hex(struct hm_json_writer *writer, struct hm_bytes bytes)
{
    if (!begin_value(writer))
        return;
    put_byte(writer, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        char digits[3];

        hm_text_hex(hm_bytes_make(bytes.data + i, 1), digits);
        put(writer, hm_bytes_make(digits, 2));
    }
    put_byte(writer, '"');
}

void hm_json_writer_time(struct hm_json_writer *writer, int64_t unix_s)
{
    char text[HM_TIME_TEXT_SIZE];

    hm_time_format(unix_s, text);
    hm_json_writer_str(writer, text);
}

void hm_json_writer_key_str(struct hm_json_writer *writer, const char *key, const char *text)
{
    hm_json_writer_key(writer, key);
    hm_json_writer_str(writer, text);
}

void hm_json_writer_key_int(struct hm_json_writer *writer, const char *key, int64_t value)
{
    hm_json_writer_key(writer, key);
    hm_json_writer_int(writer, value);
}

enum hm_rc hm_json_writer_end(struct hm_json_writer *writer, struct hm_err *err)
{
    if (writer->depth > 0 || !writer->has_value)
        stick(writer, HM_EINTERNAL);
    put_newline(writer);
    switch (writer->rc) {
    case HM_OK:
        return HM_OK;
    case HM_EFORMAT:
        return hm_fail(err, HM_EFORMAT,
                       "cannot write JSON: a text is not UTF-8, has U+0000, or the whole is longer "
                       "than %zu bytes",
                       writer->buf->size_max);
    case HM_ENOMEM:
        return hm_error_nomem(err);
    default:
        return hm_fail(err, writer->rc, "cannot write JSON: calls in an order that makes none");
    }
}
