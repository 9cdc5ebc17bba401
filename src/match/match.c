/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict. What is equal comes from compare.h and modules.h; how releases are laid beside the
 * image is in match_release.c. */
#include "match/match_internal.h"

#include "image/walk.h"

#define FIRST      64
#define PIECES_MIN 4

const char *hm_match_verdict_text(enum hm_match_verdict verdict)
{
    static const char *const texts[] = {
        [HM_MATCH_EXACT] = "exact",       [HM_MATCH_VARIABLE] = "exact except variable regions",
        [HM_MATCH_MODIFIED] = "modified", [HM_MATCH_CONTAINS] = "contains",
        [HM_MATCH_RELATED] = "related",   [HM_MATCH_UNKNOWN] = "unknown",
    };

    return texts[verdict];
}

const char *hm_match_label_text(enum hm_match_label label)
{
    static const char *const texts[] = {
        [HM_MATCH_BYTES_EQUAL] = "equal",
        [HM_MATCH_BYTES_VARIABLE] = "variable",
        [HM_MATCH_BYTES_PADDING] = "padding",
        [HM_MATCH_BYTES_UNKNOWN] = "unknown",
    };

    return texts[label];
}

void hm_match_free(struct hm_match *match)
{
    if (match == NULL)
        return;
    for (size_t i = 0; i < match->release_count; i++)
        hm_match_release_done(&match->releases[i]);
    free(match->releases);
    free(match->ranges);
    hm_arena_done(&match->arena);
    free(match);
}

/* ---- order ----------------------------------------------------------------------------------- */

static uint32_t share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (uint32_t)(part * 10000 / whole); /* both are below 2^32 */
}

static uint64_t bytes_of_both(const struct hm_match_release *release)
{
    return release->image_telling + release->release_telling - release->explained;
}

uint32_t hm_match_nearness(const struct hm_match_release *release)
{
    return share(release->explained, bytes_of_both(release));
}

/* For qsort: the larger first. */
static int descending(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b;
}

/* The same of modules, by count. */
static uint32_t modules_nearness(const struct hm_match_release *release)
{
    const struct hm_modules *modules = &release->modules;

    return share(modules->equal_count,
                 modules->image_count + modules->release_count - modules->equal_count);
}

/* Where one release is at hand byte for byte, bytes decide; else modules, then bytes. */
static int compare_by_bytes(const void *a, const void *b)
{
    const struct hm_match_release *left = a;
    const struct hm_match_release *right = b;
    /* As fractions: all are below 2^31. */
    int order =
        descending(left->explained * bytes_of_both(right), right->explained * bytes_of_both(left));

    if (order == 0)
        order = descending(left->is_whole, right->is_whole);
    /* An image in an image, and variables that were not changed. */
    if (order == 0)
        order = descending(left->explained_all, right->explained_all);
    if (order == 0)
        order = descending(right->release_all, left->release_all);
    return order != 0 ? order : descending(modules_nearness(left), modules_nearness(right));
}

static int compare_by_modules(const void *a, const void *b)
{
    const struct hm_match_release *left = a;
    const struct hm_match_release *right = b;
    int order = descending(modules_nearness(left), modules_nearness(right));

    if (order == 0)
        order = descending(left->equal_pieces, right->equal_pieces);
    return order != 0 ? order : compare_by_bytes(a, b);
}

static bool is_percent(uint64_t part, uint64_t whole, unsigned percent)
{
    return whole > 0 && part * 100 >= whole * percent;
}

/* Is it the release, with changes? */
static bool is_near(const struct hm_match_release *release)
{
    return is_percent(hm_match_nearness(release), 10000, HM_MATCH_MODIFIED_PERCENT) ||
           is_percent(release->explained, release->image_telling, HM_MATCH_MODIFIED_PERCENT);
}

static void sort(struct hm_match *match)
{
    bool has_near = false;

    for (size_t i = 0; i < match->release_count; i++)
        has_near |= is_near(&match->releases[i]);
    if (match->release_count > 1)
        qsort(match->releases, match->release_count, sizeof(*match->releases),
              has_near ? compare_by_bytes : compare_by_modules);
}

