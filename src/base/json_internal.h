/* SPDX-License-Identifier: Apache-2.0 */
/* What json.c and json_canonicalise.c share. */
#ifndef HM_BASE_JSON_INTERNAL_H
#define HM_BASE_JSON_INTERNAL_H

#include "base/json.h"

/*
 * Finds the next key of one object, not of objects inside it, in text that was checked before: JSON
 * or canonical form. *offset begins just behind the object's opening bracket and is left just
 * behind the key; *ret_start is the key's opening quote. False at the object's end.
 */
bool hm_json_next_key(struct hm_bytes text, size_t *offset, size_t *ret_start);

#endif
