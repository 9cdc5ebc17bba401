/* SPDX-License-Identifier: Apache-2.0 */
/* Renewing before the time is over, and the status that says when. */
#include "site_world.h"

#include <jansson.h>

#include "site/renew.h"
#include "site/status.h"

static enum hm_rc renew_online(struct world *world, enum hm_publish_renew how, size_t *ret_count)
{
    struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    enum hm_rc rc = hm_publish_run(site, how, &world->err, &result);

    *ret_count = result.count;
    hm_publish_result_done(&result);
    hm_site_free(site);
    return rc;
}

static enum hm_rc renew_offline(struct world *world, int64_t days, size_t *ret_count)
{
    struct hm_renew renew = HM_RENEW_INIT;
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    enum hm_rc rc;

    hm_buf_clear(&world->report);
    rc = hm_renew_run(site, days * HM_TIME_DAY_S, &world->err, &world->report, &renew);
    *ret_count = renew.role_count;
    hm_renew_done(&renew);
    hm_site_free(site);
    return rc;
}

static json_t *status(struct world *world, bool *ret_expired)
{
    struct hm_site *site = world_open(world, HM_SITE_READ);
    json_t *json;

    hm_buf_clear(&world->report);
    assert_rc(HM_OK, hm_status_write(site, true, &world->err, &world->report, ret_expired));
    hm_site_free(site);
    json = json_loadb((const char *)world->report.data, world->report.size, JSON_REJECT_DUPLICATES,
                      NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "schema")),
                        "hallmark/site-status/1");
    return json;
}

static json_t *role_of(json_t *json, const char *member, const char *role)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(json, member), i,
                       item) if (strcmp(json_string_value(json_object_get(item, "role")), role) ==
                                 0) return item;
    return NULL;
}

static void test_renew__signs_what_lost_half_of_its_time(void **state)
{
    struct world *world = *state;
    size_t count;

    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_RENEW, &count));
    assert_int_equal(count, 0);
    world->now += 3 * HM_TIME_DAY_S; /* timestamp: 7 days, snapshot: 30 */
    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_RENEW, &count));
    assert_int_equal(count, 0);
    world->now += HM_TIME_DAY_S;
    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_RENEW, &count));
    assert_int_equal(count, 1); /* the timestamp alone */
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "timestamp"), 2);
    assert_false(world_has(world, "public/metadata/2.snapshot.json"));
    world->now += 12 * HM_TIME_DAY_S;
    assert_rc(HM_EEXPIRED, world_refresh(world));
    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_RENEW, &count));
    assert_int_equal(count, 2);
    assert_rc(HM_OK, world_refresh(world));
    assert_true(world_has(world, "public/metadata/1.snapshot.json")); /* old ones are kept */
    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_REFRESH, &count));
    assert_int_equal(count, 2);
}

static void test_renew__online_leaves_drafts_alone(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    world_sign(world, "targets");
    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_REFRESH, &count));
    assert_int_equal(count, 2);
    assert_true(world_has(world, "private/drafts/targets.json"));
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "targets"), 1);
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
    maker_done(&acme);
}

static void test_renew__drafts_what_ends_soon(void **state)
{
    struct world *world = *state;
    struct maker acme;
    size_t count;

    maker_init(&acme, "acme");
    world_enrol(world, &acme);
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", NULL));
    assert_rc(HM_OK, world_approve(world));
    assert_rc(HM_OK, world_publish(world, NULL));
    assert_rc(HM_OK, renew_offline(world, 90, &count));
    assert_int_equal(count, 0);
    world->now += 300 * HM_TIME_DAY_S;
    assert_rc(HM_OK, renew_offline(world, 90, &count));
    assert_int_equal(count, 2); /* targets and release~acme: 365 days; root: 730 */
    assert_false(world_has(world, "private/drafts/root.json"));
    assert_rc(HM_OK, renew_offline(world, 90, &count)); /* again: the same drafts */
    assert_int_equal(count, 2);
    world_sign(world, "targets");
    world_sign(world, "release~acme");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_verdict(world, "acme/nic/1.0/fw.bin"));
    assert_int_equal(world_client_version(world, "release~acme"), 2);
    assert_rc(HM_OK, renew_offline(world, 90, &count));
    assert_int_equal(count, 0);
    assert_null(strstr(hm_buf_str(&world->report), "maker~acme"));
    assert_rc(HM_OK, renew_offline(world, 700, &count)); /* the maker's: 900 days from the start */
    assert_int_equal(count, 3);
    assert_non_null(strstr(hm_buf_str(&world->report), "only the maker can renew it"));
    assert_false(world_has(world, "private/drafts/maker~acme.json"));
    maker_done(&acme);
}

