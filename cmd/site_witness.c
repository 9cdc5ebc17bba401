/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site witness: who must see the release log before anything is published. */
#include "site.h"

#include "base/file.h"
#include "base/time.h"
#include "site/cosign.h"
#include "site/witnesses.h"

static const char witness_usage[] =
    "usage: hallmark site witness [--dir DIR] add NAME VKEY URL [--key K]... [-o REQUEST]\n"
    "       hallmark site witness [--dir DIR] remove NAME [--key K]... [-o REQUEST]\n"
    "       hallmark site witness [--dir DIR] set-policy FILE [--key K]... [-o REQUEST]\n"
    "       hallmark site witness [--dir DIR] list [--json]\n"
    "\n"
    "Drafts the next root with other witnesses of the release log, and writes a request for it.\n"
    "'add' and 'remove' make a majority of all witnesses the quorum; a policy of another kind is\n"
    "given as a file of witness, group and quorum lines.\n";

static const struct option witness_options[] = {HM_CMD_SITE_OPTIONS, {NULL, 0, NULL, 0}};

static enum hm_rc set_policy(struct hm_cmd_site *cmd, const char *path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    HM_TRY(hm_file_read_path(path, err, &text));
    return hm_witnesses_set_policy(cmd->site, hm_buf_bytes(&text), err, &cmd->report);
}

static enum hm_rc change(struct hm_cmd_site *cmd, int argc, char **argv, struct hm_err *err)
{
    static const char *const drafts[] = {"root"};
    const char *what = argv[0];

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_CHANGE, err));
    if (strcmp(what, "add") == 0)
        HM_TRY(hm_witnesses_add(cmd->site, argv[1], argv[2], argv[3], err, &cmd->report));
    else if (strcmp(what, "remove") == 0)
        HM_TRY(hm_witnesses_remove(cmd->site, argv[1], err, &cmd->report));
    else
        HM_TRY(set_policy(cmd, argv[1], err));
    return hm_cmd_site_finish(cmd, drafts, 1, "change of witnesses", err);
}

/* ---- list ------------------------------------------------------------------------------------ */

static enum hm_rc list_text(const struct hm_log_policy *policy,
                            const struct hm_cosign_memory *memory, struct hm_err *err,
                            struct hm_buf *report)
{
    char time[HM_TIME_TEXT_SIZE];

    HM_TRY(hm_buf_append_str(report, "release log ", err));
    HM_TRY(hm_note_key_write(policy->logs[0].key, err, report));
    HM_TRY(hm_buf_append_str(report, "\nquorum ", err));
    HM_TRY(hm_log_policy_describe(policy, err, report));
    HM_TRY(hm_buf_append_str(report, "\n", err));
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_log_policy_witness *witness = &policy->witnesses[i];
        const struct hm_cosign_witness *seen = hm_cosign_memory_find(memory, witness->key);

        HM_TRY(hm_buf_append_fmt(report, err, "witness %s ", witness->name));
        HM_TRY(hm_note_key_write(witness->key, err, report));
        HM_TRY(hm_buf_append_fmt(report, err, " %s", witness->url == NULL ? "-" : witness->url));
        if (seen == NULL || seen->time_s == 0) {
            HM_TRY(hm_buf_append_str(report, ", has not cosigned yet\n", err));
            continue;
        }
        hm_time_format((int64_t)seen->time_s, time);
        HM_TRY(hm_buf_append_fmt(report, err, ", cosigned %llu entries at %s\n",
                                 (unsigned long long)seen->size, time));
    }
    return HM_OK;
}

static enum hm_rc list_json(const struct hm_log_policy *policy,
                            const struct hm_cosign_memory *memory, struct hm_err *err,
                            struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    struct hm_json_writer writer;

    HM_TRY(hm_log_policy_write(policy, err, &text));
    hm_json_writer_init(&writer, report, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/site-witness-list/1");
    hm_json_writer_key_str(&writer, "policy", hm_buf_str(&text));
    hm_cosign_memory_json(memory, policy, &writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(report, "\n", err);
}

static enum hm_rc list(struct hm_cmd_site *cmd, struct hm_err *err)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_free_(hm_cosign_memory_free) struct hm_cosign_memory *memory = NULL;

    HM_TRY(hm_cmd_site_open(cmd, HM_SITE_READ, err));
    HM_TRY(hm_roles_load(cmd->site, err, &roles));
    if (roles->tree->root == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing is published yet");
    HM_TRY(hm_site_log_parse(roles->tree->root, err, &log));
    if (log->policy == NULL)
        return hm_fail(err, HM_EUNKNOWN, "this site keeps no release log");
    HM_TRY(hm_cosign_memory_load(&cmd->site->private_dir, log->policy->logs[0].key->name, err,
                                 &memory));
    return cmd->json ? list_json(log->policy, memory, err, &cmd->report)
                     : list_text(log->policy, memory, err, &cmd->report);
}

int hm_cmd_site_witness(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
    } kinds[] = {{"add", 4}, {"remove", 2}, {"set-policy", 2}, {"list", 1}};
    struct hm_cmd_site cmd;
    struct hm_err err = HM_ERR_INIT;
    bool good = false;
    int status;

    hm_cmd_site_init(&cmd);
    status = hm_cmd_site_parse(&cmd, argc, argv, witness_options, witness_usage, NULL, NULL);
    for (size_t i = 0; status < 0 && i < HM_ARRAY_COUNT(kinds); i++)
        good =
            good || (argc - optind == kinds[i].words && strcmp(argv[optind], kinds[i].name) == 0);
    if (status < 0 && !good)
        status = hm_cmd_usage("hallmark site witness",
                              "give 'add NAME VKEY URL', 'remove NAME', 'set-policy FILE' or "
                              "'list'");
    if (status >= 0) {
        hm_cmd_site_done(&cmd);
        return status;
    }
    if (strcmp(argv[optind], "list") == 0)
        return hm_cmd_site_end(&cmd, list(&cmd, &err), &err);
    return hm_cmd_site_end(&cmd, change(&cmd, argc - optind, argv + optind, &err), &err);
}
