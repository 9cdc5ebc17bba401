/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark verify --event-log: which releases' option ROMs did a machine run? */
#ifndef HM_CMD_VERIFY_LOG_H
#define HM_CMD_VERIFY_LOG_H

#include "customer.h"

/* The event log at path ("-": standard input) against what the trusted sites' releases say will be
 * measured, offline. max_age_s as in hm_verify_open. Prints; the exit status. */
int hm_verify_log(struct hm_customer *customer, const char *path, int64_t max_age_s);

#endif
