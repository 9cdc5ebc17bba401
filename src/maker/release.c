/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's release for one site (release.h). */
#include "maker/release.h"

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "exchange/claim.h"
#include "maker/package.h"

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
                               struct hm_err *err)
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
    rc = write_others(words, &writer, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "--custom");
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
        const struct hm_image *image = &images->items[i];
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

/* Over all versions kept; the newest that has the release decides about the words. */
static enum hm_rc check_before(const struct hm_folder *folder, const char *site,
                               const struct hm_release_order *order, struct hm_err *err,
                               enum before *ret_before)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    enum before before = BEFORE_NEVER;
    int64_t *versions;
    size_t count;

    HM_TRY(hm_folder_versions(folder, site, &arena, err, &versions, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_folder_signed_done) struct hm_folder_signed kept = HM_FOLDER_SIGNED_INIT;
        enum before found = BEFORE_NEVER;

        HM_TRY(hm_folder_version(folder, site, versions[i], err, &kept));
        HM_TRY(compare_version(kept.targets, order, err, &found));
        if (found != BEFORE_NEVER)
            before = found;
    }
    *ret_before = before;
    return HM_OK;
}

/* ---- drafting ------------------------------------------------------------------------------- */

static enum hm_rc put_images(struct hm_targets *targets, const struct hm_release_order *order,
                             struct hm_err *err)
{
    for (size_t i = 0; order->images != NULL && i < order->images->count; i++) {
        const struct hm_image *image = &order->images->items[i];
        struct hm_target target = {.path = hm_bytes_str(image->path), .custom = order->custom};

        target.facts.length = image->size;
        target.facts.has_length = true;
        target.facts.sha256 = image->sha256;
        target.facts.has_sha256 = true;
        HM_TRY(hm_targets_put(targets, &target, err));
    }
    return HM_OK;
}

static enum hm_rc set_claim(const struct hm_folder *folder, const char *site,
                            struct hm_targets *targets, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(4096);
    struct hm_claim claim = {.site = site,
                             .maker = folder->maker,
                             .identity_version = folder->identity->version,
                             .identity_sha256 = folder->identity->sha256};

    HM_TRY(hm_claim_write(&claim, err, &json));
    return hm_targets_set_x_hallmark(targets, hm_buf_bytes(&json), err);
}

/* The canonical bytes of the next maker~ID. */
static enum hm_rc make_next(const struct hm_folder *folder, const char *site,
                            const struct hm_targets *newest, const struct hm_release_order *order,
                            struct hm_err *err, struct hm_buf *ret_canonical)
{
    _hm_free_(hm_targets_free) struct hm_targets *next = NULL;

    if (newest == NULL)
        HM_TRY(hm_targets_new(err, &next));
    else
        HM_TRY(hm_targets_copy(newest, err, &next));
    if (newest != NULL && newest->document.version == INT64_MAX)
        return hm_fail(err, HM_EREFUSED, "'%s': there is no version after %lld", folder->role,
                       (long long)newest->document.version);
    next->document.version = newest == NULL ? 1 : newest->document.version + 1;
    next->document.expires_unix_s = order->expires_unix_s;
    HM_TRY(put_images(next, order, err));
    HM_TRY(set_claim(folder, site, next, err));
    HM_TRY(hm_submission_check_targets(next, site, folder->identity, err));
    return hm_targets_write(next, err, ret_canonical);
}

/* True if a draft of just these images waits already. */
static enum hm_rc is_waiting(const struct hm_dir *drafts, const char *role,
                             const struct hm_release_order *order, struct hm_err *err,
                             bool *ret_any, bool *ret_same)
{
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    enum hm_rc rc = hm_draft_load(drafts, role, err, &draft);

    *ret_any = false;
    *ret_same = false;
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    *ret_any = true;
    rc = hm_images_load(drafts, err, &images);
    if (rc == HM_ENOTFOUND) {
        *ret_same = order->images == NULL;
        return HM_OK;
    }
    HM_TRY(rc);
    *ret_same = order->images != NULL && hm_images_is_same(images, order->images);
    return HM_OK;
}

/* images.json first, the draft last: a draft always has its images. */
static enum hm_rc save(const struct hm_folder *folder, const struct hm_dir *drafts,
                       const struct hm_release_order *order, struct hm_bytes canonical,
                       struct hm_err *err)
{
    HM_TRY(hm_draft_remove(drafts, folder->role, err));
    if (order->images != NULL)
        HM_TRY(hm_images_save(order->images, drafts, err));
    else
        HM_TRY(hm_images_remove(drafts, err));
    return hm_draft_put(drafts, folder->role, canonical, err);
}

enum hm_rc hm_release_draft(const struct hm_folder *folder, const char *site,
                            const struct hm_release_order *order, struct hm_err *err,
                            enum hm_release_outcome *ret_outcome)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    enum before before = BEFORE_NEVER;
    bool waiting;
    bool same;

    HM_TRY(hm_folder_need_identity(folder, err));
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    if (order->images != NULL)
        HM_TRY(check_before(folder, site, order, err, &before));
    HM_TRY(is_waiting(&drafts, folder->role, order, err, &waiting, &same));
    if (waiting && same && !order->replace) {
        *ret_outcome = HM_RELEASE_RESUMED;
        return HM_OK;
    }
    HM_TRY(hm_folder_newest(folder, site, err, &newest));
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
    HM_TRY(make_next(folder, site, newest.targets, order, err, &canonical));
    HM_TRY(save(folder, &drafts, order, hm_buf_bytes(&canonical), err));
    *ret_outcome = HM_RELEASE_DRAFTED;
    return HM_OK;
}

/* ---- signatures ----------------------------------------------------------------------------- */

