/* SPDX-License-Identifier: Apache-2.0 */
/* What publish would do now (plan.h): root, targets, and the whole. */
#include "site/plan.h"

#include <stdarg.h>

#include "site/approvers.h"
#include "site/plan_internal.h"
#include "site/renew.h"
#include "trust/site_log.h"

#define HM_PLAN_ITEM_COUNT_MAX 1000000

/* Lists */

enum hm_rc hm_plan_grow(struct hm_plan *plan, void **items, size_t count, size_t *capacity,
                        size_t size, struct hm_err *err)
{
    size_t grown_capacity = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown;

    if (count < *capacity)
        return HM_OK;
    if (count >= HM_PLAN_ITEM_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d things to publish at once",
                       HM_PLAN_ITEM_COUNT_MAX);
    grown = hm_arena_alloc(&plan->arena, grown_capacity, size);
    if (grown == NULL)
        return hm_error_nomem(err);
    if (count > 0)
        memcpy(grown, *items, count * size);
    *items = grown;
    *capacity = grown_capacity;
    return HM_OK;
}

enum hm_rc hm_plan_add_document(struct hm_plan *plan, const char *role, int64_t version,
                                struct hm_bytes raw, struct hm_err *err)
{
    char *name = hm_arena_strdup(&plan->arena, hm_bytes_str(role));

    HM_TRY(hm_plan_grow(plan, (void **)&plan->documents, plan->document_count,
                        &plan->document_capacity, sizeof(*plan->documents), err));
    if (name == NULL)
        return hm_error_nomem(err);
    plan->documents[plan->document_count++] =
        (struct hm_plan_document){.role = name, .version = version, .raw = raw};
    return HM_OK;
}

enum hm_rc hm_plan_add_drop(struct hm_plan *plan, const char *path, struct hm_err *err)
{
    HM_TRY(hm_plan_grow(plan, (void **)&plan->drops, plan->drop_count, &plan->drop_capacity,
                        sizeof(*plan->drops), err));
    if (path == NULL)
        return hm_error_nomem(err);
    plan->drops[plan->drop_count++] = path;
    return HM_OK;
}

enum hm_rc hm_plan_note(struct hm_plan *plan, struct hm_err *err, const char *format, ...)
{
    char text[HM_ERR_TEXT_MAX + 256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return hm_buf_append_fmt(&plan->notes, err, "%s\n", text);
}

enum hm_rc hm_plan_note_unsigned(struct hm_plan *plan, const struct hm_draft *draft,
                                 const struct hm_err *why, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_draft_state state;
    enum hm_rc rc = hm_roles_state(plan->roles, draft, &arena, err, &state);

    if (rc != HM_OK && rc != HM_EUNKNOWN)
        return rc;
    if (rc == HM_OK && !state.is_complete)
        return hm_roles_describe(plan->roles, draft->role, err, &plan->notes);
    return hm_plan_note(plan, err, "%s", why->text);
}

/* Root */

static enum hm_rc note_draft(struct hm_plan *plan, const char *role, struct hm_err *err)
{
    return hm_roles_describe(plan->roles, role, err, &plan->notes);
}

static enum hm_rc check_root_draft(const struct hm_plan *plan, const struct hm_root *root,
                                   struct hm_err *why)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_site *site = plan->roles->site;
    const char *name;
    bool trial;

    HM_TRY(hm_document_check_expiry(&root->document, site->now_unix_s, "root", why));
    HM_TRY(hm_layout_root_site(root, &arena, why, &name, &trial));
    if (strcmp(name, site->config.name) != 0)
        return hm_fail(why, HM_EMISMATCH, "'root' is for the site '%s'", name);
    if (!root->consistent_snapshot)
        return hm_fail(why, HM_EREFUSED, "'root' has no consistent_snapshot");
    return hm_site_log_check_next_root(plan->roles->tree->root, root, why);
}

/* plan->root, if the draft is complete. */
static enum hm_rc plan_root(struct hm_plan *plan, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_roles *roles = plan->roles;
    struct hm_draft *draft = roles->root_draft;
    struct hm_err why = HM_ERR_INIT;
    struct hm_draft_state state;
    enum hm_rc rc;

    if (draft == NULL)
        return HM_OK;
    HM_TRY(hm_roles_state(roles, draft, &arena, err, &state));
    if (!state.is_complete)
        return note_draft(plan, "root", err);
    if (roles->tree->root == NULL)
        rc = hm_root_verify_first(draft->envelope, &why, &plan->root);
    else
        rc = hm_root_verify_next(roles->tree->root, draft->envelope, &why, &plan->root);
    if (rc == HM_OK)
        rc = check_root_draft(plan, plan->root, &why);
    if (rc == HM_OK && plan->root->document.version != hm_tree_version(roles->tree, "root") + 1)
        rc = hm_fail(&why, HM_EMISMATCH, "its version is not the next one; make the draft anew");
    if (rc == HM_OK) {
        plan->root_raw = draft->raw;
        return HM_OK;
    }
    hm_root_free(hm_steal(&plan->root));
    return hm_plan_note(plan, err, "'root' version %lld: %s", (long long)draft->version, why.text);
}

