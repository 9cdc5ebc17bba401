/* SPDX-License-Identifier: Apache-2.0 */
/* The process that reads a foreign image (worker.h). */
#include "image/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "image/confine.h"
#include "image/report.h"
#include "image/rules.h"

#define INPUT     0
#define OUTPUT    1
#define RULES     3
#define CPU_S_MAX 3600
/* From this size on, memory that is freed goes back at once, and what grows is not copied. */
#define MAPPED_FROM (1 << 20)

static bool map_file(int fd, uint64_t size_max, struct hm_bytes *ret_bytes)
{
    const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    struct stat status;
    void *data;
    int is;

    /* A file that could shrink under us would end us at any byte. */
    is = fcntl(fd, F_GET_SEALS);
    if (is < 0 || (is & seals) != seals || fstat(fd, &status) != 0 ||
        (uint64_t)status.st_size > size_max)
        return false;
    *ret_bytes = HM_BYTES_EMPTY;
    if (status.st_size == 0)
        return true;
    data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        return false;
    *ret_bytes = hm_bytes_make(data, (size_t)status.st_size);
    return true;
}

static struct hm_confine_limits limits_of(const struct hm_worker *worker, bool scans,
                                          uint32_t cpu_s)
{
    struct hm_confine_limits limits = {
        .memory_max =
            HM_WORKER_MEMORY_BASE + worker->file.size + hm_walk_expanded_max(worker->file.size),
        .output_max = HM_REPORT_SIZE_MAX,
        .cpu_s_max = cpu_s,
    };

    if (worker->wants_contents)
        limits.output_max += hm_walk_expanded_max(worker->file.size);
    if (scans) {
        limits.output_max += HM_FINDING_OUTPUT_SIZE_MAX;
        limits.memory_max +=
            HM_RULES_MEMORY_BASE + HM_RULES_MEMORY_FACTOR * (uint64_t)worker->rules.size;
    }
    return limits;
}

int hm_worker_start(int argc, char **argv, bool scans, struct hm_worker *ret_worker)
{
    struct hm_worker worker = {.wants_contents =
                                   !scans && argc == 3 && strcmp(argv[2], "contents") == 0};
    bool is_more = worker.wants_contents || (scans && argc == 3 && strcmp(argv[2], "scan") == 0);
    struct hm_confine_limits limits;
    struct hm_sha256 sha256;
    uint64_t cpu_s;

    if (argc < 2 || (argc > 2 && !is_more) || (scans && !is_more) ||
        hm_num_parse_u64(argv[1], strlen(argv[1]), &cpu_s) != HM_OK || cpu_s == 0 ||
        cpu_s > CPU_S_MAX || !map_file(INPUT, HM_WALK_FILE_SIZE_MAX, &worker.file) ||
        (scans && !map_file(RULES, HM_RULES_SIZE_MAX, &worker.rules)))
        return HM_WORKER_NOT_STARTED;
    /* Whoever asked is gone: nobody reads the answer. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, MAPPED_FROM);
    /* Reads the library's configuration, now that files can still be opened. */
    if (hm_digest_sha256(HM_BYTES_EMPTY, NULL, &sha256) != HM_OK)
        return HM_WORKER_NOT_STARTED;
    limits = limits_of(&worker, scans, (uint32_t)cpu_s);
    if (hm_confine_enter(&limits, NULL) != HM_OK)
        return HM_WORKER_NOT_CONFINED;
    *ret_worker = worker;
    return 0;
}

enum hm_rc hm_worker_write(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    (void)ctx;
    while (bytes.size > 0) {
        ssize_t size = write(OUTPUT, bytes.data, bytes.size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return hm_fail(err, HM_EIO, "the report cannot be written");
        bytes = hm_bytes_make(bytes.data + size, bytes.size - (size_t)size);
    }
    return HM_OK;
}

static enum hm_rc run(const struct hm_worker *worker, struct hm_err *err)
{
    struct hm_walk *walk = NULL; /* the process ends: nothing is freed */
    const struct hm_image *image;

    HM_TRY(hm_walk_new(worker->file, err, &walk));
    image = hm_walk_image(walk);
    HM_TRY(hm_report_write(image, hm_worker_write, NULL, err));
    for (uint32_t i = 1; worker->wants_contents && i < image->space_count; i++)
        HM_TRY(hm_worker_write(NULL, hm_walk_space(walk, i), err));
    return HM_OK;
}

int hm_worker_run(const struct hm_worker *worker)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = run(worker, &err);

    if (rc == HM_ENOMEM)
        return HM_WORKER_NO_MEMORY;
    return rc == HM_OK ? 0 : HM_WORKER_FAILED;
}
