/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The delegated roles that a client has in memory, found by name.
 *
 * TUF client issue of 2026-08 ("diamond"): a role is good only for the keys it was verified with,
 * so each has one digest for every delegation that accepted it.
 */
#ifndef HM_TUF_HELD_H
#define HM_TUF_HELD_H

#include "crypto/digest.h"
#include "tuf/targets.h"

struct hm_held_role {
    struct hm_held_role *next;  /* of the same bucket */
    struct hm_bytes name;       /* in the arena */
    struct hm_buf raw;          /* what targets points into */
    struct hm_targets *targets; /* owned */
    struct hm_sha256 *accepted;
    size_t accepted_count;
    struct hm_arena arena;
};

struct hm_held {
    struct hm_held_role **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

void hm_held_done(struct hm_held *held);
/* What a delegation accepts, in one value: the threshold and the sorted key materials. */
HM_MUST_CHECK enum hm_rc hm_held_digest_keys(const struct hm_role_keys *keys, struct hm_err *err,
                                             struct hm_sha256 *ret_digest);
/* NULL: not in memory. */
struct hm_held_role *hm_held_find(const struct hm_held *held, struct hm_bytes name);
/* Adds a role that is not there yet, accepted by keys. Copies name; takes raw and targets on
 * success. */
HM_MUST_CHECK enum hm_rc hm_held_put(struct hm_held *held, struct hm_bytes name,
                                     const struct hm_sha256 *keys, struct hm_buf *raw,
                                     struct hm_targets **targets, struct hm_err *err,
                                     struct hm_held_role **ret_role);
/* Forgets it; what points into it dies. A role that is not there is fine. */
void hm_held_drop(struct hm_held *held, struct hm_bytes name);
bool hm_held_is_accepted(const struct hm_held_role *role, const struct hm_sha256 *keys);
HM_MUST_CHECK enum hm_rc hm_held_accept(struct hm_held_role *role, const struct hm_sha256 *keys,
                                        struct hm_err *err);

#endif
