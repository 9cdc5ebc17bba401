/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without a fuzzing engine: replays files and folders, then mutations of each
 * file. The same arguments give the same runs.
 *
 *   fuzz_NAME [--mutate ROUNDS] [--seed NUMBER] [--save FILE] PATH...
 *
 * When an input crashes the target, its file, round and seed are printed; with --save it is also
 * written to FILE, to become part of the corpus with the fix.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_SIZE_MAX  (1U << 20)
#define PATH_COUNT_MAX  4096
#define LONG_FACTOR     100 /* with HALLMARK_LONG set, as in "make check-long" */
#define EDITS_MAX       4 /* edits a mutation; more rarely gets past the first check of a format */
#define PATH_TEXT_MAX   2048
#define REPORT_SIZE_MAX (PATH_TEXT_MAX + 128)

struct input {
    uint8_t *data;
    size_t size;
};

/* What the crash report needs. */
static const char *current_path = "";
static size_t current_round;
static uint64_t seed = 1;
static const char *save_path;
static struct input current;

/* Present only with a sanitizer, whose reports end without a signal. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void report_crash(void)
{
    char text[REPORT_SIZE_MAX];
    int size = snprintf(text, sizeof(text), "crashed: %s, round %zu, seed %llu, %zu bytes\n",
                        current_path, current_round, (unsigned long long)seed, current.size);
    ssize_t done = write(STDERR_FILENO, text, size > 0 ? (size_t)size : 0);

    if (save_path != NULL) {
        int fd = open(save_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd >= 0) {
            done = write(fd, current.data, current.size);
            (void)close(fd); /* the process is going down */
        }
    }
    (void)done; /* nobody left to tell */
}

static void on_signal(int signal_number)
{
    report_crash();
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static void watch_crashes(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};

    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(report_crash);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)signal(signals[i], on_signal);
}

/* splitmix64: any seed will do, and its numbers are the same everywhere. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static size_t random_below(uint64_t *state, size_t bound)
{
    return bound == 0 ? 0 : (size_t)(random_next(state) % bound);
}

static void *must(void *memory)
{
    if (memory == NULL) {
        (void)fputs("out of memory\n", stderr);
        exit(4);
    }
    return memory;
}

/* A copy of exactly its size, so that a sanitizer sees the first byte read past it. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = must(malloc(size == 0 ? 1 : size));

    memcpy(copy, data, size);
    current = (struct input){copy, size};
    (void)alarm(60); /* no input may take this long */
    (void)LLVMFuzzerTestOneInput(copy, size);
    (void)alarm(0);
    free(copy);
}

/* Replaces removed bytes at offset by the added ones. */
static void replace(struct input *input, size_t offset, size_t removed, const uint8_t *added,
                    size_t added_size)
{
    size_t size = input->size - removed + added_size;
    uint8_t *data;

    if (size > INPUT_SIZE_MAX)
        return;
    data = must(malloc(size + 1));
    memcpy(data, input->data, offset);
    if (added_size > 0)
        memcpy(data + offset, added, added_size);
    memcpy(data + offset + added_size, input->data + offset + removed,
           input->size - offset - removed);
    free(input->data);
    *input = (struct input){data, size};
}

static void edit(struct input *input, uint64_t *state)
{
    static const uint8_t bytes[] = {0,   1,   0x7f, 0x80, 0xff, '"', '\\', '{', '}', '[', ']',
                                    ',', ':', '/',  '.',  '\n', ' ', '0',  '9', '-', '*', 0xed};
    size_t offset = random_below(state, input->size + 1);
    size_t left = input->size - offset;
    size_t length = random_below(state, left < 64 ? left + 1 : 64);
    size_t from = random_below(state, input->size - length + 1);
    uint8_t byte = (uint8_t)random_next(state);
    uint8_t chunk[64];

    switch (random_next(state) % 8) {
    case 0:
        if (left > 0)
            input->data[offset] ^= (uint8_t)(1U << (byte & 7));
        break;
    case 1:
        if (left > 0)
            input->data[offset] = byte;
        break;
    case 2:
        byte = bytes[byte % sizeof(bytes)];
        replace(input, offset, left > 0 ? 1 : 0, &byte, 1);
        break;
    case 3:
        byte = bytes[byte % sizeof(bytes)];
        replace(input, offset, 0, &byte, 1);
        break;
    case 4:
        replace(input, offset, length, NULL, 0);
        break;
    case 5: /* a piece of the input once more, elsewhere */
        memcpy(chunk, input->data + from, length);
        replace(input, offset, 0, chunk, length);
        break;
    case 6:
        memcpy(chunk, input->data + from, length);
        replace(input, offset, length, chunk, length);
        break;
    default:
        input->size = offset;
        break;
    }
}

