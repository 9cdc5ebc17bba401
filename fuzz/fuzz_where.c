/* SPDX-License-Identifier: Apache-2.0 */
/* Where a release stands: what is read is written again byte for byte. */
#include "fuzz.h"

#include "tlog/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    _hm_free_(hm_where_free) struct hm_where *where = NULL;

    if (hm_where_parse(hm_bytes_make(data, size), NULL, &where) != HM_OK) {
        FUZZ_CHECK(where == NULL);
        return 0;
    }
    FUZZ_CHECK(where->release_index < where->snapshot_index);
    FUZZ_CHECK(hm_where_write(where, NULL, &text) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&text), hm_bytes_make(data, size)));
    return 0;
}
