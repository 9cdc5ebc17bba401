/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/release_list: rows as they must be and not otherwise; adding, recalling; the root. */
#include "release_kit.h"

#include "tlog/merkle.h"
#include "tlog/release_list.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ROW "version 1.0\nentry 3\nimage fw.bin " HEX " 0\n"

static void test_parse__reads_rows(void **state)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(4096);
    const char *text = "version 1.0\nentry 3\nlabel Release 1\nimage Fw.bin " HEX " 0\nimage b " HEX
                       " 12\nrecall 7 bad.json\nrecall 9 bad.json\n\n"
                       "version 1.10\nentry 0\nimage a " HEX " 0\n\n";

    assert_int_equal(hm_release_list_parse(hm_bytes_str(text), NULL, &list), HM_OK);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->size, strlen(text));
    assert_string_equal(list->rows[0].version, "1.0");
    assert_int_equal(list->rows[0].entry, 3);
    assert_string_equal(list->rows[0].label, "Release 1");
    assert_int_equal(list->rows[0].image_count, 2);
    assert_string_equal(list->rows[0].images[1].file, "b");
    assert_int_equal(list->rows[0].images[1].length, 12);
    assert_int_equal(list->rows[0].recall_count, 2);
    assert_int_equal(list->rows[0].recalls[1].entry, 9);
    assert_string_equal(list->rows[0].recalls[1].name, "bad.json");
    assert_null(list->rows[1].label);
    assert_int_equal(list->rows[1].recall_count, 0);
    assert_true(hm_bytes_has_prefix(list->rows[1].raw, HM_BYTES_LITERAL("version 1.10\n")));
    assert_int_equal(list->rows[1].raw.data[list->rows[1].raw.size - 1], '\n');
    assert_int_equal(hm_release_list_write(list, NULL, &again), HM_OK);
    assert_string_equal(hm_buf_str(&again), text);
    assert_ptr_equal(hm_release_list_find(list, HM_BYTES_LITERAL("1.10")), &list->rows[1]);
    assert_null(hm_release_list_find(list, HM_BYTES_LITERAL("1.1")));
    assert_null(hm_release_list_find(list, HM_BYTES_LITERAL("2")));
    assert_null(hm_release_list_find(list, HM_BYTES_EMPTY));
    assert_int_equal(hm_release_list_position(list, HM_BYTES_LITERAL("1.2")), 1);
    assert_int_equal(hm_release_list_position(list, HM_BYTES_LITERAL("1.11")), 2);
}

static void test_parse__refuses_what_is_no_list(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        ROW,               /* no empty line */
        ROW "\n\n",        /* two of them */
        "\n" ROW "\n",     /* one before */
        ROW "\n" ROW "\n", /* a version twice */
        ROW "\nversion 0.9\nentry 4\nimage a " HEX " 0\n\n",
        ROW "\nversion 1.0\nentry 4\nimage a " HEX " 0\n\n",
        "version 1.0\n\n",
        "version 1.0\nentry 3\n\n",
        "entry 3\nversion 1.0\nimage fw.bin " HEX " 0\n\n",
        "version\nentry 3\nimage fw.bin " HEX " 0\n\n",
        "version \nentry 3\nimage fw.bin " HEX " 0\n\n",
        "version 1 0\nentry 3\nimage fw.bin " HEX " 0\n\n",
        "version A\nentry 3\nimage fw.bin " HEX " 0\n\n",
        "version ../x\nentry 3\nimage fw.bin " HEX " 0\n\n",
        "version 1.0 \nentry 3\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry -3\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 03\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 9223372036854775808\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 3\nlabel \nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 3\nlabel x \nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 3\nlabel x\nlabel y\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 3\nimage fw.bin E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991"
        "B7852B855 0\n\n",
        "version 1.0\nentry 3\nimage fw.bin 00 0\n\n",
        "version 1.0\nentry 3\nimage b " HEX " 0\nimage a " HEX " 0\n\n",
        "version 1.0\nentry 3\nimage a " HEX " 0\nimage a " HEX " 0\n\n",
        "version 1.0\nentry 3\nimage A " HEX " 0\nimage a " HEX " 0\n\n",
        "version 1.0\nentry 3\nimage a/b " HEX " 0\n\n",
        ROW "recall 3 x.json\n\n", /* not later than the release */
        ROW "recall 4 x.json\nrecall 4 y.json\n\n",
        ROW "recall 5 x.json\nrecall 4 y.json\n\n",
        ROW "recall 5 \n\n",
        ROW "recall 5 a/b\n\n",
        ROW "recall 5 x.json y\n\n",
        ROW "role targets 2\n\n",
        ROW "image z " HEX " 0 \n\n",
        "version 1.0\nentry 3\nlabel a\tb\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 3\nlabel a\x7f\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\nentry 3\nlabel a\xff\nimage fw.bin " HEX " 0\n\n",
        "version 1.0\r\nentry 3\r\nimage fw.bin " HEX " 0\r\n\r\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
        struct hm_err err = HM_ERR_INIT;

        if (hm_release_list_parse(hm_bytes_str(bad[i]), &err, &list) != HM_EFORMAT)
            fail_msg("taken: %s", bad[i]);
        assert_null(list);
        assert_string_not_equal(err.text, "");
    }
}

