/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark-ledger: the program behind "hallmark site ledger" and "hallmark site customer key". By
 * itself, so that the command hallmark does not link SQLite.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "cmd.h"
#include "ledger/ledger_list.h"
#include "ledger/ledger_release.h"
#include "site/site.h"
#include "site/tree.h"
#include "table.h"
#include "trust/recall.h"

enum {
    OPTION_DIR = 256,
    OPTION_CUSTOMER,
    OPTION_IMAGE,
    OPTION_STATE,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_LIMIT,
    OPTION_RECALLED,
    OPTION_EXPORT,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_WAIT,
    OPTION_QUIET,
};

struct args {
    const char *dir, *image, *export;
    struct hm_ledger_list_filter filter;
    struct hm_sha256 digest;
    bool has_state, is_unsigned; /* --state served-unsigned */
    bool recalled, json, csv, quiet;
    uint32_t wait_ms;
    char **operands;
    size_t count;
};

struct run {
    const struct args *args;
    struct hm_site *site;
    struct hm_ledger_list *list;
    struct hm_recalls recalls;
    struct hm_table table;
    struct hm_buf out;
    struct hm_json_writer writer;
    struct hm_dir export;
    struct hm_arena arena;
};

#define RUN_INIT(run_args, column_count)                                                           \
    {                                                                                              \
        .args = (run_args), .table = {.columns = (column_count)},                                  \
        .out = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX), .export = HM_DIR_INIT                        \
    }

static void run_done(struct run *run)
{
    hm_ledger_list_close(run->list);
    hm_site_free(run->site);
    hm_recall_set_done(&run->recalls);
    hm_table_done(&run->table);
    hm_buf_done(&run->out);
    hm_dir_done(&run->export);
    hm_arena_done(&run->arena);
}

static const char usage[] =
    "usage: hallmark site ledger [--customer NAME] [--image SHA256|PATH|FILE] [--state STATE]\n"
    "       [--since TIME] [--until TIME] [--limit N] [--recalled] [--json|--csv]\n"
    "       [--export DIR] [--dir DIR] [--wait SECONDS] [--quiet]\n"
    "\n"
    "Who got which image, newest first, by the ledger of deliveries. States: offered,\n"
    "served-unacked, acknowledged, rejected, and served-unsigned: what was sent without a signed\n"
    "request, of which nothing is proved. --recalled lists images that were taken back. --export\n"
    "writes a file of each delivery, for 'hallmark judge' and others.\n";

static const char key_usage[] =
    "usage: hallmark site customer key list [CUSTOMER] [--json] [--dir DIR]\n"
    "       hallmark site customer key revoke KEYNAME [--dir DIR]\n"
    "       [--wait SECONDS] [--quiet]\n"
    "\n"
    "The keys with which customers' machines sign for deliveries. What a revoked key signed "
    "before\n"
    "stays as it is; from then on nothing that it signs is taken.\n";

/* ---- arguments ------------------------------------------------------------------------------- */

static enum hm_rc parse_state(const char *name, struct hm_err *err, struct args *args)
{
    args->has_state = true;
    args->is_unsigned = strcmp(name, HM_LEDGER_LIST_UNSIGNED) == 0;
    if (args->is_unsigned)
        return HM_OK;
    for (int state = HM_DELIVERY_OFFERED; state <= HM_DELIVERY_REJECTED; state++)
        if (strcmp(name, hm_delivery_state_name((enum hm_delivery_state)state)) == 0) {
            args->filter.state = (enum hm_delivery_state)state;
            return HM_OK;
        }
    return hm_fail(err, HM_EUSAGE,
                   "'%s' is no state: offered, served-unacked, acknowledged, rejected or "
                   "served-unsigned",
                   name);
}

static enum hm_rc parse_time(const char *name, const char *text, struct hm_err *err,
                             int64_t *ret_unix_s)
{
    char whole[HM_TIME_TEXT_SIZE];

    (void)snprintf(whole, sizeof(whole), "%.10sT00:00:00Z", text);
    if (hm_time_parse(hm_bytes_str(strlen(text) == 10 ? whole : text), ret_unix_s) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "%s takes YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, not '%s'",
                       name, text);
    return HM_OK;
}

