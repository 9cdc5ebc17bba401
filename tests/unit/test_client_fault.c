/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/client with every call that can fail, failing: a refresh reports it, leaks nothing, leaves
 * every file in the folder whole, and the next one needs no hand.
 */
#include "tuf_fixture.h"

#include "base/file.h"
#include "fault.h"
#include "tmpdir.h"

static const struct {
    const char *name, *old, *new;
} files[] = {
    {"root", "1.root.json", "2.root.json"},
    {"timestamp", "old.timestamp.json", "timestamp.json"},
    {"snapshot", "1.snapshot.json", "2.snapshot.json"},
    {"targets", "1.targets.json", "2.targets.json"},
};

static void put_back(const struct fixture *fx)
{
    struct hm_err err = HM_ERR_INIT;
    char path[64];

    for (size_t i = 0; i < HM_ARRAY_COUNT(files); i++) {
        (void)snprintf(path, sizeof(path), "%s.json", files[i].name);
        assert_int_equal(
            hm_file_replace(fx->dir, path, 0644, fixture_served(fx, files[i].old), &err), HM_OK);
    }
    assert_int_equal(hm_dir_remove(fx->dir, "A.json", &err), HM_OK);
}

/* Version 1 is in the folder; root 2, the rest in version 2 and a delegated role are served. */
static void prepare(struct fixture *fx, const struct hm_dir *dir)
{
    enum fixture_key key = FIXTURE_ROOT;
    struct hm_targets *role = fixture_role("x");
    struct hm_err err = HM_ERR_INIT;

    fixture_init(fx, dir);
    assert_int_equal(fixture_refresh(fx, &err), HM_OK);
    fixture_serve(fx, "old.timestamp.json", fixture_served(fx, "timestamp.json"));
    fx->root->document.version = 2;
    fixture_publish_root(fx, &key, 1);
    fixture_delegate(fx, fx->targets, "A", FIXTURE_A, "*", true);
    fixture_publish_role(fx, "A", role, FIXTURE_A);
    hm_targets_free(role);
    fixture_publish_next(fx);
}

static enum hm_rc refresh_and_find(void *ctx, struct hm_err *err)
{
    _hm_free_(hm_client_free) struct hm_client *client = NULL;
    struct fixture *fx = ctx;
    struct hm_client_config config = {
        .dir = fx->dir, .source = &fx->source, .now_unix_s = FIXTURE_NOW, .require_hashes = true};
    struct hm_client_found found;

    fx->log[0] = '\0';
    HM_TRY(hm_client_open(&config, err, &client));
    HM_TRY(hm_client_refresh(client, err));
    return hm_client_find(client, HM_BYTES_LITERAL("x"), err, &found);
}

static void check_refresh(void *ctx, enum hm_rc rc)
{
    const struct fixture *fx = ctx;
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(files); i++) {
        bool is_new = fixture_is_stored(fx, files[i].name, files[i].new);

        if (!is_new && !fixture_is_stored(fx, files[i].name, files[i].old))
            fail_msg("%s.json is neither the old nor the new one", files[i].name);
        assert_true(is_new || rc != HM_OK);
    }
    if (refresh_and_find(ctx, &err) != HM_OK)
        fail_msg("the next refresh fails: %s", err.text);
    put_back(fx);
}

static void test_refresh__survives_every_failure(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    size_t points;

    prepare(&fx, tmpdir_of(state));
    fault_bear(true); /* the pid in the lock */
    points = fault_run(refresh_and_find, check_refresh, &fx);
    fault_bear(false);
    print_message("%zu calls failed in turn\n", points);
    assert_true(points > 100);
}

static enum hm_rc load(void *ctx, struct hm_err *err)
{
    _hm_free_(hm_client_free) struct hm_client *client = NULL;
    const struct fixture *fx = ctx;
    struct hm_client_config config = {.dir = fx->dir, .now_unix_s = FIXTURE_NOW};

    HM_TRY(hm_client_open(&config, err, &client));
    return hm_client_load(client, err);
}

static void test_load__survives_every_failure(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;

    prepare(&fx, tmpdir_of(state));
    assert_true(fault_run(load, NULL, &fx) > 20);
}

static enum hm_rc change(void *ctx, struct hm_err *err)
{
    const struct fixture *fx = ctx;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
    _hm_free_(hm_targets_free) struct hm_targets *copy = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    const struct hm_key *key = fixture_key(fx, FIXTURE_B);
    struct hm_target target = {.path = HM_BYTES_LITERAL("new")};
    const char *pattern = "b/*";

    target.facts.has_length = target.facts.has_sha256 = true;
    HM_TRY(hm_targets_copy(fx->targets, err, &copy));
    HM_TRY(hm_targets_put(copy, &target, err));
    HM_TRY(hm_targets_delegate(copy, "B", &key, 1, 1, &pattern, 1, true, err));
    HM_TRY(hm_targets_write(copy, err, &canonical));
    HM_TRY(hm_envelope_write(hm_buf_bytes(&canonical), NULL, 0, err, &raw));
    HM_TRY(hm_root_new(err, &root));
    root->document = fx->root->document;
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        HM_TRY(hm_root_set_role(root, (enum hm_root_role)i, &key, 1, 1, err));
    hm_buf_clear(&canonical);
    return hm_root_write(root, err, &canonical);
}

static void test_write__survives_every_failure(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;

    prepare(&fx, tmpdir_of(state));
    assert_true(fault_run(change, NULL, &fx) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_refresh__survives_every_failure),
        tmpdir_test(test_load__survives_every_failure),
        tmpdir_test(test_write__survives_every_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
