/* SPDX-License-Identifier: Apache-2.0 */
/* A site's release log: what is fetched, compared and kept. The order matters: a checkpoint is on
 * the disk before anything that relies on it is used. */
#include "customer/release_log.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/kept.h"
#include "customer/log_evidence.h"
#include "customer/subscription.h"

#define PROOFS        "proofs/"
#define CHECKPOINT    HM_RELEASE_LOG_CHECKPOINT
#define NAME_SIZE_MAX 128

static void release_done(struct hm_release_log *log)
{
    hm_where_free(log->release.where);
    hm_entry_free(log->release.release);
    hm_entry_free(log->release.snapshot);
    free(log->release_path);
    log->release_path = NULL;
    log->release = (struct hm_release_proof){0};
}

void hm_release_log_free(struct hm_release_log *log)
{
    if (log == NULL)
        return;
    release_done(log);
    hm_log_tiles_free(log->tiles);
    hm_entry_free(log->newest);
    hm_checkpoint_free(log->checkpoint);
    hm_proof_free(log->proof);
    hm_site_log_free(log->site_log);
    free(log);
}

static enum hm_rc new_log(const struct hm_subscription *subscription, struct hm_err *err,
                          struct hm_release_log **ret_log)
{
    _hm_free_(hm_release_log_free) struct hm_release_log *log = calloc(1, sizeof(*log));

    if (log == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_site_log_parse(hm_client_root(subscription->client), err, &log->site_log));
    *ret_log = hm_steal(&log);
    return HM_OK;
}

static const char *origin_of(const struct hm_release_log *log)
{
    return log->site_log->policy->logs[0].key->name;
}

/* ---- what is asked --------------------------------------------------------------------------- */

struct hm_log_demands hm_release_log_demands(const struct hm_subscription *subscription,
                                             int64_t max_age_s)
{
    struct hm_log_demands demands = {.max_age_s = max_age_s,
                                     .now_unix_s = subscription->judged_unix_s};

    if (subscription->trust->log_policy != NULL)
        demands.policies[demands.policy_count++] =
            (struct hm_log_demand){"the trust file's", subscription->trust->log_policy};
    if (subscription->policy.log_policy != NULL)
        demands.policies[demands.policy_count++] =
            (struct hm_log_demand){"your own", subscription->policy.log_policy};
    return demands;
}

static struct hm_log_facts make_facts(const struct hm_subscription *subscription)
{
    const struct hm_snapshot_meta *snapshot = &hm_client_timestamp(subscription->client)->snapshot;
    const struct hm_root *root = hm_client_root(subscription->client);
    struct hm_log_facts facts = {.site = subscription->trust->site};

    facts.snapshot.version = (uint64_t)snapshot->version; /* from 1 on, by its parser */
    facts.snapshot.sha256 = snapshot->facts.sha256;
    facts.snapshot.length = snapshot->facts.length;
    facts.root.version = (uint64_t)root->document.version;
    facts.root.sha256 = root->sha256;
    return facts;
}

/* The proof in raw: its checkpoint is judged. */
static enum hm_rc open_proof(const struct hm_subscription *subscription, struct hm_bytes raw,
                             int64_t max_age_s, struct hm_err *err, struct hm_release_log *log)
{
    struct hm_log_demands demands = hm_release_log_demands(subscription, max_age_s);
    enum hm_rc rc = hm_proof_parse(raw, err, &log->proof);

    if (rc != HM_OK)
        rc = hm_error_prefix(err, rc, "'" PROOFS HM_RELEASE_LOG_PROOF_NAME "'");
    else
        rc = hm_log_verdict_checkpoint(log->site_log, &demands, log->proof->checkpoint, err,
                                       &log->checkpoint, &log->standing);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "the log '%s'", origin_of(log));
}

static enum hm_rc judge_newest(const struct hm_subscription *subscription, struct hm_err *err,
                               struct hm_release_log *log)
{
    struct hm_log_facts facts = make_facts(subscription);

    return hm_log_verdict_newest(log->proof, log->checkpoint, &facts, err, &log->newest);
}

/* ---- what was seen before -------------------------------------------------------------------- */

/* The last checkpoint accepted. Its signatures were verified when it was kept. */
struct memory {
    struct hm_note *note; /* NULL: none */
    struct hm_checkpoint body;
};

