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
#include "ledger/ledger_site.h"
#include "net/httpd.h"
#include "serve/admin.h"
#include "serve/collector.h"
#include "serve/deliver_process.h"
#include "serve/event.h"
#include "serve/export.h"
#include "serve/front.h"

#define LOOK_MS         100 /* how often accounts and processes are looked after */
#define RETRY_MS        1000
#define ROTATE_LOOK_MS  10000
#define WORKERS_STOP_MS 20000 /* the process of deliveries ends what it took */
#define STOP_SPARE_MS   5000  /* beyond what nginx gives to transfers */
#define ROLE_ARGC       10
#define ROLE_NUMBERS    4
#define SELF_SIZE       4096
#define NUMBER_SIZE     24

/* A worker, or the admin process: a socket, and a child that serves it. */
struct role {
    struct hm_child child;
    const char *argv[ROLE_ARGC + 1];
    int fds[3]; /* socket, counters, and the socket of packets of who has it: inherited */
    char numbers[ROLE_NUMBERS + 1][NUMBER_SIZE];
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
    struct role deliver, collector; /* where the site has deliveries */
    int packets[2];                 /* between those two: what is in it outlives both */
    bool has_deliveries, has_sockets;
    int64_t rotated_ms; /* when the log of transfers was looked at */
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

    *role = (struct role){.fds = {-1, -1, -1}};
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
    for (size_t i = 0; i < ROLE_NUMBERS; i++)
        role->argv[n++] = role->numbers[i];
    role->child = (struct hm_child){
        .name = name, .argv = role->argv, .fds = role->fds, .fd_count = 2, .end_signal = SIGKILL};
}

/* The process of deliveries is of whom the site is: it reads keys that nobody else may. Of the
 * group it reads the book. */
static void deliver_init(struct supervisor *server, int socket)
{
    struct role *role = &server->deliver;
    size_t n = 3 + ROLE_NUMBERS;

    role_init(server, role, "the process of deliveries", HM_SUPERVISOR_DELIVER, socket);
    role->fds[2] = server->packets[0];
    role->child.fd_count = 3;
    (void)snprintf(role->numbers[2], NUMBER_SIZE, "%lld",
                   server->place.has_user ? (long long)server->place.owner : -1LL);
    (void)snprintf(role->numbers[ROLE_NUMBERS], NUMBER_SIZE, "%d", server->packets[0]);
    role->argv[n++] = role->numbers[ROLE_NUMBERS];
    role->argv[n++] = server->settings->dir;
}

static void collector_init(struct supervisor *server)
{
    struct role *role = &server->collector;

    role_init(server, role, "the collector", HM_SUPERVISOR_COLLECTOR, server->packets[1]);
    role->argv[2] = server->place.transfers;
}

/* Whether the root in force names deliveries; a tree that cannot be read names none. */
static void find_deliveries(struct supervisor *server)
{
    struct hm_err err = HM_ERR_INIT;
    bool is_kept = false;

    if (hm_ledger_site_is_kept(server->place.site, &err, &is_kept) != HM_OK)
        hm_event_log("deliveries-unknown", "why", err.text, NULL);
    /* Those that are served go on until the server ends: what was offered is to be answered. */
    server->has_deliveries = server->has_deliveries || is_kept;
    server->place.has_deliveries = server->has_deliveries;
    __atomic_store_n(&server->counters->deliveries.is_kept, server->has_deliveries ? 1 : 0,
                     __ATOMIC_RELAXED);
}

/* Before nginx is told of them. */
static enum hm_rc prepare_deliveries(struct supervisor *server, struct hm_err *err)
{
    int fd = -1;

    find_deliveries(server);
    if (!server->has_deliveries || server->has_sockets)
        return HM_OK;
    HM_TRY(hm_handover_pair(err, server->packets));
    HM_TRY(hm_place_listen_unix(&server->place, "deliver.sock", err, &fd));
    deliver_init(server, fd);
    collector_init(server);
    server->has_sockets = true;
    return HM_OK;
}

static enum hm_rc start_deliveries(struct supervisor *server, struct hm_err *err)
{
    if (!server->has_sockets || server->deliver.child.pid != 0)
        return HM_OK;
    HM_TRY(hm_child_start(&server->deliver.child, err));
    __atomic_store_n(&server->counters->deliveries.up, 1, __ATOMIC_RELAXED);
    HM_TRY(hm_child_start(&server->collector.child, err));
    __atomic_store_n(&server->counters->deliveries.collector_up, 1, __ATOMIC_RELAXED);
    return HM_OK;
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
    HM_TRY(start_deliveries(server, err));
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
    if (server->deliver.child.pid == pid)
        return &server->deliver.child;
    if (server->collector.child.pid == pid)
        return &server->collector.child;
    return server->front.child.pid == pid ? &server->front.child : NULL;
}

/* What is counted of this child while it runs, and of its restarts. */
static void count_child(struct supervisor *server, const struct hm_child *child, bool is_up,
                        bool is_again)
{
    struct hm_counters *counters = server->counters;
    uint32_t *up = &counters->workers_up;
    uint64_t *restarts = &counters->worker_restarts;

    if (child == &server->admin.child)
        return;
    if (child == &server->front.child) {
        up = &counters->nginx_up;
        restarts = &counters->nginx_restarts;
    } else if (child == &server->deliver.child) {
        up = &counters->deliveries.up;
        restarts = &counters->deliveries.restarts;
    } else if (child == &server->collector.child) {
        up = &counters->deliveries.collector_up;
        restarts = &counters->deliveries.collector_restarts;
    }
    if (is_up)
        (void)__atomic_add_fetch(up, 1, __ATOMIC_RELAXED);
    else
        (void)__atomic_sub_fetch(up, 1, __ATOMIC_RELAXED);
    if (is_again)
        (void)__atomic_add_fetch(restarts, 1, __ATOMIC_RELAXED);
}

