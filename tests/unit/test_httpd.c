/* SPDX-License-Identifier: Apache-2.0 */
/* The server: what it answers, what it cuts off, and how it stops. */
#include "unit.h"

#include "net/httpd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "net/post.h"
#include "tmpdir.h"

#define BODY_MAX  1000
#define TIMEOUT_S 1

static struct hm_httpd *httpd;
static unsigned handled_count; /* atomic */

/* /echo the request, /wait/MS, /status/N, /none, /long */
static void handler(void *ctx, const struct hm_httpd_request *request,
                    struct hm_httpd_answer *answer)
{
    assert_ptr_equal(ctx, &handled_count);
    __atomic_add_fetch(&handled_count, 1, __ATOMIC_SEQ_CST);
    answer->status = 200;
    answer->type = "text/plain";
    if (strncmp(request->path, "/wait/", 6) == 0)
        (void)usleep((useconds_t)strtoul(request->path + 6, NULL, 10) * 1000);
    if (strncmp(request->path, "/status/", 8) == 0)
        answer->status = (unsigned)strtoul(request->path + 8, NULL, 10);
    if (strcmp(request->path, "/file") == 0) {
        answer->file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        answer->file_offset = 1;
        answer->file_size = 3;
        hm_httpd_answer_field(answer, "X-Field", "some value");
        return;
    }
    if (strcmp(request->path, "/fields") == 0) {
        for (int i = 0; i < HM_HTTPD_FIELD_COUNT_MAX + 1; i++)
            hm_httpd_answer_field(answer, "X-Field", "x");
        return;
    }
    if (strcmp(request->path, "/header") == 0) {
        const char *value = "several";

        if (hm_httpd_request_header(request, "X-Asked", &value) != HM_OK)
            value = "several";
        assert_int_equal(
            hm_buf_append_fmt(&answer->body, NULL, "header %s", value == NULL ? "none" : value),
            HM_OK);
        return;
    }
    if (strcmp(request->path, "/none") == 0) {
        answer->status = 0;
        answer->type = NULL;
        return;
    }
    answer->cache_control = "no-store";
    if (strcmp(request->path, "/long") == 0) {
        for (size_t i = 0; i < 60000; i++)
            assert_int_equal(hm_buf_append_byte(&answer->body, 'x', NULL), HM_OK);
        return;
    }
    assert_int_equal(hm_buf_append_fmt(&answer->body, NULL, "%s %s %s %s %.*s", request->method,
                                       request->path,
                                       request->content_type == NULL ? "-" : request->content_type,
                                       request->peer, HM_BYTES_FMT(request->body)),
                     HM_OK);
}

static struct hm_httpd_options make_options(const char *address)
{
    return (struct hm_httpd_options){.listen = address,
                                     .body_size_max = BODY_MAX,
                                     .answer_size_max = 100000,
                                     .timeout_s = TIMEOUT_S,
                                     .connections_max = 8,
                                     .connections_per_peer = 6};
}

static void start(const char *address)
{
    struct hm_httpd_options options = make_options(address);
    struct hm_err err = HM_ERR_INIT;

    if (hm_httpd_start(&options, handler, &handled_count, &err, &httpd) != HM_OK)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    handled_count = 0;
    start("127.0.0.1:0");
    return 0;
}

static int teardown(void **state)
{
    hm_httpd_stop(httpd);
    httpd = NULL;
    return 0;
}

static int connect_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *colon = strrchr(hm_httpd_address(httpd), ':');

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail_msg("cannot connect");
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All until the end of the connection, or until the body that its header declares is there. */
static const char *receive(int fd)
{
    static char text[70000];
    size_t size = 0;

    for (;;) {
        ssize_t count = recv(fd, text + size, sizeof(text) - 1 - size, 0);
        const char *body;
        const char *length;

        if (count <= 0)
            break;
        size += (size_t)count;
        text[size] = '\0';
        body = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "\r\nContent-Length: ");
        if (body != NULL && length != NULL &&
            size >= (size_t)(body + 4 - text) + strtoul(length + 18, NULL, 10))
            break;
    }
    text[size] = '\0';
    return text;
}

/* A whole exchange on a connection of its own. */
static const char *ask(const char *request)
{
    int fd = connect_here();
    const char *answer;

    send_text(fd, request);
    answer = receive(fd);
    close(fd);
    return answer;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in: %s", part, text);
}

static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, 0) <= 0;
}

