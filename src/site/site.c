/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and creating a site's folder (site.h). */
#include "site/site.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "base/file.h"
#include "site/hold.h"
#include "site/journal.h"

#define HM_CONFIG_SCHEMA "hallmark/site/1"

struct hm_site_expiry hm_site_expiry_default(void)
{
    return (struct hm_site_expiry){
        .root_s = (int64_t)2 * 365 * HM_TIME_DAY_S,
        .targets_s = (int64_t)365 * HM_TIME_DAY_S,
        .release_s = (int64_t)365 * HM_TIME_DAY_S,
        .snapshot_s = (int64_t)30 * HM_TIME_DAY_S,
        .timestamp_s = (int64_t)7 * HM_TIME_DAY_S,
    };
}

char *hm_site_text(struct hm_arena *arena, const char *format, ...)
{
    char *text;
    va_list args, again;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = size < 0 ? NULL : hm_arena_alloc(arena, (size_t)size + 1, 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

enum hm_rc hm_site_read(const struct hm_dir *dir, const char *path, size_t size_max,
                        struct hm_arena *arena, struct hm_err *err, struct hm_bytes *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(size_max);

    HM_TRY(hm_dir_read(dir, path, err, &buf));
    return hm_arena_copy(arena, hm_buf_bytes(&buf), err, ret_raw);
}

/* private/site.json */

static enum hm_rc config_write(const struct hm_site_config *config, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", HM_CONFIG_SCHEMA);
    hm_json_writer_key_str(&writer, "site", config->name);
    hm_json_writer_key_str(&writer, "url", config->url);
    hm_json_writer_key(&writer, "trial");
    hm_json_writer_bool(&writer, config->trial);
    hm_json_writer_key(&writer, "expiry");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_int(&writer, "root", config->expiry.root_s);
    hm_json_writer_key_int(&writer, "targets", config->expiry.targets_s);
    hm_json_writer_key_int(&writer, "release", config->expiry.release_s);
    hm_json_writer_key_int(&writer, "snapshot", config->expiry.snapshot_s);
    hm_json_writer_key_int(&writer, "timestamp", config->expiry.timestamp_s);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key(&writer, "thresholds");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_int(&writer, "release", config->release_threshold);
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(ret_buf, "\n", err);
}

/* A positive number of seconds, or a threshold. */
static enum hm_rc config_positive(struct hm_json *json, struct hm_bytes key, int64_t max,
                                  struct hm_err *err, int64_t *ret_value)
{
    int64_t value;

    HM_TRY(hm_json_int(json, err, &value));
    if (value < 1 || value > max)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is %lld, must be 1 to %lld", HM_BYTES_FMT(key),
                       (long long)value, (long long)max);
    *ret_value = value;
    return HM_OK;
}

static enum hm_rc config_parse_expiry(struct hm_json *json, struct hm_err *err,
                                      struct hm_site_expiry *expiry)
{
    const int64_t max = (int64_t)20 * 365 * HM_TIME_DAY_S; /* longer than any key should live */
    struct hm_bytes key, span;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "root"))
            HM_TRY(config_positive(json, key, max, err, &expiry->root_s));
        else if (hm_bytes_is_str(key, "targets"))
            HM_TRY(config_positive(json, key, max, err, &expiry->targets_s));
        else if (hm_bytes_is_str(key, "release"))
            HM_TRY(config_positive(json, key, max, err, &expiry->release_s));
        else if (hm_bytes_is_str(key, "snapshot"))
            HM_TRY(config_positive(json, key, max, err, &expiry->snapshot_s));
        else if (hm_bytes_is_str(key, "timestamp"))
            HM_TRY(config_positive(json, key, max, err, &expiry->timestamp_s));
        else
            HM_TRY(hm_json_skip(json, err, &span));
    }
}

