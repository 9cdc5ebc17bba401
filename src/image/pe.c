/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PE/COFF executables (Microsoft PE format, revision 11) and their terse form TE (UEFI PI 1.7,
 * volume 1, section 15), little endian; the digest that signatures, deny lists and measured boot
 * use (Windows Authenticode Portable Executable Signature Format, "Calculating the PE image hash").
 *
 *   DOS:  0  "MZ"   3C  offset of the next (4)
 *   COFF: 0  "PE" 0 0   4  machine (2)   6  sections (2)   8  timestamp (4)   14  optional size (2)
 *   optional header, at 18 of COFF:
 *         0  magic (2): 10B PE32, 20B PE32+     10  entry (4)    38  image size (4)
 *        3C  headers' size (4)   40  checksum (4)   44  subsystem (2)
 *        5C / 6C  count of directories (4), then 8 bytes each; the fifth: certificates, by file
 *            offset and size
 *   section header, 28 bytes: 0  name (8)  8  virtual size (4)  10  raw size (4)  14  raw offset
 * (4)
 *
 *   TE:   0  "VZ"   2  machine (2)   4  sections (1)   5  subsystem (1)   6  stripped size (2)
 *         8  entry (4)   C  base of code (4)   10  image base (8)   18  two directories (16)
 *
 * The digest goes over the headers without checksum and certificate directory entry, the sections
 * by their offset, and what follows them without the certificates.
 */
#include "image/pe.h"

#include "image/format.h"

#define SECTION_COUNT_MAX   96 /* the loader's limit */
#define SECTION_HEADER_SIZE 40
#define TE_HEADER_SIZE      40
#define MAGIC_PE32          0x10b
#define MAGIC_PE32_PLUS     0x20b
#define CERTIFICATES        4
#define CHECKSUM_OFFSET     64

struct range {
    size_t offset, size;
};

struct pe {
    uint16_t machine, subsystem;
    uint32_t timestamp, entry;
    size_t headers_size;
    size_t checksum_offset;       /* in the file; 4 bytes */
    struct range directory_entry; /* of the certificates; size 0: none */
    struct range certificates;    /* size 0: not signed */
    struct range sections[SECTION_COUNT_MAX];
    size_t section_count;
    size_t end; /* of headers and sections */
};

const char *hm_pe_machine_name(uint16_t machine)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } table[] = {
        {0x014c, "x86"},           {0x8664, "x86-64"},    {0x01c2, "ARM"},
        {0x01c0, "ARM"},           {0xaa64, "ARM64"},     {0x0200, "Itanium"},
        {0x0ebc, "EFI byte code"}, {0x5032, "RISC-V 32"}, {0x5064, "RISC-V 64"},
        {0x6264, "LoongArch 64"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(table); i++) {
        if (table[i].machine == machine)
            return table[i].name;
    }
    return "machine of an unknown kind";
}

static const char *subsystem_name(uint16_t subsystem)
{
    static const char *const names[] = {
        [10] = "EFI application",
        [11] = "EFI boot service driver",
        [12] = "EFI runtime driver",
        [13] = "EFI ROM",
    };

    if (subsystem < HM_ARRAY_COUNT(names) && names[subsystem] != NULL)
        return names[subsystem];
    return "another subsystem";
}

static bool read_sections(struct hm_bytes bytes, struct hm_rd *rd, size_t count, struct pe *pe)
{
    pe->end = pe->headers_size;
    if (count > SECTION_COUNT_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct range section;

        (void)hm_reader_take(rd, 16); /* name, virtual size and address */
        section.size = hm_reader_le32(rd);
        section.offset = hm_reader_le32(rd);
        (void)hm_reader_take(rd, 16);
        if (hm_reader_failed(rd))
            return false;
        if (section.size == 0)
            continue;
        if (section.offset > bytes.size || section.size > bytes.size - section.offset)
            return false;
        pe->sections[pe->section_count++] = section;
        if (section.offset + section.size > pe->end)
            pe->end = section.offset + section.size;
    }
    return true;
}

