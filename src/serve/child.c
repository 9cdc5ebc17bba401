/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending processes. See child.h. */
#include "serve/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/time.h"

#define EXIT_NOT_RUN 127

/* In the new process, between fork and exec: only what may be called there. */
HM_NORETURN static void become(const struct hm_child *child, pid_t parent)
{
    const char *environment[3] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", child->variable, NULL};
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)sigaction(SIGPIPE, &plain, NULL);
    if (child->is_group)
        (void)setpgid(0, 0); /* the parent does it too */
    if (prctl(PR_SET_PDEATHSIG, child->end_signal, 0, 0, 0) != 0 || getppid() != parent)
        _exit(EXIT_NOT_RUN);
    for (size_t i = 0; i < child->fd_count; i++)
        if (fcntl(child->fds[i], F_SETFD, 0) != 0)
            _exit(EXIT_NOT_RUN);
    (void)execve(child->argv[0], (char *const *)(uintptr_t)child->argv,
                 (char *const *)(uintptr_t)environment);
    _exit(EXIT_NOT_RUN);
}

enum hm_rc hm_child_start(struct hm_child *child, struct hm_err *err)
{
    pid_t parent = getpid();
    pid_t pid;

    if (access(child->argv[0], X_OK) != 0)
        return hm_fail(err, HM_EINPUT, "'%s' is not there to be run: %s", child->argv[0],
                       strerror(errno));
    pid = fork();
    if (pid < 0)
        return hm_fail(err, HM_EINTERNAL, "no process can be made for %s: %s", child->name,
                       strerror(errno));
    if (pid == 0)
        become(child, parent);
    if (child->is_group)
        (void)setpgid(pid, pid); /* it has, if it was faster */
    child->pid = pid;
    child->since_ms = hm_time_monotonic_ms();
    child->is_due_later = false;
    return HM_OK;
}

void hm_child_ended(struct hm_child *child)
{
    int64_t now_ms = hm_time_monotonic_ms();

    if (child->is_group)
        (void)kill(-child->pid, SIGKILL); /* mostly nobody is left */
    child->is_due_later = now_ms - child->since_ms < HM_CHILD_WELL_MS;
    child->since_ms = now_ms;
    child->pid = 0;
}

bool hm_child_is_due(const struct hm_child *child)
{
    return child->pid == 0 &&
           (!child->is_due_later || hm_time_monotonic_ms() - child->since_ms >= HM_CHILD_PAUSE_MS);
}

void hm_child_signal(const struct hm_child *child, int signal_number)
{
    if (child->pid > 0)
        (void)kill(child->pid, signal_number); /* its end is seen by waitpid */
}

/* --- running to the end --- */

HM_NORETURN static void become_told(const char *const *argv, int output)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    sigset_t none;
    int nothing = open("/dev/null", O_RDONLY);

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(EXIT_NOT_RUN);
    (void)execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    _exit(EXIT_NOT_RUN);
}

/* What comes until the end or the deadline; past the buffer's maximum it is dropped. */
static void gather(int fd, int64_t end_ms, struct hm_buf *ret_output)
{
    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        int64_t left_ms = end_ms - hm_time_monotonic_ms();
        char block[2048];
        ssize_t got;

        if (left_ms <= 0 || (poll(&wanted, 1, (int)left_ms) <= 0 && errno != EINTR))
            return;
        got = read(fd, block, sizeof(block));
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        if (got > 0 && hm_buf_append(ret_output, hm_bytes_make(block, (size_t)got), NULL) != HM_OK)
            continue; /* enough is there */
    }
}

enum hm_rc hm_child_output(const char *const *argv, uint32_t wait_ms, struct hm_err *err,
                           struct hm_buf *ret_output, int *ret_status)
{
    int64_t end_ms = hm_time_monotonic_ms() + wait_ms;
    int ends[2] = {-1, -1};
    pid_t pid;

    if (access(argv[0], X_OK) != 0)
        return hm_fail(err, HM_EINPUT, "'%s' is not there to be run: %s", argv[0], strerror(errno));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return hm_fail(err, HM_EINTERNAL, "no pipe can be made: %s", strerror(errno));
    pid = fork();
    if (pid == 0)
        become_told(argv, ends[1]);
    hm_dir_close_fd(&ends[1]);
    if (pid > 0) {
        gather(ends[0], end_ms, ret_output);
        if (hm_time_monotonic_ms() >= end_ms)
            (void)kill(pid, SIGKILL);
        while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
            continue;
    }
    hm_dir_close_fd(&ends[0]);
    return pid > 0 ? HM_OK : hm_fail(err, HM_EINTERNAL, "no process can be made for '%s'", argv[0]);
}
