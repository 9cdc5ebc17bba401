/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a check. See report.h. */
#include "evidence/report.h"

#include <stdarg.h>

#include "base/text.h"

#define SENTENCE_MAX 65536

enum hm_rc hm_report_new(struct hm_err *err, struct hm_report **ret_report)
{
    struct hm_report *report = calloc(1, sizeof(*report));

    if (report == NULL)
        return hm_error_nomem(err);
    report->rc = HM_OK;
    *ret_report = report;
    return HM_OK;
}

void hm_report_free(struct hm_report *report)
{
    if (report == NULL)
        return;
    hm_arena_done(&report->arena);
    free(report);
}

static enum hm_rc add(struct hm_report *report, enum hm_report_mark mark, const char *sentence,
                      struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf escaped = HM_BUF_INIT((size_t)8 * SENTENCE_MAX);
    size_t size = report->count * sizeof(*report->steps);
    void *steps;
    char *text;

    HM_TRY(hm_text_escape(&escaped, hm_bytes_str(sentence), err));
    steps = hm_arena_grow(&report->arena, report->steps, size, size + sizeof(*report->steps));
    text = hm_arena_strdup(&report->arena, hm_buf_bytes(&escaped));
    if (steps == NULL || text == NULL)
        return hm_error_nomem(err);
    report->steps = steps;
    report->steps[report->count++] = (struct hm_report_step){.mark = mark, .text = text};
    return HM_OK;
}

enum hm_rc hm_report_add(struct hm_report *report, enum hm_report_mark mark, struct hm_err *err,
                         const char *format, ...)
{
    _hm_free_(free) char *sentence = NULL;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vasprintf(&sentence, format, arguments);
    va_end(arguments);
    if (size < 0) {
        sentence = NULL;
        return hm_error_nomem(err);
    }
    return add(report, mark, sentence, err);
}

enum hm_rc hm_report_end(struct hm_report *report, const struct hm_err *why, const char *what,
                         struct hm_err *err)
{
    /* What is of a kind not known here, a newer program may judge. */
    enum hm_rc rc = why->rc == HM_EUNKNOWN ? HM_EINPUT : why->rc;
    int status = hm_error_exit_status(rc);

    if (status != 1 && status != 3) {
        if (err != NULL)
            *err = *why;
        return why->rc;
    }
    report->rc = rc;
    return hm_report_add(report, status == 1 ? HM_REPORT_BAD : HM_REPORT_UNSURE, err, "%s: %s",
                         what, why->text);
}

const char *hm_report_mark_text(enum hm_report_mark mark)
{
    switch (mark) {
    case HM_REPORT_GOOD:
        return "ok";
    case HM_REPORT_BAD:
        return "NO";
    case HM_REPORT_UNSURE:
        return "?";
    case HM_REPORT_NOTE:
        break;
    }
    return "-";
}

const char *hm_report_text(const struct hm_report *report)
{
    if (report->rc == HM_OK)
        return "HOLDS";
    return hm_error_exit_status(report->rc) == 1 ? "DOES NOT HOLD" : "CANNOT BE TOLD";
}
