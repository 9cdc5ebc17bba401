/* SPDX-License-Identifier: Apache-2.0 */
/* Changing keys, seen by a client before, between and after the two steps. */
#include "site_world.h"

#include "site/init.h"
#include "site/journal.h"
#include "site/rotate.h"

struct extra {
    struct hm_signer *signer;
    struct hm_approvers list;
};

static void extra_init(struct extra *extra, const char *name)
{
    struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct hm_key *key = NULL;

    *extra = (struct extra){.list = HM_APPROVERS_INIT};
    assert_int_equal(hm_signer_generate("ed25519", NULL, &extra->signer), HM_OK);
    assert_int_equal(hm_key_write_pem(hm_signer_key(extra->signer), NULL, &pem), HM_OK);
    assert_int_equal(hm_key_parse_pem(hm_buf_bytes(&pem), NULL, &key), HM_OK);
    assert_int_equal(hm_approvers_add(&extra->list, name, key, NULL), HM_OK);
    hm_buf_done(&pem);
}

static void extra_done(struct extra *extra)
{
    hm_approvers_done(&extra->list);
    hm_signer_free(extra->signer);
}

static enum hm_rc rotate(struct world *world, const struct hm_rotate_options *options)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    struct hm_renew result = HM_RENEW_INIT;
    enum hm_rc rc = hm_rotate_run(site, options, &world->err, &world->report, &result);

    hm_renew_done(&result);
    hm_site_free(site);
    return rc;
}

static enum hm_rc rotate_add(struct world *world, const char *role, struct extra *extra,
                             uint32_t threshold)
{
    struct hm_rotate_options options = {.role = role, .add = &extra->list, .threshold = threshold};

    return rotate(world, &options);
}

/* The first step alone: committed and rolled forward. */
static void first_step(struct world *world)
{
    struct hm_dir private_dir = HM_DIR_INIT, public_dir = HM_DIR_INIT;
    struct hm_buf before = HM_BUF_INIT(65536), now = HM_BUF_INIT(65536);
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    char path[700];
    size_t taken;

    assert_rc(HM_OK, hm_publish_commit_only(site, &world->err));
    hm_site_free(site);
    (void)snprintf(path, sizeof(path), "%s/private", world->site);
    assert_rc(HM_OK, hm_dir_open(path, &world->err, &private_dir));
    (void)snprintf(path, sizeof(path), "%s/public", world->site);
    assert_rc(HM_OK, hm_dir_open(path, &world->err, &public_dir));
    world_read(world, "public/metadata/timestamp.json", &before);
    world_read(world, "public/metadata/timestamp.json", &now);
    for (int i = 0; i < 100 && hm_bytes_is_equal(hm_buf_bytes(&before), hm_buf_bytes(&now)); i++) {
        assert_rc(HM_OK,
                  hm_journal_recover_steps(&private_dir, &public_dir, 1, &world->err, &taken));
        hm_buf_clear(&now);
        world_read(world, "public/metadata/timestamp.json", &now);
    }
    assert_false(hm_bytes_is_equal(hm_buf_bytes(&before), hm_buf_bytes(&now)));
    hm_buf_done(&before);
    hm_buf_done(&now);
    hm_dir_done(&public_dir);
    hm_dir_done(&private_dir);
}

static void new_client(struct world *world, const char *name)
{
    (void)snprintf(world->client, sizeof(world->client), "%s/%s", world->dir, name);
}

static void test_rotate__root_needs_old_and_new_keys(void **state)
{
    struct world *world = *state;
    struct extra extra;
    size_t count;

    extra_init(&extra, "second.pub");
    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_OK, rotate_add(world, "root", &extra, 2));
    world_sign_with(world, "root", extra.signer);
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0); /* the old key has not signed */
    assert_non_null(strstr(hm_buf_str(&world->report), "by the keys before"));
    world_sign(world, "root");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3); /* with a snapshot, whose log entry names the root */
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 2);
    assert_int_equal(world_client_version(world, "timestamp"), 2);
    extra_done(&extra);
}

static void test_rotate__targets_are_good_on_both_sides(void **state)
{
    struct world *world = *state;
    struct extra extra;
    size_t count;

    extra_init(&extra, "second.pub");
    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_OK, rotate_add(world, "targets", &extra, 2));
    world_sign(world, "root");
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count)); /* the new key has not signed targets */
    assert_int_equal(count, 0);
    assert_non_null(strstr(hm_buf_str(&world->report), "by the new keys"));
    world_sign_with(world, "targets", extra.signer);
    first_step(world);
    assert_false(world_has(world, "public/metadata/2.root.json"));
    assert_rc(HM_OK, world_refresh(world)); /* between the steps: under root 1 */
    assert_int_equal(world_client_version(world, "targets"), 2);
    assert_int_equal(world_client_version(world, "root"), 1);
    assert_rc(HM_OK, world_publish(world, &count)); /* rolls the rest forward */
    assert_int_equal(count, 0);
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 2);
    new_client(world, "later");
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 2);
    extra_done(&extra);
}

