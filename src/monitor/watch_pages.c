/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site and its mirrors serve beside the log, and whether it is what the log says: the proof
 * of the newest entry, timestamp.json and the snapshot that it names; of mirrors also the
 * checkpoint. What lags may be a copy on its way, and is an alarm once it lasts; what contradicts
 * the log is one at once.
 */
#include "monitor/watch_internal.h"
#include "trust/log_verdict.h"
#include "tuf/timestamp.h"

#define PROOF     "proofs/latest.tlog-proof"
#define TIMESTAMP "metadata/timestamp.json"

/* One place to get pages from. */
struct place {
    struct hm_watch *watch;
    const char *url;
    struct hm_fetch *fetch;
    bool is_mirror;
    bool is_there;   /* it serves any of the pages: else it is a mirror of images alone */
    bool is_current; /* its timestamp names the log's newest snapshot */
    char subject[HM_ALARM_SUBJECT_MAX];
};

static void set_subject(struct place *place, const char *path)
{
    if (place->is_mirror)
        (void)snprintf(place->subject, sizeof(place->subject), "%.400s %s", place->url, path);
    else
        (void)snprintf(place->subject, sizeof(place->subject), "%s", path);
}

/* HM_EAGAIN: nothing to look at, which was told where it matters. */
static enum hm_rc get(struct place *place, const char *path, enum hm_alarm_kind kind,
                      struct hm_err *err, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(HM_WATCH_URL_SIZE);
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    set_subject(place, path);
    HM_TRY(hm_fetch_url_join(place->url, path, err, &url));
    rc = hm_fetch_get(place->fetch, hm_buf_str(&url), &why, ret_raw);
    if (rc == HM_OK) {
        place->is_there = true;
        return HM_OK;
    }
    if (rc == HM_EFORMAT)
        HM_TRY(
            hm_watch_hold(place->watch, kind, place->subject, HM_ALARM_NO_INDEX, "%s", why.text));
    else if (rc == HM_ENOTFOUND && (!place->is_mirror || place->is_there))
        HM_TRY(hm_watch_hold(place->watch, HM_ALARM_MISSING, place->subject, HM_ALARM_NO_INDEX,
                             "%s", why.text));
    else if (rc != HM_ENOTFOUND)
        hm_watch_skip(place->watch, kind, place->subject, &why);
    return HM_EAGAIN;
}

static enum hm_rc hold(struct place *place, const char *sentence)
{
    return hm_watch_hold(place->watch, HM_ALARM_PAGES, place->subject, HM_ALARM_NO_INDEX, "%s: %s",
                         place->subject, sentence);
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* Is the checkpoint one of the tree that was followed? HM_EAGAIN: it is larger, or was told of. */
static enum hm_rc check_tree(struct place *place, struct hm_bytes raw, struct hm_err *err,
                             struct hm_checkpoint_signed **ret_checkpoint)
{
    struct hm_watch *watch = place->watch;
    const struct hm_note_key *key = hm_watch_key(watch);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    struct hm_err why = HM_ERR_INIT;
    struct hm_sha256 root;
    enum hm_rc rc = hm_checkpoint_open(raw, key->name_bytes, &key, 1, &why, &checkpoint);

    if (rc != HM_OK) {
        if (hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        HM_TRY(hold(place, why.text));
        return HM_EAGAIN;
    }
    if (checkpoint->body.size > watch->position.body.size) {
        HM_TRY(hold(place, "it is of more entries than the site's checkpoint"));
        return HM_EAGAIN;
    }
    HM_TRY(hm_watch_root_at(watch, checkpoint->body.size, err, &root));
    if (!hm_digest_is_equal(&root, &checkpoint->body.root)) {
        const struct hm_watch_fork fork = {.small = checkpoint->note->raw,
                                           .large = watch->position.note->raw,
                                           .small_size = checkpoint->body.size,
                                           .large_size = watch->position.body.size,
                                           .follow = watch->follow};

        HM_TRY(hm_watch_keep_fork(watch, &fork, err));
        HM_TRY(hm_watch_raise(watch, HM_ALARM_FORK, place->subject, checkpoint->body.size,
                              "%s has a checkpoint of %llu entries that are not those of the log; "
                              "the evidence is in '%s/evidence'",
                              place->subject, (unsigned long long)checkpoint->body.size,
                              watch->dir.path));
        return HM_EAGAIN;
    }
    *ret_checkpoint = hm_steal(&checkpoint);
    return HM_OK;
}

static enum hm_rc check_checkpoint(struct place *place, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    HM_TRY(get(place, HM_WATCH_CHECKPOINT, HM_ALARM_PAGES, err, &raw));
    HM_TRY(check_tree(place, hm_buf_bytes(&raw), err, &checkpoint));
    if (checkpoint->body.size < place->watch->position.body.size)
        return hold(place, "it is older than the site's");
    return HM_OK;
}

static enum hm_rc check_proof(struct place *place, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    const struct hm_entry *newest = place->watch->newest;
    struct hm_err why = HM_ERR_INIT;
    struct hm_log_facts facts = {.site = place->watch->site->name};

    HM_TRY(get(place, PROOF, HM_ALARM_PAGES, err, &raw));
    if (hm_proof_parse(hm_buf_bytes(&raw), &why, &proof) != HM_OK)
        return hold(place, why.text);
    HM_TRY(check_tree(place, proof->checkpoint, err, &checkpoint));
    if (checkpoint->body.size < place->watch->position.body.size)
        return hold(place, "it is older than the log");
    if (newest == NULL)
        return HM_OK;
    facts.snapshot = newest->snapshot;
    facts.root = newest->root;
    if (hm_log_verdict_newest(proof, checkpoint, &facts, &why, &entry) != HM_OK)
        return hold(place, why.text);
    return HM_OK;
}

/* ---- metadata -------------------------------------------------------------------------------- */

static enum hm_rc read_timestamp(struct place *place, struct hm_err *err,
                                 struct hm_snapshot_meta *ret_snapshot)
{
    const struct hm_root *root = hm_history_newest_root(place->watch->history);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_timestamp_free) struct hm_timestamp *timestamp = NULL;
    struct hm_err why = HM_ERR_INIT;
    struct hm_signed document;
    enum hm_rc rc;

