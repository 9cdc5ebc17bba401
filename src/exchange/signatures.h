/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures carried back from a signer (docs/formats.md 5). */
#ifndef HM_EXCHANGE_SIGNATURES_H
#define HM_EXCHANGE_SIGNATURES_H

#include "crypto/signer.h"
#include "tuf/envelope.h"

#define HM_SIGNATURES_SIZE_MAX 16777216
#define HM_SIGNATURES_COUNT_MAX                                                                    \
    8192 /* every document of a request, with two keys, for two roots                              \
          */

struct hm_detached {
    const char *role;
    int64_t version;
    struct hm_sha256 sha256;
    const char *keyid;
    const char *sig_hex;
};

struct hm_signatures {
    const char *site;  /* or NULL: of a maker's identity */
    const char *maker; /* or NULL */
    struct hm_detached *items;
    size_t count;
    struct hm_arena arena;
};

/* Copies what it keeps. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_signatures_parse(struct hm_bytes raw, struct hm_err *err,
                                             struct hm_signatures **ret_signatures);
/* Appends the file. */
HM_MUST_CHECK enum hm_rc hm_signatures_write(const struct hm_signatures *signatures,
                                             struct hm_err *err, struct hm_buf *ret_buf);
void hm_signatures_free(struct hm_signatures *signatures);
HM_DEFINE_FREE(hm_signatures_free, struct hm_signatures);

/* An empty list to be filled with _add and written; site or maker may be NULL, not both (copied).
 */
HM_MUST_CHECK enum hm_rc hm_signatures_new(const char *site, const char *maker, struct hm_err *err,
                                           struct hm_signatures **ret_signatures);
/* Adds signer's signature of canonical, under the id that keys gives this key material; one that
 * stands there already is not added again. HM_EREFUSED: keys do not list it. */
HM_MUST_CHECK enum hm_rc hm_signatures_add(struct hm_signatures *signatures, const char *role,
                                           int64_t version, struct hm_bytes canonical,
                                           const struct hm_signer *signer,
                                           const struct hm_role_keys *keys, struct hm_err *err);

/* Appends the envelope raw with those of the signatures added that are for these very bytes (role,
 * version, SHA-256) and verify under a key of keys; *ret_added counts the new ones (0 is fine: all
 * were there already). Others are passed over and named in *err's text only if none fitted
 * (HM_EMISMATCH or HM_ESIGNATURE). */
HM_MUST_CHECK enum hm_rc hm_signatures_merge(struct hm_bytes raw, const char *role, int64_t version,
                                             const struct hm_signatures *signatures,
                                             const struct hm_role_keys *keys, struct hm_err *err,
                                             struct hm_buf *ret_envelope, uint32_t *ret_added);

#endif
