/* SPDX-License-Identifier: Apache-2.0 */
/* base/file: a final name stands for a whole file; partial files can be taken up again. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/dir_internal.h"
#include "base/file.h"
#include "tmpdir.h"

static void expect_content(const struct hm_dir *dir, const char *path, const char *text)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
    struct hm_err err = HM_ERR_INIT;

    if (hm_dir_read(dir, path, &err, &buf) != HM_OK)
        fail_msg("%s", err.text);
    assert_string_equal(hm_buf_str(&buf), text);
}

/* Entries of any kind, temporary files included. */
static size_t count_all(const struct hm_dir *dir, const char *path)
{
    int fd = openat(dir->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fdopendir(fd);
    size_t count = 0;

    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    (void)closedir(stream);
    return count - 2;
}

static mode_t mode_of(const struct hm_dir *dir, const char *path)
{
    struct stat st;

    assert_int_equal(fstatat(dir->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_mode & 07777;
}

static void test_replace__writes_and_replaces(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(tmp, "a/b/f", 0600, HM_BYTES_LITERAL("one"), &err), HM_OK);
    expect_content(tmp, "a/b/f", "one");
    assert_int_equal(mode_of(tmp, "a/b/f"), 0600);
    assert_int_equal(hm_file_replace(tmp, "a/b/f", 0644, HM_BYTES_LITERAL("two"), &err), HM_OK);
    expect_content(tmp, "a/b/f", "two");
    assert_int_equal(mode_of(tmp, "a/b/f"), 0644);
    assert_int_equal(hm_file_replace(tmp, "a/b/f", 0644, HM_BYTES_EMPTY, &err), HM_OK);
    expect_content(tmp, "a/b/f", "");
    assert_int_equal(count_all(tmp, "a/b"), 1);
}

static void test_replace__replaces_a_link_not_its_target(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(tmp, "target", 0644, HM_BYTES_LITERAL("old"), &err), HM_OK);
    assert_int_equal(symlinkat("target", tmp->fd, "link"), 0);
    assert_int_equal(hm_file_replace(tmp, "link", 0644, HM_BYTES_LITERAL("new"), &err), HM_OK);
    expect_content(tmp, "target", "old");
    expect_content(tmp, "link", "new");
}

static void test_replace__leaves_nothing_behind_on_failure(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(mkdirat(tmp->fd, "d", 0755), 0);
    assert_int_equal(hm_file_replace(tmp, "d/x", 0644, HM_BYTES_LITERAL("x"), &err), HM_OK);
    assert_int_equal(hm_file_replace(tmp, "d", 0644, HM_BYTES_LITERAL("x"), &err), HM_EINPUT);
    assert_int_equal(hm_file_replace(tmp, "d/x/y", 0644, HM_BYTES_LITERAL("x"), &err), HM_EINPUT);
    assert_int_equal(count_all(tmp, "."), 1);
    expect_content(tmp, "d/x", "x");
}

static void test_replace__takes_the_longest_names(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    char name[NAME_MAX + 2];

    memset(name, 'n', sizeof(name));
    for (size_t size = 200; size <= NAME_MAX; size++) {
        name[size] = '\0';
        assert_int_equal(hm_file_replace(tmp, name, 0644, HM_BYTES_LITERAL("x"), &err), HM_OK);
        expect_content(tmp, name, "x");
        name[size] = 'n';
    }
    name[NAME_MAX + 1] = '\0';
    assert_int_equal(hm_file_replace(tmp, name, 0644, HM_BYTES_LITERAL("x"), &err), HM_EINPUT);
    assert_int_equal(count_all(tmp, "."), NAME_MAX - 199);
}

static void test_writer__cuts_long_names_between_characters(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    char name[NAME_MAX + 1];

    for (size_t shift = 0; shift < 3; shift++) {
        memset(name, 'n', sizeof(name));
        for (size_t i = shift; i + 3 <= NAME_MAX; i += 3)
            memcpy(name + i, "\xe2\x82\xac", 3);
        name[NAME_MAX] = '\0';
        for (int keep = 0; keep < 2; keep++) {
            _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;

            assert_int_equal(hm_file_writer_open(tmp, name, 0644, keep == 1, &err, &writer), HM_OK);
            size_t size = strspn(writer.temp_name, ".n\xe2\x82\xac");
            assert_true(size > 200);
            size_t from = 1 + shift;
            while (from + 3 <= size && memcmp(writer.temp_name + from, "\xe2\x82\xac", 3) == 0)
                from += 3;
            assert_true(writer.temp_name[from] == '.');
            assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("data"), &err), HM_OK);
            assert_int_equal(hm_file_writer_commit(&writer, &err), HM_OK);
            expect_content(tmp, name, "data");
        }
    }
}

