/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarms of one site, in a file of the monitor's folder: what nobody has acknowledged is never
 * forgotten, what is known is not raised again.
 *
 * File "alarms.json": {"schema":"hallmark/alarms/1","alarms":[{...}...]}, replaced whole and
 * flushed. A file that cannot be read stops the monitor: it is never taken for "no alarms".
 *
 * One monitor has a box in memory and saves it; others acknowledge in the file meanwhile. Saving
 * takes over what they acknowledged.
 *
 * An outlet is marked as told after it took an alarm, and the mark is saved after that: a crash in
 * between tells it twice, under the same id; none is lost.
 */
#ifndef HM_MONITOR_ALARM_BOX_H
#define HM_MONITOR_ALARM_BOX_H

#include "base/dir.h"
#include "monitor/alarm.h"

/* More than anybody reads. When it is full and nobody has acknowledged any, nothing more is
 * checked. */
#define HM_ALARM_BOX_COUNT_MAX 10000
/* 10,000 alarms of 2 KB with escapes, and room. */
#define HM_ALARM_BOX_SIZE_MAX ((size_t)64 << 20)
#define HM_ALARM_BOX_FILE     "alarms.json"

struct hm_alarm_box {
    struct hm_alarm *alarms; /* the oldest first */
    size_t count, capacity;
    struct hm_arena arena;
};

#define HM_ALARM_BOX_INIT                                                                          \
    {                                                                                              \
        .alarms = NULL, .arena = HM_ARENA_INIT                                                     \
    }

/* HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_parse(struct hm_bytes raw, struct hm_err *err,
                                            struct hm_alarm_box *ret_box);
HM_MUST_CHECK enum hm_rc hm_alarm_box_write(const struct hm_alarm_box *box, struct hm_err *err,
                                            struct hm_buf *ret_json);
void hm_alarm_box_done(struct hm_alarm_box *box);

/* The file in dir; none is an empty box. HM_EFORMAT, naming the file and what to do. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_read(const struct hm_dir *dir, struct hm_err *err,
                                           struct hm_alarm_box *ret_box);
/* Takes over from the file what was acknowledged, and replaces it. HM_EBUSY, HM_EIO: nothing is
 * saved. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_save(struct hm_alarm_box *box, const struct hm_dir *dir,
                                           struct hm_err *err);
/* Acknowledges the alarm of this id (NULL: all that are raised) in the file. *ret_count: how many
 * were open. HM_EUNKNOWN: there is no such alarm. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_acknowledge(const struct hm_dir *dir, const char *id,
                                                  int64_t now_unix_s, struct hm_err *err,
                                                  size_t *ret_count);

/* What was seen. */
struct hm_alarm_sight {
    enum hm_alarm_kind kind;
    const char *subject; /* cut to HM_ALARM_SUBJECT_MAX; escaped */
    uint64_t index;
    const char *sentence;
    int64_t now_unix_s;
    int64_t grace_s; /* conditions: for how long it is suspected only */
};

/* An event; one that is known already is left as it is. HM_EAGAIN: the box is full of alarms that
 * nobody has acknowledged. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_raise(struct hm_alarm_box *box,
                                            const struct hm_alarm_sight *sight, struct hm_err *err);
/* A condition that holds. HM_EAGAIN as above. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_hold(struct hm_alarm_box *box,
                                           const struct hm_alarm_sight *sight, struct hm_err *err);
/* A condition of which nothing can be told now: it is as it was. */
void hm_alarm_box_skip(struct hm_alarm_box *box, const struct hm_alarm_sight *sight);
/* All conditions of this kind and index were looked at: those that were neither held nor skipped
 * since the last sweep end, if they were raised, or are forgotten. */
void hm_alarm_box_sweep(struct hm_alarm_box *box, enum hm_alarm_kind kind, uint64_t index,
                        int64_t now_unix_s);
/* Is there a condition of this kind and index that lasts, and that nobody has acknowledged? */
bool hm_alarm_box_is_waiting(const struct hm_alarm_box *box, enum hm_alarm_kind kind,
                             uint64_t index);
/* Marks that outlet has the alarm. HM_EFORMAT: more than HM_ALARM_OUTLET_MAX outlets. */
HM_MUST_CHECK enum hm_rc hm_alarm_box_tell(struct hm_alarm_box *box, struct hm_alarm *alarm,
                                           const char *outlet, struct hm_err *err);
/* How many are raised and not acknowledged. */
size_t hm_alarm_box_open_count(const struct hm_alarm_box *box);

#endif
