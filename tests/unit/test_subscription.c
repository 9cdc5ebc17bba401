/* SPDX-License-Identifier: Apache-2.0 */
/* customer/subscription, refresh and memory: what is remembered, and what that refuses. */
#include "unit.h"

#include "customer/memory.h"
#include "customer/refresh.h"
#include "customer_kit.h"

static int set_up(void **state)
{
    struct kit_tree *tree = calloc(1, sizeof(*tree));

    kit_tree_init(tree);
    *state = tree;
    return 0;
}

static int tear_down(void **state)
{
    kit_tree_done(*state);
    free(*state);
    return 0;
}

static enum hm_rc refresh(struct hm_subscription *site, const char *id, struct hm_err *err)
{
    struct hm_refresh_want want = {.id = hm_bytes_str(id), .product = HM_BYTES_LITERAL("*")};
    struct hm_refresh_scope scope = {.wants = &want, .count = 1};

    return site->fetch == NULL ? hm_refresh_load(site, scope, err)
                               : hm_refresh_run(site, scope, err);
}

/* Refreshes for all makers and gives what is said of acme. */
static enum hm_rc standing_of_acme(struct kit_tree *tree, const char *words, enum hm_grade *grade)
{
    _hm_free_(hm_subscription_free) struct hm_subscription *site = kit_open(tree, KIT_NOW, true);
    const struct hm_standing *standing;
    struct hm_err err = HM_ERR_INIT;

    if (refresh(site, "*", &err) != HM_OK)
        fail_msg("%s", err.text);
    standing = hm_subscription_standing(site, hm_bytes_str("acme"));
    assert_true(standing->is_judged);
    if (standing->rc != HM_OK && strstr(standing->text, words) == NULL)
        fail_msg("'%s' lacks '%s'", standing->text, words);
    if (grade != NULL)
        *grade = standing->grade;
    return standing->rc;
}

static void test_add__trusts_after_a_refresh(void **state)
{
    struct kit_tree *tree = *state;
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_true(hm_dir_has(&tree->dir, "home/sites/globex/metadata/targets.json"));
    assert_false(hm_dir_has(&tree->dir, "home/adding"));
    assert_false(hm_dir_has(&tree->dir, "home/sites/globex/metadata/release~acme.json"));
    site = kit_open(tree, KIT_NOW, false);
    assert_true(site->refreshed_unix_s == KIT_NOW);
    assert_int_equal(kit_trust(tree, NULL, NULL), HM_EUSAGE);
}

static void test_add__trusts_nothing_where_the_refresh_failed(void **state)
{
    struct kit_tree *tree = *state;
    struct hm_policy nowhere = {.url = "file:///nonexistent/public", .floor = HM_GRADE_ATTESTED};

    assert_int_equal(kit_trust(tree, &nowhere, NULL), HM_ENOTFOUND);
    assert_false(hm_dir_has(&tree->dir, "home/sites/globex"));
    assert_false(hm_dir_has(&tree->dir, "home/adding"));
    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
}

static void test_add__refuses_another_name(void **state)
{
    struct kit_tree *tree = *state;
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    struct hm_policy policy = {.url = tree->url, .floor = HM_GRADE_ATTESTED};
    struct hm_subscription *site = NULL;
    static const struct {
        const char *name;
        enum hm_rc rc;
    } cases[] = {{"initech", HM_EMISMATCH}, {"../x", HM_EUSAGE}, {"", HM_EUSAGE}};

    kit_read(tree, "public/hallmark.trust", &trust);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        assert_int_equal(hm_subscription_add(&tree->home, cases[i].name, hm_buf_bytes(&trust),
                                             &policy, KIT_NOW, NULL, &site),
                         cases[i].rc);
        assert_null(site);
    }
}

static void test_remove__forgets(void **state)
{
    struct kit_tree *tree = *state;
    struct hm_subscription *site = NULL;

    assert_int_equal(hm_subscription_remove(&tree->home, "globex", NULL), HM_EINPUT);
    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_int_equal(hm_subscription_remove(&tree->home, "globex", NULL), HM_OK);
    assert_int_equal(hm_subscription_open(&tree->home, "globex", KIT_NOW, true, NULL, &site),
                     HM_EINPUT);
}

