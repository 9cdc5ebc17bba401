/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark trust: which sites this customer trusts, and how far. */
#include "trust_log.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"

static const char help_add[] =
    "usage: hallmark trust add NAME URL [OPTION...]\n"
    "\n"
    "Trusts the site NAME at URL after confirming its trust file, and refreshes it once. Without\n"
    "--trust or --fingerprint the fingerprint is shown, to be compared with one that came by\n"
    "another way, and asked for on the terminal. URL may be bundle:FILE, a file by 'hallmark\n"
    "bundle export': the site is then reached by bundles alone, and --trust is needed.\n"
    "\n"
    "  --trust FILE        the trust file, got by another way than the site\n"
    "  --fingerprint HEX   the fingerprint of the trust file that the site serves\n"
    "  --pin ID=HEX        the first identity of a maker, got from that maker (may repeat)\n"
    "  --floor GRADE       maker: accept no vendor-attested files; attested (default): all\n"
    "  --witness VKEY[,URL]  a witness that must cosign the release log as well (may repeat)\n"
    "  --quorum N          how many of these witnesses; default: a majority\n"
    "  --log-policy FILE   instead: witnesses, groups and quorum as C2SP's tlog-policy has them\n"
    "  --log-max-age D     how old cosignatures may be, if less than the trust file's (7d)\n"
    "  --mirror URL        get images from there first (may repeat)\n"
    "  --accept-age D      with bundle:FILE: judge it as of its own time, up to D ago\n"
    "  --proxy URL         instead of the environment's; '' for none\n"
    "  --cacert FILE       certificates to trust for https instead of the system's\n"
    "  --token-file FILE   mode 0600, with the token that the site's server wants; it is kept\n"
    "  --allow-http        allow plain http to other machines: it hides nothing from onlookers\n"
    "  --json, --quiet, --home DIR\n";
static const char help_list[] = "usage: hallmark trust list [--json] [--home DIR]\n"
                                "\n"
                                "Lists the trusted sites.\n";
static const char help_show[] =
    "usage: hallmark trust show NAME [--json] [--home DIR]\n"
    "\n"
    "Shows a trusted site: fingerprint, policy, makers with their grades and first identities.\n";
static const char help_policy[] =
    "usage: hallmark trust policy NAME [OPTION...]\n"
    "\n"
    "Changes what this customer demands of a site, or shows it.\n"
    "\n"
    "  --floor GRADE       maker or attested; the trust file's may be stricter\n"
    "  --pin ID=HEX        pin a maker's first identity (may repeat)\n"
    "  --unpin ID          drop a pin of this policy (may repeat)\n"
    "  --witness VKEY[,URL]  a witness that must cosign the release log as well (may repeat)\n"
    "  --quorum N          how many of these witnesses; default: a majority\n"
    "  --log-policy FILE   instead: witnesses, groups and quorum as C2SP's tlog-policy has them\n"
    "  --log-max-age D     how old cosignatures may be, if less than the trust file's (7d)\n"
    "  --no-log-policy     drop this policy's witnesses; --no-log-max-age its age\n"
    "  --mirror URL        get images from there first (may repeat)\n"
    "  --unmirror URL      drop a mirror (may repeat)\n"
    "  --url URL           where the site is now\n"
    "  --cacert FILE       certificates to trust for https instead of the system's\n"
    "  --token-file FILE   mode 0600, with the token that the site's server wants; it is kept\n"
    "  --no-token          send none\n"
    "  --deliveries WORD   ask: have downloads offered and receipted where the site does that\n"
    "                      (default); require: download nothing without an offer; never\n"
    "  --json, --quiet, --home DIR\n";
static const char help_remove[] =
    "usage: hallmark trust remove NAME [--quiet] [--home DIR]\n"
    "\n"
    "Forgets a site, and with it what protects against being shown an older state of it.\n";

