/* SPDX-License-Identifier: Apache-2.0 */
/* What sync placed where (placed.json in the home): the only files that it may ever remove. */
#ifndef HM_CUSTOMER_PLACED_H
#define HM_CUSTOMER_PLACED_H

#include "crypto/digest.h"
#include "customer/home.h"

#define HM_PLACED_SIZE_MAX                                                                         \
    536870912 /* 512 MiB: a million files at 250 bytes, with a proof each                          \
               */
#define HM_PLACED_COUNT_MAX 1000000

/* A file on the disk, to tell whether it is still the one that was placed. */
struct hm_placed_stamp {
    struct hm_sha256 sha256;
    uint64_t size;
    /* With the size they tell in no time that nobody touched it since. */
    uint64_t inode;
    int64_t changed_ns;
};

struct hm_placed_file {
    const char *path; /* absolute */
    const char *site;
    const char *target; /* ID/PRODUCT/VERSION/FILE */
    struct hm_placed_stamp stamp;
    /* Of the proof beside it (release_proof.h), and what was demanded of the log when it was found
     * good. */
    bool has_proof;
    struct hm_placed_stamp proof;
    struct hm_sha256 proof_demands;
};

struct hm_placed {
    struct hm_placed_file *files; /* sorted by path */
    size_t count, capacity;
    struct hm_arena arena;
};

/* Nothing placed yet is no failure. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_placed_read(const struct hm_home *home, struct hm_err *err,
                                        struct hm_placed *ret_placed);
/* The caller holds the home's lock. */
HM_MUST_CHECK enum hm_rc hm_placed_write(const struct hm_placed *placed, const struct hm_home *home,
                                         struct hm_err *err);
void hm_placed_done(struct hm_placed *placed);
const struct hm_placed_file *hm_placed_find(const struct hm_placed *placed, const char *path);
/* Adds or replaces; copies. */
HM_MUST_CHECK enum hm_rc hm_placed_put(struct hm_placed *placed, const struct hm_placed_file *file,
                                       struct hm_err *err);
void hm_placed_drop(struct hm_placed *placed, const char *path);

/* Fills all but the digest from the file at path below dir. HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_placed_stat(const struct hm_dir *dir, const char *path,
                                        struct hm_err *err, struct hm_placed_stamp *stamp);
/* True if the file at path below dir is, by size, inode and time of change, the one recorded. */
bool hm_placed_is_untouched(const struct hm_placed_stamp *stamp, const struct hm_dir *dir,
                            const char *path);

#endif
