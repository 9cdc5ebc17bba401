/* SPDX-License-Identifier: Apache-2.0 */
/* serve/deliver: what is asked for, one flush for all that wait, and what the collector counted
 * before it; over a ledger that is only a few numbers. */
#include "unit.h"

#include <poll.h>
#include <unistd.h>

#include "serve/deliver.h"

#define HEX     "5b7faa2bcf97eb1ae64fbef1f4fe9a7de8e8ba34cd2ea1cd7f4f1b2a0b1a4c1c"
#define THREADS 8
#define ROUNDS  50

/* What a ledger would keep: pending until the next flush, and kept. */
struct book {
    uint64_t pending_bytes, bytes, position, pending_position, gaps, takes, taken, ticks;
    uint64_t bytes_at_answer; /* that were known when an answer was taken */
    enum hm_rc take_rc;
    pthread_t reader; /* who took, when anything was taken */
};

static enum hm_rc collect(void *ctx, const struct hm_handover *batch, struct hm_err *err)
{
    struct book *book = ctx;

    if (batch->from != book->pending_position)
        return HM_EAGAIN;
    for (size_t i = 0; i < batch->count; i++)
        book->pending_bytes += batch->transfers[i].bytes;
    book->pending_position = batch->to;
    return HM_OK;
}

static enum hm_rc gap(void *ctx, int64_t since, int64_t until, struct hm_err *err)
{
    ((struct book *)ctx)->gaps++;
    return HM_OK;
}

static enum hm_rc position(void *ctx, const struct hm_sha256 *source, struct hm_err *err,
                           struct hm_handover *ret_position)
{
    ret_position->from = ((struct book *)ctx)->pending_position;
    ret_position->is_known = true;
    return HM_OK;
}

static enum hm_rc take(void *ctx, struct hm_deliver_item **items, size_t count, int64_t now_unix_s,
                       struct hm_err *err)
{
    struct book *book = ctx;

    (void)usleep(1000); /* a disk */
    if (book->takes++ == 0)
        book->reader = pthread_self();
    assert_true(pthread_equal(book->reader, pthread_self())); /* heads and proofs, too */
    if (book->take_rc != HM_OK) {
        book->pending_bytes = 0;
        book->pending_position = book->position;
        return hm_fail(err, book->take_rc, "the disk is full");
    }
    book->bytes += book->pending_bytes;
    book->pending_bytes = 0;
    book->position = book->pending_position;
    for (size_t i = 0; i < count; i++) {
        items[i]->status = 200;
        if (items[i]->kind == HM_DELIVER_ANSWER)
            book->bytes_at_answer = book->bytes;
        assert_int_equal(hm_buf_append(&items[i]->answer, items[i]->body, NULL), HM_OK);
        book->taken++;
    }
    return HM_OK;
}

static enum hm_rc tick(void *ctx, int64_t now_unix_s, struct hm_err *err)
{
    ((struct book *)ctx)->ticks++;
    return HM_OK;
}

static void counts(void *ctx, struct hm_counters_ledger *ret_counts)
{
    ret_counts->acknowledged = ((struct book *)ctx)->taken;
}

static struct hm_deliver *begin(struct book *book, struct hm_deliver_ledger *ledger,
                                struct hm_counters *counters, int collector)
{
    const struct hm_deliver_options options = {
        .ledger = ledger, .counters = counters, .collector = collector};
    struct hm_deliver *deliver = NULL;

    *ledger = (struct hm_deliver_ledger){.ctx = book,
                                         .collect = collect,
                                         .gap = gap,
                                         .position = position,
                                         .take = take,
                                         .tick = tick,
                                         .counts = counts};
    assert_int_equal(hm_deliver_new(&options, NULL, &deliver), HM_OK);
    return deliver;
}

static unsigned ask(struct hm_deliver *deliver, const char *method, const char *path,
                    const char *body, const char *client, const char *account, char text[256])
{
    const struct hm_deliver_question question = {.method = method,
                                                 .path = path,
                                                 .client = client,
                                                 .account = account,
                                                 .body = hm_bytes_str(body)};
    struct hm_deliver_item item;
    unsigned status;

    hm_deliver_answer(deliver, &question, &item);
    if (text != NULL)
        (void)snprintf(text, 256, "%s", hm_buf_str(&item.answer));
    status = item.status;
    hm_deliver_item_done(&item);
    return status;
}

