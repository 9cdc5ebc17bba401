/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map in files. See map_files.h.
 *
 * The keys of each first byte are an hm_map of their own, made when it is first needed. Above them
 * stand eight levels of nodes for the bits of the first byte, where a node that has one side only
 * is that side: levels[8] is what "map/top" holds, levels[0][0] the root.
 */
#include "tlog/map_files.h"

#define CHUNKS    256
#define TOP_BITS  8
#define PAIR_SIZE ((size_t)2 * HM_SHA256_SIZE)
#define TOP_PATH  "map/top"
#define PATH_SIZE 8 /* "map/XX" */

struct chunk {
    struct hm_map *map; /* owned; NULL: not read yet */
    bool is_changed;    /* since the top was computed */
    bool is_dirty;      /* since it was put */
};

struct hm_map_files {
    const struct hm_release_store *store;
    struct hm_digest *digest;
    struct hm_sha256 root; /* as it was opened */
    uint64_t count;
    bool has_top;
    bool is_changed; /* some chunk is */
    bool is_dirty;   /* the top, since it was put */
    struct chunk chunks[CHUNKS];
    struct hm_sha256 levels[TOP_BITS + 1][CHUNKS]; /* zeros: no keys */
};

static const struct hm_sha256 none;

static bool is_none(const struct hm_sha256 *hash)
{
    return hm_digest_is_equal(hash, &none);
}

enum hm_rc hm_map_files_open(const struct hm_release_store *store, const struct hm_sha256 *root,
                             uint64_t count, struct hm_err *err, struct hm_map_files **ret_map)
{
    _hm_free_(hm_map_files_free) struct hm_map_files *map = calloc(1, sizeof(*map));
    struct hm_sha256 empty;

    if (map == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_sha256(HM_BYTES_EMPTY, err, &empty));
    if ((count == 0) != hm_digest_is_equal(root, &empty))
        return hm_fail(err, HM_EFORMAT, "a map of %llu keys cannot have this root",
                       (unsigned long long)count);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &map->digest));
    map->store = store;
    map->root = *root;
    map->count = count;
    map->has_top = count == 0;
    *ret_map = hm_steal(&map);
    return HM_OK;
}

void hm_map_files_free(struct hm_map_files *map)
{
    if (map == NULL)
        return;
    for (size_t i = 0; i < CHUNKS; i++)
        hm_map_free(map->chunks[i].map);
    hm_digest_free(map->digest);
    free(map);
}

uint64_t hm_map_files_count(const struct hm_map_files *map)
{
    return map->count;
}

/* The node of two below it, either of which may be none. */
static enum hm_rc join(struct hm_map_files *map, unsigned level, size_t i, struct hm_err *err)
{
    const struct hm_sha256 *left = &map->levels[level + 1][2 * i];
    const struct hm_sha256 *right = &map->levels[level + 1][2 * i + 1];
    struct hm_sha256 *node = &map->levels[level][i];

    if (!is_none(left) && !is_none(right))
        return hm_map_node(map->digest, left, right, (uint8_t)level, err, node);
    *node = is_none(left) ? *right : *left;
    return HM_OK;
}

/* All levels from the lowest. */
static enum hm_rc join_all(struct hm_map_files *map, struct hm_err *err)
{
    for (unsigned level = TOP_BITS; level-- > 0;) {
        for (size_t i = 0; i < (size_t)1 << level; i++)
            HM_TRY(join(map, level, i, err));
    }
    return HM_OK;
}

/* A file that must be there. */
static enum hm_rc get(const struct hm_map_files *map, const char *path, struct hm_err *err,
                      struct hm_buf *ret_bytes)
{
    enum hm_rc rc = map->store->get(map->store->ctx, path, err, ret_bytes);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EMISMATCH, "'%s' is missing: the map's root says that it has keys",
                       path);
    return rc;
}

