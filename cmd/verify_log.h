/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark verify --event-log: which releases' option ROMs did a machine run? */
#ifndef HM_CMD_VERIFY_LOG_H
#define HM_CMD_VERIFY_LOG_H

#include "customer.h"

/* A TPM's quote over the log, as the user gave it; all NULL: none. */
struct hm_verify_log_quote {
    const char *quote, *signature, *key; /* paths */
    const char *nonce;                   /* hexadecimal */
};

/* The event log at path ("-": standard input) against what the trusted sites' releases say will be
 * measured, offline. max_age_s as in hm_verify_open. With a quote, nothing is said of
 * the log before the quote is good. Prints; the exit status. */
int hm_verify_log(struct hm_customer *customer, const char *path,
                  const struct hm_verify_log_quote *quote, int64_t max_age_s);

#endif