static bool read_directories(struct hm_bytes bytes, struct hm_rd *rd, size_t count, struct pe *pe)
{
    size_t offset, size;

    (void)hm_reader_take_array(rd, count < CERTIFICATES ? count : CERTIFICATES, 8);
    if (count <= CERTIFICATES)
        return !hm_reader_failed(rd);
    pe->directory_entry = (struct range){rd->offset, 8};
    offset = hm_reader_le32(rd);
    size = hm_reader_le32(rd);
    if (hm_reader_failed(rd))
        return false;
    if (size == 0)
        return true;
    if (offset > bytes.size || size > bytes.size - offset)
        return false;
    pe->certificates = (struct range){offset, size};
    return true;
}

/* Reads all headers. False where bytes are no PE image, or one whose parts lie outside. */
static bool read_pe(struct hm_bytes bytes, struct pe *ret_pe)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct pe pe = {.machine = 0};
    uint16_t section_count, optional_size, magic;
    uint32_t directory_count;
    size_t coff, optional;

    if (!hm_bytes_is_str(hm_reader_take(&rd, 2), "MZ"))
        return false;
    (void)hm_reader_take(&rd, 0x3c - 2);
    coff = hm_reader_le32(&rd);
    rd.offset = 0;
    if (hm_reader_take(&rd, coff).size != coff ||
        !hm_bytes_is_equal(hm_reader_take(&rd, 4), HM_BYTES_LITERAL("PE\0\0")))
        return false;
    pe.machine = hm_reader_le16(&rd);
    section_count = hm_reader_le16(&rd);
    pe.timestamp = hm_reader_le32(&rd);
    (void)hm_reader_take(&rd, 8); /* symbols */
    optional_size = hm_reader_le16(&rd);
    (void)hm_reader_le16(&rd); /* characteristics */
    optional = rd.offset;
    pe.checksum_offset = optional + CHECKSUM_OFFSET;
    magic = hm_reader_le16(&rd);
    (void)hm_reader_take(&rd, 14);
    pe.entry = hm_reader_le32(&rd);
    (void)hm_reader_take(&rd, 0x3c - 0x14);
    pe.headers_size = hm_reader_le32(&rd);
    (void)hm_reader_le32(&rd); /* checksum: 0 in firmware */
    pe.subsystem = hm_reader_le16(&rd);
    if (magic != MAGIC_PE32 && magic != MAGIC_PE32_PLUS)
        return false;
    (void)hm_reader_take(&rd, (magic == MAGIC_PE32 ? 0x5c : 0x6c) - 0x46);
    directory_count = hm_reader_le32(&rd);
    if (hm_reader_failed(&rd) || !read_directories(bytes, &rd, directory_count, &pe))
        return false;
    rd.offset = 0;
    (void)hm_reader_take(&rd, optional);
    (void)hm_reader_take(&rd, optional_size);
    if (hm_reader_failed(&rd) || pe.headers_size > bytes.size || pe.headers_size < rd.offset ||
        (pe.directory_entry.size > 0 && pe.directory_entry.offset + 8 > pe.headers_size))
        return false;
    if (!read_sections(bytes, &rd, section_count, &pe))
        return false;
    *ret_pe = pe;
    return true;
}

static size_t pe_bid(struct hm_bytes bytes, bool is_first)
{
    struct pe pe;
    size_t end;

    (void)is_first; /* "MZ", "PE" and all sizes are proof enough */
    if (!read_pe(bytes, &pe))
        return 0;
    end = pe.end;
    if (pe.certificates.size > 0 && pe.certificates.offset + pe.certificates.size > end)
        end = pe.certificates.offset + pe.certificates.size;
    return is_first ? bytes.size : end;
}

static void sort_sections(struct pe *pe)
{
    for (size_t i = 1; i < pe->section_count; i++) {
        struct range section = pe->sections[i];
        size_t at = i;

        for (; at > 0 && pe->sections[at - 1].offset > section.offset; at--)
            pe->sections[at] = pe->sections[at - 1];
        pe->sections[at] = section;
    }
}

