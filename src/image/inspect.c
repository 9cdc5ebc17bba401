/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the process that reads a foreign image, and reading what it says (inspect.h). */
#include "image/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "image/finding.h"
#include "image/report.h"
#include "image/worker.h"

#define BLOCK_SIZE ((size_t)128 * 1024)
/* The worker's own descriptors are below. */
#define FIRST_FREE 4
#define RULES      3

/* ---- memory files ---------------------------------------------------------------------------- */

static enum hm_rc make_file(const char *name, struct hm_err *err, int *ret_fd)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int moved;

    if (fd < 0)
        return hm_error_errno(err, errno, "a file in memory cannot be made");
    if (fd >= FIRST_FREE) {
        *ret_fd = fd;
        return HM_OK;
    }
    /* This process runs without standard streams; the worker has its own in these places. */
    moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    (void)close(fd); /* nothing was written to it */
    if (moved < 0)
        return hm_error_errno(err, errno, "a file in memory cannot be made");
    *ret_fd = moved;
    return HM_OK;
}

static enum hm_rc write_all(int fd, struct hm_bytes bytes, struct hm_err *err)
{
    while (bytes.size > 0) {
        ssize_t size = write(fd, bytes.data, bytes.size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return hm_error_errno(err, errno, "a file in memory cannot be written");
        bytes = hm_bytes_make(bytes.data + size, bytes.size - (size_t)size);
    }
    return HM_OK;
}

static enum hm_rc copy_all(int from, int to, struct hm_err *err)
{
    _hm_free_(free) char *block = malloc(BLOCK_SIZE);
    size_t total = 0;

    if (block == NULL)
        return hm_error_nomem(err);
    for (;;) {
        ssize_t size = read(from, block, BLOCK_SIZE);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return hm_error_errno(err, errno, "the file cannot be read");
        if (size == 0)
            return HM_OK;
        total += (size_t)size;
        if (total > HM_WALK_FILE_SIZE_MAX)
            return hm_fail(err, HM_EREFUSED, "larger than %zu bytes: no flash image is",
                           HM_WALK_FILE_SIZE_MAX);
        HM_TRY(write_all(to, hm_bytes_make(block, (size_t)size), err));
    }
}

/* What is in a memory file that nobody writes to any more. */
static enum hm_rc map_file(int fd, uint64_t size_max, struct hm_err *err, struct hm_bytes *ret)
{
    struct stat status;
    void *data;

    if (fstat(fd, &status) != 0)
        return hm_error_errno(err, errno, "a file in memory cannot be read");
    if ((uint64_t)status.st_size > size_max)
        return hm_fail(err, HM_EFORMAT, "more than the reader of images may say");
    *ret = HM_BYTES_EMPTY;
    if (status.st_size == 0)
        return HM_OK;
    data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return hm_error_errno(err, errno, "a file in memory cannot be read");
    *ret = hm_bytes_make(data, (size_t)status.st_size);
    return HM_OK;
}

static void unmap(struct hm_bytes bytes)
{
    if (bytes.size > 0)
        (void)munmap((void *)(uintptr_t)bytes.data, bytes.size); /* cannot fail: it was mapped */
}

/* ---- the worker ------------------------------------------------------------------------------ */

/* How it ended: NULL for well. */
struct ending {
    const char *why;
    bool is_confined;
};

/* What the worker is given. */
struct pipes {
    int input, output, rules; /* rules: -1 for one that does not scan */
};

static enum hm_rc add_actions(posix_spawn_file_actions_t *actions, const struct pipes *pipes)
{
    bool scans = pipes->rules >= 0;

    if (posix_spawn_file_actions_adddup2(actions, pipes->input, STDIN_FILENO) != 0 ||
        posix_spawn_file_actions_adddup2(actions, pipes->output, STDOUT_FILENO) != 0 ||
        (scans && posix_spawn_file_actions_adddup2(actions, pipes->rules, RULES) != 0) ||
        posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) != 0 ||
        posix_spawn_file_actions_addclosefrom_np(actions, scans ? FIRST_FREE : RULES) != 0)
        return HM_ENOMEM;
    return HM_OK;
}

