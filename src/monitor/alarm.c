/* SPDX-License-Identifier: Apache-2.0 */
/* What an alarm is called, and how it is told of. See alarm.h. */
#include "monitor/alarm.h"

#include <string.h>

#include "base/text.h"
#include "crypto/digest.h"

static const struct {
    const char *name;
    bool is_breach;
} kinds[HM_ALARM_KIND_COUNT_] = {
    [HM_ALARM_UNKNOWN_RELEASE] = {"unknown-release", true},
    [HM_ALARM_REUSED] = {"reused", true},
    [HM_ALARM_KEYS] = {"keys", false},
    [HM_ALARM_EXPIRY] = {"expiry", false},
    [HM_ALARM_RECALL] = {"recall", false},
    [HM_ALARM_MISSING] = {"missing", true},
    [HM_ALARM_UNREADABLE] = {"unreadable", true},
    [HM_ALARM_FALSE] = {"false", true},
    [HM_ALARM_ROLLBACK] = {"rollback", true},
    [HM_ALARM_UNLISTED] = {"unlisted", true},
    [HM_ALARM_UNLOGGED] = {"unlogged", true},
    [HM_ALARM_TAKEN_BACK] = {"taken-back", true},
    [HM_ALARM_FORK] = {"fork", true},
    [HM_ALARM_QUORUM] = {"quorum", true},
    [HM_ALARM_WITNESS] = {"witness", true},
    [HM_ALARM_PAGES] = {"pages", true},
    [HM_ALARM_TEST_KEY] = {"test-key", true},
    [HM_ALARM_STALE] = {"stale", true},
    [HM_ALARM_LOG] = {"log", true},
};

const char *hm_alarm_kind_name(enum hm_alarm_kind kind)
{
    HM_ASSERT((unsigned)kind < HM_ALARM_KIND_COUNT_);
    return kinds[kind].name;
}

bool hm_alarm_is_breach(enum hm_alarm_kind kind)
{
    HM_ASSERT((unsigned)kind < HM_ALARM_KIND_COUNT_);
    return kinds[kind].is_breach;
}

enum hm_rc hm_alarm_kind_parse(struct hm_bytes name, struct hm_err *err,
                               enum hm_alarm_kind *ret_kind)
{
    for (unsigned i = 0; i < HM_ALARM_KIND_COUNT_; i++) {
        if (!hm_bytes_is_str(name, kinds[i].name))
            continue;
        *ret_kind = (enum hm_alarm_kind)i;
        return HM_OK;
    }
    return hm_fail(err, HM_EFORMAT, "'%.*s' is no kind of alarm", HM_BYTES_FMT(name));
}

enum hm_rc hm_alarm_make_id(const struct hm_alarm *alarm, struct hm_err *err,
                            char ret_id[HM_ALARM_ID_SIZE])
{
    _hm_done_(hm_buf_done) struct hm_buf text =
        HM_BUF_INIT(HM_ALARM_SUBJECT_MAX + HM_ALARM_SENTENCE_MAX + 256);
    struct hm_sha256 sha256;

    HM_TRY(hm_buf_append_fmt(&text, err, "%s\n%s\n%llu\n", hm_alarm_kind_name(alarm->kind),
                             alarm->subject, (unsigned long long)alarm->index));
    if (alarm->is_condition)
        HM_TRY(hm_buf_append_fmt(&text, err, "%lld\n", (long long)alarm->first_unix_s));
    else
        HM_TRY(hm_buf_append_fmt(&text, err, "%s\n", alarm->sentence));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&text), err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, (HM_ALARM_ID_SIZE - 1) / 2), ret_id);
    return HM_OK;
}

bool hm_alarm_is_open(const struct hm_alarm *alarm)
{
    return alarm->raised_unix_s != 0 && alarm->acknowledged_unix_s == 0;
}

bool hm_alarm_is_told(const struct hm_alarm *alarm, const char *outlet)
{
    for (size_t i = 0; i < alarm->told_count; i++) {
        if (strcmp(alarm->told[i], outlet) == 0)
            return true;
    }
    return false;
}

static void write_time(struct hm_json_writer *writer, const char *key, int64_t unix_s)
{
    if (unix_s == 0)
        return;
    hm_json_writer_key(writer, key);
    hm_json_writer_time(writer, unix_s);
}

void hm_alarm_write(const struct hm_alarm *alarm, const char *site, struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "schema", "hallmark/alarm/1");
    hm_json_writer_key_str(writer, "id", alarm->id);
    hm_json_writer_key_str(writer, "site", site);
    hm_json_writer_key_str(writer, "kind", hm_alarm_kind_name(alarm->kind));
    hm_json_writer_key_str(writer, "severity",
                           hm_alarm_is_breach(alarm->kind) ? "breach" : "notice");
    hm_json_writer_key_str(writer, "subject", alarm->subject);
    if (alarm->index != HM_ALARM_NO_INDEX) {
        hm_json_writer_key(writer, "index");
        hm_json_writer_u64(writer, alarm->index);
    }
    hm_json_writer_key_str(writer, "text", alarm->sentence);
    write_time(writer, "first", alarm->first_unix_s);
    write_time(writer, "raised", alarm->raised_unix_s);
    write_time(writer, "ended", alarm->ended_unix_s);
    write_time(writer, "acknowledged", alarm->acknowledged_unix_s);
    hm_json_writer_object_end(writer);
}
