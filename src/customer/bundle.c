/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: reading where things stand, getting them by name, writing them in order. */
#include "customer/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"

#define SCHEMA     "hallmark/bundle/1"
#define HEAD_NAME  "bundle.json"
#define METADATA   "metadata/"
#define MAKERS     "makers/"
#define LOG        "log/"
#define PROOFS     "proofs/"
#define IMAGES     "images/"
#define BLOCK_SIZE ((size_t)256 * 1024)

enum kind { KIND_HEAD, KIND_METADATA, KIND_MAKERS, KIND_LOG, KIND_PROOFS, KIND_IMAGES };

struct member {
    const char *name; /* in the arena */
    uint64_t offset, size;
};

struct image {
    struct hm_sha256 sha256;
    uint64_t offset, size;
};

struct hm_bundle {
    int fd;
    const char *path;
    struct hm_bundle_head head;
    struct member *members; /* metadata and identities, sorted by name */
    size_t member_count, member_capacity;
    struct image *images; /* sorted */
    size_t image_count, image_capacity;
    struct hm_arena arena;
};

void hm_bundle_free(struct hm_bundle *bundle)
{
    if (bundle == NULL)
        return;
    hm_dir_close_fd(&bundle->fd);
    free(bundle->members);
    free(bundle->images);
    hm_arena_done(&bundle->arena);
    free(bundle);
}

const struct hm_bundle_head *hm_bundle_head(const struct hm_bundle *bundle)
{
    return &bundle->head;
}

/* The name in the archive for what is asked for as name. */
static enum hm_rc member_name(const char *name, struct hm_err *err, struct hm_buf *ret_name)
{
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 digest;

    if (strlen(name) <= HM_BUNDLE_NAME_SIZE_MAX)
        return hm_buf_append_str(ret_name, name, err);
    HM_TRY(hm_digest_sha256(hm_bytes_str(name), err, &digest));
    hm_text_hex(hm_bytes_make(digest.bytes, sizeof(digest.bytes)), hex);
    return hm_buf_append_fmt(ret_name, err, "%.*s%%long-%s", (int)(strcspn(name, "/") + 1), name,
                             hex);
}

/* ---- bundle.json ----------------------------------------------------------------------------- */

struct head_seen {
    bool schema, created, refreshed, expires, patterns;
};

static enum hm_rc parse_time(struct hm_json *json, struct hm_err *err, bool *seen, int64_t *ret)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_time_parse(text, ret) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is no time", HM_BYTES_FMT(text));
    *seen = true;
    return HM_OK;
}

static enum hm_rc parse_patterns(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                                 struct hm_bundle_head *head)
{
    const char **patterns =
        hm_arena_alloc(arena, HM_BUNDLE_PATTERN_COUNT_MAX, sizeof(const char *));
    struct hm_bytes text;
    bool more;

    if (patterns == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            break;
        if (head->pattern_count == HM_BUNDLE_PATTERN_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "more than %d patterns", HM_BUNDLE_PATTERN_COUNT_MAX);
        HM_TRY(hm_json_string(json, err, &text));
        if (memchr(text.data, '\0', text.size) != NULL)
            return hm_fail(err, HM_EFORMAT, "a pattern holds a NUL");
        patterns[head->pattern_count] = hm_arena_strdup(arena, text);
        if (patterns[head->pattern_count] == NULL)
            return hm_error_nomem(err);
        head->pattern_count++;
    }
    head->patterns = patterns;
    return HM_OK;
}

static enum hm_rc parse_head_member(struct hm_json *json, struct hm_bytes key,
                                    struct hm_arena *arena, struct hm_err *err,
                                    struct head_seen *seen, struct hm_bundle_head *head)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "created"))
        return parse_time(json, err, &seen->created, &head->created_unix_s);
    if (hm_bytes_is_str(key, "refreshed"))
        return parse_time(json, err, &seen->refreshed, &head->refreshed_unix_s);
    if (hm_bytes_is_str(key, "expires"))
        return parse_time(json, err, &seen->expires, &head->expires_unix_s);
    if (hm_bytes_is_str(key, "patterns")) {
        seen->patterns = true;
        return parse_patterns(json, arena, err, head);
    }
    if (hm_bytes_is_str(key, "schema")) {
        HM_TRY(hm_json_string(json, err, &text));
        seen->schema = hm_bytes_is_str(text, SCHEMA);
        return HM_OK;
    }
    if (hm_bytes_is_str(key, "site")) {
        HM_TRY(hm_json_string(json, err, &text));
        if (!hm_text_is_name(text))
            return hm_fail(err, HM_EFORMAT, "'%.*s' is no site's name", HM_BYTES_FMT(text));
        head->site = hm_arena_strdup(arena, text);
        return head->site == NULL ? hm_error_nomem(err) : HM_OK;
    }
    return hm_json_skip(json, err, &text);
}

