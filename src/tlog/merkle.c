/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merkle trees of logs. See merkle.h.
 *
 * Every hash in a proof is the root of a run of leaves [start, end) that begins where its size
 * allows (RFC 6962's splits), so it folds from the complete nodes named by the bits of its size,
 * smallest and rightmost first.
 */
#include "tlog/merkle.h"

#include "base/num.h"

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

enum hm_rc hm_merkle_leaf(struct hm_digest *digest, struct hm_bytes entry, struct hm_err *err,
                          struct hm_sha256 *ret_hash)
{
    static const uint8_t prefix = LEAF_PREFIX;

    HM_TRY(hm_digest_update(digest, hm_bytes_make(&prefix, 1), err));
    HM_TRY(hm_digest_update(digest, entry, err));
    return hm_digest_final(digest, err, ret_hash->bytes);
}

enum hm_rc hm_merkle_node(struct hm_digest *digest, const struct hm_sha256 *left,
                          const struct hm_sha256 *right, struct hm_err *err,
                          struct hm_sha256 *ret_hash)
{
    uint8_t bytes[1 + 2 * HM_SHA256_SIZE];

    /* One call instead of three: calls cost as much as the hashing. */
    bytes[0] = NODE_PREFIX;
    memcpy(bytes + 1, left->bytes, HM_SHA256_SIZE);
    memcpy(bytes + 1 + HM_SHA256_SIZE, right->bytes, HM_SHA256_SIZE);
    HM_TRY(hm_digest_update(digest, hm_bytes_make(bytes, sizeof(bytes)), err));
    return hm_digest_final(digest, err, ret_hash->bytes);
}

static enum hm_rc empty_root(struct hm_digest *digest, struct hm_err *err,
                             struct hm_sha256 *ret_root)
{
    return hm_digest_final(digest, err, ret_root->bytes);
}

static enum hm_rc check_size(uint64_t size, struct hm_err *err)
{
    if (size > HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "a tree has at most 2^63 - 1 leaves");
    return HM_OK;
}

static unsigned lowest_bit(uint64_t value)
{
    return (unsigned)__builtin_ctzll(value);
}

/* The largest power of two below size, which is at least 2 (RFC 6962's k). */
static uint64_t split_of(uint64_t size)
{
    return UINT64_C(1) << (63 - (unsigned)__builtin_clzll(size - 1));
}

/* The root of the leaves [start, start + size), size not 0, where start is a multiple of the
 * largest power of two in size. */
static enum hm_rc range_root(struct hm_digest *digest, const struct hm_merkle_source *source,
                             uint64_t start, uint64_t size, struct hm_err *err,
                             struct hm_sha256 *ret_root)
{
    struct hm_sha256 root;
    bool is_first = true;

    while (size != 0) {
        unsigned level = lowest_bit(size);
        struct hm_sha256 node;

        size -= UINT64_C(1) << level;
        HM_TRY(source->node(source->ctx, level, (start + size) >> level, err, &node));
        if (is_first)
            root = node;
        else
            HM_TRY(hm_merkle_node(digest, &node, &root, err, &root));
        is_first = false;
    }
    *ret_root = root;
    return HM_OK;
}

enum hm_rc hm_merkle_root_of(struct hm_digest *digest, const struct hm_sha256 *hashes, size_t count,
                             struct hm_err *err, struct hm_sha256 *ret_root)
{
    struct hm_merkle_frontier frontier = {.size = 0};

    for (size_t i = 0; i < count; i++)
        HM_TRY(hm_merkle_frontier_add(digest, &frontier, &hashes[i], NULL, err));
    return hm_merkle_frontier_root(digest, &frontier, err, ret_root);
}

enum hm_rc hm_merkle_root(struct hm_digest *digest, const struct hm_merkle_source *source,
                          uint64_t size, struct hm_err *err, struct hm_sha256 *ret_root)
{
    HM_TRY(check_size(size, err));
    if (size == 0)
        return empty_root(digest, err, ret_root);
    return range_root(digest, source, 0, size, err, ret_root);
}

/* Turns the hashes of a walk from the root down into RFC 6962's order. */
static void reverse(struct hm_merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct hm_sha256 other = proof->hashes[proof->count - 1 - i];

        proof->hashes[proof->count - 1 - i] = proof->hashes[i];
        proof->hashes[i] = other;
    }
}

static enum hm_rc append_range(struct hm_digest *digest, const struct hm_merkle_source *source,
                               uint64_t start, uint64_t size, struct hm_err *err,
                               struct hm_merkle_proof *proof)
{
    HM_ASSERT(proof->count < HM_MERKLE_PROOF_MAX);
    HM_TRY(range_root(digest, source, start, size, err, &proof->hashes[proof->count]));
    proof->count++;
    return HM_OK;
}

