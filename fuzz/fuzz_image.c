/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware images: no bytes bring the walk out of its budgets, and every node lies inside its
 * parent. The first byte chooses the format that takes the rest apart (0: search); with bit 7 set,
 * checksums are put right first, so that the mutations get past them: those of volumes' headers, of
 * microcode, boot images, erase blocks and packages.
 */
#include "fuzz.h"

#include "image/format.h"
#include "image/unpack.h"

#define REPAIRS 0x80U

static const struct hm_format *const formats[] = {
    NULL,
    &hm_volume_format,
    &hm_pe_format,
    &hm_pci_rom_format,
    &hm_section_format,
    &hm_pe_te_format,
    &hm_section_format,
    &hm_flash_format,
    &hm_capsule_formats[0],
    &hm_microcode_intel_format,
    &hm_microcode_amd_format,
    &hm_uimage_format,
    &hm_device_tree_format,
    &hm_cbfs_format,
    &hm_squashfs_format,
    &hm_ubi_format,
    &hm_cabinet_format,
    &hm_package_pldm_formats[0],
    &hm_package_pfs_format,
};

static void repair_volumes(uint8_t *data, size_t size)
{
    for (size_t at = 0x28; at + 16 <= size; at++) {
        size_t start = at - 0x28;
        size_t header;
        unsigned sum = 0;

        if (memcmp(data + at, "_FVH", 4) != 0)
            continue;
        header = (size_t)(data[start + 0x30] | data[start + 0x31] << 8) & ~(size_t)1;
        if (header > size - start || header < 0x34)
            continue;
        data[start + 0x32] = 0;
        data[start + 0x33] = 0;
        for (size_t i = 0; i < header; i += 2)
            sum += (unsigned)(data[start + i] | data[start + i + 1] << 8);
        sum = (0x10000U - (sum & 0xffffU)) & 0xffffU;
        data[start + 0x32] = (uint8_t)(sum & 0xff);
        data[start + 0x33] = (uint8_t)(sum >> 8);
    }
}

static void put_be32(uint8_t *data, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        data[i] = (uint8_t)(value >> (24 - 8 * i) & 0xff);
}

static void put_le32(uint8_t *data, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        data[i] = (uint8_t)(value >> (8 * i) & 0xff);
}

static uint32_t get_le32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

static void repair_uimage(uint8_t *data, size_t size)
{
    size_t body =
        (size_t)data[12] << 24 | (size_t)data[13] << 16 | (size_t)data[14] << 8 | data[15];

    if (body <= size - 64)
        put_be32(data + 24, hm_unpack_crc32(hm_bytes_make(data + 64, body)));
    put_be32(data + 4, 0);
    put_be32(data + 4, hm_unpack_crc32(hm_bytes_make(data, 64)));
}

static void repair_microcode(uint8_t *data, size_t size)
{
    size_t total = get_le32(data + 0x20);
    uint32_t sum = 0;

    if (total > size || total < 48)
        return;
    put_le32(data + 0x10, 0);
    for (size_t i = 0; i + 4 <= total; i += 4)
        sum += get_le32(data + i);
    put_le32(data + 0x10, 0U - sum);
}

static void repair_pldm(uint8_t *data, size_t size)
{
    size_t header = (size_t)(data[0x11] | data[0x12] << 8);

    if (header >= 64 && header <= size)
        put_le32(data + header - 4, hm_unpack_crc32(hm_bytes_make(data, header - 4)));
}

static void repair_others(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 64 <= size; at += 4) {
        if (memcmp(data + at, "\x27\x05\x19\x56", 4) == 0)
            repair_uimage(data + at, size - at);
        else if (memcmp(data + at, "UBI#", 4) == 0)
            put_be32(data + at + 60, ~hm_unpack_crc32(hm_bytes_make(data + at, 60)));
        else if (at % 16 == 0 && get_le32(data + at) == 1 && get_le32(data + at + 0x14) == 1)
            repair_microcode(data + at, size - at);
        else if (memcmp(data + at, "\xf0\x18\x87\x8c", 4) == 0)
            repair_pldm(data + at, size - at);
    }
}

/* Every node is read to its last byte: a sanitizer sees one that is outside. */
static void check_tree(const struct hm_walk *walk, const struct hm_image *image)
{
    uint32_t seen = 0;
    unsigned sum = 0;

    for (uint32_t i = 0; i != HM_IMAGE_NONE; i = hm_image_next(image, i)) {
        const struct hm_image_node *node = &image->nodes[i];
        struct hm_bytes bytes = hm_walk_bytes(walk, i);

        FUZZ_CHECK(bytes.size == node->size);
        FUZZ_CHECK(node->depth <= HM_IMAGE_DEPTH_MAX);
        if (bytes.size > 0)
            sum += bytes.data[0] + bytes.data[bytes.size - 1];
        seen++;
    }
    FUZZ_CHECK(seen == image->node_count);
    FUZZ_CHECK(sum < UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_walk_free) struct hm_walk *walk = NULL;
    _hm_free_(free) char *copy = NULL;
    struct hm_err err = HM_ERR_INIT;
    uint8_t *bytes;

    if (size < 2)
        return 0;
    copy = malloc(size - 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    bytes = (uint8_t *)copy;
    if ((data[0] & REPAIRS) != 0) {
        repair_volumes(bytes, size - 1);
        repair_others(bytes, size - 1);
    }
    if (hm_walk_new_as(hm_bytes_make(bytes, size - 1),
                       formats[(data[0] & 0x7f) % HM_ARRAY_COUNT(formats)], &err, &walk) != HM_OK) {
        FUZZ_CHECK(err.rc == HM_ENOMEM);
        return 0;
    }
    check_tree(walk, hm_walk_image(walk));
    return 0;
}
