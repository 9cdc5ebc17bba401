/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark verify: is this file what somebody I trust released? */
#include "customer.h"

#include "base/text.h"
#include "base/time.h"
#include "customer/sync.h"
#include "customer/verify.h"
#include "progress.h"
#include "verify_log.h"

static const char help[] =
    "usage: hallmark verify FILE... [OPTION...]\n"
    "       hallmark verify --event-log LOG [--quote QUOTE --signature SIG --key AK.pem --nonce "
    "HEX]\n"
    "                       [OPTION...]\n"
    "\n"
    "Looks each file up by its bytes in what the trusted sites have released, without a "
    "connection,\n"
    "as of the last refresh. Exit status: 0 released and accepted; 1 unknown, tampered with or\n"
    "refused; 3 cannot tell. FILE '-' is standard input. Where the site keeps a release log, the\n"
    "proof beside it (FILE.proof) is checked as well, and told.\n"
    "With --event-log, the option ROMs that a measured boot has run, by the log's digests; with a\n"
    "quote, only if the TPM signed that its PCRs have the values that the log replays to.\n"
    "\n"
    "  --event-log LOG   a TPM event log (in Linux: binary_bios_measurements)\n"
    "  --quote FILE    what the TPM says of its PCRs (tpm2_quote's message)\n"
    "  --signature FILE\n"
    "                  its signature, as the TPM has it\n"
    "  --key FILE      the public key that signed it, in PEM: known to be of that machine's TPM\n"
    "  --nonce HEX     the nonce that it was asked with\n"
    "  --site NAME     ask this site only\n"
    "  --max-age D     cannot tell if the last refresh is older (30d, 12h, ...)\n"
    "  --require-proof cannot tell without the proof that the site's log has it\n"
    "  --json          one JSON object, schema hallmark/verify/1\n"
    "  --quiet         print nothing but failures\n"
    "  --no-progress   no progress line\n"
    "  --home DIR      the state folder\n";

enum {
    OPT_MAX_AGE = HM_CUSTOMER_OWN_,
    OPT_REQUIRE_PROOF,
    OPT_EVENT_LOG,
    OPT_QUOTE,
    OPT_SIGNATURE,
    OPT_KEY,
    OPT_NONCE
};

struct command {
    struct hm_customer customer;
    int64_t max_age_s;
    bool needs_proof;
    struct hm_verify verify;
    struct hm_progress progress;
    struct hm_buf json;
    struct hm_json_writer files; /* an array being written */
    enum hm_rc worst;
};

static void command_done(struct command *command)
{
    hm_progress_clear(&command->progress);
    hm_buf_done(&command->json);
    hm_verify_done(&command->verify);
    hm_customer_done(&command->customer);
}

static void on_progress(void *ctx, uint64_t done)
{
    struct command *command = ctx;

    hm_progress_update(&command->progress, done);
}

static const char *verdict_text(enum hm_rc rc)
{
    switch (rc) {
    case HM_OK:
        return "good";
    case HM_ERECALLED:
        return "recalled";
    case HM_EMISMATCH:
        return "tampered";
    case HM_EUNKNOWN:
        return "unknown";
    default:
        return hm_error_exit_status(rc) == 1 ? "refused" : "cannot tell";
    }
}

/* ---- one file -------------------------------------------------------------------------------- */

static void write_proof(struct hm_json_writer *writer, const struct hm_release_proof_answer *proof)
{
    if (proof->state == HM_RELEASE_PROOF_NONE)
        return;
    hm_json_writer_key(writer, "proof");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "state", hm_release_proof_state_text(proof->state));
    if (proof->state == HM_RELEASE_PROOF_GOOD) {
        hm_json_writer_key(writer, "entry");
        hm_json_writer_u64(writer, proof->entry);
        hm_json_writer_key(writer, "size");
        hm_json_writer_u64(writer, proof->standing.size);
        hm_json_writer_key_str(writer, "log", hm_log_verdict_state_text(proof->standing.state));
    } else {
        hm_json_writer_key_str(writer, "code", hm_error_name(proof->rc));
        hm_json_writer_key_str(writer, "reason", proof->text);
    }
    hm_json_writer_object_end(writer);
}

static void write_answer(struct hm_json_writer *writer, const char *path,
                         const struct hm_verify_answer *answer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "file", path);
    hm_json_writer_key_str(writer, "verdict", verdict_text(answer->rc));
    if (answer->rc != HM_OK) {
        hm_json_writer_key_str(writer, "code", hm_error_name(answer->rc));
        hm_json_writer_key_str(writer, "reason", answer->text);
    }
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, answer->size);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(answer->sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_key(writer, "matches");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < answer->matches.item_count; i++) {
        hm_json_writer_object_begin(writer);
        hm_customer_write_item(writer, &answer->matches.items[i]);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    write_proof(writer, &answer->proof);
    hm_json_writer_object_end(writer);
}

static void write_failure(struct hm_json_writer *writer, const char *path, const struct hm_err *why)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "file", path);
    hm_json_writer_key_str(writer, "verdict", verdict_text(why->rc));
    hm_json_writer_key_str(writer, "code", hm_error_name(why->rc));
    hm_json_writer_key_str(writer, "reason", why->text);
    hm_json_writer_object_end(writer);
}

