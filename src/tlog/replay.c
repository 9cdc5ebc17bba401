/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of a log count, and what they add up to. See replay.h. */
#include "tlog/replay.h"

#include <stdarg.h>
#include <stdlib.h>

/* A range that the snapshot entry at index by names void. It holds while that one is not void. */
struct void_range {
    struct hm_entry_range range;
    uint64_t by;
    bool is_effective;
};

struct hm_replay {
    char *site; /* owned */
    struct hm_replay_entries entries;
    struct hm_replay_sink sink;
    struct hm_replay_map *map;
    uint64_t next;
    uint64_t muted; /* entries below it were told of before */
    uint64_t pending_first;
    struct hm_replay_item *pending;
    size_t pending_count; /* past the limits: counted, and not kept */
    size_t pending_kept;
    size_t pending_capacity;
    size_t pending_size;
    struct void_range *voids;
    size_t void_count;
    struct hm_entry_document snapshot; /* the newest that counts; version 0: none */
    struct hm_entry_document root;
    bool is_diverged; /* the last map was another: told once */
    struct hm_err *err;
};

static enum hm_rc reset(struct hm_replay *replay, struct hm_err *err)
{
    hm_replay_map_free(hm_steal(&replay->map));
    return hm_replay_map_new(err, &replay->map);
}

enum hm_rc hm_replay_new(const char *site, const struct hm_replay_entries *entries,
                         const struct hm_replay_sink *sink, struct hm_err *err,
                         struct hm_replay **ret_replay)
{
    _hm_free_(hm_replay_free) struct hm_replay *replay = calloc(1, sizeof(*replay));

    if (replay == NULL)
        return hm_error_nomem(err);
    replay->site = strdup(site);
    if (replay->site == NULL)
        return hm_error_nomem(err);
    replay->entries = *entries;
    replay->sink = *sink;
    HM_TRY(reset(replay, err));
    *ret_replay = hm_steal(&replay);
    return HM_OK;
}

static void drop_pending(struct hm_replay *replay)
{
    for (size_t i = 0; i < replay->pending_kept; i++) {
        hm_entry_free(replay->pending[i].entry);
        free((void *)(uintptr_t)replay->pending[i].raw.data);
    }
    replay->pending_count = 0;
    replay->pending_kept = 0;
    replay->pending_size = 0;
}

void hm_replay_free(struct hm_replay *replay)
{
    if (replay == NULL)
        return;
    drop_pending(replay);
    free(replay->pending);
    free(replay->voids);
    free(replay->site);
    hm_replay_map_free(replay->map);
    free(replay);
}

HM_PRINTF(4, 5)
static enum hm_rc tell(struct hm_replay *replay, enum hm_replay_problem problem, uint64_t index,
                       const char *format, ...)
{
    char sentence[HM_ERR_TEXT_MAX];
    va_list args;

    if (replay->next < replay->muted)
        return HM_OK;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return replay->sink.problem(replay->sink.ctx, problem, index, sentence, replay->err);
}

/* Void entries. */

static bool is_within(const struct hm_entry_range *range, uint64_t index)
{
    return index >= range->first && index - range->first < range->count;
}

bool hm_replay_is_void(const struct hm_replay *replay, uint64_t index, uint64_t *ret_end)
{
    for (size_t i = 0; i < replay->void_count; i++) {
        const struct hm_entry_range *range = &replay->voids[i].range;

        if (!replay->voids[i].is_effective || !is_within(range, index))
            continue;
        if (ret_end != NULL)
            *ret_end = range->first + range->count;
        return true;
    }
    return false;
}

static bool is_void(const struct hm_replay *replay, uint64_t index)
{
    return hm_replay_is_void(replay, index, NULL);
}

static bool is_known_void(const struct hm_replay *replay, const struct hm_entry_range *range,
                          uint64_t by)
{
    for (size_t i = 0; i < replay->void_count; i++) {
        const struct void_range *known = &replay->voids[i];

        if (known->by == by && known->range.first == range->first &&
            known->range.count == range->count)
            return true;
    }
    return false;
}

