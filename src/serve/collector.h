/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads what nginx says it sent, and hands it over (handover.h). It holds no key,
 * has no database, writes no file, and remembers nothing: how far a log was taken stands beside
 * what was taken from it, so nothing is counted twice, whichever process dies.
 *
 * A log is known by its first line, whatever name it has by now: one that was moved away is read to
 * its end, also by a collector that was not there when that happened. What can't be seen any more
 * is told as a gap in time.
 */
#ifndef HM_SERVE_COLLECTOR_H
#define HM_SERVE_COLLECTOR_H

#include <sys/types.h>

#include "serve/counters.h"

/* Logs that were moved away and are still written to, as by transfers that take long. */
#define HM_COLLECTOR_FILES_MAX 8
/* How long one is looked at that was moved away and does not grow: transfers under way when nginx
 * is told of a new log end within hours at most. */
#define HM_COLLECTOR_OLD_MS (6 * 3600 * (int64_t)1000)
/* Names beside the log that may be older ones of it. */
#define HM_COLLECTOR_NAMES_MAX 1024

struct hm_collector_options {
    const char *log; /* path */
    int socket;      /* of packets, to the process of deliveries */
    int counters;
    uid_t uid; /* who to be from then on; (uid_t)-1: as it is */
    gid_t gid;
};

/* Follows until SIGTERM. */
HM_MUST_CHECK enum hm_rc hm_collector_run(const struct hm_collector_options *options,
                                          struct hm_err *err);

#endif
