/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the book whenever it is new. See book_file.h. */
#include "serve/book_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "serve/export.h"

void hm_book_file_init(struct hm_book_file *file, const struct hm_dir *run)
{
    *file = (struct hm_book_file){.run = run};
    (void)pthread_rwlock_init(&file->lock, NULL); /* of the default kind: cannot fail */
}

void hm_book_file_done(struct hm_book_file *file)
{
    (void)pthread_rwlock_destroy(&file->lock);
    hm_book_free(file->book);
    file->book = NULL;
}

static bool find(const struct hm_book_file *file, struct stat *ret_st)
{
    return fstatat(file->run->fd, HM_EXPORT_BOOK, ret_st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_read(const struct hm_book_file *file, const struct stat *st)
{
    return file->book != NULL && st->st_ino == file->inode &&
           st->st_ctim.tv_sec == file->changed_s && st->st_ctim.tv_nsec == file->changed_ns;
}

static struct hm_book *read_book(const struct hm_book_file *file)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    struct hm_book *book = NULL;

    if (hm_dir_read(file->run, HM_EXPORT_BOOK, NULL, &raw) != HM_OK ||
        hm_book_parse(hm_buf_bytes(&raw), NULL, &book) != HM_OK)
        return NULL;
    return book;
}

const struct hm_book *hm_book_file_take(struct hm_book_file *file)
{
    struct stat st = {0};
    bool is_there = find(file, &st);

    (void)pthread_rwlock_rdlock(&file->lock);
    if (is_there && is_read(file, &st))
        return file->book;
    (void)pthread_rwlock_unlock(&file->lock);
    (void)pthread_rwlock_wrlock(&file->lock);
    is_there = find(file, &st); /* another thread may have been first */
    if (!is_there || !is_read(file, &st)) {
        hm_book_free(file->book);
        /* What replaces the file meanwhile has another stamp, and is read by the next request. */
        file->book = is_there ? read_book(file) : NULL;
        file->inode = st.st_ino;
        file->changed_s = st.st_ctim.tv_sec;
        file->changed_ns = st.st_ctim.tv_nsec;
    }
    (void)pthread_rwlock_unlock(&file->lock);
    (void)pthread_rwlock_rdlock(&file->lock);
    return file->book;
}

void hm_book_file_give(struct hm_book_file *file)
{
    (void)pthread_rwlock_unlock(&file->lock);
}
