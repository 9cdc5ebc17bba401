/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark maker: a maker's side: its identity, its releases, its submissions. */
#include "cmd.h"

#include <getopt.h>

#include "base/file.h"
#include "base/num.h"
#include "base/time.h"
#include "exchange/keyfile.h"
#include "image/inspect.h"
#include "image/measure.h"
#include "keys.h"
#include "libexec.h"
#include "maker/collect.h"
#include "maker/overview.h"
#include "maker/package.h"
#include "maker/release.h"
#include "maker/rotation.h"
#include "maker/withdrawal.h"

#define SITES_MAX       32
#define REPORT_SIZE_MAX ((size_t)1 << 28)

enum {
    OPTION_DIR = 256,
    OPTION_ID,
    OPTION_NAME,
    OPTION_PUBLIC,
    OPTION_THRESHOLD,
    OPTION_KEY,
    OPTION_PASSPHRASE_FILE,
    OPTION_FOR,
    OPTION_TITLE,
    OPTION_LABEL,
    OPTION_DATE,
    OPTION_DEVICE,
    OPTION_CUSTOM,
    OPTION_EXPIRES,
    OPTION_REPLACE,
    OPTION_IMAGES,
    OPTION_IDENTITY_ONLY,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_REASON,
    OPTION_REMEDY,
    OPTION_URL,
    OPTION_EXTERNAL,
};

/* All that any of the subcommands takes. */
struct maker {
    const char *command; /* "hallmark maker init" */
    const char *dir, *out, *id, *name, *expires, *custom_file, *images;
    char *site_list; /* owned: --for, cut at the commas */
    const char *sites[SITES_MAX];
    size_t site_count;
    struct hm_key *public_keys[HM_KEYS_COUNT_MAX]; /* owned */
    size_t public_count;
    struct hm_keys keys;
    struct hm_release_words words;
    struct hm_withdrawal withdrawal;
    const char *devices[HM_RELEASE_DEVICE_COUNT_MAX];
    uint32_t threshold;
    bool replace, identity_only, json, quiet, external;
    char **operands;
    size_t operand_count;
    struct hm_folder *folder;
    struct hm_buf report;
    int64_t now_unix_s;
};

static void maker_done(struct maker *maker)
{
    for (size_t i = 0; i < maker->public_count; i++)
        hm_key_free(maker->public_keys[i]);
    hm_keys_done(&maker->keys);
    hm_folder_free(maker->folder);
    hm_buf_done(&maker->report);
    free(maker->site_list);
}

/* ---- options -------------------------------------------------------------------------------- */

#define COMMON_OPTIONS                                                                             \
    {"dir", required_argument, NULL, OPTION_DIR}, {"output", required_argument, NULL, 'o'},        \
        {"quiet", no_argument, NULL, OPTION_QUIET},                                                \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }
