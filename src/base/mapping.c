/* SPDX-License-Identifier: Apache-2.0 */
/* A file's bytes without copying them. See mapping.h. */
#include "base/mapping.h"

#include <errno.h>
#include <sys/mman.h>

enum hm_rc hm_mapping_fd(int fd, size_t size, bool is_all, struct hm_err *err,
                         struct hm_mapping *ret_mapping)
{
    void *data;

    *ret_mapping = (struct hm_mapping)HM_MAPPING_INIT;
    if (size == 0)
        return HM_OK;
    data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | (is_all ? MAP_POPULATE : 0), fd, 0);
    if (data == MAP_FAILED)
        return hm_error_errno(err, errno, "a file cannot be mapped into memory");
    /* Pages around one that is touched are not wanted either. */
    if (!is_all)
        (void)madvise(data, size, MADV_RANDOM);
    ret_mapping->bytes = hm_bytes_make(data, size);
    return HM_OK;
}

void hm_mapping_done(struct hm_mapping *mapping)
{
    /* Nothing could be done about a failure, and there is none: it was mapped. */
    if (mapping->bytes.size > 0)
        (void)munmap((void *)(uintptr_t)mapping->bytes.data, mapping->bytes.size);
    *mapping = (struct hm_mapping)HM_MAPPING_INIT;
}
