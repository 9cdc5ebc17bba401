/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map. See map.h.
 *
 * Inner nodes and leaves lie in two arrays and refer to each other by number, so that a map of a
 * million keys is two allocations. A set only marks the inner nodes on its path; the next root
 * hashes each marked one once, however many keys below it changed.
 */
#include "tlog/map.h"

#include "base/reader.h"

#define MAGIC        HM_BYTES_LITERAL("mptproof")
#define KIND_ABSENT  0
#define KIND_PRESENT 1
#define STEP_SIZE    (1 + HM_SHA256_SIZE)
#define LEAF_FLAG    UINT32_C(0x80000000)
#define NODES_MIN    64

struct inner {
    uint32_t child[2]; /* number, with LEAF_FLAG for a leaf */
    uint8_t bit;
    bool is_hashed; /* if not, no inner node above it is */
    struct hm_sha256 hash;
};

struct leaf {
    struct hm_sha256 key;
    struct hm_sha256 value;
};

struct hm_map {
    struct hm_digest *digest;
    struct inner *inners;
    struct leaf *leaves;
    size_t inner_count;
    size_t leaf_count;
    size_t inner_capacity;
    size_t leaf_capacity;
    uint32_t root; /* where leaf_count is not 0 */
};

/* The inner nodes from the root down, and the leaf under them. */
struct path {
    uint32_t nodes[HM_MAP_KEY_BITS];
    size_t count;
    uint32_t leaf; /* number, without flag */
};

enum hm_rc hm_map_new(struct hm_err *err, struct hm_map **ret_map)
{
    _hm_free_(hm_map_free) struct hm_map *map = calloc(1, sizeof(*map));

    if (map == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &map->digest));
    *ret_map = hm_steal(&map);
    return HM_OK;
}

void hm_map_free(struct hm_map *map)
{
    if (map == NULL)
        return;
    hm_digest_free(map->digest);
    free(map->inners);
    free(map->leaves);
    free(map);
}

size_t hm_map_count(const struct hm_map *map)
{
    return map->leaf_count;
}

unsigned hm_map_bit(const struct hm_sha256 *key, unsigned bit)
{
    return ((unsigned)key->bytes[bit / 8] >> (7 - bit % 8)) & 1U;
}

/* The first bit in which two keys differ; HM_MAP_KEY_BITS if they do not. */
static unsigned first_difference(const struct hm_sha256 *a, const struct hm_sha256 *b)
{
    for (unsigned i = 0; i < HM_SHA256_SIZE; i++) {
        unsigned differ = (unsigned)(a->bytes[i] ^ b->bytes[i]);

        if (differ != 0)
            return 8 * i + (unsigned)__builtin_clz(differ) - 24;
    }
    return HM_MAP_KEY_BITS;
}

/* Where a search for key ends in a map that is not empty. */
static void search(const struct hm_map *map, const struct hm_sha256 *key, struct path *ret_path)
{
    uint32_t node = map->root;

    ret_path->count = 0;
    while ((node & LEAF_FLAG) == 0) {
        const struct inner *inner = &map->inners[node];

        ret_path->nodes[ret_path->count++] = node;
        node = inner->child[hm_map_bit(key, inner->bit)];
    }
    ret_path->leaf = node & ~LEAF_FLAG;
}

/* Room for one more item of size bytes. */
static enum hm_rc grow(void **array, size_t count, size_t size, size_t *capacity,
                       struct hm_err *err)
{
    size_t wanted = *capacity == 0 ? NODES_MIN : 2 * *capacity;
    void *larger;

    if (count < *capacity)
        return HM_OK;
    if (count >= HM_MAP_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "the map is full");
    larger = reallocarray(*array, wanted, size);
    if (larger == NULL)
        return hm_error_nomem(err);
    *array = larger;
    *capacity = wanted;
    return HM_OK;
}

static enum hm_rc make_room(struct hm_map *map, struct hm_err *err)
{
    void *inners = map->inners;
    void *leaves = map->leaves;
    enum hm_rc rc =
        grow(&inners, map->inner_count, sizeof(*map->inners), &map->inner_capacity, err);

    map->inners = inners;
    if (rc != HM_OK)
        return rc;
    rc = grow(&leaves, map->leaf_count, sizeof(*map->leaves), &map->leaf_capacity, err);
    map->leaves = leaves;
    return rc;
}

