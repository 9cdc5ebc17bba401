/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker's recalls on their way to a site: one JSON file (docs/formats.md 21).
 *
 *   {"schema": "hallmark/recall-notice/1", "site": NAME, "maker": ID, "recalls": ENVELOPE,
 *    "documents": {NAME: TEXT...}}
 *
 * recalls is recalls~ID, signed by one of the maker's keys; documents are the CSAF documents of its
 * recalls, all or those that the site lacks.
 */
#ifndef HM_EXCHANGE_RECALL_NOTICE_H
#define HM_EXCHANGE_RECALL_NOTICE_H

#include "trust/recall.h"

#define HM_RECALL_NOTICE_SIZE_MAX           134217728 /* the documents, and escapes */
#define HM_RECALL_NOTICE_DOCUMENT_COUNT_MAX HM_RECALL_COUNT_MAX

struct hm_recall_notice_document {
    const char *name;
    struct hm_bytes text;
};

struct hm_recall_notice {
    const char *site;
    const char *maker;
    struct hm_bytes recalls; /* the envelope, not verified */
    struct hm_recall_notice_document *documents;
    size_t document_count;
    struct hm_arena arena; /* of a parsed notice */
};

/* Copies what it keeps. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_recall_notice_parse(struct hm_bytes raw, struct hm_err *err,
                                                struct hm_recall_notice **ret_notice);
/* Appends the file. HM_EFORMAT: a document is no UTF-8. */
HM_MUST_CHECK enum hm_rc hm_recall_notice_write(const struct hm_recall_notice *notice,
                                                struct hm_err *err, struct hm_buf *ret_raw);
void hm_recall_notice_free(struct hm_recall_notice *notice);
HM_DEFINE_FREE(hm_recall_notice_free, struct hm_recall_notice);
/* NULL: it brings none of this name. */
const struct hm_recall_notice_document *hm_recall_notice_find(const struct hm_recall_notice *notice,
                                                              const char *name);

#endif
