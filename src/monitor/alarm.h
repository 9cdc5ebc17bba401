/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alarm: something that a monitor saw at a site, and that somebody should know of.
 *
 * An event is of one moment (a release that nobody knows, a key that changed): it is what it is for
 * ever, and known again by its kind, subject, entry and sentence. A condition lasts (a witness that
 * is silent, a page that lags behind): it is first suspected, becomes an alarm when it has lasted
 * for longer than a site needs to publish, and ends; when it comes again, that is another alarm.
 */
#ifndef HM_MONITOR_ALARM_H
#define HM_MONITOR_ALARM_H

#include "base/arena.h"
#include "base/json_writer.h"

#define HM_ALARM_ID_SIZE      33  /* 16 bytes in hexadecimal, and NUL */
#define HM_ALARM_SUBJECT_MAX  512 /* a path of the log (260), a URL cut short */
#define HM_ALARM_OUTLET_MAX   16  /* that were told of one alarm */
#define HM_ALARM_OUTLET_SIZE  64  /* of an outlet's name, with NUL */
#define HM_ALARM_NO_INDEX     UINT64_MAX
#define HM_ALARM_SENTENCE_MAX HM_ERR_TEXT_MAX

enum hm_alarm_kind {
    HM_ALARM_UNKNOWN_RELEASE, /* under the name of a maker who does not list it */
    HM_ALARM_REUSED,          /* one version with other bytes */
    HM_ALARM_KEYS,            /* keys changed */
    HM_ALARM_EXPIRY,          /* a role was signed again for nothing but a later end */
    HM_ALARM_RECALL,
    HM_ALARM_MISSING,    /* metadata or a proof is not served */
    HM_ALARM_UNREADABLE, /* an entry that cannot be read, or is of another site */
    HM_ALARM_FALSE,      /* the log breaks its own rules, or metadata is not what it names */
    HM_ALARM_ROLLBACK,   /* something went back, or is gone */
    HM_ALARM_UNLISTED,   /* the log has a release that the signed roles do not list */
    HM_ALARM_UNLOGGED,   /* the signed roles have what the log lacks */
    HM_ALARM_TAKEN_BACK, /* entries were named void */
    HM_ALARM_FORK,       /* two histories of one log */
    HM_ALARM_QUORUM,     /* the witnesses that are demanded have not cosigned */
    HM_ALARM_WITNESS,    /* a witness has seen another tree, or more of it */
    HM_ALARM_PAGES,      /* what the site or a mirror serves is not what the log says */
    HM_ALARM_TEST_KEY,   /* a key that is denied, or a site on trial */
    HM_ALARM_STALE,      /* the log stopped growing, or being cosigned */
    HM_ALARM_LOG,        /* the log itself changed: another took its place, or it is gone */
    HM_ALARM_KIND_COUNT_
};

struct hm_alarm {
    char id[HM_ALARM_ID_SIZE];
    enum hm_alarm_kind kind;
    bool is_condition;
    bool is_seen;          /* held or skipped since the last sweep; not in the file */
    const char *subject;   /* a path, role, maker, witness, URL; in the box's arena, as all here */
    const char *sentence;  /* UTF-8, escaped */
    uint64_t index;        /* of the log's entry, or HM_ALARM_NO_INDEX */
    int64_t first_unix_s;  /* when it was seen first */
    int64_t raised_unix_s; /* 0: suspected only */
    int64_t ended_unix_s;  /* 0: it lasts, or is an event */
    int64_t acknowledged_unix_s; /* 0: nobody has */
    const char **told;           /* names of outlets that have it */
    size_t told_count;
};

/* The id of an event (by its sentence), or of a condition (by when it was seen first). */
HM_MUST_CHECK enum hm_rc hm_alarm_make_id(const struct hm_alarm *alarm, struct hm_err *err,
                                          char ret_id[HM_ALARM_ID_SIZE]);
/* Raised, and nobody has acknowledged it. */
bool hm_alarm_is_open(const struct hm_alarm *alarm);
bool hm_alarm_is_told(const struct hm_alarm *alarm, const char *outlet);
/* A breach of the site's word or of the rules; else it is for people to know (a recall). */
bool hm_alarm_is_breach(enum hm_alarm_kind kind);
/* "unknown-release", static. */
const char *hm_alarm_kind_name(enum hm_alarm_kind kind);
/* HM_EFORMAT: no such kind. */
HM_MUST_CHECK enum hm_rc hm_alarm_kind_parse(struct hm_bytes name, struct hm_err *err,
                                             enum hm_alarm_kind *ret_kind);
/* Writes the object that outlets give out ("hallmark/alarm/1"). */
void hm_alarm_write(const struct hm_alarm *alarm, const char *site, struct hm_json_writer *writer);

#endif
