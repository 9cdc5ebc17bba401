/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a monitor does at first: all entries of a log of a million releases out of its tiles, each
 * proven, and the map of releases computed again and compared with every snapshot entry. 100,000
 * products with ten versions each, a snapshot entry after every 16 releases; tiles on the local
 * disk, as written by the log writer.
 */
#include "release_log.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tlog/follow.h"

#define RELEASES      1000000
#define MEMORY_MAX_MB 256

/* Writes the log; in a process of its own, whose memory is not measured. */
static void write_log(const struct hm_dir *dir)
{
    _hm_done_(hm_dir_done) struct hm_dir records = HM_DIR_INIT;
    struct bench_log writer = {
        .releases = RELEASES, .site = "example", .root = "1 " BENCH_LOG_HASH};
    struct hm_log_head head;

    BENCH_CHECK(hm_dir_open_at(dir, "private", true, NULL, &records) == HM_OK);
    bench_log_write(&writer, dir, &records, &head);
}

static enum hm_rc get_file(void *ctx, const char *path, struct hm_err *err,
                           struct hm_buf *ret_bytes)
{
    return hm_dir_read(ctx, path, err, ret_bytes);
}

static enum hm_rc count_batch(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err)
{
    BENCH_CHECK(batch->is_good);
    ++*(size_t *)ctx;
    return HM_OK;
}

static enum hm_rc see_problem(void *ctx, enum hm_replay_problem problem, uint64_t index,
                              const char *sentence, struct hm_err *err)
{
    (void)fprintf(stderr, "%llu: %s\n", (unsigned long long)index, sentence);
    return hm_fail(err, HM_EREFUSED, "a problem");
}

static enum hm_rc no_entry(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry)
{
    return hm_fail(err, HM_EUSAGE, "there are no recalls");
}

static enum hm_rc replay_entry(void *ctx, uint64_t index, struct hm_bytes entry, struct hm_err *err)
{
    return hm_replay_add(ctx, entry, err);
}

static void read_log(struct hm_dir *dir, uint64_t size, const struct hm_sha256 *root)
{
    const struct hm_follow_source source = {.get = get_file, .ctx = dir};
    const struct hm_replay_entries entries = {.get = no_entry};
    size_t batches = 0;
    const struct hm_replay_sink sink = {
        .batch = count_batch, .problem = see_problem, .ctx = &batches};
    _hm_free_(hm_replay_free) struct hm_replay *replay = NULL;
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_follow_sink into = {.entry = replay_entry};
    double start = bench_cpu_ms();
    struct rusage usage;

    BENCH_CHECK(hm_replay_new("example", &entries, &sink, NULL, &replay) == HM_OK);
    BENCH_CHECK(hm_follow_open(&source, size, root, NULL, &follow) == HM_OK);
    into.ctx = replay;
    BENCH_CHECK(hm_follow_read(follow, 0, size, &into, NULL) == HM_OK);
    BENCH_CHECK(batches == RELEASES / BENCH_LOG_BATCH);
    (void)bench_report("log-1m-releases-read-and-replayed", (bench_cpu_ms() - start) / 1e3, "s",
                       10);
    BENCH_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    (void)bench_report("log-1m-releases-memory", (double)usage.ru_maxrss / 1024, "MiB",
                       MEMORY_MAX_MB);
}

int main(void)
{
    char path[] = "/tmp/bench-replay-XXXXXX";
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_log_head head = {.size = 0};
    struct hm_dir private_dir = HM_DIR_INIT;
    struct hm_log *log = NULL;
    pid_t child;
    int status = 0;

    BENCH_CHECK(mkdtemp(path) != NULL);
    BENCH_CHECK(hm_dir_open(path, NULL, &dir) == HM_OK);
    child = fork();
    BENCH_CHECK(child >= 0);
    if (child == 0) {
        write_log(&dir);
        _exit(0);
    }
    BENCH_CHECK(waitpid(child, &status, 0) == child && status == 0);
    BENCH_CHECK(hm_dir_open_at(&dir, "private", false, NULL, &private_dir) == HM_OK);
    BENCH_CHECK(hm_log_open(&private_dir, &dir, NULL, &log) == HM_OK);
    hm_log_head(log, &head);
    hm_log_free(log);
    hm_dir_done(&private_dir);
    read_log(&dir, head.size, &head.root);
    BENCH_CHECK(hm_dir_remove_tree(&dir, "tile", NULL) == HM_OK);
    BENCH_CHECK(hm_dir_remove_tree(&dir, "private", NULL) == HM_OK);
    BENCH_CHECK(rmdir(path) == 0);
    return 0;
}
