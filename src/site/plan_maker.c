/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be published of one maker (plan.h).
 *
 * Two sides speak for a maker: release~ID (published or draft) and, where the maker signs itself,
 * maker~ID (published or in a submission); either may hand products on to roles of their own. The
 * newest pair that satisfies the both-sign rule for every file in it is taken; approval is nothing
 * but a file standing in a signed document of the approvers.
 */
#include "exchange/role.h"
#include "site/plan_internal.h"
#include "site/plan_side.h"
#include "site/scanned.h"
#include "trust/verdict.h"

struct maker_view {
    const struct hm_layout_maker *maker;
    struct hm_plan_side release, made; /* made is not used where the maker is attested */
    enum hm_grade grade;
    const struct hm_staged *last; /* the last submission that the choice takes; NULL: none */
    bool is_draft;                /* the choice takes drafts */
};

static void view_done(struct maker_view *view)
{
    hm_plan_side_done(&view->release);
    hm_plan_side_done(&view->made);
}

static enum hm_rc view_init(struct hm_plan *plan, const struct hm_layout_maker *maker,
                            struct hm_err *err, struct maker_view *view)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    view->maker = maker;
    hm_layout_release_role(hm_bytes_str(maker->id), role);
    HM_TRY(hm_plan_side_init(plan, role, err, &view->release));
    if (maker->is_attested)
        return HM_OK;
    hm_layout_maker_role(hm_bytes_str(maker->id), role);
    return hm_plan_side_init(plan, role, err, &view->made);
}

/* The grade under the plan's targets, and the identity versions that are to be published. */
static enum hm_rc view_grade(struct hm_plan *plan, struct maker_view *view, struct hm_err *why,
                             struct hm_err *err)
{
    _hm_free_(hm_chain_free) struct hm_chain *chain = NULL;
    const struct hm_memory nothing = {.is_known = false};

    if (view->maker->is_attested)
        return hm_verdict_maker(plan->layout, view->maker, NULL, &nothing, HM_GRADE_ATTESTED, why,
                                &view->grade);
    HM_TRY(hm_chain_load(plan->roles->site, view->maker->id, view->maker->identity_version, why,
                         &chain));
    HM_TRY(hm_verdict_maker(plan->layout, view->maker, chain->identity, &nothing, HM_GRADE_ATTESTED,
                            why, &view->grade));
    for (size_t i = chain->public_count; i < chain->count; i++) {
        struct hm_bytes copy;

        HM_TRY(hm_plan_grow(plan, (void **)&plan->identities, plan->identity_count,
                            &plan->identity_capacity, sizeof(*plan->identities), err));
        HM_TRY(hm_arena_copy(&plan->arena, chain->raws[i], err, &copy));
        plan->identities[plan->identity_count++] = (struct hm_plan_identity){
            .id = view->maker->id, .version = (int64_t)i + 1, .raw = copy};
    }
    return HM_OK;
}

/* Whether what the scan found in it was acknowledged. Taken in again, by newer rules, it must be
 * once more, whatever was signed meanwhile. */
static enum hm_rc is_acknowledged(const struct hm_plan *plan, const struct hm_staged *staged,
                                  struct hm_err *err, bool *ret_acknowledged)
{
    _hm_done_(hm_scanned_done) struct hm_scanned scanned = HM_SCANNED_INIT;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_scanned_load(plan->roles->site, staged->id, &why, &scanned);

    /* What cannot be read, nobody has acknowledged: 'approve' says what is wrong with it. */
    *ret_acknowledged = rc == HM_OK && hm_scanned_open_count(&scanned) == 0;
    return rc == HM_OK || rc == HM_EFORMAT ? HM_OK : hm_fail(err, rc, "%s", why.text);
}

