/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a site that is watched: its checkpoint beside the last one, and all its entries. */
#include "base/file.h"
#include "monitor/watch_internal.h"
#include "trust/log_verdict.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* Partial tiles are replaced soon, and not kept. */
static bool is_kept(const struct hm_watch *watch, const char *path)
{
    return !watch->is_local && strstr(path, ".p/") == NULL;
}

static void make_path(const char *path, char ret_path[HM_TILE_PATH_SIZE + 8])
{
    (void)snprintf(ret_path, HM_TILE_PATH_SIZE + 8, "log/%s", path); /* fits */
}

static enum hm_rc get_tile(void *ctx, const char *path, struct hm_err *err,
                           struct hm_buf *ret_bytes)
{
    struct hm_watch *watch = ctx;
    const struct hm_client_source *objects = &watch->site->objects;
    char name[HM_TILE_PATH_SIZE + 8];

    make_path(path, name);
    if (is_kept(watch, path)) {
        enum hm_rc rc = hm_dir_read(&watch->dir, name, err, ret_bytes);

        if (rc != HM_ENOTFOUND && rc != HM_EFORMAT)
            return rc;
    }
    return objects->get(objects->ctx, name, err, ret_bytes);
}

static enum hm_rc keep_tile(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    struct hm_watch *watch = ctx;
    char name[HM_TILE_PATH_SIZE + 8];

    make_path(path, name);
    if (!is_kept(watch, path) || hm_dir_has(&watch->dir, name))
        return HM_OK;
    /* Proven again whenever it is read. */
    return hm_file_replace_unflushed(&watch->dir, name, 0644, bytes, err);
}

static bool reject_tile(void *ctx, const char *path)
{
    struct hm_watch *watch = ctx;
    char name[HM_TILE_PATH_SIZE + 8];

    make_path(path, name);
    return is_kept(watch, path) && hm_dir_has(&watch->dir, name) &&
           hm_dir_remove(&watch->dir, name, NULL) == HM_OK;
}

struct hm_follow_source hm_watch_tiles(struct hm_watch *watch)
{
    return (struct hm_follow_source){
        .get = get_tile, .keep = keep_tile, .reject = reject_tile, .ctx = watch};
}

/* ---- the checkpoint -------------------------------------------------------------------------- */

/* A condition that stops the run: the sentence is the alarm's and the report's. */
static enum hm_rc stop(struct hm_watch *watch, enum hm_alarm_kind kind, const char *subject,
                       const struct hm_err *why, struct hm_err *err)
{
    if (why->rc != HM_ENOTFOUND || watch->is_last_try)
        HM_TRY(hm_watch_hold(watch, kind, subject, HM_ALARM_NO_INDEX, "%s", why->text));
    return hm_fail(err, why->rc, "%s", why->text);
}

/* The next run begins from entry 0, and compares from what was checked on. */
static void drop_replay(struct hm_watch *watch)
{
    hm_replay_free(hm_steal(&watch->replay));
    hm_history_free(hm_steal(&watch->history));
    watch->is_started = false;
}

/* *ret_checkpoint stays NULL where what root says is to be read again first. */
static enum hm_rc get_checkpoint(struct hm_watch *watch, struct hm_err *err,
                                 struct hm_checkpoint_signed **ret_checkpoint)
{
    const struct hm_client_source *objects = &watch->site->objects;
    const struct hm_note_key *key = hm_watch_key(watch);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = objects->get(objects->ctx, HM_WATCH_CHECKPOINT, &why, &raw);

    if (rc == HM_OK)
        rc = hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, &why, ret_checkpoint);
    if (rc == HM_OK)
        return HM_OK;
    if (rc == HM_ENOTFOUND)
        return stop(watch, HM_ALARM_MISSING, HM_WATCH_CHECKPOINT, &why, err);
    if (hm_error_exit_status(rc) == 1 && !watch->is_reread) {
        /* A root that came since may name another log. */
        watch->is_reread = true;
        watch->is_again = true;
        drop_replay(watch);
        return HM_OK;
    }
    if (hm_error_exit_status(rc) == 1)
        return stop(watch, HM_ALARM_FALSE, HM_WATCH_CHECKPOINT, &why, err);
    return hm_fail(err, rc, "%s", why.text);
}

