/* SPDX-License-Identifier: Apache-2.0 */
/* Posting through libcurl's multi interface. See post.h. */
#include "net/post.h"

#include <strings.h>

#include "base/time.h"
#include "net/target.h"
#include "net/url.h"

#define BUFFER_SIZE 16384L

struct exchange {
    struct hm_post *post; /* NULL: the place is free */
    CURL *easy;
    struct curl_slist *headers;
    struct hm_target target;
    struct hm_buf url;
    struct hm_buf answer;
    size_t number;
    size_t header_size;
    bool is_cut;
    bool is_header_too_long;
    char type[HM_POST_TYPE_SIZE];
    char cause[CURL_ERROR_SIZE];
};

struct hm_post {
    const struct hm_curl *curl;
    const struct hm_post_options *options;
    CURLM *multi;
    bool has_ca_folder;
    struct exchange *answered; /* whose answer the caller may be looking at */
    struct exchange exchanges[HM_POST_COUNT_MAX];
};

static void exchange_done(struct exchange *exchange)
{
    struct hm_post *post = exchange->post;

    if (post == NULL)
        return;
    if (exchange->easy != NULL) {
        /* One that was never added is none of multi's, which says so. */
        (void)post->curl->multi_remove_handle(post->multi, exchange->easy);
        post->curl->easy_cleanup(exchange->easy);
    }
    if (exchange->headers != NULL)
        post->curl->slist_free_all(exchange->headers);
    hm_target_done(&exchange->target);
    hm_buf_done(&exchange->url);
    hm_buf_done(&exchange->answer);
    *exchange = (struct exchange){.post = NULL};
}

/* Called for each line of the headers, interim answers and trailers included. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    static const char name[] = "content-type:";
    struct exchange *exchange = ctx;
    struct hm_bytes line = hm_bytes_make(data, count); /* size is always 1 */

    (void)size;
    if (count > HM_POST_HEADER_SIZE_MAX - exchange->header_size) {
        exchange->is_header_too_long = true;
        return 0;
    }
    exchange->header_size += count;
    if (hm_bytes_has_prefix(line, HM_BYTES_LITERAL("HTTP/")))
        exchange->type[0] = '\0';
    while (line.size > 0 && strchr("\r\n \t", line.data[line.size - 1]) != NULL)
        line.size--;
    if (line.size <= strlen(name) || strncasecmp(data, name, strlen(name)) != 0)
        return count;
    line = hm_bytes_make(line.data + strlen(name), line.size - strlen(name));
    while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        line = hm_bytes_make(line.data + 1, line.size - 1);
    (void)snprintf(exchange->type, sizeof(exchange->type), "%.*s", HM_BYTES_FMT(line));
    return count;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    size_t room = exchange->answer.size_max - exchange->answer.size;

    (void)size; /* always 1 */
    exchange->is_cut = count > room;
    if (hm_buf_append(&exchange->answer, hm_bytes_make(data, exchange->is_cut ? room : count),
                      NULL) != HM_OK ||
        exchange->is_cut)
        return 0;
    return count;
}

static CURLcode set_numbers(const struct exchange *exchange, const struct hm_post_request *request)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOPROGRESS, 1},
        {CURLOPT_POST, 1},
        {CURLOPT_HTTP_CONTENT_DECODING, 0}, /* none was asked for */
        {CURLOPT_CONNECTTIMEOUT_MS, (long)request->deadline_ms},
        {CURLOPT_TIMEOUT_MS, (long)request->deadline_ms},
        {CURLOPT_BUFFERSIZE, BUFFER_SIZE},
#if LIBCURL_VERSION_NUM >= 0x075700
        /* A name that is still being looked up must not hold up the end. An older library does not
         * know the option; then it waits for the resolver. */
        {CURLOPT_QUICK_EXIT, 1},
#endif
    };
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < HM_ARRAY_COUNT(numbers) && code == CURLE_OK; i++) {
        code =
            exchange->post->curl->easy_setopt(exchange->easy, numbers[i].option, numbers[i].value);
        if (code == CURLE_UNKNOWN_OPTION)
            code = CURLE_OK;
    }
    return code;
}

