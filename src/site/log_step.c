/* SPDX-License-Identifier: Apache-2.0 */
/* The release log's part of rolling a publish forward (log_step.h). */
#include "site/log_step.h"

#include "base/file.h"
#include "base/num.h"
#include "base/reader.h"
#include "site/log_key.h"
#include "tlog/entry.h"
#include "tlog/proof.h"

#define COSIGNED "log/cosigned"
#define READY    "log/ready"

/* Entries that one call appends: a record each. */
#define APPEND_COUNT 4096
#define APPEND_SIZE  ((size_t)16 << 20)

/* What stands in next/log. */
struct batch {
    uint64_t base;
    struct hm_buf raw;
    struct hm_bytes *entries; /* in raw */
    size_t count;
    struct hm_arena arena;
};

static void batch_done(struct batch *batch)
{
    hm_buf_done(&batch->raw);
    hm_arena_done(&batch->arena);
}

static enum hm_rc read_base(const struct hm_dir *next, struct hm_err *err, uint64_t *ret_base)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(64);

    HM_TRY(hm_dir_read(next, "log/" HM_LOG_STEP_BASE, err, &text));
    if (text.size == 0 || text.data[text.size - 1] != '\n' ||
        hm_num_parse_u64(hm_buf_str(&text), text.size - 1, ret_base) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/log/base' is no number");
    return HM_OK;
}

static enum hm_rc split(struct batch *batch, struct hm_err *err)
{
    struct hm_rd rd = hm_reader_make(hm_buf_bytes(&batch->raw));
    size_t capacity = 0;

    while (hm_reader_left(&rd) > 0) {
        uint16_t size = hm_reader_be16(&rd);
        struct hm_bytes entry = hm_reader_take(&rd, size);

        if (hm_reader_failed(&rd) || batch->count == HM_LOG_STEP_ENTRIES_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "'private/publish/next/log/entries' is damaged");
        if (batch->count == capacity) {
            size_t grown = capacity == 0 ? 64 : 2 * capacity;
            void *entries =
                hm_arena_grow(&batch->arena, batch->entries, capacity * sizeof(*batch->entries),
                              grown * sizeof(*batch->entries));

            if (entries == NULL)
                return hm_error_nomem(err);
            batch->entries = entries;
            capacity = grown;
        }
        batch->entries[batch->count++] = entry;
    }
    if (batch->count == 0)
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/log/entries' is empty");
    return HM_OK;
}

static enum hm_rc batch_load(const struct hm_dir *next, struct hm_err *err, struct batch *batch)
{
    HM_TRY(read_base(next, err, &batch->base));
    HM_TRY(hm_dir_read(next, "log/" HM_LOG_STEP_ENTRIES, err, &batch->raw));
    return split(batch, err);
}

enum hm_rc hm_log_step_open(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                            struct hm_err *err, struct hm_log **ret_log)
{
    _hm_done_(hm_dir_done) struct hm_dir own = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir tiles = HM_DIR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_dir_open_at(private_dir, "log", true, err, &own));
    HM_TRY(hm_dir_open_at(public_dir, "log", true, err, &tiles));
    rc = hm_log_open(&own, &tiles, err, ret_log);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "the release log");
}

/* ---- appending ------------------------------------------------------------------------------- */

static enum hm_rc refuse(const struct batch *batch, const struct hm_log_head *head,
                         struct hm_err *err)
{
    return hm_fail(err, HM_EREFUSED,
                   "the release log has %llu entries, which are neither the %llu before this "
                   "publish nor those with its %zu: 'private/log' or 'private/publish' is of "
                   "another time; put both back from the same backup, the newest",
                   (unsigned long long)head->size, (unsigned long long)batch->base, batch->count);
}

/* How many of the entries stand in the log already. */
static enum hm_rc count_there(struct hm_log *log, const struct batch *batch, struct hm_err *err,
                              size_t *ret_count)
{
    struct hm_log_head head;
    size_t count;

    hm_log_head(log, &head);
    if (head.size < batch->base || head.size - batch->base > batch->count)
        return refuse(batch, &head, err);
    count = (size_t)(head.size - batch->base);
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);

        HM_TRY(hm_log_entry(log, batch->base + i, err, &entry));
        if (!hm_bytes_is_equal(hm_buf_bytes(&entry), batch->entries[i]))
            return refuse(batch, &head, err);
    }
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc append(struct hm_log *log, const struct batch *batch, struct hm_err *err)
{
    size_t at = 0, count, size;
    uint64_t first;

    HM_TRY(count_there(log, batch, err, &at));
    for (; at < batch->count; at += count) {
        count = size = 0;
        while (at + count < batch->count && count < APPEND_COUNT &&
               size + batch->entries[at + count].size < APPEND_SIZE)
            size += batch->entries[at + count++].size;
        HM_TRY(hm_log_append(log, batch->entries + at, count, err, &first));
        HM_ASSERT(first == batch->base + at); /* the site's lock is held, and the log's */
    }
    return hm_log_settle(log, err);
}