/* Targets */

/* Whether the draft of targets can be put in force; else a note. */
static enum hm_rc targets_draft_ready(struct hm_plan *plan, struct hm_err *err, bool *ret_ready)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_roles *roles = plan->roles;
    struct hm_draft *draft = roles->targets_draft;
    int64_t next = hm_tree_version(roles->tree, "targets") + 1;
    struct hm_err why = HM_ERR_INIT;
    struct hm_draft_state state;
    struct hm_signed ignored;

    *ret_ready = false;
    if (draft == NULL || plan->root_in_force == NULL)
        return HM_OK;
    HM_TRY(hm_roles_state(roles, draft, &arena, err, &state));
    if (!state.is_complete)
        return note_draft(plan, "targets", err);
    if (draft->version != next)
        return hm_plan_note(plan, err,
                            "'targets' version %lld: the next version is %lld; make the draft anew",
                            (long long)draft->version, (long long)next);
    if (hm_envelope_verify(draft->envelope, &plan->root_in_force->roles[HM_ROOT_ROLE_TARGETS],
                           "targets", &why, &ignored) != HM_OK ||
        hm_document_check_expiry(&roles->draft_targets.content->document, roles->site->now_unix_s,
                                 "targets", &why) != HM_OK)
        return hm_plan_note(plan, err, "%s", why.text);
    *ret_ready = true;
    return HM_OK;
}

static void reset(struct hm_plan *plan)
{
    plan->document_count = plan->image_count = plan->identity_count = 0;
    plan->path_count = plan->drop_count = plan->file_count = 0;
    hm_layout_free(hm_steal(&plan->own_layout));
    hm_envelope_free(hm_steal(&plan->targets_envelope));
}

static enum hm_rc use_targets(struct hm_plan *plan, bool draft, struct hm_err *err)
{
    struct hm_roles *roles = plan->roles;

    plan->targets_raw = draft ? roles->targets_draft->raw : roles->tree->targets.raw;
    plan->targets = draft ? roles->draft_targets.content : roles->tree->targets.targets;
    if (plan->targets == NULL)
        return HM_OK;
    HM_TRY(hm_envelope_parse(plan->targets_raw, err, &plan->targets_envelope));
    if (!draft) {
        plan->layout = roles->tree->layout;
        return HM_OK;
    }
    HM_TRY(hm_layout_parse(plan->root_in_force, plan->targets, roles->site->config.name, err,
                           &plan->own_layout));
    plan->layout = plan->own_layout;
    HM_TRY(hm_plan_add_document(plan, "targets", roles->targets_draft->version, plan->targets_raw,
                                err));
    return hm_plan_add_drop(plan, "drafts/targets.json", err);
}

static bool has_same_keys(const struct hm_plan *plan, const char *role)
{
    const struct hm_tree *tree = plan->roles->tree;
    const struct hm_role_keys *now = hm_tree_keys(NULL, plan->targets, plan->layout, role);
    const struct hm_role_keys *before =
        hm_tree_keys(NULL, tree->targets.targets, tree->layout, role);

    return now == before || (now != NULL && before != NULL && hm_keyring_is_same_role(now, before));
}

bool hm_plan_is_changed(const struct hm_plan *plan, const struct hm_layout_maker *maker)
{
    const struct hm_tree *tree = plan->roles->tree;
    const struct hm_layout_maker *before;
    char release[HM_LAYOUT_ROLE_SIZE_MAX], made[HM_LAYOUT_ROLE_SIZE_MAX];

    if (plan->targets == tree->targets.targets)
        return false;
    before = tree->layout == NULL ? NULL : hm_layout_find(tree->layout, hm_bytes_str(maker->id));
    if (before == NULL || before->is_attested != maker->is_attested ||
        strcmp(before->name, maker->name) != 0 ||
        before->identity_version != maker->identity_version ||
        !hm_digest_is_equal(&before->identity_sha256, &maker->identity_sha256) ||
        !hm_digest_is_equal(&before->identity_first, &maker->identity_first))
        return true;
    hm_layout_release_role(hm_bytes_str(maker->id), release);
    hm_layout_maker_role(hm_bytes_str(maker->id), made);
    return !has_same_keys(plan, release) || !has_same_keys(plan, made);
}

