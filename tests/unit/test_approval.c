/* SPDX-License-Identifier: Apache-2.0 */
/* Approving, rejecting, reviewing. */
#include "site_world.h"

#include "site/pending.h"

static enum hm_rc approve(struct world *world, const char *id)
{
    struct hm_approval approval = HM_APPROVAL_INIT;
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    enum hm_rc rc;

    hm_buf_clear(&world->report);
    rc = hm_approval_run(site, &id, 1, &world->err, &world->report, &approval);
    hm_approval_done(&approval);
    hm_site_free(site);
    return rc;
}

static enum hm_rc reject(struct world *world, const char *id, const char *reason)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    enum hm_rc rc;

    hm_buf_clear(&world->report);
    rc = hm_approval_reject(site, id, reason, &world->err, &world->report);
    hm_site_free(site);
    return rc;
}

static enum hm_rc review(struct world *world, const char *what)
{
    struct hm_site *site = world_open(world, HM_SITE_READ);
    enum hm_rc rc;

    hm_buf_clear(&world->report);
    rc = hm_approval_review(site, what, &world->err, &world->report);
    hm_site_free(site);
    return rc;
}

static bool reported(struct world *world, const char *text)
{
    return strstr(hm_buf_str(&world->report), text) != NULL;
}

/* Two submissions of acme: nic 1.0, then nic 1.1. */
static void two_submissions(struct world *world, struct maker *acme, struct hm_intake_result *one,
                            struct hm_intake_result *two)
{
    maker_init(acme, "acme");
    world_enrol(world, acme);
    maker_put(acme, "acme/nic/1.0/fw.bin", "one", "{\"title\":\"First\"}");
    maker_submit(acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", one));
    maker_put(acme, "acme/nic/1.1/fw.bin", "two", NULL);
    maker_submit(acme, world, "two");
    assert_rc(HM_OK, world_intake(world, "two", two));
    assert_int_equal(two->brought_count, 1);
}

static void test_approval__goes_in_order(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one, two;
    struct maker acme;
    size_t count;

    two_submissions(world, &acme, &one, &two);
    assert_rc(HM_EREFUSED, approve(world, two.id));
    assert_non_null(strstr(world->err.text, "comes before"));
    one.id[6] = '\0'; /* a prefix will do */
    assert_rc(HM_OK, approve(world, one.id));
    world_sign(world, "release~acme");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_rc(HM_EUNKNOWN, world_verdict(world, "acme/nic/1.1/fw.bin"));
    assert_int_equal(world_client_version(world, "maker~acme"), 1);
    assert_rc(HM_OK, approve(world, two.id));
    world_sign(world, "release~acme");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.1/fw.bin"));
    maker_done(&acme);
}

static void test_approval__warns_when_signatures_are_lost(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one, two;
    struct maker acme;
    size_t count;

    two_submissions(world, &acme, &one, &two);
    assert_rc(HM_OK, approve(world, one.id));
    assert_false(reported(world, "WARNING"));
    world_sign(world, "release~acme");
    assert_rc(HM_OK, approve(world, one.id)); /* the same again keeps them */
    assert_true(reported(world, "approved already"));
    assert_false(reported(world, "WARNING"));
    assert_rc(HM_OK, approve(world, two.id));
    assert_true(reported(world, "WARNING: the draft of 'release~acme' had 1 signature"));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    world_sign(world, "release~acme");
    assert_rc(HM_OK, world_publish(world, &count)); /* both at once: maker~acme goes to 2 */
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.1/fw.bin"));
    assert_int_equal(world_client_version(world, "maker~acme"), 2);
    maker_done(&acme);
}

static void test_approval__knows_only_what_waits(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one, two;
    struct maker acme;
    struct hm_approval approval = HM_APPROVAL_INIT;
    struct hm_site *site;

    assert_rc(HM_EUNKNOWN, approve(world, "0123456789abcdef"));
    site = world_open(world, HM_SITE_CHANGE);
    assert_rc(HM_EUNKNOWN, hm_approval_run(site, NULL, 0, &world->err, &world->report, &approval));
    hm_approval_done(&approval);
    hm_site_free(site);
    two_submissions(world, &acme, &one, &two);
    assert_rc(HM_EUSAGE, approve(world, "")); /* fits both */
    one.id[3] = '\0';
    assert_rc(HM_EUNKNOWN, approve(world, one.id)); /* too short */
    maker_done(&acme);
}

static void test_approval__misses_an_image_that_is_gone(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one;
    struct maker acme;
    char path[1400];

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &one));
    (void)snprintf(path, sizeof(path), "%s/private/submissions/%s/images/acme/nic/1.0/fw.bin",
                   world->site, one.id);
    assert_int_equal(unlink(path), 0);
    assert_rc(HM_ENOTFOUND, approve(world, one.id));
    assert_rc(HM_OK, world_intake(world, "one", NULL)); /* as it advises */
    assert_rc(HM_OK, approve(world, one.id));
    maker_done(&acme);
}