static int start_with(const struct hm_inspect_options *options, uint32_t cpu_s,
                      const posix_spawn_file_actions_t *actions, pid_t *ret_pid)
{
    char program[] = HM_INSPECT_PROGRAM, contents[] = "contents", scan[] = "scan", cpu[16];
    char *what = options->scans ? scan : options->wants_contents ? contents : NULL;
    char *argv[] = {program, cpu, what, NULL};
    /* Nothing of this process's. Large pages for what is decompressed: a tenth of the whole time
     * goes into making small ones. */
    char large_pages[] = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
    char *environment[] = {large_pages, NULL};
    posix_spawnattr_t attributes;
    sigset_t all, none;
    int rc;

    (void)snprintf(cpu, sizeof(cpu), "%u", cpu_s);
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    rc = posix_spawnattr_init(&attributes);
    if (rc != 0)
        return rc;
    /* Whatever this process ignores or blocks. */
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    rc = posix_spawn(ret_pid, options->worker, actions, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

static enum hm_rc start(const struct hm_inspect_options *options, uint32_t cpu_s,
                        const struct pipes *pipes, struct hm_err *err, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int rc = 0;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return hm_error_nomem(err);
    if (add_actions(&actions, pipes) != HM_OK)
        rc = ENOMEM;
    else
        rc = start_with(options, cpu_s, &actions, ret_pid);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        return hm_error_errno(err, rc, "'%s' cannot be run", options->worker);
    return HM_OK;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock is always there */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False where the time is over. */
static bool wait_until(int pidfd, int64_t deadline)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        int rc;

        if (left <= 0)
            return false;
        rc = poll(&poll_fd, 1, (int)left); /* below 2^31: time_ms_max is */
        if (rc > 0)
            return true;
        if (rc < 0 && errno != EINTR)
            return false;
    }
}

static const char *signal_text(int number)
{
    switch (number) {
    case SIGSYS:
        return "who read it tried what it may not";
    case SIGXCPU:
    case SIGKILL:
        return "who read it took too long, or was killed";
    case SIGXFSZ:
        return "who read it had too much to say";
    default:
        return "who read it crashed";
    }
}

static struct ending ending_of(const siginfo_t *info)
{
    if (info->si_code != CLD_EXITED)
        return (struct ending){signal_text(info->si_status), true};
    switch (info->si_status) {
    case 0:
        return (struct ending){NULL, true};
    case HM_WORKER_NOT_STARTED:
    case HM_WORKER_NOT_CONFINED:
        return (struct ending){NULL, false};
    case HM_WORKER_NO_MEMORY:
        return (struct ending){"who read it ran out of memory", true};
    default:
        return (struct ending){"who read it failed", true};
    }
}

static struct ending await(pid_t pid, uint32_t time_ms)
{
    int pidfd = pidfd_open(pid, 0);
    siginfo_t info = {.si_code = 0};
    bool is_late;
    int rc;

    is_late = pidfd < 0 || !wait_until(pidfd, now_ms() + time_ms);
    if (is_late)
        (void)kill(pid, SIGKILL); /* not waited for yet: the number is still its own */
    do {
        rc = waitid(P_PID, (id_t)pid, &info, WEXITED);
    } while (rc < 0 && errno == EINTR);
    hm_dir_close_fd(&pidfd);
    if (rc < 0)
        return (struct ending){"who read it ended unseen", true};
    if (is_late)
        return (struct ending){"who read it took too long", true};
    return ending_of(&info);
}

/* ---- what it says ---------------------------------------------------------------------------- */

/* Where each decompressed space begins; they fill the output to its end. */
static enum hm_rc find_spaces(struct hm_inspection *inspection, struct hm_err *err)
{
    const struct hm_image *image = &inspection->image;
    size_t end = inspection->report_size;
    size_t left = inspection->output.size - end;

    inspection->space_offsets = calloc(image->space_count, sizeof(size_t));
    if (inspection->space_offsets == NULL)
        return hm_error_nomem(err);
    for (uint32_t i = 1; i < image->space_count; i++) {
        if (image->space_sizes[i] > left)
            return hm_fail(err, HM_EFORMAT, "a content is not all there");
        inspection->space_offsets[i] = end;
        end += (size_t)image->space_sizes[i];
        left -= (size_t)image->space_sizes[i];
    }
    return left == 0 ? HM_OK : hm_fail(err, HM_EFORMAT, "more than the contents");
}

/* The tree that the output tells, with the contents behind it. HM_EFORMAT: it tells none. */
static enum hm_rc read_output(struct hm_inspection *inspection, int output,
                              const struct hm_inspect_options *options, struct hm_err *err)
{
    uint64_t size_max = HM_REPORT_SIZE_MAX + (options->scans ? HM_FINDING_OUTPUT_SIZE_MAX : 0);
    struct hm_image image;

    if (options->wants_contents)
        size_max += hm_walk_expanded_max(inspection->file.size);
    HM_TRY(map_file(output, size_max, err, &inspection->output));
    HM_TRY(hm_report_parse(inspection->output, inspection->file.size, err, &image,
                           &inspection->report_size));
    hm_image_done(&inspection->image);
    inspection->image = image;
    if (options->wants_contents)
        return find_spaces(inspection, err);
    if (options->scans) {
        inspection->trailer = hm_bytes_make(inspection->output.data + inspection->report_size,
                                            inspection->output.size - inspection->report_size);
        return HM_OK;
    }
    return inspection->report_size == inspection->output.size
               ? HM_OK
               : hm_fail(err, HM_EFORMAT, "more than the report");
}

/* The file alone, and why there is no more. */
static enum hm_rc set_not_read(struct hm_inspection *inspection, const char *why,
                               struct hm_err *err)
{
    hm_image_done(&inspection->image);
    free(inspection->space_offsets);
    inspection->space_offsets = NULL;
    inspection->trailer = HM_BYTES_EMPTY;
    HM_TRY(hm_image_init(&inspection->image, inspection->file.size, err));
    return hm_image_add_fact(&inspection->image, 0, HM_FACT_NOT_READ, 0, hm_bytes_str(why), err);
}

static enum hm_rc take_output(struct hm_inspection *inspection,
                              const struct hm_inspect_options *options, const struct ending *ending,
                              int output, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (!ending->is_confined)
        return hm_fail(err, HM_EINTERNAL,
                       "'%s' cannot confine itself on this system: nothing was read",
                       options->worker);
    if (ending->why != NULL)
        return set_not_read(inspection, ending->why, err);
    rc = read_output(inspection, output, options, &why);
    if (rc == HM_EFORMAT)
        return set_not_read(inspection, "who read it gave no valid report", err);
    if (rc != HM_OK && err != NULL)
        *err = why;
    return rc;
}

static enum hm_rc run(struct hm_inspection *inspection, const struct hm_inspect_options *options,
                      const struct pipes *pipes, struct hm_err *err)
{
    uint32_t cpu_s = options->cpu_s_max == 0 ? HM_INSPECT_CPU_S_MAX : options->cpu_s_max;
    uint32_t time_ms = options->time_ms_max == 0 ? HM_INSPECT_TIME_MS_MAX : options->time_ms_max;
    struct hm_sha256 sha256;
    struct ending ending;
    enum hm_rc digested;
    pid_t pid;

    HM_TRY(start(options, cpu_s, pipes, err, &pid));
    digested = hm_digest_sha256(inspection->file, err, &sha256); /* meanwhile */
    ending = await(pid, time_ms);
    HM_TRY(digested);
    HM_TRY(take_output(inspection, options, &ending, pipes->output, err));
    inspection->image.nodes[0].sha256 = sha256;
    inspection->image.nodes[0].has_sha256 = true;
    return HM_OK;
}

static enum hm_rc seal(int fd, struct hm_err *err)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return hm_error_errno(err, errno, "a file in memory cannot be sealed");
    return HM_OK;
}

