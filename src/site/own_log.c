/* SPDX-License-Identifier: Apache-2.0 */
/* The site's release log as publish meets it (own_log.h). */
#include "site/own_log.h"

#include "base/file.h"
#include "site/log_key.h"
#include "site/log_step.h"
#include "tlog/entry.h"
#include "tlog/proof.h"

static enum hm_rc is_same_policy(const struct hm_log_policy *a, const struct hm_log_policy *b,
                                 struct hm_err *err, bool *ret_same)
{
    _hm_done_(hm_buf_done) struct hm_buf one = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf other = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    HM_TRY(hm_log_policy_write(a, err, &one));
    HM_TRY(hm_log_policy_write(b, err, &other));
    *ret_same = hm_bytes_is_equal(hm_buf_bytes(&one), hm_buf_bytes(&other));
    return HM_OK;
}

/* What root in force says, where that is another root than the one to come. *ret_key: its log. */
static enum hm_rc look_before(struct hm_own_log *log, const struct hm_tree *tree,
                              const struct hm_root *root, struct hm_err *err,
                              struct hm_site_log **ret_before)
{
    bool same;

    if (tree->root == NULL || tree->root == root)
        return HM_OK;
    HM_TRY(hm_site_log_parse(tree->root, err, ret_before));
    if ((*ret_before)->policy == NULL)
        return HM_OK;
    if (!hm_note_key_is_same((*ret_before)->policy->logs[0].key, log->word->policy->logs[0].key)) {
        log->archive = log->word->closed_count;
        return HM_OK;
    }
    HM_TRY(is_same_policy((*ret_before)->policy, log->word->policy, err, &same));
    if (!same)
        log->before = hm_steal(&(*ret_before)->policy);
    return HM_OK;
}

/* The log's name as it is until this publish. */
static const char *origin_now(const struct hm_own_log *log)
{
    return log->archive > 0 ? log->word->closed[log->archive - 1].key->name
                            : log->word->policy->logs[0].key->name;
}

static enum hm_rc load_memory(struct hm_own_log *log, const struct hm_tree *tree, bool was_logged,
                              struct hm_err *err)
{
    const char *origin = origin_now(log);

    HM_TRY(hm_log_memory_load(tree->site, err, &log->memory));
    if (log->memory.origin[0] == '\0' && was_logged)
        HM_TRY(hm_log_memory_recall(log->log, origin, (uint64_t)tree->snapshot->document.version,
                                    &tree->timestamp->snapshot.facts.sha256, err, &log->memory));
    log->begins = log->memory.origin[0] == '\0';
    if (!log->begins && strcmp(log->memory.origin, origin) != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'private/published/log.json' is of the log '%s', and root names '%s': put "
                       "'private' back from one backup, the newest",
                       log->memory.origin, origin);
    if (log->head.size < log->memory.size)
        return hm_fail(err, HM_EREFUSED,
                       "the release log has %llu entries, and %llu were published: 'private/log' "
                       "is an older copy; put the newest back",
                       (unsigned long long)log->head.size, (unsigned long long)log->memory.size);
    return HM_OK;
}

/* What stands in public is nobody's word, but a newer checkpoint by our own key says that this is
 * an older copy, or that the key is stolen. */
static enum hm_rc check_public(const struct hm_own_log *log, const struct hm_tree *tree,
                               const struct hm_note_key *key, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_note_key *keys[] = {key};

    if (hm_dir_read(&tree->site->public_dir, "log/checkpoint", NULL, &raw) != HM_OK ||
        hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, keys, 1, NULL, &checkpoint) !=
            HM_OK)
        return HM_OK; /* missing or spoilt: it is written anew */
    if (checkpoint->body.size < log->head.size ||
        (checkpoint->body.size == log->head.size &&
         hm_digest_is_equal(&checkpoint->body.root, &log->head.root)))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "'public/log/checkpoint' is signed by the log's key for %llu entries that this "
                   "site does not know: its 'private' is an older copy, or somebody else signs "
                   "with that key; nothing is signed on top of it until the newest 'private' is "
                   "back, or the log is succeeded ('hallmark site rotate log')",
                   (unsigned long long)checkpoint->body.size);
}

