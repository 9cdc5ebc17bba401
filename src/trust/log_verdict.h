/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the release log, in one place (docs/design.md 5.3): may this snapshot be used, and
 * may this image be installed, by what the site's log says?
 *
 * In: parsed things, of which nothing is believed, and what root and customer demand. Out:
 * verdicts. Nothing is fetched or stored here.
 */
#ifndef HM_TRUST_LOG_VERDICT_H
#define HM_TRUST_LOG_VERDICT_H

#include "tlog/entry.h"
#include "tlog/proof.h"
#include "trust/site_log.h"

/* Who demands, beside root: the trust file and the customer's own policy. */
#define HM_LOG_VERDICT_DEMAND_COUNT_MAX 2

/* What a customer demands of a checkpoint beyond root's policy; each must be met. */
struct hm_log_demands {
    struct hm_log_demand {
        const char *whose;                  /* "the trust file's", for sentences */
        const struct hm_log_policy *policy; /* without a log line */
    } policies[HM_LOG_VERDICT_DEMAND_COUNT_MAX];
    size_t policy_count;
    int64_t max_age_s; /* HM_LOG_POLICY_ANY_AGE: as of whenever it was */
    int64_t now_unix_s;
};

enum hm_log_state {
    HM_LOG_UNLOGGED,    /* root keeps no log */
    HM_LOG_UNWITNESSED, /* in the log, and nobody but the site vouches for it */
    HM_LOG_WITNESSED,   /* a quorum that root or the customer demands has cosigned */
};
/* "unlogged", "unwitnessed", "witnessed". */
const char *hm_log_verdict_state_text(enum hm_log_state state);

/* What is known of a checkpoint that was accepted, for people and for later comparisons. */
struct hm_log_standing {
    enum hm_log_state state; /* the rest is 0 where it is HM_LOG_UNLOGGED */
    uint64_t size;
    struct hm_sha256 root;
    size_t witness_count; /* different witnesses in all the policies */
    size_t cosigned_count;
    uint64_t newest_unix_s; /* of their cosignatures; 0: none */
};

/* Rule of checkpoints: it is signed by the log that root names, and satisfies root's policy and
 * every demand, by cosignatures that are not too old. Root keeps a log (policy is not NULL).
 * HM_EFORMAT, HM_ESIGNATURE, HM_EMISMATCH (another log), HM_EEXPIRED, HM_ECLOCK, naming whose
 * policy is not met. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_checkpoint(const struct hm_site_log *log,
                                                   const struct hm_log_demands *demands,
                                                   struct hm_bytes note, struct hm_err *err,
                                                   struct hm_checkpoint_signed **ret_checkpoint,
                                                   struct hm_log_standing *ret_standing);

/* Rule of sites without a log: nobody may demand witnesses of it. HM_EREFUSED, naming whose policy
 * does. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_unlogged(const struct hm_log_demands *demands,
                                                 struct hm_err *err);

/* The snapshot and the root that TUF's workflow verified. */
struct hm_log_facts {
    const char *site;
    struct hm_entry_document snapshot;
    struct hm_entry_document root; /* its length is 0 */
};

/* Rule of the newest entry: the proof's entry (its extra data) is the last of the checkpoint's
 * tree, is this site's, and names this snapshot and this root. HM_EFORMAT; HM_EMISMATCH: it is not
 * in the tree; HM_EREFUSED: it is not the last, or the log does not have this snapshot or this
 * root; HM_EAGAIN: the log names a newer one than was served, or an older root, as while a site is
 * publishing. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_newest(const struct hm_proof *proof,
                                               const struct hm_checkpoint_signed *checkpoint,
                                               const struct hm_log_facts *facts, struct hm_err *err,
                                               struct hm_entry **ret_entry);

/* Two trees of one log: the smaller (or equal) one, and the larger. begun is the root that the
 * larger one had at the smaller size, by proof. */
struct hm_log_growth {
    uint64_t old_size, size;
    struct hm_sha256 old_root, root, begun;
    const struct hm_merkle_proof *proof;
};

/* Rule of growth: the larger tree begins with the smaller one. HM_EMISMATCH: begun and proof do not
 * belong to the larger tree, so that nothing can be told; HM_EREFUSED: they do, and it begins with
 * another tree: the log has forked. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_growth(const struct hm_log_growth *growth,
                                               struct hm_err *err);

/* Rule of succession: a log of size entries begins with each one that root has closed. nodes are
 * the log's, proven. HM_EREFUSED: it does not; else the errors of nodes. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_closed(const struct hm_site_log *log,
                                               const struct hm_merkle_source *nodes, uint64_t size,
                                               struct hm_err *err);

/* A release entry and the snapshot entry that closes its batch; both were proved to be in the
 * newest tree. */
struct hm_log_release {
    uint64_t release_index, snapshot_index;
    const struct hm_entry *release, *snapshot;
};

/* Rule of entries that count: the snapshot's entry lists the release's in its batch, and no
 * snapshot entry at hand (its own, newest; or NULL) names either void. HM_EREFUSED, HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_counts(const struct hm_log_release *release,
                                               const struct hm_entry *newest, const char *site,
                                               struct hm_err *err);
/* Rule of images: the release entry is of path (ID/PRODUCT/VERSION) and has file with this digest
 * and length. HM_EREFUSED. */
HM_MUST_CHECK enum hm_rc hm_log_verdict_image(const struct hm_entry *release, struct hm_bytes path,
                                              struct hm_bytes file, const struct hm_sha256 *sha256,
                                              uint64_t length, struct hm_err *err);

#endif
