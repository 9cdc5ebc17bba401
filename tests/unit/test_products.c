/* SPDX-License-Identifier: Apache-2.0 */
/*
 * customer/products and customer/digests: a maker's products in roles of their own, either side
 * divided or not; what is fetched for which question; each refusal beside its control.
 */
#include "unit.h"

#include "base/file.h"
#include "customer/catalogue.h"
#include "customer/digests.h"
#include "customer/products.h"
#include "customer/verify.h"
#include "customer_kit.h"
#include "trust/partition.h"

#define NIC1 "acme/nic/1.0/boot.rom"
#define NIC2 "acme/nic/2.0/boot.rom"
#define SW   "acme/switch/3.0/image.bin"

struct fixture {
    struct kit_tree tree;
    struct hm_subscription *site;
    struct hm_catalogue catalogue;
    struct hm_arena arena;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    kit_tree_init(&f->tree);
    kit_tree_image(&f->tree, SW, "switch three", true);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    hm_catalogue_done(&f->catalogue);
    hm_subscription_free(f->site);
    kit_tree_done(&f->tree);
    hm_arena_done(&f->arena);
    free(f);
    return 0;
}

/* Trusts the site once, refreshes for pattern and lists. */
static void look(struct fixture *f, const char *text, bool is_online)
{
    struct hm_refresh_want want;
    struct hm_refresh_scope scope = {.wants = &want, .count = 1};
    struct hm_pattern pattern;

    if (!hm_dir_has(&f->tree.home.dir, "sites/globex"))
        assert_int_equal(kit_trust(&f->tree, NULL, NULL), HM_OK);
    hm_catalogue_done(&f->catalogue);
    hm_subscription_free(f->site);
    f->site = kit_open(&f->tree, KIT_NOW, is_online);
    assert_int_equal(hm_catalogue_pattern(text, &f->arena, NULL, &pattern), HM_OK);
    want = (struct hm_refresh_want){.id = pattern.id, .product = pattern.product};
    assert_int_equal(is_online ? hm_refresh_run(f->site, scope, NULL)
                               : hm_refresh_load(f->site, scope, NULL),
                     HM_OK);
    assert_int_equal(hm_catalogue_add(&f->catalogue, f->site, &pattern, 1, NULL), HM_OK);
    hm_catalogue_sort(&f->catalogue);
}

static void assert_listed(const struct fixture *f, const char *const *paths, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < f->catalogue.item_count; i++) {
        if (f->catalogue.items[i].rc != HM_OK)
            continue;
        assert_true(good < count);
        assert_true(hm_bytes_is_str(f->catalogue.items[i].path, paths[good]));
        good++;
    }
    assert_int_equal(good, count);
}

static bool is_held(const struct fixture *f, const char *role)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "sites/globex/metadata/%s.json", role);
    return hm_dir_has(&f->tree.home.dir, path);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static void test_list__is_the_same_however_the_sides_are_divided(void **state)
{
    static const char *const paths[] = {NIC1, "acme/nic/1.0/readme.txt", NIC2, SW};

    for (int way = 1; way < 4; way++) {
        void *own = NULL;
        struct fixture *f;

        HM_UNUSED int made = set_up(&own);
        f = own;
        kit_tree_divide(&f->tree, "nic", (way & 1) != 0, (way & 2) != 0);
        kit_tree_publish(&f->tree);
        look(f, "acme", true);
        assert_listed(f, paths, 4);
        assert_int_equal(f->catalogue.problem_count, 0);
        look(f, "acme", false);
        assert_listed(f, paths, 4);
        look(f, "acme/nic/2.0", false);
        assert_listed(f, &paths[2], 1);
        made = tear_down(&own);
    }
    (void)state;
}

static void test_list__fetches_the_products_of_the_pattern_alone(void **state)
{
    static const char *const paths[] = {NIC1, "acme/nic/1.0/readme.txt", NIC2};
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, true);
    kit_tree_publish(&f->tree);
    look(f, "acme/nic", true);
    assert_listed(f, paths, 3);
    assert_true(is_held(f, "release~acme~nic"));
    assert_true(is_held(f, "maker~acme~nic"));
    assert_false(is_held(f, "release~acme~switch"));
    assert_false(is_held(f, "maker~acme~switch"));
    look(f, "acme/s*/3.?", true);
    assert_int_equal(f->catalogue.item_count, 1);
    assert_true(is_held(f, "release~acme~switch"));
}