static void test_writer__shows_nothing_before_commit(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, false, &err, &writer), HM_OK);
    assert_int_equal(fcntl(writer.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("ab"), &err), HM_OK);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_EMPTY, &err), HM_OK);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("cd"), &err), HM_OK);
    assert_int_equal(writer.size, 4);
    assert_false(hm_dir_has(tmp, "d/f"));
    assert_int_equal(count_all(tmp, "d"), 1);
    assert_int_equal(hm_file_writer_commit(&writer, &err), HM_OK);
    assert_int_equal(writer.fd, -1);
    expect_content(tmp, "d/f", "abcd");
    hm_file_writer_done(&writer);
    assert_int_equal(count_all(tmp, "d"), 1);
}

static void test_writer__done_removes_the_temporary_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, false, &err, &writer), HM_OK);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("ab"), &err), HM_OK);
    hm_file_writer_done(&writer);
    hm_file_writer_done(&writer);
    assert_int_equal(count_all(tmp, "d"), 0);
}

static void test_writer__takes_up_a_partial_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;
    char found[3] = "";

    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, true, &err, &writer), HM_OK);
    assert_int_equal(writer.size, 0);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("ab"), &err), HM_OK);
    hm_file_writer_done(&writer);
    expect_content(tmp, "d/.f.partial", "ab");
    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, true, &err, &writer), HM_OK);
    assert_int_equal(writer.size, 2);
    assert_int_equal(pread(writer.fd, found, 2, 0), 2);
    assert_string_equal(found, "ab");
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("cd"), &err), HM_OK);
    assert_int_equal(hm_file_writer_commit(&writer, &err), HM_OK);
    expect_content(tmp, "d/f", "abcd");
    assert_int_equal(count_all(tmp, "d"), 1);
}

static void test_writer__drops_a_partial_file_on_request(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, true, &err, &writer), HM_OK);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("wrong"), &err), HM_OK);
    assert_int_equal(hm_file_writer_reset(&writer, &err), HM_OK);
    assert_int_equal(writer.size, 0);
    assert_int_equal(hm_file_writer_write(&writer, HM_BYTES_LITERAL("ok"), &err), HM_OK);
    hm_file_writer_abort(&writer, false);
    expect_content(tmp, "d/.f.partial", "ok");
    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, true, &err, &writer), HM_OK);
    hm_file_writer_abort(&writer, true);
    assert_int_equal(count_all(tmp, "d"), 0);
    /* An empty one is not worth keeping. */
    assert_int_equal(hm_file_writer_open(tmp, "d/f", 0644, true, &err, &writer), HM_OK);
    hm_file_writer_done(&writer);
    assert_int_equal(count_all(tmp, "d"), 0);
}

static void test_writer__is_alone_with_a_partial_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer first = HM_FILE_WRITER_INIT;
    struct hm_file_writer second = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, true, &err, &first), HM_OK);
    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, true, &err, &second), HM_EBUSY);
    assert_int_equal(second.fd, -1);
    assert_int_equal(hm_file_writer_open(tmp, "g", 0644, true, &err, &second), HM_OK);
    hm_file_writer_done(&second);
    assert_int_equal(hm_file_writer_write(&first, HM_BYTES_LITERAL("x"), &err), HM_OK);
    assert_int_equal(hm_file_writer_commit(&first, &err), HM_OK);
    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, true, &err, &second), HM_OK);
    assert_int_equal(second.size, 0);
    hm_file_writer_done(&second);
}

