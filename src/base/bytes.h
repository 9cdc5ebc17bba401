/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. Never owns; valid as long as what it points into. */
#ifndef HM_BASE_BYTES_H
#define HM_BASE_BYTES_H

#include <string.h>

#include "base/macro.h"

struct hm_bytes {
    const uint8_t *data; /* may be NULL only if size is 0 */
    size_t size;
};

#define HM_BYTES_EMPTY ((struct hm_bytes){NULL, 0})
/* A string literal as bytes, without its NUL. */
#define HM_BYTES_LITERAL(s) ((struct hm_bytes){(const uint8_t *)("" s), sizeof(s) - 1})

static inline struct hm_bytes hm_bytes_make(const void *data, size_t size)
{
    return (struct hm_bytes){(const uint8_t *)data, size};
}

/* The bytes of our own NUL-terminated string (never of input). */
static inline struct hm_bytes hm_bytes_str(const char *str)
{
    return (struct hm_bytes){(const uint8_t *)str, strlen(str)};
}

static inline bool hm_bytes_is_equal(struct hm_bytes a, struct hm_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool hm_bytes_is_str(struct hm_bytes a, const char *str)
{
    return hm_bytes_is_equal(a, hm_bytes_str(str));
}

/* <0, 0, >0 by unsigned bytes, a shorter prefix first. */
static inline int hm_bytes_compare(struct hm_bytes a, struct hm_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

static inline bool hm_bytes_has_prefix(struct hm_bytes a, struct hm_bytes prefix)
{
    return a.size >= prefix.size &&
           (prefix.size == 0 || memcmp(a.data, prefix.data, prefix.size) == 0);
}

/* Takes the first line, without its newline; false where none ends in rest. */
static inline bool hm_bytes_take_line(struct hm_bytes *rest, struct hm_bytes *ret_line)
{
    const uint8_t *end =
        rest->size == 0 ? NULL : (const uint8_t *)memchr(rest->data, '\n', rest->size);

    if (end == NULL)
        return false;
    *ret_line = hm_bytes_make(rest->data, (size_t)(end - rest->data));
    *rest = hm_bytes_make(end + 1, rest->size - ret_line->size - 1);
    return true;
}

/* For printf's "%.*s": HM_BYTES_FMT(b). Text only. */
#define HM_BYTES_FMT(b) (int)((b).size > 512 ? 512 : (b).size), (const char *)(b).data

#endif
