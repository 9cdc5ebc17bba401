/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log out of its tiles. See follow.h.
 *
 * The right edge (frontier) is compared with the root. A full tile is compared with its node in the
 * tile above, and so on up; a partial tile stands at the right edge, and is compared with that.
 */
#include "tlog/follow.h"

#include <stdlib.h>

#define LEVELS (HM_TILE_LEVEL_MAX + 1)

/* The last proven tile of its level. */
struct held {
    uint64_t index;
    unsigned width; /* 0: none */
    struct hm_sha256 hashes[HM_TILE_WIDTH];
};

struct hm_follow {
    struct hm_follow_source files;
    struct hm_digest *digest;
    struct hm_merkle_frontier frontier;
    struct held held[LEVELS];
    struct hm_buf raw;    /* the file read last, tile or edge */
    struct hm_buf bundle; /* entries */
    struct hm_bytes entries[HM_TILE_WIDTH];
    struct hm_sha256 leaves[HM_TILE_WIDTH];
    struct hm_merkle_source nodes;
};

static struct hm_bytes first_hashes(const struct hm_buf *buf, unsigned width)
{
    return hm_bytes_make(buf->data, (size_t)width * HM_SHA256_SIZE);
}

/* The file of a tile, or the full tile's where that has taken its place already. */
static enum hm_rc get_file(struct hm_follow *follow, struct hm_tile *tile, struct hm_err *err,
                           char ret_path[HM_TILE_PATH_SIZE], struct hm_buf *ret_bytes)
{
    enum hm_rc rc;

    hm_tile_path(tile, ret_path);
    hm_buf_clear(ret_bytes);
    rc = follow->files.get(follow->files.ctx, ret_path, err, ret_bytes);
    if (rc != HM_ENOTFOUND || tile->width == HM_TILE_WIDTH)
        return rc;
    tile->width = HM_TILE_WIDTH;
    hm_tile_path(tile, ret_path);
    hm_buf_clear(ret_bytes);
    return follow->files.get(follow->files.ctx, ret_path, err, ret_bytes);
}

static enum hm_rc keep_file(struct hm_follow *follow, const char *path, struct hm_bytes bytes,
                            struct hm_err *err)
{
    return follow->files.keep == NULL ? HM_OK
                                      : follow->files.keep(follow->files.ctx, path, bytes, err);
}

/* May the file be asked for again, after rc? */
static bool is_rejected(struct hm_follow *follow, enum hm_rc rc, const char *path)
{
    return (rc == HM_EFORMAT || rc == HM_EMISMATCH) && follow->files.reject != NULL &&
           follow->files.reject(follow->files.ctx, path);
}

/* Compares the width hashes of the tile at level that stands at the right edge. */
static enum hm_rc check_edge(struct hm_follow *follow, unsigned tile_level,
                             const struct hm_sha256 *hashes, unsigned width, const char *path,
                             struct hm_err *err)
{
    unsigned at = 0;

    for (unsigned bit = HM_TILE_HEIGHT; bit-- > 0;) {
        struct hm_sha256 node;

        if ((width >> bit & 1) == 0)
            continue;
        HM_TRY(hm_merkle_root_of(follow->digest, hashes + at, (size_t)1 << bit, err, &node));
        if (!hm_digest_is_equal(&node, &follow->frontier.nodes[HM_TILE_HEIGHT * tile_level + bit]))
            return hm_fail(err, HM_EMISMATCH, "'%s' is not what the log's tree has there", path);
        at += 1U << bit;
    }
    return HM_OK;
}

static enum hm_rc hold_tile(struct hm_follow *follow, unsigned level, uint64_t index,
                            struct hm_err *err);

/* Compares the hashes of a whole tile (or bundle, as leaves) with the node above them. */
static enum hm_rc check_full(struct hm_follow *follow, unsigned tile_level, uint64_t index,
                             const struct hm_sha256 *hashes, const char *path, struct hm_err *err)
{
    struct hm_sha256 node;

    HM_TRY(hold_tile(follow, tile_level + 1, index / HM_TILE_WIDTH, err));
    HM_TRY(hm_merkle_root_of(follow->digest, hashes, HM_TILE_WIDTH, err, &node));
    if (!hm_digest_is_equal(&node, &follow->held[tile_level + 1].hashes[index % HM_TILE_WIDTH]))
        return hm_fail(err, HM_EMISMATCH, "'%s' is not what the log's tree has there", path);
    return HM_OK;
}

static enum hm_rc check_hashes(struct hm_follow *follow, const struct hm_tile *tile,
                               const struct hm_sha256 *hashes, const char *path, struct hm_err *err)
{
    if (tile->width == HM_TILE_WIDTH)
        return check_full(follow, tile->level, tile->index, hashes, path, err);
    return check_edge(follow, tile->level, hashes, tile->width, path, err);
}

