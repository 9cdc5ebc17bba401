/* SPDX-License-Identifier: Apache-2.0 */
/* serve/nginx, serve/counters and crypto/certificate: what is written for others, and read of them.
 */
#include "unit.h"

#include <unistd.h>

#include "crypto/certificate.h"
#include "serve/counters.h"
#include "serve/nginx.h"

static const struct hm_settings settings = {
    .workers = 2, .rate = 10, .connections = 3, .bytes_per_s = 1000, .stop_s = 60};

static struct hm_nginx make_nginx(void)
{
    return (struct hm_nginx){.settings = &settings,
                             .run = "/run/hallmark/a",
                             .public = "/srv/a/public",
                             .certificate = "/etc/a.pem",
                             .certificate_key = "/etc/a.key",
                             .access_log = "/var/log/a",
                             .listen = "127.0.0.1:443",
                             .processes = 2,
                             .connections = 100};
}

static void assert_has(const struct hm_buf *text, const char *part)
{
    if (strstr(hm_buf_str(text), part) == NULL)
        fail_msg("no '%s' in: %s", part, hm_buf_str(text));
}

static void test_nginx__has_what_it_was_told(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NGINX_SIZE_MAX);
    struct hm_nginx nginx = make_nginx();
    size_t open = 0;
    size_t closed = 0;

    nginx.user = "www-data";
    nginx.group = "www-data";
    assert_int_equal(hm_nginx_write(&nginx, NULL, &text), HM_OK);
    assert_has(&text, "user \"www-data\" \"www-data\";");
    assert_has(&text, "listen 127.0.0.1:443 ssl");
    assert_has(&text, "root \"/srv/a/public\";");
    assert_has(&text, "limit_rate 1000;");
    assert_has(&text, "decide-1.sock");
    assert_null(strstr(hm_buf_str(&text), "decide-2.sock"));
    for (const char *c = hm_buf_str(&text); *c != '\0'; c++) {
        open += *c == '{';
        closed += *c == '}';
    }
    assert_int_equal(open, closed);
}

static void test_nginx__has_deliveries_where_the_site_has(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NGINX_SIZE_MAX);
    struct hm_nginx nginx = make_nginx();

    assert_int_equal(hm_nginx_write(&nginx, NULL, &text), HM_OK);
    assert_has(&text, "this site records no deliveries");
    assert_null(strstr(hm_buf_str(&text), "deliver.sock"));
    hm_buf_clear(&text);
    nginx.transfers = "/srv/a/private/serve/transfers/transfers.log";
    assert_int_equal(hm_nginx_write(&nginx, NULL, &text), HM_OK);
    assert_has(&text, "access_log \"/srv/a/private/serve/transfers/transfers.log\" transfers;");
    assert_has(&text, "deliver.sock");
    assert_has(&text, "proxy_set_header X-Hallmark-Customer $hallmark_bearer;");
    assert_null(strstr(hm_buf_str(&text), "records no deliveries"));
}

static void test_nginx__refuses_what_could_not_stand_there(void **state)
{
    static const char *const bad[] = {"/a\"b", "/a'b",  "/a;b",  "/a{b",  "/a}b",
                                      "/a$b",  "/a\\b", "/a\nb", "/a\x7f"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NGINX_SIZE_MAX);
        struct hm_nginx nginx = make_nginx();

        nginx.public = bad[i];
        assert_int_equal(hm_nginx_write(&nginx, NULL, &text), HM_EUSAGE);
        nginx = make_nginx();
        nginx.run = bad[i];
        assert_int_equal(hm_nginx_write(&nginx, NULL, &text), HM_EUSAGE);
        nginx = make_nginx();
        nginx.access_log = bad[i];
        assert_int_equal(hm_nginx_write(&nginx, NULL, &text), HM_EUSAGE);
    }
}

