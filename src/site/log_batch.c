/* SPDX-License-Identifier: Apache-2.0 */
/* What a coming snapshot adds to the release log (log_batch.h). */
#include "site/log_batch.h"

#include "exchange/role.h"
#include "site/log_step.h"
#include "tlog/release_map.h"
#include "tlog/where.h"
#include "trust/recall.h"

/* Where the map's files are: what is known is read from public/log, what is new goes into the
 * journal. */
struct files {
    struct hm_release_store known;
    struct hm_journal *journal;
};

static enum hm_rc get_file(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_buf)
{
    const struct files *files = ctx;

    return files->known.get(files->known.ctx, path, err, ret_buf);
}

static enum hm_rc put_file(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    const struct files *files = ctx;
    _hm_done_(hm_buf_done) struct hm_buf whole = HM_BUF_INIT(1024);

    HM_TRY(hm_buf_append_fmt(&whole, err, "log/%s", path));
    return hm_journal_replace(files->journal, hm_buf_str(&whole), bytes, err);
}

static enum hm_rc list_files(void *ctx, const char *path, struct hm_arena *arena,
                             struct hm_err *err, const char ***ret_names, size_t *ret_count)
{
    const struct files *files = ctx;

    return files->known.list(files->known.ctx, path, arena, err, ret_names, ret_count);
}

/* A release entry of the batch, for the file that says where it stands. */
struct logged {
    uint64_t index;
    const char *path;
    struct hm_bytes raw;
};

struct batch {
    struct hm_own_log *log;
    const struct hm_log_batch_change *change;
    const struct hm_layout *layout; /* of the tree to come */
    struct hm_journal *journal;
    struct hm_release_map *map;
    struct hm_buf entries;
    uint64_t first; /* index of the first entry */
    uint64_t count;
    struct logged *releases;
    size_t release_count, release_capacity;
    struct hm_arena arena;
};

static void batch_done(struct batch *batch)
{
    hm_release_map_free(batch->map);
    hm_buf_done(&batch->entries);
    hm_arena_done(&batch->arena);
}

/* ---- entries --------------------------------------------------------------------------------- */

static enum hm_rc add_raw(struct batch *batch, const struct hm_entry *entry, struct hm_bytes raw,
                          struct hm_err *err)
{
    HM_TRY(hm_release_map_apply(batch->map, entry, batch->first + batch->count, err));
    HM_TRY(hm_tile_bundle_append(&batch->entries, raw, err));
    batch->count++;
    return HM_OK;
}

static enum hm_rc add_entry(struct batch *batch, const struct hm_entry *entry, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);

    HM_TRY(hm_entry_write(entry, err, &raw));
    return add_raw(batch, entry, hm_buf_bytes(&raw), err);
}

static enum hm_rc add_root(struct batch *batch, int64_t version, struct hm_bytes raw,
                           struct hm_err *err)
{
    struct hm_entry entry = {.kind = HM_ENTRY_ROOT, .site = batch->log->site->config.name};

    entry.root.version = (uint64_t)version;
    entry.root.length = raw.size;
    HM_TRY(hm_digest_sha256(raw, err, &entry.root.sha256));
    return add_entry(batch, &entry, err);
}

static enum hm_rc add_roots(struct batch *batch, struct hm_err *err)
{
    const struct hm_plan *plan = batch->change->plan;
    const struct hm_tree *tree = plan->roles->tree;

    if (batch->log->begins && tree->root != NULL)
        HM_TRY(add_root(batch, tree->root->document.version, tree->root_raw, err));
    if (batch->change->with_root)
        HM_TRY(add_root(batch, plan->root->document.version, plan->root_raw, err));
    return HM_OK;
}

/* The version that the coming snapshot names. */
static enum hm_rc find_version(const struct batch *batch, const char *role, struct hm_err *err,
                               uint64_t *ret_version)
{
    const struct hm_snapshot_meta *meta =
        hm_snapshot_find(batch->change->snapshot, hm_bytes_str(role));

    if (meta == NULL)
        return hm_fail(err, HM_EINTERNAL, "the coming snapshot does not name '%s'", role);
    *ret_version = (uint64_t)meta->version;
    return HM_OK;
}

