/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merkle trees of logs (RFC 6962 section 2.1, RFC 9162 section 2.1): hashes, roots, proofs that an
 * entry is in a tree and that a tree is the beginning of another, and the right edge of a growing
 * tree.
 *
 *   leaf    SHA-256(0x00 || entry)
 *   node    SHA-256(0x01 || left || right)
 *   root    of no leaves: SHA-256("")
 *
 * A node (level, index) stands for the leaves from index * 2^level on, 2^level of them, all there.
 * Everything here computes with one running digest given by the caller (HM_DIGEST_SHA256), which it
 * leaves fresh; one digest serves one thread.
 */
#ifndef HM_TLOG_MERKLE_H
#define HM_TLOG_MERKLE_H

#include "crypto/digest.h"

#define HM_MERKLE_SIZE_MAX  INT64_MAX /* leaves; as HM_CHECKPOINT_SIZE_MAX */
#define HM_MERKLE_PATH_MAX  63        /* hashes of an inclusion proof in such a tree */
#define HM_MERKLE_PROOF_MAX 64 /* hashes of any proof: a consistency proof may have one more */

struct hm_merkle_proof {
    size_t count;
    struct hm_sha256 hashes[HM_MERKLE_PROOF_MAX]; /* in the order of RFC 6962: leaf side first */
};

HM_MUST_CHECK enum hm_rc hm_merkle_leaf(struct hm_digest *digest, struct hm_bytes entry,
                                        struct hm_err *err, struct hm_sha256 *ret_hash);
/* ret_hash may be left or right. */
HM_MUST_CHECK enum hm_rc hm_merkle_node(struct hm_digest *digest, const struct hm_sha256 *left,
                                        const struct hm_sha256 *right, struct hm_err *err,
                                        struct hm_sha256 *ret_hash);
/* The root of count hashes that stand side by side at one level (a tile's), as a tree of count
 * leaves. count 0 is the empty tree. */
HM_MUST_CHECK enum hm_rc hm_merkle_root_of(struct hm_digest *digest, const struct hm_sha256 *hashes,
                                           size_t count, struct hm_err *err,
                                           struct hm_sha256 *ret_root);

/* Where complete nodes come from: tiles (tile.h), or memory. Called for nodes within the tree only.
 * What it gives is not trusted until a root was compared. */
struct hm_merkle_source {
    enum hm_rc (*node)(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                       struct hm_sha256 *ret_hash);
    void *ctx;
};

/* The root of the first size leaves. HM_EUSAGE past HM_MERKLE_SIZE_MAX; else the source's errors.
 */
HM_MUST_CHECK enum hm_rc hm_merkle_root(struct hm_digest *digest,
                                        const struct hm_merkle_source *source, uint64_t size,
                                        struct hm_err *err, struct hm_sha256 *ret_root);
/* PATH(index, D[size]). HM_EUSAGE unless index < size. */
HM_MUST_CHECK enum hm_rc hm_merkle_prove_inclusion(struct hm_digest *digest,
                                                   const struct hm_merkle_source *source,
                                                   uint64_t index, uint64_t size,
                                                   struct hm_err *err,
                                                   struct hm_merkle_proof *ret_proof);
/* PROOF(old_size, D[size]); empty if old_size is 0 or size. HM_EUSAGE unless old_size <= size. */
HM_MUST_CHECK enum hm_rc hm_merkle_prove_consistency(struct hm_digest *digest,
                                                     const struct hm_merkle_source *source,
                                                     uint64_t old_size, uint64_t size,
                                                     struct hm_err *err,
                                                     struct hm_merkle_proof *ret_proof);

/* HM_OK only if leaf is at index in the tree of size leaves with this root. HM_EMISMATCH: another
 * root comes out; HM_EFORMAT: an index outside the tree, or a proof with too many or too few
 * hashes. */
HM_MUST_CHECK enum hm_rc hm_merkle_verify_inclusion(struct hm_digest *digest,
                                                    const struct hm_sha256 *leaf, uint64_t index,
                                                    uint64_t size, const struct hm_sha256 *hashes,
                                                    size_t hash_count, const struct hm_sha256 *root,
                                                    struct hm_err *err);
/* HM_OK only if the tree of old_size leaves is the beginning of the tree of size leaves. An
 * old_size of 0 is the beginning of any tree, with no hashes and old_root SHA-256("").
 * HM_EMISMATCH, HM_EFORMAT as above. */
HM_MUST_CHECK enum hm_rc hm_merkle_verify_consistency(struct hm_digest *digest, uint64_t old_size,
                                                      const struct hm_sha256 *old_root,
                                                      uint64_t size, const struct hm_sha256 *root,
                                                      const struct hm_sha256 *hashes,
                                                      size_t hash_count, struct hm_err *err);

/* The right edge of a tree: all that is needed to add leaves and to tell the root. The zeroed
 * structure is the empty tree. */
struct hm_merkle_frontier {
    uint64_t size;
    struct hm_sha256 nodes[64]; /* nodes[level] counts where bit level of size is set */
};

/* Told of every node as it becomes complete, leaves (level 0) included, in order. */
struct hm_merkle_sink {
    enum hm_rc (*node)(void *ctx, unsigned level, uint64_t index, const struct hm_sha256 *hash,
                       struct hm_err *err);
    void *ctx;
};

/* Adds a leaf; sink may be NULL. HM_EUSAGE past HM_MERKLE_SIZE_MAX. If the sink fails, the frontier
 * is as before. */
HM_MUST_CHECK enum hm_rc hm_merkle_frontier_add(struct hm_digest *digest,
                                                struct hm_merkle_frontier *frontier,
                                                const struct hm_sha256 *leaf,
                                                const struct hm_merkle_sink *sink,
                                                struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_merkle_frontier_root(struct hm_digest *digest,
                                                 const struct hm_merkle_frontier *frontier,
                                                 struct hm_err *err, struct hm_sha256 *ret_root);
/* The frontier of the first size leaves of a source. */
HM_MUST_CHECK enum hm_rc hm_merkle_frontier_load(const struct hm_merkle_source *source,
                                                 uint64_t size, struct hm_err *err,
                                                 struct hm_merkle_frontier *ret_frontier);

#endif
