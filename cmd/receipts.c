/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark receipts: what was delivered to this machine, as both sides have signed it. */
#include "customer.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/receipts.h"

static const char help[] =
    "usage: hallmark receipts [HASH] [OPTION...]\n"
    "\n"
    "Lists the deliveries that this machine has statements of: what it asked for, whether it\n"
    "was acknowledged, rejected and receipted, and whether that is proved in the site's log.\n"
    "HASH, or its first digits, names one: it is shown with its notes.\n"
    "\n"
    "  --update        ask the sites for receipts and proofs that are missing\n"
    "  --image HEX     of images with this SHA-256 alone\n"
    "  --path PATTERN  of these paths alone, such as acme/nic\n"
    "  --since TIME    asked for then or later: a date, or a duration such as 30d\n"
    "  --state STATE   requested, offered, served-unacked, acknowledged or rejected\n"
    "  --export FILE   write the one delivery's file there, for whoever shall judge it\n"
    "  --site NAME     of this site alone\n"
    "  --json          one JSON object, schema hallmark/receipts/1\n"
    "  --csv           one line each: site,time,path,size,sha256,state,receipt,proof,hash\n"
    "  --quiet         print nothing but failures\n"
    "  --home DIR      the state folder\n";

enum {
    OPT_UPDATE = HM_CUSTOMER_OWN_,
    OPT_IMAGE,
    OPT_PATH,
    OPT_SINCE,
    OPT_STATE,
    OPT_EXPORT,
    OPT_CSV,
};

struct command {
    struct hm_customer customer;
    bool update, csv, has_image, has_state;
    struct hm_sha256 image;
    struct hm_pattern pattern; /* of --path */
    const char *path, *since, *export, *hash;
    int64_t since_unix_s;
    enum hm_delivery_state state;
    struct hm_receipts receipts;
    enum hm_rc worst;
};

static void command_done(struct command *command)
{
    hm_receipts_done(&command->receipts);
    hm_customer_done(&command->customer);
}

static void on_notice(void *ctx, const char *sentence)
{
    (void)ctx;
    hm_cmd_warn("%s", sentence);
}

/* ---- which ----------------------------------------------------------------------------------- */

static enum hm_rc take_state(struct command *command, const char *text, struct hm_err *err)
{
    for (int i = HM_DELIVERY_REQUESTED; i <= HM_DELIVERY_REJECTED; i++)
        if (strcmp(text, hm_delivery_state_name((enum hm_delivery_state)i)) == 0) {
            command->state = (enum hm_delivery_state)i;
            command->has_state = true;
            return HM_OK;
        }
    return hm_fail(err, HM_EUSAGE, "'%s' is no state of a delivery", text);
}

static enum hm_rc take_since(struct command *command, const char *text, struct hm_err *err)
{
    char whole[64];
    int64_t age_s = 0;

    (void)snprintf(whole, sizeof(whole), "%sT00:00:00Z", text); /* a longer one is no date */
    if (hm_time_parse(hm_bytes_str(text), &command->since_unix_s) == HM_OK ||
        hm_time_parse(hm_bytes_str(whole), &command->since_unix_s) == HM_OK)
        return HM_OK;
    if (hm_time_parse_duration(text, err, &age_s) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is neither a date (2026-11-24) nor a duration (30d)",
                       text);
    command->since_unix_s = command->customer.now_unix_s - age_s;
    return HM_OK;
}

static enum hm_rc take_option(struct command *command, int option, struct hm_err *err)
{
    switch (option) {
    case OPT_UPDATE:
        command->update = true;
        return HM_OK;
    case OPT_IMAGE:
        command->has_image = true;
        return hm_text_unhex(hm_bytes_str(optarg), command->image.bytes, HM_SHA256_SIZE) == HM_OK
                   ? HM_OK
                   : hm_fail(err, HM_EUSAGE, "'%s' is no SHA-256", optarg);
    case OPT_PATH:
        command->path = optarg;
        return hm_catalogue_pattern(optarg, &command->customer.arena, err, &command->pattern);
    case OPT_SINCE:
        return take_since(command, optarg, err);
    case OPT_STATE:
        return take_state(command, optarg, err);
    case OPT_EXPORT:
        command->export = optarg;
        return HM_OK;
    case OPT_CSV:
        command->csv = true;
        return HM_OK;
    default:
        return HM_EUNKNOWN;
    }
}

static void hex_of(const struct hm_sha256 *digest, char ret_hex[HM_SHA256_HEX_SIZE])
{
    hm_text_hex(hm_bytes_make(digest->bytes, HM_SHA256_SIZE), ret_hex);
}

