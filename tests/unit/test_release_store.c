/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/release_store: both stores keep, replace and list files alike. */
#include "unit.h"

#include "tmpdir.h"

#include "tlog/release_store.h"

static void put(const struct hm_release_store *store, const char *path, const char *text)
{
    assert_int_equal(store->put(store->ctx, path, hm_bytes_str(text), NULL), HM_OK);
}

static void check_list(const struct hm_release_store *store, const char *path,
                       const char *const *expected, size_t expected_count)
{
    struct hm_arena arena = HM_ARENA_INIT;
    const char **names = NULL;
    size_t count = 99;

    assert_int_equal(store->list(store->ctx, path, &arena, NULL, &names, &count), HM_OK);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names[i], expected[i]);
    hm_arena_done(&arena);
}

static void check_store(const struct hm_release_store *store)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(64);

    check_list(store, "versions", NULL, 0);
    assert_int_equal(store->get(store->ctx, "map/top", NULL, &buf), HM_ENOTFOUND);
    put(store, "versions/acme/nic", "one");
    put(store, "versions/acme-b/x", "");
    put(store, "versions/acme/nic-2", "two");
    put(store, "versions/acme/nic", "three");
    put(store, "versions/globex/bmc", "four");
    put(store, "makers/acme", "five");
    put(store, "map/3f", "six");
    assert_int_equal(store->get(store->ctx, "versions/acme/nic", NULL, &buf), HM_OK);
    assert_int_equal(store->get(store->ctx, "map/3f", NULL, &buf), HM_OK);
    assert_int_equal(store->get(store->ctx, "versions/acme-b/x", NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "threesix");
    assert_int_equal(store->get(store->ctx, "versions/acme/ni", NULL, &buf), HM_ENOTFOUND);
    check_list(store, "versions", (const char *const[]){"acme", "acme-b", "globex"}, 3);
    check_list(store, "versions/acme", (const char *const[]){"nic", "nic-2"}, 2);
    check_list(store, "makers", (const char *const[]){"acme"}, 1);
    check_list(store, "maker", NULL, 0);
}

static void test_memory__keeps_files(void **state)
{
    _hm_free_(hm_release_store_memory_free) struct hm_release_store_memory *memory = NULL;
    struct hm_release_store store;
    _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(2);

    assert_int_equal(hm_release_store_memory_new(NULL, &memory), HM_OK);
    store = hm_release_store_in_memory(memory);
    check_store(&store);
    assert_int_equal(store.get(store.ctx, "makers/acme", NULL, &small), HM_EFORMAT);
}

static void test_dir__keeps_files(void **state)
{
    struct hm_release_store_dir unflushed = {.is_flushed = false};
    struct hm_release_store_dir flushed = {.is_flushed = true};
    struct hm_release_store store = hm_release_store_in_dir(&unflushed);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(64);

    assert_int_equal(hm_dir_open_at(tmpdir_of(state), "a", true, NULL, &unflushed.dir), HM_OK);
    assert_int_equal(hm_dir_open_at(tmpdir_of(state), "b", true, NULL, &flushed.dir), HM_OK);
    check_store(&store);
    store = hm_release_store_in_dir(&flushed);
    check_store(&store);
    /* Names out of the tree are refused, whoever makes them up. */
    assert_int_equal(store.get(store.ctx, "../a/map/3f", NULL, &buf), HM_EREFUSED);
    assert_int_equal(store.put(store.ctx, "/x", HM_BYTES_EMPTY, NULL), HM_EREFUSED);
    hm_dir_done(&unflushed.dir);
    hm_dir_done(&flushed.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__keeps_files),
        cmocka_unit_test_setup_teardown(test_dir__keeps_files, tmpdir_setup, tmpdir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
