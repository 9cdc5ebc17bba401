/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a subscription up to date: the TUF workflow, then this site's layout, then each maker
 * that was asked for: its identity chain, the verdict on it, its roles, and those of the products
 * that were asked for.
 *
 * A maker who is refused blocks nobody else: its standing has the reason. So has a product.
 */
#ifndef HM_CUSTOMER_REFRESH_H
#define HM_CUSTOMER_REFRESH_H

#include "customer/kept.h"
#include "customer/subscription.h"

/* A site that is publishing shows half of it for a moment: how often the refresh is tried, and the
 * first pause in between, doubled each time. */
#define HM_REFRESH_TRIES_MAX 3
#define HM_REFRESH_PAUSE_NS  400000000L

/* What is wanted: TUF patterns on ID and PRODUCT ("*" for all). An empty pattern on the product is
 * for none: of the makers only the roles above are looked at. */
struct hm_refresh_want {
    struct hm_bytes id, product;
};

struct hm_refresh_scope {
    const struct hm_refresh_want *wants;
    size_t count;
};

/* From the site, under the site's lock. HM_ECLOCK: the clock is behind the last refresh; what
 * hm_client_refresh and hm_layout_parse say. On failure nothing of the subscription may be used. */
HM_MUST_CHECK enum hm_rc hm_refresh_run(struct hm_subscription *subscription,
                                        struct hm_refresh_scope scope, struct hm_err *err);
/* As of the last refresh, from what is held alone: expiry is not looked at, age is the caller's to
 * tell. Where what is newest is not whole (a refresh stopped half-way, a site serves half of it):
 * as of the last complete refresh (subscription->is_earlier). HM_EAGAIN: never refreshed;
 * HM_ECLOCK. Standings are HM_EAGAIN where a role is not held. */
HM_MUST_CHECK enum hm_rc hm_refresh_load(struct hm_subscription *subscription,
                                         struct hm_refresh_scope scope, struct hm_err *err);
/* As of the moment of a folder of customer/kept.h, HM_KEPT_COMPLETE or HM_KEPT_LISTED.
 * HM_ENOTFOUND: there is none; for the former, the newest state lacks nothing. */
HM_MUST_CHECK enum hm_rc hm_refresh_load_kept(struct hm_subscription *subscription,
                                              const char *folder, struct hm_refresh_scope scope,
                                              struct hm_err *err);
/* HM_EAGAIN where what lies in the folder is not the state that subscription was refreshed or
 * loaded to. The caller holds the site's lock. */
HM_MUST_CHECK enum hm_rc hm_refresh_check_current(const struct hm_subscription *subscription,
                                                  struct hm_err *err);

#endif