static enum hm_rc parse_number(const char *name, const char *text, uint64_t max, struct hm_err *err,
                               uint64_t *ret_number)
{
    if (hm_num_parse_u64(text, strlen(text), ret_number) != HM_OK || *ret_number > max)
        return hm_fail(err, HM_EUSAGE, "%s takes a number, not '%s'", name, text);
    return HM_OK;
}

static enum hm_rc take_option(struct args *args, int option, struct hm_err *err)
{
    switch (option) {
    case OPTION_DIR:
        args->dir = optarg;
        return HM_OK;
    case OPTION_CUSTOMER:
        args->filter.customer = optarg;
        return HM_OK;
    case OPTION_IMAGE:
        args->image = optarg;
        return HM_OK;
    case OPTION_STATE:
        return parse_state(optarg, err, args);
    case OPTION_SINCE:
        return parse_time("--since", optarg, err, &args->filter.since_unix_s);
    case OPTION_UNTIL:
        return parse_time("--until", optarg, err, &args->filter.until_unix_s);
    case OPTION_LIMIT:
        return parse_number("--limit", optarg, UINT32_MAX, err, &args->filter.limit);
    case OPTION_RECALLED:
        args->recalled = true;
        return HM_OK;
    case OPTION_EXPORT:
        args->export = optarg;
        return HM_OK;
    case OPTION_JSON:
        args->json = true;
        return HM_OK;
    case OPTION_CSV:
        args->csv = true;
        return HM_OK;
    case OPTION_QUIET:
        args->quiet = true;
        return HM_OK;
    default:
        return hm_cmd_wait(optarg, err, &args->wait_ms);
    }
}

/* Fills args; returns an exit status, or -1 to go on. */
static int parse(int argc, char **argv, const struct option *options, const char *command,
                 const char *text, struct args *args)
{
    const char *dir = getenv("HALLMARK_DIR");
    struct hm_err err = HM_ERR_INIT;
    int option;

    *args =
        (struct args){.dir = dir != NULL && dir[0] != '\0' ? dir : ".", .wait_ms = HM_SITE_WAIT_MS};
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        int status = hm_cmd_help(option, command, text, "");

        if (status >= 0)
            return status;
        if (take_option(args, option, &err) != HM_OK)
            return hm_cmd_fail(&err);
    }
    args->operands = argv + optind;
    args->count = (size_t)(argc - optind);
    return -1;
}

/* ---- printing -------------------------------------------------------------------------------- */

static enum hm_rc print(const struct run *run, struct hm_err *err)
{
    return run->args->quiet ? HM_OK : hm_cmd_print(hm_buf_bytes(&run->out), err);
}

static enum hm_rc print_table(const struct run *run, struct hm_err *err)
{
    return run->args->quiet ? HM_OK : hm_table_print(&run->table, err);
}

/* ---- one row --------------------------------------------------------------------------------- */

/* What is listed, of both kinds. */
struct item {
    const char *state, *customer, *client, *path, *peer, *door; /* NULL: it has none */
    const struct hm_sha256 *image;
    uint64_t length, written; /* length 0: not known */
    int64_t time_unix_s, answered_unix_s;
    const char *recall; /* by which it was taken back; NULL: not */
};

static const char *recall_of(const struct run *run, const char *path, const struct hm_sha256 *image)
{
    const struct hm_recall *recall;
    struct hm_ledger_release_path parts;
    char maker[HM_TEXT_NAME_SIZE_MAX + 1];
    size_t cursor = 0;

    if (hm_ledger_release_split(path, NULL, &parts) != HM_OK)
        return NULL;
    (void)snprintf(maker, sizeof(maker), "%.*s", HM_BYTES_FMT(parts.maker));
    recall = hm_recall_set_find(&run->recalls, image, maker, &cursor);
    return recall == NULL ? NULL : recall->path;
}

