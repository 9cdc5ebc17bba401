/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing: what is held back and why, crashes at every step, two publishers at once. */
#include "site_world.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "site/journal.h"
#include "site/rotate.h"

static void test_publish__does_nothing_twice(void **state)
{
    struct world *world = *state;
    size_t count;

    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 1);
    assert_int_equal(world_client_version(world, "timestamp"), 1);
}

static void test_publish__holds_an_unsigned_draft_and_names_the_keys(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    assert_non_null(strstr(hm_buf_str(&world->report), "0 of 1 signatures"));
    assert_non_null(strstr(hm_buf_str(&world->report), "targets.pub"));
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
    assert_false(world_has(world, "private/drafts/targets.json"));
    assert_true(world_has(world, "public/makers/acme/1.identity"));
    maker_done(&acme);
}

static void test_publish__refuses_without_the_online_key(void **state)
{
    struct world *world = *state;
    struct maker acme;
    char from[700], to[700];
    size_t count;

    (void)snprintf(from, sizeof(from), "%s/private/keys/online.pem", world->site);
    (void)snprintf(to, sizeof(to), "%s/away", world->dir);
    maker_init(&acme, "acme");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    world_sign(world, "targets");
    assert_int_equal(rename(from, to), 0);
    assert_rc(HM_EINPUT, world_publish(world, &count));
    assert_false(world_has(world, "public/metadata/2.targets.json"));
    assert_int_equal(rename(to, from), 0);
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
    maker_done(&acme);
}

static void test_publish__refuses_an_image_changed_after_intake(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;
    char path[256];
    size_t count;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &result));
    assert_rc(HM_OK, world_approve(world));
    (void)snprintf(path, sizeof(path), "private/submissions/%s/images/acme/nic/1.0/fw.bin",
                   result.id);
    world_write(world, path, "two");
    assert_rc(HM_EMISMATCH, world_publish(world, &count));
    assert_false(world_has(world, "public/targets/acme"));
    world_write(world, path, "one");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    maker_done(&acme);
}

static void test_publish__refuses_to_change_what_is_public(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    world_sign(world, "targets");
    world_write(world, "public/metadata/2.targets.json", "{}");
    assert_rc(HM_EREFUSED, world_publish(world, &count));
    assert_non_null(strstr(world->err.text, "never changed"));
    maker_done(&acme);
}

static void test_publish__says_what_is_damaged(void **state)
{
    struct world *world = *state;
    size_t count;

    world_write(world, "public/metadata/1.targets.json", "{}");
    assert_rc(HM_EMISMATCH, world_publish(world, &count));
    assert_non_null(strstr(world->err.text, "targets"));
}

static void test_publish__refuses_an_expired_draft(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    world_sign(world, "targets");
    world->now += 400 * HM_TIME_DAY_S;
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    assert_non_null(strstr(hm_buf_str(&world->report), "expired"));
    maker_done(&acme);
}

