/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of index files, mapped for look-ups. See index.h; index_update.c keeps it in step. */
#include "match/index_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapping.h"
#include "base/num.h"
#include "image/walk.h"

unsigned hm_index_sample_bits(uint64_t image_size)
{
    if (image_size > HM_INDEX_EIGHTH_SIZE_MAX)
        return HM_INDEX_FILE_SAMPLE_BITS;
    return image_size > HM_INDEX_WHOLE_SIZE_MAX ? HM_INDEX_FILE_SAMPLE_BITS - 1 : 0;
}

/* ---- files that are indexed ------------------------------------------------------------------ */

/* Exactly size bytes; fewer are another file's. */
static enum hm_rc read_all(int fd, size_t size, struct hm_err *err, struct hm_buf *buf)
{
    hm_buf_clear(buf);
    HM_TRY(hm_buf_reserve(buf, size, err));
    while (buf->size < size) {
        ssize_t count = read(fd, buf->data + buf->size, size - buf->size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return hm_error_errno(err, errno, "it cannot be read");
        if (count == 0)
            return hm_fail(err, HM_EAGAIN, "it was cut short meanwhile");
        buf->size += (size_t)count;
    }
    return HM_OK;
}

static bool is_untouched(const struct stat *st, const struct hm_index_want *was)
{
    return ((uint64_t)st->st_ino & INT64_MAX) == was->inode &&
           (int64_t)st->st_ctim.tv_sec * INT64_C(1000000000) + (int64_t)st->st_ctim.tv_nsec ==
               was->changed_ns;
}

static enum hm_rc read_file(const char *path, const struct hm_index_want *was, struct hm_err *err,
                            struct hm_buf *buf, bool *ret_is_untouched)
{
    _hm_done_(hm_dir_close_fd) int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat before, after;

    if (fd < 0)
        return hm_error_errno(err, errno, "it cannot be opened");
    if (fstat(fd, &before) != 0 || !S_ISREG(before.st_mode) ||
        (uint64_t)before.st_size != was->size || was->size > HM_WALK_FILE_SIZE_MAX)
        return hm_fail(err, HM_EAGAIN, "it is another file by now");
    HM_TRY(read_all(fd, (size_t)was->size, err, buf));
    if (fstat(fd, &after) != 0 || after.st_size != before.st_size)
        return hm_fail(err, HM_EAGAIN, "it changed meanwhile");
    *ret_is_untouched = is_untouched(&before, was) && is_untouched(&after, was);
    return HM_OK;
}

enum hm_rc hm_index_read(const char *path, const struct hm_index_want *was, struct hm_err *err,
                         struct hm_buf *buf, bool *ret_is_untouched)
{
    enum hm_rc rc = read_file(path, was, err, buf, ret_is_untouched);

    if (rc != HM_EIO)
        return rc;
    /* A file that cannot be read is no fault of the index. */
    if (err != NULL)
        err->rc = HM_EINPUT;
    return HM_EINPUT;
}

/* ---- files of the index ---------------------------------------------------------------------- */

bool hm_index_name(const char *name, uint64_t *ret_number)
{
    size_t size = strlen(name);

    return size > strlen(INDEX_SUFFIX) &&
           strcmp(name + size - strlen(INDEX_SUFFIX), INDEX_SUFFIX) == 0 &&
           hm_num_parse_u64(name, size - strlen(INDEX_SUFFIX), ret_number) == HM_OK &&
           *ret_number < UINT64_MAX;
}

bool hm_index_is_current(const struct hm_dir *dir, const char *stamp)
{
    _hm_done_(hm_buf_done) struct hm_buf found = HM_BUF_INIT(HM_INDEX_STAMP_SIZE_MAX);

    return hm_dir_read(dir, INDEX_STAMP, NULL, &found) == HM_OK &&
           hm_bytes_is_str(hm_buf_bytes(&found), stamp);
}

void hm_index_unmap(struct hm_bytes *bytes)
{
    struct hm_mapping mapping = {.bytes = *bytes};

    hm_mapping_done(&mapping);
    *bytes = HM_BYTES_EMPTY;
}

enum hm_rc hm_index_map(const struct hm_dir *dir, const char *name, struct hm_err *err,
                        struct hm_bytes *ret_bytes)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_mapping mapping;
    uint64_t size;

    HM_TRY(hm_dir_open_file(dir, name, err, &fd, &size));
    if (size == 0 || size > SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "'%s/%s' is no index of images", dir->path, name);
    HM_TRY(hm_mapping_fd(fd, (size_t)size, err, &mapping));
    *ret_bytes = mapping.bytes;
    return HM_OK;
}

void hm_index_done(struct hm_index *index)
{
    for (size_t i = 0; i < index->file_count; i++)
        hm_index_unmap(&index->files[i].bytes);
    free(index->files);
    *index = (struct hm_index)HM_INDEX_INIT;
}

static enum hm_rc open_file(const struct hm_dir *dir, const char *name, struct hm_err *err,
                            struct hm_index *index)
{
    struct hm_bytes bytes = HM_BYTES_EMPTY;
    enum hm_rc rc = hm_index_map(dir, name, err, &bytes);

    if (rc == HM_OK)
        rc = hm_index_file_parse(bytes, err, &index->files[index->file_count]);
    if (rc == HM_OK) {
        hm_index_file_touch(&index->files[index->file_count++]);
        return HM_OK;
    }
    hm_index_unmap(&bytes);
    return rc == HM_EFORMAT ? hm_error_prefix(err, rc, "'%s/%s'", dir->path, name) : rc;
}

static enum hm_rc open_all(const struct hm_dir *dir, struct hm_err *err, struct hm_index *index)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;

    HM_TRY(hm_dir_list(dir, "", INDEX_NAME_COUNT_MAX, &arena, err, &names, &count));
    index->files = calloc(HM_INDEX_FILE_COUNT_MAX, sizeof(*index->files));
    if (index->files == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        uint64_t number;

        if (!hm_index_name(names[i], &number))
            continue;
        if (index->file_count == HM_INDEX_FILE_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "'%s' has more index files than there can be",
                           dir->path);
        HM_TRY(open_file(dir, names[i], err, index));
    }
    return HM_OK;
}

enum hm_rc hm_index_open(const struct hm_dir *dir, struct hm_err *err, struct hm_index *ret_index)
{
    struct hm_index index = HM_INDEX_INIT;
    enum hm_rc rc = HM_OK;

    /* A merge removes files that were just listed: what replaces them is there by then. */
    for (int tries = 0; tries < INDEX_TRIES_MAX; tries++) {
        rc = open_all(dir, err, &index);
        if (rc == HM_OK)
            break;
        hm_index_done(&index);
        if (rc != HM_ENOTFOUND)
            break;
    }
    if (rc == HM_OK)
        *ret_index = index;
    return rc;
}
