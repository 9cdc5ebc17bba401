/* SPDX-License-Identifier: Apache-2.0 */
/* How a site's release log stands (status_log.h). */
#include "site/status_log.h"

#include "base/time.h"
#include "site/journal.h"

/* ---- gathering ------------------------------------------------------------------------------- */

/* The latest time such that the cosignatures from then on are enough. */
static void find_quorum_time(struct hm_status_log *log)
{
    const struct hm_log_policy *policy = log->word->policy;

    log->has_quorum = policy->quorum == HM_LOG_POLICY_NONE;
    for (size_t i = 0; i < policy->witness_count; i++) {
        struct hm_note_verdict from[HM_LOG_POLICY_WITNESS_COUNT_MAX];
        int64_t time_s = (int64_t)log->witnesses[i].time_s;

        if (!log->witnesses[i].is_signed || policy->quorum == HM_LOG_POLICY_NONE)
            continue;
        for (size_t j = 0; j < policy->witness_count; j++) {
            from[j] = log->witnesses[j];
            from[j].is_signed = from[j].is_signed && (int64_t)from[j].time_s >= time_s;
        }
        if (hm_log_policy_check(policy, from, log->now_unix_s, HM_LOG_POLICY_ANY_AGE, NULL) !=
            HM_OK)
            continue;
        log->has_quorum = true;
        if (time_s > log->quorum_unix_s)
            log->quorum_unix_s = time_s;
    }
}

/* What is public is nobody's word: it is shown if it is the log's, and else what is wrong. */
static void look_at_newest(struct hm_status_log *log, const struct hm_tree *tree)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_log_policy *policy = log->word->policy;
    struct hm_err why = HM_ERR_INIT;
    hm_log_policy_node quorum = policy->quorum;
    enum hm_rc rc = hm_dir_read(&tree->site->public_dir, "log/checkpoint", &why, &raw);

    if (rc == HM_OK) {
        policy->quorum = HM_LOG_POLICY_NONE; /* whether it is met is looked at below */
        rc = hm_log_policy_open_told(policy, hm_buf_bytes(&raw), log->now_unix_s,
                                     HM_LOG_POLICY_ANY_AGE, &why, &log->newest, log->witnesses);
        policy->quorum = quorum;
    }
    if (rc != HM_OK) {
        (void)snprintf(log->trouble, sizeof(log->trouble), "'public/log/checkpoint': %s", why.text);
        return;
    }
    find_quorum_time(log);
    if (!log->has_quorum)
        (void)snprintf(log->trouble, sizeof(log->trouble),
                       "its newest checkpoint lacks the quorum of witnesses");
}

enum hm_rc hm_status_log_gather(const struct hm_tree *tree, struct hm_err *err,
                                struct hm_status_log *ret_log)
{
    struct hm_status_log *log = ret_log;

    *log = (struct hm_status_log){.now_unix_s = tree->site->now_unix_s};
    if (tree->root == NULL)
        return HM_OK;
    HM_TRY(hm_site_log_parse(tree->root, err, &log->word));
    if (log->word->policy == NULL)
        return HM_OK;
    HM_TRY(hm_cosign_memory_load(&tree->site->private_dir, log->word->policy->logs[0].key->name,
                                 err, &log->memory));
    log->waits = hm_journal_is_waiting(&tree->site->private_dir);
    look_at_newest(log, tree);
    return HM_OK;
}

void hm_status_log_done(struct hm_status_log *log)
{
    hm_site_log_free(log->word);
    hm_cosign_memory_free(log->memory);
    hm_checkpoint_free(log->newest);
}

static bool is_kept(const struct hm_status_log *log)
{
    return log->word != NULL && log->word->policy != NULL;
}

static bool has_age(const struct hm_status_log *log)
{
    return log->has_quorum && log->quorum_unix_s > 0;
}

static bool is_late(const struct hm_status_log *log)
{
    return has_age(log) && log->now_unix_s - log->quorum_unix_s > HM_STATUS_LOG_LATE_S;
}

bool hm_status_log_is_expired(const struct hm_status_log *log)
{
    return has_age(log) && log->now_unix_s - log->quorum_unix_s > HM_STATUS_LOG_AGE_MAX_S;
}

/* ---- text ------------------------------------------------------------------------------------ */

static enum hm_rc text_witness(const struct hm_status_log *log, size_t i, struct hm_err *err,
                               struct hm_buf *report)
{
    const struct hm_log_policy_witness *witness = &log->word->policy->witnesses[i];
    const struct hm_cosign_witness *seen = hm_cosign_memory_find(log->memory, witness->key);
    char time[HM_TIME_TEXT_SIZE];

