/* SPDX-License-Identifier: Apache-2.0 */
/* The walk (walk.h): a stack of nodes to look at, the search for formats, the budgets. */
#include "image/walk.h"

#include "image/format.h"
#include "image/search.h"

#define FIRST_CAPACITY 256
/* A byte that is looked at costs less than one that is hashed. */
#define SEARCH_SHARE 8

struct task {
    uint32_t node;
    const struct hm_format *format; /* NULL: search */
};

struct hm_walk {
    struct hm_image image;
    uint8_t **spaces;    /* owned, but for the first: the file */
    const uint8_t *file; /* borrowed */
    uint32_t space_capacity;
    struct task *tasks;
    size_t task_count, task_capacity;
    size_t expanded, expanded_max;
    uint64_t work, work_max;
    struct hm_digest *digest;
    struct hm_err err; /* why a step failed */
};

struct hm_image *hm_walk_image(struct hm_walk *walk)
{
    return &walk->image;
}

struct hm_bytes hm_walk_space(const struct hm_walk *walk, uint32_t space)
{
    size_t size = (size_t)walk->image.space_sizes[space];

    if (size == 0)
        return HM_BYTES_EMPTY;
    return hm_bytes_make(space == 0 ? walk->file : walk->spaces[space], size);
}

struct hm_bytes hm_walk_bytes(const struct hm_walk *walk, uint32_t node)
{
    const struct hm_image_node *of = &walk->image.nodes[node];
    struct hm_bytes space = hm_walk_space(walk, of->space);

    /* The tree holds no node outside its space. */
    return of->size == 0 ? HM_BYTES_EMPTY
                         : hm_bytes_make(space.data + of->offset, (size_t)of->size);
}

/* ---- budgets --------------------------------------------------------------------------------- */

enum hm_rc hm_walk_spend(struct hm_walk *walk, uint64_t size)
{
    if (size > walk->work_max - walk->work) {
        walk->work = walk->work_max;
        return hm_fail(&walk->err, HM_EREFUSED, "more work than an image of this size is worth");
    }
    walk->work += size;
    return HM_OK;
}

enum hm_rc hm_walk_refuse(struct hm_walk *walk, const char *why)
{
    return hm_fail(&walk->err, HM_EREFUSED, "%s", why);
}

size_t hm_walk_expandable(const struct hm_walk *walk)
{
    size_t left = walk->expanded_max - walk->expanded;

    return left < HM_WALK_CONTENT_SIZE_MAX ? left : HM_WALK_CONTENT_SIZE_MAX;
}

enum hm_rc hm_walk_limit(struct hm_walk *walk, uint32_t node, const char *why)
{
    enum hm_rc rc = hm_walk_fact_str(walk, node, HM_FACT_LIMIT, why);

    walk->image.is_partial = true; /* also where the facts are full */
    return rc == HM_EREFUSED ? HM_OK : rc;
}

/* ---- adding ---------------------------------------------------------------------------------- */

enum hm_rc hm_walk_add(struct hm_walk *walk, uint32_t parent, enum hm_image_kind kind,
                       size_t offset, size_t size, uint32_t *ret_node)
{
    const struct hm_image_node *above = &walk->image.nodes[parent];
    uint64_t from = above->offset;
    size_t offset_max = (size_t)above->size;
    bool is_cut = false;

    if (offset > offset_max) {
        offset = offset_max;
        is_cut = true;
    }
    if (size > offset_max - offset) {
        size = offset_max - offset;
        is_cut = true;
    }
    HM_TRY(hm_image_add(&walk->image, parent, kind, above->space, from + offset, size, &walk->err,
                        ret_node));
    return is_cut ? hm_walk_fact_str(walk, *ret_node, HM_FACT_TRUNCATED,
                                     "ends where what holds it ends")
                  : HM_OK;
}

enum hm_rc hm_walk_add_gap(struct hm_walk *walk, uint32_t parent, size_t offset, size_t size)
{
    struct hm_bytes gap = hm_walk_bytes(walk, parent);
    uint32_t node;

