/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Votes. A piece found in few images speaks louder than one found in many: its size is shared among
 * them. Of images that keep one anchor in eight, each vote counts eight times.
 */
#include "match/candidate.h"

#define SCALE       1024
#define FIRST_HITS  4096
#define AHEAD       8     /* anchors */
#define POOL_MAX    64    /* the heaviest, before sampling is allowed for */
#define ANCHOR_SIZE 20480 /* what one kept anchor of decompressed bytes stands for */

struct hit {
    uint32_t file; /* of all indexes, in order */
    uint32_t image;
    struct hm_compare_hit at;
};

struct votes {
    const struct hm_index_file **files;
    size_t *sources; /* of each file */
    size_t file_count;
    uint64_t **raw, **parts; /* of each image of each file */
    struct hit *hits;
    size_t hit_count, hit_capacity;
    struct hm_arena arena;
};

static void votes_done(struct votes *votes)
{
    free(votes->hits);
    hm_arena_done(&votes->arena);
}

static enum hm_rc votes_init(struct votes *votes, const struct hm_index *const *sources,
                             size_t count, struct hm_err *err)
{
    size_t file_count = 0;

    for (size_t i = 0; i < count; i++)
        file_count += sources[i]->file_count;
    votes->files = hm_arena_alloc(&votes->arena, file_count, sizeof(*votes->files));
    votes->sources = hm_arena_alloc(&votes->arena, file_count, sizeof(*votes->sources));
    votes->raw = hm_arena_alloc(&votes->arena, file_count, sizeof(*votes->raw));
    votes->parts = hm_arena_alloc(&votes->arena, file_count, sizeof(*votes->parts));
    if (votes->files == NULL || votes->sources == NULL || votes->raw == NULL ||
        votes->parts == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sources[i]->file_count; j++) {
            const struct hm_index_file *file = &sources[i]->files[j];
            size_t at = votes->file_count++;

            votes->files[at] = file;
            votes->sources[at] = i;
            votes->raw[at] = hm_arena_alloc(&votes->arena, file->image_count, sizeof(uint64_t));
            votes->parts[at] = hm_arena_alloc(&votes->arena, file->image_count, sizeof(uint64_t));
            if (votes->raw[at] == NULL || votes->parts[at] == NULL)
                return hm_error_nomem(err);
        }
    }
    return HM_OK;
}

static enum hm_rc add_hit(struct votes *votes, const struct hit *hit, struct hm_err *err)
{
    if (votes->hit_count == HM_CANDIDATE_HIT_COUNT_MAX)
        return HM_OK;
    if (votes->hit_count == votes->hit_capacity) {
        size_t grown = votes->hit_capacity == 0 ? FIRST_HITS : 2 * votes->hit_capacity;
        void *moved = reallocarray(votes->hits, grown, sizeof(*votes->hits));

        if (moved == NULL)
            return hm_error_nomem(err);
        votes->hits = moved;
        votes->hit_capacity = grown;
    }
    votes->hits[votes->hit_count++] = *hit;
    return HM_OK;
}

/* Where a key stands in each file. */
struct found {
    size_t first[2 * HM_INDEX_FILE_COUNT_MAX], count[2 * HM_INDEX_FILE_COUNT_MAX];
    size_t total;
};

static enum hm_rc find(const struct votes *votes, uint64_t key, struct hm_err *err,
                       struct found *ret_found)
{
    ret_found->total = 0;
    for (size_t i = 0; i < votes->file_count; i++) {
        HM_TRY(hm_index_file_find(votes->files[i], key, err, &ret_found->first[i],
                                  &ret_found->count[i]));
        ret_found->total += ret_found->count[i];
    }
    return HM_OK;
}

/* An index is larger than any cache. */
static void prefetch(const struct votes *votes, uint64_t key)
{
    for (size_t i = 0; i < votes->file_count; i++)
        hm_index_file_prefetch(votes->files[i], key);
}

static enum hm_rc vote_raw(struct votes *votes, const struct hm_anchor *anchor, struct hm_err *err)
{
    struct found found;

