/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark list: what the trusted sites have released. */
#include "changed.h"
#include "customer.h"

#include "base/text.h"
#include "base/time.h"
#include "customer/sync.h"

static const char help[] =
    "usage: hallmark list [PATTERN] [OPTION...]\n"
    "\n"
    "Refreshes the trusted sites and lists their files with size, grade and title. PATTERN is "
    "over\n"
    "ID/PRODUCT/VERSION/FILE, with *, ? and [...]; fewer parts match every rest.\n"
    "\n"
    "  --site NAME     ask this site only\n"
    "  --offline       as of the last refresh, without a connection\n"
    "  --changed       what changed since --changed was last run without PATTERN\n"
    "  --json          one JSON object, schema hallmark/list/1\n"
    "  --csv           one line a file: site,path,size,sha256,grade,title\n"
    "  --quiet         print nothing but failures\n"
    "  --home DIR      the state folder\n";

enum { OPT_OFFLINE = HM_CUSTOMER_OWN_, OPT_CSV, OPT_CHANGED };

struct command {
    struct hm_customer customer;
    bool is_offline, csv;
    const char *pattern; /* or NULL */
    struct hm_catalogue catalogue;
    enum hm_rc worst;
};

static void command_done(struct command *command)
{
    hm_catalogue_done(&command->catalogue);
    hm_customer_done(&command->customer);
}

/* ---- printing -------------------------------------------------------------------------------- */

static const char *title_of(struct command *command, const struct hm_catalogue_item *item)
{
    const char *title = hm_customer_custom_text(&command->customer, item->file.custom, "title");

    return title == NULL ? "" : title;
}

static const char *standing_of(const struct hm_catalogue_item *item)
{
    return item->rc == HM_ERECALLED ? "recalled" : hm_layout_grade_text(item->file.grade);
}

static enum hm_rc print_table(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {0};
    bool has_sites = command->customer.site_count > 1;

    table.columns = has_sites ? 5 : 4;
    for (size_t i = 0; i < command->catalogue.item_count; i++) {
        const struct hm_catalogue_item *item = &command->catalogue.items[i];
        _hm_free_(free) char *path = strndup((const char *)item->path.data, item->path.size);
        char size[16];

        if (item->rc != HM_OK && item->rc != HM_ERECALLED)
            continue;
        if (path == NULL)
            return hm_error_nomem(err);
        hm_text_size(item->file.length, size);
        if (has_sites)
            HM_TRY(hm_table_add(&table, item->subscription->name, err));
        HM_TRY(hm_table_add(&table, path, err));
        HM_TRY(hm_table_add(&table, size, err));
        HM_TRY(hm_table_add(&table, standing_of(item), err));
        HM_TRY(hm_table_add(&table, title_of(command, item), err));
    }
    return hm_table_print(&table, err);
}

/* RFC 4180; control characters are escaped, so that a cell is one line. A cell that a spreadsheet
 * would take for a formula is quoted by an apostrophe. */
static enum hm_rc append_csv(struct hm_buf *out, const char *text, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf escaped = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);

    HM_TRY(hm_text_escape(&escaped, hm_bytes_str(text), err));
    HM_TRY(hm_buf_append_byte(out, '"', err));
    if (text[0] != '\0' && strchr("=+-@", text[0]) != NULL)
        HM_TRY(hm_buf_append_byte(out, '\'', err));
    for (size_t i = 0; i < escaped.size; i++) {
        if (escaped.data[i] == '"')
            HM_TRY(hm_buf_append_byte(out, '"', err));
        HM_TRY(hm_buf_append_byte(out, escaped.data[i], err));
    }
    return hm_buf_append_byte(out, '"', err);
}

