/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark-accounts: the program behind "hallmark site customer, token, grant, revoke, trail". By
 * itself, so that the command hallmark does not link SQLite.
 */
#include "accounts.h"

#include <pwd.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/num.h"
#include "serve/export.h"
#include "serve/place.h"
#include "site/site.h"

#define TOKEN_EXPIRES_S ((int64_t)365 * HM_TIME_DAY_S)
#define IN_FORCE_MS     5000 /* a server looks ten times a second */
#define OVERLAP_S       ((int64_t)7 * HM_TIME_DAY_S)

void hm_accounts_run_done(struct hm_accounts_run *run)
{
    if (run->out.data != NULL)
        explicit_bzero(run->out.data, run->out.size); /* it may have shown a token */
    hm_buf_done(&run->out);
    hm_arena_done(&run->arena);
    hm_dir_done(&run->private_dir);
    hm_accounts_done(&run->accounts);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static enum hm_rc parse_seconds(const char *value, struct hm_err *err, int64_t *ret_s)
{
    if (strcmp(value, "never") != 0)
        return hm_time_parse_duration(value, err, ret_s);
    *ret_s = HM_ACCOUNTS_NEVER;
    return HM_OK;
}

static enum hm_rc take_option(struct hm_accounts_args *args, int option, struct hm_err *err)
{
    switch (option) {
    case HM_ACCOUNTS_OPTION_DIR:
        args->dir = optarg;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_BY:
        args->by = optarg;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_TITLE:
        args->title = optarg;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_LABEL:
        args->label = optarg;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_REASON:
        args->reason = optarg;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_EXPIRES:
        return parse_seconds(optarg, err, &args->expires_s);
    case HM_ACCOUNTS_OPTION_OVERLAP:
        return hm_time_parse_duration(optarg, err, &args->overlap_s);
    case HM_ACCOUNTS_OPTION_EVERYONE:
        args->everyone = true;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_JSON:
        args->json = true;
        return HM_OK;
    case HM_ACCOUNTS_OPTION_QUIET:
        args->quiet = true;
        return HM_OK;
    case 'o':
        args->out = optarg;
        return HM_OK;
    default:
        return hm_cmd_wait(optarg, err, &args->wait_ms);
    }
}

/* Fills args; returns an exit status, or -1 to go on. */
int hm_accounts_parse(int argc, char **argv, const struct option *options, const char *command,
                      const char *usage, struct hm_accounts_args *args)
{
    const char *dir = getenv("HALLMARK_DIR");
    struct hm_err err = HM_ERR_INIT;
    int option;

    *args = (struct hm_accounts_args){.command = command,
                                      .dir = dir != NULL && dir[0] != '\0' ? dir : ".",
                                      .title = "",
                                      .label = "",
                                      .reason = "",
                                      .expires_s = TOKEN_EXPIRES_S,
                                      .overlap_s = OVERLAP_S,
                                      .wait_ms = HM_SITE_WAIT_MS};
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        int status =
            hm_cmd_help(option, command, usage,
                        strstr(usage, "--by") == NULL
                            ? "\n"
                            : "\n--by NAME says who changes this, for the trail: by default "
                              "who runs it.\n");

        if (status >= 0)
            return status;
        if (take_option(args, option, &err) != HM_OK)
            return hm_cmd_fail(&err);
    }
    args->operands = argv + optind;
    args->count = (size_t)(argc - optind);
    return -1;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Who runs this: sudo's caller, else the user. */
static void default_who(char *ret_who, size_t size)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());

    if (getuid() == 0 && sudo != NULL && sudo[0] != '\0')
        (void)snprintf(ret_who, size, "%s", sudo);
    else if (user != NULL)
        (void)snprintf(ret_who, size, "%s", user->pw_name);
    else
        (void)snprintf(ret_who, size, "uid %lu", (unsigned long)getuid());
}

