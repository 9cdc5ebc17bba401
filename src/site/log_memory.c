/* SPDX-License-Identifier: Apache-2.0 */
/* What the site knows of its release log (log_memory.h). */
#include "site/log_memory.h"

#include "base/json_writer.h"
#include "tlog/entry.h"

#define SCHEMA "hallmark/site-log/1"
#define PATH   "published/" HM_LOG_MEMORY_NAME ".json"

enum hm_rc hm_log_memory_init(struct hm_err *err, struct hm_log_memory *ret_memory)
{
    struct hm_log_memory memory = {.size = 0};

    HM_TRY(hm_digest_sha256(HM_BYTES_EMPTY, err, &memory.map_root));
    *ret_memory = memory;
    return HM_OK;
}

static enum hm_rc read_number(struct hm_json *json, struct hm_err *err, uint64_t *ret_number)
{
    int64_t value;

    HM_TRY(hm_json_int(json, err, &value));
    if (value < 0)
        return hm_fail(err, HM_EFORMAT, "a negative number");
    *ret_number = (uint64_t)value;
    return HM_OK;
}

struct seen {
    bool schema, log, size, map, keys;
};

static enum hm_rc read_member(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                              struct hm_log_memory *memory, struct seen *seen)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "size")) {
        seen->size = true;
        return read_number(json, err, &memory->size);
    }
    if (hm_bytes_is_str(key, "keys")) {
        seen->keys = true;
        return read_number(json, err, &memory->map_count);
    }
    if (!hm_bytes_is_str(key, "schema") && !hm_bytes_is_str(key, "log") &&
        !hm_bytes_is_str(key, "map"))
        return hm_json_skip(json, err, &text);
    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(key, "schema")) {
        seen->schema = hm_bytes_is_str(text, SCHEMA);
        return HM_OK;
    }
    if (hm_bytes_is_str(key, "map")) {
        seen->map = true;
        if (hm_text_unhex(text, memory->map_root.bytes, HM_SHA256_SIZE) != HM_OK)
            return hm_fail(err, HM_EFORMAT, "'map' is not 64 hexadecimal digits");
        return HM_OK;
    }
    if (text.size >= sizeof(memory->origin))
        return hm_fail(err, HM_EFORMAT, "the log's name is too long");
    seen->log = true;
    memcpy(memory->origin, text.data, text.size);
    memory->origin[text.size] = '\0';
    return HM_OK;
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_err *err, struct hm_log_memory *memory)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct seen seen = {false};
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(read_member(&json, key, err, memory, &seen));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!seen.schema || !seen.log || !seen.size || !seen.map || !seen.keys)
        return hm_fail(err, HM_EFORMAT, "it lacks schema, log, size, map or keys");
    return HM_OK;
}

enum hm_rc hm_log_memory_load(const struct hm_site *site, struct hm_err *err,
                              struct hm_log_memory *ret_memory)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_LOG_MEMORY_SIZE_MAX);
    struct hm_log_memory memory = {.size = 0};
    enum hm_rc rc = hm_dir_read(&site->private_dir, PATH, err, &raw);

    if (rc == HM_ENOTFOUND)
        return hm_log_memory_init(err, ret_memory);
    if (rc == HM_OK)
        rc = parse(hm_buf_bytes(&raw), err, &memory);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'private/" PATH "'");
    *ret_memory = memory;
    return HM_OK;
}

enum hm_rc hm_log_memory_write(const struct hm_log_memory *memory, struct hm_err *err,
                               struct hm_buf *ret_raw)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "log", memory->origin);
    hm_json_writer_key(&writer, "size");
    hm_json_writer_u64(&writer, memory->size);
    hm_json_writer_key(&writer, "map");
    hm_json_writer_hex(&writer, hm_bytes_make(memory->map_root.bytes, HM_SHA256_SIZE));
    hm_json_writer_key(&writer, "keys");
    hm_json_writer_u64(&writer, memory->map_count);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_log_memory_recall(struct hm_log *log, const char *origin, uint64_t snapshot_version,
                                const struct hm_sha256 *snapshot_sha256, struct hm_err *err,
                                struct hm_log_memory *ret_memory)
{
    struct hm_log_memory memory = {.size = 0};
    struct hm_log_head head;

    hm_log_head(log, &head);
    for (uint64_t back = 1; back <= head.size && back <= HM_LOG_MEMORY_SEARCH_MAX; back++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;

        HM_TRY(hm_log_entry(log, head.size - back, err, &raw));
        if (hm_entry_parse(hm_buf_bytes(&raw), NULL, &entry) != HM_OK ||
            entry->kind != HM_ENTRY_SNAPSHOT || entry->snapshot.version != snapshot_version ||
            !hm_digest_is_equal(&entry->snapshot.sha256, snapshot_sha256))
            continue;
        (void)snprintf(memory.origin, sizeof(memory.origin), "%s", origin);
        memory.size = head.size - back + 1;
        memory.map_root = entry->map_root;
        memory.map_count = entry->map_count;
        *ret_memory = memory;
        return HM_OK;
    }
    return hm_fail(err, HM_EREFUSED,
                   "the release log has no entry of the published snapshot, version %llu: "
                   "'private/log' is not this tree's; put it back from a backup of the same time",
                   (unsigned long long)snapshot_version);
}
