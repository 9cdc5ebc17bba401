/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cabinets (Microsoft Cabinet Format), as update services carry firmware, little endian.
 *
 *   0  "MSCF"   8  size (4)   10  offset of the first file (4)   18  version (1, 1): 3, 1
 *  1A  folders (2)   1C  files (2)   1E  flags (2): 1 continues, 2 is continued, 4 reserves
 *  24  reserves, if flag 4: in this header (2), a folder (1), a block (1)
 *
 *   folder:  0  offset of its first block (4)   4  blocks (2)   6  compression (2): 0 none
 *   file:    0  size (4)   4  offset in its folder (4)   8  folder (2)   A  date (2)   C  time (2)
 *            E  attributes (2)   10  name, NUL
 *   block:   0  checksum (4)   4  size (2)   6  size decompressed (2)   8  data
 */
#include "image/format.h"

#define HEADER_SIZE      0x24
#define FOLDER_SIZE      8
#define FLAG_PREVIOUS    1
#define FLAG_NEXT        2
#define FLAG_RESERVES    4
#define FOLDER_COUNT_MAX 64
#define FILE_COUNT_MAX   1024
#define NAME_SIZE_MAX    256

struct cabinet {
    size_t size, files_offset, folders_offset;
    uint16_t folder_count, file_count, flags;
    size_t folder_reserve, block_reserve;
};

struct folder {
    size_t offset;
    uint16_t block_count, compression;
    uint32_t content; /* its node, once it was made; HM_IMAGE_NONE */
    size_t content_size;
};

static bool read_cabinet(struct hm_bytes bytes, struct cabinet *ret_cabinet)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct cabinet cabinet = {.folder_reserve = 0};
    uint8_t minor, major;

    (void)hm_reader_le64(&rd);
    cabinet.size = hm_reader_le32(&rd);
    (void)hm_reader_le32(&rd);
    cabinet.files_offset = hm_reader_le32(&rd);
    (void)hm_reader_le32(&rd);
    minor = hm_reader_u8(&rd);
    major = hm_reader_u8(&rd);
    cabinet.folder_count = hm_reader_le16(&rd);
    cabinet.file_count = hm_reader_le16(&rd);
    cabinet.flags = hm_reader_le16(&rd);
    (void)hm_reader_le32(&rd); /* set and number: of several cabinets */
    if ((cabinet.flags & FLAG_RESERVES) != 0) {
        size_t reserve = hm_reader_le16(&rd);

        cabinet.folder_reserve = hm_reader_u8(&rd);
        cabinet.block_reserve = hm_reader_u8(&rd);
        (void)hm_reader_take(&rd, reserve);
    }
    cabinet.folders_offset = rd.offset;
    if (hm_reader_failed(&rd) || major != 1 || minor != 3 || cabinet.size < HEADER_SIZE ||
        cabinet.size > bytes.size || cabinet.files_offset >= cabinet.size ||
        cabinet.folder_count == 0)
        return false;
    *ret_cabinet = cabinet;
    return true;
}

static size_t cabinet_bid(struct hm_bytes bytes, bool is_first)
{
    struct cabinet cabinet;

    (void)is_first;
    return read_cabinet(bytes, &cabinet) ? cabinet.size : 0;
}

/* The blocks of a folder that is not compressed, one behind the other: its content. */
static enum hm_rc add_content(struct hm_walk *walk, uint32_t node, const struct cabinet *cabinet,
                              struct folder *folder)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t size_max = hm_walk_expandable(walk), size = 0;
    uint8_t *data;
    struct hm_rd rd;

    if (size_max > bytes.size)
        size_max = bytes.size;
    HM_TRY(hm_walk_spend(walk, size_max));
    data = malloc(size_max);
    if (data == NULL)
        return HM_ENOMEM;
    rd = hm_reader_make(bytes);
    (void)hm_reader_take(&rd, folder->offset);
    for (size_t i = 0; i < folder->block_count; i++) {
        struct hm_bytes block;
        uint16_t block_size;

        (void)hm_reader_le32(&rd);
        block_size = hm_reader_le16(&rd);
        (void)hm_reader_le16(&rd);
        (void)hm_reader_take(&rd, cabinet->block_reserve);
        block = hm_reader_take(&rd, block_size);
        if (hm_reader_failed(&rd) || block.size > size_max - size) {
            free(data);
            return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "a folder's blocks lie outside");
        }
        if (block.size > 0)
            memcpy(data + size, block.data, block.size);
        size += block.size;
    }
    folder->content_size = size;
    return hm_walk_add_content(walk, node, data, size, &folder->content);
}

