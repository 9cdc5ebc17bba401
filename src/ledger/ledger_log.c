/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deliveries log: batches of leaves, and its checkpoint. See ledger.h, docs/formats.md 22.
 *
 * A batch is planned in the database, with all its entries in their order, before the log sees it;
 * after it was appended, the database takes the leaves' numbers and drops the plan. A crash in
 * between finds the plan, and the log either as it was before or with exactly these entries: no
 * leaf is appended twice, and none is lost.
 */
#include "base/file.h"
#include "delivery/delivery_leaf.h"
#include "ledger/ledger_internal.h"
#include "site/cosign.h"
#include "tlog/proof.h"

#define CHECKPOINT HM_LEDGER_FOLDER "/checkpoint"
#define FAR_UNIX_S INT64_C(253402300799) /* the end of 9999: later than any cosignature */

struct state {
    uint64_t log_size;
    int64_t batch_time;
    bool has_plan;
    uint64_t plan_base;
};

static enum hm_rc read_state(struct hm_ledger *ledger, struct hm_err *err, struct state *ret_state)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_STATE);
    bool has_row = false;

    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_state = (struct state){.log_size = (uint64_t)hm_database_query_get_int(query, 1),
                                .batch_time = hm_database_query_get_int(query, 2),
                                .has_plan = has_row && !hm_database_query_is_null(query, 3),
                                .plan_base = (uint64_t)hm_database_query_get_int(query, 3)};
    hm_database_query_reset(query);
    return HM_OK;
}

static enum hm_rc write_state(struct hm_ledger *ledger, const struct state *state,
                              struct hm_err *err)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_STATE_SET);

    hm_database_query_text(query, 1, ledger->options.site);
    hm_database_query_int(query, 2, (int64_t)state->log_size);
    hm_database_query_int(query, 3, state->batch_time);
    if (state->has_plan)
        hm_database_query_int(query, 4, (int64_t)state->plan_base);
    return hm_database_query_run(query, err);
}

/* ---- a plan ---------------------------------------------------------------------------------- */

struct planned {
    char entry[HM_DELIVERY_LEAF_SIZE + 1];
    struct hm_sha256 hash;
    bool is_leaf; /* else it fills up */
};

struct plan {
    struct planned *items;
    size_t count;
    int64_t last; /* of the pending rows */
    struct hm_arena arena;
};

static void plan_done(struct plan *plan)
{
    hm_arena_done(&plan->arena);
}

static enum hm_rc plan_room(struct plan *plan, struct hm_err *err)
{
    if (plan->items != NULL)
        return HM_OK;
    plan->items = hm_arena_alloc(&plan->arena, HM_LEDGER_BATCH_COUNT_MAX, sizeof(*plan->items));
    return plan->items == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc collect_pending(struct hm_ledger *ledger, struct hm_err *err, struct plan *plan)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_PENDING);

    hm_database_query_int(query, 1, HM_LEDGER_BATCH_COUNT_MAX);
    for (;;) {
        struct planned *item;
        struct hm_sha256 salt;
        bool has_row = false;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        HM_TRY(plan_room(plan, err));
        item = &plan->items[plan->count++];
        if (hm_database_query_get_blob(query, 1).size != HM_SHA256_SIZE ||
            hm_database_query_get_blob(query, 2).size != HM_SHA256_SIZE)
            return hm_fail(err, HM_EFORMAT, "the ledger is damaged: a leaf is no digest");
        plan->last = hm_database_query_get_int(query, 0);
        memcpy(item->hash.bytes, hm_database_query_get_blob(query, 1).data, HM_SHA256_SIZE);
        memcpy(salt.bytes, hm_database_query_get_blob(query, 2).data, HM_SHA256_SIZE);
        item->is_leaf = true;
        HM_TRY(hm_delivery_leaf_write(&salt, &item->hash, err, item->entry));
    }
    hm_database_query_reset(query);
    return HM_OK;
}

/* Nobody learns from the log how many there were, but for their power of two, nor their order. */
static enum hm_rc fill_and_shuffle(struct plan *plan, struct hm_err *err)
{
    size_t width = 1;

