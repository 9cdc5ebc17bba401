/* SPDX-License-Identifier: Apache-2.0 */
/* Every call that can fail, failing: src/base reports it, leaks nothing, and keeps files whole. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/dir_internal.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/secret.h"
#include "base/ustar.h"
#include "fault.h"
#include "tmpdir.h"

#define OLD_TEXT "the old content"
#define NEW_TEXT "the new content, which is longer"

struct place {
    const struct hm_dir *dir;
    const char *path;
    bool is_kept; /* whether a partial file may be left */
};

/* Names in a folder, all kinds. */
static size_t count_names(const struct hm_dir *dir, const char *path)
{
    int fd = openat(dir->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream;
    size_t count = 0;

    if (fd < 0)
        return 0;
    stream = fdopendir(fd);
    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    (void)closedir(stream);
    return count - 2;
}

static void put(const struct hm_dir *dir, const char *path, const char *text)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_file_replace(dir, path, 0600, hm_bytes_str(text), &err) != HM_OK)
        fail_msg("%s", err.text);
}

static void expect_text(const struct hm_dir *dir, const char *path, const char *text,
                        const char *or_text)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    struct hm_err err = HM_ERR_INIT;

    if (hm_dir_read(dir, path, &err, &buf) != HM_OK)
        fail_msg("%s", err.text);
    if (strcmp(hm_buf_str(&buf), text) != 0)
        assert_string_equal(hm_buf_str(&buf), or_text);
}

/* --- memory alone ----------------------------------------------------------------------------- */

static enum hm_rc use_arena(void *ctx, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes copy;

    for (size_t i = 0; i < 20; i++) {
        if (hm_arena_alloc(&arena, i, 100) == NULL ||
            hm_arena_strdup(&arena, HM_BYTES_LITERAL("text")) == NULL)
            return hm_error_nomem(err);
        HM_TRY(hm_arena_copy(&arena, HM_BYTES_LITERAL("bytes"), err, &copy));
    }
    return HM_OK;
}

static enum hm_rc use_buf(void *ctx, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);

    for (int i = 0; i < 1000; i++) {
        enum hm_rc rc = hm_buf_append_fmt(&buf, err, "%d,", i);

        if (buf.data != NULL)
            assert_int_equal(buf.data[buf.size], 0);
        HM_TRY(rc);
    }
    return HM_OK;
}

static void test_arena_and_buf__report_each_failure(void **state)
{
    assert_in_range(fault_run(use_arena, NULL, NULL), 4, 100);
    assert_in_range(fault_run(use_buf, NULL, NULL), 5, 20);
}

/* --- files ------------------------------------------------------------------------------------ */

static enum hm_rc replace(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;

    return hm_file_replace(place->dir, place->path, 0600, HM_BYTES_LITERAL(NEW_TEXT), err);
}

/* The old file or the new, nothing between, and no stray file. */
static void check_replaced(void *ctx, enum hm_rc rc)
{
    const struct place *place = ctx;

    expect_text(place->dir, place->path, NEW_TEXT, rc == HM_OK ? NEW_TEXT : OLD_TEXT);
    assert_int_equal(count_names(place->dir, "d"), 1);
    put(place->dir, place->path, OLD_TEXT);
}

static void test_replace__leaves_the_old_file_or_the_new(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "d/f"};

    put(place.dir, place.path, OLD_TEXT);
    assert_in_range(fault_run(replace, check_replaced, &place), 9, 30);
    hm_dir_force_walk = true;
    assert_in_range(fault_run(replace, check_replaced, &place), 11, 30);
    hm_dir_force_walk = false;
}

/* Nothing but a whole file; folders may have come into being. */
static void check_created(void *ctx, enum hm_rc rc)
{
    const struct place *place = ctx;
    struct hm_err err = HM_ERR_INIT;

    if (rc == HM_OK || hm_dir_has(place->dir, place->path))
        expect_text(place->dir, place->path, NEW_TEXT, NEW_TEXT);
    else
        assert_int_equal(count_names(place->dir, "new/folder"), 0);
    assert_int_equal(hm_dir_remove_tree(place->dir, "new", &err), HM_OK);
}

static void test_replace__makes_a_whole_file_or_none(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "new/folder/f"};

    assert_in_range(fault_run(replace, check_created, &place), 15, 60);
}

static enum hm_rc write_parts(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;

    HM_TRY(hm_file_writer_open(place->dir, place->path, 0600, place->is_kept, err, &writer));
    HM_TRY(hm_file_writer_reset(&writer, err));
    HM_TRY(hm_file_writer_write(&writer, HM_BYTES_LITERAL("the new content"), err));
    HM_TRY(hm_file_writer_write(&writer, HM_BYTES_LITERAL(", which is longer"), err));
    return hm_file_writer_commit(&writer, err);
}

