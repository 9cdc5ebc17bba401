/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of watch.h share. */
#ifndef HM_MONITOR_WATCH_INTERNAL_H
#define HM_MONITOR_WATCH_INTERNAL_H

#include "base/lock.h"
#include "monitor/position.h"
#include "monitor/watch.h"
#include "tlog/follow.h"
#include "trust/history.h"

#define HM_WATCH_CHECKPOINT "log/checkpoint"
#define HM_WATCH_URL_SIZE   16384

struct hm_watch {
    const struct hm_watch_options *options;
    struct hm_subscription *site;
    struct hm_dir dir;
    struct hm_lock lock;
    struct hm_fetch *fetch; /* of witnesses */
    struct hm_digest *digest;
    struct hm_alarm_box box;
    struct hm_position position;
    bool is_local; /* the site's files are on this machine */
    int64_t now_unix_s;
    int64_t saved_ms;
    /* What is in memory between runs: */
    struct hm_history *history;
    struct hm_replay *replay;
    struct hm_entry *newest; /* snapshot entry */
    bool is_started;         /* the history stands where position.checked says */
    bool is_stuck;           /* something is missing: checked stays before it */
    bool is_blind;           /* what to compare with is missing: nothing is compared */
    /* Of this run: */
    struct hm_site_log *log; /* what root says */
    struct hm_follow *follow, *back;
    bool is_again;            /* another log took its place, or root may: all is read again */
    bool is_reread;           /* what root says was, as the checkpoint is none by what it said */
    bool is_last_try;         /* what is not there now is missing */
    bool is_restart, is_full; /* the replay begins again; there is no room for alarms */
    uint64_t batch_index;
    bool is_clean; /* the batch that is checked */
    struct hm_watch_report *report;
    struct hm_err *err;
};

/* What is seen now: an event, or a condition. */
HM_PRINTF(5, 6)
HM_MUST_CHECK enum hm_rc hm_watch_raise(struct hm_watch *watch, enum hm_alarm_kind kind,
                                        const char *subject, uint64_t index, const char *format,
                                        ...);
HM_PRINTF(5, 6)
HM_MUST_CHECK enum hm_rc hm_watch_hold(struct hm_watch *watch, enum hm_alarm_kind kind,
                                       const char *subject, uint64_t index, const char *format,
                                       ...);
/* Nothing can be told of this condition now: noted in the report, with why. */
void hm_watch_skip(struct hm_watch *watch, enum hm_alarm_kind kind, const char *subject,
                   const struct hm_err *why);
/* Alarms first, then how far that was. */
HM_MUST_CHECK enum hm_rc hm_watch_save(struct hm_watch *watch, struct hm_err *err);
/* The log's key by root. */
const struct hm_note_key *hm_watch_key(const struct hm_watch *watch);
/* Two checkpoints of one log that contradict each other, the smaller first. */
struct hm_watch_fork {
    struct hm_bytes small, large; /* the notes */
    uint64_t small_size, large_size;
    struct hm_follow *follow; /* the larger one's tree; not looked at where the sizes are equal */
};
/* Keeps the evidence that hallmark check verifies, below evidence/. */
HM_MUST_CHECK enum hm_rc hm_watch_keep_fork(struct hm_watch *watch,
                                            const struct hm_watch_fork *fork, struct hm_err *err);
/* The root of the followed tree when it had size entries. */
HM_MUST_CHECK enum hm_rc hm_watch_root_at(struct hm_watch *watch, uint64_t size, struct hm_err *err,
                                          struct hm_sha256 *ret_root);

/* watch_log.c: the checkpoint that the site shows, and all entries under it. */
HM_MUST_CHECK enum hm_rc hm_watch_follow(struct hm_watch *watch, struct hm_err *err);
/* Entries that were replayed before. */
struct hm_replay_entries hm_watch_entries(struct hm_watch *watch);
/* Files of the log, for hm_follow_open. */
struct hm_follow_source hm_watch_tiles(struct hm_watch *watch);
/* watch_batch.c: what the replay tells. */
struct hm_replay_sink hm_watch_sink(struct hm_watch *watch);
struct hm_history_sink hm_watch_history_sink(struct hm_watch *watch);
/* watch_pages.c: proofs and pages of the site and its mirrors, beside the log. */
HM_MUST_CHECK enum hm_rc hm_watch_check_pages(struct hm_watch *watch, struct hm_err *err);
/* watch_heads.c: what each witness has cosigned, beside the log. */
HM_MUST_CHECK enum hm_rc hm_watch_check_heads(struct hm_watch *watch, struct hm_err *err);

#endif
