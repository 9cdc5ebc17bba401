/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark-care: the program behind "hallmark site audit", "backup" and "restore". By itself, so
 * that the command hallmark does not link SQLite.
 */
#include <getopt.h>
#include <pwd.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "care/audit.h"
#include "care/backup.h"
#include "care/newer.h"
#include "care/restore.h"
#include "cmd.h"
#include "site/hold.h"

#define REPORT_SIZE_MAX ((size_t)16 << 20)

enum {
    OPTION_DIR = 256,
    OPTION_WITH_KEYS,
    OPTION_VERIFY,
    OPTION_WAIT,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_SERVED,
    OPTION_CACERT,
    OPTION_ACCOUNTS,
    OPTION_CHECK,
    OPTION_CONFIRM,
    OPTION_REASON,
    OPTION_BY,
    OPTION_RATE,
    OPTION_PART,
    OPTION_FROM,
    OPTION_PROGRESS,
};

struct args {
    const char *dir, *served, *cacert, *accounts, *reason, *by, *from;
    bool with_keys, verify, json, quiet, check, confirm, progress;
    uint64_t rate;
    unsigned part, parts;
    uint32_t wait_ms;
    char **operands;
    int count;
};

static enum hm_rc take_rate(struct args *args, struct hm_err *err)
{
    if (hm_num_parse_u64(optarg, strlen(optarg), &args->rate) != HM_OK || args->rate == 0 ||
        args->rate > (uint64_t)1 << 40)
        return hm_fail(err, HM_EUSAGE, "--rate takes bytes a second, 1 to 2^40, not '%s'", optarg);
    return HM_OK;
}

/* "3/10" */
static enum hm_rc take_part(struct args *args, struct hm_err *err)
{
    const char *slash = strchr(optarg, '/');
    uint64_t part = 0, parts = 0;

    if (slash == NULL || hm_num_parse_u64(optarg, (size_t)(slash - optarg), &part) != HM_OK ||
        hm_num_parse_u64(slash + 1, strlen(slash + 1), &parts) != HM_OK || part < 1 ||
        part > parts || parts > HM_AUDIT_PARTS_MAX)
        return hm_fail(err, HM_EUSAGE, "--part takes K/N, such as 3/10, N at most %d, not '%s'",
                       HM_AUDIT_PARTS_MAX, optarg);
    args->part = (unsigned)part;
    args->parts = (unsigned)parts;
    return HM_OK;
}

static enum hm_rc take_option(struct args *args, int option, struct hm_err *err)
{
    const struct {
        int option;
        const char **text;
        bool *flag;
    } table[] = {
        {OPTION_DIR, &args->dir, NULL},
        {OPTION_SERVED, &args->served, NULL},
        {OPTION_CACERT, &args->cacert, NULL},
        {OPTION_ACCOUNTS, &args->accounts, NULL},
        {OPTION_REASON, &args->reason, NULL},
        {OPTION_BY, &args->by, NULL},
        {OPTION_WITH_KEYS, NULL, &args->with_keys},
        {OPTION_VERIFY, NULL, &args->verify},
        {OPTION_JSON, NULL, &args->json},
        {OPTION_QUIET, NULL, &args->quiet},
        {OPTION_CHECK, NULL, &args->check},
        {OPTION_CONFIRM, NULL, &args->confirm},
        {OPTION_FROM, &args->from, NULL},
        {OPTION_PROGRESS, NULL, &args->progress},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(table); i++) {
        if (table[i].option != option)
            continue;
        if (table[i].text != NULL)
            *table[i].text = optarg;
        else
            *table[i].flag = true;
        return HM_OK;
    }
    if (option == OPTION_RATE)
        return take_rate(args, err);
    if (option == OPTION_PART)
        return take_part(args, err);
    return hm_cmd_wait(optarg, err, &args->wait_ms);
}