enum {
    OPT_TRUST = HM_TRUST_LOG_OWN_,
    OPT_FINGERPRINT,
    OPT_PIN,
    OPT_UNPIN,
    OPT_FLOOR,
    OPT_MIRROR,
    OPT_UNMIRROR,
    OPT_PROXY,
    OPT_CACERT,
    OPT_ALLOW_HTTP,
    OPT_URL,
    OPT_ACCEPT_AGE,
    OPT_TOKEN_FILE,
    OPT_NO_TOKEN,
    OPT_DELIVERIES,
};

struct command {
    struct hm_customer customer;
    struct hm_policy policy;
    struct hm_trust_log log;
    const char *trust_path;
    const char *fingerprint;
    int64_t accept_age_s;
    bool changed;
};

static void command_done(struct command *command)
{
    hm_policy_done(&command->policy);
    hm_customer_done(&command->customer);
}

/* ---- options --------------------------------------------------------------------------------- */

/* One option into the policy. HM_EUNKNOWN: none of its. */
static enum hm_rc take_policy_option(struct hm_policy *policy, struct hm_trust_log *log, int option,
                                     struct hm_err *err)
{
    switch (option) {
    case OPT_PIN:
        return hm_policy_pin(policy, optarg, err);
    case OPT_UNPIN:
        return hm_policy_unpin(policy, optarg, err);
    case OPT_FLOOR:
        return hm_policy_set_floor(policy, optarg, err);
    case OPT_MIRROR:
        return hm_policy_add_mirror(policy, optarg, err);
    case OPT_UNMIRROR:
        return hm_policy_drop_mirror(policy, optarg, err);
    case OPT_PROXY:
        return hm_policy_copy_text(policy, optarg, err, &policy->proxy);
    case OPT_CACERT:
        return hm_policy_copy_text(policy, optarg, err, &policy->ca_file);
    case OPT_URL:
        return hm_policy_copy_text(policy, optarg, err, &policy->url);
    case OPT_TOKEN_FILE:
        return hm_policy_set_token(policy, optarg, err);
    case OPT_DELIVERIES:
        return hm_policy_set_deliveries(policy, optarg, err);
    case OPT_NO_TOKEN:
        policy->token = NULL;
        return HM_OK;
    case OPT_ALLOW_HTTP:
        policy->allow_plain_http = true;
        return HM_OK;
    default:
        return hm_trust_log_take(log, option, err);
    }
}

/* ---- add ------------------------------------------------------------------------------------- */

static enum hm_rc read_line(int fd, char *line, size_t room, struct hm_err *err)
{
    size_t size = 0;

    while (size + 1 < room) {
        ssize_t got = read(fd, line + size, 1);

        if (got <= 0 || line[size] == '\n')
            break;
        size++;
    }
    line[size] = '\0';
    return size == 0 ? hm_fail(err, HM_EREFUSED, "not confirmed: the site is not trusted") : HM_OK;
}

/* The person compares with what came by another way; nothing is trusted without a "yes". */
static enum hm_rc ask(const char *name, const struct hm_trust_file *file, struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    char fingerprint[72];
    char line[16];

    hm_trust_file_format_fingerprint(&file->fingerprint, fingerprint);
    if (fd < 0)
        return hm_fail(err, HM_EUSAGE,
                       "site '%s': nobody is there to confirm its trust file (fingerprint %s): "
                       "give --fingerprint HEX or --trust FILE, got by another way than the site",
                       name, fingerprint);
    (void)dprintf(fd, "site         %s%s\nfingerprint  %s\n", file->site,
                  file->trial ? " (a trial: all its keys lie on one machine)" : "", fingerprint);
    for (size_t i = 0; i < file->pin_count; i++) {
        char pin[72];

        hm_trust_file_format_fingerprint(&file->pins[i].first, pin);
        (void)dprintf(fd, "maker        %s, first identity %s\n", file->pins[i].id, pin);
    }
    (void)dprintf(fd, "Compare the fingerprint with one that came by another way than this site.\n"
                      "Is it the same? Type yes to trust the site: ");
    HM_TRY(read_line(fd, line, sizeof(line), err));
    if (strcmp(line, "yes") != 0)
        return hm_fail(err, HM_EREFUSED, "not confirmed: the site is not trusted");
    return HM_OK;
}

