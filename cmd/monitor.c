/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark monitor: following the logs of the trusted sites, and alarming. */
#include <signal.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer.h"
#include "monitor/metrics.h"
#include "monitor/outlet.h"

#define COMMAND        "hallmark monitor"
#define MINE_COUNT_MAX 64
#define ACK_COUNT_MAX  64
#define ACK_ALL        "all"

static const char help[] =
    "usage: hallmark monitor [--site NAME] [--every DURATION] [OPTION...]\n"
    "       hallmark monitor --list [--site NAME] [--json]\n"
    "       hallmark monitor --acknowledge ID... [--site NAME]\n"
    "\n"
    "Follows the release logs of the trusted sites, compares every entry with the metadata that "
    "it\n"
    "names, and the log with what witnesses and mirrors have; tells of each alarm once. Exit "
    "status\n"
    "0: quiet; 1: there are alarms that nobody has acknowledged; 3: something did not answer.\n"
    "\n"
    "  --every DURATION    again and again, as a daemon; else once\n"
    "  --mine ID=FILE      what a maker released, a list as sha256sum writes it, of paths\n"
    "                      ID/PRODUCT/VERSION/FILE: all else under this ID is an alarm; "
    "repeatable\n"
    "  --mine FOLDER       likewise, from a maker's folder\n"
    "  --deny FILE         keys that nobody may use: SHA-256 of public keys in DER, a line each\n"
    "  --stale DURATION    how old the witnesses' cosignatures may be (1d; 0: any age)\n"
    "  --growth DURATION   how long a log may have no new entry (0: for ever)\n"
    "  --grace DURATION    what lags or is missing for no longer is no alarm (15m)\n"
    "  --webhook URL       post alarms there, as JSON; repeatable\n"
    "  --syslog SOCKET     and here, such as /dev/log\n"
    "  --prom FILE         write numbers for Prometheus\n"
    "  --again             tell also what was told before, and is not acknowledged\n"
    "  --list              print the alarms that are known, and look at nothing\n"
    "  --acknowledge ID    somebody has seen to the alarm ('all': to all of them); repeatable\n"
    "  --site NAME         this site only\n"
    "  --json              a JSON object a line: hallmark/alarm/1, hallmark/monitor/1\n"
    "  --quiet             print nothing but failures\n"
    "  --home DIR          the state folder\n";

enum {
    OPT_EVERY = HM_CUSTOMER_OWN_,
    OPT_MINE,
    OPT_DENY,
    OPT_STALE,
    OPT_GROWTH,
    OPT_GRACE,
    OPT_WEBHOOK,
    OPT_SYSLOG,
    OPT_PROM,
    OPT_AGAIN,
    OPT_LIST,
    OPT_ACKNOWLEDGE,
};

/* A site, and what is watched there. */
struct watched {
    const char *name;
    struct hm_watch *watch; /* NULL: it could not be opened, and will be tried again */
    struct hm_watch_options options;
    struct hm_mine mines[MINE_COUNT_MAX];
    size_t mine_count;
    struct hm_sha256 inputs; /* of all lists, as they were in the last run */
};

struct command {
    struct hm_customer customer;
    struct hm_outlets outlets;
    struct hm_watch_options options;
    const char *mines[MINE_COUNT_MAX];
    size_t mine_count;
    const char *deny, *prom;
    const char *acknowledged[ACK_COUNT_MAX];
    size_t acknowledge_count;
    int64_t every_s;
    bool is_list;
    struct hm_sums denied;
    struct hm_sha256 *denied_keys; /* owned */
    struct watched *sites;         /* owned */
    size_t site_count;
    struct hm_metrics *metrics; /* owned; a place for each site */
};

static void drop_mines(struct watched *watched)
{
    for (size_t i = 0; i < watched->mine_count; i++)
        hm_mine_done(&watched->mines[i]);
    watched->mine_count = 0;
}

