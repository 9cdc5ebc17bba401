/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of 20,000 releases is this dump? One release and its dump are real bytes, 16 MiB of them;
 * the other releases are in the index as images of 16 MiB would be, with keys made up: as many as
 * random bytes have, which is more than firmware with its fill has. Matched without decompression,
 * the dump read and hashed first, beside sha256sum of the dump.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapping.h"
#include "match/match.h"

#define SIZE        ((size_t)16 << 20)
#define VARIABLE_AT ((size_t)4 << 20)
#define VARIABLE    ((size_t)64 << 10)
#define SMALL       200
#define LARGE       20000
#define FOLDER      "bench-match.tmp"
#define SEED        20261124U

static uint64_t state = SEED;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t value = next_random();

        memcpy(data + i, &value, sizeof(value));
    }
}

/* ---- the index ------------------------------------------------------------------------------- */

/* A release that is in the index by made-up keys. */
static void add_made_up(struct hm_index_batch *batch, struct hm_anchor_list *anchors, size_t number)
{
    struct hm_index_image image = {.size = SIZE};
    char path[64];

    (void)snprintf(path, sizeof(path), "/srv/firmware/%zu", number);
    image.path = hm_bytes_make(path, strlen(path));
    fill(image.sha256.bytes, sizeof(image.sha256.bytes));
    for (size_t i = 0; i < anchors->count; i++)
        anchors->items[i].key = next_random() << HM_INDEX_FILE_SAMPLE_BITS;
    BENCH_CHECK(hm_index_file_batch_add(batch, &image, NULL, anchors, NULL) == HM_OK);
}

static void add_real(struct hm_index_batch *batch, struct hm_bytes bytes,
                     const struct hm_anchor_list *anchors)
{
    _hm_free_(free) char *path = realpath(FOLDER "/release", NULL);
    struct stat st;
    struct hm_index_image image = {.size = SIZE};
    struct hm_part part = {
        .kind = HM_IMAGE_VARIABLES, .is_variable = true, .offset = VARIABLE_AT, .size = VARIABLE};
    struct hm_contents contents = {.image_size = (uint32_t)SIZE, .parts = &part, .part_count = 1};

    BENCH_CHECK(path != NULL && stat(path, &st) == 0);
    image.path = hm_bytes_make(path, strlen(path));
    image.inode = (uint64_t)st.st_ino & INT64_MAX;
    image.changed_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
    BENCH_CHECK(hm_digest_sha256(bytes, NULL, &image.sha256) == HM_OK);
    BENCH_CHECK(hm_index_file_batch_add(batch, &image, &contents, anchors, NULL) == HM_OK);
}

/* Files as merging leaves them at its worst: each an eighth of the one before. */
static void make_index(struct hm_bytes release, size_t count, struct hm_dir *dir)
{
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list real = {0};
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list made_up = {0};
    size_t done = 0;
    char name[32];

    BENCH_CHECK(hm_anchor_find(release, HM_ANCHOR_RAW, hm_index_sample_bits(SIZE), NULL, &real) ==
                HM_OK);
    BENCH_CHECK(hm_anchor_find(release, HM_ANCHOR_RAW, hm_index_sample_bits(SIZE), NULL,
                               &made_up) == HM_OK);
    for (unsigned file = 1; done < count; file++) {
        _hm_done_(hm_index_file_batch_done) struct hm_index_batch batch = {0};
        size_t share = file < 4 && count - done > 8 ? (count - done) / 8 * 7 : count - done;
        struct hm_index_source source;

        if (done == 0)
            add_real(&batch, release, &real);
        for (size_t i = done == 0; i < share; i++)
            add_made_up(&batch, &made_up, done + i);
        source = hm_index_file_batch_source(&batch);
        (void)snprintf(name, sizeof(name), "%u.index", file);
        BENCH_CHECK(hm_index_file_write(dir, name, &source, 1, NULL) == HM_OK);
        done += share;
    }
}

