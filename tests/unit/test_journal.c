/* SPDX-License-Identifier: Apache-2.0 */
/* The journal alone: what it refuses, and that it forgets nothing. */
#include "unit.h"

#include "tmpdir.h"

#include "base/file.h"
#include "site/journal.h"

struct folders {
    struct hm_dir private_dir, public_dir;
};

static void open_folders(void **state, struct folders *folders)
{
    assert_int_equal(hm_dir_open_at(tmpdir_of(state), "private", true, NULL, &folders->private_dir),
                     HM_OK);
    assert_int_equal(hm_dir_open_at(tmpdir_of(state), "public", true, NULL, &folders->public_dir),
                     HM_OK);
}

static void close_folders(struct folders *folders)
{
    hm_dir_done(&folders->private_dir);
    hm_dir_done(&folders->public_dir);
}

static void put(const struct hm_dir *dir, const char *path, const char *text)
{
    assert_int_equal(hm_file_replace(dir, path, 0644, hm_bytes_str(text), NULL), HM_OK);
}

static void check(const struct hm_dir *dir, const char *path, const char *text)
{
    struct hm_buf buf = HM_BUF_INIT(1024);

    assert_int_equal(hm_dir_read(dir, path, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), text);
    hm_buf_done(&buf);
}

static void add(struct hm_journal *journal, const struct folders *folders, const char *path,
                const char *text)
{
    assert_int_equal(hm_journal_add(journal, &folders->public_dir, path, hm_bytes_str(text), NULL),
                     HM_OK);
}

/* Two metadata files, a root, a timestamp, and two things to drop. */
static void write_all(struct folders *folders)
{
    struct hm_journal journal;

    put(&folders->private_dir, "drafts/targets.json", "draft");
    put(&folders->private_dir, "submissions/abc/maker.json", "staged");
    put(&folders->public_dir, "metadata/timestamp.json", "old");
    assert_int_equal(hm_journal_begin(&folders->private_dir, NULL, &journal), HM_OK);
    add(&journal, folders, "metadata/1.root.json", "root");
    add(&journal, folders, "metadata/2.targets.json", "targets");
    add(&journal, folders, "metadata/9.zzz.json", "last by name");
    add(&journal, folders, "makers/acme/1.identity", "identity");
    add(&journal, folders, "hallmark.trust", "trust");
    add(&journal, folders, "log/roots/1.root.json", "root");
    assert_int_equal(hm_journal_add_timestamp(&journal, hm_bytes_str("new"), NULL), HM_OK);
    assert_int_equal(hm_journal_drop(&journal, "drafts/targets.json", NULL), HM_OK);
    assert_int_equal(hm_journal_drop(&journal, "submissions/abc/", NULL), HM_OK);
    assert_int_equal(hm_journal_commit(&journal, NULL), HM_OK);
    hm_journal_done(&journal);
}

static void test_journal__without_one_nothing_happens(void **state)
{
    struct folders folders;
    bool found = true;

    open_folders(state, &folders);
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, NULL, &found),
                     HM_OK);
    assert_false(found);
    close_folders(&folders);
}

static void test_journal__recovers_step_by_step_in_order(void **state)
{
    static const char *const order[] = {"makers/acme/1.identity", "metadata/2.targets.json",
                                        "metadata/9.zzz.json",    "log/roots/1.root.json",
                                        "hallmark.trust",         "metadata/1.root.json"};
    struct folders folders;
    size_t taken;

    open_folders(state, &folders);
    write_all(&folders);
    for (size_t i = 0; i < HM_ARRAY_COUNT(order); i++) {
        assert_false(hm_dir_has(&folders.public_dir, order[i]));
        assert_int_equal(
            hm_journal_recover_steps(&folders.private_dir, &folders.public_dir, 1, NULL, &taken),
            HM_OK);
        assert_int_equal(taken, 1);
        assert_true(hm_dir_has(&folders.public_dir, order[i]));
        check(&folders.public_dir, "metadata/timestamp.json", "old");
    }
    assert_int_equal(
        hm_journal_recover_steps(&folders.private_dir, &folders.public_dir, 1, NULL, &taken),
        HM_OK);
    check(&folders.public_dir, "metadata/timestamp.json", "new");
    assert_true(hm_dir_has(&folders.private_dir, "drafts/targets.json"));
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, NULL, NULL),
                     HM_OK);
    assert_false(hm_dir_has(&folders.private_dir, "drafts/targets.json"));
    assert_false(hm_dir_has(&folders.private_dir, "submissions/abc"));
    assert_false(hm_dir_has(&folders.private_dir, "publish/next"));
    close_folders(&folders);
}