static void check_kept(void *ctx, enum hm_rc rc)
{
    const struct place *place = ctx;
    size_t count = count_names(place->dir, "d");

    expect_text(place->dir, place->path, NEW_TEXT, rc == HM_OK ? NEW_TEXT : OLD_TEXT);
    if (count > 1) {
        assert_int_not_equal(rc, HM_OK);
        assert_int_equal(count, 2);
        assert_true(hm_dir_has(place->dir, "d/.f.partial"));
    }
    put(place->dir, place->path, OLD_TEXT);
}

static void test_writer__leaves_the_old_file_or_the_new(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "d/f"};

    put(place.dir, place.path, OLD_TEXT);
    assert_in_range(fault_run(write_parts, check_replaced, &place), 10, 30);
    place.is_kept = true;
    assert_in_range(fault_run(write_parts, check_kept, &place), 10, 30);
}

/* A caller that goes on after a failed write must not get a file with a hole. */
static enum hm_rc write_carelessly(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;

    HM_TRY(hm_file_writer_open(place->dir, place->path, 0600, false, err, &writer));
    (void)!hm_file_writer_write(&writer, HM_BYTES_LITERAL("the new content"), err);
    (void)!hm_file_writer_write(&writer, HM_BYTES_LITERAL(", which is longer"), err);
    return hm_file_writer_commit(&writer, err);
}

static void test_commit__refuses_what_was_not_written(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "d/f"};

    put(place.dir, place.path, OLD_TEXT);
    assert_in_range(fault_run(write_carelessly, check_replaced, &place), 10, 30);
}

static enum hm_rc write_user_path(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;
    char path[1024];

    (void)snprintf(path, sizeof(path), "%s/%s", place->dir->path, place->path);
    return hm_file_write_path(path, 0600, HM_BYTES_LITERAL(NEW_TEXT), err);
}

static void test_write_path__makes_a_whole_file_or_none(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "new/folder/f"};

    assert_in_range(fault_run(write_user_path, check_created, &place), 14, 60);
}

/* --- reading and listing ---------------------------------------------------------------------- */

static enum hm_rc read_things(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;
    const char **names;
    char path[1024];
    size_t count;

    (void)snprintf(path, sizeof(path), "%s/%s", place->dir->path, place->path);
    HM_TRY(hm_dir_read(place->dir, place->path, err, &buf));
    HM_TRY(hm_file_read_path(path, err, &buf));
    HM_TRY(hm_secret_read(path, 100, false, err, &secret));
    assert_int_equal(buf.size, 2 * secret.size);
    assert_memory_equal(buf.data, secret.data, secret.size);
    HM_TRY(hm_dir_list(place->dir, "d", 100, &arena, err, &names, &count));
    assert_int_equal(count, 1);
    return HM_OK;
}

static void test_reading__reports_each_failure(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "d/f"};

    put(place.dir, place.path, OLD_TEXT);
    assert_in_range(fault_run(read_things, NULL, &place), 8, 40);
    hm_dir_force_walk = true;
    assert_in_range(fault_run(read_things, NULL, &place), 12, 40);
    hm_dir_force_walk = false;
}

static enum hm_rc move_and_remove(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;

    HM_TRY(hm_dir_rename(place->dir, "d/f", place->dir, "e/g", err));
    HM_TRY(hm_dir_remove(place->dir, "e/g", err));
    return hm_dir_remove_tree(place->dir, "t", err);
}

static void check_moved(void *ctx, enum hm_rc rc)
{
    const struct place *place = ctx;

    if (rc == HM_OK) {
        assert_false(hm_dir_has(place->dir, "t"));
        assert_false(hm_dir_has(place->dir, "e/g"));
    }
    put(place->dir, "d/f", OLD_TEXT);
    put(place->dir, "t/a/b", OLD_TEXT);
}

static void test_moving__reports_each_failure(void **state)
{
    struct place place = {.dir = tmpdir_of(state)};

    put(place.dir, "e/x", OLD_TEXT);
    check_moved(&place, HM_EIO);
    assert_in_range(fault_run(move_and_remove, check_moved, &place), 12, 60);
}

/* --- archives --------------------------------------------------------------------------------- */