static enum hm_rc read_folders(struct hm_walk *walk, uint32_t node, const struct cabinet *cabinet,
                               struct folder *folders)
{
    static const char *const names[] = {"none", "MSZIP", "Quantum", "LZX"};
    struct hm_rd rd = hm_reader_make(hm_walk_bytes(walk, node));

    (void)hm_reader_take(&rd, cabinet->folders_offset);
    for (size_t i = 0; i < cabinet->folder_count; i++) {
        folders[i] = (struct folder){.offset = hm_reader_le32(&rd), .content = HM_IMAGE_NONE};
        folders[i].block_count = hm_reader_le16(&rd);
        folders[i].compression = hm_reader_le16(&rd) & 0xf;
        (void)hm_reader_take(&rd, cabinet->folder_reserve);
        if (hm_reader_failed(&rd))
            return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the folders are cut off");
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION,
                                folders[i].compression < HM_ARRAY_COUNT(names)
                                    ? names[folders[i].compression]
                                    : "unknown"));
        if (folders[i].compression == 0)
            HM_TRY(add_content(walk, node, cabinet, &folders[i]));
        else
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED,
                                    "only files that are not compressed are looked into"));
    }
    return HM_OK;
}

/* Names of what cannot be looked into are facts of the cabinet. */
static enum hm_rc add_file(struct hm_walk *walk, uint32_t node, const struct folder *folder,
                           struct hm_bytes name, size_t offset, size_t size)
{
    uint32_t child;

    if (folder == NULL || folder->content == HM_IMAGE_NONE)
        return hm_walk_fact_ascii(walk, node, HM_FACT_CONTAINS, name);
    if (size == 0)
        return HM_OK;
    HM_TRY(hm_walk_add(walk, folder->content, HM_IMAGE_PAYLOAD, offset, size, &child));
    HM_TRY(hm_walk_fact_ascii(walk, child, HM_FACT_NAME, name));
    return hm_walk_queue(walk, child, NULL);
}

static enum hm_rc add_files(struct hm_walk *walk, uint32_t node, const struct cabinet *cabinet,
                            const struct folder *folders)
{
    struct hm_rd rd = hm_reader_make(hm_walk_bytes(walk, node));

    (void)hm_reader_take(&rd, cabinet->files_offset);
    for (size_t i = 0; i < cabinet->file_count; i++) {
        size_t size = hm_reader_le32(&rd);
        size_t offset = hm_reader_le32(&rd);
        uint16_t folder = hm_reader_le16(&rd);
        struct hm_bytes name;
        const uint8_t *nul;

        (void)hm_reader_take(&rd, 6); /* date, time, attributes */
        name = hm_bytes_make(rd.bytes.data + rd.offset, hm_reader_left(&rd));
        if (name.size > NAME_SIZE_MAX)
            name.size = NAME_SIZE_MAX;
        nul = name.size == 0 ? NULL : memchr(name.data, 0, name.size);
        if (hm_reader_failed(&rd) || nul == NULL)
            return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the files are cut off");
        name.size = (size_t)(nul - name.data);
        (void)hm_reader_take(&rd, name.size + 1);
        /* Beyond: in another cabinet of the set. */
        HM_TRY(add_file(walk, node, folder < cabinet->folder_count ? &folders[folder] : NULL, name,
                        offset, size));
    }
    return HM_OK;
}

static enum hm_rc cabinet_parse(struct hm_walk *walk, uint32_t node)
{
    struct folder folders[FOLDER_COUNT_MAX];
    struct cabinet cabinet;

    if (!read_cabinet(hm_walk_bytes(walk, node), &cabinet))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no header of a cabinet");
    if (cabinet.folder_count > FOLDER_COUNT_MAX || cabinet.file_count > FILE_COUNT_MAX)
        return hm_walk_refuse(walk, "more files in a cabinet than 1024, or folders than 64");
    if ((cabinet.flags & (FLAG_PREVIOUS | FLAG_NEXT)) != 0)
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED,
                                "one cabinet of several that belong together");
    for (size_t i = 0; i < FOLDER_COUNT_MAX; i++)
        folders[i] = (struct folder){.content = HM_IMAGE_NONE};
    HM_TRY(read_folders(walk, node, &cabinet, folders));
    return add_files(walk, node, &cabinet, folders);
}

const struct hm_format hm_cabinet_format = {
    .name = "cabinet",
    .kind = HM_IMAGE_CABINET,
    .magic = {'M', 'S', 'C', 'F', 0, 0, 0, 0},
    .magic_size = 8,
    .align = 4,
    .bid = cabinet_bid,
    .parse = cabinet_parse,
};
