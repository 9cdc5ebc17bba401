/* SPDX-License-Identifier: Apache-2.0 */
/* PEM (RFC 7468) and the base64 (RFC 4648 section 4) inside it. See pem.h. */
#include "crypto/pem.h"

#define BEGIN_MARK "-----BEGIN "
#define END_MARK   "-----END "
#define MARK_TAIL  "-----"
#define LINE_SIZE  64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct hm_bytes trim(struct hm_bytes text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes str off the front. */
static bool skip(struct hm_bytes *text, const char *str)
{
    struct hm_bytes prefix = hm_bytes_str(str);

    if (!hm_bytes_has_prefix(*text, prefix))
        return false;
    text->data += prefix.size;
    text->size -= prefix.size;
    return true;
}

/* Takes str off the end. */
static bool skip_end(struct hm_bytes *text, const char *str)
{
    struct hm_bytes suffix = hm_bytes_str(str);

    if (text->size < suffix.size)
        return false;
    text->size -= suffix.size;
    return hm_bytes_is_equal(hm_bytes_make(text->data + text->size, suffix.size), suffix);
}

bool hm_pem_has_label(struct hm_bytes text, const char *label)
{
    text = trim(text);
    return skip(&text, BEGIN_MARK) && skip(&text, label) && skip(&text, MARK_TAIL);
}

/* 0 to 63, or -1. */
static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 with white space anywhere; ret has room for body.size bytes. Padding is required, and the
 * unused bits of the last digit are zero, so that each DER has one spelling but for white space. */
static bool decode_base64(struct hm_bytes body, uint8_t *ret, size_t *ret_size)
{
    uint32_t bits = 0;
    size_t digits = 0;
    size_t padding = 0;
    size_t size = 0;

    for (size_t i = 0; i < body.size; i++) {
        int value = digit_value(body.data[i]);

        if (is_space(body.data[i]))
            continue;
        if (body.data[i] == '=' && digits % 4 >= 2) {
            value = 0;
            padding++;
        } else if (value < 0 || padding > 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (++digits % 4 != 0)
            continue;
        for (size_t byte = 0; byte < 3 - padding; byte++)
            ret[size++] = (uint8_t)(bits >> (16 - 8 * byte));
        if ((bits & ((1U << (8 * padding)) - 1)) != 0)
            return false;
    }
    *ret_size = size;
    return digits % 4 == 0 && digits > 0;
}

enum hm_rc hm_pem_decode(struct hm_bytes text, const char *label, struct hm_err *err,
                         uint8_t *ret_der, size_t *ret_size)
{
    struct hm_bytes body = trim(text);

    if (!skip(&body, BEGIN_MARK) || !skip(&body, label) || !skip(&body, MARK_TAIL) ||
        !skip_end(&body, MARK_TAIL) || !skip_end(&body, label) || !skip_end(&body, END_MARK))
        return hm_fail(err, HM_EFORMAT, "not one PEM block labelled '%s'", label);
    /* The marks are lines of their own. */
    if (body.size < 2 || !is_space(body.data[0]) || body.data[body.size - 1] != '\n' ||
        !decode_base64(body, ret_der, ret_size))
        return hm_fail(err, HM_EFORMAT, "the PEM block '%s' holds something that is not base64",
                       label);
    return HM_OK;
}

size_t hm_pem_text_size(const char *label, size_t der_size)
{
    size_t digits = (der_size + 2) / 3 * 4;
    size_t lines = (digits + LINE_SIZE - 1) / LINE_SIZE;

    return strlen(BEGIN_MARK) + strlen(END_MARK) + 2 * (strlen(label) + strlen(MARK_TAIL) + 1) +
           digits + lines;
}

static uint8_t *put(uint8_t *to, const char *str)
{
    struct hm_bytes bytes = hm_bytes_str(str);

    memcpy(to, bytes.data, bytes.size);
    return to + bytes.size;
}

void hm_pem_encode(const char *label, struct hm_bytes der, uint8_t *ret_text)
{
    uint8_t *to = put(put(put(put(ret_text, BEGIN_MARK), label), MARK_TAIL), "\n");

    for (size_t i = 0; i < der.size; i += 3) {
        size_t left = der.size - i;
        uint32_t bits = (uint32_t)der.data[i] << 16;

        if (left > 1)
            bits |= (uint32_t)der.data[i + 1] << 8;
        if (left > 2)
            bits |= der.data[i + 2];
        *to++ = (uint8_t)alphabet[bits >> 18];
        *to++ = (uint8_t)alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)alphabet[bits & 63] : '=';
        if (left <= 3 || (i + 3) % (LINE_SIZE / 4 * 3) == 0)
            *to++ = '\n';
    }
    to = put(put(put(put(to, END_MARK), label), MARK_TAIL), "\n");
    HM_ASSERT((size_t)(to - ret_text) == hm_pem_text_size(label, der.size));
}
