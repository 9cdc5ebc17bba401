/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What evidence is judged by: the site's roots as far as they are known, what each says of the log,
 * and what the customer demands beyond. It comes from a trust file, or from what is stored of a
 * trusted site; roots that evidence brings are added only if the root before signed them.
 */
#ifndef HM_EVIDENCE_BASIS_H
#define HM_EVIDENCE_BASIS_H

#include "trust/log_verdict.h"
#include "tuf/root.h"

/* One root's word on the log. */
struct hm_basis_word {
    uint64_t root_version;
    struct hm_site_log *log; /* owned */
};

struct hm_basis {
    const char *site;
    bool is_trial;
    uint64_t first_version;      /* the first root that is known here */
    struct hm_root *root;        /* the newest; owned */
    struct hm_basis_word *words; /* of each known root, ascending */
    size_t word_count;
    struct hm_log_demands demands;
    struct hm_arena arena;
};

/* From a root that is trusted already; copies it. demands: policies are borrowed; cosignatures
 * count however old they are, but not from the future of demands->now_unix_s. HM_EFORMAT,
 * HM_ESIGNATURE. */
HM_MUST_CHECK enum hm_rc hm_basis_new(struct hm_bytes root, const struct hm_log_demands *demands,
                                      struct hm_err *err, struct hm_basis **ret_basis);
void hm_basis_free(struct hm_basis *basis);
HM_DEFINE_FREE(hm_basis_free, struct hm_basis);
/* An earlier root that is trusted from outside as well, for what was said under its word; nothing
 * where it is not earlier. HM_EMISMATCH: of another site; HM_EFORMAT, HM_ESIGNATURE. */
HM_MUST_CHECK enum hm_rc hm_basis_add_earlier(struct hm_basis *basis, struct hm_bytes root,
                                              struct hm_err *err);
/* The root after the newest. HM_ESIGNATURE, HM_EROLLBACK, HM_EFORMAT; HM_EMISMATCH: of another
 * site; HM_EREFUSED: what it says of the log may not follow. */
HM_MUST_CHECK enum hm_rc hm_basis_add(struct hm_basis *basis, struct hm_bytes root,
                                      struct hm_err *err);
/* The newest root's word if it keeps a log, else NULL. */
const struct hm_site_log *hm_basis_log(const struct hm_basis *basis);
/* The first known root that names a log; 0: none does. */
uint64_t hm_basis_since(const struct hm_basis *basis);

/* A cosignature that is valid. */
struct hm_basis_witness {
    const char *name; /* of its key */
    const struct hm_note_key *key;
    uint64_t time_s;
};

/* A checkpoint that the site's log has signed. */
struct hm_basis_head {
    struct hm_checkpoint_signed *checkpoint; /* owned */
    uint64_t root_version;       /* whose policy it was held against: the newest that it meets */
    bool is_of_newest;           /* that is the newest known root */
    bool is_met;                 /* all that is demanded of cosignatures is there */
    bool is_demanded;            /* root or customer demands any */
    char unmet[HM_ERR_TEXT_MAX]; /* why it is not met */
    struct hm_basis_witness *witnesses; /* each key once, in the order of the policies */
    size_t witness_count;
    size_t known_count; /* witnesses of the policies */
    struct hm_arena arena;
};

/* Reads a checkpoint and holds it against the known roots' policies, the newest first. HM_EFORMAT;
 * HM_ESIGNATURE: the log's key has not signed it, or a signature of it or of a witness is wrong;
 * HM_EAGAIN: no known root names this log. Cosignatures missing are no failure: is_met says so. */
HM_MUST_CHECK enum hm_rc hm_basis_open(const struct hm_basis *basis, struct hm_bytes note,
                                       struct hm_err *err, struct hm_basis_head **ret_head);
void hm_basis_close(struct hm_basis_head *head);
HM_DEFINE_FREE(hm_basis_close, struct hm_basis_head);
/* The earliest of its cosignatures: everything in it was there by then. 0: none. */
uint64_t hm_basis_earliest(const struct hm_basis_head *head);

#endif
