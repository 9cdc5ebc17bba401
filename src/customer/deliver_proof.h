/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that offers and receipts are in the site's deliveries log, fetched once its next batch is
 * out, and checked: against root's policy, and against the last checkpoint of that log that was
 * accepted. A log that has forked is refused, and both its checkpoints are kept.
 */
#ifndef HM_CUSTOMER_DELIVER_PROOF_H
#define HM_CUSTOMER_DELIVER_PROOF_H

#include "customer/deliver.h"

/* A receipt whose proof the site has not given after this long: a batch is a minute. */
#define HM_DELIVER_PROOF_OVERDUE_S 86400
/* What get and sync ask for on their way; 'hallmark receipts --update' asks for all. */
#define HM_DELIVER_PROOF_SOME 32

/* Settles (hm_deliver_settle), then asks for the proofs of at most max deliveries. The subscription
 * was refreshed. *ret_left: how many still lack one, of those that were asked for. HM_EREFUSED: the
 * log has forked; HM_EMISMATCH, HM_ESIGNATURE...: a proof that proves nothing; HM_ENETWORK. */
HM_MUST_CHECK enum hm_rc hm_deliver_proof_update(struct hm_subscription *subscription, size_t max,
                                                 const struct hm_get_events *events,
                                                 struct hm_err *err, size_t *ret_left);
/* As that, of a few, for commands that came for something else: what is wrong is a notice. */
void hm_deliver_proof_visit(struct hm_subscription *subscription,
                            const struct hm_get_events *events);

#endif
