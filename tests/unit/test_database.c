/* SPDX-License-Identifier: Apache-2.0 */
/* store/database: versions and upgrades, whose file it is, transactions, and what a second process
 * sees. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "store/database.h"
#include "tmpdir.h"

static const char *const steps[] = {
    "CREATE TABLE thing (name TEXT NOT NULL UNIQUE, size INTEGER) STRICT",
    "ALTER TABLE thing ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",
};
static const struct hm_database_schema schema_1 = {"things", 0x12345678, steps, 1, false};
static const struct hm_database_schema schema_2 = {"things", 0x12345678, steps, 2, false};
static const struct hm_database_schema schema_other = {"others", 0x12345679, steps, 2, false};

static struct hm_database *open_it(const struct hm_dir *dir,
                                   const struct hm_database_schema *schema,
                                   enum hm_database_access access)
{
    struct hm_database *database = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_database_open(dir, "t.db", schema, access, 0, &err, &database) != HM_OK)
        fail_msg("%s", err.text);
    return database;
}

static enum hm_rc try_open(const struct hm_dir *dir, const struct hm_database_schema *schema,
                           enum hm_database_access access, struct hm_err *err)
{
    struct hm_database *database = NULL;
    enum hm_rc rc = hm_database_open(dir, "t.db", schema, access, 0, err, &database);

    assert_true((rc == HM_OK) == (database != NULL));
    hm_database_close(database);
    return rc;
}

static enum hm_rc insert(struct hm_database *database, const char *name, int64_t size)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;

    assert_int_equal(hm_database_query_new(database, "INSERT INTO thing (name, size) VALUES (?, ?)",
                                           NULL, &query),
                     HM_OK);
    hm_database_query_text(query, 1, name);
    hm_database_query_int(query, 2, size);
    return hm_database_query_run(query, NULL);
}

static int64_t count(struct hm_database *database)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    assert_int_equal(hm_database_query_new(database, "SELECT count(*) FROM thing", NULL, &query),
                     HM_OK);
    assert_int_equal(hm_database_query_step(query, NULL, &has_row), HM_OK);
    assert_true(has_row);
    return hm_database_query_get_int(query, 0);
}

static void test_open__makes_a_private_file_that_is_kept(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_database *database = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
    struct stat st;

    assert_int_equal(fstatat(dir->fd, "t.db", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(hm_database_begin(database, true, NULL), HM_OK);
    assert_int_equal(insert(database, "a", 7), HM_OK);
    assert_int_equal(hm_database_commit(database, NULL), HM_OK);
    hm_database_close(database);
    database = open_it(dir, &schema_1, HM_DATABASE_READ);
    assert_int_equal(count(database), 1);
    assert_int_equal(hm_database_check(database, NULL), HM_OK);
    hm_database_close(database);
}

static void test_open__upgrades_and_refuses_newer_ones(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_database *database = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    struct hm_err err = HM_ERR_INIT;
    bool has_row = false;

    assert_int_equal(insert(database, "a", 7), HM_OK);
    hm_database_close(database);
    assert_int_equal(try_open(dir, &schema_2, HM_DATABASE_READ, &err), HM_EAGAIN);
    database = open_it(dir, &schema_2, HM_DATABASE_CHANGE);
    assert_int_equal(hm_database_query_new(database, "SELECT size, note FROM thing", NULL, &query),
                     HM_OK);
    assert_int_equal(hm_database_query_step(query, NULL, &has_row), HM_OK);
    assert_true(has_row);
    assert_int_equal(hm_database_query_get_int(query, 0), 7);
    assert_string_equal(hm_database_query_get_text(query, 1), "none");
    hm_database_query_free(query);
    query = NULL;
    hm_database_close(database);
    assert_int_equal(try_open(dir, &schema_1, HM_DATABASE_CHANGE, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, "newer version"));
    assert_int_equal(try_open(dir, &schema_1, HM_DATABASE_READ, &err), HM_EREFUSED);
}

static void test_open__refuses_what_is_not_its_own(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    char junk[8192];
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(try_open(dir, &schema_1, HM_DATABASE_READ, &err), HM_ENOTFOUND);
    hm_database_close(open_it(dir, &schema_1, HM_DATABASE_CHANGE));
    assert_int_equal(try_open(dir, &schema_other, HM_DATABASE_CHANGE, &err), HM_EFORMAT);
    assert_int_equal(try_open(dir, &schema_other, HM_DATABASE_READ, &err), HM_EFORMAT);
    memset(junk, 'x', sizeof(junk));
    assert_int_equal(hm_file_replace(dir, "t.db", 0600, hm_bytes_make(junk, sizeof(junk)), &err),
                     HM_OK);
    assert_int_equal(try_open(dir, &schema_1, HM_DATABASE_CHANGE, &err), HM_EFORMAT);
    assert_non_null(strstr(err.text, "t.db"));
    assert_int_equal(hm_dir_remove(dir, "t.db", &err), HM_OK);
    assert_int_equal(mkdirat(dir->fd, "t.db", 0700), 0);
    assert_int_equal(try_open(dir, &schema_1, HM_DATABASE_CHANGE, &err), HM_EINPUT);
    assert_int_equal(unlinkat(dir->fd, "t.db", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/dev/null", dir->fd, "t.db"), 0);
    assert_int_equal(try_open(dir, &schema_1, HM_DATABASE_CHANGE, &err), HM_EINPUT);
}

static void test_check__finds_damage(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_database *database = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct hm_err err = HM_ERR_INIT;

    for (int i = 0; i < 200; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "thing number %d", i);
        assert_int_equal(insert(database, name, i), HM_OK);
    }
    hm_database_close(database);
    assert_int_equal(hm_dir_read(dir, "t.db", &err, &raw), HM_OK);
    memset(raw.data + 4096, 0xa5, 512); /* the second page: a table or index */
    assert_int_equal(hm_file_replace(dir, "t.db", 0600, hm_buf_bytes(&raw), &err), HM_OK);
    database = NULL;
    if (hm_database_open(dir, "t.db", &schema_1, HM_DATABASE_READ, 0, &err, &database) == HM_OK)
        assert_int_equal(hm_database_check(database, &err), HM_EFORMAT);
    hm_database_close(database);
}

