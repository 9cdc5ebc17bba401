/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which part of a file a request asks for, and whether it asks at all: Range, If-Range and
 * If-None-Match (RFC 9110 sections 13 and 14), for servers of ours. One range is served; more than
 * one, or what is no range of bytes, gives the whole.
 */
#ifndef HM_NET_RANGE_H
#define HM_NET_RANGE_H

#include "base/bytes.h"
#include "base/error.h"

#define HM_RANGE_ETAG_SIZE 40 /* two numbers in hexadecimal, dash, quotes and NUL */

struct hm_range {
    unsigned status; /* 200 the whole, 206 a part, 304 nothing is new, 416 past the end */
    uint64_t offset; /* of what is sent: nothing for 304 and 416 */
    uint64_t size;
};

/* Values of headers; NULL where there is none. */
struct hm_range_request {
    const char *range;
    const char *if_range;
    const char *if_none_match;
};

/* The tag of a file that is replaced, never changed: its time of change and size, quoted. */
void hm_range_etag(int64_t mtime_s, uint64_t size, char ret_etag[HM_RANGE_ETAG_SIZE]);
struct hm_range hm_range_choose(const struct hm_range_request *request, const char *etag,
                                uint64_t size);

#endif
