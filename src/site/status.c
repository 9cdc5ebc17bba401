/* SPDX-License-Identifier: Apache-2.0 */
/* How a site stands (status.h). */
#include "site/status.h"

#include "site/approvers.h"
#include "site/hold.h"
#include "site/renew.h"
#include "site/status_log.h"

struct status_role {
    const char *role;
    const struct hm_document *document;
    const struct hm_role_keys *keys;
    uint32_t valid;
    bool is_expired, is_soon;
};

struct status {
    const struct hm_site *site;
    struct hm_plan *plan;
    struct hm_approvers approvers;
    struct hm_status_log log;
    struct status_role *roles;
    size_t role_count, role_max;
    bool is_expired;
    struct hm_arena arena;
};

static void status_done(struct status *status)
{
    hm_plan_free(status->plan);
    hm_status_log_done(&status->log);
    hm_approvers_done(&status->approvers);
    hm_arena_done(&status->arena);
}

/* Gathering */

static enum hm_rc add_role(struct status *status, const char *role,
                           const struct hm_document *document, const struct hm_role_keys *keys,
                           const struct hm_envelope *envelope, struct hm_err *err)
{
    int64_t left = document->expires_unix_s - status->site->now_unix_s;
    const struct hm_site_expiry *expiry = &status->site->config.expiry;
    struct status_role item = {.document = document, .keys = keys};

    if (keys == NULL)
        return hm_fail(err, HM_EINTERNAL, "'%s': no keys", role);
    if (status->role_count == status->role_max) {
        size_t max = status->role_max == 0 ? 64 : 2 * status->role_max;
        struct status_role *grown = hm_arena_alloc(&status->arena, max, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        if (status->role_count > 0)
            memcpy(grown, status->roles, status->role_count * sizeof(*grown));
        status->roles = grown;
        status->role_max = max;
    }
    item.role = hm_arena_strdup(&status->arena, hm_bytes_str(role));
    if (item.role == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_envelope_count(envelope, keys, err, &item.valid));
    item.is_expired = left <= 0;
    if (strcmp(role, "timestamp") == 0)
        item.is_soon = left < expiry->timestamp_s / 2;
    else if (strcmp(role, "snapshot") == 0)
        item.is_soon = left < expiry->snapshot_s / 2;
    else
        item.is_soon = left < HM_STATUS_SOON_S;
    status->is_expired = status->is_expired || item.is_expired;
    status->roles[status->role_count++] = item;
    return HM_OK;
}

static enum hm_rc add_delegated(void *ctx, const char *role, const struct hm_targets *targets,
                                const struct hm_envelope *envelope, struct hm_err *err)
{
    struct status *status = ctx;
    const struct hm_tree *tree = status->plan->roles->tree;

    return add_role(status, role, &targets->document,
                    hm_tree_keys(NULL, tree->targets.targets, tree->layout, role), envelope, err);
}

static enum hm_rc add_top(struct status *status, struct hm_err *err)
{
    const struct hm_tree *tree = status->plan->roles->tree;
    const struct hm_root *root = tree->root;
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;

    HM_TRY(hm_envelope_parse(tree->root_raw, err, &envelope));
    HM_TRY(
        add_role(status, "root", &root->document, &root->roles[HM_ROOT_ROLE_ROOT], envelope, err));
    HM_TRY(add_role(status, "targets", &tree->targets.targets->document,
                    &root->roles[HM_ROOT_ROLE_TARGETS], tree->targets.envelope, err));
    HM_TRY(add_role(status, "snapshot", &tree->snapshot->document,
                    &root->roles[HM_ROOT_ROLE_SNAPSHOT], tree->snapshot_envelope, err));
    return add_role(status, "timestamp", &tree->timestamp->document,
                    &root->roles[HM_ROOT_ROLE_TIMESTAMP], tree->timestamp_envelope, err);
}

static enum hm_rc gather(struct status *status, struct hm_err *err)
{
    const struct hm_tree *tree;

    HM_TRY(hm_plan_make(status->site, err, &status->plan));
    HM_TRY(hm_approvers_load(status->site, err, &status->approvers));
    tree = status->plan->roles->tree;
    if (tree->root == NULL)
        return HM_OK;
    HM_TRY(hm_status_log_gather(tree, err, &status->log));
    status->is_expired = hm_status_log_is_expired(&status->log);
    HM_TRY(add_top(status, err));
    HM_TRY(
        hm_tree_each_part(status->plan->roles->tree, HM_RENEW_RECALLS, err, add_delegated, status));
    for (size_t i = 0; i < tree->layout->maker_count; i++) {
        char role[HM_LAYOUT_ROLE_SIZE_MAX];

        hm_layout_release_role(hm_bytes_str(tree->layout->makers[i].id), role);
        HM_TRY(hm_tree_each_part(status->plan->roles->tree, role, err, add_delegated, status));
        hm_layout_maker_role(hm_bytes_str(tree->layout->makers[i].id), role);
        HM_TRY(hm_tree_each_part(status->plan->roles->tree, role, err, add_delegated, status));
    }
    return HM_OK;
}

/* Text */

static enum hm_rc text_role(const struct status *status, const struct status_role *item,
                            struct hm_err *err, struct hm_buf *report)
{
    int64_t left = item->document->expires_unix_s - status->site->now_unix_s;
    char expires[HM_TIME_TEXT_SIZE], age[32];

    hm_time_format(item->document->expires_unix_s, expires);
    hm_time_format_age(left < 0 ? -left : left, age);
    if (item->is_expired)
        HM_TRY(hm_buf_append_fmt(report, err, "WARNING: '%s' expired %s ago\n", item->role, age));
    else if (item->is_soon)
        HM_TRY(hm_buf_append_fmt(report, err, "WARNING: '%s' expires in %s\n", item->role, age));
    HM_TRY(hm_buf_append_fmt(
        report, err, "%-20s version %lld, %s %s, %u of %u signatures, %zu key%s", item->role,
        (long long)item->document->version, item->is_expired ? "EXPIRED" : "until", expires,
        item->valid, item->keys->threshold, item->keys->id_count,
        item->keys->id_count == 1 ? "" : "s"));
    for (size_t i = 0; i < item->keys->id_count; i++) {
        const char *name = hm_approvers_name(&status->approvers, item->keys->ids[i]);

        HM_TRY(hm_buf_append_fmt(report, err, "%s %.8s", i == 0 ? ":" : ",", item->keys->ids[i]));
        if (name != NULL) {
            HM_TRY(hm_buf_append_str(report, " (", err));
            HM_TRY(hm_text_escape(report, hm_bytes_str(name), err));
            HM_TRY(hm_buf_append_str(report, ")", err));
        }
    }
    return hm_buf_append_str(report, "\n", err);
}

static enum hm_rc write_text(const struct status *status, struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **drafts;
    size_t count, waiting = 0;

    HM_TRY(hm_buf_append_fmt(report, err, "site '%s'%s, %s\n", status->site->config.name,
                             status->site->config.trial ? " (trial)" : "",
                             status->site->config.url));
    if (hm_hold_is_set(&status->site->private_dir))
        HM_TRY(hm_buf_append_str(report,
                                 "WARNING: restored from a backup, and signs nothing until it is "
                                 "shown that nothing newer is about: run 'hallmark site restore "
                                 "--check'\n",
                                 err));
    if (status->role_count == 0)
        HM_TRY(hm_buf_append_str(report, "nothing is published yet\n", err));
    for (size_t i = 0; i < status->role_count; i++)
        HM_TRY(text_role(status, &status->roles[i], err, report));
    HM_TRY(hm_status_log_text(&status->log, err, report));
    HM_TRY(hm_draft_list(&status->site->drafts, &arena, err, &drafts, &count));
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hm_buf_append_str(report, "draft ", err));
        HM_TRY(hm_roles_describe(status->plan->roles, drafts[i], err, report));
    }
    for (size_t i = 0; i < status->plan->staged->count; i++)
        waiting += status->plan->staged->items[i].rejected == NULL;
    HM_TRY(hm_buf_append_fmt(report, err, "%zu submission%s wait%s\npublish now:\n", waiting,
                             waiting == 1 ? "" : "s", waiting == 1 ? "s" : ""));
    return hm_plan_describe(status->plan, err, report);
}

