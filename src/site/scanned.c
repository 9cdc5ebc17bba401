/* SPDX-License-Identifier: Apache-2.0 */
/* What the scan of a submission found (scanned.h). */
#include "site/scanned.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "exchange/request.h"
#include "exchange/role.h"
#include "site/staged.h"

#define SCHEMA         "hallmark/findings/1"
#define FIRST_CAPACITY 16
/* Of a part's name with all that it stands in. */
#define COMPONENT_SIZE_MAX ((size_t)64 * 1024)

void hm_scanned_done(struct hm_scanned *scanned)
{
    hm_arena_done(&scanned->arena);
    *scanned = (struct hm_scanned)HM_SCANNED_INIT;
}

static enum hm_rc add_item(struct hm_scanned *scanned, const struct hm_scanned_item *item,
                           struct hm_err *err)
{
    if (scanned->count == HM_SCANNED_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED,
                       "the scan finds more than %d things in it: nobody can take note of each; "
                       "scan its files with 'hallmark image scan', and ask the maker",
                       HM_SCANNED_COUNT_MAX);
    if (scanned->count == scanned->capacity) {
        size_t grown = scanned->capacity == 0 ? FIRST_CAPACITY : 2 * scanned->capacity;
        void *moved = hm_arena_grow(&scanned->arena, scanned->items,
                                    scanned->capacity * sizeof(*item), grown * sizeof(*item));

        if (moved == NULL)
            return hm_error_nomem(err);
        scanned->items = moved;
        scanned->capacity = grown;
    }
    scanned->items[scanned->count++] = *item;
    return HM_OK;
}

