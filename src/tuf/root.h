/* SPDX-License-Identifier: Apache-2.0 */
/* root.json: the keys of the four top-level roles (TUF 1.0.34 section 4.3, rules of 5.3). */
#ifndef HM_TUF_ROOT_H
#define HM_TUF_ROOT_H

#include "tuf/document.h"

enum hm_root_role {
    HM_ROOT_ROLE_ROOT,
    HM_ROOT_ROLE_TIMESTAMP,
    HM_ROOT_ROLE_SNAPSHOT,
    HM_ROOT_ROLE_TARGETS,
    HM_ROOT_ROLE_COUNT_
};

struct hm_root {
    struct hm_document document;
    bool consistent_snapshot;
    struct hm_keyring ring;
    struct hm_role_keys roles[HM_ROOT_ROLE_COUNT_];
    struct hm_sha256 sha256; /* of the whole document, where it was verified */
    struct hm_arena arena;   /* owns all of it */
};

/* The first root of a chain, from a source that is trusted already: must carry its own threshold of
 * signatures. HM_ESIGNATURE, HM_EFORMAT. The result copies what it needs. */
HM_MUST_CHECK enum hm_rc hm_root_verify_first(const struct hm_envelope *envelope,
                                              struct hm_err *err, struct hm_root **ret_root);
/* TUF 5.3.4, 5.3.5: signed by the threshold of current and by its own, version exactly one more.
 * HM_ESIGNATURE, HM_EROLLBACK (version), HM_EFORMAT. Expiry is not looked at here (5.3.10). */
HM_MUST_CHECK enum hm_rc hm_root_verify_next(const struct hm_root *current,
                                             const struct hm_envelope *envelope, struct hm_err *err,
                                             struct hm_root **ret_root);
/* For people's eyes before signing; see envelope.h. */
struct hm_root_unsigned {
    struct hm_root *content; /* owned by the holder: hm_root_free */
};
HM_MUST_CHECK enum hm_rc hm_root_read_unsigned(struct hm_unsigned document, struct hm_err *err,
                                               struct hm_root_unsigned *ret_root);
/* An empty root to be filled and written; roles' ids and keys are set with hm_root_set_role. */
HM_MUST_CHECK enum hm_rc hm_root_new(struct hm_err *err, struct hm_root **ret_root);
/* Gives role these keys (each copied) and threshold; keys that no role uses any more leave the ring
 * on writing. */
HM_MUST_CHECK enum hm_rc hm_root_set_role(struct hm_root *root, enum hm_root_role role,
                                          const struct hm_key *const *keys, size_t key_count,
                                          uint32_t threshold, struct hm_err *err);
/* Appends the canonical bytes of "signed". */
HM_MUST_CHECK enum hm_rc hm_root_write(const struct hm_root *root, struct hm_err *err,
                                       struct hm_buf *ret_canonical);
void hm_root_free(struct hm_root *root);
HM_DEFINE_FREE(hm_root_free, struct hm_root);

const char *hm_root_role_name(enum hm_root_role role);

#endif
