/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: names, contents, and nodes out of them. See tile.h. */
#include "tlog/tile.h"

#include "base/num.h"
#include "base/reader.h"

#define GROUP        1000
#define GROUPS_MAX   7 /* 2^63 / 256 has 17 digits; UINT64_MAX has 20 */
#define HASHES_START "tile/"
#define BUNDLE_START "tile/entries/"

struct hm_tile hm_tile_make(enum hm_tile_kind kind, unsigned level, uint64_t index, uint64_t size)
{
    struct hm_tile tile = {.kind = kind, .level = level, .index = index};
    unsigned shift = HM_TILE_HEIGHT * level;
    uint64_t nodes = shift > 63 ? 0 : size >> shift;

    if (index < nodes / HM_TILE_WIDTH)
        tile.width = HM_TILE_WIDTH;
    else if (index == nodes / HM_TILE_WIDTH)
        tile.width = (unsigned)(nodes % HM_TILE_WIDTH);
    return tile;
}

void hm_tile_path(const struct hm_tile *tile, char ret_path[HM_TILE_PATH_SIZE])
{
    uint64_t groups[GROUPS_MAX];
    size_t count = 0;
    size_t size;
    uint64_t rest = tile->index;

    do {
        groups[count++] = rest % GROUP;
        rest /= GROUP;
    } while (rest != 0);
    if (tile->kind == HM_TILE_ENTRIES)
        size = (size_t)snprintf(ret_path, HM_TILE_PATH_SIZE, BUNDLE_START);
    else
        size = (size_t)snprintf(ret_path, HM_TILE_PATH_SIZE, HASHES_START "%u/", tile->level);
    while (count-- > 0)
        size +=
            (size_t)snprintf(ret_path + size, HM_TILE_PATH_SIZE - size, "%s%03u%s",
                             count > 0 ? "x" : "", (unsigned)groups[count], count > 0 ? "/" : "");
    if (tile->width < HM_TILE_WIDTH)
        size += (size_t)snprintf(ret_path + size, HM_TILE_PATH_SIZE - size, ".p/%u", tile->width);
    HM_ASSERT(size < HM_TILE_PATH_SIZE);
}

/* The digits in front of end, or of the whole; empty if there are none. */
static struct hm_bytes take_until(struct hm_bytes *rest, const char *end)
{
    const uint8_t *at = rest->size == 0 ? NULL : memmem(rest->data, rest->size, end, strlen(end));
    struct hm_bytes part = *rest;

    if (at != NULL)
        part.size = (size_t)(at - rest->data);
    rest->data += part.size;
    rest->size -= part.size;
    if (at != NULL) {
        rest->data += strlen(end);
        rest->size -= strlen(end);
    }
    return part;
}

/* "x001/x234/067": what it says is compared with what would be written, later. */
static enum hm_rc parse_index(struct hm_bytes text, uint64_t *ret_index)
{
    uint64_t index = 0;
    size_t groups = 0;

    while (text.size > 0) {
        struct hm_bytes group = take_until(&text, "/");

        if (group.size == 4 && group.data[0] == 'x')
            group = hm_bytes_make(group.data + 1, 3);
        if (group.size != 3 || ++groups > GROUPS_MAX)
            return HM_EFORMAT;
        for (size_t i = 0; i < 3; i++) {
            uint8_t digit = (uint8_t)(group.data[i] - '0');

            if (digit > 9 || __builtin_mul_overflow(index, 10, &index) ||
                __builtin_add_overflow(index, digit, &index))
                return HM_EFORMAT;
        }
    }
    *ret_index = index;
    return HM_OK;
}

static enum hm_rc parse_path(struct hm_bytes path, struct hm_tile *ret_tile)
{
    struct hm_tile tile = {.kind = HM_TILE_HASHES, .width = HM_TILE_WIDTH};
    struct hm_bytes rest = path;
    struct hm_bytes index;
    uint64_t number;

