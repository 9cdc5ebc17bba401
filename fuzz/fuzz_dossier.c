/* SPDX-License-Identifier: Apache-2.0 */
/* Dossiers: one that is read is written again as it was, but for words, trailing zeros, and headers
 * that other programs write. */
#include "fuzz.h"

#include "judge/dossier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_dossier_free) struct hm_dossier *dossier = NULL;
    _hm_free_(hm_dossier_free) struct hm_dossier *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf archive = HM_BUF_INIT(2 * HM_DOSSIER_SIZE_MAX);
    const struct hm_bytes raw = hm_bytes_make(data, size);

    if (hm_dossier_parse(raw, NULL, &dossier) != HM_OK)
        return 0;
    FUZZ_CHECK(hm_dossier_write(dossier, hm_dossier_readme_of(dossier), NULL, &archive) == HM_OK);
    FUZZ_CHECK(hm_dossier_parse(hm_buf_bytes(&archive), NULL, &again) == HM_OK);
    FUZZ_CHECK(again->count == dossier->count);
    for (size_t i = 0; i < again->count; i++)
        FUZZ_CHECK(hm_bytes_is_equal(again->members[i].raw, dossier->members[i].raw));
    return 0;
}
