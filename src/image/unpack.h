/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression under the walk's budgets. The only user of liblzma and libbrotlidec.
 *
 * No declared size is believed: output is made as it comes, up to what may still be expanded.
 */
#ifndef HM_IMAGE_UNPACK_H
#define HM_IMAGE_UNPACK_H

#include "image/walk.h"

/* The largest dictionary seen is 64 MiB; a header may ask for 4 GiB. */
#define HM_UNPACK_LZMA_MEMORY_MAX ((uint64_t)80 << 20)

enum hm_unpack_kind {
    HM_UNPACK_EFI11,    /* efi_compress.h */
    HM_UNPACK_TIANO,    /* likewise */
    HM_UNPACK_LZMA,     /* 5 bytes of properties, 8 of size, data ("alone") */
    HM_UNPACK_LZMA_X86, /* the same, and branch targets made relative again */
    HM_UNPACK_BROTLI,   /* 8 bytes of size, 8 of scratch memory, data */
    HM_UNPACK_KIND_COUNT_
};

/* Decompresses packed. *ret_data (to be freed, or given to hm_walk_add_content) is NULL where it
 * cannot be: then *ret_why (static) says why, and the caller notes it. HM_EREFUSED where a budget
 * ends it, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_unpack_run(struct hm_walk *walk, enum hm_unpack_kind kind,
                                       struct hm_bytes packed, uint8_t **ret_data, size_t *ret_size,
                                       const char **ret_why);
/* "LZMA", "EFI 1.1"; static. */
const char *hm_unpack_name(enum hm_unpack_kind kind);
/* CRC-32 (IEEE 802.3), as CRC32 sections and device trees' images have it. */
uint32_t hm_unpack_crc32(struct hm_bytes bytes);

#endif
