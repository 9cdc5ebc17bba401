/* SPDX-License-Identifier: Apache-2.0 */
/* trust/layout: names, and each rule on who may speak for what, beside a control that passes. */
#include "unit.h"

#include "trust_kit.h"

static void test_parse_path__gives_the_parts(void **state)
{
    struct hm_path path;

    assert_int_equal(
        hm_layout_parse_path(hm_bytes_str("acme/e1000/1.21.1/Boot-v2.ROM"), NULL, &path), HM_OK);
    assert_true(hm_bytes_is_str(path.id, "acme"));
    assert_true(hm_bytes_is_str(path.product, "e1000"));
    assert_true(hm_bytes_is_str(path.version, "1.21.1"));
    assert_true(hm_bytes_is_str(path.file, "Boot-v2.ROM"));
}

static void test_parse_path__refuses_every_other_form(void **state)
{
    static const char *const bad[] = {
        "",
        "acme",
        "acme/nic/1.0",
        "acme/nic/1.0/",
        "acme/nic/1.0/a/b",
        "/acme/nic/1.0/a",
        "acme//1.0/a",
        "acme/nic//a",
        "acme/nic/1.0/..",
        "acme/nic/1.0/.",
        "acme/nic/1.0/.hidden",
        "acme/../1.0/a",
        "../nic/1.0/a",
        "ACME/nic/1.0/a",
        "acme/NIC/1.0/a",
        "acme/nic/V1/a",
        "acme/nic/1.0/a b",
        "acme/nic/1.0/a\n",
        "acme/nic/1.0/a*",
        "acme/nic/1.0/\xc3\xa9",
        "a/nic/1.0/a",
        "vendor/nic/1.0/a",
        "recalls/nic/1.0/a",
        "acme/nic/1.0/a\\b",
        ("acme/nic/1.0/"
         "0123456789012345678901234567890123456789012345678901234567890123x"),
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_path path = {.id = HM_BYTES_LITERAL("untouched")};

        assert_int_equal(hm_layout_parse_path(hm_bytes_str(bad[i]), NULL, &path), HM_EFORMAT);
        assert_true(hm_bytes_is_str(path.id, "untouched"));
    }
}

static void test_parse_path__refuses_a_nul(void **state)
{
    struct hm_path path;

    assert_int_equal(hm_layout_parse_path(HM_BYTES_LITERAL("acme/nic/1.0/a\0b"), NULL, &path),
                     HM_EFORMAT);
}

static void test_check_id__knows_the_rule(void **state)
{
    static const char *const good[] = {"ab", "a1", "1a", "acme-net_works",
                                       "01234567890123456789012345678901"};
    static const char *const bad[] = {"",
                                      "a",
                                      "-a",
                                      "_a",
                                      "Acme",
                                      "a.b",
                                      "a+b",
                                      "a~b",
                                      "a/b",
                                      "a b",
                                      "recalls",
                                      "vendor",
                                      "lifted",
                                      "makers",
                                      "\xc3\xa9\xc3\xa9",
                                      "012345678901234567890123456789012"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(good); i++)
        assert_int_equal(hm_layout_check_id(hm_bytes_str(good[i]), NULL), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_layout_check_id(hm_bytes_str(bad[i]), NULL), HM_EFORMAT);
}

static void test_roles__are_named_after_the_id(void **state)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_release_role(hm_bytes_str("01234567890123456789012345678901"), role);
    assert_string_equal(role, "release~01234567890123456789012345678901");
    hm_layout_maker_role(hm_bytes_str("acme"), role);
    assert_string_equal(role, "maker~acme");
    assert_string_equal(hm_layout_grade_text(HM_GRADE_ATTESTED), "vendor-attested");
    assert_string_equal(hm_layout_grade_text(HM_GRADE_INTRODUCED), "maker, introduced by vendor");
    assert_string_equal(hm_layout_grade_text(HM_GRADE_PINNED), "maker, pinned");
}

