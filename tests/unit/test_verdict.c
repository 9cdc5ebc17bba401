/* SPDX-License-Identifier: Apache-2.0 */
/* trust/verdict: each rule refuses what it is for, beside a control that passes. */
#include "unit.h"

#include "trust_kit.h"

#define PATH "acme/nic/1.0/boot.rom"

struct fixture {
    struct kit_site site;
    const struct hm_layout_maker *acme;
    const struct hm_layout_maker *bolt;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    kit_site_init(&f->site);
    assert_int_equal(kit_layout(&f->site, NULL), HM_OK);
    f->acme = hm_layout_find(f->site.layout, hm_bytes_str("acme"));
    f->bolt = hm_layout_find(f->site.layout, hm_bytes_str("bolt"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kit_site_done(&f->site);
    free(f);
    return 0;
}

/* ---- makers ---------------------------------------------------------------------------------- */

static enum hm_rc judge(const struct fixture *f, const struct hm_layout_maker *maker,
                        const struct hm_identity *identity, const struct hm_memory *memory,
                        enum hm_grade floor, enum hm_grade *ret_grade)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    *ret_grade = HM_GRADE_NONE;
    rc = hm_verdict_maker(f->site.layout, maker, identity, memory, floor, &err, ret_grade);
    assert_int_equal(err.rc, rc);
    assert_true((*ret_grade == HM_GRADE_NONE) == (rc != HM_OK));
    if (rc != HM_OK)
        assert_non_null(strstr(err.text, maker->id));
    return rc;
}

static void test_maker__gives_the_grade(void **state)
{
    const struct fixture *f = *state;
    struct hm_memory memory = {0};
    enum hm_grade grade;

    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_OK);
    assert_int_equal(grade, HM_GRADE_INTRODUCED);
    memory.is_pinned = true;
    memory.first = f->site.identity->first;
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_OK);
    assert_int_equal(grade, HM_GRADE_PINNED);
    memory = (struct hm_memory){0};
    assert_int_equal(judge(f, f->bolt, NULL, &memory, HM_GRADE_ATTESTED, &grade), HM_OK);
    assert_int_equal(grade, HM_GRADE_ATTESTED);
}

static void test_maker__holds_the_floor(void **state)
{
    const struct fixture *f = *state;
    struct hm_memory memory = {0};
    enum hm_grade grade;

    assert_int_equal(judge(f, f->bolt, NULL, &memory, HM_GRADE_INTRODUCED, &grade), HM_EREFUSED);
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_INTRODUCED, &grade),
                     HM_OK);
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_PINNED, &grade),
                     HM_EREFUSED);
}

static void test_maker__refuses_a_fallen_grade(void **state)
{
    const struct fixture *f = *state;
    struct hm_memory memory = {.is_known = true, .was_maker = true, .identity_version = 1};
    enum hm_grade grade;

    assert_int_equal(judge(f, f->bolt, NULL, &memory, HM_GRADE_ATTESTED, &grade), HM_EREFUSED);
    memory = (struct hm_memory){.is_pinned = true};
    assert_int_equal(judge(f, f->bolt, NULL, &memory, HM_GRADE_ATTESTED, &grade), HM_EREFUSED);
    /* seen before, as attested: the control */
    memory = (struct hm_memory){.is_known = true};
    assert_int_equal(judge(f, f->bolt, NULL, &memory, HM_GRADE_ATTESTED, &grade), HM_OK);
    /* attested may become maker */
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_OK);
}

static void test_maker__refuses_another_first_identity(void **state)
{
    const struct fixture *f = *state;
    struct hm_memory memory = {.is_pinned = true, .first = f->site.identity->first};
    enum hm_grade grade;

    memory.first.bytes[31] ^= 1;
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_EREFUSED);
    memory.is_pinned = false;
    memory.is_known = memory.was_maker = true;
    memory.identity_version = 1;
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_EREFUSED);
    /* told before anything is fetched */
    assert_int_equal(judge(f, f->acme, NULL, &memory, HM_GRADE_ATTESTED, &grade), HM_EREFUSED);
    memory.first.bytes[31] ^= 1;
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_OK);
}

static void test_maker__refuses_an_older_identity(void **state)
{
    const struct fixture *f = *state;
    struct hm_memory memory = {.is_known = true,
                               .was_maker = true,
                               .first = f->site.identity->first,
                               .identity_version = 3};
    enum hm_grade grade;

    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_EROLLBACK);
    memory.identity_version = 2;
    assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                     HM_OK);
}

