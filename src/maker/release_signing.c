/* SPDX-License-Identifier: Apache-2.0 */
/* The drafts of a release collecting signatures, and becoming a submission (release.h). */
#include "exchange/parts.h"
#include "maker/package.h"
#include "maker/release_internal.h"

/* ---- drafts --------------------------------------------------------------------------------- */

/* What waits for one site: maker~ID if it changes, then the roles of products in order. */
struct set {
    struct hm_dir dir;
    struct hm_draft **items; /* owned */
    size_t count;
    struct hm_draft_need need;
    struct hm_arena arena;
};

#define SET_INIT                                                                                   \
    {                                                                                              \
        .dir = HM_DIR_INIT, .arena = HM_ARENA_INIT                                                 \
    }

static void set_done(struct set *set)
{
    for (size_t i = 0; i < set->count; i++)
        hm_draft_free(set->items[i]);
    hm_dir_done(&set->dir);
    hm_arena_done(&set->arena);
}

static int compare_roles(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hm_rc set_load(const struct hm_folder *folder, const char *site, struct hm_err *err,
                           struct set *set)
{
    const char **roles;
    size_t count;

    HM_TRY(hm_folder_need_identity(folder, err));
    set->need = (struct hm_draft_need){.groups = {&folder->identity->keys}, .group_count = 1};
    HM_TRY(hm_folder_drafts(folder, site, err, &set->dir));
    HM_TRY(hm_draft_list(&set->dir, &set->arena, err, &roles, &count));
    if (count > 1)
        qsort(roles, count, sizeof(roles[0]), compare_roles);
    set->items = hm_arena_alloc(&set->arena, count, sizeof(set->items[0]));
    if (set->items == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        struct hm_partition_name name;

        if (!hm_partition_parse(hm_bytes_str(roles[i]), &name) ||
            !hm_bytes_is_str(name.above, folder->role))
            continue; /* no draft of this folder's */
        HM_TRY(hm_draft_load(&set->dir, roles[i], err, &set->items[set->count]));
        set->count++;
    }
    if (set->count == 0)
        return hm_fail(err, HM_ENOTFOUND, "site '%s': no release waits for signatures", site);
    return HM_OK;
}

/* The draft of maker~ID itself; NULL: it stays as it is. */
static const struct hm_draft *set_above(const struct hm_folder *folder, const struct set *set)
{
    return strcmp(set->items[0]->role, folder->role) == 0 ? set->items[0] : NULL;
}

/* ---- signatures ----------------------------------------------------------------------------- */

enum hm_rc hm_release_sign(const struct hm_folder *folder, const char *site,
                           const struct hm_signer *signer, struct hm_err *err)
{
    _hm_done_(set_done) struct set set = SET_INIT;
    bool added;

    HM_TRY(set_load(folder, site, err, &set));
    for (size_t i = 0; i < set.count; i++)
        HM_TRY(hm_draft_sign(&set.dir, set.items[i]->role, signer, &set.need, err, &added));
    return HM_OK;
}

static bool concerns(const struct hm_signatures *signatures, const char *role)
{
    for (size_t i = 0; i < signatures->count; i++)
        if (strcmp(signatures->items[i].role, role) == 0)
            return true;
    return false;
}

enum hm_rc hm_release_merge(const struct hm_folder *folder, const char *site,
                            const struct hm_signatures *signatures, struct hm_err *err,
                            uint32_t *ret_added)
{
    _hm_done_(set_done) struct set set = SET_INIT;
    enum hm_rc last = HM_EMISMATCH;
    bool fitted = false, tried = false;
    uint32_t total = 0;

    HM_TRY(set_load(folder, site, err, &set));
    for (size_t i = 0; i < set.count; i++) {
        uint32_t added = 0;
        enum hm_rc rc;

        if (!concerns(signatures, set.items[i]->role))
            continue;
        tried = true;
        rc = hm_draft_merge(&set.dir, set.items[i]->role, signatures, &set.need, err, &added);
        if (rc == HM_EMISMATCH || rc == HM_ESIGNATURE) {
            last = rc;
            continue;
        }
        HM_TRY(rc);
        fitted = true;
        total += added;
    }
    if (!tried)
        return hm_fail(err, HM_EMISMATCH, "site '%s': none of the signatures is for what waits",
                       site);
    if (!fitted)
        return last; /* *err says why, from the last draft tried */
    *ret_added = total;
    return HM_OK;
}

enum hm_rc hm_release_state(const struct hm_folder *folder, const char *site,
                            struct hm_arena *arena, struct hm_err *err, const char **ret_role,
                            int64_t *ret_version, struct hm_draft_state *ret_state)
{
    _hm_done_(set_done) struct set set = SET_INIT;
    size_t shown = 0;
    char *role;

    HM_TRY(set_load(folder, site, err, &set));
    for (size_t i = 0; i < set.count; i++) {
        struct hm_draft_state state;

        HM_TRY(hm_draft_state(set.items[i], &set.need, arena, err, &state));
        /* The first that lacks something speaks for all: they are signed together. */
        if (i == 0 || (ret_state->is_complete && !state.is_complete)) {
            *ret_state = state;
            shown = i;
        }
    }
    role = hm_arena_strdup(arena, hm_bytes_str(set.items[shown]->role));
    if (role == NULL)
        return hm_error_nomem(err);
    *ret_role = role;
    *ret_version = set.items[shown]->version;
    return HM_OK;
}

/* ---- request -------------------------------------------------------------------------------- */

const char *hm_release_product(const struct hm_folder *folder, const char *role)
{
    size_t size = strlen(folder->role);

    return role[size] == '~' ? role + size + 1 : NULL;
}

static enum hm_rc load_currents(const struct hm_folder *folder, const char *site,
                                const struct set *set, struct hm_arena *arena, struct hm_err *err,
                                const char **roles, struct hm_bytes *currents)
{
    for (size_t i = 0; i < set->count; i++) {
        _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;

        roles[i] = set->items[i]->role;
        HM_TRY(hm_folder_product_newest(folder, site, hm_release_product(folder, roles[i]), err,
                                        &newest));
        if (newest.targets != NULL)
            HM_TRY(hm_arena_copy(arena, hm_buf_bytes(&newest.raw), err, &currents[i]));
    }
    return HM_OK;
}

enum hm_rc hm_release_request(const struct hm_folder *folder, const char *site, int64_t now_unix_s,
                              struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(hm_buf_done) struct hm_buf reason = HM_BUF_INIT(HM_REQUEST_REASON_SIZE_MAX);
    _hm_done_(set_done) struct set set = SET_INIT;
    struct hm_request head = {.site = site,
                              .maker = folder->maker,
                              .created_unix_s = now_unix_s,
                              .identities = folder->identities,
                              .identity_count = folder->identity_count};
    struct hm_bytes *currents;
    const char **roles;
    enum hm_rc rc;

    HM_TRY(set_load(folder, site, err, &set));
    roles = hm_arena_alloc(&set.arena, set.count, sizeof(roles[0]));
    currents = hm_arena_alloc(&set.arena, set.count, sizeof(currents[0])); /* empty */
    if (roles == NULL || currents == NULL)
        return hm_error_nomem(err);
    HM_TRY(load_currents(folder, site, &set, &set.arena, err, roles, currents));
    rc = hm_images_load(&set.dir, err, &images);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (rc == HM_OK)
        HM_TRY(hm_buf_append_fmt(&reason, err, "release %s", images->release));
    else
        HM_TRY(hm_buf_append_str(&reason, "the same releases signed anew", err));
    head.reason = hm_buf_str(&reason);
    return hm_draft_request(&set.dir, &head, roles, currents, set.count, err, ret_buf);
}

/* ---- finishing ------------------------------------------------------------------------------ */

/* A draft must be what a site will accept, by the same rules. */
static enum hm_rc verify_draft(const struct hm_folder *folder, const char *site,
                               const struct hm_draft *draft, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;
    struct hm_signed content;
    enum hm_rc rc;

    rc = hm_envelope_verify(draft->envelope, &folder->identity->keys, draft->role, err, &content);
    if (rc == HM_ESIGNATURE)
        return hm_fail(err, HM_EAGAIN, "site '%s': the draft has not all its signatures yet", site);
    HM_TRY(rc);
    HM_TRY(hm_targets_parse(content, err, &targets));
    if (hm_release_product(folder, draft->role) == NULL)
        return hm_submission_check_targets(targets, site, folder->identity, err);
    return hm_submission_check_product(draft->role, targets, site, folder->identity, err);
}

/* The products that the drafts change, as the submission has them. */
static enum hm_rc list_products(const struct hm_folder *folder, struct set *set,
                                struct hm_package_content *content, struct hm_err *err)
{
    struct hm_package_product *products =
        hm_arena_alloc(&set->arena, set->count, sizeof(products[0]));

    if (products == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < set->count; i++) {
        const char *name = hm_release_product(folder, set->items[i]->role);

        if (name != NULL)
            products[content->product_count++] =
                (struct hm_package_product){.name = name, .raw = set->items[i]->raw};
    }
    content->products = products;
    return HM_OK;
}

/* Products first: maker~ID names them. */
static enum hm_rc keep_all(const struct hm_folder *folder, const char *site, const struct set *set,
                           struct hm_err *err)
{
    for (size_t i = set->count; i-- > 0;)
        HM_TRY(hm_folder_product_keep(folder, site, hm_release_product(folder, set->items[i]->role),
                                      set->items[i]->version, set->items[i]->raw, err));
    return HM_OK;
}

/* The drafts go all at once: a part of them would pass for a release of its own. */
static enum hm_rc remove_drafts(const struct hm_folder *folder, const char *site,
                                struct hm_err *err)
{
    char path[HM_LAYOUT_ID_SIZE_MAX + 32], done[HM_LAYOUT_ID_SIZE_MAX + 32];

    (void)snprintf(path, sizeof(path), "drafts/%s", site);
    (void)snprintf(done, sizeof(done), "drafts/%s.done", site); /* no site has such a name */
    HM_TRY(hm_dir_remove_tree(&folder->dir, done, err));
    HM_TRY(hm_dir_rename(&folder->dir, path, &folder->dir, done, err));
    return hm_dir_remove_tree(&folder->dir, done, err);
}

enum hm_rc hm_release_finish(const struct hm_folder *folder, const char *site, const char *path,
                             struct hm_err *err)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_package_done) struct hm_package package = HM_PACKAGE_INIT;
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(set_done) struct set set = SET_INIT;
    struct hm_package_content content = {.product_count = 0};
    enum hm_rc rc;

    HM_TRY(set_load(folder, site, err, &set));
    for (size_t i = 0; i < set.count; i++)
        HM_TRY(verify_draft(folder, site, set.items[i], err));
    rc = hm_images_load(&set.dir, err, &images);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    content.images = images;
    if (set_above(folder, &set) != NULL) {
        content.maker_raw = set_above(folder, &set)->raw;
    } else {
        HM_TRY(hm_folder_newest(folder, site, err, &newest));
        content.maker_raw = hm_buf_bytes(&newest.raw);
    }
    HM_TRY(list_products(folder, &set, &content, err));
    /* All images are read and compared before the version counts as signed; the submission gets its
     * name after that, so that none leaves that the folder does not remember. */
    HM_TRY(hm_package_write(folder, site, &content, path, err, &package));
    HM_TRY(keep_all(folder, site, &set, err));
    HM_TRY(hm_package_commit(&package, err));
    return remove_drafts(folder, site, err);
}

