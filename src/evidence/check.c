/* SPDX-License-Identifier: Apache-2.0 */
/* Checking evidence: what all kinds have in common, and the one way in. See check.h. */
#include "evidence/check_internal.h"

#include "base/text.h"
#include "base/time.h"
#include "tlog/proof.h"

/* ---- roots ---- */

static enum hm_rc check_site(struct hm_check *check, const char *site)
{
    if (strcmp(site, check->basis->site) != 0)
        return hm_fail(&check->why, HM_EINPUT,
                       "it is of site '%s', and what is trusted here is of site '%s'; give the "
                       "trust file of '%s'",
                       site, check->basis->site, site);
    return HM_OK;
}

/* Adds those roots of the evidence that are newer than what is known. */
static enum hm_rc check_roots(struct hm_check *check)
{
    const struct hm_evidence *evidence = check->evidence;
    uint64_t known = (uint64_t)check->basis->root->document.version;
    uint64_t version = known;

    check->doing = "the site's roots";
    for (size_t i = 0; evidence != NULL && i < evidence->root_count; i++) {
        const struct hm_evidence_root *root = &evidence->roots[i];

        if (root->version <= known)
            continue;
        if (root->version != version + 1)
            return hm_fail(&check->why, HM_EAGAIN,
                           "the file has them from version %llu on, and what is trusted here ends "
                           "at version %llu; ask for the evidence with the roots between",
                           HM_CHECK_NUMBER(root->version), HM_CHECK_NUMBER(version));
        HM_TRY(hm_basis_add(check->basis, root->raw, &check->why));
        version = root->version;
    }
    HM_TRY(HM_CHECK_GOOD(check,
                         "root version %llu of site '%s' is trusted from outside of this file",
                         HM_CHECK_NUMBER(known), check->basis->site));
    if (version > known)
        HM_TRY(HM_CHECK_GOOD(
            check,
            "each root from version %llu to %llu, in this file, is signed as the one before "
            "it and it itself demand",
            HM_CHECK_NUMBER(known + 1), HM_CHECK_NUMBER(version)));
    if (check->basis->is_trial)
        HM_TRY(HM_CHECK_NOTE(check, "site '%s' is on trial: all its keys may lie on one machine",
                             check->basis->site));
    return HM_OK;
}

/* ---- checkpoints ---- */

static enum hm_rc tell_witnesses(struct hm_check *check, const struct hm_basis_head *head)
{
    _hm_done_(hm_buf_done) struct hm_buf names = HM_BUF_INIT(65536);

    for (size_t i = 0; i < head->witness_count; i++) {
        char when[HM_TIME_TEXT_SIZE];

        hm_time_format((int64_t)head->witnesses[i].time_s, when);
        HM_TRY(hm_buf_append_fmt(&names, &check->why, "%s'%s' at %s", i == 0 ? "" : ", ",
                                 head->witnesses[i].name, when));
    }
    if (head->witness_count == 0) {
        if (!head->is_demanded)
            HM_TRY(HM_CHECK_NOTE(
                check, "nobody but the site itself vouches for this state: it is unwitnessed"));
        return HM_OK;
    }
    if (head->is_met && head->is_demanded)
        HM_TRY(HM_CHECK_GOOD(
            check,
            "%zu of %zu known witnesses saw this state, which is as many as are demanded: "
            "%s",
            head->witness_count, head->known_count, hm_buf_str(&names)));
    else
        HM_TRY(HM_CHECK_NOTE(check, "%zu of %zu known witnesses saw this state: %s",
                             head->witness_count, head->known_count, hm_buf_str(&names)));
    return HM_OK;
}

static enum hm_rc keep_head(struct hm_check *check, const struct hm_basis_head *head)
{
    struct hm_report *report = check->report;

    report->origin = hm_arena_strdup(&report->arena, head->checkpoint->body.origin);
    report->witnesses =
        hm_arena_alloc(&report->arena, head->witness_count, sizeof(*report->witnesses));
    if (report->origin == NULL || report->witnesses == NULL)
        return hm_error_nomem(&check->why);
    report->witness_count = 0;
    for (size_t i = 0; i < head->witness_count; i++) {
        struct hm_report_cosigned *cosigned = &report->witnesses[i];

        cosigned->name = hm_arena_strdup(&report->arena, hm_bytes_str(head->witnesses[i].name));
        cosigned->time_s = head->witnesses[i].time_s;
        if (cosigned->name == NULL)
            return hm_error_nomem(&check->why);
        report->witness_count++;
    }
    report->size = head->checkpoint->body.size;
    report->is_witnessed = head->is_demanded && head->is_met;
    report->earliest_s = hm_basis_earliest(head);
    return HM_OK;
}