enum hm_rc hm_merkle_prove_inclusion(struct hm_digest *digest,
                                     const struct hm_merkle_source *source, uint64_t index,
                                     uint64_t size, struct hm_err *err,
                                     struct hm_merkle_proof *ret_proof)
{
    struct hm_merkle_proof proof = {.count = 0};
    uint64_t start = 0;

    HM_TRY(check_size(size, err));
    if (index >= size)
        return hm_fail(err, HM_EUSAGE, "there is no entry %llu in a log of %llu",
                       (unsigned long long)index, (unsigned long long)size);
    while (size > 1) {
        uint64_t split = split_of(size);

        if (index - start < split) {
            HM_TRY(append_range(digest, source, start + split, size - split, err, &proof));
            size = split;
        } else {
            HM_TRY(append_range(digest, source, start, split, err, &proof));
            start += split;
            size -= split;
        }
    }
    reverse(&proof);
    *ret_proof = proof;
    return HM_OK;
}

enum hm_rc hm_merkle_prove_consistency(struct hm_digest *digest,
                                       const struct hm_merkle_source *source, uint64_t old_size,
                                       uint64_t size, struct hm_err *err,
                                       struct hm_merkle_proof *ret_proof)
{
    struct hm_merkle_proof proof = {.count = 0};
    uint64_t start = 0;
    bool is_whole = true; /* RFC 6962's b: what is left of the old tree is all of it */

    HM_TRY(check_size(size, err));
    if (old_size > size)
        return hm_fail(err, HM_EUSAGE, "a log of %llu entries has no beginning of %llu",
                       (unsigned long long)size, (unsigned long long)old_size);
    if (old_size == 0 || old_size == size) {
        *ret_proof = proof;
        return HM_OK;
    }
    while (old_size != size) {
        uint64_t split = split_of(size);

        if (old_size <= split) {
            HM_TRY(append_range(digest, source, start + split, size - split, err, &proof));
            size = split;
        } else {
            HM_TRY(append_range(digest, source, start, split, err, &proof));
            start += split;
            size -= split;
            old_size -= split;
            is_whole = false;
        }
    }
    if (!is_whole)
        HM_TRY(append_range(digest, source, start, size, err, &proof));
    reverse(&proof);
    *ret_proof = proof;
    return HM_OK;
}

static enum hm_rc bad_proof(size_t count, struct hm_err *err)
{
    return hm_fail(err, HM_EFORMAT, "a proof of %zu hashes cannot belong to trees of these sizes",
                   count);
}

/* RFC 9162 section 2.1.3.2. */
enum hm_rc hm_merkle_verify_inclusion(struct hm_digest *digest, const struct hm_sha256 *leaf,
                                      uint64_t index, uint64_t size, const struct hm_sha256 *hashes,
                                      size_t hash_count, const struct hm_sha256 *root,
                                      struct hm_err *err)
{
    struct hm_sha256 hash = *leaf;
    uint64_t node = index;
    uint64_t last = size - 1;

    if (index >= size || size > HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "entry %llu is not in a log of %llu",
                       (unsigned long long)index, (unsigned long long)size);
    for (size_t i = 0; i < hash_count; i++) {
        if (last == 0)
            return bad_proof(hash_count, err);
        if ((node & 1) != 0 || node == last) {
            HM_TRY(hm_merkle_node(digest, &hashes[i], &hash, err, &hash));
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            HM_TRY(hm_merkle_node(digest, &hash, &hashes[i], err, &hash));
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0)
        return bad_proof(hash_count, err);
    if (!hm_digest_is_equal(&hash, root))
        return hm_fail(err, HM_EMISMATCH, "the entry is not at place %llu of this log",
                       (unsigned long long)index);
    return HM_OK;
}

/* RFC 9162 section 2.1.4.2, from step 3 on: both roots from the proof. old_size is neither 0 nor
 * size. */
static enum hm_rc fold_consistency(struct hm_digest *digest, uint64_t old_size, uint64_t size,
                                   const struct hm_sha256 *hashes, size_t hash_count,
                                   struct hm_err *err, struct hm_sha256 *ret_old,
                                   struct hm_sha256 *ret_new)
{
    uint64_t node = old_size - 1;
    uint64_t last = size - 1;