static void add_text(struct hm_json_writer *writer, const char *key, const char *text)
{
    if (text != NULL)
        hm_json_writer_key_str(writer, key, text);
}

static void add_json(struct hm_json_writer *writer, const struct item *item)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "state", item->state);
    hm_json_writer_key_str(writer, "customer", item->customer);
    add_text(writer, "client", item->client);
    hm_json_writer_key_str(writer, "path", item->path);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(item->image->bytes, HM_SHA256_SIZE));
    if (item->length > 0) {
        hm_json_writer_key(writer, "length");
        hm_json_writer_u64(writer, item->length);
    }
    hm_json_writer_key(writer, "written");
    hm_json_writer_u64(writer, item->written);
    hm_json_writer_key(writer, "time");
    hm_json_writer_time(writer, item->time_unix_s);
    if (item->answered_unix_s != 0) {
        hm_json_writer_key(writer, "answered");
        hm_json_writer_time(writer, item->answered_unix_s);
    }
    add_text(writer, "peer", item->peer);
    add_text(writer, "door", item->door);
    add_text(writer, "recall", item->recall);
    hm_json_writer_object_end(writer);
}

/* Always quoted: a spreadsheet takes nothing for a formula that begins with a letter or digit, and
 * all that stands here does. */
static enum hm_rc add_csv(struct hm_buf *out, const char *const *cells, size_t count,
                          struct hm_err *err)
{
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hm_buf_append_str(out, i == 0 ? "\"" : ",\"", err));
        for (const char *at = cells[i]; *at != '\0'; at++) {
            if (*at == '"')
                HM_TRY(hm_buf_append_byte(out, '"', err));
            HM_TRY(hm_buf_append_byte(out, (uint8_t)*at, err));
        }
        HM_TRY(hm_buf_append_byte(out, '"', err));
    }
    return hm_buf_append_str(out, "\r\n", err);
}

static enum hm_rc add_item(struct run *run, struct item *item, struct hm_err *err)
{
    char when[HM_TIME_TEXT_SIZE], bytes[48], hex[HM_SHA256_HEX_SIZE];
    const char *cells[8];

    item->recall = recall_of(run, item->path, item->image);
    if (run->args->recalled && item->recall == NULL)
        return HM_OK;
    if (run->args->json) {
        add_json(&run->writer, item);
        return HM_OK;
    }
    hm_time_format(item->time_unix_s, when);
    hm_text_hex(hm_bytes_make(item->image->bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)item->written);
    cells[0] = when;
    cells[1] = item->state;
    cells[2] = item->customer;
    cells[3] = item->client != NULL ? item->client : item->peer;
    cells[4] = item->path;
    cells[5] = hex;
    cells[6] = bytes;
    cells[7] = item->recall == NULL ? "" : item->recall;
    if (run->args->csv)
        return add_csv(&run->out, cells, HM_ARRAY_COUNT(cells), err);
    hex[16] = '\0'; /* for people; --json and --csv have all of it */
    for (size_t i = 0; i < HM_ARRAY_COUNT(cells); i++)
        HM_TRY(hm_table_add(&run->table, cells[i], err));
    return HM_OK;
}

/* ---- export ---------------------------------------------------------------------------------- */

static enum hm_rc export_file(struct run *run, int64_t id, struct hm_err *err)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    char hex[HM_SHA256_HEX_SIZE], name[HM_SHA256_HEX_SIZE + 16];
    struct hm_sha256 hash;

    HM_TRY(hm_ledger_list_file(run->list, id, &run->site->public_dir, err, &file));
    HM_TRY(hm_delivery_file_write(&file, err, &raw));
    HM_TRY(hm_note_parse(file.parts[HM_DELIVERY_PART_REQUEST], err, &note));
    HM_TRY(hm_statement_hash(note->text, err, &hash));
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(name, sizeof(name), "%s.delivery", hex);
    return hm_file_replace(&run->export, name, 0600, hm_buf_bytes(&raw), err);
}

/* ---- the list -------------------------------------------------------------------------------- */

