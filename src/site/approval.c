/* SPDX-License-Identifier: Apache-2.0 */
/* Approving and reviewing (approval.h). */
#include "site/approval.h"

#include "exchange/review.h"
#include "exchange/role.h"
#include "site/compare.h"
#include "site/scanned.h"

void hm_approval_done(struct hm_approval *approval)
{
    hm_arena_done(&approval->arena);
}

/* The next release~ID of one maker, and of its products, being built. */
struct builder {
    struct hm_roles *roles;
    const struct hm_staged_list *list;
    const char *maker;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_draft_need need;
    struct hm_parts parts;
    bool afresh;    /* not from the drafts, but from what is published */
    bool has_draft; /* of any part that was loaded */
    bool changed;
};

static void builder_done(struct builder *builder)
{
    hm_parts_done(&builder->parts);
}

/* The draft of role if it is of the next version; NULL: there is none. */
static enum hm_rc load_draft(const struct builder *builder, const char *role, struct hm_err *err,
                             struct hm_draft **ret_draft)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    enum hm_rc rc = hm_draft_load(&builder->roles->site->drafts, role, err, &draft);

    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (draft != NULL && draft->version == hm_tree_version(builder->roles->tree, role) + 1)
        *ret_draft = hm_steal(&draft);
    return HM_OK;
}

/* What the next version goes on from: the draft, or what is published; its version is that of the
 * published one. */
static enum hm_rc load_base(void *ctx, const char *role, struct hm_err *err,
                            struct hm_targets **ret_targets)
{
    struct builder *builder = ctx;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    _hm_free_(hm_targets_free) struct hm_targets *copy = NULL;
    struct hm_targets_unsigned content = {NULL};
    const struct hm_targets *published;
    enum hm_rc rc = HM_OK;

    HM_TRY(load_draft(builder, role, err, &draft));
    builder->has_draft = builder->has_draft || draft != NULL;
    HM_TRY(hm_tree_role(builder->roles->tree, role, err, &published, NULL));
    if (draft != NULL && !builder->afresh) {
        HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(draft->envelope), err, &content));
        rc = hm_targets_copy(content.content, err, &copy);
        hm_targets_free(content.content);
    } else if (published != NULL) {
        rc = hm_targets_copy(published, err, &copy);
    } else {
        rc = hm_targets_new(err, &copy);
    }
    HM_TRY(rc);
    copy->document.version = hm_tree_version(builder->roles->tree, role);
    *ret_targets = hm_steal(&copy);
    return HM_OK;
}

static enum hm_rc builder_init(struct builder *builder, struct hm_roles *roles,
                               const struct hm_staged_list *list, const char *maker, bool afresh,
                               struct hm_err *err)
{
    struct hm_targets *above = NULL;

    *builder = (struct builder){
        .roles = roles, .list = list, .maker = maker, .parts = HM_PARTS_INIT, .afresh = afresh};
    hm_layout_release_role(hm_bytes_str(maker), builder->role);
    HM_TRY(hm_roles_need(roles, builder->role, err, &builder->need));
    HM_TRY(load_base(builder, builder->role, err, &above));
    return hm_parts_open(&builder->parts, builder->role, above, roles->site->flat_max, load_base,
                         builder, err);
}

/* Calls for each file that staged brings; *ret_done is true if all are approved already. */
static enum hm_rc builder_walk(struct builder *builder, const struct hm_staged *staged, bool put,
                               struct hm_err *err, bool *ret_done)
{
    *ret_done = true;
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        const struct hm_target *there;
        enum hm_staged_kind kind;
        bool same = false;