static void test_answer__knows_its_paths(void **state)
{
    static const struct {
        const char *method, *path, *client, *account;
        unsigned status;
    } cases[] = {
        {"POST", "/delivery/key", NULL, "dc1", 200},
        {"POST", "/delivery/request", NULL, "dc1", 200},
        {"POST", "/delivery/answer", NULL, "dc1", 200},
        {"GET", "/delivery/head", "dc1%2Fhost-01234567", "dc1", 200},
        {"GET", "/delivery/proof/" HEX, NULL, "dc1", 200},
        {"GET", "/delivery/key", NULL, "dc1", 405},
        {"HEAD", "/delivery/key", NULL, "dc1", 405},
        {"PUT", "/delivery/request", NULL, "dc1", 405},
        {"POST", "/delivery/head", "x", "dc1", 405},
        {"POST", "/delivery/proof/" HEX, NULL, "dc1", 405},
        {"GET", "/delivery/head", NULL, "dc1", 400},
        {"GET", "/delivery/head", "", "dc1", 400},
        {"GET", "/delivery/head", "a%2", "dc1", 400},
        {"GET", "/delivery/head", "a%zz", "dc1", 400},
        {"GET", "/delivery/head", "a%00b", "dc1", 400},
        {"GET", "/delivery/head", "a b", "dc1", 400},
        {"GET", "/delivery/head", "a\nb", "dc1", 400},
        {"GET", "/delivery/proof/", NULL, "dc1", 404},
        {"GET", "/delivery/proof/" HEX "00", NULL, "dc1", 404},
        {"GET", "/delivery/proof/../key", NULL, "dc1", 404},
        {"GET", "/delivery/", NULL, "dc1", 404},
        {"POST", "/delivery/keys", NULL, "dc1", 404},
        {"POST", "/delivery", NULL, "dc1", 404},
        {"POST", "/metadata/1.root.json", NULL, "dc1", 404},
        {"POST", "/delivery/key", NULL, NULL, 403},
        {"POST", "/delivery/key", NULL, "", 403},
    };
    struct hm_counters counters = {.workers_up = 1};
    struct hm_deliver_ledger ledger;
    struct book book = {0};
    struct hm_deliver *deliver = begin(&book, &ledger, &counters, -1);
    char long_name[HM_DELIVER_CLIENT_SIZE_MAX + 1];
    size_t good = 0;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        unsigned status = ask(deliver, cases[i].method, cases[i].path, "x", cases[i].client,
                              cases[i].account, NULL);

        if (status != cases[i].status)
            fail_msg("%s %s: %u", cases[i].method, cases[i].path, status);
        good += status == 200;
    }
    memset(long_name, 'a', sizeof(long_name));
    long_name[HM_DELIVER_CLIENT_SIZE_MAX] = '\0';
    assert_int_equal(ask(deliver, "GET", "/delivery/head", "", long_name, "dc1", NULL), 400);
    assert_int_equal(ask(deliver, "GET", "/delivery/head", "", long_name + 1, "dc1", NULL), 200);
    hm_deliver_free(deliver);
    assert_int_equal(book.taken, good + 1);
    assert_int_equal(counters.deliveries.answers[0], good + 1);
}

struct worker {
    struct hm_deliver *deliver;
    pthread_t thread;
    int good;
};

static void *ask_often(void *ctx)
{
    struct worker *worker = ctx;

    for (int i = 0; i < ROUNDS; i++) {
        char body[32];
        char text[256];

        (void)snprintf(body, sizeof(body), "%p %d", ctx, i);
        if (ask(worker->deliver, "POST", "/delivery/request", body, NULL, "dc1", text) == 200 &&
            strcmp(text, body) == 0)
            worker->good++;
    }
    return NULL;
}

static void test_answer__flushes_once_for_all_that_wait(void **state)
{
    struct hm_counters counters = {.workers_up = 1};
    struct hm_deliver_ledger ledger;
    struct book book = {0};
    struct hm_deliver *deliver = begin(&book, &ledger, &counters, -1);
    struct worker workers[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.deliver = deliver};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, ask_often, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].good, ROUNDS);
    }
    hm_deliver_free(deliver);
    assert_int_equal(book.taken, THREADS * ROUNDS);
    assert_true(book.takes < THREADS * ROUNDS);
    assert_int_equal(counters.deliveries.batches, book.takes);
}

