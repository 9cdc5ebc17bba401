/* SPDX-License-Identifier: Apache-2.0 */
/* An audit's part that reads the release log (audit.h): the tree is made again of its entries. */
#include "care/audit_internal.h"
#include "site/log_memory.h"
#include "tlog/entry.h"
#include "tlog/tile_store.h"
#include "tlog/wal.h"
#include "trust/site_log.h"

#define LEVELS (HM_TILE_LEVEL_MAX + 1)

struct log {
    struct hm_audit *audit;
    struct hm_dir dir; /* public/log */
    struct hm_digest *digest;
    struct hm_checkpoint_signed *checkpoint;
    struct hm_merkle_frontier frontier;
    struct hm_sha256 (*tiles)[HM_TILE_WIDTH]; /* LEVELS of them; those being filled */
    uint64_t size;
};

static void log_done(struct log *log)
{
    hm_checkpoint_free(log->checkpoint);
    hm_digest_free(log->digest);
    hm_dir_done(&log->dir);
    free(log->tiles);
}

static void path_of(const struct hm_tile *tile, char ret_path[HM_TILE_PATH_SIZE + 16])
{
    char name[HM_TILE_PATH_SIZE];

    hm_tile_path(tile, name);
    (void)snprintf(ret_path, HM_TILE_PATH_SIZE + 16, "public/log/%s", name);
}

HM_NOINLINE static enum hm_rc check_tile(struct log *log, unsigned level, uint64_t index,
                                         unsigned width, struct hm_err *err)
{
    const struct hm_tile tile = {
        .kind = HM_TILE_HASHES, .level = level, .index = index, .width = width};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_SIZE_MAX);
    char path[HM_TILE_PATH_SIZE + 16];
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_tile_store_get(&log->dir, &tile, &why, &raw);

    path_of(&tile, path);
    if (rc != HM_OK)
        return hm_audit_judge(log->audit, rc, path, &why, err);
    log->audit->result.file_count++;
    log->audit->result.byte_count += raw.size;
    if (hm_bytes_is_equal(hm_buf_bytes(&raw),
                          hm_bytes_make(log->tiles[level], (size_t)width * HM_SHA256_SIZE)))
        return HM_OK;
    return hm_audit_find(log->audit, HM_AUDIT_ALTERED, path, err,
                         "its hashes are not those of the log's entries");
}

static enum hm_rc on_node(void *ctx, unsigned level, uint64_t index, const struct hm_sha256 *hash,
                          struct hm_err *err)
{
    struct log *log = ctx;
    unsigned place = (unsigned)(index % HM_TILE_WIDTH);

    if (level % HM_TILE_HEIGHT != 0 || level / HM_TILE_HEIGHT >= LEVELS)
        return HM_OK;
    log->tiles[level / HM_TILE_HEIGHT][place] = *hash;
    if (place + 1 < HM_TILE_WIDTH)
        return HM_OK;
    return check_tile(log, level / HM_TILE_HEIGHT, index / HM_TILE_WIDTH, HM_TILE_WIDTH, err);
}

/* What the log says of a snapshot is what stands in metadata. */
HM_NOINLINE static enum hm_rc check_snapshot(struct log *log, struct hm_bytes raw,
                                             struct hm_err *err)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    const struct hm_audit_name *of;
    char name[64], path[96];

    if (!hm_bytes_has_prefix(raw, HM_BYTES_LITERAL("hallmark/snapshot ")) ||
        hm_entry_parse(raw, NULL, &entry) != HM_OK || entry->kind != HM_ENTRY_SNAPSHOT)
        return HM_OK;
    (void)snprintf(name, sizeof(name), "%llu.snapshot.json",
                   (unsigned long long)entry->snapshot.version);
    (void)snprintf(path, sizeof(path), "public/metadata/%s", name);
    of = hm_audit_name_find(log->audit, name);
    if (of == NULL || hm_digest_is_equal(&of->sha256, &entry->snapshot.sha256))
        return HM_OK; /* one that is missing is told where snapshots are read */
    return hm_audit_find(log->audit, HM_AUDIT_ALTERED, path, err,
                         "it is not the one that the release log has an entry of");
}