    HM_TRY(get(place, TIMESTAMP, HM_ALARM_PAGES, err, &raw));
    rc = hm_envelope_parse(hm_buf_bytes(&raw), &why, &envelope);
    if (rc == HM_OK)
        rc = hm_envelope_verify(envelope, &root->roles[HM_ROOT_ROLE_TIMESTAMP], "timestamp", &why,
                                &document);
    if (rc == HM_OK)
        rc = hm_timestamp_parse(document, true, &why, &timestamp);
    if (rc == HM_OK) {
        *ret_snapshot = timestamp->snapshot;
        ret_snapshot->name = HM_BYTES_EMPTY; /* of the timestamp, which goes */
        return HM_OK;
    }
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    HM_TRY(hold(place, why.text));
    return HM_EAGAIN;
}

static enum hm_rc check_timestamp(struct place *place, struct hm_err *err)
{
    struct hm_watch *watch = place->watch;
    const struct hm_entry_document *logged;
    struct hm_snapshot_meta served;

    HM_TRY(read_timestamp(place, err, &served));
    if (watch->newest == NULL)
        return HM_OK;
    logged = &watch->newest->snapshot;
    place->is_current = (uint64_t)served.version == logged->version;
    if (place->is_current) {
        if (hm_digest_is_equal(&served.facts.sha256, &logged->sha256))
            return HM_OK;
        return hm_watch_raise(
            watch, HM_ALARM_UNLOGGED, place->subject, HM_ALARM_NO_INDEX,
            "%s names a snapshot %lld that is not the one in the log: it was made "
            "for some alone",
            place->subject, (long long)served.version);
    }
    if ((uint64_t)served.version < logged->version)
        return hold(place, "it names an older snapshot than the log");
    return hm_watch_hold(watch, HM_ALARM_UNLOGGED, place->subject, HM_ALARM_NO_INDEX,
                         "%s names snapshot %lld, and the log's newest is %llu", place->subject,
                         (long long)served.version, (unsigned long long)logged->version);
}

/* The snapshot that the log names, as this mirror has it. */
static enum hm_rc check_snapshot(struct place *place, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    const struct hm_entry *newest = place->watch->newest;
    struct hm_sha256 sha256;
    char path[64];

    /* One that lags has told so. */
    if (newest == NULL || !place->is_current)
        return HM_OK;
    (void)snprintf(path, sizeof(path), "metadata/%llu.snapshot.json",
                   (unsigned long long)newest->snapshot.version);
    HM_TRY(get(place, path, HM_ALARM_PAGES, err, &raw));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, &sha256));
    if (hm_digest_is_equal(&sha256, &newest->snapshot.sha256))
        return HM_OK;
    return hold(place, "it is not the one that the log names");
}

/* ---- places ---------------------------------------------------------------------------------- */

static enum hm_rc check_place(struct place *place, struct hm_err *err)
{
    static enum hm_rc (*const checks[])(struct place *, struct hm_err *) = {
        check_timestamp, check_proof, check_checkpoint, check_snapshot};

    for (size_t i = 0; i < HM_ARRAY_COUNT(checks); i++) {
        enum hm_rc rc;

        /* The site's own were read when the log was followed. */
        if (!place->is_mirror && i >= 2)
            break;
        rc = checks[i](place, err);
        if (rc != HM_OK && (rc != HM_EAGAIN || place->watch->is_full))
            return rc;
    }
    return HM_OK;
}

enum hm_rc hm_watch_check_pages(struct hm_watch *watch, struct hm_err *err)
{
    const struct hm_policy *policy = &watch->site->policy;
    struct place place = {.watch = watch, .url = policy->url, .fetch = watch->site->fetch};

    HM_TRY(check_place(&place, err));
    for (size_t i = 0; i < policy->mirror_count; i++) {
        place.url = policy->mirrors[i];
        place.is_mirror = true;
        place.is_there = false;
        place.is_current = false;
        HM_TRY(check_place(&place, err));
    }
    return HM_OK;
}
