/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be published of one maker (plan.h).
 *
 * Two documents speak for a maker: release~ID (published or draft) and, where the maker signs
 * itself, maker~ID (published or in a submission). The newest pair that satisfies the both-sign
 * rule for every file in it is taken; approval is nothing but a file standing in a signed
 * release~ID.
 */
#include "site/plan_internal.h"
#include "trust/verdict.h"

struct maker_view {
    const struct hm_layout_maker *maker;
    char release_role[HM_LAYOUT_ROLE_SIZE_MAX], maker_role[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_role_keys *release_keys, *maker_keys; /* under the plan's targets */
    const struct hm_targets *published_release, *published_made;
    const struct hm_envelope *release_envelope, *made_envelope;
    struct hm_draft *draft; /* owned */
    struct hm_targets *draft_release;
    enum hm_grade grade;
    /* the choice */
    const struct hm_targets *release, *made;
    bool is_draft;
    const struct hm_staged *staged; /* made comes from it; NULL: the published one */
};

static void view_done(struct maker_view *view)
{
    hm_targets_free(view->draft_release);
    hm_draft_free(view->draft);
}

/* While a draft of targets changes the keys of release~ID, both go out together or not at all. */
static bool waits_for_targets(const struct hm_plan *plan, const struct maker_view *view)
{
    const struct hm_role_keys *next = hm_tree_keys(
        NULL, hm_roles_targets(plan->roles), hm_roles_layout(plan->roles), view->release_role);

    return plan->targets != hm_roles_targets(plan->roles) && next != NULL &&
           !hm_keyring_is_same_role(next, view->release_keys);
}

/* The draft of release~ID if all is well with it; else a note. */
static enum hm_rc view_draft(struct hm_plan *plan, struct maker_view *view, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_targets_unsigned content = {NULL};
    struct hm_signed ignored;
    enum hm_rc rc =
        hm_draft_load(&plan->roles->site->drafts, view->release_role, err, &view->draft);
    int64_t next = hm_tree_version(plan->roles->tree, view->release_role) + 1;

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    if (view->draft->version != next)
        return hm_plan_note(plan, err,
                            "'%s' version %lld: the next version is %lld; make the draft anew",
                            view->release_role, (long long)view->draft->version, (long long)next);
    if (waits_for_targets(plan, view))
        return hm_plan_note(plan, err,
                            "'%s' version %lld waits for the draft of 'targets', which changes who "
                            "signs it",
                            view->release_role, (long long)view->draft->version);
    if (hm_envelope_verify(view->draft->envelope, view->release_keys, view->release_role, &why,
                           &ignored) != HM_OK)
        return hm_plan_note_unsigned(plan, view->draft, &why, err);
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(view->draft->envelope), err, &content));
    view->draft_release = content.content;
    rc = hm_document_check_expiry(&content.content->document, plan->roles->site->now_unix_s,
                                  view->release_role, &why);
    if (rc != HM_OK) {
        hm_targets_free(hm_steal(&view->draft_release));
        return hm_plan_note(plan, err, "%s", why.text);
    }
    return HM_OK;
}

static enum hm_rc view_init(struct hm_plan *plan, const struct hm_layout_maker *maker,
                            struct hm_err *err, struct maker_view *view)
{
    struct hm_tree *tree = plan->roles->tree;

    view->maker = maker;
    hm_layout_release_role(hm_bytes_str(maker->id), view->release_role);
    hm_layout_maker_role(hm_bytes_str(maker->id), view->maker_role);
    view->release_keys = hm_tree_keys(NULL, plan->targets, plan->layout, view->release_role);
    view->maker_keys = hm_tree_keys(NULL, plan->targets, plan->layout, view->maker_role);
    if (view->release_keys == NULL || (view->maker_keys == NULL && !maker->is_attested))
        return hm_fail(err, HM_EFORMAT, "'targets': maker '%s' lacks a role", maker->id);
    HM_TRY(hm_tree_role(tree, view->release_role, err, &view->published_release,
                        &view->release_envelope));
    HM_TRY(hm_tree_role(tree, view->maker_role, err, &view->published_made, &view->made_envelope));
    return view_draft(plan, view, err);
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

/* Whether everything this submission brings stands in release, as it brought it. */
static enum hm_rc is_approved(const struct hm_plan *plan, const struct maker_view *view,
                              const struct hm_staged *staged, const struct hm_targets *release,
                              struct hm_err *err, bool *ret_approved)
{
    *ret_approved = false;
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        const struct hm_target *released =
            release == NULL ? NULL : hm_targets_find(release, target->path);
        enum hm_staged_kind kind;
        bool same = false;

