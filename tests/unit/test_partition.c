/* SPDX-License-Identifier: Apache-2.0 */
/* trust/partition: names of roles by product, and each way to break out of one, beside a control.
 */
#include "unit.h"

#include "base/text.h"
#include "trust/partition.h"
#include "trust_kit.h"

#define LONG_ID      "01234567890123456789012345678901"
#define LONG_PRODUCT "0123456789012345678901234567890123456789012345678901234567890123"

/* ---- names ----------------------------------------------------------------------------------- */

static void test_parse__takes_names_apart(void **state)
{
    static const struct {
        const char *role, *above, *id, *product;
        bool is_maker;
    } cases[] = {
        {"release~acme", "release~acme", "acme", "", false},
        {"maker~acme", "maker~acme", "acme", "", true},
        {"release~acme~nic", "release~acme", "acme", "nic", false},
        {"maker~ac-m_e~a.b+c_d-e", "maker~ac-m_e", "ac-m_e", "a.b+c_d-e", true},
        {"maker~" LONG_ID "~" LONG_PRODUCT, "maker~" LONG_ID, LONG_ID, LONG_PRODUCT, true},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_partition_name name;

        assert_true(hm_partition_parse(hm_bytes_str(cases[i].role), &name));
        assert_int_equal(name.is_maker, cases[i].is_maker);
        assert_true(hm_bytes_is_str(name.above, cases[i].above));
        assert_true(hm_bytes_is_str(name.id, cases[i].id));
        assert_true(hm_bytes_is_str(name.product, cases[i].product));
    }
}

static void test_parse__knows_no_other_name(void **state)
{
    static const char *const roles[] = {
        "",
        "release",
        "release~",
        "release~~nic",
        "release~acme~",
        "release~acme~nic~x",
        "release~acme~Nic",
        "release~acme~-nic",
        "release~acme~nic/1.0",
        "release~Acme~nic",
        "release~recalls~nic",
        "release~vendor",
        "Release~acme",
        "recalls~acme",
        "recalls~acme~nic",
        "targets",
        "maker~a",
        "maker~" LONG_ID "0",
        "maker~acme~" LONG_PRODUCT "0",
    };
    struct hm_partition_name name;

    for (size_t i = 0; i < HM_ARRAY_COUNT(roles); i++) {
        if (hm_partition_parse(hm_bytes_str(roles[i]), &name))
            fail_msg("'%s' was taken", roles[i]);
    }
    assert_false(hm_partition_parse(HM_BYTES_LITERAL("maker~acme~ni\0c"), &name));
}

static void test_role__and_pattern_have_room_for_the_longest(void **state)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX], pattern[HM_PARTITION_PATTERN_SIZE_MAX];

    hm_partition_role(hm_bytes_str("release~" LONG_ID), hm_bytes_str(LONG_PRODUCT), role);
    assert_string_equal(role, "release~" LONG_ID "~" LONG_PRODUCT);
    hm_partition_pattern(hm_bytes_str(LONG_ID), hm_bytes_str(LONG_PRODUCT), pattern);
    assert_string_equal(pattern, LONG_ID "/" LONG_PRODUCT "/*/*");
}

/* ---- the role above -------------------------------------------------------------------------- */

struct fixture {
    struct kit_site site;
    struct hm_targets *above; /* release~acme or maker~acme, divided into nic and switch */
    bool is_maker;
};

static void set_statement(struct hm_targets *role, const char *json)
{
    assert_int_equal(hm_targets_set_x_hallmark(role, hm_bytes_str(json), NULL), HM_OK);
}

static struct hm_targets *new_role(void)
{
    struct hm_targets *role = NULL;

    assert_int_equal(hm_targets_new(NULL, &role), HM_OK);
    role->document.version = 1;
    role->document.expires_unix_s = INT64_C(4102444800);
    return role;
}

