/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scrubbing a site: is what is stored what was signed, and is anything there that nobody names?
 * Nothing is written. Each file is read once; memory is that of the site's metadata.
 *
 * Compared: images and documents of recalls with the signed digests and sizes; each version of each
 * role with the snapshot that named it, snapshots with a root of the chain and with the log's
 * entries, compressed copies with what they are of; makers' identities; tiles with the tree that
 * their entries make, checkpoint and records with it; the accounts' database and the trail's
 * numbers; who may read what is private and what is public. Strays are files of public, its
 * metadata and targets that nothing names, but for those that came while the audit ran.
 *
 * Not compared: proofs, the files of the map, csaf, hallmark.trust, closed logs, the deliveries log
 * and the ledger, drafts, keys. docs/operations.md 26 and the manual say so too.
 */
#ifndef HM_CARE_AUDIT_H
#define HM_CARE_AUDIT_H

#include "site/site.h"

#define HM_AUDIT_PARTS_MAX 1000

enum hm_audit_kind {
    HM_AUDIT_ALTERED,    /* other bytes than were signed */
    HM_AUDIT_MISSING,    /* named, and not there */
    HM_AUDIT_STRAY,      /* there, and named by nothing */
    HM_AUDIT_MODE,       /* private and readable by others; public and not, or writable */
    HM_AUDIT_LEFTOVER,   /* of a command that died */
    HM_AUDIT_DATABASE,   /* damaged, or the trail has gaps */
    HM_AUDIT_UNREADABLE, /* cannot tell */
    HM_AUDIT_KIND_COUNT_
};

struct hm_audit_sink {
    /* path is below the site's folder. */
    enum hm_rc (*find)(void *ctx, enum hm_audit_kind kind, const char *path, const char *sentence,
                       struct hm_err *err);
    void *ctx;
};

struct hm_audit_options {
    struct hm_audit_sink sink;
    uint64_t rate;        /* bytes of images a second; 0: as fast as it goes */
    unsigned part, parts; /* images of this part alone, from 1, by digest; parts 0: all */
    const char *from;     /* go on behind this path ("public/targets/..."); NULL: from the start */
    /* How far it is, with the sink's ctx; or NULL. */
    void (*progress)(void *ctx, const char *path, uint64_t bytes);
};

struct hm_audit_result {
    uint64_t file_count, byte_count; /* that were read and compared */
    uint64_t finding_count;          /* all but HM_AUDIT_UNREADABLE */
    uint64_t open_count;             /* HM_AUDIT_UNREADABLE */
};

/* HM_OK: all of the above was looked at, and the result says what was found. HM_EAGAIN: something
 * was published meanwhile, and what was found may be of no account; HM_EINPUT: no site; the tree's
 * errors where root or timestamp cannot be verified, as then nothing can be said of the rest. */
HM_MUST_CHECK enum hm_rc hm_audit_run(const struct hm_site *site,
                                      const struct hm_audit_options *options, struct hm_err *err,
                                      struct hm_audit_result *ret_result);
/* "altered", static. */
const char *hm_audit_kind_name(enum hm_audit_kind kind);

#endif