static void test_rotate__online_key_in_two_steps(void **state)
{
    struct world *world = *state;
    struct hm_rotate_options options = {.role = "online"};
    struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;
    struct hm_site *site;
    char path[700];
    size_t count;

    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_OK, rotate(world, &options));
    world_sign(world, "root");
    first_step(world);
    assert_false(world_has(world, "public/metadata/2.root.json"));
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "timestamp"), 2);
    new_client(world, "between");
    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 2);
    /* The old key is not needed any more. */
    (void)snprintf(path, sizeof(path), "%s/private/keys/online.pem", world->site);
    assert_int_equal(unlink(path), 0);
    site = world_open(world, HM_SITE_CHANGE);
    assert_rc(HM_OK, hm_publish_run(site, HM_PUBLISH_REFRESH, &world->err, &result));
    assert_int_equal(result.count, 2);
    hm_publish_result_done(&result);
    hm_site_free(site);
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "timestamp"), 3);
}

static void lose_key(struct world *world)
{
    char path[700];

    (void)snprintf(path, sizeof(path), "%s/private/keys/online.pem", world->site);
    assert_int_equal(unlink(path), 0);
}

static void test_rotate__a_lost_online_key_is_replaced_in_one_step(void **state)
{
    struct world *world = *state;
    struct hm_rotate_options options = {.role = "online", .lost = true};
    struct hm_site *site;
    size_t count, taken;

    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_EUSAGE, rotate(world, &options)); /* it is at hand */
    lose_key(world);
    assert_rc(HM_OK, rotate(world, &options));
    assert_true(world_has(world, "private/online-lost"));
    world_sign(world, "root");
    site = world_open(world, HM_SITE_CHANGE);
    assert_rc(HM_OK, hm_publish_commit_only(site, &world->err));
    assert_rc(HM_OK, world_refresh(world)); /* before: all is as it was */
    assert_int_equal(world_client_version(world, "root"), 1);
    while (!world_has(world, "public/metadata/2.root.json"))
        assert_rc(HM_OK, hm_journal_recover_steps(&site->private_dir, &site->public_dir, 1,
                                                  &world->err, &taken));
    /* Between the root and the timestamp: refused, and nothing that was trusted is lost. */
    assert_rc(HM_ESIGNATURE, world_refresh(world));
    new_client(world, "between");
    assert_rc(HM_ESIGNATURE, world_refresh(world));
    hm_site_free(site);
    site = world_open(world, HM_SITE_CHANGE); /* rolls forward */
    hm_site_free(site);
    assert_false(world_has(world, "private/online-lost"));
    new_client(world, "client");
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 2);
    assert_int_equal(world_client_version(world, "timestamp"), 2);
    new_client(world, "between");
    assert_rc(HM_OK, world_refresh(world));
    new_client(world, "later");
    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
}

static void test_rotate__without_lost_the_old_key_must_sign(void **state)
{
    struct world *world = *state;
    struct hm_rotate_options options = {.role = "online"};

    lose_key(world);
    hm_buf_clear(&world->report);
    assert_rc(HM_OK, rotate(world, &options));
    assert_non_null(strstr(hm_buf_str(&world->report), "WARNING: the online key in force"));
    world_sign(world, "root");
    assert_rc(HM_EINPUT, world_publish(world, NULL));
    assert_false(world_has(world, "public/metadata/2.root.json"));
    options.role = "targets";
    options.lost = true;
    assert_rc(HM_EUSAGE, rotate(world, &options));
}

