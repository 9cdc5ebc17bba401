/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one file of an index: the entries of all sources, merged in two passes (one to count, one
 * to write), so that memory holds the fan alone.
 */
#include "match/index_file_internal.h"

#include <endian.h>

#include "match/anchor.h"

#define SINK_SIZE     ((size_t)256 << 10)
#define DROPPED       UINT32_MAX
#define FIRST_ENTRIES 4096
#define FIRST_IMAGES  64
/* Entries to a slot of the fan, were the keys spread evenly: half a byte each. Most are in the
 * first sixteenth of it, where a slot has 2 KiB to search: half a page. */
#define FAN_SHARE 8

/* ---- a batch --------------------------------------------------------------------------------- */

static void store_entry(uint8_t *at, const struct hm_index_entry *entry)
{
    uint64_t key = htole64(entry->key);
    uint32_t image = htole32(entry->image);
    uint32_t offset = htole32(entry->offset);

    memcpy(at, &key, sizeof(key));
    memcpy(at + 8, &image, sizeof(image));
    memcpy(at + 12, &offset, sizeof(offset));
}

static struct hm_index_entry load_entry(const uint8_t *at)
{
    struct hm_index_entry entry;

    memcpy(&entry.key, at, sizeof(entry.key));
    memcpy(&entry.image, at + 8, sizeof(entry.image));
    memcpy(&entry.offset, at + 12, sizeof(entry.offset));
    entry.key = le64toh(entry.key);
    entry.image = le32toh(entry.image);
    entry.offset = le32toh(entry.offset);
    return entry;
}

static enum hm_rc add_entry(struct hm_index_batch *batch, uint64_t key, uint32_t offset,
                            struct hm_err *err)
{
    struct hm_index_entry entry = {
        .key = hm_index_file_stored(key), .image = (uint32_t)batch->image_count, .offset = offset};

    if (batch->entry_count == HM_INDEX_FILE_ENTRY_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "more entries than an index may have");
    if (batch->entry_count == batch->entry_capacity) {
        size_t grown = batch->entry_capacity == 0 ? FIRST_ENTRIES : 2 * batch->entry_capacity;
        void *moved = reallocarray(batch->entries, grown, HM_INDEX_FILE_ENTRY_SIZE);

        if (moved == NULL)
            return hm_error_nomem(err);
        batch->entries = moved;
        batch->entry_capacity = grown;
    }
    store_entry(batch->entries + batch->entry_count * HM_INDEX_FILE_ENTRY_SIZE, &entry);
    batch->entry_count++;
    return HM_OK;
}

static enum hm_rc add_entries(struct hm_index_batch *batch, const struct hm_index_image *image,
                              const struct hm_contents *contents,
                              const struct hm_anchor_list *anchors, struct hm_err *err)
{
    HM_TRY(add_entry(batch, hm_index_file_key(&image->sha256), HM_INDEX_FILE_WHOLE, err));
    if (image->is_copy)
        return HM_OK;
    for (size_t i = 0; anchors != NULL && i < anchors->count; i++)
        HM_TRY(add_entry(batch, anchors->items[i].key, anchors->items[i].offset, err));
    for (size_t i = 0; contents != NULL && i < contents->part_count; i++) {
        const struct hm_part *part = &contents->parts[i];

        /* What changes on a machine, and what is the same everywhere, leads nowhere. */
        if (!part->is_variable && part->size >= HM_CONTENTS_TELLING_SIZE_MIN)
            HM_TRY(add_entry(batch, hm_index_file_key(&part->sha256), (uint32_t)i, err));
    }
    for (size_t i = 0; contents != NULL && i < contents->anchor_count; i++)
        HM_TRY(add_entry(batch, contents->anchors[i], 0, err));
    return HM_OK;
}

static enum hm_rc write_block(const struct hm_index_image *image,
                              const struct hm_contents *contents, struct hm_err *err,
                              struct hm_buf *buf)
{
    uint64_t numbers[3] = {htole64(image->size), htole64(image->inode),
                           htole64((uint64_t)image->changed_ns)};
    uint32_t ends[2] = {htole32(image->is_copy ? INDEX_FLAG_COPY : 0),
                        htole32((uint32_t)image->path.size)};

