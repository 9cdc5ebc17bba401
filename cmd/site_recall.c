/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site recall: the vendor takes back what was released. */
#include "site.h"

#include "site/recalling.h"

static const char recall_usage[] =
    "usage: hallmark site recall NAME WHAT... --reason TEXT --remedy TEXT [OPTION...]\n"
    "       hallmark site recall --notice FILE [--dir DIR] [--wait SECONDS]\n"
    "\n"
    "Drafts a recall and writes a request for the holder of the response key. WHAT is a release "
    "or\n"
    "file that was published here, ID/PRODUCT/VERSION[/FILE], where parts may be patterns, or the\n"
    "SHA-256 of a file that never was. Clients that see it refuse these bytes for good: a recall "
    "is\n"
    "neither changed nor dropped, only lifted by a release ID/lifted/NAME.\n"
    "--notice takes in what a maker's 'hallmark maker recall' wrote, of its own files.\n"
    "\n"
    "  --reason TEXT      why, in one line\n"
    "  --remedy TEXT      what customers are to do, in one line\n"
    "  --title TEXT       of the advisory (CSAF); default: the reason\n"
    "  --key K            sign with this key at once (may repeat)\n"
    "  -o REQUEST         the request's file\n"
    "  --dir DIR, --wait SECONDS\n";

enum { OPTION_REASON = 256, OPTION_REMEDY, OPTION_TITLE, OPTION_NOTICE };

struct recall_ctx {
    struct hm_recalling recalling;
    const char *notice;
};

static const struct option recall_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"reason", required_argument, NULL, OPTION_REASON},
    {"remedy", required_argument, NULL, OPTION_REMEDY},
    {"title", required_argument, NULL, OPTION_TITLE},
    {"notice", required_argument, NULL, OPTION_NOTICE},
    {NULL, 0, NULL, 0},
};

static enum hm_rc recall_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct recall_ctx *recall = ctx;

    if (option == OPTION_REASON)
        recall->recalling.reason = value;
    else if (option == OPTION_REMEDY)
        recall->recalling.remedy = value;
    else if (option == OPTION_TITLE)
        recall->recalling.title = value;
    else
        recall->notice = value;
    return HM_OK;
}

static enum hm_rc recall_run(struct hm_cmd_site *cmd, const struct recall_ctx *recall,
                             struct hm_err *err)
{
    static const char *const roles[] = {HM_RECALLING_VENDOR_ROLE};

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    if (recall->notice != NULL) {
        HM_TRY(hm_recalling_take(cmd->site, recall->notice, err, &cmd->report));
        return hm_buf_append_str(&cmd->report, "Now run 'hallmark site publish'.\n", err);
    }
    HM_TRY(hm_recalling_run(cmd->site, &recall->recalling, err, &cmd->report));
    return hm_cmd_site_finish(cmd, roles, HM_ARRAY_COUNT(roles), recall->recalling.reason, err);
}

/* The usage error, or -1. */
static int check_recall(const struct recall_ctx *recall, int operands)
{
    static const char group[] = "hallmark site recall";

    if (recall->notice != NULL)
        return operands == 0 && recall->recalling.reason == NULL &&
                       recall->recalling.remedy == NULL && recall->recalling.title == NULL
                   ? -1
                   : hm_cmd_usage(group, "a notice says all: --notice goes with nothing else");
    if (operands < 2)
        return hm_cmd_usage(group, "say its name, and what is taken back");
    if (recall->recalling.reason == NULL || recall->recalling.remedy == NULL)
        return hm_cmd_usage(group, "say why with --reason, and what to do with --remedy");
    return -1;
}

int hm_cmd_site_recall(int argc, char **argv)
{
    struct recall_ctx recall = {.notice = NULL};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status =
        hm_cmd_site_parse(&cmd, argc, argv, recall_options, recall_usage, recall_option, &recall);
    if (status < 0)
        status = check_recall(&recall, argc - optind);
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    if (recall.notice == NULL) {
        recall.recalling.name = argv[optind];
        recall.recalling.what = (const char *const *)argv + optind + 1;
        recall.recalling.what_count = (size_t)(argc - optind - 1);
    }
    return hm_cmd_site_end(&cmd, recall_run(&cmd, &recall, &err), &err);
}
