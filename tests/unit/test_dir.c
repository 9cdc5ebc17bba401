/* SPDX-License-Identifier: Apache-2.0 */
/* base/dir: nothing is reached through a link or "..", by openat2 and by walking alike. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/dir.h"
#include "base/dir_internal.h"
#include "base/file.h"
#include "tmpdir.h"

static void put(const struct hm_dir *dir, const char *path, const char *text)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_file_replace(dir, path, 0644, hm_bytes_str(text), &err) != HM_OK)
        fail_msg("%s", err.text);
}

static void link_to(const struct hm_dir *dir, const char *target, const char *name)
{
    assert_int_equal(symlinkat(target, dir->fd, name), 0);
}

static mode_t mode_of(const struct hm_dir *dir, const char *path)
{
    struct stat st;

    assert_int_equal(fstatat(dir->fd, path, &st, 0), 0);
    return st.st_mode & 07777;
}

static void test_is_safe_path__tells_good_from_bad(void **state)
{
    static const char *const good[] = {"a", "a/b", "...", "..a", "a..", ".a/b.", "a b", "a/..b/c"};
    static const char *const bad[] = {
        "",     "/",   ".",    "..",    "/a",     "a/", "a//b",   "./a",
        "../a", "a/.", "a/..", "a/./b", "a/../b", "//", "a/b/..", "a/b/",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(good); i++)
        assert_true(hm_dir_is_safe_path(good[i]));
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_false(hm_dir_is_safe_path(bad[i]));
}

static void test_open__needs_a_folder(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_dir dir = HM_DIR_INIT;
    struct hm_err err = HM_ERR_INIT;
    char path[PATH_MAX];

    put(tmp, "file", "x");
    (void)snprintf(path, sizeof(path), "%s/file", tmp->path);
    assert_int_equal(hm_dir_open(path, &err, &dir), HM_EINPUT);
    (void)snprintf(path, sizeof(path), "%s/missing", tmp->path);
    assert_int_equal(hm_dir_open(path, &err, &dir), HM_EINPUT);
    assert_non_null(strstr(err.text, "missing"));
    assert_int_equal(hm_dir_open("", &err, &dir), HM_EINPUT);
    assert_int_equal(dir.fd, -1);
    assert_int_equal(hm_dir_open(tmp->path, &err, &dir), HM_OK);
    assert_int_equal(fcntl(dir.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    hm_dir_done(&dir);
    hm_dir_done(&dir);
}

static void test_make__creates_parents(void **state)
{
    static const char *const tails[] = {"a", "b/c/d", "b/c/d", "b//c/e/", "f/./g"};
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    struct hm_dir dir = HM_DIR_INIT;
    char path[PATH_MAX];

    for (size_t i = 0; i < HM_ARRAY_COUNT(tails); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", tmp->path, tails[i]);
        assert_int_equal(hm_dir_make(path, 0700, &err, &dir), HM_OK);
        assert_string_equal(dir.path, path);
        hm_dir_done(&dir);
        assert_int_equal(mode_of(tmp, tails[i]), 0700);
    }
    assert_int_equal(mode_of(tmp, "b"), 0700);
    /* Relative to the working folder. */
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(fchdir(tmp->fd), 0);
    assert_int_equal(hm_dir_make("r/s", 0755, &err, &dir), HM_OK);
    hm_dir_done(&dir);
    assert_int_equal(fchdir(here), 0);
    (void)close(here);
    assert_int_equal(mode_of(tmp, "r/s"), 0755);
}

static void test_make__fails_on_a_file_in_the_way(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    struct hm_dir dir = HM_DIR_INIT;
    char path[PATH_MAX];

    put(tmp, "file", "x");
    link_to(tmp, "nowhere", "dangling");
    (void)snprintf(path, sizeof(path), "%s/file/sub", tmp->path);
    assert_int_equal(hm_dir_make(path, 0755, &err, &dir), HM_EINPUT);
    (void)snprintf(path, sizeof(path), "%s/file", tmp->path);
    assert_int_equal(hm_dir_make(path, 0755, &err, &dir), HM_EINPUT);
    (void)snprintf(path, sizeof(path), "%s/dangling/x", tmp->path);
    assert_int_equal(hm_dir_make(path, 0755, &err, &dir), HM_EINPUT);
    assert_int_equal(hm_dir_make("", 0755, &err, &dir), HM_EINPUT);
    assert_int_equal(dir.fd, -1);
}

