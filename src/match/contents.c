/* SPDX-License-Identifier: Apache-2.0 */
/* What an image is made of: out of the tree that src/image grows, and as bytes. See contents.h. */
#include "match/contents.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/reader.h"
#include "base/text.h"
#include "image/module.h"
#include "match/anchor.h"

#define FLAG_PARTIAL  1U
#define PART_VARIABLE 1U
#define PART_MODULE   2U
#define PART_GUID     4U
#define PART_FLAGS    7U

void hm_contents_free(struct hm_contents *contents)
{
    if (contents == NULL)
        return;
    hm_arena_done(&contents->arena);
    free(contents);
}

bool hm_contents_is_packed(const struct hm_contents *contents)
{
    for (size_t i = 0; i < contents->part_count; i++) {
        if (contents->parts[i].space != 0)
            return true;
    }
    return false;
}

bool hm_contents_is_component(const struct hm_part *part)
{
    switch (part->kind) {
    case HM_IMAGE_REGION:
    case HM_IMAGE_VOLUME:
    case HM_IMAGE_OPTION_ROM:
    case HM_IMAGE_ROM_IMAGE:
    case HM_IMAGE_CAPSULE:
    case HM_IMAGE_MICROCODE:
    case HM_IMAGE_CABINET:
    case HM_IMAGE_UIMAGE:
    case HM_IMAGE_CBFS_FILE:
    case HM_IMAGE_SQUASHFS:
        return !part->is_variable && part->size >= HM_CONTENTS_TELLING_SIZE_MIN;
    default:
        return false;
    }
}

/* ---- out of a tree --------------------------------------------------------------------------- */

/* Which nodes become parts: what has a name or a place of its own. */
static bool is_part(const struct hm_image *image, uint32_t node, bool is_module)
{
    const struct hm_image_node *at = &image->nodes[node];

    /* A decompressed volume is told by its files. */
    if (at->space != 0 && !at->has_sha256)
        return false;
    if (node == 0 || at->size == 0 || at->size > UINT32_MAX || at->offset > UINT32_MAX)
        return false;
    if (hm_image_find_fact(image, node, HM_FACT_VARIABLE) != NULL)
        return true;
    switch (at->kind) {
    case HM_IMAGE_REGION:
    case HM_IMAGE_OPTION_ROM:
    case HM_IMAGE_ROM_IMAGE:
    case HM_IMAGE_PE:
    case HM_IMAGE_TE:
    case HM_IMAGE_VOLUME:
    case HM_IMAGE_CAPSULE:
    case HM_IMAGE_PAYLOAD:
    case HM_IMAGE_MICROCODE:
    case HM_IMAGE_CABINET:
    case HM_IMAGE_UIMAGE:
    case HM_IMAGE_CBFS_FILE:
    case HM_IMAGE_SQUASHFS:
        return true;
    default:
        return is_module;
    }
}

static struct hm_bytes name_of(const struct hm_image *image, uint32_t node, bool is_module)
{
    const struct hm_image_fact *fact = is_module ? hm_module_find_fact(image, node, HM_FACT_NAME)
                                                 : hm_image_find_fact(image, node, HM_FACT_NAME);

    return fact != NULL && fact->text.size <= HM_CONTENTS_NAME_SIZE_MAX ? fact->text
                                                                        : HM_BYTES_EMPTY;
}

static enum hm_rc add_part(struct hm_contents *contents, const struct hm_inspection *inspection,
                           const struct hm_image *image, uint32_t node, bool module,
                           struct hm_err *err)
{
    const struct hm_image_node *at = &image->nodes[node];
    struct hm_part *part = &contents->parts[contents->part_count++];

