/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's configuration. See nginx.h. */
#include "serve/nginx.h"

#include "account/token.h"
#include "base/text.h"
#include "serve/export.h"
#include "serve/transfer.h"

/* Answers of our own, without a page that says whose server it is. A location that has one of these
 * has all: they are not inherited one by one. A token that is none has no password file, which
 * nginx calls forbidden. */
#define ERROR_PAGES(unknown)                                                                       \
    "    error_page " unknown " =401 @unknown;\n"                                                  \
    "    error_page 404 @nothing;\n"                                                               \
    "    error_page 405 @method;\n"                                                                \
    "    error_page 429 @busy;\n"                                                                  \
    "    error_page 500 502 503 504 @broken;\n"

#define ACCESS_LOG "access_log \"%s\" hallmark buffer=32k flush=1s;\n"

/* In strings of the configuration: what would end them, or begin a variable. */
static enum hm_rc check_text(const char *text, struct hm_err *err)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("\"'\\${};", *c) != NULL)
            return hm_fail(err, HM_EUSAGE,
                           "'%s': a path that nginx serves has no quotes, braces, '$', ';', '\\' "
                           "or control characters",
                           text);
    return HM_OK;
}

static enum hm_rc check_all(const struct hm_nginx *nginx, struct hm_err *err)
{
    const char *const texts[] = {nginx->run,
                                 nginx->public,
                                 nginx->certificate,
                                 nginx->certificate_key,
                                 nginx->access_log,
                                 nginx->transfers == NULL ? "" : nginx->transfers,
                                 nginx->listen,
                                 nginx->user == NULL ? "" : nginx->user,
                                 nginx->group == NULL ? "" : nginx->group};

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++)
        HM_TRY(check_text(texts[i], err));
    return HM_OK;
}

static enum hm_rc write_main(const struct hm_nginx *nginx, struct hm_err *err, struct hm_buf *text)
{
    HM_TRY(hm_buf_append_str(text, "# Written by 'hallmark serve': changes are lost.\n", err));
    if (nginx->user != NULL)
        HM_TRY(hm_buf_append_fmt(text, err, "user \"%s\" \"%s\";\n", nginx->user, nginx->group));
    return hm_buf_append_fmt(text, err,
                             "daemon off;\n"
                             "pcre_jit on;\n"
                             "pid \"%s/nginx.pid\";\n"
                             "error_log stderr crit;\n"
                             "worker_processes %u;\n"
                             "worker_rlimit_nofile %u;\n"
                             "worker_shutdown_timeout %us;\n"
                             "events { worker_connections %u; }\n",
                             nginx->run, nginx->processes, 2 * nginx->connections + 64,
                             nginx->settings->stop_s, nginx->connections);
}

/* Time-outs against those who are slow on purpose, sizes against those who are long. */
static enum hm_rc write_http(const struct hm_nginx *nginx, struct hm_err *err, struct hm_buf *text)
{
    static const char *const folders[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};

    HM_TRY(hm_buf_append_str(text,
                             "http {\n"
                             "server_tokens off;\n"
                             "default_type application/octet-stream;\n"
                             "types { application/json json; }\n"
                             "sendfile on;\n"
                             "tcp_nopush on;\n"
                             "keepalive_timeout 75s;\n"
                             "keepalive_requests 100000;\n"
                             "client_header_timeout 15s;\n"
                             "client_body_timeout 15s;\n"
                             "send_timeout 60s;\n"
                             "reset_timedout_connection on;\n"
                             "client_max_body_size 64k;\n"
                             "large_client_header_buffers 4 8k;\n"
                             "proxy_max_temp_file_size 0;\n"
                             "open_file_cache max=20000 inactive=60s;\n"
                             "open_file_cache_valid 1s;\n"
                             "limit_req_status 429;\n"
                             "limit_conn_status 429;\n"
                             "limit_req_log_level info;\n"
                             "limit_conn_log_level info;\n",
                             err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(folders); i++)
        HM_TRY(hm_buf_append_fmt(text, err, "%s_temp_path \"%s/tmp/%s\";\n", folders[i], nginx->run,
                                 folders[i]));
    return HM_OK;
}

/* Who a request says it is of, in the two spellings that count (account/token.h); which file its
 * password is in; how long what it gets may be kept. */
static enum hm_rc write_maps(const struct hm_nginx *nginx, struct hm_err *err, struct hm_buf *text)
{
    const char *claim = nginx->settings->is_open ? "\"\"" : "$hallmark_claim";

