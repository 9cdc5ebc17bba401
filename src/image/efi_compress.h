/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compression of UEFI (2.10, chapter 19) and its variant "Tiano": LZ77 and Huffman codes, after
 * LHA's lh7. The two differ in the width of one field; a stream does not say which it is.
 */
#ifndef HM_IMAGE_EFI_COMPRESS_H
#define HM_IMAGE_EFI_COMPRESS_H

#include "base/bytes.h"
#include "base/error.h"

enum hm_efi_compress_kind {
    HM_EFI_COMPRESS_UEFI,  /* position lengths of 4 bits */
    HM_EFI_COMPRESS_TIANO, /* of 5 */
};

/* The size that the header declares, and whether the compressed bytes are all there: HM_EFORMAT
 * otherwise. Not to be believed. */
HM_MUST_CHECK enum hm_rc hm_efi_compress_size(struct hm_bytes packed, uint32_t *ret_size);
/* Decompresses into exactly size bytes, as hm_efi_compress_size says. HM_EFORMAT where the stream
 * has a bad code table, points in front of the output's start, or ends early. */
HM_MUST_CHECK enum hm_rc hm_efi_compress_unpack(enum hm_efi_compress_kind kind,
                                                struct hm_bytes packed, uint8_t *ret_data,
                                                size_t size);

#endif
