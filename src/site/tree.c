/* SPDX-License-Identifier: Apache-2.0 */
/* What a site has published (tree.h). */
#include "site/tree.h"

#define HM_TREE_COMING             "publish/next" /* below private/: the committed journal */
#define HM_TREE_ROOT_COUNT_MAX     65536
#define HM_TREE_DOCUMENT_COUNT_MAX 1048576 /* two roles a maker, two a product */

enum hm_rc hm_tree_file_name(const char *role, int64_t version, struct hm_err *err,
                             struct hm_buf *ret_name)
{
    return hm_buf_append_fmt(ret_name, err, "metadata/%lld.%s.json", (long long)version, role);
}

enum hm_rc hm_tree_image_name(struct hm_bytes path, const struct hm_sha256 *sha256,
                              struct hm_err *err, struct hm_buf *ret_name)
{
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_path parts;
    size_t folder_size;

    HM_TRY(hm_layout_parse_path(path, err, &parts));
    hm_text_hex(hm_bytes_make(sha256->bytes, sizeof(sha256->bytes)), hex);
    folder_size = path.size - parts.file.size;
    HM_TRY(hm_buf_append_str(ret_name, "targets/", err));
    HM_TRY(hm_buf_append(ret_name, hm_bytes_make(path.data, folder_size), err));
    HM_TRY(hm_buf_append_fmt(ret_name, err, "%s.", hex));
    return hm_buf_append(ret_name, parts.file, err);
}

/* In the journal first: what is not there any more has been put in place. */
static enum hm_rc read_file(struct hm_tree *tree, const char *path, size_t size_max,
                            struct hm_err *err, struct hm_bytes *ret_raw)
{
    static const char *const folders[] = {"files", "late"};
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2048);

    for (size_t i = 0; tree->is_coming && i < HM_ARRAY_COUNT(folders); i++) {
        enum hm_rc rc;

        hm_buf_clear(&name);
        HM_TRY(hm_buf_append_fmt(&name, err, HM_TREE_COMING "/%s/%s", folders[i], path));
        rc = hm_site_read(&tree->site->private_dir, hm_buf_str(&name), size_max, &tree->arena, err,
                          ret_raw);
        if (rc != HM_ENOTFOUND)
            return rc;
    }
    return hm_site_read(&tree->site->public_dir, path, size_max, &tree->arena, err, ret_raw);
}

static enum hm_rc read_role(struct hm_tree *tree, const char *role, int64_t version,
                            size_t size_max, struct hm_err *err, struct hm_bytes *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(1024);

    HM_TRY(hm_tree_file_name(role, version, err, &name));
    return read_file(tree, hm_buf_str(&name), size_max, err, ret_raw);
}

/* The chain of roots from version 1. */
static enum hm_rc load_root(struct hm_tree *tree, struct hm_err *err)
{
    for (int64_t version = 1; version <= HM_TREE_ROOT_COUNT_MAX; version++) {
        _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
        struct hm_root *root = NULL;
        struct hm_bytes raw;
        enum hm_rc rc = read_role(tree, "root", version, HM_DOCUMENT_ROOT_SIZE_MAX, err, &raw);

        if (rc == HM_ENOTFOUND)
            return HM_OK;
        if (rc == HM_OK)
            rc = hm_envelope_parse(raw, err, &envelope);
        if (rc == HM_OK && tree->root == NULL)
            rc = hm_root_verify_first(envelope, err, &root);
        else if (rc == HM_OK)
            rc = hm_root_verify_next(tree->root, envelope, err, &root);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'public/metadata/%lld.root.json'", (long long)version);
        hm_root_free(tree->root);
        tree->root = root;
        tree->root_raw = raw;
    }
    return hm_fail(err, HM_EFORMAT, "'public/metadata': more than %d roots",
                   HM_TREE_ROOT_COUNT_MAX);
}

static enum hm_rc load_timestamp(struct hm_tree *tree, struct hm_err *err)
{
    struct hm_signed content;
    enum hm_rc rc = HM_ENOTFOUND;

