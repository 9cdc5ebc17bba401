/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.json: the one name to ask for, saying which snapshot is current (TUF 1.0.34
 * section 4.6). */
#ifndef HM_TUF_TIMESTAMP_H
#define HM_TUF_TIMESTAMP_H

#include "tuf/snapshot.h"

struct hm_timestamp {
    struct hm_document document;
    struct hm_snapshot_meta snapshot; /* name "snapshot" */
    struct hm_arena arena;
};

/* As hm_snapshot_parse. */
HM_MUST_CHECK enum hm_rc hm_timestamp_parse(struct hm_signed document, bool require_hashes,
                                            struct hm_err *err,
                                            struct hm_timestamp **ret_timestamp);
/* document and snapshot facts into canonical bytes. */
HM_MUST_CHECK enum hm_rc hm_timestamp_write(const struct hm_document *document,
                                            const struct hm_snapshot_meta *snapshot,
                                            struct hm_err *err, struct hm_buf *ret_canonical);
void hm_timestamp_free(struct hm_timestamp *timestamp);
HM_DEFINE_FREE(hm_timestamp_free, struct hm_timestamp);

#endif
