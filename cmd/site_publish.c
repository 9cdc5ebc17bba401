/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site publish, renew, status: what goes out, and how long it stays valid. */
#include "site.h"

#include "base/time.h"
#include "site/advisories.h"
#include "site/renew.h"
#include "site/status.h"

/* publish */

static const char publish_usage[] =
    "usage: hallmark site publish [--dir DIR] [--wait SECONDS] [--json]\n"
    "\n"
    "Publishes every draft that is complete and fits the others, and says what is missing from\n"
    "the rest. Waits for another command that changes the site, 30 seconds by default.\n"
    "Exit status 3: the release log lacks its quorum of witnesses; what is committed waits, and\n"
    "the next publish or renew goes on.\n";

static const struct option publish_options[] = {HM_CMD_SITE_OPTIONS, {NULL, 0, NULL, 0}};

static void write_lines(struct hm_json_writer *writer, const struct hm_buf *text)
{
    const char *line = hm_buf_str(text);

    hm_json_writer_array_begin(writer);
    while (*line != '\0') {
        const char *end = strchrnul(line, '\n');

        hm_json_writer_string(writer, hm_bytes_make(line, (size_t)(end - line)));
        line = *end == '\n' ? end + 1 : end;
    }
    hm_json_writer_array_end(writer);
}

static enum hm_rc publish_json(const struct hm_publish_result *result, const char *schema,
                               struct hm_err *err, struct hm_buf *report)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, report, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", schema);
    hm_json_writer_key(&writer, "changed");
    hm_json_writer_bool(&writer, result->count > 0 || result->resumed);
    hm_json_writer_key(&writer, "resumed");
    hm_json_writer_bool(&writer, result->resumed);
    hm_json_writer_key(&writer, "heartbeat");
    hm_json_writer_bool(&writer, result->heartbeat);
    hm_json_writer_key(&writer, "published");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < result->count; i++) {
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "role", result->items[i].role);
        hm_json_writer_key_int(&writer, "version", result->items[i].version);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_u64(&writer, result->file_count);
    if (result->has_fingerprint) {
        hm_json_writer_key(&writer, "fingerprint");
        hm_json_writer_hex(&writer, hm_bytes_make(result->fingerprint.bytes, HM_SHA256_SIZE));
    }
    hm_json_writer_key(&writer, "held");
    write_lines(&writer, &result->notes);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(report, "\n", err);
}

static enum hm_rc publish_run(struct hm_cmd_site *cmd, struct hm_err *err)
{
    _hm_done_(hm_publish_result_done) struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    HM_TRY(hm_publish_run(cmd->site, HM_PUBLISH_DRAFTS, err, &result));
    HM_TRY(hm_advisories_run(cmd->site, err));
    if (cmd->json)
        return publish_json(&result, "hallmark/site-publish/1", err, &cmd->report);
    return hm_publish_describe(&result, err, &cmd->report);
}

int hm_cmd_site_publish(int argc, char **argv)
{
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, publish_options, publish_usage, NULL, NULL);
    if (status < 0 && optind < argc)
        status = hm_cmd_usage("hallmark site publish", "'%s' is not expected", argv[optind]);
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(&cmd, publish_run(&cmd, &err), &err);
}

/* renew */

static const char renew_usage[] =
    "usage: hallmark site renew [--dir DIR] [--force] [--json]\n"
    "       hallmark site renew [--dir DIR] --offline 90d [--key K]... [-o REQUEST]\n"
    "\n"
    "Re-signs and publishes snapshot and timestamp where they lost half of their time (--force:\n"
    "in any case), and has the witnesses cosign the release log again; meant for a timer. "
    "--offline drafts the next version of every other role that\n"
    "ends within that time, and writes one request for them.\n";

enum {
    OPTION_FORCE = 256,
    OPTION_OFFLINE,
};

static const struct option renew_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"force", no_argument, NULL, OPTION_FORCE},
    {"offline", required_argument, NULL, OPTION_OFFLINE},
    {NULL, 0, NULL, 0},
};

struct renew_ctx {
    bool force, offline;
    int64_t within_s;
};

static enum hm_rc renew_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct renew_ctx *renew = ctx;

    if (option == OPTION_FORCE) {
        renew->force = true;
        return HM_OK;
    }
    renew->offline = true;
    return hm_time_parse_duration(value, err, &renew->within_s);
}

static enum hm_rc renew_offline(struct hm_cmd_site *cmd, int64_t within_s, struct hm_err *err)
{
    _hm_done_(hm_renew_done) struct hm_renew renew = HM_RENEW_INIT;

    HM_TRY(hm_renew_run(cmd->site, within_s, err, &cmd->report, &renew));
    if (renew.role_count == 0)
        return hm_buf_append_str(&cmd->report, "no offline role ends within that time\n", err);
    return hm_cmd_site_finish(cmd, renew.roles, renew.role_count, "renewal before they expire",
                              err);
}

static enum hm_rc renew_run(struct hm_cmd_site *cmd, const struct renew_ctx *renew,
                            struct hm_err *err)
{
    _hm_done_(hm_publish_result_done) struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    if (renew->offline)
        return renew_offline(cmd, renew->within_s, err);
    HM_TRY(hm_publish_run(cmd->site, renew->force ? HM_PUBLISH_REFRESH : HM_PUBLISH_RENEW, err,
                          &result));
    if (cmd->json)
        return publish_json(&result, "hallmark/site-renew/1", err, &cmd->report);
    if (result.count == 0 && !result.resumed) {
        HM_TRY(hm_buf_append(&cmd->report, hm_buf_bytes(&result.witnesses), err));
        return hm_buf_append_str(&cmd->report, "nothing to renew yet\n", err);
    }
    return hm_publish_describe(&result, err, &cmd->report);
}

int hm_cmd_site_renew(int argc, char **argv)
{
    struct renew_ctx renew = {.force = false};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, renew_options, renew_usage, renew_option, &renew);
    if (status < 0 && (optind < argc || (renew.force && renew.offline)))
        status = hm_cmd_usage("hallmark site renew", "give --force or --offline TIME, or nothing");
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(&cmd, renew_run(&cmd, &renew, &err), &err);
}

/* status */

static const char status_usage[] =
    "usage: hallmark site status [--dir DIR] [--json]\n"
    "\n"
    "Shows each role's version, time and signatures, the drafts and what they lack, and what\n"
    "publish would do now. Exit status: 0 all is well, 1 something expired, 3 cannot tell.\n";

static const struct option status_options[] = {HM_CMD_SITE_OPTIONS, {NULL, 0, NULL, 0}};

static enum hm_rc status_run(struct hm_cmd_site *cmd, struct hm_err *err, bool *ret_expired)
{
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_READ, err));
    return hm_status_write(cmd->site, cmd->json, err, &cmd->report, ret_expired);
}

int hm_cmd_site_status(int argc, char **argv)
{
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    bool expired = false;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, status_options, status_usage, NULL, NULL);
    if (status < 0 && optind < argc)
        status = hm_cmd_usage("hallmark site status", "'%s' is not expected", argv[optind]);
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    status = hm_cmd_site_end(&cmd, status_run(&cmd, &err, &expired), &err);
    return status == 0 && expired ? 1 : status;
}
