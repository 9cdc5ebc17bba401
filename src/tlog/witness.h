/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness at work (C2SP tlog-witness v1.0.0): for each of its logs it knows the size and root
 * that it cosigned last, and cosigns only what is consistent with that.
 *
 * What it cosigns is on disk first, whole and flushed: one file a log, which is the cosigned
 * checkpoint itself (logs/HASH/checkpoint): its text, those lines of the log that were verified,
 * and the witness's own. Lines of others, and forged ones of its own, are never kept. A file that
 * cannot be read, or is not cosigned by this witness's own key, stops that log: it is never taken
 * for "nothing cosigned yet".
 *
 * The time of a log's cosignatures never falls. Where the clock is a little behind the last one (at
 * most HM_WITNESS_CLOCK_SLACK_S), that time is given again; where it is more, nothing is cosigned.
 *
 * Any number of threads may use one witness; requests about one log wait for one another.
 */
#ifndef HM_TLOG_WITNESS_H
#define HM_TLOG_WITNESS_H

#include "tlog/add_checkpoint.h"
#include "tlog/witness_folder.h"

#define HM_WITNESS_CLOCK_SLACK_S   60
#define HM_WITNESS_ANSWER_SIZE_MAX HM_NOTE_SIZE_MAX

/* What an auditor demands beyond consistency; called before anything is kept, with the log's lock
 * held. HM_OK: cosign. HM_EREFUSED, HM_EMISMATCH, HM_EFORMAT, HM_EROLLBACK: the log breaks its
 * word (422); else it cannot be told yet (503). */
struct hm_witness_auditor {
    enum hm_rc (*check)(void *ctx, const struct hm_witness_folder_log *log,
                        const struct hm_checkpoint *checkpoint, struct hm_err *err);
    void *ctx;
};

struct hm_witness;

/* Takes the folder's lock: HM_EBUSY while another process serves. auditor may be NULL, and is
 * copied. Errors as hm_witness_folder_open. */
HM_MUST_CHECK enum hm_rc hm_witness_open(const char *path, const struct hm_witness_auditor *auditor,
                                         struct hm_err *err, struct hm_witness **ret_witness);
void hm_witness_free(struct hm_witness *witness);
HM_DEFINE_FREE(hm_witness_free, struct hm_witness);
const struct hm_witness_folder *hm_witness_folder(const struct hm_witness *witness);

/* An answer, and what the operator's log tells of it. */
struct hm_witness_answer {
    unsigned status;
    const char *type;   /* of the body; static */
    struct hm_buf body; /* the caller's, with a maximum of HM_WITNESS_ANSWER_SIZE_MAX */
    struct hm_err why;  /* where it is not 200 */
    char origin[HM_CHECKPOINT_ORIGIN_SIZE_MAX + 1]; /* "" until it is known that there is one */
    uint64_t old_size;
    uint64_t size;
};

#define HM_WITNESS_ANSWER_INIT                                                                     \
    {                                                                                              \
        .body = HM_BUF_INIT(HM_WITNESS_ANSWER_SIZE_MAX)                                            \
    }

/* add-checkpoint: the request's body, and the clock. Statuses by the specification: 200 400 403 404
 * 409 422; 500 where the state cannot be read or kept, 503 where the clock is behind or the auditor
 * cannot tell yet. */
void hm_witness_add_checkpoint(struct hm_witness *witness, struct hm_bytes request,
                               int64_t now_unix_s, struct hm_witness_answer *answer);
/* What monitors get: the last cosigned checkpoint of the log with this hash; as fresh as can be.
 * 200 or 404, 500. */
void hm_witness_checkpoint(struct hm_witness *witness, const char *hash,
                           struct hm_witness_answer *answer);

#endif
