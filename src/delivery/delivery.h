/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One delivery: which statement may follow which, and what is known after each. Pure: statements
 * that were verified go in, in the order in which they were made.
 *
 *   nothing -> requested -> offered -> acknowledged -> receipted
 *                              |-----> rejected     -> receipted
 *                              '-----> unacknowledged, when the offer ends (an answer that was made
 *                                      in time may still come)
 */
#ifndef HM_DELIVERY_DELIVERY_H
#define HM_DELIVERY_DELIVERY_H

#include "delivery/statement.h"

enum hm_delivery_state {
    HM_DELIVERY_NOTHING,
    HM_DELIVERY_REQUESTED,
    HM_DELIVERY_OFFERED,
    HM_DELIVERY_UNACKNOWLEDGED,
    HM_DELIVERY_ACKNOWLEDGED,
    HM_DELIVERY_REJECTED,
};

/* Statements are copies; their texts belong to whoever gave them, and outlive this. */
struct hm_delivery {
    enum hm_delivery_state state;
    bool is_receipted;
    struct hm_statement request, offer, answer, receipt;
    struct hm_sha256 request_hash, offer_hash, answer_hash, receipt_hash;
};

#define HM_DELIVERY_INIT                                                                           \
    {                                                                                              \
        .state = HM_DELIVERY_NOTHING                                                               \
    }

/* "served-unacked", as reports print it; static. */
const char *hm_delivery_state_name(enum hm_delivery_state state);
/* Takes the next statement; nothing changes unless HM_OK. HM_EREFUSED: it may not follow, or comes
 * twice; HM_EMISMATCH: it speaks of something else than those before it, naming the line;
 * HM_EEXPIRED: an answer that was made after the offer had ended. The same statement again is
 * HM_OK. */
HM_MUST_CHECK enum hm_rc hm_delivery_take(struct hm_delivery *delivery,
                                          const struct hm_statement *statement,
                                          const struct hm_sha256 *hash, struct hm_err *err);
/* The time is now: an offer without an answer ends with its time. */
void hm_delivery_pass(struct hm_delivery *delivery, int64_t now_unix_s);

/* ---- the order of one client key's statements ---- */

struct hm_delivery_sequence {
    bool has_last;
    uint64_t epoch, counter;
    struct hm_sha256 last; /* hash of the newest statement */
};

/* Takes a client's next statement. HM_EREFUSED: a gap, or a place that is taken: two statements of
 * one place, both signed, prove that the key was used twice. A new epoch follows the last by one,
 * starts at 1, and names head, the newest statement that the site has signed for (NULL: none), so
 * that nothing before it is forgotten. */
HM_MUST_CHECK enum hm_rc hm_delivery_sequence_take(struct hm_delivery_sequence *sequence,
                                                   const struct hm_statement *statement,
                                                   const struct hm_sha256 *hash,
                                                   const struct hm_sha256 *head,
                                                   struct hm_err *err);

#endif