static void test_maker__cannot_tell_without_identity(void **state)
{
    const struct fixture *f = *state;
    struct hm_memory memory = {0};
    enum hm_grade grade;

    assert_int_equal(judge(f, f->acme, NULL, &memory, HM_GRADE_ATTESTED, &grade), HM_EAGAIN);
}

static void test_maker__refuses_an_identity_that_is_not_the_one_named(void **state)
{
    struct fixture *f = *state;
    struct hm_identity *identity = f->site.identity;
    struct hm_memory memory = {0};
    enum hm_grade grade;

    identity->sha256.bytes[0] ^= 1;
    assert_int_equal(judge(f, f->acme, identity, &memory, HM_GRADE_ATTESTED, &grade), HM_EMISMATCH);
    identity->sha256.bytes[0] ^= 1;
    identity->version++;
    assert_int_equal(judge(f, f->acme, identity, &memory, HM_GRADE_ATTESTED, &grade), HM_EMISMATCH);
    identity->version--;
    identity->length++;
    assert_int_equal(judge(f, f->acme, identity, &memory, HM_GRADE_ATTESTED, &grade), HM_EMISMATCH);
    identity->length--;
    identity->first.bytes[0] ^= 1;
    assert_int_equal(judge(f, f->acme, identity, &memory, HM_GRADE_ATTESTED, &grade), HM_EMISMATCH);
    identity->first.bytes[0] ^= 1;
    identity->maker = "acne";
    assert_int_equal(judge(f, f->acme, identity, &memory, HM_GRADE_ATTESTED, &grade), HM_EMISMATCH);
    identity->maker = "acme";
    assert_int_equal(judge(f, f->acme, identity, &memory, HM_GRADE_ATTESTED, &grade), HM_OK);
}

static void delegate_maker(struct fixture *f, const enum kit_key *keys, size_t count,
                           uint32_t threshold)
{
    const struct hm_key *list[KIT_KEY_COUNT_];
    const char *path = "acme/*/*/*";

    for (size_t i = 0; i < count; i++)
        list[i] = kit_key(keys[i]);
    assert_int_equal(hm_targets_delegate(f->site.makers, "maker~acme", list, count, threshold,
                                         &path, 1, true, NULL),
                     HM_OK);
    assert_int_equal(kit_layout(&f->site, NULL), HM_OK);
    f->acme = hm_layout_find(f->site.layout, hm_bytes_str("acme"));
}