        HM_TRY(hm_staged_judge(plan->staged, staged, view->published_release, view->published_made,
                               target, err, &kind));
        if (!hm_staged_is_brought(kind))
            continue;
        if (released != NULL)
            HM_TRY(hm_staged_is_same(released, target, err, &same));
        if (!same)
            return HM_OK;
    }
    *ret_approved = true;
    return HM_OK;
}

static bool is_waiting(const struct hm_staged *staged, const struct maker_view *view)
{
    return staged->rejected == NULL && strcmp(staged->maker, view->maker->id) == 0 &&
           staged->is_attested == view->maker->is_attested;
}

/* The newest maker~ID that goes with release: submissions in order, up to the first that is not
 * approved or not signed by the keys in force. */
static enum hm_rc choose_made(const struct hm_plan *plan, struct maker_view *view,
                              const struct hm_targets *release, struct hm_err *err)
{
    int64_t published = hm_tree_version(plan->roles->tree, view->maker_role);

    view->made = view->published_made;
    view->staged = NULL;
    for (size_t i = 0; i < plan->staged->count; i++) {
        const struct hm_staged *staged = &plan->staged->items[i];
        struct hm_signed ignored;
        bool approved;

        if (!is_waiting(staged, view) || staged->version <= published)
            continue;
        HM_TRY(is_approved(plan, view, staged, release, err, &approved));
        if (!approved) /* nor may a later one pass it: it would be dropped unseen */
            return HM_OK;
        if (hm_envelope_verify(staged->envelope, view->maker_keys, view->maker_role, NULL,
                               &ignored) != HM_OK)
            continue; /* made under an earlier identity; a later one may be good */
        view->made = staged->content;
        view->staged = staged;
    }
    return HM_OK;
}

static enum hm_rc check_pair(const struct hm_plan *plan, const struct maker_view *view,
                             const struct hm_targets *release, const struct hm_targets *made,
                             struct hm_err *why)
{
    struct hm_release_file file;

    if (release == NULL)
        return HM_OK;
    if (!view->maker->is_attested && made == NULL && release->target_count > 0)
        return hm_fail(why, HM_EREFUSED,
                       "'%s' lists files, but '%s' is not here signed by the keys of the maker's "
                       "identity version %lld: take in a submission that has it",
                       view->release_role, view->maker_role,
                       (long long)view->maker->identity_version);
    HM_TRY(hm_verdict_names(view->maker, view->release_role, release, why));
    if (!view->maker->is_attested && made != NULL)
        HM_TRY(hm_verdict_names(view->maker, view->maker_role, made, why));
    for (size_t i = 0; i < release->target_count; i++)
        HM_TRY(hm_verdict_path(plan->layout, view->maker, view->grade, release,
                               view->maker->is_attested ? NULL : made, release->targets[i].path,
                               why, &file));
    return HM_OK;
}

/* HM_OK where the pair (release, its best maker~ID) holds under the plan's targets. */
static enum hm_rc try_release(const struct hm_plan *plan, struct maker_view *view,
                              const struct hm_targets *release, bool is_draft, struct hm_err *why)
{
    struct hm_signed ignored;

    if (!is_draft && view->release_envelope != NULL)
        HM_TRY(hm_envelope_verify(view->release_envelope, view->release_keys, view->release_role,
                                  why, &ignored));
    if (!view->maker->is_attested) {
        HM_TRY(choose_made(plan, view, release, why));
        if (view->staged == NULL && view->made_envelope != NULL)
            HM_TRY(hm_envelope_verify(view->made_envelope, view->maker_keys, view->maker_role, why,
                                      &ignored));
    }
    HM_TRY(check_pair(plan, view, release, view->made, why));
    view->release = release;
    view->is_draft = is_draft;
    return HM_OK;
}

static bool is_hard(enum hm_rc rc)
{
    return rc == HM_ENOMEM || rc == HM_EIO || rc == HM_EINTERNAL || rc == HM_EINPUT;
}

