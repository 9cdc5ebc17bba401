/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark check: does this evidence hold, by what I trust? */
#include "claim.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "evidence/check.h"

static const char help[] =
    "usage: hallmark check FILE [OPTION...]\n"
    "\n"
    "Checks evidence about a site's release log, of any kind, or a dossier, without a connection,\n"
    "and prints each step. It is judged by a trust file, or by what is held of a trusted site; "
    "never by what the\n"
    "evidence says itself. Exit status: 0 it holds; 1 it does not; 3 cannot tell. FILE '-' is\n"
    "standard input.\n"
    "\n"
    "  --trust FILE   the site's trust file; without it, the site must be trusted here\n"
    "  --site NAME    the trusted site; without it, the one that FILE names\n"
    "  --as-of TIME   judge as of then: what witnesses saw later does not count\n"
    "  --json         one JSON object, schema hallmark/check/1; of a dossier\n"
    "                 hallmark/check-dossier/1\n"
    "  --quiet        print nothing but failures\n"
    "  --home DIR     the state folder\n";

enum { OPT_TRUST = HM_CUSTOMER_OWN_, OPT_AS_OF };

struct command {
    struct hm_claim claim; /* of a dossier; and what everything is judged by */
    const char *path;
    bool has_as_of;
    int64_t as_of_unix_s;
    struct hm_buf raw;
    struct hm_dossier *dossier; /* NULL: evidence of another kind */
    struct hm_report *report;
};

static void command_done(struct command *command)
{
    hm_report_free(command->report);
    hm_dossier_free(command->dossier);
    hm_buf_done(&command->raw);
    hm_claim_done(&command->claim);
}

/* ---- what it is judged by -------------------------------------------------------------------- */

static enum hm_rc open_basis(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf named = HM_BUF_INIT(HM_ENTRY_SITE_SIZE_MAX + 1);
    const char *site = command->claim.customer.site;

    if (site == NULL && command->claim.trust_path == NULL) {
        HM_TRY(hm_check_site_of(hm_buf_bytes(&command->raw), err, &named));
        site = hm_buf_str(&named);
    }
    if (site != NULL && site[0] == '\0') {
        if (command->dossier != NULL)
            return hm_fail(err, HM_EUSAGE, "a dossier is checked by --trust FILE or --site NAME");
        return hm_fail(err, HM_EFORMAT,
                       "'%s' is not evidence of a kind that is known here, or is damaged",
                       command->path);
    }
    return hm_cmd_basis_open(&command->claim.customer, command->claim.trust_path, site,
                             command->path, err, &command->claim.basis);
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

/* Judged as of a time: what witnesses saw later was not there to be seen. */
static enum hm_rc tell_as_of(struct command *command, struct hm_report *report, struct hm_err *err)
{
    char as_of[HM_TIME_TEXT_SIZE], seen[HM_TIME_TEXT_SIZE];

    if (!command->has_as_of)
        return HM_OK;
    hm_time_format(command->as_of_unix_s, as_of);
    HM_TRY(hm_report_add(report, HM_REPORT_NOTE, err, "judged as of %s, and not of today", as_of));
    if (report->rc != HM_OK || report->earliest_s == 0 || command->as_of_unix_s < 0 ||
        report->earliest_s <= (uint64_t)command->as_of_unix_s)
        return HM_OK;
    hm_time_format((int64_t)report->earliest_s, seen);
    report->rc = HM_EAGAIN;
    return hm_report_add(report, HM_REPORT_UNSURE, err,
                         "a witness first saw this state at %s: nobody could have shown it at %s",
                         seen, as_of);
}

/* A dossier: its claim, judged anew by its files. */
static enum hm_rc check_dossier(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf readme = HM_BUF_INIT(HM_DOSSIER_TEXT_SIZE_MAX);
    struct hm_claim *claim = &command->claim;
    struct hm_basis *basis = claim->basis.basis;

    claim->claim = command->dossier->claim;
    if (command->has_as_of) {
        claim->claim.has_at = true;
        claim->claim.at_unix_s = command->as_of_unix_s;
    }
    HM_TRY(hm_judge_new(basis, claim->customer.now_unix_s, err, &claim->judge));
    HM_TRY(hm_dossier_feed(command->dossier, basis, claim->judge, err));
    HM_TRY(hm_judge_decide(claim->judge, &claim->claim, err, &claim->answer));
    HM_TRY(hm_dossier_readme(command->dossier, basis->site, &claim->answer, err, &readme));
    if (!hm_bytes_is_equal(hm_buf_bytes(&readme), hm_dossier_readme_of(command->dossier)))
        hm_cmd_warn("'%s': its README.txt does not say what follows from the rest: go by what is "
                    "printed here",
                    command->path);
    return HM_OK;
}

static enum hm_rc run(struct command *command, struct hm_err *err)
{
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(command->path, err, &command->raw));
    if (hm_dossier_is_one(hm_buf_bytes(&command->raw))) {
        rc = hm_dossier_parse(hm_buf_bytes(&command->raw), err, &command->dossier);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s'", command->path);
    }
    HM_TRY(open_basis(command, err));
    if (command->has_as_of)
        hm_cmd_basis_as_of(&command->claim.basis, command->as_of_unix_s);
    if (command->dossier != NULL)
        return check_dossier(command, err);
    HM_TRY(hm_check_file(hm_buf_bytes(&command->raw), command->claim.basis.basis, err,
                         &command->report));
    return tell_as_of(command, command->report, err);
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
    if (command->claim.customer.json)
        return print_json(command);
    if (!command->claim.customer.quiet && print_report(command, &err) != HM_OK)
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
                                            {"as-of", required_argument, NULL, OPT_AS_OF},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {.raw = HM_BUF_INIT(2 * HM_DOSSIER_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&command.claim.customer, "hallmark check", help);
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == OPT_TRUST)
            command.claim.trust_path = optarg;
        else if (option == OPT_AS_OF) {
            if (hm_time_parse(hm_bytes_str(optarg), &command.as_of_unix_s) != HM_OK)
                return hm_cmd_usage("hallmark check",
                                    "--as-of: '%s' is no time such as 2026-11-24T12:00:00Z",
                                    optarg);
            command.has_as_of = true;
        } else if (!hm_customer_take_option(&command.claim.customer, option))
            return hm_customer_bad_option(&command.claim.customer, option, argv);
    }
    if (command.claim.customer.wants_help)
        return hm_customer_print_help(&command.claim.customer);
    if (argc - optind != 1)
        return hm_cmd_usage("hallmark check", "say which one file to check");
    if (command.claim.trust_path != NULL && command.claim.customer.site != NULL)
        return hm_cmd_usage("hallmark check",
                            "--trust and --site each say what to judge by: give one");
    command.path = argv[optind];
    if (run(&command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    if (command.dossier != NULL)
        return hm_claim_print(&command.claim, "hallmark/check-dossier/1");
    return tell(&command);
}
