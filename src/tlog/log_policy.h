/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust policies (C2SP tlog-policy, commit 5ba5ee8): which logs, which witnesses, and which sets of
 * witnesses are enough. Lines of words, separated by spaces and tabs:
 *
 *   log VKEY [URL]                      type 0x01 or 0x06; its name is the log's origin
 *   witness NAME VKEY [URL]             type 0x04 or 0x06
 *   group NAME K|any|all MEMBER...      of witnesses and groups named before, each in one group
 *   quorum NAME|none                    exactly once
 *
 * Empty lines and lines whose first word starts with '#' are skipped. Names are bytes without
 * meaning outside of the file.
 */
#ifndef HM_TLOG_LOG_POLICY_H
#define HM_TLOG_LOG_POLICY_H

#include "tlog/checkpoint.h"

/* C2SP asks for at least 32 of each. All of them sign within HM_NOTE_SIGNATURE_COUNT_MAX. */
#define HM_LOG_POLICY_LOG_COUNT_MAX     32
#define HM_LOG_POLICY_WITNESS_COUNT_MAX 64
#define HM_LOG_POLICY_GROUP_COUNT_MAX   64
#define HM_LOG_POLICY_WORD_COUNT_MAX                                                               \
    (HM_LOG_POLICY_WITNESS_COUNT_MAX + HM_LOG_POLICY_GROUP_COUNT_MAX + 3)
#define HM_LOG_POLICY_NAME_SIZE_MAX 255
#define HM_LOG_POLICY_URL_SIZE_MAX  2048
#define HM_LOG_POLICY_SIZE_MAX      524288 /* ML-DSA vkeys have 2 KB each */
/* A cosignature may be this far in the future: clocks differ. */
#define HM_LOG_POLICY_SKEW_MAX_S 300
/* For max_age_s: however old. */
#define HM_LOG_POLICY_ANY_AGE (-1)

struct hm_log_policy_log {
    struct hm_note_key *key; /* owned */
    const char *url;         /* or NULL */
};

struct hm_log_policy_witness {
    const char *name;
    struct hm_note_key *key; /* owned */
    const char *url;         /* or NULL */
};

/* A witness (number below witness_count) or a group (witness_count and up). */
typedef size_t hm_log_policy_node;
#define HM_LOG_POLICY_NONE SIZE_MAX /* as a quorum: no witness is needed */

struct hm_log_policy_group {
    const char *name;
    size_t threshold;
    hm_log_policy_node *members;
    size_t member_count;
};

struct hm_log_policy {
    struct hm_log_policy_log *logs;
    size_t log_count;
    struct hm_log_policy_witness *witnesses;
    size_t witness_count;
    struct hm_log_policy_group *groups;
    size_t group_count;
    hm_log_policy_node quorum;
    struct hm_arena arena;
};

/* Copies what it keeps. HM_EFORMAT, with the number of the line; HM_EUNKNOWN for a vkey of a type
 * not known here. A witness whose algorithm the installed OpenSSL lacks stays in the policy, and
 * never counts. */
HM_MUST_CHECK enum hm_rc hm_log_policy_parse(struct hm_bytes text, struct hm_err *err,
                                             struct hm_log_policy **ret_policy);
/* Appends the policy, one spelling for each: logs, witnesses, groups, quorum. */
HM_MUST_CHECK enum hm_rc hm_log_policy_write(const struct hm_log_policy *policy, struct hm_err *err,
                                             struct hm_buf *ret_buf);
/* Appends the quorum in words: "2 of (w1, w2, w3)", "none". Members may be groups: "2 of (w1, 1 of
 * (w2, w3))". */
HM_MUST_CHECK enum hm_rc hm_log_policy_describe(const struct hm_log_policy *policy,
                                                struct hm_err *err, struct hm_buf *ret_text);
void hm_log_policy_free(struct hm_log_policy *policy);
HM_DEFINE_FREE(hm_log_policy_free, struct hm_log_policy);

/* Are these cosignatures (verdicts of the policy's witnesses, in their order) enough? Only those
 * count that are at most max_age_s old at now_unix_s (HM_LOG_POLICY_ANY_AGE: all) and not in the
 * future. HM_ESIGNATURE: too few, whatever their age; HM_EEXPIRED: enough, but too old; HM_ECLOCK:
 * enough, but some are in the future. */
HM_MUST_CHECK enum hm_rc hm_log_policy_check(const struct hm_log_policy *policy,
                                             const struct hm_note_verdict *verdicts,
                                             int64_t now_unix_s, int64_t max_age_s,
                                             struct hm_err *err);
/* Reads a checkpoint, verifies it (hm_note_verify with all keys of the policy), and checks it:
 * signed by a log of the policy whose name is the origin, and cosigned as hm_log_policy_check says.
 * HM_EFORMAT, HM_ESIGNATURE, HM_EEXPIRED, HM_ECLOCK; HM_EMISMATCH: a log that is not in the policy.
 * HM_EUSAGE: the policy has no log. */
HM_MUST_CHECK enum hm_rc hm_log_policy_open(const struct hm_log_policy *policy, struct hm_bytes raw,
                                            int64_t now_unix_s, int64_t max_age_s,
                                            struct hm_err *err,
                                            struct hm_checkpoint_signed **ret_checkpoint);
/* As hm_log_policy_open, and tells what each witness of the policy did: a place for each, in
 * its order. */
HM_MUST_CHECK enum hm_rc hm_log_policy_open_told(const struct hm_log_policy *policy,
                                                 struct hm_bytes raw, int64_t now_unix_s,
                                                 int64_t max_age_s, struct hm_err *err,
                                                 struct hm_checkpoint_signed **ret_checkpoint,
                                                 struct hm_note_verdict *ret_witnesses);

#endif