enum hm_rc hm_scanned_add(struct hm_scanned *scanned, struct hm_bytes path,
                          const struct hm_image *image, const struct hm_finding *finding,
                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf component = HM_BUF_INIT(COMPONENT_SIZE_MAX);
    char id[HM_FINDING_ID_SIZE];
    struct hm_scanned_item item = {.kind = finding->kind,
                                   .severity = finding->severity,
                                   .offset = (int64_t)(finding->offset & INT64_MAX),
                                   .sha256 = finding->sha256};

    HM_TRY(hm_finding_id(finding, err, id));
    HM_TRY(hm_scan_component(image, finding->node, err, &component));
    item.id = hm_arena_strdup(&scanned->arena, hm_bytes_str(id));
    item.file = hm_arena_strdup(&scanned->arena, path);
    item.component = hm_arena_strdup(&scanned->arena, hm_buf_bytes(&component));
    item.rule = hm_arena_strdup(&scanned->arena, finding->rule);
    item.detail = hm_arena_strdup(&scanned->arena, finding->detail);
    if (item.id == NULL || item.file == NULL || item.component == NULL || item.rule == NULL ||
        item.detail == NULL)
        return hm_error_nomem(err);
    return add_item(scanned, &item, err);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void write_item(struct hm_json_writer *writer, const struct hm_scanned_item *item)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "id", item->id);
    hm_json_writer_key_str(writer, "kind", hm_finding_kind_name(item->kind));
    hm_json_writer_key_str(writer, "severity", hm_finding_severity_name(item->severity));
    hm_json_writer_key_str(writer, "file", item->file);
    hm_json_writer_key_str(writer, "component", item->component);
    hm_json_writer_key_int(writer, "offset", item->offset);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(item->sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_key_str(writer, "rule", item->rule);
    hm_json_writer_key_str(writer, "detail", item->detail);
    if (item->acknowledged_unix_s != 0) {
        hm_json_writer_key(writer, "acknowledged");
        hm_json_writer_time(writer, item->acknowledged_unix_s);
    }
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_scanned_write(const struct hm_scanned *scanned, const struct hm_dir *dir,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SCANNED_SIZE_MAX);
    struct hm_json_writer writer;

    if (scanned->count == 0)
        return HM_OK;
    hm_json_writer_init(&writer, &raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key(&writer, "findings");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < scanned->count; i++)
        write_item(&writer, &scanned->items[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(dir, HM_SCANNED_FILE, 0600, hm_buf_bytes(&raw), err);
}

static enum hm_rc broken(struct hm_err *err, const char *what)
{
    return hm_fail(err, HM_EFORMAT, "%s", what);
}

static enum hm_rc take_text(struct hm_json *json, struct hm_scanned *scanned, struct hm_err *err,
                            const char **ret_text)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    *ret_text = hm_arena_strdup(&scanned->arena, text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

struct seen {
    bool kind, severity, sha256, offset;
};

static enum hm_rc read_member(struct hm_json *json, struct hm_scanned *scanned, struct hm_bytes key,
                              struct hm_scanned_item *item, struct seen *seen, struct hm_err *err)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "id"))
        return take_text(json, scanned, err, &item->id);
    if (hm_bytes_is_str(key, "file"))
        return take_text(json, scanned, err, &item->file);
    if (hm_bytes_is_str(key, "component"))
        return take_text(json, scanned, err, &item->component);
    if (hm_bytes_is_str(key, "rule"))
        return take_text(json, scanned, err, &item->rule);
    if (hm_bytes_is_str(key, "detail"))
        return take_text(json, scanned, err, &item->detail);
    if (hm_bytes_is_str(key, "offset")) {
        seen->offset = true;
        return hm_json_int(json, err, &item->offset);
    }
    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(key, "kind")) {
        seen->kind = true;
        return hm_finding_kind_parse(text, &item->kind) == HM_OK ? HM_OK
                                                                 : broken(err, "an unknown kind");
    }
    if (hm_bytes_is_str(key, "severity")) {
        seen->severity = true;
        return hm_finding_severity_parse(text, &item->severity) == HM_OK
                   ? HM_OK
                   : broken(err, "an unknown severity");
    }
    if (hm_bytes_is_str(key, "sha256")) {
        seen->sha256 = true;
        return hm_text_unhex(text, item->sha256.bytes, HM_SHA256_SIZE) == HM_OK
                   ? HM_OK
                   : broken(err, "no SHA-256");
    }
    if (hm_bytes_is_str(key, "acknowledged"))
        return hm_time_parse(text, &item->acknowledged_unix_s) == HM_OK ? HM_OK
                                                                        : broken(err, "no time");
    return broken(err, "an unknown member");
}

static enum hm_rc read_item(struct hm_json *json, struct hm_scanned *scanned, struct hm_err *err)
{
    struct hm_scanned_item item = {.id = NULL};
    struct seen seen = {false};
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(read_member(json, scanned, key, &item, &seen, err));
    }
    if (item.id == NULL || strlen(item.id) != HM_FINDING_ID_SIZE - 1 ||
        strspn(item.id, "0123456789abcdef") != HM_FINDING_ID_SIZE - 1 || item.file == NULL ||
        item.component == NULL || item.rule == NULL || item.detail == NULL || !seen.kind ||
        !seen.severity || !seen.sha256 || !seen.offset || item.offset < 0)
        return broken(err, "a finding lacks one of its members");
    return add_item(scanned, &item, err);
}

static enum hm_rc read_all(struct hm_bytes raw, struct hm_scanned *scanned, struct hm_err *err)
{
    struct hm_bytes key, text = HM_BYTES_EMPTY;
    struct hm_json json;
    bool more, has_findings = false;

    hm_json_init(&json, raw, &scanned->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(&json, err, &text));
            continue;
        }
        if (!hm_bytes_is_str(key, "findings"))
            return broken(err, "an unknown member");
        has_findings = true;
        HM_TRY(hm_json_array_begin(&json, err));
        for (;;) {
            HM_TRY(hm_json_array_next(&json, err, &more));
            if (!more)
                break;
            HM_TRY(read_item(&json, scanned, err));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    return has_findings && hm_bytes_is_str(text, SCHEMA)
               ? HM_OK
               : broken(err, "not of the schema '" SCHEMA "'");
}