    if (tree->is_coming)
        rc = hm_site_read(&tree->site->private_dir, HM_TREE_COMING "/timestamp.json",
                          HM_DOCUMENT_TIMESTAMP_SIZE_MAX, &tree->arena, err, &tree->timestamp_raw);
    if (rc == HM_ENOTFOUND)
        rc = hm_site_read(&tree->site->public_dir, "metadata/timestamp.json",
                          HM_DOCUMENT_TIMESTAMP_SIZE_MAX, &tree->arena, err, &tree->timestamp_raw);
    HM_TRY(rc);
    HM_TRY(hm_envelope_parse(tree->timestamp_raw, err, &tree->timestamp_envelope));
    HM_TRY(hm_envelope_verify(tree->timestamp_envelope, &tree->root->roles[HM_ROOT_ROLE_TIMESTAMP],
                              "timestamp", err, &content));
    return hm_timestamp_parse(content, true, err, &tree->timestamp);
}

static enum hm_rc load_snapshot(struct hm_tree *tree, struct hm_err *err)
{
    const struct hm_snapshot_meta *meta = &tree->timestamp->snapshot;
    struct hm_signed content;

    HM_TRY(read_role(tree, "snapshot", meta->version, HM_DOCUMENT_SNAPSHOT_SIZE_MAX, err,
                     &tree->snapshot_raw));
    HM_TRY(hm_document_check_facts(&meta->facts, tree->snapshot_raw, "snapshot", err));
    HM_TRY(hm_envelope_parse(tree->snapshot_raw, err, &tree->snapshot_envelope));
    HM_TRY(hm_envelope_verify(tree->snapshot_envelope, &tree->root->roles[HM_ROOT_ROLE_SNAPSHOT],
                              "snapshot", err, &content));
    return hm_snapshot_parse(content, true, err, &tree->snapshot);
}

/* A document that the snapshot names, verified with keys. */
static enum hm_rc load_document(struct hm_tree *tree, const struct hm_snapshot_meta *meta,
                                const char *role, const struct hm_role_keys *keys,
                                struct hm_err *err, struct hm_tree_document *document)
{
    struct hm_signed content;

    HM_TRY(read_role(tree, role, meta->version, HM_DOCUMENT_TARGETS_SIZE_MAX, err, &document->raw));
    HM_TRY(hm_document_check_facts(&meta->facts, document->raw, role, err));
    HM_TRY(hm_envelope_parse(document->raw, err, &document->envelope));
    HM_TRY(hm_envelope_verify(document->envelope, keys, role, err, &content));
    HM_TRY(hm_targets_parse(content, err, &document->targets));
    document->role = role;
    return HM_OK;
}

static enum hm_rc load_all(struct hm_tree *tree, struct hm_err *err)
{
    const struct hm_snapshot_meta *meta;

    HM_TRY(load_root(tree, err));
    if (tree->root == NULL)
        return HM_OK;
    HM_TRY(load_timestamp(tree, err));
    HM_TRY(load_snapshot(tree, err));
    meta = hm_snapshot_find(tree->snapshot, HM_BYTES_LITERAL("targets"));
    if (meta == NULL)
        return hm_fail(err, HM_EFORMAT, "'snapshot': does not list 'targets'");
    HM_TRY(load_document(tree, meta, "targets", &tree->root->roles[HM_ROOT_ROLE_TARGETS], err,
                         &tree->targets));
    return hm_layout_parse(tree->root, tree->targets.targets, tree->site->config.name, err,
                           &tree->layout);
}

/* ---- what this site knows it published ------------------------------------------------------- */

struct memory {
    struct hm_bytes root, timestamp; /* empty: nothing was published with a memory yet */
};

static enum hm_rc recall(struct hm_tree *tree, const char *path, size_t size_max,
                         struct hm_err *err, struct hm_bytes *ret_raw)
{
    enum hm_rc rc =
        hm_site_read(&tree->site->private_dir, path, size_max, &tree->arena, err, ret_raw);

