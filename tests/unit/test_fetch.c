/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching, from files and from a server whose answers are good, bad and hostile. */
#include "net/fetch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "http_server.h"
#include "net/curl.h"

#define SIZE HTTP_SERVER_DATA_SIZE

/* Nothing here may take longer than the limits it sets: 1 s, and some for a busy machine. */
#define SECONDS_MAX 6

static struct http_server *server;
static struct hm_fetch *fetch; /* with limits of one second */
static char folder[] = "/tmp/hm-test-fetch-XXXXXX";

static struct hm_fetch *fetch_make(struct hm_fetch_options options)
{
    struct hm_fetch *made = NULL;

    options.connect_timeout_s = 1;
    options.stall_timeout_s = 1;
    options.metadata_timeout_s = 1;
    assert_int_equal(hm_fetch_new(&options, NULL, &made), HM_OK);
    return made;
}

static const char *server_url(const char *host, const char *path)
{
    static char url[512];

    (void)snprintf(url, sizeof(url), "http://%s:%u%s", host, http_server_port(server), path);
    return url;
}

static const char *local(const char *path)
{
    return server_url("127.0.0.1", path);
}

static int setup(void **state)
{
    (void)state;
    server = http_server_start();
    fetch = fetch_make((struct hm_fetch_options){0});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hm_fetch_free(fetch);
    http_server_stop(server);
    return 0;
}

/* A sink that remembers, and fails when told to. */
struct memory {
    struct hm_buf buf;
    unsigned restart_count;
    bool fails_write;
    bool fails_restart;
};

static enum hm_rc memory_write(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    struct memory *memory = ctx;

    if (memory->fails_write)
        return hm_fail(err, HM_EBUSY, "the sink is full");
    return hm_buf_append(&memory->buf, bytes, err);
}

static enum hm_rc memory_restart(void *ctx, struct hm_err *err)
{
    struct memory *memory = ctx;

    if (memory->fails_restart)
        return hm_fail(err, HM_ECLOCK, "the sink cannot restart");
    memory->restart_count++;
    hm_buf_clear(&memory->buf);
    return HM_OK;
}

/* One that has the first offset bytes of the object, or (past its end) only as many. */
static struct memory memory_make(size_t offset)
{
    struct memory memory = {.buf = HM_BUF_INIT((size_t)4 * SIZE)};
    struct hm_bytes start = hm_bytes_make(http_server_data(), offset < SIZE ? offset : SIZE);

    assert_int_equal(hm_buf_append(&memory.buf, start, NULL), HM_OK);
    return memory;
}

static enum hm_rc stream_into(struct memory *memory, const char *url, uint64_t offset,
                              uint64_t size_max, struct hm_err *err)
{
    struct hm_fetch_sink sink = {memory_write, memory_restart, memory};
    time_t before = time(NULL);
    enum hm_rc rc = hm_fetch_stream(fetch, url, offset, size_max, &sink, err);

    assert_true(time(NULL) - before <= SECONDS_MAX);
    return rc;
}

static void assert_is_data(const struct hm_buf *buf)
{
    assert_int_equal(buf->size, SIZE);
    assert_memory_equal(buf->data, http_server_data(), SIZE);
}

/* hm_fetch_get of at most size_max bytes gives rc, and a sentence with the words. */
static void assert_get(const char *url, size_t size_max, enum hm_rc expected, const char *words)
{
    struct hm_buf buf = HM_BUF_INIT(size_max);
    struct hm_err err = HM_ERR_INIT;
    time_t before = time(NULL);
    enum hm_rc rc = hm_fetch_get(fetch, url, &err, &buf);

    assert_true(time(NULL) - before <= SECONDS_MAX);
    if (rc != expected || (words != NULL && strstr(err.text, words) == NULL))
        print_error("%s: %s %s\n", url, hm_error_name(rc), err.text);
    assert_int_equal(rc, expected);
    if (expected != HM_OK) {
        assert_int_equal(err.rc, expected);
        assert_int_equal(buf.size, 0);
    }
    if (words != NULL)
        assert_non_null(strstr(err.text, words));
    hm_buf_done(&buf);
}

/* hm_fetch_stream from offset gives rc, this many restarts, and (if HM_OK) the object. */
static void assert_stream(const char *url, size_t offset, uint64_t size_max, enum hm_rc expected,
                          unsigned restart_count, const char *words)
{
    struct memory memory = memory_make(offset);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = stream_into(&memory, url, offset, size_max, &err);

    if (rc != expected || (words != NULL && strstr(err.text, words) == NULL))
        print_error("%s: %s %s\n", url, hm_error_name(rc), err.text);
    assert_int_equal(rc, expected);
    assert_int_equal(memory.restart_count, restart_count);
    if (words != NULL)
        assert_non_null(strstr(err.text, words));
    if (expected == HM_OK)
        assert_is_data(&memory.buf);
    hm_buf_done(&memory.buf);
}

