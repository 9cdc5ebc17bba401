/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of versions: one spelling for each, and the rows in order. */
#include "fuzz.h"

#include "base/text.h"
#include "tlog/release_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
    struct hm_sha256 value;

    if (hm_release_list_parse(raw, NULL, &list) != HM_OK)
        return 0;
    FUZZ_CHECK(list->count > 0);
    for (size_t i = 0; i < list->count; i++) {
        struct hm_bytes version = hm_bytes_str(list->rows[i].version);

        FUZZ_CHECK(list->rows[i].image_count > 0);
        FUZZ_CHECK(hm_release_list_find(list, version) == &list->rows[i]);
        FUZZ_CHECK(hm_release_list_position(list, version) == i);
    }
    FUZZ_CHECK(hm_release_list_value(list, NULL, &value) == HM_OK);
    FUZZ_CHECK(hm_release_list_write(list, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    return 0;
}