/* Whether everything this submission brings is released, as it brought it. */
static enum hm_rc is_approved(struct hm_plan *plan, struct maker_view *view,
                              const struct hm_staged *staged, struct hm_err *err,
                              bool *ret_approved)
{
    *ret_approved = false;
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        const struct hm_target *released;
        enum hm_staged_kind kind;
        bool same = false;

        HM_TRY(hm_staged_judge(plan->staged, plan->roles->tree, staged, target, err, &kind));
        if (!hm_staged_is_brought(kind))
            continue;
        HM_TRY(hm_plan_side_target(plan, &view->release, target->path, err, &released));
        if (released != NULL)
            HM_TRY(hm_staged_is_same(released, target, err, &same));
        if (!same)
            return HM_OK;
    }
    return is_acknowledged(plan, staged, err, ret_approved);
}

static bool is_waiting(const struct hm_staged *staged, const struct maker_view *view)
{
    return staged->rejected == NULL && strcmp(staged->maker, view->maker->id) == 0 &&
           staged->is_attested == view->maker->is_attested;
}

/* The newest maker~ID that goes with the release side: submissions in order, up to the first that
 * is not approved. One not signed by the keys in force is passed over. */
static enum hm_rc choose_made(struct hm_plan *plan, struct maker_view *view, struct hm_err *err)
{
    hm_plan_side_reset(&view->made);
    view->last = NULL;
    for (size_t i = 0; i < plan->staged->count; i++) {
        const struct hm_staged *staged = &plan->staged->items[i];
        bool approved, taken;

        if (!is_waiting(staged, view) || hm_staged_is_done(staged, plan->roles->tree))
            continue;
        HM_TRY(is_approved(plan, view, staged, err, &approved));
        if (!approved) /* nor may a later one pass it: it would be dropped unseen */
            return HM_OK;
        HM_TRY(hm_plan_side_take(plan, &view->made, staged, err, &taken));
        if (taken) /* else made under an earlier identity; a later one may be good */
            view->last = staged;
    }
    return HM_OK;
}

/* ---- the both-sign rule --------------------------------------------------------------------- */

/* The maker's document of a product. */
static enum hm_rc get_made(struct hm_plan *plan, const struct maker_view *view,
                           struct hm_bytes product, struct hm_err *why,
                           const struct hm_targets **ret_made)
{
    HM_TRY(hm_plan_side_part(plan, &view->made, product, why, ret_made));
    if (*ret_made == NULL)
        return hm_fail(why, HM_EREFUSED,
                       "'%s' lists files, but '%s' is not here signed by the keys of the maker's "
                       "identity version %lld: take in a submission that has it",
                       view->release.above, view->made.above,
                       (long long)view->maker->identity_version);
    return hm_verdict_names(view->maker, view->made.above, *ret_made, why);
}

/* Every file that the approvers' document of one product (or of all) lists. */
static enum hm_rc check_files(struct hm_plan *plan, struct maker_view *view,
                              const struct hm_targets *release, struct hm_bytes product,
                              struct hm_err *why)
{
    struct hm_bytes current = HM_BYTES_EMPTY;
    const struct hm_targets *made = NULL;
    struct hm_release_file file;
    struct hm_path path;

    if (release == NULL)
        return HM_OK;
    HM_TRY(hm_verdict_names(view->maker, view->release.above, release, why));
    for (size_t i = 0; i < release->target_count; i++) {
        HM_TRY(hm_layout_parse_path(release->targets[i].path, why, &path));
        if (product.size > 0 && !hm_bytes_is_equal(path.product, product))
            continue;
        if (!view->maker->is_attested && !hm_bytes_is_equal(path.product, current)) {
            HM_TRY(get_made(plan, view, path.product, why, &made));
            current = path.product;
        }
        HM_TRY(hm_verdict_path(plan->layout, view->maker, view->grade, release, made,
                               release->targets[i].path, why, &file));
    }
    return HM_OK;
}

static enum hm_rc check_part(struct hm_plan *plan, void *ctx, const struct hm_targets *part,
                             struct hm_bytes product, struct hm_err *why)
{
    return check_files(plan, ctx, part, product, why);
}

/* What may have changed: the products of the new documents on either side, or everything. */
static enum hm_rc check_pair(struct hm_plan *plan, struct maker_view *view, struct hm_err *why)
{
    const struct hm_targets *release;
    bool all = hm_plan_side_lists_anew(&view->made) || hm_plan_is_changed(plan, view->maker);

