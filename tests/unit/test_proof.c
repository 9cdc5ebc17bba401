/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/proof: the verdicts of the vectors, of reading and of verifying; writing. */
#include "tlog_vectors.h"

#include "tlog/proof.h"

static void unhex(const char *hex, struct hm_buf *buf)
{
    size_t size = strlen(hex) / 2;

    assert_int_equal(hm_buf_reserve(buf, size + 1, NULL), HM_OK);
    assert_int_equal(hm_text_unhex(hm_bytes_str(hex), buf->data, size), HM_OK);
    buf->size = size;
}

static enum hm_rc verify(const json_t *vector, const struct hm_proof *proof, struct hm_err *err,
                         struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(70000);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;

    unhex(tlog_str(vector, "entry"), &entry);
    assert_int_equal(hm_log_policy_parse(hm_bytes_str(tlog_str(vector, "policy")), err, &policy),
                     HM_OK);
    return hm_proof_verify_entry(
        proof, hm_buf_bytes(&entry), policy, json_integer_value(json_object_get(vector, "now")),
        json_integer_value(json_object_get(vector, "max_age")), err, ret_checkpoint);
}

static void test_parse__and_verify_give_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("proofs", 70);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
        _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
        struct hm_err err = HM_ERR_INIT;
        struct hm_bytes raw = tlog_bytes(vector, "proof", &buf);
        enum hm_rc rc = hm_proof_parse(raw, &err, &proof);

        tlog_assert_rc(vector, rc, tlog_str(vector, "parse"), &err);
        if (rc != HM_OK) {
            assert_null(proof);
            continue;
        }
        assert_int_equal(hm_proof_write(proof, &err, &again), HM_OK);
        assert_true(hm_bytes_is_equal(raw, hm_buf_bytes(&again)));
        rc = verify(vector, proof, &err, &checkpoint);
        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        assert_int_equal(rc == HM_OK, checkpoint != NULL);
    }
}

static void test_parse__keeps_the_extra_data(void **state)
{
    const json_t *cases = json_object_get(tlog_vectors, "proofs");
    size_t seen = 0;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;

        if (strcmp(tlog_str(vector, "name"), "with extra data") != 0)
            continue;
        assert_int_equal(hm_proof_parse(hm_bytes_str(tlog_str(vector, "proof")), NULL, &proof),
                         HM_OK);
        assert_true(proof->has_extra);
        assert_true(hm_bytes_is_str(proof->extra, "whatever"));
        seen++;
    }
    assert_int_equal(seen, 1);
}

static void test_parse__refuses_a_proof_that_is_too_long(void **state)
{
    _hm_free_(free) char *large = calloc(1, HM_PROOF_SIZE_MAX + 1);
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;

    assert_int_equal(hm_proof_parse(hm_bytes_make(large, HM_PROOF_SIZE_MAX + 1), NULL, &proof),
                     HM_EFORMAT);
    assert_null(proof);
}

static void test_write__refuses_what_would_not_be_read(void **state)
{
    const json_t *vector = json_array_get(json_object_get(tlog_vectors, "proofs"), 0);
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(TLOG_TEXT_SIZE);
    struct hm_proof bad[5];

    assert_int_equal(hm_proof_parse(hm_bytes_str(tlog_str(vector, "proof")), NULL, &proof), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        bad[i] = *proof;
    bad[0].index = INT64_MAX;
    bad[1].hash_count = HM_MERKLE_PATH_MAX + 1;
    bad[2].has_extra = true; /* of no bytes */
    bad[3].checkpoint = HM_BYTES_EMPTY;
    bad[4].checkpoint.size--;
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_proof_write(&bad[i], NULL, &buf), HM_EUSAGE);
    assert_int_equal(buf.size, 0);
}

/* The roots and paths that another program computed, proved and verified by hm_merkle_*. */
static void test_trees__are_those_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("trees", 12);
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 leaves[16];

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest), HM_OK);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        const json_t *entries = json_object_get(vector, "entries");
        struct hm_sha256 expected = tlog_hash(vector, "root");
        size_t size = json_array_size(entries);
        struct hm_sha256 root;

        for (size_t j = 0; j < size; j++) {
            _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(70000);

            unhex(json_string_value(json_array_get(entries, j)), &entry);
            assert_int_equal(hm_merkle_leaf(digest, hm_buf_bytes(&entry), NULL, &leaves[j]), HM_OK);
        }
        assert_int_equal(hm_merkle_root_of(digest, leaves, size, NULL, &root), HM_OK);
        assert_true(hm_digest_is_equal(&root, &expected));
        for (size_t j = 0; j < size; j++) {
            const json_t *path = json_array_get(json_object_get(vector, "paths"), j);
            struct hm_merkle_proof proof = {.count = json_array_size(path)};

            for (size_t k = 0; k < proof.count; k++)
                assert_int_equal(
                    hm_text_unhex(hm_bytes_str(json_string_value(json_array_get(path, k))),
                                  proof.hashes[k].bytes, 32),
                    HM_OK);
            assert_int_equal(hm_merkle_verify_inclusion(digest, &leaves[j], j, size, proof.hashes,
                                                        proof.count, &root, NULL),
                             HM_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__and_verify_give_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_parse__keeps_the_extra_data),
        cmocka_unit_test(test_parse__refuses_a_proof_that_is_too_long),
        cmocka_unit_test(test_write__refuses_what_would_not_be_read),
        cmocka_unit_test(test_trees__are_those_of_the_vectors),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
