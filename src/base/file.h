/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files written so that nothing is visible under its final name until it is whole and flushed.
 */
#ifndef HM_BASE_FILE_H
#define HM_BASE_FILE_H

#include "base/dir.h"

/* Writes bytes under path, whole or not at all: temporary file, flush, rename, flush of the folder.
 * Missing parent folders are made. mode as for open (0600 for secrets). */
HM_MUST_CHECK enum hm_rc hm_file_replace(const struct hm_dir *dir, const char *path, mode_t mode,
                                         struct hm_bytes bytes, struct hm_err *err);

/* As hm_file_replace, without a flush: after a crash of the machine the file may hold anything. For
 * what can be fetched again and is told by its digest whenever it is read; a flush a file would
 * take minutes for thousands. */
HM_MUST_CHECK enum hm_rc hm_file_replace_unflushed(const struct hm_dir *dir, const char *path,
                                                   mode_t mode, struct hm_bytes bytes,
                                                   struct hm_err *err);

/* Writes bytes to a new file under name (one part) in dir; unflushed. HM_EREFUSED where anything
 * has that name, a link to nowhere too; HM_EIO (and then no file). */
HM_MUST_CHECK enum hm_rc hm_file_create(const struct hm_dir *dir, const char *name, mode_t mode,
                                        struct hm_bytes bytes, struct hm_err *err);

/* Flushes a file that is there, and its folder. HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_file_flush(const struct hm_dir *dir, const char *path,
                                       struct hm_err *err);

/* As hm_file_replace, for a path of the user's (not below a folder of ours). A device or pipe is
 * written to, not replaced; a symbolic link is replaced. */
HM_MUST_CHECK enum hm_rc hm_file_write_path(const char *path, mode_t mode, struct hm_bytes bytes,
                                            struct hm_err *err);
/* Reads a path of the user's ("-": standard input), following links; a pipe or device will do. As
 * hm_dir_read otherwise. */
HM_MUST_CHECK enum hm_rc hm_file_read_path(const char *path, struct hm_err *err,
                                           struct hm_buf *ret_buf);

/* True if the file that was opened as path below dir belongs to another user, and lies in a folder
 * where others may put files: whoever did can change it at any later time. */
bool hm_file_is_foreign(const struct hm_dir *dir, const char *path, int fd);

/* A file being written, under a temporary or partial name until committed. */
struct hm_file_writer {
    struct hm_dir dir; /* parent folder, owned */
    int fd;
    char *temp_name;  /* owned */
    char *final_name; /* owned */
    uint64_t size;    /* bytes written so far (for a kept partial file: including those found) */
    uint64_t flushed; /* up to where write-back was started */
    bool keep;        /* keep the partial file on done (for resuming) */
    bool failed;      /* a write failed: there is nothing to commit */
    bool unflushed;   /* the commit flushes nothing */
};

#define HM_FILE_WRITER_INIT                                                                        \
    {                                                                                              \
        .dir = HM_DIR_INIT, .fd = -1                                                               \
    }

/* Starts path below dir. keep false: a fresh temporary file that _done removes. keep true: the file
 * ".NAME.partial", reopened and appended to if it exists, and left in place by _done (unless
 * empty); HM_EBUSY while another writer has it, or where it is not this user's to take up (as
 * hm_file_is_foreign says). The descriptor can be read too, for what was found. */
HM_MUST_CHECK enum hm_rc hm_file_writer_open(const struct hm_dir *dir, const char *path,
                                             mode_t mode, bool keep, struct hm_err *err,
                                             struct hm_file_writer *ret_writer);
/* Appends; starts write-back of what is behind, so that the final flush is short. HM_EIO. */
HM_MUST_CHECK enum hm_rc hm_file_writer_write(struct hm_file_writer *writer, struct hm_bytes bytes,
                                              struct hm_err *err);
/* Cuts the file back to nothing (a partial file that proved wrong). */
HM_MUST_CHECK enum hm_rc hm_file_writer_reset(struct hm_file_writer *writer, struct hm_err *err);
/* Flush, rename to the final name, flush of the folder. The writer is finished either way. */
HM_MUST_CHECK enum hm_rc hm_file_writer_commit(struct hm_file_writer *writer, struct hm_err *err);
/* Drops the file unless committed; a kept partial file is dropped only if discard is true. */
void hm_file_writer_abort(struct hm_file_writer *writer, bool discard);
void hm_file_writer_done(struct hm_file_writer *writer);

/* Reads "format" in a folder of Hallmark's: PREFIX, a decimal version and a newline, as
 * "hallmark-home 1". HM_EFORMAT: it is none of what ("a Hallmark home"); HM_EREFUSED: the version
 * is above newest; else as hm_dir_read. */
HM_MUST_CHECK enum hm_rc hm_file_check_format(const struct hm_dir *dir, const char *prefix,
                                              const char *what, unsigned newest,
                                              struct hm_err *err);

#endif
