/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a log's tree in memory. See tail.h. */
#include "tlog/tail.h"

#include "base/num.h"
#include "base/reader.h"

static uint64_t nodes_of(uint64_t size, unsigned level)
{
    return size >> (HM_TILE_HEIGHT * level);
}

static uint64_t tile_start(uint64_t index)
{
    return index - index % HM_TILE_WIDTH;
}

size_t hm_tail_edge_count(uint64_t size)
{
    size_t count = 0;

    for (unsigned level = 1; level < HM_TAIL_LEVEL_COUNT; level++)
        count += nodes_of(size, level) % HM_TILE_WIDTH;
    return count;
}

/* --- growing ---------------------------------------------------------------------------------- */

static enum hm_rc append_hash(struct hm_tail_level *level, const struct hm_sha256 *hash,
                              struct hm_err *err)
{
    if (level->count == level->capacity) {
        size_t capacity = level->capacity == 0 ? HM_TILE_WIDTH : level->capacity * 2;
        struct hm_sha256 *grown = reallocarray(level->hashes, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        level->hashes = grown;
        level->capacity = capacity;
    }
    level->hashes[level->count++] = *hash;
    return HM_OK;
}

static enum hm_rc keep_node(void *ctx, unsigned level, uint64_t index, const struct hm_sha256 *hash,
                            struct hm_err *err)
{
    struct hm_tail *tail = ctx;

    (void)index; /* they come in order */
    if (level % HM_TILE_HEIGHT != 0)
        return HM_OK;
    return append_hash(&tail->levels[level / HM_TILE_HEIGHT], hash, err);
}

/* A new bundle where the last one is full. */
static enum hm_rc reserve_bundle(struct hm_tail *tail, struct hm_err *err)
{
    if ((tail->frontier.size - tail->base) / HM_TILE_WIDTH < tail->bundle_count)
        return HM_OK;
    if (tail->bundle_count == tail->bundle_capacity) {
        size_t capacity = tail->bundle_capacity == 0 ? 16 : tail->bundle_capacity * 2;
        struct hm_buf *grown = reallocarray(tail->bundles, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        tail->bundles = grown;
        tail->bundle_capacity = capacity;
    }
    tail->bundles[tail->bundle_count++] = (struct hm_buf)HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    return HM_OK;
}

enum hm_rc hm_tail_add(struct hm_tail *tail, struct hm_digest *digest, struct hm_bytes entry,
                       struct hm_err *err)
{
    const struct hm_merkle_sink sink = {.node = keep_node, .ctx = tail};
    struct hm_buf *bundle;
    struct hm_sha256 leaf;
    size_t size_before;