enum hm_rc hm_map_set(struct hm_map *map, const struct hm_sha256 *key,
                      const struct hm_sha256 *value, struct hm_err *err)
{
    struct path path = {.count = 0};
    unsigned bit = 0;
    size_t depth = 0;
    uint32_t inner;
    uint32_t *link;

    if (map->leaf_count > 0) {
        search(map, key, &path);
        bit = first_difference(key, &map->leaves[path.leaf].key);
    }
    if (map->leaf_count == 0 || bit < HM_MAP_KEY_BITS)
        HM_TRY(make_room(map, err));
    while (depth < path.count &&
           (bit == HM_MAP_KEY_BITS || map->inners[path.nodes[depth]].bit < bit))
        map->inners[path.nodes[depth++]].is_hashed = false;
    if (map->leaf_count > 0 && bit == HM_MAP_KEY_BITS) {
        map->leaves[path.leaf].value = *value;
        return HM_OK;
    }
    map->leaves[map->leaf_count] = (struct leaf){.key = *key, .value = *value};
    if (map->leaf_count == 0) {
        map->root = LEAF_FLAG;
        map->leaf_count = 1;
        return HM_OK;
    }
    /* A new inner node in front of the first one on the path that tests a later bit. */
    link = depth == 0 ? &map->root
                      : &map->inners[path.nodes[depth - 1]]
                             .child[hm_map_bit(key, map->inners[path.nodes[depth - 1]].bit)];
    inner = (uint32_t)map->inner_count++;
    map->inners[inner] = (struct inner){.bit = (uint8_t)bit};
    map->inners[inner].child[hm_map_bit(key, bit)] = (uint32_t)map->leaf_count++ | LEAF_FLAG;
    map->inners[inner].child[1 - hm_map_bit(key, bit)] = *link;
    *link = inner;
    return HM_OK;
}

enum hm_rc hm_map_get(const struct hm_map *map, const struct hm_sha256 *key, struct hm_err *err,
                      struct hm_sha256 *ret_value)
{
    struct path path;

    if (map->leaf_count > 0) {
        search(map, key, &path);
        if (hm_digest_is_equal(&map->leaves[path.leaf].key, key)) {
            *ret_value = map->leaves[path.leaf].value;
            return HM_OK;
        }
    }
    return hm_fail(err, HM_EUNKNOWN, "the map does not have this key");
}

static enum hm_rc hash_leaf(struct hm_digest *digest, const struct hm_sha256 *key,
                            const struct hm_sha256 *value, struct hm_err *err,
                            struct hm_sha256 *ret_hash)
{
    uint8_t bytes[2 * HM_SHA256_SIZE];

    memcpy(bytes, key->bytes, HM_SHA256_SIZE);
    memcpy(bytes + HM_SHA256_SIZE, value->bytes, HM_SHA256_SIZE);
    HM_TRY(hm_digest_update(digest, hm_bytes_make(bytes, sizeof(bytes)), err));
    return hm_digest_final(digest, err, ret_hash->bytes);
}

enum hm_rc hm_map_node(struct hm_digest *digest, const struct hm_sha256 *left,
                       const struct hm_sha256 *right, uint8_t bit, struct hm_err *err,
                       struct hm_sha256 *ret_hash)
{
    uint8_t bytes[2 * HM_SHA256_SIZE + 1];

    memcpy(bytes, left->bytes, HM_SHA256_SIZE);
    memcpy(bytes + HM_SHA256_SIZE, right->bytes, HM_SHA256_SIZE);
    bytes[2 * HM_SHA256_SIZE] = bit;
    HM_TRY(hm_digest_update(digest, hm_bytes_make(bytes, sizeof(bytes)), err));
    return hm_digest_final(digest, err, ret_hash->bytes);
}

/* The hash of a node whose inner nodes are hashed. */
static enum hm_rc node_hash(const struct hm_map *map, uint32_t node, struct hm_err *err,
                            struct hm_sha256 *ret_hash)
{
    const struct leaf *leaf;

    if ((node & LEAF_FLAG) == 0) {
        *ret_hash = map->inners[node].hash;
        return HM_OK;
    }
    leaf = &map->leaves[node & ~LEAF_FLAG];
    return hash_leaf(map->digest, &leaf->key, &leaf->value, err, ret_hash);
}

static bool is_settled(const struct hm_map *map, uint32_t node)
{
    return (node & LEAF_FLAG) != 0 || map->inners[node].is_hashed;
}

/* Children before parents, with a stack as deep as keys are long. */
static enum hm_rc settle(struct hm_map *map, struct hm_err *err)
{
    uint32_t stack[HM_MAP_KEY_BITS];
    size_t depth = 0;

