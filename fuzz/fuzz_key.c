/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys: the first byte of the input chooses what the rest is.
 *
 *   'P'  a public key in PEM: what is read is written and read again as the same key
 *   'S'  a private key in PEM: what is read signs for its own public half, or not at all
 *   'T'  key type, scheme and public text, each ended by NUL, then a signature of "message"
 *
 * The private keys among the seeds are those printed in RFC 8032 section 7.1 and RFC 6979 section
 * A.2.5.
 */
#include "fuzz.h"

#include "crypto/key.h"
#include "crypto/signer.h"

#define MESSAGE HM_BYTES_LITERAL("message")

/* Takes what stands in front of the next NUL, or all. */
static struct hm_bytes take_text(struct hm_bytes *input)
{
    const uint8_t *end = input->size > 0 ? memchr(input->data, 0, input->size) : NULL;
    struct hm_bytes text = *input;

    if (end == NULL) {
        *input = HM_BYTES_EMPTY;
        return text;
    }
    text.size = (size_t)(end - input->data);
    input->data += text.size + 1;
    input->size -= text.size + 1;
    return text;
}

static void check_same(const struct hm_key *a, const struct hm_key *b)
{
    FUZZ_CHECK(hm_digest_is_equal(hm_key_material(a), hm_key_material(b)));
    FUZZ_CHECK(strcmp(hm_key_id(a), hm_key_id(b)) == 0);
}

static void run_tuf(struct hm_bytes input)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    struct hm_bytes keytype = take_text(&input);
    struct hm_bytes scheme = take_text(&input);
    struct hm_bytes text = take_text(&input);
    enum hm_rc rc = hm_key_parse_tuf(keytype, scheme, text, NULL, &key);

    if (rc != HM_OK) {
        FUZZ_CHECK(rc == HM_EFORMAT || rc == HM_EUNKNOWN);
        return;
    }
    FUZZ_CHECK(hm_bytes_is_str(keytype, hm_key_type(key)));
    FUZZ_CHECK(hm_bytes_is_str(scheme, hm_key_scheme(key)));
    FUZZ_CHECK(hm_bytes_is_str(text, hm_key_public(key)));
    rc = hm_key_verify(key, MESSAGE, input, NULL);
    FUZZ_CHECK(rc == HM_OK || rc == HM_ESIGNATURE);
    FUZZ_CHECK(hm_key_verify(key, HM_BYTES_EMPTY, input, NULL) == HM_ESIGNATURE);
}

static void run_pem(struct hm_bytes input)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    _hm_free_(hm_key_free) struct hm_key *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    enum hm_rc rc = hm_key_parse_pem(input, NULL, &key);

    if (rc != HM_OK) {
        FUZZ_CHECK(rc == HM_EFORMAT || rc == HM_EUNKNOWN);
        return;
    }
    FUZZ_CHECK(hm_key_write_pem(key, NULL, &pem) == HM_OK);
    FUZZ_CHECK(hm_key_parse_pem(hm_buf_bytes(&pem), NULL, &again) == HM_OK);
    check_same(key, again);
}

/* A key file is its owner's: how long its key derivation may take is not limited, so no passphrase
 * is tried. */
static void run_private(struct hm_bytes input)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    enum hm_rc rc;

    if (input.size > HM_SIGNER_FILE_SIZE_MAX)
        return;
    rc = hm_signer_parse("fuzz", input, NULL, NULL, NULL, &signer);
    if (rc != HM_OK) {
        FUZZ_CHECK(rc == HM_EFORMAT || rc == HM_EUNKNOWN || rc == HM_EINPUT);
        return;
    }
    rc = hm_signer_sign(signer, MESSAGE, NULL, &signature);
    FUZZ_CHECK(rc == HM_OK || rc == HM_EINTERNAL);
    if (rc == HM_OK)
        FUZZ_CHECK(hm_key_verify(hm_signer_key(signer), MESSAGE, hm_buf_bytes(&signature), NULL) ==
                   HM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes input;

    if (size == 0)
        return 0;
    input = hm_bytes_make(data + 1, size - 1);
    if (data[0] == 'P')
        run_pem(input);
    else if (data[0] == 'S')
        run_private(input);
    else if (data[0] == 'T')
        run_tuf(input);
    return 0;
}