static enum hm_rc open_follow(struct hm_watch *watch, const struct hm_checkpoint *body,
                              struct hm_err *err)
{
    const struct hm_follow_source source = hm_watch_tiles(watch);

    hm_follow_free(hm_steal(&watch->follow));
    hm_follow_free(hm_steal(&watch->back));
    HM_TRY(hm_follow_open(&source, body->size, &body->root, err, &watch->follow));
    return hm_follow_open(&source, body->size, &body->root, err, &watch->back);
}

/* The tree that a checkpoint names, out of the site's tiles. */
static enum hm_rc open_tree(struct hm_watch *watch, const struct hm_checkpoint *body,
                            struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = open_follow(watch, body, &why);

    if (rc == HM_OK)
        return HM_OK;
    if (rc == HM_ENOTFOUND)
        return stop(watch, HM_ALARM_MISSING, "log/tile", &why, err);
    if (rc == HM_EMISMATCH || rc == HM_EFORMAT)
        return stop(watch, HM_ALARM_FALSE, "log/tile", &why, err);
    return hm_fail(err, rc, "%s", why.text);
}

/* ---- beside what was seen before ------------------------------------------------------------- */

/* follow is of the larger of the two trees. */
static enum hm_rc tell_fork(struct hm_watch *watch, const struct hm_checkpoint_signed *checkpoint,
                            struct hm_err *err)
{
    const struct hm_position *seen = &watch->position;
    struct hm_watch_fork fork = {.small = seen->note->raw,
                                 .large = checkpoint->note->raw,
                                 .small_size = seen->body.size,
                                 .large_size = checkpoint->body.size,
                                 .follow = watch->follow};

    if (checkpoint->body.size < seen->body.size)
        fork = (struct hm_watch_fork){.small = checkpoint->note->raw,
                                      .large = seen->note->raw,
                                      .small_size = checkpoint->body.size,
                                      .large_size = seen->body.size,
                                      .follow = watch->follow};
    HM_TRY(hm_watch_keep_fork(watch, &fork, err));
    HM_TRY(hm_watch_raise(watch, HM_ALARM_FORK, hm_watch_key(watch)->name, seen->body.size,
                          "the log has forked: its first %llu entries are not those that were seen "
                          "before; the evidence is in '%s/evidence'",
                          (unsigned long long)seen->body.size, watch->dir.path));
    return hm_fail(err, HM_EREFUSED, "the log has forked");
}

/* The log that took the place of another does not begin with what was seen of that. */
static enum hm_rc tell_break(struct hm_watch *watch, const struct hm_checkpoint *seen,
                             struct hm_err *err)
{
    HM_TRY(hm_watch_raise(watch, HM_ALARM_FORK, hm_watch_key(watch)->name, seen->size,
                          "it does not begin with the %llu entries of the log '%.*s', whose place "
                          "it takes",
                          (unsigned long long)seen->size, HM_BYTES_FMT(seen->origin)));
    return hm_fail(err, HM_EREFUSED, "the log has forked");
}

/* The site shows less of the log than before. */
static enum hm_rc judge_smaller(struct hm_watch *watch,
                                const struct hm_checkpoint_signed *checkpoint, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_sha256 root;
    enum hm_rc rc = open_follow(watch, &watch->position.body, &why);

    if (rc == HM_OK)
        rc = hm_watch_root_at(watch, checkpoint->body.size, &why, &root);
    if (rc == HM_OK && !hm_digest_is_equal(&root, &checkpoint->body.root))
        return tell_fork(watch, checkpoint, err);
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    (void)hm_fail(
        &why, HM_EROLLBACK, "the log goes back from %llu entries to %llu%s",
        (unsigned long long)watch->position.body.size, (unsigned long long)checkpoint->body.size,
        rc == HM_OK ? ": an old copy is being served" : ", and its tiles are not served any more");
    return stop(watch, HM_ALARM_ROLLBACK, HM_WATCH_CHECKPOINT, &why, err);
}

