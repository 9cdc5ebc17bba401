/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of auditor.h share: an audit on its way. */
#ifndef HM_AUDIT_AUDITOR_INTERNAL_H
#define HM_AUDIT_AUDITOR_INTERNAL_H

#include "audit/auditor.h"
#include "audit/copy.h"
#include "trust/trust_file.h"

/* A batch that was read in this audit. */
struct hm_audit_batch {
    uint64_t first; /* of its entries */
    uint64_t index; /* of the snapshot's */
    bool is_good;
};

/* Something that is wrong with an entry, unless that is void in the end. */
struct hm_audit_misdeed {
    uint64_t index;
    bool is_missing; /* and may be there later */
    char *sentence;  /* owned */
};

/* A log being audited; once all went well it waits for the next request. */
struct hm_audit {
    const struct hm_auditor_options *options;
    const char *origin; /* of the request */
    struct hm_trust_file *trust;
    struct hm_copy *copy;
    struct hm_history *history;
    struct hm_replay *replay;
    struct hm_follow *entries; /* for entries that are asked for again */
    uint64_t good;             /* size up to which all was found good before */
    struct hm_audit_batch *batches;
    size_t batch_count, batch_capacity;
    struct hm_audit_misdeed misdeeds[HM_AUDITOR_MISDEEDS_MAX];
    size_t misdeed_count;
    bool has_more_misdeeds;
    char problem[HM_ERR_TEXT_MAX]; /* the first of the batch being read; "": none */
    uint64_t checking;             /* the batch that history looks at */
    bool is_again;                 /* the replay is to begin again, */
    uint64_t back_at;              /* and goes on at this entry; 0: never was */
};

/* The sinks of replay and history; ctx is the audit. */
struct hm_replay_sink hm_auditor_replay_sink(struct hm_audit *audit);
struct hm_history_sink hm_auditor_history_sink(struct hm_audit *audit);
/* Before an entry is replayed: may it name void what it does? Notes it where not. */
HM_MUST_CHECK enum hm_rc hm_auditor_check_voids(struct hm_audit *audit, uint64_t index,
                                                struct hm_bytes entry, struct hm_err *err);
/* Before the entry at index, which takes entries back, is replayed again: what it is compared with
 * is the last snapshot that counts still. */
HM_MUST_CHECK enum hm_rc hm_auditor_go_back(struct hm_audit *audit, struct hm_err *err);
/* All size entries were replayed. HM_OK: cosign; HM_EREFUSED: the log breaks its word; HM_EAGAIN:
 * something is missing. */
HM_MUST_CHECK enum hm_rc hm_auditor_verdict(struct hm_audit *audit, uint64_t size,
                                            struct hm_err *err);
/* Makes the history what it was after the snapshot entry at index; UINT64_MAX: at the beginning. */
HM_MUST_CHECK enum hm_rc hm_auditor_start_history(struct hm_audit *audit, uint64_t index,
                                                  struct hm_err *err);
void hm_auditor_forget_misdeeds(struct hm_audit *audit);

#endif