static struct hm_draft_need need_of(const struct hm_folder *folder)
{
    return (struct hm_draft_need){.groups = {&folder->identity->keys}, .group_count = 1};
}

enum hm_rc hm_release_sign(const struct hm_folder *folder, const char *site,
                           const struct hm_signer *signer, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    struct hm_draft_need need;
    bool added;

    HM_TRY(hm_folder_need_identity(folder, err));
    need = need_of(folder);
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    return hm_draft_sign(&drafts, folder->role, signer, &need, err, &added);
}

enum hm_rc hm_release_merge(const struct hm_folder *folder, const char *site,
                            const struct hm_signatures *signatures, struct hm_err *err,
                            uint32_t *ret_added)
{
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    struct hm_draft_need need;

    HM_TRY(hm_folder_need_identity(folder, err));
    need = need_of(folder);
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    return hm_draft_merge(&drafts, folder->role, signatures, &need, err, ret_added);
}

enum hm_rc hm_release_state(const struct hm_folder *folder, const char *site,
                            struct hm_arena *arena, struct hm_err *err, int64_t *ret_version,
                            struct hm_draft_state *ret_state)
{
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_draft_need need;

    HM_TRY(hm_folder_need_identity(folder, err));
    need = need_of(folder);
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    HM_TRY(hm_draft_load(&drafts, folder->role, err, &draft));
    HM_TRY(hm_draft_state(draft, &need, arena, err, ret_state));
    *ret_version = draft->version;
    return HM_OK;
}

/* ---- request -------------------------------------------------------------------------------- */

enum hm_rc hm_release_request(const struct hm_folder *folder, const char *site, int64_t now_unix_s,
                              struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(hm_buf_done) struct hm_buf reason = HM_BUF_INIT(HM_REQUEST_REASON_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    const char *roles[] = {folder->role};
    struct hm_bytes currents[] = {HM_BYTES_EMPTY};
    struct hm_request head = {.site = site,
                              .maker = folder->maker,
                              .created_unix_s = now_unix_s,
                              .identities = folder->identities,
                              .identity_count = folder->identity_count};
    enum hm_rc rc;

    HM_TRY(hm_folder_newest(folder, site, err, &newest));
    if (newest.targets != NULL)
        currents[0] = hm_buf_bytes(&newest.raw);
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    rc = hm_images_load(&drafts, err, &images);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (rc == HM_OK)
        HM_TRY(hm_buf_append_fmt(&reason, err, "release %s", images->release));
    else
        HM_TRY(hm_buf_append_str(&reason, "the same releases signed anew", err));
    head.reason = hm_buf_str(&reason);
    return hm_draft_request(&drafts, &head, roles, currents, 1, err, ret_buf);
}

/* ---- finishing ------------------------------------------------------------------------------ */

/* The draft must be what a site will accept, by the same rules. */
static enum hm_rc verify_draft(const struct hm_folder *folder, const char *site,
                               const struct hm_draft *draft, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;
    struct hm_signed content;
    enum hm_rc rc;

    rc = hm_envelope_verify(draft->envelope, &folder->identity->keys, folder->role, err, &content);
    if (rc == HM_ESIGNATURE)
        return hm_fail(err, HM_EAGAIN, "site '%s': the draft has not all its signatures yet", site);
    HM_TRY(rc);
    HM_TRY(hm_targets_parse(content, err, &targets));
    return hm_submission_check_targets(targets, site, folder->identity, err);
}

enum hm_rc hm_release_finish(const struct hm_folder *folder, const char *site, const char *path,
                             struct hm_err *err)
{
    _hm_done_(hm_package_done) struct hm_package package = HM_PACKAGE_INIT;
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_folder_need_identity(folder, err));
    HM_TRY(hm_folder_drafts(folder, site, err, &drafts));
    HM_TRY(hm_draft_load(&drafts, folder->role, err, &draft));
    HM_TRY(verify_draft(folder, site, draft, err));
    rc = hm_images_load(&drafts, err, &images);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    /* All images are read and compared before the version counts as signed; the submission gets its
     * name after that, so that none leaves that the folder does not remember. */
    HM_TRY(hm_package_write(folder, site, draft->raw, images, path, err, &package));
    HM_TRY(hm_folder_keep(folder, site, draft->version, draft->raw, err));
    HM_TRY(hm_package_commit(&package, err));
    HM_TRY(hm_draft_remove(&drafts, folder->role, err));
    return hm_images_remove(&drafts, err);
}

enum hm_rc hm_release_submit(const struct hm_folder *folder, const char *site, bool identity_only,
                             const struct hm_images *images, const char *path, struct hm_err *err)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_package_done) struct hm_package package = HM_PACKAGE_INIT;
    struct hm_bytes raw = HM_BYTES_EMPTY;

    HM_TRY(hm_folder_need_identity(folder, err));
    HM_TRY(hm_layout_check_id(hm_bytes_str(site), err));
    if (!identity_only) {
        HM_TRY(hm_folder_newest(folder, site, err, &newest));
        if (newest.targets == NULL)
            return hm_fail(err, HM_EAGAIN,
                           "nothing was ever signed for site '%s'; --identity-only makes a "
                           "submission for enrolment",
                           site);
        if (newest.identity_version != folder->identity->version)
            return hm_fail(err, HM_EAGAIN,
                           "site '%s': what was signed last was under identity version %lld, not "
                           "under the newest; sign it anew: 'hallmark maker submission --for %s "
                           "--key ...'",
                           site, (long long)newest.identity_version, site);
        raw = hm_buf_bytes(&newest.raw);
    }
    HM_TRY(hm_package_write(folder, site, raw, images, path, err, &package));
    return hm_package_commit(&package, err);
}
