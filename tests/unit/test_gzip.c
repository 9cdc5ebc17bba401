/* SPDX-License-Identifier: Apache-2.0 */
/* base/gzip: what a server sends as it is must be the same each time and say nothing of this
 * machine. */
#include "unit.h"

#include "base/gzip.h"

#define TEXT "{\"signed\":{\"version\":1}}"

static void test_compress__tells_nothing_of_time_and_machine(void **state)
{
    static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
    struct hm_buf one = HM_BUF_INIT(4096);
    struct hm_buf two = HM_BUF_INIT(4096);

    assert_int_equal(hm_gzip_compress(HM_BYTES_LITERAL(TEXT), NULL, &one), HM_OK);
    assert_int_equal(hm_gzip_compress(HM_BYTES_LITERAL(TEXT), NULL, &two), HM_OK);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&one), hm_buf_bytes(&two)));
    assert_true(one.size > 18);
    assert_memory_equal(one.data, head, sizeof(head));
    assert_int_equal(one.data[one.size - 4], strlen(TEXT)); /* RFC 1952: the size, last */
    hm_buf_done(&one);
    hm_buf_done(&two);
}

static void test_compress__takes_nothing_and_much(void **state)
{
    struct hm_buf much = HM_BUF_INIT(1 << 20);
    struct hm_buf empty = HM_BUF_INIT(64);
    struct hm_buf packed = HM_BUF_INIT(1 << 20);

    assert_int_equal(hm_gzip_compress(HM_BYTES_EMPTY, NULL, &empty), HM_OK);
    assert_int_equal(empty.size, 20);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(hm_buf_append_fmt(&much, NULL, "acme/nic/%d.rom\n", i), HM_OK);
    assert_int_equal(hm_gzip_compress(hm_buf_bytes(&much), NULL, &packed), HM_OK);
    assert_true(packed.size < much.size / 3);
    hm_buf_done(&much);
    hm_buf_done(&empty);
    hm_buf_done(&packed);
}

static void test_compress__stops_at_the_limit(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_buf packed = HM_BUF_INIT(24);
    enum hm_rc rc = hm_gzip_compress(HM_BYTES_LITERAL(TEXT), &err, &packed);

    assert_int_not_equal(rc, HM_OK);
    assert_int_equal(rc, err.rc);
    hm_buf_done(&packed);
}

static void test_decompress__gives_back_and_refuses(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf packed = HM_BUF_INIT(65536);
    _hm_done_(hm_buf_done) struct hm_buf plain = HM_BUF_INIT(65536);
    struct hm_buf small = HM_BUF_INIT(4);

    assert_int_equal(hm_gzip_compress(HM_BYTES_LITERAL(TEXT), NULL, &packed), HM_OK);
    assert_int_equal(hm_gzip_decompress(hm_buf_bytes(&packed), NULL, &plain), HM_OK);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&plain), HM_BYTES_LITERAL(TEXT)));
    assert_int_equal(hm_gzip_decompress(hm_buf_bytes(&packed), NULL, &small), HM_EFORMAT);
    hm_buf_done(&small);
    for (size_t i = 0; i < packed.size; i++) /* cut short, and with a bit wrong */
    {
        struct hm_buf out = HM_BUF_INIT(65536);

        assert_int_equal(hm_gzip_decompress(hm_bytes_make(packed.data, i), NULL, &out), HM_EFORMAT);
        hm_buf_done(&out);
    }
    packed.data[packed.size - 6] ^= 1; /* of the CRC */
    hm_buf_clear(&plain);
    assert_int_equal(hm_gzip_decompress(hm_buf_bytes(&packed), NULL, &plain), HM_EFORMAT);
    packed.data[packed.size - 6] ^= 1;
    assert_int_equal(hm_buf_append_byte(&packed, 'x', NULL), HM_OK);
    hm_buf_clear(&plain);
    assert_int_equal(hm_gzip_decompress(hm_buf_bytes(&packed), NULL, &plain), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress__tells_nothing_of_time_and_machine),
        cmocka_unit_test(test_compress__takes_nothing_and_much),
        cmocka_unit_test(test_compress__stops_at_the_limit),
        cmocka_unit_test(test_decompress__gives_back_and_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
