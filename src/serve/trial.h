/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving a site on trial: one process, plain HTTP on a loopback address, no nginx. The same
 * decisions as in service; files are sent by us.
 */
#ifndef HM_SERVE_TRIAL_H
#define HM_SERVE_TRIAL_H

#include "serve/settings.h"

/* Serves until SIGTERM or SIGINT. HM_EUSAGE: not a loopback address. */
HM_MUST_CHECK enum hm_rc hm_trial_run(const struct hm_settings *settings, struct hm_err *err);

#endif
