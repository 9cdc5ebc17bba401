/* SPDX-License-Identifier: Apache-2.0 */
/* The process that answers monitoring: GET /health and GET /metrics. Confined as workers are. */
#ifndef HM_SERVE_ADMIN_H
#define HM_SERVE_ADMIN_H

#include "serve/worker.h"

/* Serves until SIGTERM. */
HM_MUST_CHECK enum hm_rc hm_admin_run(const struct hm_worker_options *options, struct hm_err *err);

#endif
