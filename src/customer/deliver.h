/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deliveries, the customer's side (docs/formats.md 20 and 22): before an image is downloaded it is
 * asked for, and the site's offer checked; once it is verified and durable, that is acknowledged,
 * or what came instead is rejected; and the site's receipt is kept. Interrupted anywhere, it goes
 * on the next time with the statements that were signed.
 *
 * All of it under one lock for each site, which is not held while an image is downloaded.
 */
#ifndef HM_CUSTOMER_DELIVER_H
#define HM_CUSTOMER_DELIVER_H

#include "customer/delivery_store.h"
#include "customer/get.h"
#include "trust/site_deliveries.h"

#define HM_DELIVER_FOLDER "deliveries"
#define HM_DELIVER_LOCK_WAIT_MS                                                                    \
    120000                           /* others' statements, each a request of a second or less     \
                                      */
#define HM_DELIVER_DEADLINE_MS 60000 /* of one request: the site answers after a flush */
/* What was downloaded without an offer, a line each: TIME PATH SHA256 LENGTH REASON... */
#define HM_DELIVER_UNSIGNED "unsigned"

/* One image's delivery between its offer and its answer. */
struct hm_deliver_grant {
    bool is_offered; /* else there is none, and there will be no answer */
    char offer[HM_SHA256_HEX_SIZE];
    struct hm_sha256 slot;
};

/* Are deliveries made of what is downloaded from this site: does policy allow it, root name them,
 * and a token exist? HM_EREFUSED: policy requires them, and they cannot be made. */
HM_MUST_CHECK enum hm_rc hm_deliver_is_wanted(const struct hm_subscription *subscription,
                                              struct hm_err *err, bool *ret_wanted);
/* Asks for item, whose release was proved by proof (NULL: the site keeps no log), and checks the
 * offer; goes on with one that an earlier run got. A site that does not answer, or refuses: a
 * notice, a line in "unsigned", and no offer; HM_ENETWORK or HM_EREFUSED where policy requires one.
 * HM_ESIGNATURE, HM_EMISMATCH, HM_EREFUSED, HM_EROLLBACK...: the site answered what cannot be
 * right. */
HM_MUST_CHECK enum hm_rc hm_deliver_begin(const struct hm_catalogue_item *item,
                                          const struct hm_release_proof *proof,
                                          const struct hm_get_events *events, struct hm_err *err,
                                          struct hm_deliver_grant *ret_grant);
/* The image is verified and durable: acknowledges it. A site that does not answer now is told of in
 * a notice, and asked again by the next run; errors as above. */
HM_MUST_CHECK enum hm_rc hm_deliver_acknowledge(const struct hm_catalogue_item *item,
                                                const struct hm_deliver_grant *grant,
                                                const struct hm_get_events *events,
                                                struct hm_err *err);
/* The site sent these bytes instead. As hm_deliver_acknowledge; *ret_words says what became of it,
 * for the sentence to the user; static. */
HM_MUST_CHECK enum hm_rc hm_deliver_reject(const struct hm_catalogue_item *item,
                                           const struct hm_deliver_grant *grant,
                                           const struct hm_sha256 *sha256, uint64_t length,
                                           const struct hm_get_events *events, struct hm_err *err,
                                           const char **ret_words);
/* The image is there already: acknowledges it where an earlier run did not come to that. */
HM_MUST_CHECK enum hm_rc hm_deliver_held(const struct hm_catalogue_item *item,
                                         const struct hm_get_events *events, struct hm_err *err);
/* Sends again what was not answered, closes offers that have ended. HM_ENETWORK. */
HM_MUST_CHECK enum hm_rc hm_deliver_settle(struct hm_subscription *subscription,
                                           const struct hm_get_events *events, struct hm_err *err);

#endif