static struct hm_release_list *new_list(void)
{
    struct hm_release_list *list = NULL;

    assert_int_equal(hm_release_list_new(NULL, &list), HM_OK);
    return list;
}

static enum hm_rc add(struct hm_release_list *list, const char *path, const char *content,
                      uint64_t index)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = kit_release(path, NULL, content);

    return hm_release_list_add(list, entry, index, NULL);
}

/* Versions in any order come out as tests/data/version.vec has them; what is written is read. */
static void test_add__keeps_the_order_of_versions(void **state)
{
    static const char *const versions[] = {"1.10", "1.9", "00", "0", "1.9-rc1", "2", "1.9a", "010"};
    static const char *const sorted[] = {"0", "00", "1.9", "1.9-rc1", "1.9a", "1.10", "2", "010"};
    _hm_free_(hm_release_list_free) struct hm_release_list *list = new_list();
    _hm_free_(hm_release_list_free) struct hm_release_list *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);
    struct hm_sha256 value;
    struct hm_sha256 value_again;

    for (size_t i = 0; i < HM_ARRAY_COUNT(versions); i++) {
        char path[64];

        (void)snprintf(path, sizeof(path), "acme/nic/%s", versions[i]);
        assert_int_equal(add(list, path, versions[i], i), HM_OK);
        assert_int_equal(add(list, path, "other", 100 + i), HM_EREFUSED);
    }
    assert_int_equal(list->count, HM_ARRAY_COUNT(sorted));
    for (size_t i = 0; i < HM_ARRAY_COUNT(sorted); i++)
        assert_string_equal(list->rows[i].version, sorted[i]);
    assert_int_equal(hm_release_list_write(list, NULL, &text), HM_OK);
    assert_int_equal(text.size, list->size);
    assert_int_equal(hm_release_list_parse(hm_buf_bytes(&text), NULL, &again), HM_OK);
    assert_int_equal(hm_release_list_value(list, NULL, &value), HM_OK);
    assert_int_equal(hm_release_list_value(again, NULL, &value_again), HM_OK);
    assert_true(hm_digest_is_equal(&value, &value_again));
}