static CURLcode set_body(struct exchange *exchange, const struct hm_post_request *request)
{
    const struct hm_curl *curl = exchange->post->curl;
    CURL *easy = exchange->easy;
    CURLcode code = curl->easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);

    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, (const char *)request->body.data);
    return code;
}

static CURLcode set_callbacks(struct exchange *exchange)
{
    const struct hm_curl *curl = exchange->post->curl;
    CURL *easy = exchange->easy;
    CURLcode code = curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->cause);

    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    return code;
}

static enum hm_rc make_headers(struct exchange *exchange, const struct hm_post_request *request,
                               struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf type = HM_BUF_INIT(HM_POST_TYPE_SIZE);
    const struct hm_curl *curl = exchange->post->curl;
    struct curl_slist *longer;

    HM_TRY(hm_buf_append_fmt(&type, err, "Content-Type: %s", request->content_type));
    exchange->headers = curl->slist_append(NULL, hm_buf_str(&type));
    if (exchange->headers == NULL)
        return hm_error_nomem(err);
    /* No question whether the body is welcome: it costs a round trip, and is short. */
    longer = curl->slist_append(exchange->headers, "Expect:");
    return longer == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc exchange_start(struct exchange *exchange, const struct hm_post_request *request,
                                 struct hm_err *err)
{
    struct hm_post *post = exchange->post;
    const struct hm_target_options common = {
        .proxy = post->options->proxy,
        .ca_file = post->options->ca_file,
        .user_agent = post->options->user_agent,
        .has_ca_folder = post->has_ca_folder,
    };
    const struct hm_target_token token = {post->options->token, post->options->token_url};
    const char *reason;
    CURLcode code;

    HM_TRY(hm_buf_append_str(&exchange->url, request->url, err));
    reason = hm_target_parse(post->curl, request->url, post->options->allow_plain_http,
                             &exchange->target);
    if (reason != NULL)
        return hm_fail(err, HM_EUSAGE, "'%.*s' is not asked: %s",
                       HM_BYTES_FMT(hm_url_shown(request->url)), reason);
    exchange->easy = post->curl->easy_init();
    if (exchange->easy == NULL)
        return hm_error_nomem(err);
    HM_TRY(make_headers(exchange, request, err));
    code = hm_target_set(&exchange->target, exchange->easy, &common);
    if (code == CURLE_OK)
        code = set_numbers(exchange, request);
    if (code == CURLE_OK && hm_target_is_for_token(&exchange->target, &token))
        code = hm_target_set_token(post->curl, exchange->easy, &token);
    if (code == CURLE_OK)
        code = set_body(exchange, request);
    if (code == CURLE_OK)
        code = set_callbacks(exchange);
    if (code != CURLE_OK)
        return hm_fail(err, code == CURLE_OUT_OF_MEMORY ? HM_ENOMEM : HM_ENETWORK,
                       "libcurl refuses an option: %s", post->curl->easy_strerror(code));
    if (post->curl->multi_add_handle(post->multi, exchange->easy) != CURLM_OK)
        return hm_fail(err, HM_EINTERNAL, "libcurl does not take another request");
    return HM_OK;
}

enum hm_rc hm_post_new(const struct hm_post_options *options, struct hm_err *err,
                       struct hm_post **ret_post)
{
    _hm_free_(hm_post_free) struct hm_post *post = calloc(1, sizeof(*post));

    if (post == NULL)
        return hm_error_nomem(err);
    post->options = options;
    HM_TRY(hm_curl_load(err, &post->curl));
    post->multi = post->curl->multi_init();
    if (post->multi == NULL)
        return hm_error_nomem(err);
    post->has_ca_folder = hm_curl_has_ca_folder(post->curl);
    *ret_post = hm_steal(&post);
    return HM_OK;
}

void hm_post_free(struct hm_post *post)
{
    if (post == NULL)
        return;
    for (size_t i = 0; i < HM_POST_COUNT_MAX; i++)
        exchange_done(&post->exchanges[i]);
    if (post->multi != NULL)
        (void)post->curl->multi_cleanup(post->multi); /* has nothing left */
    free(post);
}

enum hm_rc hm_post_start(struct hm_post *post, const struct hm_post_request *request,
                         struct hm_err *err)
{
    struct exchange *exchange = NULL;
    enum hm_rc rc;

    for (size_t i = 0; i < HM_POST_COUNT_MAX && exchange == NULL; i++) {
        if (post->exchanges[i].post == NULL)
            exchange = &post->exchanges[i];
    }
    if (exchange == NULL)
        return hm_fail(err, HM_EUSAGE, "more than %d requests at once", HM_POST_COUNT_MAX);
    *exchange = (struct exchange){
        .post = post,
        .number = request->number,
        .url = HM_BUF_INIT(HM_URL_SIZE_MAX + 1),
        .answer = HM_BUF_INIT(request->answer_size_max),
    };
    rc = exchange_start(exchange, request, err);
    if (rc != HM_OK)
        exchange_done(exchange);
    return rc;
}

static void judge(const struct exchange *exchange, CURLcode code, struct hm_post_answer *ret_answer)
{
    const struct hm_curl *curl = exchange->post->curl;
    struct hm_bytes shown = hm_url_shown(hm_buf_str(&exchange->url));
    long status = 0;

    *ret_answer = (struct hm_post_answer){.number = exchange->number, .is_cut = exchange->is_cut};
    if (exchange->is_header_too_long) {
        ret_answer->rc = hm_fail(&ret_answer->err, HM_ENETWORK,
                                 "'%.*s': the headers of the answer are longer than %zu bytes",
                                 HM_BYTES_FMT(shown), HM_POST_HEADER_SIZE_MAX);
        return;
    }
    if (code != CURLE_OK && !exchange->is_cut) {
        ret_answer->rc =
            hm_fail(&ret_answer->err, HM_ENETWORK, "'%.*s': %s", HM_BYTES_FMT(shown),
                    exchange->cause[0] != '\0' ? exchange->cause : curl->easy_strerror(code));
        return;
    }
    if (curl->easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
        status < 100 || status > 999) {
        ret_answer->rc = hm_fail(&ret_answer->err, HM_ENETWORK, "'%.*s': no status in the answer",
                                 HM_BYTES_FMT(shown));
        return;
    }
    ret_answer->status = (unsigned)status;
    ret_answer->body = hm_buf_bytes(&exchange->answer);
    memcpy(ret_answer->type, exchange->type, sizeof(ret_answer->type));
}

/* NULL: none has ended. */
static struct exchange *next_ended(struct hm_post *post, CURLcode *ret_code)
{
    int left = 0;
    const CURLMsg *message;

    while ((message = post->curl->multi_info_read(post->multi, &left)) != NULL) {
        void *ctx = NULL;

        if (message->msg != CURLMSG_DONE ||
            post->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&ctx) !=
                CURLE_OK)
            continue;
        *ret_code = message->data.result;
        return ctx;
    }
    return NULL;
}