static enum hm_rc add_void(struct hm_replay *replay, const struct hm_entry_range *range,
                           uint64_t by)
{
    void *voids;

    if (is_known_void(replay, range, by))
        return HM_OK;
    if (replay->void_count == HM_REPLAY_VOID_COUNT_MAX)
        return hm_fail(replay->err, HM_EFORMAT, "the log has more than %d void ranges",
                       HM_REPLAY_VOID_COUNT_MAX);
    voids = reallocarray(replay->voids, replay->void_count + 1, sizeof(*replay->voids));
    if (voids == NULL)
        return hm_error_nomem(replay->err);
    replay->voids = voids;
    replay->voids[replay->void_count++] =
        (struct void_range){.range = *range, .by = by, .is_effective = true};
    return HM_OK;
}

static int compare_voids(const void *a, const void *b)
{
    const struct void_range *left = a;
    const struct void_range *right = b;

    return left->by > right->by ? -1 : left->by < right->by;
}

/* A snapshot entry that is void has no say over others. It is void by a later one only: from the
 * last on, each is decided by those that are. */
static void settle_voids(struct hm_replay *replay)
{
    if (replay->void_count == 0)
        return;
    qsort(replay->voids, replay->void_count, sizeof(*replay->voids), compare_voids);
    for (size_t i = 0; i < replay->void_count; i++)
        replay->voids[i].is_effective = false;
    for (size_t i = 0; i < replay->void_count; i++)
        replay->voids[i].is_effective = !is_void(replay, replay->voids[i].by);
}

enum hm_rc hm_replay_restart(struct hm_replay *replay, struct hm_err *err)
{
    settle_voids(replay);
    drop_pending(replay);
    if (replay->muted < replay->next)
        replay->muted = replay->next;
    replay->next = 0;
    replay->pending_first = 0;
    replay->snapshot = (struct hm_entry_document){.version = 0};
    replay->root = (struct hm_entry_document){.version = 0};
    replay->is_diverged = false;
    return reset(replay, err);
}

/* Takes *entry. */
static enum hm_rc push(struct hm_replay *replay, struct hm_entry **entry, struct hm_bytes raw)
{
    uint8_t *copy;

    replay->pending_count++;
    if (replay->pending_kept == HM_REPLAY_PENDING_COUNT_MAX ||
        raw.size > HM_REPLAY_PENDING_SIZE_MAX - replay->pending_size ||
        replay->pending_kept + 1 < replay->pending_count)
        return HM_OK;
    if (replay->pending_kept == replay->pending_capacity) {
        size_t wanted = replay->pending_capacity == 0 ? 16 : 2 * replay->pending_capacity;
        void *pending = reallocarray(replay->pending, wanted, sizeof(*replay->pending));

        if (pending == NULL)
            return hm_error_nomem(replay->err);
        replay->pending = pending;
        replay->pending_capacity = wanted;
    }
    copy = malloc(raw.size + 1);
    if (copy == NULL)
        return hm_error_nomem(replay->err);
    if (raw.size > 0)
        memcpy(copy, raw.data, raw.size);
    replay->pending[replay->pending_kept++] =
        (struct hm_replay_item){.entry = hm_steal(entry), .raw = hm_bytes_make(copy, raw.size)};
    replay->pending_size += raw.size;
    return HM_OK;
}

/* Reads an entry; *ret_entry stays NULL where it says nothing that could count. */
static enum hm_rc read_entry(struct hm_replay *replay, struct hm_bytes raw,
                             struct hm_entry **ret_entry)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_entry_parse(raw, &why, &entry);

    if (rc == HM_EFORMAT)
        return tell(replay, HM_REPLAY_UNREADABLE, replay->next, "%s", why.text);
    if (rc == HM_EUNKNOWN)
        return tell(replay, HM_REPLAY_UNKNOWN, replay->next, "%s", why.text);
    if (rc != HM_OK)
        return hm_fail(replay->err, rc, "%s", why.text);
    if (strcmp(entry->site, replay->site) != 0)
        return tell(replay, HM_REPLAY_FOREIGN, replay->next, "it names the site '%s'", entry->site);
    *ret_entry = hm_steal(&entry);
    return HM_OK;
}

