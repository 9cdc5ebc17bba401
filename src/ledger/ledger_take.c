/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ask of a client: verified, given its place in the key's order, judged and answered, all in
 * the transaction that is open. See ledger.h.
 */
#include <stdlib.h>

#include "base/text.h"
#include "delivery/delivery_leaf.h"
#include "ledger/ledger_internal.h"
#include "tlog/note.h"

#define KEY_DIGITS 8 /* of the key's hash in its name */

/* A client's key, as its row says. */
struct client {
    int64_t id, account;
    bool is_found, is_own, is_revoked;
    const char *vkey; /* in the arena */
    struct hm_delivery_sequence sequence;
    const struct hm_note_key *key; /* held by the ledger */
    struct hm_bytes note;          /* in the arena */
};

/* One ask on its way. */
struct step {
    struct hm_ledger *ledger;
    struct hm_ledger_ask *ask;
    int64_t now_unix_s;
    struct hm_note *note;
    struct hm_statement statement;
    struct hm_sha256 hash;
    struct client client;
    struct hm_err why; /* what is wrong with it */
    struct hm_arena arena;
};

static void step_free(struct step *step)
{
    if (step == NULL)
        return;
    hm_note_free(step->note);
    hm_arena_done(&step->arena);
    free(step);
}
HM_DEFINE_FREE(step_free, struct step);

/* Says no: a sentence and its newline. */
static enum hm_rc refuse(struct hm_ledger_ask *ask, unsigned status, const char *sentence,
                         struct hm_err *err)
{
    hm_buf_clear(&ask->answer);
    HM_TRY(hm_buf_append_fmt(&ask->answer, err, "%s\n", sentence));
    ask->status = status;
    return HM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_kind(const struct hm_ledger_ask *ask, enum hm_statement_kind kind)
{
    switch (ask->kind) {
    case HM_LEDGER_KEY:
        return kind == HM_STATEMENT_KEY;
    case HM_LEDGER_REQUEST:
        return kind == HM_STATEMENT_REQUEST;
    case HM_LEDGER_ANSWER:
        return kind == HM_STATEMENT_ACK || kind == HM_STATEMENT_REJECT;
    }
    return false;
}

static enum hm_rc read_statement(struct step *step, struct hm_err *err)
{
    if (step->ask->body.size > HM_LEDGER_BODY_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a statement has at most %d bytes",
                       HM_LEDGER_BODY_SIZE_MAX);
    HM_TRY(hm_note_parse(step->ask->body, err, &step->note));
    HM_TRY(hm_statement_parse(step->note->text, &step->arena, err, &step->statement));
    if (!is_kind(step->ask, step->statement.kind))
        return hm_fail(err, HM_EFORMAT, "a statement of another kind is expected here");
    if (strcmp(step->statement.site, step->ledger->options.site) != 0)
        return hm_fail(err, HM_EMISMATCH, "the statement is for the site '%s', and this is '%s'",
                       step->statement.site, step->ledger->options.site);
    return hm_statement_hash(step->note->text, err, &step->hash);
}

/* The key object of a row, made once. */
static enum hm_rc hold_key(struct hm_ledger *ledger, int64_t id, const char *vkey,
                           struct hm_err *err, const struct hm_note_key **ret_key)
{
    size_t place = (uint64_t)id % HM_LEDGER_KEY_CACHE;
    struct hm_note_key *key = NULL;