static enum hm_rc config_parse_thresholds(struct hm_json *json, struct hm_err *err,
                                          struct hm_site_config *config)
{
    struct hm_bytes key, span;
    int64_t value = 0;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "release")) {
            HM_TRY(config_positive(json, key, HM_KEYRING_THRESHOLD_MAX, err, &value));
            config->release_threshold = (uint32_t)value;
        } else {
            HM_TRY(hm_json_skip(json, err, &span));
        }
    }
}

static enum hm_rc config_text(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                              const char **ret_text)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    copy = hm_arena_strdup(arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

static enum hm_rc config_check(const struct hm_site_config *config, const char *schema,
                               struct hm_err *err)
{
    if (schema == NULL || strcmp(schema, HM_CONFIG_SCHEMA) != 0)
        return hm_fail(err, HM_EFORMAT, "'schema' is not '" HM_CONFIG_SCHEMA "'");
    if (config->name == NULL || config->url == NULL)
        return hm_fail(err, HM_EFORMAT, "'%s' is missing", config->name == NULL ? "site" : "url");
    if (strlen(config->url) == 0 || strlen(config->url) > HM_SITE_URL_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "'url' must have 1 to %d bytes", HM_SITE_URL_SIZE_MAX);
    return hm_layout_check_id(hm_bytes_str(config->name), err);
}

enum hm_rc hm_site_parse_config(struct hm_bytes raw, struct hm_arena *arena, struct hm_err *err,
                                struct hm_site_config *ret_config)
{
    struct hm_site_config config = {.expiry = hm_site_expiry_default(), .release_threshold = 2};
    const char *schema = NULL;
    struct hm_json json;
    struct hm_bytes key, span;
    bool more;

    hm_json_init(&json, raw, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema"))
            HM_TRY(config_text(&json, arena, err, &schema));
        else if (hm_bytes_is_str(key, "site"))
            HM_TRY(config_text(&json, arena, err, &config.name));
        else if (hm_bytes_is_str(key, "url"))
            HM_TRY(config_text(&json, arena, err, &config.url));
        else if (hm_bytes_is_str(key, "trial"))
            HM_TRY(hm_json_bool(&json, err, &config.trial));
        else if (hm_bytes_is_str(key, "expiry"))
            HM_TRY(config_parse_expiry(&json, err, &config.expiry));
        else if (hm_bytes_is_str(key, "thresholds"))
            HM_TRY(config_parse_thresholds(&json, err, &config));
        else
            HM_TRY(hm_json_skip(&json, err, &span));
    }
    HM_TRY(hm_json_end(&json, err));
    HM_TRY(config_check(&config, schema, err));
    *ret_config = config;
    return HM_OK;
}

/* Opening */

static enum hm_rc check_format(const struct hm_site *site, const char *path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf format = HM_BUF_INIT(256);
    enum hm_rc rc = hm_dir_read(&site->dir, "private/format", err, &format);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT, "'%s': not a site; make one with 'hallmark site init'",
                       path);
    if (rc != HM_OK)
        return rc;
    if (!hm_bytes_is_str(hm_buf_bytes(&format), HM_SITE_FORMAT))
        return hm_fail(err, HM_EREFUSED,
                       "'%s/private/format' is not 'hallmark-site 1': a newer version of hallmark "
                       "made this site; use that",
                       path);
    return HM_OK;
}

/* site->dir is open. */
static enum hm_rc open_folders(struct hm_site *site, const char *path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SITE_CONFIG_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_dir_open_at(&site->dir, "public", false, err, &site->public_dir));
    HM_TRY(hm_dir_open_at(&site->dir, "private", false, err, &site->private_dir));
    HM_TRY(hm_dir_open_at(&site->private_dir, "drafts", false, err, &site->drafts));
    HM_TRY(hm_dir_read(&site->private_dir, "site.json", err, &raw));
    rc = hm_site_parse_config(hm_buf_bytes(&raw), &site->arena, err, &site->config);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/private/site.json'", path);
    /* Unescaped strings may still point into raw: config_text copied them. */
    return HM_OK;
}

static struct hm_site *site_new(void)
{
    struct hm_site *site = calloc(1, sizeof(*site));