static enum hm_rc fetch_trust_file(const struct command *command, struct hm_err *err,
                                   struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(16384);
    _hm_free_(hm_fetch_free) struct hm_fetch *fetch = NULL;
    struct hm_fetch_options options = {
        .proxy = command->policy.proxy,
        .ca_file = command->policy.ca_file,
        .allow_plain_http = command->policy.allow_plain_http,
        .token = command->policy.token,
        .token_url = command->policy.url,
    };

    HM_TRY(hm_fetch_new(&options, err, &fetch));
    HM_TRY(hm_fetch_url_join(command->policy.url, "hallmark.trust", err, &url));
    return hm_fetch_get(fetch, hm_buf_str(&url), err, ret_raw);
}

static enum hm_rc confirm(const struct command *command, const char *name, struct hm_err *err,
                          struct hm_buf *ret_raw)
{
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    struct hm_sha256 wanted;

    if (command->trust_path != NULL)
        return hm_file_read_path(command->trust_path, err, ret_raw);
    if (command->fingerprint != NULL)
        HM_TRY(hm_trust_file_parse_fingerprint(command->fingerprint, err, &wanted));
    HM_TRY(fetch_trust_file(command, err, ret_raw));
    HM_TRY(hm_trust_file_parse(hm_buf_bytes(ret_raw), err, &file));
    if (command->fingerprint == NULL)
        return ask(name, file, err);
    if (!hm_digest_is_equal(&wanted, &file->fingerprint)) {
        char text[72];

        hm_trust_file_format_fingerprint(&file->fingerprint, text);
        return hm_fail(err, HM_EMISMATCH,
                       "site '%s': the trust file it serves has the fingerprint %s, not the one "
                       "given; do not trust it before you know why",
                       name, text);
    }
    return HM_OK;
}

static void write_site(struct hm_json_writer *writer, const struct hm_subscription *site)
{
    hm_json_writer_key_str(writer, "site", site->name);
    hm_json_writer_key_str(writer, "url", site->policy.url);
    hm_json_writer_key(writer, "fingerprint");
    hm_json_writer_hex(writer, hm_bytes_make(site->trust->fingerprint.bytes, HM_SHA256_SIZE));
    hm_json_writer_key(writer, "trial");
    hm_json_writer_bool(writer, site->is_trial);
    hm_json_writer_key_str(writer, "floor",
                           hm_subscription_floor(site) > HM_GRADE_ATTESTED ? "maker" : "attested");
    hm_json_writer_key_str(writer, "deliveries",
                           hm_policy_deliveries_text(site->policy.deliveries));
    hm_json_writer_key(writer, "refreshed");
    if (site->refreshed_unix_s > 0)
        hm_json_writer_time(writer, site->refreshed_unix_s);
    else
        hm_json_writer_null(writer);
}

static const char *grade_of(const struct hm_subscription *site, size_t index)
{
    const struct hm_layout_maker *maker = &site->layout->makers[index];

    if (maker->is_attested)
        return hm_layout_grade_text(HM_GRADE_ATTESTED);
    return hm_layout_grade_text(hm_subscription_pin(site, maker->id) != NULL ? HM_GRADE_PINNED
                                                                             : HM_GRADE_INTRODUCED);
}

static void write_makers(struct hm_json_writer *writer, const struct hm_subscription *site)
{
    hm_json_writer_key(writer, "makers");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; site->layout != NULL && i < site->layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &site->layout->makers[i];
        const struct hm_standing *standing = &site->standings[i];

        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "id", maker->id);
        hm_json_writer_key_str(writer, "name", maker->name);
        hm_json_writer_key_str(writer, "grade", grade_of(site, i));
        if (!maker->is_attested) {
            hm_json_writer_key(writer, "first");
            hm_json_writer_hex(writer, hm_bytes_make(maker->identity_first.bytes, HM_SHA256_SIZE));
            hm_json_writer_key_int(writer, "identity", maker->identity_version);
        }
        if (standing->is_judged && standing->rc != HM_OK)
            hm_json_writer_key_str(writer, "reason", standing->text);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
}

