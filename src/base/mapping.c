/* SPDX-License-Identifier: Apache-2.0 */
/* A file's bytes without copying them. See mapping.h. */
#include "base/mapping.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *fault_sentence;
static size_t fault_size;
static int fault_status;

/* Calls nothing that may not be called anywhere. */
static void on_fault(int number)
{
    HM_UNUSED ssize_t written = write(STDERR_FILENO, fault_sentence, fault_size);

    (void)number;
    _exit(fault_status);
}

void hm_mapping_set_fault(const char *sentence, int status)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};

    fault_sentence = sentence;
    fault_size = strlen(sentence);
    fault_status = status;
    (void)sigaction(SIGBUS, &action, NULL); /* cannot fail: the signal is one that can be caught */
}

enum hm_rc hm_mapping_fd(int fd, size_t size, struct hm_err *err, struct hm_mapping *ret_mapping)
{
    void *data;

    *ret_mapping = (struct hm_mapping)HM_MAPPING_INIT;
    if (size == 0)
        return HM_OK;
    data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return hm_error_errno(err, errno, "a file cannot be mapped into memory");
    /* Pages around one that is touched are not wanted either. */
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
