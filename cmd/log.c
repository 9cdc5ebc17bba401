/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark log: asking a site's release log, with answers that others can check. */
#include "customer.h"

#include <ctype.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/log_ask.h"
#include "customer/site_basis.h"
#include "evidence/check.h"
#include "evidence/evidence_make.h"
#include "net/fetch.h"

#define COMMON_HELP                                                                                \
    "  -o FILE        write it here ('-': standard output); default: a name made of PATH\n"        \
    "  --site NAME    ask this trusted site; needed where several are trusted\n"                   \
    "  --url URL      ask the site at this URL, or in this folder, trusted or not\n"               \
    "  --trust FILE   judge the answer by this trust file\n"                                       \
    "  --proxy URL, --cacert FILE, --allow-http   with --url, as in 'hallmark trust add'\n"        \
    "  --json         one JSON object, schema hallmark/log/1\n"                                    \
    "  --quiet        print nothing but failures\n"                                                \
    "  --home DIR     the state folder\n"

static const char help_absent[] =
    "usage: hallmark log absent MAKER/PRODUCT/VERSION [OPTION...]\n"
    "\n"
    "Asks for proof that a version was never published, and writes it as one file for 'hallmark\n"
    "check'. VERSION may be a label as it was printed. Spellings that are near are listed. Exit\n"
    "status: 0 it never was, and the file proves it; 1 it was; 3 cannot tell.\n"
    "\n" COMMON_HELP;
static const char help_prove[] =
    "usage: hallmark log prove MAKER/PRODUCT/VERSION [OPTION...]\n"
    "\n"
    "Asks for proof that a release was published, and writes it as one file for 'hallmark check'.\n"
    "Exit status: 0 it was, and the file proves it; 1 the site has no proof of it; 3 cannot tell.\n"
    "\n" COMMON_HELP;
static const char help_history[] = "usage: hallmark log history MAKER/PRODUCT [OPTION...]\n"
                                   "\n"
                                   "Asks for all versions of a product ever, with their recalls, "
                                   "and writes them with their proof\n"
                                   "as one file for 'hallmark check'.\n"
                                   "\n" COMMON_HELP;
static const char help_contradict[] =
    "usage: hallmark log contradict PUBLISHED ABSENT --trust FILE [-o FILE] [OPTION...]\n"
    "\n"
    "Puts the proof of a release and one that its product has no such release into one file of\n"
    "evidence that the site contradicts itself, if they do. Makes no connection.\n"
    "\n"
    "  -o FILE        write it here; default: a name made of the release\n"
    "  --trust FILE   judge by this trust file; without it, by the trusted site that they name\n"
    "  --site NAME    the trusted site\n"
    "  --json, --quiet, --home DIR\n";

enum {
    OPT_URL = HM_CUSTOMER_OWN_,
    OPT_TRUST,
    OPT_PROXY,
    OPT_CACERT,
    OPT_ALLOW_HTTP,
};

struct command {
    struct hm_customer customer;
    const char *trust_path, *url, *output;
    struct hm_fetch_options fetch_options;
    struct hm_fetch *fetch; /* of --url */
    struct hm_client_source objects;
    struct hm_subscription *subscription; /* of a trusted site */
    struct hm_trust_file *trust;          /* of --trust, or the site's own */
    struct hm_basis *basis;
    struct hm_evidence *evidence;
    struct hm_buf text; /* of it */
    struct hm_report *report;
    struct hm_buf name; /* of the file */
};

static void command_done(struct command *command)
{
    hm_buf_done(&command->name);
    hm_buf_done(&command->text);
    hm_report_free(command->report);
    hm_evidence_free(command->evidence);
    hm_basis_free(command->basis);
    hm_trust_file_free(command->trust);
    hm_subscription_free(command->subscription);
    hm_fetch_free(command->fetch);
    hm_customer_done(&command->customer);
}

/* ---- where to ask ---------------------------------------------------------------------------- */

static enum hm_rc get_url(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_buf)
{
    const struct command *command = ctx;
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(16384);

    HM_TRY(hm_fetch_url_join(command->url, path, err, &url));
    return hm_fetch_get(command->fetch, hm_buf_str(&url), err, ret_buf);
}

