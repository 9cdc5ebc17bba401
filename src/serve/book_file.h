/* SPDX-License-Identifier: Apache-2.0 */
/* The book of accounts as a process reads it that has no database: from a file in the run folder,
 * read again whenever it was replaced (export.h). For many threads. */
#ifndef HM_SERVE_BOOK_FILE_H
#define HM_SERVE_BOOK_FILE_H

#include <pthread.h>

#include "account/book.h"
#include "base/dir.h"

struct hm_book_file {
    const struct hm_dir *run; /* borrowed */
    pthread_rwlock_t lock;    /* for all below */
    struct hm_book *book;     /* NULL: there is none that can be read: nobody gets anything */
    uint64_t inode;           /* of the file that it was read from */
    int64_t changed_s, changed_ns;
};

void hm_book_file_init(struct hm_book_file *file, const struct hm_dir *run);
void hm_book_file_done(struct hm_book_file *file);
/* The book as it is now, NULL if none can be read; held until it is given back. */
const struct hm_book *hm_book_file_take(struct hm_book_file *file);
void hm_book_file_give(struct hm_book_file *file);

#endif
