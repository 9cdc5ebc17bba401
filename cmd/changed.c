/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark list --changed. The moment that is compared with is a folder of customer/kept.h: it
 * moves on after the report is out, so that a change is told twice rather than never.
 */
#include "changed.h"

#include "base/lock.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/changes.h"
#include "customer/sync.h"

/* One site's part of the report. */
struct report {
    struct hm_subscription *now;  /* owned */
    struct hm_subscription *then; /* owned; NULL: there was no earlier report */
    struct hm_changes changes;
};

struct command {
    struct hm_customer *customer;
    bool is_offline, is_filtered;
    struct hm_pattern *patterns;
    size_t pattern_count;
    struct report *reports; /* in the customer's arena */
    size_t report_count;
    struct hm_buf json;
    struct hm_json_writer sites; /* an array being written */
    enum hm_rc worst;
};

static void report_done(struct report *report)
{
    hm_changes_done(&report->changes);
    hm_subscription_free(report->then);
    hm_subscription_free(report->now);
}

static void command_done(struct command *command)
{
    for (size_t i = 0; i < command->report_count; i++)
        report_done(&command->reports[i]);
    hm_buf_done(&command->json);
}

/* ---- printing -------------------------------------------------------------------------------- */

static const struct hm_catalogue_item *item_of(const struct hm_change *change)
{
    return change->now != NULL ? change->now : change->then;
}

static enum hm_rc append_file(struct command *command, const struct hm_change *change,
                              struct hm_buf *out, struct hm_err *err)
{
    const struct hm_catalogue_item *item = item_of(change);
    const char *title = NULL;
    char size[16];

    HM_TRY(hm_buf_append_fmt(out, err, "%-9s  %.*s", hm_changes_text(change->kind),
                             HM_BYTES_FMT(item->path)));
    if (change->kind == HM_CHANGE_REFUSED) {
        HM_TRY(hm_buf_append_str(out, ": ", err));
        HM_TRY(hm_text_escape(out, hm_bytes_str(item->text), err));
    } else if (change->kind != HM_CHANGE_REMOVED) {
        hm_text_size(item->file.length, size);
        HM_TRY(
            hm_buf_append_fmt(out, err, "  %s  %s", size, hm_layout_grade_text(item->file.grade)));
        title = hm_customer_custom_text(command->customer, item->file.custom, "title");
    }
    if (title != NULL) {
        HM_TRY(hm_buf_append_str(out, "  ", err));
        HM_TRY(hm_text_escape(out, hm_bytes_str(title), err));
    }
    return hm_buf_append_byte(out, '\n', err);
}

static enum hm_rc print_report(struct command *command, const struct report *report,
                               struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    const struct hm_changes *changes = &report->changes;
    char time[HM_TIME_TEXT_SIZE];

    if (report->then == NULL) {
        HM_TRY(hm_buf_append_fmt(
            &out, err, "%s: nothing to compare with yet; %s\n", report->now->name,
            command->is_filtered ? "begin with 'hallmark list --changed', without a pattern"
                                 : "from now on"));
        return hm_cmd_print(hm_buf_bytes(&out), err);
    }
    hm_time_format(report->then->refreshed_unix_s, time);
    HM_TRY(hm_buf_append_fmt(
        &out, err, "%s: %s%s\n", report->now->name,
        changes->file_count + changes->maker_count == 0 ? "no change since " : "since ", time));
    for (size_t i = 0; i < changes->maker_count; i++) {
        HM_TRY(hm_buf_append_fmt(&out, err, "%-9s  %s: ", "maker", changes->makers[i].maker));
        HM_TRY(hm_text_escape(&out, hm_bytes_str(changes->makers[i].text), err));
        HM_TRY(hm_buf_append_byte(&out, '\n', err));
    }
    for (size_t i = 0; i < changes->file_count; i++)
        HM_TRY(append_file(command, &changes->files[i], &out, err));
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static void write_change(struct hm_json_writer *writer, const struct hm_change *change)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "change", hm_changes_text(change->kind));
    hm_customer_write_item(writer, item_of(change));
    if (change->kind == HM_CHANGE_REPLACED) {
        hm_json_writer_key(writer, "was_sha256");
        hm_json_writer_hex(writer, hm_bytes_make(change->then->file.sha256.bytes, HM_SHA256_SIZE));
    }
    hm_json_writer_object_end(writer);
}