static enum hm_rc need_top(struct hm_map_files *map, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(CHUNKS * HM_SHA256_SIZE);

    if (map->has_top)
        return HM_OK;
    HM_TRY(get(map, TOP_PATH, err, &bytes));
    if (bytes.size != CHUNKS * HM_SHA256_SIZE)
        return hm_fail(err, HM_EMISMATCH, "'%s' has %zu bytes instead of %d", TOP_PATH, bytes.size,
                       CHUNKS * HM_SHA256_SIZE);
    memcpy(map->levels[TOP_BITS], bytes.data, bytes.size);
    HM_TRY(join_all(map, err));
    if (!hm_digest_is_equal(&map->levels[0][0], &map->root))
        return hm_fail(err, HM_EMISMATCH,
                       "'%s' is of another map than the one that was asked for, or another state "
                       "of it",
                       TOP_PATH);
    map->has_top = true;
    return HM_OK;
}

static void chunk_path(size_t i, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "map/%02zx", i);
}

/* Reads pairs whose keys start with byte i. */
static enum hm_rc parse_chunk(struct hm_bytes bytes, size_t i, const char *path, struct hm_err *err,
                              struct hm_map *map)
{
    struct hm_sha256 last = {{0}};

    if (bytes.size == 0 || bytes.size % PAIR_SIZE != 0)
        return hm_fail(err, HM_EMISMATCH, "'%s' is not made of pairs of %zu bytes", path,
                       PAIR_SIZE);
    for (size_t at = 0; at < bytes.size; at += PAIR_SIZE) {
        struct hm_sha256 key;
        struct hm_sha256 value;

        memcpy(key.bytes, bytes.data + at, HM_SHA256_SIZE);
        memcpy(value.bytes, bytes.data + at + HM_SHA256_SIZE, HM_SHA256_SIZE);
        if (key.bytes[0] != i || (at > 0 && memcmp(last.bytes, key.bytes, HM_SHA256_SIZE) >= 0))
            return hm_fail_at(err, HM_EMISMATCH, at, "'%s' has a key that should not stand there",
                              path);
        HM_TRY(hm_map_set(map, &key, &value, err));
        last = key;
    }
    return HM_OK;
}

static enum hm_rc need_chunk(struct hm_map_files *map, size_t i, struct hm_err *err)
{
    _hm_free_(hm_map_free) struct hm_map *made = NULL;
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_RELEASE_STORE_FILE_SIZE_MAX);
    char path[PATH_SIZE];
    struct hm_sha256 root;

    HM_TRY(need_top(map, err));
    if (map->chunks[i].map != NULL)
        return HM_OK;
    HM_TRY(hm_map_new(err, &made));
    if (!is_none(&map->levels[TOP_BITS][i])) {
        chunk_path(i, path);
        HM_TRY(get(map, path, err, &bytes));
        HM_TRY(parse_chunk(hm_buf_bytes(&bytes), i, path, err, made));
        HM_TRY(hm_map_root(made, err, &root));
        if (!hm_digest_is_equal(&root, &map->levels[TOP_BITS][i]))
            return hm_fail(err, HM_EMISMATCH, "'%s' does not have what '%s' says of it", path,
                           TOP_PATH);
    }
    map->chunks[i].map = hm_steal(&made);
    return HM_OK;
}

enum hm_rc hm_map_files_set(struct hm_map_files *map, const struct hm_sha256 *key,
                            const struct hm_sha256 *value, struct hm_err *err)
{
    struct chunk *chunk = &map->chunks[key->bytes[0]];
    size_t before;

    HM_TRY(need_chunk(map, key->bytes[0], err));
    before = hm_map_count(chunk->map);
    /* What could not be read again may not be written. */
    if (before >= HM_RELEASE_STORE_FILE_SIZE_MAX / PAIR_SIZE)
        return hm_fail(err, HM_EREFUSED, "the map is full: %zu keys start with one byte", before);
    HM_TRY(hm_map_set(chunk->map, key, value, err));
    map->count += hm_map_count(chunk->map) - before;
    chunk->is_changed = chunk->is_dirty = true;
    map->is_changed = map->is_dirty = true;
    return HM_OK;
}

enum hm_rc hm_map_files_get(struct hm_map_files *map, const struct hm_sha256 *key,
                            struct hm_err *err, struct hm_sha256 *ret_value)
{
    HM_TRY(need_chunk(map, key->bytes[0], err));
    return hm_map_get(map->chunks[key->bytes[0]].map, key, err, ret_value);
}

enum hm_rc hm_map_files_check_count(struct hm_map_files *map, struct hm_err *err)
{
    uint64_t count = 0;

