/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that decides on nginx's questions, and nothing else: it reads the book, holds no key,
 * has no database, and cannot write a file or start a program. Its socket is given to it.
 */
#ifndef HM_SERVE_WORKER_H
#define HM_SERVE_WORKER_H

#include "base/dir.h"
#include "serve/counters.h"

#define HM_WORKER_CONNECTIONS_MAX                                                                  \
    2048 /* nginx keeps 32 of each of its processes, and needs more at                             \
            once only while they wait for an answer */

struct hm_worker_options {
    const char *run; /* the run folder, with the book */
    int socket;      /* listening */
    int counters;
    uid_t uid; /* who to be from then on; (uid_t)-1: as it is */
    gid_t gid;
};

/* Serves until SIGTERM. */
HM_MUST_CHECK enum hm_rc hm_worker_run(const struct hm_worker_options *options, struct hm_err *err);

#endif