/* A snapshot entry and what is found out about it. */
struct closing {
    struct hm_replay *replay;
    const struct hm_entry *snapshot;
    uint64_t index;
    uint64_t first; /* of the batch */
    bool is_good;
};

static bool is_named_void(const struct hm_entry *snapshot, uint64_t index)
{
    for (size_t i = 0; i < snapshot->void_count; i++) {
        if (is_within(&snapshot->voids[i], index))
            return true;
    }
    return false;
}

/* Every entry that waits is in the batch, or void. */
static enum hm_rc check_waiting(struct closing *closing)
{
    struct hm_replay *replay = closing->replay;

    for (uint64_t at = replay->pending_first; at < closing->first; at++) {
        if (is_named_void(closing->snapshot, at))
            continue;
        closing->is_good = false;
        return tell(replay, HM_REPLAY_BATCH, closing->index,
                    "entry %llu is neither in its batch nor named void", (unsigned long long)at);
    }
    return HM_OK;
}

/* Takes the snapshot entry's word on what is void. HM_EAGAIN: some of it counted. */
static enum hm_rc take_voids(struct closing *closing)
{
    struct hm_replay *replay = closing->replay;
    bool is_again = false;

    for (size_t i = 0; i < closing->snapshot->void_count; i++) {
        const struct hm_entry_range *range = &closing->snapshot->voids[i];
        bool is_old = range->first < replay->pending_first;

        if (is_known_void(replay, range, closing->index))
            continue;
        HM_TRY(add_void(replay, range, closing->index));
        is_again |= is_old;
        HM_TRY(tell(replay, is_old ? HM_REPLAY_TAKEN_BACK : HM_REPLAY_VOID, closing->index,
                    "%llu entries from %llu on are named void%s", (unsigned long long)range->count,
                    (unsigned long long)range->first,
                    is_old ? ", and they counted until now" : ""));
    }
    return is_again ? HM_EAGAIN : HM_OK;
}

static enum hm_rc check_version(struct closing *closing, const char *what,
                                const struct hm_entry_document *last,
                                const struct hm_entry_document *next)
{
    if (next->version > last->version ||
        (next->version == last->version && hm_digest_is_equal(&next->sha256, &last->sha256)))
        return HM_OK;
    closing->is_good = false;
    return tell(closing->replay, HM_REPLAY_ORDER, closing->index, "%s %llu after %s %llu%s", what,
                (unsigned long long)next->version, what, (unsigned long long)last->version,
                next->version == last->version ? ", with another digest" : "");
}

static enum hm_rc apply_item(struct closing *closing, struct hm_replay_item *item, uint64_t index)
{
    struct hm_replay *replay = closing->replay;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (is_void(replay, index)) {
        hm_entry_free(hm_steal(&item->entry));
        return HM_OK;
    }
    if (item->entry == NULL) {
        closing->is_good = false;
        return HM_OK;
    }
    rc = hm_replay_map_apply(replay->map, item->entry, item->raw, index, &replay->entries, &why);
    if (rc == HM_OK)
        return HM_OK;
    if (rc != HM_EREFUSED)
        return hm_fail(replay->err, rc, "%s", why.text);
    closing->is_good = false;
    return tell(replay, HM_REPLAY_REUSED, index, "%s", why.text);
}

static enum hm_rc check_map(struct closing *closing)
{
    struct hm_replay *replay = closing->replay;
    struct hm_sha256 root;
    uint64_t count = 0;

    HM_TRY(hm_replay_map_root(replay->map, replay->err, &root, &count));
    if (hm_digest_is_equal(&root, &closing->snapshot->map_root) &&
        count == closing->snapshot->map_count) {
        replay->is_diverged = false;
        return HM_OK;
    }
    closing->is_good = false;
    if (replay->is_diverged)
        return HM_OK;
    replay->is_diverged = true;
    return tell(replay, HM_REPLAY_MAP, closing->index,
                "it names a map of %llu keys that the entries do not add up to: theirs has %llu",
                (unsigned long long)closing->snapshot->map_count, (unsigned long long)count);
}

