/* SPDX-License-Identifier: Apache-2.0 */
/* A site's alarms and their file. See alarm_box.h. */
#include "monitor/alarm_box.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "base/time.h"

#define SCHEMA       "hallmark/alarms/1"
#define LOCK         "alarms.lock"
#define LOCK_WAIT_MS 10000 /* reading and writing one file, by others */

void hm_alarm_box_done(struct hm_alarm_box *box)
{
    free(box->alarms);
    hm_arena_done(&box->arena);
    *box = (struct hm_alarm_box)HM_ALARM_BOX_INIT;
}

/* ---- making room ----------------------------------------------------------------------------- */

/* Acknowledged, and nothing that lasts: it may be forgotten. */
static bool is_over(const struct hm_alarm *alarm)
{
    return alarm->acknowledged_unix_s != 0 && (!alarm->is_condition || alarm->ended_unix_s != 0);
}

static void drop(struct hm_alarm_box *box, size_t at)
{
    memmove(&box->alarms[at], &box->alarms[at + 1],
            (box->count - at - 1) * sizeof(*box->alarms)); /* at < count */
    box->count--;
}

static enum hm_rc grow(struct hm_alarm_box *box, struct hm_err *err)
{
    size_t capacity = box->capacity == 0 ? 16 : 2 * box->capacity;
    struct hm_alarm *alarms;

    if (box->count < box->capacity)
        return HM_OK;
    alarms = reallocarray(box->alarms, capacity, sizeof(*alarms));
    if (alarms == NULL)
        return hm_error_nomem(err);
    box->alarms = alarms;
    box->capacity = capacity;
    return HM_OK;
}

static enum hm_rc make_room(struct hm_alarm_box *box, struct hm_err *err)
{
    if (box->count < HM_ALARM_BOX_COUNT_MAX)
        return grow(box, err);
    for (size_t i = 0; i < box->count; i++) {
        if (!is_over(&box->alarms[i]))
            continue;
        drop(box, i);
        return HM_OK;
    }
    return hm_fail(
        err, HM_EAGAIN,
        "%d alarms wait to be acknowledged; nothing more is checked before that ('hallmark "
        "monitor --acknowledge')",
        HM_ALARM_BOX_COUNT_MAX);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum hm_rc parse_copy(struct hm_json *json, struct hm_alarm_box *box, size_t size_max,
                             struct hm_err *err, const char **ret_text)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (text.size >= size_max)
        return hm_fail(err, HM_EFORMAT, "a text is longer than %zu bytes", size_max - 1);
    *ret_text = hm_arena_strdup(&box->arena, text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc parse_when(struct hm_json *json, struct hm_err *err, int64_t *ret_unix_s)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_time_parse(text, ret_unix_s) != HM_OK || *ret_unix_s == 0)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is no time", HM_BYTES_FMT(text));
    return HM_OK;
}

static enum hm_rc parse_index(struct hm_json *json, struct hm_err *err, uint64_t *ret_index)
{
    int64_t index;

    HM_TRY(hm_json_int(json, err, &index));
    if (index < 0)
        return hm_fail(err, HM_EFORMAT, "an index is below 0");
    *ret_index = (uint64_t)index;
    return HM_OK;
}

static enum hm_rc add_told(struct hm_alarm_box *box, struct hm_alarm *alarm, const char *outlet,
                           struct hm_err *err)
{
    if (alarm->told_count == HM_ALARM_OUTLET_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d outlets were told of one alarm",
                       HM_ALARM_OUTLET_MAX);
    if (alarm->told == NULL)
        alarm->told = hm_arena_alloc(&box->arena, HM_ALARM_OUTLET_MAX, sizeof(*alarm->told));
    if (alarm->told == NULL)
        return hm_error_nomem(err);
    alarm->told[alarm->told_count++] = outlet;
    return HM_OK;
}

static enum hm_rc parse_told(struct hm_json *json, struct hm_alarm_box *box, struct hm_err *err,
                             struct hm_alarm *alarm)
{
    bool more = false;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        const char *outlet = NULL;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(parse_copy(json, box, HM_ALARM_OUTLET_SIZE, err, &outlet));
        if (hm_alarm_is_told(alarm, outlet))
            return hm_fail(err, HM_EFORMAT, "outlet '%s' is there twice", outlet);
        HM_TRY(add_told(box, alarm, outlet, err));
    }
}