/* Fills args; returns an exit status, or -1 to go on. */
static int parse(int argc, char **argv, const struct option *options, const char *command,
                 const char *usage, struct args *args)
{
    const char *dir = getenv("HALLMARK_DIR");
    struct hm_err err = HM_ERR_INIT;
    int option;

    *args =
        (struct args){.dir = dir != NULL && dir[0] != '\0' ? dir : ".", .wait_ms = HM_SITE_WAIT_MS};
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        }
        if (option == '?') {
            (void)fprintf(stderr, "Try '%s --help'.\n", command);
            return 2;
        }
        if (take_option(args, option, &err) != HM_OK)
            return hm_cmd_fail(&err);
    }
    args->operands = argv + optind;
    args->count = argc - optind;
    return -1;
}

/* Warnings go to standard error, where they are seen although the rest is piped away. */
static enum hm_rc print_report(const struct args *args, const struct hm_buf *report,
                               struct hm_err *err)
{
    struct hm_bytes rest = hm_buf_bytes(report), line;

    while (hm_bytes_take_line(&rest, &line)) {
        if (hm_bytes_has_prefix(line, HM_BYTES_LITERAL("WARNING: ")))
            hm_cmd_warn("%.*s", (int)(line.size - 9), (const char *)line.data + 9);
        else if (!args->quiet)
            HM_TRY(hm_cmd_print(hm_bytes_make(line.data, line.size + 1), err));
    }
    return HM_OK;
}

static int finish(const struct args *args, const struct hm_buf *report, enum hm_rc rc,
                  const struct hm_err *err)
{
    struct hm_err print_err = HM_ERR_INIT;

    if (print_report(args, report, &print_err) != HM_OK)
        return hm_cmd_fail(&print_err);
    return rc == HM_OK ? 0 : hm_cmd_fail(err);
}

/* ---- audit ----------------------------------------------------------------------------------- */

static const char audit_usage[] =
    "usage: hallmark site audit [--json] [--rate BYTES] [--part K/N] [--from PATH] [--progress]\n"
    "       [--quiet] [--dir DIR]\n"
    "\n"
    "Reads what a site stores, and compares it with what was signed; finds what is missing, what\n"
    "nothing names, and who may read what. Writes nothing. One finding a line.\n"
    "--rate reads images at so many bytes a second; --part those of one part of N; --from goes on\n"
    "behind a path, which --progress tells as it goes.\n"
    "Not compared: proofs, the map of releases, csaf, hallmark.trust, closed logs, the deliveries\n"
    "log and the ledger, drafts, keys; strays are looked for in public, its metadata and targets.\n"
    "Exit status: 0 nothing was found in what is compared, 1 findings, 3 cannot tell.\n";

#define PROGRESS_MS 5000

struct audit_ctx {
    const struct args *args;
    struct hm_json_writer *writer; /* or NULL */
    int64_t told_ms;
};

