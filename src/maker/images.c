/* SPDX-License-Identifier: Apache-2.0 */
/* The images of a release (images.h). */
#include "maker/images.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"

#define IMAGES_FILE "images.json"
#define SCHEMA      "hallmark/maker-images/1"
#define BLOCK_SIZE  ((size_t)1 << 20)

static enum hm_rc new_images(const char *release, size_t count, struct hm_err *err,
                             struct hm_images **ret_images)
{
    struct hm_images *images = calloc(1, sizeof(*images));

    if (images == NULL)
        return hm_error_nomem(err);
    images->release = hm_arena_strdup(&images->arena, hm_bytes_str(release));
    images->items = hm_arena_alloc(&images->arena, count, sizeof(images->items[0]));
    if (images->release == NULL || images->items == NULL) {
        hm_images_free(images);
        return hm_error_nomem(err);
    }
    *ret_images = images;
    return HM_OK;
}

void hm_images_free(struct hm_images *images)
{
    if (images == NULL)
        return;
    hm_arena_done(&images->arena);
    free(images);
}

static int compare_images(const void *a, const void *b)
{
    return strcmp(((const struct hm_release_image *)a)->path,
                  ((const struct hm_release_image *)b)->path);
}

/* ---- hashing -------------------------------------------------------------------------------- */

static enum hm_rc open_regular(const char *file, struct hm_err *err, int *ret_fd)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat found;

    if (fd < 0)
        return hm_fail(err, HM_EINPUT, "'%s': %s", file, strerror(errno));
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        (void)close(fd); /* only read from */
        return hm_fail(err, HM_EINPUT, "'%s': not a regular file", file);
    }
    *ret_fd = fd;
    return HM_OK;
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash == NULL ? file : slash + 1;
}

/* An archive must be able to hold the name: found out before anything is signed. */
static enum hm_rc discard(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    (void)ctx;
    (void)bytes;
    (void)err;
    return HM_OK;
}

static enum hm_rc check_archive_name(const struct hm_release_image *image, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_TARGETS_PATH_SIZE_MAX + 16);
    struct hm_ustar_writer writer;

    HM_TRY(hm_buf_append_fmt(&name, err, "images/%s", image->path));
    hm_ustar_writer_init(&writer, discard, NULL);
    return hm_ustar_writer_begin(&writer, hm_buf_str(&name), image->size, err);
}

static enum hm_rc name_image(struct hm_images *images, const char *file, struct hm_err *err,
                             struct hm_release_image *image)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(HM_TARGETS_PATH_SIZE_MAX);
    _hm_free_(free) char *absolute = realpath(file, NULL);
    struct hm_path parts;

    if (absolute == NULL)
        return hm_fail(err, HM_EINPUT, "'%s': %s", file, strerror(errno));
    if (!hm_text_is_file_name(hm_bytes_str(base_name(file))))
        return hm_fail(err, HM_EFORMAT,
                       "'%s': a file name in a release is letters, digits and ._+-, starts with a "
                       "letter or digit, and has at most %d bytes",
                       file, HM_TEXT_NAME_SIZE_MAX);
    HM_TRY(hm_buf_append_fmt(&path, err, "%s/%s", images->release, base_name(file)));
    HM_TRY(hm_layout_parse_path(hm_buf_bytes(&path), err, &parts));
    image->path = hm_arena_strdup(&images->arena, hm_buf_bytes(&path));
    image->file = hm_arena_strdup(&images->arena, hm_bytes_str(absolute));
    return image->path == NULL || image->file == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc hash_image(const char *file, hm_digest_progress_fn *progress, void *ctx,
                             struct hm_err *err, struct hm_release_image *image)
{
    int fd = -1;
    enum hm_rc rc;

    HM_TRY(open_regular(file, err, &fd));
    rc = hm_digest_fd(fd, progress, ctx, err, &image->sha256, &image->size);
    (void)close(fd); /* only read from */
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", file);
}

enum hm_rc hm_images_hash(const char *release, const char *const *files, size_t count,
                          hm_digest_progress_fn *progress, void *ctx, struct hm_err *err,
                          struct hm_images **ret_images)
{
    _hm_free_(hm_images_free) struct hm_images *images = NULL;

