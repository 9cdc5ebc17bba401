/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site's ledger of deliveries (docs/formats.md 22): private/deliveries/deliveries.db with every
 * statement byte by byte, and private/deliveries/log, the records of the deliveries log, whose tree
 * is public/deliveries.
 *
 * What the site says it signs inside the transaction that keeps it. hm_ledger_take does many things
 * with one transaction and one flush: nothing that it answers is lost, and nothing is answered
 * twice with different words.
 *
 * One process has it open to change, and one thread calls all of this but hm_ledger_publish.
 */
#ifndef HM_LEDGER_LEDGER_H
#define HM_LEDGER_LEDGER_H

#include "crypto/signer.h"
#include "delivery/delivery_file.h"
#include "store/database.h"
#include "tlog/log_policy.h"

#define HM_LEDGER_FOLDER        "deliveries" /* below private/ and public/ */
#define HM_LEDGER_FILE          "deliveries.db"
#define HM_LEDGER_BODY_SIZE_MAX HM_DELIVERY_FILE_PART_SIZE_MAX
#define HM_LEDGER_ANSWER_MAX    HM_DELIVERY_FILE_PART_SIZE_MAX
#define HM_LEDGER_OFFER_S       86400 /* an offer is good for a day */
#define HM_LEDGER_BATCH_S       60    /* between two batches of the log */
#define HM_LEDGER_KEYS_MAX      20000 /* of one account: a key a host */
/* Leaves of one batch of the log: a record is held in memory. */
#define HM_LEDGER_BATCH_COUNT_MAX 65536

struct hm_ledger;

/* May the account have the files of this release? */
typedef bool hm_ledger_grant_fn(void *ctx, const char *account, struct hm_bytes maker,
                                struct hm_bytes product, struct hm_bytes version);

/* All borrowed, for as long as the ledger is open. */
struct hm_ledger_options {
    const struct hm_dir *private_dir; /* the folder private/deliveries itself */
    const struct hm_dir *public_dir;  /* the site's public/ */
    const char *site;                 /* its name */
    const char *edge;                 /* which server this is, for offers; NULL: the site's name */
    const struct hm_note_key *key;    /* root's, for offers, receipts and heads */
    const struct hm_signer *signer;   /* of it */
    const struct hm_log_policy *policy;         /* root's, of the deliveries log */
    const struct hm_signer *log_signer;         /* of its log line */
    const struct hm_log_policy *release_policy; /* root's, of the release log */
    hm_ledger_grant_fn *is_granted;
    void *grant_ctx;
    const char *ca_file; /* for witnesses; or NULL */
    int64_t offer_s;     /* 0: the default, and so on */
    int64_t batch_s;
    uint64_t keys_max;
    uint32_t wait_ms; /* for another process */
};

/* Opens or makes it, and ends what a crash interrupted. HM_EBUSY: another process has it;
 * HM_EREFUSED: database and log are of different times, one of them put back from a backup;
 * HM_EROLLBACK: the public checkpoint is newer than the log; else as hm_database_open and
 * hm_log_open. */
HM_MUST_CHECK enum hm_rc hm_ledger_open(const struct hm_ledger_options *options, struct hm_err *err,
                                        struct hm_ledger **ret_ledger);
void hm_ledger_free(struct hm_ledger *ledger);
HM_DEFINE_FREE(hm_ledger_free, struct hm_ledger);

/* ---- what clients ask ---- */

enum hm_ledger_ask_kind {
    HM_LEDGER_KEY,     /* a key's note, signed by the key: the same, signed by both */
    HM_LEDGER_REQUEST, /* a request: its offer */
    HM_LEDGER_ANSWER,  /* an ack or reject: its receipt */
};

struct hm_ledger_ask {
    enum hm_ledger_ask_kind kind;
    const char *account; /* whose token it came with */
    struct hm_bytes body;
    /* Set by hm_ledger_take: what HTTP answers. 200: a note; 409 with a body that is a signed head;
     * else one sentence and a newline: 400 no statement of this kind and site; 401 "unknown key";
     * 403 another account's, no grant, revoked, too many keys; 404 nothing of that name; 409 the
     * name is another key's, or the place in the key's order is taken or leaves a gap; 410 the
     * offer has ended; 503 what the ledger has of it is damaged, failed and why say how. */
    unsigned status;
    enum hm_rc failed;
    struct hm_err why;
    struct hm_buf answer; /* made with HM_LEDGER_ASK_INIT; the caller releases it */
};

