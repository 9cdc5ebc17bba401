/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Submissions taken in and waiting: private/submissions/SHA256/ (docs/formats.md 7).
 *
 *   submission.json   {"schema": "hallmark/staged/1", "maker": ID, "grade": "maker"|"attested",
 *                      "version": N (of maker~ID; 0 for attested), "taken": TIME,
 *                      "order": N (among the maker's with one version), "rejected": REASON (only
 * then)} maker.json        the maker's envelope; or attested.json, the same kind of document
 * unsigned maker/PRODUCT.json   the envelopes of the products' roles that it changes images/PATH
 * what it brought report.txt        what was said when it was taken in
 *
 * A maker's documents are cumulative: version 3 lists what version 2 listed. What a submission
 * "brings" is what it adds to the published state and to the submissions before it.
 */
#ifndef HM_SITE_STAGED_H
#define HM_SITE_STAGED_H

#include "exchange/parts.h"
#include "site/roles.h"

#define HM_STAGED_COUNT_MAX       4096
#define HM_STAGED_HEAD_SIZE_MAX   16384
#define HM_STAGED_REASON_SIZE_MAX 500
#define HM_STAGED_ID_PREFIX_MIN   4 /* hexadecimal digits that may stand for an id */

/* One document of a submission: of maker~ID, of the role of a product, or of attested files. */
struct hm_staged_document {
    const char *role;    /* maker~ID, maker~ID~PRODUCT; release~ID where attested */
    struct hm_bytes raw; /* the envelope */
    struct hm_envelope *envelope;
    struct hm_targets *targets; /* verified at intake; publish verifies the envelope again */
};

struct hm_staged {
    const char *id; /* SHA-256 of the submission, in hexadecimal */
    const char *maker;
    bool is_attested;
    const char *rejected; /* the reason, or NULL */
    int64_t version;      /* of maker~ID; 0: attested */
    int64_t order;        /* of submissions with one version: as they were taken in */
    int64_t taken_unix_s;
    struct hm_staged_document *documents; /* maker~ID first, then products in order */
    size_t document_count;
    struct hm_targets *content; /* what the documents list, as one */
};

struct hm_staged_list {
    const struct hm_site *site; /* borrowed */
    struct hm_staged *items;    /* by maker, then version, then order */
    size_t count;
    struct hm_arena arena;
};

HM_MUST_CHECK enum hm_rc hm_staged_load(const struct hm_site *site, struct hm_err *err,
                                        struct hm_staged_list **ret_list);
void hm_staged_free(struct hm_staged_list *list);
HM_DEFINE_FREE(hm_staged_free, struct hm_staged_list);
/* The document of role, or NULL. */
const struct hm_staged_document *hm_staged_document(const struct hm_staged *staged,
                                                    const char *role);
/* True if no document of it is newer than the published one. */
bool hm_staged_is_done(const struct hm_staged *staged, const struct hm_tree *tree);
/* By id or a prefix of it. HM_EUNKNOWN, or HM_EUSAGE where the prefix fits several. Rejected ones
 * are not found. */
HM_MUST_CHECK enum hm_rc hm_staged_find(const struct hm_staged_list *list, const char *id,
                                        struct hm_err *err, const struct hm_staged **ret_staged);

/* What one listed file is to its submission. */
enum hm_staged_kind {
    HM_STAGED_KNOWN,   /* published, with the same facts */
    HM_STAGED_NEW,     /* the submission brings its image */
    HM_STAGED_CHANGED, /* the image is published; what is said of it changes, or it was attested */
    HM_STAGED_EARLIER, /* an earlier submission that still waits brings it */
    HM_STAGED_LEFT,    /* rejected before, or listed by the maker but never released */
    HM_STAGED_MISSING, /* nobody has the image */
    HM_STAGED_OTHERBYTES, /* that name was published or submitted with other bytes */
};

/* Judges target of staged against what is published of its maker. */
HM_MUST_CHECK enum hm_rc hm_staged_judge(const struct hm_staged_list *list, struct hm_tree *tree,
                                         const struct hm_staged *staged,
                                         const struct hm_target *target, struct hm_err *err,
                                         enum hm_staged_kind *ret_kind);
/* True for what approving the submission puts into release~ID. */
static inline bool hm_staged_is_brought(enum hm_staged_kind kind)
{
    return kind == HM_STAGED_NEW || kind == HM_STAGED_CHANGED;
}

/* Path, length, SHA-256 and custom (without "vendor") are the same. */
HM_MUST_CHECK enum hm_rc hm_staged_is_same(const struct hm_target *a, const struct hm_target *b,
                                           struct hm_err *err, bool *ret_same);
/* "submissions/ID/images/PATH" if that submission holds the image of target, in the list's arena;
 * NULL: it does not. */
HM_MUST_CHECK enum hm_rc hm_staged_image(struct hm_staged_list *list,
                                         const struct hm_staged *staged,
                                         const struct hm_target *target, struct hm_err *err,
                                         const char **ret_path);

/* Writes submission.json into an open submission folder. */
HM_MUST_CHECK enum hm_rc hm_staged_write_head(const struct hm_dir *dir,
                                              const struct hm_staged *staged, struct hm_err *err);
/* HM_EUSAGE: empty, too long, or no UTF-8. */
HM_MUST_CHECK enum hm_rc hm_staged_check_reason(const char *reason, struct hm_err *err);
/* Marks it rejected: its images are dropped, what it was and why stays. */
HM_MUST_CHECK enum hm_rc hm_staged_reject(const struct hm_site *site,
                                          const struct hm_staged *staged, const char *reason,
                                          struct hm_err *err);

#endif
