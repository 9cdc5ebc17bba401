/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UBI volumes on raw flash (Linux, drivers/mtd/ubi/ubi-media.h), big endian: where the run of erase
 * blocks begins and ends. Each block begins with a header:
 *
 *   0  "UBI#"   4  1 (1)   8  times erased (8)   10  offset of the volume's header (4)
 *  14  offset of the data (4)   18  image (4)   3C  CRC-32 of these 60 bytes, not inverted (4)
 *
 * The size of a block stands nowhere: it is how far the next header is away, a power of two.
 */
#include "image/format.h"

#include "image/unpack.h"

#define HEADER_SIZE 64
#define BLOCK_MIN   ((size_t)4096)
#define BLOCK_MAX   ((size_t)4 << 20)

static bool is_block(struct hm_bytes bytes)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_bytes magic = hm_reader_take(&rd, 4);
    uint8_t version = hm_reader_u8(&rd);
    uint32_t crc;

    (void)hm_reader_take(&rd, 0x3c - 5);
    crc = hm_reader_be32(&rd);
    return !hm_reader_failed(&rd) && hm_bytes_is_str(magic, "UBI#") && version == 1 &&
           hm_unpack_crc32(hm_bytes_make(bytes.data, 0x3c)) == ~crc;
}

static struct hm_bytes behind(struct hm_bytes bytes, size_t offset)
{
    return offset >= bytes.size ? HM_BYTES_EMPTY
                                : hm_bytes_make(bytes.data + offset, bytes.size - offset);
}

/* 0 where there is one block alone: then nobody can tell where it ends. */
static size_t block_size_of(struct hm_bytes bytes)
{
    for (size_t size = BLOCK_MIN; size <= BLOCK_MAX; size *= 2) {
        if (is_block(behind(bytes, size)))
            return size;
    }
    return 0;
}

static size_t ubi_bid(struct hm_bytes bytes, bool is_first)
{
    size_t block_size, size;

    (void)is_first; /* the header's checksum is proof enough */
    if (!is_block(bytes))
        return 0;
    block_size = block_size_of(bytes);
    if (block_size == 0)
        return bytes.size;
    /* Bounded: a header is checked each block_size bytes, and all of them belong to the hit. */
    for (size = block_size; is_block(behind(bytes, size)); size += block_size)
        continue;
    return size < bytes.size ? size : bytes.size;
}

static enum hm_rc ubi_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t block_size = block_size_of(bytes);

    if (!is_block(bytes))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no header of an erase block");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_VARIABLE, "counts of erasures"));
    if (block_size == 0)
        return hm_walk_fact_str(walk, node, HM_FACT_TYPE, "one erase block");
    return hm_walk_fact(walk, node, HM_FACT_BLOCK_SIZE, block_size);
}

const struct hm_format hm_ubi_format = {
    .name = "ubi",
    .kind = HM_IMAGE_UBI,
    .magic = {'U', 'B', 'I', '#'},
    .magic_size = 4,
    .align = 512,
    .bid = ubi_bid,
    .parse = ubi_parse,
};
