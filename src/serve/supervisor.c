/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, watching and ending the processes of a server. See supervisor.h. */
#include "serve/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "net/httpd.h"
#include "serve/admin.h"
#include "serve/event.h"
#include "serve/export.h"
#include "serve/front.h"

#define LOOK_MS         100 /* how often accounts and processes are looked after */
#define RETRY_MS        1000
#define WORKERS_STOP_MS 5000
#define STOP_SPARE_MS   5000 /* beyond what nginx gives to transfers */
#define ROLE_ARGC       8
#define SELF_SIZE       4096
#define NUMBER_SIZE     24

/* A worker, or the admin process: a socket, and a child that serves it. */
struct role {
    struct hm_child child;
    const char *argv[ROLE_ARGC + 1];
    int fds[2]; /* socket, counters: inherited */
    char numbers[4][NUMBER_SIZE];
};

struct supervisor {
    const struct hm_settings *settings;
    struct hm_place place;
    struct hm_export export;
    struct hm_counters *counters;
    int counters_fd, listener, signals;
    char bound[64], admin_bound[256];
    char self[SELF_SIZE];
    struct role workers[HM_SETTINGS_WORKERS_MAX];
    struct role admin;
    struct hm_front front;
    int64_t retry_ms; /* no export before */
    int stop_count;
};

/* --- accounts --- */

static enum hm_rc put_in_force(struct supervisor *server, struct hm_err *err)
{
    int64_t now_unix_s = hm_time_now_unix_s();
    bool is_due = false;

    HM_TRY(hm_export_is_due(&server->export, now_unix_s, err, &is_due));
    if (!is_due)
        return HM_OK;
    HM_TRY(hm_export_run(&server->export, &server->place.run, server->place.gid, now_unix_s, err));
    __atomic_store_n(&server->counters->generation, server->export.generation, __ATOMIC_RELAXED);
    return hm_export_tell(&server->export, &server->place.site->private_dir, err);
}

/* In service: what cannot be put in force now is tried again. */
static void look_at_accounts(struct supervisor *server)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_time_monotonic_ms() < server->retry_ms || put_in_force(server, &err) == HM_OK)
        return;
    (void)__atomic_add_fetch(&server->counters->failed_exports, 1, __ATOMIC_RELAXED);
    hm_event_log("accounts-failed", "why", err.text, NULL);
    server->retry_ms = hm_time_monotonic_ms() + RETRY_MS;
}

/* --- processes --- */

static void role_init(struct supervisor *server, struct role *role, const char *name,
                      const char *word, int socket)
{
    const struct hm_place *place = &server->place;
    size_t n = 0;

    role->fds[0] = socket;
    role->fds[1] = server->counters_fd;
    (void)snprintf(role->numbers[0], NUMBER_SIZE, "%d", socket);
    (void)snprintf(role->numbers[1], NUMBER_SIZE, "%d", server->counters_fd);
    (void)snprintf(role->numbers[2], NUMBER_SIZE, "%lld",
                   place->has_user ? (long long)place->uid : -1LL);
    (void)snprintf(role->numbers[3], NUMBER_SIZE, "%lld",
                   place->has_user ? (long long)place->gid : -1LL);
    role->argv[n++] = server->self;
    role->argv[n++] = word;
    role->argv[n++] = place->run_path;
    for (size_t i = 0; i < HM_ARRAY_COUNT(role->numbers); i++)
        role->argv[n++] = role->numbers[i];
    role->child = (struct hm_child){
        .name = name, .argv = role->argv, .fds = role->fds, .fd_count = 2, .end_signal = SIGKILL};
}