static bool is_logged_maker(const struct batch *batch, const struct hm_layout_maker *maker)
{
    const struct hm_tree *tree = batch->change->plan->roles->tree;
    const struct hm_layout_maker *before =
        batch->log->begins || tree->layout == NULL
            ? NULL
            : hm_layout_find(tree->layout, hm_bytes_str(maker->id));

    return before != NULL && before->is_attested == maker->is_attested &&
           (maker->is_attested ||
            (before->identity_version == maker->identity_version &&
             hm_digest_is_equal(&before->identity_sha256, &maker->identity_sha256)));
}

static enum hm_rc add_makers(struct batch *batch, struct hm_err *err)
{
    struct hm_entry_role role = {.name = "targets"};

    HM_TRY(find_version(batch, role.name, err, &role.version));
    for (size_t i = 0; i < batch->layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &batch->layout->makers[i];
        struct hm_entry entry = {.kind = HM_ENTRY_MAKER,
                                 .site = batch->log->site->config.name,
                                 .maker = maker->id,
                                 .is_attested = maker->is_attested,
                                 .roles = &role,
                                 .role_count = 1};

        if (is_logged_maker(batch, maker))
            continue;
        if (!maker->is_attested)
            entry.document =
                (struct hm_entry_document){.version = (uint64_t)maker->identity_version,
                                           .sha256 = maker->identity_sha256,
                                           .length = maker->identity_length};
        HM_TRY(add_entry(batch, &entry, err));
    }
    return HM_OK;
}

/* ---- releases -------------------------------------------------------------------------------- */

/* Which of two roles speaks for a product: its own, if there is one. */
static enum hm_rc find_role(struct batch *batch, const char *above, struct hm_bytes product,
                            struct hm_err *err, struct hm_entry_role *ret_role)
{
    char own[HM_LAYOUT_ROLE_SIZE_MAX];
    char *name;

    hm_partition_role(hm_bytes_str(above), product, own);
    if (hm_snapshot_find(batch->change->snapshot, hm_bytes_str(own)) != NULL)
        above = own;
    name = hm_arena_strdup(&batch->arena, hm_bytes_str(above));
    if (name == NULL)
        return hm_error_nomem(err);
    ret_role->name = name;
    return find_version(batch, name, err, &ret_role->version);
}

/* The label as printed, which makers give in "custom"; NULL: none. */
static enum hm_rc read_label(struct batch *batch, struct hm_bytes custom, struct hm_err *err,
                             const char **ret_label)
{
    enum hm_json_kind kind;
    struct hm_bytes key, text;
    struct hm_json json;
    bool more;

    *ret_label = NULL;
    if (custom.size == 0)
        return HM_OK;
    hm_json_init(&json, custom, &batch->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_peek(&json, err, &kind));
        if (!hm_bytes_is_str(key, "label") || kind != HM_JSON_STRING) {
            HM_TRY(hm_json_skip(&json, err, NULL));
            continue;
        }
        HM_TRY(hm_json_string(&json, err, &text));
        *ret_label = hm_arena_strdup(&batch->arena, text);
        if (*ret_label == NULL)
            return hm_error_nomem(err);
    }
}

/* One file of a version. */
struct file {
    struct hm_path path;
    struct hm_file_facts facts;
    struct hm_bytes custom;
};

static enum hm_rc keep_release(struct batch *batch, uint64_t index, const char *path,
                               struct hm_bytes raw, struct hm_err *err)
{
    struct hm_bytes copy;

    if (batch->release_count == batch->release_capacity) {
        size_t capacity = batch->release_capacity == 0 ? 16 : 2 * batch->release_capacity;
        void *grown = hm_arena_grow(&batch->arena, batch->releases,
                                    batch->release_capacity * sizeof(*batch->releases),
                                    capacity * sizeof(*batch->releases));

        if (grown == NULL)
            return hm_error_nomem(err);
        batch->releases = grown;
        batch->release_capacity = capacity;
    }
    HM_TRY(hm_arena_copy(&batch->arena, raw, err, &copy));
    batch->releases[batch->release_count++] =
        (struct logged){.index = index, .path = path, .raw = copy};
    return HM_OK;
}

