/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting a bundle, in the order of its members (customer/bundle.h). */
#include "customer/pack.h"

#include <inttypes.h>

#include "base/lock.h"
#include "base/text.h"
#include "trust/partition.h"

struct pack {
    struct hm_subscription *subscription;
    const struct hm_catalogue *catalogue;
    const struct hm_get_events *events;
    struct hm_dir dir; /* where the bundle goes */
    const char *name;
    char *images; /* the folder that images pass through, below dir */
    struct hm_bundle_writer writer;
    struct hm_pack_counts counts;
};

static void pack_done(struct pack *pack)
{
    if (pack->images != NULL && pack->dir.fd >= 0) {
        HM_UNUSED enum hm_rc tidied = hm_dir_remove_tree(&pack->dir, pack->images, NULL);
    }
    free(pack->images);
    hm_bundle_writer_done(&pack->writer);
    hm_dir_done(&pack->dir);
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* Adds bytes under the name that a client asks for: with the version where files have one. */
static enum hm_rc add_metadata(struct pack *pack, struct hm_bytes role, int64_t version,
                               struct hm_bytes raw, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(4096);

    HM_TRY(hm_buf_append_str(&name, "metadata/", err));
    if (version > 0)
        HM_TRY(hm_buf_append_fmt(&name, err, "%" PRId64 ".", version));
    HM_TRY(hm_text_percent(&name, role, err));
    HM_TRY(hm_buf_append_str(&name, ".json", err));
    HM_TRY(hm_bundle_writer_add(&pack->writer, hm_buf_str(&name), raw, err));
    pack->counts.roles++;
    return HM_OK;
}

static int64_t served_version(const struct pack *pack, int64_t version)
{
    return hm_client_root(pack->subscription->client)->consistent_snapshot ? version : 0;
}

/* One root, signed by the one before. Takes raw's place in *last. */
static enum hm_rc add_root(struct pack *pack, int64_t version, struct hm_err *err,
                           struct hm_buf *raw, struct hm_root **last)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    const struct hm_client_source *objects = &pack->subscription->objects;
    struct hm_root *next = NULL;
    char path[64];

    (void)snprintf(path, sizeof(path), "metadata/%" PRId64 ".root.json", version); /* fits */
    HM_TRY(objects->get(objects->ctx, path, err, raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(raw), err, &envelope));
    if (*last == NULL)
        HM_TRY(hm_root_verify_first(envelope, err, &next));
    else
        HM_TRY(hm_root_verify_next(*last, envelope, err, &next));
    hm_root_free(*last);
    *last = next;
    return add_metadata(pack, HM_BYTES_LITERAL("root"), version, hm_buf_bytes(raw), err);
}

/* All roots: whoever imports may have trusted any of them. The last is the one trusted here. */
static enum hm_rc add_roots(struct pack *pack, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_free_(hm_root_free) struct hm_root *last = NULL;
    int64_t newest = hm_client_root(pack->subscription->client)->document.version;

    for (int64_t version = 1; version <= newest; version++) {
        hm_buf_clear(&raw);
        HM_TRY(add_root(pack, version, err, &raw, &last));
    }
    HM_TRY(hm_dir_read(&pack->subscription->metadata, "root.json", err, &held));
    if (!hm_bytes_is_equal(hm_buf_bytes(&held), hm_buf_bytes(&raw)))
        return hm_fail(err, HM_EMISMATCH,
                       "'root': the site serves another version %" PRId64 " than is trusted here",
                       newest);
    return HM_OK;
}

static enum hm_rc fail_changed(struct hm_err *err)
{
    return hm_fail(err, HM_EAGAIN, "another command refreshed the site meanwhile: try again");
}

/* The stored timestamp, if it is the one that this refresh ended with. */
static enum hm_rc add_timestamp(struct pack *pack, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_timestamp_free) struct hm_timestamp *timestamp = NULL;
    const struct hm_client *client = pack->subscription->client;
    struct hm_signed document;

    HM_TRY(hm_dir_read(&pack->subscription->metadata, "timestamp.json", err, &raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &hm_client_root(client)->roles[HM_ROOT_ROLE_TIMESTAMP],
                              "timestamp", err, &document));
    HM_TRY(hm_timestamp_parse(document, true, err, &timestamp));
    if (timestamp->document.version != hm_client_timestamp(client)->document.version)
        return fail_changed(err);
    return add_metadata(pack, HM_BYTES_LITERAL("timestamp"), 0, hm_buf_bytes(&raw), err);
}

