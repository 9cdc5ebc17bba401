/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder kept as a site's releases say: DIR/ID/PRODUCT/VERSION/FILE, with SHA256SUMS. Gets only
 * what is missing or different; removes, if asked to, only what an earlier sync placed there from
 * this site, nobody changed since, and is not wanted now.
 */
#ifndef HM_CUSTOMER_SYNC_H
#define HM_CUSTOMER_SYNC_H

#include "customer/get.h"
#include "customer/placed.h"

struct hm_sync_options {
    bool remove;
    bool dry_run;
};

struct hm_sync_events {
    struct hm_get_events get;
    /* Each file once; HM_ERECALLED: it is not placed, and HM_GET_UNCHANGED says that it is there;
     * rc HM_OK: it is (would be) in place; text: why not. May be NULL. */
    void (*file)(void *ctx, const struct hm_catalogue_item *item, enum hm_get_result result,
                 enum hm_rc rc, const char *text);
    /* A file no longer wanted: removed (or would be) if kept is NULL, else why it stays. */
    void (*removal)(void *ctx, const char *target, const char *kept);
    void *ctx;
};

struct hm_sync_counts {
    size_t unchanged, placed, failed, removed, kept, recalled;
    uint64_t bytes; /* of the files placed */
    enum hm_rc worst;
};

/* catalogue holds what the patterns match at one site, sorted. A file that is refused or served
 * wrong fails alone; what would fail for every file (network, disk) ends the run. *ret_counts is
 * written in any case. */
HM_MUST_CHECK enum hm_rc hm_sync_run(const struct hm_home *home,
                                     const struct hm_catalogue *catalogue,
                                     struct hm_subscription *subscription, const char *folder,
                                     struct hm_sync_options options,
                                     const struct hm_sync_events *events, struct hm_err *err,
                                     struct hm_sync_counts *ret_counts);
/* The worse of two outcomes for several files: 4 if any, else 1, else 3, else 0 (DESIGN 6). */
enum hm_rc hm_sync_worse(enum hm_rc a, enum hm_rc b);

#endif
