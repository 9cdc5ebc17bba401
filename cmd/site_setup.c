/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site init, attach: how a site starts, and how signatures come back. */
#include "site.h"

#include "base/file.h"
#include "base/time.h"
#include "site/renew.h"
#include "tlog/log_policy.h"

/* init */

static const char init_usage[] =
    "usage: hallmark site init [--dir DIR] --name NAME --url URL --trial\n"
    "       hallmark site init [--dir DIR] --name NAME --url URL --root K.pub... --targets "
    "K.pub...\n"
    "                          --release K.pub... --recall K.pub... [--root-threshold N]\n"
    "                          [--targets-threshold N] [--release-threshold N] [--online K.pem]\n"
    "                          [--key K]... [-o REQUEST] [--log-origin TEXT]\n"
    "                          [--witness-policy FILE] [--no-deliveries] [--no-log]\n"
    "\n"
    "Starts a site in an empty folder from public keys. --trial makes all keys on this machine,\n"
    "for looking at Hallmark; clients warn about such a site.\n"
    "The site keeps a release log, named after the URL or --log-origin; --witness-policy has the\n"
    "witness, group and quorum lines of who must see it (default: nobody). --no-log: none; 'site\n"
    "witness' begins one later. Deliveries are stated by both sides, under keys that root names,\n"
    "unless --no-deliveries is said.\n";

/* Values of getopt_long past the single letters. */
enum {
    OPTION_NAME = 256,
    OPTION_URL,
    OPTION_TRIAL,
    OPTION_ONLINE,
    OPTION_LOG_ORIGIN,
    OPTION_WITNESS_POLICY,
    OPTION_NO_LOG,
    OPTION_NO_DELIVERIES,
    OPTION_GROUP,                                           /* and the next three */
    OPTION_THRESHOLD = OPTION_GROUP + HM_INIT_GROUP_COUNT_, /* and the next three */
};

static const struct option init_options[] = {
    HM_CMD_SITE_OPTIONS,
    {"name", required_argument, NULL, OPTION_NAME},
    {"url", required_argument, NULL, OPTION_URL},
    {"trial", no_argument, NULL, OPTION_TRIAL},
    {"online", required_argument, NULL, OPTION_ONLINE},
    {"log-origin", required_argument, NULL, OPTION_LOG_ORIGIN},
    {"witness-policy", required_argument, NULL, OPTION_WITNESS_POLICY},
    {"no-log", no_argument, NULL, OPTION_NO_LOG},
    {"no-deliveries", no_argument, NULL, OPTION_NO_DELIVERIES},
    {"root", required_argument, NULL, OPTION_GROUP + HM_INIT_ROOT},
    {"targets", required_argument, NULL, OPTION_GROUP + HM_INIT_TARGETS},
    {"release", required_argument, NULL, OPTION_GROUP + HM_INIT_RELEASE},
    {"recall", required_argument, NULL, OPTION_GROUP + HM_INIT_RECALLS},
    {"root-threshold", required_argument, NULL, OPTION_THRESHOLD + HM_INIT_ROOT},
    {"targets-threshold", required_argument, NULL, OPTION_THRESHOLD + HM_INIT_TARGETS},
    {"release-threshold", required_argument, NULL, OPTION_THRESHOLD + HM_INIT_RELEASE},
    {NULL, 0, NULL, 0},
};

struct init_ctx {
    struct hm_init_options options;
    const char *online; /* path */
    const char *policy; /* path */
    struct hm_buf policy_text;
};

enum hm_rc hm_cmd_site_threshold(const char *value, struct hm_err *err, uint32_t *ret_threshold)
{
    uint64_t number;

    if (hm_num_parse_u64(value, strlen(value), &number) != HM_OK || number < 1 ||
        number > HM_KEYRING_THRESHOLD_MAX)
        return hm_fail(err, HM_EUSAGE, "a threshold is a number from 1 to %d, not '%s'",
                       HM_KEYRING_THRESHOLD_MAX, value);
    *ret_threshold = (uint32_t)number;
    return HM_OK;
}

static enum hm_rc init_option(void *ctx, int option, const char *value, struct hm_err *err)
{
    struct init_ctx *init = ctx;

    if (option == OPTION_NAME)
        init->options.name = value;
    else if (option == OPTION_URL)
        init->options.url = value;
    else if (option == OPTION_TRIAL)
        init->options.trial = true;
    else if (option == OPTION_ONLINE)
        init->online = value;
    else if (option == OPTION_LOG_ORIGIN)
        init->options.log_origin = value;
    else if (option == OPTION_WITNESS_POLICY)
        init->policy = value;
    else if (option == OPTION_NO_LOG)
        init->options.no_log = true;
    else if (option == OPTION_NO_DELIVERIES)
        init->options.no_deliveries = true;
    else if (option >= OPTION_THRESHOLD)
        return hm_cmd_site_threshold(value, err,
                                     &init->options.thresholds[option - OPTION_THRESHOLD]);
    else
        return hm_approvers_read(&init->options.groups[option - OPTION_GROUP], value, err);
    return HM_OK;
}