    HM_TRY(hm_buf_append_fmt(
        text, err,
        "map $uri $hallmark_post { default 0; /delivery/key 1; /delivery/request 1; "
        "/delivery/answer 1; }\n"
        "map $request_method $hallmark_method { default 0; GET 1; HEAD 1; POST $hallmark_post; }\n"
        "map $http_hallmark_delivery $hallmark_delivery {\n"
        "  default \"\";\n"
        "  \"~^[0-9a-f]{64}$\" $http_hallmark_delivery;\n"
        "}\n"
        "map $http_authorization $hallmark_scheme {\n"
        "  default other;\n"
        "  \"\" none;\n"
        "  \"~^Basic [A-Za-z0-9+/]+=?=?$\" basic;\n"
        "  \"~^Bearer [a-z0-9._A-Z-]+$\" bearer;\n"
        "}\n"
        "map $remote_user $hallmark_password_file {\n"
        "  default \"%s/" HM_EXPORT_PASSWORDS "/-\";\n"
        "  \"~^[a-z0-9][a-z0-9-]{0,%d}[.][1-9][0-9]{0,6}$\" \"%s/" HM_EXPORT_PASSWORDS
        "/$remote_user\";\n"
        "}\n",
        nginx->run, HM_TOKEN_ACCOUNT_SIZE_MAX - 1, nginx->run));
    HM_TRY(hm_buf_append_fmt(
        text, err,
        "map $uri $hallmark_cache {\n"
        "  default \"%s, max-age=31536000, immutable\";\n"
        "  \"~(/timestamp[.]json|[.]root[.]json|/hallmark[.]trust|/log/checkpoint|/deliveries/"
        "checkpoint)$|^"
        "(/-/bearer)?/(proofs|csaf)/\" no-cache;\n"
        "}\n",
        nginx->settings->is_open ? "public" : "private"));
    /* For the log: a customer who was checked. A user name alone is a claim. */
    return hm_buf_append_fmt(text, err,
                             "map $remote_user $hallmark_claim {\n"
                             "  default \"\";\n"
                             "  \"~^(?<hallmark_name>[a-z0-9-]+)[.]\" $hallmark_name;\n"
                             "}\n"
                             "map $status $hallmark_basic {\n"
                             "  default \"\";\n"
                             "  200 %s; 206 %s; 304 %s; 412 %s; 416 %s;\n"
                             "}\n"
                             "map $upstream_http_x_hallmark_customer$hallmark_bearer "
                             "$hallmark_customer {\n"
                             "  default $upstream_http_x_hallmark_customer$hallmark_bearer;\n"
                             "  \"\" $hallmark_basic;\n"
                             "}\n",
                             claim, claim, claim, claim, claim);
}

/* One JSON object a line. */
static enum hm_rc write_log(const struct hm_nginx *nginx, struct hm_err *err, struct hm_buf *text)
{
    return hm_buf_append_fmt(
        text, err,
        "log_format hallmark escape=json\n"
        "  "
        "'{\"time\":\"$time_iso8601\",\"event\":\"request\",\"id\":\"$connection-$connection_"
        "requests\","
        "\"peer\":\"$remote_addr\",\"customer\":\"$hallmark_customer\",'\n"
        "  '\"token\":\"$upstream_http_x_hallmark_token\",\"method\":\"$request_method\","
        "\"path\":\"$request_uri\",\"range\":\"$http_range\",'\n"
        "  '\"status\":$status,\"bytes\":$body_bytes_sent,\"seconds\":$request_time,"
        "\"complete\":\"$request_completion\",\"delivery\":\"$hallmark_delivery\",\"tls\":\"$ssl_"
        "protocol\",\"agent\":\"$http_user_"
        "agent\"}';\n"
        "log_format transfers escape=json '" HM_TRANSFER_NGINX "';\n" ACCESS_LOG,
        nginx->access_log);
}

/* By token (nobody else can send it), and by address for those who have none. */
static enum hm_rc write_zones(const struct hm_nginx *nginx, struct hm_err *err, struct hm_buf *text)
{
    unsigned rate = nginx->settings->rate;

