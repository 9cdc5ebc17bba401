/* SPDX-License-Identifier: Apache-2.0 */
/* What opening and updating an index share. */
#ifndef HM_MATCH_INDEX_INTERNAL_H
#define HM_MATCH_INDEX_INTERNAL_H

#include "match/index.h"

#define INDEX_SUFFIX         ".index"
#define INDEX_STAMP          "stamp"
#define INDEX_LOCK           "lock"
#define INDEX_NAME_COUNT_MAX 1024
#define INDEX_TRIES_MAX      5

/* Is it "N.index"? */
bool hm_index_name(const char *name, uint64_t *ret_number);
HM_MUST_CHECK enum hm_rc hm_index_map(const struct hm_dir *dir, const char *name,
                                      struct hm_err *err, struct hm_bytes *ret_bytes);
void hm_index_unmap(struct hm_bytes *bytes);

#endif