static enum hm_rc on_row(void *ctx, const struct hm_ledger_list_row *row, struct hm_err *err)
{
    struct run *run = ctx;
    struct item item = {.state = hm_delivery_state_name(row->state),
                        .customer = row->customer,
                        .client = row->client,
                        .path = row->path,
                        .image = &row->image,
                        .length = row->length,
                        .written = row->written,
                        .time_unix_s = row->requested_unix_s,
                        .answered_unix_s = row->answered_unix_s};

    HM_TRY(add_item(run, &item, err));
    if (run->args->export != NULL && (!run->args->recalled || item.recall != NULL))
        return export_file(run, row->id, err);
    return HM_OK;
}

static enum hm_rc on_transfer(void *ctx, const struct hm_ledger_list_transfer *transfer,
                              struct hm_err *err)
{
    struct item item = {.state = HM_LEDGER_LIST_UNSIGNED,
                        .customer = transfer->customer,
                        .path = transfer->path,
                        .image = &transfer->image,
                        .written = transfer->bytes,
                        .time_unix_s = transfer->begin_unix_s,
                        .peer = transfer->peer,
                        .door = transfer->door};

    return add_item(ctx, &item, err);
}

/* SHA-256, a path in a release, or a file that is here. */
static enum hm_rc read_image(struct args *args, struct hm_err *err)
{
    struct hm_ledger_release_path path;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    uint64_t size;

    if (strlen(args->image) == HM_SHA256_HEX_SIZE - 1 &&
        hm_text_unhex(hm_bytes_str(args->image), args->digest.bytes, HM_SHA256_SIZE) == HM_OK) {
        args->filter.image = &args->digest;
        return HM_OK;
    }
    fd = open(args->image, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && hm_ledger_release_split(args->image, NULL, &path) == HM_OK) {
        args->filter.path = args->image;
        return HM_OK;
    }
    if (fd < 0)
        return hm_fail(err, HM_EINPUT,
                       "'%s' is no SHA-256, no path ID/PRODUCT/VERSION/FILE and no file here",
                       args->image);
    HM_TRY(hm_digest_fd(fd, NULL, NULL, err, &args->digest, &size));
    args->filter.image = &args->digest;
    return HM_OK;
}

static enum hm_rc load_recalls(struct run *run, struct hm_err *err)
{
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;
    const struct hm_targets *role = NULL;
    char name[HM_LAYOUT_ROLE_SIZE_MAX + 16];

    HM_TRY(hm_tree_load(run->site, err, &tree));
    for (size_t i = 0; tree->layout != NULL && i <= tree->layout->maker_count; i++) {
        (void)snprintf(name, sizeof(name), "recalls~%s",
                       i == tree->layout->maker_count ? HM_RECALL_VENDOR
                                                      : tree->layout->makers[i].id);
        if (hm_tree_version(tree, name) == 0)
            continue;
        HM_TRY(hm_tree_role(tree, name, err, &role, NULL));
        if (role != NULL)
            HM_TRY(hm_recall_set_add_role(&run->recalls, name, role, run->site->config.name, err));
    }
    return hm_recall_set_seal(&run->recalls, err);
}

static enum hm_rc open_all(struct run *run, struct hm_err *err)
{
    enum hm_rc rc;

    HM_TRY(hm_site_open(run->args->dir, HM_SITE_READ, 0, hm_time_now_unix_s(), err, &run->site));
    rc = hm_ledger_list_open(&run->site->private_dir, run->args->wait_ms, err, &run->list);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT,
                       "site '%s' has no ledger of deliveries yet: 'hallmark serve' begins it",
                       run->site->config.name);
    return rc;
}

static enum hm_rc write_counts(struct run *run, struct hm_err *err)
{
    uint64_t counts[HM_DELIVERY_REJECTED + 1];

