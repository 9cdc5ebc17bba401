/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UEFI firmware volumes and the files in them (UEFI PI 1.7, volume 3, sections 2 and 3), little
 * endian.
 *
 *   volume:  0  zeros or a reset vector (16)   10  file system GUID   20  size (8)   28  "_FVH"
 *           2C  attributes (4; bit 11: erased bytes are FF)   30  header size (2)
 *           32  checksum: the header's 16-bit words sum to 0   34  extended header (2)
 *           37  revision (1)   38  block map: count (4), size (4), ended by zeros
 *   extended header:  0  name (GUID)   10  size (4)   14  entries
 *   file:    0  name (GUID)   10  header's checksum (1)   11  body's checksum (1)   12  type (1)
 *           13  attributes (1)   14  size (3)   17  state (1)   18  size (8), if attribute 01 in
 * FFS3
 *
 * The first file begins behind the header, at the next multiple of 8 behind an extended one; each
 * next one at a multiple of 8 from the volume's start. A header's bytes, with the body's checksum
 * and the state taken as 0, sum to 0. The body sums with its checksum to 0 where attribute 40 is
 * set; else the field is AA (in FFS1: 5A). Behind the last file all bytes are erased.
 */
#include "image/format.h"

#include "image/search.h"

/* A block map of more than a hundred entries is none. */
#define HEADER_SIZE_MAX 1024
#define HEADER_SIZE_MIN 0x48
#define MAGIC_OFFSET    0x28
#define ERASED_ONES     0x800
#define FILE_HEADER     24
#define FILE_HEADER_BIG 32
#define FILE_LARGE      0x01
#define FILE_CHECKSUM   0x40
#define TYPE_RAW        0x01
#define TYPE_PAD        0xf0
/* Real volumes have a few hundred. */
#define FILE_COUNT_MAX 20000

static const struct hm_guid ffs1 = HM_GUID_MAKE(0x7A9354D9, 0x0468, 0x444A, 0x81CE, 0x0BF617D890DF);
static const struct hm_guid ffs2 = HM_GUID_MAKE(0x8C8CE578, 0x8A3D, 0x4F1C, 0x9935, 0x896185C32DD3);
static const struct hm_guid ffs3 = HM_GUID_MAKE(0x5473C07A, 0x3DCB, 0x4DCA, 0xBD6F, 0x1E9689E7349A);
static const struct hm_guid nvram =
    HM_GUID_MAKE(0xFFF12B8D, 0x7696, 0x4C8B, 0xA985, 0x2747075B4F50);
static const struct hm_guid nvram_old =
    HM_GUID_MAKE(0x00504624, 0x8A59, 0x4EEB, 0xBD0F, 0x6B36E96128E0);
static const struct hm_guid nvar = HM_GUID_MAKE(0xCEF5B9A3, 0x476D, 0x497F, 0x9FDC, 0xE98143E0422C);

struct volume {
    struct hm_guid file_system;
    uint64_t size; /* declared */
    uint32_t attributes;
    uint16_t header_size, extended_offset;
    uint8_t revision;
    uint8_t erased; /* 00 or FF */
    bool is_ffs1, is_ffs3;
};

static bool read_volume(struct hm_bytes bytes, struct volume *ret_volume)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct volume volume;
    struct hm_bytes header;
    uint16_t sum = 0;

    (void)hm_reader_take(&rd, 16);
    volume.file_system = hm_guid_read(&rd);
    volume.size = hm_reader_le64(&rd);
    if (!hm_bytes_is_str(hm_reader_take(&rd, 4), "_FVH"))
        return false;
    volume.attributes = hm_reader_le32(&rd);
    volume.header_size = hm_reader_le16(&rd);
    (void)hm_reader_le16(&rd); /* checksum: part of the sum */
    volume.extended_offset = hm_reader_le16(&rd);
    (void)hm_reader_u8(&rd);
    volume.revision = hm_reader_u8(&rd);
    if (hm_reader_failed(&rd) || volume.header_size < HEADER_SIZE_MIN ||
        volume.header_size > HEADER_SIZE_MAX || volume.header_size % 2 != 0 ||
        volume.size < volume.header_size)
        return false;
    rd = hm_reader_make(bytes);
    header = hm_reader_take(&rd, volume.header_size);
    if (hm_reader_failed(&rd))
        return false;
    for (size_t i = 0; i < header.size; i += 2)
        sum = (uint16_t)(sum + (header.data[i] | header.data[i + 1] << 8));
    if (sum != 0)
        return false;
    volume.erased = (volume.attributes & ERASED_ONES) != 0 ? 0xff : 0;
    volume.is_ffs1 = hm_guid_is_equal(&volume.file_system, &ffs1);
    volume.is_ffs3 = hm_guid_is_equal(&volume.file_system, &ffs3);
    *ret_volume = volume;
    return true;
}

