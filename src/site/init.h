/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new site: its folder, the drafts of its first root.json and targets.json, the online key and
 * the key of its release log.
 *
 * All other keys stay where they are: init takes public keys only. A trial site is the exception,
 * for looking at Hallmark on one machine: it makes all keys, says so in its root for ever, and is
 * published at once.
 */
#ifndef HM_SITE_INIT_H
#define HM_SITE_INIT_H

#include "site/approvers.h"

enum hm_init_group {
    HM_INIT_ROOT,
    HM_INIT_TARGETS,
    HM_INIT_RELEASE, /* the default approvers of each maker's releases */
    HM_INIT_RECALLS,
    HM_INIT_GROUP_COUNT_
};

struct hm_init_options {
    const char *path;
    const char *name;
    const char *url;
    bool trial;
    struct hm_approvers groups[HM_INIT_GROUP_COUNT_]; /* empty for a trial site, which fills them */
    uint32_t thresholds[HM_INIT_GROUP_COUNT_];        /* 0: the default */
    struct hm_signer *online;                         /* owned; NULL: made */
    bool no_log;                                      /* root names none */
    bool no_deliveries;                               /* root names none; none without a log */
    const char *log_origin;                           /* NULL: by the URL (log_key.h) */
    struct hm_bytes witness_policy; /* witness, group and quorum lines; empty: "quorum none" */
};

#define HM_INIT_OPTIONS_INIT                                                                       \
    {                                                                                              \
        .path = NULL                                                                               \
    }

void hm_init_options_done(struct hm_init_options *options);
/* "root", "targets", "release", "recalls". */
const char *hm_init_group_name(enum hm_init_group group);

/* Writes everything. HM_EREFUSED: the folder is not empty, a key stands in the online role and in
 * another, or a threshold cannot be met; HM_EUSAGE: the log cannot have that origin or policy. The
 * drafts are signed (trial only); warnings are
 * reported. The caller publishes a trial site, or writes a request. */
HM_MUST_CHECK enum hm_rc hm_init_run(struct hm_init_options *options, int64_t now_unix_s,
                                     struct hm_err *err, struct hm_buf *report);

#endif
