/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root.json says of a site's release log: its key, the core witnesses and their quorum, and
 * the logs before it (docs/formats.md 11, "What root says of the log").
 */
#ifndef HM_TRUST_SITE_LOG_H
#define HM_TRUST_SITE_LOG_H

#include "tlog/log_policy.h"
#include "tuf/root.h"

#define HM_SITE_LOG_CLOSED_COUNT_MAX 16 /* a log is closed after a disaster only */

/* A log that ended, superseded by the next. */
struct hm_site_log_closed {
    struct hm_note_key *key; /* owned */
    uint64_t size;
    struct hm_sha256 root;
};

struct hm_site_log {
    struct hm_log_policy *policy; /* exactly one log; owned. NULL: the site keeps no log */
    struct hm_site_log_closed *closed;
    size_t closed_count;
    struct hm_arena arena;
};

/* Reads the root's x-hallmark; one without "log" gives a policy of NULL. HM_EFORMAT naming the
 * rule; HM_EUNKNOWN for a vkey of a type not known here. */
HM_MUST_CHECK enum hm_rc hm_site_log_parse(const struct hm_root *root, struct hm_err *err,
                                           struct hm_site_log **ret_log);
void hm_site_log_free(struct hm_site_log *log);
HM_DEFINE_FREE(hm_site_log_free, struct hm_site_log);
/* Appends the JSON of the member "log" (the object alone); nothing for a policy of NULL. */
HM_MUST_CHECK enum hm_rc hm_site_log_write(const struct hm_site_log *log, struct hm_err *err,
                                           struct hm_buf *ret_json);
/* Appends a root's x-hallmark with "log" set to this, all its other members kept. HM_EFORMAT:
 * x_hallmark is no JSON object. */
HM_MUST_CHECK enum hm_rc hm_site_log_put(struct hm_bytes x_hallmark, const struct hm_site_log *log,
                                         struct hm_err *err, struct hm_buf *ret_json);
/* May next follow? HM_EREFUSED: the log is gone, its key changed without the old log being closed,
 * or what was closed is told otherwise. */
HM_MUST_CHECK enum hm_rc hm_site_log_check_successor(const struct hm_site_log *log,
                                                     const struct hm_site_log *next,
                                                     struct hm_err *err);
/* The same of two roots; before NULL: next is the first, whose log must be readable. */
HM_MUST_CHECK enum hm_rc hm_site_log_check_next_root(const struct hm_root *before,
                                                     const struct hm_root *next,
                                                     struct hm_err *err);

#endif