    HM_TRY(reserve_bundle(tail, err));
    bundle = &tail->bundles[tail->bundle_count - 1];
    size_before = bundle->size;
    HM_TRY(hm_tile_bundle_append(bundle, entry, err));
    tail->entries_size += bundle->size - size_before;
    HM_TRY(hm_merkle_leaf(digest, entry, err, &leaf));
    return hm_merkle_frontier_add(digest, &tail->frontier, &leaf, &sink, err);
}

/* --- taking back, dropping -------------------------------------------------------------------- */

void hm_tail_mark(const struct hm_tail *tail, struct hm_tail_mark *ret_mark)
{
    ret_mark->frontier = tail->frontier;
    ret_mark->bundle_size = 0;
    if (tail->frontier.size % HM_TILE_WIDTH != 0)
        ret_mark->bundle_size = tail->bundles[tail->bundle_count - 1].size;
}

void hm_tail_cut(struct hm_tail *tail, const struct hm_tail_mark *mark)
{
    uint64_t held = mark->frontier.size - tail->base;
    size_t whole = (size_t)(held / HM_TILE_WIDTH);
    size_t kept = whole + (held % HM_TILE_WIDTH != 0 ? 1 : 0);

    tail->frontier = mark->frontier;
    while (tail->bundle_count > kept) {
        struct hm_buf *bundle = &tail->bundles[--tail->bundle_count];

        tail->entries_size -= bundle->size;
        hm_buf_done(bundle);
    }
    if (kept > whole) {
        struct hm_buf *bundle = &tail->bundles[whole];

        tail->entries_size -= bundle->size - mark->bundle_size;
        bundle->size = mark->bundle_size;
    }
    for (unsigned i = 0; i < HM_TAIL_LEVEL_COUNT; i++) {
        struct hm_tail_level *level = &tail->levels[i];

        level->count = (size_t)(nodes_of(mark->frontier.size, i) - level->first);
    }
}

void hm_tail_drop(struct hm_tail *tail, uint64_t size)
{
    uint64_t base = tile_start(size);
    size_t bundles;

    HM_ASSERT(size <= tail->frontier.size);
    if (base <= tail->base)
        return;
    bundles = (size_t)((base - tail->base) / HM_TILE_WIDTH);
    for (size_t i = 0; i < bundles; i++) {
        tail->entries_size -= tail->bundles[i].size;
        hm_buf_done(&tail->bundles[i]);
    }
    tail->bundle_count -= bundles;
    memmove(tail->bundles, tail->bundles + bundles, tail->bundle_count * sizeof(*tail->bundles));
    for (unsigned i = 0; i < HM_TAIL_LEVEL_COUNT; i++) {
        struct hm_tail_level *level = &tail->levels[i];
        uint64_t first = tile_start(nodes_of(base, i));
        size_t gone = (size_t)(first - level->first);

        level->count -= gone;
        if (gone > 0)
            memmove(level->hashes, level->hashes + gone, level->count * sizeof(*level->hashes));
        level->first = first;
    }
    tail->base = base;
}

/* --- tiles out of it -------------------------------------------------------------------------- */

bool hm_tail_has(const struct hm_tail *tail, const struct hm_tile *tile)
{
    const struct hm_tail_level *level = &tail->levels[tile->level];
    uint64_t first = tile->index * HM_TILE_WIDTH;

    if (tile->kind == HM_TILE_ENTRIES)
        return first >= tail->base && first + tile->width <= tail->frontier.size;
    return first >= level->first && first + tile->width <= level->first + level->count;
}

/* A bundle's first count entries. */
static struct hm_bytes bundle_start(const struct hm_buf *bundle, unsigned count)
{
    struct hm_rd rd = hm_reader_make(hm_buf_bytes(bundle));

    for (unsigned i = 0; i < count; i++)
        (void)hm_reader_take(&rd, hm_reader_be16(&rd)); /* our own: it is whole */
    HM_ASSERT(!hm_reader_failed(&rd));
    return hm_bytes_make(bundle->data, rd.offset);
}

enum hm_rc hm_tail_tile(const struct hm_tail *tail, const struct hm_tile *tile, struct hm_err *err,
                        struct hm_buf *ret_bytes)
{
    const struct hm_tail_level *level = &tail->levels[tile->level];
    uint64_t first = tile->index * HM_TILE_WIDTH;

    HM_ASSERT(hm_tail_has(tail, tile));
    if (tile->kind == HM_TILE_ENTRIES)
        return hm_buf_append(
            ret_bytes,
            bundle_start(&tail->bundles[(first - tail->base) / HM_TILE_WIDTH], tile->width), err);
    return hm_buf_append(ret_bytes,
                         hm_bytes_make(level->hashes[first - level->first].bytes,
                                       (size_t)tile->width * HM_SHA256_SIZE),
                         err);
}

struct hm_bytes hm_tail_entry(const struct hm_tail *tail, uint64_t index)
{
    const struct hm_buf *bundle;
    struct hm_bytes entry = HM_BYTES_EMPTY;
    struct hm_rd rd;

