/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing an index up to date. Files are added before any is removed, and what is removed stands
 * in another one by then: whenever the machine stops, the next run finds all that was acknowledged.
 */
#include "match/index_internal.h"

#include "base/lock.h"
#include "image/walk.h"
#include "match/anchor.h"
#include "match/index_file_internal.h"

#define FIRST_DIGESTS 1024
/* A look-up pays for each file, and most of an index should be in one; each image is written anew
 * some MERGE_FACTOR times for each time that the index grows by this factor. */
#define MERGE_FACTOR 8

/* ---- a set of digests ------------------------------------------------------------------------ */

/* Of the images that have entries: others with the same bytes are copies. */
struct digest_set {
    struct hm_sha256 *slots;
    bool *is_used;
    size_t count, capacity; /* a power of two, at most half full */
};

static void digest_set_done(struct digest_set *set)
{
    free(set->slots);
    free(set->is_used);
}

/* Where it stands, or belongs. */
static size_t digest_set_slot(const struct digest_set *set, const struct hm_sha256 *sha256)
{
    size_t slot = (size_t)hm_index_file_key(sha256) & (set->capacity - 1);

    while (set->is_used[slot] && !hm_digest_is_equal(&set->slots[slot], sha256))
        slot = (slot + 1) & (set->capacity - 1);
    return slot;
}

static bool digest_set_has(const struct digest_set *set, const struct hm_sha256 *sha256)
{
    return set->capacity > 0 && set->is_used[digest_set_slot(set, sha256)];
}

static enum hm_rc digest_set_add(struct digest_set *set, const struct hm_sha256 *sha256,
                                 struct hm_err *err)
{
    size_t slot;

    if (2 * set->count >= set->capacity) {
        struct digest_set grown = {.capacity =
                                       set->capacity == 0 ? FIRST_DIGESTS : 2 * set->capacity};

        grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
        grown.is_used = calloc(grown.capacity, sizeof(*grown.is_used));
        if (grown.slots == NULL || grown.is_used == NULL) {
            digest_set_done(&grown);
            return hm_error_nomem(err);
        }
        for (size_t i = 0; i < set->capacity; i++) {
            if (!set->is_used[i])
                continue;
            slot = digest_set_slot(&grown, &set->slots[i]);
            grown.slots[slot] = set->slots[i];
            grown.is_used[slot] = true;
        }
        grown.count = set->count;
        digest_set_done(set);
        *set = grown;
    }
    slot = digest_set_slot(set, sha256);
    set->count += !set->is_used[slot];
    set->slots[slot] = *sha256;
    set->is_used[slot] = true;
    return HM_OK;
}

/* ---- the state of an update ------------------------------------------------------------------ */

struct held {
    char *name;
    uint64_t number;
    struct hm_index_file file;
    bool *is_dropped; /* of each image */
    size_t dropped_count;
};

struct update {
    const struct hm_dir *dir;
    struct hm_index_want *wants;
    size_t want_count;
    const char *worker;
    const struct hm_index_events *events;
    struct held held[HM_INDEX_FILE_COUNT_MAX];
    size_t held_count;
    uint64_t next_number;
    struct digest_set digests;
    struct hm_index_batch batch;
    struct hm_index_counts counts;
    struct hm_arena arena;
    struct hm_buf bytes; /* of the image being read */
    size_t done, todo;
};

static void update_free(struct update **update)
{
    if (*update == NULL)
        return;
    for (size_t i = 0; i < (*update)->held_count; i++)
        hm_index_unmap(&(*update)->held[i].file.bytes);
    digest_set_done(&(*update)->digests);
    hm_index_file_batch_done(&(*update)->batch);
    hm_arena_done(&(*update)->arena);
    hm_buf_done(&(*update)->bytes);
    free(*update);
}

static int compare_wants(const void *a, const void *b)
{
    const struct hm_index_want *left = a;
    const struct hm_index_want *right = b;

    return strcmp(left->path, right->path);
}

static struct hm_index_want *find_want(const struct update *update, struct hm_bytes path)
{
    size_t low = 0;
    size_t high = update->want_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hm_bytes_compare(hm_bytes_str(update->wants[middle].path), path);