/* Opens the accounts of the site; the first change makes the file. */
enum hm_rc hm_accounts_run_open(struct hm_accounts_run *run, bool is_change, struct hm_err *err)
{
    _hm_free_(hm_site_free) struct hm_site *site = NULL;
    enum hm_database_access access = is_change ? HM_DATABASE_CHANGE : HM_DATABASE_READ;
    enum hm_rc rc;

    run->change.now_unix_s = hm_time_now_unix_s();
    if (run->args->by == NULL)
        default_who(run->who, sizeof(run->who));
    run->change.who = run->args->by == NULL ? run->who : run->args->by;
    run->is_change = is_change;
    run->private_dir = (struct hm_dir)HM_DIR_INIT;
    HM_TRY(hm_site_open(run->args->dir, HM_SITE_READ, 0, run->change.now_unix_s, err, &site));
    HM_TRY(hm_dir_copy(&site->private_dir, err, &run->private_dir));
    rc = hm_accounts_open(&site->private_dir, access, run->args->wait_ms, err, &run->accounts);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT,
                       "site '%s' has no customers yet; begin with 'hallmark site customer add'",
                       site->config.name);
    return rc;
}

/* The generation that a server of this site has in force. */
static uint64_t applied(const struct hm_accounts_run *run)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(64);
    uint64_t generation = 0;

    if (hm_dir_read(&run->private_dir, HM_EXPORT_APPLIED, NULL, &text) != HM_OK || text.size < 2 ||
        hm_num_parse_u64((const char *)text.data, text.size - 1, &generation) != HM_OK)
        return 0;
    return generation;
}

/* A server that holds this lock runs. */
static bool is_served(const struct hm_accounts_run *run)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;

    return hm_dir_has(&run->private_dir, HM_PLACE_LOCK) &&
           hm_lock_take(&run->private_dir, HM_PLACE_LOCK, 0, NULL, &lock) == HM_EBUSY;
}

/* What was changed is in force when the command ends, or it says that it is not. */
static void wait_until_in_force(struct hm_accounts_run *run)
{
    int64_t end_ms = hm_time_monotonic_ms() + IN_FORCE_MS;
    uint64_t generation = 0;

    if (!is_served(run) || hm_accounts_generation(&run->accounts, NULL, &generation) != HM_OK)
        return;
    while (applied(run) < generation) {
        if (hm_time_monotonic_ms() >= end_ms) {
            hm_cmd_warn("the server that runs has not taken this up yet: look at what it logs");
            return;
        }
        (void)usleep(10000);
    }
}

int hm_accounts_finish(struct hm_accounts_run *run, enum hm_rc rc, struct hm_err *err)
{
    struct hm_err print_err = HM_ERR_INIT;
    int status = rc == HM_OK ? 0 : hm_error_exit_status(rc);

    if (run->is_change && run->accounts.database != NULL)
        wait_until_in_force(run);
    /* Of several grants some may have been made before one failed: they are told. */
    if ((run->args->json ? rc == HM_OK : !run->args->quiet) &&
        hm_cmd_print(hm_buf_bytes(&run->out), &print_err) != HM_OK)
        status = hm_cmd_fail(&print_err);
    return rc == HM_OK ? status : hm_cmd_fail(err);
}

void hm_accounts_json_begin(struct hm_json_writer *writer, struct hm_accounts_run *run,
                            const char *schema)
{
    hm_json_writer_init(writer, &run->out, true);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "schema", schema);
}

void hm_accounts_json_time(struct hm_json_writer *writer, const char *key, int64_t unix_s)
{
    if (unix_s == 0)
        return;
    hm_json_writer_key(writer, key);
    hm_json_writer_time(writer, unix_s);
}

const char *hm_accounts_time_or(int64_t unix_s, const char *other, char text[HM_TIME_TEXT_SIZE])
{
    if (unix_s == 0)
        return other;
    hm_time_format(unix_s, text);
    return text;
}

/* The trail of a customer, as JSON or rows. */
struct trail_ctx {
    struct hm_json_writer *writer;
    struct hm_table *table;
};

