/* SPDX-License-Identifier: Apache-2.0 */
/* Growth by doubling, never past the maximum the buffer was born with. */
#include "base/buf.h"

#include <stdarg.h>

#define CAPACITY_MIN 64

void hm_buf_done(struct hm_buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->size = 0;
    buf->capacity = 0;
}

void hm_buf_clear(struct hm_buf *buf)
{
    buf->size = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

enum hm_rc hm_buf_reserve(struct hm_buf *buf, size_t extra, struct hm_err *err)
{
    size_t needed;
    size_t capacity;
    uint8_t *data;

    if (buf->size > buf->size_max || extra > buf->size_max - buf->size)
        return hm_fail(err, HM_EFORMAT, "larger than %zu bytes", buf->size_max);
    /* One more for the NUL, which size_max does not count. */
    if (__builtin_add_overflow(buf->size, extra, &needed) ||
        __builtin_add_overflow(needed, (size_t)1, &needed))
        return hm_error_nomem(err);
    if (needed <= buf->capacity)
        return HM_OK;
    if (__builtin_mul_overflow(buf->capacity, (size_t)2, &capacity) || capacity < needed)
        capacity = needed;
    if (capacity < CAPACITY_MIN)
        capacity = CAPACITY_MIN;
    if (capacity - 1 > buf->size_max)
        capacity = buf->size_max + 1;
    data = realloc(buf->data, capacity);
    if (data == NULL)
        return hm_error_nomem(err);
    data[buf->size] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return HM_OK;
}

enum hm_rc hm_buf_append(struct hm_buf *buf, struct hm_bytes bytes, struct hm_err *err)
{
    HM_TRY(hm_buf_reserve(buf, bytes.size, err));
    if (bytes.size > 0)
        memcpy(buf->data + buf->size, bytes.data, bytes.size);
    buf->size += bytes.size;
    buf->data[buf->size] = '\0';
    return HM_OK;
}

enum hm_rc hm_buf_append_str(struct hm_buf *buf, const char *str, struct hm_err *err)
{
    return hm_buf_append(buf, hm_bytes_str(str), err);
}

enum hm_rc hm_buf_append_byte(struct hm_buf *buf, uint8_t byte, struct hm_err *err)
{
    return hm_buf_append(buf, hm_bytes_make(&byte, 1), err);
}

enum hm_rc hm_buf_append_fmt(struct hm_buf *buf, struct hm_err *err, const char *format, ...)
{
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0)
        return hm_fail(err, HM_EINTERNAL, "cannot format text");
    HM_TRY(hm_buf_reserve(buf, (size_t)size, err));
    va_start(args, format);
    (void)vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args); /* measured */
    va_end(args);
    buf->size += (size_t)size;
    return HM_OK;
}

const char *hm_buf_str(const struct hm_buf *buf)
{
    return buf->data == NULL ? "" : (const char *)buf->data;
}
