/* SPDX-License-Identifier: Apache-2.0 */
/* The site's ledger of deliveries: opening, rows, transfers, counts. See ledger.h. */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/time.h"
#include "ledger/ledger_internal.h"
#include "ledger/ledger_schema.h"

#define WAIT_MS 2000
#define SELECT_DELIVERY                                                                            \
    "SELECT d.account, d.key, d.state, d.written, i.path, i.sha256, i.length FROM delivery d"      \
    " JOIN image i ON i.id = d.image WHERE d.id = ?"

static const char *const texts[HM_LEDGER_Q_COUNT_] = {
    [HM_LEDGER_Q_ACCOUNT] = "SELECT id FROM account WHERE name = ?",
    [HM_LEDGER_Q_ACCOUNT_ADD] = "INSERT INTO account (name) VALUES (?) RETURNING id",
    [HM_LEDGER_Q_KEY] = "SELECT k.id, k.account, a.name, k.vkey, k.note, k.revoked, k.epoch,"
                        " k.counter, k.last FROM key k JOIN account a ON a.id = k.account"
                        " WHERE k.name = ?",
    [HM_LEDGER_Q_KEY_COUNT] = "SELECT count(*) FROM key WHERE account = ?",
    [HM_LEDGER_Q_KEY_ADD] = "INSERT INTO key (account, name, vkey, note, created)"
                            " VALUES (?, ?, ?, ?, ?) RETURNING id",
    [HM_LEDGER_Q_KEY_MOVE] = "UPDATE key SET epoch = ?, counter = ?, last = ? WHERE id = ?",
    [HM_LEDGER_Q_EVENT] = "SELECT hash, delivery, refusal FROM event"
                          " WHERE key = ? AND epoch = ? AND counter = ?",
    [HM_LEDGER_Q_EVENT_ADD] = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
    [HM_LEDGER_Q_REFUSAL] = "SELECT status, sentence FROM refusal WHERE id = ?",
    [HM_LEDGER_Q_REFUSAL_ADD] = "INSERT INTO refusal (key, status, sentence, time, raw)"
                                " VALUES (?, ?, ?, ?, ?) RETURNING id",
    [HM_LEDGER_Q_IMAGE] = "SELECT id FROM image WHERE path = ? AND entry = ?",
    [HM_LEDGER_Q_IMAGE_ADD] = "INSERT INTO image (path, entry, sha256, length)"
                              " VALUES (?, ?, ?, ?) RETURNING id",
    [HM_LEDGER_Q_DELIVERY] = SELECT_DELIVERY,
    [HM_LEDGER_Q_DELIVERY_ADD] = "INSERT INTO delivery (account, key, image, state, requested,"
                                 " expires) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
    [HM_LEDGER_Q_DELIVERY_STATE] = "UPDATE delivery SET state = ?, answered = ? WHERE id = ?",
    [HM_LEDGER_Q_DELIVERY_WRITTEN] = "UPDATE delivery SET written = written + ? WHERE id = ?",
    [HM_LEDGER_Q_DELIVERY_EXPIRE] =
        "UPDATE delivery SET state = 3 WHERE state = 2 AND expires <= ?",
    [HM_LEDGER_Q_NOTE] = "SELECT raw FROM note WHERE id = ?",
    [HM_LEDGER_Q_NOTE_ADD] = "INSERT INTO note VALUES (?, ?)",
    [HM_LEDGER_Q_LEAF] = "SELECT delivery, key, number, salt FROM leaf WHERE hash = ?",
    [HM_LEDGER_Q_LEAF_ADD] = "INSERT INTO leaf VALUES (?, ?, ?, ?, NULL)",
    [HM_LEDGER_Q_LEAF_NUMBER] = "UPDATE leaf SET number = ? WHERE hash = ?",
    [HM_LEDGER_Q_PENDING] = "SELECT p.id, p.hash, l.salt FROM pending p JOIN leaf l"
                            " ON l.hash = p.hash ORDER BY p.id LIMIT ?",
    [HM_LEDGER_Q_PENDING_ADD] = "INSERT INTO pending (hash) VALUES (?)",
    [HM_LEDGER_Q_PENDING_DROP] = "DELETE FROM pending WHERE id <= ?",
    [HM_LEDGER_Q_PLAN] = "SELECT place, entry, hash FROM plan ORDER BY place",
    [HM_LEDGER_Q_PLAN_ADD] = "INSERT INTO plan VALUES (?, ?, ?)",
    [HM_LEDGER_Q_PLAN_DROP] = "DELETE FROM plan",
    [HM_LEDGER_Q_STATE] = "SELECT site, log_size, batch_time, plan_base FROM state",
    [HM_LEDGER_Q_STATE_SET] = "UPDATE state SET site = ?, log_size = ?, batch_time = ?,"
                              " plan_base = ?",
    [HM_LEDGER_Q_SOURCE] = "SELECT position FROM source WHERE hash = ?",
    [HM_LEDGER_Q_SOURCE_ANY] = "SELECT coalesce(max(taken), 0) FROM source",
    [HM_LEDGER_Q_SOURCE_SET] = "INSERT INTO source VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                               " SET position = excluded.position, taken = excluded.taken",
    [HM_LEDGER_Q_TRANSFER_ADD] = "INSERT INTO transfer (account, path, sha256, bytes, is_complete,"
                                 " time, peer, door) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [HM_LEDGER_Q_GAP_ADD] = "INSERT INTO gap (since, until, why) VALUES (?, ?, ?)",
    [HM_LEDGER_Q_TALLY] = "SELECT state, count FROM tally WHERE kind = 0",
    /* Of tables whose rows are never deleted: the last number is the count. */
    [HM_LEDGER_Q_COUNTS] =
        "SELECT (SELECT count(*) FROM key), (SELECT count(*) FROM pending),"
        " (SELECT count(*) FROM gap), (SELECT coalesce(max(id), 0) FROM refusal),"
        " (SELECT coalesce(max(id), 0) FROM transfer)",
    [HM_LEDGER_Q_ASK_BEGIN] = "SAVEPOINT ask",
    [HM_LEDGER_Q_ASK_UNDO] = "ROLLBACK TO ask",
    [HM_LEDGER_Q_ASK_END] = "RELEASE ask",
    [HM_LEDGER_Q_FORK_ADD] = "INSERT OR IGNORE INTO fork VALUES (?, ?, ?, ?, ?)",
};

