/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark get: files of a release, verified, into a folder. */
#include "customer.h"

#include "base/text.h"
#include "customer/deliver_proof.h"
#include "customer/override.h"
#include "customer/release_proof.h"
#include "customer/sync.h"
#include "progress.h"

static const char help[] =
    "usage: hallmark get PATH|RELEASE... [OPTION...]\n"
    "\n"
    "Refreshes the site and gets files: one (ID/PRODUCT/VERSION/FILE) or all of a release\n"
    "(ID/PRODUCT/VERSION). Nothing stands under its name before it was verified; a broken "
    "transfer\n"
    "is continued by the next run.\n"
    "\n"
    "  -d DIR          place the files here (default: the current folder)\n"
    "  -o FILE         place the one file there\n"
    "  --site NAME     from this site; needed where several are trusted\n"
    "  --dry-run       say what would be done\n"
    "  --despite-recall RECALL  get what this recall (recalls/ID/NAME.json) has taken back all "
    "the\n"
    "                  same; it is recorded in the state folder\n"
    "  --json          one JSON object, schema hallmark/get/1\n"
    "  --quiet         print nothing but failures\n"
    "  --no-progress   no progress line\n"
    "  --home DIR      the state folder\n";

enum { OPT_DRY_RUN = HM_CUSTOMER_OWN_, OPT_DESPITE_RECALL };

struct outcome {
    enum hm_get_result result;
    enum hm_rc rc;
    const char *text;
    const char *place; /* as the user would write it */
};

struct command {
    struct hm_customer customer;
    const char *folder;
    const char *file;
    bool dry_run;
    struct hm_catalogue catalogue;
    struct outcome *outcomes; /* one for each item */
    struct hm_progress progress;
    enum hm_rc worst;
};

static void command_done(struct command *command)
{
    hm_progress_clear(&command->progress);
    hm_catalogue_done(&command->catalogue);
    hm_customer_done(&command->customer);
}

static void on_progress(void *ctx, const struct hm_catalogue_item *item, uint64_t done)
{
    struct command *command = ctx;

    (void)item;
    hm_progress_update(&command->progress, done);
}

static void on_notice(void *ctx, const char *sentence)
{
    struct command *command = ctx;

    hm_progress_clear(&command->progress);
    hm_cmd_warn("%s", sentence);
}

/* ---- what is wanted -------------------------------------------------------------------------- */

static bool has_wildcard(struct hm_bytes pattern)
{
    for (size_t i = 0; i < pattern.size; i++) {
        if (strchr("*?[", pattern.data[i]) != NULL)
            return true;
    }
    return false;
}

/* A path that no site can have is the caller's mistake. */
static enum hm_rc check_operand(const struct hm_pattern *pattern, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_path path;

    if (pattern->given != 4 || has_wildcard(pattern->whole) ||
        hm_layout_parse_path(pattern->whole, &why, &path) == HM_OK)
        return HM_OK;
    return hm_fail(err, HM_EUSAGE, "%s", why.text);
}

static enum hm_rc add_wanted(struct command *command, struct hm_subscription *site,
                             const struct hm_pattern *pattern, const char *operand,
                             struct hm_err *err)
{
    size_t before = command->catalogue.item_count + command->catalogue.problem_count;

    if (pattern->given == 4 && !has_wildcard(pattern->whole))
        return hm_catalogue_add_path(&command->catalogue, site, pattern->whole, err);
    HM_TRY(hm_catalogue_add(&command->catalogue, site, pattern, 1, err));
    if (command->catalogue.item_count + command->catalogue.problem_count == before)
        return hm_fail(err, HM_EUNKNOWN,
                       "site '%s' has released no '%s'; 'hallmark list' shows what it has",
                       site->name, operand);
    return HM_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct hm_catalogue_item *const *left = a;
    const struct hm_catalogue_item *const *right = b;

    return hm_bytes_compare((*left)->file.path.file, (*right)->file.path.file);
}

/* All files go into one folder: two of one name would fall on each other. */
static enum hm_rc check_names(struct command *command, struct hm_err *err)
{
    size_t count = command->catalogue.item_count;
    const struct hm_catalogue_item **sorted =
        hm_arena_alloc(&command->customer.arena, count, sizeof(const struct hm_catalogue_item *));