/* What lies behind the end that a root set to a log is not the site's word. */
static enum hm_rc check_end(struct hm_check *check, const struct hm_basis_head *head)
{
    const struct hm_site_log *log = check->basis->words[check->basis->word_count - 1].log;

    for (size_t i = 0; i < log->closed_count; i++) {
        const struct hm_site_log_closed *closed = &log->closed[i];

        if (hm_bytes_is_equal(closed->key->name_bytes, head->checkpoint->body.origin) &&
            head->checkpoint->body.size > closed->size)
            return hm_fail(&check->why, HM_EREFUSED,
                           "root version %lld says that this log ended with %llu entries: what "
                           "comes behind them is not the site's word",
                           (long long)check->basis->root->document.version,
                           HM_CHECK_NUMBER(closed->size));
    }
    return HM_OK;
}

enum hm_rc hm_check_head(struct hm_check *check, size_t i, struct hm_bytes note, bool needs_quorum)
{
    struct hm_basis_head *head = NULL;

    check->doing = "the state of the log (its checkpoint)";
    HM_TRY(hm_basis_open(check->basis, note, &check->why, &head));
    check->heads[i] = head;
    HM_TRY(HM_CHECK_GOOD(check, "the log '%.*s' signed this state of it, of %llu entries",
                         HM_BYTES_FMT(head->checkpoint->body.origin),
                         HM_CHECK_NUMBER(head->checkpoint->body.size)));
    if (needs_quorum)
        HM_TRY(check_end(check, head));
    if (!head->is_of_newest)
        HM_TRY(HM_CHECK_NOTE(check,
                             "this is by the word of root version %llu, which later roots replaced",
                             HM_CHECK_NUMBER(head->root_version)));
    HM_TRY(tell_witnesses(check, head));
    HM_TRY(keep_head(check, head));
    if (head->is_met)
        return HM_OK;
    if (!needs_quorum) {
        HM_TRY(HM_CHECK_NOTE(
            check,
            "it has not all the cosignatures that are demanded (%s), which this statement "
            "does not need",
            head->unmet));
        return HM_OK;
    }
    check->report->rc = HM_EAGAIN;
    return hm_report_add(check->report, HM_REPORT_UNSURE, &check->why,
                         "too few witnesses saw this state to rely on it: %s", head->unmet);
}

/* ---- entries ---- */

enum hm_rc hm_check_entry(struct hm_check *check, size_t i, const struct hm_evidence_entry *entry,
                          struct hm_entry **ret_entry)
{
    const struct hm_checkpoint *checkpoint = &check->heads[i]->checkpoint->body;
    struct hm_sha256 leaf;
    enum hm_rc rc;

    check->doing = "an entry of the log";
    HM_TRY(hm_merkle_leaf(check->digest, entry->text, &check->why, &leaf));
    rc = hm_merkle_verify_inclusion(check->digest, &leaf, entry->index, checkpoint->size,
                                    entry->hashes, entry->hash_count, &checkpoint->root,
                                    &check->why);
    if (rc != HM_OK)
        return hm_error_prefix(&check->why, rc, "entry %llu is not proved to be in the log",
                               HM_CHECK_NUMBER(entry->index));
    rc = hm_entry_parse(entry->text, &check->why, ret_entry);
    return rc == HM_OK
               ? HM_OK
               : hm_error_prefix(&check->why, rc, "entry %llu", HM_CHECK_NUMBER(entry->index));
}

