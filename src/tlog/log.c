/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a log and appending to it. See log.h. */
#include "tlog/log.h"

#include <errno.h>

#include "tlog/log_internal.h"

#define LOCK_NAME "lock"
/* More than this of what is not in tiles yet, and appending makes tiles first: it is all held in
 * memory, 35 bytes for the smallest entry. */
#define UNSETTLED_SIZE_MAX  ((uint64_t)128 << 20)
#define UNSETTLED_COUNT_MAX ((uint64_t)1 << 20)

_Static_assert(HM_LOG_APPEND_COUNT_MAX == HM_RECORD_ENTRY_COUNT_MAX, "an append is one record");
_Static_assert(HM_LOG_APPEND_SIZE_MAX + 2 * HM_LOG_APPEND_COUNT_MAX == HM_RECORD_BODY_SIZE_MAX,
               "an append is one record");
/* Every thread that appends may be past the check when the bound is reached; these fit. */
_Static_assert(HM_WAL_SIZE_MAX >= UNSETTLED_SIZE_MAX + 4 * HM_RECORD_SIZE_MAX, "appends fit");

/* Mutexes of ours, neither shared nor recursive: locking and unlocking cannot fail. */
static void lock(pthread_mutex_t *mutex)
{
    HM_ASSERT(pthread_mutex_lock(mutex) == 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    HM_ASSERT(pthread_mutex_unlock(mutex) == 0);
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum hm_rc new_log(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                          struct hm_err *err, struct hm_log **ret_log)
{
    _hm_free_(hm_log_free) struct hm_log *log = calloc(1, sizeof(*log));

    if (log == NULL)
        return hm_error_nomem(err);
    *log = (struct hm_log){.private_dir = HM_DIR_INIT,
                           .public_dir = HM_DIR_INIT,
                           .lock = HM_LOCK_INIT,
                           .tail_mutex = PTHREAD_MUTEX_INITIALIZER,
                           .queue_mutex = PTHREAD_MUTEX_INITIALIZER,
                           .idle = PTHREAD_COND_INITIALIZER,
                           .wal = HM_WAL_INIT,
                           .bundle = HM_BUF_INIT(HM_RECORD_BODY_SIZE_MAX),
                           .settle_mutex = PTHREAD_MUTEX_INITIALIZER};
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &log->digest));
    HM_TRY(hm_dir_copy(private_dir, err, &log->private_dir));
    HM_TRY(hm_dir_copy(public_dir, err, &log->public_dir));
    *ret_log = hm_steal(&log);
    return HM_OK;
}

/* No records: a log that begins, unless tiles say that there were some. */
static enum hm_rc begin(struct hm_log *log, struct hm_err *err)
{
    if (hm_dir_has(&log->public_dir, "tile") || hm_dir_has(&log->public_dir, "checkpoint"))
        return hm_fail(err, HM_EFORMAT,
                       "'%s' has a log, but '%s/" HM_WAL_NAME
                       "' is missing: restore it from a backup; a second log under the same name "
                       "would contradict the first",
                       log->public_dir.path, log->private_dir.path);
    return hm_tail_new(log->digest, 0, HM_BYTES_EMPTY, err, &log->tail);
}

enum hm_rc hm_log_open(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                       struct hm_err *err, struct hm_log **ret_log)
{
    _hm_free_(hm_log_free) struct hm_log *log = NULL;
    bool is_unclear = false;
    enum hm_rc rc;

    HM_TRY(new_log(private_dir, public_dir, err, &log));
    HM_TRY(hm_lock_take(&log->private_dir, LOCK_NAME, 0, err, &log->lock));
    rc = hm_wal_load(&log->private_dir, err, &log->tail);
    if (rc == HM_ENOTFOUND)
        rc = begin(log, err);
    HM_TRY(rc);
    /* What was read may be in memory only, if a flush failed before: written again, it is durable
     * or refused. The cut-off record goes too. */
    HM_TRY(
        hm_wal_rewrite(&log->wal, &log->private_dir, log->tail, log->tail->base, err, &is_unclear));
    log->head.size = log->tail->frontier.size;
    HM_TRY(hm_merkle_frontier_root(log->digest, &log->tail->frontier, err, &log->head.root));
    log->settled = log->tail->base;
    HM_TRY(hm_log_settle(log, err));
    *ret_log = hm_steal(&log);
    return HM_OK;
}

void hm_log_free(struct hm_log *log)
{
    if (log == NULL)
        return;
    hm_wal_done(&log->wal);
    hm_buf_done(&log->bundle);
    hm_tail_free(log->tail);
    hm_digest_free(log->digest);
    hm_lock_done(&log->lock);
    hm_dir_done(&log->public_dir);
    hm_dir_done(&log->private_dir);
    (void)pthread_mutex_destroy(&log->tail_mutex); /* nobody has it: the caller gave it up */
    (void)pthread_mutex_destroy(&log->queue_mutex);
    (void)pthread_mutex_destroy(&log->settle_mutex);
    (void)pthread_cond_destroy(&log->idle);
    free(log);
}

