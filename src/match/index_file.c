/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one file of an index. See index_file.h; writing is in index_file_write.c. */
#include "match/index_file_internal.h"

#include <endian.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t hm_index_file_key(const struct hm_sha256 *sha256)
{
    struct hm_rd rd = hm_reader_make(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE));

    return hm_reader_le64(&rd) & ~INDEX_SAMPLE_MASK;
}

uint64_t hm_index_file_stored(uint64_t key)
{
    return key >> HM_INDEX_FILE_SAMPLE_BITS | key << (64 - HM_INDEX_FILE_SAMPLE_BITS);
}

enum hm_rc hm_index_file_sum(struct hm_bytes bytes, struct hm_err *err, uint64_t *ret_sum)
{
    struct hm_sha256 sha256;

    struct hm_rd rd = hm_reader_make(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE));

    HM_TRY(hm_digest_sha256(bytes, err, &sha256));
    *ret_sum = hm_reader_le64(&rd);
    return HM_OK;
}

static uint64_t load64(struct hm_bytes bytes, size_t offset)
{
    uint64_t value;

    memcpy(&value, bytes.data + offset, sizeof(value));
    return le64toh(value);
}

static uint32_t load32(struct hm_bytes bytes, size_t offset)
{
    uint32_t value;

    memcpy(&value, bytes.data + offset, sizeof(value));
    return le32toh(value);
}

/* ---- the header ------------------------------------------------------------------------------ */

/* Where everything lies; false where that is not in the file. No sum can wrap: all factors are
 * below 2^32, and the blocks' size is checked against what is left. */
static bool lay_out(struct hm_index_file *file, uint64_t blocks_size)
{
    uint64_t fan_size = ((UINT64_C(1) << file->fan_bits) + 1) * sizeof(uint32_t);
    uint64_t fan = INDEX_HEADER_SIZE + (uint64_t)file->image_count * INDEX_ROW_SIZE;
    uint64_t entries = fan + fan_size + (8 - fan_size % 8) % 8;
    uint64_t blocks = entries + (uint64_t)file->entry_count * HM_INDEX_FILE_ENTRY_SIZE;

    if (blocks > file->bytes.size || blocks_size != file->bytes.size - blocks)
        return false;
    file->fan_offset = (size_t)fan;
    file->entries_offset = (size_t)entries;
    file->blocks_offset = (size_t)blocks;
    file->blocks_size = (size_t)blocks_size;
    return true;
}

enum hm_rc hm_index_file_parse(struct hm_bytes bytes, struct hm_err *err,
                               struct hm_index_file *ret_file)
{
    struct hm_index_file file = {.bytes = bytes};
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_bytes magic = hm_reader_take(&rd, sizeof(INDEX_MAGIC) - 1);
    uint64_t entry_count, blocks_size, sum, found;
    uint32_t kinds;

    file.image_count = hm_reader_le32(&rd);
    file.fan_bits = hm_reader_le32(&rd);
    entry_count = hm_reader_le64(&rd);
    blocks_size = hm_reader_le64(&rd);
    kinds = hm_reader_le32(&rd);
    (void)hm_reader_take(&rd, 12);
    sum = hm_reader_le64(&rd);
    if (hm_reader_failed(&rd) || !hm_bytes_is_str(magic, INDEX_MAGIC))
        return hm_fail(err, HM_EFORMAT, "no index of images, or of another version");
    HM_TRY(hm_index_file_sum(hm_bytes_make(bytes.data, INDEX_HEADER_SIZE - 8), err, &found));
    if (found != sum)
        return hm_fail(err, HM_EFORMAT, "the header is damaged");
    /* Kinds are kept by number: another program may have others. */
    if (kinds != HM_IMAGE_KIND_COUNT_)
        return hm_fail(err, HM_EFORMAT, "written by a program that knows other kinds of part");
    if (file.image_count > HM_INDEX_FILE_IMAGE_COUNT_MAX || file.fan_bits < INDEX_FAN_BITS_MIN ||
        file.fan_bits > INDEX_FAN_BITS_MAX || entry_count > HM_INDEX_FILE_ENTRY_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more in it than there can be");
    file.entry_count = (size_t)entry_count;
    if (!lay_out(&file, blocks_size))
        return hm_fail(err, HM_EFORMAT, "its size is not the one its header says");
    file.is_sampled =
        load32(bytes,
               file.fan_offset + ((size_t)4 << (file.fan_bits - HM_INDEX_FILE_SAMPLE_BITS))) ==
        file.entry_count;
    *ret_file = file;
    return HM_OK;
}

/* ---- entries --------------------------------------------------------------------------------- */

struct hm_index_entry hm_index_file_entry(const struct hm_index_file *file, size_t index)
{
    size_t at = file->entries_offset + index * HM_INDEX_FILE_ENTRY_SIZE;

