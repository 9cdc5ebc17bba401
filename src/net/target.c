/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for where requests go, and their common options. See target.h. */
#include "net/target.h"

#include "net/fetch.h"

#include <strings.h>

#include "net/url.h"

void hm_target_done(struct hm_target *target)
{
    if (target->url != NULL)
        target->curl->url_cleanup(target->url);
    target->url = NULL;
}

/* Why a parsed URL is not asked; NULL if it may be. scheme and host are NULL where it has none. */
static const char *fill(struct hm_target *target, const char *scheme, const char *host,
                        bool allow_plain_http)
{
    if (scheme == NULL || (strcasecmp(scheme, "https") != 0 && strcasecmp(scheme, "http") != 0))
        return "it is neither https:// nor http://";
    if (host == NULL)
        return "it names no host";
    target->is_https = strcasecmp(scheme, "https") == 0;
    target->is_loopback = hm_url_is_loopback(host);
    if (!target->is_https && !target->is_loopback && !allow_plain_http)
        return "plain http:// shows everyone on the way what is fetched: use https://, or allow "
               "plain HTTP explicitly";
    return NULL;
}

const char *hm_target_parse(const struct hm_curl *curl, const char *url, bool allow_plain_http,
                            struct hm_target *ret_target)
{
    char *scheme = NULL;
    char *host = NULL;
    const char *reason = "it is malformed";
    CURLUcode code;

    ret_target->curl = curl;
    ret_target->url = curl->url();
    if (ret_target->url == NULL)
        return "memory is exhausted";
    if (strlen(url) > HM_URL_SIZE_MAX)
        return "it is too long";
    code = curl->url_set(ret_target->url, CURLUPART_URL, url, CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED)
        return "a URL holds no user name or password";
    if (code == CURLUE_OK) {
        /* What is missing stays NULL. */
        (void)curl->url_get(ret_target->url, CURLUPART_SCHEME, &scheme, 0);
        (void)curl->url_get(ret_target->url, CURLUPART_HOST, &host, 0);
        reason = fill(ret_target, scheme, host, allow_plain_http);
    }
    curl->free(scheme);
    curl->free(host);
    return reason;
}

static bool is_same_part(const struct hm_target *a, const struct hm_target *b, CURLUPart part,
                         unsigned flags)
{
    char *one = NULL;
    char *two = NULL;
    bool is_same = a->curl->url_get(a->url, part, &one, flags) == CURLUE_OK &&
                   b->curl->url_get(b->url, part, &two, flags) == CURLUE_OK &&
                   strcasecmp(one, two) == 0;

    a->curl->free(one);
    a->curl->free(two);
    return is_same;
}

bool hm_target_is_same_server(const struct hm_target *a, const struct hm_target *b)
{
    return is_same_part(a, b, CURLUPART_SCHEME, 0) && is_same_part(a, b, CURLUPART_HOST, 0) &&
           is_same_part(a, b, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

static CURLcode set_numbers(const struct hm_target *target, CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        /* One transfer at a time and server: HTTP/2 would add code and memory, and no speed. */
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_HTTP_TRANSFER_DECODING, 1},
        {CURLOPT_TRANSFER_ENCODING, 0},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_MAXREDIRS, 0},
        {CURLOPT_FAILONERROR, 0}, /* would close the connection at each 404 */
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_PROXY_SSL_VERIFYPEER, 1},
        {CURLOPT_PROXY_SSL_VERIFYHOST, 2},
        {CURLOPT_TCP_KEEPALIVE, 1},
    };
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < HM_ARRAY_COUNT(numbers) && code == CURLE_OK; i++)
        code = target->curl->easy_setopt(easy, numbers[i].option, numbers[i].value);
    return code;
}

CURLcode hm_target_set(const struct hm_target *target, CURL *easy,
                       const struct hm_target_options *options)
{
    const struct hm_curl *curl = target->curl;
    CURLcode code = curl->easy_setopt(easy, CURLOPT_CURLU, target->url);

    if (code == CURLE_OK)
        code = set_numbers(target, easy);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_USERAGENT,
                                 options->user_agent == NULL ? "hallmark/" HM_VERSION
                                                             : options->user_agent);
    if (code == CURLE_OK && options->proxy != NULL)
        code = curl->easy_setopt(easy, CURLOPT_PROXY, options->proxy);
    /* What is local stays local: a proxy's loopback is another machine. */
    if (code == CURLE_OK && target->is_loopback)
        code = curl->easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (code == CURLE_OK && options->ca_file != NULL) {
        code = curl->easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        /* The folder of the system's authorities would be trusted beside the file. */
        if (code == CURLE_OK)
            code = curl->easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
    } else if (code == CURLE_OK && options->has_ca_folder) {
        code = curl->easy_setopt(easy, CURLOPT_CAINFO, (char *)NULL);
    }
    return code;
}

bool hm_target_is_for_token(const struct hm_target *target, const struct hm_target_token *token)
{
    struct hm_target own = {.url = NULL};
    bool is_own;

    if (token->text == NULL || token->url == NULL || (!target->is_https && !target->is_loopback))
        return false;
    is_own = hm_target_parse(target->curl, token->url, true, &own) == NULL &&
             hm_target_is_same_server(&own, target);
    hm_target_done(&own);
    return is_own;
}

CURLcode hm_target_set_token(const struct hm_curl *curl, CURL *easy,
                             const struct hm_target_token *token)
{
    const char *dot = strrchr(token->text, '.');
    char user[HM_FETCH_TOKEN_SIZE_MAX + 1];
    CURLcode code;

    if (dot == NULL || strlen(token->text) > HM_FETCH_TOKEN_SIZE_MAX)
        return CURLE_BAD_FUNCTION_ARGUMENT;
    memcpy(user, token->text, (size_t)(dot - token->text));
    user[dot - token->text] = '\0';
    code = curl->easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_USERNAME, user);
    if (code == CURLE_OK)
        code = curl->easy_setopt(easy, CURLOPT_PASSWORD, dot + 1);
    return code;
}
