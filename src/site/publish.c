/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing (publish.h). */
#include "site/publish.h"

#include "base/gzip.h"
#include "site/approvers.h"
#include "site/journal.h"
#include "site/log_batch.h"
#include "site/rehearsal.h"
#include "trust/trust_file.h"

/* Targets and the rest, then the root alone, then a look that nothing is left. */
#define HM_PUBLISH_ROUND_COUNT_MAX 4

void hm_publish_result_done(struct hm_publish_result *result)
{
    hm_buf_done(&result->witnesses);
    hm_buf_done(&result->notes);
    hm_arena_done(&result->arena);
}

static enum hm_rc add_item(struct hm_publish_result *result, const char *role, int64_t version,
                           struct hm_err *err)
{
    char *name = hm_arena_strdup(&result->arena, hm_bytes_str(role));

    if (result->count == result->capacity) {
        size_t capacity = result->capacity == 0 ? 16 : 2 * result->capacity;
        struct hm_publish_item *grown = hm_arena_alloc(&result->arena, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        if (result->count > 0)
            memcpy(grown, result->items, result->count * sizeof(*grown));
        result->items = grown;
        result->capacity = capacity;
    }
    if (name == NULL)
        return hm_error_nomem(err);
    result->items[result->count++] = (struct hm_publish_item){.role = name, .version = version};
    return HM_OK;
}

/* One step being written. */
struct step {
    const struct hm_plan *plan;
    const struct hm_site *site;
    struct hm_own_log *log; /* borrowed; NULL: none */
    struct hm_journal journal;
    struct hm_signers online;
    struct hm_publish_result *result;
};

static void step_done(struct step *step)
{
    hm_journal_done(&step->journal);
    hm_roles_signers_done(&step->online);
}

typedef enum hm_rc add_fn(struct hm_journal *journal, const struct hm_dir *public_dir,
                          const char *path, struct hm_bytes bytes, struct hm_err *err);

static enum hm_rc add_metadata_by(struct step *step, add_fn *add, const char *role, int64_t version,
                                  struct hm_bytes raw, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(1024);
    _hm_done_(hm_buf_done) struct hm_buf compressed =
        HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX + 65536);

    HM_TRY(hm_tree_file_name(role, version, err, &name));
    HM_TRY(add(&step->journal, &step->site->public_dir, hm_buf_str(&name), raw, err));
    /* Beside it a copy for servers that send such (docs/operations.md). */
    HM_TRY(hm_gzip_compress(raw, err, &compressed));
    HM_TRY(hm_buf_append_str(&name, ".gz", err));
    HM_TRY(add(&step->journal, &step->site->public_dir, hm_buf_str(&name),
               hm_buf_bytes(&compressed), err));
    if (strcmp(role, "root") == 0)
        HM_TRY(hm_journal_remember(&step->journal, role, raw, err));
    return add_item(step->result, role, version, err);
}

static enum hm_rc add_metadata(struct step *step, const char *role, int64_t version,
                               struct hm_bytes raw, struct hm_err *err)
{
    return add_metadata_by(step, hm_journal_add, role, version, raw, err);
}

static enum hm_rc make_meta(struct hm_bytes name, int64_t version, struct hm_bytes raw,
                            struct hm_err *err, struct hm_snapshot_meta *ret_meta)
{
    *ret_meta = (struct hm_snapshot_meta){.name = name, .version = version};
    ret_meta->facts.has_length = true;
    ret_meta->facts.length = raw.size;
    ret_meta->facts.has_sha256 = true;
    return hm_digest_sha256(raw, err, &ret_meta->facts.sha256);
}

/* Signs with the online keys in force, and with those of the root to come. */
static enum hm_rc sign_online(struct step *step, enum hm_root_role role, struct hm_bytes canonical,
                              struct hm_err *err, struct hm_buf *ret_raw)
{
    const struct hm_plan *plan = step->plan;
    const struct hm_role_keys *groups[2];
    size_t count = 0;

