/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries, verified and kept for a judge. See judge.h. */
#include "judge/judge_internal.h"
#include "tlog/proof.h"

/* ---- copies ---- */

static enum hm_rc copy(struct hm_judge *judge, const char *text, struct hm_err *err,
                       const char **ret_copy)
{
    *ret_copy = NULL;
    if (text == NULL)
        return HM_OK;
    *ret_copy = hm_arena_strdup(&judge->arena, hm_bytes_str(text));
    return *ret_copy == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc key_of(const struct hm_note_key *key, struct hm_err *err,
                         struct hm_sha256 *ret_key)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    HM_TRY(hm_note_key_write(key, err, &vkey));
    return hm_digest_sha256(hm_buf_bytes(&vkey), err, ret_key);
}

/* ---- places ---- */

static enum hm_rc keep_key_note(struct hm_judge *judge, struct hm_bytes raw, struct hm_err *err,
                                struct hm_bytes *ret_note)
{
    struct hm_bytes *next = &judge->key_notes[judge->key_note_count % HM_JUDGE_KEY_NOTE_COUNT];

    for (size_t i = 0; i < HM_JUDGE_KEY_NOTE_COUNT; i++) {
        if (hm_bytes_is_equal(judge->key_notes[i], raw)) {
            *ret_note = judge->key_notes[i];
            return HM_OK;
        }
    }
    HM_TRY(hm_arena_copy(&judge->arena, raw, err, next));
    judge->key_note_count++;
    *ret_note = *next;
    return HM_OK;
}

static enum hm_rc add_event(struct hm_judge *judge, const struct hm_judge_delivery *kept,
                            const struct hm_delivery_file *file, enum hm_delivery_part part,
                            const struct hm_sha256 *hash, const struct hm_statement_event *place,
                            bool is_signed, struct hm_err *err)
{
    struct hm_judge_event *event = HM_JUDGE_ADD(judge, &judge->events);

    if (event == NULL)
        return hm_error_nomem(err);
    event->key = kept->key;
    event->client = kept->client;
    event->account = kept->account;
    event->file = kept->file;
    event->place = *place;
    event->hash = *hash;
    event->part = part;
    event->is_signed = is_signed;
    HM_TRY(hm_arena_copy(&judge->arena, file->parts[part], err, &event->note));
    return keep_key_note(judge, file->parts[HM_DELIVERY_PART_KEY], err, &event->key_note);
}

/* ---- one delivery ---- */

static enum hm_rc keep_texts(struct hm_judge *judge, const char *name,
                             const struct hm_delivery_record *record, struct hm_err *err,
                             struct hm_judge_delivery *kept)
{
    const struct hm_delivery *delivery = &record->delivery;
    const char *account = record->has_key ? record->key.account : delivery->request.account;
    const char *client = record->client == NULL ? NULL : record->client->name;
    const char *path = kept->has_request ? delivery->request.path : delivery->receipt.path;

    HM_TRY(copy(judge, name, err, &kept->file));
    HM_TRY(copy(judge, account, err, &kept->account));
    HM_TRY(copy(judge, client, err, &kept->client));
    HM_TRY(copy(judge, path, err, &kept->path));
    HM_TRY(copy(judge, delivery->offer.label, err, &kept->label));
    HM_TRY(copy(judge, delivery->offer.edge, err, &kept->edge));
    return record->client == NULL ? HM_OK : key_of(record->client, err, &kept->key);
}

