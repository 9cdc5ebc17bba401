/* SPDX-License-Identifier: Apache-2.0 */
/* One file of SQLite. See database.h. */
#include "store/database.h"

#include <sqlite3.h>
#include <unistd.h>

#include "base/file.h"

#define PATH_SIZE_MAX 8192
/* An empty file is a database without tables: SQLite writes its header with the first one. */
#define FILE_MODE 0600

struct hm_database {
    sqlite3 *handle;
    char *name; /* for messages; owned */
    bool is_in_transaction;
};

struct hm_database_query {
    struct hm_database *database; /* borrowed */
    sqlite3_stmt *statement;
    int failed; /* of binding, told by the next step */
};

/* --- failures --- */

static enum hm_rc code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return HM_EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        return HM_EFORMAT;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return HM_EINPUT;
    case SQLITE_CONSTRAINT:
        return HM_EREFUSED;
    case SQLITE_NOMEM:
        return HM_ENOMEM;
    case SQLITE_IOERR:
    case SQLITE_FULL:
        return HM_EIO;
    default:
        return HM_EINTERNAL;
    }
}

static enum hm_rc fail(const struct hm_database *database, int result, struct hm_err *err)
{
    enum hm_rc rc = code_of(result);

    if (rc == HM_EBUSY)
        return hm_fail(err, rc, "'%s': another process is changing it: try again", database->name);
    if (rc == HM_ENOMEM)
        return hm_error_nomem(err);
    return hm_fail(err, rc, "'%s': %s", database->name,
                   database->handle == NULL ? sqlite3_errstr(result)
                                            : sqlite3_errmsg(database->handle));
}

static enum hm_rc run(struct hm_database *database, const char *sql, struct hm_err *err)
{
    int result = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);

    return result == SQLITE_OK ? HM_OK : fail(database, result, err);
}

/* --- opening --- */

static enum hm_rc pragma_number(struct hm_database *database, const char *sql, struct hm_err *err,
                                int64_t *ret_number)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(database, sql, err, &query));
    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_number = has_row ? hm_database_query_get_int(query, 0) : 0;
    return HM_OK;
}

/* Settings of a connection; those of the file are made with it. */
static enum hm_rc configure(struct hm_database *database, const struct hm_database_schema *schema,
                            uint32_t wait_ms, struct hm_err *err)
{
    static const char settings[] = "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON;"
                                   "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0";
    static const char rollback[] = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA";
    static const char ahead[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                "PRAGMA cache_size = -32768";

    (void)sqlite3_busy_timeout(database->handle, (int)wait_ms);
    (void)sqlite3_extended_result_codes(database->handle, 1);
    (void)sqlite3_limit(database->handle, SQLITE_LIMIT_LENGTH, HM_DATABASE_VALUE_SIZE_MAX);
    (void)sqlite3_limit(database->handle, SQLITE_LIMIT_ATTACHED, 0);
    /* A file that was tampered with runs nothing and reads nothing else. */
    (void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0,
                            (int *)NULL);
    HM_TRY(run(database, settings, err));
    return run(database, schema->is_wal ? ahead : rollback, err);
}

static enum hm_rc upgrade(struct hm_database *database, const struct hm_database_schema *schema,
                          int64_t version, struct hm_err *err)
{
    char sql[96];

    for (size_t i = (size_t)version; i < schema->step_count; i++)
        HM_TRY(run(database, schema->steps[i], err));
    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
                   schema->application_id, schema->step_count);
    return run(database, sql, err);
}

/* Whose file it is, and which version; brought to the newest one where it may be written. */
static enum hm_rc check_version(struct hm_database *database,
                                const struct hm_database_schema *schema,
                                enum hm_database_access access, struct hm_err *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;

    HM_TRY(hm_database_begin(database, access == HM_DATABASE_CHANGE, err));
    HM_TRY(pragma_number(database, "PRAGMA application_id", err, &application));
    HM_TRY(pragma_number(database, "PRAGMA user_version", err, &version));
    HM_TRY(pragma_number(database, "SELECT count(*) FROM sqlite_schema", err, &tables));
    if (application != schema->application_id && (application != 0 || version != 0 || tables != 0))
        return hm_fail(err, HM_EFORMAT, "'%s' is no database of %s", database->name, schema->what);
    if (version < 0 || version > (int64_t)schema->step_count)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' is of version %lld: a newer version of hallmark is needed",
                       database->name, (long long)version);
    if (version < (int64_t)schema->step_count && access == HM_DATABASE_READ)
        return hm_fail(err, HM_EAGAIN,
                       "'%s' is of version %lld: a command that changes it brings it to %zu",
                       database->name, (long long)version, schema->step_count);
    if (version < (int64_t)schema->step_count)
        HM_TRY(upgrade(database, schema, version, err));
    return hm_database_commit(database, err); /* a failure before it: _close undoes */
}