    if (!plan->root_along)
        groups[count++] = &plan->root_in_force->roles[role];
    if (plan->root != NULL && !plan->is_first)
        groups[count++] = &plan->root->roles[role];
    return hm_approvers_sign(&step->online, hm_root_role_name(role), canonical, groups, count, err,
                             ret_raw);
}

static bool is_with_root(const struct hm_plan *plan)
{
    return plan->is_first || plan->root_along || plan->root_late;
}

/* The entries that come with the snapshot. */
static enum hm_rc write_log(struct step *step, const struct hm_snapshot *snapshot,
                            const struct hm_snapshot_meta *meta, struct hm_err *err)
{
    struct hm_log_batch_change change = {.plan = step->plan,
                                         .snapshot = snapshot,
                                         .document = {.version = (uint64_t)meta->version,
                                                      .sha256 = meta->facts.sha256,
                                                      .length = meta->facts.length},
                                         .with_root = is_with_root(step->plan)};

    if (step->log == NULL)
        return HM_OK;
    return hm_log_batch_write(step->log, &change, &step->journal, err);
}

static enum hm_rc write_snapshot(struct step *step, struct hm_err *err,
                                 struct hm_snapshot_meta *ret_meta)
{
    const struct hm_plan *plan = step->plan;
    const struct hm_tree *tree = plan->roles->tree;
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    struct hm_snapshot_meta meta;

    HM_TRY(hm_snapshot_new(err, &snapshot));
    for (size_t i = 0; tree->root != NULL && i < tree->snapshot->meta_count; i++)
        HM_TRY(hm_snapshot_put(snapshot, &tree->snapshot->metas[i], err));
    for (size_t i = 0; i < plan->document_count; i++) {
        const struct hm_plan_document *document = &plan->documents[i];

        HM_TRY(
            make_meta(hm_bytes_str(document->role), document->version, document->raw, err, &meta));
        HM_TRY(hm_snapshot_put(snapshot, &meta, err));
    }
    snapshot->document.version = hm_tree_version(tree, "snapshot") + 1;
    snapshot->document.expires_unix_s =
        step->site->now_unix_s + step->site->config.expiry.snapshot_s;
    if (tree->root != NULL)
        HM_TRY(hm_snapshot_check_successor(tree->snapshot, snapshot, err));
    HM_TRY(hm_snapshot_write(snapshot, err, &canonical));
    HM_TRY(sign_online(step, HM_ROOT_ROLE_SNAPSHOT, hm_buf_bytes(&canonical), err, &raw));
    HM_TRY(add_metadata(step, "snapshot", snapshot->document.version, hm_buf_bytes(&raw), err));
    HM_TRY(make_meta(HM_BYTES_LITERAL("snapshot"), snapshot->document.version, hm_buf_bytes(&raw),
                     err, ret_meta));
    return write_log(step, snapshot, ret_meta, err);
}

static enum hm_rc write_timestamp(struct step *step, const struct hm_snapshot_meta *meta,
                                  struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    struct hm_document document = {
        .version = hm_tree_version(step->plan->roles->tree, "timestamp") + 1,
        .expires_unix_s = step->site->now_unix_s + step->site->config.expiry.timestamp_s};

    HM_TRY(hm_timestamp_write(&document, meta, err, &canonical));
    HM_TRY(sign_online(step, HM_ROOT_ROLE_TIMESTAMP, hm_buf_bytes(&canonical), err, &raw));
    HM_TRY(hm_journal_add_timestamp(&step->journal, hm_buf_bytes(&raw), err));
    HM_TRY(hm_journal_remember(&step->journal, "timestamp", hm_buf_bytes(&raw), err));
    return add_item(step->result, "timestamp", document.version, err);
}

