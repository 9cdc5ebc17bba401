/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages around images. PLDM firmware updates (DMTF DSP0267 1.1, section 7), as network cards and
 * controllers take them, little endian:
 *
 *   0  F018878C-CB7D-4943-9800-A02F059ACA02, or in revision 2 1244D264-8D7D-4718-A030-FC8A56587D5A,
 *      byte for byte as printed (16)   10  revision (1)   11  header (2)
 *  13  time (13)   20  bits of a set of components (2)   22  kind of string (1)   23  size (1)
 *  24  version of the package
 *   then devices: count (1), each  0  size (2) ...
 *   then components: count (2), each
 *   0  class (2)   2  identifier (2)   4  comparison (4)   8  options (2)   A  activation (2)
 *   C  offset (4)  10  size (4)   14  kind of string (1)   15  size (1)   16  version
 *   then CRC-32 of the header up to here (4), at its end
 *
 * Dell's PFS, little endian:
 *
 *   0  "PFS.HDR."   8  version (4): 1   C  size of the entries (4)   10  entries
 *   entry:  0  GUID   10  version (4): 1 or 2   14  kinds of version (4)   18  version (4 of 2)
 *          28  sizes (4 each): data, its signature, metadata, its signature
 *          48 (version 1), 58 (version 2)  these four
 *   behind the entries:  0  size (4)   4  CRC-32, not inverted (4)   8  "PFS.FTR."
 */
#include "image/format.h"

#include "image/unpack.h"

#define PLDM_FIXED          0x24
#define PLDM_COMPONENT      0x16
#define COMPONENT_COUNT_MAX 1024
#define PFS_HEADER          16
#define PFS_FOOTER          16
#define PFS_ENTRY_MAX       1024

/* ---- PLDM ------------------------------------------------------------------------------------ */

static bool read_pldm(struct hm_bytes bytes, size_t *ret_header)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint8_t revision;

    (void)hm_reader_take(&rd, 16);
    revision = hm_reader_u8(&rd);
    *ret_header = hm_reader_le16(&rd);
    return !hm_reader_failed(&rd) && revision >= 1 && revision <= 2 && *ret_header > PLDM_FIXED &&
           *ret_header <= bytes.size;
}

static enum hm_rc add_component(struct hm_walk *walk, uint32_t node, struct hm_rd *rd,
                                size_t header, size_t *ret_end)
{
    size_t size = hm_walk_bytes(walk, node).size;
    uint32_t offset, length, child;
    uint16_t class, identifier;
    struct hm_bytes version;
    char text[32];

    class = hm_reader_le16(rd);
    identifier = hm_reader_le16(rd);
    (void)hm_reader_le64(rd); /* comparison, options, activation */
    offset = hm_reader_le32(rd);
    length = hm_reader_le32(rd);
    (void)hm_reader_u8(rd);
    version = hm_reader_take(rd, hm_reader_u8(rd));
    if (hm_reader_failed(rd) || offset < header)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "a component has no place");
    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, offset, length, &child));
    (void)snprintf(text, sizeof(text), "component %u", identifier);
    HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_NAME, text));
    HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_TYPE, class == 10 ? "firmware" : "component"));
    HM_TRY(hm_walk_fact_ascii(walk, child, HM_FACT_VERSION, version));
    if (offset <= size && length <= size - offset && (size_t)offset + length > *ret_end)
        *ret_end = (size_t)offset + length;
    return length == 0 || offset >= size ? HM_OK : hm_walk_queue(walk, child, NULL);
}

/* The end of the last component, or of the header. */
static size_t pldm_bid(struct hm_bytes bytes, bool is_first)
{
    size_t header;

    if (!read_pldm(bytes, &header))
        return 0;
    /* Where it ends says the last component: in the middle of something that is not looked up. */
    return is_first ? bytes.size : header;
}

static enum hm_rc add_components(struct hm_walk *walk, uint32_t node, size_t header,
                                 size_t *ret_end)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_rd rd = hm_reader_make(hm_bytes_make(bytes.data, header));
    uint8_t revision, device_count;
    uint16_t count;

    (void)hm_reader_take(&rd, 16);
    revision = hm_reader_u8(&rd);
    (void)hm_reader_take(&rd, PLDM_FIXED - 1 - 17);
    HM_TRY(hm_walk_fact_ascii(walk, node, HM_FACT_VERSION, hm_reader_take(&rd, hm_reader_u8(&rd))));
    device_count = hm_reader_u8(&rd);
    for (size_t i = 0; i < device_count; i++) {
        size_t size = hm_reader_le16(&rd);

        (void)hm_reader_take(&rd, size < 2 ? SIZE_MAX : size - 2);
    }
    if (revision >= 2) { /* devices downstream, laid out in the same way */
        device_count = hm_reader_u8(&rd);
        for (size_t i = 0; i < device_count; i++) {
            size_t size = hm_reader_le16(&rd);

            (void)hm_reader_take(&rd, size < 2 ? SIZE_MAX : size - 2);
        }
    }
    count = hm_reader_le16(&rd);
    if (hm_reader_failed(&rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the devices are cut off");
    if (count > COMPONENT_COUNT_MAX)
        return hm_walk_refuse(walk, "more components in a package than 1024");
    for (size_t i = 0; i < count && !hm_reader_failed(&rd); i++)
        HM_TRY(add_component(walk, node, &rd, header, ret_end));
    return HM_OK;
}

static enum hm_rc pldm_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t header, end;
    struct hm_rd rd;

    if (!read_pldm(bytes, &header))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no header of a package");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, "PLDM"));
    rd = hm_reader_make(hm_bytes_make(bytes.data, header));
    (void)hm_reader_take(&rd, header - 4);
    HM_TRY(hm_walk_spend(walk, header));
    if (hm_unpack_crc32(hm_bytes_make(bytes.data, header - 4)) == hm_reader_le32(&rd))
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good"));
    else
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                "the header does not have its CRC-32"));
    end = header;
    HM_TRY(add_components(walk, node, header, &end));
    return hm_walk_add_gap(walk, node, end, bytes.size - end);
}