static enum hm_rc on_event(void *ctx, const struct hm_accounts_event *event, struct hm_err *err)
{
    struct trail_ctx *trail = ctx;
    char when[HM_TIME_TEXT_SIZE];
    const char *cells[5];

    hm_time_format(event->time_unix_s, when);
    if (trail->table == NULL) {
        hm_json_writer_object_begin(trail->writer);
        hm_json_writer_key(trail->writer, "number");
        hm_json_writer_u64(trail->writer, event->number);
        hm_json_writer_key_str(trail->writer, "time", when);
        hm_json_writer_key_str(trail->writer, "who", event->who);
        hm_json_writer_key_str(trail->writer, "what", event->what);
        hm_json_writer_key_str(trail->writer, "customer", event->account);
        hm_json_writer_key_str(trail->writer, "detail", event->detail);
        hm_json_writer_object_end(trail->writer);
        return HM_OK;
    }
    cells[0] = when;
    cells[1] = event->who;
    cells[2] = event->what;
    cells[3] = event->account;
    cells[4] = event->detail;
    for (size_t i = 0; i < HM_ARRAY_COUNT(cells); i++)
        HM_TRY(hm_table_add(trail->table, cells[i], err));
    return HM_OK;
}

/* ---- customer -------------------------------------------------------------------------------- */

static const char customer_usage[] =
    "usage: hallmark site customer add NAME [--title TEXT] [--by NAME] [--dir DIR]\n"
    "       hallmark site customer disable|enable NAME [--reason TEXT] [--by NAME] [--dir DIR]\n"
    "       hallmark site customer list [--json] [--dir DIR]\n"
    "       hallmark site customer show NAME [--json] [--dir DIR]\n"
    "       [--wait SECONDS] [--quiet]\n"
    "\n"
    "Who may download from the site's server. A disabled customer's tokens count no more; nobody\n"
    "is removed, and a name is never given to another one.\n";

static enum hm_rc list_customers(struct hm_accounts_run *run, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 4};
    struct hm_json_writer writer;
    struct hm_account *list = NULL;
    size_t count = 0;

    HM_TRY(hm_account_list(&run->accounts, &run->arena, err, &list, &count));
    if (run->args->json) {
        hm_accounts_json_begin(&writer, run, "hallmark/site-customers/1");
        hm_json_writer_key(&writer, "customers");
        hm_json_writer_array_begin(&writer);
    }
    for (size_t i = 0; i < count; i++) {
        char when[HM_TIME_TEXT_SIZE];

        hm_time_format(list[i].created_unix_s, when);
        if (run->args->json) {
            hm_json_writer_object_begin(&writer);
            hm_json_writer_key_str(&writer, "name", list[i].name);
            hm_json_writer_key_str(&writer, "title", list[i].title);
            hm_json_writer_key_str(&writer, "created", when);
            hm_json_writer_key(&writer, "disabled");
            hm_json_writer_bool(&writer, list[i].is_disabled);
            hm_json_writer_object_end(&writer);
            continue;
        }
        HM_TRY(hm_table_add(&table, list[i].name, err));
        HM_TRY(hm_table_add(&table, list[i].is_disabled ? "disabled" : "enabled", err));
        HM_TRY(hm_table_add(&table, when, err));
        HM_TRY(hm_table_add(&table, list[i].title, err));
    }
    if (!run->args->json)
        return hm_table_print(&table, err);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc write_grants(struct hm_json_writer *writer, struct hm_accounts_run *run,
                               const struct hm_account *account, const char *key,
                               struct hm_err *err)
{
    const char **patterns = NULL;
    size_t count = 0;

    HM_TRY(hm_account_grants(&run->accounts, account, &run->arena, err, &patterns, &count));
    hm_json_writer_key(writer, key);
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        hm_json_writer_str(writer, patterns[i]);
    hm_json_writer_array_end(writer);
    return HM_OK;
}

