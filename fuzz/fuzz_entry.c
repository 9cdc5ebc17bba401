/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the release log: one spelling for each. */
#include "fuzz.h"

#include "tlog/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(2 * HM_ENTRY_SIZE_MAX);

    if (hm_entry_parse(raw, NULL, &entry) != HM_OK)
        return 0;
    FUZZ_CHECK(entry->site != NULL);
    FUZZ_CHECK(hm_entry_write(entry, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    return 0;
}
