/* SPDX-License-Identifier: Apache-2.0 */
/* image/efi_compress: streams made by hand, and every way to be wrong. */
#include "unit.h"

#include "image/efi_compress.h"

struct bits {
    uint8_t data[256];
    size_t count;
};

static void put(struct bits *bits, unsigned value, unsigned count)
{
    for (unsigned i = count; i > 0; i--, bits->count++) {
        if ((value >> (i - 1) & 1) != 0)
            bits->data[8 + bits->count / 8] |= (uint8_t)(0x80 >> bits->count % 8);
    }
}

/* A block of count literals of 8 bits each, up to its char set. */
static void put_literal_block(struct bits *bits, unsigned count, unsigned position_bits)
{
    put(bits, count, 16);
    put(bits, 0, 5);
    put(bits, 10, 5);
    put(bits, 256, 9);
    put(bits, 0, position_bits);
    put(bits, 0, position_bits);
}

static struct hm_bytes finish(struct bits *bits, uint32_t size)
{
    uint32_t packed = (uint32_t)(bits->count + 7) / 8 + 1;

    memcpy(bits->data, &packed, 4);
    memcpy(bits->data + 4, &size, 4);
    return hm_bytes_make(bits->data, 8 + packed);
}

static void test_unpack__literals_and_a_match(void **state)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bits bits = {{0}, 0};
        struct hm_bytes packed;
        uint8_t out[258];
        uint32_t size = 0;

        put_literal_block(&bits, 2, 4 + kind);
        put(&bits, 'a', 8);
        put(&bits, 'b', 8);
        put(&bits, 1, 16); /* a match of 256 bytes, two back */
        put(&bits, 0, 5);
        put(&bits, 0, 5);
        put(&bits, 0, 9);
        put(&bits, 509, 9);
        put(&bits, 0, 4 + kind);
        put(&bits, 1, 4 + kind);
        packed = finish(&bits, sizeof(out));
        assert_int_equal(hm_efi_compress_size(packed, &size), HM_OK);
        assert_int_equal(size, sizeof(out));
        assert_int_equal(hm_efi_compress_unpack(kind, packed, out, size), HM_OK);
        for (size_t i = 0; i < sizeof(out); i++)
            assert_int_equal(out[i], i % 2 == 0 ? 'a' : 'b');
    }
}

static void test_unpack__points_in_front_of_the_output(void **state)
{
    struct bits bits = {{0}, 0};
    uint8_t out[256];

    put(&bits, 1, 16);
    put(&bits, 0, 10);
    put(&bits, 0, 9);
    put(&bits, 509, 9);
    put(&bits, 0, 8);
    assert_int_equal(
        hm_efi_compress_unpack(HM_EFI_COMPRESS_UEFI, finish(&bits, 256), out, sizeof(out)),
        HM_EFORMAT);
}

static void test_unpack__a_match_does_not_pass_the_end(void **state)
{
    struct bits bits = {{0}, 0};
    uint8_t out[9];

    put_literal_block(&bits, 1, 4);
    put(&bits, 'x', 8);
    put(&bits, 1, 16);
    put(&bits, 0, 10);
    put(&bits, 0, 9);
    put(&bits, 509, 9);
    put(&bits, 0, 8);
    out[8] = 7;
    assert_int_equal(hm_efi_compress_unpack(HM_EFI_COMPRESS_UEFI, finish(&bits, 8), out, 8), HM_OK);
    assert_memory_equal(out, "xxxxxxxx", 8);
    assert_int_equal(out[8], 7);
}

static void test_unpack__bad_codes(void **state)
{
    static const struct {
        unsigned extra_count, extra_symbol, char_count, char_symbol;
    } cases[] = {
        {0, 19, 0, 0},   /* an extra symbol past the last */
        {20, 0, 0, 0},   /* more extra symbols than there are */
        {0, 10, 511, 0}, /* more characters than there are */
        {0, 0, 0, 510},  /* a character past the last */
        {0, 10, 255, 0}, /* 255 codes of 8 bits: one is missing */
        {0, 10, 257, 0}, /* 257 codes of 8 bits: one too many */
        {0, 18, 2, 0},   /* two codes of 16 bits */
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct bits bits = {{0}, 0};
        uint8_t out[4];

        put(&bits, 4, 16);
        put(&bits, cases[i].extra_count, 5);
        put(&bits, cases[i].extra_symbol, 5);
        put(&bits, cases[i].char_count, 9);
        put(&bits, cases[i].char_symbol, 9);
        bits.count += 400;
        assert_int_equal(
            hm_efi_compress_unpack(HM_EFI_COMPRESS_UEFI, finish(&bits, 4), out, sizeof(out)),
            HM_EFORMAT);
    }
}

static void test_unpack__ends_early(void **state)
{
    struct bits bits = {{0}, 0};
    uint8_t out[64];

    put_literal_block(&bits, 64, 4);
    put(&bits, 'x', 8);
    assert_int_equal(
        hm_efi_compress_unpack(HM_EFI_COMPRESS_UEFI, finish(&bits, 64), out, sizeof(out)),
        HM_EFORMAT);
    /* A block of no symbols: the stream would go on without end. */
    bits = (struct bits){{0}, 64};
    assert_int_equal(
        hm_efi_compress_unpack(HM_EFI_COMPRESS_UEFI, finish(&bits, 64), out, sizeof(out)),
        HM_EFORMAT);
}

static void test_size__not_all_there(void **state)
{
    uint8_t header[12] = {5, 0, 0, 0, 1};
    uint32_t size = 0;

    assert_int_equal(hm_efi_compress_size(hm_bytes_make(header, 7), &size), HM_EFORMAT);
    assert_int_equal(hm_efi_compress_size(hm_bytes_make(header, 12), &size), HM_EFORMAT);
    header[0] = 4;
    assert_int_equal(hm_efi_compress_size(hm_bytes_make(header, 12), &size), HM_OK);
    assert_int_equal(
        hm_efi_compress_unpack(HM_EFI_COMPRESS_UEFI, hm_bytes_make(header, 12), header, 2),
        HM_EFORMAT); /* another size than declared */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack__literals_and_a_match),
        cmocka_unit_test(test_unpack__points_in_front_of_the_output),
        cmocka_unit_test(test_unpack__a_match_does_not_pass_the_end),
        cmocka_unit_test(test_unpack__bad_codes),
        cmocka_unit_test(test_unpack__ends_early),
        cmocka_unit_test(test_size__not_all_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
