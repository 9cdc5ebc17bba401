/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason for which a submission is refused, beside one that is taken. */
#include "site_world.h"

#include "site/enrol.h"

static void test_intake__takes_a_release_through_to_a_client(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", "{\"title\":\"First\"}");
    maker_put(&acme, "acme/nic/1.0/readme.txt", "read me", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &result));
    assert_int_equal(result.version, 1);
    assert_int_equal(result.brought_count, 2);
    assert_int_equal(result.brought_size, 10);
    assert_rc(HM_OK, world_publish(world, &count)); /* taken in is not approved */
    assert_int_equal(count, 0);
    assert_non_null(strstr(hm_buf_str(&world->report), "waits"));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4); /* release~acme, maker~acme, snapshot, timestamp */
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/readme.txt"));
    assert_rc(HM_EUNKNOWN, world_verdict(world, "acme/nic/1.0/other.bin"));
    assert_rc(HM_EROLLBACK, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__takes_the_same_submission_twice(void **state)
{
    struct world *world = *state;
    struct hm_intake_result first, second;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &first));
    assert_rc(HM_OK, world_intake(world, "one", &second));
    assert_string_equal(first.id, second.id);
    assert_int_equal(second.brought_count, 1);
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    maker_done(&acme);
}

static void test_intake__refuses_a_maker_not_enrolled(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_EREFUSED, world_intake(world, "one", NULL));
    assert_non_null(strstr(world->err.text, "enroll"));
    assert_rc(HM_OK, world_enrol_only(world, &acme)); /* a draft is enough to take it in */
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__refuses_another_site(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    acme.site = "elsewhere";
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_EMISMATCH, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__refuses_another_chain(void **state)
{
    struct world *world = *state;
    struct maker acme, thief;

    maker_init(&acme, "acme");
    maker_init(&thief, "acme");
    world_enrol(world, &acme);
    maker_put(&thief, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&thief, world, "one");
    assert_rc(HM_EREFUSED, world_intake(world, "one", NULL));
    maker_done(&thief);
    maker_done(&acme);
}

static void test_intake__refuses_an_older_identity(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    maker_rotate(&acme);
    world_enrol(world, &acme);
    assert_rc(HM_EROLLBACK, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__refuses_an_old_signature(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    maker_rotate(&acme);
    world_enrol(world, &acme);
    acme.signer = 1;
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_ESIGNATURE, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__refuses_a_lapsed_document(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    acme.expires = world->now;
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_EEXPIRED, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__refuses_other_bytes_than_signed(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    acme.tamper = true;
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_EMISMATCH, world_intake(world, "one", NULL));
    assert_false(world_has(world, "private/submissions/incoming.tmp"));
    maker_done(&acme);
}

static void test_intake__refuses_an_image_that_nobody_has(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    acme.image_skip = 1;
    maker_submit(&acme, world, "one");
    assert_rc(HM_ENOTFOUND, world_intake(world, "one", NULL));
    maker_done(&acme);
}

static void test_intake__refuses_a_version_signed_twice(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    assert_null(strstr(hm_buf_str(&world->report), "WARNING"));
    acme.version = 0;
    maker_put(&acme, "acme/nic/1.1/fw.bin", "other", NULL);
    maker_submit(&acme, world, "again");
    assert_rc(HM_EMISMATCH, world_intake(world, "again", NULL));
    maker_done(&acme);
}

/* A maker that signed a version and never sent it can go on; what came in between is missed. */
static void test_intake__takes_a_version_that_skips_one(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    maker_put(&acme, "acme/nic/1.1/fw.bin", "two", NULL);
    maker_submit(&acme, world, "two");
    assert_rc(HM_ENOTFOUND, world_intake(world, "two", NULL)); /* one has an image of it */
    acme.version = 2;
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_put(&acme, "acme/nic/1.1/fw.bin", "two", NULL);
    maker_submit(&acme, world, "three");
    assert_rc(HM_OK, world_intake(world, "three", NULL));
    assert_non_null(strstr(hm_buf_str(&world->report), "WARNING: 'maker~acme' version 1 never"));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.1/fw.bin"));
    maker_done(&acme);
}

static void publish_one(struct world *world, struct maker *acme)
{
    maker_init(acme, "acme");
    world_enrol(world, acme);
    maker_put(acme, "acme/nic/1.0/fw.bin", "one", "{\"title\":\"First\"}");
    maker_submit(acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
}

static void test_intake__refuses_a_name_used_again(void **state)
{
    struct world *world = *state;
    struct maker acme;

    publish_one(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "two", NULL);
    maker_submit(&acme, world, "two");
    assert_rc(HM_EREFUSED, world_intake(world, "two", NULL));
    assert_non_null(strstr(world->err.text, "never used again"));
    maker_done(&acme);
}

static void test_intake__refuses_a_file_added_to_a_published_release(void **state)
{
    struct world *world = *state;
    struct maker acme;

    publish_one(world, &acme);
    maker_put(&acme, "acme/nic/1.0/more.bin", "two", NULL);
    maker_submit(&acme, world, "two");
    assert_rc(HM_EREFUSED, world_intake(world, "two", NULL));
    assert_non_null(strstr(world->err.text, "new version"));
    maker_done(&acme);
}

static void test_intake__refuses_a_released_file_dropped(void **state)
{
    struct world *world = *state;
    struct maker acme;

    publish_one(world, &acme);
    hm_targets_free(acme.content);
    assert_int_equal(hm_targets_new(NULL, &acme.content), HM_OK);
    maker_put(&acme, "acme/nic/1.1/fw.bin", "two", NULL);
    maker_submit(&acme, world, "two");
    assert_rc(HM_EREFUSED, world_intake(world, "two", NULL));
    assert_non_null(strstr(world->err.text, "recalled"));
    maker_done(&acme);
}

static void test_intake__refuses_names_that_differ_in_case_only(void **state)
{
    struct world *world = *state;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    /* A later version without the first name, so that only the site can see both. */
    hm_targets_free(acme.content);
    assert_int_equal(hm_targets_new(NULL, &acme.content), HM_OK);
    maker_put(&acme, "acme/nic/1.0/FW.bin", "two", NULL);
    maker_submit(&acme, world, "two");
    assert_rc(HM_EREFUSED, world_intake(world, "two", NULL));
    assert_non_null(strstr(world->err.text, "case"));
    maker_done(&acme);
}

static void test_intake__takes_a_second_release_without_the_first_images(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;
    size_t count;

    publish_one(world, &acme);
    maker_put(&acme, "acme/nic/1.1/fw.bin", "two", NULL);
    maker_submit(&acme, world, "two");
    assert_rc(HM_OK, world_intake(world, "two", &result));
    assert_int_equal(result.brought_count, 1);
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.1/fw.bin"));
    maker_done(&acme);
}

static void test_intake__takes_a_changed_description(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;

    publish_one(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", "{\"title\":\"Better\"}");
    acme.image_skip = 1;
    maker_submit(&acme, world, "two");
    assert_rc(HM_OK, world_intake(world, "two", &result));
    assert_int_equal(result.brought_count, 1);
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    maker_done(&acme);
}

static void test_intake__refuses_a_cut_archive(void **state)
{
    struct world *world = *state;
    struct maker acme;
    char path[700];

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    (void)snprintf(path, sizeof(path), "%s/one", world->dir);
    assert_int_equal(truncate(path, 3 * 512), 0);
    assert_rc(HM_EFORMAT, world_intake(world, "one", NULL));
    assert_rc(HM_EINPUT, world_intake(world, "missing", NULL));
    maker_done(&acme);
}

/* Attested */

static enum hm_rc attest(struct world *world, const char *release, const char *file,
                         const char *origin, struct hm_intake_result *ret_result)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    char path[1400];
    const char *paths[] = {path};
    struct hm_intake_attested input = {
        .release = release, .paths = paths, .path_count = 1, .origin = origin, .title = "Title"};
    enum hm_rc rc;

    (void)snprintf(path, sizeof(path), "%s/%s", world->site, file);
    rc = hm_intake_attested(site, &input, &world->err, &world->report, ret_result);
    hm_site_free(site);
    return rc;
}

static void enrol_attested(struct world *world, const char *id)
{
    struct hm_enrol_options options = {.id = id, .name = "Old Chips"};
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    bool drafted;

    assert_rc(HM_OK, hm_enrol_run(site, &options, &world->err, &world->report, &drafted));
    assert_true(drafted);
    hm_site_free(site);
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, NULL));
}

static void test_intake_attested__goes_through_to_a_client(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    size_t count;

    world_write(world, "../fw.bin", "attested bytes");
    enrol_attested(world, "old");
    assert_rc(HM_OK, attest(world, "old/nic/1.0", "../fw.bin", "mail from Bob", &result));
    assert_int_equal(result.brought_count, 1);
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
    assert_rc(HM_OK, world_verdict(world, "old/nic/1.0/fw.bin"));
    assert_rc(HM_EREFUSED, attest(world, "old/nic/1.0", "../fw.bin", "again", &result));
    world_write(world, "../fw.bin", "other bytes");
    assert_rc(HM_EREFUSED, attest(world, "old/nic/1.0", "../fw.bin", "mail", &result));
}

static void test_intake_attested__refuses_what_is_wrong(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    enrol_attested(world, "old");
    world_write(world, "../fw.bin", "attested bytes");
    assert_rc(HM_EREFUSED, attest(world, "acme/nic/1.0", "../fw.bin", "mail", &result));
    assert_rc(HM_EREFUSED, attest(world, "nobody/nic/1.0", "../fw.bin", "mail", &result));
    assert_rc(HM_EUSAGE, attest(world, "old/nic/1.0", "../fw.bin", NULL, &result));
    assert_rc(HM_EUSAGE, attest(world, "old", "../fw.bin", "mail", &result));
    assert_rc(HM_EFORMAT, attest(world, "old/nic", "../fw.bin", "mail", &result));
    assert_rc(HM_EINPUT, attest(world, "old/nic/1.0", "../none.bin", "mail", &result));
    assert_rc(HM_OK, attest(world, "old/nic/1.0", "../fw.bin", "mail", &result));
    maker_done(&acme);
}

static void test_intake__attested_maker_may_begin_to_sign(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker old;
    size_t count;

    world_write(world, "../fw.bin", "attested bytes");
    enrol_attested(world, "old");
    assert_rc(HM_OK, attest(world, "old/nic/1.0", "../fw.bin", "mail from Bob", &result));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
    maker_init(&old, "old");
    maker_put(&old, "old/nic/1.0/fw.bin", "attested bytes", "{\"title\":\"Title\"}");
    maker_submit(&old, world, "one");
    assert_rc(HM_EREFUSED, world_intake(world, "one", NULL)); /* attested, not maker */
    assert_rc(HM_OK, world_enrol_only(world, &old));
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count)); /* held: customers could not install 1.0 */
    assert_int_equal(count, 0);
    assert_rc(HM_OK, world_intake(world, "one", &result));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4); /* targets, maker~old, snapshot, timestamp */
    assert_rc(HM_OK, world_verdict(world, "old/nic/1.0/fw.bin"));
    maker_done(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_intake__takes_a_release_through_to_a_client),
        world_test(test_intake__takes_the_same_submission_twice),
        world_test(test_intake__refuses_a_maker_not_enrolled),
        world_test(test_intake__refuses_another_site),
        world_test(test_intake__refuses_another_chain),
        world_test(test_intake__refuses_an_older_identity),
        world_test(test_intake__refuses_an_old_signature),
        world_test(test_intake__refuses_a_lapsed_document),
        world_test(test_intake__refuses_other_bytes_than_signed),
        world_test(test_intake__refuses_an_image_that_nobody_has),
        world_test(test_intake__refuses_a_version_signed_twice),
        world_test(test_intake__takes_a_version_that_skips_one),
        world_test(test_intake__refuses_a_name_used_again),
        world_test(test_intake__refuses_a_file_added_to_a_published_release),
        world_test(test_intake__refuses_a_released_file_dropped),
        world_test(test_intake__refuses_names_that_differ_in_case_only),
        world_test(test_intake__takes_a_second_release_without_the_first_images),
        world_test(test_intake__takes_a_changed_description),
        world_test(test_intake__refuses_a_cut_archive),
        world_test(test_intake_attested__goes_through_to_a_client),
        world_test(test_intake_attested__refuses_what_is_wrong),
        world_test(test_intake__attested_maker_may_begin_to_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
