/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's release for one site (release.h). */
#include "maker/release.h"

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "exchange/claim.h"
#include "exchange/parts.h"
#include "maker/release_internal.h"

/* ---- what is said of a release -------------------------------------------------------------- */

static enum hm_rc check_date(const char *date, struct hm_err *err)
{
    char text[64];
    int64_t unix_s;

    (void)snprintf(text, sizeof(text), "%.32sT00:00:00Z", date);
    if (strlen(date) != 10 || hm_time_parse(hm_bytes_str(text), &unix_s) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is no date like 2026-01-31", date);
    return HM_OK;
}

/* Members of the maker's own file, but those that an option gives. */
static enum hm_rc write_others(const struct hm_release_words *words, struct hm_json_writer *writer,
                               struct hm_err *err, bool *ret_has_measurements)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes value;
    bool more;

    if (words->custom.size == 0)
        return HM_OK;
    hm_json_init(&json, words->custom, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return hm_json_end(&json, err);
        HM_TRY(hm_json_skip(&json, err, &value));
        if (hm_bytes_is_str(key, "vendor"))
            return hm_fail(err, HM_EFORMAT, "\"vendor\" is the site's alone");
        if ((words->title != NULL && hm_bytes_is_str(key, "title")) ||
            (words->label != NULL && hm_bytes_is_str(key, "label")) ||
            (words->date != NULL && hm_bytes_is_str(key, "date")) ||
            (words->device_count > 0 && hm_bytes_is_str(key, "devices")))
            continue;
        if (hm_bytes_is_str(key, "measurements"))
            *ret_has_measurements = true;
        hm_json_writer_key_bytes(writer, key);
        hm_json_writer_raw(writer, value);
    }
}

enum hm_rc hm_release_custom(const struct hm_release_words *words, struct hm_err *err,
                             struct hm_buf *ret_custom)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4 * HM_LAYOUT_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_LAYOUT_CUSTOM_SIZE_MAX);
    struct hm_json_writer writer;
    bool has_measurements = false;
    enum hm_rc rc;

    if (words->date != NULL)
        HM_TRY(check_date(words->date, err));
    hm_json_writer_init(&writer, &buf, false);
    hm_json_writer_object_begin(&writer);
    if (words->title != NULL)
        hm_json_writer_key_str(&writer, "title", words->title);
    if (words->label != NULL)
        hm_json_writer_key_str(&writer, "label", words->label);
    if (words->date != NULL)
        hm_json_writer_key_str(&writer, "date", words->date);
    if (words->device_count > 0) {
        hm_json_writer_key(&writer, "devices");
        hm_json_writer_array_begin(&writer);
        for (size_t i = 0; i < words->device_count; i++)
            hm_json_writer_str(&writer, words->devices[i]);
        hm_json_writer_array_end(&writer);
    }
    rc = write_others(words, &writer, err, &has_measurements);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "--custom");
    if (words->measurements.size > 0 && !has_measurements) {
        hm_json_writer_key(&writer, "measurements");
        hm_json_writer_raw(&writer, words->measurements);
    }
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    if (hm_bytes_is_str(hm_buf_bytes(&buf), "{}"))
        return HM_OK;
    rc = hm_json_canonicalise(hm_buf_bytes(&buf), err, &canonical);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "what is said of the release (custom)");
    /* What is signed is canonical, but what stands in a file must be JSON: text with control
     * characters would not be both. */
    for (size_t i = 0; i < canonical.size; i++) {
        if (canonical.data[i] < 0x20)
            return hm_fail(err, HM_EFORMAT,
                           "what is said of the release (custom) has control characters");
    }
    return hm_buf_append(ret_custom, hm_buf_bytes(&canonical), err);
}

