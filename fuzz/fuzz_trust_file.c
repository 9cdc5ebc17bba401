/* SPDX-License-Identifier: Apache-2.0 */
/* Trust files: what is accepted is written and read back as the same; fingerprints as text. */
#include "fuzz.h"

#include "trust/trust_file.h"

static void check_fingerprint(const uint8_t *data, size_t size)
{
    struct hm_sha256 fingerprint, again;
    char text[256];
    char shown[72];

    if (size >= sizeof(text))
        return;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (hm_trust_file_parse_fingerprint(text, NULL, &fingerprint) != HM_OK)
        return;
    hm_trust_file_format_fingerprint(&fingerprint, shown);
    FUZZ_CHECK(hm_trust_file_parse_fingerprint(shown, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_digest_is_equal(&fingerprint, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(SIZE_MAX / 2);
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    _hm_free_(hm_trust_file_free) struct hm_trust_file *again = NULL;

    check_fingerprint(data, size);
    if (hm_trust_file_parse(hm_bytes_make(data, size), NULL, &file) != HM_OK) {
        FUZZ_CHECK(file == NULL);
        return 0;
    }
    FUZZ_CHECK(hm_trust_file_write(file, NULL, &raw) == HM_OK);
    FUZZ_CHECK(hm_trust_file_parse(hm_buf_bytes(&raw), NULL, &again) == HM_OK);
    FUZZ_CHECK(strcmp(file->site, again->site) == 0 && file->pin_count == again->pin_count &&
               file->floor == again->floor && file->trial == again->trial);
    return 0;
}
