/* SPDX-License-Identifier: Apache-2.0 */
/* What signing.c and signing_chain.c share: a request's chain, verified, and a signer's memory. */
#ifndef HM_EXCHANGE_SIGNING_INTERNAL_H
#define HM_EXCHANGE_SIGNING_INTERNAL_H

#include "base/dir.h"
#include "exchange/request.h"
#include "trust/partition.h"

/* The chain of a request: what it says is published, verified, and what of the request itself is
 * not published yet but names the keys of other documents in it. */
struct hm_signing_chain {
    struct hm_envelope *root_envelope;
    struct hm_root *root; /* NULL: there is none yet */
    struct hm_envelope *targets_envelope;
    struct hm_targets *targets; /* NULL: there are none yet */
    struct hm_envelope *identity_envelope;
    struct hm_identity *identity; /* the newest; NULL: there is none */
    struct hm_root_unsigned next_root;
    struct hm_targets_unsigned next_targets;
    struct hm_identity_unsigned next_identity;
};

/* A document remembered. */
struct hm_signing_memory {
    struct hm_buf raw;
    struct hm_envelope *envelope; /* NULL: nothing is remembered */
    int64_t version;
};

/* Verifies the chain by itself: root by its own threshold, targets by root, the identity from its
 * first version on. On failure chain may be half filled; _done takes that. */
HM_MUST_CHECK enum hm_rc hm_signing_chain_verify(const struct hm_request *request,
                                                 struct hm_err *err,
                                                 struct hm_signing_chain *chain);
void hm_signing_chain_done(struct hm_signing_chain *chain);
/* The two sets of keys that may sign role: the published one and the one of this request; NULL
 * where there is none. */
void hm_signing_chain_groups(const struct hm_signing_chain *chain, const char *role,
                             const struct hm_role_keys *ret_groups[2]);

void hm_signing_chain_forget(struct hm_signing_memory *memory);
/* Loads PREFIX ROLE.json from dir; nothing is remembered where the file is missing. */
HM_MUST_CHECK enum hm_rc hm_signing_chain_recall(const struct hm_dir *dir, const char *prefix,
                                                 const char *role, struct hm_err *err,
                                                 struct hm_signing_memory *ret_memory);
HM_MUST_CHECK enum hm_rc hm_signing_chain_remember(const struct hm_dir *dir, const char *prefix,
                                                   const char *role,
                                                   const struct hm_envelope *envelope,
                                                   struct hm_err *err);

/* The rules of parts for release~ID and release~ID~PRODUCT, which keys sign (trust/partition.h). */
HM_MUST_CHECK enum hm_rc hm_signing_parts_check_release(const char *role,
                                                        const struct hm_role_keys *keys,
                                                        const struct hm_targets *targets,
                                                        struct hm_err *err);
/* A role above that hands on products which before (its version before, or NULL) lists: the request
 * must have the roles that list them from now on. HM_EREFUSED. */
HM_MUST_CHECK enum hm_rc hm_signing_parts_check_moved(const struct hm_request *request,
                                                      const struct hm_request_document *document,
                                                      const struct hm_envelope *before,
                                                      struct hm_err *err);
/* For a product's role that is new: appends an envelope of what the role above, as this signer
 * signed it last (is_mine) or as it is published, listed of the product; nothing where it listed
 * nothing. *ret_version is the version of that role above, or 0. */
HM_MUST_CHECK enum hm_rc hm_signing_parts_before(const struct hm_request *request,
                                                 const struct hm_dir *memory, bool is_mine,
                                                 const char *role, struct hm_err *err,
                                                 struct hm_buf *ret_raw, int64_t *ret_version);

#endif