        HM_TRY(hm_staged_judge(builder->list, builder->roles->tree, staged, target, err, &kind));
        if (kind == HM_STAGED_MISSING)
            return hm_fail(err, HM_ENOTFOUND,
                           "'%.*s': its image is gone; take the submission in again",
                           HM_BYTES_FMT(target->path));
        if (kind == HM_STAGED_OTHERBYTES)
            return hm_fail(err, HM_EREFUSED,
                           "'%.*s' was published or submitted with other bytes; reject one of the "
                           "submissions",
                           HM_BYTES_FMT(target->path));
        if (!hm_staged_is_brought(kind))
            continue;
        HM_TRY(hm_parts_find(&builder->parts, target->path, err, &there));
        if (there != NULL)
            HM_TRY(hm_staged_is_same(there, target, err, &same));
        if (same)
            continue;
        *ret_done = false;
        if (!put)
            return HM_OK;
        HM_TRY(hm_parts_put(&builder->parts, target, err));
        builder->changed = true;
    }
    return HM_OK;
}

/* maker~ID is published in order: what an earlier version brought comes first. */
static enum hm_rc builder_check_order(struct builder *builder, const struct hm_staged *staged,
                                      struct hm_err *err)
{
    for (const struct hm_staged *other = builder->list->items; other < staged; other++) {
        bool done;

        if (other->rejected != NULL || other->is_attested ||
            strcmp(other->maker, staged->maker) != 0)
            continue;
        HM_TRY(builder_walk(builder, other, false, err, &done));
        if (!done)
            return hm_fail(err, HM_EREFUSED,
                           "submission %.12s of '%s' (version %lld) comes before %.12s (version "
                           "%lld): approve or reject it first, or both at once",
                           other->id, other->maker, (long long)other->version, staged->id,
                           (long long)staged->version);
    }
    return HM_OK;
}

static enum hm_rc builder_add(struct builder *builder, const struct hm_staged *staged,
                              struct hm_err *err)
{
    const struct hm_layout_maker *maker =
        hm_layout_find(hm_roles_layout(builder->roles), hm_bytes_str(staged->maker));
    bool done;

    if (maker == NULL || maker->is_attested != staged->is_attested)
        return hm_fail(err, HM_EREFUSED,
                       "submission %.12s was taken in while '%s' was attested; it signs its "
                       "releases itself now: reject it, and take in the maker's own",
                       staged->id, staged->maker);
    if (!staged->is_attested)
        HM_TRY(builder_check_order(builder, staged, err));
    return builder_walk(builder, staged, true, err, &done);
}

/* The last step: products get their roles where there are many files. */
static enum hm_rc builder_end(struct builder *builder, struct hm_err *err)
{
    HM_TRY(hm_parts_divide(&builder->parts, err));
    if (!builder->parts.items[0].changed)
        return HM_OK;
    return hm_parts_seal(&builder->parts, builder->need.groups[0], err);
}

static enum hm_rc builder_write(const struct builder *builder, const struct hm_parts_item *item,
                                struct hm_err *err, struct hm_buf *ret_canonical)
{
    return hm_roles_write_release(builder->roles->site, item->role,
                                  hm_tree_version(builder->roles->tree, item->role) + 1, item->next,
                                  err, ret_canonical);
}

/* Approving */

static enum hm_rc save_item(struct builder *builder, const struct hm_parts_item *item,
                            struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;

    HM_TRY(load_draft(builder, item->role, err, &draft));
    if (draft != NULL && draft->envelope->signature_count > 0)
        HM_TRY(hm_buf_append_fmt(report, err,
                                 "WARNING: the draft of '%s' had %zu signature%s; it is replaced, "
                                 "and must be signed again\n",
                                 item->role, draft->envelope->signature_count,
                                 draft->envelope->signature_count == 1 ? "" : "s"));
    HM_TRY(builder_write(builder, item, err, &canonical));
    return hm_draft_put(&builder->roles->site->drafts, item->role, hm_buf_bytes(&canonical), err);
}

static enum hm_rc save(struct builder *builder, struct hm_err *err, struct hm_buf *report)
{
    if (!builder->changed)
        return hm_buf_append_fmt(report, err, "'%s': all of it is approved already\n",
                                 builder->role);
    HM_TRY(builder_end(builder, err));
    for (size_t i = 0; i < builder->parts.count; i++)
        if (builder->parts.items[i].changed)
            HM_TRY(save_item(builder, &builder->parts.items[i], err, report));
    return HM_OK;
}

