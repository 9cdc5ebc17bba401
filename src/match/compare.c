/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equal runs by shift. The shift that most anchors speak for is compared in full; the others only
 * where the release is not found yet. So the cost is a few passes over the release, whatever the
 * image claims.
 */
#include "match/compare.h"

#define CELL  HM_COMPARE_CELL_SIZE
#define BLOCK ((size_t)4096)
#define FIRST 64

/* ---- fill ------------------------------------------------------------------------------------ */

static bool is_fill(const uint8_t *data, size_t size)
{
    /* Most cells show in their first bytes that they are none. */
    if (size > 1 && data[0] != data[1])
        return false;
    return size < 2 || memcmp(data, data + 1, size - 1) == 0;
}

void hm_compare_map_done(struct hm_compare_map *map)
{
    free(map->before);
    *map = (struct hm_compare_map){0};
}

enum hm_rc hm_compare_map_make(struct hm_bytes bytes, struct hm_err *err,
                               struct hm_compare_map *map)
{
    size_t cells = (bytes.size + CELL - 1) / CELL;
    uint32_t count = 0;

    HM_ASSERT(bytes.size <= UINT32_MAX);
    if (cells + 1 > map->capacity) {
        void *moved = reallocarray(map->before, cells + 1, sizeof(*map->before));

        if (moved == NULL)
            return hm_error_nomem(err);
        map->before = moved;
        map->capacity = cells + 1;
    }
    map->bytes = bytes;
    for (size_t i = 0; i < cells; i++) {
        size_t size = bytes.size - i * CELL < CELL ? bytes.size - i * CELL : CELL;

        map->before[i] = count;
        if (!is_fill(bytes.data + i * CELL, size))
            count += (uint32_t)size;
    }
    map->before[cells] = count;
    return HM_OK;
}

static bool is_telling_cell(const struct hm_compare_map *map, size_t cell)
{
    return map->before[cell + 1] != map->before[cell];
}

uint64_t hm_compare_map_telling(const struct hm_compare_map *map, size_t from, size_t to)
{
    size_t first = from / CELL;
    size_t last = to / CELL; /* the cell that to is in */
    uint64_t count;

    if (from >= to)
        return 0;
    if (first == last)
        return is_telling_cell(map, first) ? to - from : 0;
    count = map->before[last] - map->before[first];
    if (from % CELL != 0 && is_telling_cell(map, first))
        count -= from % CELL;
    if (to % CELL != 0 && is_telling_cell(map, last))
        count += to % CELL;
    return count;
}

/* ---- shifts ---------------------------------------------------------------------------------- */

struct shift {
    int64_t by;
    size_t votes;
};

static int compare_shifts(const void *a, const void *b)
{
    const struct shift *left = a;
    const struct shift *right = b;

    return left->by < right->by ? -1 : left->by > right->by;
}

static int compare_votes(const void *a, const void *b)
{
    const struct shift *left = a;
    const struct shift *right = b;

    if (left->votes != right->votes)
        return left->votes > right->votes ? -1 : 1;
    return compare_shifts(a, b);
}

