/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that a supervisor starts, watches and ends. */
#ifndef HM_SERVE_CHILD_H
#define HM_SERVE_CHILD_H

#include <sys/types.h>

#include "base/buf.h"

/* A process that died this soon was never well: it is started again after a pause. */
#define HM_CHILD_WELL_MS  2000
#define HM_CHILD_PAUSE_MS 1000

struct hm_child {
    const char *name;        /* for messages */
    const char *const *argv; /* ended by NULL; argv[0] is run, by its path */
    const char *variable;    /* NAME=VALUE for its environment; NULL: none */
    const int *fds;          /* inherited; each stays the number that it is */
    size_t fd_count;
    int end_signal;    /* that it gets when this process dies */
    bool is_group;     /* a process group of its own, which is killed when its leader dies */
    pid_t pid;         /* 0: does not run */
    int64_t since_ms;  /* when it was started, or died */
    bool is_due_later; /* died too soon */
};

/* Starts it. HM_EINTERNAL, HM_EINPUT (no such program). */
HM_MUST_CHECK enum hm_rc hm_child_start(struct hm_child *child, struct hm_err *err);
/* Takes note of its end; what is left of its group is killed. */
void hm_child_ended(struct hm_child *child);
/* True if it does not run and may be started now. */
bool hm_child_is_due(const struct hm_child *child);
void hm_child_signal(const struct hm_child *child, int signal_number);
/* Runs a program to its end and gathers what it prints, up to the buffer's maximum. *ret_status is
 * as of waitpid(2). */
HM_MUST_CHECK enum hm_rc hm_child_output(const char *const *argv, uint32_t wait_ms,
                                         struct hm_err *err, struct hm_buf *ret_output,
                                         int *ret_status);

#endif
