/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark bundle: what a site has, carried by hand to a network without a connection. */
#include "customer.h"

#include "base/text.h"
#include "base/time.h"
#include "customer/pack.h"
#include "customer/sync.h"
#include "progress.h"

static const char help_export[] =
    "usage: hallmark bundle export PATTERN... -o FILE [OPTION...]\n"
    "\n"
    "Refreshes the site and writes its verified metadata and the images of the patterns into one\n"
    "file, for 'hallmark bundle import'. What is refused is told and left out.\n"
    "\n"
    "  -o FILE         the bundle to write\n"
    "  --site NAME     of this site; needed where several are trusted\n"
    "  --json          one JSON object, schema hallmark/bundle-export/1\n"
    "  --quiet         print nothing but failures\n"
    "  --no-progress   no progress line\n"
    "  --home DIR      the state folder\n";
static const char help_import[] =
    "usage: hallmark bundle import FILE [OPTION...]\n"
    "\n"
    "Verifies a bundle as if it were the site, remembers its state, and places its images below\n"
    "DIR/ID/PRODUCT/VERSION/FILE. The site must be trusted here: see 'hallmark trust add'.\n"
    "\n"
    "  -d DIR          place the images here; without it, only the state is taken in\n"
    "  --max-age D     cannot tell if the bundle was made of an older refresh (30d, 12h, ...)\n"
    "  --accept-age D  judge the bundle as of its own time, up to D ago: for one that is past the\n"
    "                  site's own limit\n"
    "  --dry-run       say what would be placed; the state is taken in all the same\n"
    "  --json          one JSON object, schema hallmark/bundle-import/1\n"
    "  --quiet         print nothing but failures\n"
    "  --no-progress   no progress line\n"
    "  --home DIR      the state folder\n";

enum { OPT_MAX_AGE = HM_CUSTOMER_OWN_, OPT_ACCEPT_AGE, OPT_DRY_RUN };

struct command {
    struct hm_customer customer;
    const char *folder; /* of import; or NULL */
    int64_t max_age_s, accept_age_s;
    bool dry_run;
    struct hm_bundle *bundle;
    struct hm_subscription *site; /* of import; owned */
    struct hm_catalogue catalogue;
    struct hm_progress progress;
    const struct hm_catalogue_item *current;
    struct hm_sync_counts counts;
    struct hm_pack_counts packed;
    struct hm_buf json_files;
    struct hm_json_writer files; /* an array being written */
    enum hm_rc worst;
};

