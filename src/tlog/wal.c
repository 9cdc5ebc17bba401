/* SPDX-License-Identifier: Apache-2.0 */
/* A log's file of write-ahead records. See wal.h. */
#include "tlog/wal.h"

#include <errno.h>
#include <sys/random.h>

/* --- reading ---------------------------------------------------------------------------------- */

struct replay {
    struct hm_bytes rest;
    size_t offset; /* of rest in the file */
    struct hm_record_file file;
    struct hm_digest *digest; /* owned */
    struct hm_tail *tail;     /* owned */
};

static void replay_done(struct replay *replay)
{
    hm_digest_free(replay->digest);
    hm_tail_free(replay->tail);
}

static enum hm_rc check_root(struct replay *replay, const struct hm_record *record,
                             struct hm_err *err)
{
    struct hm_sha256 root;

    HM_TRY(hm_merkle_frontier_root(replay->digest, &replay->tail->frontier, err, &root));
    if (!hm_digest_is_equal(&root, &record->root))
        return hm_fail_at(err, HM_EFORMAT, replay->offset,
                          "the record at byte %zu names another root than its entries have",
                          replay->offset);
    return HM_OK;
}

static void step(struct replay *replay, size_t size)
{
    replay->rest = hm_bytes_make(replay->rest.data + size, replay->rest.size - size);
    replay->offset += size;
}

static enum hm_rc replay_base(struct replay *replay, struct hm_err *err)
{
    struct hm_record record;
    size_t size = 0;
    enum hm_rc rc = hm_record_parse(replay->rest, err, &record, &size);

    /* The file got its name when the first record was flushed: this is no crash. */
    if (rc == HM_EFORMAT || rc == HM_EUNKNOWN || (rc == HM_OK && record.kind != HM_RECORD_BASE))
        return hm_fail_at(err, HM_EFORMAT, 0, "it does not begin with a whole base record");
    HM_TRY(rc);
    HM_TRY(hm_tail_new(replay->digest, record.size, record.body, err, &replay->tail));
    HM_TRY(check_root(replay, &record, err));
    replay->file = record.file;
    step(replay, size);
    return HM_OK;
}

/* Nothing is left to replay where the rest is a record that was never whole. */
static enum hm_rc check_torn(struct replay *replay, struct hm_err *err)
{
    if (replay->rest.size > 0 &&
        hm_record_is_in(hm_bytes_make(replay->rest.data + 1, replay->rest.size - 1), &replay->file))
        return hm_fail_at(err, HM_EFORMAT, replay->offset,
                          "the record at byte %zu is damaged, and whole ones follow",
                          replay->offset);
    replay->rest.size = 0;
    return HM_OK;
}

static enum hm_rc replay_entries(struct replay *replay, struct hm_err *err)
{
    struct hm_record record;
    size_t size = 0;
    enum hm_rc rc = hm_record_parse(replay->rest, err, &record, &size);
    struct hm_bytes body;

    if (rc == HM_EFORMAT)
        return check_torn(replay, err);
    if (rc == HM_EUNKNOWN)
        return hm_fail_at(err, HM_EFORMAT, replay->offset,
                          "the record at byte %zu is not one that this program knows",
                          replay->offset);
    HM_TRY(rc);
    if (record.kind != HM_RECORD_ENTRIES ||
        memcmp(record.file.bytes, replay->file.bytes, HM_RECORD_FILE_SIZE) != 0 ||
        record.size != replay->tail->frontier.size)
        return hm_fail_at(err, HM_EFORMAT, replay->offset,
                          "the record at byte %zu does not belong there", replay->offset);
    body = record.body;
    for (uint32_t i = 0; i < record.count; i++)
        HM_TRY(hm_tail_add(replay->tail, replay->digest, hm_record_next_entry(&body), err));
    HM_TRY(check_root(replay, &record, err));
    step(replay, size);
    return HM_OK;
}