static void test_open_at__makes_folders_as_private_as_their_parent(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    struct hm_dir dir = HM_DIR_INIT;
    struct hm_dir sub = HM_DIR_INIT;
    char path[PATH_MAX];

    assert_int_equal(hm_dir_open_at(tmp, "a/b", false, &err, &dir), HM_ENOTFOUND);
    assert_int_equal(hm_dir_open_at(tmp, "a/b", true, &err, &dir), HM_OK);
    (void)snprintf(path, sizeof(path), "%s/a/b", tmp->path);
    assert_string_equal(dir.path, path);
    assert_int_equal(mode_of(tmp, "a"), 0755);
    assert_int_equal(mode_of(tmp, "a/b"), 0755);
    hm_dir_done(&dir);
    assert_int_equal(mkdirat(tmp->fd, "private", 0700), 0);
    assert_int_equal(hm_dir_open_at(tmp, "private", false, &err, &dir), HM_OK);
    assert_int_equal(hm_dir_open_at(&dir, "x/y", true, &err, &sub), HM_OK);
    hm_dir_done(&sub);
    assert_int_equal(mode_of(tmp, "private/x"), 0700);
    assert_int_equal(mode_of(tmp, "private/x/y"), 0700);
    assert_int_equal(hm_dir_open_at(&dir, "x/y", true, &err, &sub), HM_OK);
    hm_dir_done(&sub);
    hm_dir_done(&dir);
}

static void check_links_are_refused(const struct hm_dir *tmp)
{
    static const char *const through[] = {"link/f", "a/link/f",   "link",   "a/up/real/f",
                                          "flink",  "abs/passwd", "loop/x", "loop"};
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(through); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
        struct hm_dir dir = HM_DIR_INIT;
        uint64_t size;
        int fd = -1;

        assert_int_equal(hm_dir_read(tmp, through[i], &err, &buf), HM_EINPUT);
        assert_int_equal(hm_dir_open_file(tmp, through[i], &err, &fd, &size), HM_EINPUT);
        assert_int_equal(hm_dir_open_at(tmp, through[i], false, &err, &dir), HM_EINPUT);
        assert_int_equal(hm_dir_open_at(tmp, through[i], true, &err, &dir), HM_EINPUT);
        if (strchr(through[i], '/') != NULL) {
            assert_false(hm_dir_has(tmp, through[i]));
            assert_int_equal(hm_file_replace(tmp, through[i], 0644, HM_BYTES_LITERAL("y"), &err),
                             HM_EINPUT);
            assert_int_equal(hm_dir_remove(tmp, through[i], &err), HM_EINPUT);
            assert_int_equal(hm_dir_remove_tree(tmp, through[i], &err), HM_EINPUT);
            assert_int_equal(hm_dir_rename(tmp, "real/f", tmp, through[i], &err), HM_EINPUT);
            assert_int_equal(hm_dir_rename(tmp, through[i], tmp, "real/f", &err), HM_EINPUT);
        } else {
            assert_true(hm_dir_has(tmp, through[i]));
        }
        assert_int_equal(fd, -1);
        assert_int_equal(dir.fd, -1);
    }
}

static void check_unsafe_is_refused(const struct hm_dir *tmp)
{
    static const char *const unsafe[] = {"", "/etc/passwd", "../x", "a/../real/f", "real//f", "."};
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_err err = HM_ERR_INIT;
    struct hm_dir dir = HM_DIR_INIT;
    const char **names;
    uint64_t size;
    size_t count;
    int fd;

    for (size_t i = 0; i < HM_ARRAY_COUNT(unsafe); i++) {
        assert_int_equal(hm_dir_read(tmp, unsafe[i], &err, &buf), HM_EREFUSED);
        assert_int_equal(hm_dir_open_file(tmp, unsafe[i], &err, &fd, &size), HM_EREFUSED);
        assert_int_equal(hm_dir_open_at(tmp, unsafe[i], true, &err, &dir), HM_EREFUSED);
        assert_int_equal(hm_dir_remove(tmp, unsafe[i], &err), HM_EREFUSED);
        assert_int_equal(hm_dir_remove_tree(tmp, unsafe[i], &err), HM_EREFUSED);
        assert_int_equal(hm_dir_rename(tmp, unsafe[i], tmp, "z", &err), HM_EREFUSED);
        assert_int_equal(hm_dir_rename(tmp, "real/f", tmp, unsafe[i], &err), HM_EREFUSED);
        assert_int_equal(hm_file_replace(tmp, unsafe[i], 0644, HM_BYTES_EMPTY, &err), HM_EREFUSED);
        assert_false(hm_dir_has(tmp, unsafe[i]));
    }
    assert_int_equal(hm_dir_list(tmp, "..", 9, &arena, &err, &names, &count), HM_EREFUSED);
    assert_int_equal(hm_dir_list(tmp, "/", 9, &arena, &err, &names, &count), HM_EREFUSED);
}

