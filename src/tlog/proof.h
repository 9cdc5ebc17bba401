/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that an entry is in a witnessed log (C2SP tlog-proof, commit 5ba5ee8), in one file that is
 * checked offline:
 *
 *   c2sp.org/tlog-proof@v1
 *   extra BASE64               optional; not authenticated, and nothing here acts on it
 *   index DECIMAL
 *   BASE64 of a hash           the path of RFC 6962, 0 to 63 of them
 *   (empty line)
 *   the checkpoint with all its signatures
 */
#ifndef HM_TLOG_PROOF_H
#define HM_TLOG_PROOF_H

#include "tlog/log_policy.h"
#include "tlog/merkle.h"

#define HM_PROOF_EXTRA_SIZE_MAX 65536
/* A note, the path and the extra data. */
#define HM_PROOF_SIZE_MAX (HM_NOTE_SIZE_MAX + 131072)

struct hm_proof {
    bool has_extra;
    struct hm_bytes extra; /* decoded */
    uint64_t index;
    struct hm_sha256 *hashes;
    size_t hash_count;
    struct hm_bytes checkpoint; /* the note's bytes, not verified */
    struct hm_arena arena;
};

/* Copies raw. Checks the form of all parts, the checkpoint's note included. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_proof_parse(struct hm_bytes raw, struct hm_err *err,
                                        struct hm_proof **ret_proof);
/* Appends the file. HM_EUSAGE if it would not parse. */
HM_MUST_CHECK enum hm_rc hm_proof_write(const struct hm_proof *proof, struct hm_err *err,
                                        struct hm_buf *ret_buf);
void hm_proof_free(struct hm_proof *proof);
HM_DEFINE_FREE(hm_proof_free, struct hm_proof);

/* Everything: the checkpoint against the policy (hm_log_policy_open), and the leaf (hm_merkle_leaf
 * of the entry) at proof->index under its root. HM_OK gives the checkpoint, for what else is asked
 * of it (newest entry, consistency). Errors as of those two. */
HM_MUST_CHECK enum hm_rc hm_proof_verify(const struct hm_proof *proof, const struct hm_sha256 *leaf,
                                         const struct hm_log_policy *policy, int64_t now_unix_s,
                                         int64_t max_age_s, struct hm_err *err,
                                         struct hm_checkpoint_signed **ret_checkpoint);
/* As hm_proof_verify, of the entry itself. */
HM_MUST_CHECK enum hm_rc hm_proof_verify_entry(const struct hm_proof *proof, struct hm_bytes entry,
                                               const struct hm_log_policy *policy,
                                               int64_t now_unix_s, int64_t max_age_s,
                                               struct hm_err *err,
                                               struct hm_checkpoint_signed **ret_checkpoint);

#endif