static void command_done(struct command *command)
{
    hm_progress_clear(&command->progress);
    hm_buf_done(&command->json_files);
    hm_catalogue_done(&command->catalogue);
    hm_subscription_free(command->site);
    hm_bundle_free(command->bundle);
    hm_customer_done(&command->customer);
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

/* ---- export ---------------------------------------------------------------------------------- */

static enum hm_rc run_export_on(struct command *command, char **operands, size_t count,
                                const char *path, struct hm_err *err)
{
    struct hm_get_events events = {.progress = on_progress, .notice = on_notice, .ctx = command};
    struct hm_pattern *patterns = NULL;
    struct hm_subscription *site = NULL;
    const char *name = NULL;
    size_t made = 0;

    HM_TRY(hm_customer_patterns(&command->customer, operands, count, err, &patterns, &made));
    HM_TRY(hm_customer_name(&command->customer, err, &name));
    HM_TRY(hm_customer_open_site(&command->customer, name, false, patterns, made, err, &site));
    HM_TRY(hm_customer_check_online(site, err));
    HM_TRY(hm_catalogue_add(&command->catalogue, site, patterns, made, err));
    hm_catalogue_sort(&command->catalogue);
    command->worst = hm_customer_print_problems(&command->catalogue);
    if (command->catalogue.item_count == 0 && command->worst == HM_OK)
        return hm_fail(err, HM_EUNKNOWN, "site '%s' has released nothing that these patterns match",
                       name);
    return hm_pack_run(site, &command->catalogue, (const char *const *)operands, count, path,
                       &events, err, &command->packed);
}

static int finish_export(struct command *command, const char *path)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_subscription *site = command->customer.sites[0];
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;
    char size[16], expires[HM_TIME_TEXT_SIZE];

    if (command->customer.json) {
        hm_json_writer_init(&writer, &out, false);
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "schema", "hallmark/bundle-export/1");
        hm_json_writer_key_str(&writer, "file", path);
        hm_json_writer_key_str(&writer, "site", site->name);
        hm_json_writer_key(&writer, "refreshed");
        hm_json_writer_time(&writer, site->refreshed_unix_s);
        hm_json_writer_key_int(&writer, "roles", (int64_t)command->packed.roles);
        hm_json_writer_key_int(&writer, "images", (int64_t)command->packed.images);
        hm_json_writer_key(&writer, "image_bytes");
        hm_json_writer_u64(&writer, command->packed.image_bytes);
        hm_customer_write_problems(&writer, &command->catalogue);
        hm_json_writer_object_end(&writer);
        return hm_customer_finish_json(&writer, command->worst);
    }
    if (command->customer.quiet)
        return hm_error_exit_status(command->worst);
    hm_text_size(command->packed.image_bytes, size);
    hm_time_format(hm_client_timestamp(site->client)->document.expires_unix_s, expires);
    if (hm_text_escape(&out, hm_bytes_str(path), &err) != HM_OK ||
        hm_buf_append_fmt(&out, &err,
                          ": %zu images (%s) of %s, to be imported until %s or with --accept-age\n",
                          command->packed.images, size, site->name, expires) != HM_OK ||
        hm_cmd_print(hm_buf_bytes(&out), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(command->worst);
}

static int run_export(int argc, char **argv)
{
    static const struct option options[] = {HM_CUSTOMER_OPTIONS, {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {0};
    struct hm_err err = HM_ERR_INIT;
    const char *path = NULL;
    int option;

    hm_customer_init(&command.customer, "hallmark bundle export", help_export);
    while ((option = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (option == 'o')
            path = optarg;
        else if (!hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc == optind)
        return hm_cmd_usage("hallmark bundle export", "say of what: a pattern, or '*' for all");
    if (path == NULL)
        return hm_cmd_usage("hallmark bundle export", "say where to with -o FILE");
    hm_progress_init(&command.progress, !command.customer.no_progress && !command.customer.quiet);
    if (run_export_on(&command, argv + optind, (size_t)(argc - optind), path, &err) != HM_OK) {
        hm_progress_clear(&command.progress);
        return hm_cmd_fail(&err);
    }
    hm_progress_clear(&command.progress);
    return finish_export(&command, path);
}

/* ---- import ---------------------------------------------------------------------------------- */

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
    struct hm_err err = HM_ERR_INIT;

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
    if (rc != HM_OK) {
        (void)hm_fail(&err, rc, "%s", text);
        if (hm_error_exit_status(rc) != 4) /* what ends the run is told at its end */
            (void)hm_cmd_fail(&err);
        return;
    }
    if (result != HM_GET_UNCHANGED && !command->customer.json && !command->customer.quiet)
        (void)printf("%.*s: %s%s (%s)\n", HM_BYTES_FMT(item->path),
                     command->dry_run ? "would be " : "", result_text(result, rc),
                     hm_layout_grade_text(item->file.grade)); /* failures are seen at the end */
}

static enum hm_rc open_site(struct command *command, const char *path, struct hm_err *err)
{
    const struct hm_bundle_head *head;
    int64_t judged_unix_s = 0;

    HM_TRY(hm_bundle_open(path, err, &command->bundle));
    head = hm_bundle_head(command->bundle);
    HM_TRY(hm_bundle_judge(head, command->customer.now_unix_s, command->max_age_s,
                           command->accept_age_s, err, &judged_unix_s));
    HM_TRY(hm_customer_open_home(&command->customer, false, err));
    return hm_subscription_open_bundle(&command->customer.home, head->site, command->bundle,
                                       command->customer.now_unix_s, judged_unix_s, err,
                                       &command->site);
}

static enum hm_rc import(struct command *command, const char *path, struct hm_err *err)
{
    struct hm_sync_events events = {
        .get = {.progress = on_progress, .notice = on_notice, .ctx = command},
        .file = on_file,
        .ctx = command,
    };
    struct hm_sync_options options = {.dry_run = command->dry_run};
    const struct hm_bundle_head *head;
    struct hm_refresh_want *wants;
    struct hm_pattern *patterns;

    HM_TRY(open_site(command, path, err));
    head = hm_bundle_head(command->bundle);
    patterns = hm_arena_alloc(&command->customer.arena, head->pattern_count, sizeof(*patterns));
    wants = hm_arena_alloc(&command->customer.arena, head->pattern_count, sizeof(*wants));
    if (patterns == NULL || wants == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < head->pattern_count; i++) {
        HM_TRY(
            hm_catalogue_pattern(head->patterns[i], &command->customer.arena, err, &patterns[i]));
        wants[i] = (struct hm_refresh_want){patterns[i].id, patterns[i].product};
    }
    HM_TRY(
        hm_refresh_run(command->site, (struct hm_refresh_scope){wants, head->pattern_count}, err));
    hm_customer_warn_trial(&command->customer, command->site);
    HM_TRY(
        hm_catalogue_add(&command->catalogue, command->site, patterns, head->pattern_count, err));
    hm_catalogue_sort(&command->catalogue);
    if (command->folder == NULL) {
        command->worst = hm_customer_print_problems(&command->catalogue);
        return HM_OK;
    }
    for (size_t i = 0; i < command->catalogue.problem_count; i++) {
        struct hm_err why = HM_ERR_INIT;

        (void)hm_fail(&why, command->catalogue.problems[i].rc, "site '%s': %s", command->site->name,
                      command->catalogue.problems[i].text);
        (void)hm_cmd_fail(&why);
        command->worst = hm_sync_worse(command->worst, why.rc);
    }
    HM_TRY(hm_sync_run(&command->customer.home, &command->catalogue, command->site, command->folder,
                       options, &events, err, &command->counts));
    command->worst = hm_sync_worse(command->worst, command->counts.worst);
    return HM_OK;
}

static int finish_import_json(struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;

    hm_json_writer_array_end(&command->files);
    if (hm_json_writer_end(&command->files, &err) != HM_OK)
        return hm_cmd_fail(&err);
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/bundle-import/1");
    hm_json_writer_key_str(&writer, "site", command->site->name);
    hm_json_writer_key(&writer, "refreshed");
    hm_json_writer_time(&writer, command->site->refreshed_unix_s);
    hm_json_writer_key(&writer, "changed");
    hm_json_writer_bool(&writer, command->counts.placed > 0);
    hm_json_writer_key(&writer, "dry_run");
    hm_json_writer_bool(&writer, command->dry_run);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_raw(&writer, hm_buf_bytes(&command->json_files));
    hm_customer_write_problems(&writer, &command->catalogue);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, command->worst);
}

static int finish_import(struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(65536);
    const struct hm_sync_counts *counts = &command->counts;
    struct hm_err err = HM_ERR_INIT;
    char time[HM_TIME_TEXT_SIZE], size[16];

    if (command->customer.json)
        return finish_import_json(command);
    if (command->customer.quiet)
        return hm_error_exit_status(command->worst);
    hm_time_format(command->site->refreshed_unix_s, time);
    hm_text_size(counts->bytes, size);
    if (command->folder != NULL &&
        hm_buf_append_fmt(&out, &err, "%zu unchanged, %zu %splaced (%s), %zu failed\n",
                          counts->unchanged, counts->placed, command->dry_run ? "to be " : "", size,
                          counts->failed) != HM_OK)
        return hm_cmd_fail(&err);
    if (hm_buf_append_fmt(&out, &err, "%s is as of %s\n", command->site->name, time) != HM_OK ||
        hm_cmd_print(hm_buf_bytes(&out), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(command->worst);
}

static int run_import(int argc, char **argv)
{
    static const struct option options[] = {HM_CUSTOMER_OPTIONS,
                                            {"max-age", required_argument, NULL, OPT_MAX_AGE},
                                            {"accept-age", required_argument, NULL, OPT_ACCEPT_AGE},
                                            {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {.max_age_s = -1,
                                                      .accept_age_s = -1,
                                                      .json_files =
                                                          HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&command.customer, "hallmark bundle import", help_import);
    while ((option = getopt_long(argc, argv, ":d:", options, NULL)) != -1) {
        enum hm_rc rc = HM_OK;

        if (option == 'd')
            command.folder = optarg;
        else if (option == OPT_MAX_AGE)
            rc = hm_time_parse_duration(optarg, &err, &command.max_age_s);
        else if (option == OPT_ACCEPT_AGE)
            rc = hm_time_parse_duration(optarg, &err, &command.accept_age_s);
        else if (option == OPT_DRY_RUN)
            command.dry_run = true;
        else if (option == HM_CUSTOMER_SITE || !hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
        if (rc != HM_OK)
            return hm_cmd_usage("hallmark bundle import", "%s", err.text);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc - optind != 1)
        return hm_cmd_usage("hallmark bundle import", "say which bundle: FILE");
    hm_json_writer_init(&command.files, &command.json_files, false);
    hm_json_writer_array_begin(&command.files);
    hm_progress_init(&command.progress, !command.customer.no_progress && !command.customer.quiet);
    if (import(&command, argv[optind], &err) != HM_OK) {
        hm_progress_clear(&command.progress);
        return hm_cmd_fail(&err);
    }
    return finish_import(&command);
}

int hm_cmd_bundle(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"export", run_export, "write what a site has into one file"},
        {"import", run_import, "verify such a file and take it in"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark bundle", commands, argc, argv);
}
