/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash tiles of a site's release log, each got once a run. Nothing in them is believed: who
 * computes with them compares with a root that is known. Used by one thread.
 */
#ifndef HM_CUSTOMER_LOG_TILES_H
#define HM_CUSTOMER_LOG_TILES_H

#include "tlog/tile.h"
#include "tuf/client.h"

/* Of tiles in memory; past that all are dropped. 64 MiB are those of two million entries. */
#define HM_LOG_TILES_SIZE_MAX ((size_t)64 << 20)

struct hm_log_tiles;

/* objects gives files by path below the site's URL ("log/tile/..."); borrowed. */
HM_MUST_CHECK enum hm_rc hm_log_tiles_new(const struct hm_client_source *objects,
                                          struct hm_err *err, struct hm_log_tiles **ret_tiles);
void hm_log_tiles_free(struct hm_log_tiles *tiles);
HM_DEFINE_FREE(hm_log_tiles_free, struct hm_log_tiles);

/* For hm_tile_source_init; borrowed. What it gives stays valid until the next hm_log_tiles_rest. A
 * partial tile that is not there is looked for in the full one (tlog-tiles, "Partial Tiles").
 * HM_ENOTFOUND, HM_EFORMAT (another size), and what the source says. */
const struct hm_tile_reader *hm_log_tiles_reader(struct hm_log_tiles *tiles);
/* Between two proofs: makes room where too much is held. */
void hm_log_tiles_rest(struct hm_log_tiles *tiles);

#endif
