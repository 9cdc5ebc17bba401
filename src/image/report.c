/* SPDX-License-Identifier: Apache-2.0 */
/* A tree as bytes, and back (report.h). */
#include "image/report.h"

#include "base/buf.h"

#define MAGIC           "HMREPORT"
#define VERSION         1
#define FLAG_PARTIAL    1U
#define NODE_HAS_GUID   1U
#define NODE_HAS_SHA256 2U
/* Handed on in pieces of this size. */
#define PIECE_SIZE ((size_t)64 * 1024)

/* ---- writing --------------------------------------------------------------------------------- */

struct out {
    struct hm_buf buf;
    hm_report_sink_fn *sink;
    void *ctx;
    struct hm_err *err;
};

static enum hm_rc flush(struct out *out)
{
    if (out->buf.size > 0)
        HM_TRY(out->sink(out->ctx, hm_buf_bytes(&out->buf), out->err));
    hm_buf_clear(&out->buf);
    return HM_OK;
}

static enum hm_rc put(struct out *out, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i) & 0xff);
    return hm_buf_append(&out->buf, hm_bytes_make(bytes, size), out->err);
}

static enum hm_rc put_fact(struct out *out, const struct hm_image_fact *fact)
{
    HM_TRY(put(out, fact->kind, 1));
    switch (hm_image_fact_form(fact->kind)) {
    case HM_IMAGE_FORM_TEXT:
        HM_TRY(put(out, fact->text.size, 2)); /* at most HM_IMAGE_TEXT_SIZE_MAX */
        return hm_buf_append(&out->buf, fact->text, out->err);
    case HM_IMAGE_FORM_DIGEST:
        return hm_buf_append(&out->buf, fact->text, out->err);
    default:
        return put(out, fact->number, 8);
    }
}

static enum hm_rc put_node(struct out *out, const struct hm_image *image, uint32_t index)
{
    const struct hm_image_node *node = &image->nodes[index];
    uint32_t fact_count = 0;

    for (uint32_t i = node->first_fact; i != HM_IMAGE_NONE; i = image->facts[i].next)
        fact_count++;
    HM_TRY(put(out, node->parent, 4));
    HM_TRY(put(out, node->kind, 1));
    HM_TRY(put(out, (node->has_guid ? NODE_HAS_GUID : 0) | (node->has_sha256 ? NODE_HAS_SHA256 : 0),
               1));
    HM_TRY(put(out, node->space, 4));
    HM_TRY(put(out, node->offset, 8));
    HM_TRY(put(out, node->size, 8));
    HM_TRY(put(out, fact_count, 4));
    if (node->has_guid)
        HM_TRY(hm_buf_append(&out->buf, hm_bytes_make(node->guid.bytes, HM_GUID_SIZE), out->err));
    if (node->has_sha256)
        HM_TRY(
            hm_buf_append(&out->buf, hm_bytes_make(node->sha256.bytes, HM_SHA256_SIZE), out->err));
    for (uint32_t i = node->first_fact; i != HM_IMAGE_NONE; i = image->facts[i].next) {
        HM_TRY(put_fact(out, &image->facts[i]));
        if (out->buf.size >= PIECE_SIZE)
            HM_TRY(flush(out));
    }
    return out->buf.size >= PIECE_SIZE ? flush(out) : HM_OK;
}

static enum hm_rc put_all(struct out *out, const struct hm_image *image)
{
    HM_TRY(hm_buf_append(&out->buf, HM_BYTES_LITERAL(MAGIC), out->err));
    HM_TRY(put(out, VERSION, 4));
    HM_TRY(put(out, image->is_partial ? FLAG_PARTIAL : 0, 4));
    HM_TRY(put(out, image->space_sizes[0], 8));
    HM_TRY(put(out, image->node_count, 4));
    HM_TRY(put(out, image->space_count, 4));
    for (uint32_t i = 1; i < image->space_count; i++) {
        HM_TRY(put(out, image->space_sizes[i], 8));
        if (out->buf.size >= PIECE_SIZE)
            HM_TRY(flush(out));
    }
    for (uint32_t i = 0; i < image->node_count; i++)
        HM_TRY(put_node(out, image, i));
    return flush(out);
}

enum hm_rc hm_report_write(const struct hm_image *image, hm_report_sink_fn *sink, void *ctx,
                           struct hm_err *err)
{
    struct out out = {.buf = HM_BUF_INIT(2 * PIECE_SIZE), .sink = sink, .ctx = ctx, .err = err};
    enum hm_rc rc = put_all(&out, image);

    hm_buf_done(&out.buf);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct in {
    struct hm_rd rd;
    struct hm_image *image;
    struct hm_bytes spaces; /* the sizes */
    uint32_t space_count;
    struct hm_err *err;
};

static enum hm_rc broken(struct in *in, const char *what)
{
    return hm_fail_at(in->err, HM_EFORMAT, in->rd.offset, "a report of an image: %s", what);
}

/* Spaces are made as contents name them: each content is the whole of the newest. */
static enum hm_rc add_spaces(struct in *in, uint32_t count)
{
    while (in->image->space_count < count) {
        size_t at = (size_t)(in->image->space_count - 1) * 8;
        struct hm_rd rd = hm_reader_make(hm_bytes_make(in->spaces.data + at, 8));
        uint32_t space;

        HM_TRY(hm_image_add_space(in->image, hm_reader_le64(&rd), in->err, &space));
    }
    return HM_OK;
}

static enum hm_rc parse_fact(struct in *in, uint32_t node)
{
    unsigned kind = hm_reader_u8(&in->rd);
    struct hm_bytes text = HM_BYTES_EMPTY;
    uint64_t number = 0;

