/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processor microcode updates, little endian.
 *
 * Intel (Software Developer's Manual, volume 3, section 10.11), sizes in bytes:
 *   0  header version (4): 1   4  revision (4)   8  date, BCD: month, day, year (4)
 *   C  processor signature (4)   10  checksum (4): all 32-bit words sum to 0   14  loader (4): 1
 *  18  platforms (4)   1C  data size (4; 0: 2000)   20  total size (4; 0: 2048)   24  zeros (12)
 *
 * AMD, a container as operating systems load it:
 *   0  "DMA\0"   4  0 (4)   8  size of the table (4)   C  table: 16 each; then patches:
 *   patch:  0  1 (4)   4  size (4)   8  date, BCD: month, day, year (4)   C  patch level (4) ...
 *          20  processor revision (2), 18 bytes into the patch itself
 */
#include "image/format.h"

#define INTEL_HEADER     0x30
#define INTEL_DATA       2000
#define INTEL_TOTAL      2048
#define INTEL_TOTAL_MAX  (4U << 20) /* real ones are below half a MiB */
#define INTEL_UNIT       1024
#define AMD_TABLE_MAX    0x10000
#define AMD_PATCH_MAX    0x10000
#define AMD_PATCH_COUNT  1024 /* real containers have a few dozen */
#define AMD_PATCH_HEADER 0x20

struct intel {
    uint32_t revision, date, signature, platforms;
    size_t total;
};

/* BCD, as both have it: 0xMMDDYYYY. */
static bool is_date(uint32_t date)
{
    uint32_t month = date >> 24, day = date >> 16 & 0xff, year = date & 0xffff;

    for (int shift = 0; shift < 32; shift += 4) {
        if ((date >> shift & 0xf) > 9)
            return false;
    }
    return month >= 0x01 && month <= 0x12 && day >= 0x01 && day <= 0x31 && year >= 0x1993 &&
           year <= 0x2099;
}

static enum hm_rc add_date(struct hm_walk *walk, uint32_t node, uint32_t date)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%04x-%02x-%02x", date & 0xffff, date >> 24 & 0xff,
                   date >> 16 & 0xff);
    return hm_walk_fact_str(walk, node, HM_FACT_DATE, text);
}

static enum hm_rc add_revision(struct hm_walk *walk, uint32_t node, uint32_t revision)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "0x%x", revision);
    return hm_walk_fact_str(walk, node, HM_FACT_VERSION, text);
}

/* ---- Intel ----------------------------------------------------------------------------------- */

static bool read_intel(struct hm_bytes bytes, struct intel *ret_intel)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct intel intel;
    uint32_t version = hm_reader_le32(&rd), loader, data;

    intel.revision = hm_reader_le32(&rd);
    intel.date = hm_reader_le32(&rd);
    intel.signature = hm_reader_le32(&rd);
    (void)hm_reader_le32(&rd); /* checksum: part of the sum */
    loader = hm_reader_le32(&rd);
    intel.platforms = hm_reader_le32(&rd);
    data = hm_reader_le32(&rd);
    intel.total = hm_reader_le32(&rd);
    if (data == 0) {
        data = INTEL_DATA;
        intel.total = INTEL_TOTAL;
    }
    if (hm_reader_failed(&rd) || version != 1 || loader != 1 || !is_date(intel.date) ||
        data % 4 != 0 || intel.total % INTEL_UNIT != 0 || intel.total > INTEL_TOTAL_MAX ||
        data > intel.total || intel.total - data < INTEL_HEADER || intel.total > bytes.size)
        return false;
    *ret_intel = intel;
    return true;
}

static size_t intel_bid(struct hm_bytes bytes, bool is_first)
{
    struct intel intel;

    (void)is_first; /* version, loader, date and sizes are proof enough */
    return read_intel(bytes, &intel) ? intel.total : 0;
}