/* ---- transactions and rows ------------------------------------------------------------------- */

struct hm_database_query *hm_ledger_query(struct hm_ledger *ledger, enum hm_ledger_query query)
{
    hm_database_query_reset(ledger->queries[query]);
    return ledger->queries[query];
}

enum hm_rc hm_ledger_begin(struct hm_ledger *ledger, struct hm_err *err)
{
    if (ledger->has_begun)
        return HM_OK;
    HM_TRY(hm_database_begin(ledger->database, true, err));
    ledger->has_begun = true;
    return HM_OK;
}

/* A statement that stands at a row holds the transaction open. */
static void reset_queries(struct hm_ledger *ledger)
{
    for (int i = 0; i < HM_LEDGER_Q_COUNT_; i++)
        hm_database_query_reset(ledger->queries[i]);
}

/* Rows that were undone leave their numbers to others. */
static void drop_keys(struct hm_ledger *ledger)
{
    for (size_t i = 0; i < HM_LEDGER_KEY_CACHE; i++) {
        hm_note_key_free(ledger->keys[i].key);
        ledger->keys[i].key = NULL;
    }
}

enum hm_rc hm_ledger_end(struct hm_ledger *ledger, enum hm_rc rc, struct hm_err *err)
{
    if (!ledger->has_begun)
        return rc;
    ledger->has_begun = false;
    reset_queries(ledger);
    if (rc == HM_OK)
        rc = hm_database_commit(ledger->database, err);
    else
        hm_database_rollback(ledger->database);
    if (rc != HM_OK)
        drop_keys(ledger);
    return rc;
}

/* The id that a statement gives; 0: no row. */
static enum hm_rc take_id(struct hm_database_query *query, struct hm_err *err, int64_t *ret_id)
{
    bool has_row = false;

    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_id = has_row ? hm_database_query_get_int(query, 0) : 0;
    hm_database_query_reset(query);
    return HM_OK;
}