static bool is_idle(const struct hm_post *post)
{
    for (size_t i = 0; i < HM_POST_COUNT_MAX; i++) {
        if (post->exchanges[i].post != NULL)
            return false;
    }
    return true;
}

enum hm_rc hm_post_wait(struct hm_post *post, uint32_t wait_ms, struct hm_err *err,
                        struct hm_post_answer *ret_answer)
{
    int64_t end = hm_time_monotonic_ms() + wait_ms;

    if (post->answered != NULL)
        exchange_done(post->answered);
    post->answered = NULL;
    if (is_idle(post))
        return hm_fail(err, HM_ENOTFOUND, "no request is under way");
    for (;;) {
        int running = 0;
        CURLcode code = CURLE_OK;
        CURLMcode multi_code = post->curl->multi_perform(post->multi, &running);
        int64_t left;

        post->answered = next_ended(post, &code);
        if (post->answered != NULL) {
            judge(post->answered, code, ret_answer);
            return HM_OK;
        }
        left = end - hm_time_monotonic_ms();
        if (left <= 0)
            return hm_fail(err, HM_EAGAIN, "no answer within %u ms", wait_ms);
        if (multi_code == CURLM_OK)
            multi_code = post->curl->multi_poll(post->multi, NULL, 0, (int)left, NULL);
        if (multi_code != CURLM_OK)
            return hm_fail(err, multi_code == CURLM_OUT_OF_MEMORY ? HM_ENOMEM : HM_EINTERNAL,
                           "libcurl cannot go on with the requests (%d)", (int)multi_code);
    }
}
