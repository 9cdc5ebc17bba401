/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a bundle of what a refreshed subscription has for some patterns: the site's roots and
 * top-level roles, the roles and identities of the makers and products asked for, their images.
 */
#ifndef HM_CUSTOMER_PACK_H
#define HM_CUSTOMER_PACK_H

#include "customer/get.h"

struct hm_pack_counts {
    size_t roles, identities, images;
    uint64_t image_bytes;
};

/* Writes the bundle to path; nothing stands there before it is whole. catalogue holds what the
 * patterns match, and of it what is accepted goes in; patterns are as the user wrote them. Images
 * are got as hm_get_file does, each into a folder beside path and away again. HM_EAGAIN: another
 * command refreshed the site meanwhile. */
HM_MUST_CHECK enum hm_rc hm_pack_run(struct hm_subscription *subscription,
                                     const struct hm_catalogue *catalogue,
                                     const char *const *patterns, size_t pattern_count,
                                     const char *path, const struct hm_get_events *events,
                                     struct hm_err *err, struct hm_pack_counts *ret_counts);

#endif
