/* SPDX-License-Identifier: Apache-2.0 */
/* What an image is made of, as bytes: what is read is written the same way again. */
#include "fuzz.h"

#include "match/contents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_contents_free) struct hm_contents *contents = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_CONTENTS_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    if (hm_contents_parse(hm_bytes_make(data, size), &err, &contents) != HM_OK) {
        FUZZ_CHECK(err.rc == HM_EFORMAT || err.rc == HM_ENOMEM);
        return 0;
    }
    for (size_t i = 0; i < contents->part_count; i++) {
        const struct hm_part *part = &contents->parts[i];

        FUZZ_CHECK(part->space != 0 || (uint64_t)part->offset + part->size <= contents->image_size);
        FUZZ_CHECK(hm_image_kind_name(part->kind) != NULL);
        (void)hm_contents_is_component(part);
    }
    FUZZ_CHECK(hm_contents_write(contents, &err, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), hm_bytes_make(data, size)));
    return 0;
}