static enum hm_rc open_url(struct command *command, struct hm_err *err)
{
    command->fetch_options.accept_gzip = true;
    command->objects = (struct hm_client_source){.get = get_url, .ctx = command};
    return hm_fetch_new(&command->fetch_options, err, &command->fetch);
}

static enum hm_rc open_site(struct command *command, const char *name, bool is_online,
                            struct hm_err *err)
{
    HM_TRY(hm_subscription_open(&command->customer.home, name, command->customer.now_unix_s,
                                is_online, err, &command->subscription));
    if (is_online)
        HM_TRY(hm_customer_check_online(command->subscription, err));
    command->objects = command->subscription->objects;
    return HM_OK;
}

static enum hm_rc open_source(struct command *command, struct hm_err *err)
{
    const char *name = NULL;

    if (command->url != NULL)
        return open_url(command, err);
    HM_TRY(hm_customer_open_home(&command->customer, false, err));
    HM_TRY(hm_customer_name(&command->customer, err, &name));
    return open_site(command, name, true, err);
}

/* ---- what to judge by ------------------------------------------------------------------------ */

static enum hm_rc take_trust(struct command *command, const char *name, struct hm_bytes raw,
                             struct hm_err *err)
{
    enum hm_rc rc = hm_trust_file_parse(raw, err, &command->trust);

    if (rc == HM_OK)
        rc = hm_site_basis_of_trust(command->trust, command->customer.now_unix_s, err,
                                    &command->basis);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", name);
}

/* What the site itself serves is only what the site says. */
static enum hm_rc take_sites_own(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    char fingerprint[72];
    enum hm_rc rc = command->objects.get(command->objects.ctx, "hallmark.trust", err, &raw);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT,
                       "the site serves no trust file ('hallmark.trust'): give one with --trust");
    HM_TRY(rc);
    HM_TRY(take_trust(command, "hallmark.trust", hm_buf_bytes(&raw), err));
    hm_trust_file_format_fingerprint(&command->trust->fingerprint, fingerprint);
    hm_cmd_warn("the answer was judged by the trust file that the site itself serves, fingerprint "
                "%s: compare that with one that came by another way",
                fingerprint);
    return HM_OK;
}

static enum hm_rc open_basis(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);

    if (command->trust_path != NULL) {
        HM_TRY(hm_file_read_path(command->trust_path, err, &raw));
        return take_trust(command, command->trust_path, hm_buf_bytes(&raw), err);
    }
    if (command->subscription != NULL)
        return hm_site_basis_of_site(command->subscription, err, &command->basis);
    return take_sites_own(command, err);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* "acme-nic-2.3.absent.evidence" of "acme/nic/2.3". */
static enum hm_rc make_name(struct command *command, struct hm_err *err)
{
    if (command->output != NULL)
        return hm_buf_append_str(&command->name, command->output, err);
    for (const char *at = command->evidence->path; *at != '\0'; at++) {
        char byte = '_';

        if (*at == '/')
            byte = '-';
        else if (isalnum((unsigned char)*at) || strchr("._+-", *at) != NULL)
            byte = *at;
        HM_TRY(hm_buf_append_byte(&command->name, (uint8_t)byte, err));
    }
    return hm_buf_append_fmt(&command->name, err, ".%s.evidence",
                             hm_evidence_kind_name(command->evidence->kind));
}

/* The step that decided against it. */
static const char *reason_of(const struct hm_report *report)
{
    for (size_t i = report->count; i-- > 0;) {
        if (report->steps[i].mark == HM_REPORT_BAD || report->steps[i].mark == HM_REPORT_UNSURE)
            return report->steps[i].text;
    }
    return "";
}

/* Only what holds is written. */
static enum hm_rc judge_and_write(struct command *command, struct hm_err *err)
{
    HM_TRY(hm_evidence_write(command->evidence, err, &command->text));
    HM_TRY(open_basis(command, err));
    HM_TRY(hm_check_file(hm_buf_bytes(&command->text), command->basis, err, &command->report));
    if (command->report->rc != HM_OK)
        return hm_fail(err, command->report->rc, "'%s': nothing was written: %s",
                       command->evidence->path, reason_of(command->report));
    HM_TRY(make_name(command, err));
    if (strcmp(hm_buf_str(&command->name), "-") == 0)
        return hm_cmd_print(hm_buf_bytes(&command->text), err);
    return hm_file_write_path(hm_buf_str(&command->name), 0644, hm_buf_bytes(&command->text), err);
}