static enum hm_rc say_release(struct hm_check *check, uint64_t index, const struct hm_entry *entry)
{
    if (entry->label == NULL)
        HM_TRY(HM_CHECK_GOOD(check, "entry %llu of the log is the release '%s'",
                             HM_CHECK_NUMBER(index), entry->path));
    else
        HM_TRY(HM_CHECK_GOOD(check, "entry %llu of the log is the release '%s', printed as '%s'",
                             HM_CHECK_NUMBER(index), entry->path, entry->label));
    for (size_t i = 0; i < entry->image_count; i++) {
        char hex[HM_SHA256_HEX_SIZE];

        hm_text_hex(hm_bytes_make(entry->images[i].sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(HM_CHECK_NOTE(check, "its file '%s' has %llu bytes and SHA-256 %s",
                             entry->images[i].file, HM_CHECK_NUMBER(entry->images[i].length), hex));
    }
    return HM_OK;
}

enum hm_rc hm_check_say_entry(struct hm_check *check, uint64_t index, const struct hm_entry *entry)
{
    switch (entry->kind) {
    case HM_ENTRY_RELEASE:
        return say_release(check, index, entry);
    case HM_ENTRY_RECALL:
        HM_TRY(HM_CHECK_GOOD(check, "entry %llu of the log is the recall '%s', of %zu digests",
                             HM_CHECK_NUMBER(index), entry->path, entry->digest_count));
        for (size_t i = 0; i < entry->digest_count; i++) {
            char hex[HM_SHA256_HEX_SIZE];

            hm_text_hex(hm_bytes_make(entry->digests[i].bytes, HM_SHA256_SIZE), hex);
            HM_TRY(HM_CHECK_NOTE(check, "it takes back SHA-256 %s", hex));
        }
        return HM_OK;
    case HM_ENTRY_MAKER:
        HM_TRY(HM_CHECK_GOOD(check, "entry %llu of the log is of the maker '%s', %s",
                             HM_CHECK_NUMBER(index), entry->maker,
                             entry->is_attested
                                 ? "for whom the vendor speaks"
                                 : "who signs for himself with an identity of his own"));
        return HM_OK;
    case HM_ENTRY_ROOT:
        HM_TRY(HM_CHECK_GOOD(check, "entry %llu of the log is root version %llu",
                             HM_CHECK_NUMBER(index), HM_CHECK_NUMBER(entry->root.version)));
        return HM_OK;
    case HM_ENTRY_SNAPSHOT:
        break;
    }
    HM_TRY(HM_CHECK_GOOD(check,
                         "entry %llu of the log is snapshot version %llu under root version %llu",
                         HM_CHECK_NUMBER(index), HM_CHECK_NUMBER(entry->snapshot.version),
                         HM_CHECK_NUMBER(entry->root.version)));
    return HM_OK;
}

enum hm_rc hm_check_release(struct hm_check *check, size_t part, struct hm_entry **ret_release,
                            struct hm_entry **ret_snapshot)
{
    const struct hm_evidence_part *given = &check->evidence->parts[part];
    _hm_free_(hm_entry_free) struct hm_entry *release = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;
    struct hm_log_release both = {.release_index = given->entries[0].index,
                                  .snapshot_index = given->entries[1].index};

    HM_TRY(hm_check_entry(check, part, &given->entries[0], &release));
    HM_TRY(hm_check_entry(check, part, &given->entries[1], &snapshot));
    both.release = release;
    both.snapshot = snapshot;
    HM_TRY(hm_log_verdict_counts(&both, NULL, check->evidence->site, &check->why));
    if (strcmp(release->path, check->evidence->path) != 0)
        return hm_fail(&check->why, HM_EMISMATCH, "entry %llu is the release '%s', not '%s'",
                       HM_CHECK_NUMBER(both.release_index), release->path, check->evidence->path);
    HM_TRY(say_release(check, both.release_index, release));
    HM_TRY(HM_CHECK_GOOD(check, "it is in the log: the hashes beside it lead to the signed state"));
    HM_TRY(HM_CHECK_GOOD(
        check,
        "it counts: entry %llu, which closes its batch with snapshot version %llu, is in "
        "the log too",
        HM_CHECK_NUMBER(both.snapshot_index), HM_CHECK_NUMBER(snapshot->snapshot.version)));
    *ret_release = hm_steal(&release);
    *ret_snapshot = hm_steal(&snapshot);
    return HM_OK;
}

enum hm_rc hm_check_published(struct hm_check *check)
{
    _hm_free_(hm_entry_free) struct hm_entry *release = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;

    HM_TRY(hm_check_head(check, 0, check->evidence->parts[0].checkpoint, true));
    HM_TRY(hm_check_release(check, 0, &release, &snapshot));
    HM_TRY(HM_CHECK_NOTE(
        check,
        "whether the release was recalled or taken back later, this does not say: 'hallmark log "
        "history %s' does",
        check->evidence->product));
    return HM_OK;
}

/* ---- the way in ---- */

static enum hm_rc keep_claim(struct hm_check *check, const char *kind, const char *site,
                             const char *claim)
{
    struct hm_report *report = check->report;

    report->kind = kind;
    report->site = hm_arena_strdup(&report->arena, hm_bytes_str(site));
    report->claim = hm_arena_strdup(&report->arena, hm_bytes_str(claim));
    return report->site == NULL || report->claim == NULL ? hm_error_nomem(&check->why) : HM_OK;
}

static enum hm_rc check_kind(struct hm_check *check)
{
    switch (check->evidence->kind) {
    case HM_EVIDENCE_PUBLISHED:
        return hm_check_published(check);
    case HM_EVIDENCE_ABSENT:
        return hm_check_absent(check);
    case HM_EVIDENCE_HISTORY:
        return hm_check_history(check);
    case HM_EVIDENCE_CONTRADICTION:
        return hm_check_contradiction(check);
    case HM_EVIDENCE_FORK:
        return hm_check_fork(check);
    case HM_EVIDENCE_ROLLBACK:
        return hm_check_rollback(check);
    case HM_EVIDENCE_KIND_COUNT_:
        break;
    }
    return HM_EINTERNAL;
}

static enum hm_rc check_evidence(struct hm_check *check)
{
    const struct hm_evidence *evidence = check->evidence;

    HM_TRY(
        keep_claim(check, hm_evidence_kind_name(evidence->kind), evidence->site, evidence->claim));
    HM_TRY(HM_CHECK_GOOD(
        check, "the file is evidence of the kind '%s', and its claim is worded as its content is",
        hm_evidence_kind_name(evidence->kind)));
    check->doing = "the evidence";
    HM_TRY(check_site(check, evidence->site));
    HM_TRY(check_roots(check));
    return check_kind(check);
}

/* A proof says nothing of roots or kinds: its entry is what it is about. */
static enum hm_rc check_proof(struct hm_check *check, const struct hm_proof *proof)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    const struct hm_evidence_entry given = {.index = proof->index,
                                            .text = proof->extra,
                                            .hashes = proof->hashes,
                                            .hash_count = proof->hash_count};
    char claim[128];

    (void)snprintf(claim, sizeof(claim), "this is entry %llu of the site's release log",
                   HM_CHECK_NUMBER(proof->index));
    HM_TRY(keep_claim(check, "tlog-proof", check->basis->site, claim));
    HM_TRY(HM_CHECK_GOOD(check, "the file is a C2SP tlog-proof of one entry of a log"));
    check->doing = "the proof";
    if (!proof->has_extra)
        return hm_fail(&check->why, HM_EINPUT,
                       "it does not have the entry that it proves (its 'extra' line), so that "
                       "nothing can be said about it");
    HM_TRY(check_roots(check));
    HM_TRY(hm_check_head(check, 0, proof->checkpoint, true));
    HM_TRY(hm_check_entry(check, 0, &given, &entry));
    HM_TRY(check_site(check, entry->site));
    HM_TRY(hm_check_say_entry(check, proof->index, entry));
    HM_TRY(HM_CHECK_GOOD(check, "it is in the log: the hashes beside it lead to the signed state"));
    if (proof->index + 1 == check->heads[0]->checkpoint->body.size)
        HM_TRY(HM_CHECK_NOTE(check, "it is the newest entry of this state"));
    if (entry->kind == HM_ENTRY_RELEASE || entry->kind == HM_ENTRY_RECALL ||
        entry->kind == HM_ENTRY_MAKER)
        HM_TRY(HM_CHECK_NOTE(
            check, "whether it counts, the snapshot that closes its batch says, which is not in "
                   "this file"));
    return HM_OK;
}

static bool is_proof(struct hm_bytes raw)
{
    return hm_bytes_has_prefix(raw, HM_BYTES_LITERAL("c2sp.org/tlog-proof@"));
}

static enum hm_rc read_and_check(struct hm_check *check, struct hm_bytes raw)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    enum hm_rc rc;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, &check->why, &check->digest));
    check->doing = "the file";
    if (is_proof(raw)) {
        HM_TRY(hm_proof_parse(raw, &check->why, &proof));
        return check_proof(check, proof);
    }
    HM_TRY(hm_evidence_parse(raw, &check->why, &evidence));
    check->evidence = evidence;
    rc = check_evidence(check);
    check->evidence = NULL;
    return rc;
}

