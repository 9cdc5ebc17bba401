/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles in a log's public folder, for its writer. Nothing that is read there is trusted: what comes
 * from here is bytes, and the caller compares them with what it knows.
 */
#ifndef HM_TLOG_TILE_STORE_H
#define HM_TLOG_TILE_STORE_H

#include "base/file_batch.h"
#include "tlog/tile.h"

/* Puts a tile in place with its batch, which flushes it. One that has these bytes is flushed at
 * once, and that is all. HM_EIO and what dir.h says. */
HM_MUST_CHECK enum hm_rc hm_tile_store_put(const struct hm_dir *dir, const struct hm_tile *tile,
                                           struct hm_bytes bytes, struct hm_file_batch *batch,
                                           struct hm_err *err);
/* Appends a tile's bytes. HM_EMISMATCH if it is missing, or larger than any tile. */
HM_MUST_CHECK enum hm_rc hm_tile_store_get(const struct hm_dir *dir, const struct hm_tile *tile,
                                           struct hm_err *err, struct hm_buf *ret_bytes);
/* Removes the partial tiles at tile's place, all but those of the sizes (of trees) that are listed.
 * Where tile is full, all. */
HM_MUST_CHECK enum hm_rc hm_tile_store_collect(const struct hm_dir *dir, const struct hm_tile *tile,
                                               const uint64_t *sizes, size_t size_count,
                                               struct hm_err *err);

#endif
