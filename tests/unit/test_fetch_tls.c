/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching over TLS from `openssl s_server`; skipped where there is no such command. */
#include "net/fetch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static char folder[] = "/tmp/hm-test-tls-XXXXXX";
static pid_t server = -1;
static unsigned port;

static const char *in_folder(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_answer(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Starts openssl in the folder, its output at the descriptor given. */
static pid_t start(char *const arguments[], int output)
{
    pid_t pid = fork();
    int null;

    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind if the test dies */
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output < 0 ? null : output, 1) < 0 ||
        dup2(null, 2) < 0 || chdir(folder) != 0)
        _exit(126);
    (void)execvp(arguments[0], arguments);
    _exit(127);
}

static int make_certificate(void)
{
    char *arguments[] = {"openssl",
                         "req",
                         "-x509",
                         "-newkey",
                         "ec",
                         "-pkeyopt",
                         "ec_paramgen_curve:P-256",
                         "-nodes",
                         "-keyout",
                         "key.pem",
                         "-out",
                         "cert.pem",
                         "-days",
                         "2",
                         "-subj",
                         "/CN=test",
                         "-addext",
                         "subjectAltName=IP:127.0.0.1",
                         NULL};
    int status = -1;
    pid_t pid = start(arguments, -1);

    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : -1;
}

/* Leaves server -1 where openssl is missing. */
static int setup(void **state)
{
    char *arguments[] = {"openssl",  "s_server", "-accept", "127.0.0.1:0", "-cert",
                         "cert.pem", "-key",     "key.pem", "-HTTP",       NULL};
    int ends[2];
    char line[256];
    FILE *output;

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    if (make_certificate() != 0)
        return 0;
    write_answer("good", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    write_answer("down", "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n"
                         "Content-Length: 0\r\n\r\n");
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    server = start(arguments, ends[1]);
    (void)close(ends[1]);
    output = fdopen(ends[0], "r");
    while (output != NULL && fgets(line, sizeof(line), output) != NULL) {
        if (sscanf(line, "ACCEPT 127.0.0.1:%u", &port) == 1)
            return 0; /* output stays open, or the server would be stopped by SIGPIPE */
    }
    return -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"key.pem", "cert.pem", "good", "down"};

    (void)state;
    if (server > 0) {
        (void)kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        (void)unlink(in_folder(names[i]));
    return rmdir(folder);
}

static enum hm_rc write_nothing(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    (void)ctx;
    (void)bytes;
    return hm_fail(err, HM_EINTERNAL, "nothing should have come");
}

static enum hm_rc restart_nothing(void *ctx, struct hm_err *err)
{
    return write_nothing(ctx, HM_BYTES_EMPTY, err);
}

/* Asks with the authority in the file; NULL: the system's. */
static void assert_fetch(const char *ca_file, const char *host, const char *name, bool is_stream,
                         enum hm_rc expected, const char *words)
{
    struct hm_fetch_options options = {
        .ca_file = ca_file, .connect_timeout_s = 5, .stall_timeout_s = 5, .metadata_timeout_s = 5};
    struct hm_fetch_sink sink = {write_nothing, restart_nothing, NULL};
    struct hm_buf buf = HM_BUF_INIT(100);
    struct hm_fetch *fetch = NULL;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;
    char url[128];

    if (server < 0)
        skip();
    (void)snprintf(url, sizeof(url), "https://%s:%u/%s", host, port, name);
    assert_int_equal(hm_fetch_new(&options, NULL, &fetch), HM_OK);
    rc = is_stream ? hm_fetch_stream(fetch, url, 0, 100, &sink, &err)
                   : hm_fetch_get(fetch, url, &err, &buf);
    if (rc != expected || strstr(err.text, words) == NULL)
        print_error("%s: %s %s\n", url, hm_error_name(rc), err.text);
    assert_int_equal(rc, expected);
    assert_non_null(strstr(err.text, words));
    assert_string_equal(hm_buf_str(&buf), expected == HM_OK ? "hello" : "");
    hm_buf_done(&buf);
    hm_fetch_free(fetch);
}

static void test_get__takes_the_authority_given(void **state)
{
    assert_fetch(in_folder("cert.pem"), "127.0.0.1", "good", false, HM_OK, "");
}

static void test_get__refuses_an_authority_that_the_system_does_not_know(void **state)
{
    assert_fetch(NULL, "127.0.0.1", "good", false, HM_ENETWORK, "certificate");
}

static void test_get__refuses_a_certificate_for_another_name(void **state)
{
    assert_fetch(in_folder("cert.pem"), "localhost", "good", false, HM_ENETWORK, "localhost");
}

static void test_get__refuses_a_missing_authority_file(void **state)
{
    assert_fetch(in_folder("absent.pem"), "127.0.0.1", "good", false, HM_ENETWORK, "certificate");
}

static void test_stream__does_not_follow_from_https_to_http(void **state)
{
    assert_fetch(in_folder("cert.pem"), "127.0.0.1", "down", true, HM_ENETWORK,
                 "a redirect from https:// to http:// is not followed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get__takes_the_authority_given),
        cmocka_unit_test(test_get__refuses_an_authority_that_the_system_does_not_know),
        cmocka_unit_test(test_get__refuses_a_certificate_for_another_name),
        cmocka_unit_test(test_get__refuses_a_missing_authority_file),
        cmocka_unit_test(test_stream__does_not_follow_from_https_to_http),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