        if (order == 0)
            return &update->wants[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- what is there --------------------------------------------------------------------------- */

/* Opens a file of the index; one that is damaged is removed, and its images are made anew. */
static enum hm_rc hold(struct update *update, const char *name, uint64_t number, struct hm_err *err)
{
    struct held *held = &update->held[update->held_count];
    struct hm_bytes bytes = HM_BYTES_EMPTY;
    enum hm_rc rc = hm_index_map(update->dir, name, err, &bytes);

    if (rc == HM_OK)
        rc = hm_index_file_parse(bytes, err, &held->file);
    if (rc == HM_EFORMAT) {
        hm_index_unmap(&bytes);
        return hm_dir_remove(update->dir, name, err);
    }
    HM_TRY(rc);
    update->held_count++;
    held->number = number;
    held->dropped_count = 0;
    held->name = hm_arena_strdup(&update->arena, hm_bytes_str(name));
    held->is_dropped = hm_arena_alloc(&update->arena, held->file.image_count, sizeof(bool));
    if (held->name == NULL || held->is_dropped == NULL)
        return hm_error_nomem(err);
    return HM_OK;
}

static enum hm_rc hold_all(struct update *update, struct hm_err *err)
{
    const char **names;
    size_t count;

    HM_TRY(hm_dir_list(update->dir, "", INDEX_NAME_COUNT_MAX, &update->arena, err, &names, &count));
    update->next_number = 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t number;

        if (!hm_index_name(names[i], &number))
            continue;
        if (number >= update->next_number)
            update->next_number = number + 1;
        if (update->held_count == HM_INDEX_FILE_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT,
                           "'%s' has more index files than there can be: remove it",
                           update->dir->path);
        HM_TRY(hold(update, names[i], number, err));
    }
    return HM_OK;
}

static void drop(struct update *update, struct held *held, uint32_t image)
{
    held->is_dropped[image] = true;
    held->dropped_count++;
    update->counts.removed++;
}

/* Which images are still wanted, as they are. */
static enum hm_rc mark(struct update *update, struct held *held, struct hm_err *err)
{
    for (uint32_t i = 0; i < held->file.image_count; i++) {
        struct hm_index_want *want = NULL;
        struct hm_index_image image;
        enum hm_rc rc = hm_index_file_image(&held->file, i, NULL, &image);

        if (rc != HM_OK && rc != HM_EFORMAT)
            return rc;
        if (rc == HM_OK)
            want = find_want(update, image.path);
        if (want == NULL || want->is_indexed || want->size != image.size ||
            want->inode != image.inode || want->changed_ns != image.changed_ns ||
            (want->has_sha256 && !hm_digest_is_equal(&want->sha256, &image.sha256))) {
            drop(update, held, i);
            continue;
        }
        want->is_indexed = true;
        update->counts.kept++;
        if (!image.is_copy)
            HM_TRY(digest_set_add(&update->digests, &image.sha256, err));
    }
    return HM_OK;
}

/* A copy whose original goes must be read again. */
static enum hm_rc mark_copies(struct update *update, struct held *held, struct hm_err *err)
{
    for (uint32_t i = 0; i < held->file.image_count; i++) {
        struct hm_index_image image;
        struct hm_index_want *want;

        if (held->is_dropped[i])
            continue;
        HM_TRY(hm_index_file_image(&held->file, i, err, &image));
        if (!image.is_copy || digest_set_has(&update->digests, &image.sha256))
            continue;
        want = find_want(update, image.path);
        HM_ASSERT(want != NULL);
        want->is_indexed = false;
        update->counts.kept--;
        drop(update, held, i);
    }
    return HM_OK;
}

/* ---- what is new ----------------------------------------------------------------------------- */

static enum hm_rc write_file(struct update *update, const struct hm_index_source *sources,
                             size_t count, struct hm_err *err)
{
    char name[48];
    uint64_t number = update->next_number++;

    (void)snprintf(name, sizeof(name), "%llu" INDEX_SUFFIX, (unsigned long long)number); /* fits */
    HM_TRY(hm_index_file_write(update->dir, name, sources, count, err));
    if (update->held_count == HM_INDEX_FILE_COUNT_MAX)
        return hm_fail(err, HM_EINTERNAL, "more index files than merging leaves");
    return hold(update, name, number, err);
}

/* Merges the newest files until each is far larger than the next. */
static enum hm_rc merge_newest(struct update *update, struct hm_err *err);

static enum hm_rc flush(struct update *update, struct hm_err *err)
{
    struct hm_index_source source;

