/* SPDX-License-Identifier: Apache-2.0 */
/* Root, snapshot and targets of each moment of a site's history. See history.h. */
#include "trust/history.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "trust/history_internal.h"

#define TARGETS HM_BYTES_LITERAL("targets")

void hm_history_role_done(struct hm_history_role *role)
{
    hm_targets_free(role->targets);
    hm_envelope_free(role->envelope);
    hm_buf_done(&role->raw);
    free(role->name);
    *role = (struct hm_history_role){.name = NULL};
}

void hm_history_state_done(struct hm_history_state *state)
{
    hm_snapshot_free(state->snapshot);
    if (!state->is_sharing) {
        hm_layout_free(state->layout);
        hm_history_role_done(&state->targets);
    }
    *state = (struct hm_history_state){.root = NULL};
}

void hm_history_free(struct hm_history *history)
{
    if (history == NULL)
        return;
    hm_history_drop_held(history);
    free(history->held);
    for (size_t i = 0; i < history->floor_count; i++)
        free((void *)(uintptr_t)history->floors[i].name.data);
    free(history->floors);
    hm_history_state_done(&history->state);
    for (size_t i = 0; i < history->root_count; i++)
        hm_root_free(history->roots[i]);
    free(history->roots);
    free(history->root_hashes);
    free(history);
}

enum hm_rc hm_history_find(struct hm_history *history, enum hm_history_kind kind,
                           const char *subject, const char *format, ...)
{
    char sentence[HM_ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return history->config.sink.find(history->config.sink.ctx, kind, subject, sentence,
                                     history->err);
}

/* A failure that says nothing about what was served. */
static bool is_of_source(enum hm_rc rc)
{
    switch (rc) {
    case HM_OK:
    case HM_ENOTFOUND:
    case HM_EROLLBACK:
    case HM_EFORMAT:
    case HM_ESIGNATURE:
    case HM_EMISMATCH:
    case HM_EREFUSED:
    case HM_EUNKNOWN:
    case HM_EAGAIN:
        return false;
    default:
        return true;
    }
}

enum hm_rc hm_history_judge(struct hm_history *history, const char *subject, enum hm_rc rc,
                            const struct hm_err *why)
{
    if (rc == HM_OK)
        return HM_OK;
    if (is_of_source(rc))
        return hm_fail(history->err, rc, "%s", why->text);
    return hm_history_find(history,
                           rc == HM_ENOTFOUND   ? HM_HISTORY_MISSING
                           : rc == HM_EROLLBACK ? HM_HISTORY_ROLLBACK
                                                : HM_HISTORY_FALSE,
                           subject, "%s", why->text);
}

/* ---- documents ------------------------------------------------------------------------------ */

static enum hm_rc get(struct hm_history *history, int64_t version, const char *role,
                      struct hm_err *err, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_HISTORY_NAME_SIZE);

    HM_TRY(hm_buf_append_fmt(&name, err, "%lld.", (long long)version));
    HM_TRY(hm_text_percent(&name, hm_bytes_str(role), err));
    HM_TRY(hm_buf_append_str(&name, ".json", err));
    return history->config.source.get(history->config.source.ctx, hm_buf_str(&name), err, ret_raw);
}

static enum hm_rc check_document(const struct hm_entry_document *document, struct hm_bytes raw,
                                 const char *what, struct hm_err *err)
{
    struct hm_file_facts facts = {.length = document->length,
                                  .sha256 = document->sha256,
                                  .has_length = document->length != 0,
                                  .has_sha256 = true};

    return hm_document_check_facts(&facts, raw, what, err);
}

/* Root number version, the one after current (NULL: the first). */
static enum hm_rc load_root(struct hm_history *history, int64_t version,
                            const struct hm_root *current, struct hm_err *err,
                            struct hm_root **ret_root, struct hm_sha256 *ret_sha256)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;

    HM_TRY(get(history, version, "root", err, &raw));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, ret_sha256));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    if (current == NULL)
        HM_TRY(hm_root_verify_first(envelope, err, &root));
    else
        HM_TRY(hm_root_verify_next(current, envelope, err, &root));
    if (root->document.version != version)
        return hm_fail(err, HM_EMISMATCH, "'%lld.root.json' has version %lld", (long long)version,
                       (long long)root->document.version);
    *ret_root = hm_steal(&root);
    return HM_OK;
}

