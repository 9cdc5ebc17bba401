/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark sign: shows what a request asks for, asks, signs. Needs no network. */
#include "cmd.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "customer/home.h"
#include "exchange/signing.h"
#include "keys.h"

#define COMMAND     "hallmark sign"
#define SUFFIX      ".request"
#define ID_IN_NAME  8 /* characters of the key id in the name of the signatures file */
#define ANSWER_SIZE 64

enum {
    OPTION_KEY = 256,
    OPTION_PASSPHRASE_FILE,
    OPTION_YES,
    OPTION_REPLACE,
    OPTION_HOME,
    OPTION_QUIET,
};

struct sign_args {
    const char *request;
    const char *out;
    const char *home;
    struct hm_keys keys;
    bool yes, replace, quiet;
};

static const char usage[] =
    "usage: hallmark sign REQUEST --key K [--key K2]... [-o OUT.sig] [--yes] [--replace]\n"
    "                     [--passphrase-file F] [--home DIR] [--quiet]\n"
    "\n"
    "Shows what REQUEST asks to be signed, compared with what you signed last, asks, and writes\n"
    "the signatures. Refuses versions that go back, skip or fork. --yes does not ask; --replace\n"
    "signs other bytes under a version that you signed before.\n";

static int parse(int argc, char **argv, struct sign_args *args)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, OPTION_KEY},
        {"passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE},
        {"yes", no_argument, NULL, OPTION_YES},
        {"replace", no_argument, NULL, OPTION_REPLACE},
        {"home", required_argument, NULL, OPTION_HOME},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        }
        if (option == 'o')
            args->out = optarg;
        else if (option == OPTION_KEY) {
            if (hm_keys_add(&args->keys, optarg, &err) != HM_OK)
                return hm_cmd_usage(COMMAND, "%s", err.text);
        } else if (option == OPTION_PASSPHRASE_FILE)
            args->keys.passphrase_file = optarg;
        else if (option == OPTION_HOME)
            args->home = optarg;
        else if (option == OPTION_YES)
            args->yes = true;
        else if (option == OPTION_REPLACE)
            args->replace = true;
        else if (option == OPTION_QUIET)
            args->quiet = true;
        else {
            (void)fputs("Try '" COMMAND " --help'.\n", stderr);
            return 2;
        }
    }
    if (optind + 1 != argc)
        return hm_cmd_usage(COMMAND, "exactly one REQUEST is expected");
    if (args->keys.path_count == 0)
        return hm_cmd_usage(COMMAND, "--key FILE is needed");
    args->request = argv[optind];
    return -1;
}

/* y/N on the terminal itself, so that a request piped in cannot answer. */
static enum hm_rc ask(bool has_warnings, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    static const char plain[] = "\nSign this? [y/N] ";
    static const char warned[] = "\nThere are warnings above. Sign this all the same? [y/N] ";
    const char *question = has_warnings ? warned : plain;
    char answer[ANSWER_SIZE];
    ssize_t got;

    if (fd < 0)
        return hm_fail(err, HM_EINPUT,
                       "there is no terminal to ask on; --yes signs without asking");
    if (write(fd, question, strlen(question)) < 0)
        return hm_fail(err, HM_EINPUT, "the terminal cannot be written to");
    got = read(fd, answer, sizeof(answer) - 1);
    if (got > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED, "you did not agree; nothing was signed");
}

static enum hm_rc out_name(const struct sign_args *args, struct hm_err *err,
                           struct hm_buf *ret_name)
{
    size_t size = strlen(args->request);

    if (args->out != NULL)
        return hm_buf_append_str(ret_name, args->out, err);
    if (strcmp(args->request, "-") == 0)
        return hm_fail(err, HM_EUSAGE, "-o OUT is needed where the request comes from a pipe");
    if (size > strlen(SUFFIX) && strcmp(args->request + size - strlen(SUFFIX), SUFFIX) == 0)
        size -= strlen(SUFFIX);
    HM_TRY(hm_buf_append(ret_name, hm_bytes_make(args->request, size), err));
    return hm_buf_append_fmt(ret_name, err, "-%.*s.sig", ID_IN_NAME,
                             hm_key_id(hm_signer_key(args->keys.signers[0])));
}

static enum hm_rc write_signatures(const struct sign_args *args, struct hm_signing *signing,
                                   struct hm_err *err)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_SIGNATURES_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(8192);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(16384);

    HM_TRY(out_name(args, err, &name));
    HM_TRY(hm_signing_sign(signing, err, &signatures));
    HM_TRY(hm_signatures_write(signatures, err, &file));
    HM_TRY(hm_file_write_path(hm_buf_str(&name), 0644, hm_buf_bytes(&file), err));
    if (args->quiet)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(&text, err, "%zu signature%s in %s\n", signatures->count,
                             signatures->count == 1 ? "" : "s", hm_buf_str(&name)));
    return hm_cmd_print(hm_buf_bytes(&text), err);
}

static enum hm_rc run(struct sign_args *args, struct hm_err *err)
{
    _hm_free_(hm_request_free) struct hm_request *request = NULL;
    _hm_free_(hm_signing_free) struct hm_signing *signing = NULL;
    _hm_done_(hm_home_done) struct hm_home home = HM_HOME_INIT;
    _hm_done_(hm_dir_done) struct hm_dir memory = HM_DIR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_REQUEST_SIZE_MAX);
    struct hm_signing_config config = {.now_unix_s = hm_time_now_unix_s(),
                                       .replace = args->replace};
    const struct hm_signer *signers[HM_KEYS_COUNT_MAX];

    HM_TRY(hm_file_read_path(args->request, err, &raw));
    HM_TRY(hm_request_parse(hm_buf_bytes(&raw), err, &request));
    HM_TRY(hm_keys_load(&args->keys, err));
    for (size_t i = 0; i < args->keys.count; i++)
        signers[i] = args->keys.signers[i];
    HM_TRY(hm_home_open(args->home, true, err, &home));
    HM_TRY(hm_dir_open_at(&home.dir, "signer", true, err, &memory));
    config.memory = &memory;
    config.signers = signers;
    config.signer_count = args->keys.count;
    HM_TRY(hm_signing_open(request, &config, err, &signing));
    if (!args->quiet || !args->yes)
        HM_TRY(hm_cmd_print(hm_bytes_str(hm_signing_text(signing)), err));
    if (!args->yes)
        HM_TRY(ask(hm_signing_has_warnings(signing), err));
    return write_signatures(args, signing, err);
}

int hm_cmd_sign(int argc, char **argv)
{
    struct sign_args args = {.keys = HM_KEYS_INIT};
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, &args);

    if (status < 0)
        status = run(&args, &err) == HM_OK ? 0 : hm_cmd_fail(&err);
    hm_keys_done(&args.keys);
    return status;
}
