/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolling makers: who may not, and what can never change. */
#include "site_world.h"

static enum hm_rc enrol(struct world *world, const struct hm_enrol_options *options,
                        bool *ret_drafted)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    enum hm_rc rc = hm_enrol_run(site, options, &world->err, &world->report, ret_drafted);

    hm_site_free(site);
    return rc;
}

static void add_public(struct hm_approvers *list, const struct hm_signer *signer, const char *name)
{
    struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct hm_key *key = NULL;

    assert_int_equal(hm_key_write_pem(hm_signer_key(signer), NULL, &pem), HM_OK);
    assert_int_equal(hm_key_parse_pem(hm_buf_bytes(&pem), NULL, &key), HM_OK);
    assert_int_equal(hm_approvers_add(list, name, key, NULL), HM_OK);
    hm_buf_done(&pem);
}

static void test_enrol__twice_changes_nothing(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    assert_false(world_has(world, "private/drafts/targets.json"));
    maker_done(&acme);
}

static void test_enrol__refuses_another_chain(void **state)
{
    struct world *world = *state;
    struct maker acme, thief;

    maker_init(&acme, "acme");
    maker_init(&thief, "acme");
    world_enrol(world, &acme);
    assert_rc(HM_EREFUSED, world_enrol_only(world, &thief));
    maker_rotate(&thief);
    assert_rc(HM_EREFUSED, world_enrol_only(world, &thief)); /* however long */
    assert_false(world_has(world, "private/drafts/targets.json"));
    maker_rotate(&acme);
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    maker_done(&thief);
    maker_done(&acme);
}

static void test_enrol__refuses_an_older_identity(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    maker_rotate(&acme);
    world_enrol(world, &acme);
    acme.identity_count = 1;
    assert_rc(HM_EROLLBACK, world_enrol_only(world, &acme));
    acme.identity_count = 2;
    maker_done(&acme);
}

static void test_enrol__grade_never_falls(void **state)
{
    struct world *world = *state;
    struct hm_enrol_options attested = {.id = "acme", .name = "Acme"};
    struct maker acme;
    bool drafted;

    maker_init(&acme, "acme");
    assert_rc(HM_OK, enrol(world, &attested, &drafted));
    assert_true(drafted);
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, NULL));
    assert_rc(HM_OK, enrol(world, &attested, &drafted));
    assert_false(drafted);
    world_enrol(world, &acme); /* attested to maker is allowed */
    assert_rc(HM_EREFUSED, enrol(world, &attested, &drafted));
    assert_non_null(strstr(world->err.text, "never fall"));
    maker_done(&acme);
}

static void test_enrol__refuses_a_key_on_both_sides(void **state)
{
    static const char *const roles[] = {"root", "targets", "release", "recalls", "online"};
    struct world *world = *state;
    struct hm_site *site = world_open(world, HM_SITE_READ);
    struct hm_signers own = HM_SIGNERS_INIT;
    struct maker acme;

    assert_rc(HM_OK,
              hm_approvers_signers(&site->private_dir, HM_APPROVERS_TRIAL, &world->err, &own));
    assert_rc(HM_OK,
              hm_approvers_signers(&site->private_dir, HM_APPROVERS_ONLINE, &world->err, &own));
    hm_site_free(site);
    assert_int_equal(own.count, HM_ARRAY_COUNT(roles));
    /* release~ID must be there for its key to stand anywhere. */
    maker_init(&acme, "other");
    world_enrol(world, &acme);
    maker_done(&acme);
    for (size_t i = 0; i < own.count; i++) {
        maker_init(&acme, "acme");
        hm_signer_free(acme.keys[0]);
        hm_buf_done(&acme.identities[0]);
        acme.identity_count = 0;
        maker_rotate(&acme);
        hm_signer_free(acme.keys[0]);
        acme.keys[0] = own.items[i];
        {
            const struct hm_key *key = hm_signer_key(own.items[i]);
            struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
            struct hm_signers one = HM_SIGNERS_INIT;
            struct hm_targets *scratch = NULL;
            const struct hm_role_keys *groups[1];
            const char *paths[] = {"x"};

            /* An identity whose only key is the vendor's. */
            one.items[one.count++] = own.items[i];
            assert_int_equal(hm_identity_write("acme", "Acme", 1, &key, 1, 1, NULL, &canonical),
                             HM_OK);
            assert_int_equal(hm_targets_new(NULL, &scratch), HM_OK);
            assert_int_equal(hm_targets_delegate(scratch, "x", &key, 1, 1, paths, 1, true, NULL),
                             HM_OK);
            groups[0] = &scratch->delegations.roles[0].keys;
            hm_buf_clear(&acme.identities[0]);
            assert_int_equal(hm_approvers_sign(&one, "x", hm_buf_bytes(&canonical), groups, 1, NULL,
                                               &acme.identities[0]),
                             HM_OK);
            hm_targets_free(scratch);
            hm_buf_done(&canonical);
        }
        assert_rc(HM_EREFUSED, world_enrol_only(world, &acme));
        assert_non_null(strstr(world->err.text, "share a key"));
        acme.keys[0] = NULL;
        maker_done(&acme);
    }
    assert_false(world_has(world, "private/drafts/targets.json"));
    hm_roles_signers_done(&own);
}

