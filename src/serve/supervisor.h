/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving a site: one process that starts and watches the others, and speaks to nobody.
 *
 *   nginx              faces the network: TLS, files, limits
 *   workers            decide (worker.h), on unix sockets
 *   admin              health and metrics (admin.h)
 *   deliver            statements of deliveries (deliver_process.h), where root names them
 *   collector          what nginx sent (collector.h), likewise
 *
 * All sockets are opened here and inherited, so that a process which dies and is started again
 * refuses no connection. Changes of accounts are put in force within a tenth of a second. SIGTERM
 * and SIGINT stop after the transfers under way (a second one at once), SIGHUP reads the
 * certificate and writes the configuration again, SIGUSR1 opens the access log anew.
 */
#ifndef HM_SERVE_SUPERVISOR_H
#define HM_SERVE_SUPERVISOR_H

#include "serve/settings.h"

/* Arguments with which the program runs as one of the other processes. */
#define HM_SUPERVISOR_WORKER    "--worker"
#define HM_SUPERVISOR_ADMIN     "--admin-process"
#define HM_SUPERVISOR_DELIVER   "--deliver"
#define HM_SUPERVISOR_COLLECTOR "--collector"

/* Serves until a signal. Each event is one line of JSON on standard error. */
HM_MUST_CHECK enum hm_rc hm_supervisor_run(const struct hm_settings *settings, struct hm_err *err);
/* Runs as one of the others: argv as the supervisor gave it, from the word on. */
HM_MUST_CHECK enum hm_rc hm_supervisor_role(int argc, char **argv, struct hm_err *err);

bool hm_supervisor_is_role(const char *word);

#endif
