/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a judge share. */
#ifndef HM_JUDGE_JUDGE_INTERNAL_H
#define HM_JUDGE_JUDGE_INTERNAL_H

#include "delivery/delivery_file.h"
#include "judge/judge.h"

/* A delivery that verified, or one statement of it. Hashes of what is missing are zeros. */
struct hm_judge_delivery {
    const char *file, *account, *client, *path, *label, *edge;
    struct hm_sha256 key; /* of the client's vkey */
    bool has_request, has_offer, has_answer, has_receipt, is_ack;
    struct hm_sha256 request_hash, offer_hash, answer_hash, receipt_hash;
    struct hm_sha256 image, received;
    uint64_t length, received_length, written, checkpoint_size;
    struct hm_sha256 checkpoint_root;
    struct hm_statement_event request_event, answer_event;
    enum hm_statement_reason reason;
    int64_t request_time_s, offer_time_s, expires_s, answer_time_s, receipt_time_s;
    /* In the deliveries log; since when a witness knows, 0 if none does. */
    bool offer_is_logged, receipt_is_logged;
    uint64_t offer_seen_s, receipt_seen_s;
};

/* A place in the order of one client key. */
struct hm_judge_event {
    struct hm_sha256 key;
    const char *client, *account, *file;
    struct hm_statement_event place;
    struct hm_sha256 hash;
    struct hm_bytes note, key_note;
    enum hm_delivery_part part;
    bool is_signed; /* the site signed a statement that names it */
    bool is_head;   /* the site's word that this is the newest; hash is what it names */
};

/* A state of the release log that evidence brings. */
struct hm_judge_state {
    uint64_t size;
    struct hm_sha256 root;
    uint64_t earliest_s; /* first cosignature */
};

/* Evidence that holds. */
struct hm_judge_evidence {
    struct hm_evidence *evidence; /* owned */
    struct hm_judge_state state;
};

/* A state of the deliveries log. */
struct hm_judge_checkpoint {
    const char *origin, *file;
    uint64_t size;
    struct hm_sha256 root;
};

struct hm_judge_revoked {
    const char *client;
    int64_t since_s;
};

/* Files of a few clients lie together: their key notes are kept once. */
#define HM_JUDGE_KEY_NOTE_COUNT 64

#define HM_JUDGE_LIST(type)                                                                        \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, capacity;                                                                    \
    }

struct hm_judge {
    struct hm_basis *basis;
    int64_t now_unix_s;
    uint64_t root_version; /* the newest whose keys are in */
    struct hm_note_key *keys[HM_JUDGE_KEY_COUNT_MAX];
    const struct hm_note_key *trusted[HM_JUDGE_KEY_COUNT_MAX]; /* the same, as they are asked for */
    size_t key_count;
    struct hm_log_policy *policies[HM_JUDGE_KEY_COUNT_MAX];
    size_t policy_count;
    struct hm_judge_revoked revoked[HM_JUDGE_REVOKED_COUNT_MAX];
    size_t revoked_count;
    HM_JUDGE_LIST(struct hm_judge_delivery) deliveries;
    HM_JUDGE_LIST(struct hm_judge_event) events;
    HM_JUDGE_LIST(struct hm_judge_evidence) evidence;
    HM_JUDGE_LIST(struct hm_judge_checkpoint) checkpoints;
    struct hm_bytes
        key_notes[HM_JUDGE_KEY_NOTE_COUNT]; /* the newest; those before may come again */
    size_t key_note_count;
    size_t kept_size_max, evidence_size;
    size_t bad_proof_count;
    size_t file_count, head_count, bad_count, gap_count, gap_told_count, fork_count;
    const struct hm_judge_event *fork[2]; /* the first, if any */
    struct hm_report *report;             /* owned */
    struct hm_delivery_record record;     /* of the file at hand: too large for the stack */
    struct hm_arena arena;
};

#define HM_JUDGE_SAY(judge, mark, err, ...) hm_report_add((judge)->report, mark, err, __VA_ARGS__)
#define HM_JUDGE_NUMBER(number)             ((unsigned long long)(number))

/* Room for one more at the end of a list, zeroed; NULL when out of memory. */
void *hm_judge_grow(struct hm_judge *judge, void **items, size_t *count, size_t *capacity,
                    size_t size);
#define HM_JUDGE_ADD(judge, list)                                                                  \
    hm_judge_grow(judge, (void **)&(list)->items, &(list)->count, &(list)->capacity,               \
                  sizeof(*(list)->items))

/* A file that counts for nothing, with why. Returns HM_OK, or an internal error as it is. */
HM_MUST_CHECK enum hm_rc hm_judge_bad(struct hm_judge *judge, const char *name, enum hm_rc rc,
                                      const struct hm_err *why, struct hm_err *err);
/* A delivery file, or the note of one statement. */
HM_MUST_CHECK enum hm_rc hm_judge_take_delivery(struct hm_judge *judge, const char *name,
                                                struct hm_bytes raw, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_judge_take_note(struct hm_judge *judge, const char *name,
                                            struct hm_bytes raw, struct hm_err *err);
/* Sorts the events; tells gaps, and places that have two statements. */
HM_MUST_CHECK enum hm_rc hm_judge_order(struct hm_judge *judge, struct hm_err *err);
/* Has the site signed for this statement, or for one that follows it without a gap? */
bool hm_judge_is_known_to_site(const struct hm_judge *judge, const struct hm_sha256 *key,
                               const struct hm_sha256 *hash);

#endif