static bool is_wanted(const struct command *command, const struct hm_receipts_row *row)
{
    char hex[HM_SHA256_HEX_SIZE];

    if (row->rc != HM_OK)
        return command->hash == NULL && !command->has_image && command->path == NULL &&
               !command->has_state && command->since_unix_s == 0;
    hex_of(&row->request, hex);
    return (!command->has_image || hm_digest_is_equal(&row->image, &command->image)) &&
           (command->path == NULL ||
            hm_text_is_match(command->pattern.whole, hm_bytes_str(row->path))) &&
           (!command->has_state || row->state == command->state) &&
           row->time_unix_s >= command->since_unix_s &&
           (command->hash == NULL || strncmp(hex, command->hash, strlen(command->hash)) == 0);
}

static enum hm_rc collect_site(struct command *command, const char *name, struct hm_err *err)
{
    const struct hm_get_events events = {.notice = on_notice};
    struct hm_pattern nobody = {.whole = HM_BYTES_EMPTY};
    struct hm_subscription *site = NULL;
    bool is_delivering = false;
    size_t left = 0;

    HM_TRY(
        hm_customer_open_site(&command->customer, name, !command->update, &nobody, 0, err, &site));
    if (command->update)
        HM_TRY(hm_deliver_is_wanted(site, err, &is_delivering));
    if (is_delivering)
        HM_TRY(hm_deliver_proof_update(site, SIZE_MAX, &events, err, &left));
    return hm_receipts_add(&command->receipts, site, command->customer.now_unix_s, err);
}

static enum hm_rc collect(struct command *command, struct hm_err *err)
{
    const char **names = NULL;
    size_t count = 0, kept = 0;
    struct hm_receipts *receipts = &command->receipts;

    HM_TRY(hm_customer_names(&command->customer, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        enum hm_rc rc = collect_site(command, names[i], err);

        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "site '%s'", names[i]);
    }
    hm_receipts_sort(receipts);
    for (size_t i = 0; i < receipts->count; i++)
        if (is_wanted(command, &receipts->rows[i]))
            receipts->rows[kept++] = receipts->rows[i];
    receipts->count = kept;
    if (command->hash != NULL && kept != 1)
        return hm_fail(err, kept == 0 ? HM_EUNKNOWN : HM_EUSAGE,
                       kept == 0 ? "there is no delivery '%s'"
                                 : "more than one delivery begins with '%s'",
                       command->hash);
    return HM_OK;
}

/* ---- printing -------------------------------------------------------------------------------- */

static const char *receipt_text(const struct hm_receipts_row *row)
{
    return row->is_receipted ? "receipted" : row->is_missing ? "missing" : "none";
}

/* What is missing is told, and is a no. */
static void judge(struct command *command)
{
    for (size_t i = 0; i < command->receipts.count; i++) {
        const struct hm_receipts_row *row = &command->receipts.rows[i];
        char hex[HM_SHA256_HEX_SIZE];

        hex_of(row->rc == HM_OK ? &row->request : &row->name, hex);
        if (row->rc != HM_OK)
            hm_cmd_warn("delivery %.16s cannot be told: %s", hex, row->text);
        else if (row->is_missing)
            hm_cmd_warn("the site gave no receipt for delivery %.16s of '%s'", hex, row->path);
        else if (row->proof == HM_RECEIPTS_OVERDUE)
            hm_cmd_warn("the site's log does not prove delivery %.16s of '%s'", hex, row->path);
        else
            continue;
        if (command->worst == HM_OK || command->worst == HM_EAGAIN)
            command->worst = row->rc == HM_OK ? HM_EREFUSED : HM_EAGAIN;
    }
}

static enum hm_rc print_table(const struct command *command, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 7};

    for (size_t i = 0; i < command->receipts.count; i++) {
        const struct hm_receipts_row *row = &command->receipts.rows[i];
        char when[HM_TIME_TEXT_SIZE], hex[HM_SHA256_HEX_SIZE];

        if (row->rc != HM_OK)
            continue;
        hm_time_format(row->time_unix_s, when);
        hex_of(&row->request, hex);
        hex[16] = '\0';
        const char *const cells[] = {row->site->name,
                                     when,
                                     row->path,
                                     hm_delivery_state_name(row->state),
                                     receipt_text(row),
                                     hm_receipts_proof_text(row->proof),
                                     hex};

        for (size_t j = 0; j < HM_ARRAY_COUNT(cells); j++)
            HM_TRY(hm_table_add(&table, cells[j], err));
    }
    return hm_table_print(&table, err);
}