    if (path.size == 0 || path.size >= HM_TILE_PATH_SIZE)
        return HM_EFORMAT;
    if (hm_bytes_has_prefix(path, HM_BYTES_LITERAL(BUNDLE_START))) {
        tile.kind = HM_TILE_ENTRIES;
        rest = hm_bytes_make(path.data + sizeof(BUNDLE_START) - 1,
                             path.size - (sizeof(BUNDLE_START) - 1));
    } else {
        struct hm_bytes start = take_until(&rest, "/");
        struct hm_bytes level = take_until(&rest, "/");

        if (!hm_bytes_is_str(start, "tile"))
            return HM_EFORMAT;
        HM_TRY(hm_num_parse_u64((const char *)level.data, level.size, &number));
        if (number > HM_TILE_LEVEL_MAX)
            return HM_EFORMAT;
        tile.level = (unsigned)number;
    }
    index = take_until(&rest, ".p/");
    HM_TRY(parse_index(index, &tile.index));
    if (rest.size > 0) {
        HM_TRY(hm_num_parse_u64((const char *)rest.data, rest.size, &number));
        if (number == 0 || number >= HM_TILE_WIDTH)
            return HM_EFORMAT;
        tile.width = (unsigned)number;
    }
    *ret_tile = tile;
    return HM_OK;
}

enum hm_rc hm_tile_parse_path(struct hm_bytes path, struct hm_err *err, struct hm_tile *ret_tile)
{
    struct hm_tile tile;
    char again[HM_TILE_PATH_SIZE];

    if (parse_path(path, &tile) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is not the path of a tile", HM_BYTES_FMT(path));
    /* One tile has one path: leading groups of zeros, a missing 'x' and the like are refused. */
    hm_tile_path(&tile, again);
    if (!hm_bytes_is_str(path, again))
        return hm_fail(err, HM_EFORMAT, "'%.*s' is not how the path of a tile is written",
                       HM_BYTES_FMT(path));
    *ret_tile = tile;
    return HM_OK;
}

enum hm_rc hm_tile_check(const struct hm_tile *tile, struct hm_bytes bytes, struct hm_err *err)
{
    char path[HM_TILE_PATH_SIZE];

    if (bytes.size == (size_t)tile->width * HM_SHA256_SIZE)
        return HM_OK;
    hm_tile_path(tile, path);
    return hm_fail(err, HM_EFORMAT, "'%s' has %zu bytes, not %u hashes of 32", path, bytes.size,
                   tile->width);
}

/* The tile of node (level, index) and the hashes of it under that node. */
static enum hm_rc locate(unsigned level, uint64_t index, uint64_t size, struct hm_err *err,
                         struct hm_tile *ret_tile, unsigned *ret_first, unsigned *ret_count)
{
    unsigned within = level % HM_TILE_HEIGHT;
    uint64_t first;

    if (level > 62 || index >= size >> level)
        return hm_fail(err, HM_EUSAGE, "a log of %llu entries has no node %llu at level %u",
                       (unsigned long long)size, (unsigned long long)index, level);
    first = index << within; /* below size >> (level - within) */
    *ret_tile = hm_tile_make(HM_TILE_HASHES, level / HM_TILE_HEIGHT, first / HM_TILE_WIDTH, size);
    *ret_first = (unsigned)(first % HM_TILE_WIDTH);
    *ret_count = 1U << within;
    return HM_OK;
}

static enum hm_rc source_node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                              struct hm_sha256 *ret_hash)
{
    const struct hm_tile_source *source = ctx;
    struct hm_merkle_frontier under = {.size = 0};
    struct hm_tile tile;
    struct hm_bytes bytes;
    unsigned first = 0;
    unsigned count = 0;

    HM_TRY(locate(level, index, source->size, err, &tile, &first, &count));
    HM_TRY(source->reader->get(source->reader->ctx, &tile, err, &bytes));
    HM_TRY(hm_tile_check(&tile, bytes, err));
    HM_ASSERT(first + count <= tile.width);
    for (unsigned i = first; i < first + count; i++) {
        struct hm_sha256 hash;

        memcpy(hash.bytes, bytes.data + (size_t)i * HM_SHA256_SIZE, HM_SHA256_SIZE);
        HM_TRY(hm_merkle_frontier_add(source->digest, &under, &hash, NULL, err));
    }
    return hm_merkle_frontier_root(source->digest, &under, err, ret_hash);
}