static void test_add_path__finds_one_file(void **state)
{
    struct fixture *f = *state;
    struct hm_err err = HM_ERR_INIT;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, true);
    kit_tree_publish(&f->tree);
    look(f, SW, true);
    hm_catalogue_done(&f->catalogue);
    assert_int_equal(hm_catalogue_add_path(&f->catalogue, f->site, hm_bytes_str(SW), &err), HM_OK);
    assert_int_equal(f->catalogue.items[0].rc, HM_OK);
    assert_int_equal(hm_catalogue_add_path(&f->catalogue, f->site,
                                           hm_bytes_str("acme/switch/3.0/other.bin"), &err),
                     HM_EUNKNOWN);
    assert_int_equal(hm_catalogue_add_path(&f->catalogue, f->site,
                                           hm_bytes_str("acme/tape/3.0/other.bin"), &err),
                     HM_EUNKNOWN);
}

static void test_list__holds_each_product_to_both_signatures(void **state)
{
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_put(f->tree.products[0].release, "acme/nic/3.0/boot.rom", 3, 'x', NULL);
    kit_put(f->tree.products[0].maker, "acme/nic/3.0/only.rom", 3, 'x', NULL);
    kit_tree_publish(&f->tree);
    look(f, "acme/nic/3.0", true);
    assert_int_equal(f->catalogue.item_count, 1);
    assert_int_equal(f->catalogue.items[0].rc, HM_EREFUSED);
    assert_int_equal(
        hm_catalogue_add_path(&f->catalogue, f->site, hm_bytes_str("acme/nic/3.0/only.rom"), NULL),
        HM_OK);
    assert_int_equal(f->catalogue.items[1].rc, HM_EREFUSED);
}

/* Adds the product to what the role says of itself. */
static void name_product(struct hm_targets *role, const char *product)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(4096);

    assert_int_equal(hm_partition_statement(role, hm_bytes_str(product), NULL, &json), HM_OK);
    assert_int_equal(hm_targets_set_x_hallmark(role, hm_buf_bytes(&json), NULL), HM_OK);
}

static void test_list__wants_each_products_own_statement(void **state)
{
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_x_hallmark(f->tree.products[0].release, "{\"product\":\"nic\",\"site\":\"other\"}");
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.items[0].rc, HM_EREFUSED);
    assert_non_null(strstr(f->catalogue.items[0].text, "other"));
    kit_x_hallmark(f->tree.products[0].release, "{\"product\":\"nic\",\"site\":\"globex\"}");
    kit_maker_statement(f->tree.products[0].maker, "globex", "bolt", f->tree.site.identity);
    name_product(f->tree.products[0].maker, "nic");
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.items[0].rc, HM_EREFUSED);
    assert_non_null(strstr(f->catalogue.items[0].text, "bolt"));
    kit_maker_statement(f->tree.products[0].maker, "globex", "acme", f->tree.site.identity);
    name_product(f->tree.products[0].maker, "nic");
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.items[0].rc, HM_OK);
}

/* ---- what is refused ------------------------------------------------------------------------- */

/* Both are signed by the same keys, so the online key alone could put one in the other's place. */
static void test_list__takes_no_role_for_another(void **state)
{
    struct fixture *f = *state;
    struct hm_targets *nic;

    kit_tree_divide(&f->tree, "nic", true, true);
    nic = f->tree.products[0].release;
    kit_x_hallmark(nic, "{\"site\":\"globex\"}"); /* the role above, as it was once */
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.item_count, 0);
    assert_int_equal(f->catalogue.problems[0].rc, HM_EREFUSED);
    assert_non_null(strstr(f->catalogue.problems[0].text, "no product"));
    name_product(nic, "switch");
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.problems[0].rc, HM_EREFUSED);
    assert_non_null(strstr(f->catalogue.problems[0].text, "for product switch"));
    name_product(nic, "nic");
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.items[0].rc, HM_OK);
    name_product(f->tree.site.release, "nic"); /* a product's, in place of the role above */
    kit_tree_publish(&f->tree);
    look(f, NIC1, true);
    assert_int_equal(f->catalogue.item_count, 0);
    assert_non_null(strstr(f->catalogue.problems[0].text, "for product nic, not for none"));
}