enum hm_rc hm_inspect_new(int fd, const struct hm_inspect_options *options, struct hm_err *err,
                          struct hm_inspection **ret_inspection)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection = calloc(1, sizeof(*inspection));
    _hm_done_(hm_dir_close_fd) int input = -1;
    _hm_done_(hm_dir_close_fd) int output = -1;
    _hm_done_(hm_dir_close_fd) int rules = -1;

    if (inspection == NULL)
        return hm_error_nomem(err);
    HM_TRY(make_file("image", err, &input));
    HM_TRY(make_file("report", err, &output));
    HM_TRY(copy_all(fd, input, err));
    HM_TRY(seal(input, err));
    if (options->scans) {
        HM_TRY(make_file("rules", err, &rules));
        HM_TRY(write_all(rules, options->rules, err));
        HM_TRY(seal(rules, err));
    }
    HM_TRY(map_file(input, HM_WALK_FILE_SIZE_MAX, err, &inspection->file));
    HM_TRY(run(inspection, options, &(struct pipes){input, output, rules}, err));
    *ret_inspection = hm_steal(&inspection);
    return HM_OK;
}

enum hm_rc hm_inspect_path(const char *path, const struct hm_inspect_options *options,
                           struct hm_err *err, struct hm_inspection **ret_inspection)
{
    _hm_done_(hm_dir_close_fd) int opened = -1;
    int fd = STDIN_FILENO;
    enum hm_rc rc;

    if (strcmp(path, "-") != 0) {
        opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (opened < 0)
            return hm_error_errno(err, errno, "'%s' cannot be opened", path);
        fd = opened;
    }
    rc = hm_inspect_new(fd, options, err, ret_inspection);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

void hm_inspect_free(struct hm_inspection *inspection)
{
    if (inspection == NULL)
        return;
    hm_image_done(&inspection->image);
    unmap(inspection->file);
    unmap(inspection->output);
    free(inspection->space_offsets);
    free(inspection);
}

struct hm_bytes hm_inspect_space(const struct hm_inspection *inspection, uint32_t space)
{
    if (space == 0)
        return inspection->file;
    if (inspection->space_offsets == NULL || inspection->image.space_sizes[space] == 0)
        return HM_BYTES_EMPTY;
    return hm_bytes_make(inspection->output.data + inspection->space_offsets[space],
                         (size_t)inspection->image.space_sizes[space]);
}

struct hm_bytes hm_inspect_bytes(const struct hm_inspection *inspection, uint32_t node)
{
    const struct hm_image_node *of = &inspection->image.nodes[node];
    struct hm_bytes space = hm_inspect_space(inspection, of->space);

    if (space.size == 0 || of->size == 0)
        return HM_BYTES_EMPTY;
    return hm_bytes_make(space.data + of->offset, (size_t)of->size);
}
