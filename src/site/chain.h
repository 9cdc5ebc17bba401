/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker's identity versions as this site holds them: those published in public/makers/ID/ and
 * those taken in and not yet published in private/identities/ID/.
 */
#ifndef HM_SITE_CHAIN_H
#define HM_SITE_CHAIN_H

#include "site/site.h"

struct hm_chain {
    struct hm_bytes *raws; /* version i+1 */
    size_t count;
    size_t public_count;          /* how many of them are published */
    struct hm_identity *identity; /* the newest; NULL: there is none */
    struct hm_arena arena;
};

/* Verified from version 1. version_max 0: all there are; else HM_ENOTFOUND where there are fewer.
 * HM_ESIGNATURE, HM_EROLLBACK: a break. */
HM_MUST_CHECK enum hm_rc hm_chain_load(const struct hm_site *site, const char *id,
                                       int64_t version_max, struct hm_err *err,
                                       struct hm_chain **ret_chain);
void hm_chain_free(struct hm_chain *chain);
HM_DEFINE_FREE(hm_chain_free, struct hm_chain);
/* Keeps versions (which the caller verified) in private/identities/ID/. Those that are there must
 * be the same: HM_EREFUSED naming the version where the chains part; HM_EROLLBACK where the new
 * chain is the shorter one. */
HM_MUST_CHECK enum hm_rc hm_chain_store(const struct hm_site *site, const char *id,
                                        const struct hm_bytes *raws, size_t count,
                                        struct hm_err *err);
/* As hm_chain_store, only checking. */
HM_MUST_CHECK enum hm_rc hm_chain_check(const struct hm_site *site, const char *id,
                                        const struct hm_bytes *raws, size_t count,
                                        struct hm_err *err);

#endif
