/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust file (docs/formats.md 4): parse, write, free, and its fingerprint for people.
 *
 * {"schema": "hallmark/trust/1", "site": NAME, "url": URL, "root": ENVELOPE,
 *  "makers": {ID: {"first": HEX}...}, "floor": "attested"|"maker",
 *  "log": {"policy": TEXT, "max-age": SECONDS}}
 */
#include "trust/trust_file.h"

#include "base/text.h"
#include "trust/site_log.h"

#define SCHEMA       "hallmark/trust/1"
#define URL_SIZE_MAX 2048

static enum hm_rc copy_text(struct hm_arena *arena, struct hm_bytes bytes, struct hm_err *err,
                            const char **ret_text)
{
    char *text = hm_arena_strdup(arena, bytes);

    if (text == NULL)
        return hm_error_nomem(err);
    *ret_text = text;
    return HM_OK;
}

static enum hm_rc parse_url(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                            const char **ret_url)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (text.size == 0 || text.size > URL_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "its url is not 1 to %d bytes long", URL_SIZE_MAX);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return hm_fail(err, HM_EFORMAT, "its url has a byte that no URL has");
    }
    return copy_text(arena, text, err, ret_url);
}

static enum hm_rc parse_pin(struct hm_json *json, struct hm_err *err, struct hm_sha256 *ret_first)
{
    struct hm_bytes key, text;
    bool has_first = false;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (!hm_bytes_is_str(key, "first")) {
            HM_TRY(hm_json_skip(json, err, &text));
            continue;
        }
        has_first = true;
        HM_TRY(hm_json_string(json, err, &text));
        if (hm_text_unhex(text, ret_first->bytes, sizeof(ret_first->bytes)) != HM_OK)
            return hm_fail(err, HM_EFORMAT, "first is not 64 hexadecimal digits");
    }
    if (!has_first)
        return hm_fail(err, HM_EFORMAT, "the SHA-256 of the first identity is missing");
    return HM_OK;
}

static enum hm_rc parse_pins(struct hm_json *json, struct hm_err *err, struct hm_trust_file *file)
{
    size_t capacity = 0;
    struct hm_bytes id;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        struct hm_trust_pin *pin;
        enum hm_rc rc;

        HM_TRY(hm_json_object_next(json, err, &more, &id));
        if (!more)
            return HM_OK;
        HM_TRY(hm_layout_check_id(id, err));
        if (file->pin_count >= HM_TRUST_FILE_PIN_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "more than %d makers", HM_TRUST_FILE_PIN_COUNT_MAX);
        if (file->pin_count == capacity) {
            struct hm_trust_pin *pins;

            capacity = capacity == 0 ? 8 : 2 * capacity;
            pins = hm_arena_alloc(&file->arena, capacity, sizeof(*pins));
            if (pins == NULL)
                return hm_error_nomem(err);
            if (file->pin_count > 0)
                memcpy(pins, file->pins, file->pin_count * sizeof(*pins));
            file->pins = pins;
        }
        pin = &file->pins[file->pin_count];
        HM_TRY(copy_text(&file->arena, id, err, &pin->id));
        rc = parse_pin(json, err, &pin->first);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "maker '%s'", pin->id);
        file->pin_count++;
    }
}

static enum hm_rc parse_floor(struct hm_json *json, struct hm_err *err, enum hm_grade *ret_floor)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(text, "attested"))
        *ret_floor = HM_GRADE_ATTESTED;
    else if (hm_bytes_is_str(text, "maker"))
        *ret_floor = HM_GRADE_INTRODUCED;
    else
        return hm_fail(err, HM_EFORMAT, "its floor '%.*s' is neither attested nor maker",
                       HM_BYTES_FMT(text));
    return HM_OK;
}