static void keep_numbers(const struct hm_delivery *delivery, struct hm_judge_delivery *kept)
{
    const struct hm_statement *request = &delivery->request, *answer = &delivery->answer;

    kept->request_hash = delivery->request_hash;
    kept->offer_hash = delivery->offer_hash;
    kept->answer_hash = delivery->answer_hash;
    kept->receipt_hash = delivery->receipt_hash;
    kept->image = kept->has_request ? request->image : delivery->receipt.image;
    kept->length = kept->has_request ? request->length : delivery->receipt.length;
    kept->received = answer->image;
    kept->received_length = answer->length;
    kept->written = delivery->receipt.written;
    kept->checkpoint_size = request->checkpoint_size;
    kept->checkpoint_root = request->checkpoint_root;
    kept->request_event = request->event;
    kept->answer_event = answer->event;
    kept->reason = answer->reason;
    kept->is_ack = kept->has_answer && answer->kind == HM_STATEMENT_ACK;
    kept->request_time_s = request->time_unix_s;
    kept->offer_time_s = delivery->offer.time_unix_s;
    kept->expires_s = delivery->offer.expires_unix_s;
    kept->answer_time_s = answer->time_unix_s;
    kept->receipt_time_s = delivery->receipt.time_unix_s;
}

/* The earliest cosignature of a checkpoint that satisfies the policy. */
static enum hm_rc first_seen(const struct hm_log_policy *policy, struct hm_bytes checkpoint,
                             struct hm_err *err, uint64_t *ret_seen_s)
{
    struct hm_note_verdict witnesses[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *opened = NULL;
    uint64_t seen_s = 0;

    HM_TRY(hm_log_policy_open_told(policy, checkpoint, 0, HM_LOG_POLICY_ANY_AGE, err, &opened,
                                   witnesses));
    for (size_t i = 0; i < policy->witness_count; i++) {
        if (witnesses[i].is_signed && (seen_s == 0 || witnesses[i].time_s < seen_s))
            seen_s = witnesses[i].time_s;
    }
    *ret_seen_s = seen_s;
    return HM_OK;
}

static enum hm_rc keep_checkpoint(struct hm_judge *judge, const char *name,
                                  const struct hm_checkpoint *checkpoint, struct hm_err *err)
{
    struct hm_judge_checkpoint *kept;

    if (judge->checkpoints.count > 0) {
        kept = &judge->checkpoints.items[judge->checkpoints.count - 1];
        if (kept->size == checkpoint->size && hm_digest_is_equal(&kept->root, &checkpoint->root) &&
            hm_bytes_is_str(checkpoint->origin, kept->origin))
            return HM_OK;
    }
    kept = HM_JUDGE_ADD(judge, &judge->checkpoints);
    if (kept == NULL)
        return hm_error_nomem(err);
    kept->origin = hm_arena_strdup(&judge->arena, checkpoint->origin);
    kept->file = name;
    kept->size = checkpoint->size;
    kept->root = checkpoint->root;
    return kept->origin == NULL ? hm_error_nomem(err) : HM_OK;
}

/* A proof by any of the policies that roots have had; *ret_is_logged if one holds. */
static enum hm_rc prove(struct hm_judge *judge, const char *name,
                        const struct hm_delivery_file *file,
                        const struct hm_delivery_record *record, enum hm_delivery_part part,
                        struct hm_err *err, bool *ret_is_logged, uint64_t *ret_seen_s)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_fail(&why, HM_EINPUT, "root names no deliveries log");

    if (!hm_delivery_file_has(file, part))
        return HM_OK;
    for (size_t i = 0; i < judge->policy_count; i++) {
        _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

        rc = hm_delivery_file_prove(file, record, part, judge->policies[i], &why, &checkpoint);
        if (rc != HM_OK)
            continue;
        *ret_is_logged = true;
        HM_TRY(first_seen(judge->policies[i], checkpoint->note->raw, err, ret_seen_s));
        return keep_checkpoint(judge, name, &checkpoint->body, err);
    }
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    if (judge->bad_proof_count++ >= HM_JUDGE_TOLD_MAX)
        return HM_OK;
    return HM_JUDGE_SAY(judge, HM_REPORT_BAD, err, "'%s': its %s counts for nothing: %s", name,
                        hm_delivery_file_part_name(part), why.text);
}