    *part = (struct hm_part){
        .kind = at->kind,
        .is_variable = hm_image_find_fact(image, node, HM_FACT_VARIABLE) != NULL,
        .is_module = module && hm_image_find_fact(image, node, HM_FACT_VARIABLE) == NULL,
        .has_guid = at->has_guid,
        .space = at->space,
        .offset = (uint32_t)at->offset,
        .size = (uint32_t)at->size,
        .guid = at->guid,
        .sha256 = at->sha256,
    };
    if (!at->has_sha256)
        HM_TRY(hm_digest_sha256(hm_inspect_bytes(inspection, node), err, &part->sha256));
    return hm_arena_copy(&contents->arena, name_of(image, node, module), err, &part->name);
}

static enum hm_rc add_parts(struct hm_contents *contents, const struct hm_inspection *inspection,
                            const struct hm_image *image, struct hm_err *err)
{
    uint32_t *modules = NULL;
    size_t count = 0;
    size_t next = 0;

    HM_TRY(hm_module_list(image, &contents->arena, err, &modules, &count));
    contents->parts = hm_arena_alloc(&contents->arena, image->node_count, sizeof(struct hm_part));
    if (contents->parts == NULL)
        return hm_error_nomem(err);
    for (uint32_t i = 0; i != HM_IMAGE_NONE; i = hm_image_next(image, i)) {
        /* Both go in the order of reading. */
        bool is_module = next < count && modules[next] == i;

        next += is_module;
        if (is_part(image, i, is_module))
            HM_TRY(add_part(contents, inspection, image, i, is_module, err));
    }
    return HM_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct hm_anchor *left = a;
    const struct hm_anchor *right = b;

    return left->key < right->key ? -1 : left->key > right->key;
}

static enum hm_rc keep_anchors(struct hm_contents *contents, struct hm_anchor_list *list,
                               struct hm_err *err)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), compare_keys);
    contents->anchors = hm_arena_alloc(&contents->arena, list->count, sizeof(uint64_t));
    if (contents->anchors == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0 && list->items[i].key == list->items[i - 1].key)
            continue;
        if (contents->anchor_count == HM_CONTENTS_ANCHOR_COUNT_MAX) {
            contents->is_partial = true;
            break;
        }
        contents->anchors[contents->anchor_count++] = list->items[i].key;
    }
    return HM_OK;
}

static enum hm_rc add_anchors(struct hm_contents *contents, const struct hm_inspection *inspection,
                              const struct hm_image *image, struct hm_err *err)
{
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list list = {0};

    for (uint32_t i = 0; i < image->node_count; i++) {
        if (image->nodes[i].kind == HM_IMAGE_CONTENT)
            HM_TRY(hm_anchor_find(hm_inspect_bytes(inspection, i), HM_ANCHOR_UNPACKED,
                                  HM_CONTENTS_SAMPLE_BITS, err, &list));
    }
    return keep_anchors(contents, &list, err);
}

enum hm_rc hm_contents_make(const struct hm_inspection *inspection, struct hm_err *err,
                            struct hm_contents **ret_contents)
{
    _hm_free_(hm_contents_free) struct hm_contents *contents = calloc(1, sizeof(*contents));
    const struct hm_image *tree = &inspection->image;

    if (contents == NULL)
        return hm_error_nomem(err);
    contents->image_size = (uint32_t)inspection->file.size; /* below HM_WALK_FILE_SIZE_MAX */
    contents->is_partial = tree->is_partial;
    HM_TRY(add_parts(contents, inspection, tree, err));
    HM_TRY(add_anchors(contents, inspection, tree, err));
    *ret_contents = hm_steal(&contents);
    return HM_OK;
}