/* A stored top-level role, if it is the one that meta names. */
static enum hm_rc add_top(struct pack *pack, const char *role, const struct hm_snapshot_meta *meta,
                          size_t size_max, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(size_max);
    char file[64];

    (void)snprintf(file, sizeof(file), "%s.json", role); /* our own short names */
    HM_TRY(hm_dir_read(&pack->subscription->metadata, file, err, &raw));
    if (hm_document_check_facts(&meta->facts, hm_buf_bytes(&raw), role, NULL) != HM_OK)
        return fail_changed(err);
    return add_metadata(pack, hm_bytes_str(role), served_version(pack, meta->version),
                        hm_buf_bytes(&raw), err);
}

static enum hm_rc add_role(struct pack *pack, const char *role, struct hm_buf *raw,
                           struct hm_err *err)
{
    const struct hm_client *client = pack->subscription->client;
    const struct hm_snapshot_meta *meta =
        hm_snapshot_find(hm_client_snapshot(client), hm_bytes_str(role));

    if (meta == NULL)
        return HM_OK;
    HM_TRY(hm_client_role_unverified(client, meta->name, err, raw));
    return add_metadata(pack, meta->name, served_version(pack, meta->version), hm_buf_bytes(raw),
                        err);
}

/* A side of a maker: the role above, and those of its products that were asked for. */
static enum hm_rc add_side(struct pack *pack, const struct hm_standing *standing, const char *above,
                           bool is_maker, struct hm_buf *raw, struct hm_err *err)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    HM_TRY(add_role(pack, above, raw, err));
    for (size_t i = 0; i < standing->product_count; i++) {
        const struct hm_product *product = &standing->products[i];
        bool is_own = is_maker ? product->maker_role != standing->maker_role
                               : product->release != standing->release;

        if (product->rc != HM_OK || !is_own)
            continue;
        hm_partition_role(hm_bytes_str(above), product->name, role);
        HM_TRY(add_role(pack, role, raw, err));
    }
    return HM_OK;
}

static enum hm_rc add_roles(struct pack *pack, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    const struct hm_layout *layout = pack->subscription->layout;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    HM_TRY(add_role(pack, "recalls~" HM_RECALL_VENDOR, &raw, err));
    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_standing *standing = &pack->subscription->standings[i];

        if (!standing->is_judged || standing->rc != HM_OK)
            continue;
        hm_layout_release_role(hm_bytes_str(layout->makers[i].id), role);
        HM_TRY(add_side(pack, standing, role, false, &raw, err));
        if (layout->makers[i].is_attested)
            continue;
        hm_layout_maker_role(hm_bytes_str(layout->makers[i].id), role);
        HM_TRY(add_side(pack, standing, role, true, &raw, err));
        (void)snprintf(role, sizeof(role), "recalls~%s", layout->makers[i].id); /* fits */
        HM_TRY(add_role(pack, role, &raw, err));
    }
    return HM_OK;
}

static enum hm_rc add_identities(struct pack *pack, struct hm_err *err)
{
    const struct hm_layout *layout = pack->subscription->layout;

    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &layout->makers[i];
        const struct hm_standing *standing = &pack->subscription->standings[i];

        if (!standing->is_judged || standing->rc != HM_OK || maker->is_attested)
            continue;
        for (int64_t version = 1; version <= maker->identity_version; version++) {
            _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
            char path[128];

            (void)snprintf(path, sizeof(path), "makers/%s/%" PRId64 ".identity", maker->id,
                           version); /* an ID is short */
            HM_TRY(hm_dir_read(&pack->subscription->dir, path, err, &raw));
            HM_TRY(hm_bundle_writer_add(&pack->writer, path, hm_buf_bytes(&raw), err));
            pack->counts.identities++;
        }
    }
    return HM_OK;
}