static void test_everything__refuses_links_and_unsafe_paths(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    struct hm_err err = HM_ERR_INIT;

    put(tmp, "real/f", "content");
    put(tmp, "a/x", "x");
    link_to(tmp, "real", "link");
    link_to(tmp, "../real", "a/link");
    link_to(tmp, "..", "a/up");
    link_to(tmp, "real/f", "flink");
    link_to(tmp, "/etc", "abs");
    link_to(tmp, "loop", "loop");
    for (int walk = 0; walk < 2; walk++) {
        hm_dir_force_walk = walk == 1;
        check_links_are_refused(tmp);
        check_unsafe_is_refused(tmp);
    }
    hm_dir_force_walk = false;
    assert_int_equal(hm_dir_read(tmp, "real/f", &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "content");
}

static void check_read(const struct hm_dir *tmp)
{
    _hm_done_(hm_buf_done) struct hm_buf exact = HM_BUF_INIT(5);
    _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(4);
    _hm_done_(hm_buf_done) struct hm_buf used = HM_BUF_INIT(9);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_dir_read(tmp, "d/five", &err, &exact), HM_OK);
    assert_string_equal(hm_buf_str(&exact), "12345");
    assert_int_equal(hm_dir_read(tmp, "d/five", &err, &small), HM_EFORMAT);
    assert_non_null(strstr(err.text, "larger than 4 bytes"));
    assert_int_equal(small.size, 0);
    assert_int_equal(hm_buf_append_str(&used, "abcde", &err), HM_OK);
    assert_int_equal(hm_dir_read(tmp, "d/five", &err, &used), HM_EFORMAT);
    assert_string_equal(hm_buf_str(&used), "abcde");
    hm_buf_clear(&used);
    assert_int_equal(hm_dir_read(tmp, "d/five", &err, &used), HM_OK);
    assert_int_equal(hm_dir_read(tmp, "d/empty", &err, &used), HM_OK);
    assert_string_equal(hm_buf_str(&used), "12345");
    assert_int_equal(hm_dir_read(tmp, "d/none", &err, &used), HM_ENOTFOUND);
    assert_int_equal(hm_dir_read(tmp, "none/five", &err, &used), HM_ENOTFOUND);
    assert_int_equal(hm_dir_read(tmp, "d", &err, &used), HM_EINPUT);
    assert_int_equal(hm_dir_read(tmp, "pipe", &err, &used), HM_EINPUT);
    assert_int_equal(hm_dir_read(tmp, "d/five/x", &err, &used), HM_EINPUT);
    assert_string_equal(hm_buf_str(&used), "12345");
    assert_true(hm_dir_has(tmp, "d/five"));
    assert_true(hm_dir_has(tmp, "d"));
    assert_true(hm_dir_has(tmp, "pipe"));
    assert_false(hm_dir_has(tmp, "d/none"));
    assert_false(hm_dir_has(tmp, "d/five/x"));
}

static void test_read__takes_whole_regular_files(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);

    put(tmp, "d/five", "12345");
    put(tmp, "d/empty", "");
    assert_int_equal(mkfifoat(tmp->fd, "pipe", 0600), 0);
    for (int walk = 0; walk < 2; walk++) {
        hm_dir_force_walk = walk == 1;
        check_read(tmp);
    }
    hm_dir_force_walk = false;
}

static void test_read__handles_sizes_around_the_step(void **state)
{
    static const size_t sizes[] = {1, 63, 64, 65, 65535, 65536, 65537, 200000};
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
        _hm_done_(hm_buf_done) struct hm_buf limit = HM_BUF_INIT(sizes[i] - 1);
        char *data = test_malloc(sizes[i]);

        memset(data, 'q', sizes[i]);
        assert_int_equal(hm_file_replace(tmp, "f", 0644, hm_bytes_make(data, sizes[i]), &err),
                         HM_OK);
        assert_int_equal(hm_dir_read(tmp, "f", &err, &buf), HM_OK);
        assert_int_equal(buf.size, sizes[i]);
        assert_memory_equal(buf.data, data, sizes[i]);
        assert_int_equal(hm_dir_read(tmp, "f", &err, &limit), HM_EFORMAT);
        test_free(data);
    }
}

