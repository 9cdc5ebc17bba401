/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a site's release log stands, from what is public and what is remembered; nothing is opened
 * for writing: its origin and size, when its quorum cosigned it last, how long customers go by
 * that, and what each witness did when it was asked last.
 */
#ifndef HM_SITE_STATUS_LOG_H
#define HM_SITE_STATUS_LOG_H

#include "base/json_writer.h"
#include "site/cosign.h"
#include "site/tree.h"
#include "trust/site_log.h"

/* The log is cosigned again each time `renew` runs; the timer's default. */
#define HM_STATUS_LOG_HEARTBEAT_S 3600
/* One that was missed so long ago is warned of: whatever is wrong has outlasted a reboot. */
#define HM_STATUS_LOG_LATE_S HM_TIME_DAY_S
/* What a customer takes who was told nothing else (docs/formats.md 11). */
#define HM_STATUS_LOG_AGE_MAX_S ((int64_t)7 * HM_TIME_DAY_S)

struct hm_status_log {
    struct hm_site_log *word;            /* root's; its policy is NULL where it names no log */
    struct hm_cosign_memory *memory;     /* what the witnesses did */
    struct hm_checkpoint_signed *newest; /* in public; NULL: none, or none that can be used */
    struct hm_note_verdict witnesses[HM_LOG_POLICY_WITNESS_COUNT_MAX]; /* of newest */
    char trouble[HM_ERR_TEXT_MAX + 32]; /* why newest is NULL, or not enough; "": all is well */
    bool has_quorum;
    int64_t quorum_unix_s; /* since when it was met, by the newest cosignatures; 0: needs nobody */
    bool waits;            /* a publish waits for witnesses */
    int64_t now_unix_s;
};

/* HM_EFORMAT and others: what is remembered, or root's word, cannot be read. */
HM_MUST_CHECK enum hm_rc hm_status_log_gather(const struct hm_tree *tree, struct hm_err *err,
                                              struct hm_status_log *ret_log);
void hm_status_log_done(struct hm_status_log *log);
/* The quorum's cosignatures are older than customers take. */
bool hm_status_log_is_expired(const struct hm_status_log *log);
/* Both write nothing where root names no log. */
HM_MUST_CHECK enum hm_rc hm_status_log_text(const struct hm_status_log *log, struct hm_err *err,
                                            struct hm_buf *report);
/* The member "log". */
HM_MUST_CHECK enum hm_rc hm_status_log_json(const struct hm_status_log *log, struct hm_err *err,
                                            struct hm_json_writer *writer);

#endif
