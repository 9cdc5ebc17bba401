/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark check: does this evidence hold, by what I trust? */
#include "customer.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/site_basis.h"
#include "evidence/check.h"

static const char help[] =
    "usage: hallmark check FILE [OPTION...]\n"
    "\n"
    "Checks evidence about a site's release log, of any kind, without a connection, and prints "
    "each\n"
    "step. It is judged by a trust file, or by what is held of a trusted site; never by what the\n"
    "evidence says itself. Exit status: 0 it holds; 1 it does not; 3 cannot tell. FILE '-' is\n"
    "standard input.\n"
    "\n"
    "  --trust FILE   the site's trust file; without it, the site must be trusted here\n"
    "  --site NAME    the trusted site; without it, the one that FILE names\n"
    "  --json         one JSON object, schema hallmark/check/1\n"
    "  --quiet        print nothing but failures\n"
    "  --home DIR     the state folder\n";

enum { OPT_TRUST = HM_CUSTOMER_OWN_ };

struct command {
    struct hm_customer customer;
    const char *path;
    const char *trust_path;
    struct hm_buf raw;
    struct hm_trust_file *trust;
    struct hm_subscription *subscription;
    struct hm_basis *basis;
    struct hm_report *report;
};

static void command_done(struct command *command)
{
    hm_report_free(command->report);
    hm_basis_free(command->basis);
    hm_subscription_free(command->subscription);
    hm_trust_file_free(command->trust);
    hm_buf_done(&command->raw);
    hm_customer_done(&command->customer);
}

/* ---- what it is judged by -------------------------------------------------------------------- */

static enum hm_rc read_trust(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    enum hm_rc rc = hm_file_read_path(command->trust_path, err, &raw);

    HM_TRY(rc);
    rc = hm_trust_file_parse(hm_buf_bytes(&raw), err, &command->trust);
    if (rc == HM_OK)
        rc = hm_site_basis_of_trust(command->trust, command->customer.now_unix_s, err,
                                    &command->basis);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", command->trust_path);
}

/* The site that the file names must be trusted here. */
static enum hm_rc open_site(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf named = HM_BUF_INIT(HM_ENTRY_SITE_SIZE_MAX + 1);
    const char *site = command->customer.site;
    enum hm_rc rc;

    if (site == NULL) {
        HM_TRY(hm_check_site_of(hm_buf_bytes(&command->raw), err, &named));
        site = hm_buf_str(&named);
    }
    if (site[0] == '\0')
        return hm_fail(err, HM_EFORMAT,
                       "'%s' is not evidence of a kind that is known here, or is damaged",
                       command->path);
    rc = hm_customer_open_home(&command->customer, false, err);
    if (rc == HM_OK)
        rc = hm_subscription_open(&command->customer.home, site, command->customer.now_unix_s,
                                  false, err, &command->subscription);
    if (rc == HM_EINPUT)
        return hm_fail(err, HM_EINPUT,
                       "'%s' is of site '%s', which is not trusted here: give its trust file with "
                       "--trust",
                       command->path, site);
    HM_TRY(rc);
    return hm_site_basis_of_site(command->subscription, err, &command->basis);
}

/* ---- the report ------------------------------------------------------------------------------ */

static const char *verdict_text(const struct hm_report *report)
{
    if (report->rc == HM_OK)
        return "holds";
    return hm_error_exit_status(report->rc) == 1 ? "does not hold" : "cannot tell";
}

/* The step that decided. */
static const char *reason_of(const struct hm_report *report)
{
    for (size_t i = report->count; i-- > 0;) {
        if (report->steps[i].mark == HM_REPORT_BAD)
            return report->steps[i].text;
    }
    for (size_t i = report->count; i-- > 0;) {
        if (report->steps[i].mark == HM_REPORT_UNSURE)
            return report->steps[i].text;
    }
    return "";
}