static enum hm_rc intel_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_rd rd = hm_reader_make(bytes);
    struct intel intel;
    uint32_t sum = 0;

    if (!read_intel(bytes, &intel))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no microcode header");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, "Intel"));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_PROCESSOR, intel.signature));
    HM_TRY(add_revision(walk, node, intel.revision));
    HM_TRY(add_date(walk, node, intel.date));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_ATTRIBUTES, intel.platforms));
    HM_TRY(hm_walk_spend(walk, intel.total));
    for (size_t i = 0; i < intel.total; i += 4)
        sum += hm_reader_le32(&rd);
    return sum == 0
               ? hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good")
               : hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM, "its words do not sum to 0");
}

const struct hm_format hm_microcode_intel_format = {
    .name = "microcode",
    .kind = HM_IMAGE_MICROCODE,
    .magic = {0x01, 0x00, 0x00, 0x00},
    .magic_size = 4,
    .align = 16,
    .bid_size = INTEL_HEADER,
    .bid = intel_bid,
    .parse = intel_parse,
};

/* ---- AMD ------------------------------------------------------------------------------------- */

/* The reader stands behind the table. */
static bool read_amd(struct hm_bytes bytes, struct hm_rd *ret_rd)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint32_t type, size;

    (void)hm_reader_le32(&rd);
    type = hm_reader_le32(&rd);
    size = hm_reader_le32(&rd);
    if (type != 0 || size == 0 || size % 16 != 0 || size > AMD_TABLE_MAX)
        return false;
    (void)hm_reader_take(&rd, size);
    *ret_rd = rd;
    return !hm_reader_failed(&rd);
}

/* The next patch, whole; empty where there is none. */
static struct hm_bytes next_patch(struct hm_rd *rd)
{
    struct hm_rd ahead = *rd;
    uint32_t type = hm_reader_le32(&ahead);
    uint32_t size = hm_reader_le32(&ahead);
    struct hm_bytes patch;

    if (type != 1 || size < AMD_PATCH_HEADER || size > AMD_PATCH_MAX)
        return HM_BYTES_EMPTY;
    patch = hm_reader_take(&ahead, size);
    if (!hm_reader_failed(&ahead))
        *rd = ahead;
    return patch;
}

static size_t amd_bid(struct hm_bytes bytes, bool is_first)
{
    struct hm_rd rd;

    (void)is_first;
    if (!read_amd(bytes, &rd))
        return 0;
    for (size_t count = 0; count < AMD_PATCH_COUNT; count++) {
        if (next_patch(&rd).size == 0)
            break;
    }
    return rd.offset;
}

static enum hm_rc amd_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct hm_rd rd;

    if (!read_amd(bytes, &rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no container of microcode");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, "AMD container"));
    for (size_t count = 0; rd.offset < bytes.size; count++) {
        struct hm_bytes patch = next_patch(&rd);
        struct hm_rd header = hm_reader_make(patch);
        uint32_t child, date;

        if (patch.size == 0 || count == AMD_PATCH_COUNT)
            return hm_walk_add_gap(walk, node, rd.offset, bytes.size - rd.offset);
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_MICROCODE, rd.offset - patch.size, patch.size,
                           &child));
        date = hm_reader_le32(&header);
        HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_TYPE, "AMD"));
        HM_TRY(add_revision(walk, child, hm_reader_le32(&header)));
        if (is_date(date))
            HM_TRY(add_date(walk, child, date));
        (void)hm_reader_take(&header, 0x18 - 8);
        HM_TRY(hm_walk_fact(walk, child, HM_FACT_PROCESSOR, hm_reader_le16(&header)));
    }
    return HM_OK;
}

const struct hm_format hm_microcode_amd_format = {
    .name = "microcode-amd",
    .kind = HM_IMAGE_MICROCODE,
    .magic = {'D', 'M', 'A', 0, 0, 0, 0, 0},
    .magic_size = 8,
    .align = 4,
    .bid = amd_bid,
    .parse = amd_parse,
};
