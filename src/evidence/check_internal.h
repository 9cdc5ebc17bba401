/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a check share. */
#ifndef HM_EVIDENCE_CHECK_INTERNAL_H
#define HM_EVIDENCE_CHECK_INTERNAL_H

#include "evidence/check.h"
#include "tlog/release_list.h"

/* A check on its way. Functions return HM_OK, or a code with why filled: that ends the check. */
struct hm_check {
    const struct hm_evidence *evidence; /* NULL for a tlog-proof */
    struct hm_basis *basis;
    struct hm_report *report;
    struct hm_digest *digest;
    struct hm_basis_head *heads[HM_EVIDENCE_PART_COUNT_MAX]; /* owned */
    const char *doing;                                       /* for the step that ends it */
    struct hm_err why;
};

/* Adds a step. */
#define HM_CHECK_GOOD(check, ...)                                                                  \
    hm_report_add((check)->report, HM_REPORT_GOOD, &(check)->why, __VA_ARGS__)
#define HM_CHECK_NOTE(check, ...)                                                                  \
    hm_report_add((check)->report, HM_REPORT_NOTE, &(check)->why, __VA_ARGS__)
#define HM_CHECK_NUMBER(number) ((unsigned long long)(number))

/* Opens a checkpoint as head number i. needs_quorum: if cosignatures are missing, the statement
 * cannot be told; else that is said. */
HM_MUST_CHECK enum hm_rc hm_check_head(struct hm_check *check, size_t i, struct hm_bytes note,
                                       bool needs_quorum);
/* Is text entry index of head i's tree? Parses it. */
HM_MUST_CHECK enum hm_rc hm_check_entry(struct hm_check *check, size_t i,
                                        const struct hm_evidence_entry *entry,
                                        struct hm_entry **ret_entry);
/* Says in words what an entry says, images and digests included. */
HM_MUST_CHECK enum hm_rc hm_check_say_entry(struct hm_check *check, uint64_t index,
                                            const struct hm_entry *entry);
/* The two entries of a release in a part, and that they count; both are given. */
HM_MUST_CHECK enum hm_rc hm_check_release(struct hm_check *check, size_t part,
                                          struct hm_entry **ret_release,
                                          struct hm_entry **ret_snapshot);
/* The newest entry of a part, its map, and the list it has of the product; *ret_list is NULL where
 * the map does not have the product. */
HM_MUST_CHECK enum hm_rc hm_check_list(struct hm_check *check, size_t part,
                                       struct hm_entry **ret_snapshot,
                                       struct hm_release_list **ret_list);

/* Kinds, each with the checkpoints opened by themselves. */
HM_MUST_CHECK enum hm_rc hm_check_published(struct hm_check *check);
HM_MUST_CHECK enum hm_rc hm_check_absent(struct hm_check *check);
HM_MUST_CHECK enum hm_rc hm_check_history(struct hm_check *check);
HM_MUST_CHECK enum hm_rc hm_check_contradiction(struct hm_check *check);
HM_MUST_CHECK enum hm_rc hm_check_fork(struct hm_check *check);
HM_MUST_CHECK enum hm_rc hm_check_rollback(struct hm_check *check);

#endif
