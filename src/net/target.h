/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a request goes, and the options of libcurl that every request has, whatever it asks for.
 * Every option that matters is set, on every request: nothing hangs on a default of libcurl, of a
 * distribution or of ~/.netrc.
 */
#ifndef HM_NET_TARGET_H
#define HM_NET_TARGET_H

#include "net/curl.h"

/* A URL as libcurl's own parser reads it: rules judge what will be connected to. */
struct hm_target {
    const struct hm_curl *curl;
    CURLU *url; /* owned */
    bool is_https;
    bool is_loopback;
};

/* As in hm_fetch_options. */
struct hm_target_options {
    const char *proxy;
    const char *ca_file;
    const char *user_agent;
    bool has_ca_folder; /* hm_curl_has_ca_folder */
};

/* Parses url into ret_target (hm_target_done in any case), or gives the reason why nothing is sent
 * there: another scheme, a user name in it, plain http:// to another machine unless allowed. NULL:
 * none. */
HM_MUST_CHECK const char *hm_target_parse(const struct hm_curl *curl, const char *url,
                                          bool allow_plain_http, struct hm_target *ret_target);
void hm_target_done(struct hm_target *target);
/* True where both have the same scheme, host and port: the same server. */
bool hm_target_is_same_server(const struct hm_target *a, const struct hm_target *b);

/* Sets the URL and all that requests have in common on a fresh (or reset) handle: no redirects,
 * HTTP/1.1, TLS 1.2 with verification, authorities, proxies. libcurl copies the strings; target
 * must outlive the request. */
HM_MUST_CHECK CURLcode hm_target_set(const struct hm_target *target, CURL *easy,
                                     const struct hm_target_options *options);

/* A token of a site's server: CUSTOMER.NUMBER.SECRET, for the server of url alone. NULL: none. */
struct hm_target_token {
    const char *text, *url;
};
/* Is that the server whose token there is, and hidden from whoever is on the way? */
bool hm_target_is_for_token(const struct hm_target *target, const struct hm_target_token *token);
/* Sets it: CUSTOMER.NUMBER is the user, SECRET the password. libcurl copies both. */
HM_MUST_CHECK CURLcode hm_target_set_token(const struct hm_curl *curl, CURL *easy,
                                           const struct hm_target_token *token);

#endif
