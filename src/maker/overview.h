/* SPDX-License-Identifier: Apache-2.0 */
/* What a maker's folder holds, in words or JSON ("hallmark/maker-show/1"). */
#ifndef HM_MAKER_OVERVIEW_H
#define HM_MAKER_OVERVIEW_H

#include "maker/folder.h"

/* Appends escaped lines: maker, identity versions, fingerprint, releases by site, drafts. */
HM_MUST_CHECK enum hm_rc hm_overview_text(const struct hm_folder *folder, struct hm_err *err,
                                          struct hm_buf *ret_text);
HM_MUST_CHECK enum hm_rc hm_overview_json(const struct hm_folder *folder, struct hm_err *err,
                                          struct hm_buf *ret_json);

#endif
