/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's refresh against a publish that was not committed yet: nothing goes out that the
 * clients would refuse. The client knows the first root; it refreshes from what is published, then
 * from the new files laid over it, and resolves every new path by the both-sign rule.
 */
#ifndef HM_SITE_REHEARSAL_H
#define HM_SITE_REHEARSAL_H

#include "site/plan.h"

/* next is the journal being written. The client's failure, with "a client would refuse this
 * publish: " in front. */
HM_MUST_CHECK enum hm_rc hm_rehearsal_run(const struct hm_plan *plan, const struct hm_dir *next,
                                          struct hm_err *err);

#endif
