/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up what a process does not need, for good: another user, no new rights, no files to write,
 * no program to start, and of the file system one folder to read.
 */
#ifndef HM_SERVE_CONFINE_H
#define HM_SERVE_CONFINE_H

#include <sys/types.h>

#include "base/dir.h"

/* Becomes user and group (uid -1: stays) without other groups; HM_EINTERNAL if any of it stays. */
HM_MUST_CHECK enum hm_rc hm_confine_user(uid_t uid, gid_t gid, struct hm_err *err);
/* No new privileges, no core, no growing file, no execution; reading below dir alone, where the
 * kernel has Landlock (5.13; *ret_is_landlocked). Threads made afterwards are confined too. */
HM_MUST_CHECK enum hm_rc hm_confine_read_only(const struct hm_dir *dir, struct hm_err *err,
                                              bool *ret_is_landlocked);
/* A folder that stays open to a process. */
struct hm_confine_place {
    const struct hm_dir *dir;
    bool is_written; /* files in it are made, changed and removed; else they are read */
};
/* No new privileges, no core, no execution; and of the file system these folders alone, where the
 * kernel has Landlock. */
HM_MUST_CHECK enum hm_rc hm_confine_places(const struct hm_confine_place *places, size_t count,
                                           struct hm_err *err, bool *ret_is_landlocked);
/* Folders that a process which asks others by https needs: names and authorities (/etc and what it
 * points to) and libraries that are loaded late. Those that the system has; all are read. */
#define HM_CONFINE_NETWORK_MAX 8
struct hm_confine_network {
    struct hm_dir dirs[HM_CONFINE_NETWORK_MAX];
    size_t count;
};
HM_MUST_CHECK enum hm_rc hm_confine_network_open(struct hm_confine_network *network,
                                                 struct hm_err *err);
void hm_confine_network_done(struct hm_confine_network *network);
/* The process dies by this signal when its parent does; HM_EAGAIN: the parent is dead already. */
HM_MUST_CHECK enum hm_rc hm_confine_to_parent(pid_t parent, int signal_number, struct hm_err *err);

#endif
