/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders. Every open below a folder goes through hm_dir_open_below: one openat2 call where the
 * kernel has it (5.6), else part by part with O_NOFOLLOW. Both refuse symbolic links and "..".
 */
#include "base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/dir_internal.h"

#define FOLDER_FLAGS   (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define RETRIES        16    /* of a lookup that another process's rename disturbed */
#define READ_STEP_SIZE 65536 /* where the size of the input is not known beforehand */
#define REMOVE_PASSES  8     /* over a folder that somebody else still adds to */

bool hm_dir_force_walk = false;

/* --- opening ---------------------------------------------------------------------------------- */

bool hm_dir_is_safe_path(const char *path)
{
    const char *part = path;

    for (;;) {
        size_t size = strcspn(part, "/");

        if (size == 0 || (size == 1 && part[0] == '.') ||
            (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (part[size] == '\0')
            return true;
        part += size + 1;
    }
}

void hm_dir_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing is lost: what matters was flushed before */
    *fd = -1;
}

static int open_retry(int dir_fd, const char *path, int flags, mode_t mode)
{
    int fd;

    do {
        fd = openat(dir_fd, path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

static int open_walking(int dir_fd, const char *path, int flags, mode_t mode)
{
    _hm_done_(hm_dir_close_fd) int folder_fd = -1;
    const char *part = path;
    char name[NAME_MAX + 1];

    for (;;) {
        size_t size = strcspn(part, "/");
        int at_fd = folder_fd >= 0 ? folder_fd : dir_fd;
        int fd;

        if (size > NAME_MAX)
            return -ENAMETOOLONG;
        if (part[size] == '\0')
            return open_retry(at_fd, part, flags | O_NOFOLLOW, mode);
        memcpy(name, part, size);
        name[size] = '\0';
        fd = open_retry(at_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        if (fd < 0)
            return fd;
        hm_dir_close_fd(&folder_fd);
        folder_fd = fd;
        part += size + 1;
    }
}

int hm_dir_open_below(int dir_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        /* O_LARGEFILE: openat2 has no 64-bit twin that a 32-bit libc would choose. */
        .flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC |
                                      ((flags & O_PATH) == 0 ? O_LARGEFILE : 0)),
        .mode = (flags & O_CREAT) != 0 ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    for (int i = 0; i < RETRIES && !hm_dir_force_walk; i++) {
        long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM || errno == E2BIG)
            break; /* an old kernel, or a system call filter that does not know it */
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
    return open_walking(dir_fd, path, flags, mode);
}

/* --- errors ----------------------------------------------------------------------------------- */

static enum hm_rc fail_errno(struct hm_err *err, int errno_value, const char *verb,
                             const char *shown)
{
    switch (errno_value) {
    case ENOENT:
        return hm_fail(err, HM_ENOTFOUND, "cannot %s '%s': it does not exist", verb, shown);
    case ELOOP:
    case EXDEV:
        return hm_fail(err, HM_EINPUT,
                       "cannot %s '%s': a symbolic link is on the way, and none is followed", verb,
                       shown);
    case EPERM:
    case ENXIO:
    case ENAMETOOLONG:
        return hm_fail(err, HM_EINPUT, "cannot %s '%s': %s", verb, shown,
                       strerrordesc_np(errno_value));
    default:
        return hm_error_errno(err, errno_value, "cannot %s '%s'", verb, shown);
    }
}

enum hm_rc hm_dir_fail(struct hm_err *err, int errno_value, const char *verb,
                       const struct hm_dir *dir, const char *path)
{
    char shown[HM_ERR_TEXT_MAX];

    (void)snprintf(shown, sizeof(shown), "%s/%s", dir->path, path); /* a cut name will do */
    return fail_errno(err, errno_value, verb, shown);
}

static enum hm_rc check_safe(const char *path, struct hm_err *err)
{
    if (hm_dir_is_safe_path(path))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "'%s' is no safe path: it must be relative, without empty parts, '.' and '..'",
                   path);
}

int hm_dir_flush_fd(int fd, bool is_folder)
{
    int result;

    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || (is_folder && errno == EINVAL))
        return 0;
    return errno;
}

static enum hm_rc flush_folder(const struct hm_dir *dir, struct hm_err *err)
{
    int errno_value = hm_dir_flush_fd(dir->fd, true);

    if (errno_value == 0)
        return HM_OK;
    return hm_fail(err, HM_EIO, "cannot flush '%s': %s", dir->path, strerrordesc_np(errno_value));
}

/* --- folders ---------------------------------------------------------------------------------- */

void hm_dir_done(struct hm_dir *dir)
{
    hm_dir_close_fd(&dir->fd);
    free(dir->path);
    dir->path = NULL;
}

/* "path" or "path/name". Takes fd, also on failure. */
static enum hm_rc make_handle(int fd, const char *path, const char *name, size_t name_size,
                              struct hm_err *err, struct hm_dir *ret_dir)
{
    size_t path_size = strlen(path);
    char *joined = malloc(path_size + 1 + name_size + 1);

    if (joined == NULL) {
        hm_dir_close_fd(&fd);
        return hm_error_nomem(err);
    }
    memcpy(joined, path, path_size);
    joined[path_size] = '\0';
    if (name_size > 0) {
        joined[path_size] = '/';
        memcpy(joined + path_size + 1, name, name_size);
        joined[path_size + 1 + name_size] = '\0';
    }
    ret_dir->fd = fd;
    ret_dir->path = joined;
    return HM_OK;
}

enum hm_rc hm_dir_open(const char *path, struct hm_err *err, struct hm_dir *ret_dir)
{
    int fd = open_retry(AT_FDCWD, path, FOLDER_FLAGS, 0);

    if (fd < 0)
        return hm_error_errno(err, -fd, "cannot open the folder '%s'", path);
    return make_handle(fd, path, "", 0, err, ret_dir);
}

/* Makes the folder at path, whose parent exists, and flushes the parent. Existing is fine. */
static enum hm_rc make_one(char *path, mode_t mode, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int parent_fd = -1;
    char *slash = strrchr(path, '/');
    int errno_value;

    if (mkdir(path, mode) != 0) {
        if (errno == EEXIST)
            return HM_OK;
        return hm_error_errno(err, errno, "cannot make the folder '%s'", path);
    }
    if (slash == NULL) {
        parent_fd = open_retry(AT_FDCWD, ".", FOLDER_FLAGS, 0);
    } else if (slash == path) {
        parent_fd = open_retry(AT_FDCWD, "/", FOLDER_FLAGS, 0);
    } else {
        *slash = '\0';
        parent_fd = open_retry(AT_FDCWD, path, FOLDER_FLAGS, 0);
        *slash = '/';
    }
    if (parent_fd < 0)
        return hm_error_errno(err, -parent_fd, "cannot open the folder above '%s'", path);
    errno_value = hm_dir_flush_fd(parent_fd, true);
    if (errno_value != 0)
        return hm_error_errno(err, errno_value, "cannot flush the folder above '%s'", path);
    return HM_OK;
}

enum hm_rc hm_dir_make(const char *path, mode_t mode, struct hm_err *err, struct hm_dir *ret_dir)
{
    _hm_free_(free) char *prefix = NULL;
    int fd = open_retry(AT_FDCWD, path, FOLDER_FLAGS, 0);
    size_t size = strlen(path);

    if (fd >= 0)
        return make_handle(fd, path, "", 0, err, ret_dir);
    if (fd != -ENOENT || size == 0)
        return hm_error_errno(err, -fd, "cannot open the folder '%s'", path);
    prefix = malloc(size + 1);
    if (prefix == NULL)
        return hm_error_nomem(err);
    memcpy(prefix, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        /* The end of a part: something before a '/' or before the end. */
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        prefix[i] = '\0';
        HM_TRY(make_one(prefix, mode, err));
        prefix[i] = path[i];
    }
    return hm_dir_open(path, err, ret_dir);
}

static enum hm_rc make_part(const struct hm_dir *parent, const char *name, struct hm_err *err)
{
    struct stat st;
    mode_t mode;

    if (fstat(parent->fd, &st) != 0)
        return hm_dir_fail(err, errno, "examine", parent, "");
    mode = (st.st_mode & 077) == 0 ? 0700 : 0755;
    if (mkdirat(parent->fd, name, mode) != 0)
        return errno == EEXIST ? HM_OK : hm_dir_fail(err, errno, "make", parent, name);
    return flush_folder(parent, err);
}

/* Opens (and makes) the folders of path's first path_size bytes, part by part. */
static enum hm_rc open_making(const struct hm_dir *dir, const char *path, size_t path_size,
                              struct hm_err *err, struct hm_dir *ret_dir)
{
    _hm_done_(hm_dir_done) struct hm_dir at = HM_DIR_INIT;
    size_t offset = 0;

    while (offset < path_size) {
        const struct hm_dir *parent = at.fd >= 0 ? &at : dir;
        struct hm_dir next = HM_DIR_INIT;
        char name[NAME_MAX + 1];
        size_t size = strcspn(path + offset, "/");
        int fd;

        if (size > NAME_MAX)
            return hm_dir_fail(err, ENAMETOOLONG, "open", dir, path);
        memcpy(name, path + offset, size);
        name[size] = '\0';
        fd = open_retry(parent->fd, name, FOLDER_FLAGS | O_NOFOLLOW, 0);
        if (fd == -ENOENT) {
            HM_TRY(make_part(parent, name, err));
            fd = open_retry(parent->fd, name, FOLDER_FLAGS | O_NOFOLLOW, 0);
        }
        if (fd < 0)
            return hm_dir_fail(err, -fd, "open", parent, name);
        HM_TRY(make_handle(fd, parent->path, name, size, err, &next));
        hm_dir_done(&at);
        at = next;
        offset += size + 1;
    }
    *ret_dir = at;
    at = (struct hm_dir)HM_DIR_INIT;
    return HM_OK;
}

enum hm_rc hm_dir_open_at(const struct hm_dir *dir, const char *name, bool make, struct hm_err *err,
                          struct hm_dir *ret_dir)
{
    int fd;

    HM_TRY(check_safe(name, err));
    fd = hm_dir_open_below(dir->fd, name, FOLDER_FLAGS, 0);
    if (fd == -ENOENT && make)
        return open_making(dir, name, strlen(name), err, ret_dir);
    if (fd < 0)
        return hm_dir_fail(err, -fd, "open", dir, name);
    return make_handle(fd, dir->path, name, strlen(name), err, ret_dir);
}

enum hm_rc hm_dir_copy(const struct hm_dir *dir, struct hm_err *err, struct hm_dir *ret_dir)
{
    int fd = fcntl(dir->fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return hm_dir_fail(err, errno, "open", dir, "");
    return make_handle(fd, dir->path, "", 0, err, ret_dir);
}

enum hm_rc hm_dir_open_parent(const struct hm_dir *dir, const char *path, bool make,
                              struct hm_err *err, struct hm_dir *ret_parent, const char **ret_name)
{
    _hm_free_(free) char *folder = NULL;
    const char *slash = strrchr(path, '/');
    size_t size;

    HM_TRY(check_safe(path, err));
    if (slash == NULL) {
        HM_TRY(hm_dir_copy(dir, err, ret_parent));
        *ret_name = path;
        return HM_OK;
    }
    size = (size_t)(slash - path);
    folder = malloc(size + 1);
    if (folder == NULL)
        return hm_error_nomem(err);
    memcpy(folder, path, size);
    folder[size] = '\0';
    HM_TRY(hm_dir_open_at(dir, folder, make, err, ret_parent));
    *ret_name = slash + 1;
    return HM_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

bool hm_dir_has(const struct hm_dir *dir, const char *path)
{
    int fd;

    if (!hm_dir_is_safe_path(path))
        return false;
    fd = hm_dir_open_below(dir->fd, path, O_PATH, 0);
    if (fd < 0)
        return false;
    hm_dir_close_fd(&fd);
    return true;
}

enum hm_rc hm_dir_open_file(const struct hm_dir *dir, const char *path, struct hm_err *err,
                            int *ret_fd, uint64_t *ret_size)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct stat st;

    HM_TRY(check_safe(path, err));
    /* O_NONBLOCK: opening a pipe that nobody writes to must not wait. */
    fd = hm_dir_open_below(dir->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return hm_dir_fail(err, -fd, "open", dir, path);
    if (fstat(fd, &st) != 0)
        return hm_dir_fail(err, errno, "examine", dir, path);
    if (!S_ISREG(st.st_mode))
        return hm_fail(err, HM_EINPUT, "'%s/%s' is no regular file", dir->path, path);
    *ret_fd = fd;
    *ret_size = (uint64_t)st.st_size;
    fd = -1;
    return HM_OK;
}

/* Up to size bytes at the end of buf, which has room for them. */
static enum hm_rc read_some(int fd, const char *shown, struct hm_buf *buf, size_t size,
                            struct hm_err *err, size_t *ret_got)
{
    ssize_t got;

    do {
        got = read(fd, buf->data + buf->size, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_errno(err, errno, "read", shown);
    buf->size += (size_t)got;
    buf->data[buf->size] = '\0';
    *ret_got = (size_t)got;
    return HM_OK;
}

/* At the buffer's maximum: the input must end here. */
static enum hm_rc expect_end(int fd, const char *shown, size_t size_max, struct hm_err *err)
{
    ssize_t got;
    char byte;

    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_errno(err, errno, "read", shown);
    if (got > 0)
        return hm_fail(err, HM_EFORMAT, "'%s' is larger than %zu bytes", shown, size_max);
    return HM_OK;
}

static enum hm_rc read_all(int fd, const char *shown, struct hm_err *err, struct hm_buf *buf)
{
    struct stat st;
    size_t step = READ_STEP_SIZE;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0) {
        if ((uint64_t)st.st_size > buf->size_max)
            return hm_fail(err, HM_EFORMAT, "'%s' is larger than %zu bytes", shown, buf->size_max);
        step = (size_t)st.st_size + 1; /* one more finds the end in the same read */
    }
    for (;;) {
        size_t room = buf->size_max - buf->size;
        size_t got = 0;

        if (room == 0)
            return expect_end(fd, shown, buf->size_max, err);
        if (room > step)
            room = step;
        HM_TRY(hm_buf_reserve(buf, room, err));
        HM_TRY(read_some(fd, shown, buf, room, err, &got));
        if (got == 0)
            return HM_OK;
        if (got >= step)
            step = READ_STEP_SIZE;
        else if (step != READ_STEP_SIZE)
            step -= got;
    }
}

enum hm_rc hm_dir_read_fd(int fd, const char *shown, struct hm_err *err, struct hm_buf *ret_buf)
{
    size_t size_before = ret_buf->size;
    enum hm_rc rc = read_all(fd, shown, err, ret_buf);

    if (rc != HM_OK) {
        ret_buf->size = size_before;
        if (ret_buf->data != NULL)
            ret_buf->data[size_before] = '\0';
    }
    return rc;
}

enum hm_rc hm_dir_read(const struct hm_dir *dir, const char *path, struct hm_err *err,
                       struct hm_buf *ret_buf)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    char shown[HM_ERR_TEXT_MAX];
    uint64_t size;

    HM_TRY(hm_dir_open_file(dir, path, err, &fd, &size));
    (void)snprintf(shown, sizeof(shown), "%s/%s", dir->path, path); /* a cut name will do */
    return hm_dir_read_fd(fd, shown, err, ret_buf);
}

/* --- listing ---------------------------------------------------------------------------------- */

static void close_stream(DIR **stream)
{
    if (*stream != NULL)
        (void)closedir(*stream); /* only read from */
}

static void free_names(const char ***names)
{
    free((void *)*names);
}

static bool is_listed(const char *name)
{
    size_t size = strlen(name);
    size_t suffix_size = sizeof(HM_DIR_PARTIAL_SUFFIX) - 1;

    if (name[0] != '.')
        return true;
    if (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))
        return false;
    if (strstr(name, HM_DIR_TEMP_INFIX) != NULL)
        return false;
    return size <= suffix_size || strcmp(name + size - suffix_size, HM_DIR_PARTIAL_SUFFIX) != 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes fd, also on failure. */
static enum hm_rc open_stream(int fd, const char *shown, struct hm_err *err, DIR **ret_stream)
{
    DIR *stream = fdopendir(fd);

    if (stream == NULL) {
        int errno_value = errno;

        hm_dir_close_fd(&fd);
        return fail_errno(err, errno_value, "list", shown);
    }
    *ret_stream = stream;
    return HM_OK;
}

enum hm_rc hm_dir_list(const struct hm_dir *dir, const char *path, size_t count_max,
                       struct hm_arena *arena, struct hm_err *err, const char ***ret_names,
                       size_t *ret_count)
{
    _hm_done_(close_stream) DIR *stream = NULL;
    _hm_done_(free_names) const char **names = NULL;
    const char **sorted;
    const struct dirent *entry;
    size_t capacity = 0;
    size_t count = 0;
    int fd;

    if (path[0] == '\0' || strcmp(path, ".") == 0) {
        path = ".";
        fd = open_retry(dir->fd, ".", FOLDER_FLAGS, 0);
    } else {
        HM_TRY(check_safe(path, err));
        fd = hm_dir_open_below(dir->fd, path, FOLDER_FLAGS, 0);
    }
    if (fd < 0)
        return hm_dir_fail(err, -fd, "list", dir, path);
    HM_TRY(open_stream(fd, dir->path, err, &stream));
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (!is_listed(entry->d_name))
            continue;
        if (count == count_max)
            return hm_fail(err, HM_EFORMAT, "'%s/%s' holds more than %zu names", dir->path, path,
                           count_max);
        if (count == capacity) {
            size_t more = capacity == 0 ? 64 : 2 * capacity;
            void *grown = reallocarray((void *)names, more, sizeof(*names));

            if (grown == NULL)
                return hm_error_nomem(err);
            names = grown;
            capacity = more;
        }
        names[count] = hm_arena_strdup(arena, hm_bytes_str(entry->d_name));
        if (names[count] == NULL)
            return hm_error_nomem(err);
        count++;
    }
    if (errno != 0)
        return hm_dir_fail(err, errno, "list", dir, path);
    sorted = hm_arena_alloc(arena, count, sizeof(*sorted));
    if (sorted == NULL)
        return hm_error_nomem(err);
    if (count > 0) {
        memcpy((void *)sorted, (const void *)names, count * sizeof(*sorted));
        qsort((void *)sorted, count, sizeof(*sorted), compare_names);
    }
    *ret_names = sorted;
    *ret_count = count;
    return HM_OK;
}

/* --- removing and renaming -------------------------------------------------------------------- */

/* The parent folder, or none (fd -1) where it is missing. */
static enum hm_rc find_parent(const struct hm_dir *dir, const char *path, struct hm_err *err,
                              struct hm_dir *ret_parent, const char **ret_name)
{
    struct hm_err own = HM_ERR_INIT;
    enum hm_rc rc = hm_dir_open_parent(dir, path, false, &own, ret_parent, ret_name);

    if (rc == HM_OK || rc == HM_ENOTFOUND)
        return HM_OK;
    if (err != NULL)
        *err = own;
    return rc;
}

enum hm_rc hm_dir_remove(const struct hm_dir *dir, const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    const char *name = NULL;

    HM_TRY(find_parent(dir, path, err, &parent, &name));
    if (parent.fd < 0)
        return HM_OK;
    if (unlinkat(parent.fd, name, 0) != 0)
        return errno == ENOENT ? HM_OK : hm_dir_fail(err, errno, "remove", dir, path);
    return flush_folder(&parent, err);
}

static enum hm_rc remove_entry(int parent_fd, const char *name, const char *shown, unsigned depth,
                               struct hm_err *err);

static enum hm_rc remove_contents(int folder_fd, const char *shown, unsigned depth,
                                  struct hm_err *err)
{
    _hm_done_(close_stream) DIR *stream = NULL;
    const struct dirent *entry;
    int fd = open_retry(folder_fd, ".", FOLDER_FLAGS, 0);

    if (fd < 0)
        return fail_errno(err, -fd, "empty", shown);
    HM_TRY(open_stream(fd, shown, err, &stream));
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        HM_TRY(remove_entry(folder_fd, entry->d_name, shown, depth, err));
    }
    if (errno != 0)
        return fail_errno(err, errno, "list", shown);
    return HM_OK;
}

static enum hm_rc remove_entry(int parent_fd, const char *name, const char *shown, unsigned depth,
                               struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    int errno_value;

    if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
        return HM_OK;
    errno_value = errno;
    if (errno_value != EISDIR && errno_value != EPERM)
        return fail_errno(err, errno_value, "remove a file in", shown);
    if (depth == 0)
        return hm_fail(err, HM_EFORMAT, "'%s' has more than %d folders within folders", shown,
                       HM_DIR_DEPTH_MAX);
    fd = open_retry(parent_fd, name, FOLDER_FLAGS | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return HM_OK;
    if (fd < 0)
        return fail_errno(err, fd == -ENOTDIR ? errno_value : -fd, "remove a file in", shown);
    for (int pass = 0; pass < REMOVE_PASSES; pass++) {
        HM_TRY(remove_contents(fd, shown, depth - 1, err));
        if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return HM_OK;
        errno_value = errno;
        if (errno_value != ENOTEMPTY && errno_value != EEXIST)
            break;
    }
    return fail_errno(err, errno_value, "remove a folder in", shown);
}

enum hm_rc hm_dir_remove_tree(const struct hm_dir *dir, const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    char shown[HM_ERR_TEXT_MAX];
    const char *name = NULL;

    HM_TRY(find_parent(dir, path, err, &parent, &name));
    if (parent.fd < 0)
        return HM_OK;
    (void)snprintf(shown, sizeof(shown), "%s/%s", dir->path, path); /* a cut name will do */
    HM_TRY(remove_entry(parent.fd, name, shown, HM_DIR_DEPTH_MAX, err));
    return flush_folder(&parent, err);
}

enum hm_rc hm_dir_rename(const struct hm_dir *from, const char *from_path, const struct hm_dir *to,
                         const char *to_path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir from_parent = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir to_parent = HM_DIR_INIT;
    const char *from_name = NULL;
    const char *to_name = NULL;

    HM_TRY(hm_dir_open_parent(from, from_path, false, err, &from_parent, &from_name));
    HM_TRY(hm_dir_open_parent(to, to_path, false, err, &to_parent, &to_name));
    if (renameat(from_parent.fd, from_name, to_parent.fd, to_name) != 0)
        return hm_fail(err, HM_EIO, "cannot rename '%s/%s' to '%s/%s': %s", from->path, from_path,
                       to->path, to_path, strerrordesc_np(errno));
    /* The new name first: at no time is there none. */
    HM_TRY(flush_folder(&to_parent, err));
    return flush_folder(&from_parent, err);
}
