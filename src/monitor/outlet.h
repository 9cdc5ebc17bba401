/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where alarms go: standard output, webhooks, syslog. Each outlet has each alarm once; one that an
 * outlet did not take is offered again at the next run, for as long as nobody acknowledged it.
 *
 *   standard output   a line each, or a JSON object each
 *   webhook           POST of {"schema":"hallmark/alarms-told/1","site":NAME,"alarms":[...]}; a
 *                     status of 2xx takes them
 *   syslog            a datagram each to a socket such as /dev/log (RFC 3164, facility daemon;
 *                     breaches are critical, what people should know a warning)
 */
#ifndef HM_MONITOR_OUTLET_H
#define HM_MONITOR_OUTLET_H

#include "base/dir.h"
#include "monitor/alarm_box.h"

#define HM_OUTLET_WEBHOOK_COUNT_MAX 8
#define HM_OUTLET_WEBHOOK_ALARM_MAX 100 /* in one POST: some 300 KB at most */
#define HM_OUTLET_DEADLINE_MS       20000
#define HM_OUTLET_SYSLOG_MAX        2048 /* RFC 3164 has 1024; every syslogd takes this */

struct hm_outlets {
    bool is_quiet; /* nothing on standard output */
    bool is_json;
    bool is_again; /* also what they were told of before */
    const char *webhooks[HM_OUTLET_WEBHOOK_COUNT_MAX];
    size_t webhook_count;
    const char *ca_file;
    const char *syslog; /* the socket's path, or NULL */
};

/* HM_EUSAGE for what is no URL of http or https; plain http only to loopback. */
HM_MUST_CHECK enum hm_rc hm_outlet_check_url(const char *url, struct hm_err *err);
/* Tells every outlet of the open alarms that it does not have yet, and saves the marks. Each outlet
 * is tried; the first failure is returned. */
HM_MUST_CHECK enum hm_rc hm_outlet_tell(const struct hm_outlets *outlets, const char *site,
                                        struct hm_alarm_box *box, const struct hm_dir *dir,
                                        struct hm_err *err);
/* Prints one alarm on standard output. HM_EIO. */
HM_MUST_CHECK enum hm_rc hm_outlet_print(const struct hm_alarm *alarm, const char *site,
                                         bool is_json, struct hm_err *err);

#endif
