/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries: from connections to flushes and back. See deliver.h. */
#include "serve/deliver.h"

#include <errno.h>
#include <poll.h>

#include "base/time.h"
#include "serve/event.h"

#define PREFIX       "/delivery/"
#define BUSY         "too many statements wait: come again\n"
#define FAILED       "deliveries cannot be recorded now\n"
#define BUSY_RETRY_S 1
#define FULL_RETRY_S 30
#define WAKE_STEP_MS 1000

struct hm_deliver {
    struct hm_deliver_options options;
    struct hm_batch batch;
    pthread_t thread;
    bool has_thread;
    bool is_collector_silent; /* it did not answer in time: nobody waits for it until it speaks */
    bool has_collected;       /* something that is not flushed yet */
    uint64_t catch_up;
    int64_t ticked_ms;
    struct hm_arena arena; /* of the packet that is being taken */
    struct hm_buf raw;
};

/* --- what is asked for --- */

bool hm_deliver_is_path(const char *path)
{
    return strncmp(path, PREFIX, strlen(PREFIX)) == 0;
}

/* A key's name as a question has it: percent-encoded where it must be. */
static bool decode(const char *text, char ret_text[HM_DELIVER_CLIENT_SIZE_MAX])
{
    size_t size = 0;

    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;

        if (byte == '%') {
            if (text[1] == '\0' || text[2] == '\0' ||
                hm_text_unhex(hm_bytes_make(text + 1, 2), &byte, 1) != HM_OK)
                return false;
            text += 2;
        }
        if (byte <= ' ' || byte >= 0x7f || size + 1 >= HM_DELIVER_CLIENT_SIZE_MAX)
            return false;
        ret_text[size++] = (char)byte;
    }
    ret_text[size] = '\0';
    return size > 0;
}

unsigned hm_deliver_read(const struct hm_deliver_question *question, struct hm_deliver_item *item,
                         char ret_client[HM_DELIVER_CLIENT_SIZE_MAX])
{
    static const char *const posts[] = {"key", "request", "answer"};
    static const char proof[] = "proof/";
    const char *path = question->path + strlen(PREFIX);
    bool is_get = strcmp(question->method, "GET") == 0;

    item->account = question->account;
    item->body = question->body;
    for (size_t i = 0; i < HM_ARRAY_COUNT(posts); i++)
        if (strcmp(path, posts[i]) == 0) {
            item->kind = (enum hm_deliver_kind)(HM_DELIVER_KEY + i);
            return strcmp(question->method, "POST") == 0 ? 0 : 405;
        }
    if (strcmp(path, "head") == 0) {
        item->kind = HM_DELIVER_HEAD;
        if (!is_get)
            return 405;
        if (question->client == NULL || !decode(question->client, ret_client))
            return 400;
        item->client = ret_client;
        return 0;
    }
    if (strncmp(path, proof, strlen(proof)) == 0) {
        struct hm_bytes hex = hm_bytes_str(path + strlen(proof));

        item->kind = HM_DELIVER_PROOF;
        if (!is_get)
            return 405;
        return hm_text_unhex(hex, item->hash.bytes, HM_SHA256_SIZE) == HM_OK ? 0 : 404;
    }
    return 404;
}

static const char *words_of(unsigned status)
{
    switch (status) {
    case 400:
        return "the question has no name of a key\n";
    case 403:
        return "no customer is known\n";
    case 405:
        return "statements are posted, heads and proofs are got\n";
    default:
        return "there is nothing here\n";
    }
}

static void refuse(struct hm_deliver_item *item, unsigned status, const char *words)
{
    item->status = status;
    hm_buf_clear(&item->answer);
    if (hm_buf_append_str(&item->answer, words, NULL) != HM_OK)
        item->status = 500;
}

void hm_deliver_item_done(struct hm_deliver_item *item)
{
    hm_buf_done(&item->answer);
}

void hm_deliver_answer(struct hm_deliver *deliver, const struct hm_deliver_question *question,
                       struct hm_deliver_item *item)
{
    char client[HM_DELIVER_CLIENT_SIZE_MAX];
    unsigned status;

    *item = (struct hm_deliver_item){.answer = HM_BUF_INIT(HM_DELIVER_BODY_SIZE_MAX)};
    status = hm_deliver_is_path(question->path) ? hm_deliver_read(question, item, client) : 404;
    if (status == 0 && (question->account == NULL || question->account[0] == '\0'))
        status = 403; /* nginx lets none of these through */
    if (status != 0) {
        refuse(item, status, words_of(status));
    } else if (hm_batch_wait(&deliver->batch, &item->waiting) != HM_OK) {
        refuse(item, 503, BUSY);
        item->retry_after_s = BUSY_RETRY_S;
    }
    hm_counters_delivery(deliver->options.counters, item->status);
    item->client = NULL; /* it ends here */
}

