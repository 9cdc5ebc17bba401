/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trusted site, watched: its log is followed and replayed, every entry compared with the
 * metadata that it names, and everything else that speaks of the log (proofs, mirrors, witnesses)
 * with the log. What is found goes into the site's box of alarms (alarm_box.h).
 *
 * In the site's folder of the customer's home, below "monitor/":
 *
 *   lock              held while the site is watched
 *   alarms.json       alarm_box.h
 *   position.json     position.h; saved after the alarms that belong to it
 *   log/tile/...      whole tiles of the log that were proven, to be replayed at the next start;
 *                     a site that is on this machine is read where it is
 *   evidence/         what proves that a log has forked; checkpoints beyond the end of a closed one
 *
 * A watch stays in memory between runs and goes on where it was; after any failure it begins again
 * from what is on the disk.
 */
#ifndef HM_MONITOR_WATCH_H
#define HM_MONITOR_WATCH_H

#include "customer/subscription.h"
#include "monitor/alarm_box.h"
#include "monitor/mine.h"

#define HM_WATCH_MINE_COUNT_MAX 64
/* How often a site that changes under the reader is read again. */
#define HM_WATCH_TRIES_MAX 3
/* While a long log is checked, progress is saved this often. */
#define HM_WATCH_SAVE_MS 10000
/* Heartbeats come hourly; a day without is a fault, and six less than clients bear. */
#define HM_WATCH_STALE_DEFAULT_S 86400
/* For how long a site may be between two states: it publishes, caches expire. */
#define HM_WATCH_GRACE_DEFAULT_S 900

struct hm_watch_options {
    const struct hm_mine *mines; /* borrowed */
    size_t mine_count;
    const struct hm_sha256 *denied; /* materials of keys that nobody may use; borrowed */
    size_t denied_count;
    int64_t stale_s;  /* age of the quorum's cosignatures; 0: not looked at */
    int64_t growth_s; /* how long a log may stay the same; 0: not looked at */
    int64_t grace_s;
};

/* What a run did. */
struct hm_watch_report {
    enum hm_rc rc; /* HM_OK: all was looked at; else why not */
    struct hm_err err;
    uint64_t size;    /* of the log */
    uint64_t read;    /* entries replayed in this run */
    uint64_t checked; /* snapshots compared in this run */
    int64_t cosigned_unix_s;
    int64_t grown_unix_s;
    size_t open_count; /* alarms */
};

struct hm_watch; /* one thread */

/* Makes no request. Takes the lock: HM_EBUSY while another process watches the site. options are
 * borrowed for the watch's life. Errors of hm_subscription_open. */
HM_MUST_CHECK enum hm_rc hm_watch_new(const struct hm_home *home, const char *name,
                                      const struct hm_watch_options *options, int64_t now_unix_s,
                                      struct hm_err *err, struct hm_watch **ret_watch);
void hm_watch_free(struct hm_watch *watch);
HM_DEFINE_FREE(hm_watch_free, struct hm_watch);

/* Looks at everything once, and saves what it found. Fails only where nothing could be saved; what
 * could not be looked at is in the report. */
HM_MUST_CHECK enum hm_rc hm_watch_run(struct hm_watch *watch, int64_t now_unix_s,
                                      struct hm_err *err, struct hm_watch_report *ret_report);
/* Forgets what is in memory: the next run begins from the disk. */
void hm_watch_reset(struct hm_watch *watch);
/* As of the last run; for telling outlets. */
struct hm_alarm_box *hm_watch_box(struct hm_watch *watch);
const struct hm_dir *hm_watch_dir(const struct hm_watch *watch);
const char *hm_watch_site(const struct hm_watch *watch);
/* Opens the monitor's folder of a trusted site, for acknowledging. make false: HM_ENOTFOUND where
 * the site was never watched. */
HM_MUST_CHECK enum hm_rc hm_watch_open_dir(const struct hm_home *home, const char *name, bool make,
                                           struct hm_err *err, struct hm_dir *ret_dir);

#endif