static int print_json(const struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_report *report = command->report;
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/log/1");
    hm_json_writer_key_str(&writer, "kind", report->kind);
    hm_json_writer_key_str(&writer, "site", report->site);
    hm_json_writer_key_str(&writer, "path", command->evidence->path);
    hm_json_writer_key_str(&writer, "verdict", "proved");
    hm_json_writer_key_str(&writer, "claim", report->claim);
    hm_json_writer_key_str(&writer, "file", hm_buf_str(&command->name));
    hm_json_writer_key(&writer, "entries");
    hm_json_writer_u64(&writer, report->size);
    hm_json_writer_key(&writer, "witnessed");
    hm_json_writer_bool(&writer, report->is_witnessed);
    hm_json_writer_key(&writer, "notes");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < report->count; i++) {
        if (report->steps[i].mark == HM_REPORT_NOTE)
            hm_json_writer_str(&writer, report->steps[i].text);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, HM_OK);
}

/* Nothing was written, and why. */
static int fail_json(const char *path, const struct hm_err *why)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/log/1");
    hm_json_writer_key_str(&writer, "path", path);
    hm_json_writer_key_str(&writer, "verdict",
                           hm_error_exit_status(why->rc) == 1 ? "not so" : "cannot tell");
    hm_json_writer_key_str(&writer, "code", hm_error_name(why->rc));
    hm_json_writer_key_str(&writer, "reason", why->text);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, why->rc);
}

static int fail(const struct command *command, const char *path, const struct hm_err *why)
{
    int status = hm_cmd_fail(why);

    if (command->customer.json && (status == 1 || status == 3))
        return fail_json(path, why);
    return status;
}