static void memory_done(struct memory *memory)
{
    hm_note_free(memory->note);
}

static enum hm_rc read_memory(const struct hm_subscription *subscription, struct hm_err *err,
                              struct memory *ret_memory)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(memory_done) struct memory memory = {0};
    enum hm_rc rc = hm_dir_read(&subscription->dir, CHECKPOINT, err, &raw);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (rc == HM_OK)
        rc = hm_note_parse(hm_buf_bytes(&raw), err, &memory.note);
    if (rc == HM_OK)
        rc = hm_checkpoint_parse(memory.note->text, err, &memory.body);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc,
                               "'%s/" CHECKPOINT "', the last checkpoint accepted, cannot be used",
                               subscription->dir.path);
    *ret_memory = memory;
    memory = (struct memory){0};
    return HM_OK;
}

/* What the larger tree was like at the smaller size, out of tiles, and the verdict on it. */
static enum hm_rc compare(struct hm_release_log *log, const struct hm_checkpoint *small,
                          const struct hm_checkpoint *large, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_tile_source source;

    log->growth = (struct hm_log_growth){.old_size = small->size,
                                         .size = large->size,
                                         .old_root = small->root,
                                         .root = large->root,
                                         .begun = large->root,
                                         .proof = &log->growth_proof};
    log->growth_proof.count = 0;
    if (small->size < large->size) {
        HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
        hm_tile_source_init(&source, digest, hm_log_tiles_reader(log->tiles), large->size);
        HM_TRY(hm_merkle_prove_consistency(digest, &source.source, small->size, large->size, err,
                                           &log->growth_proof));
        HM_TRY(hm_merkle_root(digest, &source.source, small->size, err, &log->growth.begun));
    }
    return hm_log_verdict_growth(&log->growth, err);
}

/* ---- evidence -------------------------------------------------------------------------------- */

/* The sentence on a fork, with the place of the evidence. */
static enum hm_rc fail_fork(const struct hm_subscription *subscription, struct hm_bytes small,
                            struct hm_bytes large, const struct hm_release_log *log,
                            const struct hm_err *why, struct hm_err *err)
{
    const struct hm_log_evidence_pair pair = {small, large, &log->growth.begun, &log->growth_proof};
    char name[HM_LOG_EVIDENCE_NAME_SIZE];

    HM_TRY(hm_log_evidence_keep_fork(subscription, &pair, err, name));
    return hm_fail(err, HM_EREFUSED,
                   "%s; '%s/%s' proves it ('hallmark check'): show it to others, and ask the site",
                   why->text, subscription->dir.path, name);
}

