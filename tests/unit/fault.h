/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault injection: reruns a scenario with its 1st, 2nd, 3rd ... call of the system failing, until
 * it passes without meeting a failure. The calls are caught at link time (--wrap, see
 * `fault_wrapped` in meson.build), and only those of Hallmark's own objects, not those within
 * libraries.
 */
#ifndef HM_TESTS_FAULT_H
#define HM_TESTS_FAULT_H

#include "base/error.h"

/* What is tried. It owns nothing when it returns; *err is its own to fill. */
typedef enum hm_rc fault_scenario_fn(void *ctx, struct hm_err *err);
/* Called after every run, to look at what the scenario left behind, and to put back what the next
 * run starts from. rc is the scenario's. */
typedef void fault_check_fn(void *ctx, enum hm_rc rc);

/*
 * Runs the scenario once for each call that can fail, and again with that call and every later one
 * failing. A run that met a failure must end in HM_ENOMEM, HM_EIO, HM_EINPUT or HM_EINTERNAL, one
 * that met none in HM_OK; no run may leave memory or a descriptor behind. check may be NULL.
 * Returns how many calls were made to fail, for the test to see that there were some.
 */
size_t fault_run(fault_scenario_fn *scenario, fault_check_fn *check, void *ctx);

/* From here on a run that met a failure may also end in HM_OK: for scenarios with a call whose
 * failure is borne, such as writing the pid into a lock. Until called with false. */
void fault_bear(bool on);

/* From here on reads and writes are cut short and interrupted, until called with false. */
void fault_disturb(bool on);

#endif
