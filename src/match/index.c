/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of index files, mapped for look-ups. See index.h; index_update.c keeps it in step. */
#include "match/index_internal.h"

#include "base/mapping.h"
#include "base/num.h"

unsigned hm_index_sample_bits(uint64_t image_size)
{
    if (image_size > HM_INDEX_EIGHTH_SIZE_MAX)
        return HM_INDEX_FILE_SAMPLE_BITS;
    return image_size > HM_INDEX_WHOLE_SIZE_MAX ? HM_INDEX_FILE_SAMPLE_BITS - 1 : 0;
}

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
    HM_TRY(hm_mapping_fd(fd, (size_t)size, false, err, &mapping));
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
