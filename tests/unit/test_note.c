/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/note: verdicts of the vectors; what is written is read, and says what was signed. */
#include "tlog_vectors.h"

#include "tlog/checkpoint.h"

struct opened {
    struct hm_note *note;
    struct hm_note_key *keys[TLOG_KEYS_MAX];
    size_t key_count;
    struct hm_note_verdict verdicts[TLOG_KEYS_MAX];
};

static enum hm_rc open_note(const json_t *vector, struct hm_bytes raw, struct hm_err *err,
                            struct opened *opened)
{
    opened->key_count = tlog_keys(json_object_get(vector, "keys"), opened->keys);
    HM_TRY(hm_note_parse(raw, err, &opened->note));
    return hm_note_verify(opened->note, (const struct hm_note_key *const *)opened->keys,
                          opened->key_count, err, opened->verdicts);
}

static void check_good(const json_t *vector, struct hm_bytes raw, const struct opened *opened)
{
    const json_t *signed_by = json_object_get(vector, "signed");
    const json_t *times = json_object_get(vector, "times");
    size_t next_time = 0;

    assert_true(hm_bytes_is_str(opened->note->text, tlog_str(vector, "text")));
    assert_true(hm_bytes_is_equal(opened->note->raw, raw));
    for (size_t i = 0; i < opened->key_count; i++) {
        const char *vkey = json_string_value(json_array_get(json_object_get(vector, "keys"), i));
        bool expected =
            tlog_array_has(signed_by, vkey) ||
            (tlog_has_ml_dsa() && tlog_array_has(json_object_get(vector, "ml_dsa"), vkey));

        if (opened->verdicts[i].is_signed != expected)
            fail_msg("'%s': key %zu", tlog_str(vector, "name"), i);
        if (tlog_array_has(signed_by, vkey) && times != NULL)
            assert_int_equal(opened->verdicts[i].time_s,
                             json_integer_value(json_array_get(times, next_time++)));
    }
}

static void test_parse__and_verify_give_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("notes", 60);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(TLOG_TEXT_SIZE);
        struct hm_bytes raw = tlog_bytes(vector, "note", &buf);
        struct opened opened = {.note = NULL};
        struct hm_err err = HM_ERR_INIT;
        const char *expected = tlog_str(vector, "rc");
        enum hm_rc rc = open_note(vector, raw, &err, &opened);

        if (strcmp(expected, "ml-dsa") == 0)
            expected = tlog_has_ml_dsa() ? "HM_OK" : "HM_ESIGNATURE";
        if (strcmp(expected, "ml-dsa-wrong") == 0)
            expected = tlog_has_ml_dsa() ? "HM_ESIGNATURE" : "HM_OK";
        tlog_assert_rc(vector, rc, expected, &err);
        if (rc == HM_OK)
            check_good(vector, raw, &opened);
        hm_note_free(opened.note);
        tlog_keys_free(opened.keys, opened.key_count);
    }
}

static void test_parse__refuses_a_note_that_is_too_long(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(2 * HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_bytes end = HM_BYTES_LITERAL("\n\n\xe2\x80\x94 a AAAAAAAA\n");
    size_t size = HM_NOTE_SIZE_MAX - end.size;

    assert_int_equal(hm_buf_reserve(&buf, size + 1, NULL), HM_OK);
    memset(buf.data, 'x', size + 1);
    buf.size = size;
    assert_int_equal(hm_buf_append(&buf, end, NULL), HM_OK);
    assert_int_equal(hm_note_parse(hm_buf_bytes(&buf), &err, &note), HM_OK);
    assert_int_equal(note->signature_count, 1);
    hm_note_free(hm_steal(&note));
    memset(buf.data, 'x', size + 1);
    buf.size = size + 1;
    assert_int_equal(hm_buf_append(&buf, end, NULL), HM_OK);
    assert_int_equal(hm_note_parse(hm_buf_bytes(&buf), &err, &note), HM_EFORMAT);
    assert_null(note);
}

static void test_verify__writes_no_verdict_on_failure(void **state)
{
    const json_t *cases = tlog_section("notes", 60);
    size_t seen = 0;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(TLOG_TEXT_SIZE);
        struct opened opened = {.note = NULL};

        if (strcmp(tlog_str(vector, "rc"), "HM_ESIGNATURE") != 0)
            continue;
        seen++;
        opened.verdicts[0].time_s = 77;
        assert_int_equal(open_note(vector, tlog_bytes(vector, "note", &buf), NULL, &opened),
                         HM_ESIGNATURE);
        assert_int_equal(opened.verdicts[0].time_s, 77);
        assert_false(opened.verdicts[0].is_signed);
        hm_note_free(opened.note);
        tlog_keys_free(opened.keys, opened.key_count);
    }
    assert_true(seen > 10);
}

