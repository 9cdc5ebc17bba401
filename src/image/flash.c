/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel flash images: a descriptor in the first 4 KiB says which regions the chip has (as read by
 * ifdtool and fwupd), little endian.
 *
 *   10  5A A5 F0 0F   14  map 0 (4): bits 23:16, times 16, where the regions' entries stand
 *   18  map 1 (4): bits 7:0, times 16, where the masters' entries stand, behind those
 *   entry (4): bits 14:0, times 4096, the first byte; bits 30:16 the last page. Unused: first >
 * last
 *
 * The network card's region is two copies of 4 KiB: words 0 to 2 the MAC address; words 0 to 3F sum
 * to BABA in the one that counts.
 */
#include "image/format.h"

#define PAGE_SIZE        4096
#define REGION_COUNT_MAX 16
#define GBE              3
#define GBE_WORDS        64
#define GBE_SUM          0xbaba

struct region {
    size_t index, offset, size;
    bool is_cut;
};

static bool read_regions(struct hm_bytes bytes, struct region *regions, size_t *ret_count)
{
    struct hm_rd rd = hm_reader_make(bytes);
    size_t at, end, count = 0;

    (void)hm_reader_take(&rd, 0x14);
    at = (size_t)(hm_reader_le32(&rd) >> 16 & 0xff) << 4;
    end = (size_t)(hm_reader_le32(&rd) & 0xff) << 4;
    if (hm_reader_failed(&rd) || bytes.size < PAGE_SIZE || at < 0x20 || end <= at)
        return false;
    rd.offset = at;
    for (size_t i = 0; i < REGION_COUNT_MAX && at + 4 * (i + 1) <= end; i++) {
        uint32_t entry = hm_reader_le32(&rd);
        size_t first = (size_t)(entry & 0x7fff) * PAGE_SIZE;
        size_t last = (size_t)(entry >> 16 & 0x7fff) * PAGE_SIZE + PAGE_SIZE;

        if (hm_reader_failed(&rd))
            return false;
        if (first >= last || (entry == 0 && i > 0))
            continue;
        regions[count] = (struct region){.index = i, .offset = first, .size = last - first};
        if (last > bytes.size) {
            regions[count].is_cut = true; /* one of two chips */
            regions[count].size = first < bytes.size ? bytes.size - first : 0;
        }
        count++;
    }
    *ret_count = count;
    return count > 0 && regions[0].index == 0 && regions[0].offset == 0;
}

static size_t flash_bid(struct hm_bytes bytes, bool is_first)
{
    struct region regions[REGION_COUNT_MAX];
    size_t count;

    /* The regions count from the start of the chip. */
    return is_first && read_regions(bytes, regions, &count) ? bytes.size : 0;
}

static const char *region_name(size_t index)
{
    static const char *const names[REGION_COUNT_MAX] = {
        [0] = "descriptor",         [1] = "BIOS",
        [2] = "management engine",  [GBE] = "network card",
        [4] = "platform data",      [5] = "device expansion",
        [6] = "second BIOS",        [8] = "embedded controller",
        [10] = "innovation engine", [11] = "10 gigabit network",
    };

    return names[index] == NULL ? "reserved" : names[index];
}

static enum hm_rc parse_gbe(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    bool is_good = false;

    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_VARIABLE, "MAC address and checksum"));
    for (size_t copy = 0; copy < 2 && !is_good && bytes.size >= (copy + 1) * PAGE_SIZE; copy++) {
        const uint8_t *data = bytes.data + copy * PAGE_SIZE;
        struct hm_rd rd = hm_reader_make(hm_bytes_make(data, PAGE_SIZE));
        uint16_t sum = 0;
        char mac[18];

        for (size_t i = 0; i < GBE_WORDS; i++)
            sum = (uint16_t)(sum + hm_reader_le16(&rd));
        if (sum != GBE_SUM)
            continue;
        is_good = true;
        (void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", data[0], data[1], data[2],
                       data[3], data[4], data[5]);
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MAC_ADDRESS, mac));
    }
    return is_good ? hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good")
                   : hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                      "neither copy's words sum to BABA");
}

static enum hm_rc add_region(struct hm_walk *walk, uint32_t parent, const struct region *region)
{
    uint32_t node;

    HM_TRY(hm_walk_add(walk, parent, region->index == 0 ? HM_IMAGE_DESCRIPTOR : HM_IMAGE_REGION,
                       region->offset, region->size, &node));
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, region_name(region->index)));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_INDEX, region->index));
    if (region->is_cut)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "the region ends behind the file"));
    if (region->index == GBE)
        return parse_gbe(walk, node);
    return region->index == 0 ? HM_OK : hm_walk_queue(walk, node, NULL);
}

static void sort_regions(struct region *regions, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct region region = regions[i];
        size_t at = i;

        for (; at > 0 && regions[at - 1].offset > region.offset; at--)
            regions[at] = regions[at - 1];
        regions[at] = region;
    }
}

static enum hm_rc flash_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct region regions[REGION_COUNT_MAX];
    size_t count, end = 0;

    if (!read_regions(bytes, regions, &count))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no flash descriptor");
    sort_regions(regions, count);
    for (size_t i = 0; i < count; i++) {
        if (regions[i].offset < end) {
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "two regions overlap"));
            continue;
        }
        if (regions[i].offset >= bytes.size) {
            HM_TRY(
                hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "a region begins behind the file"));
            continue;
        }
        HM_TRY(hm_walk_add_gap(walk, node, end, regions[i].offset - end));
        HM_TRY(add_region(walk, node, &regions[i]));
        end = regions[i].offset + regions[i].size;
    }
    return hm_walk_add_gap(walk, node, end, bytes.size - end);
}

const struct hm_format hm_flash_format = {
    .name = "flash",
    .kind = HM_IMAGE_FLASH,
    .magic = {0x5a, 0xa5, 0xf0, 0x0f},
    .magic_size = 4,
    .magic_offset = 0x10,
    .align = PAGE_SIZE,
    .bid = flash_bid,
    .parse = flash_parse,
};
