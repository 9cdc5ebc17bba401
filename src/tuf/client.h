/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUF client workflow (TUF 1.0.34 section 5) on one metadata folder.
 *
 * The folder holds root.json, timestamp.json, snapshot.json, targets.json and ROLE.json for each
 * delegated role that was needed (names percent-encoded), byte-identical to what was served, plus
 * ".lock". A file is written only after every check on it passed, so that a refused or interrupted
 * refresh leaves the last good state and the next run needs no hand. Several processes may share
 * the folder: refresh holds the lock; readers see whole files.
 *
 * There is one way into trust for every role, top-level or delegated (load_role in client.c): size
 * limit, hashes and length of the snapshot, envelope, threshold, version, expiry, in this order.
 */
#ifndef HM_TUF_CLIENT_H
#define HM_TUF_CLIENT_H

#include "base/dir.h"
#include "tuf/root.h"
#include "tuf/targets.h"
#include "tuf/timestamp.h"

#define HM_CLIENT_ROOT_ROTATIONS_MAX 256 /* new roots in one refresh: python-tuf's limit */
#define HM_CLIENT_DELEGATIONS_MAX    32  /* roles visited for one target: python-tuf's limit */

/* Gets "NAME" (percent-encoded, relative to the metadata URL) of at most buf's maximum.
 * HM_ENOTFOUND is an answer. */
struct hm_client_source {
    enum hm_rc (*get)(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf);
    void *ctx;
};

/* Told before FILE of the folder is replaced or removed; flush: it is one whose loss matters. A
 * failure ends the operation. */
struct hm_client_keeper {
    enum hm_rc (*keep)(void *ctx, const char *file, bool flush, struct hm_err *err);
    void *ctx;
};

/* What else is asked of a new root, verified and not yet stored, beside the one before it. A
 * failure ends the refresh. */
struct hm_client_root_rule {
    enum hm_rc (*check)(void *ctx, const struct hm_root *root, const struct hm_root *next,
                        struct hm_err *err);
    void *ctx;
};

struct hm_client_config {
    const struct hm_dir *dir;              /* borrowed for the client's life */
    const struct hm_dir *over;             /* offline: a file that is here is read here; or NULL */
    const struct hm_client_source *source; /* NULL: offline, nothing is fetched */
    const struct hm_client_keeper *keeper; /* or NULL */
    const struct hm_client_root_rule *root_rule; /* or NULL */
    int64_t now_unix_s;                          /* fixed for the client's life */
    bool require_hashes; /* Hallmark sites: every snapshot and timestamp entry has SHA-256 and
                            length */
    bool ignore_expiry;  /* judge as of the last refresh (offline verify); never with a source */
    bool is_impatient;   /* hm_client_load does not wait for a refresh on its way */
};

struct hm_client;

/* Puts raw as the trust anchor into dir (root.json). HM_EFORMAT, HM_ESIGNATURE, HM_EIO. Makes no
 * request. */
HM_MUST_CHECK enum hm_rc hm_client_init(const struct hm_dir *dir, struct hm_bytes raw,
                                        struct hm_err *err);
/* Opens the folder: trusted root loaded. HM_EINPUT if there is none ("run ... first"). */
HM_MUST_CHECK enum hm_rc hm_client_open(const struct hm_client_config *config, struct hm_err *err,
                                        struct hm_client **ret_client);
void hm_client_free(struct hm_client *client);
HM_DEFINE_FREE(hm_client_free, struct hm_client);

/* 5.2-5.6: root chain, timestamp, snapshot, targets, each persisted as soon as it is trusted.
 * Requests, in order: N+1.root.json until not found, timestamp.json, and only where the local copy
 * is not the one named: snapshot, targets. HM_ENETWORK, HM_ESIGNATURE, HM_EMISMATCH, HM_EROLLBACK,
 * HM_EEXPIRED, HM_EFORMAT; each names role and rule. */
HM_MUST_CHECK enum hm_rc hm_client_refresh(struct hm_client *client, struct hm_err *err);
/* The four top-level roles from the folder alone. HM_EAGAIN if it was never refreshed. */
HM_MUST_CHECK enum hm_rc hm_client_load(struct hm_client *client, struct hm_err *err);

/* Borrowed; valid until the next refresh or _free. NULL before refresh or load. */
const struct hm_root *hm_client_root(const struct hm_client *client);
const struct hm_timestamp *hm_client_timestamp(const struct hm_client *client);
const struct hm_snapshot *hm_client_snapshot(const struct hm_client *client);
const struct hm_targets *hm_client_targets(const struct hm_client *client);

/* A delegated role, verified with the keys that this delegation gives it: from memory (only if
 * verified for the same keys), folder, or source. HM_ENOTFOUND: the snapshot does not list it. The
 * result belongs to the client. */
HM_MUST_CHECK enum hm_rc hm_client_role(struct hm_client *client,
                                        const struct hm_delegated_role *role, struct hm_err *err,
                                        const struct hm_targets **ret_targets);
/* As hm_client_role, from memory or folder only: HM_EAGAIN where the folder's copy is missing or
 * older than the snapshot says. */
HM_MUST_CHECK enum hm_rc hm_client_role_local(struct hm_client *client,
                                              const struct hm_delegated_role *role,
                                              struct hm_err *err,
                                              const struct hm_targets **ret_targets);
/* Drops a role from memory; every view of it dies. It can be asked for again. */
void hm_client_forget(struct hm_client *client, struct hm_bytes name);
/* The bytes of a role as the folder has them, of the length and hash that the snapshot names, with
 * no look at who signed them: good for telling in little time that a role does not say something,
 * never that it does. HM_EAGAIN: the folder has no such copy; HM_ENOTFOUND: the snapshot does not
 * list it. */
HM_MUST_CHECK enum hm_rc hm_client_role_unverified(const struct hm_client *client,
                                                   struct hm_bytes name, struct hm_err *err,
                                                   struct hm_buf *ret_raw);
/* Brings the folder's copy of a role onto the disk, and its name: delegated roles are stored
 * without. */
HM_MUST_CHECK enum hm_rc hm_client_role_flush(const struct hm_client *client, struct hm_bytes name,
                                              struct hm_err *err);

struct hm_client_found {
    const struct hm_target *target;
    const struct hm_targets *targets;     /* the role that lists it */
    const struct hm_delegated_role *role; /* NULL: top-level targets */
};
/* 5.6.7: pre-order depth-first search. HM_EUNKNOWN: no role lists path. */
HM_MUST_CHECK enum hm_rc hm_client_find(struct hm_client *client, struct hm_bytes path,
                                        struct hm_err *err, struct hm_client_found *ret_found);
/* The file name of a target as served: "dir/HASH.name" with consistent snapshots (SHA-256 first,
 * else SHA-512), percent-encoded. */
HM_MUST_CHECK enum hm_rc hm_client_target_url(const struct hm_client *client,
                                              const struct hm_target *target, struct hm_err *err,
                                              struct hm_buf *ret_path);

#endif
