/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site: finds the subcommand, and what all of them share (site.h). */
#include "site.h"

#include "base/time.h"
#include "image/scan.h"
#include "libexec.h"

void hm_cmd_site_init(struct hm_cmd_site *cmd)
{
    const char *dir = getenv("HALLMARK_DIR");

    *cmd = (struct hm_cmd_site){.dir = dir != NULL && dir[0] != '\0' ? dir : ".",
                                .wait_ms = HM_SITE_WAIT_MS,
                                .report = HM_BUF_INIT(HM_SITE_REPORT_SIZE_MAX),
                                .inspect_program = HM_BUF_INIT(8192),
                                .scan_program = HM_BUF_INIT(8192)};
}

void hm_cmd_site_done(struct hm_cmd_site *cmd)
{
    hm_roles_signers_done(&cmd->signers);
    hm_keys_done(&cmd->keys);
    hm_site_free(cmd->site);
    hm_buf_done(&cmd->report);
    hm_buf_done(&cmd->inspect_program);
    hm_buf_done(&cmd->scan_program);
}

enum hm_rc hm_cmd_site_option(struct hm_cmd_site *cmd, int option, const char *value,
                              struct hm_err *err)
{
    switch (option) {
    case 'd':
        cmd->dir = value;
        return HM_OK;
    case 'k':
        return hm_keys_add(&cmd->keys, value, err);
    case 'p':
        cmd->keys.passphrase_file = value;
        return HM_OK;
    case 'o':
        cmd->out = value;
        return HM_OK;
    case 'j':
        cmd->json = true;
        return HM_OK;
    case 'q':
        cmd->quiet = true;
        return HM_OK;
    case 'w':
        return hm_cmd_wait(value, err, &cmd->wait_ms);
    default:
        return HM_EUNKNOWN;
    }
}

static const char common_usage[] = "\n--quiet prints nothing but warnings and failures.\n";
static const char key_usage[] =
    "--passphrase-file F has the passphrase of the keys, else it is asked for.\n";

int hm_cmd_site_parse(struct hm_cmd_site *cmd, int argc, char **argv, const struct option *options,
                      const char *usage, hm_cmd_site_option_fn *take, void *ctx)
{
    struct hm_err err = HM_ERR_INIT;
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "d:k:o:qh", options, NULL)) != -1) {
        enum hm_rc rc;

        if (option == 'h') {
            (void)fputs(usage, stdout);
            (void)fputs(common_usage, stdout);
            if (strstr(usage, "--key") != NULL)
                (void)fputs(key_usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        }
        if (option == '?') {
            (void)fputs(usage, stderr);
            return 2;
        }
        rc = hm_cmd_site_option(cmd, option, optarg, &err);
        if (rc == HM_EUNKNOWN && take != NULL)
            rc = take(ctx, option, optarg, &err);
        if (rc != HM_OK)
            return hm_cmd_fail(&err);
    }
    return -1;
}

enum hm_rc hm_cmd_site_open(struct hm_cmd_site *cmd, enum hm_site_access access, struct hm_err *err)
{
    HM_TRY(hm_libexec_find(HM_INSPECT_PROGRAM, err, &cmd->inspect_program));
    HM_TRY(hm_libexec_find(HM_SCAN_PROGRAM, err, &cmd->scan_program));
    HM_TRY(hm_site_open(cmd->dir, access, cmd->wait_ms, hm_time_now_unix_s(), err, &cmd->site));
    cmd->site->inspect_program = hm_buf_str(&cmd->inspect_program);
    cmd->site->scan_program = hm_buf_str(&cmd->scan_program);
    return hm_cmd_site_load_keys(cmd, access == HM_SITE_CHANGE, err);
}

enum hm_rc hm_cmd_site_load_keys(struct hm_cmd_site *cmd, bool own, struct hm_err *err)
{
    HM_TRY(hm_keys_load(&cmd->keys, err));
    while (cmd->keys.count > 0) {
        if (cmd->signers.count >= HM_SIGNERS_COUNT_MAX)
            return hm_fail(err, HM_EUSAGE, "more than %d keys", HM_SIGNERS_COUNT_MAX);
        cmd->signers.items[cmd->signers.count++] = cmd->keys.signers[--cmd->keys.count];
    }
    cmd->keys.path_count = 0;
    if (own && cmd->site->config.trial)
        return hm_approvers_signers(&cmd->site->private_dir, HM_APPROVERS_TRIAL, err,
                                    &cmd->signers);
    return HM_OK;
}

/* Warnings go to standard error, where they are seen although the rest is piped away. */
static enum hm_rc print_report(const struct hm_cmd_site *cmd, struct hm_err *err)
{
    const char *text = hm_buf_str(&cmd->report);
    static const char mark[] = "WARNING: ";

    while (*text != '\0') {
        const char *end = strchrnul(text, '\n');
        size_t size = (size_t)(end - text) + (*end == '\n' ? 1 : 0);

        if (strncmp(text, mark, strlen(mark)) == 0)
            hm_cmd_warn("%.*s", (int)((size_t)(end - text) - strlen(mark)), text + strlen(mark));
        else if (!cmd->quiet)
            HM_TRY(hm_cmd_print(hm_bytes_make(text, size), err));
        text += size;
    }
    return HM_OK;
}

int hm_cmd_site_end(struct hm_cmd_site *cmd, enum hm_rc rc, struct hm_err *err)
{
    struct hm_err print_err = HM_ERR_INIT;
    int status = 0;

    if (print_report(cmd, &print_err) != HM_OK)
        status = hm_cmd_fail(&print_err);
    if (rc != HM_OK)
        status = hm_cmd_fail(err);
    hm_cmd_site_done(cmd);
    return status;
}

