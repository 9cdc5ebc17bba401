/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a site back from a backup. It is held from then on (site/hold.h): whoever restores does
 * not know what was signed after the backup was made.
 */
#ifndef HM_CARE_RESTORE_H
#define HM_CARE_RESTORE_H

#include "care/manifest.h"
#include "site/site.h"

struct hm_restore_options {
    const char *from, *to;
    const char *accounts; /* a newer accounts.db than the backup's, or NULL */
    int64_t now_unix_s;
};

struct hm_restore_result {
    uint64_t file_count, byte_count;
    int64_t made_unix_s;
    bool has_keys;
    uint64_t root, timestamp, log_size, customers;
};

/* Every byte is compared with the manifest, and the site's metadata verified, before the folder
 * gets its name; to must be missing or empty. HM_EMISMATCH: the backup is damaged; HM_EREFUSED: to
 * is not empty, or accounts is older than the backup's; others of hm_tree_load. */
HM_MUST_CHECK enum hm_rc hm_restore_run(const struct hm_restore_options *options,
                                        struct hm_err *err, struct hm_restore_result *ret_result);

#endif