static enum hm_rc keep(struct hm_judge *judge, const char *name,
                       const struct hm_delivery_file *file, const struct hm_delivery_record *record,
                       struct hm_err *err)
{
    const struct hm_delivery *delivery = &record->delivery;
    struct hm_judge_delivery *kept = HM_JUDGE_ADD(judge, &judge->deliveries);

    if (kept == NULL)
        return hm_error_nomem(err);
    kept->has_request = delivery->state >= HM_DELIVERY_REQUESTED;
    kept->has_offer = delivery->state >= HM_DELIVERY_OFFERED;
    kept->has_answer = delivery->state >= HM_DELIVERY_ACKNOWLEDGED;
    kept->has_receipt = delivery->is_receipted;
    HM_TRY(keep_texts(judge, name, record, err, kept));
    keep_numbers(delivery, kept);
    HM_TRY(prove(judge, kept->file, file, record, HM_DELIVERY_PART_OFFER_PROOF, err,
                 &kept->offer_is_logged, &kept->offer_seen_s));
    HM_TRY(prove(judge, kept->file, file, record, HM_DELIVERY_PART_RECEIPT_PROOF, err,
                 &kept->receipt_is_logged, &kept->receipt_seen_s));
    if (kept->has_request)
        HM_TRY(add_event(judge, kept, file, HM_DELIVERY_PART_REQUEST, &kept->request_hash,
                         &kept->request_event, kept->has_offer, err));
    if (kept->has_answer)
        HM_TRY(add_event(judge, kept, file, HM_DELIVERY_PART_ANSWER, &kept->answer_hash,
                         &kept->answer_event, kept->has_receipt, err));
    return HM_OK;
}

/* An answer without the offer that it is to: the customer's word, by an enrolled key. */
static enum hm_rc keep_answer(struct hm_judge *judge, const char *name,
                              const struct hm_delivery_file *file,
                              struct hm_delivery_record *record, struct hm_err *err)
{
    struct hm_judge_delivery *kept;
    struct hm_statement answer;
    struct hm_sha256 hash;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_statement_verify(file->parts[HM_DELIVERY_PART_ANSWER], record->client,
                                        &record->arena, &why, &answer, &hash);

    if (rc == HM_OK && answer.kind != HM_STATEMENT_ACK && answer.kind != HM_STATEMENT_REJECT)
        rc = hm_fail(&why, HM_EMISMATCH, "its answer is a '%s'",
                     hm_statement_kind_name(answer.kind));
    if (rc != HM_OK)
        return hm_judge_bad(judge, name, rc, &why, err);
    kept = HM_JUDGE_ADD(judge, &judge->deliveries);
    if (kept == NULL)
        return hm_error_nomem(err);
    kept->has_request = record->delivery.state >= HM_DELIVERY_REQUESTED;
    kept->has_answer = true;
    HM_TRY(keep_texts(judge, name, record, err, kept));
    record->delivery.answer = answer;
    record->delivery.answer_hash = hash;
    keep_numbers(&record->delivery, kept);
    if (!kept->has_request) {
        kept->image = answer.image;
        kept->length = answer.length;
    } else {
        HM_TRY(add_event(judge, kept, file, HM_DELIVERY_PART_REQUEST, &kept->request_hash,
                         &kept->request_event, false, err));
    }
    return add_event(judge, kept, file, HM_DELIVERY_PART_ANSWER, &hash, &answer.event, false, err);
}

/* As much of a file as stands without its answer and what follows. */
static enum hm_rc take_without_offer(struct hm_judge *judge, const char *name,
                                     const struct hm_delivery_file *file,
                                     const struct hm_delivery_keys *keys,
                                     struct hm_delivery_record *record, struct hm_err *err)
{
    struct hm_delivery_file part = *file; /* borrows: never released */
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    part.parts[HM_DELIVERY_PART_ANSWER] = HM_BYTES_EMPTY;
    part.parts[HM_DELIVERY_PART_RECEIPT] = HM_BYTES_EMPTY;
    rc = hm_delivery_file_verify(&part, keys, &why, record);
    if (rc == HM_OK && record->client == NULL)
        rc = hm_fail(&why, HM_EINPUT, "it has an answer, and no key note to check it with");
    if (rc != HM_OK)
        return hm_judge_bad(judge, name, rc, &why, err);
    return keep_answer(judge, name, file, record, err);
}

