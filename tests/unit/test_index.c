/* SPDX-License-Identifier: Apache-2.0 */
/* match/index: kept in step with files, whatever happened to them or to it. */
#include "match_kit.h"

#include <unistd.h>

#include "base/file.h"

#define SIZE 8192

struct fixture {
    const struct hm_dir *dir; /* of the files */
    struct hm_dir index;
    struct hm_index_want wants[32];
    size_t count;
    struct hm_index_counts counts;
    struct hm_arena arena;
    size_t notices;
};

static void fixture_done(struct fixture *f)
{
    hm_dir_done(&f->index);
    hm_arena_done(&f->arena);
}

static void begin(struct fixture *f, void **state)
{
    *f = (struct fixture){.dir = tmpdir_of(state), .index = HM_DIR_INIT};
    assert_int_equal(hm_dir_open_at(f->dir, "index", true, NULL, &f->index), HM_OK);
}

static void put(struct fixture *f, const char *name, uint64_t seed)
{
    uint8_t data[SIZE];

    match_kit_fill(data, sizeof(data), seed);
    match_kit_put(f->dir, name, hm_bytes_make(data, sizeof(data)));
}

static void want(struct fixture *f, const char *name)
{
    f->wants[f->count++] = match_kit_want(f->dir, name, &f->arena);
}

static void on_notice(void *ctx, const char *sentence)
{
    struct fixture *f = ctx;

    f->notices++;
    assert_non_null(strstr(sentence, "is left out: "));
}

static void update(struct fixture *f, const char *stamp)
{
    struct hm_index_events events = {.notice = on_notice, .ctx = f};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(
        hm_index_update(&f->index, f->wants, f->count, stamp, NULL, &events, &err, &f->counts),
        HM_OK);
}

static void assert_counts(const struct fixture *f, size_t added, size_t kept, size_t removed)
{
    assert_int_equal(f->counts.added, added);
    assert_int_equal(f->counts.kept, kept);
    assert_int_equal(f->counts.removed, removed);
}

/* How many images (and copies) with the bytes of seed the index knows. */
static size_t count_known(const struct fixture *f, uint64_t seed)
{
    struct hm_index index = HM_INDEX_INIT;
    const struct hm_index *source = &index;
    struct hm_candidate found[8];
    struct hm_sha256 sha256;
    uint8_t data[SIZE];
    size_t count;

    match_kit_fill(data, sizeof(data), seed);
    assert_int_equal(hm_digest_sha256(hm_bytes_make(data, sizeof(data)), NULL, &sha256), HM_OK);
    assert_int_equal(hm_index_open(&f->index, NULL, &index), HM_OK);
    assert_int_equal(hm_candidate_find_exact(&source, 1, &sha256, 8, NULL, found, &count), HM_OK);
    hm_index_done(&index);
    return count;
}

/* Is it found by a piece of it? */
static bool is_found(const struct fixture *f, uint64_t seed)
{
    struct hm_index index = HM_INDEX_INIT;
    _hm_free_(hm_match_free) struct hm_match *match = NULL;
    uint8_t data[SIZE];
    bool found;

    match_kit_fill(data, sizeof(data), seed);
    data[0] ^= 1;
    assert_int_equal(hm_index_open(&f->index, NULL, &index), HM_OK);
    match = match_kit_run(&index, hm_bytes_make(data, sizeof(data)), NULL);
    found = match->verdict == HM_MATCH_MODIFIED;
    hm_index_done(&index);
    return found;
}

/* The name of its only file. */
static void only_file(const struct fixture *f, char ret_name[32])
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;

    assert_int_equal(hm_dir_list(&f->index, "", 1000, &arena, NULL, &names, &count), HM_OK);
    assert_int_equal(count, 2); /* and the lock */
    (void)snprintf(ret_name, 32, "%s", names[0]);
}

static size_t count_files(const struct fixture *f)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count, files = 0;

    assert_int_equal(hm_dir_list(&f->index, "", 1000, &arena, NULL, &names, &count), HM_OK);
    for (size_t i = 0; i < count; i++)
        files += strstr(names[i], ".index") != NULL;
    return files;
}

