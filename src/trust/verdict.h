/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of trust, in one place: may this path or digest be installed, and on whose word?
 *
 * In: what was verified (a refreshed TUF client, the site's layout, the maker's identity chain) and
 * what the customer remembers and demands. Out: a verdict. Nothing is fetched here, and nobody else
 * decides.
 */
#ifndef HM_TRUST_VERDICT_H
#define HM_TRUST_VERDICT_H

#include "trust/layout.h"
#include "trust/recall.h"
#include "trust/trust_file.h"

/* What this customer knows about one maker from before. */
struct hm_memory {
    bool is_known;  /* seen at this site before */
    bool was_maker; /* with grade "maker": never again less */
    bool is_pinned;
    struct hm_sha256
        first; /* of the identity pinned or seen first; valid if was_maker or is_pinned */
    int64_t identity_version; /* newest seen; 0: none */
};

/* Rule of makers: is this maker, as targets.json presents it, the one the customer knows?
 * identity: the newest of its verified chain (NULL for an attested maker). Refuses, in this order:
 * a grade that fell, or another first identity than pinned or seen (HM_EREFUSED); an identity older
 * than seen (HM_EROLLBACK); no identity at hand (HM_EAGAIN); an identity that is not the one
 * targets.json names (HM_EMISMATCH); delegation keys that are not the newest identity's (HM_EAGAIN:
 * cannot tell); a grade below floor (HM_EREFUSED). On HM_OK *ret_grade is set. */
HM_MUST_CHECK enum hm_rc hm_verdict_maker(const struct hm_layout *layout,
                                          const struct hm_layout_maker *maker,
                                          const struct hm_identity *identity,
                                          const struct hm_memory *memory, enum hm_grade floor,
                                          struct hm_err *err, enum hm_grade *ret_grade);

/* Rule of names: every path that role (release~ID or maker~ID, called name) lists is a proper one
 * of this maker, and no two differ in case only, or nothing of the role is used. HM_EFORMAT,
 * HM_EREFUSED naming the path. */
HM_MUST_CHECK enum hm_rc hm_verdict_names(const struct hm_layout_maker *maker, const char *name,
                                          const struct hm_targets *role, struct hm_err *err);

/* A target that both signed (or, attested, the vendor alone). Only hm_verdict_path makes one. Its
 * views live as long as the release role. */
struct hm_release_file {
    struct hm_path path;
    uint64_t length;
    struct hm_sha256 sha256;
    struct hm_bytes custom; /* as in release~ID, raw */
    enum hm_grade grade;
};

/* Both-sign rule: release lists path; for grade maker, maker_role lists the same path, length,
 * SHA-256 and custom, is made for this site and under the identity that targets.json names. release
 * and maker_role come from hm_client_role with the delegations of the layout. HM_EUNKNOWN: not
 * released; HM_EREFUSED: only one of the two signed, or they differ, naming which. Both
 * roles have passed hm_verdict_names. maker_role is NULL exactly for an attested maker. Whether it
 * was taken back since is hm_verdict_recall's to say. */
HM_MUST_CHECK enum hm_rc hm_verdict_path(const struct hm_layout *layout,
                                         const struct hm_layout_maker *maker, enum hm_grade grade,
                                         const struct hm_targets *release,
                                         const struct hm_targets *maker_role, struct hm_bytes path,
                                         struct hm_err *err, struct hm_release_file *ret_file);

/* Whether a recall that reaches this maker's files was lifted by a release of its product "lifted",
 * ID/lifted/NAME/FILE, that the same rules accept. */
typedef bool hm_verdict_lifted_fn(void *ctx, const char *maker, const struct hm_recall *recall);

/* Rule of recalls: a file that hm_verdict_path accepted is not to be installed if any recall that
 * was ever seen of the vendor, or of this maker, names its digest and was not lifted. HM_ERECALLED
 * with reason and remedy; *ret_recall (may be NULL) is it. despite: the path of a recall that the
 * customer overrides; or NULL. */
HM_MUST_CHECK enum hm_rc hm_verdict_recall(const struct hm_recalls *recalls, const char *maker,
                                           const struct hm_release_file *file,
                                           hm_verdict_lifted_fn *is_lifted, void *ctx,
                                           const char *despite, struct hm_err *err,
                                           const struct hm_recall **ret_recall);
/* The same for bytes of which no release is known: any recall of their digest counts. path is what
 * they are called. HM_ERECALLED. */
HM_MUST_CHECK enum hm_rc hm_verdict_recall_unknown(const struct hm_recalls *recalls,
                                                   const struct hm_sha256 *digest,
                                                   const char *label, struct hm_err *err);

#endif
