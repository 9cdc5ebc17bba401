/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates laid beside the image. A candidate's bytes are read from where they were when it was
 * indexed; they count only if the file is untouched since, or has the digest still.
 */
#include "match/match_internal.h"

#include "image/walk.h"

/* One candidate after the other. */
struct reading {
    struct hm_buf bytes;
    struct hm_buf path;
    struct hm_compare_map map;
};

static void reading_done(struct reading *reading)
{
    hm_buf_done(&reading->bytes);
    hm_buf_done(&reading->path);
    hm_compare_map_done(&reading->map);
}

void hm_match_release_done(struct hm_match_release *release)
{
    hm_contents_free(release->contents);
    hm_compare_done(&release->comparison);
    hm_modules_done(&release->modules);
    *release = (struct hm_match_release){0};
}

enum hm_rc hm_match_image_has(const struct hm_index_image *image, const struct hm_sha256 *sha256,
                              struct hm_err *err, bool *ret_has)
{
    _hm_free_(hm_contents_free) struct hm_contents *contents = NULL;

    *ret_has = hm_digest_is_equal(&image->sha256, sha256);
    if (*ret_has || image->contents.size == 0)
        return HM_OK;
    HM_TRY(hm_contents_parse(image->contents, err, &contents));
    for (size_t i = 0; i < contents->part_count && !*ret_has; i++)
        *ret_has = hm_digest_is_equal(&contents->parts[i].sha256, sha256);
    return HM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum hm_rc read_image(struct reading *reading, const struct hm_index_image *image,
                             struct hm_err *err)
{
    struct hm_index_want was = {
        .size = image->size, .inode = image->inode, .changed_ns = image->changed_ns};
    struct hm_sha256 sha256;
    const char *path;
    bool is_untouched;
    enum hm_rc rc;

    hm_buf_clear(&reading->path);
    HM_TRY(hm_buf_append(&reading->path, image->path, err));
    path = hm_buf_str(&reading->path);
    rc = hm_index_read(path, &was, err, &reading->bytes, &is_untouched);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    if (is_untouched)
        return HM_OK;
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&reading->bytes), err, &sha256));
    if (!hm_digest_is_equal(&sha256, &image->sha256))
        return hm_fail(err, HM_EINPUT, "'%s' has other bytes now", path);
    return HM_OK;
}

/* ---- variable regions ------------------------------------------------------------------------ */

bool hm_match_release_variable(const struct hm_match_release *release, size_t image_size,
                               const struct hm_part *part, uint32_t *ret_offset, uint32_t *ret_size)
{
    int64_t from = (int64_t)part->offset + release->shift;
    int64_t to = from + part->size;

    if (!part->is_variable || part->space != 0)
        return false;
    if (from < 0)
        from = 0;
    if (to > (int64_t)image_size)
        to = (int64_t)image_size;
    if (from >= to)
        return false;
    *ret_offset = (uint32_t)from;
    *ret_size = (uint32_t)(to - from);
    return true;
}

static bool is_code(const struct hm_part *part)
{
    switch (part->kind) {
    case HM_IMAGE_PE:
    case HM_IMAGE_TE:
    case HM_IMAGE_OPTION_ROM:
    case HM_IMAGE_ROM_IMAGE:
    case HM_IMAGE_VOLUME:
    case HM_IMAGE_VOLUME_FILE:
        return !part->is_variable && part->space == 0;
    default:
        return false;
    }
}

static bool has_part(const struct hm_contents *contents, const struct hm_sha256 *sha256)
{
    for (size_t i = 0; i < contents->part_count; i++) {
        if (hm_digest_is_equal(&contents->parts[i].sha256, sha256))
            return true;
    }
    return false;
}

/* Executables were found in variable storage before: there is nothing there that may change freely
 * and runs. */
static bool has_foreign_code(const struct hm_match_release *release,
                             const struct match_input *input, uint32_t offset, uint32_t size)
{
    for (size_t i = 0; input->contents != NULL && i < input->contents->part_count; i++) {
        const struct hm_part *part = &input->contents->parts[i];

        if (is_code(part) && part->offset < offset + size && offset < part->offset + part->size &&
            !has_part(release->contents, &part->sha256) &&
            /* what holds the region, and more */
            !(part->offset <= offset && part->offset + part->size >= offset + size))
            return true;
    }
    return false;
}

/* Where pieces of a release lie in any order, nobody can say where its variable regions are. */
static bool is_in_place(const struct hm_match_release *release, const struct match_input *input)
{
    uint64_t at_shift = 0;

    for (size_t i = 0; i < release->comparison.count; i++) {
        const struct hm_compare_range *range = &release->comparison.ranges[i];

        if ((int64_t)range->image_offset - (int64_t)range->release_offset == release->shift)
            at_shift += hm_compare_map_telling(&input->map, range->image_offset,
                                               (size_t)range->image_offset + range->size);
    }
    return 2 * at_shift >= release->comparison.explained;
}