static void test_update__adds_keeps_and_removes(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    put(&f, "a", 1);
    put(&f, "b", 2);
    want(&f, "b");
    want(&f, "a");
    update(&f, NULL);
    assert_counts(&f, 2, 0, 0);
    assert_true(is_found(&f, 1) && is_found(&f, 2) && !is_found(&f, 3));
    put(&f, "c", 3);
    want(&f, "c");
    update(&f, NULL);
    assert_counts(&f, 1, 2, 0);
    assert_true(is_found(&f, 1) && is_found(&f, 3));
    f.count = 0;
    want(&f, "c");
    update(&f, NULL);
    assert_counts(&f, 0, 1, 2);
    assert_true(!is_found(&f, 1) && !is_found(&f, 2) && is_found(&f, 3));
    f.count = 0;
    update(&f, NULL);
    assert_counts(&f, 0, 0, 1);
    assert_int_equal(count_files(&f), 0);
}

static void test_update__a_changed_file_is_read_again(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    put(&f, "a", 1);
    want(&f, "a");
    update(&f, NULL);
    put(&f, "a", 2);
    f.count = 0;
    want(&f, "a");
    update(&f, NULL);
    assert_counts(&f, 1, 0, 1);
    assert_int_equal(count_known(&f, 1), 0);
    assert_int_equal(count_known(&f, 2), 1);
}

static void test_update__leaves_out_what_is_not_as_wanted(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    put(&f, "right", 1);
    put(&f, "other-digest", 2);
    put(&f, "changed", 3);
    put(&f, "gone", 4);
    want(&f, "right");
    want(&f, "other-digest");
    want(&f, "changed");
    want(&f, "gone");
    f.wants[1].has_sha256 = true;
    put(&f, "changed", 5);
    assert_int_equal(hm_dir_remove(f.dir, "gone", NULL), HM_OK);
    update(&f, NULL);
    assert_counts(&f, 1, 0, 0);
    assert_int_equal(f.counts.left_out, 3);
    assert_int_equal(f.notices, 3);
    assert_int_equal(count_known(&f, 2) + count_known(&f, 3) + count_known(&f, 5), 0);
}

static void test_update__follows_no_link(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    char path[600];

    begin(&f, state);
    put(&f, "a", 1);
    put(&f, "b", 2);
    want(&f, "a");
    want(&f, "b");
    (void)snprintf(path, sizeof(path), "%s/b", f.dir->path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("a", path), 0);
    update(&f, NULL);
    assert_int_equal(f.counts.left_out, 1);
}

static void test_update__copies_and_what_they_are_of(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    put(&f, "a", 1);
    put(&f, "b", 1);
    put(&f, "c", 1);
    want(&f, "a");
    want(&f, "b");
    want(&f, "c");
    update(&f, NULL);
    assert_int_equal(count_known(&f, 1), 3);
    assert_true(is_found(&f, 1));
    /* The one with the entries goes; what is left must be found still. */
    f.count = 0;
    want(&f, "b");
    want(&f, "c");
    update(&f, NULL);
    assert_int_equal(count_known(&f, 1), 2);
    assert_true(is_found(&f, 1));
}

static void test_update__many_steps_leave_few_files(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    char name[16];

    begin(&f, state);
    for (unsigned i = 0; i < 32; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        put(&f, name, i + 1);
        want(&f, name);
        update(&f, NULL);
        assert_int_equal(f.counts.added, 1);
        assert_true(count_files(&f) <= 6);
    }
    for (unsigned i = 0; i < 32; i++)
        assert_true(is_found(&f, i + 1));
}

/* A merge wrote its result, and the machine stopped before what it replaces was removed. */
static void test_update__images_that_are_there_twice(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT((size_t)1 << 20);

    begin(&f, state);
    put(&f, "a", 1);
    want(&f, "a");
    update(&f, NULL);
    assert_int_equal(hm_dir_read(&f.index, "1.index", NULL, &bytes), HM_OK);
    match_kit_put(&f.index, "7.index", hm_buf_bytes(&bytes));
    assert_int_equal(count_known(&f, 1), 2);
    update(&f, NULL);
    assert_counts(&f, 0, 1, 1);
    assert_int_equal(count_known(&f, 1), 1);
    assert_int_equal(count_files(&f), 1);
}

static void test_update__a_damaged_file_is_made_anew(void **state)
{
    static const size_t places[] = {0, 5, 0x30, 0x39};
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    put(&f, "a", 1);
    want(&f, "a");
    for (size_t i = 0; i < HM_ARRAY_COUNT(places); i++) {
        _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT((size_t)1 << 20);
        struct hm_index index = HM_INDEX_INIT;
        struct hm_err err = HM_ERR_INIT;
        char name[32];

        update(&f, NULL);
        assert_int_equal(f.counts.added, 1);
        only_file(&f, name);
        assert_int_equal(hm_dir_read(&f.index, name, NULL, &bytes), HM_OK);
        bytes.data[places[i]] ^= 1;
        match_kit_put(&f.index, name, hm_buf_bytes(&bytes));
        assert_int_equal(hm_index_open(&f.index, &err, &index), HM_EFORMAT);
        assert_non_null(strstr(err.text, name));
        assert_int_equal(index.file_count, 0);
    }
    update(&f, NULL);
    assert_int_equal(count_known(&f, 1), 1);
}

