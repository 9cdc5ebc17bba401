/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sites/NAME/site.json: {"schema": "hallmark/subscription/1", "url": URL, "floor": "maker",
 * "pins": {ID: HEX}, "mirrors": [URL...], "options": {"proxy": URL, "ca": FILE, "http": true},
 * "log": {"policy": TEXT, "max-age": SECONDS}}
 */
#include "customer/policy.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/time.h"
#include "net/fetch.h"

#define FILE_NAME  "site.json"
#define TOKEN_NAME "token"
#define SCHEMA     "hallmark/subscription/1"

void hm_policy_done(struct hm_policy *policy)
{
    hm_log_policy_free(policy->log_policy);
    hm_arena_done(&policy->arena);
    *policy = (struct hm_policy){0};
}

static enum hm_rc copy_bytes(struct hm_policy *policy, struct hm_bytes text, struct hm_err *err,
                             const char **ret_text)
{
    char *copy = hm_arena_strdup(&policy->arena, text);

    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

enum hm_rc hm_policy_copy_text(struct hm_policy *policy, const char *text, struct hm_err *err,
                               const char **ret_text)
{
    return copy_bytes(policy, hm_bytes_str(text), err, ret_text);
}

static enum hm_rc check_url(const char *url, struct hm_err *err)
{
    if (url[0] == '\0')
        return hm_fail(err, HM_EUSAGE, "an empty URL names nothing");
    for (const char *at = url; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return hm_fail(err, HM_EUSAGE, "'%s' is no URL: it has a byte that none may have", url);
    }
    return HM_OK;
}

/* ---- changes --------------------------------------------------------------------------------- */

static enum hm_rc put_pin(struct hm_policy *policy, const char *id, const struct hm_sha256 *first,
                          struct hm_err *err)
{
    struct hm_trust_pin *pins;

    for (size_t i = 0; i < policy->pin_count; i++) {
        if (strcmp(policy->pins[i].id, id) == 0) {
            policy->pins[i].first = *first;
            return HM_OK;
        }
    }
    if (policy->pin_count >= HM_TRUST_FILE_PIN_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d pins", HM_TRUST_FILE_PIN_COUNT_MAX);
    pins = hm_arena_alloc(&policy->arena, policy->pin_count + 1, sizeof(*pins));
    if (pins == NULL)
        return hm_error_nomem(err);
    if (policy->pin_count > 0)
        memcpy(pins, policy->pins, policy->pin_count * sizeof(*pins));
    pins[policy->pin_count] = (struct hm_trust_pin){.id = id, .first = *first};
    policy->pins = pins;
    policy->pin_count++;
    return HM_OK;
}

enum hm_rc hm_policy_pin(struct hm_policy *policy, const char *text, struct hm_err *err)
{
    const char *equals = strchr(text, '=');
    struct hm_sha256 first;
    const char *id = NULL;

    if (equals == NULL)
        return hm_fail(err, HM_EUSAGE, "'%s' is not ID=FINGERPRINT", text);
    HM_TRY(copy_bytes(policy, hm_bytes_make(text, (size_t)(equals - text)), err, &id));
    if (hm_layout_check_id(hm_bytes_str(id), err) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is no maker's ID", id);
    HM_TRY(hm_trust_file_parse_fingerprint(equals + 1, err, &first));
    return put_pin(policy, id, &first, err);
}

enum hm_rc hm_policy_unpin(struct hm_policy *policy, const char *id, struct hm_err *err)
{
    for (size_t i = 0; i < policy->pin_count; i++) {
        if (strcmp(policy->pins[i].id, id) != 0)
            continue;
        policy->pin_count--;
        memmove(&policy->pins[i], &policy->pins[i + 1],
                (policy->pin_count - i) * sizeof(*policy->pins));
        return HM_OK;
    }
    return hm_fail(err, HM_EUSAGE, "maker '%s' is not pinned by this policy", id);
}

enum hm_rc hm_policy_set_floor(struct hm_policy *policy, const char *text, struct hm_err *err)
{
    if (strcmp(text, "maker") == 0)
        policy->floor = HM_GRADE_INTRODUCED;
    else if (strcmp(text, "attested") == 0)
        policy->floor = HM_GRADE_ATTESTED;
    else
        return hm_fail(err, HM_EUSAGE, "the floor '%s' is neither maker nor attested", text);
    return HM_OK;
}

static const char *const deliveries_texts[] = {
    [HM_POLICY_DELIVERIES_ASK] = "ask",
    [HM_POLICY_DELIVERIES_REQUIRE] = "require",
    [HM_POLICY_DELIVERIES_NEVER] = "never",
};

const char *hm_policy_deliveries_text(enum hm_policy_deliveries deliveries)
{
    return deliveries_texts[deliveries];
}

enum hm_rc hm_policy_set_deliveries(struct hm_policy *policy, const char *text, struct hm_err *err)
{
    for (size_t i = 0; i < HM_POLICY_DELIVERIES_COUNT_; i++)
        if (strcmp(text, deliveries_texts[i]) == 0) {
            policy->deliveries = (enum hm_policy_deliveries)i;
            return HM_OK;
        }
    return hm_fail(err, HM_EUSAGE, "deliveries '%s' are none of ask, require and never", text);
}

enum hm_rc hm_policy_add_mirror(struct hm_policy *policy, const char *url, struct hm_err *err)
{
    const char **mirrors;
    const char *copy = NULL;

    HM_TRY(check_url(url, err));
    for (size_t i = 0; i < policy->mirror_count; i++) {
        if (strcmp(policy->mirrors[i], url) == 0)
            return HM_OK;
    }
    if (policy->mirror_count >= HM_POLICY_MIRROR_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d mirrors", HM_POLICY_MIRROR_COUNT_MAX);
    HM_TRY(hm_policy_copy_text(policy, url, err, &copy));
    mirrors = hm_arena_alloc(&policy->arena, policy->mirror_count + 1, sizeof(*mirrors));
    if (mirrors == NULL)
        return hm_error_nomem(err);
    if (policy->mirror_count > 0)
        memcpy(mirrors, policy->mirrors, policy->mirror_count * sizeof(*mirrors));
    mirrors[policy->mirror_count++] = copy;
    policy->mirrors = mirrors;
    return HM_OK;
}

enum hm_rc hm_policy_drop_mirror(struct hm_policy *policy, const char *url, struct hm_err *err)
{
    for (size_t i = 0; i < policy->mirror_count; i++) {
        if (strcmp(policy->mirrors[i], url) != 0)
            continue;
        policy->mirror_count--;
        memmove(&policy->mirrors[i], &policy->mirrors[i + 1],
                (policy->mirror_count - i) * sizeof(*policy->mirrors));
        return HM_OK;
    }
    return hm_fail(err, HM_EUSAGE, "'%s' is no mirror of this site", url);
}

/* ---- the release log ------------------------------------------------------------------------- */

void hm_policy_drop_log(struct hm_policy *policy)
{
    hm_log_policy_free(policy->log_policy);
    policy->log_policy = NULL;
}

void hm_policy_drop_log_max_age(struct hm_policy *policy)
{
    policy->log_max_age_s = 0;
}

enum hm_rc hm_policy_set_log(struct hm_policy *policy, struct hm_bytes text, struct hm_err *err)
{
    struct hm_log_policy *log_policy = NULL;

    HM_TRY(hm_trust_file_parse_policy(text, err, &log_policy));
    hm_log_policy_free(policy->log_policy);
    policy->log_policy = log_policy;
    return HM_OK;
}

enum hm_rc hm_policy_set_witnesses(struct hm_policy *policy, const char *const *witnesses,
                                   size_t count, size_t quorum, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    if (quorum < 1 || quorum > count)
        return hm_fail(err, HM_EUSAGE, "a quorum of %zu cannot be made of %zu witnesses", quorum,
                       count);
    for (size_t i = 0; i < count; i++) {
        const char *comma = strchr(witnesses[i], ',');
        size_t size = comma == NULL ? strlen(witnesses[i]) : (size_t)(comma - witnesses[i]);

        if (comma != NULL)
            HM_TRY(check_url(comma + 1, err));
        HM_TRY(hm_buf_append_fmt(&text, err, "witness own%zu ", i + 1));
        HM_TRY(hm_buf_append(&text, hm_bytes_make(witnesses[i], size), err));
        HM_TRY(hm_buf_append_fmt(&text, err, "%s%s\n", comma == NULL ? "" : " ",
                                 comma == NULL ? "" : comma + 1));
    }
    HM_TRY(hm_buf_append_fmt(&text, err, "group own %zu", quorum));
    for (size_t i = 0; i < count; i++)
        HM_TRY(hm_buf_append_fmt(&text, err, " own%zu", i + 1));
    HM_TRY(hm_buf_append_str(&text, "\nquorum own\n", err));
    return hm_policy_set_log(policy, hm_buf_bytes(&text), err);
}

enum hm_rc hm_policy_set_log_max_age(struct hm_policy *policy, const char *text, struct hm_err *err)
{
    int64_t max_age_s = 0;

    HM_TRY(hm_time_parse_duration(text, err, &max_age_s));
    if (max_age_s < 1 || max_age_s > HM_TRUST_FILE_MAX_AGE_MAX_S)
        return hm_fail(err, HM_EUSAGE, "the age '%s' is not 1 second to 10 years", text);
    policy->log_max_age_s = max_age_s;
    return HM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum hm_rc parse_pins(struct hm_json *json, struct hm_policy *policy, struct hm_err *err)
{
    struct hm_bytes key, hex;
    struct hm_sha256 first;
    const char *id = NULL;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        HM_TRY(hm_layout_check_id(key, err));
        HM_TRY(copy_bytes(policy, key, err, &id));
        HM_TRY(hm_json_string(json, err, &hex));
        if (hm_text_unhex(hex, first.bytes, sizeof(first.bytes)) != HM_OK)
            return hm_fail(err, HM_EFORMAT, "the pin of '%s' is not 64 hexadecimal digits", id);
        HM_TRY(put_pin(policy, id, &first, err));
    }
}

static enum hm_rc parse_mirrors(struct hm_json *json, struct hm_policy *policy, struct hm_err *err)
{
    struct hm_bytes text;
    const char *url = NULL;
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_string(json, err, &text));
        HM_TRY(copy_bytes(policy, text, err, &url));
        HM_TRY(hm_policy_add_mirror(policy, url, err));
    }
}

static enum hm_rc parse_options(struct hm_json *json, struct hm_policy *policy, struct hm_err *err)
{
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "http")) {
            HM_TRY(hm_json_bool(json, err, &policy->allow_plain_http));
            continue;
        }
        if (!hm_bytes_is_str(key, "proxy") && !hm_bytes_is_str(key, "ca"))
            return hm_fail(err, HM_EFORMAT, "option '%.*s' is not known", HM_BYTES_FMT(key));
        HM_TRY(hm_json_string(json, err, &text));
        HM_TRY(copy_bytes(policy, text, err,
                          hm_bytes_is_str(key, "proxy") ? &policy->proxy : &policy->ca_file));
    }
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_policy *policy,
                               struct hm_err *err, bool *schema)
{
    struct hm_bytes text;
    const char *floor = NULL;

