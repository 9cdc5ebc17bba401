/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's metadata as its release log tells it, snapshot by snapshot (docs/design.md 5.3): is each
 * entry true? For monitors and auditors, who look at everything a site ever said, long after.
 *
 * A batch (tlog/replay.h) is compared with the snapshot that its last entry names: root, snapshot
 * and roles are signed; no role that was validly signed is gone, older, or has other bytes in the
 * same version; each release's files are listed by the roles that must, by the rules that clients
 * go by (verdict.h); the roles list nothing that the log lacks, and go on listing what it has; each
 * root and maker that is new has its entry. Expiry is not looked at: what was true then stays so.
 *
 * Beside what is false, changes that people should know of are told: keys, ends, recalls.
 *
 * What is found is told, and the next batch is compared with this one all the same, as far as its
 * root, snapshot and targets were good. One whose documents were missing can be checked again once
 * hm_history_start has gone back to the snapshot before it.
 */
#ifndef HM_TRUST_HISTORY_H
#define HM_TRUST_HISTORY_H

#include "tlog/replay.h"
#include "trust/layout.h"
#include "trust/site_log.h"
#include "tuf/client.h"

/* Roots that are followed, from the first one on; with the two years of a root, forever. */
#define HM_HISTORY_ROOT_COUNT_MAX 1024
/* Bytes of roles that are held from batch to batch, beside the few that are looked at. */
#define HM_HISTORY_HELD_SIZE_MAX ((size_t)64 << 20)

enum hm_history_kind {
    HM_HISTORY_MISSING,  /* metadata that the log names is not served */
    HM_HISTORY_FALSE,    /* metadata is not what the log names, or not validly signed */
    HM_HISTORY_ROLLBACK, /* a role, a root or a maker that is gone or older than it was */
    HM_HISTORY_REUSED,   /* one version of a role, or one release, with other bytes than before */
    HM_HISTORY_UNLISTED, /* an entry whose files the signed roles do not list so, or no more */
    HM_HISTORY_UNLOGGED, /* a release, maker or root that has no entry */
    HM_HISTORY_KEYS,     /* keys of a role, a maker, or root changed */
    HM_HISTORY_EXPIRY,   /* a role was signed again for nothing but a later end */
    HM_HISTORY_RECALL,   /* digests were recalled */
    HM_HISTORY_TEST_KEY, /* a key that is denied, or a site on trial */
    HM_HISTORY_KIND_COUNT_
};

struct hm_history_sink {
    /* subject: a role, a path, a maker. */
    enum hm_rc (*find)(void *ctx, enum hm_history_kind kind, const char *subject,
                       const char *sentence, struct hm_err *err);
    void *ctx;
};

struct hm_history_config {
    struct hm_client_source source; /* of public/metadata, by name */
    /* Of public/makers, by name ("acme/2.identity"); get NULL: chains of makers are not looked at.
     */
    struct hm_client_source makers;
    struct hm_replay_entries entries; /* of the log, again */
    struct hm_history_sink sink;
    struct hm_bytes root;           /* the trust file's; borrowed for hm_history_open */
    const struct hm_sha256 *denied; /* materials of keys that nobody may use (hm_key_material) */
    size_t denied_count;
};

struct hm_history; /* one thread */

/* Follows the roots from the first one, by way of the trust file's, to the newest. HM_EREFUSED: the
 * site's roots do not lead to the trust file's; HM_ENOTFOUND: they are not served; HM_ESIGNATURE
 * and others of hm_root_verify_next; the source's errors. */
HM_MUST_CHECK enum hm_rc hm_history_open(const struct hm_history_config *config, struct hm_err *err,
                                         struct hm_history **ret_history);
void hm_history_free(struct hm_history *history);
HM_DEFINE_FREE(hm_history_free, struct hm_history);

/* The newest root that was followed. */
const struct hm_root *hm_history_newest_root(const struct hm_history *history);
/* Takes the state that a snapshot entry names, which was checked before and found good, as what the
 * next batch is compared with; tells of nothing. HM_EAGAIN: it is not to be had as the entry names
 * it; else the source's errors. */
HM_MUST_CHECK enum hm_rc hm_history_start(struct hm_history *history,
                                          const struct hm_entry *snapshot, struct hm_err *err);
/* Nothing is known of what was before the next batch: it is compared with nothing, and what it has
 * is no news. Before any other batch, in the place of hm_history_start. */
void hm_history_miss(struct hm_history *history);
/* Checks a batch; map has all releases up to and with it. New roots are followed as entries name
 * them. What is wrong goes to the sink; else the source's errors (HM_ENETWORK, HM_EINPUT), which
 * say nothing about the batch, and the sink's. */
HM_MUST_CHECK enum hm_rc hm_history_check(struct hm_history *history,
                                          const struct hm_replay_batch *batch,
                                          struct hm_replay_map *map, struct hm_err *err);
/* Is this kind a breach of the site's word, or of the rules (HM_HISTORY_MISSING included, which may
 * be mended)? Else it is for people to know. */
bool hm_history_is_breach(enum hm_history_kind kind);
/* "unlisted release", static. */
const char *hm_history_kind_name(enum hm_history_kind kind);

#endif
