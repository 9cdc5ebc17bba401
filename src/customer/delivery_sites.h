/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By whose word a site's statements count here: the keys and deliveries logs that its roots have
 * named, today's and, of earlier roots, those that this machine's deliveries were made under.
 *
 *   roots/HEX    in the folder of deliveries: a root as it was verified, named by the SHA-256 of
 *                the key and policy in it
 */
#ifndef HM_CUSTOMER_DELIVERY_SITES_H
#define HM_CUSTOMER_DELIVERY_SITES_H

#include "customer/subscription.h"
#include "trust/site_deliveries.h"

#define HM_DELIVERY_SITES_COUNT_MAX 64 /* another one each year for longer than any dispute */

struct hm_delivery_sites {
    struct hm_site_deliveries *sites[HM_DELIVERY_SITES_COUNT_MAX]; /* today's first, if any */
    const struct hm_note_key *keys[HM_DELIVERY_SITES_COUNT_MAX];   /* the same ones' */
    size_t count;
};

#define HM_DELIVERY_SITES_INIT                                                                     \
    {                                                                                              \
        .count = 0                                                                                 \
    }

/* Keeps the root that was verified for when another one has followed; nothing happens if one with
 * its key and policy is kept. The caller holds the folder's lock. */
HM_MUST_CHECK enum hm_rc hm_delivery_sites_keep(const struct hm_subscription *subscription,
                                                const struct hm_site_deliveries *today,
                                                const struct hm_dir *dir, struct hm_err *err);
/* The root that is loaded, the trust file's, and those that are kept. HM_EFORMAT, HM_ESIGNATURE
 * naming the file: one that is kept is damaged; HM_EMISMATCH: it is of another site. */
HM_MUST_CHECK enum hm_rc hm_delivery_sites_read(const struct hm_subscription *subscription,
                                                struct hm_err *err,
                                                struct hm_delivery_sites *ret_sites);
void hm_delivery_sites_done(struct hm_delivery_sites *sites);

#endif
