/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark verify --event-log (verify_log.h). */
#include "verify_log.h"

#include "base/file.h"
#include "base/text.h"
#include "customer/measured.h"
#include "customer/sync.h"
#include "image/quote.h"

struct command {
    struct hm_customer *customer; /* borrowed */
    const char *path;
    struct hm_buf raw;
    const struct hm_verify_log_quote *files; /* borrowed */
    struct hm_event_log log;
    struct hm_buf raw_quote;
    struct hm_quote quote;
    struct hm_sha256 key; /* that signed it */
    struct hm_catalogue catalogue;
    struct hm_measured measured;
    enum hm_rc worst;
};

static void command_done(struct command *command)
{
    hm_measured_done(&command->measured);
    hm_catalogue_done(&command->catalogue);
    hm_event_log_done(&command->log);
    hm_buf_done(&command->raw);
    hm_buf_done(&command->raw_quote);
}

/* ---- the quote ------------------------------------------------------------------------------- */

static enum hm_rc read_signature(const char *path, struct hm_err *err,
                                 struct hm_quote_signature *ret_signature, struct hm_buf *raw)
{
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(path, err, raw));
    rc = hm_quote_parse_signature(hm_buf_bytes(raw), err, ret_signature);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

static enum hm_rc read_key(const char *path, struct hm_err *err, struct hm_key **ret_key)
{
    _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(path, err, &pem));
    rc = hm_key_parse_pem(hm_buf_bytes(&pem), err, ret_key);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

static enum hm_rc read_nonce(const char *text, struct hm_err *err,
                             uint8_t nonce[HM_QUOTE_NONCE_SIZE_MAX], struct hm_bytes *ret_nonce)
{
    size_t size = strlen(text);

    if (size % 2 != 0 || size / 2 < HM_QUOTE_NONCE_SIZE_MIN || size / 2 > HM_QUOTE_NONCE_SIZE_MAX ||
        hm_text_unhex(hm_bytes_str(text), nonce, size / 2) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "--nonce: %d to %d bytes in hexadecimal are expected",
                       HM_QUOTE_NONCE_SIZE_MIN, HM_QUOTE_NONCE_SIZE_MAX);
    *ret_nonce = hm_bytes_make(nonce, size / 2);
    return HM_OK;
}

static enum hm_rc check_quote(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_QUOTE_SIGNATURE_SIZE_MAX);
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    const struct hm_verify_log_quote *files = command->files;
    uint8_t nonce_bytes[HM_QUOTE_NONCE_SIZE_MAX];
    struct hm_quote_signature signature;
    struct hm_bytes nonce;
    enum hm_rc rc;

    if (files->quote == NULL)
        return HM_OK;
    HM_TRY(read_nonce(files->nonce, err, nonce_bytes, &nonce));
    HM_TRY(hm_file_read_path(files->quote, err, &command->raw_quote));
    HM_TRY(read_signature(files->signature, err, &signature, &raw));
    HM_TRY(read_key(files->key, err, &key));
    rc = hm_quote_parse(hm_buf_bytes(&command->raw_quote), err, &command->quote);
    if (rc == HM_OK)
        rc = hm_quote_verify(&command->quote, &signature, key, nonce, &command->log, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", files->quote);
    command->key = *hm_key_material(key);
    return HM_OK;
}

/* ---- what is known --------------------------------------------------------------------------- */

static enum hm_rc check_age(const struct hm_customer *customer, const struct hm_subscription *site,
                            int64_t max_age_s, struct hm_err *err)
{
    if (max_age_s >= 0 && customer->now_unix_s - site->refreshed_unix_s > max_age_s)
        return hm_fail(err, HM_EEXPIRED, "'%s' was refreshed longer ago than --max-age says",
                       site->name);
    return HM_OK;
}

static enum hm_rc collect(struct command *command, int64_t max_age_s, struct hm_err *err)
{
    struct hm_pattern *patterns = NULL;
    const char **names = NULL;
    size_t name_count = 0, count = 0;

