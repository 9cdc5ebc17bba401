/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery files: one spelling for each, and nothing of them counts without the right keys. */
#include "fuzz.h"

#include "delivery/delivery_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    const struct hm_bytes raw = hm_bytes_make(data, size);
    const struct hm_delivery_keys nobody = {.site = NULL};

    if (hm_delivery_file_parse(raw, NULL, &file) != HM_OK)
        return 0;
    FUZZ_CHECK(hm_delivery_file_write(&file, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    /* Nobody is believed: what passes has no statement, but proofs at most. */
    if (hm_delivery_file_verify(&file, &nobody, NULL, &record) == HM_OK)
        for (size_t i = HM_DELIVERY_PART_KEY; i <= HM_DELIVERY_PART_RECEIPT; i++)
            FUZZ_CHECK(!hm_delivery_file_has(&file, (enum hm_delivery_part)i));
    return 0;
}
