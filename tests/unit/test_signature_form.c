/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/signature_form: every form that services give is found by trial; nothing else is taken. */
#include "unit.h"

#include "base/base64.h"
#include "base/text.h"
#include "crypto/signature_form.h"
#include "crypto/signer.h"

#define MESSAGE HM_BYTES_LITERAL("Hallmark test message")
#define OTHER   HM_BYTES_LITERAL("Hallmark test message.")

static const char *const kinds[] = {"ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072"};

struct signed_message {
    struct hm_signer *signer;
    const struct hm_key *key;
    struct hm_buf signature;
};

static void sign(const char *kind, struct signed_message *ret)
{
    struct hm_err err = HM_ERR_INIT;

    ret->signature = (struct hm_buf)HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    assert_int_equal(hm_signer_generate(kind, &err, &ret->signer), HM_OK);
    ret->key = hm_signer_key(ret->signer);
    assert_int_equal(hm_signer_sign(ret->signer, MESSAGE, &err, &ret->signature), HM_OK);
}

static void signed_done(struct signed_message *message)
{
    hm_signer_free(message->signer);
    hm_buf_done(&message->signature);
}

/* What becomes of a file: HM_OK only if it gives a signature that verifies. */
static enum hm_rc try_file(struct hm_bytes file, const struct hm_key *key, struct hm_bytes message)
{
    _hm_done_(hm_signature_form_done) struct hm_signature_forms forms = HM_SIGNATURE_FORMS_INIT;
    _hm_done_(hm_buf_done) struct hm_buf found = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_signature_form_read(file, &err, &forms);

    if (rc == HM_OK)
        rc = hm_signature_form_match(&forms, key, message, &err, &found);
    if (rc == HM_OK)
        assert_int_equal(hm_key_verify(key, message, hm_buf_bytes(&found), &err), HM_OK);
    else
        assert_int_equal(found.size, 0);
    return rc;
}

static enum hm_rc try_text(const char *text, const struct hm_key *key)
{
    return try_file(hm_bytes_str(text), key, MESSAGE);
}

/* r and s of a DER signature, each of half bytes. */
static void pair_of(struct hm_bytes der, size_t half, uint8_t *ret_pair)
{
    const uint8_t *at = der.data + 2;

    memset(ret_pair, 0, 2 * half);
    for (size_t i = 0; i < 2; i++) {
        size_t size = at[1];
        size_t zeros = size > half ? size - half : 0;

        memcpy(ret_pair + i * half + half - (size - zeros), at + 2 + zeros, size - zeros);
        at += 2 + size;
    }
}

static void test_match__takes_raw_bytes_and_nothing_around_them(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_done_(signed_done) struct signed_message message;
        uint8_t bytes[1024];
        size_t size;

        sign(kinds[i], &message);
        size = message.signature.size;
        memcpy(bytes, message.signature.data, size);
        bytes[size] = '\n';
        assert_int_equal(try_file(hm_bytes_make(bytes, size), message.key, MESSAGE), HM_OK);
        assert_int_equal(try_file(hm_bytes_make(bytes, size), message.key, OTHER), HM_ESIGNATURE);
        assert_int_equal(try_file(hm_bytes_make(bytes, size + 1), message.key, MESSAGE),
                         HM_ESIGNATURE);
        assert_int_equal(try_file(hm_bytes_make(bytes, size - 1), message.key, MESSAGE),
                         HM_ESIGNATURE);
        bytes[size / 2] ^= 1;
        assert_int_equal(try_file(hm_bytes_make(bytes, size), message.key, MESSAGE), HM_ESIGNATURE);
    }
}

static void test_match__takes_no_signature_of_another_key(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_done_(signed_done) struct signed_message message;

        sign(kinds[i], &message);
        for (size_t k = 0; k < HM_ARRAY_COUNT(kinds); k++) {
            _hm_done_(signed_done) struct signed_message other;

            sign(kinds[k], &other);
            assert_int_equal(try_file(hm_buf_bytes(&message.signature), other.key, MESSAGE),
                             HM_ESIGNATURE);
        }
    }
}