static void test_parse__reads_what_write_wrote(void **state)
{
    struct kit_site site;
    const struct hm_layout_maker *maker;

    kit_site_init(&site);
    assert_int_equal(kit_layout(&site, NULL), HM_OK);
    assert_string_equal(site.layout->site, "globex");
    assert_int_equal(site.layout->maker_count, 2);
    maker = hm_layout_find(site.layout, hm_bytes_str("acme"));
    assert_non_null(maker);
    assert_string_equal(maker->name, "Acme Networks");
    assert_false(maker->is_attested);
    assert_int_equal(maker->identity_version, 2);
    assert_true(hm_digest_is_equal(&maker->identity_sha256, &site.identity->sha256));
    assert_true(hm_digest_is_equal(&maker->identity_first, &site.identity->first));
    assert_true(hm_layout_find(site.layout, hm_bytes_str("bolt"))->is_attested);
    assert_null(hm_layout_find(site.layout, hm_bytes_str("acm")));
    assert_null(hm_layout_find(site.layout, hm_bytes_str("acmes")));
    assert_non_null(hm_targets_find_role(&site.layout->delegations, hm_bytes_str("maker~acme")));
    kit_site_done(&site);
}

/* ---- bending the good site ------------------------------------------------------------------- */

static struct hm_delegated_role *role_of(struct hm_targets *targets, const char *name)
{
    for (size_t i = 0; i < targets->delegations.role_count; i++) {
        if (hm_bytes_is_str(targets->delegations.roles[i].name, name))
            return &targets->delegations.roles[i];
    }
    fail_msg("no role %s", name);
    return NULL;
}

static void delegate(struct hm_targets *targets, const char *name, enum kit_key key,
                     const char *path)
{
    const struct hm_key *keys[] = {kit_key(key)};

    assert_int_equal(hm_targets_delegate(targets, name, keys, 1, 1, &path, 1, true, NULL), HM_OK);
}

static void drop_role(struct hm_targets *targets, const char *name)
{
    struct hm_delegated_role *role = role_of(targets, name);
    size_t index = (size_t)(role - targets->delegations.roles);

    targets->delegations.role_count--;
    memmove(role, role + 1, (targets->delegations.role_count - index) * sizeof(*role));
}

static void bend_lists_file(struct kit_site *site)
{
    kit_put(site->targets, "acme/nic/1.0/boot.rom", 1, 'a', NULL);
}

static void bend_release_not_terminating(struct kit_site *site)
{
    role_of(site->targets, "release~acme")->terminating = false;
}

static void bend_release_pattern(struct kit_site *site)
{
    delegate(site->targets, "release~acme", KIT_RELEASE, "*/*/*/*");
}

static void bend_release_other_id(struct kit_site *site)
{
    delegate(site->targets, "release~acme", KIT_RELEASE, "bolt/*/*/*");
}

static void bend_release_two_patterns(struct kit_site *site)
{
    const char *paths[] = {"acme/*/*/*", "bolt/*/*/*"};
    const struct hm_key *keys[] = {kit_key(KIT_RELEASE)};

    assert_int_equal(
        hm_targets_delegate(site->targets, "release~acme", keys, 1, 1, paths, 2, true, NULL),
        HM_OK);
}

static void bend_release_hash_prefix(struct kit_site *site)
{
    static struct hm_bytes prefix = {(const uint8_t *)"0", 1};
    struct hm_delegated_role *role = role_of(site->targets, "release~acme");

    role->path_count = 0;
    role->hash_prefixes = &prefix;
    role->hash_prefix_count = 1;
}

static void bend_role_of_nobody(struct kit_site *site)
{
    delegate(site->targets, "release~cord", KIT_RELEASE, "cord/*/*/*");
}

static void bend_role_of_other_kind(struct kit_site *site)
{
    delegate(site->targets, "firmware", KIT_RELEASE, "acme/*/*/*");
}