    HM_TRY(hm_customer_patterns(command->customer, NULL, 0, err, &patterns, &count));
    HM_TRY(hm_customer_names(command->customer, err, &names, &name_count));
    for (size_t i = 0; i < name_count; i++) {
        struct hm_subscription *site = NULL;
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc =
            hm_customer_open_site(command->customer, names[i], true, patterns, count, &why, &site);

        if (rc == HM_OK)
            rc = check_age(command->customer, site, max_age_s, &why);
        if (rc == HM_OK) {
            hm_customer_tell_earlier(command->customer, site);
            HM_TRY(hm_catalogue_add(&command->catalogue, site, patterns, count, err));
            continue;
        }
        if (hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        (void)hm_cmd_fail(&why);
        command->worst = hm_sync_worse(command->worst, rc);
    }
    hm_catalogue_sort(&command->catalogue);
    command->worst = hm_sync_worse(command->worst, hm_customer_print_problems(&command->catalogue));
    return hm_measured_build(&command->catalogue, err, &command->measured);
}

/* Nobody that was asked knows the digest: no, unless somebody could not be asked. */
static enum hm_rc unknown(const struct command *command)
{
    return hm_error_exit_status(command->worst) == 3 ? command->worst : HM_EUNKNOWN;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void hex_of(const struct hm_sha256 *sha256, char ret_hex[HM_SHA256_HEX_SIZE])
{
    hm_text_hex(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), ret_hex);
}

static enum hm_rc append_event(struct command *command, size_t index, struct hm_err *err,
                               struct hm_buf *out)
{
    const struct hm_event *event = &command->log.events[index];
    const struct hm_measured_entry *entry;
    char hex[HM_SHA256_HEX_SIZE];
    size_t count;

    entry = hm_measured_find(&command->measured, &event->sha256, &count);
    hex_of(&event->sha256, hex);
    if (entry == NULL)
        return hm_buf_append_fmt(out, err, "event %zu: unknown: no release says %s\n", index + 1,
                                 hex);
    for (size_t i = 0; i < count; i++) {
        const struct hm_catalogue_item *item = entry[i].item;

        HM_TRY(hm_buf_append_fmt(out, err, "event %zu: good: ", index + 1));
        HM_TRY(hm_text_escape(out, item->path, err));
        HM_TRY(hm_buf_append_fmt(out, err, " at %s (%s)\n", item->subscription->name,
                                 hm_layout_grade_text(item->file.grade)));
    }
    return HM_OK;
}

/* "PCR 0, 1, 2" */
static enum hm_rc append_pcrs(uint32_t pcrs, struct hm_err *err, struct hm_buf *out)
{
    const char *separator = "PCR ";

    for (unsigned i = 0; i < HM_EVENT_LOG_PCR_MAX; i++) {
        if ((pcrs >> i & 1) == 0)
            continue;
        HM_TRY(hm_buf_append_fmt(out, err, "%s%u", separator, i));
        separator = ", ";
    }
    return HM_OK;
}

static enum hm_rc append_quote(const struct command *command, struct hm_err *err,
                               struct hm_buf *out)
{
    char hex[HM_SHA256_HEX_SIZE];