/* ---- succession ------------------------------------------------------------------------------ */

/* *ret_number is 0 where no log is closed. */
static enum hm_rc read_archive(const struct hm_dir *next, struct hm_err *err, uint64_t *ret_number)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(64);
    enum hm_rc rc = hm_dir_read(next, "log/" HM_LOG_STEP_ARCHIVE, err, &text);

    *ret_number = 0;
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    if (text.size == 0 || hm_num_parse_u64(hm_buf_str(&text), text.size - 1, ret_number) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/log/archive' is no number");
    return HM_OK;
}

/* The closed log goes out of the way, first here and then in public: whoever finds it there has the
 * private part of it too. The map goes on as it is, and so do roots to come. */
static enum hm_rc archive(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                          const char *closed, struct hm_err *err)
{
    static const char *const kept[] = {"map", "versions", "makers", "roots"};
    const struct hm_dir *dirs[] = {private_dir, public_dir};

    for (size_t i = 0; i < HM_ARRAY_COUNT(dirs); i++) {
        _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;

        if (hm_dir_has(dirs[i], closed) || !hm_dir_has(dirs[i], "log"))
            continue;
        HM_TRY(hm_dir_open_at(dirs[i], HM_LOG_STEP_CLOSED, true, err, &folder));
        HM_TRY(hm_dir_rename(dirs[i], "log", dirs[i], closed, err));
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(kept); i++) {
        _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
        char from[96], to[96];

        (void)snprintf(from, sizeof(from), "%s/%s", closed, kept[i]);
        (void)snprintf(to, sizeof(to), "log/%s", kept[i]);
        if (!hm_dir_has(public_dir, from) || hm_dir_has(public_dir, to))
            continue;
        HM_TRY(hm_dir_open_at(public_dir, "log", true, err, &folder));
        HM_TRY(hm_dir_rename(public_dir, from, public_dir, to, err));
    }
    return HM_OK;
}

static enum hm_rc copy_file(const struct hm_dir *public_dir, const char *closed, const char *name,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    char from[128], to[128];

    (void)snprintf(from, sizeof(from), "%s/%s", closed, name);
    (void)snprintf(to, sizeof(to), "log/%s", name);
    if (!hm_dir_has(public_dir, from) || hm_dir_has(public_dir, to))
        return HM_OK;
    HM_TRY(hm_dir_read(public_dir, from, err, &raw));
    return hm_file_replace(public_dir, to, 0644, hm_buf_bytes(&raw), err);
}

static enum hm_rc copy_edge(const struct hm_dir *public_dir, const char *closed,
                            enum hm_tile_kind kind, unsigned level, uint64_t size,
                            struct hm_err *err)
{
    uint64_t index = size >> (HM_TILE_HEIGHT * level) >> HM_TILE_HEIGHT;
    struct hm_tile tile = hm_tile_make(kind, level, index, size);
    char path[HM_TILE_PATH_SIZE];

    if (tile.width == 0 || tile.width == HM_TILE_WIDTH)
        return HM_OK;
    hm_tile_path(&tile, path);
    return copy_file(public_dir, closed, path, err);
}

/* Until the new log's checkpoint is published, customers go by the closed one, whose entries are
 * the first of the new one: what they lack are the tiles in which its tree ended. The checkpoint
 * keeps these from being collected. */
static enum hm_rc keep_readable(const struct hm_dir *public_dir, const char *closed,
                                struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/checkpoint", closed);
    if (hm_dir_read(public_dir, path, NULL, &raw) != HM_OK ||
        hm_note_parse(hm_buf_bytes(&raw), NULL, &note) != HM_OK ||
        hm_checkpoint_parse(note->text, NULL, &checkpoint) != HM_OK)
        return HM_OK; /* spoilt: nobody goes by it */
    HM_TRY(copy_edge(public_dir, closed, HM_TILE_ENTRIES, 0, checkpoint.size, err));
    for (unsigned level = 0; level <= HM_TILE_LEVEL_MAX; level++)
        HM_TRY(copy_edge(public_dir, closed, HM_TILE_HASHES, level, checkpoint.size, err));
    return copy_file(public_dir, closed, "checkpoint", err);
}

/* ---- the checkpoint -------------------------------------------------------------------------- */

/* *ret_policy is NULL where there is no such file. */
static enum hm_rc read_policy(const struct hm_dir *next, const char *path, struct hm_err *err,
                              struct hm_log_policy **ret_policy)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    enum hm_rc rc = hm_dir_read(next, path, err, &text);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_log_policy_parse(hm_buf_bytes(&text), err, ret_policy));
    if ((*ret_policy)->log_count != 1)
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/%s': not one log", path);
    return HM_OK;
}

