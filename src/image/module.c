/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes are modules, and what they are called (module.h). */
#include "image/module.h"

#include <inttypes.h>

#include "base/text.h"

/* Says its presence that what is around it is a mere container? */
static bool is_part(const struct hm_image *image, uint32_t node)
{
    enum hm_image_kind above;

    switch (image->nodes[node].kind) {
    case HM_IMAGE_REGION:
    case HM_IMAGE_OPTION_ROM:
    case HM_IMAGE_ROM_IMAGE:
    case HM_IMAGE_VOLUME:
    case HM_IMAGE_VOLUME_FILE:
    case HM_IMAGE_VARIABLES:
    case HM_IMAGE_CAPSULE:
    case HM_IMAGE_FLASH:
    case HM_IMAGE_DESCRIPTOR:
    case HM_IMAGE_MICROCODE:
    case HM_IMAGE_CBFS:
    case HM_IMAGE_CBFS_FILE:
    case HM_IMAGE_UIMAGE:
    case HM_IMAGE_DEVICE_TREE:
    case HM_IMAGE_CABINET:
    case HM_IMAGE_SQUASHFS:
    case HM_IMAGE_UBI:
    case HM_IMAGE_PACKAGE:
        return true;
    case HM_IMAGE_PAYLOAD:
        /* Of a capsule, package or boot image; within a driver it is the driver's own. */
        above = image->nodes[image->nodes[node].parent].kind;
        return above != HM_IMAGE_SECTION && above != HM_IMAGE_VOLUME_FILE &&
               above != HM_IMAGE_CBFS_FILE;
    default:
        return false;
    }
}

/* The node after this one and all below it. */
static uint32_t next_outside(const struct hm_image *image, uint32_t node)
{
    while (node != HM_IMAGE_NONE && image->nodes[node].next_sibling == HM_IMAGE_NONE)
        node = image->nodes[node].parent;
    return node == HM_IMAGE_NONE ? HM_IMAGE_NONE : image->nodes[node].next_sibling;
}

static bool is_text(const struct hm_image *image, uint32_t node, const char *text)
{
    const struct hm_image_fact *fact = hm_image_find_fact(image, node, HM_FACT_TYPE);

    return fact != NULL && hm_bytes_is_str(fact->text, text);
}

/* Erased, or filled up. */
static bool is_empty(const struct hm_image *image, uint32_t node)
{
    enum hm_image_kind kind = image->nodes[node].kind;

    if (image->nodes[node].size == 0 || kind == HM_IMAGE_PADDING)
        return true;
    if (hm_image_find_fact(image, node, HM_FACT_NOT_EMPTY) != NULL)
        return false;
    return kind == HM_IMAGE_FREE_SPACE ||
           (kind == HM_IMAGE_VOLUME_FILE && is_text(image, node, "pad"));
}

