/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of a volume's file (UEFI PI 1.7, volume 3, section 3.2.5), little endian, each at a
 * multiple of 4 from the start of the first:
 *
 *   0  size (3), with header   3  type (1)   4  size (4), where the first is FFFFFF
 *
 * and behind that, by type:
 *
 *   01  compression: original size (4), kind (1: 0 none, 1 EFI 1.1 or Tiano), stream
 *   02  GUIDed: GUID, data offset from the section's start (2), attributes (2: 1 must be processed)
 *   10 PE   12 TE   13 1B 1C dependencies   14 version: build (2), UTF-16   15 name: UTF-16
 *   16 legacy code   17 volume   18 freeform: GUID, data   19 raw
 */
#include "image/format.h"

#include "image/unpack.h"

#define TYPE_COMPRESSION  0x01
#define TYPE_GUIDED       0x02
#define TYPE_DISPOSABLE   0x03
#define TYPE_PE           0x10
#define TYPE_PIC          0x11
#define TYPE_TE           0x12
#define TYPE_VERSION      0x14
#define TYPE_NAME         0x15
#define TYPE_LEGACY       0x16
#define TYPE_VOLUME       0x17
#define TYPE_FREEFORM     0x18
#define TYPE_RAW          0x19
#define MUST_BE_PROCESSED 1
/* A stream of empty sections is no file. */
#define SECTION_COUNT_MAX 20000

struct section {
    uint8_t type;
    size_t header_size;
    uint64_t size; /* with header, declared */
};

static bool read_section(struct hm_bytes bytes, struct section *ret_section)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct section section = {.header_size = 4};

    section.size = hm_reader_le16(&rd);
    section.size |= (uint64_t)hm_reader_u8(&rd) << 16;
    section.type = hm_reader_u8(&rd);
    if (section.size == 0xffffff) {
        section.header_size = 8;
        section.size = hm_reader_le32(&rd);
    }
    if (hm_reader_failed(&rd) || section.size < section.header_size || section.size > bytes.size)
        return false;
    *ret_section = section;
    return true;
}

static const char *section_type_name(uint8_t type)
{
    static const char *const names[] = {
        [TYPE_COMPRESSION] = "compression",
        [TYPE_GUIDED] = "GUIDed",
        [TYPE_DISPOSABLE] = "disposable",
        [TYPE_PE] = "PE",
        [TYPE_PIC] = "position-independent code",
        [TYPE_TE] = "TE",
        [0x13] = "DXE dependencies",
        [TYPE_VERSION] = "version",
        [TYPE_NAME] = "name",
        [TYPE_LEGACY] = "legacy code",
        [TYPE_VOLUME] = "volume",
        [TYPE_FREEFORM] = "freeform",
        [TYPE_RAW] = "raw",
        [0x1b] = "PEI dependencies",
        [0x1c] = "SMM dependencies",
    };

    if (type < HM_ARRAY_COUNT(names) && names[type] != NULL)
        return names[type];
    return "unknown";
}

/* Does content read as sections, or (in a capsule's stream) at least begin so? */
static bool is_sections(struct hm_bytes content)
{
    struct section section;

    return read_section(content, &section) &&
           strcmp(section_type_name(section.type), "unknown") != 0;
}

/* ---- what holds others ----------------------------------------------------------------------- */

static enum hm_rc add_content(struct hm_walk *walk, uint32_t node, uint8_t *data, size_t size)
{
    bool is_stream = is_sections(hm_bytes_make(data, size));
    uint32_t content;

    HM_TRY(hm_walk_add_content(walk, node, data, size, &content));
    return hm_walk_queue(walk, content, is_stream ? &hm_section_format : NULL);
}

static enum hm_rc unpack(struct hm_walk *walk, uint32_t node, enum hm_unpack_kind kind,
                         struct hm_bytes packed)
{
    const char *why = NULL;
    uint8_t *data = NULL;
    size_t size = 0;

    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION, hm_unpack_name(kind)));
    HM_TRY(hm_unpack_run(walk, kind, packed, &data, &size, &why));
    if (data == NULL)
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, why);
    return add_content(walk, node, data, size);
}

