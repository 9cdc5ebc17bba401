/* SPDX-License-Identifier: Apache-2.0 */
/* Two images compared by module (diff.h): both lists sorted by what modules are, and merged. */
#include "image/diff.h"

#include "image/module.h"

struct side {
    const struct hm_image *image;
    uint32_t *nodes; /* modules */
    size_t count;
};

/* Where a run of modules that are the same thing begins and ends. */
struct run {
    size_t from, to;
};

static int compare_digests(const struct hm_image *a, uint32_t node_a, const struct hm_image *b,
                           uint32_t node_b)
{
    const struct hm_image_node *x = &a->nodes[node_a], *y = &b->nodes[node_b];

    if (!x->has_sha256 || !y->has_sha256)
        return x->has_sha256 - y->has_sha256;
    return memcmp(x->sha256.bytes, y->sha256.bytes, HM_SHA256_SIZE);
}

static int compare_nodes(const void *a, const void *b, void *ctx)
{
    const struct hm_image *image = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = hm_module_compare(image, x, image, y);

    if (order == 0)
        order = compare_digests(image, x, image, y);
    if (order == 0)
        order = x < y ? -1 : x > y;
    return order;
}

static enum hm_rc make_side(const struct hm_image *image, struct hm_arena *arena,
                            struct hm_err *err, struct side *ret_side)
{
    *ret_side = (struct side){.image = image};
    HM_TRY(hm_module_list(image, arena, err, &ret_side->nodes, &ret_side->count));
    qsort_r(ret_side->nodes, ret_side->count, sizeof(*ret_side->nodes), compare_nodes,
            (void *)(uintptr_t)image);
    return HM_OK;
}

static struct run run_at(const struct side *side, size_t from)
{
    struct run run = {from, from};

    while (run.to < side->count &&
           hm_module_compare(side->image, side->nodes[from], side->image, side->nodes[run.to]) == 0)
        run.to++;
    return run;
}

/* The file in a volume that holds a node, for those in the file's own space their offset too. */
static bool is_same_place(const struct hm_diff *diff, uint32_t a, uint32_t b)
{
    const struct hm_image_node *x = &diff->a->nodes[a], *y = &diff->b->nodes[b];
    uint32_t up = x->parent, other = y->parent;

    if ((x->space == 0) != (y->space == 0))
        return false;
    if (x->space == 0)
        return x->offset == y->offset;
    while (up != HM_IMAGE_NONE && diff->a->nodes[up].kind != HM_IMAGE_VOLUME_FILE)
        up = diff->a->nodes[up].parent;
    while (other != HM_IMAGE_NONE && diff->b->nodes[other].kind != HM_IMAGE_VOLUME_FILE)
        other = diff->b->nodes[other].parent;
    if (up == HM_IMAGE_NONE || other == HM_IMAGE_NONE)
        return up == other;
    return hm_guid_is_equal(&diff->a->nodes[up].guid, &diff->b->nodes[other].guid);
}

static void add(struct hm_diff *diff, enum hm_diff_change change, uint32_t a, uint32_t b)
{
    diff->items[diff->count++] = (struct hm_diff_item){change, a, b};
    diff->counts[change]++;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Modules that are the same thing in both: equal bytes first, the rest in the order of reading.
 * What is left over of either run is moved to its front. */
static void pair(struct hm_diff *diff, struct side *a, struct run in_a, struct side *b,
                 struct run in_b)
{
    size_t left_a = in_a.from, left_b = in_b.from;
    size_t i = in_a.from, j = in_b.from;

    while (i < in_a.to || j < in_b.to) {
        int order = i == in_a.to   ? 1
                    : j == in_b.to ? -1
                                   : compare_digests(a->image, a->nodes[i], b->image, b->nodes[j]);

        if (order == 0 && !a->image->nodes[a->nodes[i]].has_sha256)
            order = -1; /* nothing was compared */
        if (order < 0) {
            a->nodes[left_a++] = a->nodes[i++];
        } else if (order > 0) {
            b->nodes[left_b++] = b->nodes[j++];
        } else {
            if (is_same_place(diff, a->nodes[i], b->nodes[j]))
                diff->same_count++;
            else
                add(diff, HM_DIFF_MOVED, a->nodes[i], b->nodes[j]);
            i++;
            j++;
        }
    }
    qsort(a->nodes + in_a.from, left_a - in_a.from, sizeof(*a->nodes), compare_u32);
    qsort(b->nodes + in_b.from, left_b - in_b.from, sizeof(*b->nodes), compare_u32);
    for (i = in_a.from, j = in_b.from; i < left_a && j < left_b; i++, j++)
        add(diff, HM_DIFF_CHANGED, a->nodes[i], b->nodes[j]);
    for (; i < left_a; i++)
        add(diff, HM_DIFF_REMOVED, a->nodes[i], HM_IMAGE_NONE);
    for (; j < left_b; j++)
        add(diff, HM_DIFF_ADDED, HM_IMAGE_NONE, b->nodes[j]);
}

static void merge(struct hm_diff *diff, struct side *a, struct side *b)
{
    size_t i = 0, j = 0;

    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1
                    : j == b->count
                        ? -1
                        : hm_module_compare(a->image, a->nodes[i], b->image, b->nodes[j]);
        struct run in_a = order <= 0 ? run_at(a, i) : (struct run){i, i};
        struct run in_b = order >= 0 ? run_at(b, j) : (struct run){j, j};

        pair(diff, a, in_a, b, in_b);
        i = in_a.to;
        j = in_b.to;
    }
}

static int compare_items(const void *a, const void *b)
{
    const struct hm_diff_item *x = a, *y = b;
    /* By the new image; what is not there by the old one. */
    uint32_t in_x = x->b != HM_IMAGE_NONE ? x->b : x->a;
    uint32_t in_y = y->b != HM_IMAGE_NONE ? y->b : y->a;

    if (x->change != y->change)
        return x->change < y->change ? -1 : 1;
    return in_x < in_y ? -1 : in_x > in_y;
}

static enum hm_rc make(struct hm_diff *diff, struct hm_err *err)
{
    struct side a, b;

    HM_TRY(make_side(diff->a, &diff->arena, err, &a));
    HM_TRY(make_side(diff->b, &diff->arena, err, &b));
    diff->items = hm_arena_alloc(&diff->arena, a.count + b.count, sizeof(*diff->items));
    if (diff->items == NULL)
        return hm_error_nomem(err);
    merge(diff, &a, &b);
    qsort(diff->items, diff->count, sizeof(*diff->items), compare_items);
    return HM_OK;
}

enum hm_rc hm_diff_make(const struct hm_image *a, const struct hm_image *b, struct hm_err *err,
                        struct hm_diff *ret_diff)
{
    struct hm_diff diff = {
        .a = a,
        .b = b,
        .arena = HM_ARENA_INIT,
        .is_equal = a->nodes[0].has_sha256 && b->nodes[0].has_sha256 &&
                    hm_digest_is_equal(&a->nodes[0].sha256, &b->nodes[0].sha256),
    };
    enum hm_rc rc = make(&diff, err);

    diff.is_partial = a->is_partial || b->is_partial;
    if (rc != HM_OK) {
        hm_diff_done(&diff);
        return rc;
    }
    *ret_diff = diff;
    return HM_OK;
}

void hm_diff_done(struct hm_diff *diff)
{
    hm_arena_done(&diff->arena);
    *diff = (struct hm_diff){.arena = HM_ARENA_INIT};
}
