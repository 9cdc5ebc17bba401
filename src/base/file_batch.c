/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files written together. See file_batch.h.
 *
 * Write-back of a file begins when it is written, so that the disk works while the next is made.
 * The first flush then brings the file system's journal up to all of them, and the others find
 * little to do.
 */
#include "base/file_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/dir_internal.h"

void hm_file_batch_done(struct hm_file_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        hm_file_writer_done(&batch->writers[i]);
    batch->count = 0;
}

enum hm_rc hm_file_batch_put(struct hm_file_batch *batch, const struct hm_dir *dir,
                             const char *path, mode_t mode, struct hm_bytes bytes,
                             struct hm_err *err)
{
    struct hm_file_writer *writer;

    if (batch->count == HM_FILE_BATCH_COUNT_MAX)
        HM_TRY(hm_file_batch_commit(batch, err));
    writer = &batch->writers[batch->count];
    *writer = (struct hm_file_writer)HM_FILE_WRITER_INIT;
    HM_TRY(hm_file_writer_open(dir, path, mode, false, err, writer));
    batch->count++;
    HM_TRY(hm_file_writer_write(writer, bytes, err));
    /* A hint alone: the flush is what counts. */
    (void)sync_file_range(writer->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return HM_OK;
}

static enum hm_rc flush_files(const struct hm_file_batch *batch, struct hm_err *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct hm_file_writer *writer = &batch->writers[i];
        int errno_value = hm_dir_flush_fd(writer->fd, false);

        if (errno_value != 0)
            return hm_dir_fail(err, errno_value, "flush", &writer->dir, writer->final_name);
    }
    return HM_OK;
}

static enum hm_rc name_files(struct hm_file_batch *batch, struct hm_err *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct hm_file_writer *writer = &batch->writers[i];

        if (renameat(writer->dir.fd, writer->temp_name, writer->dir.fd, writer->final_name) != 0)
            return hm_dir_fail(err, errno, "put in place", &writer->dir, writer->final_name);
        /* It has its final name: nothing is left to remove. */
        free(writer->temp_name);
        writer->temp_name = NULL;
    }
    return HM_OK;
}

/* Each once: files of a batch mostly share a folder. */
static enum hm_rc flush_folders(const struct hm_file_batch *batch, struct hm_err *err)
{
    struct {
        dev_t dev;
        ino_t ino;
    } folders[HM_FILE_BATCH_COUNT_MAX];

    for (size_t i = 0; i < batch->count; i++) {
        const struct hm_dir *dir = &batch->writers[i].dir;
        struct stat st;
        size_t same = 0;
        int errno_value;

        if (fstat(dir->fd, &st) != 0)
            return hm_dir_fail(err, errno, "examine", dir, ".");
        folders[i].dev = st.st_dev;
        folders[i].ino = st.st_ino;
        while (folders[same].dev != st.st_dev || folders[same].ino != st.st_ino)
            same++;
        errno_value = same < i ? 0 : hm_dir_flush_fd(dir->fd, true);
        if (errno_value != 0)
            return hm_dir_fail(err, errno_value, "flush the folder of", dir,
                               batch->writers[i].final_name);
    }
    return HM_OK;
}

enum hm_rc hm_file_batch_commit(struct hm_file_batch *batch, struct hm_err *err)
{
    enum hm_rc rc = flush_files(batch, err);

    if (rc == HM_OK)
        rc = name_files(batch, err);
    if (rc == HM_OK)
        rc = flush_folders(batch, err);
    hm_file_batch_done(batch);
    return rc;
}