static void note_end(struct supervisor *server, struct hm_child *child, int status)
{
    char how[48];

    (void)snprintf(how, sizeof(how), WIFSIGNALED(status) ? "signal %d" : "status %d",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    count_child(server, child, false, false);
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
    count_child(server, child, true, true);
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
    if (server->has_sockets) {
        restart(server, &server->deliver.child);
        restart(server, &server->collector.child);
    }
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
        rc = prepare_deliveries(server, &err);
    if (rc == HM_OK)
        rc = hm_front_configure(&server->place, server->settings, server->bound, &err);
    if (rc != HM_OK) {
        hm_event_log("reload-refused", "why", err.text, NULL);
        return;
    }
    /* It ends what it has, and is started with the keys and the log that root names now. */
    hm_child_signal(&server->deliver.child, SIGTERM);
    if (start_deliveries(server, &err) != HM_OK)
        hm_event_log("not-started", "process", server->deliver.child.name, "why", err.text, NULL);
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

/* Nobody else knows of the log of transfers: moved away once it is long, and the one before that
 * is dropped, which was read long ago. */
static void rotate_transfers(struct supervisor *server)
{
    int64_t now_ms = hm_time_monotonic_ms();

    if (!server->has_sockets || now_ms - server->rotated_ms < ROTATE_LOOK_MS)
        return;
    server->rotated_ms = now_ms;
    if (hm_place_rotate_transfers(&server->place, HM_SETTINGS_TRANSFERS_SIZE))
        reopen_log(server);
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
    return server->admin.child.pid != 0 || server->deliver.child.pid != 0 ||
           server->collector.child.pid != 0;
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
        hm_child_signal(&server->deliver.child, signal_number);
        /* Heard to the end by the one above. */
        if (server->deliver.child.pid == 0)
            hm_child_signal(&server->collector.child, signal_number);
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
    HM_TRY(prepare_deliveries(server, err));
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
                 server->settings->is_open ? "open" : "by token", "deliveries",
                 server->has_deliveries ? "recorded" : "none", NULL);
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
    server->packets[0] = server->packets[1] = -1;
    HM_TRY(start(server, err));
    tell_start(server);
    while (server->stop_count == 0) {
        look_at_processes(server);
        look_at_accounts(server);
        rotate_transfers(server);
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

static enum hm_rc run_deliver(int argc, char **argv, const uint32_t numbers[ROLE_NUMBERS],
                              struct hm_err *err)
{
    struct hm_deliver_process_options options = {.run = argv[1],
                                                 .socket = (int)numbers[0],
                                                 .counters = (int)numbers[1],
                                                 .uid = numbers[2],
                                                 .gid = numbers[3]};
    uint32_t packets = 0;

    if (argc != 8 || !parse_id(argv[6], &packets))
        return hm_fail(err, HM_EUSAGE, "this process is started by 'hallmark serve'");
    options.collector = (int)packets;
    options.site = argv[7];
    return hm_deliver_process_run(&options, err);
}

static enum hm_rc run_collector(char **argv, const uint32_t numbers[ROLE_NUMBERS],
                                struct hm_err *err)
{
    const struct hm_collector_options options = {.log = argv[1],
                                                 .socket = (int)numbers[0],
                                                 .counters = (int)numbers[1],
                                                 .uid = numbers[2],
                                                 .gid = numbers[3]};

    return hm_collector_run(&options, err);
}

enum hm_rc hm_supervisor_role(int argc, char **argv, struct hm_err *err)
{
    struct hm_worker_options options = {.socket = -1};
    uint32_t numbers[ROLE_NUMBERS];

    if (argc < 6)
        return hm_fail(err, HM_EUSAGE, "this process is started by 'hallmark serve'");
    for (size_t i = 0; i < HM_ARRAY_COUNT(numbers); i++)
        if (!parse_id(argv[2 + i], &numbers[i]))
            return hm_fail(err, HM_EUSAGE, "this process is started by 'hallmark serve'");
    hm_httpd_block_signals();
    if (strcmp(argv[0], HM_SUPERVISOR_DELIVER) == 0)
        return run_deliver(argc, argv, numbers, err);
    if (argc != 6)
        return hm_fail(err, HM_EUSAGE, "this process is started by 'hallmark serve'");
    if (strcmp(argv[0], HM_SUPERVISOR_COLLECTOR) == 0)
        return run_collector(argv, numbers, err);
    options.run = argv[1];
    options.socket = (int)numbers[0];
    options.counters = (int)numbers[1];
    options.uid = numbers[2];
    options.gid = numbers[3];
    return strcmp(argv[0], HM_SUPERVISOR_WORKER) == 0 ? hm_worker_run(&options, err)
                                                      : hm_admin_run(&options, err);
}

bool hm_supervisor_is_role(const char *word)
{
    static const char *const words[] = {HM_SUPERVISOR_WORKER, HM_SUPERVISOR_ADMIN,
                                        HM_SUPERVISOR_DELIVER, HM_SUPERVISOR_COLLECTOR};

    for (size_t i = 0; i < HM_ARRAY_COUNT(words); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}