    if (ledger->keys[place].id != id || ledger->keys[place].key == NULL) {
        HM_TRY(hm_note_key_parse(hm_bytes_str(vkey), err, &key));
        hm_note_key_free(ledger->keys[place].key);
        ledger->keys[place].key = key;
        ledger->keys[place].id = id;
    }
    *ret_key = ledger->keys[place].key;
    return HM_OK;
}

static enum hm_rc find_client(struct hm_ledger *ledger, const char *account, const char *name,
                              struct hm_arena *arena, struct hm_err *err, struct client *client)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_KEY);
    struct hm_bytes last;

    hm_database_query_text(query, 1, name);
    HM_TRY(hm_database_query_step(query, err, &client->is_found));
    if (!client->is_found)
        return HM_OK;
    client->id = hm_database_query_get_int(query, 0);
    client->account = hm_database_query_get_int(query, 1);
    client->is_own = strcmp(hm_database_query_get_text(query, 2), account) == 0;
    client->vkey = hm_arena_strdup(arena, hm_bytes_str(hm_database_query_get_text(query, 3)));
    if (client->vkey == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(arena, hm_database_query_get_blob(query, 4), err, &client->note));
    client->is_revoked = hm_database_query_get_int(query, 5) != 0;
    last = hm_database_query_get_blob(query, 8);
    client->sequence.has_last = last.size == HM_SHA256_SIZE;
    client->sequence.epoch = (uint64_t)hm_database_query_get_int(query, 6);
    client->sequence.counter = (uint64_t)hm_database_query_get_int(query, 7);
    if (client->sequence.has_last)
        memcpy(client->sequence.last.bytes, last.data, HM_SHA256_SIZE);
    hm_database_query_reset(query);
    return hold_key(ledger, client->id, client->vkey, err, &client->key);
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum hm_rc sign(const struct hm_ledger *ledger, const struct hm_statement *statement,
                       struct hm_err *err, struct hm_sha256 *ret_hash, struct hm_buf *ret_note)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);

    HM_TRY(hm_statement_write(statement, err, &text));
    HM_TRY(hm_statement_hash(hm_buf_bytes(&text), err, ret_hash));
    HM_TRY(hm_note_write_text(hm_buf_bytes(&text), err, ret_note));
    return hm_note_sign(hm_buf_bytes(&text), ledger->options.key, ledger->options.signer, 0, err,
                        ret_note);
}

static enum hm_rc add_note(struct hm_ledger *ledger, int64_t delivery, enum hm_ledger_note note,
                           struct hm_bytes raw, struct hm_err *err)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_NOTE_ADD);

    hm_database_query_int(query, 1, delivery * HM_LEDGER_NOTE_COUNT_ + note);
    hm_database_query_blob(query, 2, raw);
    return hm_database_query_run(query, err);
}

static enum hm_rc add_row(struct hm_database_query *query, struct hm_err *err, int64_t *ret_id)
{
    bool has_row = false;

    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (!has_row)
        return hm_fail(err, HM_EINTERNAL, "the ledger gives no number to a row");
    *ret_id = hm_database_query_get_int(query, 0);
    hm_database_query_reset(query);
    return HM_OK;
}

/* ---- heads ----------------------------------------------------------------------------------- */

static enum hm_rc write_head(const struct hm_ledger *ledger, const char *name,
                             const struct hm_delivery_sequence *sequence, int64_t now_unix_s,
                             struct hm_err *err, struct hm_buf *ret_note)
{
    struct hm_statement head = {.kind = HM_STATEMENT_HEAD,
                                .site = ledger->options.site,
                                .client = name,
                                .time_unix_s = now_unix_s};
    struct hm_sha256 hash;

    if (sequence->has_last)
        head.event =
            (struct hm_statement_event){sequence->epoch, sequence->counter, sequence->last};
    return sign(ledger, &head, err, &hash, ret_note);
}

enum hm_rc hm_ledger_take_head(struct hm_ledger *ledger, const char *account, const char *client,
                               int64_t now_unix_s, struct hm_err *err, struct hm_buf *ret_note)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct client found = {.id = 0};

    HM_TRY(find_client(ledger, account, client, &arena, err, &found));
    if (!found.is_found || !found.is_own)
        return hm_fail(err, HM_ENOTFOUND, "there is no key of this name");
    return write_head(ledger, client, &found.sequence, now_unix_s, err, ret_note);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* ACCOUNT/HOST-XXXXXXXX, the last of it the begin of the key's hash. */
static enum hm_rc check_name(const struct step *step, const struct hm_note_key *key,
                             struct hm_err *err)
{
    size_t account = strlen(step->ask->account);
    struct hm_bytes host;
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE];

    if (key->name_bytes.size < account + KEY_DIGITS + 3 || key->name[account] != '/' ||
        memcmp(key->name, step->ask->account, account) != 0)
        return hm_fail(err, HM_EFORMAT, "the key's name is not '%s/HOST-XXXXXXXX'",
                       step->ask->account);
    host = hm_bytes_make(key->name + account + 1, key->name_bytes.size - account - 1);
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-'))
            return hm_fail(err, HM_EFORMAT,
                           "a host in a key's name has letters, digits, '.' and '-'");
    }
    HM_TRY(hm_digest_sha256(hm_bytes_make(key->public, key->public_size), err, &hash));
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    if (host.data[host.size - KEY_DIGITS - 1] != '-' ||
        memcmp(host.data + host.size - KEY_DIGITS, hex, KEY_DIGITS) != 0)
        return hm_fail(err, HM_EMISMATCH, "the key's name does not end with '-%.8s', its hash",
                       hex);
    return HM_OK;
}

