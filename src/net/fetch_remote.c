/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of http:// and https:// URLs. Every option of a transfer that matters is set here, on
 * every transfer: nothing hangs on a default of libcurl, of a distribution or of ~/.netrc. Answers:
 * RFC 9110 (status codes, Range, Content-Range).
 *
 * Redirects are followed by ourselves, so that each hop passes the same rules as the first URL.
 */
#include "net/fetch_remote.h"

#include <strings.h>

#include "base/num.h"
#include "net/target.h"
#include "net/url.h"

#define METADATA_BUFFER_SIZE 16384L
#define STREAM_BUFFER_SIZE   524288L

/* "bytes FIRST-LAST/TOTAL" of a 206 answer. */
struct content_range {
    bool is_present;
    bool is_valid;
    bool has_total; /* false for "*" */
    uint64_t first;
    uint64_t last;
    uint64_t total;
};

struct hm_fetch_remote {
    const struct hm_curl *curl;
    const struct hm_fetch_options *options;
    CURL *easy;
    bool has_ca_folder; /* of the system's authorities */
    bool has_gzip;      /* libcurl can decode it */
};

/* One request and its answer. */
struct transfer {
    const struct hm_fetch_remote *remote;
    const struct hm_fetch_request *request;
    const struct hm_fetch_sink *sink;
    struct hm_err *err;
    const char *url; /* for messages */
    uint64_t offset; /* where to start; > 0: with a Range header */
    enum hm_rc rc;   /* set when a callback ends the transfer */
    bool has_begun;  /* the sink is at position */
    uint64_t position;
    size_t header_size;
    size_t discarded; /* of a body that is not the object */
    struct content_range range;
    struct curl_slist *headers; /* of our own; owned by transfer_run */
    char cause[CURL_ERROR_SIZE];
};

/* What a transfer asks for next. */
enum next { NEXT_DONE, NEXT_FROM_START, NEXT_REDIRECT };

/* "bytes FIRST-LAST/TOTAL", where TOTAL may be a star: RFC 9110 14.4. */
static bool parse_content_range(struct hm_bytes value, struct content_range *ret_range)
{
    struct content_range range = {.is_present = true};
    const char *text = (const char *)value.data;
    const char *dash;
    const char *slash;
    const char *end = text + value.size;

    if (value.size < 6 || strncasecmp(text, "bytes ", 6) != 0)
        return false;
    text += 6;
    dash = memchr(text, '-', (size_t)(end - text));
    slash = memchr(text, '/', (size_t)(end - text));
    if (dash == NULL || slash == NULL || dash > slash)
        return false;
    if (hm_num_parse_u64(text, (size_t)(dash - text), &range.first) != HM_OK ||
        hm_num_parse_u64(dash + 1, (size_t)(slash - dash - 1), &range.last) != HM_OK ||
        range.first > range.last)
        return false;
    range.has_total = !(end - slash == 2 && slash[1] == '*');
    if (range.has_total &&
        (hm_num_parse_u64(slash + 1, (size_t)(end - slash - 1), &range.total) != HM_OK ||
         range.last >= range.total))
        return false;
    range.is_valid = true;
    *ret_range = range;
    return true;
}

/* Called for each line of the headers, interim answers and trailers included. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    static const char name[] = "content-range:";
    struct transfer *transfer = ctx;
    struct hm_bytes line = hm_bytes_make(data, count); /* size is always 1 */

    (void)size;
    if (count > HM_FETCH_HEADER_SIZE_MAX - transfer->header_size) {
        transfer->rc = hm_fail(transfer->err, HM_ENETWORK,
                               "'%.*s': the headers of the answer are longer than %zu bytes",
                               HM_BYTES_FMT(hm_url_shown(transfer->url)), HM_FETCH_HEADER_SIZE_MAX);
        return 0;
    }
    transfer->header_size += count;
    if (hm_bytes_has_prefix(line, HM_BYTES_LITERAL("HTTP/")))
        transfer->range = (struct content_range){0};
    while (line.size > 0 && strchr("\r\n \t", line.data[line.size - 1]) != NULL)
        line.size--;
    if (line.size > strlen(name) && strncasecmp(data, name, strlen(name)) == 0) {
        bool is_second = transfer->range.is_present;

        line = hm_bytes_make(line.data + strlen(name), line.size - strlen(name));
        while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
            line = hm_bytes_make(line.data + 1, line.size - 1);
        /* Two of them, or one that is no range, say nothing that can be relied on. */
        if (is_second || !parse_content_range(line, &transfer->range))
            transfer->range = (struct content_range){.is_present = true};
    }
    return count;
}

