/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading back. The head is known; of the rest, what the tail has is known too, and what comes from
 * the public folder is believed only when the head follows from it.
 */
#include "tlog/log_internal.h"

#include "tlog/tile_store.h"

/* The levels of tiles that one call looks at: a place each, as proofs go up level by level. */
struct cached {
    struct hm_tile tile;
    struct hm_buf bytes;
};

/* The tree as one call sees it. */
struct view {
    struct hm_log *log;
    struct hm_log_head head;
    struct hm_digest *digest; /* owned */
    struct cached cache[HM_TAIL_LEVEL_COUNT];
    struct hm_tile_reader reader;
    struct hm_tile_source source;
    struct hm_bytes entries[HM_TILE_WIDTH]; /* of a bundle; here as it is large */
};

static void view_free(struct view *view)
{
    if (view == NULL)
        return;
    hm_digest_free(view->digest);
    for (size_t i = 0; i < HM_TAIL_LEVEL_COUNT; i++)
        hm_buf_done(&view->cache[i].bytes);
    free(view);
}
HM_DEFINE_FREE(view_free, struct view);

/* A tile of hashes from the tail, or, where that has it no longer, from the public folder: there it
 * is full by now, even if the view's tree ended in it. */
static enum hm_rc read_tile(struct hm_log *log, const struct hm_tile *tile, struct hm_err *err,
                            struct hm_buf *ret_bytes)
{
    struct hm_tile full = *tile;
    enum hm_rc rc = HM_OK;
    bool is_in_tail;

    HM_ASSERT(pthread_mutex_lock(&log->tail_mutex) == 0);
    is_in_tail = hm_tail_has(log->tail, tile);
    if (is_in_tail)
        rc = hm_tail_tile(log->tail, tile, err, ret_bytes);
    HM_ASSERT(pthread_mutex_unlock(&log->tail_mutex) == 0);
    if (is_in_tail)
        return rc;
    full.width = HM_TILE_WIDTH;
    HM_TRY(hm_tile_store_get(&log->public_dir, &full, err, ret_bytes));
    HM_TRY(hm_tile_check(&full, hm_buf_bytes(ret_bytes), err));
    ret_bytes->size = (size_t)tile->width * HM_SHA256_SIZE;
    return HM_OK;
}

static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                           struct hm_bytes *ret_bytes)
{
    struct view *view = ctx;
    struct cached *cached = &view->cache[tile->level];

    if (cached->bytes.size == 0 || cached->tile.index != tile->index ||
        cached->tile.width != tile->width) {
        hm_buf_clear(&cached->bytes);
        HM_TRY(read_tile(view->log, tile, err, &cached->bytes));
        cached->tile = *tile;
    }
    *ret_bytes = hm_buf_bytes(&cached->bytes);
    return HM_OK;
}

static enum hm_rc view_new(struct hm_log *log, struct hm_err *err, struct view **ret_view)
{
    _hm_free_(view_free) struct view *view = calloc(1, sizeof(*view));

    if (view == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < HM_TAIL_LEVEL_COUNT; i++)
        view->cache[i].bytes = (struct hm_buf)HM_BUF_INIT(HM_TILE_SIZE_MAX);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &view->digest));
    view->log = log;
    hm_log_head(log, &view->head);
    view->reader = (struct hm_tile_reader){.get = get_tile, .ctx = view};
    hm_tile_source_init(&view->source, view->digest, &view->reader, view->head.size);
    *ret_view = hm_steal(&view);
    return HM_OK;
}

static enum hm_rc check_size(const struct view *view, uint64_t size, struct hm_err *err)
{
    if (size <= view->head.size)
        return HM_OK;
    return hm_fail(err, HM_EUSAGE, "the log has %llu entries, not %llu",
                   (unsigned long long)view->head.size, (unsigned long long)size);
}

/* What does not lead to the head is not this log's. */
static enum hm_rc judge(const struct view *view, enum hm_rc rc, struct hm_err *err)
{
    if (rc != HM_EMISMATCH && rc != HM_EFORMAT)
        return rc;
    return hm_fail(err, HM_EMISMATCH,
                   "the tiles in '%s' are not those of this log, as its records know it: restore "
                   "them from a mirror",
                   view->log->public_dir.path);
}

/* The root of the first size leaves, found to be the beginning of the tree. */
static enum hm_rc known_root(struct view *view, uint64_t size, struct hm_err *err,
                             struct hm_sha256 *ret_root)
{
    const struct hm_merkle_source *source = &view->source.source;
    struct hm_merkle_proof proof;
    struct hm_sha256 root;

    if (size == view->head.size) {
        *ret_root = view->head.root;
        return HM_OK;
    }
    HM_TRY(hm_merkle_root(view->digest, source, size, err, &root));
    HM_TRY(hm_merkle_prove_consistency(view->digest, source, size, view->head.size, err, &proof));
    HM_TRY(hm_merkle_verify_consistency(view->digest, size, &root, view->head.size,
                                        &view->head.root, proof.hashes, proof.count, err));
    *ret_root = root;
    return HM_OK;
}

enum hm_rc hm_log_root(struct hm_log *log, uint64_t size, struct hm_err *err,
                       struct hm_sha256 *ret_root)
{
    _hm_free_(view_free) struct view *view = NULL;