static void test_transactions__are_all_or_nothing(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_database *database = open_it(dir, &schema_1, HM_DATABASE_CHANGE);

    assert_int_equal(hm_database_begin(database, true, NULL), HM_OK);
    assert_int_equal(insert(database, "a", 1), HM_OK);
    assert_int_equal(insert(database, "a", 2), HM_EREFUSED); /* unique */
    hm_database_rollback(database);
    hm_database_rollback(database);
    assert_int_equal(count(database), 0);
    assert_int_equal(hm_database_begin(database, true, NULL), HM_OK);
    assert_int_equal(insert(database, "a", 1), HM_OK);
    hm_database_close(database); /* without a commit */
    database = open_it(dir, &schema_1, HM_DATABASE_READ);
    assert_int_equal(count(database), 0);
    assert_int_equal(insert(database, "b", 1), HM_EINPUT); /* opened to read */
    hm_database_close(database);
}

static void test_begin__one_writer_at_a_time(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_database *one = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
    struct hm_database *two = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
    struct hm_err err = HM_ERR_INIT;
    int64_t before = 0;
    int64_t after = 0;

    assert_int_equal(hm_database_data_version(two, NULL, &before), HM_OK);
    assert_int_equal(hm_database_begin(one, true, NULL), HM_OK);
    assert_int_equal(hm_database_begin(two, true, &err), HM_EBUSY);
    assert_int_equal(insert(one, "a", 1), HM_OK);
    assert_int_equal(count(two), 0);
    assert_int_equal(hm_database_commit(one, NULL), HM_OK);
    assert_int_equal(count(two), 1);
    assert_int_equal(hm_database_data_version(two, NULL, &after), HM_OK);
    assert_int_not_equal(before, after);
    assert_int_equal(hm_database_begin(two, true, &err), HM_OK);
    hm_database_close(one);
    hm_database_close(two);
}

/* A writer that is killed in the middle leaves a journal: whoever comes next, even to read, undoes
 * it. */