static void test_answer__is_503_where_nothing_can_be_kept(void **state)
{
    struct hm_counters counters = {.workers_up = 1};
    struct hm_deliver_ledger ledger;
    struct book book = {.take_rc = HM_EIO};
    struct hm_deliver *deliver = begin(&book, &ledger, &counters, -1);
    char text[256];

    assert_int_equal(ask(deliver, "POST", "/delivery/request", "x", NULL, "dc1", text), 503);
    assert_string_equal(text, "deliveries cannot be recorded now\n");
    book.take_rc = HM_OK;
    assert_int_equal(ask(deliver, "POST", "/delivery/request", "x", NULL, "dc1", text), 200);
    hm_deliver_free(deliver);
    assert_int_equal(counters.deliveries.failed_batches, 1);
    assert_int_equal(book.taken, 1);
}

/* The collector's side: what it says when it is asked to catch up. */
struct collector {
    int fd;
    pthread_t thread;
    unsigned asked;
    bool is_silent;
};

static void *collect_on(void *ctx)
{
    static const struct hm_transfer transfer = {.path = HM_BYTES_LITERAL("acme/nic/1.0/nic.bin"),
                                                .bytes = 1000};
    struct collector *collector = ctx;

    for (;;) {
        _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
        struct pollfd wanted = {.fd = collector->fd, .events = POLLIN};
        struct hm_handover packet;
        struct hm_handover batch = {
            .kind = HM_HANDOVER_BATCH, .id = 1, .to = 100, .transfers = &transfer, .count = 1};
        const struct hm_handover twice = batch;

        (void)poll(&wanted, 1, 10000);
        if (hm_handover_receive(collector->fd, &arena, NULL, &raw, &packet) != HM_OK)
            return NULL; /* its other end was closed */
        if (packet.kind != HM_HANDOVER_CATCH_UP)
            continue;
        collector->asked++;
        if (collector->is_silent)
            continue;
        /* The second time it is not where the ledger stands, and counts for nothing. */
        assert_int_equal(hm_handover_send(collector->fd, &batch, NULL), HM_OK);
        assert_int_equal(hm_handover_send(collector->fd, &twice, NULL), HM_OK);
        packet.kind = HM_HANDOVER_CAUGHT_UP;
        assert_int_equal(hm_handover_send(collector->fd, &packet, NULL), HM_OK);
    }
}

static void run_with_collector(struct book *book, struct hm_counters *counters, bool is_silent,
                               struct collector *collector)
{
    struct hm_deliver_ledger ledger;
    struct hm_deliver *deliver;
    int fds[2];

    assert_int_equal(hm_handover_pair(NULL, fds), HM_OK);
    *collector = (struct collector){.fd = fds[1], .is_silent = is_silent};
    assert_int_equal(pthread_create(&collector->thread, NULL, collect_on, collector), 0);
    deliver = begin(book, &ledger, counters, fds[0]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(deliver, "POST", "/delivery/answer", "x", NULL, "dc1", NULL), 200);
    assert_int_equal(ask(deliver, "POST", "/delivery/request", "x", NULL, "dc1", NULL), 200);
    hm_deliver_free(deliver);
    (void)close(fds[0]);
    assert_int_equal(pthread_join(collector->thread, NULL), 0);
    (void)close(fds[1]);
}

static void test_answer__hears_the_collector_before_it_receipts(void **state)
{
    struct hm_counters counters = {.workers_up = 1};
    struct collector collector;
    struct book book = {0};

    run_with_collector(&book, &counters, false, &collector);
    assert_int_equal(book.bytes, 1000);
    assert_int_equal(book.bytes_at_answer, 1000);
    assert_int_equal(collector.asked, 2); /* for answers alone */
    assert_int_equal(counters.deliveries.silences, 0);
}

static void test_answer__does_not_wait_for_a_silent_collector_again(void **state)
{
    struct hm_counters counters = {.workers_up = 1};
    struct collector collector;
    struct book book = {0};

    run_with_collector(&book, &counters, true, &collector);
    assert_int_equal(book.bytes, 0); /* nothing is invented */
    assert_int_equal(collector.asked, 1);
    assert_int_equal(counters.deliveries.silences, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer__knows_its_paths),
        cmocka_unit_test(test_answer__flushes_once_for_all_that_wait),
        cmocka_unit_test(test_answer__is_503_where_nothing_can_be_kept),
        cmocka_unit_test(test_answer__hears_the_collector_before_it_receipts),
        cmocka_unit_test(test_answer__does_not_wait_for_a_silent_collector_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
