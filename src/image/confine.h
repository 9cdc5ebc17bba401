/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that gives up all it does not need: before the first foreign byte is looked at.
 *
 * Afterwards it can compute, ask for memory and for the time, read and write the descriptors it
 * has, and end. Any other system call (opening a file, a socket, a new process) ends it at once by
 * a signal. Nothing gives back what was given up.
 */
#ifndef HM_IMAGE_CONFINE_H
#define HM_IMAGE_CONFINE_H

#include "base/error.h"

struct hm_confine_limits {
    uint64_t memory_max; /* address space, in bytes */
    uint64_t output_max; /* the largest file it may write to */
    uint32_t cpu_s_max;  /* processor time; a second later it is killed */
};

/* Confines this process. HM_EINTERNAL where the kernel or the machine's architecture has not what
 * it takes: then the caller must not go on. */
HM_MUST_CHECK enum hm_rc hm_confine_enter(const struct hm_confine_limits *limits,
                                          struct hm_err *err);

#endif
