/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a server count together, in memory that they share; and how monitoring
 * reads it (Prometheus text format 0.0.4).
 */
#ifndef HM_SERVE_COUNTERS_H
#define HM_SERVE_COUNTERS_H

#include "base/buf.h"

#define HM_COUNTERS_STATUSES 6 /* 200, 401, 403, 404, 405, 503 */

/* Answers about deliveries, by status; what is none of these counts as the last. */
#define HM_COUNTERS_DELIVERY_STATUSES 10 /* 200, 400, 401, 403, 404, 405, 409, 410, 503, 500 */
#define HM_COUNTERS_BATCH_TIMES       7  /* 5, 10, 25, 50, 100, 250 ms, and longer */

/* What the ledger has. */
struct hm_counters_ledger {
    uint64_t requested, offered, unacked, acknowledged, rejected, unsigned_transfers;
    uint64_t keys, leaves_pending, gaps;
};

/* Of the process of deliveries, which alone changes them. */
struct hm_counters_deliveries {
    uint64_t answers[HM_COUNTERS_DELIVERY_STATUSES];
    uint64_t batches, batched, failed_batches;
    uint64_t batch_times[HM_COUNTERS_BATCH_TIMES], batch_ms;
    uint64_t collected, unread, silences; /* transfers, lines, times without an answer */
    struct hm_counters_ledger ledger;
    uint64_t restarts, collector_restarts; /* the supervisor's */
    uint32_t is_kept;                      /* the site has deliveries */
    uint32_t up, collector_up;
};

/* Changed by atomic operations alone. */
struct hm_counters {
    uint64_t decisions[HM_COUNTERS_STATUSES];
    uint64_t worker_restarts, nginx_restarts, reloads, exports, failed_exports;
    uint64_t generation; /* of accounts, in force */
    int64_t started_unix_s;
    uint32_t workers_up, nginx_up;
    struct hm_counters_deliveries deliveries;
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
/* An answer about deliveries. */
void hm_counters_delivery(struct hm_counters *counters, unsigned status);
/* A batch, and how long it took. */
void hm_counters_batch(struct hm_counters *counters, size_t count, int64_t took_ms, bool is_failed);
/* What the collector handed over; and that it did not in time. */
void hm_counters_collected(struct hm_counters *counters, size_t count, uint32_t unread);
void hm_counters_uncollected(struct hm_counters *counters);
void hm_counters_ledger(struct hm_counters *counters, const struct hm_counters_ledger *ledger);
/* Reads the page of nginx's stub_status. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_counters_parse_front(struct hm_bytes text, struct hm_err *err,
                                                 struct hm_counters_front *ret_front);
HM_MUST_CHECK enum hm_rc hm_counters_write(const struct hm_counters *counters,
                                           const struct hm_counters_front *front,
                                           struct hm_err *err, struct hm_buf *ret_text);

#endif
