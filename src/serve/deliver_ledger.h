/* SPDX-License-Identifier: Apache-2.0 */
/* The site's ledger as the process of deliveries has it: requests of HTTP become what the ledger is
 * asked, and its log is published by a thread of its own, which may wait for witnesses. */
#ifndef HM_SERVE_DELIVER_LEDGER_H
#define HM_SERVE_DELIVER_LEDGER_H

#include "ledger/ledger.h"
#include "serve/deliver.h"

struct hm_deliver_binding {
    struct hm_ledger *ledger; /* borrowed */
    struct hm_deliver_ledger table;
    pthread_t publisher;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool is_wanted, is_ended, has_publisher;
};

/* Binds it; table is for hm_deliver_new. */
HM_MUST_CHECK enum hm_rc hm_deliver_ledger_init(struct hm_deliver_binding *binding,
                                                struct hm_ledger *ledger, struct hm_err *err);
/* Once nobody uses table any more; lets a publishing that is under way end. */
void hm_deliver_ledger_done(struct hm_deliver_binding *binding);

#endif