    if (size == 0)
        return HM_OK;
    gap = hm_bytes_make(gap.data + offset, size);
    HM_TRY(hm_walk_spend(walk, size / SEARCH_SHARE));
    if (hm_search_is_uniform(gap)) {
        HM_TRY(hm_walk_add(walk, parent, HM_IMAGE_PADDING, offset, size, &node));
        return hm_walk_fact(walk, node, HM_FACT_FILL, gap.data[0]);
    }
    HM_TRY(hm_walk_add(walk, parent, HM_IMAGE_DATA, offset, size, &node));
    return hm_walk_queue(walk, node, NULL);
}

void hm_walk_set_guid(struct hm_walk *walk, uint32_t node, const struct hm_guid *guid)
{
    walk->image.nodes[node].guid = *guid;
    walk->image.nodes[node].has_guid = true;
}

enum hm_rc hm_walk_queue(struct hm_walk *walk, uint32_t node, const struct hm_format *format)
{
    if (walk->task_count == walk->task_capacity) {
        size_t grown = walk->task_capacity == 0 ? FIRST_CAPACITY : walk->task_capacity * 2;
        void *moved = reallocarray(walk->tasks, grown, sizeof(*walk->tasks));

        if (moved == NULL)
            return hm_error_nomem(&walk->err);
        walk->tasks = moved;
        walk->task_capacity = grown;
    }
    walk->tasks[walk->task_count++] = (struct task){node, format};
    return HM_OK;
}

static enum hm_rc keep_space(struct hm_walk *walk, uint32_t space, uint8_t *data)
{
    if (space >= walk->space_capacity) {
        uint32_t grown = walk->space_capacity == 0 ? FIRST_CAPACITY : walk->space_capacity * 2;
        void *moved = reallocarray(walk->spaces, grown, sizeof(*walk->spaces));

        if (moved == NULL) {
            free(data);
            return hm_error_nomem(&walk->err);
        }
        walk->spaces = moved;
        memset(walk->spaces + walk->space_capacity, 0,
               (grown - walk->space_capacity) * sizeof(*walk->spaces));
        walk->space_capacity = grown;
    }
    walk->spaces[space] = data;
    return HM_OK;
}

enum hm_rc hm_walk_add_content(struct hm_walk *walk, uint32_t parent, uint8_t *data, size_t size,
                               uint32_t *ret_node)
{
    uint32_t space;
    enum hm_rc rc = hm_image_add_space(&walk->image, size, &walk->err, &space);

    if (rc != HM_OK) {
        free(data);
        return rc;
    }
    HM_TRY(keep_space(walk, space, data));
    walk->expanded +=
        size <= walk->expanded_max - walk->expanded ? size : walk->expanded_max - walk->expanded;
    return hm_image_add(&walk->image, parent, HM_IMAGE_CONTENT, space, 0, size, &walk->err,
                        ret_node);
}

/* ---- facts ----------------------------------------------------------------------------------- */

enum hm_rc hm_walk_fact(struct hm_walk *walk, uint32_t node, enum hm_image_fact_kind kind,
                        uint64_t number)
{
    return hm_image_add_fact(&walk->image, node, kind, number, HM_BYTES_EMPTY, &walk->err);
}

enum hm_rc hm_walk_fact_text(struct hm_walk *walk, uint32_t node, enum hm_image_fact_kind kind,
                             struct hm_bytes text)
{
    return hm_image_add_fact(&walk->image, node, kind, 0, text, &walk->err);
}

enum hm_rc hm_walk_fact_str(struct hm_walk *walk, uint32_t node, enum hm_image_fact_kind kind,
                            const char *text)
{
    return hm_walk_fact_text(walk, node, kind, hm_bytes_str(text));
}