/* --- metadata --- */

static void test_get__appends_the_object(void **state)
{
    struct hm_buf buf = HM_BUF_INIT(SIZE + 2);

    assert_int_equal(hm_buf_append_str(&buf, "x:", NULL), HM_OK);
    assert_int_equal(hm_fetch_get(fetch, local("/range/good"), NULL, &buf), HM_OK);
    assert_int_equal(buf.size, SIZE + 2);
    assert_memory_equal(buf.data, "x:", 2);
    assert_memory_equal(buf.data + 2, http_server_data(), SIZE);
    hm_buf_done(&buf);
}

static void test_get__leaves_the_buffer_as_it_was_on_failure(void **state)
{
    struct hm_buf buf = HM_BUF_INIT(2000);

    assert_int_equal(hm_buf_append_str(&buf, "x:", NULL), HM_OK);
    assert_int_equal(hm_fetch_get(fetch, local("/short"), NULL, &buf), HM_ENETWORK);
    assert_string_equal(hm_buf_str(&buf), "x:");
    hm_buf_done(&buf);
}

static void test_get__takes_an_empty_object(void **state)
{
    assert_get(local("/empty"), 0, HM_OK, NULL);
}

static void test_get__sends_only_what_it_should(void **state)
{
    const char *request;

    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    request = http_server_request(server);
    assert_non_null(strstr(request, "HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: hallmark/" HM_VERSION "\r\n"));
    assert_null(strstr(request, "Encoding"));
    assert_null(strstr(request, "Range"));
    assert_null(strstr(request, "Authorization"));
}

static void test_get__sends_the_user_agent_asked_for(void **state)
{
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.user_agent = "monitor/7"});
    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    assert_non_null(strstr(http_server_request(server), "\r\nUser-Agent: monitor/7\r\n"));
}

#define TOKEN "acme.1.hm1_secret"
#define SENT  "\r\nAuthorization: Basic YWNtZS4xOmhtMV9zZWNyZXQ=\r\n" /* acme.1:hm1_secret */

static void test_get__sends_the_token_to_its_server_alone(void **state)
{
    char own[512];
    char other[512];

    (void)snprintf(own, sizeof(own), "%s", local("/"));
    (void)snprintf(other, sizeof(other), "http://127.0.0.1:%u/", http_server_port(server) ^ 1U);
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.token = TOKEN, .token_url = own});
    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    assert_non_null(strstr(http_server_request(server), SENT));
    /* The same machine by another name is another server. */
    assert_get(server_url("localhost", "/range/good"), SIZE, HM_OK, NULL);
    assert_null(strstr(http_server_request(server), "Authorization"));
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.token = TOKEN, .token_url = other});
    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    assert_null(strstr(http_server_request(server), "Authorization"));
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.token = TOKEN});
    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    assert_null(strstr(http_server_request(server), "Authorization"));
    /* A server's https is not its http. */
    own[0] = '\0';
    (void)snprintf(own, sizeof(own), "https://127.0.0.1:%u/", http_server_port(server));
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.token = TOKEN, .token_url = own});
    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    assert_null(strstr(http_server_request(server), "Authorization"));
}

static void test_get__sends_no_token_in_clear_or_after_a_redirect(void **state)
{
    char own[512];

    (void)snprintf(own, sizeof(own), "%s", server_url("0.0.0.0", "/"));
    hm_fetch_free(fetch);
    fetch = fetch_make(
        (struct hm_fetch_options){.token = TOKEN, .token_url = own, .allow_plain_http = true});
    assert_get(server_url("0.0.0.0", "/range/good"), SIZE, HM_OK, NULL);
    assert_null(strstr(http_server_request(server), "Authorization"));
    (void)snprintf(own, sizeof(own), "%s", server_url("localhost", "/"));
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.token = TOKEN, .token_url = own});
    assert_get(server_url("localhost", "/status/401"), SIZE, HM_ENETWORK, "--token-file");
    assert_non_null(strstr(http_server_request(server), SENT));
    assert_get(server_url("localhost", "/status/403"), SIZE, HM_ENETWORK, "does not grant");
    assert_stream(server_url("localhost", "/redirect/loopback"), 0, SIZE, HM_OK, 0, NULL);
    assert_non_null(strstr(http_server_request(server), "GET /range/good "));
    assert_null(strstr(http_server_request(server), "Authorization"));
}

