/* SPDX-License-Identifier: Apache-2.0 */
/* A file with one bare signature: no form is longer than the file, and what is taken verifies. */
#include "fuzz.h"

#include "crypto/signature_form.h"

#define P256_PEM                                                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJ+nWZ/K3YuRnSQNzO3hzwb93uK0E\n"                           \
    "seuCe7d/XBgP1hVlaw9r4a/ungEnqWLZxPRSDNJ1No+NGjbpNGT8ALtCng==\n"                               \
    "-----END PUBLIC KEY-----\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hm_key *key; /* what is a signature of this message stands in the corpus */
    _hm_done_(hm_signature_form_done) struct hm_signature_forms forms = HM_SIGNATURE_FORMS_INIT;
    _hm_done_(hm_buf_done) struct hm_buf found = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    const struct hm_bytes message = HM_BYTES_LITERAL("hallmark");
    enum hm_rc rc;

    if (key == NULL)
        FUZZ_CHECK(hm_key_parse_pem(hm_bytes_str(P256_PEM), NULL, &key) == HM_OK);
    if (hm_signature_form_read(hm_bytes_make(data, size), NULL, &forms) != HM_OK) {
        FUZZ_CHECK(size < HM_SIGNATURE_FORM_SIZE_MIN || size > HM_KEY_SIGNATURE_SIZE_MAX);
        return 0;
    }
    FUZZ_CHECK(forms.count <= HM_SIGNATURE_FORM_COUNT_MAX);
    for (size_t i = 0; i < forms.count; i++)
        FUZZ_CHECK(forms.items[i].size <= size);
    rc = hm_signature_form_match(&forms, key, message, NULL, &found);
    if (rc == HM_OK)
        FUZZ_CHECK(hm_key_verify(key, message, hm_buf_bytes(&found), NULL) == HM_OK);
    else
        FUZZ_CHECK(rc == HM_ESIGNATURE && found.size == 0);
    return 0;
}