static enum hm_rc start_roles(struct supervisor *server, struct hm_err *err)
{
    for (unsigned i = 0; i < server->settings->workers; i++) {
        char name[32];
        int fd = -1;

        (void)snprintf(name, sizeof(name), "decide-%u.sock", i);
        HM_TRY(hm_place_listen_unix(&server->place, name, err, &fd));
        role_init(server, &server->workers[i], "a worker", HM_SUPERVISOR_WORKER, fd);
        HM_TRY(hm_child_start(&server->workers[i].child, err));
        (void)__atomic_add_fetch(&server->counters->workers_up, 1, __ATOMIC_RELAXED);
    }
    return hm_child_start(&server->admin.child, err);
}

static enum hm_rc listen_admin(struct supervisor *server, struct hm_err *err)
{
    const char *address = server->settings->admin;
    int fd = -1;

    if (address != NULL) {
        HM_TRY(hm_place_listen(address, err, &fd, server->admin_bound));
    } else {
        HM_TRY(hm_place_listen_unix(&server->place, "admin.sock", err, &fd));
        (void)snprintf(server->admin_bound, sizeof(server->admin_bound), "unix:%s/admin.sock",
                       server->place.run_path);
    }
    role_init(server, &server->admin, "the process of metrics", HM_SUPERVISOR_ADMIN, fd);
    return HM_OK;
}

/* Which child that is; NULL: none of ours (nginx's, orphaned, are not: it has its own). */
static struct hm_child *child_of(struct supervisor *server, pid_t pid)
{
    for (unsigned i = 0; i < server->settings->workers; i++)
        if (server->workers[i].child.pid == pid)
            return &server->workers[i].child;
    if (server->admin.child.pid == pid)
        return &server->admin.child;
    return server->front.child.pid == pid ? &server->front.child : NULL;
}

static void note_end(struct supervisor *server, struct hm_child *child, int status)
{
    char how[48];
    bool is_front = child == &server->front.child;

    (void)snprintf(how, sizeof(how), WIFSIGNALED(status) ? "signal %d" : "status %d",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (is_front)
        __atomic_store_n(&server->counters->nginx_up, 0, __ATOMIC_RELAXED);
    else if (child != &server->admin.child)
        (void)__atomic_sub_fetch(&server->counters->workers_up, 1, __ATOMIC_RELAXED);
    hm_child_ended(child);
    if (server->stop_count == 0)
        hm_event_log("died", "process", child->name, "how", how, NULL);
}

static void reap(struct supervisor *server)
{
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct hm_child *child = child_of(server, pid);

        if (child != NULL)
            note_end(server, child, status);
    }
}

static void restart(struct supervisor *server, struct hm_child *child)
{
    bool is_front = child == &server->front.child;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    if (!hm_child_is_due(child))
        return;
    rc = is_front ? hm_front_start(&server->front, &server->place, &err)
                  : hm_child_start(child, &err);
    if (rc != HM_OK) {
        hm_event_log("not-started", "process", child->name, "why", err.text, NULL);
        child->is_due_later = true;
        child->since_ms = hm_time_monotonic_ms();
        return;
    }
    if (is_front) {
        (void)__atomic_add_fetch(&server->counters->nginx_restarts, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&server->counters->nginx_up, 1, __ATOMIC_RELAXED);
    } else if (child != &server->admin.child) {
        (void)__atomic_add_fetch(&server->counters->worker_restarts, 1, __ATOMIC_RELAXED);
        (void)__atomic_add_fetch(&server->counters->workers_up, 1, __ATOMIC_RELAXED);
    }
    hm_event_log("started-again", "process", child->name, NULL);
}

static void look_at_processes(struct supervisor *server)
{
    reap(server);
    if (server->stop_count > 0)
        return;
    for (unsigned i = 0; i < server->settings->workers; i++)
        restart(server, &server->workers[i].child);
    restart(server, &server->admin.child);
    restart(server, &server->front.child);
}

/* --- signals --- */

