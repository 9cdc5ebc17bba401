/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/note_key: the text forms by vectors, and keys that may not do what is asked of them. */
#include "tlog_vectors.h"

static void test_parse__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("vkeys", 40);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
        struct hm_err err = HM_ERR_INIT;
        char id[9];
        enum hm_rc rc = hm_note_key_parse(tlog_bytes(vector, "vkey", &text), &err, &key);

        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        if (rc != HM_OK) {
            assert_null(key);
            continue;
        }
        (void)snprintf(id, sizeof(id), "%08x", key->id);
        assert_string_equal(id, tlog_str(vector, "id"));
        assert_int_equal(key->kind, json_integer_value(json_object_get(vector, "kind")));
        assert_int_equal(hm_note_key_write(key, &err, &again), HM_OK);
        assert_string_equal(hm_buf_str(&again), hm_buf_str(&text));
        /* Only ML-DSA may be out of reach. */
        assert_true(key->key != NULL || (key->kind == 6 && !tlog_has_ml_dsa()));
    }
}

static void test_parse_secret__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("skeys", 8);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_done_(hm_secret_done) struct hm_secret skey = HM_SECRET_INIT;
        _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
        _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
        struct hm_bytes text = hm_bytes_str(tlog_str(vector, "skey"));
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_note_key_parse_secret(text, &err, &key, &signer);

        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        if (rc != HM_OK) {
            assert_null(key);
            assert_null(signer);
            continue;
        }
        assert_int_equal(hm_note_key_write(key, &err, &vkey), HM_OK);
        assert_string_equal(hm_buf_str(&vkey), tlog_str(vector, "vkey"));
        assert_int_equal(hm_note_key_write_secret(key, signer, &err, &skey), HM_OK);
        assert_true(hm_bytes_is_equal(hm_bytes_make(skey.data, skey.size), text));
    }
}

static struct hm_signer *make_signer(const char *kind)
{
    struct hm_signer *signer = NULL;

    assert_int_equal(hm_signer_generate(kind, NULL, &signer), HM_OK);
    return signer;
}

static void test_make__refuses_keys_and_names_that_cannot_be(void **state)
{
    static const char *const names[] = {"", "a b", "a+b", "a\nb", "\xff", "a\xe2\x80\x83"};
    _hm_free_(hm_signer_free) struct hm_signer *ed25519 = make_signer("ed25519");
    _hm_free_(hm_signer_free) struct hm_signer *ecdsa = make_signer("ecdsa-p256");
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    struct hm_err err = HM_ERR_INIT;
    char long_name[HM_NOTE_KEY_NAME_SIZE_MAX + 2];

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        assert_int_equal(
            hm_note_key_make(names[i], HM_NOTE_ED25519, hm_signer_key(ed25519), &err, &key),
            HM_EUSAGE);
    memset(long_name, 'n', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(
        hm_note_key_make(long_name, HM_NOTE_ED25519, hm_signer_key(ed25519), &err, &key),
        HM_EUSAGE);
    assert_int_equal(hm_note_key_make("a", HM_NOTE_ED25519, hm_signer_key(ecdsa), &err, &key),
                     HM_EUSAGE);
    assert_int_equal(hm_note_key_make("a", HM_NOTE_COSIGNATURE, hm_signer_key(ecdsa), &err, &key),
                     HM_EUSAGE);
    assert_int_equal(
        hm_note_key_make("a", HM_NOTE_COSIGNATURE_ML_DSA, hm_signer_key(ed25519), &err, &key),
        HM_EUSAGE);
    assert_null(key);
    long_name[HM_NOTE_KEY_NAME_SIZE_MAX] = '\0';
    assert_int_equal(
        hm_note_key_make(long_name, HM_NOTE_ED25519, hm_signer_key(ed25519), &err, &key), HM_OK);
}

static void test_sign__refuses_another_keys_signer(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *mine = make_signer("ed25519");
    _hm_free_(hm_signer_free) struct hm_signer *other = make_signer("ed25519");
    _hm_free_(hm_note_key_free) struct hm_note_key *log = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *witness = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    _hm_done_(hm_secret_done) struct hm_secret skey = HM_SECRET_INIT;
    struct hm_bytes text = HM_BYTES_LITERAL("a\n");
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_note_key_make("a", HM_NOTE_ED25519, hm_signer_key(mine), &err, &log),
                     HM_OK);
    assert_int_equal(
        hm_note_key_make("a", HM_NOTE_COSIGNATURE, hm_signer_key(mine), &err, &witness), HM_OK);
    assert_true(hm_note_key_is_same_key(log, witness));
    assert_false(hm_note_key_is_same(log, witness));
    assert_true(hm_note_key_is_same(log, log));
    assert_int_not_equal(log->id, witness->id);
    assert_int_equal(hm_note_key_sign(log, other, text, 0, &err, &buf), HM_EUSAGE);
    assert_int_equal(hm_note_key_sign(witness, other, text, 0, &err, &buf), HM_EUSAGE);
    /* A cosigner signs checkpoints only. */
    assert_int_equal(hm_note_key_sign(witness, mine, text, 0, &err, &buf), HM_EFORMAT);
    assert_int_equal(hm_note_key_write_secret(log, other, &err, &skey), HM_EUSAGE);
    assert_int_equal(hm_note_key_write_secret(witness, mine, &err, &skey), HM_EUSAGE);
    assert_null(skey.data);
    assert_int_equal(buf.size, 0);
    assert_int_equal(hm_note_key_sign(log, mine, text, 0, &err, &buf), HM_OK);
    assert_int_equal(buf.size, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_parse_secret__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_make__refuses_keys_and_names_that_cannot_be),
        cmocka_unit_test(test_sign__refuses_another_keys_signer),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