    if (hm_bytes_is_str(key, "pins"))
        return parse_pins(json, policy, err);
    if (hm_bytes_is_str(key, "mirrors"))
        return parse_mirrors(json, policy, err);
    if (hm_bytes_is_str(key, "options"))
        return parse_options(json, policy, err);
    if (hm_bytes_is_str(key, "log"))
        return hm_trust_file_parse_log(json, err, &policy->log_policy, &policy->log_max_age_s);
    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(key, "schema")) {
        *schema = hm_bytes_is_str(text, SCHEMA);
        return HM_OK;
    }
    if (hm_bytes_is_str(key, "url"))
        return copy_bytes(policy, text, err, &policy->url);
    if (hm_bytes_is_str(key, "floor")) {
        HM_TRY(copy_bytes(policy, text, err, &floor));
        return hm_policy_set_floor(policy, floor, err);
    }
    if (hm_bytes_is_str(key, "deliveries")) {
        const char *word = NULL;

        HM_TRY(copy_bytes(policy, text, err, &word));
        return hm_policy_set_deliveries(policy, word, err);
    }
    return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_policy *policy, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    bool schema = false;
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    policy->floor = HM_GRADE_ATTESTED;
    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(&json, key, policy, err, &schema));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!schema || policy->url == NULL)
        return hm_fail(err, HM_EFORMAT, "it lacks schema '" SCHEMA "' or url");
    return HM_OK;
}