static void test_list__a_bad_product_hides_no_other(void **state)
{
    static const char *const switches[] = {SW};
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, true);
    kit_put(f->tree.products[0].maker, "acme/switch/3.0/image.bin", 1, 'a', NULL);
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    assert_listed(f, switches, 1);
    assert_int_equal(f->catalogue.problem_count, 1);
    assert_int_equal(f->catalogue.problems[0].rc, HM_EREFUSED);
    assert_true(hm_bytes_is_str(f->catalogue.problems[0].product, "nic"));
    assert_non_null(strstr(f->catalogue.problems[0].text, "maker~acme~nic"));
}

static void test_list__refuses_the_maker_whose_role_above_is_bent(void **state)
{
    static const enum kit_key evil[] = {KIT_EVIL};
    const struct hm_key *key = kit_key(evil[0]);
    const char *pattern = "acme/switch/*/*";
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    assert_int_equal(hm_targets_delegate(f->tree.site.release, "release~acme~switch", &key, 1, 1,
                                         &pattern, 1, true, NULL),
                     HM_OK);
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    assert_int_equal(f->catalogue.item_count, 0);
    assert_int_equal(f->catalogue.problem_count, 1);
    assert_int_equal(f->catalogue.problems[0].rc, HM_EREFUSED);
    assert_non_null(strstr(f->catalogue.problems[0].text, "other keys"));
}

static void test_list__cannot_tell_of_a_product_that_the_snapshot_lacks(void **state)
{
    static const char *const pattern = "acme/ghost/*/*";
    const struct hm_key *key = kit_key(KIT_RELEASE);
    struct fixture *f = *state;

    assert_int_equal(hm_targets_delegate(f->tree.site.release, "release~acme~ghost", &key, 1, 1,
                                         &pattern, 1, true, NULL),
                     HM_OK);
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    assert_int_equal(f->catalogue.item_count, 4);
    assert_int_equal(f->catalogue.problem_count, 1);
    assert_int_equal(f->catalogue.problems[0].rc, HM_ENOTFOUND);
}

static void test_list__does_not_take_a_divided_role_for_an_empty_one(void **state)
{
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, true);
    f->tree.omit_maker_role = true;
    kit_tree_publish(&f->tree);
    for (int i = 0; i < 2; i++) {
        look(f, i == 0 ? "acme" : "acme/tape", true);
        assert_int_equal(f->catalogue.item_count, 0);
        assert_int_equal(f->catalogue.problem_count, 1);
        assert_int_equal(f->catalogue.problems[0].rc, HM_EREFUSED);
    }
}

/* ---- by digest ------------------------------------------------------------------------------- */

static enum hm_rc verify(struct fixture *f, const char *name, const char *content,
                         const char *words)
{
    _hm_done_(hm_verify_done) struct hm_verify verify = {0};
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {.rc = HM_EUNKNOWN};
    char path[128];

    (void)snprintf(path, sizeof(path), "out/%s", name);
    kit_write(&f->tree, path, content);
    (void)snprintf(path, sizeof(path), "%s/out/%s", f->tree.root, name);
    assert_int_equal(hm_verify_open(&f->tree.home, NULL, KIT_NOW + 1, -1, NULL, &verify), HM_OK);
    assert_int_equal(hm_verify_file(&verify, path, NULL, NULL, NULL, &answer), HM_OK);
    if (words != NULL && (answer.text == NULL || strstr(answer.text, words) == NULL))
        fail_msg("'%s' lacks '%s'", answer.text, words);
    return answer.rc;
}

static void test_verify__searches_every_product_held(void **state)
{
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, false);
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    assert_int_equal(verify(f, "x", "boot two", NULL), HM_OK);
    assert_int_equal(verify(f, "x", "switch three", NULL), HM_OK);
    assert_int_equal(verify(f, "x", "nobody's", "unknown"), HM_EUNKNOWN);
    assert_int_equal(verify(f, "image.bin", "nobody's", SW), HM_EMISMATCH);
}