    HM_TRY(hm_buf_append(buf, hm_bytes_make(image->sha256.bytes, HM_SHA256_SIZE), err));
    HM_TRY(hm_buf_append(buf, hm_bytes_make(numbers, sizeof(numbers)), err));
    HM_TRY(hm_buf_append(buf, hm_bytes_make(ends, sizeof(ends)), err));
    HM_TRY(hm_buf_append(buf, image->path, err));
    if (contents == NULL || image->is_copy)
        return HM_OK;
    return hm_contents_write(contents, err, buf);
}

enum hm_rc hm_index_file_batch_add(struct hm_index_batch *batch, const struct hm_index_image *image,
                                   const struct hm_contents *contents,
                                   const struct hm_anchor_list *anchors, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf block = HM_BUF_INIT(HM_CONTENTS_SIZE_MAX);

    if (image->path.size == 0 || image->path.size > HM_INDEX_FILE_PATH_SIZE_MAX ||
        batch->image_count == HM_INDEX_FILE_IMAGE_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "more images, or a longer path, than an index may have");
    if (batch->image_count == batch->image_capacity) {
        size_t grown = batch->image_capacity == 0 ? FIRST_IMAGES : 2 * batch->image_capacity;
        void *moved = reallocarray(batch->blocks, grown, sizeof(*batch->blocks));

        if (moved == NULL)
            return hm_error_nomem(err);
        batch->blocks = moved;
        batch->image_capacity = grown;
    }
    HM_TRY(write_block(image, contents, err, &block));
    HM_TRY(hm_arena_copy(&batch->arena, hm_buf_bytes(&block), err,
                         &batch->blocks[batch->image_count]));
    HM_TRY(add_entries(batch, image, contents, anchors, err));
    batch->image_count++;
    return HM_OK;
}

static int compare_entries(const void *a, const void *b)
{
    struct hm_index_entry left = load_entry(a);
    struct hm_index_entry right = load_entry(b);

    if (left.key != right.key)
        return left.key < right.key ? -1 : 1;
    if (left.image != right.image)
        return left.image < right.image ? -1 : 1;
    return left.offset < right.offset ? -1 : left.offset > right.offset;
}

struct hm_index_source hm_index_file_batch_source(struct hm_index_batch *batch)
{
    if (batch->entry_count > 1)
        qsort(batch->entries, batch->entry_count, HM_INDEX_FILE_ENTRY_SIZE, compare_entries);
    return (struct hm_index_source){
        .entries = hm_bytes_make(batch->entries, batch->entry_count * HM_INDEX_FILE_ENTRY_SIZE),
        .blocks = batch->blocks,
        .image_count = batch->image_count,
    };
}

void hm_index_file_batch_done(struct hm_index_batch *batch)
{
    free(batch->blocks);
    free(batch->entries);
    hm_arena_done(&batch->arena);
    *batch = (struct hm_index_batch){0};
}

/* ---- merging --------------------------------------------------------------------------------- */

/* A walk over all sources' entries in order, renumbered, without those of dropped images and
 * without the surplus of a key that too many share. */
struct merge {
    const struct hm_index_source *sources;
    size_t source_count;
    uint32_t **numbers; /* of each source's images in the new file, or DROPPED */
    size_t *positions;  /* in each source's entries */
    uint64_t key;       /* of the last one */
    size_t run;         /* how many had it */
};

static void merge_rewind(struct merge *merge)
{
    memset(merge->positions, 0, merge->source_count * sizeof(*merge->positions));
    merge->run = 0;
}

/* The next entry of a source that is kept; false at its end. */
static bool peek(struct merge *merge, size_t source, struct hm_index_entry *ret_entry)
{
    const struct hm_index_source *from = &merge->sources[source];
    size_t *at = &merge->positions[source];

    for (; *at < from->entries.size; *at += HM_INDEX_FILE_ENTRY_SIZE) {
        *ret_entry = load_entry(from->entries.data + *at);
        /* An image that is none can only be damage: such an entry leads nowhere. */
        if (ret_entry->image < from->image_count &&
            merge->numbers[source][ret_entry->image] != DROPPED)
            return true;
    }
    return false;
}

static bool merge_next(struct merge *merge, struct hm_index_entry *ret_entry)
{
    for (;;) {
        struct hm_index_entry entry;
        size_t least = merge->source_count;

        for (size_t i = 0; i < merge->source_count; i++) {
            if (peek(merge, i, &entry) &&
                (least == merge->source_count || entry.key < ret_entry->key)) {
                *ret_entry = entry;
                least = i;
            }
        }
        if (least == merge->source_count)
            return false;
        merge->positions[least] += HM_INDEX_FILE_ENTRY_SIZE;
        ret_entry->image = merge->numbers[least][ret_entry->image];
        merge->run = merge->run > 0 && merge->key == ret_entry->key ? merge->run + 1 : 1;
        merge->key = ret_entry->key;
        /* An image's own digest is always kept: it is how the same bytes are known again. */
        if (merge->run <= HM_INDEX_FILE_SHARED_MAX || ret_entry->offset == HM_INDEX_FILE_WHOLE)
            return true;
    }
}

