/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark site token: making, rotating and revoking. */
#include "accounts.h"

#include "base/file.h"
#include "base/num.h"

static const char token_usage[] =
    "usage: hallmark site token add CUSTOMER [--label TEXT] [--expires TIME] [-o FILE]\n"
    "       hallmark site token rotate CUSTOMER NUMBER [--overlap TIME] [--expires TIME] [-o "
    "FILE]\n"
    "       hallmark site token revoke CUSTOMER NUMBER [--reason TEXT]\n"
    "       hallmark site token list CUSTOMER [--json]\n"
    "       [--by NAME] [--dir DIR] [--wait SECONDS] [--json] [--quiet]\n"
    "\n"
    "A customer's tokens. A new one is shown once, or written to FILE (mode 0600), and kept\n"
    "nowhere: the site has its digests. TIME is such as 90d; --expires is 365d, and may be never.\n"
    "rotate makes a new token and lets the old one go on for --overlap, 7d.\n";

static void write_token(struct hm_json_writer *writer, const struct hm_account_token *token,
                        int64_t now_unix_s)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_int(writer, "number", token->number);
    hm_json_writer_key_str(writer, "label", token->label);
    hm_json_writer_key(writer, "counts");
    hm_json_writer_bool(writer, hm_account_token_counts(token, now_unix_s));
    hm_accounts_json_time(writer, "created", token->created_unix_s);
    hm_accounts_json_time(writer, "expires", token->expires_unix_s);
    hm_accounts_json_time(writer, "revoked", token->revoked_unix_s);
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_accounts_write_tokens(struct hm_json_writer *writer, struct hm_accounts_run *run,
                                    const struct hm_account *account, struct hm_err *err)
{
    struct hm_account_token *tokens = NULL;
    size_t count = 0;

    HM_TRY(hm_account_token_list(&run->accounts, account, &run->arena, err, &tokens, &count));
    hm_json_writer_key(writer, "tokens");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        write_token(writer, &tokens[i], run->change.now_unix_s);
    hm_json_writer_array_end(writer);
    return HM_OK;
}

static const char *token_state(const struct hm_account_token *token, int64_t now_unix_s)
{
    if (token->revoked_unix_s != 0)
        return "revoked";
    return hm_account_token_counts(token, now_unix_s) ? "counts" : "expired";
}

enum hm_rc hm_accounts_print_tokens(struct hm_accounts_run *run, const struct hm_account *account,
                                    struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 4};
    struct hm_account_token *tokens = NULL;
    size_t count = 0;

    HM_TRY(hm_account_token_list(&run->accounts, account, &run->arena, err, &tokens, &count));
    for (size_t i = 0; i < count; i++) {
        char when[HM_TIME_TEXT_SIZE];
        char text[64];

        (void)snprintf(text, sizeof(text), "token %u", tokens[i].number);
        HM_TRY(hm_table_add(&table, text, err));
        HM_TRY(hm_table_add(&table, token_state(&tokens[i], run->change.now_unix_s), err));
        (void)snprintf(text, sizeof(text), "until %s",
                       hm_accounts_time_or(tokens[i].expires_unix_s, "revoked", when));
        HM_TRY(hm_table_add(&table, text, err));
        HM_TRY(hm_table_add(&table, tokens[i].label, err));
    }
    return hm_table_print(&table, err);
}

static enum hm_rc parse_number(const char *text, struct hm_err *err, uint32_t *ret_number)
{
    uint64_t number = 0;

    if (hm_num_parse_u64(text, strlen(text), &number) != HM_OK || number == 0 ||
        number > HM_TOKEN_NUMBER_MAX)
        return hm_fail(err, HM_EUSAGE, "'%s' is no number of a token; 'site token list'", text);
    *ret_number = (uint32_t)number;
    return HM_OK;
}

/* The one time that a token is seen. */
static enum hm_rc show_token(struct hm_accounts_run *run, const char *name, uint32_t number,
                             int64_t expires_unix_s, const char *text, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(HM_TOKEN_SIZE_MAX + 1);
    struct hm_json_writer writer;
    char when[HM_TIME_TEXT_SIZE];
    enum hm_rc rc = HM_OK;

    if (run->args->out != NULL) {
        HM_TRY(hm_buf_append_fmt(&line, err, "%s\n", text));
        rc = hm_file_write_path(run->args->out, 0600, hm_buf_bytes(&line), err);
        explicit_bzero(line.data, line.size);
        HM_TRY(rc);
    }
    if (run->args->json) {
        hm_accounts_json_begin(&writer, run, "hallmark/site-token/1");
        hm_json_writer_key_str(&writer, "customer", name);
        hm_json_writer_key_int(&writer, "number", number);
        hm_accounts_json_time(&writer, "expires", expires_unix_s);
        if (run->args->out == NULL)
            hm_json_writer_key_str(&writer, "token", text);
        hm_json_writer_object_end(&writer);
        return hm_json_writer_end(&writer, err);
    }
    HM_TRY(hm_buf_append_fmt(&run->out, err, "token %u of '%s', until %s\n", number, name,
                             hm_accounts_time_or(expires_unix_s, "it is revoked", when)));
    if (run->args->out != NULL)
        return HM_OK;
    return hm_buf_append_fmt(&run->out, err, "%s\nThis is shown once, and kept nowhere.\n", text);
}

