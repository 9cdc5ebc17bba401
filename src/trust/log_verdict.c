/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the release log (docs/design.md 5.3). See log_verdict.h. */
#include "trust/log_verdict.h"

#define WITNESSES_MAX (HM_LOG_POLICY_WITNESS_COUNT_MAX * (1 + HM_LOG_VERDICT_DEMAND_COUNT_MAX))

const char *hm_log_verdict_state_text(enum hm_log_state state)
{
    switch (state) {
    case HM_LOG_UNLOGGED:
        return "unlogged";
    case HM_LOG_UNWITNESSED:
        return "unwitnessed";
    case HM_LOG_WITNESSED:
        break;
    }
    return "witnessed";
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* All witnesses, each key once: who is told of in two policies counts once. */
struct tally {
    const struct hm_note_key *keys[WITNESSES_MAX];
    size_t count;
    struct hm_log_standing *standing;
    const struct hm_log_demands *demands;
};

static void tally_free(struct tally *tally)
{
    free(tally);
}
HM_DEFINE_FREE(tally_free, struct tally);

static bool is_recent(const struct hm_note_verdict *verdict, const struct hm_log_demands *demands)
{
    uint64_t now = demands->now_unix_s < 0 ? 0 : (uint64_t)demands->now_unix_s;

    if (!verdict->is_signed || demands->max_age_s < 0)
        return verdict->is_signed;
    return verdict->time_s >= now ? verdict->time_s - now <= HM_LOG_POLICY_SKEW_MAX_S
                                  : now - verdict->time_s <= (uint64_t)demands->max_age_s;
}

static void count_witnesses(struct tally *tally, const struct hm_log_policy *policy,
                            const struct hm_note_verdict *verdicts)
{
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_note_key *key = policy->witnesses[i].key;
        bool is_known = false;

        for (size_t j = 0; j < tally->count && !is_known; j++)
            is_known = hm_note_key_is_same_key(tally->keys[j], key);
        if (is_known)
            continue;
        tally->keys[tally->count++] = key;
        tally->standing->witness_count++;
        if (!is_recent(&verdicts[i], tally->demands))
            continue;
        tally->standing->cosigned_count++;
        if (verdicts[i].time_s > tally->standing->newest_unix_s)
            tally->standing->newest_unix_s = verdicts[i].time_s;
    }
}

static enum hm_rc check_demand(const struct hm_log_demand *demand, const struct hm_note *note,
                               struct tally *tally, struct hm_err *err)
{
    const struct hm_log_policy *policy = demand->policy;
    const struct hm_note_key *keys[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    struct hm_note_verdict verdicts[HM_LOG_POLICY_WITNESS_COUNT_MAX] = {{0}};
    enum hm_rc rc;

    for (size_t i = 0; i < policy->witness_count; i++)
        keys[i] = policy->witnesses[i].key;
    /* None of them may have signed: then the quorum says so. */
    rc = hm_note_verify(note, keys, policy->witness_count, err, verdicts);
    if (rc == HM_ESIGNATURE) {
        for (size_t i = 0; i < policy->witness_count; i++)
            verdicts[i] = (struct hm_note_verdict){0};
        if (policy->quorum == HM_LOG_POLICY_NONE)
            rc = HM_OK;
    }
    if (rc == HM_OK)
        rc = hm_log_policy_check(policy, verdicts, tally->demands->now_unix_s,
                                 tally->demands->max_age_s, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "%s policy", demand->whose);
    count_witnesses(tally, policy, verdicts);
    return HM_OK;
}

enum hm_rc hm_log_verdict_checkpoint(const struct hm_site_log *log,
                                     const struct hm_log_demands *demands, struct hm_bytes note,
                                     struct hm_err *err,
                                     struct hm_checkpoint_signed **ret_checkpoint,
                                     struct hm_log_standing *ret_standing)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    struct hm_note_verdict verdicts[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    struct hm_log_standing standing = {.state = HM_LOG_UNWITNESSED};
    _hm_free_(tally_free) struct tally *tally = calloc(1, sizeof(*tally)); /* large for a frame */
    enum hm_rc rc;

    if (tally == NULL)
        return hm_error_nomem(err);
    tally->standing = &standing;
    tally->demands = demands;
    HM_ASSERT(log->policy != NULL && demands->policy_count <= HM_LOG_VERDICT_DEMAND_COUNT_MAX);
    rc = hm_log_policy_open_told(log->policy, note, demands->now_unix_s, demands->max_age_s, err,
                                 &checkpoint, verdicts);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "root's policy");
    count_witnesses(tally, log->policy, verdicts);
    if (log->policy->quorum != HM_LOG_POLICY_NONE)
        standing.state = HM_LOG_WITNESSED;
    for (size_t i = 0; i < demands->policy_count; i++) {
        HM_TRY(check_demand(&demands->policies[i], checkpoint->note, tally, err));
        if (demands->policies[i].policy->quorum != HM_LOG_POLICY_NONE)
            standing.state = HM_LOG_WITNESSED;
    }
    standing.size = checkpoint->body.size;
    standing.root = checkpoint->body.root;
    *ret_standing = standing;
    *ret_checkpoint = hm_steal(&checkpoint);
    return HM_OK;
}

