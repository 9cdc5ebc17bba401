/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which release a measured option ROM is of: the digests of a boot's event log
 * (image/event_log.h) looked up in what accepted releases say will be measured
 * (custom.measurements, docs/formats.md 2).
 */
#ifndef HM_CUSTOMER_MEASURED_H
#define HM_CUSTOMER_MEASURED_H

#include "customer/catalogue.h"

struct hm_measured_entry {
    struct hm_sha256 sha256;
    const struct hm_catalogue_item *item;
    struct hm_bytes file; /* as the release says it */
};

struct hm_measured {
    struct hm_measured_entry *entries; /* of PCR 2, sorted by digest, then as in the catalogue */
    size_t count, capacity;
    struct hm_arena arena;
};

/* What the catalogue's accepted items say; views of it. What is said in another form than ours is
 * passed over: a maker may say other things. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_measured_build(const struct hm_catalogue *catalogue, struct hm_err *err,
                                           struct hm_measured *ret_measured);
void hm_measured_done(struct hm_measured *measured);
/* The entries with that digest: *ret_count of them from the one returned on. */
const struct hm_measured_entry *hm_measured_find(const struct hm_measured *measured,
                                                 const struct hm_sha256 *sha256, size_t *ret_count);

#endif
