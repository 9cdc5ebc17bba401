/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Posting to several servers at once over http:// and https://: requests are started, and their
 * answers taken one by one as they come. Each has a deadline for everything (name, connection,
 * answer) and a maximum size; redirects are not followed; what the answer means is the caller's.
 */
#ifndef HM_NET_POST_H
#define HM_NET_POST_H

#include "base/buf.h"

/* Under way at once: every witness of the largest policy, and room. A descriptor each. */
#define HM_POST_COUNT_MAX 128
/* All headers of one answer; servers send well under 8 KiB. */
#define HM_POST_HEADER_SIZE_MAX ((size_t)64 * 1024)
#define HM_POST_TYPE_SIZE       128 /* of an answer's content type, with NUL; longer ones are cut */

struct hm_post_options {
    const char *proxy; /* as in hm_fetch_options */
    const char *ca_file;
    const char *user_agent;
    bool allow_plain_http;         /* false refuses http:// except to loopback addresses */
    const char *token, *token_url; /* as in hm_fetch_options; NULL: none */
};

struct hm_post_request {
    size_t number; /* the caller's own, given back with the answer */
    const char *url;
    const char *content_type;
    struct hm_bytes body;
    size_t answer_size_max;
    uint32_t deadline_ms; /* from now on */
};

/* rc is HM_OK if the server answered, whatever it said; then err says nothing. */
struct hm_post_answer {
    size_t number;
    enum hm_rc rc;
    struct hm_err err;            /* names the URL without its query */
    unsigned status;              /* 200, 404, ... */
    char type[HM_POST_TYPE_SIZE]; /* Content-Type as sent, or "" */
    struct hm_bytes body;         /* borrowed until the next call */
    bool is_cut;                  /* the server had more than answer_size_max */
};

struct hm_post;

/* Loads libcurl; makes no connection. options are borrowed and outlive the result. One hm_post
 * serves one thread. HM_ENETWORK without libcurl. */
HM_MUST_CHECK enum hm_rc hm_post_new(const struct hm_post_options *options, struct hm_err *err,
                                     struct hm_post **ret_post);
/* Drops what is under way, without waiting. */
void hm_post_free(struct hm_post *post);
HM_DEFINE_FREE(hm_post_free, struct hm_post);

/* Starts a request; copies everything. HM_EUSAGE: a URL that is refused, or too many at once. */
HM_MUST_CHECK enum hm_rc hm_post_start(struct hm_post *post, const struct hm_post_request *request,
                                       struct hm_err *err);
/* The next answer, or failure, of any request. HM_EAGAIN: none within wait_ms; HM_ENOTFOUND: none
 * is under way. */
HM_MUST_CHECK enum hm_rc hm_post_wait(struct hm_post *post, uint32_t wait_ms, struct hm_err *err,
                                      struct hm_post_answer *ret_answer);

#endif
