/* SPDX-License-Identifier: Apache-2.0 */
/* A log in memory for tests: entries are added, and its files come as a server would give them. */
#ifndef HM_TESTS_TILE_KIT_H
#define HM_TESTS_TILE_KIT_H

#include "unit.h"

#include "tlog/follow.h"

struct tile_kit {
    struct hm_digest *digest;
    struct hm_merkle_frontier frontier;
    struct hm_bytes *entries; /* each owned */
    struct hm_sha256 *tiles[3];
    size_t counts[3];    /* nodes of levels 0, 8 and 16 */
    size_t capacity;     /* of entries and of each of tiles */
    uint64_t size;       /* what is served: at first all */
    bool only_newest;    /* of partial tiles, only those of this size are there */
    const char *changed; /* the file that has a bit turned */
    const char *missing; /* the file that is not there */
    const char *cut;     /* the file that lacks its last byte */
};

void tile_kit_init(struct tile_kit *kit);
void tile_kit_done(struct tile_kit *kit);
void tile_kit_add(struct tile_kit *kit, struct hm_bytes entry);
/* count entries "START N". */
void tile_kit_add_many(struct tile_kit *kit, const char *start, size_t count);
/* The root of the first size entries. */
struct hm_sha256 tile_kit_root(struct tile_kit *kit, uint64_t size);
struct hm_merkle_frontier tile_kit_frontier(struct tile_kit *kit, uint64_t size);
enum hm_rc tile_kit_get(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_bytes);
struct hm_follow_source tile_kit_source(struct tile_kit *kit);

#endif
