/* SPDX-License-Identifier: Apache-2.0 */
/* How far a log was followed. See position.h. */
#include "monitor/position.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/time.h"

#define SCHEMA "hallmark/position/1"

void hm_position_done(struct hm_position *position)
{
    hm_note_free(position->note);
    *position = (struct hm_position){.note = NULL};
}

static enum hm_rc take_note(struct hm_position *position, struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint body;

    HM_TRY(hm_note_parse(raw, err, &note));
    HM_TRY(hm_checkpoint_parse(note->text, err, &body));
    hm_note_free(position->note);
    position->note = hm_steal(&note);
    position->body = body;
    return HM_OK;
}

static enum hm_rc parse_time(struct hm_bytes text, struct hm_err *err, int64_t *ret_unix_s)
{
    if (hm_time_parse(text, ret_unix_s) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is no time", HM_BYTES_FMT(text));
    return HM_OK;
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                               struct hm_position *position, bool *has_schema)
{
    struct hm_bytes text;
    int64_t checked;

    if (hm_bytes_is_str(key, "checked")) {
        HM_TRY(hm_json_int(json, err, &checked));
        if (checked < 0)
            return hm_fail(err, HM_EFORMAT, "checked is below 0");
        position->checked = (uint64_t)checked;
        position->has_checked = true;
        return HM_OK;
    }
    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(key, "schema")) {
        *has_schema = hm_bytes_is_str(text, SCHEMA);
        return HM_OK;
    }
    if (hm_bytes_is_str(key, "checkpoint"))
        return take_note(position, text, err);
    if (hm_bytes_is_str(key, "grown"))
        return parse_time(text, err, &position->grown_unix_s);
    if (hm_bytes_is_str(key, "cosigned"))
        return parse_time(text, err, &position->cosigned_unix_s);
    return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
}

enum hm_rc hm_position_parse(struct hm_bytes raw, struct hm_err *err,
                             struct hm_position *ret_position)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_position_done) struct hm_position position = {.note = NULL};
    struct hm_json json;
    struct hm_bytes key;
    bool more = false, has_schema = false;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(&json, key, err, &position, &has_schema));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!has_schema || position.note == NULL || position.grown_unix_s == 0)
        return hm_fail(err, HM_EFORMAT, "it is not of schema '%s', or lacks a member", SCHEMA);
    if (position.has_checked && position.checked >= position.body.size)
        return hm_fail(err, HM_EFORMAT, "what was checked is beyond the checkpoint");
    *ret_position = position;
    position = (struct hm_position){.note = NULL};
    return HM_OK;
}

enum hm_rc hm_position_write(const struct hm_position *position, struct hm_err *err,
                             struct hm_buf *ret_json)
{
    struct hm_json_writer writer;

    HM_ASSERT(position->note != NULL);
    hm_json_writer_init(&writer, ret_json, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key(&writer, "checkpoint");
    hm_json_writer_string(&writer, position->note->raw);
    if (position->has_checked) {
        hm_json_writer_key(&writer, "checked");
        hm_json_writer_u64(&writer, position->checked);
    }
    hm_json_writer_key(&writer, "grown");
    hm_json_writer_time(&writer, position->grown_unix_s);
    if (position->cosigned_unix_s != 0) {
        hm_json_writer_key(&writer, "cosigned");
        hm_json_writer_time(&writer, position->cosigned_unix_s);
    }
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_position_read(const struct hm_dir *dir, struct hm_err *err,
                            struct hm_position *ret_position)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_POSITION_SIZE_MAX);
    enum hm_rc rc = hm_dir_read(dir, HM_POSITION_FILE, err, &raw);

    if (rc == HM_ENOTFOUND) {
        *ret_position = (struct hm_position){.note = NULL};
        return HM_OK;
    }
    if (rc == HM_OK)
        rc = hm_position_parse(hm_buf_bytes(&raw), err, ret_position);
    if (rc == HM_OK)
        return HM_OK;
    return hm_error_prefix(err, rc,
                           "'%s/" HM_POSITION_FILE "', what was seen of the log, cannot be used "
                           "(look at it; without it nobody can tell whether the log forked)",
                           dir->path);
}

enum hm_rc hm_position_save(const struct hm_position *position, const struct hm_dir *dir,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_POSITION_SIZE_MAX);

    HM_TRY(hm_position_write(position, err, &json));
    return hm_file_replace(dir, HM_POSITION_FILE, 0644, hm_buf_bytes(&json), err);
}

enum hm_rc hm_position_advance(struct hm_position *position, struct hm_bytes note,
                               int64_t now_unix_s, struct hm_err *err)
{
    bool was_known = position->note != NULL;
    uint64_t size = position->body.size;

    HM_TRY(take_note(position, note, err));
    if (!was_known || position->body.size != size || position->grown_unix_s == 0)
        position->grown_unix_s = now_unix_s;
    return HM_OK;
}