void hm_log_head(struct hm_log *log, struct hm_log_head *ret_head)
{
    lock(&log->tail_mutex);
    *ret_head = log->head;
    unlock(&log->tail_mutex);
}

/* --- one at a time ---------------------------------------------------------------------------- */

/* The call may return at once, and what stands here of it is gone. */
static void wake(struct hm_log_waiting *waiting)
{
    HM_ASSERT(sem_post(&waiting->woken) == 0);
}

void hm_log_enter(struct hm_log *log)
{
    lock(&log->queue_mutex);
    log->alone_count++;
    while (log->is_busy)
        HM_ASSERT(pthread_cond_wait(&log->idle, &log->queue_mutex) == 0);
    log->alone_count--;
    log->is_busy = true;
    unlock(&log->queue_mutex);
}

/* Lets who comes next be busy. Holds queue_mutex. */
static void pass_on(struct hm_log *log)
{
    log->is_busy = false;
    if (log->alone_count > 0) {
        (void)pthread_cond_signal(&log->idle); /* cannot fail for a condition of ours */
    } else if (log->queue_first != NULL) {
        log->is_busy = true;
        log->queue_first->is_leader = true;
        wake(log->queue_first);
    }
}

void hm_log_leave(struct hm_log *log)
{
    lock(&log->queue_mutex);
    pass_on(log);
    unlock(&log->queue_mutex);
}

enum hm_rc hm_log_check_usable(const struct hm_log *log, struct hm_err *err)
{
    if (!log->is_failed)
        return HM_OK;
    return hm_fail(err, HM_EINTERNAL,
                   "the log in '%s' takes nothing more, as writing it failed before: see what the "
                   "disk has, then open the log again",
                   log->private_dir.path);
}

/* --- appending -------------------------------------------------------------------------------- */

static enum hm_rc check_append(const struct hm_bytes *entries, size_t count, struct hm_err *err,
                               size_t *ret_size)
{
    size_t size = 0;

    if (count == 0 || count > HM_LOG_APPEND_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "1 to %d entries are appended at a time, not %zu",
                       HM_LOG_APPEND_COUNT_MAX, count);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].size > HM_TILE_ENTRY_SIZE_MAX)
            return hm_fail(err, HM_EUSAGE, "an entry of a log has at most %d bytes, not %zu",
                           HM_TILE_ENTRY_SIZE_MAX, entries[i].size);
        size += entries[i].size; /* at most 4 GiB */
    }
    if (size > HM_LOG_APPEND_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "%zu bytes are too many to be appended at a time", size);
    *ret_size = size + 2 * count;
    return HM_OK;
}

/* Adds the entries to the tail, beyond what is durable, and to the record's bundle. */
static enum hm_rc stage(struct hm_log *log, const struct hm_log_waiting *waiting,
                        struct hm_err *err)
{
    for (size_t i = 0; i < waiting->count; i++) {
        HM_TRY(hm_tile_bundle_append(&log->bundle, waiting->entries[i], err));
        HM_TRY(hm_tail_add(log->tail, log->digest, waiting->entries[i], err));
    }
    return HM_OK;
}

static enum hm_rc stage_all(struct hm_log *log, const struct hm_log_waiting *batch,
                            struct hm_err *err, struct hm_log_head *ret_head)
{
    hm_buf_clear(&log->bundle);
    for (; batch != NULL; batch = batch->next)
        HM_TRY(stage(log, batch, err));
    ret_head->size = log->tail->frontier.size;
    return hm_merkle_frontier_root(log->digest, &log->tail->frontier, err, &ret_head->root);
}

/* One record, one flush. What is staged is taken back if it does not become durable. */
static enum hm_rc write_batch(struct hm_log *log, const struct hm_log_waiting *batch,
                              struct hm_err *err)
{
    struct hm_tail_mark mark;
    struct hm_log_head head;
    uint64_t size;
    enum hm_rc rc;

    HM_TRY(hm_log_check_usable(log, err));
    if (log->wal.append.size > HM_WAL_SIZE_MAX - HM_RECORD_SIZE_MAX)
        return hm_fail(err, HM_EIO, "'%s' is full: tiles must be made of it first",
                       log->wal.append.shown);
    lock(&log->tail_mutex);
    hm_tail_mark(log->tail, &mark);
    size = mark.frontier.size;
    rc = stage_all(log, batch, err, &head);
    unlock(&log->tail_mutex);
    if (rc == HM_OK)
        rc = hm_wal_append(&log->wal, size, hm_buf_bytes(&log->bundle),
                           (uint32_t)(head.size - size), &head.root, err);
    lock(&log->tail_mutex);
    if (rc == HM_OK)
        log->head = head;
    else
        hm_tail_cut(log->tail, &mark);
    unlock(&log->tail_mutex);
    log->is_failed = rc == HM_EINTERNAL;
    return rc;
}

/* Takes from the queue what fits into one record. Holds queue_mutex. */
static struct hm_log_waiting *take_batch(struct hm_log *log)
{
    struct hm_log_waiting *batch = log->queue_first;
    struct hm_log_waiting *last = batch;
    size_t count = batch->count;
    size_t size = batch->size;

