/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions against recalls, recorded. See override.h. */
#include "customer/override.h"

#include "base/file.h"
#include "base/json_writer.h"

#define FILE_NAME "overrides.json"
#define SCHEMA    "hallmark/overrides/1"

static bool is_despite(const struct hm_catalogue_item *item, const char *despite)
{
    const struct hm_recall *recall;
    size_t cursor = 0;

    while ((recall = hm_recall_set_find(&item->subscription->recalls, &item->file.sha256, NULL,
                                        &cursor)) != NULL) {
        if (strcmp(recall->path, despite) == 0)
            return true;
    }
    return false;
}

/* The members of the list so far, as they stand in the file. */
static enum hm_rc copy_list(struct hm_bytes raw, struct hm_json_writer *writer, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes key, text;
    struct hm_json json;
    bool more;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return hm_json_end(&json, err);
        if (!hm_bytes_is_str(key, "overrides")) {
            HM_TRY(hm_json_skip(&json, err, &text));
            continue;
        }
        HM_TRY(hm_json_array_begin(&json, err));
        for (;;) {
            HM_TRY(hm_json_array_next(&json, err, &more));
            if (!more)
                break;
            HM_TRY(hm_json_skip(&json, err, &text));
            hm_json_writer_raw(writer, text);
        }
    }
}

static void write_one(const struct hm_catalogue_item *item, const char *despite,
                      struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "time");
    hm_json_writer_time(writer, item->subscription->now_unix_s);
    hm_json_writer_key_str(writer, "recall", despite);
    hm_json_writer_key(writer, "path");
    hm_json_writer_string(writer, item->path);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(item->file.sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_override_record(const struct hm_catalogue_item *item, const char *despite,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_OVERRIDE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_OVERRIDE_SIZE_MAX);
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    const struct hm_dir *dir = &item->subscription->dir;
    struct hm_json_writer writer;
    enum hm_rc rc;

    if (despite == NULL || !is_despite(item, despite))
        return HM_OK;
    HM_TRY(hm_lock_take(dir, "lock", HM_HOME_LOCK_WAIT_MS, err, &lock));
    rc = hm_dir_read(dir, FILE_NAME, err, &held);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    hm_json_writer_init(&writer, &raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key(&writer, "overrides");
    hm_json_writer_array_begin(&writer);
    if (rc == HM_OK) {
        rc = copy_list(hm_buf_bytes(&held), &writer, err);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s/" FILE_NAME "'", dir->path);
    }
    write_one(item, despite, &writer);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(dir, FILE_NAME, 0644, hm_buf_bytes(&raw), err);
}