static enum hm_rc verify_key(struct step *step, struct hm_err *err, struct hm_note_key **ret_key)
{
    const struct hm_note_key *key;

    HM_TRY(hm_note_key_parse(hm_bytes_str(step->statement.key), err, ret_key));
    key = *ret_key;
    if (key->kind != HM_NOTE_ED25519)
        return hm_fail(err, HM_EFORMAT, "a client's key is of type 0x01 (Ed25519)");
    if (strcmp(key->name, step->statement.client) != 0)
        return hm_fail(err, HM_EMISMATCH, "the statement is of '%s', and its key is '%s'",
                       step->statement.client, key->name);
    HM_TRY(check_name(step, key, err));
    return hm_note_verify(step->note, &key, 1, err, NULL);
}

/* The text, the client's line and ours; lines of others are not kept. */
static enum hm_rc countersign(const struct step *step, const struct hm_note_key *key,
                              struct hm_err *err, struct hm_buf *ret_note)
{
    const struct hm_ledger_options *options = &step->ledger->options;

    HM_TRY(hm_note_write_text(step->note->text, err, ret_note));
    for (size_t i = 0; i < step->note->signature_count; i++)
        if (step->note->signatures[i].id == key->id &&
            hm_bytes_is_equal(step->note->signatures[i].name, key->name_bytes))
            HM_TRY(hm_buf_append(ret_note, step->note->signatures[i].line, err));
    return hm_note_sign(step->note->text, options->key, options->signer, 0, err, ret_note);
}

static enum hm_rc keep_key(struct step *step, const struct hm_note_key *key, struct hm_err *err)
{
    struct hm_ledger *ledger = step->ledger;
    struct hm_database_query *query;
    struct hm_sha256 salt;
    int64_t account = 0, count = 0, id = 0;

    HM_TRY(hm_ledger_account(ledger, step->ask->account, true, err, &account));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_KEY_COUNT);
    hm_database_query_int(query, 1, account);
    HM_TRY(add_row(query, err, &count));
    if ((uint64_t)count >= ledger->options.keys_max)
        return refuse(step->ask, 403, "this account has as many keys as it may have", err);
    HM_TRY(countersign(step, key, err, &step->ask->answer));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_KEY_ADD);
    hm_database_query_int(query, 1, account);
    hm_database_query_text(query, 2, key->name);
    hm_database_query_text(query, 3, step->statement.key);
    hm_database_query_blob(query, 4, hm_buf_bytes(&step->ask->answer));
    hm_database_query_int(query, 5, step->now_unix_s);
    HM_TRY(add_row(query, err, &id));
    HM_TRY(hm_delivery_leaf_key_salt(step->note->text, err, &salt));
    HM_TRY(hm_ledger_leaf_add(ledger, &step->hash, &salt, 0, id, err));
    step->ask->status = 200;
    return HM_OK;
}

static enum hm_rc take_key(struct step *step, struct hm_err *err)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    struct hm_ledger_ask *ask = step->ask;
    enum hm_rc rc;

    if (strcmp(step->statement.account, ask->account) != 0)
        return refuse(ask, 403, "the key is of another account than the token", err);
    rc = verify_key(step, &step->why, &key);
    if (rc != HM_OK)
        return hm_ledger_is_ours(rc) ? hm_fail(err, rc, "%s", step->why.text)
                                     : refuse(ask, 400, step->why.text, err);
    HM_TRY(find_client(step->ledger, ask->account, key->name, &step->arena, err, &step->client));
    if (!step->client.is_found)
        return keep_key(step, key, err);
    if (!step->client.is_own || strcmp(step->client.vkey, step->statement.key) != 0)
        return refuse(ask, 409, "this name is of another key", err);
    if (step->client.is_revoked)
        return refuse(ask, 403, "this key was revoked: make another", err);
    HM_TRY(hm_buf_append(&ask->answer, step->client.note, err));
    ask->status = 200;
    return HM_OK;
}

/* ---- the order of a key ---------------------------------------------------------------------- */