bool hm_match_is_as_near(const struct hm_match *match, const struct hm_match_release *a,
                         const struct hm_match_release *b)
{
    if (match->verdict == HM_MATCH_RELATED && a->has_modules)
        return b->has_modules && a->modules.equal_count == b->modules.equal_count &&
               a->modules.difference_count == b->modules.difference_count;
    /* They explain the same bytes; what only one of them has besides is next to nothing. */
    return a->explained_all == b->explained_all && a->is_whole == b->is_whole &&
           hm_match_nearness(a) <= hm_match_nearness(b) + 1 &&
           hm_match_nearness(b) <= hm_match_nearness(a) + 1;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* The first known image that has a part with this digest. */
HM_NOINLINE static enum hm_rc find_part(struct hm_match *match, const struct match_input *input,
                                        const struct hm_part *part, struct hm_err *err)
{
    for (size_t i = 0; i < input->source_count; i++) {
        for (size_t j = 0; j < input->sources[i]->file_count; j++) {
            const struct hm_index_file *file = &input->sources[i]->files[j];
            size_t first, count;

            HM_TRY(hm_index_file_find(file, hm_index_file_key(&part->sha256), err, &first, &count));
            for (size_t k = 0; k < count; k++) {
                struct hm_match_part *found = &match->parts[match->part_count];
                struct hm_index_entry entry = hm_index_file_entry(file, first + k);
                bool has_it;

                HM_TRY(hm_index_file_image(file, entry.image, err, &found->image));
                HM_TRY(hm_match_image_has(&found->image, &part->sha256, err, &has_it));
                if (!has_it)
                    continue;
                found->part = part;
                found->source = i;
                match->part_count++;
                return HM_OK;
            }
        }
    }
    return HM_OK;
}

/* Does it lie in a release that is there as a whole? */
static bool is_in_whole(const struct hm_match *match, const struct hm_part *part)
{
    for (size_t i = 0; i < match->release_count; i++) {
        const struct hm_match_release *release = &match->releases[i];

        if (release->is_whole && (int64_t)part->offset >= release->shift &&
            (uint64_t)part->offset + part->size <= (uint64_t)release->shift + release->image.size)
            return true;
    }
    return false;
}

/* Whoever took the image apart is not believed where the bytes are at hand. */
static enum hm_rc check_digest(const struct match_input *input, const struct hm_part *part,
                               struct hm_err *err, bool *ret_is_right)
{
    struct hm_sha256 sha256;

    HM_TRY(hm_digest_sha256(hm_bytes_make(input->image.data + part->offset, part->size), err,
                            &sha256));
    *ret_is_right = hm_digest_is_equal(&sha256, &part->sha256);
    return HM_OK;
}

/* Components of the image that known images have; those inside one that was found say nothing new.
 */
static enum hm_rc find_parts(struct hm_match *match, const struct match_input *input,
                             struct hm_err *err)
{
    const struct hm_contents *contents = input->contents;
    bool is_right;

    match->parts = hm_arena_alloc(&match->arena, HM_MATCH_PART_COUNT_MAX, sizeof(*match->parts));
    if (match->parts == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; contents != NULL && i < contents->part_count; i++) {
        const struct hm_part *part = &contents->parts[i];
        const struct hm_part *last =
            match->part_count == 0 ? NULL : match->parts[match->part_count - 1].part;

        if (match->part_count == HM_MATCH_PART_COUNT_MAX)
            break;
        if (part->space != 0 || !hm_contents_is_component(part) || is_in_whole(match, part) ||
            (last != NULL && part->offset < last->offset + last->size))
            continue;
        if (hm_compare_map_telling(&input->map, part->offset, part->offset + part->size) <
            HM_CONTENTS_TELLING_SIZE_MIN)
            continue;
        HM_TRY(check_digest(input, part, err, &is_right));
        if (is_right)
            HM_TRY(find_part(match, input, part, err));
    }
    return HM_OK;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static enum hm_rc add_range(struct hm_match *match, const struct hm_match_range *range,
                            struct hm_err *err)
{
    struct hm_match_range *last =
        match->range_count == 0 ? NULL : &match->ranges[match->range_count - 1];

    if (range->size == 0)
        return HM_OK;
    if (range->label == HM_MATCH_BYTES_UNKNOWN) {
        match->unknown_size += range->size;
        match->unknown_count += last == NULL || last->label != HM_MATCH_BYTES_UNKNOWN;
    }
    if (last != NULL && last->label == range->label && last->release == range->release &&
        last->offset + last->size == range->offset &&
        (range->label != HM_MATCH_BYTES_EQUAL ||
         last->release_offset + last->size == range->release_offset)) {
        last->size += range->size;
        return HM_OK;
    }
    if (match->range_count == HM_MATCH_RANGE_COUNT_MAX) {
        match->has_more_ranges = true;
        return HM_OK;
    }
    if (match->range_count == match->range_capacity) {
        size_t grown = match->range_capacity == 0 ? FIRST : 2 * match->range_capacity;
        void *moved = reallocarray(match->ranges, grown, sizeof(*match->ranges));

        if (moved == NULL)
            return hm_error_nomem(err);
        match->ranges = moved;
        match->range_capacity = grown;
    }
    match->ranges[match->range_count++] = *range;
    return HM_OK;
}

/* Bytes that no release explains: padding by cells, and the rest. */
static enum hm_rc add_gap(struct hm_match *match, const struct match_input *input, uint32_t from,
                          uint32_t to, struct hm_err *err)
{
    const uint8_t *data = input->map.bytes.data;

    while (from < to) {
        struct hm_match_range range = {.label = HM_MATCH_BYTES_UNKNOWN, .offset = from};
        uint32_t end = from + 1;

        while (end < to && data[end] == data[from])
            end++;
        if (end - from >= HM_COMPARE_CELL_SIZE || (end - from == input->map.bytes.size))
            range.label = HM_MATCH_BYTES_PADDING;
        range.size = end - from;
        HM_TRY(add_range(match, &range, err));
        from = end;
    }
    return HM_OK;
}

/* What is painted so far: disjoint, by offset. */
struct paint {
    struct hm_match_range *items;
    size_t count, capacity;
};

static void paint_done(struct paint *paint)
{
    free(paint->items);
}

static enum hm_rc push(struct paint *paint, struct hm_match_range range, struct hm_err *err)
{
    if (range.size == 0)
        return HM_OK;
    if (paint->count == paint->capacity) {
        size_t grown = paint->capacity == 0 ? FIRST : 2 * paint->capacity;
        void *moved = reallocarray(paint->items, grown, sizeof(*paint->items));

        if (moved == NULL)
            return hm_error_nomem(err);
        paint->items = moved;
        paint->capacity = grown;
    }
    paint->items[paint->count++] = range;
    return HM_OK;
}

static struct hm_match_range cut_front(struct hm_match_range range, uint32_t size)
{
    range.offset += size;
    range.release_offset += size;
    range.size -= size;
    return range;
}

/* Adds what of range lies between the painted ones; those before *at are behind. */
static enum hm_rc fill(const struct paint *below, size_t *at, struct hm_match_range range,
                       struct paint *above, struct hm_err *err)
{
    while (range.size > 0) {
        const struct hm_match_range *next = *at < below->count ? &below->items[*at] : NULL;
        uint32_t gap = next == NULL || next->offset >= range.offset + range.size ? range.size
                       : next->offset > range.offset ? next->offset - range.offset
                                                     : 0;
        struct hm_match_range piece = range;
        uint32_t end;

        if (gap > 0) {
            piece.size = gap;
            HM_TRY(push(above, piece, err));
            range = cut_front(range, gap);
            continue;
        }
        HM_ASSERT(next != NULL);
        end = next->offset + next->size;
        if (end >= range.offset + range.size)
            return HM_OK; /* the rest is painted; the next range may begin in the same one */
        if (end > range.offset)
            range = cut_front(range, end - range.offset);
        (*at)++;
    }
    return HM_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct hm_match_range *left = a;
    const struct hm_match_range *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Paints a release's equal and variable bytes below what is painted. */
static enum hm_rc paint_release(struct hm_match *match, uint32_t index, struct paint *paint,
                                struct hm_err *err)
{
    const struct hm_match_release *release = &match->releases[index];
    _hm_done_(paint_done) struct paint above = {0};
    size_t at = 0;

    for (size_t i = 0; i < release->comparison.count; i++) {
        const struct hm_compare_range *from = &release->comparison.ranges[i];
        struct hm_match_range range = {.label = HM_MATCH_BYTES_EQUAL,
                                       .offset = from->image_offset,
                                       .size = from->size,
                                       .release = index,
                                       .release_offset = from->release_offset};

        HM_TRY(fill(paint, &at, range, &above, err));
    }
    for (size_t i = 0; i < above.count; i++)
        HM_TRY(push(paint, above.items[i], err));
    if (paint->count > 1)
        qsort(paint->items, paint->count, sizeof(*paint->items), compare_offsets);
    return HM_OK;
}

static enum hm_rc paint_variable(struct hm_match *match, const struct match_input *input,
                                 uint32_t index, struct paint *paint, struct hm_err *err)
{
    const struct hm_match_release *release = &match->releases[index];
    _hm_done_(paint_done) struct paint above = {0};
    size_t at = 0;
    uint32_t end = 0;

    if (release->contents == NULL || release->has_code_in_variable)
        return HM_OK;
    for (size_t i = 0; i < release->contents->part_count; i++) {
        const struct hm_part *part = &release->contents->parts[i];
        struct hm_match_range range = {
            .label = HM_MATCH_BYTES_VARIABLE, .release = index, .release_offset = part->offset};

        /* The parts come in the order of the tree: one that begins before the last one's end lies
         * inside it. */
        if (part->offset < end || !hm_match_release_variable(release, input->map.bytes.size, part,
                                                             &range.offset, &range.size))
            continue;
        end = part->offset + part->size;
        HM_TRY(fill(paint, &at, range, &above, err));
    }
    for (size_t i = 0; i < above.count; i++)
        HM_TRY(push(paint, above.items[i], err));
    if (paint->count > 1)
        qsort(paint->items, paint->count, sizeof(*paint->items), compare_offsets);
    return HM_OK;
}

/* Of releases that are not near, only what is worth telling. */
static bool is_told(const struct hm_match_release *release)
{
    return release->is_whole || is_near(release) ||
           is_percent(release->explained, release->image_telling, HM_MATCH_RELATED_PERCENT) ||
           is_percent(release->explained, release->release_telling, HM_MATCH_RELATED_PERCENT);
}

/* A few are chance. */
static bool has_pieces(const struct hm_match_release *release)
{
    return release->equal_pieces >= PIECES_MIN &&
           is_percent(release->equal_pieces, release->pieces, HM_MATCH_RELATED_PERCENT);
}

static enum hm_rc paint_all(struct hm_match *match, const struct match_input *input,
                            struct hm_err *err)
{
    _hm_done_(paint_done) struct paint paint = {0};
    uint32_t end = 0;

    for (uint32_t i = 0; i < match->release_count; i++) {
        if (!match->releases[i].is_compared || !is_told(&match->releases[i]))
            continue;
        HM_TRY(paint_release(match, i, &paint, err));
        /* A region that changes is the first one's that has it there. */
        if (i == 0 || match->releases[i].is_whole)
            HM_TRY(paint_variable(match, input, i, &paint, err));
    }
    for (size_t i = 0; i < paint.count; i++) {
        HM_TRY(add_gap(match, input, end, paint.items[i].offset, err));
        HM_TRY(add_range(match, &paint.items[i], err));
        end = paint.items[i].offset + paint.items[i].size;
    }
    return add_gap(match, input, end, (uint32_t)input->map.bytes.size, err);
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static bool has_whole(const struct hm_match *match)
{
    for (size_t i = 0; i < match->release_count; i++) {
        if (match->releases[i].is_whole)
            return true;
    }
    return false;
}

/* Modules that are a release's: half of the image's own, or some of them? */
static bool has_modules(const struct hm_match *match, unsigned percent)
{
    for (size_t i = 0; i < match->release_count; i++) {
        const struct hm_match_release *release = &match->releases[i];

        if (release->has_modules && release->modules.equal_count > 0 &&
            is_percent(release->modules.equal_count, release->modules.image_count, percent))
            return true;
    }
    return false;
}

static bool is_related(const struct hm_match *match)
{
    for (size_t i = 0; i < match->release_count; i++) {
        if (is_told(&match->releases[i]) || has_pieces(&match->releases[i]))
            return true;
    }
    return has_modules(match, HM_MATCH_RELATED_PERCENT);
}

static enum hm_match_verdict decide(const struct hm_match *match)
{
    const struct hm_match_release *first = &match->releases[0];

    if (match->exact_count > 0)
        return HM_MATCH_EXACT;
    if (match->release_count > 0 && first->is_whole) {
        if (first->shift == 0 && first->image.size == match->size)
            return HM_MATCH_VARIABLE;
        return HM_MATCH_CONTAINS;
    }
    if (match->release_count > 0 && is_near(first))
        return HM_MATCH_MODIFIED;
    if (has_whole(match))
        return HM_MATCH_CONTAINS;
    for (size_t i = 0; i < match->release_count; i++) {
        if (is_percent(match->releases[i].explained, match->releases[i].release_telling,
                       HM_MATCH_MODIFIED_PERCENT))
            return HM_MATCH_MODIFIED;
    }
    if (has_modules(match, 50))
        return HM_MATCH_RELATED;
    if (match->part_count > 0)
        return HM_MATCH_CONTAINS;
    return is_related(match) ? HM_MATCH_RELATED : HM_MATCH_UNKNOWN;
}

bool hm_match_is_inner(const struct hm_match *match, const struct hm_match_release *release)
{
    for (const struct hm_match_release *other = match->releases; other < release; other++) {
        if (other->is_whole && release->shift >= other->shift &&
            (uint64_t)release->shift + release->image.size <=
                (uint64_t)other->shift + other->image.size)
            return true;
    }
    return false;
}

bool hm_match_is_known(const struct hm_match *match)
{
    switch (match->verdict) {
    case HM_MATCH_EXACT:
        return true;
    case HM_MATCH_VARIABLE:
        break;
    case HM_MATCH_CONTAINS:
        /* Whole images only: pieces of one explain bytes, and are not what was published. */
        for (size_t i = 0; i < match->range_count; i++) {
            const struct hm_match_range *range = &match->ranges[i];

            if (range->label == HM_MATCH_BYTES_EQUAL && !match->releases[range->release].is_whole)
                return false;
        }
        break;
    default:
        return false;
    }
    return match->unknown_size == 0 && !match->has_more_ranges;
}

/* ---- the run --------------------------------------------------------------------------------- */

static enum hm_rc find_exact(struct hm_match *match, const struct match_input *input,
                             struct hm_err *err)
{
    match->exact = hm_arena_alloc(&match->arena, HM_MATCH_EXACT_COUNT_MAX, sizeof(*match->exact));
    if (match->exact == NULL)
        return hm_error_nomem(err);
    return hm_candidate_find_exact(input->sources, input->source_count, &match->sha256,
                                   HM_MATCH_EXACT_COUNT_MAX, err, match->exact,
                                   &match->exact_count);
}

/* What has nothing to do with the image after all is not told. */
static void forget_strangers(struct hm_match *match)
{
    size_t kept = 0;

    for (size_t i = 0; i < match->release_count; i++) {
        struct hm_match_release *release = &match->releases[i];

        if (is_told(release) || has_pieces(release) ||
            (release->has_modules && modules_nearness(release) >= 100 * HM_MATCH_RELATED_PERCENT))
            match->releases[kept++] = *release;
        else
            hm_match_release_done(release);
    }
    match->release_count = kept;
}

static enum hm_rc run(struct hm_match *match, struct match_input *input, struct hm_err *err)
{
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list anchors = {0};

    HM_TRY(find_exact(match, input, err));
    if (match->exact_count > 0) {
        match->verdict = HM_MATCH_EXACT;
        return HM_OK;
    }
    HM_TRY(hm_compare_map_make(input->image, err, &input->map));
    HM_TRY(hm_anchor_find(input->image, HM_ANCHOR_RAW, 0, err, &anchors));
    HM_TRY(hm_match_lay_beside(match, input, &anchors, err));
    sort(match);
    forget_strangers(match);
    HM_TRY(find_parts(match, input, err));
    match->verdict = decide(match);
    return paint_all(match, input, err);
}

static void input_done(struct match_input *input)
{
    hm_compare_map_done(&input->map);
}

enum hm_rc hm_match_run(const struct hm_index *const *sources, size_t count, struct hm_bytes image,
                        const struct hm_sha256 *sha256, const struct hm_contents *contents,
                        struct hm_err *err, struct hm_match **ret_match)
{
    _hm_free_(hm_match_free) struct hm_match *match = calloc(1, sizeof(*match));
    _hm_done_(input_done) struct match_input input = {
        .sources = sources, .source_count = count, .image = image, .contents = contents};

    if (match == NULL)
        return hm_error_nomem(err);
    if (image.size > HM_WALK_FILE_SIZE_MAX)
        return hm_fail(err, HM_EREFUSED, "larger than %zu bytes: no flash image is",
                       HM_WALK_FILE_SIZE_MAX);
    match->verdict = HM_MATCH_UNKNOWN;
    match->sha256 = *sha256;
    match->size = image.size;
    match->is_looked_into = contents != NULL;
    match->is_partial = contents != NULL && contents->is_partial;
    HM_TRY(run(match, &input, err));
    *ret_match = hm_steal(&match);
    return HM_OK;
}
