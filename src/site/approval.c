/* SPDX-License-Identifier: Apache-2.0 */
/* Approving and reviewing (approval.h). */
#include "site/approval.h"

#include "exchange/review.h"
#include "exchange/role.h"

void hm_approval_done(struct hm_approval *approval)
{
    hm_arena_done(&approval->arena);
}

/* The next release~ID of one maker, being built. */
struct builder {
    struct hm_roles *roles;
    const struct hm_staged_list *list;
    const char *maker;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_targets *release, *made; /* published */
    struct hm_draft *draft;                  /* the one there is, or NULL */
    struct hm_targets *next;                 /* owned */
    bool afresh;                             /* not from the draft, but from what is published */
    bool changed;
};

static void builder_done(struct builder *builder)
{
    hm_targets_free(builder->next);
    hm_draft_free(builder->draft);
}

static enum hm_rc builder_base(struct builder *builder, struct hm_err *err)
{
    struct hm_targets_unsigned content = {NULL};
    const struct hm_site *site = builder->roles->site;
    int64_t version = hm_tree_version(builder->roles->tree, builder->role) + 1;
    enum hm_rc rc = hm_draft_load(&site->drafts, builder->role, err, &builder->draft);

    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (builder->draft != NULL && builder->draft->version == version && !builder->afresh) {
        HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(builder->draft->envelope), err,
                                        &content));
        rc = hm_targets_copy(content.content, err, &builder->next);
        hm_targets_free(content.content);
        return rc;
    }
    if (builder->release != NULL)
        return hm_targets_copy(builder->release, err, &builder->next);
    return hm_targets_new(err, &builder->next);
}

static enum hm_rc builder_init(struct builder *builder, struct hm_roles *roles,
                               const struct hm_staged_list *list, const char *maker, bool afresh,
                               struct hm_err *err)
{
    char maker_role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_draft_need need;

    *builder = (struct builder){.roles = roles, .list = list, .maker = maker, .afresh = afresh};
    hm_layout_release_role(hm_bytes_str(maker), builder->role);
    hm_layout_maker_role(hm_bytes_str(maker), maker_role);
    HM_TRY(hm_roles_need(roles, builder->role, err, &need));
    HM_TRY(hm_tree_role(roles->tree, builder->role, err, &builder->release, NULL));
    HM_TRY(hm_tree_role(roles->tree, maker_role, err, &builder->made, NULL));
    return builder_base(builder, err);
}

/* Calls for each file that staged brings; *ret_done is true if all stand in next already. */
static enum hm_rc builder_walk(struct builder *builder, const struct hm_staged *staged, bool put,
                               struct hm_err *err, bool *ret_done)
{
    *ret_done = true;
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        const struct hm_target *there;
        enum hm_staged_kind kind;
        bool same = false;

        HM_TRY(hm_staged_judge(builder->list, staged, builder->release, builder->made, target, err,
                               &kind));
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
        there = hm_targets_find(builder->next, target->path);
        if (there != NULL)
            HM_TRY(hm_staged_is_same(there, target, err, &same));
        if (same)
            continue;
        *ret_done = false;
        if (!put)
            return HM_OK;
        HM_TRY(hm_targets_put(builder->next, target, err));
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

static enum hm_rc builder_write(struct builder *builder, struct hm_err *err,
                                struct hm_buf *ret_canonical)
{
    const struct hm_site *site = builder->roles->site;
    _hm_done_(hm_buf_done) struct hm_buf x_hallmark = HM_BUF_INIT(256);

    builder->next->document.version = hm_tree_version(builder->roles->tree, builder->role) + 1;
    builder->next->document.expires_unix_s = site->now_unix_s + site->config.expiry.release_s;
    HM_TRY(hm_buf_append_fmt(&x_hallmark, err, "{\"site\":\"%s\"}", site->config.name));
    HM_TRY(hm_targets_set_x_hallmark(builder->next, hm_buf_bytes(&x_hallmark), err));
    return hm_targets_write(builder->next, err, ret_canonical);
}

/* Approving */

static enum hm_rc save(struct builder *builder, struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);

    if (!builder->changed)
        return hm_buf_append_fmt(report, err, "'%s': all of it is approved already\n",
                                 builder->role);
    if (builder->draft != NULL && builder->draft->envelope->signature_count > 0)
        HM_TRY(hm_buf_append_fmt(report, err,
                                 "WARNING: the draft of '%s' had %zu signature%s; it is replaced, "
                                 "and must be signed again\n",
                                 builder->role, builder->draft->envelope->signature_count,
                                 builder->draft->envelope->signature_count == 1 ? "" : "s"));
    HM_TRY(builder_write(builder, err, &canonical));
    return hm_draft_put(&builder->roles->site->drafts, builder->role, hm_buf_bytes(&canonical),
                        err);
}

static bool is_chosen(const struct hm_staged *staged, const struct hm_staged *const *chosen,
                      size_t chosen_count)
{
    for (size_t i = 0; i < chosen_count; i++)
        if (chosen[i] == staged)
            return true;
    return false;
}

/* One maker's chosen submissions; those lie together in the list, from first on. */
static enum hm_rc approve_maker(struct hm_roles *roles, const struct hm_staged_list *list,
                                size_t first, const struct hm_staged *const *chosen,
                                size_t chosen_count, struct hm_err *err, struct hm_buf *report,
                                struct hm_approval *approval)
{
    _hm_done_(builder_done) struct builder builder = {.roles = NULL};
    bool has_draft;