static enum hm_rc on_finding(void *ctx, enum hm_audit_kind kind, const char *path,
                             const char *sentence, struct hm_err *err)
{
    struct audit_ctx *audit = ctx;
    _hm_done_(hm_buf_done) struct hm_buf plain = HM_BUF_INIT(REPORT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(REPORT_SIZE_MAX);

    if (audit->writer != NULL) {
        hm_json_writer_object_begin(audit->writer);
        hm_json_writer_key_str(audit->writer, "kind", hm_audit_kind_name(kind));
        hm_json_writer_key_str(audit->writer, "path", path);
        hm_json_writer_key_str(audit->writer, "why", sentence);
        hm_json_writer_object_end(audit->writer);
        return HM_OK;
    }
    /* At once: an audit of a large site takes hours. Names are anybody's. */
    HM_TRY(hm_buf_append_fmt(&plain, err, "%s: %s: %s", hm_audit_kind_name(kind), path, sentence));
    HM_TRY(hm_text_escape(&line, hm_buf_bytes(&plain), err));
    HM_TRY(hm_buf_append_byte(&line, '\n', err));
    return hm_cmd_print(hm_buf_bytes(&line), err);
}

static void on_progress(void *ctx, const char *path, uint64_t bytes)
{
    struct audit_ctx *audit = ctx;
    _hm_done_(hm_buf_done) struct hm_buf shown = HM_BUF_INIT(65536);
    char size[16];

    if (hm_time_monotonic_ms() - audit->told_ms < PROGRESS_MS)
        return;
    audit->told_ms = hm_time_monotonic_ms();
    hm_text_size(bytes, size);
    if (hm_text_escape(&shown, hm_bytes_str(path), NULL) == HM_OK)
        (void)fprintf(stderr, "%s read; at %s\n", size, hm_buf_str(&shown));
}

static enum hm_rc audit_run(const struct args *args, struct hm_buf *report, struct hm_err *err,
                            struct hm_audit_result *result)
{
    _hm_free_(hm_site_free) struct hm_site *site = NULL;
    struct hm_json_writer writer;
    struct audit_ctx ctx = {
        .args = args, .writer = args->json ? &writer : NULL, .told_ms = hm_time_monotonic_ms()};
    const struct hm_audit_options options = {.sink = {.find = on_finding, .ctx = &ctx},
                                             .rate = args->rate,
                                             .part = args->part,
                                             .parts = args->parts,
                                             .from = args->from,
                                             .progress = args->progress ? on_progress : NULL};
    char size[16];

    HM_TRY(hm_site_open(args->dir, HM_SITE_READ, 0, hm_time_now_unix_s(), err, &site));
    if (args->json) {
        hm_json_writer_init(&writer, report, true);
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "schema", "hallmark/site-audit/1");
        hm_json_writer_key_str(&writer, "site", site->config.name);
        hm_json_writer_key(&writer, "findings");
        hm_json_writer_array_begin(&writer);
    }
    HM_TRY(hm_audit_run(site, &options, err, result));
    if (args->json) {
        hm_json_writer_array_end(&writer);
        hm_json_writer_key(&writer, "files");
        hm_json_writer_u64(&writer, result->file_count);
        hm_json_writer_key(&writer, "bytes");
        hm_json_writer_u64(&writer, result->byte_count);
        hm_json_writer_object_end(&writer);
        HM_TRY(hm_json_writer_end(&writer, err));
        return hm_buf_append_str(report, "\n", err);
    }
    hm_text_size(result->byte_count, size);
    return hm_buf_append_fmt(report, err, "%llu files compared, %s: %llu findings%s\n",
                             (unsigned long long)result->file_count, size,
                             (unsigned long long)result->finding_count,
                             result->open_count > 0 ? ", and some could not be read" : "");
}

static int run_audit(int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, OPTION_DIR},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"rate", required_argument, NULL, OPTION_RATE},
                                            {"part", required_argument, NULL, OPTION_PART},
                                            {"from", required_argument, NULL, OPTION_FROM},
                                            {"progress", no_argument, NULL, OPTION_PROGRESS},
                                            {"quiet", no_argument, NULL, OPTION_QUIET},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(hm_buf_done) struct hm_buf report = HM_BUF_INIT(REPORT_SIZE_MAX);
    struct hm_audit_result result = {.file_count = 0};
    struct hm_err err = HM_ERR_INIT;
    struct args args;
    int status = parse(argc, argv, options, "hallmark site audit", audit_usage, &args);
    enum hm_rc rc;

    if (status >= 0)
        return status;
    if (args.count != 0)
        return hm_cmd_usage("hallmark site audit", "'%s' is not expected", args.operands[0]);
    rc = audit_run(&args, &report, &err, &result);
    if (rc != HM_OK)
        return hm_cmd_fail(&err);
    status = finish(&args, &report, rc, &err);
    if (status == 0 && result.finding_count > 0)
        return 1;
    return status == 0 && result.open_count > 0 ? 3 : status;
}

/* ---- backup ---------------------------------------------------------------------------------- */

static const char backup_usage[] =
    "usage: hallmark site backup [--with-keys] [--verify] [--wait SECONDS] [--quiet] [--dir DIR] "
    "BACKUP\n"
    "\n"
    "Makes a backup of a site in the folder BACKUP, while the site runs. Where BACKUP is one\n"
    "already, the new one takes its place, and what did not change is not copied again. One that\n"
    "was interrupted is gone on with. Everything that was written is read back; --verify reads\n"
    "back what was not copied again, too.\n"
    "\n"
    "Private keys are left out, unless --with-keys: keep the backup as you keep them then.\n";

