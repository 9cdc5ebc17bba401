/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person is about to sign, in words: the difference between a document and an earlier one.
 * The site's "review" and the offline "sign" print the same text from the same code.
 */
#ifndef HM_EXCHANGE_REVIEW_H
#define HM_EXCHANGE_REVIEW_H

#include "exchange/request.h"

/* Appends the difference from before (raw envelope, or empty: all is new) to after, as escaped text
 * lines: versions, expiry, releases and files added, changed, removed with size and SHA-256, custom
 * changes, delegations, keys and thresholds added and removed, makers' grades and identities.
 * Warnings stand first, each beginning with "WARNING: ": an expiry extended by more than twice its
 * default, a threshold lowered to 1, a version name with other bytes, a file removed, a grade
 * changed, a key removed. role names the kind of document. */
HM_MUST_CHECK enum hm_rc hm_review_document(const char *role, struct hm_bytes before,
                                            struct hm_bytes after, struct hm_err *err,
                                            struct hm_buf *ret_text);

/* How long a document of role lasts by default , in seconds. */
int64_t hm_review_default_expiry_s(const char *role);

#endif
