/* SPDX-License-Identifier: Apache-2.0 */
/* What the customer's commands share (customer.h). */
#include "customer.h"

#include "base/text.h"
#include "base/time.h"
#include "customer/sync.h"

void hm_customer_init(struct hm_customer *customer, const char *group, const char *help)
{
    *customer = (struct hm_customer){.group = group, .help = help, .home = HM_HOME_INIT};
    customer->now_unix_s = hm_time_now_unix_s();
}

void hm_customer_done(struct hm_customer *customer)
{
    for (size_t i = 0; i < customer->site_count; i++)
        hm_subscription_free(customer->sites[i]);
    free(customer->sites);
    hm_home_done(&customer->home);
    hm_arena_done(&customer->arena);
}

bool hm_customer_take_option(struct hm_customer *customer, int option)
{
    switch (option) {
    case HM_CUSTOMER_HOME:
        customer->home_path = optarg;
        return true;
    case HM_CUSTOMER_SITE:
        customer->site = optarg;
        return true;
    case HM_CUSTOMER_JSON:
        customer->json = true;
        return true;
    case HM_CUSTOMER_QUIET:
        customer->quiet = true;
        return true;
    case HM_CUSTOMER_NO_PROGRESS:
        customer->no_progress = true;
        return true;
    case HM_CUSTOMER_HELP:
        customer->wants_help = true;
        return true;
    default:
        return false;
    }
}

int hm_customer_bad_option(const struct hm_customer *customer, int option, char **argv)
{
    const char *text = argv[optind - 1];

    if (option == ':')
        return hm_cmd_usage(customer->group, "'%s' needs a value", text);
    if (optopt != 0 && optopt < 256)
        return hm_cmd_usage(customer->group, "'-%c' is no option", optopt);
    return hm_cmd_usage(customer->group, "'%s' is no option, or is given a value it does not take",
                        text);
}

int hm_customer_print_help(const struct hm_customer *customer)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_cmd_print(hm_bytes_str(customer->help), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return 0;
}

/* ---- sites ----------------------------------------------------------------------------------- */

enum hm_rc hm_customer_open_home(struct hm_customer *customer, bool make, struct hm_err *err)
{
    if (customer->has_home)
        return HM_OK;
    HM_TRY(hm_home_open(customer->home_path, make, err, &customer->home));
    customer->has_home = true;
    return HM_OK;
}

enum hm_rc hm_customer_names(struct hm_customer *customer, struct hm_err *err,
                             const char ***ret_names, size_t *ret_count)
{
    const char **names = NULL;
    size_t count = 0;

    HM_TRY(hm_customer_open_home(customer, false, err));
    if (customer->site != NULL) {
        *ret_names = &customer->site;
        *ret_count = 1;
        return HM_OK;
    }
    HM_TRY(hm_home_sites(&customer->home, &customer->arena, err, &names, &count));
    if (count == 0)
        return hm_fail(err, HM_EINPUT, "no site is trusted yet; begin with 'hallmark trust add'");
    *ret_names = names;
    *ret_count = count;
    return HM_OK;
}

enum hm_rc hm_customer_name(struct hm_customer *customer, struct hm_err *err, const char **ret_name)
{
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(65536);
    const char **names = NULL;
    size_t count = 0;

    HM_TRY(hm_customer_names(customer, err, &names, &count));
    if (count == 1) {
        *ret_name = names[0];
        return HM_OK;
    }
    for (size_t i = 0; i < count; i++)
        HM_TRY(hm_buf_append_fmt(&list, err, "%s%s", i == 0 ? "" : ", ", names[i]));
    return hm_fail(err, HM_EUSAGE, "several sites are trusted (%s): say which with --site",
                   hm_buf_str(&list));
}

void hm_customer_warn_trial(struct hm_customer *customer, const struct hm_subscription *site)
{
    if (!site->is_trial || customer->warned_trial)
        return;
    hm_cmd_warn("site '%s' is a trial: all its keys lie on one machine", site->name);
    customer->warned_trial = true;
}

static enum hm_rc keep_site(struct hm_customer *customer, struct hm_subscription *site,
                            struct hm_err *err)
{
    size_t capacity = customer->site_capacity == 0 ? 4 : 2 * customer->site_capacity;
    struct hm_subscription **sites;

    if (customer->site_count == customer->site_capacity) {
        sites = reallocarray(customer->sites, capacity, sizeof(struct hm_subscription *));
        if (sites == NULL) {
            hm_subscription_free(site);
            return hm_error_nomem(err);
        }
        customer->sites = sites;
        customer->site_capacity = capacity;
    }
    customer->sites[customer->site_count++] = site;
    return HM_OK;
}

/* Whether something that was asked for is not held. */
static bool has_gap(const struct hm_subscription *site)
{
    for (size_t i = 0; i < site->layout->maker_count; i++) {
        const struct hm_standing *standing = &site->standings[i];

        if (!standing->is_judged)
            continue;
        if (standing->rc != HM_OK && hm_error_exit_status(standing->rc) != 1)
            return true;
        for (size_t j = 0; j < standing->product_count; j++) {
            enum hm_rc rc = standing->products[j].rc;

            if (rc != HM_OK && hm_error_exit_status(rc) != 1)
                return true;
        }
    }
    return false;
}