static enum hm_rc init_publish(struct hm_cmd_site *cmd, struct hm_err *err)
{
    _hm_done_(hm_publish_result_done) struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;

    HM_TRY(hm_publish_run(cmd->site, HM_PUBLISH_DRAFTS, err, &result));
    HM_TRY(hm_publish_describe(&result, err, &cmd->report));
    return hm_buf_append_str(&cmd->report,
                             "WARNING: this is a trial site: all its keys lie in private/keys, and "
                             "clients say so\n",
                             err);
}

static enum hm_rc init_run(struct hm_cmd_site *cmd, struct init_ctx *init, struct hm_err *err)
{
    static const char *const drafts[] = {"root", "targets", HM_RENEW_RECALLS};

    if (init->options.name == NULL || init->options.url == NULL)
        return hm_fail(err, HM_EUSAGE, "--name and --url must be given");
    init->options.path = cmd->dir;
    if (init->online != NULL)
        HM_TRY(
            hm_keys_load_one(init->online, cmd->keys.passphrase_file, err, &init->options.online));
    if (init->policy != NULL) {
        HM_TRY(hm_file_read_path(init->policy, err, &init->policy_text));
        init->options.witness_policy = hm_buf_bytes(&init->policy_text);
    }
    HM_TRY(hm_init_run(&init->options, hm_time_now_unix_s(), err, &cmd->report));
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    if (init->options.trial)
        return init_publish(cmd, err);
    return hm_cmd_site_finish(cmd, drafts, HM_ARRAY_COUNT(drafts), "start of the site", err);
}

int hm_cmd_site_create(int argc, char **argv)
{
    struct init_ctx init = {.options = HM_INIT_OPTIONS_INIT,
                            .policy_text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX)};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, init_options, init_usage, init_option, &init);
    if (status < 0 && optind < argc)
        status = hm_cmd_usage("hallmark site init", "'%s' is not expected", argv[optind]);
    if (status < 0)
        status = hm_cmd_site_end(&cmd, init_run(&cmd, &init, &err), &err);
    else
        hm_cmd_site_done(&cmd);
    hm_init_options_done(&init.options);
    hm_buf_done(&init.policy_text);
    return status;
}

/* attach */

static const char attach_usage[] =
    "usage: hallmark site attach [--dir DIR] FILE.sig... [-o REQUEST]\n"
    "       hallmark site attach [--dir DIR] [--key K]... [-o REQUEST]\n"
    "\n"
    "Adds signatures made by 'hallmark sign', or with the keys given, to the drafts. -o writes a\n"
    "request for all drafts that still lack signatures.\n";

static const struct option attach_options[] = {HM_CMD_SITE_OPTIONS, {NULL, 0, NULL, 0}};

static enum hm_rc attach_file(struct hm_cmd_site *cmd, const char *path, struct hm_err *err)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SIGNATURES_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(path, err, &raw));
    rc = hm_signatures_parse(hm_buf_bytes(&raw), err, &signatures);
    if (rc == HM_OK)
        rc = hm_roles_load(cmd->site, err, &roles);
    if (rc == HM_OK)
        rc = hm_roles_attach(roles, signatures, err, &cmd->report);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

/* Signs all drafts with the keys at hand, and writes a request for what is missing then. */
static enum hm_rc attach_rest(struct hm_cmd_site *cmd, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;

    HM_TRY(hm_draft_list(&cmd->site->drafts, &arena, err, &names, &count));
    if (count == 0)
        return hm_buf_append_str(&cmd->report, "no draft waits for signatures\n", err);
    return hm_cmd_site_finish(cmd, names, count, "signatures still missing", err);
}

static enum hm_rc attach_run(struct hm_cmd_site *cmd, int argc, char **argv, struct hm_err *err)
{
    bool rest = cmd->out != NULL || cmd->keys.path_count > 0;

    if (optind >= argc && !rest)
        return hm_fail(err, HM_EUSAGE,
                       "give the signature files that came back, keys to sign with, or -o REQUEST");
    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    for (int i = optind; i < argc; i++)
        HM_TRY(attach_file(cmd, argv[i], err));
    return rest ? attach_rest(cmd, err) : HM_OK;
}

int hm_cmd_site_attach(int argc, char **argv)
{
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, attach_options, attach_usage, NULL, NULL);
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    return hm_cmd_site_end(&cmd, attach_run(&cmd, argc, argv, &err), &err);
}
