/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark list --changed. */
#ifndef HM_CMD_CHANGED_H
#define HM_CMD_CHANGED_H

#include "customer.h"

/* Says what changed at the customer's sites since this was said last, and from then on compares
 * with now. operands: at most one pattern, which filters and leaves the moment of comparison as it
 * is. Returns the exit status. */
int hm_changed_run(struct hm_customer *customer, char **operands, size_t count, bool is_offline);

#endif
