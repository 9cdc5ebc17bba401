/* SPDX-License-Identifier: Apache-2.0 */
/* Getting bytes by URL: which way serves a URL, and what all ways share. */
#include "net/fetch.h"

#include "net/fetch_file.h"
#include "net/fetch_remote.h"
#include "net/url.h"

struct hm_fetch {
    struct hm_fetch_options options; /* with strings of our own */
    char *proxy;
    char *ca_file;
    char *user_agent;
    char *token;
    char *token_url;
    struct hm_fetch_remote *remote; /* NULL until the first remote URL */
};

enum hm_rc hm_fetch_too_long(struct hm_err *err, const char *url, uint64_t size_max)
{
    return hm_fail(err, HM_EFORMAT, "'%.*s' is longer than the %llu bytes allowed",
                   HM_BYTES_FMT(hm_url_shown(url)), (unsigned long long)size_max);
}

static enum hm_rc copy_option(const char *value, struct hm_err *err, char **ret_copy)
{
    if (value == NULL)
        return HM_OK;
    *ret_copy = strdup(value);
    return *ret_copy == NULL ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_fetch_new(const struct hm_fetch_options *options, struct hm_err *err,
                        struct hm_fetch **ret_fetch)
{
    _hm_free_(hm_fetch_free) struct hm_fetch *fetch = calloc(1, sizeof(*fetch));

    if (fetch == NULL)
        return hm_error_nomem(err);
    fetch->options = *options;
    HM_TRY(copy_option(options->proxy, err, &fetch->proxy));
    HM_TRY(copy_option(options->ca_file, err, &fetch->ca_file));
    HM_TRY(copy_option(options->user_agent, err, &fetch->user_agent));
    HM_TRY(copy_option(options->token, err, &fetch->token));
    HM_TRY(copy_option(options->token_url, err, &fetch->token_url));
    fetch->options.token = fetch->token;
    fetch->options.token_url = fetch->token_url;
    fetch->options.proxy = fetch->proxy;
    fetch->options.ca_file = fetch->ca_file;
    fetch->options.user_agent = fetch->user_agent;
    *ret_fetch = hm_steal(&fetch);
    return HM_OK;
}

void hm_fetch_free(struct hm_fetch *fetch)
{
    if (fetch == NULL)
        return;
    hm_fetch_remote_free(fetch->remote);
    free(fetch->proxy);
    free(fetch->ca_file);
    free(fetch->user_agent);
    if (fetch->token != NULL)
        explicit_bzero(fetch->token, strlen(fetch->token));
    free(fetch->token);
    free(fetch->token_url);
    free(fetch);
}

void hm_fetch_set_delivery(struct hm_fetch *fetch, const char *hex)
{
    (void)snprintf(fetch->options.delivery, sizeof(fetch->options.delivery), "%s",
                   hex == NULL ? "" : hex); /* fits */
}

static enum hm_rc unknown_url(const char *url, struct hm_err *err)
{
    return hm_fail(err, HM_EUSAGE,
                   "'%.*s' is no URL known here: give https://, http://, file:// or a path, of at "
                   "most %d bytes",
                   HM_BYTES_FMT(hm_url_shown(url)), HM_URL_SIZE_MAX);
}

static enum hm_rc stream(struct hm_fetch *fetch, const char *url,
                         const struct hm_fetch_request *request, const struct hm_fetch_sink *sink,
                         struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(HM_URL_SIZE_MAX);

    switch (hm_url_kind(url)) {
    case HM_URL_PATH:
        return hm_fetch_file_stream(url, url, request, sink, err);
    case HM_URL_FILE:
        HM_TRY(hm_fetch_file_path(url, err, &path));
        return hm_fetch_file_stream(hm_buf_str(&path), url, request, sink, err);
    case HM_URL_REMOTE:
        if (fetch->remote == NULL)
            HM_TRY(hm_fetch_remote_new(&fetch->options, err, &fetch->remote));
        return hm_fetch_remote_stream(fetch->remote, url, request, sink, err);
    case HM_URL_UNKNOWN:
        break;
    }
    return unknown_url(url, err);
}

static enum hm_rc append_to_buf(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

/* Metadata is always asked for from the start. */
static enum hm_rc never_restart(void *ctx, struct hm_err *err)
{
    (void)ctx;
    return hm_fail(err, HM_EINTERNAL, "a transfer from the start was restarted");
}

enum hm_rc hm_fetch_get(struct hm_fetch *fetch, const char *url, struct hm_err *err,
                        struct hm_buf *ret_buf)
{
    size_t before = ret_buf->size;
    struct hm_fetch_request request = {.size_max = ret_buf->size_max - before,
                                       .is_metadata = true,
                                       .accept_gzip = fetch->options.accept_gzip};
    struct hm_fetch_sink sink = {append_to_buf, never_restart, ret_buf};
    enum hm_rc rc = stream(fetch, url, &request, &sink, err);

    if (rc != HM_OK && ret_buf->size > before) {
        ret_buf->size = before;
        ret_buf->data[before] = '\0';
    }
    return rc;
}

enum hm_rc hm_fetch_stream(struct hm_fetch *fetch, const char *url, uint64_t offset,
                           uint64_t size_max, const struct hm_fetch_sink *sink, struct hm_err *err)
{
    struct hm_fetch_request request = {.offset = offset, .size_max = size_max};

    if (offset > size_max) {
        /* More than the whole is there already, so it is something else. */
        HM_TRY(sink->restart(sink->ctx, err));
        request.offset = 0;
    }
    return stream(fetch, url, &request, sink, err);
}

enum hm_rc hm_fetch_url_join(const char *base, const char *path, struct hm_err *err,
                             struct hm_buf *ret_url)
{
    enum hm_url_kind kind = hm_url_kind(base);
    size_t before = ret_url->size;
    enum hm_rc rc;

    if (kind == HM_URL_UNKNOWN)
        return unknown_url(base, err);
    if (kind == HM_URL_REMOTE && strpbrk(base, "?#") != NULL)
        return hm_fail(err, HM_EUSAGE, "'%.*s': a base URL ends before '?' and '#'",
                       HM_BYTES_FMT(hm_url_shown(base)));
    rc = hm_url_check_path(path, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    rc = hm_buf_append_str(ret_url, base, err);
    if (rc == HM_OK && base[strlen(base) - 1] != '/')
        rc = hm_buf_append_byte(ret_url, '/', err);
    if (rc == HM_OK && kind == HM_URL_PATH)
        rc = hm_url_decode(hm_bytes_str(path), err, ret_url);
    else if (rc == HM_OK)
        rc = hm_buf_append_str(ret_url, path, err);
    if (rc != HM_OK && ret_url->size > before) {
        ret_url->size = before;
        ret_url->data[before] = '\0';
    }
    return rc;
}