enum hm_rc hm_release_name(const struct hm_folder *folder, const char *product, const char *version,
                           struct hm_err *err, struct hm_buf *ret_name)
{
    if (!hm_text_is_name(hm_bytes_str(product)) || !hm_text_is_name(hm_bytes_str(version)))
        return hm_fail(
            err, HM_EFORMAT,
            "'%s': a %s is lower-case letters, digits and ._+-, starts with a letter or "
            "digit, and has at most %d bytes%s",
            hm_text_is_name(hm_bytes_str(product)) ? version : product,
            hm_text_is_name(hm_bytes_str(product)) ? "version" : "product", HM_TEXT_NAME_SIZE_MAX,
            hm_text_is_name(hm_bytes_str(product)) ? "; --label keeps the version as it is printed"
                                                   : "");
    return hm_buf_append_fmt(ret_name, err, "%s/%s/%s", folder->maker, product, version);
}

/* ---- was it signed before? ------------------------------------------------------------------ */

enum before {
    BEFORE_NEVER,
    BEFORE_SAME,   /* the same files, and the same words */
    BEFORE_REWORD, /* the same files, other words */
};

static bool is_of_release(const struct hm_target *target, const char *release)
{
    size_t size = strlen(release);

    return target->path.size > size && hm_bytes_has_prefix(target->path, hm_bytes_str(release)) &&
           target->path.data[size] == '/';
}

/* The files of the release in one version of maker~ID against those ordered. */
static enum hm_rc compare_version(const struct hm_targets *targets,
                                  const struct hm_release_order *order, struct hm_err *err,
                                  enum before *ret_before)
{
    const struct hm_images *images = order->images;
    enum before before = BEFORE_SAME;
    size_t count = 0;

    for (size_t i = 0; i < targets->target_count; i++) {
        if (is_of_release(&targets->targets[i], images->release))
            count++;
    }
    if (count == 0) {
        *ret_before = BEFORE_NEVER;
        return HM_OK;
    }
    for (size_t i = 0; i < images->count; i++) {
        const struct hm_release_image *image = &images->items[i];
        const struct hm_target *target = hm_targets_find(targets, hm_bytes_str(image->path));

        if (target == NULL || target->facts.length != image->size ||
            !hm_digest_is_equal(&target->facts.sha256, &image->sha256) || count != images->count)
            return hm_fail(
                err, HM_EREFUSED,
                "'%s' was signed before with other files (see '%s' in version %lld of what "
                "was signed for this site); a version is never used again for other "
                "bytes: give this one another version",
                images->release, image->path, (long long)targets->document.version);
        if (!hm_bytes_is_equal(target->custom, order->custom))
            before = BEFORE_REWORD;
    }
    *ret_before = before;
    return HM_OK;
}

/* The product of "ID/PRODUCT/VERSION", if newest gives it a role of its own; else NULL. */
static enum hm_rc find_product(const struct hm_folder *folder, const struct hm_targets *newest,
                               const char *release, struct hm_arena *arena, struct hm_err *err,
                               const char **ret_product)
{
    const char *start = strchr(release, '/');
    struct hm_bytes product;
    char *copy;

    *ret_product = NULL;
    if (newest == NULL || start == NULL)
        return HM_OK;
    product = hm_bytes_make(start + 1, strcspn(start + 1, "/"));
    if (hm_partition_find(hm_bytes_str(folder->role), newest, product) == NULL)
        return HM_OK;
    copy = hm_arena_strdup(arena, product);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_product = copy;
    return HM_OK;
}

/* Over all versions kept of the role that lists the product; the newest that has the release
 * decides about the words. What a product's role goes on from holds all that was listed before. */
static enum hm_rc check_before(const struct hm_folder *folder, const char *site,
                               const struct hm_targets *newest,
                               const struct hm_release_order *order, struct hm_err *err,
                               enum before *ret_before)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    enum before before = BEFORE_NEVER;
    const char *product;
    int64_t *versions;
    size_t count;

    HM_TRY(find_product(folder, newest, order->images->release, &arena, err, &product));
    HM_TRY(hm_folder_product_versions(folder, site, product, &arena, err, &versions, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_folder_signed_done) struct hm_folder_signed kept = HM_FOLDER_SIGNED_INIT;
        enum before found = BEFORE_NEVER;

        HM_TRY(hm_folder_product_version(folder, site, product, versions[i], err, &kept));
        HM_TRY(compare_version(kept.targets, order, err, &found));
        if (found != BEFORE_NEVER)
            before = found;
    }
    *ret_before = before;
    return HM_OK;
}