enum hm_rc hm_check_site_of(struct hm_bytes raw, struct hm_err *err, struct hm_buf *ret_site)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (is_proof(raw)) {
        rc = hm_proof_parse(raw, &why, &proof);
        if (rc == HM_OK && proof->has_extra)
            rc = hm_entry_parse(proof->extra, &why, &entry);
        if (entry != NULL)
            return hm_buf_append_str(ret_site, entry->site, err);
    } else {
        rc = hm_evidence_parse(raw, &why, &evidence);
        if (rc == HM_OK)
            return hm_buf_append_str(ret_site, evidence->site, err);
    }
    return rc == HM_ENOMEM ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_check_file(struct hm_bytes raw, struct hm_basis *basis, struct hm_err *err,
                         struct hm_report **ret_report)
{
    _hm_free_(hm_report_free) struct hm_report *report = NULL;
    struct hm_check check = {.basis = basis, .doing = "the file"};
    enum hm_rc rc;

    HM_TRY(hm_report_new(err, &report));
    check.report = report;
    rc = read_and_check(&check, raw);
    if (rc != HM_OK)
        rc = hm_report_end(report, &check.why, check.doing, err);
    hm_digest_free(check.digest);
    for (size_t i = 0; i < HM_ARRAY_COUNT(check.heads); i++)
        hm_basis_close(check.heads[i]);
    HM_TRY(rc);
    *ret_report = hm_steal(&report);
    return HM_OK;
}