static enum hm_rc write_image(int fd, struct hm_bytes image, struct hm_err *err)
{
    while (image.size > 0) {
        ssize_t size = write(fd, image.data, image.size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return hm_error_errno(err, errno, "a file in memory cannot be written");
        image = hm_bytes_make(image.data + size, image.size - (size_t)size);
    }
    if (lseek(fd, 0, SEEK_SET) != 0)
        return hm_error_errno(err, errno, "a file in memory cannot be read");
    return HM_OK;
}

enum hm_rc hm_contents_inspect(const char *worker, struct hm_bytes image, bool with_anchors,
                               struct hm_err *err, struct hm_contents **ret_contents)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection = NULL;
    _hm_done_(hm_dir_close_fd) int fd = memfd_create("image", MFD_CLOEXEC);
    struct hm_inspect_options options = {.worker = worker, .wants_contents = with_anchors};

    if (fd < 0)
        return hm_error_errno(err, errno, "a file in memory cannot be made");
    HM_TRY(write_image(fd, image, err));
    HM_TRY(hm_inspect_new(fd, &options, err, &inspection));
    return hm_contents_make(inspection, err, ret_contents);
}

/* ---- as bytes -------------------------------------------------------------------------------- */

static enum hm_rc put(struct hm_buf *buf, uint64_t value, size_t size, struct hm_err *err)
{
    for (size_t i = 0; i < size; i++)
        HM_TRY(hm_buf_append_byte(buf, (uint8_t)(value >> 8 * i & 0xff), err));
    return HM_OK;
}

static enum hm_rc write_part(const struct hm_part *part, struct hm_err *err, struct hm_buf *buf)
{
    unsigned flags = (part->is_variable ? PART_VARIABLE : 0) | (part->is_module ? PART_MODULE : 0) |
                     (part->has_guid ? PART_GUID : 0);

    HM_TRY(put(buf, (uint64_t)part->kind, 1, err));
    HM_TRY(put(buf, flags, 1, err));
    HM_TRY(put(buf, part->name.size, 2, err));
    HM_TRY(put(buf, part->space, 4, err));
    HM_TRY(put(buf, part->offset, 4, err));
    HM_TRY(put(buf, part->size, 4, err));
    HM_TRY(hm_buf_append(buf, hm_bytes_make(part->sha256.bytes, HM_SHA256_SIZE), err));
    if (part->has_guid)
        HM_TRY(hm_buf_append(buf, hm_bytes_make(part->guid.bytes, HM_GUID_SIZE), err));
    return hm_buf_append(buf, part->name, err);
}

enum hm_rc hm_contents_write(const struct hm_contents *contents, struct hm_err *err,
                             struct hm_buf *ret_buf)
{
    HM_TRY(put(ret_buf, contents->image_size, 4, err));
    HM_TRY(put(ret_buf, contents->is_partial ? FLAG_PARTIAL : 0, 4, err));
    HM_TRY(put(ret_buf, contents->part_count, 4, err));
    HM_TRY(put(ret_buf, contents->anchor_count, 4, err));
    for (size_t i = 0; i < contents->part_count; i++)
        HM_TRY(write_part(&contents->parts[i], err, ret_buf));
    for (size_t i = 0; i < contents->anchor_count; i++)
        HM_TRY(put(ret_buf, contents->anchors[i], 8, err));
    return HM_OK;
}

static enum hm_rc check_part(const struct hm_contents *contents, const struct hm_part *part,
                             unsigned kind, unsigned flags, size_t offset, struct hm_err *err)
{
    if (kind >= HM_IMAGE_KIND_COUNT_ || (flags & ~PART_FLAGS) != 0)
        return hm_fail_at(err, HM_EFORMAT, offset, "a part of an unknown kind");
    if (part->space > HM_IMAGE_SPACE_COUNT_MAX || part->size == 0 ||
        (part->space == 0 &&
         (part->offset > contents->image_size || part->size > contents->image_size - part->offset)))
        return hm_fail_at(err, HM_EFORMAT, offset, "a part lies outside of the image");
    if (part->name.size > HM_CONTENTS_NAME_SIZE_MAX || !hm_text_is_utf8(part->name) ||
        (part->name.size > 0 && memchr(part->name.data, 0, part->name.size) != NULL))
        return hm_fail_at(err, HM_EFORMAT, offset, "a part's name is no text");
    return HM_OK;
}

