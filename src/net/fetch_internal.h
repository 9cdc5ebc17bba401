/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways of fetching have in common: local files and remote servers. */
#ifndef HM_NET_FETCH_INTERNAL_H
#define HM_NET_FETCH_INTERNAL_H

#include "net/fetch.h"

struct hm_fetch_request {
    uint64_t offset;   /* 0, or where to continue; at most size_max */
    uint64_t size_max; /* of the whole object */
    bool is_metadata;  /* a total time-out, small buffers, no redirects */
    bool accept_gzip;
};

/* Every way says the same about an object that is too long. */
enum hm_rc hm_fetch_too_long(struct hm_err *err, const char *url, uint64_t size_max);

#endif