/* Which log it is, and its core witnesses, root says. */
enum hm_rc hm_trust_file_parse_policy(struct hm_bytes text, struct hm_err *err,
                                      struct hm_log_policy **ret_policy)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    enum hm_rc rc = hm_log_policy_parse(text, err, &policy);

    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "its log");
    if (policy->log_count > 0)
        return hm_fail(err, HM_EFORMAT,
                       "its log policy names the log '%s': only root does, leave the line out",
                       policy->logs[0].key->name);
    *ret_policy = hm_steal(&policy);
    return HM_OK;
}

enum hm_rc hm_trust_file_parse_log(struct hm_json *json, struct hm_err *err,
                                   struct hm_log_policy **policy, int64_t *max_age_s)
{
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "policy")) {
            HM_TRY(hm_json_string(json, err, &text));
            HM_TRY(hm_trust_file_parse_policy(text, err, policy));
        } else if (hm_bytes_is_str(key, "max-age")) {
            HM_TRY(hm_json_int(json, err, max_age_s));
            if (*max_age_s < 1 || *max_age_s > HM_TRUST_FILE_MAX_AGE_MAX_S)
                return hm_fail(err, HM_EFORMAT, "its log's max-age is not 1 to %d seconds",
                               HM_TRUST_FILE_MAX_AGE_MAX_S);
        } else {
            return hm_fail(err, HM_EFORMAT,
                           "its log has a member '%.*s' that this program does not know; use a "
                           "newer one",
                           HM_BYTES_FMT(key));
        }
    }
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                               struct hm_trust_file *file, bool *schema)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "schema")) {
        HM_TRY(hm_json_string(json, err, &text));
        if (!hm_bytes_is_str(text, SCHEMA))
            return hm_fail(err, HM_EFORMAT, "its schema is '%.*s', this program reads '" SCHEMA "'",
                           HM_BYTES_FMT(text));
        *schema = true;
        return HM_OK;
    }
    if (hm_bytes_is_str(key, "site")) {
        HM_TRY(hm_json_string(json, err, &text));
        HM_TRY(hm_layout_check_id(text, err));
        return copy_text(&file->arena, text, err, &file->site);
    }
    if (hm_bytes_is_str(key, "url"))
        return parse_url(json, &file->arena, err, &file->url);
    if (hm_bytes_is_str(key, "root")) {
        HM_TRY(hm_json_skip(json, err, &text));
        return hm_arena_copy(&file->arena, text, err, &file->root);
    }
    if (hm_bytes_is_str(key, "makers"))
        return parse_pins(json, err, file);
    if (hm_bytes_is_str(key, "floor"))
        return parse_floor(json, err, &file->floor);
    if (hm_bytes_is_str(key, "log"))
        return hm_trust_file_parse_log(json, err, &file->log_policy, &file->log_max_age_s);
    /* A trust file is short and a person's decision: what it demands and we do not know, we may
     * not pass over. */
    return hm_fail(err, HM_EFORMAT,
                   "it has a member '%.*s' that this program does not know; use a newer one",
                   HM_BYTES_FMT(key));
}

static enum hm_rc check_root(struct hm_err *err, struct hm_trust_file *file)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    const char *site;

    if (file->root.size > HM_DOCUMENT_ROOT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "its root is larger than %d bytes",
                       HM_DOCUMENT_ROOT_SIZE_MAX);
    HM_TRY(hm_envelope_parse(file->root, err, &envelope));
    HM_TRY(hm_root_verify_first(envelope, err, &root));
    HM_TRY(hm_layout_root_site(root, &file->arena, err, &site, &file->trial));
    if (strcmp(site, file->site) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is for site '%s', but its root is of site '%s'",
                       file->site, site);
    return hm_site_log_parse(root, err, &log);
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_err *err, struct hm_trust_file *file)
{
    bool schema = false;
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    if (raw.size > HM_TRUST_FILE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "larger than %d bytes", HM_TRUST_FILE_SIZE_MAX);
    file->floor = HM_GRADE_ATTESTED;
    hm_json_init(&json, raw, &file->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(&json, key, err, file, &schema));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!schema || file->site == NULL || file->root.size == 0)
        return hm_fail(err, HM_EFORMAT, "it lacks schema, site or root");
    HM_TRY(check_root(err, file));
    return hm_digest_sha256(raw, err, &file->fingerprint);
}

