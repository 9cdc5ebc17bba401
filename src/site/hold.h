/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site that was put back from a backup signs nothing until it has been shown that nothing newer
 * is about: signing on top of an older state would contradict what it signed before
 * (docs/formats.md 24). private/restored says so, whatever its content:
 *
 *   hallmark/restored v1
 *   made TIME             when the backup was made
 *   restored TIME
 *
 * private/released keeps what was said there last, and who took it away, and why.
 */
#ifndef HM_SITE_HOLD_H
#define HM_SITE_HOLD_H

#include "base/dir.h"
#include "base/time.h"

#define HM_HOLD_FILE          "restored"
#define HM_HOLD_RELEASED      "released"
#define HM_HOLD_FILE_SIZE_MAX 4096
#define HM_HOLD_WORD_SIZE_MAX 1024 /* of the reason, and of the name of who gives it */

/* Is the site held? Where that cannot be told, it is. */
bool hm_hold_is_set(const struct hm_dir *private_dir);
/* HM_EREFUSED where the site is held, with what to do. Whatever signs in the site's name calls it
 * first. */
HM_MUST_CHECK enum hm_rc hm_hold_check(const struct hm_dir *private_dir, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_hold_set(const struct hm_dir *private_dir, int64_t made_unix_s,
                                     int64_t now_unix_s, struct hm_err *err);
/* Takes it away; who and why are kept. Not set is fine. HM_EUSAGE: no text for that. */
HM_MUST_CHECK enum hm_rc hm_hold_release(const struct hm_dir *private_dir, const char *who,
                                         const char *why, int64_t now_unix_s, struct hm_err *err);

#endif