/* The log that root has closed was seen with more entries than that: who signed them? */
static enum hm_rc keep_beyond(struct hm_watch *watch, const struct hm_site_log_closed *closed,
                              struct hm_err *err)
{
    const struct hm_position *seen = &watch->position;
    char name[64];

    (void)snprintf(name, sizeof(name), "evidence/beyond-%llu", (unsigned long long)seen->body.size);
    HM_TRY(hm_file_replace(&watch->dir, name, 0644, seen->note->raw, err));
    return hm_watch_raise(watch, HM_ALARM_LOG, closed->key->name, seen->body.size,
                          "root closed it with %llu entries, and it was seen with %llu; that "
                          "checkpoint is kept in '%s/%s'",
                          (unsigned long long)closed->size, (unsigned long long)seen->body.size,
                          watch->dir.path, name);
}

/* Another log has taken the place of the one that was followed: with root's word, and all that was
 * seen of that one. */
static enum hm_rc judge_successor(struct hm_watch *watch,
                                  const struct hm_checkpoint_signed *checkpoint, struct hm_err *err)
{
    const struct hm_site_log_closed *closed = NULL;
    struct hm_checkpoint seen = watch->position.body;
    struct hm_sha256 root;

    for (size_t i = 0; i < watch->log->closed_count; i++) {
        if (hm_bytes_is_equal(watch->log->closed[i].key->name_bytes, seen.origin))
            closed = &watch->log->closed[i];
    }
    HM_TRY(
        hm_watch_raise(watch, HM_ALARM_LOG, hm_watch_key(watch)->name, HM_ALARM_NO_INDEX,
                       "it has taken the place of the log '%.*s'%s", HM_BYTES_FMT(seen.origin),
                       closed == NULL ? ", and root does not say that that one was closed" : ""));
    if (closed != NULL && seen.size > closed->size) {
        HM_TRY(keep_beyond(watch, closed, err));
        seen.size = closed->size;
        seen.root = closed->root;
    }
    HM_TRY(open_tree(watch, &checkpoint->body, err));
    if (seen.size > checkpoint->body.size)
        return tell_break(watch, &seen, err);
    HM_TRY(hm_watch_root_at(watch, seen.size, err, &root));
    if (!hm_digest_is_equal(&root, &seen.root))
        return tell_break(watch, &seen, err);
    if (watch->position.has_checked && watch->position.checked >= seen.size)
        watch->position.has_checked = false;
    /* The entries' numbers are the same; what was replayed beyond the closed size is not. */
    drop_replay(watch);
    watch->is_again = true;
    return hm_position_advance(&watch->position, checkpoint->note->raw, watch->now_unix_s, err);
}

/* The log begins with each one that root has closed. */
static enum hm_rc judge_beginning(struct hm_watch *watch, uint64_t size, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_log_verdict_closed(watch->log, hm_follow_nodes(watch->follow), size, &why);

    if (rc == HM_EREFUSED)
        HM_TRY(hm_watch_raise(watch, HM_ALARM_FORK, hm_watch_key(watch)->name, HM_ALARM_NO_INDEX,
                              "%s", why.text));
    return rc == HM_OK ? HM_OK : hm_fail(err, rc, "%s", why.text);
}

/* Opens the tree, which must begin with what was seen. */
static enum hm_rc judge_growth(struct hm_watch *watch,
                               const struct hm_checkpoint_signed *checkpoint, struct hm_err *err)
{
    const struct hm_checkpoint *seen = &watch->position.body;
    struct hm_sha256 root;

    if (watch->position.note != NULL && checkpoint->body.size < seen->size)
        return judge_smaller(watch, checkpoint, err);
    if (watch->position.note != NULL && checkpoint->body.size == seen->size &&
        !hm_digest_is_equal(&checkpoint->body.root, &seen->root))
        return tell_fork(watch, checkpoint, err);
    HM_TRY(open_tree(watch, &checkpoint->body, err));
    if (watch->position.note == NULL)
        return HM_OK;
    HM_TRY(hm_watch_root_at(watch, seen->size, err, &root));
    return hm_digest_is_equal(&root, &seen->root) ? HM_OK : tell_fork(watch, checkpoint, err);
}