/* Appends a character of the basic plane as UTF-8; false where there is no room. */
static bool put_char(uint8_t *text, size_t *size, uint32_t code)
{
    if (*size + 3 > HM_IMAGE_TEXT_SIZE_MAX)
        return false;
    if (code < 0x80) {
        text[(*size)++] = (uint8_t)code;
    } else if (code < 0x800) {
        text[(*size)++] = (uint8_t)(0xc0 | code >> 6);
        text[(*size)++] = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        text[(*size)++] = (uint8_t)(0xe0 | code >> 12);
        text[(*size)++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        text[(*size)++] = (uint8_t)(0x80 | (code & 0x3f));
    }
    return true;
}

enum hm_rc hm_walk_fact_ascii(struct hm_walk *walk, uint32_t node, enum hm_image_fact_kind kind,
                              struct hm_bytes text)
{
    uint8_t utf8[HM_IMAGE_TEXT_SIZE_MAX];
    size_t size = 0;

    for (size_t i = 0; i < text.size && text.data[i] != 0; i++) {
        uint32_t code = text.data[i];

        if (!put_char(utf8, &size, code < 0x80 ? code : 0xfffd))
            break;
    }
    return hm_walk_fact_text(walk, node, kind, hm_bytes_make(utf8, size));
}

enum hm_rc hm_walk_fact_utf16(struct hm_walk *walk, uint32_t node, enum hm_image_fact_kind kind,
                              struct hm_bytes text)
{
    uint8_t utf8[HM_IMAGE_TEXT_SIZE_MAX];
    struct hm_rd rd = hm_reader_make(text);
    size_t size = 0;

    while (hm_reader_left(&rd) >= 2) {
        uint32_t code = hm_reader_le16(&rd);

        if (code == 0)
            break;
        if (!put_char(utf8, &size, code >= 0xd800 && code < 0xe000 ? 0xfffd : code))
            break;
    }
    return hm_walk_fact_text(walk, node, kind, hm_bytes_make(utf8, size));
}

/* ---- digests --------------------------------------------------------------------------------- */

enum hm_rc hm_walk_sha256(struct hm_walk *walk, const struct hm_bytes *runs, size_t count,
                          struct hm_sha256 *ret_sha256)
{
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hm_walk_spend(walk, runs[i].size));
        HM_TRY(hm_digest_update(walk->digest, runs[i], &walk->err));
    }
    return hm_digest_final(walk->digest, &walk->err, ret_sha256->bytes);
}

/* Is all behind the node's header its one child? */
static bool is_wrapper(const struct hm_image *image, const struct hm_image_node *node)
{
    const struct hm_image_node *child;

    if (node->first_child == HM_IMAGE_NONE || node->first_child != node->last_child)
        return false;
    child = &image->nodes[node->first_child];
    return child->space == node->space && child->offset + child->size == node->offset + node->size;
}

/* Bytes are hashed under each name that somebody may ask for, and no more often: it is a third of
 * the whole work. */
static bool is_hashed(const struct hm_image *image, uint32_t index)
{
    const struct hm_image_node *node = &image->nodes[index];

    switch (node->kind) {
    case HM_IMAGE_FILE: /* by whoever asked: inspect.h */
    case HM_IMAGE_PADDING:
        return false;
    case HM_IMAGE_CONTENT:
        return node->first_child == HM_IMAGE_NONE;
    case HM_IMAGE_VOLUME: /* decompressed ones are told by their files */
        return node->first_child == HM_IMAGE_NONE || node->space == 0;
    case HM_IMAGE_SECTION:
        return !is_wrapper(image, node);
    default:
        return true;
    }
}

static enum hm_rc hash_nodes(struct hm_walk *walk)
{
    struct hm_image *image = &walk->image;

