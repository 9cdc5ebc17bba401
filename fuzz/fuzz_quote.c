/* SPDX-License-Identifier: Apache-2.0 */
/* A TPM's quote (first byte 0) or signature (1) by an intruder: refused with a reason, or within
 * its limits. */
#include "fuzz.h"

#include "image/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_quote_signature signature;
    struct hm_err err = HM_ERR_INIT;
    struct hm_quote quote;
    struct hm_bytes rest;

    if (size == 0)
        return 0;
    rest = hm_bytes_make(data + 1, size - 1);
    if (data[0] == 0 && hm_quote_parse(rest, &err, &quote) == HM_OK) {
        FUZZ_CHECK(quote.pcrs != 0 && quote.pcrs >> HM_EVENT_LOG_PCR_MAX == 0);
        FUZZ_CHECK(quote.nonce.size <= HM_QUOTE_NONCE_SIZE_MAX);
    } else if (data[0] == 1 && hm_quote_parse_signature(rest, &err, &signature) == HM_OK) {
        FUZZ_CHECK(signature.der_size <= sizeof(signature.der));
        FUZZ_CHECK((signature.padding == HM_KEY_PADDING_NONE) == (signature.der_size > 0));
    } else if (data[0] < 2) {
        FUZZ_CHECK(err.rc != HM_OK && err.text[0] != '\0');
    }
    return 0;
}
