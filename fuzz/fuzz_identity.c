/* SPDX-License-Identifier: Apache-2.0 */
/* Identities: what is accepted as unsigned is bounded, and nothing unsigned is ever verified. */
#include "fuzz.h"

#include "trust/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_identity_unsigned unsigned_identity = {NULL};
    struct hm_identity *identity = NULL;
    struct hm_identity *next = NULL;

    if (hm_envelope_parse(raw, NULL, &envelope) == HM_OK &&
        hm_identity_read_unsigned(hm_envelope_unsigned(envelope), NULL, &unsigned_identity) ==
            HM_OK) {
        FUZZ_CHECK(unsigned_identity.content->version >= 1 &&
                   unsigned_identity.content->version <= HM_IDENTITY_VERSION_MAX);
        FUZZ_CHECK(strlen(unsigned_identity.content->name) <= HM_IDENTITY_NAME_SIZE_MAX);
        FUZZ_CHECK(unsigned_identity.content->keys.threshold >= 1);
        hm_identity_free(unsigned_identity.content);
    }
    if (hm_identity_verify_first(raw, NULL, &identity) != HM_OK) {
        FUZZ_CHECK(identity == NULL);
        return 0;
    }
    FUZZ_CHECK(identity->version == 1 && identity->length == size);
    /* A first identity is nobody's next. */
    FUZZ_CHECK(hm_identity_verify_next(identity, raw, NULL, &next) == HM_EROLLBACK && next == NULL);
    hm_identity_free(identity);
    return 0;
}
