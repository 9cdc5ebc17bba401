/* SPDX-License-Identifier: Apache-2.0 */
/* serve/transfer: what a line of a server's log says, and all that it must not. */
#include "unit.h"

#include "serve/transfer.h"

#define HEX       "5b7faa2bcf97eb1ae64fbef1f4fe9a7de8e8ba34cd2ea1cd7f4f1b2a0b1a4c1c"
#define HEX2      "0b7faa2bcf97eb1ae64fbef1f4fe9a7de8e8ba34cd2ea1cd7f4f1b2a0b1a4c1c"
#define FILE_PATH "/-/image/acme/nic/1.0/" HEX ".nic.bin"

/* A good line, with one part replaced. */
static const char good[] =
    "{\"time\":\"1795525200.250\",\"seconds\":\"2.500\",\"peer\":\"192.0.2.7\","
    "\"customer\":\"dc1\",\"method\":\"GET\",\"path\":\"" FILE_PATH "\",\"delivery\":\"" HEX2
    "\",\"status\":200,\"bytes\":300000,\"complete\":\"OK\"}";

static enum hm_rc parse(const char *from, const char *to, struct hm_arena *arena,
                        struct hm_transfer *ret_transfer, bool *ret_is_image)
{
    static char line[HM_TRANSFER_LINE_SIZE_MAX * 2];
    const char *at = strstr(good, from);

    assert_non_null(at);
    (void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return hm_transfer_parse_nginx(hm_bytes_str(line), arena, NULL, ret_transfer, ret_is_image);
}

static void test_parse_nginx__reads_a_transfer(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_transfer transfer;
    char hex[HM_SHA256_HEX_SIZE];
    bool is_image = false;

    assert_int_equal(parse("", "", &arena, &transfer, &is_image), HM_OK);
    assert_true(is_image && transfer.has_offer && transfer.is_complete);
    assert_true(hm_bytes_is_str(transfer.account, "dc1"));
    assert_true(hm_bytes_is_str(transfer.path, "acme/nic/1.0/nic.bin"));
    assert_true(hm_bytes_is_str(transfer.peer, "192.0.2.7"));
    hm_text_hex(hm_bytes_make(transfer.offer.bytes, HM_SHA256_SIZE), hex);
    assert_string_equal(hex, HEX2);
    hm_text_hex(hm_bytes_make(transfer.image.bytes, HM_SHA256_SIZE), hex);
    assert_string_equal(hex, HEX);
    assert_int_equal(transfer.bytes, 300000);
    assert_int_equal(transfer.begin_unix_s, 1795525197);
}

static void test_parse_nginx__knows_what_is_cut_short_in_part_and_unsigned(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_transfer transfer;
    bool is_image = false;

    assert_int_equal(parse("\"OK\"", "\"\"", &arena, &transfer, &is_image), HM_OK);
    assert_true(is_image && !transfer.is_complete);
    assert_int_equal(parse("200,", "206,", &arena, &transfer, &is_image), HM_OK);
    assert_true(is_image);
    assert_int_equal(parse("\"" HEX2 "\"", "\"\"", &arena, &transfer, &is_image), HM_OK);
    assert_true(is_image && !transfer.has_offer);
    assert_int_equal(parse("\"dc1\"", "\"\"", &arena, &transfer, &is_image), HM_OK);
    assert_true(is_image && transfer.account.size == 0);
    assert_int_equal(parse("192.0.2.7", "2001:db8::1", &arena, &transfer, &is_image), HM_OK);
    assert_int_equal(parse("192.0.2.7", "unix:", &arena, &transfer, &is_image), HM_OK);
}

static void test_parse_nginx__passes_over_what_is_no_transfer(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"GET\"", "\"HEAD\""}, {"200,", "304,"},        {"200,", "416,"},
        {"200,", "404,"},        {FILE_PATH, "/-/image"}, {FILE_PATH, "/metadata/1.root.json"},
        {"\"GET\"", "\"POST\""},
    };
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_transfer transfer;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        bool is_image = true;

        assert_int_equal(parse(cases[i].from, cases[i].to, &arena, &transfer, &is_image), HM_OK);
        assert_false(is_image);
    }
}

