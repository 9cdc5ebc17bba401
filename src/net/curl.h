/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded at run time. Commands that fetch nothing remote never pay for it (some thirty
 * shared libraries, five milliseconds and eight MiB), and run where it is not installed.
 */
#ifndef HM_NET_CURL_H
#define HM_NET_CURL_H

#include <curl/curl.h>

#include "base/error.h"

/* The functions used here, with the types of libcurl's own header. */
struct hm_curl {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_version_info) *version_info;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_easy_reset) *easy_reset;
    __typeof__(curl_easy_setopt) *easy_setopt; /* no type checks: longs are written as longs */
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_multi_init) *multi_init;
    __typeof__(curl_multi_cleanup) *multi_cleanup;
    __typeof__(curl_multi_add_handle) *multi_add_handle;
    __typeof__(curl_multi_remove_handle) *multi_remove_handle;
    __typeof__(curl_multi_perform) *multi_perform;
    __typeof__(curl_multi_poll) *multi_poll;
    __typeof__(curl_multi_info_read) *multi_info_read;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
    __typeof__(curl_url) *url;
    __typeof__(curl_url_cleanup) *url_cleanup;
    __typeof__(curl_url_get) *url_get;
    __typeof__(curl_url_set) *url_set;
    __typeof__(curl_free) *free;
};

/* Loads the library once for the process (it is never unloaded) and initialises it; any thread.
 * HM_ENETWORK, naming the package to install, if there is none; a later call tries again. */
HM_MUST_CHECK enum hm_rc hm_curl_load(struct hm_err *err, const struct hm_curl **ret_curl);

/* True if the system's authorities stand in a folder indexed by name hash, which libcurl uses by
 * default. Then the file with all of them need not be read: it costs more time than all the rest of
 * a refresh (16 of 25 ms) and a MiB. */
bool hm_curl_has_ca_folder(const struct hm_curl *curl);

/* True if it can decode gzip. */
bool hm_curl_has_gzip(const struct hm_curl *curl);

/* One library by name, for hm_curl_load and its tests. HM_ENETWORK if it cannot be loaded or lacks
 * a function. */
HM_MUST_CHECK enum hm_rc hm_curl_open(const char *library, struct hm_err *err,
                                      struct hm_curl *ret_curl);

#endif