enum hm_rc hm_module_list(const struct hm_image *image, struct hm_arena *arena, struct hm_err *err,
                          uint32_t **ret_nodes, size_t *ret_count)
{
    bool *holds = hm_arena_alloc(arena, image->node_count, sizeof(*holds));
    uint32_t *nodes = hm_arena_alloc(arena, image->node_count, sizeof(*nodes));
    size_t count = 0;
    uint32_t node = 0;

    if (holds == NULL || nodes == NULL)
        return hm_error_nomem(err);
    for (uint32_t i = 0; i < image->node_count; i++) {
        if (!is_part(image, i))
            continue;
        for (uint32_t up = image->nodes[i].parent; up != HM_IMAGE_NONE && !holds[up];
             up = image->nodes[up].parent)
            holds[up] = true;
    }
    while (node != HM_IMAGE_NONE) {
        bool is_module = !holds[node] && !is_empty(image, node);

        if (is_module)
            nodes[count++] = node;
        node = holds[node] ? hm_image_next(image, node) : next_outside(image, node);
    }
    *ret_nodes = nodes;
    *ret_count = count;
    return HM_OK;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_facts(const struct hm_image *a, uint32_t node_a, const struct hm_image *b,
                         uint32_t node_b, enum hm_image_fact_kind kind)
{
    const struct hm_image_fact *x = hm_image_find_fact(a, node_a, kind);
    const struct hm_image_fact *y = hm_image_find_fact(b, node_b, kind);
    int order;

    if (x == NULL || y == NULL)
        return (x != NULL) - (y != NULL);
    order = compare_u64(x->number, y->number);
    return order != 0 ? order : hm_bytes_compare(x->text, y->text);
}

int hm_module_compare(const struct hm_image *a, uint32_t node_a, const struct hm_image *b,
                      uint32_t node_b)
{
    const struct hm_image_node *x = &a->nodes[node_a], *y = &b->nodes[node_b];
    static const enum hm_image_fact_kind facts[] = {HM_FACT_TYPE, HM_FACT_VENDOR_ID,
                                                    HM_FACT_DEVICE_ID, HM_FACT_INDEX};
    int order = compare_u64(x->kind, y->kind);

    if (order == 0)
        order = x->has_guid - y->has_guid;
    if (order == 0 && x->has_guid)
        order = memcmp(x->guid.bytes, y->guid.bytes, HM_GUID_SIZE);
    for (size_t i = 0; i < HM_ARRAY_COUNT(facts) && order == 0; i++)
        order = compare_facts(a, node_a, b, node_b, facts[i]);
    /* What a GUID names may be called otherwise tomorrow; a file of CBFS has its name alone. */
    if (order == 0 && !x->has_guid)
        order = compare_facts(a, node_a, b, node_b, HM_FACT_NAME);
    return order;
}

const struct hm_image_fact *hm_module_find_fact(const struct hm_image *image, uint32_t node,
                                                enum hm_image_fact_kind kind)
{
    uint32_t end = next_outside(image, node);

    for (uint32_t i = node; i != end; i = hm_image_next(image, i)) {
        const struct hm_image_fact *fact = hm_image_find_fact(image, i, kind);

        if (fact != NULL)
            return fact;
    }
    return NULL;
}

static enum hm_rc append_ids(const struct hm_image *image, uint32_t node, struct hm_err *err,
                             struct hm_buf *buf)
{
    const struct hm_image_fact *vendor = hm_image_find_fact(image, node, HM_FACT_VENDOR_ID);
    const struct hm_image_fact *device = hm_image_find_fact(image, node, HM_FACT_DEVICE_ID);

    if (vendor == NULL || device == NULL)
        return HM_OK;
    return hm_buf_append_fmt(buf, err, " %04" PRIx64 ":%04" PRIx64, vendor->number, device->number);
}

enum hm_rc hm_module_label(const struct hm_image *image, uint32_t node, struct hm_err *err,
                           struct hm_buf *buf)
{
    const struct hm_image_node *of = &image->nodes[node];
    const struct hm_image_fact *type = hm_image_find_fact(image, node, HM_FACT_TYPE);
    const struct hm_image_fact *name = hm_image_find_fact(image, node, HM_FACT_NAME);
    const char *known = of->has_guid ? hm_guid_name(&of->guid) : NULL;
    char guid[HM_GUID_TEXT_SIZE];

    /* A driver's type says it all; others need their kind. */
    if (of->kind != HM_IMAGE_VOLUME_FILE || type == NULL)
        HM_TRY(hm_buf_append_str(buf, hm_image_kind_name(of->kind), err));
    if (type != NULL) {
        if (of->kind != HM_IMAGE_VOLUME_FILE)
            HM_TRY(hm_buf_append_byte(buf, ' ', err));
        HM_TRY(hm_text_escape(buf, type->text, err));
    }
    HM_TRY(append_ids(image, node, err, buf));
    if (name != NULL) {
        HM_TRY(hm_buf_append_byte(buf, ' ', err));
        HM_TRY(hm_text_escape(buf, name->text, err));
    } else if (known != NULL && (type == NULL || !hm_bytes_is_str(type->text, known))) {
        HM_TRY(hm_buf_append_fmt(buf, err, " %s", known));
    }
    if (!of->has_guid)
        return HM_OK;
    hm_guid_text(&of->guid, guid);
    return hm_buf_append_fmt(buf, err, " %s", guid);
}

const struct hm_image_fact *hm_module_measured(const struct hm_image *image, uint32_t node)
{
    uint32_t child = image->nodes[node].first_child;

    if (image->nodes[node].kind != HM_IMAGE_ROM_IMAGE || !is_text(image, node, "EFI"))
        return NULL;
    if (child != HM_IMAGE_NONE && image->nodes[child].kind == HM_IMAGE_CONTENT)
        child = image->nodes[child].first_child;
    /* Nothing but the executable may be in the image, or its first part is. */
    if (child == HM_IMAGE_NONE || image->nodes[child].kind != HM_IMAGE_PE)
        return NULL;
    return hm_image_find_fact(image, child, HM_FACT_AUTHENTICODE);
}
