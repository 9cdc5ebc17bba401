/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: one text for each; what parses can be cosigned in both ways. */
#include "fuzz.h"

#include "tlog/cosignature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_make(data, size);
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(2 * HM_CHECKPOINT_TEXT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf message = HM_BUF_INIT(2 * HM_CHECKPOINT_TEXT_SIZE_MAX);
    struct hm_note_key key = {.name_bytes = HM_BYTES_LITERAL("w"), .kind = HM_NOTE_COSIGNATURE};
    struct hm_checkpoint checkpoint;

    if (hm_checkpoint_parse(text, NULL, &checkpoint) != HM_OK)
        return 0;
    FUZZ_CHECK(checkpoint.origin.size > 0 && checkpoint.size <= HM_CHECKPOINT_SIZE_MAX);
    FUZZ_CHECK(hm_checkpoint_write(&checkpoint, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), text));
    FUZZ_CHECK(hm_cosignature_message(&key, text, size, NULL, &message) == HM_OK);
    FUZZ_CHECK(message.size > text.size);
    key.kind = HM_NOTE_COSIGNATURE_ML_DSA;
    hm_buf_clear(&message);
    FUZZ_CHECK(hm_cosignature_message(&key, text, size, NULL, &message) == HM_OK);
    FUZZ_CHECK(message.size == 12 + 2 + 8 + 1 + checkpoint.origin.size + 16 + 32);
    return 0;
}