static bool is_chosen(const struct hm_staged *staged, const struct hm_staged *const *chosen,
                      size_t chosen_count)
{
    for (size_t i = 0; i < chosen_count; i++)
        if (chosen[i] == staged)
            return true;
    return false;
}

static enum hm_rc add_role(struct hm_approval *approval, const char *role, struct hm_err *err)
{
    if (approval->role_count == approval->role_capacity) {
        size_t capacity = approval->role_capacity == 0 ? 16 : 2 * approval->role_capacity;
        const char **grown = hm_arena_alloc(&approval->arena, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        if (approval->role_count > 0)
            memcpy(grown, approval->roles, approval->role_count * sizeof(*grown));
        approval->roles = grown;
        approval->role_capacity = capacity;
    }
    approval->roles[approval->role_count] = hm_arena_strdup(&approval->arena, hm_bytes_str(role));
    return approval->roles[approval->role_count++] == NULL ? hm_error_nomem(err) : HM_OK;
}

/* What is to be signed: the parts that were touched, and of which there is a draft now. */
static enum hm_rc add_roles(const struct builder *builder, struct hm_approval *approval,
                            struct hm_err *err)
{
    for (size_t i = 0; i < builder->parts.count; i++) {
        const struct hm_parts_item *item = &builder->parts.items[i];
        _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;

        HM_TRY(load_draft(builder, item->role, err, &draft));
        if (draft != NULL)
            HM_TRY(add_role(approval, item->role, err));
    }
    return HM_OK;
}

/* One maker's chosen submissions; those lie together in the list, from first on. */
static enum hm_rc approve_maker(struct hm_roles *roles, const struct hm_staged_list *list,
                                size_t first, const struct hm_staged *const *chosen,
                                size_t chosen_count, struct hm_err *err, struct hm_buf *report,
                                struct hm_approval *approval)
{
    _hm_done_(builder_done) struct builder builder = {.parts = HM_PARTS_INIT};

    HM_TRY(builder_init(&builder, roles, list, list->items[first].maker, false, err));
    for (size_t i = first; i < list->count; i++)
        if (strcmp(list->items[i].maker, builder.maker) == 0 &&
            is_chosen(&list->items[i], chosen, chosen_count))
            HM_TRY(builder_add(&builder, &list->items[i], err));
    HM_TRY(save(&builder, err, report));
    /* An identity or a maker's document alone: nothing for approvers to sign. */
    return builder.changed || builder.has_draft ? add_roles(&builder, approval, err) : HM_OK;
}

static enum hm_rc choose(const struct hm_staged_list *list, const char *const *ids, size_t id_count,
                         const struct hm_staged **chosen, size_t *ret_count, struct hm_err *err)
{
    size_t count = 0;

    if (ids == NULL) {
        for (size_t i = 0; i < list->count; i++)
            if (list->items[i].rejected == NULL)
                chosen[count++] = &list->items[i];
        if (count == 0)
            return hm_fail(err, HM_EUNKNOWN, "no submission waits");
    }
    for (size_t i = 0; ids != NULL && i < id_count; i++) {
        const struct hm_staged *found;

        HM_TRY(hm_staged_find(list, ids[i], err, &found));
        if (!is_chosen(found, chosen, count))
            chosen[count++] = found;
    }
    *ret_count = count;
    return HM_OK;
}

/* What the scan found: each finding must be acknowledged by its ID, now or before. */
struct acknowledging {
    const struct hm_site *site;
    const struct hm_approval *approval;
    struct hm_scanned_word *words; /* as many as were acknowledged */
    size_t open_count;
};

static enum hm_rc load_findings(struct acknowledging *acknowledging, const char *id,
                                struct hm_err *err, struct hm_scanned *ret_scanned,
                                bool *ret_changed)
{
    HM_TRY(hm_scanned_load(acknowledging->site, id, err, ret_scanned));
    *ret_changed = hm_scanned_acknowledge(ret_scanned, acknowledging->words,
                                          acknowledging->approval->acknowledged_count,
                                          acknowledging->site->now_unix_s);
    return HM_OK;
}

static enum hm_rc check_findings(struct acknowledging *acknowledging,
                                 const struct hm_staged *staged, struct hm_err *err,
                                 struct hm_buf *report)
{
    _hm_done_(hm_scanned_done) struct hm_scanned scanned = HM_SCANNED_INIT;
    size_t open;
    bool changed;