static enum hm_rc take_signals(struct supervisor *server, struct hm_err *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < HM_ARRAY_COUNT(numbers); i++)
        (void)sigaddset(&set, numbers[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    server->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (server->signals < 0)
        return hm_fail(err, HM_EINTERNAL, "no signals can be taken: %s", strerror(errno));
    return HM_OK;
}

static void reload(struct supervisor *server)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc =
        hm_place_certificate(&server->place, server->settings, hm_time_now_unix_s(), &err);

    if (rc == HM_OK)
        rc = hm_front_configure(&server->place, server->settings, server->bound, &err);
    if (rc != HM_OK) {
        hm_event_log("reload-refused", "why", err.text, NULL);
        return;
    }
    hm_child_signal(&server->front.child, SIGHUP);
    (void)__atomic_add_fetch(&server->counters->reloads, 1, __ATOMIC_RELAXED);
    hm_event_log("reloaded", NULL);
}

/* Its processes, where they are another user, reach no folder of the log: only new ones, made by
 * the first of them, are given the file. */
static void reopen_log(struct supervisor *server)
{
    hm_child_signal(&server->front.child, server->place.has_user ? SIGHUP : SIGUSR1);
}

static void on_signals(struct supervisor *server)
{
    struct signalfd_siginfo info;

    while (read(server->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            server->stop_count++;
        else if (info.ssi_signo == SIGHUP)
            reload(server);
        else if (info.ssi_signo == SIGUSR1)
            reopen_log(server);
    }
}

static void wait_a_moment(struct supervisor *server)
{
    struct pollfd wanted = {.fd = server->signals, .events = POLLIN};

    if (poll(&wanted, 1, LOOK_MS) > 0)
        on_signals(server);
}

/* --- stopping --- */

static bool is_any_worker(const struct supervisor *server)
{
    for (unsigned i = 0; i < server->settings->workers; i++)
        if (server->workers[i].child.pid != 0)
            return true;
    return server->admin.child.pid != 0;
}

/* Lets nginx finish what it sends, for as long as it was given, or until a second signal; the
 * workers after it, as it may ask them to the last. */
static void stop(struct supervisor *server)
{
    int64_t end_ms = hm_time_monotonic_ms() + (int64_t)server->settings->stop_s * 1000;

    hm_event_log("stopping", NULL);
    hm_dir_close_fd(&server->listener); /* nobody is let in any more */
    if (server->stop_count == 0)
        server->stop_count = 1;
    hm_child_signal(&server->front.child, SIGQUIT);
    while (server->front.child.pid != 0) {
        int64_t now_ms = hm_time_monotonic_ms();

        if (now_ms >= end_ms + STOP_SPARE_MS)
            hm_child_signal(&server->front.child, SIGKILL);
        else if (server->stop_count > 1 || now_ms >= end_ms)
            hm_child_signal(&server->front.child, SIGTERM);
        wait_a_moment(server);
        reap(server);
    }
    end_ms = hm_time_monotonic_ms() + WORKERS_STOP_MS;
    for (;;) {
        int signal_number = hm_time_monotonic_ms() < end_ms ? SIGTERM : SIGKILL;

        reap(server);
        if (!is_any_worker(server))
            break;
        for (unsigned i = 0; i < server->settings->workers; i++)
            hm_child_signal(&server->workers[i].child, signal_number);
        hm_child_signal(&server->admin.child, signal_number);
        wait_a_moment(server);
    }
    hm_event_log("stopped", NULL);
}

/* --- serving --- */

static enum hm_rc find_self(struct supervisor *server, struct hm_err *err)
{
    ssize_t size = readlink("/proc/self/exe", server->self, sizeof(server->self) - 1);

    if (size <= 0)
        return hm_fail(err, HM_EINTERNAL, "this program does not find itself: %s", strerror(errno));
    server->self[size] = '\0';
    return HM_OK;
}

static enum hm_rc start(struct supervisor *server, struct hm_err *err)
{
    const struct hm_settings *settings = server->settings;
    int64_t now_unix_s = hm_time_now_unix_s();

    HM_TRY(find_self(server, err));
    HM_TRY(hm_place_open(settings, now_unix_s, err, &server->place));
    HM_TRY(hm_place_certificate(&server->place, settings, now_unix_s, err));
    HM_TRY(hm_counters_new(err, &server->counters, &server->counters_fd));
    server->counters->started_unix_s = now_unix_s;
    HM_TRY(hm_export_open(&server->place.site->private_dir, err, &server->export));
    HM_TRY(hm_place_listen(settings->listen, err, &server->listener, server->bound));
    HM_TRY(listen_admin(server, err));
    HM_TRY(hm_front_configure(&server->place, settings, server->bound, err));
    HM_TRY(put_in_force(server, err));
    HM_TRY(hm_front_init(&server->front, &server->place, settings, server->listener, err));
    HM_TRY(take_signals(server, err));
    HM_TRY(start_roles(server, err));
    HM_TRY(hm_front_start(&server->front, &server->place, err));
    __atomic_store_n(&server->counters->nginx_up, 1, __ATOMIC_RELAXED);
    return HM_OK;
}

static void tell_start(const struct supervisor *server)
{
    char fingerprint[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(server->place.fingerprint.bytes, HM_SHA256_SIZE), fingerprint);
    hm_event_log("listening", "address", server->bound, "site", server->place.site->config.name,
                 "admin", server->admin_bound, "certificate", server->place.certificate,
                 "certificate-sha256", fingerprint, "metadata",
                 server->settings->is_open ? "open" : "by token", NULL);
}

static void supervisor_done(struct supervisor *server)
{
    /* What a failed start has started dies with this process. */
    hm_front_done(&server->front);
    hm_dir_close_fd(&server->listener);
    hm_dir_close_fd(&server->signals);
    hm_dir_close_fd(&server->counters_fd);
    hm_export_done(&server->export);
    hm_place_done(&server->place);
    free(server);
}

HM_DEFINE_FREE(supervisor_done, struct supervisor);

enum hm_rc hm_supervisor_run(const struct hm_settings *settings, struct hm_err *err)
{
    _hm_free_(supervisor_done) struct supervisor *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return hm_error_nomem(err);
    server->settings = settings;
    server->place = (struct hm_place)HM_PLACE_INIT;
    server->counters_fd = server->listener = server->signals = -1;
    HM_TRY(start(server, err));
    tell_start(server);
    while (server->stop_count == 0) {
        look_at_processes(server);
        look_at_accounts(server);
        wait_a_moment(server);
    }
    stop(server);
    return HM_OK;
}

/* --- the other processes --- */

static bool parse_id(const char *text, uint32_t *ret_id)
{
    uint64_t number;

    *ret_id = UINT32_MAX; /* none */
    if (strcmp(text, "-1") == 0)
        return true;
    if (hm_num_parse_u64(text, strlen(text), &number) != HM_OK || number >= UINT32_MAX)
        return false;
    *ret_id = (uint32_t)number;
    return true;
}

enum hm_rc hm_supervisor_role(int argc, char **argv, struct hm_err *err)
{
    struct hm_worker_options options = {.socket = -1};
    uint32_t numbers[4];

    if (argc != 6)
        return hm_fail(err, HM_EUSAGE, "this process is started by 'hallmark serve'");
    for (size_t i = 0; i < HM_ARRAY_COUNT(numbers); i++)
        if (!parse_id(argv[2 + i], &numbers[i]))
            return hm_fail(err, HM_EUSAGE, "this process is started by 'hallmark serve'");
    options.run = argv[1];
    options.socket = (int)numbers[0];
    options.counters = (int)numbers[1];
    options.uid = numbers[2];
    options.gid = numbers[3];
    hm_httpd_block_signals();
    return strcmp(argv[0], HM_SUPERVISOR_WORKER) == 0 ? hm_worker_run(&options, err)
                                                      : hm_admin_run(&options, err);
}