/* --- the collector --- */

static void answer_collector(struct hm_deliver *deliver, const struct hm_handover *packet)
{
    const struct hm_deliver_ledger *ledger = deliver->options.ledger;
    struct hm_handover position = {
        .kind = HM_HANDOVER_POSITION, .id = packet->id, .source = packet->source};
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = ledger->position(ledger->ctx, &packet->source, &err, &position);

    /* No answer is one too: it asks again. */
    if (rc == HM_OK)
        rc = hm_handover_send(deliver->options.collector, &position, &err);
    if (rc != HM_OK)
        hm_event_log("collector-unanswered", "why", err.text, NULL);
}

/* One packet; HM_EAGAIN: it was the last. */
static enum hm_rc take_packet(struct hm_deliver *deliver, struct hm_err *err)
{
    const struct hm_deliver_ledger *ledger = deliver->options.ledger;
    struct hm_handover packet;
    enum hm_rc rc;

    hm_arena_done(&deliver->arena);
    rc = hm_handover_receive(deliver->options.collector, &deliver->arena, err, &deliver->raw,
                             &packet);
    if (rc == HM_EFORMAT) {
        hm_event_log("collector-packet-refused", "why", err->text, NULL);
        return HM_OK;
    }
    HM_TRY(rc);
    deliver->is_collector_silent = false;
    if (packet.kind == HM_HANDOVER_CAUGHT_UP) {
        if (packet.id == deliver->catch_up)
            deliver->catch_up = 0;
        return HM_OK;
    }
    if (packet.kind == HM_HANDOVER_BATCH) {
        rc = ledger->collect(ledger->ctx, &packet, err);
        if (rc == HM_OK)
            hm_counters_collected(deliver->options.counters, packet.count, packet.unread);
    } else if (packet.kind == HM_HANDOVER_GAP) {
        rc = ledger->gap(ledger->ctx, (int64_t)packet.from, (int64_t)packet.to, err);
    } else if (packet.kind != HM_HANDOVER_ASK) {
        return HM_OK;
    }
    if (rc == HM_OK && packet.kind != HM_HANDOVER_ASK)
        deliver->has_collected = true;
    if (rc != HM_OK && rc != HM_EAGAIN)
        return rc;
    answer_collector(deliver, &packet);
    return HM_OK;
}

static enum hm_rc take_packets(struct hm_deliver *deliver, struct hm_err *err)
{
    enum hm_rc rc = HM_OK;

    if (deliver->options.collector < 0)
        return HM_OK;
    while (rc == HM_OK)
        rc = take_packet(deliver, err);
    return rc == HM_EAGAIN ? HM_OK : rc;
}

/* Has what nginx wrote until now counted, as far as the collector says it in time. */
static enum hm_rc catch_up(struct hm_deliver *deliver, struct hm_err *err)
{
    const struct hm_handover question = {.kind = HM_HANDOVER_CATCH_UP,
                                         .id = (uint64_t)hm_time_monotonic_ms() + 1};
    int64_t end_ms = hm_time_monotonic_ms() + HM_DELIVER_CATCH_UP_MS;

    HM_TRY(take_packets(deliver, err));
    if (deliver->options.collector < 0 || deliver->is_collector_silent ||
        hm_handover_send(deliver->options.collector, &question, NULL) != HM_OK)
        return HM_OK;
    deliver->catch_up = question.id;
    while (deliver->catch_up != 0) {
        struct pollfd wanted = {.fd = deliver->options.collector, .events = POLLIN};
        int64_t left_ms = end_ms - hm_time_monotonic_ms();

        if (left_ms <= 0) {
            /* Less is told than was written, and never more. */
            deliver->is_collector_silent = true;
            deliver->catch_up = 0;
            hm_counters_uncollected(deliver->options.counters);
            hm_event_log("collector-silent", NULL);
            break;
        }
        (void)poll(&wanted, 1, (int)left_ms);
        HM_TRY(take_packets(deliver, err));
    }
    return HM_OK;
}

/* --- the ledger's thread --- */

static bool has_answer(struct hm_batch_item *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (((const struct hm_deliver_item *)(const void *)items[i])->kind == HM_DELIVER_ANSWER)
            return true;
    return false;
}

static void fail_all(struct hm_deliver_item **items, size_t count, enum hm_rc rc)
{
    for (size_t i = 0; i < count; i++) {
        refuse(items[i], 503, FAILED);
        items[i]->retry_after_s = rc == HM_EBUSY ? BUSY_RETRY_S : FULL_RETRY_S;
    }
}

