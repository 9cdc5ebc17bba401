/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of the log beside the metadata that its snapshot names. See history.h. */
#include "trust/history_internal.h"
#include "trust/partition.h"
#include "trust/verdict.h"

/* ---- releases -------------------------------------------------------------------------------- */

/* How many files of ID/PRODUCT/VERSION a role lists. */
static size_t count_files(const struct hm_targets *targets, const char *release)
{
    size_t size = strlen(release);
    size_t count = 0;

    for (size_t i = hm_targets_place(targets, hm_bytes_str(release)); i < targets->target_count;
         i++) {
        struct hm_bytes path = targets->targets[i].path;

        if (!hm_bytes_has_prefix(path, hm_bytes_str(release)))
            break;
        if (path.size > size && path.data[size] == '/')
            count++;
    }
    return count;
}

/* The two roles that speak for a release. */
struct speakers {
    const struct hm_layout_maker *maker;
    char names[2][HM_LAYOUT_ROLE_SIZE_MAX]; /* the vendor's and the maker's */
    const struct hm_targets *roles[2];      /* the second is NULL for an attested maker */
    size_t count;
};

/* Exactly these files, by the rules that clients go by, and with the log's digests. */
static enum hm_rc check_images(struct hm_history_batch *check, const struct hm_entry *entry,
                               const struct speakers *speakers)
{
    enum hm_grade grade = speakers->maker->is_attested ? HM_GRADE_ATTESTED : HM_GRADE_INTRODUCED;

    for (size_t i = 0; i < entry->image_count; i++) {
        const struct hm_entry_image *image = &entry->images[i];
        char path[HM_TARGETS_PATH_SIZE_MAX];
        struct hm_err why = HM_ERR_INIT;
        struct hm_release_file file;

        (void)snprintf(path, sizeof(path), "%s/%s", entry->path, image->file);
        if (hm_verdict_path(check->next.layout, speakers->maker, grade, speakers->roles[0],
                            speakers->roles[1], hm_bytes_str(path), &why, &file) != HM_OK)
            return hm_history_find(check->history, HM_HISTORY_UNLISTED, entry->path, "%s",
                                   why.text);
        if (file.length != image->length || !hm_digest_is_equal(&file.sha256, &image->sha256))
            return hm_history_find(check->history, HM_HISTORY_UNLISTED, entry->path,
                                   "'%s' lists '%s' with other bytes than the log",
                                   speakers->names[0], path);
    }
    for (size_t i = 0; i < speakers->count; i++) {
        if (count_files(speakers->roles[i], entry->path) != entry->image_count)
            return hm_history_find(check->history, HM_HISTORY_UNLISTED, entry->path,
                                   "'%s' lists files of '%s' that the log does not have",
                                   speakers->names[i], entry->path);
    }
    return HM_OK;
}

/* The entry names the roles that speak for it, in the versions of this snapshot. */
static enum hm_rc check_named(struct hm_history_batch *check, const struct hm_entry *entry,
                              const char *subject, const char *name)
{
    const struct hm_snapshot_meta *meta =
        hm_snapshot_find(check->next.snapshot, hm_bytes_str(name));

    for (size_t i = 0; i < entry->role_count; i++) {
        if (strcmp(entry->roles[i].name, name) == 0 && meta != NULL &&
            entry->roles[i].version == (uint64_t)meta->version)
            return HM_OK;
    }
    return hm_history_find(check->history, HM_HISTORY_FALSE, subject,
                           "the entry of '%s' does not name '%s' in the version of its snapshot",
                           subject, name);
}

static enum hm_rc check_release(struct hm_history_batch *check, const struct hm_entry *entry)
{
    const char *slash = strchr(entry->path, '/');
    struct hm_bytes id = hm_bytes_make(entry->path, (size_t)(slash - entry->path));
    struct hm_bytes product =
        hm_bytes_make(slash + 1, (size_t)(strrchr(entry->path, '/') - slash - 1));
    struct speakers speakers = {.maker = hm_layout_find(check->next.layout, id)};