    if (update->batch.image_count == 0)
        return HM_OK;
    source = hm_index_file_batch_source(&update->batch);
    HM_TRY(write_file(update, &source, 1, err));
    hm_index_file_batch_done(&update->batch);
    return merge_newest(update, err);
}

static void leave_out(struct update *update, const struct hm_index_want *want,
                      const struct hm_err *why)
{
    char sentence[HM_ERR_TEXT_MAX];

    update->counts.left_out++;
    if (update->events == NULL || update->events->notice == NULL)
        return;
    (void)snprintf(sentence, sizeof(sentence), "'%.400s' is left out: %.500s", want->path,
                   why->text);
    update->events->notice(update->events->ctx, sentence);
}

static enum hm_rc add_image(struct update *update, struct hm_index_want *want, struct hm_err *err)
{
    _hm_free_(hm_contents_free) struct hm_contents *contents = NULL;
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list anchors = {0};
    struct hm_index_image image = {.size = want->size,
                                   .inode = want->inode,
                                   .changed_ns = want->changed_ns,
                                   .path = hm_bytes_str(want->path)};
    struct hm_bytes bytes;
    bool is_same;

    if (want->size > HM_WALK_FILE_SIZE_MAX)
        return hm_fail(err, HM_EREFUSED, "it is larger than any flash image");
    HM_TRY(hm_index_read(want->path, want, err, &update->bytes, &is_same));
    if (!is_same)
        return hm_fail(err, HM_EAGAIN, "it changed meanwhile");
    bytes = hm_buf_bytes(&update->bytes);
    HM_TRY(hm_digest_sha256(bytes, err, &image.sha256));
    if (want->has_sha256 && !hm_digest_is_equal(&want->sha256, &image.sha256))
        return hm_fail(err, HM_EMISMATCH, "its bytes are not those that were placed there");
    image.is_copy = digest_set_has(&update->digests, &image.sha256);
    if (!image.is_copy) {
        if (update->worker != NULL)
            HM_TRY(hm_contents_inspect(update->worker, bytes, true, err, &contents));
        HM_TRY(
            hm_anchor_find(bytes, HM_ANCHOR_RAW, hm_index_sample_bits(want->size), err, &anchors));
    }
    HM_TRY(hm_index_file_batch_add(&update->batch, &image, contents, &anchors, err));
    /* Not before: there are no copies of what could not be added. */
    if (!image.is_copy)
        HM_TRY(digest_set_add(&update->digests, &image.sha256, err));
    want->is_indexed = true;
    update->counts.added++;
    return HM_OK;
}

static enum hm_rc add_wanted(struct update *update, struct hm_err *err)
{
    for (size_t i = 0; i < update->want_count; i++) {
        struct hm_index_want *want = &update->wants[i];
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc;

        if (want->is_indexed)
            continue;
        if (update->events != NULL && update->events->progress != NULL)
            update->events->progress(update->events->ctx, want->path, update->done, update->todo);
        update->done++;
        rc = add_image(update, want, &why);
        if (rc != HM_OK && hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "'%s': %s", want->path, why.text);
        if (rc != HM_OK)
            leave_out(update, want, &why);
        if (update->batch.entry_count >= HM_INDEX_BATCH_ENTRY_COUNT)
            HM_TRY(flush(update, err));
    }
    return flush(update, err);
}

/* ---- merging --------------------------------------------------------------------------------- */

static enum hm_rc make_source(struct update *update, const struct held *held, struct hm_err *err,
                              struct hm_index_source *ret_source)
{
    struct hm_bytes *blocks =
        hm_arena_alloc(&update->arena, held->file.image_count, sizeof(*blocks));

