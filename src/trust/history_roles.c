/* SPDX-License-Identifier: Apache-2.0 */
/* The roles that a snapshot names, beside those of the one before and the log. See history.h. */
#include <stdlib.h>

#include "base/text.h"
#include "trust/history_internal.h"
#include "trust/partition.h"
#include "trust/verdict.h"

#define NAME_SIZE (HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1)
/* ID/PRODUCT/VERSION and NUL: the parts of a path that was parsed. */
#define RELEASE_SIZE (HM_LAYOUT_ID_SIZE_MAX + 2 * HM_TEXT_NAME_SIZE_MAX + 3)

static const char *text_of(struct hm_bytes name, char text[NAME_SIZE])
{
    (void)snprintf(text, NAME_SIZE, "%.*s", HM_BYTES_FMT(name));
    return text;
}

/* ---- getting them ---------------------------------------------------------------------------- */

const struct hm_role_keys *hm_history_keys_of(const struct hm_history_state *state,
                                              struct hm_bytes name)
{
    struct hm_partition_name parts = {.is_maker = false};
    const struct hm_delegated_role *role;
    struct hm_bytes above = name;

    if (hm_partition_parse(name, &parts))
        above = parts.above;
    role = hm_targets_find_role(&state->targets.targets->delegations, above);
    if (role == NULL)
        role = hm_targets_find_role(&state->layout->delegations, above);
    return role == NULL ? NULL : &role->keys;
}

void hm_history_drop_held(struct hm_history *history)
{
    for (size_t i = 0; i < history->held_count; i++)
        hm_history_role_done(&history->held[i]);
    history->held_count = 0;
    history->held_size = 0;
}

/* Makes a held role the one that was looked at last. */
static const struct hm_targets *touch(struct hm_history *history, size_t index)
{
    struct hm_history_role role = history->held[index];
    size_t last = history->held_count - 1;

    memmove(&history->held[index], &history->held[index + 1], (last - index) * sizeof(role));
    history->held[last] = role;
    return role.targets;
}

