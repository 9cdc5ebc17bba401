/* SPDX-License-Identifier: Apache-2.0 */
/* See fault.h. Every __wrap_NAME is what the code under test gets when it calls NAME. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "fault.h"

#define DISTURBED_SIZE_MAX 7
#define POINTS_MAX         100000

static struct {
    bool armed;
    bool lasting;   /* fail the chosen call and every later one */
    size_t point;   /* which call fails, counted from 1 */
    size_t calls;   /* so far */
    bool hit;       /* a failure was met */
    long allocated; /* minus freed, while armed */
    bool disturbing;
    unsigned disturbed;
} fault;

static bool bearing;

static bool is_failing(void)
{
    if (!fault.armed)
        return false;
    fault.calls++;
    if (fault.calls != fault.point && !(fault.lasting && fault.calls > fault.point))
        return false;
    fault.hit = true;
    return true;
}

/* --- memory ----------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__real_reallocarray(void *ptr, size_t count, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_reallocarray(void *ptr, size_t count, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *ptr);

static void *counted(void *ptr, const void *old)
{
    if (fault.armed && ptr != NULL && old == NULL)
        fault.allocated++;
    return ptr;
}

static void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *__wrap_malloc(size_t size)
{
    return is_failing() ? out_of_memory() : counted(__real_malloc(size), NULL);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_failing() ? out_of_memory() : counted(__real_calloc(count, size), NULL);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    bool had = ptr != NULL;
    void *grown;

    if (is_failing())
        return out_of_memory();
    grown = __real_realloc(ptr, size);
    return had ? grown : counted(grown, NULL);
}

void *__wrap_reallocarray(void *ptr, size_t count, size_t size)
{
    bool had = ptr != NULL;
    void *grown;

    if (is_failing())
        return out_of_memory();
    grown = __real_reallocarray(ptr, count, size);
    return had ? grown : counted(grown, NULL);
}

char *__wrap_strdup(const char *text)
{
    return is_failing() ? out_of_memory() : counted(__real_strdup(text), NULL);
}

void __wrap_free(void *ptr)
{
    if (fault.armed && ptr != NULL)
        fault.allocated--;
    __real_free(ptr);
}

/* --- files ------------------------------------------------------------------------------------ */

/* 1: interrupted, 0: go on. Cuts *size as well. */
static int disturb(size_t *size)
{
    if (!fault.disturbing)
        return 0;
    fault.disturbed++;
    if (fault.disturbed % 2 == 0) {
        errno = EINTR;
        return 1;
    }
    if (*size > DISTURBED_SIZE_MAX)
        *size = 1 + fault.disturbed % DISTURBED_SIZE_MAX;
    return 0;
}

/* A call that moves bytes: TYPE NAME(PARAMETERS) with a size_t size among them. */
#define WRAP_TRANSFER(name, errno_value, parameters, arguments)                                    \
    ssize_t __real_##name parameters;                                                              \
    ssize_t __wrap_##name parameters;                                                              \
    ssize_t __wrap_##name parameters                                                               \
    {                                                                                              \
        if (is_failing()) {                                                                        \
            errno = (errno_value);                                                                 \
            return -1;                                                                             \
        }                                                                                          \
        return disturb(&size) != 0 ? -1 : __real_##name arguments;                                 \
    }                                                                                              \
    struct swallow_semicolon

#define WRAP_CALL(name, errno_value, parameters, arguments)                                        \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        if (is_failing()) {                                                                        \
            errno = (errno_value);                                                                 \
            return -1;                                                                             \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }                                                                                              \
    struct swallow_semicolon

WRAP_TRANSFER(read, EIO, (int fd, void *data, size_t size), (fd, data, size));
WRAP_TRANSFER(write, ENOSPC, (int fd, const void *data, size_t size), (fd, data, size));
WRAP_TRANSFER(pread64, EIO, (int fd, void *data, size_t size, int64_t offset),
              (fd, data, size, offset));
WRAP_TRANSFER(pwrite64, ENOSPC, (int fd, const void *data, size_t size, int64_t offset),
              (fd, data, size, offset));
WRAP_CALL(fsync, EIO, (int fd), (fd));
WRAP_CALL(fdatasync, EIO, (int fd), (fd));
WRAP_CALL(rename, EIO, (const char *from, const char *to), (from, to));
WRAP_CALL(renameat, EIO, (int from_fd, const char *from, int to_fd, const char *to),
          (from_fd, from, to_fd, to));
WRAP_CALL(mkdir, ENOSPC, (const char *path, mode_t mode), (path, mode));
WRAP_CALL(mkdirat, ENOSPC, (int fd, const char *path, mode_t mode), (fd, path, mode));
WRAP_CALL(ftruncate64, EIO, (int fd, int64_t size), (fd, size));
WRAP_CALL(flock, ENOLCK, (int fd, int operation), (fd, operation));
/* The mode comes along whether it is used or not, as on every calling convention of Linux. */
WRAP_CALL(open64, EMFILE, (const char *path, int flags, mode_t mode), (path, flags, mode));
WRAP_CALL(openat64, EMFILE, (int fd, const char *path, int flags, mode_t mode),
          (fd, path, flags, mode));

ssize_t __real_getrandom(void *data, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags)
{
    if (is_failing()) {
        errno = ENOSYS;
        return -1;
    }
    return __real_getrandom(data, size, flags); /* up to 256 bytes come whole: getrandom(2) */
}

/* --- runs ------------------------------------------------------------------------------------- */

static size_t count_descriptors(void)
{
    DIR *stream = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    (void)closedir(stream);
    return count;
}

static bool run_once(fault_scenario_fn *scenario, fault_check_fn *check, void *ctx, size_t point,
                     bool lasting)
{
    struct hm_err err = HM_ERR_INIT;
    size_t descriptors = count_descriptors();
    enum hm_rc rc;

    fault.point = point;
    fault.lasting = lasting;
    fault.calls = 0;
    fault.hit = false;
    fault.allocated = 0;
    fault.armed = true;
    rc = scenario(ctx, &err);
    fault.armed = false;
    if (!fault.hit && rc != HM_OK)
        fail_msg("no failure was injected at %zu, and yet: %s", point, err.text);
    if (fault.hit && !(rc == HM_OK && bearing) && rc != HM_ENOMEM && rc != HM_EIO &&
        rc != HM_EINPUT && rc != HM_EINTERNAL)
        fail_msg("failure %zu gave %s: %s", point, hm_error_name(rc), err.text);
    if (fault.hit && rc != HM_OK && err.rc != rc)
        fail_msg("failure %zu gave %s but told %s", point, hm_error_name(rc),
                 hm_error_name(err.rc));
    if (fault.allocated > 0)
        fail_msg("failure %zu leaks %ld allocations", point, fault.allocated);
    if (count_descriptors() != descriptors)
        fail_msg("failure %zu leaks a descriptor", point);
    if (check != NULL)
        check(ctx, rc);
    return fault.hit;
}

void fault_bear(bool on)
{
    bearing = on;
}

size_t fault_run(fault_scenario_fn *scenario, fault_check_fn *check, void *ctx)
{
    size_t point = 1;

    while (run_once(scenario, check, ctx, point, false)) {
        (void)run_once(scenario, check, ctx, point, true);
        if (++point > POINTS_MAX)
            fail_msg("the scenario does not end");
    }
    return point - 1;
}

void fault_disturb(bool on)
{
    fault.disturbing = on;
    fault.disturbed = 0;
}