/* The sentence on a log that is smaller than before; how: a word on its tiles. */
static enum hm_rc fail_smaller(const struct hm_subscription *subscription,
                               const struct hm_release_log *log, const struct memory *memory,
                               const char *how, struct hm_err *err)
{
    const struct hm_log_evidence_pair pair = {.small = log->proof->checkpoint,
                                              .large = memory->note->raw};
    char name[HM_LOG_EVIDENCE_NAME_SIZE];

    HM_TRY(hm_log_evidence_keep_rollback(subscription, &pair, err, name));
    if (name[0] == '\0')
        return hm_fail(err, HM_EROLLBACK,
                       "the log '%s' goes back from %llu entries to %llu%s; tell the site",
                       origin_of(log), (unsigned long long)memory->body.size,
                       (unsigned long long)log->checkpoint->body.size, how);
    return hm_fail(err, HM_EROLLBACK,
                   "the log '%s' goes back from %llu entries to %llu, and a witness cosigned that: "
                   "'%s/%s' proves it ('hallmark check'); show it to others",
                   origin_of(log), (unsigned long long)memory->body.size,
                   (unsigned long long)log->checkpoint->body.size, subscription->dir.path, name);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* The log is smaller than before. Where its tiles are still served they tell whether it is an old
 * copy or another history. */
static enum hm_rc judge_smaller(const struct hm_subscription *subscription,
                                struct hm_release_log *log, const struct memory *memory,
                                struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = compare(log, &log->checkpoint->body, &memory->body, &why);

    if (rc == HM_EREFUSED)
        return fail_fork(subscription, log->proof->checkpoint, memory->note->raw, log, &why, err);
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    return fail_smaller(subscription, log, memory,
                        rc == HM_OK ? ": an old copy is being served"
                                    : ", and the hashes that it had are not served any more",
                        err);
}

/* A log that root has closed: what was seen of it is a part of what its successor begins with. */
static enum hm_rc judge_closed(const struct hm_subscription *subscription,
                               struct hm_release_log *log, const struct memory *memory,
                               struct hm_err *err)
{
    const struct hm_site_log_closed *closed = NULL;
    struct hm_checkpoint small = memory->body;
    struct hm_err why = HM_ERR_INIT;
    char name[NAME_SIZE_MAX];
    enum hm_rc rc;

    for (size_t i = 0; i < log->site_log->closed_count; i++) {
        if (hm_bytes_is_equal(log->site_log->closed[i].key->name_bytes, memory->body.origin))
            closed = &log->site_log->closed[i];
    }
    if (closed == NULL)
        return hm_fail(err, HM_EREFUSED,
                       "the log was '%.*s' before, and root does not say that it was closed; ask "
                       "the site",
                       HM_BYTES_FMT(memory->body.origin));
    if (memory->body.size > closed->size) {
        (void)snprintf(name, sizeof(name), "log/beyond-%llu",
                       (unsigned long long)memory->body.size);
        HM_TRY(hm_file_replace(&subscription->dir, name, 0644, memory->note->raw, err));
        small.size = closed->size;
        small.root = closed->root;
    }
    if (small.size > log->checkpoint->body.size)
        return hm_fail(err, HM_EREFUSED,
                       "the log '%s' has fewer entries than '%.*s', whose place it takes",
                       origin_of(log), HM_BYTES_FMT(memory->body.origin));
    rc = compare(log, &small, &log->checkpoint->body, &why);
    if (rc == HM_EREFUSED)
        return hm_fail(err, rc,
                       "the log '%s' does not begin with what was seen of '%.*s', whose place it "
                       "takes; ask the site",
                       origin_of(log), HM_BYTES_FMT(memory->body.origin));
    return rc == HM_OK ? HM_OK : hm_fail(err, rc, "%s", why.text);
}

static enum hm_rc judge_growth(const struct hm_subscription *subscription,
                               struct hm_release_log *log, const struct memory *memory,
                               struct hm_err *err)
{
    const struct hm_checkpoint *seen = &memory->body;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (!hm_bytes_is_equal(seen->origin, log->checkpoint->body.origin))
        return judge_closed(subscription, log, memory, err);
    if (log->checkpoint->body.size < seen->size)
        return judge_smaller(subscription, log, memory, err);
    rc = compare(log, seen, &log->checkpoint->body, &why);
    if (rc == HM_EREFUSED)
        return fail_fork(subscription, memory->note->raw, log->proof->checkpoint, log, &why, err);
    if (rc == HM_OK)
        return HM_OK;
    return hm_fail(err, rc, "cannot tell whether the log '%s' grew from what was seen before: %s",
                   origin_of(log), why.text);
}

/* Compares with what was seen before, and remembers it where it says more. */
static enum hm_rc accept_checkpoint(const struct hm_subscription *subscription,
                                    struct hm_release_log *log, struct hm_err *err)
{
    _hm_done_(memory_done) struct memory memory = {0};

    HM_TRY(read_memory(subscription, err, &memory));
    if (memory.note != NULL) {
        HM_TRY(judge_growth(subscription, log, &memory, err));
        if (memory.body.size == log->checkpoint->body.size &&
            hm_bytes_is_equal(memory.body.origin, log->checkpoint->body.origin))
            return HM_OK;
    }
    return hm_file_replace(&subscription->dir, CHECKPOINT, 0644, log->proof->checkpoint, err);
}

/* ---- refreshing ------------------------------------------------------------------------------ */

static enum hm_rc fetch_proof(const struct hm_subscription *subscription,
                              const struct hm_release_log *log, struct hm_err *err,
                              struct hm_buf *ret_raw)
{
    const struct hm_client_source *objects = &subscription->objects;
    enum hm_rc rc = objects->get(objects->ctx, PROOFS HM_RELEASE_LOG_PROOF_NAME, err, ret_raw);

    if (rc != HM_ENOTFOUND)
        return rc;
    return hm_fail(err, HM_EREFUSED,
                   "root names the log '%s', and the site serves no proof that its snapshot is the "
                   "newest entry ('" PROOFS HM_RELEASE_LOG_PROOF_NAME "'); tell the site",
                   origin_of(log));
}

/* Keeps the proof beside the snapshot that it is of. */
static enum hm_rc keep_proof(struct hm_subscription *subscription, const struct hm_release_log *log,
                             struct hm_bytes raw, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    bool is_same_entry = false;

    if (hm_dir_read(&subscription->metadata, HM_RELEASE_LOG_PROOF_NAME, NULL, &held) == HM_OK) {
        if (hm_bytes_is_equal(hm_buf_bytes(&held), raw))
            return HM_OK;
        is_same_entry = hm_proof_parse(hm_buf_bytes(&held), NULL, &proof) == HM_OK &&
                        hm_bytes_is_equal(proof->extra, log->proof->extra);
    }
    /* One that is only cosigned later proves an earlier state just as well. */
    if (!is_same_entry)
        HM_TRY(hm_kept_save(&subscription->dir, &subscription->metadata, HM_RELEASE_LOG_PROOF_NAME,
                            true, err));
    return hm_file_replace(&subscription->metadata, HM_RELEASE_LOG_PROOF_NAME, 0644, raw, err);
}

/* The proof is of a log that root has closed. */
static bool is_of_closed(const struct hm_release_log *log)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;

    if (hm_note_parse(log->proof->checkpoint, NULL, &note) != HM_OK ||
        hm_checkpoint_parse(note->text, NULL, &checkpoint) != HM_OK)
        return false;
    for (size_t i = 0; i < log->site_log->closed_count; i++)
        if (hm_bytes_is_equal(log->site_log->closed[i].key->name_bytes, checkpoint.origin))
            return true;
    return false;
}