#define HM_LEDGER_ASK_INIT                                                                         \
    {                                                                                              \
        .answer = HM_BUF_INIT(HM_LEDGER_ANSWER_MAX)                                                \
    }

/* One transaction for all of them, and for what hm_ledger_collect and hm_ledger_gap took since.
 * HM_OK: all is on the disk, and every ask has its status; a bad one spoils no other, nor does
 * one that meets a damaged row. Otherwise
 * nothing of it happened (HM_EIO, HM_EBUSY...), and no answer may be used: 503. */
HM_MUST_CHECK enum hm_rc hm_ledger_take(struct hm_ledger *ledger, struct hm_ledger_ask *asks,
                                        size_t count, int64_t now_unix_s, struct hm_err *err);

/* Appends the signed head of an account's key. HM_ENOTFOUND: the account has no such key. */
HM_MUST_CHECK enum hm_rc hm_ledger_head(struct hm_ledger *ledger, const char *account,
                                        const char *client, int64_t now_unix_s, struct hm_err *err,
                                        struct hm_buf *ret_note);
/* Appends the proof of an offer, a receipt or a key's note of this account. HM_EAGAIN: not yet, and
 * *ret_wait_s says when to ask again; HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_ledger_proof(struct hm_ledger *ledger, const char *account,
                                         const struct hm_sha256 *hash, struct hm_err *err,
                                         struct hm_buf *ret_proof, uint32_t *ret_wait_s);

/* ---- what the collector counted ---- */

struct hm_ledger_transfer {
    const char *account; /* "": nobody known */
    const char *path;    /* ID/PRODUCT/VERSION/FILE */
    struct hm_sha256 image;
    bool has_offer;
    struct hm_sha256 offer;
    uint64_t bytes;
    bool is_complete; /* the server sent all that was asked for */
    int64_t begin_unix_s;
    const char *peer, *door; /* address; "https", "sftp"... */
};

struct hm_ledger_position {
    bool is_known; /* this source */
    bool is_begun; /* any source ever */
    uint64_t position;
    int64_t taken_unix_s; /* when anything was last taken, of any source; 0: never */
};

HM_MUST_CHECK enum hm_rc hm_ledger_position(struct hm_ledger *ledger,
                                            const struct hm_sha256 *source, struct hm_err *err,
                                            struct hm_ledger_position *ret_position);
/* What stands in a log of transfers between two places. Bytes of an offer of this account, path and
 * image count for it; all else is served-unsigned. On the disk with the next hm_ledger_take (also
 * one of no asks). HM_EAGAIN: from is not where it stands (0 where the source is new). A log that
 * lost its end goes back: to below from, without transfers. */
HM_MUST_CHECK enum hm_rc hm_ledger_collect(struct hm_ledger *ledger, const struct hm_sha256 *source,
                                           uint64_t from, uint64_t to,
                                           const struct hm_ledger_transfer *transfers, size_t count,
                                           struct hm_err *err);
/* Transfers may have gone uncounted in this time. */
HM_MUST_CHECK enum hm_rc hm_ledger_gap(struct hm_ledger *ledger, int64_t since_unix_s,
                                       int64_t until_unix_s, const char *why, struct hm_err *err);

/* ---- what time brings ---- */

/* Closes offers that ended, and appends a batch to the log where one is due. *ret_publish: the log
 * has more than its public checkpoint says. */
HM_MUST_CHECK enum hm_rc hm_ledger_tick(struct hm_ledger *ledger, int64_t now_unix_s,
                                        struct hm_err *err, bool *ret_publish);
/* Signs the log's checkpoint, asks the witnesses of its policy, and publishes it: may take seconds,
 * and may run in a thread of its own beside all else. report: a line for each witness. HM_EAGAIN:
 * no quorum, and nothing is published. */
HM_MUST_CHECK enum hm_rc hm_ledger_publish(struct hm_ledger *ledger, int64_t now_unix_s,
                                           struct hm_err *err, struct hm_buf *report);

struct hm_ledger_counts {
    uint64_t requested; /* and refused */
    uint64_t offered, unacknowledged, acknowledged, rejected, unsigned_transfers;
    uint64_t keys, leaves_pending, gaps;
};
HM_MUST_CHECK enum hm_rc hm_ledger_counts(struct hm_ledger *ledger, struct hm_err *err,
                                          struct hm_ledger_counts *ret_counts);

#endif
