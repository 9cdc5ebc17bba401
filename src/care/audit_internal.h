/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of an audit share. */
#ifndef HM_CARE_AUDIT_INTERNAL_H
#define HM_CARE_AUDIT_INTERNAL_H

#include <sys/stat.h>

#include "care/audit.h"
#include "site/tree.h"

/* A file of public/metadata that a snapshot names, or that is one. */
struct hm_audit_name {
    const char *name; /* "2.release~acme.json" */
    struct hm_sha256 sha256;
    uint64_t length;
    bool is_compared, is_met;
};

struct hm_audit {
    const struct hm_site *site;
    const struct hm_audit_options *options;
    struct hm_tree *tree;
    struct hm_root **roots; /* owned, from version 1 */
    size_t root_count;
    struct hm_audit_name *names; /* sorted once complete */
    size_t name_count, name_capacity;
    struct hm_arena arena;
    int64_t start_unix_s;
    int64_t start_ms;
    uint64_t paced; /* bytes that count for the rate */
    struct hm_audit_result result;
};

HM_PRINTF(5, 6)
HM_MUST_CHECK enum hm_rc hm_audit_find(struct hm_audit *audit, enum hm_audit_kind kind,
                                       const char *path, struct hm_err *err, const char *format,
                                       ...);
/* A failure of reading one file is a finding: what was there says so (altered, missing), else it
 * cannot be told. HM_ENOMEM and the like are passed on. */
HM_MUST_CHECK enum hm_rc hm_audit_judge(struct hm_audit *audit, enum hm_rc rc, const char *path,
                                        const struct hm_err *why, struct hm_err *err);
struct hm_audit_name *hm_audit_name_find(const struct hm_audit *audit, const char *name);

/* Reads the chain of roots and all snapshots, and what they name. */
HM_MUST_CHECK enum hm_rc hm_audit_metadata(struct hm_audit *audit, struct hm_err *err);
/* A file of public/metadata; name is below that. */
HM_MUST_CHECK enum hm_rc hm_audit_metadata_file(struct hm_audit *audit, const char *name,
                                                const struct stat *info, struct hm_err *err);
/* What is named, and was not met; after the walk. */
HM_MUST_CHECK enum hm_rc hm_audit_metadata_missing(struct hm_audit *audit, struct hm_err *err);
/* The release log: tiles, checkpoint, records, and what it says of snapshots. */
HM_MUST_CHECK enum hm_rc hm_audit_log(struct hm_audit *audit, struct hm_err *err);

#endif
