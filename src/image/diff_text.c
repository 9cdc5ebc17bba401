/* SPDX-License-Identifier: Apache-2.0 */
/* A difference in words and as JSON (diff.h). */
#include "image/diff.h"

#include <inttypes.h>

#include "base/text.h"
#include "image/module.h"

/* What is wrong with an image is told so often at most; the count says how much more there is. */
#define FINDING_LINE_MAX 20

static const char *const names[HM_DIFF_CHANGE_COUNT_] = {
    [HM_DIFF_CHANGED] = "changed",
    [HM_DIFF_ADDED] = "added",
    [HM_DIFF_REMOVED] = "removed",
    [HM_DIFF_MOVED] = "moved",
};

/* ---- text ------------------------------------------------------------------------------------ */

static const struct hm_image_fact *fact_of(const struct hm_image *image, uint32_t node,
                                           enum hm_image_fact_kind kind)
{
    return node == HM_IMAGE_NONE ? NULL : hm_module_find_fact(image, node, kind);
}

static enum hm_rc append_version(const struct hm_diff *diff, const struct hm_diff_item *item,
                                 struct hm_err *err, struct hm_buf *buf)
{
    const struct hm_image_fact *old = fact_of(diff->a, item->a, HM_FACT_VERSION);
    const struct hm_image_fact *new = fact_of(diff->b, item->b, HM_FACT_VERSION);

    if (new == NULL && old == NULL)
        return HM_OK;
    HM_TRY(hm_buf_append_str(buf, new == NULL ? "; no version" : "; version ", err));
    if (new != NULL)
        HM_TRY(hm_text_escape(buf, new->text, err));
    if (item->a == HM_IMAGE_NONE ||
        (old != NULL && new != NULL &&hm_bytes_is_equal(old->text, new->text)))
        return HM_OK;
    HM_TRY(hm_buf_append_str(buf, old == NULL ? ", had none" : ", was ", err));
    return old == NULL ? HM_OK : hm_text_escape(buf, old->text, err);
}

static enum hm_rc append_signature(const struct hm_diff *diff, const struct hm_diff_item *item,
                                   struct hm_err *err, struct hm_buf *buf)
{
    bool was = fact_of(diff->a, item->a, HM_FACT_SIGNATURE_SIZE) != NULL;
    bool is = fact_of(diff->b, item->b, HM_FACT_SIGNATURE_SIZE) != NULL;

    if (item->change != HM_DIFF_CHANGED || was == is)
        return HM_OK;
    return hm_buf_append_str(buf, was ? "; NO LONGER SIGNED" : "; signed now", err);
}

static enum hm_rc append_place(const struct hm_image_node *node, struct hm_err *err,
                               struct hm_buf *buf)
{
    return hm_buf_append_fmt(buf, err, "0x%" PRIx64 "%s", node->offset,
                             node->space == 0 ? "" : " (decompressed)");
}

static enum hm_rc append_item(const struct hm_diff *diff, const struct hm_diff_item *item,
                              struct hm_err *err, struct hm_buf *buf)
{
    bool is_gone = item->b == HM_IMAGE_NONE;
    const struct hm_image *image = is_gone ? diff->a : diff->b;
    uint32_t node = is_gone ? item->a : item->b;
    char size[16], was[16];

    HM_TRY(hm_buf_append_fmt(buf, err, "%-8s ", names[item->change]));
    HM_TRY(hm_module_label(image, node, err, buf));
    hm_text_size(image->nodes[node].size, size);
    HM_TRY(hm_buf_append_fmt(buf, err, ": %s at ", size));
    HM_TRY(append_place(&image->nodes[node], err, buf));
    if (item->change == HM_DIFF_MOVED) {
        HM_TRY(hm_buf_append_str(buf, ", was at ", err));
        return append_place(&diff->a->nodes[item->a], err, buf);
    }
    if (item->change == HM_DIFF_CHANGED &&
        diff->a->nodes[item->a].size != diff->b->nodes[item->b].size) {
        hm_text_size(diff->a->nodes[item->a].size, was);
        HM_TRY(hm_buf_append_fmt(buf, err, ", was %s", was));
    }
    if (hm_image_find_fact(image, node, HM_FACT_VARIABLE) != NULL)
        HM_TRY(hm_buf_append_str(buf, "; changes on a running machine", err));
    HM_TRY(append_version(diff, item, err, buf));
    return append_signature(diff, item, err, buf);
}

static enum hm_rc append_summary(const struct hm_diff *diff, struct hm_err *err, struct hm_buf *buf)
{
    if (diff->is_equal)
        HM_TRY(hm_buf_append_str(buf, "the same bytes", err));
    else if (diff->count == 0)
        HM_TRY(hm_buf_append_fmt(buf, err,
                                 "all %zu modules the same; other bytes around them differ",
                                 diff->same_count));
    else
        HM_TRY(hm_buf_append_fmt(
            buf, err, "modules: %zu changed, %zu added, %zu removed, %zu moved, %zu the same",
            diff->counts[HM_DIFF_CHANGED], diff->counts[HM_DIFF_ADDED],
            diff->counts[HM_DIFF_REMOVED], diff->counts[HM_DIFF_MOVED], diff->same_count));
    if (!diff->is_partial)
        return hm_buf_append_byte(buf, '\n', err);
    return hm_buf_append_fmt(buf, err, " - PARTIAL: %s could not be read to its end\n",
                             diff->b->is_partial ? "the new image" : "the old image");
}