static enum hm_rc show_customer_json(struct hm_accounts_run *run, const struct hm_account *account,
                                     struct hm_err *err)
{
    struct hm_json_writer writer;
    struct trail_ctx trail = {.writer = &writer};

    hm_accounts_json_begin(&writer, run, "hallmark/site-customer/1");
    hm_json_writer_key_str(&writer, "name", account->name);
    hm_json_writer_key_str(&writer, "title", account->title);
    hm_accounts_json_time(&writer, "created", account->created_unix_s);
    hm_json_writer_key(&writer, "disabled");
    hm_json_writer_bool(&writer, account->is_disabled);
    HM_TRY(hm_accounts_write_tokens(&writer, run, account, err));
    HM_TRY(write_grants(&writer, run, account, "grants", err));
    HM_TRY(write_grants(&writer, run, NULL, "everyone", err));
    hm_json_writer_key(&writer, "trail");
    hm_json_writer_array_begin(&writer);
    HM_TRY(hm_accounts_trail(&run->accounts, account->name, on_event, &trail, err));
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc append_grants(struct hm_accounts_run *run, const struct hm_account *account,
                                const char *word, struct hm_err *err)
{
    const char **patterns = NULL;
    size_t count = 0;

    HM_TRY(hm_account_grants(&run->accounts, account, &run->arena, err, &patterns, &count));
    for (size_t i = 0; i < count; i++)
        HM_TRY(hm_buf_append_fmt(&run->out, err, "%s %s\n", word, patterns[i]));
    return HM_OK;
}

static enum hm_rc show_customer(struct hm_accounts_run *run, const char *name, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 5};
    struct trail_ctx trail = {.table = &table};
    struct hm_account account;

    HM_TRY(hm_account_find(&run->accounts, name, &run->arena, err, &account));
    if (run->args->json)
        return show_customer_json(run, &account, err);
    HM_TRY(hm_buf_append_fmt(&run->out, err, "customer %s, %s%s%s\n", account.name,
                             account.is_disabled ? "disabled" : "enabled",
                             account.title[0] == '\0' ? "" : ": ", account.title));
    HM_TRY(append_grants(run, &account, "granted", err));
    HM_TRY(append_grants(run, NULL, "granted to everyone", err));
    HM_TRY(hm_cmd_print(hm_buf_bytes(&run->out), err));
    hm_buf_clear(&run->out);
    HM_TRY(hm_accounts_print_tokens(run, &account, err));
    HM_TRY(hm_accounts_trail(&run->accounts, account.name, on_event, &trail, err));
    return hm_table_print(&table, err);
}

static enum hm_rc run_customer(struct hm_accounts_run *run, const char *action, const char *name,
                               struct hm_err *err)
{
    bool is_disable = strcmp(action, "disable") == 0;

    if (strcmp(action, "list") == 0)
        return list_customers(run, err);
    if (strcmp(action, "show") == 0)
        return show_customer(run, name, err);
    if (strcmp(action, "add") == 0) {
        HM_TRY(hm_account_add(&run->accounts, &run->change, name, run->args->title, err));
        return hm_buf_append_fmt(&run->out, err,
                                 "customer '%s' is there; he needs a token ('site token add') and "
                                 "grants ('site grant')\n",
                                 name);
    }
    HM_TRY(
        hm_account_disable(&run->accounts, &run->change, name, is_disable, run->args->reason, err));
    return hm_buf_append_fmt(&run->out, err, "customer '%s' is %s\n", name,
                             is_disable ? "disabled" : "enabled");
}

