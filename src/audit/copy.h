/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An auditor's own copy of what a site's log and its snapshots name (docs/formats.md, "The
 * witness's folder"): tiles, metadata and identities, below one folder as below the site's public
 * one. Not images.
 *
 * What is asked for comes out of the copy, else from the site, and is put into the copy, not yet
 * flushed: what an audit fetched is flushed before its verdict is given (hm_copy_keep), or removed
 * where the verdict was no (hm_copy_drop). After a crash the copy may hold anything that was never
 * kept. So nothing in it is believed: tiles are proven whenever they are read, and an audit of
 * documents that fails is done again with the site's (hm_copy_distrust).
 */
#ifndef HM_AUDIT_COPY_H
#define HM_AUDIT_COPY_H

#include "base/dir.h"
#include "tlog/follow.h"
#include "tuf/client.h"

struct hm_copy_options {
    const char *url;     /* the site's public folder: https, http, file, or a path */
    const char *ca_file; /* or NULL */
};

struct hm_copy; /* one thread */

/* The copy in folder NAME below dir, which is made when something is put there. */
HM_MUST_CHECK enum hm_rc hm_copy_open(const struct hm_dir *dir, const char *name,
                                      const struct hm_copy_options *options, struct hm_err *err,
                                      struct hm_copy **ret_copy);
void hm_copy_free(struct hm_copy *copy);
HM_DEFINE_FREE(hm_copy_free, struct hm_copy);

/* Sources, which borrow the copy. Below log/; metadata/; makers/. A root that is in the log and not
 * yet in force is looked for in log/roots/ too. */
struct hm_follow_source hm_copy_log(struct hm_copy *copy);
struct hm_client_source hm_copy_metadata(struct hm_copy *copy);
struct hm_client_source hm_copy_makers(struct hm_copy *copy);

/* Documents come from the site alone, and replace the copy's. */
void hm_copy_distrust(struct hm_copy *copy, bool distrust);
/* Did any document come out of the copy since it was opened, or this was last asked? */
bool hm_copy_was_used(struct hm_copy *copy);
/* Flushes all that was put since the last of these two. */
HM_MUST_CHECK enum hm_rc hm_copy_keep(struct hm_copy *copy, struct hm_err *err);
/* Removes it; what cannot be removed is harmless. */
void hm_copy_drop(struct hm_copy *copy);
/* Removes the partial tiles of a tree of old_size that one of size does not have. */
void hm_copy_collect(struct hm_copy *copy, uint64_t old_size, uint64_t size);

#endif