    HM_TRY(load_findings(acknowledging, staged->id, err, &scanned, &changed));
    open = hm_scanned_open_count(&scanned);
    acknowledging->open_count += open;
    if (open == 0)
        return HM_OK;
    HM_TRY(
        hm_buf_append_fmt(report, err, "submission %.12s of '%s':\n", staged->id, staged->maker));
    return hm_scanned_text(&scanned, err, report);
}

static enum hm_rc keep_findings(struct acknowledging *acknowledging, const struct hm_staged *staged,
                                struct hm_err *err)
{
    _hm_done_(hm_scanned_done) struct hm_scanned scanned = HM_SCANNED_INIT;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    char path[160];
    bool changed;

    HM_TRY(load_findings(acknowledging, staged->id, err, &scanned, &changed));
    if (!changed)
        return HM_OK;
    (void)snprintf(path, sizeof(path), "submissions/%s", staged->id);
    HM_TRY(hm_dir_open_at(&acknowledging->site->private_dir, path, false, err, &dir));
    return hm_scanned_write(&scanned, &dir, err);
}

static enum hm_rc init_words(struct acknowledging *acknowledging, struct hm_approval *approval,
                             struct hm_err *err)
{
    size_t count = approval->acknowledged_count;

    acknowledging->words =
        hm_arena_alloc(&approval->arena, count + 1, sizeof(*acknowledging->words));
    if (acknowledging->words == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++)
        acknowledging->words[i] = (struct hm_scanned_word){.text = approval->acknowledged[i]};
    return HM_OK;
}

/* Each names one finding, and no more. */
static enum hm_rc check_words(const struct acknowledging *acknowledging, struct hm_err *err)
{
    for (size_t i = 0; i < acknowledging->approval->acknowledged_count; i++) {
        const struct hm_scanned_word *word = &acknowledging->words[i];

        if (word->id[0] == '\0')
            return hm_fail(err, HM_EUSAGE,
                           "'%s' is the ID of no finding in these submissions (at least %d digits)",
                           word->text, HM_SCANNED_ID_MIN);
        if (word->is_ambiguous)
            return hm_fail(err, HM_EUSAGE,
                           "'%s' begins the IDs of several findings in these submissions: give all "
                           "digits, as 'hallmark site review' tells them",
                           word->text);
    }
    return HM_OK;
}

static enum hm_rc acknowledge(const struct hm_site *site, struct hm_approval *approval,
                              const struct hm_staged *const *chosen, size_t count,
                              struct hm_err *err, struct hm_buf *report)
{
    struct acknowledging acknowledging = {.site = site, .approval = approval};

