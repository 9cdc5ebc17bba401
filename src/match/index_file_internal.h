/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing a file of the index share. */
#ifndef HM_MATCH_INDEX_FILE_INTERNAL_H
#define HM_MATCH_INDEX_FILE_INTERNAL_H

#include "base/reader.h"
#include "match/index_file.h"

#define INDEX_MAGIC        "hallmark-index 1"
#define INDEX_HEADER_SIZE  0x40
#define INDEX_ROW_SIZE     24
#define INDEX_BLOCK_HEADER 0x40
#define INDEX_FLAG_COPY    1U
/* A fan of 256 is 1 KiB; one of 2^28 is for as many entries as there can be. */
#define INDEX_FAN_BITS_MIN 8
#define INDEX_FAN_BITS_MAX 28

#define INDEX_SAMPLE_MASK ((UINT64_C(1) << HM_INDEX_FILE_SAMPLE_BITS) - 1)

/* The key as it stands in an entry. */
uint64_t hm_index_file_stored(uint64_t key);
/* The checksum of a header or block. */
HM_MUST_CHECK enum hm_rc hm_index_file_sum(struct hm_bytes bytes, struct hm_err *err,
                                           uint64_t *ret_sum);
/* An image's block as it is, and the checksum it should have. */
HM_MUST_CHECK enum hm_rc hm_index_file_block(const struct hm_index_file *file, uint32_t index,
                                             struct hm_err *err, struct hm_bytes *ret_block,
                                             uint64_t *ret_sum);

#endif
