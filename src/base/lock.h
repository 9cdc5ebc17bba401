/* SPDX-License-Identifier: Apache-2.0 */
/* One holder at a time: an exclusive lock on a file, released by the kernel if the holder dies. */
#ifndef HM_BASE_LOCK_H
#define HM_BASE_LOCK_H

#include "base/dir.h"

struct hm_lock {
    int fd;
};

#define HM_LOCK_INIT                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Locks path below dir (made if missing, 0600) until hm_lock_done or exit. wait_ms 0: do not wait.
 * HM_EBUSY when somebody else holds it, naming the holder's pid where it was written. */
HM_MUST_CHECK enum hm_rc hm_lock_take(const struct hm_dir *dir, const char *path, uint32_t wait_ms,
                                      struct hm_err *err, struct hm_lock *ret_lock);
void hm_lock_done(struct hm_lock *lock);

#endif