static enum hm_rc apply_batch(struct closing *closing, struct hm_bytes raw)
{
    struct hm_replay *replay = closing->replay;
    size_t skipped = (size_t)(closing->first - replay->pending_first);
    size_t count = (size_t)(closing->index - closing->first);
    struct hm_replay_batch batch = {.index = closing->index,
                                    .snapshot = closing->snapshot,
                                    .raw = raw,
                                    .items =
                                        replay->pending == NULL ? NULL : replay->pending + skipped,
                                    .count = count};

    for (size_t i = 0; i < count; i++)
        HM_TRY(apply_item(closing, &replay->pending[skipped + i], closing->first + i));
    HM_TRY(check_map(closing));
    batch.is_good = closing->is_good;
    if (replay->next < replay->muted)
        return HM_OK;
    return replay->sink.batch(replay->sink.ctx, &batch, replay->err);
}

/* Does the snapshot entry say which entries are its batch, among those that wait? */
static bool has_batch(const struct hm_replay *replay, const struct hm_entry *snapshot)
{
    uint64_t count = snapshot->entries.count;
    uint64_t kept_from = replay->pending_first + replay->pending_kept;

    if (count == 0)
        return true;
    return count <= replay->pending_count && snapshot->entries.first == replay->next - count &&
           kept_from == replay->next;
}

static enum hm_rc close_batch(struct hm_replay *replay, struct hm_entry *snapshot,
                              struct hm_bytes raw)
{
    struct closing closing = {.replay = replay,
                              .snapshot = snapshot,
                              .index = replay->next,
                              .first = replay->next - snapshot->entries.count,
                              .is_good = true};

    HM_TRY(take_voids(&closing));
    HM_TRY(check_waiting(&closing));
    HM_TRY(check_version(&closing, "snapshot", &replay->snapshot, &snapshot->snapshot));
    HM_TRY(check_version(&closing, "root", &replay->root, &snapshot->root));
    HM_TRY(apply_batch(&closing, raw));
    if (snapshot->snapshot.version >= replay->snapshot.version)
        replay->snapshot = snapshot->snapshot;
    if (snapshot->root.version >= replay->root.version)
        replay->root = snapshot->root;
    drop_pending(replay);
    replay->pending_first = closing.index + 1;
    return HM_OK;
}

enum hm_rc hm_replay_add(struct hm_replay *replay, struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;

    replay->err = err;
    if (!is_void(replay, replay->next))
        HM_TRY(read_entry(replay, raw, &entry));
    if (entry == NULL || entry->kind != HM_ENTRY_SNAPSHOT) {
        HM_TRY(push(replay, &entry, raw));
    } else if (has_batch(replay, entry)) {
        HM_TRY(close_batch(replay, entry, raw));
    } else {
        HM_TRY(tell(replay, HM_REPLAY_BATCH, replay->next,
                    "its batch is %llu entries from %llu on, which are not those in front of it",
                    (unsigned long long)entry->entries.count,
                    (unsigned long long)entry->entries.first));
        /* It closes nothing, and waits for being named void. */
        hm_entry_free(hm_steal(&entry));
        HM_TRY(push(replay, &entry, raw));
    }
    replay->next++;
    return HM_OK;
}

uint64_t hm_replay_next(const struct hm_replay *replay)
{
    return replay->next;
}

struct hm_replay_map *hm_replay_map(struct hm_replay *replay)
{
    return replay->map;
}

uint64_t hm_replay_pending(const struct hm_replay *replay)
{
    return replay->pending_count;
}

const char *hm_replay_problem_name(enum hm_replay_problem problem)
{
    static const char *const names[] = {
        [HM_REPLAY_UNREADABLE] = "unreadable entry",
        [HM_REPLAY_UNKNOWN] = "unknown entry",
        [HM_REPLAY_FOREIGN] = "entry of another site",
        [HM_REPLAY_REUSED] = "version reused",
        [HM_REPLAY_BATCH] = "batch not as it must be",
        [HM_REPLAY_ORDER] = "version falls",
        [HM_REPLAY_MAP] = "another map",
        [HM_REPLAY_VOID] = "void entries",
        [HM_REPLAY_TAKEN_BACK] = "entries taken back",
    };

    HM_ASSERT(problem < HM_REPLAY_PROBLEM_COUNT_);
    return names[problem];
}