static enum hm_rc print_site(const struct hm_subscription *site, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 2};
    char fingerprint[72];
    char refreshed[HM_TIME_TEXT_SIZE];

    hm_trust_file_format_fingerprint(&site->trust->fingerprint, fingerprint);
    hm_time_format(site->refreshed_unix_s, refreshed);
    const char *const rows[][2] = {
        {"site", site->name},
        {"url", site->policy.url},
        {"fingerprint", fingerprint},
        {"floor", hm_layout_grade_text(hm_subscription_floor(site))},
        {"deliveries", hm_policy_deliveries_text(site->policy.deliveries)},
        {"refreshed", site->refreshed_unix_s > 0 ? refreshed : "never"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(rows); i++) {
        HM_TRY(hm_table_add(&table, rows[i][0], err));
        HM_TRY(hm_table_add(&table, rows[i][1], err));
    }
    for (size_t i = 0; i < site->policy.mirror_count; i++) {
        HM_TRY(hm_table_add(&table, "mirror", err));
        HM_TRY(hm_table_add(&table, site->policy.mirrors[i], err));
    }
    HM_TRY(hm_trust_log_add_rows(&table, site, err));
    return hm_table_print(&table, err);
}

static enum hm_rc print_makers(const struct hm_subscription *site, struct hm_err *err)
{
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 4};

    for (size_t i = 0; site->layout != NULL && i < site->layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &site->layout->makers[i];
        _hm_done_(hm_buf_done) struct hm_buf first = HM_BUF_INIT(128);
        char text[72];

        if (!maker->is_attested) {
            hm_trust_file_format_fingerprint(&maker->identity_first, text);
            HM_TRY(hm_buf_append_fmt(&first, err, "first identity %s", text));
        }
        HM_TRY(hm_table_add(&table, maker->id, err));
        HM_TRY(hm_table_add(&table, maker->name, err));
        HM_TRY(hm_table_add(&table, grade_of(site, i), err));
        HM_TRY(hm_table_add(&table, hm_buf_str(&first), err));
    }
    return hm_table_print(&table, err);
}

static int finish_site(struct command *command, const char *schema,
                       const struct hm_subscription *site)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;
    struct hm_err err = HM_ERR_INIT;

    if (command->customer.quiet && !command->customer.json)
        return 0;
    if (!command->customer.json) {
        if (print_site(site, &err) != HM_OK || print_makers(site, &err) != HM_OK)
            return hm_cmd_fail(&err);
        return 0;
    }
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", schema);
    write_site(&writer, site);
    hm_json_writer_key(&writer, "mirrors");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < site->policy.mirror_count; i++)
        hm_json_writer_str(&writer, site->policy.mirrors[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "pins");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < site->policy.pin_count; i++) {
        hm_json_writer_key(&writer, site->policy.pins[i].id);
        hm_json_writer_hex(&writer,
                           hm_bytes_make(site->policy.pins[i].first.bytes, HM_SHA256_SIZE));
    }
    hm_json_writer_object_end(&writer);
    if (hm_trust_log_write(&writer, site, &err) != HM_OK)
        return hm_cmd_fail(&err);
    write_makers(&writer, site);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, HM_OK);
}

/* Adds the site, from the bundle that the URL names where it names one. */
static enum hm_rc add_site(struct command *command, const char *name, const char *url,
                           struct hm_err *err, struct hm_subscription **ret_site)
{
    static const char prefix[] = HM_SUBSCRIPTION_BUNDLE_URL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_free_(hm_bundle_free) struct hm_bundle *bundle = NULL;
    int64_t now_unix_s = command->customer.now_unix_s;
    int64_t judged_unix_s = 0;
    bool is_bundle = strncmp(url, prefix, strlen(prefix)) == 0;