/* The value spelled out once more, from leaves computed here. */
static void test_value__is_of_count_and_root(void **state)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = new_list();
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 leaves[3];
    struct hm_sha256 root;
    struct hm_sha256 value;
    struct hm_sha256 expected;
    char hex[HM_SHA256_HEX_SIZE];
    char text[256];

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest), HM_OK);
    for (unsigned i = 0; i < 3; i++) {
        char row[256];

        (void)snprintf(text, sizeof(text), "acme/nic/%u", i + 1);
        assert_int_equal(add(list, text, "", 10 + i), HM_OK);
        (void)snprintf(row, sizeof(row), "version %u\nentry %u\nimage fw.bin " HEX " 0\n", i + 1,
                       10 + i);
        assert_int_equal(hm_merkle_leaf(digest, hm_bytes_str(row), NULL, &leaves[i]), HM_OK);
    }
    assert_int_equal(hm_merkle_root_of(digest, leaves, 3, NULL, &root), HM_OK);
    hm_text_hex(hm_bytes_make(root.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(text, sizeof(text), "hallmark/v1 versions\n3 %s\n", hex);
    assert_int_equal(hm_digest_sha256(hm_bytes_str(text), NULL, &expected), HM_OK);
    assert_int_equal(hm_release_list_value(list, NULL, &value), HM_OK);
    assert_true(hm_digest_is_equal(&value, &expected));
}

static void test_recall__adds_to_rows_with_the_digest_alone(void **state)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = new_list();
    _hm_free_(hm_release_list_free) struct hm_release_list *recalled = NULL;
    _hm_free_(hm_release_list_free) struct hm_release_list *twice = NULL;
    _hm_free_(hm_release_list_free) struct hm_release_list *none = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *recall =
        kit_recall("recalls/acme/bad.json", "two", "elsewhere");

    assert_int_equal(add(list, "acme/nic/1", "one", 1), HM_OK);
    assert_int_equal(add(list, "acme/nic/2", "two", 2), HM_OK);
    assert_int_equal(add(list, "acme/nic/3", "two", 3), HM_OK);
    assert_true(hm_release_list_has_digest(list, recall->digests, recall->digest_count));
    assert_false(hm_release_list_has_digest(list, recall->digests, 0));
    assert_int_equal(hm_release_list_recall(list, recall, 4, NULL, &recalled), HM_OK);
    assert_int_equal(recalled->rows[0].recall_count, 0);
    assert_int_equal(recalled->rows[1].recall_count, 1);
    assert_int_equal(recalled->rows[2].recall_count, 1);
    assert_int_equal(recalled->rows[2].recalls[0].entry, 4);
    assert_string_equal(recalled->rows[2].recalls[0].name, "bad.json");
    assert_int_equal(list->rows[1].recall_count, 0);
    /* In the order of the log, and only then. */
    assert_int_equal(hm_release_list_recall(list, recall, 3, NULL, &none), HM_EUSAGE);
    assert_int_equal(hm_release_list_recall(recalled, recall, 4, NULL, &none), HM_EUSAGE);
    assert_int_equal(hm_release_list_recall(recalled, recall, 5, NULL, &twice), HM_OK);
    assert_int_equal(twice->rows[1].recall_count, 2);
    assert_null(none);
}

static void test_recall__refuses_one_more_than_the_maximum(void **state)
{
    struct hm_release_list *list = new_list();
    _hm_free_(hm_entry_free) struct hm_entry *recall = kit_recall("recalls/acme/bad", "one", NULL);
    struct hm_release_list *next = NULL;
    uint64_t index = 1;

    assert_int_equal(add(list, "acme/nic/1", "one", 0), HM_OK);
    for (; index <= HM_RELEASE_LIST_RECALL_COUNT_MAX; index++) {
        assert_int_equal(hm_release_list_recall(list, recall, index, NULL, &next), HM_OK);
        hm_release_list_free(list);
        list = next;
    }
    assert_int_equal(hm_release_list_recall(list, recall, index, NULL, &next), HM_EREFUSED);
    hm_release_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_rows),
        cmocka_unit_test(test_parse__refuses_what_is_no_list),
        cmocka_unit_test(test_add__keeps_the_order_of_versions),
        cmocka_unit_test(test_value__is_of_count_and_root),
        cmocka_unit_test(test_recall__adds_to_rows_with_the_digest_alone),
        cmocka_unit_test(test_recall__refuses_one_more_than_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
