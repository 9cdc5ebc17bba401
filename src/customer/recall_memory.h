/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recalls that were ever seen of a site, sites/NAME/recalls.json: none is forgotten, whatever
 * the site serves later.
 *
 *   {"schema": "hallmark/recalls/1", "roles": {"recalls~vendor": VERSION...},
 *    "recalls": [{"path": TEXT, "date": TIME, "digests": [HEX...], "reason": TEXT, "remedy":
 * TEXT}...]}
 */
#ifndef HM_CUSTOMER_RECALL_MEMORY_H
#define HM_CUSTOMER_RECALL_MEMORY_H

#include "base/dir.h"
#include "trust/recall.h"

#define HM_RECALL_MEMORY_SIZE_MAX       268435456 /* all that a set may hold, at 32 KiB each */
#define HM_RECALL_MEMORY_ROLE_COUNT_MAX 65536     /* as delegations of targets */

/* The newest version of a role whose recalls are all here. */
struct hm_recall_memory_role {
    const char *name;
    int64_t version;
};

struct hm_recall_memory {
    struct hm_recalls recalls;
    struct hm_recall_memory_role *roles;
    size_t role_count, role_capacity;
    struct hm_arena arena; /* names of roles */
};

void hm_recall_memory_done(struct hm_recall_memory *memory);
/* Reads "recalls.json" in a site's folder; none yet is no failure. HM_EFORMAT: it is damaged, and
 * only a person may decide to forget. */
HM_MUST_CHECK enum hm_rc hm_recall_memory_read(const struct hm_dir *site_dir, struct hm_err *err,
                                               struct hm_recall_memory *ret_memory);
/* Adds what a verified role (recalls~vendor, recalls~ID) lists. As hm_recall_set_add_role. */
HM_MUST_CHECK enum hm_rc hm_recall_memory_take(struct hm_recall_memory *memory, const char *name,
                                               const struct hm_targets *role, const char *site,
                                               struct hm_err *err);
/* Writes it where it says more than the file does. Durable. */
HM_MUST_CHECK enum hm_rc hm_recall_memory_write(const struct hm_recall_memory *memory,
                                                const struct hm_dir *site_dir, struct hm_err *err);
/* The version of a role that was taken; 0: none. */
int64_t hm_recall_memory_version(const struct hm_recall_memory *memory, struct hm_bytes name);

#endif
