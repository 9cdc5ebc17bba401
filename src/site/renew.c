/* SPDX-License-Identifier: Apache-2.0 */
/* Offline roles whose time ends soon (renew.h). */
#include "site/renew.h"

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

static int64_t expires(const struct hm_site *site, const char *role)
{
    return site->now_unix_s + (strcmp(role, HM_RENEW_RECALLS) == 0 ? HM_RENEW_RECALLS_VALID_S
                                                                   : site->config.expiry.release_s);
}

enum hm_rc hm_renew_first(const struct hm_site *site, const char *role, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *first = NULL;
    _hm_done_(hm_buf_done) struct hm_buf x_hallmark = HM_BUF_INIT(256);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(4096);

    HM_TRY(hm_targets_new(err, &first));
    first->document.version = 1;
    first->document.expires_unix_s = expires(site, role);
    HM_TRY(hm_buf_append_fmt(&x_hallmark, err, "{\"site\":\"%s\"}", site->config.name));
    HM_TRY(hm_targets_set_x_hallmark(first, hm_buf_bytes(&x_hallmark), err));
    HM_TRY(hm_targets_write(first, err, &canonical));
    return hm_draft_put(&site->drafts, role, hm_buf_bytes(&canonical), err);
}

enum hm_rc hm_renew_release(const struct hm_roles *roles, const char *role, struct hm_err *err)
{
    const struct hm_site *site = roles->site;
    _hm_free_(hm_targets_free) struct hm_targets *next = NULL;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    const struct hm_targets *published;

    HM_TRY(hm_tree_role(roles->tree, role, err, &published, NULL));
    HM_ASSERT(published != NULL);
    HM_TRY(hm_targets_copy(published, err, &next));
    next->document.version = published->document.version + 1;
    next->document.expires_unix_s = expires(site, role);
    HM_TRY(hm_targets_write(next, err, &canonical));
    return hm_draft_put(&site->drafts, role, hm_buf_bytes(&canonical), err);
}

/* One role, if its time ends before limit. */
static enum hm_rc renew_role(const struct hm_roles *roles, const char *role,
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
    renew->roles[renew->role_count] = hm_arena_strdup(&renew->arena, hm_bytes_str(role));
    if (renew->roles[renew->role_count++] == NULL)
        return hm_error_nomem(err);
    if (there)
        return HM_OK;
    if (strcmp(role, "root") == 0)
        return draft_root(roles, err);
    return strcmp(role, "targets") == 0 ? draft_targets(roles, err)
                                        : hm_renew_release(roles, role, err);
}

static enum hm_rc renew_maker(const struct hm_roles *roles, const char *id, int64_t limit_unix_s,
                              struct hm_err *err, struct hm_buf *report, struct hm_renew *renew)
{
    const struct hm_targets *targets;
    char role[HM_LAYOUT_ROLE_SIZE_MAX], until[HM_TIME_TEXT_SIZE];

    hm_layout_release_role(hm_bytes_str(id), role);
    HM_TRY(hm_tree_role(roles->tree, role, err, &targets, NULL));
    if (targets != NULL)
        HM_TRY(renew_role(roles, role, &targets->document, limit_unix_s, err, report, renew));
    hm_layout_maker_role(hm_bytes_str(id), role);
    HM_TRY(hm_tree_role(roles->tree, role, err, &targets, NULL));
    if (targets == NULL || targets->document.expires_unix_s > limit_unix_s)
        return HM_OK;
    hm_time_format(targets->document.expires_unix_s, until);
    return hm_buf_append_fmt(report, err,
                             "WARNING: '%s' ends %s: only the maker can renew it; ask '%s' for a "
                             "submission\n",
                             role, until, id);
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
    ret_renew->roles =
        hm_arena_alloc(&ret_renew->arena, tree->layout->maker_count + 3, sizeof(char *));
    if (ret_renew->roles == NULL)
        return hm_error_nomem(err);
    HM_TRY(renew_role(roles, "root", &tree->root->document, limit, err, report, ret_renew));
    HM_TRY(renew_role(roles, "targets", &tree->targets.targets->document, limit, err, report,
                      ret_renew));
    HM_TRY(hm_tree_role(roles->tree, HM_RENEW_RECALLS, err, &recalls, NULL));
    if (recalls != NULL)
        HM_TRY(
            renew_role(roles, HM_RENEW_RECALLS, &recalls->document, limit, err, report, ret_renew));
    for (size_t i = 0; i < tree->layout->maker_count; i++)
        HM_TRY(renew_maker(roles, tree->layout->makers[i].id, limit, err, report, ret_renew));
    return HM_OK;
}