/* The stream does not say which of the two it is: the first that reads as sections; else the first
 * that decodes. */
static enum hm_rc unpack_either(struct hm_walk *walk, uint32_t node, struct hm_bytes packed)
{
    static const enum hm_unpack_kind kinds[] = {HM_UNPACK_EFI11, HM_UNPACK_TIANO};
    uint8_t *first = NULL;
    size_t first_size = 0;
    enum hm_unpack_kind first_kind = HM_UNPACK_EFI11;
    const char *why = NULL;
    enum hm_rc rc = HM_OK;

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        uint8_t *data = NULL;
        size_t size = 0;

        rc = hm_unpack_run(walk, kinds[i], packed, &data, &size, &why);
        if (rc != HM_OK)
            break;
        if (data == NULL)
            continue;
        if (is_sections(hm_bytes_make(data, size))) {
            free(first);
            first = data;
            first_size = size;
            first_kind = kinds[i];
            break;
        }
        if (first == NULL) {
            first = data;
            first_size = size;
            first_kind = kinds[i];
        } else {
            free(data);
        }
    }
    if (rc != HM_OK) {
        free(first);
        return rc;
    }
    if (first == NULL)
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, why);
    rc = hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION, hm_unpack_name(first_kind));
    if (rc != HM_OK) {
        free(first);
        return rc;
    }
    return add_content(walk, node, first, first_size);
}

/* Sections as they are, behind a header: a child, since their offsets count from its start. */
static enum hm_rc add_plain(struct hm_walk *walk, uint32_t node, size_t offset)
{
    size_t size = hm_walk_bytes(walk, node).size;
    uint32_t child;

    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, offset, size - offset, &child));
    return hm_walk_queue(walk, child, &hm_section_format);
}

static enum hm_rc parse_compression(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                                    size_t header_size)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint8_t kind;

    (void)hm_reader_take(&rd, header_size);
    (void)hm_reader_le32(&rd); /* original size: the stream says it too */
    kind = hm_reader_u8(&rd);
    if (hm_reader_failed(&rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "too short for its header");
    if (kind == 0)
        return add_plain(walk, node, rd.offset);
    bytes = hm_reader_take(&rd, hm_reader_left(&rd));
    if (kind == 1)
        return unpack_either(walk, node, bytes);
    if (kind == 2)
        return unpack(walk, node, HM_UNPACK_LZMA, bytes);
    return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, "an unknown compression");
}

static enum hm_rc check_crc32(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                              size_t header_size, size_t data_offset)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_bytes data;
    uint32_t stored;

    (void)hm_reader_take(&rd, header_size + HM_GUID_SIZE + 4);
    stored = hm_reader_le32(&rd);
    rd.offset = 0;
    (void)hm_reader_take(&rd, data_offset);
    data = hm_reader_take(&rd, hm_reader_left(&rd));
    if (hm_reader_failed(&rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "too short for its checksum");
    HM_TRY(hm_walk_spend(walk, data.size));
    return hm_unpack_crc32(data) == stored
               ? hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good")
               : hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                  "the contents do not have their CRC-32");
}

enum guided { GUIDED_PLAIN, GUIDED_CRC32, GUIDED_UNPACK };

