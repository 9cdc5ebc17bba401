/* SPDX-License-Identifier: Apache-2.0 */
/* The order of client keys, as far as files show it. See judge.h. */
#include "judge/judge_internal.h"

static int compare_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By key, place, and hash; a head's key is not known, and it stands behind all. */
static int compare_events(const void *left, const void *right)
{
    const struct hm_judge_event *a = left, *b = right;
    int order = (int)a->is_head - (int)b->is_head;

    if (order == 0)
        order = memcmp(a->key.bytes, b->key.bytes, HM_SHA256_SIZE);
    if (order == 0)
        order = compare_number(a->place.epoch, b->place.epoch);
    if (order == 0)
        order = compare_number(a->place.counter, b->place.counter);
    return order != 0 ? order : memcmp(a->hash.bytes, b->hash.bytes, HM_SHA256_SIZE);
}

static bool is_same_key(const struct hm_judge_event *a, const struct hm_judge_event *b)
{
    return hm_digest_is_equal(&a->key, &b->key);
}

/* The same statement, out of several files. */
static void drop_doubles(struct hm_judge *judge)
{
    struct hm_judge_event *events = judge->events.items;
    size_t count = 0;

    for (size_t i = 0; i < judge->events.count; i++) {
        if (count > 0 && compare_events(&events[count - 1], &events[i]) == 0) {
            events[count - 1].is_signed |= events[i].is_signed;
            continue;
        }
        events[count++] = events[i];
    }
    judge->events.count = count;
}

static enum hm_rc tell_fork(struct hm_judge *judge, const struct hm_judge_event *a,
                            const struct hm_judge_event *b, struct hm_err *err)
{
    if (judge->fork_count++ == 0) {
        judge->fork[0] = a;
        judge->fork[1] = b;
    }
    if (judge->fork_count > HM_JUDGE_TOLD_MAX)
        return HM_OK;
    return HM_JUDGE_SAY(judge, HM_REPORT_BAD, err,
                        "the key '%s' signed two statements for place %llu of epoch %llu: one in "
                        "'%s', another in '%s'",
                        a->client, HM_JUDGE_NUMBER(a->place.counter),
                        HM_JUDGE_NUMBER(a->place.epoch), a->file, b->file);
}

static enum hm_rc tell_gap(struct hm_judge *judge, const struct hm_judge_event *event,
                           uint64_t first, uint64_t last, struct hm_err *err)
{
    /* Saturates: a place is any number. */
    judge->gap_count = last - first < SIZE_MAX - 1 - judge->gap_count
                           ? judge->gap_count + (size_t)(last - first) + 1
                           : SIZE_MAX;
    if (judge->gap_told_count++ >= HM_JUDGE_TOLD_MAX)
        return HM_OK;
    return HM_JUDGE_SAY(judge, HM_REPORT_UNSURE, err,
                        "a gap in the order of the key '%s': places %llu to %llu of epoch %llu are "
                        "in no file; whoever has them withholds them",
                        event->client, HM_JUDGE_NUMBER(first), HM_JUDGE_NUMBER(last),
                        HM_JUDGE_NUMBER(event->place.epoch));
}

/* Of an event's place before it, which may have two statements: is one of them the one it names? */
static bool follows(const struct hm_judge *judge, size_t i)
{
    const struct hm_judge_event *events = judge->events.items, *before = &events[i - 1];

    for (size_t k = i; k-- > 0 && is_same_key(&events[k], before) &&
                       events[k].place.epoch == before->place.epoch &&
                       events[k].place.counter == before->place.counter;) {
        if (hm_digest_is_equal(&events[i].place.previous, &events[k].hash))
            return true;
    }
    return false;
}

/* Event i and the one before it, of the same key. */
static enum hm_rc check_pair(struct hm_judge *judge, size_t i, struct hm_err *err)
{
    const struct hm_judge_event *event = &judge->events.items[i], *before = event - 1;

    if (before->place.epoch != event->place.epoch)
        return event->place.counter == 1 ? HM_OK
                                         : tell_gap(judge, event, 1, event->place.counter - 1, err);
    if (before->place.counter == event->place.counter)
        return tell_fork(judge, before, event, err);
    if (before->place.counter + 1 != event->place.counter)
        return tell_gap(judge, event, before->place.counter + 1, event->place.counter - 1, err);
    if (follows(judge, i))
        return HM_OK;
    judge->gap_count += judge->gap_count < SIZE_MAX;
    if (judge->gap_told_count++ >= HM_JUDGE_TOLD_MAX)
        return HM_OK;
    return HM_JUDGE_SAY(judge, HM_REPORT_BAD, err,
                        "the key '%s' signed for place %llu that another statement stands before "
                        "it than the one in '%s'",
                        event->client, HM_JUDGE_NUMBER(event->place.counter), before->file);
}