static enum hm_rc parse_head(struct hm_bytes raw, struct hm_arena *arena, struct hm_err *err,
                             struct hm_bundle_head *ret_head)
{
    struct hm_bundle_head head = {0};
    struct head_seen seen = {0};
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    hm_json_init(&json, raw, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_head_member(&json, key, arena, err, &seen, &head));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!seen.schema)
        return hm_fail(err, HM_EFORMAT, "its schema is not " SCHEMA);
    if (head.site == NULL || !seen.created || !seen.refreshed || !seen.expires || !seen.patterns ||
        head.pattern_count == 0)
        return hm_fail(err, HM_EFORMAT, "it lacks site, created, refreshed, expires or patterns");
    *ret_head = head;
    return HM_OK;
}

static enum hm_rc write_head(const struct hm_bundle_head *head, struct hm_err *err,
                             struct hm_buf *ret_raw)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "site", head->site);
    hm_json_writer_key(&writer, "created");
    hm_json_writer_time(&writer, head->created_unix_s);
    hm_json_writer_key(&writer, "refreshed");
    hm_json_writer_time(&writer, head->refreshed_unix_s);
    hm_json_writer_key(&writer, "expires");
    hm_json_writer_time(&writer, head->expires_unix_s);
    hm_json_writer_key(&writer, "patterns");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < head->pattern_count; i++)
        hm_json_writer_str(&writer, head->patterns[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_bundle_judge(const struct hm_bundle_head *head, int64_t now_unix_s, int64_t max_age_s,
                           int64_t accept_age_s, struct hm_err *err, int64_t *ret_judged_unix_s)
{
    char time[HM_TIME_TEXT_SIZE], age[32];
    int64_t age_s;

    hm_time_format(head->refreshed_unix_s, time);
    if (head->refreshed_unix_s > now_unix_s + HM_BUNDLE_CLOCK_SLACK_S)
        return hm_fail(err, HM_ECLOCK,
                       "the bundle is of %s, which this machine's clock has not reached; set the "
                       "clock",
                       time);
    age_s = now_unix_s - head->refreshed_unix_s; /* times are of four-digit years */
    hm_time_format_age(age_s, age);
    if (max_age_s >= 0 && age_s > max_age_s)
        return hm_fail(err, HM_EEXPIRED,
                       "the bundle is of %s, %s ago, longer than --max-age allows; get a newer one",
                       time, age);
    if (accept_age_s >= 0 && age_s > accept_age_s)
        return hm_fail(err, HM_EEXPIRED,
                       "the bundle is of %s, %s ago, longer than --accept-age allows; get a newer "
                       "one",
                       time, age);
    *ret_judged_unix_s = accept_age_s >= 0 && age_s > 0 ? head->refreshed_unix_s : now_unix_s;
    return HM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum hm_rc read_at(int fd, const char *path, uint64_t offset, uint8_t *data, size_t size,
                          struct hm_err *err)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(fd, data + done, size - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "cannot read '%s'", path);
        if (got == 0)
            return hm_fail(err, HM_EFORMAT, "'%s' is cut short", path);
        done += (size_t)got;
    }
    return HM_OK;
}

/* The archive reader's view of the file: reader->offset is where it reads next. */
struct source {
    const struct hm_bundle *bundle;
    uint64_t offset, size;
};

static enum hm_rc read_source(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                              bool *ret_end)
{
    struct source *source = ctx;

    if (source->offset == source->size) {
        *ret_end = true;
        return HM_OK;
    }
    if (size > source->size - source->offset)
        return hm_fail(err, HM_EFORMAT, "'%s' is cut short", source->bundle->path);
    HM_TRY(read_at(source->bundle->fd, source->bundle->path, source->offset, data, size, err));
    source->offset += size;
    return HM_OK;
}

/* Goes past the current member without reading it. */
static enum hm_rc skip(struct hm_ustar_reader *reader, struct source *source, struct hm_err *err)
{
    uint64_t size = reader->left + reader->padding; /* a header holds less than 8 GiB */

    if (size > source->size - source->offset)
        return hm_fail(err, HM_EFORMAT, "'%s' is cut short", source->bundle->path);
    source->offset += size;
    reader->offset += size;
    reader->left = 0;
    reader->padding = 0;
    return HM_OK;
}

static enum hm_rc grow(void *table, size_t count, size_t *capacity, size_t size, struct hm_err *err)
{
    void **tables = table;
    size_t more = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown;

    if (count < *capacity)
        return HM_OK;
    if (count >= HM_BUNDLE_MEMBER_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d members", HM_BUNDLE_MEMBER_COUNT_MAX);
    grown = reallocarray(*tables, more, size);
    if (grown == NULL)
        return hm_error_nomem(err);
    *tables = grown;
    *capacity = more;
    return HM_OK;
}

static enum hm_rc add_member(struct hm_bundle *bundle, const char *name, uint64_t offset,
                             uint64_t size, struct hm_err *err)
{
    struct member member = {.offset = offset, .size = size};

    HM_TRY(grow(&bundle->members, bundle->member_count, &bundle->member_capacity, sizeof(member),
                err));
    member.name = hm_arena_strdup(&bundle->arena, hm_bytes_str(name));
    if (member.name == NULL)
        return hm_error_nomem(err);
    bundle->members[bundle->member_count++] = member;
    return HM_OK;
}

static enum hm_rc add_image(struct hm_bundle *bundle, const char *hex, uint64_t offset,
                            uint64_t size, struct hm_err *err)
{
    struct image image = {.offset = offset, .size = size};
    const struct image *last =
        bundle->image_count == 0 ? NULL : &bundle->images[bundle->image_count - 1];

    if (hm_text_unhex(hm_bytes_str(hex), image.sha256.bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'" IMAGES "%s' is named by no digest", hex);
    if (last != NULL && memcmp(last->sha256.bytes, image.sha256.bytes, HM_SHA256_SIZE) >= 0)
        return hm_fail(err, HM_EFORMAT, "'" IMAGES "%s' is out of order", hex);
    HM_TRY(grow(&bundle->images, bundle->image_count, &bundle->image_capacity, sizeof(image), err));
    bundle->images[bundle->image_count++] = image;
    return HM_OK;
}

static enum hm_rc find_kind(const char *name, struct hm_err *err, enum kind *ret_kind)
{
    struct hm_bytes bytes = hm_bytes_str(name);

    if (strcmp(name, HEAD_NAME) == 0)
        *ret_kind = KIND_HEAD;
    else if (hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL(METADATA)))
        *ret_kind = KIND_METADATA;
    else if (hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL(MAKERS)))
        *ret_kind = KIND_MAKERS;
    else if (hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL(LOG)))
        *ret_kind = KIND_LOG;
    else if (hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL(PROOFS)))
        *ret_kind = KIND_PROOFS;
    else if (hm_bytes_has_prefix(bytes, HM_BYTES_LITERAL(IMAGES)))
        *ret_kind = KIND_IMAGES;
    else
        return hm_fail(err, HM_EFORMAT, "'%s' is no part of a bundle", name);
    return HM_OK;
}