    if (blocks == NULL)
        return hm_error_nomem(err);
    for (uint32_t i = 0; i < held->file.image_count; i++) {
        struct hm_index_image image;
        uint64_t sum;

        if (held->is_dropped[i])
            continue;
        /* Checked once more: damage is not carried on under a new checksum. */
        HM_TRY(hm_index_file_image(&held->file, i, err, &image));
        HM_TRY(hm_index_file_block(&held->file, i, err, &blocks[i], &sum));
    }
    *ret_source = (struct hm_index_source){
        .entries = hm_bytes_make(held->file.bytes.data + held->file.entries_offset,
                                 held->file.entry_count * HM_INDEX_FILE_ENTRY_SIZE),
        .blocks = blocks,
        .is_dropped = held->is_dropped,
        .image_count = held->file.image_count,
    };
    return HM_OK;
}

/* Writes the files from first on anew, as one, and removes them. */
static enum hm_rc rewrite(struct update *update, size_t first, size_t count, struct hm_err *err)
{
    struct hm_index_source *sources = hm_arena_alloc(&update->arena, count, sizeof(*sources));
    struct held *replaced = hm_arena_alloc(&update->arena, count, sizeof(*replaced));
    enum hm_rc rc = HM_OK;
    size_t images = 0;

    if (sources == NULL || replaced == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        HM_TRY(make_source(update, &update->held[first + i], err, &sources[i]));
        images += update->held[first + i].file.image_count - update->held[first + i].dropped_count;
    }
    memcpy(replaced, &update->held[first], count * sizeof(*replaced));
    memmove(&update->held[first], &update->held[first + count],
            (update->held_count - first - count) * sizeof(*replaced));
    update->held_count -= count;
    if (images > 0)
        rc = write_file(update, sources, count, err);
    for (size_t i = 0; i < count; i++) {
        hm_index_unmap(&replaced[i].file.bytes);
        if (rc == HM_OK)
            rc = hm_dir_remove(update->dir, replaced[i].name, err);
    }
    return rc;
}

static enum hm_rc merge_newest(struct update *update, struct hm_err *err)
{
    size_t first = update->held_count - 1;
    size_t size = update->held[first].file.bytes.size;

    while (first > 0 && update->held[first - 1].file.bytes.size <= MERGE_FACTOR * size)
        size += update->held[--first].file.bytes.size;
    if (first + 1 >= update->held_count)
        return HM_OK;
    return rewrite(update, first, update->held_count - first, err);
}

static int compare_held(const void *a, const void *b)
{
    const struct held *left = a;
    const struct held *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* Each file with images that are gone is written anew without them. */
static enum hm_rc remove_dropped(struct update *update, struct hm_err *err)
{
    for (size_t i = 0; i < update->held_count;) {
        if (update->held[i].dropped_count > 0)
            HM_TRY(rewrite(update, i, 1, err)); /* its successor is the last, and has none */
        else
            i++;
    }
    return HM_OK;
}

static enum hm_rc run(struct update *update, struct hm_err *err)
{
    HM_TRY(hold_all(update, err));
    qsort(update->held, update->held_count, sizeof(*update->held), compare_held);
    for (size_t i = 0; i < update->held_count; i++)
        HM_TRY(mark(update, &update->held[i], err));
    for (size_t i = 0; i < update->held_count; i++)
        HM_TRY(mark_copies(update, &update->held[i], err));
    for (size_t i = 0; i < update->want_count; i++)
        update->todo += !update->wants[i].is_indexed;
    HM_TRY(remove_dropped(update, err));
    return add_wanted(update, err);
}

enum hm_rc hm_index_update(const struct hm_dir *dir, struct hm_index_want *wants, size_t count,
                           const char *stamp, const char *worker,
                           const struct hm_index_events *events, struct hm_err *err,
                           struct hm_index_counts *ret_counts)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_done_(update_free) struct update *update = calloc(1, sizeof(*update));

    if (update == NULL)
        return hm_error_nomem(err);
    *update = (struct update){.dir = dir,
                              .wants = wants,
                              .want_count = count,
                              .worker = worker,
                              .events = events,
                              .bytes = HM_BUF_INIT(HM_WALK_FILE_SIZE_MAX + 1)};
    HM_TRY(hm_lock_take(dir, INDEX_LOCK, HM_INDEX_LOCK_WAIT_MS, err, &lock));
    for (size_t i = 0; i < count; i++)
        wants[i].is_indexed = false;
    if (count > 1)
        qsort(wants, count, sizeof(*wants), compare_wants);
    HM_TRY(run(update, err));
    /* What was left out is tried again the next time, and told again. */
    if (stamp != NULL && update->counts.left_out == 0)
        HM_TRY(hm_file_replace(dir, INDEX_STAMP, 0644, hm_bytes_str(stamp), err));
    *ret_counts = update->counts;
    return HM_OK;
}