/* *ret_more false: the tree cannot be made without these. */
HM_NOINLINE static enum hm_rc take_bundle(struct log *log, uint64_t index, struct hm_err *err,
                                          bool *ret_more)
{
    const struct hm_merkle_sink sink = {.node = on_node, .ctx = log};
    const struct hm_tile tile = hm_tile_make(HM_TILE_ENTRIES, 0, index, log->size);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    _hm_free_(free) char *memory = calloc(HM_TILE_WIDTH, sizeof(struct hm_bytes));
    struct hm_bytes *entries = (void *)memory;
    char path[HM_TILE_PATH_SIZE + 16];
    struct hm_err why = HM_ERR_INIT;
    struct hm_sha256 leaf;
    enum hm_rc rc;

    *ret_more = false;
    if (entries == NULL)
        return hm_error_nomem(err);
    path_of(&tile, path);
    rc = hm_tile_store_get(&log->dir, &tile, &why, &raw);
    if (rc == HM_OK)
        rc = hm_tile_bundle_parse(hm_buf_bytes(&raw), tile.width, &why, entries);
    if (rc != HM_OK)
        return hm_audit_judge(log->audit, rc, path, &why, err);
    log->audit->result.file_count++;
    log->audit->result.byte_count += raw.size;
    for (unsigned i = 0; i < tile.width; i++) {
        HM_TRY(hm_merkle_leaf(log->digest, entries[i], err, &leaf));
        HM_TRY(hm_merkle_frontier_add(log->digest, &log->frontier, &leaf, &sink, err));
        HM_TRY(check_snapshot(log, entries[i], err));
    }
    *ret_more = true;
    return HM_OK;
}

HM_NOINLINE static enum hm_rc check_end(struct log *log, struct hm_err *err)
{
    struct hm_sha256 root;

    for (unsigned level = 0; level < LEVELS; level++) {
        uint64_t count = log->size >> (HM_TILE_HEIGHT * level);

        if (count % HM_TILE_WIDTH != 0)
            HM_TRY(check_tile(log, level, count / HM_TILE_WIDTH, (unsigned)(count % HM_TILE_WIDTH),
                              err));
    }
    HM_TRY(hm_merkle_frontier_root(log->digest, &log->frontier, err, &root));
    if (hm_digest_is_equal(&root, &log->checkpoint->body.root))
        return HM_OK;
    return hm_audit_find(log->audit, HM_AUDIT_ALTERED, "public/log/tile/entries", err,
                         "the entries do not make the tree that the checkpoint was signed for");
}

/* The writer's records end with the same tree, or go on from it. */
HM_NOINLINE static enum hm_rc check_records(struct log *log, struct hm_err *err)
{
    static const char path[] = "private/log/records";
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_free_(hm_tail_free) struct hm_tail *tail = NULL;
    struct hm_err why = HM_ERR_INIT;
    struct hm_sha256 root;
    enum hm_rc rc = hm_dir_open_at(&log->audit->site->private_dir, "log", false, &why, &dir);

    if (rc == HM_OK)
        rc = hm_wal_load(&dir, &why, &tail);
    if (rc != HM_OK)
        return hm_audit_judge(log->audit, rc, path, &why, err);
    if (tail->frontier.size < log->size)
        return hm_audit_find(log->audit, HM_AUDIT_ALTERED, path, err,
                             "they end at %llu entries, and the checkpoint has %llu",
                             (unsigned long long)tail->frontier.size,
                             (unsigned long long)log->size);
    if (tail->frontier.size > log->size)
        return HM_OK; /* what waits for witnesses */
    HM_TRY(hm_merkle_frontier_root(log->digest, &tail->frontier, err, &root));
    if (hm_digest_is_equal(&root, &log->checkpoint->body.root))
        return HM_OK;
    return hm_audit_find(log->audit, HM_AUDIT_ALTERED, path, err,
                         "their tree is not the one that the checkpoint was signed for");
}

static enum hm_rc open_checkpoint(struct log *log, const struct hm_note_key *key,
                                  struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    HM_TRY(hm_dir_read(&log->audit->site->public_dir, "log/checkpoint", err, &raw));
    return hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, err, &log->checkpoint);
}

HM_NOINLINE static enum hm_rc run(struct log *log, const struct hm_note_key *key,
                                  struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = open_checkpoint(log, key, &why);
    bool more = true;

    if (rc != HM_OK)
        return hm_audit_judge(log->audit, rc, "public/log/checkpoint", &why, err);
    log->size = log->checkpoint->body.size;
    for (uint64_t i = 0; i * HM_TILE_WIDTH < log->size && more; i++)
        HM_TRY(take_bundle(log, i, err, &more));
    if (more)
        HM_TRY(check_end(log, err));
    return check_records(log, err);
}

enum hm_rc hm_audit_log(struct hm_audit *audit, struct hm_err *err)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *word = NULL;
    _hm_done_(log_done) struct log log = {.audit = audit, .dir = HM_DIR_INIT};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_site_log_parse(audit->tree->root, err, &word));
    if (word->policy == NULL)
        return HM_OK;
    rc = hm_dir_open_at(&audit->site->public_dir, "log", false, &why, &log.dir);
    if (rc != HM_OK)
        return hm_audit_judge(audit, rc, "public/log", &why, err);
    log.tiles = calloc(LEVELS, sizeof(*log.tiles));
    if (log.tiles == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &log.digest));
    return run(&log, word->policy->logs[0].key, err);
}