    if (is_bundle && command->trust_path == NULL)
        return hm_fail(err, HM_EUSAGE, "a bundle has no trust file to confirm: give --trust FILE");
    if (!is_bundle && command->accept_age_s >= 0)
        return hm_fail(err, HM_EUSAGE, "--accept-age is for bundle:FILE");
    HM_TRY(
        hm_policy_copy_text(&command->policy, is_bundle ? prefix : url, err, &command->policy.url));
    HM_TRY(confirm(command, name, err, &raw));
    if (!is_bundle) {
        HM_TRY(hm_customer_open_home(&command->customer, true, err));
        return hm_subscription_add(&command->customer.home, name, hm_buf_bytes(&raw),
                                   &command->policy, now_unix_s, err, ret_site);
    }
    HM_TRY(hm_bundle_open(url + strlen(prefix), err, &bundle));
    HM_TRY(hm_bundle_judge(hm_bundle_head(bundle), now_unix_s, -1, command->accept_age_s, err,
                           &judged_unix_s));
    HM_TRY(hm_customer_open_home(&command->customer, true, err));
    HM_TRY(hm_subscription_add_bundle(&command->customer.home, name, hm_buf_bytes(&raw),
                                      &command->policy, bundle, now_unix_s, judged_unix_s, err,
                                      ret_site));
    (*ret_site)->bundle = NULL; /* it ends here */
    return HM_OK;
}

static int run_add(int argc, char **argv)
{
    static const struct option options[] = {
        HM_CUSTOMER_OPTIONS,
        {"trust", required_argument, NULL, OPT_TRUST},
        {"fingerprint", required_argument, NULL, OPT_FINGERPRINT},
        {"pin", required_argument, NULL, OPT_PIN},
        {"floor", required_argument, NULL, OPT_FLOOR},
        HM_TRUST_LOG_OPTIONS,
        {"mirror", required_argument, NULL, OPT_MIRROR},
        {"proxy", required_argument, NULL, OPT_PROXY},
        {"cacert", required_argument, NULL, OPT_CACERT},
        {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
        {"allow-http", no_argument, NULL, OPT_ALLOW_HTTP},
        {"accept-age", required_argument, NULL, OPT_ACCEPT_AGE},
        {NULL, 0, NULL, 0}};
    _hm_done_(command_done) struct command command = {.policy = {.floor = HM_GRADE_ATTESTED},
                                                      .accept_age_s = -1};
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&command.customer, "hallmark trust add", help_add);
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        enum hm_rc rc;

        if (option == OPT_TRUST)
            command.trust_path = optarg;
        else if (option == OPT_FINGERPRINT)
            command.fingerprint = optarg;
        else if (option == OPT_ACCEPT_AGE) {
            if (hm_time_parse_duration(optarg, &err, &command.accept_age_s) != HM_OK)
                return hm_cmd_usage("hallmark trust add", "%s", err.text);
        } else if (hm_customer_take_option(&command.customer, option))
            continue;
        else if ((rc = take_policy_option(&command.policy, &command.log, option, &err)) ==
                 HM_EUNKNOWN)
            return hm_customer_bad_option(&command.customer, option, argv);
        else if (rc != HM_OK)
            return hm_cmd_fail(&err);
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc - optind != 2)
        return hm_cmd_usage("hallmark trust add", "say which site, and where: NAME URL");
    if (command.trust_path != NULL && command.fingerprint != NULL)
        return hm_cmd_usage("hallmark trust add", "--trust and --fingerprint exclude each other");
    if (hm_trust_log_apply(&command.log, &command.policy, &err, &command.changed) != HM_OK ||
        add_site(&command, argv[optind], argv[optind + 1], &err, &site) != HM_OK)
        return hm_cmd_fail(&err);
    hm_customer_warn_trial(&command.customer, site);
    return finish_site(&command, "hallmark/trust-add/1", site);
}

/* ---- the others ------------------------------------------------------------------------------ */

