/* SPDX-License-Identifier: Apache-2.0 */
/* What may be taken in: the rules of names (intake.h), for submissions and attested files alike. */
#include "site/intake_internal.h"

#include "base/file.h"
#include "site/log_batch.h"

/* Judging each file */

static enum hm_rc refuse(const struct hm_intake *intake, const struct hm_target *target,
                         enum hm_staged_kind kind, struct hm_err *err)
{
    if (kind == HM_STAGED_OTHERBYTES)
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s' was published or submitted with other bytes: a version's name is "
                       "never used again; give the new bytes a new version",
                       HM_BYTES_FMT(target->path));
    return hm_fail(err, HM_ENOTFOUND,
                   "'%.*s': '%s' lists it, but neither this submission nor the site has its image; "
                   "ask for a submission that holds it",
                   HM_BYTES_FMT(target->path), intake->staged.maker);
}

/* The length of "ID/PRODUCT/VERSION/". */
static size_t release_size(struct hm_bytes path)
{
    const uint8_t *slash = memrchr(path.data, '/', path.size);

    return slash == NULL ? 0 : (size_t)(slash - path.data) + 1;
}

/* A published release is whole: what it lists is what was approved and what customers compare. */
static enum hm_rc check_release_is_new(const struct hm_intake *intake,
                                       const struct hm_target *target, struct hm_err *err)
{
    struct hm_bytes prefix = hm_bytes_make(target->path.data, release_size(target->path));
    const struct hm_targets *release;
    struct hm_path path;

    HM_TRY(hm_layout_parse_path(target->path, err, &path));
    HM_TRY(hm_tree_part(intake->roles->tree, intake->release_role, path.product, err, &release));
    for (size_t i = 0; release != NULL && i < release->target_count; i++)
        if (hm_bytes_has_prefix(release->targets[i].path, prefix))
            return hm_fail(err, HM_EREFUSED,
                           "'%.*s': the release '%.*s' is published without this file, and a "
                           "published release does not change; give it a new version",
                           HM_BYTES_FMT(target->path),
                           HM_BYTES_FMT(hm_bytes_make(prefix.data, prefix.size - 1)));
    return HM_OK;
}

/* Of the site's log a version is one entry: said now, not when all have signed. */
static enum hm_rc check_fits_log(const struct hm_intake *intake, size_t at, struct hm_err *err)
{
    const struct hm_targets *content = intake->staged.content;
    const struct hm_bytes path = content->targets[at].path;
    struct hm_bytes prefix = hm_bytes_make(path.data, release_size(path));
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    size_t first = at, end = at;

    while (first > 0 && hm_bytes_has_prefix(content->targets[first - 1].path, prefix))
        first--;
    while (end < content->target_count && hm_bytes_has_prefix(content->targets[end].path, prefix))
        end++;
    if (end - first <= HM_LOG_BATCH_FILES_SURE)
        return HM_OK;
    HM_TRY(hm_site_log_parse(intake->roles->tree->root, err, &log));
    if (log->policy == NULL)
        return HM_OK;
    return hm_log_batch_check_files(intake->site->config.name, &content->targets[first],
                                    end - first, err);
}

static enum hm_rc report_file(struct hm_intake *intake, const struct hm_target *target,
                              enum hm_staged_kind kind, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE], size[16];

    hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
    hm_text_size(target->facts.length, size);
    HM_TRY(hm_buf_append_str(intake->report, kind == HM_STAGED_NEW ? "  new      " : "  changed  ",
                             err));
    HM_TRY(hm_text_escape(intake->report, target->path, err));
    return hm_buf_append_fmt(intake->report, err, "  %s  sha256 %s\n", size, hex);
}

static enum hm_rc judge_all(struct hm_intake *intake, struct hm_err *err,
                            struct hm_intake_result *result)
{
    const struct hm_targets *content = intake->staged.content;
    struct hm_bytes checked = HM_BYTES_EMPTY; /* the version whose size was looked at last */
    size_t left_count = 0;

