/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness is asked (C2SP tlog-witness v1.0.0, "add-checkpoint"): the body of a POST.
 *
 *   old SIZE                 the size that the witness cosigned last, 0: none
 *   BASE64 of a hash         the consistency proof from there, 0 to 63 of them
 *   (empty line)
 *   the checkpoint, a note with its signatures
 */
#ifndef HM_TLOG_ADD_CHECKPOINT_H
#define HM_TLOG_ADD_CHECKPOINT_H

#include "base/buf.h"
#include "tlog/merkle.h"

#define HM_ADD_CHECKPOINT_PATH      "add-checkpoint"   /* below the witness's URL */
#define HM_ADD_CHECKPOINT_SIZE_TYPE "text/x.tlog.size" /* of the answer 409: the size recorded */
#define HM_ADD_CHECKPOINT_HASHES    63                 /* C2SP */
/* The head and a checkpoint with the signatures of some log keys and of 32 witnesses, ML-DSA-44
 * among them (3.3 kB a line). A witness reads no more from the network. */
#define HM_ADD_CHECKPOINT_SIZE_MAX 131072

struct hm_add_checkpoint {
    uint64_t old_size;
    struct hm_merkle_proof proof;
    struct hm_bytes checkpoint; /* the note's bytes, not looked at */
};

/* Borrows raw. Checks the head alone: HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_add_checkpoint_parse(struct hm_bytes raw, struct hm_err *err,
                                                 struct hm_add_checkpoint *ret_request);
/* Appends the body. HM_EUSAGE: a size or proof that would not parse. */
HM_MUST_CHECK enum hm_rc hm_add_checkpoint_write(const struct hm_add_checkpoint *request,
                                                 struct hm_err *err, struct hm_buf *ret_buf);

#endif