/* One line of what is printed and no space, in parts: never said what it is. */
static enum hm_rc check_token(struct hm_bytes token, struct hm_err *err)
{
    bool is_good = token.size > 0 && token.size <= HM_FETCH_TOKEN_SIZE_MAX &&
                   memchr(token.data, '.', token.size) != NULL;

    for (size_t i = 0; i < token.size && is_good; i++)
        is_good = token.data[i] > 0x20 && token.data[i] < 0x7f;
    if (!is_good)
        return hm_fail(err, HM_EFORMAT, "it holds no token, CUSTOMER.NUMBER.SECRET on one line");
    return HM_OK;
}

enum hm_rc hm_policy_set_token(struct hm_policy *policy, const char *path, struct hm_err *err)
{
    _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;
    struct hm_bytes token;
    enum hm_rc rc;

    HM_TRY(hm_secret_read(path, HM_FETCH_TOKEN_SIZE_MAX + 1, true, err, &secret));
    token = hm_bytes_make(secret.data, secret.size);
    rc = check_token(token, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    return copy_bytes(policy, token, err, &policy->token);
}

static enum hm_rc read_token(const struct hm_dir *dir, struct hm_err *err, struct hm_policy *policy)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(8192);

    if (!hm_dir_has(dir, TOKEN_NAME))
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(&path, err, "%s/" TOKEN_NAME, dir->path));
    return hm_policy_set_token(policy, hm_buf_str(&path), err);
}