static enum hm_rc refresh(struct hm_subscription *subscription, struct hm_release_log *log,
                          struct hm_err *err, bool *ret_again)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    int64_t max_age_s = hm_subscription_log_max_age(subscription);
    enum hm_rc rc;

    HM_TRY(fetch_proof(subscription, log, err, &raw));
    rc = open_proof(subscription, hm_buf_bytes(&raw), max_age_s, err, log);
    if (rc == HM_EMISMATCH && is_of_closed(log)) {
        *ret_again = true;
        return hm_fail(err, HM_EAGAIN,
                       "'" PROOFS HM_RELEASE_LOG_PROOF_NAME
                       "' is by a log that root has closed, as while the site puts '%s' in its "
                       "place: try again later",
                       origin_of(log));
    }
    HM_TRY(rc);
    HM_TRY(hm_log_tiles_new(&subscription->objects, err, &log->tiles));
    rc = accept_checkpoint(subscription, log, err);
    *ret_again = rc == HM_EROLLBACK;
    HM_TRY(rc);
    rc = judge_newest(subscription, err, log);
    *ret_again = rc == HM_EAGAIN || rc == HM_EREFUSED;
    HM_TRY(rc);
    return keep_proof(subscription, log, hm_buf_bytes(&raw), err);
}

/* Root's chain cannot have lost its log; what is held here may not belong to this root. */
static enum hm_rc check_unlogged(const struct hm_subscription *subscription, struct hm_err *err)
{
    struct hm_log_demands demands = hm_release_log_demands(subscription, HM_LOG_POLICY_ANY_AGE);

    HM_TRY(hm_log_verdict_unlogged(&demands, err));
    if (!hm_dir_has(&subscription->dir, CHECKPOINT))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "'root' names no release log, but one was seen before ('%s/" CHECKPOINT
                   "'); ask the site",
                   subscription->dir.path);
}

enum hm_rc hm_release_log_refresh(struct hm_subscription *subscription, struct hm_err *err,
                                  bool *ret_again)
{
    _hm_free_(hm_release_log_free) struct hm_release_log *log = NULL;

    *ret_again = false;
    hm_release_log_free(subscription->log);
    subscription->log = NULL;
    HM_TRY(new_log(subscription, err, &log));
    if (log->site_log->policy != NULL)
        HM_TRY(refresh(subscription, log, err, ret_again));
    else
        HM_TRY(check_unlogged(subscription, err));
    subscription->log = hm_steal(&log);
    return HM_OK;
}