/* Every place where the bytes stand: accepted ones on standard output, others as failures. */
static enum hm_rc print_matches(const struct command *command, const char *path,
                                const struct hm_verify_answer *answer, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);

    for (size_t i = 0; i < answer->matches.item_count; i++) {
        const struct hm_catalogue_item *item = &answer->matches.items[i];

        if (item->rc != HM_OK) {
            hm_cmd_warn("'%s': these bytes are refused at site '%s': %s", path,
                        item->subscription->name, item->text);
            continue;
        }
        HM_TRY(hm_text_escape(&out, hm_bytes_str(path), err));
        HM_TRY(hm_buf_append_fmt(&out, err, ": good: %.*s at %s (%s)\n", HM_BYTES_FMT(item->path),
                                 item->subscription->name, hm_layout_grade_text(item->file.grade)));
    }
    return command->customer.quiet ? HM_OK : hm_cmd_print(hm_buf_bytes(&out), err);
}

/* The proof beside the file: what it shows, or why it shows nothing. */
static enum hm_rc print_proof(const struct command *command, const char *path,
                              const struct hm_verify_answer *answer, struct hm_err *err)
{
    const struct hm_release_proof_answer *proof = &answer->proof;
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(65536);

    if (proof->state == HM_RELEASE_PROOF_NONE)
        return HM_OK;
    if (proof->state != HM_RELEASE_PROOF_GOOD) {
        hm_cmd_warn("not proved to be in the release log: %s", proof->text);
        return HM_OK;
    }
    HM_TRY(hm_text_escape(&out, hm_bytes_str(path), err));
    HM_TRY(hm_buf_append_str(&out, answer->is_of_proof ? "" : HM_RELEASE_PROOF_SUFFIX, err));
    HM_TRY(hm_buf_append_fmt(&out, err,
                             ": good: entry %llu of %llu in the release "
                             "log of %s, ",
                             (unsigned long long)proof->entry,
                             (unsigned long long)proof->standing.size,
                             proof->item->subscription->name));
    HM_TRY(hm_release_log_describe(&proof->standing, err, &out));
    HM_TRY(hm_buf_append_byte(&out, '\n', err));
    return command->customer.quiet ? HM_OK : hm_cmd_print(hm_buf_bytes(&out), err);
}

static enum hm_rc verify_one(struct command *command, const char *path, struct hm_err *err)
{
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {.rc = HM_EUNKNOWN};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    hm_progress_start(&command->progress, hm_bytes_str(path), 0);
    rc = hm_verify_file(&command->verify, path, on_progress, command, &why, &answer);
    hm_progress_clear(&command->progress);
    if (rc != HM_OK) {
        /* It could not be read. */
        if (command->customer.json)
            write_failure(&command->files, path, &why);
        (void)hm_cmd_fail(&why);
        command->worst = hm_sync_worse(command->worst, rc);
        return HM_OK;
    }
    rc = answer.rc;
    command->worst = hm_sync_worse(command->worst, rc);
    if (command->customer.json)
        write_answer(&command->files, path, &answer);
    if (rc != HM_OK) {
        (void)hm_fail(&why, rc, "%s", answer.text);
        (void)hm_cmd_fail(&why);
        return HM_OK;
    }
    if (command->customer.json)
        return HM_OK;
    if (!answer.is_of_proof)
        HM_TRY(print_matches(command, path, &answer, err));
    return print_proof(command, path, &answer, err);
}

/* ---- the report ------------------------------------------------------------------------------ */

static enum hm_rc print_age(const struct command *command, const struct hm_verify_site *site,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(1024);

    if (site->subscription == NULL || site->subscription->refreshed_unix_s == 0)
        return HM_OK;
    HM_TRY(hm_customer_as_of(&command->customer, site->subscription, err, &line));
    if (site->subscription->log != NULL) {
        HM_TRY(hm_buf_append_str(&line, "; ", err));
        HM_TRY(hm_release_log_describe(&site->subscription->log->standing, err, &line));
    }
    HM_TRY(hm_buf_append_byte(&line, '\n', err));
    return hm_cmd_print(hm_buf_bytes(&line), err);
}

static enum hm_rc print_ages(const struct command *command, struct hm_err *err)
{
    for (size_t i = 0; i < command->verify.site_count; i++) {
        const struct hm_verify_site *site = &command->verify.sites[i];

        HM_TRY(print_age(command, site, err));
        if (site->earlier != NULL && site->earlier->answered)
            HM_TRY(print_age(command, site->earlier, err));
    }
    return HM_OK;
}