static enum hm_rc parse_id(struct hm_json *json, struct hm_err *err, struct hm_alarm *alarm)
{
    uint8_t id[(HM_ALARM_ID_SIZE - 1) / 2];
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_text_unhex(text, id, sizeof(id)) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is no alarm's id", HM_BYTES_FMT(text));
    hm_text_hex(hm_bytes_make(id, sizeof(id)), alarm->id);
    return HM_OK;
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_alarm_box *box,
                               struct hm_err *err, struct hm_alarm *alarm)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "id"))
        return parse_id(json, err, alarm);
    if (hm_bytes_is_str(key, "kind")) {
        HM_TRY(hm_json_string(json, err, &text));
        return hm_alarm_kind_parse(text, err, &alarm->kind);
    }
    if (hm_bytes_is_str(key, "condition"))
        return hm_json_bool(json, err, &alarm->is_condition);
    if (hm_bytes_is_str(key, "subject"))
        return parse_copy(json, box, HM_ALARM_SUBJECT_MAX, err, &alarm->subject);
    if (hm_bytes_is_str(key, "text"))
        return parse_copy(json, box, HM_ALARM_SENTENCE_MAX, err, &alarm->sentence);
    if (hm_bytes_is_str(key, "index"))
        return parse_index(json, err, &alarm->index);
    if (hm_bytes_is_str(key, "first"))
        return parse_when(json, err, &alarm->first_unix_s);
    if (hm_bytes_is_str(key, "raised"))
        return parse_when(json, err, &alarm->raised_unix_s);
    if (hm_bytes_is_str(key, "ended"))
        return parse_when(json, err, &alarm->ended_unix_s);
    if (hm_bytes_is_str(key, "acknowledged"))
        return parse_when(json, err, &alarm->acknowledged_unix_s);
    if (hm_bytes_is_str(key, "told"))
        return parse_told(json, box, err, alarm);
    return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
}

static enum hm_rc parse_alarm(struct hm_json *json, struct hm_alarm_box *box, struct hm_err *err)
{
    struct hm_alarm alarm = {.kind = HM_ALARM_KIND_COUNT_, .index = HM_ALARM_NO_INDEX};
    struct hm_bytes key;
    bool more = false;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(json, key, box, err, &alarm));
    }
    if (alarm.id[0] == '\0' || alarm.kind == HM_ALARM_KIND_COUNT_ || alarm.subject == NULL ||
        alarm.sentence == NULL || alarm.first_unix_s == 0)
        return hm_fail(err, HM_EFORMAT, "an alarm lacks id, kind, subject, text or first");
    if (!alarm.is_condition && (alarm.raised_unix_s == 0 || alarm.ended_unix_s != 0))
        return hm_fail(err, HM_EFORMAT, "an event is raised, and does not end");
    if (alarm.raised_unix_s == 0 && (alarm.ended_unix_s != 0 || alarm.acknowledged_unix_s != 0))
        return hm_fail(err, HM_EFORMAT, "what was never raised has ended, or was acknowledged");
    if (box->count == HM_ALARM_BOX_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d alarms", HM_ALARM_BOX_COUNT_MAX);
    HM_TRY(grow(box, err));
    box->alarms[box->count++] = alarm;
    return HM_OK;
}

static enum hm_rc parse_alarms(struct hm_json *json, struct hm_alarm_box *box, struct hm_err *err)
{
    bool more = false;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(parse_alarm(json, box, err));
    }
}

enum hm_rc hm_alarm_box_parse(struct hm_bytes raw, struct hm_err *err, struct hm_alarm_box *ret_box)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    struct hm_json json;
    struct hm_bytes key, text = HM_BYTES_EMPTY;
    bool more = false, has_alarms = false;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(&json, err, &text));
        } else if (hm_bytes_is_str(key, "alarms")) {
            has_alarms = true;
            HM_TRY(parse_alarms(&json, &box, err));
        } else {
            return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    if (!hm_bytes_is_str(text, SCHEMA) || !has_alarms)
        return hm_fail(err, HM_EFORMAT, "it is not of schema '%s'", SCHEMA);
    *ret_box = box;
    box = (struct hm_alarm_box)HM_ALARM_BOX_INIT;
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_when(struct hm_json_writer *writer, const char *key, int64_t unix_s)
{
    if (unix_s == 0)
        return;
    hm_json_writer_key(writer, key);
    hm_json_writer_time(writer, unix_s);
}

static void write_alarm(struct hm_json_writer *writer, const struct hm_alarm *alarm)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "id", alarm->id);
    hm_json_writer_key_str(writer, "kind", hm_alarm_kind_name(alarm->kind));
    hm_json_writer_key(writer, "condition");
    hm_json_writer_bool(writer, alarm->is_condition);
    hm_json_writer_key_str(writer, "subject", alarm->subject);
    hm_json_writer_key_str(writer, "text", alarm->sentence);
    if (alarm->index != HM_ALARM_NO_INDEX) {
        hm_json_writer_key(writer, "index");
        hm_json_writer_u64(writer, alarm->index);
    }
    write_when(writer, "first", alarm->first_unix_s);
    write_when(writer, "raised", alarm->raised_unix_s);
    write_when(writer, "ended", alarm->ended_unix_s);
    write_when(writer, "acknowledged", alarm->acknowledged_unix_s);
    hm_json_writer_key(writer, "told");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < alarm->told_count; i++)
        hm_json_writer_str(writer, alarm->told[i]);
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_alarm_box_write(const struct hm_alarm_box *box, struct hm_err *err,
                              struct hm_buf *ret_json)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_json, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key(&writer, "alarms");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < box->count; i++)
        write_alarm(&writer, &box->alarms[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

/* ---- the file -------------------------------------------------------------------------------- */

enum hm_rc hm_alarm_box_read(const struct hm_dir *dir, struct hm_err *err,
                             struct hm_alarm_box *ret_box)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ALARM_BOX_SIZE_MAX);
    enum hm_rc rc = hm_dir_read(dir, HM_ALARM_BOX_FILE, err, &raw);

    if (rc == HM_ENOTFOUND) {
        *ret_box = (struct hm_alarm_box)HM_ALARM_BOX_INIT;
        return HM_OK;
    }
    if (rc == HM_OK)
        rc = hm_alarm_box_parse(hm_buf_bytes(&raw), err, ret_box);
    if (rc == HM_OK)
        return HM_OK;
    return hm_error_prefix(err, rc,
                           "'%s/" HM_ALARM_BOX_FILE "', the alarms so far, cannot be used (look at "
                           "it, move it away, and all that the log has is told anew)",
                           dir->path);
}