    if (sorted == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &command->catalogue.items[i];
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
            return hm_fail(err, HM_EUSAGE,
                           "'%.*s' and '%.*s' would have one name in the folder; get one release "
                           "at a time, or use 'hallmark sync'",
                           HM_BYTES_FMT(sorted[i - 1]->path), HM_BYTES_FMT(sorted[i]->path));
    }
    return HM_OK;
}

/* Who asks for a recalled file by name is told how to have it, and does not get it. */
static void tell_recalled(struct command *command)
{
    for (size_t i = 0; i < command->catalogue.item_count; i++) {
        const struct hm_catalogue_item *item = &command->catalogue.items[i];
        struct hm_err err = HM_ERR_INIT;

        if (item->rc != HM_ERECALLED)
            continue;
        (void)hm_fail(&err, HM_ERECALLED,
                      "'%.*s' is recalled and was not got; '--despite-recall %s' gets it all the "
                      "same, and is recorded",
                      HM_BYTES_FMT(item->path), item->recall->path);
        (void)hm_cmd_fail(&err);
        command->worst = hm_sync_worse(command->worst, HM_ERECALLED);
    }
}

static enum hm_rc collect(struct command *command, char **operands, size_t count,
                          struct hm_err *err)
{
    struct hm_pattern *patterns = NULL;
    struct hm_subscription *site = NULL;
    const char *name = NULL;
    size_t made = 0;

    HM_TRY(hm_customer_patterns(&command->customer, operands, count, err, &patterns, &made));
    for (size_t i = 0; i < made; i++)
        HM_TRY(check_operand(&patterns[i], err));
    HM_TRY(hm_customer_name(&command->customer, err, &name));
    HM_TRY(hm_customer_open_site(&command->customer, name, false, patterns, made, err, &site));
    HM_TRY(hm_customer_check_online(site, err));
    for (size_t i = 0; i < made; i++)
        HM_TRY(add_wanted(command, site, &patterns[i], operands[i], err));
    command->worst = hm_customer_print_problems(&command->catalogue);
    tell_recalled(command);
    /* A release is whole or not at all: where one file is refused, none is got. */
    if (command->worst != HM_OK)
        return HM_OK;
    for (size_t i = 0; i < made; i++) {
        if (patterns[i].given < 3)
            return hm_fail(err, HM_EUSAGE,
                           "'%s' names more than one release; use 'hallmark sync' for that, or "
                           "name ID/PRODUCT/VERSION",
                           operands[i]);
    }
    HM_TRY(check_names(command, err));
    if (command->file != NULL && command->catalogue.item_count != 1)
        return hm_fail(err, HM_EUSAGE, "-o names one file, but %zu are to be got; use -d",
                       command->catalogue.item_count);
    /* Nor where one release has no place in the site's log. */
    HM_TRY(hm_catalogue_prove(&command->catalogue, err));
    command->worst = hm_customer_print_problems(&command->catalogue);
    return HM_OK;
}

/* ---- getting --------------------------------------------------------------------------------- */

/* The folder and the name below it; place is for people. */
static enum hm_rc find_place(struct command *command, const struct hm_catalogue_item *item,
                             struct hm_err *err, const char **ret_folder, const char **ret_name,
                             const char **ret_place)
{
    struct hm_arena *arena = &command->customer.arena;
    _hm_done_(hm_buf_done) struct hm_buf place = HM_BUF_INIT(65536);
    const char *slash;

    if (command->file == NULL) {
        *ret_folder = command->folder;
        *ret_name = hm_arena_strdup(arena, item->file.path.file);
        HM_TRY(hm_buf_append_fmt(
            &place, err, "%s%s%.*s", strcmp(command->folder, ".") == 0 ? "" : command->folder,
            strcmp(command->folder, ".") == 0 ? "" : "/", HM_BYTES_FMT(item->file.path.file)));
    } else {
        slash = strrchr(command->file, '/');
        *ret_name = slash == NULL ? command->file : slash + 1;
        *ret_folder = slash == NULL ? "."
                      : slash == command->file
                          ? "/"
                          : hm_arena_strdup(arena, hm_bytes_make(command->file,
                                                                 (size_t)(slash - command->file)));
        HM_TRY(hm_buf_append_str(&place, command->file, err));
    }
    *ret_place = hm_arena_strdup(arena, hm_buf_bytes(&place));
    if (*ret_folder == NULL || *ret_name == NULL || *ret_place == NULL)
        return hm_error_nomem(err);
    if (!hm_dir_is_safe_path(*ret_name))
        return hm_fail(err, HM_EUSAGE, "'%s' names no file to write", command->file);
    return HM_OK;
}