    HM_ASSERT(index < file->entry_count);
    return (struct hm_index_entry){.key = load64(file->bytes, at),
                                   .image = load32(file->bytes, at + 8),
                                   .offset = load32(file->bytes, at + 12)};
}

static uint64_t key_at(const struct hm_index_file *file, size_t index)
{
    return load64(file->bytes, file->entries_offset + index * HM_INDEX_FILE_ENTRY_SIZE);
}

void hm_index_file_touch(const struct hm_index_file *file)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t from = file->fan_offset - file->fan_offset % page;

    /* Help, and no more: an older kernel does without. */
    (void)madvise((void *)(uintptr_t)(file->bytes.data + from), file->entries_offset - from,
                  MADV_POPULATE_READ);
}

void hm_index_file_prefetch(const struct hm_index_file *file, uint64_t key)
{
    size_t slot = (size_t)(hm_index_file_stored(key) >> (64 - file->fan_bits));

    if (!file->is_sampled || (key & INDEX_SAMPLE_MASK) == 0)
        __builtin_prefetch(file->bytes.data + file->fan_offset + slot * 4);
}

enum hm_rc hm_index_file_find(const struct hm_index_file *file, uint64_t key, struct hm_err *err,
                              size_t *ret_first, size_t *ret_count)
{
    uint64_t stored = hm_index_file_stored(key);
    size_t slot = (size_t)(stored >> (64 - file->fan_bits));
    size_t count = 0;
    size_t low, high, end;

    *ret_first = *ret_count = 0;
    if (file->is_sampled && (key & INDEX_SAMPLE_MASK) != 0)
        return HM_OK;
    low = load32(file->bytes, file->fan_offset + slot * 4);
    high = end = load32(file->bytes, file->fan_offset + slot * 4 + 4);
    if (low > end || end > file->entry_count)
        return hm_fail(err, HM_EFORMAT, "the index of images is damaged at key %016llx",
                       (unsigned long long)key);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (key_at(file, middle) < stored)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + count < end && count <= HM_INDEX_FILE_SHARED_MAX &&
           key_at(file, low + count) == stored)
        count++;
    *ret_first = low;
    *ret_count = count;
    return HM_OK;
}

/* ---- images ---------------------------------------------------------------------------------- */

static enum hm_rc fail_image(uint32_t index, struct hm_err *err)
{
    return hm_fail(err, HM_EFORMAT, "the index of images is damaged at image %u", index);
}

enum hm_rc hm_index_file_block(const struct hm_index_file *file, uint32_t index, struct hm_err *err,
                               struct hm_bytes *ret_block, uint64_t *ret_sum)
{
    size_t row = INDEX_HEADER_SIZE + (size_t)index * INDEX_ROW_SIZE;
    uint64_t offset;
    uint32_t size;

    if (index >= file->image_count)
        return fail_image(index, err);
    offset = load64(file->bytes, row);
    size = load32(file->bytes, row + 8);
    if (offset > file->blocks_size || size > file->blocks_size - offset)
        return fail_image(index, err);
    *ret_block = hm_bytes_make(file->bytes.data + file->blocks_offset + offset, size);
    *ret_sum = load64(file->bytes, row + 16);
    return HM_OK;
}

enum hm_rc hm_index_file_image(const struct hm_index_file *file, uint32_t index, struct hm_err *err,
                               struct hm_index_image *ret_image)
{
    struct hm_index_image image;
    struct hm_bytes block, sha256;
    uint64_t sum, found;
    struct hm_rd rd;
    uint32_t flags, path_size;

    HM_TRY(hm_index_file_block(file, index, err, &block, &sum));
    HM_TRY(hm_index_file_sum(block, err, &found));
    rd = hm_reader_make(block);
    sha256 = hm_reader_take(&rd, HM_SHA256_SIZE);
    image.size = hm_reader_le64(&rd);
    image.inode = hm_reader_le64(&rd);
    image.changed_ns = (int64_t)hm_reader_le64(&rd);
    flags = hm_reader_le32(&rd);
    path_size = hm_reader_le32(&rd);
    image.path = hm_reader_take(&rd, path_size);
    if (found != sum || hm_reader_failed(&rd) || flags > INDEX_FLAG_COPY || path_size == 0 ||
        path_size > HM_INDEX_FILE_PATH_SIZE_MAX ||
        memchr(image.path.data, 0, image.path.size) != NULL)
        return fail_image(index, err);
    memcpy(image.sha256.bytes, sha256.data, HM_SHA256_SIZE);
    image.is_copy = flags == INDEX_FLAG_COPY;
    image.contents = hm_reader_take(&rd, hm_reader_left(&rd));
    *ret_image = image;
    return HM_OK;
}
