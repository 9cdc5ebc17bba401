/* SPDX-License-Identifier: Apache-2.0 */
/* The tree (image.h): arrays in one arena, links by index. */
#include "image/image.h"

#include "base/text.h"

#define FIRST_CAPACITY 64

static const char *const kind_names[HM_IMAGE_KIND_COUNT_] = {
    [HM_IMAGE_FILE] = "file",
    [HM_IMAGE_REGION] = "region",
    [HM_IMAGE_CONTENT] = "content",
    [HM_IMAGE_DATA] = "data",
    [HM_IMAGE_PADDING] = "padding",
    [HM_IMAGE_OPTION_ROM] = "option-rom",
    [HM_IMAGE_ROM_IMAGE] = "rom-image",
    [HM_IMAGE_PE] = "pe",
    [HM_IMAGE_TE] = "te",
    [HM_IMAGE_VOLUME] = "volume",
    [HM_IMAGE_VOLUME_FILE] = "volume-file",
    [HM_IMAGE_SECTION] = "section",
    [HM_IMAGE_FREE_SPACE] = "free-space",
    [HM_IMAGE_VARIABLES] = "variables",
    [HM_IMAGE_CAPSULE] = "capsule",
    [HM_IMAGE_PAYLOAD] = "payload",
    [HM_IMAGE_FLASH] = "flash",
    [HM_IMAGE_DESCRIPTOR] = "flash-descriptor",
    [HM_IMAGE_MICROCODE] = "microcode",
    [HM_IMAGE_CABINET] = "cabinet",
    [HM_IMAGE_UIMAGE] = "uimage",
    [HM_IMAGE_DEVICE_TREE] = "device-tree",
    [HM_IMAGE_CBFS] = "cbfs",
    [HM_IMAGE_CBFS_FILE] = "cbfs-file",
    [HM_IMAGE_SQUASHFS] = "squashfs",
    [HM_IMAGE_UBI] = "ubi",
    [HM_IMAGE_PACKAGE] = "package",
};

static const struct {
    const char *name;
    enum hm_image_form form;
} fact_kinds[HM_FACT_KIND_COUNT_] = {
    [HM_FACT_TYPE] = {"type", HM_IMAGE_FORM_TEXT},
    [HM_FACT_NAME] = {"name", HM_IMAGE_FORM_TEXT},
    [HM_FACT_VERSION] = {"version", HM_IMAGE_FORM_TEXT},
    [HM_FACT_VENDOR_ID] = {"vendor-id", HM_IMAGE_FORM_HEX16},
    [HM_FACT_DEVICE_ID] = {"device-id", HM_IMAGE_FORM_HEX16},
    [HM_FACT_LISTED_DEVICE_ID] = {"listed-device-id", HM_IMAGE_FORM_HEX16},
    [HM_FACT_CLASS_CODE] = {"class-code", HM_IMAGE_FORM_HEX},
    [HM_FACT_MACHINE] = {"machine", HM_IMAGE_FORM_TEXT},
    [HM_FACT_SUBSYSTEM] = {"subsystem", HM_IMAGE_FORM_TEXT},
    [HM_FACT_COMPRESSION] = {"compression", HM_IMAGE_FORM_TEXT},
    [HM_FACT_CHECKSUM] = {"checksum", HM_IMAGE_FORM_TEXT},
    [HM_FACT_AUTHENTICODE] = {"authenticode-sha256", HM_IMAGE_FORM_DIGEST},
    [HM_FACT_SIGNATURE_SIZE] = {"signature-size", HM_IMAGE_FORM_DECIMAL},
    [HM_FACT_TIMESTAMP] = {"timestamp", HM_IMAGE_FORM_TIME},
    [HM_FACT_ATTRIBUTES] = {"attributes", HM_IMAGE_FORM_HEX},
    [HM_FACT_FILL] = {"fill", HM_IMAGE_FORM_HEX},
    [HM_FACT_LOAD_ADDRESS] = {"load-address", HM_IMAGE_FORM_HEX},
    [HM_FACT_ENTRY_ADDRESS] = {"entry-address", HM_IMAGE_FORM_HEX},
    [HM_FACT_INDEX] = {"index", HM_IMAGE_FORM_DECIMAL},
    [HM_FACT_MAC_ADDRESS] = {"mac-address", HM_IMAGE_FORM_TEXT},
    [HM_FACT_DATE] = {"date", HM_IMAGE_FORM_TEXT},
    [HM_FACT_VARIABLE] = {"changes", HM_IMAGE_FORM_TEXT},
    [HM_FACT_PROCESSOR] = {"processor", HM_IMAGE_FORM_HEX},
    [HM_FACT_BLOCK_SIZE] = {"block-size", HM_IMAGE_FORM_DECIMAL},
    [HM_FACT_CONTAINS] = {"contains", HM_IMAGE_FORM_TEXT},
    [HM_FACT_BAD_CHECKSUM] = {"bad-checksum", HM_IMAGE_FORM_TEXT},
    [HM_FACT_TRUNCATED] = {"truncated", HM_IMAGE_FORM_TEXT},
    [HM_FACT_MALFORMED] = {"malformed", HM_IMAGE_FORM_TEXT},
    [HM_FACT_NOT_DECOMPRESSED] = {"not-decompressed", HM_IMAGE_FORM_TEXT},
    [HM_FACT_TRAILING] = {"trailing-bytes", HM_IMAGE_FORM_TEXT},
    [HM_FACT_NOT_EMPTY] = {"not-empty", HM_IMAGE_FORM_TEXT},
    [HM_FACT_NOT_ALIGNED] = {"not-aligned", HM_IMAGE_FORM_TEXT},
    [HM_FACT_LIMIT] = {"limit", HM_IMAGE_FORM_TEXT},
    [HM_FACT_NOT_READ] = {"not-read", HM_IMAGE_FORM_TEXT},
};