static void test_parse_nginx__refuses_all_else(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"{", ""},
        {"}", ""},
        {"}", "}}"},
        {"}", ",\"more\":1}"},
        {"}", ",\"bytes\":300000}"},
        {",\"complete\":\"OK\"", ""},
        {"\"OK\"", "\"ok\""},
        {"\"OK\"", "\"no\""},
        {"200,", "20,"},
        {"200,", "1000,"},
        {"200,", "\"200\","},
        {"300000", "-1"},
        {"300000", "1.5"},
        {"300000", "99999999999999999999"},
        {"\"" HEX2 "\"", "\"" HEX2 "00\""},
        {"\"" HEX2 "\"", "\"0b7f\""},
        {"\"" HEX2 "\"", "\"zz7faa2bcf97eb1ae64fbef1f4fe9a7de8e8ba34cd2ea1cd7f4f1b2a0b1a4c1c\""},
        {"1795525200.250", "1795525200"},
        {"1795525200.250", "1795525200.25"},
        {"1795525200.250", "1795525200.2x0"},
        {"1795525200.250", "99999999999.250"},
        {"1795525200.250", "1.250"},
        {"2.500", "-2.500"},
        {"2.500", "9999999999.000"},
        {"\"dc1\"", "\"DC1\""},
        {"\"dc1\"", "\"dc1/../x\""},
        {"\"dc1\"", "\"\\u0000\""},
        {"192.0.2.7", "192.0.2.7\\n"},
        {"192.0.2.7", "example"},
        {FILE_PATH, "/-/image/acme/nic/1.0/nic.bin"},
        {FILE_PATH, "/-/image/acme/nic/1.0/" HEX ".../x"},
        {FILE_PATH, "/-/image/acme/nic/1.0/" HEX "."},
        {FILE_PATH, "/-/image/acme/nic/" HEX ".nic.bin"},
        {FILE_PATH, "/-/image/acme/nic/1.0/x/" HEX ".nic.bin"},
        {FILE_PATH, "/-/image/acme/../1.0/" HEX ".nic.bin"},
        {FILE_PATH, "/-/image/acme//1.0/" HEX ".nic.bin"},
        {FILE_PATH, "/-/image/Acme/nic/1.0/" HEX ".nic.bin"},
        {FILE_PATH, "/-/image/acme/nic/1.0/" HEX ".n\\u00e9.bin"},
    };
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_transfer transfer;
    bool is_image;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++)
        if (parse(cases[i].from, cases[i].to, &arena, &transfer, &is_image) != HM_EFORMAT)
            fail_msg("'%s' is taken", cases[i].to);
    /* Each torn line, at any byte. */
    for (size_t size = 0; size < sizeof(good) - 1; size++)
        assert_int_equal(
            hm_transfer_parse_nginx(hm_bytes_make(good, size), &arena, NULL, &transfer, &is_image),
            HM_EFORMAT);
}

static void test_parse_nginx__has_a_limit(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    char spaces[HM_TRANSFER_LINE_SIZE_MAX + 2] = "";
    struct hm_transfer transfer;
    bool is_image;

    memset(spaces, ' ', HM_TRANSFER_LINE_SIZE_MAX - sizeof(good) + 1);
    assert_int_equal(parse("{", "{", &arena, &transfer, &is_image), HM_OK);
    memcpy(spaces + strlen(spaces), good, sizeof(good));
    assert_int_equal(strlen(spaces), HM_TRANSFER_LINE_SIZE_MAX);
    assert_int_equal(
        hm_transfer_parse_nginx(hm_bytes_str(spaces), &arena, NULL, &transfer, &is_image), HM_OK);
    memcpy(spaces + HM_TRANSFER_LINE_SIZE_MAX, " ", 2);
    assert_int_equal(
        hm_transfer_parse_nginx(hm_bytes_str(spaces), &arena, NULL, &transfer, &is_image),
        HM_EFORMAT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_nginx__reads_a_transfer),
        cmocka_unit_test(test_parse_nginx__knows_what_is_cut_short_in_part_and_unsigned),
        cmocka_unit_test(test_parse_nginx__passes_over_what_is_no_transfer),
        cmocka_unit_test(test_parse_nginx__refuses_all_else),
        cmocka_unit_test(test_parse_nginx__has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
