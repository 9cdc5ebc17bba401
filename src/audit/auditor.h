/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An auditor (docs/design.md 5.3): a witness that holds all data of a site's log, and cosigns only
 * what it recomputed. Before each cosignature it reads all entries that are new, and all metadata
 * that they name, out of the site's public tree, and demands:
 *
 *   every entry counts or is void, and the last one is a snapshot's (tlog/replay.h)
 *   the map of each snapshot is what the entries add up to
 *   each batch is true by the metadata that its snapshot names; no role that was ever validly
 *   signed is gone, older, or other (trust/history.h)
 *   what it once cosigned as counting is never void; nor is a batch that was true and said
 *   something
 *   the log is the one that the newest root names, and begins with those that root has closed
 *
 * It believes nothing but the trust file it was given. What was found good is remembered by size
 * and root of the tree, after all data of it were flushed into its copy (copy.h). After a refusal
 * it forgets what it read, and looks again when it is asked again: what was missing may be there
 * then, and what was wrong may have been named void.
 *
 *   logs/HASH/trust     the trust file (docs/formats.md 4), by hm_auditor_add; site as well
 *   logs/HASH/site      the URL of the site's public folder, a line
 *   logs/HASH/audited   "hallmark/audited v1" and "tree SIZE ROOT": what was found good
 *   logs/HASH/copy/     its data
 *
 * Memory is that of the map of releases (tlog/replay_map.h), some 130 bytes a release, and while it
 * reads a few documents; for the first audit of a log 100 bytes for each of its documents.
 */
#ifndef HM_AUDIT_AUDITOR_H
#define HM_AUDIT_AUDITOR_H

#include "tlog/witness.h"
#include "trust/history.h"

#define HM_AUDITOR_STATE_SIZE_MAX (HM_WITNESS_FOLDER_URL_MAX + 1024)
/* Things found wrong in one audit that are told apart; a log has none, or as many as its thief
 * likes. */
#define HM_AUDITOR_MISDEEDS_MAX 256
/* Entries that counted and are void, in one audit: the log is read again for each. A theft of its
 * key has one or two. */
#define HM_AUDITOR_RESTARTS_MAX 16

/* What is known of a log that is audited, from its folder. */
struct hm_auditor_state {
    char
        url[HM_WITNESS_FOLDER_URL_MAX + 1]; /* of the site's public folder; "": it is not audited */
    uint64_t size;                          /* audited so far */
    struct hm_sha256 root;                  /* of that tree */
};

struct hm_auditor_options {
    const char *ca_file; /* or NULL */
    /* NULL, or told what people should know of, though it is no breach: keys, ends, recalls. */
    void (*note)(void *ctx, const char *origin, enum hm_history_kind kind, const char *subject,
                 const char *sentence);
    void *ctx;
};

struct hm_auditor;

/* Has the log of the folder audited from now on, by this trust file, from the site at url (NULL: as
 * the trust file says). Again: other ones; what was audited stays so. HM_EUSAGE: no URL, or one
 * that is none; else as hm_trust_file_parse. */
HM_MUST_CHECK enum hm_rc hm_auditor_add(const struct hm_witness_folder *folder,
                                        const struct hm_witness_folder_log *log,
                                        struct hm_bytes trust, const char *url, struct hm_err *err);
/* HM_EFORMAT: a damaged file, and what to do. A log that is not audited: url "". */
HM_MUST_CHECK enum hm_rc hm_auditor_state_read(const struct hm_witness_folder *folder,
                                               const char *hash, struct hm_err *err,
                                               struct hm_auditor_state *ret_state);

/* For the witness's folder at path. options are copied. */
HM_MUST_CHECK enum hm_rc hm_auditor_new(const char *path, const struct hm_auditor_options *options,
                                        struct hm_err *err, struct hm_auditor **ret_auditor);
void hm_auditor_free(struct hm_auditor *auditor);
HM_DEFINE_FREE(hm_auditor_free, struct hm_auditor);
/* For hm_witness_open; borrows the auditor. A log that is not audited is not cosigned. */
struct hm_witness_auditor hm_auditor_hook(struct hm_auditor *auditor);

#endif
