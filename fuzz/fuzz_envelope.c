/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes: what is read is written and read again as the same; the signatures are sorted and
 * distinct; nobody who did not sign is ever counted.
 */
#include "fuzz.h"

#include "tuf/envelope.h"

static void check_writing(const struct hm_envelope *envelope)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *again = NULL;
    struct hm_buf raw = HM_BUF_INIT(16U << 20);

    FUZZ_CHECK(hm_envelope_write(envelope->canonical, envelope->signatures,
                                 envelope->signature_count, NULL, &raw) == HM_OK);
    FUZZ_CHECK(hm_envelope_parse(hm_buf_bytes(&raw), NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(again->canonical, envelope->canonical));
    FUZZ_CHECK(again->signature_count == envelope->signature_count);
    for (size_t i = 0; i < again->signature_count; i++) {
        FUZZ_CHECK(hm_bytes_is_equal(again->signatures[i].keyid, envelope->signatures[i].keyid));
        FUZZ_CHECK(hm_bytes_is_equal(again->signatures[i].hex, envelope->signatures[i].hex));
        FUZZ_CHECK(i == 0 || hm_bytes_compare(again->signatures[i - 1].keyid,
                                              again->signatures[i].keyid) < 0);
    }
    hm_envelope_free(hm_steal(&again));
    hm_buf_done(&raw);
}

/* A role of one key (of RFC 8032's first test), which signed nothing of the corpus, under each id.
 */
static void check_counting(const struct hm_envelope *envelope)
{
    static const char ring_json[] =
        "{\"a\":{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":"
        "\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"}}}";
    const char *ids[] = {"a"};
    struct hm_arena arena = HM_ARENA_INIT;
    struct hm_keyring ring = {0};
    struct hm_role_keys keys = {.ids = ids, .id_count = 1, .threshold = 1, .ring = &ring};
    struct hm_signed document;
    struct hm_json json;
    uint32_t valid;

    hm_json_init(&json, hm_bytes_str(ring_json), &arena);
    FUZZ_CHECK(hm_keyring_parse(&json, &arena, NULL, &ring) == HM_OK);
    FUZZ_CHECK(hm_envelope_count(envelope, &keys, NULL, &valid) == HM_OK);
    FUZZ_CHECK(valid == 0);
    FUZZ_CHECK(hm_envelope_verify(envelope, &keys, "role", NULL, &document) == HM_ESIGNATURE);
    hm_keyring_done(&ring);
    hm_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_envelope *envelope;

    if (hm_envelope_parse(hm_bytes_make(data, size), NULL, &envelope) != HM_OK)
        return 0;
    check_writing(envelope);
    check_counting(envelope);
    hm_envelope_free(envelope);
    return 0;
}
