/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are done together. See batch.h. */
#include "serve/batch.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void lock(struct hm_batch *batch)
{
    (void)pthread_mutex_lock(&batch->lock); /* a plain mutex of ours: cannot fail */
}

static void unlock(struct hm_batch *batch)
{
    (void)pthread_mutex_unlock(&batch->lock);
}

enum hm_rc hm_batch_init(struct hm_batch *batch, size_t count_max, struct hm_err *err)
{
    *batch = (struct hm_batch){.count_max = count_max};
    batch->last = &batch->first;
    batch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (batch->wake_fd < 0)
        return hm_fail(err, HM_EINTERNAL, "no events can be told: %s", strerror(errno));
    (void)pthread_mutex_init(&batch->lock, NULL); /* of the default kind: cannot fail */
    return HM_OK;
}

void hm_batch_done(struct hm_batch *batch)
{
    if (batch->last == NULL)
        return; /* was never made */
    (void)close(batch->wake_fd);
    (void)pthread_mutex_destroy(&batch->lock);
    *batch = (struct hm_batch){.wake_fd = -1};
}

/* An eventfd takes it unless it is full, and then whoever polls it is awake. */
static void wake(struct hm_batch *batch)
{
    (void)!eventfd_write(batch->wake_fd, 1);
}

enum hm_rc hm_batch_wait(struct hm_batch *batch, struct hm_batch_item *item)
{
    lock(batch);
    if (batch->is_ended || batch->count == batch->count_max) {
        unlock(batch);
        return HM_EBUSY;
    }
    *item = (struct hm_batch_item){.next = NULL};
    (void)pthread_cond_init(&item->finished, NULL);
    if (batch->first == NULL)
        wake(batch);
    *batch->last = item;
    batch->last = &item->next;
    batch->count++;
    while (!item->is_done)
        (void)pthread_cond_wait(&item->finished, &batch->lock);
    unlock(batch);
    (void)pthread_cond_destroy(&item->finished);
    return HM_OK;
}

size_t hm_batch_take(struct hm_batch *batch, struct hm_batch_item **ret_items, size_t count_max)
{
    eventfd_t ignored;
    size_t count = 0;

    lock(batch);
    (void)!eventfd_read(batch->wake_fd, &ignored); /* nothing there is fine */
    while (batch->first != NULL && count < count_max) {
        ret_items[count++] = batch->first;
        batch->first = batch->first->next;
    }
    if (batch->first == NULL)
        batch->last = &batch->first;
    else
        wake(batch);
    unlock(batch);
    return count;
}

void hm_batch_finish(struct hm_batch *batch, struct hm_batch_item **items, size_t count)
{
    lock(batch);
    for (size_t i = 0; i < count; i++) {
        items[i]->is_done = true;
        (void)pthread_cond_signal(&items[i]->finished);
    }
    batch->count -= count;
    unlock(batch);
}

void hm_batch_end(struct hm_batch *batch)
{
    lock(batch);
    batch->is_ended = true;
    wake(batch);
    unlock(batch);
}

bool hm_batch_is_ended(struct hm_batch *batch)
{
    bool is_ended;

    lock(batch);
    is_ended = batch->is_ended;
    unlock(batch);
    return is_ended;
}

size_t hm_batch_count(struct hm_batch *batch)
{
    size_t count;

    lock(batch);
    count = batch->count;
    unlock(batch);
    return count;
}
