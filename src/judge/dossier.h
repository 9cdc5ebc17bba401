/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dossier (docs/formats.md 23): one tar of plain files for a court, an insurer, or the other
 * side. Each member is a file of its own; nothing is believed because it stands in a dossier.
 *
 *   README.txt               the claim and the finding in words, and how to check it
 *   claim.txt                the claim, as lines
 *   roots/VERSION.root.json  the site's roots behind the one of the trust file, ascending
 *   evidence/N.evidence      about the release log (formats.md 14), N from 1
 *   deliveries/N.delivery    delivery files (22)
 *   notes/N.note             single statements of the site
 *
 * A dossier is read into memory, and never unpacked.
 */
#ifndef HM_JUDGE_DOSSIER_H
#define HM_JUDGE_DOSSIER_H

#include "judge/judge.h"

/* Some 8,000 deliveries with their proofs; a dispute is about fewer. */
#define HM_DOSSIER_SIZE_MAX  ((size_t)64 << 20)
#define HM_DOSSIER_COUNT_MAX 16384
/* A claim has six lines; README.txt is two screens and the names of a claim. */
#define HM_DOSSIER_TEXT_SIZE_MAX 65536
/* As a trust file holds it. */
#define HM_DOSSIER_ROOT_SIZE_MAX ((size_t)1 << 20)

enum hm_dossier_kind {
    HM_DOSSIER_README,
    HM_DOSSIER_CLAIM,
    HM_DOSSIER_ROOT,
    HM_DOSSIER_EVIDENCE,
    HM_DOSSIER_DELIVERY,
    HM_DOSSIER_NOTE,
    HM_DOSSIER_KIND_COUNT_
};

struct hm_dossier_member {
    enum hm_dossier_kind kind;
    uint64_t number; /* of a root its version */
    const char *name;
    struct hm_bytes raw;
};

struct hm_dossier {
    struct hm_dossier_member *members;
    size_t count, capacity;
    size_t size; /* of all */
    struct hm_judge_claim claim;
    struct hm_arena arena;
};

HM_MUST_CHECK enum hm_rc hm_dossier_new(struct hm_err *err, struct hm_dossier **ret_dossier);
void hm_dossier_free(struct hm_dossier *dossier);
HM_DEFINE_FREE(hm_dossier_free, struct hm_dossier);

/* By its first member's name. */
bool hm_dossier_is_one(struct hm_bytes raw);
/* Copies raw. HM_EFORMAT: no such archive, a member that has no place here, twice or out of order,
 * past a limit; a claim that is none. */
HM_MUST_CHECK enum hm_rc hm_dossier_parse(struct hm_bytes raw, struct hm_err *err,
                                          struct hm_dossier **ret_dossier);
/* Adds a copy of a file, as a member of the kind that its first bytes say; roots in the order of
 * their versions. HM_EFORMAT: of no kind; HM_EREFUSED: past a limit. */
HM_MUST_CHECK enum hm_rc hm_dossier_add(struct hm_dossier *dossier, struct hm_bytes raw,
                                        struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_dossier_add_root(struct hm_dossier *dossier, uint64_t version,
                                             struct hm_bytes raw, struct hm_err *err);
/* Copies the claim. */
HM_MUST_CHECK enum hm_rc hm_dossier_set_claim(struct hm_dossier *dossier,
                                              const struct hm_judge_claim *claim,
                                              struct hm_err *err);
/* Gives all members to a judge, roots first, by way of the basis. */
HM_MUST_CHECK enum hm_rc hm_dossier_feed(const struct hm_dossier *dossier, struct hm_basis *basis,
                                         struct hm_judge *judge, struct hm_err *err);
/* README.txt, as it follows from claim and answer. */
HM_MUST_CHECK enum hm_rc hm_dossier_readme(const struct hm_dossier *dossier, const char *site,
                                           const struct hm_judge_answer *answer, struct hm_err *err,
                                           struct hm_buf *ret_text);
/* What the dossier has as README.txt; no bytes if it was not read from an archive. */
struct hm_bytes hm_dossier_readme_of(const struct hm_dossier *dossier);
/* Appends the archive: one content has one spelling. */
HM_MUST_CHECK enum hm_rc hm_dossier_write(const struct hm_dossier *dossier, struct hm_bytes readme,
                                          struct hm_err *err, struct hm_buf *ret_archive);

#endif
