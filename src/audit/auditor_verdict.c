/* SPDX-License-Identifier: Apache-2.0 */
/* What an auditor finds wrong with a log, and what that comes to. See auditor.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "audit/auditor_internal.h"

/* ---- misdeeds ---------------------------------------------------------------------------------
 */

HM_PRINTF(4, 5)
static enum hm_rc note(struct hm_audit *audit, uint64_t index, bool is_missing, const char *format,
                       ...)
{
    struct hm_audit_misdeed *misdeed = &audit->misdeeds[audit->misdeed_count];
    char sentence[HM_ERR_TEXT_MAX];
    va_list args;

    if (audit->misdeed_count == HM_AUDITOR_MISDEEDS_MAX) {
        audit->has_more_misdeeds = true;
        return HM_OK;
    }
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    *misdeed = (struct hm_audit_misdeed){
        .index = index, .is_missing = is_missing, .sentence = strdup(sentence)};
    if (misdeed->sentence == NULL)
        return HM_ENOMEM;
    audit->misdeed_count++;
    return HM_OK;
}

void hm_auditor_forget_misdeeds(struct hm_audit *audit)
{
    for (size_t i = 0; i < audit->misdeed_count; i++)
        free(audit->misdeeds[i].sentence);
    audit->misdeed_count = 0;
    audit->has_more_misdeeds = false;
    audit->problem[0] = '\0';
}

/* ---- what replay says -------------------------------------------------------------------------
 */

static enum hm_rc see_problem(void *ctx, enum hm_replay_problem problem, uint64_t index,
                              const char *sentence, struct hm_err *err)
{
    struct hm_audit *audit = ctx;

    /* What is void, and rightly, is looked at before (hm_auditor_check_voids). */
    if (index < audit->good || problem == HM_REPLAY_VOID || problem == HM_REPLAY_TAKEN_BACK)
        return HM_OK;
    /* It counts against the batch that has it; where that is none, or the entry is void, not. */
    if (audit->problem[0] == '\0')
        (void)snprintf(audit->problem, sizeof(audit->problem), "%s (entry %llu): %.900s",
                       hm_replay_problem_name(problem), (unsigned long long)index, sentence);
    return HM_OK;
}

static enum hm_rc add_batch(struct hm_audit *audit, const struct hm_replay_batch *batch,
                            struct hm_err *err)
{
    if (audit->batch_count == audit->batch_capacity) {
        size_t wanted = audit->batch_capacity == 0 ? 64 : 2 * audit->batch_capacity;
        void *batches = reallocarray(audit->batches, wanted, sizeof(*audit->batches));

        if (batches == NULL)
            return hm_error_nomem(err);
        audit->batches = batches;
        audit->batch_capacity = wanted;
    }
    audit->batches[audit->batch_count++] = (struct hm_audit_batch){
        .first = batch->index - batch->count, .index = batch->index, .is_good = batch->is_good};
    return HM_OK;
}

static enum hm_rc see_batch(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err)
{
    struct hm_audit *audit = ctx;

    if (batch->index < audit->good)
        return HM_OK;
    HM_TRY(add_batch(audit, batch, err));
    if (!batch->is_good && note(audit, batch->index, false, "%s",
                                audit->problem[0] == '\0' ? "the batch is not what it must be"
                                                          : audit->problem) != HM_OK)
        return hm_error_nomem(err);
    audit->problem[0] = '\0';
    audit->checking = batch->index;
    return hm_history_check(audit->history, batch, hm_replay_map(audit->replay), err);
}

struct hm_replay_sink hm_auditor_replay_sink(struct hm_audit *audit)
{
    return (struct hm_replay_sink){.batch = see_batch, .problem = see_problem, .ctx = audit};
}

/* ---- what history says ------------------------------------------------------------------------
 */

static enum hm_rc see_finding(void *ctx, enum hm_history_kind kind, const char *subject,
                              const char *sentence, struct hm_err *err)
{
    struct hm_audit *audit = ctx;

    if (!hm_history_is_breach(kind)) {
        if (audit->options->note != NULL)
            audit->options->note(audit->options->ctx, audit->origin, kind, subject, sentence);
        return HM_OK;
    }
    HM_ASSERT(audit->batch_count > 0);
    audit->batches[audit->batch_count - 1].is_good = false;
    if (note(audit, audit->checking, kind == HM_HISTORY_MISSING, "%s: %.900s",
             hm_history_kind_name(kind), sentence) != HM_OK)
        return hm_error_nomem(err);
    return HM_OK;
}

struct hm_history_sink hm_auditor_history_sink(struct hm_audit *audit)
{
    return (struct hm_history_sink){.find = see_finding, .ctx = audit};
}

/* ---- what may be void -------------------------------------------------------------------------
 */

