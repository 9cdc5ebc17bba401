/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site rotate: who may sign from now on. */
#include "site.h"

#include "site/delivery_keys.h"
#include "site/rotate.h"
#include "site/witnesses.h"

static const char rotate_usage[] =
    "usage: hallmark site rotate [--dir DIR] root|targets|release~ID|recalls~vendor\n"
    "                            [--add K.pub]... [--remove KEYID|K.pub]... [--threshold N]\n"
    "                            [--key K]... [-o REQUEST]\n"
    "       hallmark site rotate [--dir DIR] online [--online K.pem] [--lost] [--key K]...\n"
    "                            [-o REQUEST]\n"
    "       hallmark site rotate [--dir DIR] log [--log-origin TEXT] [--key K]... [-o REQUEST]\n"
    "       hallmark site rotate [--dir DIR] deliveries [--key K]... [-o REQUEST]\n"
    "\n"
    "Drafts the documents that change the keys of a role, and writes a request for them. --lost: "
    "the\n"
    "online key is gone and cannot sign the change; clients that come just then must try again.\n"
    "log: the release log is closed, for it cannot go on or its key is stolen, and another, with "
    "a\n"
    "new name and key, begins with all that counts in it. deliveries: another key of statements,\n"
    "and the deliveries log begins where there is none.\n";

enum {
    OPTION_ADD = 256,
    OPTION_REMOVE,
    OPTION_THRESHOLD,
    OPTION_ONLINE,
    OPTION_LOST,
    OPTION_LOG_ORIGIN,
};

static const struct option rotate_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"add", required_argument, NULL, OPTION_ADD},
    {"remove", required_argument, NULL, OPTION_REMOVE},
    {"threshold", required_argument, NULL, OPTION_THRESHOLD},
    {"online", required_argument, NULL, OPTION_ONLINE},
    {"lost", no_argument, NULL, OPTION_LOST},
    {"log-origin", required_argument, NULL, OPTION_LOG_ORIGIN},
    {NULL, 0, NULL, 0},
};

struct rotate_ctx {
    struct hm_approvers add;
    const char *remove[HM_KEYS_COUNT_MAX];
    size_t remove_count;
    uint32_t threshold;
    const char *online; /* path */
    bool lost;
    const char *log_origin;
    struct hm_signer *signer;
};

static enum hm_rc rotate_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct rotate_ctx *rotate = ctx;

    switch (option) {
    case OPTION_ADD:
        return hm_approvers_read(&rotate->add, value, err);
    case OPTION_REMOVE:
        if (rotate->remove_count >= HM_KEYS_COUNT_MAX)
            return hm_fail(err, HM_EUSAGE, "more than %d keys", HM_KEYS_COUNT_MAX);
        rotate->remove[rotate->remove_count++] = value;
        return HM_OK;
    case OPTION_THRESHOLD:
        return hm_cmd_site_threshold(value, err, &rotate->threshold);
    case OPTION_LOST:
        rotate->lost = true;
        return HM_OK;
    case OPTION_LOG_ORIGIN:
        rotate->log_origin = value;
        return HM_OK;
    default:
        rotate->online = value;
        return HM_OK;
    }
}

static enum hm_rc rotate_log(struct hm_cmd_site *cmd, const struct rotate_ctx *rotate,
                             struct hm_err *err)
{
    static const char *const drafts[] = {"root"};

    if (rotate->add.count > 0 || rotate->remove_count > 0 || rotate->threshold > 0 ||
        rotate->online != NULL || rotate->lost)
        return hm_fail(err, HM_EUSAGE, "a log's key is made here: 'log' takes --log-origin alone");
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    HM_TRY(hm_witnesses_succeed(cmd->site, rotate->log_origin, err, &cmd->report));
    return hm_cmd_site_finish(cmd, drafts, 1, "succession of the release log", err);
}

static enum hm_rc rotate_deliveries(struct hm_cmd_site *cmd, const struct rotate_ctx *rotate,
                                    struct hm_err *err)
{
    static const char *const drafts[] = {"root"};

    if (rotate->add.count > 0 || rotate->remove_count > 0 || rotate->threshold > 0 ||
        rotate->online != NULL || rotate->lost || rotate->log_origin != NULL)
        return hm_fail(err, HM_EUSAGE,
                       "the key of deliveries is made here: 'deliveries' takes no options");
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    HM_TRY(hm_delivery_keys_rotate(cmd->site, err, &cmd->report));
    return hm_cmd_site_finish(cmd, drafts, 1, "another key of deliveries", err);
}

static enum hm_rc rotate_run(struct hm_cmd_site *cmd, struct rotate_ctx *rotate, const char *role,
                             struct hm_err *err)
{
    struct hm_rotate_options options = {.role = role,
                                        .add = &rotate->add,
                                        .remove = rotate->remove,
                                        .remove_count = rotate->remove_count,
                                        .threshold = rotate->threshold,
                                        .lost = rotate->lost};
    _hm_done_(hm_renew_done) struct hm_renew result = HM_RENEW_INIT;

    if (strcmp(role, "log") == 0)
        return rotate_log(cmd, rotate, err);
    if (strcmp(role, "deliveries") == 0)
        return rotate_deliveries(cmd, rotate, err);
    if (rotate->log_origin != NULL)
        return hm_fail(err, HM_EUSAGE, "--log-origin is for 'log' alone");
    if (rotate->online != NULL)
        HM_TRY(hm_keys_load_one(rotate->online, cmd->keys.passphrase_file, err, &rotate->signer));
    options.online = rotate->signer;
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    HM_TRY(hm_rotate_run(cmd->site, &options, err, &cmd->report, &result));
    return hm_cmd_site_finish(cmd, result.roles, result.role_count, "change of keys", err);
}

int hm_cmd_site_rotate(int argc, char **argv)
{
    struct rotate_ctx rotate = {.add = HM_APPROVERS_INIT};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status =
        hm_cmd_site_parse(&cmd, argc, argv, rotate_options, rotate_usage, rotate_option, &rotate);
    if (status < 0 && optind + 1 != argc)
        status = hm_cmd_usage("hallmark site rotate", "give one role");
    if (status < 0)
        status = hm_cmd_site_end(&cmd, rotate_run(&cmd, &rotate, argv[optind], &err), &err);
    else
        hm_cmd_site_done(&cmd);
    hm_approvers_done(&rotate.add);
    hm_signer_free(rotate.signer);
    return status;
}