enum hm_rc hm_history_follow_roots(struct hm_history *history, struct hm_err *err)
{
    while (history->root_count < HM_HISTORY_ROOT_COUNT_MAX) {
        size_t count = history->root_count;
        enum hm_rc rc =
            load_root(history, (int64_t)count + 1, count == 0 ? NULL : history->roots[count - 1],
                      err, &history->roots[count], &history->root_hashes[count]);

        if (rc == HM_ENOTFOUND && count > 0)
            return HM_OK;
        HM_TRY(rc);
        history->root_count++;
    }
    return hm_fail(err, HM_EFORMAT, "the site has more than %d roots", HM_HISTORY_ROOT_COUNT_MAX);
}

/* The trust file's root is one of those that were followed. */
static enum hm_rc check_anchor(const struct hm_history *history, struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *anchor = NULL;
    struct hm_sha256 sha256;
    int64_t version;

    HM_TRY(hm_digest_sha256(history->config.root, err, &sha256));
    HM_TRY(hm_envelope_parse(history->config.root, err, &envelope));
    HM_TRY(hm_root_verify_first(envelope, err, &anchor));
    version = anchor->document.version;
    if (version > (int64_t)history->root_count)
        return hm_fail(err, HM_ENOTFOUND,
                       "root %lld, which the trust file has, is not served: the newest is %zu",
                       (long long)version, history->root_count);
    if (!hm_digest_is_equal(&sha256, &history->root_hashes[version - 1]))
        return hm_fail(err, HM_EREFUSED,
                       "the site's root %lld is not the trust file's: its roots lead elsewhere",
                       (long long)version);
    return HM_OK;
}

enum hm_rc hm_history_open(const struct hm_history_config *config, struct hm_err *err,
                           struct hm_history **ret_history)
{
    _hm_free_(hm_history_free) struct hm_history *history = calloc(1, sizeof(*history));

    if (history == NULL)
        return hm_error_nomem(err);
    history->config = *config;
    history->root_hashes = calloc(HM_HISTORY_ROOT_COUNT_MAX, sizeof(*history->root_hashes));
    history->roots = calloc(HM_HISTORY_ROOT_COUNT_MAX, sizeof(struct hm_root *));
    if (history->root_hashes == NULL || history->roots == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_history_follow_roots(history, err));
    HM_TRY(check_anchor(history, err));
    history->config.root = HM_BYTES_EMPTY;
    *ret_history = hm_steal(&history);
    return HM_OK;
}

const struct hm_root *hm_history_newest_root(const struct hm_history *history)
{
    return history->roots[history->root_count - 1];
}

/* ---- a moment ------------------------------------------------------------------------------- */

/* The root that the entry names: one of those that were followed. */
static enum hm_rc reach_root(struct hm_history *history, const struct hm_entry_document *wanted,
                             struct hm_err *err, const struct hm_root **ret_root)
{
    if (wanted->version > history->root_count)
        HM_TRY(hm_history_follow_roots(history, err));
    if (wanted->version == 0 || wanted->version > history->root_count)
        return hm_fail(err, HM_ENOTFOUND, "root %llu, which the log names, is not served",
                       (unsigned long long)wanted->version);
    if (!hm_digest_is_equal(&wanted->sha256, &history->root_hashes[wanted->version - 1]))
        return hm_fail(err, HM_EMISMATCH, "root %llu is not the one that the log names",
                       (unsigned long long)wanted->version);
    *ret_root = history->roots[wanted->version - 1];
    return HM_OK;
}