static enum hm_rc keep_proof(struct command *command, const struct hm_catalogue_item *item,
                             const struct hm_dir *dir, const char *name, struct hm_err *err)
{
    char *notice = NULL;

    HM_TRY(hm_release_proof_place(item, dir, name, err, &notice));
    if (notice != NULL)
        on_notice(command, notice);
    free(notice);
    return HM_OK;
}

static enum hm_rc get_one(struct command *command, const struct hm_catalogue_item *item,
                          struct hm_err *err, struct outcome *outcome)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_get_events events = {.progress = on_progress, .notice = on_notice, .ctx = command};
    const char *folder = NULL;
    const char *name = NULL;

    HM_TRY(find_place(command, item, err, &folder, &name, &outcome->place));
    if (command->dry_run && access(folder, F_OK) != 0)
        return HM_OK;
    if (command->file == NULL && !command->dry_run)
        HM_TRY(hm_dir_make(folder, 0755, err, &dir));
    else
        HM_TRY(hm_dir_open(folder, err, &dir));
    HM_TRY(hm_get_look(item, &dir, name, err, &outcome->result));
    if (command->dry_run)
        return HM_OK;
    if (outcome->result != HM_GET_UNCHANGED) {
        HM_TRY(hm_override_record(item, command->catalogue.despite, err));
        hm_progress_start(&command->progress, item->path, item->file.length);
        HM_TRY(hm_get_file(item, &dir, name, &events, err));
    } else {
        HM_TRY(hm_deliver_held(item, &events, err));
    }
    return keep_proof(command, item, &dir, name, err);
}

static const char *result_text(const struct outcome *outcome)
{
    if (outcome->rc != HM_OK)
        return "failed";
    switch (outcome->result) {
    case HM_GET_UNCHANGED:
        return "unchanged";
    case HM_GET_REPLACED:
        return "replaced";
    case HM_GET_NEW:
        break;
    }
    return "new";
}

static enum hm_rc print_outcome(const struct command *command, const struct hm_catalogue_item *item,
                                const struct outcome *outcome, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(65536);
    char size[16];

    if (command->customer.json || command->customer.quiet || outcome->rc != HM_OK)
        return HM_OK;
    hm_text_size(item->file.length, size);
    HM_TRY(hm_text_escape(&line, hm_bytes_str(outcome->place), err));
    HM_TRY(hm_buf_append_fmt(&line, err, ": %s%s, %s, %.*s (%s)\n",
                             command->dry_run ? "would be " : "", result_text(outcome), size,
                             HM_BYTES_FMT(item->path), hm_layout_grade_text(item->file.grade)));
    return hm_cmd_print(hm_buf_bytes(&line), err);
}

static enum hm_rc get_all(struct command *command, struct hm_err *err)
{
    const struct hm_get_events events = {.notice = on_notice, .ctx = command};
    size_t count = command->catalogue.item_count;