static const struct {
    struct hm_guid guid;
    enum guided way;
    enum hm_unpack_kind kind;
} guided_ways[] = {
    {HM_GUID_MAKE(0xEE4E5898, 0x3914, 0x4259, 0x9D6E, 0xDC7BD79403CF), GUIDED_UNPACK,
     HM_UNPACK_LZMA},
    {HM_GUID_MAKE(0x0ED85E23, 0xF253, 0x413F, 0xA03C, 0x901987B04397), GUIDED_UNPACK,
     HM_UNPACK_LZMA},
    {HM_GUID_MAKE(0xD42AE6BD, 0x1352, 0x4BFB, 0x909A, 0xCA72A6EAE889), GUIDED_UNPACK,
     HM_UNPACK_LZMA_X86},
    {HM_GUID_MAKE(0x3D532050, 0x5CDA, 0x4FD0, 0x879E, 0x0F7F630D5AFB), GUIDED_UNPACK,
     HM_UNPACK_BROTLI},
    {HM_GUID_MAKE(0xA31280AD, 0x481E, 0x41B6, 0x95E8, 0x127F4C984779), GUIDED_UNPACK,
     HM_UNPACK_TIANO},
    {HM_GUID_MAKE(0xFC1BCDB0, 0x7D31, 0x49AA, 0x936A, 0xA4600D9DD083), GUIDED_CRC32,
     HM_UNPACK_KIND_COUNT_},
    /* Signed: the signature stands in front of the data. */
    {HM_GUID_MAKE(0x0F9D89E8, 0x9259, 0x4F76, 0xA5AF, 0x0C89E34023DF), GUIDED_PLAIN,
     HM_UNPACK_KIND_COUNT_},
};

static enum hm_rc parse_guided(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                               size_t header_size)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint16_t data_offset, attributes;
    struct hm_guid guid;

    (void)hm_reader_take(&rd, header_size);
    guid = hm_guid_read(&rd);
    data_offset = hm_reader_le16(&rd);
    attributes = hm_reader_le16(&rd);
    if (hm_reader_failed(&rd) || data_offset < rd.offset || data_offset > bytes.size)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the GUIDed data lies outside");
    hm_walk_set_guid(walk, node, &guid);
    for (size_t i = 0; i < HM_ARRAY_COUNT(guided_ways); i++) {
        if (!hm_guid_is_equal(&guided_ways[i].guid, &guid))
            continue;
        if (guided_ways[i].way == GUIDED_UNPACK) {
            bytes = hm_bytes_make(bytes.data + data_offset, bytes.size - data_offset);
            return guided_ways[i].kind == HM_UNPACK_TIANO
                       ? unpack_either(walk, node, bytes)
                       : unpack(walk, node, guided_ways[i].kind, bytes);
        }
        if (guided_ways[i].way == GUIDED_CRC32)
            HM_TRY(check_crc32(walk, node, bytes, header_size, data_offset));
        return add_plain(walk, node, data_offset);
    }
    if ((attributes & MUST_BE_PROCESSED) == 0)
        return add_plain(walk, node, data_offset);
    return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, "an unknown way of packing");
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* The body as a node of its own, to be looked at by a format, or (NULL) searched. */
static enum hm_rc add_body(struct hm_walk *walk, uint32_t node, enum hm_image_kind kind,
                           size_t offset, const struct hm_format *format)
{
    size_t size = hm_walk_bytes(walk, node).size;
    uint32_t child;

    if (offset >= size)
        return HM_OK;
    HM_TRY(hm_walk_add(walk, node, kind, offset, size - offset, &child));
    return hm_walk_queue(walk, child, format);
}

/* A name or version is said of the section, and of the file that holds it. */
static enum hm_rc add_text(struct hm_walk *walk, uint32_t node, enum hm_image_fact_kind kind,
                           struct hm_bytes text)
{
    const struct hm_image *image = hm_walk_image(walk);
    uint32_t file = image->nodes[node].parent;

    HM_TRY(hm_walk_fact_utf16(walk, node, kind, text));
    while (file != HM_IMAGE_NONE && image->nodes[file].kind != HM_IMAGE_VOLUME_FILE)
        file = image->nodes[file].parent;
    if (file == HM_IMAGE_NONE || hm_image_find_fact(image, file, kind) != NULL)
        return HM_OK;
    return hm_walk_fact_utf16(walk, file, kind, text);
}