/* What was said before to the same statement. */
static enum hm_rc say_again(struct step *step, int64_t delivery, int64_t refusal,
                            struct hm_err *err)
{
    struct hm_ledger_ask *ask = step->ask;
    struct hm_database_query *query;
    bool has_row = false;

    if (delivery != 0) {
        HM_TRY(hm_ledger_note(step->ledger, delivery,
                              ask->kind == HM_LEDGER_REQUEST ? HM_LEDGER_NOTE_OFFER
                                                             : HM_LEDGER_NOTE_RECEIPT,
                              err, &ask->answer));
        ask->status = 200;
        return HM_OK;
    }
    query = hm_ledger_query(step->ledger, HM_LEDGER_Q_REFUSAL);
    hm_database_query_int(query, 1, refusal);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (!has_row)
        return hm_fail(err, HM_EFORMAT, "the ledger is damaged: a refusal is missing");
    HM_TRY(refuse(ask, (unsigned)hm_database_query_get_int(query, 0),
                  hm_database_query_get_text(query, 1), err));
    hm_database_query_reset(query);
    return HM_OK;
}

/* A second statement that its key signed for one place is evidence: the first such is kept. */
static enum hm_rc keep_fork(struct step *step, struct hm_err *err)
{
    const struct hm_statement_event *event = &step->statement.event;
    struct hm_database_query *query = hm_ledger_query(step->ledger, HM_LEDGER_Q_FORK_ADD);

    hm_database_query_int(query, 1, step->client.id);
    hm_database_query_int(query, 2, (int64_t)event->epoch);
    hm_database_query_int(query, 3, (int64_t)event->counter);
    hm_database_query_int(query, 4, step->now_unix_s);
    hm_database_query_blob(query, 5, step->note->raw);
    return hm_database_query_run(query, err);
}

static enum hm_rc conflict(struct step *step, struct hm_err *err)
{
    hm_buf_clear(&step->ask->answer);
    HM_TRY(write_head(step->ledger, step->statement.client, &step->client.sequence,
                      step->now_unix_s, err, &step->ask->answer));
    step->ask->status = 409;
    return HM_OK;
}

/* *ret_next: it is the next one of its key; else it is answered. */
static enum hm_rc find_place(struct step *step, struct hm_err *err, bool *ret_next)
{
    struct hm_database_query *query = hm_ledger_query(step->ledger, HM_LEDGER_Q_EVENT);
    const struct hm_statement_event *event = &step->statement.event;
    struct hm_delivery_sequence *sequence = &step->client.sequence;
    struct hm_delivery_sequence next = *sequence;
    int64_t delivery, refusal;
    bool has_row = false, is_same;

    *ret_next = false;
    hm_database_query_int(query, 1, step->client.id);
    hm_database_query_int(query, 2, (int64_t)event->epoch);
    hm_database_query_int(query, 3, (int64_t)event->counter);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    is_same = has_row && hm_bytes_is_equal(hm_database_query_get_blob(query, 0),
                                           hm_bytes_make(step->hash.bytes, HM_SHA256_SIZE));
    delivery = hm_database_query_get_int(query, 1);
    refusal = hm_database_query_get_int(query, 2);
    hm_database_query_reset(query);
    if (is_same)
        return say_again(step, delivery, refusal, err);
    if (has_row)
        HM_TRY(keep_fork(step, err));
    if (has_row ||
        hm_delivery_sequence_take(&next, &step->statement, &step->hash,
                                  sequence->has_last ? &sequence->last : NULL, NULL) != HM_OK)
        return conflict(step, err);
    *sequence = next;
    *ret_next = true;
    return HM_OK;
}

/* Its place is taken for good, with what came of it: a delivery, or 0 and the answer, a refusal. */
static enum hm_rc take_place(struct step *step, int64_t delivery, struct hm_err *err)
{
    const struct hm_delivery_sequence *sequence = &step->client.sequence;
    struct hm_bytes hash = hm_bytes_make(step->hash.bytes, HM_SHA256_SIZE);
    struct hm_database_query *query;
    int64_t refusal = 0;

