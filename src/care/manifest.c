/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup consists of (manifest.h). */
#include "care/manifest.h"

#include "base/num.h"
#include "base/text.h"
#include "base/time.h"

#define FIRST_LINE "hallmark/backup v1"
#define KIND       "hallmark/backup "
#define MODE_SIZE  4

enum hm_rc hm_manifest_new(struct hm_err *err, struct hm_manifest **ret_manifest)
{
    struct hm_manifest *manifest = calloc(1, sizeof(*manifest));

    if (manifest == NULL)
        return hm_error_nomem(err);
    *ret_manifest = manifest;
    return HM_OK;
}

void hm_manifest_free(struct hm_manifest *manifest)
{
    if (manifest == NULL)
        return;
    free(manifest->items);
    hm_arena_done(&manifest->arena);
    free(manifest);
}

/* ---- items ----------------------------------------------------------------------------------- */

/* The path of a folder ends in '/'. */
static enum hm_rc check_path(const char *path, bool is_folder, struct hm_err *err)
{
    char plain[HM_MANIFEST_PATH_MAX + 1];
    size_t size = strlen(path);

    if (size == 0 || size > HM_MANIFEST_PATH_MAX || (path[size - 1] == '/') != is_folder ||
        (strncmp(path, "public/", 7) != 0 && strncmp(path, "private/", 8) != 0))
        return hm_fail(err, HM_EUSAGE, "'%s' is no path of a site's folder", path);
    memcpy(plain, path, size + 1);
    if (is_folder)
        plain[size - 1] = '\0';
    if (!hm_dir_is_safe_path(plain))
        return hm_fail(err, HM_EUSAGE, "'%s' is no path of a site's folder", path);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return hm_fail(err, HM_EUSAGE, "'%s': control characters are in no path of a site",
                           path);
    return HM_OK;
}

enum hm_rc hm_manifest_add(struct hm_manifest *manifest, const struct hm_manifest_item *item,
                           struct hm_err *err)
{
    struct hm_manifest_item copy = *item;