    for (size_t i = 0; i < content->target_count; i++) {
        const struct hm_target *target = &content->targets[i];
        enum hm_staged_kind kind;

        HM_TRY(hm_staged_judge(intake->list, intake->roles->tree, &intake->staged, target, err,
                               &kind));
        if (kind == HM_STAGED_OTHERBYTES || kind == HM_STAGED_MISSING)
            return refuse(intake, target, kind, err);
        left_count += kind == HM_STAGED_LEFT;
        if (!hm_staged_is_brought(kind))
            continue;
        if (kind == HM_STAGED_NEW)
            HM_TRY(check_release_is_new(intake, target, err));
        if (checked.size == 0 || !hm_bytes_has_prefix(target->path, checked)) {
            HM_TRY(check_fits_log(intake, i, err));
            checked = hm_bytes_make(target->path.data, release_size(target->path));
        }
        HM_TRY(report_file(intake, target, kind, err));
        result->brought_count++;
        result->brought_size += target->facts.length;
    }
    if (left_count > 0)
        HM_TRY(hm_buf_append_fmt(intake->report, err,
                                 "%zu file%s that the maker lists stay%s unreleased: they were "
                                 "rejected before, or never approved\n",
                                 left_count, left_count == 1 ? "" : "s",
                                 left_count == 1 ? "s" : ""));
    return HM_OK;
}

/* Whether a product's role lists path, to which the submission's maker~ID hands it on without
 * bringing it: the submission that divided the products waits, or is published. */
static enum hm_rc is_listed_below(const struct hm_intake *intake, struct hm_bytes path,
                                  struct hm_err *err, bool *ret_listed)
{
    const struct hm_staged_document *above = &intake->staged.documents[0];
    const struct hm_targets *known = NULL;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_path parts;

    HM_TRY(hm_layout_parse_path(path, err, &parts));
    hm_partition_role(hm_bytes_str(above->role), parts.product, role);
    if (hm_targets_find_role(&above->targets->delegations, hm_bytes_str(role)) != NULL &&
        hm_staged_document(&intake->staged, role) == NULL)
        HM_TRY(hm_intake_find_known(intake, role, err, &known));
    *ret_listed = known != NULL && hm_targets_find(known, path) != NULL;
    return HM_OK;
}

/* Released files stay released: customers may be installing them. made: a published document of the
 * maker that the submission replaces. */
static enum hm_rc check_not_dropped(const struct hm_intake *intake, const struct hm_targets *made,
                                    struct hm_err *err)
{
    for (size_t i = 0; made != NULL && i < made->target_count; i++) {
        struct hm_bytes path = made->targets[i].path;
        const struct hm_target *released;
        bool listed;

        if (hm_targets_find(intake->staged.content, path) != NULL)
            continue;
        HM_TRY(is_listed_below(intake, path, err, &listed));
        if (listed)
            continue;
        HM_TRY(hm_tree_target(intake->roles->tree, intake->release_role, path, err, &released));
        if (released != NULL)
            return hm_fail(err, HM_EREFUSED,
                           "'%.*s' is released, but the maker's new document no longer lists it: "
                           "releases are kept for ever; a bad one is recalled, not removed",
                           HM_BYTES_FMT(path));
    }
    return HM_OK;
}

/* Names of roles are for ever: a product that has a role of its own keeps it. */
static enum hm_rc check_products_stay(const struct hm_intake *intake, const struct hm_targets *made,
                                      struct hm_err *err)
{
    const struct hm_delegations *next = &intake->staged.documents[0].targets->delegations;

    for (size_t i = 0; made != NULL && i < made->delegations.role_count; i++) {
        const struct hm_bytes role = made->delegations.roles[i].name;

        if (hm_targets_find_role(next, role) == NULL)
            return hm_fail(err, HM_EREFUSED,
                           "'%s': it no longer hands its product on to '%.*s', which is published; "
                           "such roles are kept for ever",
                           intake->staged.documents[0].role, HM_BYTES_FMT(role));
    }
    return HM_OK;
}

static enum hm_rc check_nothing_dropped(const struct hm_intake *intake, struct hm_err *err)
{
    struct hm_tree *tree = intake->roles->tree;

    if (intake->staged.is_attested)
        return HM_OK;
    for (size_t i = 0; i < intake->staged.document_count; i++) {
        const struct hm_targets *made;

        HM_TRY(hm_tree_role(tree, intake->staged.documents[i].role, err, &made, NULL));
        if (i == 0)
            HM_TRY(check_products_stay(intake, made, err));
        HM_TRY(check_not_dropped(intake, made, err));
    }
    return HM_OK;
}

/* Names that differ in case only */

struct folded {
    const char *text;
    struct hm_bytes path;
};

