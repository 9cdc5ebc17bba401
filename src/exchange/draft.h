/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A draft: the next version of one role, with the signatures collected so far, as the file
 * ROLE.json (percent-encoded) in a folder of drafts. A maker's folder and a site's private/drafts
 * use the same code.
 *
 * Nothing here takes a lock: the caller holds that of the folder above. Every change is one file
 * replaced whole and flushed, so a run that dies leaves the old draft or the new one.
 */
#ifndef HM_EXCHANGE_DRAFT_H
#define HM_EXCHANGE_DRAFT_H

#include "base/dir.h"
#include "crypto/signer.h"
#include "exchange/request.h"
#include "exchange/signatures.h"

#define HM_DRAFT_COUNT_MAX                                                                         \
    131072 /* in one folder: each product of each maker; a request takes fewer */

/* Whose signatures a document needs: one threshold, or two where a document must satisfy the keys
 * before it and its own (root and identity from version 2 on). Borrows the keys. */
struct hm_draft_need {
    const struct hm_role_keys *groups[2];
    size_t group_count; /* 1 or 2 */
};

struct hm_draft {
    const char *role;
    int64_t version;
    struct hm_sha256 sha256;      /* of the bytes to sign */
    struct hm_bytes raw;          /* the envelope as it stands in the file */
    struct hm_envelope *envelope; /* of raw, parsed */
    struct hm_arena arena;
};

struct hm_draft_state {
    bool is_complete;   /* every group's threshold is met: raw can be published */
    uint32_t valid[2];  /* distinct key materials of each group that signed */
    uint32_t needed[2]; /* its threshold */
    size_t group_count;
    const char **missing; /* ids of the keys that may still sign (in the caller's arena) */
    size_t missing_count;
};

/* Writes canonical (the canonical bytes of "signed") as the draft of role, in place of an earlier
 * one. Signatures that an earlier draft holds for these very bytes are kept; for other bytes they
 * are gone. HM_EFORMAT if the bytes are no document with a version, or role no role's name. */
HM_MUST_CHECK enum hm_rc hm_draft_put(const struct hm_dir *dir, const char *role,
                                      struct hm_bytes canonical, struct hm_err *err);
/* HM_ENOTFOUND: there is no draft of role. HM_EFORMAT: the file is damaged. */
HM_MUST_CHECK enum hm_rc hm_draft_load(const struct hm_dir *dir, const char *role,
                                       struct hm_err *err, struct hm_draft **ret_draft);
void hm_draft_free(struct hm_draft *draft);
HM_DEFINE_FREE(hm_draft_free, struct hm_draft);

/* The roles that have a draft, sorted, in the arena; none where the folder is missing. */
HM_MUST_CHECK enum hm_rc hm_draft_list(const struct hm_dir *dir, struct hm_arena *arena,
                                       struct hm_err *err, const char ***ret_roles,
                                       size_t *ret_count);

/* Adds signer's signature to the draft of role, under every id that need's groups give its key.
 * *ret_added is false if it had signed already. HM_EREFUSED: no group lists that key. */
HM_MUST_CHECK enum hm_rc hm_draft_sign(const struct hm_dir *dir, const char *role,
                                       const struct hm_signer *signer,
                                       const struct hm_draft_need *need, struct hm_err *err,
                                       bool *ret_added);
/* Adds those of the signatures that are for the draft's very bytes and verify under a key of need;
 * *ret_added counts the new ones. HM_EMISMATCH or HM_ESIGNATURE if none fitted, saying why;
 * HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_draft_merge(const struct hm_dir *dir, const char *role,
                                        const struct hm_signatures *signatures,
                                        const struct hm_draft_need *need, struct hm_err *err,
                                        uint32_t *ret_added);
/* How far the draft is. A judgement for people: what is published is verified again by its type's
 * own _verify. */
HM_MUST_CHECK enum hm_rc hm_draft_state(const struct hm_draft *draft,
                                        const struct hm_draft_need *need, struct hm_arena *arena,
                                        struct hm_err *err, struct hm_draft_state *ret_state);
/* Durable; a draft that is not there is fine. */
HM_MUST_CHECK enum hm_rc hm_draft_remove(const struct hm_dir *dir, const char *role,
                                         struct hm_err *err);

/* Appends a signing request for the drafts of roles (in this order). head gives site, maker,
 * created, reason and the chain (root, targets, identities); its documents are not looked at.
 * currents[i] is the envelope of roles[i] published now, or empty. HM_ENOTFOUND, HM_EUSAGE past a
 * limit. */
HM_MUST_CHECK enum hm_rc hm_draft_request(const struct hm_dir *dir, const struct hm_request *head,
                                          const char *const *roles, const struct hm_bytes *currents,
                                          size_t count, struct hm_err *err, struct hm_buf *ret_buf);

#endif