static bool is_equal_at(const struct hm_match_release *release, const struct match_input *input,
                        const struct hm_compare_map *map, size_t from, size_t to)
{
    int64_t start = (int64_t)from + release->shift;

    if (from >= to)
        return true;
    if (start < 0 || start + (int64_t)(to - from) > (int64_t)input->map.bytes.size)
        return false;
    return memcmp(map->bytes.data + from, input->map.bytes.data + (size_t)start, to - from) == 0;
}

/* Are the bytes right before it, or behind it, the release's? Else the region may be anywhere. */
static bool is_bordered(const struct hm_match_release *release, const struct match_input *input,
                        const struct hm_compare_map *map, const struct hm_part *part)
{
    size_t end = (size_t)part->offset + part->size;

    return (part->offset >= HM_COMPARE_CELL_SIZE &&
            is_equal_at(release, input, map, part->offset - HM_COMPARE_CELL_SIZE, part->offset)) ||
           (end + HM_COMPARE_CELL_SIZE <= map->bytes.size &&
            is_equal_at(release, input, map, end, end + HM_COMPARE_CELL_SIZE));
}

/* Takes the variable regions out of what is counted, and looks into them. */
static void discount_variable(struct hm_match_release *release, const struct match_input *input,
                              const struct hm_compare_map *map)
{
    uint32_t last_end = 0; /* in the release: regions that lie in others count once */

    for (size_t i = 0; release->contents != NULL && i < release->contents->part_count; i++) {
        const struct hm_part *part = &release->contents->parts[i];
        uint32_t offset, size;

        if (!part->is_variable || part->space != 0 || part->offset < last_end)
            continue;
        last_end = part->offset + part->size;
        /* Of one that is not all there, nobody can say that it was ever there. */
        if (!hm_match_release_variable(release, input->map.bytes.size, part, &offset, &size) ||
            size != part->size)
            continue;
        release->has_code_in_variable |= has_foreign_code(release, input, offset, size);
        if (!is_bordered(release, input, map, part))
            continue;
        release->release_telling -= hm_compare_map_telling(map, part->offset, last_end);
        release->image_telling -= hm_compare_map_telling(&input->map, offset, offset + size);
        for (size_t j = 0; j < release->comparison.count; j++) {
            const struct hm_compare_range *range = &release->comparison.ranges[j];
            uint32_t from = range->image_offset > offset ? range->image_offset : offset;
            uint32_t to = range->image_offset + range->size;

            to = to < offset + size ? to : offset + size;
            if (from < to)
                release->explained -= hm_compare_map_telling(&input->map, from, to);
        }
    }
}

/* ---- whole? ---------------------------------------------------------------------------------- */

/* All bytes of the release at its place, fill and all, but for its variable regions. The parts come
 * in the order of the tree, so regions that are not inside others ascend. */
static bool is_whole(const struct hm_match_release *release, const struct match_input *input,
                     const struct hm_compare_map *map)
{
    size_t at = 0;

    if (release->release_telling < HM_CONTENTS_TELLING_SIZE_MIN || release->has_code_in_variable ||
        release->shift < 0)
        return false;
    for (size_t i = 0; release->contents != NULL && i < release->contents->part_count; i++) {
        const struct hm_part *part = &release->contents->parts[i];

        if (!part->is_variable || part->space != 0 || part->offset < at)
            continue;
        if (!is_equal_at(release, input, map, at, part->offset))
            return false;
        at = part->offset + part->size;
    }
    return is_equal_at(release, input, map, at, map->bytes.size) &&
           (uint64_t)release->shift + map->bytes.size <= input->map.bytes.size;
}

/* ---- a candidate ----------------------------------------------------------------------------- */

static enum hm_rc compare_bytes(const struct match_input *input,
                                const struct hm_candidate *candidate, struct reading *reading,
                                struct hm_match_release *release, struct hm_err *err)
{
    bool in_place;

