/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map (map.h) that lies in files, of which only those are read that a question or a change needs:
 *
 *   map/top   256 hashes of 32 bytes: for each first byte of a key, the node above all such keys;
 *             zeros where there are none
 *   map/XX    for the first byte XX (hexadecimal) the pairs key || value of 64 bytes, ascending;
 *             missing where there are none
 *
 * What is read is compared with the root. Root and proofs are those of hm_map over all pairs.
 */
#ifndef HM_TLOG_MAP_FILES_H
#define HM_TLOG_MAP_FILES_H

#include "tlog/map.h"
#include "tlog/release_store.h"

struct hm_map_files; /* one thread */

/* The map with this root and count of keys; the store is borrowed. Nothing is read yet. The count
 * is believed until hm_map_files_check_count. HM_EFORMAT: count 0 and a root that is not of the
 * empty map, or the other way round. */
HM_MUST_CHECK enum hm_rc hm_map_files_open(const struct hm_release_store *store,
                                           const struct hm_sha256 *root, uint64_t count,
                                           struct hm_err *err, struct hm_map_files **ret_map);
void hm_map_files_free(struct hm_map_files *map);
HM_DEFINE_FREE(hm_map_files_free, struct hm_map_files);

/* Below, HM_EMISMATCH: a file is missing or is not what the root says; else the store's errors. */

/* Adds or replaces. After an error the map is as before. */
HM_MUST_CHECK enum hm_rc hm_map_files_set(struct hm_map_files *map, const struct hm_sha256 *key,
                                          const struct hm_sha256 *value, struct hm_err *err);
/* HM_EUNKNOWN: the key is not there. */
HM_MUST_CHECK enum hm_rc hm_map_files_get(struct hm_map_files *map, const struct hm_sha256 *key,
                                          struct hm_err *err, struct hm_sha256 *ret_value);
/* How many keys. */
uint64_t hm_map_files_count(const struct hm_map_files *map);
/* Reads all files and compares the count with how many keys they have. */
HM_MUST_CHECK enum hm_rc hm_map_files_check_count(struct hm_map_files *map, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_map_files_root(struct hm_map_files *map, struct hm_err *err,
                                           struct hm_sha256 *ret_root);
/* Appends the proof of what the map says about key, present or absent. */
HM_MUST_CHECK enum hm_rc hm_map_files_prove(struct hm_map_files *map, const struct hm_sha256 *key,
                                            struct hm_err *err, struct hm_buf *ret_proof);
/* Puts the files that changed, "map/top" last. What failed is put again by the next call. */
HM_MUST_CHECK enum hm_rc hm_map_files_flush(struct hm_map_files *map, struct hm_err *err);

#endif