/* Only the superuser can make another user's file. */
static void test_writer__leaves_a_partial_file_that_another_user_planted(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;

    if (geteuid() != 0)
        skip();
    assert_int_equal(hm_file_replace(tmp, ".f.partial", 0666, HM_BYTES_LITERAL("ab"), &err), HM_OK);
    assert_int_equal(fchownat(tmp->fd, ".f.partial", 12345, 12345, 0), 0);
    /* Nobody else can write this folder: whose file it is does not matter. */
    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, true, &err, &writer), HM_OK);
    assert_int_equal(writer.size, 2);
    assert_false(hm_file_is_foreign(tmp, ".f.partial", writer.fd));
    hm_file_writer_done(&writer);
    assert_int_equal(fchmod(tmp->fd, 01777), 0);
    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, true, &err, &writer), HM_EBUSY);
    expect_content(tmp, ".f.partial", "ab");
    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, false, &err, &writer), HM_OK);
}

static void test_is_foreign__tells_files_that_others_planted(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_err err = HM_ERR_INIT;
    uint64_t size;

    assert_int_equal(hm_file_replace(tmp, "d/f", 0644, HM_BYTES_LITERAL("ab"), &err), HM_OK);
    assert_int_equal(hm_dir_open_file(tmp, "d/f", &err, &fd, &size), HM_OK);
    assert_int_equal(fchmodat(tmp->fd, "d", 01777, 0), 0);
    assert_false(hm_file_is_foreign(tmp, "d/f", fd));
    assert_true(hm_file_is_foreign(tmp, "d/f", -1));
    if (geteuid() != 0)
        skip();
    assert_int_equal(fchown(fd, 12345, 12345), 0);
    assert_true(hm_file_is_foreign(tmp, "d/f", fd));
    assert_int_equal(fchmodat(tmp->fd, "d", 0755, 0), 0);
    assert_false(hm_file_is_foreign(tmp, "d/f", fd));
}

static void test_writer__refuses_a_partial_file_that_is_something_else(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(tmp, "precious", 0644, HM_BYTES_LITERAL("p"), &err), HM_OK);
    assert_int_equal(linkat(tmp->fd, "precious", tmp->fd, ".a.partial", 0), 0);
    assert_int_equal(symlinkat("precious", tmp->fd, ".b.partial"), 0);
    assert_int_equal(mkdirat(tmp->fd, ".c.partial", 0755), 0);
    assert_int_equal(mkfifoat(tmp->fd, ".d.partial", 0600), 0);
    assert_int_equal(hm_file_writer_open(tmp, "a", 0644, true, &err, &writer), HM_EINPUT);
    assert_int_equal(hm_file_writer_open(tmp, "b", 0644, true, &err, &writer), HM_EINPUT);
    assert_int_equal(hm_file_writer_open(tmp, "c", 0644, true, &err, &writer), HM_EINPUT);
    assert_int_equal(hm_file_writer_open(tmp, "d", 0644, true, &err, &writer), HM_EINPUT);
    assert_int_equal(writer.fd, -1);
    expect_content(tmp, "precious", "p");
    assert_int_equal(count_all(tmp, "."), 5);
}

static void test_writer__starts_write_back_of_large_files(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    struct hm_err err = HM_ERR_INIT;
    size_t size = 3 << 20;
    uint8_t *data = test_calloc(1, size);

    assert_int_equal(hm_file_writer_open(tmp, "f", 0644, false, &err, &writer), HM_OK);
    for (int i = 0; i < 7; i++)
        assert_int_equal(hm_file_writer_write(&writer, hm_bytes_make(data, size), &err), HM_OK);
    assert_int_equal(writer.size, 7 * size);
    assert_int_equal(writer.flushed, 6 * size);
    assert_int_equal(hm_file_writer_commit(&writer, &err), HM_OK);
    test_free(data);
}

static void test_create__makes_what_is_not_there(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_create(tmp, "new", 0644, HM_BYTES_LITERAL("one"), &err), HM_OK);
    expect_content(tmp, "new", "one");
    assert_int_equal(hm_file_create(tmp, "empty", 0644, HM_BYTES_EMPTY, &err), HM_OK);
    expect_content(tmp, "empty", "");
}