/* ---- drafting ------------------------------------------------------------------------------- */

/* Where a product's role goes on from. */
struct base {
    const struct hm_folder *folder;
    const char *site;
};

static enum hm_rc load_base(void *ctx, const char *role, struct hm_err *err,
                            struct hm_targets **ret_targets)
{
    const struct base *base = ctx;
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    const char *product = hm_release_product(base->folder, role);

    HM_TRY(hm_folder_product_newest(base->folder, base->site, product, err, &newest));
    if (newest.targets == NULL)
        return hm_fail(err, HM_EFORMAT,
                       "'%s/sites/%s/products/%s': its documents are missing; restore the folder "
                       "from a backup",
                       base->folder->dir.path, base->site, product);
    return hm_targets_copy(newest.targets, err, ret_targets);
}

static enum hm_rc put_images(struct hm_parts *parts, const struct hm_release_order *order,
                             struct hm_err *err)
{
    for (size_t i = 0; order->images != NULL && i < order->images->count; i++) {
        const struct hm_release_image *image = &order->images->items[i];
        struct hm_target target = {.path = hm_bytes_str(image->path), .custom = order->custom};

        target.facts.length = image->size;
        target.facts.has_length = true;
        target.facts.sha256 = image->sha256;
        target.facts.has_sha256 = true;
        HM_TRY(hm_parts_put(parts, &target, err));
    }
    return HM_OK;
}

static enum hm_rc set_claim(const struct hm_folder *folder, const char *site, const char *product,
                            struct hm_targets *targets, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(4096);
    struct hm_claim claim = {.site = site,
                             .maker = folder->maker,
                             .product = product,
                             .identity_version = folder->identity->version,
                             .identity_sha256 = folder->identity->sha256};

    HM_TRY(hm_claim_write(&claim, err, &json));
    return hm_targets_set_x_hallmark(targets, hm_buf_bytes(&json), err);
}

/* The next maker~ID and roles of products: those that change. */
static enum hm_rc make_next(const struct hm_folder *folder, const char *site,
                            const struct hm_folder_signed *newest,
                            const struct hm_release_order *order, struct base *base,
                            struct hm_err *err, struct hm_parts *parts)
{
    struct hm_targets *content = NULL;

    if (newest->targets == NULL)
        HM_TRY(hm_targets_new(err, &content));
    else
        HM_TRY(hm_targets_copy(newest->targets, err, &content));
    HM_TRY(hm_parts_open(parts, folder->role, content, folder->flat_max, load_base, base, err));
    HM_TRY(put_images(parts, order, err));
    HM_TRY(hm_parts_divide(parts, err));
    /* Each document names the identity it was signed under: a new one signs all of them. */
    if (order->images == NULL || newest->targets == NULL ||
        newest->identity_version != folder->identity->version)
        HM_TRY(hm_parts_touch(parts, err));
    if (parts->items[0].changed)
        HM_TRY(hm_parts_seal(parts, &folder->identity->keys, err));
    return HM_OK;
}

/* True if drafts of just these images wait already. */
static enum hm_rc is_waiting(const struct hm_dir *drafts, const struct hm_release_order *order,
                             struct hm_err *err, bool *ret_any, bool *ret_same)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    const char **roles;
    size_t count;
    enum hm_rc rc;

    *ret_same = false;
    HM_TRY(hm_draft_list(drafts, &arena, err, &roles, &count));
    *ret_any = count > 0;
    if (count == 0)
        return HM_OK;
    rc = hm_images_load(drafts, err, &images);
    if (rc == HM_ENOTFOUND) {
        *ret_same = order->images == NULL;
        return HM_OK;
    }
    HM_TRY(rc);
    *ret_same = order->images != NULL && hm_images_is_same(images, order->images);
    return HM_OK;
}

