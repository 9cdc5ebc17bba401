/* SPDX-License-Identifier: Apache-2.0 */
/* What a maker says that he released: his own list of images, which no site has a hand in. */
#ifndef HM_MONITOR_MINE_H
#define HM_MONITOR_MINE_H

#include "base/text.h"
#include "monitor/sums.h"

struct hm_mine {
    char id[HM_TEXT_NAME_SIZE_MAX + 1];
    struct hm_sums sums; /* all paths are below "ID/" */
};

/* "ID=FILE", a list as sha256sum writes it (sums.h), or the path of a maker's folder (maker/
 * folder.h), whose signed lists for site say it. HM_EUSAGE: neither; HM_EFORMAT: a path that is not
 * below ID, or no list; HM_EINPUT. */
HM_MUST_CHECK enum hm_rc hm_mine_load(const char *spec, const char *site, struct hm_err *err,
                                      struct hm_mine *ret_mine);
void hm_mine_done(struct hm_mine *mine);

#endif
