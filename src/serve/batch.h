/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait for one flush together: each thread puts its own in and waits; one thread
 * takes all that are there, does them, and lets their owners go on. While it flushes, the next ones
 * gather: so there is one flush for each batch, and the batches are as large as need be.
 */
#ifndef HM_SERVE_BATCH_H
#define HM_SERVE_BATCH_H

#include <pthread.h>

#include "base/error.h"

/* At once; more are told to come again. A batch of this size is done in half a second. */
#define HM_BATCH_WAITING_MAX 512

/* Stands at the beginning of whatever waits; belongs to the thread that waits. */
struct hm_batch_item {
    /* private: */
    struct hm_batch_item *next;
    pthread_cond_t finished; /* of its own: hundreds that wait are not woken for one another */
    bool is_done;
};

struct hm_batch {
    pthread_mutex_t lock;
    struct hm_batch_item *first, **last;
    size_t count; /* waiting or being done */
    size_t count_max;
    bool is_ended;
    int wake_fd; /* eventfd: readable when something waits or it ended; for who polls */
};

HM_MUST_CHECK enum hm_rc hm_batch_init(struct hm_batch *batch, size_t count_max,
                                       struct hm_err *err);
void hm_batch_done(struct hm_batch *batch);

/* Puts it in, and returns once it was done. HM_EBUSY: too many wait, or nothing is taken any more;
 * it was not put in. */
HM_MUST_CHECK enum hm_rc hm_batch_wait(struct hm_batch *batch, struct hm_batch_item *item);
/* Takes those that wait, in the order in which they came, count_max at most; none is fine. */
size_t hm_batch_take(struct hm_batch *batch, struct hm_batch_item **ret_items, size_t count_max);
/* Lets their owners go on: the items are theirs from then on. */
void hm_batch_finish(struct hm_batch *batch, struct hm_batch_item **items, size_t count);
/* Takes nothing new; what waits already is still to be done. */
void hm_batch_end(struct hm_batch *batch);
bool hm_batch_is_ended(struct hm_batch *batch);
/* How many wait or are being done. */
size_t hm_batch_count(struct hm_batch *batch);

#endif
