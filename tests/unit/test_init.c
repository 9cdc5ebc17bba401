/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a site: what is refused, what is drafted, and how it becomes public. */
#include "site_world.h"

#include <sys/stat.h>

#include "base/file.h"
#include "site/init.h"
#include "trust/trust_file.h"

#define KEY_COUNT 7

struct keys {
    struct hm_signer *signers[KEY_COUNT];
};

static void keys_init(struct keys *keys)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        assert_int_equal(hm_signer_generate("ed25519", NULL, &keys->signers[i]), HM_OK);
}

static void keys_done(struct keys *keys)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        hm_signer_free(keys->signers[i]);
}

static void give(struct hm_init_options *options, enum hm_init_group group,
                 const struct hm_signer *signer, const char *name)
{
    struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct hm_key *key = NULL;

    assert_int_equal(hm_key_write_pem(hm_signer_key(signer), NULL, &pem), HM_OK);
    assert_int_equal(hm_key_parse_pem(hm_buf_bytes(&pem), NULL, &key), HM_OK);
    assert_int_equal(hm_approvers_add(&options->groups[group], name, key, NULL), HM_OK);
    hm_buf_done(&pem);
}

/* Root: 3 keys, targets: 1, release: 2, recalls: 1. */
static void fill(struct world *world, struct keys *keys, struct hm_init_options *options)
{
    *options =
        (struct hm_init_options){.path = world->site, .name = "demo", .url = "https://localhost/"};
    for (int i = 0; i < HM_INIT_GROUP_COUNT_; i++)
        options->groups[i] = (struct hm_approvers)HM_APPROVERS_INIT;
    give(options, HM_INIT_ROOT, keys->signers[0], "r1.pub");
    give(options, HM_INIT_ROOT, keys->signers[1], "r2.pub");
    give(options, HM_INIT_ROOT, keys->signers[2], "r3.pub");
    give(options, HM_INIT_TARGETS, keys->signers[3], "t1.pub");
    give(options, HM_INIT_RELEASE, keys->signers[4], "a1.pub");
    give(options, HM_INIT_RELEASE, keys->signers[5], "a2.pub");
    give(options, HM_INIT_RECALLS, keys->signers[6], "c1.pub");
}

static enum hm_rc run(struct world *world, struct hm_init_options *options)
{
    enum hm_rc rc = hm_init_run(options, world->now, &world->err, &world->report);

    hm_init_options_done(options);
    return rc;
}

static void check_mode(struct world *world, const char *path, mode_t mode)
{
    char whole[1400];
    struct stat info;

    (void)snprintf(whole, sizeof(whole), "%s/%s", world->site, path);
    assert_int_equal(stat(whole, &info), 0);
    assert_int_equal(info.st_mode & 0777, mode);
}

static void test_init__is_published_when_signed(void **state)
{
    struct world *world = *state;
    struct hm_init_options options;
    struct keys keys;
    size_t count;

    keys_init(&keys);
    fill(world, &keys, &options);
    assert_rc(HM_OK, run(world, &options));
    assert_non_null(
        strstr(hm_buf_str(&world->report), "WARNING: one key alone can sign 'targets'"));
    check_mode(world, "private", 0700);
    check_mode(world, "private/keys", 0700);
    check_mode(world, "private/keys/online.pem", 0600);
    check_mode(world, "public", 0755);
    assert_false(world_has(world, "private/keys/root.pem"));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    world_sign_with(world, "root", keys.signers[0]);
    world_sign_with(world, "targets", keys.signers[3]);
    assert_rc(HM_OK, world_publish(world, &count)); /* 1 of 2 */
    assert_int_equal(count, 0);
    world_sign_with(world, "root", keys.signers[2]);
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_refresh(world));
    keys_done(&keys);
}

static void test_init__publishes_a_trust_file(void **state)
{
    struct world *world = *state;
    struct hm_init_options options = HM_INIT_OPTIONS_INIT;
    struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;
    struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    struct hm_trust_file *file = NULL;
    struct hm_site *site;

    options.path = world->site;
    options.name = "demo";
    options.url = "https://localhost/";
    options.trial = true;
    assert_rc(HM_OK, run(world, &options));
    site = world_open(world, HM_SITE_CHANGE);
    assert_rc(HM_OK, hm_publish_run(site, HM_PUBLISH_DRAFTS, &world->err, &result));
    hm_site_free(site);
    assert_true(result.has_fingerprint);
    world_read(world, "public/hallmark.trust", &raw);
    assert_rc(HM_OK, hm_trust_file_parse(hm_buf_bytes(&raw), &world->err, &file));
    assert_true(hm_digest_is_equal(&file->fingerprint, &result.fingerprint));
    assert_true(file->trial);
    assert_string_equal(file->site, "demo");
    assert_string_equal(file->url, "https://localhost/");
    hm_trust_file_free(file);
    hm_buf_done(&raw);
    hm_publish_result_done(&result);
}

static void test_init__refuses_a_folder_in_use(void **state)
{
    struct world *world = *state;
    struct hm_init_options options;
    struct keys keys;

    keys_init(&keys);
    fill(world, &keys, &options);
    options.path = world->dir;
    world_write(world, "../something", "mine");
    assert_rc(HM_EREFUSED, run(world, &options));
    assert_false(world_has(world, "../private"));
    fill(world, &keys, &options);
    assert_rc(HM_OK, run(world, &options));
    fill(world, &keys, &options);
    assert_rc(HM_EREFUSED, run(world, &options)); /* a site is not started twice */
    keys_done(&keys);
}