    while (last->next != NULL && count + last->next->count <= HM_RECORD_ENTRY_COUNT_MAX &&
           size + last->next->size <= HM_RECORD_BODY_SIZE_MAX) {
        last = last->next;
        count += last->count;
        size += last->size;
    }
    log->queue_first = last->next;
    if (log->queue_first == NULL)
        log->queue_last = NULL;
    last->next = NULL;
    return batch;
}

/* Writes a batch for all that are in it; own, which is busy, is the first. */
static void lead(struct hm_log *log, struct hm_log_waiting *own)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_log_waiting *batch;
    uint64_t first;
    enum hm_rc rc;

    lock(&log->queue_mutex);
    batch = take_batch(log);
    unlock(&log->queue_mutex);
    HM_ASSERT(batch == own);
    first = log->tail->frontier.size; /* nobody else changes it */
    rc = write_batch(log, batch, &err);
    hm_log_leave(log);
    while (batch != NULL) {
        struct hm_log_waiting *next = batch->next; /* it is gone once it is woken */

        batch->is_leader = false;
        batch->rc = rc;
        batch->first = first;
        first += batch->count;
        if (rc != HM_OK && batch->err != NULL)
            *batch->err = err;
        if (batch != own)
            wake(batch);
        batch = next;
    }
}

static void queue_up(struct hm_log *log, struct hm_log_waiting *own)
{
    lock(&log->queue_mutex);
    if (log->queue_last != NULL)
        log->queue_last->next = own;
    else
        log->queue_first = own;
    log->queue_last = own;
    if (!log->is_busy && log->alone_count == 0)
        pass_on(log); /* to itself: there is no queue while nobody is busy, or wants to be alone */
    unlock(&log->queue_mutex);
}

/* Keeps in bounds what is held in memory. */
static enum hm_rc make_room(struct hm_log *log, struct hm_err *err)
{
    bool is_large;

    lock(&log->tail_mutex);
    is_large = log->tail->entries_size > UNSETTLED_SIZE_MAX ||
               log->head.size - log->tail->base > UNSETTLED_COUNT_MAX;
    unlock(&log->tail_mutex);
    return is_large ? hm_log_settle(log, err) : HM_OK;
}

enum hm_rc hm_log_append(struct hm_log *log, const struct hm_bytes *entries, size_t count,
                         struct hm_err *err, uint64_t *ret_first)
{
    struct hm_log_waiting own = {.entries = entries, .count = count, .err = err};
    int result;

    HM_TRY(check_append(entries, count, err, &own.size));
    HM_TRY(make_room(log, err));
    HM_ASSERT(sem_init(&own.woken, 0, 0) == 0);
    queue_up(log, &own);
    do
        result = sem_wait(&own.woken);
    while (result != 0 && errno == EINTR);
    HM_ASSERT(result == 0);
    if (own.is_leader)
        lead(log, &own);
    (void)sem_destroy(&own.woken); /* nobody waits for it */
    if (own.rc != HM_OK)
        return own.rc;
    *ret_first = own.first;
    return HM_OK;
}

/* --- signing ---------------------------------------------------------------------------------- */

/* Records restored from an old backup are a whole log, and the wrong one: what this key has signed
 * and published is not contradicted. What verifies by no key of ours says nothing. */
static enum hm_rc check_published(const struct hm_log *log, const struct hm_note_key *key,
                                  const struct hm_log_head *head, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *published = NULL;
    const struct hm_checkpoint *body;
    enum hm_rc rc = hm_dir_read(&log->public_dir, "checkpoint", err, &raw);

    if (rc == HM_OK)
        rc = hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, err, &published);
    if (rc == HM_ENOTFOUND || rc == HM_EFORMAT || rc == HM_ESIGNATURE || rc == HM_EMISMATCH)
        return HM_OK;
    HM_TRY(rc);
    body = &published->body;
    if (body->size < head->size ||
        (body->size == head->size && hm_digest_is_equal(&body->root, &head->root)))
        return HM_OK;
    return hm_fail(err, HM_EROLLBACK,
                   "'%s/checkpoint' is of %llu entries, and the records in '%s' are of %llu and do "
                   "not belong to it: they are an old backup; nothing is signed until those that "
                   "were written last are back",
                   log->public_dir.path, (unsigned long long)body->size, log->private_dir.path,
                   (unsigned long long)head->size);
}

enum hm_rc hm_log_sign(struct hm_log *log, const struct hm_note_key *key,
                       const struct hm_signer *signer, struct hm_err *err, struct hm_buf *ret_note)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_checkpoint checkpoint = {.origin = key->name_bytes};
    struct hm_log_head head;

    HM_TRY(hm_log_settle_head(log, err, &head));
    HM_TRY(check_published(log, key, &head, err));
    checkpoint.size = head.size;
    checkpoint.root = head.root;
    HM_TRY(hm_checkpoint_write(&checkpoint, err, &text));
    HM_TRY(hm_note_write_text(hm_buf_bytes(&text), err, &note));
    HM_TRY(hm_note_sign(hm_buf_bytes(&text), key, signer, 0, err, &note));
    return hm_buf_append(ret_note, hm_buf_bytes(&note), err);
}