    if (map->leaf_count == 0 || is_settled(map, map->root))
        return HM_OK;
    stack[depth++] = map->root;
    while (depth > 0) {
        struct inner *inner = &map->inners[stack[depth - 1]];
        struct hm_sha256 left;
        struct hm_sha256 right;

        if (!is_settled(map, inner->child[0])) {
            stack[depth++] = inner->child[0];
            continue;
        }
        if (!is_settled(map, inner->child[1])) {
            stack[depth++] = inner->child[1];
            continue;
        }
        HM_TRY(node_hash(map, inner->child[0], err, &left));
        HM_TRY(node_hash(map, inner->child[1], err, &right));
        HM_TRY(hm_map_node(map->digest, &left, &right, inner->bit, err, &inner->hash));
        inner->is_hashed = true;
        depth--;
    }
    return HM_OK;
}

enum hm_rc hm_map_root(struct hm_map *map, struct hm_err *err, struct hm_sha256 *ret_root)
{
    if (map->leaf_count == 0)
        return hm_digest_final(map->digest, err, ret_root->bytes);
    HM_TRY(settle(map, err));
    return node_hash(map, map->root, err, ret_root);
}

static enum hm_rc append_hash(struct hm_buf *buf, const struct hm_sha256 *hash, struct hm_err *err)
{
    return hm_buf_append(buf, hm_bytes_make(hash->bytes, HM_SHA256_SIZE), err);
}

static enum hm_rc append_steps(const struct hm_map *map, const struct hm_sha256 *key,
                               const struct path *path, struct hm_err *err, struct hm_buf *buf)
{
    for (size_t i = path->count; i > 0; i--) {
        const struct inner *inner = &map->inners[path->nodes[i - 1]];
        struct hm_sha256 other;

        HM_TRY(node_hash(map, inner->child[1 - hm_map_bit(key, inner->bit)], err, &other));
        HM_TRY(hm_buf_append_byte(buf, inner->bit, err));
        HM_TRY(append_hash(buf, &other, err));
    }
    return HM_OK;
}

enum hm_rc hm_map_prove(struct hm_map *map, const struct hm_sha256 *key, struct hm_err *err,
                        struct hm_buf *ret_proof)
{
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    struct path path;
    bool is_present;

    HM_TRY(hm_buf_append(&proof, MAGIC, err));
    if (map->leaf_count == 0) {
        HM_TRY(hm_buf_append_byte(&proof, KIND_ABSENT, err));
        return hm_buf_append(ret_proof, hm_buf_bytes(&proof), err);
    }
    HM_TRY(settle(map, err));
    search(map, key, &path);
    is_present = hm_digest_is_equal(&map->leaves[path.leaf].key, key);
    HM_TRY(hm_buf_append_byte(&proof, is_present ? KIND_PRESENT : KIND_ABSENT, err));
    if (!is_present)
        HM_TRY(append_hash(&proof, &map->leaves[path.leaf].key, err));
    HM_TRY(append_hash(&proof, &map->leaves[path.leaf].value, err));
    HM_TRY(append_steps(map, key, &path, err, &proof));
    return hm_buf_append(ret_proof, hm_buf_bytes(&proof), err);
}

enum hm_rc hm_map_write_pairs(const struct hm_map *map, struct hm_err *err,
                              struct hm_buf *ret_pairs)
{
    uint32_t stack[HM_MAP_KEY_BITS + 1]; /* right sides still to be visited */
    size_t depth = 0;

    if (map->leaf_count == 0)
        return HM_OK;
    HM_TRY(hm_buf_reserve(ret_pairs, map->leaf_count * sizeof(struct leaf), err));
    stack[depth++] = map->root;
    while (depth > 0) {
        uint32_t node = stack[--depth];

        for (; (node & LEAF_FLAG) == 0; node = map->inners[node].child[0])
            stack[depth++] = map->inners[node].child[1];
        HM_TRY(append_hash(ret_pairs, &map->leaves[node & ~LEAF_FLAG].key, err));
        HM_TRY(append_hash(ret_pairs, &map->leaves[node & ~LEAF_FLAG].value, err));
    }
    return HM_OK;
}

static struct hm_sha256 take_hash(struct hm_rd *rd)
{
    struct hm_bytes bytes = hm_reader_take(rd, HM_SHA256_SIZE);
    struct hm_sha256 hash = {{0}};