bool hm_accounts_is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static int cmd_customer(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, HM_ACCOUNTS_OPTION_DIR},
        {"by", required_argument, NULL, HM_ACCOUNTS_OPTION_BY},
        {"title", required_argument, NULL, HM_ACCOUNTS_OPTION_TITLE},
        {"reason", required_argument, NULL, HM_ACCOUNTS_OPTION_REASON},
        {"wait", required_argument, NULL, HM_ACCOUNTS_OPTION_WAIT},
        {"json", no_argument, NULL, HM_ACCOUNTS_OPTION_JSON},
        {"quiet", no_argument, NULL, HM_ACCOUNTS_OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char *const actions[] = {"add", "disable", "enable", "list", "show", NULL};
    static const char command[] = "hallmark site customer";
    struct hm_err err = HM_ERR_INIT;
    struct hm_accounts_args args;
    int status = hm_accounts_parse(argc, argv, options, command, customer_usage, &args);
    _hm_done_(hm_accounts_run_done) struct hm_accounts_run run = {
        .args = &args, .out = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX), .private_dir = HM_DIR_INIT};
    const char *action;
    enum hm_rc rc;
    bool is_read;

    if (status >= 0)
        return status;
    action = args.count > 0 ? args.operands[0] : "";
    if (!hm_accounts_is_one_of(action, actions))
        return hm_cmd_usage(command, "say add, disable, enable, list or show");
    if (args.count != (strcmp(action, "list") == 0 ? 1 : 2))
        return hm_cmd_usage(command,
                            strcmp(action, "list") == 0 ? "'list' takes no operand"
                                                        : "'%s' takes a customer's name",
                            action);
    is_read = strcmp(action, "list") == 0 || strcmp(action, "show") == 0;
    rc = hm_accounts_run_open(&run, !is_read, &err);
    if (rc == HM_OK)
        rc = run_customer(&run, action, args.count > 1 ? args.operands[1] : NULL, &err);
    return hm_accounts_finish(&run, rc, &err);
}

/* ---- grant, revoke --------------------------------------------------------------------------- */

static const char grant_usage[] =
    "usage: hallmark site grant CUSTOMER PATTERN... [--reason TEXT] [--by NAME] [--dir DIR]\n"
    "       hallmark site grant --everyone PATTERN... [--reason TEXT] [--by NAME] [--dir DIR]\n"
    "       [--wait SECONDS] [--quiet]\n"
    "\n"
    "Lets a customer download. PATTERN is MAKER, MAKER/PRODUCT or MAKER/PRODUCT/VERSION, with '*'\n"
    "in any part. --everyone is for what is free of grants, such as a security release: whoever\n"
    "has a token that counts may have it.\n";
static const char revoke_usage[] =
    "usage: hallmark site revoke CUSTOMER PATTERN... [--reason TEXT] [--by NAME] [--dir DIR]\n"
    "       hallmark site revoke --everyone PATTERN... [--reason TEXT] [--by NAME] [--dir DIR]\n"
    "       [--wait SECONDS] [--quiet]\n"
    "\n"
    "Takes grants back: exactly these patterns, as 'site customer show' lists them.\n";

static enum hm_rc run_grant(struct hm_accounts_run *run, bool is_grant, struct hm_err *err)
{
    const struct hm_accounts_args *args = run->args;
    const char *name = args->everyone ? HM_ACCOUNT_EVERYONE : args->operands[0];

    for (size_t i = args->everyone ? 0 : 1; i < args->count; i++) {
        char text[HM_GRANT_SIZE_MAX];

        if (is_grant)
            HM_TRY(hm_account_grant(&run->accounts, &run->change, name, args->operands[i],
                                    args->reason, err, text));
        else
            HM_TRY(hm_account_revoke(&run->accounts, &run->change, name, args->operands[i],
                                     args->reason, err, text));
        HM_TRY(hm_buf_append_fmt(&run->out, err, "%s %s\n",
                                 is_grant ? "granted" : "no longer granted", text));
    }
    return HM_OK;
}

