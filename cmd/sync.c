/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark sync: a folder kept as a site's releases say. */
#include "customer.h"

#include <stdarg.h>

#include "base/text.h"
#include "customer/deliver_proof.h"
#include "customer/sync.h"
#include "progress.h"

static const char help[] =
    "usage: hallmark sync PATTERN... -d DIR [OPTION...]\n"
    "\n"
    "Gets what is missing or different below DIR/ID/PRODUCT/VERSION/FILE and writes "
    "DIR/SHA256SUMS.\n"
    "PATTERN is over ID/PRODUCT/VERSION/FILE, with *, ? and [...]; fewer parts match every rest.\n"
    "\n"
    "  -d DIR          the folder\n"
    "  --site NAME     from this site; needed where several are trusted\n"
    "  --delete        remove files that an earlier sync from this site placed, that nobody "
    "changed\n"
    "                  since, and that are not wanted now\n"
    "  --dry-run       say what would be done\n"
    "  --json          one JSON object, schema hallmark/sync/1\n"
    "  --quiet         print nothing but failures\n"
    "  --no-progress   no progress line\n"
    "  --home DIR      the state folder\n";

enum { OPT_DELETE = HM_CUSTOMER_OWN_, OPT_DRY_RUN };

struct command {
    struct hm_customer customer;
    const char *folder;
    struct hm_sync_options options;
    struct hm_catalogue catalogue;
    struct hm_progress progress;
    const struct hm_catalogue_item *current;
    struct hm_sync_counts counts;
    struct hm_buf json_files, json_removals;
    struct hm_json_writer files, removals; /* arrays being written */
    enum hm_rc printed;
    struct hm_err print_err;
};

static void command_done(struct command *command)
{
    hm_progress_clear(&command->progress);
    hm_buf_done(&command->json_files);
    hm_buf_done(&command->json_removals);
    hm_catalogue_done(&command->catalogue);
    hm_customer_done(&command->customer);
}

/* A line of the report; a failure to print is kept for the end. */
HM_PRINTF(2, 3)
static void print_line(struct command *command, const char *format, ...)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(65536);
    _hm_free_(free) char *text = NULL;
    va_list args;
    int size;

    if (command->customer.json || command->customer.quiet || command->printed != HM_OK)
        return;
    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0) {
        text = NULL;
        command->printed = hm_error_nomem(&command->print_err);
        return;
    }
    command->printed = hm_text_escape(&line, hm_bytes_str(text), &command->print_err);
    if (command->printed == HM_OK)
        command->printed = hm_buf_append_byte(&line, '\n', &command->print_err);
    if (command->printed == HM_OK)
        command->printed = hm_cmd_print(hm_buf_bytes(&line), &command->print_err);
}

static void on_progress(void *ctx, const struct hm_catalogue_item *item, uint64_t done)
{
    struct command *command = ctx;

    if (command->current != item)
        hm_progress_start(&command->progress, item->path, item->file.length);
    command->current = item;
    hm_progress_update(&command->progress, done);
}

static void on_notice(void *ctx, const char *sentence)
{
    struct command *command = ctx;

    hm_progress_clear(&command->progress);
    hm_cmd_warn("%s", sentence);
}

static const char *result_text(enum hm_get_result result, enum hm_rc rc)
{
    if (rc != HM_OK)
        return "failed";
    return result == HM_GET_UNCHANGED ? "unchanged" : result == HM_GET_NEW ? "new" : "replaced";
}

static void on_file(void *ctx, const struct hm_catalogue_item *item, enum hm_get_result result,
                    enum hm_rc rc, const char *text)
{
    struct command *command = ctx;