/* What customers start from: written once, with the first root. */
static enum hm_rc write_trust_file(struct step *step, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    struct hm_trust_file file = {.site = step->site->config.name,
                                 .url = step->site->config.url,
                                 .root = step->plan->root_raw,
                                 .floor = HM_GRADE_ATTESTED};

    HM_TRY(hm_trust_file_write(&file, err, &raw));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, &step->result->fingerprint));
    step->result->has_fingerprint = true;
    return hm_journal_add(&step->journal, &step->site->public_dir, "hallmark.trust",
                          hm_buf_bytes(&raw), err);
}

/* An image that is said to be in public/ already: believed by its bytes, not by its name. */
static enum hm_rc check_image(const struct hm_site *site, const char *name,
                              const struct hm_file_facts *facts, struct hm_err *err)
{
    struct hm_sha256 found;
    uint64_t size, hashed;
    enum hm_rc rc;
    int fd;

    HM_TRY(hm_dir_open_file(&site->public_dir, name, err, &fd, &size));
    rc = hm_digest_fd(fd, NULL, NULL, err, &found, &hashed);
    (void)close(fd); /* only read from */
    HM_TRY(rc);
    if (hashed != facts->length || !hm_digest_is_equal(&found, &facts->sha256))
        return hm_fail(err, HM_EMISMATCH,
                       "'public/%s' has other bytes than were signed for: it is damaged, or "
                       "somebody else writes to public/; find out which, move it away and publish "
                       "again",
                       name);
    return HM_OK;
}

static enum hm_rc write_images(struct step *step, struct hm_err *err)
{
    for (size_t i = 0; i < step->plan->image_count; i++) {
        const struct hm_plan_image *image = &step->plan->images[i];
        _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2048);

        HM_TRY(hm_tree_image_name(image->path, &image->facts.sha256, err, &name));
        if (image->source == NULL) {
            HM_TRY(check_image(step->site, hm_buf_str(&name), &image->facts, err));
            continue;
        }
        HM_TRY(hm_journal_add_image(&step->journal, &step->site->private_dir, image->source,
                                    hm_buf_str(&name), image->facts.length, &image->facts.sha256,
                                    err));
    }
    return HM_OK;
}

static enum hm_rc write_identities(struct step *step, struct hm_err *err)
{
    for (size_t i = 0; i < step->plan->identity_count; i++) {
        const struct hm_plan_identity *identity = &step->plan->identities[i];
        _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(256);

        HM_TRY(hm_buf_append_fmt(&name, err, "makers/%s/%lld.identity", identity->id,
                                 (long long)identity->version));
        HM_TRY(hm_journal_add(&step->journal, &step->site->public_dir, hm_buf_str(&name),
                              identity->raw, err));
    }
    return HM_OK;
}

static enum hm_rc write_files(struct step *step, struct hm_err *err)
{
    for (size_t i = 0; i < step->plan->file_count; i++)
        HM_TRY(hm_journal_add(&step->journal, &step->site->public_dir, step->plan->files[i].path,
                              step->plan->files[i].raw, err));
    return HM_OK;
}

static enum hm_rc write_first_root(struct step *step, struct hm_err *err)
{
    if (!step->plan->is_first)
        return HM_OK;
    HM_TRY(add_metadata(step, "root", 1, step->plan->root_raw, err));
    HM_TRY(hm_journal_drop(&step->journal, "drafts/root.json", err));
    return write_trust_file(step, err);
}

/* The second step: the new root alone. */
static enum hm_rc write_root_step(struct step *step, struct hm_err *err)
{
    const struct hm_plan *plan = step->plan;

    HM_TRY(add_metadata(step, "root", plan->root->document.version, plan->root_raw, err));
    return hm_journal_drop(&step->journal, "drafts/root.json", err);
}

/* The log names it, so it comes with the same step, when that is visible. */
static enum hm_rc write_root_late(struct step *step, struct hm_err *err)
{
    const struct hm_plan *plan = step->plan;

    if (!plan->root_late)
        return HM_OK;
    HM_TRY(add_metadata_by(step, hm_journal_add_late, "root", plan->root->document.version,
                           plan->root_raw, err));
    return hm_journal_drop(&step->journal, "drafts/root.json", err);
}

