/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches the given URLs as metadata (or as images, with --stream) through src/net and prints what
 * it cost. bench/peer_curl.c is what it is measured against.
 *
 * Usage: fetch_urls [--stream] [--ca FILE] URL...
 */
#include "cost.h"
#include "net/fetch.h"

static enum hm_rc count_write(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    unsigned long long *total = ctx;

    (void)err;
    *total += bytes.size;
    return HM_OK;
}

static enum hm_rc count_restart(void *ctx, struct hm_err *err)
{
    (void)ctx;
    (void)err;
    return HM_OK;
}

static enum hm_rc fetch_one(struct hm_fetch *fetch, const char *url, bool is_stream,
                            unsigned long long *total, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT((size_t)16 << 20);
    struct hm_fetch_sink sink = {count_write, count_restart, total};

    if (is_stream)
        return hm_fetch_stream(fetch, url, 0, UINT64_MAX, &sink, err);
    HM_TRY(hm_fetch_get(fetch, url, err, &buf));
    *total += buf.size;
    return HM_OK;
}

int main(int argc, char **argv)
{
    _hm_free_(hm_fetch_free) struct hm_fetch *fetch = NULL;
    struct hm_fetch_options options = {0};
    struct hm_err err = HM_ERR_INIT;
    bool is_stream = false;
    unsigned long long total = 0;
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--stream") == 0)
            is_stream = true;
        else if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc)
            options.ca_file = argv[++i];
        else
            return 2;
    }
    if (hm_fetch_new(&options, &err, &fetch) != HM_OK)
        return 4;
    for (; i < argc; i++) {
        if (fetch_one(fetch, argv[i], is_stream, &total, &err) != HM_OK) {
            fprintf(stderr, "fetch_urls: %s\n", err.text);
            return 3;
        }
    }
    cost_print("fetch_urls", total);
    return 0;
}