/* A lapsed site must be able to publish its way out. */
static void test_publish__works_after_a_lapse(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    world->now += 60 * HM_TIME_DAY_S; /* timestamp and snapshot are over */
    assert_rc(HM_EEXPIRED, world_refresh(world));
    world_enrol(world, &acme);
    assert_rc(HM_OK, world_refresh(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    maker_done(&acme);
}

/* Crashes */

static void prepare_release(struct world *world, struct maker *acme)
{
    maker_init(acme, "acme");
    world_enrol(world, acme);
    maker_put(acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_put(acme, "acme/nic/1.0/more.bin", "more", NULL);
    maker_submit(acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    assert_rc(HM_OK, world_approve(world));
}

static void commit(struct world *world)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);

    assert_rc(HM_OK, hm_publish_commit_only(site, &world->err));
    hm_site_free(site);
}

/* As a crash leaves it: some steps done, without opening the site, which would do the rest. */
static size_t recover_steps(struct world *world, size_t steps)
{
    struct hm_dir private_dir = HM_DIR_INIT, public_dir = HM_DIR_INIT;
    char path[700];
    size_t taken;

    (void)snprintf(path, sizeof(path), "%s/private", world->site);
    assert_rc(HM_OK, hm_dir_open(path, &world->err, &private_dir));
    (void)snprintf(path, sizeof(path), "%s/public", world->site);
    assert_rc(HM_OK, hm_dir_open(path, &world->err, &public_dir));
    assert_rc(HM_OK,
              hm_journal_recover_steps(&private_dir, &public_dir, steps, &world->err, &taken));
    hm_dir_done(&public_dir);
    hm_dir_done(&private_dir);
    return taken;
}

static void check_recovered(struct world *world)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE); /* rolls forward */

    hm_site_free(site);
    assert_false(world_has(world, "private/publish/next"));
    assert_false(world_has(world, "private/drafts/release~acme.json"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/more.bin"));
    assert_int_equal(world_client_version(world, "release~acme"), 1);
    assert_int_equal(world_client_version(world, "timestamp"), 3);
}

static void test_publish__rolls_forward_from_every_step(void **state)
{
    struct world *world = *state;
    struct world copy;
    struct maker acme;
    size_t step_count = 0;

    prepare_release(world, &acme);
    commit(world);
    for (size_t steps = 0; steps == 0 || steps <= step_count; steps++) {
        size_t count, taken;

        copy = *world;
        (void)snprintf(copy.site, sizeof(copy.site), "%s/site-%zu", world->dir, steps);
        (void)snprintf(copy.client, sizeof(copy.client), "%s/client-%zu", world->dir, steps);
        world_copy(world->site, copy.site);
        if (steps == 0)
            step_count = 0;
        taken = recover_steps(&copy, steps);
        assert_true(taken <= steps);
        step_count = taken == steps ? steps + 1 : step_count;
        /* Half-way, a client sees the old state or the new one, and refuses neither. */
        assert_int_equal(world_refresh(&copy), HM_OK);
        check_recovered(&copy);
        assert_int_equal(world_publish(&copy, &count), HM_OK);
        assert_int_equal(count, 0);
        if (taken < steps)
            break;
    }
    /* 2 images, 2 roles and snapshot with copies, timestamp, 2 drops, the journal */
    assert_true(step_count > 11);
    maker_done(&acme);
}

static void test_publish__switches_with_the_timestamp(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t steps = 0;

    prepare_release(world, &acme);
    assert_rc(HM_OK, world_refresh(world));
    commit(world);
    while (world_client_version(world, "timestamp") == 2) {
        assert_int_equal(recover_steps(world, 1), 1);
        steps++;
        assert_true(steps < 40);
        assert_rc(HM_OK, world_refresh(world));
    }
    /* The memory, images, roles and snapshot with copies came before, the drops and the log's
     * batch, and its files and proofs. */
    assert_int_equal(steps, 22);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    maker_done(&acme);
}

static void test_publish__throws_an_uncommitted_journal_away(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    prepare_release(world, &acme);
    commit(world);
    {
        char from[700], to[700];

        (void)snprintf(from, sizeof(from), "%s/private/publish/next", world->site);
        (void)snprintf(to, sizeof(to), "%s/private/publish/next.tmp", world->site);
        assert_int_equal(rename(from, to), 0); /* as if the run died just before */
    }
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    maker_done(&acme);
}

/* Two at once */

static int publish_in_child(struct world *world, int fd)
{
    struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;
    struct hm_site *site = NULL;
    uint8_t count = 0xff;

    if (hm_site_open(world->site, HM_SITE_CHANGE, 20000, world->now, &world->err, &site) == HM_OK &&
        hm_publish_run(site, HM_PUBLISH_DRAFTS, &world->err, &result) == HM_OK)
        count = (uint8_t)result.count;
    return write(fd, &count, 1) == 1 ? 0 : 1;
}

static void test_publish__two_at_once_publish_once(void **state)
{
    struct world *world = *state;
    struct maker acme;
    uint8_t counts[2];
    int pipes[2];

    prepare_release(world, &acme);
    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
            _exit(publish_in_child(world, pipes[1]));
    }
    assert_int_equal(read(pipes[0], &counts[0], 1), 1);
    assert_int_equal(read(pipes[0], &counts[1], 1), 1);
    for (int i = 0; i < 2; i++)
        assert_true(wait(NULL) > 0);
    assert_int_equal(counts[0] + counts[1], 4); /* one did all, the other had nothing to do */
    assert_true(counts[0] == 0 || counts[1] == 0);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_int_equal(world_client_version(world, "timestamp"), 3);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    maker_done(&acme);
}

static void test_publish__busy_without_waiting(void **state)
{
    struct world *world = *state;
    struct hm_site *holder = world_open(world, HM_SITE_CHANGE);
    struct hm_site *reader;

    assert_rc(HM_EBUSY, world_publish(world, NULL));
    reader = world_open(world, HM_SITE_READ); /* reading never waits */
    hm_site_free(reader);
    hm_site_free(holder);
    assert_rc(HM_OK, world_publish(world, NULL));
}

/* Both signatures */

static void test_publish__holds_a_release_that_the_maker_did_not_sign(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;
    char path[1400];
    size_t count;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &result));
    assert_rc(HM_OK, world_approve(world));
    (void)snprintf(path, sizeof(path), "%s/private/submissions/%s", world->site, result.id);
    {
        char away[600];

        (void)snprintf(away, sizeof(away), "%s/away", world->dir);
        assert_int_equal(rename(path, away), 0);
        assert_rc(HM_OK, world_publish(world, &count));
        assert_int_equal(count, 0);
        assert_non_null(strstr(hm_buf_str(&world->report), "maker~acme"));
        assert_int_equal(rename(away, path), 0);
    }
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    maker_done(&acme);
}