    while (width < plan->count)
        width *= 2;
    while (plan->count < width) {
        struct planned *item = &plan->items[plan->count++];
        struct hm_sha256 salt, hash;

        HM_TRY(hm_ledger_random(err, &salt));
        HM_TRY(hm_ledger_random(err, &hash));
        item->is_leaf = false;
        HM_TRY(hm_delivery_leaf_write(&salt, &hash, err, item->entry));
    }
    for (size_t i = plan->count; i > 1; i--) {
        struct hm_sha256 random;
        struct planned swap;
        uint64_t number;
        size_t other;

        HM_TRY(hm_ledger_random(err, &random));
        memcpy(&number, random.bytes, sizeof(number));
        other = (size_t)(number % i); /* 64 bits against 17: no bias that anybody sees */
        swap = plan->items[i - 1];
        plan->items[i - 1] = plan->items[other];
        plan->items[other] = swap;
    }
    return HM_OK;
}

static enum hm_rc keep_plan(struct hm_ledger *ledger, const struct plan *plan, struct state *state,
                            struct hm_err *err)
{
    struct hm_database_query *query;

    for (size_t i = 0; i < plan->count; i++) {
        query = hm_ledger_query(ledger, HM_LEDGER_Q_PLAN_ADD);
        hm_database_query_int(query, 1, (int64_t)i);
        hm_database_query_text(query, 2, plan->items[i].entry);
        if (plan->items[i].is_leaf)
            hm_database_query_blob(query, 3,
                                   hm_bytes_make(plan->items[i].hash.bytes, HM_SHA256_SIZE));
        HM_TRY(hm_database_query_run(query, err));
    }
    query = hm_ledger_query(ledger, HM_LEDGER_Q_PENDING_DROP);
    hm_database_query_int(query, 1, plan->last);
    HM_TRY(hm_database_query_run(query, err));
    state->has_plan = true;
    state->plan_base = state->log_size;
    return write_state(ledger, state, err);
}

static enum hm_rc make_plan(struct hm_ledger *ledger, struct state *state, struct hm_err *err)
{
    _hm_done_(plan_done) struct plan plan = {.arena = HM_ARENA_INIT};

    HM_TRY(collect_pending(ledger, err, &plan));
    if (plan.count == 0)
        return HM_OK;
    HM_TRY(fill_and_shuffle(&plan, err));
    return keep_plan(ledger, &plan, state, err);
}

/* ---- appending ------------------------------------------------------------------------------- */

static enum hm_rc load_plan(struct hm_ledger *ledger, struct hm_err *err, struct plan *plan)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_PLAN);

    for (;;) {
        struct hm_bytes hash;
        struct planned *item;
        bool has_row = false;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        HM_TRY(plan_room(plan, err));
        hash = hm_database_query_get_blob(query, 2);
        if (plan->count == HM_LEDGER_BATCH_COUNT_MAX ||
            strlen(hm_database_query_get_text(query, 1)) != HM_DELIVERY_LEAF_SIZE)
            return hm_fail(err, HM_EFORMAT, "the ledger is damaged: its plan of a batch is none");
        item = &plan->items[plan->count++];
        memcpy(item->entry, hm_database_query_get_text(query, 1), sizeof(item->entry));
        item->is_leaf = hash.size == HM_SHA256_SIZE;
        if (item->is_leaf)
            memcpy(item->hash.bytes, hash.data, HM_SHA256_SIZE);
    }
    hm_database_query_reset(query);
    return HM_OK;
}

static enum hm_rc differ(uint64_t size, uint64_t known, struct hm_err *err)
{
    return hm_fail(err, HM_EREFUSED,
                   "the deliveries log has %llu leaves, and the ledger knows of %llu: "
                   "'private/deliveries' is of two times; put all of it back from the newest "
                   "backup",
                   (unsigned long long)size, (unsigned long long)known);
}

/* The log has them already, exactly these: the crash came between log and database. */
static enum hm_rc check_there(struct hm_ledger *ledger, const struct plan *plan, uint64_t base,
                              struct hm_err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);

        HM_TRY(hm_log_entry(ledger->log, base + i, err, &entry));
        if (!hm_bytes_is_str(hm_buf_bytes(&entry), plan->items[i].entry))
            return hm_fail(
                err, HM_EREFUSED,
                "leaf %llu of the deliveries log is not the one that the ledger planned: "
                "'private/deliveries' is of two times",
                (unsigned long long)(base + i));
    }
    return HM_OK;
}

