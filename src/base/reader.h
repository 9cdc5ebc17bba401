/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to read binary bytes from outside: a bounds-checked cursor with sticky failure.
 * After a failed read every later read returns zeros; check hm_rd_failed() once, before use.
 */
#ifndef HM_BASE_READER_H
#define HM_BASE_READER_H

#include "base/bytes.h"

struct hm_rd {
    struct hm_bytes bytes;
    size_t offset;
    bool failed;
};

struct hm_rd hm_reader_make(struct hm_bytes bytes);
uint8_t hm_reader_u8(struct hm_rd *rd);
uint16_t hm_reader_le16(struct hm_rd *rd);
uint32_t hm_reader_le32(struct hm_rd *rd);
uint64_t hm_reader_le64(struct hm_rd *rd);
uint16_t hm_reader_be16(struct hm_rd *rd);
uint32_t hm_reader_be32(struct hm_rd *rd);
uint64_t hm_reader_be64(struct hm_rd *rd);
/* A view of the next size bytes, or empty with failure set. */
struct hm_bytes hm_reader_take(struct hm_rd *rd, size_t size);
/* count records of size bytes, with the product checked. */
struct hm_bytes hm_reader_take_array(struct hm_rd *rd, size_t count, size_t size);
size_t hm_reader_left(const struct hm_rd *rd);

static inline bool hm_reader_failed(const struct hm_rd *rd)
{
    return rd->failed;
}

#endif
