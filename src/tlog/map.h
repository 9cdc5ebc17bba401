/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from keys to values, 32 bytes each, with one root and short proofs that a key has a value
 * or is not there: a Merkle Patricia tree, hashed as rsc.io/tmp/mpt and WAICT do.
 *
 *   leaf    SHA-256(key || value)
 *   inner   SHA-256(left || right || bit)     bit: the first in which the two sides differ, from 0,
 *                                             most significant first
 *   empty   SHA-256("")
 *
 * A proof is bytes (docs/formats.md, "Map of releases"):
 *
 *   8   "mptproof"
 *   1   1 present: value (32); 0 absent: nothing (empty map), or the key and value (64) of the only
 *       leaf where a search for the key can end
 *   33  for each inner node from the leaf up: bit, hash of the other side; bits fall strictly
 */
#ifndef HM_TLOG_MAP_H
#define HM_TLOG_MAP_H

#include "base/buf.h"
#include "crypto/digest.h"

#define HM_MAP_KEY_BITS       256
#define HM_MAP_PROOF_SIZE_MAX (9 + 64 + HM_MAP_KEY_BITS * 33)
/* 2^31 of each kind of node; memory ends before: 108 bytes a key. */
#define HM_MAP_COUNT_MAX INT32_MAX

/* In memory; one thread at a time. */
struct hm_map;

HM_MUST_CHECK enum hm_rc hm_map_new(struct hm_err *err, struct hm_map **ret_map);
void hm_map_free(struct hm_map *map);
HM_DEFINE_FREE(hm_map_free, struct hm_map);

/* Adds or replaces. Nothing is hashed before the next root or proof. HM_EUSAGE past
 * HM_MAP_COUNT_MAX; HM_ENOMEM, and then the map is as before. */
HM_MUST_CHECK enum hm_rc hm_map_set(struct hm_map *map, const struct hm_sha256 *key,
                                    const struct hm_sha256 *value, struct hm_err *err);
/* HM_EUNKNOWN: the key is not there. */
HM_MUST_CHECK enum hm_rc hm_map_get(const struct hm_map *map, const struct hm_sha256 *key,
                                    struct hm_err *err, struct hm_sha256 *ret_value);
size_t hm_map_count(const struct hm_map *map);
/* Hashes what has changed since the last time. */
HM_MUST_CHECK enum hm_rc hm_map_root(struct hm_map *map, struct hm_err *err,
                                     struct hm_sha256 *ret_root);
/* Appends the proof of what the map says about key, present or absent. */
HM_MUST_CHECK enum hm_rc hm_map_prove(struct hm_map *map, const struct hm_sha256 *key,
                                      struct hm_err *err, struct hm_buf *ret_proof);

/* Appends all pairs key || value, 64 bytes each, ascending. */
HM_MUST_CHECK enum hm_rc hm_map_write_pairs(const struct hm_map *map, struct hm_err *err,
                                            struct hm_buf *ret_pairs);
/* The hash of an inner node, with a running SHA-256; ret_hash may be left or right. */
HM_MUST_CHECK enum hm_rc hm_map_node(struct hm_digest *digest, const struct hm_sha256 *left,
                                     const struct hm_sha256 *right, uint8_t bit, struct hm_err *err,
                                     struct hm_sha256 *ret_hash);
/* Bit 0 to 255 of a key. */
unsigned hm_map_bit(const struct hm_sha256 *key, unsigned bit);

/* HM_OK only if proof shows that the map with this root has key, with *ret_value. HM_EMISMATCH:
 * another root comes out, or the proof is one of absence; HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_map_verify_present(const struct hm_sha256 *root,
                                               const struct hm_sha256 *key, struct hm_bytes proof,
                                               struct hm_err *err, struct hm_sha256 *ret_value);
/* HM_OK only if proof shows that the map with this root does not have key. Errors likewise. That
 * the map itself is well-formed is for auditors, who compute it again. */
HM_MUST_CHECK enum hm_rc hm_map_verify_absent(const struct hm_sha256 *root,
                                              const struct hm_sha256 *key, struct hm_bytes proof,
                                              struct hm_err *err);

#endif
