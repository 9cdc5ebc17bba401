/* SPDX-License-Identifier: Apache-2.0 */
/* One member of a root's x-hallmark, found, or set with all others kept (docs/formats.md 2). */
#ifndef HM_TRUST_ROOT_WORD_H
#define HM_TRUST_ROOT_WORD_H

#include "tuf/root.h"

/* The value of member, JSON that was read to its end, in x_hallmark; empty where that has none, or
 * is empty itself. HM_EFORMAT: x_hallmark is no JSON object. */
HM_MUST_CHECK enum hm_rc hm_root_word_find(struct hm_bytes x_hallmark, const char *member,
                                           struct hm_err *err, struct hm_bytes *ret_value);
/* Appends x_hallmark with member set to value (JSON, put at the end); empty: without it.
 * HM_EFORMAT: x_hallmark is no JSON object. */
HM_MUST_CHECK enum hm_rc hm_root_word_put(struct hm_bytes x_hallmark, const char *member,
                                          struct hm_bytes value, struct hm_err *err,
                                          struct hm_buf *ret_json);

#endif
