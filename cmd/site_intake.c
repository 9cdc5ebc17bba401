/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site enroll, intake, pending: who may submit, and what was submitted. */
#include "site.h"

#include "site/intake.h"
#include "site/pending.h"

/* Values of getopt_long past the single letters. */
enum {
    OPTION_ATTESTED = 256,
    OPTION_NAME,
    OPTION_APPROVER,
    OPTION_THRESHOLD,
    OPTION_ORIGIN,
    OPTION_TITLE,
    OPTION_LABEL,
    OPTION_DATE,
};

/* enroll */

static const char enroll_usage[] =
    "usage: hallmark site enroll [--dir DIR] SUBMISSION [--approver K.pub... --threshold N]\n"
    "                            [--key K]... [-o REQUEST]\n"
    "       hallmark site enroll [--dir DIR] ID --attested --name TEXT\n"
    "                            [--approver K.pub... --threshold N] [--key K]... [-o REQUEST]\n"
    "\n"
    "Drafts the next targets.json with a maker in it: one that signs its releases itself, from\n"
    "any submission of it, or one that the vendor speaks for alone (--attested).\n";

static const struct option enroll_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"attested", no_argument, NULL, OPTION_ATTESTED},
    {"name", required_argument, NULL, OPTION_NAME},
    {"approver", required_argument, NULL, OPTION_APPROVER},
    {"threshold", required_argument, NULL, OPTION_THRESHOLD},
    {NULL, 0, NULL, 0},
};

struct enroll_ctx {
    bool attested;
    const char *name;
    struct hm_approvers approvers;
    uint32_t threshold;
};

static enum hm_rc enroll_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct enroll_ctx *enroll = ctx;

    switch (option) {
    case OPTION_ATTESTED:
        enroll->attested = true;
        return HM_OK;
    case OPTION_NAME:
        enroll->name = value;
        return HM_OK;
    case OPTION_APPROVER:
        return hm_approvers_read(&enroll->approvers, value, err);
    default:
        return hm_cmd_site_threshold(value, err, &enroll->threshold);
    }
}

static enum hm_rc enroll_run(struct hm_cmd_site *cmd, struct enroll_ctx *enroll, const char *what,
                             struct hm_err *err)
{
    char release[HM_LAYOUT_ROLE_SIZE_MAX], file[HM_LAYOUT_ROLE_SIZE_MAX + sizeof(".json")];
    const char *const drafts[] = {"targets", release};
    _hm_free_(hm_submission_free) struct hm_submission *submission = NULL;
    struct hm_enrol_options options = {
        .id = what, .approvers = &enroll->approvers, .threshold = enroll->threshold};
    bool drafted;

    if (enroll->attested != (enroll->name != NULL))
        return hm_fail(err, HM_EUSAGE,
                       "--attested and --name go together: another maker's name is in its "
                       "identity");
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    if (enroll->attested) {
        options.name = enroll->name;
    } else {
        HM_TRY(hm_intake_read_head(cmd->site, what, err, &submission));
        options.id = submission->maker;
        options.identity = submission->identity;
        options.identities = submission->identities;
        options.identity_count = submission->identity_count;
    }
    HM_TRY(hm_enrol_run(cmd->site, &options, err, &cmd->report, &drafted));
    if (!drafted && !hm_dir_has(&cmd->site->drafts, "targets.json"))
        return HM_OK;
    hm_layout_release_role(hm_bytes_str(options.id), release);
    (void)snprintf(file, sizeof(file), "%s.json", release);
    return hm_cmd_site_finish(cmd, drafts, hm_dir_has(&cmd->site->drafts, file) ? 2 : 1,
                              "enrolment of a maker", err);
}

int hm_cmd_site_enroll(int argc, char **argv)
{
    struct enroll_ctx enroll = {.approvers = HM_APPROVERS_INIT};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status =
        hm_cmd_site_parse(&cmd, argc, argv, enroll_options, enroll_usage, enroll_option, &enroll);
    if (status < 0 && optind + 1 != argc)
        status = hm_cmd_usage("hallmark site enroll", "give one submission, or one ID");
    if (status < 0)
        status = hm_cmd_site_end(&cmd, enroll_run(&cmd, &enroll, argv[optind], &err), &err);
    else
        hm_cmd_site_done(&cmd);
    hm_approvers_done(&enroll.approvers);
    return status;
}

/* intake */

