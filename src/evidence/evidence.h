/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence files (docs/formats.md 14): one statement about a site's release log, with all that
 * proves it, as text. Here is the form alone: reading, writing, and the statement in words; basis.h
 * says what may be believed, check.h whether it holds, make.h makes such files.
 */
#ifndef HM_EVIDENCE_EVIDENCE_H
#define HM_EVIDENCE_EVIDENCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/digest.h"
#include "tlog/entry.h"
#include "tlog/merkle.h"

/* The largest list with its quotation marks, a few roots, and the rest. */
#define HM_EVIDENCE_SIZE_MAX       ((size_t)16 << 20)
#define HM_EVIDENCE_ROOT_COUNT_MAX 64
#define HM_EVIDENCE_PART_COUNT_MAX 2
#define HM_EVIDENCE_ENTRY_MAX      2   /* in a part */
#define HM_EVIDENCE_TEXT_SIZE_MAX  256 /* as a label */

enum hm_evidence_kind {
    HM_EVIDENCE_PUBLISHED,
    HM_EVIDENCE_ABSENT,
    HM_EVIDENCE_HISTORY,
    HM_EVIDENCE_CONTRADICTION,
    HM_EVIDENCE_FORK,
    HM_EVIDENCE_ROLLBACK,
    HM_EVIDENCE_KIND_COUNT_
};

/* A version of root.json. */
struct hm_evidence_root {
    uint64_t version;
    struct hm_bytes raw;
};

struct hm_evidence_entry {
    uint64_t index;
    struct hm_bytes text;
    struct hm_sha256 *hashes; /* from it to the root */
    size_t hash_count;
};

/* A checkpoint and what stands under it. */
struct hm_evidence_part {
    struct hm_bytes checkpoint; /* the note, not verified */
    uint64_t size;              /* what it says */
    struct hm_bytes origin;
    struct hm_evidence_entry entries[HM_EVIDENCE_ENTRY_MAX];
    size_t entry_count;
    bool has_map, has_list;
    struct hm_bytes map;
    struct hm_bytes list;
};

struct hm_evidence {
    enum hm_evidence_kind kind;
    const char *site;
    const char *path;    /* as the kind has it, or NULL */
    const char *product; /* ID/PRODUCT, or NULL */
    const char *text;    /* what is behind it, or NULL */
    const char *claim;   /* when parsed: exactly what hm_evidence_claim says */
    struct hm_evidence_root *roots;
    size_t root_count;
    struct hm_evidence_part parts[HM_EVIDENCE_PART_COUNT_MAX];
    size_t part_count;
    bool has_earlier;
    struct hm_sha256 earlier;
    struct hm_sha256 *hashes; /* the consistency proof */
    size_t hash_count;
    struct hm_arena arena;
};

/* Copies raw. HM_EFORMAT: not of this form, or not the parts that the kind has. HM_EINPUT: the
 * first line names another version. */
HM_MUST_CHECK enum hm_rc hm_evidence_parse(struct hm_bytes raw, struct hm_err *err,
                                           struct hm_evidence **ret_evidence);
/* Appends the file, claim included. HM_EUSAGE if it would not parse. */
HM_MUST_CHECK enum hm_rc hm_evidence_write(const struct hm_evidence *evidence, struct hm_err *err,
                                           struct hm_buf *ret_buf);
void hm_evidence_free(struct hm_evidence *evidence);
HM_DEFINE_FREE(hm_evidence_free, struct hm_evidence);

/* Empty, to be filled. */
HM_MUST_CHECK enum hm_rc hm_evidence_new(enum hm_evidence_kind kind, struct hm_err *err,
                                         struct hm_evidence **ret_evidence);
/* Sets path, product and text; copies. HM_EUSAGE: not as the kind has it, with what it should be.
 */
HM_MUST_CHECK enum hm_rc hm_evidence_set_path(struct hm_evidence *evidence, const char *path,
                                              struct hm_err *err);
/* Sets size and origin of a part by what its checkpoint says; whether that is signed is another
 * question. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_evidence_read_checkpoint(struct hm_evidence_part *part,
                                                     struct hm_err *err);
/* Appends the statement in words, escaped, without a newline. */
HM_MUST_CHECK enum hm_rc hm_evidence_claim(const struct hm_evidence *evidence, struct hm_err *err,
                                           struct hm_buf *ret_buf);
/* "published", static. */
const char *hm_evidence_kind_name(enum hm_evidence_kind kind);

#endif
