/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a server's log: what is taken for a transfer is one that may be recorded. */
#include "fuzz.h"

#include "base/dir.h"
#include "serve/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_transfer transfer;
    bool is_image = false;
    char path[HM_TRANSFER_PATH_SIZE_MAX + 1];

    if (hm_transfer_parse_nginx(hm_bytes_make(data, size), &arena, NULL, &transfer, &is_image) !=
            HM_OK ||
        !is_image)
        return 0;
    FUZZ_CHECK(hm_transfer_check(&transfer, NULL) == HM_OK);
    FUZZ_CHECK(transfer.path.size < sizeof(path));
    memcpy(path, transfer.path.data, transfer.path.size);
    path[transfer.path.size] = '\0';
    FUZZ_CHECK(strlen(path) == transfer.path.size && hm_dir_is_safe_path(path));
    FUZZ_CHECK(memchr(transfer.account.data, '\n', transfer.account.size) == NULL);
    return 0;
}