/* Numbers the images that are kept, in order. */
static enum hm_rc merge_init(struct merge *merge, const struct hm_index_source *sources,
                             size_t count, struct hm_arena *arena, struct hm_err *err,
                             size_t *ret_image_count)
{
    size_t next = 0;

    *merge = (struct merge){.sources = sources, .source_count = count};
    merge->numbers = hm_arena_alloc(arena, count, sizeof(*merge->numbers));
    merge->positions = hm_arena_alloc(arena, count, sizeof(*merge->positions));
    if (merge->numbers == NULL || merge->positions == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        uint32_t *numbers = hm_arena_alloc(arena, sources[i].image_count, sizeof(*numbers));

        if (numbers == NULL)
            return hm_error_nomem(err);
        for (size_t j = 0; j < sources[i].image_count; j++) {
            bool is_dropped = sources[i].is_dropped != NULL && sources[i].is_dropped[j];

            if (!is_dropped && next == HM_INDEX_FILE_IMAGE_COUNT_MAX)
                return hm_fail(err, HM_EREFUSED, "more images than an index may have");
            numbers[j] = is_dropped ? DROPPED : (uint32_t)next++;
        }
        merge->numbers[i] = numbers;
    }
    *ret_image_count = next;
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct output {
    struct hm_file_writer *file;
    struct hm_buf sink;
};

static void output_done(struct output *output)
{
    hm_buf_done(&output->sink);
}

static enum hm_rc flush(struct output *output, struct hm_err *err)
{
    HM_TRY(hm_file_writer_write(output->file, hm_buf_bytes(&output->sink), err));
    hm_buf_clear(&output->sink);
    return HM_OK;
}

static enum hm_rc put(struct output *output, struct hm_bytes bytes, struct hm_err *err)
{
    if (bytes.size > SINK_SIZE) {
        HM_TRY(flush(output, err));
        return hm_file_writer_write(output->file, bytes, err);
    }
    if (output->sink.size + bytes.size > SINK_SIZE)
        HM_TRY(flush(output, err));
    return hm_buf_append(&output->sink, bytes, err);
}

static enum hm_rc put32(struct output *output, uint32_t value, struct hm_err *err)
{
    uint32_t stored = htole32(value);

    return put(output, hm_bytes_make(&stored, sizeof(stored)), err);
}

static enum hm_rc put64(struct output *output, uint64_t value, struct hm_err *err)
{
    uint64_t stored = htole64(value);

    return put(output, hm_bytes_make(&stored, sizeof(stored)), err);
}

static uint32_t choose_fan_bits(const struct merge *merge)
{
    uint64_t entries = 0;
    uint32_t bits = INDEX_FAN_BITS_MIN;

    for (size_t i = 0; i < merge->source_count; i++)
        entries += merge->sources[i].entries.size / HM_INDEX_FILE_ENTRY_SIZE;
    while (bits < INDEX_FAN_BITS_MAX && (UINT64_C(1) << bits) < entries / FAN_SHARE)
        bits++;
    return bits;
}

/* The first pass: fan[i] is where the entries whose keys begin with i start. */
static enum hm_rc count_entries(struct merge *merge, uint32_t bits, struct hm_err *err,
                                uint32_t **ret_fan, size_t *ret_count)
{
    size_t slots = (size_t)1 << bits;
    uint32_t *fan = calloc(slots + 1, sizeof(*fan));
    struct hm_index_entry entry;
    size_t count = 0;

    if (fan == NULL)
        return hm_error_nomem(err);
    merge_rewind(merge);
    while (merge_next(merge, &entry) && count < HM_INDEX_FILE_ENTRY_COUNT_MAX) {
        fan[(entry.key >> (64 - bits)) + 1]++;
        count++;
    }
    for (size_t i = 0; i < slots; i++)
        fan[i + 1] += fan[i];
    *ret_fan = fan;
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc put_header(struct output *output, size_t image_count, uint32_t bits,
                             size_t entry_count, uint64_t blocks_size, struct hm_err *err)
{
    uint64_t sum;

    HM_TRY(put(output, HM_BYTES_LITERAL(INDEX_MAGIC), err));
    HM_TRY(put32(output, (uint32_t)image_count, err));
    HM_TRY(put32(output, bits, err));
    HM_TRY(put64(output, entry_count, err));
    HM_TRY(put64(output, blocks_size, err));
    HM_TRY(put32(output, HM_IMAGE_KIND_COUNT_, err));
    for (size_t i = 0; i < 3; i++)
        HM_TRY(put32(output, 0, err));
    HM_TRY(hm_index_file_sum(hm_buf_bytes(&output->sink), err, &sum));
    return put64(output, sum, err);
}

static bool is_kept(const struct merge *merge, size_t source, size_t image)
{
    return merge->numbers[source][image] != DROPPED;
}

static enum hm_rc put_rows(struct output *output, const struct merge *merge, struct hm_err *err)
{
    uint64_t offset = 0;

    for (size_t i = 0; i < merge->source_count; i++) {
        for (size_t j = 0; j < merge->sources[i].image_count; j++) {
            struct hm_bytes block = merge->sources[i].blocks[j];
            uint64_t sum;

            if (!is_kept(merge, i, j))
                continue;
            HM_TRY(hm_index_file_sum(block, err, &sum));
            HM_TRY(put64(output, offset, err));
            HM_TRY(put32(output, (uint32_t)block.size, err));
            HM_TRY(put32(output, 0, err));
            HM_TRY(put64(output, sum, err));
            offset += block.size;
        }
    }
    return HM_OK;
}

static enum hm_rc put_fan(struct output *output, const uint32_t *fan, uint32_t bits,
                          struct hm_err *err)
{
    size_t count = ((size_t)1 << bits) + 1;

    for (size_t i = 0; i < count; i++)
        HM_TRY(put32(output, fan[i], err));
    return count % 2 == 0 ? HM_OK : put32(output, 0, err);
}

static enum hm_rc put_entries(struct output *output, struct merge *merge, size_t count,
                              struct hm_err *err)
{
    struct hm_index_entry entry;

    merge_rewind(merge);
    for (size_t i = 0; i < count && merge_next(merge, &entry); i++) {
        uint8_t bytes[HM_INDEX_FILE_ENTRY_SIZE];

        store_entry(bytes, &entry);
        HM_TRY(put(output, hm_bytes_make(bytes, sizeof(bytes)), err));
    }
    return HM_OK;
}

static enum hm_rc put_blocks(struct output *output, const struct merge *merge, struct hm_err *err)
{
    for (size_t i = 0; i < merge->source_count; i++) {
        for (size_t j = 0; j < merge->sources[i].image_count; j++) {
            if (is_kept(merge, i, j))
                HM_TRY(put(output, merge->sources[i].blocks[j], err));
        }
    }
    return HM_OK;
}

static uint64_t total_blocks(const struct merge *merge)
{
    uint64_t size = 0;

    for (size_t i = 0; i < merge->source_count; i++) {
        for (size_t j = 0; j < merge->sources[i].image_count; j++)
            size += is_kept(merge, i, j) ? merge->sources[i].blocks[j].size : 0;
    }
    return size;
}

static void free_fan(uint32_t **fan)
{
    free(*fan);
}

enum hm_rc hm_index_file_write(const struct hm_dir *dir, const char *name,
                               const struct hm_index_source *sources, size_t count,
                               struct hm_err *err)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer file = HM_FILE_WRITER_INIT;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(output_done) struct output output = {.file = &file, .sink = HM_BUF_INIT(SINK_SIZE)};
    _hm_done_(free_fan) uint32_t *fan = NULL;
    struct merge merge;
    size_t image_count = 0;
    size_t entry_count = 0;
    uint32_t bits;

    HM_TRY(merge_init(&merge, sources, count, &arena, err, &image_count));
    bits = choose_fan_bits(&merge);
    HM_TRY(count_entries(&merge, bits, err, &fan, &entry_count));
    HM_TRY(hm_file_writer_open(dir, name, 0644, false, err, &file));
    HM_TRY(put_header(&output, image_count, bits, entry_count, total_blocks(&merge), err));
    HM_TRY(put_rows(&output, &merge, err));
    HM_TRY(put_fan(&output, fan, bits, err));
    HM_TRY(put_entries(&output, &merge, entry_count, err));
    HM_TRY(put_blocks(&output, &merge, err));
    HM_TRY(flush(&output, err));
    return hm_file_writer_commit(&file, err);
}
