/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a log that is being written. See logfile.h. */
#include "serve/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum hm_rc hm_logfile_open(const struct hm_dir *dir, const char *name, struct hm_err *err,
                           struct hm_logfile *ret_file)
{
    struct hm_logfile file = HM_LOGFILE_INIT;
    uint64_t size = 0;
    struct stat st;

    HM_TRY(hm_dir_open_file(dir, name, err, &file.fd, &size));
    if (fstat(file.fd, &st) != 0) {
        hm_logfile_done(&file);
        return hm_error_errno(err, errno, "'%s/%s'", dir->path, name);
    }
    file.inode = st.st_ino;
    file.device = st.st_dev;
    file.changed_unix_s = st.st_mtim.tv_sec;
    *ret_file = file;
    return HM_OK;
}

void hm_logfile_done(struct hm_logfile *file)
{
    hm_dir_close_fd(&file->fd);
    *file = (struct hm_logfile)HM_LOGFILE_INIT;
}

bool hm_logfile_is_at(const struct hm_logfile *file, const struct hm_dir *dir, const char *name)
{
    struct stat st;

    return file->fd >= 0 && fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == file->inode && st.st_dev == file->device;
}

enum hm_rc hm_logfile_size(const struct hm_logfile *file, struct hm_err *err, uint64_t *ret_size)
{
    struct stat st;

    if (fstat(file->fd, &st) != 0)
        return hm_error_errno(err, errno, "a log cannot be examined");
    *ret_size = (uint64_t)st.st_size;
    return HM_OK;
}

/* As much as is there, up to what fits. */
static enum hm_rc read_at(const struct hm_logfile *file, uint64_t offset, size_t size,
                          struct hm_err *err, struct hm_buf *ret_bytes)
{
    ssize_t got;

    hm_buf_clear(ret_bytes);
    HM_TRY(hm_buf_reserve(ret_bytes, size, err));
    do
        got = pread(file->fd, ret_bytes->data, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return hm_error_errno(err, errno, "a log cannot be read");
    ret_bytes->size = (size_t)got;
    return HM_OK;
}

enum hm_rc hm_logfile_identify(struct hm_logfile *file, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_LOGFILE_FIRST_SIZE);
    struct hm_bytes rest;
    struct hm_bytes line;

    HM_TRY(read_at(file, 0, HM_LOGFILE_FIRST_SIZE, err, &bytes));
    rest = hm_buf_bytes(&bytes);
    if (!hm_bytes_take_line(&rest, &line)) {
        if (bytes.size < HM_LOGFILE_FIRST_SIZE)
            return hm_fail(err, HM_EAGAIN, "the log has no line yet");
        line = hm_buf_bytes(&bytes);
    }
    HM_TRY(hm_digest_sha256(line, err, &file->source));
    file->has_source = true;
    return HM_OK;
}

enum hm_rc hm_logfile_read(const struct hm_logfile *file, struct hm_err *err,
                           struct hm_buf *ret_lines, uint64_t *ret_next)
{
    const uint8_t *last;

    HM_TRY(read_at(file, file->offset, HM_LOGFILE_CHUNK_SIZE, err, ret_lines));
    last = ret_lines->size == 0 ? NULL : memrchr(ret_lines->data, '\n', ret_lines->size);
    if (last != NULL)
        ret_lines->size = (size_t)(last + 1 - ret_lines->data);
    else if (ret_lines->size < HM_LOGFILE_CHUNK_SIZE)
        ret_lines->size = 0; /* the rest of the line is being written */
    *ret_next = file->offset + ret_lines->size;
    return HM_OK;
}
