/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/entry: verdicts of the vectors; what is read is written byte for byte; what may not be
 * logged is not written. */
#include "tlog_vectors.h"

#include "tlog/entry.h"

static const json_t *vector_named(const char *name)
{
    const json_t *cases = json_object_get(tlog_vectors, "entries");

    for (size_t i = 0; i < json_array_size(cases); i++) {
        if (strcmp(tlog_str(json_array_get(cases, i), "name"), name) == 0)
            return json_array_get(cases, i);
    }
    fail_msg("no entry '%s'", name);
    return NULL;
}

static struct hm_entry *entry_named(const char *name)
{
    struct hm_entry *entry = NULL;

    assert_int_equal(
        hm_entry_parse(hm_bytes_str(tlog_str(vector_named(name), "entry")), NULL, &entry), HM_OK);
    return entry;
}

static void test_parse__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("entries", 100);
    size_t good = 0;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(TLOG_TEXT_SIZE);
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
        struct hm_err err = HM_ERR_INIT;
        struct hm_bytes raw = tlog_bytes(vector, "entry", &buf);
        enum hm_rc rc = hm_entry_parse(raw, &err, &entry);

        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        if (rc != HM_OK) {
            assert_null(entry);
            continue;
        }
        assert_int_equal(hm_entry_write(entry, &err, &again), HM_OK);
        assert_true(hm_bytes_is_equal(raw, hm_buf_bytes(&again)));
        good++;
    }
    assert_true(good > 10 && good * 2 < json_array_size(cases));
}

static void test_parse__reads_a_release(void **state)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = entry_named("release");

    assert_int_equal(entry->kind, HM_ENTRY_RELEASE);
    assert_string_equal(hm_entry_kind_name(entry->kind), "hallmark/release v1");
    assert_string_equal(entry->site, "acme");
    assert_string_equal(entry->path, "chipco/nic9/2.1.0");
    assert_string_equal(entry->label, "2.1.0 (Build 7)");
    assert_int_equal(entry->image_count, 2);
    assert_string_equal(entry->images[0].file, "nic9.rom");
    assert_int_equal(entry->images[0].length, 65536);
    assert_int_equal(entry->role_count, 2);
    assert_string_equal(entry->roles[1].name, "release~chipco~nic9");
    assert_int_equal(entry->roles[1].version, 3);
}

static void test_parse__reads_a_snapshot(void **state)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = entry_named("snapshot");

    assert_int_equal(entry->kind, HM_ENTRY_SNAPSHOT);
    assert_int_equal(entry->snapshot.version, 17);
    assert_int_equal(entry->snapshot.length, 2048);
    assert_int_equal(entry->root.version, 2);
    assert_int_equal(entry->map_count, 44);
    assert_int_equal(entry->entries.first, 100);
    assert_int_equal(entry->entries.count, 3);
    assert_int_equal(entry->void_count, 3);
    assert_int_equal(entry->voids[1].first, 90);
    assert_int_equal(entry->voids[1].count, 10);
}

static void test_parse__reads_makers_of_both_grades(void **state)
{
    _hm_free_(hm_entry_free) struct hm_entry *maker = entry_named("maker");
    _hm_free_(hm_entry_free) struct hm_entry *attested = entry_named("attested maker");

    assert_false(maker->is_attested);
    assert_int_equal(maker->document.version, 2);
    assert_int_equal(maker->document.length, 1500);
    assert_true(attested->is_attested);
    assert_string_equal(attested->maker, "oldchip");
    assert_int_equal(attested->document.version, 0);
}

static void refuse(const struct hm_entry *entry)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_entry_write(entry, &err, &buf), HM_EUSAGE);
    assert_int_equal(err.rc, HM_EUSAGE);
    assert_int_equal(hm_entry_write(entry, NULL, &buf), HM_EUSAGE);
    assert_int_equal(buf.size, 0);
}

static void test_write__refuses_what_may_not_be_logged(void **state)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = entry_named("release without label");
    const struct hm_entry good = *entry;
    struct hm_entry_image swapped[2] = {entry->images[1], entry->images[0]};
    struct hm_entry_image same[2] = {entry->images[0], entry->images[0]};
    struct hm_entry_role role = {.name = "release~chipco", .version = 0};
    struct hm_entry bad;

    bad = good;
    bad.site = NULL;
    refuse(&bad);
    bad = good;
    bad.path = "chipco/nic9";
    refuse(&bad);
    bad = good;
    bad.images = swapped;
    refuse(&bad);
    bad.images = same;
    refuse(&bad);
    bad = good;
    bad.image_count = 0;
    refuse(&bad);
    bad = good;
    bad.role_count = 0;
    refuse(&bad);
    bad.roles = &role;
    bad.role_count = 1;
    refuse(&bad);
    bad = good;
    bad.label = "";
    refuse(&bad);
    bad.label = " x";
    refuse(&bad);
    bad.label = "tab\t";
    refuse(&bad);
}

/* Values with newlines: each of these would parse as another entry than the one meant. */
static void test_write__refuses_newlines_in_values(void **state)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = entry_named("release without label");
    struct hm_entry bad = *entry;
    struct hm_entry_role role = {.name = "a 1\nrole b", .version = 1};

    bad.label = "x\nimage a.rom "
                "0000000000000000000000000000000000000000000000000000000000000000 1";
    refuse(&bad);
    bad = *entry;
    bad.site = "acme\nsite acme";
    refuse(&bad);
    bad = *entry;
    bad.roles = &role;
    bad.role_count = 1;
    refuse(&bad);
    bad = *entry;
    bad.path = "chipco/nic9/2.1.0\nlabel x";
    refuse(&bad);
}

static void test_free__takes_null(void **state)
{
    hm_entry_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_parse__reads_a_release),
        cmocka_unit_test(test_parse__reads_a_snapshot),
        cmocka_unit_test(test_parse__reads_makers_of_both_grades),
        cmocka_unit_test(test_write__refuses_what_may_not_be_logged),
        cmocka_unit_test(test_write__refuses_newlines_in_values),
        cmocka_unit_test(test_free__takes_null),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
