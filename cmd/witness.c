/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark witness: cosigning the checkpoints of logs. Serving is a program of its own. */
#include "cmd.h"

#include <getopt.h>
#include <unistd.h>

#include "audit/auditor.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "customer.h"
#include "libexec.h"
#include "tlog/witness_folder.h"
#include "trust/trust_file.h"
#include "witness.h"

#define OUTPUT_SIZE_MAX ((size_t)64 << 20)
#define PROGRAM         "hallmark-witness"

enum {
    OPTION_DIR = 256,
    OPTION_NAME,
    OPTION_ML_DSA,
    OPTION_ORIGIN,
    OPTION_URL,
    OPTION_TRUST,
    OPTION_SITE,
    OPTION_JSON,
    OPTION_QUIET,
};

struct args {
    const char *dir, *name, *origin, *url, *trust, *site;
    bool ml_dsa, json, quiet;
    struct hm_buf default_dir;
};

static void args_done(struct args *args)
{
    hm_buf_done(&args->default_dir);
}

/* Fills args; returns an exit status, or -1 to go on. command is "hallmark witness show". */
static int parse(int argc, char **argv, const struct option *options, const char *command,
                 const char *usage, struct args *args)
{
    struct hm_err err = HM_ERR_INIT;
    int option;

    *args = (struct args){.default_dir = HM_BUF_INIT(8192)};
    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        case OPTION_DIR:
            args->dir = optarg;
            break;
        case OPTION_NAME:
            args->name = optarg;
            break;
        case OPTION_ORIGIN:
            args->origin = optarg;
            break;
        case OPTION_URL:
            args->url = optarg;
            break;
        case OPTION_TRUST:
            args->trust = optarg;
            break;
        case OPTION_SITE:
            args->site = optarg;
            break;
        case OPTION_ML_DSA:
            args->ml_dsa = true;
            break;
        case OPTION_JSON:
            args->json = true;
            break;
        case OPTION_QUIET:
            args->quiet = true;
            break;
        default:
            (void)fprintf(stderr, "Try '%s --help'.\n", command);
            return 2;
        }
    }
    if (args->dir != NULL)
        return -1;
    if (hm_witness_dir(&err, &args->default_dir) != HM_OK)
        return hm_cmd_fail(&err);
    args->dir = hm_buf_str(&args->default_dir);
    return -1;
}

static int no_operands(int argc, const char *command)
{
    return optind == argc ? -1 : hm_cmd_usage(command, "no operand is expected");
}

/* Prints text unless it is to be quiet; the exit status. */
static int finish(const struct args *args, enum hm_rc rc, const struct hm_buf *text,
                  struct hm_err *err)
{
    if (rc == HM_OK && !args->quiet)
        rc = hm_cmd_print(hm_buf_bytes(text), err);
    return rc == HM_OK ? 0 : hm_cmd_fail(err);
}

/* ---- init ------------------------------------------------------------------------------------ */

static const char init_usage[] =
    "usage: hallmark witness init [--dir DIR] [--name NAME] [--ml-dsa] [--json] [--quiet]\n"
    "\n"
    "Makes a witness: a folder with a key, and prints the key that others verify with. NAME is "
    "for\n"
    "ever; it defaults to this host's name and '/witness'. --ml-dsa adds a key of ML-DSA-44, "
    "which\n"
    "the installed OpenSSL must have (3.5).\n"
    "DIR defaults to $XDG_DATA_HOME/hallmark-witness, for root to /var/lib/hallmark-witness.\n";

static enum hm_rc default_name(struct hm_err *err, char *ret_name, size_t size)
{
    char host[200] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        return hm_fail(err, HM_EUSAGE, "this host has no name: give --name NAME");
    (void)snprintf(ret_name, size, "%s/witness", host);
    return HM_OK;
}

static void write_keys(struct hm_json_writer *writer, const struct hm_witness_folder *folder,
                       struct hm_err *err)
{
    hm_json_writer_key(writer, "vkeys");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < folder->key_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

        if (hm_note_key_write(folder->keys[i].key, err, &vkey) == HM_OK)
            hm_json_writer_string(writer, hm_buf_bytes(&vkey));
    }
    hm_json_writer_array_end(writer);
}

