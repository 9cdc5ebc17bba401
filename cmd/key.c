/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark key: makes and shows keys. */
#include "cmd.h"

#include <getopt.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "exchange/keyfile.h"
#include "keys.h"

#define PASSPHRASE_SIZE_MAX 1024
#define PASSPHRASE_SIZE_MIN 8

enum {
    OPTION_TYPE = 256,
    OPTION_NO_PASSPHRASE,
    OPTION_PASSPHRASE_FILE,
    OPTION_JSON,
    OPTION_QUIET,
};

struct key_args {
    const char *file;
    const char *type;
    const char *passphrase_file;
    bool no_passphrase, json, quiet;
};

/* Fills args; returns an exit status, or -1 to go on. command is "hallmark key new". */
static int parse(int argc, char **argv, const struct option *options, const char *command,
                 const char *usage, struct key_args *args)
{
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        case OPTION_TYPE:
            args->type = optarg;
            break;
        case OPTION_NO_PASSPHRASE:
            args->no_passphrase = true;
            break;
        case OPTION_PASSPHRASE_FILE:
            args->passphrase_file = optarg;
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
    if (optind + 1 != argc)
        return hm_cmd_usage(command, "exactly one FILE is expected");
    args->file = argv[optind];
    return -1;
}

/* ---- new ------------------------------------------------------------------------------------ */

static enum hm_rc ask_new(const char *path, struct hm_err *err, struct hm_secret *ret_passphrase)
{
    _hm_done_(hm_secret_done) struct hm_secret again = HM_SECRET_INIT;
    char prompt[512];

    (void)snprintf(prompt, sizeof(prompt), "New passphrase for '%.400s': ", path);
    HM_TRY(hm_secret_ask(prompt, err, ret_passphrase));
    HM_TRY(hm_secret_ask("Once more: ", err, &again));
    if (!hm_bytes_is_equal(hm_bytes_make(ret_passphrase->data, ret_passphrase->size),
                           hm_bytes_make(again.data, again.size)))
        return hm_fail(err, HM_EUSAGE, "the two passphrases differ; no key was made");
    return HM_OK;
}

static enum hm_rc get_passphrase(const struct key_args *args, struct hm_err *err,
                                 struct hm_secret *ret_passphrase)
{
    if (args->no_passphrase)
        return HM_OK;
    if (args->passphrase_file != NULL)
        HM_TRY(
            hm_secret_read(args->passphrase_file, PASSPHRASE_SIZE_MAX, true, err, ret_passphrase));
    else
        HM_TRY(ask_new(args->file, err, ret_passphrase));
    if (ret_passphrase->size < PASSPHRASE_SIZE_MIN)
        return hm_fail(err, HM_EUSAGE,
                       "a passphrase has at least %d characters; --no-passphrase makes a key that "
                       "only its file mode protects",
                       PASSPHRASE_SIZE_MIN);
    return HM_OK;
}

static enum hm_rc run_new(const struct key_args *args, struct hm_err *err)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_secret_done) struct hm_secret passphrase = HM_SECRET_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(16384);

    HM_TRY(get_passphrase(args, err, &passphrase));
    HM_TRY(hm_signer_generate(args->type == NULL ? "ed25519" : args->type, err, &signer));
    HM_TRY(hm_keyfile_create(args->file, signer, passphrase.size > 0 ? &passphrase : NULL, err));
    if (args->quiet)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(&text, err, "key id %s\n", hm_key_id(hm_signer_key(signer))));
    return hm_cmd_print(hm_buf_bytes(&text), err);
}

static const char new_usage[] =
    "usage: hallmark key new FILE [--type TYPE] [--no-passphrase | --passphrase-file F]\n"
    "                        [--quiet]\n"
    "\n"
    "Makes a key: FILE (private, readable by its owner alone) and FILE.pub. Never overwrites.\n"
    "TYPE is ed25519 (default), ecdsa-p256, ecdsa-p384, rsa-3072 or rsa-4096. The passphrase is\n"
    "asked for on the terminal unless a file of mode 0600 gives it.\n";