/* A regular file that is ours to open; made empty where it is missing and may be. */
static enum hm_rc prepare_file(const struct hm_dir *dir, const char *name,
                               enum hm_database_access access, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    uint64_t size;
    enum hm_rc rc = hm_dir_open_file(dir, name, err, &fd, &size);

    if (rc != HM_ENOTFOUND || access == HM_DATABASE_READ)
        return rc;
    return hm_file_replace(dir, name, FILE_MODE, HM_BYTES_EMPTY, err);
}

static enum hm_rc open_handle(struct hm_database *database, const struct hm_dir *dir,
                              const char *name, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(PATH_SIZE_MAX);
    int result;

    HM_TRY(hm_buf_append_fmt(&path, err, "%s/%s", dir->path, name));
    database->name = strdup(hm_buf_str(&path));
    if (database->name == NULL)
        return hm_error_nomem(err);
    /* To read, too: a reader undoes what a writer left half done when it died. */
    result = sqlite3_open_v2(database->name, &database->handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    return result == SQLITE_OK ? HM_OK : fail(database, result, err);
}

enum hm_rc hm_database_open(const struct hm_dir *dir, const char *name,
                            const struct hm_database_schema *schema, enum hm_database_access access,
                            uint32_t wait_ms, struct hm_err *err, struct hm_database **ret_database)
{
    _hm_free_(hm_database_close) struct hm_database *database = calloc(1, sizeof(*database));

    if (database == NULL)
        return hm_error_nomem(err);
    HM_TRY(prepare_file(dir, name, access, err));
    HM_TRY(open_handle(database, dir, name, err));
    HM_TRY(configure(database, schema, wait_ms, err));
    HM_TRY(check_version(database, schema, access, err));
    if (access == HM_DATABASE_READ)
        HM_TRY(run(database, "PRAGMA query_only = ON", err));
    *ret_database = hm_steal(&database);
    return HM_OK;
}

void hm_database_close(struct hm_database *database)
{
    if (database == NULL)
        return;
    hm_database_rollback(database);
    (void)sqlite3_close_v2(database->handle); /* NULL is fine; queries end before */
    free(database->name);
    free(database);
}

/* --- transactions --- */

enum hm_rc hm_database_begin(struct hm_database *database, bool write, struct hm_err *err)
{
    HM_ASSERT(!database->is_in_transaction);
    HM_TRY(run(database, write ? "BEGIN IMMEDIATE" : "BEGIN", err));
    database->is_in_transaction = true;
    return HM_OK;
}

enum hm_rc hm_database_commit(struct hm_database *database, struct hm_err *err)
{
    enum hm_rc rc;

    HM_ASSERT(database->is_in_transaction);
    rc = run(database, "COMMIT", err);
    if (rc != HM_OK)
        hm_database_rollback(database); /* a commit that was refused leaves it open */
    database->is_in_transaction = false;
    return rc;
}

void hm_database_rollback(struct hm_database *database)
{
    if (!database->is_in_transaction)
        return;
    /* Where SQLite has ended it already, there is nothing to undo. */
    (void)sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    database->is_in_transaction = false;
}

enum hm_rc hm_database_data_version(struct hm_database *database, struct hm_err *err,
                                    int64_t *ret_version)
{
    return pragma_number(database, "PRAGMA data_version", err, ret_version);
}

enum hm_rc hm_database_check(struct hm_database *database, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(database, "PRAGMA integrity_check(1)", err, &query));
    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (!has_row || strcmp(hm_database_query_get_text(query, 0), "ok") != 0)
        return hm_fail(err, HM_EFORMAT, "'%s' is damaged: %s", database->name,
                       has_row ? hm_database_query_get_text(query, 0) : "nothing is told of it");
    return HM_OK;
}

/* All pages in one step, so that it is of one moment. */
static enum hm_rc copy_pages(struct hm_database *from, struct hm_database *to, uint32_t wait_ms,
                             struct hm_err *err)
{
    sqlite3_backup *backup;
    int result;

    (void)sqlite3_busy_timeout(from->handle, (int)wait_ms);
    backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (backup == NULL)
        return fail(to, sqlite3_errcode(to->handle), err);
    result = sqlite3_backup_step(backup, -1);
    (void)sqlite3_backup_finish(backup); /* what it says, the step said */
    return result == SQLITE_DONE ? HM_OK : fail(from, result, err);
}

/* What from reads stays as it is when take is called, and take sees files of that moment too. */
static enum hm_rc take_moment(struct hm_database *from, const struct hm_dir *dir, const char *name,
                              uint32_t wait_ms, hm_database_moment_fn *take, void *ctx,
                              struct hm_err *err)
{
    _hm_free_(hm_database_close) struct hm_database *writer = calloc(1, sizeof(*writer));

    if (writer == NULL)
        return hm_error_nomem(err);
    HM_TRY(open_handle(writer, dir, name, err));
    (void)sqlite3_busy_timeout(writer->handle, (int)wait_ms);
    HM_TRY(hm_database_begin(writer, true, err));
    HM_TRY(hm_database_begin(from, false, err));
    /* A transaction has its moment from the first read on. */
    HM_TRY(run(from, "SELECT count(*) FROM sqlite_schema", err));
    return take(ctx, err);
}

