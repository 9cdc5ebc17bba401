/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images of the indexes may have to do with this one: by the anchors of its bytes, and by the
 * digests of its parts and the anchors of what was decompressed. A candidate is a guess, no more.
 */
#ifndef HM_MATCH_CANDIDATE_H
#define HM_MATCH_CANDIDATE_H

#include "match/anchor.h"
#include "match/compare.h"
#include "match/index.h"

/* Candidates that are compared: the right one was always among the first few. */
#define HM_CANDIDATE_RAW_COUNT_MAX   10
#define HM_CANDIDATE_PARTS_COUNT_MAX 6
#define HM_CANDIDATE_COUNT_MAX       (HM_CANDIDATE_RAW_COUNT_MAX + HM_CANDIDATE_PARTS_COUNT_MAX)
/* Places in releases that are remembered: 64 MiB. An image for which these do not do is made of
 * pieces that everything shares. */
#define HM_CANDIDATE_HIT_COUNT_MAX 4000000

struct hm_candidate {
    size_t source; /* which index */
    struct hm_index_image image;
    uint64_t raw_weight, parts_weight;
    struct hm_compare_hit *hits; /* owned */
    size_t hit_count;
};

struct hm_candidate_list {
    struct hm_candidate items[HM_CANDIDATE_COUNT_MAX]; /* heaviest by bytes first */
    size_t count;
};

/* anchors: all of the image's bytes. contents may be NULL. The indexes outlive the list. Of images
 * with the same bytes the first index's counts. HM_ENOMEM, HM_EFORMAT (a damaged index). */
HM_MUST_CHECK enum hm_rc hm_candidate_find(const struct hm_index *const *sources, size_t count,
                                           const struct hm_anchor_list *anchors,
                                           const struct hm_contents *contents, struct hm_err *err,
                                           struct hm_candidate_list *ret_list);
void hm_candidate_list_done(struct hm_candidate_list *list);

/* Images that are these very bytes, each path of each index; at most count_max are told. */
HM_MUST_CHECK enum hm_rc hm_candidate_find_exact(const struct hm_index *const *sources,
                                                 size_t count, const struct hm_sha256 *sha256,
                                                 size_t count_max, struct hm_err *err,
                                                 struct hm_candidate *ret_items, size_t *ret_count);

#endif