    if (bytes.size == HM_SHA256_SIZE)
        memcpy(hash.bytes, bytes.data, HM_SHA256_SIZE);
    return hash;
}

static enum hm_rc bad_proof(const struct hm_rd *rd, struct hm_err *err)
{
    return hm_error_fail_at(err, HM_EFORMAT, rd->offset, "not a proof of the map");
}

/* Folds the steps from the leaf (leaf_key, value) up, checks that a search for key ends at that
 * leaf, and compares the root. */
static enum hm_rc verify_steps(struct hm_rd *rd, const struct hm_sha256 *root,
                               const struct hm_sha256 *key, const struct hm_sha256 *leaf_key,
                               const struct hm_sha256 *value, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    unsigned last = HM_MAP_KEY_BITS;
    struct hm_sha256 hash;

    if (hm_reader_failed(rd) || hm_reader_left(rd) % STEP_SIZE != 0)
        return bad_proof(rd, err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hash_leaf(digest, leaf_key, value, err, &hash));
    while (hm_reader_left(rd) > 0) {
        uint8_t bit = hm_reader_u8(rd);
        struct hm_sha256 other = take_hash(rd);

        if (hm_reader_failed(rd) || bit >= last)
            return bad_proof(rd, err);
        last = bit;
        if (hm_map_bit(key, bit) != hm_map_bit(leaf_key, bit))
            return hm_fail(err, HM_EMISMATCH,
                           "the proof of the map is about keys elsewhere: a search for this one "
                           "does not end there");
        if (hm_map_bit(key, bit) == 0)
            HM_TRY(hm_map_node(digest, &hash, &other, bit, err, &hash));
        else
            HM_TRY(hm_map_node(digest, &other, &hash, bit, err, &hash));
    }
    if (!hm_digest_is_equal(&hash, root))
        return hm_fail(err, HM_EMISMATCH, "the proof is of another map, or another state of it");
    return HM_OK;
}

static enum hm_rc take_kind(struct hm_bytes proof, struct hm_err *err, struct hm_rd *ret_rd,
                            uint8_t *ret_kind)
{
    struct hm_rd rd = hm_reader_make(proof);
    struct hm_bytes magic = hm_reader_take(&rd, MAGIC.size);
    uint8_t kind = hm_reader_u8(&rd);

    if (hm_reader_failed(&rd) || proof.size > HM_MAP_PROOF_SIZE_MAX ||
        !hm_bytes_is_equal(magic, MAGIC) || (kind != KIND_ABSENT && kind != KIND_PRESENT))
        return bad_proof(&rd, err);
    *ret_rd = rd;
    *ret_kind = kind;
    return HM_OK;
}

enum hm_rc hm_map_verify_present(const struct hm_sha256 *root, const struct hm_sha256 *key,
                                 struct hm_bytes proof, struct hm_err *err,
                                 struct hm_sha256 *ret_value)
{
    struct hm_sha256 value;
    struct hm_rd rd;
    uint8_t kind = KIND_ABSENT;

    HM_TRY(take_kind(proof, err, &rd, &kind));
    if (kind != KIND_PRESENT)
        return hm_fail(err, HM_EMISMATCH, "the proof of the map is one of absence");
    value = take_hash(&rd);
    HM_TRY(verify_steps(&rd, root, key, key, &value, err));
    *ret_value = value;
    return HM_OK;
}

enum hm_rc hm_map_verify_absent(const struct hm_sha256 *root, const struct hm_sha256 *key,
                                struct hm_bytes proof, struct hm_err *err)
{
    struct hm_sha256 other;
    struct hm_sha256 value;
    struct hm_sha256 empty;
    struct hm_rd rd;
    uint8_t kind = KIND_ABSENT;

    HM_TRY(take_kind(proof, err, &rd, &kind));
    if (kind != KIND_ABSENT)
        return hm_fail(err, HM_EMISMATCH, "the proof of the map is one of presence");
    if (hm_reader_left(&rd) == 0) {
        HM_TRY(hm_digest_sha256(HM_BYTES_EMPTY, err, &empty));
        if (!hm_digest_is_equal(&empty, root))
            return hm_fail(err, HM_EMISMATCH, "the proof is of the empty map, which this is not");
        return HM_OK;
    }
    other = take_hash(&rd);
    value = take_hash(&rd);
    if (hm_digest_is_equal(&other, key))
        return hm_fail(err, HM_EMISMATCH, "the proof shows that the map has the key");
    return verify_steps(&rd, root, key, &other, &value, err);
}