static enum hm_rc append(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

static enum hm_rc append_to_file(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_file_writer_write(ctx, bytes, err);
}

static enum hm_rc take(void *ctx, uint8_t *data, size_t size, struct hm_err *err, bool *ret_end)
{
    struct hm_bytes *rest = ctx;

    if (rest->size == 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (size > rest->size)
        return hm_fail(err, HM_EFORMAT, "cut");
    memcpy(data, rest->data, size);
    rest->data += size;
    rest->size -= size;
    return HM_OK;
}

static enum hm_rc write_members(hm_ustar_write_fn *write, void *ctx, struct hm_err *err)
{
    static const uint8_t data[70000];
    struct hm_ustar_writer writer;

    hm_ustar_writer_init(&writer, write, ctx);
    HM_TRY(hm_ustar_writer_add(&writer, "a", HM_BYTES_LITERAL("hello"), err));
    HM_TRY(hm_ustar_writer_add(&writer, "b/c", hm_bytes_make(data, sizeof(data)), err));
    return hm_ustar_writer_end(&writer, err);
}

static enum hm_rc pack_and_unpack(void *ctx, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf archive = HM_BUF_INIT(1 << 20);
    struct hm_ustar_reader reader;
    struct hm_bytes rest;
    size_t count = 0;

    HM_TRY(write_members(append, &archive, err));
    rest = hm_buf_bytes(&archive);
    hm_ustar_reader_init(&reader, take, &rest);
    for (;;) {
        _hm_done_(hm_buf_done) struct hm_buf content = HM_BUF_INIT(1 << 20);
        const char *name;
        uint64_t size;
        bool more;
        enum hm_rc rc;

        HM_TRY(hm_ustar_reader_next(&reader, err, &more, &name, &size));
        if (!more)
            break;
        rc = hm_ustar_reader_read_all(&reader, err, &content);
        assert_int_equal(content.size, rc == HM_OK ? size : 0);
        HM_TRY(rc);
        count++;
    }
    assert_int_equal(count, 2);
    return HM_OK;
}

static enum hm_rc pack_to_file(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;

    HM_TRY(hm_file_writer_open(place->dir, place->path, 0600, false, err, &writer));
    HM_TRY(write_members(append_to_file, &writer, err));
    return hm_file_writer_commit(&writer, err);
}

static void check_packed(void *ctx, enum hm_rc rc)
{
    const struct place *place = ctx;
    struct hm_err err = HM_ERR_INIT;
    struct stat st;

    if (fstatat(place->dir->fd, place->path, &st, 0) == 0)
        assert_int_equal(st.st_size, 512 + 512 + 512 + 70144 + 1024);
    else
        assert_int_not_equal(rc, HM_OK);
    assert_int_equal(hm_dir_remove(place->dir, place->path, &err), HM_OK);
    assert_int_equal(count_names(place->dir, "."), 0);
}

static void test_ustar__reports_each_failure(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "a.tar"};

    assert_in_range(fault_run(pack_and_unpack, NULL, NULL), 4, 40);
    assert_in_range(fault_run(pack_to_file, check_packed, &place), 12, 40);
}

/* --- calls that do less than asked ------------------------------------------------------------ */

static void test_disturbed_calls__change_no_result(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;
    struct place place = {.dir = tmp, .path = "d/f"};
    struct hm_err err = HM_ERR_INIT;
    char path[1024];

    (void)snprintf(path, sizeof(path), "%s/d/f", tmp->path);
    fault_disturb(true);
    assert_int_equal(replace(&place, &err), HM_OK);
    assert_int_equal(hm_dir_read(tmp, "d/f", &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), NEW_TEXT);
    hm_buf_clear(&buf);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), NEW_TEXT);
    assert_int_equal(hm_secret_read(path, 100, false, &err, &secret), HM_OK);
    assert_string_equal((const char *)secret.data, NEW_TEXT);
    assert_int_equal(pack_to_file(&place, &err), HM_OK);
    fault_disturb(false);
    assert_int_equal(count_names(tmp, "d"), 1);
}

/* The pid in a lock is for people: the lock is held without it. */
static enum hm_rc take_lock(void *ctx, struct hm_err *err)
{
    const struct place *place = ctx;
    struct hm_lock lock = HM_LOCK_INIT;

    HM_TRY(hm_lock_take(place->dir, place->path, 0, err, &lock));
    hm_lock_done(&lock);
    return HM_OK;
}

static void test_lock__reports_a_file_it_cannot_open(void **state)
{
    struct place place = {.dir = tmpdir_of(state), .path = "missing/lock"};
    struct hm_err err = HM_ERR_INIT;

    fault_disturb(true);
    assert_int_equal(take_lock(&place, &err), HM_OK);
    fault_disturb(false);
    assert_int_equal(take_lock(&place, &err), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_and_buf__report_each_failure),
        tmpdir_test(test_replace__leaves_the_old_file_or_the_new),
        tmpdir_test(test_replace__makes_a_whole_file_or_none),
        tmpdir_test(test_writer__leaves_the_old_file_or_the_new),
        tmpdir_test(test_commit__refuses_what_was_not_written),
        tmpdir_test(test_write_path__makes_a_whole_file_or_none),
        tmpdir_test(test_reading__reports_each_failure),
        tmpdir_test(test_moving__reports_each_failure),
        tmpdir_test(test_ustar__reports_each_failure),
        tmpdir_test(test_disturbed_calls__change_no_result),
        tmpdir_test(test_lock__reports_a_file_it_cannot_open),
    };

    (void)umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