    HM_TRY(find(votes, anchor->key, err, &found));
    for (size_t i = 0; found.total > 0 && i < votes->file_count; i++) {
        for (size_t j = 0; j < found.count[i]; j++) {
            struct hm_index_entry entry = hm_index_file_entry(votes->files[i], found.first[i] + j);
            struct hit hit = {
                .file = (uint32_t)i, .image = entry.image, .at = {anchor->offset, entry.offset}};

            if (entry.image >= votes->files[i]->image_count)
                continue; /* damage: it leads nowhere */
            votes->raw[i][entry.image] += (uint64_t)anchor->size * SCALE / found.total;
            HM_TRY(add_hit(votes, &hit, err));
        }
    }
    return HM_OK;
}

static enum hm_rc vote_part(struct votes *votes, uint64_t key, uint64_t size, struct hm_err *err)
{
    struct found found;

    HM_TRY(find(votes, key, err, &found));
    for (size_t i = 0; found.total > 0 && i < votes->file_count; i++) {
        for (size_t j = 0; j < found.count[i]; j++) {
            struct hm_index_entry entry = hm_index_file_entry(votes->files[i], found.first[i] + j);

            if (entry.image < votes->files[i]->image_count)
                votes->parts[i][entry.image] += size * SCALE / found.total;
        }
    }
    return HM_OK;
}

static enum hm_rc vote(struct votes *votes, const struct hm_anchor_list *anchors,
                       const struct hm_contents *contents, struct hm_err *err)
{
    for (size_t i = 0; i < anchors->count; i++) {
        if (i + AHEAD < anchors->count)
            prefetch(votes, anchors->items[i + AHEAD].key);
        HM_TRY(vote_raw(votes, &anchors->items[i], err));
    }
    for (size_t i = 0; contents != NULL && i < contents->part_count; i++) {
        const struct hm_part *part = &contents->parts[i];

        if (!part->is_variable && part->size >= HM_CONTENTS_TELLING_SIZE_MIN)
            HM_TRY(vote_part(votes, hm_index_file_key(&part->sha256), part->size, err));
    }
    for (size_t i = 0; contents != NULL && i < contents->anchor_count; i++)
        HM_TRY(vote_part(votes, contents->anchors[i], ANCHOR_SIZE, err));
    return HM_OK;
}

/* ---- choosing -------------------------------------------------------------------------------- */

struct ranked {
    uint64_t weight;
    uint32_t file, image;
};

/* The heaviest first; at equal weight the order of the indexes. */
static bool is_before(const struct ranked *a, const struct ranked *b)
{
    if (a->weight != b->weight)
        return a->weight > b->weight;
    return a->file != b->file ? a->file < b->file : a->image < b->image;
}

static void insert(struct ranked *pool, size_t *count, size_t count_max, struct ranked item)
{
    size_t at = *count;

    if (*count == count_max && !is_before(&item, &pool[*count - 1]))
        return;
    if (*count < count_max)
        (*count)++;
    else
        at--;
    for (; at > 0 && is_before(&item, &pool[at - 1]); at--)
        pool[at] = pool[at - 1];
    pool[at] = item;
}

static size_t choose(const struct votes *votes, uint64_t *const *weights, struct ranked *pool,
                     size_t count_max)
{
    size_t count = 0;

    for (size_t i = 0; i < votes->file_count; i++) {
        for (uint32_t j = 0; j < votes->files[i]->image_count; j++) {
            if (weights[i][j] > 0)
                insert(pool, &count, count_max,
                       (struct ranked){.weight = weights[i][j], .file = (uint32_t)i, .image = j});
        }
    }
    return count;
}

static bool is_listed(const struct hm_candidate_list *list, const struct hm_sha256 *sha256)
{
    for (size_t i = 0; i < list->count; i++) {
        if (hm_digest_is_equal(&list->items[i].image.sha256, sha256))
            return true;
    }
    return false;
}

static enum hm_rc take_hits(const struct votes *votes, const struct ranked *from,
                            struct hm_candidate *candidate, struct hm_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < votes->hit_count; i++)
        count += votes->hits[i].file == from->file && votes->hits[i].image == from->image;
    candidate->hits = calloc(count + 1, sizeof(*candidate->hits));
    if (candidate->hits == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < votes->hit_count; i++) {
        if (votes->hits[i].file == from->file && votes->hits[i].image == from->image)
            candidate->hits[candidate->hit_count++] = votes->hits[i].at;
    }
    return HM_OK;
}

