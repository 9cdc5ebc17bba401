/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that is kept beside an image, FILE.proof: that its release is in the site's log, as
 * evidence of the kind "published" (docs/formats.md 14). Whoever has the image, this file and trust
 * in the site can tell offline that it was published, to all. It holds for as long as the log does;
 * it is made again only where the log or what is demanded of it changed.
 */
#ifndef HM_CUSTOMER_RELEASE_PROOF_H
#define HM_CUSTOMER_RELEASE_PROOF_H

#include "customer/catalogue.h"

#define HM_RELEASE_PROOF_SUFFIX ".proof"
/* Two entries with their marks, their paths, and a checkpoint with all cosignatures. */
#define HM_RELEASE_PROOF_SIZE_MAX ((size_t)2 << 20)

/* ---- judging, offline ------------------------------------------------------------------------ */

enum hm_release_proof_state {
    HM_RELEASE_PROOF_NONE,    /* root keeps no log: there is nothing to prove */
    HM_RELEASE_PROOF_GOOD,    /* the release is in the log, with these bytes */
    HM_RELEASE_PROOF_MISSING, /* there is no such file */
    HM_RELEASE_PROOF_OTHER,   /* it is of another file */
    HM_RELEASE_PROOF_STALE,   /* not enough by what is demanded of the log now */
    HM_RELEASE_PROOF_BAD,     /* it proves nothing, or something else than was signed */
};
/* "none", "good", "missing"...; static. */
const char *hm_release_proof_state_text(enum hm_release_proof_state state);

struct hm_release_proof_answer {
    enum hm_release_proof_state state;
    enum hm_rc rc; /* HM_OK if good or none; HM_EAGAIN if missing, other or stale; else why not */
    const char *text; /* why not, one sentence, in the catalogue's arena; or NULL */
    /* If good: */
    const struct hm_catalogue_item *item; /* whose release it proves */
    uint64_t entry;
    struct hm_log_standing standing; /* of the checkpoint that it stands under */
};

/* Does raw prove that the file's release is in the log with these bytes, by what is demanded of
 * this site's log, cosigned whenever? subscription was loaded or refreshed, and keeps a log.
 * HM_EFORMAT: no such proof; HM_EUNKNOWN: of another file; HM_EAGAIN: a log that root does not name
 * now, or a quorum that it has not; HM_EMISMATCH: its hashes lead nowhere; HM_EREFUSED: the entry
 * does not count, is of other bytes, or stands in another history of the log than was seen. */
HM_MUST_CHECK enum hm_rc hm_release_proof_check(const struct hm_subscription *subscription,
                                                struct hm_bytes raw,
                                                const struct hm_release_file *file,
                                                struct hm_err *err, uint64_t *ret_entry,
                                                struct hm_log_standing *ret_standing);
/* Judges PATH.proof beside the file at path, whose accepted places are in matches. Only internal
 * errors and those of reading are returned. */
HM_MUST_CHECK enum hm_rc hm_release_proof_look(struct hm_catalogue *matches, const char *path,
                                               struct hm_err *err,
                                               struct hm_release_proof_answer *ret_answer);

/* The file beside the proof at path, the caller's to free; NULL where path is no such proof, or has
 * no file beside it. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_release_proof_image(const char *path, struct hm_err *err,
                                                char **ret_image);

/* ---- keeping --------------------------------------------------------------------------------- */

/* Puts the proof of item beside it, as NAME.proof below dir, where there is none that holds.
 * Online, after the item was proved or got. Nothing is written where root keeps no log.
 * *ret_notice: NULL, or why there is no proof although nothing failed: the name is taken, by
 * another file of the release or of the user's; the caller's to free. Else errors are those of
 * hm_release_log_prove and of writing. */
HM_MUST_CHECK enum hm_rc hm_release_proof_place(const struct hm_catalogue_item *item,
                                                const struct hm_dir *dir, const char *name,
                                                struct hm_err *err, char **ret_notice);
/* Tells apart what is demanded of this site's log: a proof that was found good under the same value
 * is still good. Zeros where root keeps no log. */
HM_MUST_CHECK enum hm_rc hm_release_proof_demands(const struct hm_subscription *subscription,
                                                  struct hm_err *err,
                                                  struct hm_sha256 *ret_demands);

#endif
