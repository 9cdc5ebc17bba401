/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that must not be swapped out, dumped or left behind: locked memory, wiped on release. */
#ifndef HM_BASE_SECRET_H
#define HM_BASE_SECRET_H

#include "base/bytes.h"
#include "base/error.h"

struct hm_secret {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

#define HM_SECRET_INIT                                                                             \
    {                                                                                              \
        .data = NULL, .size = 0, .capacity = 0                                                     \
    }

/* Room for capacity bytes, zeroed; locking is best effort where the limit is low. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_secret_init(struct hm_secret *secret, size_t capacity,
                                        struct hm_err *err);
/* Reads a file of at most size_max bytes that must be private to its owner (mode & 077 == 0):
 * HM_EREFUSED otherwise, HM_ENOTFOUND, HM_EINPUT. One trailing newline is dropped if strip_newline.
 */
HM_MUST_CHECK enum hm_rc hm_secret_read(const char *path, size_t size_max, bool strip_newline,
                                        struct hm_err *err, struct hm_secret *ret_secret);
/* Asks on the terminal (/dev/tty) without echo. HM_EINPUT where there is no terminal. */
HM_MUST_CHECK enum hm_rc hm_secret_ask(const char *prompt, struct hm_err *err,
                                       struct hm_secret *ret_secret);
/* Wipes and releases. */
void hm_secret_done(struct hm_secret *secret);

#endif
