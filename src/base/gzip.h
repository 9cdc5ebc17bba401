/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed copies of metadata for web servers to send as they are (RFC 1952). The only user of
 * zlib.
 */
#ifndef HM_BASE_GZIP_H
#define HM_BASE_GZIP_H

#include "base/buf.h"

/* Appends bytes as one gzip member without name, time or system: the same bytes give the same copy
 * with the same zlib. HM_EFORMAT past the buffer's limit, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_gzip_compress(struct hm_bytes bytes, struct hm_err *err,
                                          struct hm_buf *ret_buf);

/* Appends what one gzip member unpacks to. HM_EFORMAT: it is none, something follows it, or it
 * unpacks past the buffer's limit; HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_gzip_decompress(struct hm_bytes bytes, struct hm_err *err,
                                            struct hm_buf *ret_buf);

#endif