    if (rate != 0)
        HM_TRY(hm_buf_append_fmt(text, err,
                                 "limit_req_zone $http_authorization zone=token:16m rate=%ur/s;\n"
                                 "limit_req_zone $binary_remote_addr zone=peer:16m rate=%ur/s;\n"
                                 "limit_req zone=token burst=%u nodelay;\n"
                                 "limit_req zone=peer burst=%u nodelay;\n",
                                 rate, rate * HM_SETTINGS_PEER_FACTOR, rate * HM_SETTINGS_BURST_S,
                                 rate * HM_SETTINGS_BURST_S * HM_SETTINGS_PEER_FACTOR));
    if (nginx->settings->connections != 0)
        HM_TRY(hm_buf_append_str(
            text, "limit_conn_zone $upstream_http_x_hallmark_customer zone=images:4m;\n", err));
    HM_TRY(hm_buf_append_str(text, "upstream hallmark_decisions {\n", err));
    for (unsigned i = 0; i < nginx->settings->workers; i++)
        HM_TRY(hm_buf_append_fmt(text, err, "  server \"unix:%s/decide-%u.sock\" max_fails=0;\n",
                                 nginx->run, i));
    HM_TRY(hm_buf_append_str(text,
                             "  keepalive 32;\n"
                             "  keepalive_timeout 20s;\n"
                             "}\n",
                             err));
    if (nginx->transfers == NULL)
        return HM_OK;
    if (nginx->settings->connections != 0)
        HM_TRY(hm_buf_append_str(text, "limit_conn_zone $http_authorization zone=deliveries:4m;\n",
                                 err));
    return hm_buf_append_fmt(text, err,
                             "upstream hallmark_deliveries {\n"
                             "  server \"unix:%s/deliver.sock\" max_fails=0;\n"
                             "  keepalive 128;\n"
                             "  keepalive_timeout 20s;\n"
                             "}\n",
                             nginx->run);
}

static enum hm_rc write_server(const struct hm_nginx *nginx, struct hm_err *err,
                               struct hm_buf *text)
{
    HM_TRY(hm_buf_append_fmt(text, err,
                             "server {\n"
                             "  listen %s ssl backlog=4096;\n"
                             "  ssl_certificate \"%s\";\n"
                             "  ssl_certificate_key \"%s\";\n"
                             "  ssl_protocols TLSv1.2 TLSv1.3;\n"
                             "  ssl_session_cache shared:tls:16m;\n"
                             "  ssl_session_timeout 1h;\n"
                             "  ssl_session_tickets off;\n"
                             "  root \"%s\";\n"
                             "  disable_symlinks on from=\"%s\";\n"
                             "  absolute_redirect off;\n"
                             "  if ($hallmark_method = 0) { return 405; }\n"
                             "  if ($hallmark_scheme = other) { return 401; }\n"
                             "  location ~ /[.] { return 404; }\n"
                             "  location / { return 404; }\n"
                             "  location = /targets { return 404; }\n"
                             "  location = /delivery { return 404; }\n",
                             nginx->listen, nginx->certificate, nginx->certificate_key,
                             nginx->public, nginx->public));
    return hm_buf_append_str(
        text,
        ERROR_PAGES(
            "401") "  location @unknown { default_type text/plain; add_header WWW-Authenticate "
                   "'Basic realm=\"hallmark\"' always; return 401 \"a token that counts is "
                   "needed\\n\"; }\n"
                   "  location @nothing { default_type text/plain; return 404 \"there is nothing "
                   "here\\n\"; "
                   "}\n"
                   "  location @method { default_type text/plain; add_header Allow \"GET, HEAD\" "
                   "always; "
                   "return 405 \"GET and HEAD are answered\\n\"; }\n"
                   "  location @busy { default_type text/plain; add_header Retry-After 1 always; "
                   "return 429 "
                   "\"too much at once\\n\"; }\n"
                   "  location @broken { default_type text/plain; add_header Retry-After 1 always; "
                   "return 503 "
                   "\"no decision can be made now\\n\"; }\n",
        err);
}

/* What every customer may have. */
static enum hm_rc write_metadata(const struct hm_nginx *nginx, struct hm_err *err,
                                 struct hm_buf *text)
{
    static const char *const places[] = {"= /hallmark.trust", "/metadata/",  "/log/",
                                         "/proofs/",          "/makers/",    "/csaf/",
                                         "/targets/recalls/", "/deliveries/"};
    static const char by_token[] =
        "    if ($hallmark_scheme = bearer) { rewrite ^(.*)$ /-/bearer$1 last; }\n"
        "    auth_basic hallmark;\n"
        "    auth_basic_user_file $hallmark_password_file;\n" ERROR_PAGES("401 403");