    if (all)
        return hm_plan_side_each(plan, &view->release, why, check_part, view);
    for (size_t i = 0; i < view->release.count; i++)
        HM_TRY(check_files(plan, view, view->release.items[i].targets, HM_BYTES_EMPTY, why));
    for (size_t i = 0; i < view->made.count; i++) {
        struct hm_bytes product = view->made.items[i].product;

        HM_TRY(hm_plan_side_part(plan, &view->release, product, why, &release));
        HM_TRY(check_files(plan, view, release, product, why));
    }
    return HM_OK;
}

/* HM_OK where the release side and its best maker~ID hold under the plan's targets. */
static enum hm_rc try_release(struct hm_plan *plan, struct maker_view *view, struct hm_err *why)
{
    HM_TRY(hm_plan_side_check_above(plan, &view->release, why));
    if (!view->maker->is_attested) {
        HM_TRY(choose_made(plan, view, why));
        HM_TRY(hm_plan_side_check_above(plan, &view->made, why));
    }
    return check_pair(plan, view, why);
}

static bool is_hard(enum hm_rc rc)
{
    return rc == HM_ENOMEM || rc == HM_EIO || rc == HM_EINTERNAL || rc == HM_EINPUT;
}

/* The newest pair that holds: with the drafts, else with what is published. */
static enum hm_rc choose(struct hm_plan *plan, struct maker_view *view, struct hm_err *why,
                         struct hm_err *err)
{
    enum hm_rc rc;

    HM_TRY(hm_plan_side_take_drafts(plan, &view->release, err));
    if (view->release.count > 0) {
        rc = try_release(plan, view, why);
        view->is_draft = rc == HM_OK;
        if (rc == HM_OK || is_hard(rc))
            return rc;
        HM_TRY(hm_plan_note(plan, err, "'%s' version %lld: %s", view->release.items[0].role,
                            (long long)view->release.items[0].version, why->text));
        hm_plan_side_reset(&view->release);
    }
    return try_release(plan, view, why);
}

/* ---- taking --------------------------------------------------------------------------------- */

static enum hm_rc find_source(struct hm_plan *plan, const struct maker_view *view,
                              const struct hm_target *target, struct hm_err *err,
                              const char **ret_source)
{
    const char *source = NULL;

    for (size_t i = 0; i < plan->staged->count && source == NULL; i++)
        if (strcmp(plan->staged->items[i].maker, view->maker->id) == 0)
            HM_TRY(hm_staged_image(plan->staged, &plan->staged->items[i], target, err, &source));
    *ret_source = source;
    return HM_OK;
}

static enum hm_rc take_file(struct hm_plan *plan, const struct maker_view *view,
                            const struct hm_target *target, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2048);
    struct hm_plan_image image = {.path = target->path, .facts = target->facts};

    HM_TRY(hm_plan_grow(plan, (void **)&plan->paths, plan->path_count, &plan->path_capacity,
                        sizeof(*plan->paths), err));
    HM_TRY(hm_arena_copy(&plan->arena, target->path, err, &image.path));
    HM_TRY(hm_arena_copy(&plan->arena, target->custom, err, &image.custom));
    plan->paths[plan->path_count++] =
        (struct hm_plan_path){.maker = view->maker->id, .path = image.path};
    HM_TRY(hm_tree_image_name(target->path, &target->facts.sha256, err, &name));
    if (!hm_dir_has(&plan->roles->site->public_dir, hm_buf_str(&name))) {
        HM_TRY(find_source(plan, view, target, err, &image.source));
        if (image.source == NULL)
            return hm_fail(err, HM_ENOTFOUND,
                           "'%.*s': '%s' lists it, but no submission here holds its image; take "
                           "the submission in again, or make the draft anew",
                           HM_BYTES_FMT(target->path), view->release.above);
    }
    HM_TRY(hm_plan_grow(plan, (void **)&plan->images, plan->image_count, &plan->image_capacity,
                        sizeof(*plan->images), err));
    plan->images[plan->image_count++] = image;
    return HM_OK;
}

