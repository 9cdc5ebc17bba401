/* SPDX-License-Identifier: Apache-2.0 */
/* What can be published of the vendor's own recalls (plan.h): recalls~vendor. */
#include "site/plan_internal.h"
#include "site/renew.h"

/* Whether the draft can be put in force; else a note. */
static enum hm_rc draft_ready(struct hm_plan *plan, const struct hm_draft *draft,
                              const struct hm_role_keys *keys, struct hm_err *err, bool *ret_ready)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_targets_unsigned content = {NULL};
    int64_t next = hm_tree_version(plan->roles->tree, HM_RENEW_RECALLS) + 1;
    struct hm_signed ignored;
    enum hm_rc rc;

    *ret_ready = false;
    if (draft->version != next)
        return hm_plan_note(plan, err,
                            "'%s' version %lld: the next version is %lld; make the draft anew",
                            HM_RENEW_RECALLS, (long long)draft->version, (long long)next);
    if (keys == NULL)
        return hm_plan_note(plan, err, "'%s': 'targets' names nobody for it", HM_RENEW_RECALLS);
    if (hm_envelope_verify(draft->envelope, keys, HM_RENEW_RECALLS, &why, &ignored) != HM_OK)
        return hm_plan_note_unsigned(plan, draft, &why, err);
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(draft->envelope), err, &content));
    rc = hm_document_check_expiry(&content.content->document, plan->roles->site->now_unix_s,
                                  HM_RENEW_RECALLS, &why);
    hm_targets_free(content.content);
    if (rc != HM_OK)
        return hm_plan_note(plan, err, "%s", why.text);
    *ret_ready = true;
    return HM_OK;
}

static enum hm_rc take(struct hm_plan *plan, const struct hm_draft *draft, struct hm_err *err)
{
    struct hm_bytes raw;

    HM_TRY(hm_arena_copy(&plan->arena, draft->raw, err, &raw));
    HM_TRY(hm_plan_add_document(plan, HM_RENEW_RECALLS, draft->version, raw, err));
    return hm_plan_add_drop(plan, "drafts/" HM_RENEW_RECALLS ".json", err);
}

enum hm_rc hm_plan_recalls(struct hm_plan *plan, struct hm_err *err, struct hm_err *why,
                           bool *ret_ok)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_roles *roles = plan->roles;
    const struct hm_role_keys *keys =
        hm_tree_keys(NULL, plan->targets, plan->layout, HM_RENEW_RECALLS);
    const struct hm_targets *published;
    const struct hm_envelope *envelope;
    struct hm_signed ignored;
    bool ready = false;
    enum hm_rc rc;

    *ret_ok = true;
    HM_TRY(hm_tree_role(roles->tree, HM_RENEW_RECALLS, err, &published, &envelope));
    rc = hm_draft_load(&roles->site->drafts, HM_RENEW_RECALLS, err, &draft);
    if (rc != HM_ENOTFOUND) {
        HM_TRY(rc);
        HM_TRY(draft_ready(plan, draft, keys, err, &ready));
    }
    if (ready)
        return take(plan, draft, err);
    if (published == NULL)
        return HM_OK;
    rc = keys == NULL
             ? hm_fail(why, HM_EREFUSED, "'targets' names nobody for '%s'", HM_RENEW_RECALLS)
             : hm_envelope_verify(envelope, keys, HM_RENEW_RECALLS, why, &ignored);
    *ret_ok = rc == HM_OK;
    return HM_OK;
}