static void bend_maker_role_among_vendors(struct kit_site *site)
{
    delegate(site->targets, "maker~acme", KIT_BOLT, "acme/*/*/*");
}

static void bend_no_release_role(struct kit_site *site)
{
    drop_role(site->targets, "release~acme");
}

static void bend_no_attested_release_role(struct kit_site *site)
{
    drop_role(site->targets, "release~bolt");
}

static void bend_no_maker_role(struct kit_site *site)
{
    drop_role(site->makers, "maker~acme");
}

static void bend_attested_with_maker_role(struct kit_site *site)
{
    delegate(site->makers, "maker~bolt", KIT_BOLT, "bolt/*/*/*");
}

static void bend_attested_with_recalls(struct kit_site *site)
{
    delegate(site->makers, "recalls~bolt", KIT_BOLT, "recalls/bolt/*");
}

static void bend_release_among_makers(struct kit_site *site)
{
    delegate(site->makers, "release~acme", KIT_BOLT, "acme/*/*/*");
}

static void bend_maker_pattern(struct kit_site *site)
{
    role_of(site->makers, "maker~acme")->paths[0] = HM_BYTES_LITERAL("acme/*/*");
}

static void bend_maker_not_terminating(struct kit_site *site)
{
    role_of(site->makers, "maker~acme")->terminating = false;
}

static void bend_recalls_pattern(struct kit_site *site)
{
    role_of(site->makers, "recalls~acme")->paths[0] = HM_BYTES_LITERAL("recalls/*/*");
}

static void bend_vendor_recalls_pattern(struct kit_site *site)
{
    delegate(site->targets, "recalls~vendor", KIT_RECALL, "recalls/*/*");
}

static void bend_vendor_recalls_not_terminating(struct kit_site *site)
{
    role_of(site->targets, "recalls~vendor")->terminating = false;
}

static void share(struct kit_site *site, enum kit_key key)
{
    delegate(site->makers, "maker~acme", key, "acme/*/*/*");
}

static void bend_shares_root(struct kit_site *site)
{
    share(site, KIT_ROOT);
}

static void bend_shares_online(struct kit_site *site)
{
    share(site, KIT_ONLINE);
}

static void bend_shares_targets(struct kit_site *site)
{
    share(site, KIT_TARGETS);
}

static void bend_shares_release(struct kit_site *site)
{
    share(site, KIT_RELEASE);
}

static void bend_shares_recall(struct kit_site *site)
{
    share(site, KIT_RECALL);
}

static void bend_recalls_share_release(struct kit_site *site)
{
    delegate(site->makers, "recalls~acme", KIT_RELEASE, "recalls/acme/*");
}

static void bend_release_shares_maker(struct kit_site *site)
{
    /* One of two keys, in the role of another maker. */
    const char *path = "bolt/*/*/*";
    const struct hm_key *keys[] = {kit_key(KIT_RELEASE), kit_key(KIT_ACME2)};

    assert_int_equal(
        hm_targets_delegate(site->targets, "release~bolt", keys, 2, 2, &path, 1, true, NULL),
        HM_OK);
}

static void bend_succinct(struct kit_site *site)
{
    site->targets->delegations.succinct_bits = 4;
}

