/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files or none. The order of a commit: write all, fsync the file, rename it to its final
 * name, fsync the folder. A crash at any point leaves the old file or the new one.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/dir_internal.h"
#include "base/num.h"

#define WRITE_BACK_SIZE ((uint64_t)8 << 20) /* how much is left to the kernel's own timing */
#define NAME_TRIES      8                   /* random names that all exist: something is wrong */
/* "." NAME ".tmp." PID "." 16 digits: a pid has at most 10 digits. */
#define TEMP_EXTRA_SIZE (1 + sizeof(HM_DIR_TEMP_INFIX) - 1 + 10 + 1 + 16)
/* "." NAME "." 16 digits ".partial" */
#define PARTIAL_EXTRA_SIZE (1 + 1 + 16 + sizeof(HM_DIR_PARTIAL_SUFFIX) - 1)

/* --- names ------------------------------------------------------------------------------------ */

/* How much of name fits into size_max bytes without cutting a UTF-8 character. */
static int fitting_size(const char *name, size_t size_max)
{
    size_t size = strlen(name);

    if (size > size_max) {
        size = size_max;
        while (size > 0 && ((unsigned char)name[size] & 0xc0) == 0x80)
            size--;
    }
    return (int)size;
}

static enum hm_rc make_temp_name(const char *name, struct hm_err *err, char **ret_name)
{
    char *temp_name = malloc(NAME_MAX + 1);
    uint64_t number;
    ssize_t got;