static void test_journal__never_writes_over_other_bytes(void **state)
{
    struct folders folders;
    struct hm_journal journal;
    struct hm_err err = HM_ERR_INIT;

    open_folders(state, &folders);
    put(&folders.public_dir, "metadata/2.targets.json", "other");
    assert_int_equal(hm_journal_begin(&folders.private_dir, NULL, &journal), HM_OK);
    assert_int_equal(hm_journal_add(&journal, &folders.public_dir, "metadata/2.targets.json",
                                    hm_bytes_str("targets"), &err),
                     HM_EREFUSED);
    assert_int_equal(hm_journal_add(&journal, &folders.public_dir, "metadata/2.targets.json",
                                    hm_bytes_str("oth"), &err),
                     HM_EREFUSED);
    assert_int_equal(hm_journal_add(&journal, &folders.public_dir, "metadata/2.targets.json",
                                    hm_bytes_str("other"), &err),
                     HM_OK); /* the same is fine */
    hm_journal_done(&journal);
    /* It may come there between commit and recovery, too. */
    assert_int_equal(hm_dir_remove(&folders.public_dir, "metadata/2.targets.json", NULL), HM_OK);
    write_all(&folders);
    put(&folders.public_dir, "metadata/2.targets.json", "other");
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, &err, NULL),
                     HM_EREFUSED);
    check(&folders.public_dir, "metadata/timestamp.json", "old");
    put(&folders.public_dir, "metadata/2.targets.json", "targets");
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, &err, NULL),
                     HM_OK);
    check(&folders.public_dir, "metadata/timestamp.json", "new");
    close_folders(&folders);
}

static void test_journal__begins_only_when_the_last_is_done(void **state)
{
    struct folders folders;
    struct hm_journal journal;

    open_folders(state, &folders);
    write_all(&folders);
    assert_int_equal(hm_journal_begin(&folders.private_dir, NULL, &journal), HM_EINTERNAL);
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, NULL, NULL),
                     HM_OK);
    assert_int_equal(hm_journal_begin(&folders.private_dir, NULL, &journal), HM_OK);
    hm_journal_done(&journal);
    close_folders(&folders);
}

static void test_journal__hashes_images_while_it_takes_them(void **state)
{
    struct folders folders;
    struct hm_journal journal;
    struct hm_sha256 sha256;

    open_folders(state, &folders);
    put(&folders.private_dir, "submissions/abc/images/fw", "image");
    assert_int_equal(hm_digest_sha256(hm_bytes_str("image"), NULL, &sha256), HM_OK);
    assert_int_equal(hm_journal_begin(&folders.private_dir, NULL, &journal), HM_OK);
    assert_int_equal(hm_journal_add_image(&journal, &folders.private_dir,
                                          "submissions/abc/images/fw", "targets/a/b/1/H.fw", 6,
                                          &sha256, NULL),
                     HM_EMISMATCH); /* another length */
    assert_int_equal(hm_journal_add_image(&journal, &folders.private_dir,
                                          "submissions/abc/images/none", "targets/a/b/1/H.fw", 5,
                                          &sha256, NULL),
                     HM_ENOTFOUND);
    assert_int_equal(hm_journal_add_image(&journal, &folders.private_dir,
                                          "submissions/abc/images/fw", "targets/a/b/1/H.fw", 5,
                                          &sha256, NULL),
                     HM_OK);
    sha256.bytes[0] ^= 1;
    assert_int_equal(hm_journal_add_image(&journal, &folders.private_dir,
                                          "submissions/abc/images/fw", "targets/a/b/1/H.two", 5,
                                          &sha256, NULL),
                     HM_EMISMATCH);
    assert_int_equal(hm_journal_commit(&journal, NULL), HM_OK);
    hm_journal_done(&journal);
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, NULL, NULL),
                     HM_OK);
    check(&folders.public_dir, "targets/a/b/1/H.fw", "image");
    assert_false(hm_dir_has(&folders.public_dir, "targets/a/b/1/H.two"));
    close_folders(&folders);
}

static void test_journal__drops_nothing_outside(void **state)
{
    struct folders folders;
    struct hm_journal journal;

    open_folders(state, &folders);
    put(&folders.public_dir, "precious", "kept");
    assert_int_equal(hm_journal_begin(&folders.private_dir, NULL, &journal), HM_OK);
    assert_int_equal(hm_journal_drop(&journal, "../public/precious", NULL), HM_OK);
    assert_int_equal(hm_journal_commit(&journal, NULL), HM_OK);
    hm_journal_done(&journal);
    assert_int_equal(hm_journal_recover(&folders.private_dir, &folders.public_dir, NULL, NULL),
                     HM_EFORMAT);
    check(&folders.public_dir, "precious", "kept");
    close_folders(&folders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_journal__without_one_nothing_happens),
        tmpdir_test(test_journal__recovers_step_by_step_in_order),
        tmpdir_test(test_journal__never_writes_over_other_bytes),
        tmpdir_test(test_journal__begins_only_when_the_last_is_done),
        tmpdir_test(test_journal__hashes_images_while_it_takes_them),
        tmpdir_test(test_journal__drops_nothing_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