    if (speakers.maker == NULL)
        return hm_history_find(check->history, HM_HISTORY_UNLISTED, entry->path,
                               "'%s' is of a maker that targets.json does not have", entry->path);
    speakers.count = speakers.maker->is_attested ? 1 : 2;
    for (size_t i = 0; i < speakers.count; i++) {
        const char *name = speakers.names[i];

        hm_history_role_of(&check->next, i == 1, id, product, speakers.names[i]);
        if (hm_snapshot_find(check->next.snapshot, hm_bytes_str(name)) == NULL)
            return hm_history_find(check->history, HM_HISTORY_UNLISTED, entry->path,
                                   "the snapshot has no role '%s' that could list '%s'", name,
                                   entry->path);
        HM_TRY(hm_history_get_role(check, &check->next, hm_bytes_str(name), &speakers.roles[i]));
        if (speakers.roles[i] == NULL)
            return HM_OK; /* it is told that the role is not good */
        HM_TRY(check_named(check, entry, entry->path, name));
    }
    if (entry->role_count != speakers.count)
        return hm_history_find(check->history, HM_HISTORY_FALSE, entry->path,
                               "the entry of '%s' names roles that do not speak for it",
                               entry->path);
    return check_images(check, entry, &speakers);
}

/* ---- recalls, makers, roots ------------------------------------------------------------------ */

static enum hm_rc check_recall(struct hm_history_batch *check, const struct hm_entry *entry)
{
    char name[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_bytes id = hm_bytes_str(strchr(entry->path, '/') + 1);
    const struct hm_targets *role = NULL;
    const struct hm_target *target;

    id.size = strcspn((const char *)id.data, "/");
    HM_TRY(hm_history_find(check->history, HM_HISTORY_RECALL, entry->path,
                           "'%s' recalls %zu digests", entry->path, entry->digest_count));
    (void)snprintf(name, sizeof(name), "recalls~%.*s", HM_BYTES_FMT(id));
    HM_TRY(hm_history_get_role(check, &check->next, hm_bytes_str(name), &role));
    target = role == NULL ? NULL : hm_targets_find(role, hm_bytes_str(entry->path));
    if (target == NULL ||
        !hm_history_has_facts(target, &entry->document.sha256, entry->document.length))
        return hm_history_find(check->history, HM_HISTORY_UNLISTED, entry->path,
                               "'%s' does not list '%s' as the log has it", name, entry->path);
    return check_named(check, entry, entry->path, name);
}

static enum hm_rc check_maker(struct hm_history_batch *check, const struct hm_entry *entry)
{
    const struct hm_layout_maker *maker =
        hm_layout_find(check->next.layout, hm_bytes_str(entry->maker));

    if (maker == NULL || maker->is_attested != entry->is_attested ||
        (!maker->is_attested &&
         ((uint64_t)maker->identity_version != entry->document.version ||
          maker->identity_length != entry->document.length ||
          !hm_digest_is_equal(&maker->identity_sha256, &entry->document.sha256))))
        return hm_history_find(check->history, HM_HISTORY_FALSE, entry->maker,
                               "targets.json does not say of maker '%s' what the log says",
                               entry->maker);
    return check_named(check, entry, entry->maker, "targets");
}

static enum hm_rc check_root(struct hm_history_batch *check, const struct hm_entry *entry)
{
    struct hm_history *history = check->history;
    uint64_t version = entry->root.version;

    if (version == 0 || version > history->root_count)
        return hm_history_find(history, HM_HISTORY_MISSING, "root",
                               "root %llu, which the log has, is not served",
                               (unsigned long long)version);
    if (!hm_digest_is_equal(&entry->root.sha256, &history->root_hashes[version - 1]))
        return hm_history_find(history, HM_HISTORY_FALSE, "root",
                               "root %llu is not the one that the log has",
                               (unsigned long long)version);
    if (version > (uint64_t)check->next.root->document.version ||
        (history->state.root != NULL && version <= (uint64_t)history->state.root->document.version))
        return hm_history_find(history, HM_HISTORY_FALSE, "root",
                               "the log has root %llu where the snapshot names root %lld",
                               (unsigned long long)version,
                               (long long)check->next.root->document.version);
    return HM_OK;
}

static enum hm_rc check_entry(struct hm_history_batch *check, const struct hm_entry *entry)
{
    switch (entry->kind) {
    case HM_ENTRY_RELEASE:
        return check_release(check, entry);
    case HM_ENTRY_RECALL:
        return check_recall(check, entry);
    case HM_ENTRY_MAKER:
        return check_maker(check, entry);
    case HM_ENTRY_ROOT:
        return check_root(check, entry);
    case HM_ENTRY_SNAPSHOT:
        break;
    }
    return HM_OK;
}

/* ---- what the log does not have -------------------------------------------------------------- */

/* The batch's entry of a maker (maker NULL: of this root). */
static bool has_entry(const struct hm_replay_batch *batch, const char *maker, uint64_t root)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct hm_entry *entry = batch->items[i].entry;

