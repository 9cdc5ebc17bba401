/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the collector: what is taken is written again as the same bytes. */
#include "fuzz.h"

#include "serve/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    struct hm_handover handover;

    if (size > HM_HANDOVER_SIZE_MAX ||
        hm_handover_parse(hm_bytes_make(data, size), &arena, NULL, &handover) != HM_OK)
        return 0;
    FUZZ_CHECK(hm_handover_write(&handover, NULL, &again) == HM_OK);
    FUZZ_CHECK(handover.kind == HM_HANDOVER_POSITION ||
               hm_bytes_is_equal(hm_buf_bytes(&again), hm_bytes_make(data, size)));
    return 0;
}