/* ---- the release log ------------------------------------------------------------------------- */

/* All hashes of the log: whoever imports may have seen any size of it. */
static enum hm_rc add_tiles(struct pack *pack, struct hm_err *err)
{
    const struct hm_release_log *log = pack->subscription->log;
    const struct hm_tile_reader *reader = hm_log_tiles_reader(log->tiles);
    uint64_t size = log->checkpoint->body.size;

    for (unsigned level = 0; level <= HM_TILE_LEVEL_MAX; level++) {
        for (uint64_t index = 0;; index++) {
            struct hm_tile tile = hm_tile_make(HM_TILE_HASHES, level, index, size);
            char path[HM_TILE_PATH_SIZE + 8] = "log/";
            struct hm_bytes bytes;

            if (tile.width == 0)
                break;
            hm_tile_path(&tile, path + strlen(path));
            HM_TRY(reader->get(reader->ctx, &tile, err, &bytes));
            HM_TRY(hm_bundle_writer_add(&pack->writer, path, bytes, err));
            hm_log_tiles_rest(log->tiles);
        }
    }
    return HM_OK;
}

static enum hm_rc add_where(struct pack *pack, const struct hm_catalogue_item *item,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(4096);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    const struct hm_release_proof *proof = NULL;

    HM_TRY(hm_release_log_prove(pack->subscription, &item->file, err, &proof));
    HM_TRY(hm_where_write(proof->where, err, &raw));
    HM_TRY(hm_buf_append_str(&name, "proofs/", err));
    HM_TRY(hm_text_percent_path(&name, hm_bytes_str(proof->release->path), err));
    return hm_bundle_writer_add(&pack->writer, hm_buf_str(&name), hm_buf_bytes(&raw), err);
}

static bool is_same_release(const struct hm_catalogue_item *a, const struct hm_catalogue_item *b)
{
    return a != NULL && hm_bytes_is_equal(a->file.path.id, b->file.path.id) &&
           hm_bytes_is_equal(a->file.path.product, b->file.path.product) &&
           hm_bytes_is_equal(a->file.path.version, b->file.path.version);
}

static enum hm_rc add_log(struct pack *pack, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    const struct hm_release_log *log = pack->subscription->log;
    const struct hm_catalogue_item *last = NULL;

    if (log->proof == NULL)
        return HM_OK;
    HM_TRY(add_tiles(pack, err));
    HM_TRY(hm_proof_write(log->proof, err, &raw));
    HM_TRY(hm_bundle_writer_add(&pack->writer, "proofs/" HM_RELEASE_LOG_PROOF_NAME,
                                hm_buf_bytes(&raw), err));
    for (size_t i = 0; i < pack->catalogue->item_count; i++) {
        const struct hm_catalogue_item *item = &pack->catalogue->items[i];

        if (item->rc != HM_OK || is_same_release(last, item))
            continue;
        HM_TRY(add_where(pack, item, err));
        last = item;
    }
    return HM_OK;
}

/* Under the site's lock: what is packed is what this refresh verified. */
static enum hm_rc add_verified(struct pack *pack, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    const struct hm_client *client = pack->subscription->client;
    const struct hm_snapshot_meta *targets;

    HM_TRY(hm_lock_take(&pack->subscription->dir, "lock", HM_HOME_LOCK_WAIT_MS, err, &lock));
    HM_TRY(add_roots(pack, err));
    HM_TRY(add_timestamp(pack, err));
    HM_TRY(add_top(pack, "snapshot", &hm_client_timestamp(client)->snapshot,
                   HM_DOCUMENT_SNAPSHOT_SIZE_MAX, err));
    targets = hm_snapshot_find(hm_client_snapshot(client), HM_BYTES_LITERAL("targets"));
    HM_ASSERT(targets != NULL);
    HM_TRY(add_top(pack, "targets", targets, HM_DOCUMENT_TARGETS_SIZE_MAX, err));
    HM_TRY(add_roles(pack, err));
    return add_identities(pack, err);
}