static enum hm_rc replace(const struct hm_alarm_box *box, const struct hm_dir *dir,
                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_ALARM_BOX_SIZE_MAX);

    HM_TRY(hm_alarm_box_write(box, err, &json));
    return hm_file_replace(dir, HM_ALARM_BOX_FILE, 0644, hm_buf_bytes(&json), err);
}

static struct hm_alarm *find(const struct hm_alarm_box *box, const char *id)
{
    for (size_t i = 0; i < box->count; i++) {
        if (strcmp(box->alarms[i].id, id) == 0)
            return &box->alarms[i];
    }
    return NULL;
}

enum hm_rc hm_alarm_box_save(struct hm_alarm_box *box, const struct hm_dir *dir, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box saved = HM_ALARM_BOX_INIT;

    HM_TRY(hm_lock_take(dir, LOCK, LOCK_WAIT_MS, err, &lock));
    HM_TRY(hm_alarm_box_read(dir, err, &saved));
    for (size_t i = 0; i < saved.count; i++) {
        struct hm_alarm *alarm;

        if (saved.alarms[i].acknowledged_unix_s == 0)
            continue;
        alarm = find(box, saved.alarms[i].id);
        if (alarm != NULL && alarm->raised_unix_s != 0)
            alarm->acknowledged_unix_s = saved.alarms[i].acknowledged_unix_s;
    }
    return replace(box, dir, err);
}

enum hm_rc hm_alarm_box_acknowledge(const struct hm_dir *dir, const char *id, int64_t now_unix_s,
                                    struct hm_err *err, size_t *ret_count)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    size_t count = 0;

    HM_TRY(hm_lock_take(dir, LOCK, LOCK_WAIT_MS, err, &lock));
    HM_TRY(hm_alarm_box_read(dir, err, &box));
    if (id != NULL && (find(&box, id) == NULL || find(&box, id)->raised_unix_s == 0))
        return hm_fail(err, HM_EUNKNOWN, "there is no alarm '%s'", id);
    for (size_t i = 0; i < box.count; i++) {
        struct hm_alarm *alarm = &box.alarms[i];

        if (!hm_alarm_is_open(alarm) || (id != NULL && strcmp(alarm->id, id) != 0))
            continue;
        alarm->acknowledged_unix_s = now_unix_s;
        count++;
    }
    if (count > 0)
        HM_TRY(replace(&box, dir, err));
    *ret_count = count;
    return HM_OK;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

/* A copy that can be printed, of at most size_max - 1 bytes. */
static const char *copy_text(struct hm_alarm_box *box, const char *text, size_t size_max)
{
    struct hm_err escaped = HM_ERR_INIT;
    struct hm_bytes bytes;

    (void)hm_fail(&escaped, HM_EFORMAT, "%s", text);
    bytes = hm_bytes_str(escaped.text);
    if (bytes.size >= size_max)
        bytes.size = size_max - 1;
    while (!hm_text_is_utf8(bytes))
        bytes.size--;
    return hm_arena_strdup(&box->arena, bytes);
}

