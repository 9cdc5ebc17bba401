/* SPDX-License-Identifier: Apache-2.0 */
/* The decompression of UEFI and Tiano: any stream is refused, or gives exactly its size. */
#include "fuzz.h"

#include "image/efi_compress.h"

#define SIZE_MAX_HERE ((uint32_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes packed = hm_bytes_make(data, size);
    uint32_t original = 0;

    if (hm_efi_compress_size(packed, &original) != HM_OK || original > SIZE_MAX_HERE)
        return 0;
    for (unsigned kind = HM_EFI_COMPRESS_UEFI; kind <= HM_EFI_COMPRESS_TIANO; kind++) {
        uint8_t *out = malloc(original == 0 ? 1 : original); /* exact: an overrun is seen */
        enum hm_rc rc;

        if (out == NULL)
            return 0;
        rc = hm_efi_compress_unpack((enum hm_efi_compress_kind)kind, packed, out, original);
        FUZZ_CHECK(rc == HM_OK || rc == HM_EFORMAT || rc == HM_ENOMEM);
        free(out);
    }
    return 0;
}
