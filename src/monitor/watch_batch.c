/* SPDX-License-Identifier: Apache-2.0 */
/* Each batch of a log that is watched: beside its metadata, its proofs, and what makers say. */
#include "base/text.h"
#include "base/time.h"
#include "monitor/watch_internal.h"
#include "tlog/where.h"

#define PROOFS "proofs/"

/* ---- the log's own rules --------------------------------------------------------------------- */

static enum hm_alarm_kind kind_of_problem(enum hm_replay_problem problem)
{
    switch (problem) {
    case HM_REPLAY_UNREADABLE:
    case HM_REPLAY_UNKNOWN:
    case HM_REPLAY_FOREIGN:
        return HM_ALARM_UNREADABLE;
    case HM_REPLAY_REUSED:
        return HM_ALARM_REUSED;
    case HM_REPLAY_VOID:
    case HM_REPLAY_TAKEN_BACK:
        return HM_ALARM_TAKEN_BACK;
    case HM_REPLAY_BATCH:
    case HM_REPLAY_ORDER:
    case HM_REPLAY_MAP:
    case HM_REPLAY_PROBLEM_COUNT_:
        break;
    }
    return HM_ALARM_FALSE;
}

static bool is_told(const struct hm_watch *watch, uint64_t index)
{
    return watch->position.has_checked && index <= watch->position.checked;
}

static enum hm_rc see_problem(void *ctx, enum hm_replay_problem problem, uint64_t index,
                              const char *sentence, struct hm_err *err)
{
    struct hm_watch *watch = ctx;
    char subject[64];

    (void)err;
    if (is_told(watch, index))
        return HM_OK;
    (void)snprintf(subject, sizeof(subject), "entry %llu", (unsigned long long)index);
    return hm_watch_raise(watch, kind_of_problem(problem), subject, index, "%s: %s",
                          hm_replay_problem_name(problem), sentence);
}

/* ---- metadata -------------------------------------------------------------------------------- */

static enum hm_alarm_kind kind_of_find(enum hm_history_kind kind)
{
    switch (kind) {
    case HM_HISTORY_MISSING:
        return HM_ALARM_MISSING;
    case HM_HISTORY_ROLLBACK:
        return HM_ALARM_ROLLBACK;
    case HM_HISTORY_REUSED:
        return HM_ALARM_REUSED;
    case HM_HISTORY_UNLISTED:
        return HM_ALARM_UNLISTED;
    case HM_HISTORY_UNLOGGED:
        return HM_ALARM_UNLOGGED;
    case HM_HISTORY_KEYS:
        return HM_ALARM_KEYS;
    case HM_HISTORY_EXPIRY:
        return HM_ALARM_EXPIRY;
    case HM_HISTORY_RECALL:
        return HM_ALARM_RECALL;
    case HM_HISTORY_TEST_KEY:
        return HM_ALARM_TEST_KEY;
    case HM_HISTORY_FALSE:
    case HM_HISTORY_KIND_COUNT_:
        break;
    }
    return HM_ALARM_FALSE;
}

static enum hm_rc see_find(void *ctx, enum hm_history_kind kind, const char *subject,
                           const char *sentence, struct hm_err *err)
{
    struct hm_watch *watch = ctx;

    (void)err;
    if (kind == HM_HISTORY_MISSING || kind == HM_HISTORY_FALSE)
        watch->is_clean = false;
    /* The site may be publishing: metadata comes after the log. */
    if (kind == HM_HISTORY_MISSING)
        return hm_watch_hold(watch, HM_ALARM_MISSING, subject, watch->batch_index, "%s", sentence);
    return hm_watch_raise(watch, kind_of_find(kind), subject, watch->batch_index, "%s", sentence);
}

struct hm_history_sink hm_watch_history_sink(struct hm_watch *watch)
{
    return (struct hm_history_sink){.find = see_find, .ctx = watch};
}

/* ---- what makers say ------------------------------------------------------------------------- */

static const struct hm_mine *find_mine(const struct hm_watch *watch, const char *path)
{
    size_t size = strcspn(path, "/");

    for (size_t i = 0; i < watch->options->mine_count; i++) {
        const struct hm_mine *mine = &watch->options->mines[i];

        if (strlen(mine->id) == size && strncmp(mine->id, path, size) == 0)
            return mine;
    }
    return NULL;
}

/* Every image of a release under a maker's name is one that he says is his. */
static enum hm_rc check_mine(struct hm_watch *watch, const struct hm_entry *entry, uint64_t index)
{
    const struct hm_mine *mine = find_mine(watch, entry->path);