/* Offline. Where the newest state lacks what was asked for, the last complete one that has it. */
static enum hm_rc load_site(struct hm_customer *customer, const char *name,
                            struct hm_refresh_scope scope, struct hm_err *err,
                            struct hm_subscription **ret_site)
{
    struct hm_subscription *site;
    struct hm_subscription *earlier = NULL;

    site = *ret_site;
    HM_TRY(hm_refresh_load(site, scope, err));
    if (site->is_earlier || !has_gap(site))
        return HM_OK;
    HM_TRY(hm_subscription_open(&customer->home, name, customer->now_unix_s, false, err, &earlier));
    if (hm_refresh_load_kept(earlier, HM_KEPT_COMPLETE, scope, NULL) != HM_OK || has_gap(earlier)) {
        hm_subscription_free(earlier);
        return HM_OK;
    }
    hm_subscription_free(site);
    customer->sites[customer->site_count - 1] = earlier;
    *ret_site = earlier;
    return HM_OK;
}

enum hm_rc hm_customer_open_site(struct hm_customer *customer, const char *name, bool is_offline,
                                 const struct hm_pattern *patterns, size_t pattern_count,
                                 struct hm_err *err, struct hm_subscription **ret_site)
{
    struct hm_refresh_want *wants = hm_arena_alloc(&customer->arena, pattern_count, sizeof(*wants));
    struct hm_refresh_scope scope = {.wants = wants, .count = pattern_count};
    struct hm_subscription *site = NULL;

    if (wants == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < pattern_count; i++)
        wants[i] = (struct hm_refresh_want){patterns[i].id, patterns[i].product};
    HM_TRY(hm_customer_open_home(customer, false, err));
    HM_TRY(
        hm_subscription_open(&customer->home, name, customer->now_unix_s, !is_offline, err, &site));
    HM_TRY(keep_site(customer, site, err));
    hm_customer_warn_trial(customer, site);
    if (hm_subscription_is_online(site))
        HM_TRY(hm_refresh_run(site, scope, err));
    else
        HM_TRY(load_site(customer, name, scope, err, &site));
    hm_customer_warn_trial(customer, site);
    *ret_site = site;
    return HM_OK;
}

enum hm_rc hm_customer_check_online(const struct hm_subscription *site, struct hm_err *err)
{
    if (hm_subscription_is_online(site))
        return HM_OK;
    return hm_fail(err, HM_EINPUT,
                   "site '%s' has no URL here: its files come with 'hallmark bundle import'",
                   site->name);
}

enum hm_rc hm_customer_as_of(const struct hm_customer *customer, const struct hm_subscription *site,
                             struct hm_err *err, struct hm_buf *ret_text)
{
    char time[HM_TIME_TEXT_SIZE], age[32];

    hm_time_format(site->refreshed_unix_s, time);
    hm_time_format_age(customer->now_unix_s - site->refreshed_unix_s, age);
    if (site->is_of_bundle)
        HM_TRY(hm_buf_append_fmt(ret_text, err, "as of %s, by a bundle of %s, %s ago", time,
                                 site->name, age));
    else
        HM_TRY(hm_buf_append_fmt(ret_text, err, "as of the last %srefresh of %s, %s ago",
                                 site->is_earlier ? "complete " : "", site->name, age));
    if (!site->is_earlier)
        return HM_OK;
    return hm_buf_append_str(ret_text, "; what came since is not whole here", err);
}

void hm_customer_tell_earlier(const struct hm_customer *customer,
                              const struct hm_subscription *site)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(1024);

    if ((site->is_earlier || site->is_of_bundle) &&
        hm_customer_as_of(customer, site, NULL, &text) == HM_OK)
        hm_cmd_warn("%s", hm_buf_str(&text));
}

enum hm_rc hm_customer_patterns(struct hm_customer *customer, char **operands, size_t count,
                                struct hm_err *err, struct hm_pattern **ret_patterns,
                                size_t *ret_count)
{
    size_t made = count == 0 ? 1 : count;
    struct hm_pattern *patterns = hm_arena_alloc(&customer->arena, made, sizeof(*patterns));

    if (patterns == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < made; i++)
        HM_TRY(hm_catalogue_pattern(count == 0 ? NULL : operands[i], &customer->arena, err,
                                    &patterns[i]));
    *ret_patterns = patterns;
    *ret_count = made;
    return HM_OK;
}

/* ---- printing -------------------------------------------------------------------------------- */

