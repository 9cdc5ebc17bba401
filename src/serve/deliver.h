/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deliveries as a server has them (docs/formats.md 22): requests over HTTP in, answers out once
 * they are flushed. Connections wait in threads of their own; one thread has the ledger, takes all
 * that waits together, hears first what the collector has counted, and flushes once.
 *
 *   POST /delivery/key, /delivery/request, /delivery/answer
 *   GET  /delivery/head?client=KEYNAME, /delivery/proof/HASH
 *
 * Whose request it is was decided before, by a process that knows tokens; a client's own word is
 * never taken for it.
 */
#ifndef HM_SERVE_DELIVER_H
#define HM_SERVE_DELIVER_H

#include "serve/batch.h"
#include "serve/counters.h"
#include "serve/handover.h"

#define HM_DELIVER_BODY_SIZE_MAX   16384 /* of both ways: a note has some 2 KiB, a proof 4 */
#define HM_DELIVER_BATCH_MAX       128   /* of one flush: some 40 ms of signatures */
#define HM_DELIVER_CLIENT_SIZE_MAX 256   /* of a key's name in a question */
#define HM_DELIVER_TICK_MS         1000
/* For the collector to say what nginx wrote until now, before an answer is receipted. */
#define HM_DELIVER_CATCH_UP_MS 250

enum hm_deliver_kind {
    HM_DELIVER_KEY,
    HM_DELIVER_REQUEST,
    HM_DELIVER_ANSWER,
    HM_DELIVER_HEAD,
    HM_DELIVER_PROOF,
};

/* One request on its way through. */
struct hm_deliver_item {
    struct hm_batch_item waiting; /* first */
    enum hm_deliver_kind kind;
    const char *account;
    struct hm_bytes body;   /* of a POST */
    const char *client;     /* HEAD */
    struct hm_sha256 hash;  /* PROOF */
    unsigned status;        /* of the answer */
    unsigned retry_after_s; /* 0: not said */
    struct hm_buf answer;   /* text */
};

/* The book in which deliveries stand. All of it is called by one thread alone, proofs too: they are
 * read by the statements that a transaction uses. */
struct hm_deliver_ledger {
    void *ctx;
    /* Takes what the collector counted; not yet flushed. HM_EAGAIN: from is not where it stands. */
    enum hm_rc (*collect)(void *ctx, const struct hm_handover *batch, struct hm_err *err);
    enum hm_rc (*gap)(void *ctx, int64_t since_unix_s, int64_t until_unix_s, struct hm_err *err);
    enum hm_rc (*position)(void *ctx, const struct hm_sha256 *source, struct hm_err *err,
                           struct hm_handover *ret_position);
    /* Takes the items and all that was collected in one transaction, flushes, and sets status and
     * answer of each; if not HM_OK, nothing of it happened. */
    enum hm_rc (*take)(void *ctx, struct hm_deliver_item **items, size_t count, int64_t now_unix_s,
                       struct hm_err *err);
    /* What time brings: offers that end, batches of the log. */
    enum hm_rc (*tick)(void *ctx, int64_t now_unix_s, struct hm_err *err);
    void (*counts)(void *ctx, struct hm_counters_ledger *ret_counts);
};

struct hm_deliver_options {
    const struct hm_deliver_ledger *ledger; /* borrowed */
    struct hm_counters *counters;           /* borrowed */
    int collector;                          /* socket of packets; -1: nobody collects */
};

struct hm_deliver;

HM_MUST_CHECK enum hm_rc hm_deliver_new(const struct hm_deliver_options *options,
                                        struct hm_err *err, struct hm_deliver **ret_deliver);
/* Takes nothing new, ends what was taken, and releases all. */
void hm_deliver_free(struct hm_deliver *deliver);
HM_DEFINE_FREE(hm_deliver_free, struct hm_deliver);

/* A request as HTTP has it. */
struct hm_deliver_question {
    const char *method;
    const char *path;    /* as sent: "/delivery/request" */
    const char *client;  /* the argument "client", as sent; NULL: none */
    const char *account; /* NULL: nobody who is known */
    struct hm_bytes body;
};

/* Answers one, by many threads at once; *item is the caller's to release. */
void hm_deliver_answer(struct hm_deliver *deliver, const struct hm_deliver_question *question,
                       struct hm_deliver_item *item);
void hm_deliver_item_done(struct hm_deliver_item *item);

/* What is asked for, of a method and a path; 0 or the status of a refusal. */
HM_MUST_CHECK unsigned hm_deliver_read(const struct hm_deliver_question *question,
                                       struct hm_deliver_item *item,
                                       char ret_client[HM_DELIVER_CLIENT_SIZE_MAX]);
/* "/delivery/" and below. */
bool hm_deliver_is_path(const char *path);

#endif