static int change_grants(int argc, char **argv, const char *command, const char *usage,
                         bool is_grant)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, HM_ACCOUNTS_OPTION_DIR},
        {"by", required_argument, NULL, HM_ACCOUNTS_OPTION_BY},
        {"reason", required_argument, NULL, HM_ACCOUNTS_OPTION_REASON},
        {"everyone", no_argument, NULL, HM_ACCOUNTS_OPTION_EVERYONE},
        {"wait", required_argument, NULL, HM_ACCOUNTS_OPTION_WAIT},
        {"quiet", no_argument, NULL, HM_ACCOUNTS_OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct hm_accounts_args args;
    int status = hm_accounts_parse(argc, argv, options, command, usage, &args);
    _hm_done_(hm_accounts_run_done) struct hm_accounts_run run = {
        .args = &args, .out = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX), .private_dir = HM_DIR_INIT};
    enum hm_rc rc;

    if (status >= 0)
        return status;
    if (args.count < (args.everyone ? 1 : 2))
        return hm_cmd_usage(command, args.everyone ? "say which patterns"
                                                   : "say which customer, and which patterns");
    rc = hm_accounts_run_open(&run, true, &err);
    if (rc == HM_OK)
        rc = run_grant(&run, is_grant, &err);
    return hm_accounts_finish(&run, rc, &err);
}

static int cmd_grant(int argc, char **argv)
{
    return change_grants(argc, argv, "hallmark site grant", grant_usage, true);
}

static int cmd_revoke(int argc, char **argv)
{
    return change_grants(argc, argv, "hallmark site revoke", revoke_usage, false);
}

/* ---- trail ----------------------------------------------------------------------------------- */

static const char trail_usage[] =
    "usage: hallmark site trail [CUSTOMER] [--json] [--dir DIR] [--wait SECONDS] [--quiet]\n"
    "\n"
    "Who changed what of customers, tokens and grants, and when; of one customer, or of all.\n";

static enum hm_rc run_trail(struct hm_accounts_run *run, const char *name, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 5};
    struct hm_json_writer writer;
    struct trail_ctx trail = {.writer = &writer, .table = run->args->json ? NULL : &table};

    if (!run->args->json) {
        HM_TRY(hm_accounts_trail(&run->accounts, name, on_event, &trail, err));
        return hm_table_print(&table, err);
    }
    hm_accounts_json_begin(&writer, run, "hallmark/site-trail/1");
    hm_json_writer_key(&writer, "trail");
    hm_json_writer_array_begin(&writer);
    HM_TRY(hm_accounts_trail(&run->accounts, name, on_event, &trail, err));
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static int cmd_trail(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, HM_ACCOUNTS_OPTION_DIR},
        {"json", no_argument, NULL, HM_ACCOUNTS_OPTION_JSON},
        {"wait", required_argument, NULL, HM_ACCOUNTS_OPTION_WAIT},
        {"quiet", no_argument, NULL, HM_ACCOUNTS_OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark site trail";
    struct hm_err err = HM_ERR_INIT;
    struct hm_accounts_args args;
    int status = hm_accounts_parse(argc, argv, options, command, trail_usage, &args);
    _hm_done_(hm_accounts_run_done) struct hm_accounts_run run = {
        .args = &args, .out = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX), .private_dir = HM_DIR_INIT};
    enum hm_rc rc;

    if (status >= 0)
        return status;
    if (args.count > 1)
        return hm_cmd_usage(command, "name one customer, or none");
    rc = hm_accounts_run_open(&run, false, &err);
    if (rc == HM_OK)
        rc = run_trail(&run, args.count == 1 ? args.operands[0] : NULL, &err);
    return hm_accounts_finish(&run, rc, &err);
}

int main(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"customer", cmd_customer, ""}, {"token", hm_accounts_cmd_token, ""},
        {"grant", cmd_grant, ""},       {"revoke", cmd_revoke, ""},
        {"trail", cmd_trail, ""},       {NULL, NULL, NULL},
    };

    for (const struct hm_cmd *cmd = commands; argc > 0 && cmd->name != NULL; cmd++)
        if (strcmp(argv[0], cmd->name) == 0)
            return cmd->run(argc, argv);
    return hm_cmd_usage("hallmark site", "this program runs behind 'hallmark site'");
}