static uint64_t index_size(const struct hm_index *index)
{
    uint64_t size = 0;

    for (size_t i = 0; i < index->file_count; i++)
        size += index->files[i].bytes.size;
    return size;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static double identify(const struct hm_dir *dir)
{
    _hm_done_(hm_buf_done) struct hm_buf dump = HM_BUF_INIT(SIZE);
    _hm_free_(hm_match_free) struct hm_match *match = NULL;
    struct hm_index opened = HM_INDEX_INIT;
    const struct hm_index *index = &opened;
    double start = bench_cpu_ms();
    struct hm_sha256 sha256;
    double cost;

    BENCH_CHECK(hm_index_open(dir, NULL, &opened) == HM_OK);
    BENCH_CHECK(hm_file_read_path(FOLDER "/dump", NULL, &dump) == HM_OK);
    BENCH_CHECK(hm_digest_sha256(hm_buf_bytes(&dump), NULL, &sha256) == HM_OK);
    BENCH_CHECK(hm_match_run(&index, 1, hm_buf_bytes(&dump), &sha256, NULL, NULL, &match) == HM_OK);
    cost = bench_cpu_ms() - start;
    BENCH_CHECK(match->verdict == HM_MATCH_VARIABLE && hm_match_is_known(match));
    hm_index_done(&opened);
    return cost;
}

/* The look-ups alone: every anchor of the dump in the index. */
static double look_up(const struct hm_index *index, const struct hm_anchor_list *anchors)
{
    struct hm_candidate_list *list = calloc(1, sizeof(*list));
    double start = bench_cpu_ms();
    double cost;

    BENCH_CHECK(list != NULL);
    BENCH_CHECK(hm_candidate_find(&index, 1, anchors, NULL, NULL, list) == HM_OK);
    cost = bench_cpu_ms() - start;
    BENCH_CHECK(list->count >= 1);
    hm_candidate_list_done(list);
    free(list);
    return cost;
}

static double sha256sum(void)
{
    struct rusage usage;
    int status;
    pid_t child = fork();

    BENCH_CHECK(child >= 0);
    if (child == 0) {
        int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

        (void)dup2(fd, STDOUT_FILENO);
        (void)execlp("sha256sum", "sha256sum", FOLDER "/dump", (char *)NULL);
        _exit(127);
    }
    BENCH_CHECK(wait4(child, &status, 0, &usage) == child && status == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* All runs take turns. */
static void measure(const struct hm_dir *small_dir, const struct hm_dir *large_dir,
                    struct hm_bytes dump)
{
    struct hm_index small = HM_INDEX_INIT, large = HM_INDEX_INIT;
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list anchors = {0};
    double ours[BENCH_ROUNDS], ours_small[BENCH_ROUNDS], peer[BENCH_ROUNDS];
    double lookup[2][BENCH_ROUNDS];
    double medians[5];

    BENCH_CHECK(hm_anchor_find(dump, HM_ANCHOR_RAW, 0, NULL, &anchors) == HM_OK);
    BENCH_CHECK(hm_index_open(small_dir, NULL, &small) == HM_OK);
    BENCH_CHECK(hm_index_open(large_dir, NULL, &large) == HM_OK);
    (void)bench_report("match_index_of_distinct_bytes", /* in hundredths of a percent */
                       (double)index_size(&large) * 10000.0 / ((double)LARGE * (double)SIZE), "e-4",
                       150.0);
    (void)identify(large_dir);
    (void)identify(small_dir);
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = identify(large_dir);
        peer[i] = sha256sum();
        ours_small[i] = identify(small_dir);
        lookup[0][i] = look_up(&small, &anchors);
        lookup[1][i] = look_up(&large, &anchors);
    }
    medians[0] = bench_median(ours, BENCH_ROUNDS);
    medians[1] = bench_median(peer, BENCH_ROUNDS);
    medians[2] = bench_median(ours_small, BENCH_ROUNDS);
    medians[3] = bench_median(lookup[0], BENCH_ROUNDS);
    medians[4] = bench_median(lookup[1], BENCH_ROUNDS);
    (void)bench_report_ratio("match_16mib_of_20000", medians[0], 0.5, "sha256sum", medians[1]);
    (void)bench_report_ratio("match_20000_beside_200", medians[0], 1.5, "200_releases", medians[2]);
    (void)printf("match_lookups_alone %.2f ms - 200_releases:%.2fms(%.2fx) -\n", medians[4],
                 medians[3], medians[4] / medians[3]);
    hm_index_done(&small);
    hm_index_done(&large);
}

int main(void)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir small_dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir large_dir = HM_DIR_INIT;
    uint8_t *release = malloc(SIZE);

    BENCH_CHECK(release != NULL);
    BENCH_CHECK(hm_dir_make(FOLDER, 0755, NULL, &dir) == HM_OK);
    BENCH_CHECK(hm_dir_open_at(&dir, "small", true, NULL, &small_dir) == HM_OK);
    BENCH_CHECK(hm_dir_open_at(&dir, "large", true, NULL, &large_dir) == HM_OK);
    fill(release, SIZE);
    BENCH_CHECK(hm_file_replace(&dir, "release", 0644, hm_bytes_make(release, SIZE), NULL) ==
                HM_OK);
    make_index(hm_bytes_make(release, SIZE), SMALL, &small_dir);
    make_index(hm_bytes_make(release, SIZE), LARGE, &large_dir);
    fill(release + VARIABLE_AT, VARIABLE);
    BENCH_CHECK(hm_file_replace(&dir, "dump", 0644, hm_bytes_make(release, SIZE), NULL) == HM_OK);
    measure(&small_dir, &large_dir, hm_bytes_make(release, SIZE));
    free(release);
    BENCH_CHECK(hm_dir_remove_tree(&dir, "small", NULL) == HM_OK);
    BENCH_CHECK(hm_dir_remove_tree(&dir, "large", NULL) == HM_OK);
    BENCH_CHECK(hm_dir_remove(&dir, "release", NULL) == HM_OK);
    BENCH_CHECK(hm_dir_remove(&dir, "dump", NULL) == HM_OK);
    (void)rmdir(FOLDER); /* somebody may have put something there */
    return 0;
}
