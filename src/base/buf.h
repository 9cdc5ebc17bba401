/* SPDX-License-Identifier: Apache-2.0 */
/* A growable buffer, born with its maximum: growth past it is HM_EFORMAT, never a surprise. */
#ifndef HM_BASE_BUF_H
#define HM_BASE_BUF_H

#include "base/bytes.h"
#include "base/error.h"

struct hm_buf {
    uint8_t *data; /* owned; always NUL-terminated one past size once non-NULL */
    size_t size;
    size_t capacity;
    size_t size_max;
};

#define HM_BUF_INIT(max)                                                                           \
    {                                                                                              \
        .data = NULL, .size = 0, .capacity = 0, .size_max = (max)                                  \
    }

/* Frees and resets; keeps size_max. */
void hm_buf_done(struct hm_buf *buf);

/* Empties without freeing. */
void hm_buf_clear(struct hm_buf *buf);

/* Makes room for extra more bytes. HM_EFORMAT past size_max, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_buf_reserve(struct hm_buf *buf, size_t extra, struct hm_err *err);

/* Copies bytes to the end. HM_EFORMAT past size_max, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_buf_append(struct hm_buf *buf, struct hm_bytes bytes,
                                       struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_buf_append_str(struct hm_buf *buf, const char *str, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_buf_append_byte(struct hm_buf *buf, uint8_t byte, struct hm_err *err);
HM_PRINTF(3, 4)
HM_MUST_CHECK enum hm_rc hm_buf_append_fmt(struct hm_buf *buf, struct hm_err *err,
                                           const char *format, ...);

static inline struct hm_bytes hm_buf_bytes(const struct hm_buf *buf)
{
    return hm_bytes_make(buf->data, buf->size);
}

/* The contents as a C string ("" when empty); the caller knows they are text. Borrows. */
const char *hm_buf_str(const struct hm_buf *buf);

#endif
