/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site's release log as publish meets it (DESIGN 5.3, docs/formats.md 11): what must be so
 * before anything is signed on top of it, and how it is kept fresh while nothing is published.
 */
#ifndef HM_OWN_LOG_H
#define HM_OWN_LOG_H

#include "site/cosign.h"
#include "site/log_memory.h"
#include "site/tree.h"

#include "trust/site_log.h"

struct hm_own_log {
    const struct hm_site *site;   /* borrowed */
    struct hm_site_log *word;     /* root's, once all is published; owned */
    struct hm_log_policy *before; /* what holds until then, if other; owned */
    struct hm_log *log;           /* owned */
    struct hm_log_head head;      /* what is durable */
    struct hm_log_memory memory;  /* what counts */
    bool begins;                  /* no snapshot is in it yet */
    uint64_t archive;             /* succession: how many logs are closed then; 0: none is now */
};

/* Opens the log that root (after the publish; before: the one in force, or NULL) names, and
 * compares it with what is known. *ret_log is NULL where root names none. HM_EREFUSED: it is behind
 * what this site published, or public has a newer checkpoint of it; HM_EFORMAT, HM_EBUSY as
 * hm_log_open. */
HM_MUST_CHECK enum hm_rc hm_own_log_open(const struct hm_tree *tree, const struct hm_root *root,
                                         struct hm_err *err, struct hm_own_log **ret_log);
void hm_own_log_free(struct hm_own_log *log);
HM_DEFINE_FREE(hm_own_log_free, struct hm_own_log);

/* Entries that no snapshot lists stand at its end: the next snapshot names them void. */
bool hm_own_log_has_junk(const struct hm_own_log *log);
/* Has the log cosigned as it is, and rewrites checkpoint and latest proof with what came.
 * HM_EAGAIN: no quorum, and nothing is written; HM_EREFUSED: a witness has seen more, or the last
 * entry is not that of the tree's snapshot. */
HM_MUST_CHECK enum hm_rc hm_own_log_heartbeat(struct hm_own_log *log, const struct hm_tree *tree,
                                              const struct hm_cosign_options *options,
                                              struct hm_err *err, struct hm_buf *report);

#endif