static enum hm_rc take(const struct votes *votes, const struct ranked *from, size_t count_max,
                       struct hm_err *err, struct hm_candidate_list *list)
{
    struct hm_candidate *candidate = &list->items[list->count];

    if (list->count >= count_max)
        return HM_OK;
    HM_TRY(hm_index_file_image(votes->files[from->file], from->image, err, &candidate->image));
    if (is_listed(list, &candidate->image.sha256))
        return HM_OK;
    candidate->source = votes->sources[from->file];
    candidate->raw_weight = votes->raw[from->file][from->image];
    candidate->parts_weight = votes->parts[from->file][from->image];
    candidate->hits = NULL;
    candidate->hit_count = 0;
    list->count++;
    return take_hits(votes, from, candidate, err);
}

/* By bytes: sampling is allowed for once the sizes are known. */
static enum hm_rc take_raw(const struct votes *votes, struct hm_err *err,
                           struct hm_candidate_list *list)
{
    struct ranked pool[POOL_MAX], best[HM_CANDIDATE_RAW_COUNT_MAX];
    size_t count = choose(votes, votes->raw, pool, POOL_MAX);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct hm_index_image image;

        HM_TRY(hm_index_file_image(votes->files[pool[i].file], pool[i].image, err, &image));
        pool[i].weight <<= hm_index_sample_bits(image.size);
        insert(best, &kept, HM_CANDIDATE_RAW_COUNT_MAX, pool[i]);
    }
    for (size_t i = 0; i < kept; i++)
        HM_TRY(take(votes, &best[i], HM_CANDIDATE_RAW_COUNT_MAX, err, list));
    return HM_OK;
}

static enum hm_rc take_parts(const struct votes *votes, struct hm_err *err,
                             struct hm_candidate_list *list)
{
    struct ranked pool[HM_CANDIDATE_PARTS_COUNT_MAX];
    size_t count = choose(votes, votes->parts, pool, HM_CANDIDATE_PARTS_COUNT_MAX);

    for (size_t i = 0; i < count; i++)
        HM_TRY(take(votes, &pool[i], HM_CANDIDATE_COUNT_MAX, err, list));
    return HM_OK;
}

void hm_candidate_list_done(struct hm_candidate_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].hits);
    list->count = 0;
}

enum hm_rc hm_candidate_find(const struct hm_index *const *sources, size_t count,
                             const struct hm_anchor_list *anchors,
                             const struct hm_contents *contents, struct hm_err *err,
                             struct hm_candidate_list *ret_list)
{
    _hm_done_(votes_done) struct votes votes = {0};
    enum hm_rc rc;

    ret_list->count = 0;
    HM_TRY(votes_init(&votes, sources, count, err));
    if (votes.file_count > 2 * HM_INDEX_FILE_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "too many indexes at once");
    HM_TRY(vote(&votes, anchors, contents, err));
    rc = take_raw(&votes, err, ret_list);
    if (rc == HM_OK)
        rc = take_parts(&votes, err, ret_list);
    if (rc != HM_OK)
        hm_candidate_list_done(ret_list);
    return rc;
}

enum hm_rc hm_candidate_find_exact(const struct hm_index *const *sources, size_t count,
                                   const struct hm_sha256 *sha256, size_t count_max,
                                   struct hm_err *err, struct hm_candidate *ret_items,
                                   size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sources[i]->file_count; j++) {
            const struct hm_index_file *file = &sources[i]->files[j];
            size_t first, found;

            HM_TRY(hm_index_file_find(file, hm_index_file_key(sha256), err, &first, &found));
            for (size_t k = 0; k < found && *ret_count < count_max; k++) {
                struct hm_index_entry entry = hm_index_file_entry(file, first + k);
                struct hm_candidate *item = &ret_items[*ret_count];

                if (entry.offset != HM_INDEX_FILE_WHOLE)
                    continue;
                HM_TRY(hm_index_file_image(file, entry.image, err, &item->image));
                item->source = i;
                item->hits = NULL;
                item->hit_count = 0;
                *ret_count += hm_digest_is_equal(&item->image.sha256, sha256);
            }
        }
    }
    return HM_OK;
}
