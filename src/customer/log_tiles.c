/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a log, from the site into memory. See log_tiles.h. */
#include "customer/log_tiles.h"

#define BUCKET_COUNT 1024

/* The widest that was got of one tile. */
struct held {
    struct held *next;
    unsigned level, width;
    uint64_t index;
    uint8_t bytes[];
};

struct hm_log_tiles {
    const struct hm_client_source *objects;
    struct hm_tile_reader reader;
    struct held *buckets[BUCKET_COUNT];
    size_t size; /* of all that is held */
};

static void drop_all(struct hm_log_tiles *tiles)
{
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        while (tiles->buckets[i] != NULL) {
            struct held *held = tiles->buckets[i];

            tiles->buckets[i] = held->next;
            free(held);
        }
    }
    tiles->size = 0;
}

static struct held **find_bucket(struct hm_log_tiles *tiles, const struct hm_tile *tile)
{
    return &tiles->buckets[(tile->index * 31 + tile->level) % BUCKET_COUNT];
}

static struct hm_bytes give(const struct held *held, unsigned width)
{
    return hm_bytes_make(held->bytes, (size_t)width * HM_SHA256_SIZE);
}

/* Gets exactly tile, as the site has it. */
static enum hm_rc request(const struct hm_log_tiles *tiles, const struct hm_tile *tile,
                          struct hm_err *err, struct hm_buf *ret_bytes)
{
    char path[HM_TILE_PATH_SIZE + 8] = "log/";
    enum hm_rc rc;

    hm_tile_path(tile, path + strlen(path));
    rc = tiles->objects->get(tiles->objects->ctx, path, err, ret_bytes);
    if (rc != HM_OK)
        return rc;
    rc = hm_tile_check(tile, hm_buf_bytes(ret_bytes), err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

static enum hm_rc hold(struct hm_log_tiles *tiles, const struct hm_tile *tile,
                       struct hm_bytes bytes, struct hm_err *err, const struct held **ret_held)
{
    struct held **bucket = find_bucket(tiles, tile);
    struct held *held = malloc(sizeof(*held) + bytes.size);

    if (held == NULL)
        return hm_error_nomem(err);
    held->level = tile->level;
    held->index = tile->index;
    held->width = tile->width;
    memcpy(held->bytes, bytes.data, bytes.size);
    /* In front of a narrower one, whose bytes may still be in use. */
    held->next = *bucket;
    *bucket = held;
    tiles->size += sizeof(*held) + bytes.size;
    *ret_held = held;
    return HM_OK;
}

static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                           struct hm_bytes *ret_bytes)
{
    struct hm_log_tiles *tiles = ctx;
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_TILE_SIZE_MAX);
    struct hm_tile wanted = *tile;
    const struct held *held;
    enum hm_rc rc;

    for (held = *find_bucket(tiles, tile); held != NULL; held = held->next) {
        if (held->level == tile->level && held->index == tile->index &&
            held->width >= tile->width) {
            *ret_bytes = give(held, tile->width);
            return HM_OK;
        }
    }
    rc = request(tiles, &wanted, err, &bytes);
    if (rc == HM_ENOTFOUND && wanted.width < HM_TILE_WIDTH) {
        wanted.width = HM_TILE_WIDTH;
        rc = request(tiles, &wanted, err, &bytes);
    }
    if (rc != HM_OK)
        return rc;
    HM_TRY(hold(tiles, &wanted, hm_buf_bytes(&bytes), err, &held));
    *ret_bytes = give(held, tile->width);
    return HM_OK;
}

enum hm_rc hm_log_tiles_new(const struct hm_client_source *objects, struct hm_err *err,
                            struct hm_log_tiles **ret_tiles)
{
    struct hm_log_tiles *tiles = calloc(1, sizeof(*tiles));

    if (tiles == NULL)
        return hm_error_nomem(err);
    tiles->objects = objects;
    tiles->reader = (struct hm_tile_reader){.get = get_tile, .ctx = tiles};
    *ret_tiles = tiles;
    return HM_OK;
}

void hm_log_tiles_free(struct hm_log_tiles *tiles)
{
    if (tiles == NULL)
        return;
    drop_all(tiles);
    free(tiles);
}

const struct hm_tile_reader *hm_log_tiles_reader(struct hm_log_tiles *tiles)
{
    return &tiles->reader;
}

void hm_log_tiles_rest(struct hm_log_tiles *tiles)
{
    if (tiles->size > HM_LOG_TILES_SIZE_MAX)
        drop_all(tiles);
}