static void test_get__keeps_the_connection_over_answers_of_all_kinds(void **state)
{
    assert_get(local("/range/good"), SIZE, HM_OK, NULL);
    assert_get(local("/status/404"), SIZE, HM_ENOTFOUND, NULL);
    assert_get(local("/status/500"), SIZE, HM_ENETWORK, NULL);
    assert_get(local("/empty"), SIZE, HM_OK, NULL);
    assert_stream(local("/range/good"), 0, SIZE, HM_OK, 0, NULL);
    assert_int_equal(http_server_connection_count(server), 1);
    assert_int_equal(http_server_request_count(server), 5);
}

static void test_get__tells_missing_from_failing(void **state)
{
    assert_get(local("/status/404"), SIZE, HM_ENOTFOUND, "/status/404");
    assert_get(local("/status/410"), SIZE, HM_ENOTFOUND, "410");
    assert_get(local("/status/404"), 2, HM_ENOTFOUND, NULL); /* the error page is longer */
    assert_get(local("/404-declared"), 100, HM_ENOTFOUND, NULL);
    assert_get(local("/endless/404"), 100, HM_ENOTFOUND, NULL);
    assert_get(local("/status/403"), SIZE, HM_ENETWORK, "403");
    assert_get(local("/status/401"), SIZE, HM_ENETWORK, "401");
    assert_get(local("/status/500"), SIZE, HM_ENETWORK, "500");
    assert_get(local("/status/203"), SIZE, HM_ENETWORK, "203");
    assert_get(local("/status/206"), SIZE, HM_ENETWORK, "206");
    assert_get(local("/status/416"), SIZE, HM_ENETWORK, "416");
    assert_get(local("/status/304"), SIZE, HM_ENETWORK, "304");
}

static void test_get__refuses_more_than_the_maximum(void **state)
{
    assert_get(local("/range/good"), SIZE - 1, HM_EFORMAT, "longer than the 99999 bytes allowed");
    assert_get(local("/range/good"), 0, HM_EFORMAT, "longer than the 0 bytes allowed");
    assert_get(local("/declared"), 1000, HM_EFORMAT, "longer than the 1000 bytes allowed");
    assert_get(local("/endless/plain"), 1000, HM_EFORMAT, "longer than the 1000 bytes allowed");
    assert_get(local("/endless/chunked"), 1000, HM_EFORMAT, "longer than the 1000 bytes allowed");
}

static void test_get__refuses_a_body_cut_short(void **state)
{
    assert_get(local("/short"), SIZE, HM_ENETWORK, "/short");
    assert_get(local("/short-chunk"), SIZE, HM_ENETWORK, "/short-chunk");
}

static void test_get__refuses_what_is_no_answer(void **state)
{
    assert_get(local("/closed"), SIZE, HM_ENETWORK, "/closed");
    assert_get(local("/garbage"), SIZE, HM_ENETWORK, "/garbage");
    assert_get(local("/endless/headers"), SIZE, HM_ENETWORK, "headers");
    assert_get(local("/endless/interim"), SIZE, HM_ENETWORK, "headers");
}

static void test_get__gives_up_on_a_server_that_stalls(void **state)
{
    assert_get(local("/slow/silent"), SIZE, HM_ENETWORK, "/slow/silent");
}

static void test_get__gives_up_on_a_transfer_without_end(void **state)
{
    assert_get(local("/slow/drip"), (size_t)10 * SIZE, HM_ENETWORK, "/slow/drip");
}

static void test_get__does_not_follow_redirects(void **state)
{
    assert_get(local("/redirect/0"), SIZE, HM_ENETWORK, "302");
    assert_int_equal(http_server_request_count(server), 1);
}

static void test_get__does_not_decode(void **state)
{
    struct hm_buf buf = HM_BUF_INIT(SIZE);

    assert_int_equal(hm_fetch_get(fetch, local("/encoded"), NULL, &buf), HM_OK);
    assert_int_equal(buf.size, 4);
    assert_memory_equal(buf.data, "\x1f\x8b\x08z", 4);
    hm_buf_done(&buf);
}

static void test_get__decodes_gzip_where_it_is_told_to(void **state)
{
    struct hm_fetch *plain = fetch;

    fetch = fetch_make((struct hm_fetch_options){.accept_gzip = true});
    for (size_t size_max = 7; size_max < 11; size_max++) {
        struct hm_buf buf = HM_BUF_INIT(size_max);
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_fetch_get(fetch, local("/gzip"), &err, &buf);

        /* What counts is the size of the object, not that of its 32 encoded bytes. */
        assert_int_equal(rc, size_max < 9 ? HM_EFORMAT : HM_OK);
        assert_string_equal(hm_buf_str(&buf), size_max < 9 ? "" : "hallmark\n");
        assert_non_null(strstr(http_server_request(server), "\r\nAccept-Encoding: gzip\r\n"));
        hm_buf_done(&buf);
    }
    assert_get(local("/encoded"), 100, HM_ENETWORK, NULL);
    assert_get(local("/endless/gzip-of-nothing"), 100, HM_EFORMAT, "longer than the 100 bytes");
    assert_get(local("/endless/plain"), 1000, HM_EFORMAT, "longer than the 1000 bytes allowed");
    assert_get(local("/range/whole"), SIZE, HM_OK, NULL);
    assert_get(local("/status/404"), SIZE, HM_ENOTFOUND, NULL);
    assert_stream(local("/range/whole"), 0, SIZE, HM_OK, 0, NULL);
    assert_null(strstr(http_server_request(server), "Accept-Encoding"));
    hm_fetch_free(fetch);
    fetch = plain;
    (void)state;
}