static enum hm_rc parse_freeform(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                                 size_t header_size)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_guid guid;

    (void)hm_reader_take(&rd, header_size);
    guid = hm_guid_read(&rd);
    if (hm_reader_failed(&rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "too short for its GUID");
    hm_walk_set_guid(walk, node, &guid);
    return add_body(walk, node, HM_IMAGE_PAYLOAD, rd.offset, NULL);
}

static enum hm_rc parse_section(struct hm_walk *walk, uint32_t node, const struct section *section)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t header_size = section->header_size;
    struct hm_bytes body = hm_bytes_make(bytes.data + header_size, bytes.size - header_size);

    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, section_type_name(section->type)));
    switch (section->type) {
    case TYPE_COMPRESSION:
        return parse_compression(walk, node, bytes, header_size);
    case TYPE_GUIDED:
        return parse_guided(walk, node, bytes, header_size);
    case TYPE_DISPOSABLE:
        return add_plain(walk, node, header_size);
    case TYPE_PE:
        return add_body(walk, node, HM_IMAGE_PE, header_size, &hm_pe_format);
    case TYPE_TE:
        return add_body(walk, node, HM_IMAGE_TE, header_size, &hm_pe_te_format);
    case TYPE_VERSION:
        return body.size < 2 ? HM_OK
                             : add_text(walk, node, HM_FACT_VERSION,
                                        hm_bytes_make(body.data + 2, body.size - 2));
    case TYPE_NAME:
        return add_text(walk, node, HM_FACT_NAME, body);
    case TYPE_VOLUME:
        return add_body(walk, node, HM_IMAGE_VOLUME, header_size, &hm_volume_format);
    case TYPE_FREEFORM:
        return parse_freeform(walk, node, bytes, header_size);
    case TYPE_LEGACY:
    case TYPE_RAW:
    case TYPE_PIC:
        return add_body(walk, node, HM_IMAGE_PAYLOAD, header_size, NULL);
    default:
        return HM_OK; /* its bytes are all there is */
    }
}

/* Where the sections begin: behind a file's header, else at the start. */
static size_t first_offset(const struct hm_walk *walk, const struct hm_image_node *node,
                           struct hm_bytes bytes)
{
    (void)walk;
    if (node->kind != HM_IMAGE_VOLUME_FILE)
        return 0;
    /* volume.c checked the header: the large one is told by its attribute, in FFS3 alone. Its size
     * field is then 0 or FFFFFF, which no small one has. */
    if (bytes.size >= 32 && (bytes.data[0x13] & 1) != 0 &&
        ((bytes.data[0x14] & bytes.data[0x15] & bytes.data[0x16]) == 0xff ||
         (bytes.data[0x14] | bytes.data[0x15] | bytes.data[0x16]) == 0))
        return 32;
    return 24;
}

static enum hm_rc sections_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t start = first_offset(walk, &hm_walk_image(walk)->nodes[node], bytes);
    size_t offset = start;

    for (size_t count = 0; offset < bytes.size; count++) {
        struct hm_bytes rest = hm_bytes_make(bytes.data + offset, bytes.size - offset);
        struct section section;
        uint32_t child;

        if (count == SECTION_COUNT_MAX)
            return hm_walk_refuse(walk, "more sections in a file than 20000");
        if (!read_section(rest, &section)) {
            /* Padding at the end has no header; anything else is not what it should be. */
            if (rest.size >= 4)
                HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED,
                                        "a section has no valid header: the rest was searched"));
            return hm_walk_add_gap(walk, node, offset, rest.size);
        }
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_SECTION, offset, (size_t)section.size, &child));
        HM_TRY(parse_section(walk, child, &section));
        offset += (size_t)section.size;
        offset += (4 - (offset - start) % 4) % 4;
    }
    return HM_OK;
}

static size_t sections_bid(struct hm_bytes bytes, bool is_first)
{
    return is_first && is_sections(bytes) ? bytes.size : 0;
}

const struct hm_format hm_section_format = {
    .name = "sections",
    .kind = HM_IMAGE_PAYLOAD,
    .align = 4,
    .bid = sections_bid,
    .parse = sections_parse,
};