enum hm_rc hm_scanned_parse(struct hm_bytes raw, struct hm_err *err, struct hm_scanned *ret_scanned)
{
    struct hm_scanned scanned = HM_SCANNED_INIT;
    enum hm_rc rc = read_all(raw, &scanned, err);

    if (rc != HM_OK) {
        hm_scanned_done(&scanned);
        return rc;
    }
    *ret_scanned = scanned;
    return HM_OK;
}

enum hm_rc hm_scanned_load(const struct hm_site *site, const char *id, struct hm_err *err,
                           struct hm_scanned *ret_scanned)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SCANNED_SIZE_MAX);
    char path[160];
    enum hm_rc rc;

    (void)snprintf(path, sizeof(path), "submissions/%s/" HM_SCANNED_FILE, id);
    rc = hm_dir_read(&site->private_dir, path, err, &raw);
    if (rc == HM_ENOTFOUND) {
        *ret_scanned = (struct hm_scanned)HM_SCANNED_INIT;
        return HM_OK;
    }
    HM_TRY(rc);
    rc = hm_scanned_parse(hm_buf_bytes(&raw), err, ret_scanned);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "submission %.12s: " HM_SCANNED_FILE, id);
}

/* ---- acknowledging --------------------------------------------------------------------------- */

static bool is_named(const struct hm_scanned_item *item, struct hm_scanned_word *word)
{
    size_t size = strlen(word->text);

    if (size < HM_SCANNED_ID_MIN || strncmp(item->id, word->text, size) != 0)
        return false;
    if (word->id[0] == '\0')
        (void)snprintf(word->id, sizeof(word->id), "%s", item->id);
    else if (strcmp(word->id, item->id) != 0)
        word->is_ambiguous = true;
    return true;
}

bool hm_scanned_acknowledge(struct hm_scanned *scanned, struct hm_scanned_word *words,
                            size_t word_count, int64_t now_unix_s)
{
    bool is_changed = false;

    for (size_t i = 0; i < scanned->count; i++) {
        struct hm_scanned_item *item = &scanned->items[i];

        for (size_t k = 0; k < word_count; k++) {
            if (!is_named(item, &words[k]) || item->acknowledged_unix_s != 0)
                continue;
            is_changed = true;
            item->acknowledged_unix_s = now_unix_s;
        }
    }
    return is_changed;
}

size_t hm_scanned_open_count(const struct hm_scanned *scanned)
{
    size_t count = 0;

    for (size_t i = 0; i < scanned->count; i++)
        count += scanned->items[i].acknowledged_unix_s == 0;
    return count;
}

/* ---- for people ------------------------------------------------------------------------------ */

enum hm_rc hm_scanned_line(const struct hm_scanned_item *item, struct hm_err *err,
                           struct hm_buf *buf)
{
    HM_TRY(hm_buf_append_fmt(buf, err, "%s %s", hm_finding_severity_name(item->severity),
                             hm_finding_kind_name(item->kind)));
    if (item->rule[0] != '\0') {
        HM_TRY(hm_buf_append_byte(buf, ' ', err));
        HM_TRY(hm_text_escape(buf, hm_bytes_str(item->rule), err));
    }
    HM_TRY(hm_buf_append_str(buf, " in ", err));
    HM_TRY(hm_text_escape(buf, hm_bytes_str(item->file), err));
    HM_TRY(hm_buf_append_fmt(buf, err, " at 0x%llx of ", (unsigned long long)item->offset));
    HM_TRY(hm_text_escape(buf, hm_bytes_str(item->component), err));
    if (item->detail[0] != '\0') {
        HM_TRY(hm_buf_append_str(buf, ": ", err));
        HM_TRY(hm_text_escape(buf, hm_bytes_str(item->detail), err));
    }
    return HM_OK;
}

