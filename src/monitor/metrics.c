/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for Prometheus. See metrics.h. */
#include "monitor/metrics.h"

#include <string.h>

/* A family with one number a site. */
struct family {
    const char *name, *help;
    int64_t (*number)(const struct hm_metrics *metrics);
};

static int64_t number_size(const struct hm_metrics *metrics)
{
    return (int64_t)metrics->report.size; /* at most INT64_MAX */
}

static int64_t number_run(const struct hm_metrics *metrics)
{
    return metrics->run_unix_s;
}

static int64_t number_success(const struct hm_metrics *metrics)
{
    return metrics->report.rc == HM_OK;
}

static int64_t number_cosigned(const struct hm_metrics *metrics)
{
    return metrics->report.cosigned_unix_s;
}

static int64_t number_grown(const struct hm_metrics *metrics)
{
    return metrics->report.grown_unix_s;
}

static const struct family families[] = {
    {"hallmark_monitor_log_entries", "Entries of the release log.", number_size},
    {"hallmark_monitor_run_timestamp_seconds", "When the site was looked at last.", number_run},
    {"hallmark_monitor_run_complete", "1: all was looked at; 0: something did not answer.",
     number_success},
    {"hallmark_monitor_cosigned_timestamp_seconds", "Time of the newest cosignature; 0: none.",
     number_cosigned},
    {"hallmark_monitor_grown_timestamp_seconds", "When the log was first seen to be of this size.",
     number_grown},
};

void hm_metrics_count(const struct hm_alarm_box *box, struct hm_metrics *metrics)
{
    memset(metrics->open, 0, sizeof(metrics->open));
    for (size_t i = 0; i < box->count; i++) {
        if (hm_alarm_is_open(&box->alarms[i]))
            metrics->open[box->alarms[i].kind]++;
    }
}

static enum hm_rc write_head(const char *name, const char *help, struct hm_err *err,
                             struct hm_buf *text)
{
    return hm_buf_append_fmt(text, err, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

enum hm_rc hm_metrics_write(const struct hm_metrics *metrics, size_t count, struct hm_err *err,
                            struct hm_buf *ret_text)
{
    static const char alarms[] = "hallmark_monitor_alarms";

    HM_TRY(write_head(alarms, "Alarms that nobody has acknowledged.", err, ret_text));
    for (size_t i = 0; i < count; i++) {
        for (unsigned kind = 0; kind < HM_ALARM_KIND_COUNT_; kind++)
            HM_TRY(hm_buf_append_fmt(ret_text, err, "%s{site=\"%s\",kind=\"%s\"} %zu\n", alarms,
                                     metrics[i].site, hm_alarm_kind_name((enum hm_alarm_kind)kind),
                                     metrics[i].open[kind]));
    }
    for (size_t family = 0; family < HM_ARRAY_COUNT(families); family++) {
        HM_TRY(write_head(families[family].name, families[family].help, err, ret_text));
        for (size_t i = 0; i < count; i++)
            HM_TRY(hm_buf_append_fmt(ret_text, err, "%s{site=\"%s\"} %lld\n", families[family].name,
                                     metrics[i].site,
                                     (long long)families[family].number(&metrics[i])));
    }
    return HM_OK;
}