    for (size_t i = 0; i < HM_ARRAY_COUNT(places); i++)
        HM_TRY(hm_buf_append_fmt(text, err,
                                 "  location %s {\n"
                                 "%s"
                                 "    gzip_static on;\n"
                                 "    add_header Cache-Control $hallmark_cache;\n"
                                 "  }\n",
                                 places[i], nginx->settings->is_open ? "" : by_token));
    return hm_buf_append_fmt(text, err,
                             "  location /-/bearer/ {\n"
                             "    internal;\n"
                             "    auth_request /-/authorize;\n"
                             "    auth_request_set $hallmark_bearer "
                             "$upstream_http_x_hallmark_customer;\n"
                             "    alias \"%s/\";\n" ERROR_PAGES(
                                 "401 403") "    gzip_static on;\n"
                                            "    add_header Cache-Control $hallmark_cache;\n"
                                            "  }\n",
                             nginx->public);
}

static enum hm_rc write_proxy(const char *location, const char *target, struct hm_err *err,
                              struct hm_buf *text)
{
    return hm_buf_append_fmt(text, err,
                             "  location %s\n"
                             "    proxy_pass http://hallmark_decisions%s;\n"
                             "    proxy_http_version 1.1;\n"
                             "    proxy_set_header Connection \"\";\n"
                             "    proxy_set_header Host hallmark;\n"
                             "    proxy_set_header Authorization $http_authorization;\n"
                             "    proxy_set_header Content-Length \"\";\n"
                             "    proxy_pass_request_headers off;\n"
                             "    proxy_pass_request_body off;\n"
                             "    proxy_connect_timeout 5s;\n"
                             "    proxy_read_timeout 15s;\n"
                             "    proxy_next_upstream error timeout;\n"
                             "    proxy_next_upstream_tries 3;\n"
                             "    proxy_hide_header X-Hallmark-Customer;\n"
                             "    proxy_hide_header X-Hallmark-Token;\n"
                             "  }\n",
                             location, target);
}

/* What is asked about, and what is sent then. */
static enum hm_rc write_images(const struct hm_nginx *nginx, struct hm_err *err,
                               struct hm_buf *text)
{
    HM_TRY(write_proxy("/targets/ {", "", err, text));
    HM_TRY(write_proxy("= /-/authorize {\n    internal;", "/authorize", err, text));
    HM_TRY(hm_buf_append_fmt(text, err,
                             "  location /-/image/ {\n"
                             "    internal;\n"
                             "    alias \"%s/targets/\";\n"
                             "    error_page 403 404 @nothing;\n" /* 403: a link, or unreadable */
                             "    error_page 429 @busy;\n"
                             "    default_type application/octet-stream;\n"
                             "    types { }\n"
                             "    add_header Cache-Control $hallmark_cache;\n",
                             nginx->public));
    if (nginx->transfers != NULL)
        HM_TRY(hm_buf_append_fmt(text, err, "    " ACCESS_LOG "    access_log \"%s\" transfers;\n",
                                 nginx->access_log, nginx->transfers));
    if (nginx->settings->connections != 0)
        HM_TRY(hm_buf_append_fmt(text, err, "    limit_conn images %u;\n",
                                 nginx->settings->connections));
    if (nginx->settings->bytes_per_s != 0)
        HM_TRY(hm_buf_append_fmt(text, err, "    limit_rate %llu;\n",
                                 (unsigned long long)nginx->settings->bytes_per_s));
    return hm_buf_append_str(text, "  }\n", err);
}

/* What is asked for and answered about deliveries; a customer who is not known gets no further. */
static enum hm_rc write_deliveries(const struct hm_nginx *nginx, struct hm_err *err,
                                   struct hm_buf *text)
{
    static const char none[] = "  location /delivery/ { default_type text/plain; "
                               "return 404 \"this site records no deliveries\\n\"; }\n"
                               "}\n";
    static const char proxy[] =
        "    proxy_pass http://hallmark_deliveries;\n"
        "    proxy_http_version 1.1;\n"
        "    proxy_set_header Connection \"\";\n"
        "    proxy_set_header Host hallmark;\n"
        "    proxy_set_header X-Hallmark-Customer $hallmark_bearer;\n"
        "    proxy_pass_request_headers off;\n"
        "    proxy_connect_timeout 5s;\n"
        "    proxy_read_timeout 60s;\n"
        "    proxy_next_upstream off;\n" /* a statement may have been taken: who asks asks again */
        "    client_max_body_size 16k;\n"
        "    client_body_buffer_size 16k;\n";