/* ---- again ---------------------------------------------------------------------------------- */

/* All that was signed: what the site has of it is not known here. */
static enum hm_rc fill_content(const struct hm_folder *folder, const char *site,
                               struct hm_folder_content *signed_content, struct hm_err *err,
                               struct hm_package_content *content)
{
    struct hm_package_product *products;

    HM_TRY(hm_folder_load_content(folder, site, err, signed_content));
    if (signed_content->above.targets == NULL)
        return hm_fail(err, HM_EAGAIN,
                       "nothing was ever signed for site '%s'; --identity-only makes a "
                       "submission for enrolment",
                       site);
    if (signed_content->above.identity_version != folder->identity->version)
        return hm_fail(err, HM_EAGAIN,
                       "site '%s': what was signed last was under identity version %lld, not "
                       "under the newest; sign it anew: 'hallmark maker submission --for %s "
                       "--key ...'",
                       site, (long long)signed_content->above.identity_version, site);
    content->maker_raw = hm_buf_bytes(&signed_content->above.raw);
    products =
        hm_arena_alloc(&signed_content->arena, signed_content->product_count, sizeof(products[0]));
    if (products == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < signed_content->product_count; i++)
        products[i] =
            (struct hm_package_product){.name = signed_content->names[i],
                                        .raw = hm_buf_bytes(&signed_content->products[i].raw)};
    content->products = products;
    content->product_count = signed_content->product_count;
    return HM_OK;
}

enum hm_rc hm_release_submit(const struct hm_folder *folder, const char *site, bool identity_only,
                             const struct hm_images *images, const char *path, struct hm_err *err)
{
    _hm_done_(hm_folder_content_done) struct hm_folder_content signed_content =
        HM_FOLDER_CONTENT_INIT;
    _hm_done_(hm_package_done) struct hm_package package = HM_PACKAGE_INIT;
    struct hm_package_content content = {.images = images};

    HM_TRY(hm_folder_need_identity(folder, err));
    HM_TRY(hm_layout_check_id(hm_bytes_str(site), err));
    if (!identity_only)
        HM_TRY(fill_content(folder, site, &signed_content, err, &content));
    HM_TRY(hm_package_write(folder, site, &content, path, err, &package));
    return hm_package_commit(&package, err);
}
