/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's bytes without copying them. For files that are replaced and not written to: where
 * somebody cuts a mapped file short, this process ends (SIGBUS).
 */
#ifndef HM_BASE_MAPPING_H
#define HM_BASE_MAPPING_H

#include "base/bytes.h"
#include "base/error.h"

struct hm_mapping {
    struct hm_bytes bytes;
};

#define HM_MAPPING_INIT                                                                            \
    {                                                                                              \
        .bytes = { NULL, 0 }                                                                       \
    }

/* Maps size bytes of a regular file for reading; the descriptor may be closed. is_all: all of them
 * will be read, and soon; else a few here and there. HM_EIO, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_mapping_fd(int fd, size_t size, bool is_all, struct hm_err *err,
                                       struct hm_mapping *ret_mapping);
void hm_mapping_done(struct hm_mapping *mapping);

#endif