static enum hm_rc try_tile(struct hm_follow *follow, const struct hm_tile *tile, struct hm_err *err,
                           char ret_path[HM_TILE_PATH_SIZE])
{
    struct hm_tile read = *tile;
    struct held *held = &follow->held[tile->level];

    HM_TRY(get_file(follow, &read, err, ret_path, &follow->raw));
    HM_TRY(hm_tile_check(&read, hm_buf_bytes(&follow->raw), err));
    held->width = 0;
    memcpy(held->hashes, follow->raw.data, first_hashes(&follow->raw, tile->width).size);
    /* The recursion goes to higher levels, and uses raw again: raw is not looked at after it. */
    HM_TRY(check_hashes(follow, tile, held->hashes, ret_path, err));
    held->width = tile->width;
    held->index = tile->index;
    if (read.width != tile->width)
        return HM_OK;
    return keep_file(follow, ret_path,
                     hm_bytes_make(held->hashes, (size_t)tile->width * HM_SHA256_SIZE), err);
}

/* Makes the proven tile (level, index), which the tree has, the one held at its level. */
static enum hm_rc hold_tile(struct hm_follow *follow, unsigned level, uint64_t index,
                            struct hm_err *err)
{
    const struct hm_tile tile = hm_tile_make(HM_TILE_HASHES, level, index, follow->frontier.size);
    char path[HM_TILE_PATH_SIZE] = "";
    enum hm_rc rc;

    HM_ASSERT(level < LEVELS && tile.width > 0);
    if (follow->held[level].width == tile.width && follow->held[level].index == index)
        return HM_OK;
    do
        rc = try_tile(follow, &tile, err, path);
    while (rc != HM_OK && is_rejected(follow, rc, path));
    return rc;
}

static enum hm_rc get_node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                           struct hm_sha256 *ret_hash)
{
    struct hm_follow *follow = ctx;
    unsigned tile_level = level / HM_TILE_HEIGHT;
    unsigned height = level % HM_TILE_HEIGHT;
    uint64_t first;

    if (level > 62 || index >= follow->frontier.size >> level)
        return hm_fail(err, HM_EUSAGE, "node (%u, %llu) is outside of the tree", level,
                       (unsigned long long)index);
    first = index << height;
    HM_TRY(hold_tile(follow, tile_level, first / HM_TILE_WIDTH, err));
    return hm_merkle_root_of(follow->digest,
                             &follow->held[tile_level].hashes[first % HM_TILE_WIDTH],
                             (size_t)1 << height, err, ret_hash);
}

/* What the right edge is read from: nothing is proven yet. */
static enum hm_rc get_edge_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                                struct hm_bytes *ret_bytes)
{
    struct hm_follow *follow = ctx;
    struct hm_tile read = *tile;
    char path[HM_TILE_PATH_SIZE];

    HM_TRY(get_file(follow, &read, err, path, &follow->raw));
    HM_TRY(hm_tile_check(&read, hm_buf_bytes(&follow->raw), err));
    *ret_bytes = first_hashes(&follow->raw, tile->width);
    return HM_OK;
}

static enum hm_rc try_edge(struct hm_follow *follow, uint64_t size, const struct hm_sha256 *root,
                           struct hm_err *err)
{
    const struct hm_tile_reader reader = {.get = get_edge_tile, .ctx = follow};
    struct hm_tile_source tiles;
    struct hm_sha256 computed;

    hm_tile_source_init(&tiles, follow->digest, &reader, size);
    HM_TRY(hm_merkle_frontier_load(&tiles.source, size, err, &follow->frontier));
    HM_TRY(hm_merkle_frontier_root(follow->digest, &follow->frontier, err, &computed));
    if (!hm_digest_is_equal(&computed, root))
        return hm_fail(err, HM_EMISMATCH,
                       "the tiles at the end of the log do not have the root of its checkpoint "
                       "for %llu entries",
                       (unsigned long long)size);
    return HM_OK;
}

/* The edge is made of several files: which of them is wrong cannot be told. True: one was a copy.
 */
static bool is_edge_rejected(struct hm_follow *follow, enum hm_rc rc, uint64_t size)
{
    bool is_again = false;

    for (unsigned level = 0; level < LEVELS; level++) {
        unsigned shift = HM_TILE_HEIGHT * (level + 1);
        struct hm_tile tile =
            hm_tile_make(HM_TILE_HASHES, level, shift > 63 ? 0 : size >> shift, size);
        char path[HM_TILE_PATH_SIZE];

        if (tile.width == 0)
            continue;
        hm_tile_path(&tile, path);
        if (is_rejected(follow, rc, path))
            is_again = true;
        /* What was read in its place. */
        tile.width = HM_TILE_WIDTH;
        hm_tile_path(&tile, path);
        if (is_rejected(follow, rc, path))
            is_again = true;
    }
    return is_again;
}

enum hm_rc hm_follow_open(const struct hm_follow_source *source, uint64_t size,
                          const struct hm_sha256 *root, struct hm_err *err,
                          struct hm_follow **ret_follow)
{
    _hm_free_(hm_follow_free) struct hm_follow *follow = calloc(1, sizeof(*follow));
    enum hm_rc rc;