static void test_get__reports_a_port_that_nobody_listens_on(void **state)
{
    assert_get("http://127.0.0.1:1/x?secret=1", SIZE, HM_ENETWORK, "'http://127.0.0.1:1/x':");
}

static void test_get__refuses_urls(void **state)
{
    char url[9000];

    assert_get("", SIZE, HM_EUSAGE, NULL);
    assert_get("ftp://127.0.0.1/x", SIZE, HM_EUSAGE, "https://");
    assert_get("http://192.0.2.1/x", SIZE, HM_EUSAGE, "use https://");
    assert_get("http://127.0.0.1.example.com/x", SIZE, HM_EUSAGE, "use https://");
    assert_get("http://localhost.example.com/x", SIZE, HM_EUSAGE, "use https://");
    assert_get("http://127.0.0.1@192.0.2.1/x", SIZE, HM_EUSAGE, "user name");
    assert_get("https://user:password@192.0.2.1/x", SIZE, HM_EUSAGE, "user name");
    assert_get("http:///x", SIZE, HM_EUSAGE, NULL);
    assert_get("https://exa mple/x", SIZE, HM_EUSAGE, "malformed");
    assert_get("https://192.0.2.1:99999/x", SIZE, HM_EUSAGE, "malformed");
    memset(url, 'a', sizeof(url));
    memcpy(url, "https://", 8);
    url[sizeof(url) - 1] = '\0';
    assert_get(url, SIZE, HM_EUSAGE, NULL);
}

static void test_get__takes_plain_http_from_loopback_names(void **state)
{
    assert_get(server_url("localhost", "/empty"), SIZE, HM_OK, NULL);
    assert_get(server_url("127.0.0.1", "/empty"), SIZE, HM_OK, NULL);
    assert_get(server_url("0.0.0.0", "/empty"), SIZE, HM_EUSAGE, "use https://");
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.allow_plain_http = true});
    assert_get(server_url("0.0.0.0", "/empty"), SIZE, HM_OK, NULL);
}

static void test_get__goes_through_the_proxy_but_for_loopback(void **state)
{
    char proxy[64];

    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", http_server_port(server));
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.proxy = proxy, .allow_plain_http = true});
    assert_get("http://site.invalid/range/good", SIZE, HM_OK, NULL);
    assert_non_null(strstr(http_server_request(server), "GET http://site.invalid/range/good "));
    assert_get(local("/empty"), SIZE, HM_OK, NULL);
    assert_non_null(strstr(http_server_request(server), "GET /empty "));
    /* A proxy's 404 is no word of the server's. */
    assert_get("https://site.invalid/x", SIZE, HM_ENETWORK, "https://site.invalid/x");
    assert_non_null(strstr(http_server_request(server), "CONNECT site.invalid:443"));
}

static void test_get__takes_the_proxy_from_the_environment_unless_told_not_to(void **state)
{
    char proxy[64];

    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", http_server_port(server));
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.allow_plain_http = true});
    assert_get("http://site.invalid/empty", SIZE, HM_OK, NULL);
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.proxy = "", .allow_plain_http = true});
    assert_get(server_url("0.0.0.0", "/empty"), SIZE, HM_OK, NULL);
    assert_non_null(strstr(http_server_request(server), "GET /empty "));
    assert_int_equal(unsetenv("http_proxy"), 0);
}

/* --- streams --- */

static void test_stream__gives_the_whole(void **state)
{
    assert_stream(local("/range/good"), 0, SIZE, HM_OK, 0, NULL);
    assert_null(strstr(http_server_request(server), "Range"));
    assert_stream(local("/interim"), 0, SIZE, HM_OK, 0, NULL);
}

static void test_stream__continues_at_the_offset(void **state)
{
    assert_stream(local("/range/good"), 500, SIZE, HM_OK, 0, NULL);
    assert_non_null(strstr(http_server_request(server), "\r\nRange: bytes=500-\r\n"));
    assert_stream(local("/range/good"), SIZE - 1, SIZE, HM_OK, 0, NULL);
    assert_stream(local("/range/unknown-total"), 500, SIZE, HM_OK, 0, NULL);
}