static enum hm_rc read_head(struct hm_bundle *bundle, struct hm_ustar_reader *reader,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_BUNDLE_JSON_SIZE_MAX);
    struct hm_bytes copy;
    enum hm_rc rc;

    HM_TRY(hm_ustar_reader_read_all(reader, err, &raw));
    HM_TRY(hm_arena_copy(&bundle->arena, hm_buf_bytes(&raw), err, &copy));
    rc = parse_head(copy, &bundle->arena, err, &bundle->head);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, HEAD_NAME);
}

static enum hm_rc read_member(struct hm_bundle *bundle, struct hm_ustar_reader *reader,
                              struct source *source, const char *name, uint64_t size,
                              struct hm_err *err, enum kind *last)
{
    bool is_first = bundle->head.site == NULL;
    enum kind kind = KIND_HEAD;

    HM_TRY(find_kind(name, err, &kind));
    if (is_first != (kind == KIND_HEAD) || kind < *last)
        return hm_fail(err, HM_EFORMAT,
                       "'%s' is out of order: " HEAD_NAME ", metadata, makers, log, proofs, images",
                       name);
    *last = kind;
    if (kind == KIND_HEAD)
        return read_head(bundle, reader, err);
    if (kind == KIND_IMAGES)
        HM_TRY(add_image(bundle, name + strlen(IMAGES), source->offset, size, err));
    else
        HM_TRY(add_member(bundle, name, source->offset, size, err));
    return skip(reader, source, err);
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static enum hm_rc read_index(struct hm_bundle *bundle, struct source *source, struct hm_err *err)
{
    struct hm_ustar_reader reader;
    enum kind last = KIND_HEAD;
    const char *name = NULL;
    uint64_t size = 0;
    bool more = false;

    hm_ustar_reader_init(&reader, read_source, source);
    for (;;) {
        HM_TRY(hm_ustar_reader_next(&reader, err, &more, &name, &size));
        if (!more)
            break;
        HM_TRY(read_member(bundle, &reader, source, name, size, err, &last));
    }
    if (bundle->head.site == NULL)
        return hm_fail(err, HM_EFORMAT, "it is empty");
    if (bundle->member_count > 1)
        qsort(bundle->members, bundle->member_count, sizeof(*bundle->members), compare_members);
    for (size_t i = 1; i < bundle->member_count; i++) {
        if (compare_members(&bundle->members[i - 1], &bundle->members[i]) == 0)
            return hm_fail(err, HM_EFORMAT, "'%s' comes twice", bundle->members[i].name);
    }
    return HM_OK;
}

enum hm_rc hm_bundle_open_fd(int fd, const char *path, struct hm_err *err,
                             struct hm_bundle **ret_bundle)
{
    _hm_done_(hm_dir_close_fd) int own = fd;
    _hm_free_(hm_bundle_free) struct hm_bundle *bundle = calloc(1, sizeof(*bundle));
    struct source source = {.bundle = bundle};
    struct stat st;
    enum hm_rc rc;

