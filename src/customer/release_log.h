/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's release log as a customer sees it: the proof that the snapshot is its newest entry, the
 * last checkpoint accepted, and where releases stand in it. What is believed of all that is decided
 * in trust/log_verdict.h.
 *
 * In the site's folder:
 *
 *   metadata/latest.tlog-proof   proof of the snapshot that stands beside it
 *   log/checkpoint               the largest checkpoint accepted; every later one is compared with
 * it log/beyond-SIZE              a checkpoint seen of a log that root has closed at a smaller size
 *   evidence/                    what proves that a log has forked (see docs/formats.md)
 */
#ifndef HM_CUSTOMER_RELEASE_LOG_H
#define HM_CUSTOMER_RELEASE_LOG_H

#include "customer/log_tiles.h"
#include "tlog/where.h"
#include "trust/log_verdict.h"
#include "trust/verdict.h"

#define HM_RELEASE_LOG_PROOF_NAME "latest.tlog-proof"
#define HM_RELEASE_LOG_CHECKPOINT "log/checkpoint"
#define HM_RELEASE_LOG_EVIDENCE   "evidence"

struct hm_subscription;

/* Where a release stands in the newest tree, both entries proved. */
struct hm_release_proof {
    struct hm_where *where;
    struct hm_entry *release, *snapshot;
    struct hm_merkle_proof release_path, snapshot_path;
};

struct hm_release_log {
    struct hm_site_log *site_log; /* what root says */
    struct hm_log_standing standing;
    /* NULL where root keeps no log: */
    struct hm_proof *proof; /* of the newest entry */
    struct hm_checkpoint_signed *checkpoint;
    struct hm_entry *newest;
    struct hm_log_tiles *tiles; /* NULL offline */
    /* The last comparison with what was seen before. */
    struct hm_log_growth growth;
    struct hm_merkle_proof growth_proof;
    /* The release that was asked for last. */
    char *release_path;
    struct hm_release_proof release;
};

void hm_release_log_free(struct hm_release_log *log);
HM_DEFINE_FREE(hm_release_log_free, struct hm_release_log);

/* After the client of subscription was refreshed: fetches the proof of the newest entry, has it
 * judged, compares with the last checkpoint accepted, keeps both, and puts the result into
 * subscription->log. The caller holds the site's lock. *ret_again: what is wrong may pass, as while
 * the site is publishing. HM_EREFUSED: no proof, a fork (the sentence names the evidence that was
 * kept), what the verdicts say; HM_EROLLBACK: a smaller log than before; HM_ENETWORK. */
HM_MUST_CHECK enum hm_rc hm_release_log_refresh(struct hm_subscription *subscription,
                                                struct hm_err *err, bool *ret_again);
/* After the client was loaded, from what is held, however old its cosignatures are. HM_EAGAIN: the
 * proof of this snapshot is not held. */
HM_MUST_CHECK enum hm_rc hm_release_log_load(struct hm_subscription *subscription,
                                             struct hm_err *err);
/* May this root follow? For hm_client_root_rule. */
HM_MUST_CHECK enum hm_rc hm_release_log_check_root(void *ctx, const struct hm_root *root,
                                                   const struct hm_root *next, struct hm_err *err);
/* Are the cosignatures that make up each quorum younger than max_age_s? HM_EEXPIRED. A log without
 * witnesses has no age. */
HM_MUST_CHECK enum hm_rc hm_release_log_check_age(const struct hm_subscription *subscription,
                                                  int64_t max_age_s, struct hm_err *err);

/* What trust file and customer demand beyond root; borrows from the subscription. */
struct hm_log_demands hm_release_log_demands(const struct hm_subscription *subscription,
                                             int64_t max_age_s);

/* Is the file's release in the log, with these very bytes? Online. *ret_proof is NULL where root
 * keeps no log; it is borrowed, until the next call. HM_EREFUSED: it is not, or the site has no
 * proof of it; HM_EMISMATCH: the log's hashes do not lead to its root; HM_ENETWORK. */
HM_MUST_CHECK enum hm_rc hm_release_log_prove(struct hm_subscription *subscription,
                                              const struct hm_release_file *file,
                                              struct hm_err *err,
                                              const struct hm_release_proof **ret_proof);

/* A checkpoint of this site's log, by what root and customer demand, cosigned whenever. As
 * hm_log_verdict_checkpoint. Root keeps a log. */
HM_MUST_CHECK enum hm_rc hm_release_log_open(const struct hm_subscription *subscription,
                                             struct hm_bytes note, struct hm_err *err,
                                             struct hm_checkpoint_signed **ret_checkpoint,
                                             struct hm_log_standing *ret_standing);

/* Appends "witnessed by 2 of 3, newest 2026-11-24T08:00:00Z", "unwitnessed" or "unlogged". */
HM_MUST_CHECK enum hm_rc hm_release_log_describe(const struct hm_log_standing *standing,
                                                 struct hm_err *err, struct hm_buf *ret_text);

#endif