    if (command->files->quote == NULL)
        return hm_buf_append_str(out, ": the log counts if the machine's TPM says the same\n", err);
    hex_of(&command->key, hex);
    HM_TRY(hm_buf_append_str(out, "\nquote: good: ", err));
    HM_TRY(append_pcrs(command->quote.pcrs, err, out));
    return hm_buf_append_fmt(out, err,
                             " are what the log replays to, signed for this nonce by the key %s; "
                             "reset %u times, restarted %u times since%s\n",
                             hex, command->quote.reset_count, command->quote.restart_count,
                             command->quote.is_safe ? "" : "; its clock was set back");
}

static enum hm_rc print_text(struct command *command, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    char hex[HM_SHA256_HEX_SIZE];
    size_t roms = 0;

    for (size_t i = 0; i < command->log.count; i++) {
        if (!hm_event_log_is_option_rom(&command->log.events[i]))
            continue;
        roms++;
        HM_TRY(append_event(command, i, err, &out));
    }
    if (roms == 0)
        HM_TRY(hm_buf_append_str(&out, "no option ROM was measured\n", err));
    hex_of(&command->log.pcrs[2], hex);
    HM_TRY(hm_buf_append_fmt(&out, err, "PCR 2 replays to %s", hex));
    HM_TRY(append_quote(command, err, &out));
    return command->customer->quiet ? HM_OK : hm_cmd_print(hm_buf_bytes(&out), err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void write_event(struct hm_json_writer *writer, const struct command *command, size_t index)
{
    const struct hm_event *event = &command->log.events[index];
    const struct hm_measured_entry *entry;
    size_t count;

    entry = hm_measured_find(&command->measured, &event->sha256, &count);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "event");
    hm_json_writer_u64(writer, index + 1);
    hm_json_writer_key(writer, "type");
    hm_json_writer_u64(writer, event->type);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(event->sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_key_str(writer, "verdict", entry == NULL ? "unknown" : "good");
    hm_json_writer_key(writer, "matches");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++) {
        hm_json_writer_object_begin(writer);
        hm_customer_write_item(writer, entry[i].item);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
}

static void write_quote(struct hm_json_writer *writer, const struct command *command)
{
    if (command->files->quote == NULL)
        return;
    hm_json_writer_key(writer, "quote");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "verdict", "good");
    hm_json_writer_key(writer, "pcrs");
    hm_json_writer_array_begin(writer);
    for (unsigned i = 0; i < HM_EVENT_LOG_PCR_MAX; i++) {
        if ((command->quote.pcrs >> i & 1) != 0)
            hm_json_writer_int(writer, i);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "key");
    hm_json_writer_hex(writer, hm_bytes_make(command->key.bytes, HM_SHA256_SIZE));
    hm_json_writer_key_int(writer, "resets", command->quote.reset_count);
    hm_json_writer_key_int(writer, "restarts", command->quote.restart_count);
    hm_json_writer_key(writer, "clock_safe");
    hm_json_writer_bool(writer, command->quote.is_safe);
    hm_json_writer_object_end(writer);
}

static int print_json(const struct command *command)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &out, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/verify-event-log/1");
    hm_json_writer_key_str(&writer, "file", command->path);
    hm_json_writer_key(&writer, "pcrs");
    hm_json_writer_array_begin(&writer);
    for (unsigned i = 0; i < HM_EVENT_LOG_PCR_MAX; i++) {
        if ((command->log.measured >> i & 1) == 0)
            continue;
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_int(&writer, "pcr", i);
        hm_json_writer_key(&writer, "sha256");
        hm_json_writer_hex(&writer, hm_bytes_make(command->log.pcrs[i].bytes, HM_SHA256_SIZE));
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    write_quote(&writer, command);
    hm_json_writer_key(&writer, "option_roms");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < command->log.count; i++) {
        if (hm_event_log_is_option_rom(&command->log.events[i]))
            write_event(&writer, command, i);
    }
    hm_json_writer_array_end(&writer);
    hm_customer_write_problems(&writer, &command->catalogue);
    hm_json_writer_object_end(&writer);
    return hm_customer_finish_json(&writer, command->worst);
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum hm_rc run(struct command *command, int64_t max_age_s, struct hm_err *err)
{
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(command->path, err, &command->raw));
    rc = hm_event_log_parse(hm_buf_bytes(&command->raw), err, &command->log);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", command->path);
    HM_TRY(check_quote(command, err));
    HM_TRY(hm_customer_open_home(command->customer, false, err));
    HM_TRY(collect(command, max_age_s, err));
    for (size_t i = 0; i < command->log.count; i++) {
        size_t count;

        if (hm_event_log_is_option_rom(&command->log.events[i]) &&
            hm_measured_find(&command->measured, &command->log.events[i].sha256, &count) == NULL)
            command->worst = hm_sync_worse(command->worst, unknown(command));
    }
    return HM_OK;
}

int hm_verify_log(struct hm_customer *customer, const char *path,
                  const struct hm_verify_log_quote *quote, int64_t max_age_s)
{
    _hm_done_(command_done) struct command command = {
        .customer = customer,
        .path = path,
        .files = quote,
        .raw = HM_BUF_INIT(HM_EVENT_LOG_SIZE_MAX),
        .raw_quote = HM_BUF_INIT(HM_QUOTE_SIZE_MAX),
    };
    struct hm_err err = HM_ERR_INIT;

    if (run(&command, max_age_s, &err) != HM_OK)
        return hm_cmd_fail(&err);
    if (customer->json)
        return print_json(&command);
    if (print_text(&command, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_error_exit_status(command.worst);
}