    if (follow == NULL)
        return hm_error_nomem(err);
    follow->files = *source;
    follow->raw = (struct hm_buf)HM_BUF_INIT(HM_TILE_SIZE_MAX);
    follow->bundle = (struct hm_buf)HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    follow->nodes = (struct hm_merkle_source){.node = get_node, .ctx = follow};
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &follow->digest));
    do
        rc = try_edge(follow, size, root, err);
    while (rc != HM_OK && is_edge_rejected(follow, rc, size));
    HM_TRY(rc);
    *ret_follow = hm_steal(&follow);
    return HM_OK;
}

void hm_follow_free(struct hm_follow *follow)
{
    if (follow == NULL)
        return;
    hm_digest_free(follow->digest);
    hm_buf_done(&follow->raw);
    hm_buf_done(&follow->bundle);
    free(follow);
}

enum hm_rc hm_follow_check_start(struct hm_follow *follow, const struct hm_merkle_frontier *start,
                                 struct hm_err *err)
{
    if (start->size > follow->frontier.size)
        return hm_fail(err, HM_EREFUSED, "the log has shrunk from %llu to %llu entries",
                       (unsigned long long)start->size, (unsigned long long)follow->frontier.size);
    for (unsigned level = 0; level < 63; level++) {
        struct hm_sha256 node;

        if ((start->size >> level & 1) == 0)
            continue;
        HM_TRY(get_node(follow, level, (start->size >> level) - 1, err, &node));
        if (!hm_digest_is_equal(&node, &start->nodes[level]))
            return hm_fail(err, HM_EREFUSED,
                           "the log is forked: its first %llu entries are not those that were "
                           "there before",
                           (unsigned long long)start->size);
    }
    return HM_OK;
}

/* Reads and proves the bundle; its width entries are in follow->entries. */
static enum hm_rc try_bundle(struct hm_follow *follow, const struct hm_tile *tile,
                             struct hm_err *err, char ret_path[HM_TILE_PATH_SIZE])
{
    struct hm_tile read = *tile;
    enum hm_rc rc;

    HM_TRY(get_file(follow, &read, err, ret_path, &follow->bundle));
    rc = hm_tile_bundle_parse(hm_buf_bytes(&follow->bundle), read.width, err, follow->entries);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", ret_path);
    for (unsigned i = 0; i < tile->width; i++)
        HM_TRY(hm_merkle_leaf(follow->digest, follow->entries[i], err, &follow->leaves[i]));
    HM_TRY(check_hashes(follow, tile, follow->leaves, ret_path, err));
    if (read.width != tile->width)
        return HM_OK;
    return keep_file(follow, ret_path, hm_buf_bytes(&follow->bundle), err);
}

static enum hm_rc read_bundle(struct hm_follow *follow, uint64_t number, struct hm_err *err)
{
    const struct hm_tile tile = hm_tile_make(HM_TILE_ENTRIES, 0, number, follow->frontier.size);
    char path[HM_TILE_PATH_SIZE] = "";
    enum hm_rc rc;

    do
        rc = try_bundle(follow, &tile, err, path);
    while (rc != HM_OK && is_rejected(follow, rc, path));
    return rc;
}

enum hm_rc hm_follow_read(struct hm_follow *follow, uint64_t first, uint64_t end,
                          const struct hm_follow_sink *sink, struct hm_err *err)
{
    if (first > end || end > follow->frontier.size)
        return hm_fail(err, HM_EUSAGE, "entries %llu to %llu are not within the log's %llu",
                       (unsigned long long)first, (unsigned long long)end,
                       (unsigned long long)follow->frontier.size);
    for (uint64_t at = first; at < end; at++) {
        if (at == first || at % HM_TILE_WIDTH == 0)
            HM_TRY(read_bundle(follow, at / HM_TILE_WIDTH, err));
        HM_TRY(sink->entry(sink->ctx, at, follow->entries[at % HM_TILE_WIDTH], err));
    }
    return HM_OK;
}

static enum hm_rc take_entry(void *ctx, uint64_t index, struct hm_bytes entry, struct hm_err *err)
{
    (void)index;
    return hm_buf_append(ctx, entry, err);
}

enum hm_rc hm_follow_entry(struct hm_follow *follow, uint64_t index, struct hm_err *err,
                           struct hm_buf *ret_entry)
{
    const struct hm_follow_sink sink = {.entry = take_entry, .ctx = ret_entry};

    if (index >= follow->frontier.size)
        return hm_fail(err, HM_EUSAGE, "the log has no entry %llu yet", (unsigned long long)index);
    return hm_follow_read(follow, index, index + 1, &sink, err);
}

const struct hm_merkle_frontier *hm_follow_frontier(const struct hm_follow *follow)
{
    return &follow->frontier;
}

const struct hm_merkle_source *hm_follow_nodes(const struct hm_follow *follow)
{
    return &follow->nodes;
}
