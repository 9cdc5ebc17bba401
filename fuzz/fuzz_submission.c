/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions: the reader ends, and no image comes that maker.json does not list with this size. */
#include "fuzz.h"

#include "exchange/submission.h"

static enum hm_rc read_memory(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                              bool *ret_end)
{
    struct hm_bytes *left = ctx;

    if (left->size == 0 && size > 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (left->size < size)
        return hm_fail(err, HM_EFORMAT, "cut off");
    if (size > 0)
        memcpy(data, left->data, size);
    left->data += size;
    left->size -= size;
    return HM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_submission_free) struct hm_submission *submission = NULL;
    struct hm_bytes left = hm_bytes_make(data, size);
    const struct hm_target *target = NULL;
    struct hm_ustar_reader reader;
    uint32_t images = 0;

    hm_ustar_reader_init(&reader, read_memory, &left);
    if (hm_submission_read(&reader, INT64_C(1800000000), NULL, &submission) != HM_OK) {
        FUZZ_CHECK(submission == NULL);
        return 0;
    }
    FUZZ_CHECK(submission->identity != NULL && submission->identity_count > 0);
    FUZZ_CHECK((submission->targets == NULL) == (submission->maker_raw.size == 0));
    while (hm_submission_next_image(submission, &reader, NULL, &target) == HM_OK &&
           target != NULL) {
        FUZZ_CHECK(hm_targets_find(submission->content, target->path) == target);
        FUZZ_CHECK(target->facts.length == reader.left);
        images++;
    }
    FUZZ_CHECK(images <= submission->image_count);
    return 0;
}
