/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a log's tree in memory: its entries from a place on, and of every level of tiles the
 * hashes of the last ones. All tiles from that place on can be made of it, and the tree can grow.
 *
 * One thread at a time may use it.
 */
#ifndef HM_TLOG_TAIL_H
#define HM_TLOG_TAIL_H

#include "tlog/tile.h"

#define HM_TAIL_LEVEL_COUNT (HM_TILE_LEVEL_MAX + 1)

/* Nodes of level 8 * level of the tree, from the start of a tile on. */
struct hm_tail_level {
    uint64_t first;
    struct hm_sha256 *hashes; /* owned */
    size_t count;
    size_t capacity;
};

struct hm_tail {
    uint64_t base;          /* the first entry that is here; a multiple of HM_TILE_WIDTH */
    struct hm_buf *bundles; /* owned; the entries, as they stand in tiles */
    size_t bundle_count;
    size_t bundle_capacity;
    size_t entries_size; /* of all bundles */
    struct hm_tail_level levels[HM_TAIL_LEVEL_COUNT];
    struct hm_merkle_frontier frontier; /* of the whole tree */
};

/* Where a tail ended. */
struct hm_tail_mark {
    struct hm_merkle_frontier frontier;
    size_t bundle_size; /* of the last bundle, if it has room */
};

/* The tail of a tree of size leaves without entries. hashes: for each level of tiles from 1 on, of
 * its last tile if that is partial, the hashes; hm_tail_edge_count says how many. HM_EFORMAT: size
 * is no multiple of HM_TILE_WIDTH or too large, or the count is another. */
HM_MUST_CHECK enum hm_rc hm_tail_new(struct hm_digest *digest, uint64_t size,
                                     struct hm_bytes hashes, struct hm_err *err,
                                     struct hm_tail **ret_tail);
void hm_tail_free(struct hm_tail *tail);
HM_DEFINE_FREE(hm_tail_free, struct hm_tail);
size_t hm_tail_edge_count(uint64_t size);

/* Adds an entry. If it fails, hm_tail_cut mends the tail. HM_EUSAGE for a larger one than an entry
 * may be, or past HM_MERKLE_SIZE_MAX. */
HM_MUST_CHECK enum hm_rc hm_tail_add(struct hm_tail *tail, struct hm_digest *digest,
                                     struct hm_bytes entry, struct hm_err *err);
void hm_tail_mark(const struct hm_tail *tail, struct hm_tail_mark *ret_mark);
/* Takes back what was added after the mark. */
void hm_tail_cut(struct hm_tail *tail, const struct hm_tail_mark *mark);
/* Forgets what is needed for no tile from size on; size is within the tree. */
void hm_tail_drop(struct hm_tail *tail, uint64_t size);

/* True if the tail can make this tile. */
bool hm_tail_has(const struct hm_tail *tail, const struct hm_tile *tile);
/* Appends the bytes of a tile that the tail has. */
HM_MUST_CHECK enum hm_rc hm_tail_tile(const struct hm_tail *tail, const struct hm_tile *tile,
                                      struct hm_err *err, struct hm_buf *ret_bytes);
/* Appends the hashes for hm_tail_new with this size, from base on and a multiple of
 * HM_TILE_WIDTH. */
HM_MUST_CHECK enum hm_rc hm_tail_edge(const struct hm_tail *tail, uint64_t size, struct hm_err *err,
                                      struct hm_buf *ret_hashes);
/* The entry at index, from base on; points into the tail until it changes. */
struct hm_bytes hm_tail_entry(const struct hm_tail *tail, uint64_t index);

#endif