static void test_refresh__gets_only_what_is_asked_for(void **state)
{
    struct kit_tree *tree = *state;
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    site = kit_open(tree, KIT_NOW, true);
    assert_int_equal(refresh(site, "bolt", NULL), HM_OK);
    assert_false(hm_subscription_standing(site, hm_bytes_str("acme"))->is_judged);
    assert_false(hm_dir_has(&tree->dir, "home/sites/globex/metadata/release~acme.json"));
    assert_false(hm_dir_has(&tree->dir, "home/sites/globex/makers/acme"));
    assert_int_equal(refresh(site, "acme", NULL), HM_OK);
    assert_true(hm_subscription_standing(site, hm_bytes_str("acme"))->is_judged);
    assert_true(hm_dir_has(&tree->dir, "home/sites/globex/metadata/maker~acme.json"));
    assert_true(hm_dir_has(&tree->dir, "home/sites/globex/makers/acme/2.identity"));
    assert_true(hm_dir_has(&tree->dir, "home/sites/globex/makers/acme/memory.json"));
    assert_null(hm_subscription_standing(site, hm_bytes_str("cord")));
}

static void test_load__says_what_is_not_held(void **state)
{
    struct kit_tree *tree = *state;
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    _hm_free_(hm_subscription_free) struct hm_subscription *later = NULL;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    site = kit_open(tree, KIT_NOW, false);
    assert_int_equal(refresh(site, "*", NULL), HM_OK);
    assert_int_equal(hm_subscription_standing(site, hm_bytes_str("acme"))->rc, HM_EAGAIN);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
    /* a hundred years on: offline, expiry is the reader's business */
    later = kit_open(tree, KIT_NOW + INT64_C(3153600000), false);
    assert_int_equal(refresh(later, "*", NULL), HM_OK);
    assert_int_equal(hm_subscription_standing(later, hm_bytes_str("acme"))->rc, HM_OK);
}

static void test_refresh__knows_expiry_and_clock(void **state)
{
    struct kit_tree *tree = *state;
    static const struct {
        int64_t now_unix_s;
        enum hm_rc online, offline;
    } cases[] = {
        {KIT_NOW, HM_OK, HM_OK},
        {KIT_NOW - HM_SUBSCRIPTION_CLOCK_SLACK_S, HM_OK, HM_OK},
        {KIT_NOW - HM_SUBSCRIPTION_CLOCK_SLACK_S - 1, HM_ECLOCK, HM_ECLOCK},
        {0, HM_ECLOCK, HM_ECLOCK},
        {INT64_C(4102444800), HM_EEXPIRED, HM_OK},
    };

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        for (int is_online = 0; is_online < 2; is_online++) {
            _hm_free_(hm_subscription_free) struct hm_subscription *site =
                kit_open(tree, cases[i].now_unix_s, is_online != 0);

            assert_int_equal(refresh(site, "*", NULL),
                             is_online ? cases[i].online : cases[i].offline);
        }
    }
}

static void test_refresh__cannot_tell_of_an_expired_role(void **state)
{
    struct kit_tree *tree = *state;
    struct hm_targets *roles[] = {tree->site.release, tree->site.maker_role};
    const char *names[] = {"release~acme", "maker~acme"};

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(roles); i++) {
        int64_t kept = roles[i]->document.expires_unix_s;

        roles[i]->document.expires_unix_s = KIT_NOW;
        kit_tree_publish(tree);
        assert_int_equal(standing_of_acme(tree, names[i], NULL), HM_EEXPIRED);
        roles[i]->document.expires_unix_s = kept;
        kit_tree_publish(tree);
        assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
    }
}