    for (uint32_t i = 0; i < image->node_count; i++) {
        struct hm_image_node *node = &image->nodes[i];
        const struct hm_image_node *above = i == 0 ? NULL : &image->nodes[node->parent];
        struct hm_bytes bytes = hm_walk_bytes(walk, i);

        if (!is_hashed(image, i))
            continue;
        if (above != NULL && above->has_sha256 && above->space == node->space &&
            above->offset == node->offset && above->size == node->size) {
            node->sha256 = above->sha256; /* the same bytes under another name */
        } else {
            enum hm_rc rc = hm_walk_sha256(walk, &bytes, 1, &node->sha256);

            if (rc == HM_EREFUSED)
                return hm_walk_limit(walk, i, "the budget of work is spent: no more digests");
            HM_TRY(rc);
        }
        node->has_sha256 = true;
    }
    return HM_OK;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Adds what the search finds in a node, and the gaps between. */
static enum hm_rc search_node(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    bool is_data = walk->image.nodes[node].kind == HM_IMAGE_DATA;
    struct hm_search search = hm_search_make(bytes, !is_data);
    struct hm_search_hit hit;
    size_t end = 0;

    while (hm_search_next(&search, &hit)) {
        uint32_t child;

        HM_TRY(hm_walk_spend(walk, hit.cost));
        if (hit.format == NULL)
            continue; /* so far without a hit: only the bill */
        HM_TRY(hm_walk_add_gap(walk, node, end, hit.offset - end));
        HM_TRY(hm_walk_add(walk, node, hit.format->kind, hit.offset, hit.size, &child));
        HM_TRY(hm_walk_queue(walk, child, hit.format));
        end = hit.offset + hit.size;
    }
    if (end == 0)
        return HM_OK; /* nothing inside: the node is its own data */
    return hm_walk_add_gap(walk, node, end, bytes.size - end);
}

static enum hm_rc run_task(struct hm_walk *walk, const struct task *task)
{
    enum hm_rc rc;

    if (task->format == NULL)
        rc = search_node(walk, task->node);
    else
        rc = task->format->parse(walk, task->node);
    if (rc == HM_EREFUSED) {
        char why[256];

        (void)snprintf(why, sizeof(why), "%.200s", walk->err.text);
        return hm_walk_limit(walk, task->node, why);
    }
    return rc;
}

/* Turns the tasks from first on around: parts are looked at in the order they were added. */
static void reverse_tasks(struct hm_walk *walk, size_t first)
{
    for (size_t last = walk->task_count; first + 1 < last; first++, last--) {
        struct task task = walk->tasks[first];

        walk->tasks[first] = walk->tasks[last - 1];
        walk->tasks[last - 1] = task;
    }
}

static enum hm_rc run(struct hm_walk *walk, const struct hm_format *format)
{
    HM_TRY(hm_walk_queue(walk, 0, format));
    while (walk->task_count > 0) {
        struct task task = walk->tasks[--walk->task_count];
        size_t first = walk->task_count;

        HM_TRY(run_task(walk, &task));
        reverse_tasks(walk, first);
    }
    return hash_nodes(walk);
}

enum hm_rc hm_walk_new_as(struct hm_bytes file, const struct hm_format *format, struct hm_err *err,
                          struct hm_walk **ret_walk)
{
    _hm_free_(hm_walk_free) struct hm_walk *walk = calloc(1, sizeof(*walk));
    enum hm_rc rc;

    if (walk == NULL)
        return hm_error_nomem(err);
    if (file.size > HM_WALK_FILE_SIZE_MAX)
        return hm_fail(err, HM_EREFUSED, "larger than %zu bytes: no flash image is",
                       HM_WALK_FILE_SIZE_MAX);
    walk->file = file.data;
    walk->expanded_max = hm_walk_expanded_max(file.size);
    walk->work_max = HM_WALK_WORK_BASE + (uint64_t)HM_WALK_WORK_FACTOR * file.size;
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &walk->digest));
    HM_TRY(hm_image_init(&walk->image, file.size, err));
    rc = run(walk, format);
    if (rc != HM_OK) {
        if (err != NULL)
            *err = walk->err;
        return rc;
    }
    *ret_walk = hm_steal(&walk);
    return HM_OK;
}

enum hm_rc hm_walk_new(struct hm_bytes file, struct hm_err *err, struct hm_walk **ret_walk)
{
    return hm_walk_new_as(file, NULL, err, ret_walk);
}

void hm_walk_free(struct hm_walk *walk)
{
    if (walk == NULL)
        return;
    for (uint32_t i = 1; i < walk->space_capacity; i++)
        free(walk->spaces[i]);
    free(walk->spaces);
    free(walk->tasks);
    hm_digest_free(walk->digest);
    hm_image_done(&walk->image);
    free(walk);
}