static enum hm_rc print_csv(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);

    HM_TRY(hm_buf_append_str(&out, "site,path,size,sha256,grade,title\r\n", err));
    for (size_t i = 0; i < command->catalogue.item_count; i++) {
        const struct hm_catalogue_item *item = &command->catalogue.items[i];
        char hex[HM_SHA256_HEX_SIZE];

        if (item->rc != HM_OK && item->rc != HM_ERECALLED)
            continue;
        hm_text_hex(hm_bytes_make(item->file.sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_buf_append_fmt(&out, err, "%s,%.*s,%llu,%s,", item->subscription->name,
                                 HM_BYTES_FMT(item->path), (unsigned long long)item->file.length,
                                 hex));
        HM_TRY(append_csv(&out, standing_of(item), err));
        HM_TRY(hm_buf_append_byte(&out, ',', err));
        HM_TRY(append_csv(&out, title_of(command, item), err));
        HM_TRY(hm_buf_append_str(&out, "\r\n", err));
    }
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static int print_json(struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/list/1");
    hm_json_writer_key(&writer, "sites");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < command->customer.site_count; i++) {
        const struct hm_subscription *site = command->customer.sites[i];

        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "site", site->name);
        hm_json_writer_key(&writer, "trial");
        hm_json_writer_bool(&writer, site->is_trial);
        hm_json_writer_key(&writer, "refreshed");
        if (site->refreshed_unix_s > 0)
            hm_json_writer_time(&writer, site->refreshed_unix_s);
        else
            hm_json_writer_null(&writer);
        hm_json_writer_key(&writer, "earlier");
        hm_json_writer_bool(&writer, site->is_earlier);
        hm_json_writer_key(&writer, "bundle");
        hm_json_writer_bool(&writer, site->is_of_bundle);
        hm_customer_write_log(&writer, site);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < command->catalogue.item_count; i++) {
        const struct hm_catalogue_item *item = &command->catalogue.items[i];

        hm_json_writer_object_begin(&writer);
        hm_customer_write_item(&writer, item);
        if (item->rc == HM_OK && item->file.custom.size > 0) {
            hm_json_writer_key(&writer, "custom");
            hm_json_writer_raw(&writer, item->file.custom);
        }
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_customer_write_problems(&writer, &command->catalogue);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, command->worst);
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum hm_rc collect(struct command *command, const struct hm_pattern *patterns, size_t count,
                          struct hm_err *err)
{
    const char **names = NULL;
    size_t name_count = 0;

    HM_TRY(hm_customer_names(&command->customer, err, &names, &name_count));
    for (size_t i = 0; i < name_count; i++) {
        struct hm_subscription *site = NULL;
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc = hm_customer_open_site(&command->customer, names[i], command->is_offline,
                                              patterns, count, &why, &site);

        if (rc == HM_OK) {
            hm_customer_tell_earlier(&command->customer, site);
            HM_TRY(hm_catalogue_add(&command->catalogue, site, patterns, count, err));
            continue;
        }
        /* One site that fails hides no other. */
        if (name_count == 1 || hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        (void)hm_cmd_fail(&why);
        command->worst = hm_sync_worse(command->worst, rc);
    }
    hm_catalogue_sort(&command->catalogue);
    return HM_OK;
}

/* A question about something that is not there has an answer: no. */
static void tell_nothing_found(struct command *command)
{
    struct hm_err err = HM_ERR_INIT;

    if (command->pattern == NULL || command->worst != HM_OK || command->catalogue.item_count > 0)
        return;
    (void)hm_fail(&err, HM_EUNKNOWN, "nothing that matches '%s' was released", command->pattern);
    (void)hm_cmd_fail(&err);
    command->worst = HM_EUNKNOWN;
}

static int finish(struct command *command)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;

    command->worst = hm_sync_worse(command->worst, hm_customer_print_problems(&command->catalogue));
    tell_nothing_found(command);
    if (command->customer.json)
        return print_json(command);
    if (command->csv)
        rc = print_csv(command, &err);
    else if (!command->customer.quiet)
        rc = print_table(command, &err);
    /* A line a file is what scripts count: a site that keeps no log says so in --json. */
    for (size_t i = 0; rc == HM_OK && !command->csv && !command->customer.quiet &&
                       i < command->customer.site_count;
         i++) {
        const struct hm_subscription *site = command->customer.sites[i];

        if (site->log != NULL && site->log->standing.state != HM_LOG_UNLOGGED)
            rc = hm_customer_print_log(site, &err);
    }
    if (rc != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(command->worst);
}

int hm_cmd_list(int argc, char **argv)
{
    static const struct option options[] = {HM_CUSTOMER_OPTIONS,
                                            {"offline", no_argument, NULL, OPT_OFFLINE},
                                            {"csv", no_argument, NULL, OPT_CSV},
                                            {"changed", no_argument, NULL, OPT_CHANGED},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {0};
    struct hm_pattern *patterns = NULL;
    struct hm_err err = HM_ERR_INIT;
    size_t count = 0;
    bool is_changed = false;
    int option;

    hm_customer_init(&command.customer, "hallmark list", help);
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == OPT_OFFLINE)
            command.is_offline = true;
        else if (option == OPT_CSV)
            command.csv = true;
        else if (option == OPT_CHANGED)
            is_changed = true;
        else if (!hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc - optind > 1)
        return hm_cmd_usage("hallmark list", "one pattern only; '%s' is a second",
                            argv[optind + 1]);
    command.pattern = argv[optind];
    if (command.csv && command.customer.json)
        return hm_cmd_usage("hallmark list", "--csv and --json exclude each other");
    if (command.csv && is_changed)
        return hm_cmd_usage("hallmark list", "--csv and --changed exclude each other");
    if (is_changed)
        return hm_changed_run(&command.customer, argv + optind, (size_t)(argc - optind),
                              command.is_offline);
    if (hm_customer_patterns(&command.customer, argv + optind, (size_t)(argc - optind), &err,
                             &patterns, &count) != HM_OK ||
        collect(&command, patterns, count, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return finish(&command);
}