/* What can be published of one maker, his recalls included. */
static enum hm_rc plan_maker(struct hm_plan *plan, const struct hm_layout_maker *maker,
                             struct hm_err *err, struct hm_err *why, bool *ret_ok)
{
    char recalls[HM_LAYOUT_ROLE_SIZE_MAX];

    (void)snprintf(recalls, sizeof(recalls), "recalls~%s", maker->id); /* an ID is short */
    *ret_ok = true;
    if (!maker->is_attested)
        HM_TRY(hm_plan_recalls(plan, recalls, err, why, ret_ok));
    return *ret_ok ? hm_plan_maker(plan, maker, err, why, ret_ok) : HM_OK;
}

/* Recalls and all makers under these targets. *ret_ok false: one does not hold under the draft. */
static enum hm_rc plan_delegated(struct hm_plan *plan, bool draft, struct hm_err *err, bool *ret_ok)
{
    size_t notes_size = plan->notes.size;
    struct hm_err recalls_why = HM_ERR_INIT;

    *ret_ok = true;
    HM_TRY(use_targets(plan, draft, err));
    if (plan->targets != NULL)
        HM_TRY(hm_plan_recalls(plan, HM_RENEW_RECALLS, err, &recalls_why, ret_ok));
    if (!*ret_ok) {
        plan->notes.size = notes_size;
        return hm_plan_note(plan, err, "'targets' waits for '%s': %s", HM_RENEW_RECALLS,
                            recalls_why.text);
    }
    for (size_t i = 0; plan->layout != NULL && i < plan->layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &plan->layout->makers[i];
        struct hm_err why = HM_ERR_INIT;
        bool ok;

        HM_TRY(plan_maker(plan, maker, err, &why, &ok));
        if (ok)
            continue;
        if (draft) {
            plan->notes.size = notes_size; /* they are made again under the published targets */
            HM_TRY(hm_plan_note(plan, err, "'targets' version %lld waits for maker '%s': %s",
                                (long long)plan->roles->targets_draft->version, maker->id,
                                why.text));
            *ret_ok = false;
            return HM_OK;
        }
        HM_TRY(hm_plan_note(plan, err, "maker '%s': %s", maker->id, why.text));
    }
    return HM_OK;
}

/* The steps */

static enum hm_rc check_online(const struct hm_plan *plan, const struct hm_envelope *envelope,
                               enum hm_root_role role)
{
    struct hm_signed ignored;

    return hm_envelope_verify(envelope, &plan->root->roles[role], hm_root_role_name(role), NULL,
                              &ignored);
}

/* Whether 'rotate online --lost' was for this very root, and the old key did not come back. */
static enum hm_rc is_along(const struct hm_plan *plan, struct hm_err *err, bool *ret_along)
{
    const struct hm_dir *private_dir = &plan->roles->site->private_dir;
    const struct hm_root *root = plan->roles->tree->root;
    _hm_done_(hm_roles_signers_done) struct hm_signers signers = HM_SIGNERS_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(64);
    char wanted[32];
    enum hm_rc rc = hm_dir_read(private_dir, HM_PLAN_LOST_FILE, err, &text);

    *ret_along = false;
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    (void)snprintf(wanted, sizeof(wanted), "%lld\n", (long long)plan->root->document.version);
    if (!hm_bytes_is_str(hm_buf_bytes(&text), wanted))
        return HM_OK;
    HM_TRY(hm_approvers_signers(private_dir, HM_APPROVERS_ONLINE, err, &signers));
    *ret_along = !hm_approvers_can_sign(&signers, &root->roles[HM_ROOT_ROLE_TIMESTAMP]) ||
                 !hm_approvers_can_sign(&signers, &root->roles[HM_ROOT_ROLE_SNAPSHOT]);
    return HM_OK;
}

/* Whether there is a log under the root to come, which is then to name it. */
static enum hm_rc is_logged(const struct hm_root *root, struct hm_err *err, bool *ret_logged)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;

    HM_TRY(hm_site_log_parse(root, err, &log));
    *ret_logged = log->policy != NULL;
    return HM_OK;
}

/* What must be so before N+1.root.json may appear. */
static enum hm_rc plan_root_step(struct hm_plan *plan, struct hm_err *err)
{
    const struct hm_tree *tree = plan->roles->tree;
    struct hm_err why = HM_ERR_INIT;
    struct hm_signed ignored;

