/* SPDX-License-Identifier: Apache-2.0 */
/* Running nginx. See front.h. */
#include "serve/front.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "serve/nginx.h"

#define CONFIG        "nginx.conf"
#define CONFIG_NEXT   "nginx.conf.next"
#define STATUS_SOCKET "status.sock"
#define TRY_WAIT_MS   20000
#define START_WAIT_MS 10000
#define PROCESSES_MAX 16
#define FILES_SPARE   64
#define OUTPUT_MAX    16384

/* As many connections as files allow: each may need two, for itself and for what it sends. nginx
 * raises its own limit, up to what is allowed to this process. */
static unsigned connections_max(void)
{
    const rlim_t wanted = 2 * HM_SETTINGS_OPEN_MAX + FILES_SPARE;
    struct rlimit files;
    struct rlimit more;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return FILES_SPARE;
    more = (struct rlimit){files.rlim_cur, wanted};
    if (files.rlim_max >= wanted || setrlimit(RLIMIT_NOFILE, &more) == 0)
        return HM_SETTINGS_OPEN_MAX;
    if (files.rlim_max < 4 * FILES_SPARE)
        return FILES_SPARE;
    return (unsigned)((files.rlim_max - FILES_SPARE) / 2);
}

static unsigned process_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    if (count < 1)
        return 1;
    return count > PROCESSES_MAX ? PROCESSES_MAX : (unsigned)count;
}

static enum hm_rc try_config(const struct hm_settings *settings, const char *path,
                             struct hm_err *err)
{
    const char *const argv[] = {settings->nginx, "-t", "-q", "-c", path, NULL};
    _hm_done_(hm_buf_done) struct hm_buf output = HM_BUF_INIT(OUTPUT_MAX);
    _hm_done_(hm_buf_done) struct hm_buf reason = HM_BUF_INIT(1024);
    enum hm_rc rc;
    int status = 0;

    rc = hm_child_output(argv, TRY_WAIT_MS, err, &output, &status);
    if (rc == HM_EINPUT)
        return hm_fail(err, rc,
                       "nginx is needed in front, and '%s' cannot be run: install the package "
                       "nginx, or give --nginx FILE",
                       settings->nginx);
    HM_TRY(rc);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return HM_OK;
    HM_TRY(hm_nginx_reason(hm_buf_bytes(&output), err, &reason));
    return hm_fail(err, HM_EREFUSED, "nginx refuses its configuration: %s", hm_buf_str(&reason));
}

enum hm_rc hm_front_configure(const struct hm_place *place, const struct hm_settings *settings,
                              const char *bound, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NGINX_SIZE_MAX);
    _hm_free_(free) char *path = hm_place_run_file(place, CONFIG_NEXT);
    const struct hm_nginx nginx = {
        .settings = settings,
        .run = place->run_path,
        .public = place->public_path,
        .certificate = place->certificate,
        .certificate_key = place->certificate_key,
        .access_log = place->access_log,
        .transfers = place->has_deliveries ? place->transfers : NULL,
        .listen = bound,
        .user = place->user,
        .group = place->group,
        .processes = process_count(),
        .connections = connections_max(),
    };

    if (path == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_nginx_write(&nginx, err, &text));
    HM_TRY(hm_file_replace_unflushed(&place->run, CONFIG_NEXT, 0600, hm_buf_bytes(&text), err));
    HM_TRY(try_config(settings, path, err));
    return hm_dir_rename(&place->run, CONFIG_NEXT, &place->run, CONFIG, err);
}

enum hm_rc hm_front_init(struct hm_front *front, const struct hm_place *place,
                         const struct hm_settings *settings, int listener, struct hm_err *err)
{
    *front = (struct hm_front){.listener = listener};
    front->config = hm_place_run_file(place, CONFIG);
    /* How one nginx hands its sockets to the next: so a connection that comes while it is started
     * again waits, and is not refused. */
    if (front->config == NULL || asprintf(&front->variable, "NGINX=%d;", listener) < 0) {
        front->variable = NULL;
        return hm_error_nomem(err);
    }
    front->argv[0] = settings->nginx;
    front->argv[1] = "-c";
    front->argv[2] = front->config;
    front->child = (struct hm_child){
        .name = "nginx",
        .argv = front->argv,
        .variable = front->variable,
        .fds = &front->listener,
        .fd_count = 1,
        .end_signal = SIGTERM, /* it ends its own processes then */
        .is_group = true,
    };
    return HM_OK;
}

void hm_front_done(struct hm_front *front)
{
    free(front->config);
    free(front->variable);
}

static bool answers(const struct hm_place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _hm_free_(free) char *path = hm_place_run_file(place, STATUS_SOCKET);
    _hm_done_(hm_dir_close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (path == NULL || fd < 0 || strlen(path) >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

enum hm_rc hm_front_start(struct hm_front *front, const struct hm_place *place, struct hm_err *err)
{
    int64_t end_ms = hm_time_monotonic_ms() + START_WAIT_MS;

    /* One that died has left it, and the next would not listen there. */
    if (unlinkat(place->run.fd, STATUS_SOCKET, 0) != 0 && errno != ENOENT)
        return hm_error_errno(err, errno, "'%s/" STATUS_SOCKET "' is in the way", place->run_path);
    HM_TRY(hm_child_start(&front->child, err));
    while (!answers(place)) {
        siginfo_t info = {.si_pid = 0};

        if (waitid(P_PID, (id_t)front->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0)
            return hm_fail(err, HM_EREFUSED, "nginx ended at its start");
        if (hm_time_monotonic_ms() >= end_ms)
            return hm_fail(err, HM_EREFUSED, "nginx does not answer");
        (void)usleep(10000);
    }
    return HM_OK;
}
