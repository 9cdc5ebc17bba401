/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a site's folder, its configuration, and the rehearsal of a publish. */
#include "site_world.h"

#include "base/file.h"
#include "site/journal.h"
#include "site/rehearsal.h"

static enum hm_rc parse(const char *text, struct hm_site_config *ret_config)
{
    struct hm_arena arena = HM_ARENA_INIT;
    enum hm_rc rc = hm_site_parse_config(hm_bytes_str(text), &arena, NULL, ret_config);

    hm_arena_done(&arena);
    return rc;
}

static void test_parse_config__refuses_what_is_wrong(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"schema\":\"hallmark/site/2\",\"site\":\"demo\",\"url\":\"u\"}",
        "{\"schema\":\"hallmark/site/1\",\"url\":\"u\"}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\"}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"Demo\",\"url\":\"u\"}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"\"}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":1}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"u\",\"trial\":1}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"u\",\"expiry\":{\"root\":0}}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"u\",\"expiry\":{\"root\":"
        "9999999999}}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"u\",\"thresholds\":{"
        "\"release\":0}}",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"u\"} x",
        "{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"site\":\"demo\",\"url\":\"u\"}",
    };
    struct hm_site_config config;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        if (parse(bad[i], &config) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(parse("{\"schema\":\"hallmark/site/1\",\"site\":\"demo\",\"url\":\"u\","
                           "\"expiry\":{\"timestamp\":3600},\"future\":[1]}",
                           &config),
                     HM_OK);
    assert_int_equal(config.expiry.timestamp_s, 3600);
    assert_int_equal(config.expiry.snapshot_s, 30 * HM_TIME_DAY_S);
    assert_false(config.trial);
}

static void test_open__knows_a_site(void **state)
{
    struct world *world = *state;
    struct hm_site *site = NULL;
    char path[700];

    assert_rc(HM_EINPUT, hm_site_open(world->dir, HM_SITE_READ, 0, world->now, &world->err, &site));
    assert_non_null(strstr(world->err.text, "site init"));
    (void)snprintf(path, sizeof(path), "%s/none", world->dir);
    assert_rc(HM_EINPUT, hm_site_open(path, HM_SITE_READ, 0, world->now, &world->err, &site));
    world_write(world, "private/format", "hallmark-site 2\n");
    assert_rc(HM_EREFUSED,
              hm_site_open(world->site, HM_SITE_READ, 0, world->now, &world->err, &site));
    world_write(world, "private/format", HM_SITE_FORMAT);
    world_write(world, "private/site.json", "{}");
    assert_rc(HM_EFORMAT,
              hm_site_open(world->site, HM_SITE_READ, 0, world->now, &world->err, &site));
    assert_null(site);
}

static void test_tree__names_the_damaged_file(void **state)
{
    static const char *const files[] = {"1.root.json", "timestamp.json", "1.snapshot.json",
                                        "1.targets.json"};
    struct world *world = *state;
    struct hm_site *site = world_open(world, HM_SITE_READ);
    struct hm_tree *tree = NULL;

    assert_rc(HM_OK, hm_tree_load(site, &world->err, &tree));
    assert_int_equal(hm_tree_version(tree, "targets"), 1);
    assert_int_equal(hm_tree_version(tree, "release~none"), 0);
    hm_tree_free(tree);
    for (size_t i = 0; i < HM_ARRAY_COUNT(files); i++) {
        struct hm_buf raw = HM_BUF_INIT(1 << 20);
        char path[64];

        (void)snprintf(path, sizeof(path), "public/metadata/%s", files[i]);
        world_read(world, path, &raw);
        world_write(world, path, "{\"signatures\":[],\"signed\":{}}");
        assert_int_not_equal(hm_tree_load(site, &world->err, &tree), HM_OK);
        world_write(world, path, hm_buf_str(&raw));
        hm_buf_done(&raw);
    }
    assert_rc(HM_OK, hm_tree_load(site, &world->err, &tree));
    hm_tree_free(tree);
    hm_site_free(site);
}

/* The rehearsal is the last guard: whatever made the journal, a client must take it. */
static void test_rehearsal__refuses_what_a_client_would(void **state)
{
    struct world *world = *state;
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    struct hm_plan *plan = NULL;
    struct hm_journal journal;
    struct hm_buf timestamp = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    uint8_t *digit;

    assert_rc(HM_OK, hm_plan_make(site, &world->err, &plan));
    assert_rc(HM_OK, hm_journal_begin(&site->private_dir, &world->err, &journal));
    assert_rc(HM_OK, hm_rehearsal_run(plan, &journal.next, &world->err)); /* nothing changes */
    world_read(world, "public/metadata/timestamp.json", &timestamp);
    digit = memmem(timestamp.data, timestamp.size, "\"sig\":\"", 7);
    assert_non_null(digit);
    digit[7] = digit[7] == '0' ? '1' : '0';
    assert_rc(HM_OK, hm_journal_add_timestamp(&journal, hm_buf_bytes(&timestamp), &world->err));
    assert_rc(HM_ESIGNATURE, hm_rehearsal_run(plan, &journal.next, &world->err));
    assert_non_null(strstr(world->err.text, "nothing was published"));
    assert_rc(HM_OK, hm_journal_add(&journal, &site->public_dir, "metadata/2.root.json",
                                    hm_bytes_str("{}"), &world->err));
    assert_rc(HM_EFORMAT, hm_rehearsal_run(plan, &journal.next, &world->err));
    hm_buf_done(&timestamp);
    hm_journal_done(&journal);
    hm_plan_free(plan);
    hm_site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_config__refuses_what_is_wrong),
        world_test(test_open__knows_a_site),
        world_test(test_tree__names_the_damaged_file),
        world_test(test_rehearsal__refuses_what_a_client_would),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