enum hm_rc hm_release_log_check_root(void *ctx, const struct hm_root *root,
                                     const struct hm_root *next, struct hm_err *err)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *next_log = NULL;
    enum hm_rc rc;

    (void)ctx;
    /* A root that was stored was read then. */
    HM_TRY(hm_site_log_parse(root, err, &log));
    rc = hm_site_log_parse(next, err, &next_log);
    if (rc == HM_OK)
        rc = hm_site_log_check_successor(log, next_log, err);
    return rc == HM_OK
               ? HM_OK
               : hm_error_prefix(err, rc, "'root' version %lld", (long long)next->document.version);
}

/* ---- what is held ---------------------------------------------------------------------------- */

static enum hm_rc load(struct hm_subscription *subscription, struct hm_release_log *log,
                       struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    const struct hm_dir *dir = &subscription->metadata;
    enum hm_rc rc;

    if (subscription->is_earlier && hm_dir_has(&subscription->earlier, HM_RELEASE_LOG_PROOF_NAME))
        dir = &subscription->earlier;
    rc = hm_dir_read(dir, HM_RELEASE_LOG_PROOF_NAME, err, &raw);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EAGAIN,
                       "the proof that this snapshot is in the log '%s' is not held here; refresh "
                       "the site first",
                       origin_of(log));
    HM_TRY(rc);
    HM_TRY(open_proof(subscription, hm_buf_bytes(&raw), HM_LOG_POLICY_ANY_AGE, err, log));
    return judge_newest(subscription, err, log);
}

enum hm_rc hm_release_log_load(struct hm_subscription *subscription, struct hm_err *err)
{
    _hm_free_(hm_release_log_free) struct hm_release_log *log = NULL;

    hm_release_log_free(subscription->log);
    subscription->log = NULL;
    HM_TRY(new_log(subscription, err, &log));
    if (log->site_log->policy != NULL)
        HM_TRY(load(subscription, log, err));
    else
        HM_TRY(check_unlogged(subscription, err));
    subscription->log = hm_steal(&log);
    return HM_OK;
}

enum hm_rc hm_release_log_check_age(const struct hm_subscription *subscription, int64_t max_age_s,
                                    struct hm_err *err)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_release_log *log = subscription->log;
    struct hm_log_demands demands = hm_release_log_demands(subscription, max_age_s);
    struct hm_log_standing standing;
    enum hm_rc rc;

    if (max_age_s < 0 || log->proof == NULL)
        return HM_OK;
    rc = hm_log_verdict_checkpoint(log->site_log, &demands, log->proof->checkpoint, err,
                                   &checkpoint, &standing);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "the log '%s'", origin_of(log));
}

/* ---- releases -------------------------------------------------------------------------------- */

static enum hm_rc fetch_where(struct hm_subscription *subscription, struct hm_bytes path,
                              struct hm_err *err, struct hm_where **ret_where)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(4096);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    const struct hm_client_source *objects = &subscription->objects;
    enum hm_rc rc;

    /* Parts of a path need no escape but for '+', which servers decode. */
    HM_TRY(hm_buf_append_str(&name, PROOFS, err));
    HM_TRY(hm_text_percent_path(&name, path, err));
    rc = objects->get(objects->ctx, hm_buf_str(&name), err, &raw);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EREFUSED,
                       "the site has no proof that '%.*s' is in the log ('%s'): what is not logged "
                       "is not installed; tell the site",
                       HM_BYTES_FMT(path), hm_buf_str(&name));
    if (rc == HM_OK)
        rc = hm_where_parse(hm_buf_bytes(&raw), err, ret_where);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", hm_buf_str(&name));
}