static void test_renew__root_after_it_expired(void **state)
{
    struct world *world = *state;
    size_t count;

    world->now += 800 * HM_TIME_DAY_S;
    assert_rc(HM_EEXPIRED, world_refresh(world));
    assert_rc(HM_OK, renew_offline(world, 1, &count));
    assert_int_equal(count, 2);
    world_sign(world, "root");
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 4);
    assert_rc(HM_OK, world_refresh(world));
    assert_int_equal(world_client_version(world, "root"), 2);
}

static void test_renew__needs_a_published_site(void **state)
{
    static const char *const files[] = {
        "public/metadata/1.root.json", "public/metadata/timestamp.json",
        "private/published/root.json", "private/published/timestamp.json"};
    struct world *world = *state;
    size_t count;
    char path[700];

    for (size_t i = 0; i < HM_ARRAY_COUNT(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", world->site, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_rc(HM_EAGAIN, renew_offline(world, 90, &count));
    assert_rc(HM_OK, renew_online(world, HM_PUBLISH_REFRESH, &count));
    assert_int_equal(count, 0);
}

static void test_status__names_roles_keys_and_what_is_missing(void **state)
{
    struct world *world = *state;
    struct hm_intake_result result;
    struct maker acme;
    json_t *json, *item;
    bool expired;

    maker_init(&acme, "acme");
    assert_rc(HM_OK, world_enrol_only(world, &acme));
    maker_put(&acme, "acme/nic/1.0/fw.bin", "one", NULL);
    maker_submit(&acme, world, "one");
    assert_rc(HM_OK, world_intake(world, "one", &result));
    json = status(world, &expired);
    assert_false(expired);
    assert_true(json_is_true(json_object_get(json, "trial")));
    assert_int_equal(json_array_size(json_object_get(json, "roles")), 5);
    item = role_of(json, "roles", "root");
    assert_int_equal(json_integer_value(json_object_get(item, "version")), 1);
    assert_int_equal(json_integer_value(json_object_get(item, "valid")), 1);
    assert_int_equal(json_integer_value(json_object_get(item, "needed")), 1);
    item = json_array_get(json_object_get(item, "keys"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "file")), "root.pub");
    item = role_of(json, "drafts", "targets");
    assert_true(json_is_false(json_object_get(item, "complete")));
    item = json_array_get(json_object_get(item, "missing"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "file")), "targets.pub");
    item = json_array_get(json_object_get(json, "pending"), 0);
    assert_string_equal(json_string_value(item), result.id);
    assert_int_equal(json_array_size(json_object_get(json, "ready")), 0);
    assert_true(json_array_size(json_object_get(json, "held")) > 0);
    json_decref(json);
    maker_done(&acme);
}

static void test_status__says_expired(void **state)
{
    struct world *world = *state;
    json_t *json;
    bool expired;

    world->now += 5 * HM_TIME_DAY_S;
    json = status(world, &expired);
    assert_false(expired);
    assert_true(json_is_true(json_object_get(role_of(json, "roles", "timestamp"), "soon")));
    assert_true(json_is_false(json_object_get(role_of(json, "roles", "snapshot"), "soon")));
    json_decref(json);
    world->now += 2 * HM_TIME_DAY_S; /* exactly 7 days: over */
    json = status(world, &expired);
    assert_true(expired);
    assert_true(json_is_true(json_object_get(role_of(json, "roles", "timestamp"), "expired")));
    assert_true(json_is_false(json_object_get(role_of(json, "roles", "root"), "expired")));
    json_decref(json);
}

static void test_status__text_says_the_same(void **state)
{
    struct world *world = *state;
    struct hm_site *site;
    bool expired;

    world->now += 8 * HM_TIME_DAY_S;
    site = world_open(world, HM_SITE_READ);
    hm_buf_clear(&world->report);
    assert_rc(HM_OK, hm_status_write(site, false, &world->err, &world->report, &expired));
    assert_true(expired);
    assert_non_null(strstr(hm_buf_str(&world->report), "WARNING: 'timestamp' expired "));
    assert_non_null(strstr(hm_buf_str(&world->report), "nothing is ready to publish"));
    hm_site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_renew__signs_what_lost_half_of_its_time),
        world_test(test_renew__online_leaves_drafts_alone),
        world_test(test_renew__drafts_what_ends_soon),
        world_test(test_renew__root_after_it_expired),
        world_test(test_renew__needs_a_published_site),
        world_test(test_status__names_roles_keys_and_what_is_missing),
        world_test(test_status__says_expired),
        world_test(test_status__text_says_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