/* A line for policies, for each key. */
static enum hm_rc append_policy(const struct hm_witness_folder *folder, struct hm_err *err,
                                struct hm_buf *text)
{
    for (size_t i = 0; i < folder->key_count; i++) {
        HM_TRY(hm_buf_append_fmt(text, err, "vkey     "));
        HM_TRY(hm_note_key_write(folder->keys[i].key, err, text));
        HM_TRY(hm_buf_append_byte(text, '\n', err));
    }
    return HM_OK;
}

static enum hm_rc run_init(const struct args *args, struct hm_err *err, struct hm_buf *text)
{
    _hm_free_(hm_witness_folder_free) struct hm_witness_folder *folder = NULL;
    struct hm_json_writer writer;
    const char *name = args->name;
    char host[256];

    if (name == NULL) {
        HM_TRY(default_name(err, host, sizeof(host)));
        name = host;
    }
    HM_TRY(hm_witness_folder_init(args->dir, name, args->ml_dsa, err));
    HM_TRY(hm_witness_folder_open(args->dir, err, &folder));
    if (!args->json) {
        HM_TRY(hm_buf_append_fmt(text, err, "witness  %s\n", folder->name));
        HM_TRY(append_policy(folder, err, text));
        return hm_buf_append_str(text,
                                 "Give the key to those whose logs you cosign, add theirs by\n"
                                 "'hallmark witness log add VKEY', and run 'hallmark witness "
                                 "serve'.\n",
                                 err);
    }
    hm_json_writer_init(&writer, text, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/witness-init/1");
    hm_json_writer_key_str(&writer, "name", folder->name);
    write_keys(&writer, folder, err);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static int witness_init(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, OPTION_DIR},
        {"name", required_argument, NULL, OPTION_NAME},
        {"ml-dsa", no_argument, NULL, OPTION_ML_DSA},
        {"json", no_argument, NULL, OPTION_JSON},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark witness init";
    _hm_done_(args_done) struct args args = {.dir = NULL};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, options, command, init_usage, &args);

    if (status < 0)
        status = no_operands(argc, command);
    if (status >= 0)
        return status;
    return finish(&args, run_init(&args, &err, &text), &text, &err);
}

/* ---- log ------------------------------------------------------------------------------------- */

static const char log_usage[] =
    "usage: hallmark witness log add VKEY [--origin TEXT] [--url URL]\n"
    "                                [--trust FILE [--site URL]] [--dir DIR] [--json]\n"
    "       hallmark witness log list [--dir DIR] [--json]\n"
    "       hallmark witness log remove ORIGIN [--dir DIR] [--quiet]\n"
    "\n"
    "The logs that this witness cosigns. A log is known by its origin, which is its key's name\n"
    "unless --origin says otherwise; a second key may be added. --url is where its tiles are, for\n"
    "people. --trust is the trust file of the site whose release log it is, for auditors, and\n"
    "--site where the site is, or a mirror, unless the trust file says it. Changes count at once,\n"
    "also while the witness serves. What was cosigned of a log stays known when it is removed.\n";

/* A log, what was cosigned of it, and what was audited. */
struct known {
    struct hm_witness_folder_log *log; /* owned */
    struct hm_witness_folder_state state;
    struct hm_auditor_state audit;
};

#define KNOWN_INIT                                                                                 \
    {                                                                                              \
        .state = HM_WITNESS_FOLDER_STATE_INIT                                                      \
    }

static void known_done(struct known *known)
{
    hm_witness_folder_log_free(known->log);
    hm_buf_done(&known->state.note);
}

/* hash is that of known->log where there is one already. */
static enum hm_rc known_read(const struct hm_witness_folder *folder, const char *hash,
                             struct hm_err *err, struct known *known)
{
    if (known->log == NULL)
        HM_TRY(hm_witness_folder_log_read(folder, hash, err, &known->log));
    HM_TRY(hm_witness_folder_state_read(folder, hash, err, &known->state));
    return hm_auditor_state_read(folder, hash, err, &known->audit);
}