static void test_create__refuses_what_is_there_and_what_is_no_name(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    static const char *const names[] = {"", ".", "..", "a/b", "/a", "../a"};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_create(tmp, "f", 0644, HM_BYTES_LITERAL("one"), &err), HM_OK);
    assert_int_equal(hm_file_create(tmp, "f", 0644, HM_BYTES_LITERAL("two"), &err), HM_EREFUSED);
    expect_content(tmp, "f", "one");
    assert_int_equal(symlinkat("target", tmp->fd, "link"), 0);
    assert_int_equal(hm_file_create(tmp, "link", 0644, HM_BYTES_LITERAL("x"), &err), HM_EREFUSED);
    assert_false(hm_dir_has(tmp, "target"));
    assert_int_equal(mkdirat(tmp->fd, "folder", 0755), 0);
    assert_int_equal(hm_file_create(tmp, "folder", 0644, HM_BYTES_LITERAL("x"), &err), HM_EREFUSED);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        assert_int_equal(hm_file_create(tmp, names[i], 0644, HM_BYTES_LITERAL("x"), &err),
                         HM_EREFUSED);
    assert_int_equal(count_all(tmp, "."), 3);
}

static void test_write_path__takes_the_users_paths(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    char path[PATH_MAX];

    assert_int_equal(mkdirat(tmp->fd, "real", 0755), 0);
    assert_int_equal(symlinkat("real", tmp->fd, "link"), 0);
    (void)snprintf(path, sizeof(path), "%s/link/f", tmp->path);
    assert_int_equal(hm_file_write_path(path, 0644, HM_BYTES_LITERAL("x"), &err), HM_OK);
    expect_content(tmp, "real/f", "x");
    (void)snprintf(path, sizeof(path), "%s/new/g", tmp->path);
    assert_int_equal(hm_file_write_path(path, 0600, HM_BYTES_LITERAL("y"), &err), HM_OK);
    expect_content(tmp, "new/g", "y");
    (void)snprintf(path, sizeof(path), "%s/real", tmp->path);
    assert_int_equal(hm_file_write_path(path, 0644, HM_BYTES_LITERAL("x"), &err), HM_EINPUT);
    (void)snprintf(path, sizeof(path), "%s/real/", tmp->path);
    assert_int_equal(hm_file_write_path(path, 0644, HM_BYTES_LITERAL("x"), &err), HM_EUSAGE);
    (void)snprintf(path, sizeof(path), "%s/real/..", tmp->path);
    assert_int_equal(hm_file_write_path(path, 0644, HM_BYTES_LITERAL("x"), &err), HM_EUSAGE);
    assert_int_equal(hm_file_write_path("", 0644, HM_BYTES_LITERAL("x"), &err), HM_EUSAGE);
    assert_int_equal(hm_file_write_path("/dev/null", 0644, HM_BYTES_LITERAL("x"), &err), HM_OK);
    assert_int_equal(hm_file_write_path("/dev/full", 0644, HM_BYTES_LITERAL("x"), &err), HM_EIO);
    struct stat st;
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    (void)snprintf(path, sizeof(path), "%s/real/f/g", tmp->path);
    assert_int_equal(hm_file_write_path(path, 0644, HM_BYTES_LITERAL("x"), &err), HM_EINPUT);
}

static void test_read_path__takes_files_links_and_pipes(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(8);
    struct hm_err err = HM_ERR_INIT;
    char path[PATH_MAX];
    int ends[2];

    assert_int_equal(hm_file_replace(tmp, "f", 0644, HM_BYTES_LITERAL("file"), &err), HM_OK);
    assert_int_equal(hm_file_replace(tmp, "g", 0644, HM_BYTES_LITERAL("123456789"), &err), HM_OK);
    assert_int_equal(symlinkat("f", tmp->fd, "link"), 0);
    (void)snprintf(path, sizeof(path), "%s/link", tmp->path);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "file");
    (void)snprintf(path, sizeof(path), "%s/g", tmp->path);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_EFORMAT);
    assert_string_equal(hm_buf_str(&buf), "file");
    assert_int_equal(hm_file_read_path(tmp->path, &err, &buf), HM_EINPUT);
    (void)snprintf(path, sizeof(path), "%s/none", tmp->path);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_ENOTFOUND);
    hm_buf_clear(&buf);
    for (size_t size = 8; size <= 9; size++) {
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "123456789", size), size);
        (void)close(ends[1]);
        (void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
        assert_int_equal(hm_file_read_path(path, &err, &buf), size == 8 ? HM_OK : HM_EFORMAT);
        (void)close(ends[0]);
        if (size == 8) {
            assert_string_equal(hm_buf_str(&buf), "12345678");
            hm_buf_clear(&buf);
        }
    }
    assert_int_equal(hm_file_read_path("/dev/zero", &err, &buf), HM_EFORMAT);
    assert_int_equal(buf.size, 0);
}

