/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a command under test: makes its Nth change to the file system the last one.
 *
 * HM_FAULT_AT     which change (1 is the first); 0 or unset: none, only count
 * HM_FAULT_MODE   kill   the process dies before the change; all before it stays
 *                 eio    the change fails with EIO, once, and the process goes on
 *                 full   the change fails with ENOSPC, and so does every later write
 *                 lost   power loss: dies, and whatever was not flushed is undone (data and names)
 *                 torn   power loss: dies, names stay, file data that was not flushed is cut off
 *                 half   the same, but the first half of such data stays
 *                 holes  the same, but the last half of such data stays, behind zeros
 *                 drop   the change fails with EIO, and the process goes on; if it is a flush, what
 *                        was to be flushed will never be, though reading still shows it, and later
 *                        flushes say that all is well. Power is lost when the process ends
 * HM_FAULT_COUNT  file that receives the number of changes seen, when the process ends
 * HM_FAULT_SHADOW folder on the same file system where replaced and removed files are kept for
 * undoing HM_FAULT_ROOT   only changes below this folder count
 *
 * A change is: creating, writing, cutting, flushing, linking, renaming or removing a file or
 * folder. Names become durable with fsync of their folder, data with fsync of the file, and all of
 * both with syncfs, as everything below the root is on one file system. Real file systems may keep
 * any part of what was not flushed; the losses of power are corners of that.
 */
/* The names below are to be the plain symbols, not what these make of them. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum mode {
    MODE_KILL,
    MODE_EIO,
    MODE_FULL,
    MODE_LOST,
    MODE_TORN,
    MODE_HALF,
    MODE_HOLES,
    MODE_DROP,
    MODE_COUNT
};

/* A file with data that may not be flushed. */
struct data {
    dev_t dev;
    ino_t ino;
    int fd; /* ours */
    off_t flushed_size;
    bool dropped; /* nothing more of it will be flushed */
};

/* A name that may not be flushed. */
struct name {
    enum { NAME_MADE, NAME_MADE_DIR, NAME_GONE, NAME_MOVED, NAME_SWAPPED } kind;
    char path[PATH_MAX];  /* made, removed, or moved to */
    char from[PATH_MAX];  /* moved from */
    char saved[PATH_MAX]; /* what stood under path before, kept in the shadow; or "" */
    bool path_flushed, from_flushed;
};

#define DATA_MAX       4096
#define NAME_MAX_COUNT 16384

static struct data data_list[DATA_MAX];
static size_t data_count;
static struct name *name_list;
static size_t name_count;
static unsigned long change_count, fault_at, shadow_count;
static enum mode fault_mode;
static bool disk_full, was_dropped;
static const char *root_dir, *shadow_dir;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name)    ((__typeof__(&name))real_##name)
#define RESOLVE(name) real_##name = dlsym(RTLD_NEXT, #name)
static void *real_write, *real_pwrite, *real_fsync, *real_fdatasync, *real_renameat,
    *real_renameat2, *real_linkat, *real_unlinkat, *real_mkdirat, *real_ftruncate, *real_openat,
    *real_open, *real_rename, *real_unlink, *real_mkdir, *real_rmdir, *real_symlinkat, *real_syncfs;

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("HM_FAULT_AT"), *mode = getenv("HM_FAULT_MODE");
    static const char *const names[] = {"kill", "eio",  "full",  "lost",
                                        "torn", "half", "holes", "drop"};

    RESOLVE(write), RESOLVE(pwrite), RESOLVE(fsync), RESOLVE(fdatasync), RESOLVE(renameat),
        RESOLVE(renameat2);
    RESOLVE(linkat), RESOLVE(unlinkat), RESOLVE(mkdirat), RESOLVE(ftruncate), RESOLVE(openat),
        RESOLVE(open);
    RESOLVE(rename), RESOLVE(unlink), RESOLVE(mkdir), RESOLVE(rmdir), RESOLVE(symlinkat);
    RESOLVE(syncfs);
    fault_at = at ? strtoul(at, NULL, 10) : 0;
    for (size_t i = 0; mode && i < MODE_COUNT; i++)
        if (!strcmp(mode, names[i]))
            fault_mode = (enum mode)i;
    root_dir = getenv("HM_FAULT_ROOT");
    shadow_dir = getenv("HM_FAULT_SHADOW");
    name_list = calloc(NAME_MAX_COUNT, sizeof(*name_list));
}