/* Adds or replaces. */
static void delegate(struct fixture *f, const char *name, const enum kit_key *keys, size_t count,
                     uint32_t threshold, const char *path, bool terminating)
{
    const struct hm_key *list[KIT_KEY_COUNT_];

    for (size_t i = 0; i < count; i++)
        list[i] = kit_key(keys[i]);
    assert_int_equal(
        hm_targets_delegate(f->above, name, list, count, threshold, &path, 1, terminating, NULL),
        HM_OK);
}

/* As it should be. */
static void delegate_product(struct fixture *f, const char *name, const char *path)
{
    static const enum kit_key acme[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key release[] = {KIT_RELEASE};

    delegate(f, name, f->is_maker ? acme : release, f->is_maker ? 2 : 1, f->is_maker ? 2 : 1, path,
             true);
}

static void set_up(struct fixture *f, bool is_maker)
{
    *f = (struct fixture){.is_maker = is_maker};
    kit_site_init(&f->site);
    assert_int_equal(kit_layout(&f->site, NULL), HM_OK);
    f->above = new_role();
    delegate_product(f, is_maker ? "maker~acme~nic" : "release~acme~nic", "acme/nic/*/*");
    delegate_product(f, is_maker ? "maker~acme~switch" : "release~acme~switch", "acme/switch/*/*");
}

static void tear_down(struct fixture *f)
{
    hm_targets_free(f->above);
    kit_site_done(&f->site);
}

static enum hm_rc check(const struct fixture *f, const char *needle)
{
    const char *name = f->is_maker ? "maker~acme" : "release~acme";
    const struct hm_delegations *in =
        f->is_maker ? &f->site.layout->delegations : &f->site.targets->delegations;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc =
        hm_partition_check(hm_targets_find_role(in, hm_bytes_str(name)), f->above, &err);

    assert_int_equal(err.rc, rc);
    if (needle != NULL && strstr(err.text, needle) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, needle);
    return rc;
}

static void test_check__takes_flat_and_divided_roles(void **state)
{
    for (int side = 0; side < 2; side++) {
        struct fixture f;

        set_up(&f, side == 1);
        assert_int_equal(check(&f, NULL), HM_OK);
        /* A product that is not delegated is listed here; a longer name is another product. */
        kit_put(f.above, "acme/nic2/1.0/boot.rom", 1, 'a', NULL);
        kit_put(f.above, "acme/ni/1.0/boot.rom", 1, 'a', NULL);
        assert_int_equal(check(&f, NULL), HM_OK);
        hm_targets_free(f.above);
        f.above = new_role();
        kit_put(f.above, "acme/nic/1.0/boot.rom", 1, 'a', NULL);
        assert_int_equal(check(&f, NULL), HM_OK);
        tear_down(&f);
    }
}

static void test_check__refuses_roles_of_no_product_of_its_own(void **state)
{
    static const char *const names[] = {
        "maker~acme~nic3", "release~bolt~nic3",   "release~acme",
        "release~acme~",   "release~acme~N",      "nic3",
        "recalls~acme",    "release~acme~nic3~x", "release~acmee~n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        struct fixture f;

        set_up(&f, false);
        delegate_product(&f, names[i], "acme/nic3/*/*");
        assert_int_equal(check(&f, "no role of one of its products"), HM_EREFUSED);
        tear_down(&f);
    }
}

static void test_check__refuses_another_pattern(void **state)
{
    static const char *const patterns[] = {
        "acme/*/*/*",     "acme/switch/*/*", "acme/nic3/*",     "*",
        "acme/nic3/*/*/", "acme/nic3/*/*?",  "bolt/nic3/*/*",   "acme/nic*/*/*",
        "acme/nic3/1/*",  "Acme/nic3/*/*",   "acme/nic[3]/*/*",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(patterns); i++) {
        struct fixture f;

        set_up(&f, false);
        delegate_product(&f, "release~acme~nic3", patterns[i]);
        assert_int_equal(check(&f, "must speak for exactly 'acme/nic3/*/*'"), HM_EREFUSED);
        delegate_product(&f, "release~acme~nic3", "acme/nic3/*/*");
        assert_int_equal(check(&f, NULL), HM_OK);
        tear_down(&f);
    }
}

static void test_check__refuses_two_patterns_and_hash_prefixes(void **state)
{
    struct hm_bytes prefix = HM_BYTES_LITERAL("0");
    struct hm_bytes twice[2];
    struct hm_delegated_role *role;
    struct fixture f;

    set_up(&f, true);
    role = &f.above->delegations.roles[0];
    twice[0] = role->paths[0];
    twice[1] = role->paths[0];
    role->paths = twice;
    role->path_count = 2;
    assert_int_equal(check(&f, "exactly"), HM_EREFUSED);
    role->path_count = 1;
    assert_int_equal(check(&f, NULL), HM_OK);
    role->hash_prefixes = &prefix;
    role->hash_prefix_count = 1;
    assert_int_equal(check(&f, "exactly"), HM_EREFUSED);
    role->path_count = 0;
    assert_int_equal(check(&f, "exactly"), HM_EREFUSED);
    tear_down(&f);
}

static void test_check__refuses_what_does_not_terminate(void **state)
{
    static const enum kit_key release[] = {KIT_RELEASE};
    struct fixture f;

    set_up(&f, false);
    delegate(&f, "release~acme~nic", release, 1, 1, "acme/nic/*/*", false);
    assert_int_equal(check(&f, "not terminating"), HM_EREFUSED);
    delegate(&f, "release~acme~nic", release, 1, 1, "acme/nic/*/*", true);
    assert_int_equal(check(&f, NULL), HM_OK);
    tear_down(&f);
}

static void test_check__refuses_other_keys_and_thresholds(void **state)
{
    static const struct {
        enum kit_key keys[3];
        size_t count;
        uint32_t threshold;
        enum hm_rc rc;
    } cases[] = {
        {{KIT_ACME1, KIT_ACME2}, 2, 2, HM_OK},
        {{KIT_ACME2, KIT_ACME1}, 2, 2, HM_OK},
        {{KIT_ACME1, KIT_ACME2}, 2, 1, HM_EREFUSED},
        {{KIT_ACME1}, 1, 1, HM_EREFUSED},
        {{KIT_EVIL}, 1, 1, HM_EREFUSED},
        {{KIT_ACME1, KIT_ACME3}, 2, 2, HM_EREFUSED},
        {{KIT_ACME1, KIT_ACME2, KIT_EVIL}, 3, 2, HM_EREFUSED},
        {{KIT_RELEASE}, 1, 1, HM_EREFUSED},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        /* The first, one in the middle, and the last: good ones around it vouch for nothing. */
        for (int place = 0; place < 3; place++) {
            static const char *const names[] = {"maker~acme~nic", "maker~acme~switch",
                                                "maker~acme~tape"};
            static const char *const paths[] = {"acme/nic/*/*", "acme/switch/*/*", "acme/tape/*/*"};
            struct fixture f;

            set_up(&f, true);
            delegate_product(&f, names[2], paths[2]);
            delegate(&f, names[place], cases[i].keys, cases[i].count, cases[i].threshold,
                     paths[place], true);
            assert_int_equal(check(&f, cases[i].rc == HM_OK ? NULL : "other keys"), cases[i].rc);
            tear_down(&f);
        }
    }
}

static void test_check__refuses_a_listed_path_of_a_delegated_product(void **state)
{
    struct fixture f;

    set_up(&f, false);
    kit_put(f.above, "acme/router/1.0/boot.rom", 1, 'a', NULL);
    assert_int_equal(check(&f, NULL), HM_OK);
    kit_put(f.above, "acme/switch/1.0/boot.rom", 1, 'a', NULL);
    assert_int_equal(check(&f, "'acme/switch/1.0/boot.rom'"), HM_EREFUSED);
    tear_down(&f);
}

static void test_check__refuses_hash_bins(void **state)
{
    struct fixture f;

    set_up(&f, false);
    f.above->delegations.succinct_bits = 3;
    assert_int_equal(check(&f, "hash bins"), HM_EREFUSED);
    f.above->delegations.role_count = 0;
    assert_int_equal(check(&f, "hash bins"), HM_EREFUSED);
    tear_down(&f);
}

static void test_check__is_for_roles_of_makers_alone(void **state)
{
    struct fixture f;
    struct hm_delegated_role product;

    set_up(&f, false);
    assert_int_equal(hm_partition_check(hm_targets_find_role(&f.site.targets->delegations,
                                                             hm_bytes_str("recalls~vendor")),
                                        f.above, NULL),
                     HM_EREFUSED);
    product = f.above->delegations.roles[0];
    assert_int_equal(hm_partition_check(&product, f.site.release, NULL), HM_EREFUSED);
    tear_down(&f);
}

/* ---- a product's role ------------------------------------------------------------------------ */

#define NIC "{\"product\":\"nic\",\"site\":\"globex\"}"

static enum hm_rc check_product(const char *role, const struct hm_targets *targets)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_partition_check_product(hm_bytes_str(role), targets, &err);

    assert_int_equal(err.rc, rc);
    if (rc != HM_OK)
        assert_non_null(strstr(err.text, role));
    return rc;
}

