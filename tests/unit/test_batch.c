/* SPDX-License-Identifier: Apache-2.0 */
/* serve/batch: all that wait are done once, in order, and none is lost. */
#include "unit.h"

#include <poll.h>
#include <unistd.h>

#include "serve/batch.h"

#define THREADS 16
#define ROUNDS  200

struct work {
    struct hm_batch_item item;
    int done;
};

struct worker {
    struct hm_batch *batch;
    pthread_t thread;
    int good, busy;
};

static void *ask(void *ctx)
{
    struct worker *worker = ctx;

    for (int i = 0; i < ROUNDS; i++) {
        struct work work = {.done = 0};

        if (hm_batch_wait(worker->batch, &work.item) == HM_EBUSY)
            worker->busy++;
        else if (work.done == 1)
            worker->good++;
    }
    return NULL;
}

/* Does what waits until nobody comes any more. */
static size_t serve(struct hm_batch *batch, size_t expected)
{
    struct hm_batch_item *items[8];
    size_t served = 0;

    while (served < expected) {
        struct pollfd wanted = {.fd = batch->wake_fd, .events = POLLIN};
        size_t count;

        if (poll(&wanted, 1, 5000) != 1)
            return served; /* something waits, and nobody said so */
        count = hm_batch_take(batch, items, HM_ARRAY_COUNT(items));
        for (size_t i = 0; i < count; i++)
            ((struct work *)items[i])->done++;
        hm_batch_finish(batch, items, count);
        served += count;
    }
    return served;
}

static void test_wait__returns_once_it_was_done(void **state)
{
    struct worker workers[THREADS];
    struct hm_batch batch;

    assert_int_equal(hm_batch_init(&batch, HM_BATCH_WAITING_MAX, NULL), HM_OK);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.batch = &batch};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, ask, &workers[i]), 0);
    }
    assert_int_equal(serve(&batch, THREADS * ROUNDS), THREADS * ROUNDS);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].good, ROUNDS);
    }
    assert_int_equal(hm_batch_count(&batch), 0);
    hm_batch_done(&batch);
}

static void test_wait__is_busy_where_too_many_wait(void **state)
{
    struct worker first = {0};
    struct hm_batch_item *items[2];
    struct work second = {.done = 0};
    struct hm_batch batch;

    assert_int_equal(hm_batch_init(&batch, 1, NULL), HM_OK);
    first.batch = &batch;
    assert_int_equal(pthread_create(&first.thread, NULL, ask, &first), 0);
    while (hm_batch_count(&batch) == 0)
        (void)usleep(1000);
    assert_int_equal(hm_batch_wait(&batch, &second.item), HM_EBUSY);
    assert_int_equal(hm_batch_take(&batch, items, 2), 1);
    /* What is being done counts too. */
    assert_int_equal(hm_batch_wait(&batch, &second.item), HM_EBUSY);
    hm_batch_end(&batch);
    hm_batch_finish(&batch, items, 1);
    assert_int_equal(pthread_join(first.thread, NULL), 0);
    assert_int_equal(first.busy, ROUNDS - 1); /* after the end nothing is taken */
    assert_int_equal(hm_batch_take(&batch, items, 2), 0);
    hm_batch_done(&batch);
}

static void test_end__leaves_what_waits_to_be_done(void **state)
{
    struct worker worker = {0};
    struct hm_batch_item *items[2];
    struct hm_batch batch;

    assert_int_equal(hm_batch_init(&batch, 4, NULL), HM_OK);
    worker.batch = &batch;
    assert_int_equal(pthread_create(&worker.thread, NULL, ask, &worker), 0);
    while (hm_batch_count(&batch) == 0)
        (void)usleep(1000);
    hm_batch_end(&batch);
    assert_int_equal(hm_batch_take(&batch, items, 2), 1);
    ((struct work *)items[0])->done++;
    hm_batch_finish(&batch, items, 1);
    assert_int_equal(pthread_join(worker.thread, NULL), 0);
    assert_int_equal(worker.good, 1);
    hm_batch_done(&batch);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait__returns_once_it_was_done),
        cmocka_unit_test(test_wait__is_busy_where_too_many_wait),
        cmocka_unit_test(test_end__leaves_what_waits_to_be_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