    return rc == HM_ENOTFOUND ? HM_OK : rc;
}

static enum hm_rc recall_all(struct hm_tree *tree, struct hm_err *err, struct memory *ret_memory)
{
    struct memory memory = {.root = HM_BYTES_EMPTY, .timestamp = HM_BYTES_EMPTY};

    HM_TRY(recall(tree, "published/root.json", HM_DOCUMENT_ROOT_SIZE_MAX, err, &memory.root));
    HM_TRY(recall(tree, "published/timestamp.json", HM_DOCUMENT_TIMESTAMP_SIZE_MAX, err,
                  &memory.timestamp));
    *ret_memory = memory;
    return HM_OK;
}

static bool is_remembered(const struct hm_tree *tree, const struct memory *memory)
{
    return (memory->root.size == 0 || hm_bytes_is_equal(memory->root, tree->root_raw)) &&
           (memory->timestamp.size == 0 ||
            hm_bytes_is_equal(memory->timestamp, tree->timestamp_raw));
}

/* before was read ahead of the public folder. A command without the lock may have met a publish. */
static enum hm_rc check_memory(struct hm_tree *tree, const struct memory *before,
                               struct hm_err *err)
{
    struct memory after;

    if (is_remembered(tree, before))
        return HM_OK;
    HM_TRY(recall_all(tree, err, &after));
    if (!hm_bytes_is_equal(before->root, after.root) ||
        !hm_bytes_is_equal(before->timestamp, after.timestamp))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "it is not what this site published last, so nothing is signed on top of it: "
                   "put the newest tree back from a mirror or backup; where 'private' is what was "
                   "restored, make sure that nothing newer is about, then remove "
                   "'private/published'");
}

static enum hm_rc load_checked(struct hm_tree *tree, struct hm_err *err)
{
    struct memory memory;

    HM_TRY(recall_all(tree, err, &memory));
    /* With the lock: one that waits for witnesses; all others have been rolled forward. */
    tree->is_coming = hm_dir_has(&tree->site->private_dir, HM_TREE_COMING);
    HM_TRY(load_all(tree, err));
    return tree->is_coming ? HM_OK : check_memory(tree, &memory, err);
}

enum hm_rc hm_tree_load(const struct hm_site *site, struct hm_err *err, struct hm_tree **ret_tree)
{
    _hm_free_(hm_tree_free) struct hm_tree *tree = calloc(1, sizeof(*tree));
    enum hm_rc rc;

    if (tree == NULL)
        return hm_error_nomem(err);
    tree->site = site;
    rc = load_checked(tree, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", site->public_dir.path);
    *ret_tree = hm_steal(&tree);
    return HM_OK;
}

static void document_done(struct hm_tree_document *document)
{
    hm_targets_free(document->targets);
    hm_envelope_free(document->envelope);
}

void hm_tree_free(struct hm_tree *tree)
{
    if (tree == NULL)
        return;
    for (size_t i = 0; i < tree->document_count; i++)
        document_done(&tree->documents[i]);
    free(tree->documents);
    hm_layout_free(tree->layout);
    document_done(&tree->targets);
    hm_snapshot_free(tree->snapshot);
    hm_timestamp_free(tree->timestamp);
    hm_envelope_free(tree->snapshot_envelope);
    hm_envelope_free(tree->timestamp_envelope);
    hm_root_free(tree->root);
    hm_arena_done(&tree->arena);
    free(tree);
}

int64_t hm_tree_version(const struct hm_tree *tree, const char *role)
{
    const struct hm_snapshot_meta *meta;

    if (tree->root == NULL)
        return 0;
    if (strcmp(role, "root") == 0)
        return tree->root->document.version;
    if (strcmp(role, "timestamp") == 0)
        return tree->timestamp->document.version;
    if (strcmp(role, "snapshot") == 0)
        return tree->snapshot->document.version;
    meta = hm_snapshot_find(tree->snapshot, hm_bytes_str(role));
    return meta == NULL ? 0 : meta->version;
}

static const struct hm_delegated_role *find_delegation(const struct hm_targets *targets,
                                                       const struct hm_layout *layout,
                                                       struct hm_bytes role)
{
    const struct hm_delegated_role *found;

