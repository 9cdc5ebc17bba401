/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of digests: what is read is sorted, and everything in it is found. */
#include "fuzz.h"

#include "monitor/sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_sums_done) struct hm_sums sums = HM_SUMS_INIT;

    if (hm_sums_parse(hm_bytes_make(data, size), false, NULL, &sums) != HM_OK) {
        FUZZ_CHECK(sums.count == 0);
        return 0;
    }
    for (size_t i = 0; i < sums.count; i++) {
        FUZZ_CHECK(sums.sums[i].name.size <= HM_SUMS_NAME_MAX);
        FUZZ_CHECK(hm_sums_find(&sums, sums.sums[i].name, &sums.sums[i].sha256) == HM_OK);
        FUZZ_CHECK(i == 0 || hm_bytes_compare(sums.sums[i - 1].name, sums.sums[i].name) <= 0);
    }
    return 0;
}