enum hm_rc hm_log_verdict_unlogged(const struct hm_log_demands *demands, struct hm_err *err)
{
    for (size_t i = 0; i < demands->policy_count; i++) {
        if (demands->policies[i].policy->quorum != HM_LOG_POLICY_NONE)
            return hm_fail(err, HM_EREFUSED,
                           "%s policy demands witnesses of the release log, and 'root' names no "
                           "log: ask the site",
                           demands->policies[i].whose);
    }
    return HM_OK;
}

/* ---- the newest entry ------------------------------------------------------------------------ */

static enum hm_rc check_last(const struct hm_proof *proof,
                             const struct hm_checkpoint_signed *checkpoint, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 leaf;
    enum hm_rc rc;

    if (!proof->has_extra)
        return hm_fail(err, HM_EFORMAT, "the proof of the newest entry does not have the entry");
    if (checkpoint->body.size == 0 || proof->index != checkpoint->body.size - 1)
        return hm_fail(err, HM_EREFUSED,
                       "the proof is of entry %llu in a log of %llu, not of its newest; an old "
                       "snapshot is being served, tell the site",
                       (unsigned long long)proof->index, (unsigned long long)checkpoint->body.size);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_merkle_leaf(digest, proof->extra, err, &leaf));
    rc = hm_merkle_verify_inclusion(digest, &leaf, proof->index, checkpoint->body.size,
                                    proof->hashes, proof->hash_count, &checkpoint->body.root, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "the proof of the newest entry");
}

/* What the newest entry names of one document, and what was served. */
static enum hm_rc check_document(const char *what, const struct hm_entry_document *logged,
                                 const struct hm_entry_document *served, struct hm_err *err)
{
    if (logged->version > served->version)
        return hm_fail(err, HM_EAGAIN,
                       "'%s': version %llu was served, and the log's newest entry names %llu; the "
                       "site may be publishing, try again",
                       what, (unsigned long long)served->version,
                       (unsigned long long)logged->version);
    if (logged->version < served->version)
        return hm_fail(err, HM_EREFUSED,
                       "'%s': version %llu is not in the log, whose newest entry names %llu; tell "
                       "the site",
                       what, (unsigned long long)served->version,
                       (unsigned long long)logged->version);
    if (logged->length != served->length || !hm_digest_is_equal(&logged->sha256, &served->sha256))
        return hm_fail(err, HM_EREFUSED,
                       "'%s': version %llu is not the one in the log (sha256); this copy was made "
                       "for you alone, tell the site",
                       what, (unsigned long long)served->version);
    return HM_OK;
}

enum hm_rc hm_log_verdict_newest(const struct hm_proof *proof,
                                 const struct hm_checkpoint_signed *checkpoint,
                                 const struct hm_log_facts *facts, struct hm_err *err,
                                 struct hm_entry **ret_entry)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    enum hm_rc rc;

    HM_TRY(check_last(proof, checkpoint, err));
    rc = hm_entry_parse(proof->extra, err, &entry);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the log's newest entry");
    if (entry->kind != HM_ENTRY_SNAPSHOT)
        return hm_fail(err, HM_EREFUSED,
                       "the log's newest entry is a '%s', which no snapshot closes",
                       hm_entry_kind_name(entry->kind));
    if (strcmp(entry->site, facts->site) != 0)
        return hm_fail(err, HM_EREFUSED, "the log's newest entry is of site '%s'", entry->site);
    /* A root is served before the log has it: the site is publishing, or stopped at that. */
    if (entry->root.version < facts->root.version)
        return hm_fail(err, HM_EAGAIN,
                       "'root': version %llu is not in the log yet, whose newest entry names %llu; "
                       "the site may be publishing, try again, and tell the site if that lasts",
                       (unsigned long long)facts->root.version,
                       (unsigned long long)entry->root.version);
    HM_TRY(check_document("root", &entry->root, &facts->root, err));
    HM_TRY(check_document("snapshot", &entry->snapshot, &facts->snapshot, err));
    *ret_entry = hm_steal(&entry);
    return HM_OK;
}