    if (targets == NULL || layout == NULL)
        return NULL;
    found = hm_targets_find_role(&targets->delegations, role);
    return found != NULL ? found : hm_targets_find_role(&layout->delegations, role);
}

const struct hm_role_keys *hm_tree_keys(const struct hm_root *root,
                                        const struct hm_targets *targets,
                                        const struct hm_layout *layout, const char *role)
{
    const struct hm_delegated_role *delegated;
    struct hm_partition_name name = {.above = hm_bytes_str(role)};

    for (int i = 0; root != NULL && i < HM_ROOT_ROLE_COUNT_; i++)
        if (strcmp(role, hm_root_role_name((enum hm_root_role)i)) == 0)
            return &root->roles[i];
    if (!hm_partition_parse(hm_bytes_str(role), &name))
        name.above = hm_bytes_str(role);
    delegated = find_delegation(targets, layout, name.above);
    return delegated == NULL ? NULL : &delegated->keys;
}

static enum hm_rc add_document(struct hm_tree *tree, const char *role, struct hm_err *err,
                               struct hm_tree_document **ret_document)
{
    size_t count = tree->document_count;
    struct hm_tree_document *grown;
    char *name = hm_arena_strdup(&tree->arena, hm_bytes_str(role));

    if (count >= HM_TREE_DOCUMENT_COUNT_MAX || name == NULL)
        return hm_error_nomem(err);
    if (count == tree->document_capacity) {
        size_t capacity = count == 0 ? 16 : 2 * count;

        grown = reallocarray(tree->documents, capacity, sizeof(*grown));
        if (grown == NULL)
            return hm_error_nomem(err);
        tree->documents = grown;
        tree->document_capacity = capacity;
    }
    grown = tree->documents;
    grown[count] = (struct hm_tree_document){.role = name};
    *ret_document = &grown[count];
    return HM_OK;
}

/* The delegation that a published document must carry: for a product's role, that of the role above
 * as it is published. NULL: nobody's. */
static enum hm_rc find_published(struct hm_tree *tree, const char *role,
                                 const struct hm_partition_name *name, struct hm_err *err,
                                 const struct hm_delegated_role **ret_role)
{
    char above_name[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_targets *above;

    if (name->product.size == 0) {
        *ret_role = find_delegation(tree->targets.targets, tree->layout, hm_bytes_str(role));
        return HM_OK;
    }
    (void)snprintf(above_name, sizeof(above_name), "%.*s", HM_BYTES_FMT(name->above));
    HM_TRY(hm_tree_role(tree, above_name, err, &above, NULL));
    *ret_role = above == NULL ? NULL : hm_partition_find(name->above, above, name->product);
    return HM_OK;
}

static enum hm_rc load_delegated(struct hm_tree *tree, const struct hm_snapshot_meta *meta,
                                 const struct hm_partition_name *name,
                                 const struct hm_delegated_role *delegation, struct hm_err *err,
                                 struct hm_tree_document *document)
{
    HM_TRY(load_document(tree, meta, document->role, &delegation->keys, err, document));
    if (name->product.size > 0)
        return hm_partition_check_product(hm_bytes_str(document->role), document->targets, err);
    return name->above.size > 0 ? hm_partition_check(delegation, document->targets, err) : HM_OK;
}

/* The cached document, with targets NULL where none is published. */
static enum hm_rc find_document(struct hm_tree *tree, const char *role, struct hm_err *err,
                                const struct hm_tree_document **ret_document)
{
    struct hm_tree_document *document = NULL;
    const struct hm_delegated_role *delegation = NULL;
    const struct hm_snapshot_meta *meta;
    struct hm_partition_name name = {.above = HM_BYTES_EMPTY};
    enum hm_rc rc;

    for (size_t i = tree->document_count; i-- > 0;)
        if (strcmp(tree->documents[i].role, role) == 0) {
            *ret_document = &tree->documents[i];
            return HM_OK;
        }
    if (!hm_partition_parse(hm_bytes_str(role), &name))
        name.above = name.product = HM_BYTES_EMPTY;
    meta = tree->root == NULL ? NULL : hm_snapshot_find(tree->snapshot, hm_bytes_str(role));
    if (meta != NULL)
        HM_TRY(find_published(tree, role, &name, err, &delegation));
    HM_TRY(add_document(tree, role, err, &document));
    if (meta != NULL) {
        if (delegation == NULL)
            rc = hm_fail(err, HM_EREFUSED, "'%s': published, but 'targets' names nobody for it",
                         role);
        else
            rc = load_delegated(tree, meta, &name, delegation, err, document);
        if (rc != HM_OK) {
            document_done(document); /* not counted: the next call tries again */
            return rc;
        }
    }
    tree->document_count++;
    *ret_document = document;
    return HM_OK;
}

enum hm_rc hm_tree_part(struct hm_tree *tree, const char *above, struct hm_bytes product,
                        struct hm_err *err, const struct hm_targets **ret_targets)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_targets *targets;

    HM_TRY(hm_tree_role(tree, above, err, &targets, NULL));
    if (targets != NULL && hm_partition_find(hm_bytes_str(above), targets, product) != NULL) {
        hm_partition_role(hm_bytes_str(above), product, role);
        HM_TRY(hm_tree_role(tree, role, err, &targets, NULL));
    }
    *ret_targets = targets;
    return HM_OK;
}

enum hm_rc hm_tree_target(struct hm_tree *tree, const char *above, struct hm_bytes path,
                          struct hm_err *err, const struct hm_target **ret_target)
{
    const struct hm_targets *targets;
    struct hm_path parsed;

