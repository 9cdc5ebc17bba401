/* SPDX-License-Identifier: Apache-2.0 */
/* What may follow what in a delivery. See delivery.h. */
#include "delivery/delivery.h"

static const char *const state_names[] = {
    [HM_DELIVERY_NOTHING] = "nothing",           [HM_DELIVERY_REQUESTED] = "requested",
    [HM_DELIVERY_OFFERED] = "offered",           [HM_DELIVERY_UNACKNOWLEDGED] = "served-unacked",
    [HM_DELIVERY_ACKNOWLEDGED] = "acknowledged", [HM_DELIVERY_REJECTED] = "rejected",
};

const char *hm_delivery_state_name(enum hm_delivery_state state)
{
    return state_names[state];
}

static enum hm_rc differ(const char *what, struct hm_err *err)
{
    return hm_fail(err, HM_EMISMATCH, "its %s is not that of the statement before it", what);
}

static enum hm_rc check_hash(const struct hm_sha256 *named, const struct hm_sha256 *is,
                             const char *what, struct hm_err *err)
{
    return hm_digest_is_equal(named, is) ? HM_OK : differ(what, err);
}

static bool is_image(const struct hm_statement *a, const struct hm_statement *b)
{
    return hm_digest_is_equal(&a->image, &b->image) && a->length == b->length;
}

/* --- each kind --- */

static enum hm_rc take_request(struct hm_delivery *delivery, const struct hm_statement *statement,
                               const struct hm_sha256 *hash, struct hm_err *err)
{
    if (delivery->state != HM_DELIVERY_NOTHING)
        return hm_fail(err, HM_EREFUSED, "a delivery has one request");
    delivery->request = *statement;
    delivery->request_hash = *hash;
    delivery->state = HM_DELIVERY_REQUESTED;
    return HM_OK;
}

static enum hm_rc take_offer(struct hm_delivery *delivery, const struct hm_statement *statement,
                             const struct hm_sha256 *hash, struct hm_err *err)
{
    const struct hm_statement *request = &delivery->request;

    if (delivery->state != HM_DELIVERY_REQUESTED)
        return hm_fail(err, HM_EREFUSED, "an offer follows a request, and once");
    HM_TRY(check_hash(&statement->request, &delivery->request_hash, "request", err));
    if (strcmp(statement->site, request->site) != 0)
        return differ("site", err);
    if (statement->entry_index != request->entry_index ||
        !hm_digest_is_equal(&statement->entry, &request->entry))
        return differ("entry", err);
    if (strcmp(statement->path, request->path) != 0)
        return differ("path", err);
    if (!is_image(statement, request))
        return differ("image", err);
    if (statement->expires_unix_s <= statement->time_unix_s)
        return hm_fail(err, HM_EREFUSED, "an offer that ends before it is made is none");
    delivery->offer = *statement;
    delivery->offer_hash = *hash;
    delivery->state = HM_DELIVERY_OFFERED;
    return HM_OK;
}

static enum hm_rc take_answer(struct hm_delivery *delivery, const struct hm_statement *statement,
                              const struct hm_sha256 *hash, struct hm_err *err)
{
    const struct hm_statement *request = &delivery->request;
    bool is_ack = statement->kind == HM_STATEMENT_ACK;

    if (delivery->state != HM_DELIVERY_OFFERED && delivery->state != HM_DELIVERY_UNACKNOWLEDGED)
        return hm_fail(err, HM_EREFUSED, "an answer follows an offer, and once");
    HM_TRY(check_hash(&statement->offer, &delivery->offer_hash, "offer", err));
    if (strcmp(statement->site, request->site) != 0)
        return differ("site", err);
    if (strcmp(statement->client, request->client) != 0)
        return differ("client", err);
    /* Other deliveries of the key may stand in between. */
    if (statement->event.epoch < request->event.epoch ||
        (statement->event.epoch == request->event.epoch &&
         statement->event.counter <= request->event.counter))
        return hm_fail(err, HM_EREFUSED,
                       "an answer stands behind its request in the client's order");
    if (is_ack && !is_image(statement, &delivery->offer))
        return differ("image", err);
    if (!is_ack && statement->reason == HM_STATEMENT_DIGEST &&
        is_image(statement, &delivery->offer))
        return hm_fail(err, HM_EREFUSED, "these are the bytes that were offered: no other digest");
    if (statement->time_unix_s >= delivery->offer.expires_unix_s)
        return hm_fail(err, HM_EEXPIRED, "the offer had ended when it was answered");
    delivery->answer = *statement;
    delivery->answer_hash = *hash;
    delivery->state = is_ack ? HM_DELIVERY_ACKNOWLEDGED : HM_DELIVERY_REJECTED;
    return HM_OK;
}

static enum hm_rc take_receipt(struct hm_delivery *delivery, const struct hm_statement *statement,
                               const struct hm_sha256 *hash, struct hm_err *err)
{
    if ((delivery->state != HM_DELIVERY_ACKNOWLEDGED && delivery->state != HM_DELIVERY_REJECTED) ||
        delivery->is_receipted)
        return hm_fail(err, HM_EREFUSED, "a receipt follows an answer, and once");
    HM_TRY(check_hash(&statement->request, &delivery->request_hash, "request", err));
    HM_TRY(check_hash(&statement->offer, &delivery->offer_hash, "offer", err));
    HM_TRY(check_hash(&statement->answer, &delivery->answer_hash, "answer", err));
    if (strcmp(statement->site, delivery->offer.site) != 0)
        return differ("site", err);
    if (strcmp(statement->path, delivery->offer.path) != 0)
        return differ("path", err);
    if (!is_image(statement, &delivery->offer))
        return differ("image", err);
    delivery->receipt = *statement;
    delivery->receipt_hash = *hash;
    delivery->is_receipted = true;
    return HM_OK;
}