/* ---- images ---------------------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
    const struct hm_catalogue_item *const *left = a;
    const struct hm_catalogue_item *const *right = b;

    return memcmp((*left)->file.sha256.bytes, (*right)->file.sha256.bytes, HM_SHA256_SIZE);
}

static enum hm_rc add_image(struct pack *pack, const struct hm_dir *images,
                            const struct hm_catalogue_item *item, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    char name[HM_SHA256_HEX_SIZE];
    uint64_t size;

    hm_text_hex(hm_bytes_make(item->file.sha256.bytes, HM_SHA256_SIZE), name);
    HM_TRY(hm_get_file(item, images, name, pack->events, err));
    HM_TRY(hm_dir_open_file(images, name, err, &fd, &size));
    if (size != item->file.length)
        return hm_fail(err, HM_EIO, "'%s/%s' changed while it was read", images->path, name);
    HM_TRY(hm_bundle_writer_add_image(&pack->writer, &item->file.sha256, fd, size, err));
    pack->counts.images++;
    pack->counts.image_bytes += size;
    return hm_dir_remove(images, name, err);
}

static enum hm_rc add_images(struct pack *pack, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_dir_done) struct hm_dir images = HM_DIR_INIT;
    const struct hm_catalogue_item **sorted = hm_arena_alloc(
        &arena, pack->catalogue->item_count, sizeof(const struct hm_catalogue_item *));
    size_t count = 0;

    if (sorted == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < pack->catalogue->item_count; i++) {
        if (pack->catalogue->items[i].rc == HM_OK)
            sorted[count++] = &pack->catalogue->items[i];
    }
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), compare_items);
    HM_TRY(hm_dir_open_at(&pack->dir, pack->images, true, err, &images));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_items(&sorted[i - 1], &sorted[i]) != 0)
            HM_TRY(add_image(pack, &images, sorted[i], err));
    }
    return HM_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum hm_rc open_place(struct pack *pack, const char *path, struct hm_err *err)
{
    const char *slash = strrchr(path, '/');
    _hm_free_(free) char *folder =
        slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));

    if (folder == NULL)
        return hm_error_nomem(err);
    pack->name = slash == NULL ? path : slash + 1;
    if (!hm_dir_is_safe_path(pack->name))
        return hm_fail(err, HM_EUSAGE, "'%s' names no file to write", path);
    HM_TRY(hm_dir_open(folder, err, &pack->dir));
    return asprintf(&pack->images, ".%s.images", pack->name) < 0 ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_pack_run(struct hm_subscription *subscription, const struct hm_catalogue *catalogue,
                       const char *const *patterns, size_t pattern_count, const char *path,
                       const struct hm_get_events *events, struct hm_err *err,
                       struct hm_pack_counts *ret_counts)
{
    _hm_done_(pack_done) struct pack pack = {
        .subscription = subscription,
        .catalogue = catalogue,
        .events = events,
        .dir = HM_DIR_INIT,
        .writer = HM_BUNDLE_WRITER_INIT,
    };
    struct hm_bundle_head head = {
        .site = subscription->name,
        .created_unix_s = subscription->now_unix_s,
        .refreshed_unix_s = subscription->refreshed_unix_s,
        .expires_unix_s = hm_client_timestamp(subscription->client)->document.expires_unix_s,
        .pattern_count = pattern_count,
    };

    HM_ASSERT(pattern_count > 0);
    if (pattern_count > HM_BUNDLE_PATTERN_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d patterns", HM_BUNDLE_PATTERN_COUNT_MAX);
    head.patterns = hm_arena_alloc(&subscription->arena, pattern_count, sizeof(const char *));
    if (head.patterns == NULL)
        return hm_error_nomem(err);
    memcpy(head.patterns, patterns, pattern_count * sizeof(const char *));
    HM_TRY(open_place(&pack, path, err));
    HM_TRY(hm_bundle_writer_open(&pack.dir, pack.name, &head, err, &pack.writer));
    HM_TRY(add_verified(&pack, err));
    HM_TRY(add_log(&pack, err));
    HM_TRY(add_images(&pack, err));
    HM_TRY(hm_bundle_writer_commit(&pack.writer, err));
    *ret_counts = pack.counts;
    return HM_OK;
}
