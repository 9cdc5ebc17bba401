/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence put together from its parts: what a site serves, or what a client met. All is copied.
 * Whether it holds is for check.h; hm_evidence_write refuses what has not the parts of its kind.
 */
#ifndef HM_EVIDENCE_MAKE_H
#define HM_EVIDENCE_MAKE_H

#include "evidence/evidence.h"
#include "tlog/where.h"

/* What stands under one checkpoint. */
struct hm_evidence_state {
    struct hm_bytes checkpoint; /* the note */
    /* The newest entry, a snapshot's. */
    uint64_t newest_index;
    struct hm_bytes newest;
    const struct hm_sha256 *newest_hashes;
    size_t newest_hash_count;
    struct hm_bytes map;  /* the proof for the product */
    bool has_list;        /* the map has it */
    struct hm_bytes list; /* then */
};

/* Each sets *ret_evidence to evidence without roots. HM_EFORMAT: a checkpoint is none; HM_EUSAGE: a
 * path is not as the kind has it. */

/* That the release at where is in the log, with the paths from its two entries. */
HM_MUST_CHECK enum hm_rc
hm_evidence_make_published(const char *site, const char *path, struct hm_bytes checkpoint,
                           const struct hm_where *where, const struct hm_merkle_proof *release_path,
                           const struct hm_merkle_proof *snapshot_path, struct hm_err *err,
                           struct hm_evidence **ret_evidence);
/* HM_EVIDENCE_ABSENT or _HISTORY: what the map of a state says. */
HM_MUST_CHECK enum hm_rc hm_evidence_make_map(enum hm_evidence_kind kind, const char *site,
                                              const char *path,
                                              const struct hm_evidence_state *state,
                                              struct hm_err *err,
                                              struct hm_evidence **ret_evidence);
/* Two checkpoints, the smaller first; earlier and proof: the root of the larger one's tree at the
 * smaller one's size, and that it is (not looked at where the sizes are equal). */
HM_MUST_CHECK enum hm_rc
hm_evidence_make_fork(const char *site, struct hm_bytes small, struct hm_bytes large,
                      const struct hm_sha256 *earlier, const struct hm_merkle_proof *proof,
                      struct hm_err *err, struct hm_evidence **ret_evidence);
/* Two checkpoints, the smaller first, which a witness cosigned after the larger. */
HM_MUST_CHECK enum hm_rc hm_evidence_make_rollback(const char *site, struct hm_bytes small,
                                                   struct hm_bytes large, struct hm_err *err,
                                                   struct hm_evidence **ret_evidence);
/* A release and its absence: evidence of these two kinds, about one release of one site. HM_EUSAGE:
 * they are not. The roots are those of the one that has more. */
HM_MUST_CHECK enum hm_rc hm_evidence_make_contradiction(const struct hm_evidence *published,
                                                        const struct hm_evidence *absent,
                                                        struct hm_err *err,
                                                        struct hm_evidence **ret_evidence);
/* The next version of root.json: the first one at least 2, later ones one more. HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_evidence_make_add_root(struct hm_evidence *evidence, uint64_t version,
                                                   struct hm_bytes raw, struct hm_err *err);

#endif