    hm_progress_clear(&command->progress);
    hm_json_writer_object_begin(&command->files);
    hm_customer_write_item(&command->files, item);
    if (item->rc == HM_OK) {
        hm_json_writer_key_str(&command->files, "result", result_text(result, rc));
        if (rc != HM_OK) {
            hm_json_writer_key_str(&command->files, "code", hm_error_name(rc));
            hm_json_writer_key_str(&command->files, "reason", text);
        }
    }
    hm_json_writer_object_end(&command->files);
    if (rc == HM_ERECALLED && result != HM_GET_UNCHANGED) {
        hm_cmd_warn("%s", text);
        return;
    }
    if (rc != HM_OK) {
        struct hm_err err = HM_ERR_INIT;

        (void)hm_fail(
            &err, rc, "%s%s", text,
            rc == HM_ERECALLED ? "; it is in the folder: take it away, or let --delete do so" : "");
        /* What ends the run is told at its end. */
        if (rc != HM_ENETWORK && hm_error_exit_status(rc) != 4)
            (void)hm_cmd_fail(&err);
        return;
    }
    if (result == HM_GET_UNCHANGED)
        return;
    print_line(command, "%.*s: %s%s (%s)", HM_BYTES_FMT(item->path),
               command->options.dry_run ? "would be " : "", result_text(result, rc),
               hm_layout_grade_text(item->file.grade));
}

static void on_removal(void *ctx, const char *target, const char *kept)
{
    struct command *command = ctx;

    hm_json_writer_object_begin(&command->removals);
    hm_json_writer_key_str(&command->removals, "path", target);
    hm_json_writer_key(&command->removals, "removed");
    hm_json_writer_bool(&command->removals, kept == NULL);
    if (kept != NULL)
        hm_json_writer_key_str(&command->removals, "reason", kept);
    hm_json_writer_object_end(&command->removals);
    if (kept == NULL)
        print_line(command, "%s: %sremoved", target, command->options.dry_run ? "would be " : "");
    else
        hm_cmd_warn("'%s': is not wanted now, but stays: %s", target, kept);
}

static enum hm_rc run(struct command *command, char **operands, size_t count, struct hm_err *err)
{
    struct hm_sync_events events = {
        .get = {.progress = on_progress, .notice = on_notice, .ctx = command},
        .file = on_file,
        .removal = on_removal,
        .ctx = command,
    };
    struct hm_pattern *patterns = NULL;
    struct hm_subscription *site = NULL;
    const char *name = NULL;
    size_t made = 0;
    enum hm_rc worst = HM_OK;
    enum hm_rc rc;

    HM_TRY(hm_customer_patterns(&command->customer, operands, count, err, &patterns, &made));
    HM_TRY(hm_customer_name(&command->customer, err, &name));
    HM_TRY(hm_customer_open_site(&command->customer, name, false, patterns, made, err, &site));
    HM_TRY(hm_customer_check_online(site, err));
    HM_TRY(hm_catalogue_add(&command->catalogue, site, patterns, made, err));
    hm_catalogue_sort(&command->catalogue);
    if (command->catalogue.item_count == 0 && command->catalogue.problem_count == 0)
        hm_cmd_warn("site '%s' has released nothing that these patterns match", name);
    for (size_t i = 0; i < command->catalogue.problem_count; i++) {
        struct hm_err why = HM_ERR_INIT;

        (void)hm_fail(&why, command->catalogue.problems[i].rc, "site '%s': %s", name,
                      command->catalogue.problems[i].text);
        (void)hm_cmd_fail(&why);
        worst = hm_sync_worse(worst, why.rc);
    }
    rc = hm_sync_run(&command->customer.home, &command->catalogue, site, command->folder,
                     command->options, &events, err, &command->counts);
    command->counts.worst = hm_sync_worse(command->counts.worst, worst);
    if (rc == HM_OK && !command->options.dry_run)
        hm_deliver_proof_visit(site, &events.get);
    return rc;
}