enum hm_rc hm_wal_replay(struct hm_bytes bytes, struct hm_err *err, struct hm_tail **ret_tail)
{
    _hm_done_(replay_done) struct replay replay = {.rest = bytes};

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &replay.digest));
    HM_TRY(replay_base(&replay, err));
    while (replay.rest.size > 0)
        HM_TRY(replay_entries(&replay, err));
    *ret_tail = hm_steal(&replay.tail);
    return HM_OK;
}

enum hm_rc hm_wal_load(const struct hm_dir *dir, struct hm_err *err, struct hm_tail **ret_tail)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WAL_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_dir_read(dir, HM_WAL_NAME, err, &raw));
    rc = hm_wal_replay(hm_buf_bytes(&raw), err, ret_tail);
    if (rc == HM_EFORMAT)
        return hm_error_prefix(err, rc,
                               "'%s/" HM_WAL_NAME "': the log's records are damaged, and its end "
                               "is not known: restore them from a backup",
                               dir->path);
    return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum hm_rc write_record(struct hm_wal *wal, const struct hm_record *record,
                               struct hm_err *err, bool *ret_is_full)
{
    hm_buf_clear(&wal->scratch);
    HM_TRY(hm_record_write(record, err, &wal->scratch));
    return hm_append_write(&wal->append, hm_buf_bytes(&wal->scratch), err, ret_is_full);
}

static enum hm_rc make_number(struct hm_err *err, struct hm_record_file *ret_file)
{
    ssize_t got;

    do {
        got = getrandom(ret_file->bytes, sizeof(ret_file->bytes), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(ret_file->bytes))
        return hm_fail(err, HM_EINTERNAL, "the system gives no random numbers");
    return HM_OK;
}

/* What a file is written from: records of several bundles each. */
struct rewrite {
    struct hm_wal wal;
    const struct hm_tail *tail;
    struct hm_digest *digest; /* owned */
    struct hm_tail *so_far;   /* owned; only its frontier is used */
    struct hm_buf body;
    uint32_t count;
};

static void rewrite_done(struct rewrite *rewrite)
{
    hm_wal_done(&rewrite->wal);
    hm_digest_free(rewrite->digest);
    hm_tail_free(rewrite->so_far);
    hm_buf_done(&rewrite->body);
}

static enum hm_rc rewrite_base(struct rewrite *rewrite, uint64_t base, struct hm_err *err)
{
    struct hm_record record = {.kind = HM_RECORD_BASE, .file = rewrite->wal.file, .size = base};

    HM_TRY(hm_tail_edge(rewrite->tail, base, err, &rewrite->body));
    record.body = hm_buf_bytes(&rewrite->body);
    record.count = (uint32_t)(record.body.size / HM_SHA256_SIZE);
    HM_TRY(hm_tail_new(rewrite->digest, base, record.body, err, &rewrite->so_far));
    HM_TRY(hm_merkle_frontier_root(rewrite->digest, &rewrite->so_far->frontier, err, &record.root));
    HM_TRY(write_record(&rewrite->wal, &record, err, NULL));
    hm_buf_clear(&rewrite->body);
    return HM_OK;
}

/* Writes what was gathered in body. */
static enum hm_rc rewrite_entries(struct rewrite *rewrite, struct hm_err *err)
{
    struct hm_merkle_frontier *frontier = &rewrite->so_far->frontier;
    const struct hm_tail_level *leaves = &rewrite->tail->levels[0];
    struct hm_record record = {.kind = HM_RECORD_ENTRIES,
                               .file = rewrite->wal.file,
                               .count = rewrite->count,
                               .size = frontier->size,
                               .body = hm_buf_bytes(&rewrite->body)};