static bool find_held(const struct hm_history *history, const struct hm_snapshot_meta *meta,
                      const struct hm_role_keys *keys, size_t *ret_index)
{
    for (size_t i = history->held_count; i-- > 0;) {
        const struct hm_history_role *role = &history->held[i];

        if (hm_digest_is_equal(&role->sha256, &meta->facts.sha256) && role->keys == keys &&
            role->version == meta->version && hm_bytes_is_str(meta->name, role->name)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

void hm_history_drop_bad(struct hm_history *history)
{
    size_t kept = 0;

    for (size_t i = 0; i < history->held_count; i++) {
        if (history->held[i].targets != NULL)
            history->held[kept++] = history->held[i];
        else
            hm_history_role_done(&history->held[i]);
    }
    history->held_count = kept;
}

/* Takes *role. */
static enum hm_rc hold(struct hm_history *history, struct hm_history_role *role, struct hm_err *err)
{
    while ((history->held_size > HM_HISTORY_HELD_SIZE_MAX ||
            history->held_count >= HM_HISTORY_HELD_COUNT_MAX) &&
           history->held_count >= HM_HISTORY_HELD_COUNT_MIN) {
        history->held_size -= history->held[0].raw.size;
        hm_history_role_done(&history->held[0]);
        history->held_count--;
        memmove(history->held, history->held + 1, history->held_count * sizeof(*history->held));
    }
    if (history->held_count == history->held_capacity) {
        size_t wanted = history->held_capacity == 0 ? 16 : 2 * history->held_capacity;
        void *held = reallocarray(history->held, wanted, sizeof(*history->held));

        if (held == NULL)
            return hm_error_nomem(err);
        history->held = held;
        history->held_capacity = wanted;
    }
    history->held_size += role->raw.size;
    history->held[history->held_count++] = *role;
    *role = (struct hm_history_role){.name = NULL};
    return HM_OK;
}

/* The document that meta states, by the keys of this state; NULL where nobody may sign it. */
static enum hm_rc get_version(struct hm_history_batch *check, const struct hm_history_state *state,
                              const struct hm_snapshot_meta *meta,
                              const struct hm_targets **ret_targets)
{
    struct hm_history *history = check->history;
    const struct hm_role_keys *keys = hm_history_keys_of(state, meta->name);
    _hm_done_(hm_history_role_done) struct hm_history_role role = {.name = NULL};
    struct hm_err why = HM_ERR_INIT;
    char text[NAME_SIZE];
    size_t index;
    enum hm_rc rc;

    *ret_targets = NULL;
    if (keys == NULL)
        return HM_OK;
    if (find_held(history, meta, keys, &index)) {
        *ret_targets = touch(history, index);
        return HM_OK;
    }
    rc = hm_history_load(history, text_of(meta->name, text), meta, keys, &why, &role);
    if (rc != HM_OK) {
        HM_TRY(hm_history_judge(history, text, rc, &why));
        /* Held without targets, so that it is told once. */
        role = (struct hm_history_role){.name = strdup(text),
                                        .version = meta->version,
                                        .sha256 = meta->facts.sha256,
                                        .keys = keys};
        if (role.name == NULL)
            return hm_error_nomem(check->err);
    }
    *ret_targets = role.targets;
    return hold(history, &role, check->err);
}

enum hm_rc hm_history_get_role(struct hm_history_batch *check, const struct hm_history_state *state,
                               struct hm_bytes name, const struct hm_targets **ret_targets)
{
    const struct hm_snapshot_meta *meta = hm_snapshot_find(state->snapshot, name);

    *ret_targets = NULL;
    return meta == NULL ? HM_OK : get_version(check, state, meta, ret_targets);
}

void hm_history_role_of(const struct hm_history_state *state, bool is_maker, struct hm_bytes id,
                        struct hm_bytes product, char ret_name[HM_LAYOUT_ROLE_SIZE_MAX])
{
    char above[HM_LAYOUT_ROLE_SIZE_MAX];

    if (is_maker)
        hm_layout_maker_role(id, above);
    else
        hm_layout_release_role(id, above);
    hm_partition_role(hm_bytes_str(above), product, ret_name);
    if (hm_snapshot_find(state->snapshot, hm_bytes_str(ret_name)) == NULL)
        (void)snprintf(ret_name, HM_LAYOUT_ROLE_SIZE_MAX, "%s", above);
}

bool hm_history_has_facts(const struct hm_target *target, const struct hm_sha256 *sha256,
                          uint64_t length)
{
    return target->facts.has_length && target->facts.length == length && target->facts.has_sha256 &&
           hm_digest_is_equal(&target->facts.sha256, sha256);
}

/* ---- what a role lists ----------------------------------------------------------------------- */

/* A role that is being compared with the one before and the log. */
struct listing {
    struct hm_history_batch *check;
    const char *name;
    bool is_maker;
    const struct hm_targets *role;
    char release[RELEASE_SIZE]; /* that entry is of */
    struct hm_entry *entry;     /* owned; NULL: it is in this batch, or there is none */
};

static bool is_same_facts(const struct hm_target *a, const struct hm_target *b)
{
    return b->facts.has_sha256 && hm_history_has_facts(a, &b->facts.sha256, b->facts.length);
}

/* Looks the release up in the log; its entry where that is not of this batch, which compares its
 * own entries. */
static enum hm_rc find_entry(struct listing *listing, const char *release)
{
    struct hm_history_batch *check = listing->check;
    const struct hm_replay_entries *entries = &check->history->config.entries;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    struct hm_err why = HM_ERR_INIT;
    uint64_t index = 0;
    enum hm_rc rc;

    (void)snprintf(listing->release, sizeof(listing->release), "%s", release);
    hm_entry_free(hm_steal(&listing->entry));
    rc = hm_replay_map_find(check->map, release, &why, &index);
    if (rc == HM_EUNKNOWN) {
        if (listing->is_maker)
            return HM_OK; /* what a maker signed and the site did not release */
        return hm_history_find(check->history, HM_HISTORY_UNLOGGED, release,
                               "'%s' lists '%s', of which the log has no entry", listing->name,
                               release);
    }
    if (rc != HM_OK)
        return hm_fail(check->err, rc, "%s", why.text);
    if (index >= check->batch->index - check->batch->count)
        return HM_OK;
    HM_TRY(entries->get(entries->ctx, index, check->err, &raw));
    HM_TRY(hm_entry_parse(hm_buf_bytes(&raw), check->err, &listing->entry));
    if (listing->entry->kind != HM_ENTRY_RELEASE)
        return hm_fail(check->err, HM_EINTERNAL, "entry %llu is no release",
                       (unsigned long long)index);
    return HM_OK;
}

/* A file that was not listed so before: the log has it so, or in this batch. */
static enum hm_rc check_new(struct listing *listing, const struct hm_target *target)
{
    struct hm_history *history = listing->check->history;
    struct hm_err why = HM_ERR_INIT;
    char release[RELEASE_SIZE];
    struct hm_path path;
    enum hm_rc rc = hm_layout_parse_path(target->path, &why, &path);
    struct hm_bytes whole;

    if (rc != HM_OK)
        return hm_history_judge(history, listing->name, rc, &why);
    whole = hm_bytes_make(path.whole.data, path.whole.size - path.file.size - 1);
    (void)snprintf(release, sizeof(release), "%.*s", HM_BYTES_FMT(whole));
    if (strcmp(listing->release, release) != 0)
        HM_TRY(find_entry(listing, release));
    if (listing->entry == NULL)
        return HM_OK;
    for (size_t i = 0; i < listing->entry->image_count; i++) {
        const struct hm_entry_image *image = &listing->entry->images[i];

        if (hm_bytes_is_str(path.file, image->file) &&
            hm_history_has_facts(target, &image->sha256, image->length))
            return HM_OK;
    }
    return hm_history_find(history, HM_HISTORY_REUSED, release,
                           "'%s' lists '%.*s', and the log's entry of '%s' has no such file with "
                           "these bytes",
                           listing->name, HM_BYTES_FMT(target->path), release);
}

/* A file that was listed before: what the log has stays listed, perhaps by the product's role. */
static enum hm_rc check_gone(struct listing *listing, const struct hm_target *target)
{
    struct hm_history_batch *check = listing->check;
    char name[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_targets *role = NULL;
    const struct hm_target *found = NULL;
    struct hm_err why = HM_ERR_INIT;
    char release[RELEASE_SIZE];
    struct hm_path path;
    uint64_t index;
    enum hm_rc rc;

    if (hm_layout_parse_path(target->path, NULL, &path) != HM_OK)
        return HM_OK; /* it was told when it was new */
    (void)snprintf(release, sizeof(release), "%.*s", (int)(path.whole.size - path.file.size - 1),
                   (const char *)path.whole.data);
    rc = hm_replay_map_find(check->map, release, &why, &index);
    if (rc == HM_EUNKNOWN)
        return HM_OK;
    if (rc != HM_OK)
        return hm_fail(check->err, rc, "%s", why.text);
    hm_history_role_of(&check->next, listing->is_maker, path.id, path.product, name);
    if (strcmp(name, listing->name) != 0) {
        HM_TRY(hm_history_get_role(check, &check->next, hm_bytes_str(name), &role));
        found = role == NULL ? NULL : hm_targets_find(role, target->path);
    }
    if (found != NULL && is_same_facts(found, target))
        return HM_OK;
    return hm_history_find(check->history, HM_HISTORY_UNLISTED, release,
                           "'%s' does not list '%.*s' any more, and the log has it", listing->name,
                           HM_BYTES_FMT(target->path));
}

/* Both are sorted by path. before may be NULL. */
static enum hm_rc compare_lists(struct listing *listing, const struct hm_targets *before)
{
    size_t old_count = before == NULL ? 0 : before->target_count;
    size_t old = 0;

    for (size_t i = 0; i < listing->role->target_count; i++) {
        const struct hm_target *target = &listing->role->targets[i];
        int order = 1;

        for (; old < old_count; old++) {
            order = hm_bytes_compare(before->targets[old].path, target->path);
            if (order >= 0)
                break;
            HM_TRY(check_gone(listing, &before->targets[old]));
        }
        if (old == old_count || order != 0 || !is_same_facts(&before->targets[old], target))
            HM_TRY(check_new(listing, target));
        if (old < old_count && order == 0)
            old++;
    }
    for (; old < old_count; old++)
        HM_TRY(check_gone(listing, &before->targets[old]));
    return HM_OK;
}

static enum hm_rc check_releases(struct hm_history_batch *check,
                                 const struct hm_partition_name *parts, const char *name,
                                 const struct hm_targets *role, const struct hm_targets *before)
{
    struct listing listing = {
        .check = check, .name = name, .is_maker = parts->is_maker, .role = role};
    enum hm_rc rc = compare_lists(&listing, before);

    hm_entry_free(listing.entry);
    return rc;
}

/* A recall that is listed anew has an entry in this batch; one that was listed stays. */
static enum hm_rc check_recalls(struct hm_history_batch *check, const char *name,
                                const struct hm_targets *role, const struct hm_targets *before)
{
    for (size_t i = 0; before != NULL && i < before->target_count; i++) {
        const struct hm_target *found = hm_targets_find(role, before->targets[i].path);

        if (found == NULL || !is_same_facts(found, &before->targets[i]))
            HM_TRY(hm_history_find(check->history, HM_HISTORY_UNLISTED, name,
                                   "'%s' does not list '%.*s' any more as it was", name,
                                   HM_BYTES_FMT(before->targets[i].path)));
    }
    for (size_t i = 0; i < role->target_count; i++) {
        const struct hm_target *target = &role->targets[i];
        bool is_logged = before != NULL && hm_targets_find(before, target->path) != NULL;

        for (size_t j = 0; j < check->batch->count && !is_logged; j++) {
            const struct hm_entry *entry = check->batch->items[j].entry;

            is_logged = entry != NULL && entry->kind == HM_ENTRY_RECALL &&
                        hm_bytes_is_str(target->path, entry->path);
        }
        if (!is_logged)
            HM_TRY(hm_history_find(check->history, HM_HISTORY_UNLOGGED, name,
                                   "'%s' lists '%.*s', of which the log has no entry", name,
                                   HM_BYTES_FMT(target->path)));
    }
    return HM_OK;
}

/* ---- the rules of roles ---------------------------------------------------------------------- */

static bool is_same_delegations(const struct hm_delegations *a, const struct hm_delegations *b)
{
    if (a->role_count != b->role_count)
        return false;
    for (size_t i = 0; i < a->role_count; i++) {
        if (!hm_bytes_is_equal(a->roles[i].name, b->roles[i].name) ||
            !hm_keyring_is_same_role(&a->roles[i].keys, &b->roles[i].keys))
            return false;
    }
    return true;
}

static bool is_same_content(const struct hm_targets *a, const struct hm_targets *b)
{
    if (a->target_count != b->target_count ||
        !hm_bytes_is_equal(a->document.x_hallmark, b->document.x_hallmark) ||
        !is_same_delegations(&a->delegations, &b->delegations))
        return false;
    for (size_t i = 0; i < a->target_count; i++) {
        if (!hm_bytes_is_equal(a->targets[i].path, b->targets[i].path) ||
            !is_same_facts(&a->targets[i], &b->targets[i]) ||
            !hm_bytes_is_equal(a->targets[i].custom, b->targets[i].custom))
            return false;
    }
    return true;
}

/* A role of which nothing changed but its end. */
static enum hm_rc check_end(struct hm_history_batch *check, const char *name,
                            const struct hm_targets *role, const struct hm_targets *before)
{
    if (before == NULL || role->document.expires_unix_s <= before->document.expires_unix_s ||
        !is_same_content(before, role))
        return HM_OK;
    return hm_history_find(check->history, HM_HISTORY_EXPIRY, name,
                           "'%s' %lld has nothing new but a later end", name,
                           (long long)role->document.version);
}

/* A product's role, held to the role above by that one's word. */
static enum hm_rc check_product(struct hm_history_batch *check,
                                const struct hm_partition_name *parts, const char *name,
                                const struct hm_targets *role)
{
    const struct hm_targets *above = NULL;
    struct hm_err why = HM_ERR_INIT;

    HM_TRY(hm_history_judge(check->history, name,
                            hm_partition_check_product(hm_bytes_str(name), role, &why), &why));
    HM_TRY(hm_history_get_role(check, &check->next, parts->above, &above));
    if (above != NULL && hm_partition_find(parts->above, above, parts->product) == NULL)
        return hm_history_find(check->history, HM_HISTORY_FALSE, name,
                               "'%s' is in the snapshot, and '%.*s' does not delegate to it", name,
                               HM_BYTES_FMT(parts->above));
    return HM_OK;
}

static const struct hm_delegated_role *delegation_of(const struct hm_history_state *state,
                                                     struct hm_bytes name)
{
    const struct hm_delegated_role *role =
        hm_targets_find_role(&state->targets.targets->delegations, name);

    return role != NULL ? role : hm_targets_find_role(&state->layout->delegations, name);
}

/* The rules that clients hold a role of releases to. */
static enum hm_rc check_form(struct hm_history_batch *check, const struct hm_partition_name *parts,
                             const char *name, const struct hm_targets *role)
{
    const struct hm_layout_maker *maker = hm_layout_find(check->next.layout, parts->id);
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (maker == NULL)
        return hm_history_find(check->history, HM_HISTORY_FALSE, name,
                               "'%s' is of a maker that targets.json does not have", name);
    HM_TRY(hm_history_judge(check->history, name, hm_verdict_names(maker, name, role, &why), &why));
    if (parts->product.size > 0)
        return check_product(check, parts, name, role);
    rc = hm_partition_check(delegation_of(&check->next, parts->above), role, &why);
    return hm_history_judge(check->history, name, rc, &why);
}

/* Is it the same role with the same keys as in the snapshot before? */
static bool is_unchanged(const struct hm_history_batch *check, const struct hm_snapshot_meta *meta)
{
    const struct hm_history_state *old = &check->history->state;
    const struct hm_snapshot_meta *before =
        old->snapshot == NULL ? NULL : hm_snapshot_find(old->snapshot, meta->name);
    const struct hm_role_keys *keys, *keys_before;

    if (before == NULL || before->version != meta->version ||
        !hm_digest_is_equal(&before->facts.sha256, &meta->facts.sha256))
        return false;
    if (check->next.is_sharing)
        return true;
    keys = hm_history_keys_of(&check->next, meta->name);
    keys_before = hm_history_keys_of(old, meta->name);
    return keys != NULL && keys_before != NULL && hm_keyring_is_same_role(keys, keys_before);
}

/* The newest version that was validly signed, where meta names a newer one (else it is told that it
 * does not, and there is nothing to compare); NULL: there is none. */
static enum hm_rc get_before(struct hm_history_batch *check, const struct hm_snapshot_meta *meta,
                             const struct hm_history_floor *floor,
                             const struct hm_targets **ret_targets)
{
    const struct hm_snapshot_meta before = {
        .name = meta->name,
        .version = floor->version,
        .facts = {.has_sha256 = true, .sha256 = floor->sha256},
    };

    *ret_targets = NULL;
    if (check->history->state.snapshot == NULL || floor->version == 0 ||
        floor->version >= meta->version)
        return HM_OK;
    return get_version(check, &check->history->state, &before, ret_targets);
}

/* A role that is new, and validly signed. */
static enum hm_rc check_content(struct hm_history_batch *check, const struct hm_snapshot_meta *meta,
                                const struct hm_history_floor *floor, const char *name)
{
    struct hm_partition_name parts = {.is_maker = false};
    const struct hm_targets *before = NULL;
    const struct hm_targets *role = NULL;
    bool is_releases = hm_partition_parse(meta->name, &parts);

    HM_TRY(get_before(check, meta, floor, &before));
    HM_TRY(hm_history_get_role(check, &check->next, meta->name, &role));
    HM_TRY(check_end(check, name, role, before));
    if (!is_releases)
        return check_recalls(check, name, role, before);
    HM_TRY(check_form(check, &parts, name, role));
    /* What was looked at since may have driven them out. */
    HM_TRY(get_before(check, meta, floor, &before));
    HM_TRY(hm_history_get_role(check, &check->next, meta->name, &role));
    return check_releases(check, &parts, name, role, before);
}

static enum hm_rc check_role(struct hm_history_batch *check, const struct hm_snapshot_meta *meta)
{
    struct hm_history *history = check->history;
    struct hm_history_floor floor = {.version = 0};
    const struct hm_targets *role = NULL;
    char name[NAME_SIZE];

    if (hm_bytes_is_str(meta->name, "targets") || is_unchanged(check, meta))
        return HM_OK;
    (void)text_of(meta->name, name);
    if (hm_history_keys_of(&check->next, meta->name) == NULL)
        return hm_history_find(history, HM_HISTORY_FALSE, name,
                               "the snapshot names '%s', which targets.json lets nobody sign",
                               name);
    HM_TRY(hm_history_get_role(check, &check->next, meta->name, &role));
    if (role == NULL)
        return HM_OK;
    hm_history_floor_of(history, meta->name, &floor);
    HM_TRY(hm_history_raise(history, meta, check->err));
    return check_content(check, meta, &floor, name);
}

/* Nothing that was ever validly signed is gone, older, or has other bytes. */
static enum hm_rc check_floors(struct hm_history_batch *check)
{
    struct hm_history *history = check->history;
    const struct hm_snapshot *snapshot = check->next.snapshot;
    char name[NAME_SIZE];
    size_t at = 0;

    for (size_t i = 0; i < history->floor_count; i++) {
        const struct hm_history_floor *floor = &history->floors[i];
        const struct hm_snapshot_meta *meta;

        while (at < snapshot->meta_count &&
               hm_bytes_compare(snapshot->metas[at].name, floor->name) < 0)
            at++;
        meta = &snapshot->metas[at];
        if (at == snapshot->meta_count || !hm_bytes_is_equal(meta->name, floor->name))
            HM_TRY(hm_history_find(history, HM_HISTORY_ROLLBACK, text_of(floor->name, name),
                                   "'%s', which was there in version %lld, is gone", name,
                                   (long long)floor->version));
        else if (meta->version < floor->version)
            HM_TRY(hm_history_find(history, HM_HISTORY_ROLLBACK, text_of(floor->name, name),
                                   "'%s' goes back from version %lld to %lld", name,
                                   (long long)floor->version, (long long)meta->version));
        else if (meta->version == floor->version &&
                 !hm_digest_is_equal(&meta->facts.sha256, &floor->sha256))
            HM_TRY(hm_history_find(history, HM_HISTORY_REUSED, text_of(floor->name, name),
                                   "version %lld of '%s' has other bytes than before",
                                   (long long)meta->version, name));
    }
    return HM_OK;
}

enum hm_rc hm_history_check_roles(struct hm_history_batch *check)
{
    const struct hm_snapshot *snapshot = check->next.snapshot;

    HM_TRY(check_floors(check));
    for (size_t i = 0; i < snapshot->meta_count; i++) {
        if (hm_bytes_is_str(snapshot->metas[i].name, "targets"))
            HM_TRY(hm_history_raise(check->history, &snapshot->metas[i], check->err));
        HM_TRY(check_role(check, &snapshot->metas[i]));
    }
    return HM_OK;
}