    while ((node & 1) != 0) {
        node >>= 1;
        last >>= 1;
    }
    *ret_old = hashes[0];
    *ret_new = hashes[0];
    for (size_t i = 1; i < hash_count; i++) {
        if (last == 0)
            return bad_proof(hash_count, err);
        if ((node & 1) != 0 || node == last) {
            HM_TRY(hm_merkle_node(digest, &hashes[i], ret_old, err, ret_old));
            HM_TRY(hm_merkle_node(digest, &hashes[i], ret_new, err, ret_new));
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            HM_TRY(hm_merkle_node(digest, ret_new, &hashes[i], err, ret_new));
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 ? HM_OK : bad_proof(hash_count, err);
}

enum hm_rc hm_merkle_verify_consistency(struct hm_digest *digest, uint64_t old_size,
                                        const struct hm_sha256 *old_root, uint64_t size,
                                        const struct hm_sha256 *root,
                                        const struct hm_sha256 *hashes, size_t hash_count,
                                        struct hm_err *err)
{
    struct hm_sha256 path[1 + HM_MERKLE_PROOF_MAX];
    struct hm_sha256 folded_old;
    struct hm_sha256 folded_new;
    size_t count = 0;

    if (old_size > size || size > HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a log of %llu entries has no beginning of %llu",
                       (unsigned long long)size, (unsigned long long)old_size);
    if (old_size == 0 || old_size == size) {
        if (hash_count != 0)
            return bad_proof(hash_count, err);
        if (old_size == 0)
            HM_TRY(empty_root(digest, err, &folded_old));
        else
            folded_old = *root;
        if (!hm_digest_is_equal(&folded_old, old_root))
            return hm_fail(err, HM_EMISMATCH, "two logs of %llu entries differ",
                           (unsigned long long)old_size);
        return HM_OK;
    }
    if (hash_count == 0 || hash_count > HM_MERKLE_PROOF_MAX)
        return bad_proof(hash_count, err);
    /* RFC 9162: a complete old tree is its own first hash. */
    if ((old_size & (old_size - 1)) == 0)
        path[count++] = *old_root;
    memcpy(path + count, hashes, hash_count * sizeof(*hashes));
    count += hash_count;
    HM_TRY(fold_consistency(digest, old_size, size, path, count, err, &folded_old, &folded_new));
    if (!hm_digest_is_equal(&folded_old, old_root) || !hm_digest_is_equal(&folded_new, root))
        return hm_fail(err, HM_EMISMATCH,
                       "the log of %llu entries is not the beginning of the log of %llu",
                       (unsigned long long)old_size, (unsigned long long)size);
    return HM_OK;
}

static enum hm_rc tell(const struct hm_merkle_sink *sink, unsigned level, uint64_t index,
                       const struct hm_sha256 *hash, struct hm_err *err)
{
    return sink == NULL ? HM_OK : sink->node(sink->ctx, level, index, hash, err);
}

enum hm_rc hm_merkle_frontier_add(struct hm_digest *digest, struct hm_merkle_frontier *frontier,
                                  const struct hm_sha256 *leaf, const struct hm_merkle_sink *sink,
                                  struct hm_err *err)
{
    struct hm_sha256 hash = *leaf;
    uint64_t index = frontier->size;
    unsigned level = 0;

    if (frontier->size >= HM_MERKLE_SIZE_MAX)
        return check_size(frontier->size + 1, err);
    HM_TRY(tell(sink, 0, index, &hash, err));
    while ((index & 1) != 0) {
        HM_TRY(hm_merkle_node(digest, &frontier->nodes[level], &hash, err, &hash));
        level++;
        index >>= 1;
        HM_TRY(tell(sink, level, index, &hash, err));
    }
    frontier->nodes[level] = hash;
    frontier->size++;
    return HM_OK;
}

enum hm_rc hm_merkle_frontier_root(struct hm_digest *digest,
                                   const struct hm_merkle_frontier *frontier, struct hm_err *err,
                                   struct hm_sha256 *ret_root)
{
    uint64_t size = frontier->size;
    struct hm_sha256 root;

    if (size == 0)
        return empty_root(digest, err, ret_root);
    root = frontier->nodes[lowest_bit(size)];
    for (size &= size - 1; size != 0; size &= size - 1)
        HM_TRY(hm_merkle_node(digest, &frontier->nodes[lowest_bit(size)], &root, err, &root));
    *ret_root = root;
    return HM_OK;
}

enum hm_rc hm_merkle_frontier_load(const struct hm_merkle_source *source, uint64_t size,
                                   struct hm_err *err, struct hm_merkle_frontier *ret_frontier)
{
    struct hm_merkle_frontier frontier = {.size = size};

    HM_TRY(check_size(size, err));
    for (uint64_t rest = size; rest != 0; rest &= rest - 1) {
        unsigned level = lowest_bit(rest);

        HM_TRY(source->node(source->ctx, level, (size >> level) - 1, err, &frontier.nodes[level]));
    }
    *ret_frontier = frontier;
    return HM_OK;
}
