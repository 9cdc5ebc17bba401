/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of file:// URLs and plain paths: a mirror on a disk, a stick, a mounted share. */
#ifndef HM_NET_FETCH_FILE_H
#define HM_NET_FETCH_FILE_H

#include "net/fetch_internal.h"

/* Appends the path that a file:// URL means, percent-decoded. HM_EUSAGE for another host than none
 * or localhost, for a bad %XX and for an encoded NUL. */
HM_MUST_CHECK enum hm_rc hm_fetch_file_path(const char *url, struct hm_err *err,
                                            struct hm_buf *ret_path);

/* As hm_fetch_stream, from the regular file at path; url is for messages. Links are followed: a
 * tree of links is a usual mirror, and what they give away is checked like any other bytes. */
HM_MUST_CHECK enum hm_rc hm_fetch_file_stream(const char *path, const char *url,
                                              const struct hm_fetch_request *request,
                                              const struct hm_fetch_sink *sink, struct hm_err *err);

#endif