static struct hm_bytes slice(struct hm_bytes bytes, size_t from, size_t to)
{
    return to <= from ? HM_BYTES_EMPTY : hm_bytes_make(bytes.data + from, to - from);
}

static enum hm_rc add_authenticode(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                                   struct pe *pe)
{
    struct hm_bytes runs[SECTION_COUNT_MAX + 5];
    struct hm_sha256 sha256;
    size_t at = pe->checksum_offset + 4;
    size_t hashed = pe->headers_size;
    size_t count = 0;

    runs[count++] = slice(bytes, 0, pe->checksum_offset);
    if (pe->directory_entry.size > 0) {
        runs[count++] = slice(bytes, at, pe->directory_entry.offset);
        at = pe->directory_entry.offset + pe->directory_entry.size;
    }
    runs[count++] = slice(bytes, at, pe->headers_size);
    sort_sections(pe);
    for (size_t i = 0; i < pe->section_count; i++) {
        runs[count++] =
            slice(bytes, pe->sections[i].offset, pe->sections[i].offset + pe->sections[i].size);
        hashed += pe->sections[i].size;
    }
    /* Behind what was hashed, whatever it is, but for the certificates at the end. */
    if (bytes.size > hashed && pe->certificates.size <= bytes.size - hashed)
        runs[count++] = slice(bytes, hashed, bytes.size - pe->certificates.size);
    HM_TRY(hm_walk_sha256(walk, runs, count, &sha256));
    return hm_walk_fact_text(walk, node, HM_FACT_AUTHENTICODE,
                             hm_bytes_make(sha256.bytes, HM_SHA256_SIZE));
}

static enum hm_rc pe_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct pe pe;

    if (!read_pe(bytes, &pe))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED,
                                "no PE image, or its headers point outside");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MACHINE, hm_pe_machine_name(pe.machine)));
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_SUBSYSTEM, subsystem_name(pe.subsystem)));
    if (pe.timestamp != 0)
        HM_TRY(hm_walk_fact(walk, node, HM_FACT_TIMESTAMP, pe.timestamp));
    if (pe.certificates.size > 0)
        HM_TRY(hm_walk_fact(walk, node, HM_FACT_SIGNATURE_SIZE, pe.certificates.size));
    return add_authenticode(walk, node, bytes, &pe);
}

static enum hm_rc te_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_rd rd = hm_reader_make(bytes);
    bool is_te = hm_bytes_is_str(hm_reader_take(&rd, 2), "VZ");
    uint16_t machine = hm_reader_le16(&rd);
    uint8_t section_count = hm_reader_u8(&rd);
    uint8_t subsystem = hm_reader_u8(&rd);

    (void)hm_reader_take(&rd, TE_HEADER_SIZE - 6);
    (void)hm_reader_take_array(&rd, section_count, SECTION_HEADER_SIZE);
    if (!is_te || hm_reader_failed(&rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no TE image");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MACHINE, hm_pe_machine_name(machine)));
    return hm_walk_fact_str(walk, node, HM_FACT_SUBSYSTEM, subsystem_name(subsystem));
}

static size_t te_bid(struct hm_bytes bytes, bool is_first)
{
    return is_first && bytes.size >= TE_HEADER_SIZE &&
                   hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL("VZ"))
               ? bytes.size
               : 0;
}

const struct hm_format hm_pe_format = {
    .name = "pe",
    .kind = HM_IMAGE_PE,
    .magic = {'M', 'Z'},
    .magic_size = 2,
    .align = 4,
    .bid = pe_bid,
    .parse = pe_parse,
};

const struct hm_format hm_pe_te_format = {
    .name = "te",
    .kind = HM_IMAGE_TE,
    .magic = {'V', 'Z'},
    .magic_size = 2,
    .align = 4,
    .bid = te_bid,
    .parse = te_parse,
};