    if (delivery == 0) {
        char *sentence = hm_arena_strdup(
            &step->arena, hm_bytes_make(step->ask->answer.data, step->ask->answer.size - 1));

        if (sentence == NULL)
            return hm_error_nomem(err);
        query = hm_ledger_query(step->ledger, HM_LEDGER_Q_REFUSAL_ADD);
        hm_database_query_int(query, 1, step->client.id);
        hm_database_query_int(query, 2, (int64_t)step->ask->status);
        hm_database_query_text(query, 3, sentence);
        hm_database_query_int(query, 4, step->now_unix_s);
        hm_database_query_blob(query, 5, step->note->raw);
        HM_TRY(add_row(query, err, &refusal));
    }
    query = hm_ledger_query(step->ledger, HM_LEDGER_Q_EVENT_ADD);
    hm_database_query_int(query, 1, step->client.id);
    hm_database_query_int(query, 2, (int64_t)sequence->epoch);
    hm_database_query_int(query, 3, (int64_t)sequence->counter);
    hm_database_query_blob(query, 4, hash);
    hm_database_query_int(query, 5, delivery);
    hm_database_query_int(query, 6, refusal);
    HM_TRY(hm_database_query_run(query, err));
    query = hm_ledger_query(step->ledger, HM_LEDGER_Q_KEY_MOVE);
    hm_database_query_int(query, 1, (int64_t)sequence->epoch);
    hm_database_query_int(query, 2, (int64_t)sequence->counter);
    hm_database_query_blob(query, 3, hash);
    hm_database_query_int(query, 4, step->client.id);
    return hm_database_query_run(query, err);
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool is_asked(const struct hm_statement *request, const struct hm_ledger_release *release,
                     const struct hm_entry_image *image)
{
    return release->index == request->entry_index &&
           hm_digest_is_equal(&release->leaf, &request->entry) && image != NULL &&
           image->length == request->length && hm_digest_is_equal(&image->sha256, &request->image);
}

static enum hm_rc image_row(struct hm_ledger *ledger, const struct hm_statement *request,
                            struct hm_err *err, int64_t *ret_id)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_IMAGE);
    bool has_row = false;

    hm_database_query_text(query, 1, request->path);
    hm_database_query_int(query, 2, (int64_t)request->entry_index);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_id = has_row ? hm_database_query_get_int(query, 0) : 0;
    hm_database_query_reset(query);
    if (has_row)
        return HM_OK;
    query = hm_ledger_query(ledger, HM_LEDGER_Q_IMAGE_ADD);
    hm_database_query_text(query, 1, request->path);
    hm_database_query_int(query, 2, (int64_t)request->entry_index);
    hm_database_query_blob(query, 3, hm_bytes_make(request->image.bytes, HM_SHA256_SIZE));
    hm_database_query_int(query, 4, (int64_t)request->length);
    return add_row(query, err, ret_id);
}

static enum hm_rc keep_offer(struct step *step, const struct hm_statement *offer,
                             struct hm_err *err)
{
    struct hm_ledger *ledger = step->ledger;
    struct hm_database_query *query;
    struct hm_sha256 hash;
    int64_t image = 0, id = 0;

    HM_TRY(sign(ledger, offer, err, &hash, &step->ask->answer));
    HM_TRY(image_row(ledger, &step->statement, err, &image));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY_ADD);
    hm_database_query_int(query, 1, step->client.account);
    hm_database_query_int(query, 2, step->client.id);
    hm_database_query_int(query, 3, image);
    hm_database_query_int(query, 4, HM_DELIVERY_OFFERED);
    hm_database_query_int(query, 5, step->now_unix_s);
    hm_database_query_int(query, 6, offer->expires_unix_s);
    HM_TRY(add_row(query, err, &id));
    HM_TRY(add_note(ledger, id, HM_LEDGER_NOTE_REQUEST, step->note->raw, err));
    HM_TRY(add_note(ledger, id, HM_LEDGER_NOTE_OFFER, hm_buf_bytes(&step->ask->answer), err));
    HM_TRY(hm_ledger_leaf_add(ledger, &hash, &offer->nonce, id, 0, err));
    step->ask->status = 200;
    return take_place(step, id, err);
}