static void test_init__refuses_thresholds_that_cannot_be_met(void **state)
{
    struct world *world = *state;
    struct hm_init_options options;
    struct keys keys;

    keys_init(&keys);
    fill(world, &keys, &options);
    options.thresholds[HM_INIT_ROOT] = 4;
    assert_rc(HM_EREFUSED, run(world, &options));
    fill(world, &keys, &options);
    options.thresholds[HM_INIT_TARGETS] = 2;
    assert_rc(HM_EREFUSED, run(world, &options));
    fill(world, &keys, &options);
    hm_approvers_done(&options.groups[HM_INIT_RELEASE]);
    assert_rc(HM_EUSAGE, run(world, &options));
    fill(world, &keys, &options);
    hm_approvers_done(&options.groups[HM_INIT_RELEASE]);
    give(&options, HM_INIT_RELEASE, keys.signers[4], "a1.pub");
    assert_rc(HM_EREFUSED, run(world, &options)); /* two approvers, unless one is asked for */
    assert_false(world_has(world, "private"));
    fill(world, &keys, &options);
    hm_approvers_done(&options.groups[HM_INIT_RELEASE]);
    give(&options, HM_INIT_RELEASE, keys.signers[4], "a1.pub");
    options.thresholds[HM_INIT_RELEASE] = 1;
    assert_rc(HM_OK, run(world, &options));
    keys_done(&keys);
}

static void test_init__refuses_bad_names_and_keys(void **state)
{
    struct world *world = *state;
    struct hm_init_options options;
    struct keys keys;

    keys_init(&keys);
    fill(world, &keys, &options);
    options.name = "Demo Site";
    assert_rc(HM_EFORMAT, run(world, &options));
    fill(world, &keys, &options);
    options.name = "vendor";
    assert_rc(HM_EFORMAT, run(world, &options));
    fill(world, &keys, &options);
    options.url = "";
    assert_rc(HM_EFORMAT, run(world, &options));
    fill(world, &keys, &options);
    options.online = keys.signers[1];
    keys.signers[1] = NULL;
    assert_rc(HM_EREFUSED, run(world, &options));
    assert_non_null(strstr(world->err.text, "online key"));
    keys_done(&keys);
}

static void test_init__trial_takes_no_keys(void **state)
{
    struct world *world = *state;
    struct hm_init_options options;
    struct keys keys;

    keys_init(&keys);
    fill(world, &keys, &options);
    options.trial = true;
    assert_rc(HM_EUSAGE, run(world, &options));
    keys_done(&keys);
}

static void test_approvers__take_public_keys_only(void **state)
{
    struct world *world = *state;
    struct hm_approvers list = HM_APPROVERS_INIT;
    struct hm_secret pem = HM_SECRET_INIT;
    struct hm_buf public_pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    struct keys keys;
    char path[700];

    keys_init(&keys);
    (void)snprintf(path, sizeof(path), "%s/key", world->dir);
    assert_rc(HM_OK, hm_signer_write(keys.signers[0], NULL, &world->err, &pem));
    assert_rc(HM_OK,
              hm_file_write_path(path, 0600, hm_bytes_make(pem.data, pem.size), &world->err));
    assert_rc(HM_EREFUSED, hm_approvers_read(&list, path, &world->err));
    assert_rc(HM_OK, hm_key_write_pem(hm_signer_key(keys.signers[0]), &world->err, &public_pem));
    assert_rc(HM_OK, hm_file_write_path(path, 0644, hm_buf_bytes(&public_pem), &world->err));
    assert_rc(HM_OK, hm_approvers_read(&list, path, &world->err));
    assert_rc(HM_EREFUSED, hm_approvers_read(&list, path, &world->err)); /* the same key again */
    assert_rc(HM_OK, hm_file_write_path(path, 0644, hm_bytes_str("no key"), &world->err));
    assert_rc(HM_EFORMAT, hm_approvers_read(&list, path, &world->err));
    (void)snprintf(path, sizeof(path), "%s/none", world->dir);
    assert_rc(HM_ENOTFOUND, hm_approvers_read(&list, path, &world->err));
    assert_int_equal(list.count, 1);
    assert_string_equal(hm_approvers_name(&list, hm_key_id(hm_signer_key(keys.signers[0]))), "key");
    assert_null(hm_approvers_name(&list, hm_key_id(hm_signer_key(keys.signers[1]))));
    hm_secret_done(&pem);
    hm_buf_done(&public_pem);
    hm_approvers_done(&list);
    keys_done(&keys);
}

#define empty_test(test) cmocka_unit_test_setup_teardown(test, world_setup_empty, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        empty_test(test_init__is_published_when_signed),
        empty_test(test_init__publishes_a_trust_file),
        empty_test(test_init__refuses_a_folder_in_use),
        empty_test(test_init__refuses_thresholds_that_cannot_be_met),
        empty_test(test_init__refuses_bad_names_and_keys),
        empty_test(test_init__trial_takes_no_keys),
        empty_test(test_approvers__take_public_keys_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