    if (bundle == NULL)
        return hm_error_nomem(err);
    bundle->fd = own;
    own = -1;
    bundle->path = hm_arena_strdup(&bundle->arena, hm_bytes_str(path));
    if (bundle->path == NULL)
        return hm_error_nomem(err);
    if (fstat(bundle->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return hm_fail(err, HM_EINPUT, "'%s' is no regular file, which a bundle must be", path);
    source.size = (uint64_t)st.st_size;
    rc = read_index(bundle, &source, err);
    if (rc == HM_EFORMAT)
        return hm_error_prefix(err, rc, "'%s' is no bundle", path);
    HM_TRY(rc);
    *ret_bundle = hm_steal(&bundle);
    return HM_OK;
}

enum hm_rc hm_bundle_open(const char *path, struct hm_err *err, struct hm_bundle **ret_bundle)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return hm_error_errno(err, errno, "cannot open '%s'", path);
    return hm_bundle_open_fd(fd, path, err, ret_bundle);
}

/* ---- getting --------------------------------------------------------------------------------- */

enum hm_rc hm_bundle_get(const struct hm_bundle *bundle, const char *name, struct hm_err *err,
                         struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf wanted = HM_BUF_INIT(4096);
    const struct member *member = NULL;
    struct member key;

    HM_TRY(member_name(name, err, &wanted));
    key.name = hm_buf_str(&wanted);
    if (bundle->member_count > 0)
        member = bsearch(&key, bundle->members, bundle->member_count, sizeof(key), compare_members);
    if (member == NULL)
        return hm_fail(err, HM_ENOTFOUND, "'%s': the bundle has no '%s'", bundle->path, name);
    if (member->size > ret_buf->size_max - ret_buf->size)
        return hm_fail(err, HM_EFORMAT, "'%s': '%s' is longer than the %zu bytes allowed",
                       bundle->path, name, ret_buf->size_max - ret_buf->size);
    HM_TRY(hm_buf_reserve(ret_buf, (size_t)member->size, err));
    HM_TRY(read_at(bundle->fd, bundle->path, member->offset, ret_buf->data + ret_buf->size,
                   (size_t)member->size, err));
    ret_buf->size += (size_t)member->size;
    if (ret_buf->data != NULL)
        ret_buf->data[ret_buf->size] = '\0';
    return HM_OK;
}

static int compare_images(const void *a, const void *b)
{
    return memcmp(((const struct image *)a)->sha256.bytes, ((const struct image *)b)->sha256.bytes,
                  HM_SHA256_SIZE);
}

enum hm_rc hm_bundle_stream(const struct hm_bundle *bundle, const struct hm_sha256 *sha256,
                            uint64_t offset, uint64_t size_max, const struct hm_fetch_sink *sink,
                            struct hm_err *err)
{
    _hm_free_(free) char *memory = malloc(BLOCK_SIZE);
    uint8_t *block = (uint8_t *)memory;
    struct image key = {.sha256 = *sha256};
    const struct image *image = NULL;