static void test_httpd__gives_the_handler_s_answer(void **state)
{
    const char *answer = ask("GET /echo?query=1 HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "Content-Type: text/plain\r\n");
    assert_has(answer, "Cache-Control: no-store\r\n");
    assert_has(answer, "\r\n\r\nGET /echo - 127.0.0.1:");
    answer =
        ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc");
    assert_has(answer, "\r\n\r\nPOST /echo a/b 127.0.0.1:");
    assert_has(answer, " abc");
    answer = ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_has(answer, " abcde");
}

static void test_httpd__answers_head_without_a_body(void **state)
{
    int fd = connect_here();
    const char *answer;

    send_text(fd, "HEAD /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    answer = receive(fd);
    assert_has(answer, "Content-Length: 60000\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
}

static void test_httpd__leaves_paths_as_they_were_sent(void **state)
{
    assert_has(ask("GET /a%2Fb%00c/../d HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /a%2Fb%00c/../d -");
}

static void test_httpd__says_500_where_the_handler_says_nothing(void **state)
{
    const char *answer = ask("GET /none HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_has(answer, "HTTP/1.1 500 ");
    assert_null(strstr(answer, "Content-Type"));
}

static void test_httpd__sends_a_part_of_a_file_and_fields(void **state)
{
    const char *answer = ask("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_has(answer, " 200 ");
    assert_has(answer, "X-Field: some value\r\n");
    assert_has(answer, "Content-Length: 3\r\n");
    assert_has(answer, "\r\n\r\nELF"); /* of this program */
    answer = ask("HEAD /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(answer, "Content-Length: 3\r\n");
    assert_null(strstr(answer, "ELF"));
    assert_has(ask("GET /fields HTTP/1.1\r\nHost: x\r\n\r\n"), " 500 ");
}

static void test_httpd__gives_a_header_that_comes_once(void **state)
{
    assert_has(ask("GET /header HTTP/1.1\r\nHost: x\r\n\r\n"), "header none");
    assert_has(ask("GET /header HTTP/1.1\r\nHost: x\r\nx-aSked: one\r\n\r\n"), "header one");
    assert_has(ask("GET /header HTTP/1.1\r\nHost: x\r\nX-Asked: one\r\nx-asked: one\r\n\r\n"),
               "header several");
}

static void test_httpd__keeps_connections(void **state)
{
    int fd = connect_here();

    for (unsigned i = 0; i < 50; i++) {
        send_text(fd, "POST /status/409 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\ny");
        assert_has(receive(fd), "HTTP/1.1 409 ");
    }
    assert_int_equal(handled_count, 50);
    close(fd);
}

static void test_httpd__refuses_a_body_that_is_too_long(void **state)
{
    int fd = connect_here();
    char body[BODY_MAX + 1];
    char request[BODY_MAX + 200];

    memset(body, 'x', BODY_MAX);
    body[BODY_MAX] = '\0';
    (void)snprintf(request, sizeof(request),
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n%s", body);
    assert_has(ask(request), "HTTP/1.1 200 ");
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    assert_has(receive(fd), "HTTP/1.1 413 ");
    close(fd);
    /* In chunks it is cut off. */
    fd = connect_here();
    (void)snprintf(request, sizeof(request),
                   "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3e8\r\n%s\r\n1\r\nx\r\n0\r\n\r\n",
                   body);
    send_text(fd, request);
    assert_null(strstr(receive(fd), " 200 "));
    close(fd);
    assert_int_equal(handled_count, 1);
}

static void test_httpd__refuses_what_is_no_http(void **state)
{
    static const char *const bad[] = {
        "\r\n\r\n\r\n\r\n",
        "hello\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n", /* no host */
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\ny",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        int fd = connect_here();

        send_text(fd, bad[i]);
        (void)shutdown(fd, SHUT_WR);
        assert_null(strstr(receive(fd), " 200 "));
        close(fd);
    }
    assert_int_equal(handled_count, 0);
}

static void test_httpd__refuses_endless_headers(void **state)
{
    int fd = connect_here();

    send_text(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 0; i < 1000; i++) {
        if (send(fd, "X-Header: 0123456789012345678901234567890123456789\r\n", 52, MSG_NOSIGNAL) <
            0)
            break;
    }
    assert_null(strstr(receive(fd), " 200 "));
    assert_int_equal(handled_count, 0);
    close(fd);
}

/* A byte now and then keeps no connection. */
static void assert_drip_is_cut(const char *begin, const char *drip)
{
    int fd = connect_here();
    int64_t before = hm_time_monotonic_ms();

    send_text(fd, begin);
    for (unsigned i = 0; i < 100; i++) {
        char byte;

        (void)usleep(100000);
        if (send(fd, drip, strlen(drip), MSG_NOSIGNAL) < 0 || recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
            break;
    }
    assert_true(hm_time_monotonic_ms() - before < TIMEOUT_S * 1000 + 2000);
    close(fd);
}

static void test_httpd__cuts_off_who_sends_slowly(void **state)
{
    assert_drip_is_cut("GET /echo HTTP/1.1\r\n", "X: y\r\n");
    assert_drip_is_cut("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", "x");
    assert_int_equal(handled_count, 0);
}

static void test_httpd__closes_what_is_idle(void **state)
{
    int fd = connect_here();
    int64_t before = hm_time_monotonic_ms();

    send_text(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(receive(fd), " 200 ");
    assert_true(is_closed(fd));
    assert_true(hm_time_monotonic_ms() - before < TIMEOUT_S * 1000 + 2000);
    close(fd);
}

static void test_httpd__gives_a_handler_the_time_it_needs(void **state)
{
    assert_has(ask("GET /wait/1800 HTTP/1.1\r\nHost: x\r\n\r\n"), " 200 ");
}

static void test_httpd__limits_connections_of_a_peer(void **state)
{
    int fds[7];

    for (size_t i = 0; i < HM_ARRAY_COUNT(fds); i++) {
        fds[i] = connect_here();
        if (i < 6) {
            send_text(fds[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_has(receive(fds[i]), " 200 ");
        }
    }
    assert_true(is_closed(fds[6]));
    for (size_t i = 0; i < HM_ARRAY_COUNT(fds); i++)
        close(fds[i]);
}

static void *stop(void *ctx)
{
    (void)usleep(200000);
    hm_httpd_stop(httpd);
    httpd = NULL;
    return NULL;
}

static void test_stop__lets_requests_finish(void **state)
{
    int64_t before = hm_time_monotonic_ms();
    int fd = connect_here();
    int idle = connect_here();
    pthread_t thread;
    const char *answer;

    send_text(fd, "GET /wait/700 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
    answer = receive(fd);
    assert_has(answer, " 200 ");
    assert_has(answer, "Connection: close\r\n");
    (void)pthread_join(thread, NULL);
    assert_null(httpd);
    assert_true(is_closed(idle));
    assert_true(hm_time_monotonic_ms() - before < 3000);
    close(fd);
    close(idle);
}

static void test_stop__waits_only_so_long(void **state)
{
    struct hm_httpd_options options = make_options("127.0.0.1:0");
    int64_t before;
    int fd;

    hm_httpd_stop(httpd);
    options.stop_grace_ms = 100;
    options.timeout_s = 30;
    assert_int_equal(hm_httpd_start(&options, handler, &handled_count, NULL, &httpd), HM_OK);
    fd = connect_here();
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
    (void)usleep(100000);
    before = hm_time_monotonic_ms();
    hm_httpd_stop(httpd);
    httpd = NULL;
    assert_true(hm_time_monotonic_ms() - before < 3000);
    close(fd);
}

static void test_start__frees_its_address_at_the_end(void **state)
{
    char address[64];

    (void)snprintf(address, sizeof(address), "%s", hm_httpd_address(httpd));
    (void)ask("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    hm_httpd_stop(httpd);
    httpd = NULL;
    start(address);
    assert_string_equal(hm_httpd_address(httpd), address);
    assert_has(ask("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"), " 200 ");
}

static void test_start__says_what_is_wrong_with_an_address(void **state)
{
    static const struct {
        const char *address;
        enum hm_rc rc;
    } bad[] = {
        {"", HM_EUSAGE},
        {"8080", HM_EUSAGE},
        {":8080", HM_EUSAGE},
        {"localhost", HM_EUSAGE},
        {"localhost:", HM_EUSAGE},
        {"localhost:x", HM_EUSAGE},
        {"::1:80", HM_EUSAGE},
        {"127.0.0.1:65536", HM_EUSAGE},
        {"unix:", HM_EUSAGE},
        {"[]:80", HM_EUSAGE},
        {"192.0.2.1:0", HM_EINPUT},
        {"unix:/nowhere/s", HM_EINPUT},
    };
    struct hm_httpd *second = NULL;
    struct hm_httpd_options options;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_err err = HM_ERR_INIT;

        options = make_options(bad[i].address);
        if (hm_httpd_start(&options, handler, NULL, &err, &second) != bad[i].rc)
            fail_msg("'%s': %s", bad[i].address, err.text);
        assert_null(second);
    }
    options = make_options(hm_httpd_address(httpd));
    assert_int_equal(hm_httpd_start(&options, handler, NULL, NULL, &second), HM_EBUSY);
}

static const char *ask_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *answer;

    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    send_text(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    answer = receive(fd);
    close(fd);
    return answer;
}

static void test_unix__serves_at_a_socket_for_this_user(void **state)
{
    char address[512];
    const char *path = address + 5;
    struct hm_httpd *second = NULL;
    struct hm_httpd_options options;
    struct stat st;

    (void)snprintf(address, sizeof(address), "unix:%s/s", tmpdir_of(state)->path);
    start(address);
    assert_string_equal(hm_httpd_address(httpd), address);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_has(ask_unix(path), "GET /echo - unix ");
    options = make_options(address);
    assert_int_equal(hm_httpd_start(&options, handler, NULL, NULL, &second), HM_EBUSY);
    assert_has(ask_unix(path), " 200 "); /* the first one still has it */
    teardown(state);
    assert_int_not_equal(stat(path, &st), 0);
}

static void test_unix__takes_over_a_socket_that_a_crash_left(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[512];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(text, sizeof(text), "unix:%s/s", tmpdir_of(state)->path);
    assert_true(strlen(text + 5) < sizeof(address.sun_path));
    memcpy(address.sun_path, text + 5, strlen(text + 5) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    start(text);
    assert_has(ask_unix(text + 5), " 200 ");
    teardown(state);
}

static void test_fd__takes_a_socket_that_listens(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct hm_httpd_options options;
    char text[32];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)snprintf(text, sizeof(text), "fd:%d", fd);
    options = make_options(text);
    assert_int_equal(hm_httpd_start(&options, handler, NULL, NULL, &httpd), HM_EUSAGE);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(hm_httpd_start(&options, handler, &handled_count, NULL, &httpd), HM_OK);
    assert_string_equal(hm_httpd_address(httpd), text);
    hm_httpd_stop(httpd);
    httpd = NULL;
    options.listen = "fd:999999";
    assert_int_equal(hm_httpd_start(&options, handler, NULL, NULL, &httpd), HM_EUSAGE);
    options.listen = "fd:-1";
    assert_int_equal(hm_httpd_start(&options, handler, NULL, NULL, &httpd), HM_EUSAGE);
}

static void test_unix__replaces_no_file(void **state)
{
    struct hm_httpd_options options;
    char text[512];
    FILE *file;

    (void)snprintf(text, sizeof(text), "unix:%s/s", tmpdir_of(state)->path);
    file = fopen(text + 5, "w");
    assert_non_null(file);
    (void)fclose(file);
    options = make_options(text);
    assert_int_equal(hm_httpd_start(&options, handler, NULL, NULL, &httpd), HM_EBUSY);
    assert_int_equal(access(text + 5, F_OK), 0);
}

static void *raise_later(void *ctx)
{
    (void)usleep(100000);
    (void)kill(getpid(), SIGTERM);
    return NULL;
}

static void test_wait_signal__returns_on_sigterm(void **state)
{
    sigset_t before;
    pthread_t thread;

    (void)pthread_sigmask(SIG_BLOCK, NULL, &before);
    hm_httpd_block_signals();
    assert_int_equal(pthread_create(&thread, NULL, raise_later, NULL), 0);
    hm_httpd_wait_signal();
    (void)pthread_join(thread, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

#define httpd_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        httpd_test(test_httpd__gives_the_handler_s_answer),
        httpd_test(test_httpd__answers_head_without_a_body),
        httpd_test(test_httpd__leaves_paths_as_they_were_sent),
        httpd_test(test_httpd__says_500_where_the_handler_says_nothing),
        httpd_test(test_httpd__sends_a_part_of_a_file_and_fields),
        httpd_test(test_httpd__gives_a_header_that_comes_once),
        httpd_test(test_httpd__keeps_connections),
        httpd_test(test_httpd__refuses_a_body_that_is_too_long),
        httpd_test(test_httpd__refuses_what_is_no_http),
        httpd_test(test_httpd__refuses_endless_headers),
        httpd_test(test_httpd__cuts_off_who_sends_slowly),
        httpd_test(test_httpd__closes_what_is_idle),
        httpd_test(test_httpd__gives_a_handler_the_time_it_needs),
        httpd_test(test_httpd__limits_connections_of_a_peer),
        httpd_test(test_stop__lets_requests_finish),
        httpd_test(test_stop__waits_only_so_long),
        httpd_test(test_start__frees_its_address_at_the_end),
        httpd_test(test_start__says_what_is_wrong_with_an_address),
        httpd_test(test_wait_signal__returns_on_sigterm),
        tmpdir_test(test_unix__serves_at_a_socket_for_this_user),
        tmpdir_test(test_unix__takes_over_a_socket_that_a_crash_left),
        tmpdir_test(test_fd__takes_a_socket_that_listens),
        tmpdir_test(test_unix__replaces_no_file),
    };

    return cmocka_run_group_tests_name("httpd", tests, NULL, NULL);
}
