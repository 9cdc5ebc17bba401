/* SPDX-License-Identifier: Apache-2.0 */
/* What a server tells of itself: one line of JSON on standard error for each event. */
#ifndef HM_SERVE_EVENT_H
#define HM_SERVE_EVENT_H

#include "base/error.h"

/* Keys and values in pairs, ended by NULL; values may be anything. A line that cannot be written
 * stops nothing. */
void hm_event_log(const char *event, ...) __attribute__((sentinel));

#endif
