/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For whom a document is: what its "x-hallmark" says of site, maker and identity (docs/formats.md
 * 2). A document made for one site must not pass at another.
 */
#ifndef HM_EXCHANGE_CLAIM_H
#define HM_EXCHANGE_CLAIM_H

#include "crypto/digest.h"
#include "tuf/document.h"

struct hm_claim {
    const char *site;         /* or NULL */
    const char *maker;        /* or NULL */
    const char *product;      /* only written; who reads it is trust/partition.c */
    int64_t identity_version; /* 0: none stated */
    struct hm_sha256 identity_sha256;
};

/* Reads those members of an "x-hallmark" object (empty: nothing is claimed) and passes over others.
 * Strings live in arena. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_claim_parse(struct hm_bytes x_hallmark, struct hm_arena *arena,
                                        struct hm_err *err, struct hm_claim *ret_claim);
/* Appends the object for maker~ID (all members) or release~ID (site alone), with the
 * product for the role of one. */
HM_MUST_CHECK enum hm_rc hm_claim_write(const struct hm_claim *claim, struct hm_err *err,
                                        struct hm_buf *ret_json);

#endif
