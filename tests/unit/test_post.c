/* SPDX-License-Identifier: Apache-2.0 */
/* Posting to many at once, to servers whose answers are good, slow, endless and none. */
#include "unit.h"

#include "net/post.h"

#include "base/time.h"
#include "http_server.h"

#define SIZE_MAX_HERE 300
#define DEADLINE_MS   1000
#define MS_MAX        4000 /* a busy machine's share above the deadline */

static struct http_server *server;
static struct hm_post_options options;
static struct hm_post *post;

static int setup(void **state)
{
    server = http_server_start();
    options = (struct hm_post_options){.user_agent = "poster/1"};
    return hm_post_new(&options, NULL, &post) == HM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    hm_post_free(post);
    http_server_stop(server);
    return 0;
}

static enum hm_rc start_at(size_t number, const char *host, const char *path, struct hm_err *err)
{
    char url[512];

    (void)snprintf(url, sizeof(url), "http://%s:%u%s", host, http_server_port(server), path);
    return hm_post_start(post,
                         &(struct hm_post_request){.number = number,
                                                   .url = url,
                                                   .content_type = "text/plain; charset=utf-8",
                                                   .body = HM_BYTES_LITERAL("old 0\n\nbody"),
                                                   .answer_size_max = SIZE_MAX_HERE,
                                                   .deadline_ms = DEADLINE_MS},
                         err);
}

static void start(size_t number, const char *path)
{
    struct hm_err err = HM_ERR_INIT;

    if (start_at(number, "127.0.0.1", path, &err) != HM_OK)
        fail_msg("%s", err.text);
}

static struct hm_post_answer take(void)
{
    struct hm_post_answer answer;
    struct hm_err err = HM_ERR_INIT;
    int64_t before = hm_time_monotonic_ms();

    if (hm_post_wait(post, MS_MAX, &err, &answer) != HM_OK)
        fail_msg("%s", err.text);
    assert_true(hm_time_monotonic_ms() - before < MS_MAX);
    return answer;
}

/* One request to path: its answer. */
static struct hm_post_answer ask(const char *path)
{
    start(7, path);
    return take();
}

/* Says back what it was sent, after as many milliseconds as the path says. */
static void echo(void *ctx, const char *path, const uint8_t *body, size_t size,
                 struct http_server_answer *ret_answer)
{
    ret_answer->status = 200;
    ret_answer->type = "text/plain";
    ret_answer->delay_ms = (unsigned)strtoul(path + 1, NULL, 10);
    memcpy(ret_answer->body, body, size);
    ret_answer->size = size;
}

static void test_post__sends_the_body_and_gives_the_answer(void **state)
{
    struct hm_post_answer answer;

    http_server_on_post(server, echo, NULL);
    answer = ask("/0");
    assert_int_equal(answer.rc, HM_OK);
    assert_int_equal(answer.number, 7);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.type, "text/plain");
    assert_true(hm_bytes_is_str(answer.body, "old 0\n\nbody"));
    assert_false(answer.is_cut);
    assert_non_null(strstr(http_server_request(server), "POST /0 HTTP/1.1\r\n"));
    assert_non_null(strstr(http_server_request(server), "User-Agent: poster/1\r\n"));
    assert_non_null(strstr(http_server_request(server), "Content-Type: text/plain; charset=utf-8"));
    assert_null(strstr(http_server_request(server), "Expect"));
    assert_null(strstr(http_server_request(server), "Accept-Encoding"));
}

static void test_post__gives_every_status_as_it_is(void **state)
{
    static const unsigned statuses[] = {200, 202, 400, 401, 403, 404, 409, 422, 429, 500, 503};

    for (size_t i = 0; i < HM_ARRAY_COUNT(statuses); i++) {
        char path[32];
        struct hm_post_answer answer;

        (void)snprintf(path, sizeof(path), "/status/%u", statuses[i]);
        answer = ask(path);
        assert_int_equal(answer.rc, HM_OK);
        assert_int_equal(answer.status, statuses[i]);
        assert_string_equal(answer.type, "");
        assert_true(hm_bytes_is_str(answer.body, "error\n"));
    }
}

static void test_post__follows_no_redirect(void **state)
{
    struct hm_post_answer answer = ask("/redirect/1");

    assert_int_equal(answer.rc, HM_OK);
    assert_int_equal(answer.status, 302);
    assert_int_equal(http_server_request_count(server), 1);
}