static void test_reason__is_the_first_that_counts(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"2026/11/24 13:00:00 [emerg] 123#123: bind() failed\nnginx: configuration file x test "
         "failed\n",
         "bind() failed"},
        {"nginx: [emerg] cannot load certificate\nnginx: [emerg] second\n",
         "cannot load certificate"},
        {"nginx: [warn] x\nlast line\n", "last line"},
        {"no newline", "it says nothing"},
        {"", "it says nothing"},
        {"\n\n", "it says nothing"},
        {"[emerg] \n", "[emerg] "},
        {"[emerg] 12#\n", "12#"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf reason = HM_BUF_INIT(1024);

        assert_int_equal(hm_nginx_reason(hm_bytes_str(cases[i].text), NULL, &reason), HM_OK);
        assert_string_equal(hm_buf_str(&reason), cases[i].reason);
    }
}

static void test_counters__are_shared_and_told(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);
    static const char page[] = "HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\nActive connections: 3 \n"
                               "server accepts handled requests\n 10 11 12 \n"
                               "Reading: 1 Writing: 2 Waiting: 4 \n";
    static const char *const bad[] = {
        "", "Active connections: x", "Active connections: 3 \nserver accepts handled requests\n",
        "Active connections: 3 \nserver accepts handled requests\n 1 2 3 \nReading: 1\n"};
    struct hm_counters_front front = {.is_known = false};
    struct hm_counters *counters = NULL;
    struct hm_counters *again = NULL;
    int fd = -1;

    assert_int_equal(hm_counters_new(NULL, &counters, &fd), HM_OK);
    assert_int_equal(hm_counters_open(fd, NULL, &again), HM_OK);
    hm_counters_decision(again, 403);
    hm_counters_decision(again, 403);
    hm_counters_decision(again, 777); /* no such */
    assert_int_equal(hm_counters_parse_front(hm_bytes_str(page), NULL, &front), HM_OK);
    assert_int_equal(front.active, 3);
    assert_int_equal(front.accepted, 10);
    assert_int_equal(front.requests, 12);
    assert_int_equal(front.waiting, 4);
    assert_int_equal(hm_counters_write(counters, &front, NULL, &text), HM_OK);
    assert_has(&text, "\nhallmark_decisions_total{status=\"403\"} 2\n");
    assert_has(&text, "\nhallmark_front_connections 3\n");
    assert_int_equal(ftruncate(fd, 0), -1); /* who shares it ends nobody */
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_counters_parse_front(hm_bytes_str(bad[i]), NULL, &front), HM_EFORMAT);
    close(fd);
}

static void test_certificate__is_made_and_has_a_fingerprint(void **state)
{
    static const char *const names[] = {"firmware.example", "127.0.0.1", "::1"};
    static const char *const bad[] = {"", "a b", "a,DNS:b", "a\nb", "*", "a_b", "\xc3\xa4"};
    _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_CERTIFICATE_SIZE_MAX);
    _hm_done_(hm_secret_done) struct hm_secret key = HM_SECRET_INIT;
    struct hm_sha256 one, two;

    assert_int_equal(hm_certificate_make(names, 3, 1800000000, 86400, NULL, &pem, &key), HM_OK);
    assert_non_null(strstr((const char *)key.data, "BEGIN PRIVATE KEY"));
    assert_int_equal(hm_certificate_fingerprint(hm_buf_bytes(&pem), NULL, &one), HM_OK);
    assert_int_equal(hm_certificate_fingerprint(hm_buf_bytes(&pem), NULL, &two), HM_OK);
    assert_true(hm_digest_is_equal(&one, &two));
    assert_int_equal(hm_certificate_fingerprint(hm_bytes_str("nonsense"), NULL, &one), HM_EFORMAT);
    assert_int_equal(hm_certificate_fingerprint(HM_BYTES_EMPTY, NULL, &one), HM_EFORMAT);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_certificate_make(&bad[i], 1, 0, 86400, NULL, &pem, &key), HM_EUSAGE);
    assert_int_equal(hm_certificate_make(names, 0, 0, 86400, NULL, &pem, &key), HM_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nginx__has_what_it_was_told),
        cmocka_unit_test(test_nginx__has_deliveries_where_the_site_has),
        cmocka_unit_test(test_nginx__refuses_what_could_not_stand_there),
        cmocka_unit_test(test_reason__is_the_first_that_counts),
        cmocka_unit_test(test_counters__are_shared_and_told),
        cmocka_unit_test(test_certificate__is_made_and_has_a_fingerprint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