    HM_TRY(init_words(&acknowledging, approval, err));
    for (size_t i = 0; i < count; i++)
        HM_TRY(check_findings(&acknowledging, chosen[i], err, report));
    HM_TRY(check_words(&acknowledging, err));
    if (acknowledging.open_count > 0)
        return hm_fail(err, HM_EREFUSED,
                       "%zu finding%s of the scan, told above, %s not acknowledged: read them, and "
                       "approve with '--acknowledge ID' for each that may pass, or reject",
                       acknowledging.open_count, acknowledging.open_count == 1 ? "" : "s",
                       acknowledging.open_count == 1 ? "is" : "are");
    for (size_t i = 0; i < count; i++)
        HM_TRY(keep_findings(&acknowledging, chosen[i], err));
    return HM_OK;
}

enum hm_rc hm_approval_run(const struct hm_site *site, const char *const *ids, size_t id_count,
                           struct hm_err *err, struct hm_buf *report,
                           struct hm_approval *ret_approval)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_staged_free) struct hm_staged_list *list = NULL;
    struct hm_approval *approval = ret_approval;
    const struct hm_staged **chosen;
    size_t count = 0;

    HM_TRY(hm_roles_load(site, err, &roles));
    HM_TRY(hm_staged_load(site, err, &list));
    chosen = hm_arena_alloc(&approval->arena, list->count + id_count, sizeof(*chosen));
    if (chosen == NULL)
        return hm_error_nomem(err);
    HM_TRY(choose(list, ids, id_count, chosen, &count, err));
    HM_TRY(acknowledge(site, approval, chosen, count, err, report));
    if (roles->targets_draft != NULL)
        HM_TRY(add_role(approval, "targets", err));
    for (size_t i = 0; i < list->count; i++) {
        /* Once for each maker, at its first chosen submission. */
        if (!is_chosen(&list->items[i], chosen, count))
            continue;
        HM_TRY(approve_maker(roles, list, i, chosen, count, err, report, approval));
        while (i + 1 < list->count && strcmp(list->items[i + 1].maker, list->items[i].maker) == 0)
            i++;
    }
    return HM_OK;
}

/* Rejecting */

/* Whether any file that staged brings is approved, and not published. */
static enum hm_rc is_in_draft(struct builder *builder, const struct hm_staged *staged,
                              struct hm_err *err, bool *ret_in_draft)
{
    *ret_in_draft = false;
    for (size_t i = 0; i < staged->content->target_count && !*ret_in_draft; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        const struct hm_target *there;
        enum hm_staged_kind kind;

        HM_TRY(hm_staged_judge(builder->list, builder->roles->tree, staged, target, err, &kind));
        if (!hm_staged_is_brought(kind))
            continue;
        HM_TRY(hm_parts_find(&builder->parts, target->path, err, &there));
        if (there != NULL)
            HM_TRY(hm_staged_is_same(there, target, err, ret_in_draft));
    }
    return HM_OK;
}

static const struct hm_parts_item *find_part(const struct builder *builder, const char *role)
{
    for (size_t i = 0; i < builder->parts.count; i++)
        if (strcmp(builder->parts.items[i].role, role) == 0)
            return &builder->parts.items[i];
    return NULL;
}

static bool is_same_list(const struct hm_targets *a, const struct hm_targets *b)
{
    if (a->target_count != b->target_count ||
        a->delegations.role_count != b->delegations.role_count)
        return false;
    for (size_t i = 0; i < a->target_count; i++)
        if (!hm_bytes_is_equal(a->targets[i].path, b->targets[i].path) ||
            !hm_digest_is_equal(&a->targets[i].facts.sha256, &b->targets[i].facts.sha256) ||
            !hm_bytes_is_equal(a->targets[i].custom, b->targets[i].custom))
            return false;
    return true;
}

/* One part of which there may be a draft: it is made anew if it lists other files than before,
 * dropped if nothing of it is approved any more, and else keeps its signatures. */
static enum hm_rc replace_part(const struct builder *before, struct builder *after,
                               const char *role, struct hm_err *err, struct hm_buf *report)
{
    const struct hm_parts_item *old = find_part(before, role);
    const struct hm_parts_item *now = find_part(after, role);
    const struct hm_targets *published;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;

    HM_TRY(load_draft(before, role, err, &draft));
    if (now != NULL && now->changed) {
        if (draft != NULL && old != NULL && is_same_list(old->next, now->next))
            return HM_OK;
        return save_item(after, now, err, report);
    }
    if (draft == NULL || old == NULL)
        return HM_OK;
    HM_TRY(hm_tree_role(after->roles->tree, role, err, &published, NULL));
    if (published != NULL && is_same_list(old->next, published))
        return HM_OK; /* it only signs anew */
    HM_TRY(hm_buf_append_fmt(report, err, "the draft of '%s' is dropped: nothing else was in it\n",
                             role));
    return hm_draft_remove(&after->roles->site->drafts, role, err);
}