/* Taking */

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
    plan->paths[plan->path_count++] =
        (struct hm_plan_path){.maker = view->maker->id, .path = image.path};
    HM_TRY(hm_tree_image_name(target->path, &target->facts.sha256, err, &name));
    if (!hm_dir_has(&plan->roles->site->public_dir, hm_buf_str(&name))) {
        HM_TRY(find_source(plan, view, target, err, &image.source));
        if (image.source == NULL)
            return hm_fail(err, HM_ENOTFOUND,
                           "'%.*s': '%s' lists it, but no submission here holds its image; take "
                           "the submission in again, or make the draft anew",
                           HM_BYTES_FMT(target->path), view->release_role);
    }
    HM_TRY(hm_plan_grow(plan, (void **)&plan->images, plan->image_count, &plan->image_capacity,
                        sizeof(*plan->images), err));
    plan->images[plan->image_count++] = image;
    return HM_OK;
}

static enum hm_rc take_release(struct hm_plan *plan, const struct maker_view *view,
                               struct hm_err *err)
{
    struct hm_bytes raw;

    for (size_t i = 0; i < view->release->target_count; i++) {
        const struct hm_target *target = &view->release->targets[i];
        const struct hm_target *before =
            view->published_release == NULL
                ? NULL
                : hm_targets_find(view->published_release, target->path);
        bool same = false;

        if (before != NULL)
            HM_TRY(hm_staged_is_same(before, target, err, &same));
        if (!same)
            HM_TRY(take_file(plan, view, target, err));
    }
    HM_TRY(hm_arena_copy(&plan->arena, view->draft->raw, err, &raw));
    HM_TRY(hm_plan_add_document(plan, view->release_role, view->draft->version, raw, err));
    return hm_plan_add_drop(plan, hm_site_text(&plan->arena, "drafts/%s.json", view->release_role),
                            err);
}

/* Drops the submissions that are done with, and notes those that still wait. */
static enum hm_rc take_submissions(struct hm_plan *plan, const struct maker_view *view,
                                   struct hm_err *err)
{
    int64_t version = view->staged != NULL ? view->staged->version
                                           : hm_tree_version(plan->roles->tree, view->maker_role);

    for (size_t i = 0; i < plan->staged->count; i++) {
        const struct hm_staged *staged = &plan->staged->items[i];
        bool done = staged->version <= version;

        if (!is_waiting(staged, view))
            continue;
        if (staged->is_attested)
            HM_TRY(is_approved(plan, view, staged, view->release, err, &done));
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

static enum hm_rc take(struct hm_plan *plan, const struct maker_view *view, struct hm_err *err)
{
    struct hm_bytes raw;

    if (view->is_draft)
        HM_TRY(take_release(plan, view, err));
    if (view->staged != NULL) {
        HM_TRY(hm_arena_copy(&plan->arena, view->staged->raw, err, &raw));
        HM_TRY(hm_plan_add_document(plan, view->maker_role, view->staged->version, raw, err));
    }
    return take_submissions(plan, view, err);
}

/* The newest pair that holds: with the draft, else with what is published. */
static enum hm_rc choose(struct hm_plan *plan, struct maker_view *view, struct hm_err *why,
                         struct hm_err *err)
{
    enum hm_rc rc;

    if (view->draft_release != NULL) {
        rc = try_release(plan, view, view->draft_release, true, why);
        if (rc == HM_OK || is_hard(rc))
            return rc;
        HM_TRY(hm_plan_note(plan, err, "'%s' version %lld: %s", view->release_role,
                            (long long)view->draft->version, why->text));
    }
    return try_release(plan, view, view->published_release, false, why);
}

/* Nothing new of this maker, and nothing new said of it. */
static bool is_unchanged(const struct hm_plan *plan, const struct hm_layout_maker *maker)
{
    char name[HM_LAYOUT_ROLE_SIZE_MAX + sizeof(".json")];
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    if (plan->targets != plan->roles->tree->targets.targets)
        return false;
    hm_layout_release_role(hm_bytes_str(maker->id), role);
    (void)snprintf(name, sizeof(name), "%s.json", role);
    if (hm_dir_has(&plan->roles->site->drafts, name))
        return false;
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