/* Options that all have; *ret_status is the exit status where there is nothing more to do. */
static bool parse_common(struct hm_customer *customer, int argc, char **argv, int operands,
                         int *ret_status)
{
    static const struct option options[] = {HM_CUSTOMER_OPTIONS, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (!hm_customer_take_option(customer, option)) {
            *ret_status = hm_customer_bad_option(customer, option, argv);
            return false;
        }
    }
    if (customer->wants_help) {
        *ret_status = hm_customer_print_help(customer);
        return false;
    }
    if (argc - optind != operands) {
        *ret_status = hm_cmd_usage(customer->group,
                                   operands == 0 ? "it takes no operand" : "say which site: NAME");
        return false;
    }
    return true;
}

static enum hm_rc print_list(struct hm_customer *customer, struct hm_json_writer *writer,
                             struct hm_table *table, struct hm_err *err)
{
    const char **names = NULL;
    size_t count = 0;

    HM_TRY(hm_home_sites(&customer->home, &customer->arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
        char refreshed[HM_TIME_TEXT_SIZE];

        HM_TRY(hm_subscription_open(&customer->home, names[i], customer->now_unix_s, false, err,
                                    &site));
        hm_json_writer_object_begin(writer);
        write_site(writer, site);
        hm_json_writer_object_end(writer);
        hm_time_format(site->refreshed_unix_s, refreshed);
        HM_TRY(hm_table_add(table, site->name, err));
        HM_TRY(hm_table_add(table, site->policy.url, err));
        HM_TRY(hm_table_add(table, hm_layout_grade_text(hm_subscription_floor(site)), err));
        HM_TRY(hm_table_add(table, site->refreshed_unix_s > 0 ? refreshed : "never", err));
    }
    return HM_OK;
}

static int run_list(int argc, char **argv)
{
    _hm_done_(hm_customer_done) struct hm_customer customer = {0};
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    _hm_done_(hm_table_done) struct hm_table table = {.columns = 4};
    struct hm_json_writer writer;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_customer_init(&customer, "hallmark trust list", help_list);
    if (!parse_common(&customer, argc, argv, 0, &status))
        return status;
    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/trust-list/1");
    hm_json_writer_key(&writer, "sites");
    hm_json_writer_array_begin(&writer);
    if (hm_customer_open_home(&customer, false, &err) != HM_OK ||
        print_list(&customer, &writer, &table, &err) != HM_OK)
        return hm_cmd_fail(&err);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    if (customer.json)
        return hm_customer_finish_json(&writer, HM_OK);
    return hm_table_print(&table, &err) == HM_OK ? 0 : hm_cmd_fail(&err);
}

/* As of the last refresh; what cannot be told of makers is told, and no more. */
static enum hm_rc load_site(struct hm_customer *customer, const char *name, struct hm_err *err,
                            struct hm_subscription **ret_site)
{
    struct hm_refresh_want every = {.id = HM_BYTES_LITERAL("*")};
    struct hm_refresh_scope scope = {.wants = &every, .count = 1};
    struct hm_err why = HM_ERR_INIT;

    HM_TRY(hm_customer_open_home(customer, false, err));
    HM_TRY(hm_subscription_open(&customer->home, name, customer->now_unix_s, false, err, ret_site));
    if (hm_refresh_load(*ret_site, scope, &why) != HM_OK)
        hm_cmd_warn("%s", why.text);
    hm_customer_warn_trial(customer, *ret_site);
    return HM_OK;
}

static int run_show(int argc, char **argv)
{
    _hm_done_(command_done) struct command command = {.changed = false};
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_customer_init(&command.customer, "hallmark trust show", help_show);
    if (!parse_common(&command.customer, argc, argv, 1, &status))
        return status;
    if (load_site(&command.customer, argv[optind], &err, &site) != HM_OK)
        return hm_cmd_fail(&err);
    return finish_site(&command, "hallmark/trust-show/1", site);
}

static const struct option policy_options[] = {
    HM_CUSTOMER_OPTIONS,
    {"pin", required_argument, NULL, OPT_PIN},
    {"unpin", required_argument, NULL, OPT_UNPIN},
    {"floor", required_argument, NULL, OPT_FLOOR},
    {"mirror", required_argument, NULL, OPT_MIRROR},
    {"unmirror", required_argument, NULL, OPT_UNMIRROR},
    {"url", required_argument, NULL, OPT_URL},
    {"cacert", required_argument, NULL, OPT_CACERT},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"no-token", no_argument, NULL, OPT_NO_TOKEN},
    {"deliveries", required_argument, NULL, OPT_DELIVERIES},
    HM_TRUST_LOG_OPTIONS,
    HM_TRUST_LOG_DROP_OPTIONS,
    {NULL, 0, NULL, 0}};