enum hm_rc hm_trust_file_parse(struct hm_bytes raw, struct hm_err *err,
                               struct hm_trust_file **ret_file)
{
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = calloc(1, sizeof(*file));
    enum hm_rc rc;

    if (file == NULL)
        return hm_error_nomem(err);
    rc = parse(raw, err, file);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "trust file");
    *ret_file = hm_steal(&file);
    return HM_OK;
}

enum hm_rc hm_trust_file_write_log(const struct hm_log_policy *policy, int64_t max_age_s,
                                   struct hm_err *err, struct hm_json_writer *writer)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    if (policy == NULL && max_age_s == 0)
        return HM_OK;
    hm_json_writer_key(writer, "log");
    hm_json_writer_object_begin(writer);
    if (policy != NULL) {
        HM_TRY(hm_log_policy_write(policy, err, &text));
        hm_json_writer_key(writer, "policy");
        hm_json_writer_string(writer, hm_buf_bytes(&text));
    }
    if (max_age_s != 0)
        hm_json_writer_key_int(writer, "max-age", max_age_s);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

enum hm_rc hm_trust_file_write(const struct hm_trust_file *file, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "site", file->site);
    if (file->url != NULL)
        hm_json_writer_key_str(&writer, "url", file->url);
    if (file->pin_count > 0) {
        hm_json_writer_key(&writer, "makers");
        hm_json_writer_object_begin(&writer);
        for (size_t i = 0; i < file->pin_count; i++) {
            hm_json_writer_key(&writer, file->pins[i].id);
            hm_json_writer_object_begin(&writer);
            hm_json_writer_key(&writer, "first");
            hm_json_writer_hex(&writer, hm_bytes_make(file->pins[i].first.bytes, HM_SHA256_SIZE));
            hm_json_writer_object_end(&writer);
        }
        hm_json_writer_object_end(&writer);
    }
    if (file->floor > HM_GRADE_ATTESTED)
        hm_json_writer_key_str(&writer, "floor", "maker");
    HM_TRY(hm_trust_file_write_log(file->log_policy, file->log_max_age_s, err, &writer));
    hm_json_writer_key(&writer, "root");
    hm_json_writer_raw(&writer, file->root);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(ret_buf, "\n", err);
}

void hm_trust_file_free(struct hm_trust_file *file)
{
    if (file == NULL)
        return;
    hm_log_policy_free(file->log_policy);
    hm_arena_done(&file->arena);
    free(file);
}

void hm_trust_file_format_fingerprint(const struct hm_sha256 *fingerprint, char ret_text[72])
{
    char hex[HM_SHA256_HEX_SIZE];
    size_t size = 0;

    hm_text_hex(hm_bytes_make(fingerprint->bytes, HM_SHA256_SIZE), hex);
    for (size_t i = 0; i < 2 * HM_SHA256_SIZE; i++) {
        if (i > 0 && i % 8 == 0)
            ret_text[size++] = ' ';
        ret_text[size++] = hex[i];
    }
    ret_text[size] = '\0';
}

enum hm_rc hm_trust_file_parse_fingerprint(const char *text, struct hm_err *err,
                                           struct hm_sha256 *ret_fingerprint)
{
    char hex[2 * HM_SHA256_SIZE];
    struct hm_sha256 fingerprint;
    size_t size = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == ':')
            continue;
        if (size == sizeof(hex))
            return hm_fail(err, HM_EUSAGE,
                           "a fingerprint has 64 hexadecimal digits, this one has more");
        hex[size++] = *at;
    }
    if (size != sizeof(hex) ||
        hm_text_unhex(hm_bytes_make(hex, size), fingerprint.bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is not a fingerprint of 64 hexadecimal digits", text);
    *ret_fingerprint = fingerprint;
    return HM_OK;
}