static void test_stream__restarts_when_the_server_cannot_continue(void **state)
{
    assert_stream(local("/range/ignored"), 500, SIZE, HM_OK, 1, NULL);
    assert_stream(local("/interim"), 500, SIZE, HM_OK, 1, NULL);
    assert_int_equal(http_server_request_count(server), 2);
    assert_stream(local("/range/416"), 500, SIZE, HM_OK, 1, NULL);
    assert_stream(local("/range/good"), SIZE, SIZE, HM_OK, 1, NULL);
    assert_stream(local("/range/wrong"), 500, SIZE, HM_OK, 1, NULL);
    assert_stream(local("/range/malformed"), 500, SIZE, HM_OK, 1, NULL);
    assert_stream(local("/range/missing"), 500, SIZE, HM_OK, 1, NULL);
    assert_stream(local("/range/twice"), 500, SIZE, HM_OK, 1, NULL);
    assert_int_equal(http_server_request_count(server), 14);
    assert_null(strstr(http_server_request(server), "Range"));
}

static void test_stream__restarts_a_part_longer_than_the_whole(void **state)
{
    assert_stream(local("/range/good"), SIZE + 1, SIZE, HM_OK, 1, NULL);
    assert_int_equal(http_server_request_count(server), 1);
}

static void test_stream__restarts_before_an_empty_object(void **state)
{
    struct memory memory = memory_make(10);

    assert_int_equal(stream_into(&memory, local("/empty"), 10, SIZE, NULL), HM_OK);
    assert_int_equal(memory.restart_count, 1);
    assert_int_equal(memory.buf.size, 0);
    hm_buf_done(&memory.buf);
}

static void test_stream__gives_up_when_even_a_restart_fails(void **state)
{
    assert_stream(local("/status/416"), 500, SIZE, HM_ENETWORK, 1, "416");
    assert_stream(local("/status/206"), 500, SIZE, HM_ENETWORK, 1, "206");
    assert_stream(local("/status/404"), 500, SIZE, HM_ENOTFOUND, 0, NULL);
    /* No time-out ends this page: only its limit does. */
    assert_stream(local("/endless/404"), 0, SIZE, HM_ENOTFOUND, 0, NULL);
}

static void test_stream__refuses_more_than_the_maximum(void **state)
{
    assert_stream(local("/range/good"), 0, SIZE - 1, HM_EFORMAT, 0, "longer than the 99999 bytes");
    assert_stream(local("/range/good"), 500, SIZE - 1, HM_EFORMAT, 0, "longer than the 99999");
    assert_stream(local("/range/longer"), 500, SIZE, HM_EFORMAT, 0, "longer than the 100000 bytes");
    assert_stream(local("/endless/plain"), 0, SIZE, HM_EFORMAT, 0, "longer than the 100000 bytes");
    assert_stream(local("/endless/chunked"), 0, 300, HM_EFORMAT, 0, "longer than the 300 bytes");
}

static void test_stream__keeps_what_came_before_the_break(void **state)
{
    struct memory memory = memory_make(0);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(stream_into(&memory, local("/short"), 0, SIZE, &err), HM_ENETWORK);
    assert_int_equal(memory.buf.size, 500);
    hm_buf_done(&memory.buf);
    memory = memory_make(300);
    assert_int_equal(stream_into(&memory, local("/range/part"), 300, SIZE, &err), HM_ENETWORK);
    assert_int_equal(memory.buf.size, 400);
    assert_non_null(strstr(err.text, "400 of 100000 bytes"));
    assert_memory_equal(memory.buf.data, http_server_data(), 400);
    hm_buf_done(&memory.buf);
}

static void test_stream__gives_up_on_a_server_that_stalls(void **state)
{
    assert_stream(local("/slow/body"), 0, UINT64_MAX, HM_ENETWORK, 0, "/slow/body");
}

static void test_stream__returns_the_failure_of_the_sink_unchanged(void **state)
{
    struct memory memory = memory_make(0);
    struct hm_err err = HM_ERR_INIT;

    memory.fails_write = true;
    assert_int_equal(stream_into(&memory, local("/range/good"), 0, SIZE, &err), HM_EBUSY);
    assert_int_equal(err.rc, HM_EBUSY);
    assert_string_equal(err.text, "the sink is full");
    memory.fails_restart = true;
    assert_int_equal(stream_into(&memory, local("/range/ignored"), 9, SIZE, &err), HM_ECLOCK);
    assert_string_equal(err.text, "the sink cannot restart");
    assert_int_equal(stream_into(&memory, local("/range/416"), 9, SIZE, &err), HM_ECLOCK);
    assert_int_equal(stream_into(&memory, local("/empty"), 9, SIZE, &err), HM_ECLOCK);
    assert_int_equal(stream_into(&memory, local("/empty"), SIZE + 1, SIZE, &err), HM_ECLOCK);
    hm_buf_done(&memory.buf);
}

