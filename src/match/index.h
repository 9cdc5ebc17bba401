/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index of images: a folder of index files (match/index_file.h), kept in step with a list of
 * files on this machine.
 *
 *   N.index   every one of these counts; a merge writes a new one, then removes those it replaces,
 *             so that a crash in between leaves images twice and loses none
 *   stamp     what the list was when the index last had all of it
 *   lock      held while it is
 *
 * It is a cache: it can be removed at any time, and a damaged file of it is made anew.
 */
#ifndef HM_MATCH_INDEX_H
#define HM_MATCH_INDEX_H

#include "match/index_file.h"

/* Merging keeps each file eight times as large as the next one: this many are more than there can
 * be. */
#define HM_INDEX_FILE_COUNT_MAX 64
#define HM_INDEX_STAMP_SIZE_MAX 4096
/* Entries that are gathered in memory before they become a file: 64 MiB. */
#define HM_INDEX_BATCH_ENTRY_COUNT 4000000
/* Images above these sizes keep one anchor in eight, and in sixteen: they have hundreds still. */
#define HM_INDEX_WHOLE_SIZE_MAX  ((size_t)1 << 20)
#define HM_INDEX_EIGHTH_SIZE_MAX ((size_t)4 << 20)
/* Another command brings the same index up to date: a first index takes minutes. */
#define HM_INDEX_LOCK_WAIT_MS 600000

struct hm_index {
    struct hm_index_file *files; /* owned */
    size_t file_count;
};

#define HM_INDEX_INIT                                                                              \
    {                                                                                              \
        .files = NULL, .file_count = 0                                                             \
    }

/* A file that the index shall have. */
struct hm_index_want {
    const char *path; /* absolute */
    uint64_t size, inode;
    int64_t changed_ns;
    bool has_sha256; /* its bytes must have it: else it is told, and not indexed */
    struct hm_sha256 sha256;
    bool is_indexed; /* set by the update */
};

struct hm_index_events {
    /* Before each image that is read. May be NULL. */
    void (*progress)(void *ctx, const char *path, size_t done, size_t count);
    /* A file that is left out, and why. May be NULL. */
    void (*notice)(void *ctx, const char *sentence);
    void *ctx;
};

struct hm_index_counts {
    size_t added, kept, removed, left_out;
};

/* Was the index last brought up to date for this stamp? */
bool hm_index_is_current(const struct hm_dir *dir, const char *stamp);
/* Brings the index below dir up to date with wants (sorted here by path): reads what is new, drops
 * what is gone or changed, merges. A file that cannot be read or is not what was wanted is told and
 * left out. stamp is kept at the end (NULL: none) unless one was. worker: the program that takes
 * images apart (image/inspect.h); NULL: their bytes alone are indexed. HM_EBUSY, HM_EIO, HM_ENOMEM.
 */
HM_MUST_CHECK enum hm_rc hm_index_update(const struct hm_dir *dir, struct hm_index_want *wants,
                                         size_t count, const char *stamp, const char *worker,
                                         const struct hm_index_events *events, struct hm_err *err,
                                         struct hm_index_counts *ret_counts);
/* Opens the files for look-ups. A damaged one is HM_EFORMAT: an update makes it anew. */
HM_MUST_CHECK enum hm_rc hm_index_open(const struct hm_dir *dir, struct hm_err *err,
                                       struct hm_index *ret_index);
void hm_index_done(struct hm_index *index);

/* Reads a file whole that was of was->size when it was indexed; buf is emptied first. A copy:
 * whatever happens to the file while it is compared, its bytes stay. *ret_is_untouched: before and
 * after, its inode and time of change were those of was. HM_EINPUT, HM_EAGAIN (another size, or no
 * file), HM_ENOMEM; sentences begin with "it". */
HM_MUST_CHECK enum hm_rc hm_index_read(const char *path, const struct hm_index_want *was,
                                       struct hm_err *err, struct hm_buf *buf,
                                       bool *ret_is_untouched);
/* How many anchors of an image of that size are kept: one in 2^bits. */
unsigned hm_index_sample_bits(uint64_t image_size);

#endif
