/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks are open file description locks (fcntl(2)): they belong to the open file, so two holders
 * within one process exclude each other as well, and closing another descriptor releases nothing.
 */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/dir_internal.h"
#include "base/num.h"
#include "base/time.h"

#define POLL_MS       20
#define PID_TEXT_SIZE 24

/* 0, or an errno value. */
static int try_lock(int fd)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    int result;

    do {
        result = fcntl(fd, F_OFD_SETLK, &range);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

static enum hm_rc fail_busy(int fd, const struct hm_dir *dir, const char *path, struct hm_err *err)
{
    char text[PID_TEXT_SIZE];
    ssize_t size = pread(fd, text, sizeof(text), 0);
    uint64_t pid;

    if (size > 1 && text[size - 1] == '\n' &&
        hm_num_parse_u64(text, (size_t)size - 1, &pid) == HM_OK)
        return hm_fail(err, HM_EBUSY, "'%s/%s' is locked by process %llu: wait until it ends",
                       dir->path, path, (unsigned long long)pid);
    return hm_fail(err, HM_EBUSY, "'%s/%s' is locked by another process: wait until it ends",
                   dir->path, path);
}

/* The holder's pid is for people: a lock without it is a lock. */
static void write_pid(int fd)
{
    char text[PID_TEXT_SIZE];
    int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size)
        (void)!ftruncate(fd, 0); /* no pid rather than half of one */
}

enum hm_rc hm_lock_take(const struct hm_dir *dir, const char *path, uint32_t wait_ms,
                        struct hm_err *err, struct hm_lock *ret_lock)
{
    int64_t deadline_ms = hm_time_monotonic_ms() + wait_ms;
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = POLL_MS * 1000000L};
    _hm_done_(hm_dir_done) struct hm_dir parent = HM_DIR_INIT;
    const char *name = NULL;

    HM_TRY(hm_dir_open_parent(dir, path, true, err, &parent, &name));
    for (;;) {
        _hm_done_(hm_dir_close_fd) int fd = -1;
        struct stat st;
        int errno_value;

        fd = hm_dir_open_below(parent.fd, name, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, 0600);
        if (fd < 0)
            return hm_dir_fail(err, -fd, "open", dir, path);
        if (fstat(fd, &st) != 0)
            return hm_dir_fail(err, errno, "examine", dir, path);
        if (!S_ISREG(st.st_mode))
            return hm_fail(err, HM_EINPUT, "'%s/%s' is no regular file", dir->path, path);
        errno_value = try_lock(fd);
        /* A file that was removed meanwhile excludes nobody who comes later: take the new one. */
        if (errno_value == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0) {
            write_pid(fd);
            ret_lock->fd = fd;
            fd = -1;
            return HM_OK;
        }
        if (errno_value != 0 && errno_value != EAGAIN && errno_value != EACCES)
            return hm_dir_fail(err, errno_value, "lock", dir, path);
        if (errno_value != 0 && hm_time_monotonic_ms() >= deadline_ms)
            return fail_busy(fd, dir, path, err);
        if (errno_value != 0)
            (void)nanosleep(&pause, NULL); /* woken early, it only looks again */
    }
}

void hm_lock_done(struct hm_lock *lock)
{
    if (lock->fd >= 0)
        (void)!ftruncate(lock->fd, 0); /* the pid is no longer true; the lock goes with the fd */
    hm_dir_close_fd(&lock->fd);
}