    if (nginx->transfers == NULL)
        return hm_buf_append_str(text, none, err);
    HM_TRY(hm_buf_append_fmt(
        text, err,
        "  location @long { default_type text/plain; return 413 \"the request is too long\\n\"; }\n"
        "  location @down { default_type text/plain; add_header Retry-After 1 always; return 503 "
        "\"deliveries cannot be recorded now\\n\"; }\n"
        "  location /delivery/ {\n"
        "    auth_request /-/authorize;\n"
        "    auth_request_set $hallmark_bearer $upstream_http_x_hallmark_customer;\n"
        "%s"
        "    error_page 401 403 =401 @unknown;\n"
        "    error_page 413 @long;\n"
        "    error_page 429 @busy;\n"
        "    error_page 500 502 503 504 =503 @down;\n",
        proxy));
    if (nginx->settings->connections != 0)
        HM_TRY(hm_buf_append_fmt(text, err, "    limit_conn deliveries %u;\n",
                                 nginx->settings->connections));
    return hm_buf_append_str(text, "  }\n}\n", err);
}

/* How many are connected, for the process of metrics alone. */
static enum hm_rc write_status(const struct hm_nginx *nginx, struct hm_err *err,
                               struct hm_buf *text)
{
    return hm_buf_append_fmt(text, err,
                             "server {\n"
                             "  listen \"unix:%s/status.sock\";\n"
                             "  access_log off;\n"
                             "  location = /status { stub_status; }\n"
                             "  location / { return 404; }\n"
                             "}\n"
                             "}\n",
                             nginx->run);
}

enum hm_rc hm_nginx_write(const struct hm_nginx *nginx, struct hm_err *err, struct hm_buf *ret_text)
{
    HM_TRY(check_all(nginx, err));
    HM_TRY(write_main(nginx, err, ret_text));
    HM_TRY(write_http(nginx, err, ret_text));
    HM_TRY(write_maps(nginx, err, ret_text));
    HM_TRY(write_log(nginx, err, ret_text));
    HM_TRY(write_zones(nginx, err, ret_text));
    HM_TRY(write_server(nginx, err, ret_text));
    HM_TRY(write_metadata(nginx, err, ret_text));
    HM_TRY(write_images(nginx, err, ret_text));
    HM_TRY(write_deliveries(nginx, err, ret_text));
    return write_status(nginx, err, ret_text);
}

/* "2026/11/24 13:00:00 [emerg] 123#123: REASON in FILE:1" or "nginx: [emerg] REASON". */
enum hm_rc hm_nginx_reason(struct hm_bytes text, struct hm_err *err, struct hm_buf *ret_reason)
{
    struct hm_bytes rest = text;
    struct hm_bytes line = HM_BYTES_EMPTY;
    struct hm_bytes found = HM_BYTES_EMPTY;

    while (found.size == 0 && hm_bytes_take_line(&rest, &line)) {
        const uint8_t *kind = line.size == 0 ? NULL : memmem(line.data, line.size, "[emerg] ", 8);

        if (kind != NULL)
            found = hm_bytes_make(kind + 8, (size_t)(line.data + line.size - kind - 8));
    }
    if (found.size == 0)
        found = line;
    /* The process and connection: "123#123: ", "*1 ". */
    for (const uint8_t *c = found.data; found.size > 0 && c < found.data + found.size; c++)
        if (*c == '#' && c + 1 < found.data + found.size) {
            const uint8_t *end = memmem(c, (size_t)(found.data + found.size - c), ": ", 2);

            if (end != NULL && end - found.data < 32)
                found = hm_bytes_make(end + 2, (size_t)(found.data + found.size - end - 2));
            break;
        } else if (*c < '0' || *c > '9') {
            break;
        }
    if (found.size > 400)
        found.size = 400;
    if (found.size == 0)
        return hm_buf_append_str(ret_reason, "it says nothing", err);
    return hm_buf_append(ret_reason, found, err);
}