/* The status of the server's answer, 0 if there is none; a proxy's refusal of a tunnel is none. */
static long transfer_status(const struct transfer *transfer)
{
    long status = 0;

    if (transfer->header_size == 0 ||
        transfer->remote->curl->easy_getinfo(transfer->remote->easy, CURLINFO_RESPONSE_CODE,
                                             &status) != CURLE_OK)
        return 0;
    return status;
}

/* True if the body of this answer is the object, from the start or from where we asked. */
static bool transfer_is_wanted(const struct transfer *transfer, long status)
{
    if (status == 200)
        return true;
    return status == 206 && transfer->offset > 0 && transfer->range.is_valid &&
           transfer->range.first == transfer->offset;
}

/* Before the first byte, or at the end of an empty body: tells the sink where the bytes belong. */
static enum hm_rc transfer_begin(struct transfer *transfer, long status)
{
    if (transfer->has_begun)
        return HM_OK;
    if (status == 206) {
        if (transfer->range.last >= transfer->request->size_max ||
            (transfer->range.has_total && transfer->range.total > transfer->request->size_max))
            return hm_fetch_too_long(transfer->err, transfer->url, transfer->request->size_max);
        transfer->position = transfer->offset;
    } else if (transfer->offset > 0) {
        HM_TRY(transfer->sink->restart(transfer->sink->ctx, transfer->err));
    }
    transfer->has_begun = true;
    return HM_OK;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    long status = transfer_status(transfer);

    (void)size; /* always 1 */
    if (!transfer_is_wanted(transfer, status)) {
        /* The page that comes with an error: read to keep the connection, up to a point. */
        if (count > HM_FETCH_ERROR_BODY_SIZE_MAX - transfer->discarded)
            return 0;
        transfer->discarded += count;
        return count;
    }
    transfer->rc = transfer_begin(transfer, status);
    if (transfer->rc == HM_OK && count > transfer->request->size_max - transfer->position)
        transfer->rc = hm_fetch_too_long(transfer->err, transfer->url, transfer->request->size_max);
    if (transfer->rc == HM_OK)
        transfer->rc =
            transfer->sink->write(transfer->sink->ctx, hm_bytes_make(data, count), transfer->err);
    if (transfer->rc != HM_OK)
        return 0;
    transfer->position += count;
    return count;
}

static bool transfer_takes_gzip(const struct transfer *transfer)
{
    return transfer->request->accept_gzip && transfer->remote->has_gzip;
}

/* The most bytes that may come over the wire, up to where libcurl counts. */
static curl_off_t transfer_wire_max(const struct transfer *transfer)
{
    uint64_t size_max = transfer->request->size_max;

    if (transfer_takes_gzip(transfer)) {
        uint64_t extra = size_max / 1024 + HM_FETCH_GZIP_EXTRA_SIZE;

        size_max = size_max > UINT64_MAX - extra ? UINT64_MAX : size_max + extra;
    }
    return (curl_off_t)(size_max > INT64_MAX ? INT64_MAX : size_max);
}

/* Encoded bytes that decode to nothing pass on_body by: they are counted here. */
static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    struct transfer *transfer = ctx;

    (void)total;
    (void)up_total;
    (void)up_now;
    if (now <= transfer_wire_max(transfer) ||
        !transfer_is_wanted(transfer, transfer_status(transfer)))
        return 0;
    if (transfer->rc == HM_OK)
        transfer->rc = hm_fetch_too_long(transfer->err, transfer->url, transfer->request->size_max);
    return 1;
}

static long seconds(unsigned option, unsigned otherwise)
{
    return (long)(option == 0 ? otherwise : option);
}

