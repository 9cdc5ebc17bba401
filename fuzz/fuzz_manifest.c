/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of backups: what is read is written byte for byte alike, and no path leaves the site.
 */
#include "fuzz.h"

#include "care/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_manifest_free) struct hm_manifest *manifest = NULL;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_MANIFEST_SIZE_MAX);

    if (hm_manifest_parse(hm_bytes_make(data, size), NULL, &manifest) != HM_OK)
        return 0;
    for (size_t i = 0; i < manifest->count; i++) {
        const struct hm_manifest_item *item = &manifest->items[i];

        FUZZ_CHECK(hm_manifest_find(manifest, item->path) == item);
        FUZZ_CHECK(strstr(item->path, "..") == NULL || hm_dir_is_safe_path(item->path) ||
                   item->is_folder);
        FUZZ_CHECK(item->path[0] == 'p');
    }
    FUZZ_CHECK(hm_manifest_write(manifest, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), hm_bytes_make(data, size)));
    return 0;
}
