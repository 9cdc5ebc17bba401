/* SPDX-License-Identifier: Apache-2.0 */
/* care/manifest: what a backup says it consists of is read strictly. */
#include "unit.h"

#include "base/text.h"
#include "care/manifest.h"

#define HEAD                                                                                       \
    "hallmark/backup v1\nsite globex\nmade 2026-11-24T00:00:00Z\nkeys without\nroot 1\n"           \
    "timestamp 2\nlog 3\ncustomers 4\n"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ROWS                                                                                       \
    "folder 0700 private/\nfile 0600 5 6 0 " ZEROS " private/a\nfolder 0755 public/\n"             \
    "file 0644 7 8 9 " ZEROS " public/b c\n"

/* The text with its right last line. */
static enum hm_rc parse(const char *text, const char *count, struct hm_err *err,
                        struct hm_manifest **ret_manifest)
{
    _hm_done_(hm_buf_done) struct hm_buf whole = HM_BUF_INIT(65536);
    struct hm_sha256 sha256;
    char hex[HM_SHA256_HEX_SIZE];

    assert_int_equal(hm_buf_append_str(&whole, text, NULL), HM_OK);
    assert_int_equal(hm_digest_sha256(hm_buf_bytes(&whole), NULL, &sha256), HM_OK);
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    assert_int_equal(hm_buf_append_fmt(&whole, NULL, "end %s %s\n", count, hex), HM_OK);
    return hm_manifest_parse(hm_buf_bytes(&whole), err, ret_manifest);
}

static void test_parse__reads_and_writes(void **state)
{
    _hm_free_(hm_manifest_free) struct hm_manifest *manifest = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);
    const struct hm_manifest_item *item;

    assert_int_equal(parse(HEAD ROWS, "4", NULL, &manifest), HM_OK);
    assert_string_equal(manifest->site, "globex");
    assert_int_equal(manifest->customers, 4);
    assert_false(manifest->has_keys);
    item = hm_manifest_find(manifest, "public/b c");
    assert_non_null(item);
    assert_int_equal(item->size, 7);
    assert_int_equal(item->time_ns, 8);
    assert_int_equal(item->member, 9);
    assert_null(hm_manifest_find(manifest, "public/b"));
    assert_int_equal(hm_manifest_write(manifest, NULL, &text), HM_OK);
    assert_memory_equal(text.data, HEAD ROWS, strlen(HEAD ROWS));
}

static void test_parse__refuses(void **state)
{
    static const char *const rows[] = {
        "folder 0700 private\n",
        "folder 0700 private/a\n",
        "folder 700 private/\n",
        "folder 0800 private/\n",
        "folder 1777 private/\n",
        "folder 0700 other/\n",
        "folder 0700 public/../\n",
        "folder 0700 public//\n",
        "file 0600 5 6 0 " ZEROS " private/\n",
        "file 0600 5 6 0 " ZEROS " private/../x\n",
        "file 0600 5 6 0 " ZEROS " /private/x\n",
        "file 0600 5 6 0 " ZEROS " private/./x\n",
        "file 0600 5 6 0 " ZEROS " private/a\tb\n",
        "file 0600 05 6 0 " ZEROS " private/x\n",
        "file 0600 -5 6 0 " ZEROS " private/x\n",
        "file 0600 5 6 " ZEROS " private/x\n",
        "file 0600 5 6 0 A" ZEROS " private/x\n",
        "file 0600 99999999999999999999 6 0 " ZEROS " private/x\n",
        "link 0600 x private/x\n",
        "\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(rows); i++) {
        _hm_free_(hm_manifest_free) struct hm_manifest *manifest = NULL;
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);

        assert_int_equal(hm_buf_append_fmt(&text, NULL, HEAD "%s", rows[i]), HM_OK);
        if (parse(hm_buf_str(&text), "1", NULL, &manifest) != HM_EFORMAT)
            fail_msg("taken: %s", rows[i]);
    }
}

static void test_parse__refuses_what_is_not_whole(void **state)
{
    static const char *const texts[] = {
        HEAD "file 0600 5 6 0 " ZEROS " private/b\nfile 0600 5 6 0 " ZEROS " private/a\n",
        HEAD "file 0600 5 6 0 " ZEROS " private/a\nfile 0600 5 6 0 " ZEROS " private/a\n",
        HEAD "folder 0700 private/\n",
        "hallmark/backup v1\nsite globex\n",
        "hallmark/restored v1\n",
        "",
    };
    struct hm_manifest *manifest = NULL;

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++)
        assert_int_equal(parse(texts[i], "2", NULL, &manifest), HM_EFORMAT);
    assert_int_equal(parse("hallmark/backup v2\n", "0", NULL, &manifest), HM_EREFUSED);
    assert_int_equal(hm_manifest_parse(hm_bytes_str(HEAD ROWS), NULL, &manifest), HM_EFORMAT);
    assert_int_equal(hm_manifest_parse(hm_bytes_str(HEAD "end 0 " ZEROS "\n"), NULL, &manifest),
                     HM_EFORMAT);
}

static void test_add__checks_paths(void **state)
{
    _hm_free_(hm_manifest_free) struct hm_manifest *manifest = NULL;
    struct hm_manifest_item item = {.path = "elsewhere"};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);

    assert_int_equal(hm_manifest_new(NULL, &manifest), HM_OK);
    manifest->site = "globex";
    assert_int_equal(hm_manifest_add(manifest, &item, NULL), HM_EUSAGE);
    item.path = "public/b";
    assert_int_equal(hm_manifest_add(manifest, &item, NULL), HM_OK);
    item.path = "public/a";
    assert_int_equal(hm_manifest_add(manifest, &item, NULL), HM_OK);
    assert_int_equal(hm_manifest_write(manifest, NULL, &text), HM_EUSAGE); /* out of order */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_and_writes),
        cmocka_unit_test(test_parse__refuses),
        cmocka_unit_test(test_parse__refuses_what_is_not_whole),
        cmocka_unit_test(test_add__checks_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
