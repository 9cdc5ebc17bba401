/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's recall notice: what is read and written is read as the same. */
#include "fuzz.h"

#include "exchange/recall_notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_recall_notice_free) struct hm_recall_notice *notice = NULL;
    _hm_free_(hm_recall_notice_free) struct hm_recall_notice *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_RECALL_NOTICE_SIZE_MAX);

    if (hm_recall_notice_parse(hm_bytes_make(data, size), NULL, &notice) != HM_OK) {
        FUZZ_CHECK(notice == NULL);
        return 0;
    }
    FUZZ_CHECK(hm_recall_notice_write(notice, NULL, &raw) == HM_OK);
    FUZZ_CHECK(hm_recall_notice_parse(hm_buf_bytes(&raw), NULL, &again) == HM_OK);
    FUZZ_CHECK(strcmp(again->site, notice->site) == 0 && strcmp(again->maker, notice->maker) == 0);
    FUZZ_CHECK(hm_bytes_is_equal(again->recalls, notice->recalls));
    FUZZ_CHECK(again->document_count == notice->document_count);
    for (size_t i = 0; i < notice->document_count; i++) {
        const struct hm_recall_notice_document *found =
            hm_recall_notice_find(again, notice->documents[i].name);

        FUZZ_CHECK(found != NULL && hm_bytes_is_equal(found->text, notice->documents[i].text));
    }
    return 0;
}