static size_t volume_bid(struct hm_bytes bytes, bool is_first)
{
    struct volume volume;

    (void)is_first; /* the signature and the header's checksum are proof enough */
    if (!read_volume(bytes, &volume))
        return 0;
    return volume.size < bytes.size ? (size_t)volume.size : bytes.size;
}

/* ---- files ----------------------------------------------------------------------------------- */

struct file {
    struct hm_guid name;
    uint8_t header_sum, body_sum, type, attributes, state;
    size_t header_size;
    uint64_t size; /* with header, declared */
};

static const char *file_type_name(uint8_t type)
{
    static const char *const names[] = {
        "all",
        "raw",
        "freeform",
        "security core",
        "PEI core",
        "DXE core",
        "PEI module",
        "DXE driver",
        "PEI and DXE",
        "application",
        "SMM driver",
        "volume image",
        "SMM and DXE",
        "SMM core",
        "standalone SMM driver",
        "standalone SMM core",
    };

    if (type < HM_ARRAY_COUNT(names))
        return names[type];
    if (type == TYPE_PAD)
        return "pad";
    return type >= 0xc0 ? "vendor's own" : "unknown";
}

static bool is_erased(struct hm_bytes bytes, uint8_t erased)
{
    return bytes.size == 0 || (bytes.data[0] == erased && hm_search_is_uniform(bytes));
}

/* Reads the header that bytes begin with. False where it is none: too short, or of no size. */
static bool read_file(struct hm_bytes bytes, const struct volume *volume, struct file *ret_file)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct file file = {.header_size = FILE_HEADER};

    file.name = hm_guid_read(&rd);
    file.header_sum = hm_reader_u8(&rd);
    file.body_sum = hm_reader_u8(&rd);
    file.type = hm_reader_u8(&rd);
    file.attributes = hm_reader_u8(&rd);
    file.size = hm_reader_le16(&rd);
    file.size |= (uint64_t)hm_reader_u8(&rd) << 16;
    file.state = hm_reader_u8(&rd);
    if (volume->is_ffs3 && (file.attributes & FILE_LARGE) != 0) {
        file.header_size = FILE_HEADER_BIG;
        file.size = hm_reader_le64(&rd);
    }
    if (hm_reader_failed(&rd) || file.size < file.header_size || file.size > bytes.size)
        return false;
    *ret_file = file;
    return true;
}

static uint8_t sum_of(struct hm_bytes bytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < bytes.size; i++)
        sum = (uint8_t)(sum + bytes.data[i]);
    return sum;
}

static enum hm_rc check_file(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                             const struct volume *volume, const struct file *file)
{
    struct hm_bytes body =
        hm_bytes_make(bytes.data + file->header_size, bytes.size - file->header_size);
    uint8_t header = sum_of(hm_bytes_make(bytes.data, file->header_size));
    uint8_t fixed = volume->is_ffs1 ? 0x5a : 0xaa;
    bool is_good;

    header = (uint8_t)(header - file->body_sum - file->state);
    if (header != 0)
        return hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                "the header's bytes do not sum to 0");
    if ((file->attributes & FILE_CHECKSUM) != 0) {
        HM_TRY(hm_walk_spend(walk, body.size));
        is_good = (uint8_t)(sum_of(body) + file->body_sum) == 0;
    } else {
        is_good = file->body_sum == fixed;
    }
    return is_good ? hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good")
                   : hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                      "the body does not have its checksum");
}

/* A pad file is as good a place to hide in as free space. */
static enum hm_rc parse_pad(struct hm_walk *walk, uint32_t node, size_t header_size,
                            struct hm_bytes body, const struct volume *volume)
{
    if (is_erased(body, volume->erased))
        return HM_OK;
    if (!is_erased(body, 0) && !is_erased(body, 0xff))
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_NOT_EMPTY, "a pad file with contents"));
    return hm_walk_add_gap(walk, node, header_size, body.size);
}

static enum hm_rc parse_file(struct hm_walk *walk, uint32_t node, const struct volume *volume,
                             const struct file *file)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_bytes body =
        hm_bytes_make(bytes.data + file->header_size, bytes.size - file->header_size);
    uint32_t child;

    hm_walk_set_guid(walk, node, &file->name);
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, file_type_name(file->type)));
    HM_TRY(check_file(walk, node, bytes, volume, file));
    if (hm_guid_is_equal(&file->name, &nvar))
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_VARIABLE, "variables"));
    if (body.size == 0)
        return HM_OK;
    HM_TRY(hm_walk_spend(walk, body.size / 8));
    if (file->type == TYPE_PAD)
        return parse_pad(walk, node, file->header_size, body, volume);
    if (file->type == TYPE_RAW || file->type == 0) {
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, file->header_size, body.size, &child));
        return hm_walk_queue(walk, child, NULL);
    }
    /* The sections are the file's own children; the walk comes back for them. */
    return hm_walk_queue(walk, node, &hm_section_format);
}

