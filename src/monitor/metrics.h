/* SPDX-License-Identifier: Apache-2.0 */
/* What a monitor saw, as a file for Prometheus (node_exporter's textfile collector). */
#ifndef HM_MONITOR_METRICS_H
#define HM_MONITOR_METRICS_H

#include "monitor/watch.h"

#define HM_METRICS_SIZE_MAX ((size_t)16 << 20) /* 256 sites, each with every kind of alarm */

/* One site's numbers of one run. */
struct hm_metrics {
    const char *site;
    struct hm_watch_report report;
    int64_t run_unix_s;
    size_t open[HM_ALARM_KIND_COUNT_]; /* alarms that nobody has acknowledged */
};

/* Counts the open alarms of a box. */
void hm_metrics_count(const struct hm_alarm_box *box, struct hm_metrics *metrics);
/* Appends the text, each family once. */
HM_MUST_CHECK enum hm_rc hm_metrics_write(const struct hm_metrics *metrics, size_t count,
                                          struct hm_err *err, struct hm_buf *ret_text);

#endif