/* All that waits, and what was collected meanwhile, with one flush. */
HM_NOINLINE static void do_batch(struct hm_deliver *deliver, struct hm_batch_item **waiting,
                                 size_t count)
{
    const struct hm_deliver_ledger *ledger = deliver->options.ledger;
    struct hm_deliver_item *items[HM_DELIVER_BATCH_MAX];
    struct hm_err err = HM_ERR_INIT;
    int64_t begin_ms = hm_time_monotonic_ms();
    enum hm_rc rc = HM_OK;

    for (size_t i = 0; i < count; i++)
        items[i] = (struct hm_deliver_item *)(void *)waiting[i];
    if (has_answer(waiting, count))
        rc = catch_up(deliver, &err);
    if (rc == HM_OK)
        rc = ledger->take(ledger->ctx, items, count, hm_time_now_unix_s(), &err);
    if (rc != HM_OK) {
        fail_all(items, count, rc);
        hm_event_log("deliveries-failed", "why", err.text, NULL);
    }
    deliver->has_collected = false;
    hm_counters_batch(deliver->options.counters, count, hm_time_monotonic_ms() - begin_ms,
                      rc != HM_OK);
    hm_batch_finish(&deliver->batch, waiting, count);
}

HM_NOINLINE static void tick(struct hm_deliver *deliver)
{
    const struct hm_deliver_ledger *ledger = deliver->options.ledger;
    struct hm_counters_ledger counts = {0};
    struct hm_err err = HM_ERR_INIT;
    int64_t now_ms = hm_time_monotonic_ms();

    if (now_ms - deliver->ticked_ms < HM_DELIVER_TICK_MS)
        return;
    deliver->ticked_ms = now_ms;
    if (ledger->tick(ledger->ctx, hm_time_now_unix_s(), &err) != HM_OK)
        hm_event_log("deliveries-log-failed", "why", err.text, NULL);
    ledger->counts(ledger->ctx, &counts);
    hm_counters_ledger(deliver->options.counters, &counts);
}

/* Sleeps until something waits, a packet came, or it is time to look. */
static void wait_a_moment(struct hm_deliver *deliver)
{
    struct pollfd wanted[] = {{.fd = deliver->batch.wake_fd, .events = POLLIN},
                              {.fd = deliver->options.collector, .events = POLLIN}};

    (void)poll(wanted, HM_ARRAY_COUNT(wanted), WAKE_STEP_MS);
}

static void *run(void *ctx)
{
    struct hm_deliver *deliver = ctx;
    struct hm_batch_item *waiting[HM_DELIVER_BATCH_MAX];

    for (;;) {
        struct hm_err err = HM_ERR_INIT;
        size_t count = hm_batch_take(&deliver->batch, waiting, HM_DELIVER_BATCH_MAX);

        if (count > 0) {
            do_batch(deliver, waiting, count);
        } else if (hm_batch_is_ended(&deliver->batch)) {
            return NULL;
        } else {
            if (take_packets(deliver, &err) != HM_OK)
                hm_event_log("collected-failed", "why", err.text, NULL);
            /* What the collector handed over is flushed by itself where nobody waits. */
            if (deliver->has_collected)
                do_batch(deliver, waiting, 0);
            else
                wait_a_moment(deliver);
        }
        tick(deliver);
    }
}

/* --- beginning and end --- */

enum hm_rc hm_deliver_new(const struct hm_deliver_options *options, struct hm_err *err,
                          struct hm_deliver **ret_deliver)
{
    _hm_free_(hm_deliver_free) struct hm_deliver *deliver = calloc(1, sizeof(*deliver));

    if (deliver == NULL)
        return hm_error_nomem(err);
    deliver->options = *options;
    deliver->raw = (struct hm_buf)HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    HM_TRY(hm_batch_init(&deliver->batch, HM_BATCH_WAITING_MAX, err));
    deliver->has_thread = pthread_create(&deliver->thread, NULL, run, deliver) == 0;
    if (!deliver->has_thread)
        return hm_fail(err, HM_EINTERNAL, "no thread can be made");
    *ret_deliver = hm_steal(&deliver);
    return HM_OK;
}

void hm_deliver_free(struct hm_deliver *deliver)
{
    if (deliver == NULL)
        return;
    if (deliver->has_thread) {
        hm_batch_end(&deliver->batch);
        (void)pthread_join(deliver->thread, NULL); /* it does what waits, and ends */
    }
    hm_batch_done(&deliver->batch);
    hm_arena_done(&deliver->arena);
    hm_buf_done(&deliver->raw);
    free(deliver);
}