    HM_TRY(view_new(log, err, &view));
    HM_TRY(check_size(view, size, err));
    return judge(view, known_root(view, size, err, ret_root), err);
}

static enum hm_rc prove_inclusion(struct view *view, uint64_t index, uint64_t size,
                                  const struct hm_sha256 *leaf, struct hm_err *err,
                                  struct hm_merkle_proof *ret_proof)
{
    const struct hm_merkle_source *source = &view->source.source;
    struct hm_merkle_proof proof;
    struct hm_sha256 root;

    HM_TRY(known_root(view, size, err, &root));
    HM_TRY(hm_merkle_prove_inclusion(view->digest, source, index, size, err, &proof));
    HM_TRY(hm_merkle_verify_inclusion(view->digest, leaf, index, size, proof.hashes, proof.count,
                                      &root, err));
    *ret_proof = proof;
    return HM_OK;
}

enum hm_rc hm_log_prove_inclusion(struct hm_log *log, uint64_t index, uint64_t size,
                                  struct hm_err *err, struct hm_merkle_proof *ret_proof)
{
    _hm_free_(view_free) struct view *view = NULL;
    struct hm_sha256 leaf;
    enum hm_rc rc;

    HM_TRY(view_new(log, err, &view));
    HM_TRY(check_size(view, size, err));
    if (index >= size)
        return hm_fail(err, HM_EUSAGE, "entry %llu is not among the first %llu",
                       (unsigned long long)index, (unsigned long long)size);
    rc = view->source.source.node(view->source.source.ctx, 0, index, err, &leaf);
    if (rc == HM_OK)
        rc = prove_inclusion(view, index, size, &leaf, err, ret_proof);
    return judge(view, rc, err);
}

static enum hm_rc prove_consistency(struct view *view, uint64_t old_size, uint64_t size,
                                    struct hm_err *err, struct hm_merkle_proof *ret_proof)
{
    struct hm_merkle_proof proof;
    struct hm_sha256 old_root;
    struct hm_sha256 root;

    HM_TRY(known_root(view, size, err, &root));
    HM_TRY(hm_merkle_root(view->digest, &view->source.source, old_size, err, &old_root));
    HM_TRY(hm_merkle_prove_consistency(view->digest, &view->source.source, old_size, size, err,
                                       &proof));
    HM_TRY(hm_merkle_verify_consistency(view->digest, old_size, &old_root, size, &root,
                                        proof.hashes, proof.count, err));
    *ret_proof = proof;
    return HM_OK;
}

enum hm_rc hm_log_prove_consistency(struct hm_log *log, uint64_t old_size, uint64_t size,
                                    struct hm_err *err, struct hm_merkle_proof *ret_proof)
{
    _hm_free_(view_free) struct view *view = NULL;

    HM_TRY(view_new(log, err, &view));
    HM_TRY(check_size(view, size, err));
    if (old_size > size)
        return hm_fail(err, HM_EUSAGE, "a log of %llu entries does not begin with %llu",
                       (unsigned long long)size, (unsigned long long)old_size);
    return judge(view, prove_consistency(view, old_size, size, err, ret_proof), err);
}

/* --- entries ---------------------------------------------------------------------------------- */

/* An entry out of the public folder: it is the log's if its hash is. */
static enum hm_rc read_entry(struct view *view, uint64_t index, struct hm_err *err,
                             struct hm_buf *ret_entry)
{
    const struct hm_tile tile = {
        .kind = HM_TILE_ENTRIES, .index = index / HM_TILE_WIDTH, .width = HM_TILE_WIDTH};
    _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    struct hm_bytes entry;
    struct hm_merkle_proof proof;
    struct hm_sha256 leaf;

    HM_TRY(hm_tile_store_get(&view->log->public_dir, &tile, err, &bundle));
    HM_TRY(hm_tile_bundle_parse(hm_buf_bytes(&bundle), tile.width, err, view->entries));
    entry = view->entries[index % HM_TILE_WIDTH];
    HM_TRY(hm_merkle_leaf(view->digest, entry, err, &leaf));
    HM_TRY(prove_inclusion(view, index, view->head.size, &leaf, err, &proof));
    return hm_buf_append(ret_entry, entry, err);
}

enum hm_rc hm_log_entry(struct hm_log *log, uint64_t index, struct hm_err *err,
                        struct hm_buf *ret_entry)
{
    _hm_free_(view_free) struct view *view = NULL;
    enum hm_rc rc = HM_OK;
    bool is_in_tail;

    HM_TRY(view_new(log, err, &view));
    if (index >= view->head.size)
        return hm_fail(err, HM_EUSAGE, "the log has %llu entries, and none at place %llu",
                       (unsigned long long)view->head.size, (unsigned long long)index);
    HM_ASSERT(pthread_mutex_lock(&log->tail_mutex) == 0);
    is_in_tail = index >= log->tail->base;
    if (is_in_tail)
        rc = hm_buf_append(ret_entry, hm_tail_entry(log->tail, index), err);
    HM_ASSERT(pthread_mutex_unlock(&log->tail_mutex) == 0);
    return is_in_tail ? rc : judge(view, read_entry(view, index, err, ret_entry), err);
}
