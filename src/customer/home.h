/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The customer's state folder (docs/formats.md 9). It is no cache: what was seen once is remembered
 * here, and protects against rollback for as long as it stays.
 */
#ifndef HM_CUSTOMER_HOME_H
#define HM_CUSTOMER_HOME_H

#include "base/dir.h"
#include "base/lock.h"

#define HM_HOME_SITE_COUNT_MAX 256
#define HM_HOME_LOCK_WAIT_MS   60000 /* another command's refresh; its images are not behind it */

struct hm_home {
    struct hm_dir dir;
};

#define HM_HOME_INIT                                                                               \
    {                                                                                              \
        .dir = HM_DIR_INIT                                                                         \
    }

/* Where the folder is if path is NULL: $HALLMARK_HOME, else /var/lib/hallmark for root, else
 * $XDG_DATA_HOME/hallmark or ~/.local/share/hallmark. HM_EINPUT if none of these can be told. */
HM_MUST_CHECK enum hm_rc hm_home_find(const char *path, struct hm_err *err,
                                      struct hm_buf *ret_path);
/* Opens it. make: make it first where missing (0700); else HM_EINPUT naming 'trust add'.
 * HM_EREFUSED: written by a newer program. */
HM_MUST_CHECK enum hm_rc hm_home_open(const char *path, bool make, struct hm_err *err,
                                      struct hm_home *ret_home);
void hm_home_done(struct hm_home *home);

/* The names of the trusted sites, sorted, in the arena; none is fine. */
HM_MUST_CHECK enum hm_rc hm_home_sites(const struct hm_home *home, struct hm_arena *arena,
                                       struct hm_err *err, const char ***ret_names,
                                       size_t *ret_count);
/* Held while sites are added or removed and while placed.json changes. HM_EBUSY. */
HM_MUST_CHECK enum hm_rc hm_home_lock(const struct hm_home *home, struct hm_err *err,
                                      struct hm_lock *ret_lock);

#endif