/* A label that no line takes stands in the metadata alone. */
static enum hm_rc write_release(struct hm_entry *entry, struct hm_err *err, struct hm_buf *ret_raw)
{
    enum hm_rc rc = hm_entry_write(entry, err, ret_raw);

    if (rc == HM_EUSAGE && entry->label != NULL) {
        entry->label = NULL;
        rc = hm_entry_write(entry, err, ret_raw);
    }
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", entry->path);
}

static enum hm_rc fill_images(struct batch *batch, const struct file *files, size_t count,
                              struct hm_err *err, struct hm_entry *entry)
{
    entry->images = hm_arena_alloc(&batch->arena, count, sizeof(*entry->images));
    if (entry->images == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        char *name = hm_arena_strdup(&batch->arena, files[i].path.file);

        if (name == NULL)
            return hm_error_nomem(err);
        entry->images[i] = (struct hm_entry_image){
            .file = name, .sha256 = files[i].facts.sha256, .length = files[i].facts.length};
        if (entry->label == NULL)
            HM_TRY(read_label(batch, files[i].custom, err, &entry->label));
    }
    entry->image_count = count;
    return HM_OK;
}

/* All files of one version, sorted. */
static enum hm_rc add_release(struct batch *batch, const struct file *files, size_t count,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    const struct hm_path *path = &files[0].path;
    const struct hm_layout_maker *maker = hm_layout_find(batch->layout, path->id);
    struct hm_entry_role roles[2];
    struct hm_entry entry = {
        .kind = HM_ENTRY_RELEASE, .site = batch->log->site->config.name, .roles = roles};
    char above[HM_LAYOUT_ROLE_SIZE_MAX];

    if (maker == NULL)
        return hm_fail(err, HM_EINTERNAL, "'%.*s': no such maker", HM_BYTES_FMT(path->whole));
    entry.path = hm_arena_strdup(
        &batch->arena, hm_bytes_make(path->whole.data, path->whole.size - path->file.size - 1));
    if (entry.path == NULL)
        return hm_error_nomem(err);
    if (!maker->is_attested) {
        hm_layout_maker_role(path->id, above);
        HM_TRY(find_role(batch, above, path->product, err, &roles[entry.role_count++]));
    }
    hm_layout_release_role(path->id, above);
    HM_TRY(find_role(batch, above, path->product, err, &roles[entry.role_count++]));
    HM_TRY(fill_images(batch, files, count, err, &entry));
    HM_TRY(write_release(&entry, err, &raw));
    HM_TRY(keep_release(batch, batch->first + batch->count, entry.path, hm_buf_bytes(&raw), err));
    return add_raw(batch, &entry, hm_buf_bytes(&raw), err);
}

static bool is_same_version(const struct hm_path *a, const struct hm_path *b)
{
    return hm_bytes_is_equal(a->id, b->id) && hm_bytes_is_equal(a->product, b->product) &&
           hm_bytes_is_equal(a->version, b->version);
}

/* Whether any file of this version was published, and so is in the log. */
static enum hm_rc is_published(const struct batch *batch, const struct hm_path *path,
                               struct hm_err *err, bool *ret_published)
{
    struct hm_bytes prefix =
        hm_bytes_make(path->whole.data, path->whole.size - path->file.size); /* with its '/' */
    char above[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_targets *targets;
    size_t at;

    hm_layout_release_role(path->id, above);
    HM_TRY(hm_tree_part(batch->change->plan->roles->tree, above, path->product, err, &targets));
    *ret_published = false;
    if (targets == NULL)
        return HM_OK;
    at = hm_targets_place(targets, prefix);
    *ret_published = at < targets->target_count && targets->targets[at].path.size > prefix.size &&
                     memcmp(targets->targets[at].path.data, prefix.data, prefix.size) == 0;
    return HM_OK;
}

/* Files in the order of paths, so that those of a version stand together. */
static enum hm_rc add_versions(struct batch *batch, const struct file *files, size_t count,
                               bool all, struct hm_err *err)
{
    size_t end;

    for (size_t at = 0; at < count; at = end) {
        bool published = false;

        end = at + 1;
        while (end < count && is_same_version(&files[at].path, &files[end].path))
            end++;
        if (!all)
            HM_TRY(is_published(batch, &files[at].path, err, &published));
        if (!published)
            HM_TRY(add_release(batch, files + at, end - at, err));
    }
    return HM_OK;
}

static int compare_files(const void *a, const void *b)
{
    return hm_bytes_compare(((const struct file *)a)->path.whole,
                            ((const struct file *)b)->path.whole);
}

static enum hm_rc add_new_releases(struct batch *batch, struct hm_err *err)
{
    const struct hm_plan *plan = batch->change->plan;
    struct file *files = hm_arena_alloc(&batch->arena, plan->image_count, sizeof(*files));