enum hm_rc hm_scanned_text(const struct hm_scanned *scanned, struct hm_err *err,
                           struct hm_buf *report)
{
    size_t open = hm_scanned_open_count(scanned);

    if (scanned->count == 0)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(report, err, "  findings of the scan: %zu, not acknowledged: %zu\n",
                             scanned->count, open));
    for (size_t i = 0; i < scanned->count; i++) {
        const struct hm_scanned_item *item = &scanned->items[i];
        char when[HM_TIME_TEXT_SIZE];

        HM_TRY(hm_buf_append_fmt(report, err, "    %s  ", item->id));
        HM_TRY(hm_scanned_line(item, err, report));
        if (item->acknowledged_unix_s != 0) {
            hm_time_format(item->acknowledged_unix_s, when);
            HM_TRY(hm_buf_append_fmt(report, err, " (acknowledged %s)", when));
        }
        HM_TRY(hm_buf_append_byte(report, '\n', err));
    }
    return HM_OK;
}

/* ---- for a request --------------------------------------------------------------------------- */

struct lines {
    struct hm_arena *arena;
    const char **items;
    size_t count;
};

static bool is_of_roles(const char *maker, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hm_bytes id;

        if (hm_role_is_of(names[i], "release", &id) && hm_bytes_is_str(id, maker))
            return true;
    }
    return false;
}

/* "ID, acknowledged TIME: LINE", cut where a request ends it. */
static enum hm_rc add_line(struct lines *lines, const struct hm_scanned_item *item,
                           struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * COMPONENT_SIZE_MAX);
    char when[HM_TIME_TEXT_SIZE];
    struct hm_bytes bytes;

    hm_time_format(item->acknowledged_unix_s, when);
    HM_TRY(hm_buf_append_fmt(&text, err, "%s, acknowledged %s: ", item->id, when));
    HM_TRY(hm_scanned_line(item, err, &text));
    bytes = hm_buf_bytes(&text);
    if (bytes.size > HM_REQUEST_FINDING_SIZE_MAX)
        bytes.size = HM_REQUEST_FINDING_SIZE_MAX;
    while (bytes.size > 0 && !hm_text_is_utf8(bytes))
        bytes.size--;
    lines->items[lines->count] = hm_arena_strdup(lines->arena, bytes);
    return lines->items[lines->count++] == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc add_lines(struct lines *lines, const struct hm_site *site, const char *id,
                            struct hm_err *err)
{
    _hm_done_(hm_scanned_done) struct hm_scanned scanned = HM_SCANNED_INIT;

    HM_TRY(hm_scanned_load(site, id, err, &scanned));
    for (size_t i = 0; i < scanned.count; i++) {
        if (scanned.items[i].acknowledged_unix_s == 0)
            continue;
        /* A signer must see each: a request that cannot hold them all is none. */
        if (lines->count == HM_REQUEST_FINDING_COUNT_MAX)
            return hm_fail(
                err, HM_EREFUSED,
                "more than %d findings in one request: approve fewer submissions at once",
                HM_REQUEST_FINDING_COUNT_MAX);
        HM_TRY(add_line(lines, &scanned.items[i], err));
    }
    return HM_OK;
}

enum hm_rc hm_scanned_request(const struct hm_site *site, const char *const *names, size_t count,
                              struct hm_arena *arena, struct hm_err *err, const char ***ret_lines,
                              size_t *ret_count)
{
    _hm_free_(hm_staged_free) struct hm_staged_list *list = NULL;
    struct lines lines = {.arena = arena};

    lines.items = hm_arena_alloc(arena, HM_REQUEST_FINDING_COUNT_MAX, sizeof(*lines.items));
    if (lines.items == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_staged_load(site, err, &list));
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].rejected == NULL && is_of_roles(list->items[i].maker, names, count))
            HM_TRY(add_lines(&lines, site, list->items[i].id, err));
    }
    *ret_lines = lines.items;
    *ret_count = lines.count;
    return HM_OK;
}