    if (count == 0 || count > HM_SUBMISSION_IMAGE_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a release has 1 to %d files, not %zu",
                       HM_SUBMISSION_IMAGE_COUNT_MAX, count);
    HM_TRY(new_images(release, count, err, &images));
    for (size_t i = 0; i < count; i++) {
        HM_TRY(name_image(images, files[i], err, &images->items[i]));
        images->count++;
    }
    qsort(images->items, count, sizeof(images->items[0]), compare_images);
    for (size_t i = 1; i < count; i++) {
        if (strcasecmp(images->items[i - 1].path, images->items[i].path) == 0)
            return hm_fail(err, HM_EUSAGE, "two files have the name '%s'",
                           base_name(images->items[i].path));
    }
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hash_image(images->items[i].file, progress, ctx, err, &images->items[i]));
        HM_TRY(check_archive_name(&images->items[i], err));
    }
    *ret_images = hm_steal(&images);
    return HM_OK;
}

/* ---- finding -------------------------------------------------------------------------------- */

/* True (and image filled) if folder/rest is the file that target is about. */
static enum hm_rc try_file(struct hm_images *images, const struct hm_target *target,
                           const char *folder, struct hm_bytes rest, struct hm_err *err,
                           bool *ret_found)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(16384);
    struct hm_release_image image = {0};
    struct stat found;

    *ret_found = false;
    HM_TRY(hm_buf_append_fmt(&file, err, "%s/", folder));
    HM_TRY(hm_buf_append(&file, rest, err));
    if (stat(hm_buf_str(&file), &found) != 0 || !S_ISREG(found.st_mode) ||
        (uint64_t)found.st_size != target->facts.length)
        return HM_OK;
    HM_TRY(hash_image(hm_buf_str(&file), NULL, NULL, err, &image));
    if (image.size != target->facts.length ||
        !hm_digest_is_equal(&image.sha256, &target->facts.sha256))
        return HM_OK;
    image.path = hm_arena_strdup(&images->arena, target->path);
    image.file = hm_arena_strdup(&images->arena, hm_buf_bytes(&file));
    if (image.path == NULL || image.file == NULL)
        return hm_error_nomem(err);
    images->items[images->count++] = image;
    *ret_found = true;
    return HM_OK;
}

enum hm_rc hm_images_find(const struct hm_targets *targets, const char *folder, struct hm_err *err,
                          struct hm_images **ret_images)
{
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    HM_TRY(hm_dir_open(folder, err, &dir)); /* a folder that is not there is a mistake */
    HM_TRY(new_images("", targets->target_count, err, &images));
    for (size_t i = 0; i < targets->target_count; i++) {
        const struct hm_target *target = &targets->targets[i];
        struct hm_path path;
        bool found = false;

        HM_TRY(hm_layout_parse_path(target->path, err, &path));
        HM_TRY(try_file(images, target, folder, path.whole, err, &found));
        if (!found)
            HM_TRY(try_file(images, target, folder,
                            hm_bytes_make(path.product.data, path.whole.size - path.id.size - 1),
                            err, &found));
        if (!found)
            HM_TRY(try_file(images, target, folder, path.file, err, &found));
    }
    if (images->count > HM_SUBMISSION_IMAGE_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a submission has at most %d images, not %zu",
                       HM_SUBMISSION_IMAGE_COUNT_MAX, images->count);
    *ret_images = hm_steal(&images);
    return HM_OK;
}

bool hm_images_is_same(const struct hm_images *a, const struct hm_images *b)
{
    if (a->count != b->count || strcmp(a->release, b->release) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].path, b->items[i].path) != 0 ||
            !hm_digest_is_equal(&a->items[i].sha256, &b->items[i].sha256))
            return false;
    }
    return true;
}

/* ---- images.json ---------------------------------------------------------------------------- */

enum hm_rc hm_images_save(const struct hm_images *images, const struct hm_dir *dir,
                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_IMAGES_FILE_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "release", images->release);
    hm_json_writer_key(&writer, "images");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < images->count; i++) {
        const struct hm_release_image *image = &images->items[i];

        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "path", image->path);
        hm_json_writer_key_str(&writer, "file", image->file);
        hm_json_writer_key(&writer, "size");
        hm_json_writer_u64(&writer, image->size);
        hm_json_writer_key(&writer, "sha256");
        hm_json_writer_hex(&writer, hm_bytes_make(image->sha256.bytes, HM_SHA256_SIZE));
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(dir, IMAGES_FILE, 0644, hm_buf_bytes(&buf), err);
}

enum hm_rc hm_images_remove(const struct hm_dir *dir, struct hm_err *err)
{
    return hm_dir_remove(dir, IMAGES_FILE, err);
}