/* ---- entries --------------------------------------------------------------------------------- */

static enum hm_rc get_entry(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry)
{
    struct hm_watch *watch = ctx;

    return hm_follow_entry(watch->back, index, err, ret_entry);
}

struct hm_replay_entries hm_watch_entries(struct hm_watch *watch)
{
    return (struct hm_replay_entries){.get = get_entry, .ctx = watch};
}

static enum hm_rc add_entry(void *ctx, uint64_t index, struct hm_bytes entry, struct hm_err *err)
{
    struct hm_watch *watch = ctx;
    enum hm_rc rc;

    (void)index;
    watch->report->read++;
    rc = hm_replay_add(watch->replay, entry, err);
    watch->is_restart = rc == HM_EAGAIN && !watch->is_full;
    return rc;
}

static enum hm_rc replay(struct hm_watch *watch, uint64_t size, struct hm_err *err)
{
    const struct hm_replay_entries entries = hm_watch_entries(watch);
    const struct hm_replay_sink sink = hm_watch_sink(watch);
    const struct hm_follow_sink into = {.entry = add_entry, .ctx = watch};

    if (watch->replay == NULL)
        HM_TRY(hm_replay_new(watch->site->name, &entries, &sink, err, &watch->replay));
    while (hm_replay_next(watch->replay) < size) {
        enum hm_rc rc;

        watch->is_restart = false;
        rc = hm_follow_read(watch->follow, hm_replay_next(watch->replay), size, &into, err);
        if (rc != HM_OK && watch->is_restart)
            rc = hm_replay_restart(watch->replay, err);
        HM_TRY(rc);
    }
    return HM_OK;
}

/* What the site serves of the entries is wrong, or not there. */
static enum hm_rc read_entries(struct hm_watch *watch, uint64_t size, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = replay(watch, size, &why);

    if (rc == HM_OK)
        return HM_OK;
    /* A replay that failed is over. */
    drop_replay(watch);
    if (rc == HM_ENOTFOUND)
        return stop(watch, HM_ALARM_MISSING, "log/tile", &why, err);
    if (rc == HM_EMISMATCH || rc == HM_EFORMAT)
        return stop(watch, HM_ALARM_FALSE, "log/tile", &why, err);
    return hm_fail(err, rc, "%s", why.text);
}

static enum hm_rc follow_once(struct hm_watch *watch, struct hm_err *err)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_position *seen = &watch->position;

    HM_TRY(get_checkpoint(watch, err, &checkpoint));
    if (checkpoint == NULL)
        return HM_OK;
    if (seen->note != NULL && !hm_bytes_is_equal(seen->body.origin, checkpoint->body.origin))
        return judge_successor(watch, checkpoint, err);
    HM_TRY(judge_growth(watch, checkpoint, err));
    HM_TRY(judge_beginning(watch, checkpoint->body.size, err));
    HM_TRY(hm_position_advance(&watch->position, checkpoint->note->raw, watch->now_unix_s, err));
    HM_TRY(read_entries(watch, checkpoint->body.size, err));
    if (hm_replay_pending(watch->replay) > 0)
        return hm_watch_hold(watch, HM_ALARM_FALSE, HM_WATCH_CHECKPOINT, HM_ALARM_NO_INDEX,
                             "%llu entries at the end of the log are in no snapshot's batch: "
                             "clients refuse such a log",
                             (unsigned long long)hm_replay_pending(watch->replay));
    return HM_OK;
}

enum hm_rc hm_watch_follow(struct hm_watch *watch, struct hm_err *err)
{
    /* Partial tiles of a tree go when the next one is there: read again then. */
    for (int tries = 1;; tries++) {
        enum hm_rc rc;

        watch->is_last_try = tries == HM_WATCH_TRIES_MAX;
        rc = follow_once(watch, err);
        if (rc != HM_ENOTFOUND || watch->is_last_try)
            return rc;
    }
}