    command->outcomes = hm_arena_alloc(&command->customer.arena, count, sizeof(*command->outcomes));
    if (command->outcomes == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const struct hm_catalogue_item *item = &command->catalogue.items[i];
        struct outcome *outcome = &command->outcomes[i];
        struct hm_err why = HM_ERR_INIT;

        outcome->result = HM_GET_NEW;
        outcome->rc = get_one(command, item, &why, outcome);
        hm_progress_clear(&command->progress);
        if (outcome->rc == HM_EUSAGE)
            return hm_fail(err, HM_EUSAGE, "%s", why.text);
        if (outcome->rc != HM_OK) {
            (void)hm_cmd_fail(&why);
            outcome->text = hm_arena_strdup(&command->customer.arena, hm_bytes_str(why.text));
            command->worst = hm_sync_worse(command->worst, outcome->rc);
        }
        HM_TRY(print_outcome(command, item, outcome, err));
    }
    if (count > 0 && !command->dry_run)
        hm_deliver_proof_visit(command->catalogue.items[0].subscription, &events);
    if (count == 0 || command->customer.json || command->customer.quiet)
        return HM_OK;
    return hm_customer_print_log(command->catalogue.items[0].subscription, err);
}

static void write_file(struct hm_json_writer *writer, const struct hm_catalogue_item *item,
                       const struct outcome *outcome)
{
    hm_json_writer_object_begin(writer);
    hm_customer_write_item(writer, item);
    if (outcome != NULL && item->rc == HM_OK) {
        hm_json_writer_key_str(writer, "result", result_text(outcome));
        if (outcome->place != NULL)
            hm_json_writer_key_str(writer, "place", outcome->place);
        if (outcome->text != NULL) {
            hm_json_writer_key_str(writer, "code", hm_error_name(outcome->rc));
            hm_json_writer_key_str(writer, "reason", outcome->text);
        }
    }
    hm_json_writer_object_end(writer);
}

static int print_json(struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;
    bool changed = false;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/get/1");
    for (size_t i = 0; command->outcomes != NULL && i < command->catalogue.item_count; i++)
        changed |=
            command->outcomes[i].rc == HM_OK && command->outcomes[i].result != HM_GET_UNCHANGED;
    hm_json_writer_key(&writer, "changed");
    hm_json_writer_bool(&writer, changed);
    hm_json_writer_key(&writer, "dry_run");
    hm_json_writer_bool(&writer, command->dry_run);
    if (command->customer.site_count > 0)
        hm_customer_write_log(&writer, command->customer.sites[0]);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < command->catalogue.item_count; i++)
        write_file(&writer, &command->catalogue.items[i],
                   command->outcomes == NULL ? NULL : &command->outcomes[i]);
    hm_json_writer_array_end(&writer);
    hm_customer_write_problems(&writer, &command->catalogue);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, command->worst);
}

int hm_cmd_get(int argc, char **argv)
{
    static const struct option options[] = {
        HM_CUSTOMER_OPTIONS,
        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
        {"despite-recall", required_argument, NULL, OPT_DESPITE_RECALL},
        {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {.folder = NULL};
    struct hm_err err = HM_ERR_INIT;
    struct hm_bytes id, name;
    int option;

    hm_customer_init(&command.customer, "hallmark get", help);
    while ((option = getopt_long(argc, argv, ":d:o:", options, NULL)) != -1) {
        if (option == 'd')
            command.folder = optarg;
        else if (option == 'o')
            command.file = optarg;
        else if (option == OPT_DRY_RUN)
            command.dry_run = true;
        else if (option == OPT_DESPITE_RECALL)
            command.catalogue.despite = optarg;
        else if (!hm_customer_take_option(&command.customer, option))
            return hm_customer_bad_option(&command.customer, option, argv);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc == optind)
        return hm_cmd_usage("hallmark get", "say what to get: ID/PRODUCT/VERSION[/FILE]");
    if (command.catalogue.despite != NULL &&
        hm_recall_parse_path(hm_bytes_str(command.catalogue.despite), &err, &id, &name) != HM_OK)
        return hm_cmd_usage("hallmark get", "--despite-recall: %s", err.text);
    if (command.folder != NULL && command.file != NULL)
        return hm_cmd_usage("hallmark get", "-d and -o exclude each other");
    if (command.folder == NULL)
        command.folder = ".";
    hm_progress_init(&command.progress, !command.customer.no_progress && !command.customer.quiet);
    if (collect(&command, argv + optind, (size_t)(argc - optind), &err) != HM_OK)
        return hm_cmd_fail(&err);
    if (command.worst == HM_OK && get_all(&command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    if (command.customer.json)
        return print_json(&command);
    return hm_error_exit_status(command.worst);
}
