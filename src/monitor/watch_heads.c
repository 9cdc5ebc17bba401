/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What witnesses have cosigned of a log that is watched (C2SP tlog-witness, "GET
 * /HASH/checkpoint"): the trees that they were shown are those that this monitor was shown, or the
 * log tells different things to different people.
 */
#include "monitor/watch_internal.h"
#include "tlog/witness_folder.h"

/* A witness, and what is known of it. */
struct head {
    struct hm_watch *watch;
    const struct hm_log_policy_witness *witness;
};

static bool has_key(const struct hm_log_policy *policy, size_t count, const struct hm_note_key *key)
{
    for (size_t i = 0; policy != NULL && i < count; i++) {
        if (hm_note_key_is_same_key(policy->witnesses[i].key, key))
            return true;
    }
    return false;
}

/* HM_EAGAIN: it does not answer, or not with what a witness answers; that is noted. */
static enum hm_rc get_head(const struct head *head, struct hm_err *err,
                           struct hm_checkpoint_signed **ret_checkpoint)
{
    struct hm_watch *watch = head->watch;
    const struct hm_log_policy_witness *witness = head->witness;
    const struct hm_note_key *keys[2] = {hm_watch_key(watch), witness->key};
    struct hm_note_verdict verdicts[2];
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    char path[HM_WITNESS_FOLDER_HASH_HEX + 16];
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(HM_WATCH_URL_SIZE);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_witness_folder_hash(keys[0]->name_bytes, err, hash));
    (void)snprintf(path, sizeof(path), "%s/checkpoint", hash); /* fits */
    HM_TRY(hm_fetch_url_join(witness->url, path, err, &url));
    rc = hm_fetch_get(watch->fetch, hm_buf_str(&url), &why, &raw);
    if (rc == HM_OK)
        rc =
            hm_checkpoint_open(hm_buf_bytes(&raw), keys[0]->name_bytes, keys, 1, &why, &checkpoint);
    if (rc == HM_OK)
        rc = hm_note_verify(checkpoint->note, keys, 2, &why, verdicts);
    if (rc == HM_OK && !verdicts[1].is_signed)
        rc = hm_fail(&why, HM_ESIGNATURE, "what it gives is not cosigned by its own key");
    if (rc == HM_OK) {
        *ret_checkpoint = hm_steal(&checkpoint);
        return HM_OK;
    }
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    (void)hm_error_prefix(&why, rc, "witness '%s'", witness->name);
    if (hm_error_exit_status(rc) == 1)
        HM_TRY(hm_watch_hold(watch, HM_ALARM_WITNESS, witness->key->name, HM_ALARM_NO_INDEX, "%s",
                             why.text));
    else
        hm_watch_skip(watch, HM_ALARM_WITNESS, witness->key->name, &why);
    return HM_EAGAIN;
}

/* follow is of the larger of the two trees. */
static enum hm_rc disagree(const struct head *head, const struct hm_checkpoint_signed *checkpoint,
                           struct hm_follow *follow, struct hm_err *err)
{
    struct hm_watch *watch = head->watch;
    const struct hm_position *shown = &watch->position;
    bool is_larger = checkpoint->body.size > shown->body.size;
    const struct hm_watch_fork fork = {
        .small = is_larger ? shown->note->raw : checkpoint->note->raw,
        .large = is_larger ? checkpoint->note->raw : shown->note->raw,
        .small_size = is_larger ? shown->body.size : checkpoint->body.size,
        .large_size = is_larger ? checkpoint->body.size : shown->body.size,
        .follow = follow};

    HM_TRY(hm_watch_keep_fork(watch, &fork, err));
    return hm_watch_raise(watch, HM_ALARM_FORK, head->witness->key->name, checkpoint->body.size,
                          "witness '%s' has cosigned %llu entries that are not those of the log as "
                          "it is shown here; the evidence is in '%s/evidence'",
                          head->witness->key->name, (unsigned long long)checkpoint->body.size,
                          watch->dir.path);
}

/* The witness has seen more than the site shows. Its tree may be served all the same. */
static enum hm_rc judge_larger(const struct head *head,
                               const struct hm_checkpoint_signed *checkpoint, struct hm_err *err)
{
    struct hm_watch *watch = head->watch;
    const struct hm_follow_source source = hm_watch_tiles(watch);
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_err why = HM_ERR_INIT;
    struct hm_sha256 root;
    enum hm_rc rc =
        hm_follow_open(&source, checkpoint->body.size, &checkpoint->body.root, &why, &follow);

    if (rc == HM_OK)
        rc = hm_merkle_root(watch->digest, hm_follow_nodes(follow), watch->position.body.size, &why,
                            &root);
    if (rc == HM_OK && !hm_digest_is_equal(&root, &watch->position.body.root))
        return disagree(head, checkpoint, follow, err);
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    return hm_watch_hold(watch, HM_ALARM_WITNESS, head->witness->key->name, HM_ALARM_NO_INDEX,
                         "witness '%s' has cosigned %llu entries of the log, and the site shows "
                         "%llu%s",
                         head->witness->key->name, (unsigned long long)checkpoint->body.size,
                         (unsigned long long)watch->position.body.size,
                         rc == HM_OK ? "" : " and no tiles of the rest");
}

static enum hm_rc check_head(const struct head *head, struct hm_err *err)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    struct hm_watch *watch = head->watch;
    struct hm_sha256 root;

    HM_TRY(get_head(head, err, &checkpoint));
    if (checkpoint->body.size > watch->position.body.size)
        return judge_larger(head, checkpoint, err);
    HM_TRY(hm_watch_root_at(watch, checkpoint->body.size, err, &root));
    if (!hm_digest_is_equal(&root, &checkpoint->body.root))
        return disagree(head, checkpoint, watch->follow, err);
    return HM_OK;
}

enum hm_rc hm_watch_check_heads(struct hm_watch *watch, struct hm_err *err)
{
    const struct hm_log_policy *policies[] = {watch->log->policy, watch->site->trust->log_policy,
                                              watch->site->policy.log_policy};

    for (size_t i = 0; i < HM_ARRAY_COUNT(policies); i++) {
        for (size_t j = 0; policies[i] != NULL && j < policies[i]->witness_count; j++) {
            const struct head head = {.watch = watch, .witness = &policies[i]->witnesses[j]};
            bool is_known = has_key(policies[i], j, head.witness->key);
            enum hm_rc rc;

            for (size_t k = 0; k < i && policies[k] != NULL; k++)
                is_known |= has_key(policies[k], policies[k]->witness_count, head.witness->key);
            if (is_known || head.witness->url == NULL)
                continue;
            rc = check_head(&head, err);
            if (rc != HM_OK && (rc != HM_EAGAIN || watch->is_full))
                return rc;
        }
    }
    return HM_OK;
}
