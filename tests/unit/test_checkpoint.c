/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/checkpoint: verdicts of the vectors, writing, and opening against an origin. */
#include "tlog_vectors.h"

#include "tlog/checkpoint.h"

static void test_parse__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("checkpoints", 30);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(TLOG_TEXT_SIZE);
        struct hm_checkpoint checkpoint = {.size = 4711};
        struct hm_err err = HM_ERR_INIT;
        struct hm_sha256 root;
        char size[32];
        enum hm_rc rc =
            hm_checkpoint_parse(tlog_bytes(vector, "checkpoint", &text), &err, &checkpoint);

        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        if (rc != HM_OK) {
            assert_int_equal(checkpoint.size, 4711);
            continue;
        }
        root = tlog_hash(vector, "root");
        (void)snprintf(size, sizeof(size), "%llu", (unsigned long long)checkpoint.size);
        assert_string_equal(size, tlog_str(vector, "size"));
        assert_true(hm_bytes_is_str(checkpoint.origin, tlog_str(vector, "origin")));
        assert_true(hm_bytes_is_str(checkpoint.extension, tlog_str(vector, "extension")));
        assert_true(hm_digest_is_equal(&checkpoint.root, &root));
        assert_int_equal(hm_checkpoint_write(&checkpoint, &err, &again), HM_OK);
        assert_string_equal(hm_buf_str(&again), hm_buf_str(&text));
    }
}

static void test_write__refuses_what_would_not_be_read(void **state)
{
    const struct hm_checkpoint good = {.origin = HM_BYTES_LITERAL("a"), .size = 1};
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    struct hm_checkpoint bad[] = {good, good, good, good, good, good};

    bad[0].origin = HM_BYTES_EMPTY;
    bad[1].origin = HM_BYTES_LITERAL("a\n7"); /* would move the size to another line */
    bad[2].size = (uint64_t)INT64_MAX + 1;
    bad[3].size = 0; /* with a root that is not the empty tree's */
    bad[4].extension = HM_BYTES_LITERAL("no newline");
    bad[5].extension = HM_BYTES_LITERAL("\n");
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_checkpoint_write(&bad[i], NULL, &buf), HM_EUSAGE);
    assert_int_equal(buf.size, 0);
    assert_int_equal(hm_checkpoint_write(&good, NULL, &buf), HM_OK);
}

static void test_open__requires_origin_and_signature(void **state)
{
    const json_t *vector = json_array_get(json_object_get(tlog_vectors, "notes"), 1);
    struct hm_bytes origin = HM_BYTES_LITERAL("example.com/hallmark-test");
    struct hm_bytes raw = hm_bytes_str(tlog_str(vector, "note"));
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    struct hm_note_key *keys[TLOG_KEYS_MAX];
    const struct hm_note_key *const *known = (const struct hm_note_key *const *)keys;
    size_t count = tlog_keys(json_object_get(vector, "keys"), keys);
    const json_t *plain = json_array_get(json_object_get(tlog_vectors, "notes"), 0);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_checkpoint_open(raw, HM_BYTES_LITERAL("example.com/hallmark-test-2"), known,
                                        count, &err, &checkpoint),
                     HM_EMISMATCH);
    assert_int_equal(hm_checkpoint_open(raw, HM_BYTES_EMPTY, known, count, &err, &checkpoint),
                     HM_EMISMATCH);
    assert_int_equal(hm_checkpoint_open(raw, origin, known, 0, &err, &checkpoint), HM_ESIGNATURE);
    assert_int_equal(hm_checkpoint_open(hm_bytes_make(raw.data, raw.size - 1), origin, known, count,
                                        &err, &checkpoint),
                     HM_EFORMAT);
    /* A note, well signed, that is no checkpoint. */
    assert_int_equal(hm_checkpoint_open(hm_bytes_str(tlog_str(plain, "note")), origin, known, count,
                                        &err, &checkpoint),
                     HM_EFORMAT);
    assert_null(checkpoint);
    assert_int_equal(hm_checkpoint_open(raw, origin, known, count, &err, &checkpoint), HM_OK);
    assert_int_equal(checkpoint->body.size, 3);
    assert_int_equal(checkpoint->note->signature_count, 3);
    tlog_keys_free(keys, count);
}

static void test_free__takes_null(void **state)
{
    hm_checkpoint_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_write__refuses_what_would_not_be_read),
        cmocka_unit_test(test_open__requires_origin_and_signature),
        cmocka_unit_test(test_free__takes_null),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