void hm_tile_source_init(struct hm_tile_source *source, struct hm_digest *digest,
                         const struct hm_tile_reader *reader, uint64_t size)
{
    *source = (struct hm_tile_source){.digest = digest, .reader = reader, .size = size};
    source->source = (struct hm_merkle_source){.node = source_node, .ctx = source};
}

struct planner {
    struct hm_tile_plan plan;
    uint64_t size;
};

static bool is_same(const struct hm_tile *a, const struct hm_tile *b)
{
    return a->level == b->level && a->index == b->index;
}

/* Notes the tile instead of reading it; the hashes do not matter. */
static enum hm_rc plan_node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                            struct hm_sha256 *ret_hash)
{
    struct planner *planner = ctx;
    struct hm_tile_plan *plan = &planner->plan;
    struct hm_tile tile;
    unsigned first = 0;
    unsigned count = 0;

    HM_TRY(locate(level, index, planner->size, err, &tile, &first, &count));
    *ret_hash = (struct hm_sha256){{0}};
    for (size_t i = 0; i < plan->count; i++) {
        if (is_same(&plan->tiles[i], &tile))
            return HM_OK;
    }
    HM_ASSERT(plan->count < HM_TILE_PLAN_MAX);
    plan->tiles[plan->count++] = tile;
    return HM_OK;
}

static enum hm_rc plan(uint64_t first, uint64_t size, bool is_consistency, struct hm_err *err,
                       struct hm_tile_plan *ret_plan)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct planner planner = {.plan = {.count = 0}, .size = size};
    const struct hm_merkle_source source = {.node = plan_node, .ctx = &planner};
    struct hm_merkle_proof proof;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    if (is_consistency)
        HM_TRY(hm_merkle_prove_consistency(digest, &source, first, size, err, &proof));
    else
        HM_TRY(hm_merkle_prove_inclusion(digest, &source, first, size, err, &proof));
    if (!is_consistency) {
        struct hm_sha256 root;

        HM_TRY(hm_merkle_root(digest, &source, size, err, &root));
    }
    *ret_plan = planner.plan;
    return HM_OK;
}

enum hm_rc hm_tile_plan_inclusion(uint64_t index, uint64_t size, struct hm_err *err,
                                  struct hm_tile_plan *ret_plan)
{
    return plan(index, size, false, err, ret_plan);
}

enum hm_rc hm_tile_plan_consistency(uint64_t old_size, uint64_t size, struct hm_err *err,
                                    struct hm_tile_plan *ret_plan)
{
    return plan(old_size, size, true, err, ret_plan);
}

enum hm_rc hm_tile_bundle_append(struct hm_buf *bundle, struct hm_bytes entry, struct hm_err *err)
{
    uint8_t size[2] = {(uint8_t)(entry.size >> 8 & 0xff), (uint8_t)(entry.size & 0xff)};

    if (entry.size > HM_TILE_ENTRY_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "an entry of a log has at most %d bytes, not %zu",
                       HM_TILE_ENTRY_SIZE_MAX, entry.size);
    HM_TRY(hm_buf_reserve(bundle, sizeof(size) + entry.size, err));
    HM_TRY(hm_buf_append(bundle, hm_bytes_make(size, sizeof(size)), err));
    return hm_buf_append(bundle, entry, err);
}

enum hm_rc hm_tile_bundle_parse(struct hm_bytes bundle, unsigned width, struct hm_err *err,
                                struct hm_bytes ret_entries[HM_TILE_WIDTH])
{
    struct hm_rd rd = hm_reader_make(bundle);

    HM_ASSERT(width <= HM_TILE_WIDTH);
    for (unsigned i = 0; i < width; i++)
        (void)hm_reader_take(&rd, hm_reader_be16(&rd)); /* failure stays in rd */
    if (hm_reader_failed(&rd) || hm_reader_left(&rd) != 0)
        return hm_error_fail_at(err, HM_EFORMAT, rd.offset, "a bundle does not have %u entries",
                                width);
    rd = hm_reader_make(bundle);
    for (unsigned i = 0; i < width; i++)
        ret_entries[i] = hm_reader_take(&rd, hm_reader_be16(&rd));
    return HM_OK;
}
