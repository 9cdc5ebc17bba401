/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of trust share: keys, signed envelopes, identities and a small site in memory. */
#ifndef HM_TESTS_TRUST_KIT_H
#define HM_TESTS_TRUST_KIT_H

#include "crypto/signer.h"
#include "trust/verdict.h"
#include "tuf/root.h"

/* Names of keys, each generated once per process. */
enum kit_key {
    KIT_ROOT,
    KIT_ONLINE,
    KIT_TARGETS,
    KIT_RELEASE,
    KIT_RECALL,
    KIT_ACME1,
    KIT_ACME2,
    KIT_ACME3,
    KIT_BOLT,
    KIT_EVIL,
    KIT_KEY_COUNT_
};

const struct hm_signer *kit_signer(enum kit_key key);
const struct hm_key *kit_key(enum kit_key key);

/* An envelope over canonical, signed by count keys. The caller frees with hm_buf_done. */
void kit_sign(struct hm_bytes canonical, const enum kit_key *keys, size_t count,
              struct hm_buf *ret_raw);
/* An identity of maker, with keys and threshold, signed by signers. */
void kit_identity(const char *maker, int64_t version, const enum kit_key *keys, size_t key_count,
                  uint32_t threshold, const enum kit_key *signers, size_t signer_count,
                  struct hm_buf *ret_raw);
/* A root of site ("x-hallmark" as given), signed by its key. */
void kit_root(const char *x_hallmark, struct hm_buf *ret_raw);

/* A site "globex" with maker acme (identity 2, keys 1 and 2, threshold 2) and attested maker bolt.
 * All parts are plain structs that a test may bend before kit_layout. */
struct kit_site {
    struct hm_root *root;
    struct hm_targets *targets; /* release~acme, release~bolt, recalls~vendor */
    struct hm_targets *makers;  /* its delegations are those of x-hallmark: maker~acme, recalls~acme
                                 */
    struct hm_layout_maker list[2];
    size_t list_count;
    const char *site;
    struct hm_identity *identity; /* acme's newest */
    struct hm_layout *layout;     /* after kit_layout */
    struct hm_targets *release;   /* of acme: acme/nic/1.0/boot.rom and two more */
    struct hm_targets *maker_role;
};

void kit_site_init(struct kit_site *site);
void kit_site_done(struct kit_site *site);
/* Writes x-hallmark from the parts and parses it. */
enum hm_rc kit_layout(struct kit_site *site, struct hm_err *err);
/* A target of size bytes whose digest is of one letter; custom may be NULL. */
void kit_put(struct hm_targets *role, const char *path, uint64_t size, char letter,
             const char *custom);
void kit_x_hallmark(struct hm_targets *role, const char *json);
/* The statement of maker~acme for site's identity. */
void kit_maker_statement(struct hm_targets *role, const char *site, const char *maker,
                         const struct hm_identity *identity);

#endif