static void write_report(struct hm_json_writer *writer, const struct report *report)
{
    const struct hm_changes *changes = &report->changes;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "site", report->now->name);
    hm_json_writer_key(writer, "refreshed");
    hm_json_writer_time(writer, report->now->refreshed_unix_s);
    hm_json_writer_key(writer, "since");
    if (report->then == NULL)
        hm_json_writer_null(writer);
    else
        hm_json_writer_time(writer, report->then->refreshed_unix_s);
    hm_json_writer_key(writer, "makers");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < changes->maker_count; i++) {
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "maker", changes->makers[i].maker);
        hm_json_writer_key_str(writer, "change", changes->makers[i].text);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "files");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < changes->file_count; i++)
        write_change(writer, &changes->files[i]);
    hm_json_writer_array_end(writer);
    hm_customer_write_problems(writer, &changes->now);
    hm_json_writer_object_end(writer);
}

/* ---- one site -------------------------------------------------------------------------------- */

static enum hm_rc make_scope(struct command *command, bool with_products, struct hm_err *err,
                             struct hm_refresh_scope *ret_scope)
{
    struct hm_refresh_want *wants =
        hm_arena_alloc(&command->customer->arena, command->pattern_count, sizeof(*wants));

    if (wants == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < command->pattern_count; i++) {
        wants[i].id = command->patterns[i].id;
        if (with_products)
            wants[i].product = command->patterns[i].product;
    }
    *ret_scope = (struct hm_refresh_scope){wants, command->pattern_count};
    return HM_OK;
}

static enum hm_rc open_now(struct command *command, const char *name, struct hm_refresh_scope scope,
                           struct hm_err *err, struct report *report)
{
    struct hm_customer *customer = command->customer;

    HM_TRY(hm_subscription_open(&customer->home, name, customer->now_unix_s, !command->is_offline,
                                err, &report->now));
    hm_customer_warn_trial(customer, report->now);
    if (hm_subscription_is_online(report->now))
        return hm_refresh_run(report->now, scope, err);
    HM_TRY(hm_refresh_load(report->now, scope, err));
    hm_customer_tell_earlier(customer, report->now);
    return HM_OK;
}

static enum hm_rc open_then(struct command *command, const char *name,
                            struct hm_refresh_scope scope, struct hm_err *err,
                            struct report *report)
{
    struct hm_customer *customer = command->customer;
    struct hm_subscription *then = NULL;
    enum hm_rc rc;

    HM_TRY(hm_subscription_open(&customer->home, name, customer->now_unix_s, false, err, &then));
    rc = hm_refresh_load_kept(then, HM_KEPT_LISTED, scope, err);
    if (rc == HM_OK)
        report->then = then;
    else
        hm_subscription_free(then);
    return rc;
}

/* The first time: everything is got, so that what changes later was held before. */
static enum hm_rc begin_site(struct command *command, const char *name, struct hm_err *err,
                             struct report *report)
{
    struct hm_refresh_scope scope;

    HM_TRY(make_scope(command, true, err, &scope));
    hm_subscription_free(report->now);
    report->now = NULL;
    return open_now(command, name, scope, err, report);
}