static enum hm_rc append(struct hm_ledger *ledger, struct plan *plan, uint64_t base,
                         struct hm_err *err)
{
    struct hm_bytes *entries;
    struct hm_log_head head;
    uint64_t first = 0;

    hm_log_head(ledger->log, &head);
    if (head.size == base + plan->count && plan->count > 0)
        return check_there(ledger, plan, base, err);
    if (head.size != base)
        return differ(head.size, base, err);
    entries = hm_arena_alloc(&plan->arena, plan->count, sizeof(*entries));
    if (entries == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < plan->count; i++)
        entries[i] = hm_bytes_str(plan->items[i].entry);
    HM_TRY(hm_log_append(ledger->log, entries, plan->count, err, &first));
    HM_ASSERT(first == base); /* the lock is held */
    return HM_OK;
}

static enum hm_rc take_numbers(struct hm_ledger *ledger, const struct plan *plan,
                               struct state *state, struct hm_err *err)
{
    HM_TRY(hm_ledger_begin(ledger, err));
    for (size_t i = 0; i < plan->count; i++) {
        struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_LEAF_NUMBER);

        if (!plan->items[i].is_leaf)
            continue;
        hm_database_query_int(query, 1, (int64_t)(state->plan_base + i));
        hm_database_query_blob(query, 2, hm_bytes_make(plan->items[i].hash.bytes, HM_SHA256_SIZE));
        HM_TRY(hm_database_query_run(query, err));
    }
    HM_TRY(hm_database_query_run(hm_ledger_query(ledger, HM_LEDGER_Q_PLAN_DROP), err));
    state->log_size = state->plan_base + plan->count;
    state->has_plan = false;
    return write_state(ledger, state, err);
}

static enum hm_rc run_plan(struct hm_ledger *ledger, struct state *state, struct hm_err *err)
{
    _hm_done_(plan_done) struct plan plan = {.arena = HM_ARENA_INIT};

    HM_TRY(load_plan(ledger, err, &plan));
    HM_TRY(append(ledger, &plan, state->plan_base, err));
    return hm_ledger_end(ledger, take_numbers(ledger, &plan, state, err), err);
}

static bool is_behind(struct hm_ledger *ledger)
{
    struct hm_log_head head;
    bool behind;

    hm_log_head(ledger->log, &head);
    (void)pthread_mutex_lock(&ledger->mutex);
    behind = head.size > ledger->published_size;
    (void)pthread_mutex_unlock(&ledger->mutex);
    return behind;
}

enum hm_rc hm_ledger_log_tick(struct hm_ledger *ledger, int64_t now_unix_s, struct hm_err *err,
                              bool *ret_publish)
{
    struct state state;

    HM_TRY(read_state(ledger, err, &state));
    /* A clock that was ahead holds no batch up. */
    if (!state.has_plan && (now_unix_s < state.batch_time ||
                            now_unix_s - state.batch_time >= ledger->options.batch_s)) {
        state.batch_time = now_unix_s;
        HM_TRY(hm_ledger_begin(ledger, err));
        HM_TRY(hm_ledger_end(ledger, make_plan(ledger, &state, err), err));
    }
    if (state.has_plan)
        HM_TRY(run_plan(ledger, &state, err));
    *ret_publish = is_behind(ledger);
    return HM_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The public checkpoint, if it is ours: what stands there is nobody's word. */
static enum hm_rc load_published(struct hm_ledger *ledger, struct hm_err *err)
{
    const struct hm_note_key *key = ledger->options.policy->logs[0].key;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *again = NULL;
    struct hm_log_head head;
    struct hm_sha256 root = {{0}};

    if (hm_dir_read(ledger->options.public_dir, CHECKPOINT, NULL, &raw) != HM_OK ||
        hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, NULL, &checkpoint) !=
            HM_OK)
        return HM_OK; /* missing or spoilt: it is written anew */
    hm_log_head(ledger->log, &head);
    if (checkpoint->body.size <= head.size)
        HM_TRY(hm_log_root(ledger->log, checkpoint->body.size, err, &root));
    if (checkpoint->body.size > head.size || !hm_digest_is_equal(&root, &checkpoint->body.root))
        return hm_fail(err, HM_EROLLBACK,
                       "'public/" CHECKPOINT "' is signed by the log's key for %llu leaves that "
                       "'private/deliveries' does not know: that is an older copy, or somebody "
                       "else signs with that key; put all of the newest 'private/deliveries' back",
                       (unsigned long long)checkpoint->body.size);
    /* One that lacks witnesses of today's policy is made again. */
    if (hm_log_policy_open(ledger->options.policy, hm_buf_bytes(&raw), FAR_UNIX_S,
                           HM_LOG_POLICY_ANY_AGE, NULL, &again) != HM_OK)
        return HM_OK;
    ledger->published_size = checkpoint->body.size;
    return hm_buf_append(&ledger->published, hm_buf_bytes(&raw), err);
}