/* Applies the options to the site's policy as it stands, under the home's lock. */
static enum hm_rc change_policy(struct command *command, int argc, char **argv, const char *name,
                                struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    bool changed = false;
    int option;

    HM_TRY(hm_customer_open_home(&command->customer, false, err));
    HM_TRY(hm_home_lock(&command->customer.home, err, &lock));
    HM_TRY(hm_subscription_open(&command->customer.home, name, command->customer.now_unix_s, false,
                                err, &site));
    optind = 0; /* the same arguments once more, now that there is a policy to change */
    while ((option = getopt_long(argc, argv, ":", policy_options, NULL)) != -1) {
        enum hm_rc rc = take_policy_option(&site->policy, &command->log, option, err);

        if (rc == HM_EUNKNOWN)
            continue;
        if (rc != HM_OK)
            return rc;
        changed = true;
    }
    HM_TRY(hm_trust_log_apply(&command->log, &site->policy, err, &command->changed));
    changed = changed || command->changed;
    return changed ? hm_policy_write(&site->policy, &site->dir, err) : HM_OK;
}

static int run_policy(int argc, char **argv)
{
    _hm_done_(command_done) struct command command = {.changed = false};
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    struct hm_err err = HM_ERR_INIT;
    const char *name;
    int option;

    hm_customer_init(&command.customer, "hallmark trust policy", help_policy);
    while ((option = getopt_long(argc, argv, ":", policy_options, NULL)) != -1) {
        if (option == ':' || option == '?')
            return hm_customer_bad_option(&command.customer, option, argv);
        (void)hm_customer_take_option(&command.customer, option); /* the others come later */
    }
    if (command.customer.wants_help)
        return hm_customer_print_help(&command.customer);
    if (argc - optind != 1)
        return hm_cmd_usage("hallmark trust policy", "say which site: NAME");
    name = argv[optind];
    if (change_policy(&command, argc, argv, name, &err) != HM_OK ||
        load_site(&command.customer, name, &err, &site) != HM_OK)
        return hm_cmd_fail(&err);
    return finish_site(&command, "hallmark/trust-policy/1", site);
}

static int run_remove(int argc, char **argv)
{
    _hm_done_(hm_customer_done) struct hm_customer customer = {0};
    struct hm_err err = HM_ERR_INIT;
    int status;

    hm_customer_init(&customer, "hallmark trust remove", help_remove);
    if (!parse_common(&customer, argc, argv, 1, &status))
        return status;
    if (hm_customer_open_home(&customer, false, &err) != HM_OK ||
        hm_subscription_remove(&customer.home, argv[optind], &err) != HM_OK)
        return hm_cmd_fail(&err);
    if (!customer.quiet)
        (void)printf("site '%s' is no longer trusted\n", argv[optind]);
    return fflush(stdout) == 0 ? 0 : 4;
}

int hm_cmd_trust(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"add", run_add, "trust a site"},
        {"list", run_list, "list the trusted sites"},
        {"show", run_show, "show a site, its makers and what is demanded of it"},
        {"policy", run_policy, "change what is demanded of a site"},
        {"remove", run_remove, "forget a site"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark trust", commands, argc, argv);
}