    if (files == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < plan->image_count; i++) {
        files[i] = (struct file){.facts = plan->images[i].facts, .custom = plan->images[i].custom};
        HM_TRY(hm_layout_parse_path(plan->images[i].path, err, &files[i].path));
    }
    if (plan->image_count > 1)
        qsort(files, plan->image_count, sizeof(*files), compare_files);
    return add_versions(batch, files, plan->image_count, false, err);
}

/* What was published before the log began. */
static enum hm_rc add_part(void *ctx, const char *role, const struct hm_targets *targets,
                           const struct hm_envelope *envelope, struct hm_err *err)
{
    struct batch *batch = ctx;
    struct file *files = hm_arena_alloc(&batch->arena, targets->target_count, sizeof(*files));

    if (files == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < targets->target_count; i++) {
        files[i] =
            (struct file){.facts = targets->targets[i].facts, .custom = targets->targets[i].custom};
        HM_TRY(hm_layout_parse_path(targets->targets[i].path, err, &files[i].path));
    }
    return add_versions(batch, files, targets->target_count, true, err);
}

static enum hm_rc add_releases(struct batch *batch, struct hm_err *err)
{
    struct hm_tree *tree = batch->change->plan->roles->tree;
    char above[HM_LAYOUT_ROLE_SIZE_MAX];

    for (size_t i = 0; batch->log->begins && tree->root != NULL && i < tree->layout->maker_count;
         i++) {
        hm_layout_release_role(hm_bytes_str(tree->layout->makers[i].id), above);
        HM_TRY(hm_tree_each_part(tree, above, err, add_part, batch));
    }
    return add_new_releases(batch, err);
}

/* ---- recalls --------------------------------------------------------------------------------- */

/* One entry for each recall of role that before (may be NULL) does not list. */
static enum hm_rc add_new_recalls(struct batch *batch, const char *name,
                                  const struct hm_targets *role, const struct hm_targets *before,
                                  struct hm_err *err)
{
    struct hm_entry_role carrier = {.name = name};

    HM_TRY(find_version(batch, name, err, &carrier.version));
    for (size_t i = 0; i < role->target_count; i++) {
        const struct hm_target *target = &role->targets[i];
        struct hm_entry entry = {.kind = HM_ENTRY_RECALL,
                                 .site = batch->log->site->config.name,
                                 .roles = &carrier,
                                 .role_count = 1};
        struct hm_recall recall;

        if (before != NULL && hm_targets_find(before, target->path) != NULL)
            continue;
        HM_TRY(hm_recall_read(target, &batch->arena, err, &recall));
        entry.path = recall.path;
        entry.document = (struct hm_entry_document){.sha256 = target->facts.sha256,
                                                    .length = target->facts.length};
        entry.digests = recall.digests;
        entry.digest_count = recall.digest_count;
        HM_TRY(add_entry(batch, &entry, err));
    }
    return HM_OK;
}

/* What was recalled before the log began. */
static enum hm_rc add_known_recalls(struct batch *batch, const char *name, struct hm_err *err)
{
    const struct hm_targets *published = NULL;