static void test_enrol__refuses_a_makers_key_as_approver(void **state)
{
    struct world *world = *state;
    struct hm_approvers list = HM_APPROVERS_INIT;
    struct hm_enrol_options options = {
        .id = "bolt", .name = "Bolt", .approvers = &list, .threshold = 1};
    struct hm_signer *fresh = NULL;
    struct maker acme;
    bool drafted;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    add_public(&list, acme.keys[0], "acme.pub");
    assert_rc(HM_EREFUSED, enrol(world, &options, &drafted));
    assert_non_null(strstr(world->err.text, "acme.pub"));
    hm_approvers_done(&list);
    assert_int_equal(hm_signer_generate("ed25519", NULL, &fresh), HM_OK);
    add_public(&list, fresh, "fresh.pub");
    options.threshold = 2;
    assert_rc(HM_EREFUSED, enrol(world, &options, &drafted)); /* 2 of 1 */
    options.threshold = 1;
    assert_rc(HM_OK, enrol(world, &options, &drafted));
    assert_true(drafted);
    assert_rc(HM_EUSAGE, enrol(world, &options, &drafted)); /* now that is rotate's work */
    hm_signer_free(fresh);
    hm_approvers_done(&list);
    maker_done(&acme);
}

static void test_enrol__refuses_reserved_ids(void **state)
{
    struct world *world = *state;
    static const char *const ids[] = {"recalls", "vendor", "makers", "A", "a b", "x~y", ""};
    bool drafted;

    for (size_t i = 0; i < HM_ARRAY_COUNT(ids); i++) {
        struct hm_enrol_options options = {.id = ids[i], .name = "Name"};

        assert_rc(HM_EFORMAT, enrol(world, &options, &drafted));
    }
}

static void test_enrol__keeps_the_signatures_of_others(void **state)
{
    struct world *world = *state;
    struct maker acme, bolt;
    size_t count;

    maker_init(&acme, "acme");
    maker_init(&bolt, "bolt");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    world_sign(world, "targets");
    assert_rc(HM_OK, world_enrol_only(world, &bolt)); /* the draft changes: to be signed anew */
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
    assert_true(world_has(world, "public/makers/acme/1.identity"));
    assert_true(world_has(world, "public/makers/bolt/1.identity"));
    maker_done(&bolt);
    maker_done(&acme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_enrol__twice_changes_nothing),
        world_test(test_enrol__refuses_another_chain),
        world_test(test_enrol__refuses_an_older_identity),
        world_test(test_enrol__grade_never_falls),
        world_test(test_enrol__refuses_a_key_on_both_sides),
        world_test(test_enrol__refuses_a_makers_key_as_approver),
        world_test(test_enrol__refuses_reserved_ids),
        world_test(test_enrol__keeps_the_signatures_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
