/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware images: no bytes bring the walk out of its budgets, and every node lies inside its
 * parent. The first byte chooses the format that takes the rest apart (0: search); with bit 7 set,
 * volumes' header checksums are put right first, so that the mutations get past them.
 */
#include "fuzz.h"

#include "image/format.h"

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
    if ((data[0] & REPAIRS) != 0)
        repair_volumes(bytes, size - 1);
    if (hm_walk_new_as(hm_bytes_make(bytes, size - 1),
                       formats[(data[0] & 0x7f) % HM_ARRAY_COUNT(formats)], &err, &walk) != HM_OK) {
        FUZZ_CHECK(err.rc == HM_ENOMEM);
        return 0;
    }
    check_tree(walk, hm_walk_image(walk));
    return 0;
}