/* The drafts without staged: what else they approved, from what is published on. */
static enum hm_rc leave_draft(struct hm_roles *roles, const struct hm_staged_list *list,
                              const struct hm_staged *staged, struct hm_err *err,
                              struct hm_buf *report)
{
    _hm_done_(builder_done) struct builder before = {.parts = HM_PARTS_INIT};
    _hm_done_(builder_done) struct builder after = {.parts = HM_PARTS_INIT};
    bool in_draft, done;

    HM_TRY(builder_init(&before, roles, list, staged->maker, false, err));
    HM_TRY(is_in_draft(&before, staged, err, &in_draft));
    if (!in_draft)
        return HM_OK;
    HM_TRY(hm_parts_touch(&before.parts, err)); /* load all of it */
    HM_TRY(builder_init(&after, roles, list, staged->maker, true, err));
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_staged *other = &list->items[i];

        if (other == staged || other->rejected != NULL || strcmp(other->maker, staged->maker) != 0)
            continue;
        HM_TRY(is_in_draft(&before, other, err, &in_draft));
        if (in_draft)
            HM_TRY(builder_walk(&after, other, true, err, &done));
    }
    HM_TRY(builder_end(&after, err));
    for (size_t i = 0; i < before.parts.count; i++)
        HM_TRY(replace_part(&before, &after, before.parts.items[i].role, err, report));
    for (size_t i = 0; i < after.parts.count; i++)
        if (find_part(&before, after.parts.items[i].role) == NULL)
            HM_TRY(replace_part(&before, &after, after.parts.items[i].role, err, report));
    return HM_OK;
}

enum hm_rc hm_approval_reject(const struct hm_site *site, const char *id, const char *reason,
                              struct hm_err *err, struct hm_buf *report)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_staged_free) struct hm_staged_list *list = NULL;
    const struct hm_staged *staged;

    HM_TRY(hm_staged_check_reason(reason, err));
    HM_TRY(hm_roles_load(site, err, &roles));
    HM_TRY(hm_staged_load(site, err, &list));
    HM_TRY(hm_staged_find(list, id, err, &staged));
    HM_TRY(leave_draft(roles, list, staged, err, report));
    HM_TRY(hm_staged_reject(site, staged, reason, err));
    return hm_buf_append_fmt(report, err, "submission %.12s of '%s' is rejected\n", staged->id,
                             staged->maker);
}

/* Reviewing */

static enum hm_rc review_draft(struct hm_roles *roles, const char *role, struct hm_err *err,
                               struct hm_buf *report)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_bytes current;

    HM_TRY(hm_draft_load(&roles->site->drafts, role, err, &draft));
    HM_TRY(hm_tree_raw(roles->tree, role, err, &current));
    HM_TRY(hm_buf_append_str(report, "draft ", err));
    HM_TRY(hm_roles_describe(roles, role, err, report));
    return hm_review_document(role, current, draft->raw, err, report);
}

static enum hm_rc compare_image(const struct hm_staged *staged, const struct hm_target *target,
                                struct builder *builder, struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(2 * HM_TARGETS_PATH_SIZE_MAX);
    char release[HM_LAYOUT_ROLE_SIZE_MAX];

    HM_TRY(hm_buf_append_fmt(&path, err, "submissions/%s/images/", staged->id));
    HM_TRY(hm_buf_append(&path, target->path, err));
    hm_layout_release_role(hm_bytes_str(staged->maker), release);
    return hm_compare_image(builder->roles->tree, release, target, hm_buf_str(&path), err, report);
}

static enum hm_rc review_images(const struct hm_staged_list *list, const struct hm_staged *staged,
                                struct builder *builder, struct hm_err *err, struct hm_buf *report)
{
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        char hex[HM_SHA256_HEX_SIZE];
        enum hm_staged_kind kind;

        HM_TRY(hm_staged_judge(list, builder->roles->tree, staged, target, err, &kind));
        if (kind != HM_STAGED_NEW)
            continue;
        hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(
            hm_buf_append_fmt(report, err, "  image private/submissions/%s/images/", staged->id));
        HM_TRY(hm_text_escape(report, target->path, err));
        HM_TRY(hm_buf_append_fmt(report, err, "\n    %llu bytes, sha256 %s\n",
                                 (unsigned long long)target->facts.length, hex));
        HM_TRY(compare_image(staged, target, builder, err, report));
    }
    return HM_OK;
}

