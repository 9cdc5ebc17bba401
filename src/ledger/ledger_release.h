/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image a client asks for: public/proofs/ID/PRODUCT/VERSION says where the release stands,
 * and counts once both its entries are shown to be in the release log, whose checkpoint root's
 * policy accepts. What was shown stays true, and is kept in memory.
 */
#ifndef HM_LEDGER_LEDGER_RELEASE_H
#define HM_LEDGER_LEDGER_RELEASE_H

#include "base/dir.h"
#include "tlog/entry.h"
#include "tlog/log_policy.h"

#define HM_LEDGER_RELEASE_PATH_MAX 512  /* ID/PRODUCT/VERSION/FILE has some 350 bytes */
#define HM_LEDGER_RELEASE_HELD     4096 /* releases in memory; past that all are read again */

/* ID/PRODUCT/VERSION/FILE, taken apart. */
struct hm_ledger_release_path {
    struct hm_bytes maker, product, version, file;
    struct hm_bytes release; /* the first three */
};

struct hm_ledger_release {
    uint64_t index;
    struct hm_sha256 leaf;
    struct hm_entry *entry;
};

struct hm_ledger_releases;

/* HM_EFORMAT: it is no path of an image. */
HM_MUST_CHECK enum hm_rc hm_ledger_release_split(const char *path, struct hm_err *err,
                                                 struct hm_ledger_release_path *ret_path);
/* Both borrowed. */
HM_MUST_CHECK enum hm_rc hm_ledger_release_open(const struct hm_dir *public_dir,
                                                const struct hm_log_policy *policy,
                                                struct hm_err *err,
                                                struct hm_ledger_releases **ret_releases);
void hm_ledger_release_close(struct hm_ledger_releases *releases);
HM_DEFINE_FREE(hm_ledger_release_close, struct hm_ledger_releases);
/* HM_ENOTFOUND: there is no such release; else public/ does not show what it should. *ret_release
 * is borrowed until the next call. */
HM_MUST_CHECK enum hm_rc hm_ledger_release_find(struct hm_ledger_releases *releases,
                                                const struct hm_ledger_release_path *path,
                                                int64_t now_unix_s, struct hm_err *err,
                                                const struct hm_ledger_release **ret_release);
/* The image of this file's name; NULL: the release has none. */
const struct hm_entry_image *hm_ledger_release_image(const struct hm_ledger_release *release,
                                                     struct hm_bytes file);

#endif