static void mutate(const struct input *original, size_t round, uint64_t file_number)
{
    uint64_t state = seed * UINT64_C(0x100000001b3) ^ file_number << 32 ^ round;
    struct input input = {must(malloc(original->size + 1)), original->size};
    size_t edits = 1 + random_below(&state, EDITS_MAX);

    memcpy(input.data, original->data, original->size);
    for (size_t i = 0; i < edits; i++)
        edit(&input, &state);
    run(input.data, input.size);
    free(input.data);
}

/* The file's bytes; false if it cannot be read or is too large. */
static int read_input(const char *path, struct input *ret_input)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = must(malloc(INPUT_SIZE_MAX + 1));
    size_t size = 0;
    int bad = file == NULL;

    if (file != NULL) {
        size = fread(data, 1, INPUT_SIZE_MAX + 1, file);
        bad = ferror(file) || size > INPUT_SIZE_MAX;
        (void)fclose(file); /* only read */
    }
    if (bad) {
        (void)fprintf(stderr, "%s: cannot be read, or is larger than 1 MiB\n", path);
        free(data);
        return -1;
    }
    *ret_input = (struct input){data, size};
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    char *const *left = a;
    char *const *right = b;

    return strcmp(*left, *right);
}

/* Collects path, or the files in the folder it names, sorted. */
static int collect(const char *path, char **paths, size_t *count)
{
    struct stat status;
    size_t first = *count;
    DIR *dir;

    if (stat(path, &status) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    dir = S_ISDIR(status.st_mode) ? opendir(path) : NULL;
    if (dir == NULL) {
        if (*count < PATH_COUNT_MAX)
            paths[(*count)++] = must(strdup(path));
        return 0;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char full[PATH_TEXT_MAX];

        if (entry->d_name[0] == '.' || *count >= PATH_COUNT_MAX)
            continue;
        (void)snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
        paths[(*count)++] = must(strdup(full));
    }
    (void)closedir(dir); /* only read */
    qsort(paths + first, *count - first, sizeof(*paths), compare_paths);
    return 0;
}

static int run_path(const char *path, uint64_t file_number, size_t rounds)
{
    struct input input;

    if (read_input(path, &input) != 0)
        return -1;
    current_path = path;
    current_round = 0;
    run(input.data, input.size);
    for (size_t round = 1; round <= rounds; round++) {
        current_round = round;
        mutate(&input, round, file_number);
    }
    free(input.data);
    return 0;
}

int main(int argc, char **argv)
{
    static char *paths[PATH_COUNT_MAX];
    size_t count = 0;
    size_t rounds = 0;
    int rc = 0;

    watch_crashes();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc)
            rounds = (size_t)strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--save") == 0 && i + 1 < argc)
            save_path = argv[++i];
        else if (collect(argv[i], paths, &count) != 0)
            rc = 2;
    }
    if (getenv("HALLMARK_LONG") != NULL)
        rounds *= LONG_FACTOR;
    if (count == 0) {
        (void)fputs("usage: fuzz_NAME [--mutate ROUNDS] [--seed NUMBER] [--save FILE] PATH...\n",
                    stderr);
        rc = 2; /* an empty corpus tests nothing */
    }
    for (size_t i = 0; i < count; i++) {
        if (run_path(paths[i], i, rounds) != 0)
            rc = 2;
        free(paths[i]);
    }
    (void)printf("%zu files, %zu mutations of each, seed %llu\n", count, rounds,
                 (unsigned long long)seed);
    return rc;
}