/* JSON */

static void json_keys(const struct status *status, const char *const *ids, size_t count,
                      struct hm_json_writer *writer)
{
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++) {
        const char *name = hm_approvers_name(&status->approvers, ids[i]);

        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "keyid", ids[i]);
        if (name != NULL)
            hm_json_writer_key_str(writer, "file", name);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
}

static void json_role(const struct status *status, const struct status_role *item,
                      struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "role", item->role);
    hm_json_writer_key_int(writer, "version", item->document->version);
    hm_json_writer_key(writer, "expires");
    hm_json_writer_time(writer, item->document->expires_unix_s);
    hm_json_writer_key(writer, "expired");
    hm_json_writer_bool(writer, item->is_expired);
    hm_json_writer_key(writer, "soon");
    hm_json_writer_bool(writer, item->is_soon);
    hm_json_writer_key_int(writer, "valid", item->valid);
    hm_json_writer_key_int(writer, "needed", item->keys->threshold);
    hm_json_writer_key(writer, "keys");
    json_keys(status, item->keys->ids, item->keys->id_count, writer);
    hm_json_writer_object_end(writer);
}

static enum hm_rc json_draft(const struct status *status, const char *role, struct hm_err *err,
                             struct hm_json_writer *writer)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_draft_state state;

    HM_TRY(hm_draft_load(&status->site->drafts, role, err, &draft));
    HM_TRY(hm_roles_state(status->plan->roles, draft, &arena, err, &state));
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "role", role);
    hm_json_writer_key_int(writer, "version", draft->version);
    hm_json_writer_key(writer, "complete");
    hm_json_writer_bool(writer, state.is_complete);
    hm_json_writer_key(writer, "signatures");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < state.group_count; i++) {
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_int(writer, "valid", state.valid[i]);
        hm_json_writer_key_int(writer, "needed", state.needed[i]);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "missing");
    json_keys(status, state.missing, state.missing_count, writer);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static void json_lines(const struct hm_buf *text, struct hm_json_writer *writer)
{
    const char *line = hm_buf_str(text);

    hm_json_writer_array_begin(writer);
    while (*line != '\0') {
        const char *end = strchrnul(line, '\n');

        hm_json_writer_string(writer, hm_bytes_make(line, (size_t)(end - line)));
        line = *end == '\n' ? end + 1 : end;
    }
    hm_json_writer_array_end(writer);
}

