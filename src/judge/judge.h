/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be said of a delivery by what both sides signed (docs/formats.md 23), offline: files
 * from whoever brings them are taken in, each verified by what the basis and the site's roots say
 * may be believed, and a claim is held against what is left.
 *
 * Nothing that a file says of keys or policies is believed; a file that does not verify counts for
 * nothing, and is told.
 */
#ifndef HM_JUDGE_JUDGE_H
#define HM_JUDGE_JUDGE_H

#include "evidence/check.h"
#include "tlog/log_policy.h"
#include "tuf/root.h"

/* A site's whole history of one account fits. */
#define HM_JUDGE_FILE_COUNT_MAX 200000
/* In memory, of all files: that history in less than 5 KiB each, and no more of files that were
 * made to fill it. */
#define HM_JUDGE_KEPT_SIZE_MAX ((size_t)1 << 30)
/* Each is held against all statements; a site signs one where orders differ. */
#define HM_JUDGE_HEAD_COUNT_MAX 256
/* A root each year for longer than any dispute. */
#define HM_JUDGE_KEY_COUNT_MAX     64
#define HM_JUDGE_REVOKED_COUNT_MAX 64
/* What the report tells one by one; the rest is counted. */
#define HM_JUDGE_TOLD_MAX 64

/* What is claimed of a customer and a release, or an image. */
enum hm_judge_claim_kind {
    HM_JUDGE_RECEIVED,
    HM_JUDGE_NEVER_RECEIVED,
    HM_JUDGE_REJECTED,
    HM_JUDGE_WITHHELD, /* by the site */
    HM_JUDGE_CLAIM_COUNT_
};

struct hm_judge_claim {
    enum hm_judge_claim_kind kind;
    const char *customer; /* account */
    const char *release;  /* ID/PRODUCT/VERSION (or a label), or NULL: an image is named */
    bool has_image;
    struct hm_sha256 image;
    bool has_at;
    int64_t at_unix_s; /* of the dispute: what was first witnessed later is no evidence for it */
};

enum hm_judge_finding {
    HM_JUDGE_NOTHING,         /* no evidence either way */
    HM_JUDGE_DELIVERED,       /* both sides signed */
    HM_JUDGE_UNACKNOWLEDGED,  /* the site's word alone */
    HM_JUDGE_CUSTOMER_ALONE,  /* the customer's word alone */
    HM_JUDGE_UNPUBLISHED,     /* the site offered bytes that are no published release */
    HM_JUDGE_CONTRADICTION,   /* a rejection of other bytes than the site meant */
    HM_JUDGE_REFUSED,         /* the bytes that were meant, refused by the customer's rules */
    HM_JUDGE_UNANSWERED,      /* a request that the site knows of, without an offer */
    HM_JUDGE_NO_SUCH_RELEASE, /* no such label in the log */
    HM_JUDGE_EQUIVOCATION,    /* two statements of one place */
    HM_JUDGE_LATE,            /* made, or witnessed, after the time in dispute */
    HM_JUDGE_REVOKED,         /* by a key that was revoked by then */
    HM_JUDGE_FINDING_COUNT_
};

enum hm_judge_verdict { HM_JUDGE_PROVED, HM_JUDGE_REFUTED, HM_JUDGE_UNTOLD };

struct hm_judge;

/* What was found; texts are the judge's. */
struct hm_judge_answer {
    enum hm_judge_finding finding;
    enum hm_judge_verdict verdict;
    const char *claim;
    const char *text;        /* the finding, as docs/formats.md 23 words it */
    const char *needed;      /* what would settle the rest, or NULL */
    size_t delivery_count;   /* deliveries that verified */
    size_t matching_count;   /* of the claim's customer and release */
    size_t bad_count;        /* files that count for nothing */
    size_t gap_count;        /* statements that are withheld, in the order of some key */
    size_t fork_count;       /* places with two statements */
    struct hm_bytes fork[2]; /* delivery files that prove the first fork, or no bytes */
};

/* The basis is borrowed, and outlives the judge: roots that evidence brings are added to it. now:
 * an offer that has not ended by then may still be answered. */
HM_MUST_CHECK enum hm_rc hm_judge_new(struct hm_basis *basis, int64_t now_unix_s,
                                      struct hm_err *err, struct hm_judge **ret_judge);
void hm_judge_free(struct hm_judge *judge);
HM_DEFINE_FREE(hm_judge_free, struct hm_judge);

/* The key and the deliveries log that a trusted root names are believed, beside those of other
 * roots. HM_EFORMAT: what it says of them is not as it must be. */
HM_MUST_CHECK enum hm_rc hm_judge_trust_root(struct hm_judge *judge, const struct hm_root *root,
                                             struct hm_err *err);
/* Likewise, told apart from a root; copies key and policy. */
HM_MUST_CHECK enum hm_rc hm_judge_trust(struct hm_judge *judge, const struct hm_note_key *key,
                                        const struct hm_log_policy *policy, struct hm_err *err);
/* Known from outside: this client key has not been its customer's since then. */
HM_MUST_CHECK enum hm_rc hm_judge_revoke(struct hm_judge *judge, const char *client,
                                         int64_t since_unix_s, struct hm_err *err);

/* Evidence about the release log must be taken before deliveries, whose keys may be of roots in it.
 */
bool hm_judge_is_evidence(struct hm_bytes raw);
/* Takes a file: evidence (14), a delivery file (22), or the note of one statement. One that does
 * not hold is told in the report, and HM_OK. HM_EREFUSED: too many, or too large together. */
HM_MUST_CHECK enum hm_rc hm_judge_take(struct hm_judge *judge, const char *name,
                                       struct hm_bytes raw, struct hm_err *err);
/* Once, after all files. HM_EUSAGE: the claim is none. */
HM_MUST_CHECK enum hm_rc hm_judge_decide(struct hm_judge *judge, const struct hm_judge_claim *claim,
                                         struct hm_err *err, struct hm_judge_answer *ret_answer);
/* Every step so far. Borrowed. */
const struct hm_report *hm_judge_report(const struct hm_judge *judge);
/* "delivered", "proved", "received": static. */
const char *hm_judge_finding_name(enum hm_judge_finding finding);
const char *hm_judge_verdict_name(enum hm_judge_verdict verdict);
const char *hm_judge_claim_name(enum hm_judge_claim_kind kind);
/* 0 proved, 1 refuted, 3 cannot tell. */
int hm_judge_exit_status(enum hm_judge_verdict verdict);

#endif