static void command_done(struct command *command)
{
    for (size_t i = 0; i < command->site_count; i++) {
        hm_watch_free(command->sites[i].watch);
        drop_mines(&command->sites[i]);
    }
    free(command->sites);
    free(command->metrics);
    free(command->denied_keys);
    hm_sums_done(&command->denied);
    hm_customer_done(&command->customer);
}

/* ---- options --------------------------------------------------------------------------------- */

static enum hm_rc add_text(const char **texts, size_t *count, size_t max, const char *option,
                           struct hm_err *err)
{
    if (*count == max)
        return hm_fail(err, HM_EUSAGE, "more than %zu of --%s", max, option);
    texts[(*count)++] = optarg;
    return HM_OK;
}

static enum hm_rc take_option(struct command *command, int option, struct hm_err *err)
{
    struct hm_outlets *outlets = &command->outlets;

    switch (option) {
    case OPT_EVERY:
        HM_TRY(hm_time_parse_duration(optarg, err, &command->every_s));
        if (command->every_s == 0)
            return hm_fail(err, HM_EUSAGE, "--every 0 is no interval");
        return HM_OK;
    case OPT_MINE:
        return add_text(command->mines, &command->mine_count, MINE_COUNT_MAX, "mine", err);
    case OPT_DENY:
        command->deny = optarg;
        return HM_OK;
    case OPT_STALE:
        return hm_time_parse_duration(optarg, err, &command->options.stale_s);
    case OPT_GROWTH:
        return hm_time_parse_duration(optarg, err, &command->options.growth_s);
    case OPT_GRACE:
        return hm_time_parse_duration(optarg, err, &command->options.grace_s);
    case OPT_WEBHOOK:
        HM_TRY(hm_outlet_check_url(optarg, err));
        return add_text(outlets->webhooks, &outlets->webhook_count, HM_OUTLET_WEBHOOK_COUNT_MAX,
                        "webhook", err);
    case OPT_SYSLOG:
        outlets->syslog = optarg;
        return HM_OK;
    case OPT_PROM:
        command->prom = optarg;
        return HM_OK;
    case OPT_AGAIN:
        outlets->is_again = true;
        return HM_OK;
    case OPT_LIST:
        command->is_list = true;
        return HM_OK;
    case OPT_ACKNOWLEDGE:
        return add_text(command->acknowledged, &command->acknowledge_count, ACK_COUNT_MAX,
                        "acknowledge", err);
    default:
        return hm_fail(err, HM_EINTERNAL, "option %d", option);
    }
}

/* Returns an exit status, or -1 to go on. */
HM_NOINLINE static int parse(struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        HM_CUSTOMER_OPTIONS,
        {"every", required_argument, NULL, OPT_EVERY},
        {"mine", required_argument, NULL, OPT_MINE},
        {"deny", required_argument, NULL, OPT_DENY},
        {"stale", required_argument, NULL, OPT_STALE},
        {"growth", required_argument, NULL, OPT_GROWTH},
        {"grace", required_argument, NULL, OPT_GRACE},
        {"webhook", required_argument, NULL, OPT_WEBHOOK},
        {"syslog", required_argument, NULL, OPT_SYSLOG},
        {"prom", required_argument, NULL, OPT_PROM},
        {"again", no_argument, NULL, OPT_AGAIN},
        {"list", no_argument, NULL, OPT_LIST},
        {"acknowledge", required_argument, NULL, OPT_ACKNOWLEDGE},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return hm_customer_bad_option(&command->customer, option, argv);
        if (hm_customer_take_option(&command->customer, option))
            continue;
        if (take_option(command, option, &err) != HM_OK)
            return hm_cmd_usage(COMMAND, "%s", err.text);
    }
    if (command->customer.wants_help)
        return hm_customer_print_help(&command->customer);
    if (optind < argc)
        return hm_cmd_usage(COMMAND, "no operand is expected");
    if (command->is_list && command->acknowledge_count > 0)
        return hm_cmd_usage(COMMAND, "--list and --acknowledge are two commands");
    command->outlets.is_quiet = command->customer.quiet;
    command->outlets.is_json = command->customer.json;
    return -1;
}