    HM_TRY(hm_tree_role(batch->change->plan->roles->tree, name, err, &published, NULL));
    return published == NULL ? HM_OK : add_new_recalls(batch, name, published, NULL, err);
}

static enum hm_rc add_drafted_recalls(struct batch *batch, const struct hm_plan_document *document,
                                      struct hm_err *err)
{
    struct hm_tree *tree = batch->change->plan->roles->tree;
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_targets_unsigned content = {NULL};
    const struct hm_targets *published = NULL;
    enum hm_rc rc;

    if (tree->root != NULL)
        HM_TRY(hm_tree_role(tree, document->role, err, &published, NULL));
    HM_TRY(hm_envelope_parse(document->raw, err, &envelope));
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(envelope), err, &content));
    rc = add_new_recalls(batch, document->role, content.content, published, err);
    hm_targets_free(content.content);
    return rc;
}

/* After the releases: a recall stands in the rows of what was released by then. */
static enum hm_rc add_recalls(struct batch *batch, struct hm_err *err)
{
    const struct hm_plan *plan = batch->change->plan;
    const struct hm_tree *tree = plan->roles->tree;
    char name[HM_LAYOUT_ROLE_SIZE_MAX];

    if (batch->log->begins && tree->root != NULL) {
        HM_TRY(add_known_recalls(batch, "recalls~" HM_RECALL_VENDOR, err));
        for (size_t i = 0; i < tree->layout->maker_count; i++) {
            (void)snprintf(name, sizeof(name), "recalls~%s", tree->layout->makers[i].id); /* fits */
            HM_TRY(add_known_recalls(batch, name, err));
        }
    }
    for (size_t i = 0; i < plan->document_count; i++) {
        if (hm_role_is_of(plan->documents[i].role, "recalls", NULL))
            HM_TRY(add_drafted_recalls(batch, &plan->documents[i], err));
    }
    return HM_OK;
}

/* ---- the snapshot's entry -------------------------------------------------------------------- */

/* The newest root that is in the log after this batch. */
static enum hm_rc name_root(const struct batch *batch, struct hm_err *err, struct hm_entry *entry)
{
    const struct hm_plan *plan = batch->change->plan;
    bool new = batch->change->with_root;
    const struct hm_root *root = new ? plan->root : plan->roles->tree->root;

    entry->root.version = (uint64_t)root->document.version;
    return hm_digest_sha256(new ? plan->root_raw : plan->roles->tree->root_raw, err,
                            &entry->root.sha256);
}

/* What never counts: all that the snapshot before named, as customers look at the newest alone, and
 * what stands behind that one's entry. The array has room for both. */
static enum hm_rc collect_voids(struct batch *batch, struct hm_err *err, struct hm_entry *entry)
{
    const struct hm_log_memory *known = &batch->log->memory;
    struct hm_entry_range junk = {.first = known->size, .count = batch->first - known->size};
    _hm_free_(hm_entry_free) struct hm_entry *last = NULL;
    size_t count = 0;

    if (known->size > 0) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);

        HM_TRY(hm_log_entry(batch->log->log, known->size - 1, err, &raw));
        HM_TRY(hm_entry_parse(hm_buf_bytes(&raw), err, &last));
        count = last->void_count;
    }
    entry->voids = hm_arena_alloc(&batch->arena, count + 1, sizeof(*entry->voids));
    if (entry->voids == NULL)
        return hm_error_nomem(err);
    if (count > 0)
        memcpy(entry->voids, last->voids, count * sizeof(*entry->voids));
    if (junk.count > 0)
        entry->voids[count++] = junk;
    entry->void_count = count;
    return HM_OK;
}

static enum hm_rc add_snapshot(struct batch *batch, struct hm_err *err, struct hm_buf *ret_raw,
                               struct hm_log_memory *ret_memory)
{
    struct hm_log_memory memory = {.size = batch->first + batch->count + 1};
    struct hm_entry entry = {.kind = HM_ENTRY_SNAPSHOT,
                             .site = batch->log->site->config.name,
                             .snapshot = batch->change->document,
                             .entries = {.first = batch->first, .count = batch->count}};

