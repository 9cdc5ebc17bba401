/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs made from tiles in public/. See ledger_tiles.h. */
#include "ledger/ledger_tiles.h"

#include "tlog/tile.h"
#include "tlog/tile_store.h"

/* Tiles of one log, for one proof. */
struct tiles {
    struct hm_dir dir;
    struct hm_arena arena;
};

static void tiles_done(struct tiles *tiles)
{
    hm_dir_done(&tiles->dir);
    hm_arena_done(&tiles->arena);
}

static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                           struct hm_bytes *ret_bytes)
{
    struct tiles *tiles = ctx;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_SIZE_MAX);
    struct hm_tile wanted = *tile;
    enum hm_rc rc = hm_tile_store_get(&tiles->dir, &wanted, NULL, &raw);

    if (rc != HM_OK) { /* a partial one is dropped once the full one is there */
        wanted.width = HM_TILE_WIDTH;
        rc = hm_tile_store_get(&tiles->dir, &wanted, err, &raw);
    }
    HM_TRY(rc);
    HM_TRY(hm_tile_check(&wanted, hm_buf_bytes(&raw), err));
    return hm_arena_copy(&tiles->arena,
                         hm_bytes_make(raw.data, (size_t)tile->width * HM_SHA256_SIZE), err,
                         ret_bytes);
}

enum hm_rc hm_ledger_tiles_prove(const struct hm_dir *public_dir, const char *folder,
                                 struct hm_bytes entry, uint64_t index,
                                 const struct hm_checkpoint *checkpoint, struct hm_err *err,
                                 struct hm_sha256 *ret_leaf, struct hm_merkle_proof *ret_proof)
{
    _hm_done_(tiles_done) struct tiles tiles = {.dir = HM_DIR_INIT, .arena = HM_ARENA_INIT};
    struct hm_tile_reader reader = {.get = get_tile, .ctx = &tiles};
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_tile_source source;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_merkle_leaf(digest, entry, err, ret_leaf));
    if (index >= checkpoint->size)
        return hm_fail(err, HM_EMISMATCH, "entry %llu is beyond the log's checkpoint",
                       (unsigned long long)index);
    HM_TRY(hm_dir_open_at(public_dir, folder, false, err, &tiles.dir));
    hm_tile_source_init(&source, digest, &reader, checkpoint->size);
    HM_TRY(
        hm_merkle_prove_inclusion(digest, &source.source, index, checkpoint->size, err, ret_proof));
    return hm_merkle_verify_inclusion(digest, ret_leaf, index, checkpoint->size, ret_proof->hashes,
                                      ret_proof->count, &checkpoint->root, err);
}
