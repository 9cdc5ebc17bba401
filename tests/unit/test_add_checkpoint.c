/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request to a witness: one spelling, limits. */
#include "unit.h"

#include "tlog/add_checkpoint.h"

#define H "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static void test_parse__reads_size_proof_and_checkpoint(void **state)
{
    struct hm_add_checkpoint request;

    assert_int_equal(
        hm_add_checkpoint_parse(HM_BYTES_LITERAL("old 17\n" H H "\nthe\n\nnote\n"), NULL, &request),
        HM_OK);
    assert_int_equal(request.old_size, 17);
    assert_int_equal(request.proof.count, 2);
    assert_true(hm_bytes_is_str(request.checkpoint, "the\n\nnote\n"));
    assert_int_equal(hm_add_checkpoint_parse(HM_BYTES_LITERAL("old 0\n\n"), NULL, &request), HM_OK);
    assert_int_equal(request.proof.count, 0);
    assert_int_equal(request.checkpoint.size, 0);
}

static void test_parse__refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "old\n\n",
        "old \n\n",
        "old 0",
        "old 0\n",
        "old 01\n\n",
        "old -1\n\n",
        "old +1\n\n",
        "old 1 \n\n",
        "old  1\n\n",
        "Old 1\n\n",
        "old 0x1\n\n",
        "old 9223372036854775808\n\n",
        "old 18446744073709551616\n\n",
        "old 1\r\n\r\n",
        "size 1\n\n",
        "old 1\n" H,
        "old 1\nAAAA\n\n",
        "old 1\n" H " \n\n",
        "old 1\n" H "\r\n",
        "old 1\n AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n", /* stray bits */
        "old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
        "old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
        "old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_=\n\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_add_checkpoint request = {.old_size = 4711};
        struct hm_err err = HM_ERR_INIT;

        if (hm_add_checkpoint_parse(hm_bytes_str(bad[i]), &err, &request) != HM_EFORMAT)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.rc, HM_EFORMAT);
        assert_int_equal(request.old_size, 4711);
    }
}

static void test_parse__counts_hashes(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    struct hm_add_checkpoint request;

    assert_int_equal(hm_buf_append_str(&buf, "old 1\n", NULL), HM_OK);
    for (size_t i = 0; i < HM_ADD_CHECKPOINT_HASHES; i++)
        assert_int_equal(hm_buf_append_str(&buf, H, NULL), HM_OK);
    assert_int_equal(hm_buf_append_str(&buf, "\n", NULL), HM_OK);
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&buf), NULL, &request), HM_OK);
    assert_int_equal(request.proof.count, HM_ADD_CHECKPOINT_HASHES);
    buf.size--;
    assert_int_equal(hm_buf_append_str(&buf, H "\n", NULL), HM_OK);
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&buf), NULL, &request), HM_EFORMAT);
}

static void test_parse__has_a_maximum(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX + 1);
    struct hm_add_checkpoint request;

    assert_int_equal(hm_buf_append_str(&buf, "old 1\n\n", NULL), HM_OK);
    while (buf.size < HM_ADD_CHECKPOINT_SIZE_MAX)
        assert_int_equal(hm_buf_append_byte(&buf, 'x', NULL), HM_OK);
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&buf), NULL, &request), HM_OK);
    assert_int_equal(hm_buf_append_byte(&buf, 'x', NULL), HM_OK);
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&buf), NULL, &request), HM_EFORMAT);
}

static void test_write__is_read_again(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    struct hm_add_checkpoint request = {.old_size = INT64_MAX, .proof = {.count = 1}};

    request.checkpoint = HM_BYTES_LITERAL("note");
    assert_int_equal(hm_add_checkpoint_write(&request, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "old 9223372036854775807\n" H "\nnote");
}

static void test_write__refuses_what_would_not_be_read(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    struct hm_add_checkpoint request = {.old_size = (uint64_t)INT64_MAX + 1};

    assert_int_equal(hm_add_checkpoint_write(&request, NULL, &buf), HM_EUSAGE);
    request = (struct hm_add_checkpoint){.proof = {.count = HM_ADD_CHECKPOINT_HASHES + 1}};
    assert_int_equal(hm_add_checkpoint_write(&request, NULL, &buf), HM_EUSAGE);
    assert_int_equal(buf.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_size_proof_and_checkpoint),
        cmocka_unit_test(test_parse__refuses_everything_else),
        cmocka_unit_test(test_parse__counts_hashes),
        cmocka_unit_test(test_parse__has_a_maximum),
        cmocka_unit_test(test_write__is_read_again),
        cmocka_unit_test(test_write__refuses_what_would_not_be_read),
    };

    return cmocka_run_group_tests_name("add_checkpoint", tests, NULL, NULL);
}