static enum hm_rc print_csv(const struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);

    HM_TRY(hm_buf_append_str(&out, "site,time,path,size,sha256,state,receipt,proof,hash\r\n", err));
    for (size_t i = 0; i < command->receipts.count; i++) {
        const struct hm_receipts_row *row = &command->receipts.rows[i];
        char when[HM_TIME_TEXT_SIZE], hash[HM_SHA256_HEX_SIZE], image[HM_SHA256_HEX_SIZE];

        if (row->rc != HM_OK)
            continue;
        hm_time_format(row->time_unix_s, when);
        hex_of(&row->request, hash);
        hex_of(&row->image, image);
        /* None of these has a comma, a quotation mark or a formula. */
        HM_TRY(hm_buf_append_fmt(&out, err, "%s,%s,%s,%llu,%s,%s,%s,%s,%s\r\n", row->site->name,
                                 when, row->path, (unsigned long long)row->length, image,
                                 hm_delivery_state_name(row->state), receipt_text(row),
                                 hm_receipts_proof_text(row->proof), hash));
    }
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static void write_row(struct hm_json_writer *writer, const struct hm_receipts_row *row)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "site", row->site->name);
    hm_json_writer_key(writer, "hash");
    hm_json_writer_hex(
        writer,
        hm_bytes_make(row->rc == HM_OK ? row->request.bytes : row->name.bytes, HM_SHA256_SIZE));
    if (row->rc != HM_OK) {
        hm_json_writer_key_str(writer, "code", hm_error_name(row->rc));
        hm_json_writer_key_str(writer, "reason", row->text);
    } else {
        hm_json_writer_key(writer, "time");
        hm_json_writer_time(writer, row->time_unix_s);
        hm_json_writer_key_str(writer, "path", row->path);
        hm_json_writer_key(writer, "sha256");
        hm_json_writer_hex(writer, hm_bytes_make(row->image.bytes, HM_SHA256_SIZE));
        hm_json_writer_key(writer, "size");
        hm_json_writer_int(writer, (int64_t)row->length);
        hm_json_writer_key_str(writer, "state", hm_delivery_state_name(row->state));
        hm_json_writer_key_str(writer, "receipt", receipt_text(row));
        hm_json_writer_key_str(writer, "proof", hm_receipts_proof_text(row->proof));
    }
    hm_json_writer_object_end(writer);
}

static int print_json(const struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/receipts/1");
    hm_json_writer_key(&writer, "deliveries");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < command->receipts.count; i++)
        write_row(&writer, &command->receipts.rows[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, command->worst);
}

/* The one delivery's file: shown as it is, or written. */
static enum hm_rc give_file(const struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);

    HM_TRY(hm_receipts_read(&command->receipts.rows[0], err, &file));
    if (command->export != NULL)
        return hm_file_write_path(command->export, 0644, hm_buf_bytes(&file), err);
    return command->customer.quiet ? HM_OK : hm_cmd_print(hm_buf_bytes(&file), err);
}

static int finish(struct command *command)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;

    judge(command);
    if (command->customer.json)
        return print_json(command);
    if (command->csv)
        rc = print_csv(command, &err);
    else if (!command->customer.quiet && command->export == NULL)
        rc = print_table(command, &err);
    if (rc == HM_OK && command->hash != NULL && !command->csv)
        rc = give_file(command, &err);
    return rc == HM_OK ? hm_error_exit_status(command->worst) : hm_cmd_fail(&err);
}

int hm_cmd_receipts(int argc, char **argv)
{
    static const struct option options[] = {HM_CUSTOMER_OPTIONS,
                                            {"update", no_argument, NULL, OPT_UPDATE},
                                            {"image", required_argument, NULL, OPT_IMAGE},
                                            {"path", required_argument, NULL, OPT_PATH},
                                            {"since", required_argument, NULL, OPT_SINCE},
                                            {"state", required_argument, NULL, OPT_STATE},
                                            {"export", required_argument, NULL, OPT_EXPORT},
                                            {"csv", no_argument, NULL, OPT_CSV},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {.update = false};
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&command.customer, "hallmark receipts", help);
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        enum hm_rc rc = take_option(&command, option, &err);

        if (rc == HM_EUNKNOWN && !hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
        if (rc != HM_OK && rc != HM_EUNKNOWN)
            return hm_cmd_fail(&err);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc - optind > 1)
        return hm_cmd_usage("hallmark receipts", "one HASH only; '%s' is a second",
                            argv[optind + 1]);
    command.hash = argv[optind];
    if (command.csv && command.customer.json)
        return hm_cmd_usage("hallmark receipts", "--csv and --json exclude each other");
    if (command.export != NULL && command.hash == NULL)
        return hm_cmd_usage("hallmark receipts", "--export needs the HASH of one delivery");
    return collect(&command, &err) == HM_OK ? finish(&command) : hm_cmd_fail(&err);
}
