/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and canonicalising a targets.json of 100,000 targets, beside jansson in the same process.
 * "read" is what a client does: one pass over all bytes that checks them and says whether they are
 * canonical, and one that fills a record for each target.
 */
#include "bench.h"

#include <jansson.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/text.h"

#define TARGET_COUNT 100000
#define SIZE_MAX_    ((size_t)256 << 20)
#define PEER         "jansson-" JANSSON_VERSION

struct record {
    struct hm_bytes path;
    struct hm_bytes custom;
    int64_t length;
    uint8_t sha256[32];
};

static void write_target(struct hm_json_writer *writer, uint32_t index)
{
    char path[80];
    uint8_t digest[32];

    for (uint32_t i = 0; i < sizeof(digest); i++)
        digest[i] = (uint8_t)((index * 2654435761U) >> (i % 24) ^ i * 37);
    (void)snprintf(path, sizeof(path), "acme/nic-%05u/%u.%u.0/firmware-%05u.bin", index, index % 40,
                   index % 7, index);
    hm_json_writer_key(writer, path);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "custom");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "label", "14.32.1010");
    hm_json_writer_object_end(writer);
    hm_json_writer_key(writer, "hashes");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(digest, sizeof(digest)));
    hm_json_writer_object_end(writer);
    hm_json_writer_key_int(writer, "length", 1048576 + index);
    hm_json_writer_object_end(writer);
}

static void write_targets(struct hm_buf *buf, bool pretty)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, buf, pretty);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "_type", "targets");
    hm_json_writer_key_str(&writer, "expires", "2030-01-01T00:00:00Z");
    hm_json_writer_key_str(&writer, "spec_version", "1.0.34");
    hm_json_writer_key(&writer, "targets");
    hm_json_writer_object_begin(&writer);
    for (uint32_t i = 0; i < TARGET_COUNT; i++)
        write_target(&writer, i);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key_int(&writer, "version", 1);
    hm_json_writer_object_end(&writer);
    BENCH_CHECK(hm_json_writer_end(&writer, NULL) == HM_OK);
}

static enum hm_rc read_hashes(struct hm_json *json, struct record *record)
{
    struct hm_bytes key;
    struct hm_bytes hex;
    bool more;

    HM_TRY(hm_json_object_begin(json, NULL));
    for (;;) {
        HM_TRY(hm_json_object_next(json, NULL, &more, &key));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_string(json, NULL, &hex));
        if (hm_bytes_is_str(key, "sha256"))
            HM_TRY(hm_text_unhex(hex, record->sha256, sizeof(record->sha256)));
    }
}

static enum hm_rc read_target(struct hm_json *json, struct record *record)
{
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, NULL));
    for (;;) {
        HM_TRY(hm_json_object_next(json, NULL, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "length"))
            HM_TRY(hm_json_int(json, NULL, &record->length));
        else if (hm_bytes_is_str(key, "hashes"))
            HM_TRY(read_hashes(json, record));
        else
            HM_TRY(hm_json_skip(json, NULL, &record->custom));
    }
}

static enum hm_rc read_targets(struct hm_json *json, struct hm_arena *arena, size_t *count)
{
    struct hm_bytes path;
    bool more;

    HM_TRY(hm_json_object_begin(json, NULL));
    for (;;) {
        struct record *record;

        HM_TRY(hm_json_object_next(json, NULL, &more, &path));
        if (!more)
            return HM_OK;
        record = hm_arena_alloc(arena, 1, sizeof(*record));
        if (record == NULL)
            return HM_ENOMEM;
        record->path = path;
        HM_TRY(read_target(json, record));
        (*count)++;
    }
}

static enum hm_rc read_all(struct hm_bytes text, bool *ret_canonical)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json json;
    struct hm_bytes key;
    size_t count = 0;
    bool more;

    hm_json_init(&json, text, &arena);
    HM_TRY(hm_json_skip_canonical(&json, NULL, &key, ret_canonical));
    HM_TRY(hm_json_end(&json, NULL));
    hm_json_init(&json, text, &arena);
    HM_TRY(hm_json_object_begin(&json, NULL));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, NULL, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "targets"))
            HM_TRY(read_targets(&json, &arena, &count));
        else
            HM_TRY(hm_json_skip(&json, NULL, NULL));
    }
    BENCH_CHECK(count == TARGET_COUNT);
    return hm_json_end(&json, NULL);
}

static double ours_read_ms(struct hm_bytes text)
{
    double start = bench_cpu_ms();
    bool canonical = false;

    BENCH_CHECK(read_all(text, &canonical) == HM_OK && canonical);
    return bench_cpu_ms() - start;
}

static double peer_read_ms(struct hm_bytes text)
{
    double start = bench_cpu_ms();
    json_t *tree = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);

    BENCH_CHECK(json_object_size(json_object_get(tree, "targets")) == TARGET_COUNT);
    json_decref(tree);
    return bench_cpu_ms() - start;
}

static double ours_canonicalise_ms(struct hm_bytes text, struct hm_bytes expected)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(SIZE_MAX_);
    double start = bench_cpu_ms();

    BENCH_CHECK(hm_json_canonicalise(text, NULL, &buf) == HM_OK);
    BENCH_CHECK(hm_bytes_is_equal(hm_buf_bytes(&buf), expected));
    return bench_cpu_ms() - start;
}

static double peer_canonicalise_ms(struct hm_bytes text, struct hm_bytes expected)
{
    double start = bench_cpu_ms();
    json_t *tree = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    char *sorted = json_dumps(tree, JSON_SORT_KEYS | JSON_COMPACT);

    BENCH_CHECK(sorted != NULL && hm_bytes_is_equal(hm_bytes_str(sorted), expected));
    free(sorted);
    json_decref(tree);
    return bench_cpu_ms() - start;
}

int main(void)
{
    _hm_done_(hm_buf_done) struct hm_buf compact = HM_BUF_INIT(SIZE_MAX_);
    _hm_done_(hm_buf_done) struct hm_buf pretty = HM_BUF_INIT(SIZE_MAX_);
    double ours[BENCH_ROUNDS];
    double peer[BENCH_ROUNDS];

    write_targets(&compact, false);
    write_targets(&pretty, true);
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = ours_read_ms(hm_buf_bytes(&compact));
        peer[i] = peer_read_ms(hm_buf_bytes(&compact));
    }
    (void)bench_report_ratio("json-read-100k-targets", bench_median(ours, BENCH_ROUNDS), 0.15, PEER,
                             bench_median(peer, BENCH_ROUNDS));
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = ours_canonicalise_ms(hm_buf_bytes(&pretty), hm_buf_bytes(&compact));
        peer[i] = peer_canonicalise_ms(hm_buf_bytes(&pretty), hm_buf_bytes(&compact));
    }
    (void)bench_report_ratio("json-canonicalise-100k-targets", bench_median(ours, BENCH_ROUNDS),
                             0.25, PEER, bench_median(peer, BENCH_ROUNDS));
    return 0;
}
