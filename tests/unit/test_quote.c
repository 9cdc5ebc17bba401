/* SPDX-License-Identifier: Apache-2.0 */
/* image/quote: what a TPM signed (recorded: tests/vectors/make-quotes.py) is good for its key, its
 * nonce and its log, and for no other. */
#include "unit.h"

#include "base/file.h"
#include "base/text.h"
#include "image/quote.h"

#define NONCE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct vector {
    struct hm_buf quote, signature, pem, log_raw;
    struct hm_event_log log;
    struct hm_key *key;
    uint8_t nonce[32];
};

static struct hm_buf read_file(const char *name, const char *suffix)
{
    struct hm_buf buf = HM_BUF_INIT(65536);
    struct hm_err err = HM_ERR_INIT;
    char path[128];

    (void)snprintf(path, sizeof(path), "tests/data/quote/%s%s", name, suffix);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
    return buf;
}

static struct vector read_vector(const char *quote, const char *key)
{
    struct hm_err err = HM_ERR_INIT;
    struct vector vector = {.quote = read_file(quote, ".quote"),
                            .signature = read_file(quote, ".sig"),
                            .pem = read_file(key, ".pem"),
                            .log_raw = read_file("log", "")};

    assert_int_equal(hm_key_parse_pem(hm_buf_bytes(&vector.pem), &err, &vector.key), HM_OK);
    assert_int_equal(hm_event_log_parse(hm_buf_bytes(&vector.log_raw), &err, &vector.log), HM_OK);
    assert_int_equal(hm_text_unhex(hm_bytes_str(NONCE), vector.nonce, sizeof(vector.nonce)), HM_OK);
    return vector;
}

static void vector_done(struct vector *vector)
{
    hm_buf_done(&vector->quote);
    hm_buf_done(&vector->signature);
    hm_buf_done(&vector->pem);
    hm_event_log_done(&vector->log);
    hm_buf_done(&vector->log_raw);
    hm_key_free(vector->key);
}

static enum hm_rc verify(const struct vector *vector)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_quote_signature signature;
    struct hm_quote quote;

    HM_TRY(hm_quote_parse(hm_buf_bytes(&vector->quote), &err, &quote));
    HM_TRY(hm_quote_parse_signature(hm_buf_bytes(&vector->signature), &err, &signature));
    return hm_quote_verify(&quote, &signature, vector->key,
                           hm_bytes_make(vector->nonce, sizeof(vector->nonce)), &vector->log, &err);
}

static const char *const names[] = {"ecdsa", "rsassa", "rsapss"};

static void test_verify__what_a_tpm_signed_is_good(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(vector_done) struct vector vector = read_vector(names[i], names[i]);

        assert_int_equal(verify(&vector), HM_OK);
    }
}

static void test_verify__all_pcrs_with_those_that_nobody_measured(void **state)
{
    _hm_done_(vector_done) struct vector vector = read_vector("ecdsa-all", "ecdsa");

    assert_int_equal(verify(&vector), HM_OK);
}

static void test_parse__says_what_the_tpm_said(void **state)
{
    _hm_done_(vector_done) struct vector vector = read_vector("ecdsa", "ecdsa");
    struct hm_err err = HM_ERR_INIT;
    struct hm_quote quote;

    assert_int_equal(hm_quote_parse(hm_buf_bytes(&vector.quote), &err, &quote), HM_OK);
    assert_int_equal(quote.pcrs, 0x87);
    assert_int_equal(quote.reset_count, 1);
    assert_int_equal(quote.restart_count, 0);
    assert_true(quote.is_safe);
    assert_memory_equal(quote.nonce.data, vector.nonce, sizeof(vector.nonce));
}

/* Each bit of quote and signature counts. */
static void test_verify__no_changed_byte_is_good(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(vector_done) struct vector vector = read_vector(names[i], names[i]);

        for (size_t k = 0; k < vector.quote.size; k++) {
            vector.quote.data[k] ^= 1;
            assert_int_not_equal(verify(&vector), HM_OK);
            vector.quote.data[k] ^= 1;
        }
        for (size_t k = 0; k < vector.signature.size; k++) {
            vector.signature.data[k] ^= 1;
            assert_int_not_equal(verify(&vector), HM_OK);
            vector.signature.data[k] ^= 1;
        }
        assert_int_equal(verify(&vector), HM_OK);
    }
}

