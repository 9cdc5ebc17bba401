/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the ledger share. See ledger.h. */
#ifndef HM_LEDGER_LEDGER_INTERNAL_H
#define HM_LEDGER_LEDGER_INTERNAL_H

#include <pthread.h>

#include "base/lock.h"
#include "ledger/ledger.h"
#include "ledger/ledger_release.h"
#include "tlog/log.h"

/* Of one delivery: where its notes stand in the table. */
enum hm_ledger_note {
    HM_LEDGER_NOTE_REQUEST,
    HM_LEDGER_NOTE_OFFER,
    HM_LEDGER_NOTE_ANSWER,
    HM_LEDGER_NOTE_RECEIPT,
    HM_LEDGER_NOTE_COUNT_
};

/* Prepared once: ledger.c has their text. */
enum hm_ledger_query {
    HM_LEDGER_Q_ACCOUNT,
    HM_LEDGER_Q_ACCOUNT_ADD,
    HM_LEDGER_Q_KEY,
    HM_LEDGER_Q_KEY_COUNT,
    HM_LEDGER_Q_KEY_ADD,
    HM_LEDGER_Q_KEY_MOVE,
    HM_LEDGER_Q_EVENT,
    HM_LEDGER_Q_EVENT_ADD,
    HM_LEDGER_Q_REFUSAL,
    HM_LEDGER_Q_REFUSAL_ADD,
    HM_LEDGER_Q_IMAGE,
    HM_LEDGER_Q_IMAGE_ADD,
    HM_LEDGER_Q_DELIVERY,
    HM_LEDGER_Q_DELIVERY_ADD,
    HM_LEDGER_Q_DELIVERY_STATE,
    HM_LEDGER_Q_DELIVERY_WRITTEN,
    HM_LEDGER_Q_DELIVERY_EXPIRE,
    HM_LEDGER_Q_NOTE,
    HM_LEDGER_Q_NOTE_ADD,
    HM_LEDGER_Q_LEAF,
    HM_LEDGER_Q_LEAF_ADD,
    HM_LEDGER_Q_LEAF_NUMBER,
    HM_LEDGER_Q_PENDING,
    HM_LEDGER_Q_PENDING_ADD,
    HM_LEDGER_Q_PENDING_DROP,
    HM_LEDGER_Q_PLAN,
    HM_LEDGER_Q_PLAN_ADD,
    HM_LEDGER_Q_PLAN_DROP,
    HM_LEDGER_Q_STATE,
    HM_LEDGER_Q_STATE_SET,
    HM_LEDGER_Q_SOURCE,
    HM_LEDGER_Q_SOURCE_ANY,
    HM_LEDGER_Q_SOURCE_SET,
    HM_LEDGER_Q_TRANSFER_ADD,
    HM_LEDGER_Q_GAP_ADD,
    HM_LEDGER_Q_TALLY,
    HM_LEDGER_Q_COUNTS,
    HM_LEDGER_Q_ASK_BEGIN,
    HM_LEDGER_Q_ASK_UNDO,
    HM_LEDGER_Q_ASK_END,
    HM_LEDGER_Q_FORK_ADD,
    HM_LEDGER_Q_COUNT_
};

/* Key objects that were made of vkeys, by the id of their row. */
#define HM_LEDGER_KEY_CACHE 4096

struct hm_ledger {
    struct hm_ledger_options options;
    struct hm_lock lock;
    struct hm_database *database;
    struct hm_database_query *queries[HM_LEDGER_Q_COUNT_];
    bool has_begun; /* a transaction is open, and hm_ledger_take or _tick ends it */
    struct hm_log *log;
    struct hm_ledger_releases *releases;
    struct {
        int64_t id;
        struct hm_note_key *key;
    } keys[HM_LEDGER_KEY_CACHE];
    pthread_mutex_t mutex; /* of what follows: publish may run beside all else */
    struct hm_buf published;
    uint64_t published_size;
};

/* The statement, ready for values. */
struct hm_database_query *hm_ledger_query(struct hm_ledger *ledger, enum hm_ledger_query query);
/* A transaction is open after it. */
HM_MUST_CHECK enum hm_rc hm_ledger_begin(struct hm_ledger *ledger, struct hm_err *err);
/* Ends it: committed where rc is HM_OK, else dropped. */
HM_MUST_CHECK enum hm_rc hm_ledger_end(struct hm_ledger *ledger, enum hm_rc rc, struct hm_err *err);

/* The row of a name, made where there is none. */
HM_MUST_CHECK enum hm_rc hm_ledger_account(struct hm_ledger *ledger, const char *name, bool make,
                                           struct hm_err *err, int64_t *ret_id);
/* Appends a note of a delivery; nothing where it has none. */
HM_MUST_CHECK enum hm_rc hm_ledger_note(struct hm_ledger *ledger, int64_t delivery,
                                        enum hm_ledger_note note, struct hm_err *err,
                                        struct hm_buf *ret_note);
/* What a leaf is of: *ret_id 0 where there is none. */
struct hm_ledger_leaf {
    int64_t delivery, key; /* one of them is 0 */
    bool has_number;
    uint64_t number;
    struct hm_sha256 salt;
};
HM_MUST_CHECK enum hm_rc hm_ledger_leaf(struct hm_ledger *ledger, const struct hm_sha256 *hash,
                                        struct hm_err *err, bool *ret_found,
                                        struct hm_ledger_leaf *ret_leaf);
/* A leaf for the next batch. */
HM_MUST_CHECK enum hm_rc hm_ledger_leaf_add(struct hm_ledger *ledger, const struct hm_sha256 *hash,
                                            const struct hm_sha256 *salt, int64_t delivery,
                                            int64_t key, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_ledger_random(struct hm_err *err, struct hm_sha256 *ret_random);

/* ledger_log.c: opens the log, compares it with the database, and ends what a crash left. */
HM_MUST_CHECK enum hm_rc hm_ledger_log_open(struct hm_ledger *ledger, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_ledger_log_tick(struct hm_ledger *ledger, int64_t now_unix_s,
                                            struct hm_err *err, bool *ret_publish);
HM_MUST_CHECK enum hm_rc hm_ledger_log_publish(struct hm_ledger *ledger, int64_t now_unix_s,
                                               struct hm_err *err, struct hm_buf *report);
HM_MUST_CHECK enum hm_rc hm_ledger_log_proof(struct hm_ledger *ledger,
                                             const struct hm_ledger_leaf *leaf, struct hm_err *err,
                                             struct hm_buf *ret_proof);

/* What was found wrong with what somebody sent is his answer; what the system lacks is ours. */
bool hm_ledger_is_ours(enum hm_rc rc);

/* ledger_take.c: one ask. HM_OK: it has its status. */
HM_MUST_CHECK enum hm_rc hm_ledger_take_one(struct hm_ledger *ledger, struct hm_ledger_ask *ask,
                                            int64_t now_unix_s, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_ledger_take_head(struct hm_ledger *ledger, const char *account,
                                             const char *client, int64_t now_unix_s,
                                             struct hm_err *err, struct hm_buf *ret_note);

#endif