    for (size_t i = 0; mine != NULL && i < entry->image_count; i++) {
        char path[HM_SUMS_NAME_MAX + 64];
        char hex[HM_SHA256_HEX_SIZE];
        enum hm_rc rc;

        (void)snprintf(path, sizeof(path), "%s/%s", entry->path, entry->images[i].file);
        rc = hm_sums_find(&mine->sums, hm_bytes_str(path), &entry->images[i].sha256);
        if (rc == HM_OK)
            continue;
        hm_text_hex(hm_bytes_make(entry->images[i].sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_watch_raise(watch, HM_ALARM_UNKNOWN_RELEASE, entry->path, index,
                              "'%s' (sha256 %s) was released under the name of '%s', whose own "
                              "list %s",
                              path, hex, mine->id,
                              rc == HM_EMISMATCH ? "has other bytes there" : "does not have it"));
    }
    return HM_OK;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static enum hm_rc compare_where(struct hm_watch *watch, const struct hm_replay_batch *batch,
                                size_t item, struct hm_bytes raw, const char *name)
{
    uint64_t index = batch->index - batch->count + item;
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    struct hm_err why = HM_ERR_INIT;

    if (hm_where_parse(raw, &why, &where) != HM_OK)
        return hm_watch_raise(watch, HM_ALARM_PAGES, name, index, "'%s': %s", name, why.text);
    if (where->release_index == index && where->snapshot_index == batch->index &&
        hm_bytes_is_equal(where->release, batch->items[item].raw) &&
        hm_bytes_is_equal(where->snapshot, batch->raw))
        return HM_OK;
    return hm_watch_raise(watch, HM_ALARM_PAGES, name, index,
                          "'%s' is not what the log has as entry %llu", name,
                          (unsigned long long)index);
}

/* Where a release stands is served: clients install nothing without that. */
static enum hm_rc check_where(struct hm_watch *watch, const struct hm_replay_batch *batch,
                              size_t item, struct hm_err *err)
{
    const struct hm_entry *entry = batch->items[item].entry;
    const struct hm_client_source *objects = &watch->site->objects;
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(4096);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    uint64_t first = 0;
    enum hm_rc rc;

    rc = hm_replay_map_find(hm_replay_map(watch->replay), entry->path, NULL, &first);
    /* A version that was released before keeps the place that it has. */
    if (rc != HM_OK || first != batch->index - batch->count + item)
        return HM_OK;
    HM_TRY(hm_buf_append_str(&name, PROOFS, err));
    HM_TRY(hm_text_percent_path(&name, hm_bytes_str(entry->path), err));
    rc = objects->get(objects->ctx, hm_buf_str(&name), err, &raw);
    if (rc == HM_ENOTFOUND) {
        watch->is_clean = false;
        return hm_watch_hold(watch, HM_ALARM_MISSING, hm_buf_str(&name), batch->index,
                             "'%s' is not served: clients cannot prove that '%s' is in the log",
                             hm_buf_str(&name), entry->path);
    }
    if (rc == HM_EFORMAT)
        return hm_watch_raise(watch, HM_ALARM_PAGES, hm_buf_str(&name), batch->index,
                              "'%s' is larger than such a file can be", hm_buf_str(&name));
    HM_TRY(rc);
    return compare_where(watch, batch, item, hm_buf_bytes(&raw), hm_buf_str(&name));
}

/* ---- a batch --------------------------------------------------------------------------------- */

/* Goes back to what was checked last. Where that is not served any more, nothing is compared before
 * it is, or somebody has acknowledged that it is gone. */
static enum hm_rc start_history(struct hm_watch *watch, const struct hm_replay_batch *batch)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_history_start(watch->history, batch->snapshot, &why);

    watch->is_started = true;
    if (rc != HM_OK && rc != HM_EAGAIN)
        return hm_fail(watch->err, rc, "%s", why.text);
    if (rc == HM_EAGAIN)
        HM_TRY(hm_watch_hold(watch, HM_ALARM_MISSING, "metadata", batch->index, "%s", why.text));
    hm_alarm_box_sweep(&watch->box, HM_ALARM_MISSING, batch->index, watch->now_unix_s);
    if (rc == HM_OK)
        return HM_OK;
    if (hm_alarm_box_is_waiting(&watch->box, HM_ALARM_MISSING, batch->index)) {
        watch->is_stuck = true;
        watch->is_blind = true;
    }
    hm_history_miss(watch->history);
    return HM_OK;
}

static enum hm_rc check_batch(struct hm_watch *watch, const struct hm_replay_batch *batch,
                              struct hm_err *err)
{
    watch->batch_index = batch->index;
    watch->is_clean = true;
    watch->is_started = true;
    HM_TRY(hm_history_check(watch->history, batch, hm_replay_map(watch->replay), err));
    for (size_t i = 0; i < batch->count; i++) {
        const struct hm_entry *entry = batch->items[i].entry;

        if (entry != NULL && entry->kind == HM_ENTRY_RELEASE)
            HM_TRY(check_where(watch, batch, i, err));
    }
    watch->report->checked++;
    hm_alarm_box_sweep(&watch->box, HM_ALARM_MISSING, batch->index, watch->now_unix_s);
    if (hm_alarm_box_is_waiting(&watch->box, HM_ALARM_MISSING, batch->index))
        watch->is_stuck = true;
    if (watch->is_stuck || !watch->is_clean)
        return HM_OK;
    watch->position.checked = batch->index;
    watch->position.has_checked = true;
    return HM_OK;
}

static enum hm_rc see_batch(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err)
{
    struct hm_watch *watch = ctx;

    hm_entry_free(hm_steal(&watch->newest));
    HM_TRY(hm_entry_parse(batch->raw, err, &watch->newest));
    for (size_t i = 0; i < batch->count; i++) {
        const struct hm_entry *entry = batch->items[i].entry;

        if (entry != NULL && entry->kind == HM_ENTRY_RELEASE)
            HM_TRY(check_mine(watch, entry, batch->index - batch->count + i));
    }
    if (is_told(watch, batch->index))
        return batch->index == watch->position.checked && !watch->is_started
                   ? start_history(watch, batch)
                   : HM_OK;
    if (watch->is_blind)
        return HM_OK;
    HM_TRY(check_batch(watch, batch, err));
    if (hm_time_monotonic_ms() - watch->saved_ms < HM_WATCH_SAVE_MS)
        return HM_OK;
    return hm_watch_save(watch, err);
}

struct hm_replay_sink hm_watch_sink(struct hm_watch *watch)
{
    return (struct hm_replay_sink){.batch = see_batch, .problem = see_problem, .ctx = watch};
}
