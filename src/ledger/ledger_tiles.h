/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs made from the tiles of a log in public/, by who has nothing else of it. What stands there
 * is nobody's word: each proof is compared with a checkpoint that was verified.
 */
#ifndef HM_LEDGER_LEDGER_TILES_H
#define HM_LEDGER_LEDGER_TILES_H

#include "base/dir.h"
#include "tlog/checkpoint.h"
#include "tlog/merkle.h"

/* Is this entry in the tree that the checkpoint is of? folder: "log", "deliveries". *ret_leaf is
 * its hash. HM_EMISMATCH: no; HM_EINPUT, HM_EFORMAT: tiles are missing or damaged. */
HM_MUST_CHECK enum hm_rc hm_ledger_tiles_prove(const struct hm_dir *public_dir, const char *folder,
                                               struct hm_bytes entry, uint64_t index,
                                               const struct hm_checkpoint *checkpoint,
                                               struct hm_err *err, struct hm_sha256 *ret_leaf,
                                               struct hm_merkle_proof *ret_proof);

#endif