static int compare_folded(const void *left, const void *right)
{
    const struct folded *a = left, *b = right;

    return strcmp(a->text, b->text);
}

static enum hm_rc fold_all(const struct hm_targets *targets, struct hm_arena *arena,
                           struct folded *items, size_t *count, struct hm_err *err)
{
    for (size_t i = 0; targets != NULL && i < targets->target_count; i++) {
        char *text = hm_arena_strdup(arena, targets->targets[i].path);

        if (text == NULL)
            return hm_error_nomem(err);
        for (char *c = text; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        items[*count] = (struct folded){.text = text, .path = targets->targets[i].path};
        (*count)++;
    }
    return HM_OK;
}

/* Calls for each published document of the approvers that speaks for a product of the submission.
 */
static enum hm_rc each_release(const struct hm_intake *intake,
                               enum hm_rc (*take)(void *ctx, const struct hm_targets *release,
                                                  struct hm_err *err),
                               void *ctx, struct hm_err *err)
{
    const struct hm_targets *content = intake->staged.content;
    const struct hm_targets *release, *last = NULL;
    struct hm_bytes product = HM_BYTES_EMPTY;
    struct hm_path path;

    for (size_t i = 0; i < content->target_count; i++) {
        HM_TRY(hm_layout_parse_path(content->targets[i].path, err, &path));
        if (hm_bytes_is_equal(path.product, product))
            continue;
        product = path.product;
        HM_TRY(hm_tree_part(intake->roles->tree, intake->release_role, product, err, &release));
        if (release != NULL && release != last)
            HM_TRY(take(ctx, release, err));
        last = release;
    }
    return HM_OK;
}

struct folding {
    struct hm_arena arena;
    struct folded *items;
    size_t count;
};

static void folding_done(struct folding *folding)
{
    hm_arena_done(&folding->arena);
}

static enum hm_rc count_release(void *ctx, const struct hm_targets *release, struct hm_err *err)
{
    size_t *max = ctx;

    *max += release->target_count;
    return HM_OK;
}

static enum hm_rc fold_release(void *ctx, const struct hm_targets *release, struct hm_err *err)
{
    struct folding *folding = ctx;

    return fold_all(release, &folding->arena, folding->items, &folding->count, err);
}

static enum hm_rc check_case(const struct hm_intake *intake, struct hm_err *err)
{
    _hm_done_(folding_done) struct folding folding = {.items = NULL};
    struct folded *items;
    size_t max = intake->staged.content->target_count;

    for (size_t i = 0; i < intake->list->count; i++)
        max += intake->list->items[i].content->target_count;
    HM_TRY(each_release(intake, count_release, &max, err));
    items = folding.items = hm_arena_alloc(&folding.arena, max, sizeof(*items));
    if (items == NULL)
        return hm_error_nomem(err);
    HM_TRY(fold_all(intake->staged.content, &folding.arena, items, &folding.count, err));
    HM_TRY(each_release(intake, fold_release, &folding, err));
    for (size_t i = 0; i < intake->list->count; i++)
        if (intake->list->items[i].rejected == NULL &&
            strcmp(intake->list->items[i].maker, intake->staged.maker) == 0)
            HM_TRY(fold_all(intake->list->items[i].content, &folding.arena, items, &folding.count,
                            err));
    if (folding.count > 0)
        qsort(items, folding.count, sizeof(*items), compare_folded);
    for (size_t i = 1; i < folding.count; i++)
        if (strcmp(items[i - 1].text, items[i].text) == 0 &&
            !hm_bytes_is_equal(items[i - 1].path, items[i].path))
            return hm_fail(err, HM_EREFUSED,
                           "'%.*s' and '%.*s' differ in case only: on some file systems one would "
                           "overwrite the other",
                           HM_BYTES_FMT(items[i - 1].path), HM_BYTES_FMT(items[i].path));
    return HM_OK;
}

enum hm_rc hm_intake_check(struct hm_intake *intake, struct hm_err *err,
                           struct hm_intake_result *result)
{
    HM_TRY(check_case(intake, err));
    HM_TRY(check_nothing_dropped(intake, err));
    return judge_all(intake, err, result);
}

/* Beginning and end */

void hm_intake_done(struct hm_intake *intake)
{
    hm_dir_done(&intake->dir);
    hm_staged_free(intake->list);
    hm_roles_free(intake->roles);
    /* What is left of a refused one. Where that fails, the next intake clears it. */
    if (intake->site != NULL &&
        hm_dir_remove_tree(&intake->site->private_dir, HM_INTAKE_FOLDER, NULL) != HM_OK)
        return;
}

enum hm_rc hm_intake_begin(struct hm_intake *intake, const struct hm_site *site, struct hm_err *err)
{
    intake->site = site;
    HM_TRY(hm_roles_load(site, err, &intake->roles));
    HM_TRY(hm_staged_load(site, err, &intake->list));
    HM_TRY(hm_dir_remove_tree(&site->private_dir, HM_INTAKE_FOLDER, err));
    intake->staged.id = HM_INTAKE_NAME;
    intake->staged.taken_unix_s = site->now_unix_s;
    return hm_dir_open_at(&site->private_dir, HM_INTAKE_FOLDER, true, err, &intake->dir);
}

enum hm_rc hm_intake_find_maker(struct hm_intake *intake, const char *maker, bool is_attested,
                                struct hm_err *err, const struct hm_layout_maker **ret_maker)
{
    const struct hm_layout *layout = hm_roles_layout(intake->roles);
    const struct hm_layout_maker *found =
        layout == NULL ? NULL : hm_layout_find(layout, hm_bytes_str(maker));