enum hm_rc hm_ledger_account(struct hm_ledger *ledger, const char *name, bool make,
                             struct hm_err *err, int64_t *ret_id)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_ACCOUNT);

    hm_database_query_text(query, 1, name);
    HM_TRY(take_id(query, err, ret_id));
    if (*ret_id != 0 || !make)
        return HM_OK;
    query = hm_ledger_query(ledger, HM_LEDGER_Q_ACCOUNT_ADD);
    hm_database_query_text(query, 1, name);
    return take_id(query, err, ret_id);
}

enum hm_rc hm_ledger_note(struct hm_ledger *ledger, int64_t delivery, enum hm_ledger_note note,
                          struct hm_err *err, struct hm_buf *ret_note)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_NOTE);
    bool has_row = false;

    hm_database_query_int(query, 1, delivery * HM_LEDGER_NOTE_COUNT_ + note);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (has_row)
        HM_TRY(hm_buf_append(ret_note, hm_database_query_get_blob(query, 0), err));
    hm_database_query_reset(query);
    return HM_OK;
}

static enum hm_rc get_digest(const struct hm_database_query *query, int column, struct hm_err *err,
                             struct hm_sha256 *ret_digest)
{
    struct hm_bytes bytes = hm_database_query_get_blob(query, column);

    if (bytes.size != HM_SHA256_SIZE)
        return hm_fail(err, HM_EFORMAT, "the ledger is damaged: a digest has %zu bytes",
                       bytes.size);
    memcpy(ret_digest->bytes, bytes.data, HM_SHA256_SIZE);
    return HM_OK;
}

static struct hm_bytes digest_bytes(const struct hm_sha256 *digest)
{
    return hm_bytes_make(digest->bytes, HM_SHA256_SIZE);
}

enum hm_rc hm_ledger_leaf(struct hm_ledger *ledger, const struct hm_sha256 *hash,
                          struct hm_err *err, bool *ret_found, struct hm_ledger_leaf *ret_leaf)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_LEAF);

    hm_database_query_blob(query, 1, digest_bytes(hash));
    HM_TRY(hm_database_query_step(query, err, ret_found));
    if (*ret_found) {
        *ret_leaf = (struct hm_ledger_leaf){
            .delivery = hm_database_query_get_int(query, 0),
            .key = hm_database_query_get_int(query, 1),
            .has_number = !hm_database_query_is_null(query, 2),
            .number = (uint64_t)hm_database_query_get_int(query, 2),
        };
        HM_TRY(get_digest(query, 3, err, &ret_leaf->salt));
    }
    hm_database_query_reset(query);
    return HM_OK;
}

enum hm_rc hm_ledger_leaf_add(struct hm_ledger *ledger, const struct hm_sha256 *hash,
                              const struct hm_sha256 *salt, int64_t delivery, int64_t key,
                              struct hm_err *err)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_LEAF_ADD);

    hm_database_query_blob(query, 1, digest_bytes(hash));
    hm_database_query_blob(query, 2, digest_bytes(salt));
    hm_database_query_int(query, 3, delivery);
    hm_database_query_int(query, 4, key);
    HM_TRY(hm_database_query_run(query, err));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_PENDING_ADD);
    hm_database_query_blob(query, 1, digest_bytes(hash));
    return hm_database_query_run(query, err);
}

enum hm_rc hm_ledger_random(struct hm_err *err, struct hm_sha256 *ret_random)
{
    size_t done = 0;

