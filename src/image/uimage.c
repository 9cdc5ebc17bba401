/* SPDX-License-Identifier: Apache-2.0 */
/*
 * U-Boot's legacy images (its include/image.h), as controllers on boards boot them, big endian.
 *
 *   0  27051956   4  CRC-32 of the header, this field 0 (4)   8  time (4)   C  size of the data (4)
 *  10  load address (4)   14  entry (4)   18  CRC-32 of the data (4)   1C  system (1)
 *  1D  machine (1)   1E  type (1)   1F  compression (1)   20  name (32)   40  data
 */
#include "image/format.h"

#include "image/unpack.h"

#define HEADER_SIZE 64
#define NAME_SIZE   32

struct uimage {
    uint32_t time, size, load, entry, data_crc;
    uint8_t machine, type, compression;
    struct hm_bytes name;
};

static bool read_uimage(struct hm_bytes bytes, struct uimage *ret_uimage)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint8_t header[HEADER_SIZE];
    struct uimage uimage;
    uint32_t crc;

    (void)hm_reader_be32(&rd);
    crc = hm_reader_be32(&rd);
    uimage.time = hm_reader_be32(&rd);
    uimage.size = hm_reader_be32(&rd);
    uimage.load = hm_reader_be32(&rd);
    uimage.entry = hm_reader_be32(&rd);
    uimage.data_crc = hm_reader_be32(&rd);
    (void)hm_reader_u8(&rd); /* system: says nothing that the type does not */
    uimage.machine = hm_reader_u8(&rd);
    uimage.type = hm_reader_u8(&rd);
    uimage.compression = hm_reader_u8(&rd);
    uimage.name = hm_reader_take(&rd, NAME_SIZE);
    if (hm_reader_failed(&rd))
        return false;
    memcpy(header, bytes.data, HEADER_SIZE);
    memset(header + 4, 0, 4);
    *ret_uimage = uimage;
    return hm_unpack_crc32(hm_bytes_make(header, HEADER_SIZE)) == crc;
}

static size_t uimage_bid(struct hm_bytes bytes, bool is_first)
{
    struct uimage uimage;

    (void)is_first; /* the header's checksum is proof enough */
    if (!read_uimage(bytes, &uimage))
        return 0;
    return uimage.size < bytes.size - HEADER_SIZE ? HEADER_SIZE + (size_t)uimage.size : bytes.size;
}

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {
        [1] = "standalone", [2] = "kernel", [3] = "ramdisk",    [4] = "multi",
        [5] = "firmware",   [6] = "script", [7] = "filesystem", [8] = "device tree",
    };

    return type < HM_ARRAY_COUNT(names) && names[type] != NULL ? names[type] : "other";
}

static const char *machine_name(uint8_t machine)
{
    static const char *const names[] = {
        [2] = "ARM",    [3] = "x86",     [5] = "MIPS",    [7] = "PowerPC",
        [22] = "ARM64", [26] = "RISC-V", [24] = "x86-64",
    };

    return machine < HM_ARRAY_COUNT(names) && names[machine] != NULL ? names[machine] : "other";
}

static const char *compression_name(uint8_t compression)
{
    static const char *const names[] = {"none", "gzip", "bzip2", "LZMA", "LZO", "LZ4", "zstd"};

    return compression < HM_ARRAY_COUNT(names) ? names[compression] : "other";
}

static enum hm_rc uimage_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_bytes data;
    struct uimage uimage;
    uint32_t child;

    if (!read_uimage(bytes, &uimage))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no header, or a wrong one");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, type_name(uimage.type)));
    HM_TRY(hm_walk_fact_ascii(walk, node, HM_FACT_NAME, uimage.name));
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MACHINE, machine_name(uimage.machine)));
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION, compression_name(uimage.compression)));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_TIMESTAMP, uimage.time));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_LOAD_ADDRESS, uimage.load));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_ENTRY_ADDRESS, uimage.entry));
    data = hm_bytes_make(bytes.data + HEADER_SIZE, bytes.size - HEADER_SIZE);
    if (uimage.size > data.size)
        return hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "the data ends before its size");
    HM_TRY(hm_walk_spend(walk, uimage.size));
    if (hm_unpack_crc32(hm_bytes_make(data.data, uimage.size)) == uimage.data_crc)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good"));
    else
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                "the data does not have its CRC-32"));
    if (uimage.size == 0)
        return HM_OK;
    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, HEADER_SIZE, uimage.size, &child));
    return hm_walk_queue(walk, child, NULL);
}

const struct hm_format hm_uimage_format = {
    .name = "uimage",
    .kind = HM_IMAGE_UIMAGE,
    .magic = {0x27, 0x05, 0x19, 0x56},
    .magic_size = 4,
    .align = 4,
    .bid = uimage_bid,
    .parse = uimage_parse,
};