    HM_TRY(collect_voids(batch, err, &entry));
    HM_TRY(name_root(batch, err, &entry));
    HM_TRY(hm_release_map_root(batch->map, err, &memory.map_root, &memory.map_count));
    entry.map_root = memory.map_root;
    entry.map_count = memory.map_count;
    HM_TRY(hm_entry_write(&entry, err, ret_raw));
    HM_TRY(hm_tile_bundle_append(&batch->entries, hm_buf_bytes(ret_raw), err));
    (void)snprintf(memory.origin, sizeof(memory.origin), "%s",
                   batch->log->word->policy->logs[0].key->name);
    *ret_memory = memory;
    return HM_OK;
}

enum hm_rc hm_log_batch_check_files(const char *site, const struct hm_target *targets, size_t count,
                                    struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    char label[HM_ENTRY_LABEL_SIZE_MAX + 1] = {0}, role[HM_ENTRY_ROLE_SIZE_MAX] = {0};
    struct hm_entry_role widest = {.name = role, .version = INT64_MAX};
    struct hm_entry entry = {
        .kind = HM_ENTRY_RELEASE, .site = site, .label = label, .roles = &widest, .role_count = 1};
    struct hm_path path;

    if (count <= HM_LOG_BATCH_FILES_SURE)
        return HM_OK;
    memset(label, 'x', sizeof(label) - 1);
    /* In the place of two roles, of which each is shorter than half of it. */
    memset(role, 'x', sizeof(role) - 1);
    HM_TRY(hm_layout_parse_path(targets[0].path, err, &path));
    entry.path = hm_arena_strdup(
        &arena, hm_bytes_make(path.whole.data, path.whole.size - path.file.size - 1));
    entry.images = hm_arena_alloc(&arena, count, sizeof(*entry.images));
    if (entry.path == NULL || entry.images == NULL)
        return hm_error_nomem(err);
    for (; entry.image_count < count; entry.image_count++) {
        const struct hm_target *target = &targets[entry.image_count];
        char *name;

        HM_TRY(hm_layout_parse_path(target->path, err, &path));
        name = hm_arena_strdup(&arena, path.file);
        if (name == NULL)
            return hm_error_nomem(err);
        entry.images[entry.image_count] = (struct hm_entry_image){
            .file = name, .sha256 = target->facts.sha256, .length = target->facts.length};
    }
    if (hm_entry_write(&entry, NULL, &raw) == HM_OK)
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "'%s' has %zu files: the release log's entry of one version holds 64 KiB, which "
                   "is room for at least %d; put them into an archive, or into several products",
                   entry.path, count, HM_LOG_BATCH_FILES_SURE);
}

/* ---- into the journal ------------------------------------------------------------------------ */

static enum hm_rc write_where(const struct batch *batch, struct hm_bytes snapshot,
                              struct hm_err *err)
{
    for (size_t i = 0; i < batch->release_count; i++) {
        const struct logged *release = &batch->releases[i];
        struct hm_where where = {.release_index = release->index,
                                 .snapshot_index = batch->first + batch->count,
                                 .release = release->raw,
                                 .snapshot = snapshot};
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
        _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(1024);

        HM_TRY(hm_where_write(&where, err, &raw));
        HM_TRY(hm_buf_append_fmt(&path, err, "proofs/%s", release->path));
        HM_TRY(hm_journal_replace(batch->journal, hm_buf_str(&path), hm_buf_bytes(&raw), err));
    }
    return HM_OK;
}

static enum hm_rc write_policy(const struct batch *batch, const char *name,
                               const struct hm_log_policy *policy, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    HM_TRY(hm_log_policy_write(policy, err, &text));
    return hm_journal_add_log(batch->journal, name, hm_buf_bytes(&text), err);
}

static enum hm_rc write_number(const struct batch *batch, const char *name, uint64_t number,
                               struct hm_err *err)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)number);
    return hm_journal_add_log(batch->journal, name, hm_bytes_str(text), err);
}

