/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's metadata as it was at an earlier moment, without a copy of all of it.
 *
 * Beside sites/NAME/metadata/ stand folders that hold each file of it that was replaced or removed
 * since their moment, as it was then (hard links), and "refreshed" of that time. The earlier state
 * is: what such a folder has, else what metadata/ has; every file of it is verified again by the
 * snapshot of that state, so that a file too new is only as good as a missing one.
 *
 * complete/   the last state in which everything held was held as its snapshot names it. A refresh
 *             that stops half-way, or a site that withholds a role, leaves it as it is: offline
 *             commands answer as of then. It goes when a newer state has all that it had.
 * listed/     the state that 'list --changed' told of last.
 */
#ifndef HM_CUSTOMER_KEPT_H
#define HM_CUSTOMER_KEPT_H

#include "base/dir.h"

#define HM_KEPT_COMPLETE "complete"
#define HM_KEPT_LISTED   "listed"

/* Before FILE of metadata is replaced or removed: sees to it that each folder has it as it is now.
 * complete/ is begun where there is none, once the site was refreshed at all; listed/ is not.
 * flush: the link is on the disk before this returns. */
HM_MUST_CHECK enum hm_rc hm_kept_save(const struct hm_dir *site_dir, const struct hm_dir *metadata,
                                      const char *file, bool flush, struct hm_err *err);
/* When a state was refreshed, as the folder's "refreshed" says. is_bundle: by a bundle, of that
 * time. HM_ENOTFOUND: never. */
struct hm_kept_time {
    int64_t unix_s;
    bool is_bundle;
};
HM_MUST_CHECK enum hm_rc hm_kept_read_time(const struct hm_dir *dir, struct hm_err *err,
                                           struct hm_kept_time *ret_time);
HM_MUST_CHECK enum hm_rc hm_kept_write_time(const struct hm_dir *dir,
                                            const struct hm_kept_time *time, struct hm_err *err);

/* Opens the folder and says when its state was refreshed. HM_ENOTFOUND: there is none. */
HM_MUST_CHECK enum hm_rc hm_kept_open(const struct hm_dir *site_dir, const char *name,
                                      struct hm_err *err, struct hm_dir *ret_dir,
                                      struct hm_kept_time *ret_time);
/* Begins the folder at the state that is there now, in the place of an earlier one, at once for
 * others. The caller holds the site's lock. HM_ENOTFOUND: the site was never refreshed. */
HM_MUST_CHECK enum hm_rc hm_kept_begin(const struct hm_dir *site_dir, const char *name,
                                       struct hm_err *err);
/* Its moment is over; none is fine. At once for others; leftovers go with the next call. */
HM_MUST_CHECK enum hm_rc hm_kept_drop(const struct hm_dir *site_dir, const char *name,
                                      struct hm_err *err);

#endif