/* The shifts with the most votes, most first. */
static enum hm_rc count_shifts(const struct hm_compare_hit *hits, size_t hit_count,
                               struct hm_err *err,
                               struct shift ret_shifts[HM_COMPARE_SHIFT_COUNT_MAX],
                               size_t *ret_count)
{
    _hm_free_(free) char *memory = calloc(hit_count, sizeof(struct shift));
    struct shift *shifts = (struct shift *)(void *)memory;
    size_t count = 0;

    if (shifts == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < hit_count; i++) {
        shifts[i].by = (int64_t)hits[i].image_offset - (int64_t)hits[i].release_offset;
        shifts[i].votes = 1;
    }
    qsort(shifts, hit_count, sizeof(*shifts), compare_shifts);
    for (size_t i = 0; i < hit_count; i++) {
        if (count > 0 && shifts[count - 1].by == shifts[i].by)
            shifts[count - 1].votes++;
        else
            shifts[count++] = shifts[i];
    }
    qsort(shifts, count, sizeof(*shifts), compare_votes);
    *ret_count = count < HM_COMPARE_SHIFT_COUNT_MAX ? count : HM_COMPARE_SHIFT_COUNT_MAX;
    memcpy(ret_shifts, shifts, *ret_count * sizeof(*shifts));
    return HM_OK;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* The state of one comparison: which cells of the release are found. */
struct search {
    const struct hm_compare_map *image, *release;
    uint8_t *is_found; /* of each cell of the release */
    struct hm_comparison *comparison;
    struct hm_err *err;
};

static enum hm_rc add_range(struct hm_comparison *comparison, size_t image_offset,
                            size_t release_offset, size_t size, struct hm_err *err)
{
    if (comparison->count == comparison->capacity) {
        size_t grown = comparison->capacity == 0 ? FIRST : 2 * comparison->capacity;
        void *moved = reallocarray(comparison->ranges, grown, sizeof(*comparison->ranges));

        if (moved == NULL)
            return hm_error_nomem(err);
        comparison->ranges = moved;
        comparison->capacity = grown;
    }
    comparison->ranges[comparison->count++] =
        (struct hm_compare_range){.image_offset = (uint32_t)image_offset,
                                  .release_offset = (uint32_t)release_offset,
                                  .size = (uint32_t)size};
    return HM_OK;
}

/* How many bytes are equal from here on, at most size, whole cells first. */
static size_t equal_size(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t done = 0;

    while (size - done >= BLOCK && memcmp(a + done, b + done, BLOCK) == 0)
        done += BLOCK;
    while (size - done >= CELL && memcmp(a + done, b + done, CELL) == 0)
        done += CELL;
    while (done < size && a[done] == b[done])
        done++;
    return done;
}

static void mark_found(const struct search *search, size_t from, size_t to)
{
    for (size_t cell = (from + CELL - 1) / CELL; (cell + 1) * CELL <= to; cell++)
        search->is_found[cell] = 1;
    if (to == search->release->bytes.size && to > from)
        search->is_found[(to - 1) / CELL] = 1;
}

/* A run [from, to) of the release that is equal at the shift; is_main: at the main one. */
static enum hm_rc take_run(const struct search *search, int64_t by, size_t from, size_t to,
                           bool is_main)
{
    size_t in_image = (size_t)((int64_t)from + by);
    uint64_t telling = hm_compare_map_telling(search->release, from, to);

    if (to - from < CELL && !is_main)
        return HM_OK;
    if (!is_main && (to - from < HM_COMPARE_MOVED_SIZE_MIN || telling < HM_COMPARE_MOVED_SIZE_MIN))
        return HM_OK;
    mark_found(search, from, to);
    return add_range(search->comparison, in_image, from, to - from, search->err);
}

/* Where the next cell begins that is not found. */
static size_t next_missing(const struct search *search, size_t at)
{
    size_t cells = search->release->bytes.size / CELL + 1;
    const uint8_t *found = search->is_found + at / CELL;
    const uint8_t *next = memchr(found, 0, cells - at / CELL);

    return next == NULL ? search->release->bytes.size : (size_t)(next - search->is_found) * CELL;
}

static enum hm_rc compare_at(const struct search *search, int64_t by, bool is_main)
{
    struct hm_bytes image = search->image->bytes;
    struct hm_bytes release = search->release->bytes;
    size_t at = by < 0 ? (size_t)-by : 0;
    size_t end = release.size;
    size_t start = at; /* runs do not reach back before it */

    if ((int64_t)end + by > (int64_t)image.size)
        end = (size_t)((int64_t)image.size - by);
    while (at < end) {
        const uint8_t *ours = release.data + at;
        const uint8_t *theirs = image.data + (size_t)((int64_t)at + by);
        size_t step = CELL - at % CELL < end - at ? CELL - at % CELL : end - at;
        size_t from = at;
        size_t size;

        if (search->is_found[at / CELL] != 0) {
            at = next_missing(search, at);
            continue;
        }
        if (memcmp(ours, theirs, step) != 0) {
            at += step;
            continue;
        }
        while (from > start &&
               release.data[from - 1] == image.data[(size_t)((int64_t)from - 1 + by)])
            from--;
        size = equal_size(ours, theirs, end - at);
        HM_TRY(take_run(search, by, from, at + size, is_main));
        at += size;
        start = at;
        at += CELL - at % CELL < end - at ? CELL - at % CELL : end - at;
    }
    return HM_OK;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct hm_compare_range *left = a;
    const struct hm_compare_range *right = b;

    if (left->image_offset != right->image_offset)
        return left->image_offset < right->image_offset ? -1 : 1;
    return left->size > right->size ? -1 : left->size < right->size;
}

/* Sorts the ranges and cuts what overlaps, so that each byte of the image is explained once. */
static void settle(struct hm_comparison *comparison, const struct hm_compare_map *image)
{
    uint32_t end = 0;
    size_t kept = 0;

    if (comparison->count > 1)
        qsort(comparison->ranges, comparison->count, sizeof(*comparison->ranges), compare_ranges);
    for (size_t i = 0; i < comparison->count; i++) {
        struct hm_compare_range range = comparison->ranges[i];
        uint32_t cut = range.image_offset < end ? end - range.image_offset : 0;

        if (cut >= range.size)
            continue;
        range.image_offset += cut;
        range.release_offset += cut;
        range.size -= cut;
        end = range.image_offset + range.size;
        comparison->explained += hm_compare_map_telling(image, range.image_offset, end);
        comparison->ranges[kept++] = range;
    }
    comparison->count = kept;
}

void hm_compare_done(struct hm_comparison *comparison)
{
    free(comparison->ranges);
    *comparison = (struct hm_comparison){0};
}

enum hm_rc hm_compare_run(const struct hm_compare_map *image, const struct hm_compare_map *release,
                          const struct hm_compare_hit *hits, size_t hit_count, struct hm_err *err,
                          struct hm_comparison *ret_comparison)
{
    _hm_done_(hm_compare_done) struct hm_comparison comparison = {0};
    _hm_free_(free) char *found = calloc(release->bytes.size / CELL + 1, 1);
    struct search search = {.image = image,
                            .release = release,
                            .is_found = (uint8_t *)found,
                            .comparison = &comparison,
                            .err = err};
    struct shift shifts[HM_COMPARE_SHIFT_COUNT_MAX] = {0};
    size_t count = 0;

    if (found == NULL)
        return hm_error_nomem(err);
    HM_ASSERT(hit_count > 0);
    HM_TRY(count_shifts(hits, hit_count, err, shifts, &count));
    comparison.shift = shifts[0].by;
    for (size_t i = 0; i < count; i++) {
        int64_t by = shifts[i].by;

        /* An index that is damaged may speak of places that are not there. */
        if (by >= (int64_t)image->bytes.size || -by >= (int64_t)release->bytes.size)
            continue;
        HM_TRY(compare_at(&search, by, i == 0));
    }
    settle(&comparison, image);
    *ret_comparison = comparison;
    comparison = (struct hm_comparison){0};
    return HM_OK;
}