    if (block == NULL)
        return hm_error_nomem(err);
    if (bundle->image_count > 0)
        image = bsearch(&key, bundle->images, bundle->image_count, sizeof(key), compare_images);
    if (image == NULL)
        return hm_fail(err, HM_ENOTFOUND, "'%s': the bundle has no such image", bundle->path);
    if (image->size > size_max)
        return hm_fail(err, HM_EFORMAT, "'%s': an image is longer than the %llu bytes signed for",
                       bundle->path, (unsigned long long)size_max);
    if (offset > image->size) {
        HM_TRY(sink->restart(sink->ctx, err));
        offset = 0;
    }
    while (offset < image->size) {
        uint64_t left = image->size - offset;
        size_t step = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;

        HM_TRY(read_at(bundle->fd, bundle->path, image->offset + offset, block, step, err));
        HM_TRY(sink->write(sink->ctx, hm_bytes_make(block, step), err));
        offset += step;
    }
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum hm_rc write_file(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_file_writer_write(ctx, bytes, err);
}

enum hm_rc hm_bundle_writer_open(const struct hm_dir *dir, const char *name,
                                 const struct hm_bundle_head *head, struct hm_err *err,
                                 struct hm_bundle_writer *ret_writer)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_BUNDLE_JSON_SIZE_MAX);

    HM_TRY(write_head(head, err, &raw));
    HM_TRY(hm_file_writer_open(dir, name, 0644, false, err, &ret_writer->file));
    hm_ustar_writer_init(&ret_writer->ustar, write_file, &ret_writer->file);
    return hm_ustar_writer_add(&ret_writer->ustar, HEAD_NAME, hm_buf_bytes(&raw), err);
}

enum hm_rc hm_bundle_writer_add(struct hm_bundle_writer *writer, const char *name,
                                struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf member = HM_BUF_INIT(4096);

    HM_TRY(member_name(name, err, &member));
    return hm_ustar_writer_add(&writer->ustar, hm_buf_str(&member), bytes, err);
}

enum hm_rc hm_bundle_writer_add_image(struct hm_bundle_writer *writer,
                                      const struct hm_sha256 *sha256, int fd, uint64_t size,
                                      struct hm_err *err)
{
    _hm_free_(free) char *memory = malloc(BLOCK_SIZE);
    uint8_t *block = (uint8_t *)memory;
    char name[sizeof(IMAGES) + HM_SHA256_HEX_SIZE] = IMAGES;

    if (block == NULL)
        return hm_error_nomem(err);
    hm_text_hex(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), name + strlen(IMAGES));
    HM_TRY(hm_ustar_writer_begin(&writer->ustar, name, size, err));
    for (uint64_t offset = 0; offset < size;) {
        size_t step = size - offset < BLOCK_SIZE ? (size_t)(size - offset) : BLOCK_SIZE;

        HM_TRY(read_at(fd, name, offset, block, step, err));
        HM_TRY(hm_ustar_writer_write(&writer->ustar, hm_bytes_make(block, step), err));
        offset += step;
    }
    return HM_OK;
}

enum hm_rc hm_bundle_writer_commit(struct hm_bundle_writer *writer, struct hm_err *err)
{
    HM_TRY(hm_ustar_writer_end(&writer->ustar, err));
    return hm_file_writer_commit(&writer->file, err);
}

void hm_bundle_writer_done(struct hm_bundle_writer *writer)
{
    hm_file_writer_done(&writer->file);
}