    HM_ASSERT(index >= tail->base && index < tail->frontier.size);
    bundle = &tail->bundles[(index - tail->base) / HM_TILE_WIDTH];
    rd = hm_reader_make(hm_buf_bytes(bundle));
    for (uint64_t i = 0; i <= index % HM_TILE_WIDTH; i++)
        entry = hm_reader_take(&rd, hm_reader_be16(&rd));
    HM_ASSERT(!hm_reader_failed(&rd));
    return entry;
}

enum hm_rc hm_tail_edge(const struct hm_tail *tail, uint64_t size, struct hm_err *err,
                        struct hm_buf *ret_hashes)
{
    HM_ASSERT(size >= tail->base && size <= tail->frontier.size && size % HM_TILE_WIDTH == 0);
    for (unsigned i = 1; i < HM_TAIL_LEVEL_COUNT; i++) {
        const struct hm_tail_level *level = &tail->levels[i];
        size_t count = (size_t)(nodes_of(size, i) % HM_TILE_WIDTH);
        size_t start = (size_t)(tile_start(nodes_of(size, i)) - level->first);

        if (count > 0)
            HM_TRY(hm_buf_append(ret_hashes,
                                 hm_bytes_make(level->hashes[start].bytes, count * HM_SHA256_SIZE),
                                 err));
    }
    return HM_OK;
}

/* --- beginning -------------------------------------------------------------------------------- */

/* The part of the frontier within a level's last tile: its nodes, as leaves of a small tree, have
 * the same right edge. */
static enum hm_rc load_level(struct hm_tail *tail, struct hm_digest *digest, unsigned level,
                             struct hm_bytes hashes, struct hm_err *err)
{
    struct hm_merkle_frontier edge = {.size = 0};
    struct hm_rd rd = hm_reader_make(hashes);

    while (hm_reader_left(&rd) > 0) {
        struct hm_sha256 hash;

        memcpy(hash.bytes, hm_reader_take(&rd, HM_SHA256_SIZE).data, HM_SHA256_SIZE);
        HM_TRY(append_hash(&tail->levels[level], &hash, err));
        HM_TRY(hm_merkle_frontier_add(digest, &edge, &hash, NULL, err));
    }
    for (unsigned bit = 0; bit < HM_TILE_HEIGHT; bit++) {
        unsigned at = HM_TILE_HEIGHT * level + bit;

        if ((edge.size >> bit & 1) != 0)
            tail->frontier.nodes[at] = edge.nodes[bit];
    }
    return HM_OK;
}

enum hm_rc hm_tail_new(struct hm_digest *digest, uint64_t size, struct hm_bytes hashes,
                       struct hm_err *err, struct hm_tail **ret_tail)
{
    _hm_free_(hm_tail_free) struct hm_tail *tail = NULL;
    struct hm_rd rd = hm_reader_make(hashes);

    if (size > HM_MERKLE_SIZE_MAX || size % HM_TILE_WIDTH != 0 ||
        hashes.size != hm_tail_edge_count(size) * HM_SHA256_SIZE)
        return hm_fail(err, HM_EFORMAT, "%zu bytes are not the edge of a tree of %llu entries",
                       hashes.size, (unsigned long long)size);
    tail = calloc(1, sizeof(*tail));
    if (tail == NULL)
        return hm_error_nomem(err);
    tail->base = size;
    tail->frontier.size = size;
    for (unsigned i = 0; i < HM_TAIL_LEVEL_COUNT; i++) {
        size_t count = (size_t)(nodes_of(size, i) % HM_TILE_WIDTH);

        tail->levels[i].first = tile_start(nodes_of(size, i));
        HM_TRY(load_level(tail, digest, i, hm_reader_take_array(&rd, count, HM_SHA256_SIZE), err));
    }
    *ret_tail = hm_steal(&tail);
    return HM_OK;
}

void hm_tail_free(struct hm_tail *tail)
{
    if (tail == NULL)
        return;
    for (size_t i = 0; i < tail->bundle_count; i++)
        hm_buf_done(&tail->bundles[i]);
    free(tail->bundles);
    for (unsigned i = 0; i < HM_TAIL_LEVEL_COUNT; i++)
        free(tail->levels[i].hashes);
    free(tail);
}
