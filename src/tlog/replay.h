/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A release log read from its first entry on (docs/formats.md 11): which entries count, and what
 * they add up to. For monitors and auditors. Whether what an entry says is true is not decided here
 * (src/trust does, batch by batch), only whether the log follows its own rules:
 *
 *   an entry waits until a snapshot entry closes its batch, or names it void
 *   a snapshot entry's batch is the entries in front of it; all that wait before those are void
 *   the map that it names is that of all entries that count
 *   versions of snapshot and root never fall, and one version has one digest
 *
 * Entries that counted can be named void later, where they, and the snapshot entry that listed
 * them, were put there by a thief of the log's key. What the log adds up to is then another thing
 * from the first of them on: it is computed again (hm_replay_restart).
 */
#ifndef HM_TLOG_REPLAY_H
#define HM_TLOG_REPLAY_H

#include "tlog/replay_map.h"

/* What may wait for a snapshot entry: twice the largest batch (HM_LOG_APPEND_*); what comes beyond
 * is counted, and not kept. */
#define HM_REPLAY_PENDING_COUNT_MAX 131072
#define HM_REPLAY_PENDING_SIZE_MAX  ((size_t)128 << 20)
/* Ranges of entries that are void, of all snapshot entries. */
#define HM_REPLAY_VOID_COUNT_MAX 65536

enum hm_replay_problem {
    HM_REPLAY_UNREADABLE, /* bytes that are no entry */
    HM_REPLAY_UNKNOWN,    /* an entry of a kind not known here */
    HM_REPLAY_FOREIGN,    /* an entry of another site */
    HM_REPLAY_REUSED,     /* a version that was released before */
    HM_REPLAY_BATCH, /* a snapshot entry whose batch or void entries are not what they must be */
    HM_REPLAY_ORDER, /* a version of snapshot or root that falls, or has other bytes */
    HM_REPLAY_MAP,   /* a snapshot entry that names another map */
    HM_REPLAY_VOID,  /* entries that never counted were named void */
    HM_REPLAY_TAKEN_BACK, /* entries that counted were named void */
    HM_REPLAY_PROBLEM_COUNT_
};

/* An entry of a batch. */
struct hm_replay_item {
    struct hm_entry *entry; /* owned; NULL: it could not be read, or is void */
    struct hm_bytes raw;    /* owned */
};

/* What a snapshot entry closes. */
struct hm_replay_batch {
    uint64_t index; /* of the snapshot entry */
    const struct hm_entry *snapshot;
    struct hm_bytes raw;
    const struct hm_replay_item *items; /* the entries from index - count on */
    size_t count;
    bool is_good; /* without a problem */
};

struct hm_replay_sink {
    /* A batch was closed. */
    enum hm_rc (*batch)(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err);
    /* Something is wrong with the entry at index; the reading goes on. */
    enum hm_rc (*problem)(void *ctx, enum hm_replay_problem problem, uint64_t index,
                          const char *sentence, struct hm_err *err);
    void *ctx;
};

struct hm_replay; /* one thread */

/* A replay of the log of site, from entry 0. entries gives earlier entries again. */
HM_MUST_CHECK enum hm_rc hm_replay_new(const char *site, const struct hm_replay_entries *entries,
                                       const struct hm_replay_sink *sink, struct hm_err *err,
                                       struct hm_replay **ret_replay);
void hm_replay_free(struct hm_replay *replay);
HM_DEFINE_FREE(hm_replay_free, struct hm_replay);

/* Replays the next entry, which is proven (follow.h). HM_EAGAIN: it names entries void that
 * counted; go on with hm_replay_restart. Else the sink's and entries' errors, or HM_ENOMEM: the
 * replay is over then. */
HM_MUST_CHECK enum hm_rc hm_replay_add(struct hm_replay *replay, struct hm_bytes entry,
                                       struct hm_err *err);
/* Begins again from entry 0, knowing what is void. Up to the entry that hm_replay_add was last
 * given the sink is told nothing. */
HM_MUST_CHECK enum hm_rc hm_replay_restart(struct hm_replay *replay, struct hm_err *err);
/* The index that hm_replay_add takes next. */
uint64_t hm_replay_next(const struct hm_replay *replay);
/* What all batches so far add up to; owned by the replay. */
struct hm_replay_map *hm_replay_map(struct hm_replay *replay);
/* How many entries wait for a snapshot entry. */
uint64_t hm_replay_pending(const struct hm_replay *replay);
/* Is the entry at index void, as far as is known? Then *ret_end (may be NULL) is behind it, and all
 * up to there are. */
bool hm_replay_is_void(const struct hm_replay *replay, uint64_t index, uint64_t *ret_end);
/* "version reused", static. */
const char *hm_replay_problem_name(enum hm_replay_problem problem);

#endif