/* What is behind the last file: erased, or not what it should be. */
static enum hm_rc add_free_space(struct hm_walk *walk, uint32_t node, size_t offset, size_t size,
                                 uint8_t erased)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    uint32_t child;

    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_FREE_SPACE, offset, size, &child));
    HM_TRY(hm_walk_spend(walk, size / 8));
    if (is_erased(hm_bytes_make(bytes.data + offset, size), erased))
        return HM_OK;
    HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_NOT_EMPTY, "free space with contents"));
    return hm_walk_queue(walk, child, NULL);
}

static enum hm_rc add_files(struct hm_walk *walk, uint32_t node, size_t offset,
                            const struct volume *volume)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);

    for (size_t count = 0; offset < bytes.size; count++) {
        struct hm_bytes rest = hm_bytes_make(bytes.data + offset, bytes.size - offset);
        struct file file;
        uint32_t child;

        if (rest.size < FILE_HEADER ||
            is_erased(hm_bytes_make(rest.data, FILE_HEADER), volume->erased))
            return add_free_space(walk, node, offset, rest.size, volume->erased);
        if (count == FILE_COUNT_MAX)
            return hm_walk_refuse(walk, "more files in a volume than 20000");
        if (!read_file(rest, volume, &file)) {
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED,
                                    "a file has no valid header: the rest was searched"));
            return hm_walk_add_gap(walk, node, offset, rest.size);
        }
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_VOLUME_FILE, offset, (size_t)file.size, &child));
        HM_TRY(parse_file(walk, child, volume, &file));
        offset += (size_t)file.size;
        offset += (8 - offset % 8) % 8; /* below SIZE_MAX: offset is inside bytes */
    }
    return HM_OK;
}

/* ---- volumes --------------------------------------------------------------------------------- */

/* Where the files begin; the name of an extended header becomes a fact. */
static enum hm_rc read_extended(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                                const struct volume *volume, size_t *ret_offset)
{
    struct hm_rd rd = hm_reader_make(bytes);
    char text[HM_GUID_TEXT_SIZE];
    struct hm_guid name;
    uint64_t end;

    *ret_offset = volume->header_size;
    if (volume->revision < 2 || volume->extended_offset == 0)
        return HM_OK;
    (void)hm_reader_take(&rd, volume->extended_offset);
    name = hm_guid_read(&rd);
    end = (uint64_t)volume->extended_offset + hm_reader_le32(&rd);
    end += (8 - end % 8) % 8;
    if (hm_reader_failed(&rd) || end > bytes.size || end < volume->header_size)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the extended header lies outside");
    hm_guid_text(&name, text);
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_NAME, text));
    *ret_offset = (size_t)end;
    return HM_OK;
}

static enum hm_rc add_variables(struct hm_walk *walk, uint32_t node, const struct volume *volume)
{
    uint32_t child;
    size_t size = hm_walk_bytes(walk, node).size;

    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_VARIABLE, "variables"));
    if (size <= volume->header_size)
        return HM_OK;
    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_VARIABLES, volume->header_size,
                       size - volume->header_size, &child));
    HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_VARIABLE, "variables"));
    /* Executables were found in such places. */
    return hm_walk_queue(walk, child, NULL);
}

static enum hm_rc volume_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct volume volume;
    const char *name;
    size_t offset;

    if (!read_volume(bytes, &volume))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no volume header, or a wrong one");
    hm_walk_set_guid(walk, node, &volume.file_system);
    name = hm_guid_name(&volume.file_system);
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, name == NULL ? "unknown file system" : name));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_ATTRIBUTES, volume.attributes));
    if (volume.size > bytes.size)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "the volume ends before its size"));
    if (hm_guid_is_equal(&volume.file_system, &nvram) ||
        hm_guid_is_equal(&volume.file_system, &nvram_old))
        return add_variables(walk, node, &volume);
    HM_TRY(read_extended(walk, node, bytes, &volume, &offset));
    if (volume.is_ffs1 || volume.is_ffs3 || hm_guid_is_equal(&volume.file_system, &ffs2) ||
        name != NULL)
        return add_files(walk, node, offset, &volume);
    return hm_walk_add_gap(walk, node, offset, bytes.size - offset);
}

const struct hm_format hm_volume_format = {
    .name = "volume",
    .kind = HM_IMAGE_VOLUME,
    .magic = {'_', 'F', 'V', 'H'},
    .magic_size = 4,
    .magic_offset = MAGIC_OFFSET,
    .align = 1,
    .bid = volume_bid,
    .parse = volume_parse,
};
