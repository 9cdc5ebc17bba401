/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that must not be swapped out, dumped or left behind: locked memory, wiped on release. */
#ifndef HM_BASE_SECRET_H
#define HM_BASE_SECRET_H

#include "base/bytes.h"
#include "base/error.h"

#define HM_SECRET_ASK_SIZE_MAX 1024 /* of a passphrase: a terminal's line is at most 4096 bytes */

struct hm_secret {
    uint8_t *data; /* pages of its own; a NUL stands at capacity */
    size_t size;
    size_t capacity;
};

#define HM_SECRET_INIT                                                                             \
    {                                                                                              \
        .data = NULL, .size = 0, .capacity = 0                                                     \
    }

/* Room for capacity bytes and a NUL, zeroed, size 0; locking is best effort where the limit is low.
 * HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_secret_init(struct hm_secret *secret, size_t capacity,
                                        struct hm_err *err);
/* Reads a regular file that must be private to its owner (mode & 077 == 0): HM_EREFUSED otherwise,
 * HM_EFORMAT past size_max bytes, HM_ENOTFOUND, HM_EINPUT. One trailing newline is dropped if
 * strip_newline. */
HM_MUST_CHECK enum hm_rc hm_secret_read(const char *path, size_t size_max, bool strip_newline,
                                        struct hm_err *err, struct hm_secret *ret_secret);
/* Asks on the terminal (/dev/tty) without echo, up to the end of the line. HM_EINPUT where there is
 * no terminal, at the end of input, when interrupted, or past HM_SECRET_ASK_SIZE_MAX bytes. A
 * signal that would end or stop the program takes effect after the terminal is as it was. One
 * thread. */
HM_MUST_CHECK enum hm_rc hm_secret_ask(const char *prompt, struct hm_err *err,
                                       struct hm_secret *ret_secret);
/* Wipes and releases. */
void hm_secret_done(struct hm_secret *secret);

#endif