    if (temp_name == NULL)
        return hm_error_nomem(err);
    do {
        got = getrandom(&number, sizeof(number), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(number)) {
        free(temp_name);
        return hm_fail(err, HM_EINTERNAL, "the system gives no random numbers");
    }
    (void)snprintf(temp_name, NAME_MAX + 1, ".%.*s" HM_DIR_TEMP_INFIX "%" PRIu32 ".%016" PRIx64,
                   fitting_size(name, NAME_MAX - TEMP_EXTRA_SIZE), name, (uint32_t)getpid(),
                   number);
    *ret_name = temp_name;
    return HM_OK;
}

/* The same name gives the same partial name. One that is too long is cut and told apart by a hash
 * (FNV-1a): a collision costs a download begun anew, since contents are checked by digest. */
static enum hm_rc make_partial_name(const char *name, struct hm_err *err, char **ret_name)
{
    char *partial_name = malloc(NAME_MAX + 1);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (partial_name == NULL)
        return hm_error_nomem(err);
    if (strlen(name) + 1 + sizeof(HM_DIR_PARTIAL_SUFFIX) - 1 <= NAME_MAX) {
        (void)snprintf(partial_name, NAME_MAX + 1, ".%s" HM_DIR_PARTIAL_SUFFIX, name);
    } else {
        for (const char *at = name; *at != '\0'; at++)
            hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
        (void)snprintf(partial_name, NAME_MAX + 1, ".%.*s.%016" PRIx64 HM_DIR_PARTIAL_SUFFIX,
                       fitting_size(name, NAME_MAX - PARTIAL_EXTRA_SIZE), name, hash);
    }
    *ret_name = partial_name;
    return HM_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum hm_rc open_temp(struct hm_file_writer *writer, mode_t mode, struct hm_err *err)
{
    for (int i = 0; i < NAME_TRIES; i++) {
        int fd;

        free(writer->temp_name);
        writer->temp_name = NULL;
        HM_TRY(make_temp_name(writer->final_name, err, &writer->temp_name));
        fd = hm_dir_open_below(writer->dir.fd, writer->temp_name, O_RDWR | O_CREAT | O_EXCL, mode);
        if (fd >= 0) {
            writer->fd = fd;
            return HM_OK;
        }
        if (fd != -EEXIST)
            return hm_dir_fail(err, -fd, "make", &writer->dir, writer->temp_name);
    }
    return hm_fail(err, HM_EIO, "no free name for a temporary file in '%s'", writer->dir.path);
}

/* A file of another user's counts only where others may put files: elsewhere it is a file system's
 * way of showing owners. */
static bool is_foreign(int folder_fd, const struct stat *st)
{
    struct stat folder;

    if (st->st_uid == geteuid())
        return false;
    return fstat(folder_fd, &folder) != 0 || (folder.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool hm_file_is_foreign(const struct hm_dir *dir, const char *path, int fd)
{
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    const char *name = NULL;
    struct stat st;

    return fstat(fd, &st) != 0 ||
           hm_dir_open_parent(dir, path, false, NULL, &parent, &name) != HM_OK ||
           is_foreign(parent.fd, &st);
}

/* Opens the partial file and takes it for this writer alone. *ret_is_gone: its last writer finished
 * with it meanwhile. */
static enum hm_rc open_partial_once(struct hm_file_writer *writer, mode_t mode, struct hm_err *err,
                                    bool *ret_is_gone)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct stat st;
    struct stat named;

    fd = hm_dir_open_below(writer->dir.fd, writer->temp_name, O_RDWR | O_CREAT | O_NONBLOCK, mode);
    if (fd == -EACCES)
        return hm_fail(err, HM_EBUSY, "'%s/%s' is not this user's to write: remove it",
                       writer->dir.path, writer->temp_name);
    if (fd < 0)
        return hm_dir_fail(err, -fd, "open", &writer->dir, writer->temp_name);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return hm_fail(err, HM_EBUSY, "'%s/%s' is being written by another process",
                           writer->dir.path, writer->temp_name);
        return hm_dir_fail(err, errno, "lock", &writer->dir, writer->temp_name);
    }
    if (fstat(fd, &st) != 0)
        return hm_dir_fail(err, errno, "examine", &writer->dir, writer->temp_name);
    *ret_is_gone = fstatat(writer->dir.fd, writer->temp_name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
                   named.st_dev != st.st_dev || named.st_ino != st.st_ino;
    if (*ret_is_gone)
        return HM_OK;
    /* A second name of the file may be anything of the user's; do not write into it. */
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return hm_fail(err, HM_EINPUT, "'%s/%s' is no plain file with one name: remove it",
                       writer->dir.path, writer->temp_name);
    /* Its owner could go on writing after the digest was found right. */
    if (is_foreign(writer->dir.fd, &st))
        return hm_fail(err, HM_EBUSY, "'%s/%s' was put there by another user: remove it",
                       writer->dir.path, writer->temp_name);
    writer->fd = fd;
    writer->size = (uint64_t)st.st_size;
    writer->flushed = writer->size;
    fd = -1;
    return HM_OK;
}

static enum hm_rc open_partial(struct hm_file_writer *writer, mode_t mode, struct hm_err *err)
{
    HM_TRY(make_partial_name(writer->final_name, err, &writer->temp_name));
    for (int i = 0; i < NAME_TRIES; i++) {
        bool is_gone = false;

        HM_TRY(open_partial_once(writer, mode, err, &is_gone));
        if (!is_gone)
            return HM_OK;
    }
    return hm_fail(err, HM_EBUSY, "'%s/%s' is being written by others", writer->dir.path,
                   writer->temp_name);
}

enum hm_rc hm_file_writer_open(const struct hm_dir *dir, const char *path, mode_t mode, bool keep,
                               struct hm_err *err, struct hm_file_writer *ret_writer)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    const char *name = NULL;

    HM_TRY(hm_dir_open_parent(dir, path, true, err, &writer.dir, &name));
    writer.final_name = malloc(strlen(name) + 1);
    if (writer.final_name == NULL)
        return hm_error_nomem(err);
    memcpy(writer.final_name, name, strlen(name) + 1);
    writer.keep = keep;
    if (keep)
        HM_TRY(open_partial(&writer, mode, err));
    else
        HM_TRY(open_temp(&writer, mode, err));
    *ret_writer = writer;
    writer = (struct hm_file_writer)HM_FILE_WRITER_INIT;
    return HM_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

enum hm_rc hm_file_writer_write(struct hm_file_writer *writer, struct hm_bytes bytes,
                                struct hm_err *err)
{
    HM_ASSERT(writer->fd >= 0);
    if (writer->failed)
        return hm_fail(err, HM_EIO, "writing '%s/%s' failed before", writer->dir.path,
                       writer->final_name);
    while (bytes.size > 0) {
        ssize_t put = pwrite(writer->fd, bytes.data, bytes.size, (off_t)writer->size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            writer->failed = true;
            return hm_dir_fail(err, put < 0 ? errno : EIO, "write", &writer->dir,
                               writer->final_name);
        }
        writer->size += (uint64_t)put;
        bytes.data += put;
        bytes.size -= (size_t)put;
    }
    if (writer->size - writer->flushed >= WRITE_BACK_SIZE) {
        /* A hint alone: the flush at the end is what counts. */
        (void)sync_file_range(writer->fd, (off_t)writer->flushed,
                              (off_t)(writer->size - writer->flushed), SYNC_FILE_RANGE_WRITE);
        writer->flushed = writer->size;
    }
    return HM_OK;
}

enum hm_rc hm_file_writer_reset(struct hm_file_writer *writer, struct hm_err *err)
{
    int result;

    HM_ASSERT(writer->fd >= 0);
    do {
        result = ftruncate(writer->fd, 0);
    } while (result != 0 && errno == EINTR);
    if (result != 0)
        return hm_dir_fail(err, errno, "cut back", &writer->dir, writer->temp_name);
    writer->size = 0;
    writer->flushed = 0;
    writer->failed = false;
    return HM_OK;
}

static enum hm_rc commit(struct hm_file_writer *writer, struct hm_err *err)
{
    int errno_value;

    if (writer->failed)
        return hm_fail(err, HM_EIO, "writing '%s/%s' failed before", writer->dir.path,
                       writer->final_name);
    errno_value = writer->unflushed ? 0 : hm_dir_flush_fd(writer->fd, false);
    if (errno_value != 0) {
        /* What was written may be lost although a later read still shows it: do not resume it. */
        writer->keep = false;
        return hm_dir_fail(err, errno_value, "flush", &writer->dir, writer->final_name);
    }
    if (renameat(writer->dir.fd, writer->temp_name, writer->dir.fd, writer->final_name) != 0)
        return hm_dir_fail(err, errno, "put in place", &writer->dir, writer->final_name);
    /* It has its final name: nothing is left to remove. */
    free(writer->temp_name);
    writer->temp_name = NULL;
    errno_value = writer->unflushed ? 0 : hm_dir_flush_fd(writer->dir.fd, true);
    if (errno_value != 0)
        return hm_dir_fail(err, errno_value, "flush the folder of", &writer->dir,
                           writer->final_name);
    return HM_OK;
}

enum hm_rc hm_file_writer_commit(struct hm_file_writer *writer, struct hm_err *err)
{
    enum hm_rc rc;

    HM_ASSERT(writer->fd >= 0);
    rc = commit(writer, err);
    hm_file_writer_abort(writer, false);
    return rc;
}

void hm_file_writer_abort(struct hm_file_writer *writer, bool discard)
{
    if (writer->fd >= 0 && writer->temp_name != NULL &&
        (!writer->keep || discard || writer->size == 0))
        (void)unlinkat(writer->dir.fd, writer->temp_name, 0); /* a stray file harms nobody */
    hm_dir_close_fd(&writer->fd);
    hm_dir_done(&writer->dir);
    free(writer->temp_name);
    free(writer->final_name);
    *writer = (struct hm_file_writer)HM_FILE_WRITER_INIT;
}

void hm_file_writer_done(struct hm_file_writer *writer)
{
    hm_file_writer_abort(writer, false);
}

enum hm_rc hm_file_replace(const struct hm_dir *dir, const char *path, mode_t mode,
                           struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;

    HM_TRY(hm_file_writer_open(dir, path, mode, false, err, &writer));
    HM_TRY(hm_file_writer_write(&writer, bytes, err));
    return hm_file_writer_commit(&writer, err);
}

enum hm_rc hm_file_replace_unflushed(const struct hm_dir *dir, const char *path, mode_t mode,
                                     struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;

    HM_TRY(hm_file_writer_open(dir, path, mode, false, err, &writer));
    writer.unflushed = true;
    HM_TRY(hm_file_writer_write(&writer, bytes, err));
    return hm_file_writer_commit(&writer, err);
}

/* --- paths of the user's ---------------------------------------------------------------------- */

/* 0 or an errno value. */
static int write_all(int fd, struct hm_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(fd, bytes.data, bytes.size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        bytes.data += put;
        bytes.size -= (size_t)put;
    }
    return 0;
}

/* For a device or pipe: there is nothing to replace. */
static enum hm_rc write_through(const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    int errno_value;

    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return hm_error_errno(err, errno, "cannot open '%s'", path);
    errno_value = write_all(fd, bytes);
    return errno_value == 0 ? HM_OK : hm_error_errno(err, errno_value, "cannot write '%s'", path);
}

enum hm_rc hm_file_flush(const struct hm_dir *dir, const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    const char *name = NULL;
    uint64_t size;
    int errno_value;

    HM_TRY(hm_dir_open_parent(dir, path, false, err, &parent, &name));
    HM_TRY(hm_dir_open_file(&parent, name, err, &fd, &size));
    errno_value = hm_dir_flush_fd(fd, false);
    if (errno_value == 0)
        errno_value = hm_dir_flush_fd(parent.fd, true);
    return errno_value == 0 ? HM_OK : hm_dir_fail(err, errno_value, "flush", dir, path);
}

enum hm_rc hm_file_create(const struct hm_dir *dir, const char *name, mode_t mode,
                          struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    int errno_value;

    if (!hm_dir_is_safe_path(name) || strchr(name, '/') != NULL)
        return hm_fail(err, HM_EREFUSED, "'%s' is no name of a file", name);
    fd = hm_dir_open_below(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd == -EEXIST || fd == -ELOOP)
        return hm_fail(err, HM_EREFUSED, "'%s/%s' is there already: nothing is written over it",
                       dir->path, name);
    if (fd < 0) {
        errno_value = -fd;
        fd = -1;
        return hm_dir_fail(err, errno_value, "make", dir, name);
    }
    errno_value = write_all(fd, bytes);
    if (errno_value == 0)
        return HM_OK;
    (void)unlinkat(dir->fd, name, 0); /* half a file is nobody's */
    return hm_dir_fail(err, errno_value, "write", dir, name);
}

enum hm_rc hm_file_write_path(const char *path, mode_t mode, struct hm_bytes bytes,
                              struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_free_(free) char *folder = NULL;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    struct stat st;
    size_t size;

    if (!hm_dir_is_safe_path(name))
        return hm_fail(err, HM_EUSAGE, "'%s' names no file to write", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return write_through(path, bytes, err);
    if (slash == NULL) {
        HM_TRY(hm_dir_open(".", err, &dir));
        return hm_file_replace(&dir, name, mode, bytes, err);
    }
    size = slash == path ? 1 : (size_t)(slash - path);
    folder = malloc(size + 1);
    if (folder == NULL)
        return hm_error_nomem(err);
    memcpy(folder, path, size);
    folder[size] = '\0';
    HM_TRY(hm_dir_make(folder, 0755, err, &dir));
    return hm_file_replace(&dir, name, mode, bytes, err);
}

enum hm_rc hm_file_read_path(const char *path, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;

    if (strcmp(path, "-") == 0)
        return hm_dir_read_fd(STDIN_FILENO, "standard input", err, ret_buf);
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0 && errno == ENOENT)
        return hm_fail(err, HM_ENOTFOUND, "cannot open '%s': it does not exist", path);
    if (fd < 0)
        return hm_error_errno(err, errno, "cannot open '%s'", path);
    return hm_dir_read_fd(fd, path, err, ret_buf);
}

/* A short name, a space, a number. */
#define FORMAT_SIZE_MAX 64

enum hm_rc hm_file_check_format(const struct hm_dir *dir, const char *prefix, const char *what,
                                unsigned newest, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(FORMAT_SIZE_MAX);
    size_t prefix_size = strlen(prefix);
    struct hm_bytes rest;
    uint64_t version;

    HM_TRY(hm_dir_read(dir, "format", err, &text));
    rest = hm_buf_bytes(&text);
    if (rest.size <= prefix_size || !hm_bytes_has_prefix(rest, hm_bytes_str(prefix)) ||
        rest.data[rest.size - 1] != '\n' ||
        hm_num_parse_u64((const char *)rest.data + prefix_size, rest.size - prefix_size - 1,
                         &version) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%s/format' is not that of %s", dir->path, what);
    if (version > newest)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' was written by a newer program (format %llu, this one knows %u); use "
                       "that",
                       dir->path, (unsigned long long)version, newest);
    return HM_OK;
}