static enum hm_rc cosign(const struct hm_dir *private_dir, struct hm_log *log,
                         const struct hm_dir *next, const struct hm_cosign_options *ask,
                         struct hm_err *err, struct hm_buf *report, bool *ret_done)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *before = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    *ret_done = hm_dir_has(next, COSIGNED);
    if (*ret_done)
        return HM_OK;
    HM_TRY(read_policy(next, "log/" HM_LOG_STEP_POLICY, err, &policy));
    HM_TRY(read_policy(next, "log/" HM_LOG_STEP_POLICY_BEFORE, err, &before));
    if (policy == NULL)
        return hm_fail(err, HM_EFORMAT, "'private/publish/next/log/policy' is missing");
    if (ask == NULL && policy->quorum != HM_LOG_POLICY_NONE)
        return HM_OK;
    HM_TRY(hm_log_key_load(private_dir, policy->logs[0].key, err, &signer));
    HM_TRY(hm_log_sign(log, policy->logs[0].key, signer, err, &checkpoint));
    if (ask == NULL)
        HM_TRY(hm_buf_append(&note, hm_buf_bytes(&checkpoint), err));
    else
        HM_TRY(hm_cosign_gather(private_dir, log, policy, before, hm_buf_bytes(&checkpoint), ask,
                                err, report, &note));
    HM_TRY(hm_file_replace(next, COSIGNED, 0600, hm_buf_bytes(&note), err));
    *ret_done = true;
    return HM_OK;
}

enum hm_rc hm_log_step_prove(struct hm_log *log, struct hm_bytes note, struct hm_err *err,
                             struct hm_buf *ret_proof)
{
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    struct hm_merkle_proof path;
    struct hm_log_head head;
    struct hm_proof proof = {.has_extra = true, .checkpoint = note};

    hm_log_head(log, &head);
    if (head.size == 0)
        return hm_fail(err, HM_EINTERNAL, "an empty log has no last entry to prove");
    HM_TRY(hm_log_entry(log, head.size - 1, err, &entry));
    HM_TRY(hm_log_prove_inclusion(log, head.size - 1, head.size, err, &path));
    proof.extra = hm_buf_bytes(&entry);
    proof.index = head.size - 1;
    proof.hashes = path.hashes;
    proof.hash_count = path.count;
    return hm_proof_write(&proof, err, ret_proof);
}

/* Into the journal, from where they are put in place as all else. */
static enum hm_rc write_proofs(const struct hm_dir *next, struct hm_log *log,
                               const struct batch *batch, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    _hm_free_(hm_entry_free) struct hm_entry *last = NULL;
    char path[64];

    HM_TRY(hm_entry_parse(batch->entries[batch->count - 1], err, &last));
    if (last->kind != HM_ENTRY_SNAPSHOT)
        return hm_fail(err, HM_EFORMAT,
                       "'private/publish/next/log/entries': the last is no snapshot's");
    HM_TRY(hm_dir_read(next, COSIGNED, err, &note));
    HM_TRY(hm_log_step_prove(log, hm_buf_bytes(&note), err, &proof));
    HM_TRY(hm_file_replace(next, "replace/log/checkpoint", 0644, hm_buf_bytes(&note), err));
    HM_TRY(
        hm_file_replace(next, "replace/proofs/latest.tlog-proof", 0644, hm_buf_bytes(&proof), err));
    (void)snprintf(path, sizeof(path), "files/proofs/%llu.tlog-proof",
                   (unsigned long long)last->snapshot.version);
    HM_TRY(hm_file_replace(next, path, 0644, hm_buf_bytes(&proof), err));
    return hm_file_replace(next, READY, 0600, HM_BYTES_EMPTY, err);
}

bool hm_log_step_is_done(const struct hm_dir *next)
{
    return hm_dir_has(next, READY);
}

enum hm_rc hm_log_step_run(const struct hm_dir *private_dir, const struct hm_dir *public_dir,
                           const struct hm_dir *next, const struct hm_cosign_options *ask,
                           struct hm_err *err, struct hm_buf *report, bool *ret_done)
{
    _hm_done_(batch_done) struct batch batch = {.raw = HM_BUF_INIT(HM_LOG_STEP_ENTRIES_SIZE_MAX)};
    _hm_free_(hm_log_free) struct hm_log *log = NULL;
    uint64_t number;
    char closed[64];

    *ret_done = hm_log_step_is_done(next);
    if (*ret_done)
        return HM_OK;
    HM_TRY(batch_load(next, err, &batch));
    HM_TRY(read_archive(next, err, &number));
    (void)snprintf(closed, sizeof(closed), HM_LOG_STEP_CLOSED "/%llu", (unsigned long long)number);
    if (number > 0)
        HM_TRY(archive(private_dir, public_dir, closed, err));
    HM_TRY(hm_log_step_open(private_dir, public_dir, err, &log));
    HM_TRY(append(log, &batch, err));
    if (number > 0)
        HM_TRY(keep_readable(public_dir, closed, err));
    HM_TRY(cosign(private_dir, log, next, ask, err, report, ret_done));
    return *ret_done ? write_proofs(next, log, &batch, err) : HM_OK;
}
