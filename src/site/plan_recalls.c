/* SPDX-License-Identifier: Apache-2.0 */
/* What can be published of recalls (plan.h): recalls~vendor, and recalls~ID of each maker. */
#include "site/plan_internal.h"
#include "site/recalling.h"

/* One role of recalls on its way. */
struct recalls_view {
    const char *role;
    const struct hm_draft *draft;
    const struct hm_targets *content;   /* of the draft, once it is known to be good */
    const struct hm_targets *published; /* or NULL */
};

static enum hm_rc check_content(const struct hm_plan *plan, const struct recalls_view *view,
                                const struct hm_targets *content, struct hm_err *why)
{
    const struct hm_site *site = plan->roles->site;

    HM_TRY(hm_document_check_expiry(&content->document, site->now_unix_s, view->role, why));
    return hm_recalling_check(view->role, content, view->published, site->config.name, why);
}

/* The document of a recall that is new, from where it waits. */
static enum hm_rc take_document(struct hm_plan *plan, const struct hm_target *target,
                                struct hm_err *err, struct hm_err *why)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
    const struct hm_site *site = plan->roles->site;
    char hex[HM_SHA256_HEX_SIZE], path[HM_RECALL_PATH_SIZE_MAX + 16];
    struct hm_plan_file file = {.path = NULL};
    struct hm_bytes id, name;
    struct hm_sha256 sha256;

    HM_TRY(hm_recall_parse_path(target->path, err, &id, &name));
    (void)snprintf(path, sizeof(path), HM_RECALLING_DIR "/%.*s/%.*s.json", HM_BYTES_FMT(id),
                   HM_BYTES_FMT(name));
    HM_TRY(hm_dir_read(&site->private_dir, path, why, &raw));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, &sha256));
    if (raw.size != target->facts.length || !hm_digest_is_equal(&sha256, &target->facts.sha256))
        return hm_fail(why, HM_EMISMATCH, "'private/%s' is not the document that was signed for",
                       path);
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    file.path = hm_site_text(&plan->arena, "targets/recalls/%.*s/%s.%.*s.json", HM_BYTES_FMT(id),
                             hex, HM_BYTES_FMT(name));
    if (file.path == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&plan->arena, hm_buf_bytes(&raw), err, &file.raw));
    HM_TRY(hm_plan_grow(plan, (void **)&plan->files, plan->file_count, &plan->file_capacity,
                        sizeof(*plan->files), err));
    plan->files[plan->file_count++] = file;
    return hm_plan_add_drop(plan, hm_site_text(&plan->arena, "%s", path), err);
}

static enum hm_rc take(struct hm_plan *plan, const struct recalls_view *view, struct hm_err *err,
                       struct hm_err *why)
{
    struct hm_bytes raw;

    for (size_t i = 0; i < view->content->target_count; i++) {
        const struct hm_target *target = &view->content->targets[i];

        if (view->published == NULL || hm_targets_find(view->published, target->path) == NULL)
            HM_TRY(take_document(plan, target, err, why));
    }
    HM_TRY(hm_arena_copy(&plan->arena, view->draft->raw, err, &raw));
    HM_TRY(hm_plan_add_document(plan, view->role, view->draft->version, raw, err));
    return hm_plan_add_drop(plan, hm_site_text(&plan->arena, "drafts/%s.json", view->role), err);
}

/* Takes the draft if it can be put in force; else a note. */
static enum hm_rc take_draft(struct hm_plan *plan, struct recalls_view *view,
                             const struct hm_role_keys *keys, struct hm_err *err, bool *ret_taken)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_targets_unsigned content = {NULL};
    size_t files = plan->file_count, drops = plan->drop_count;
    int64_t next = hm_tree_version(plan->roles->tree, view->role) + 1;
    bool is_vendor = strcmp(view->role, HM_RECALLING_VENDOR_ROLE) == 0;
    struct hm_signed ignored;
    enum hm_rc rc;

    *ret_taken = false;
    /* A maker's notice may never have come: what it said is in the next one. */
    if (view->draft->version < next || (is_vendor && view->draft->version > next))
        return hm_plan_note(plan, err,
                            "'%s' version %lld: the next version is %lld; make the draft anew",
                            view->role, (long long)view->draft->version, (long long)next);
    if (keys == NULL)
        return hm_plan_note(plan, err, "'%s': 'targets' names nobody for it", view->role);
    if (hm_envelope_verify(view->draft->envelope, keys, view->role, &why, &ignored) != HM_OK)
        return hm_plan_note_unsigned(plan, view->draft, &why, err);
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(view->draft->envelope), err, &content));
    view->content = content.content;
    rc = check_content(plan, view, content.content, &why);
    if (rc == HM_OK)
        rc = take(plan, view, &why, &why);
    hm_targets_free(content.content);
    view->content = NULL;
    *ret_taken = rc == HM_OK;
    if (rc == HM_OK)
        return HM_OK;
    plan->file_count = files;
    plan->drop_count = drops;
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    return hm_plan_note(plan, err, "'%s': %s", view->role, why.text);
}

enum hm_rc hm_plan_recalls(struct hm_plan *plan, const char *role, struct hm_err *err,
                           struct hm_err *why, bool *ret_ok)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_roles *roles = plan->roles;
    const struct hm_role_keys *keys = hm_tree_keys(NULL, plan->targets, plan->layout, role);
    struct recalls_view view = {.role = role};
    const struct hm_envelope *envelope;
    struct hm_signed ignored;
    bool taken = false;
    enum hm_rc rc;

    *ret_ok = true;
    HM_TRY(hm_tree_role(roles->tree, role, err, &view.published, &envelope));
    rc = hm_draft_load(&roles->site->drafts, role, err, &draft);
    if (rc != HM_ENOTFOUND) {
        HM_TRY(rc);
        view.draft = draft;
        HM_TRY(take_draft(plan, &view, keys, err, &taken));
    }
    if (taken || view.published == NULL)
        return HM_OK;
    rc = keys == NULL ? hm_fail(why, HM_EREFUSED, "'targets' names nobody for '%s'", role)
                      : hm_envelope_verify(envelope, keys, role, why, &ignored);
    *ret_ok = rc == HM_OK;
    return HM_OK;
}
