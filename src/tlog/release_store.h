/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files of the map of releases lie (docs/formats.md 11), by path below public/log:
 *
 *   map/top, map/XX              the map
 *   versions/ID/PRODUCT          a product's list of versions
 *   makers/ID                    a maker's newest word
 *
 * Nothing a store gives is believed: all of it is compared with the map's root.
 */
#ifndef HM_TLOG_RELEASE_STORE_H
#define HM_TLOG_RELEASE_STORE_H

#include "base/dir.h"

/* The map's own files; 2^20 keys with one first byte. */
#define HM_RELEASE_STORE_FILE_SIZE_MAX ((size_t)64 << 20)
/* Products of a maker, or makers. */
#define HM_RELEASE_STORE_NAME_COUNT_MAX 4000000

struct hm_release_store {
    /* Appends the file. HM_ENOTFOUND: there is none. */
    enum hm_rc (*get)(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_bytes);
    /* Puts a whole file in the place of what is there. NULL: the store is for reading. */
    enum hm_rc (*put)(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err);
    /* The sorted names in a folder ("versions", "versions/acme", "makers"), in the arena; none
     * where there is no such folder. NULL: the store cannot tell (a server). */
    enum hm_rc (*list)(void *ctx, const char *path, struct hm_arena *arena, struct hm_err *err,
                       const char ***ret_names, size_t *ret_count);
    void *ctx;
};

/* Files in a folder; put flushes each, or none (what can be made again from the log). */
struct hm_release_store_dir {
    struct hm_dir dir; /* public/log; the caller's */
    bool is_flushed;
};
/* The folder must stay where it is. */
struct hm_release_store hm_release_store_in_dir(struct hm_release_store_dir *dir);

/* Files in memory. */
struct hm_release_store_memory;
HM_MUST_CHECK enum hm_rc hm_release_store_memory_new(struct hm_err *err,
                                                     struct hm_release_store_memory **ret_memory);
void hm_release_store_memory_free(struct hm_release_store_memory *memory);
HM_DEFINE_FREE(hm_release_store_memory_free, struct hm_release_store_memory);
struct hm_release_store hm_release_store_in_memory(struct hm_release_store_memory *memory);

#endif