static enum hm_rc append_findings(const struct hm_diff *diff, const char *prefix,
                                  struct hm_err *err, struct hm_buf *buf)
{
    const struct hm_image *image = diff->b;
    size_t count = 0;

    if (image->finding_count == 0)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(buf, err, "%swrong with the new image: %u (with the old: %u)\n",
                             prefix, image->finding_count, diff->a->finding_count));
    for (uint32_t node = 0; node != HM_IMAGE_NONE; node = hm_image_next(image, node)) {
        for (uint32_t i = image->nodes[node].first_fact; i != HM_IMAGE_NONE;
             i = image->facts[i].next) {
            const struct hm_image_fact *fact = &image->facts[i];

            if (!hm_image_fact_is_finding(fact->kind))
                continue;
            if (count++ == FINDING_LINE_MAX)
                return hm_buf_append_fmt(buf, err, "%s...\n", prefix);
            HM_TRY(hm_buf_append_fmt(buf, err, "%s%s: ", prefix, hm_image_fact_name(fact->kind)));
            HM_TRY(hm_module_label(image, node, err, buf));
            HM_TRY(hm_buf_append_str(buf, ": ", err));
            HM_TRY(hm_text_escape(buf, fact->text, err));
            HM_TRY(hm_buf_append_byte(buf, '\n', err));
        }
    }
    return HM_OK;
}

enum hm_rc hm_diff_text(const struct hm_diff *diff, const char *prefix, size_t line_max,
                        struct hm_err *err, struct hm_buf *buf)
{
    HM_TRY(hm_buf_append_str(buf, prefix, err));
    HM_TRY(append_summary(diff, err, buf));
    for (size_t i = 0; i < diff->count; i++) {
        if (i == line_max) {
            HM_TRY(hm_buf_append_fmt(buf, err, "%s... and %zu more\n", prefix, diff->count - i));
            break;
        }
        HM_TRY(hm_buf_append_str(buf, prefix, err));
        HM_TRY(append_item(diff, &diff->items[i], err, buf));
        HM_TRY(hm_buf_append_byte(buf, '\n', err));
    }
    return append_findings(diff, prefix, err, buf);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void write_side(struct hm_json_writer *writer, const char *key, const struct hm_image *image,
                       uint32_t node)
{
    const struct hm_image_node *of = &image->nodes[node];
    const struct hm_image_fact *version = hm_module_find_fact(image, node, HM_FACT_VERSION);

    hm_json_writer_key(writer, key);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "node");
    hm_json_writer_u64(writer, node);
    hm_json_writer_key(writer, "space");
    hm_json_writer_u64(writer, of->space);
    hm_json_writer_key(writer, "offset");
    hm_json_writer_u64(writer, of->offset);
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, of->size);
    if (of->has_sha256) {
        hm_json_writer_key(writer, "sha256");
        hm_json_writer_hex(writer, hm_bytes_make(of->sha256.bytes, HM_SHA256_SIZE));
    }
    if (version != NULL) {
        hm_json_writer_key(writer, "version");
        hm_json_writer_string(writer, version->text);
    }
    hm_json_writer_key(writer, "signed");
    hm_json_writer_bool(writer, hm_module_find_fact(image, node, HM_FACT_SIGNATURE_SIZE) != NULL);
    hm_json_writer_object_end(writer);
}

static enum hm_rc write_item(const struct hm_diff *diff, const struct hm_diff_item *item,
                             struct hm_err *err, struct hm_json_writer *writer)
{
    _hm_done_(hm_buf_done) struct hm_buf label = HM_BUF_INIT(4 * HM_IMAGE_TEXT_SIZE_MAX * 4);
    const struct hm_image *image = item->b == HM_IMAGE_NONE ? diff->a : diff->b;

    HM_TRY(hm_module_label(image, item->b == HM_IMAGE_NONE ? item->a : item->b, err, &label));
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "change", names[item->change]);
    hm_json_writer_key_str(writer, "module", hm_buf_str(&label));
    if (item->a != HM_IMAGE_NONE)
        write_side(writer, "old", diff->a, item->a);
    if (item->b != HM_IMAGE_NONE)
        write_side(writer, "new", diff->b, item->b);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

enum hm_rc hm_diff_text_json(const struct hm_diff *diff, struct hm_err *err,
                             struct hm_json_writer *writer)
{
    hm_json_writer_key(writer, "equal");
    hm_json_writer_bool(writer, diff->is_equal);
    hm_json_writer_key(writer, "partial");
    hm_json_writer_bool(writer, diff->is_partial);
    hm_json_writer_key(writer, "same");
    hm_json_writer_u64(writer, diff->same_count);
    for (size_t i = 0; i < HM_DIFF_CHANGE_COUNT_; i++) {
        hm_json_writer_key(writer, names[i]);
        hm_json_writer_u64(writer, diff->counts[i]);
    }
    hm_json_writer_key(writer, "findings");
    hm_json_writer_u64(writer, diff->b->finding_count);
    hm_json_writer_key(writer, "changes");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < diff->count; i++)
        HM_TRY(write_item(diff, &diff->items[i], err, writer));
    hm_json_writer_array_end(writer);
    return HM_OK;
}
