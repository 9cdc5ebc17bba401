/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker's identity from version to version: the draft of the next one, whose signatures it needs,
 * and how it becomes part of the chain.
 */
#ifndef HM_MAKER_ROTATION_H
#define HM_MAKER_ROTATION_H

#include "maker/folder.h"

/* The draft of the next identity, with whose signatures it needs. */
struct hm_rotation {
    struct hm_draft *draft;
    struct hm_identity_unsigned next;
    struct hm_draft_need need; /* the newest identity's keys (from version 2 on), and its own */
};

/* How many of count keys must sign where nobody says: more than half. */
uint32_t hm_rotation_threshold(size_t count);
/* Drafts version 1, or the one after the newest; a draft of other keys is replaced. HM_EUSAGE: the
 * keys cannot meet the threshold, or are no change. */
HM_MUST_CHECK enum hm_rc hm_rotation_draft(const struct hm_folder *folder,
                                           const struct hm_key *const *keys, size_t key_count,
                                           uint32_t threshold, struct hm_err *err);
/* HM_ENOTFOUND: there is no draft. HM_EREFUSED: it does not follow the newest identity. */
HM_MUST_CHECK enum hm_rc hm_rotation_load(const struct hm_folder *folder, struct hm_err *err,
                                          struct hm_rotation **ret_rotation);
void hm_rotation_free(struct hm_rotation *rotation);
HM_DEFINE_FREE(hm_rotation_free, struct hm_rotation);
/* Adds signer's signature to the draft. HM_EREFUSED: its key is neither old nor new. */
HM_MUST_CHECK enum hm_rc hm_rotation_sign(const struct hm_folder *folder,
                                          const struct hm_signer *signer, struct hm_err *err);
/* Merges signatures; as hm_draft_merge. */
HM_MUST_CHECK enum hm_rc hm_rotation_merge(const struct hm_folder *folder,
                                           const struct hm_signatures *signatures,
                                           struct hm_err *err, uint32_t *ret_added);
/* Appends a request for the draft. */
HM_MUST_CHECK enum hm_rc hm_rotation_request(const struct hm_folder *folder, int64_t now_unix_s,
                                             struct hm_err *err, struct hm_buf *ret_buf);
/* A complete draft becomes identity/N.identity, and the folder's newest. HM_ESIGNATURE. */
HM_MUST_CHECK enum hm_rc hm_rotation_finish(struct hm_folder *folder, struct hm_err *err);

#endif