    while (done < HM_SHA256_SIZE) {
        ssize_t got = getrandom(ret_random->bytes + done, HM_SHA256_SIZE - done, 0);

        if (got < 0 && errno != EINTR)
            return hm_fail(err, HM_EINTERNAL, "the system gives no random bytes");
        done += got > 0 ? (size_t)got : 0;
    }
    return HM_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum hm_rc check_site(struct hm_ledger *ledger, struct hm_err *err)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_STATE);
    bool has_row = false, is_new;
    const char *site;

    HM_TRY(hm_database_query_step(query, err, &has_row));
    site = has_row ? hm_database_query_get_text(query, 0) : "";
    is_new = has_row && site[0] == '\0';
    if (!has_row || (!is_new && strcmp(site, ledger->options.site) != 0))
        return hm_fail(err, HM_EREFUSED, "the ledger is of the site '%s', not of '%s'", site,
                       ledger->options.site);
    hm_database_query_reset(query);
    if (!is_new)
        return HM_OK;
    HM_TRY(hm_ledger_begin(ledger, err));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_STATE_SET);
    hm_database_query_text(query, 1, ledger->options.site);
    hm_database_query_int(query, 2, 0);
    hm_database_query_int(query, 3, 0);
    hm_database_query_null(query, 4);
    return hm_ledger_end(ledger, hm_database_query_run(query, err), err);
}

static void set_defaults(struct hm_ledger_options *options)
{
    if (options->edge == NULL)
        options->edge = options->site;
    if (options->offer_s == 0)
        options->offer_s = HM_LEDGER_OFFER_S;
    if (options->batch_s == 0)
        options->batch_s = HM_LEDGER_BATCH_S;
    if (options->keys_max == 0)
        options->keys_max = HM_LEDGER_KEYS_MAX;
}

/* A reader never waits for us, nor we for it; a key that is revoked takes a moment. */
static uint32_t database_wait_ms(const struct hm_ledger_options *options)
{
    return options->wait_ms > WAIT_MS ? options->wait_ms : WAIT_MS;
}

static enum hm_rc open_all(struct hm_ledger *ledger, struct hm_err *err)
{
    const struct hm_ledger_options *options = &ledger->options;

    HM_TRY(hm_lock_take(options->private_dir, "lock", options->wait_ms, err, &ledger->lock));
    HM_TRY(hm_database_open(options->private_dir, HM_LEDGER_FILE, &hm_ledger_schema,
                            HM_DATABASE_CHANGE, database_wait_ms(options), err, &ledger->database));
    for (int i = 0; i < HM_LEDGER_Q_COUNT_; i++)
        HM_TRY(hm_database_query_new(ledger->database, texts[i], err, &ledger->queries[i]));
    HM_TRY(check_site(ledger, err));
    HM_TRY(hm_ledger_release_open(options->public_dir, options->release_policy, err,
                                  &ledger->releases));
    return hm_ledger_log_open(ledger, err);
}

enum hm_rc hm_ledger_open(const struct hm_ledger_options *options, struct hm_err *err,
                          struct hm_ledger **ret_ledger)
{
    _hm_free_(hm_ledger_free) struct hm_ledger *ledger = NULL;

    if (options->policy->log_count != 1 || options->key->kind != HM_NOTE_ED25519)
        return hm_fail(err, HM_EUSAGE, "root's word on deliveries has not one log and one key");
    ledger = calloc(1, sizeof(*ledger));
    if (ledger == NULL)
        return hm_error_nomem(err);
    ledger->options = *options;
    ledger->lock = (struct hm_lock)HM_LOCK_INIT;
    ledger->published = (struct hm_buf)HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    HM_ASSERT(pthread_mutex_init(&ledger->mutex, NULL) == 0);
    set_defaults(&ledger->options);
    HM_TRY(open_all(ledger, err));
    *ret_ledger = hm_steal(&ledger);
    return HM_OK;
}

void hm_ledger_free(struct hm_ledger *ledger)
{
    if (ledger == NULL)
        return;
    for (int i = 0; i < HM_LEDGER_Q_COUNT_; i++)
        hm_database_query_free(ledger->queries[i]);
    hm_database_close(ledger->database);
    hm_ledger_release_close(ledger->releases);
    hm_log_free(ledger->log);
    drop_keys(ledger);
    hm_lock_done(&ledger->lock);
    hm_buf_done(&ledger->published);
    (void)pthread_mutex_destroy(&ledger->mutex);
    free(ledger);
}

/* ---- what is asked --------------------------------------------------------------------------- */

bool hm_ledger_is_ours(enum hm_rc rc)
{
    return rc == HM_ENOMEM || rc == HM_EIO || rc == HM_EINTERNAL || rc == HM_EBUSY;
}

