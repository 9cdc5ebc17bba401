/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large release log in little time, for benchmarks: products with ten versions each, a snapshot
 * entry after every BENCH_LOG_BATCH releases. Its metadata exists nowhere.
 */
#ifndef HM_BENCH_RELEASE_LOG_H
#define HM_BENCH_RELEASE_LOG_H

#include "bench.h"

#include "base/text.h"
#include "tlog/log.h"
#include "tlog/replay.h"

#define BENCH_LOG_BATCH  16
#define BENCH_LOG_APPEND 32768 /* entries an append */
#define BENCH_LOG_HASH   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct bench_log {
    unsigned releases;
    const char *site;
    const char *root; /* "VERSION SHA256" */
    const char
        *last; /* "VERSION SHA256 LENGTH" of the snapshot that the last entry names, or NULL */
    struct hm_log *log;
    struct hm_replay_map *map;
    struct hm_buf text;
    struct hm_bytes *entries;
    size_t *ends;
    size_t count;
    uint64_t next; /* index */
};

static inline void bench_log_flush(struct bench_log *writer)
{
    uint64_t first;
    size_t start = 0;

    for (size_t i = 0; i < writer->count; i++) {
        writer->entries[i] = hm_bytes_make(writer->text.data + start, writer->ends[i] - start);
        start = writer->ends[i];
    }
    BENCH_CHECK(hm_log_append(writer->log, writer->entries, writer->count, NULL, &first) == HM_OK);
    writer->count = 0;
    hm_buf_clear(&writer->text);
}

static inline void bench_log_end_entry(struct bench_log *writer)
{
    writer->ends[writer->count++] = writer->text.size;
    writer->next++;
}

static inline void bench_log_add_release(struct bench_log *writer, unsigned number)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    size_t start = writer->text.size;
    unsigned products = writer->releases / 10;
    struct hm_bytes raw;

    BENCH_CHECK(hm_buf_append_fmt(&writer->text, NULL,
                                  "hallmark/release v1\nsite %s\npath acme/p%u/1.%u\n"
                                  "image a.rom %08x%s 65536\nrole maker~acme %u\n"
                                  "role release~acme %u\n",
                                  writer->site, (unsigned)((uint64_t)number * 7919 % products),
                                  number / products, number, &BENCH_LOG_HASH[8], number + 1,
                                  number + 1) == HM_OK);
    raw = hm_bytes_make(writer->text.data + start, writer->text.size - start);
    BENCH_CHECK(hm_entry_parse(raw, NULL, &entry) == HM_OK);
    BENCH_CHECK(hm_replay_map_apply(writer->map, entry, raw, writer->next, NULL, NULL) == HM_OK);
    bench_log_end_entry(writer);
}

/* All name snapshot 1, but for the last. */
static inline void bench_log_add_snapshot(struct bench_log *writer, const char *snapshot)
{
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 root;
    uint64_t count = 0;

    BENCH_CHECK(hm_replay_map_root(writer->map, NULL, &root, &count) == HM_OK);
    hm_text_hex(hm_bytes_make(root.bytes, sizeof(root.bytes)), hex);
    BENCH_CHECK(hm_buf_append_fmt(
                    &writer->text, NULL,
                    "hallmark/snapshot v1\nsite %s\nsnapshot %s\nroot %s\nmap %s %llu\n"
                    "entries %llu %d\n",
                    writer->site, snapshot, writer->root, hex, (unsigned long long)count,
                    (unsigned long long)writer->next - BENCH_LOG_BATCH, BENCH_LOG_BATCH) == HM_OK);
    bench_log_end_entry(writer);
}

/* Writes the log below dir, whose folder "private" has its records; says what its tree is. */
static inline void bench_log_write(struct bench_log *writer, const struct hm_dir *dir,
                                   const struct hm_dir *records, struct hm_log_head *ret_head)
{
    writer->text = (struct hm_buf)HM_BUF_INIT(HM_LOG_APPEND_SIZE_MAX);
    writer->entries = calloc(BENCH_LOG_APPEND, sizeof(*writer->entries));
    writer->ends = calloc(BENCH_LOG_APPEND, sizeof(*writer->ends));
    BENCH_CHECK(writer->entries != NULL && writer->ends != NULL);
    BENCH_CHECK(writer->releases % BENCH_LOG_BATCH == 0 && writer->releases >= 10);
    BENCH_CHECK(hm_log_open(records, dir, NULL, &writer->log) == HM_OK);
    BENCH_CHECK(hm_replay_map_new(NULL, &writer->map) == HM_OK);
    for (unsigned number = 0; number < writer->releases; number++) {
        bool is_last = number + 1 == writer->releases;

        bench_log_add_release(writer, number);
        if (number % BENCH_LOG_BATCH != BENCH_LOG_BATCH - 1)
            continue;
        bench_log_add_snapshot(
            writer, is_last && writer->last != NULL ? writer->last : "1 " BENCH_LOG_HASH " 2048");
        if (writer->count > BENCH_LOG_APPEND - 2 * BENCH_LOG_BATCH)
            bench_log_flush(writer);
    }
    bench_log_flush(writer);
    BENCH_CHECK(hm_log_settle(writer->log, NULL) == HM_OK);
    hm_log_head(writer->log, ret_head);
    hm_log_free(writer->log);
    hm_replay_map_free(writer->map);
    hm_buf_done(&writer->text);
    free(writer->entries);
    free(writer->ends);
}

#endif
