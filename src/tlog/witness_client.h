/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking witnesses to cosign a checkpoint (C2SP tlog-witness v1.0.0, add-checkpoint): all at once,
 * each with a deadline, until the quorum is there and the others had their time.
 *
 * A witness says from which size it wants a consistency proof (409) where ours was wrong; it is
 * asked once more then. Only lines that verify by the witness's own key are taken, with a time that
 * is now: an old cosignature of the same checkpoint is no answer.
 *
 * Plain http:// is taken as it stands in the policy: what goes over the wire is signed, and every
 * witness gives it to whoever asks.
 */
#ifndef HM_TLOG_WITNESS_CLIENT_H
#define HM_TLOG_WITNESS_CLIENT_H

#include "tlog/log_policy.h"
#include "tlog/merkle.h"

#define HM_WITNESS_CLIENT_DEADLINE_MS 10000 /* for each witness, all its answers */
#define HM_WITNESS_CLIENT_GRACE_MS    2000  /* for the others, once the quorum is there */
/* How far a cosignature's time may be from this clock: as policies let clocks differ. */
#define HM_WITNESS_CLIENT_SKEW_MAX_S HM_LOG_POLICY_SKEW_MAX_S
#define HM_WITNESS_CLIENT_TEXT_SIZE  256
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
    /* HM_OK: cosigned. HM_ENETWORK: no answer in time, or none that means anything; HM_EUNKNOWN: it
     * does not know the log, or this OpenSSL not its key; HM_EREFUSED: it says that the log broke
     * its word, or does not take the signature; HM_EROLLBACK: it has seen more of the log than
     * there is; HM_EFORMAT, HM_ESIGNATURE: its answer is wrong; HM_ECLOCK: its clock, or this one,
     * is; HM_EAGAIN: the size that it recorded changes while it is asked; HM_EUSAGE: no URL, or one
     * that is refused; else the source's. */
    enum hm_rc rc;
    char text[HM_WITNESS_CLIENT_TEXT_SIZE]; /* why not, one sentence naming witness and URL */
    uint64_t time_s;                        /* of the cosignature */
    uint64_t size;                          /* the size it has recorded, as far as it said */
    uint32_t elapsed_ms;
};

struct hm_witness_client_options {
    const char *proxy;              /* as in hm_fetch_options */
    const char *ca_file;            /* or NULL */
    uint32_t deadline_ms, grace_ms; /* 0: those above */
    int64_t now_unix_s;
};

/* checkpoint: the note signed by the policy's log. known_sizes: a place for each witness of the
 * policy, the size that it cosigned last (0: none); written with what was learned. ret_note: the
 * checkpoint with every cosignature that was obtained, one line a key, in front of them the lines
 * of others that it came with. HM_OK: the policy's quorum is met; HM_ESIGNATURE: it is not, and the
 * reports say why; *ret_note then has what there is. Witnesses without URL are not asked (HM_EUSAGE
 * in their report). HM_EUSAGE: checkpoint is none that a log of the policy signed, and nobody was
 * asked. source is called by this thread, while answers are awaited. */
HM_MUST_CHECK enum hm_rc hm_witness_client_gather(const struct hm_log_policy *policy,
                                                  struct hm_bytes checkpoint,
                                                  const struct hm_witness_client_source *source,
                                                  const struct hm_witness_client_options *options,
                                                  uint64_t *known_sizes,
                                                  struct hm_witness_client_report *ret_reports,
                                                  struct hm_err *err, struct hm_buf *ret_note);

#endif