/* The vectors' Ed25519 signatures are deterministic: signing again gives the same bytes. */
static void test_sign__writes_the_bytes_of_the_vectors(void **state)
{
    const json_t *vector = json_array_get(json_object_get(tlog_vectors, "notes"), 0);
    const json_t *skey = json_array_get(json_object_get(tlog_vectors, "skeys"), 0);
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    struct hm_bytes text = hm_bytes_str(tlog_str(vector, "text"));
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(
        hm_note_key_parse_secret(hm_bytes_str(tlog_str(skey, "skey")), &err, &key, &signer), HM_OK);
    assert_int_equal(hm_note_write_text(text, &err, &buf), HM_OK);
    assert_int_equal(hm_note_sign(text, key, signer, 0, &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), tlog_str(vector, "note"));
}

static void test_write__refuses_what_would_not_be_read(void **state)
{
    static const char *const bad[] = {"", "no newline", "a\tb\n", "\xff\n", "a\r\n"};
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(64);
    struct hm_bytes sixty =
        HM_BYTES_LITERAL("123456789012345678901234567890123456789012345678901234567890123\n");
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_note_write_text(hm_bytes_str(bad[i]), &err, &buf), HM_EUSAGE);
    assert_int_equal(hm_note_write_text(sixty, &err, &buf), HM_EFORMAT);
    assert_int_equal(
        hm_note_write_signature(HM_BYTES_LITERAL("a b"), 1, HM_BYTES_LITERAL("x"), &err, &buf),
        HM_EUSAGE);
    assert_int_equal(hm_note_write_signature(HM_BYTES_LITERAL("a"), 1, HM_BYTES_EMPTY, &err, &buf),
                     HM_EUSAGE);
    assert_int_equal(hm_note_write_signature(HM_BYTES_LITERAL("a"), 1, sixty, &err, &buf),
                     HM_EFORMAT);
    assert_int_equal(buf.size, 0);
}

static void test_parse_signatures__reads_lines_alone(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_note_write_signature(HM_BYTES_LITERAL("a"), 0x01020304,
                                             HM_BYTES_LITERAL("sig"), &err, &buf),
                     HM_OK);
    assert_int_equal(hm_note_write_signature(HM_BYTES_LITERAL("b"), 0xfffefdfc,
                                             HM_BYTES_LITERAL("s"), &err, &buf),
                     HM_OK);
    assert_int_equal(hm_note_parse_signatures(hm_buf_bytes(&buf), &err, &note), HM_OK);
    assert_int_equal(note->text.size, 0);
    assert_int_equal(note->signature_count, 2);
    assert_int_equal(note->signatures[1].id, 0xfffefdfc);
    assert_true(hm_bytes_is_str(note->signatures[0].bytes, "sig"));
    assert_true(hm_bytes_is_str(note->signatures[1].name, "b"));
    assert_int_equal(note->signatures[0].line.size + note->signatures[1].line.size, buf.size);
}

static void test_parse_signatures__refuses_anything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "text\n",
        "\xe2\x80\x94 a AAAAAAAA",
        "\n\xe2\x80\x94 a AAAAAAAA\n",
        "\xe2\x80\x94 a AAAAAAAA\n\n",
        "text\n\n\xe2\x80\x94 a AAAAAAAA\n",
        "\xe2\x80\x94 a AAAA\n",
    };
    _hm_free_(hm_note_free) struct hm_note *note = NULL;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_note_parse_signatures(hm_bytes_str(bad[i]), NULL, &note), HM_EFORMAT);
    assert_null(note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__and_verify_give_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_parse__refuses_a_note_that_is_too_long),
        cmocka_unit_test(test_verify__writes_no_verdict_on_failure),
        cmocka_unit_test(test_sign__writes_the_bytes_of_the_vectors),
        cmocka_unit_test(test_write__refuses_what_would_not_be_read),
        cmocka_unit_test(test_parse_signatures__reads_lines_alone),
        cmocka_unit_test(test_parse_signatures__refuses_anything_else),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
