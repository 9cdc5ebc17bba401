/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles: paths have one spelling; bundles are split exactly; proofs out of tiles of any content are
 * refused or lead where the same tiles' root says.
 */
#include "fuzz.h"

#include "base/reader.h"
#include "tlog/tile.h"

static void check_path(struct hm_bytes raw)
{
    struct hm_tile tile;
    char again[HM_TILE_PATH_SIZE];

    if (hm_tile_parse_path(raw, NULL, &tile) != HM_OK)
        return;
    hm_tile_path(&tile, again);
    FUZZ_CHECK(hm_bytes_is_str(raw, again));
    FUZZ_CHECK(tile.width >= 1 && tile.width <= HM_TILE_WIDTH);
}

static void check_bundle(struct hm_bytes raw)
{
    static struct hm_bytes entries[HM_TILE_WIDTH];
    size_t matches = 0;

    for (unsigned width = 0; width <= HM_TILE_WIDTH; width++) {
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);

        if (hm_tile_bundle_parse(raw, width, NULL, entries) != HM_OK)
            continue;
        matches++;
        for (unsigned i = 0; i < width; i++)
            FUZZ_CHECK(hm_tile_bundle_append(&again, entries[i], NULL) == HM_OK);
        FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    }
    FUZZ_CHECK(matches <= 1);
}

static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                           struct hm_bytes *ret_bytes)
{
    const struct hm_bytes *raw = ctx;

    (void)err;
    *ret_bytes = *raw;
    if (raw->size > (size_t)tile->width * HM_SHA256_SIZE)
        ret_bytes->size = (size_t)tile->width * HM_SHA256_SIZE;
    return HM_OK;
}

/* The first bytes choose a size and two places; the rest is every tile's content. */
static void check_proofs(struct hm_bytes raw)
{
    struct hm_rd rd = hm_reader_make(raw);
    uint64_t size = hm_reader_le64(&rd) >> (hm_reader_u8(&rd) % 64);
    uint64_t place = hm_reader_le64(&rd) % (size + (size != UINT64_MAX));
    struct hm_bytes rest = hm_reader_take(&rd, hm_reader_left(&rd));
    const struct hm_tile_reader reader = {.get = get_tile, .ctx = &rest};
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_tile_source source;
    struct hm_merkle_proof proof;
    struct hm_tile_plan plan;
    struct hm_sha256 root;
    struct hm_sha256 leaf;
    enum hm_rc rc;

    FUZZ_CHECK(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest) == HM_OK);
    hm_tile_source_init(&source, digest, &reader, size);
    if (hm_merkle_root(digest, &source.source, size, NULL, &root) != HM_OK)
        return;
    FUZZ_CHECK(hm_tile_plan_consistency(place, size, NULL, &plan) == HM_OK);
    rc = hm_merkle_prove_consistency(digest, &source.source, place, size, NULL, &proof);
    FUZZ_CHECK(rc == HM_OK || rc == HM_EFORMAT); /* not all tiles need have the right size */
    if (place < size && size < HM_TILE_WIDTH) {
        /* One tile: whatever is in it is a tree. */
        FUZZ_CHECK(source.source.node(source.source.ctx, 0, place, NULL, &leaf) == HM_OK);
        FUZZ_CHECK(hm_merkle_prove_inclusion(digest, &source.source, place, size, NULL, &proof) ==
                   HM_OK);
        FUZZ_CHECK(hm_merkle_verify_inclusion(digest, &leaf, place, size, proof.hashes, proof.count,
                                              &root, NULL) == HM_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);

    check_path(raw);
    check_bundle(raw);
    check_proofs(raw);
    return 0;
}