static enum hm_rc reach_snapshot(struct hm_history *history, const struct hm_entry *entry,
                                 const struct hm_root *root, struct hm_err *err,
                                 struct hm_snapshot **ret_snapshot)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    struct hm_signed document;

    HM_TRY(get(history, (int64_t)entry->snapshot.version, "snapshot", err, &raw));
    HM_TRY(check_document(&entry->snapshot, hm_buf_bytes(&raw), "snapshot", err));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &root->roles[HM_ROOT_ROLE_SNAPSHOT], "snapshot", err,
                              &document));
    HM_TRY(hm_snapshot_parse(document, true, err, &snapshot));
    if ((uint64_t)snapshot->document.version != entry->snapshot.version)
        return hm_fail(err, HM_EMISMATCH, "the snapshot has version %lld, and the log names %llu",
                       (long long)snapshot->document.version,
                       (unsigned long long)entry->snapshot.version);
    *ret_snapshot = hm_steal(&snapshot);
    return HM_OK;
}

enum hm_rc hm_history_load(struct hm_history *history, const char *name,
                           const struct hm_snapshot_meta *meta, const struct hm_role_keys *keys,
                           struct hm_err *err, struct hm_history_role *ret_role)
{
    _hm_done_(hm_history_role_done) struct hm_history_role role = {
        .version = meta->version,
        .sha256 = meta->facts.sha256,
        .keys = keys,
        .raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX)};
    struct hm_signed document;

    role.name = strdup(name);
    if (role.name == NULL)
        return hm_error_nomem(err);
    HM_TRY(get(history, meta->version, name, err, &role.raw));
    HM_TRY(hm_document_check_facts(&meta->facts, hm_buf_bytes(&role.raw), name, err));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&role.raw), err, &role.envelope));
    HM_TRY(hm_envelope_verify(role.envelope, keys, name, err, &document));
    HM_TRY(hm_targets_parse(document, err, &role.targets));
    if (role.targets->document.version != meta->version)
        return hm_fail(err, HM_EMISMATCH, "'%s': version %lld, and the snapshot names %lld", name,
                       (long long)role.targets->document.version, (long long)meta->version);
    *ret_role = role;
    role = (struct hm_history_role){.name = NULL};
    return HM_OK;
}

static enum hm_rc reach_targets(struct hm_history *history, const struct hm_history_state *from,
                                struct hm_history_state *state, struct hm_err *err)
{
    const struct hm_snapshot_meta *meta = hm_snapshot_find(state->snapshot, TARGETS);
    const struct hm_snapshot_meta *before =
        from->snapshot == NULL ? NULL : hm_snapshot_find(from->snapshot, TARGETS);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char *site = NULL;
    bool is_trial = false;

    if (meta == NULL)
        return hm_fail(err, HM_EFORMAT, "the snapshot names no targets.json");
    if (before != NULL && from->root == state->root && before->version == meta->version &&
        hm_digest_is_equal(&before->facts.sha256, &meta->facts.sha256)) {
        state->targets = from->targets;
        state->layout = from->layout;
        state->is_sharing = true;
        return HM_OK;
    }
    HM_TRY(hm_history_load(history, "targets", meta, &state->root->roles[HM_ROOT_ROLE_TARGETS], err,
                           &state->targets));
    HM_TRY(hm_layout_root_site(state->root, &arena, err, &site, &is_trial));
    return hm_layout_parse(state->root, state->targets.targets, site, err, &state->layout);
}

enum hm_rc hm_history_reach(struct hm_history *history, const struct hm_entry *snapshot,
                            const struct hm_history_state *from, struct hm_err *err,
                            struct hm_history_state *ret_state, const char **ret_subject)
{
    _hm_done_(hm_history_state_done) struct hm_history_state state = {.root = NULL};

    *ret_subject = "root";
    HM_TRY(reach_root(history, &snapshot->root, err, &state.root));
    *ret_subject = "snapshot";
    HM_TRY(reach_snapshot(history, snapshot, state.root, err, &state.snapshot));
    *ret_subject = "targets";
    HM_TRY(reach_targets(history, from, &state, err));
    *ret_state = state;
    state = (struct hm_history_state){.root = NULL};
    return HM_OK;
}

enum hm_rc hm_history_start(struct hm_history *history, const struct hm_entry *snapshot,
                            struct hm_err *err)
{
    const struct hm_history_state none = {.root = NULL};
    struct hm_history_state state;
    const char *subject = NULL;
    enum hm_rc rc = hm_history_reach(history, snapshot, &none, err, &state, &subject);