    HM_TRY(hm_ledger_list_count(run->list, &run->args->filter, err, counts));
    if (run->args->json) {
        hm_json_writer_key(&run->writer, "counts");
        hm_json_writer_object_begin(&run->writer);
    }
    for (int state = HM_DELIVERY_OFFERED; state <= HM_DELIVERY_REJECTED; state++) {
        const char *name = hm_delivery_state_name((enum hm_delivery_state)state);

        if (run->args->json) {
            hm_json_writer_key(&run->writer, name);
            hm_json_writer_u64(&run->writer, counts[state]);
        } else {
            HM_TRY(hm_buf_append_fmt(&run->out, err, "%s%llu %s",
                                     state == HM_DELIVERY_OFFERED ? "" : ", ",
                                     (unsigned long long)counts[state], name));
        }
    }
    if (run->args->json)
        hm_json_writer_object_end(&run->writer);
    else
        HM_TRY(hm_buf_append_str(&run->out, " in all\n", err));
    return HM_OK;
}

static enum hm_rc write_head(struct run *run, struct hm_err *err)
{
    static const char *const names[] = {"time", "state",  "customer", "client",
                                        "path", "sha256", "written",  "recall"};

    if (run->args->csv)
        return add_csv(&run->out, names, HM_ARRAY_COUNT(names), err);
    if (!run->args->json)
        return HM_OK;
    hm_json_writer_init(&run->writer, &run->out, true);
    hm_json_writer_object_begin(&run->writer);
    hm_json_writer_key_str(&run->writer, "schema", "hallmark/site-ledger/1");
    hm_json_writer_key(&run->writer, "deliveries");
    hm_json_writer_array_begin(&run->writer);
    return HM_OK;
}

static enum hm_rc list(struct run *run, struct hm_err *err)
{
    const struct args *args = run->args;

    HM_TRY(load_recalls(run, err));
    if (args->export != NULL)
        HM_TRY(hm_dir_make(args->export, 0700, err, &run->export));
    HM_TRY(write_head(run, err));
    if (!args->is_unsigned)
        HM_TRY(hm_ledger_list_each(run->list, &args->filter, on_row, run, err));
    if (args->is_unsigned || !args->has_state)
        HM_TRY(hm_ledger_list_transfers(run->list, &args->filter, on_transfer, run, err));
    if (args->json) {
        hm_json_writer_array_end(&run->writer);
        HM_TRY(write_counts(run, err));
        hm_json_writer_object_end(&run->writer);
        HM_TRY(hm_json_writer_end(&run->writer, err));
    } else if (!args->csv) {
        HM_TRY(print_table(run, err));
        HM_TRY(write_counts(run, err));
    }
    return print(run, err);
}

