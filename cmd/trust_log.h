/* SPDX-License-Identifier: Apache-2.0 */
/* What 'hallmark trust' has to do with the release log: the options that demand witnesses, and
 * telling what the log says and who demands what of it. */
#ifndef HM_CMD_TRUST_LOG_H
#define HM_CMD_TRUST_LOG_H

#include "customer.h"

/* Values of the long options; those of trust.c begin behind. */
enum hm_trust_log_option {
    HM_TRUST_LOG_POLICY = HM_CUSTOMER_OWN_,
    HM_TRUST_LOG_NO_POLICY,
    HM_TRUST_LOG_WITNESS,
    HM_TRUST_LOG_QUORUM,
    HM_TRUST_LOG_MAX_AGE,
    HM_TRUST_LOG_NO_MAX_AGE,
    HM_TRUST_LOG_OWN_,
};

/* Entries of a struct option table. */
#define HM_TRUST_LOG_OPTIONS                                                                       \
    {"log-policy", required_argument, NULL, HM_TRUST_LOG_POLICY},                                  \
        {"witness", required_argument, NULL, HM_TRUST_LOG_WITNESS},                                \
        {"quorum", required_argument, NULL, HM_TRUST_LOG_QUORUM},                                  \
    {                                                                                              \
        "log-max-age", required_argument, NULL, HM_TRUST_LOG_MAX_AGE                               \
    }
#define HM_TRUST_LOG_DROP_OPTIONS                                                                  \
    {"no-log-policy", no_argument, NULL, HM_TRUST_LOG_NO_POLICY},                                  \
    {                                                                                              \
        "no-log-max-age", no_argument, NULL, HM_TRUST_LOG_NO_MAX_AGE                               \
    }

/* What the options asked for; they are looked at together, after the last of them. */
struct hm_trust_log {
    const char *policy_path;
    const char *witnesses[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    size_t witness_count;
    const char *quorum;
    const char *max_age;
    bool drops_policy, drops_max_age;
};

/* Takes one of the options above; HM_EUNKNOWN: none of them. HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_trust_log_take(struct hm_trust_log *log, int option,
                                           struct hm_err *err);
/* Puts them into the policy. HM_EUSAGE for what excludes each other; HM_EFORMAT, HM_EUNKNOWN for a
 * policy or a vkey that is none. *ret_changed: the policy was. */
HM_MUST_CHECK enum hm_rc hm_trust_log_apply(const struct hm_trust_log *log,
                                            struct hm_policy *policy, struct hm_err *err,
                                            bool *ret_changed);

/* Rows of a table of two columns: the log, its state, and whose policy demands what. */
HM_MUST_CHECK enum hm_rc hm_trust_log_add_rows(struct hm_table *table,
                                               const struct hm_subscription *site,
                                               struct hm_err *err);
/* Members "log" and "log-demands" of an open object. */
HM_MUST_CHECK enum hm_rc hm_trust_log_write(struct hm_json_writer *writer,
                                            const struct hm_subscription *site, struct hm_err *err);

#endif