static void test_verify__names_the_products_that_are_not_held(void **state)
{
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, true);
    kit_tree_publish(&f->tree);
    look(f, "acme/nic", true);
    assert_int_equal(verify(f, "x", "boot two", NULL), HM_OK);
    assert_int_equal(verify(f, "x", "nobody's", "acme/switch at globex"), HM_EAGAIN);
    look(f, "acme/switch", true);
    assert_int_equal(verify(f, "x", "nobody's", "unknown"), HM_EUNKNOWN);
}

static void test_verify__tells_what_one_alone_signed(void **state)
{
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_put(f->tree.products[0].maker, "acme/nic/3.0/only.rom", 1, 'z', NULL);
    kit_put(f->tree.products[0].release, "acme/nic/3.0/other.rom", 1, 'y', NULL);
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    assert_int_equal(verify(f, "x", "z", "only maker"), HM_EREFUSED);
    assert_int_equal(verify(f, "x", "y", "only the vendor"), HM_EREFUSED);
}

/* A role in the folder that says more than was signed says nothing. */
static void test_verify__is_not_led_by_what_lies_in_the_folder(void **state)
{
    static const char path[] = "home/sites/globex/metadata/release~acme~nic.json";
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct fixture *f = *state;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    kit_read(&f->tree, path, &raw);
    assert_int_equal(hm_buf_append_str(&raw, " ", NULL), HM_OK);
    kit_write(&f->tree, path, hm_buf_str(&raw));
    assert_int_equal(verify(f, "x", "boot two", "acme/nic at globex"), HM_EAGAIN);
}

static void test_digests__look_into_files_with_escapes(void **state)
{
    struct hm_refresh_want want = {.id = HM_BYTES_LITERAL("*")};
    struct hm_refresh_scope scope = {.wants = &want, .count = 1};
    struct hm_sha256 none = {0};
    struct fixture *f = *state;
    size_t cursor = 0;

    kit_tree_divide(&f->tree, "nic", true, true);
    kit_tree_divide(&f->tree, "switch", true, true);
    kit_put(f->tree.products[0].release, "acme/nic/4.0/a.rom", 1, 'a',
            "{\"title\":\"a \\\"quote\\\" \\u00e9\"}");
    kit_put(f->tree.products[1].release, "acme/switch/4.0/a.rom", 1, 'a',
            "{\"title\":\"\\u0061\"}");
    kit_tree_publish(&f->tree);
    look(f, "acme", true);
    hm_subscription_free(f->site);
    f->site = kit_open(&f->tree, KIT_NOW, false);
    assert_int_equal(hm_refresh_load(f->site, scope, NULL), HM_OK);
    {
        _hm_done_(hm_digests_done) struct hm_digests digests = {0};
        const struct hm_digests_product *product;

        assert_int_equal(hm_digests_build(&digests, f->site, NULL), HM_OK);
        assert_int_equal(digests.product_count, 2);
        /* Canonical JSON writes characters as they are: nothing is escaped on the way. */
        product = hm_digests_next(&digests, &none, &cursor);
        assert_null(product);
        cursor = 0;
        product = hm_digests_next_name(&digests, hm_bytes_str("boot.rom"), &cursor);
        assert_non_null(product);
        assert_true(hm_bytes_is_str(product->name, "nic"));
        assert_null(hm_digests_next_name(&digests, hm_bytes_str("boot.rom"), &cursor));
        digests.products[1].has_escapes = true;
        cursor = 0;
        product = hm_digests_next(&digests, &none, &cursor);
        assert_non_null(product);
        assert_true(hm_bytes_is_str(product->name, "switch"));
        assert_null(hm_digests_next(&digests, &none, &cursor));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list__is_the_same_however_the_sides_are_divided),
        cmocka_unit_test_setup_teardown(test_list__fetches_the_products_of_the_pattern_alone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_add_path__finds_one_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list__holds_each_product_to_both_signatures, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_list__wants_each_products_own_statement, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_list__takes_no_role_for_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list__a_bad_product_hides_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list__refuses_the_maker_whose_role_above_is_bent,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list__cannot_tell_of_a_product_that_the_snapshot_lacks,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list__does_not_take_a_divided_role_for_an_empty_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verify__searches_every_product_held, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__names_the_products_that_are_not_held, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__tells_what_one_alone_signed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__is_not_led_by_what_lies_in_the_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_digests__look_into_files_with_escapes, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
