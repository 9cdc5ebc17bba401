/* SPDX-License-Identifier: Apache-2.0 */
/* Where alarms go. See outlet.h. */
#include "monitor/outlet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "net/post.h"
#include "net/url.h"

#define STDOUT          "stdout"
#define SYSLOG          "syslog"
#define LINE_SIZE_MAX   8192
#define ANSWER_SIZE_MAX 4096
#define SYSLOG_WAIT_S   5
/* RFC 3164: facility daemon. */
#define PRIORITY_BREACH (3 * 8 + 2)
#define PRIORITY_NOTICE (3 * 8 + 4)

static bool is_due(const struct hm_outlets *outlets, const struct hm_alarm *alarm, const char *name)
{
    return hm_alarm_is_open(alarm) && (outlets->is_again || !hm_alarm_is_told(alarm, name));
}

/* ---- standard output ------------------------------------------------------------------------- */

enum hm_rc hm_outlet_print(const struct hm_alarm *alarm, const char *site, bool is_json,
                           struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);
    struct hm_json_writer writer;
    char when[HM_TIME_TEXT_SIZE];

    if (is_json) {
        hm_json_writer_init(&writer, &line, false);
        hm_alarm_write(alarm, site, &writer);
        HM_TRY(hm_json_writer_end(&writer, err));
    } else {
        hm_time_format(alarm->raised_unix_s, when);
        HM_TRY(hm_buf_append_fmt(&line, err, "%s  %s  %s  %s  %s%s", alarm->id, when, site,
                                 hm_alarm_kind_name(alarm->kind), alarm->sentence,
                                 alarm->acknowledged_unix_s != 0 ? "  (acknowledged)"
                                 : alarm->ended_unix_s != 0      ? "  (over)"
                                                                 : ""));
    }
    HM_TRY(hm_buf_append_byte(&line, '\n', err));
    if (fwrite(line.data, 1, line.size, stdout) != line.size || fflush(stdout) != 0)
        return hm_error_errno(err, errno, "cannot write to standard output");
    return HM_OK;
}

static enum hm_rc tell_stdout(const struct hm_outlets *outlets, const char *site,
                              struct hm_alarm_box *box, struct hm_err *err)
{
    for (size_t i = 0; i < box->count; i++) {
        struct hm_alarm *alarm = &box->alarms[i];

        if (!is_due(outlets, alarm, STDOUT))
            continue;
        HM_TRY(hm_outlet_print(alarm, site, outlets->is_json, err));
        HM_TRY(hm_alarm_box_tell(box, alarm, STDOUT, err));
    }
    return HM_OK;
}

/* ---- syslog ---------------------------------------------------------------------------------- */