static void test_open__undoes_what_a_killed_writer_left(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_database *database = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
    int status = 0;
    pid_t pid;

    assert_int_equal(insert(database, "a", 1), HM_OK);
    hm_database_close(database);
    pid = fork();
    if (pid == 0) {
        database = open_it(dir, &schema_1, HM_DATABASE_CHANGE);
        if (hm_database_begin(database, true, NULL) == HM_OK)
            for (int i = 0; i < 20000; i++) { /* more than fits into its cache: it spills */
                char name[200];

                (void)snprintf(name, sizeof(name), "%0180d", i);
                if (insert(database, name, i) != HM_OK)
                    break;
            }
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(hm_dir_has(dir, "t.db-journal"));
    database = open_it(dir, &schema_1, HM_DATABASE_READ);
    assert_int_equal(count(database), 1);
    assert_int_equal(hm_database_check(database, NULL), HM_OK);
    hm_database_close(database);
    assert_false(hm_dir_has(dir, "t.db-journal"));
}

static void test_settings__are_those_that_survive_a_power_cut(void **state)
{
    static const struct {
        const char *sql, *value;
    } cases[] = {
        {"PRAGMA journal_mode", "delete"}, {"PRAGMA synchronous", "3"},
        {"PRAGMA foreign_keys", "1"},      {"PRAGMA trusted_schema", "0"},
        {"PRAGMA secure_delete", "1"},
    };
    struct hm_database *database = open_it(tmpdir_of(state), &schema_1, HM_DATABASE_CHANGE);

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
        bool has_row = false;

        assert_int_equal(hm_database_query_new(database, cases[i].sql, NULL, &query), HM_OK);
        assert_int_equal(hm_database_query_step(query, NULL, &has_row), HM_OK);
        assert_true(has_row);
        assert_string_equal(hm_database_query_get_text(query, 0), cases[i].value);
    }
    hm_database_close(database);
}

static void test_query__keeps_every_kind_of_value(void **state)
{
    struct hm_database *database = open_it(tmpdir_of(state), &schema_1, HM_DATABASE_CHANGE);
    struct hm_database_query *query = NULL;
    struct hm_err err = HM_ERR_INIT;
    bool has_row = false;

    assert_int_equal(hm_database_query_new(database, "SELECT ?, ?, ?, ?", &err, &query), HM_OK);
    hm_database_query_int(query, 1, INT64_MIN);
    hm_database_query_text(query, 2, "it's; --");
    hm_database_query_blob(query, 3, hm_bytes_make("a\0b", 3));
    hm_database_query_null(query, 4);
    assert_int_equal(hm_database_query_step(query, &err, &has_row), HM_OK);
    assert_true(has_row);
    assert_true(hm_database_query_get_int(query, 0) == INT64_MIN);
    assert_string_equal(hm_database_query_get_text(query, 1), "it's; --");
    assert_true(hm_bytes_is_equal(hm_database_query_get_blob(query, 2), hm_bytes_make("a\0b", 3)));
    assert_true(hm_database_query_is_null(query, 3));
    assert_false(hm_database_query_is_null(query, 2));
    assert_string_equal(hm_database_query_get_text(query, 3), "");
    assert_int_equal(hm_database_query_step(query, &err, &has_row), HM_OK);
    assert_false(has_row);
    hm_database_query_reset(query);
    hm_database_query_int(query, 9, 1); /* there is no ninth */
    assert_int_not_equal(hm_database_query_step(query, &err, &has_row), HM_OK);
    hm_database_query_free(query);
    query = NULL;
    assert_int_equal(hm_database_query_new(database, "SELEKT 1", &err, &query), HM_EINTERNAL);
    assert_null(query);
    hm_database_close(database);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_open__makes_a_private_file_that_is_kept),
        tmpdir_test(test_open__upgrades_and_refuses_newer_ones),
        tmpdir_test(test_open__refuses_what_is_not_its_own),
        tmpdir_test(test_check__finds_damage),
        tmpdir_test(test_transactions__are_all_or_nothing),
        tmpdir_test(test_begin__one_writer_at_a_time),
        tmpdir_test(test_open__undoes_what_a_killed_writer_left),
        tmpdir_test(test_settings__are_those_that_survive_a_power_cut),
        tmpdir_test(test_query__keeps_every_kind_of_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