static void test_parse__refuses_each_violation(void **state)
{
    static const struct {
        const char *name;
        void (*bend)(struct kit_site *site);
    } cases[] = {
        {"lists a file", bend_lists_file},
        {"release not terminating", bend_release_not_terminating},
        {"release speaks for all", bend_release_pattern},
        {"release speaks for another", bend_release_other_id},
        {"release speaks for two", bend_release_two_patterns},
        {"release by hash prefix", bend_release_hash_prefix},
        {"role of nobody", bend_role_of_nobody},
        {"role of another kind", bend_role_of_other_kind},
        {"maker role among the vendor's", bend_maker_role_among_vendors},
        {"no release role", bend_no_release_role},
        {"no release role of an attested maker", bend_no_attested_release_role},
        {"no maker role", bend_no_maker_role},
        {"attested with maker role", bend_attested_with_maker_role},
        {"attested with recalls", bend_attested_with_recalls},
        {"release role among the makers'", bend_release_among_makers},
        {"maker pattern", bend_maker_pattern},
        {"maker not terminating", bend_maker_not_terminating},
        {"recalls pattern", bend_recalls_pattern},
        {"vendor recalls pattern", bend_vendor_recalls_pattern},
        {"vendor recalls not terminating", bend_vendor_recalls_not_terminating},
        {"shares root's key", bend_shares_root},
        {"shares the online key", bend_shares_online},
        {"shares targets' key", bend_shares_targets},
        {"shares a release key", bend_shares_release},
        {"shares a recall key", bend_shares_recall},
        {"recalls share a release key", bend_recalls_share_release},
        {"another's release role has the maker's key", bend_release_shares_maker},
        {"hash bins", bend_succinct},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct kit_site site;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        kit_site_init(&site);
        cases[i].bend(&site);
        rc = kit_layout(&site, &err);
        if (rc != HM_EREFUSED)
            fail_msg("%s: %s %s", cases[i].name, hm_error_name(rc), err.text);
        assert_non_null(strstr(err.text, "'targets'"));
        assert_null(site.layout);
        kit_site_done(&site);
    }
}

static void test_parse__takes_a_site_without_recalls(void **state)
{
    struct kit_site site;

    kit_site_init(&site);
    drop_role(site.targets, "recalls~vendor");
    drop_role(site.makers, "recalls~acme");
    assert_int_equal(kit_layout(&site, NULL), HM_OK);
    kit_site_done(&site);
}

static void test_parse__refuses_another_site(void **state)
{
    struct kit_site site;

    kit_site_init(&site);
    site.site = "initech";
    assert_int_equal(kit_layout(&site, NULL), HM_EMISMATCH);
    kit_site_done(&site);
}

#define HEX64 "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD  "{\"site\":\"globex\",\"delegations\":{\"keys\":{},\"roles\":[]},\"makers\":"

static void test_parse__refuses_bad_members(void **state)
{
    static const struct {
        const char *json;
        enum hm_rc rc;
    } cases[] = {
        {"{\"site\":\"globex\",\"delegations\":{\"keys\":{},\"roles\":[]},\"makers\":{}}",
         HM_OK}, /* the control */
        {"{}", HM_EFORMAT},
        {"{\"makers\":{},\"delegations\":{\"keys\":{},\"roles\":[]}}", HM_EFORMAT},
        {"{\"site\":\"globex\",\"makers\":{}}", HM_EFORMAT},
        {"{\"site\":\"globex\",\"delegations\":{\"keys\":{},\"roles\":[]}}", HM_EFORMAT},
        {"{\"site\":7,\"delegations\":{\"keys\":{},\"roles\":[]},\"makers\":{}}", HM_EFORMAT},
        {HEAD "[]}", HM_EFORMAT},
        {HEAD "{\"Acme\":{\"grade\":\"attested\",\"name\":\"A\"}}}", HM_EFORMAT},
        {HEAD "{\"vendor\":{\"grade\":\"attested\",\"name\":\"A\"}}}", HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"attested\"}}}", HM_EFORMAT},
        {HEAD "{\"acme\":{\"name\":\"A\"}}}", HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"best\",\"name\":\"A\"}}}", HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"attested\",\"name\":\"\"}}}", HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"maker\",\"name\":\"A\"}}}", HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"attested\",\"name\":\"A\",\"identity\":{\"version\":1,"
              "\"sha256\":\"" HEX64 "\",\"length\":9,\"first\":\"" HEX64 "\"}}}}",
         HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"maker\",\"name\":\"A\",\"identity\":{\"version\":1,"
              "\"sha256\":\"" HEX64 "\",\"length\":9}}}}",
         HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"maker\",\"name\":\"A\",\"identity\":{\"version\":0,"
              "\"sha256\":\"" HEX64 "\",\"length\":9,\"first\":\"" HEX64 "\"}}}}",
         HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"maker\",\"name\":\"A\",\"identity\":{\"version\":1025,"
              "\"sha256\":\"" HEX64 "\",\"length\":9,\"first\":\"" HEX64 "\"}}}}",
         HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"maker\",\"name\":\"A\",\"identity\":{\"version\":2,"
              "\"sha256\":\"" HEX64 "\",\"length\":65537,\"first\":\"" HEX64 "\"}}}}",
         HM_EFORMAT},
        {HEAD "{\"acme\":{\"grade\":\"maker\",\"name\":\"A\",\"identity\":{\"version\":2,"
              "\"sha256\":\"00\",\"length\":9,\"first\":\"" HEX64 "\"}}}}",
         HM_EFORMAT},
        /* well-formed, but it has no roles */
        {HEAD "{\"acme\":{\"grade\":\"attested\",\"name\":\"A\"}}}", HM_EREFUSED},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct kit_site site;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        kit_site_init(&site);
        site.targets->delegations.role_count = 0;
        kit_x_hallmark(site.targets, cases[i].json);
        rc = hm_layout_parse(site.root, site.targets, "globex", &err, &site.layout);
        if (rc != cases[i].rc)
            fail_msg("%s: %s %s", cases[i].json, hm_error_name(rc), err.text);
        kit_site_done(&site);
    }
}

