/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a server count together, in memory that they share; and how monitoring
 * reads it (Prometheus text format 0.0.4).
 */
#ifndef HM_SERVE_COUNTERS_H
#define HM_SERVE_COUNTERS_H

#include "base/buf.h"

#define HM_COUNTERS_STATUSES 6 /* 200, 401, 403, 404, 405, 503 */

/* Changed by atomic operations alone. */
struct hm_counters {
    uint64_t decisions[HM_COUNTERS_STATUSES];
    uint64_t worker_restarts, nginx_restarts, reloads, exports, failed_exports;
    uint64_t generation; /* of accounts, in force */
    int64_t started_unix_s;
    uint32_t workers_up, nginx_up;
};

/* What nginx says of itself. */
struct hm_counters_front {
    bool is_known;
    uint64_t active, accepted, handled, requests, reading, writing, waiting;
};

/* A new one; *ret_fd is inherited by the processes that share it, and ends with the last. */
HM_MUST_CHECK enum hm_rc hm_counters_new(struct hm_err *err, struct hm_counters **ret_counters,
                                         int *ret_fd);
/* The one behind an inherited descriptor. */
HM_MUST_CHECK enum hm_rc hm_counters_open(int fd, struct hm_err *err,
                                          struct hm_counters **ret_counters);
void hm_counters_decision(struct hm_counters *counters, unsigned status);
/* Reads the page of nginx's stub_status. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_counters_parse_front(struct hm_bytes text, struct hm_err *err,
                                                 struct hm_counters_front *ret_front);
HM_MUST_CHECK enum hm_rc hm_counters_write(const struct hm_counters *counters,
                                           const struct hm_counters_front *front,
                                           struct hm_err *err, struct hm_buf *ret_text);

#endif