static enum hm_rc copy_string(struct hm_json *json, struct hm_images *images, struct hm_err *err,
                              const char **ret_text)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    *ret_text = hm_arena_strdup(&images->arena, text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc read_image(struct hm_json *json, struct hm_images *images, struct hm_err *err,
                             struct hm_release_image *image)
{
    bool has_digest = false;
    int64_t size = -1;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "path")) {
            HM_TRY(copy_string(json, images, err, &image->path));
        } else if (hm_bytes_is_str(key, "file")) {
            HM_TRY(copy_string(json, images, err, &image->file));
        } else if (hm_bytes_is_str(key, "size")) {
            HM_TRY(hm_json_int(json, err, &size));
        } else if (hm_bytes_is_str(key, "sha256")) {
            HM_TRY(hm_json_string(json, err, &text));
            has_digest = hm_text_unhex(text, image->sha256.bytes, HM_SHA256_SIZE) == HM_OK;
        } else {
            HM_TRY(hm_json_skip(json, err, NULL));
        }
    }
    if (image->path == NULL || image->file == NULL || size < 0 || !has_digest)
        return hm_fail(err, HM_EFORMAT, "an image lacks one of path, file, size, sha256");
    image->size = (uint64_t)size;
    return HM_OK;
}

static enum hm_rc read_images(struct hm_json *json, struct hm_images *images, struct hm_err *err)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        if (images->count == HM_SUBMISSION_IMAGE_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "more than %d images", HM_SUBMISSION_IMAGE_COUNT_MAX);
        HM_TRY(read_image(json, images, err, &images->items[images->count]));
        images->count++;
    }
}

static enum hm_rc read_file(struct hm_bytes raw, struct hm_images *images, struct hm_err *err)
{
    bool has_schema = false;
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    hm_json_init(&json, raw, &images->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(&json, err, &text));
            has_schema = hm_bytes_is_str(text, SCHEMA);
        } else if (hm_bytes_is_str(key, "release")) {
            HM_TRY(copy_string(&json, images, err, &images->release));
        } else if (hm_bytes_is_str(key, "images")) {
            HM_TRY(read_images(&json, images, err));
        } else {
            HM_TRY(hm_json_skip(&json, err, NULL));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    return has_schema ? HM_OK : hm_fail(err, HM_EFORMAT, "its schema is not '%s'", SCHEMA);
}

enum hm_rc hm_images_load(const struct hm_dir *dir, struct hm_err *err,
                          struct hm_images **ret_images)
{
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IMAGES_FILE_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_dir_read(dir, IMAGES_FILE, err, &raw));
    HM_TRY(new_images("", HM_SUBMISSION_IMAGE_COUNT_MAX, err, &images));
    rc = read_file(hm_buf_bytes(&raw), images, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/%s'", dir->path, IMAGES_FILE);
    *ret_images = hm_steal(&images);
    return HM_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static enum hm_rc changed(const struct hm_release_image *image, struct hm_err *err)
{
    return hm_fail(err, HM_EMISMATCH,
                   "'%s': the file changed after the release was drafted; restore it, or draft the "
                   "release again with --replace",
                   image->file);
}

/* Copies what is left in fd into the member begun; every byte is hashed on the way. */
static enum hm_rc copy(int fd, const struct hm_release_image *image, struct hm_ustar_writer *writer,
                       uint8_t *block, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 sha256;
    uint64_t done = 0;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    for (;;) {
        ssize_t got = read(fd, block, BLOCK_SIZE);
        struct hm_bytes bytes;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "'%s'", image->file);
        if (got == 0)
            break;
        bytes = hm_bytes_make(block, (size_t)got);
        if (bytes.size > image->size - done)
            return changed(image, err);
        HM_TRY(hm_digest_update(digest, bytes, err));
        HM_TRY(hm_ustar_writer_write(writer, bytes, err));
        done += bytes.size;
    }
    HM_TRY(hm_digest_final(digest, err, sha256.bytes));
    if (done != image->size || !hm_digest_is_equal(&sha256, &image->sha256))
        return changed(image, err);
    return HM_OK;
}

static enum hm_rc write_image(const struct hm_release_image *image, struct hm_ustar_writer *writer,
                              uint8_t *block, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_TARGETS_PATH_SIZE_MAX + 16);
    _hm_done_(hm_dir_close_fd) int fd = -1;

    HM_TRY(open_regular(image->file, err, &fd));
    HM_TRY(hm_buf_append_fmt(&name, err, "images/%s", image->path));
    HM_TRY(hm_ustar_writer_begin(writer, hm_buf_str(&name), image->size, err));
    return copy(fd, image, writer, block, err);
}

enum hm_rc hm_images_write(const struct hm_images *images, struct hm_ustar_writer *writer,
                           struct hm_err *err)
{
    _hm_free_(free) char *block = malloc(BLOCK_SIZE);

    if (block == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < images->count; i++)
        HM_TRY(write_image(&images->items[i], writer, (uint8_t *)block, err));
    return HM_OK;
}