static enum hm_rc connect_syslog(const char *path, struct hm_err *err, int *ret_fd)
{
    _hm_done_(hm_dir_close_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct timeval wait = {.tv_sec = SYSLOG_WAIT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (fd < 0)
        return hm_error_errno(err, errno, "cannot make a socket");
    if (strlen(path) >= sizeof(address.sun_path))
        return hm_fail(err, HM_EUSAGE, "'%s' is too long for a socket's path", path);
    memcpy(address.sun_path, path, strlen(path));
    /* A log that takes nothing does not stop the monitor for long. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return hm_error_errno(err, errno, "cannot connect to the log at '%s'", path);
    *ret_fd = fd;
    fd = -1;
    return HM_OK;
}

static enum hm_rc send_syslog(int fd, const char *site, const struct hm_alarm *alarm,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);

    HM_TRY(hm_buf_append_fmt(&line, err, "<%d>hallmark-monitor[%ld]: %s %s: %s (alarm %s)",
                             hm_alarm_is_breach(alarm->kind) ? PRIORITY_BREACH : PRIORITY_NOTICE,
                             (long)getpid(), site, hm_alarm_kind_name(alarm->kind), alarm->sentence,
                             alarm->id));
    if (line.size > HM_OUTLET_SYSLOG_MAX)
        line.size = HM_OUTLET_SYSLOG_MAX;
    if (send(fd, line.data, line.size, MSG_NOSIGNAL) != (ssize_t)line.size)
        return hm_error_errno(err, errno, "the log does not take an alarm");
    return HM_OK;
}

static enum hm_rc tell_syslog(const struct hm_outlets *outlets, const char *site,
                              struct hm_alarm_box *box, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;

    for (size_t i = 0; i < box->count; i++) {
        struct hm_alarm *alarm = &box->alarms[i];

        if (!is_due(outlets, alarm, SYSLOG))
            continue;
        if (fd < 0)
            HM_TRY(connect_syslog(outlets->syslog, err, &fd));
        HM_TRY(send_syslog(fd, site, alarm, err));
        HM_TRY(hm_alarm_box_tell(box, alarm, SYSLOG, err));
    }
    return HM_OK;
}

/* ---- webhooks -------------------------------------------------------------------------------- */

enum hm_rc hm_outlet_check_url(const char *url, struct hm_err *err)
{
    if (hm_url_kind(url) != HM_URL_REMOTE)
        return hm_fail(err, HM_EUSAGE, "'%s' is no URL of http or https", url);
    return HM_OK;
}

/* The name under which an alarm remembers it: URLs may hold secrets. */
static enum hm_rc webhook_name(const char *url, struct hm_err *err,
                               char ret_name[HM_ALARM_OUTLET_SIZE])
{
    struct hm_sha256 sha256;
    char hex[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_digest_sha256(hm_bytes_str(url), err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)), hex);
    (void)snprintf(ret_name, HM_ALARM_OUTLET_SIZE, "webhook-%.16s", hex); /* fits */
    return HM_OK;
}

/* The next alarms that are due, from *next on, and the body that has them. */
static enum hm_rc fill_body(const struct hm_outlets *outlets, const char *site, const char *name,
                            struct hm_alarm_box *box, size_t *next, struct hm_err *err,
                            struct hm_alarm **ret_alarms, size_t *ret_count, struct hm_buf *body)
{
    struct hm_json_writer writer;
    size_t count = 0;

    hm_json_writer_init(&writer, body, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/alarms-told/1");
    hm_json_writer_key_str(&writer, "site", site);
    hm_json_writer_key(&writer, "alarms");
    hm_json_writer_array_begin(&writer);
    for (; *next < box->count && count < HM_OUTLET_WEBHOOK_ALARM_MAX; ++*next) {
        if (!is_due(outlets, &box->alarms[*next], name))
            continue;
        ret_alarms[count++] = &box->alarms[*next];
        hm_alarm_write(&box->alarms[*next], site, &writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    *ret_count = count;
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc post(struct hm_post *to, const char *url, struct hm_bytes body,
                       struct hm_err *err)
{
    const struct hm_post_request request = {.url = url,
                                            .content_type = "application/json",
                                            .body = body,
                                            .answer_size_max = ANSWER_SIZE_MAX,
                                            .deadline_ms = HM_OUTLET_DEADLINE_MS};
    struct hm_post_answer answer;

    HM_TRY(hm_post_start(to, &request, err));
    HM_TRY(hm_post_wait(to, 2 * HM_OUTLET_DEADLINE_MS, err, &answer));
    if (answer.rc != HM_OK)
        return hm_fail(err, answer.rc, "a webhook: %s", answer.err.text);
    if (answer.status / 100 != 2)
        return hm_fail(err, HM_ENETWORK, "a webhook took no alarm: it answered with status %u",
                       answer.status);
    return HM_OK;
}

static enum hm_rc tell_webhook(const struct hm_outlets *outlets, const char *url, const char *site,
                               struct hm_alarm_box *box, struct hm_err *err)
{
    const struct hm_post_options options = {.ca_file = outlets->ca_file};
    _hm_free_(hm_post_free) struct hm_post *to = NULL;
    char name[HM_ALARM_OUTLET_SIZE];
    size_t next = 0;

    HM_TRY(webhook_name(url, err, name));
    while (next < box->count) {
        _hm_done_(hm_buf_done) struct hm_buf body =
            HM_BUF_INIT(HM_OUTLET_WEBHOOK_ALARM_MAX * (size_t)LINE_SIZE_MAX);
        struct hm_alarm *alarms[HM_OUTLET_WEBHOOK_ALARM_MAX];
        size_t count = 0;

        HM_TRY(fill_body(outlets, site, name, box, &next, err, alarms, &count, &body));
        if (count == 0)
            return HM_OK;
        if (to == NULL)
            HM_TRY(hm_post_new(&options, err, &to));
        HM_TRY(post(to, url, hm_buf_bytes(&body), err));
        for (size_t i = 0; i < count; i++)
            HM_TRY(hm_alarm_box_tell(box, alarms[i], name, err));
    }
    return HM_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void note(enum hm_rc rc, const struct hm_err *why, enum hm_rc *first, struct hm_err *err)
{
    if (rc == HM_OK || *first != HM_OK)
        return;
    *first = rc;
    *err = *why;
}

enum hm_rc hm_outlet_tell(const struct hm_outlets *outlets, const char *site,
                          struct hm_alarm_box *box, const struct hm_dir *dir, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc first = HM_OK;

    if (hm_alarm_box_open_count(box) == 0)
        return HM_OK;
    if (!outlets->is_quiet)
        note(tell_stdout(outlets, site, box, &why), &why, &first, err);
    if (outlets->syslog != NULL)
        note(tell_syslog(outlets, site, box, &why), &why, &first, err);
    for (size_t i = 0; i < outlets->webhook_count; i++)
        note(tell_webhook(outlets, outlets->webhooks[i], site, box, &why), &why, &first, err);
    note(hm_alarm_box_save(box, dir, &why), &why, &first, err);
    return first;
}