static void test_match__takes_hexadecimal(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_done_(signed_done) struct signed_message message;
        char hex[2048], lines[4096];
        size_t size = 0;

        sign(kinds[i], &message);
        hm_text_hex(hm_buf_bytes(&message.signature), hex);
        assert_int_equal(try_text(hex, message.key), HM_OK);
        for (size_t at = 0; hex[at] != '\0'; at++) {
            lines[size++] = hex[at] >= 'a' ? (char)(hex[at] - 'a' + 'A') : hex[at];
            if (at % 63 == 62) { /* in the middle of a byte, as some tools do */
                lines[size++] = '\r';
                lines[size++] = '\n';
            }
        }
        lines[size++] = '\n';
        lines[size] = '\0';
        assert_int_equal(try_text(lines, message.key), HM_OK);
        lines[4] = ' ';
        assert_int_equal(try_text(lines, message.key), HM_ESIGNATURE);
        hex[2 * message.signature.size - 1] = '\0';
        assert_int_equal(try_text(hex, message.key), HM_ESIGNATURE);
    }
}

/* Signs, and writes the signature as text. */
static size_t encode(struct signed_message *message, const char *kind, char *ret_text)
{
    struct hm_bytes bytes;

    sign(kind, message);
    bytes = hm_buf_bytes(&message->signature);
    hm_base64_encode(bytes, (uint8_t *)ret_text);
    ret_text[HM_BASE64_SIZE(bytes.size)] = '\0';
    return HM_BASE64_SIZE(bytes.size);
}

static void test_match__takes_base64_of_either_alphabet(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_done_(signed_done) struct signed_message message;
        char text[2048], lines[4096];
        size_t size = encode(&message, kinds[i], text);
        size_t at = 0;

        assert_int_equal(try_text(text, message.key), HM_OK);
        for (size_t k = 0; k < size; k++) {
            lines[at++] = text[k];
            if (k % 76 == 75)
                lines[at++] = '\n';
        }
        lines[at++] = '\n';
        lines[at] = '\0';
        assert_int_equal(try_text(lines, message.key), HM_OK);
        for (size_t k = 0; k < size; k++)
            text[k] = text[k] == '+' ? '-' : text[k] == '/' ? '_' : text[k];
        assert_int_equal(try_text(text, message.key), HM_OK);
        while (size > 0 && text[size - 1] == '=')
            text[--size] = '\0';
        assert_int_equal(try_text(text, message.key), HM_OK);
        text[--size] = '\0';
        assert_int_equal(try_text(text, message.key), HM_ESIGNATURE);
    }
}

static void test_match__takes_no_base64_with_other_bits_or_both_alphabets(void **state)
{
    _hm_done_(signed_done) struct signed_message message;
    char text[2048];
    size_t size = encode(&message, "ed25519", text);

    assert_int_equal(text[size - 1], '=');
    assert_int_equal(text[size - 2], '=');
    text[size - 3]++; /* bits that mean nothing */
    assert_int_equal(try_text(text, message.key), HM_ESIGNATURE);
    text[size - 3]--;
    text[size - 1] = '\0';
    assert_int_equal(try_text(text, message.key), HM_ESIGNATURE);
    text[size - 1] = '=';
    assert_int_equal(try_text(text, message.key), HM_OK);
    text[10] = '-';
    text[11] = '/';
    assert_int_equal(try_text(text, message.key), HM_ESIGNATURE);
}

static void test_match__takes_r_and_s(void **state)
{
    static const struct {
        const char *kind;
        size_t half;
    } curves[] = {{"ecdsa-p256", 32}, {"ecdsa-p384", 48}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(curves); i++) {
        size_t half = curves[i].half;

        /* Often enough that r or s begins with a zero byte, and with a high bit. */
        for (size_t round = 0; round < 300; round++) {
            _hm_done_(signed_done) struct signed_message message;
            uint8_t pair[97] = {0};

            sign(curves[i].kind, &message);
            pair_of(hm_buf_bytes(&message.signature), half, pair);
            if (try_file(hm_bytes_make(pair, 2 * half), message.key, MESSAGE) != HM_OK)
                fail_msg("%s: r and s not taken in round %zu", curves[i].kind, round);
            if (round > 0)
                continue;
            assert_int_equal(try_file(hm_bytes_make(pair, 2 * half + 1), message.key, MESSAGE),
                             HM_ESIGNATURE);
            assert_int_equal(try_file(hm_bytes_make(pair, 2 * half - 2), message.key, MESSAGE),
                             HM_ESIGNATURE);
            memset(pair, 0, half); /* r of 0 */
            assert_int_equal(try_file(hm_bytes_make(pair, 2 * half), message.key, MESSAGE),
                             HM_ESIGNATURE);
            memset(pair, 0xff, half); /* r above the order */
            assert_int_equal(try_file(hm_bytes_make(pair, 2 * half), message.key, MESSAGE),
                             HM_ESIGNATURE);
        }
    }
}

