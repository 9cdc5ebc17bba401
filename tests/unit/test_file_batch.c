/* SPDX-License-Identifier: Apache-2.0 */
/* base/file_batch: files appear at the commit and not before, whole, in any number of folders; what
 * was not committed leaves nothing. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/file_batch.h"
#include "tmpdir.h"

static void put(struct hm_file_batch *batch, const struct hm_dir *dir, const char *path,
                const char *text)
{
    assert_int_equal(hm_file_batch_put(batch, dir, path, 0644, hm_bytes_str(text), NULL), HM_OK);
}

static void assert_file(const struct hm_dir *dir, const char *path, const char *text)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1024);

    assert_int_equal(hm_dir_read(dir, path, NULL, &raw), HM_OK);
    assert_string_equal(hm_buf_str(&raw), text);
}

/* Of any kind, temporary ones included. */
static size_t count_entries(const struct hm_dir *dir)
{
    int copy = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fdopendir(copy);
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count - 2;
}

static void test_commit__puts_all_in_place(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_file_batch batch = HM_FILE_BATCH_INIT;

    assert_int_equal(hm_file_replace(dir, "a", 0644, HM_BYTES_LITERAL("old"), NULL), HM_OK);
    put(&batch, dir, "a", "new");
    put(&batch, dir, "x/b", "b");
    put(&batch, dir, "x/y/c", "");
    put(&batch, dir, "x/d", "d");
    assert_file(dir, "a", "old");
    assert_false(hm_dir_has(dir, "x/b"));
    assert_int_equal(hm_file_batch_commit(&batch, NULL), HM_OK);
    assert_file(dir, "a", "new");
    assert_file(dir, "x/b", "b");
    assert_file(dir, "x/y/c", "");
    assert_file(dir, "x/d", "d");
    assert_int_equal(count_entries(dir), 2);
    /* Empty again, and good for more. */
    assert_int_equal(hm_file_batch_commit(&batch, NULL), HM_OK);
    put(&batch, dir, "e", "e");
    assert_int_equal(hm_file_batch_commit(&batch, NULL), HM_OK);
    assert_file(dir, "e", "e");
}

static void test_put__commits_a_batch_that_is_full(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_file_batch batch = HM_FILE_BATCH_INIT;
    char name[32];

    for (int i = 0; i <= HM_FILE_BATCH_COUNT_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        put(&batch, dir, name, name);
    }
    assert_file(dir, "0", "0");
    assert_false(hm_dir_has(dir, name));
    assert_int_equal(hm_file_batch_commit(&batch, NULL), HM_OK);
    assert_file(dir, name, name);
}

static void test_done__leaves_nothing(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_file_batch batch = HM_FILE_BATCH_INIT;

    put(&batch, dir, "a", "a");
    put(&batch, dir, "b", "b");
    hm_file_batch_done(&batch);
    assert_int_equal(count_entries(dir), 0);
    assert_int_equal(hm_file_batch_commit(&batch, NULL), HM_OK);
    assert_int_equal(count_entries(dir), 0);
}

static void test_commit__fails_where_a_name_is_taken_by_a_folder(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_file_batch batch = HM_FILE_BATCH_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(dir, "b/in", 0644, HM_BYTES_LITERAL("x"), NULL), HM_OK);
    put(&batch, dir, "b", "b");
    put(&batch, dir, "c", "c");
    assert_int_not_equal(hm_file_batch_commit(&batch, &err), HM_OK);
    assert_non_null(strstr(err.text, "b"));
    assert_false(hm_dir_has(dir, "c"));
    assert_int_equal(count_entries(dir), 1);
}

static void test_put__refuses_what_is_no_path(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_file_batch batch = HM_FILE_BATCH_INIT;

    assert_int_equal(hm_file_batch_put(&batch, dir, "../a", 0644, HM_BYTES_LITERAL("x"), NULL),
                     HM_EREFUSED);
    assert_int_equal(hm_file_batch_put(&batch, dir, "", 0644, HM_BYTES_LITERAL("x"), NULL),
                     HM_EREFUSED);
    hm_file_batch_done(&batch);
    assert_int_equal(count_entries(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_commit__puts_all_in_place),
        tmpdir_test(test_put__commits_a_batch_that_is_full),
        tmpdir_test(test_done__leaves_nothing),
        tmpdir_test(test_commit__fails_where_a_name_is_taken_by_a_folder),
        tmpdir_test(test_put__refuses_what_is_no_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