static void write_site(struct hm_json_writer *writer, const struct command *command,
                       const struct hm_verify_site *site)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "site", site->name);
    hm_json_writer_key(writer, "asked");
    hm_json_writer_bool(writer, site->rc == HM_OK);
    if (site->subscription != NULL && site->subscription->refreshed_unix_s > 0) {
        hm_json_writer_key(writer, "refreshed");
        hm_json_writer_time(writer, site->subscription->refreshed_unix_s);
        hm_json_writer_key_int(writer, "age_s",
                               command->customer.now_unix_s - site->subscription->refreshed_unix_s);
        hm_json_writer_key(writer, "earlier");
        hm_json_writer_bool(writer, site->subscription->is_earlier);
        hm_json_writer_key(writer, "bundle");
        hm_json_writer_bool(writer, site->subscription->is_of_bundle);
        hm_customer_write_log(writer, site->subscription);
    }
    if (site->rc != HM_OK) {
        hm_json_writer_key_str(writer, "code", hm_error_name(site->rc));
        hm_json_writer_key_str(writer, "reason", site->text);
    }
    hm_json_writer_object_end(writer);
}

static int print_json(struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;

    hm_json_writer_array_end(&command->files);
    if (hm_json_writer_end(&command->files, &err) != HM_OK)
        return hm_cmd_fail(&err);
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/verify/1");
    hm_json_writer_key(&writer, "sites");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < command->verify.site_count; i++) {
        const struct hm_verify_site *site = &command->verify.sites[i];

        write_site(&writer, command, site);
        if (site->earlier != NULL && site->earlier->answered)
            write_site(&writer, command, site->earlier);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_raw(&writer, hm_buf_bytes(&command->json));
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, command->worst);
}

static enum hm_rc run(struct command *command, char **paths, size_t count, struct hm_err *err)
{
    HM_TRY(hm_customer_open_home(&command->customer, false, err));
    HM_TRY(hm_verify_open(&command->customer.home, command->customer.site,
                          command->customer.now_unix_s, command->max_age_s, err, &command->verify));
    command->verify.needs_proof = command->needs_proof;
    for (size_t i = 0; i < command->verify.site_count; i++) {
        if (command->verify.sites[i].subscription != NULL)
            hm_customer_warn_trial(&command->customer, command->verify.sites[i].subscription);
    }
    for (size_t i = 0; i < count; i++)
        HM_TRY(verify_one(command, paths[i], err));
    if (command->customer.json || command->customer.quiet)
        return HM_OK;
    return print_ages(command, err);
}

static bool take_quote(struct hm_verify_log_quote *quote, int option, const char *value)
{
    switch (option) {
    case OPT_QUOTE:
        quote->quote = value;
        return true;
    case OPT_SIGNATURE:
        quote->signature = value;
        return true;
    case OPT_KEY:
        quote->key = value;
        return true;
    case OPT_NONCE:
        quote->nonce = value;
        return true;
    default:
        return false;
    }
}

/* All four, or none. */
static bool is_whole(const struct hm_verify_log_quote *quote)
{
    bool has = quote->quote != NULL;

    return (quote->signature != NULL) == has && (quote->key != NULL) == has &&
           (quote->nonce != NULL) == has;
}

int hm_cmd_verify(int argc, char **argv)
{
    static const struct option options[] = {
        HM_CUSTOMER_OPTIONS,
        {"max-age", required_argument, NULL, OPT_MAX_AGE},
        {"require-proof", no_argument, NULL, OPT_REQUIRE_PROOF},
        {"event-log", required_argument, NULL, OPT_EVENT_LOG},
        {"quote", required_argument, NULL, OPT_QUOTE},
        {"signature", required_argument, NULL, OPT_SIGNATURE},
        {"key", required_argument, NULL, OPT_KEY},
        {"nonce", required_argument, NULL, OPT_NONCE},
        {NULL, 0, NULL, 0},
    };
    _hm_done_(command_done) struct command command = {
        .max_age_s = -1, .json = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    struct hm_verify_log_quote quote = {.quote = NULL};
    const char *event_log = NULL;
    int option;

    hm_customer_init(&command.customer, "hallmark verify", help);
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == OPT_MAX_AGE) {
            if (hm_time_parse_duration(optarg, &err, &command.max_age_s) != HM_OK)
                return hm_cmd_usage("hallmark verify", "%s", err.text);
        } else if (option == OPT_REQUIRE_PROOF) {
            command.needs_proof = true;
        } else if (option == OPT_EVENT_LOG) {
            event_log = optarg;
        } else if (!take_quote(&quote, option, optarg) &&
                   !hm_customer_take_option(&command.customer, option)) {
            return hm_customer_bad_option(&command.customer, option, argv);
        }
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (event_log != NULL && argc != optind)
        return hm_cmd_usage("hallmark verify", "--event-log is a question of its own");
    if (!is_whole(&quote) || (quote.quote != NULL && event_log == NULL))
        return hm_cmd_usage("hallmark verify", "--quote, --signature, --key and --nonce go "
                                               "together, with --event-log");
    if (event_log != NULL)
        return hm_verify_log(&command.customer, event_log, &quote, command.max_age_s);
    if (argc == optind)
        return hm_cmd_usage("hallmark verify", "say which files to verify");
    hm_json_writer_init(&command.files, &command.json, false);
    hm_json_writer_array_begin(&command.files);
    hm_progress_init(&command.progress, !command.customer.no_progress && !command.customer.quiet);
    if (run(&command, argv + optind, (size_t)(argc - optind), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return command.customer.json ? print_json(&command) : hm_error_exit_status(command.worst);
}
