/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site recall: the vendor takes back what was released. */
#include "site.h"

#include "site/recalling.h"

static const char recall_usage[] =
    "usage: hallmark site recall NAME WHAT... --reason TEXT --remedy TEXT [OPTION...]\n"
    "\n"
    "Drafts a recall and writes a request for the holder of the response key. WHAT is a release "
    "or\n"
    "file that was published here, ID/PRODUCT/VERSION[/FILE], where parts may be patterns, or the\n"
    "SHA-256 of a file that never was. Clients that see it refuse these bytes for good: a recall "
    "is\n"
    "neither changed nor dropped, only lifted by a release ID/lifted/NAME.\n"
    "\n"
    "  --reason TEXT      why, in one line\n"
    "  --remedy TEXT      what customers are to do, in one line\n"
    "  --title TEXT       of the advisory (CSAF); default: the reason\n"
    "  --key K            sign with this key at once (may repeat)\n"
    "  -o REQUEST         the request's file\n"
    "  --dir DIR, --wait SECONDS\n";

enum { OPTION_REASON = 256, OPTION_REMEDY, OPTION_TITLE };

static const struct option recall_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"reason", required_argument, NULL, OPTION_REASON},
    {"remedy", required_argument, NULL, OPTION_REMEDY},
    {"title", required_argument, NULL, OPTION_TITLE},
    {NULL, 0, NULL, 0},
};

static enum hm_rc recall_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct hm_recalling *recalling = ctx;

    if (option == OPTION_REASON)
        recalling->reason = value;
    else if (option == OPTION_REMEDY)
        recalling->remedy = value;
    else
        recalling->title = value;
    return HM_OK;
}

static enum hm_rc recall_run(struct hm_cmd_site *cmd, const struct hm_recalling *recalling,
                             struct hm_err *err)
{
    static const char *const roles[] = {HM_RECALLING_VENDOR_ROLE};

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    HM_TRY(hm_recalling_run(cmd->site, recalling, err, &cmd->report));
    return hm_cmd_site_finish(cmd, roles, HM_ARRAY_COUNT(roles), recalling->reason, err);
}

int hm_cmd_site_recall(int argc, char **argv)
{
    struct hm_recalling recalling = {.name = NULL};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, recall_options, recall_usage, recall_option,
                               &recalling);
    if (status < 0 && argc - optind < 2)
        status = hm_cmd_usage("hallmark site recall", "say its name, and what is taken back");
    if (status < 0 && (recalling.reason == NULL || recalling.remedy == NULL))
        status = hm_cmd_usage("hallmark site recall",
                              "say why with --reason, and what to do with --remedy");
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    recalling.name = argv[optind];
    recalling.what = (const char *const *)argv + optind + 1;
    recalling.what_count = (size_t)(argc - optind - 1);
    return hm_cmd_site_end(&cmd, recall_run(&cmd, &recalling, &err), &err);
}