static enum hm_rc open_log(struct hm_own_log *log, const struct hm_tree *tree,
                           const struct hm_root *root, struct hm_err *err)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *before = NULL;
    const struct hm_note_key *key;
    bool was_logged;

    HM_TRY(look_before(log, tree, root, err, &before));
    was_logged =
        tree->root != NULL && (tree->root == root || log->before != NULL || log->archive > 0 ||
                               (before != NULL && before->policy != NULL));
    key =
        log->archive > 0 ? log->word->closed[log->archive - 1].key : log->word->policy->logs[0].key;
    HM_TRY(hm_log_step_open(&tree->site->private_dir, &tree->site->public_dir, err, &log->log));
    hm_log_head(log->log, &log->head);
    HM_TRY(load_memory(log, tree, was_logged, err));
    return log->archive > 0 ? HM_OK : check_public(log, tree, key, err);
}

enum hm_rc hm_own_log_open(const struct hm_tree *tree, const struct hm_root *root,
                           struct hm_err *err, struct hm_own_log **ret_log)
{
    _hm_free_(hm_own_log_free) struct hm_own_log *log = calloc(1, sizeof(*log));

    *ret_log = NULL;
    if (log == NULL)
        return hm_error_nomem(err);
    log->site = tree->site;
    HM_TRY(hm_site_log_parse(root, err, &log->word));
    if (log->word->policy == NULL)
        return HM_OK;
    HM_TRY(open_log(log, tree, root, err));
    *ret_log = hm_steal(&log);
    return HM_OK;
}

void hm_own_log_free(struct hm_own_log *log)
{
    if (log == NULL)
        return;
    hm_log_free(log->log);
    hm_site_log_free(log->word);
    hm_log_policy_free(log->before);
    free(log);
}

bool hm_own_log_has_junk(const struct hm_own_log *log)
{
    return log->head.size > log->memory.size;
}

/* ---- heartbeat ------------------------------------------------------------------------------- */

/* The last entry is that of the snapshot that is published: clients ask for nothing else. */
static enum hm_rc check_last(const struct hm_own_log *log, const struct hm_tree *tree,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;

    HM_TRY(hm_log_entry(log->log, log->head.size - 1, err, &raw));
    HM_TRY(hm_entry_parse(hm_buf_bytes(&raw), err, &entry));
    if (entry->kind == HM_ENTRY_SNAPSHOT &&
        entry->snapshot.version == (uint64_t)tree->snapshot->document.version &&
        hm_digest_is_equal(&entry->snapshot.sha256, &tree->timestamp->snapshot.facts.sha256))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "the last entry of the release log is not that of the published snapshot, "
                   "version %lld: publish a new one with 'hallmark site renew --force'",
                   (long long)tree->snapshot->document.version);
}

enum hm_rc hm_own_log_heartbeat(struct hm_own_log *log, const struct hm_tree *tree,
                                const struct hm_cosign_options *options, struct hm_err *err,
                                struct hm_buf *report)
{
    const struct hm_note_key *key = log->word->policy->logs[0].key;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_PROOF_SIZE_MAX);

    HM_TRY(check_last(log, tree, err));
    HM_TRY(hm_log_key_load(&log->site->private_dir, key, err, &signer));
    HM_TRY(hm_log_sign(log->log, key, signer, err, &checkpoint));
    HM_TRY(hm_cosign_gather(&log->site->private_dir, log->log, log->word->policy, NULL,
                            hm_buf_bytes(&checkpoint), options, err, report, &note));
    HM_TRY(hm_log_step_prove(log->log, hm_buf_bytes(&note), err, &proof));
    HM_TRY(
        hm_file_replace(&log->site->public_dir, "log/checkpoint", 0644, hm_buf_bytes(&note), err));
    return hm_file_replace(&log->site->public_dir, "proofs/latest.tlog-proof", 0644,
                           hm_buf_bytes(&proof), err);
}