/* ---- --list and --acknowledge ---------------------------------------------------------------- */

static enum hm_rc list_site(struct command *command, const char *name, struct hm_err *err,
                            size_t *open_count)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    enum hm_rc rc = hm_watch_open_dir(&command->customer.home, name, false, err, &dir);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_alarm_box_read(&dir, err, &box));
    *open_count += hm_alarm_box_open_count(&box);
    for (size_t i = 0; i < box.count && !command->customer.quiet; i++) {
        if (box.alarms[i].raised_unix_s != 0)
            HM_TRY(hm_outlet_print(&box.alarms[i], name, command->customer.json, err));
    }
    return HM_OK;
}

HM_NOINLINE static enum hm_rc list(struct command *command, const char **names, size_t count,
                                   struct hm_err *err)
{
    size_t open_count = 0;

    for (size_t i = 0; i < count; i++)
        HM_TRY(list_site(command, names[i], err, &open_count));
    return open_count == 0 ? HM_OK : HM_EREFUSED;
}

/* An id is looked for at all the sites that were asked for. */
static enum hm_rc acknowledge_one(struct command *command, const char *id, const char **names,
                                  size_t count, struct hm_err *err, size_t *ret_count)
{
    bool is_all = strcmp(id, ACK_ALL) == 0;
    enum hm_rc found = is_all ? HM_OK : HM_EUNKNOWN;

    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
        size_t done = 0;
        enum hm_rc rc = hm_watch_open_dir(&command->customer.home, names[i], false, err, &dir);

        if (rc == HM_OK)
            rc = hm_alarm_box_acknowledge(&dir, is_all ? NULL : id, command->customer.now_unix_s,
                                          err, &done);
        if (rc == HM_OK)
            found = HM_OK;
        else if (rc != HM_ENOTFOUND && rc != HM_EUNKNOWN)
            return rc;
        *ret_count += done;
    }
    return found == HM_OK ? HM_OK : hm_fail(err, found, "there is no alarm '%s'", id);
}

HM_NOINLINE static enum hm_rc acknowledge(struct command *command, const char **names, size_t count,
                                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(256);
    size_t done = 0;

    for (size_t i = 0; i < command->acknowledge_count; i++)
        HM_TRY(acknowledge_one(command, command->acknowledged[i], names, count, err, &done));
    if (command->customer.quiet)
        return HM_OK;
    if (command->customer.json)
        HM_TRY(hm_buf_append_fmt(&text, err,
                                 "{\"schema\":\"hallmark/acknowledged/1\",\"count\":%zu}\n", done));
    else
        HM_TRY(hm_buf_append_fmt(&text, err, "acknowledged: %zu\n", done));
    return hm_cmd_print(hm_buf_bytes(&text), err);
}

/* ---- watching -------------------------------------------------------------------------------- */

static enum hm_rc load_denied(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SUMS_SIZE_MAX);
    enum hm_rc rc;

    if (command->deny == NULL)
        return HM_OK;
    hm_sums_done(&command->denied);
    HM_TRY(hm_file_read_path(command->deny, err, &raw));
    rc = hm_sums_parse(hm_buf_bytes(&raw), false, err, &command->denied);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", command->deny);
    free(command->denied_keys);
    command->denied_keys = calloc(command->denied.count + 1, sizeof(*command->denied_keys));
    if (command->denied_keys == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < command->denied.count; i++)
        command->denied_keys[i] = command->denied.sums[i].sha256;
    command->options.denied = command->denied_keys;
    command->options.denied_count = command->denied.count;
    return HM_OK;
}

static enum hm_rc add_sums(struct hm_digest *digest, const struct hm_sums *sums, struct hm_err *err)
{
    for (size_t i = 0; i < sums->count; i++) {
        HM_TRY(hm_digest_update(digest, sums->sums[i].name, err));
        HM_TRY(hm_digest_update(digest, hm_bytes_make(sums->sums[i].sha256.bytes, HM_SHA256_SIZE),
                                err));
    }
    return HM_OK;
}