static void test_rotate__release_goes_out_with_its_targets(void **state)
{
    struct world *world = *state;
    struct extra extra;
    struct maker acme;
    size_t count;

    extra_init(&extra, "second.pub");
    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
    assert_rc(HM_OK, rotate_add(world, "release~acme", &extra, 2));
    world_sign(world, "targets");
    world_sign(world, "release~acme");
    assert_rc(HM_OK, world_publish(world, &count)); /* 1 of 2 approvers */
    assert_int_equal(count, 0);
    assert_non_null(strstr(hm_buf_str(&world->report), "waits for"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    world_sign_with(world, "release~acme", extra.signer);
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    maker_done(&acme);
    extra_done(&extra);
}

static void test_rotate__removes_a_key_by_its_id(void **state)
{
    struct world *world = *state;
    struct extra extra;
    char id[HM_KEY_ID_HEX_SIZE];
    const char *remove[] = {id};
    struct hm_rotate_options options = {
        .role = "recalls~vendor", .remove = remove, .remove_count = 1};
    size_t count;

    extra_init(&extra, "second.pub");
    (void)snprintf(id, sizeof(id), "%s", hm_key_id(hm_signer_key(extra.signer)));
    assert_rc(HM_EUSAGE, rotate(world, &options)); /* not there yet */
    assert_rc(HM_OK, rotate_add(world, "recalls~vendor", &extra, 0));
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
    id[7] = '\0'; /* too short to be sure */
    assert_rc(HM_EUSAGE, rotate(world, &options));
    (void)snprintf(id, sizeof(id), "%.8s", hm_key_id(hm_signer_key(extra.signer)));
    assert_rc(HM_OK, rotate(world, &options));
    assert_rc(HM_EUSAGE, rotate(world, &options)); /* gone from the draft */
    extra_done(&extra);
}

static void test_rotate__refuses_what_cannot_be(void **state)
{
    struct world *world = *state;
    struct hm_rotate_options nothing = {.role = "root"};
    struct hm_rotate_options online = {.role = "online", .threshold = 2};
    struct extra extra;

    extra_init(&extra, "second.pub");
    assert_rc(HM_EUSAGE, rotate(world, &nothing));
    assert_rc(HM_EUSAGE, rotate(world, &online));
    assert_rc(HM_EREFUSED, rotate_add(world, "root", &extra, 3));
    assert_rc(HM_EUNKNOWN, rotate_add(world, "release~nobody", &extra, 0));
    assert_rc(HM_EUNKNOWN, rotate_add(world, "snapshot", &extra, 0));
    assert_rc(HM_OK, rotate_add(world, "root", &extra, 0));
    assert_rc(HM_EUSAGE, rotate_add(world, "root", &extra, 0)); /* it is there already */
    extra_done(&extra);
}

static void test_rotate__refuses_a_makers_key(void **state)
{
    struct world *world = *state;
    struct extra extra;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    extra_init(&extra, "theirs.pub");
    hm_signer_free(extra.signer);
    hm_approvers_done(&extra.list);
    extra.list = (struct hm_approvers)HM_APPROVERS_INIT;
    {
        struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
        struct hm_key *key = NULL;

        assert_int_equal(hm_key_write_pem(hm_signer_key(acme.keys[0]), NULL, &pem), HM_OK);
        assert_int_equal(hm_key_parse_pem(hm_buf_bytes(&pem), NULL, &key), HM_OK);
        assert_int_equal(hm_approvers_add(&extra.list, "theirs.pub", key, NULL), HM_OK);
        hm_buf_done(&pem);
    }
    extra.signer = NULL;
    assert_rc(HM_EREFUSED, rotate_add(world, "root", &extra, 0));
    assert_rc(HM_EREFUSED, rotate_add(world, "targets", &extra, 0));
    assert_rc(HM_EREFUSED, rotate_add(world, "release~acme", &extra, 0));
    assert_rc(HM_EREFUSED, rotate_add(world, "recalls~vendor", &extra, 0));
    assert_false(world_has(world, "private/drafts/root.json"));
    assert_false(world_has(world, "private/drafts/targets.json"));
    maker_done(&acme);
    extra_done(&extra);
}

static void test_rotate__refuses_the_online_key_elsewhere(void **state)
{
    struct world *world = *state;
    struct hm_signers online = HM_SIGNERS_INIT;
    struct hm_site *site = world_open(world, HM_SITE_READ);
    struct hm_approvers list = HM_APPROVERS_INIT;
    struct hm_rotate_options options = {.role = "root", .add = &list};
    struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct hm_key *key = NULL;

    assert_rc(HM_OK,
              hm_approvers_signers(&site->private_dir, HM_APPROVERS_ONLINE, &world->err, &online));
    assert_int_equal(online.count, 1);
    assert_int_equal(hm_key_write_pem(hm_signer_key(online.items[0]), NULL, &pem), HM_OK);
    assert_int_equal(hm_key_parse_pem(hm_buf_bytes(&pem), NULL, &key), HM_OK);
    assert_int_equal(hm_approvers_add(&list, "online.pub", key, NULL), HM_OK);
    assert_rc(HM_EREFUSED, rotate(world, &options));
    options.role = "recalls~vendor";
    assert_rc(HM_EREFUSED, rotate(world, &options));
    hm_buf_done(&pem);
    hm_approvers_done(&list);
    hm_roles_signers_done(&online);
    hm_site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_rotate__root_needs_old_and_new_keys),
        world_test(test_rotate__targets_are_good_on_both_sides),
        world_test(test_rotate__online_key_in_two_steps),
        world_test(test_rotate__a_lost_online_key_is_replaced_in_one_step),
        world_test(test_rotate__without_lost_the_old_key_must_sign),
        world_test(test_rotate__release_goes_out_with_its_targets),
        world_test(test_rotate__removes_a_key_by_its_id),
        world_test(test_rotate__refuses_what_cannot_be),
        world_test(test_rotate__refuses_a_makers_key),
        world_test(test_rotate__refuses_the_online_key_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