/* The options of this transfer that have numbers as values. */
static CURLcode set_numbers(const struct transfer *transfer)
{
    const struct hm_fetch_options *options = transfer->remote->options;
    bool is_metadata = transfer->request->is_metadata;
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOPROGRESS, !transfer_takes_gzip(transfer)},
        {CURLOPT_HTTPGET, 1},
        /* Limits count the bytes that are hashed: on_body sees them decoded. */
        {CURLOPT_HTTP_CONTENT_DECODING, transfer_takes_gzip(transfer)},
        {CURLOPT_MAXCONNECTS, 4},
        {CURLOPT_CONNECTTIMEOUT, seconds(options->connect_timeout_s, HM_FETCH_CONNECT_TIMEOUT_S)},
        {CURLOPT_LOW_SPEED_LIMIT, HM_FETCH_STALL_BYTES_S},
        {CURLOPT_LOW_SPEED_TIME, seconds(options->stall_timeout_s, HM_FETCH_STALL_TIMEOUT_S)},
        {CURLOPT_TIMEOUT,
         is_metadata ? seconds(options->metadata_timeout_s, HM_FETCH_METADATA_TIMEOUT_S) : 0},
        {CURLOPT_BUFFERSIZE, is_metadata ? METADATA_BUFFER_SIZE : STREAM_BUFFER_SIZE},
    };
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < HM_ARRAY_COUNT(numbers) && code == CURLE_OK; i++)
        code = transfer->remote->curl->easy_setopt(transfer->remote->easy, numbers[i].option,
                                                   numbers[i].value);
    return code;
}

/* Likewise those with strings; libcurl copies them. */
static CURLcode set_strings(const struct transfer *transfer)
{
    const struct hm_curl *curl = transfer->remote->curl;
    CURL *easy = transfer->remote->easy;
    char range[32] = "";
    CURLcode code;

    (void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)transfer->offset);
    code = curl->easy_setopt(easy, CURLOPT_ACCEPT_ENCODING,
                             transfer_takes_gzip(transfer) ? "gzip" : (char *)NULL);
    if (code == CURLE_OK && transfer->offset > 0)
        code = curl->easy_setopt(easy, CURLOPT_RANGE, range);
    return code;
}

/* What only the site's own server is told. */
static CURLcode set_own(struct transfer *transfer, const struct hm_target *target)
{
    const struct hm_fetch_options *options = transfer->remote->options;
    const struct hm_target_token token = {options->token, options->token_url};
    const struct hm_curl *curl = transfer->remote->curl;
    CURL *easy = transfer->remote->easy;
    char line[sizeof("Hallmark-Delivery: ") + HM_FETCH_DELIVERY_SIZE];
    CURLcode code;

    if (!hm_target_is_for_token(target, &token))
        return CURLE_OK;
    code = hm_target_set_token(curl, easy, &token);
    if (code != CURLE_OK || transfer->request->is_metadata || options->delivery[0] == '\0')
        return code;
    (void)snprintf(line, sizeof(line), "Hallmark-Delivery: %s", options->delivery); /* fits */
    transfer->headers = curl->slist_append(NULL, line);
    if (transfer->headers == NULL)
        return CURLE_OUT_OF_MEMORY;
    return curl->easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static CURLcode set_callbacks(struct transfer *transfer)
{
    const struct hm_curl *curl = transfer->remote->curl;
    CURL *easy = transfer->remote->easy;
    CURLcode code = curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->cause);

    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    /* Refuses a declared length at once; on_body counts the rest (0 means no limit here). */
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, transfer_wire_max(transfer));
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    return code;
}

/* Reads the outcome of an answer whose body is not the object. */
static enum hm_rc transfer_judge_other(const struct transfer *transfer, long status,
                                       enum next *ret_next)
{
    struct hm_bytes shown = hm_url_shown(transfer->url);