static void test_check_product__holds_it_to_its_paths(void **state)
{
    static const struct {
        const char *path;
        enum hm_rc rc;
    } cases[] = {
        {"acme/nic/1.0/Other.rom", HM_OK},
        {"acme/switch/1.0/boot.rom", HM_EREFUSED},
        {"acme/nic2/1.0/boot.rom", HM_EREFUSED},
        {"bolt/nic/1.0/boot.rom", HM_EREFUSED},
        {"acme/nic/1.0", HM_EFORMAT},
        {"acme/nic/1.0/a/b", HM_EFORMAT},
        {"acme/nic/../boot.rom", HM_EFORMAT},
        {"recalls/nic/1.0/boot.rom", HM_EFORMAT},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_targets *role = new_role();

        set_statement(role, NIC);
        kit_put(role, "acme/nic/1.0/boot.rom", 1, 'a', NULL);
        assert_int_equal(check_product("maker~acme~nic", role), HM_OK);
        kit_put(role, cases[i].path, 1, 'a', NULL);
        assert_int_equal(check_product("maker~acme~nic", role), cases[i].rc);
        hm_targets_free(role);
    }
}

static void test_check_product__refuses_delegations(void **state)
{
    const struct hm_key *key = kit_key(KIT_RELEASE);
    const char *path = "acme/nic/*/*";
    struct hm_targets *role = new_role();

    set_statement(role, NIC);
    assert_int_equal(check_product("release~acme~nic", role), HM_OK);
    role->delegations.succinct_bits = 1;
    assert_int_equal(check_product("release~acme~nic", role), HM_EREFUSED);
    role->delegations.succinct_bits = 0;
    assert_int_equal(
        hm_targets_delegate(role, "release~acme~nic~x", &key, 1, 1, &path, 1, true, NULL), HM_OK);
    assert_int_equal(check_product("release~acme~nic", role), HM_EREFUSED);
    hm_targets_free(role);
}

