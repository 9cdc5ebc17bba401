/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a monitor has followed a log, and what it saw there: kept so that a site which later
 * shows another past is told from one that grew.
 *
 * File "position.json": {"schema":"hallmark/position/1","checkpoint":NOTE,"checked":INDEX or
 * absent,"grown":TIME,"cosigned":TIME or absent}, replaced whole and flushed, after
 * the alarms were.
 */
#ifndef HM_MONITOR_POSITION_H
#define HM_MONITOR_POSITION_H

#include "base/dir.h"
#include "tlog/checkpoint.h"

#define HM_POSITION_FILE "position.json"
/* A note with each newline escaped, and room. */
#define HM_POSITION_SIZE_MAX ((size_t)2 * HM_NOTE_SIZE_MAX + 4096)

struct hm_position {
    struct hm_note *note;      /* the largest checkpoint that was followed; NULL: none */
    struct hm_checkpoint body; /* points into note */
    bool has_checked;
    uint64_t checked;        /* the last snapshot entry that, with all before, was checked */
    int64_t grown_unix_s;    /* when the log was first seen to be of this size */
    int64_t cosigned_unix_s; /* the newest cosignature that was seen; 0: none */
};

/* HM_EFORMAT. Signatures were verified when it was kept. */
HM_MUST_CHECK enum hm_rc hm_position_parse(struct hm_bytes raw, struct hm_err *err,
                                           struct hm_position *ret_position);
HM_MUST_CHECK enum hm_rc hm_position_write(const struct hm_position *position, struct hm_err *err,
                                           struct hm_buf *ret_json);
void hm_position_done(struct hm_position *position);
/* The file in dir; none: nothing was followed. HM_EFORMAT, naming the file. */
HM_MUST_CHECK enum hm_rc hm_position_read(const struct hm_dir *dir, struct hm_err *err,
                                          struct hm_position *ret_position);
HM_MUST_CHECK enum hm_rc hm_position_save(const struct hm_position *position,
                                          const struct hm_dir *dir, struct hm_err *err);
/* Takes a checkpoint that was followed: copies note. */
HM_MUST_CHECK enum hm_rc hm_position_advance(struct hm_position *position, struct hm_bytes note,
                                             int64_t now_unix_s, struct hm_err *err);

#endif
