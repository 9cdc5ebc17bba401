/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as RFC 4648 section 4 writes it. See base64.h. */
#include "base/base64.h"

#define INVALID 64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hm_base64_encode(struct hm_bytes bytes, uint8_t *ret_text)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;

        if (left > 1)
            group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            group |= bytes.data[i + 2];
        *ret_text++ = (uint8_t)alphabet[group >> 18];
        *ret_text++ = (uint8_t)alphabet[group >> 12 & 63];
        *ret_text++ = left > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
        *ret_text++ = left > 2 ? (uint8_t)alphabet[group & 63] : '=';
    }
}

enum hm_rc hm_base64_write(struct hm_bytes bytes, struct hm_err *err, struct hm_buf *ret_buf)
{
    if (bytes.size > SIZE_MAX / 2)
        return hm_fail(err, HM_EFORMAT, "too many bytes for base64");
    HM_TRY(hm_buf_reserve(ret_buf, HM_BASE64_SIZE(bytes.size), err));
    if (bytes.size == 0)
        return HM_OK;
    hm_base64_encode(bytes, ret_buf->data + ret_buf->size);
    ret_buf->size += HM_BASE64_SIZE(bytes.size);
    ret_buf->data[ret_buf->size] = 0;
    return HM_OK;
}

static uint32_t value_of(uint8_t character)
{
    if (character >= 'A' && character <= 'Z')
        return (uint32_t)(character - 'A');
    if (character >= 'a' && character <= 'z')
        return (uint32_t)(character - 'a') + 26;
    if (character >= '0' && character <= '9')
        return (uint32_t)(character - '0') + 52;
    if (character == '+')
        return 62;
    return character == '/' ? 63 : INVALID;
}

/* One group of four characters, the last if is_last; gives 1 to 3 bytes, or 0 if it is malformed.
 */
static size_t read_group(const uint8_t *text, bool is_last, uint8_t bytes[3])
{
    size_t size = 3;
    uint32_t group = 0;

    if (is_last && text[3] == '=')
        size = text[2] == '=' ? 1 : 2;
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = i <= size ? value_of(text[i]) : 0;

        if (value == INVALID)
            return 0;
        group = group << 6 | value;
    }
    /* RFC 4648 section 3.5: the bits that are not used are zero. */
    if ((group & (size == 1 ? 0xffffU : size == 2 ? 0xffU : 0)) != 0)
        return 0;
    bytes[0] = (uint8_t)(group >> 16);
    bytes[1] = (uint8_t)(group >> 8 & 0xff);
    bytes[2] = (uint8_t)(group & 0xff);
    return size;
}

enum hm_rc hm_base64_read(struct hm_bytes text, uint8_t *ret_bytes, size_t *ret_size)
{
    size_t size = 0;

    if (text.size % 4 != 0)
        return HM_EFORMAT;
    for (size_t i = 0; i < text.size; i += 4) {
        uint8_t bytes[3];
        size_t got = read_group(text.data + i, i + 4 == text.size, bytes);

        if (got == 0)
            return HM_EFORMAT;
        memcpy(ret_bytes + size, bytes, got);
        size += got;
    }
    *ret_size = size;
    return HM_OK;
}

enum hm_rc hm_base64_read_exactly(struct hm_bytes text, uint8_t *ret_bytes, size_t size)
{
    size_t got = 0;
    size_t padding = size % 3 == 0 ? 0 : 3 - size % 3;

    if (size > SIZE_MAX / 2 || text.size != HM_BASE64_SIZE(size))
        return HM_EFORMAT;
    for (size_t i = 0; i < padding; i++) {
        if (text.data[text.size - 1 - i] != '=')
            return HM_EFORMAT;
    }
    HM_TRY(hm_base64_read(text, ret_bytes, &got));
    return got == size ? HM_OK : HM_EFORMAT;
}