    HM_TRY(read_image(reading, &release->image, err));
    HM_TRY(hm_compare_map_make(hm_buf_bytes(&reading->bytes), err, &reading->map));
    HM_TRY(hm_compare_run(&input->map, &reading->map, candidate->hits, candidate->hit_count, err,
                          &release->comparison));
    release->is_compared = true;
    release->shift = release->comparison.shift;
    release->explained = release->comparison.explained;
    release->image_telling = hm_compare_map_telling(&input->map, 0, input->map.bytes.size);
    release->release_telling = hm_compare_map_telling(&reading->map, 0, reading->map.bytes.size);
    release->explained_all = release->explained;
    release->release_all = release->release_telling;
    in_place = is_in_place(release, input);
    if (in_place)
        discount_variable(release, input, &reading->map);
    /* Variables and nothing else: then it is by them that it is known. */
    if (release->release_telling < HM_CONTENTS_TELLING_SIZE_MIN) {
        release->explained = release->explained_all;
        release->release_telling = release->release_all;
        release->image_telling = hm_compare_map_telling(&input->map, 0, input->map.bytes.size);
        release->is_whole = false;
    } else {
        /* Its variable regions were looked into only where it is in place. */
        release->is_whole = in_place && is_whole(release, input, &reading->map);
    }
    return HM_OK;
}

/* A candidate that is not where it was is told, and nothing is said of its bytes. */
static enum hm_rc try_bytes(struct hm_match *match, const struct match_input *input,
                            const struct hm_candidate *candidate, struct reading *reading,
                            struct hm_match_release *release, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = compare_bytes(input, candidate, reading, release, &why);

    if (rc == HM_OK)
        return HM_OK;
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    hm_compare_done(&release->comparison);
    release->is_compared = release->is_whole = release->has_code_in_variable = false;
    release->explained = release->image_telling = release->release_telling = 0;
    release->explained_all = release->release_all = 0;
    release->unread = hm_arena_strdup(&match->arena, hm_bytes_str(why.text));
    return release->unread == NULL ? hm_error_nomem(err) : HM_OK;
}

/* Both lists ascend. */
static void count_pieces(const struct hm_contents *image, struct hm_match_release *release)
{
    const struct hm_contents *known = release->contents;
    size_t j = 0;

    release->pieces = image->anchor_count;
    for (size_t i = 0; i < image->anchor_count; i++) {
        while (j < known->anchor_count && known->anchors[j] < image->anchors[i])
            j++;
        release->equal_pieces += j < known->anchor_count && known->anchors[j] == image->anchors[i];
    }
}

static enum hm_rc lay_one(struct hm_match *match, const struct match_input *input,
                          const struct hm_candidate *candidate, struct reading *reading,
                          struct hm_err *err)
{
    struct hm_match_release *release = &match->releases[match->release_count++];

    release->source = candidate->source;
    release->image = candidate->image;
    if (release->image.contents.size > 0)
        HM_TRY(hm_contents_parse(release->image.contents, err, &release->contents));
    /* Its parts lie within that size: the bytes must be as many. */
    if (release->contents != NULL && release->contents->image_size != release->image.size)
        return hm_fail(err, HM_EFORMAT, "the index of images has the parts of another image");
    if (candidate->hit_count > 0)
        HM_TRY(try_bytes(match, input, candidate, reading, release, err));
    if (release->contents == NULL || input->contents == NULL)
        return HM_OK;
    count_pieces(input->contents, release);
    HM_TRY(hm_modules_compare(input->contents, release->contents, err, &release->modules));
    release->has_modules = true;
    return HM_OK;
}

/* Far behind the first, a candidate cannot be nearer to anything. */
static bool is_worth_it(const struct hm_candidate *candidate, const struct hm_candidate *first)
{
    return candidate->raw_weight == 0 || candidate->raw_weight >= first->raw_weight / 1000 ||
           candidate->parts_weight > 0;
}

static enum hm_rc lay_all(struct hm_match *match, const struct match_input *input,
                          const struct hm_candidate_list *list, struct hm_err *err)
{
    _hm_done_(reading_done) struct reading reading = {
        .bytes = HM_BUF_INIT(HM_WALK_FILE_SIZE_MAX + 1),
        .path = HM_BUF_INIT(HM_INDEX_FILE_PATH_SIZE_MAX + 1)};

    match->releases = calloc(list->count + 1, sizeof(*match->releases));
    if (match->releases == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < list->count; i++) {
        if (is_worth_it(&list->items[i], &list->items[0]))
            HM_TRY(lay_one(match, input, &list->items[i], &reading, err));
    }
    return HM_OK;
}

static void free_list(struct hm_candidate_list **list)
{
    if (*list != NULL)
        hm_candidate_list_done(*list);
    free(*list);
}

enum hm_rc hm_match_lay_beside(struct hm_match *match, const struct match_input *input,
                               const struct hm_anchor_list *anchors, struct hm_err *err)
{
    _hm_done_(free_list) struct hm_candidate_list *list = calloc(1, sizeof(*list));

    if (list == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_candidate_find(input->sources, input->source_count, anchors, input->contents, err,
                             list));
    return lay_all(match, input, list, err);
}
