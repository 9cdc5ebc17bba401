/* SPDX-License-Identifier: Apache-2.0 */
/* A file that grows at its end. See append.h. */
#include "base/append.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/dir_internal.h"

static enum hm_rc fail_errno(struct hm_err *err, int errno_value, const char *verb,
                             const struct hm_append *append)
{
    return hm_fail(err, HM_EIO, "cannot %s '%s': %s", verb, append->shown,
                   strerrordesc_np(errno_value));
}

enum hm_rc hm_append_create(const struct hm_dir *dir, const char *path, struct hm_err *err,
                            struct hm_append *ret_append)
{
    _hm_done_(hm_append_done) struct hm_append append = HM_APPEND_INIT;
    size_t shown_size = strlen(dir->path) + 1 + strlen(path) + 1;

    append.shown = malloc(shown_size);
    if (append.shown == NULL)
        return hm_error_nomem(err);
    (void)snprintf(append.shown, shown_size, "%s/%s", dir->path, path);
    HM_TRY(hm_dir_remove(dir, path, err));
    append.fd = hm_dir_open_below(dir->fd, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (append.fd < 0)
        return hm_dir_fail(err, -append.fd, "make", dir, path);
    *ret_append = append;
    append = (struct hm_append)HM_APPEND_INIT;
    return HM_OK;
}

enum hm_rc hm_append_write(struct hm_append *append, struct hm_bytes bytes, struct hm_err *err,
                           bool *ret_is_full)
{
    uint64_t offset = append->size;

    while (bytes.size > 0) {
        ssize_t put = pwrite(append->fd, bytes.data, bytes.size, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int errno_value = put < 0 ? errno : EIO;

            if (ret_is_full != NULL)
                *ret_is_full =
                    errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EFBIG;
            return fail_errno(err, errno_value, "write", append);
        }
        offset += (uint64_t)put;
        bytes.data += put;
        bytes.size -= (size_t)put;
    }
    append->size = offset;
    return HM_OK;
}

enum hm_rc hm_append_flush(struct hm_append *append, struct hm_err *err)
{
    int result;

    do {
        result = fdatasync(append->fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? HM_OK : fail_errno(err, errno, "flush", append);
}

enum hm_rc hm_append_cut(struct hm_append *append, uint64_t size, struct hm_err *err)
{
    int result;

    do {
        result = ftruncate(append->fd, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result != 0)
        return fail_errno(err, errno, "cut back", append);
    append->size = size;
    return hm_append_flush(append, err);
}

void hm_append_done(struct hm_append *append)
{
    hm_dir_close_fd(&append->fd);
    free(append->shown);
    *append = (struct hm_append)HM_APPEND_INIT;
}
