/* SPDX-License-Identifier: Apache-2.0 */
/* Who must sign what (roles.h). */
#include "site/roles.h"

#include "base/file.h"
#include "exchange/claim.h"
#include "exchange/review.h"
#include "exchange/role.h"
#include "site/approvers.h"
#include "site/scanned.h"

static enum hm_rc load_draft(const struct hm_site *site, const char *role, struct hm_err *err,
                             struct hm_draft **ret_draft)
{
    enum hm_rc rc = hm_draft_load(&site->drafts, role, err, ret_draft);

    return rc == HM_ENOTFOUND ? HM_OK : rc;
}

static enum hm_rc load_drafts(struct hm_roles *roles, struct hm_err *err)
{
    const struct hm_site *site = roles->site;

    HM_TRY(load_draft(site, "root", err, &roles->root_draft));
    if (roles->root_draft != NULL)
        HM_TRY(hm_root_read_unsigned(hm_envelope_unsigned(roles->root_draft->envelope), err,
                                     &roles->draft_root));
    HM_TRY(load_draft(site, "targets", err, &roles->targets_draft));
    if (roles->targets_draft == NULL)
        return HM_OK;
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(roles->targets_draft->envelope), err,
                                    &roles->draft_targets));
    if (hm_roles_root(roles) == NULL)
        return hm_fail(err, HM_EFORMAT, "there is no root, published or draft");
    return hm_layout_parse(hm_roles_root(roles), roles->draft_targets.content, site->config.name,
                           err, &roles->draft_layout);
}

enum hm_rc hm_roles_load(const struct hm_site *site, struct hm_err *err,
                         struct hm_roles **ret_roles)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = calloc(1, sizeof(*roles));
    enum hm_rc rc;

    if (roles == NULL)
        return hm_error_nomem(err);
    roles->site = site;
    HM_TRY(hm_tree_load(site, err, &roles->tree));
    rc = load_drafts(roles, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", site->drafts.path);
    *ret_roles = hm_steal(&roles);
    return HM_OK;
}

void hm_roles_free(struct hm_roles *roles)
{
    if (roles == NULL)
        return;
    hm_layout_free(roles->draft_layout);
    hm_targets_free(roles->draft_targets.content);
    hm_root_free(roles->draft_root.content);
    hm_draft_free(roles->targets_draft);
    hm_draft_free(roles->root_draft);
    hm_tree_free(roles->tree);
    free(roles);
}

const struct hm_root *hm_roles_root(const struct hm_roles *roles)
{
    return roles->draft_root.content != NULL ? roles->draft_root.content : roles->tree->root;
}

const struct hm_targets *hm_roles_targets(const struct hm_roles *roles)
{
    return roles->draft_targets.content != NULL ? roles->draft_targets.content
                                                : roles->tree->targets.targets;
}

const struct hm_layout *hm_roles_layout(const struct hm_roles *roles)
{
    return roles->draft_layout != NULL ? roles->draft_layout : roles->tree->layout;
}

/* Needs */

static void add_group(struct hm_draft_need *need, const struct hm_role_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < need->group_count; i++)
        if (hm_keyring_is_same_role(need->groups[i], keys))
            return;
    need->groups[need->group_count++] = keys;
}

enum hm_rc hm_roles_need(const struct hm_roles *roles, const char *role, struct hm_err *err,
                         struct hm_draft_need *ret_need)
{
    struct hm_draft_need need = {.group_count = 0};

    if (strcmp(role, "root") == 0 || strcmp(role, "targets") == 0) {
        add_group(&need, hm_tree_keys(roles->tree->root, NULL, NULL, role));
        add_group(&need, hm_tree_keys(roles->draft_root.content, NULL, NULL, role));
    } else {
        add_group(&need, hm_tree_keys(NULL, hm_roles_targets(roles), hm_roles_layout(roles), role));
    }
    if (need.group_count == 0)
        return hm_fail(err, HM_EUNKNOWN,
                       "'%s': no such role at this site; 'hallmark site status' lists them", role);
    *ret_need = need;
    return HM_OK;
}