    HM_TRY(builder_init(&builder, roles, list, list->items[first].maker, false, err));
    for (size_t i = first; i < list->count; i++)
        if (strcmp(list->items[i].maker, builder.maker) == 0 &&
            is_chosen(&list->items[i], chosen, chosen_count))
            HM_TRY(builder_add(&builder, &list->items[i], err));
    HM_TRY(save(&builder, err, report));
    has_draft = builder.changed || builder.draft != NULL;
    if (!has_draft) /* an identity or a maker's document alone: nothing for approvers to sign */
        return HM_OK;
    approval->roles[approval->role_count] =
        hm_arena_strdup(&approval->arena, hm_bytes_str(builder.role));
    return approval->roles[approval->role_count++] == NULL ? hm_error_nomem(err) : HM_OK;
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
    approval->roles = hm_arena_alloc(&approval->arena, list->count + 1, sizeof(char *));
    if (chosen == NULL || approval->roles == NULL)
        return hm_error_nomem(err);
    HM_TRY(choose(list, ids, id_count, chosen, &count, err));
    if (roles->targets_draft != NULL)
        approval->roles[approval->role_count++] = "targets";
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

/* Whether any file that staged brings stands in the draft. */
static enum hm_rc is_in_draft(const struct builder *builder, const struct hm_staged *staged,
                              struct hm_err *err, bool *ret_in_draft)
{
    *ret_in_draft = false;
    if (builder->draft == NULL)
        return HM_OK;
    for (size_t i = 0; i < staged->content->target_count && !*ret_in_draft; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        const struct hm_target *there = hm_targets_find(builder->next, target->path);
        enum hm_staged_kind kind;

        HM_TRY(hm_staged_judge(builder->list, staged, builder->release, builder->made, target, err,
                               &kind));
        if (there != NULL && hm_staged_is_brought(kind))
            HM_TRY(hm_staged_is_same(there, target, err, ret_in_draft));
    }
    return HM_OK;
}

/* The draft without staged: what else it approved, from what is published on. */
static enum hm_rc leave_draft(struct hm_roles *roles, const struct hm_staged_list *list,
                              const struct hm_staged *staged, struct hm_err *err,
                              struct hm_buf *report)
{
    _hm_done_(builder_done) struct builder before = {.roles = NULL};
    _hm_done_(builder_done) struct builder after = {.roles = NULL};
    bool in_draft, done;

    HM_TRY(builder_init(&before, roles, list, staged->maker, false, err));
    HM_TRY(is_in_draft(&before, staged, err, &in_draft));
    if (!in_draft)
        return HM_OK;
    HM_TRY(builder_init(&after, roles, list, staged->maker, true, err));
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_staged *other = &list->items[i];

        if (other == staged || other->rejected != NULL || strcmp(other->maker, staged->maker) != 0)
            continue;
        HM_TRY(is_in_draft(&before, other, err, &in_draft));
        if (in_draft)
            HM_TRY(builder_walk(&after, other, true, err, &done));
    }
    if (after.changed)
        return save(&after, err, report);
    HM_TRY(hm_buf_append_fmt(report, err, "the draft of '%s' is dropped: nothing else was in it\n",
                             after.role));
    return hm_draft_remove(&roles->site->drafts, after.role, err);
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

static enum hm_rc review_images(const struct hm_staged_list *list, const struct hm_staged *staged,
                                const struct builder *builder, struct hm_err *err,
                                struct hm_buf *report)
{
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        char hex[HM_SHA256_HEX_SIZE];
        enum hm_staged_kind kind;

        HM_TRY(hm_staged_judge(list, staged, builder->release, builder->made, target, err, &kind));
        if (kind != HM_STAGED_NEW)
            continue;
        hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(
            hm_buf_append_fmt(report, err, "  image private/submissions/%s/images/", staged->id));
        HM_TRY(hm_text_escape(report, target->path, err));
        HM_TRY(hm_buf_append_fmt(report, err, "\n    %llu bytes, sha256 %s\n",
                                 (unsigned long long)target->facts.length, hex));
    }
    return HM_OK;
}

/* What approving it would sign: the difference that its draft would make. */
static enum hm_rc review_staged(struct hm_roles *roles, const struct hm_staged_list *list,
                                const struct hm_staged *staged, struct hm_err *err,
                                struct hm_buf *report)
{
    _hm_done_(builder_done) struct builder builder = {.roles = NULL};
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    char taken[HM_TIME_TEXT_SIZE];
    struct hm_bytes current;

    hm_time_format(staged->taken_unix_s, taken);
    HM_TRY(hm_buf_append_fmt(
        report, err, "submission %.12s of '%s', %s, taken in %s\n", staged->id, staged->maker,
        staged->is_attested ? "attested by the vendor" : "signed by the maker", taken));
    HM_TRY(builder_init(&builder, roles, list, staged->maker, false, err));
    HM_TRY(review_images(list, staged, &builder, err, report));
    HM_TRY(builder_add(&builder, staged, err));
    if (!builder.changed)
        return hm_buf_append_str(report, "  all of it stands in a draft already\n", err);
    HM_TRY(hm_tree_raw(roles->tree, builder.role, err, &current));
    HM_TRY(builder_write(&builder, err, &canonical));
    HM_TRY(hm_envelope_write(hm_buf_bytes(&canonical), NULL, 0, err, &raw));
    return hm_review_document(builder.role, current, hm_buf_bytes(&raw), err, report);
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