#define KEY_OPTIONS                                                                                \
    {"key", required_argument, NULL, OPTION_KEY},                                                  \
        {"external", no_argument, NULL, OPTION_EXTERNAL},                                          \
    {                                                                                              \
        "passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE                         \
    }

static enum hm_rc set_sites(struct maker *maker, const char *list, struct hm_err *err)
{
    if (maker->site_list != NULL)
        return hm_fail(err, HM_EUSAGE, "--for is given twice; several sites are --for A,B");
    maker->site_list = strdup(list);
    if (maker->site_list == NULL)
        return hm_error_nomem(err);
    for (char *at = maker->site_list; at != NULL;) {
        char *comma = strchr(at, ',');

        if (comma != NULL)
            *comma++ = '\0';
        if (hm_layout_check_id(hm_bytes_str(at), err) != HM_OK)
            return hm_fail(err, HM_EUSAGE, "--for: '%s' is no site's name", at);
        for (size_t i = 0; i < maker->site_count; i++) {
            if (strcmp(maker->sites[i], at) == 0)
                return hm_fail(err, HM_EUSAGE, "--for names site '%s' twice", at);
        }
        if (maker->site_count == SITES_MAX)
            return hm_fail(err, HM_EUSAGE, "--for names more than %d sites", SITES_MAX);
        maker->sites[maker->site_count++] = at;
        at = comma;
    }
    return HM_OK;
}

static enum hm_rc add_public(struct maker *maker, const char *path, struct hm_err *err)
{
    if (maker->public_count == HM_KEYS_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d keys", HM_KEYS_COUNT_MAX);
    HM_TRY(hm_keyfile_read_public(path, err, &maker->public_keys[maker->public_count]));
    maker->public_count++;
    return HM_OK;
}

static enum hm_rc set_threshold(struct maker *maker, const char *text, struct hm_err *err)
{
    uint64_t value;

    if (hm_num_parse_u64(text, strlen(text), &value) != HM_OK || value < 1 ||
        value > HM_KEYRING_THRESHOLD_MAX)
        return hm_fail(err, HM_EUSAGE, "--threshold is a number from 1 on, not '%s'", text);
    maker->threshold = (uint32_t)value;
    return HM_OK;
}

static enum hm_rc add_device(struct maker *maker, const char *device, struct hm_err *err)
{
    if (maker->words.device_count == HM_RELEASE_DEVICE_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d devices", HM_RELEASE_DEVICE_COUNT_MAX);
    maker->devices[maker->words.device_count++] = device;
    maker->words.devices = maker->devices;
    return HM_OK;
}

static void set_flag(struct maker *maker, int option)
{
    if (option == OPTION_REPLACE)
        maker->replace = true;
    else if (option == OPTION_IDENTITY_ONLY)
        maker->identity_only = true;
    else if (option == OPTION_EXTERNAL)
        maker->external = true;
    else if (option == OPTION_JSON)
        maker->json = true;
    else if (option == OPTION_QUIET)
        maker->quiet = true;
}

static enum hm_rc set_option(struct maker *maker, int option, const char *value, struct hm_err *err)
{
    switch (option) {
    case 'o':
        maker->out = value;
        return HM_OK;
    case OPTION_DIR:
        maker->dir = value;
        return HM_OK;
    case OPTION_ID:
        maker->id = value;
        return HM_OK;
    case OPTION_NAME:
        maker->name = value;
        return HM_OK;
    case OPTION_PUBLIC:
        return add_public(maker, value, err);
    case OPTION_THRESHOLD:
        return set_threshold(maker, value, err);
    case OPTION_KEY:
        return hm_keys_add(&maker->keys, value, err);
    case OPTION_PASSPHRASE_FILE:
        maker->keys.passphrase_file = value;
        return HM_OK;
    case OPTION_FOR:
        return set_sites(maker, value, err);
    case OPTION_TITLE:
        maker->words.title = value;
        return HM_OK;
    case OPTION_LABEL:
        maker->words.label = value;
        return HM_OK;
    case OPTION_DATE:
        maker->words.date = value;
        return HM_OK;
    case OPTION_DEVICE:
        return add_device(maker, value, err);
    case OPTION_REASON:
        maker->withdrawal.reason = value;
        return HM_OK;
    case OPTION_REMEDY:
        maker->withdrawal.remedy = value;
        return HM_OK;
    case OPTION_URL:
        maker->withdrawal.url = value;
        return HM_OK;
    case OPTION_CUSTOM:
        maker->custom_file = value;
        return HM_OK;
    case OPTION_EXPIRES:
        maker->expires = value;
        return HM_OK;
    case OPTION_IMAGES:
        maker->images = value;
        return HM_OK;
    default:
        set_flag(maker, option);
        return HM_OK;
    }
}

/* Fills maker; returns an exit status, or -1 to go on. */
HM_NOINLINE static int parse(struct maker *maker, int argc, char **argv,
                             const struct option *options, const char *command, const char *usage)
{
    struct hm_err err = HM_ERR_INIT;
    int option;

    memset(maker, 0, sizeof(*maker));
    maker->command = command;
    maker->report = (struct hm_buf)HM_BUF_INIT(REPORT_SIZE_MAX);
    maker->now_unix_s = hm_time_now_unix_s();
    maker->dir = getenv("HALLMARK_DIR");
    if (maker->dir == NULL || maker->dir[0] == '\0')
        maker->dir = ".";
    optind = 0;
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        }
        if (option == '?') {
            (void)fprintf(stderr, "Try '%s --help'.\n", command);
            return 2;
        }
        if (set_option(maker, option, optarg, &err) != HM_OK)
            return hm_cmd_fail(&err);
    }
    maker->operands = argv + optind;
    maker->operand_count = (size_t)(argc - optind);
    return -1;
}

static struct hm_collect collect_of(struct maker *maker)
{
    return (struct hm_collect){.folder = maker->folder,
                               .signers = (const struct hm_signer *const *)maker->keys.signers,
                               .signer_count = maker->keys.count,
                               .out = maker->out,
                               .external = maker->external,
                               .now_unix_s = maker->now_unix_s,
                               .report = &maker->report};
}

/* Prints what was done also where a later step failed: it was done. */
HM_NOINLINE static int end(struct maker *maker, enum hm_rc rc, struct hm_err *err)
{
    struct hm_err print_err = HM_ERR_INIT;
    int status = 0;

    if (!maker->quiet && hm_cmd_print(hm_buf_bytes(&maker->report), &print_err) != HM_OK &&
        rc == HM_OK)
        status = hm_cmd_fail(&print_err);
    if (rc != HM_OK)
        status = hm_cmd_fail(err);
    maker_done(maker);
    return status;
}

static int usage_error(struct maker *maker, const char *what)
{
    int status = hm_cmd_usage(maker->command, "%s", what);

    maker_done(maker);
    return status;
}

/* ---- init, rotate --------------------------------------------------------------------------- */

/* A wrong --key is found out before anything is made. */
static enum hm_rc check_keys(const struct maker *maker, struct hm_err *err)
{
    for (size_t i = 0; i < maker->keys.count; i++) {
        const struct hm_key *key = hm_signer_key(maker->keys.signers[i]);
        bool listed = false;

        for (size_t k = 0; k < maker->public_count && !listed; k++)
            listed =
                hm_digest_is_equal(hm_key_material(maker->public_keys[k]), hm_key_material(key));
        if (!listed)
            return hm_fail(err, HM_EREFUSED, "'%s': its public half is not among --public",
                           maker->keys.paths[i]);
    }
    return HM_OK;
}

static enum hm_rc draft_identity(struct maker *maker, uint32_t threshold, struct hm_err *err)
{
    struct hm_collect collect = collect_of(maker);

    HM_TRY(hm_rotation_draft(maker->folder, (const struct hm_key *const *)maker->public_keys,
                             maker->public_count, threshold, err));
    return hm_collect_identity(&collect, err);
}

HM_NOINLINE static enum hm_rc run_init(struct maker *maker, struct hm_err *err)
{
    uint32_t threshold =
        maker->threshold != 0 ? maker->threshold : hm_rotation_threshold(maker->public_count);

    if (threshold > maker->public_count)
        return hm_fail(err, HM_EUSAGE, "a threshold of %u cannot be met by %zu keys", threshold,
                       maker->public_count);
    HM_TRY(hm_keys_load(&maker->keys, err));
    HM_TRY(check_keys(maker, err));
    HM_TRY(hm_folder_create(maker->dir, maker->id, maker->name, err, &maker->folder));
    return draft_identity(maker, threshold, err);
}

static const char init_usage[] =
    "usage: hallmark maker init [--dir DIR] --id ID --name TEXT --public K.pub...\n"
    "                           [--threshold N] [--key K]... [--passphrase-file F]\n"
    "                           [--external] [-o REQUEST] [--quiet]\n"
    "\n"
    "Makes a maker's folder and its first identity: whose keys sign, and how many must (more than\n"
    "half, unless --threshold says). With enough --key it is complete at once; else a request is\n"
    "written for 'hallmark sign', or with --external a folder for a signing service. Private keys\n"
    "are never kept in the folder.\n";

static int maker_init(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        KEY_OPTIONS,
        {"id", required_argument, NULL, OPTION_ID},
        {"name", required_argument, NULL, OPTION_NAME},
        {"public", required_argument, NULL, OPTION_PUBLIC},
        {"threshold", required_argument, NULL, OPTION_THRESHOLD},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker init", init_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    if (maker.operand_count > 0)
        return usage_error(&maker, "no operands are expected");
    if (maker.id == NULL || maker.name == NULL || maker.public_count == 0)
        return usage_error(&maker, "--id, --name and --public are needed");
    return end(&maker, run_init(&maker, &err), &err);
}

HM_NOINLINE static enum hm_rc run_rotate(struct maker *maker, struct hm_err *err)
{
    uint32_t threshold = maker->threshold;

    HM_TRY(hm_keys_load(&maker->keys, err));
    HM_TRY(hm_folder_open(maker->dir, HM_FOLDER_CHANGE, err, &maker->folder));
    if (threshold == 0 && maker->folder->identity != NULL)
        threshold = maker->folder->identity->keys.threshold;
    if (threshold == 0)
        threshold = hm_rotation_threshold(maker->public_count);
    if (threshold > maker->public_count)
        return hm_fail(err, HM_EUSAGE,
                       "a threshold of %u cannot be met by %zu keys; --threshold sets another",
                       threshold, maker->public_count);
    return draft_identity(maker, threshold, err);
}

static const char rotate_usage[] =
    "usage: hallmark maker rotate [--dir DIR] --public K.pub... [--threshold N] [--key K]...\n"
    "                             [--passphrase-file F] [--external] [-o REQUEST] [--quiet]\n"
    "\n"
    "Drafts the next identity with exactly these keys. It needs the signatures of the old and of\n"
    "the new ones. The threshold stays as it was unless --threshold says.\n";

static int maker_rotate(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        KEY_OPTIONS,
        {"public", required_argument, NULL, OPTION_PUBLIC},
        {"threshold", required_argument, NULL, OPTION_THRESHOLD},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker rotate", rotate_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    if (maker.operand_count > 0)
        return usage_error(&maker, "no operands are expected");
    if (maker.public_count == 0)
        return usage_error(&maker, "--public is needed: all keys of the new identity");
    return end(&maker, run_rotate(&maker, &err), &err);
}

/* ---- release -------------------------------------------------------------------------------- */

static enum hm_rc expiry(const struct maker *maker, struct hm_err *err, int64_t *ret_unix_s)
{
    int64_t seconds = HM_RELEASE_DEFAULT_EXPIRY_S;

    if (maker->expires != NULL)
        HM_TRY(hm_time_parse_duration(maker->expires, err, &seconds));
    if (seconds <= 0 || seconds > 100 * (int64_t)365 * HM_TIME_DAY_S)
        return hm_fail(err, HM_EUSAGE, "--expires is a time from now, at most 100 years");
    *ret_unix_s = maker->now_unix_s + seconds;
    return HM_OK;
}

static enum hm_rc release_for(struct maker *maker, const char *site,
                              const struct hm_release_order *order, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf stem = HM_BUF_INIT(1024);
    struct hm_collect collect = collect_of(maker);
    enum hm_release_outcome outcome;

    HM_TRY(hm_release_draft(maker->folder, site, order, err, &outcome));
    if (outcome == HM_RELEASE_SAME)
        return hm_buf_append_fmt(&maker->report, err,
                                 "site %s: %s was signed before with the same files: nothing "
                                 "changed\n",
                                 site, order->images->release);
    if (maker->site_count > 1)
        HM_TRY(hm_buf_append_fmt(&stem, err, "%s-", site));
    HM_TRY(hm_buf_append_fmt(&stem, err, "%s-%s", maker->operands[0], maker->operands[1]));
    return hm_collect_release(&collect, site, hm_buf_str(&stem), err);
}

/* What measured boot will say of the files. A file that cannot be looked into stops nobody. */
static enum hm_rc measure(const struct maker *maker, struct hm_err *err, struct hm_buf *ret_array)
{
    _hm_done_(hm_buf_done) struct hm_buf program = HM_BUF_INIT(8192);
    _hm_done_(hm_buf_done) struct hm_buf notes = HM_BUF_INIT(REPORT_SIZE_MAX);

    HM_TRY(hm_libexec_find(HM_INSPECT_PROGRAM, err, &program));
    HM_TRY(hm_measure_files(hm_buf_str(&program), (const char *const *)maker->operands + 2,
                            maker->operand_count - 2, err, ret_array, &notes));
    (void)fputs(hm_buf_str(&notes), stderr); /* escaped by whoever wrote it */
    return HM_OK;
}

HM_NOINLINE static enum hm_rc run_release(struct maker *maker, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(4 * HM_LAYOUT_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(HM_LAYOUT_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf measurements = HM_BUF_INIT(HM_LAYOUT_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(1024);
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    struct hm_release_order order = {.replace = maker->replace};

    HM_TRY(expiry(maker, err, &order.expires_unix_s));
    if (maker->custom_file != NULL) {
        HM_TRY(hm_file_read_path(maker->custom_file, err, &file));
        maker->words.custom = hm_buf_bytes(&file);
    }
    HM_TRY(hm_keys_load(&maker->keys, err));
    HM_TRY(hm_folder_open(maker->dir, HM_FOLDER_CHANGE, err, &maker->folder));
    HM_TRY(hm_folder_need_identity(maker->folder, err));
    HM_TRY(hm_release_name(maker->folder, maker->operands[0], maker->operands[1], err, &name));
    HM_TRY(hm_images_hash(hm_buf_str(&name), (const char *const *)maker->operands + 2,
                          maker->operand_count - 2, NULL, NULL, err, &images));
    HM_TRY(measure(maker, err, &measurements));
    maker->words.measurements = hm_buf_bytes(&measurements);
    HM_TRY(hm_release_custom(&maker->words, err, &custom));
    order.images = images;
    order.custom = hm_buf_bytes(&custom);
    for (size_t i = 0; i < maker->site_count; i++)
        HM_TRY(release_for(maker, maker->sites[i], &order, err));
    return HM_OK;
}

static const char release_usage[] =
    "usage: hallmark maker release [--dir DIR] --for SITE[,SITE...] PRODUCT VERSION FILE...\n"
    "                              [--title T] [--label L] [--date YYYY-MM-DD] [--device D]...\n"
    "                              [--custom FILE.json] [--expires 3y] [--replace] [--key K]...\n"
    "                              [--passphrase-file F] [--external] [-o OUT] [--quiet]\n"
    "\n"
    "Adds a release to what you sign for SITE. With enough --key it writes the submission,\n"
    "PRODUCT-VERSION.submission; with fewer, PRODUCT-VERSION.request for 'hallmark sign', or with\n"
    "--external the folder PRODUCT-VERSION.tosign: the bytes, their digests, and which keys sign\n"
    "them, for a signing service. Several sites get one each, with the site's name in front. A "
    "version that was ever signed is\n"
    "never used again for other bytes. --replace drops a draft that waits for signatures.\n";

static int maker_release(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        KEY_OPTIONS,
        {"for", required_argument, NULL, OPTION_FOR},
        {"title", required_argument, NULL, OPTION_TITLE},
        {"label", required_argument, NULL, OPTION_LABEL},
        {"date", required_argument, NULL, OPTION_DATE},
        {"device", required_argument, NULL, OPTION_DEVICE},
        {"custom", required_argument, NULL, OPTION_CUSTOM},
        {"expires", required_argument, NULL, OPTION_EXPIRES},
        {"replace", no_argument, NULL, OPTION_REPLACE},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker release", release_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    if (maker.operand_count < 3)
        return usage_error(&maker, "PRODUCT, VERSION and at least one FILE are expected");
    if (maker.site_count == 0)
        return usage_error(&maker, "--for SITE is needed");
    if (maker.site_count > 1 && maker.out != NULL)
        return usage_error(&maker, "with several sites each gets a file of its own: leave out -o");
    return end(&maker, run_release(&maker, &err), &err);
}

/* ---- recall --------------------------------------------------------------------------------- */

HM_NOINLINE static enum hm_rc run_recall(struct maker *maker, struct hm_err *err)
{
    struct hm_collect collect;

    if (maker->operand_count > 0) {
        maker->withdrawal.name = maker->operands[0];
        maker->withdrawal.what = (const char *const *)maker->operands + 1;
        maker->withdrawal.what_count = maker->operand_count - 1;
    }
    maker->withdrawal.title = maker->words.title;
    maker->withdrawal.now_unix_s = maker->now_unix_s;
    HM_TRY(hm_keys_load(&maker->keys, err));
    HM_TRY(hm_folder_open(maker->dir, HM_FOLDER_CHANGE, err, &maker->folder));
    HM_TRY(hm_withdrawal_draft(maker->folder, maker->sites[0], &maker->withdrawal, err,
                               &maker->report));
    collect = collect_of(maker);
    return hm_collect_recall(&collect, maker->sites[0], err);
}

static const char recall_usage[] =
    "usage: hallmark maker recall [--dir DIR] --for SITE NAME PRODUCT/VERSION[/FILE]...\n"
    "                             --reason TEXT --remedy TEXT [--title T] [--url URL]\n"
    "                             [--key K] [--passphrase-file F] [--external] [-o OUT] [--quiet]\n"
    "       hallmark maker recall [--dir DIR] --for SITE [--key K] [--external] [-o OUT] "
    "[--quiet]\n"
    "\n"
    "Takes back files that you signed for SITE; parts of their names may be patterns. One of your\n"
    "keys is enough: with --key it writes the notice, ID-SITE-recall.notice, for 'hallmark site\n"
    "recall --notice'; without, ID-SITE-recall.request for 'hallmark sign'. A recall is neither\n"
    "changed nor dropped later. --reason and --remedy are what customers are told, a line each;\n"
    "--title and --url (of yours) stand in the advisory (CSAF). Without NAME all that was "
    "recalled\n"
    "is signed anew: before it ends, and where the key that signed it leaves your identity.\n";

static int maker_recall(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        KEY_OPTIONS,
        {"for", required_argument, NULL, OPTION_FOR},
        {"reason", required_argument, NULL, OPTION_REASON},
        {"remedy", required_argument, NULL, OPTION_REMEDY},
        {"title", required_argument, NULL, OPTION_TITLE},
        {"url", required_argument, NULL, OPTION_URL},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker recall", recall_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    if (maker.operand_count == 1)
        return usage_error(&maker, "say its name, and what is taken back");
    if (maker.site_count != 1)
        return usage_error(&maker, "--for must name one site");
    if (maker.operand_count == 0 &&
        (maker.withdrawal.reason != NULL || maker.withdrawal.remedy != NULL ||
         maker.withdrawal.url != NULL || maker.words.title != NULL))
        return usage_error(&maker, "say its name, and what is taken back");
    if (maker.operand_count > 0 &&
        (maker.withdrawal.reason == NULL || maker.withdrawal.remedy == NULL))
        return usage_error(&maker, "say why with --reason, and what to do with --remedy");
    return end(&maker, run_recall(&maker, &err), &err);
}

/* ---- attach, submission, show --------------------------------------------------------------- */

HM_NOINLINE static enum hm_rc run_attach(struct maker *maker, struct hm_err *err)
{
    struct hm_collect collect;

    HM_TRY(hm_folder_open(maker->dir, HM_FOLDER_CHANGE, err, &maker->folder));
    collect = collect_of(maker);
    return hm_collect_attach(&collect, (const char *const *)maker->operands, maker->operand_count,
                             err);
}

static const char attach_usage[] =
    "usage: hallmark maker attach [--dir DIR] [SIG...] [-o OUT.submission] [--quiet]\n"
    "\n"
    "Adds signatures that 'hallmark sign' made to the drafts they are for, and bare ones as "
    "signing\n"
    "services give them, one a file: raw bytes, base64 or hexadecimal; ECDSA in DER or as r and "
    "s.\n"
    "Which key signed what is found by trial. A draft that has its threshold becomes final: an "
    "identity joins the chain, a release gets its submission written.\n"
    "Without SIG, it finishes what an interrupted run left.\n";

static int maker_attach(int argc, char **argv)
{
    static const struct option options[] = {COMMON_OPTIONS, {NULL, 0, NULL, 0}};
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker attach", attach_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    return end(&maker, run_attach(&maker, &err), &err);
}

/* The newest state, as it was signed. */
static enum hm_rc submit(struct maker *maker, struct hm_err *err)
{
    _hm_done_(hm_folder_content_done) struct hm_folder_content content = HM_FOLDER_CONTENT_INIT;
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(8192);
    const char *site = maker->sites[0];

    HM_TRY(hm_folder_load_content(maker->folder, site, err, &content));
    if (maker->images != NULL && content.all != NULL)
        HM_TRY(hm_images_find(content.all, maker->images, err, &images));
    if (maker->out != NULL)
        HM_TRY(hm_buf_append_str(&name, maker->out, err));
    else
        HM_TRY(hm_buf_append_fmt(&name, err, "%s-%s.submission", maker->folder->maker, site));
    HM_TRY(hm_release_submit(maker->folder, site, maker->identity_only, images, hm_buf_str(&name),
                             err));
    return hm_buf_append_fmt(&maker->report, err, "site %s: wrote %s with %zu images\n", site,
                             hm_buf_str(&name), images == NULL ? (size_t)0 : images->count);
}

HM_NOINLINE static enum hm_rc run_submission(struct maker *maker, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf stem = HM_BUF_INIT(1024);
    struct hm_release_order order = {.replace = maker->replace};
    enum hm_release_outcome outcome;
    struct hm_collect collect;

    HM_TRY(hm_keys_load(&maker->keys, err));
    HM_TRY(hm_folder_open(maker->dir, HM_FOLDER_CHANGE, err, &maker->folder));
    if (maker->keys.count == 0 && maker->expires == NULL && !maker->external)
        return submit(maker, err);
    /* Keys or a new expiry: the same files are signed anew, under the newest identity. */
    HM_TRY(expiry(maker, err, &order.expires_unix_s));
    HM_TRY(hm_release_draft(maker->folder, maker->sites[0], &order, err, &outcome));
    HM_TRY(hm_buf_append_fmt(&stem, err, "%s-%s", maker->folder->maker, maker->sites[0]));
    collect = collect_of(maker);
    return hm_collect_release(&collect, maker->sites[0], hm_buf_str(&stem), err);
}

static const char submission_usage[] =
    "usage: hallmark maker submission [--dir DIR] --for SITE [--images DIR] [-o OUT] [--quiet]\n"
    "       hallmark maker submission [--dir DIR] --for SITE --identity-only [-o OUT] [--quiet]\n"
    "       hallmark maker submission [--dir DIR] --for SITE [--key K]... [--expires 3y]\n"
    "                                 [--passphrase-file F] [--external] [-o OUT] [--quiet]\n"
    "\n"
    "Writes a submission of what was signed last for SITE: with the images found below DIR, or\n"
    "with the identity alone (for enrolment and rotation). With --key, --expires or --external "
    "the\n"
    "same releases are first signed anew, under the newest identity and with a new expiry.\n";

static int maker_submission(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        KEY_OPTIONS,
        {"for", required_argument, NULL, OPTION_FOR},
        {"images", required_argument, NULL, OPTION_IMAGES},
        {"identity-only", no_argument, NULL, OPTION_IDENTITY_ONLY},
        {"expires", required_argument, NULL, OPTION_EXPIRES},
        {"replace", no_argument, NULL, OPTION_REPLACE},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker submission", submission_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    if (maker.operand_count > 0)
        return usage_error(&maker, "no operands are expected");
    if (maker.site_count != 1)
        return usage_error(&maker, "--for must name one site");
    if (maker.identity_only && (maker.images != NULL || maker.keys.path_count > 0 ||
                                maker.expires != NULL || maker.external))
        return usage_error(&maker, "--identity-only goes with no images, keys or expiry");
    if (maker.images != NULL &&
        (maker.keys.path_count > 0 || maker.expires != NULL || maker.external))
        return usage_error(&maker, "--images goes with no keys or expiry: sign anew first");
    return end(&maker, run_submission(&maker, &err), &err);
}

HM_NOINLINE static enum hm_rc run_show(struct maker *maker, struct hm_err *err)
{
    HM_TRY(hm_folder_open(maker->dir, HM_FOLDER_READ, err, &maker->folder));
    if (maker->json)
        return hm_overview_json(maker->folder, err, &maker->report);
    return hm_overview_text(maker->folder, err, &maker->report);
}

static const char show_usage[] = "usage: hallmark maker show [--dir DIR] [--json]\n"
                                 "\n"
                                 "Prints who the maker is, its fingerprint, and its releases.\n";

static int maker_show(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        {"json", no_argument, NULL, OPTION_JSON},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct maker maker;
    int status = parse(&maker, argc, argv, options, "hallmark maker show", show_usage);

    if (status >= 0) {
        maker_done(&maker);
        return status;
    }
    if (maker.operand_count > 0)
        return usage_error(&maker, "no operands are expected");
    return end(&maker, run_show(&maker, &err), &err);
}

int hm_cmd_maker(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"init", maker_init, "make a maker's folder and its first identity"},
        {"release", maker_release, "sign files as a release for a site"},
        {"attach", maker_attach, "add signatures made elsewhere"},
        {"recall", maker_recall, "take back files signed for a site"},
        {"rotate", maker_rotate, "change the identity's keys"},
        {"submission", maker_submission, "write what was signed for a site again"},
        {"show", maker_show, "print identity and releases"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark maker", commands, argc, argv);
}