/* The old online key is lost: nobody could sign a step before the root. */
static enum hm_rc write_root_along(struct step *step, struct hm_err *err)
{
    if (!step->plan->root_along)
        return HM_OK;
    HM_TRY(write_root_step(step, err));
    return hm_journal_drop(&step->journal, HM_PLAN_LOST_FILE, err);
}

/* The first step: everything but a later root. renew_snapshot false: only the timestamp is new. */
static enum hm_rc write_step(struct step *step, bool renew_snapshot, struct hm_err *err)
{
    const struct hm_plan *plan = step->plan;
    struct hm_snapshot_meta meta;

    HM_TRY(hm_approvers_signers(&step->site->private_dir, HM_APPROVERS_ONLINE, err, &step->online));
    HM_TRY(write_images(step, err));
    HM_TRY(write_identities(step, err));
    HM_TRY(write_files(step, err));
    HM_TRY(write_first_root(step, err));
    HM_TRY(write_root_along(step, err));
    for (size_t i = 0; i < plan->document_count; i++)
        HM_TRY(add_metadata(step, plan->documents[i].role, plan->documents[i].version,
                            plan->documents[i].raw, err));
    for (size_t i = 0; i < plan->drop_count; i++)
        HM_TRY(hm_journal_drop(&step->journal, plan->drops[i], err));
    if (renew_snapshot)
        HM_TRY(write_snapshot(step, err, &meta));
    else
        meta = plan->roles->tree->timestamp->snapshot;
    step->result->file_count += plan->path_count;
    HM_TRY(write_timestamp(step, &meta, err));
    return write_root_late(step, err);
}

enum step_kind {
    STEP_NONE,
    STEP_ALL,       /* documents, snapshot, timestamp */
    STEP_TIMESTAMP, /* timestamp alone */
    STEP_ROOT,
};

static bool lost_half(const struct hm_document *document, int64_t valid_s, int64_t now_unix_s)
{
    return document->expires_unix_s - now_unix_s < valid_s / 2;
}

static enum step_kind next_step(const struct hm_plan *plan, enum hm_publish_renew renew, bool again)
{
    const struct hm_tree *tree = plan->roles->tree;
    const struct hm_site_expiry *expiry = &plan->roles->site->config.expiry;
    int64_t now = plan->roles->site->now_unix_s;

    if (renew == HM_PUBLISH_DRAFTS) {
        if (hm_plan_has_step(plan))
            return STEP_ALL;
        return hm_plan_has_root_step(plan) ? STEP_ROOT : STEP_NONE;
    }
    if (tree->root == NULL || again)
        return STEP_NONE;
    if (renew == HM_PUBLISH_REFRESH ||
        lost_half(&tree->snapshot->document, expiry->snapshot_s, now))
        return STEP_ALL;
    return lost_half(&tree->timestamp->document, expiry->timestamp_s, now) ? STEP_TIMESTAMP
                                                                           : STEP_NONE;
}

/* For renewing: the published state alone, whatever drafts there are. */
static void forget_drafts(struct hm_plan *plan)
{
    plan->document_count = plan->image_count = plan->identity_count = 0;
    plan->path_count = plan->drop_count = plan->file_count = 0;
    plan->root_along = plan->root_late = false;
}

static enum hm_rc commit_step(struct hm_plan *plan, enum step_kind kind, struct hm_own_log *log,
                              struct hm_err *err, struct hm_publish_result *result)
{
    const struct hm_site *site = plan->roles->site;
    _hm_done_(step_done) struct step step = {.plan = plan,
                                             .site = site,
                                             .log = log,
                                             .journal = {.next = HM_DIR_INIT},
                                             .online = HM_SIGNERS_INIT,
                                             .result = result};

