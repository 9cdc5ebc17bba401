/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/cosignature: the signed bytes of both kinds, and cosignatures over what may not be signed.
 * (tests/unit/test_note.c has the verdicts of the vectors.) */
#include "tlog_vectors.h"

#include "tlog/cosignature.h"

#define ROOT "SFh+ZoCoNsFnUkiAgB1lJ6LBkF+zK0eDd8sXBQw+2Ak=\n"
#define TEXT "o\n3\n" ROOT

static struct hm_note_key fake_key(enum hm_note_kind kind)
{
    static char name[] = "w";

    return (struct hm_note_key){
        .name = name, .name_bytes = HM_BYTES_LITERAL("w"), .kind = kind, .key = NULL};
}

static void test_message__has_the_bytes_of_the_specification(void **state)
{
    struct hm_note_key ed25519 = fake_key(HM_NOTE_COSIGNATURE);
    struct hm_note_key ml_dsa = fake_key(HM_NOTE_COSIGNATURE_ML_DSA);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    static const uint8_t structure[] = {
        's',  'u',  'b',  't',  'r',  'e',  'e',  '/',  'v',  '1',  '\n', 0,    1,    'w',  0,
        0,    0,    0,    0,    0,    0,    77,   1,    'o',  0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    3,    0x48, 0x58, 0x7e, 0x66, 0x80,
        0xa8, 0x36, 0xc1, 0x67, 0x52, 0x48, 0x80, 0x80, 0x1d, 0x65, 0x27, 0xa2, 0xc1, 0x90, 0x5f,
        0xb3, 0x2b, 0x47, 0x83, 0x77, 0xcb, 0x17, 0x05, 0x0c, 0x3e, 0xd8, 0x09};

    assert_int_equal(hm_cosignature_message(&ed25519, HM_BYTES_LITERAL(TEXT), 77, NULL, &buf),
                     HM_OK);
    assert_string_equal(hm_buf_str(&buf), "cosignature/v1\ntime 77\n" TEXT);
    hm_buf_clear(&buf);
    assert_int_equal(hm_cosignature_message(&ml_dsa, HM_BYTES_LITERAL(TEXT), 77, NULL, &buf),
                     HM_OK);
    assert_int_equal(buf.size, sizeof(structure));
    assert_memory_equal(buf.data, structure, sizeof(structure));
}

static void test_message__refuses_what_may_not_be_cosigned(void **state)
{
    static const char *const bad[] = {
        "", "o\n", "o\n3\n", "o\n3\nAA==\n", ("o\n03\n" ROOT), ("o\n\n3\n" ROOT)};
    struct hm_note_key key = fake_key(HM_NOTE_COSIGNATURE);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_cosignature_message(&key, hm_bytes_str(bad[i]), 1, &err, &buf),
                         HM_EFORMAT);
    assert_int_equal(hm_cosignature_message(&key, HM_BYTES_LITERAL(TEXT),
                                            (uint64_t)HM_COSIGNATURE_TIME_MAX + 1, &err, &buf),
                     HM_EFORMAT);
    assert_int_equal(hm_cosignature_message(&key, HM_BYTES_LITERAL(TEXT), UINT64_MAX, &err, &buf),
                     HM_EFORMAT);
    assert_int_equal(buf.size, 0);
}

static void test_make__is_verified_for_its_text_time_and_kind_only(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *log = NULL;
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(4096);
    struct hm_bytes text = HM_BYTES_LITERAL(TEXT);
    struct hm_err err = HM_ERR_INIT;
    uint64_t time_s = 1;

    assert_int_equal(hm_signer_generate("ed25519", &err, &signer), HM_OK);
    assert_int_equal(hm_note_key_make("w", HM_NOTE_COSIGNATURE, hm_signer_key(signer), &err, &key),
                     HM_OK);
    assert_int_equal(hm_note_key_make("w", HM_NOTE_ED25519, hm_signer_key(signer), &err, &log),
                     HM_OK);
    assert_int_equal(hm_cosignature_make(key, signer, text, 1234, &err, &signature), HM_OK);
    assert_int_equal(signature.size, 72);
    assert_int_equal(hm_cosignature_verify(key, HM_BYTES_LITERAL("p\n" TEXT),
                                           hm_buf_bytes(&signature), &err, &time_s),
                     HM_EFORMAT);
    assert_int_equal(hm_cosignature_verify(key, HM_BYTES_LITERAL(TEXT "extension\n"),
                                           hm_buf_bytes(&signature), &err, &time_s),
                     HM_ESIGNATURE);
    assert_int_equal(hm_cosignature_verify(log, text, hm_buf_bytes(&signature), &err, &time_s),
                     HM_ESIGNATURE);
    assert_int_equal(hm_cosignature_verify(key, text, HM_BYTES_EMPTY, &err, &time_s),
                     HM_ESIGNATURE);
    for (size_t i = 0; i < signature.size; i++) {
        signature.data[i] ^= 1;
        assert_int_equal(hm_cosignature_verify(key, text, hm_buf_bytes(&signature), &err, &time_s),
                         HM_ESIGNATURE);
        signature.data[i] ^= 1;
    }
    assert_int_equal(time_s, 1);
    assert_int_equal(hm_cosignature_verify(key, text, hm_buf_bytes(&signature), &err, &time_s),
                     HM_OK);
    assert_int_equal(time_s, 1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message__has_the_bytes_of_the_specification),
        cmocka_unit_test(test_message__refuses_what_may_not_be_cosigned),
        cmocka_unit_test(test_make__is_verified_for_its_text_time_and_kind_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