/* What was found good before stays counted: all of the range that lies there is void already. */
static bool is_void_already(const struct hm_audit *audit, const struct hm_entry_range *range)
{
    uint64_t end = range->first + range->count; /* both at most 2^63 - 1 */

    if (end > audit->good)
        end = audit->good;
    for (uint64_t at = range->first; at < end;) {
        if (!hm_replay_is_void(audit->replay, at, &at))
            return false;
    }
    return true;
}

/* A batch of this audit that is good and has entries. */
static const struct hm_audit_batch *find_true(const struct hm_audit *audit,
                                              const struct hm_entry_range *range)
{
    for (size_t i = 0; i < audit->batch_count; i++) {
        const struct hm_audit_batch *batch = &audit->batches[i];

        if (batch->is_good && batch->first < batch->index && batch->index >= range->first &&
            batch->first < range->first + range->count &&
            !hm_replay_is_void(audit->replay, batch->index, NULL))
            return batch;
    }
    return NULL;
}

enum hm_rc hm_auditor_check_voids(struct hm_audit *audit, uint64_t index, struct hm_bytes raw,
                                  struct hm_err *err)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    enum hm_rc rc;

    if (index < audit->good || memmem(raw.data, raw.size, "\nvoid ", 6) == NULL ||
        hm_replay_is_void(audit->replay, index, NULL))
        return HM_OK;
    rc = hm_entry_parse(raw, NULL, &entry);
    if (rc == HM_ENOMEM)
        return hm_error_nomem(err);
    for (size_t i = 0; rc == HM_OK && i < entry->void_count; i++) {
        const struct hm_entry_range *range = &entry->voids[i];
        const struct hm_audit_batch *batch = find_true(audit, range);
        enum hm_rc noted = HM_OK;

        if (!is_void_already(audit, range))
            noted = note(audit, index, false,
                         "%llu entries from %llu on are named void, and this auditor cosigned some "
                         "of them as counting",
                         (unsigned long long)range->count, (unsigned long long)range->first);
        else if (batch != NULL)
            noted = note(audit, index, false,
                         "%llu entries from %llu on are named void, and what the batch of the "
                         "snapshot entry %llu says is true",
                         (unsigned long long)range->count, (unsigned long long)range->first,
                         (unsigned long long)batch->index);
        if (noted != HM_OK)
            return hm_error_nomem(err);
    }
    return HM_OK;
}

enum hm_rc hm_auditor_go_back(struct hm_audit *audit, struct hm_err *err)
{
    for (size_t i = audit->batch_count; i-- > 0;) {
        const struct hm_audit_batch *batch = &audit->batches[i];

        if (batch->is_good && !hm_replay_is_void(audit->replay, batch->index, NULL))
            return hm_auditor_start_history(audit, batch->index, err);
    }
    return hm_auditor_start_history(audit, audit->good == 0 ? UINT64_MAX : audit->good - 1, err);
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

static enum hm_rc check_misdeeds(const struct hm_audit *audit, struct hm_err *err)
{
    const struct hm_audit_misdeed *missing = NULL;

    for (size_t i = 0; i < audit->misdeed_count; i++) {
        const struct hm_audit_misdeed *misdeed = &audit->misdeeds[i];

        if (hm_replay_is_void(audit->replay, misdeed->index, NULL))
            continue;
        if (!misdeed->is_missing)
            return hm_fail(err, HM_EREFUSED, "snapshot entry %llu of the log: %s",
                           (unsigned long long)misdeed->index, misdeed->sentence);
        if (missing == NULL)
            missing = misdeed;
    }
    if (audit->has_more_misdeeds)
        return hm_fail(err, HM_EREFUSED, "more than %d things are wrong with the log",
                       HM_AUDITOR_MISDEEDS_MAX);
    if (missing != NULL)
        return hm_fail(err, HM_EAGAIN, "snapshot entry %llu of the log: %s",
                       (unsigned long long)missing->index, missing->sentence);
    return HM_OK;
}

enum hm_rc hm_auditor_verdict(struct hm_audit *audit, uint64_t size, struct hm_err *err)
{
    uint64_t last =
        audit->batch_count == 0 ? audit->good - 1 : audit->batches[audit->batch_count - 1].index;

    HM_TRY(check_misdeeds(audit, err));
    if (size == 0 || last != size - 1 || hm_replay_pending(audit->replay) != 0)
        return hm_fail(
            err, HM_EREFUSED,
            "the last of the log's %llu entries is no snapshot's that closes its batch%s%s",
            (unsigned long long)size, audit->problem[0] == '\0' ? "" : "; ", audit->problem);
    if (hm_replay_is_void(audit->replay, last, NULL))
        return hm_fail(err, HM_EREFUSED, "the log's last snapshot entry is void");
    return HM_OK;
}
