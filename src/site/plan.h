/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What publish would do now: which drafts are complete and consistent with each other and with what
 * is published, and what is missing from the others. Nothing is written here.
 *
 * A new root comes in two steps (DESIGN 5.3). First, under the root in force, everything else: a
 * targets.json that both roots' keys signed, and a snapshot and timestamp signed by old and new
 * online keys. Then N+1.root.json alone. A client sees a valid tree at every moment in between.
 *
 * A site with a release log does both at once, the root last: the snapshot of the first step has an
 * entry that names the new root, and what was logged must follow.
 *
 * Where the online key is lost, nobody can sign the step in between: then all goes out in one, the
 * root before the timestamp, and a client that comes between the two must try again.
 */
#ifndef HM_SITE_PLAN_H
#define HM_SITE_PLAN_H

#include "site/chain.h"
#include "site/staged.h"

/* Below private/: the version of a root that is to be published without a signature of the online
 * key before it, which is lost. */
#define HM_PLAN_LOST_FILE "online-lost"

struct hm_plan_document {
    const char *role;
    int64_t version;
    struct hm_bytes raw;
};

struct hm_plan_image {
    struct hm_bytes path;
    struct hm_file_facts facts;
    struct hm_bytes custom; /* as the approvers signed it */
    const char *source;     /* below private/; NULL: published already */
};

struct hm_plan_identity {
    const char *id;
    int64_t version;
    struct hm_bytes raw;
};

/* A file below public/ that follows from a document. */
struct hm_plan_file {
    const char *path;
    struct hm_bytes raw;
};

struct hm_plan_path {
    const char *maker;
    struct hm_bytes path;
};

struct hm_plan {
    struct hm_roles *roles; /* owned, with the tree */
    struct hm_staged_list *staged;
    const char **drafts; /* their roles */
    size_t draft_count;
    /* The root after this publish: verified; NULL where the root stays. */
    struct hm_root *root;
    struct hm_bytes root_raw;
    bool root_waits; /* it is complete, but something must be published first */
    bool root_along; /* it goes out in the first step: the old online key is lost */
    bool root_late;  /* it goes out in the first step, after all else: a log names it */
    /* In force after the first step. */
    const struct hm_root *root_in_force;
    const struct hm_targets *targets;
    const struct hm_layout *layout;
    struct hm_bytes targets_raw;
    struct hm_envelope *targets_envelope; /* owned */
    struct hm_layout *own_layout;

    struct hm_plan_document *documents; /* new ones, targets first */
    size_t document_count, document_capacity;
    struct hm_plan_image *images;
    size_t image_count, image_capacity;
    struct hm_plan_identity *identities;
    size_t identity_count, identity_capacity;
    struct hm_plan_file *files;
    size_t file_count, file_capacity;
    struct hm_plan_path *paths; /* new or changed files, for the self-check */
    size_t path_count, path_capacity;
    const char **drops; /* below private/, for the journal */
    size_t drop_count, drop_capacity;
    bool is_first;       /* nothing was published before */
    bool needs_signing;  /* snapshot or timestamp are not good under the next root */
    struct hm_buf notes; /* one line for each thing held back, and why */
    struct hm_arena arena;
};

/* HM_EFORMAT, HM_ESIGNATURE...: the folder is damaged. What is merely incomplete goes to notes. */
HM_MUST_CHECK enum hm_rc hm_plan_make(const struct hm_site *site, struct hm_err *err,
                                      struct hm_plan **ret_plan);
void hm_plan_free(struct hm_plan *plan);
HM_DEFINE_FREE(hm_plan_free, struct hm_plan);

/* The first step has something to do: documents, identities or a snapshot to be signed anew. */
bool hm_plan_has_step(const struct hm_plan *plan);
/* The second step, N+1.root.json, may be done now. */
bool hm_plan_has_root_step(const struct hm_plan *plan);
/* Appends the plan in words: what is published, and the notes. */
HM_MUST_CHECK enum hm_rc hm_plan_describe(const struct hm_plan *plan, struct hm_err *err,
                                          struct hm_buf *report);

#endif
