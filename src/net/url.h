/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and paths of objects: kinds, percent-decoding, and what may be appended to a base. */
#ifndef HM_NET_URL_H
#define HM_NET_URL_H

#include "base/buf.h"

/* Longer ones are refused: servers and proxies stop at 8 KiB. */
#define HM_URL_SIZE_MAX 8192

enum hm_url_kind {
    HM_URL_PATH,   /* no scheme: a path of the file system */
    HM_URL_FILE,   /* file:// */
    HM_URL_REMOTE, /* http:// or https:// */
    HM_URL_UNKNOWN /* another scheme, empty, or too long */
};

enum hm_url_kind hm_url_kind(const char *url);

/* True for "localhost", 127.0.0.0/8 in its four-part form, and "[::1]": a host as libcurl's URL
 * parser gives it. */
bool hm_url_is_loopback(const char *host);

/* Appends text with each %XX replaced by its byte. HM_EFORMAT for a bad %XX or an encoded NUL. */
HM_MUST_CHECK enum hm_rc hm_url_decode(struct hm_bytes text, struct hm_err *err,
                                       struct hm_buf *ret_text);

/* HM_OK if path is a relative path in URL characters, percent-encoded, none of whose parts is
 * empty, "." or ".." or holds '/' or NUL, even when decoded. HM_EFORMAT otherwise. */
HM_MUST_CHECK enum hm_rc hm_url_check_path(const char *path, struct hm_err *err);

/* How much of url messages show: all but the query and the fragment, which may hold a secret. */
struct hm_bytes hm_url_shown(const char *url);

#endif