static void json_plan(const struct status *status, struct hm_json_writer *writer)
{
    const struct hm_plan *plan = status->plan;

    hm_json_writer_key(writer, "pending");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < plan->staged->count; i++)
        if (plan->staged->items[i].rejected == NULL)
            hm_json_writer_str(writer, plan->staged->items[i].id);
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "ready");
    hm_json_writer_array_begin(writer);
    if (plan->root != NULL && !plan->root_waits)
        hm_json_writer_str(writer, "root");
    for (size_t i = 0; i < plan->document_count; i++)
        hm_json_writer_str(writer, plan->documents[i].role);
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "held");
    json_lines(&plan->notes, writer);
}

static enum hm_rc write_json(const struct status *status, struct hm_err *err, struct hm_buf *report)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json_writer writer;
    const char **drafts;
    size_t count;

    HM_TRY(hm_draft_list(&status->site->drafts, &arena, err, &drafts, &count));
    hm_json_writer_init(&writer, report, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/site-status/1");
    hm_json_writer_key_str(&writer, "site", status->site->config.name);
    hm_json_writer_key_str(&writer, "url", status->site->config.url);
    hm_json_writer_key(&writer, "trial");
    hm_json_writer_bool(&writer, status->site->config.trial);
    hm_json_writer_key(&writer, "restored");
    hm_json_writer_bool(&writer, hm_hold_is_set(&status->site->private_dir));
    hm_json_writer_key(&writer, "expired");
    hm_json_writer_bool(&writer, status->is_expired);
    hm_json_writer_key(&writer, "roles");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < status->role_count; i++)
        json_role(status, &status->roles[i], &writer);
    hm_json_writer_array_end(&writer);
    HM_TRY(hm_status_log_json(&status->log, err, &writer));
    hm_json_writer_key(&writer, "drafts");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        HM_TRY(json_draft(status, drafts[i], err, &writer));
    hm_json_writer_array_end(&writer);
    json_plan(status, &writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(report, "\n", err);
}

enum hm_rc hm_status_write(const struct hm_site *site, bool json, struct hm_err *err,
                           struct hm_buf *report, bool *ret_expired)
{
    _hm_done_(status_done) struct status status = {.site = site, .approvers = HM_APPROVERS_INIT};

    HM_TRY(gather(&status, err));
    *ret_expired = status.is_expired;
    return json ? write_json(&status, err, report) : write_text(&status, err, report);
}