static enum hm_rc print_report(const struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_report *report = command->report;

    HM_TRY(hm_text_escape(&out, hm_bytes_str(command->path), err));
    HM_TRY(hm_buf_append_fmt(&out, err, ": %s\n", report->kind == NULL ? "?" : report->kind));
    if (report->claim != NULL)
        HM_TRY(hm_buf_append_fmt(&out, err, "claim: %s\n", report->claim));
    for (size_t i = 0; i < report->count; i++)
        HM_TRY(hm_buf_append_fmt(&out, err, "  %-2s  %s\n",
                                 hm_report_mark_text(report->steps[i].mark),
                                 report->steps[i].text));
    HM_TRY(hm_buf_append_fmt(&out, err, "%s\n", hm_report_text(report)));
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static void write_log(struct hm_json_writer *writer, const struct hm_report *report)
{
    hm_json_writer_key(writer, "log");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "origin", report->origin);
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, report->size);
    hm_json_writer_key(writer, "witnessed");
    hm_json_writer_bool(writer, report->is_witnessed);
    hm_json_writer_key(writer, "cosigned");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < report->witness_count; i++) {
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "name", report->witnesses[i].name);
        hm_json_writer_key(writer, "time");
        hm_json_writer_time(writer, (int64_t)report->witnesses[i].time_s);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
}

static int print_json(const struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_report *report = command->report;
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/check/1");
    hm_json_writer_key_str(&writer, "file", command->path);
    hm_json_writer_key_str(&writer, "verdict", verdict_text(report));
    if (report->rc != HM_OK) {
        hm_json_writer_key_str(&writer, "code", hm_error_name(report->rc));
        hm_json_writer_key_str(&writer, "reason", reason_of(report));
    }
    if (report->claim != NULL) {
        hm_json_writer_key_str(&writer, "kind", report->kind);
        hm_json_writer_key_str(&writer, "site", report->site);
        hm_json_writer_key_str(&writer, "claim", report->claim);
    }
    if (report->origin != NULL)
        write_log(&writer, report);
    hm_json_writer_key(&writer, "steps");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < report->count; i++) {
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "mark", hm_report_mark_text(report->steps[i].mark));
        hm_json_writer_key_str(&writer, "text", report->steps[i].text);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, report->rc);
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum hm_rc run(struct command *command, struct hm_err *err)
{
    HM_TRY(hm_file_read_path(command->path, err, &command->raw));
    if (command->trust_path != NULL)
        HM_TRY(read_trust(command, err));
    else
        HM_TRY(open_site(command, err));
    return hm_check_file(hm_buf_bytes(&command->raw), command->basis, err, &command->report);
}

static int tell(const struct command *command)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = command->report->rc;

    if (rc != HM_OK) {
        (void)hm_fail(&err, rc, "'%s': %s: %s", command->path, verdict_text(command->report),
                      reason_of(command->report));
        (void)hm_cmd_fail(&err);
    }
    if (command->customer.json)
        return print_json(command);
    if (!command->customer.quiet && print_report(command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(rc);
}

int hm_cmd_check(int argc, char **argv)
{
    static const struct option options[] = {{"home", required_argument, NULL, HM_CUSTOMER_HOME},
                                            {"site", required_argument, NULL, HM_CUSTOMER_SITE},
                                            {"json", no_argument, NULL, HM_CUSTOMER_JSON},
                                            {"quiet", no_argument, NULL, HM_CUSTOMER_QUIET},
                                            {"help", no_argument, NULL, HM_CUSTOMER_HELP},
                                            {"trust", required_argument, NULL, OPT_TRUST},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {.raw = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&command.customer, "hallmark check", help);
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == OPT_TRUST)
            command.trust_path = optarg;
        else if (!hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc - optind != 1)
        return hm_cmd_usage("hallmark check", "say which one file to check");
    if (command.trust_path != NULL && command.customer.site != NULL)
        return hm_cmd_usage("hallmark check",
                            "--trust and --site each say what to judge by: give one");
    command.path = argv[optind];
    if (run(&command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return tell(&command);
}
