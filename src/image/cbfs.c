/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system of coreboot (its util/cbfstool/cbfs.h): files in a row, each at a multiple of 64,
 * big endian.
 *
 *   0  "LARCHIVE"   8  size of the data (4)   C  type (4)   10  offset of attributes, or 0 (4)
 *  14  offset of the data (4)   18  name, NUL
 *
 *   attribute:  0  tag (4)   4  size with this (4)   8  ...
 *               tag 42435A4C: compression (4): 0 none, 1 LZMA, 2 LZ4; size decompressed (4)
 */
#include "image/format.h"

#include "image/unpack.h"

#define HEADER_SIZE 24
#define UNIT        64
/* Real ones have some fifty. */
#define FILE_COUNT_MAX  4096
#define TYPE_DELETED    0
#define TYPE_NULL       0xffffffff
#define TAG_COMPRESSION 0x42435a4c
/* Attributes of one file. */
#define ATTRIBUTE_COUNT_MAX 16

struct file {
    size_t data_offset, size; /* of the data */
    size_t end;               /* of the file */
    uint32_t type;
    uint32_t compression;
    struct hm_bytes name;
};

/* Attributes stand between name and data. */
static uint32_t read_compression(struct hm_bytes bytes)
{
    struct hm_rd rd = hm_reader_make(bytes);

    for (size_t count = 0; count < ATTRIBUTE_COUNT_MAX; count++) {
        uint32_t tag = hm_reader_be32(&rd);
        uint32_t size = hm_reader_be32(&rd);

        if (hm_reader_failed(&rd) || size < 8)
            return 0;
        if (tag == TAG_COMPRESSION)
            return hm_reader_be32(&rd);
        (void)hm_reader_take(&rd, size - 8);
    }
    return 0;
}

static bool read_file(struct hm_bytes bytes, struct file *ret_file)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_bytes magic = hm_reader_take(&rd, 8);
    struct file file = {.size = hm_reader_be32(&rd)};
    size_t attributes;
    const uint8_t *nul;

    file.type = hm_reader_be32(&rd);
    attributes = hm_reader_be32(&rd);
    file.data_offset = hm_reader_be32(&rd);
    if (hm_reader_failed(&rd) || !hm_bytes_is_str(magic, "LARCHIVE") ||
        file.data_offset < HEADER_SIZE || file.data_offset > bytes.size ||
        file.size > bytes.size - file.data_offset)
        return false;
    file.name = hm_bytes_make(bytes.data + HEADER_SIZE, file.data_offset - HEADER_SIZE);
    nul = file.name.size == 0 ? NULL : memchr(file.name.data, 0, file.name.size);
    if (nul != NULL)
        file.name.size = (size_t)(nul - file.name.data);
    if (attributes >= HEADER_SIZE && attributes < file.data_offset)
        file.compression =
            read_compression(hm_bytes_make(bytes.data + attributes, file.data_offset - attributes));
    file.end = file.data_offset + file.size;
    *ret_file = file;
    return true;
}

/* The next file begins at the next unit, where there is room for one. */
static size_t next_of(size_t end, size_t size)
{
    size_t next = (end + UNIT - 1) / UNIT * UNIT; /* below SIZE_MAX: end is inside bytes */

    return next + HEADER_SIZE <= size ? next : size;
}

static size_t cbfs_bid(struct hm_bytes bytes, bool is_first)
{
    size_t offset = 0, end = 0;

    (void)is_first;
    for (size_t count = 0; count < FILE_COUNT_MAX && offset < bytes.size; count++) {
        struct file file;

        if (!read_file(hm_bytes_make(bytes.data + offset, bytes.size - offset), &file))
            break;
        end = offset + file.end;
        offset = next_of(end, bytes.size);
    }
    return end;
}

static const char *type_name(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {
        {0x02, "header"},       {0x10, "boot block"}, {0x11, "stage"},     {0x20, "payload"},
        {0x21, "FIT"},          {0x30, "option ROM"}, {0x40, "boot logo"}, {0x50, "raw"},
        {0x51, "VSA"},          {0x52, "MBI"},        {0x53, "microcode"}, {0x60, "FSP"},
        {0x61, "MRC"},          {0x62, "MRC cache"},  {0x70, "EFI"},       {0x1aa, "CMOS defaults"},
        {0x1ab, "CMOS layout"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    return "other";
}

static enum hm_rc add_data(struct hm_walk *walk, uint32_t node, const struct file *file)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    const char *why = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    uint32_t child;

    if (file->size == 0)
        return HM_OK;
    if (file->compression == 0) {
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, file->data_offset, file->size, &child));
        return hm_walk_queue(walk, child, NULL);
    }
    if (file->compression != 1) {
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION,
                                file->compression == 2 ? "LZ4" : "unknown"));
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, "only LZMA is, here");
    }
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION, "LZMA"));
    HM_TRY(hm_unpack_run(walk, HM_UNPACK_LZMA,
                         hm_bytes_make(bytes.data + file->data_offset, file->size), &data, &size,
                         &why));
    if (data == NULL)
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, why);
    HM_TRY(hm_walk_add_content(walk, node, data, size, &child));
    return hm_walk_queue(walk, child, NULL);
}

static enum hm_rc cbfs_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t offset = 0, end = 0;

    for (size_t count = 0; offset < bytes.size; count++) {
        struct file file;
        uint32_t child;

        if (!read_file(hm_bytes_make(bytes.data + offset, bytes.size - offset), &file)) {
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "a file has no header"));
            break;
        }
        if (count == FILE_COUNT_MAX)
            return hm_walk_refuse(walk, "more files in a CBFS than 4096");
        HM_TRY(hm_walk_add_gap(walk, node, end, offset - end));
        end = offset + file.end;
        if (file.type == TYPE_NULL || file.type == TYPE_DELETED) {
            HM_TRY(hm_walk_add(walk, node, HM_IMAGE_FREE_SPACE, offset, file.end, &child));
        } else {
            HM_TRY(hm_walk_add(walk, node, HM_IMAGE_CBFS_FILE, offset, file.end, &child));
            HM_TRY(hm_walk_fact_ascii(walk, child, HM_FACT_NAME, file.name));
            HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_TYPE, type_name(file.type)));
            HM_TRY(add_data(walk, child, &file));
        }
        offset = next_of(end, bytes.size);
    }
    return hm_walk_add_gap(walk, node, end, bytes.size - end);
}

const struct hm_format hm_cbfs_format = {
    .name = "cbfs",
    .kind = HM_IMAGE_CBFS,
    .magic = {'L', 'A', 'R', 'C', 'H', 'I', 'V', 'E'},
    .magic_size = 8,
    .align = UNIT,
    .bid = cbfs_bid,
    .parse = cbfs_parse,
};