static enum hm_rc run(struct hm_ledger *ledger, enum hm_ledger_query query, struct hm_err *err)
{
    return hm_database_query_run(hm_ledger_query(ledger, query), err);
}

/* What the ledger cannot keep of one, a row that is damaged, is undone and fails that one alone. */
static enum hm_rc take_apart(struct hm_ledger *ledger, struct hm_ledger_ask *ask,
                             int64_t now_unix_s, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    HM_TRY(run(ledger, HM_LEDGER_Q_ASK_BEGIN, err));
    rc = hm_ledger_take_one(ledger, ask, now_unix_s, &why);
    if (hm_ledger_is_ours(rc))
        return hm_fail(err, rc, "%s", why.text);
    if (rc != HM_OK) {
        reset_queries(ledger);
        HM_TRY(run(ledger, HM_LEDGER_Q_ASK_UNDO, err));
        drop_keys(ledger);
        ask->status = 503;
        hm_buf_clear(&ask->answer);
        HM_TRY(hm_buf_append_fmt(&ask->answer, err,
                                 "this cannot be recorded: the site must look "
                                 "into its ledger\n"));
        ask->failed = rc;
        ask->why = why;
    }
    return run(ledger, HM_LEDGER_Q_ASK_END, err);
}

enum hm_rc hm_ledger_take(struct hm_ledger *ledger, struct hm_ledger_ask *asks, size_t count,
                          int64_t now_unix_s, struct hm_err *err)
{
    enum hm_rc rc = hm_ledger_begin(ledger, err);

    for (size_t i = 0; rc == HM_OK && i < count; i++)
        rc = take_apart(ledger, &asks[i], now_unix_s, err);
    rc = hm_ledger_end(ledger, rc, err);
    for (size_t i = 0; rc != HM_OK && i < count; i++) { /* what was not kept was not said */
        asks[i].status = 503;
        hm_buf_clear(&asks[i].answer);
    }
    return rc;
}

enum hm_rc hm_ledger_head(struct hm_ledger *ledger, const char *account, const char *client,
                          int64_t now_unix_s, struct hm_err *err, struct hm_buf *ret_note)
{
    return hm_ledger_take_head(ledger, account, client, now_unix_s, err, ret_note);
}

/* Whose leaf it is. */
static enum hm_rc owner_of(struct hm_ledger *ledger, const struct hm_ledger_leaf *leaf,
                           struct hm_err *err, int64_t *ret_account)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *own = NULL;
    struct hm_database_query *query;

    if (leaf->delivery != 0) {
        query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY);
        hm_database_query_int(query, 1, leaf->delivery);
        return take_id(query, err, ret_account);
    }
    HM_TRY(
        hm_database_query_new(ledger->database, "SELECT account FROM key WHERE id = ?", err, &own));
    hm_database_query_int(own, 1, leaf->key);
    return take_id(own, err, ret_account);
}

enum hm_rc hm_ledger_proof(struct hm_ledger *ledger, const char *account,
                           const struct hm_sha256 *hash, struct hm_err *err,
                           struct hm_buf *ret_proof, uint32_t *ret_wait_s)
{
    struct hm_ledger_leaf leaf;
    int64_t id = 0, owner = 0;
    bool is_found = false;
    enum hm_rc rc;

    HM_TRY(hm_ledger_account(ledger, account, false, err, &id));
    HM_TRY(hm_ledger_leaf(ledger, hash, err, &is_found, &leaf));
    if (is_found)
        HM_TRY(owner_of(ledger, &leaf, err, &owner));
    if (id == 0 || owner != id) /* another account's is not told from none */
        return hm_fail(err, HM_ENOTFOUND, "there is no statement of this hash");
    rc = leaf.has_number ? hm_ledger_log_proof(ledger, &leaf, err, ret_proof)
                         : hm_fail(err, HM_EAGAIN, "it stands in no batch of the log yet");
    if (rc == HM_EAGAIN)
        *ret_wait_s = (uint32_t)ledger->options.batch_s;
    return rc;
}

/* ---- transfers ------------------------------------------------------------------------------- */