    HM_TRY(hm_journal_begin(&site->private_dir, err, &step.journal));
    if (kind == STEP_ROOT)
        HM_TRY(write_root_step(&step, err));
    else
        HM_TRY(write_step(&step, kind == STEP_ALL, err));
    HM_TRY(hm_rehearsal_run(plan, &step.journal.next, err));
    return hm_journal_commit(&step.journal, err);
}

/* ---- the release log ------------------------------------------------------------------------- */

static enum hm_rc open_log(const struct hm_plan *plan, struct hm_err *err,
                           struct hm_own_log **ret_log)
{
    const struct hm_root *root = is_with_root(plan) ? plan->root : plan->roles->tree->root;

    return hm_own_log_open(plan->roles->tree, root, err, ret_log);
}

static struct hm_cosign_options ask_options(const struct hm_site *site)
{
    return (struct hm_cosign_options){.ca_file = site->ca_file, .now_unix_s = site->now_unix_s};
}

/* Cosigned as it is: before it grows, and to renew what is published. */
static enum hm_rc beat(struct hm_own_log *log, const struct hm_plan *plan,
                       enum hm_publish_renew renew, struct hm_err *err,
                       struct hm_publish_result *result)
{
    struct hm_cosign_options options = ask_options(plan->roles->site);

    if (log == NULL || log->begins || log->archive > 0 || hm_own_log_has_junk(log))
        return HM_OK;
    if (renew == HM_PUBLISH_DRAFTS && log->word->policy->quorum == HM_LOG_POLICY_NONE)
        return HM_OK;
    HM_TRY(hm_own_log_heartbeat(log, plan->roles->tree, &options, err, &result->witnesses));
    result->heartbeat = true;
    return HM_OK;
}

/* One that was committed and waits for witnesses. */
static enum hm_rc finish(const struct hm_site *site, struct hm_err *err,
                         struct hm_publish_result *result)
{
    struct hm_cosign_options options = ask_options(site);
    enum hm_rc rc =
        hm_journal_finish(&site->private_dir, &site->public_dir, &options, err, &result->witnesses);

    if (rc == HM_EAGAIN)
        return hm_error_prefix(err, rc,
                               "the publish is complete and waits for witnesses, nothing of it is "
                               "visible; 'publish' or 'renew' asks them again");
    return rc;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* What is done of a step that the witnesses stop: a timestamp needs none of them. */
static enum step_kind without_log(const struct hm_plan *plan, enum hm_publish_renew renew,
                                  enum step_kind kind)
{
    const struct hm_tree *tree = plan->roles->tree;

    if (kind != STEP_ALL)
        return kind;
    return renew == HM_PUBLISH_RENEW && lost_half(&tree->timestamp->document,
                                                  plan->roles->site->config.expiry.timestamp_s,
                                                  plan->roles->site->now_unix_s)
               ? STEP_TIMESTAMP
               : STEP_NONE;
}

static enum hm_rc do_step(struct hm_plan *plan, enum step_kind kind, struct hm_own_log **log,
                          struct hm_err *err, struct hm_publish_result *result)
{
    enum hm_rc rc = commit_step(plan, kind, *log, err, result);

    hm_own_log_free(hm_steal(log)); /* rolling forward opens it anew */
    if (kind == STEP_ALL)
        hm_buf_clear(&result->witnesses); /* they are asked once more */
    return rc == HM_OK ? finish(plan->roles->site, err, result) : rc;
}

/* Plans and does one step. */
static enum hm_rc run_round(const struct hm_site *site, enum hm_publish_renew renew, bool again,
                            struct hm_err *err, struct hm_publish_result *result, bool *ret_done)
{
    _hm_free_(hm_plan_free) struct hm_plan *plan = NULL;
    _hm_free_(hm_own_log_free) struct hm_own_log *log = NULL;
    struct hm_err why = HM_ERR_INIT;
    enum step_kind kind;
    enum hm_rc rc;

