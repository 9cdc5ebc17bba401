/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scan of a submission found, and who took note of it: findings.json beside the submission
 * (docs/formats.md 25). A submission is approved when each finding was acknowledged by its ID; what
 * was acknowledged goes into the signing request, for who signs offline.
 */
#ifndef HM_SITE_SCANNED_H
#define HM_SITE_SCANNED_H

#include "image/scan.h"
#include "site/site.h"

#define HM_SCANNED_FILE "findings.json"
/* Of one submission: nobody acknowledges more by name; it is refused. */
#define HM_SCANNED_COUNT_MAX 4096
#define HM_SCANNED_SIZE_MAX  ((size_t)16 << 20)
/* Digits of an ID that may stand for it. */
#define HM_SCANNED_ID_MIN 8

struct hm_scanned_item {
    const char *id;
    enum hm_finding_kind kind;
    enum hm_finding_severity severity;
    const char *file; /* path of the target */
    const char *component, *rule, *detail;
    int64_t offset;
    struct hm_sha256 sha256;     /* of the component */
    int64_t acknowledged_unix_s; /* 0: not yet */
};

struct hm_scanned {
    struct hm_scanned_item *items;
    size_t count, capacity;
    struct hm_arena arena;
};

/* What somebody gives to acknowledge a finding. */
struct hm_scanned_word {
    const char *text;            /* an ID, or the beginning of one; borrowed */
    char id[HM_FINDING_ID_SIZE]; /* of the finding that it names; empty: of none so far */
    /* It begins another ID as well: who made the images can have made that so, and it counts for
     * neither. */
    bool is_ambiguous;
};

#define HM_SCANNED_INIT                                                                            \
    {                                                                                              \
        .items = NULL, .count = 0, .arena = HM_ARENA_INIT                                          \
    }

void hm_scanned_done(struct hm_scanned *scanned);
/* Adds a finding in the image of the file at path. HM_EREFUSED past HM_SCANNED_COUNT_MAX. */
HM_MUST_CHECK enum hm_rc hm_scanned_add(struct hm_scanned *scanned, struct hm_bytes path,
                                        const struct hm_image *image,
                                        const struct hm_finding *finding, struct hm_err *err);
/* Writes findings.json into an open submission folder; nothing where there are none. */
HM_MUST_CHECK enum hm_rc hm_scanned_write(const struct hm_scanned *scanned,
                                          const struct hm_dir *dir, struct hm_err *err);
/* HM_EFORMAT, and what reading gives. */
HM_MUST_CHECK enum hm_rc hm_scanned_parse(struct hm_bytes raw, struct hm_err *err,
                                          struct hm_scanned *ret_scanned);
/* Of the submission id; empty where there are none. */
HM_MUST_CHECK enum hm_rc hm_scanned_load(const struct hm_site *site, const char *id,
                                         struct hm_err *err, struct hm_scanned *ret_scanned);
/* Marks those that words name, and says in each word which. True if one was not marked before. */
bool hm_scanned_acknowledge(struct hm_scanned *scanned, struct hm_scanned_word *words,
                            size_t word_count, int64_t now_unix_s);
size_t hm_scanned_open_count(const struct hm_scanned *scanned);
/* Appends "high rule-match NAME in FILE, COMPONENT at OFFSET: DETAIL (ID)", escaped. */
HM_MUST_CHECK enum hm_rc hm_scanned_line(const struct hm_scanned_item *item, struct hm_err *err,
                                         struct hm_buf *buf);
/* Appends all of them, as lines for people; nothing where there are none. */
HM_MUST_CHECK enum hm_rc hm_scanned_text(const struct hm_scanned *scanned, struct hm_err *err,
                                         struct hm_buf *report);
/* What was acknowledged of submissions that wait and whose release roles are among names: a line
 * each, in the arena, for a request. */
HM_MUST_CHECK enum hm_rc hm_scanned_request(const struct hm_site *site, const char *const *names,
                                            size_t count, struct hm_arena *arena,
                                            struct hm_err *err, const char ***ret_lines,
                                            size_t *ret_count);

#endif