static int key_new(int argc, char **argv)
{
    static const struct option options[] = {
        {"type", required_argument, NULL, OPTION_TYPE},
        {"no-passphrase", no_argument, NULL, OPTION_NO_PASSPHRASE},
        {"passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct key_args args = {0};
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, options, "hallmark key new", new_usage, &args);

    if (status >= 0)
        return status;
    if (args.no_passphrase && args.passphrase_file != NULL)
        return hm_cmd_usage("hallmark key new",
                            "--no-passphrase and --passphrase-file exclude each other");
    return run_new(&args, &err) == HM_OK ? 0 : hm_cmd_fail(&err);
}

/* ---- show, public --------------------------------------------------------------------------- */

/* The public half of FILE, whichever half it is. Exactly one of the two is set. */
struct loaded {
    struct hm_key *key;
    struct hm_signer *signer;
};

static void loaded_done(struct loaded *loaded)
{
    hm_key_free(loaded->key);
    hm_signer_free(loaded->signer);
}

static enum hm_rc load(const struct key_args *args, struct hm_err *err, struct loaded *loaded,
                       const struct hm_key **ret_key)
{
    bool is_public;

    HM_TRY(hm_keyfile_is_public(args->file, err, &is_public));
    if (is_public) {
        HM_TRY(hm_keyfile_read_public(args->file, err, &loaded->key));
        *ret_key = loaded->key;
        return HM_OK;
    }
    HM_TRY(hm_keys_load_one(args->file, args->passphrase_file, err, &loaded->signer));
    *ret_key = hm_signer_key(loaded->signer);
    return HM_OK;
}

static enum hm_rc show_json(const struct hm_key *key, bool is_private, struct hm_err *err,
                            struct hm_buf *buf)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/key/1");
    hm_json_writer_key(&writer, "private");
    hm_json_writer_bool(&writer, is_private);
    hm_json_writer_key_str(&writer, "keytype", hm_key_type(key));
    hm_json_writer_key_str(&writer, "scheme", hm_key_scheme(key));
    hm_json_writer_key_str(&writer, "keyid", hm_key_id(key));
    hm_json_writer_key(&writer, "spki_sha256");
    hm_json_writer_hex(&writer, hm_bytes_make(hm_key_material(key)->bytes, HM_SHA256_SIZE));
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc run_show(const struct key_args *args, struct hm_err *err)
{
    _hm_done_(loaded_done) struct loaded loaded = {0};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(16384);
    char hex[HM_SHA256_HEX_SIZE];
    const struct hm_key *key;

    HM_TRY(load(args, err, &loaded, &key));
    if (args->json) {
        HM_TRY(show_json(key, loaded.signer != NULL, err, &text));
        return hm_cmd_print(hm_buf_bytes(&text), err);
    }
    hm_text_hex(hm_bytes_make(hm_key_material(key)->bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_fmt(&text, err,
                             "%s key, %s\n"
                             "    scheme       %s\n"
                             "    key id       %s\n"
                             "    spki sha256  %s\n",
                             loaded.signer != NULL ? "private" : "public", hm_key_type(key),
                             hm_key_scheme(key), hm_key_id(key), hex));
    return hm_cmd_print(hm_buf_bytes(&text), err);
}

static enum hm_rc run_public(const struct key_args *args, struct hm_err *err)
{
    _hm_done_(loaded_done) struct loaded loaded = {0};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    const struct hm_key *key;

    HM_TRY(load(args, err, &loaded, &key));
    HM_TRY(hm_key_write_pem(key, err, &text));
    return hm_cmd_print(hm_buf_bytes(&text), err);
}

static const char show_usage[] =
    "usage: hallmark key show FILE|FILE.pub [--json] [--passphrase-file F]\n"
    "\n"
    "Prints kind, TUF key id and the SHA-256 of the public key.\n";

static const char public_usage[] = "usage: hallmark key public FILE [--passphrase-file F]\n"
                                   "\n"
                                   "Prints the public half (PEM) of a private key.\n";

static int key_show(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct key_args args = {0};
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, options, "hallmark key show", show_usage, &args);

    if (status >= 0)
        return status;
    return run_show(&args, &err) == HM_OK ? 0 : hm_cmd_fail(&err);
}

static int key_public(int argc, char **argv)
{
    static const struct option options[] = {
        {"passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct key_args args = {0};
    struct hm_err err = HM_ERR_INIT;
    int status = parse(argc, argv, options, "hallmark key public", public_usage, &args);

    if (status >= 0)
        return status;
    return run_public(&args, &err) == HM_OK ? 0 : hm_cmd_fail(&err);
}

int hm_cmd_key(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"new", key_new, "make a key"},
        {"show", key_show, "print a key's kind and ids"},
        {"public", key_public, "print the public half of a private key"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark key", commands, argc, argv);
}
