/* SPDX-License-Identifier: Apache-2.0 */
/* What a witness is sent: one spelling for each request. */
#include "fuzz.h"

#include "tlog/add_checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    struct hm_add_checkpoint request;

    if (hm_add_checkpoint_parse(raw, NULL, &request) != HM_OK)
        return 0;
    FUZZ_CHECK(request.proof.count <= HM_ADD_CHECKPOINT_HASHES);
    FUZZ_CHECK(request.checkpoint.size < size);
    FUZZ_CHECK(hm_add_checkpoint_write(&request, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    return 0;
}
