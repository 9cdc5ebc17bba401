/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small database in one file, through SQLite, which nothing else includes. What is committed
 * stands on the disk: a rollback journal, synchronous=EXTRA (the file, the journal and the folder
 * are flushed), or a write-ahead log, which is flushed, where the schema says so; so that a power
 * cut or kill -9 at any moment leaves the state before or after a transaction, and the next writer
 * undoes what was half done.
 *
 * SQL is the program's own, never made of input: values are bound. One database serves one thread.
 */
#ifndef HM_STORE_DATABASE_H
#define HM_STORE_DATABASE_H

#include "base/dir.h"

/* What one statement or one value may have: far above what is stored, far below what hurts. */
#define HM_DATABASE_VALUE_SIZE_MAX (1 << 20)

/* What a file holds. steps[i] leads from version i to i + 1 and is never changed once released; a
 * new file goes through all of them. */
struct hm_database_schema {
    const char *what;       /* "accounts", for messages */
    int32_t application_id; /* in the file's header: it is ours, and of this kind */
    const char *const *steps;
    size_t step_count;
    /* A log of changes beside the file (-wal) instead of a rollback journal: one flush a commit,
     * and readers do not wait. As durable. */
    bool is_wal;
};

enum hm_database_access {
    HM_DATABASE_READ,   /* nothing is written; HM_ENOTFOUND where there is no file */
    HM_DATABASE_CHANGE, /* made where missing (0600), brought to the newest version */
};

struct hm_database;

/* Opens name in dir. HM_EREFUSED: of a newer version; HM_EAGAIN: of an older one, opened to read;
 * HM_EFORMAT: no such database, or damaged; HM_EBUSY: another process writes for longer than
 * wait_ms; HM_ENOTFOUND; HM_EINPUT: not a regular file, or unreadable. */
HM_MUST_CHECK enum hm_rc hm_database_open(const struct hm_dir *dir, const char *name,
                                          const struct hm_database_schema *schema,
                                          enum hm_database_access access, uint32_t wait_ms,
                                          struct hm_err *err, struct hm_database **ret_database);
void hm_database_close(struct hm_database *database);
HM_DEFINE_FREE(hm_database_close, struct hm_database);

/* A transaction: write true takes the right to write at once, so that what is read stays true until
 * the commit. HM_EBUSY after wait_ms. */
HM_MUST_CHECK enum hm_rc hm_database_begin(struct hm_database *database, bool write,
                                           struct hm_err *err);
/* HM_OK: on the disk. Otherwise nothing of it happened. */
HM_MUST_CHECK enum hm_rc hm_database_commit(struct hm_database *database, struct hm_err *err);
/* Drops what was not committed; without a transaction it does nothing. */
void hm_database_rollback(struct hm_database *database);
/* A number that changes whenever another process has committed. */
HM_MUST_CHECK enum hm_rc hm_database_data_version(struct hm_database *database, struct hm_err *err,
                                                  int64_t *ret_version);
/* Copies the database as it is at one moment, whoever writes it meanwhile, to a new file, flushed
 * and checked. It may be any of SQLite's. HM_EFORMAT: it is none, or damaged; HM_EBUSY: others
 * write to it for longer than wait_ms; HM_EREFUSED: to_name is there already. */
HM_MUST_CHECK enum hm_rc hm_database_copy(const struct hm_dir *dir, const char *name,
                                          const struct hm_dir *to_dir, const char *to_name,
                                          uint32_t wait_ms, struct hm_err *err);
/* What goes with a copy: called while nobody can write to the database, at that moment. */
typedef enum hm_rc hm_database_moment_fn(void *ctx, struct hm_err *err);
/* The same, with what stands in files beside the database. A failure of take ends it. */
HM_MUST_CHECK enum hm_rc hm_database_copy_with(const struct hm_dir *dir, const char *name,
                                               const struct hm_dir *to_dir, const char *to_name,
                                               uint32_t wait_ms, hm_database_moment_fn *take,
                                               void *ctx, struct hm_err *err);
/* Reads all of the file and compares. HM_EFORMAT with the first fault. */
HM_MUST_CHECK enum hm_rc hm_database_check(struct hm_database *database, struct hm_err *err);

/* --- statements --- */

struct hm_database_query;

HM_MUST_CHECK enum hm_rc hm_database_query_new(struct hm_database *database, const char *sql,
                                               struct hm_err *err,
                                               struct hm_database_query **ret_query);
void hm_database_query_free(struct hm_database_query *query);
HM_DEFINE_FREE(hm_database_query_free, struct hm_database_query);

/* Values for the question marks, from 1. The bytes are copied. A failure is told by the next step.
 */
void hm_database_query_int(struct hm_database_query *query, int index, int64_t value);
void hm_database_query_null(struct hm_database_query *query, int index);
void hm_database_query_text(struct hm_database_query *query, int index, const char *text);
void hm_database_query_blob(struct hm_database_query *query, int index, struct hm_bytes bytes);
/* The next row; HM_EREFUSED where a constraint says no. */
HM_MUST_CHECK enum hm_rc hm_database_query_step(struct hm_database_query *query, struct hm_err *err,
                                                bool *ret_has_row);
/* Runs a statement that gives no rows, and makes it ready for other values. */
HM_MUST_CHECK enum hm_rc hm_database_query_run(struct hm_database_query *query, struct hm_err *err);
/* Ready for other values. */
void hm_database_query_reset(struct hm_database_query *query);

/* Columns of the row, from 0; valid until the next step. A value of another kind, or NULL, is 0,
 * "" or empty. */
int64_t hm_database_query_get_int(const struct hm_database_query *query, int column);
bool hm_database_query_is_null(const struct hm_database_query *query, int column);
const char *hm_database_query_get_text(const struct hm_database_query *query, int column);
struct hm_bytes hm_database_query_get_blob(const struct hm_database_query *query, int column);

#endif