static void report(void)
{
    const char *path = getenv("HM_FAULT_COUNT");
    char text[32];
    int fd, size = snprintf(text, sizeof(text), "%lu\n", change_count);

    if (!path || (fd = REAL(open)(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0)
        return;
    (void)!REAL(write)(fd, text, (size_t)size);
    close(fd);
}

static void undo(void);

__attribute__((destructor)) static void stop(void)
{
    if (was_dropped)
        undo();
    report();
}

/* The absolute path of name relative to dirfd, without its last part resolved. */
static void absolute(int dirfd, const char *name, char *ret_path)
{
    char link[64], base[PATH_MAX];
    ssize_t size;

    if (name[0] == '/') {
        snprintf(ret_path, PATH_MAX, "%s", name);
        return;
    }
    if (dirfd == AT_FDCWD) {
        if (!getcwd(base, sizeof(base)))
            base[0] = '\0';
    } else {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
        size = readlink(link, base, sizeof(base) - 1);
        base[size < 0 ? 0 : size] = '\0';
    }
    snprintf(ret_path, PATH_MAX, "%.2000s/%.2000s", base, name);
}

static bool is_ours(const char *path)
{
    size_t size = root_dir ? strlen(root_dir) : 0;

    return size && !strncmp(path, root_dir, size) && (path[size] == '/' || path[size] == '\0');
}

static bool is_ours_fd(int fd)
{
    char path[PATH_MAX];

    absolute(fd, "x", path);
    return is_ours(path);
}

static void undo_names(void)
{
    for (size_t i = name_count; i-- > 0;) {
        struct name *one = &name_list[i];

        if (one->path_flushed &&
            ((one->kind != NAME_MOVED && one->kind != NAME_SWAPPED) || one->from_flushed))
            continue;
        if (one->kind == NAME_MADE)
            REAL(unlink)(one->path);
        else if (one->kind == NAME_MADE_DIR)
            REAL(rmdir)(one->path);
        else if (one->kind == NAME_MOVED)
            REAL(rename)(one->path, one->from);
        else if (one->kind == NAME_SWAPPED)
            REAL(renameat2)(AT_FDCWD, one->path, AT_FDCWD, one->from, RENAME_EXCHANGE);
        if (one->saved[0])
            REAL(rename)(one->saved, one->path);
    }
}

/* What the disk has of a file of size bytes, flushed_size of them flushed. */
static void undo_data(const struct data *one, off_t size)
{
    static const char zeros[4096];
    off_t middle = one->flushed_size + (size - one->flushed_size) / 2;

    if (fault_mode == MODE_HALF) {
        (void)!REAL(ftruncate)(one->fd, middle);
    } else if (fault_mode == MODE_HOLES) {
        for (off_t at = one->flushed_size; at < middle; at += (off_t)sizeof(zeros))
            (void)!REAL(pwrite)(
                one->fd, zeros,
                middle - at < (off_t)sizeof(zeros) ? (size_t)(middle - at) : sizeof(zeros), at);
    } else {
        (void)!REAL(ftruncate)(one->fd, one->flushed_size);
    }
}

static void undo(void)
{
    if (fault_mode == MODE_LOST || fault_mode == MODE_DROP)
        undo_names();
    for (size_t i = 0; i < data_count; i++) {
        struct stat st;

        if (data_list[i].fd >= 0 && fstat(data_list[i].fd, &st) == 0 &&
            st.st_size > data_list[i].flushed_size)
            undo_data(&data_list[i], st.st_size);
    }
}

/* Counts one change. Returns true if it must fail with errno set; does not return if the process
 * dies. */
static bool is_fault(void)
{
    change_count++;
    if (disk_full) {
        errno = ENOSPC;
        return true;
    }
    if (change_count != fault_at)
        return false;
    if (fault_mode == MODE_EIO || fault_mode == MODE_FULL || fault_mode == MODE_DROP) {
        was_dropped = fault_mode == MODE_DROP;
        disk_full = fault_mode == MODE_FULL;
        errno = disk_full ? ENOSPC : EIO;
        return true;
    }
    if (fault_mode != MODE_KILL)
        undo();
    report();
    _exit(137);
}

static struct data *data_of(int fd)
{
    struct stat st;
    char link[64];

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    for (size_t i = 0; i < data_count; i++)
        if (data_list[i].dev == st.st_dev && data_list[i].ino == st.st_ino)
            return &data_list[i];
    if (data_count == DATA_MAX)
        abort();
    /* An open of our own: a duplicate would keep locks of the command's alive. */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    data_list[data_count] = (struct data){.dev = st.st_dev,
                                          .ino = st.st_ino,
                                          .fd = REAL(open)(link, O_WRONLY | O_CLOEXEC),
                                          .flushed_size = st.st_size};
    return &data_list[data_count++];
}

static struct name *name_add(int kind, const char *path)
{
    struct name *one = &name_list[name_count];

    if (name_count++ == NAME_MAX_COUNT)
        abort();
    memset(one, 0, sizeof(*one));
    one->kind = kind;
    snprintf(one->path, sizeof(one->path), "%s", path);
    return one;
}

/* Keeps what stands under path, so that its replacement or removal can be undone. */
static void keep(const char *path, char *ret_saved)
{
    struct stat st;

    ret_saved[0] = '\0';
    if (!shadow_dir || lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    snprintf(ret_saved, PATH_MAX, "%.3000s/%d.%lu", shadow_dir, (int)getpid(), ++shadow_count);
    if (REAL(linkat)(AT_FDCWD, path, AT_FDCWD, ret_saved, 0) != 0)
        ret_saved[0] = '\0';
}

static void flush_dir(int fd)
{
    char dir[PATH_MAX];
    size_t size;

    absolute(fd, "", dir);
    size = strlen(dir);
    for (size_t i = 0; i < name_count; i++) {
        struct name *one = &name_list[i];

        if (!strncmp(one->path, dir, size) && !strchr(one->path + size, '/'))
            one->path_flushed = true;
        if (!strncmp(one->from, dir, size) && !strchr(one->from + size, '/'))
            one->from_flushed = true;
    }
}

/* What is to be done where it fails comes last. */
#define LOCKED(type, ours, body, ...)                                                              \
    do {                                                                                           \
        type _result;                                                                              \
        bool _ours;                                                                                \
        pthread_mutex_lock(&mutex);                                                                \
        _ours = (ours);                                                                            \
        if (_ours && is_fault()) {                                                                 \
            _result = -1;                                                                          \
            __VA_ARGS__;                                                                           \
        } else                                                                                     \
                                                                                                   \
            _result = (body);                                                                      \
        pthread_mutex_unlock(&mutex);                                                              \
        return _result;                                                                            \
    } while (0)

static ssize_t do_write(int fd, const void *buf, size_t size, bool ours)
{
    if (ours)
        (void)data_of(fd);
    return REAL(write)(fd, buf, size);
}

ssize_t write(int fd, const void *buf, size_t size)
{
    LOCKED(ssize_t, is_ours_fd(fd), do_write(fd, buf, size, _ours));
}

static ssize_t do_pwrite(int fd, const void *buf, size_t size, off_t offset, bool ours)
{
    if (ours)
        (void)data_of(fd);
    return REAL(pwrite)(fd, buf, size, offset);
}

ssize_t pwrite(int fd, const void *buf, size_t size, off_t offset)
{
    LOCKED(ssize_t, is_ours_fd(fd), do_pwrite(fd, buf, size, offset, _ours));
}

static void mark_flushed(int fd, off_t size)
{
    struct data *one = data_of(fd);

    if (!one->dropped)
        one->flushed_size = size;
}

/* The flush that fails takes with it what it should have flushed. */
static void drop_data(int fd)
{
    struct data *one = was_dropped ? data_of(fd) : NULL;

    if (one != NULL)
        one->dropped = true;
}

static int do_fsync(int fd, bool ours)
{
    int result = REAL(fsync)(fd);
    struct stat st;

    if (ours && result == 0 && fstat(fd, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            flush_dir(fd);
        else if (S_ISREG(st.st_mode))
            mark_flushed(fd, st.st_size);
    }
    return result;
}

int fsync(int fd)
{
    LOCKED(int, is_ours_fd(fd), do_fsync(fd, _ours), drop_data(fd));
}

int fdatasync(int fd)
{
    return fsync(fd);
}

static void drop_all(void)
{
    for (size_t i = 0; was_dropped && i < data_count; i++)
        data_list[i].dropped = true;
}

/* All that was not flushed before is, whatever file or folder it is of. */
static int do_syncfs(int fd, bool ours)
{
    /* Really done it would flush, and wait for, what all others wrote to this file system. */
    int result = ours ? 0 : REAL(syncfs)(fd);

    for (size_t i = 0; ours && result == 0 && i < data_count; i++) {
        struct stat st;

        if (data_list[i].fd >= 0 && !data_list[i].dropped && fstat(data_list[i].fd, &st) == 0)
            data_list[i].flushed_size = st.st_size;
    }
    for (size_t i = 0; ours && result == 0 && i < name_count; i++)
        name_list[i].path_flushed = name_list[i].from_flushed = true;
    return result;
}

int syncfs(int fd)
{
    LOCKED(int, is_ours_fd(fd), do_syncfs(fd, _ours), drop_all());
}

static int do_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned flags,
                     bool ours)
{
    char from_path[PATH_MAX], to_path[PATH_MAX], saved[PATH_MAX];
    struct name *one;
    int result;

    absolute(from_fd, from, from_path);
    absolute(to_fd, to, to_path);
    saved[0] = '\0';
    if (ours && !(flags & RENAME_EXCHANGE))
        keep(to_path, saved);
    result = flags ? REAL(renameat2)(from_fd, from, to_fd, to, flags)
                   : REAL(renameat)(from_fd, from, to_fd, to);
    if (!ours || result != 0)
        return result;
    one = name_add(flags & RENAME_EXCHANGE ? NAME_SWAPPED : NAME_MOVED, to_path);
    snprintf(one->from, sizeof(one->from), "%s", from_path);
    snprintf(one->saved, sizeof(one->saved), "%s", saved);
    return result;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    LOCKED(int, is_ours_fd(to_fd), do_rename(from_fd, from, to_fd, to, 0, _ours));
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    LOCKED(int, is_ours_fd(to_fd), do_rename(from_fd, from, to_fd, to, flags, _ours));
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static int do_link(int from_fd, const char *from, int to_fd, const char *to, int flags, bool ours)
{
    char path[PATH_MAX];
    int result = REAL(linkat)(from_fd, from, to_fd, to, flags);

    if (ours && result == 0) {
        absolute(to_fd, to, path);
        (void)name_add(NAME_MADE, path);
    }
    return result;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    LOCKED(int, is_ours_fd(to_fd), do_link(from_fd, from, to_fd, to, flags, _ours));
}

static int do_unlink(int dir_fd, const char *name, int flags, bool ours)
{
    char path[PATH_MAX], saved[PATH_MAX] = "";
    int result;

    absolute(dir_fd, name, path);
    if (ours && !(flags & AT_REMOVEDIR))
        keep(path, saved);
    result = REAL(unlinkat)(dir_fd, name, flags);
    if (ours && result == 0 && saved[0])
        snprintf(name_add(NAME_GONE, path)->saved, PATH_MAX, "%s", saved);
    return result;
}

int unlinkat(int dir_fd, const char *name, int flags)
{
    LOCKED(int, is_ours_fd(dir_fd), do_unlink(dir_fd, name, flags, _ours));
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

static int do_mkdir(int dir_fd, const char *name, mode_t mode, bool ours)
{
    char path[PATH_MAX];
    int result = REAL(mkdirat)(dir_fd, name, mode);

    if (ours && result == 0) {
        absolute(dir_fd, name, path);
        (void)name_add(NAME_MADE_DIR, path);
    }
    return result;
}

int mkdirat(int dir_fd, const char *name, mode_t mode)
{
    LOCKED(int, is_ours_fd(dir_fd), do_mkdir(dir_fd, name, mode, _ours));
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int ftruncate(int fd, off_t size)
{
    LOCKED(int, is_ours_fd(fd), REAL(ftruncate)(fd, size));
}

static int do_open(int dir_fd, const char *name, int flags, mode_t mode, bool ours)
{
    char path[PATH_MAX];
    bool existed;
    int fd;

    absolute(dir_fd, name, path);
    existed = access(path, F_OK) == 0;
    fd = REAL(openat)(dir_fd, name, flags, mode);
    if (ours && fd >= 0 && !existed)
        (void)name_add(NAME_MADE, path);
    return fd;
}

static bool makes_ours(int dir_fd, const char *name, int flags)
{
    char path[PATH_MAX];

    if (!(flags & O_CREAT))
        return false;
    absolute(dir_fd, name, path);
    return is_ours(path) && access(path, F_OK) != 0;
}

static int open_mode(int dir_fd, const char *name, int flags, mode_t mode)
{
    LOCKED(int, makes_ours(dir_fd, name, flags), do_open(dir_fd, name, flags, mode, _ours));
}

int openat(int dir_fd, const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return open_mode(dir_fd, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return open_mode(AT_FDCWD, name, flags, mode);
}

/* The same under the names that 64-bit file offsets give them. */
int openat64(int dir_fd, const char *name, int flags, ...) __attribute__((alias("openat")));
int open64(const char *name, int flags, ...) __attribute__((alias("open")));
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));
ssize_t pwrite64(int fd, const void *buf, size_t size, off_t offset)
    __attribute__((alias("pwrite")));