static void test_stream__follows_five_redirects(void **state)
{
    assert_stream(local("/redirect/4"), 0, SIZE, HM_OK, 0, NULL);
    assert_int_equal(http_server_request_count(server), 6);
    assert_stream(local("/redirect/4"), 500, SIZE, HM_OK, 0, NULL);
    assert_non_null(strstr(http_server_request(server), "\r\nRange: bytes=500-\r\n"));
    assert_stream(local("/redirect/5"), 0, SIZE, HM_ENETWORK, 0, "more than 5 redirects");
    assert_stream(local("/redirect/loop"), 0, SIZE, HM_ENETWORK, 0, "more than 5 redirects");
}

static void test_stream__refuses_redirects(void **state)
{
    assert_stream(local("/redirect/plain"), 0, SIZE, HM_ENETWORK, 0,
                  "redirected to 'http://192.0.2.1/x', but plain http://");
    assert_stream(local("/redirect/file"), 0, SIZE, HM_ENETWORK, 0, "neither https:// nor http://");
    assert_stream(local("/redirect/user"), 0, SIZE, HM_ENETWORK, 0, "user name");
    assert_stream(local("/redirect/nowhere"), 0, SIZE, HM_ENETWORK, 0, "leads nowhere");
    hm_fetch_free(fetch);
    fetch = fetch_make((struct hm_fetch_options){.allow_plain_http = true});
    assert_stream(server_url("0.0.0.0", "/redirect/loopback"), 0, SIZE, HM_ENETWORK, 0,
                  "redirect to a loopback address");
    assert_stream(local("/redirect/loopback"), 0, SIZE, HM_OK, 0, NULL);
}

/* --- the library --- */

static void test_curl__names_the_package_when_missing(void **state)
{
    struct hm_curl curl;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_curl_open("libabsent-for-test.so.4", &err, &curl), HM_ENETWORK);
    assert_non_null(strstr(err.text, "install the package libcurl4"));
    assert_int_equal(hm_curl_open("libm.so.6", &err, &curl), HM_ENETWORK);
    assert_non_null(strstr(err.text, "lacks the function curl_global_init"));
}

static curl_version_info_data version_info;

static curl_version_info_data *give_version_info(CURLversion age)
{
    (void)age;
    return &version_info;
}

static void test_curl__knows_a_folder_of_authorities(void **state)
{
    struct hm_curl curl = {.version_info = give_version_info};
    char certificates[] = "/tmp/hm-test-certs-XXXXXX";
    char path[64];
    int fd;

    assert_non_null(mkdtemp(certificates));
    version_info.age = CURLVERSION_SEVENTH;
    version_info.capath = NULL;
    assert_false(hm_curl_has_ca_folder(&curl));
    version_info.capath = "/absent";
    assert_false(hm_curl_has_ca_folder(&curl));
    version_info.capath = certificates;
    assert_false(hm_curl_has_ca_folder(&curl)); /* no hashed names: the file is needed */
    (void)snprintf(path, sizeof(path), "%s/0123abcd.0", certificates);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_true(hm_curl_has_ca_folder(&curl));
    version_info.age = CURLVERSION_SIXTH; /* too old to say */
    assert_false(hm_curl_has_ca_folder(&curl));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(certificates), 0);
}

/* --- files --- */