/* A head names the newest of the key's statements that the site has. */
static enum hm_rc check_head(struct hm_judge *judge, const struct hm_judge_event *head,
                             size_t own_count, struct hm_err *err)
{
    const struct hm_judge_event *newest = NULL;

    for (size_t i = 0; i < own_count; i++) {
        struct hm_judge_event *event = &judge->events.items[i];

        if (strcmp(event->client, head->client) != 0)
            continue;
        event->is_signed |= hm_digest_is_equal(&event->hash, &head->hash);
        if (event->place.epoch == head->place.epoch &&
            event->place.counter == head->place.counter &&
            !hm_digest_is_equal(&event->hash, &head->hash))
            return HM_JUDGE_SAY(judge, HM_REPORT_BAD, err,
                                "'%s': the site has another statement of '%s' at place %llu than "
                                "the one in '%s'",
                                head->file, head->client, HM_JUDGE_NUMBER(head->place.counter),
                                event->file);
        if (event->place.epoch == head->place.epoch)
            newest = event;
    }
    if (newest == NULL || newest->place.counter >= head->place.counter)
        return HM_OK;
    return tell_gap(judge, newest, newest->place.counter + 1, head->place.counter, err);
}

static int compare_checkpoints(const void *left, const void *right)
{
    const struct hm_judge_checkpoint *a = left, *b = right;
    int order = strcmp(a->origin, b->origin);

    if (order == 0)
        order = compare_number(a->size, b->size);
    return order != 0 ? order : memcmp(a->root.bytes, b->root.bytes, HM_SHA256_SIZE);
}

/* One history: a size of the deliveries log has one root. */
static enum hm_rc check_log(struct hm_judge *judge, struct hm_err *err)
{
    struct hm_judge_checkpoint *items = judge->checkpoints.items;

    if (judge->checkpoints.count > 1)
        qsort(items, judge->checkpoints.count, sizeof(*items), compare_checkpoints);
    for (size_t i = 1; i < judge->checkpoints.count; i++) {
        if (strcmp(items[i - 1].origin, items[i].origin) == 0 &&
            items[i - 1].size == items[i].size &&
            !hm_digest_is_equal(&items[i - 1].root, &items[i].root))
            HM_TRY(HM_JUDGE_SAY(judge, HM_REPORT_BAD, err,
                                "the deliveries log '%s' signed two trees of %llu entries: one in "
                                "'%s', another in '%s'",
                                items[i].origin, HM_JUDGE_NUMBER(items[i].size), items[i - 1].file,
                                items[i].file));
    }
    return HM_OK;
}

enum hm_rc hm_judge_order(struct hm_judge *judge, struct hm_err *err)
{
    struct hm_judge_event *events = judge->events.items;
    size_t own_count = 0;

    if (judge->events.count > 1)
        qsort(events, judge->events.count, sizeof(*events), compare_events);
    drop_doubles(judge);
    while (own_count < judge->events.count && !events[own_count].is_head)
        own_count++;
    for (size_t i = 0; i < own_count; i++) {
        if (i > 0 && is_same_key(&events[i - 1], &events[i]))
            HM_TRY(check_pair(judge, i, err));
    }
    for (size_t i = own_count; i < judge->events.count; i++)
        HM_TRY(check_head(judge, &events[i], own_count, err));
    if (own_count > 0 && judge->fork_count == 0 && judge->gap_count == 0)
        HM_TRY(HM_JUDGE_SAY(judge, HM_REPORT_GOOD, err,
                            "%zu statements of clients stand in their order, from the first that "
                            "is here to the last without a gap or a second one",
                            own_count));
    return check_log(judge, err);
}

/* ---- what the site has signed for ---- */

bool hm_judge_is_known_to_site(const struct hm_judge *judge, const struct hm_sha256 *key,
                               const struct hm_sha256 *hash)
{
    const struct hm_judge_event *events = judge->events.items;
    const struct hm_judge_event *last = NULL;

    for (size_t i = 0; i < judge->events.count && !events[i].is_head; i++) {
        if (!hm_digest_is_equal(&events[i].key, key))
            continue;
        /* From the statement on, as long as each names the one before. */
        if (last == NULL ? !hm_digest_is_equal(&events[i].hash, hash)
                         : !hm_digest_is_equal(&events[i].place.previous, &last->hash))
            continue;
        last = &events[i];
        if (last->is_signed)
            return true;
    }
    return false;
}
