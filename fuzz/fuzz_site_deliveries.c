/* SPDX-License-Identifier: Apache-2.0 */
/* What a root says of deliveries: both keys or none, and put there again it is read again. */
#include "fuzz.h"

#include "trust/root_word.h"
#include "trust/site_deliveries.h"

#define WRITTEN_MAX (4U << 20)

static struct hm_site_deliveries *read_word(struct hm_bytes x_hallmark)
{
    struct hm_root root = {.document = {.x_hallmark = x_hallmark}};
    struct hm_site_deliveries *deliveries = NULL;

    if (hm_site_deliveries_parse(&root, NULL, &deliveries) != HM_OK)
        FUZZ_CHECK(deliveries == NULL);
    return deliveries;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_make(data, size);
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = read_word(text);
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(WRITTEN_MAX);

    if (deliveries == NULL)
        return 0;
    FUZZ_CHECK((deliveries->key == NULL) == (deliveries->policy == NULL));
    if (deliveries->key == NULL)
        return 0;
    FUZZ_CHECK(deliveries->policy->log_count == 1);
    /* Another member set: this one is as it was. */
    FUZZ_CHECK(hm_root_word_put(text, "trial", HM_BYTES_LITERAL("true"), NULL, &json) == HM_OK);
    again = read_word(hm_buf_bytes(&json));
    FUZZ_CHECK(again != NULL && again->key != NULL &&
               hm_note_key_is_same(again->key, deliveries->key));
    return 0;
}
