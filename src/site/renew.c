/* SPDX-License-Identifier: Apache-2.0 */
/* Offline roles whose time ends soon (renew.h). */
#include "site/renew.h"

#include "exchange/parts.h"
#include "site/roster.h"

void hm_renew_done(struct hm_renew *renew)
{
    hm_arena_done(&renew->arena);
}

static enum hm_rc has_draft(const struct hm_site *site, const char *role, struct hm_err *err,
                            bool *ret_has)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    enum hm_rc rc = hm_draft_load(&site->drafts, role, err, &draft);

    *ret_has = rc == HM_OK;
    return rc == HM_ENOTFOUND ? HM_OK : rc;
}

static enum hm_rc draft_root(const struct hm_roles *roles, struct hm_err *err)
{
    const struct hm_site *site = roles->site;
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    struct hm_root_unsigned root = {NULL};
    enum hm_rc rc;

    HM_TRY(hm_envelope_parse(roles->tree->root_raw, err, &envelope));
    HM_TRY(hm_root_read_unsigned(hm_envelope_unsigned(envelope), err, &root));
    root.content->document.version++;
    root.content->document.expires_unix_s = site->now_unix_s + site->config.expiry.root_s;
    rc = hm_root_write(root.content, err, &canonical);
    hm_root_free(root.content);
    HM_TRY(rc);
    return hm_draft_put(&site->drafts, "root", hm_buf_bytes(&canonical), err);
}

static enum hm_rc draft_targets(const struct hm_roles *roles, struct hm_err *err)
{
    _hm_free_(hm_roster_free) struct hm_roster *roster = NULL;

    HM_TRY(hm_roster_open(roles, err, &roster));
    return hm_roster_save(roster, err);
}

enum hm_rc hm_renew_first(const struct hm_site *site, const char *role, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *first = NULL;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(4096);

    HM_TRY(hm_targets_new(err, &first));
    HM_TRY(hm_roles_write_release(site, role, 1, first, err, &canonical));
    return hm_draft_put(&site->drafts, role, hm_buf_bytes(&canonical), err);
}

enum hm_rc hm_renew_add(struct hm_renew *renew, const char *role, struct hm_err *err)
{
    if (renew->role_count == renew->role_capacity) {
        size_t capacity = renew->role_capacity == 0 ? 16 : 2 * renew->role_capacity;
        const char **grown = hm_arena_alloc(&renew->arena, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        if (renew->role_count > 0)
            memcpy(grown, renew->roles, renew->role_count * sizeof(*grown));
        renew->roles = grown;
        renew->role_capacity = capacity;
    }
    renew->roles[renew->role_count] = hm_arena_strdup(&renew->arena, hm_bytes_str(role));
    return renew->roles[renew->role_count++] == NULL ? hm_error_nomem(err) : HM_OK;
}

/* ---- release~ID and its products ------------------------------------------------------------- */

/* What the next version goes on from. */
struct base {
    struct hm_roles *roles;
    bool with_drafts;
};

static enum hm_rc load_base(void *ctx, const char *role, struct hm_err *err,
                            struct hm_targets **ret_targets)
{
    const struct base *base = ctx;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_targets_unsigned content = {NULL};
    const struct hm_targets *published;
    enum hm_rc rc = HM_ENOTFOUND;

    if (base->with_drafts)
        rc = hm_draft_load(&base->roles->site->drafts, role, err, &draft);
    if (rc == HM_OK) {
        HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(draft->envelope), err, &content));
        rc = hm_targets_copy(content.content, err, ret_targets);
        hm_targets_free(content.content);
        return rc;
    }
    if (rc != HM_ENOTFOUND)
        return rc;
    HM_TRY(hm_tree_role(base->roles->tree, role, err, &published, NULL));
    if (published == NULL)
        return hm_fail(err, HM_EFORMAT, "'%s': it is named, but not published", role);
    return hm_targets_copy(published, err, ret_targets);
}

static enum hm_rc put_draft(struct hm_roles *roles, const char *role, struct hm_targets *next,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);

    HM_TRY(hm_roles_write_release(roles->site, role, hm_tree_version(roles->tree, role) + 1, next,
                                  err, &canonical));
    return hm_draft_put(&roles->site->drafts, role, hm_buf_bytes(&canonical), err);
}

/* release~ID with the keys for its products that it has itself from now on. */
static enum hm_rc open_above(struct base *base, const char *role, struct hm_err *err,
                             struct hm_parts *parts)
{
    struct hm_targets *above = NULL;

    HM_TRY(load_base(base, role, err, &above));
    return hm_parts_open(parts, role, above, base->roles->site->flat_max, load_base, base, err);
}

static enum hm_rc seal(const struct base *base, const char *role, struct hm_err *err,
                       struct hm_parts *parts)
{
    struct hm_draft_need need;

    HM_TRY(hm_roles_need(base->roles, role, err, &need));
    return hm_parts_seal(parts, need.groups[0], err);
}

/* One document alone, as it is published. */
static enum hm_rc draft_release(struct hm_roles *roles, const char *role, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *next = NULL;
    _hm_done_(hm_parts_done) struct hm_parts parts = HM_PARTS_INIT;
    struct base base = {.roles = roles};
    struct hm_partition_name name;

    if (hm_partition_parse(hm_bytes_str(role), &name) && name.product.size == 0) {
        HM_TRY(open_above(&base, role, err, &parts));
        HM_TRY(seal(&base, role, err, &parts));
        return put_draft(roles, role, parts.items[0].next, err);
    }
    HM_TRY(load_base(&base, role, err, &next));
    return put_draft(roles, role, next, err);
}