/* Other DER of the same two numbers. */
static void test_match__takes_no_der_but_the_canonical(void **state)
{
    _hm_done_(signed_done) struct signed_message message;
    uint8_t der[128], longer[140];
    size_t size;

    sign("ecdsa-p256", &message);
    size = message.signature.size;
    memcpy(der, message.signature.data, size);
    /* A length in two bytes. */
    longer[0] = der[0];
    longer[1] = 0x81;
    memcpy(longer + 2, der + 1, size - 1);
    assert_int_equal(try_file(hm_bytes_make(longer, size + 1), message.key, MESSAGE),
                     HM_ESIGNATURE);
    /* A zero too many before r. */
    memcpy(longer, der, 4);
    longer[1]++;
    longer[3]++;
    longer[4] = 0;
    memcpy(longer + 5, der + 4, size - 4);
    assert_int_equal(try_file(hm_bytes_make(longer, size + 1), message.key, MESSAGE),
                     HM_ESIGNATURE);
    /* An empty INTEGER after s, within the SEQUENCE. */
    memcpy(longer, der, size);
    longer[1] = (uint8_t)(longer[1] + 2);
    longer[size] = 0x02;
    longer[size + 1] = 0;
    assert_int_equal(try_file(hm_bytes_make(longer, size + 2), message.key, MESSAGE),
                     HM_ESIGNATURE);
    /* Another tag. */
    der[0] = 0x31;
    assert_int_equal(try_file(hm_bytes_make(der, size), message.key, MESSAGE), HM_ESIGNATURE);
}

static void test_read__refuses_nothing_and_too_much(void **state)
{
    _hm_done_(hm_signature_form_done) struct hm_signature_forms forms = HM_SIGNATURE_FORMS_INIT;
    static uint8_t large[HM_SIGNATURE_FORM_FILE_SIZE_MAX + 1];
    struct hm_err err = HM_ERR_INIT;

    memset(large, '0', sizeof(large));
    assert_int_equal(hm_signature_form_read(HM_BYTES_EMPTY, &err, &forms), HM_EFORMAT);
    assert_int_equal(hm_signature_form_read(hm_bytes_make(large, sizeof(large)), &err, &forms),
                     HM_EFORMAT);
    assert_int_equal(forms.count, 0);
    /* 12,288 bytes in hexadecimal, 18,432 in base64. */
    assert_int_equal(hm_signature_form_read(hm_bytes_make(large, sizeof(large) - 1), &err, &forms),
                     HM_EFORMAT);
    assert_int_equal(hm_signature_form_read(
                         hm_bytes_make(large, (size_t)2 * HM_KEY_SIGNATURE_SIZE_MAX), &err, &forms),
                     HM_OK);
    assert_int_equal(forms.count, 1);
}

static void test_read__survives_every_single_byte_and_blank_files(void **state)
{
    static const char *const blanks[] = {"\n", "\r\n\r\n", "=", "==", "-", "_-", "\r", "a", "ab"};
    _hm_done_(signed_done) struct signed_message message;

    sign("ecdsa-p256", &message);
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;

        assert_int_equal(try_file(hm_bytes_make(&byte, 1), message.key, MESSAGE), HM_EFORMAT);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(blanks); i++)
        assert_int_equal(try_text(blanks[i], message.key), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match__takes_raw_bytes_and_nothing_around_them),
        cmocka_unit_test(test_match__takes_no_signature_of_another_key),
        cmocka_unit_test(test_match__takes_hexadecimal),
        cmocka_unit_test(test_match__takes_base64_of_either_alphabet),
        cmocka_unit_test(test_match__takes_no_base64_with_other_bits_or_both_alphabets),
        cmocka_unit_test(test_match__takes_r_and_s),
        cmocka_unit_test(test_match__takes_no_der_but_the_canonical),
        cmocka_unit_test(test_read__refuses_nothing_and_too_much),
        cmocka_unit_test(test_read__survives_every_single_byte_and_blank_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