static enum hm_rc make_token(struct hm_accounts_run *run, const char *name, const char *replaced,
                             struct hm_err *err)
{
    const struct hm_accounts_args *args = run->args;
    int64_t now_unix_s = run->change.now_unix_s;
    int64_t expires_unix_s =
        args->expires_s == HM_ACCOUNTS_NEVER ? 0 : now_unix_s + args->expires_s;
    char text[HM_TOKEN_SIZE_MAX + 1];
    uint32_t number = 0;
    enum hm_rc rc;

    if (args->quiet && !args->json && args->out == NULL)
        return hm_fail(err, HM_EUSAGE, "with --quiet nobody sees the token: give -o FILE");
    if (replaced == NULL) {
        rc = hm_account_token_add(&run->accounts, &run->change, name, args->label, expires_unix_s,
                                  err, &number, text);
    } else {
        HM_TRY(parse_number(replaced, err, &number));
        rc = hm_account_token_rotate(&run->accounts, &run->change, name, number,
                                     now_unix_s + args->overlap_s, expires_unix_s, err, &number,
                                     text);
    }
    HM_TRY(rc);
    rc = show_token(run, name, number, expires_unix_s, text, err);
    explicit_bzero(text, sizeof(text));
    return rc;
}

static enum hm_rc list_tokens(struct hm_accounts_run *run, const char *name, struct hm_err *err)
{
    struct hm_json_writer writer;
    struct hm_account account;

    HM_TRY(hm_account_find(&run->accounts, name, &run->arena, err, &account));
    if (!run->args->json)
        return hm_accounts_print_tokens(run, &account, err);
    hm_accounts_json_begin(&writer, run, "hallmark/site-tokens/1");
    hm_json_writer_key_str(&writer, "customer", account.name);
    HM_TRY(hm_accounts_write_tokens(&writer, run, &account, err));
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc run_token(struct hm_accounts_run *run, const char *action, struct hm_err *err)
{
    const char *name = run->args->operands[1];
    uint32_t number = 0;

    if (strcmp(action, "list") == 0)
        return list_tokens(run, name, err);
    if (strcmp(action, "add") == 0)
        return make_token(run, name, NULL, err);
    if (strcmp(action, "rotate") == 0)
        return make_token(run, name, run->args->operands[2], err);
    HM_TRY(parse_number(run->args->operands[2], err, &number));
    HM_TRY(hm_account_token_revoke(&run->accounts, &run->change, name, number, run->args->reason,
                                   err));
    return hm_buf_append_fmt(&run->out, err, "token %u of '%s' is revoked\n", number, name);
}

int hm_accounts_cmd_token(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, HM_ACCOUNTS_OPTION_DIR},
        {"by", required_argument, NULL, HM_ACCOUNTS_OPTION_BY},
        {"label", required_argument, NULL, HM_ACCOUNTS_OPTION_LABEL},
        {"reason", required_argument, NULL, HM_ACCOUNTS_OPTION_REASON},
        {"expires", required_argument, NULL, HM_ACCOUNTS_OPTION_EXPIRES},
        {"overlap", required_argument, NULL, HM_ACCOUNTS_OPTION_OVERLAP},
        {"wait", required_argument, NULL, HM_ACCOUNTS_OPTION_WAIT},
        {"json", no_argument, NULL, HM_ACCOUNTS_OPTION_JSON},
        {"quiet", no_argument, NULL, HM_ACCOUNTS_OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char *const actions[] = {"add", "list", "revoke", "rotate", NULL};
    static const char *const numbered[] = {"revoke", "rotate", NULL};
    static const char command[] = "hallmark site token";
    struct hm_err err = HM_ERR_INIT;
    struct hm_accounts_args args;
    int status = hm_accounts_parse(argc, argv, options, command, token_usage, &args);
    _hm_done_(hm_accounts_run_done) struct hm_accounts_run run = {
        .args = &args, .out = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX), .private_dir = HM_DIR_INIT};
    const char *action;
    enum hm_rc rc;

    if (status >= 0)
        return status;
    action = args.count > 0 ? args.operands[0] : "";
    if (!hm_accounts_is_one_of(action, actions))
        return hm_cmd_usage(command, "say add, list, revoke or rotate");
    if (args.count != (hm_accounts_is_one_of(action, numbered) ? 3 : 2))
        return hm_cmd_usage(command,
                            hm_accounts_is_one_of(action, numbered)
                                ? "'%s' takes a customer and the number of a token"
                                : "'%s' takes a customer",
                            action);
    rc = hm_accounts_run_open(&run, strcmp(action, "list") != 0, &err);
    if (rc == HM_OK)
        rc = run_token(&run, action, &err);
    return hm_accounts_finish(&run, rc, &err);
}