    if (is_of_source(rc))
        return rc;
    if (rc != HM_OK) {
        (void)hm_error_prefix(err, rc, "snapshot %llu, which was good, is not served as it was: %s",
                              (unsigned long long)snapshot->snapshot.version, subject);
        if (err != NULL)
            err->rc = HM_EAGAIN;
        return HM_EAGAIN;
    }
    hm_history_drop_held(history);
    hm_history_state_done(&history->state);
    history->state = state;
    for (size_t i = 0; i < state.snapshot->meta_count; i++)
        HM_TRY(hm_history_raise(history, &state.snapshot->metas[i], err));
    return HM_OK;
}

void hm_history_miss(struct hm_history *history)
{
    history->was_missed = true;
}

/* ---- what was validly signed ---------------------------------------------------------------- */

/* Where name stands among the floors, or would. */
static size_t find_floor(const struct hm_history *history, struct hm_bytes name, bool *ret_is_there)
{
    size_t low = 0;
    size_t high = history->floor_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_bytes_compare(history->floors[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_is_there =
        low < history->floor_count && hm_bytes_is_equal(history->floors[low].name, name);
    return low;
}

void hm_history_floor_of(const struct hm_history *history, struct hm_bytes name,
                         struct hm_history_floor *ret_floor)
{
    bool is_there;
    size_t at = find_floor(history, name, &is_there);

    *ret_floor = (struct hm_history_floor){.version = 0};
    if (is_there)
        *ret_floor = history->floors[at];
}

enum hm_rc hm_history_raise(struct hm_history *history, const struct hm_snapshot_meta *meta,
                            struct hm_err *err)
{
    struct hm_history_floor *floor;
    bool is_there;
    size_t at = find_floor(history, meta->name, &is_there);
    uint8_t *name;

    if (is_there) {
        floor = &history->floors[at];
        if (meta->version > floor->version) {
            floor->version = meta->version;
            floor->sha256 = meta->facts.sha256;
        }
        return HM_OK;
    }
    if (history->floor_count == history->floor_capacity) {
        size_t wanted = history->floor_capacity == 0 ? 64 : 2 * history->floor_capacity;
        void *floors = reallocarray(history->floors, wanted, sizeof(*history->floors));

        if (floors == NULL)
            return hm_error_nomem(err);
        history->floors = floors;
        history->floor_capacity = wanted;
    }
    name = malloc(meta->name.size + 1);
    if (name == NULL)
        return hm_error_nomem(err);
    memcpy(name, meta->name.data, meta->name.size);
    floor = &history->floors[at];
    memmove(floor + 1, floor, (history->floor_count - at) * sizeof(*floor));
    *floor = (struct hm_history_floor){.name = hm_bytes_make(name, meta->name.size),
                                       .version = meta->version,
                                       .sha256 = meta->facts.sha256};
    history->floor_count++;
    return HM_OK;
}

/* ---- kinds ---------------------------------------------------------------------------------- */

bool hm_history_is_breach(enum hm_history_kind kind)
{
    return kind <= HM_HISTORY_UNLOGGED;
}

const char *hm_history_kind_name(enum hm_history_kind kind)
{
    static const char *const names[] = {
        [HM_HISTORY_MISSING] = "missing metadata",
        [HM_HISTORY_FALSE] = "false entry",
        [HM_HISTORY_ROLLBACK] = "rollback",
        [HM_HISTORY_REUSED] = "version with other bytes",
        [HM_HISTORY_UNLISTED] = "unlisted release",
        [HM_HISTORY_UNLOGGED] = "unlogged change",
        [HM_HISTORY_KEYS] = "keys changed",
        [HM_HISTORY_EXPIRY] = "later end",
        [HM_HISTORY_RECALL] = "recall",
        [HM_HISTORY_TEST_KEY] = "test key",
    };

    HM_ASSERT(kind < HM_HISTORY_KIND_COUNT_);
    return names[kind];
}