/* Reads the makers' lists; where any list changed, everything is compared anew. */
static enum hm_rc load_lists(struct command *command, struct watched *watched, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 inputs;

    drop_mines(watched);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    for (size_t i = 0; i < command->mine_count; i++) {
        struct hm_mine *mine = &watched->mines[i];

        *mine = (struct hm_mine){.sums = HM_SUMS_INIT};
        HM_TRY(hm_mine_load(command->mines[i], watched->name, err, mine));
        watched->mine_count++;
        HM_TRY(hm_digest_update(digest, hm_bytes_str(mine->id), err));
        HM_TRY(add_sums(digest, &mine->sums, err));
    }
    HM_TRY(add_sums(digest, &command->denied, err));
    HM_TRY(hm_digest_final(digest, err, inputs.bytes));
    watched->options = command->options;
    watched->options.mines = watched->mines;
    watched->options.mine_count = watched->mine_count;
    if (watched->watch != NULL && !hm_digest_is_equal(&inputs, &watched->inputs))
        hm_watch_reset(watched->watch);
    watched->inputs = inputs;
    return HM_OK;
}

static void hold_signals(bool hold)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &signals, NULL);
}

static enum hm_rc print_site(const struct command *command, const char *name,
                             const struct hm_watch_report *report, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(16384);
    struct hm_json_writer writer;

    if (command->customer.quiet)
        return HM_OK;
    if (!command->customer.json) {
        HM_TRY(hm_buf_append_fmt(&text, err,
                                 "%s: %llu entries, %llu snapshots compared now, %zu alarms open\n",
                                 name, (unsigned long long)report->size,
                                 (unsigned long long)report->checked, report->open_count));
        return hm_cmd_print(hm_buf_bytes(&text), err);
    }
    hm_json_writer_init(&writer, &text, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/monitor/1");
    hm_json_writer_key_str(&writer, "site", name);
    hm_json_writer_key(&writer, "complete");
    hm_json_writer_bool(&writer, report->rc == HM_OK);
    if (report->rc != HM_OK)
        hm_json_writer_key_str(&writer, "why", report->err.text);
    hm_json_writer_key(&writer, "entries");
    hm_json_writer_u64(&writer, report->size);
    hm_json_writer_key(&writer, "compared");
    hm_json_writer_u64(&writer, report->checked);
    hm_json_writer_key(&writer, "alarms");
    hm_json_writer_u64(&writer, report->open_count);
    if (report->cosigned_unix_s != 0) {
        hm_json_writer_key(&writer, "cosigned");
        hm_json_writer_time(&writer, report->cosigned_unix_s);
    }
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_buf_append_byte(&text, '\n', err));
    return hm_cmd_print(hm_buf_bytes(&text), err);
}

/* One site: looked at, saved, told. */
static enum hm_rc run_site(struct command *command, struct watched *watched,
                           struct hm_metrics *metrics, struct hm_err *err)
{
    int64_t now_unix_s = hm_time_now_unix_s();
    enum hm_rc rc;

    *metrics = (struct hm_metrics){
        .site = watched->name, .run_unix_s = now_unix_s, .report.rc = HM_EINPUT};
    HM_TRY(load_lists(command, watched, err));
    if (watched->watch == NULL)
        HM_TRY(hm_watch_new(&command->customer.home, watched->name, &watched->options, now_unix_s,
                            err, &watched->watch));
    HM_TRY(hm_watch_run(watched->watch, now_unix_s, err, &metrics->report));
    hold_signals(true);
    rc = hm_outlet_tell(&command->outlets, watched->name, hm_watch_box(watched->watch),
                        hm_watch_dir(watched->watch), err);
    hold_signals(false);
    hm_metrics_count(hm_watch_box(watched->watch), metrics);
    if (rc == HM_OK)
        rc = print_site(command, watched->name, &metrics->report, err);
    return rc;
}