static void test_refresh__remembers_the_first_identity(void **state)
{
    struct kit_tree *tree = *state;
    _hm_done_(hm_buf_done) struct hm_buf other = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    static const enum kit_key keys[] = {KIT_EVIL};
    struct hm_layout_maker *acme = &tree->site.list[0];
    struct hm_identity *evil = NULL;
    enum hm_grade grade;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "", &grade), HM_OK);
    assert_int_equal(grade, HM_GRADE_INTRODUCED);
    kit_identity("acme", 1, keys, 1, 1, keys, 1, &other);
    assert_int_equal(hm_identity_verify_first(hm_buf_bytes(&other), NULL, &evil), HM_OK);
    kit_write(tree, "public/makers/acme/1.identity", hm_buf_str(&other));
    acme->identity_version = 1;
    acme->identity_first = acme->identity_sha256 = evil->sha256;
    acme->identity_length = evil->length;
    hm_identity_free(evil);
    kit_tree_publish(tree);
    assert_int_equal(standing_of_acme(tree, "another first identity", NULL), HM_EREFUSED);
}

static void test_refresh__refuses_a_fallen_grade(void **state)
{
    struct kit_tree *tree = *state;
    struct hm_layout_maker kept = tree->site.list[0];
    size_t role_count = tree->site.makers->delegations.role_count;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
    tree->site.list[0] =
        (struct hm_layout_maker){.id = "acme", .name = "Acme Networks", .is_attested = true};
    tree->site.makers->delegations.role_count = 0;
    kit_tree_publish(tree);
    assert_int_equal(standing_of_acme(tree, "vendor-attested", NULL), HM_EREFUSED);
    /* the control: it rises again */
    tree->site.list[0] = kept;
    tree->site.makers->delegations.role_count = role_count;
    kit_tree_publish(tree);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
}

static void test_refresh__refuses_an_older_identity(void **state)
{
    struct kit_tree *tree = *state;
    struct hm_layout_maker *acme = &tree->site.list[0];
    struct hm_layout_maker kept = *acme;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
    acme->identity_version = 1;
    acme->identity_sha256 = acme->identity_first;
    kit_tree_publish(tree);
    assert_int_equal(standing_of_acme(tree, "identity 1", NULL), HM_EROLLBACK);
    *acme = kept;
    kit_tree_publish(tree);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
}

static void test_refresh__takes_no_broken_chain(void **state)
{
    struct kit_tree *tree = *state;
    _hm_done_(hm_buf_done) struct hm_buf good = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf bad = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    static const enum kit_key evil[] = {KIT_EVIL};

    kit_read(tree, "public/makers/acme/2.identity", &good);
    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    /* not served, signed by a stranger, not the one named, as it should be */
    assert_int_equal(hm_dir_remove(&tree->dir, "public/makers/acme/2.identity", NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "2.identity", NULL), HM_ENOTFOUND);
    kit_identity("acme", 2, evil, 1, 1, evil, 1, &bad);
    kit_write(tree, "public/makers/acme/2.identity", hm_buf_str(&bad));
    assert_int_equal(standing_of_acme(tree, "identity 2", NULL), HM_ESIGNATURE);
    assert_false(hm_dir_has(&tree->dir, "home/sites/globex/makers/acme/2.identity"));
    assert_false(hm_dir_has(&tree->dir, "home/sites/globex/makers/acme/memory.json"));
    assert_int_equal(hm_buf_append_str(&good, " ", NULL), HM_OK);
    kit_write(tree, "public/makers/acme/2.identity", hm_buf_str(&good));
    assert_int_equal(standing_of_acme(tree, "identity 2", NULL), HM_EMISMATCH);
    good.data[--good.size] = '\0';
    kit_write(tree, "public/makers/acme/2.identity", hm_buf_str(&good));
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
}

