/* SPDX-License-Identifier: Apache-2.0 */
/* Binding the ledger. See deliver_ledger.h. */
#include "serve/deliver_ledger.h"

#include <time.h>

#include "base/time.h"
#include "serve/event.h"

#define DOOR           "https"
#define REPORT_MAX     65536 /* a line for each witness, with why not */
#define RETRY_S        30    /* of what needs a person */
#define PUBLISH_STEP_S 10    /* after a try that found no quorum */

/* --- requests --- */

static void say(struct hm_deliver_item *item, unsigned status, const char *words)
{
    item->status = status;
    hm_buf_clear(&item->answer);
    if (hm_buf_append_fmt(&item->answer, NULL, "%s\n", words) != HM_OK)
        item->status = 500;
}

static void answer_proof(const struct hm_deliver_binding *binding, struct hm_deliver_item *item)
{
    struct hm_err err = HM_ERR_INIT;
    uint32_t wait_s = 0;
    enum hm_rc rc =
        hm_ledger_proof(binding->ledger, item->account, &item->hash, &err, &item->answer, &wait_s);

    if (rc == HM_OK) {
        item->status = 200;
    } else if (rc == HM_EAGAIN) {
        say(item, 404, "the deliveries log has it not yet");
        item->retry_after_s = wait_s == 0 ? 1 : wait_s;
    } else if (rc == HM_ENOTFOUND) {
        say(item, 404, "this account has no such statement");
    } else {
        hm_event_log("proof-failed", "why", err.text, NULL);
        say(item, 503, "no proof can be made now");
        item->retry_after_s = 1;
    }
}

static void answer_head(const struct hm_deliver_binding *binding, struct hm_deliver_item *item,
                        int64_t now_unix_s)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_ledger_head(binding->ledger, item->account, item->client, now_unix_s, &err,
                                   &item->answer);

    if (rc == HM_OK) {
        item->status = 200;
    } else if (rc == HM_ENOTFOUND) {
        say(item, 404, "this account has no such key");
    } else {
        hm_event_log("head-failed", "why", err.text, NULL);
        say(item, 503, "no head can be made now");
        item->retry_after_s = 1;
    }
}

static enum hm_rc take_asks(const struct hm_deliver_binding *binding,
                            struct hm_deliver_item **items, size_t count,
                            struct hm_ledger_ask *asks, int64_t now_unix_s, struct hm_err *err)
{
    size_t ask_count = 0;
    size_t next = 0;

    for (size_t i = 0; i < count; i++) {
        if (items[i]->kind > HM_DELIVER_ANSWER)
            continue;
        asks[ask_count++] = (struct hm_ledger_ask){
            .kind = (enum hm_ledger_ask_kind)items[i]->kind,
            .account = items[i]->account,
            .body = items[i]->body,
            .answer = HM_BUF_INIT(HM_LEDGER_ANSWER_MAX),
        };
    }
    HM_TRY(hm_ledger_take(binding->ledger, asks, ask_count, now_unix_s, err));
    for (size_t i = 0; i < count; i++) {
        if (items[i]->kind > HM_DELIVER_ANSWER)
            continue;
        items[i]->status = asks[next].status;
        if (asks[next].failed != HM_OK) {
            hm_event_log("delivery-failed", "why", asks[next].why.text, NULL);
            items[i]->retry_after_s = RETRY_S;
        }
        hm_buf_done(&items[i]->answer);
        items[i]->answer = asks[next].answer;
        asks[next++].answer = (struct hm_buf)HM_BUF_INIT(0);
    }
    return HM_OK;
}

_Static_assert((int)HM_DELIVER_KEY == (int)HM_LEDGER_KEY &&
                   (int)HM_DELIVER_ANSWER == (int)HM_LEDGER_ANSWER,
               "kinds of both have the same numbers");

static enum hm_rc take(void *ctx, struct hm_deliver_item **items, size_t count, int64_t now_unix_s,
                       struct hm_err *err)
{
    const struct hm_deliver_binding *binding = ctx;
    struct hm_ledger_ask *asks = calloc(count + 1, sizeof(*asks));
    enum hm_rc rc;

    if (asks == NULL)
        return hm_error_nomem(err);
    rc = take_asks(binding, items, count, asks, now_unix_s, err);
    for (size_t i = 0; i < count; i++) {
        hm_buf_done(&asks[i].answer);
        if (rc == HM_OK && items[i]->kind == HM_DELIVER_HEAD)
            answer_head(binding, items[i], now_unix_s);
        else if (rc == HM_OK && items[i]->kind == HM_DELIVER_PROOF)
            answer_proof(binding, items[i]);
    }
    free(asks);
    return rc;
}

/* --- the collector --- */

