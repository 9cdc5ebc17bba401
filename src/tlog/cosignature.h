/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cosignatures (C2SP tlog-cosignature v1.1.0-rc.1): a cosigner says that it has seen a checkpoint,
 * consistent with all it saw before, at a time. The signature in the note's line is
 *
 *   8 bytes    time, seconds since 1970, big-endian, at most 2^63 - 1
 *   64         Ed25519 (type 0x04) of "cosignature/v1\ntime T\n" and the checkpoint's text, or
 *   2420       ML-DSA-44 (type 0x06, empty context) of
 *                12  "subtree/v1\n\0"         8  time
 *                1+n  cosigner's name         8  start: 0
 *                1+n  origin                  8  end: the tree's size
 *                                            32  root
 *
 * The Ed25519 form does not name the cosigner: one key is one cosigner. The ML-DSA form does not
 * cover extension lines, from which nothing here is ever read.
 */
#ifndef HM_TLOG_COSIGNATURE_H
#define HM_TLOG_COSIGNATURE_H

#include "tlog/checkpoint.h"

#define HM_COSIGNATURE_TIME_MAX INT64_MAX

/* Appends what is signed. HM_EFORMAT: text is no checkpoint, or the time is past the
 * maximum. */
HM_MUST_CHECK enum hm_rc hm_cosignature_message(const struct hm_note_key *key, struct hm_bytes text,
                                                uint64_t time_s, struct hm_err *err,
                                                struct hm_buf *ret_buf);
/* Appends time and signature. HM_EFORMAT as above; HM_EUSAGE if signer is not key's. */
HM_MUST_CHECK enum hm_rc hm_cosignature_make(const struct hm_note_key *key,
                                             const struct hm_signer *signer, struct hm_bytes text,
                                             uint64_t time_s, struct hm_err *err,
                                             struct hm_buf *ret_buf);
/* HM_ESIGNATURE, HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_cosignature_verify(const struct hm_note_key *key, struct hm_bytes text,
                                               struct hm_bytes signature, struct hm_err *err,
                                               uint64_t *ret_time_s);

#endif