        if (entry == NULL)
            continue;
        if (maker == NULL ? entry->kind == HM_ENTRY_ROOT && entry->root.version == root
                          : entry->kind == HM_ENTRY_MAKER && strcmp(entry->maker, maker) == 0)
            return true;
    }
    return false;
}

/* A maker that is new or changed has an entry that says so. */
static enum hm_rc check_maker_logged(struct hm_history_batch *check,
                                     const struct hm_layout_maker *maker)
{
    const struct hm_layout *old = check->history->state.layout;
    const struct hm_layout_maker *before =
        old == NULL ? NULL : hm_layout_find(old, hm_bytes_str(maker->id));

    if (before != NULL && before->is_attested == maker->is_attested &&
        (maker->is_attested ||
         hm_digest_is_equal(&before->identity_sha256, &maker->identity_sha256)))
        return HM_OK;
    if (has_entry(check->batch, maker->id, 0))
        return HM_OK;
    return hm_history_find(check->history, HM_HISTORY_UNLOGGED, maker->id,
                           "maker '%s' is new or changed, and no entry of the log says so",
                           maker->id);
}

/* Each root since the last snapshot has an entry; none goes back. */
static enum hm_rc check_roots_logged(struct hm_history_batch *check)
{
    struct hm_history *history = check->history;
    int64_t next = check->next.root->document.version;
    int64_t first = history->state.root == NULL ? next : history->state.root->document.version + 1;

    if (next + 1 < first)
        return hm_history_find(history, HM_HISTORY_ROLLBACK, "root",
                               "the snapshot goes back from root %lld to %lld",
                               (long long)(first - 1), (long long)next);
    for (int64_t version = first; version <= next; version++) {
        if (!has_entry(check->batch, NULL, (uint64_t)version))
            HM_TRY(hm_history_find(history, HM_HISTORY_UNLOGGED, "root",
                                   "the snapshot names root %lld, and the log has no entry of "
                                   "root %lld",
                                   (long long)next, (long long)version));
    }
    return HM_OK;
}

/* ---- a batch --------------------------------------------------------------------------------- */

static void commit(struct hm_history_batch *check)
{
    struct hm_history *history = check->history;

    if (check->next.is_sharing) {
        check->next.is_sharing = false;
        history->state.is_sharing = true;
    }
    hm_history_state_done(&history->state);
    history->state = check->next;
    check->next = (struct hm_history_state){.root = NULL};
}

static enum hm_rc run_check(struct hm_history_batch *check)
{
    struct hm_history *history = check->history;

    HM_TRY(hm_history_compare_keys(history, &history->state, &check->next));
    if (history->state.snapshot != NULL || !history->was_missed) {
        HM_TRY(check_roots_logged(check));
        for (size_t i = 0; i < check->next.layout->maker_count; i++)
            HM_TRY(check_maker_logged(check, &check->next.layout->makers[i]));
    }
    HM_TRY(hm_history_check_roles(check));
    for (size_t i = 0; i < check->batch->count; i++) {
        if (check->batch->items[i].entry != NULL)
            HM_TRY(check_entry(check, check->batch->items[i].entry));
    }
    return HM_OK;
}

enum hm_rc hm_history_check(struct hm_history *history, const struct hm_replay_batch *batch,
                            struct hm_replay_map *map, struct hm_err *err)
{
    struct hm_history_batch check = {.history = history, .batch = batch, .map = map, .err = err};
    struct hm_err why = HM_ERR_INIT;
    const char *subject = NULL;
    enum hm_rc rc;

    history->err = err;
    rc = hm_history_reach(history, batch->snapshot, &history->state, &why, &check.next, &subject);
    if (rc != HM_OK) {
        history->was_missed = true;
        return hm_history_judge(history, subject, rc, &why);
    }
    rc = run_check(&check);
    /* Roles are held by the keys that they were verified with, which go with other targets. */
    if (rc == HM_OK && check.next.is_sharing)
        hm_history_drop_bad(history);
    else
        hm_history_drop_held(history);
    if (rc == HM_OK)
        commit(&check);
    hm_history_state_done(&check.next);
    return rc;
}