/* Room for one more item in an array of the arena. HM_EREFUSED past count_max. */
static enum hm_rc make_room(struct hm_image *image, void **items, uint32_t count,
                            uint32_t *capacity, size_t item_size, uint32_t count_max,
                            const char *what, struct hm_err *err)
{
    uint32_t grown = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2; /* below 2^20: no overflow */
    void *moved;

    if (count >= count_max)
        return hm_fail(err, HM_EREFUSED, "more than %u %s", count_max, what);
    if (count < *capacity)
        return HM_OK;
    moved = hm_arena_grow(&image->arena, *items, (size_t)*capacity * item_size,
                          (size_t)grown * item_size);
    if (moved == NULL)
        return hm_error_nomem(err);
    *items = moved;
    *capacity = grown;
    return HM_OK;
}

enum hm_rc hm_image_init(struct hm_image *image, uint64_t size, struct hm_err *err)
{
    uint32_t index;
    enum hm_rc rc;

    *image = (struct hm_image){.arena = HM_ARENA_INIT};
    rc = hm_image_add_space(image, size, err, &index);
    if (rc == HM_OK)
        rc = hm_image_add(image, HM_IMAGE_NONE, HM_IMAGE_FILE, 0, 0, size, err, &index);
    if (rc != HM_OK)
        hm_image_done(image);
    return rc;
}

void hm_image_done(struct hm_image *image)
{
    hm_arena_done(&image->arena);
    *image = (struct hm_image){.arena = HM_ARENA_INIT};
}

enum hm_rc hm_image_add_space(struct hm_image *image, uint64_t size, struct hm_err *err,
                              uint32_t *ret_space)
{
    void *items = image->space_sizes;

    HM_TRY(make_room(image, &items, image->space_count, &image->space_capacity,
                     sizeof(*image->space_sizes), HM_IMAGE_SPACE_COUNT_MAX, "decompressed contents",
                     err));
    image->space_sizes = items;
    image->space_sizes[image->space_count] = size;
    *ret_space = image->space_count++;
    return HM_OK;
}

/* Does the new node lie where its parent allows? */
static bool is_inside(const struct hm_image *image, const struct hm_image_node *parent,
                      enum hm_image_kind kind, uint32_t space, uint64_t offset, uint64_t size)
{
    if (kind == HM_IMAGE_CONTENT)
        return space != 0 && space + 1 == image->space_count && offset == 0 &&
               size == image->space_sizes[space];
    return space == parent->space && offset >= parent->offset &&
           offset - parent->offset <= parent->size &&
           size <= parent->size - (offset - parent->offset);
}

enum hm_rc hm_image_add(struct hm_image *image, uint32_t parent, enum hm_image_kind kind,
                        uint32_t space, uint64_t offset, uint64_t size, struct hm_err *err,
                        uint32_t *ret_node)
{
    struct hm_image_node node = {
        .parent = parent,
        .next_sibling = HM_IMAGE_NONE,
        .first_child = HM_IMAGE_NONE,
        .last_child = HM_IMAGE_NONE,
        .first_fact = HM_IMAGE_NONE,
        .last_fact = HM_IMAGE_NONE,
        .space = space,
        .kind = kind,
        .offset = offset,
        .size = size,
    };
    void *items = image->nodes;

    if (image->node_count > 0) {
        if (parent >= image->node_count || (unsigned)kind >= HM_IMAGE_KIND_COUNT_ ||
            kind == HM_IMAGE_FILE)
            return hm_fail(err, HM_EFORMAT, "a node has no parent, or is of no known kind");
        if (!is_inside(image, &image->nodes[parent], kind, space, offset, size))
            return hm_fail(err, HM_EFORMAT, "a node does not lie inside its parent");
        node.depth = image->nodes[parent].depth + 1;
        if (node.depth > HM_IMAGE_DEPTH_MAX)
            return hm_fail(err, HM_EREFUSED, "nested deeper than %d", HM_IMAGE_DEPTH_MAX);
    }
    HM_TRY(make_room(image, &items, image->node_count, &image->node_capacity, sizeof(node),
                     HM_IMAGE_NODE_COUNT_MAX, "parts", err));
    image->nodes = items;
    image->nodes[image->node_count] = node;
    if (image->node_count > 0) {
        struct hm_image_node *above = &image->nodes[parent];

        if (above->last_child == HM_IMAGE_NONE)
            above->first_child = image->node_count;
        else
            image->nodes[above->last_child].next_sibling = image->node_count;
        above->last_child = image->node_count;
    }
    *ret_node = image->node_count++;
    return HM_OK;
}