static enum hm_rc offer(struct step *step, const struct hm_ledger_release_path *path,
                        const struct hm_ledger_release *release, struct hm_err *err)
{
    const struct hm_ledger_options *options = &step->ledger->options;
    const struct hm_statement *request = &step->statement;
    struct hm_statement made = {.kind = HM_STATEMENT_OFFER,
                                .site = options->site,
                                .request = step->hash,
                                .entry_index = release->index,
                                .entry = release->leaf,
                                .path = request->path,
                                .label = release->entry->label,
                                .image = request->image,
                                .length = request->length,
                                .edge = options->edge,
                                .time_unix_s = step->now_unix_s,
                                .expires_unix_s = step->now_unix_s + options->offer_s};

    if (made.label == NULL)
        made.label = hm_arena_strdup(&step->arena, path->version);
    if (made.label == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_ledger_random(err, &made.nonce));
    return keep_offer(step, &made, err);
}

static enum hm_rc refuse_and_take(struct step *step, unsigned status, const char *sentence,
                                  struct hm_err *err)
{
    HM_TRY(refuse(step->ask, status, sentence, err));
    return take_place(step, 0, err);
}

static enum hm_rc take_request(struct step *step, struct hm_err *err)
{
    const struct hm_ledger_options *options = &step->ledger->options;
    struct hm_ledger_release_path path;
    const struct hm_ledger_release *release = NULL;
    enum hm_rc rc;

    if (strcmp(step->statement.account, step->ask->account) != 0)
        return refuse_and_take(step, 403, "the request is of another account than the token", err);
    if (hm_ledger_release_split(step->statement.path, &step->why, &path) != HM_OK)
        return refuse_and_take(step, 404, step->why.text, err);
    /* First: whether there is such a release is told to those only who may have it. */
    if (!options->is_granted(options->grant_ctx, step->ask->account, path.maker, path.product,
                             path.version))
        return refuse_and_take(step, 403, "this is not granted to this customer", err);
    rc = hm_ledger_release_find(step->ledger->releases, &path, step->now_unix_s, &step->why,
                                &release);
    if (rc == HM_ENOTFOUND)
        return refuse_and_take(step, 404, "there is no such release", err);
    if (hm_ledger_is_ours(rc))
        return hm_fail(err, rc, "%s", step->why.text);
    if (rc != HM_OK) /* the site's fault, and mended some day: no place is taken */
        return refuse(step->ask, 503, "the release log does not show this release now", err);
    if (!is_asked(&step->statement, release, hm_ledger_release_image(release, path.file)))
        return refuse_and_take(step, 404,
                               "the release has no such entry in the log, or no such image", err);
    return offer(step, &path, release, err);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A note of ours or one that was verified when it came. */
static enum hm_rc replay(struct step *step, struct hm_delivery *delivery, int64_t id,
                         enum hm_ledger_note note, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;
    struct hm_statement statement;
    struct hm_sha256 hash;

    HM_TRY(hm_ledger_note(step->ledger, id, note, err, &raw));
    if (raw.size == 0)
        return HM_OK;
    HM_TRY(hm_note_parse(hm_buf_bytes(&raw), err, &parsed));
    HM_TRY(hm_statement_parse(parsed->text, &step->arena, err, &statement));
    HM_TRY(hm_statement_hash(parsed->text, err, &hash));
    return hm_delivery_take(delivery, &statement, &hash, err);
}

/* Key and bytes written of a delivery. */
static enum hm_rc read_row(struct hm_ledger *ledger, int64_t id, struct hm_err *err,
                           int64_t *ret_key, uint64_t *ret_written)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY);
    bool has_row = false;

    hm_database_query_int(query, 1, id);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_key = has_row ? hm_database_query_get_int(query, 1) : 0;
    *ret_written = has_row ? (uint64_t)hm_database_query_get_int(query, 3) : 0;
    hm_database_query_reset(query);
    return HM_OK;
}

static enum hm_rc receipt(struct step *step, const struct hm_delivery *delivery, int64_t id,
                          uint64_t written, struct hm_err *err)
{
    struct hm_ledger *ledger = step->ledger;
    struct hm_statement made = {.kind = HM_STATEMENT_RECEIPT,
                                .site = ledger->options.site,
                                .request = delivery->request_hash,
                                .offer = delivery->offer_hash,
                                .answer = step->hash,
                                .path = delivery->offer.path,
                                .image = delivery->offer.image,
                                .length = delivery->offer.length,
                                .written = written,
                                .time_unix_s = step->now_unix_s};
    struct hm_database_query *query;
    struct hm_sha256 hash;

    HM_TRY(hm_ledger_random(err, &made.nonce));
    HM_TRY(sign(ledger, &made, err, &hash, &step->ask->answer));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY_STATE);
    hm_database_query_int(query, 1, (int64_t)delivery->state);
    hm_database_query_int(query, 2, step->now_unix_s);
    hm_database_query_int(query, 3, id);
    HM_TRY(hm_database_query_run(query, err));
    HM_TRY(add_note(ledger, id, HM_LEDGER_NOTE_ANSWER, step->note->raw, err));
    HM_TRY(add_note(ledger, id, HM_LEDGER_NOTE_RECEIPT, hm_buf_bytes(&step->ask->answer), err));
    HM_TRY(hm_ledger_leaf_add(ledger, &hash, &made.nonce, id, 0, err));
    step->ask->status = 200;
    return take_place(step, id, err);
}

