/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence judged: the first line is the root that is trusted, the rest the file. There is always a
 * report; what holds has a claim about a checkpoint that was verified.
 */
#include "fuzz.h"

#include "evidence/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hm_log_demands demands = {.now_unix_s = INT64_C(1800000000)};
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    _hm_free_(hm_basis_free) struct hm_basis *basis = NULL;
    _hm_free_(hm_report_free) struct hm_report *report = NULL;
    size_t skip;

    if (end == NULL)
        return 0;
    skip = (size_t)(end - data);
    if (hm_basis_new(hm_bytes_make(data, skip), &demands, NULL, &basis) != HM_OK)
        return 0;
    FUZZ_CHECK(hm_check_file(hm_bytes_make(end + 1, size - skip - 1), basis, NULL, &report) ==
               HM_OK);
    FUZZ_CHECK(report->count > 0);
    for (size_t i = 0; i < report->count; i++)
        FUZZ_CHECK(report->rc != HM_OK || report->steps[i].mark == HM_REPORT_GOOD ||
                   report->steps[i].mark == HM_REPORT_NOTE);
    if (report->rc == HM_OK)
        FUZZ_CHECK(report->claim != NULL && report->origin != NULL && report->size > 0);
    return 0;
}
