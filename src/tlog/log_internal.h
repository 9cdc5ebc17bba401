/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What log.c (appending), log_settle.c (tiles) and log_prove.c (reading back) share.
 *
 * Locks, in the order in which they are taken: settling, queue, tail. Whoever set is_busy is the
 * only one that writes records and changes the tail; it holds tail alone, and only while it changes
 * it: what is added there and not yet durable is beyond head, where nobody else looks.
 */
#ifndef HM_TLOG_LOG_INTERNAL_H
#define HM_TLOG_LOG_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>

#include "base/lock.h"
#include "tlog/log.h"
#include "tlog/wal.h"

/* A call of hm_log_append that waits. It is woken once, with all said: it takes no lock then, which
 * hundreds of others would wait for. */
struct hm_log_waiting {
    struct hm_log_waiting *next;
    const struct hm_bytes *entries;
    size_t count;
    size_t size;    /* of the entries as they stand in a record */
    bool is_leader; /* it is to write the next batch, and is busy from now on; else it is done */
    enum hm_rc rc;
    struct hm_err *err;
    uint64_t first;
    sem_t woken;
};

struct hm_log {
    struct hm_dir private_dir;
    struct hm_dir public_dir;
    struct hm_lock lock;

    pthread_mutex_t tail_mutex;
    struct hm_tail *tail;
    struct hm_log_head head;

    pthread_mutex_t queue_mutex;
    pthread_cond_t idle; /* for those who want to be alone */
    size_t alone_count;  /* how many of them wait */
    bool is_busy;
    struct hm_log_waiting *queue_first;
    struct hm_log_waiting *queue_last;

    /* Of whoever is busy. */
    struct hm_wal wal;
    struct hm_digest *digest;
    struct hm_buf bundle; /* the entries of a record */
    bool is_failed;       /* the records' end is not known */

    pthread_mutex_t settle_mutex;
    uint64_t settled; /* tiles of so many entries are in place, and flushed */
    bool is_compared; /* those from the tail's base on, too: not so just after opening */
    uint64_t signed_size;
};

/* Waits until nobody writes, and keeps others from it until hm_log_leave. */
void hm_log_enter(struct hm_log *log);
void hm_log_leave(struct hm_log *log);
/* HM_EINTERNAL if the log must be opened again. By whoever is busy. */
HM_MUST_CHECK enum hm_rc hm_log_check_usable(const struct hm_log *log, struct hm_err *err);
/* As hm_log_settle, and says what has been settled: the head of some moment during the call. */
HM_MUST_CHECK enum hm_rc hm_log_settle_head(struct hm_log *log, struct hm_err *err,
                                            struct hm_log_head *ret_head);

#endif