static enum hm_rc take_release(struct hm_plan *plan, const struct maker_view *view,
                               const struct hm_plan_side_item *item, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(1024);
    char *drop;

    for (size_t i = 0; i < item->targets->target_count; i++) {
        const struct hm_target *target = &item->targets->targets[i];
        const struct hm_target *before;
        bool same = false;

        HM_TRY(hm_tree_target(plan->roles->tree, view->release.above, target->path, err, &before));
        if (before != NULL)
            HM_TRY(hm_staged_is_same(before, target, err, &same));
        if (!same)
            HM_TRY(take_file(plan, view, target, err));
    }
    HM_TRY(hm_role_file_name("drafts/", item->role, err, &path));
    drop = hm_arena_strdup(&plan->arena, hm_buf_bytes(&path));
    return hm_plan_add_drop(plan, drop, err);
}

/* Drops the submissions that are done with, and notes those that still wait. */
static enum hm_rc take_submissions(struct hm_plan *plan, struct maker_view *view,
                                   struct hm_err *err)
{
    for (size_t i = 0; i < plan->staged->count; i++) {
        const struct hm_staged *staged = &plan->staged->items[i];
        bool done = (view->last != NULL && staged <= view->last) ||
                    (!staged->is_attested && hm_staged_is_done(staged, plan->roles->tree));

        if (!is_waiting(staged, view))
            continue;
        if (staged->is_attested)
            HM_TRY(is_approved(plan, view, staged, err, &done));
        if (done)
            HM_TRY(hm_plan_add_drop(plan, hm_site_text(&plan->arena, "submissions/%s/", staged->id),
                                    err));
        else
            HM_TRY(
                hm_plan_note(plan, err,
                             "submission %.12s of '%s' waits: 'hallmark site review %.12s', then "
                             "'approve' or 'reject'",
                             staged->id, staged->maker, staged->id));
    }
    return HM_OK;
}

static enum hm_rc take_side(struct hm_plan *plan, const struct hm_plan_side *side,
                            struct hm_err *err)
{
    for (size_t i = 0; i < side->count; i++) {
        struct hm_bytes raw;

        HM_TRY(hm_arena_copy(&plan->arena, side->items[i].raw, err, &raw));
        HM_TRY(hm_plan_add_document(plan, side->items[i].role, side->items[i].version, raw, err));
    }
    return HM_OK;
}

static enum hm_rc take(struct hm_plan *plan, struct maker_view *view, struct hm_err *err)
{
    for (size_t i = 0; i < view->release.count; i++)
        HM_TRY(take_release(plan, view, &view->release.items[i], err));
    HM_TRY(take_side(plan, &view->release, err));
    HM_TRY(take_side(plan, &view->made, err));
    return take_submissions(plan, view, err);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Nothing new of this maker, and nothing new said of it. */
static bool is_unchanged(const struct hm_plan *plan, const struct hm_layout_maker *maker)
{
    if (hm_plan_is_changed(plan, maker))
        return false;
    for (size_t i = 0; i < plan->draft_count; i++) {
        struct hm_partition_name name;

        if (hm_partition_parse(hm_bytes_str(plan->drafts[i]), &name) &&
            hm_bytes_is_str(name.id, maker->id))
            return false;
    }
    for (size_t i = 0; i < plan->staged->count; i++)
        if (strcmp(plan->staged->items[i].maker, maker->id) == 0)
            return false;
    return true;
}

enum hm_rc hm_plan_maker(struct hm_plan *plan, const struct hm_layout_maker *maker,
                         struct hm_err *err, struct hm_err *why, bool *ret_ok)
{
    _hm_done_(view_done) struct maker_view view = {.maker = NULL};
    enum hm_rc rc;

    *ret_ok = true;
    if (is_unchanged(plan, maker))
        return HM_OK;
    *ret_ok = false;
    HM_TRY(view_init(plan, maker, err, &view));
    rc = view_grade(plan, &view, why, err);
    if (rc == HM_OK)
        rc = choose(plan, &view, why, err);
    if (is_hard(rc)) {
        *err = *why;
        return rc;
    }
    if (rc != HM_OK)
        return HM_OK; /* *why says it */
    *ret_ok = true;
    return take(plan, &view, err);
}