static const char *file_path(const char *name)
{
    static char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static const char *file_url(const char *host, const char *name)
{
    static char url[600];

    (void)snprintf(url, sizeof(url), "file://%s%s/%s", host, folder, name);
    return url;
}

static int setup_folder(void **state)
{
    int fd;

    (void)state;
    fetch = fetch_make((struct hm_fetch_options){0});
    if (mkdtemp(folder) == NULL)
        return -1;
    fd = open(file_path("a b%"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, http_server_data(), SIZE) != (ssize_t)SIZE || close(fd) != 0)
        return -1;
    return mkfifo(file_path("fifo"), 0644);
}

static int teardown_folder(void **state)
{
    (void)state;
    hm_fetch_free(fetch);
    (void)unlink(file_path("a b%"));
    (void)unlink(file_path("fifo"));
    return rmdir(folder);
}

static void test_get_file__reads_paths_and_urls(void **state)
{
    struct hm_buf buf = HM_BUF_INIT(SIZE);

    assert_int_equal(hm_fetch_get(fetch, file_path("a b%"), NULL, &buf), HM_OK);
    assert_is_data(&buf);
    hm_buf_clear(&buf);
    assert_int_equal(hm_fetch_get(fetch, file_url("", "a%20b%25"), NULL, &buf), HM_OK);
    assert_is_data(&buf);
    hm_buf_clear(&buf);
    assert_int_equal(hm_fetch_get(fetch, file_url("localhost", "a%20b%25"), NULL, &buf), HM_OK);
    assert_is_data(&buf);
    hm_buf_done(&buf);
}

static void test_get_file__refuses(void **state)
{
    assert_get(file_path("absent"), SIZE, HM_ENOTFOUND, "no such file");
    assert_get(file_path("a b%/below-a-file"), SIZE, HM_ENOTFOUND, "no such file");
    assert_get(file_url("", "absent"), SIZE, HM_ENOTFOUND, "no such file");
    assert_get(file_path("a%20b%25"), SIZE, HM_ENOTFOUND, NULL); /* a path is not decoded */
    assert_get(file_path("a b%"), SIZE - 1, HM_EFORMAT, "longer than the 99999 bytes allowed");
    assert_get(file_path("fifo"), SIZE, HM_EINPUT, "not a regular file");
    assert_get(file_path(""), SIZE, HM_EINPUT, "not a regular file");
    assert_get("/dev/zero", SIZE, HM_EINPUT, "not a regular file");
    assert_get("/proc/self/status", 10, HM_EFORMAT, "longer than the 10 bytes"); /* says size 0 */
    assert_get("file://elsewhere/x", SIZE, HM_EUSAGE, "no other host");
    assert_get("file://x", SIZE, HM_EUSAGE, "no other host");
    assert_get(file_url("", "a b%"), SIZE, HM_EUSAGE, "%25");
    assert_get(file_url("", "a%00"), SIZE, HM_EUSAGE, NULL);
    assert_get(file_url("", "a%0"), SIZE, HM_EUSAGE, NULL);
}

static void test_stream_file__continues_or_restarts(void **state)
{
    assert_stream(file_path("a b%"), 0, SIZE, HM_OK, 0, NULL);
    assert_stream(file_path("a b%"), 500, SIZE, HM_OK, 0, NULL);
    assert_stream(file_path("a b%"), SIZE, SIZE, HM_OK, 0, NULL);
    assert_stream(file_path("a b%"), SIZE + 1, 2 * SIZE, HM_OK, 1, NULL);
    assert_stream(file_path("a b%"), SIZE + 1, SIZE, HM_OK, 1, NULL);
    assert_stream(file_path("a b%"), 0, SIZE - 1, HM_EFORMAT, 0, "longer than");
    assert_stream(file_path("fifo"), 0, SIZE, HM_EINPUT, 0, NULL);
}

static void test_stream_file__returns_the_failure_of_the_sink_unchanged(void **state)
{
    struct memory memory = memory_make(0);
    struct hm_err err = HM_ERR_INIT;

    memory.fails_write = true;
    assert_int_equal(stream_into(&memory, file_path("a b%"), 0, SIZE, &err), HM_EBUSY);
    assert_string_equal(err.text, "the sink is full");
    hm_buf_done(&memory.buf);
}

/* --- joining --- */

static void assert_join(const char *base, const char *path, enum hm_rc expected, const char *joined)
{
    struct hm_buf buf = HM_BUF_INIT(4096);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_fetch_url_join(base, path, &err, &buf), expected);
    assert_string_equal(hm_buf_str(&buf), joined);
    assert_int_equal(err.rc, expected);
    hm_buf_done(&buf);
}

static void test_url_join__appends_with_one_slash(void **state)
{
    assert_join("https://h/base", "a/b", HM_OK, "https://h/base/a/b");
    assert_join("https://h/base/", "a%20b/c", HM_OK, "https://h/base/a%20b/c");
    assert_join("HTTP://h", "a", HM_OK, "HTTP://h/a");
    assert_join("file:///srv", "a%20b", HM_OK, "file:///srv/a%20b");
    assert_join("/srv/100%", "a%20b/c%25", HM_OK, "/srv/100%/a b/c%");
    assert_join("srv/", "a+b@c", HM_OK, "srv/a+b@c");
    assert_join("/", "a", HM_OK, "/a");
    assert_join("https://h", "...", HM_OK, "https://h/...");
}

static void test_url_join__refuses_bases(void **state)
{
    assert_join("", "a", HM_EUSAGE, "");
    assert_join("ftp://h/", "a", HM_EUSAGE, "");
    assert_join("https://h/?q", "a", HM_EUSAGE, "");
    assert_join("https://h/#f", "a", HM_EUSAGE, "");
}

