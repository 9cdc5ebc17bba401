/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of bench/fetch_urls.c: a bare libcurl client, linked in the usual way, that makes the
 * given requests with the options that src/net/fetch_remote.c sets, and does nothing else.
 *
 * Usage: peer_curl [--stream] [--ca FILE] URL...    Prints what it cost, as bench/cost.h says.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cost.h"

static size_t count_body(char *data, size_t size, size_t count, void *ctx)
{
    unsigned long long *total = ctx;

    (void)data;
    *total += size * count;
    return size * count;
}

static void set_options(CURL *easy, const char *url, const char *ca_file, bool is_stream,
                        unsigned long long *total)
{
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 15L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1000L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, 30L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, is_stream ? 0L : 120L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, is_stream ? 524288L : 16384L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hallmark/" HM_VERSION);
    if (ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, total);
}

int main(int argc, char **argv)
{
    const char *ca_file = NULL;
    bool is_stream = false;
    unsigned long long total = 0;
    CURL *easy;
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--stream") == 0)
            is_stream = true;
        else if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc)
            ca_file = argv[++i];
        else
            return 2;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (easy = curl_easy_init()) == NULL)
        return 4;
    for (; i < argc; i++) {
        CURLcode code;

        set_options(easy, argv[i], ca_file, is_stream, &total);
        code = curl_easy_perform(easy);
        if (code != CURLE_OK) {
            fprintf(stderr, "peer_curl: %s: %s\n", argv[i], curl_easy_strerror(code));
            return 3;
        }
    }
    cost_print("peer_curl", total);
    curl_easy_cleanup(easy);
    return 0;
}