static void test_open_file__gives_descriptor_and_size(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    uint64_t size = 0;
    int fd = -1;

    put(tmp, "d/five", "12345");
    assert_int_equal(hm_dir_open_file(tmp, "d/five", &err, &fd, &size), HM_OK);
    assert_int_equal(size, 5);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    hm_dir_close_fd(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(hm_dir_open_file(tmp, "d/none", &err, &fd, &size), HM_ENOTFOUND);
    assert_int_equal(hm_dir_open_file(tmp, "d", &err, &fd, &size), HM_EINPUT);
    assert_int_equal(fd, -1);
}

static void test_list__sorts_and_hides_unfinished_files(void **state)
{
    static const char *const expected[] = {".hidden", ".partial", "B", "a", "b", "b.tmp.1", "c"};
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_err err = HM_ERR_INIT;
    const char **names = NULL;
    size_t count = 0;

    put(tmp, "d/b", "");
    put(tmp, "d/c/x", "");
    put(tmp, "d/a", "");
    put(tmp, "d/B", "");
    put(tmp, "d/b.tmp.1", "");
    put(tmp, "d/.hidden", "");
    put(tmp, "d/.partial", "");
    put(tmp, "d/.a.tmp.12.0123456789abcdef", "");
    put(tmp, "d/.a.partial", "");
    for (int i = 0; i < 2; i++) {
        hm_dir_force_walk = i == 1;
        assert_int_equal(hm_dir_list(tmp, "d", 7, &arena, &err, &names, &count), HM_OK);
        assert_int_equal(count, HM_ARRAY_COUNT(expected));
        for (size_t n = 0; n < count; n++)
            assert_string_equal(names[n], expected[n]);
        assert_int_equal(hm_dir_list(tmp, "d", 6, &arena, &err, &names, &count), HM_EFORMAT);
        assert_int_equal(hm_dir_list(tmp, "none", 6, &arena, &err, &names, &count), HM_ENOTFOUND);
        assert_int_equal(hm_dir_list(tmp, "d/a", 6, &arena, &err, &names, &count), HM_EINPUT);
        assert_int_equal(hm_dir_list(tmp, "", 6, &arena, &err, &names, &count), HM_OK);
        assert_int_equal(count, 1);
        assert_int_equal(hm_dir_list(tmp, ".", 6, &arena, &err, &names, &count), HM_OK);
        assert_string_equal(names[0], "d");
    }
    hm_dir_force_walk = false;
}

static void test_list__copes_with_many_names(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_err err = HM_ERR_INIT;
    const char **names = NULL;
    size_t count = 0;
    char name[32];

    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof(name), "n%03d", 299 - i);
        int fd = openat(tmp->fd, name, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    assert_int_equal(hm_dir_list(tmp, "", 1000, &arena, &err, &names, &count), HM_OK);
    assert_int_equal(count, 300);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "n%03zu", i);
        assert_string_equal(names[i], name);
    }
    hm_arena_done(&arena);
    arena.limit = 2000;
    assert_int_equal(hm_dir_list(tmp, "", 1000, &arena, &err, &names, &count), HM_ENOMEM);
}

static void test_remove__takes_files_only(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    put(tmp, "d/f", "x");
    link_to(tmp, "d/f", "link");
    assert_int_equal(hm_dir_remove(tmp, "link", &err), HM_OK);
    assert_true(hm_dir_has(tmp, "d/f"));
    assert_int_equal(hm_dir_remove(tmp, "d", &err), HM_EINPUT);
    assert_int_equal(hm_dir_remove(tmp, "d/f", &err), HM_OK);
    assert_false(hm_dir_has(tmp, "d/f"));
    assert_int_equal(hm_dir_remove(tmp, "d/f", &err), HM_OK);
    assert_int_equal(hm_dir_remove(tmp, "none/f", &err), HM_OK);
    assert_int_equal(err.rc, HM_EINPUT); /* of the folder; what is missing left no trace */
}

