/* SPDX-License-Identifier: Apache-2.0 */
/* What the verdict and the laying of releases beside an image share. */
#ifndef HM_MATCH_MATCH_INTERNAL_H
#define HM_MATCH_MATCH_INTERNAL_H

#include "match/match.h"

struct match_input {
    const struct hm_index *const *sources;
    size_t source_count;
    struct hm_bytes image;
    const struct hm_contents *contents; /* or NULL */
    struct hm_compare_map map;          /* of the image */
};

/* Fills match->releases with the candidates, each compared as far as it is there. */
HM_MUST_CHECK enum hm_rc hm_match_lay_beside(struct hm_match *match,
                                             const struct match_input *input,
                                             const struct hm_anchor_list *anchors,
                                             struct hm_err *err);
void hm_match_release_done(struct hm_match_release *release);
/* Where a variable part of the release would lie in an image of that size; false: it is none, or
 * lies outside. */
bool hm_match_release_variable(const struct hm_match_release *release, size_t image_size,
                               const struct hm_part *part, uint32_t *ret_offset,
                               uint32_t *ret_size);
/* Has a known image a part with that digest? */
HM_MUST_CHECK enum hm_rc hm_match_image_has(const struct hm_index_image *image,
                                            const struct hm_sha256 *sha256, struct hm_err *err,
                                            bool *ret_has);

#endif