    if (rewrite->count == 0)
        return HM_OK;
    for (uint32_t i = 0; i < rewrite->count; i++)
        HM_TRY(hm_merkle_frontier_add(rewrite->digest, frontier,
                                      &leaves->hashes[frontier->size - leaves->first], NULL, err));
    HM_TRY(hm_merkle_frontier_root(rewrite->digest, frontier, err, &record.root));
    HM_TRY(write_record(&rewrite->wal, &record, err, NULL));
    hm_buf_clear(&rewrite->body);
    rewrite->count = 0;
    return HM_OK;
}

static enum hm_rc rewrite_bundles(struct rewrite *rewrite, uint64_t base, struct hm_err *err)
{
    const struct hm_tail *tail = rewrite->tail;

    for (uint64_t first = base; first < tail->frontier.size; first += HM_TILE_WIDTH) {
        uint64_t left = tail->frontier.size - first;
        uint32_t count = left < HM_TILE_WIDTH ? (uint32_t)left : HM_TILE_WIDTH;
        const struct hm_buf *bundle = &tail->bundles[(first - tail->base) / HM_TILE_WIDTH];

        if (rewrite->body.size + bundle->size > HM_RECORD_BODY_SIZE_MAX ||
            rewrite->count + count > HM_RECORD_ENTRY_COUNT_MAX)
            HM_TRY(rewrite_entries(rewrite, err));
        HM_TRY(hm_buf_append(&rewrite->body, hm_buf_bytes(bundle), err));
        rewrite->count += count;
    }
    return rewrite_entries(rewrite, err);
}

enum hm_rc hm_wal_rewrite(struct hm_wal *wal, const struct hm_dir *dir, const struct hm_tail *tail,
                          uint64_t base, struct hm_err *err, bool *ret_is_unclear)
{
    _hm_done_(rewrite_done) struct rewrite rewrite = {
        .wal = HM_WAL_INIT, .tail = tail, .body = HM_BUF_INIT(HM_RECORD_BODY_SIZE_MAX)};
    struct hm_wal old = *wal;
    enum hm_rc rc;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &rewrite.digest));
    HM_TRY(make_number(err, &rewrite.wal.file));
    HM_TRY(hm_append_create(dir, HM_WAL_NEW_NAME, err, &rewrite.wal.append));
    HM_TRY(rewrite_base(&rewrite, base, err));
    HM_TRY(rewrite_bundles(&rewrite, base, err));
    HM_TRY(hm_append_flush(&rewrite.wal.append, err));
    rc = hm_dir_rename(dir, HM_WAL_NEW_NAME, dir, HM_WAL_NAME, err);
    if (rc != HM_OK) {
        *ret_is_unclear = true;
        return rc;
    }
    *wal = rewrite.wal;
    rewrite.wal = old;
    return HM_OK;
}

enum hm_rc hm_wal_append(struct hm_wal *wal, uint64_t size, struct hm_bytes entries, uint32_t count,
                         const struct hm_sha256 *root, struct hm_err *err)
{
    const struct hm_record record = {.kind = HM_RECORD_ENTRIES,
                                     .file = wal->file,
                                     .count = count,
                                     .size = size,
                                     .body = entries,
                                     .root = *root};
    uint64_t before = wal->append.size;
    bool is_full = false;
    enum hm_rc rc;

    hm_buf_clear(&wal->scratch);
    HM_TRY(hm_record_write(&record, err, &wal->scratch));
    rc = hm_append_write(&wal->append, hm_buf_bytes(&wal->scratch), err, &is_full);
    if (rc != HM_OK && is_full && hm_append_cut(&wal->append, before, NULL) == HM_OK)
        return hm_fail(err, HM_EIO,
                       "'%s' cannot grow, as the disk is full: nothing was appended; make room and "
                       "try again",
                       wal->append.shown);
    if (rc == HM_OK)
        rc = hm_append_flush(&wal->append, err);
    if (rc == HM_OK)
        return HM_OK;
    return hm_fail(err, HM_EINTERNAL,
                   "writing '%s' failed, and whether the last entries count is not known: see what "
                   "the disk has, then open the log again",
                   wal->append.shown);
}

void hm_wal_done(struct hm_wal *wal)
{
    hm_append_done(&wal->append);
    hm_buf_done(&wal->scratch);
}
