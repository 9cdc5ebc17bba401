/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups of a site, made while it runs (docs/formats.md 24): a folder with "manifest" and "site/",
 * whose files are those of the site's folder.
 *
 * It is written as NAME.partial and gets its name once everything is there, flushed, and was read
 * back; one that was interrupted is gone on with. Of a folder that is a backup already the next one
 * takes the place, and shares the files that did not change. Most of it is copied while others
 * change the site; its lock is held for the rest alone: so what is private and what is public
 * agree. The ledger of deliveries is of a moment of its own, with its log's records and checkpoint:
 * a server that goes on meanwhile waits for as long as those are copied.
 *
 * Left out: locks, what a server keeps for itself (private/serve, but for its certificate), files
 * that are half written, and private keys, unless they are asked for.
 */
#ifndef HM_CARE_BACKUP_H
#define HM_CARE_BACKUP_H

#include "care/manifest.h"
#include "site/site.h"

#define HM_BACKUP_SITE    "site" /* in a backup */
#define HM_BACKUP_PARTIAL ".partial"
#define HM_BACKUP_TRIES   3 /* of a file that changes while it is read */

struct hm_backup_options {
    const char *to;
    bool with_keys;
    bool verify_all; /* read back what is shared with the backup before, too */
    uint32_t wait_ms;
    int64_t now_unix_s;
};

struct hm_backup_result {
    uint64_t file_count, byte_count;     /* of the backup */
    uint64_t copied_count, copied_bytes; /* not shared with the one before */
    uint64_t key_count;                  /* private keys that were left out */
};

/* HM_EINPUT: no site; HM_EREFUSED: to is something else than a backup of this site, or lies in it;
 * HM_EIO: also a full disk, and then what was copied stays for the next try; HM_EBUSY;
 * HM_EMISMATCH: what was written reads back otherwise. */
HM_MUST_CHECK enum hm_rc hm_backup_run(const char *site_path,
                                       const struct hm_backup_options *options, struct hm_err *err,
                                       struct hm_backup_result *ret_result);
/* The manifest of the backup at path. HM_EFORMAT; HM_EINPUT: there is none. */
HM_MUST_CHECK enum hm_rc hm_backup_open(const char *path, struct hm_err *err,
                                        struct hm_dir *ret_dir, struct hm_manifest **ret_manifest);

#endif
