/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys named on the command line: --key FILE (may repeat) and --passphrase-file FILE. A
 * passphrase is asked for on the terminal where no file gives it.
 */
#ifndef HM_CMD_KEYS_H
#define HM_CMD_KEYS_H

#include "crypto/signer.h"

#define HM_KEYS_COUNT_MAX 64

struct hm_keys {
    const char *paths[HM_KEYS_COUNT_MAX]; /* borrowed from argv */
    size_t path_count;
    const char *passphrase_file;                  /* or NULL */
    struct hm_signer *signers[HM_KEYS_COUNT_MAX]; /* owned, once loaded */
    size_t count;
};

#define HM_KEYS_INIT                                                                               \
    {                                                                                              \
        .path_count = 0                                                                            \
    }

void hm_keys_done(struct hm_keys *keys);
/* Notes a --key; HM_EUSAGE past the limit. */
HM_MUST_CHECK enum hm_rc hm_keys_add(struct hm_keys *keys, const char *path, struct hm_err *err);
/* Loads all of them. As hm_signer_load. */
HM_MUST_CHECK enum hm_rc hm_keys_load(struct hm_keys *keys, struct hm_err *err);
/* One private key file, asking as above. */
HM_MUST_CHECK enum hm_rc hm_keys_load_one(const char *path, const char *passphrase_file,
                                          struct hm_err *err, struct hm_signer **ret_signer);

#endif