    HM_TRY(hm_layout_parse_path(path, err, &parsed));
    HM_TRY(hm_tree_part(tree, above, parsed.product, err, &targets));
    *ret_target = targets == NULL ? NULL : hm_targets_find(targets, path);
    return HM_OK;
}

enum hm_rc hm_tree_each_part(struct hm_tree *tree, const char *above, struct hm_err *err,
                             hm_tree_part_fn *take, void *ctx)
{
    const struct hm_targets *targets, *part;
    const struct hm_envelope *envelope;

    HM_TRY(hm_tree_role(tree, above, err, &targets, &envelope));
    if (targets == NULL)
        return HM_OK;
    HM_TRY(take(ctx, above, targets, envelope, err));
    for (size_t i = 0; i < targets->delegations.role_count; i++) {
        char role[HM_LAYOUT_ROLE_SIZE_MAX];

        (void)snprintf(role, sizeof(role), "%.*s",
                       HM_BYTES_FMT(targets->delegations.roles[i].name));
        HM_TRY(hm_tree_role(tree, role, err, &part, &envelope));
        if (part != NULL)
            HM_TRY(take(ctx, role, part, envelope, err));
    }
    return HM_OK;
}

enum hm_rc hm_tree_role(struct hm_tree *tree, const char *role, struct hm_err *err,
                        const struct hm_targets **ret_targets,
                        const struct hm_envelope **ret_envelope)
{
    const struct hm_tree_document *document;

    HM_TRY(find_document(tree, role, err, &document));
    *ret_targets = document->targets;
    if (ret_envelope != NULL)
        *ret_envelope = document->envelope;
    return HM_OK;
}

enum hm_rc hm_tree_raw(struct hm_tree *tree, const char *role, struct hm_err *err,
                       struct hm_bytes *ret_raw)
{
    const struct hm_tree_document *document;

    if (strcmp(role, "root") == 0) {
        *ret_raw = tree->root_raw;
    } else if (strcmp(role, "targets") == 0) {
        *ret_raw = tree->targets.raw;
    } else {
        HM_TRY(find_document(tree, role, err, &document));
        *ret_raw = document->raw;
    }
    return HM_OK;
}
