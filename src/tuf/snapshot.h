/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.json and timestamp.json: which versions belong together (TUF 1.0.34 sections 4.4
 * and 4.6). */
#ifndef HM_TUF_SNAPSHOT_H
#define HM_TUF_SNAPSHOT_H

#include "tuf/document.h"

#define HM_SNAPSHOT_COUNT_MAX 262144 /* roles; the size limit is met first */

struct hm_snapshot_meta {
    struct hm_bytes name; /* role name, without ".json" */
    int64_t version;
    struct hm_file_facts facts;
};

struct hm_snapshot {
    struct hm_document document;
    struct hm_snapshot_meta *metas; /* sorted by name */
    size_t meta_count;
    struct hm_arena arena;
};

/* TUF schema; require_hashes: every entry must have SHA-256 and length (Hallmark sites: the
 * snapshot's hash binds the tree). Copies what it needs. */
HM_MUST_CHECK enum hm_rc hm_snapshot_parse(struct hm_signed document, bool require_hashes,
                                           struct hm_err *err, struct hm_snapshot **ret_snapshot);
HM_MUST_CHECK enum hm_rc hm_snapshot_new(struct hm_err *err, struct hm_snapshot **ret_snapshot);
/* Sets or replaces the entry of meta->name (copied). */
HM_MUST_CHECK enum hm_rc hm_snapshot_put(struct hm_snapshot *snapshot,
                                         const struct hm_snapshot_meta *meta, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_snapshot_write(const struct hm_snapshot *snapshot, struct hm_err *err,
                                           struct hm_buf *ret_canonical);
const struct hm_snapshot_meta *hm_snapshot_find(const struct hm_snapshot *snapshot,
                                                struct hm_bytes name);
/* TUF 5.5.5: next may neither drop an entry of trusted nor lower its version. HM_EROLLBACK naming
 * the role. */
HM_MUST_CHECK enum hm_rc hm_snapshot_check_successor(const struct hm_snapshot *trusted,
                                                     const struct hm_snapshot *next,
                                                     struct hm_err *err);
/* One member of "meta": key is "NAME.json", the reader stands before its value. Strings stay in the
 * input or the reader's arena. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_snapshot_parse_meta(struct hm_json *json, struct hm_bytes key,
                                                bool require_hashes, struct hm_err *err,
                                                struct hm_snapshot_meta *ret_meta);
/* Writes key and value into the open object. HM_EFORMAT: the name is too long. */
HM_MUST_CHECK enum hm_rc hm_snapshot_write_meta(const struct hm_snapshot_meta *meta,
                                                struct hm_err *err, struct hm_json_writer *writer);
void hm_snapshot_free(struct hm_snapshot *snapshot);
HM_DEFINE_FREE(hm_snapshot_free, struct hm_snapshot);

#endif
