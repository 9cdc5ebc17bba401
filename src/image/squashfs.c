/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SquashFS file systems, version 4 (Linux, Documentation/filesystems/squashfs.rst), little endian:
 * where they begin and end. What is inside is for other tools.
 *
 *   0  "hsqs"   4  inodes (4)   8  time (4)   C  block size (4)   10  fragments (4)
 *  14  compression (2)   16  log2 of the block size (2)   18  flags (2)   1A  ids (2)
 *  1C  4 (2)   1E  0 (2)   20  root inode (8)   28  bytes used (8) ... 60
 */
#include "image/format.h"

#define HEADER_SIZE 96

struct squashfs {
    uint32_t time;
    uint16_t compression;
    uint64_t used;
};

static bool read_squashfs(struct hm_bytes bytes, struct squashfs *ret_squashfs)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct squashfs squashfs;
    uint32_t block_size;
    uint16_t block_log, major, minor;

    (void)hm_reader_le64(&rd); /* magic, inodes */
    squashfs.time = hm_reader_le32(&rd);
    block_size = hm_reader_le32(&rd);
    (void)hm_reader_le32(&rd);
    squashfs.compression = hm_reader_le16(&rd);
    block_log = hm_reader_le16(&rd);
    (void)hm_reader_le32(&rd);
    major = hm_reader_le16(&rd);
    minor = hm_reader_le16(&rd);
    (void)hm_reader_le64(&rd);
    squashfs.used = hm_reader_le64(&rd);
    if (hm_reader_failed(&rd) || bytes.size < HEADER_SIZE || major != 4 || minor != 0 ||
        block_log < 12 || block_log > 20 || block_size != UINT32_C(1) << block_log ||
        squashfs.used < HEADER_SIZE)
        return false;
    *ret_squashfs = squashfs;
    return true;
}

static size_t squashfs_bid(struct hm_bytes bytes, bool is_first)
{
    struct squashfs squashfs;

    (void)is_first;
    if (!read_squashfs(bytes, &squashfs))
        return 0;
    return squashfs.used < bytes.size ? (size_t)squashfs.used : bytes.size;
}

static enum hm_rc squashfs_parse(struct hm_walk *walk, uint32_t node)
{
    static const char *const names[] = {"", "zlib", "LZMA", "LZO", "xz", "LZ4", "zstd"};
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct squashfs squashfs;

    if (!read_squashfs(bytes, &squashfs))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no superblock of version 4");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION,
                            squashfs.compression > 0 && squashfs.compression < HM_ARRAY_COUNT(names)
                                ? names[squashfs.compression]
                                : "other"));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_TIMESTAMP, squashfs.time));
    return squashfs.used > bytes.size
               ? hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "ends before its size")
               : HM_OK;
}

const struct hm_format hm_squashfs_format = {
    .name = "squashfs",
    .kind = HM_IMAGE_SQUASHFS,
    .magic = {'h', 's', 'q', 's'},
    .magic_size = 4,
    .align = 4,
    .bid_size = HEADER_SIZE,
    .bid = squashfs_bid,
    .parse = squashfs_parse,
};