static void test_remove_tree__does_not_leave_the_tree(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    put(tmp, "keep/f", "x");
    put(tmp, "t/a/b/f", "x");
    put(tmp, "t/a/g", "x");
    put(tmp, "t/.a.partial", "x");
    assert_int_equal(mkdirat(tmp->fd, "t/empty", 0700), 0);
    link_to(tmp, "../keep", "t/link");
    link_to(tmp, "../../keep/f", "t/a/flink");
    assert_int_equal(hm_dir_remove_tree(tmp, "t", &err), HM_OK);
    assert_false(hm_dir_has(tmp, "t"));
    assert_true(hm_dir_has(tmp, "keep/f"));
    assert_int_equal(hm_dir_remove_tree(tmp, "t", &err), HM_OK);
    assert_int_equal(hm_dir_remove_tree(tmp, "none/t", &err), HM_OK);
    link_to(tmp, "keep", "link");
    assert_int_equal(hm_dir_remove_tree(tmp, "link", &err), HM_OK);
    assert_true(hm_dir_has(tmp, "keep/f"));
    assert_false(hm_dir_has(tmp, "link"));
    assert_int_equal(hm_dir_remove_tree(tmp, "keep/f", &err), HM_OK);
    assert_false(hm_dir_has(tmp, "keep/f"));
}

static void test_remove_tree__stops_at_the_depth_limit(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    struct hm_dir dir = HM_DIR_INIT;
    char path[4 * HM_DIR_DEPTH_MAX] = "t";

    for (int i = 1; i < HM_DIR_DEPTH_MAX; i++)
        memcpy(path + strlen(path), "/d", 3);
    assert_int_equal(hm_dir_open_at(tmp, path, true, &err, &dir), HM_OK);
    hm_dir_done(&dir);
    assert_int_equal(hm_dir_remove_tree(tmp, "t", &err), HM_OK);
    memcpy(path + strlen(path), "/d", 3);
    assert_int_equal(hm_dir_open_at(tmp, path, true, &err, &dir), HM_OK);
    hm_dir_done(&dir);
    assert_int_equal(hm_dir_remove_tree(tmp, "t", &err), HM_EFORMAT);
    assert_true(hm_dir_has(tmp, path));
}

static void test_rename__replaces_and_fails_clearly(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(16);
    struct hm_err err = HM_ERR_INIT;

    put(tmp, "a/f", "new");
    put(tmp, "b/g", "old");
    assert_int_equal(hm_dir_rename(tmp, "a/f", tmp, "b/g", &err), HM_OK);
    assert_int_equal(hm_dir_read(tmp, "b/g", &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "new");
    assert_int_equal(hm_dir_rename(tmp, "a/f", tmp, "b/g", &err), HM_EIO);
    assert_int_equal(hm_dir_rename(tmp, "b/g", tmp, "a", &err), HM_EIO);
    assert_int_equal(hm_dir_rename(tmp, "b/g", tmp, "none/g", &err), HM_ENOTFOUND);
    assert_true(hm_dir_has(tmp, "b/g"));
}

static void test_paths__longer_than_the_system_allows(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(16);
    struct hm_err err = HM_ERR_INIT;
    struct hm_dir dir = HM_DIR_INIT;
    char name[NAME_MAX + 4];

    memset(name, 'n', NAME_MAX + 1);
    name[NAME_MAX + 1] = '\0';
    for (int walk = 0; walk < 2; walk++) {
        hm_dir_force_walk = walk == 1;
        assert_int_equal(hm_dir_read(tmp, name, &err, &buf), HM_EINPUT);
        assert_int_equal(hm_dir_open_at(tmp, name, true, &err, &dir), HM_EINPUT);
        memcpy(name + NAME_MAX + 1, "/f", 3);
        assert_int_equal(hm_dir_read(tmp, name, &err, &buf), HM_EINPUT);
        name[NAME_MAX + 1] = '\0';
    }
    hm_dir_force_walk = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_safe_path__tells_good_from_bad),
        tmpdir_test(test_open__needs_a_folder),
        tmpdir_test(test_make__creates_parents),
        tmpdir_test(test_make__fails_on_a_file_in_the_way),
        tmpdir_test(test_open_at__makes_folders_as_private_as_their_parent),
        tmpdir_test(test_everything__refuses_links_and_unsafe_paths),
        tmpdir_test(test_read__takes_whole_regular_files),
        tmpdir_test(test_read__handles_sizes_around_the_step),
        tmpdir_test(test_open_file__gives_descriptor_and_size),
        tmpdir_test(test_list__sorts_and_hides_unfinished_files),
        tmpdir_test(test_list__copes_with_many_names),
        tmpdir_test(test_remove__takes_files_only),
        tmpdir_test(test_remove_tree__does_not_leave_the_tree),
        tmpdir_test(test_remove_tree__stops_at_the_depth_limit),
        tmpdir_test(test_rename__replaces_and_fails_clearly),
        tmpdir_test(test_paths__longer_than_the_system_allows),
    };

    (void)umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
