/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/where: where a release stands, read and written; everything else refused. */
#include "unit.h"

#include "tlog/where.h"

#define RELEASE  "hallmark/release v1\nsite acme\n"
#define SNAPSHOT "hallmark/snapshot v1\nsite acme\n"
#define HEAD     "hallmark/where v1\nrelease 7\nsnapshot 9\n"
#define GOOD     HEAD "\n" RELEASE "\n" SNAPSHOT

static void test_parse__reads_what_write_wrote(void **state)
{
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_WHERE_SIZE_MAX);

    assert_int_equal(hm_where_parse(hm_bytes_str(GOOD), NULL, &where), HM_OK);
    assert_int_equal(where->release_index, 7);
    assert_int_equal(where->snapshot_index, 9);
    assert_true(hm_bytes_is_str(where->release, RELEASE));
    assert_true(hm_bytes_is_str(where->snapshot, SNAPSHOT));
    assert_int_equal(hm_where_write(where, NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text), GOOD);
}

static void test_parse__refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "\n",
        HEAD,
        HEAD "\n",
        HEAD "\n" RELEASE,
        HEAD "\n" RELEASE "\n",
        HEAD RELEASE "\n" SNAPSHOT,
        HEAD "\n" RELEASE SNAPSHOT,
        HEAD "\n\n" RELEASE "\n" SNAPSHOT,
        HEAD "\n" RELEASE "\n\n" SNAPSHOT,
        GOOD "\n",
        GOOD "\n" RELEASE,
        GOOD "x",
        " " GOOD,
        "hallmark/where v2\nrelease 7\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nsnapshot 9\nrelease 7\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 7\nrelease 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 07\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease -7\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease  7\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 7 \nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 9\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 10\nsnapshot 9\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 7\nsnapshot 9223372036854775807\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\nrelease 7\nsnapshot 18446744073709551616\n\n" RELEASE "\n" SNAPSHOT,
        "hallmark/where v1\r\nrelease 7\r\nsnapshot 9\r\n\r\n" RELEASE "\r\n" SNAPSHOT,
    };
    struct hm_where *where = NULL;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_err err = HM_ERR_INIT;

        if (hm_where_parse(hm_bytes_str(cases[i]), &err, &where) != HM_EFORMAT)
            fail_msg("case %zu is taken", i);
        assert_null(where);
    }
}

static void test_parse__takes_the_largest_entries_and_no_larger(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(3 * HM_ENTRY_SIZE_MAX);
    _hm_free_(hm_where_free) struct hm_where *read = NULL;
    _hm_free_(free) char *entry = malloc(HM_ENTRY_SIZE_MAX + 1);
    struct hm_where where = {.release_index = INT64_MAX - 3, .snapshot_index = INT64_MAX - 2};

    memset(entry, 'x', HM_ENTRY_SIZE_MAX + 1);
    entry[HM_ENTRY_SIZE_MAX - 1] = entry[HM_ENTRY_SIZE_MAX] = '\n';
    where.release = where.snapshot = hm_bytes_make(entry, HM_ENTRY_SIZE_MAX);
    assert_int_equal(hm_where_write(&where, NULL, &text), HM_OK);
    assert_int_equal(hm_where_parse(hm_buf_bytes(&text), NULL, &read), HM_OK);
    assert_int_equal(read->snapshot.size, HM_ENTRY_SIZE_MAX);
    entry[HM_ENTRY_SIZE_MAX - 1] = 'x';
    where.release.size++;
    assert_int_equal(hm_where_write(&where, NULL, &text), HM_EUSAGE);
}

static void test_write__refuses_what_would_not_parse(void **state)
{
    struct hm_where good = {1, 2, HM_BYTES_LITERAL("a\n"), HM_BYTES_LITERAL("b\n"), {0}};
    struct hm_where order = {2, 2, HM_BYTES_LITERAL("a\n"), HM_BYTES_LITERAL("b\n"), {0}};
    struct hm_where gap = {1, 2, HM_BYTES_LITERAL("a\n\nc\n"), HM_BYTES_LITERAL("b\n"), {0}};
    struct hm_where cut = {1, 2, HM_BYTES_LITERAL("a\n"), HM_BYTES_LITERAL("b"), {0}};
    struct hm_where none = {1, 2, HM_BYTES_LITERAL(""), HM_BYTES_LITERAL("b\n"), {0}};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_WHERE_SIZE_MAX);

    assert_int_equal(hm_where_write(&order, NULL, &text), HM_EUSAGE);
    assert_int_equal(hm_where_write(&gap, NULL, &text), HM_EUSAGE);
    assert_int_equal(hm_where_write(&cut, NULL, &text), HM_EUSAGE);
    assert_int_equal(hm_where_write(&none, NULL, &text), HM_EUSAGE);
    assert_int_equal(text.size, 0);
    assert_int_equal(hm_where_write(&good, NULL, &text), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_what_write_wrote),
        cmocka_unit_test(test_parse__refuses),
        cmocka_unit_test(test_parse__takes_the_largest_entries_and_no_larger),
        cmocka_unit_test(test_write__refuses_what_would_not_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