enum hm_rc hm_renew_release(struct hm_roles *roles, const char *role, struct hm_err *err,
                            struct hm_renew *renew)
{
    _hm_done_(hm_parts_done) struct hm_parts parts = HM_PARTS_INIT;
    struct base base = {.roles = roles, .with_drafts = true};
    struct hm_partition_name name;
    bool has;

    if (!hm_partition_parse(hm_bytes_str(role), &name)) { /* recalls~vendor */
        HM_TRY(hm_renew_add(renew, role, err));
        HM_TRY(has_draft(roles->site, role, err, &has));
        return has ? HM_OK : draft_release(roles, role, err);
    }
    HM_TRY(open_above(&base, role, err, &parts));
    HM_TRY(hm_parts_touch(&parts, err));
    HM_TRY(seal(&base, role, err, &parts));
    for (size_t i = 0; i < parts.count; i++) {
        const struct hm_parts_item *item = &parts.items[i];
        bool there;

        HM_TRY(hm_renew_add(renew, item->role, err));
        HM_TRY(has_draft(roles->site, item->role, err, &there));
        /* A draft that is there keeps its signatures, but for the keys that it gives to products.
         */
        if (!there || (item->product == NULL && hm_parts_is_divided(&parts)))
            HM_TRY(put_draft(roles, item->role, item->next, err));
    }
    return HM_OK;
}

/* ---- what ends soon -------------------------------------------------------------------------- */

/* One role, if its time ends before limit. */
static enum hm_rc renew_role(struct hm_roles *roles, const char *role,
                             const struct hm_document *document, int64_t limit_unix_s,
                             struct hm_err *err, struct hm_buf *report, struct hm_renew *renew)
{
    char until[HM_TIME_TEXT_SIZE];
    bool there;

    if (document->expires_unix_s > limit_unix_s)
        return HM_OK;
    hm_time_format(document->expires_unix_s, until);
    HM_TRY(has_draft(roles->site, role, err, &there));
    HM_TRY(hm_buf_append_fmt(report, err, "'%s' version %lld ends %s%s\n", role,
                             (long long)document->version, until,
                             there ? ": it has a draft already" : ""));
    HM_TRY(hm_renew_add(renew, role, err));
    if (there)
        return HM_OK;
    if (strcmp(role, "root") == 0)
        return draft_root(roles, err);
    return strcmp(role, "targets") == 0 ? draft_targets(roles, err)
                                        : draft_release(roles, role, err);
}

struct soon {
    struct hm_roles *roles;
    const char *id;
    int64_t limit_unix_s;
    struct hm_buf *report;
    struct hm_renew *renew;
};

static enum hm_rc renew_release(void *ctx, const char *role, const struct hm_targets *targets,
                                const struct hm_envelope *envelope, struct hm_err *err)
{
    const struct soon *soon = ctx;

    return renew_role(soon->roles, role, &targets->document, soon->limit_unix_s, err, soon->report,
                      soon->renew);
}

static enum hm_rc warn_made(void *ctx, const char *role, const struct hm_targets *targets,
                            const struct hm_envelope *envelope, struct hm_err *err)
{
    const struct soon *soon = ctx;
    char expires[HM_TIME_TEXT_SIZE];

    if (targets->document.expires_unix_s > soon->limit_unix_s)
        return HM_OK;
    hm_time_format(targets->document.expires_unix_s, expires);
    return hm_buf_append_fmt(soon->report, err,
                             "WARNING: '%s' ends %s: only the maker can renew it; ask '%s' for a "
                             "submission\n",
                             role, expires, soon->id);
}

static enum hm_rc renew_maker(struct soon *soon, struct hm_err *err)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_release_role(hm_bytes_str(soon->id), role);
    HM_TRY(hm_tree_each_part(soon->roles->tree, role, err, renew_release, soon));
    hm_layout_maker_role(hm_bytes_str(soon->id), role);
    return hm_tree_each_part(soon->roles->tree, role, err, warn_made, soon);
}

enum hm_rc hm_renew_run(const struct hm_site *site, int64_t within_s, struct hm_err *err,
                        struct hm_buf *report, struct hm_renew *ret_renew)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    const struct hm_targets *recalls;
    const struct hm_tree *tree;
    int64_t limit = site->now_unix_s + within_s;

    HM_TRY(hm_roles_load(site, err, &roles));
    tree = roles->tree;
    if (tree->root == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing is published yet: there is nothing to renew");
    HM_TRY(renew_role(roles, "root", &tree->root->document, limit, err, report, ret_renew));
    HM_TRY(renew_role(roles, "targets", &tree->targets.targets->document, limit, err, report,
                      ret_renew));
    HM_TRY(hm_tree_role(roles->tree, HM_RENEW_RECALLS, err, &recalls, NULL));
    if (recalls != NULL)
        HM_TRY(
            renew_role(roles, HM_RENEW_RECALLS, &recalls->document, limit, err, report, ret_renew));
    for (size_t i = 0; i < tree->layout->maker_count; i++) {
        struct soon soon = {.roles = roles,
                            .id = tree->layout->makers[i].id,
                            .limit_unix_s = limit,
                            .report = report,
                            .renew = ret_renew};

        HM_TRY(renew_maker(&soon, err));
    }
    return HM_OK;
}
