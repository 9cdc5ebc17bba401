/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an offline signer does with a request: believes nothing in it, compares it with what this
 * signer itself signed and saw before, shows that, signs, and remembers.
 *
 * Memory, below HOME/signer (docs/formats.md 9): SITE/ROLE.json is what this signer last signed,
 * SITE/seen/ROLE.json the newest published version that a request showed and that verified;
 * makers/ID/ likewise for a maker's identity, which belongs to no site.
 */
#ifndef HM_EXCHANGE_SIGNING_H
#define HM_EXCHANGE_SIGNING_H

#include "base/dir.h"
#include "crypto/signer.h"
#include "exchange/request.h"
#include "exchange/signatures.h"

struct hm_signing_config {
    const struct hm_dir *memory; /* HOME/signer */
    const struct hm_signer *const *signers;
    size_t signer_count;
    int64_t now_unix_s;
    bool replace; /* sign other bytes under a version that was signed before */
};

struct hm_signing;

/* Checks the request and takes the memory's locks until _free; nothing is signed yet. The request
 * and the config's signers are borrowed. Refuses, with each sentence naming the role:
 *   HM_ESIGNATURE  the chain or a published version does not carry its threshold
 *   HM_EROLLBACK   a version older than one signed or seen before
 *   HM_EREFUSED    no key given is listed for any document; a version that was signed before with
 *                  other bytes (unless replace); a published version that was seen with other bytes
 *   HM_EMISMATCH   a version that is not exactly one above the published one; a document made for
 *                  another site or maker
 *   HM_EBUSY       another run is signing for this site
 */
HM_MUST_CHECK enum hm_rc hm_signing_open(const struct hm_request *request,
                                         const struct hm_signing_config *config, struct hm_err *err,
                                         struct hm_signing **ret_signing);
void hm_signing_free(struct hm_signing *signing);
HM_DEFINE_FREE(hm_signing_free, struct hm_signing);

/* What a person reads before agreeing: escaped lines. Borrowed. */
const char *hm_signing_text(const struct hm_signing *signing);
/* True if the text has a line that begins with "WARNING: ". */
bool hm_signing_has_warnings(const struct hm_signing *signing);
/* Signs and remembers; memory is written before the signatures leave. */
HM_MUST_CHECK enum hm_rc hm_signing_sign(struct hm_signing *signing, struct hm_err *err,
                                         struct hm_signatures **ret_signatures);

#endif
