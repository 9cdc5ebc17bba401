/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of images says, after a hostile image took it over: refused, or a tree that keeps
 * its rules and comes back as it was. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/reader.h"
#include "image/report.h"

static enum hm_rc append(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

static void check_tree(const struct hm_image *image)
{
    uint32_t seen = 0;

    for (uint32_t i = 0; i != HM_IMAGE_NONE; i = hm_image_next(image, i)) {
        const struct hm_image_node *node = &image->nodes[i];

        FUZZ_CHECK(node->space < image->space_count);
        FUZZ_CHECK(node->size <= image->space_sizes[node->space]);
        FUZZ_CHECK(node->offset <= image->space_sizes[node->space] - node->size);
        FUZZ_CHECK(node->depth <= HM_IMAGE_DEPTH_MAX);
        seen++;
    }
    FUZZ_CHECK(seen == image->node_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_REPORT_SIZE_MAX);
    struct hm_rd rd = hm_reader_make(hm_bytes_make(data, size));
    struct hm_err err = HM_ERR_INIT;
    struct hm_image image;
    size_t end;
    enum hm_rc rc;

    /* The file is as large as the report says: else nothing gets past the head. */
    (void)hm_reader_take(&rd, 0x10);
    rc = hm_report_parse(hm_bytes_make(data, size), hm_reader_le64(&rd), &err, &image, &end);
    if (rc != HM_OK) {
        FUZZ_CHECK(rc == HM_EFORMAT || rc == HM_ENOMEM);
        return 0;
    }
    check_tree(&image);
    FUZZ_CHECK(hm_report_write(&image, append, &again, &err) == HM_OK);
    FUZZ_CHECK(again.size == end);
    hm_image_done(&image);
    return 0;
}
