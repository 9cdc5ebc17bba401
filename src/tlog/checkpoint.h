/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints (C2SP tlog-checkpoint v1.0.0): what a log says its tree is. The text of a note:
 *
 *   origin              not empty
 *   size                decimal, no leading zero
 *   root                base64 of 32 bytes
 *   extension lines     any number, not empty; Hallmark writes none
 */
#ifndef HM_TLOG_CHECKPOINT_H
#define HM_TLOG_CHECKPOINT_H

#include "tlog/note.h"

/* A longer origin cannot stand in an ML-DSA cosignature. */
#define HM_CHECKPOINT_ORIGIN_SIZE_MAX 255
/* A size that fits a signed integer: what x/mod/sumdb/tlog takes, and room for sums. */
#define HM_CHECKPOINT_SIZE_MAX INT64_MAX
/* Three lines are at most 321 bytes; the rest is for extension lines. */
#define HM_CHECKPOINT_TEXT_SIZE_MAX 16384

struct hm_checkpoint {
    struct hm_bytes origin;
    uint64_t size;
    struct hm_sha256 root;
    struct hm_bytes extension; /* lines with their newlines, or empty */
};

/* A checkpoint whose note was verified: only hm_checkpoint_open and hm_log_policy_open make one. */
struct hm_checkpoint_signed {
    struct hm_checkpoint body; /* points into note */
    struct hm_note *note;      /* owned */
};

/* Borrows text. Says nothing about signatures. HM_EFORMAT, also for size 0 with a root other than
 * SHA-256(""). */
HM_MUST_CHECK enum hm_rc hm_checkpoint_parse(struct hm_bytes text, struct hm_err *err,
                                             struct hm_checkpoint *ret_checkpoint);
/* As hm_checkpoint_parse, but a tree of size 0 may have any root: a witness has to tell such a
 * claim from bytes that are no checkpoint. */
HM_MUST_CHECK enum hm_rc hm_checkpoint_parse_claim(struct hm_bytes text, struct hm_err *err,
                                                   struct hm_checkpoint *ret_checkpoint);
/* Appends the text. HM_EUSAGE if it would not parse. */
HM_MUST_CHECK enum hm_rc hm_checkpoint_write(const struct hm_checkpoint *checkpoint,
                                             struct hm_err *err, struct hm_buf *ret_buf);
/* Reads a note, requires origin and a signature by one of the keys (hm_note_verify). HM_EFORMAT,
 * HM_ESIGNATURE; HM_EMISMATCH for another origin. */
HM_MUST_CHECK enum hm_rc hm_checkpoint_open(struct hm_bytes raw, struct hm_bytes origin,
                                            const struct hm_note_key *const *keys, size_t key_count,
                                            struct hm_err *err,
                                            struct hm_checkpoint_signed **ret_checkpoint);
void hm_checkpoint_free(struct hm_checkpoint_signed *checkpoint);
HM_DEFINE_FREE(hm_checkpoint_free, struct hm_checkpoint_signed);

#endif
