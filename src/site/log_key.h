/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a site's release log: private/keys/log.pem, and log-XXXXXXXX.pem for a log that
 * succeeds another. It signs checkpoints and nothing else, and lies on the server as the online
 * keys do: whoever steals it can extend the log, which witnesses and monitors see, but publishes
 * nothing with it.
 */
#ifndef HM_SITE_LOG_KEY_H
#define HM_SITE_LOG_KEY_H

#include "site/approvers.h"
#include "tlog/note_key.h"

/* Appends the origin that a log at url has by default: the URL without its scheme and last slash,
 * and "/log". HM_EUSAGE where that is no origin. */
HM_MUST_CHECK enum hm_rc hm_log_key_origin(const char *url, struct hm_err *err,
                                           struct hm_buf *ret_origin);
/* The vkey of a key pair under origin. HM_EUSAGE: origin cannot be one. */
HM_MUST_CHECK enum hm_rc hm_log_key_make(const char *origin, const struct hm_signer *signer,
                                         struct hm_err *err, struct hm_note_key **ret_key);
/* Makes a key pair and writes it below private/keys: STEM.pem ("log"), or STEM-XXXXXXXX.pem where
 * that is taken. */
HM_MUST_CHECK enum hm_rc hm_log_key_create(const struct hm_dir *private_dir, const char *stem,
                                           const char *origin, struct hm_err *err,
                                           struct hm_note_key **ret_key);
/* The private key of this vkey among those of one kind; NULL where there is none. */
HM_MUST_CHECK enum hm_rc hm_log_key_find(const struct hm_dir *private_dir,
                                         enum hm_approvers_kind kind, const struct hm_note_key *key,
                                         struct hm_err *err, struct hm_signer **ret_signer);
/* That of a release log. HM_EINPUT: it is not in private/keys. */
HM_MUST_CHECK enum hm_rc hm_log_key_load(const struct hm_dir *private_dir,
                                         const struct hm_note_key *key, struct hm_err *err,
                                         struct hm_signer **ret_signer);

#endif
