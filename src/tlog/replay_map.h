/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of releases (docs/formats.md 11) computed from nothing but the log's entries, in memory:
 * for monitors and auditors, who have all entries and believe no map of the site's.
 *
 * Of each version it keeps the hash of its row and where its entry stands, some 100 bytes; a row
 * that a recall changes is made again from its entry. A site's own map, which keeps the rows
 * themselves in files, is release_map.h: two computations that check each other.
 */
#ifndef HM_TLOG_REPLAY_MAP_H
#define HM_TLOG_REPLAY_MAP_H

#include "tlog/entry.h"

/* As many rows as one site is expected to have in its life; 10 GB of memory. */
#define HM_REPLAY_MAP_ROW_COUNT_MAX ((size_t)100000000)

struct hm_replay_map; /* one thread */

/* Appends an entry that was replayed before, by its index. */
struct hm_replay_entries {
    enum hm_rc (*get)(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry);
    void *ctx;
};

HM_MUST_CHECK enum hm_rc hm_replay_map_new(struct hm_err *err, struct hm_replay_map **ret_map);
void hm_replay_map_free(struct hm_replay_map *map);
HM_DEFINE_FREE(hm_replay_map_free, struct hm_replay_map);

/* Replays one entry that counts; raw is its text. HM_EREFUSED: a version that was released before,
 * and the map is as before. entries is asked by recalls alone; its errors, and HM_ENOMEM: then the
 * map is good for nothing any more. */
HM_MUST_CHECK enum hm_rc
hm_replay_map_apply(struct hm_replay_map *map, const struct hm_entry *entry, struct hm_bytes raw,
                    uint64_t index, const struct hm_replay_entries *entries, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_replay_map_root(struct hm_replay_map *map, struct hm_err *err,
                                            struct hm_sha256 *ret_root, uint64_t *ret_count);
/* Where a release (ID/PRODUCT/VERSION) stands. HM_EUNKNOWN: there is none. */
HM_MUST_CHECK enum hm_rc hm_replay_map_find(struct hm_replay_map *map, const char *path,
                                            struct hm_err *err, uint64_t *ret_index);

#endif