/* ---- growth ---------------------------------------------------------------------------------- */

enum hm_rc hm_log_verdict_growth(const struct hm_log_growth *growth, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    enum hm_rc rc;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    rc = hm_merkle_verify_consistency(digest, growth->old_size, &growth->begun, growth->size,
                                      &growth->root, growth->proof->hashes, growth->proof->count,
                                      err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the log's hashes are not those of its checkpoint");
    if (hm_digest_is_equal(&growth->begun, &growth->old_root))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "the log has forked: its first %llu entries are not those that were shown "
                   "before; somebody is shown another history",
                   (unsigned long long)growth->old_size);
}

enum hm_rc hm_log_verdict_closed(const struct hm_site_log *log,
                                 const struct hm_merkle_source *nodes, uint64_t size,
                                 struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;

    if (log->closed_count > 0)
        HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    for (size_t i = 0; i < log->closed_count; i++) {
        const struct hm_site_log_closed *closed = &log->closed[i];
        struct hm_sha256 root;

        if (closed->size <= size) {
            HM_TRY(hm_merkle_root(digest, nodes, closed->size, err, &root));
            if (hm_digest_is_equal(&root, &closed->root))
                continue;
        }
        return hm_fail(err, HM_EREFUSED,
                       "the log '%s' does not begin with the %llu entries with which root closed "
                       "the log '%s'",
                       log->policy->logs[0].key->name, (unsigned long long)closed->size,
                       closed->key->name);
    }
    return HM_OK;
}

/* ---- entries that count ---------------------------------------------------------------------- */

static bool is_void(const struct hm_entry *snapshot, uint64_t index)
{
    for (size_t i = 0; snapshot != NULL && i < snapshot->void_count; i++) {
        const struct hm_entry_range *range = &snapshot->voids[i];

        if (index >= range->first && index - range->first < range->count)
            return true;
    }
    return false;
}

enum hm_rc hm_log_verdict_counts(const struct hm_log_release *release,
                                 const struct hm_entry *newest, const char *site,
                                 struct hm_err *err)
{
    const struct hm_entry *closing = release->snapshot;
    uint64_t index = release->release_index;

    if (release->release->kind != HM_ENTRY_RELEASE || closing->kind != HM_ENTRY_SNAPSHOT)
        return hm_fail(err, HM_EREFUSED, "entries %llu and %llu are not a release and a snapshot",
                       (unsigned long long)index, (unsigned long long)release->snapshot_index);
    if (strcmp(release->release->site, site) != 0 || strcmp(closing->site, site) != 0)
        return hm_fail(err, HM_EREFUSED, "the entries are of another site than '%s'", site);
    /* The batch stands right in front of the entry that closes it. */
    if (release->snapshot_index < closing->entries.count ||
        release->snapshot_index - closing->entries.count != closing->entries.first ||
        index < closing->entries.first || index >= release->snapshot_index)
        return hm_fail(err, HM_EREFUSED,
                       "entry %llu does not count: it is not in the batch that entry %llu closes",
                       (unsigned long long)index, (unsigned long long)release->snapshot_index);
    if (is_void(closing, index) || is_void(newest, index) ||
        is_void(newest, release->snapshot_index))
        return hm_fail(err, HM_EREFUSED, "entry %llu does not count: the log names it void",
                       (unsigned long long)index);
    return HM_OK;
}

enum hm_rc hm_log_verdict_image(const struct hm_entry *release, struct hm_bytes path,
                                struct hm_bytes file, const struct hm_sha256 *sha256,
                                uint64_t length, struct hm_err *err)
{
    HM_ASSERT(release->kind == HM_ENTRY_RELEASE);
    if (!hm_bytes_is_str(path, release->path))
        return hm_fail(err, HM_EREFUSED, "the log's entry is of '%s', not of '%.*s'", release->path,
                       HM_BYTES_FMT(path));
    for (size_t i = 0; i < release->image_count; i++) {
        const struct hm_entry_image *image = &release->images[i];

        if (!hm_bytes_is_str(file, image->file))
            continue;
        if (image->length == length && hm_digest_is_equal(&image->sha256, sha256))
            return HM_OK;
        return hm_fail(err, HM_EREFUSED,
                       "the log's entry of '%.*s' has other bytes as '%.*s' (sha256) than are "
                       "offered now; tell the maker",
                       HM_BYTES_FMT(path), HM_BYTES_FMT(file));
    }
    return hm_fail(err, HM_EREFUSED,
                   "the log's entry of '%.*s' has no '%.*s': it was never published as a part of "
                   "this release; tell the maker",
                   HM_BYTES_FMT(path), HM_BYTES_FMT(file));
}