    if (status == 404 || status == 410)
        return hm_fail(transfer->err, HM_ENOTFOUND, "'%.*s': the server has no such object (%ld)",
                       HM_BYTES_FMT(shown), status);
    if (transfer->offset > 0 && (status == 206 || status == 416)) {
        *ret_next = NEXT_FROM_START;
        return HM_OK;
    }
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
        if (transfer->request->is_metadata)
            return hm_fail(
                transfer->err, HM_ENETWORK,
                "'%.*s': the server answered with a redirect (%ld), which is not followed "
                "for metadata: give the URL it leads to",
                HM_BYTES_FMT(shown), status);
        *ret_next = NEXT_REDIRECT;
        return HM_OK;
    }
    if (status == 401)
        return hm_fail(transfer->err, HM_ENETWORK,
                       "'%.*s': the server wants a token that counts (401): give the one that the "
                       "site's operator sends with 'hallmark trust policy SITE --token-file FILE'",
                       HM_BYTES_FMT(shown));
    if (status == 403)
        return hm_fail(transfer->err, HM_ENETWORK,
                       "'%.*s': the server does not grant this (403): ask the site's operator",
                       HM_BYTES_FMT(shown));
    return hm_fail(transfer->err, HM_ENETWORK, "'%.*s': the server answered with status %ld",
                   HM_BYTES_FMT(shown), status);
}

/* Reads the outcome of a finished transfer. */
static enum hm_rc transfer_judge(struct transfer *transfer, CURLcode code, enum next *ret_next)
{
    struct hm_bytes shown = hm_url_shown(transfer->url);
    long status = transfer_status(transfer);

    if (transfer->rc != HM_OK)
        return transfer->rc;
    if (status != 0 && !transfer_is_wanted(transfer, status))
        return transfer_judge_other(transfer, status, ret_next);
    if (code == CURLE_FILESIZE_EXCEEDED)
        return hm_fetch_too_long(transfer->err, transfer->url, transfer->request->size_max);
    if (code != CURLE_OK)
        return hm_fail(transfer->err, HM_ENETWORK, "'%.*s': %s", HM_BYTES_FMT(shown),
                       transfer->cause[0] != '\0' ? transfer->cause
                                                  : transfer->remote->curl->easy_strerror(code));
    HM_TRY(transfer_begin(transfer, status));
    /* A server may send less than the rest that was asked for. */
    if (transfer->range.is_valid && transfer->range.has_total && status == 206 &&
        transfer->position != transfer->range.total)
        return hm_fail(transfer->err, HM_ENETWORK, "'%.*s': the server sent %llu of %llu bytes",
                       HM_BYTES_FMT(shown), (unsigned long long)transfer->position,
                       (unsigned long long)transfer->range.total);
    *ret_next = NEXT_DONE;
    return HM_OK;
}

static enum hm_rc transfer_run(struct transfer *transfer, const struct hm_target *target,
                               enum next *ret_next)
{
    const struct hm_curl *curl = transfer->remote->curl;
    CURL *easy = transfer->remote->easy;
    enum hm_rc rc;
    CURLcode code;

    const struct hm_target_options common = {
        .proxy = transfer->remote->options->proxy,
        .ca_file = transfer->remote->options->ca_file,
        .user_agent = transfer->remote->options->user_agent,
        .has_ca_folder = transfer->remote->has_ca_folder,
    };

    curl->easy_reset(easy); /* keeps the connections */
    code = hm_target_set(target, easy, &common);
    if (code == CURLE_OK)
        code = set_own(transfer, target);
    if (code == CURLE_OK)
        code = set_numbers(transfer);
    if (code == CURLE_OK)
        code = set_strings(transfer);
    if (code == CURLE_OK)
        code = set_callbacks(transfer);
    if (code != CURLE_OK) {
        rc = hm_fail(transfer->err, code == CURLE_OUT_OF_MEMORY ? HM_ENOMEM : HM_ENETWORK,
                     "libcurl refuses an option: %s", curl->easy_strerror(code));
    } else {
        code = curl->easy_perform(easy);
        rc = transfer_judge(transfer, code, ret_next);
    }
    /* They are of this run; the address of the next hop is read from the handle later. */
    (void)curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, (char *)NULL);
    (void)curl->easy_setopt(easy, CURLOPT_HTTPHEADER, (struct curl_slist *)NULL);
    if (transfer->headers != NULL)
        curl->slist_free_all(transfer->headers);
    transfer->headers = NULL;
    return rc;
}