    if (found == NULL)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' is not enrolled at this site; run 'hallmark site enroll' first",
                       maker);
    if (found->is_attested && !is_attested)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' is enrolled as attested; to let it sign its releases itself, run "
                       "'hallmark site enroll' with this submission first",
                       maker);
    if (!found->is_attested && is_attested)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' signs its releases itself: ask it for a submission; nobody can attest "
                       "in its stead",
                       maker);
    intake->staged.maker = found->id;
    intake->staged.is_attested = is_attested;
    hm_layout_release_role(hm_bytes_str(maker), intake->release_role);
    *ret_maker = found;
    return HM_OK;
}

/* True if both bring the same versions of the same documents. */
static bool is_same_versions(const struct hm_staged *a, const struct hm_staged *b)
{
    if (a->is_attested || b->is_attested || strcmp(a->maker, b->maker) != 0 ||
        a->document_count != b->document_count)
        return false;
    for (size_t i = 0; i < a->document_count; i++)
        if (strcmp(a->documents[i].role, b->documents[i].role) != 0 ||
            a->documents[i].targets->document.version != b->documents[i].targets->document.version)
            return false;
    return true;
}

/* The same submission again: while it waits there is nothing to do; a rejected one is taken anew.
 */
static enum hm_rc place(struct hm_intake *intake, const char *id, struct hm_err *err)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "submissions/%s", id);
    for (size_t i = 0; i < intake->list->count; i++) {
        const struct hm_staged *other = &intake->list->items[i];
        char other_path[128];

        if (strcmp(other->id, id) != 0 && !is_same_versions(other, &intake->staged))
            continue;
        (void)snprintf(other_path, sizeof(other_path), "submissions/%s", other->id);
        HM_TRY(hm_dir_remove_tree(&intake->site->private_dir, other_path, err));
    }
    return hm_dir_rename(&intake->site->private_dir, HM_INTAKE_FOLDER, &intake->site->private_dir,
                         path, err);
}

enum hm_rc hm_intake_end(struct hm_intake *intake, const struct hm_sha256 *id, struct hm_err *err,
                         struct hm_intake_result *result)
{
    char hex[HM_SHA256_HEX_SIZE], size[16];

    hm_text_hex(hm_bytes_make(id->bytes, sizeof(id->bytes)), hex);
    hm_text_size(result->brought_size, size);
    HM_TRY(hm_buf_append_fmt(intake->report, err, "submission %.12s of '%s': %zu file%s, %s\n", hex,
                             intake->staged.maker, result->brought_count,
                             result->brought_count == 1 ? "" : "s", size));
    HM_TRY(hm_staged_write_head(&intake->dir, &intake->staged, err));
    HM_TRY(hm_file_replace(&intake->dir, "report.txt", 0600, hm_buf_bytes(intake->report), err));
    HM_TRY(place(intake, hex, err));
    memcpy(result->id, hex, sizeof(hex));
    result->version = intake->staged.version;
    return hm_buf_append_fmt(intake->report, err,
                             "Next: 'hallmark site review %.12s', then 'approve' or 'reject'.\n",
                             hex);
}