static void test_publish__takes_a_rotated_identity_with_its_document(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    prepare_release(world, &acme);
    assert_rc(HM_OK, world_publish(world, NULL));
    maker_rotate(&acme);
    maker_submit_identity(&acme, world, "identity");
    assert_rc(HM_OK, world_intake(world, "identity", NULL)); /* drafts targets */
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count)); /* maker~acme is signed by the old key alone */
    assert_int_equal(count, 0);
    assert_non_null(strstr(hm_buf_str(&world->report), "waits for maker"));
    maker_submit(&acme, world, "two");
    assert_rc(HM_OK, world_intake(world, "two", NULL));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4); /* targets, maker~acme, snapshot, timestamp */
    assert_true(world_has(world, "public/makers/acme/2.identity"));
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    maker_done(&acme);
}

static void test_publish__never_passes_a_submission_that_waits(void **state)
{
    struct world *world = *state;
    struct hm_intake_result waiting;
    struct maker acme;
    char path[256];
    size_t count;

    prepare_release(world, &acme);
    assert_rc(HM_OK, world_publish(world, NULL));
    maker_put(&acme, "acme/nic/1.1/fw.bin", "two", NULL);
    maker_submit(&acme, world, "two"); /* under identity 1, not approved */
    assert_rc(HM_OK, world_intake(world, "two", &waiting));
    maker_rotate(&acme);
    maker_submit(&acme, world, "three"); /* the same, signed anew */
    assert_rc(HM_OK, world_intake(world, "three", NULL));
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 0);
    (void)snprintf(path, sizeof(path), "private/submissions/%s/images/acme/nic/1.1/fw.bin",
                   waiting.id);
    assert_true(world_has(world, path));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 5); /* targets, release~acme, maker~acme, snapshot, timestamp */
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.1/fw.bin"));
    assert_int_equal(world_client_version(world, "maker~acme"), 3);
    maker_done(&acme);
}

static void test_publish__one_maker_does_not_hold_another(void **state)
{
    struct world *world = *state;
    struct maker acme, bolt;
    size_t count;

    maker_init(&acme, "acme");
    maker_init(&bolt, "bolt");
    world_enrol(world, &acme);
    world_enrol(world, &bolt);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "acme");
    maker_put(&bolt, "bolt/ssd/1.0/fw.bin", "two", NULL);
    maker_submit(&bolt, world, "bolt");
    assert_rc(HM_OK, world_intake(world, "acme", NULL));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_intake(world, "bolt", NULL)); /* waits for approval */
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_int_equal(world_client_version(world, "maker~bolt"), 0);
    maker_done(&bolt);
    maker_done(&acme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_publish__does_nothing_twice),
        world_test(test_publish__holds_an_unsigned_draft_and_names_the_keys),
        world_test(test_publish__refuses_without_the_online_key),
        world_test(test_publish__refuses_an_image_changed_after_intake),
        world_test(test_publish__refuses_to_change_what_is_public),
        world_test(test_publish__says_what_is_damaged),
        world_test(test_publish__refuses_an_expired_draft),
        world_test(test_publish__works_after_a_lapse),
        world_test(test_publish__rolls_forward_from_every_step),
        world_test(test_publish__switches_with_the_timestamp),
        world_test(test_publish__throws_an_uncommitted_journal_away),
        world_test(test_publish__two_at_once_publish_once),
        world_test(test_publish__busy_without_waiting),
        world_test(test_publish__holds_a_release_that_the_maker_did_not_sign),
        world_test(test_publish__takes_a_rotated_identity_with_its_document),
        world_test(test_publish__never_passes_a_submission_that_waits),
        world_test(test_publish__one_maker_does_not_hold_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
