/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placed.json: {"schema": "hallmark/placed/1", "files": [{"path": P, "site": NAME, "target": T,
 * "sha256": HEX, "size": N, "inode": N, "changed": NANOSECONDS}...]}
 */
#include "customer/placed.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"

#define FILE_NAME "placed.json"
#define SCHEMA    "hallmark/placed/1"

void hm_placed_done(struct hm_placed *placed)
{
    free(placed->files);
    hm_arena_done(&placed->arena);
    *placed = (struct hm_placed){0};
}

/* Where path is or belongs. */
static size_t find_place(const struct hm_placed *placed, const char *path)
{
    size_t low = 0;
    size_t high = placed->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(placed->files[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct hm_placed *placed, size_t place, const char *path)
{
    return place < placed->count && strcmp(placed->files[place].path, path) == 0;
}

const struct hm_placed_file *hm_placed_find(const struct hm_placed *placed, const char *path)
{
    size_t place = find_place(placed, path);

    return is_at(placed, place, path) ? &placed->files[place] : NULL;
}

static enum hm_rc grow(struct hm_placed *placed, struct hm_err *err)
{
    size_t capacity = placed->capacity == 0 ? 64 : 2 * placed->capacity;
    struct hm_placed_file *files;

    if (placed->count >= HM_PLACED_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d placed files", HM_PLACED_COUNT_MAX);
    if (placed->count < placed->capacity)
        return HM_OK;
    files = reallocarray(placed->files, capacity, sizeof(*files));
    if (files == NULL)
        return hm_error_nomem(err);
    placed->files = files;
    placed->capacity = capacity;
    return HM_OK;
}

enum hm_rc hm_placed_put(struct hm_placed *placed, const struct hm_placed_file *file,
                         struct hm_err *err)
{
    size_t place = find_place(placed, file->path);
    struct hm_placed_file copy = *file;

    copy.path = hm_arena_strdup(&placed->arena, hm_bytes_str(file->path));
    copy.site = hm_arena_strdup(&placed->arena, hm_bytes_str(file->site));
    copy.target = hm_arena_strdup(&placed->arena, hm_bytes_str(file->target));
    if (copy.path == NULL || copy.site == NULL || copy.target == NULL)
        return hm_error_nomem(err);
    if (!is_at(placed, place, file->path)) {
        HM_TRY(grow(placed, err));
        memmove(placed->files + place + 1, placed->files + place,
                (placed->count - place) * sizeof(*placed->files));
        placed->count++;
    }
    placed->files[place] = copy;
    return HM_OK;
}

void hm_placed_drop(struct hm_placed *placed, const char *path)
{
    size_t place = find_place(placed, path);

    if (!is_at(placed, place, path))
        return;
    placed->count--;
    memmove(placed->files + place, placed->files + place + 1,
            (placed->count - place) * sizeof(*placed->files));
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum hm_rc read_number(struct hm_json *json, struct hm_err *err, uint64_t *ret_value)
{
    int64_t value;

    HM_TRY(hm_json_int(json, err, &value));
    if (value < 0)
        return hm_fail(err, HM_EFORMAT, "a number is negative");
    *ret_value = (uint64_t)value;
    return HM_OK;
}

static enum hm_rc read_text(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
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

static enum hm_rc read_digest(struct hm_json *json, struct hm_err *err,
                              struct hm_sha256 *ret_sha256)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_text_unhex(text, ret_sha256->bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "a digest is not 64 hexadecimal digits");
    return HM_OK;
}

/* A member of a stamp. HM_EUNKNOWN: none of its. */
static enum hm_rc parse_stamp_member(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                                     struct hm_placed_stamp *stamp, bool *has_sha256)
{
    if (hm_bytes_is_str(key, "size"))
        return read_number(json, err, &stamp->size);
    if (hm_bytes_is_str(key, "inode"))
        return read_number(json, err, &stamp->inode);
    if (hm_bytes_is_str(key, "changed"))
        return hm_json_int(json, err, &stamp->changed_ns);
    if (!hm_bytes_is_str(key, "sha256"))
        return HM_EUNKNOWN;
    *has_sha256 = true;
    return read_digest(json, err, &stamp->sha256);
}

static enum hm_rc parse_proof(struct hm_json *json, struct hm_err *err, struct hm_placed_file *file)
{
    bool has_sha256 = false;
    bool has_demands = false;
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        enum hm_rc rc;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "demands")) {
            has_demands = true;
            HM_TRY(read_digest(json, err, &file->proof_demands));
            continue;
        }
        rc = parse_stamp_member(json, key, err, &file->proof, &has_sha256);
        HM_TRY(rc == HM_EUNKNOWN ? hm_json_skip(json, err, &text) : rc);
    }
    if (!has_sha256 || !has_demands)
        return hm_fail(err, HM_EFORMAT, "a proof lacks sha256 or demands");
    file->has_proof = true;
    return HM_OK;
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_arena *arena,
                               struct hm_err *err, struct hm_placed_file *file, bool *has_sha256)
{
    struct hm_bytes text;
    enum hm_rc rc;

    if (hm_bytes_is_str(key, "path"))
        return read_text(json, arena, err, &file->path);
    if (hm_bytes_is_str(key, "site"))
        return read_text(json, arena, err, &file->site);
    if (hm_bytes_is_str(key, "target"))
        return read_text(json, arena, err, &file->target);
    if (hm_bytes_is_str(key, "proof"))
        return parse_proof(json, err, file);
    rc = parse_stamp_member(json, key, err, &file->stamp, has_sha256);
    return rc == HM_EUNKNOWN ? hm_json_skip(json, err, &text) : rc;
}

static enum hm_rc parse_file(struct hm_json *json, struct hm_placed *placed, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_placed_file file = {0};
    bool has_sha256 = false;
    struct hm_bytes key;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(json, key, &arena, err, &file, &has_sha256));
    }
    if (file.path == NULL || file.site == NULL || file.target == NULL || !has_sha256)
        return hm_fail(err, HM_EFORMAT, "a file lacks path, site, target or sha256");
    return hm_placed_put(placed, &file, err);
}

