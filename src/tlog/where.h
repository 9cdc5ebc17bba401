/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a release stands in a site's log (docs/formats.md 11): public/proofs/ID/PRODUCT/VERSION.
 *
 *   hallmark/where v1
 *   release INDEX
 *   snapshot INDEX            of the entry that closes the release's batch
 *   (empty line)
 *   the release entry's text
 *   (empty line)
 *   the snapshot entry's text
 *
 * It is a help to find things, and no proof: whoever reads it proves both entries from tiles.
 */
#ifndef HM_TLOG_WHERE_H
#define HM_TLOG_WHERE_H

#include "tlog/entry.h"

/* Two entries, and lines with a number of 19 digits each. */
#define HM_WHERE_SIZE_MAX (2 * HM_ENTRY_SIZE_MAX + 96)

struct hm_where {
    uint64_t release_index, snapshot_index; /* release before snapshot */
    struct hm_bytes release, snapshot;      /* the entries' texts */
    struct hm_arena arena;                  /* of a parsed one */
};

/* Copies raw. Checks the form of this file; the entries are for hm_entry_parse. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_where_parse(struct hm_bytes raw, struct hm_err *err,
                                        struct hm_where **ret_where);
/* Appends the file. HM_EUSAGE if it would not parse. */
HM_MUST_CHECK enum hm_rc hm_where_write(const struct hm_where *where, struct hm_err *err,
                                        struct hm_buf *ret_buf);
void hm_where_free(struct hm_where *where);
HM_DEFINE_FREE(hm_where_free, struct hm_where);

#endif