static void write_log(struct hm_json_writer *writer, const struct known *known, struct hm_err *err)
{
    const struct hm_witness_folder_log *log = known->log;
    const struct hm_witness_folder_state *state = &known->state;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "origin", log->origin);
    hm_json_writer_key(writer, "vkeys");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < log->key_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

        if (hm_note_key_write(log->keys[i], err, &vkey) == HM_OK)
            hm_json_writer_string(writer, hm_buf_bytes(&vkey));
    }
    hm_json_writer_array_end(writer);
    if (log->url != NULL)
        hm_json_writer_key_str(writer, "url", log->url);
    hm_json_writer_key_str(writer, "hash", log->hash);
    if (state->is_there) {
        hm_json_writer_key(writer, "size");
        hm_json_writer_u64(writer, state->size);
        hm_json_writer_key(writer, "root");
        hm_json_writer_hex(writer, hm_bytes_make(state->root.bytes, HM_SHA256_SIZE));
        hm_json_writer_key(writer, "cosigned");
        hm_json_writer_time(writer, (int64_t)state->time_s); /* at most 2^63 - 1 */
    }
    if (known->audit.url[0] != '\0') {
        hm_json_writer_key_str(writer, "site", known->audit.url);
        hm_json_writer_key(writer, "audited");
        hm_json_writer_u64(writer, known->audit.size);
    }
    hm_json_writer_object_end(writer);
}

static enum hm_rc add_row(struct hm_table *table, const struct known *known, struct hm_err *err)
{
    const struct hm_witness_folder_state *state = &known->state;
    char size[24] = "-";
    char when[HM_TIME_TEXT_SIZE] = "never cosigned";
    char audit[48] = "no trust file";

    if (state->is_there) {
        (void)snprintf(size, sizeof(size), "%llu", (unsigned long long)state->size);
        hm_time_format((int64_t)state->time_s, when);
    }
    if (known->audit.url[0] != '\0')
        (void)snprintf(audit, sizeof(audit), "audited %llu", (unsigned long long)known->audit.size);
    HM_TRY(hm_table_add(table, known->log->origin, err));
    HM_TRY(hm_table_add(table, size, err));
    HM_TRY(hm_table_add(table, when, err));
    return hm_table_add(table, audit, err);
}

/* All logs into the writer, or the table where that is given. */
static enum hm_rc each_log(const struct hm_witness_folder *folder, struct hm_json_writer *writer,
                           struct hm_table *table, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **hashes = NULL;
    size_t count = 0;

    HM_TRY(hm_witness_folder_list(folder, &arena, err, &hashes, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_done_(known_done) struct known known = KNOWN_INIT;

        HM_TRY(known_read(folder, hashes[i], err, &known));
        if (table != NULL)
            HM_TRY(add_row(table, &known, err));
        else
            write_log(writer, &known, err);
    }
    return HM_OK;
}

/* show, and "log list": the same object, without and with the witness's own keys. */
static enum hm_rc report_json(const struct hm_witness_folder *folder, const char *schema,
                              struct hm_err *err, struct hm_buf *text)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, text, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", schema);
    hm_json_writer_key_str(&writer, "name", folder->name);
    write_keys(&writer, folder, err);
    hm_json_writer_key(&writer, "logs");
    hm_json_writer_array_begin(&writer);
    HM_TRY(each_log(folder, &writer, NULL, err));
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc print_logs(const struct hm_witness_folder *folder, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 4};

    HM_TRY(each_log(folder, NULL, &table, err));
    return hm_table_print(&table, err);
}

/* The trust file of the site whose log it is. */
static enum hm_rc add_trust(const struct args *args, const struct hm_witness_folder *folder,
                            const struct hm_witness_folder_log *log, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(args->trust, err, &trust));
    rc = hm_auditor_add(folder, log, hm_buf_bytes(&trust), args->site, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", args->trust);
}

