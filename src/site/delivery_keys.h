/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a site's deliveries, and what root says of them (docs/formats.md 22).
 *
 *   private/keys/delivery.pem         offers, receipts and heads
 *   private/keys/deliveries-log.pem   checkpoints of the deliveries log
 *
 * They lie on the server: whoever steals them can say that something was delivered, not what a
 * customer received or rejected, which customers sign; and publishes nothing with them.
 */
#ifndef HM_SITE_DELIVERY_KEYS_H
#define HM_SITE_DELIVERY_KEYS_H

#include "site/site.h"
#include "trust/site_deliveries.h"

#define HM_DELIVERY_KEYS_FOLDER "deliveries" /* in public/: the log's, and a server's to write */

struct hm_delivery_signers {
    struct hm_signer *statements, *log; /* owned */
};

/* Makes both keys and the log's folder, and appends a root's x-hallmark with "deliveries" set.
 * Their names are that of the release log with "delivery" and "deliveries" in the last place; log:
 * its policy, whose witnesses and quorum hold for the deliveries log too. */
HM_MUST_CHECK enum hm_rc hm_delivery_keys_begin(const struct hm_site *site,
                                                const struct hm_log_policy *log,
                                                struct hm_bytes x_hallmark, struct hm_err *err,
                                                struct hm_buf *ret_json);
/* Drafts the next root with another key of statements; the log keeps its key, and has the
 * witnesses that the release log has then. A site without deliveries begins them. HM_EUSAGE: it
 * keeps no release log; HM_EAGAIN: nothing is published yet. */
HM_MUST_CHECK enum hm_rc hm_delivery_keys_rotate(const struct hm_site *site, struct hm_err *err,
                                                 struct hm_buf *report);
/* Those that root names. HM_EINPUT: one of them is not in private/keys. */
HM_MUST_CHECK enum hm_rc hm_delivery_keys_load(const struct hm_dir *private_dir,
                                               const struct hm_site_deliveries *deliveries,
                                               struct hm_err *err,
                                               struct hm_delivery_signers *ret_keys);
void hm_delivery_keys_done(struct hm_delivery_signers *keys);

#endif