static int cmd_ledger(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, OPTION_DIR},
        {"customer", required_argument, NULL, OPTION_CUSTOMER},
        {"image", required_argument, NULL, OPTION_IMAGE},
        {"state", required_argument, NULL, OPTION_STATE},
        {"since", required_argument, NULL, OPTION_SINCE},
        {"until", required_argument, NULL, OPTION_UNTIL},
        {"limit", required_argument, NULL, OPTION_LIMIT},
        {"recalled", no_argument, NULL, OPTION_RECALLED},
        {"export", required_argument, NULL, OPTION_EXPORT},
        {"json", no_argument, NULL, OPTION_JSON},
        {"csv", no_argument, NULL, OPTION_CSV},
        {"wait", required_argument, NULL, OPTION_WAIT},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct args args;
    _hm_done_(run_done) struct run run = RUN_INIT(&args, 8);
    int status = parse(argc, argv, options, "hallmark site ledger", usage, &args);

    if (status >= 0)
        return status;
    if (args.count > 0)
        return hm_cmd_usage("site ledger", "'%s': it takes options only", args.operands[0]);
    if (args.json && args.csv)
        return hm_cmd_usage("site ledger", "--json or --csv, not both");
    if (args.image != NULL && read_image(&args, &err) != HM_OK)
        return hm_cmd_fail(&err);
    if (open_all(&run, &err) != HM_OK || list(&run, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static enum hm_rc on_key(void *ctx, const struct hm_ledger_list_key *key, struct hm_err *err)
{
    struct run *run = ctx;
    char created[HM_TIME_TEXT_SIZE], revoked[HM_TIME_TEXT_SIZE] = "-", place[48];

    hm_time_format(key->created_unix_s, created);
    if (key->revoked_unix_s != 0)
        hm_time_format(key->revoked_unix_s, revoked);
    if (run->args->json) {
        hm_json_writer_object_begin(&run->writer);
        hm_json_writer_key_str(&run->writer, "customer", key->customer);
        hm_json_writer_key_str(&run->writer, "name", key->name);
        hm_json_writer_key_str(&run->writer, "created", created);
        if (key->revoked_unix_s != 0)
            hm_json_writer_key_str(&run->writer, "revoked", revoked);
        hm_json_writer_key(&run->writer, "epoch");
        hm_json_writer_u64(&run->writer, key->epoch);
        hm_json_writer_key(&run->writer, "counter");
        hm_json_writer_u64(&run->writer, key->counter);
        hm_json_writer_object_end(&run->writer);
        return HM_OK;
    }
    (void)snprintf(place, sizeof(place), "%llu.%llu", (unsigned long long)key->epoch,
                   (unsigned long long)key->counter);
    HM_TRY(hm_table_add(&run->table, key->name, err));
    HM_TRY(hm_table_add(&run->table, key->revoked_unix_s == 0 ? "counts" : "revoked", err));
    HM_TRY(hm_table_add(&run->table, created, err));
    HM_TRY(hm_table_add(&run->table, revoked, err));
    return hm_table_add(&run->table, place, err);
}

static enum hm_rc list_keys(struct run *run, const char *customer, struct hm_err *err)
{
    if (!run->args->json) {
        HM_TRY(hm_ledger_list_keys(run->list, customer, on_key, run, err));
        return print_table(run, err);
    }
    hm_json_writer_init(&run->writer, &run->out, true);
    hm_json_writer_object_begin(&run->writer);
    hm_json_writer_key_str(&run->writer, "schema", "hallmark/site-keys/1");
    hm_json_writer_key(&run->writer, "keys");
    hm_json_writer_array_begin(&run->writer);
    HM_TRY(hm_ledger_list_keys(run->list, customer, on_key, run, err));
    hm_json_writer_array_end(&run->writer);
    hm_json_writer_object_end(&run->writer);
    HM_TRY(hm_json_writer_end(&run->writer, err));
    return print(run, err);
}

static enum hm_rc revoke_key(struct run *run, const char *name, struct hm_err *err)
{
    HM_TRY(hm_ledger_list_revoke(&run->site->private_dir, name, hm_time_now_unix_s(),
                                 run->args->wait_ms, err));
    HM_TRY(hm_buf_append_fmt(&run->out, err, "the key '%s' is revoked\n", name));
    return print(run, err);
}

/* argv: customer key list|revoke ... */
static int cmd_key(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, OPTION_DIR},
        {"json", no_argument, NULL, OPTION_JSON},
        {"wait", required_argument, NULL, OPTION_WAIT},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    struct args args;
    _hm_done_(run_done) struct run run = RUN_INIT(&args, 5);
    int status = parse(argc, argv, options, "hallmark site customer key", key_usage, &args);
    bool is_list;
    enum hm_rc rc;

    if (status >= 0)
        return status;
    is_list = args.count > 1 && strcmp(args.operands[1], "list") == 0;
    if (args.count < 2 || (!is_list && strcmp(args.operands[1], "revoke") != 0) || args.count > 3 ||
        (!is_list && args.count != 3))
        return hm_cmd_usage("site customer key", "it takes 'list [CUSTOMER]' or 'revoke KEYNAME'");
    rc = open_all(&run, &err);
    if (rc == HM_OK)
        rc = is_list ? list_keys(&run, args.count == 3 ? args.operands[2] : NULL, &err)
                     : revoke_key(&run, args.operands[2], &err);
    return rc == HM_OK ? 0 : hm_cmd_fail(&err);
}

int main(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "ledger") == 0)
        return cmd_ledger(argc, argv);
    if (argc > 0 && strcmp(argv[0], "customer") == 0)
        return cmd_key(argc, argv);
    return hm_cmd_usage("hallmark site", "this program runs behind 'hallmark site'");
}