/* The exit status of a site: an alarm is told whatever else went wrong, but for a fault of ours. */
static int site_status(const struct hm_metrics *metrics, enum hm_rc told)
{
    int worst = hm_error_exit_status(metrics->report.rc);

    if (worst == 4 || hm_error_exit_status(told) == 4)
        return 4;
    if (metrics->report.open_count > 0)
        return 1;
    return metrics->report.rc != HM_OK || told != HM_OK ? 3 : 0;
}

static int merge_status(int worst, int status)
{
    static const int rank[] = {0, 2, 3, 1, 4}; /* by status: no outweighs cannot tell */

    return rank[status] > rank[worst] ? status : worst;
}

static int write_prom(const struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_METRICS_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    if (command->prom == NULL)
        return 0;
    rc = hm_metrics_write(command->metrics, command->site_count, &err, &text);
    if (rc == HM_OK)
        rc = hm_file_write_path(command->prom, 0644, hm_buf_bytes(&text), &err);
    return rc == HM_OK ? 0 : hm_cmd_fail(&err);
}

HM_NOINLINE static int run_once(struct command *command)
{
    struct hm_err err = HM_ERR_INIT;
    int status = 0;

    if (load_denied(command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    for (size_t i = 0; i < command->site_count; i++) {
        struct hm_metrics *metrics = &command->metrics[i];
        enum hm_rc rc = run_site(command, &command->sites[i], metrics, &err);

        if (rc != HM_OK)
            hm_cmd_warn("site '%s': %s", command->sites[i].name, err.text);
        if (metrics->report.rc != HM_OK && metrics->report.err.text[0] != '\0')
            hm_cmd_warn("site '%s': not all could be looked at: %s", command->sites[i].name,
                        metrics->report.err.text);
        status = merge_status(status, rc == HM_EUSAGE ? 2 : site_status(metrics, rc));
    }
    return merge_status(status, write_prom(command));
}

HM_NOINLINE static int watch(struct command *command, const char **names, size_t count)
{
    command->sites = calloc(count, sizeof(*command->sites));
    command->metrics = calloc(count, sizeof(*command->metrics));
    if (command->sites == NULL || command->metrics == NULL)
        return 4;
    command->site_count = count;
    for (size_t i = 0; i < count; i++)
        command->sites[i].name = names[i];
    for (;;) {
        int status = run_once(command);
        struct timespec pause = {.tv_sec = command->every_s};

        if (command->every_s == 0)
            return status;
        command->outlets.is_again = false;
        (void)nanosleep(&pause, NULL); /* sooner is fine */
    }
}

int hm_cmd_monitor(int argc, char **argv)
{
    _hm_done_(command_done) struct command command = {
        .options = {.stale_s = HM_WATCH_STALE_DEFAULT_S, .grace_s = HM_WATCH_GRACE_DEFAULT_S},
        .denied = HM_SUMS_INIT};
    struct hm_err err = HM_ERR_INIT;
    const char **names = NULL;
    size_t count = 0;
    enum hm_rc rc;
    int status;

    hm_customer_init(&command.customer, COMMAND, help);
    status = parse(&command, argc, argv);
    if (status >= 0)
        return status;
    rc = hm_customer_open_home(&command.customer, false, &err);
    if (rc == HM_OK)
        rc = hm_customer_names(&command.customer, &err, &names, &count);
    if (rc != HM_OK)
        return hm_cmd_fail(&err);
    if (!command.is_list && command.acknowledge_count == 0)
        return watch(&command, names, count);
    rc = command.is_list ? list(&command, names, count, &err)
                         : acknowledge(&command, names, count, &err);
    /* What the list has to say is on standard output. */
    if (rc == HM_EREFUSED && command.is_list)
        return 1;
    return rc == HM_OK ? 0 : hm_cmd_fail(&err);
}
