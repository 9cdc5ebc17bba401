/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds-checked cursor: every read goes through hm_reader_take. */
#include "base/reader.h"

struct hm_rd hm_reader_make(struct hm_bytes bytes)
{
    return (struct hm_rd){.bytes = bytes, .offset = 0, .failed = false};
}

size_t hm_reader_left(const struct hm_rd *rd)
{
    return rd->failed ? 0 : rd->bytes.size - rd->offset;
}

struct hm_bytes hm_reader_take(struct hm_rd *rd, size_t size)
{
    struct hm_bytes taken;

    if (rd->failed || size > rd->bytes.size - rd->offset) {
        rd->failed = true;
        return HM_BYTES_EMPTY;
    }
    if (size == 0)
        return HM_BYTES_EMPTY;
    taken = hm_bytes_make(rd->bytes.data + rd->offset, size);
    rd->offset += size;
    return taken;
}

struct hm_bytes hm_reader_take_array(struct hm_rd *rd, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        rd->failed = true;
        return HM_BYTES_EMPTY;
    }
    return hm_reader_take(rd, total);
}

static uint64_t take_le(struct hm_rd *rd, size_t size)
{
    struct hm_bytes taken = hm_reader_take(rd, size);
    uint64_t value = 0;

    for (size_t i = taken.size; i > 0; i--)
        value = value << 8 | taken.data[i - 1];
    return value;
}

static uint64_t take_be(struct hm_rd *rd, size_t size)
{
    struct hm_bytes taken = hm_reader_take(rd, size);
    uint64_t value = 0;

    for (size_t i = 0; i < taken.size; i++)
        value = value << 8 | taken.data[i];
    return value;
}

uint8_t hm_reader_u8(struct hm_rd *rd)
{
    return (uint8_t)take_le(rd, 1);
}

uint16_t hm_reader_le16(struct hm_rd *rd)
{
    return (uint16_t)take_le(rd, 2);
}

uint32_t hm_reader_le32(struct hm_rd *rd)
{
    return (uint32_t)take_le(rd, 4);
}

uint64_t hm_reader_le64(struct hm_rd *rd)
{
    return take_le(rd, 8);
}

uint16_t hm_reader_be16(struct hm_rd *rd)
{
    return (uint16_t)take_be(rd, 2);
}

uint32_t hm_reader_be32(struct hm_rd *rd)
{
    return (uint32_t)take_be(rd, 4);
}

uint64_t hm_reader_be64(struct hm_rd *rd)
{
    return take_be(rd, 8);
}
