/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site review, approve, reject: what becomes of submissions. */
#include "site.h"

#include "site/approval.h"

enum {
    OPTION_ALL = 256,
    OPTION_ACKNOWLEDGE,
    OPTION_REASON,
};

/* review */

static const char review_usage[] =
    "usage: hallmark site review [--dir DIR] [SUBMISSION-ID | ROLE]\n"
    "\n"
    "Shows in words what the drafts and submissions that wait would change, or one of them; and "
    "of\n"
    "each new image, which of its modules differ from the release before.\n";

static const struct option review_options[] = {HM_CMD_SITE_OPTIONS, {NULL, 0, NULL, 0}};

static enum hm_rc review_run(struct hm_cmd_site *cmd, const char *what, struct hm_err *err)
{
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_READ, err));
    return hm_approval_review(cmd->site, what, err, &cmd->report);
}

int hm_cmd_site_review(int argc, char **argv)
{
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, review_options, review_usage, NULL, NULL);
    if (status < 0 && optind + 1 < argc)
        status = hm_cmd_usage("hallmark site review", "give one submission or role, or none");
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(&cmd, review_run(&cmd, optind < argc ? argv[optind] : NULL, &err), &err);
}

/* approve */

static const char approve_usage[] =
    "usage: hallmark site approve [--dir DIR] SUBMISSION-ID... | --all [--acknowledge ID]...\n"
    "                             [--key K]... [-o REQUEST]\n"
    "\n"
    "Drafts the releases that these submissions bring, signs them with the keys given, and writes\n"
    "one request for what is still to be signed. What the scan found at intake must be\n"
    "acknowledged by its ID; it stands in the request.\n";

static const struct option approve_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"all", no_argument, NULL, OPTION_ALL},
    {"acknowledge", required_argument, NULL, OPTION_ACKNOWLEDGE},
    {NULL, 0, NULL, 0}};

struct approve_ctx {
    bool all;
    const char **acknowledged; /* as many as there are arguments */
    size_t acknowledged_count;
};

static enum hm_rc approve_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct approve_ctx *approve = ctx;

    if (option == OPTION_ALL)
        approve->all = true;
    else
        approve->acknowledged[approve->acknowledged_count++] = value;
    return HM_OK;
}

static enum hm_rc approve_run(struct hm_cmd_site *cmd, const struct approve_ctx *approve,
                              const char *const *ids, size_t count, struct hm_err *err)
{
    _hm_done_(hm_approval_done) struct hm_approval approval = HM_APPROVAL_INIT;

    approval.acknowledged = approve->acknowledged;
    approval.acknowledged_count = approve->acknowledged_count;

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    HM_TRY(hm_approval_run(cmd->site, ids, count, err, &cmd->report, &approval));
    if (approval.role_count == 0)
        return hm_buf_append_str(&cmd->report, "nothing to sign\n", err);
    return hm_cmd_site_finish(cmd, approval.roles, approval.role_count, "approval of releases",
                              err);
}

int hm_cmd_site_approve(int argc, char **argv)
{
    struct approve_ctx approve = {.all = false};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    size_t count;
    int status;

    hm_cmd_site_init(&cmd);
    approve.acknowledged = calloc((size_t)argc + 1, sizeof(*approve.acknowledged));
    if (approve.acknowledged == NULL)
        return hm_cmd_site_end(&cmd, hm_error_nomem(&err), &err);
    status = hm_cmd_site_parse(&cmd, argc, argv, approve_options, approve_usage, approve_option,
                               &approve);
    count = status < 0 ? (size_t)(argc - optind) : 0;
    if (status < 0 && approve.all == (count > 0))
        status = hm_cmd_usage("hallmark site approve", "give submissions, or --all");
    if (status < 0) {
        const char *const *ids = approve.all ? NULL : (const char *const *)&argv[optind];

        status = hm_cmd_site_end(&cmd, approve_run(&cmd, &approve, ids, count, &err), &err);
    } else {
        hm_cmd_site_done(&cmd);
    }
    free(approve.acknowledged);
    return status;
}

/* reject */

static const char reject_usage[] =
    "usage: hallmark site reject [--dir DIR] SUBMISSION-ID --reason TEXT\n"
    "\n"
    "Drops a submission's images; what it was and why it was rejected stays on record.\n";

static const struct option reject_options[] = {
    HM_CMD_SITE_OPTIONS, {"reason", required_argument, NULL, OPTION_REASON}, {NULL, 0, NULL, 0}};

static enum hm_rc reject_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    const char **reason = ctx;

    *reason = value;
    return HM_OK;
}

static enum hm_rc reject_run(struct hm_cmd_site *cmd, const char *id, const char *reason,
                             struct hm_err *err)
{
    if (reason == NULL)
        return hm_fail(err, HM_EUSAGE, "--reason is needed: the maker will ask");
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    return hm_approval_reject(cmd->site, id, reason, err, &cmd->report);
}

int hm_cmd_site_reject(int argc, char **argv)
{
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    const char *reason = NULL;
    int status;

    hm_cmd_site_init(&cmd);
    status =
        hm_cmd_site_parse(&cmd, argc, argv, reject_options, reject_usage, reject_option, &reason);
    if (status < 0 && optind + 1 != argc)
        status = hm_cmd_usage("hallmark site reject", "give one submission");
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(&cmd, reject_run(&cmd, argv[optind], reason, &err), &err);
}