/* Replaces url and target by where the last answer leads, if that is allowed. */
static enum hm_rc follow(const struct hm_fetch_remote *remote, const char *first_url,
                         struct hm_buf *url, struct hm_target *target, struct hm_err *err)
{
    struct hm_target next = {.url = NULL};
    struct hm_bytes shown = hm_url_shown(first_url);
    const char *location = NULL;
    const char *reason;

    if (remote->curl->easy_getinfo(remote->easy, CURLINFO_REDIRECT_URL, &location) != CURLE_OK ||
        location == NULL)
        return hm_fail(err, HM_ENETWORK, "'%.*s': a redirect leads nowhere", HM_BYTES_FMT(shown));
    reason = hm_target_parse(remote->curl, location, remote->options->allow_plain_http, &next);
    if (reason == NULL && target->is_https && !next.is_https)
        reason = "a redirect from https:// to http:// is not followed";
    if (reason == NULL && next.is_loopback && !target->is_loopback)
        reason = "a redirect to a loopback address is not followed";
    if (reason != NULL) {
        enum hm_rc rc = hm_fail(err, HM_ENETWORK, "'%.*s': redirected to '%.*s', but %s",
                                HM_BYTES_FMT(shown), HM_BYTES_FMT(hm_url_shown(location)), reason);

        hm_target_done(&next);
        return rc;
    }
    hm_target_done(target);
    *target = next;
    hm_buf_clear(url);
    return hm_buf_append_str(url, location, err);
}

enum hm_rc hm_fetch_remote_new(const struct hm_fetch_options *options, struct hm_err *err,
                               struct hm_fetch_remote **ret_remote)
{
    _hm_free_(hm_fetch_remote_free) struct hm_fetch_remote *remote = calloc(1, sizeof(*remote));

    if (remote == NULL)
        return hm_error_nomem(err);
    remote->options = options;
    HM_TRY(hm_curl_load(err, &remote->curl));
    remote->easy = remote->curl->easy_init();
    if (remote->easy == NULL)
        return hm_error_nomem(err);
    remote->has_ca_folder = hm_curl_has_ca_folder(remote->curl);
    remote->has_gzip = hm_curl_has_gzip(remote->curl);
    *ret_remote = hm_steal(&remote);
    return HM_OK;
}

void hm_fetch_remote_free(struct hm_fetch_remote *remote)
{
    if (remote == NULL)
        return;
    if (remote->easy != NULL)
        remote->curl->easy_cleanup(remote->easy);
    free(remote);
}

enum hm_rc hm_fetch_remote_stream(struct hm_fetch_remote *remote, const char *url,
                                  const struct hm_fetch_request *request,
                                  const struct hm_fetch_sink *sink, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf current = HM_BUF_INIT(HM_URL_SIZE_MAX);
    _hm_done_(hm_target_done) struct hm_target target = {.url = NULL};
    const char *reason =
        hm_target_parse(remote->curl, url, remote->options->allow_plain_http, &target);
    uint64_t offset = request->offset;
    unsigned redirect_count = 0;

    if (reason != NULL)
        return hm_fail(err, HM_EUSAGE, "'%.*s' is not fetched: %s", HM_BYTES_FMT(hm_url_shown(url)),
                       reason);
    HM_TRY(hm_buf_append_str(&current, url, err));
    for (;;) {
        struct transfer transfer = {
            .remote = remote,
            .request = request,
            .sink = sink,
            .err = err,
            .url = hm_buf_str(&current),
            .offset = offset,
        };
        enum next next = NEXT_DONE;

        HM_TRY(transfer_run(&transfer, &target, &next));
        if (next == NEXT_DONE)
            return HM_OK;
        if (next == NEXT_FROM_START) { /* once: the next transfer has no offset */
            HM_TRY(sink->restart(sink->ctx, err));
            offset = 0;
            continue;
        }
        if (++redirect_count > HM_FETCH_REDIRECT_COUNT_MAX)
            return hm_fail(err, HM_ENETWORK, "'%.*s': more than %d redirects",
                           HM_BYTES_FMT(hm_url_shown(url)), HM_FETCH_REDIRECT_COUNT_MAX);
        HM_TRY(follow(remote, url, &current, &target, err));
    }
}
