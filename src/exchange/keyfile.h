/* SPDX-License-Identifier: Apache-2.0 */
/* Key files as people have them: FILE (private, 0600) and FILE.pub, made once, never overwritten.
 */
#ifndef HM_EXCHANGE_KEYFILE_H
#define HM_EXCHANGE_KEYFILE_H

#include "crypto/signer.h"

/* Writes path (0600; encrypted unless passphrase is NULL) and path.pub. HM_EREFUSED if either
 * exists: a private key that is overwritten is lost. A file half written is removed. HM_EIO. */
HM_MUST_CHECK enum hm_rc hm_keyfile_create(const char *path, const struct hm_signer *signer,
                                           const struct hm_secret *passphrase, struct hm_err *err);
/* Reads a public key from a ".pub" file. HM_EINPUT missing, HM_EFORMAT, HM_EUNKNOWN; a private key
 * file is HM_EFORMAT saying so. */
HM_MUST_CHECK enum hm_rc hm_keyfile_read_public(const char *path, struct hm_err *err,
                                                struct hm_key **ret_key);
/* Whether the file at path is a public key. HM_EINPUT. */
HM_MUST_CHECK enum hm_rc hm_keyfile_is_public(const char *path, struct hm_err *err,
                                              bool *ret_public);

#endif
