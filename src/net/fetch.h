/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting bytes by URL: file:// (or a plain path) by ourselves, http:// and https:// through
 * libcurl, which is loaded on the first remote URL so that offline commands start in milliseconds.
 *
 * Every transfer has a maximum size, a connect time-out, a low-speed limit and an allow-list of
 * protocols; redirects are never followed for metadata and only to http(s) for images.
 */
#ifndef HM_NET_FETCH_H
#define HM_NET_FETCH_H

#include "base/buf.h"

#define HM_FETCH_CONNECT_TIMEOUT_S 15
#define HM_FETCH_STALL_TIMEOUT_S   30 /* below HM_FETCH_STALL_BYTES_S for this long: given up */
#define HM_FETCH_STALL_BYTES_S     1000
/* For a whole metadata file; images have the stall limit alone. */
#define HM_FETCH_METADATA_TIMEOUT_S 120
/* Followed for an image, each to http(s) only: never from https to http, never to a loopback
 * address from elsewhere. Mirrors need one or two. */
#define HM_FETCH_REDIRECT_COUNT_MAX 5
/* All headers of one answer, interim answers included; servers send well under 8 KiB. */
#define HM_FETCH_HEADER_SIZE_MAX ((size_t)64 * 1024)
/* By how much an object may be longer encoded than it is: gzip's header and stored blocks. */
#define HM_FETCH_GZIP_EXTRA_SIZE ((uint64_t)4096)
/* What is read of the page that comes with an error, to keep the connection usable. */
#define HM_FETCH_ERROR_BODY_SIZE_MAX ((size_t)64 * 1024)

#define HM_FETCH_TOKEN_SIZE_MAX 256 /* three times what Hallmark's own have */
#define HM_FETCH_DELIVERY_SIZE  64  /* a SHA-256 in hexadecimal */

struct hm_fetch_options {
    const char *proxy; /* NULL: from the environment as curl reads it; "": none. Loopback addresses
                          are always reached directly */
    const char *ca_file;    /* trusted instead of the system's; NULL: the system's */
    const char *user_agent; /* NULL: "hallmark/VERSION" */
    bool allow_plain_http; /* false refuses http:// except to loopback addresses; signatures protect
                              content, not privacy */
    /* CUSTOMER.NUMBER.SECRET, sent to the server of token_url alone (same scheme, host and port),
     * as Basic: what stands before the last dot, and behind it. Never over plain http to another
     * machine, and never to where a redirect leads elsewhere. NULL: none. */
    const char *token, *token_url;
    /* hm_fetch_get asks for gzip and decodes it; what counts against its maximum is the decoded
     * bytes, so the ratio does not matter. Streams are never encoded. */
    bool accept_gzip;
    /* What hm_fetch_set_delivery sets; begins empty. */
    char delivery[HM_FETCH_DELIVERY_SIZE + 1];
    /* Seconds; 0: the limits above. */
    unsigned connect_timeout_s;
    unsigned stall_timeout_s;
    unsigned metadata_timeout_s;
};

struct hm_fetch;

/* Makes no connection and loads nothing yet. options are copied. One hm_fetch serves one thread at
 * a time and keeps its connections open between calls. */
HM_MUST_CHECK enum hm_rc hm_fetch_new(const struct hm_fetch_options *options, struct hm_err *err,
                                      struct hm_fetch **ret_fetch);
void hm_fetch_free(struct hm_fetch *fetch);
HM_DEFINE_FREE(hm_fetch_free, struct hm_fetch);

/* From now on each stream says which offer it is for (header Hallmark-Delivery), to the server of
 * the token alone; hex is 64 hexadecimal digits, or NULL for none. */
void hm_fetch_set_delivery(struct hm_fetch *fetch, const char *hex);

/* Appends the object at url to buf, of at most buf's maximum; buf is as before on failure. No
 * redirects, no retries (a 404 is an answer). HM_ENOTFOUND: 404 (410), or no such file; HM_EFORMAT:
 * longer than the maximum ("endless data"); HM_EUSAGE: a URL that is refused (scheme not known, a
 * user name in it, plain http:// to another machine); HM_EINPUT: a local file that is unreadable or
 * not regular; HM_ENETWORK: everything else, naming URL (without its query), status or cause. A
 * missing libcurl is HM_ENETWORK too. */
HM_MUST_CHECK enum hm_rc hm_fetch_get(struct hm_fetch *fetch, const char *url, struct hm_err *err,
                                      struct hm_buf *ret_buf);

/* Where a streamed object goes. restart is called, before any write, when the server cannot
 * continue at the offset asked for and sends all from the start. Either may fail, which ends the
 * transfer with that failure. */
struct hm_fetch_sink {
    enum hm_rc (*write)(void *ctx, struct hm_bytes bytes, struct hm_err *err);
    enum hm_rc (*restart)(void *ctx, struct hm_err *err);
    void *ctx;
};

/* Streams the object at url from offset on; the whole object is at most size_max bytes: more is
 * HM_EFORMAT at once. A broken transfer is HM_ENETWORK; what was written stays written, so the
 * caller can resume. Other codes as hm_fetch_get; a failure of the sink comes back unchanged.
 * restart is called at most twice, and also where offset lies past the end or size_max. A server
 * answers 416 to an offset at the end, which then fetches all again: a caller that knows the size
 * does not ask when it has everything. */
HM_MUST_CHECK enum hm_rc hm_fetch_stream(struct hm_fetch *fetch, const char *url, uint64_t offset,
                                         uint64_t size_max, const struct hm_fetch_sink *sink,
                                         struct hm_err *err);

/* Appends base + "/" (if missing) + path, which is percent-encoded already. For a base that is a
 * plain path of the file system the parts are decoded. HM_EUSAGE for a base of a scheme not known
 * or with a query; HM_EFORMAT for a path with an empty, "." or ".." part, an encoded '/' or NUL, or
 * a character that belongs encoded. */
HM_MUST_CHECK enum hm_rc hm_fetch_url_join(const char *base, const char *path, struct hm_err *err,
                                           struct hm_buf *ret_url);

#endif
