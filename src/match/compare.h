/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image laid beside a release's bytes: which runs are equal, byte for byte, and how much of
 * either they explain. Fill (cells of one byte repeated) explains nothing.
 */
#ifndef HM_MATCH_COMPARE_H
#define HM_MATCH_COMPARE_H

#include "base/bytes.h"
#include "base/error.h"

/* What is compared at a time, and the grain of "fill". */
#define HM_COMPARE_CELL_SIZE 64
/* Places of the release in the image that are tried: pieces moved apart have a shift each. */
#define HM_COMPARE_SHIFT_COUNT_MAX 16
/* A run away from the main shift counts from this size on: shorter ones are chance. */
#define HM_COMPARE_MOVED_SIZE_MIN 256

/* How many bytes are no fill, for any range: counts before each cell. */
struct hm_compare_map {
    struct hm_bytes bytes;
    uint32_t *before; /* owned; cell count + 1 */
    size_t capacity;
};

struct hm_compare_hit {
    uint32_t image_offset, release_offset;
};

struct hm_compare_range {
    uint32_t image_offset, release_offset, size;
};

struct hm_comparison {
    struct hm_compare_range *ranges; /* owned; by image_offset, none overlap */
    size_t count, capacity;
    int64_t shift;      /* where most of the release is: its start's place in the image */
    uint64_t explained; /* bytes of the image, but for fill */
};

/* bytes are borrowed; a map may be made again for others. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_compare_map_make(struct hm_bytes bytes, struct hm_err *err,
                                             struct hm_compare_map *map);
void hm_compare_map_done(struct hm_compare_map *map);
/* Bytes in [from, to) that are no fill. */
uint64_t hm_compare_map_telling(const struct hm_compare_map *map, size_t from, size_t to);

/* Compares at the shifts that most hits (at least one) speak for. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_compare_run(const struct hm_compare_map *image,
                                        const struct hm_compare_map *release,
                                        const struct hm_compare_hit *hits, size_t hit_count,
                                        struct hm_err *err, struct hm_comparison *ret_comparison);
void hm_compare_done(struct hm_comparison *comparison);

#endif