enum hm_rc hm_judge_take_delivery(struct hm_judge *judge, const char *name, struct hm_bytes raw,
                                  struct hm_err *err)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    struct hm_delivery_record *record = &judge->record;
    const struct hm_delivery_keys keys = {.site = judge->trusted, .site_count = judge->key_count};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_delivery_file_parse(raw, &why, &file);

    hm_delivery_file_record_done(record);
    if (rc == HM_OK && hm_delivery_file_has(&file, HM_DELIVERY_PART_ANSWER) &&
        !hm_delivery_file_has(&file, HM_DELIVERY_PART_OFFER))
        return take_without_offer(judge, name, &file, &keys, record, err);
    if (rc == HM_OK)
        rc = hm_delivery_file_verify(&file, &keys, &why, record);
    if (rc == HM_OK && record->delivery.state >= HM_DELIVERY_REQUESTED &&
        strcmp(record->delivery.request.site, judge->basis->site) != 0)
        rc = hm_fail(&why, HM_EMISMATCH, "it is of site '%s', and what is trusted here of '%s'",
                     record->delivery.request.site, judge->basis->site);
    if (rc != HM_OK)
        return hm_judge_bad(judge, name, rc, &why, err);
    return keep(judge, name, &file, record, err);
}

/* ---- one note ---- */

/* The site's word on the newest statement of a key. */
static enum hm_rc take_head(struct hm_judge *judge, const char *name,
                            const struct hm_statement *head, struct hm_err *err)
{
    struct hm_judge_event *event;

    if (strcmp(head->site, judge->basis->site) != 0) {
        struct hm_err why = HM_ERR_INIT;

        (void)hm_fail(&why, HM_EMISMATCH, "it is of site '%s'", head->site);
        return hm_judge_bad(judge, name, HM_EMISMATCH, &why, err);
    }
    if (head->event.epoch == 0)
        return HM_OK; /* the site has nothing of this key */
    if (judge->head_count++ == HM_JUDGE_HEAD_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "more than %d heads are not judged at once",
                       HM_JUDGE_HEAD_COUNT_MAX);
    event = HM_JUDGE_ADD(judge, &judge->events);
    if (event == NULL)
        return hm_error_nomem(err);
    HM_TRY(copy(judge, head->client, err, &event->client));
    HM_TRY(copy(judge, name, err, &event->file));
    event->place = head->event;
    event->hash = head->event.previous;
    event->is_head = true;
    return HM_OK;
}

enum hm_rc hm_judge_take_note(struct hm_judge *judge, const char *name, struct hm_bytes raw,
                              struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_statement statement;
    struct hm_sha256 hash;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_fail(&why, HM_ESIGNATURE, "root names no key of deliveries");

    /* A client keeps its own beside its deliveries, each of which has it too. */
    if (hm_bytes_has_prefix(raw, HM_BYTES_LITERAL("hallmark/delivery-key ")))
        return HM_OK;
    for (size_t i = 0; i < judge->key_count; i++) {
        rc = hm_statement_verify(raw, judge->keys[i], &arena, &why, &statement, &hash);
        if (rc != HM_ESIGNATURE)
            break;
    }
    if (rc == HM_OK && statement.kind != HM_STATEMENT_HEAD)
        rc = hm_fail(&why, HM_EINPUT, "a '%s' is judged in its delivery file",
                     hm_statement_kind_name(statement.kind));
    else if (rc == HM_EFORMAT)
        rc = hm_fail(&why, HM_EFORMAT,
                     "it is no delivery file, no evidence, and no statement of a site");
    return rc == HM_OK ? take_head(judge, name, &statement, err)
                       : hm_judge_bad(judge, name, rc, &why, err);
}