/* Proves that entry is at index of the newest tree. */
static enum hm_rc prove_entry(struct hm_release_log *log, uint64_t index, struct hm_bytes entry,
                              struct hm_err *err, struct hm_merkle_proof *ret_path)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    const struct hm_checkpoint *checkpoint = &log->checkpoint->body;
    struct hm_tile_source source;
    struct hm_sha256 leaf;
    enum hm_rc rc;

    if (index >= checkpoint->size)
        return hm_fail(err, HM_EREFUSED, "entry %llu is beyond the log's %llu",
                       (unsigned long long)index, (unsigned long long)checkpoint->size);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_merkle_leaf(digest, entry, err, &leaf));
    hm_tile_source_init(&source, digest, hm_log_tiles_reader(log->tiles), checkpoint->size);
    HM_TRY(
        hm_merkle_prove_inclusion(digest, &source.source, index, checkpoint->size, err, ret_path));
    rc = hm_merkle_verify_inclusion(digest, &leaf, index, checkpoint->size, ret_path->hashes,
                                    ret_path->count, &checkpoint->root, err);
    if (rc == HM_OK)
        return HM_OK;
    return hm_fail(err, HM_EMISMATCH,
                   "what the site gives as entry %llu is not in the log '%s': its hashes do not "
                   "lead to the root",
                   (unsigned long long)index, origin_of(log));
}

static enum hm_rc prove_release(struct hm_subscription *subscription, struct hm_bytes path,
                                struct hm_err *err)
{
    struct hm_release_log *log = subscription->log;
    struct hm_release_proof *release = &log->release;
    struct hm_log_release judged;

    hm_log_tiles_rest(log->tiles);
    HM_TRY(fetch_where(subscription, path, err, &release->where));
    HM_TRY(prove_entry(log, release->where->release_index, release->where->release, err,
                       &release->release_path));
    HM_TRY(prove_entry(log, release->where->snapshot_index, release->where->snapshot, err,
                       &release->snapshot_path));
    HM_TRY(hm_entry_parse(release->where->release, err, &release->release));
    HM_TRY(hm_entry_parse(release->where->snapshot, err, &release->snapshot));
    judged = (struct hm_log_release){release->where->release_index, release->where->snapshot_index,
                                     release->release, release->snapshot};
    return hm_log_verdict_counts(&judged, log->newest, subscription->trust->site, err);
}

enum hm_rc hm_release_log_prove(struct hm_subscription *subscription,
                                const struct hm_release_file *file, struct hm_err *err,
                                const struct hm_release_proof **ret_proof)
{
    struct hm_release_log *log = subscription->log;
    struct hm_bytes path = file->path.whole;
    enum hm_rc rc = HM_OK;

    *ret_proof = NULL;
    if (log->proof == NULL)
        return HM_OK;
    HM_ASSERT(log->tiles != NULL);
    path.size -= file->path.file.size + 1; /* "/FILE" */
    if (log->release_path == NULL || !hm_bytes_is_str(path, log->release_path)) {
        release_done(log);
        rc = prove_release(subscription, path, err);
        if (rc == HM_OK) {
            log->release_path = strndup((const char *)path.data, path.size);
            if (log->release_path == NULL)
                rc = hm_error_nomem(err);
        }
    }
    if (rc == HM_OK)
        rc = hm_log_verdict_image(log->release.release, path, file->path.file, &file->sha256,
                                  file->length, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(file->path.whole));
    *ret_proof = &log->release;
    return HM_OK;
}

enum hm_rc hm_release_log_open(const struct hm_subscription *subscription, struct hm_bytes note,
                               struct hm_err *err, struct hm_checkpoint_signed **ret_checkpoint,
                               struct hm_log_standing *ret_standing)
{
    struct hm_log_demands demands = hm_release_log_demands(subscription, HM_LOG_POLICY_ANY_AGE);

    return hm_log_verdict_checkpoint(subscription->log->site_log, &demands, note, err,
                                     ret_checkpoint, ret_standing);
}

/* ---- for people ------------------------------------------------------------------------------ */

enum hm_rc hm_release_log_describe(const struct hm_log_standing *standing, struct hm_err *err,
                                   struct hm_buf *ret_text)
{
    char newest[HM_TIME_TEXT_SIZE];

    HM_TRY(hm_buf_append_str(ret_text, hm_log_verdict_state_text(standing->state), err));
    if (standing->cosigned_count == 0)
        return HM_OK;
    hm_time_format((int64_t)standing->newest_unix_s, newest); /* at most INT64_MAX */
    return hm_buf_append_fmt(ret_text, err, "%s by %zu of %zu, newest %s",
                             standing->state == HM_LOG_WITNESSED ? "" : ", though cosigned",
                             standing->cosigned_count, standing->witness_count, newest);
}