static enum hm_rc write_log_files(const struct batch *batch, const struct hm_log_memory *memory,
                                  struct hm_err *err)
{
    const struct hm_own_log *log = batch->log;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_LOG_MEMORY_SIZE_MAX);

    HM_TRY(write_number(batch, HM_LOG_STEP_BASE, log->archive > 0 ? 0 : batch->first, err));
    HM_TRY(hm_journal_add_log(batch->journal, HM_LOG_STEP_ENTRIES, hm_buf_bytes(&batch->entries),
                              err));
    HM_TRY(write_policy(batch, HM_LOG_STEP_POLICY, log->word->policy, err));
    if (log->before != NULL)
        HM_TRY(write_policy(batch, HM_LOG_STEP_POLICY_BEFORE, log->before, err));
    if (log->archive > 0)
        HM_TRY(write_number(batch, HM_LOG_STEP_ARCHIVE, log->archive, err));
    if (batch->change->with_root && batch->change->plan->root_along)
        HM_TRY(hm_journal_add_log(batch->journal, HM_LOG_STEP_ROOTS_FIRST, HM_BYTES_EMPTY, err));
    HM_TRY(hm_log_memory_write(memory, err, &raw));
    return hm_journal_remember(batch->journal, HM_LOG_MEMORY_NAME, hm_buf_bytes(&raw), err);
}

/* An auditor verifies the snapshot by the root that is to come, which clients may not see yet. */
static enum hm_rc show_root(const struct batch *batch, struct hm_err *err)
{
    const struct hm_plan *plan = batch->change->plan;
    char path[64];

    if (!batch->change->with_root)
        return HM_OK;
    (void)snprintf(path, sizeof(path), "log/roots/%lld.root.json",
                   (long long)plan->root->document.version);
    return hm_journal_add(batch->journal, &batch->log->site->public_dir, path, plan->root_raw, err);
}

/* A log that succeeds another starts with all that counts in it, at the same places. */
static enum hm_rc copy_known(struct batch *batch, struct hm_err *err)
{
    for (uint64_t i = 0; batch->log->archive > 0 && i < batch->log->memory.size; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);

        HM_TRY(hm_log_entry(batch->log->log, i, err, &raw));
        HM_TRY(hm_tile_bundle_append(&batch->entries, hm_buf_bytes(&raw), err));
    }
    return HM_OK;
}

static enum hm_rc write_all(struct batch *batch, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf snapshot = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    struct hm_log_memory memory;

    HM_TRY(copy_known(batch, err));
    HM_TRY(add_roots(batch, err));
    HM_TRY(add_makers(batch, err));
    HM_TRY(add_releases(batch, err));
    HM_TRY(add_recalls(batch, err));
    HM_TRY(add_snapshot(batch, err, &snapshot, &memory));
    HM_TRY(hm_release_map_flush(batch->map, err));
    HM_TRY(write_where(batch, hm_buf_bytes(&snapshot), err));
    HM_TRY(show_root(batch, err));
    return write_log_files(batch, &memory, err);
}

/* The makers of the tree to come; where targets stays, those of the tree. */
static const struct hm_layout *layout_to_come(const struct hm_plan *plan)
{
    for (size_t i = 0; i < plan->document_count; i++)
        if (strcmp(plan->documents[i].role, "targets") == 0)
            return plan->layout;
    return plan->roles->tree->layout;
}

enum hm_rc hm_log_batch_write(struct hm_own_log *log, const struct hm_log_batch_change *change,
                              struct hm_journal *journal, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_release_store_dir known = {.dir = HM_DIR_INIT};
    struct files files = {.journal = journal};
    struct hm_release_store store = {
        .get = get_file, .put = put_file, .list = list_files, .ctx = &files};
    _hm_done_(batch_done) struct batch batch = {
        .log = log,
        .change = change,
        .layout = layout_to_come(change->plan),
        .journal = journal,
        .entries = HM_BUF_INIT(HM_LOG_STEP_ENTRIES_SIZE_MAX),
        .first = log->archive > 0 ? log->memory.size : log->head.size};
    enum hm_rc rc;

    HM_TRY(hm_dir_open_at(&log->site->public_dir, "log", true, err, &dir));
    known.dir = dir;
    files.known = hm_release_store_in_dir(&known);
    HM_TRY(
        hm_release_map_open(&store, &log->memory.map_root, log->memory.map_count, err, &batch.map));
    rc = write_all(&batch, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "the release log");
}