static enum hm_rc check_fact(enum hm_image_fact_kind kind, struct hm_bytes text, struct hm_err *err)
{
    bool is_good;

    if ((unsigned)kind >= HM_FACT_KIND_COUNT_)
        return hm_fail(err, HM_EFORMAT, "a fact of no known kind");
    switch (fact_kinds[kind].form) {
    case HM_IMAGE_FORM_TEXT:
        is_good = text.size <= HM_IMAGE_TEXT_SIZE_MAX && hm_text_is_utf8(text) &&
                  (text.size == 0 || memchr(text.data, '\0', text.size) == NULL);
        break;
    case HM_IMAGE_FORM_DIGEST:
        is_good = text.size == HM_SHA256_SIZE;
        break;
    default:
        is_good = text.size == 0;
        break;
    }
    if (!is_good)
        return hm_fail(err, HM_EFORMAT, "the fact '%s' has a value of another form",
                       fact_kinds[kind].name);
    return HM_OK;
}

enum hm_rc hm_image_add_fact(struct hm_image *image, uint32_t node, enum hm_image_fact_kind kind,
                             uint64_t number, struct hm_bytes text, struct hm_err *err)
{
    struct hm_image_fact fact = {.next = HM_IMAGE_NONE, .kind = kind, .number = number};
    void *items = image->facts;
    struct hm_image_node *owner;

    HM_TRY(check_fact(kind, text, err));
    if (node >= image->node_count)
        return hm_fail(err, HM_EFORMAT, "the fact '%s' is of no node", fact_kinds[kind].name);
    if (image->text_size + text.size > HM_IMAGE_TEXT_TOTAL_MAX)
        return hm_fail(err, HM_EREFUSED, "more than %zu bytes of names", HM_IMAGE_TEXT_TOTAL_MAX);
    HM_TRY(make_room(image, &items, image->fact_count, &image->fact_capacity, sizeof(fact),
                     HM_IMAGE_FACT_COUNT_MAX, "facts", err));
    image->facts = items;
    if (text.size > 0)
        HM_TRY(hm_arena_copy(&image->arena, text, err, &fact.text));
    image->text_size += text.size;
    image->facts[image->fact_count] = fact;
    owner = &image->nodes[node];
    if (owner->last_fact == HM_IMAGE_NONE)
        owner->first_fact = image->fact_count;
    else
        image->facts[owner->last_fact].next = image->fact_count;
    owner->last_fact = image->fact_count++;
    if (hm_image_fact_is_finding(kind))
        image->finding_count++;
    if (kind == HM_FACT_LIMIT || kind == HM_FACT_NOT_READ)
        image->is_partial = true;
    return HM_OK;
}

const char *hm_image_kind_name(enum hm_image_kind kind)
{
    return kind_names[kind];
}

const char *hm_image_fact_name(enum hm_image_fact_kind kind)
{
    return fact_kinds[kind].name;
}

enum hm_image_form hm_image_fact_form(enum hm_image_fact_kind kind)
{
    return fact_kinds[kind].form;
}

uint32_t hm_image_next(const struct hm_image *image, uint32_t node)
{
    if (image->nodes[node].first_child != HM_IMAGE_NONE)
        return image->nodes[node].first_child;
    while (node != HM_IMAGE_NONE && image->nodes[node].next_sibling == HM_IMAGE_NONE)
        node = image->nodes[node].parent;
    return node == HM_IMAGE_NONE ? HM_IMAGE_NONE : image->nodes[node].next_sibling;
}

const struct hm_image_fact *hm_image_find_fact(const struct hm_image *image, uint32_t node,
                                               enum hm_image_fact_kind kind)
{
    for (uint32_t i = image->nodes[node].first_fact; i != HM_IMAGE_NONE; i = image->facts[i].next) {
        if (image->facts[i].kind == kind)
            return &image->facts[i];
    }
    return NULL;
}