static enum hm_rc print_words(const struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_report *report = command->report;

    HM_TRY(hm_buf_append_fmt(&out, err, "%s\n", report->claim));
    for (size_t i = 0; i < report->count; i++) {
        if (report->steps[i].mark == HM_REPORT_NOTE)
            HM_TRY(hm_buf_append_fmt(&out, err, "  -  %s\n", report->steps[i].text));
    }
    HM_TRY(hm_buf_append_str(&out, "written: ", err));
    HM_TRY(hm_text_escape(&out, hm_buf_bytes(&command->name), err));
    HM_TRY(hm_buf_append_str(&out, " (for 'hallmark check')\n", err));
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static int tell(const struct command *command)
{
    struct hm_err err = HM_ERR_INIT;

    if (strcmp(hm_buf_str(&command->name), "-") == 0)
        return 0;
    if (command->customer.json)
        return print_json(command);
    if (!command->customer.quiet && print_words(command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return 0;
}

/* ---- the commands ---------------------------------------------------------------------------- */

#define JUDGING_OPTIONS                                                                            \
    {"home", required_argument, NULL, HM_CUSTOMER_HOME},                                           \
        {"site", required_argument, NULL, HM_CUSTOMER_SITE},                                       \
        {"json", no_argument, NULL, HM_CUSTOMER_JSON},                                             \
        {"quiet", no_argument, NULL, HM_CUSTOMER_QUIET},                                           \
        {"help", no_argument, NULL, HM_CUSTOMER_HELP},                                             \
    {                                                                                              \
        "trust", required_argument, NULL, OPT_TRUST                                                \
    }

static const struct option asking_options[] = {JUDGING_OPTIONS,
                                               {"url", required_argument, NULL, OPT_URL},
                                               {"proxy", required_argument, NULL, OPT_PROXY},
                                               {"cacert", required_argument, NULL, OPT_CACERT},
                                               {"allow-http", no_argument, NULL, OPT_ALLOW_HTTP},
                                               {NULL, 0, NULL, 0}};
static const struct option judging_options[] = {JUDGING_OPTIONS, {NULL, 0, NULL, 0}};

static bool take_option(struct command *command, int option)
{
    switch (option) {
    case 'o':
        command->output = optarg;
        return true;
    case OPT_URL:
        command->url = optarg;
        return true;
    case OPT_TRUST:
        command->trust_path = optarg;
        return true;
    case OPT_PROXY:
        command->fetch_options.proxy = optarg;
        return true;
    case OPT_CACERT:
        command->fetch_options.ca_file = optarg;
        return true;
    case OPT_ALLOW_HTTP:
        command->fetch_options.allow_plain_http = true;
        return true;
    default:
        return hm_customer_take_option(&command->customer, option);
    }
}

/* Returns an exit status, or -1 to go on. */
static int parse(struct command *command, const char *group, const char *help,
                 const struct option *options, int argc, char **argv)
{
    int option;

    *command =
        (struct command){.text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX), .name = HM_BUF_INIT(65536)};
    hm_customer_init(&command->customer, group, help);
    optind = 0;
    while ((option = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (!take_option(command, option))
            return hm_customer_bad_option(&command->customer, option, argv);
    }
    if (command->customer.wants_help)
        return hm_customer_print_help(&command->customer);
    if (command->url != NULL && command->customer.site != NULL)
        return hm_cmd_usage(group, "--url and --site each say whom to ask: give one");
    if (command->output != NULL && strcmp(command->output, "-") == 0 && command->customer.json)
        return hm_cmd_usage(group, "the evidence and --json cannot both go to standard output");
    return -1;
}

static int ask(int argc, char **argv, const char *group, const char *help,
               enum hm_evidence_kind kind)
{
    _hm_done_(command_done) struct command command;
    struct hm_err err = HM_ERR_INIT;
    int status = parse(&command, group, help, asking_options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return hm_cmd_usage(group, "say of what, as %s",
                            kind == HM_EVIDENCE_HISTORY ? "MAKER/PRODUCT"
                                                        : "MAKER/PRODUCT/VERSION");
    if (open_source(&command, &err) != HM_OK ||
        hm_log_ask(&command.objects, kind, argv[optind], &err, &command.evidence) != HM_OK ||
        judge_and_write(&command, &err) != HM_OK)
        return fail(&command, argv[optind], &err);
    return tell(&command);
}

static int run_absent(int argc, char **argv)
{
    return ask(argc, argv, "hallmark log absent", help_absent, HM_EVIDENCE_ABSENT);
}

static int run_prove(int argc, char **argv)
{
    return ask(argc, argv, "hallmark log prove", help_prove, HM_EVIDENCE_PUBLISHED);
}

static int run_history(int argc, char **argv)
{
    return ask(argc, argv, "hallmark log history", help_history, HM_EVIDENCE_HISTORY);
}

static enum hm_rc read_evidence(const char *path, struct hm_err *err,
                                struct hm_evidence **ret_evidence)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(path, err, &raw));
    rc = hm_evidence_parse(hm_buf_bytes(&raw), err, ret_evidence);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

static enum hm_rc contradict(struct command *command, char **paths, struct hm_err *err)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *published = NULL;
    _hm_free_(hm_evidence_free) struct hm_evidence *absent = NULL;
    const char *site = command->customer.site;

    HM_TRY(read_evidence(paths[0], err, &published));
    HM_TRY(read_evidence(paths[1], err, &absent));
    HM_TRY(hm_evidence_make_contradiction(published, absent, err, &command->evidence));
    if (command->trust_path == NULL) {
        HM_TRY(hm_customer_open_home(&command->customer, false, err));
        HM_TRY(open_site(command, site != NULL ? site : published->site, false, err));
    }
    return judge_and_write(command, err);
}

static int run_contradict(int argc, char **argv)
{
    const char *group = "hallmark log contradict";
    _hm_done_(command_done) struct command command;
    struct hm_err err = HM_ERR_INIT;
    int status = parse(&command, group, help_contradict, judging_options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return hm_cmd_usage(group, "give the proof of a release, and that of its absence");
    if (contradict(&command, argv + optind, &err) != HM_OK)
        return fail(&command, argv[optind], &err);
    return tell(&command);
}

int hm_cmd_log(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"absent", run_absent, "prove that a version was never published"},
        {"prove", run_prove, "prove that a release was published"},
        {"history", run_history, "all versions of a product ever, with proof"},
        {"contradict", run_contradict, "a release's proof against the proof of its absence"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark log", commands, argc, argv);
}