/* "SITE-ROLE-VERSION.request" in the working folder, after the first document. */
static enum hm_rc request_name(const struct hm_roles *roles, const char *role, struct hm_err *err,
                               struct hm_buf *ret_name)
{
    HM_TRY(hm_buf_append_fmt(ret_name, err, "%s-", roles->site->config.name));
    HM_TRY(hm_text_percent(ret_name, hm_bytes_str(role), err));
    return hm_buf_append_fmt(ret_name, err, "-%lld.request",
                             (long long)hm_tree_version(roles->tree, role) + 1);
}

static enum hm_rc finish_role(struct hm_cmd_site *cmd, const struct hm_roles *roles,
                              const char *role, struct hm_err *err, bool *ret_complete)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_draft_state state;
    uint32_t added = 0;

    if (cmd->signers.count > 0)
        HM_TRY(hm_roles_sign(roles, role, &cmd->signers, err, &added));
    HM_TRY(hm_draft_load(&cmd->site->drafts, role, err, &draft));
    HM_TRY(hm_roles_state(roles, draft, &arena, err, &state));
    *ret_complete = state.is_complete;
    return hm_roles_describe(roles, role, err, &cmd->report);
}

/* A request for up to as many roles as one holds; those after the first get a number behind -o. */
static enum hm_rc write_request(struct hm_cmd_site *cmd, const struct hm_roles *roles,
                                const char *const *names, size_t count, size_t done,
                                const char *reason, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(4096);

    if (count > HM_REQUEST_DOCUMENT_COUNT_MAX)
        count = HM_REQUEST_DOCUMENT_COUNT_MAX;
    if (cmd->out == NULL)
        HM_TRY(request_name(roles, names[0], err, &name));
    else if (done == 0)
        HM_TRY(hm_buf_append_str(&name, cmd->out, err));
    else
        HM_TRY(hm_buf_append_fmt(&name, err, "%s.%zu", cmd->out,
                                 done / HM_REQUEST_DOCUMENT_COUNT_MAX + 1));
    return hm_roles_request(roles, names, count, reason, hm_buf_str(&name), err, &cmd->report);
}

enum hm_rc hm_cmd_site_finish(struct hm_cmd_site *cmd, const char *const *names, size_t count,
                              const char *reason, struct hm_err *err)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **open_roles = hm_arena_alloc(&arena, count, sizeof(*open_roles));
    size_t open_count = 0;

    if (open_roles == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_roles_load(cmd->site, err, &roles));
    for (size_t i = 0; i < count; i++) {
        bool complete;

        HM_TRY(finish_role(cmd, roles, names[i], err, &complete));
        if (!complete)
            open_roles[open_count++] = names[i];
    }
    if (open_count == 0)
        return hm_buf_append_str(&cmd->report, "Now run 'hallmark site publish'.\n", err);
    for (size_t i = 0; i < open_count; i += HM_REQUEST_DOCUMENT_COUNT_MAX)
        HM_TRY(write_request(cmd, roles, open_roles + i, open_count - i, i, reason, err));
    return HM_OK;
}

/* Customers are in a database, which the command does not link. */
static int run_ledger(int argc, char **argv)
{
    (void)argc;
    return hm_libexec_run("hallmark-ledger", argv);
}

static int run_accounts(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[0], "customer") == 0 && strcmp(argv[1], "key") == 0)
        return run_ledger(argc, argv);
    return hm_libexec_run("hallmark-accounts", argv);
}

static int run_care(int argc, char **argv)
{
    (void)argc;
    return hm_libexec_run("hallmark-care", argv);
}

static const struct hm_cmd commands[] = {
    {"init", hm_cmd_site_create, "start a new site"},
    {"attach", hm_cmd_site_attach, "add signatures that came back"},
    {"enroll", hm_cmd_site_enroll, "let a maker publish here"},
    {"intake", hm_cmd_site_intake, "verify and keep a submission"},
    {"pending", hm_cmd_site_pending, "list the submissions that wait"},
    {"review", hm_cmd_site_review, "show in words what waits"},
    {"approve", hm_cmd_site_approve, "draft and sign the releases of submissions"},
    {"reject", hm_cmd_site_reject, "turn a submission down"},
    {"publish", hm_cmd_site_publish, "publish everything that is complete"},
    {"recall", hm_cmd_site_recall, "take back what was released"},
    {"renew", hm_cmd_site_renew, "sign anew what would expire"},
    {"status", hm_cmd_site_status, "show roles, drafts and what is missing"},
    {"rotate", hm_cmd_site_rotate, "change the keys of a role"},
    {"witness", hm_cmd_site_witness, "say who must see the release log"},
    {"customer", run_accounts, "add, list and disable customers"},
    {"token", run_accounts, "make and revoke customers' tokens"},
    {"grant", run_accounts, "let a customer download"},
    {"revoke", run_accounts, "take a grant back"},
    {"trail", run_accounts, "who changed what of customers"},
    {"audit", run_care, "compare what is stored with what was signed"},
    {"ledger", run_ledger, "who got which image, by signed deliveries"},
    {"backup", run_care, "make a backup while the site runs"},
    {"restore", run_care, "put a site back from a backup"},
    {NULL, NULL, NULL},
};

int hm_cmd_site(int argc, char **argv)
{
    return hm_cmd_dispatch("hallmark site", commands, argc, argv);
}