static void test_update__a_damaged_image_is_read_again(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT((size_t)1 << 20);

    begin(&f, state);
    put(&f, "a", 1);
    want(&f, "a");
    update(&f, NULL);
    assert_int_equal(hm_dir_read(&f.index, "1.index", NULL, &bytes), HM_OK);
    bytes.data[bytes.size - 1] ^= 1;
    match_kit_put(&f.index, "1.index", hm_buf_bytes(&bytes));
    update(&f, NULL);
    assert_counts(&f, 1, 0, 1);
    assert_int_equal(count_known(&f, 1), 1);
}

static void test_is_current__only_for_the_last_stamp(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    assert_false(hm_index_is_current(&f.index, "one"));
    update(&f, "one");
    assert_true(hm_index_is_current(&f.index, "one"));
    assert_false(hm_index_is_current(&f.index, "two"));
    assert_false(hm_index_is_current(&f.index, ""));
    update(&f, "two");
    assert_false(hm_index_is_current(&f.index, "one"));
}

static void test_is_current__not_while_something_is_left_out(void **state)
{
    _hm_done_(fixture_done) struct fixture f;

    begin(&f, state);
    put(&f, "away", 1);
    want(&f, "away");
    assert_int_equal(hm_dir_remove(f.dir, "away", NULL), HM_OK);
    update(&f, "one");
    assert_int_equal(f.counts.left_out, 1);
    assert_false(hm_index_is_current(&f.index, "one"));
    put(&f, "away", 1);
    f.count = 0;
    want(&f, "away");
    update(&f, "one");
    assert_true(hm_index_is_current(&f.index, "one"));
    assert_int_equal(count_known(&f, 1), 1);
}

static void test_read__a_copy_of_the_file_that_was_wanted(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(2 * SIZE);
    uint8_t data[SIZE];
    bool is_untouched = false;

    begin(&f, state);
    put(&f, "file", 1);
    want(&f, "file");
    assert_int_equal(hm_index_read(f.wants[0].path, &f.wants[0], NULL, &buf, &is_untouched), HM_OK);
    assert_true(is_untouched);
    assert_int_equal(truncate(f.wants[0].path, SIZE / 2), 0);
    match_kit_fill(data, sizeof(data), 1);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&buf), hm_bytes_make(data, sizeof(data))));
    assert_int_equal(hm_index_read(f.wants[0].path, &f.wants[0], NULL, &buf, &is_untouched),
                     HM_EAGAIN);
    put(&f, "file", 2);
    assert_int_equal(hm_index_read(f.wants[0].path, &f.wants[0], NULL, &buf, &is_untouched), HM_OK);
    assert_false(is_untouched);
}

static void test_update__takes_no_other_files_for_its_own(void **state)
{
    _hm_done_(fixture_done) struct fixture f;
    static const char *const names[] = {"x.index", "01.index", ".index", "1.index.old", "notes"};

    begin(&f, state);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        match_kit_put(&f.index, names[i], HM_BYTES_LITERAL("no index"));
    put(&f, "a", 1);
    want(&f, "a");
    update(&f, NULL);
    assert_int_equal(count_known(&f, 1), 1);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        assert_true(hm_dir_has(&f.index, names[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_update__adds_keeps_and_removes),
        tmpdir_test(test_update__a_changed_file_is_read_again),
        tmpdir_test(test_update__leaves_out_what_is_not_as_wanted),
        tmpdir_test(test_update__follows_no_link),
        tmpdir_test(test_update__copies_and_what_they_are_of),
        tmpdir_test(test_update__many_steps_leave_few_files),
        tmpdir_test(test_update__images_that_are_there_twice),
        tmpdir_test(test_update__a_damaged_file_is_made_anew),
        tmpdir_test(test_update__a_damaged_image_is_read_again),
        tmpdir_test(test_is_current__only_for_the_last_stamp),
        tmpdir_test(test_is_current__not_while_something_is_left_out),
        tmpdir_test(test_read__a_copy_of_the_file_that_was_wanted),
        tmpdir_test(test_update__takes_no_other_files_for_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