static enum hm_rc copy_text(struct hm_arena *arena, struct hm_bytes text, struct hm_err *err,
                            const char **ret_text)
{
    *ret_text = hm_arena_strdup(arena, text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc collect(void *ctx, const struct hm_handover *batch, struct hm_err *err)
{
    const struct hm_deliver_binding *binding = ctx;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_ledger_transfer *transfers = hm_arena_alloc(&arena, batch->count, sizeof(*transfers));

    if (transfers == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < batch->count; i++) {
        const struct hm_transfer *from = &batch->transfers[i];

        transfers[i] = (struct hm_ledger_transfer){
            .image = from->image,
            .has_offer = from->has_offer,
            .offer = from->offer,
            .bytes = from->bytes,
            .is_complete = from->is_complete,
            .begin_unix_s = from->begin_unix_s,
            .door = DOOR,
        };
        HM_TRY(copy_text(&arena, from->account, err, &transfers[i].account));
        HM_TRY(copy_text(&arena, from->path, err, &transfers[i].path));
        HM_TRY(copy_text(&arena, from->peer, err, &transfers[i].peer));
    }
    return hm_ledger_collect(binding->ledger, &batch->source, batch->from, batch->to, transfers,
                             batch->count, err);
}

static enum hm_rc gap(void *ctx, int64_t since_unix_s, int64_t until_unix_s, struct hm_err *err)
{
    const struct hm_deliver_binding *binding = ctx;

    return hm_ledger_gap(binding->ledger, since_unix_s, until_unix_s,
                         "the server's log of transfers was cut, or moved away unread", err);
}

static enum hm_rc position(void *ctx, const struct hm_sha256 *source, struct hm_err *err,
                           struct hm_handover *ret_position)
{
    const struct hm_deliver_binding *binding = ctx;
    struct hm_ledger_position position;

    HM_TRY(hm_ledger_position(binding->ledger, source, err, &position));
    ret_position->is_known = position.is_known;
    ret_position->is_begun = position.is_begun;
    ret_position->from = position.position;
    ret_position->to = (uint64_t)position.taken_unix_s;
    return HM_OK;
}

/* --- time --- */

/* With the lock: every tick says that more is wanted, and hurries nobody who found no quorum. */
static void pause_publishing(struct hm_deliver_binding *binding)
{
    const struct timespec until = {.tv_sec = hm_time_now_unix_s() + PUBLISH_STEP_S};
    int rc = 0;

    while (!binding->is_ended && rc == 0)
        rc = pthread_cond_timedwait(&binding->changed, &binding->lock, &until);
}

static void *publish(void *ctx)
{
    struct hm_deliver_binding *binding = ctx;

    (void)pthread_mutex_lock(&binding->lock);
    while (!binding->is_ended) {
        _hm_done_(hm_buf_done) struct hm_buf report = HM_BUF_INIT(REPORT_MAX);
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        if (!binding->is_wanted) {
            (void)pthread_cond_wait(&binding->changed, &binding->lock);
            continue;
        }
        binding->is_wanted = false;
        (void)pthread_mutex_unlock(&binding->lock);
        rc = hm_ledger_publish(binding->ledger, hm_time_now_unix_s(), &err, &report);
        if (rc != HM_OK)
            hm_event_log("deliveries-log-waits", "why", err.text, NULL);
        (void)pthread_mutex_lock(&binding->lock);
        if (rc != HM_OK)
            pause_publishing(binding);
    }
    (void)pthread_mutex_unlock(&binding->lock);
    return NULL;
}

static enum hm_rc tick(void *ctx, int64_t now_unix_s, struct hm_err *err)
{
    struct hm_deliver_binding *binding = ctx;
    bool is_due = false;

    HM_TRY(hm_ledger_tick(binding->ledger, now_unix_s, err, &is_due));
    if (!is_due)
        return HM_OK;
    (void)pthread_mutex_lock(&binding->lock);
    binding->is_wanted = true;
    (void)pthread_cond_signal(&binding->changed);
    (void)pthread_mutex_unlock(&binding->lock);
    return HM_OK;
}

static void counts(void *ctx, struct hm_counters_ledger *ret_counts)
{
    const struct hm_deliver_binding *binding = ctx;
    struct hm_ledger_counts counts;
    struct hm_err err = HM_ERR_INIT;

    if (hm_ledger_counts(binding->ledger, &err, &counts) != HM_OK)
        return; /* those of before stay */
    *ret_counts = (struct hm_counters_ledger){
        .requested = counts.requested,
        .offered = counts.offered,
        .unacked = counts.unacknowledged,
        .acknowledged = counts.acknowledged,
        .rejected = counts.rejected,
        .unsigned_transfers = counts.unsigned_transfers,
        .keys = counts.keys,
        .leaves_pending = counts.leaves_pending,
        .gaps = counts.gaps,
    };
}

/* --- beginning and end --- */

enum hm_rc hm_deliver_ledger_init(struct hm_deliver_binding *binding, struct hm_ledger *ledger,
                                  struct hm_err *err)
{
    *binding = (struct hm_deliver_binding){.ledger = ledger};
    binding->table = (struct hm_deliver_ledger){.ctx = binding,
                                                .collect = collect,
                                                .gap = gap,
                                                .position = position,
                                                .take = take,
                                                .tick = tick,
                                                .counts = counts};
    (void)pthread_mutex_init(&binding->lock, NULL); /* of the default kind: cannot fail */
    (void)pthread_cond_init(&binding->changed, NULL);
    binding->has_publisher = pthread_create(&binding->publisher, NULL, publish, binding) == 0;
    if (!binding->has_publisher) {
        hm_deliver_ledger_done(binding);
        return hm_fail(err, HM_EINTERNAL, "no thread can be made");
    }
    return HM_OK;
}

void hm_deliver_ledger_done(struct hm_deliver_binding *binding)
{
    if (binding->ledger == NULL)
        return;
    (void)pthread_mutex_lock(&binding->lock);
    binding->is_ended = true;
    (void)pthread_cond_signal(&binding->changed);
    (void)pthread_mutex_unlock(&binding->lock);
    if (binding->has_publisher)
        (void)pthread_join(binding->publisher, NULL);
    (void)pthread_cond_destroy(&binding->changed);
    (void)pthread_mutex_destroy(&binding->lock);
    binding->ledger = NULL;
}
