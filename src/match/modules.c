/* SPDX-License-Identifier: Apache-2.0 */
/* Equal ones are paired by digest first, one with one; what is left is paired by name. */
#include "match/modules.h"

struct row {
    const struct hm_part *part;
    size_t order;
    bool is_paired;
};

struct rows {
    struct row *items;
    size_t count;
};

static void rows_done(struct rows *rows)
{
    free(rows->items);
}

static enum hm_rc list(const struct hm_contents *contents, struct hm_err *err, struct rows *rows)
{
    rows->items = calloc(contents->part_count + 1, sizeof(*rows->items));
    if (rows->items == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < contents->part_count; i++) {
        if (contents->parts[i].is_module)
            rows->items[rows->count++] = (struct row){.part = &contents->parts[i], .order = i};
    }
    return HM_OK;
}

static int compare_order(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;

    return left->order < right->order ? -1 : left->order > right->order;
}

static int digest_order(const struct row *left, const struct row *right)
{
    return memcmp(left->part->sha256.bytes, right->part->sha256.bytes, HM_SHA256_SIZE);
}

static int compare_digests(const void *a, const void *b)
{
    int order = digest_order(a, b);

    return order != 0 ? order : compare_order(a, b);
}

/* Modules without a GUID go by their kind alone. */
static int name_order(const struct row *left, const struct row *right)
{
    if (left->part->kind != right->part->kind)
        return left->part->kind < right->part->kind ? -1 : 1;
    return memcmp(left->part->guid.bytes, right->part->guid.bytes, HM_GUID_SIZE);
}

/* Those that are paired come last, out of the way. */
static int compare_names(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;
    int order;

    if (left->is_paired != right->is_paired)
        return left->is_paired ? 1 : -1;
    order = name_order(left, right);
    return order != 0 ? order : compare_order(a, b);
}

static size_t count_open(const struct rows *rows)
{
    size_t count = 0;

    while (count < rows->count && !rows->items[count].is_paired)
        count++;
    return count;
}

static size_t pair_equal(struct rows *image, struct rows *release)
{
    size_t i = 0, j = 0, count = 0;

    qsort(image->items, image->count, sizeof(*image->items), compare_digests);
    qsort(release->items, release->count, sizeof(*release->items), compare_digests);
    while (i < image->count && j < release->count) {
        int order = digest_order(&image->items[i], &release->items[j]);

        if (order == 0) {
            image->items[i++].is_paired = true;
            release->items[j++].is_paired = true;
            count++;
        } else if (order < 0) {
            i++;
        } else {
            j++;
        }
    }
    return count;
}

static void add(struct hm_modules *modules, enum hm_module_change change, const struct row *row)
{
    modules->differences[modules->difference_count++] =
        (struct hm_module_difference){.change = change, .part = row->part};
}

/* Of the image's modules that are not paired: changed where the release has one of that name. */
static void pair_names(struct rows *image, struct rows *release)
{
    size_t i = 0, j = 0;
    size_t image_open, release_open;

    qsort(image->items, image->count, sizeof(*image->items), compare_names);
    qsort(release->items, release->count, sizeof(*release->items), compare_names);
    image_open = count_open(image);
    release_open = count_open(release);
    while (i < image_open && j < release_open) {
        int order = name_order(&image->items[i], &release->items[j]);

        if (order == 0) {
            image->items[i++].is_paired = true;
            release->items[j++].is_paired = true;
        } else if (order < 0) {
            i++;
        } else {
            j++;
        }
    }
}

static void tell(struct rows *image, struct rows *release, const bool *is_equal,
                 struct hm_modules *modules)
{
    qsort(image->items, image->count, sizeof(*image->items), compare_order);
    qsort(release->items, release->count, sizeof(*release->items), compare_order);
    for (size_t i = 0; i < image->count; i++) {
        if (!is_equal[i])
            add(modules, image->items[i].is_paired ? HM_MODULE_CHANGED : HM_MODULE_ADDED,
                &image->items[i]);
    }
    for (size_t i = 0; i < release->count; i++) {
        if (!release->items[i].is_paired)
            add(modules, HM_MODULE_MISSING, &release->items[i]);
    }
}

const char *hm_modules_text(enum hm_module_change change)
{
    static const char *const texts[] = {
        [HM_MODULE_CHANGED] = "changed",
        [HM_MODULE_ADDED] = "added",
        [HM_MODULE_MISSING] = "missing",
    };

    return texts[change];
}

void hm_modules_done(struct hm_modules *modules)
{
    free(modules->differences);
    *modules = (struct hm_modules){0};
}

enum hm_rc hm_modules_compare(const struct hm_contents *image, const struct hm_contents *release,
                              struct hm_err *err, struct hm_modules *ret_modules)
{
    _hm_done_(rows_done) struct rows ours = {0};
    _hm_done_(rows_done) struct rows theirs = {0};
    _hm_done_(hm_modules_done) struct hm_modules modules = {0};
    _hm_free_(free) char *equal = NULL;

    HM_TRY(list(image, err, &ours));
    HM_TRY(list(release, err, &theirs));
    modules.image_count = ours.count;
    modules.release_count = theirs.count;
    modules.differences = calloc(ours.count + theirs.count + 1, sizeof(*modules.differences));
    equal = calloc(ours.count + 1, 1);
    if (modules.differences == NULL || equal == NULL)
        return hm_error_nomem(err);
    modules.equal_count = pair_equal(&ours, &theirs);
    qsort(ours.items, ours.count, sizeof(*ours.items), compare_order);
    for (size_t i = 0; i < ours.count; i++)
        equal[i] = ours.items[i].is_paired;
    pair_names(&ours, &theirs);
    tell(&ours, &theirs, (const bool *)equal, &modules);
    *ret_modules = modules;
    modules = (struct hm_modules){0};
    return HM_OK;
}
