/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing: everything that is complete goes out, in one step that a client sees at once, through
 * the journal (journal.h, plan.h).
 */
#ifndef HM_SITE_PUBLISH_H
#define HM_SITE_PUBLISH_H

#include "site/plan.h"

/* Re-signing without anything new: only what lost half of its time, or both in any case. */
enum hm_publish_renew {
    HM_PUBLISH_DRAFTS,  /* publish what is complete */
    HM_PUBLISH_RENEW,   /* only snapshot and timestamp, where they lost half of their time */
    HM_PUBLISH_REFRESH, /* only snapshot and timestamp, in any case */
};

struct hm_publish_item {
    const char *role;
    int64_t version;
};

struct hm_publish_result {
    struct hm_publish_item *items; /* new versions, in order */
    size_t count, capacity;
    size_t file_count; /* new or changed files */
    bool has_fingerprint;
    struct hm_sha256 fingerprint; /* of the trust file, after the first publish */
    bool resumed;                 /* a publish that waited for witnesses came to its end first */
    bool heartbeat;               /* the release log was cosigned again */
    struct hm_buf witnesses;      /* what they said: a line each */
    struct hm_buf notes;          /* what is held back, and why: a line each */
    struct hm_arena arena;
};

#define HM_PUBLISH_RESULT_INIT                                                                     \
    {                                                                                              \
        .items = NULL, .witnesses = HM_BUF_INIT(HM_SITE_REPORT_SIZE_MAX),                          \
        .notes = HM_BUF_INIT(HM_SITE_REPORT_SIZE_MAX), .arena = HM_ARENA_INIT                      \
    }

void hm_publish_result_done(struct hm_publish_result *result);

/* site is open for change. HM_OK with count 0: nothing to do. HM_EINPUT: an online key is missing;
 * HM_EMISMATCH: an image was changed after intake; HM_EREFUSED and others: a client would refuse
 * the result. Nothing is published then; a new root that comes second may wait for the next run.
 *
 * With a release log: a publish that waits for witnesses is taken up first; before the log grows,
 * it is cosigned as it is, so that no size is sent to some witnesses that the others will not come
 * to know. HM_EAGAIN: the quorum is not met, and the message says which witness failed and how.
 * Renewing has the log cosigned again where nothing else is due; a timestamp is renewed without. */
HM_MUST_CHECK enum hm_rc hm_publish_run(const struct hm_site *site, enum hm_publish_renew renew,
                                        struct hm_err *err, struct hm_publish_result *result);
/* Appends the result in words. */
HM_MUST_CHECK enum hm_rc hm_publish_describe(const struct hm_publish_result *result,
                                             struct hm_err *err, struct hm_buf *report);

/* For tests: writes and commits the first step of what hm_publish_run would do, and leaves it to be
 * rolled forward. */
HM_MUST_CHECK enum hm_rc hm_publish_commit_only(const struct hm_site *site, struct hm_err *err);

#endif