static void test_url_join__refuses_paths(void **state)
{
    static const char *const bases[] = {"https://h/x", "file:///x", "/x"};
    static const char *const paths[] = {
        "",     "/a",    "a/",       "a//b", ".",    "..",   "a/../b", "%2e%2e", "a/%2E./b",
        "%2e",  "a%2fb", "a%00b",    "a%",   "a%2",  "a%zz", "a b",    "a?b",    "a#b",
        "a\\b", "a\nb",  "\xc3\xa9", "a|b",  "a\"b", "%",    "a/%00",  "a/%2",   "a%2/b",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bases); i++) {
        for (size_t j = 0; j < HM_ARRAY_COUNT(paths); j++)
            assert_join(bases[i], paths[j], HM_EFORMAT, "");
    }
}

static void test_url_join__stops_at_the_maximum_of_the_buffer(void **state)
{
    struct hm_buf buf = HM_BUF_INIT(10);

    assert_int_equal(hm_fetch_url_join("https://h/", "a", NULL, &buf), HM_EFORMAT);
    assert_int_equal(buf.size, 0);
    hm_buf_done(&buf);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest remote_tests[] = {
        WITH_SERVER(test_get__appends_the_object),
        WITH_SERVER(test_get__leaves_the_buffer_as_it_was_on_failure),
        WITH_SERVER(test_get__takes_an_empty_object),
        WITH_SERVER(test_get__sends_only_what_it_should),
        WITH_SERVER(test_get__sends_the_user_agent_asked_for),
        WITH_SERVER(test_get__sends_the_token_to_its_server_alone),
        WITH_SERVER(test_get__sends_no_token_in_clear_or_after_a_redirect),
        WITH_SERVER(test_get__keeps_the_connection_over_answers_of_all_kinds),
        WITH_SERVER(test_get__tells_missing_from_failing),
        WITH_SERVER(test_get__refuses_more_than_the_maximum),
        WITH_SERVER(test_get__refuses_a_body_cut_short),
        WITH_SERVER(test_get__refuses_what_is_no_answer),
        WITH_SERVER(test_get__gives_up_on_a_server_that_stalls),
        WITH_SERVER(test_get__gives_up_on_a_transfer_without_end),
        WITH_SERVER(test_get__does_not_follow_redirects),
        WITH_SERVER(test_get__does_not_decode),
        WITH_SERVER(test_get__decodes_gzip_where_it_is_told_to),
        WITH_SERVER(test_get__reports_a_port_that_nobody_listens_on),
        WITH_SERVER(test_get__refuses_urls),
        WITH_SERVER(test_get__takes_plain_http_from_loopback_names),
        WITH_SERVER(test_get__goes_through_the_proxy_but_for_loopback),
        WITH_SERVER(test_get__takes_the_proxy_from_the_environment_unless_told_not_to),
        WITH_SERVER(test_stream__gives_the_whole),
        WITH_SERVER(test_stream__continues_at_the_offset),
        WITH_SERVER(test_stream__restarts_when_the_server_cannot_continue),
        WITH_SERVER(test_stream__restarts_a_part_longer_than_the_whole),
        WITH_SERVER(test_stream__restarts_before_an_empty_object),
        WITH_SERVER(test_stream__gives_up_when_even_a_restart_fails),
        WITH_SERVER(test_stream__refuses_more_than_the_maximum),
        WITH_SERVER(test_stream__keeps_what_came_before_the_break),
        WITH_SERVER(test_stream__gives_up_on_a_server_that_stalls),
        WITH_SERVER(test_stream__returns_the_failure_of_the_sink_unchanged),
        WITH_SERVER(test_stream__follows_five_redirects),
        WITH_SERVER(test_stream__refuses_redirects),
        cmocka_unit_test(test_curl__names_the_package_when_missing),
        cmocka_unit_test(test_curl__knows_a_folder_of_authorities),
    };
    const struct CMUnitTest file_tests[] = {
        cmocka_unit_test(test_get_file__reads_paths_and_urls),
        cmocka_unit_test(test_get_file__refuses),
        cmocka_unit_test(test_stream_file__continues_or_restarts),
        cmocka_unit_test(test_stream_file__returns_the_failure_of_the_sink_unchanged),
        cmocka_unit_test(test_url_join__appends_with_one_slash),
        cmocka_unit_test(test_url_join__refuses_bases),
        cmocka_unit_test(test_url_join__refuses_paths),
        cmocka_unit_test(test_url_join__stops_at_the_maximum_of_the_buffer),
    };

    if (cmocka_run_group_tests_name("remote", remote_tests, NULL, NULL) != 0)
        return 1;
    return cmocka_run_group_tests_name("file", file_tests, setup_folder, teardown_folder);
}