static enum hm_rc backup_run(const struct args *args, struct hm_buf *report, struct hm_err *err)
{
    const struct hm_backup_options options = {.to = args->operands[0],
                                              .with_keys = args->with_keys,
                                              .verify_all = args->verify,
                                              .wait_ms = args->wait_ms,
                                              .now_unix_s = hm_time_now_unix_s()};
    struct hm_backup_result result;
    char size[16], copied[16];

    HM_TRY(hm_backup_run(args->dir, &options, err, &result));
    hm_text_size(result.byte_count, size);
    hm_text_size(result.copied_bytes, copied);
    HM_TRY(hm_buf_append_fmt(report, err, "%s: %llu files, %s; copied %llu, %s\n", options.to,
                             (unsigned long long)result.file_count, size,
                             (unsigned long long)result.copied_count, copied));
    if (args->with_keys)
        return hm_buf_append_fmt(report, err,
                                 "WARNING: '%s' has the site's private keys: whoever reads it can "
                                 "sign as the site does\n",
                                 options.to);
    if (result.key_count > 0)
        return hm_buf_append_fmt(report, err,
                                 "not in it: %llu files with private keys (private/keys); keep "
                                 "copies of them in a safe\n",
                                 (unsigned long long)result.key_count);
    return HM_OK;
}

static int run_backup(int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, OPTION_DIR},
                                            {"with-keys", no_argument, NULL, OPTION_WITH_KEYS},
                                            {"verify", no_argument, NULL, OPTION_VERIFY},
                                            {"wait", required_argument, NULL, OPTION_WAIT},
                                            {"quiet", no_argument, NULL, OPTION_QUIET},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(hm_buf_done) struct hm_buf report = HM_BUF_INIT(REPORT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct args args;
    int status = parse(argc, argv, options, "hallmark site backup", backup_usage, &args);

    if (status >= 0)
        return status;
    if (args.count != 1)
        return hm_cmd_usage("hallmark site backup", "give the one folder of the backup");
    return finish(&args, &report, backup_run(&args, &report, &err), &err);
}

/* ---- restore --------------------------------------------------------------------------------- */

static const char restore_usage[] =
    "usage: hallmark site restore BACKUP DIR [--accounts FILE] [--served URL|FOLDER] [--cacert F]\n"
    "       hallmark site restore --check [--served URL|FOLDER] [--cacert F] [--dir DIR]\n"
    "       hallmark site restore --confirm --reason TEXT [--by NAME] [--dir DIR]\n"
    "       [--wait SECONDS] [--quiet]\n"
    "\n"
    "Puts a site back from a backup, to a new folder. It signs nothing until it was shown that\n"
    "nothing newer is about: what is served now (--served, else at the site's URL) is compared\n"
    "with it, and the witnesses are asked, at once and by each --check. --confirm ends that by a\n"
    "person's word. --accounts takes a newer accounts.db than the backup's.\n"
    "Exit status: 0 nothing newer, the site may sign; 1 something newer is about; 3 cannot tell.\n";

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

/* Takes the hold away, with the lock that everything that signs holds. */
static enum hm_rc release(const struct args *args, const struct hm_site *site, const char *who,
                          const char *why, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;

    HM_TRY(hm_lock_take(&site->private_dir, "lock", args->wait_ms, err, &lock));
    return hm_hold_release(&site->private_dir, who, why, site->now_unix_s, err);
}

static enum hm_rc check_newer(const struct args *args, const char *dir, struct hm_buf *report,
                              struct hm_err *err)
{
    _hm_free_(hm_site_free) struct hm_site *site = NULL;
    struct hm_newer_options options = {.served = args->served, .ca_file = args->cacert};
    char why[HM_HOLD_WORD_SIZE_MAX];
    enum hm_rc rc;

    HM_TRY(hm_site_open(dir, HM_SITE_READ, 0, hm_time_now_unix_s(), err, &site));
    if (!hm_hold_is_set(&site->private_dir))
        return hm_buf_append_str(report, "the site is not held: it may sign\n", err);
    if (options.served == NULL)
        options.served = site->config.url;
    rc = hm_newer_check(site, &options, err, report);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the restored site signs nothing yet");
    (void)snprintf(why, sizeof(why), "nothing newer at %.900s and the witnesses", options.served);
    HM_TRY(release(args, site, "the check", why, err));
    return hm_buf_append_str(report, "nothing newer is about: the site may sign\n", err);
}