static enum hm_rc run_log_add(const struct args *args, const struct hm_witness_folder *folder,
                              const char *vkey, struct hm_err *err, struct hm_buf *text)
{
    _hm_done_(known_done) struct known known = KNOWN_INIT;
    struct hm_json_writer writer;

    HM_TRY(hm_witness_folder_add(folder, vkey, args->origin, args->url, err, &known.log));
    if (args->trust != NULL)
        HM_TRY(add_trust(args, folder, known.log, err));
    HM_TRY(known_read(folder, known.log->hash, err, &known));
    if (!args->json) {
        HM_TRY(hm_buf_append_fmt(text, err, "cosigns the log '%s' (keys: %zu)\n", known.log->origin,
                                 known.log->key_count));
        if (known.audit.url[0] == '\0')
            return HM_OK;
        return hm_buf_append_fmt(text, err, "'serve --audit' reads it from %s\n", known.audit.url);
    }
    hm_json_writer_init(&writer, text, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/witness-log/1");
    hm_json_writer_key(&writer, "log");
    write_log(&writer, &known, err);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc run_log(const struct args *args, const char *action, const char *operand,
                          struct hm_err *err, struct hm_buf *text)
{
    _hm_free_(hm_witness_folder_free) struct hm_witness_folder *folder = NULL;

    HM_TRY(hm_witness_folder_open(args->dir, err, &folder));
    if (strcmp(action, "add") == 0)
        return run_log_add(args, folder, operand, err, text);
    if (strcmp(action, "remove") == 0) {
        HM_TRY(hm_witness_folder_remove(folder, operand, err));
        return hm_buf_append_fmt(text, err, "cosigns the log '%s' no more\n", operand);
    }
    return args->json ? report_json(folder, "hallmark/witness-logs/1", err, text)
                      : print_logs(folder, err);
}

static int witness_log(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, OPTION_DIR},
        {"origin", required_argument, NULL, OPTION_ORIGIN},
        {"url", required_argument, NULL, OPTION_URL},
        {"trust", required_argument, NULL, OPTION_TRUST},
        {"site", required_argument, NULL, OPTION_SITE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark witness log";
    _hm_done_(args_done) struct args args = {.dir = NULL};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, options, command, log_usage, &args);
    const char *action = optind < argc ? argv[optind] : "";
    bool is_list = strcmp(action, "list") == 0;

    if (status >= 0)
        return status;
    if (!is_list && strcmp(action, "add") != 0 && strcmp(action, "remove") != 0)
        return hm_cmd_usage(command, "say add, list or remove");
    if (argc - optind != (is_list ? 1 : 2))
        return hm_cmd_usage(command,
                            is_list ? "'list' takes no operand"
                                    : "'%s' takes one operand, a key or an origin",
                            action);
    if (strcmp(action, "add") != 0 &&
        (args.origin != NULL || args.url != NULL || args.trust != NULL || args.site != NULL))
        return hm_cmd_usage(command, "--origin, --url, --trust and --site are for 'add'");
    if (args.site != NULL && args.trust == NULL)
        return hm_cmd_usage(command, "--site is of --trust FILE");
    return finish(&args, run_log(&args, action, argv[optind + (is_list ? 0 : 1)], &err, &text),
                  &text, &err);
}

/* ---- show ------------------------------------------------------------------------------------ */

static const char show_usage[] =
    "usage: hallmark witness show [--dir DIR] [--json]\n"
    "\n"
    "Shows the witness's name and keys, and of each log how much it has cosigned, and when.\n";

static enum hm_rc run_show(const struct args *args, struct hm_err *err, struct hm_buf *text)
{
    _hm_free_(hm_witness_folder_free) struct hm_witness_folder *folder = NULL;

    HM_TRY(hm_witness_folder_open(args->dir, err, &folder));
    if (args->json)
        return report_json(folder, "hallmark/witness-show/1", err, text);
    HM_TRY(hm_buf_append_fmt(text, err, "witness  %s\n", folder->name));
    HM_TRY(append_policy(folder, err, text));
    HM_TRY(hm_cmd_print(hm_buf_bytes(text), err));
    hm_buf_clear(text);
    return print_logs(folder, err);
}

static int witness_show(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, OPTION_DIR},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark witness show";
    _hm_done_(args_done) struct args args = {.dir = NULL};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, options, command, show_usage, &args);

    if (status < 0)
        status = no_operands(argc, command);
    if (status >= 0)
        return status;
    return finish(&args, run_show(&args, &err, &text), &text, &err);
}

/* ---- the group ------------------------------------------------------------------------------- */

static int witness_serve(int argc, char **argv)
{
    (void)argc;
    return hm_libexec_run(PROGRAM, argv);
}

int hm_cmd_witness(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"init", witness_init, "make a witness and its key"},
        {"log", witness_log, "add, list and remove the logs that it cosigns"},
        {"serve", witness_serve, "cosign what logs send"},
        {"show", witness_show, "print keys and what was cosigned"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark witness", commands, argc, argv);
}