enum hm_rc hm_roles_write_release(const struct hm_site *site, const char *role, int64_t version,
                                  struct hm_targets *content, struct hm_err *err,
                                  struct hm_buf *ret_canonical)
{
    _hm_done_(hm_buf_done) struct hm_buf x_hallmark = HM_BUF_INIT(1024);
    struct hm_partition_name name = {.product = HM_BYTES_EMPTY};
    struct hm_claim claim = {.site = site->config.name};
    char product[HM_TEXT_NAME_SIZE_MAX + 1];

    content->document.version = version;
    content->document.expires_unix_s =
        site->now_unix_s + (hm_role_is_of(role, "recalls", NULL) ? hm_review_default_expiry_s(role)
                                                                 : site->config.expiry.release_s);
    if (hm_partition_parse(hm_bytes_str(role), &name) && name.product.size > 0) {
        (void)snprintf(product, sizeof(product), "%.*s", HM_BYTES_FMT(name.product));
        claim.product = product;
    }
    HM_TRY(hm_claim_write(&claim, err, &x_hallmark));
    HM_TRY(hm_targets_set_x_hallmark(content, hm_buf_bytes(&x_hallmark), err));
    return hm_targets_write(content, err, ret_canonical);
}

enum hm_rc hm_roles_state(const struct hm_roles *roles, const struct hm_draft *draft,
                          struct hm_arena *arena, struct hm_err *err,
                          struct hm_draft_state *ret_state)
{
    struct hm_draft_need need;

    HM_TRY(hm_roles_need(roles, draft->role, err, &need));
    return hm_draft_state(draft, &need, arena, err, ret_state);
}

/* Signing */

void hm_roles_signers_done(struct hm_signers *signers)
{
    for (size_t i = 0; i < signers->count; i++)
        hm_signer_free(signers->items[i]);
    signers->count = 0;
}

enum hm_rc hm_roles_sign(const struct hm_roles *roles, const char *role,
                         const struct hm_signers *signers, struct hm_err *err, uint32_t *ret_added)
{
    struct hm_draft_need need;
    uint32_t total = 0;

    HM_TRY(hm_roles_need(roles, role, err, &need));
    for (size_t i = 0; i < signers->count; i++) {
        bool added = false;
        enum hm_rc rc =
            hm_draft_sign(&roles->site->drafts, role, signers->items[i], &need, err, &added);

        if (rc != HM_OK && rc != HM_EREFUSED)
            return rc;
        total += rc == HM_OK && added;
    }
    *ret_added = total;
    return HM_OK;
}

static bool concerns(const struct hm_signatures *signatures, const char *role)
{
    for (size_t i = 0; i < signatures->count; i++)
        if (strcmp(signatures->items[i].role, role) == 0)
            return true;
    return false;
}

static enum hm_rc attach_role(const struct hm_roles *roles, const char *role,
                              const struct hm_signatures *signatures, struct hm_err *err,
                              uint32_t *ret_added)
{
    struct hm_draft_need need;

    HM_TRY(hm_roles_need(roles, role, err, &need));
    return hm_draft_merge(&roles->site->drafts, role, signatures, &need, err, ret_added);
}

