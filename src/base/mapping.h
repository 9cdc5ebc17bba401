/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's bytes without copying them. For files of one's own that are replaced and not written to:
 * where somebody cuts a mapped file short, or the disk fails, this process ends (SIGBUS). Others'
 * files are read.
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

/* Maps size bytes of a regular file for reading a few here and there; the descriptor may be closed.
 * HM_EIO, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_mapping_fd(int fd, size_t size, struct hm_err *err,
                                       struct hm_mapping *ret_mapping);
void hm_mapping_done(struct hm_mapping *mapping);
/* Has the process say sentence (borrowed, with its newline) and exit with status where a mapped
 * file cannot be read any more: for a program to set once, never for a library. */
void hm_mapping_set_fault(const char *sentence, int status);

#endif