const char *hm_customer_custom_text(struct hm_customer *customer, struct hm_bytes custom,
                                    const char *wanted)
{
    enum hm_json_kind kind;
    struct hm_bytes key, text;
    struct hm_json json;
    bool more;

    if (custom.size == 0)
        return NULL;
    hm_json_init(&json, custom, &customer->arena);
    if (hm_json_object_begin(&json, NULL) != HM_OK)
        return NULL;
    while (hm_json_object_next(&json, NULL, &more, &key) == HM_OK && more) {
        if (hm_bytes_is_str(key, wanted) && hm_json_peek(&json, NULL, &kind) == HM_OK &&
            kind == HM_JSON_STRING && hm_json_string(&json, NULL, &text) == HM_OK)
            return hm_arena_strdup(&customer->arena, text);
        if (hm_json_skip(&json, NULL, &text) != HM_OK)
            return NULL;
    }
    return NULL;
}

void hm_customer_write_item(struct hm_json_writer *writer, const struct hm_catalogue_item *item)
{
    hm_json_writer_key_str(writer, "site", item->subscription->name);
    hm_json_writer_key(writer, "path");
    hm_json_writer_string(writer, item->path);
    if (item->rc != HM_OK) {
        hm_json_writer_key_str(writer, "verdict",
                               item->rc == HM_ERECALLED ? "recalled" : "refused");
        hm_json_writer_key_str(writer, "code", hm_error_name(item->rc));
        hm_json_writer_key_str(writer, "reason", item->text);
        if (item->rc != HM_ERECALLED)
            return;
        hm_json_writer_key_str(writer, "recall", item->recall->path);
        hm_json_writer_key_str(writer, "remedy", item->recall->remedy);
    } else {
        hm_json_writer_key_str(writer, "verdict", "good");
        hm_json_writer_key_str(writer, "grade", hm_layout_grade_text(item->file.grade));
    }
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, item->file.length);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(item->file.sha256.bytes, HM_SHA256_SIZE));
}

void hm_customer_write_problems(struct hm_json_writer *writer, const struct hm_catalogue *catalogue)
{
    hm_json_writer_key(writer, "problems");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < catalogue->problem_count; i++) {
        const struct hm_catalogue_problem *problem = &catalogue->problems[i];

        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "site", problem->subscription->name);
        hm_json_writer_key_str(writer, "maker", problem->maker);
        if (problem->product.size > 0) {
            hm_json_writer_key(writer, "product");
            hm_json_writer_string(writer, problem->product);
        }
        hm_json_writer_key_str(writer, "code", hm_error_name(problem->rc));
        hm_json_writer_key_str(writer, "reason", problem->text);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
}

void hm_customer_write_log(struct hm_json_writer *writer, const struct hm_subscription *site)
{
    const struct hm_release_log *log = site->log;

    hm_json_writer_key(writer, "log");
    if (log == NULL) {
        hm_json_writer_null(writer);
        return;
    }
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "state", hm_log_verdict_state_text(log->standing.state));
    if (log->proof != NULL) {
        hm_json_writer_key_str(writer, "origin", log->site_log->policy->logs[0].key->name);
        hm_json_writer_key(writer, "size");
        hm_json_writer_u64(writer, log->standing.size);
        hm_json_writer_key_int(writer, "cosigned", (int64_t)log->standing.cosigned_count);
        hm_json_writer_key_int(writer, "witnesses", (int64_t)log->standing.witness_count);
    }
    if (log->standing.cosigned_count > 0) {
        hm_json_writer_key(writer, "newest");
        hm_json_writer_time(writer, (int64_t)log->standing.newest_unix_s);
    }
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_customer_print_log(const struct hm_subscription *site, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(1024);

    if (site->log == NULL)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(&line, err, "%s: ", site->name));
    HM_TRY(hm_release_log_describe(&site->log->standing, err, &line));
    HM_TRY(hm_buf_append_byte(&line, '\n', err));
    return hm_cmd_print(hm_buf_bytes(&line), err);
}

enum hm_rc hm_customer_print_problems(const struct hm_catalogue *catalogue)
{
    enum hm_rc worst = HM_OK;

    for (size_t i = 0; i < catalogue->problem_count; i++) {
        const struct hm_catalogue_problem *problem = &catalogue->problems[i];
        struct hm_err err = HM_ERR_INIT;

        (void)hm_fail(&err, problem->rc, "site '%s': %s", problem->subscription->name,
                      problem->text);
        (void)hm_cmd_fail(&err);
        worst = hm_sync_worse(worst, problem->rc);
    }
    for (size_t i = 0; i < catalogue->item_count; i++) {
        const struct hm_catalogue_item *item = &catalogue->items[i];
        struct hm_err err = HM_ERR_INIT;

        if (item->rc == HM_OK)
            continue;
        if (item->rc == HM_ERECALLED) {
            hm_cmd_warn("site '%s': %s", item->subscription->name, item->text);
            continue;
        }
        (void)hm_fail(&err, item->rc, "site '%s': %s", item->subscription->name, item->text);
        (void)hm_cmd_fail(&err);
        worst = hm_sync_worse(worst, item->rc);
    }
    return worst;
}

int hm_customer_finish_json(struct hm_json_writer *writer, enum hm_rc rc)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_json_writer_end(writer, &err) != HM_OK ||
        hm_buf_append_str(writer->buf, "\n", &err) != HM_OK ||
        hm_cmd_print(hm_buf_bytes(writer->buf), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(rc);
}