static void test_check_product__is_for_products_alone(void **state)
{
    struct hm_targets *role = new_role();

    set_statement(role, NIC);
    assert_int_equal(check_product("release~acme", role), HM_EREFUSED);
    assert_int_equal(check_product("recalls~acme~nic", role), HM_EREFUSED);
    hm_targets_free(role);
}

/* The same keys sign all roles of a side: what one says it is of is all that tells them apart. */
static const struct {
    const char *json;
    enum hm_rc above, nic;
} statements[] = {
    {NIC, HM_EREFUSED, HM_OK},
    {"{\"site\":\"globex\"}", HM_OK, HM_EREFUSED},
    {"{\"product\":\"switch\"}", HM_EREFUSED, HM_EREFUSED},
    {"{\"product\":\"nicx\"}", HM_EREFUSED, HM_EREFUSED},
    {"{\"product\":\"\"}", HM_EFORMAT, HM_EFORMAT},
    {"{\"product\":\"Nic\"}", HM_EFORMAT, HM_EFORMAT},
    {"{\"product\":null}", HM_EFORMAT, HM_EFORMAT},
};

static void test_check__keeps_one_role_from_being_another(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(statements); i++) {
        struct hm_targets *role = new_role();

        set_statement(role, statements[i].json);
        assert_int_equal(check_product("release~acme~nic", role), statements[i].nic);
        assert_int_equal(check_product("maker~acme~nic", role), statements[i].nic);
        hm_targets_free(role);
        for (int side = 0; side < 2; side++) {
            struct fixture f;

            set_up(&f, side == 1);
            set_statement(f.above, statements[i].json);
            assert_int_equal(check(&f, NULL), statements[i].above);
            tear_down(&f);
        }
    }
}