/* One part of what approving would sign, against what is published. */
static enum hm_rc review_item(const struct builder *builder, const struct hm_parts_item *item,
                              struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    struct hm_bytes current;

    HM_TRY(hm_tree_raw(builder->roles->tree, item->role, err, &current));
    HM_TRY(builder_write(builder, item, err, &canonical));
    HM_TRY(hm_envelope_write(hm_buf_bytes(&canonical), NULL, 0, err, &raw));
    return hm_review_document(item->role, current, hm_buf_bytes(&raw), err, report);
}

/* What approving it would sign: the difference that its drafts would make. */
static enum hm_rc review_staged(struct hm_roles *roles, const struct hm_staged_list *list,
                                const struct hm_staged *staged, struct hm_err *err,
                                struct hm_buf *report)
{
    _hm_done_(builder_done) struct builder builder = {.parts = HM_PARTS_INIT};
    _hm_done_(hm_scanned_done) struct hm_scanned scanned = HM_SCANNED_INIT;
    char taken[HM_TIME_TEXT_SIZE];

    hm_time_format(staged->taken_unix_s, taken);
    HM_TRY(hm_buf_append_fmt(
        report, err, "submission %.12s of '%s', %s, taken in %s\n", staged->id, staged->maker,
        staged->is_attested ? "attested by the vendor" : "signed by the maker", taken));
    HM_TRY(hm_scanned_load(roles->site, staged->id, err, &scanned));
    HM_TRY(hm_scanned_text(&scanned, err, report));
    HM_TRY(builder_init(&builder, roles, list, staged->maker, false, err));
    HM_TRY(review_images(list, staged, &builder, err, report));
    HM_TRY(builder_add(&builder, staged, err));
    if (!builder.changed)
        return hm_buf_append_str(report, "  all of it stands in a draft already\n", err);
    HM_TRY(builder_end(&builder, err));
    for (size_t i = 0; i < builder.parts.count; i++)
        if (builder.parts.items[i].changed)
            HM_TRY(review_item(&builder, &builder.parts.items[i], err, report));
    return HM_OK;
}

static enum hm_rc review_all(struct hm_roles *roles, const struct hm_staged_list *list,
                             struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count, shown = 0;

    HM_TRY(hm_draft_list(&roles->site->drafts, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++, shown++)
        HM_TRY(review_draft(roles, names[i], err, report));
    for (size_t i = 0; i < list->count; i++) {
        enum hm_rc rc;
        struct hm_err why = HM_ERR_INIT;

        if (list->items[i].rejected != NULL)
            continue;
        shown++;
        rc = review_staged(roles, list, &list->items[i], &why, report);
        if (rc == HM_EREFUSED || rc == HM_ENOTFOUND) /* one of several: the others are shown */
            HM_TRY(hm_buf_append_fmt(report, err, "  %s\n", why.text));
        else if (rc != HM_OK) {
            *err = why;
            return rc;
        }
    }
    return shown > 0 ? HM_OK : hm_buf_append_str(report, "nothing waits\n", err);
}

enum hm_rc hm_approval_review(const struct hm_site *site, const char *what, struct hm_err *err,
                              struct hm_buf *report)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_staged_free) struct hm_staged_list *list = NULL;
    const struct hm_staged *staged;
    enum hm_role_kind kind;

    HM_TRY(hm_roles_load(site, err, &roles));
    HM_TRY(hm_staged_load(site, err, &list));
    if (what == NULL)
        return review_all(roles, list, err, report);
    if (hm_role_parse(hm_bytes_str(what), NULL, &kind) == HM_OK)
        return review_draft(roles, what, err, report);
    HM_TRY(hm_staged_find(list, what, err, &staged));
    return review_staged(roles, list, staged, err, report);
}
