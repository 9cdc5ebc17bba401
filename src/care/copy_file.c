/* SPDX-License-Identifier: Apache-2.0 */
/* Copying files with their digests (copy_file.h). */
#include "care/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define BLOCK_SIZE ((size_t)1 << 20)

static uint64_t time_ns(const struct stat *info)
{
    return info->st_mtim.tv_sec < 0
               ? 0
               : (uint64_t)info->st_mtim.tv_sec * 1000000000U + (uint64_t)info->st_mtim.tv_nsec;
}

/* Exactly as many bytes as the file had when it was opened. */
static enum hm_rc pump(int fd, struct hm_file_writer *writer, struct hm_manifest_item *item,
                       struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    _hm_free_(free) char *block = malloc(BLOCK_SIZE);
    uint64_t left = item->size;

    if (block == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    while (left > 0) {
        ssize_t got = read(fd, block, left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "'%s' cannot be read", item->path);
        if (got == 0)
            return hm_fail(err, HM_EAGAIN, "'%s' became shorter while it was read", item->path);
        HM_TRY(hm_digest_update(digest, hm_bytes_make(block, (size_t)got), err));
        HM_TRY(hm_file_writer_write(writer, hm_bytes_make(block, (size_t)got), err));
        left -= (uint64_t)got;
    }
    return hm_digest_final(digest, err, item->sha256.bytes);
}

static enum hm_rc copy(int fd, const struct stat *before, const struct hm_dir *to,
                       const char *to_path, struct hm_manifest_item *item, struct hm_err *err)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before->st_mtim};
    struct stat after;

    HM_TRY(hm_file_writer_open(to, to_path, 0600, false, err, &writer));
    writer.unflushed = true; /* all is flushed at once, before it counts */
    HM_TRY(pump(fd, &writer, item, err));
    if (fstat(fd, &after) != 0 || time_ns(&after) != item->time_ns)
        return hm_fail(err, HM_EAGAIN, "'%s' was changed while it was read", item->path);
    if (fchmod(writer.fd, item->mode) != 0 || futimens(writer.fd, times) != 0)
        return hm_error_errno(err, errno, "'%s/%s': mode and time cannot be set", to->path,
                              to_path);
    return hm_file_writer_commit(&writer, err);
}

enum hm_rc hm_copy_file_run(const struct hm_dir *from, const char *from_path,
                            const struct hm_dir *to, const char *to_path,
                            struct hm_manifest_item *item, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct stat before;

    HM_TRY(hm_dir_open_file(from, from_path, err, &fd, &item->size));
    if (fstat(fd, &before) != 0)
        return hm_error_errno(err, errno, "'%s' cannot be looked at", item->path);
    item->size = (uint64_t)before.st_size;
    item->time_ns = time_ns(&before);
    return copy(fd, &before, to, to_path, item, err);
}

enum hm_rc hm_copy_file_verify(const struct hm_dir *dir, const char *path,
                               const struct hm_manifest_item *item, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_sha256 sha256;
    uint64_t size;

    HM_TRY(hm_dir_open_file(dir, path, err, &fd, &size));
    /* What is on the disk, not what is in memory, as far as the system can be told. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    HM_TRY(hm_digest_fd(fd, NULL, NULL, err, &sha256, &size));
    if (size == item->size && hm_digest_is_equal(&sha256, &item->sha256))
        return HM_OK;
    return hm_fail(err, HM_EMISMATCH, "'%s/%s': its bytes are not those that were recorded",
                   dir->path, path);
}

enum hm_rc hm_copy_file_flush(const struct hm_dir *dir, struct hm_err *err)
{
    if (syncfs(dir->fd) != 0)
        return hm_error_errno(err, errno, "'%s' cannot be flushed", dir->path);
    return HM_OK;
}