    if (kind >= HM_FACT_KIND_COUNT_)
        return broken(in, "a fact of no known kind");
    switch (hm_image_fact_form((enum hm_image_fact_kind)kind)) {
    case HM_IMAGE_FORM_TEXT:
        text = hm_reader_take(&in->rd, hm_reader_le16(&in->rd));
        break;
    case HM_IMAGE_FORM_DIGEST:
        text = hm_reader_take(&in->rd, HM_SHA256_SIZE);
        break;
    default:
        number = hm_reader_le64(&in->rd);
        break;
    }
    if (hm_reader_failed(&in->rd))
        return broken(in, "a fact is cut off");
    return hm_image_add_fact(in->image, node, (enum hm_image_fact_kind)kind, number, text, in->err);
}

static enum hm_rc add_node(struct in *in, uint32_t index, const struct hm_image_node *said)
{
    uint32_t node = 0;

    if (index == 0) {
        const struct hm_image_node *file = &in->image->nodes[0];

        if (said->parent != HM_IMAGE_NONE || said->kind != HM_IMAGE_FILE || said->space != 0 ||
            said->offset != 0 || said->size != file->size)
            return broken(in, "the first node is not the file");
    } else {
        if (said->space >= in->space_count)
            return broken(in, "a node lies in no space");
        if (said->kind == HM_IMAGE_CONTENT)
            HM_TRY(add_spaces(in, said->space + 1));
        HM_TRY(hm_image_add(in->image, said->parent, said->kind, said->space, said->offset,
                            said->size, in->err, &node));
    }
    in->image->nodes[node].has_guid = said->has_guid;
    in->image->nodes[node].guid = said->guid;
    in->image->nodes[node].has_sha256 = said->has_sha256;
    in->image->nodes[node].sha256 = said->sha256;
    return HM_OK;
}

static enum hm_rc parse_node(struct in *in, uint32_t index)
{
    struct hm_image_node said = {.parent = hm_reader_le32(&in->rd)};
    unsigned kind = hm_reader_u8(&in->rd);
    unsigned flags = hm_reader_u8(&in->rd);
    uint32_t fact_count;
    struct hm_bytes sha256;

    said.space = hm_reader_le32(&in->rd);
    said.offset = hm_reader_le64(&in->rd);
    said.size = hm_reader_le64(&in->rd);
    fact_count = hm_reader_le32(&in->rd);
    if (kind >= HM_IMAGE_KIND_COUNT_ || (flags & ~(NODE_HAS_GUID | NODE_HAS_SHA256)) != 0)
        return broken(in, "a node of no known kind");
    said.kind = (enum hm_image_kind)kind;
    said.has_guid = (flags & NODE_HAS_GUID) != 0;
    said.has_sha256 = (flags & NODE_HAS_SHA256) != 0;
    if (said.has_guid)
        said.guid = hm_guid_read(&in->rd);
    if (said.has_sha256) {
        sha256 = hm_reader_take(&in->rd, HM_SHA256_SIZE);
        if (sha256.size == HM_SHA256_SIZE)
            memcpy(said.sha256.bytes, sha256.data, HM_SHA256_SIZE);
    }
    if (hm_reader_failed(&in->rd))
        return broken(in, "a node is cut off");
    HM_TRY(add_node(in, index, &said));
    for (uint32_t i = 0; i < fact_count; i++)
        HM_TRY(parse_fact(in, index));
    return HM_OK;
}

static enum hm_rc parse_all(struct in *in, uint64_t file_size)
{
    struct hm_bytes magic = hm_reader_take(&in->rd, 8);
    uint32_t version = hm_reader_le32(&in->rd);
    uint32_t flags = hm_reader_le32(&in->rd);
    uint64_t size = hm_reader_le64(&in->rd);
    uint32_t node_count = hm_reader_le32(&in->rd);

    in->space_count = hm_reader_le32(&in->rd);
    if (hm_reader_failed(&in->rd) || !hm_bytes_is_str(magic, MAGIC) || version != VERSION)
        return broken(in, "it is none, or of another version");
    if ((flags & ~FLAG_PARTIAL) != 0 || size != file_size || node_count == 0 ||
        in->space_count == 0 || in->space_count > HM_IMAGE_SPACE_COUNT_MAX)
        return broken(in, "its head is not of this file");
    in->spaces = hm_reader_take_array(&in->rd, in->space_count - 1, 8);
    if (hm_reader_failed(&in->rd))
        return broken(in, "it is cut off");
    for (uint32_t i = 0; i < node_count; i++)
        HM_TRY(parse_node(in, i));
    HM_TRY(add_spaces(in, in->space_count));
    if ((flags & FLAG_PARTIAL) != 0)
        in->image->is_partial = true;
    return HM_OK;
}

enum hm_rc hm_report_parse(struct hm_bytes bytes, uint64_t file_size, struct hm_err *err,
                           struct hm_image *ret_image, size_t *ret_size)
{
    struct hm_image image;
    struct in in = {.rd = hm_reader_make(bytes), .image = &image, .err = err};
    enum hm_rc rc;

    HM_TRY(hm_image_init(&image, file_size, err));
    rc = parse_all(&in, file_size);
    if (rc != HM_OK) {
        hm_image_done(&image);
        /* A limit that the writer keeps too: who passes it did not write a report. */
        return rc == HM_EREFUSED ? broken(&in, "more than an image may have") : rc;
    }
    *ret_image = image;
    *ret_size = in.rd.offset;
    return HM_OK;
}