static enum hm_rc check_size(struct hm_ledger *ledger, const struct state *state,
                             struct hm_err *err)
{
    struct hm_log_head head;

    hm_log_head(ledger->log, &head);
    if (!state->has_plan && head.size != state->log_size)
        return differ(head.size, state->log_size, err);
    return HM_OK;
}

enum hm_rc hm_ledger_log_open(struct hm_ledger *ledger, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir own = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir tiles = HM_DIR_INIT;
    struct state state;
    enum hm_rc rc;

    HM_TRY(hm_dir_open_at(ledger->options.private_dir, "log", true, err, &own));
    HM_TRY(hm_dir_open_at(ledger->options.public_dir, HM_LEDGER_FOLDER, true, err, &tiles));
    rc = hm_log_open(&own, &tiles, err, &ledger->log);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the deliveries log");
    HM_TRY(read_state(ledger, err, &state));
    HM_TRY(check_size(ledger, &state, err));
    if (state.has_plan)
        HM_TRY(run_plan(ledger, &state, err));
    return load_published(ledger, err);
}

/* ---- the checkpoint -------------------------------------------------------------------------- */

enum hm_rc hm_ledger_log_publish(struct hm_ledger *ledger, int64_t now_unix_s, struct hm_err *err,
                                 struct hm_buf *report)
{
    const struct hm_ledger_options *options = &ledger->options;
    const struct hm_cosign_options ask = {
        .ca_file = options->ca_file, .now_unix_s = now_unix_s, .log = "the deliveries log"};
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;
    struct hm_checkpoint body;
    enum hm_rc rc;

    HM_TRY(hm_log_sign(ledger->log, options->policy->logs[0].key, options->log_signer, err,
                       &checkpoint));
    rc = hm_cosign_gather(options->private_dir, ledger->log, options->policy, NULL,
                          hm_buf_bytes(&checkpoint), &ask, err, report, &note);
    if (rc != HM_OK)
        return rc;
    HM_TRY(hm_note_parse(hm_buf_bytes(&note), err, &parsed));
    HM_TRY(hm_checkpoint_parse(parsed->text, err, &body));
    HM_TRY(hm_file_replace(options->public_dir, CHECKPOINT, 0644, hm_buf_bytes(&note), err));
    (void)pthread_mutex_lock(&ledger->mutex);
    hm_buf_clear(&ledger->published);
    rc = hm_buf_append(&ledger->published, hm_buf_bytes(&note), err);
    ledger->published_size = rc == HM_OK ? body.size : 0;
    (void)pthread_mutex_unlock(&ledger->mutex);
    return rc;
}

enum hm_rc hm_ledger_log_proof(struct hm_ledger *ledger, const struct hm_ledger_leaf *leaf,
                               struct hm_err *err, struct hm_buf *ret_proof)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_merkle_proof path;
    struct hm_proof proof = {.index = leaf->number};
    uint64_t size;
    enum hm_rc rc;

    (void)pthread_mutex_lock(&ledger->mutex);
    size = ledger->published_size;
    rc = hm_buf_append(&note, hm_buf_bytes(&ledger->published), err);
    (void)pthread_mutex_unlock(&ledger->mutex);
    HM_TRY(rc);
    if (leaf->number >= size)
        return hm_fail(err, HM_EAGAIN, "the log's checkpoint is not published yet");
    HM_TRY(hm_log_prove_inclusion(ledger->log, leaf->number, size, err, &path));
    proof.checkpoint = hm_buf_bytes(&note);
    proof.hashes = path.hashes;
    proof.hash_count = path.count;
    return hm_proof_write(&proof, err, ret_proof);
}