static enum hm_rc find_changes(struct command *command, const char *name, struct hm_err *err,
                               struct report *report)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    struct hm_refresh_scope scope;
    enum hm_rc rc;

    HM_TRY(make_scope(command, false, err, &scope));
    HM_TRY(open_now(command, name, scope, err, report));
    rc = open_then(command, name, scope, err, report);
    /* A moment that cannot be read any more is none. */
    if (rc != HM_OK && hm_error_exit_status(rc) != 4)
        return begin_site(command, name, err, report);
    HM_TRY(rc);
    if (hm_subscription_is_online(report->now)) {
        HM_TRY(hm_lock_take(&report->now->dir, "lock", HM_HOME_LOCK_WAIT_MS, err, &lock));
        HM_TRY(hm_refresh_check_current(report->now, err));
    }
    return hm_changes_find(report->now, report->then, command->patterns, command->pattern_count,
                           err, &report->changes);
}

/* From now on: unless something could not be told, or the question was a narrow one. */
static enum hm_rc move_on(const struct command *command, const struct report *report,
                          struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;

    if (command->is_filtered || report->changes.has_gaps || report->now->is_earlier)
        return HM_OK;
    HM_TRY(hm_lock_take(&report->now->dir, "lock", HM_HOME_LOCK_WAIT_MS, err, &lock));
    /* What came meanwhile is told next time. */
    if (hm_refresh_check_current(report->now, NULL) != HM_OK)
        return HM_OK;
    return hm_kept_begin(&report->now->dir, HM_KEPT_LISTED, err);
}

static enum hm_rc report_site(struct command *command, const char *name, struct hm_err *err)
{
    struct report *report = &command->reports[command->report_count];

    HM_TRY(find_changes(command, name, err, report));
    command->report_count++;
    command->worst =
        hm_sync_worse(command->worst, hm_customer_print_problems(&report->changes.now));
    if (command->customer->json)
        write_report(&command->sites, report);
    else if (!command->customer->quiet)
        HM_TRY(print_report(command, report, err));
    return HM_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum hm_rc run(struct command *command, char **operands, size_t count, struct hm_err *err)
{
    const char **names = NULL;
    size_t name_count = 0;

    HM_TRY(hm_customer_patterns(command->customer, operands, count, err, &command->patterns,
                                &command->pattern_count));
    HM_TRY(hm_customer_names(command->customer, err, &names, &name_count));
    command->reports =
        hm_arena_alloc(&command->customer->arena, name_count, sizeof(*command->reports));
    if (command->reports == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < name_count; i++) {
        struct hm_err why = HM_ERR_INIT;
        size_t before = command->report_count;
        enum hm_rc rc = report_site(command, names[i], &why);

        if (rc == HM_OK)
            continue;
        report_done(&command->reports[before]);
        command->reports[before] = (struct report){0};
        command->report_count = before;
        /* One site that fails hides no other. */
        if (name_count == 1 || hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        (void)hm_cmd_fail(&why);
        command->worst = hm_sync_worse(command->worst, rc);
    }
    return HM_OK;
}

static enum hm_rc print_json(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_array_end(&command->sites);
    HM_TRY(hm_json_writer_end(&command->sites, err));
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/list-changed/1");
    hm_json_writer_key(&writer, "sites");
    hm_json_writer_raw(&writer, hm_buf_bytes(&command->json));
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_buf_append_str(&out, "\n", err));
    return hm_cmd_print(hm_buf_bytes(&out), err);
}

static enum hm_rc move_all_on(const struct command *command, struct hm_err *err)
{
    for (size_t i = 0; i < command->report_count; i++)
        HM_TRY(move_on(command, &command->reports[i], err));
    return HM_OK;
}

int hm_changed_run(struct hm_customer *customer, char **operands, size_t count, bool is_offline)
{
    _hm_done_(command_done) struct command command = {
        .customer = customer,
        .is_offline = is_offline,
        .is_filtered = count > 0,
        .json = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX),
    };
    struct hm_err err = HM_ERR_INIT;

    hm_json_writer_init(&command.sites, &command.json, false);
    hm_json_writer_array_begin(&command.sites);
    if (run(&command, operands, count, &err) != HM_OK ||
        (customer->json && print_json(&command, &err) != HM_OK) ||
        move_all_on(&command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(command.worst);
}