static enum hm_rc take_answer(struct step *step, struct hm_err *err)
{
    struct hm_delivery delivery = HM_DELIVERY_INIT;
    struct hm_ledger_leaf leaf = {.delivery = 0};
    bool is_found = false;
    uint64_t written = 0;
    int64_t key = 0;
    enum hm_rc rc;

    HM_TRY(hm_ledger_leaf(step->ledger, &step->statement.offer, err, &is_found, &leaf));
    if (is_found && leaf.delivery != 0)
        HM_TRY(read_row(step->ledger, leaf.delivery, err, &key, &written));
    if (key != step->client.id) /* another's is not told from none */
        return refuse_and_take(step, 404, "this key was made no such offer", err);
    for (int note = HM_LEDGER_NOTE_REQUEST; note < HM_LEDGER_NOTE_COUNT_; note++)
        HM_TRY(replay(step, &delivery, leaf.delivery, (enum hm_ledger_note)note, err));
    if (!hm_digest_is_equal(&delivery.offer_hash, &step->statement.offer))
        return refuse_and_take(step, 404, "this key was made no such offer", err);
    if (delivery.state != HM_DELIVERY_OFFERED)
        return refuse_and_take(step, 410, "the offer was answered before", err);
    rc = hm_delivery_take(&delivery, &step->statement, &step->hash, &step->why);
    if (rc == HM_EEXPIRED)
        return refuse_and_take(step, 410, step->why.text, err);
    if (rc != HM_OK)
        return refuse_and_take(step, 400, step->why.text, err);
    return receipt(step, &delivery, leaf.delivery, written, err);
}

/* ---- one ask --------------------------------------------------------------------------------- */

static enum hm_rc take_event(struct step *step, struct hm_err *err)
{
    struct hm_ledger_ask *ask = step->ask;
    bool is_next = false;
    enum hm_rc rc;

    HM_TRY(find_client(step->ledger, ask->account, step->statement.client, &step->arena, err,
                       &step->client));
    if (!step->client.is_found)
        return refuse(ask, 401, "unknown key", err);
    if (!step->client.is_own)
        return refuse(ask, 403, "this key is of another account", err);
    rc = hm_note_verify(step->note, &step->client.key, 1, &step->why, NULL);
    if (rc != HM_OK)
        return hm_ledger_is_ours(rc) ? hm_fail(err, rc, "%s", step->why.text)
                                     : refuse(ask, 400, step->why.text, err);
    if (step->client.is_revoked)
        return refuse(ask, 403, "this key was revoked", err);
    HM_TRY(find_place(step, err, &is_next));
    if (!is_next)
        return HM_OK;
    return ask->kind == HM_LEDGER_REQUEST ? take_request(step, err) : take_answer(step, err);
}

enum hm_rc hm_ledger_take_one(struct hm_ledger *ledger, struct hm_ledger_ask *ask,
                              int64_t now_unix_s, struct hm_err *err)
{
    _hm_free_(step_free) struct step *step = calloc(1, sizeof(*step));
    enum hm_rc rc;

    if (step == NULL)
        return hm_error_nomem(err);
    *step = (struct step){
        .ledger = ledger, .ask = ask, .now_unix_s = now_unix_s, .arena = HM_ARENA_INIT};
    hm_buf_clear(&ask->answer);
    rc = read_statement(step, &step->why);
    if (rc != HM_OK)
        return hm_ledger_is_ours(rc) ? hm_fail(err, rc, "%s", step->why.text)
                                     : refuse(ask, 400, step->why.text, err);
    return ask->kind == HM_LEDGER_KEY ? take_key(step, err) : take_event(step, err);
}