#define PLDM(...)                                                                                  \
    {                                                                                              \
        .name = "pldm", .kind = HM_IMAGE_PACKAGE, .magic = {__VA_ARGS__}, .magic_size = 16,        \
        .align = 1, .bid_size = PLDM_FIXED, .bid = pldm_bid, .parse = pldm_parse                   \
    }

/* Revisions 1 and 2 of the header. */
const struct hm_format hm_package_pldm_formats[2] = {
    PLDM(0xf0, 0x18, 0x87, 0x8c, 0xcb, 0x7d, 0x49, 0x43, 0x98, 0x00, 0xa0, 0x2f, 0x05, 0x9a, 0xca,
         0x02),
    PLDM(0x12, 0x44, 0xd2, 0x64, 0x8d, 0x7d, 0x47, 0x18, 0xa0, 0x30, 0xfc, 0x8a, 0x56, 0x58, 0x7d,
         0x5a),
};

/* ---- PFS ------------------------------------------------------------------------------------- */

static bool read_pfs(struct hm_bytes bytes, size_t *ret_size)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint32_t version;

    (void)hm_reader_le64(&rd);
    version = hm_reader_le32(&rd);
    *ret_size = hm_reader_le32(&rd);
    return !hm_reader_failed(&rd) && version == 1 &&
           bytes.size >= (size_t)PFS_HEADER + PFS_FOOTER &&
           *ret_size <= bytes.size - PFS_HEADER - PFS_FOOTER &&
           memcmp(bytes.data + PFS_HEADER + *ret_size + 8, "PFS.FTR.", 8) == 0;
}

static size_t pfs_bid(struct hm_bytes bytes, bool is_first)
{
    size_t size;

    (void)is_first; /* the footer stands where it must */
    return read_pfs(bytes, &size) ? PFS_HEADER + size + PFS_FOOTER : 0;
}

static enum hm_rc add_entry(struct hm_walk *walk, uint32_t node, struct hm_rd *rd, size_t start)
{
    static const char *const kinds[] = {"data", "data's signature", "metadata",
                                        "metadata's signature"};
    struct hm_guid guid = hm_guid_read(rd);
    uint32_t version = hm_reader_le32(rd);
    uint16_t numbers[4];
    size_t sizes[4];
    char text[32];

    (void)hm_reader_le32(rd);
    for (size_t i = 0; i < 4; i++)
        numbers[i] = hm_reader_le16(rd);
    (void)hm_reader_le64(rd);
    for (size_t i = 0; i < 4; i++)
        sizes[i] = hm_reader_le32(rd);
    (void)hm_reader_take(rd, version == 2 ? 0x20 : 0x10);
    if (hm_reader_failed(rd) || (version != 1 && version != 2)) {
        rd->failed = true;
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "an entry has no header");
    }
    (void)snprintf(text, sizeof(text), "%u.%u.%u.%u", numbers[0], numbers[1], numbers[2],
                   numbers[3]);
    for (size_t i = 0; i < 4; i++) {
        size_t offset = start + rd->offset;
        uint32_t child;

        (void)hm_reader_take(rd, sizes[i]);
        if (hm_reader_failed(rd))
            return hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "an entry ends behind all");
        if (sizes[i] == 0)
            continue;
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, offset, sizes[i], &child));
        hm_walk_set_guid(walk, child, &guid);
        HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_TYPE, kinds[i]));
        HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_VERSION, text));
        HM_TRY(hm_walk_queue(walk, child, NULL));
    }
    return HM_OK;
}

static enum hm_rc pfs_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_bytes entries;
    struct hm_rd rd;
    size_t size;
    uint32_t stored;

    if (!read_pfs(bytes, &size))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no header of a package");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, "Dell PFS"));
    entries = hm_bytes_make(bytes.data + PFS_HEADER, size);
    rd = hm_reader_make(hm_bytes_make(bytes.data + PFS_HEADER + size, PFS_FOOTER));
    (void)hm_reader_le32(&rd);
    stored = hm_reader_le32(&rd);
    HM_TRY(hm_walk_spend(walk, size));
    if (hm_unpack_crc32(entries) == ~stored || hm_unpack_crc32(entries) == stored)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good"));
    else
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                "the entries do not have their CRC-32"));
    rd = hm_reader_make(entries);
    for (size_t count = 0; hm_reader_left(&rd) > 0; count++) {
        if (count == PFS_ENTRY_MAX)
            return hm_walk_refuse(walk, "more entries in a package than 1024");
        HM_TRY(add_entry(walk, node, &rd, PFS_HEADER));
    }
    return HM_OK;
}

const struct hm_format hm_package_pfs_format = {
    .name = "pfs",
    .kind = HM_IMAGE_PACKAGE,
    .magic = {'P', 'F', 'S', '.', 'H', 'D', 'R', '.'},
    .magic_size = 8,
    .align = 1,
    .bid_size = PFS_HEADER + PFS_FOOTER,
    .bid = pfs_bid,
    .parse = pfs_parse,
};