static enum hm_rc confirm(const struct args *args, struct hm_buf *report, struct hm_err *err)
{
    _hm_free_(hm_site_free) struct hm_site *site = NULL;
    char who[HM_HOLD_WORD_SIZE_MAX];

    default_who(who, sizeof(who));
    HM_TRY(hm_site_open(args->dir, HM_SITE_READ, 0, hm_time_now_unix_s(), err, &site));
    if (!hm_hold_is_set(&site->private_dir))
        return hm_fail(err, HM_EREFUSED, "'%s' is not held: there is nothing to confirm",
                       args->dir);
    HM_TRY(release(args, site, args->by == NULL ? who : args->by, args->reason, err));
    return hm_buf_append_str(report, "the site may sign, by your word\n", err);
}

static enum hm_rc restore(const struct args *args, struct hm_buf *report, struct hm_err *err)
{
    const struct hm_restore_options options = {.from = args->operands[0],
                                               .to = args->operands[1],
                                               .accounts = args->accounts,
                                               .now_unix_s = hm_time_now_unix_s()};
    struct hm_restore_result result;
    char made[HM_TIME_TEXT_SIZE];

    HM_TRY(hm_restore_run(&options, err, &result));
    hm_time_format(result.made_unix_s, made);
    HM_TRY(hm_buf_append_fmt(report, err,
                             "%s: %llu files, as of %s: root %llu, timestamp %llu, log of %llu "
                             "entries\n",
                             options.to, (unsigned long long)result.file_count, made,
                             (unsigned long long)result.root, (unsigned long long)result.timestamp,
                             (unsigned long long)result.log_size));
    if (!result.has_keys)
        HM_TRY(hm_buf_append_str(report, "put the private keys back to private/keys, mode 0600\n",
                                 err));
    if (options.accounts == NULL && result.customers > 0)
        HM_TRY(hm_buf_append_fmt(report, err,
                                 "WARNING: customers are as of %s: tokens that were revoked since "
                                 "then count again; look at 'hallmark site trail'\n",
                                 made));
    return check_newer(args, options.to, report, err);
}

static int run_restore(int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, OPTION_DIR},
                                            {"served", required_argument, NULL, OPTION_SERVED},
                                            {"cacert", required_argument, NULL, OPTION_CACERT},
                                            {"accounts", required_argument, NULL, OPTION_ACCOUNTS},
                                            {"check", no_argument, NULL, OPTION_CHECK},
                                            {"confirm", no_argument, NULL, OPTION_CONFIRM},
                                            {"reason", required_argument, NULL, OPTION_REASON},
                                            {"by", required_argument, NULL, OPTION_BY},
                                            {"wait", required_argument, NULL, OPTION_WAIT},
                                            {"quiet", no_argument, NULL, OPTION_QUIET},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(hm_buf_done) struct hm_buf report = HM_BUF_INIT(REPORT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct args args;
    int status = parse(argc, argv, options, "hallmark site restore", restore_usage, &args);
    enum hm_rc rc;

    if (status >= 0)
        return status;
    if ((args.check && args.confirm) || args.count != (args.check || args.confirm ? 0 : 2) ||
        args.confirm != (args.reason != NULL))
        return hm_cmd_usage("hallmark site restore",
                            "give BACKUP and DIR, or --check, or --confirm with --reason");
    if (args.confirm)
        rc = confirm(&args, &report, &err);
    else if (args.check)
        rc = check_newer(&args, args.dir, &report, &err);
    else
        rc = restore(&args, &report, &err);
    return finish(&args, &report, rc, &err);
}

int main(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"audit", run_audit, ""},
        {"backup", run_backup, ""},
        {"restore", run_restore, ""},
        {NULL, NULL, NULL},
    };

    for (const struct hm_cmd *cmd = commands; argc > 0 && cmd->name != NULL; cmd++)
        if (strcmp(argv[0], cmd->name) == 0)
            return cmd->run(argc, argv);
    return hm_cmd_usage("hallmark site", "this program runs behind 'hallmark site'");
}