    for (size_t i = 0; i < CHUNKS; i++) {
        HM_TRY(need_chunk(map, i, err));
        count += hm_map_count(map->chunks[i].map);
    }
    if (count != map->count)
        return hm_fail(err, HM_EMISMATCH, "the map has %llu keys and not %llu, as was said of it",
                       (unsigned long long)count, (unsigned long long)map->count);
    return HM_OK;
}

/* Brings the levels up to date: each changed chunk's way to the root. */
static enum hm_rc settle(struct hm_map_files *map, struct hm_err *err)
{
    HM_TRY(need_top(map, err));
    if (!map->is_changed)
        return HM_OK;
    for (size_t i = 0; i < CHUNKS; i++) {
        if (!map->chunks[i].is_changed)
            continue;
        HM_TRY(hm_map_root(map->chunks[i].map, err, &map->levels[TOP_BITS][i]));
        for (unsigned level = TOP_BITS; level-- > 0;)
            HM_TRY(join(map, level, i >> (TOP_BITS - level), err));
        map->chunks[i].is_changed = false;
    }
    map->root = map->levels[0][0];
    map->is_changed = false;
    return HM_OK;
}

enum hm_rc hm_map_files_root(struct hm_map_files *map, struct hm_err *err,
                             struct hm_sha256 *ret_root)
{
    /* An unchanged map needs no file for its root. */
    if (map->is_changed)
        HM_TRY(settle(map, err));
    *ret_root = map->root;
    return HM_OK;
}

/* A step of a proof: the bit of an inner node on the way, and its other side. */
struct step {
    uint8_t bit;
    struct hm_sha256 other;
};

/* From the root down to the chunk where a search for key ends. */
static size_t search(const struct hm_map_files *map, const struct hm_sha256 *key,
                     struct step steps[TOP_BITS], size_t *ret_count)
{
    size_t node = 0;
    size_t count = 0;

    for (unsigned level = 0; level < TOP_BITS; level++) {
        const struct hm_sha256 *sides = &map->levels[level + 1][2 * node];
        size_t side = hm_map_bit(key, level);

        if (is_none(&sides[side]))
            side = 1 - side;
        else if (!is_none(&sides[1 - side]))
            steps[count++] = (struct step){.bit = (uint8_t)level, .other = sides[1 - side]};
        node = 2 * node + side;
    }
    *ret_count = count;
    return node;
}

enum hm_rc hm_map_files_prove(struct hm_map_files *map, const struct hm_sha256 *key,
                              struct hm_err *err, struct hm_buf *ret_proof)
{
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    struct step steps[TOP_BITS];
    size_t count = 0;
    size_t i;

    HM_TRY(settle(map, err));
    i = search(map, key, steps, &count);
    HM_TRY(need_chunk(map, i, err));
    HM_TRY(hm_map_prove(map->chunks[i].map, key, err, &proof));
    while (count-- > 0) {
        HM_TRY(hm_buf_append_byte(&proof, steps[count].bit, err));
        HM_TRY(hm_buf_append(&proof, hm_bytes_make(steps[count].other.bytes, HM_SHA256_SIZE), err));
    }
    return hm_buf_append(ret_proof, hm_buf_bytes(&proof), err);
}

enum hm_rc hm_map_files_flush(struct hm_map_files *map, struct hm_err *err)
{
    if (!map->is_dirty)
        return HM_OK;
    HM_TRY(settle(map, err));
    for (size_t i = 0; i < CHUNKS; i++) {
        _hm_done_(hm_buf_done) struct hm_buf pairs = HM_BUF_INIT(HM_RELEASE_STORE_FILE_SIZE_MAX);
        char path[PATH_SIZE];

        if (!map->chunks[i].is_dirty)
            continue;
        chunk_path(i, path);
        HM_TRY(hm_map_write_pairs(map->chunks[i].map, err, &pairs));
        HM_TRY(map->store->put(map->store->ctx, path, hm_buf_bytes(&pairs), err));
        map->chunks[i].is_dirty = false;
    }
    HM_TRY(map->store->put(map->store->ctx, TOP_PATH,
                           hm_bytes_make(map->levels[TOP_BITS], sizeof(map->levels[TOP_BITS])),
                           err));
    map->is_dirty = false;
    return HM_OK;
}
