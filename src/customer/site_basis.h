/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a customer judges evidence by: a trust file that he was given, or what he holds of a site
 * that he trusts. Nothing is fetched.
 */
#ifndef HM_CUSTOMER_SITE_BASIS_H
#define HM_CUSTOMER_SITE_BASIS_H

#include "customer/subscription.h"
#include "evidence/basis.h"

/* The trust file's root and what it demands; it is borrowed. */
HM_MUST_CHECK enum hm_rc hm_site_basis_of_trust(const struct hm_trust_file *trust,
                                                int64_t now_unix_s, struct hm_err *err,
                                                struct hm_basis **ret_basis);
/* The newest root that is held of an opened site, the one in its trust file, and what trust file
 * and customer demand; the subscription is borrowed. */
HM_MUST_CHECK enum hm_rc hm_site_basis_of_site(const struct hm_subscription *subscription,
                                               struct hm_err *err, struct hm_basis **ret_basis);

#endif