/* Has exactly this one been taken? */
static bool is_known(const struct hm_delivery *delivery, const struct hm_sha256 *hash)
{
    return (delivery->state >= HM_DELIVERY_REQUESTED &&
            hm_digest_is_equal(&delivery->request_hash, hash)) ||
           (delivery->state >= HM_DELIVERY_OFFERED &&
            hm_digest_is_equal(&delivery->offer_hash, hash)) ||
           (delivery->state >= HM_DELIVERY_ACKNOWLEDGED &&
            hm_digest_is_equal(&delivery->answer_hash, hash)) ||
           (delivery->is_receipted && hm_digest_is_equal(&delivery->receipt_hash, hash));
}

enum hm_rc hm_delivery_take(struct hm_delivery *delivery, const struct hm_statement *statement,
                            const struct hm_sha256 *hash, struct hm_err *err)
{
    if (is_known(delivery, hash))
        return HM_OK;
    switch (statement->kind) {
    case HM_STATEMENT_REQUEST:
        return take_request(delivery, statement, hash, err);
    case HM_STATEMENT_OFFER:
        return take_offer(delivery, statement, hash, err);
    case HM_STATEMENT_ACK:
    case HM_STATEMENT_REJECT:
        return take_answer(delivery, statement, hash, err);
    case HM_STATEMENT_RECEIPT:
        return take_receipt(delivery, statement, hash, err);
    case HM_STATEMENT_KEY:
    case HM_STATEMENT_HEAD:
    case HM_STATEMENT_KIND_COUNT_:
        break;
    }
    return hm_fail(err, HM_EREFUSED, "this is no statement of a delivery");
}

void hm_delivery_pass(struct hm_delivery *delivery, int64_t now_unix_s)
{
    if (delivery->state == HM_DELIVERY_OFFERED && now_unix_s >= delivery->offer.expires_unix_s)
        delivery->state = HM_DELIVERY_UNACKNOWLEDGED;
}

/* --- sequences --- */

static bool is_zero(const struct hm_sha256 *hash)
{
    static const struct hm_sha256 zero = {{0}};

    return hm_digest_is_equal(hash, &zero);
}

static enum hm_rc check_new_epoch(const struct hm_delivery_sequence *sequence,
                                  const struct hm_statement_event *event,
                                  const struct hm_sha256 *head, struct hm_err *err)
{
    if (event->counter != 1)
        return hm_fail(err, HM_EREFUSED, "an epoch begins with 1");
    if (!sequence->has_last && event->epoch == 1)
        return is_zero(&event->previous)
                   ? HM_OK
                   : hm_fail(err, HM_EREFUSED, "the first statement of all has none before it");
    if (sequence->has_last && event->epoch != sequence->epoch + 1)
        return hm_fail(err, HM_EREFUSED, "epoch %llu does not follow epoch %llu",
                       (unsigned long long)event->epoch, (unsigned long long)sequence->epoch);
    if (head == NULL || !hm_digest_is_equal(&event->previous, head))
        return hm_fail(err, HM_EREFUSED,
                       "a new epoch names the newest statement that the site has");
    return HM_OK;
}

static enum hm_rc check_next(const struct hm_delivery_sequence *sequence,
                             const struct hm_statement_event *event, struct hm_err *err)
{
    if (event->epoch < sequence->epoch || event->counter <= sequence->counter)
        return hm_fail(err, HM_EREFUSED,
                       "place %llu of epoch %llu is taken: this key has signed two statements for "
                       "it",
                       (unsigned long long)event->counter, (unsigned long long)event->epoch);
    if (event->counter != sequence->counter + 1)
        return hm_fail(err, HM_EREFUSED, "statements %llu to %llu of epoch %llu are missing",
                       (unsigned long long)sequence->counter + 1,
                       (unsigned long long)event->counter - 1, (unsigned long long)event->epoch);
    if (!hm_digest_is_equal(&event->previous, &sequence->last))
        return hm_fail(err, HM_EREFUSED,
                       "the statement before it is another one than the one that is known: this "
                       "key has signed two for one place");
    return HM_OK;
}

enum hm_rc hm_delivery_sequence_take(struct hm_delivery_sequence *sequence,
                                     const struct hm_statement *statement,
                                     const struct hm_sha256 *hash, const struct hm_sha256 *head,
                                     struct hm_err *err)
{
    const struct hm_statement_event *event = &statement->event;

    if (event->epoch == 0)
        return hm_fail(err, HM_EREFUSED, "this is no client's statement");
    if (sequence->has_last && hm_digest_is_equal(&sequence->last, hash))
        return HM_OK;
    if (!sequence->has_last || event->epoch > sequence->epoch)
        HM_TRY(check_new_epoch(sequence, event, head, err));
    else
        HM_TRY(check_next(sequence, event, err));
    *sequence = (struct hm_delivery_sequence){true, event->epoch, event->counter, *hash};
    return HM_OK;
}
