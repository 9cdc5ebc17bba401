/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the site knows of its release log as of the newest snapshot (private/published/log.json):
 * how far the log goes with that snapshot's entry, and the map of releases there.
 *
 *   {"schema": "hallmark/site-log/1", "log": ORIGIN, "size": N, "map": HEX, "keys": N}
 *
 * The log's own records (private/log) say what is durable; this says what counts. Entries beyond
 * size were never listed by a snapshot: the next one names them void.
 */
#ifndef HM_SITE_LOG_MEMORY_H
#define HM_SITE_LOG_MEMORY_H

#include "site/site.h"
#include "tlog/log.h"

#define HM_LOG_MEMORY_NAME     "log" /* of the file in private/published, without ".json" */
#define HM_LOG_MEMORY_SIZE_MAX 4096
/* How far back a snapshot's entry is looked for where the memory is gone: junk behind it is what a
 * thief of the log's key left. */
#define HM_LOG_MEMORY_SEARCH_MAX 65536

struct hm_log_memory {
    char origin[HM_NOTE_KEY_NAME_SIZE_MAX + 1]; /* empty: no snapshot is in the log yet */
    uint64_t size;
    struct hm_sha256 map_root;
    uint64_t map_count;
};

/* Nothing was logged: an empty map. */
HM_MUST_CHECK enum hm_rc hm_log_memory_init(struct hm_err *err, struct hm_log_memory *ret_memory);
/* As hm_log_memory_init where there is no file. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_log_memory_load(const struct hm_site *site, struct hm_err *err,
                                            struct hm_log_memory *ret_memory);
HM_MUST_CHECK enum hm_rc hm_log_memory_write(const struct hm_log_memory *memory, struct hm_err *err,
                                             struct hm_buf *ret_raw);
/* Made again out of the log itself, of which snapshot (version, digest, length) is published:
 * HM_EREFUSED where no entry names it. */
HM_MUST_CHECK enum hm_rc hm_log_memory_recall(struct hm_log *log, const char *origin,
                                              uint64_t snapshot_version,
                                              const struct hm_sha256 *snapshot_sha256,
                                              struct hm_err *err, struct hm_log_memory *ret_memory);

#endif
