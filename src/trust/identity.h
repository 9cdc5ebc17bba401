/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker's identity: a chain of documents, each signed by the keys of the one before and its own,
 * so that nobody but the maker can name the maker's next keys (docs/formats.md 3, DESIGN 5.2).
 */
#ifndef HM_TRUST_IDENTITY_H
#define HM_TRUST_IDENTITY_H

#include "tuf/envelope.h"

#define HM_IDENTITY_SIZE_MAX      65536
#define HM_IDENTITY_VERSION_MAX   1024
#define HM_IDENTITY_NAME_SIZE_MAX 200

struct hm_identity {
    const char *maker; /* ID */
    const char *name;  /* for people */
    int64_t version;
    struct hm_keyring ring;
    struct hm_role_keys keys;
    struct hm_sha256 sha256; /* of the file's bytes */
    uint64_t length;
    struct hm_sha256 first; /* of version 1 of this chain */
    struct hm_arena arena;
};

/* Version 1: its own threshold. HM_ESIGNATURE, HM_EFORMAT, HM_EMISMATCH (version is not 1). */
HM_MUST_CHECK enum hm_rc hm_identity_verify_first(struct hm_bytes raw, struct hm_err *err,
                                                  struct hm_identity **ret_identity);
/* The next one: signed by current's threshold and its own, same maker, version + 1. HM_EROLLBACK,
 * HM_ESIGNATURE: a break in the chain. */
HM_MUST_CHECK enum hm_rc hm_identity_verify_next(const struct hm_identity *current,
                                                 struct hm_bytes raw, struct hm_err *err,
                                                 struct hm_identity **ret_identity);
struct hm_identity_unsigned {
    struct hm_identity *content;
};
HM_MUST_CHECK enum hm_rc hm_identity_read_unsigned(struct hm_unsigned document, struct hm_err *err,
                                                   struct hm_identity_unsigned *ret_identity);
/* Canonical bytes of "signed" for a (new) identity. keys are borrowed. */
HM_MUST_CHECK enum hm_rc hm_identity_write(const char *maker, const char *name, int64_t version,
                                           const struct hm_key *const *keys, size_t key_count,
                                           uint32_t threshold, struct hm_err *err,
                                           struct hm_buf *ret_canonical);
void hm_identity_free(struct hm_identity *identity);
HM_DEFINE_FREE(hm_identity_free, struct hm_identity);

#endif
