/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the formats of the table in bytes that nothing else explains. */
#ifndef HM_IMAGE_SEARCH_H
#define HM_IMAGE_SEARCH_H

#include "image/format.h"

struct hm_search_hit {
    const struct hm_format *format; /* NULL: none yet, cost alone */
    size_t offset, size;
    uint64_t cost; /* work since the last */
};

struct hm_search {
    struct hm_bytes bytes;
    bool is_start; /* the bytes begin a file, region or section */
    size_t offset; /* the next byte to look at */
    size_t end;    /* of the last hit */
};

struct hm_search hm_search_make(struct hm_bytes bytes, bool is_start);
/* The next part that a format claims, behind the last one. False at the end. To be called again
 * where the hit has no format: so that who pays for the work can stop it. */
bool hm_search_next(struct hm_search *search, struct hm_search_hit *ret_hit);
/* Are all the bytes (at least one) the same? */
bool hm_search_is_uniform(struct hm_bytes bytes);

#endif