enum hm_rc hm_roles_attach(const struct hm_roles *roles, const struct hm_signatures *signatures,
                           struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;
    bool fitted = false;
    enum hm_rc last = HM_OK;

    if (signatures->site == NULL)
        return hm_fail(err, HM_EMISMATCH, "these signatures are by maker '%s', for no site",
                       signatures->maker);
    if (strcmp(signatures->site, roles->site->config.name) != 0)
        return hm_fail(err, HM_EMISMATCH, "these signatures are for the site '%s', this is '%s'",
                       signatures->site, roles->site->config.name);
    HM_TRY(hm_draft_list(&roles->site->drafts, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        uint32_t added = 0;
        enum hm_rc rc;

        if (!concerns(signatures, names[i]))
            continue;
        rc = attach_role(roles, names[i], signatures, err, &added);
        if (rc == HM_EMISMATCH || rc == HM_ESIGNATURE) {
            last = rc;
            continue;
        }
        HM_TRY(rc);
        fitted = true;
        HM_TRY(
            hm_buf_append_fmt(report, err, "%u new signature%s: ", added, added == 1 ? "" : "s"));
        HM_TRY(hm_roles_describe(roles, names[i], err, report));
    }
    if (fitted)
        return HM_OK;
    if (last != HM_OK)
        return last; /* *err says why, from the last draft tried */
    return hm_fail(err, HM_EMISMATCH,
                   "none of these signatures is for a draft here; were they made for an earlier "
                   "one, or is it published already?");
}

/* Describing */

static enum hm_rc append_key(const struct hm_approvers *approvers, const char *id,
                             struct hm_err *err, struct hm_buf *report)
{
    const char *name = hm_approvers_name(approvers, id);

    HM_TRY(hm_buf_append_fmt(report, err, " %.8s", id));
    if (name != NULL)
        HM_TRY(hm_buf_append_fmt(report, err, " (%s)", name));
    return HM_OK;
}

enum hm_rc hm_roles_describe(const struct hm_roles *roles, const char *role, struct hm_err *err,
                             struct hm_buf *report)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_approvers_done) struct hm_approvers approvers = HM_APPROVERS_INIT;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_draft_state state;

    HM_TRY(hm_draft_load(&roles->site->drafts, role, err, &draft));
    HM_TRY(hm_roles_state(roles, draft, &arena, err, &state));
    HM_TRY(hm_buf_append_fmt(report, err, "'%s' version %lld: ", role, (long long)draft->version));
    if (state.is_complete)
        return hm_buf_append_str(report, "complete, ready to publish\n", err);
    for (size_t i = 0; i < state.group_count; i++)
        HM_TRY(hm_buf_append_fmt(report, err, "%s%u of %u signatures%s", i == 0 ? "" : ", ",
                                 state.valid[i], state.needed[i],
                                 state.group_count == 1 ? ""
                                 : i == 0               ? " by the keys before"
                                                        : " by the new keys"));
    HM_TRY(hm_approvers_load(roles->site, err, &approvers));
    HM_TRY(hm_buf_append_str(report, "; can sign:", err));
    for (size_t i = 0; i < state.missing_count; i++)
        HM_TRY(append_key(&approvers, state.missing[i], err, report));
    return hm_buf_append_str(report, "\n", err);
}

/* Requests */

enum hm_rc hm_roles_request(const struct hm_roles *roles, const char *const *names, size_t count,
                            const char *reason, const char *path, struct hm_err *err,
                            struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_REQUEST_SIZE_MAX);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_request head = {.site = roles->site->config.name,
                              .created_unix_s = roles->site->now_unix_s,
                              .reason = reason,
                              .root = roles->tree->root_raw};
    struct hm_bytes *currents;

    if (count == 0 || count > HM_REQUEST_DOCUMENT_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a request holds 1 to %d documents, not %zu",
                       HM_REQUEST_DOCUMENT_COUNT_MAX, count);
    currents = hm_arena_alloc(&arena, count, sizeof(*currents));
    if (currents == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hm_tree_raw(roles->tree, names[i], err, &currents[i]));
        if (strcmp(names[i], "root") != 0 && strcmp(names[i], "targets") != 0)
            head.targets = roles->tree->targets.raw;
    }
    HM_TRY(hm_scanned_request(roles->site, names, count, &arena, err, &head.findings,
                              &head.finding_count));
    HM_TRY(hm_draft_request(&roles->site->drafts, &head, names, currents, count, err, &raw));
    HM_TRY(hm_file_write_path(path, 0644, hm_buf_bytes(&raw), err));
    return hm_buf_append_fmt(report, err,
                             "Wrote '%s': have it signed with 'hallmark sign', then 'hallmark site "
                             "attach' what comes back.\n",
                             path);
}