enum hm_rc hm_ledger_position(struct hm_ledger *ledger, const struct hm_sha256 *source,
                              struct hm_err *err, struct hm_ledger_position *ret_position)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_SOURCE);
    struct hm_ledger_position position = {.position = 0};
    hm_database_query_blob(query, 1, digest_bytes(source));
    HM_TRY(hm_database_query_step(query, err, &position.is_known));
    if (position.is_known)
        position.position = (uint64_t)hm_database_query_get_int(query, 0);
    HM_TRY(take_id(hm_ledger_query(ledger, HM_LEDGER_Q_SOURCE_ANY), err, &position.taken_unix_s));
    hm_database_query_reset(query);
    position.is_begun = position.taken_unix_s > 0;
    *ret_position = position;
    return HM_OK;
}

/* Counts for its offer, if that is of this account, path and image. */
static enum hm_rc count_signed(struct hm_ledger *ledger, const struct hm_ledger_transfer *transfer,
                               struct hm_err *err, bool *ret_is_signed)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY);
    struct hm_ledger_leaf leaf = {.delivery = 0};
    int64_t account = 0;
    bool is_found = false;

    *ret_is_signed = false;
    HM_TRY(hm_ledger_account(ledger, transfer->account, false, err, &account));
    HM_TRY(hm_ledger_leaf(ledger, &transfer->offer, err, &is_found, &leaf));
    if (account == 0 || !is_found || leaf.delivery == 0)
        return HM_OK;
    hm_database_query_int(query, 1, leaf.delivery);
    HM_TRY(hm_database_query_step(query, err, &is_found));
    *ret_is_signed =
        is_found && hm_database_query_get_int(query, 0) == account &&
        strcmp(hm_database_query_get_text(query, 4), transfer->path) == 0 &&
        hm_bytes_is_equal(hm_database_query_get_blob(query, 5), digest_bytes(&transfer->image));
    hm_database_query_reset(query);
    if (!*ret_is_signed)
        return HM_OK;
    query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY_WRITTEN);
    hm_database_query_int(query, 1, (int64_t)transfer->bytes);
    hm_database_query_int(query, 2, leaf.delivery);
    return hm_database_query_run(query, err);
}

static enum hm_rc add_transfer(struct hm_ledger *ledger, const struct hm_ledger_transfer *transfer,
                               struct hm_err *err)
{
    struct hm_database_query *query;
    bool is_signed = false;

    if (transfer->bytes > INT64_MAX / 2)
        return hm_fail(err, HM_EUSAGE, "a transfer of so many bytes is none");
    if (transfer->has_offer)
        HM_TRY(count_signed(ledger, transfer, err, &is_signed));
    if (is_signed)
        return HM_OK;
    query = hm_ledger_query(ledger, HM_LEDGER_Q_TRANSFER_ADD);
    hm_database_query_text(query, 1, transfer->account);
    hm_database_query_text(query, 2, transfer->path);
    hm_database_query_blob(query, 3, digest_bytes(&transfer->image));
    hm_database_query_int(query, 4, (int64_t)transfer->bytes);
    hm_database_query_int(query, 5, transfer->is_complete);
    hm_database_query_int(query, 6, transfer->begin_unix_s);
    hm_database_query_text(query, 7, transfer->peer);
    hm_database_query_text(query, 8, transfer->door);
    return hm_database_query_run(query, err);
}

static enum hm_rc collect(struct hm_ledger *ledger, const struct hm_sha256 *source, uint64_t to,
                          const struct hm_ledger_transfer *transfers, size_t count,
                          struct hm_err *err)
{
    struct hm_database_query *query;

    HM_TRY(hm_ledger_begin(ledger, err));
    for (size_t i = 0; i < count; i++)
        HM_TRY(add_transfer(ledger, &transfers[i], err));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_SOURCE_SET);
    hm_database_query_blob(query, 1, digest_bytes(source));
    hm_database_query_int(query, 2, (int64_t)to);
    hm_database_query_int(query, 3, hm_time_now_unix_s());
    return hm_database_query_run(query, err);
}

