/* SPDX-License-Identifier: Apache-2.0 */
/* evidence/near: which spellings are near, in which order, and which are not. */
#include "release_kit.h"

#include "evidence/near.h"

static struct hm_release_list *make_list(const char *const (*rows)[2], size_t count)
{
    struct hm_release_list *list = NULL;

    assert_int_equal(hm_release_list_new(NULL, &list), HM_OK);
    for (size_t i = 0; i < count; i++) {
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
        char path[128];

        (void)snprintf(path, sizeof(path), "acme/nic/%s", rows[i][0]);
        entry = kit_release(path, rows[i][1], rows[i][0]);
        assert_int_equal(hm_release_list_add(list, entry, i, NULL), HM_OK);
    }
    return list;
}

static const char *const rows[][2] = {
    {"2.1", "2.1 (A)"},
    {"2.1.3", NULL},
    {"2.3.0-rc1", "V2.3.0 RC1"},
    {"20.4.19000", NULL},
    {"b1234567", "Build 1234567"},
    {"r7", NULL},
};

static void test_find__near_spellings(void **state)
{
    static const struct {
        const char *asked;
        const char *nearest; /* NULL: none is near */
        bool is_variant, is_label;
    } cases[] = {
        {"v2.1", "2.1", true, false},
        {"Version 2.1.3", "2.1.3", true, false},
        {"2_1_3", "2.1.3", true, false},
        {"2.3.0_RC1", "2.3.0-rc1", true, false},
        {"2.1-A", "2.1", true, true},
        {"20.4.19001", "20.4.19000", false, false},
        {"20.4.1900", "20.4.19000", false, false},
        {"20.4.91000", "20.4.19000", false, false}, /* swapped */
        {"BUILD-1234567", "b1234567", true, true},
        {"7", "r7", true, false},
        {"Rev. 7", "r7", true, false},
        {"2.2", "2.1", false, false},
        {"20.4.29111", NULL, false, false},
        {"3.5", NULL, false, false},
        {"build", NULL, false, false},
        {"", NULL, false, false},
        {"...", NULL, false, false},
        {"99999999999999999999999999999999999999999999999999999999999999999999999999", NULL, false,
         false},
    };
    _hm_free_(hm_release_list_free) struct hm_release_list *list =
        make_list(rows, HM_ARRAY_COUNT(rows));

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_near near[HM_NEAR_MAX];
        size_t count = hm_near_find(list, hm_bytes_str(cases[i].asked), near);

        if ((count > 0) != (cases[i].nearest != NULL))
            fail_msg("'%s': %zu near, %s", cases[i].asked, count,
                     count > 0 ? near[0].row->version : "");
        if (count == 0)
            continue;
        if (strcmp(near[0].row->version, cases[i].nearest) != 0 ||
            near[0].is_variant != cases[i].is_variant || near[0].is_label != cases[i].is_label)
            fail_msg("'%s': '%s'%s%s", cases[i].asked, near[0].row->version,
                     near[0].is_variant ? ", a variant" : "", near[0].is_label ? ", a label" : "");
        for (size_t j = 1; j < count; j++)
            assert_true(near[j - 1].distance <= near[j].distance);
    }
}

static void test_find__what_is_there_is_not_near(void **state)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list =
        make_list(rows, HM_ARRAY_COUNT(rows));

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(rows); i++) {
        struct hm_near near[HM_NEAR_MAX];
        size_t count = hm_near_find(list, hm_bytes_str(rows[i][0]), near);

        for (size_t j = 0; j < count; j++)
            assert_string_not_equal(near[j].row->version, rows[i][0]);
    }
}

static void test_find__no_more_than_help(void **state)
{
    static char texts[40][16];
    const char *many[40][2];
    struct hm_near near[HM_NEAR_MAX];
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    size_t count;

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(many); i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "1.%zu", i);
        many[i][0] = texts[i];
        many[i][1] = NULL;
    }
    list = make_list((const char *const(*)[2])many, HM_ARRAY_COUNT(many));
    count = hm_near_find(list, hm_bytes_str("V 1.7"), near);
    assert_int_equal(count, HM_NEAR_MAX);
    assert_string_equal(near[0].row->version, "1.7"); /* the variant first */
    assert_true(near[0].is_variant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find__near_spellings),
        cmocka_unit_test(test_find__what_is_there_is_not_near),
        cmocka_unit_test(test_find__no_more_than_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
