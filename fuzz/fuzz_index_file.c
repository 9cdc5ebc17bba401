/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the index of images: no bytes lead a look-up outside of it. The header's and the
 * blocks' checksums are put right first, so that the mutations get past them. */
#include "fuzz.h"

#include "match/index_file.h"

static bool put_sum(uint8_t *at, struct hm_bytes bytes)
{
    struct hm_sha256 sha256;

    if (hm_digest_sha256(bytes, NULL, &sha256) != HM_OK)
        return false;
    memcpy(at, sha256.bytes, 8);
    return true;
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The kinds of part that this program knows, and the sums. */
static bool repair_header(uint8_t *data, size_t size)
{
    if (size < 0x40)
        return false;
    data[0x28] = HM_IMAGE_KIND_COUNT_;
    data[0x29] = data[0x2a] = data[0x2b] = 0;
    return put_sum(data + 0x38, hm_bytes_make(data, 0x38));
}

static void repair_blocks(uint8_t *data, const struct hm_index_file *file)
{
    for (uint32_t i = 0; i < file->image_count; i++) {
        uint8_t *row = data + 0x40 + (size_t)i * 24;
        size_t offset = get32(row);
        size_t size = get32(row + 8);

        if (get32(row + 4) != 0 || offset > file->blocks_size || size > file->blocks_size - offset)
            continue;
        (void)put_sum(row + 16, hm_bytes_make(data + file->blocks_offset + offset, size));
    }
}

static void look_up(const struct hm_index_file *file)
{
    for (size_t i = 0; i < file->entry_count && i < 64; i++) {
        struct hm_index_entry entry = hm_index_file_entry(file, i);
        struct hm_index_image image;
        size_t first, count;

        if (hm_index_file_find(file, entry.key, NULL, &first, &count) == HM_OK)
            FUZZ_CHECK(first + count <= file->entry_count);
        if (hm_index_file_image(file, entry.image, NULL, &image) == HM_OK) {
            _hm_free_(hm_contents_free) struct hm_contents *contents = NULL;

            FUZZ_CHECK(image.path.size <= HM_INDEX_FILE_PATH_SIZE_MAX);
            HM_UNUSED enum hm_rc rc = hm_contents_parse(image.contents, NULL, &contents);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(free) char *copy = malloc(size + 1);
    struct hm_index_file file;
    uint8_t *bytes = (uint8_t *)copy;

    if (copy == NULL || size == 0)
        return 0;
    memcpy(bytes, data, size);
    if (!repair_header(bytes, size) ||
        hm_index_file_parse(hm_bytes_make(bytes, size), NULL, &file) != HM_OK)
        return 0;
    repair_blocks(bytes, &file);
    look_up(&file);
    return 0;
}