static void test_maker__cannot_tell_while_keys_are_not_the_identitys(void **state)
{
    static const enum kit_key mine[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key other[] = {KIT_ACME1, KIT_EVIL};
    static const enum kit_key more[] = {KIT_ACME1, KIT_ACME2, KIT_EVIL};
    struct fixture *f = *state;
    struct hm_memory memory = {0};
    enum hm_grade grade;
    static const struct {
        const enum kit_key *keys;
        size_t count;
        uint32_t threshold;
        enum hm_rc rc;
    } cases[] = {{other, 2, 2, HM_EAGAIN},
                 {more, 3, 2, HM_EAGAIN},
                 {mine, 1, 1, HM_EAGAIN},
                 {mine, 2, 1, HM_EAGAIN},
                 {mine, 2, 2, HM_OK}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        delegate_maker(f, cases[i].keys, cases[i].count, cases[i].threshold);
        assert_int_equal(judge(f, f->acme, f->site.identity, &memory, HM_GRADE_ATTESTED, &grade),
                         cases[i].rc);
    }
}

static void test_names__are_all_proper_and_the_makers(void **state)
{
    static const struct {
        const char *path;
        enum hm_rc rc;
    } cases[] = {{"acme/nic/3.0/boot.rom", HM_OK},
                 {"acme/nic/3.0/../../../etc/passwd", HM_EFORMAT},
                 {"/etc/passwd", HM_EFORMAT},
                 {"acme/nic/boot.rom", HM_EFORMAT},
                 {"bolt/nic/3.0/boot.rom", HM_EREFUSED}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct kit_site site;
        struct hm_err err = HM_ERR_INIT;
        const struct fixture *f = *state;

        kit_site_init(&site);
        kit_put(site.release, cases[i].path, 1, 'z', NULL);
        assert_int_equal(hm_verdict_names(f->acme, "release~acme", site.release, &err),
                         cases[i].rc);
        if (cases[i].rc != HM_OK)
            assert_non_null(strstr(err.text, cases[i].path));
        kit_site_done(&site);
    }
}

/* ---- paths ----------------------------------------------------------------------------------- */

static enum hm_rc judge_path(const struct fixture *f, const char *path, const char *words)
{
    struct hm_release_file file = {.grade = HM_GRADE_NONE};
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_verdict_path(f->site.layout, f->acme, HM_GRADE_INTRODUCED, f->site.release,
                                    f->site.maker_role, hm_bytes_str(path), &err, &file);

    assert_int_equal(err.rc, rc);
    assert_true((file.grade == HM_GRADE_NONE) == (rc != HM_OK));
    if (rc != HM_OK && (strstr(err.text, path) == NULL || strstr(err.text, words) == NULL))
        fail_msg("'%s' lacks '%s'", err.text, words);
    return rc;
}

static void test_path__both_signed(void **state)
{
    const struct fixture *f = *state;
    const struct hm_target *target = hm_targets_find(f->site.release, hm_bytes_str(PATH));
    struct hm_release_file file;

    assert_int_equal(hm_verdict_path(f->site.layout, f->acme, HM_GRADE_PINNED, f->site.release,
                                     f->site.maker_role, hm_bytes_str(PATH), NULL, &file),
                     HM_OK);
    assert_true(hm_bytes_is_str(file.path.whole, PATH));
    assert_true(hm_bytes_is_str(file.path.file, "boot.rom"));
    assert_ptr_equal(file.path.whole.data, target->path.data);
    assert_int_equal(file.length, 100);
    assert_true(hm_digest_is_equal(&file.sha256, &target->facts.sha256));
    assert_int_equal(file.grade, HM_GRADE_PINNED);
    assert_true(hm_bytes_is_str(file.custom, "{\"title\":\"Boot\"}"));
}

static void test_path__not_released(void **state)
{
    const struct fixture *f = *state;

    assert_int_equal(judge_path(f, "acme/nic/9.0/boot.rom", "released no such file"), HM_EUNKNOWN);
    assert_int_equal(judge_path(f, "acme/nic/1.0/Boot.rom", "released no such file"), HM_EUNKNOWN);
}

static void test_path__only_the_vendor_signed(void **state)
{
    const struct fixture *f = *state;

    kit_put(f->site.release, "acme/nic/6.6/boot.rom", 1, 'x', NULL);
    assert_int_equal(judge_path(f, "acme/nic/6.6/boot.rom", "maker~acme"), HM_EREFUSED);
}

static void test_path__only_the_maker_signed(void **state)
{
    const struct fixture *f = *state;

    kit_put(f->site.maker_role, "acme/nic/6.6/boot.rom", 1, 'x', NULL);
    assert_int_equal(judge_path(f, "acme/nic/6.6/boot.rom", "release~acme"), HM_EREFUSED);
    kit_put(f->site.release, "acme/nic/6.6/boot.rom", 1, 'x', NULL);
    assert_int_equal(judge_path(f, "acme/nic/6.6/boot.rom", ""), HM_OK);
}

static void test_path__they_signed_different_things(void **state)
{
    const struct fixture *f = *state;

    kit_put(f->site.release, PATH, 100, 'x', "{\"title\":\"Boot\"}");
    assert_int_equal(judge_path(f, PATH, "maker~acme"), HM_EREFUSED);
    kit_put(f->site.release, PATH, 101, 'a', "{\"title\":\"Boot\"}");
    assert_int_equal(judge_path(f, PATH, "maker~acme"), HM_EREFUSED);
    kit_put(f->site.release, PATH, 100, 'a', "{\"title\":\"Boot\"}");
    assert_int_equal(judge_path(f, PATH, ""), HM_OK);
}

static void test_path__custom_is_compared(void **state)
{
    static const struct {
        const char *release, *maker;
        enum hm_rc rc;
    } cases[] = {
        {"{\"title\":\"A\"}", "{\"title\":\"A\"}", HM_OK},
        {"{\"title\":\"A\"}", "{\"title\":\"B\"}", HM_EREFUSED},
        {"{\"title\":\"A\"}", NULL, HM_EREFUSED},
        {NULL, "{\"title\":\"A\"}", HM_EREFUSED},
        {NULL, NULL, HM_OK},
        {"{}", NULL, HM_OK},
        {"{\"title\":\"A\",\"x\":1}", "{\"title\":\"A\"}", HM_EREFUSED},
        {"{\"title\":\"A\"}", "{\"title\":\"A\",\"x\":1}", HM_EREFUSED},
        /* the vendor's own member */
        {"{\"title\":\"A\",\"vendor\":{\"x\":1}}", "{\"title\":\"A\"}", HM_OK},
        {"{\"vendor\":{\"x\":1}}", NULL, HM_OK},
        {"{\"vendor\":{\"x\":1}}", "{\"title\":\"A\"}", HM_EREFUSED},
        {"{\"title\":\"A\",\"vendor\":{}}", "{\"title\":\"A\",\"vendor\":{}}", HM_EREFUSED},
        {"{\"title\":\"A\"}", "{\"title\":\"A\",\"vendor\":{}}", HM_EREFUSED},
        {"{\"title\":\"A\",\"\\u0076endor\":{}}", "{\"title\":\"A\",\"\\u0076endor\":{}}",
         HM_EREFUSED},
        /* spelling does not matter, nesting is not the vendor's */
        {"{ \"b\" : 1, \"a\" : 2 }", "{\"a\":2,\"b\":1}", HM_OK},
        {"{\"a\":{\"vendor\":1}}", "{\"a\":{\"vendor\":1}}", HM_OK},
        {"{\"a\":{\"vendor\":1}}", "{\"a\":{}}", HM_EREFUSED},
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        enum hm_rc rc;

        kit_put(f->site.release, PATH, 100, 'a', cases[i].release);
        kit_put(f->site.maker_role, PATH, 100, 'a', cases[i].maker);
        rc = judge_path(f, PATH, "custom");
        if (rc != cases[i].rc)
            fail_msg("case %zu: %s", i, hm_error_name(rc));
    }
}

static void test_path__custom_has_a_limit(void **state)
{
    const struct fixture *f = *state;
    char custom[HM_LAYOUT_CUSTOM_SIZE_MAX + 32];
    int size = HM_LAYOUT_CUSTOM_SIZE_MAX - (int)strlen("{\"a\":\"\"}");

    (void)snprintf(custom, sizeof(custom), "{\"a\":\"%0*d\"}", size, 0);
    assert_int_equal(strlen(custom), HM_LAYOUT_CUSTOM_SIZE_MAX);
    kit_put(f->site.release, PATH, 100, 'a', custom);
    kit_put(f->site.maker_role, PATH, 100, 'a', custom);
    assert_int_equal(judge_path(f, PATH, ""), HM_OK);
    (void)snprintf(custom, sizeof(custom), "{\"a\":\"%0*d\"}", size + 1, 0);
    kit_put(f->site.release, PATH, 100, 'a', custom);
    kit_put(f->site.maker_role, PATH, 100, 'a', custom);
    assert_int_equal(judge_path(f, PATH, "custom"), HM_EREFUSED);
}

static void test_path__is_for_this_site_maker_and_identity(void **state)
{
    const struct fixture *f = *state;
    struct hm_identity other = {.version = 2};

    kit_x_hallmark(f->site.release, "{\"site\":\"initech\"}");
    assert_int_equal(judge_path(f, PATH, "initech"), HM_EREFUSED);
    kit_x_hallmark(f->site.release, "{}");
    assert_int_equal(judge_path(f, PATH, "site"), HM_EREFUSED);
    kit_x_hallmark(f->site.release, "");
    assert_int_equal(judge_path(f, PATH, "site"), HM_EREFUSED);
    kit_x_hallmark(f->site.release, "{\"site\":\"globex\"}");
    assert_int_equal(judge_path(f, PATH, ""), HM_OK);

    kit_maker_statement(f->site.maker_role, "initech", "acme", f->site.identity);
    assert_int_equal(judge_path(f, PATH, "initech"), HM_EREFUSED);
    kit_maker_statement(f->site.maker_role, "globex", "bolt", f->site.identity);
    assert_int_equal(judge_path(f, PATH, "bolt"), HM_EREFUSED);
    kit_maker_statement(f->site.maker_role, "globex", "acme", &other);
    assert_int_equal(judge_path(f, PATH, "identity 2"), HM_EREFUSED);
    other.sha256 = f->site.identity->sha256;
    other.version = 1;
    kit_maker_statement(f->site.maker_role, "globex", "acme", &other);
    assert_int_equal(judge_path(f, PATH, "identity 2"), HM_EREFUSED);
    kit_x_hallmark(f->site.maker_role, "{\"maker\":\"acme\",\"site\":\"globex\"}");
    assert_int_equal(judge_path(f, PATH, "identity 2"), HM_EREFUSED);
    kit_maker_statement(f->site.maker_role, "globex", "acme", f->site.identity);
    assert_int_equal(judge_path(f, PATH, ""), HM_OK);
}

static void test_names__do_not_differ_in_case_only(void **state)
{
    const struct fixture *f = *state;
    struct hm_err err = HM_ERR_INIT;

    kit_put(f->site.release, "acme/nic/3.0/Boot.rom", 1, 'x', NULL); /* in another release */
    kit_put(f->site.release, "acme/nic/1.0/boot.rom2", 1, 'x', NULL);
    assert_int_equal(hm_verdict_names(f->acme, "release~acme", f->site.release, NULL), HM_OK);
    kit_put(f->site.release, "acme/nic/1.0/Boot.rom", 1, 'x', NULL);
    assert_int_equal(hm_verdict_names(f->acme, "release~acme", f->site.release, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, PATH));
    assert_non_null(strstr(err.text, "acme/nic/1.0/Boot.rom"));
}

static void test_path__is_of_this_maker(void **state)
{
    const struct fixture *f = *state;

    kit_put(f->site.release, "bolt/nic/1.0/boot.rom", 1, 'x', NULL);
    kit_put(f->site.maker_role, "bolt/nic/1.0/boot.rom", 1, 'x', NULL);
    assert_int_equal(judge_path(f, "bolt/nic/1.0/boot.rom", "acme"), HM_EREFUSED);
    assert_int_equal(judge_path(f, "../nic/1.0/boot.rom", ""), HM_EFORMAT);
}

static void test_path__attested_needs_the_vendor_alone(void **state)
{
    const struct fixture *f = *state;
    struct hm_release_file file = {0};

    kit_put(f->site.release, "bolt/ssd/1.0/fw.bin", 7, 'x', NULL);
    assert_int_equal(hm_verdict_path(f->site.layout, f->bolt, HM_GRADE_ATTESTED, f->site.release,
                                     NULL, hm_bytes_str("bolt/ssd/1.0/fw.bin"), NULL, &file),
                     HM_OK);
    assert_int_equal(file.grade, HM_GRADE_ATTESTED);
    assert_int_equal(hm_verdict_path(f->site.layout, f->bolt, HM_GRADE_ATTESTED, f->site.release,
                                     NULL, hm_bytes_str("bolt/ssd/2.0/fw.bin"), NULL, &file),
                     HM_EUNKNOWN);
}

static void test_path__grade_and_roles_must_fit(void **state)
{
    const struct fixture *f = *state;
    struct hm_release_file file = {0};
    const struct {
        const struct hm_layout_maker *maker;
        enum hm_grade grade;
        const struct hm_targets *maker_role;
        const char *path;
    } cases[] = {
        {f->acme, HM_GRADE_ATTESTED, NULL, PATH},
        {f->acme, HM_GRADE_ATTESTED, f->site.maker_role, PATH},
        {f->acme, HM_GRADE_INTRODUCED, NULL, PATH},
        {f->acme, HM_GRADE_NONE, f->site.maker_role, PATH},
        {f->bolt, HM_GRADE_INTRODUCED, NULL, "bolt/ssd/1.0/fw.bin"},
        {f->bolt, HM_GRADE_PINNED, f->site.maker_role, "bolt/ssd/1.0/fw.bin"},
    };

    kit_put(f->site.release, "bolt/ssd/1.0/fw.bin", 7, 'x', NULL);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++)
        assert_int_equal(hm_verdict_path(f->site.layout, cases[i].maker, cases[i].grade,
                                         f->site.release, cases[i].maker_role,
                                         hm_bytes_str(cases[i].path), NULL, &file),
                         HM_EINTERNAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_maker__gives_the_grade),
        TEST(test_maker__holds_the_floor),
        TEST(test_maker__refuses_a_fallen_grade),
        TEST(test_maker__refuses_another_first_identity),
        TEST(test_maker__refuses_an_older_identity),
        TEST(test_maker__cannot_tell_without_identity),
        TEST(test_maker__refuses_an_identity_that_is_not_the_one_named),
        TEST(test_maker__cannot_tell_while_keys_are_not_the_identitys),
        TEST(test_names__are_all_proper_and_the_makers),
        TEST(test_path__both_signed),
        TEST(test_path__not_released),
        TEST(test_path__only_the_vendor_signed),
        TEST(test_path__only_the_maker_signed),
        TEST(test_path__they_signed_different_things),
        TEST(test_path__custom_is_compared),
        TEST(test_path__custom_has_a_limit),
        TEST(test_path__is_for_this_site_maker_and_identity),
        TEST(test_names__do_not_differ_in_case_only),
        TEST(test_path__is_of_this_maker),
        TEST(test_path__attested_needs_the_vendor_alone),
        TEST(test_path__grade_and_roles_must_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