static enum hm_rc make_alarm(struct hm_alarm_box *box, const struct hm_alarm_sight *sight,
                             bool is_condition, struct hm_err *err, struct hm_alarm *ret_alarm)
{
    struct hm_alarm alarm = {.kind = sight->kind,
                             .is_condition = is_condition,
                             .index = sight->index,
                             .first_unix_s = sight->now_unix_s,
                             .subject = copy_text(box, sight->subject, HM_ALARM_SUBJECT_MAX),
                             .sentence = copy_text(box, sight->sentence, HM_ALARM_SENTENCE_MAX)};

    if (alarm.subject == NULL || alarm.sentence == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_alarm_make_id(&alarm, err, alarm.id));
    *ret_alarm = alarm;
    return HM_OK;
}

enum hm_rc hm_alarm_box_raise(struct hm_alarm_box *box, const struct hm_alarm_sight *sight,
                              struct hm_err *err)
{
    struct hm_alarm alarm;

    HM_TRY(make_alarm(box, sight, false, err, &alarm));
    if (find(box, alarm.id) != NULL)
        return HM_OK;
    HM_TRY(make_room(box, err));
    alarm.raised_unix_s = sight->now_unix_s;
    box->alarms[box->count++] = alarm;
    return HM_OK;
}

/* The condition that lasts. */
static struct hm_alarm *find_condition(const struct hm_alarm_box *box,
                                       const struct hm_alarm_sight *sight)
{
    for (size_t i = 0; i < box->count; i++) {
        struct hm_alarm *alarm = &box->alarms[i];

        if (alarm->is_condition && alarm->ended_unix_s == 0 && alarm->kind == sight->kind &&
            alarm->index == sight->index && strcmp(alarm->subject, sight->subject) == 0)
            return alarm;
    }
    return NULL;
}

enum hm_rc hm_alarm_box_hold(struct hm_alarm_box *box, const struct hm_alarm_sight *sight,
                             struct hm_err *err)
{
    struct hm_alarm *known;
    struct hm_alarm_sight copied = *sight;
    struct hm_alarm made;

    /* Compared as it is kept. */
    HM_TRY(make_alarm(box, sight, true, err, &made));
    copied.subject = made.subject;
    known = find_condition(box, &copied);
    if (known == NULL) {
        HM_TRY(make_room(box, err));
        known = &box->alarms[box->count++];
        *known = made;
    }
    known->is_seen = true;
    /* A clock that was set back makes no grace longer. */
    if (known->raised_unix_s == 0 && (sight->now_unix_s - known->first_unix_s >= sight->grace_s ||
                                      sight->now_unix_s < known->first_unix_s))
        known->raised_unix_s = sight->now_unix_s;
    return HM_OK;
}

void hm_alarm_box_skip(struct hm_alarm_box *box, const struct hm_alarm_sight *sight)
{
    struct hm_alarm_sight copied = *sight;
    struct hm_alarm *known;

    copied.subject = copy_text(box, sight->subject, HM_ALARM_SUBJECT_MAX);
    known = copied.subject == NULL ? NULL : find_condition(box, &copied);
    if (known != NULL)
        known->is_seen = true;
}

void hm_alarm_box_sweep(struct hm_alarm_box *box, enum hm_alarm_kind kind, uint64_t index,
                        int64_t now_unix_s)
{
    for (size_t i = box->count; i-- > 0;) {
        struct hm_alarm *alarm = &box->alarms[i];

        if (!alarm->is_condition || alarm->ended_unix_s != 0 || alarm->kind != kind ||
            alarm->index != index)
            continue;
        if (alarm->is_seen)
            alarm->is_seen = false;
        else if (alarm->raised_unix_s == 0)
            drop(box, i);
        else
            alarm->ended_unix_s = now_unix_s;
    }
}

bool hm_alarm_box_is_waiting(const struct hm_alarm_box *box, enum hm_alarm_kind kind,
                             uint64_t index)
{
    for (size_t i = 0; i < box->count; i++) {
        const struct hm_alarm *alarm = &box->alarms[i];

        if (alarm->is_condition && alarm->ended_unix_s == 0 && alarm->acknowledged_unix_s == 0 &&
            alarm->kind == kind && alarm->index == index)
            return true;
    }
    return false;
}

enum hm_rc hm_alarm_box_tell(struct hm_alarm_box *box, struct hm_alarm *alarm, const char *outlet,
                             struct hm_err *err)
{
    const char *copy;

    HM_ASSERT(strlen(outlet) < HM_ALARM_OUTLET_SIZE);
    if (hm_alarm_is_told(alarm, outlet))
        return HM_OK;
    copy = hm_arena_strdup(&box->arena, hm_bytes_str(outlet));
    if (copy == NULL)
        return hm_error_nomem(err);
    return add_told(box, alarm, copy, err);
}

size_t hm_alarm_box_open_count(const struct hm_alarm_box *box)
{
    size_t count = 0;

    for (size_t i = 0; i < box->count; i++)
        count += hm_alarm_is_open(&box->alarms[i]);
    return count;
}
