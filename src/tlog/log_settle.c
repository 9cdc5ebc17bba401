/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles of what is durable. Every tile can be made again from the records until they are trimmed,
 * and they are trimmed only of what is in full tiles that are flushed: to settle is to repeat
 * until it is done.
 */
#include "tlog/log_internal.h"

#include <stdlib.h>

#include "tlog/note.h"
#include "tlog/tile_store.h"

/* The file of records is written anew when it is this large, and would shrink to half. */
#define TRIM_SIZE ((uint64_t)1 << 20)

/* Sizes of trees whose partial tiles stay. */
enum kept {
    KEPT_SETTLED,   /* now */
    KEPT_PUBLISHED, /* the one that readers know */
    KEPT_SIGNED,    /* the one that may be published next */
    KEPT_COUNT
};

struct settling {
    struct hm_log *log;
    uint64_t from; /* tiles of so many entries are there */
    struct hm_log_head head;
    uint64_t kept[KEPT_COUNT];
    struct hm_buf tile;
    struct hm_file_batch *batch; /* owned */
};

static void settling_done(struct settling *settling)
{
    hm_buf_done(&settling->tile);
    if (settling->batch != NULL)
        hm_file_batch_done(settling->batch);
    free(settling->batch);
    (void)pthread_mutex_unlock(&settling->log->settle_mutex); /* taken in settling_init */
}

/* The size that the published checkpoint names. It is not trusted: all it does is to keep a file or
 * two. */
static uint64_t published_size(const struct hm_dir *dir)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;

    if (hm_dir_read(dir, "checkpoint", NULL, &raw) != HM_OK ||
        hm_note_parse(hm_buf_bytes(&raw), NULL, &note) != HM_OK ||
        hm_checkpoint_parse(note->text, NULL, &checkpoint) != HM_OK)
        return 0;
    return checkpoint.size;
}

static void settling_init(struct settling *settling, struct hm_log *log)
{
    *settling = (struct settling){.log = log, .tile = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX)};
    HM_ASSERT(pthread_mutex_lock(&log->settle_mutex) == 0);
    settling->from = log->settled;
    hm_log_head(log, &settling->head);
    settling->kept[KEPT_SETTLED] = settling->head.size;
    settling->kept[KEPT_PUBLISHED] = published_size(&log->public_dir);
    settling->kept[KEPT_SIGNED] = log->signed_size;
}

static enum hm_rc put_tile(struct settling *settling, const struct hm_tile *tile,
                           struct hm_err *err)
{
    struct hm_log *log = settling->log;
    enum hm_rc rc;

    hm_buf_clear(&settling->tile);
    HM_ASSERT(pthread_mutex_lock(&log->tail_mutex) == 0);
    rc = hm_tail_tile(log->tail, tile, err, &settling->tile);
    HM_ASSERT(pthread_mutex_unlock(&log->tail_mutex) == 0);
    HM_TRY(rc);
    return hm_tile_store_put(&log->public_dir, tile, hm_buf_bytes(&settling->tile), settling->batch,
                             err);
}

/* Calls one for each tile, of a kind and level, that the entries after from have changed. */
static enum hm_rc
for_each_tile(struct settling *settling, enum hm_tile_kind kind, unsigned level, bool all,
              enum hm_rc (*one)(struct settling *, const struct hm_tile *, struct hm_err *),
              struct hm_err *err)
{
    uint64_t index = settling->from >> (HM_TILE_HEIGHT * level) >> HM_TILE_HEIGHT;

    for (;; index++) {
        struct hm_tile tile = hm_tile_make(kind, level, index, settling->head.size);
        struct hm_tile old = hm_tile_make(kind, level, index, settling->from);

        if (tile.width == 0)
            return HM_OK;
        if (all || tile.width != old.width)
            HM_TRY(one(settling, &tile, err));
    }
}

static enum hm_rc for_all_tiles(struct settling *settling, bool all,
                                enum hm_rc (*one)(struct settling *, const struct hm_tile *,
                                                  struct hm_err *),
                                struct hm_err *err)
{
    HM_TRY(for_each_tile(settling, HM_TILE_ENTRIES, 0, all, one, err));
    for (unsigned level = 0; level <= HM_TILE_LEVEL_MAX; level++)
        HM_TRY(for_each_tile(settling, HM_TILE_HASHES, level, all, one, err));
    return HM_OK;
}

static enum hm_rc collect(struct settling *settling, const struct hm_tile *tile, struct hm_err *err)
{
    return hm_tile_store_collect(&settling->log->public_dir, tile, settling->kept, KEPT_COUNT, err);
}

/* Drops the records of what is in full tiles. */
static enum hm_rc trim(struct hm_log *log, struct hm_err *err)
{
    uint64_t base = log->settled - log->settled % HM_TILE_WIDTH;
    struct hm_tail *tail = log->tail; /* whoever is busy may read it */
    size_t kept = tail->entries_size;
    bool is_unclear = false;
    enum hm_rc rc;

    for (uint64_t at = tail->base; at < base; at += HM_TILE_WIDTH)
        kept -= tail->bundles[(at - tail->base) / HM_TILE_WIDTH].size;
    if (base == tail->base || log->wal.append.size < TRIM_SIZE ||
        log->wal.append.size < 2 * (uint64_t)kept)
        return HM_OK;
    HM_TRY(hm_log_check_usable(log, err));
    rc = hm_wal_rewrite(&log->wal, &log->private_dir, tail, base, err, &is_unclear);
    log->is_failed = is_unclear;
    HM_TRY(rc);
    HM_ASSERT(pthread_mutex_lock(&log->tail_mutex) == 0);
    hm_tail_drop(tail, base);
    HM_ASSERT(pthread_mutex_unlock(&log->tail_mutex) == 0);
    return HM_OK;
}

static enum hm_rc settle(struct settling *settling, struct hm_err *err)
{
    struct hm_log *log = settling->log;
    enum hm_rc rc;

    if (log->is_compared && settling->from == settling->head.size)
        return HM_OK;
    settling->batch = calloc(1, sizeof(*settling->batch));
    if (settling->batch == NULL)
        return hm_error_nomem(err);
    HM_TRY(for_all_tiles(settling, !log->is_compared, put_tile, err));
    /* All are durable before anything is done that relies on them. */
    HM_TRY(hm_file_batch_commit(settling->batch, err));
    HM_TRY(for_all_tiles(settling, true, collect, err));
    log->settled = settling->head.size;
    log->is_compared = true;
    hm_log_enter(log);
    rc = trim(log, err);
    hm_log_leave(log);
    return rc;
}

enum hm_rc hm_log_settle_head(struct hm_log *log, struct hm_err *err, struct hm_log_head *ret_head)
{
    _hm_done_(settling_done) struct settling settling;

    settling_init(&settling, log);
    HM_TRY(settle(&settling, err));
    log->signed_size = settling.head.size;
    *ret_head = settling.head;
    return HM_OK;
}

enum hm_rc hm_log_settle(struct hm_log *log, struct hm_err *err)
{
    _hm_done_(settling_done) struct settling settling;

    settling_init(&settling, log);
    return settle(&settling, err);
}