    if (site == NULL)
        return NULL;
    site->dir = site->public_dir = site->private_dir = site->drafts = (struct hm_dir)HM_DIR_INIT;
    site->lock = (struct hm_lock)HM_LOCK_INIT;
    site->flat_max = HM_PARTITION_FLAT_MAX;
    return site;
}

enum hm_rc hm_site_open(const char *path, enum hm_site_access access, uint32_t wait_ms,
                        int64_t now_unix_s, struct hm_err *err, struct hm_site **ret_site)
{
    _hm_free_(hm_site_free) struct hm_site *site = site_new();

    if (site == NULL)
        return hm_error_nomem(err);
    site->now_unix_s = now_unix_s;
    HM_TRY(hm_dir_open(path, err, &site->dir));
    HM_TRY(check_format(site, path, err));
    HM_TRY(open_folders(site, path, err));
    if (access == HM_SITE_CHANGE) {
        HM_TRY(hm_lock_take(&site->private_dir, "lock", wait_ms, err, &site->lock));
        HM_TRY(hm_hold_check(&site->private_dir, err)); /* to roll forward is to sign */
        HM_TRY(hm_journal_recover(&site->private_dir, &site->public_dir, err, NULL));
    }
    *ret_site = hm_steal(&site);
    return HM_OK;
}

void hm_site_free(struct hm_site *site)
{
    if (site == NULL)
        return;
    hm_lock_done(&site->lock);
    hm_dir_done(&site->drafts);
    hm_dir_done(&site->private_dir);
    hm_dir_done(&site->public_dir);
    hm_dir_done(&site->dir);
    hm_arena_done(&site->arena);
    free(site);
}

/* Creating */

static enum hm_rc check_empty(const struct hm_dir *dir, const char *path, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count = 0;

    /* One name is enough to know; a folder of any size must not be listed whole. */
    if (hm_dir_list(dir, ".", 1, &arena, err, &names, &count) != HM_OK || count > 0)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' is not empty: a site starts in an empty or new folder", path);
    return HM_OK;
}

enum hm_rc hm_site_make_folder(const struct hm_dir *dir, const char *name, mode_t mode,
                               struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir made = HM_DIR_INIT;

    HM_TRY(hm_dir_open_at(dir, name, true, err, &made));
    if (fchmod(made.fd, mode) != 0)
        return hm_fail(err, HM_EIO, "'%s/%s': its access rights cannot be set", dir->path, name);
    return HM_OK;
}

enum hm_rc hm_site_create(const char *path, const struct hm_site_config *config, struct hm_err *err,
                          struct hm_site **ret_site)
{
    static const char *const public_folders[] = {"public", "public/metadata", "public/targets",
                                                 "public/makers"};
    static const char *const private_folders[] = {
        "private",        "private/keys",        "private/approvers",
        "private/drafts", "private/submissions", "private/identities",
        "private/publish"};
    _hm_free_(hm_site_free) struct hm_site *site = site_new();
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SITE_CONFIG_SIZE_MAX);

    if (site == NULL)
        return hm_error_nomem(err);
    HM_TRY(config_check(config, HM_CONFIG_SCHEMA, err));
    HM_TRY(config_write(config, err, &raw));
    HM_TRY(hm_dir_make(path, 0755, err, &site->dir));
    HM_TRY(check_empty(&site->dir, path, err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(private_folders); i++)
        HM_TRY(hm_site_make_folder(&site->dir, private_folders[i], 0700, err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(public_folders); i++)
        HM_TRY(hm_site_make_folder(&site->dir, public_folders[i], 0755, err));
    HM_TRY(hm_file_replace(&site->dir, "private/site.json", 0600, hm_buf_bytes(&raw), err));
    HM_TRY(open_folders(site, path, err));
    *ret_site = hm_steal(&site);
    return HM_OK;
}

enum hm_rc hm_site_create_end(const struct hm_site *site, struct hm_err *err)
{
    return hm_file_replace(&site->dir, "private/format", 0600, HM_BYTES_LITERAL(HM_SITE_FORMAT),
                           err);
}