static void test_statement__is_that_of_the_role_above_and_the_product(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(4096);
    struct hm_bytes nic = HM_BYTES_LITERAL("nic");
    struct hm_targets *role = new_role();

    assert_int_equal(hm_partition_statement(role, nic, NULL, &json), HM_EFORMAT);
    hm_buf_clear(&json);
    set_statement(role, "{\"product\":\"switch\",\"site\":\"globex\",\"x\":{\"y\":[1]}}");
    assert_int_equal(hm_partition_statement(role, nic, NULL, &json), HM_OK);
    assert_string_equal(hm_buf_str(&json),
                        "{\"site\":\"globex\",\"x\":{\"y\":[1]},\"product\":\"nic\"}");
    set_statement(role, hm_buf_str(&json));
    assert_int_equal(check_product("release~acme~nic", role), HM_OK);
    hm_targets_free(role);
}

static void test_find__gives_the_delegation_or_nothing(void **state)
{
    struct hm_bytes name = HM_BYTES_LITERAL("release~acme");
    const struct hm_delegated_role *role;
    struct fixture f;

    set_up(&f, false);
    role = hm_partition_find(name, f.above, HM_BYTES_LITERAL("switch"));
    assert_non_null(role);
    assert_true(hm_bytes_is_str(role->name, "release~acme~switch"));
    assert_null(hm_partition_find(name, f.above, HM_BYTES_LITERAL("swit")));
    assert_null(hm_partition_find(name, f.above, HM_BYTES_EMPTY));
    assert_null(hm_partition_find(name, f.site.release, HM_BYTES_LITERAL("nic")));
    tear_down(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__takes_names_apart),
        cmocka_unit_test(test_parse__knows_no_other_name),
        cmocka_unit_test(test_role__and_pattern_have_room_for_the_longest),
        cmocka_unit_test(test_check__takes_flat_and_divided_roles),
        cmocka_unit_test(test_check__refuses_roles_of_no_product_of_its_own),
        cmocka_unit_test(test_check__refuses_another_pattern),
        cmocka_unit_test(test_check__refuses_two_patterns_and_hash_prefixes),
        cmocka_unit_test(test_check__refuses_what_does_not_terminate),
        cmocka_unit_test(test_check__refuses_other_keys_and_thresholds),
        cmocka_unit_test(test_check__refuses_a_listed_path_of_a_delegated_product),
        cmocka_unit_test(test_check__refuses_hash_bins),
        cmocka_unit_test(test_check__is_for_roles_of_makers_alone),
        cmocka_unit_test(test_check_product__holds_it_to_its_paths),
        cmocka_unit_test(test_check_product__refuses_delegations),
        cmocka_unit_test(test_check_product__is_for_products_alone),
        cmocka_unit_test(test_check__keeps_one_role_from_being_another),
        cmocka_unit_test(test_statement__is_that_of_the_role_above_and_the_product),
        cmocka_unit_test(test_find__gives_the_delegation_or_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