static enum hm_rc put_draft(const struct hm_folder *folder, const char *site,
                            const struct hm_dir *dir, const struct hm_release_order *order,
                            const struct hm_parts_item *item, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    struct hm_targets *next = item->next;

    if (next->document.version == INT64_MAX)
        return hm_fail(err, HM_EREFUSED, "'%s': there is no version after %lld", item->role,
                       (long long)next->document.version);
    next->document.version++;
    next->document.expires_unix_s = order->expires_unix_s;
    HM_TRY(set_claim(folder, site, item->product, next, err));
    if (item->product == NULL)
        HM_TRY(hm_submission_check_targets(next, site, folder->identity, err));
    else
        HM_TRY(hm_submission_check_product(item->role, next, site, folder->identity, err));
    HM_TRY(hm_targets_write(next, err, &canonical));
    return hm_draft_put(dir, item->role, hm_buf_bytes(&canonical), err);
}

/* All drafts of a site and images.json appear at once, in place of those before: a part of them
 * would pass for a release of its own. */
static enum hm_rc save(const struct hm_folder *folder, const char *site,
                       const struct hm_release_order *order, const struct hm_parts *parts,
                       struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    char path[HM_LAYOUT_ID_SIZE_MAX + 32], fresh[HM_LAYOUT_ID_SIZE_MAX + 32];

    (void)snprintf(path, sizeof(path), "drafts/%s", site);
    (void)snprintf(fresh, sizeof(fresh), "drafts/%s.tmp", site); /* no site has such a name */
    HM_TRY(hm_dir_remove_tree(&folder->dir, fresh, err));
    HM_TRY(hm_dir_open_at(&folder->dir, fresh, true, err, &dir));
    if (order->images != NULL)
        HM_TRY(hm_images_save(order->images, &dir, err));
    for (size_t i = 0; i < parts->count; i++)
        if (parts->items[i].changed)
            HM_TRY(put_draft(folder, site, &dir, order, &parts->items[i], err));
    HM_TRY(hm_dir_remove_tree(&folder->dir, path, err));
    return hm_dir_rename(&folder->dir, fresh, &folder->dir, path, err);
}

enum hm_rc hm_release_draft(const struct hm_folder *folder, const char *site,
                            const struct hm_release_order *order, struct hm_err *err,
                            enum hm_release_outcome *ret_outcome)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_parts_done) struct hm_parts parts = HM_PARTS_INIT;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    struct base base = {.folder = folder, .site = site};
    enum before before = BEFORE_NEVER;
    bool waiting;
    bool same;

    HM_TRY(hm_folder_need_identity(folder, err));
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    HM_TRY(hm_folder_newest(folder, site, err, &newest));
    if (order->images != NULL)
        HM_TRY(check_before(folder, site, newest.targets, order, err, &before));
    HM_TRY(is_waiting(&drafts, order, err, &waiting, &same));
    if (waiting && same && !order->replace) {
        *ret_outcome = HM_RELEASE_RESUMED;
        return HM_OK;
    }
    if (before == BEFORE_SAME && newest.identity_version == folder->identity->version) {
        *ret_outcome = HM_RELEASE_SAME;
        return HM_OK;
    }
    if (waiting && !order->replace)
        return hm_fail(
            err, HM_EAGAIN,
            "site '%s': another draft waits for signatures; 'hallmark maker attach' them "
            "first, or drop that draft with --replace",
            site);
    if (order->images == NULL && newest.targets == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing was ever signed for site '%s'", site);
    HM_TRY(make_next(folder, site, &newest, order, &base, err, &parts));
    HM_TRY(save(folder, site, order, &parts, err));
    *ret_outcome = HM_RELEASE_DRAFTED;
    return HM_OK;
}