    HM_TRY(hm_buf_append_fmt(report, err, "    witness %-10s ", witness->name));
    if (seen == NULL || seen->time_s == 0) {
        HM_TRY(hm_buf_append_str(report, "has not cosigned yet", err));
    } else {
        hm_time_format((int64_t)seen->time_s, time);
        HM_TRY(hm_buf_append_fmt(report, err, "cosigned %llu entries at %s",
                                 (unsigned long long)seen->size, time));
    }
    if (seen != NULL && seen->failure != NULL) {
        HM_TRY(hm_buf_append_str(report, "; last time: ", err));
        HM_TRY(hm_text_escape(report, hm_bytes_str(seen->failure), err));
    }
    return hm_buf_append_str(report, "\n", err);
}

static enum hm_rc text_warnings(const struct hm_status_log *log, struct hm_err *err,
                                struct hm_buf *report)
{
    char age[32];

    if (log->trouble[0] != '\0')
        HM_TRY(hm_buf_append_fmt(report, err, "WARNING: release log: %s\n", log->trouble));
    if (log->waits)
        HM_TRY(hm_buf_append_str(report,
                                 "WARNING: a publish waits for witnesses; 'hallmark site publish' "
                                 "asks them again\n",
                                 err));
    if (!is_late(log))
        return HM_OK;
    hm_time_format_age(log->now_unix_s - log->quorum_unix_s, age);
    return hm_buf_append_fmt(
        report, err,
        "WARNING: release log: the quorum cosigned it %s ago%s; run 'hallmark site "
        "renew'\n",
        age, hm_status_log_is_expired(log) ? ", and customers do not take that any more" : "");
}

enum hm_rc hm_status_log_text(const struct hm_status_log *log, struct hm_err *err,
                              struct hm_buf *report)
{
    const struct hm_log_policy *policy;
    char time[HM_TIME_TEXT_SIZE], due[HM_TIME_TEXT_SIZE];

    if (!is_kept(log))
        return HM_OK;
    policy = log->word->policy;
    HM_TRY(text_warnings(log, err, report));
    HM_TRY(hm_buf_append_fmt(report, err, "%-20s %s", "release log", policy->logs[0].key->name));
    if (log->newest != NULL)
        HM_TRY(hm_buf_append_fmt(report, err, ", %llu entries",
                                 (unsigned long long)log->newest->body.size));
    HM_TRY(hm_buf_append_str(report, "\n    quorum ", err));
    HM_TRY(hm_log_policy_describe(policy, err, report));
    if (has_age(log)) {
        hm_time_format(log->quorum_unix_s, time);
        hm_time_format(log->quorum_unix_s + HM_STATUS_LOG_HEARTBEAT_S, due);
        HM_TRY(hm_buf_append_fmt(report, err, ", met at %s, next heartbeat due %s", time, due));
    }
    HM_TRY(hm_buf_append_str(report, "\n", err));
    for (size_t i = 0; i < policy->witness_count; i++)
        HM_TRY(text_witness(log, i, err, report));
    return HM_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

enum hm_rc hm_status_log_json(const struct hm_status_log *log, struct hm_err *err,
                              struct hm_json_writer *writer)
{
    _hm_done_(hm_buf_done) struct hm_buf quorum = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    const struct hm_log_policy *policy;

    if (!is_kept(log))
        return HM_OK;
    policy = log->word->policy;
    HM_TRY(hm_log_policy_describe(policy, err, &quorum));
    hm_json_writer_key(writer, "log");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "origin", policy->logs[0].key->name);
    if (log->newest != NULL) {
        hm_json_writer_key(writer, "size");
        hm_json_writer_u64(writer, log->newest->body.size);
    }
    hm_json_writer_key_str(writer, "quorum", hm_buf_str(&quorum));
    hm_json_writer_key(writer, "met");
    hm_json_writer_bool(writer, log->has_quorum);
    if (has_age(log)) {
        hm_json_writer_key(writer, "cosigned");
        hm_json_writer_time(writer, log->quorum_unix_s);
        hm_json_writer_key(writer, "heartbeat");
        hm_json_writer_time(writer, log->quorum_unix_s + HM_STATUS_LOG_HEARTBEAT_S);
        hm_json_writer_key(writer, "expires");
        hm_json_writer_time(writer, log->quorum_unix_s + HM_STATUS_LOG_AGE_MAX_S);
    }
    hm_json_writer_key(writer, "expired");
    hm_json_writer_bool(writer, hm_status_log_is_expired(log));
    hm_json_writer_key(writer, "waiting");
    hm_json_writer_bool(writer, log->waits);
    if (log->trouble[0] != '\0')
        hm_json_writer_key_str(writer, "trouble", log->trouble);
    hm_cosign_memory_json(log->memory, policy, writer);
    hm_json_writer_object_end(writer);
    return HM_OK;
}
