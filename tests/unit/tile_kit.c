/* SPDX-License-Identifier: Apache-2.0 */
/* A log in memory. See tile_kit.h. */
#include "tile_kit.h"

void tile_kit_init(struct tile_kit *kit)
{
    *kit = (struct tile_kit){.size = 0};
    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &kit->digest), HM_OK);
}

void tile_kit_done(struct tile_kit *kit)
{
    for (size_t i = 0; i < kit->counts[0]; i++)
        free((void *)(uintptr_t)kit->entries[i].data);
    free(kit->entries);
    for (size_t level = 0; level < HM_ARRAY_COUNT(kit->tiles); level++)
        free(kit->tiles[level]);
    hm_digest_free(kit->digest);
}

static enum hm_rc take_node(void *ctx, unsigned level, uint64_t index, const struct hm_sha256 *hash,
                            struct hm_err *err)
{
    struct tile_kit *kit = ctx;

    if (level % HM_TILE_HEIGHT == 0) {
        assert_int_equal(kit->counts[level / HM_TILE_HEIGHT], index);
        kit->tiles[level / HM_TILE_HEIGHT][kit->counts[level / HM_TILE_HEIGHT]++] = *hash;
    }
    return HM_OK;
}

void tile_kit_add(struct tile_kit *kit, struct hm_bytes entry)
{
    const struct hm_merkle_sink sink = {.node = take_node, .ctx = kit};
    struct hm_sha256 leaf;
    uint8_t *copy = malloc(entry.size + 1);

    if (kit->counts[0] == kit->capacity) {
        kit->capacity = kit->capacity == 0 ? 256 : 2 * kit->capacity;
        kit->entries = reallocarray(kit->entries, kit->capacity, sizeof(*kit->entries));
        for (size_t level = 0; level < HM_ARRAY_COUNT(kit->tiles); level++)
            kit->tiles[level] =
                reallocarray(kit->tiles[level], kit->capacity, sizeof(struct hm_sha256));
    }
    assert_non_null(copy);
    if (entry.size > 0)
        memcpy(copy, entry.data, entry.size);
    kit->entries[kit->counts[0]] = hm_bytes_make(copy, entry.size);
    assert_int_equal(hm_merkle_leaf(kit->digest, entry, NULL, &leaf), HM_OK);
    assert_int_equal(hm_merkle_frontier_add(kit->digest, &kit->frontier, &leaf, &sink, NULL),
                     HM_OK);
    kit->size = kit->frontier.size;
}

void tile_kit_add_many(struct tile_kit *kit, const char *start, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[128];

        (void)snprintf(text, sizeof(text), "%s %zu", start, kit->counts[0]);
        tile_kit_add(kit, hm_bytes_str(text));
    }
}

/* Nodes of the whole tree, out of the levels that are there. */
static enum hm_rc get_node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                           struct hm_sha256 *ret_hash)
{
    struct tile_kit *kit = ctx;
    unsigned height = level % HM_TILE_HEIGHT;

    return hm_merkle_root_of(kit->digest, &kit->tiles[level / HM_TILE_HEIGHT][index << height],
                             (size_t)1 << height, err, ret_hash);
}

struct hm_merkle_frontier tile_kit_frontier(struct tile_kit *kit, uint64_t size)
{
    const struct hm_merkle_source source = {.node = get_node, .ctx = kit};
    struct hm_merkle_frontier frontier;

    assert_int_equal(hm_merkle_frontier_load(&source, size, NULL, &frontier), HM_OK);
    return frontier;
}

struct hm_sha256 tile_kit_root(struct tile_kit *kit, uint64_t size)
{
    struct hm_merkle_frontier frontier = tile_kit_frontier(kit, size);
    struct hm_sha256 root;

    assert_int_equal(hm_merkle_frontier_root(kit->digest, &frontier, NULL, &root), HM_OK);
    return root;
}

static bool is_file(const char *path, const char *wanted)
{
    return wanted != NULL && strcmp(path, wanted) == 0;
}

enum hm_rc tile_kit_get(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_bytes)
{
    struct tile_kit *kit = ctx;
    struct hm_tile tile;
    struct hm_tile newest;

    assert_int_equal(hm_tile_parse_path(hm_bytes_str(path), err, &tile), HM_OK);
    newest = hm_tile_make(tile.kind, tile.level, tile.index, kit->size);
    if (is_file(path, kit->missing) || tile.level > 2 ||
        tile.index * HM_TILE_WIDTH + tile.width > kit->size >> (HM_TILE_HEIGHT * tile.level) ||
        (kit->only_newest && tile.width < HM_TILE_WIDTH && tile.width != newest.width))
        return hm_fail(err, HM_ENOTFOUND, "'%s' is missing", path);
    if (tile.kind == HM_TILE_HASHES)
        assert_int_equal(
            hm_buf_append(ret_bytes,
                          hm_bytes_make(&kit->tiles[tile.level][tile.index * HM_TILE_WIDTH],
                                        (size_t)tile.width * HM_SHA256_SIZE),
                          err),
            HM_OK);
    for (size_t i = 0; tile.kind == HM_TILE_ENTRIES && i < tile.width; i++)
        assert_int_equal(
            hm_tile_bundle_append(ret_bytes, kit->entries[tile.index * HM_TILE_WIDTH + i], err),
            HM_OK);
    if (is_file(path, kit->changed))
        ret_bytes->data[ret_bytes->size - 1] ^= 4;
    if (is_file(path, kit->cut))
        ret_bytes->size--;
    return HM_OK;
}

struct hm_follow_source tile_kit_source(struct tile_kit *kit)
{
    return (struct hm_follow_source){.get = tile_kit_get, .ctx = kit};
}