static void test_post__takes_answers_as_they_come(void **state)
{
    http_server_on_post(server, echo, NULL);
    start(1, "/600");
    start(2, "/20");
    start(3, "/300");
    assert_int_equal(take().number, 2);
    assert_int_equal(take().number, 3);
    assert_int_equal(take().number, 1);
}

static void test_post__can_start_more_between_answers(void **state)
{
    http_server_on_post(server, echo, NULL);
    start(1, "/300");
    start(2, "/0");
    assert_int_equal(take().number, 2);
    start(3, "/0");
    assert_int_equal(take().number, 3);
    assert_int_equal(take().number, 1);
}

static void test_post__asks_many_at_once(void **state)
{
    bool is_seen[40] = {false};
    int64_t before = hm_time_monotonic_ms();

    http_server_on_post(server, echo, NULL);
    for (size_t i = 0; i < HM_ARRAY_COUNT(is_seen); i++)
        start(i, "/200");
    for (size_t i = 0; i < HM_ARRAY_COUNT(is_seen); i++) {
        struct hm_post_answer answer = take();

        assert_int_equal(answer.rc, HM_OK);
        assert_false(is_seen[answer.number]);
        is_seen[answer.number] = true;
    }
    /* One after the other they would take 8 seconds. */
    assert_true(hm_time_monotonic_ms() - before < 4000);
}

static void test_post__ends_at_the_deadline(void **state)
{
    static const char *const paths[] = {"/slow/headers", "/slow/body", "/slow/drip"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++) {
        int64_t before = hm_time_monotonic_ms();
        struct hm_post_answer answer = ask(paths[i]);

        if (strcmp(paths[i], "/slow/drip") == 0) { /* more than the maximum before the deadline */
            assert_true(answer.is_cut);
            continue;
        }
        assert_int_equal(answer.rc, HM_ENETWORK);
        assert_non_null(strstr(answer.err.text, paths[i]));
        assert_true(hm_time_monotonic_ms() - before >= DEADLINE_MS - 50);
    }
}

static void test_post__cuts_what_is_too_long(void **state)
{
    static const char *const paths[] = {"/range/good", "/endless/body", "/endless/chunked",
                                        "/endless/404", "/declared"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++) {
        struct hm_post_answer answer = ask(paths[i]);

        if (strcmp(paths[i], "/declared") == 0) { /* 3 bytes of them, and nothing more comes */
            assert_int_equal(answer.rc, HM_ENETWORK);
            continue;
        }
        assert_int_equal(answer.rc, HM_OK);
        assert_int_equal(answer.status, strcmp(paths[i], "/endless/404") == 0 ? 404 : 200);
        assert_true(answer.is_cut);
        assert_int_equal(answer.body.size, SIZE_MAX_HERE);
    }
}

static void test_post__takes_an_answer_of_exactly_the_maximum(void **state)
{
    static char path[] = "/0";
    char body[SIZE_MAX_HERE];
    char url[128];
    struct hm_post_answer answer;

    memset(body, 'x', sizeof(body));
    http_server_on_post(server, echo, NULL);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(server), path);
    assert_int_equal(hm_post_start(post,
                                   &(struct hm_post_request){.url = url,
                                                             .content_type = "a/b",
                                                             .body = hm_bytes_make(body, 300),
                                                             .answer_size_max = SIZE_MAX_HERE,
                                                             .deadline_ms = DEADLINE_MS},
                                   NULL),
                     HM_OK);
    answer = take();
    assert_int_equal(answer.body.size, SIZE_MAX_HERE);
    assert_false(answer.is_cut);
}

static void test_post__refuses_endless_headers(void **state)
{
    struct hm_post_answer answer = ask("/endless/headers");

    assert_int_equal(answer.rc, HM_ENETWORK);
    assert_non_null(strstr(answer.err.text, "headers"));
    assert_int_equal(ask("/endless/interim").rc, HM_ENETWORK);
}

static void test_post__says_what_failed(void **state)
{
    static const char *const paths[] = {"/closed", "/nothing", "/short", "/short-chunk"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++) {
        struct hm_post_answer answer = ask(paths[i]);

        if (strncmp(paths[i], "/short", 6) == 0 && answer.is_cut)
            continue;
        assert_int_equal(answer.rc, HM_ENETWORK);
        assert_non_null(strstr(answer.err.text, paths[i]));
    }
}