static enum hm_rc parse_part(struct hm_contents *contents, struct hm_rd *rd, struct hm_err *err)
{
    struct hm_part *part = &contents->parts[contents->part_count];
    size_t start = rd->offset;
    unsigned kind = hm_reader_u8(rd);
    unsigned flags = hm_reader_u8(rd);
    size_t name_size = hm_reader_le16(rd);
    struct hm_bytes sha256;

    part->space = hm_reader_le32(rd);
    part->offset = hm_reader_le32(rd);
    part->size = hm_reader_le32(rd);
    sha256 = hm_reader_take(rd, HM_SHA256_SIZE);
    part->has_guid = (flags & PART_GUID) != 0;
    if (part->has_guid)
        part->guid = hm_guid_read(rd);
    part->name = hm_reader_take(rd, name_size);
    if (hm_reader_failed(rd))
        return hm_fail_at(err, HM_EFORMAT, start, "ends within a part");
    HM_TRY(check_part(contents, part, kind, flags, start, err));
    part->kind = (enum hm_image_kind)kind;
    part->is_variable = (flags & PART_VARIABLE) != 0;
    part->is_module = (flags & PART_MODULE) != 0;
    memcpy(part->sha256.bytes, sha256.data, HM_SHA256_SIZE);
    contents->part_count++;
    return hm_arena_copy(&contents->arena, part->name, err, &part->name);
}

static enum hm_rc parse_anchors(struct hm_contents *contents, struct hm_rd *rd, size_t count,
                                struct hm_err *err)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t key = hm_reader_le64(rd);

        if (i > 0 && key <= contents->anchors[i - 1])
            return hm_fail_at(err, HM_EFORMAT, rd->offset, "anchors out of order");
        contents->anchors[contents->anchor_count++] = key;
    }
    return HM_OK;
}

enum hm_rc hm_contents_parse(struct hm_bytes bytes, struct hm_err *err,
                             struct hm_contents **ret_contents)
{
    _hm_free_(hm_contents_free) struct hm_contents *contents = calloc(1, sizeof(*contents));
    struct hm_rd rd = hm_reader_make(bytes);
    uint32_t flags, parts, anchors;

    if (contents == NULL)
        return hm_error_nomem(err);
    contents->image_size = hm_reader_le32(&rd);
    flags = hm_reader_le32(&rd);
    parts = hm_reader_le32(&rd);
    anchors = hm_reader_le32(&rd);
    if (hm_reader_failed(&rd) || (flags & ~FLAG_PARTIAL) != 0)
        return hm_fail_at(err, HM_EFORMAT, 0, "no list of an image's parts");
    /* The counts are of what follows: memory is asked for what can be there. */
    if (parts > HM_CONTENTS_PART_COUNT_MAX || anchors > HM_CONTENTS_ANCHOR_COUNT_MAX ||
        parts > hm_reader_left(&rd) / 0x30 || anchors > hm_reader_left(&rd) / 8)
        return hm_fail_at(err, HM_EFORMAT, 8, "more parts or anchors than there can be");
    contents->is_partial = (flags & FLAG_PARTIAL) != 0;
    contents->parts = hm_arena_alloc(&contents->arena, parts, sizeof(*contents->parts));
    contents->anchors = hm_arena_alloc(&contents->arena, anchors, sizeof(*contents->anchors));
    if (contents->parts == NULL || contents->anchors == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < parts; i++)
        HM_TRY(parse_part(contents, &rd, err));
    HM_TRY(parse_anchors(contents, &rd, anchors, err));
    if (hm_reader_failed(&rd) || hm_reader_left(&rd) != 0)
        return hm_fail_at(err, HM_EFORMAT, rd.offset, "does not end where its counts say");
    *ret_contents = hm_steal(&contents);
    return HM_OK;
}