static void test_reject__takes_it_out_of_the_draft(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one, two;
    struct maker acme;
    size_t count;

    two_submissions(world, &acme, &one, &two);
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, reject(world, two.id, "does not boot"));
    assert_true(reported(world, "must be signed again"));
    assert_rc(HM_EUNKNOWN, reject(world, two.id, "again"));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    world_sign(world, "release~acme");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_rc(HM_EUNKNOWN, world_verdict(world, "acme/nic/1.1/fw.bin"));
    /* The maker goes on; what was rejected stays out. */
    maker_put(&acme, "acme/nic/1.2/fw.bin", "three", NULL);
    maker_submit(&acme, world, "three");
    assert_rc(HM_OK, world_intake(world, "three", NULL));
    assert_true(reported(world, "unreleased"));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.2/fw.bin"));
    assert_rc(HM_EREFUSED, world_verdict(world, "acme/nic/1.1/fw.bin")); /* the maker alone */
    assert_int_equal(world_client_version(world, "maker~acme"), 3);
    maker_done(&acme);
}

static void test_reject__the_only_one_drops_the_draft(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one;
    struct maker acme;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &one));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_EUSAGE, reject(world, one.id, ""));
    assert_true(world_has(world, "private/drafts/release~acme.json"));
    assert_rc(HM_OK, reject(world, one.id, "no"));
    assert_false(world_has(world, "private/drafts/release~acme.json"));
    assert_rc(HM_OK, world_intake(world, "one", &one)); /* the maker insists */
    assert_int_equal(one.brought_count, 1);
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    maker_done(&acme);
}

static void test_review__shows_what_would_be_signed(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one, two;
    struct maker acme;

    assert_rc(HM_OK, review(world, NULL));
    assert_true(reported(world, "nothing waits"));
    two_submissions(world, &acme, &one, &two);
    assert_rc(HM_OK, review(world, NULL));
    assert_true(reported(world, "acme/nic/1.0"));
    assert_true(reported(world, "First"));
    assert_rc(HM_OK, review(world, one.id));
    assert_true(reported(world, "3 bytes"));
    assert_false(reported(world, "acme/nic/1.1"));
    assert_rc(HM_EREFUSED, review(world, two.id)); /* one comes first */
    assert_rc(HM_ENOTFOUND, review(world, "root"));
    assert_rc(HM_OK, review(world, "release~acme")); /* the empty one of the enrolment */
    assert_false(reported(world, "acme/nic/1.0"));
    assert_rc(HM_OK, approve(world, one.id));
    assert_rc(HM_OK, review(world, "release~acme"));
    assert_true(reported(world, "acme/nic/1.0"));
    assert_rc(HM_OK, review(world, one.id));
    assert_true(reported(world, "in a draft already"));
    assert_rc(HM_EUNKNOWN, review(world, "ffffffff"));
    maker_done(&acme);
}

static void test_pending__names_what_each_brings(void **state)
{
    struct world *world = *state;
    struct hm_intake_result one, two;
    struct maker acme;
    struct hm_site *site;

    two_submissions(world, &acme, &one, &two);
    assert_rc(HM_OK, reject(world, two.id, "does not boot"));
    site = world_open(world, HM_SITE_READ);
    hm_buf_clear(&world->report);
    assert_rc(HM_OK, hm_pending_write(site, false, &world->err, &world->report));
    assert_true(reported(world, "acme version 1\n  acme/nic/1.0\n    fw.bin  3 bytes, sha256 "));
    assert_true(reported(world, "acme version 2  rejected: does not boot\n"));
    assert_true(reported(world, "1 submission waits"));
    hm_buf_clear(&world->report);
    assert_rc(HM_OK, hm_pending_write(site, true, &world->err, &world->report));
    assert_true(reported(world, "\"release\": \"acme/nic/1.0\""));
    assert_true(reported(world, "\"name\": \"fw.bin\""));
    assert_true(reported(world, "\"size\": 3"));
    assert_true(reported(world, "\"sha256\": \""));
    assert_false(reported(world, "acme/nic/1.1"));
    hm_site_free(site);
    maker_done(&acme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_approval__goes_in_order),
        world_test(test_approval__warns_when_signatures_are_lost),
        world_test(test_approval__knows_only_what_waits),
        world_test(test_approval__misses_an_image_that_is_gone),
        world_test(test_reject__takes_it_out_of_the_draft),
        world_test(test_reject__the_only_one_drops_the_draft),
        world_test(test_pending__names_what_each_brings),
        world_test(test_review__shows_what_would_be_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