    HM_TRY(hm_plan_make(site, err, &plan));
    kind = next_step(plan, renew, again);
    if (renew != HM_PUBLISH_DRAFTS)
        forget_drafts(plan);
    if (kind == STEP_ALL ||
        (renew != HM_PUBLISH_DRAFTS && !again && plan->roles->tree->root != NULL))
        HM_TRY(open_log(plan, err, &log));
    if (log != NULL && kind != STEP_ALL && hm_own_log_has_junk(log))
        kind = STEP_ALL; /* a new snapshot names it void */
    rc = beat(log, plan, renew, &why, result);
    if (rc == HM_EAGAIN)
        kind = without_log(plan, renew, kind);
    if (rc == HM_OK || (rc == HM_EAGAIN && kind != STEP_NONE)) {
        *ret_done = kind == STEP_NONE;
        hm_buf_clear(&result->notes);
        if (kind == STEP_NONE)
            return hm_buf_append(&result->notes, hm_buf_bytes(&plan->notes), err);
        HM_TRY(do_step(plan, kind, &log, err, result));
    }
    if (rc != HM_OK && err != NULL)
        *err = why;
    return rc;
}

enum hm_rc hm_publish_run(const struct hm_site *site, enum hm_publish_renew renew,
                          struct hm_err *err, struct hm_publish_result *result)
{
    bool done = false;

    if (hm_journal_is_waiting(&site->private_dir)) {
        HM_TRY(finish(site, err, result));
        result->resumed = true;
    }
    for (int round = 0; round < HM_PUBLISH_ROUND_COUNT_MAX; round++) {
        HM_TRY(run_round(site, renew, round > 0, err, result, &done));
        if (done)
            return HM_OK;
    }
    return hm_fail(err, HM_EINTERNAL, "publishing does not come to an end");
}

enum hm_rc hm_publish_commit_only(const struct hm_site *site, struct hm_err *err)
{
    _hm_free_(hm_plan_free) struct hm_plan *plan = NULL;
    _hm_free_(hm_own_log_free) struct hm_own_log *log = NULL;
    _hm_done_(hm_publish_result_done) struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;
    enum step_kind kind;

    HM_TRY(hm_plan_make(site, err, &plan));
    kind = next_step(plan, HM_PUBLISH_DRAFTS, false);
    if (kind == STEP_NONE)
        return hm_fail(err, HM_EAGAIN, "nothing to publish");
    if (kind == STEP_ALL)
        HM_TRY(open_log(plan, err, &log));
    return commit_step(plan, kind, log, err, &result);
}

enum hm_rc hm_publish_describe(const struct hm_publish_result *result, struct hm_err *err,
                               struct hm_buf *report)
{
    char text[72];

    if (result->resumed)
        HM_TRY(
            hm_buf_append_str(report, "the publish that waited for witnesses is visible\n", err));
    HM_TRY(hm_buf_append(report, hm_buf_bytes(&result->witnesses), err));
    if (result->count == 0 && !result->resumed)
        HM_TRY(hm_buf_append_str(report, "nothing to publish\n", err));
    for (size_t i = 0; i < result->count; i++)
        HM_TRY(hm_buf_append_fmt(report, err, "published '%s' version %lld\n",
                                 result->items[i].role, (long long)result->items[i].version));
    if (result->file_count > 0)
        HM_TRY(hm_buf_append_fmt(report, err, "%zu new or changed file%s\n", result->file_count,
                                 result->file_count == 1 ? "" : "s"));
    if (result->has_fingerprint) {
        hm_trust_file_format_fingerprint(&result->fingerprint, text);
        HM_TRY(hm_buf_append_fmt(report, err,
                                 "Trust file: public/hallmark.trust\nFingerprint: %s\nGive the "
                                 "fingerprint to customers by another way than this site.\n",
                                 text));
    }
    if (result->notes.size > 0)
        HM_TRY(hm_buf_append_str(report, "held back:\n", err));
    return hm_buf_append(report, hm_buf_bytes(&result->notes), err);
}
