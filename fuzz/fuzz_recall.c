/* SPDX-License-Identifier: Apache-2.0 */
/* A recall in a target's custom: what is read keeps the rules, and what is written of it is read as
 * the same. */
#include "fuzz.h"

#include "trust/recall.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(HM_RECALL_CUSTOM_SIZE_MAX);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_target target = {.path = HM_BYTES_LITERAL("recalls/vendor/x.json"),
                               .custom = hm_bytes_make(data, size)};
    struct hm_recalls recalls = {0};
    struct hm_recall recall, again;
    size_t cursor = 0;

    if (hm_recall_read(&target, &arena, NULL, &recall) != HM_OK)
        return 0;
    FUZZ_CHECK(recall.digest_count >= 1 && recall.digest_count <= HM_RECALL_DIGEST_COUNT_MAX);
    FUZZ_CHECK(strlen(recall.reason) <= HM_RECALL_TEXT_SIZE_MAX);
    FUZZ_CHECK(hm_recall_write_custom(&recall, NULL, &custom) == HM_OK);
    target.custom = hm_buf_bytes(&custom);
    FUZZ_CHECK(hm_recall_read(&target, &arena, NULL, &again) == HM_OK);
    FUZZ_CHECK(again.digest_count == recall.digest_count);
    FUZZ_CHECK(strcmp(again.remedy, recall.remedy) == 0);
    FUZZ_CHECK(hm_recall_set_add(&recalls, &recall, NULL) == HM_OK);
    FUZZ_CHECK(hm_recall_set_add(&recalls, &again, NULL) == HM_OK);
    FUZZ_CHECK(hm_recall_set_seal(&recalls, NULL) == HM_OK);
    for (size_t i = 0; i < recall.digest_count; i++, cursor = 0) {
        FUZZ_CHECK(hm_recall_set_find(&recalls, &recall.digests[i], "acme", &cursor) != NULL);
        FUZZ_CHECK(hm_recall_set_find(&recalls, &recall.digests[i], NULL, &cursor) == NULL);
    }
    hm_recall_set_done(&recalls);
    return 0;
}
