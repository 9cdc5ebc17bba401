/* SPDX-License-Identifier: Apache-2.0 */
/* Files of signatures: what is accepted is written and read back as the same. */
#include "fuzz.h"

#include "exchange/signatures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(SIZE_MAX / 2);
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    _hm_free_(hm_signatures_free) struct hm_signatures *again = NULL;

    if (hm_signatures_parse(hm_bytes_make(data, size), NULL, &signatures) != HM_OK) {
        FUZZ_CHECK(signatures == NULL);
        return 0;
    }
    FUZZ_CHECK(hm_signatures_write(signatures, NULL, &raw) == HM_OK);
    FUZZ_CHECK(hm_signatures_parse(hm_buf_bytes(&raw), NULL, &again) == HM_OK);
    FUZZ_CHECK(signatures->count == again->count);
    for (size_t i = 0; i < again->count; i++) {
        FUZZ_CHECK(strcmp(signatures->items[i].role, again->items[i].role) == 0);
        FUZZ_CHECK(strcmp(signatures->items[i].keyid, again->items[i].keyid) == 0);
        FUZZ_CHECK(strcmp(signatures->items[i].sig_hex, again->items[i].sig_hex) == 0);
        FUZZ_CHECK(signatures->items[i].version == again->items[i].version);
    }
    return 0;
}