static void test_read_path__dash_is_standard_input(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(8);
    struct hm_err err = HM_ERR_INIT;
    int saved = dup(STDIN_FILENO);
    uint64_t size;
    int fd = -1;

    assert_int_equal(hm_file_replace(tmp, "f", 0644, HM_BYTES_LITERAL("input"), &err), HM_OK);
    assert_int_equal(hm_dir_open_file(tmp, "f", &err, &fd, &size), HM_OK);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(hm_file_read_path("-", &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "input");
    (void)close(fd);
    if (saved >= 0) {
        (void)dup2(saved, STDIN_FILENO);
        (void)close(saved);
    }
}

static enum hm_rc check_format(const struct hm_dir *dir, const char *text)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    assert_int_equal(hm_file_replace(dir, "format", 0644, hm_bytes_str(text), NULL), HM_OK);
    rc = hm_file_check_format(dir, "hallmark-test ", "a test", 12, &err);
    if (rc == HM_EFORMAT && strlen(text) < 60)
        assert_non_null(strstr(err.text, "a test"));
    if (rc == HM_EREFUSED)
        assert_non_null(strstr(err.text, "newer program"));
    return rc;
}

static void test_check_format__knows_what_is_newer(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    static const char *const wrong[] = {
        "",
        "hallmark-test ",
        "hallmark-test \n",
        "hallmark-test 1",
        "hallmark-test 1\n\n",
        "hallmark-test 01\n",
        "hallmark-test -1\n",
        "hallmark-test 1 \n",
        "hallmark-tes 1\n",
        "hallmark-test 99999999999999999999\n",
        "hallmark-test 1\nhallmark-test 1\nhallmark-test 1\nhallmark-test 1\nhallmark-test 1\n",
    };

    assert_int_equal(hm_file_check_format(tmp, "hallmark-test ", "a test", 12, NULL), HM_ENOTFOUND);
    assert_int_equal(check_format(tmp, "hallmark-test 1\n"), HM_OK);
    assert_int_equal(check_format(tmp, "hallmark-test 12\n"), HM_OK);
    assert_int_equal(check_format(tmp, "hallmark-test 13\n"), HM_EREFUSED);
    for (size_t i = 0; i < HM_ARRAY_COUNT(wrong); i++)
        assert_int_equal(check_format(tmp, wrong[i]), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_replace__writes_and_replaces),
        tmpdir_test(test_replace__replaces_a_link_not_its_target),
        tmpdir_test(test_replace__leaves_nothing_behind_on_failure),
        tmpdir_test(test_replace__takes_the_longest_names),
        tmpdir_test(test_writer__cuts_long_names_between_characters),
        tmpdir_test(test_writer__shows_nothing_before_commit),
        tmpdir_test(test_writer__done_removes_the_temporary_file),
        tmpdir_test(test_writer__takes_up_a_partial_file),
        tmpdir_test(test_writer__drops_a_partial_file_on_request),
        tmpdir_test(test_writer__is_alone_with_a_partial_file),
        tmpdir_test(test_writer__leaves_a_partial_file_that_another_user_planted),
        tmpdir_test(test_is_foreign__tells_files_that_others_planted),
        tmpdir_test(test_writer__refuses_a_partial_file_that_is_something_else),
        tmpdir_test(test_writer__starts_write_back_of_large_files),
        tmpdir_test(test_create__makes_what_is_not_there),
        tmpdir_test(test_create__refuses_what_is_there_and_what_is_no_name),
        tmpdir_test(test_write_path__takes_the_users_paths),
        tmpdir_test(test_read_path__takes_files_links_and_pipes),
        tmpdir_test(test_read_path__dash_is_standard_input),
        tmpdir_test(test_check_format__knows_what_is_newer),
    };

    (void)umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
