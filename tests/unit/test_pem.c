/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/pem: one block, strictly; encoding as OpenSSL writes it. */
#include "unit.h"

#include <string.h>

#include "crypto/pem.h"

static enum hm_rc decode(const char *text, uint8_t *ret, size_t *ret_size)
{
    struct hm_err err = HM_ERR_INIT;

    return hm_pem_decode(hm_bytes_str(text), "KEY", &err, ret, ret_size);
}

static void test_decode__accepts_white_space(void **state)
{
    static const char *const texts[] = {
        "-----BEGIN KEY-----\nAAEC/w==\n-----END KEY-----\n",
        "-----BEGIN KEY-----\nAAEC/w==\n-----END KEY-----",
        "-----BEGIN KEY-----\r\nAAEC/w==\r\n-----END KEY-----\r\n",
        "\n\n-----BEGIN KEY-----\nA\nA\nE\nC\n/\nw\n=\n=\n\n-----END KEY-----\n \t\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        uint8_t der[256];
        size_t size = 0;

        assert_int_equal(decode(texts[i], der, &size), HM_OK);
        assert_int_equal(size, 4);
        assert_memory_equal(der, "\x00\x01\x02\xff", 4);
    }
}

static void test_decode__refuses(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "-----BEGIN KEY-----",
        "-----BEGIN KEY----------END KEY-----",
        "-----BEGIN KEY-----\n-----END KEY-----\n",              /* nothing inside */
        "-----BEGIN KEY-----\nAAEC/w==-----END KEY-----\n",      /* mark not on a line */
        "-----BEGIN KEY-----AAEC/w==\n-----END KEY-----\n",      /* likewise */
        "-----BEGIN KEYS-----\nAAEC/w==\n-----END KEYS-----\n",  /* another label */
        "-----BEGIN KEY-----\nAAEC/w==\n-----END KEYS-----\n",   /* labels differ */
        "-----BEGIN KEY-----\nAAEC/w==\n",                       /* no end */
        "AAEC/w==\n-----END KEY-----\n",                         /* no begin */
        "x\n-----BEGIN KEY-----\nAAEC/w==\n-----END KEY-----\n", /* text in front */
        "-----BEGIN KEY-----\nAAEC/w==\n-----END KEY-----\nx\n", /* text behind */
        ("-----BEGIN KEY-----\nAAEC/w==\n-----END KEY-----\n"
         "-----BEGIN KEY-----\nAAEC/w==\n-----END KEY-----\n"),           /* two blocks */
        "-----BEGIN KEY-----\nProc-Type: 4\n\nAAEC\n-----END KEY-----\n", /* headers */
        "-----BEGIN KEY-----\nAAEC/w\n-----END KEY-----\n",               /* no padding */
        "-----BEGIN KEY-----\nAAEC/w=\n-----END KEY-----\n",              /* half of it */
        "-----BEGIN KEY-----\nAAEC/w===\n-----END KEY-----\n",            /* too much */
        "-----BEGIN KEY-----\nAAEC/x==\n-----END KEY-----\n",             /* unused bits set */
        "-----BEGIN KEY-----\nAAEC/wF=\n-----END KEY-----\n",             /* unused bits set */
        "-----BEGIN KEY-----\nAAEC/w==AAEC\n-----END KEY-----\n",         /* padding inside */
        "-----BEGIN KEY-----\nAA=C\n-----END KEY-----\n",                 /* padding inside */
        "-----BEGIN KEY-----\nA===\n-----END KEY-----\n",                 /* no byte */
        "-----BEGIN KEY-----\n====\n-----END KEY-----\n",                 /* no digit */
        "-----BEGIN KEY-----\nAAE\n-----END KEY-----\n",                  /* cut */
        "-----BEGIN KEY-----\nAA-_\n-----END KEY-----\n",                 /* base64url */
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        uint8_t der[256];
        size_t size = 7;

        assert_int_equal(decode(texts[i], der, &size), HM_EFORMAT);
    }
}

static void test_decode__refuses_nul(void **state)
{
    static const char text[] = "-----BEGIN KEY-----\nAA\0EC/w==\n-----END KEY-----\n";
    uint8_t der[sizeof(text)];
    size_t size;

    assert_int_equal(hm_pem_decode(hm_bytes_make(text, sizeof(text) - 1), "KEY", NULL, der, &size),
                     HM_EFORMAT);
}

static void test_has_label__tells(void **state)
{
    assert_true(hm_pem_has_label(HM_BYTES_LITERAL("\n-----BEGIN KEY-----\n"), "KEY"));
    assert_false(hm_pem_has_label(HM_BYTES_LITERAL("-----BEGIN KEYS-----\n"), "KEY"));
    assert_false(hm_pem_has_label(HM_BYTES_LITERAL("x-----BEGIN KEY-----\n"), "KEY"));
    assert_false(hm_pem_has_label(HM_BYTES_EMPTY, "KEY"));
}

/* Every length up to three lines decodes to what was encoded, in lines of at most 64. */
static void test_encode__round_trip(void **state)
{
    uint8_t der[150];
    uint8_t text[512];
    uint8_t back[512];

    for (size_t i = 0; i < sizeof(der); i++)
        der[i] = (uint8_t)(i * 37 + 200);
    for (size_t size = 1; size <= sizeof(der); size++) {
        size_t text_size = hm_pem_text_size("KEY", size);
        size_t got = 0;
        size_t column = 0;

        assert_true(text_size <= sizeof(text));
        hm_pem_encode("KEY", hm_bytes_make(der, size), text);
        for (size_t i = 0; i < text_size; i++) {
            column = text[i] == '\n' ? 0 : column + 1;
            assert_true(column <= 64);
        }
        assert_int_equal(column, 0);
        assert_int_equal(hm_pem_decode(hm_bytes_make(text, text_size), "KEY", NULL, back, &got),
                         HM_OK);
        assert_int_equal(got, size);
        assert_memory_equal(back, der, size);
    }
}

static void test_encode__is_what_openssl_writes(void **state)
{
    static const char expected[] =
        "-----BEGIN KEY-----\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
        "AAA=\n"
        "-----END KEY-----\n";
    uint8_t text[sizeof(expected)] = {0};
    uint8_t der[50] = {0};

    assert_int_equal(hm_pem_text_size("KEY", sizeof(der)), sizeof(expected) - 1);
    hm_pem_encode("KEY", hm_bytes_make(der, sizeof(der)), text);
    assert_string_equal((const char *)text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__accepts_white_space),
        cmocka_unit_test(test_decode__refuses),
        cmocka_unit_test(test_decode__refuses_nul),
        cmocka_unit_test(test_has_label__tells),
        cmocka_unit_test(test_encode__round_trip),
        cmocka_unit_test(test_encode__is_what_openssl_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
