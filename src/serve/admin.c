/* SPDX-License-Identifier: Apache-2.0 */
/* Health and metrics. See admin.h. */
#include "serve/admin.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/httpd.h"
#include "serve/confine.h"

#define STATUS_WAIT_S    2
#define STATUS_SIZE_MAX  4096
#define METRICS_SIZE_MAX 65536
#define METRICS_TYPE     "text/plain; version=0.0.4; charset=utf-8"

struct admin {
    struct hm_counters *counters;
    char status_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* nginx's own page, over its unix socket. */
static enum hm_rc read_front(const struct admin *admin, struct hm_buf *ret_text)
{
    static const char request[] = "GET /status HTTP/1.0\r\nHost: hallmark\r\n\r\n";
    const struct timeval wait = {.tv_sec = STATUS_WAIT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _hm_done_(hm_dir_close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, admin->status_path, sizeof(address.sun_path));
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return HM_ENETWORK;
    for (;;) {
        char block[1024];
        ssize_t got = recv(fd, block, sizeof(block), 0);

        if (got < 0)
            return HM_ENETWORK;
        if (got == 0)
            return HM_OK;
        HM_TRY(hm_buf_append(ret_text, hm_bytes_make(block, (size_t)got), NULL));
    }
}

static void write_metrics(const struct admin *admin, struct hm_httpd_answer *answer)
{
    _hm_done_(hm_buf_done) struct hm_buf page = HM_BUF_INIT(STATUS_SIZE_MAX);
    struct hm_counters_front front = {.is_known = false};

    /* Without it the other figures are true all the same. */
    if (read_front(admin, &page) == HM_OK)
        (void)!hm_counters_parse_front(hm_buf_bytes(&page), NULL, &front);
    answer->type = METRICS_TYPE;
    answer->status =
        hm_counters_write(admin->counters, &front, NULL, &answer->body) == HM_OK ? 200 : 500;
}

static void write_health(const struct admin *admin, struct hm_httpd_answer *answer)
{
    const struct hm_counters_deliveries *deliveries = &admin->counters->deliveries;
    bool is_well = __atomic_load_n(&admin->counters->nginx_up, __ATOMIC_RELAXED) != 0 &&
                   __atomic_load_n(&admin->counters->workers_up, __ATOMIC_RELAXED) != 0 &&
                   (__atomic_load_n(&deliveries->is_kept, __ATOMIC_RELAXED) == 0 ||
                    (__atomic_load_n(&deliveries->up, __ATOMIC_RELAXED) != 0 &&
                     __atomic_load_n(&deliveries->collector_up, __ATOMIC_RELAXED) != 0));

    answer->type = "text/plain; charset=utf-8";
    answer->status = is_well ? 200 : 503;
    if (hm_buf_append_str(&answer->body, is_well ? "ok\n" : "not all processes run\n", NULL) !=
        HM_OK)
        answer->status = 500;
}

static void on_request(void *ctx, const struct hm_httpd_request *request,
                       struct hm_httpd_answer *answer)
{
    const struct admin *admin = ctx;
    bool is_get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    answer->cache_control = "no-store";
    if (is_get && strcmp(request->path, "/metrics") == 0)
        write_metrics(admin, answer);
    else if (is_get && strcmp(request->path, "/health") == 0)
        write_health(admin, answer);
    else
        answer->status = is_get ? 404 : 405;
}

enum hm_rc hm_admin_run(const struct hm_worker_options *options, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir run = HM_DIR_INIT;
    struct admin admin = {.counters = NULL};
    char address[16];
    const struct hm_httpd_options httpd_options = {.listen = address,
                                                   .body_size_max = 0,
                                                   .answer_size_max = METRICS_SIZE_MAX,
                                                   .connections_max = 64};
    struct hm_httpd *httpd = NULL;
    bool is_landlocked = false;

    HM_TRY(hm_counters_open(options->counters, err, &admin.counters));
    (void)snprintf(admin.status_path, sizeof(admin.status_path), "%s/status.sock", options->run);
    (void)snprintf(address, sizeof(address), "fd:%d", options->socket);
    HM_TRY(hm_dir_open(options->run, err, &run));
    HM_TRY(hm_confine_user(options->uid, options->gid, err));
    HM_TRY(hm_confine_read_only(&run, err, &is_landlocked));
    HM_TRY(hm_httpd_start(&httpd_options, on_request, &admin, err, &httpd));
    hm_httpd_wait_signal();
    hm_httpd_stop(httpd);
    return HM_OK;
}
