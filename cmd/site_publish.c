/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site publish, renew, status: what goes out, and how long it stays valid. */
#include "site.h"

/* publish */

static const char publish_usage[] =
    "usage: hallmark site publish [--dir DIR] [--wait SECONDS] [--json]\n"
    "\n"
    "Publishes every draft that is complete and fits the others, and says what is missing from\n"
    "the rest. Waits for another command that changes the site, 30 seconds by default.\n";

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
    hm_json_writer_bool(&writer, result->count > 0);
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
