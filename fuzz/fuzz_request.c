/* SPDX-License-Identifier: Apache-2.0 */
/* Signing requests: what is accepted is written again as an archive that reads as the same. */
#include "fuzz.h"

#include "exchange/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(SIZE_MAX / 2);
    _hm_done_(hm_buf_done) struct hm_buf same = HM_BUF_INIT(SIZE_MAX / 2);
    _hm_free_(hm_request_free) struct hm_request *request = NULL;
    _hm_free_(hm_request_free) struct hm_request *again = NULL;

    if (hm_request_parse(hm_bytes_make(data, size), NULL, &request) != HM_OK) {
        FUZZ_CHECK(request == NULL);
        return 0;
    }
    FUZZ_CHECK(request->document_count > 0);
    FUZZ_CHECK(request->document_count <= HM_REQUEST_DOCUMENT_COUNT_MAX);
    FUZZ_CHECK(hm_request_write(request, NULL, &raw) == HM_OK);
    FUZZ_CHECK(hm_request_parse(hm_buf_bytes(&raw), NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_request_write(again, NULL, &same) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&raw), hm_buf_bytes(&same)));
    return 0;
}