static void test_refresh__does_without_the_site_what_is_held(void **state)
{
    struct kit_tree *tree = *state;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
    assert_int_equal(hm_dir_remove_tree(&tree->dir, "public/makers", NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
    /* what is held and damaged is no chain */
    kit_write(tree, "home/sites/globex/makers/acme/2.identity", "{}");
    assert_int_equal(standing_of_acme(tree, "2.identity", NULL), HM_ENOTFOUND);
}

static void test_refresh__does_not_forget_by_damage(void **state)
{
    struct kit_tree *tree = *state;
    static const char *const damaged[] = {
        "",
        "{}",
        "[]",
        "{\"schema\":\"hallmark/memory/1\",\"grade\":\"maker\"}",
        "{\"schema\":\"hallmark/memory/1\",\"grade\":\"best\"}",
        "{\"schema\":\"hallmark/memory/2\",\"grade\":\"attested\"}"};

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(damaged); i++) {
        kit_write(tree, "home/sites/globex/makers/acme/memory.json", damaged[i]);
        assert_int_equal(standing_of_acme(tree, "remembered", NULL), HM_EFORMAT);
    }
    kit_write(tree, "home/sites/globex/makers/acme/memory.json",
              "{\"schema\":\"hallmark/memory/1\",\"grade\":\"attested\"}");
    assert_int_equal(standing_of_acme(tree, "", NULL), HM_OK);
}

static void test_refresh__cannot_tell_while_a_role_is_withheld(void **state)
{
    struct kit_tree *tree = *state;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    assert_int_equal(hm_dir_remove(&tree->dir, "public/metadata/1.release~acme.json", NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "release~acme", NULL), HM_ENOTFOUND);
}

static void test_refresh__uses_no_role_with_an_improper_name(void **state)
{
    struct kit_tree *tree = *state;

    assert_int_equal(kit_trust(tree, NULL, NULL), HM_OK);
    kit_put(tree->site.release, "acme/nic/3.0/../../x", 1, 'x', NULL);
    kit_tree_publish(tree);
    assert_int_equal(standing_of_acme(tree, "../../x", NULL), HM_EFORMAT);
}

static void test_refresh__grades_by_pin_and_floor(void **state)
{
    struct kit_tree *tree = *state;
    struct hm_trust_pin pin = {.id = "acme", .first = tree->site.identity->first};
    struct hm_policy policy = {
        .url = tree->url, .floor = HM_GRADE_INTRODUCED, .pins = &pin, .pin_count = 1};
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    enum hm_grade grade;

    assert_int_equal(kit_trust(tree, &policy, NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "", &grade), HM_OK);
    assert_int_equal(grade, HM_GRADE_PINNED);
    site = kit_open(tree, KIT_NOW, true);
    assert_int_equal(refresh(site, "*", NULL), HM_OK);
    assert_int_equal(hm_subscription_standing(site, hm_bytes_str("bolt"))->rc, HM_EREFUSED);
    pin.first.bytes[0] ^= 1;
    assert_int_equal(hm_policy_write(&policy, &site->dir, NULL), HM_OK);
    assert_int_equal(standing_of_acme(tree, "pinned", NULL), HM_EREFUSED);
}

static void test_policy__survives_the_disk(void **state)
{
    struct kit_tree *tree = *state;
    _hm_done_(hm_policy_done) struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};
    _hm_done_(hm_policy_done) struct hm_policy again = {0};
    static const char pin[] =
        "acme=00112233 44556677 8899aabb ccddeeff 00112233 44556677 8899aabb ccddeeff";

    assert_int_equal(hm_policy_copy_text(&policy, "https://a/", NULL, &policy.url), HM_OK);
    assert_int_equal(hm_policy_copy_text(&policy, "", NULL, &policy.proxy), HM_OK);
    assert_int_equal(hm_policy_copy_text(&policy, "/ca.pem", NULL, &policy.ca_file), HM_OK);
    assert_int_equal(hm_policy_pin(&policy, pin, NULL), HM_OK);
    assert_int_equal(hm_policy_pin(&policy, pin, NULL), HM_OK);
    assert_int_equal(hm_policy_set_floor(&policy, "maker", NULL), HM_OK);
    assert_int_equal(hm_policy_add_mirror(&policy, "https://m1/", NULL), HM_OK);
    assert_int_equal(hm_policy_add_mirror(&policy, "https://m2/", NULL), HM_OK);
    assert_int_equal(hm_policy_add_mirror(&policy, "https://m1/", NULL), HM_OK);
    policy.allow_plain_http = true;
    assert_int_equal(hm_policy_write(&policy, &tree->dir, NULL), HM_OK);
    assert_int_equal(hm_policy_read(&tree->dir, NULL, &again), HM_OK);
    assert_string_equal(again.url, "https://a/");
    assert_string_equal(again.proxy, "");
    assert_string_equal(again.ca_file, "/ca.pem");
    assert_int_equal(again.pin_count, 1);
    assert_int_equal(again.pins[0].first.bytes[1], 0x11);
    assert_int_equal(again.floor, HM_GRADE_INTRODUCED);
    assert_int_equal(again.mirror_count, 2);
    assert_string_equal(again.mirrors[1], "https://m2/");
    assert_true(again.allow_plain_http);
    assert_int_equal(hm_policy_drop_mirror(&again, "https://m1/", NULL), HM_OK);
    assert_int_equal(hm_policy_drop_mirror(&again, "https://m1/", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_unpin(&again, "acme", NULL), HM_OK);
    assert_int_equal(hm_policy_unpin(&again, "acme", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_pin(&again, "acme", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_pin(&again, "acme=00", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_pin(&again, "ACME=00", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_set_floor(&again, "none", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_add_mirror(&again, "", NULL), HM_EUSAGE);
    assert_int_equal(hm_policy_add_mirror(&again, "a b", NULL), HM_EUSAGE);
    assert_int_equal(hm_dir_remove(&tree->dir, "site.json", NULL), HM_OK);
}

static void test_policy__refuses_what_it_does_not_know(void **state)
{
    struct kit_tree *tree = *state;
    static const char *const bad[] = {
        "",
        "{}",
        "{\"schema\":\"hallmark/subscription/1\"}",
        "{\"url\":\"x\"}",
        "{\"schema\":\"hallmark/subscription/1\",\"url\":\"x\",\"new\":\"y\"}",
        "{\"schema\":\"hallmark/subscription/1\",\"url\":\"x\",\"options\":{\"new\":\"y\"}}",
        "{\"schema\":\"hallmark/subscription/1\",\"url\":\"x\",\"pins\":{\"acme\":\"00\"}}"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_policy policy = {0};

        kit_write(tree, "site.json", bad[i]);
        assert_int_equal(hm_policy_read(&tree->dir, NULL, &policy), HM_EFORMAT);
    }
    assert_int_equal(hm_dir_remove(&tree->dir, "site.json", NULL), HM_OK);
}

static void test_home__reads_its_format(void **state)
{
    struct kit_tree *tree = *state;
    static const struct {
        const char *format;
        enum hm_rc rc;
    } cases[] = {{"hallmark-home 1\n", HM_OK},      {"hallmark-home 2\n", HM_EREFUSED},
                 {"hallmark-site 1\n", HM_EFORMAT}, {"hallmark-home 1", HM_EFORMAT},
                 {"hallmark-home x\n", HM_EFORMAT}, {"", HM_EFORMAT}};
    char path[96];

    (void)snprintf(path, sizeof(path), "%s/home", tree->root);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_home_done) struct hm_home home = HM_HOME_INIT;

        kit_write(tree, "home/format", cases[i].format);
        assert_int_equal(hm_home_open(path, false, NULL, &home), cases[i].rc);
    }
    (void)snprintf(path, sizeof(path), "%s/nothing", tree->root);
    assert_int_equal(hm_home_open(path, false, NULL, &tree->home), HM_EINPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_add__trusts_after_a_refresh),
        TEST(test_add__trusts_nothing_where_the_refresh_failed),
        TEST(test_add__refuses_another_name),
        TEST(test_remove__forgets),
        TEST(test_refresh__gets_only_what_is_asked_for),
        TEST(test_load__says_what_is_not_held),
        TEST(test_refresh__knows_expiry_and_clock),
        TEST(test_refresh__cannot_tell_of_an_expired_role),
        TEST(test_refresh__remembers_the_first_identity),
        TEST(test_refresh__refuses_a_fallen_grade),
        TEST(test_refresh__refuses_an_older_identity),
        TEST(test_refresh__takes_no_broken_chain),
        TEST(test_refresh__does_without_the_site_what_is_held),
        TEST(test_refresh__does_not_forget_by_damage),
        TEST(test_refresh__cannot_tell_while_a_role_is_withheld),
        TEST(test_refresh__uses_no_role_with_an_improper_name),
        TEST(test_refresh__grades_by_pin_and_floor),
        TEST(test_policy__survives_the_disk),
        TEST(test_policy__refuses_what_it_does_not_know),
        TEST(test_home__reads_its_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
