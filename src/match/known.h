/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images that this machine knows, indexed: what sync placed, and folders that the user names.
 *
 * An index says what bytes an image has. What the image is called is not in it: for what sync
 * placed, the verified metadata is asked by digest each time; a folder's files have the names that
 * the folder gives them, which nobody signed.
 *
 * In the home: index/placed, and index/in-HEX for each folder by its path.
 */
#ifndef HM_MATCH_KNOWN_H
#define HM_MATCH_KNOWN_H

#include "customer/home.h"
#include "match/index.h"

#define HM_KNOWN_FOLDER_COUNT_MAX 16
/* Files of one folder, and folders within folders. */
#define HM_KNOWN_FILE_COUNT_MAX 1000000
#define HM_KNOWN_DEPTH_MAX      32

struct hm_known {
    const struct hm_index **sources; /* owned, with what they point to */
    const char **folders;            /* of each source: its path; NULL: what sync placed */
    size_t count;
    struct hm_arena arena;
};

/* Brings the indexes up to date as far as that can be done, and opens them. An index that cannot be
 * written is used as it is, with a notice. worker: as for hm_index_update. HM_EINPUT: a folder
 * cannot be read. */
HM_MUST_CHECK enum hm_rc hm_known_open(const struct hm_home *home, const char *const *folders,
                                       size_t folder_count, const char *worker,
                                       const struct hm_index_events *events, struct hm_err *err,
                                       struct hm_known *ret_known);
void hm_known_done(struct hm_known *known);

#endif