    if (plan->root == NULL || plan->is_first)
        return HM_OK;
    if (check_online(plan, tree->timestamp_envelope, HM_ROOT_ROLE_TIMESTAMP) != HM_OK ||
        check_online(plan, tree->snapshot_envelope, HM_ROOT_ROLE_SNAPSHOT) != HM_OK)
        plan->needs_signing = true;
    if (hm_envelope_verify(plan->targets_envelope, &plan->root->roles[HM_ROOT_ROLE_TARGETS],
                           "targets", &why, &ignored) != HM_OK) {
        plan->root_waits = true;
        plan->needs_signing = false;
        return hm_plan_note(plan, err,
                            "'root' version %lld waits until a 'targets' that its keys signed too "
                            "is published: %s",
                            (long long)plan->root->document.version, why.text);
    }
    HM_TRY(is_along(plan, err, &plan->root_along));
    HM_TRY(is_logged(plan->root, err, &plan->root_late));
    plan->root_late = plan->root_late && !plan->root_along;
    plan->needs_signing = plan->needs_signing || plan->root_along || plan->root_late;
    return HM_OK;
}

static enum hm_rc plan_all(struct hm_plan *plan, struct hm_err *err)
{
    struct hm_roles *roles = plan->roles;
    bool ready, ok;

    plan->is_first = roles->tree->root == NULL;
    HM_TRY(plan_root(plan, err));
    plan->root_in_force = plan->is_first ? plan->root : roles->tree->root;
    HM_TRY(targets_draft_ready(plan, err, &ready));
    if (plan->is_first && !ready && roles->targets_draft != NULL && plan->root == NULL)
        HM_TRY(note_draft(plan, "targets", err));
    if (plan->is_first && !ready)
        return HM_OK;
    HM_TRY(plan_delegated(plan, ready, err, &ok));
    if (!ok) {
        reset(plan);
        if (plan->is_first)
            return HM_OK;
        HM_TRY(plan_delegated(plan, false, err, &ok));
    }
    return plan_root_step(plan, err);
}

enum hm_rc hm_plan_make(const struct hm_site *site, struct hm_err *err, struct hm_plan **ret_plan)
{
    _hm_free_(hm_plan_free) struct hm_plan *plan = calloc(1, sizeof(*plan));

    if (plan == NULL)
        return hm_error_nomem(err);
    plan->notes = (struct hm_buf)HM_BUF_INIT(HM_SITE_REPORT_SIZE_MAX);
    HM_TRY(hm_roles_load(site, err, &plan->roles));
    HM_TRY(hm_staged_load(site, err, &plan->staged));
    HM_TRY(hm_draft_list(&site->drafts, &plan->arena, err, &plan->drafts, &plan->draft_count));
    HM_TRY(plan_all(plan, err));
    *ret_plan = hm_steal(&plan);
    return HM_OK;
}

void hm_plan_free(struct hm_plan *plan)
{
    if (plan == NULL)
        return;
    reset(plan);
    hm_root_free(plan->root);
    hm_staged_free(plan->staged);
    hm_roles_free(plan->roles);
    hm_buf_done(&plan->notes);
    hm_arena_done(&plan->arena);
    free(plan);
}

bool hm_plan_has_step(const struct hm_plan *plan)
{
    return plan->document_count > 0 || plan->identity_count > 0 || plan->needs_signing;
}

bool hm_plan_has_root_step(const struct hm_plan *plan)
{
    return plan->root != NULL && !plan->is_first && !plan->root_waits && !hm_plan_has_step(plan);
}

enum hm_rc hm_plan_describe(const struct hm_plan *plan, struct hm_err *err, struct hm_buf *report)
{
    if (plan->root != NULL && !plan->root_waits)
        HM_TRY(hm_buf_append_fmt(report, err, "ready: 'root' version %lld\n",
                                 (long long)plan->root->document.version));
    for (size_t i = 0; i < plan->document_count; i++)
        HM_TRY(hm_buf_append_fmt(report, err, "ready: '%s' version %lld\n", plan->documents[i].role,
                                 (long long)plan->documents[i].version));
    if (plan->path_count > 0)
        HM_TRY(hm_buf_append_fmt(report, err, "ready: %zu new or changed file%s\n",
                                 plan->path_count, plan->path_count == 1 ? "" : "s"));
    if (!hm_plan_has_step(plan) && !hm_plan_has_root_step(plan))
        HM_TRY(hm_buf_append_str(report, "nothing is ready to publish\n", err));
    return hm_buf_append(report, hm_buf_bytes(&plan->notes), err);
}