static void test_parse__refuses_a_plain_tuf_repository(void **state)
{
    struct kit_site site;

    kit_site_init(&site);
    assert_int_equal(hm_layout_parse(site.root, site.targets, "globex", NULL, &site.layout),
                     HM_EFORMAT);
    kit_site_done(&site);
}

static void test_root_site__reads_name_and_trial(void **state)
{
    static const struct {
        const char *json, *site;
        bool trial;
        enum hm_rc rc;
    } cases[] = {
        {"{\"site\":\"globex\"}", "globex", false, HM_OK},
        {"{\"site\":\"globex\",\"trial\":true,\"other\":{}}", "globex", true, HM_OK},
        {"{\"trial\":true}", NULL, false, HM_EFORMAT},
        {"{\"site\":\"Globex\"}", NULL, false, HM_EFORMAT},
        {"{\"site\":\"vendor\"}", NULL, false, HM_EFORMAT},
        {"{\"site\":\"globex\",\"trial\":1}", NULL, false, HM_EFORMAT},
        {"", NULL, false, HM_EFORMAT},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
        struct hm_root root = {.document.x_hallmark = hm_bytes_str(cases[i].json)};
        const char *site = NULL;
        bool trial = false;

        assert_int_equal(hm_layout_root_site(&root, &arena, NULL, &site, &trial), cases[i].rc);
        if (cases[i].rc == HM_OK)
            assert_string_equal(site, cases[i].site);
        assert_true(trial == cases[i].trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_path__gives_the_parts),
        cmocka_unit_test(test_parse_path__refuses_every_other_form),
        cmocka_unit_test(test_parse_path__refuses_a_nul),
        cmocka_unit_test(test_check_id__knows_the_rule),
        cmocka_unit_test(test_roles__are_named_after_the_id),
        cmocka_unit_test(test_parse__reads_what_write_wrote),
        cmocka_unit_test(test_parse__refuses_each_violation),
        cmocka_unit_test(test_parse__takes_a_site_without_recalls),
        cmocka_unit_test(test_parse__refuses_another_site),
        cmocka_unit_test(test_parse__refuses_bad_members),
        cmocka_unit_test(test_parse__refuses_a_plain_tuf_repository),
        cmocka_unit_test(test_root_site__reads_name_and_trial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