static int print_json(struct command *command, enum hm_rc rc)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_sync_counts *counts = &command->counts;
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;

    hm_json_writer_array_end(&command->files);
    hm_json_writer_array_end(&command->removals);
    if (hm_json_writer_end(&command->files, &err) != HM_OK ||
        hm_json_writer_end(&command->removals, &err) != HM_OK)
        return hm_cmd_fail(&err);
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/sync/1");
    hm_json_writer_key(&writer, "changed");
    hm_json_writer_bool(&writer, counts->placed + counts->removed > 0);
    hm_json_writer_key(&writer, "dry_run");
    hm_json_writer_bool(&writer, command->options.dry_run);
    if (command->customer.site_count > 0)
        hm_customer_write_log(&writer, command->customer.sites[0]);
    hm_json_writer_key(&writer, "counts");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_int(&writer, "unchanged", (int64_t)counts->unchanged);
    hm_json_writer_key_int(&writer, "placed", (int64_t)counts->placed);
    hm_json_writer_key_int(&writer, "failed", (int64_t)counts->failed);
    hm_json_writer_key_int(&writer, "removed", (int64_t)counts->removed);
    hm_json_writer_key_int(&writer, "kept", (int64_t)counts->kept);
    hm_json_writer_key_int(&writer, "recalled", (int64_t)counts->recalled);
    hm_json_writer_key(&writer, "bytes");
    hm_json_writer_u64(&writer, counts->bytes);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_raw(&writer, hm_buf_bytes(&command->json_files));
    hm_json_writer_key(&writer, "removals");
    hm_json_writer_raw(&writer, hm_buf_bytes(&command->json_removals));
    hm_customer_write_problems(&writer, &command->catalogue);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, rc);
}

static int finish(struct command *command, enum hm_rc rc, const struct hm_err *err)
{
    const struct hm_sync_counts *counts = &command->counts;
    char size[16];

    hm_progress_clear(&command->progress);
    if (rc != HM_OK)
        (void)hm_cmd_fail(err);
    hm_text_size(counts->bytes, size);
    print_line(command, "%zu unchanged, %zu %splaced (%s), %zu failed, %zu %sremoved, %zu kept",
               counts->unchanged, counts->placed, command->options.dry_run ? "to be " : "", size,
               counts->failed, counts->removed, command->options.dry_run ? "to be " : "",
               counts->kept);
    if (command->printed == HM_OK && command->customer.site_count > 0 && !command->customer.json &&
        !command->customer.quiet)
        command->printed = hm_customer_print_log(command->customer.sites[0], &command->print_err);
    if (command->printed != HM_OK)
        return hm_cmd_fail(&command->print_err);
    rc = hm_sync_worse(counts->worst, rc);
    return command->customer.json ? print_json(command, rc) : hm_error_exit_status(rc);
}

int hm_cmd_sync(int argc, char **argv)
{
    static const struct option options[] = {HM_CUSTOMER_OPTIONS,
                                            {"delete", no_argument, NULL, OPT_DELETE},
                                            {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {
        .json_files = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX),
        .json_removals = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&command.customer, "hallmark sync", help);
    while ((option = getopt_long(argc, argv, ":d:", options, NULL)) != -1) {
        if (option == 'd')
            command.folder = optarg;
        else if (option == OPT_DELETE)
            command.options.remove = true;
        else if (option == OPT_DRY_RUN)
            command.options.dry_run = true;
        else if (!hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc == optind)
        return hm_cmd_usage("hallmark sync", "say what to sync: a pattern, or '*' for all");
    if (command.folder == NULL)
        return hm_cmd_usage("hallmark sync", "say where with -d DIR");
    hm_json_writer_init(&command.files, &command.json_files, false);
    hm_json_writer_array_begin(&command.files);
    hm_json_writer_init(&command.removals, &command.json_removals, false);
    hm_json_writer_array_begin(&command.removals);
    hm_progress_init(&command.progress, !command.customer.no_progress && !command.customer.quiet);
    return finish(&command, run(&command, argv + optind, (size_t)(argc - optind), &err), &err);
}
