/* SPDX-License-Identifier: Apache-2.0 */
/* customer/kept: an earlier state is what was replaced since, and its time. */
#include "unit.h"

#include "base/file.h"
#include "customer/kept.h"
#include "tmpdir.h"

struct fixture {
    const struct hm_dir *site;
    struct hm_dir metadata;
};

static void put(const struct hm_dir *dir, const char *path, const char *text)
{
    assert_int_equal(hm_file_replace(dir, path, 0644, hm_bytes_str(text), NULL), HM_OK);
}

static void assert_file(const struct hm_dir *dir, const char *path, const char *text)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1000);

    assert_int_equal(hm_dir_read(dir, path, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), text);
}

/* As a client does it. */
static void replace(const struct fixture *f, const char *file, const char *text)
{
    assert_int_equal(hm_kept_save(f->site, &f->metadata, file, true, NULL), HM_OK);
    put(&f->metadata, file, text);
}

/* A site's folder with two files of metadata. */
static void begin(struct fixture *f, void **state)
{
    f->site = tmpdir_of(state);
    f->metadata = (struct hm_dir)HM_DIR_INIT;
    assert_int_equal(hm_dir_open_at(f->site, "metadata", true, NULL, &f->metadata), HM_OK);
    put(&f->metadata, "timestamp.json", "t1");
    put(&f->metadata, "role.json", "r1");
}

static void fixture_done(struct fixture *f)
{
    hm_dir_done(&f->metadata);
}

static void test_save__keeps_what_was_first_replaced(void **state)
{
    _hm_done_(hm_dir_done) struct hm_dir kept = HM_DIR_INIT;
    _hm_done_(fixture_done) struct fixture own = {0};
    struct fixture *f = &own;
    struct hm_kept_time refreshed = {0};

    begin(f, state);
    put(f->site, "refreshed", "2026-05-01T00:00:00Z\n");
    replace(f, "timestamp.json", "t2");
    put(f->site, "refreshed", "2026-06-01T00:00:00Z\n");
    replace(f, "timestamp.json", "t3");
    replace(f, "role.json", "r2");
    replace(f, "new.json", "n1");
    assert_int_equal(hm_kept_open(f->site, HM_KEPT_COMPLETE, NULL, &kept, &refreshed), HM_OK);
    assert_int_equal(refreshed.unix_s, INT64_C(1777593600));
    assert_file(&kept, "timestamp.json", "t1");
    assert_file(&kept, "role.json", "r1");
    assert_false(hm_dir_has(&kept, "new.json"));
    assert_file(&f->metadata, "timestamp.json", "t3");
}

static void test_save__begins_nothing_for_a_new_file_or_site(void **state)
{
    _hm_done_(hm_dir_done) struct hm_dir kept = HM_DIR_INIT;
    _hm_done_(fixture_done) struct fixture own = {0};
    struct fixture *f = &own;
    struct hm_kept_time refreshed = {0};

    begin(f, state);
    replace(f, "timestamp.json", "t2"); /* never refreshed */
    assert_int_equal(hm_kept_open(f->site, HM_KEPT_COMPLETE, NULL, &kept, &refreshed),
                     HM_ENOTFOUND);
    put(f->site, "refreshed", "2026-05-01T00:00:00Z\n");
    replace(f, "new.json", "n1");
    assert_int_equal(hm_kept_open(f->site, HM_KEPT_COMPLETE, NULL, &kept, &refreshed),
                     HM_ENOTFOUND);
}

static void test_drop__ends_it_and_begins_anew(void **state)
{
    _hm_done_(hm_dir_done) struct hm_dir kept = HM_DIR_INIT;
    _hm_done_(fixture_done) struct fixture own = {0};
    struct fixture *f = &own;
    struct hm_kept_time refreshed = {0};

    begin(f, state);
    put(f->site, "refreshed", "2026-05-01T00:00:00Z\n");
    assert_int_equal(hm_kept_drop(f->site, HM_KEPT_COMPLETE, NULL), HM_OK);
    replace(f, "timestamp.json", "t2");
    /* What an interrupted call left. */
    put(f->site, "complete.old/timestamp.json", "t0");
    put(f->site, "complete.new/timestamp.json", "t0");
    assert_int_equal(hm_kept_drop(f->site, HM_KEPT_COMPLETE, NULL), HM_OK);
    assert_false(hm_dir_has(f->site, "complete"));
    assert_false(hm_dir_has(f->site, "complete.old"));
    put(f->site, "refreshed", "2026-06-01T00:00:00Z\n");
    replace(f, "timestamp.json", "t3");
    assert_int_equal(hm_kept_open(f->site, HM_KEPT_COMPLETE, NULL, &kept, &refreshed), HM_OK);
    assert_int_equal(refreshed.unix_s, INT64_C(1780272000));
    assert_file(&kept, "timestamp.json", "t2");
}

static void test_open__refuses_a_damaged_time(void **state)
{
    _hm_done_(hm_dir_done) struct hm_dir kept = HM_DIR_INIT;
    _hm_done_(fixture_done) struct fixture own = {0};
    struct fixture *f = &own;
    struct hm_kept_time refreshed = {0};

    begin(f, state);
    put(f->site, "complete/refreshed", "yesterday\n");
    assert_int_equal(hm_kept_open(f->site, HM_KEPT_COMPLETE, NULL, &kept, &refreshed), HM_EFORMAT);
    assert_int_equal(kept.fd, -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        tmpdir_test(test_save__keeps_what_was_first_replaced),
        tmpdir_test(test_save__begins_nothing_for_a_new_file_or_site),
        tmpdir_test(test_drop__ends_it_and_begins_anew),
        tmpdir_test(test_open__refuses_a_damaged_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