static const char intake_usage[] =
    "usage: hallmark site intake [--dir DIR] SUBMISSION [--json]\n"
    "       hallmark site intake [--dir DIR] --attested ID/PRODUCT/VERSION FILE... --origin TEXT\n"
    "                            [--title TEXT] [--label TEXT] [--date DATE]\n"
    "\n"
    "Verifies a maker's submission and keeps it for review, or keeps files that the vendor alone\n"
    "will speak for. --origin says who received them, when, and from whom.\n";

static const struct option intake_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"attested", required_argument, NULL, OPTION_ATTESTED},
    {"origin", required_argument, NULL, OPTION_ORIGIN},
    {"title", required_argument, NULL, OPTION_TITLE},
    {"label", required_argument, NULL, OPTION_LABEL},
    {"date", required_argument, NULL, OPTION_DATE},
    {NULL, 0, NULL, 0},
};

static enum hm_rc intake_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct hm_intake_attested *input = ctx;

    switch (option) {
    case OPTION_ATTESTED:
        input->release = value;
        return HM_OK;
    case OPTION_ORIGIN:
        input->origin = value;
        return HM_OK;
    case OPTION_TITLE:
        input->title = value;
        return HM_OK;
    case OPTION_LABEL:
        input->label = value;
        return HM_OK;
    default:
        input->date = value;
        return HM_OK;
    }
}

static enum hm_rc intake_json(const struct hm_intake_result *result, struct hm_err *err,
                              struct hm_buf *report)
{
    struct hm_json_writer writer;

    hm_buf_clear(report);
    hm_json_writer_init(&writer, report, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/site-intake/1");
    hm_json_writer_key(&writer, "submission");
    if (result->id[0] != '\0')
        hm_json_writer_str(&writer, result->id);
    else
        hm_json_writer_null(&writer);
    hm_json_writer_key_int(&writer, "version", result->version);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_u64(&writer, result->brought_count);
    hm_json_writer_key(&writer, "size");
    hm_json_writer_u64(&writer, result->brought_size);
    hm_json_writer_key(&writer, "drafted_targets");
    hm_json_writer_bool(&writer, result->drafted_targets);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(report, "\n", err);
}

static enum hm_rc intake_run(struct hm_cmd_site *cmd, struct hm_intake_attested *input,
                             const char *const *paths, size_t count, struct hm_err *err)
{
    static const char *const drafts[] = {"targets"};
    struct hm_intake_result result;

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    if (input->release != NULL) {
        input->paths = paths;
        input->path_count = count;
        HM_TRY(hm_intake_attested(cmd->site, input, err, &cmd->report, &result));
    } else {
        HM_TRY(hm_intake_submission(cmd->site, paths[0], err, &cmd->report, &result));
    }
    if (cmd->json)
        return intake_json(&result, err, &cmd->report);
    /* With a release, 'approve' writes one request for both. */
    if (result.drafted_targets && (cmd->signers.count > 0 || result.id[0] == '\0'))
        return hm_cmd_site_finish(cmd, drafts, 1, "new keys of a maker", err);
    return HM_OK;
}

int hm_cmd_site_intake(int argc, char **argv)
{
    struct hm_intake_attested input = {.release = NULL};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    size_t count;
    int status;

    hm_cmd_site_init(&cmd);
    status =
        hm_cmd_site_parse(&cmd, argc, argv, intake_options, intake_usage, intake_option, &input);
    count = status < 0 ? (size_t)(argc - optind) : 0;
    if (status < 0 && (count == 0 || (input.release == NULL && count > 1)))
        status = hm_cmd_usage("hallmark site intake", input.release == NULL
                                                          ? "give one submission"
                                                          : "give the files of the release");
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(
        &cmd, intake_run(&cmd, &input, (const char *const *)&argv[optind], count, &err), &err);
}

/* pending */

static const char pending_usage[] = "usage: hallmark site pending [--dir DIR] [--json]\n"
                                    "\n"
                                    "Lists the submissions that wait for review.\n";

static const struct option pending_options[] = {HM_CMD_SITE_OPTIONS, {NULL, 0, NULL, 0}};

static enum hm_rc pending_run(struct hm_cmd_site *cmd, struct hm_err *err)
{
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_READ, err));
    return hm_pending_write(cmd->site, cmd->json, err, &cmd->report);
}

int hm_cmd_site_pending(int argc, char **argv)
{
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, pending_options, pending_usage, NULL, NULL);
    if (status < 0 && optind < argc)
        status = hm_cmd_usage("hallmark site pending", "'%s' is not expected", argv[optind]);
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(&cmd, pending_run(&cmd, &err), &err);
}