enum hm_rc hm_ledger_collect(struct hm_ledger *ledger, const struct hm_sha256 *source,
                             uint64_t from, uint64_t to, const struct hm_ledger_transfer *transfers,
                             size_t count, struct hm_err *err)
{
    struct hm_ledger_position position;
    enum hm_rc rc;

    if ((to < from && count > 0) || to > INT64_MAX)
        return hm_fail(err, HM_EUSAGE, "a log of transfers is read forwards");
    HM_TRY(hm_ledger_position(ledger, source, err, &position));
    if (position.position != from)
        return hm_fail(err, HM_EAGAIN, "this log of transfers was taken up to %llu, not %llu",
                       (unsigned long long)position.position, (unsigned long long)from);
    rc = collect(ledger, source, to, transfers, count, err);
    return rc == HM_OK ? HM_OK : hm_ledger_end(ledger, rc, err);
}

enum hm_rc hm_ledger_gap(struct hm_ledger *ledger, int64_t since_unix_s, int64_t until_unix_s,
                         const char *why, struct hm_err *err)
{
    struct hm_database_query *query;

    HM_TRY(hm_ledger_begin(ledger, err));
    query = hm_ledger_query(ledger, HM_LEDGER_Q_GAP_ADD);
    hm_database_query_int(query, 1, since_unix_s);
    hm_database_query_int(query, 2, until_unix_s);
    hm_database_query_text(query, 3, why);
    return hm_database_query_run(query, err);
}

/* ---- time and counts ------------------------------------------------------------------------- */

enum hm_rc hm_ledger_tick(struct hm_ledger *ledger, int64_t now_unix_s, struct hm_err *err,
                          bool *ret_publish)
{
    struct hm_database_query *query;
    enum hm_rc rc = hm_ledger_begin(ledger, err);

    if (rc == HM_OK) {
        query = hm_ledger_query(ledger, HM_LEDGER_Q_DELIVERY_EXPIRE);
        hm_database_query_int(query, 1, now_unix_s);
        rc = hm_database_query_run(query, err);
    }
    HM_TRY(hm_ledger_end(ledger, rc, err));
    return hm_ledger_log_tick(ledger, now_unix_s, err, ret_publish);
}

enum hm_rc hm_ledger_publish(struct hm_ledger *ledger, int64_t now_unix_s, struct hm_err *err,
                             struct hm_buf *report)
{
    return hm_ledger_log_publish(ledger, now_unix_s, err, report);
}

static enum hm_rc count_states(struct hm_ledger *ledger, struct hm_err *err,
                               struct hm_ledger_counts *counts)
{
    uint64_t *const places[] = {
        [HM_DELIVERY_OFFERED] = &counts->offered,
        [HM_DELIVERY_UNACKNOWLEDGED] = &counts->unacknowledged,
        [HM_DELIVERY_ACKNOWLEDGED] = &counts->acknowledged,
        [HM_DELIVERY_REJECTED] = &counts->rejected,
    };
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_TALLY);

    for (;;) {
        bool has_row = false;
        int64_t state;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        state = hm_database_query_get_int(query, 0);
        if (state >= HM_DELIVERY_OFFERED && state <= HM_DELIVERY_REJECTED)
            *places[state] = (uint64_t)hm_database_query_get_int(query, 1);
    }
    hm_database_query_reset(query);
    return HM_OK;
}

enum hm_rc hm_ledger_counts(struct hm_ledger *ledger, struct hm_err *err,
                            struct hm_ledger_counts *ret_counts)
{
    struct hm_database_query *query = hm_ledger_query(ledger, HM_LEDGER_Q_COUNTS);
    struct hm_ledger_counts counts = {.keys = 0};
    bool has_row = false;

    HM_TRY(count_states(ledger, err, &counts));
    HM_TRY(hm_database_query_step(query, err, &has_row));
    counts.keys = (uint64_t)hm_database_query_get_int(query, 0);
    counts.leaves_pending = (uint64_t)hm_database_query_get_int(query, 1);
    counts.gaps = (uint64_t)hm_database_query_get_int(query, 2);
    counts.requested = (uint64_t)hm_database_query_get_int(query, 3);
    counts.unsigned_transfers = (uint64_t)hm_database_query_get_int(query, 4);
    hm_database_query_reset(query);
    *ret_counts = counts;
    return HM_OK;
}
