/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles (C2SP tlog-tiles v0.1.0): a log as static files.
 *
 *   tile/L/N[.p/W]          256 (or W) hashes: the nodes (8 L, 256 N) to (8 L, 256 N + W - 1)
 *   tile/entries/N[.p/W]    entries 256 N to 256 N + W - 1, each with its size in 2 bytes,
 * big-endian
 *
 * N has groups of three digits, all but the last with an 'x' in front: 1234067 is x001/x234/067.
 * W, 1 to 255, says that the tile is partial; it stands only where a tree ends.
 */
#ifndef HM_TLOG_TILE_H
#define HM_TLOG_TILE_H

#include "base/buf.h"
#include "tlog/merkle.h"

#define HM_TILE_HEIGHT          8
#define HM_TILE_WIDTH           256
#define HM_TILE_SIZE_MAX        (HM_TILE_WIDTH * HM_SHA256_SIZE)
#define HM_TILE_LEVEL_MAX       7 /* 2^63 - 1 leaves need levels 0 to 7 (C2SP allows up to 63) */
#define HM_TILE_ENTRY_SIZE_MAX  65535
#define HM_TILE_BUNDLE_SIZE_MAX (HM_TILE_WIDTH * (2 + HM_TILE_ENTRY_SIZE_MAX))
#define HM_TILE_PATH_SIZE       64 /* with NUL: "tile/entries/", seven groups, ".p/255" */
/* Inclusion and consistency proofs touch a run of tiles at each level, two or three wide. */
#define HM_TILE_PLAN_MAX 32

enum hm_tile_kind {
    HM_TILE_HASHES,
    HM_TILE_ENTRIES,
};

struct hm_tile {
    enum hm_tile_kind kind;
    unsigned level; /* 0 for entries */
    uint64_t index;
    unsigned width; /* 1 to HM_TILE_WIDTH; less: partial */
};

/* The tile at (level, index) of a tree of size leaves; its width is 0 where the tree has none. */
struct hm_tile hm_tile_make(enum hm_tile_kind kind, unsigned level, uint64_t index, uint64_t size);
/* Writes "tile/...". */
void hm_tile_path(const struct hm_tile *tile, char ret_path[HM_TILE_PATH_SIZE]);
/* Reads such a path, the one spelling of it. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_tile_parse_path(struct hm_bytes path, struct hm_err *err,
                                            struct hm_tile *ret_tile);
/* Checks that bytes have a hash tile's size. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_tile_check(const struct hm_tile *tile, struct hm_bytes bytes,
                                       struct hm_err *err);

/* Gets a tile's bytes; they must stay valid until the next call, or until the proof is made. What
 * a server gives for a full tile where a partial was asked is cut by the reader itself. */
struct hm_tile_reader {
    enum hm_rc (*get)(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                      struct hm_bytes *ret_bytes);
    void *ctx;
};

/* Nodes of a tree of size leaves out of its tiles, for merkle.h. The fields are private. */
struct hm_tile_source {
    struct hm_digest *digest;
    const struct hm_tile_reader *reader;
    uint64_t size;
    struct hm_merkle_source source; /* what is given to hm_merkle_*; points back here */
};
/* The source may not be moved or copied afterwards. Nodes outside the tree are HM_EUSAGE; a tile of
 * a wrong size is HM_EFORMAT; else the reader's errors. */
void hm_tile_source_init(struct hm_tile_source *source, struct hm_digest *digest,
                         const struct hm_tile_reader *reader, uint64_t size);

/* Hash tiles, each once, in the order in which they are first needed. */
struct hm_tile_plan {
    size_t count;
    struct hm_tile tiles[HM_TILE_PLAN_MAX];
};
/* The tiles that hm_merkle_prove_inclusion (then hm_merkle_root) will ask for. HM_EUSAGE unless
 * index < size. */
HM_MUST_CHECK enum hm_rc hm_tile_plan_inclusion(uint64_t index, uint64_t size, struct hm_err *err,
                                                struct hm_tile_plan *ret_plan);
/* Likewise for hm_merkle_prove_consistency. HM_EUSAGE unless old_size <= size. */
HM_MUST_CHECK enum hm_rc hm_tile_plan_consistency(uint64_t old_size, uint64_t size,
                                                  struct hm_err *err,
                                                  struct hm_tile_plan *ret_plan);

/* Appends one entry to a bundle. HM_EUSAGE if it is longer than HM_TILE_ENTRY_SIZE_MAX. */
HM_MUST_CHECK enum hm_rc hm_tile_bundle_append(struct hm_buf *bundle, struct hm_bytes entry,
                                               struct hm_err *err);
/* Splits a bundle of width entries exactly; they point into it. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_tile_bundle_parse(struct hm_bytes bundle, unsigned width,
                                              struct hm_err *err,
                                              struct hm_bytes ret_entries[HM_TILE_WIDTH]);

#endif
