/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence files: one spelling for each statement, and the claim is what the rest says. */
#include "fuzz.h"

#include "evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);

    if (hm_evidence_parse(raw, NULL, &evidence) != HM_OK) {
        FUZZ_CHECK(evidence == NULL);
        return 0;
    }
    FUZZ_CHECK(evidence->part_count > 0 && evidence->claim != NULL);
    FUZZ_CHECK(hm_evidence_write(evidence, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    return 0;
}
