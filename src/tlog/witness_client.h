/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking witnesses to cosign a checkpoint (C2SP tlog-witness v1.0.0, add-checkpoint): all at once,
 * each with a deadline, until the quorum is there and the others had their time.
 *
 * A witness says from which size it wants a consistency proof (409) where ours was wrong; it is
 * asked once more then. Only lines that verify by the witness's own key are taken.
 */
#ifndef HM_TLOG_WITNESS_CLIENT_H
#define HM_TLOG_WITNESS_CLIENT_H

#include "tlog/log_policy.h"
#include "tlog/merkle.h"

#define HM_WITNESS_CLIENT_DEADLINE_MS 10000 /* for each witness, all its answers */
#define HM_WITNESS_CLIENT_GRACE_MS    2000  /* for the others, once the quorum is there */
/* An answer: a line a key, or a size. */
#define HM_WITNESS_CLIENT_ANSWER_SIZE_MAX 16384

/* Where consistency proofs come from: the log (log.h). */
struct hm_witness_client_source {
    enum hm_rc (*consistency)(void *ctx, uint64_t old_size, uint64_t size, struct hm_err *err,
                              struct hm_merkle_proof *ret_proof);
    void *ctx;
};

/* What one witness of the policy did; a place for each, in the policy's order. */
struct hm_witness_client_report {
    enum hm_rc rc;   /* HM_OK: cosigned */
    char text[256];  /* why not, one sentence naming witness and URL */
    uint64_t time_s; /* of the cosignature */
    uint64_t size;   /* the size it has recorded, as far as it said */
    uint32_t elapsed_ms;
};

struct hm_witness_client_options {
    const char *ca_file; /* or NULL */
    uint32_t deadline_ms, grace_ms;
    int64_t now_unix_s;
};

/* checkpoint: the note signed by the log. known_sizes: a place for each witness of the policy, the
 * size that it cosigned last (0: none); written with what was learned. ret_note: the checkpoint
 * with every cosignature that was obtained, one line a key. HM_OK: the policy's quorum is met;
 * HM_ESIGNATURE: it is not, and the reports say why; *ret_note then has what there is. Witnesses
 * without URL are not asked (HM_EUSAGE in their report). */
HM_MUST_CHECK enum hm_rc hm_witness_client_gather(const struct hm_log_policy *policy,
                                                  struct hm_bytes checkpoint,
                                                  const struct hm_witness_client_source *source,
                                                  const struct hm_witness_client_options *options,
                                                  uint64_t *known_sizes,
                                                  struct hm_witness_client_report *ret_reports,
                                                  struct hm_err *err, struct hm_buf *ret_note);

#endif
