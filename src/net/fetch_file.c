/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of file:// URLs and plain paths. */
#include "net/fetch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include "net/url.h"

#define FILE_CHUNK_SIZE ((size_t)128 * 1024)

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read from */
}

enum hm_rc hm_fetch_file_path(const char *url, struct hm_err *err, struct hm_buf *ret_path)
{
    const char *path;

    HM_ASSERT(hm_url_kind(url) == HM_URL_FILE);
    path = url + strlen("file://");
    /* RFC 8089: an empty host and "localhost" are this machine. */
    if (strncasecmp(path, "localhost/", 10) == 0)
        path += strlen("localhost");
    if (path[0] != '/')
        return hm_fail(
            err, HM_EUSAGE,
            "'%s': a file URL names no other host: write file:///PATH, or the path alone", url);
    if (hm_url_decode(hm_bytes_str(path), err, ret_path) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s': a '%%' must be written as %%25", url);
    return HM_OK;
}

static enum hm_rc open_regular(const char *path, const char *url, struct hm_err *err, int *ret_fd,
                               uint64_t *ret_size)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
    _hm_done_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return hm_fail(err, HM_ENOTFOUND, "'%s': no such file", url);
    if (fd < 0)
        return hm_fail(err, HM_EINPUT, "'%s' cannot be opened: %s", url, strerror(errno));
    if (fstat(fd, &status) != 0)
        return hm_fail(err, HM_EINPUT, "'%s' cannot be examined: %s", url, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return hm_fail(err, HM_EINPUT, "'%s' is not a regular file", url);
    *ret_fd = fd;
    *ret_size = (uint64_t)status.st_size;
    fd = -1;
    return HM_OK;
}

/* Reads up to room bytes at *position; 0 at the end. */
static enum hm_rc read_some(int fd, const char *url, uint8_t *chunk, size_t room, size_t *ret_size,
                            struct hm_err *err)
{
    ssize_t size;

    do {
        size = read(fd, chunk, room);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return hm_fail(err, HM_EINPUT, "'%s' cannot be read: %s", url, strerror(errno));
    *ret_size = (size_t)size;
    return HM_OK;
}

enum hm_rc hm_fetch_file_stream(const char *path, const char *url,
                                const struct hm_fetch_request *request,
                                const struct hm_fetch_sink *sink, struct hm_err *err)
{
    _hm_done_(close_fd) int fd = -1;
    _hm_free_(free) char *chunk = NULL;
    uint64_t size = 0;
    uint64_t position = request->offset;

    HM_TRY(open_regular(path, url, err, &fd, &size));
    if (size > request->size_max)
        return hm_fetch_too_long(err, url, request->size_max);
    if (position > size) {
        /* As a server's 416: what the caller has is no beginning of this file. */
        HM_TRY(sink->restart(sink->ctx, err));
        position = 0;
    }
    if (position > 0 && lseek(fd, (off_t)position, SEEK_SET) < 0)
        return hm_fail(err, HM_EINPUT, "'%s' cannot be read from byte %llu: %s", url,
                       (unsigned long long)position, strerror(errno));
    chunk = malloc(FILE_CHUNK_SIZE);
    if (chunk == NULL)
        return hm_error_nomem(err);
    for (;;) {
        size_t got = 0;

        HM_TRY(read_some(fd, url, (uint8_t *)chunk, FILE_CHUNK_SIZE, &got, err));
        if (got == 0)
            break;
        /* The file may grow while it is read. */
        if (got > request->size_max - position)
            return hm_fetch_too_long(err, url, request->size_max);
        HM_TRY(sink->write(sink->ctx, hm_bytes_make(chunk, got), err));
        position += got;
    }
    if (position < size)
        return hm_fail(err, HM_EINPUT, "'%s' became shorter while it was read", url);
    return HM_OK;
}