    HM_TRY(check_path(item->path, item->is_folder, err));
    if (manifest->count >= HM_MANIFEST_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d files and folders", HM_MANIFEST_COUNT_MAX);
    if (manifest->count == manifest->capacity) {
        size_t capacity = manifest->capacity == 0 ? 256 : 2 * manifest->capacity;
        struct hm_manifest_item *grown = reallocarray(manifest->items, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        manifest->items = grown;
        manifest->capacity = capacity;
    }
    copy.path = hm_arena_strdup(&manifest->arena, hm_bytes_str(item->path));
    if (copy.path == NULL)
        return hm_error_nomem(err);
    manifest->items[manifest->count++] = copy;
    return HM_OK;
}

struct hm_manifest_item *hm_manifest_find(const struct hm_manifest *manifest, const char *path)
{
    size_t low = 0, high = manifest->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, manifest->items[middle].path);

        if (order == 0)
            return &manifest->items[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Takes the bytes up to the next space. */
static bool take_word(struct hm_bytes *line, struct hm_bytes *ret_word)
{
    const uint8_t *space =
        line->size == 0 ? NULL : (const uint8_t *)memchr(line->data, ' ', line->size);
    size_t size = space == NULL ? 0 : (size_t)(space - line->data);

    if (size == 0)
        return false;
    *ret_word = hm_bytes_make(line->data, size);
    *line = hm_bytes_make(line->data + size + 1, line->size - size - 1);
    return true;
}

static bool take_number(struct hm_bytes *line, uint64_t *ret_number)
{
    struct hm_bytes word;

    return take_word(line, &word) &&
           hm_num_parse_u64((const char *)word.data, word.size, ret_number) == HM_OK;
}

static bool take_mode(struct hm_bytes *line, uint32_t *ret_mode)
{
    struct hm_bytes word;
    uint32_t mode = 0;

    if (!take_word(line, &word) || word.size != MODE_SIZE)
        return false;
    for (size_t i = 0; i < MODE_SIZE; i++) {
        if (word.data[i] < '0' || word.data[i] > '7')
            return false;
        mode = 8 * mode + (uint32_t)(word.data[i] - '0');
    }
    *ret_mode = mode;
    return mode <= 0777;
}

/* One digest has one spelling. */
static bool read_sha256(struct hm_bytes hex, struct hm_sha256 *ret_sha256)
{
    char again[HM_SHA256_HEX_SIZE];

    if (hex.size != 2 * HM_SHA256_SIZE ||
        hm_text_unhex(hex, ret_sha256->bytes, HM_SHA256_SIZE) != HM_OK)
        return false;
    hm_text_hex(hm_bytes_make(ret_sha256->bytes, HM_SHA256_SIZE), again);
    return hm_bytes_is_str(hex, again);
}

static enum hm_rc take_item(struct hm_manifest *manifest, bool is_folder, struct hm_bytes line,
                            struct hm_err *err)
{
    struct hm_manifest_item item = {.is_folder = is_folder};
    struct hm_bytes hex;
    char path[HM_MANIFEST_PATH_MAX + 1];

    if (!take_mode(&line, &item.mode))
        return hm_fail(err, HM_EFORMAT, "no mode");
    if (!is_folder && (!take_number(&line, &item.size) || !take_number(&line, &item.time_ns) ||
                       !take_number(&line, &item.member) || !take_word(&line, &hex) ||
                       !read_sha256(hex, &item.sha256)))
        return hm_fail(err, HM_EFORMAT, "a file is its mode, size, time, member, digest and path");
    if (line.size > HM_MANIFEST_PATH_MAX || memchr(line.data, '\0', line.size) != NULL)
        return hm_fail(err, HM_EFORMAT, "no path");
    memcpy(path, line.data, line.size);
    path[line.size] = '\0';
    item.path = path;
    if (check_path(path, is_folder, NULL) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%s' is no path of a site's folder", path);
    if (manifest->count > 0 && strcmp(manifest->items[manifest->count - 1].path, path) >= 0)
        return hm_fail(err, HM_EFORMAT, "'%s' does not come after the path before it", path);
    return hm_manifest_add(manifest, &item, err);
}

/* "WORD value" as line number i of the head. */
static bool is_line(struct hm_bytes line, const char *word, struct hm_bytes *ret_value)
{
    size_t size = strlen(word);

    if (line.size <= size || memcmp(line.data, word, size) != 0 || line.data[size] != ' ')
        return false;
    *ret_value = hm_bytes_make(line.data + size + 1, line.size - size - 1);
    return true;
}

static enum hm_rc read_head(struct hm_manifest *manifest, struct hm_bytes *rest, size_t *number,
                            struct hm_err *err)
{
    static const char *const words[] = {"site",      "made", "keys",     "root",
                                        "timestamp", "log",  "customers"};
    uint64_t *const counts[] = {&manifest->root, &manifest->timestamp, &manifest->log_size,
                                &manifest->customers};
    struct hm_bytes line, value;

    if (!hm_bytes_take_line(rest, &line) || !hm_bytes_has_prefix(line, HM_BYTES_LITERAL(KIND)))
        return hm_fail(err, HM_EFORMAT, "the first line is not '" FIRST_LINE "'");
    if (!hm_bytes_is_str(line, FIRST_LINE))
        return hm_fail(err, HM_EREFUSED, "a newer version of hallmark made this backup; use that");
    for (size_t i = 0; i < HM_ARRAY_COUNT(words); i++) {
        bool good = hm_bytes_take_line(rest, &line) && is_line(line, words[i], &value);

        (*number)++;
        if (good && i == 0) {
            good = hm_text_is_name(value);
            manifest->site = hm_arena_strdup(&manifest->arena, value);
            if (manifest->site == NULL)
                return hm_error_nomem(err);
        } else if (good && i == 1) {
            good = hm_time_parse(value, &manifest->made_unix_s) == HM_OK;
        } else if (good && i == 2) {
            manifest->has_keys = hm_bytes_is_str(value, "with");
            good = manifest->has_keys || hm_bytes_is_str(value, "without");
        } else if (good) {
            good = hm_num_parse_u64((const char *)value.data, value.size, counts[i - 3]) == HM_OK;
        }
        if (!good)
            return hm_fail(err, HM_EFORMAT, "'%s' and its value are expected", words[i]);
    }
    return HM_OK;
}

static enum hm_rc read_end(const struct hm_manifest *manifest, struct hm_bytes raw,
                           struct hm_bytes before, struct hm_bytes value, struct hm_bytes rest,
                           struct hm_err *err)
{
    struct hm_sha256 said, found;
    uint64_t count;

    if (!take_number(&value, &count) || !read_sha256(value, &said) || rest.size > 0)
        return hm_fail(err, HM_EFORMAT, "the end is its count and digest, and nothing follows");
    HM_TRY(hm_digest_sha256(hm_bytes_make(raw.data, raw.size - before.size), err, &found));
    if (count != manifest->count || !hm_digest_is_equal(&said, &found))
        return hm_fail(err, HM_EFORMAT, "it was changed, or is not whole");
    return HM_OK;
}

static enum hm_rc read_all(struct hm_manifest *manifest, struct hm_bytes raw, size_t *number,
                           struct hm_err *err)
{
    struct hm_bytes rest = raw, line, value;

    HM_TRY(read_head(manifest, &rest, number, err));
    for (;;) {
        struct hm_bytes before = rest;

        (*number)++;
        if (!hm_bytes_take_line(&rest, &line))
            return hm_fail(err, HM_EFORMAT, "it ends without its last line");
        if (is_line(line, "end", &value))
            return read_end(manifest, raw, before, value, rest, err);
        if (is_line(line, "folder", &value))
            HM_TRY(take_item(manifest, true, value, err));
        else if (is_line(line, "file", &value))
            HM_TRY(take_item(manifest, false, value, err));
        else
            return hm_fail(err, HM_EFORMAT, "neither 'folder', 'file' nor 'end'");
    }
}

enum hm_rc hm_manifest_parse(struct hm_bytes raw, struct hm_err *err,
                             struct hm_manifest **ret_manifest)
{
    _hm_free_(hm_manifest_free) struct hm_manifest *manifest = NULL;
    size_t number = 1;
    enum hm_rc rc;

    HM_TRY(hm_manifest_new(err, &manifest));
    rc = read_all(manifest, raw, &number, err);
    if (rc != HM_OK)
        return rc == HM_ENOMEM ? rc : hm_error_prefix(err, rc, "line %zu", number);
    *ret_manifest = hm_steal(&manifest);
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum hm_rc write_item(const struct hm_manifest_item *item, struct hm_err *err,
                             struct hm_buf *ret_text)
{
    char hex[HM_SHA256_HEX_SIZE];

    if (item->is_folder)
        return hm_buf_append_fmt(ret_text, err, "folder %04o %s\n", item->mode & 0777, item->path);
    hm_text_hex(hm_bytes_make(item->sha256.bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(ret_text, err, "file %04o %llu %llu %llu %s %s\n", item->mode & 0777,
                             (unsigned long long)item->size, (unsigned long long)item->time_ns,
                             (unsigned long long)item->member, hex, item->path);
}

enum hm_rc hm_manifest_write(const struct hm_manifest *manifest, struct hm_err *err,
                             struct hm_buf *ret_text)
{
    char made[HM_TIME_TEXT_SIZE], hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    hm_time_format(manifest->made_unix_s, made);
    HM_TRY(hm_buf_append_fmt(
        ret_text, err,
        FIRST_LINE "\nsite %s\nmade %s\nkeys %s\nroot %llu\ntimestamp %llu\nlog %llu\n"
                   "customers %llu\n",
        manifest->site, made, manifest->has_keys ? "with" : "without",
        (unsigned long long)manifest->root, (unsigned long long)manifest->timestamp,
        (unsigned long long)manifest->log_size, (unsigned long long)manifest->customers));
    for (size_t i = 0; i < manifest->count; i++) {
        if (i > 0 && strcmp(manifest->items[i - 1].path, manifest->items[i].path) >= 0)
            return hm_fail(err, HM_EUSAGE, "'%s' is out of order", manifest->items[i].path);
        HM_TRY(write_item(&manifest->items[i], err, ret_text));
    }
    HM_TRY(hm_digest_sha256(hm_buf_bytes(ret_text), err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(ret_text, err, "end %zu %s\n", manifest->count, hex);
}
