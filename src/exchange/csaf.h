/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recall for everybody's tools: CSAF 2.0 (profile security advisory; ISO/IEC 20153), whose bytes
 * are the recall's target, and OpenVEX 0.2.0, which says the same by digest. Hallmark's clients act
 * on neither, but on what is signed beside the target (trust/recall.h).
 */
#ifndef HM_EXCHANGE_CSAF_H
#define HM_EXCHANGE_CSAF_H

#include "trust/recall.h"

#define HM_CSAF_SIZE_MAX                                                                           \
    1048576 /* HM_RECALL_DIGEST_COUNT_MAX products at 1 KiB each, and the rest */

/* One file that is taken back. */
struct hm_csaf_product {
    const char *path; /* ID/PRODUCT/VERSION/FILE; NULL: these bytes were never released */
    struct hm_sha256 sha256;
};

struct hm_csaf {
    const char *publisher; /* name of who recalls */
    const char *url;       /* the publisher's: a URI, and the namespace of the document's ID */
    const char *self;      /* where the document is served; or NULL */
    const char *title;
    const struct hm_recall *recall;
    const struct hm_csaf_product *products; /* each path once */
    size_t product_count;
};

/* The digests of all products, ascending, each once, in arena: what the recall is to name. */
HM_MUST_CHECK enum hm_rc hm_csaf_digests(const struct hm_csaf *csaf, struct hm_arena *arena,
                                         struct hm_err *err, struct hm_sha256 **ret_digests,
                                         size_t *ret_count);
/* Appends the document, one spelling for each recall. HM_EUSAGE past HM_CSAF_SIZE_MAX. */
HM_MUST_CHECK enum hm_rc hm_csaf_write(const struct hm_csaf *csaf, struct hm_err *err,
                                       struct hm_buf *ret_json);
/* Appends the OpenVEX document: every digest is affected. id: where it is served. */
HM_MUST_CHECK enum hm_rc hm_csaf_write_openvex(const struct hm_recall *recall, const char *author,
                                               const char *id, struct hm_err *err,
                                               struct hm_buf *ret_json);

#endif
