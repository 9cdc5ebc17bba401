/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of a delivery: what is taken is written again byte for byte, and nothing is taken that
 * could not have been written. */
#include "fuzz.h"

#include "delivery/delivery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    const struct hm_bytes raw = hm_bytes_make(data, size);
    struct hm_delivery delivery = HM_DELIVERY_INIT;
    struct hm_statement statement;
    struct hm_sha256 hash;

    if (hm_statement_parse(raw, &arena, NULL, &statement) != HM_OK)
        return 0;
    FUZZ_CHECK(hm_statement_write(&statement, NULL, &text) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&text), raw));
    FUZZ_CHECK(hm_statement_hash(raw, NULL, &hash) == HM_OK);
    /* Nothing but a request begins a delivery. */
    FUZZ_CHECK((hm_delivery_take(&delivery, &statement, &hash, NULL) == HM_OK) ==
               (statement.kind == HM_STATEMENT_REQUEST));
    return 0;
}
