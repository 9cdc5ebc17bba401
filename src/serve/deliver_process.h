/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of deliveries: it alone holds the keys of offers, receipts and the deliveries log,
 * and signs nothing else. It listens at a unix socket that nginx asks, writes below
 * private/deliveries and public/deliveries, reads what is public and the book of accounts, starts
 * nothing, and speaks to nobody but witnesses: where there are any, it reads the system's folders
 * that a connection needs (hm_confine_network_open).
 */
#ifndef HM_SERVE_DELIVER_PROCESS_H
#define HM_SERVE_DELIVER_PROCESS_H

#include <sys/types.h>

#include "net/httpd.h"
#include "serve/deliver.h"

/* What may wait, and those of nginx that are kept open without a request. */
#define HM_DELIVER_CONNECTIONS_MAX 2048

/* For another process that writes to the ledger, which none should. */
#define HM_DELIVER_WAIT_MS 2000

struct hm_deliver_process_options {
    const char *site; /* folder */
    const char *run;  /* the run folder, with the book */
    int socket;       /* listening */
    int counters;
    int collector; /* socket of packets; -1: nobody collects */
    uid_t uid;     /* who to be from then on; (uid_t)-1: as it is */
    gid_t gid;
};

/* Serves until SIGTERM, and ends what was taken. */
HM_MUST_CHECK enum hm_rc hm_deliver_process_run(const struct hm_deliver_process_options *options,
                                                struct hm_err *err);

/* Answers a request of HTTP that hm_deliver_is_path; account NULL: nobody who is known. */
void hm_deliver_process_answer(struct hm_deliver *deliver, const struct hm_httpd_request *request,
                               const char *account, struct hm_httpd_answer *answer);

#endif