static void test_verify__each_cut_and_each_byte_more_is_refused(void **state)
{
    _hm_done_(vector_done) struct vector vector = read_vector("ecdsa", "ecdsa");
    struct hm_err err = HM_ERR_INIT;
    size_t size = vector.quote.size;

    for (vector.quote.size = 0; vector.quote.size < size; vector.quote.size++)
        assert_int_equal(verify(&vector), HM_EFORMAT);
    size = vector.signature.size;
    for (vector.signature.size = 0; vector.signature.size < size; vector.signature.size++)
        assert_int_equal(verify(&vector), HM_EFORMAT);
    assert_int_equal(hm_buf_append_byte(&vector.signature, 0, &err), HM_OK);
    assert_int_equal(verify(&vector), HM_EFORMAT);
    vector.signature.size--;
    assert_int_equal(hm_buf_append_byte(&vector.quote, 0, &err), HM_OK);
    assert_int_equal(verify(&vector), HM_EFORMAT);
}

static void test_verify__another_key_is_refused(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(vector_done) struct vector vector =
            read_vector(names[i], names[(i + 1) % HM_ARRAY_COUNT(names)]);

        assert_int_equal(verify(&vector), HM_ESIGNATURE);
    }
}

static void test_verify__another_nonce_is_refused(void **state)
{
    _hm_done_(vector_done) struct vector vector = read_vector("ecdsa", "ecdsa");

    vector.nonce[31] ^= 1;
    assert_int_equal(verify(&vector), HM_EMISMATCH);
}

static void test_verify__another_log_is_refused(void **state)
{
    static const unsigned quoted[] = {0, 1, 2, 7};

    for (size_t i = 0; i < HM_ARRAY_COUNT(quoted); i++) {
        _hm_done_(vector_done) struct vector vector = read_vector("ecdsa", "ecdsa");

        vector.log.pcrs[3].bytes[0] ^= 1; /* not quoted */
        assert_int_equal(verify(&vector), HM_OK);
        vector.log.pcrs[quoted[i]].bytes[0] ^= 1;
        assert_int_equal(verify(&vector), HM_EMISMATCH);
    }
}

static void test_verify__a_quote_without_pcr_2_says_nothing(void **state)
{
    _hm_done_(vector_done) struct vector vector = read_vector("without-2", "ecdsa");

    assert_int_equal(verify(&vector), HM_EINPUT);
}

static void test_parse__other_banks_and_other_words_are_unknown(void **state)
{
    _hm_done_(vector_done) struct vector banks = read_vector("two-banks", "ecdsa");
    _hm_done_(vector_done) struct vector vector = read_vector("ecdsa", "ecdsa");

    assert_int_equal(verify(&banks), HM_EUNKNOWN);
    vector.quote.data[5] = 0x17; /* TPM_ST_ATTEST_CERTIFY */
    assert_int_equal(verify(&vector), HM_EUNKNOWN);
    vector.quote.data[5] = 0x18;
    vector.signature.data[3] = 0x0c; /* SHA-384 */
    assert_int_equal(verify(&vector), HM_EUNKNOWN);
    vector.signature.data[3] = 0x0b;
    vector.signature.data[1] = 0x1b; /* SM2 */
    assert_int_equal(verify(&vector), HM_EUNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify__what_a_tpm_signed_is_good),
        cmocka_unit_test(test_verify__all_pcrs_with_those_that_nobody_measured),
        cmocka_unit_test(test_parse__says_what_the_tpm_said),
        cmocka_unit_test(test_verify__no_changed_byte_is_good),
        cmocka_unit_test(test_verify__each_cut_and_each_byte_more_is_refused),
        cmocka_unit_test(test_verify__another_key_is_refused),
        cmocka_unit_test(test_verify__another_nonce_is_refused),
        cmocka_unit_test(test_verify__another_log_is_refused),
        cmocka_unit_test(test_verify__a_quote_without_pcr_2_says_nothing),
        cmocka_unit_test(test_parse__other_banks_and_other_words_are_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
