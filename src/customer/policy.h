/* SPDX-License-Identifier: Apache-2.0 */
/* What a customer decided about one site beyond its trust file: sites/NAME/site.json. */
#ifndef HM_CUSTOMER_POLICY_H
#define HM_CUSTOMER_POLICY_H

#include "base/dir.h"
#include "trust/trust_file.h"

#define HM_POLICY_SIZE_MAX         1048576
#define HM_POLICY_MIRROR_COUNT_MAX 16 /* each is tried in turn */

/* Whether downloads are asked for, offered, acknowledged and receipted (customer/deliver.h). */
enum hm_policy_deliveries {
    HM_POLICY_DELIVERIES_ASK,     /* where the site does that; without an answer all the same */
    HM_POLICY_DELIVERIES_REQUIRE, /* nothing is downloaded without an offer */
    HM_POLICY_DELIVERIES_NEVER,
    HM_POLICY_DELIVERIES_COUNT_
};

struct hm_policy {
    const char *url;
    enum hm_grade floor; /* HM_GRADE_ATTESTED: nothing beyond the trust file */
    struct hm_trust_pin *pins;
    size_t pin_count;
    const char **mirrors;
    size_t mirror_count;
    const char *proxy;   /* or NULL */
    const char *ca_file; /* or NULL */
    bool allow_plain_http;
    const char *token; /* that the site's server wants; a file of its own, 0600; or NULL */
    struct hm_log_policy *log_policy; /* as in a trust file; owned; or NULL */
    int64_t log_max_age_s;            /* 0: not stated */
    enum hm_policy_deliveries deliveries;
    struct hm_arena arena; /* owns all else */
};

/* Reads "site.json" in a site's folder, and "token" where there is one. HM_EFORMAT, HM_ENOTFOUND.
 */
HM_MUST_CHECK enum hm_rc hm_policy_read(const struct hm_dir *dir, struct hm_err *err,
                                        struct hm_policy *ret_policy);
HM_MUST_CHECK enum hm_rc hm_policy_write(const struct hm_policy *policy, const struct hm_dir *dir,
                                         struct hm_err *err);
void hm_policy_done(struct hm_policy *policy);

/* Changes, each copying its text. "ID=HEX" (HEX may have spaces); replaces an earlier pin of ID. */
HM_MUST_CHECK enum hm_rc hm_policy_pin(struct hm_policy *policy, const char *text,
                                       struct hm_err *err);
/* HM_EUSAGE if there is no such pin. */
HM_MUST_CHECK enum hm_rc hm_policy_unpin(struct hm_policy *policy, const char *id,
                                         struct hm_err *err);
/* "maker" or "attested". HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_policy_set_floor(struct hm_policy *policy, const char *text,
                                             struct hm_err *err);
/* A URL that is there already is fine. HM_EUSAGE for no URL or too many. */
HM_MUST_CHECK enum hm_rc hm_policy_add_mirror(struct hm_policy *policy, const char *url,
                                              struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_policy_drop_mirror(struct hm_policy *policy, const char *url,
                                               struct hm_err *err);
/* What is demanded of the release log beyond root and trust file: a policy's text, without a log
 * line. Replaces an earlier one. HM_EFORMAT, HM_EUNKNOWN. */
HM_MUST_CHECK enum hm_rc hm_policy_set_log(struct hm_policy *policy, struct hm_bytes text,
                                           struct hm_err *err);
/* As hm_policy_set_log, a policy of these witnesses ("VKEY" or "VKEY,URL"), quorum of which must
 * have cosigned. HM_EUSAGE for a quorum that they cannot make. */
HM_MUST_CHECK enum hm_rc hm_policy_set_witnesses(struct hm_policy *policy,
                                                 const char *const *witnesses, size_t count,
                                                 size_t quorum, struct hm_err *err);
/* Takes the token in a file that its owner alone may read. HM_EREFUSED: others may; HM_EFORMAT: it
 * is no token. */
HM_MUST_CHECK enum hm_rc hm_policy_set_token(struct hm_policy *policy, const char *path,
                                             struct hm_err *err);
/* A duration, as "7d". HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_policy_set_log_max_age(struct hm_policy *policy, const char *text,
                                                   struct hm_err *err);
/* "ask", "require" or "never". HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_policy_set_deliveries(struct hm_policy *policy, const char *text,
                                                  struct hm_err *err);
const char *hm_policy_deliveries_text(enum hm_policy_deliveries deliveries);
/* Drops what was set by hm_policy_set_log or hm_policy_set_witnesses; the age likewise. What root
 * and trust file demand stays. */
void hm_policy_drop_log(struct hm_policy *policy);
void hm_policy_drop_log_max_age(struct hm_policy *policy);
HM_MUST_CHECK enum hm_rc hm_policy_copy_text(struct hm_policy *policy, const char *text,
                                             struct hm_err *err, const char **ret_text);

#endif
