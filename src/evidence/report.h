/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a check, for people who were not there: each step as a sentence, and the outcome.
 */
#ifndef HM_EVIDENCE_REPORT_H
#define HM_EVIDENCE_REPORT_H

#include "base/arena.h"

enum hm_report_mark {
    HM_REPORT_GOOD,   /* examined, and so it is */
    HM_REPORT_BAD,    /* examined, and it is not so */
    HM_REPORT_UNSURE, /* cannot be told */
    HM_REPORT_NOTE,   /* what follows from it, or limits it */
};

struct hm_report_step {
    enum hm_report_mark mark;
    const char *text; /* a sentence without its full stop; from outside: escaped */
};

struct hm_report_cosigned {
    const char *name;
    uint64_t time_s;
};

struct hm_report {
    enum hm_rc rc; /* HM_OK: the statement holds; else of the first step that was not good */
    struct hm_report_step *steps;
    size_t count;
    const char *kind; /* "published", "tlog-proof"...; or NULL: not even the form was right */
    const char *site;
    const char *claim;
    /* The newest checkpoint, once its signature was found right; else origin is NULL. */
    const char *origin;
    uint64_t size;
    struct hm_report_cosigned *witnesses;
    size_t witness_count;
    bool is_witnessed;   /* cosignatures were demanded, and all that were are there */
    uint64_t earliest_s; /* the earliest cosignature; 0: none */
    struct hm_arena arena;
};

HM_MUST_CHECK enum hm_rc hm_report_new(struct hm_err *err, struct hm_report **ret_report);
void hm_report_free(struct hm_report *report);
HM_DEFINE_FREE(hm_report_free, struct hm_report);
/* Adds a step. HM_ENOMEM. */
HM_PRINTF(4, 5)
HM_MUST_CHECK enum hm_rc hm_report_add(struct hm_report *report, enum hm_report_mark mark,
                                       struct hm_err *err, const char *format, ...);
/* Adds the step that ends a check: why says what went wrong in doing what. Its code becomes the
 * report's; what cannot be told (exit status 3) is HM_REPORT_UNSURE, a negative answer
 * HM_REPORT_BAD. Returns HM_OK, or HM_ENOMEM; other internal errors come back as they are. */
HM_MUST_CHECK enum hm_rc hm_report_end(struct hm_report *report, const struct hm_err *why,
                                       const char *what, struct hm_err *err);
/* "ok", "NO", "?", "-". */
const char *hm_report_mark_text(enum hm_report_mark mark);
/* "HOLDS", "DOES NOT HOLD", "CANNOT BE TOLD". */
const char *hm_report_text(const struct hm_report *report);

#endif