static enum hm_rc parse_files(struct hm_json *json, struct hm_placed *placed, struct hm_err *err)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(parse_file(json, placed, err));
    }
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_placed *placed, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    bool schema = false;
    struct hm_json json;
    struct hm_bytes key, text;
    bool more;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "files")) {
            HM_TRY(parse_files(&json, placed, err));
        } else if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(&json, err, &text));
            schema = hm_bytes_is_str(text, SCHEMA);
        } else {
            HM_TRY(hm_json_skip(&json, err, &text));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    return schema ? HM_OK : hm_fail(err, HM_EFORMAT, "its schema is not '" SCHEMA "'");
}

enum hm_rc hm_placed_read(const struct hm_home *home, struct hm_err *err,
                          struct hm_placed *ret_placed)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PLACED_SIZE_MAX);
    _hm_done_(hm_placed_done) struct hm_placed placed = {0};
    enum hm_rc rc = hm_dir_read(&home->dir, FILE_NAME, err, &raw);

    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (rc == HM_OK) {
        rc = parse(hm_buf_bytes(&raw), &placed, err);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s/" FILE_NAME "'", home->dir.path);
    }
    *ret_placed = placed;
    placed = (struct hm_placed){0};
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_stamp(struct hm_json_writer *writer, const struct hm_placed_stamp *stamp)
{
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(stamp->sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, stamp->size);
    hm_json_writer_key(writer, "inode");
    hm_json_writer_u64(writer, stamp->inode);
    hm_json_writer_key_int(writer, "changed", stamp->changed_ns);
}

static void write_file(struct hm_json_writer *writer, const struct hm_placed_file *file)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "path", file->path);
    hm_json_writer_key_str(writer, "site", file->site);
    hm_json_writer_key_str(writer, "target", file->target);
    write_stamp(writer, &file->stamp);
    if (file->has_proof) {
        hm_json_writer_key(writer, "proof");
        hm_json_writer_object_begin(writer);
        write_stamp(writer, &file->proof);
        hm_json_writer_key(writer, "demands");
        hm_json_writer_hex(writer, hm_bytes_make(file->proof_demands.bytes, HM_SHA256_SIZE));
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_placed_write(const struct hm_placed *placed, const struct hm_home *home,
                           struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PLACED_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &raw, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key(&writer, "files");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < placed->count; i++)
        write_file(&writer, &placed->files[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_buf_append_str(&raw, "\n", err));
    return hm_file_replace(&home->dir, FILE_NAME, 0644, hm_buf_bytes(&raw), err);
}

/* ---- files on disk --------------------------------------------------------------------------- */

enum hm_rc hm_placed_stat(const struct hm_dir *dir, const char *path, struct hm_err *err,
                          struct hm_placed_stamp *stamp)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct stat st;
    uint64_t size;

    HM_TRY(hm_dir_open_file(dir, path, err, &fd, &size));
    if (fstat(fd, &st) != 0)
        return hm_error_errno(err, errno, "cannot examine '%s/%s'", dir->path, path);
    stamp->size = (uint64_t)st.st_size;
    /* Kept to what JSON integers of ours hold; it is only ever compared. */
    stamp->inode = (uint64_t)st.st_ino & INT64_MAX;
    stamp->changed_ns =
        (int64_t)st.st_ctim.tv_sec * INT64_C(1000000000) + (int64_t)st.st_ctim.tv_nsec;
    return HM_OK;
}

bool hm_placed_is_untouched(const struct hm_placed_stamp *stamp, const struct hm_dir *dir,
                            const char *path)
{
    struct hm_placed_stamp now = *stamp;

    return hm_placed_stat(dir, path, NULL, &now) == HM_OK && now.size == stamp->size &&
           now.inode == stamp->inode && now.changed_ns == stamp->changed_ns;
}