static enum hm_rc write_token(const struct hm_policy *policy, const struct hm_dir *dir,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(HM_FETCH_TOKEN_SIZE_MAX + 1);
    enum hm_rc rc;

    if (policy->token == NULL)
        return hm_dir_remove(dir, TOKEN_NAME, err);
    HM_TRY(hm_buf_append_fmt(&line, err, "%s\n", policy->token));
    rc = hm_file_replace(dir, TOKEN_NAME, 0600, hm_buf_bytes(&line), err);
    explicit_bzero(line.data, line.size);
    return rc;
}

enum hm_rc hm_policy_read(const struct hm_dir *dir, struct hm_err *err,
                          struct hm_policy *ret_policy)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_POLICY_SIZE_MAX);
    _hm_done_(hm_policy_done) struct hm_policy policy = {0};
    enum hm_rc rc;

    HM_TRY(hm_dir_read(dir, FILE_NAME, err, &raw));
    rc = parse(hm_buf_bytes(&raw), &policy, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/" FILE_NAME "'", dir->path);
    HM_TRY(read_token(dir, err, &policy));
    *ret_policy = policy;
    policy = (struct hm_policy){0};
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_options(const struct hm_policy *policy, struct hm_json_writer *writer)
{
    hm_json_writer_key(writer, "options");
    hm_json_writer_object_begin(writer);
    if (policy->proxy != NULL)
        hm_json_writer_key_str(writer, "proxy", policy->proxy);
    if (policy->ca_file != NULL)
        hm_json_writer_key_str(writer, "ca", policy->ca_file);
    if (policy->allow_plain_http) {
        hm_json_writer_key(writer, "http");
        hm_json_writer_bool(writer, true);
    }
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_policy_write(const struct hm_policy *policy, const struct hm_dir *dir,
                           struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_POLICY_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "url", policy->url);
    hm_json_writer_key_str(&writer, "floor",
                           policy->floor > HM_GRADE_ATTESTED ? "maker" : "attested");
    if (policy->deliveries != HM_POLICY_DELIVERIES_ASK)
        hm_json_writer_key_str(&writer, "deliveries",
                               hm_policy_deliveries_text(policy->deliveries));
    hm_json_writer_key(&writer, "pins");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < policy->pin_count; i++) {
        hm_json_writer_key(&writer, policy->pins[i].id);
        hm_json_writer_hex(&writer, hm_bytes_make(policy->pins[i].first.bytes, HM_SHA256_SIZE));
    }
    hm_json_writer_object_end(&writer);
    hm_json_writer_key(&writer, "mirrors");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < policy->mirror_count; i++)
        hm_json_writer_str(&writer, policy->mirrors[i]);
    hm_json_writer_array_end(&writer);
    write_options(policy, &writer);
    HM_TRY(hm_trust_file_write_log(policy->log_policy, policy->log_max_age_s, err, &writer));
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_buf_append_str(&raw, "\n", err));
    HM_TRY(write_token(policy, dir, err));
    return hm_file_replace(dir, FILE_NAME, 0644, hm_buf_bytes(&raw), err);
}