static void test_post__says_when_nobody_listens(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_post_answer answer;

    assert_int_equal(hm_post_start(post,
                                   &(struct hm_post_request){.url = "http://127.0.0.1:1/x?secret",
                                                             .content_type = "a/b",
                                                             .deadline_ms = DEADLINE_MS},
                                   &err),
                     HM_OK);
    answer = take();
    assert_int_equal(answer.rc, HM_ENETWORK);
    assert_non_null(strstr(answer.err.text, "127.0.0.1:1/x"));
    assert_null(strstr(answer.err.text, "secret"));
}

static void test_start__refuses_urls(void **state)
{
    static const char *const urls[] = {
        "ftp://localhost/x", "file:///etc/passwd",    "/etc/passwd",       "",
        "http://",           "http://u:p@localhost/", "http://192.0.2.1/", "localhost"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(urls); i++) {
        struct hm_err err = HM_ERR_INIT;
        struct hm_post_request request = {.url = urls[i], .content_type = "a/b", .deadline_ms = 1};

        assert_int_equal(hm_post_start(post, &request, &err), HM_EUSAGE);
    }
    assert_int_equal(hm_post_wait(post, 0, NULL, &(struct hm_post_answer){0}), HM_ENOTFOUND);
}

static void test_start__takes_plain_http_where_it_is_allowed(void **state)
{
    struct hm_post_request request = {
        .url = "http://192.0.2.1/", .content_type = "a/b", .deadline_ms = 1};

    options.allow_plain_http = true;
    assert_int_equal(hm_post_start(post, &request, NULL), HM_OK);
    assert_int_equal(take().rc, HM_ENETWORK);
}

static void test_start__refuses_one_too_many(void **state)
{
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_POST_COUNT_MAX; i++)
        start(i, "/slow/headers");
    assert_int_equal(start_at(0, "127.0.0.1", "/slow/headers", &err), HM_EUSAGE);
}

static void test_wait__says_that_nothing_came_yet(void **state)
{
    struct hm_post_answer answer;

    assert_int_equal(hm_post_wait(post, 0, NULL, &answer), HM_ENOTFOUND);
    http_server_on_post(server, echo, NULL);
    start(1, "/400");
    assert_int_equal(hm_post_wait(post, 0, NULL, &answer), HM_EAGAIN);
    assert_int_equal(hm_post_wait(post, 50, NULL, &answer), HM_EAGAIN);
    assert_int_equal(take().rc, HM_OK);
    assert_int_equal(hm_post_wait(post, 0, NULL, &answer), HM_ENOTFOUND);
}

static void test_free__does_not_wait(void **state)
{
    struct hm_post_answer answer;
    int64_t before = hm_time_monotonic_ms();

    start(1, "/slow/headers");
    assert_int_equal(hm_post_wait(post, 20, NULL, &answer), HM_EAGAIN);
    hm_post_free(post);
    assert_true(hm_time_monotonic_ms() - before < 900);
    assert_int_equal(hm_post_new(&options, NULL, &post), HM_OK);
}

#define post_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        post_test(test_post__sends_the_body_and_gives_the_answer),
        post_test(test_post__gives_every_status_as_it_is),
        post_test(test_post__follows_no_redirect),
        post_test(test_post__takes_answers_as_they_come),
        post_test(test_post__can_start_more_between_answers),
        post_test(test_post__asks_many_at_once),
        post_test(test_post__ends_at_the_deadline),
        post_test(test_post__cuts_what_is_too_long),
        post_test(test_post__takes_an_answer_of_exactly_the_maximum),
        post_test(test_post__refuses_endless_headers),
        post_test(test_post__says_what_failed),
        post_test(test_post__says_when_nobody_listens),
        post_test(test_start__refuses_urls),
        post_test(test_start__takes_plain_http_where_it_is_allowed),
        post_test(test_start__refuses_one_too_many),
        post_test(test_wait__says_that_nothing_came_yet),
        post_test(test_free__does_not_wait),
    };

    return cmocka_run_group_tests_name("post", tests, NULL, NULL);
}
