/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pre-order depth-first search for a target through delegations (TUF 1.0.34 section 5.6.7).
 * Use hm_client_find.
 */
#ifndef HM_TUF_SEARCH_H
#define HM_TUF_SEARCH_H

#include "tuf/client.h"

/* client must be refreshed or loaded. Roles made up on the way (succinct bins) are put into bins,
 * which must live as long as the result. Errors as hm_client_find. */
HM_MUST_CHECK enum hm_rc hm_search_run(struct hm_client *client, struct hm_arena *bins,
                                       struct hm_bytes path, struct hm_err *err,
                                       struct hm_client_found *ret_found);

#endif
