/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors: bytes cut where their contents say so, each piece known by a 64-bit key. A piece that
 * was moved by any number of bytes is cut in the same places again, so its keys are found again.
 *
 * An anchor names a candidate and an offset to compare at, nothing more: keys are no digests, and
 * whoever wants can make bytes for any key. What is claimed rests on comparing the bytes.
 */
#ifndef HM_MATCH_ANCHOR_H
#define HM_MATCH_ANCHOR_H

#include "base/bytes.h"
#include "base/error.h"

/* A cut needs 10 bits of the rolling sum to be zero: pieces of 1.3 KiB on average. Half as large
 * ones double the index; twice as large ones lose a tenth of small images after scattered changes.
 */
#define HM_ANCHOR_CUT_BITS 10
/* Below this a key costs more in the index than the bytes are worth. */
#define HM_ANCHOR_SIZE_MIN 256
/* Bytes without any cut (tables of one pattern) are cut here. */
#define HM_ANCHOR_SIZE_MAX 8192
/* The last piece of a run ends where the run does; shorter than this it says too little. */
#define HM_ANCHOR_TAIL_SIZE_MIN 64

/* Raw bytes and decompressed ones have keys of their own, as one does not explain the other. */
enum hm_anchor_space {
    HM_ANCHOR_RAW,
    HM_ANCHOR_UNPACKED,
};

struct hm_anchor {
    uint64_t key;
    uint32_t offset, size;
};

struct hm_anchor_list {
    struct hm_anchor *items;
    size_t count, capacity;
};

void hm_anchor_list_done(struct hm_anchor_list *list);
/* Adds the anchors of bytes (at most UINT32_MAX of them), without pieces that are one byte
 * repeated. sample_bits: keeps one in 2^sample_bits, chosen by key, so that the same piece is kept
 * or dropped everywhere. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_anchor_find(struct hm_bytes bytes, enum hm_anchor_space space,
                                        unsigned sample_bits, struct hm_err *err,
                                        struct hm_anchor_list *list);

#endif