enum hm_rc hm_database_copy_with(const struct hm_dir *dir, const char *name,
                                 const struct hm_dir *to_dir, const char *to_name, uint32_t wait_ms,
                                 hm_database_moment_fn *take, void *ctx, struct hm_err *err)
{
    _hm_free_(hm_database_close) struct hm_database *from = calloc(1, sizeof(*from));
    _hm_free_(hm_database_close) struct hm_database *to = calloc(1, sizeof(*to));

    if (from == NULL || to == NULL)
        return hm_error_nomem(err);
    HM_TRY(prepare_file(dir, name, HM_DATABASE_READ, err));
    HM_TRY(hm_file_create(to_dir, to_name, FILE_MODE, HM_BYTES_EMPTY, err));
    HM_TRY(open_handle(from, dir, name, err));
    HM_TRY(open_handle(to, to_dir, to_name, err));
    HM_TRY(run(to, "PRAGMA synchronous = FULL", err));
    if (take != NULL)
        HM_TRY(take_moment(from, dir, name, wait_ms, take, ctx, err));
    HM_TRY(copy_pages(from, to, wait_ms, err));
    /* A copy is one file. */
    HM_TRY(run(to, "PRAGMA journal_mode = DELETE", err));
    return hm_database_check(to, err);
}

enum hm_rc hm_database_copy(const struct hm_dir *dir, const char *name, const struct hm_dir *to_dir,
                            const char *to_name, uint32_t wait_ms, struct hm_err *err)
{
    return hm_database_copy_with(dir, name, to_dir, to_name, wait_ms, NULL, NULL, err);
}

/* --- statements --- */

enum hm_rc hm_database_query_new(struct hm_database *database, const char *sql, struct hm_err *err,
                                 struct hm_database_query **ret_query)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = calloc(1, sizeof(*query));
    int result;

    if (query == NULL)
        return hm_error_nomem(err);
    query->database = database;
    result = sqlite3_prepare_v2(database->handle, sql, -1, &query->statement, NULL);
    if (result != SQLITE_OK)
        return fail(database, result, err);
    *ret_query = hm_steal(&query);
    return HM_OK;
}

void hm_database_query_free(struct hm_database_query *query)
{
    if (query == NULL)
        return;
    (void)sqlite3_finalize(query->statement); /* says again what the last step said */
    free(query);
}

static void keep_failure(struct hm_database_query *query, int result)
{
    if (query->failed == SQLITE_OK)
        query->failed = result;
}

void hm_database_query_int(struct hm_database_query *query, int index, int64_t value)
{
    keep_failure(query, sqlite3_bind_int64(query->statement, index, value));
}

void hm_database_query_null(struct hm_database_query *query, int index)
{
    keep_failure(query, sqlite3_bind_null(query->statement, index));
}

void hm_database_query_text(struct hm_database_query *query, int index, const char *text)
{
    keep_failure(query, sqlite3_bind_text64(query->statement, index, text, strlen(text),
                                            SQLITE_TRANSIENT, SQLITE_UTF8));
}

void hm_database_query_blob(struct hm_database_query *query, int index, struct hm_bytes bytes)
{
    keep_failure(query, sqlite3_bind_blob64(query->statement, index, bytes.data, bytes.size,
                                            SQLITE_TRANSIENT));
}

enum hm_rc hm_database_query_step(struct hm_database_query *query, struct hm_err *err,
                                  bool *ret_has_row)
{
    int result = query->failed;

    if (result == SQLITE_OK)
        result = sqlite3_step(query->statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return fail(query->database, result, err);
    *ret_has_row = result == SQLITE_ROW;
    return HM_OK;
}

void hm_database_query_reset(struct hm_database_query *query)
{
    (void)sqlite3_reset(query->statement); /* says again what the last step said */
    (void)sqlite3_clear_bindings(query->statement);
    query->failed = SQLITE_OK;
}

enum hm_rc hm_database_query_run(struct hm_database_query *query, struct hm_err *err)
{
    bool has_row = false;
    enum hm_rc rc = hm_database_query_step(query, err, &has_row);

    hm_database_query_reset(query);
    return rc;
}

int64_t hm_database_query_get_int(const struct hm_database_query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

bool hm_database_query_is_null(const struct hm_database_query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

const char *hm_database_query_get_text(const struct hm_database_query *query, int column)
{
    const unsigned char *text = sqlite3_column_text(query->statement, column);

    return text == NULL ? "" : (const char *)text;
}

struct hm_bytes hm_database_query_get_blob(const struct hm_database_query *query, int column)
{
    const void *data = sqlite3_column_blob(query->statement, column);
    int size = sqlite3_column_bytes(query->statement, column);

    return hm_bytes_make(data, data == NULL || size < 0 ? 0 : (size_t)size);
}
